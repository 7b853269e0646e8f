"""Marks back to OpenOlat: score lines, the zip, lateness, groups, bonus, and what must not be dropped silently."""

import csv
import shutil
import zipfile
from datetime import datetime

import openpyxl
import pytest
from nbgrader.api import Gradebook

from course_utils.classroom.by_hand import MARKER, to_read_again
from course_utils.classroom.config import load_config
from course_utils.classroom.deadlines import sync_gradebook
from course_utils.classroom.marks import course_marks, lateness_now, read_marks, write_course_table
from course_utils.classroom.roster import read_roster
from course_utils.errors import CourseError
from course_utils.platforms.olat.write_back import clean_comment
from course_utils.stages.give_back import return_marks
from tests.support.olat_course import ROSTER, make_course

# One worker, for what is made once.
pytestmark = pytest.mark.xdist_group("olat-return")

LATE = """
c.Deadlines.due = {"sheet": "2026-11-20 18:00"}
c.Deadlines.policy = "percent per started day"
c.Deadlines.grace_minutes = {"sheet": 15}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Made once: nbgrader takes seconds to make a gradebook."""
    folder = make_course(tmp_path_factory.mktemp("template"))
    with book(folder) as gradebook:
        for assignment, cells in {
            "sheet": [("first", "a", 2, "code"), ("first", "b", 2, "code"), ("second", "c", 4, "markdown")],
            "other": [("third", "test_third", 2, "code")],
        }.items():
            gradebook.add_assignment(assignment)
            for notebook, name, points, kind in cells:
                gradebook.update_or_create_notebook(notebook, assignment)
                gradebook.add_grade_cell(name, notebook, assignment, max_score=points, cell_type=kind)
    return folder


@pytest.fixture
def course(template, tmp_path):
    """A course whose gradebook knows `sheet`: two cells of 2 points in `first`, one by hand of 4 in `second`."""
    return shutil.copytree(template, tmp_path / "course")


def book(course):
    return Gradebook(f"sqlite:///{course}/gradebook.db")


def grade(course, owner_id, scores, assignment="sheet", timestamp=None, pages=True, html="<p>well done</p>"):
    """Enter points by cell (None: waits for a person) and write a feedback page."""
    with book(course) as gradebook:
        gradebook.update_or_create_student(owner_id)
        gradebook.update_or_create_submission(assignment, owner_id, timestamp=timestamp)
        for notebook in gradebook.find_submission(assignment, owner_id).notebooks:
            for cell in notebook.grades:
                cell.auto_score = scores[cell.name]
                cell.needs_manual_grade = scores[cell.name] is None
        gradebook.db.commit()
    if pages:
        folder = course / "feedback" / owner_id / assignment
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "first.html").write_text(html, encoding="utf-8")


def score_lines(result):
    return result.scores.read_text(encoding="utf-8").splitlines()


def test_lines_have_tabs_a_point_and_no_header(course):
    """Fixture 10: leading zeros and dots in identifiers kept, who handed in nothing has no line."""
    grade(course, "s01", {"a": 2, "b": 1.5, "c": 4})
    grade(course, "s02", {"a": 2, "b": 2, "c": 4})
    result = return_marks(course, "sheet")
    raw = result.scores.read_bytes()
    assert raw.decode("utf-8").splitlines() == [
        "jmueller\t7.5\tsheet: 7.5 of 8 points",
        "max.muster@uni.example\t8\tsheet: 8 of 8 points",
    ]
    assert not raw.startswith(b"\xef\xbb\xbf") and b'"' not in raw and raw.endswith(b"points\n")
    assert result.withheld == []
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.OpenOlat.identifier = "matriculation_number"\nc.OpenOlat.passed_share = 0.95\n')
    assert score_lines(return_marks(course, "sheet")) == [
        "0012345\t7.5\tn\tsheet: 7.5 of 8 points",
        "0023456\t8\ty\tsheet: 8 of 8 points",
    ]


def test_every_folder_of_the_zip_has_a_line_with_a_score(course):
    grade(course, "s01", {"a": 2, "b": 1, "c": 0}, html="x" * 2_000_000)
    grade(course, "s02", {"a": 2, "b": 2, "c": None})
    grade(course, "s03", {"a": 0, "b": 0, "c": 0}, pages=False)
    result = return_marks(course, "sheet")
    with zipfile.ZipFile(result.feedback) as archive:
        infos = archive.infolist()
    assert [info.filename for info in infos] == ["jmueller/sheet_first_feedback.html"]
    assert {info.filename.split("/")[0] for info in infos} <= {line.split("\t")[0] for line in score_lines(result)}
    assert all(info.compress_size >= 0.01 * info.file_size for info in infos), "OpenOlat refuses what shrinks more"
    assert [line.split("\t")[:2] for line in score_lines(result)] == [["jmueller", "3"], ["oneill", "0"]]
    assert dict(result.withheld) == {
        "Anna Maria Müller-Lüdenscheid": "1 cell waits for a person; grade, or use --automatic",
        "Éloïse O'Neill": "has a score but no feedback page; run `course feedback`",
    }
    result = return_marks(course, "sheet", automatic=True)
    assert "max.muster@uni.example\t4\tsheet: 4 of 4 points so far; 4 more are not graded yet" in score_lines(result)


