"""The report of a whole course: who is at risk, a column for each cell, and the table of the exam office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from markupsafe import Markup
from openpyxl.styles import Font

from course_utils.classroom.config import load_config
from course_utils.classroom.marks import CourseMark, course_marks, members_of, number
from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.roster import lost_zeros
from course_utils.classroom.settings import ExamOffice
from course_utils.classroom.tables import put, write_csv
from course_utils.errors import CourseError
from course_utils.report.assignment import Written
from course_utils.report.graded import Class, read_class
from course_utils.report.page import histogram, made_at, render, write_page
from course_utils.report.statistics import quartiles

__all__ = ["Standing", "standings", "write_course_report"]


@dataclass(frozen=True)
class Standing:
    """How one student stands in the course.

    Parameters
    ----------
    mark : CourseMark
    percent : float or None
        Of the points that were to get so far, of what is graded; None if nothing is.
    final : float
        Per cent that the grade is made of: open points count as lost here.
    grade : str
        Empty while something of theirs is open.
    at_risk : str
        Why; empty if they are not.
    why_open : str
        Why there is no grade yet.
    """

    mark: CourseMark
    percent: float | None
    final: float
    grade: str
    at_risk: str
    why_open: str


def standings(assignments: list[str], marks: list[CourseMark], office: ExamOffice) -> list[Standing]:
    """Return how everybody stands.

    An assignment counts so far once somebody has marks of it. With weights, each assignment is a share of its own
    maximum, and bonus points are a share of the maximum of the course; never more than 100 %.

    Parameters
    ----------
    assignments : list of str
    marks : list of CourseMark
    office : ExamOffice
    """
    begun = [name for name in assignments if any(mark.scores.get(name) is not None for mark in marks)]
    return [_standing(mark, begun, office) for mark in marks]


def _standing(mark: CourseMark, begun: list[str], office: ExamOffice) -> Standing:
    weights = {name: office.weights.get(name, 0.0) if office.weights else mark.maxima[name] for name in mark.maxima}
    settled = not any(mark.notes)
    so_far = final = total = graded = 0.0
    for name, weight in weights.items():
        most = mark.maxima[name]
        if not most:
            continue
        score, open_points = mark.scores.get(name) or 0.0, mark.open_points.get(name, 0.0)
        final += weight * score / most
        total += weight
        if name in begun:
            so_far += weight * score / most
            graded += weight * max(0.0, most - open_points) / most
    bonus = mark.bonus / mark.maximum if mark.maximum else 0.0
    final_percent = 100 * min(1.0, (final / total if total else 0.0) + bonus)
    percent = 100 * min(1.0, so_far / graded + bonus) if graded > 1e-9 else None
    missing = [name for name in begun if mark.scores.get(name) is None and not _told(mark, name)]
    risks = []
    if len(missing) >= office.at_risk_missing:
        risks.append(f"nothing handed in: {', '.join(missing)}")
    if percent is not None and percent < office.at_risk_percent - 1e-9:
        risks.append(f"{percent:.0f} % so far")
    why = "" if settled else "; ".join(mark.notes)
    why = why or (f"{mark.waiting} cells are not graded yet" if mark.waiting else "")
    return Standing(mark, percent, final_percent, "" if why else office.grade(final_percent), "; ".join(risks), why)


def _told(mark: CourseMark, assignment: str) -> bool:
    """Whether a note says why somebody has no mark in an assignment: then it is not that nothing was handed in."""
    return any(note.startswith(f"{assignment}: ") for note in mark.notes)


def write_course_report(
    course: Path, *, pseudonyms: bool = False, folder: Path | None = None, now: datetime | None = None
) -> Written:
    """Write ``reports/course-report.html``, its tables, and the exam office's.

    The exam office's table has names and numbers whatever is set: it is of no use without.

    Parameters
    ----------
    course : pathlib.Path
    pseudonyms : bool
    folder : pathlib.Path, optional
        By default ``reports/`` of the course.
    now : datetime.datetime, optional
        For tests.

    Raises
    ------
    CourseError
        If no assignment is in the gradebook, or the roster can't be used.
    """
    course = Path(course).resolve()
    office, names = ExamOffice(config=load_config(course)), Pseudonyms.of(course, pseudonyms)
    assignments, marks = course_marks(course)
    if not assignments:
        raise CourseError("The gradebook knows no assignment yet; release one and grade it first.")
    found = standings(assignments, marks, office)
    rooms: list[Class] = []
    for name in assignments:
        try:
            rooms.append(read_class(course, name, outputs=False))
        except CourseError:
            continue  # nothing of it is graded, or it left source/
    folder = Path(folder or course / "reports")
    tables = (
        _write_students(folder / "course-report.csv", assignments, found, names),
        _write_cells(folder / "course-report-cells.csv", rooms, marks, names),
        *_write_exam_office(folder, found, office),
    )
    made = made_at(now)
    page = render("course", **_values(assignments, found, rooms, names, office), made=f"Made on {made}.")
    risk = sum(bool(one.at_risk) for one in found)
    told = (f"{len(found)} students, {len(assignments)} assignments, {risk} at risk",)
    if zeros := lost_zeros(mark.student for mark in marks):
        told += (f"Before exam-office.csv goes out: {zeros.replace('this file', 'the roster')}",)
    return Written(write_page(folder / "course-report.html", page), tables, told)


def _values(
    assignments: list[str], found: list[Standing], rooms: list[Class], names: Pseudonyms, office: ExamOffice
) -> dict[str, Any]:
    shares = [one.percent / 100 for one in found if one.percent is not None]
    sheets = []
    for name in assignments:
        scores = [one.mark.scores[name] / one.mark.maxima[name] for one in found
                  if one.mark.scores.get(name) is not None and one.mark.maxima[name]]  # fmt: skip
        middle = quartiles(scores)
        sheets.append(
            {
                "name": name, "maximum": found[0].mark.maxima[name] if found else 0.0, "handed_in": len(scores),
                "missing": len(found) - len(scores), "mean": float(np.mean(scores)) if scores else None,
                "median": middle[1] if middle else None,
                "open": sum(one.mark.open_points.get(name, 0.0) for one in found),
            }
        )  # fmt: skip
    grades = [one.grade for one in found if one.grade]
    order = [*sorted(office.boundaries, key=lambda grade: -office.boundaries[grade]), office.failed]
    people = [
        {
            "name": names.name(one.mark.student.student_id, one.mark.student.name), "percent": one.percent,
            "scores": [one.mark.scores.get(name) for name in assignments], "grade": one.grade, "why": one.why_open,
            "risk": one.at_risk,
        }
        for one in found
    ]  # fmt: skip
    return {
        "title": "Report: the course so far", "pseudonyms": names.name("x", "") != "", "sheets": sheets,
        "histogram": Markup(histogram(shares, "Points of the course so far")), "people": people,
        "risks": [one for one in people if one["risk"]], "assignments": assignments, "counted": len(shares),
        "grades": [(grade, office.boundaries.get(grade), grades.count(grade)) for grade in order],
        "ungraded": len(found) - len(grades), "weights": dict(office.weights), "read": len(rooms),
        "missing": office.at_risk_missing, "least": office.at_risk_percent,
    }  # fmt: skip


def _write_students(path: Path, assignments: list[str], found: list[Standing], names: Pseudonyms) -> Path:
    rows = []
    for one in found:
        student, mark = one.mark.student, one.mark
        rows.append(
            [
                names.name(student.student_id, student.student_id), names.name(student.student_id, student.name),
                *("" if mark.scores.get(name) is None else number(mark.scores[name]) for name in assignments),
                number(mark.points), number(mark.bonus), number(mark.open), number(mark.maximum),
                "" if one.percent is None else number(one.percent), one.grade, one.at_risk, one.why_open,
            ]
        )  # fmt: skip
    last = ["points", "bonus", "open", "maximum", "percent_so_far", "grade", "at_risk", "why_no_grade"]
    return write_csv(path, ["student_id", "name", *assignments, *last], rows, mark=True)


def _write_cells(path: Path, rooms: list[Class], marks: list[CourseMark], names: Pseudonyms) -> Path:
    """Write a row for each student and a column for each cell of the course; members have the points of their group."""
    columns = [(room, cell) for room in rooms for cell in room.cells]
    by_student: list[dict[str, list]] = []
    for room in rooms:
        own: dict[str, list] = {}
        for one in room.submissions:
            for student in members_of(one.owner_id, room.roster):
                own.setdefault(student.student_id, []).append(one)
        by_student.append(own)
    rows = []
    for mark in marks:
        who = mark.student.student_id
        row: list[Any] = [names.name(who, who), names.name(who, mark.student.name)]
        for room, own in zip(rooms, by_student, strict=True):
            hand_ins = own.get(who, [])
            one = hand_ins[0] if len(hand_ins) == 1 else None  # of several nothing says which counts
            row += ["" if one is None or cell.key not in one.scores else one.scores[cell.key] for cell in room.cells]
        rows.append(row)
    header = [f"{room.assignment}/{cell.notebook}/{cell.name}" for room, cell in columns]
    return write_csv(path, ["student_id", "name", *header], rows, mark=True)


def _write_exam_office(folder: Path, found: list[Standing], office: ExamOffice) -> tuple[Path, Path]:
    """Write what the exam office takes, as CSV and xlsx; the matriculation number is a text, with its zeros."""
    header = ["matriculation_number", "last_name", "first_name", "percent", "grade", "passed", "remark"]
    comma = (lambda text: text.replace(".", ",")) if office.decimal_comma else str
    rows = []
    for one in found:
        student = one.mark.student
        passed = "" if not one.grade else "yes" if office.passed(one.grade) else "no"
        remark = one.why_open or ("" if student.matriculation_number else "the roster has no matriculation number")
        person = [student.matriculation_number, student.last_name, student.first_name]
        rows.append([*person, comma(f"{one.final:.2f}"), comma(one.grade), passed, remark])
    path = write_csv(folder / "exam-office.csv", header, rows, mark=True)
    book = openpyxl.Workbook()
    table = book.active
    table.title = "Grades"
    for i, row in enumerate([header, *rows], start=1):
        for column, value in enumerate(row, start=1):
            put(table.cell(i, column), value)
    for cell in table[1]:
        cell.font = Font(bold=True)
    table.freeze_panes = "A2"
    about = book.create_sheet("How it is counted")
    told = ", ".join(f"{name}: {weight:g}" for name, weight in office.weights.items()) or "as many as each has points"
    for line in (
        f"Weights: {told}. What was not handed in counts as 0. Bonus points are added, up to 100 %.",
        f"Grades: {', '.join(f'{grade} from {least:g} %' for grade, least in office.boundaries.items())}; "
        f"below: {office.failed}. Nothing is rounded up.",
        "No grade: something is not graded yet, or nothing says which of several marks counts; the remark says what.",
    ):
        about.append([line])
    book.save(folder / "exam-office.xlsx")
    return path, folder / "exam-office.xlsx"
