"""What is known of a graded assignment, read once: rows of the gradebook, graded notebooks, who handed in nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from nbgrader.api import (
    Grade,
    Gradebook,
    GradeCell,
    MissingEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy import select
from traitlets.config import Config

from course_utils.classroom.by_hand import is_waiting, to_read_again
from course_utils.classroom.config import load_config
from course_utils.classroom.deadlines import penalty
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.roster import Roster, read_roster, roster_path
from course_utils.classroom.settings import Deadlines
from course_utils.errors import CourseError
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.excerpt import Notebook as Divided
from course_utils.notebooks.files import notebooks_in
from course_utils.notebooks.texts import one_line
from course_utils.stages.whereabouts import NOTHING, QUARANTINE, UNTOUCHED, Whereabouts, where_everybody_is

__all__ = ["Cell", "Class", "Ran", "Submission", "read_class", "source_notebooks", "text_of"]

# Characters of a sentence of a check that are kept.
_LONGEST = 400
_TITLE = re.compile(r"^#{1,6} ", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell of the assignment that has points.

    Parameters
    ----------
    notebook, name : str
        Without suffix; the grade_id.
    points : float
    title : str
        The exercise that it belongs to, as its heading says.
    number : int
        Of the exercise in its notebook, 0 where it has none.
    by_hand : bool
        Whether a person gives the points.
    bonus : bool
    covers : tuple of str
        Items of the problem sheets.
    """

    notebook: str
    name: str
    points: float
    title: str = ""
    number: int = 0
    by_hand: bool = False
    bonus: bool = False
    covers: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others of the assignment."""
        return self.notebook, self.name

    @property
    def exercise(self) -> str:
        """Number and title of its exercise, as a table shows it."""
        return f"Exercise {self.number}: {self.title}" if self.number else self.title or self.name


@dataclass
class Ran:
    """What one graded notebook says of its run.

    Parameters
    ----------
    seconds : float
        Of the whole notebook, at grading.
    minutes : float or None
        From the first to the last run of a cell that the notebook recorded, at home.
    repairs, events, suspicious : list of str
        As in the report of trust.
    sentences : dict of str to str
        Why a check failed, by grade_id.
    cell_seconds : dict of str to float
        Of the cells that took a tenth of a second or more, by name; empty where an earlier version graded.
    stopped : dict of str to str
        Cells that used up time or memory, by name: what is said of it.
    outside_sandbox : bool
    unreadable : str
    """

    seconds: float = 0.0
    minutes: float | None = None
    repairs: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)
    sentences: dict[str, str] = field(default_factory=dict)
    cell_seconds: dict[str, float] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    outside_sandbox: bool = False
    unreadable: str = ""


@dataclass
class Submission:
    """The graded hand-in of one student or group.

    Parameters
    ----------
    owner_id : str
    scores : dict of (str, str) to float
        Points by notebook and grade_id; cells that wait for a person are not in it.
    waiting : set of (str, str)
    late_s : float
        Seconds after the deadline.
    penalty : float
        Points that lateness costs.
    ran : dict of str to Ran
        By notebook; none of it where a notebook was not handed in.
    untouched : bool
        Whether it is a copy as it was released.
    """

    owner_id: str
    scores: dict[tuple[str, str], float] = field(default_factory=dict)
    waiting: set[tuple[str, str]] = field(default_factory=set)
    late_s: float = 0.0
    penalty: float = 0.0
    ran: dict[str, Ran] = field(default_factory=dict)
    untouched: bool = False

    @property
    def points(self) -> float:
        """Points before lateness, without cells that wait."""
        return sum(self.scores.values())

    @property
    def mark(self) -> float:
        """Points after lateness."""
        return max(0.0, self.points - self.penalty)


@dataclass
class Class:
    """A class and what it did in one assignment.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    cells : list of Cell
        In the order of the notebooks.
    submissions : list of Submission
        Graded ones, in the order of the roster.
    places : dict of str to Whereabouts
        Of everybody, by owner.
    roster : Roster
    sources : dict of str to Divided
        The course's notebooks.
    ungraded : list of str
        Who handed in something that is not graded.
    """

    course: Path
    assignment: str
    cells: list[Cell]
    submissions: list[Submission]
    places: dict[str, Whereabouts]
    roster: Roster
    sources: dict[str, Divided]
    ungraded: list[str]

    @cached_property
    def counted(self) -> list[Submission]:
        """Those of whom statistics speak: who handed in more than a copy of what was released."""
        return [submission for submission in self.submissions if not submission.untouched]

    @cached_property
    def table(self) -> np.ndarray:
        """Points by submission and cell; NaN where a person has still to read."""
        rows = [[one.scores.get(cell.key, np.nan) for cell in self.cells] for one in self.counted]
        return np.array(rows, dtype=float).reshape(len(self.counted), len(self.cells))

    def name(self, owner_id: str) -> str:
        """Return how a student or group is called."""
        place = self.places.get(owner_id)
        return place.name if place else owner_id

    @property
    def missing(self) -> list[str]:
        """Who handed in nothing."""
        return [who for who, place in self.places.items() if place.state == NOTHING and who not in self._graded]

    @property
    def quarantined(self) -> list[str]:
        """Whose work is in quarantine, and nothing else of them is there."""
        return [who for who, place in self.places.items() if place.state == QUARANTINE and who not in self._graded]

    @cached_property
    def _graded(self) -> set[str]:
        return {submission.owner_id for submission in self.submissions}


def read_class(course: Path, assignment: str, *, outputs: bool = True) -> Class:
    """Read an assignment: the gradebook in a handful of questions, and each graded notebook once.

    Nothing is written.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    outputs : bool
        Whether the graded notebooks are read as well.

    Raises
    ------
    CourseError
        If the gradebook does not know the assignment, or nothing of it is graded.
    """
    course = Path(course).resolve()
    config = load_config(course)
    sources = source_notebooks(course, assignment)
    roster = read_roster(course) if roster_path(course) is not None else Roster(())
    with open_gradebook(course, config) as gradebook:
        known, found = _read_gradebook(gradebook, course, assignment, config)
    if not found:
        raise CourseError(f"Nothing of {assignment} is graded yet: run `course autograde {assignment}` first.")
    cells = _cells(sources, known)
    entries = where_everybody_is(course, assignment, config, roster if roster.students else None)
    places = {entry.owner_id: entry for entry in entries}
    graded = {one.owner_id for one in found}
    order = {who: number for number, who in enumerate([*places, *sorted(graded - set(places))])}
    found.sort(key=lambda one: order[one.owner_id])
    for one in found:
        one.untouched = one.owner_id in places and places[one.owner_id].state == UNTOUCHED
        if outputs:
            one.ran = dict(_read_notebooks(course, assignment, one.owner_id, sources))
    ungraded = [who for who, place in places.items() if place.is_laid_out and who not in graded]
    return Class(course, assignment, cells, found, places, roster, sources, ungraded)


def text_of(cell: dict[str, Any]) -> str:
    """Return the source of a cell as one text."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def source_notebooks(course: Path, assignment: str) -> dict[str, Divided]:
    """Return the course's own notebooks of an assignment, divided into exercises."""
    found = {}
    for path in notebooks_in(course / "source" / assignment):
        cells = json.loads(path.read_bytes())["cells"]
        found[path.stem] = Divided(f"{assignment}/{path.stem}", [{**cell, "source": text_of(cell)} for cell in cells])
    if not found:
        raise CourseError(f"There is no notebook in source/{assignment}.")
    return found