def test_a_newer_hand_in_does_not_get_the_mark_of_the_older_one(course):
    """What is laid out and not graded since; whichever autograder makes `autograded/` again, its marks go out."""
    grade(course, "s01", {"a": 2, "b": 1, "c": 0})
    (course / "submitted" / "s01" / "sheet").mkdir(parents=True)
    result = return_marks(course, "sheet")
    told = "another hand-in was collected and is not graded yet; run `course autograde sheet`"
    assert result.lines == [] and result.withheld == [("Jörg Müller", told)]
    mine = next(mark for mark in course_marks(course)[1] if mark.student.student_id == "s01")
    assert (mine.scores["sheet"], mine.notes, mine.waiting) == (None, [f"sheet: {told}"], 1)
    (course / "autograded" / "s01" / "sheet").mkdir(parents=True)
    assert [line.score for line in return_marks(course, "sheet").lines] == [3]


def test_lateness_takes_nothing_of_points_that_do_not_count(course):
    """An old mark on an answer that changed waits; its points are neither given nor charged."""
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(LATE + "c.Deadlines.percent_per_day = 50\n")
    with book(course) as gradebook:
        gradebook.update_or_create_assignment("sheet", duedate=datetime(2026, 11, 20, 17))
    grade(course, "s01", {"a": 2, "b": 2, "c": None}, timestamp=datetime(2026, 11, 21, 12))
    with book(course) as gradebook:
        old = gradebook.find_grade("b", "first", "sheet", "s01")
        old.manual_score, old.needs_manual_grade = 2, True
        gradebook.db.commit()
    folder = course / "autograded" / "s01" / "sheet"
    folder.mkdir(parents=True)
    (folder / MARKER).write_text('{"changed": [["first", "b"]]}')
    (mark,) = read_marks(course, "sheet")
    assert (mark.score, mark.penalty, mark.waiting) == (1, 1, 2)
    with book(course) as gradebook:
        submission, config = gradebook.find_submission("sheet", "s01"), load_config(course)
        assert lateness_now(submission, "sheet", config, to_read_again(folder)) == mark.penalty


def test_a_score_over_the_maximum_is_stopped_here(course):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.OpenOlat.max_points = {"sheet": 6}\n')
    grade(course, "s01", {"a": 2, "b": 2, "c": 4})
    result = return_marks(course, "sheet")
    assert result.lines == [] and result.feedback is None
    told = "has 8 points, but the task takes 6 at most: OpenOlat would drop it"
    assert result.withheld == [("Jörg Müller", told)]
    assert told in result.page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("jmueller", "0034567", "another person has it as a name, number or address"),
        ("jmueller", "a/b", "OpenOlat would not read it as one field or folder"),
        ("jmueller", ".jm", "OpenOlat would not read it as one field or folder"),
    ],
)
def test_an_identifier_that_misleads_is_not_used(course, old, new, told):
    (course / "roster.csv").write_text(ROSTER.replace(old, new), encoding="utf-8")
    grade(course, "s01", {"a": 2, "b": 2, "c": 4})
    result = return_marks(course, "sheet")
    assert not result.lines and told in result.withheld[0][1]


def test_without_a_matriculation_number_nothing_is_made_up(course):
    (course / "roster.csv").write_text(ROSTER.replace("0012345", ""), encoding="utf-8")
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.OpenOlat.identifier = "matriculation_number"\n')
    grade(course, "s01", {"a": 2, "b": 2, "c": 4})
    assert return_marks(course, "sheet").withheld == [("Jörg Müller", "has no matriculation_number in the roster")]


@pytest.mark.parametrize("identifier", ["matriculation_number", "user_name"])
def test_numbers_that_lost_their_zeros_are_told_where_they_identify(course, identifier):
    (course / "roster.csv").write_text(ROSTER.replace("0012345", "12345"), encoding="utf-8")
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(f'c.OpenOlat.identifier = "{identifier}"\n')
    grade(course, "s01", {"a": 2, "b": 2, "c": 4})
    result = return_marks(course, "sheet")
    told = "have 5 and 7 digits; the shorter: row 2."
    assert len(result.lines) == 1 and (told in "".join(result.notes)) == (identifier == "matriculation_number")
    assert all(note in result.page.read_text(encoding="utf-8") for note in result.notes)


