"""Reports of a made-up class: figures, escaped text, names, comparison, the exam office; nothing but one file each."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser

import numpy as np
import openpyxl
import pytest
from typer.testing import CliRunner

from benchmarks.made_up_class import make_class
from course_utils.classroom.marks import CourseMark
from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.roster import Roster, Student
from course_utils.classroom.settings import ExamOffice
from course_utils.command.app import app
from course_utils.errors import CourseError
from course_utils.report.assignment import hidden, write_report
from course_utils.report.course import standings, write_course_report
from course_utils.report.graded import read_class
from course_utils.report.similar import write_similar

# One class, and one report of it.
pytestmark = pytest.mark.xdist_group("reports")

ASSIGNMENT = "depthwise"


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return make_class(tmp_path_factory.mktemp("class") / "course", ASSIGNMENT, 40, copies=1, seed=3)


@pytest.fixture(scope="module")
def course(planted):
    return planted.course


@pytest.fixture(scope="module")
def written(course):
    return write_report(course, ASSIGNMENT)


def rows_of(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_figures_are_those_of_the_gradebook(course, written):
    room = read_class(course, ASSIGNMENT)
    rows = rows_of(written.tables[0])
    assert [(row["notebook"], row["cell"]) for row in rows] == [cell.key for cell in room.cells]
    for column, row in enumerate(rows):
        scores = room.table[:, column]
        there = scores[~np.isnan(scores)]
        assert float(row["mean"]) == pytest.approx(there.mean() / float(row["points"]), abs=1e-4)
        assert int(row["n"]) == len(there) and int(row["waiting"]) == len(scores) - len(there)


def test_each_cell_has_its_exercises_title(written):
    titles = {row["exercise"] for row in rows_of(written.tables[0])}
    assert titles and all(re.match(r"Exercise \d+: \w", title) for title in titles)


def test_seconds_of_cells_are_told_where_grading_noted_them(course, written):
    room = read_class(course, ASSIGNMENT)
    times = {}
    for one in room.submissions:
        for notebook, ran in one.ran.items():
            for cell, seconds in ran.cell_seconds.items():
                times.setdefault(f"{notebook}, {cell}", []).append(seconds)
    slowest = max(times, key=lambda key: (max(times[key]), [-ord(letter) for letter in key]))
    page = written.page.read_text(encoding="utf-8").partition("Cells that took longest</h3>")[2]
    row = page.partition("<tbody>")[2].partition("</tr>")[0]
    assert slowest in row and f">{max(times[slowest]):g}<" in row.replace(" ", "")
    assert f"{len(times[slowest])} of {len(times[slowest])}" in row


def test_memory_of_cells_is_told(course, written):
    room = read_class(course, ASSIGNMENT)
    most = max(most for one in room.submissions for ran in one.ran.values() for most in ran.cell_memory.values())
    page = written.page.read_text(encoding="utf-8").partition("Cells that needed most memory</h3>")[2]
    row = page.partition("<tbody>")[2].partition("</tr>")[0]
    assert most > 16 and f">{most}<" in row


def test_a_column_for_each_cell_and_a_row_for_each_student_alone(course, written):
    rows = rows_of(written.tables[1])
    room = read_class(course, ASSIGNMENT)
    assert {f"{notebook}/{name}" for notebook, name in (cell.key for cell in room.cells)} <= set(rows[0])
    assert len(rows) == 42 and {row["student_id"] for row in rows} >= {"m0000", "m9998", "m9999"}
    assert next(row for row in rows if row["student_id"] == "m9999")["where"] == "nothing handed in"


def test_pages_hold_nothing_that_runs_or_loads(course, written):
    write_similar(course, ASSIGNMENT)
    write_course_report(course)
    pages = sorted((course / "reports").glob("*.html"))
    assert len(pages) == 3
    for path in pages:
        page = path.read_text(encoding="utf-8")
        tags = Tags()
        tags.feed(page)
        assert not tags.found & {"script", "img", "link", "iframe", "object", "form", "b"}, path.name
        assert not [name for name in tags.attributes if name in ("src", "srcset", "data", "style") or name[:2] == "on"]
        assert all(target.startswith("#") for target in tags.targets)
        assert "default-src 'none'" in page and not re.search(r"@import|url\(", page) and '<html lang="en">' in page
    assert "&lt;b&gt;Nobody" in (course / "reports" / "course-report.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Elements of a page, their attributes, and where links lead."""

    def __init__(self):
        super().__init__()
        self.found, self.attributes, self.targets = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value for name, value in attrs if name == "href"]


