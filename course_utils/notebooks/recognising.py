"""Telling which notebook of an assignment a file is, from the cells inside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config

from course_utils.errors import CourseError
from course_utils.notebooks.files import NotebookError, foreign_language, kernel_language, load_notebook, notebooks_in
from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.sealed_cells import as_released, without_seals
from course_utils.notebooks.texts import one_line, plain_lines, released_text
from course_utils.notebooks.versions import about_syntax, python_of, unparsed

__all__ = [
    "Catalogue",
    "NotebookError",
    "Recognised",
    "Template",
    "answers_of",
    "catalogue_of",
    "grade_ids",
    "parse_notebook",
    "prints_of",
    "read_catalogue",
    "stub_marks",
]

# Characters; shorter texts are in many notebooks.
_TELLING = 12


@dataclass(frozen=True, eq=False)
class Template:
    """What is known of one source notebook: ids of its cells, the text of its answers as released, and prints of the
    texts of its other cells.
    """

    assignment: str
    name: str
    grade_ids: frozenset[str]
    cell_ids: frozenset[str]
    answers: Mapping[str, str] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Recognised:
    """A notebook of the assignment, with what was noticed about it."""

    name: str
    notes: tuple[str, ...] = ()
    converted: str | None = None
    cells: tuple[tuple[str, str], ...] = ()


class OtherNotebook(NotebookError):
    """A file is a notebook, and can be read, but is none of the assignment."""


@dataclass(frozen=True)
class Catalogue:
    """The source notebooks of a course; `assignment` is the one that is collected.

    `marks` are lines of what stands in a release in place of the solutions; see `stub_marks`. `limits` are those of
    grading, so that what is collected can be graded.
    """

    assignment: str
    templates: tuple[Template, ...]
    marks: tuple[str, ...] = ()
    limits: FileLimits = field(default_factory=FileLimits)

    @property
    def names(self) -> tuple[str, ...]:
        """The notebooks of the assignment, without suffix."""
        return tuple(t.name for t in self.templates if t.assignment == self.assignment)

    def recognise(self, content: bytes) -> Recognised:
        """Say which notebook of the assignment a file is.

        Parameters
        ----------
        content : bytes
            The file.

        Returns
        -------
        Recognised

        Raises
        ------
        NotebookError
            If it is no notebook, or not one of this assignment.
        """
        try:
            return self.recognise_parsed(*parse_notebook(content, self.limits))
        except RecursionError as error:
            raise NotebookError("is nested too deeply to be a notebook") from error

    def recognise_parsed(
        self, notebook: Mapping[str, Any], notes: Iterable[str] = (), converted: str | None = None
    ) -> Recognised:
        """Say the same of what `parse_notebook` returned."""
        notes = list(notes)
        found = grade_ids(notebook)
        ids = frozenset(str(cell.get("id", "")) for cell in _cells(notebook)) - {""}
        best = self._best(found, "grade_ids")
        if not best:
            # Some editors drop the metadata of cells but keep their ids, a copy by hand has the texts only.
            by = {"ids": self._best(ids, "cell_ids"), "texts": self._best_by_texts(notebook)}
            how = next((how for how in by if len(by[how]) == 1), "")
            best = by.get(how, [])
            if best:
                notes.append(f"the grade_ids are gone; recognised by the {how} of its cells")
        if not best:
            raise OtherNotebook("has none of the cells of this course" if not found else "has cells of another course")
        # A sheet that was built from this notebook, or this one from another, has the same cells.
        best = [t for t in best if t.assignment == self.assignment] or best
        if len(best) > 1:
            raise OtherNotebook("could be " + " or ".join(f"{t.assignment}/{t.name}" for t in best))
        template = best[0]
        if template.assignment != self.assignment:
            raise OtherNotebook(f"is {template.assignment}/{template.name}, not part of {self.assignment}")
        missing = template.grade_ids - found if found & template.grade_ids else ()
        if missing:
            count = f"{len(missing)} of {len(template.grade_ids)} graded cells"
            notes.append(f"{count} are missing or without their names; grading looks for them in the cells around")
        python = python_of(notebook.get("metadata"))
        if sentence := about_syntax(python, _unparsed(notebook) if python else ()):
            notes.append(sentence)
        cells = tuple((_grade_id(cell) or "", source(cell)) for cell in _cells(notebook))
        return Recognised(template.name, tuple(notes), converted, cells)

    def is_blank(self, recognised: Recognised) -> bool:
        """Return whether no solution cell differs from what was released."""
        template = next(t for t in self.templates if (t.assignment, t.name) == (self.assignment, recognised.name))
        mine = dict(recognised.cells)
        if not mine.keys() >= template.answers.keys():
            known = template.texts.union(map(text_print, template.answers.values()))
            if not all(name or text_print(text) in known for name, text in recognised.cells if text.strip()):
                return False
        return all(mine.get(g, s).strip() == s.strip() for g, s in template.answers.items())

    def unfilled(self, name: str, notebook: Mapping[str, Any]) -> list[str]:
        """Return the grade_ids of the answers that are as they were released, or still hold a mark of that.

        Parameters
        ----------
        name : str
            Of the notebook, as released.
        notebook : dict
            In format 4.

        Returns
        -------
        list of str
            In the order of the notebook.
        """
        template = next((t for t in self.templates if (t.assignment, t.name) == (self.assignment, name)), None)
        released = template.answers if template else {}
        blank = []
        for cell in _cells(notebook):
            grade_id, text = _grade_id(cell), source(cell)
            if not grade_id or not _nbgrader(cell).get("solution"):
                continue
            as_released = _is_untouched(cell) or text.strip() == released.get(grade_id, "").strip()
            if as_released or any(line.strip() in self.marks for line in text.splitlines()):
                blank.append(grade_id)
        return blank

    def _best(self, found: frozenset[str], kind: str) -> list[Template]:
        """Return the templates that share most ids with a notebook, if they share half of what it has."""
        shared = {t: len(found & getattr(t, kind)) for t in self.templates}
        most = max(shared.values(), default=0)
        if most == 0 or 2 * most < len(found):
            return []
        return [t for t, count in shared.items() if count == most]

    def _best_by_texts(self, notebook: Mapping[str, Any]) -> list[Template]:
        """Return the templates most of whose texts are in a notebook, if that is a third of them."""
        found = prints_of(notebook)
        shared = {t: len(found & t.texts) for t in self.templates}
        most = max(shared.values(), default=0)
        return [t for t, count in shared.items() if count == most >= 2 and 3 * count >= len(t.texts)]


def read_catalogue(
    course: Path, assignment: str, source_directory: str = "source", config: Config | None = None
) -> Catalogue:
    """Read the cell ids of all source notebooks of a course.

    Parameters
    ----------
    course : pathlib.Path
        The course folder.
    assignment : str
        The assignment that is collected.
    source_directory : str
        nbgrader's name of the folder with the sources.
    config : traitlets.config.Config, optional
        nbgrader's configuration, which says what takes the place of solutions.

    Returns
    -------
    Catalogue

    Raises
    ------
    CourseError
        If the assignment has no notebooks, or one of them can't be released.
    """
    folder = Path(course) / source_directory
    templates = []
    for path in notebooks_in(folder, "*/*.ipynb"):
        try:
            notebook = json.loads(path.read_bytes())
            if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
                raise ValueError("it has no cells")
        except (ValueError, RecursionError) as error:
            if path.parent.name == assignment:
                raise CourseError(f"{path} is no notebook that can be read: {error}") from error
            continue  # `course check-source` tells of it
        try:
            answers = _released_answers(notebook, config) if path.parent.name == assignment else {}
        except (ValueError, RuntimeError) as error:  # what nbgrader raises at marks of solutions that do not pair
            raise CourseError(f"{path} can't be released: {error}") from error
        templates.append(_template(path.parent.name, path.stem, notebook, answers))
    if not any(t.assignment == assignment for t in templates):
        known = ", ".join(sorted({t.assignment for t in templates})) or "none"
        raise CourseError(f"There is no assignment {assignment!r} in {folder}; there are: {known}.")
    return Catalogue(assignment, tuple(templates), stub_marks(config), FileLimits.of_config(config))


def catalogue_of(assignment: str, notebooks: Mapping[str, Mapping[str, Any]]) -> Catalogue:
    """Return what is known from released notebooks alone, for a student who has no sources and no record.

    Parameters
    ----------
    assignment : str
    notebooks : mapping of str to dict
        In format 4, by name; what is no notebook of a course is left out.

    Returns
    -------
    Catalogue
    """
    templates = [_template(assignment, name, notebook) for name, notebook in notebooks.items() if grade_ids(notebook)]
    return Catalogue(assignment, tuple(templates), stub_marks())


def stub_marks(config: Config | None = None) -> tuple[str, ...]:
    """Return the lines by which a blank cell is known: comments of code stubs, lines of the text stub.

    Statements are no mark: `pass` may be part of an answer.

    Parameters
    ----------
    config : traitlets.config.Config, optional
        nbgrader's configuration; without it, its own stubs.
    """
    from nbgrader.preprocessors import ClearSolutions

    clearing = ClearSolutions(config=config or Config())
    code = [line.strip() for stub in clearing.code_stub.values() for line in stub.splitlines()]
    text = [line.strip() for line in clearing.text_stub.splitlines()]
    return tuple(dict.fromkeys([*filter(lambda line: line.startswith("#"), code), *filter(None, text)]))


def _template(
    assignment: str, name: str, notebook: Mapping[str, Any], answers: Mapping[str, str] | None = None
) -> Template:
    ids = frozenset(str(cell.get("id", "")) for cell in _cells(notebook)) - {""}
    return Template(assignment, name, grade_ids(notebook), ids, answers or {}, prints_of(notebook))


def text_print(text: str) -> str:
    """Return a short print of a cell's text as students have it: without hidden tests, seals and ends of lines."""
    text = without_seals(released_text(plain_lines(text)))
    lines = "\n".join(line.rstrip() for line in text.split("\n")).strip()
    return hashlib.sha256(lines.encode("utf-8", "replace")).hexdigest()[:16]


