"""A course of one's own, with plain asserts and without course_utils, gets the marks that stock nbgrader gives."""

from __future__ import annotations

import pytest

from course_utils.classroom import folder as folder_module
from course_utils.errors import CourseError
from course_utils.stages import autograde, release
from course_utils.stages.check_source import check_source, rehearse
from tests.support.own_course import ASSIGNMENT, CLASS, STOCK, hand_in_class, make_course


def test_each_cell_earns_what_stock_nbgrader_gives_it(tmp_path):
    course = make_course(tmp_path)
    told = [remark for remark in check_source(course, ASSIGNMENT) if "answered by the student's own" in remark.text]
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


def test_the_rehearsal_names_the_line_and_a_way_to_write_it(tmp_path):
    course = make_course(tmp_path, {"test_kind": "s = Stack(1)\nassert s.copy() != 3"})
    (course / "source" / ASSIGNMENT / "data.ipynb").unlink()
    (remark,) = rehearse(course, ASSIGNMENT)
    assert remark.serious and "Line 2: Stack(…).copy() must be a plain value" in remark.text
    assert "ask isinstance(..., that class) before" in remark.text
