"""What a source notebook must be like so that it can be released and graded: one remark for each thing that is not.

Nothing of the notebook is run here; `stages.check_source` runs it as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from traitlets.config import Config

from course_utils.notebooks import course_code, markers, marking, objects, rubrics, stubs
from course_utils.notebooks.instead import what_instead
from course_utils.notebooks.texts import one_line

__all__ = ["Remark", "examine", "plain_cells", "where"]


@dataclass(frozen=True)
class Remark:
    """Something about a source that its author should know.

    Parameters
    ----------
    where : str
        File, cell and line.
    text : str
        What it is and what to do.
    serious : bool
        Whether it would publish answers or cost students points: then nothing is released.
    """

    where: str
    text: str
    serious: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def where(notebook: str, cell: Mapping[str, Any] | None = None, index: int = 0, line: int = 0) -> str:
    """Return how a remark names a place.

    Examples
    --------
    >>> where("by-hand", {"metadata": {"nbgrader": {"grade_id": "test_paper"}}}, 3, 5), where("by-hand", {}, 3)
    ('by-hand, test_paper, line 5', 'by-hand, cell 4')
    """
    if cell is None:
        return notebook
    marks = _dict(_dict(cell.get("metadata")).get("nbgrader"))
    name = marks.get("grade_id")
    name = one_line(name) if isinstance(name, str) and name else f"cell {index + 1}"
    return f"{notebook}, {name}" + (f", line {line}" if line else "")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def plain_cells(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of a notebook as it lies on disk, each with its text in one piece and with metadata."""
    return [
        {
            **cell,
            "cell_type": str(cell.get("cell_type")),
            "metadata": _dict(cell.get("metadata")),
            "source": "".join(cell["source"]) if isinstance(cell.get("source"), list) else str(cell.get("source", "")),
        }
        for cell in notebook.get("cells", [])
        if isinstance(cell, dict)
    ]


def examine(
    name: str, notebook: Mapping[str, Any], config: Config | None = None, files: course_code.Files | None = None
) -> list[Remark]:
    """Look at a source notebook.

    Parameters
    ----------
    name : str
        Without suffix.
    notebook : dict
        As it lies on disk, in format 4.
    config : traitlets.config.Config, optional
        nbgrader's settings: how marks are spelt, and what takes the place of solutions.
    files : Files, optional
        What lies beside the notebook, and which modules there are; without it neither is looked at.

    Returns
    -------
    list of Remark
        In the order of the cells.
    """
    if language := _other_language(notebook):
        return [Remark(name, f"it is written in {language}; only Python is graded.")]
    cells = plain_cells(notebook)
    marks = markers.marks_of(config)
    steps: list[Callable[[int, dict[str, Any]], Iterable[tuple[int, str, bool]]]] = [
        lambda index, cell: _marker_remarks(cell, marks),
        lambda index, cell: marking.problems(cell, index, cells),
        lambda index, cell: rubrics.problems(cell, marks),
        lambda index, cell: course_code.problems(cell, files),
        lambda index, cell: objects.problems(cell, cells, files.names if files else ()),
    ]
    remarks = []
    for index, cell in enumerate(cells):
        for step in steps:
            remarks += [Remark(where(name, cell, index, line), *rest) for line, *rest in step(index, cell)]
    if not any(remark.serious for remark in remarks):  # else the stubs can't be made
        found = stubs.problems(notebook, cells, config)
        remarks += [Remark(where(name, cells[index], index, line), *rest) for index, line, *rest in found]
    return remarks


def _other_language(notebook: Mapping[str, Any]) -> str:
    metadata = _dict(notebook.get("metadata"))
    for block, key in (("kernelspec", "language"), ("language_info", "name")):
        language = _dict(metadata.get(block)).get(key)
        if isinstance(language, str) and language.lower() not in ("python", "python3", "ipython", ""):
            return one_line(language)
    return ""


def _home(about: Mapping[str, Any]) -> str:
    """Return the kind of region that a cell may have; empty for a cell that may have none."""
    if about.get("task"):
        return "mark scheme"
    return "solution" if about.get("solution") else "hidden tests" if about.get("grade") else ""


def _marker_remarks(cell: Mapping[str, Any], marks: dict[str, markers.Mark]) -> Iterator[tuple[int, str, bool]]:
    source, about = cell["source"], _dict(cell["metadata"].get("nbgrader"))
    misspelt, home = set(), _home(about)
    home = "" if home and any(part in source for part in (marks[home].begin, marks[home].end)) else home
    for number, line in enumerate(source.split("\n"), 1):
        meant = markers.meant_as_mark(line, marks, code=cell["cell_type"] == "code")
        meant = meant or (markers.meant_in_home(line, marks, home) if home else None)
        if meant is not None:
            misspelt.add(meant[0])
            shown = one_line(line.strip())
            yield number, f"'{shown}' is no mark of nbgrader, so it hides nothing. Write '### {meant[1]}'.", True
    homes = {
        "solution": (bool(about.get("solution")), "an answer cell (solution)"),
        "hidden tests": (bool(about.get("grade")) and not about.get("solution"), "a test cell (autograder tests)"),
        "mark scheme": (bool(about.get("task")), "a task cell (manually graded task)"),
    }
    for kind, mark in marks.items():
        found, problems = markers.regions(source, kind, mark)
        if kind in misspelt:
            continue  # its other half is what is misspelt
        for number, text in problems:
            yield number, f"{text}: what stands there would be published, or too much left out.", True
        at_home, home = homes[kind]
        if found and not at_home:
            yield found[0].first, f"'{mark.begin}' belongs into {home}, which this cell is not by its metadata.", True


def as_notebook(content: bytes) -> dict[str, Any]:
    """Return a notebook from the bytes of a source file.

    Raises
    ------
    ValueError
        If it is none of format 4; the text says why.
    """
    if reason := what_instead(content, advise=False):
        raise ValueError(f"it {reason}.")
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no notebook: {one_line(error, 120)}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("it is no notebook of format 4: it has no cells. Open it in JupyterLab and save it.")
    return notebook


def solutions(cell: Mapping[str, Any], marks: dict[str, markers.Mark]) -> list[markers.Region]:
    """Return what of a cell is not for students: its regions, or all of an answer cell that has none."""
    found = markers.hidden_lines(cell["source"], marks)
    about = _dict(cell["metadata"].get("nbgrader"))
    if about.get("solution") and not any(region.kind == "solution" for region in found):
        lines = cell["source"].split("\n")
        found.append(markers.Region("solution", 0, len(lines) + 1, tuple(lines)))
    return found