def _read_gradebook(
    gradebook: Gradebook, course: Path, assignment: str, config: Config
) -> tuple[dict[tuple[str, str], float], list[Submission]]:
    """Return the points that each cell has, and what everybody earned."""
    try:
        entry = gradebook.find_assignment(assignment)
    except MissingEntry as error:
        raise CourseError(
            f"The gradebook knows no assignment {assignment!r}; release it and grade it first."
        ) from error
    ask = gradebook.db.execute
    known: dict[tuple[str, str], float] = {}
    cell_names: dict[str, tuple[str, str]] = {}
    for kind in (GradeCell, TaskCell):
        query = select(Notebook.name, kind.name, kind.max_score, kind.id).join(
            Notebook, kind.notebook_id == Notebook.id
        )
        rows = ask(query.where(Notebook.assignment_id == entry.id)).all()
        known |= {(notebook, name): float(points or 0) for notebook, name, points, _ in rows}
        cell_names |= {number: (notebook, name) for notebook, name, _, number in rows}
    query = select(SubmittedAssignment.id, SubmittedAssignment.student_id, SubmittedAssignment.timestamp,
                   SubmittedAssignment.extension).where(SubmittedAssignment.assignment_id == entry.id)  # fmt: skip
    found: dict[str, Submission] = {}
    changed: dict[str, Any] = {}
    for number, who, when, extension in ask(query).all():
        found[number] = Submission(who)
        due = entry.duedate + extension if entry.duedate and extension else entry.duedate
        found[number].late_s = max(0.0, (when - due).total_seconds()) if when and due else 0.0
        changed[number] = to_read_again(course / "autograded" / who / assignment)
    query = (
        select(
            SubmittedNotebook.id, SubmittedNotebook.assignment_id, SubmittedNotebook.late_submission_penalty,
            Notebook.name,
        )
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .where(Notebook.assignment_id == entry.id)
    )  # fmt: skip
    notebooks = {number: rest for number, *rest in ask(query).all()}
    points: dict[str, float] = dict.fromkeys(notebooks, 0.0)
    query = (
        select(
            Grade.notebook_id, Grade.cell_id, Grade.auto_score, Grade.manual_score, Grade.extra_credit,
            Grade.needs_manual_grade,
        )
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .where(Notebook.assignment_id == entry.id)
    )  # fmt: skip
    for notebook, cell, auto, manual, extra, needs in ask(query):
        owner = notebooks[notebook][0]
        key = cell_names.get(cell)
        if key is None or owner not in found:
            continue
        is_other = bool(needs) and (changed[owner] is None or key in changed[owner])
        if is_waiting(known[key], manual, auto, is_other=is_other):
            found[owner].waiting.add(key)
            continue
        score = (manual if manual is not None else auto or 0.0) + (extra or 0.0)
        found[owner].scores[key] = float(score)
        points[notebook] += float(score)
    policy = Deadlines(config=config)
    for number, (owner, noted, _) in notebooks.items():
        if owner in found:
            cost = penalty(policy, assignment, points[number], found[owner].late_s)
            found[owner].penalty += min(points[number], (noted or 0.0) if policy.policy == "none" else cost)
    return known, list(found.values())


