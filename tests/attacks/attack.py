"""What an attack is, and how it becomes a submission."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from tests.attacks.course import ASSIGNMENT, BLANK, HONEST, NOTEBOOK, Course


@dataclass(frozen=True)
class Attack:
    """A submission of a student who does not play by the rules.

    Parameters
    ----------
    name : str
        What is done, in a few words; unique.
    cells : dict of str to str
        Source of solution cells, by exercise. An exercise in `loses` that is not named here is left blank; all
        others hold the honest answer.
    loses : tuple of str
        Exercises that are not done honestly and must earn nothing. All others must earn all of their points.
    first, last : str
        Source of an extra cell before the first exercise, and behind the last one.
    files : dict of str to str or bytes
        Files beside the notebook.
    lay : callable, optional
        Called with the submission's folder: links, pipes and other things that are not plain files.
    edit : callable, optional
        Called with the notebook as JSON has it; may change everything.
    raw : callable, optional
        Called with the same, returns the bytes of the file.
    not_on_stock : str
        Why the attack is left out where nothing confines it.
    risks : tuple of str
        Exercises with an honest answer whose marks the attack may spoil itself, since it damages its own process.
    ungradable : bool
        Whether what is handed in is no notebook at all, so that no part of it is honest.
    """

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    loses: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    files: dict[str, str | bytes] = field(default_factory=dict)
    lay: Callable[[Path], None] | None = None
    edit: Callable[[dict[str, Any]], None] | None = None
    raw: Callable[[dict[str, Any]], bytes] | None = None
    not_on_stock: str = ""
    risks: tuple[str, ...] = ()
    ungradable: bool = False

    @property
    def kept(self) -> set[str]:
        """Exercises that earn all their points."""
        return set() if self.ungradable else set(HONEST) - set(self.loses)

    def hand_in(self, course: Course, student: str) -> None:
        """Write the submission into the course's `submitted/`."""
        folder = course.root / "submitted" / student / ASSIGNMENT
        folder.mkdir(parents=True)
        notebook = course.notebook
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in self.cells:
                cell.source = self.cells[name]
            elif name in self.loses:
                cell.source = BLANK
        if self.first:
            notebook.cells.insert(3, nbformat.v4.new_code_cell(self.first))
        if self.last:
            notebook.cells.append(nbformat.v4.new_code_cell(self.last))
        content = json.loads(json.dumps(notebook))
        if self.edit is not None:
            self.edit(content)
        data = self.raw(content) if self.raw is not None else json.dumps(content).encode()
        (folder / f"{NOTEBOOK}.ipynb").write_bytes(data)
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        if self.lay is not None:
            self.lay(folder)


EVERYTHING = tuple(HONEST)


def cell_named(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the cell with this grade_id from a notebook as JSON has it."""
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == name)
