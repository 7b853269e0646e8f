"""Grading: a sandbox for the student's kernel, a bridge that only values cross, repair, and nbgrader plugins."""
