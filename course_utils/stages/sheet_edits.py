"""What an instructor changed in the notebooks of a problem sheet, kept when it is built again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks import authoring
from course_utils.notebooks import cells as kinds

__all__ = ["first_line", "text_hash", "with_edits"]


def with_edits(cells: list[dict[str, Any]], path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return newly built cells with what was edited in the notebook since it was built, and what to tell of it."""
    try:
        old = authoring.plain_cells(authoring.as_notebook(path.read_bytes()))
    except ValueError as reason:
        raise CourseError(f"source/{path.parent.name}/{path.name}: {reason} Delete it, or mend it.") from None
    told = []
    new = {_origin(cell): cell for cell in cells}
    own: dict[str, list[dict[str, Any]]] = {}
    last = ""
    seen: set[str] = set()
    for cell in old:
        origin = _origin(cell)
        edited = text_hash(cell["source"]) != _built(cell)
        if origin not in new or origin in seen:
            if edited or not origin:
                told.append(f"a cell of yours was kept: {first_line(cell)}" + _own_now(cell))
                own.setdefault(last, []).append(cell)
            continue
        last = origin
        seen.add(origin)
        if edited and cell["source"] != new[origin]["source"]:
            before, record = _built(cell), kinds.course(new[origin])["sheet"]
            also = (
                ""
                if record["built"] == before
                else f"; built anew it would begin {first_line(new[origin])}, and differ"
            )
            new[origin]["source"], record["built"] = cell["source"], before
            if cell.get("attachments"):
                new[origin]["attachments"] = cell["attachments"]
            told.append(f"your text of {first_line(cell)} was kept{also}")
        points = [each["metadata"].get("nbgrader", {}).get("points") for each in (cell, new[origin])]
        if points[0] != points[1]:
            told.append(f"{first_line(cell)} has the marks of the sheet, {points[1]}, and not {points[0]} any more")
    if [origin for origin in map(_origin, old) if origin in seen] != [o for o in map(_origin, cells) if o in seen]:
        told.append("cells stand in the order of the sheet again")
    merged = list(own.get("", []))
    for cell in cells:
        merged += [cell, *own.get(_origin(cell), [])]
    taken: set[str] = set()
    for cell in merged:
        if not cell.get("id") or cell["id"] in taken:
            cell["id"] = f"own-{text_hash(cell['source'])}"
        taken.add(cell["id"])
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return merged, told


def _record(cell: Mapping[str, Any]) -> dict[str, Any]:
    about = cell["metadata"].get("course")
    record = about.get("sheet") if isinstance(about, dict) else None
    return record if isinstance(record, dict) else {}


def _origin(cell: Mapping[str, Any]) -> str:
    """Return what a cell was built from; empty for a cell of the instructor's own."""
    return str(_record(cell).get("from", ""))


def _built(cell: Mapping[str, Any]) -> str:
    """Return the hash of the text with which a cell was built."""
    return str(_record(cell).get("built", ""))


def _own_now(cell: dict[str, Any]) -> str:
    """Make a built cell one of the instructor's own; return what to tell if it had marks."""
    if not _origin(cell):
        return ""
    marks = cell["metadata"].pop("nbgrader", None) or {}
    cell["metadata"].pop("course", None)
    return "; it is not graded any more" if marks.get("grade") or marks.get("task") else ""


def first_line(cell: Mapping[str, Any], most: int = 90) -> str:
    return "'" + cell["source"].strip().partition("\n")[0][:most] + "'"


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
