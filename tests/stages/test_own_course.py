"""A course of one's own, with plain asserts and without course_utils, gets the marks that stock nbgrader gives."""

from __future__ import annotations

import pytest

from course_utils.classroom import folder as folder_module
from course_utils.errors import CourseError
from course_utils.stages import autograde, release
from course_utils.stages import check_source as stage
from tests.support.own_course import ASSIGNMENT, CLASS, STOCK, hand_in_class, make_course


def test_each_cell_earns_what_stock_nbgrader_gives_it(tmp_path):
    course = make_course(tmp_path)
    told = [
        remark for remark in stage.check_source(course, ASSIGNMENT) if "answered by the student's own" in remark.text
    ]
    assert len(told) == 7 and str(told[0]).startswith("classes, test_equal, line 3: 's == t'")
    release.release(course, ASSIGNMENT)
    assert (course / "release" / ASSIGNMENT / "helper.py").is_file()
    assert '"objects"' not in (course / "release" / ASSIGNMENT / "classes.ipynb").read_text()
    hand_in_class(course)
    rows = autograde.autograde(course, ASSIGNMENT, workers=1)
    with folder_module.open_gradebook(course) as gradebook:
        marks = {
            student: {grade.name: grade.auto_score for notebook in submission.notebooks for grade in notebook.grades}
            for student in CLASS
            for submission in [gradebook.find_submission(ASSIGNMENT, student)]
        }
    assert marks == STOCK
    assert not any(row.problem or row.notes for row in rows)  # an __eq__ that was asked for is nothing to look at


def test_a_test_that_cannot_work_stops_the_release_with_its_line(tmp_path):
    course = make_course(tmp_path, {"test_kind": "s = Stack(1, 2)\nassert type(s) is Stack"})
    with pytest.raises(CourseError, match=r"classes, test_kind, line 2: .*Write isinstance\(\.\.\., Stack\)\."):
        release.release(course, ASSIGNMENT)
    assert not (course / "release").exists()


def test_the_rehearsal_asks_for_the_lines_of_tests(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(stage, "grade_here", lambda submissions, workers: given.extend(submissions) or [])
    assert stage.rehearse(make_course(tmp_path), ASSIGNMENT) == []
    assert len(given) == 4 and all(submission.settings.lines for submission in given)
