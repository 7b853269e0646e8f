"""Settings that can't be meant are found before anything is done, with file, line and what to write."""

import re

import pytest
from traitlets import TraitError
from traitlets.config import Config

from course_utils.classroom.config import CONFIG_FILE, load_config
from course_utils.classroom.deadlines import deadlines_told, penalty, read_extensions, wrong_extensions
from course_utils.classroom.mistakes import wrong_settings
from course_utils.classroom.roster import read_roster
from course_utils.classroom.settings import Deadlines, MomentError, OpenOlat, parse_moment
from course_utils.classroom.settings_file import SettingsFile
from course_utils.command.course_settings import mistakes_in
from course_utils.errors import CourseError
from course_utils.grading.settings import Course, GradeNotebook
from tests.support.olat_course import ROSTER

ASSIGNMENTS = ["week0", "losses"]


def mistakes(folder, text):
    (folder / "source").mkdir(exist_ok=True)
    (folder / CONFIG_FILE).write_text(f"c = get_config()\n{text}\n", encoding="utf-8")
    file = SettingsFile(folder / CONFIG_FILE)
    return wrong_settings(load_config(folder), [OpenOlat, Deadlines, Course, GradeNotebook], file, ASSIGNMENTS)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (
            "c.Deadlines.policy = 'ten percent'",
            "c.Deadlines.policy is 'ten percent', but must be one of 'none', 'percent",
        ),
        ("c.Deadlines.policy = 'hardstop'", "Write c.Deadlines.policy = 'hard stop'"),
        ("c.Deadlines.grace_minutes = 15", "Write c.Deadlines.grace_minutes = {'*': 15}"),
        ("c.Deadlines.grace_minutes = '15'", "Write c.Deadlines.grace_minutes = {'*': 15}"),
        ("c.Deadlines.grace_minutes = {'*': '7,5'}", "Write c.Deadlines.grace_minutes['*'] = 7.5"),
        ("c.Deadlines.grace_minutes = {'*': -5}", "['*'] is -5, but must be a number of minutes, 0 or more."),
        ("c.Deadlines.grace_minutes = {'*': True}", "['*'] is True, but must be a number of minutes"),
        (
            "c.Deadlines.grace_minutes = {3: 15}",
            "grace_minutes has the key 3, but must have texts, in quotes",
        ),
        ("c.Deadlines.percent_per_day = '25 %'", "Write c.Deadlines.percent_per_day = 25"),
        ("c.Deadlines.percent_per_day = 250", "is 250, but must be a number from 0 to 100"),
        ("c.Deadlines.percent_per_day = float('nan')", "is nan, but must be a number from 0 to 100"),
        ("c.Deadlines.max_days = -1", "is -1, but must be a whole number of days"),
        ("c.Deadlines.due = '2026-11-20'", "must be a dict of deadlines by assignment"),
        ("c.Deadlines.due = {'week0': '20.11.2026 18:00'}", "Write c.Deadlines.due['week0'] = '2026-11-20 18:00'"),
        ("c.Deadlines.due = {'week0': '20. 11. 2026'}", "Write c.Deadlines.due['week0'] = '2026-11-20'"),
        ("c.Deadlines.due = {'week0': '31.02.2026'}", "is '31.02.2026', but must be a date and time"),
        ("c.Deadlines.due = {'week0': 20261120}", "is 20261120, but must be a date and time"),
        ("c.Deadlines.due = {'week0': '0206-11-20'}", "is '0206-11-20', but must be a date and time"),
        ("c.OpenOlat.timezone = 'Europe'", "must be a time zone such as"),
        ("c.OpenOlat.timezone = 1", "must be a time zone such as"),
        ("c.OpenOlat.identifier = 'matriculation number'", "Write c.OpenOlat.identifier = 'matriculation_number'"),
        ("c.OpenOlat.max_points = {'week0': '20'}", "Write c.OpenOlat.max_points['week0'] = 20"),
        ("c.OpenOlat.passed_share = 50", "Write c.OpenOlat.passed_share = 0.5"),
        ("c.OpenOlat.max_files = '100'", "is '100', but must be a whole number, 1 or more"),
        ("c.OpenOlat.max_depth = 0", "is 0, but must be a whole number, 1 or more"),
        ("c.OpenOlat.pseudonyms = 'no'", "is 'no', but must be True or False."),
        ("c.OpenOlat.group_assignments = 5", "must be a list of assignments, such as ['cifar']"),
        ("c.OpenOlat.group_assignments.append(5)", "is [5], but must be a list of assignments"),
        ("c.OpenOlat.course_title = 5", "is 5, but must be a text, in quotes"),
        ("c.GradeNotebook.limits = {'memory': '4G'}", "Limit `memory` must be a positive integer, got '4G'"),
        ("c.GradeNotebook.limits = {'memroy': 5}", "There is no limit `memroy`. Did you mean `memory`?"),
        ("c.GradeNotebook.limits = 5", "c.GradeNotebook.limits is 5, but must be a dict, in { }."),
        ("c.GradeNotebook.preload = ['torch', 5]", "is ['torch', 5], but must be a list of texts, in [ ] or None."),
        ("c.Course.secret = 1234567890123456", "c.Course.secret is of type int, but must be a text, in quotes."),
        ("c.GradeNotebook.data = 'CIFAR10'", "Write c.GradeNotebook.data = 'CIFAR-10'"),
        ("c.GradeNotebook.notebook_timeout = -1", "must be a number of seconds, 1 or more"),
        ("c.Course.secret = 'a short one'", "c.Course.secret holds 11 characters; a secret has 16 or more"),
        (
            "c.Deadlines.grace_mintes = {'*': 15}",
            "There is no setting c.Deadlines.grace_mintes. Did you mean grace_minutes?",
        ),
        ("c.OpenOlat.time_zone = 'Europe/Rome'", "Did you mean timezone?"),
        ("c.OpenOlat.xyz = 1", "There are: accept_drafts, course_title"),
        ("c.Deadline.due = {}", "There is no c.Deadline. Did you mean c.Deadlines?"),
        ("c.deadlines.due = {}", "Did you mean c.Deadlines?"),
        ("c.OpenOLAT.timezone = 'Europe/Rome'", "Did you mean c.OpenOlat?"),
        ("c.Gradebooks.x = c.NbGrader.y = c.ExecutePreprocessor.timeout = 30", None),
        ("c.Deadlines.due = {'week0': None, 'losses': '2026-11-20T18:00+01:00'}", None),
        ("import datetime; c.Deadlines.due = {'week0': datetime.date(2026, 11, 20)}", None),
    ],
)
def test_a_mistake_is_a_sentence_with_the_line_and_what_to_write(tmp_path, setting, told):
    found = mistakes(tmp_path, setting)
    assert [mistake.level for mistake in found] == ["bad"] * bool(told)
    assert all(m.text.startswith(f"{CONFIG_FILE}, line 2: ") and told in m.text for m in found), found
    assert "a short one" not in repr(found) and "1234567890" not in repr(found), "a secret is not shown"
    assert not any("trait" in mistake.text for mistake in found), "in the words of the course"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("c.ClearSolutions.text_stub = 5", "c.ClearSolutions.text_stub is 5, but must be a text, in quotes."),
        ("c.ClearSolutions.code_stub = 'x'", "c.ClearSolutions.code_stub is 'x', but must be a dict, in { }."),
        ("c.HTMLExporter.sanitize_html = 'yes'", "c.HTMLExporter.sanitize_html is 'yes', but must be True or False."),
        ("c.AssignLatePenalties.plugin_class = 5", "plugin_class is 5, but must be a subclass of "),
        ("c.AssignLatePenalties.plugin_class = 'my.Plugin'\nc.GradeNotebook.limits = {}\nc.ClearSolutions.x = 5", None),
        ("c.Autograde.pre_convert_hook = 'my.hook'", None),  # takes anything
    ],
)
def test_settings_of_nbgraders_classes_have_values_of_their_type(tmp_path, setting, told):
    mistakes(tmp_path, setting)
    found = [mistake.text for mistake in mistakes_in(tmp_path)]
    assert len(found) == bool(told) and all(f.startswith(f"{CONFIG_FILE}, line 2: ") and told in f for f in found), (
        found
    )


