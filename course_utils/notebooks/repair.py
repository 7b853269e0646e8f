"""Put a submitted notebook right: the course's notebook is the skeleton, the student's answers are laid into it.

Tests and texts always come from the course; answers are taken from wherever they stand (`finding`). What the student
added stays where it was. Everything that had to be put right is told in a list of sentences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import nbformat
from nbformat.notebooknode import NotebookNode

from course_utils.notebooks import names
from course_utils.notebooks.finding import Answer, Finder, StudentCell, added, is_answer, released
from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.reading import LARGEST_NOTEBOOK
from course_utils.notebooks.skeleton import imports_of
from course_utils.notebooks.texts import one_line, released_text
from course_utils.notebooks.versions import python_of

__all__ = ["Repaired", "repair"]

# Characters and cells that are shown beside an answer that was not found for sure.
_LONGEST_QUOTE, _MOST_QUOTES = 20_000, 12
# Cells that are told one by one.
_MOST_NAMED = 3


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
    cells = [nbformat.from_dict(json.loads(json.dumps(original))) for original in course.cells]
    for cell in cells:
        cell.metadata.setdefault("course", {})["origin"] = "course"
    if submitted is not None:
        theirs = [cell for at, content in enumerate(submitted.cells) if (cell := StudentCell.read(at, content))]
        _shorten(theirs, (limits or FileLimits()).cell, repairs)
        cells = _laid_in(cells, Finder(course.cells, theirs), repairs)
    notebook = nbformat.from_dict({**course, "cells": cells})
    if unreadable:
        repairs.append(f"The notebook could not be read: {unreadable}.")
    notebook.metadata["course"] = {"imports": imports_of(course), "repairs": repairs, "unreadable": unreadable}
    if submitted is not None and (python := submitted.metadata.get("course", {}).get("python")):
        notebook.metadata["course"]["python"] = python_of({"language_info": {"version": python}})
    _unique_ids(notebook)
    return Repaired(notebook, repairs)


def _shorten(theirs: list[StudentCell], most: int, repairs: list[str]) -> None:
    total = 0
    for cell in theirs:
        cell.most = most
        total += len(cell.source) if len(cell.source) <= most else 0
        if total > LARGEST_NOTEBOOK:
            cell.source = ""
    if total > LARGEST_NOTEBOOK:
        repairs.append(
            f"The cells have {total:,} characters; what follows the first {LARGEST_NOTEBOOK:,} was left empty."
        )


def _laid_in(cells: list[NotebookNode], finder: Finder, repairs: list[str]) -> list[NotebookNode]:
    """Return the course's cells with the student's answers, and the student's own cells between them."""
    changed = {at: theirs for at, theirs in finder.found.items() if _is_changed(finder.course[at], theirs)}
    finder.gather(part for at, theirs in changed.items() for part in added(finder.course[at], theirs))
    answers = finder.answers()
    for at, cell in enumerate(cells):
        theirs, name = finder.found.get(at), cell.metadata.get("nbgrader", {}).get("grade_id")
        if finder.copies.get(at, 0) > 1:
            which = "the last one with an answer counts" if is_answer(cell) else "the course's own was used"
            repairs.append(f"There were {finder.copies[at]} cells '{name}'; {which}.")
        if at in answers:
            _lay_in_found(cell, answers[at], theirs, repairs)
        elif theirs is not None and (name is None or (is_answer(cell) and not theirs.given)):
            _lay_in(cell, theirs, repairs)
        elif theirs is None and name is not None:
            what, how = ("Your answer cell", " empty") if is_answer(cell) else ("The course's cell", "")
            repairs.append(f"{what} '{name}' was missing; it was put back{how}.")
        if at in changed:
            kind = "test cell" if cell.metadata["nbgrader"].get("grade") else "text of the course"
            kept = any(extra.within == name for extra in finder.extras)
            more = ", and what you wrote there stands beside it" if kept else ""
            repairs.append(f"The {kind} '{name}' had been changed; the course's own was used{more}.")
    lost = sorted({*finder.recognised, *(at for at, answer in answers.items() if answer.in_place)})
    if len(lost) > _MOST_NAMED:
        repairs.append(f"{len(lost)} cells had lost their names (nbgrader's metadata); they were recognised.")
    else:
        named = (finder.course[at].metadata["nbgrader"]["grade_id"] for at in lost)
        repairs += [f"The cell '{name}' had lost its name (nbgrader's metadata); it was recognised." for name in named]
    order = [finder.found[at].position for at in sorted(finder.found) if finder.copies.get(at) == 1]
    if order != sorted(order):
        repairs.append("Cells of the course were in another order; they were put back into theirs.")
    known = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in finder.course}
    for extra in finder.extras:
        if extra.name is not None and extra.name not in known and not extra.given:
            repairs.append(
                f"A cell is named '{one_line(extra.name)}', which this notebook does not have; it earns nothing."
            )
    return _merge(cells, finder, repairs)


