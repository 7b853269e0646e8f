"""The marks of one submission out of the gradebook, fetched at once.

nbgrader's objects ask the database for each cell's name and for each cell's points; a class of a hundred is then some
ten thousand questions at each command.
"""

from __future__ import annotations

from nbgrader.api import Comment, Grade, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import select
from sqlalchemy.orm import joinedload, object_session, selectinload, undefer

__all__ = ["fetch_grades"]


def fetch_grades(submission: SubmittedAssignment) -> None:
    """Read notebooks, grades and comments of a submission, in a handful of questions to the database.

    What `commit` has let go of is read again. The objects are kept for as long as the submission is.

    Parameters
    ----------
    submission : nbgrader.api.SubmittedAssignment
        Of a gradebook that is open.
    """
    notebooks = selectinload(SubmittedAssignment.notebooks)
    everything = (
        notebooks.joinedload(SubmittedNotebook.notebook),
        notebooks.selectinload(SubmittedNotebook.grades).options(undefer(Grade.max_score), joinedload(Grade.cell)),
        notebooks.selectinload(SubmittedNotebook.comments).joinedload(Comment.cell),
    )
    query = select(SubmittedAssignment).where(SubmittedAssignment.id == submission.id).options(*everything)
    object_session(submission).scalars(query).one()
