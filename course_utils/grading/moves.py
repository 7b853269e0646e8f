"""Which marks of a submission move when it is graded again, by how much and why; nothing is written here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Grade, Gradebook, MissingEntry, SubmittedAssignment
from traitlets.config import Config

from course_utils.classroom.by_hand import read_marker
from course_utils.classroom.deadlines import penalty
from course_utils.classroom.grades import fetch_grades
from course_utils.classroom.marks import number
from course_utils.classroom.settings import Deadlines
from course_utils.grading.records import Before, answer, auto_score, judge
from course_utils.grading.submissions import GradedSubmission, Submission, handed_in_at
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.texts import one_line

__all__ = ["CellMove", "Moves", "foresee", "sentence_of"]

# Characters of what a check says.
_LONGEST = 200
_SAME = 1e-9


@dataclass(frozen=True)
class CellMove:
    """What becomes of one cell's mark.

    Parameters
    ----------
    notebook, cell : str
    before, after : float or None
        Points; None if a person has still to give them.
    of_before, of : float
        What the cell was worth, and is worth now.
    why : str
    by_hand : bool
        Whether a person gave the mark.
    rows : tuple
        `auto_score` and `needs_manual_grade`, as the gradebook will have them.
    """

    notebook: str
    cell: str
    before: float | None
    after: float | None
    of_before: float
    of: float
    why: str = ""
    by_hand: bool = False
    rows: tuple[float | None, bool] = (None, False)

    @property
    def moves(self) -> bool:
        """Whether the mark is another one; otherwise it is told because a person gave it."""
        if self.before is None or self.after is None:
            return self.before is not self.after
        return abs(self.before - self.after) > _SAME


@dataclass(frozen=True)
class Moves:
    """What becomes of a submission's marks.

    Parameters
    ----------
    student : str
    before : float or None
        Points after lateness; None if it was not graded before.
    after : float
    of_before, of : float
        What there was to get, and is now, of the notebooks that the gradebook knows.
    cells : tuple of CellMove
        Those whose mark moves, and those by hand that stay although the test or its points are others.
    kept : int
        Marks given by hand that count as before.
    """

    student: str
    before: float | None
    after: float
    of_before: float = 0.0
    of: float = 0.0
    cells: tuple[CellMove, ...] = field(default=())
    kept: int = 0

    @property
    def moved(self) -> tuple[CellMove, ...]:
        """The cells whose mark is another one."""
        return tuple(cell for cell in self.cells if cell.moves)

    @property
    def moves(self) -> bool:
        """Whether a mark is another one, of a cell or, by lateness, of the whole."""
        return bool(self.moved) or self.before is None or abs(self.before - self.after) > _SAME

    def gives_the_same_as(self, other: Moves) -> bool:
        """Whether both say the same of every mark; why, and what a cell was worth, may be said otherwise."""
        mine, theirs = (
            [m.student, m.before, m.after, [(c.notebook, c.cell, c.before, c.after, c.rows) for c in m.moved]]
            for m in (self, other)
        )
        return mine == theirs


def foresee(
    gradebook: Gradebook,
    config: Config,
    submission: Submission,
    graded: GradedSubmission,
    submitted: Path,
    autograded: Path,
) -> Moves:
    """Return what `records.record` will change, with the same arguments.

    Lateness counts by the deadline that the gradebook knows.
    """
    worth = _points_of(submission)
    notebooks = {name: found.notebook for name, found in graded.notebooks.items()}
    when, policy = handed_in_at(submitted), Deadlines(config=config)
    try:
        entry = gradebook.find_submission(submission.assignment, submission.student)
    except MissingEntry:
        return Moves(submission.student, None, _first_points(notebooks), 0.0, sum(worth.values()))
    fetch_grades(entry)
    marked = [g.auto_score is not None or g.manual_score is not None for n in entry.notebooks for g in n.grades]
    is_first = not any(marked) and not read_marker(autograded)  # an extension makes an entry as well
    before = Before(autograded)
    late_before, late = entry.total_seconds_late, _seconds_late(entry, when)
    sums, cells, kept = [0.0, 0.0, 0.0, 0.0], [], 0
    for notebook in sorted(entry.notebooks, key=lambda n: n.name):
        own, old = [0.0, 0.0], before.cells(notebook.name)
        for grade in sorted(notebook.grades, key=lambda g: g.name):
            cell = _move(grade, old, notebooks.get(notebook.name), before, worth)
            own = [own[0] + (cell.before or 0.0), own[1] + (cell.after or 0.0)]
            sums[2:] = sums[2] + cell.of_before, sums[3] + cell.of
            kept += cell.by_hand and not cell.moves and cell.after is not None
            cells += [cell] if cell.moves or (cell.by_hand and cell.why) else []
        noted = notebook.late_submission_penalty or 0.0
        for place, seconds in enumerate((late_before, late)):
            cost = noted if policy.policy == "none" else penalty(policy, submission.assignment, own[place], seconds)
            sums[place] += own[place] - min(own[place], cost)
    if is_first:
        return Moves(submission.student, None, round(sums[1], 9), 0.0, sum(worth.values()))
    order = {key: place for place, key in enumerate(worth)}
    cells.sort(key=lambda c: order.get((c.notebook, c.cell), len(order)))
    return Moves(submission.student, *(round(value, 9) for value in sums), tuple(cells), kept)


def _move(
    grade: Grade,
    old: list[dict[str, Any]],
    notebook: nbformat.NotebookNode | None,
    before: Before,
    worth: Mapping[tuple[str, str], float],
) -> CellMove:
    key = (grade.notebook.name, grade.name)
    was = _named(old, grade.name)
    of = worth.get(key, grade.max_score or 0.0)
    of_before = _worth(was) if was is not None else grade.max_score or 0.0
    auto, waits = judge(grade, notebook, before)
    changed = before.changed
    waited = bool(grade.needs_manual_grade) and (changed is None or key in changed)
    points = [
        _counts(grade, auto_then, waits_then, of_then)
        for auto_then, waits_then, of_then in ((grade.auto_score, waited, of_before), (auto, waits, of))
    ]
    by_hand = grade.manual_score is not None
    move = CellMove(*key, *points, of_before, of, "", by_hand, (auto, waits))
    why = _why(grade.name, old, notebook, move, grade) if move.moves or by_hand else ""
    return CellMove(*key, *points, of_before, of, why, by_hand, (auto, waits))


def _counts(grade: Grade, auto: float | None, waits: bool, of: float) -> float | None:
    """Return the points of a cell that count, None if a person has to give them (`by_hand.waits`)."""
    given = auto if grade.manual_score is None else grade.manual_score
    if of and (given is None or (waits and grade.manual_score is not None)):
        return None
    return (given or 0.0) + (grade.extra_credit or 0.0)


def _why(
    name: str, old: list[dict[str, Any]], notebook: nbformat.NotebookNode | None, move: CellMove, grade: Grade
) -> str:
    """Return what made a mark another one; of a mark by hand that stays, what is different now, or nothing."""
    if notebook is None:
        return "the notebook is no longer among what was handed in"
    new, was = _named(notebook.cells, name), _named(old, name)
    reasons = []
    if reason := kinds.fault(new):
        reasons.append(f"not gradable, a mistake of the course: {one_line(reason, _LONGEST)}")
    if abs(move.of - move.of_before) > _SAME:
        reasons.append(f"the cell's points changed ({number(move.of_before)} → {number(move.of)})")
    if not old:
        reasons.append("another hand-in than the one graded before")
    elif was is None:
        reasons.append("the cell is new")
    else:
        if kinds.is_test(new) and was["source"] != new["source"]:
            reasons.append("the test's text changed")
        if move.moves and (names := _other_course_cells(old, notebook.cells)):
            reasons.append(f"the course's cells changed ({', '.join(names)})")
        if answer(old, name) != answer(notebook.cells, name):
            reasons.append("the answer changed")
    if move.by_hand and not move.moves:
        return _kept(reasons, move, grade)
    if not reasons:
        reasons.append(
            "the notebook's text is the same: the course's files, settings or code changed, or the answer does not "
            "give the same each time"
        )
    says = sentence_of(new), "" if was is None else sentence_of(was)
    if says[0]:
        reasons.append(f"the check says: {says[0]}")
    elif says[1]:
        reasons.append(f"the check no longer says: {says[1]}")
    return "; ".join(reasons)


def _kept(reasons: list[str], move: CellMove, grade: Grade) -> str:
    """Return what is to be told of a mark by hand that stays; nothing if nothing about its cell is different."""
    if move.after is None:
        return ""
    gives = move.rows[0]
    other = gives is not None and grade.auto_score is not None and abs(gives - grade.auto_score) > _SAME
    above = grade.manual_score > move.of + _SAME
    if not (reasons or other or above):
        return ""
    told = ["given by hand, kept"]
    if other:
        told.append(f"the test gave {number(grade.auto_score)} and gives {number(gives)} now")
    if above:
        told.append(f"above the cell's points: {number(grade.manual_score)} of {number(move.of)}, change one of them")
    return "; ".join([*told, *reasons])


def sentence_of(cell: Mapping[str, Any]) -> str:
    """Return what the check in a graded test cell says; empty if it passed.

    Parameters
    ----------
    cell : mapping
        Of a notebook in `autograded/`.
    """
    for output in cell.get("outputs", ()):
        if output.get("output_type") == "error":
            return one_line(output.get("evalue") or output.get("ename") or "", _LONGEST)
    return ""


def _other_course_cells(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """Return the course's cells of code, tests apart, whose text is another one."""
    found = []
    for cell in new:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if not name or cell["cell_type"] != "code" or kinds.is_test(cell) or kinds.is_students(cell):
            continue
        was = _named(old, name)
        if was is None or was["source"] != cell["source"]:
            found.append(name)
    return found


