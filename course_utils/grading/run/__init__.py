"""Running one notebook: the student's cells in a kernel, tests in a process of their own."""
