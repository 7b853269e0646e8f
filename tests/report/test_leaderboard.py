"""The leaderboard: who is on it, in which order, under which name, and what a student cannot write into it."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from nbgrader.api import MissingEntry
from typer.testing import CliRunner

from course_utils.classroom import folder as course_folder
from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.roster import Roster
from course_utils.command import app
from course_utils.errors import CourseError
from course_utils.report import leaderboard
from course_utils.training import Record

ROSTER = "student_id,user_name,last_name,first_name,email,matriculation_number,group\n" + "".join(
    f"{name},{name},{name.title()},Anna,{name}@students.example,,\n"
    for name in ("anna", "bert", "carla", "dora", "emil")
)
FOUND = "The network is right on {} % of 2,000 pictures that it has not seen"


def cell(kind, **more):
    return {"cell_type": "code", "metadata": kind, "source": "", "outputs": [], **more}


def stream(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def error(text):
    return {"output_type": "error", "ename": "CheckFailed", "evalue": text, "traceback": []}


class Course:
    """A folder with one assignment, and a gradebook that knows who was graded."""

    def __init__(self, folder):
        self.folder, self.points = folder, {}
        self.write(folder / "source" / "nets" / "racing.ipynb", [cell({"course": {"artifacts": ["net"]}})])
        self.write(folder / "source" / "nets" / "other.ipynb", [cell({})])
        (folder / "nbgrader_config.py").write_text("c = get_config()\n")
        (folder / "roster.csv").write_text(ROSTER)

    def write(self, path, cells):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))

    def hand_in(self, student, points, accuracy=None, outputs=(), **record):
        values = {"data": "stand-in", "epochs": 3, "seconds": 12.0, "parameters": 100, "finished": True} | record
        path = self.folder / "submitted" / student / "nets" / "artifacts" / "net.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(asdict(Record("net", **values))))
        test = cell({"nbgrader": {"grade": True, "solution": False}}, outputs=list(outputs))
        if accuracy is not None:
            test["metadata"]["course"] = {"facts": {"accuracy_percent": accuracy}}
        mine = cell({"nbgrader": {"grade": False, "solution": True}}, outputs=[stream(FOUND.format("99.9"))])
        self.write(self.folder / "autograded" / student / "nets" / "racing.ipynb", [mine, test])
        self.points[student] = points

    def find_submission_notebook(self, notebook, assignment, student):
        assert (notebook, assignment) == ("racing", "nets")
        if student not in self.points:
            raise MissingEntry(student)
        return SimpleNamespace(score=self.points[student], max_score=5.0)

    def rows(self):
        return leaderboard.read(self.folder, "nets", "net", self, Pseudonyms(Roster(())))


@pytest.fixture
def course(tmp_path):
    made = Course(tmp_path)
    made.hand_in("anna", 5.0, 76.2, seconds=30.0)
    made.hand_in("bert", 3.0, 66.0, [error("Das Netz liegt bei 66,0 % der Bilder richtig.")])
    made.hand_in("carla", 5.0, 76.2, [stream("Das Netz liegt bei 76,2 % der Bilder richtig.")], seconds=20.0)
    return made


def test_points_then_accuracy_then_time(course):
    course.hand_in("dora", 5.0, 80.1, seconds=900.0)
    assert [(row.place, row.name, row.accuracy) for row in course.rows()] == [
        (1, "dora", 80.1), (2, "carla", 76.2), (3, "anna", 76.2), (4, "bert", 66.0),
    ]  # fmt: skip


def test_equals_share_a_place(course):
    course.hand_in("dora", 5.0, 76.2, seconds=20.0)
    assert [(row.place, row.name) for row in course.rows()][:3] == [(1, "carla"), (1, "dora"), (3, "anna")]


def test_who_was_not_graded_or_has_no_record_has_no_row(course):
    course.hand_in("dora", 5.0)
    del course.points["dora"]
    course.hand_in("emil", 5.0)
    (course.folder / "submitted" / "emil" / "nets" / "artifacts" / "net.json").write_text("{}")
    assert {row.name for row in course.rows()} == {"anna", "bert", "carla"}


def test_what_the_student_prints_is_no_accuracy(course):
    boast = stream(FOUND.format("99.9"))
    course.hand_in("dora", 0.0, None, [boast, error(FOUND.format("99.9"))])
    course.hand_in("emil", 5.0, 70.3, [boast, boast])
    assert {row.name: row.accuracy for row in course.rows()} == {
        "anna": 76.2, "bert": 66.0, "carla": 76.2, "dora": None, "emil": 70.3,
    }  # fmt: skip


def test_a_record_cannot_bring_markup_or_odd_numbers(course, tmp_path):
    course.hand_in("dora", 0.0, data="<script>|", device="[bold]|", seconds=-5.0, parameters=-1, epochs=-1)
    rows = course.rows()
    (dora,) = (row for row in rows if row.name == "dora")
    assert (dora.data, dora.device, dora.seconds, dora.parameters, dora.epochs) == ("other", "other", 0.0, 0, 0)
    table, page = leaderboard.write(rows, tmp_path / "reports", "nets", "net")
    assert "script" not in page.read_text() + table.read_text()
    assert all(line.count("|") == 10 for line in page.read_text().splitlines() if line.startswith("|"))


def test_a_network_that_nobody_trains_is_told(course):
    with pytest.raises(CourseError, match="No notebook in source/nets trains a network called 'nett'"):
        leaderboard.notebook_of(course.folder, "nets", "nett")


def test_the_environment_is_left_alone(course, monkeypatch):
    monkeypatch.setenv("COURSE_FILES", "somewhere")
    course.rows()
    assert os.environ["COURSE_FILES"] == "somewhere"


@pytest.fixture
def command(course, monkeypatch):
    @contextlib.contextmanager
    def gradebook(_):
        yield course

    monkeypatch.setattr(course_folder, "open_gradebook", gradebook)
    monkeypatch.setattr(app.console, "_width", 200)

    def call(*options):
        return CliRunner().invoke(app.app, ["leaderboard", "nets", "--course", str(course.folder), *options])

    return call


def test_the_command_shows_pseudonyms_and_writes_table_and_page(command, course):
    result = command("--network", "net")
    assert result.exit_code == 0, result.output
    table = course.folder / "reports" / "nets-net-leaderboard.csv"
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["place"] for row in rows] == ["1", "2", "3"]
    assert all(row["name"].startswith("p-") and row["name"] in result.output for row in rows)
    everything = result.output + table.read_text() + table.with_suffix(".md").read_text()
    assert not any(name in everything for name in ("anna", "bert", "carla"))


def test_names_are_shown_on_demand(command):
    assert "carla" in command("--network", "net", "--names").output


def test_an_empty_leaderboard_says_what_to_do(command, course):
    course.points.clear()
    result = command("--network", "net")
    assert result.exit_code == 1 and "run `course autograde nets` first" in result.output
    result = command("--network", "unknown")
    assert result.exit_code == 1 and "No notebook in source/nets trains" in result.output