def test_a_class_is_no_setting(tmp_path):
    with pytest.raises(CourseError, match=r"^nbgrader_config.py, line 2: c.Deadlines holds settings and can't be set"):
        mistakes(tmp_path, "c.Deadlines = {'due': {}}")


@pytest.mark.parametrize(
    ("setting", "told", "level"),
    [
        ("due = {\n  'losses': '2026-11-20',\n  'wek0': '2026-11-20'}", "line 4: .*'wek0', .*mean 'week0'", "warning"),
        ("due = {'next year': '2027-11-20'}", "It has no effect until there is one", "note"),
        ("due = {'*': '2026-11-20'}", "'\\*', .*each needs its own", "warning"),
        ("grace_minutes = {'*': 5, 'loses': 5}", "Did you mean 'losses'", "warning"),
    ],
)
def test_an_assignment_that_there_is_not_is_told_with_the_nearest(tmp_path, setting, told, level):
    (found,) = mistakes(tmp_path, f"c.Deadlines.{setting}")
    assert re.search(told, found.text) and found.level == level
    (found,) = mistakes(tmp_path, "c.OpenOlat.group_assignments = 'losse'")
    assert "is for 'losse', which is no folder of source/. Did you mean 'losses'?" in found.text


def test_all_mistakes_are_found_at_once_in_the_order_of_the_file(tmp_path):
    found = mistakes(
        tmp_path, "c.OpenOlat.max_files = 0\nc.Deadlines.due = {'week0': 'x', 'wek0': ''}\nc.Deadlines.x = 1"
    )
    assert [mistake.line for mistake in found] == [2, 3, 3, 4]


