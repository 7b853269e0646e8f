"""Grading again: what would move is shown before anything is written, and what moved can be read in a log."""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import subprocess
import sys

import nbformat
import pytest
from typer.testing import CliRunner

from course_utils.classroom.folder import open_gradebook
from course_utils.command import app, regrading
from course_utils.grading import records
from course_utils.stages import autograde
from course_utils.stages import regrading as stage
from course_utils.stages.release import release
from tests.support.engine import ROOT
from tests.support.tiny_course import ANSWERS, ASSIGNMENT, NOTEBOOK, make_course, source_notebook, write

pytestmark = pytest.mark.xdist_group("cycle")

GRADED = {"anna": "right", "bert": "half", "cleo": "wrong"}


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(app.console, "_width", 300)
    folder = make_course(tmp_path / "course")
    release(folder, ASSIGNMENT)
    for who, kind in GRADED.items():
        hand_in(folder, who, kind)
    autograde.autograde(folder, ASSIGNMENT, workers=1)
    return folder


def hand_in(course, who, kind):
    """Lay in what was given out with an answer in it, so that another test is known as the course's own change."""
    notebook = nbformat.read(course / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade_id == "add":
            cell.source = ANSWERS[kind][0]
    write(notebook, course / "submitted" / who / ASSIGNMENT / f"{NOTEBOOK}.ipynb")


def run(course, *options, answer=None):
    done = CliRunner().invoke(
        app.app, ["autograde", ASSIGNMENT, "--workers", "1", "--course", str(course), *options], input=answer
    )
    text = done.output.replace("│", " ").replace("┃", " ")
    return done.exit_code, [" ".join(line.split()) for line in text.splitlines()]


def change(course, name, **changes):
    """Change a cell of the source: its text by `replace=(old, new)`, or its points."""
    notebook = source_notebook()
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade_id == name:
            if "points" in changes:
                cell.metadata.nbgrader.points = changes["points"]
            if "replace" in changes:
                assert changes["replace"][0] in cell.source
                cell.source = cell.source.replace(*changes["replace"])
    write(notebook, course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb")


# Adds negative numbers as `half` does, so that `half` passes and `right` does not.
OTHER_TEST = ("add(-2, 5), 3", "add(-2, 5), 7")


def everything(course):
    """What stands in the course folder, file by file."""
    return {
        str(path.relative_to(course)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in course.rglob("*")
        if path.is_file() and path.name != ".course-run.lock"
    }


def points(course):
    with open_gradebook(course) as gradebook:
        found = gradebook.find_assignment(ASSIGNMENT).submissions
        return {s.student.id: {g.name: g.score for n in s.notebooks for g in n.grades} for s in found}


def give(course, who, cell, mark):
    with open_gradebook(course) as gradebook:
        gradebook.find_grade(cell, NOTEBOOK, ASSIGNMENT, who).manual_score = mark
        gradebook.db.commit()


def log(course):
    path = course / "reports" / f"{ASSIGNMENT}-regrading.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_would_move_is_shown_and_nothing_written_until_somebody_says_yes(course, monkeypatch):
    change(course, "test_add_hidden", replace=OTHER_TEST)
    before = everything(course)
    code, shown = run(course, "--changed")
    assert code == 1 and any(line.startswith("Nothing was written: nobody can be asked") for line in shown)
    says = "the test's text changed; the check says: add(-2, 5) is 3, which is not right."
    assert any(line.startswith(f"anna adding test_add_hidden 1 → 0 1 {says}") for line in shown), shown
    no_longer = "the test's text changed; the check no longer says: add(-2, 5) is 7, which is not right."
    assert any(line.startswith(f"bert adding test_add_hidden 0 → 1 1 {no_longer}") for line in shown), shown
    assert "anna mark 3 → 2 4 after lateness" in shown and "bert mark 2 → 3 4 after lateness" in shown
    assert not any(line.startswith("cleo") for line in shown)
    assert "2 of 3 marks that were graded again would move (by -1 to +1); 1 stays as it is." in shown
    assert everything(course) == before
    monkeypatch.setattr(regrading, "_at_a_terminal", lambda: True)
    code, shown = run(course, "--changed", answer="n\n")
    assert code == 0 and "Nothing was written." in shown and everything(course) == before
    code, shown = run(course, "--changed", "--reader", "Prof. Muster", answer="y\n")
    assert code == 0, shown
    assert {who: cells["test_add_hidden"] for who, cells in points(course).items()} == {"anna": 0, "bert": 1, "cleo": 0}
    rows = log(course)
    assert [(r["by"], r["student_id"], r["cell"], r["before"], r["after"]) for r in rows] == [
        ("Prof. Muster", "anna", "test_add_hidden", "1", "0"),
        ("Prof. Muster", "bert", "test_add_hidden", "0", "1"),
    ]
    assert (rows[0]["mark_before"], rows[0]["mark_after"], rows[0]["of"]) == ("3", "2", "1")
    assert rows[0]["why"].startswith("the test's text changed") and rows[0]["when"] and len(rows[0]["source"]) == 12
    code, shown = run(course, "--changed")
    assert code == 0 and "3 were not graded again, because nothing changed there." in shown


def test_other_points_are_not_entered_before_somebody_says_yes(course):
    give(course, "anna", "why", 1.0)
    change(course, "test_add_visible", points=4)
    before = everything(course)
    code, shown = run(course, "--changed")
    assert code == 1 and everything(course) == before
    assert "anna adding test_add_visible 2 → 4 2 → 4 the cell's points changed (2 → 4)" in shown
    assert "anna mark 4 → 6 4 → 6 after lateness" in shown
    assert "Marks given by hand that stay: 1." in shown and not any("why" in line.split()[2:3] for line in shown)
    code, shown = run(course, "--changed", "--yes")
    assert code == 0 and points(course)["anna"] == {"test_add_visible": 4, "test_add_hidden": 1, "why": 1}
    assert [(r["student_id"], r["of_before"], r["of"]) for r in log(course)] == [("anna", "2", "4"), ("bert", "2", "4")]


def test_marks_by_hand_stay_and_what_is_above_the_new_points_is_told(course):
    give(course, "anna", "why", 1.0)
    give(course, "cleo", "test_add_visible", 1.5)
    notebook = source_notebook()
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade_id == "why":
            cell.metadata.nbgrader.points = 0.5
        if cell.metadata.nbgrader.grade_id == "test_add_visible":
            cell.source = cell.source.replace("add(2, 3), 5", "add(2, 3), -1")
    write(notebook, course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb")
    code, shown = run(course, "--changed", "--yes")
    above = "given by hand, kept; above the cell's points: 1 of 0.5, change one of them"
    assert any(line.startswith(f"anna adding why 1 1 → 0.5 {above}") for line in shown), shown
    test = "given by hand, kept; the test gave 0 and gives 2 now; the test's text changed"
    assert f"cleo adding test_add_visible 1.5 2 {test}" in shown, shown
    assert code == 0 and points(course)["anna"]["why"] == 1 and points(course)["cleo"]["test_add_visible"] == 1.5
    assert {row["student_id"] for row in log(course)} == {"anna", "bert"}, "a mark that stays has no line"


def test_another_answer_is_told_and_its_mark_by_hand_waits(course):
    give(course, "bert", "why", 1.0)
    notebook = course / "submitted" / "bert" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    text = notebook.read_text().replace("abs(a) + b", "a + b").replace("YOUR ANSWER HERE", "Because.")
    notebook.write_text(text)
    code, shown = run(course, "--changed", "--yes")
    assert any(line.startswith("bert adding why 1 → waiting 1 the answer changed") for line in shown), shown
    assert any(line.startswith("bert adding test_add_hidden 0 → 1 1 the answer changed") for line in shown)
    assert code == 0 and [(r["cell"], r["before"], r["after"]) for r in log(course)] == [
        ("test_add_hidden", "0", "1"), ("why", "1", "waiting"),
    ]  # fmt: skip


def test_what_is_written_was_graded_before_and_is_what_was_shown(course, monkeypatch):
    """Whatever somebody else changed between showing and writing leaves that submission as it is."""
    change(course, "test_add_hidden", replace=OTHER_TEST)
    with stage.regrading(course, ASSIGNMENT, how=autograde.How(workers=1)) as found:
        monkeypatch.setattr(autograde, "grade_here", None)  # nothing is graded a second time
        give(course, "anna", "test_add_hidden", 0.5)
        path = course / "submitted" / "cleo" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        path.write_text(path.read_text().replace("a - b", "a + b"))
        results, left = found.write()
    assert {result.student_id: result.mark for result in results} == {"bert": 3}
    assert left == {
        "anna": "a mark or a deadline in the gradebook changed meanwhile",
        "cleo": "the hand-in, a test or a setting changed meanwhile",
    }
    assert points(course)["anna"]["test_add_hidden"] == 0.5 and points(course)["bert"]["test_add_hidden"] == 1


def test_one_students_complaint_is_one_command(course):
    give(course, "bert", "test_add_hidden", None)
    before = points(course)
    code, shown = run(course, "--student", "bert")
    assert code == 0 and any(line.startswith("bert: not graded again") for line in shown)
    path = course / "submitted" / "bert" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    path.write_text(path.read_text().replace("abs(a) + b", "a + b"))
    code, shown = run(course, "--student", "bert")
    assert "adding test_add_visible 2 2 autograder" in shown and "adding test_add_hidden 0 → 1 1 autograder" in shown
    assert "bert: mark 2 → 3, 1 cell moved." in shown
    assert "Nothing else changed: the marks of all 2 others are what they were." in shown
    assert {**points(course), "bert": 0} == {**before, "bert": 0}
    (row,) = log(course)
    assert (row["student_id"], row["mark_before"], row["mark_after"]) == ("bert", "2", "3")


def test_a_complaint_tells_whose_marks_changed_as_well(course, monkeypatch):
    wanted = autograde.Run._keep

    def also(self, gradebook, moves, *what):
        give(course, "anna", "why", 0.5)
        return wanted(self, gradebook, moves, *what)

    monkeypatch.setattr(autograde.Run, "_keep", also)
    _, shown = run(course, "--student", "bert", "--force")
    assert "!! Marks of 1 others changed while it ran: anna." in shown


def test_a_first_grading_has_no_line_and_the_log_only_grows(course):
    assert log(course) == []
    hand_in(course, "dora", "right")
    with open_gradebook(course) as gradebook:  # as an extension does
        gradebook.update_or_create_student("dora")
        gradebook.update_or_create_submission(ASSIGNMENT, "dora")
    code, shown = run(course, "--changed", "--yes")
    assert code == 0 and "dora mark none → 3 4 not graded before" in shown and log(course) == []
    change(course, "test_add_hidden", replace=OTHER_TEST)
    run(course)
    first = log(course)
    assert [row["student_id"] for row in first] == ["anna", "bert", "dora"]
    write(source_notebook(), course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb")
    run(course)
    assert log(course)[:3] == first and len(log(course)) == 6


KILLED = """
import os, signal, sys
from pathlib import Path
from course_utils.stages import autograde
from course_utils.stages.regrading_log import RegradingLog
def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "after":
    RegradingLog._add = end
else:
    autograde.record = end
autograde.autograde(Path(sys.argv[1]), "tiny", workers=1)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_is_killed_leaves_no_moved_mark_without_a_line(when, course):
    change(course, "test_add_hidden", replace=OTHER_TEST)
    done = subprocess.run([sys.executable, "-c", KILLED, str(course), when], cwd=ROOT, env=os.environ)
    assert done.returncode == -signal.SIGKILL and log(course) == []
    moved = {w: cells["test_add_hidden"] for w, cells in points(course).items()}
    assert (moved == {"anna": 1, "bert": 0, "cleo": 0}) is (when == "before")
    if when == "after":
        (who,) = (who for who, mark in moved.items() if mark != (who == "anna"))
        autograde.autograde(course, ASSIGNMENT, [who], workers=1)  # recorded already: only its line is missing
        assert [row["student_id"] for row in log(course)] == [who]
    autograde.autograde(course, ASSIGNMENT, workers=1)
    assert sorted((row["student_id"], row["before"], row["after"]) for row in log(course)) == [
        ("anna", "1", "0"), ("bert", "0", "1"),
    ]  # fmt: skip


def test_a_run_that_cannot_write_logs_nothing(course, monkeypatch):
    change(course, "test_add_hidden", replace=OTHER_TEST)

    def fails(*_):
        raise ValueError("not today")

    monkeypatch.setattr(autograde, "record", fails)
    results = autograde.autograde(course, ASSIGNMENT, workers=1)
    assert all("could not be recorded" in result.problem for result in results) and log(course) == []
    monkeypatch.setattr(autograde, "record", records.record)
    autograde.autograde(course, ASSIGNMENT, workers=1)
    assert len(log(course)) == 2


def test_yes_alone_is_refused(course):
    code, shown = run(course, "--yes")
    assert code == 1 and any("--yes goes with --changed" in line for line in shown)
