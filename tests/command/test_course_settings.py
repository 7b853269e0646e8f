"""Before every command on a course, what its instructor has set is read completely."""

import pytest
import typer
from typer.testing import CliRunner

from course_utils.command import app
from tests.support.olat_course import make_course

COURSE_COMMANDS = {"release", "check-source", "autograde", "feedback", "leaderboard", "collect", "return", "marks"}


@pytest.fixture
def run(tmp_path):
    def call(*arguments, config):
        course = make_course(tmp_path, config=config)
        done = CliRunner().invoke(app.app, [*arguments, "--course", str(course)], terminal_width=200)
        assert isinstance(done.exception, SystemExit | None), done.exception
        return done.exit_code, " ".join(done.output.split())

    return call


def test_every_command_with_a_course_reads_it_first():
    commands = typer.main.get_command(app.app).commands
    checked = {
        name
        for name, command in commands.items()
        for option in command.params
        if option.name == "course" and option.callback is not None
    }
    # `doctor` shows what there is, instead of stopping; `demo` makes a course of its own.
    with_course = {name for name, c in commands.items() if any("--course" in option.opts for option in c.params)}
    assert checked == with_course - {"doctor", "demo"} and checked >= COURSE_COMMANDS


def test_a_wrong_setting_stops_before_anything_is_done(run):
    code, output = run("marks", config="c.Deadlines.grace_minutes = 15\nc.Deadlines.polcy = 'none'")
    assert code == 1 and "nbgrader_config.py, line 2: c.Deadlines.grace_minutes is 15" in output
    assert "line 3: There is no setting c.Deadlines.polcy. Did you mean policy?" in output and "Wrote" not in output


def test_what_only_may_be_wrong_is_told_and_the_command_goes_on(run):
    due = "c.Deadlines.due = {'shet': '2026-11-20 18:00', 'some day': '2026-11-20 18:00'}"
    code, output = run("marks", config=due)
    assert code == 0 and "'shet', which is no folder of source/. Did you mean 'sheet'?" in output
    assert "some day" not in output and "Wrote" in output
