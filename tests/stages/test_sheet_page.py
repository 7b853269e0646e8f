"""One page says what a whole assignment has earned, beside the pages of its notebooks."""

from __future__ import annotations

import re

import pytest
from nbgrader.api import Gradebook

from course_utils.grading.page_state import out_of_date
from course_utils.grading.sheet_page import NAME
from course_utils.stages.feedback import feedback
from tests.support.written_class import ASSIGNMENT, make_class, student_id


@pytest.fixture
def course(tmp_path):
    return make_class(tmp_path / "course", 2, 2, notebooks=("words", "beyond"))


def text_of(course, student=0):
    page = (course / "feedback" / student_id(student) / ASSIGNMENT / f"{NAME}.html").read_text(encoding="utf-8")
    assert "script-src 'none'" in page
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.S).split())


def test_points_of_all_notebooks_stand_on_one_page(course):
    feedback(course, ASSIGNMENT)
    text = text_of(course)
    assert "2 of 4 points so far; 6 more are not graded yet" in text
    assert text.index("beyond: 1 of 2") < text.index("words: 1 of 2")
    assert "Exercise 1: Why, 1 0 of 1 1.5 Exercise 2: Why, 2 1 of 1 1.5" in text


def test_a_mark_that_a_person_gives_and_a_notebook_that_is_missing_are_on_it(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("why0", "words", ASSIGNMENT, student_id(0))
        grade.manual_score, grade.needs_manual_grade = 1.25, False
        gradebook.db.commit()
    (course / "autograded" / student_id(0) / ASSIGNMENT / "beyond.ipynb").unlink()
    feedback(course, ASSIGNMENT)
    text = text_of(course)
    assert "beyond: not handed in" in text
    assert "words: 2.25 of 3.5" in text
    assert "1: Why, 1 1.25 of 2.5" in text


def test_pages_are_written_in_the_language_of_the_course_and_written_again_if_it_changes(course):
    feedback(course, ASSIGNMENT)
    graded = course / "autograded" / student_id(0) / ASSIGNMENT
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write('c.Course.language = "de"\n')
    pages = course / "feedback" / student_id(0) / ASSIGNMENT
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        submission = gradebook.find_submission(ASSIGNMENT, student_id(0))
        assert out_of_date(submission, graded, pages) == []
        assert out_of_date(submission, graded, pages, "de") == ["beyond", "words"]
    feedback(course, ASSIGNMENT)
    text = text_of(course)
    assert "bisher 2 von 4 Punkten; 6 weitere Punkte sind noch nicht bewertet" in text
    assert "words: 1 von 2" in text
    assert "Aufgabe Punkte Noch nicht bewertet Exercise 1: Why, 1 0 von 1 1,5" in text
    page = (pages / "words.html").read_text(encoding="utf-8")
    assert '<html lang="de">' in page and "Ihre Antwort" in page
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        submission = gradebook.find_submission(ASSIGNMENT, student_id(0))
        assert out_of_date(submission, graded, pages, "de") == []


def test_an_assignment_of_one_notebook_has_its_page_only(tmp_path):
    course = make_class(tmp_path / "course", 1, 1)
    feedback(course, ASSIGNMENT)
    assert [path.name for path in course.glob("feedback/*/*/*.html")] == ["words.html"]