def prints_of(notebook: Mapping[str, Any]) -> frozenset[str]:
    """Return the prints of the texts of a notebook's cells that are no answers; very short ones tell nothing."""
    texts = [text for cell in _cells(notebook) if not _nbgrader(cell).get("solution") for text in _public(cell)]
    return frozenset(text_print(text) for text in texts if len(text.strip()) >= _TELLING)


def _public(cell: Mapping[str, Any]) -> list[str]:
    """Return the texts that students may have of a cell: with its answers sealed, and from before they were."""
    text, metadata = source(cell), cell.get("metadata")
    course = metadata.get("course") if isinstance(metadata, dict) else None
    sealed = isinstance(course, dict) and course.get("sealed") is True
    return [text, as_released(released_text(text))] if sealed else [text]


def _unparsed(notebook: Mapping[str, Any]) -> list[str]:
    """Return the names of a notebook's code cells that are no valid syntax here."""
    cells = [(n, cell) for n, cell in enumerate(_cells(notebook), 1) if cell.get("cell_type") == "code"]
    return [one_line(_grade_id(cell) or f"cell {n}") for n, cell in cells if unparsed(source(cell))]


def _released_answers(notebook: Mapping[str, Any], config: Config | None) -> dict[str, str]:
    """Return the texts of the solution cells of a source notebook as nbgrader releases them, by grade_id."""
    from nbgrader.preprocessors import ClearSolutions

    cells = [{**cell, "metadata": cell.get("metadata", {}), "source": source(cell)} for cell in _cells(notebook)]
    nodes = nbformat.from_dict({**notebook, "metadata": notebook.get("metadata", {}), "cells": cells})
    released, _ = ClearSolutions(config=config or Config()).preprocess(nodes, {"nbgrader": {}})
    return answers_of(released)