def test_what_a_check_said_is_escaped(course, written, tmp_path):
    said = "<svg onload=alert(1)> {{ 7*7 }} \x1b[2J =1+1"
    room = read_class(course, ASSIGNMENT)
    tests = [cell for cell in room.cells if not cell.by_hand]
    mine, cell = next((one, cell) for one in room.counted for cell in tests if one.scores[cell.key] == 0)
    path = course / "autograded" / mine.owner_id / ASSIGNMENT / f"{cell.notebook}.ipynb"
    kept, lost = path.read_text(encoding="utf-8"), cell.name
    notebook = json.loads(kept)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == lost:
            cell["outputs"] = [{"output_type": "error", "ename": "E", "evalue": said, "traceback": []}]
    notebook["metadata"]["course"]["repairs"] = [said]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    try:
        found = write_report(course, ASSIGNMENT, folder=tmp_path)
    finally:
        path.write_text(kept, encoding="utf-8")
    page = found.page.read_text(encoding="utf-8")
    assert "<svg onload" not in page and "&lt;svg onload" in page and "{{ 7*7 }}" in page and "\x1b" not in page
    assert any(row["sentence"].startswith("<svg") for row in rows_of(found.tables[2]))


def test_pseudonyms_stand_in_place_of_names(course, tmp_path):
    found = write_report(course, ASSIGNMENT, pseudonyms=True, folder=tmp_path)
    text = "".join(path.read_text(encoding="utf-8-sig") for path in (found.page, *found.tables))
    text += write_similar(course, ASSIGNMENT, pseudonyms=True, folder=tmp_path).page.read_text(encoding="utf-8")
    names = {row["last_name"] for row in rows_of(course / "roster.csv")} | {"m0001", "m9999"}
    assert not {name for name in names if name in text} and "p-" in text


def test_of_a_stranger_the_folders_name_is_hidden_too():
    names = Pseudonyms(Roster(()), b"key")
    assert "Unknown_Ulla" not in hidden(names, "Unknown_Ulla", "nobody has the folder Unknown_Ulla")


def test_lost_zeros_are_told_before_the_exam_office_sees_them(course, tmp_path):
    kept = (course / "roster.csv").read_text(encoding="utf-8")
    (course / "roster.csv").write_text(kept.replace("0000003,", "3,"), encoding="utf-8")
    try:
        told = write_course_report(course, folder=tmp_path).told
    finally:
        (course / "roster.csv").write_text(kept, encoding="utf-8")
    assert "digits" in told[-1] and "the roster" in told[-1]


def test_figures_for_a_comparison_name_nobody(course, written):
    text = written.tables[3].read_text(encoding="utf-8")
    assert "m0000" not in text and json.loads(text)["hand_ins"] == 40


@pytest.mark.parametrize("number", [0, 3])
def test_an_earlier_report_is_compared_cell_by_cell(course, written, tmp_path, number):
    earlier = tmp_path / written.tables[number].name
    text = written.tables[number].read_text(encoding="utf-8-sig")
    first = rows_of(written.tables[0])[0]["cell"]
    earlier.write_text(text.replace(first, "of_old"), encoding="utf-8")
    page = write_report(course, ASSIGNMENT, compare=earlier, folder=tmp_path).page.read_text(encoding="utf-8")
    assert "was not there" in page and "is not there any more" in page and 'id="compared"' in page and "+0" in page


@pytest.mark.parametrize("content", ["", "{}", "[]", "a,b\n1,2\n", '{"cells": [{"mean": "x"}]}'])
@pytest.mark.parametrize("ending", ["json", "csv"])
def test_what_is_no_earlier_report_is_told(course, tmp_path, content, ending):
    path = tmp_path / f"old.{ending}"
    path.write_text(content)
    with pytest.raises(CourseError, match="is no earlier report"):
        write_report(course, ASSIGNMENT, compare=path, folder=tmp_path)


def test_the_weakest_ideas_name_a_cell_to_show(written):
    page = written.page.read_text(encoding="utf-8")
    assert 1 <= len(re.findall(r"\.ipynb, cell \d+", page)) <= 5


