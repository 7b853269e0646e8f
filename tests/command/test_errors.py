"""What a person can mend has one root, and the command shows it in one place."""

from __future__ import annotations

import importlib
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from course_utils import checks, errors
from course_utils.command import app
from course_utils.errors import CourseError
from course_utils.stages import autograde, feedback

MENDABLE = {
    "checks": ["CheckFailed", "NotGradable"],
    "stages.checking": ["CourseError", "Stopped"],
    "data": ["DataMissing"],
    "training": ["ArtifactError"],
    "vision": ["NetworkMissing", "PictureError"],
    "notebooks.reading": ["UnreadableNotebook"],
    "grading.sandbox.view": ["SandboxUnavailable"],
    "grading.run.engine": ["KernelUnavailable"],
    "handins.limits": ["RefusedError"],
    "notebooks.recognising": ["NotebookError"],
    "packing.pieces": ["PdfError"],
    "classroom.roster": ["RosterError"],
    "classroom.spreadsheets": ["TableError"],
    "classroom.settings": ["MomentError"],
    "platforms.olat.sheet": ["SheetError"],
}


@pytest.mark.parametrize("module", MENDABLE)
def test_it_derives_from_the_root(module):
    found = importlib.import_module(f"course_utils.{module}")
    assert all(issubclass(getattr(found, name), CourseError) for name in MENDABLE[module])


def test_old_names_and_old_bases_hold():
    assert (checks.CheckFailed, checks.NotGradable) == (errors.CheckFailed, errors.NotGradable)
    assert issubclass(checks.CheckFailed, AssertionError) and issubclass(checks.NotGradable, RuntimeError)


@pytest.mark.parametrize("command", [["release", "x"], ["check", "x"], ["pack", "x"], ["marks"], ["demo"]])
def test_every_command_shows_it_in_one_sentence(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app.app, command)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert len(result.output.strip().splitlines()) == 1 and "Traceback" not in result.output


def test_a_mistake_of_the_course_keeps_its_traceback(monkeypatch):
    def broken(*_, **__):
        raise ValueError("a mistake")

    monkeypatch.setattr(feedback, "feedback", broken)
    assert isinstance(CliRunner().invoke(app.app, ["feedback", "x"]).exception, ValueError)


@pytest.mark.parametrize("wording", ["database is locked", "Datenbank ist gesperrt", ""])
@pytest.mark.parametrize(
    ("code", "waits"),
    [
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_LOCKED, True),
        (517, True),
        (sqlite3.SQLITE_FULL, False),
        (None, False),
    ],
)
def test_a_gradebook_in_use_is_known_by_its_code(wording, code, waits):
    origin = sqlite3.OperationalError(wording)
    if code is not None:
        origin.sqlite_errorcode = code
    assert autograde._is_locked(OperationalError("INSERT", {}, origin)) is waits


@pytest.mark.parametrize(("module", "told"), [("fcntl", True), ("numpy", False)])
def test_where_linux_is_missing_a_sentence_says_so(module, told, monkeypatch):
    def missing(*_, **__):
        raise ModuleNotFoundError(f"No module named '{module}'", name=module)

    monkeypatch.setattr(feedback, "feedback", missing)
    result = CliRunner().invoke(app.app, ["feedback", "x"])
    assert isinstance(result.exception, SystemExit if told else ModuleNotFoundError)
    assert result.output.startswith(f"This command needs Linux: Python has no module '{module}' here.") is told
