"""A class in which everybody's notebook met with an accident on its way: nobody loses an honest point."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell
from nbgrader.utils import determine_grade

from course_utils.classroom.marks import read_marks
from course_utils.notebooks.texts import released_text
from course_utils.stages import autograde, feedback, release
from tests.support import tiny_course
from tests.support.cell_accidents import at, cell_of, end_lines, lose_marks, merge, retype

# One class, graded once.
pytestmark = pytest.mark.xdist_group("accidents")

CODE, PROSE = "def add(a, b):\n    return a + b", "Why?\n\nBecause a sum has two parts."
MARKS = "### BEGIN HIDDEN TESTS\n### BEGIN SOLUTION\n=== BEGIN MARK SCHEME ===\n### END SOLUTION"


def below(notebook):
    at_why = at(notebook, "why")
    notebook.cells.insert(at_why + 1, new_markdown_cell("Because a sum has two parts."))
    notebook.cells[at_why].source = "Why?\n\nYOUR ANSWER HERE"


def mark(name):
    def change(notebook):
        cell_of(notebook, name).source += f"\n{MARKS}" if name == "why" else "\n" + MARKS.replace("===", "# ===")

    return change


def of_another_python(notebook):
    notebook.metadata["language_info"] = {"name": "python", "version": "3.99.1"}
    cell_of(notebook, "add").source = "def add(a, b) => a + b"


def blank(notebook):
    cell_of(notebook, "why").source = "Why?\n\nYOUR ANSWER HERE"


# What happened to the notebook, its automatic points of 3, and whether the text waits for a person.
CLASS = {
    "prose-retyped": (retype("why"), 3, True),
    "prose-below": (below, 3, True),
    "plain-with-ids": (lose_marks(), 3, True),
    "plain": (lose_marks(ids=False), 3, True),
    "code-retyped": (retype("add"), 3, True),
    "merged": (merge("add", "test_add_visible"), 3, True),
    "marks-in-code": (mark("add"), 3, True),
    "marks-in-prose": (mark("why"), 3, True),
    "line-ends": (end_lines("\r\n"), 3, True),
    "another-python": (of_another_python, 0, True),
    "blank": (blank, 3, False),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tiny_course.make_course(tmp_path_factory.mktemp("accidents"))
    released = tiny_course.source_notebook()
    for theirs in released.cells:
        theirs.source = released_text(theirs.source)
    cell_of(released, "add").source, cell_of(released, "why").source = CODE, PROSE
    release.release(root, tiny_course.ASSIGNMENT)
    for student, (change, *_) in CLASS.items():
        notebook = copy.deepcopy(released)
        change(notebook)
        path = root / "submitted" / student / tiny_course.ASSIGNMENT / "adding.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def rows(course):
    return {row.student_id: row for row in autograde.autograde(course, tiny_course.ASSIGNMENT, workers=2)}


@pytest.fixture(scope="module")
def marks(course, rows):
    return {mark.owner_id: mark for mark in read_marks(course, tiny_course.ASSIGNMENT)}


@pytest.fixture(scope="module")
def pages(course, rows):
    failed = []
    folder = feedback.feedback(course, tiny_course.ASSIGNMENT, lambda *told: failed.append(told))
    assert failed == []
    return {
        name: (folder / name / tiny_course.ASSIGNMENT / "adding.html").read_text(encoding="utf-8") for name in CLASS
    }


@pytest.mark.parametrize("student", CLASS)
def test_honest_points_are_there_and_texts_wait(student, marks):
    _, points, waits = CLASS[student]
    assert (marks[student].score, marks[student].waiting) == (points, int(waits))


@pytest.mark.parametrize("student", ["marks-in-code", "marks-in-prose", "line-ends"])
def test_what_is_no_accident_of_a_cell_is_not_told(student, rows):
    assert rows[student].notes == []


@pytest.mark.parametrize("student", ["marks-in-code", "marks-in-prose"])
def test_marks_of_nbgrader_in_an_answer_cost_no_page(student, pages):
    assert "BEGIN HIDDEN TESTS" in pages[student] and "About this submission" not in pages[student]


def test_what_stands_near_an_empty_text_is_shown_in_its_cell(course, rows, pages):
    path = course / "autograded" / "prose-below" / tiny_course.ASSIGNMENT / "adding.ipynb"
    why = cell_of(nbformat.read(path, as_version=4), "why")
    assert "YOUR ANSWER HERE" in why.source and "Because a sum has two parts." in why.source
    assert determine_grade(why) == (None, 1)
    assert pages["prose-below"].count("Because a sum has two parts.") == 2


def test_both_versions_of_python_are_named_where_syntax_differs(rows, pages):
    (note,) = rows["another-python"].notes
    assert "add is no valid syntax in Python 3.1" in note and "was written with Python 3.99" in note
    assert "was written with Python 3.99" in pages["another-python"]
