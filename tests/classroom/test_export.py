"""`nbgrader export` and the table of the course: absent, scored nothing, and a member of a group are three things."""

import csv
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook
from traitlets.config import Configurable

from course_utils.classroom.export import ScoreTableExporter
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.marks import write_course_table
from course_utils.errors import CourseError

ROSTER = """student_id,user_name,last_name,first_name,email,matriculation_number,group
ada,ada,Adder,Ada,,,Team 1
bob,bob,Byte,Bob,,,Team 2
eve,eve,=1+1,Eve,,,Team 1;Team 3
"""


class App(Configurable):
    """Stands for nbgrader's: its plugins know the course from it."""


def fill(gradebook: Gradebook) -> None:
    """Team 1 handed in and scored nothing, late; Team 2 handed in nothing; Team 3 has a point."""
    gradebook.add_assignment("ps1")
    gradebook.add_notebook("one", "ps1")
    gradebook.add_grade_cell("test", "one", "ps1", max_score=4, cell_type="code")
    for name in ("ada", "bob", "eve", "Team_1", "Team_2", "Team_3"):
        gradebook.add_student(name, last_name="=1+1" if name == "eve" else name)
    for team, points in (("Team_1", 0), ("Team_3", 1)):
        submission = gradebook.add_submission("ps1", team)
        submission.notebooks[0].grades[0].auto_score = points
        submission.notebooks[0].late_submission_penalty = 0.5 * points
    gradebook.db.commit()


@pytest.fixture
def course(tmp_path):
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (tmp_path / "source").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    with open_gradebook(tmp_path) as gradebook:
        fill(gradebook)
    return tmp_path


def exported(course, **settings):
    app = App()
    app.coursedir = SimpleNamespace(root=str(course))
    with open_gradebook(course) as gradebook:
        ScoreTableExporter(parent=app, to=str(course / "out.csv"), **settings).export(gradebook)
    with (course / "out.csv").open(encoding="utf-8") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_absent_scored_nothing_and_two_marks_are_told_apart(course):
    rows = exported(course)
    assert {who: (row["raw_score"], row["score"]) for who, row in rows.items()} == {
        "ada": ("0.0", "0.0"),
        "bob": ("", ""),
        "eve": ("several marks", "several marks"),
        "Team_1": ("0.0", "0.0"),
        "Team_2": ("", ""),
        "Team_3": ("1.0", "0.5"),
    }
    assert rows["eve"]["last_name"] == "'=1+1" and rows["bob"]["max_score"] == "4.0"
    table, _ = write_course_table(course)
    with table.open(encoding="utf-8-sig") as file:
        marks = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {who: marks[who]["ps1"] for who in ("ada", "bob", "eve")} == {"ada": "0", "bob": "", "eve": ""}
    assert marks["eve"]["notes"].startswith("ps1: several marks")


def test_what_is_asked_for_must_be_there(course):
    (course / "roster.csv").unlink()
    rows = exported(course, student=["ada", "Team_1"], assignment=["ps1"], no_submission="absent")
    assert {who: row["score"] for who, row in rows.items()} == {"ada": "absent", "Team_1": "0.0"}, "nobody knows groups"
    with pytest.raises(CourseError, match="`nbgrader export` knows those of the gradebook only"):
        exported(course, student=["adam"])