def answers_of(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of the solution cells of a notebook, by grade_id."""
    solutions = [cell for cell in _cells(notebook) if _grade_id(cell) and _nbgrader(cell).get("solution")]
    return {_grade_id(cell): source(cell) for cell in solutions}


def _is_untouched(cell: Mapping[str, Any]) -> bool:
    """Return whether a cell is as nbgrader released it, by the checksum that it wrote into the cell then."""
    from nbgrader.utils import compute_checksum

    released = _nbgrader(cell).get("checksum")
    if not isinstance(released, str):
        return False
    try:
        return released == compute_checksum(nbformat.from_dict({**cell, "source": source(cell)}))
    except (KeyError, AttributeError, TypeError, ValueError):  # the marks of the cell are damaged
        return False


def parse_notebook(
    content: bytes, limits: FileLimits | None = None, *, outputs: bool = False
) -> tuple[dict, list[str], str | None]:
    """Read a notebook of any format.

    Parameters
    ----------
    content : bytes
    limits : FileLimits, optional
    outputs : bool
        See `load_notebook`.

    Returns
    -------
    notebook : dict
        In format 4, with cells that have a text and a known type.
    notes : list of str
    converted : str or None
        The notebook as text in format 4, if the file itself is in an older one or no UTF-8.

    Raises
    ------
    NotebookError
        If it is no notebook; the text says what it seems to be.
    """
    notebook, notes, whole = load_notebook(content, limits, outputs=outputs)
    converted = None if whole is None else whole.decode()
    major = notebook.get("nbformat", 4)
    if type(major) is not int or major not in (1, 2, 3, 4):
        raise NotebookError(f"is in an unknown notebook format ({one_line(repr(major))})")
    if major < 4:
        try:
            new = nbformat.convert(nbformat.from_dict(_as_nodes(notebook)), 4)
            notebook = json.loads(json.dumps(new))
        except Exception as error:  # nbformat's upgrades raise whatever a malformed file makes them raise
            raise NotebookError(
                f"is in the old format {major} and can't be converted ({one_line(error, 200)})"
            ) from error
        notes.append(f"converted from the old notebook format {major}")
        converted = json.dumps(notebook, indent=1) + "\n"
    notes += _mend_cells(notebook)
    theirs = [source(c) for c in notebook["cells"] if c["cell_type"] == "code" and not _nbgrader(c).get("locked")]
    if language := foreign_language(notebook, theirs):
        notes.append(f"it is written in {language}, not in Python")
    elif language := kernel_language(notebook):
        notes.append(f"its kernel is one of {language}; its code reads like Python and is graded")
    return notebook, notes, converted


def grade_ids(notebook: Mapping[str, Any]) -> frozenset[str]:
    """Return the grade_ids of the cells of a notebook."""
    return frozenset(filter(None, map(_grade_id, _cells(notebook))))


def source(cell: Mapping[str, Any]) -> str:
    """Return the text of a cell."""
    text = cell.get("source") or ""
    return plain_lines(text if isinstance(text, str) else "".join(map(str, text)))


def _cells(notebook: Mapping[str, Any]) -> list[dict]:
    return notebook["cells"]


def _nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = cell.get("metadata")
    found = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _grade_id(cell: Mapping[str, Any]) -> str | None:
    grade_id = _nbgrader(cell).get("grade_id")
    return grade_id if isinstance(grade_id, str) else None


def _mend_cells(notebook: dict[str, Any]) -> list[str]:
    """Give each cell a text and a known type; return what was found. One odd cell costs no other."""
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise NotebookError("is JSON, but no notebook: its cells are not a list of cells")
    odd: dict[str, int] = {}
    for cell in cells:
        if not isinstance(cell.get("source", ""), (str, list)):
            cell["source"] = ""
            odd["without a text"] = odd.get("without a text", 0) + 1
        if cell.get("cell_type") not in ("code", "markdown", "raw", "heading"):
            kind = f"of an unknown type ({one_line(repr(cell.get('cell_type')), 40)})"
            cell["cell_type"] = "raw"
            odd[kind] = odd.get(kind, 0) + 1
    return [f"{count} cell{'s' * (count > 1)} {kind}" for kind, count in list(odd.items())[:3]]


def _as_nodes(value: Any) -> Any:
    """Give cells of an old notebook the fields that nbformat's upgrades take for granted."""
    if isinstance(value, dict):
        value = {key: _as_nodes(entry) for key, entry in value.items()}
        if "cell_type" in value:
            value.setdefault("metadata", {})
        if value.get("cell_type") == "code":
            value.setdefault("outputs", [])
            value.setdefault("input", "")
            value.setdefault("collapsed", False)
        return value
    return [_as_nodes(entry) for entry in value] if isinstance(value, list) else value


def same_work(a: Recognised, b: Recognised) -> bool:
    """Return whether two copies of a notebook have the same text in all cells; outputs do not count."""
    return a.cells == b.cells
