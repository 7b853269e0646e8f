"""Ticks and marks are written together, by one reader after the other."""

from __future__ import annotations

import pytest
from nbgrader.api import Gradebook

from course_utils.classroom.rubric_marks import Conflict, RubricMarks
from course_utils.classroom.rubric_points import Decision
from course_utils.classroom.rubric_tables import Question
from course_utils.errors import CourseError
from tests.grading.test_postgresql import server  # noqa: F401
from tests.support.written_class import ASSIGNMENT, NOTEBOOK, make_class, scores

WHY = Question(ASSIGNMENT, NOTEBOOK, "why0")
LINES = [(1.0, "names the reason"), (0.5, "gives an example"), (-0.25, "says that it is always so"), (0.0, "shorter")]


@pytest.fixture
def address(request, tmp_path):
    """A gradebook with three students; tests that ask for it have it in PostgreSQL."""
    on_a_server = getattr(request, "param", "sqlite") == "postgresql"
    url = request.getfixturevalue("server") if on_a_server else f"sqlite:///{tmp_path}/gradebook.db"
    make_class(tmp_path, 3, 2, db_url=url if on_a_server else "")
    return url


@pytest.fixture
def marks(address):
    with Gradebook(address) as gradebook:
        marks = RubricMarks(gradebook)
        marks.take_over(WHY, LINES)
        yield marks


def ids(marks):
    return [item.id for item in marks.items(WHY)]


def grade(marks, student="student0000", cell="why0"):
    return marks._gradebook.find_grade(cell, NOTEBOOK, ASSIGNMENT, student)


def comment(marks, student="student0000"):
    return marks._gradebook.find_comment("why0", NOTEBOOK, ASSIGNMENT, student).comment


def test_ticks_give_points_and_the_comment_shows_each_line(marks):
    one, two, three, _ = ids(marks)
    marks.decide(WHY, {"student0000": "a"}, Decision((one, three), comment="Well *said*."), "Reader")
    assert grade(marks).manual_score == 0.75
    assert not grade(marks).needs_manual_grade
    assert comment(marks) == (
        "- ☑ (+1) names the reason\n- ☑ (-0.25) says that it is always so\n- ☐ (+0.5) gives an example\n\nWell *said*."
    )
    marks.decide(WHY, {"student0000": "a"}, Decision((one, two)), "Reader", seen={"student0000": 1})
    assert grade(marks).manual_score == 1.5


def test_points_stay_within_the_cell_and_by_hand_need_a_reason(marks):
    _, _, three, _ = ids(marks)
    marks.decide(WHY, {"student0000": "a"}, Decision((three,)), "Reader")
    assert grade(marks).manual_score == 0
    with pytest.raises(CourseError, match="need a reason"):
        marks.decide(WHY, {"student0001": "a"}, Decision((), adjustment=0.5), "Reader")
    marks.decide(WHY, {"student0001": "a"}, Decision((), 9.0, "a drawing says it"), "Reader")
    assert grade(marks, "student0001").manual_score == 1.5


@pytest.mark.parametrize("address", ["sqlite", "postgresql"], indirect=True)
def test_who_decides_second_is_told_and_nothing_is_written(marks, address):
    one, two, *_ = ids(marks)
    with Gradebook(address) as other:
        theirs = RubricMarks(other)
        theirs.decide(WHY, {"student0001": "a"}, Decision((two,)), "Another")
    with pytest.raises(Conflict, match="Another has marked"):
        marks.decide(WHY, {"student0000": "a", "student0001": "a"}, Decision((one,)), "Reader")
    marks.decide(WHY, {"student0002": "b"}, Decision((one,)), "Reader")
    marks.change_item(WHY, one, 0.5, "names a reason", "Reader")
    assert grade(marks, "student0002").manual_score == 0.5
    assert grade(marks, "student0001").manual_score == 0.5
    assert grade(marks).manual_score is None


