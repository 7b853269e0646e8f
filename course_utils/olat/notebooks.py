"""Telling which notebook of an assignment a file is, from the cells inside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from course_utils.grading.texts import one_line

__all__ = ["MAX_BYTES", "Catalogue", "NotebookError", "Recognised", "grade_ids", "parse_notebook", "read_catalogue"]

# JSON of brackets takes thirty times its size in memory.
MAX_BYTES = 64 << 20
MAX_PARTS = 5_000_000


class NotebookError(ValueError):
    """A file is no notebook that can be graded; the text says why."""


@dataclass(frozen=True, eq=False)
class Template:
    """What is known of one source notebook: the ids of its cells and the blank text of its solution cells."""

    assignment: str
    name: str
    grade_ids: frozenset[str]
    cell_ids: frozenset[str]
    solution_sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recognised:
    """A notebook of the assignment, with what was noticed about it."""

    name: str
    notes: tuple[str, ...] = ()
    converted: str | None = None
    cells: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """The source notebooks of a course; `assignment` is the one that is collected."""

    assignment: str
    templates: tuple[Template, ...]

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
            return self._recognise(content)
        except RecursionError as error:
            raise NotebookError("is nested too deeply to be a notebook") from error

    def _recognise(self, content: bytes) -> Recognised:
        notebook, notes, converted = parse_notebook(content)
        found = grade_ids(notebook)
        ids = frozenset(str(cell.get("id", "")) for cell in _cells(notebook)) - {""}
        best = self._best(found, "grade_ids")
        if not best and not found:
            # Some editors drop the metadata of cells but keep their ids.
            best = self._best(ids, "cell_ids")
            if len(best) == 1:
                notes.append("the grade_ids are gone; recognised by the ids of its cells")
        if not best:
            raise NotebookError("has none of the cells of this course" if not found else "has cells of another course")
        if len(best) > 1:
            raise NotebookError("could be " + " or ".join(f"{t.assignment}/{t.name}" for t in best))
        template = best[0]
        if template.assignment != self.assignment:
            raise NotebookError(f"is {template.assignment}/{template.name}, not part of {self.assignment}")
        missing = sorted(template.grade_ids - found) if found else []
        if missing:
            notes.append(f"{len(missing)} of {len(template.grade_ids)} graded cells are missing")
        cells = tuple((_grade_id(cell) or "", source(cell)) for cell in _cells(notebook))
        return Recognised(template.name, tuple(notes), converted, cells)

    def is_blank(self, recognised: Recognised) -> bool:
        """Return whether no solution cell differs from what was released."""
        template = next(t for t in self.templates if (t.assignment, t.name) == (self.assignment, recognised.name))
        mine = dict(recognised.cells)
        return all(mine.get(g, s).strip() == s.strip() for g, s in template.solution_sources.items())

    def _best(self, found: frozenset[str], kind: str) -> list[Template]:
        """Return the templates that share most ids with a notebook, if they share half of what it has."""
        shared = {t: len(found & getattr(t, kind)) for t in self.templates}
        most = max(shared.values(), default=0)
        if most == 0 or 2 * most < len(found):
            return []
        return [t for t, count in shared.items() if count == most]


def read_catalogue(course: Path, assignment: str, source_directory: str = "source") -> Catalogue:
    """Read the cell ids of all source notebooks of a course.

    Parameters
    ----------
    course : pathlib.Path
        The course folder.
    assignment : str
        The assignment that is collected.
    source_directory : str
        nbgrader's name of the folder with the sources.

    Returns
    -------
    Catalogue

    Raises
    ------
    ValueError
        If the assignment has no notebooks.
    """
    folder = Path(course) / source_directory
    templates = []
    for path in sorted(folder.glob("*/*.ipynb")):
        templates.append(_template(path.parent.name, path.stem, json.loads(path.read_bytes())))
    if not any(t.assignment == assignment for t in templates):
        known = ", ".join(sorted({t.assignment for t in templates})) or "none"
        raise ValueError(f"There is no assignment {assignment!r} in {folder}; there are: {known}.")
    return Catalogue(assignment, tuple(templates))


def read_release(folder: Path, assignment: str) -> Catalogue:
    """Read the cell ids of released notebooks, for a student who has no sources.

    Parameters
    ----------
    folder : pathlib.Path
        A folder with the notebooks of one assignment.
    assignment : str

    Returns
    -------
    Catalogue
    """
    templates = []
    for path in sorted(Path(folder).glob("*.ipynb")):
        try:
            notebook, _, _ = parse_notebook(path.read_bytes())
        except NotebookError:
            continue
        if grade_ids(notebook):
            templates.append(_template(assignment, path.stem, notebook))
    return Catalogue(assignment, tuple(templates))


def _template(assignment: str, name: str, notebook: Mapping[str, Any]) -> Template:
    cells = _cells(notebook)
    return Template(
        assignment,
        name,
        grade_ids(notebook),
        frozenset(str(cell.get("id", "")) for cell in cells) - {""},
        {
            _grade_id(cell): _blanked(source(cell), cell.get("cell_type") == "markdown")
            for cell in cells
            if _grade_id(cell) and _nbgrader(cell).get("solution")
        },
    )


def _blanked(text: str, markdown: bool) -> str:
    """Return a solution cell as nbgrader releases it, with its default code stub."""
    stub = "YOUR ANSWER HERE" if markdown else "# YOUR CODE HERE\nraise NotImplementedError()"
    lines, inside, replaced = [], False, False
    for line in text.split("\n"):
        if line.strip() == "### BEGIN SOLUTION":
            inside = replaced = True
            indent = re.match(r"\s*", line)[0]
            lines += [indent + part for part in stub.split("\n")]
        elif line.strip() == "### END SOLUTION":
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines) if replaced else stub


def parse_notebook(content: bytes) -> tuple[dict, list[str], str | None]:
    """Read a notebook of any format.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    notebook : dict
        In format 4.
    notes : list of str
    converted : str or None
        The notebook as text in format 4, if the file itself is in an older one or no UTF-8.

    Raises
    ------
    NotebookError
        If it is no notebook; the text says what it seems to be.
    """
    if not content.strip():
        raise NotebookError("is an empty file")
    if len(content) > MAX_BYTES:
        raise NotebookError(
            f"is larger than {MAX_BYTES >> 20} MiB; clear outputs that are not needed and hand it in again"
        )
    # Each part takes up to thirty times its bytes once it is read.
    if sum(map(content.count, (b"[", b"{", b'",'))) > MAX_PARTS:
        raise NotebookError(f"has more than {MAX_PARTS:,} parts; clear its outputs and hand it in again")
    notes: list[str] = []
    text, odd = _decode(content)
    if text.lstrip()[:1] == "<":
        raise NotebookError("is no notebook but a web page; download the notebook itself (.ipynb)")
    if re.search(r"^<<<<<<< ", text, re.MULTILINE):
        raise NotebookError("is no valid JSON: it holds the marks of a merge conflict (<<<<<<<)")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotebookError(f"is no notebook: its text is no valid JSON{where}") from error
    if not isinstance(notebook, dict) or not ({"cells", "worksheets"} & notebook.keys()):
        raise NotebookError("is JSON, but no notebook: it has no cells")
    major = notebook.get("nbformat")
    converted = text if odd else None
    if odd:
        notes.append("its text was not plain UTF-8 and has been converted")
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
    _check_shape(notebook)
    return notebook, notes, converted


def grade_ids(notebook: Mapping[str, Any]) -> frozenset[str]:
    """Return the grade_ids of the cells of a notebook."""
    return frozenset(filter(None, map(_grade_id, _cells(notebook))))


def source(cell: Mapping[str, Any]) -> str:
    """Return the text of a cell."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(map(str, text))


