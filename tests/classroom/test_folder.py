"""How a course is opened: in one way, by every command."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Course, Gradebook, InvalidEntry
from sqlalchemy import event
from typer.testing import CliRunner

import course_utils
from course_utils.classroom import folder
from course_utils.classroom.config import load_config
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.marks import write_course_table
from course_utils.command import app
from course_utils.errors import CourseError
from course_utils.stages import release
from tests.support.olat_course import make_course

PACKAGE = Path(course_utils.__file__).parent


@pytest.fixture
def course(tmp_path):
    (tmp_path / "course").mkdir()
    return make_course(tmp_path / "course")


def test_no_command_opens_settings_or_gradebook_by_itself():
    """Names of nbgrader and traitlets that only one module each may call."""
    alone = {"Gradebook", "PyFileConfigLoader", "CourseDirectory"}
    calls = {
        (node.func.id, path.relative_to(PACKAGE).as_posix())
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in alone
    }
    folder = {("Gradebook", "classroom/folder.py"), ("CourseDirectory", "classroom/folder.py")}
    assert calls == folder | {("PyFileConfigLoader", "classroom/config.py")}


def test_a_new_gradebook_needs_no_other_program(course):
    """nbgrader would start `alembic`; whoever opens the gradebook first must not need it."""
    program = "import sys; from pathlib import Path; from course_utils.classroom.marks import write_course_table\n"
    program += "write_course_table(Path(sys.argv[1]))"
    environment = os.environ | {"PATH": "", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", program, str(course)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (course / "gradebook.db").exists()


def test_a_setting_may_be_relative_to_the_course(course, monkeypatch, tmp_path):
    (course / "db.txt").write_text("sqlite:///elsewhere.db")
    config = course / "nbgrader_config.py"
    config.write_text(
        config.read_text() + "c.CourseDirectory.db_url = __import__('pathlib').Path('db.txt').read_text()\n"
    )
    monkeypatch.chdir(tmp_path)
    assert load_config(course).CourseDirectory.db_url == "sqlite:///elsewhere.db"
    assert Path.cwd() == tmp_path
    with open_gradebook(course) as gradebook:
        assert gradebook.assignments == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "c.OpenOlat.timezone = 'Berlin'",
            "line 3: c.OpenOlat.timezone is 'Berlin', but must be a time zone such as 'Europe/Berlin'",
        ),
        ("c.Deadlines.due = {'sheet': 'soon'}", "line 3: c.Deadlines.due['sheet'] is 'soon', but must be a date"),
        ("c.OpenOlat.timezone = = 1", "SyntaxError"),
        ("unknown", "NameError: name 'unknown' is not defined, line 3"),
        ("raise SystemError('x')", "SystemError: x, line 3"),
    ],
)
def test_a_wrong_setting_is_one_sentence(course, setting, message):
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + setting + "\n")
    result = CliRunner().invoke(app.app, ["collect", "sheet", str(course / "roster.csv"), "--course", str(course)])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert message in " ".join(result.output.split()) and "Traceback" not in result.output


@pytest.mark.parametrize("call", [load_config, release.release, write_course_table])
def test_what_is_no_course_folder_is_told(call, tmp_path):
    with pytest.raises(CourseError, match=r"is no course folder: it has no nbgrader_config\.py"):
        call(*([tmp_path, "sheet"] if call is release.release else [tmp_path]))


def test_two_gradebooks_that_are_open_at_once_leave_no_connection(tmp_path):
    url = f"sqlite:///{tmp_path}/gradebook.db"
    with folder.open_database(url) as one:
        opened, closed = [], []
        event.listen(one.engine, "connect", lambda connection, _: opened.append(id(connection)))
        event.listen(one.engine, "close", lambda connection, _: closed.append(id(connection)))
        assert one.students == []
        with folder.open_database(url) as other:
            assert other.engine is one.engine, "compiled queries are kept"
            other.add_student("anna")
        assert [student.id for student in one.students] == ["anna"]
    assert len(opened) == len(closed) >= 2


def test_a_course_that_another_process_enters_at_the_same_moment_is_taken_as_it_is(tmp_path, monkeypatch):
    made = []

    def late(*arguments):
        made.append(arguments)
        if len(made) == 1:
            raise InvalidEntry("UNIQUE constraint failed: course.id")
        return Gradebook(*arguments)

    monkeypatch.setattr(folder, "Gradebook", late)
    with folder.open_database(f"sqlite:///{tmp_path}/gradebook.db", "a course") as gradebook:
        assert [course.id for course in gradebook.db.query(Course)] == ["a course"]
    assert len(made) == 2


def test_a_gradebook_in_memory_and_one_by_a_relative_address_are_those_that_were_opened(tmp_path, monkeypatch):
    with Gradebook("sqlite:///:memory:") as gradebook:
        gradebook.add_assignment("one")
        assert [entry.name for entry in gradebook.assignments] == ["one"]
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / place)
        with Gradebook("sqlite:///gradebook.db") as gradebook:
            assert gradebook.assignments == []
            gradebook.add_assignment("one")
