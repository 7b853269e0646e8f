"""Put a submitted notebook right: the course's notebook is the skeleton, the student's answers are laid into it.

Solution cells are taken by grade_id. Tests and texts always come from the course. What the student added stays where
it was. Everything that had to be put right is told in a list of sentences.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.reading import LARGEST_NOTEBOOK
from course_utils.notebooks.skeleton import imports_of
from course_utils.notebooks.texts import one_line

__all__ = ["Repaired", "repair"]


@dataclass
class Repaired:
    """A notebook that can be graded.

    Parameters
    ----------
    notebook : NotebookNode
        The course's cells with the student's answers, and the student's own cells.
    repairs : list of str
        What was put right, one sentence each.
    """

    notebook: NotebookNode
    repairs: list[str] = field(default_factory=list)


def repair(
    submitted: NotebookNode | None, course: NotebookNode, unreadable: str = "", limits: FileLimits | None = None
) -> Repaired:
    """Lay a student's answers into the course's notebook.

    Parameters
    ----------
    submitted : NotebookNode or None
        As `read_notebook` gives it; None for a notebook that is missing or can't be read.
    course : NotebookNode
        As `skeleton` gives it.
    unreadable : str
        Why there is no notebook to lay in, if so; it is noted in the result.
    limits : FileLimits, optional
        How long a cell may be.

    Returns
    -------
    Repaired
    """
    repairs: list[str] = []
    theirs = [cell for cell in map(_Cell.read, submitted.cells if submitted is not None else []) if cell]
    total = 0
    for cell in theirs:
        cell.most = (limits or FileLimits()).cell
        total += len(cell.source) if len(cell.source) <= cell.most else 0
        if total > LARGEST_NOTEBOOK:
            cell.source = ""
    if total > LARGEST_NOTEBOOK:
        repairs.append(
            f"The cells have {total:,} characters; what follows the first {LARGEST_NOTEBOOK:,} was left empty."
        )
    by_name: dict[str, list[_Cell]] = {}
    for cell in theirs:
        if cell.name is not None:
            by_name.setdefault(cell.name, []).append(cell)
    unnamed = [cell for cell in theirs if cell.name is None]
    by_id = {cell.id: cell for cell in unnamed if cell.id}

    cells: list[NotebookNode] = []
    taken: set[int] = set()
    order: list[int] = []
    place: dict[int, int] = {}  # position in the submission -> position among the course's cells
    for position, original in enumerate(course.cells):
        cell = nbformat.from_dict(json.loads(json.dumps(original)))
        cell.metadata.setdefault("course", {})["origin"] = "course"
        marks = cell.metadata.get("nbgrader", {})
        name = marks.get("grade_id")
        if submitted is not None:
            if name is None:
                # Old formats and some editors drop the ids of cells; what was not edited is known by its text.
                same = (c for c in unnamed if c.position not in taken and c.is_like(cell))
                chosen = by_id.get(cell.get("id")) or next(same, None)
            else:
                chosen = _choose(name, by_name.get(name, []), cell, bool(marks.get("solution")), repairs)
            if chosen is not None:
                taken.add(chosen.position)
                place[chosen.position] = position
                if name is not None and len(by_name[name]) == 1:
                    order.append(chosen.position)
                _lay_in(cell, chosen, repairs)
        cells.append(cell)
    if order != sorted(order):
        repairs.append("Cells of the course were in another order; they were put back into theirs.")

    named = {cell.metadata["nbgrader"]["grade_id"]: cell for cell in course.cells if "nbgrader" in cell.metadata}
    extras = []
    for cell in theirs:
        if cell.position in taken or (cell.name in named and cell.is_like(named[cell.name])):
            continue  # an untouched copy, run after the answer, would take the answer's place
        if cell.name is not None and cell.name not in named:
            repairs.append(
                f"A cell claims to be '{one_line(cell.name)}', which this notebook does not have; it earns nothing."
            )
        extras.append(cell)
    notebook = nbformat.from_dict({**course, "cells": _merge(cells, extras, place, repairs)})
    if unreadable:
        repairs.append(f"The notebook could not be read: {unreadable}.")
    notebook.metadata["course"] = {"imports": imports_of(course), "repairs": repairs, "unreadable": unreadable}
    _unique_ids(notebook)
    return Repaired(notebook, repairs)


@dataclass
class _Cell:
    """A student's cell, reduced to what is used of it."""

    position: int
    type: str
    source: str
    name: str | None
    id: str | None
    pictures: dict[str, dict[str, str]]
    most: int = FileLimits.cell

    _counter = 0

    @classmethod
    def read(cls, cell: Any) -> _Cell | None:
        if not isinstance(cell, dict):
            return None
        source = cell.get("source", "")
        metadata = cell.get("metadata")
        marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        name = marks.get("grade_id") if isinstance(marks, dict) else None
        identity = cell.get("id")
        cls._counter += 1
        return cls(
            cls._counter,
            str(cell.get("cell_type")),
            source if isinstance(source, str) else "",
            name if isinstance(name, str) else None,
            identity if isinstance(identity, str) else None,
            cell.get("attachments", {}),
        )

    def is_like(self, cell: NotebookNode) -> bool:
        """Whether it is a copy of a cell of the course."""
        return self.type == cell.cell_type and self.source.strip() == cell.source.strip()


