"""The ideas of a sheet that went worst, each with a cell of the course that shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from course_utils.notebooks.excerpt import HEADING, Notebook
from course_utils.notebooks.texts import one_line
from course_utils.report.graded import Cell
from course_utils.report.statistics import CellFigures, MessageGroup

__all__ = ["Idea", "weakest"]

_DRAWS = re.compile(r"\b(?:plot|show|draw|figure|imshow|widget|slider|interact)\w*\b", re.IGNORECASE)


@dataclass(frozen=True)
class Idea:
    """One idea that went badly.

    Parameters
    ----------
    exercise, key : str
        The exercise's title; notebook and grade_id of the cell.
    mean : float
        Share of the points.
    count, sentence : int, str
        The largest group of failures.
    show : str
        Which cell to open in the lecture.
    """

    exercise: str
    key: str
    mean: float
    count: int
    sentence: str
    show: str


def weakest(
    cells: Sequence[Cell],
    figures: Sequence[CellFigures],
    groups: Sequence[Sequence[MessageGroup]],
    sources: dict[str, Notebook],
    most: int = 5,
) -> list[Idea]:
    """Return the cells with the smallest share of their points, one for each task text.

    Parameters
    ----------
    cells, figures, groups : sequences
        Of the same length.
    sources : dict of str to Notebook
    most : int
    """
    order = [i for i, found in enumerate(figures) if found.mean is not None and found.mean < 1 - 1e-9]
    taken: set[tuple[str, int]] = set()
    ideas: list[Idea] = []
    for i in sorted(order, key=lambda i: (figures[i].mean, i)):
        cell, notebook = cells[i], sources.get(cells[i].notebook)
        place = _place(notebook, cell.name) if notebook else None
        text = (cell.notebook, _group(notebook, place) if place is not None else -1 - i)
        if text in taken or len(ideas) == most:
            continue
        taken.add(text)
        first = groups[i][0] if groups[i] else MessageGroup(0, "", 0)
        show = _to_show(notebook, place) if place is not None else "its notebook is gone from source/"
        key = f"{cell.notebook}, {cell.name}"
        ideas.append(Idea(cell.exercise, key, figures[i].mean, first.count, first.sentence, show))
    return ideas


def _place(notebook: Notebook, name: str) -> int | None:
    for index, cell in enumerate(notebook.cells):
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == name:
            return index
    return None


def _group(notebook: Notebook, place: int) -> int:
    """Return where the text begins that a cell belongs to."""
    for section in notebook.sections:
        for group in section.groups:
            if place in group.cells:
                return group.cells[0]
    return place


def _to_show(notebook: Notebook, place: int) -> str:
    """Return the cell to show: a figure of the exercise, or else an explanation, or the task's text."""
    sections = notebook.sections
    at = next((i for i, section in enumerate(sections) if place in section.cells), None)
    if at is None:
        return _called(notebook, place)
    own = sections[at].cells
    # A figure is near the task that it belongs to: behind it as a rule, where the answer is drawn.
    near = sorted((index for index in own if notebook.is_support(index)), key=lambda index: abs(index - place))
    figures = [index for index in near if _DRAWS.search(notebook.cells[index]["source"])]
    before = [index for section in sections[max(0, at - 1) : at] if not section.number for index in section.cells]
    explained = [
        index
        for index in reversed(before)
        if notebook.is_support(index) or notebook.cells[index]["cell_type"] == "markdown"
    ]
    chosen = next(iter([*figures, *explained, *near, _group(notebook, place)]))
    return _called(notebook, chosen)


def _called(notebook: Notebook, index: int) -> str:
    cell = notebook.cells[index]
    name, source = notebook.name.rpartition("/")[2], cell["source"]
    kind = "text" if cell["cell_type"] == "markdown" else "figure" if _DRAWS.search(source) else "code"
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    heading = HEADING.search(source) if kind == "text" else None
    first = heading[4] if heading else lines[0] if lines else ""
    if kind != "text":
        first = next((line for line in lines if line.startswith(("#", '"""'))), "").strip('#" ')
    label = cell["metadata"].get("nbgrader", {}).get("grade_id") or cell.get("id") or ""
    first = re.sub(r"\*\*|^#+ | \([^()]*\b(?:points?|minutes?)\b[^()]*\)", "", first)
    place = f"{name}.ipynb, cell {index + 1}{f' ({label})' if label else ''}, {kind}"
    return f"{place}: {one_line(first, 90)}" if first else place
