"""The course's notebook as it is graded: stubs in the place of solutions, tests with what is hidden in them."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import ClearOutput, ClearSolutions, ComputeChecksums, LockCells
from traitlets.config import Config

__all__ = ["skeleton"]


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
    """Return the same from the bytes of the notebook."""
    exporter = NotebookExporter(config=config)
    notebook = nbformat.reads(source.decode(), as_version=4)
    for preprocessor in (LockCells, ClearSolutions, ClearOutput, ComputeChecksums):
        notebook, _ = preprocessor(parent=exporter).preprocess(notebook, {"nbgrader": {}})
    return notebook


def imports_of(course: NotebookNode) -> list[str]:
    """Return the import statements of the course's own code cells, for the grader to run itself."""
    statements = []
    for cell in course.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or marks.get("solution") or marks.get("grade"):
            continue
        # Without its magics and shell lines: were the imports left out, tests would ask the student for the modules.
        plain = "\n".join("" if line.startswith(("%", "!")) else line for line in cell.source.split("\n"))
        try:
            tree = ast.parse(plain)
        except SyntaxError:
            continue  # it runs in the kernel only
        statements += [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return list(dict.fromkeys(statements))
