"""A manually graded task waits for a person, wherever the student put the answer; its mark scheme is on no page."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils.classroom.marks import read_marks
from course_utils.stages import autograde, feedback, release
from tests.support.cell_accidents import at, both, cell_of, lose_marks, retype
from tests.support.tiny_course import ASSIGNMENT, make_course, source_notebook, write

# One class, graded once.
pytestmark = pytest.mark.xdist_group("task cells")

TASK = "Draw the sums.\n\n=== BEGIN MARK SCHEME ===\nOne point for the axes.\n=== END MARK SCHEME ==="
MARKS = {"grade": False, "solution": False, "task": True, "locked": True, "grade_id": "draw", "points": 2}


def below(notebook):
    place = at(notebook, "draw")
    notebook.cells[place + 1 : place + 1] = [
        new_markdown_cell("MY DRAWING is below."),
        new_code_cell("print('MY CODE')"),
    ]


def at_the_end(notebook):
    notebook.cells += [new_markdown_cell("MY DRAWING is below."), new_code_cell("print('MY CODE')")]


def inside(notebook):
    cell_of(notebook, "draw").source += "\n\nMY DRAWING, MY CODE"


def in_its_place(notebook):
    cell_of(notebook, "draw").source = "MY DRAWING, MY CODE"


CLASS = {
    "below": below,
    "end": at_the_end,
    "inside": inside,
    "in-its-place": in_its_place,
    "retyped": both(below, retype("draw")),
    "deleted": both(below, lambda notebook: notebook.cells.pop(at(notebook, "draw"))),
    "plain": both(below, lose_marks(ids=False)),
    "blank": lambda notebook: None,
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = make_course(tmp_path_factory.mktemp("tasks"))
    notebook = source_notebook()
    marks = {**MARKS, "schema_version": 3, "cell_type": "markdown"}
    notebook.cells.insert(5, new_markdown_cell(TASK, id="draw", metadata={"nbgrader": marks}))
    write(notebook, root / "source" / ASSIGNMENT / "adding.ipynb")
    folder = release.release(root, ASSIGNMENT, rehearsal=False)
    released = nbformat.read(folder / "adding.ipynb", 4)
    cell_of(released, "add").source = "def add(a, b):\n    return a + b"
    cell_of(released, "why").source = "Why?\n\nBecause."
    for student, change in CLASS.items():
        theirs = copy.deepcopy(released)
        change(theirs)
        path = root / "submitted" / student / ASSIGNMENT / "adding.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(theirs), encoding="utf-8")
    rows = autograde.autograde(root, ASSIGNMENT, workers=2)
    assert not any(row.problem for row in rows)
    feedback.feedback(root, ASSIGNMENT)
    return root


@pytest.mark.parametrize("student", CLASS)
def test_it_waits_and_what_was_written_is_shown(student, course):
    (mark,) = [mark for mark in read_marks(course, ASSIGNMENT) if mark.owner_id == student]
    assert (mark.score, mark.waiting) == (3, 2)  # the task, and the question in words
    page = (course / "feedback" / student / ASSIGNMENT / "adding.html").read_text(encoding="utf-8")
    assert "One point for the axes" not in page
    assert student == "blank" or ("MY DRAWING" in page and "MY CODE" in page)
