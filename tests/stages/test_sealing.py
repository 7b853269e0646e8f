"""What students receive of a sealed cell, what grades them, and what authors hear."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from course_utils.classroom.folder import open_gradebook
from course_utils.errors import CourseError
from course_utils.stages.autograde import autograde
from course_utils.stages.check_source import check_source
from course_utils.stages.feedback import feedback
from course_utils.stages.release import release
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, _cell, make_course, write

CHECK = '''"""Visible checks (1 point): the total."""
weights = [3 * 41, 41 * 5]
assert_number(
    total,
    sum(weights),
    "total",
    "weights",
    hint="Add up both layers.",
    mistakes={"This is the first layer alone.": weights[0]},
)
print("total: check passed")'''
SOLUTION = "### BEGIN SOLUTION\ntotal = 3 * 41 + 41 * 5\n### END SOLUTION"


def course_with(folder, check=CHECK, solution=SOLUTION):
    course = make_course(folder / "course")
    path = course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell("from course_utils.checks import assert_equal, assert_number", id="setup"),
        _cell("total", solution, solution=True),
        _cell("test_total", check, points=1, sealed=True),
    ]
    write(notebook, path)
    return course


def released(course):
    release(course, ASSIGNMENT)
    return nbformat.read(course / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)


def test_students_hear_the_same_and_can_read_nothing(tmp_path):
    notebook = released(course_with(tmp_path))
    text = notebook.cells[2].source
    assert text.count("\n") == 3 and "assert_sealed(total, 'total', \"" in text
    readable = re.sub(r"[A-Za-z0-9+/=]{30,}", "", json.dumps(notebook))  # without checksums and seals
    for told in ("sum(", "123", "328", "41", "first layer", "mistakes"):
        assert told not in readable
    assert said(text, 328) == "total: check passed\n"
    assert said(text, 123) == "total is 123 weights, which is not right.\nThis is the first layer alone."
    assert said(text, 300) == "total is 300 weights, which is not right.\nAdd up both layers."


def said(text, total):
    """Return what the released check says of an answer."""
    from contextlib import redirect_stdout
    from io import StringIO

    from course_utils.checks import CheckFailed

    printed = StringIO()
    try:
        with redirect_stdout(printed):
            exec(text, {"total": total})
    except CheckFailed as failed:
        return str(failed)
    return printed.getvalue()


def test_grading_and_the_gradebook_use_the_source(tmp_path):
    course = course_with(tmp_path)
    notebook = released(course)
    with open_gradebook(course) as gradebook:
        (kept,) = [c for c in gradebook.find_notebook(NOTEBOOK, ASSIGNMENT).source_cells if c.name == "test_total"]
        assert kept.source == CHECK
    for student, answer in (("student0", "total = 328"), ("student1", "total = 123")):
        notebook.cells[1].source = answer
        write(notebook, course / "submitted" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb")
    rows = {row.student_id: row for row in autograde(course, ASSIGNMENT)}
    assert [rows[name].points for name in ("student0", "student1")] == [1, 0]
    assert not any(row.notes for row in rows.values())
    feedback(course, ASSIGNMENT)
    page = (course / "feedback" / "student0" / ASSIGNMENT / f"{NOTEBOOK}.html").read_text()
    assert "assert_sealed" in page and "weights" not in page and "first layer" not in page


def test_released_again_it_is_the_same(tmp_path):
    course = course_with(tmp_path)
    assert released(course) == released(course)


@pytest.mark.parametrize(
    ("check", "solution", "reason"),
    [
        (CHECK, SOLUTION.replace("5", "6"), "its reference stops while answers are sealed.*total is 369 weights"),
        ("assert_equal(total > 3, True, 'total')", SOLUTION, "2 tries find this one"),
        ("assert_number(total, 3, 'total')", SOLUTION.replace("3 * 41 + 41 * 5", "3"), "4 tries find this one"),
        ("if total < 0:\n    assert_number(total, 328, 'total')", SOLUTION, "must be reached"),
        ("print(total)", SOLUTION, "0 checks can be sealed"),
        ("def check():\n    assert_number(total, 328, 'total')\ncheck()", SOLUTION, "would be released as it is"),
        ("if total: assert_number(total, 328, 'total')", SOLUTION, "is no Python"),
        (
            "import random\nrandom.seed(0)\nnoise = random.random()\nx = random.random()\n"
            "assert_number(total + x, 328 + noise - noise + x, 'total')",
            SOLUTION,
            "as it is released, its checks do not take the reference",
        ),
        (
            "for n in (100, 200):\n    assert_number(total + n, 328 + n, 'total')",
            SOLUTION,
            "called 'total'; give each its own name",
        ),
    ],
)
def test_what_cant_be_sealed_is_told_to_the_author(tmp_path, check, solution, reason):
    course = course_with(tmp_path, check, solution)
    with pytest.raises(CourseError, match=f"(?s){reason}"):
        release(course, ASSIGNMENT)


def test_the_mark_is_true_or_false(tmp_path):
    course = course_with(tmp_path)
    path = course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].metadata["course"]["sealed"] = "yes"
    write(notebook, path)
    assert any("sealed must be true or false" in str(remark) for remark in check_source(course, ASSIGNMENT))
