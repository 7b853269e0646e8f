"""What every cell of a class has at this moment, in one question to the gradebook: to be compared with a later one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from nbgrader.api import Assignment, BaseCell, Grade, Notebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import select

from course_utils.classroom.by_hand import to_read_again, waits
from course_utils.classroom.config import load_config
from course_utils.classroom.folder import coursedir, open_gradebook

__all__ = ["Standing", "standings"]


@dataclass(frozen=True)
class Standing:
    """A cell's mark.

    Parameters
    ----------
    points : float or None
        None if a person has still to give them.
    of : float
        What the cell is worth.
    by_hand : bool
        Whether a person gave the mark.
    """

    points: float | None
    of: float
    by_hand: bool


def standings(course: Path, assignment: str) -> dict[str, dict[tuple[str, str], Standing]]:
    """Return the marks of an assignment before lateness, by student, then by notebook and grade_id.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    """
    config = load_config(course)
    folders = coursedir(course, config)
    query = (
        select(
            SubmittedAssignment.student_id, Notebook.name, BaseCell.name, Grade.max_score, Grade.manual_score,
            Grade.auto_score, Grade.needs_manual_grade, Grade.score,
        )
        .select_from(Grade)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .join(BaseCell, Grade.cell_id == BaseCell.id)
        .where(Assignment.name == assignment)
    )  # fmt: skip
    with open_gradebook(course, config) as gradebook:
        rows = gradebook.db.execute(query).all()
    found: dict[str, dict[tuple[str, str], Standing]] = {}
    changed = {}
    for student, notebook, cell, worth, manual, auto, flag, score in rows:
        if student not in changed:
            graded = folders.format_path(folders.autograded_directory, student, assignment)
            changed[student] = to_read_again(Path(graded))
        grade = SimpleNamespace(
            name=cell, notebook=SimpleNamespace(name=notebook), max_score=worth, manual_score=manual, auto_score=auto,
            needs_manual_grade=flag,
        )  # fmt: skip
        points = None if waits(grade, changed[student]) else (score or 0.0) + 0.0
        found.setdefault(student, {})[notebook, cell] = Standing(points, worth or 0.0, manual is not None)
    return found
