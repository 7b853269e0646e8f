"""The `course` command: what it prints, what it writes, how it ends."""

from __future__ import annotations

import csv

import pytest
from typer.testing import CliRunner

from course_utils.command import app, doctor
from course_utils.command.doctor import Finding
from course_utils.errors import CourseError
from course_utils.stages import autograde as stage
from course_utils.stages.autograde import SubmissionResult
from tests.support.tiny_course import hand_in, make_course


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in a folder, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app.console, "_width", 200)

    def call(*arguments):
        return CliRunner().invoke(app.app, [str(argument) for argument in arguments])

    return call


ROWS = [
    SubmissionResult("anna", 3, 4, needs_manual=True, notes=["adding: one", "adding: two"]),
    SubmissionResult("[/] x", 0, 0, problem="not gradable: there is [/bold] Untitled.ipynb"),
    SubmissionResult("carla", 2.5, 4, penalty=1, in_kernel_points=2.0, sandboxed=False),
]


@pytest.fixture
def graded(monkeypatch):
    """Stands for a run; holds what it was asked for."""
    asked = {}

    def autograde(course, assignment, students=None, *, started, progress, **options):
        asked.update(options, course=course, assignment=assignment, students=students)
        for number, row in enumerate(ROWS, 1):
            started(row.student_id)
            progress(row, number, len(ROWS))
        return ROWS

    monkeypatch.setattr(stage, "autograde", autograde)
    monkeypatch.setattr("course_utils.classroom.standings.standings", lambda *_: {})
    return asked


def test_autograde_prints_a_row_each_and_writes_a_table(run, graded, tmp_path):
    result = run("autograde", "tiny")
    assert result.exit_code == 0, result.output
    assert "tiny: 3 submissions" in result.output
    for text in ("anna", "2.5", "waiting", "2, see the table", "there is [/bold] Untitled.ipynb", "[/] x"):
        assert text in result.output
    assert "Points whose test ran in the student's own kernel: 2" in result.output
    with (tmp_path / "reports" / "tiny-autograde.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["student_id"] for row in rows] == ["anna", "[/] x", "carla"]
    assert rows[0]["notes"] == "adding: one | adding: two"
    assert [row["sandboxed"] for row in rows] == ["True", "True", "False"]
    assert rows[1]["problem"] == "not gradable: there is [/bold] Untitled.ipynb"
    assert rows[2]["penalty"] == "1"


def test_options_reach_the_run(run, graded, tmp_path):
    options = ("--student", "a", "--student", "b", "--workers", 3, "--force", "--no-sandbox", "--course", tmp_path)
    options += ("--reader", "Prof. Muster")
    result = run("autograde", "tiny", *options)
    assert graded == {
        "course": tmp_path, "assignment": "tiny", "students": ["a", "b"], "workers": 3, "scheduler": None,
        "force": True, "sandbox": False, "reader": "Prof. Muster", "parents": None,
    }  # fmt: skip
    assert "Graded without the sandbox. The results say so." in result.output


def test_everybody_and_the_sandbox_are_the_default(run, graded):
    result = run("autograde", "tiny")
    assert graded["students"] is None and graded["sandbox"] is True
    assert "without the sandbox" not in result.output


@pytest.mark.parametrize("command", [["release", "tiny"], ["autograde", "tiny"], ["feedback", "tiny"]])
def test_an_error_of_the_course_is_one_sentence(command, run, monkeypatch):
    def fail(*_, **__):
        raise CourseError("There is no assignment '[/tiny]' in source/.")

    monkeypatch.setattr(f"course_utils.stages.{command[0]}.{command[0]}", fail)
    result = run(*command)
    assert result.exit_code == 1
    assert result.output.strip() == "There is no assignment '[/tiny]' in source/."


def test_release_wants_a_name_or_all(run):
    result = run("release")
    assert result.exit_code == 1 and "Name an assignment, or use --all." in result.output


def test_nobody_to_grade(run, monkeypatch):
    monkeypatch.setattr(stage, "autograde", lambda *_, **__: [])
    result = run("autograde", "tiny")
    assert result.exit_code == 1
    assert "Nobody has a folder submitted/<student_id>/tiny: run `course collect` first." in result.output


def test_stopping_keeps_what_is_finished(run, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "autograde", stopped)
    result = run("autograde", "tiny")
    assert result.exit_code == 130 and "the same command goes on from here" in result.output


@pytest.mark.parametrize(("level", "code", "mark"), [("good", 0, "ok"), ("warning", 0, "!!"), ("bad", 1, "no")])
def test_doctor_fails_only_when_something_will_not_work(level, code, mark, run, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda _: [Finding(level, "disk", "3 GiB free [/x]")])
    result = run("doctor")
    assert result.exit_code == code
    assert result.output.split() == [mark, "disk", "3", "GiB", "free", "[/x]"]


def test_every_command_has_a_sentence_of_help(run):
    result = run("--help")
    for command in ("release", "autograde", "feedback", "doctor", "collect", "return", "pack", "demo"):
        assert command in result.output
        assert run(command, "--help").exit_code == 0


def test_the_stages_one_after_the_other(run, tmp_path):
    """For real, on one submission."""
    course = make_course(tmp_path / "course")
    hand_in(course, "anna", "half")
    released = run("release", "tiny", "--no-zip", "--course", course)
    assert released.exit_code == 0 and (course / "release" / "tiny" / "adding.ipynb").exists()
    graded = run("autograde", "tiny", "--workers", 1, "--course", course)
    assert graded.exit_code == 0, graded.output
    assert "Points whose test ran in the student's own kernel: 0" in graded.output
    pages = run("feedback", "tiny", "--course", course)
    assert "Wrote 1 pages" in pages.output
    with (course / "reports" / "tiny-autograde.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["student_id"], row["points"], row["max_points"]) == ("anna", "2.0", "4.0")


def test_a_rule_of_nbgrader_that_a_source_breaks_is_named(run, tmp_path):
    """nbgrader says it in its log only, which is not shown."""
    course = make_course(tmp_path / "course")
    path = course / "source" / "tiny" / "adding.ipynb"
    path.write_text(path.read_text().replace('"test_add_visible"', '"add"'))
    result = run("release", "tiny", "--course", course)
    assert result.exit_code == 1 and "Duplicate grade id: add" in result.output
    assert "Traceback" not in result.output