def test_minutes_at_home_come_from_the_notebooks(course):
    room = read_class(course, ASSIGNMENT)
    minutes = [ran.minutes for one in room.submissions for ran in one.ran.values()]
    assert all(minute and 0 < minute < 1000 for minute in minutes)


def test_the_planted_copy_leads_the_list_and_the_page_gives_no_verdict(course, planted):
    found = write_similar(course, ASSIGNMENT)
    (first, *_) = rows_of(found.tables[0])
    names = {f"{row['first_name']} {row['last_name']}": row["student_id"] for row in rows_of(course / "roster.csv")}
    assert {frozenset((names[first["one"]], names[first["other"]]))} == planted.whole
    page = found.page.read_text(encoding="utf-8").casefold()
    main = page[page.index("<main>") :]
    assert not re.search(r"plagiar|cheat|suspect|\d ?%", main) and "says nothing of how it came about" in main


def test_the_course_report_writes_the_exam_office_table(course):
    found = write_course_report(course)
    names = [path.name for path in found.tables]
    assert names == ["course-report.csv", "course-report-cells.csv", "exam-office.csv", "exam-office.xlsx"]
    rows = rows_of(found.tables[2])
    assert len(rows) == 42 and rows[3]["matriculation_number"] == "0000003" and "," in rows[3]["percent"]
    assert all((row["grade"] == "") == ("not graded yet" in row["remark"]) for row in rows)
    cell = openpyxl.load_workbook(found.tables[3])["Grades"]["A5"]
    assert (cell.value, cell.data_type, cell.number_format) == ("0000003", "s", "@")
    assert len(rows_of(found.tables[1])) == 42


def mark(maxima=None, scores=None, **more):
    maxima = maxima or {"a": 10.0, "b": 90.0, "c": 50.0}
    return CourseMark(Student("x", "x", "Last", "First"), scores or {}, maxima, **more)


def stand(one, office=None, others=()):
    full = mark(scores={"a": 10.0, "b": 90.0, "c": None})
    return standings(["a", "b", "c"], [one, full, *others], office or ExamOffice())[0]


def test_without_weights_points_count_and_what_nobody_handed_in_is_not_yet_due():
    found = stand(mark(scores={"a": 10.0, "b": 45.0, "c": None}))
    assert found.percent == pytest.approx(55) and found.final == pytest.approx(100 * 55 / 150) and not found.at_risk


def test_with_weights_a_small_sheet_counts_as_much_as_a_large_one():
    office = ExamOffice(weights={"a": 1, "b": 1})
    found = stand(mark(scores={"a": 10.0, "b": 45.0, "c": None}), office)
    assert found.final == pytest.approx(75) and found.grade == "2.3"


def test_open_prose_is_not_lost_and_leaves_the_grade_open():
    found = stand(mark(scores={"a": 6.0, "b": 45.0}, open_points={"b": 45.0}, waiting=3))
    assert found.percent == pytest.approx(100 * 51 / 55) and found.grade == "" and "3 cells" in found.why_open


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ({"a": None, "b": None}, "nothing handed in: a, b; 0 % so far"),
        ({"a": 10.0, "b": 39.0}, "49 % so far"),
        ({"a": None, "b": 50.0}, ""),
    ],
)
def test_who_is_at_risk(scores, why):
    assert stand(mark(scores=scores)).at_risk == why


def test_what_is_noted_is_not_nothing_handed_in():
    found = stand(mark(scores={"a": None, "b": 90.0}, notes=["a: several marks (x: 1, y: 2), none counted"]))
    assert "nothing" not in found.at_risk and found.grade == "" and "several marks" in found.why_open


def test_bonus_never_lifts_anybody_above_everything():
    assert stand(mark(scores={"a": 10.0, "b": 90.0, "c": 50.0}, bonus=20.0)).final == 100


def test_nothing_graded_is_told(course):
    with pytest.raises(CourseError, match=r"knows no assignment|no notebook"):
        write_report(course, "losses")


def test_the_commands_say_what_they_wrote(course):
    run = CliRunner().invoke
    done = run(app, ["report", ASSIGNMENT, "--course", str(course)])
    assert done.exit_code == 0 and f"{ASSIGNMENT}-report.html" in done.output
    assert run(app, ["similar", ASSIGNMENT, "--course", str(course)]).exit_code == 0
    assert run(app, ["report", "--all", "--course", str(course)]).exit_code == 0
    assert run(app, ["report", "--course", str(course)]).exit_code == 1
