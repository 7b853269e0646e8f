"""A class in which everybody's work met with an accident goes through the whole cycle, by the commands of a person."""

from __future__ import annotations

import csv
import html
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.marks import Mark, read_marks
from course_utils.classroom.roster import read_roster
from course_utils.platforms.olat.simulate import Folder, sheet_bytes, write_download
from tests.support.accident_course import ASSIGNMENT, NOTEBOOK, PROSE, Accident, make_course, students_of

__all__ = ["Cycle", "play"]


@dataclass
class Cycle:
    """What the cycle left: rows of both tables, marks before and after the texts were read, what commands said."""

    course: Path
    accidents: Mapping[str, Accident]
    collected: dict[str, dict[str, str]]
    graded: dict[str, dict[str, str]]
    first: dict[str, Mark]
    last: dict[str, Mark]
    said: dict[str, str]

    def student(self, case: str) -> str:
        return students_of(self.accidents)[case]

    def told(self, case: str) -> str:
        """All that the tables say of somebody."""
        collected, graded = self.collected[self.student(case)], self.graded[self.student(case)]
        cells = [collected[column] for column in ("where", "in_quarantine", "notes")]
        return " | ".join(filter(None, [*cells, graded["problem"], graded["notes"]]))

    def page(self, case: str) -> str:
        path = self.course / "feedback" / self.student(case) / ASSIGNMENT / f"{NOTEBOOK}.html"
        return html.unescape(re.sub(r"(?s)<style.*?</style>", "", path.read_text(encoding="utf-8")))

    def score_lines(self) -> dict[str, str]:
        """The lines that OpenOlat gets, by user name."""
        (path,) = (self.course / "returned" / ASSIGNMENT).glob("*_scores.txt")
        lines = path.read_text(encoding="utf-8").splitlines()
        return {line.split("\t")[0]: line for line in lines}

    def withheld(self) -> dict[str, str]:
        """Why somebody's marks are kept back, by name."""
        rows = _rows(self.course / "returned" / ASSIGNMENT / "withheld.csv")
        return {row["who"]: row["why"] for row in rows}

    def everything_written(self) -> dict[str, str]:
        """All that a person reads of the cycle: what commands said, tables, lines, pages."""
        texts = {f"the terminal of {command}": text for command, text in self.said.items()}
        for folder in ("reports", "quarantine", "returned", "feedback"):
            for path in sorted((self.course / folder).rglob("*")):
                if path.suffix in (".csv", ".html", ".txt", ".json") and path.is_file():
                    texts[str(path.relative_to(self.course))] = path.read_text(encoding="utf-8")
        return texts


def play(root: Path, accidents: Mapping[str, Accident]) -> Cycle:
    """Hand in, collect, grade, read the texts, and give back."""
    course = make_course(root / "course", accidents)
    students = students_of(accidents)
    people = {person.student_id: person for person in read_roster(course).students}
    folders = [Folder.of(people[students[case]], accident.uploaded()) for case, accident in accidents.items()]
    sheet = sheet_bytes(list(people.values()), dict.fromkeys(people, datetime(2026, 11, 20, 17, 0)))
    download = root / "Blatt_1_2026-11-20T18-05.zip"
    write_download(download, folders, top="ita_Blatt_1_2026-11-20T18-05-41_207", sheet=sheet)
    said = {}

    def command(*words: str) -> None:
        said[words[0]] = run(course, *words)

    command("release", ASSIGNMENT)
    command("collect", ASSIGNMENT, str(download))
    command("autograde", ASSIGNMENT, "--workers", "2")
    first = {mark.owner_id: mark for mark in read_marks(course, ASSIGNMENT)}
    _read_the_texts(course)
    command("feedback", ASSIGNMENT)
    command("return", ASSIGNMENT)
    last = {mark.owner_id: mark for mark in read_marks(course, ASSIGNMENT)}
    reports = course / "reports"
    collected = {row["owner_id"]: row for row in _rows(reports / ASSIGNMENT / "collected.csv")}
    graded = {row["student_id"]: row for row in _rows(reports / f"{ASSIGNMENT}-autograde.csv")}
    return Cycle(course, accidents, collected, graded, first, last, said)


def run(course: Path, *words: str) -> str:
    """Give a command in a course folder, as a person does, and return what it says; it has to end well."""
    done = subprocess.run(
        [sys.executable, "-m", "course_utils", *words], cwd=course, env={**os.environ, "COLUMNS": "250"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _read_the_texts(course: Path) -> None:
    """A person gives all points to each text that waits."""
    with open_gradebook(course, load_config(course)) as gradebook:
        for submission in gradebook.find_assignment(ASSIGNMENT).submissions:
            for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
                if grade.needs_manual_grade:
                    grade.manual_score, grade.needs_manual_grade = PROSE, False
        gradebook.db.commit()
