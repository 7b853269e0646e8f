"""What happens to the cells of a notebook on a student's machine; each of these returns a change made in place."""

from __future__ import annotations

from collections.abc import Callable

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

__all__ = [
    "at", "both", "cell_of", "end_lines", "leave_blank", "lose_marks", "merge", "move", "name", "retype",
    "split",
]  # fmt: skip

Change = Callable[[NotebookNode], None]
_NEW = {"markdown": new_markdown_cell, "code": new_code_cell}


def name(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def at(notebook: NotebookNode, key: str) -> int:
    return next(number for number, cell in enumerate(notebook.cells) if name(cell) == key)


def cell_of(notebook: NotebookNode, key: str) -> NotebookNode:
    return notebook.cells[at(notebook, key)]


def both(*changes: Change) -> Change:
    def change(notebook: NotebookNode) -> None:
        for one in changes:
            one(notebook)

    return change


def retype(*keys: str, kind: Callable[[str], NotebookNode] | None = None) -> Change:
    """The cells are typed anew: what they say is there, their names are not."""

    def change(notebook: NotebookNode) -> None:
        for key in keys:
            old = cell_of(notebook, key)
            notebook.cells[at(notebook, key)] = (kind or _NEW[old.cell_type])(old.source)

    return change


def move(key: str, before: str | None) -> Change:
    """The answer is typed elsewhere: before another cell, or at the end."""

    def change(notebook: NotebookNode) -> None:
        old = notebook.cells.pop(at(notebook, key))
        place = len(notebook.cells) if before is None else at(notebook, before)
        notebook.cells.insert(place, _NEW[old.cell_type](old.source))

    return change


def merge(key: str, into: str, behind: bool = False) -> Change:
    """One cell of two."""

    def change(notebook: NotebookNode) -> None:
        old = notebook.cells.pop(at(notebook, key))
        other = cell_of(notebook, into)
        parts = [other.source, old.source] if behind else [old.source, other.source]
        other.source = "\n\n".join(parts)

    return change


def split(key: str, line: int) -> Change:
    """Two cells of one."""

    def change(notebook: NotebookNode) -> None:
        place = at(notebook, key)
        lines = notebook.cells[place].source.split("\n")
        notebook.cells[place : place + 1] = [new_code_cell("\n".join(part)) for part in (lines[:line], lines[line:])]

    return change


def leave_blank(key: str, stub: Callable[[str], str], below: bool = True, only: str | None = None) -> Change:
    """The answer, or all but its first paragraph, stands in a cell of its own; the cell meant for it is as released."""

    def change(notebook: NotebookNode) -> None:
        place = at(notebook, key)
        old = notebook.cells[place]
        text = old.source if only is None else old.source.split("\n\n", 1)[1]
        old.source = stub(key)
        notebook.cells.insert(place + below, _NEW[old.cell_type](text))

    return change


def lose_marks(
    ids: bool = True,
    kept: tuple[str, ...] = (),
    theirs: Callable[[int], dict] = lambda number: {"id": f"Colab{number}", "cell_id": f"deepnote-{number}"},
) -> Change:
    """Another program wrote the notebook: its own metadata, none of nbgrader's; the ids of cells are there, or new."""

    def change(notebook: NotebookNode) -> None:
        for number, cell in enumerate(notebook.cells):
            if name(cell) not in kept:
                cell.metadata = NotebookNode(theirs(number))
            if not ids:
                cell.id = f"new-{number}"

    return change


def end_lines(end: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            cell.source = cell.source.replace("\n", end)

    return change
