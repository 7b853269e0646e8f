"""Which cells each question of a problem sheet consists of, and the marks of each."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks import authoring
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.excerpt import Notebook
from course_utils.notebooks.files import notebooks_in
from course_utils.notebooks.question_texts import number_text
from course_utils.stages.sheet_file import Question, Sheet, read_sheet

__all__ = ["EXACT", "Asked", "Plan", "Row", "course_metadata", "make_plan"]

# Marks are whole, else half, else quarter marks.
_UNITS = (1.0, 0.5, 0.25)
# Marks that differ by less are the same.
EXACT = 1e-9


@dataclass(frozen=True)
class Asked:
    """A question with its cells: position in the source notebook, and marks."""

    question: Question
    marks: float
    cells: dict[tuple[str, int], float]


@dataclass
class Plan:
    """A sheet with everything that was read for it."""

    sheet: Sheet
    sources: dict[str, Notebook]
    asked: dict[str, list[Asked]] = field(default_factory=dict)  # by notebook of the sheet


@dataclass(frozen=True)
class Row:
    """A question and the cells it consists of.

    Parameters
    ----------
    notebook : str
    question : str
        Its number.
    marks : float
    bonus : bool
    cells : tuple of (str, float)
        Grade_ids with marks, in the order of the notebook.
    """

    notebook: str
    question: str
    marks: float
    bonus: bool
    cells: tuple[tuple[str, float], ...]


def course_metadata(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the course noted about a notebook."""
    metadata = notebook.get("metadata")
    about = metadata.get("course") if isinstance(metadata, dict) else None
    return about if isinstance(about, dict) else {}


def make_plan(course: Path, name: str) -> Plan:
    sheet = read_sheet(course, name)
    plan = Plan(sheet, _sources(course, name))
    covering: dict[str, list[tuple[str, int]]] = {}
    for source, notebook in plan.sources.items():
        for index in range(len(notebook.cells)):
            if notebook.is_graded(index):
                for item in notebook.covers(index):
                    covering.setdefault(item, []).append((source, index))
    wanted: dict[str, list[tuple[str, int]]] = {}  # by the number of the question
    for question in (question for part in sheet.notebooks for question in part.questions):
        place = f"sheets/{name}.toml, question {question.number}"
        wanted[question.number] = []
        for item in question.items:
            if item not in covering:
                near = difflib.get_close_matches(item, covering, 1)
                hint = f" Do you mean '{near[0]}'?" if near else " docs/coverage.md lists all items."
                raise CourseError(f"{place}: no cell of source/ covers the item '{item}'.{hint}")
            wanted[question.number] += covering[item]
        wanted[question.number] += [_cell_named(cell, plan.sources, place) for cell in question.cells]
    owner = _owners(sheet, wanted, plan.sources)
    for part in sheet.notebooks:
        for question in part.questions:
            place = f"sheets/{name}.toml, question {question.number}"
            cells = [cell for cell in dict.fromkeys(wanted[question.number]) if owner[cell] == question.number]
            if not cells:
                others = ", ".join(sorted({owner[cell] for cell in wanted[question.number]}))
                raise CourseError(f"{place}: all its cells belong to question {others}; make one question of them.")
            plan.asked.setdefault(part.name, []).append(_asked(question, cells, plan, place))
    for what, promised in (("marks", sheet.marks), ("bonus", sheet.bonus)):
        parts = [(a.question.number, a.marks) for asked in plan.asked.values() for a in asked
                 if a.question.bonus == (what == "bonus")]  # fmt: skip
        total = sum(marks for _, marks in parts)
        if abs(total - promised) > EXACT:
            listed = " + ".join(f"{number_text(marks)} ({number})" for number, marks in parts) or "none"
            raise CourseError(
                f"sheets/{name}.toml: {what} = {number_text(promised)}, but the questions add up to "
                f"{number_text(total)}: {listed}."
            )
    return plan


def _owners(
    sheet: Sheet, wanted: Mapping[str, list[tuple[str, int]]], sources: Mapping[str, Notebook]
) -> dict[tuple[str, int], str]:
    """Return the question of each cell: the one that names it, else the one that asks for the first item it covers."""
    owner: dict[tuple[str, int], str] = {}
    rank: dict[tuple[str, int], int] = {}
    for question in (question for part in sheet.notebooks for question in part.questions):
        for source, index in wanted[question.number]:
            cell = sources[source].cells[index]
            covers = sources[source].covers(index)
            named_here = f"{source}:{kinds.name(cell, index)}" in question.cells
            mine = -1 if named_here else min(covers.index(item) for item in question.items if item in covers)
            if mine < rank.get((source, index), len(covers) + 1):
                owner[source, index], rank[source, index] = question.number, mine
    return owner


