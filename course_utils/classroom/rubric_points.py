"""What a decision about an answer comes to: its points, and the comment that nbgrader keeps of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from course_utils.classroom.rubric_tables import Item, Reading

__all__ = ["Decision", "comment_text", "comments_used", "entered_as", "mark_seen", "points_of"]


@dataclass(frozen=True)
class Decision:
    """What a reader decides about one answer, or about several that are the same.

    Parameters
    ----------
    ticks : tuple of int
        Ids of rubric items.
    adjustment : float, points
        Added to what the ticks give.
    reason : str
        Why; needed where `adjustment` is not 0.
    comment : str
        For the student, in Markdown.
    """

    ticks: tuple[int, ...] = ()
    adjustment: float = 0.0
    reason: str = ""
    comment: str = ""


def points_of(decision: Decision | Reading, points: dict[int, float], max_points: float) -> float:
    """Return the points that a decision gives: its ticks and its adjustment, within 0 and what the cell is worth.

    Parameters
    ----------
    decision : Decision or Reading
    points : dict of int to float
        Of the question's items, by their ids.
    max_points : float

    Examples
    --------
    >>> points_of(Decision((1, 2), -0.25), {1: 1.0, 2: 0.5, 3: 2.0}, 2.0)
    1.25
    """
    total = sum(points.get(tick, 0.0) for tick in set(decision.ticks)) + decision.adjustment
    return round(min(max(total, 0.0), max_points), 6) + 0.0


def comment_text(items: Iterable[Item], ticks: Iterable[int], comment: str) -> str:
    """Return the comment that nbgrader keeps and shows: each line of the rubric, ticked or not, and the reader's words.

    Parameters
    ----------
    items : iterable of Item
        Of those that are no more used, only the ticked ones are in it.
    ticks : iterable of int
        Ids of the items that the answer has.
    comment : str
        Of the reader, in Markdown.
    """
    ticked, rows = set(ticks), list(items)
    lines = [f"- ☑ {_signed(item.points)}{item.text}" for item in rows if item.id in ticked]
    lines += [
        f"- ☐ {_signed(item.points)}{item.text}"
        for item in rows
        if item.id not in ticked and item.points > 0 and not item.retired
    ]
    return "\n".join([*lines, *(["", comment] if comment and lines else [comment] if comment else [])])


def _signed(points: float) -> str:
    return f"({points:+g}) " if points else ""


def entered_as(reading: Reading | None, items: Sequence[Item]) -> tuple[float | None, str | None]:
    """Return the mark and the comment that a decision was entered with in nbgrader's own tables.

    Parameters
    ----------
    reading : Reading or None
        None if nobody has decided.
    items : sequence of Item
        Of the question, also those that are no more used.
    """
    if reading is None:
        return None, None
    return reading.points, comment_text(items, reading.ticks, reading.comment) or None


def mark_seen(points: float | None, comment: str | None) -> str:
    """Return what a page keeps of a mark and a comment, to know whether they are others when it is saved."""
    return hashlib.sha256(json.dumps([points, comment]).encode("utf-8", "replace")).hexdigest()[:16]


def comments_used(readings: Iterable[Reading], limit: int = 12) -> list[str]:
    """Return the comments of some decisions, the most frequent first."""
    counts: dict[str, int] = {}
    for reading in readings:
        if reading.comment:
            counts[reading.comment] = counts.get(reading.comment, 0) + 1
    return sorted(counts, key=lambda text: (-counts[text], text))[:limit]
