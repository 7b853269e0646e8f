"""What goes back to any platform: a line for each person, and who gets nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from course_utils.classroom.roster import Student

__all__ = ["Line", "Return"]


@dataclass(frozen=True)
class Line:
    """One person in what goes back: the score line and the feedback pages."""

    student: Student
    identifier: str
    score: float
    max_score: float
    comment: str
    passed: bool | None = None
    pages: tuple[Path, ...] = ()
    owner_id: str = ""


@dataclass
class Return:
    """What `return_marks` wrote.

    Parameters
    ----------
    lines : list of Line
        What goes back.
    withheld : list of (str, str)
        Who gets nothing back, or less, and why.
    notes : list of str
        What concerns several of them.
    renewed : tuple of str
        Whose feedback pages were made again, since marks or comments had changed.
    scores, feedback, page : pathlib.Path
        The score lines, the zip (None for group tasks), and the page for the instructor.
    """

    assignment: str
    lines: list[Line] = field(default_factory=list)
    withheld: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    renewed: tuple[str, ...] = ()
    scores: Path | None = None
    feedback: Path | None = None
    page: Path | None = None
