"""Which cells wait for a person: the one answer for the table of autograde, the feedback pages and what is returned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbgrader.api import Grade

__all__ = ["MARKER", "read_marker", "to_read_again", "waits"]

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


def to_read_again(folder: Path) -> frozenset[tuple[str, str]]:
    """Return notebook and grade_id of the cells whose answer is another one than a person has marked.

    Parameters
    ----------
    folder : pathlib.Path
        ``autograded/<student>/<assignment>``.
    """
    found = read_marker(folder).get("changed")
    pairs = (pair for pair in (found if isinstance(found, list) else ()) if isinstance(pair, list) and len(pair) == 2)
    return frozenset((str(notebook), str(name)) for notebook, name in pairs)


def waits(grade: Grade, changed: frozenset[tuple[str, str]] = frozenset()) -> bool:
    """Whether a person has to read a cell: nobody has yet, or what was marked is another text.

    nbgrader's own flag is set again by every autograding, and is not cleared by marks that come through `nbgrader.api`.

    Parameters
    ----------
    grade : nbgrader.api.Grade
    changed : frozenset of (str, str)
        As `to_read_again` gives it.
    """
    if not grade.max_score:
        return False
    if grade.manual_score is None:
        return grade.auto_score is None
    return bool(grade.needs_manual_grade) and (grade.notebook.name, grade.name) in changed
