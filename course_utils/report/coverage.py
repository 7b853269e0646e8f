"""Which grade cell covers which item of the problem sheets, read from the notebooks themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path

__all__ = ["page"]

_SHEETS = {
    "A": "Exercise sheet on convolutions and loss functions",
    "B": "Homework on convolutional networks",
    "C": "Homework on convolutional networks and training",
    "D": "Exercise series on properties of convolutional layers",
    "E": "Practical work on neural networks and CIFAR-10",
}


def page(source: Path) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    source : pathlib.Path
        The folder ``source/``.
    """
    items: dict[str, list[tuple[str, str, float, str]]] = {}
    points: dict[str, list[float]] = {}
    for path in sorted(source.glob("*/*.ipynb")):
        notebook = str(path.relative_to(source).with_suffix(""))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
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
        "Which grade cell covers which item of the five problem sheets that the course grew from. Written by",
        "`course release` from `metadata.course.covers` of the cells in `source/`; a test keeps it fresh.",
        "",
        "| notebook | automatic points | points by hand |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {auto:g} | {hand:g} |" for name, (auto, hand) in points.items()),
    ]
    for letter, title in _SHEETS.items():
        ours = sorted((item for item in items if item.startswith(letter)), key=_natural)
        if ours:
            head = ["| item | notebook | cells (points) |", "| --- | --- | --- |"]
            lines += ["", f"## Sheet {letter}: {title}", "", *head]
        for item in ours:
            names = dict.fromkeys(notebook for notebook, *_ in items[item])
            cells = [
                f"`{cell}` ({number:g}{', by hand' if kind == 'by hand' else ''})"
                for _, cell, number, kind in items[item]
            ]
            lines.append(f"| {item} | {', '.join(names)} | {', '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _natural(item: str) -> list[tuple[bool, int, str]]:
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.findall(r"\d+|\D+", item)]