def _cells(sources: dict[str, Divided], known: dict[tuple[str, str], float]) -> list[Cell]:
    """Return the cells with points in the order of the notebooks; those that left the source stand behind."""
    found = []
    for name, notebook in sources.items():
        titles = {index: section for section in notebook.sections for index in section.cells}
        for index, cell in enumerate(notebook.cells):
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if not notebook.is_graded(index) or (name, grade_id) not in known:
                continue
            section = titles.get(index)
            found.append(
                Cell(
                    name,
                    grade_id,
                    known[name, grade_id],
                    section.title if section else "",
                    section.number if section else 0,
                    notebook.is_written(index),
                    bool(kinds.course(cell).get("bonus")),
                    tuple(notebook.covers(index)),
                )
            )
    there = {cell.key for cell in found}
    return found + [Cell(*key, points) for key, points in sorted(known.items()) if key not in there]


def _read_notebooks(
    course: Path, assignment: str, owner_id: str, sources: dict[str, Divided]
) -> Iterator[tuple[str, Ran]]:
    for name in sources:
        path = course / "autograded" / owner_id / assignment / f"{name}.ipynb"
        if not path.is_file() or path.is_symlink():
            continue
        try:
            ran = _ran(json.loads(path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield name, Ran(unreadable="the graded notebook can't be read")
            continue
        ran.minutes = _minutes(course / "submitted" / owner_id / assignment / f"{name}.ipynb")
        yield name, ran


def _ran(notebook: dict[str, Any]) -> Ran:
    about = notebook["metadata"].get("course", {})
    trust = about.get("trust", {})
    ran = Ran(
        seconds=float(trust.get("seconds", 0.0)),
        cell_seconds={str(name): float(seconds) for name, seconds in trust.get("cells", {}).items()},
        repairs=[str(text) for text in about.get("repairs", [])],
        events=[str(text) for _, text in trust.get("events", [])],
        suspicious=[str(text) for text in trust.get("suspicious", [])],
        outside_sandbox=trust.get("sandboxed") is False,
        unreadable=str(about.get("unreadable") or ""),
    )
    for index, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", ()):
            if output.get("output_type") != "error":
                continue
            told = one_line(output.get("evalue") or output.get("ename"), _LONGEST)
            if output.get("ename") in ("TimeLimit", "MemoryError", "OutOfMemory") or "memory" in told:
                ran.stopped.setdefault(kinds.name(cell, index), told)
            if kinds.is_test(cell):
                ran.sentences.setdefault(kinds.name(cell, index), told)
    return ran


def _minutes(path: Path) -> float | None:
    """Return the minutes from the first to the last run of a cell, where JupyterLab was told to keep the times."""
    try:
        if path.is_symlink() or b'"iopub.execute_input"' not in (data := path.read_bytes()):
            return None
        times = []
        for cell in json.loads(data)["cells"]:
            kept = cell["metadata"].get("execution", {})
            for text in kept.values() if isinstance(kept, dict) else ():
                moment = datetime.fromisoformat(str(text))
                times.append(moment.timestamp())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    return (max(times) - min(times)) / 60 if len(times) > 1 else None