def _sources(course: Path, name: str) -> dict[str, Notebook]:
    found = {}
    for path in notebooks_in(course / "source", "*/*.ipynb"):
        if path.parent.name == name:
            continue
        try:
            content = authoring.as_notebook(path.read_bytes())
        except ValueError as reason:
            raise CourseError(f"source/{path.parent.name}/{path.name}: {reason}") from None
        if "sheet" not in course_metadata(content):  # else built itself
            source = f"{path.parent.name}/{path.stem}"
            found[source] = Notebook(source, authoring.plain_cells(content))
    return found


def _cell_named(name: str, sources: Mapping[str, Notebook], place: str) -> tuple[str, int]:
    source, _, grade_id = name.partition(":")
    if source not in sources:
        near = difflib.get_close_matches(source, sources, 1)
        hint = f" Do you mean '{near[0]}'?" if near else ""
        raise CourseError(
            f"{place}: there is no notebook '{source}' in source/; write assignment/notebook:grade_id.{hint}"
        )
    notebook = sources[source]
    graded = {kinds.name(cell, n): n for n, cell in enumerate(notebook.cells) if notebook.is_graded(n)}
    if grade_id not in graded:
        near = difflib.get_close_matches(grade_id, graded, 1)
        hint = f" Do you mean '{near[0]}'?" if near else f" There are: {', '.join(graded)}."
        raise CourseError(f"{place}: {source} has no grade cell '{grade_id}'.{hint}")
    return source, graded[grade_id]


def _asked(question: Question, cells: list[tuple[str, int]], plan: Plan, place: str) -> Asked:
    points = {cell: plan.sources[cell[0]].points(cell[1]) for cell in cells}
    marks = sum(points.values()) if question.marks is None else question.marks
    counting = points
    if question.on_paper:
        counting = {cell: number for cell, number in points.items() if plan.sources[cell[0]].is_written(cell[1])}
        if not counting:
            raise CourseError(f'{place}: counts = "paper", but none of its cells is read by a person.')
    try:
        shares = counting if abs(marks - sum(counting.values())) <= EXACT else _shared_out(counting, marks)
        return Asked(question, marks, {cell: shares.get(cell, 0.0) for cell in points})
    except ValueError as reason:
        raise CourseError(f"{place}: {reason}") from None


def _in_pieces(exact: Mapping[tuple[str, int], float], pieces: int) -> dict[tuple[str, int], int]:
    """Return whole numbers of at least 1 that add up to `pieces`, near the exact ones."""
    shares = {cell: max(1, math.floor(value)) for cell, value in exact.items()}
    order = sorted(exact, key=lambda cell: exact[cell] - shares[cell], reverse=True)
    while (missing := pieces - sum(shares.values())) > 0:
        for cell in order[:missing]:
            shares[cell] += 1
    while sum(shares.values()) > pieces:  # cells that got one for nothing take it from the largest
        larger = [cell for cell in shares if shares[cell] > 1]
        shares[max(larger, key=lambda cell: shares[cell] - exact[cell])] -= 1
    return shares


def _shared_out(points: Mapping[tuple[str, int], float], marks: float) -> dict[tuple[str, int], float]:
    """Share marks out in proportion to points, in whole marks, or halves, or quarters: each cell gets some."""
    weights = points if any(points.values()) else dict.fromkeys(points, 1.0)
    found: dict[tuple[str, int], float] = {}
    for unit in _UNITS:
        pieces = round(marks / unit)
        if abs(pieces * unit - marks) > EXACT or pieces < len(points):
            continue
        exact = {cell: number / sum(weights.values()) * pieces for cell, number in weights.items()}
        shares = _in_pieces(exact, pieces)
        found = {cell: count * unit for cell, count in shares.items()}
        if all(abs(count - exact[cell]) <= exact[cell] / 3 for cell, count in shares.items()):
            break  # coarse, and yet in proportion
    if found:
        return found
    fewest = number_text(len(points) * _UNITS[-1])
    raise ValueError(
        f"marks = {number_text(marks)} can't be shared out among {len(points)} cells, each of at least a quarter "
        f"({fewest} in all), in whole, half or quarter marks."
    )
