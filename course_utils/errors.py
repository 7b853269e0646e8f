"""The exceptions that somebody is meant to read: one root, so that one place can show them all."""

from __future__ import annotations

__all__ = ["CheckFailed", "CourseError", "NotGradable"]


class CourseError(Exception):
    """Something that a person can mend; the text says what it is, where, and what to do.

    The `course` command shows the text alone and ends with exit code 1. Every other exception is a mistake of the
    course itself, and keeps its traceback.
    """


class NotGradable(CourseError, RuntimeError):
    """Something of the course's own is missing, so that no answer can be judged."""


class CheckFailed(CourseError, AssertionError):
    """A check did not pass; the text says what was expected and points to the idea.

    Jupyter shows the message and nothing else: IPython calls `_render_traceback_` instead of printing
    where in the test the exception was raised.
    """

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()