def _choose(name: str, candidates: list[_Cell], cell: NotebookNode, solution: bool, repairs: list[str]) -> _Cell | None:
    if not candidates:
        what = "Your answer cell" if solution else "The course's cell"
        repairs.append(f"{what} '{name}' was missing; it was put back{' empty' if solution else ''}.")
        return None
    if len(candidates) > 1:
        which = "the last one with an answer counts" if solution else "the course's own was used"
        repairs.append(f"There were {len(candidates)} cells '{name}'; {which}.")
    # In a notebook that runs from top to bottom the last definition is the one that holds.
    answered = [c for c in candidates if c.source.strip() not in ("", cell.source.strip())]
    return (answered or candidates)[-1] if solution else candidates[-1]


def _lay_in(cell: NotebookNode, chosen: _Cell, repairs: list[str]) -> None:
    """Put the student's source into a cell of the course, where the cell is theirs to write."""
    marks = cell.metadata.get("nbgrader", {})
    name = marks.get("grade_id")
    if name is None:
        if chosen.source != cell.source and chosen.type == cell.cell_type:
            cell.source = _short(chosen, "A cell", cell.cell_type, repairs)
            cell.metadata["course"]["origin"] = "student"
            # What only showed something may by now hold a function that answers need.
            cell.metadata["course"].pop("grading", None)
    elif marks.get("solution"):
        if chosen.type != cell.cell_type:
            repairs.append(f"Your answer cell '{name}' had become a {one_line(chosen.type)} cell; it was turned back.")
        cell.source = _short(chosen, f"The cell '{name}'", cell.cell_type, repairs)
        if cell.cell_type == "markdown" and chosen.pictures:
            cell["attachments"] = chosen.pictures
    elif chosen.source.strip() not in (_released(cell).strip(), cell.source.strip()) or chosen.type != cell.cell_type:
        kind = "test cell" if marks.get("grade") else "text of the course"
        repairs.append(f"The {kind} '{name}' had been changed; the course's own was used.")


def _short(cell: _Cell, what: str, kind: str, repairs: list[str]) -> str:
    size = len(cell.source)
    if size <= cell.most:
        return cell.source
    repairs.append(f"{what} has {size:,} characters; at most {cell.most:,} are read, so it was left empty.")
    text = "This cell was too long to be read."
    return f"raise NotImplementedError('{text}')" if kind == "code" else text


def _released(cell: NotebookNode) -> str:
    """Return the source as the student received it: without hidden tests, and without the mark scheme of a task."""
    lines, hidden = [], False
    for line in cell.source.split("\n"):
        if "BEGIN HIDDEN TESTS" in line or "BEGIN MARK SCHEME" in line:
            hidden = True
        elif "END HIDDEN TESTS" in line or "END MARK SCHEME" in line:
            hidden = False
        elif not hidden:
            lines.append(line)
    return "\n".join(lines)


def _merge(
    cells: list[NotebookNode], extras: list[_Cell], place: dict[int, int], repairs: list[str]
) -> list[NotebookNode]:
    """Put each extra cell behind the cell of the course that it followed in the submission."""
    after: dict[int, list[NotebookNode]] = {}
    for extra in extras:
        if extra.type not in ("code", "markdown") or not extra.source.strip():
            continue
        earlier = [position for position in place if position < extra.position]
        anchor = place[max(earlier)] if earlier else -1
        make = nbformat.v4.new_code_cell if extra.type == "code" else nbformat.v4.new_markdown_cell
        source = _short(extra, "A cell", extra.type, repairs)
        cell = make(source, metadata={"course": {"origin": "student"}})
        if extra.type == "markdown" and extra.pictures:
            cell["attachments"] = extra.pictures
        after.setdefault(anchor, []).append(cell)
    merged = list(after.get(-1, ()))
    for position, cell in enumerate(cells):
        merged += [cell, *after.get(position, ())]
    return merged


def _unique_ids(notebook: NotebookNode) -> None:
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        if cell.get("id") in seen or not cell.get("id"):
            cell["id"] = f"cell-{number}"
        seen.add(cell["id"])
