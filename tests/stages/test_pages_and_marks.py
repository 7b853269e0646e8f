"""What stands on pages is what stands in the gradebook: after marks, comments, a regrade, and another answer."""

from __future__ import annotations

import zipfile
from datetime import datetime

import nbformat
import pytest

from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.marks import read_marks
from course_utils.errors import CourseError
from course_utils.stages import autograde, feedback
from course_utils.stages.give_back import return_marks
from tests.support.tiny_course import ASSIGNMENT, hand_in, make_course, write

ROSTER = """student_id,user_name,last_name,first_name,email,matriculation_number,group
anna,anna,Adder,Anna,,,
berta,berta,Byte,Berta,,,
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Two students who answered the question; graded, pages made, nobody has read anything."""
    course = make_course(tmp_path_factory.mktemp("pages") / "course")
    (course / "roster.csv").write_text(ROSTER, encoding="utf-8")
    for student in ("anna", "berta"):
        hand_in(course, student)
        answer(course, student, "Because 1 + 1 is 2.")
    autograde.autograde(course, ASSIGNMENT, workers=1)
    feedback.feedback(course, ASSIGNMENT)
    return course


def answer(course, student, text):
    path = course / "submitted" / student / ASSIGNMENT / "adding.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = text
    write(notebook, path)


def mark(course, student, points, comment=None, name="why"):
    """As a script does with nbgrader's api: the flag that formgrader clears stays as it is."""
    with open_gradebook(course) as gradebook:
        gradebook.find_grade(name, "adding", ASSIGNMENT, student).manual_score = points
        if comment is not None:
            gradebook.find_comment(name, "adding", ASSIGNMENT, student).manual_comment = comment
        gradebook.db.commit()


def page(course, student):
    return (course / "feedback" / student / ASSIGNMENT / "adding.html").read_text(encoding="utf-8")


def hand_in_late(course, student):
    """A day after a deadline that takes half of the points."""
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write('c.Deadlines.policy = "percent per started day"\nc.Deadlines.percent_per_day = 50\n')
    with open_gradebook(course) as gradebook:
        gradebook.find_assignment(ASSIGNMENT).duedate = datetime(2026, 11, 20, 18)
        gradebook.find_submission(ASSIGNMENT, student).timestamp = datetime(2026, 11, 21, 6)
        gradebook.db.commit()


def waiting(course, **problems):
    """Who waits, as the table of autograde and as the return say."""
    rows = autograde.autograde(course, ASSIGNMENT, workers=1)
    assert {row.student_id: row.problem for row in rows if row.problem} == problems
    told = {row.student_id for row in rows if row.needs_manual}
    assert told == {one.owner_id for one in read_marks(course, ASSIGNMENT) if one.waiting}
    return told


def reword(course):
    path = course / "source" / ASSIGNMENT / "adding.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].source += "  # said better"
    write(notebook, path)


def test_pages_follow_the_gradebook(course):
    """One class, in the order of a term: each step costs a run."""
    # What no person has read is nowhere 0.
    assert "3 of 3 points so far; 1 more is not graded yet" in page(course, "anna")
    assert page(course, "anna").count("Not graded yet; 1 point possible") == 2 and "0 of 1" not in page(course, "anna")
    automatic = return_marks(course, ASSIGNMENT, automatic=True)
    assert automatic.renewed == () and len(automatic.lines) == 2

    # A mark and a comment after the pages were made: the page that goes out shows them.
    mark(course, "anna", 0.5, "Say why <b>2</b>.")
    before = page(course, "berta")
    result = return_marks(course, ASSIGNMENT)
    assert result.renewed == ("anna",) and [line.score for line in result.lines] == [3.5]
    with zipfile.ZipFile(result.feedback) as archive:
        (name,) = archive.namelist()
        text = archive.read(name).decode()
    assert ">3.5 of 4 points<" in text and "Say why" in text and "not graded yet" not in text.lower()
    assert text.count("0.5 of 1 point; a person gave this mark") == text.count("a person gave this mark") == 2
    assert page(course, "berta") == before and return_marks(course, ASSIGNMENT).renewed == ()

    # The course's test is reworded: what a person marked stays marked, for the table as for the return. Only another
    # answer than the one that was marked is to be read.
    mark(course, "berta", 1)
    reword(course)
    answer(course, "anna", "Because I say so.")
    assert waiting(course) == {"anna"}
    assert return_marks(course, ASSIGNMENT).renewed == ("berta",), "it shows the old test, and no mark"
    (line,) = (line for line in return_marks(course, ASSIGNMENT, automatic=True).lines if line.owner_id == "anna")
    assert line.score == 3 and "1 more are not graded yet" in line.comment
    assert ">3 of 3 points so far" in page(course, "anna") and "a person gave" not in page(course, "anna")

    # Formgrader clears the flag when a mark is entered. More points than the cell has by now: told where it is graded.
    with open_gradebook(course) as gradebook:
        gradebook.find_grade("why", "adding", ASSIGNMENT, "anna").needs_manual_grade = False
        gradebook.db.commit()
    mark(course, "berta", 1.5)
    problem = "adding, why: a person gave 1.5 points, and the cell has 1 now; change one of them"
    assert waiting(course, berta=problem) == set()

    # One student's pages alone.
    (course / "feedback" / "anna" / ASSIGNMENT / "adding.html").unlink()
    before = page(course, "berta")
    feedback.feedback(course, ASSIGNMENT, students=["anna"])
    assert ">3.5 of 4 points<" in page(course, "anna") and page(course, "berta") == before

    # Lateness takes its share of what a person gave after the run, on pages as in what is returned.
    hand_in_late(course, "anna")
    feedback.feedback(course, ASSIGNMENT, students=["anna"])
    assert ">1.75 of 4 points<" in page(course, "anna")
    assert ">1.75 points were taken for lateness.<" in page(course, "anna")
    with pytest.raises(CourseError, match=r"Nothing of nobody is graded in tiny; run `course autograde tiny`\."):
        feedback.feedback(course, ASSIGNMENT, students=["nobody"])


def test_pages_that_cannot_be_made_again_do_not_go_out(course, monkeypatch):
    mark(course, "anna", 0.25)
    monkeypatch.setattr("course_utils.stages.give_back.write_pages", lambda *_: [("anna", "could not be shown (x)")])
    result = return_marks(course, ASSIGNMENT)
    told = dict(result.withheld)["Anna Adder"]
    assert told == "has a score, but the feedback pages could not be shown (x)"
    assert [line.pages for line in result.lines if line.owner_id == "anna"] == [()]
