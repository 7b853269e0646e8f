"""Sixty students, sixty accidents, the whole cycle once: no honest point is lost, and everybody's row says why."""

from __future__ import annotations

import builtins
import csv
import html
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.marks import read_marks
from course_utils.classroom.roster import read_roster
from course_utils.platforms.marks_back import Return
from course_utils.platforms.olat.simulate import Folder, sheet_bytes, write_download
from course_utils.stages import autograde, feedback, release
from course_utils.stages.collect import collect
from course_utils.stages.give_back import return_marks
from course_utils.stages.result_table import keep_results
from tests.support.sixty_accidents import ACCIDENTS, ASSIGNMENT, NOTEBOOK, POINTS, PROSE, STUDENTS, make_course

pytestmark = pytest.mark.xdist_group("accidents")

READABLE = [case for case, accident in ACCIDENTS.items() if accident.readable]
WAITING = [case for case, accident in ACCIDENTS.items() if not accident.readable]
# What only a programmer reads: traces, Python's own classes, and how Python writes its objects.
_ERRORS = "|".join(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
)
_OURS = re.compile(rf"Traceback|course_utils[/.]|File \"|<\w+ object|\bNotebookError|\bRefusedError|\b({_ERRORS})\b")


@dataclass
class Cycle:
    """What the cycle left: rows of both tables by student, marks before and after the texts were read, pages."""

    course: Path
    collected: dict[str, dict[str, str]]
    graded: dict[str, dict[str, str]]
    first: dict
    last: dict
    returned: Return
    failed: list[tuple[str, str]]

    def told(self, student: str) -> str:
        """All that the tables say of somebody."""
        collected, graded = self.collected[student], self.graded[student]
        cells = [collected[column] for column in ("where", "in_quarantine", "notes")]
        return " | ".join(filter(None, [*cells, graded["problem"], graded["notes"]]))

    def page(self, student: str) -> str:
        path = self.course / "feedback" / student / ASSIGNMENT / f"{NOTEBOOK}.html"
        return html.unescape(re.sub(r"(?s)<style.*?</style>", "", path.read_text(encoding="utf-8")))


def _table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


def _read_the_texts(course: Path) -> None:
    """A person gives all points to each text that waits."""
    with open_gradebook(course, load_config(course)) as gradebook:
        for submission in gradebook.find_assignment(ASSIGNMENT).submissions:
            for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
                if grade.needs_manual_grade:
                    grade.manual_score, grade.needs_manual_grade = PROSE, False
        gradebook.db.commit()


@pytest.fixture(scope="module")
def cycle(tmp_path_factory):
    root = tmp_path_factory.mktemp("sixty")
    course = make_course(root / "course")
    release.release(course, ASSIGNMENT)
    people = {person.student_id: person for person in read_roster(course).students}
    folders = [Folder.of(people[STUDENTS[case]], accident.uploaded()) for case, accident in ACCIDENTS.items()]
    sheet = sheet_bytes(list(people.values()), dict.fromkeys(people, datetime(2026, 11, 20, 17, 0)))
    download = root / "Blatt_1_2026-11-20T18-05.zip"
    write_download(download, folders, top="ita_Blatt_1_2026-11-20T18-05-41_207", sheet=sheet)
    collect(course, ASSIGNMENT, [download])
    rows = autograde.autograde(course, ASSIGNMENT, workers=2)
    table, _ = keep_results(course, ASSIGNMENT, rows)
    first = {mark.owner_id: mark for mark in read_marks(course, ASSIGNMENT)}
    _read_the_texts(course)
    failed = []
    feedback.feedback(course, ASSIGNMENT, lambda *told: failed.append(told))
    returned = return_marks(course, ASSIGNMENT)
    last = {mark.owner_id: mark for mark in read_marks(course, ASSIGNMENT)}
    collected = _table(course / "reports" / ASSIGNMENT / "collected.csv")
    return Cycle(course, collected, _table(table), first, last, returned, failed)


def test_sixty_hand_ins_of_which_three_wait():
    assert (len(ACCIDENTS), len(WAITING)) == (60, 3)


@pytest.mark.parametrize("case", READABLE)
def test_no_honest_point_is_lost_and_the_text_is_read_by_a_person(case, cycle):
    student, points = STUDENTS[case], ACCIDENTS[case].points
    assert (cycle.first[student].score, cycle.first[student].waiting) == (points, 1), cycle.told(student)
    assert cycle.last[student].score == points + PROSE
    (line,) = [line for line in cycle.returned.lines if line.owner_id == student]
    assert (line.score, line.max_score, len(line.pages)) == (points + PROSE, POINTS + PROSE, 1)


@pytest.mark.parametrize("case", ACCIDENTS)
def test_the_row_says_plainly_what_happened(case, cycle):
    told = cycle.told(STUDENTS[case])
    assert all(words in told for words in ACCIDENTS[case].told), told
    assert not _OURS.search(told), told
    assert ACCIDENTS[case].told or told == "laid out", told


@pytest.mark.parametrize("case", READABLE)
def test_the_page_shows_the_work(case, cycle):
    page = cycle.page(STUDENTS[case])
    shown = {words: words in page for words in ("Zero is neutral", ACCIDENTS[case].shown, "Traceback", "course_utils/")}
    assert shown == {"Zero is neutral": True, ACCIDENTS[case].shown: True, "Traceback": False, "course_utils/": False}


@pytest.mark.parametrize("case", WAITING)
def test_what_cannot_be_read_waits_and_is_no_zero(case, cycle):
    student = STUDENTS[case]
    assert cycle.graded[student]["problem"].startswith("not gradable: handed in, but in quarantine: ")
    assert cycle.graded[student]["mark"] == ""
    assert student not in cycle.first
    (reason,) = [why for name, why in cycle.returned.withheld if name == cycle.collected[student]["name"]]
    assert reason.startswith("handed in, but in quarantine: ") and ACCIDENTS[case].told[0] in reason


def test_every_page_is_made_and_returned(cycle):
    assert cycle.failed == [] and len(cycle.returned.lines) == len(READABLE)
    assert len(cycle.returned.withheld) == len(WAITING)
    assert not (cycle.course / "reports" / "faults.log").exists()
