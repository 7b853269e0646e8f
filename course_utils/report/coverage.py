"""Which grade cell covers which item of the problem sheets, read from the notebooks themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.notebooks.files import notebooks_in

__all__ = ["page"]

# Titles of the sheets by the letters with which the names of their items begin.
TITLES = "sheets.json"


def page(source: Path) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    source : pathlib.Path
        The folder ``source/``; its ``sheets.json`` says how the sheets are called.

    Raises
    ------
    CourseError
        If ``sheets.json`` is damaged.
    """
    titles = _read_titles(source)
    items: dict[str, list[tuple[str, str, float, str]]] = {}
    points: dict[str, list[float]] = {}
    for path in notebooks_in(source, "*/*.ipynb"):
        notebook = str(path.relative_to(source).with_suffix(""))
        content = json.loads(path.read_text(encoding="utf-8"))
        if "sheet" in content.get("metadata", {}).get("course", {}):  # its cells are those of other notebooks
            continue
        for cell in content["cells"]:
            marks = cell["metadata"].get("nbgrader", {})
            if not marks.get("grade"):
                continue
            kind = "by hand" if marks.get("solution") else "automatic"
            sums = points.setdefault(notebook, [0.0, 0.0])
            sums[kind == "by hand"] += marks["points"]
            for item in cell["metadata"].get("course", {}).get("covers", []):
                items.setdefault(item, []).append((notebook, marks["grade_id"], marks["points"], kind))
    lines = [
        "# Coverage",
        "",
        "Which grade cell covers which item of the problem sheets that the course grew from. Written by",
        "`course release` from `metadata.course.covers` of the cells in `source/`; a test keeps it fresh.",
        "",
        "| notebook | automatic points | points by hand |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {auto:g} | {hand:g} |" for name, (auto, hand) in points.items()),
    ]
    sheets: dict[str, list[str]] = {}
    for item in sorted(items, key=_natural):
        sheets.setdefault(re.match(r"[^\W\d_]*", item)[0], []).append(item)
    for letters, ours in sorted(sheets.items(), key=lambda sheet: (not sheet[0], sheet)):
        heading = f"Sheet {letters}" if letters else "Items of no sheet"
        heading += f": {titles[letters]}" if letters in titles else ""
        lines += ["", f"## {heading}", "", "| item | notebook | cells (points) |", "| --- | --- | --- |"]
        for item in ours:
            names = dict.fromkeys(notebook for notebook, *_ in items[item])
            cells = [
                f"`{cell}` ({number:g}{', by hand' if kind == 'by hand' else ''})"
                for _, cell, number, kind in items[item]
            ]
            lines.append(f"| {item} | {', '.join(names)} | {', '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _read_titles(source: Path) -> dict[str, str]:
    path = source / TITLES
    if not path.is_file():
        return {}
    try:
        return {str(letters): str(title) for letters, title in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError) as error:
        raise CourseError(f'{path} must look like {{"A": "Title of sheet A"}}; mend it or delete it.') from error


def _natural(item: str) -> list[tuple[bool, int, str]]:
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.findall(r"\d+|\D+", item)]
