"""Which cells wait for a person: the one answer for the table of autograde, the feedback pages and what is returned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbgrader.api import Grade, SubmittedNotebook

__all__ = ["MARKER", "is_waiting", "points_that_count", "read_marker", "to_read_again", "waits"]

# What a graded submission's folder in `autograded/` knows about itself, as JSON.
MARKER = ".graded.json"


def read_marker(folder: Path) -> dict[str, Any]:
    """Return what stands in the marker of a graded submission; empty if there is none that can be read.

    Parameters
    ----------
    folder : pathlib.Path
        ``autograded/<student>/<assignment>``.
    """
    try:
        content = json.loads((Path(folder) / MARKER).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def to_read_again(folder: Path) -> frozenset[tuple[str, str]] | None:
    """Return notebook and grade_id of the cells whose answer is another one than a person has marked.

    None where nobody compared: `nbgrader autograde` keeps no marker.

    Parameters
    ----------
    folder : pathlib.Path
        ``autograded/<student>/<assignment>``.
    """
    marker = read_marker(folder)
    if not marker:
        return None
    found = marker.get("changed")
    pairs = (pair for pair in (found if isinstance(found, list) else ()) if isinstance(pair, list) and len(pair) == 2)
    return frozenset((str(notebook), str(name)) for notebook, name in pairs)


def waits(grade: Grade, changed: frozenset[tuple[str, str]] | None = frozenset()) -> bool:
    """Whether a person has to read a cell: nobody has yet, or what was marked is another text.

    nbgrader's own flag is set again by every autograding, and is not cleared by marks that come through `nbgrader.api`.
    It decides alone where nobody compared.

    Parameters
    ----------
    grade : nbgrader.api.Grade
    changed : frozenset of (str, str), optional
        As `to_read_again` gives it.
    """
    is_other = False
    if grade.max_score and grade.manual_score is not None and grade.needs_manual_grade:
        is_other = changed is None or (grade.notebook.name, grade.name) in changed
    return is_waiting(grade.max_score, grade.manual_score, grade.auto_score, is_other=is_other)


def is_waiting(max_score: float, manual: float | None, auto: float | None, *, is_other: bool) -> bool:
    """Whether a person has to read a cell, by what `waits` takes out of nbgrader's object.

    Parameters
    ----------
    max_score : float
    manual, auto : float or None
        What a person and what the tests gave.
    is_other : bool
        Whether nbgrader's flag is set, and what a person has marked is another text.
    """
    return bool(max_score) and (is_other if manual is not None else auto is None)


def points_that_count(notebook: SubmittedNotebook, changed: frozenset[tuple[str, str]] | None = frozenset()) -> float:
    """Return the points of a notebook without those of cells that wait for a person.

    Parameters
    ----------
    notebook : nbgrader.api.SubmittedNotebook
    changed : frozenset of (str, str), optional
        As `to_read_again` gives it.
    """
    return sum((grade.score or 0.0) for grade in notebook.grades if not waits(grade, changed)) + 0.0
