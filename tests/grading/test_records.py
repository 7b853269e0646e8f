"""Whether an answer is still the one that a person marked; the rows themselves are read in tests/stages."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from course_utils.classroom.by_hand import MARKER, to_read_again, waits
from course_utils.grading.records import Before


def notebook(why="Because.", add="return 1", test="assert add() == 1", own="helper = 1"):
    def marks(name, **flags):
        return {"nbgrader": {"grade_id": name, "grade": False, "solution": False, **flags}, "course": {}}

    return new_notebook(
        cells=[
            new_code_cell(add, id="add", metadata=marks("add", solution=True)),
            new_code_cell(test, id="test", metadata=marks("test_add", grade=True)),
            new_markdown_cell(why, id="why", metadata=marks("why", grade=True, solution=True)),
            new_code_cell(own, id="own", metadata={"course": {"origin": "student"}}),
        ]
    )


def grade(name, *, flag=False, auto=None, manual=1.0, points=2.0):
    return SimpleNamespace(
        name=name, notebook=SimpleNamespace(name="adding"), needs_manual_grade=flag, auto_score=auto,
        manual_score=manual, max_score=points,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "adding.ipynb").write_text(writes(notebook()), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "now", "same"),
    [
        ("why", {"test": "assert add() == 1, 'One.'"}, True),
        ("why", {"add": "return 2"}, True),
        ("why", {"why": "Because!"}, False),
        ("test_add", {"test": "assert add() == 1, 'One.'"}, True),
        ("test_add", {"add": "return 2"}, False),
        ("test_add", {"own": "helper = 2"}, False),
    ],
)
def test_a_mark_is_for_the_answer_that_was_read(name, now, same, folder):
    """For a test whose points were raised by hand: for all that the student wrote."""
    assert Before(folder).is_what_was_marked(grade(name), notebook(**now)) is same


def test_what_changed_stays_changed_until_somebody_marks_it(folder):
    (folder / MARKER).write_text(json.dumps({"changed": [["adding", "why"]]}))
    assert not Before(folder).is_what_was_marked(grade("why", flag=True), notebook())
    assert Before(folder).is_what_was_marked(grade("why", flag=False), notebook())


@pytest.mark.parametrize("content", ["", "no JSON", "{}"])
def test_where_nobody_knows_what_was_marked_it_is_read_again(content, folder):
    (folder / "adding.ipynb").write_text(content)
    assert not Before(folder).is_what_was_marked(grade("why"), notebook())


@pytest.mark.parametrize("content", ['{"changed": 1}', '{"changed": [1, [2]]}', '{"digest": "x"}'])
def test_a_marker_without_changes(content, folder):
    (folder / MARKER).write_text(content)
    assert to_read_again(folder) == frozenset()


@pytest.mark.parametrize("content", ["", "[1]", None])
def test_without_a_marker_nobody_compared_and_nbgraders_flag_decides(content, folder):
    if content is not None:
        (folder / MARKER).write_text(content)
    else:
        (folder / MARKER).unlink(missing_ok=True)
    assert to_read_again(folder) is None
    assert waits(grade("why", flag=True), None) and not waits(grade("why", flag=False), None)


@pytest.mark.parametrize(
    ("fields", "changed", "wanted"),
    [
        ({"manual": None, "auto": None}, False, True),
        ({"manual": None, "auto": 0.0}, False, False),
        ({"manual": None, "auto": None, "points": 0.0}, False, False),
        ({"flag": True}, False, False),  # a mark through nbgrader.api, or a regrade by nbgrader
        ({"flag": True}, True, True),
        ({"flag": False}, True, False),
    ],
)
def test_what_waits_for_a_person(fields, changed, wanted):
    assert waits(grade("why", **fields), frozenset({("adding", "why")} if changed else ())) is wanted
