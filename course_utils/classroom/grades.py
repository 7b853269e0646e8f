"""The marks of one submission, or of one of its notebooks, out of the gradebook, fetched at once.

nbgrader's objects ask the database for each cell's name and for each cell's points; a class of a hundred is then some
ten thousand questions at each command.
"""

from __future__ import annotations

from nbgrader.api import Comment, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import select
from sqlalchemy.orm import Load, joinedload, object_session, selectinload, undefer

__all__ = ["fetch_grades", "fetch_notebook"]


def fetch_grades(submission: SubmittedAssignment) -> None:
    """Read notebooks, grades and comments of a submission, in a handful of questions to the database.

    What `commit` has let go of is read again. The objects are kept for as long as the submission is.

    Parameters
    ----------
    submission : nbgrader.api.SubmittedAssignment
        Of a gradebook that is open.
    """
    notebooks = selectinload(SubmittedAssignment.notebooks).options(*_of_a_notebook())
    query = select(SubmittedAssignment).where(SubmittedAssignment.id == submission.id).options(notebooks)
    object_session(submission).scalars(query).one()


def fetch_notebook(gradebook: Gradebook, notebook: str, assignment: str, student: str) -> SubmittedNotebook:
    """Return a notebook of a submission with its grades and comments, in a handful of questions to the database.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
    notebook, assignment, student : str

    Returns
    -------
    nbgrader.api.SubmittedNotebook

    Raises
    ------
    nbgrader.api.MissingEntry
        If the gradebook has no such notebook.
    """
    found = gradebook.find_submission_notebook(notebook, assignment, student)
    query = select(SubmittedNotebook).where(SubmittedNotebook.id == found.id).options(*_of_a_notebook())
    return gradebook.db.scalars(query).one()


def _of_a_notebook() -> tuple[Load, ...]:
    return (
        joinedload(SubmittedNotebook.notebook),
        selectinload(SubmittedNotebook.grades).options(undefer(Grade.max_score), joinedload(Grade.cell)),
        selectinload(SubmittedNotebook.comments).joinedload(Comment.cell),
    )
