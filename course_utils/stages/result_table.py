"""The table of grading: a row for everybody, which a run for one student adds to and never replaces."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from course_utils.classroom.config import CONFIG_FILE, load_config
from course_utils.classroom.marks import NOT_GRADED_YET
from course_utils.classroom.roster import read_roster
from course_utils.classroom.tables import write_csv
from course_utils.stages.autograde import SubmissionResult
from course_utils.stages.whereabouts import where_everybody_is

__all__ = ["COLUMNS", "by_hand", "keep_results"]

COLUMNS = (
    "student_id", "where", "submitted", "late_by", "points", "penalty", "mark", "max_points", "by_hand", "change",
    "needs_manual", "sandboxed", "graded", "problem", "notes",
)  # fmt: skip
_PLACE = ("where", "submitted", "late_by")
_OF_A_RUN = frozenset(COLUMNS) - {"student_id", *_PLACE}


def keep_results(
    course: Path, assignment: str, results: Iterable[SubmissionResult], now: datetime | None = None
) -> tuple[Path, list[dict[str, Any]]]:
    """Bring the table of an assignment up to date with the results of a run.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    results : iterable of SubmissionResult
    now : datetime.datetime, optional
        Time of the run, for tests.

    Returns
    -------
    path : pathlib.Path
        ``reports/<assignment>-autograde.csv``.
    rows : list of dict
        Those of this run, by the columns; `change` compares the mark with that of the run before.
    """
    course = Path(course)
    kept = course / "reports" / assignment / "graded.json"
    before = _read(kept)
    time = (now or datetime.now()).isoformat(sep=" ", timespec="seconds")
    fresh = {result.student_id: _row(result, before.get(result.student_id, {}), time) for result in results}
    rows = {**before, **fresh}
    if (course / CONFIG_FILE).exists():
        rows = _with_everybody(course, assignment, rows, fresh)
    kept.parent.mkdir(parents=True, exist_ok=True)
    new = kept.with_name(f".{kept.name}.new")
    new.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    new.replace(kept)
    path = course / "reports" / f"{assignment}-autograde.csv"
    write_csv(path, COLUMNS, ([row.get(column, "") for column in COLUMNS] for row in rows.values()))
    return path, list(fresh.values())


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return {who: row for who, row in content.items() if isinstance(row, dict)} if isinstance(content, dict) else {}


def _row(result: SubmissionResult, before: dict[str, Any], time: str) -> dict[str, Any]:
    row = {name: getattr(result, name) for name in COLUMNS if hasattr(result, name)}
    row |= {"by_hand": by_hand(result), "graded": time, "notes": " | ".join(result.notes)}
    row["change"] = _change(before.get("mark"), result.mark) if before.get("graded") else ""
    return row


def by_hand(result: SubmissionResult) -> str:
    """Return whether cells wait for a person, or a person has given points."""
    return "waiting" if result.needs_manual else "marked" if result.marked else ""


def _change(old: float | None, new: float | None) -> str:
    """Return how a mark changed, empty if it did not.

    Examples
    --------
    >>> _change(2.5, 4.0), _change(None, 4.0), _change(4.0, 4.0)
    ('2.5 → 4', 'none → 4', '')
    """
    if old == new or (old is not None and new is not None and abs(old - new) < 1e-9):
        return ""
    return " → ".join("none" if mark is None else f"{mark:g}" for mark in (old, new))


def _with_everybody(
    course: Path, assignment: str, rows: dict[str, dict[str, Any]], fresh: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Return the rows in the order of the roster, with one for whoever was not graded yet, and where work is now."""
    has_roster = any((course / name).exists() for name in ("roster.local.csv", "roster.csv"))
    roster = read_roster(course) if has_roster else None
    found, fresh = {}, list(fresh)
    for entry in where_everybody_is(course, assignment, load_config(course), roster):
        row = rows.get(entry.owner_id, {"student_id": entry.owner_id})
        if entry.owner_id not in fresh and str(row.get("submitted") or "") != str(entry.submitted or ""):
            # What was graded is another hand-in than the one of today.
            had_marks = bool(row.get("graded"))
            row = {name: value for name, value in row.items() if name not in _OF_A_RUN}
            row |= {"problem": NOT_GRADED_YET} if had_marks else {}
        found[entry.owner_id] = row | {name: getattr(entry, name) for name in _PLACE}
    return found | {who: rows[who] for who in fresh if who not in found}