def test_the_line_is_the_one_that_counts(tmp_path):
    (tmp_path / "more.py").write_text("c = get_config()\n\nc.OpenOlat.max_files = 0\n")
    (tmp_path / CONFIG_FILE).write_text(
        "c = get_config()\nload_subconfig('more.py')\nc.Deadlines.due = {}\n"
        "c.Deadlines.due = {'a': '', **{}}\nif True:\n    c['Deadlines']['due']['b'] = ''\n"
        "c.Deadlines.due.update({'d': ''})\nload_subconfig('nbgrader_config.py')\nx: int = 1\nprint(x)\n"
    )
    file = SettingsFile(tmp_path / CONFIG_FILE)
    keys = [file.line("Deadlines", "due", key) for key in ("a", "b", "d", "unknown")]
    assert keys == [4, 6, 7, 7]
    assert file.where("OpenOlat", "max_files") == "more.py, line 3"
    assert file.where("Nothing") == CONFIG_FILE and file.line("Nothing", "x") == 0


def test_a_date_without_a_time_is_the_end_of_that_day():
    assert parse_moment("2026-11-20", "Europe/Berlin").isoformat() == "2026-11-20T22:59:59+00:00"
    assert parse_moment("2026-11-20 00:00", "Europe/Berlin").isoformat() == "2026-11-19T23:00:00+00:00"
    config = Config({"Deadlines": {"due": {"a": "2026-11-20", "b": "2026-11-20 18:00"}}})
    told = (
        "a: 2026-11-20 at 23:59:59, the end of the day, as no time is set; b: 2026-11-20 18:00 (times of Europe/Berlin)"
    )
    assert deadlines_told(config, "abc") == f"{told}; none for c; lateness costs: none"


@pytest.mark.parametrize("text", ["soon", "", "20.11.2026 18 Uhr", "0206-11-20 00:00", "2026-13-01"])
def test_what_is_no_date_says_what_to_write(text):
    with pytest.raises(MomentError, match="must look like '2026-11-20 18:00'") as caught:
        parse_moment(text, "Asia/Tokyo")
    assert str(caught.value).endswith("Write '2026-11-20 18:00'") == ("Uhr" in text)


def test_nbgraders_own_commands_refuse_the_same_values():
    with pytest.raises(TraitError):
        penalty(Deadlines(config=Config({"Deadlines": {"grace_minutes": {"*": "15"}}})), "week0", 5, 60)


EXTENSIONS = "student_id;assignment;due\ns01;week0;2026-12-01\ns99;wek0;2026-12-01 18:00\n"


def test_extensions_are_read_as_the_roster_is(tmp_path):
    (tmp_path / "extensions.csv").write_text("sep=;\n" + EXTENSIONS, encoding="utf-16")
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    assert read_extensions(tmp_path, Config())["s01", "week0"].isoformat() == "2026-12-01T22:59:59+00:00"
    found = wrong_extensions(tmp_path, Config(), read_roster(tmp_path), ASSIGNMENTS)
    assert [mistake.text.partition(". ")[0] for mistake in found] == [
        "extensions.csv, row 4: 's99' is no student or group in the roster",
        "extensions.csv, row 4: 'wek0' is no folder of source/",
    ]
    assert "Did you mean 'week0'?" in found[1].text and {mistake.level for mistake in found} == {"warning"}
    without_roster = wrong_extensions(tmp_path, Config(), None, ASSIGNMENTS)
    assert len(without_roster) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (EXTENSIONS.replace("2026-12-01 18:00", "1.12.2026 18:00"), "row 3: .*Write '2026-12-01 18:00'"),
        (EXTENSIONS.replace("due", "until"), "due is missing"),
        (EXTENSIONS.replace("week0", "Größe"), "row 2 is not"),
        ("", "is empty"),
    ],
)
def test_wrong_extensions_are_a_sentence(tmp_path, text, told):
    (tmp_path / "extensions.csv").write_text(text, encoding="cp1252")
    with pytest.raises(CourseError, match=told):
        read_extensions(tmp_path, Config())
    (found,) = wrong_extensions(tmp_path, Config(), None, [])
    assert found.level == "bad"


def test_extensions_that_are_not_there_are_told_if_they_are_asked_for(tmp_path):
    assert wrong_extensions(tmp_path, Config(), None, []) == []
    config = Config({"Deadlines": {"extensions_file": "extension.csv"}})
    assert "there is no such file" in wrong_extensions(tmp_path, config, None, [])[0].text
