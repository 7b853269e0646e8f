"""How tests reach the student's objects: values as data, everything else by handle."""