def test_a_student_unknown_to_the_roster_is_told(course):
    grade(course, "zz", {"a": 2, "b": 2, "c": 4})
    assert return_marks(course, "sheet").withheld == [("zz", "is in the gradebook, but not in the roster")]


@pytest.mark.parametrize(
    ("comment", "clean"),
    [("a\tb\nc\r\nd", "a b c d"), ('""', ""), ("''", ""), ("  x  ", "x"), ("ü; ok", "ü; ok")],
)
def test_a_comment_stays_one_field(comment, clean):
    assert clean_comment(comment) == clean


def test_group_marks_fan_out_without_a_zip(course):
    grade(course, "Gruppe_7", {"a": 2, "b": 2, "c": 3})
    result = return_marks(course, "sheet")
    assert score_lines(result) == [
        "jmueller\t7\tsheet (Gruppe 7): 7 of 8 points",
        "max.muster@uni.example\t7\tsheet (Gruppe 7): 7 of 8 points",
    ]
    assert result.feedback is None
    assert (course / "returned/sheet/groups/Gruppe_7/sheet_first_feedback.html").exists()
    assert "A group task takes no zip" in result.page.read_text(encoding="utf-8")


def test_a_group_that_handed_in_through_one_member_gets_the_zip(course):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.OpenOlat.group_assignments = ["sheet"]\n')
    grade(course, "Gruppe_7", {"a": 2, "b": 2, "c": 3})
    with zipfile.ZipFile(return_marks(course, "sheet").feedback) as archive:
        assert len(archive.namelist()) == 2


def test_a_member_of_two_groups_with_two_marks_is_told(course):
    (course / "roster.csv").write_text(ROSTER.replace("Gruppe 9", "Gruppe 7;Gruppe 9"), encoding="utf-8")
    grade(course, "Gruppe_7", {"a": 2, "b": 2, "c": 3})
    grade(course, "Gruppe_9", {"a": 1, "b": 2, "c": 3})
    result = return_marks(course, "sheet")
    assert (
        "İpek Öztürk",
        "has several marks (Gruppe 7: 7, Gruppe 9: 6); OpenOlat would keep the last one",
    ) in result.withheld
    assert [line.identifier for line in result.lines] == ["jmueller", "max.muster@uni.example"]
    grade(course, "Gruppe_9", {"a": 2, "b": 2, "c": 3})
    assert [line.identifier for line in return_marks(course, "sheet").lines][-1] == "abc12"


@pytest.mark.parametrize(
    "text",
    ["<p>see Éloïse O'Neill</p>", "<p>0034567</p>", "<td>O'Neill, Éloïse</td>", "mail: ELOISE@students.example."],
)
def test_a_page_that_names_another_student_is_left_out(course, text):
    grade(course, "s01", {"a": 2, "b": 2, "c": 4}, html=f"<html>Jörg Müller 0012345 {text}</html>")
    result = return_marks(course, "sheet")
    assert result.feedback is None and score_lines(result)
    assert "first.html names Éloïse O'Neill; left out" in result.withheld[0][1]
    assert return_marks(course, "sheet", allow_names=True).feedback is not None


def test_a_page_may_name_its_own_group_and_hold_pictures(course):
    picture = 'src="data:image/png;base64,' + "0034567/" * 9 + '"'
    grade(
        course, "Gruppe_7", {"a": 2, "b": 2, "c": 4}, html=f"<img {picture}> Jörg Müller, Anna Maria Müller-Lüdenscheid"
    )
    assert return_marks(course, "sheet").withheld == []


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed (Debian: apt install chromium)")
@pytest.mark.xdist_group("browser")
def test_the_page_is_accessible(course):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    grade(course, "s01", {"a": 2, "b": 2, "c": 4})
    path = return_marks(course, "sheet").page
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 375, "height": 700})
        shown.goto(path.as_uri())
        found = Axe().run(shown).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
        assert shown.evaluate("document.documentElement.scrollWidth") <= 375
        browser.close()


def test_the_page_holds_the_lines_and_the_buttons(course):
    grade(course, "s01", {"a": 2, "b": 2, "c": 4})
    page = return_marks(course, "sheet").page.read_text(encoding="utf-8")
    assert "jmueller\t8\tsheet: 8 of 8 points" in page
    for words in (
        "Massenbewertung",
        "Bulk assessment",
        "sheet_feedback.zip",
        "<strong>1</strong> people",
        "Nothing was left out",
    ):
        assert words in page


