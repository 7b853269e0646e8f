"""The table of grading: everybody is in it, with the mark after lateness; a run for one student adds to it."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.marks import NOT_GRADED_YET, read_marks
from course_utils.classroom.roster import read_roster
from course_utils.command import app
from course_utils.errors import CourseError
from course_utils.platforms.hand_ins import Wanted
from course_utils.stages import autograde
from course_utils.stages.autograde import SubmissionResult
from course_utils.stages.collect import collect
from course_utils.stages.result_table import keep_results
from course_utils.stages.whereabouts import where_everybody_is
from tests.support.olat_course import zip_bytes
from tests.support.tiny_course import ASSIGNMENT, hand_in, make_course

pytestmark = pytest.mark.xdist_group("cycle")

ROSTER = "student_id,user_name,last_name,first_name,email,matriculation_number,group\n" + "".join(
    f"{name},{name},{name.title()},Anna,,,{group}\n"
    for name, group in [("late", ""), ("absent", ""), ("rar", ""), ("blank", ""), ("other", "")]
)
CONFIG = """
c.Deadlines.due = {"tiny": "2026-01-02 00:00"}
c.Deadlines.policy = "percent per started day"
c.Deadlines.percent_per_day = 25
c.OpenOlat.timezone = "UTC"
"""


@pytest.fixture
def course(tmp_path):
    folder = make_course(tmp_path / "course")
    (folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    with (folder / "nbgrader_config.py").open("a") as file:
        file.write(CONFIG)
    return folder


def table(course, name=f"{ASSIGNMENT}-autograde.csv"):
    with (course / "reports" / name).open(encoding="utf-8") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


def take(course, student, content, name="a.zip"):
    """Collect one student's page."""
    path = course.parent / name
    path.write_bytes(content)
    return collect(course, ASSIGNMENT, [path], wanted=Wanted(ASSIGNMENT, student=student))


def quarantine(course):
    """One who handed in what can't be read, and a stranger."""
    take(course, "rar", b"Rar!\x1a\x07\x00xxxx", "a.rar")
    stranger = {"Fremd_Frida_ffremd/1_submissions/a.zip": zip_bytes({"x.txt": b""})}
    path = course.parent / "download.zip"
    path.write_bytes(zip_bytes(stranger))
    collect(course, ASSIGNMENT, [path])


RAR = "in quarantine: the file is a RAR archive, which can't be read here; hand in a zip"
STRANGER = "in quarantine: nobody in the roster has the folder Fremd_Frida_ffremd"


def test_what_is_in_quarantine_was_handed_in_and_an_unknown_name_is_told(course):
    quarantine(course)
    rows = {row.student_id: row for row in autograde.autograde(course, ASSIGNMENT)}
    assert {who: row.problem for who, row in rows.items()} == {
        "absent": "not gradable: nothing was handed in",
        "blank": "not gradable: nothing was handed in",
        "late": "not gradable: nothing was handed in",
        "other": "not gradable: nothing was handed in",
        "rar": f"not gradable: handed in, but {RAR}",
        "Fremd_Frida_ffremd": f"not gradable: handed in, but {STRANGER}",
    }
    with pytest.raises(CourseError, match=r"no student or group 'ltae'.*nobody handed in under it\. Near it: late\."):
        autograde.autograde(course, ASSIGNMENT, ["late", "ltae"])
    with pytest.raises(CourseError, match=r"'nobody'.*The names are those of the column student_id"):
        autograde.autograde(course, ASSIGNMENT, ["nobody"])


def test_for_the_member_of_a_group_its_work_is_graded(course):
    people = {"Team_1": autograde.Whereabouts("Team_1", "Team 1", "laid out")}
    (course / "roster.csv").write_text(
        ROSTER.replace("other,,,\n", "other,,,Team 1\n").replace("Anna,,,\n", "Anna,,,Team 1\n", 1)
    )
    assert autograde._asked_for(["late", "absent"], people, read_roster(course)) == {"Team_1", "absent"}


def test_a_run_for_one_student_changes_its_row_alone(course, tmp_path):
    full = [SubmissionResult(w, 2.0, 4.0, where="laid out") for w in ("late", "blank")]
    full[1].penalty, full[1].notes = 1.0, ["=1+1", "b"]
    _, rows = keep_results(course, ASSIGNMENT, full, datetime(2026, 1, 3, tzinfo=UTC))
    assert [row["change"] for row in rows] == ["", ""], "there was no run before"
    before = table(course)
    assert list(before) == ["late", "absent", "rar", "blank", "other"], "everybody, in the order of the roster"
    assert before["absent"]["where"] == "nothing handed in" and before["absent"]["mark"] == ""
    assert (before["blank"]["points"], before["blank"]["penalty"], before["blank"]["mark"]) == ("2.0", "1.0", "1.0")
    again = SubmissionResult("late", 3.0, 4.0, marked=1)
    path, rows = keep_results(course, ASSIGNMENT, [again], datetime(2026, 1, 4, tzinfo=UTC))
    after = table(course)
    assert [row["change"] for row in rows] == ["2 → 3"]
    assert (after["late"]["mark"], after["late"]["by_hand"], after["late"]["change"]) == ("3.0", "marked", "2 → 3")
    assert {w: row for w, row in after.items() if w != "late"} == {w: row for w, row in before.items() if w != "late"}
    # Nothing is guessed of a table that a person saved anew, or that is gone.
    path.write_text("changed in a spreadsheet")
    (_, rows) = keep_results(course, ASSIGNMENT, [SubmissionResult("late", problem="not gradable: x")])
    assert rows[0]["change"] == "3 → none" and table(course)["blank"] == before["blank"]
    _, rows = keep_results(course, ASSIGNMENT, [SubmissionResult("absent", 4.0, 4.0)])
    assert rows[0]["change"] == "", "never graded before"


