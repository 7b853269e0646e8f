"""A course of one small assignment that needs no library, and made-up submissions with known marks."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.support.engine import ROOT

ASSIGNMENT = "tiny"
NOTEBOOK = "adding"

# What a student may hand in: the source of the cell `add`, and the points that it earns of 3 automatic ones.
ANSWERS = {
    "right": ("def add(a, b):\n    return a + b", 3),
    "half": ("def add(a, b):\n    return abs(a) + b", 2),
    "wrong": ("def add(a, b):\n    return a - b", 0),
    "blank": (None, 0),
    "slow": ("import time\ntime.sleep(4)\ndef add(a, b):\n    return a + b", 3),
    "dies": ("import os\ndef add(a, b):\n    os._exit(3)", 0),
}


def _cell(name: str, source: str, *, points: int = 0, solution: bool = False, markdown: bool = False, **course):
    grade = points > 0
    marks = {"grade": grade, "grade_id": name, "locked": not solution, "schema_version": 3, "solution": solution}
    marks |= {"task": False, "cell_type": "markdown" if markdown else "code"} | ({"points": points} if grade else {})
    make = new_markdown_cell if markdown else new_code_cell
    return make(source, id=name.replace("_", "-"), metadata={"nbgrader": marks, "course": course})


def source_notebook() -> nbformat.NotebookNode:
    """The instructor's notebook: one exercise, a visible and a hidden test, one question for a person."""
    hidden = 'assert_number(add(-2, 5), 3, "add(-2, 5)", hint="Negative numbers count as well.")'
    cells = [
        _cell("setup", "from course_utils.checks import assert_number"),
        _cell("text_add", "Write `add`.", markdown=True),
        _cell("add", "def add(a, b):\n    ### BEGIN SOLUTION\n    return a + b\n    ### END SOLUTION", solution=True),
        _cell(
            "test_add_visible", 'assert_number(add(2, 3), 5, "add(2, 3)")', points=2, covers=["A2.1.v"], timeout_s=20
        ),
        _cell(
            "test_add_hidden",
            f"# Hidden tests (1 point): negative numbers.\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS",
            points=1,
            covers=["A2.1.v"],
        ),
        _cell(
            "why",
            "Why?\n\n### BEGIN SOLUTION\nBecause. (1 point)\n### END SOLUTION",
            points=1,
            solution=True,
            markdown=True,
            covers=["A2.1.ii"],
        ),
    ]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def make_course(folder: Path) -> Path:
    """Write the course into a folder; kernels start without the course's libraries, which it does not need."""
    folder.mkdir(parents=True, exist_ok=True)
    write(source_notebook(), folder / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb")
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(config + "\nc.GradeNotebook.preload = []\n", encoding="utf-8")
    return folder


def hand_in(course: Path, student: str, kind: str = "right") -> float:
    """Lay a submission into `submitted/`; return the points that it must earn."""
    answer, points = ANSWERS[kind]
    notebook = source_notebook()
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade_id == "add":
            cell.source = answer or "def add(a, b):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
        if cell.metadata.nbgrader.grade_id == "why":
            cell.source = "Why?\n\nYOUR ANSWER HERE"
    write(notebook, course / "submitted" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb")
    return float(points)


def hand_in_class(course: Path, size: int) -> dict[str, float]:
    """Lay a class of `student00`, `student01`, … into `submitted/`; return their points."""
    kinds = [kind for kind in ANSWERS if kind != "slow"]
    return {f"student{n:04d}": hand_in(course, f"student{n:04d}", kinds[n % len(kinds)]) for n in range(size)}