def test_lateness_is_counted_from_points_given_later_too(course):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(LATE)
    (course / "extensions.csv").write_text("student_id,assignment,due\ns03,sheet,2026-11-21 18:00\n")
    utc = {
        "s01": datetime(2026, 11, 20, 17, 15),
        "s02": datetime(2026, 11, 20, 17, 15, 1),
        "s03": datetime(2026, 11, 21, 17),
    }
    for owner_id, moment in utc.items():
        grade(course, owner_id, {"a": 2, "b": 2, "c": None}, timestamp=moment)
        for stage in ("submitted", "autograded"):
            (course / stage / owner_id / "sheet").mkdir(parents=True)
    sync_gradebook(course, read_roster(course), "sheet")
    marks = {m.owner_id: m for m in read_marks(course, "sheet")}
    assert [marks[s].score for s in utc] == [4, pytest.approx(3.6), 4]
    with book(course) as gradebook:
        grade_by_hand = gradebook.find_grade("c", "second", "sheet", "s02")
        grade_by_hand.manual_score, grade_by_hand.needs_manual_grade = 4, False
        gradebook.db.commit()
    mark = next(m for m in read_marks(course, "sheet") if m.owner_id == "s02")
    assert (mark.score, mark.penalty) == (pytest.approx(7.2), pytest.approx(0.8))
    with book(course) as gradebook:
        assert gradebook.find_submission("sheet", "s02").late_submission_penalty == pytest.approx(0.8)
        assert gradebook.find_submission("sheet", "s03").extension.total_seconds() == 86_400
    line = next(x for x in score_lines(return_marks(course, "sheet")) if x.startswith("max"))
    assert line.endswith("sheet: 7.2 of 8 points; 0.8 taken for lateness")


def test_bonus_fills_up_lost_points_and_no_more(course):
    """`other` is a bonus assignment of 2 points: all its cells say so."""
    import json

    path = course / "source/other/third.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][3]["metadata"]["course"] = {"bonus": True}
    path.write_text(json.dumps(notebook))
    for owner_id, points in {"s01": 1, "s02": 4, "s03": 3}.items():
        grade(course, owner_id, {"a": 2, "b": 2, "c": points})
        grade(course, owner_id, {"test_third": 2}, assignment="other")
    grade(course, "s04", {"test_third": 1}, assignment="other")
    _, marks = course_marks(course)
    found = {m.student.student_id: (m.points, m.maximum, m.bonus, m.applied, m.total) for m in marks}
    assert found == {
        "s01": (5, 8, 2, 2, 7),
        "s02": (8, 8, 2, 0, 8),
        "s03": (7, 8, 2, 1, 8),
        "s04": (0, 8, 1, 1, 1),
        "s05": (0, 8, 0, 0, 0),
    }
    csv_path, xlsx_path = write_course_table(course)
    with csv_path.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [r["total"] for r in rows] == ["7", "8", "8", "1", "0"]
    assert rows[0]["matriculation_number"] == "0012345" and rows[3]["sheet"] == ""
    assert all(r["user_name"] for r in rows), "a row among the students is nobody's"
    maxima = (csv_path.parent / "course-maxima.csv").read_text(encoding="utf-8-sig").splitlines()
    assert maxima[0] == "assignment,maximum" and [line.split(",")[0] for line in maxima[1:]] == ["other", "sheet"]
    table = openpyxl.load_workbook(xlsx_path)["Marks"]
    assert table["E3"].value == "0012345"
    assert [c.value for c in table[3]][8:15] == [
        "=SUM(G3:H3)",
        "=SUM(G$2:H$2)",
        0,
        "=MAX(0,J3-I3-K3)",
        2,
        "=MIN(M3,L3)",
        "=I3+N3",
    ]
    header = [c.value for c in table[1]]
    assert header[6:12] == ["other", "sheet", "points", "maximum", "open", "lost"]
    assert header[12:15] == ["bonus reached", "bonus counted", "total"]


def test_an_assignment_that_was_never_graded_is_named(course):
    with pytest.raises(CourseError, match="gradebook knows no assignment 'shet'"):
        return_marks(course, "shet")


def test_the_deadline_of_the_settings_counts_after_nbgraders_own_grading(course):
    """`nbgrader autograde` reads no settings of the course: nothing entered the deadline so far."""
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(LATE)
    grade(course, "s02", {"a": 2.0, "b": 2.0, "c": 4.0}, timestamp="2026-11-20 17:30:00 UTC")
    (line,) = return_marks(course, "sheet").lines
    assert line.score == pytest.approx(7.2)
    assert course_marks(course)[1][1].scores["sheet"] == pytest.approx(7.2)
    (course / "gradebook.db").unlink()
    with pytest.raises(CourseError, match="knows no assignment 'sheet'"):
        return_marks(course, "sheet")
