"""nbgrader's own mark and comment of an answer that a person reads."""

from __future__ import annotations

from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import select

from course_utils.classroom.rubric_tables import Question
from course_utils.errors import CourseError

__all__ = ["Entry", "entries"]


class Entry:
    """The mark and the comment of one student, in a transaction that is open.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
    question : Question
    student : str

    Raises
    ------
    CourseError
        If the gradebook has none.
    """

    def __init__(self, gradebook: Gradebook, question: Question, student: str) -> None:
        names = question.cell, question.notebook, question.assignment, student
        try:
            self._grade, self._comment = gradebook.find_grade(*names), gradebook.find_comment(*names)
        except MissingEntry:
            raise CourseError(
                f"The gradebook has no mark of {student} for {question.cell}; run `course autograde` first."
            ) from None

    @property
    def max_points(self) -> float:
        """What the answer is worth."""
        return self._grade.max_score or 0.0

    @property
    def content(self) -> dict[str, Any]:
        """Mark, flag and comment as they are."""
        return {
            "manual_score": self._grade.manual_score,
            "needs_manual_grade": bool(self._grade.needs_manual_grade),
            "manual_comment": self._comment.manual_comment,
        }

    def enter(self, points: float | None, comment: str | None, *, waits: bool | None = None) -> None:
        """Write a mark and a comment; they go to the database with the transaction.

        Parameters
        ----------
        points : float or None
        comment : str or None
        waits : bool, optional
            nbgrader's flag; by default whether there is no mark at all.
        """
        nobody = points is None and self._grade.auto_score is None
        self._grade.manual_score, self._grade.needs_manual_grade = points, nobody if waits is None else waits
        self._comment.manual_comment = comment


def entries(gradebook: Gradebook, question: Question) -> dict[str, tuple[float | None, str | None]]:
    """Return the mark that a person gave, and the comment, of everybody's answer to a question.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
    question : Question
    """
    found: dict[type, dict[str, Any]] = {}
    for table, column in ((Grade, Grade.manual_score), (Comment, Comment.manual_comment)):
        query = (
            select(SubmittedAssignment.student_id, column)
            .join(table.cell).join(table.notebook).join(SubmittedNotebook.assignment)
            .join(SubmittedNotebook.notebook).join(Notebook.assignment)
            .where(Assignment.name == question.assignment, Notebook.name == question.notebook)
            .where(BaseCell.name == question.cell)
        )  # fmt: skip
        found[table] = dict(map(tuple, gradebook.db.execute(query)))
    return {student: (points, found[Comment].get(student)) for student, points in found[Grade].items()}