def _named(cells: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == name:
            return cell
    return None


def _worth(cell: dict[str, Any]) -> float:
    marks = cell["metadata"].get("nbgrader", {})
    return float(marks.get("points", 0)) if marks.get("grade") or marks.get("task") else 0.0


@functools.lru_cache(maxsize=64)
def _worths(source: bytes) -> tuple[tuple[str, float], ...]:
    """Return grade_id and points of the cells of a course's notebook that give some, in their order."""
    cells = nbformat.reads(source.decode("utf-8"), as_version=4).cells
    marks = [(cell["metadata"].get("nbgrader", {}), cell) for cell in cells]
    return tuple((about["grade_id"], _worth(cell)) for about, cell in marks if about.get("grade") or about.get("task"))


def _points_of(submission: Submission) -> dict[tuple[str, str], float]:
    """Return the points of all cells now, by notebook and grade_id, in the order of the assignment."""
    return {
        (name, cell): points
        for name in sorted(submission.sources)
        for cell, points in _worths(submission.sources[name])
    }


def _first_points(notebooks: Mapping[str, nbformat.NotebookNode]) -> float:
    cells = [cell for notebook in notebooks.values() for cell in notebook.cells]
    graded = [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade") or kinds.is_task(cell)]
    return float(sum(auto_score(cell) or 0.0 for cell in graded))


def _seconds_late(entry: SubmittedAssignment, when: datetime | None) -> float:
    if when is None or entry.duedate is None:
        return 0.0
    return max(0.0, (when - entry.duedate).total_seconds())