def test_a_changed_line_scores_all_again_who_have_it(marks):
    one, two, *_ = ids(marks)
    marks.decide(WHY, {"student0000": "a", "student0001": "a"}, Decision((one, two)), "Reader")
    marks.decide(WHY, {"student0002": "b"}, Decision((two,)), "Reader")
    assert marks.touched_by(WHY, one, 0.5) == [("student0000", 1.5, 1.0), ("student0001", 1.5, 1.0)]
    marks.change_item(WHY, one, 0.5, "names a reason", "Reader")
    assert [grade(marks, f"student000{n}").manual_score for n in range(3)] == [1.0, 1.0, 0.5]
    assert "names a reason" in comment(marks)
    assert marks.undo(ASSIGNMENT, "Reader").kind == "item"
    assert [grade(marks, f"student000{n}").manual_score for n in range(3)] == [1.5, 1.5, 0.5]
    marks.change_item(WHY, one, 1.0, "names the reason", "Reader", retired=True)
    assert grade(marks).manual_score == 0.5
    assert "names the reason" not in comment(marks)


def test_undo_takes_back_the_own_last_decision_only(marks):
    one, two, *_ = ids(marks)
    marks.decide(WHY, {"student0000": "a"}, Decision((one,), comment="first"), "Reader")
    marks.decide(WHY, {"student0000": "a"}, Decision((two,)), "Reader", seen={"student0000": 1})
    marks.decide(WHY, {"student0001": "a"}, Decision((two,)), "Another")
    marks.undo(ASSIGNMENT, "Reader")
    assert grade(marks).manual_score == 1.0
    assert comment(marks).endswith("first")
    marks.undo(ASSIGNMENT, "Reader")
    assert grade(marks).manual_score is None
    assert grade(marks).needs_manual_grade
    assert marks.undo(ASSIGNMENT, "Reader") is None
    assert grade(marks, "student0001").manual_score == 0.5


def test_what_another_reader_changed_since_is_not_taken_back(marks):
    one, two, *_ = ids(marks)
    marks.decide(WHY, {"student0000": "a"}, Decision((one,)), "Reader")
    marks.decide(WHY, {"student0000": "a"}, Decision((two,)), "Another", seen={"student0000": 1})
    with pytest.raises(Conflict, match="can't be taken back"):
        marks.undo(ASSIGNMENT, "Reader")
    assert grade(marks).manual_score == 0.5


def test_a_second_reading_is_no_mark(marks):
    one, *_ = ids(marks)
    marks.decide(WHY, {"student0000": "a"}, Decision((one,)), "Second", turn=2)
    assert grade(marks).manual_score is None
    assert marks.readings(WHY) == {}
    assert marks.readings(WHY, 2)["student0000"].points == 1.0
    assert marks.undo(ASSIGNMENT, "Second") is None
    marks.undo(ASSIGNMENT, "Second", turn=2)
    assert marks.readings(WHY, 2) == {}


def test_a_rubric_of_the_source_that_changes_moves_no_given_mark(marks):
    one, *_ = ids(marks)
    marks.decide(WHY, {"student0000": "a"}, Decision((one,)), "Reader")
    told = marks.take_over(WHY, [(0.5, "names the reason"), (0.75, "gives an example"), (0.5, "new")])
    assert [(i.points, i.text) for i in marks.items(WHY)] == [
        (1.0, "names the reason"), (0.75, "gives an example"), (0.5, "new"),
    ]  # fmt: skip
    assert len(told) == 1
    marks.change_item(WHY, marks.items(WHY)[1].id, 0.25, "gives an example", "Reader")
    assert len(marks.take_over(WHY, [(0.5, "names the reason"), (0.75, "gives an example"), (0.5, "new")])) == 2
    assert marks.items(WHY)[1].points == 0.25
    marks.change_item(WHY, marks.items(WHY)[1].id, 0.75, "gives an example", "Reader")
    assert grade(marks).manual_score == 1.0
    assert marks.take_over(WHY, [(0.75, "gives an example")])[0].startswith("“names the reason” is no more")
    assert scores_of_all(marks)[0] == 1.0


def scores_of_all(marks):
    return [grade(marks, f"student000{n}").manual_score for n in range(3)]


def test_scores_read_by_others_are_the_ones_written(marks, address, tmp_path):
    one, *_ = ids(marks)
    marks.decide(WHY, {"student0002": "a"}, Decision((one,)), "Reader")
    assert scores(tmp_path, address)["student0002", "why0"] == 1.0
