"""What `course autograde` starts before it has read the course is what its run uses, and nothing of it is left."""

import json

import psutil
import pytest
from typer.testing import CliRunner

from course_utils.command import ahead
from course_utils.command.app import app
from course_utils.grading import pool
from course_utils.grading.pool import Parents
from course_utils.grading.run.engine import Settings
from course_utils.stages import release
from tests.support.tiny_course import ASSIGNMENT, hand_in, make_course


@pytest.fixture
def course(tmp_path, monkeypatch):
    course = make_course(tmp_path / "course")
    hand_in(course, "ada")
    release.release(course, ASSIGNMENT)
    monkeypatch.chdir(course)
    return course


@pytest.fixture
def started(monkeypatch):
    """All parents that are started, in their order; no run has them from another one."""
    monkeypatch.setattr(pool, "Parents", Parents)
    started, begin = [], Parents.__init__

    def remember(self, *arguments):
        begin(self, *arguments)
        started.append(self)

    monkeypatch.setattr(Parents, "__init__", remember)
    return started


def autograde(course, *more):
    before = set(psutil.Process().children())
    done = CliRunner().invoke(app, ["autograde", ASSIGNMENT, *more])
    assert done.exit_code == 0, done.output
    assert set(psutil.Process().children()) <= before
    graded = json.loads((course / "autograded" / "ada" / ASSIGNMENT / "adding.ipynb").read_text())
    return [cell.get("outputs") for cell in graded["cells"] if cell["cell_type"] == "code"]


def test_a_run_uses_what_began_ahead(course, started):
    autograde(course)
    assert len(started) == 1


def test_nothing_begins_where_nothing_is_to_be_graded(course, started):
    autograde(course)
    autograde(course)
    assert len(started) == 1
    autograde(course, "--force", "--student", "ada")
    assert len(started) == 2


def test_a_wrong_guess_costs_nothing_but_its_time(course, started, monkeypatch):
    right = autograde(course)
    monkeypatch.setattr(ahead, "_start", lambda *_: Parents(Settings(preload=("this",)), 1))
    assert autograde(course, "--force") == right
    assert [len(one.modules) for one in started] == [1, 2, 1]
