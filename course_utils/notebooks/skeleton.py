"""The course's notebook as it is graded: stubs in the place of solutions, tests with what is hidden in them."""

from __future__ import annotations

import ast
import functools
import re
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbformat.notebooknode import NotebookNode

from course_utils.notebooks import cells as kinds
from course_utils.notebooks import objects

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = ["drop_unseen", "imports_of", "skeleton", "skeleton_of"]

_ATTACHED = re.compile(r"attachment:([^)\s\"'>]+)")
_ADDRESS = re.compile(r"^ {0,3}\[([^\]\n]+)\]:\s*<?attachment:")


def skeleton(source: Path, config: Config | None = None) -> NotebookNode:
    """Return the course's notebook as it is graded: solutions cleared, hidden tests in place.

    Parameters
    ----------
    source : pathlib.Path
        The notebook in `source/`.
    config : traitlets.config.Config, optional
        nbgrader's configuration.
    """
    return skeleton_of(source.read_bytes(), config)


def skeleton_of(source: bytes, config: Config | None = None) -> NotebookNode:
    """Return the same from the bytes of the notebook.

    Its tests know which classes they name are the notebook's own: `metadata.course.objects`.
    """
    # Half a second of imports, which whoever only reads `imports_of` has no need of.
    from nbconvert.exporters import NotebookExporter
    from nbgrader.preprocessors import ClearOutput, ClearSolutions, ComputeChecksums, LockCells

    exporter = NotebookExporter(config=config)
    notebook = nbformat.reads(source.decode(), as_version=4)
    known = objects.classes(notebook.cells)
    for cell in filter(kinds.is_test, notebook.cells):
        if named := objects.used(cell.source, known):
            course = cell.metadata.setdefault("course", {})
            course["objects"] = sorted({*named, *kinds.objects(cell)})
    for preprocessor in (LockCells, ClearSolutions, ClearOutput, ComputeChecksums):
        notebook, _ = preprocessor(parent=exporter).preprocess(notebook, {"nbgrader": {}})
    drop_unseen(notebook)
    return notebook


def drop_unseen(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Remove what belongs to solutions though it is not in their text: pictures shown in them alone, states of widgets.

    Parameters
    ----------
    notebook : NotebookNode
        With its solutions cleared.

    Returns
    -------
    list of (int, str)
        Index of the cell and name of each picture that was removed.
    """
    notebook.metadata.pop("widgets", None)
    dropped = []
    for index, cell in enumerate(notebook.cells):
        if not cell.get("attachments"):
            continue
        shown = {urllib.parse.unquote(name) for name in _ATTACHED.findall(_without_unused(cell.source))}
        dropped += [(index, name) for name in cell.attachments if urllib.parse.unquote(name) not in shown]
        cell.attachments = {
            name: forms for name, forms in cell.attachments.items() if urllib.parse.unquote(name) in shown
        }
        if not cell.attachments:
            del cell["attachments"]
    return dropped


def _without_unused(source: str) -> str:
    """Return a text without the addresses (``[a]: attachment:b.png``) that nothing in it refers to."""
    lines = source.split("\n")
    texts = "\n".join(line for line in lines if not _ADDRESS.match(line)).casefold()
    used = (found is None or f"[{found[1].casefold()}]" in texts for found in map(_ADDRESS.match, lines))
    return "\n".join(line for line, is_used in zip(lines, used, strict=True) if is_used)


def imports_of(course: NotebookNode) -> list[str]:
    """Return the import statements of the course's own code cells, for the grader to run itself."""
    statements: list[str] = []
    for cell in course.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and not marks.get("solution") and not marks.get("grade"):
            statements += _imports_in(cell.source)
    return list(dict.fromkeys(statements))


@functools.lru_cache(maxsize=1000)
def _imports_in(source: str) -> tuple[str, ...]:
    """Return the import statements of a cell of the course, which is the same for each student."""
    # Without its magics and shell lines: were the imports left out, tests would ask the student for the modules.
    plain = "\n".join("" if line.startswith(("%", "!")) else line for line in source.split("\n"))
    try:
        tree = ast.parse(plain)
    except SyntaxError:
        return ()  # it runs in the kernel only
    return tuple(ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)))
