"""Helpers that the notebooks of the course import, and the machinery that grades them.

Notebooks import the modules at this level (`checks`, `plotting`, ...). The subpackages `grading`, `olat` and
`report` are for instructors; nothing at this level imports them.
"""

__version__ = "0.1.0"