def test_the_same_states_in_all_tables_and_the_mark_after_lateness(course, monkeypatch):
    """For real: graded once, a mark raised by hand, then again for one student."""
    quarantine(course)
    for who, kind in (("late", "right"), ("blank", "blank")):
        hand_in(course, who, kind)
        page = (course / "submitted" / who / ASSIGNMENT / "adding.ipynb").read_bytes()
        (course / "submitted" / who / ASSIGNMENT / "adding.ipynb").unlink()
        (course / "submitted" / who / ASSIGNMENT).rmdir()
        take(course, who, zip_bytes({"adding.ipynb": page}), f"{who}.zip")
    (course / "submitted" / "late" / ASSIGNMENT / "timestamp.txt").write_text("2026-01-03 12:00:00 UTC\n")
    collect_again = take(course, "rar", b"Rar!\x1a\x07\x00xxxx", "a.rar")
    monkeypatch.setattr(app.console, "_width", 240)

    def run(*options):
        done = CliRunner().invoke(
            app.app, ["autograde", ASSIGNMENT, "--workers", "1", "--course", str(course), *options]
        )
        assert done.exit_code == 0, done.output
        return [" ".join(line.replace("│", " ").split()) for line in done.output.splitlines()]

    shown = run()
    assert "late laid out, late by 1 d 12 h 3 -1.5 1.5 4" in shown
    assert f"rar in quarantine not gradable: handed in, but {RAR}" in shown
    assert "blank untouched copy 0 0 4" in shown
    rows = table(course)
    where = {who: (row["where"], row["submitted"], row["late_by"]) for who, row in rows.items()}
    collected = table(course, f"{ASSIGNMENT}/collected.csv")
    assert where == {who: (row["where"], row["submitted"], row["late_by"]) for who, row in collected.items()}
    assert [w[0] for w in where.values()] == [
        "laid out", "nothing handed in", RAR, "untouched copy", "nothing handed in", STRANGER,
    ]  # fmt: skip
    assert where == {entry.owner_id: (entry.where, entry.submitted, entry.late_by) for entry in collect_again.everybody}
    assert (rows["late"]["points"], rows["late"]["penalty"], rows["late"]["mark"]) == ("3.0", "1.5", "1.5")
    with open_gradebook(course) as gradebook:
        gradebook.find_grade("why", "adding", ASSIGNMENT, "late").manual_score = 1.0
        gradebook.db.commit()
    shown = run("--student", "late")
    assert any(line.startswith("late laid out, late by 1 d 12 h 4 -2 2 4") and "1.5 → 2" in line for line in shown)
    assert {**table(course), "late": ""} == {**rows, "late": ""}
    (mark,) = [mark for mark in read_marks(course, ASSIGNMENT) if mark.owner_id == "late"]
    assert mark.score == float(table(course)["late"]["mark"]) == 2


def test_submissions_may_lie_elsewhere_than_in_the_course(course, tmp_path):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(f"c.CourseDirectory.submitted_directory = {str(tmp_path / 'else[w]here')!r}\n")
    (tmp_path / "else[w]here" / "late" / ASSIGNMENT).mkdir(parents=True)
    entries = where_everybody_is(course, ASSIGNMENT, load_config(course), read_roster(course))
    assert {entry.owner_id for entry in entries if entry.is_laid_out} == {"late"}


def test_lateness_follows_the_time_that_is_laid_out_and_a_row_the_hand_in(course):
    hand_in(course, "late")
    stamp = course / "submitted" / "late" / ASSIGNMENT / "timestamp.txt"
    stamp.write_text("2026-01-02 02:00:00 UTC\n")

    def graded(*students):
        keep_results(course, ASSIGNMENT, autograde.autograde(course, ASSIGNMENT, students))
        return table(course)["late"]

    assert float(graded("late")["mark"]) == 2.25
    stamp.write_text("2026-01-01 22:00:00 UTC\n")
    row = graded("other")
    assert not row["mark"] and row["problem"] == NOT_GRADED_YET
    assert float(graded("late")["mark"]) == 3
    stamp.unlink()
    assert float(graded("late")["mark"]) == 3
    assert {mark.owner_id: mark.score for mark in read_marks(course, ASSIGNMENT)}["late"] == 3
