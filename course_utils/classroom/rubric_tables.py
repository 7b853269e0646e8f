"""The tables of what persons tick in rubrics, beside nbgrader's own in its database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Float, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = ["Base", "Event", "Item", "Question", "Reading"]


class Base(DeclarativeBase):
    pass


@dataclass(frozen=True, order=True)
class Question:
    """A cell that a person reads.

    Parameters
    ----------
    assignment, notebook, cell : str
        `cell` is its grade_id.
    """

    assignment: str
    notebook: str
    cell: str


class Item(Base):
    """A line of a question's rubric; `points` may be negative, or 0 for a comment."""

    __tablename__ = "course_rubric_item"
    # Two desks that start at once take the source's lines over once.
    __table_args__ = (UniqueConstraint("assignment", "notebook", "cell", "source_key"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    assignment: Mapped[str] = mapped_column(String(255), index=True)
    notebook: Mapped[str] = mapped_column(String(255))
    cell: Mapped[str] = mapped_column(String(255))
    place: Mapped[int] = mapped_column(Integer)
    points: Mapped[float] = mapped_column(Float)
    text: Mapped[str] = mapped_column(Text)
    # What the source said when it was last taken over; None for a line that was written while reading.
    source: Mapped[str | None] = mapped_column(Text, nullable=True)
    source_points: Mapped[float | None] = mapped_column(Float, nullable=True)
    source_key: Mapped[str | None] = mapped_column(String(80), nullable=True)
    # Not in the rubric any more; `taken_out` if a person said so, else because the source has it no more.
    retired: Mapped[bool] = mapped_column(default=False)
    taken_out: Mapped[bool] = mapped_column(default=False)


class Reading(Base):
    """What one reader decided about one answer; the first reader's (`turn` 1) is the mark, a second one's is not."""

    __tablename__ = "course_rubric_reading"
    __table_args__ = (UniqueConstraint("assignment", "notebook", "cell", "student", "turn"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    assignment: Mapped[str] = mapped_column(String(255), index=True)
    notebook: Mapped[str] = mapped_column(String(255))
    cell: Mapped[str] = mapped_column(String(255))
    student: Mapped[str] = mapped_column(String(255))
    turn: Mapped[int] = mapped_column(Integer, default=1)
    ticks: Mapped[list[int]] = mapped_column(JSON, default=list)
    adjustment: Mapped[float] = mapped_column(Float, default=0.0)
    reason: Mapped[str] = mapped_column(Text, default="")
    comment: Mapped[str] = mapped_column(Text, default="")
    points: Mapped[float] = mapped_column(Float, default=0.0)
    # Of the answer that was read, to know when another one lies there.
    answer: Mapped[str] = mapped_column(String(64), default="")
    reader: Mapped[str] = mapped_column(String(255))
    at: Mapped[str] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(Integer, default=1)


class Event(Base):
    """Who did what, when: what was there before, and after. Events are only added."""

    __tablename__ = "course_rubric_event"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[str] = mapped_column(String(40))
    reader: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(20))
    assignment: Mapped[str] = mapped_column(String(255), index=True)
    notebook: Mapped[str] = mapped_column(String(255))
    cell: Mapped[str] = mapped_column(String(255))
    turn: Mapped[int] = mapped_column(Integer, default=1)
    students: Mapped[list[str]] = mapped_column(JSON, default=list)
    # By student: what `Reading` and the gradebook held; for a rubric item under its id.
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    undone: Mapped[bool] = mapped_column(default=False)