def _is_changed(cell: NotebookNode, theirs: StudentCell) -> bool:
    """Whether the student changed a cell that is not theirs to write; the course may have, since it was released."""
    if "nbgrader" not in cell.metadata or is_answer(cell):
        return False
    if theirs.given:
        return False
    if theirs.type != cell.cell_type:
        return True
    if theirs.is_like(cell):
        return False
    texts = released(cell), released_text(cell.source), cell.source
    return cell.cell_type != "code" or not any(names.same_code(theirs.source, text) for text in texts)


def _lay_in(cell: NotebookNode, theirs: StudentCell, repairs: list[str]) -> None:
    """Put the student's source into a cell of the course that is theirs to write."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    if name is None:
        if theirs.source != cell.source and theirs.type == cell.cell_type:
            cell.source = _short(theirs, "A cell", cell.cell_type, repairs)
            cell.metadata["course"]["origin"] = "student"
            # What only showed something may by now hold a function that answers need.
            cell.metadata["course"].pop("grading", None)
        return
    if theirs.type != cell.cell_type:
        repairs.append(f"Your answer cell '{name}' had become a {one_line(theirs.type)} cell; it was turned back.")
    cell.source = _short(theirs, f"The cell '{name}'", cell.cell_type, repairs)
    if cell.cell_type == "markdown" and theirs.pictures:
        cell["attachments"] = theirs.pictures


def _lay_in_found(cell: NotebookNode, answer: Answer, own: StudentCell | None, repairs: list[str]) -> None:
    """Put what was found of an answer into its cell; what is not sure is shown to whoever grades it."""
    name = cell.metadata["nbgrader"]["grade_id"]
    if answer.elsewhere:
        where = _called(answer.elsewhere)
        repairs.append(f"Your answer '{name}' stands in {where}; it counts from there.")
        cell.source = answer.cells[0].source if answer.cells else f"# Your answer stands in {where}."
        return
    if answer.sure:
        (theirs,) = answer.cells
        where = f"in the cell '{theirs.within}'" if theirs.within else "in another cell"
        if not answer.in_place:
            repairs.append(f"Your answer '{name}' stood {where}; it was taken from there.")
        cell.source = _short(theirs, f"The cell '{name}'", cell.cell_type, repairs)
        if cell.cell_type == "markdown" and theirs.pictures:
            cell["attachments"] = theirs.pictures
        return
    state = "was missing" if own is None else "has no answer in it"
    repairs.append(f"The cell '{name}' {state}; what you wrote near it is shown there, for a person to read.")
    _quote(cell, answer.cells[:_MOST_QUOTES])


def _called(cell: str) -> str:
    return cell if " " in cell else f"the cell '{cell}'"


def _quote(cell: NotebookNode, near: Sequence[StudentCell]) -> None:
    """Show in an answer's cell what stands near it: by that it differs from what was released, and waits."""
    texts, pictures = [], {}
    for number, theirs in enumerate(near, 1):
        text = theirs.source[: _LONGEST_QUOTE // len(near)]
        if theirs.type == "code":
            fence = "`" * (3 + max(map(len, re.findall("`+", text)), default=0))
            text = f"{fence}python\n{text}\n{fence}"
        for picture, forms in theirs.pictures.items():
            pictures[f"{number}-{picture}"] = forms
            text = text.replace(f"attachment:{picture}", f"attachment:{number}-{picture}")
        texts.append(text)
    shown = "\n\n".join(["**No answer stands in this cell. Near it stands:**", *texts])
    if cell.cell_type == "code":
        shown = "\n".join(f"# {line}".rstrip() for line in shown.split("\n"))
    cell.source = f"{cell.source}\n\n{shown}"
    if cell.cell_type == "markdown" and pictures:
        cell["attachments"] = pictures


def _short(cell: StudentCell, what: str, kind: str, repairs: list[str]) -> str:
    size = len(cell.source)
    if size <= cell.most:
        return cell.source
    repairs.append(f"{what} has {size:,} characters; at most {cell.most:,} are read, so it was left empty.")
    text = "This cell was too long to be read."
    return f"raise NotImplementedError('{text}')" if kind == "code" else text


def _merge(cells: list[NotebookNode], finder: Finder, repairs: list[str]) -> list[NotebookNode]:
    """Put each cell of the student's own behind the cell of the course that it followed in the submission."""
    place = {theirs.position: at for at, theirs in finder.found.items()}
    after: dict[int, list[NotebookNode]] = {}
    for extra in finder.extras:
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