def _cells(notebook: Mapping[str, Any]) -> list[dict]:
    return notebook["cells"]


def _nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = cell.get("metadata")
    found = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _grade_id(cell: Mapping[str, Any]) -> str | None:
    grade_id = _nbgrader(cell).get("grade_id")
    return grade_id if isinstance(grade_id, str) else None


def _check_shape(notebook: Mapping[str, Any]) -> None:
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise NotebookError("is JSON, but no notebook: its cells are not a list of cells")
    for cell in cells:
        if not isinstance(cell.get("source", ""), (str, list)) or cell.get("cell_type") not in (
            "code", "markdown", "raw", "heading",
        ):  # fmt: skip
            raise NotebookError("is damaged: one of its cells has no text or no type")


def _decode(content: bytes) -> tuple[str, bool]:
    """Return the text, and whether it was anything but UTF-8 without a byte-order mark."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            try:
                return content.decode(encoding), True
            except UnicodeDecodeError as error:
                raise NotebookError("is no notebook: it is not text") from error
    try:
        return content.decode("utf-8"), False
    except UnicodeDecodeError:
        if b"\x00" in content[:4096]:
            raise NotebookError("is no notebook: it is not text") from None
        return content.decode("cp1252", errors="replace"), True


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


def names_of(recognised: Iterable[Recognised]) -> list[str]:
    """Return the sorted names of recognised notebooks."""
    return sorted({r.name for r in recognised})
