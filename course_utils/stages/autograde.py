"""The stage autograde: `submitted/` becomes `autograded/` and rows of the gradebook."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from nbgrader.api import Grade, Gradebook, SubmittedAssignment
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from course_utils.classroom.by_hand import points_that_count, to_read_again, waits
from course_utils.classroom.config import load_config
from course_utils.classroom.deadlines import sync_gradebook
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.grades import fetch_grades
from course_utils.classroom.marks import lateness_now, number
from course_utils.classroom.one_run import only_run
from course_utils.classroom.roster import Roster, read_roster
from course_utils.classroom.safety_net import Waiting, attempt, is_the_machines, note_fault
from course_utils.errors import CourseError
from course_utils.grading import scratch
from course_utils.grading.hidden import course_secret
from course_utils.grading.moves import Moves, foresee
from course_utils.grading.nbgrader_plugins import GradeNotebook
from course_utils.grading.pool import Parents, cores, grade_here, grade_on_cluster
from course_utils.grading.preload import modules_for
from course_utils.grading.records import is_recorded, record
from course_utils.grading.sandbox.host import probe
from course_utils.grading.submissions import (
    GradedSubmission,
    Submission,
    digest_of_source,
    handed_in_at,
    read_submission,
)
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.files import notebooks_in
from course_utils.notebooks.texts import one_line
from course_utils.stages.checking import Stopped, make_sure_it_exists
from course_utils.stages.choosing import no_such_student
from course_utils.stages.regrading_log import RegradingLog
from course_utils.stages.release import make_sure_it_is_released
from course_utils.stages.whereabouts import Whereabouts, where_everybody_is

__all__ = ["How", "Run", "SubmissionResult", "autograde", "roster_of"]

log = logging.getLogger("course")
T = TypeVar("T")


@dataclass
class SubmissionResult:
    """One student's row after grading.

    Parameters
    ----------
    student_id : str
    points, max_points : float
        Automatic and manual points so far, before lateness, of the whole assignment.
    problem : str
        Why (part of) it could not be graded; empty if all went well.
    notes : list of str
        Repairs and events, by notebook.
    needs_manual : bool
        Whether cells wait for a person.
    penalty : float
        Points taken for lateness.
    marked : int
        Cells that a person gave points for.
    where, submitted, late_by : str
        Where the work is, and when it was handed in; see `whereabouts.Whereabouts`.
    in_kernel_points : float
        Possible points whose test ran in the student's own kernel.
    sandboxed : bool
        Whether the student's code ran in the sandbox.
    unsettled : list of str
        Marks that a person gave for an earlier answer, and what became of the cell since; they stand in `notes` too.
    faults : list of str
        What of the course itself kept cells, or all of it, from being judged; the same for everybody whom it meets.
    moves : Moves, optional
        What became of the marks of the run before; None if this one wrote nothing.
    """

    student_id: str
    points: float = 0.0
    max_points: float = 0.0
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    needs_manual: bool = False
    penalty: float = 0.0
    in_kernel_points: float = 0.0
    sandboxed: bool = True
    faults: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    marked: int = 0
    where: str = ""
    submitted: str = ""
    late_by: str = ""
    moves: Moves | None = None

    @property
    def mark(self) -> float | None:
        """Points after lateness; None if nothing could be graded."""
        return self.points - self.penalty if self.max_points else None


def autograde(
    course: Path,
    assignment: str,
    students: Iterable[str] | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    sandbox: bool = True,
    reader: str = "",
    started: Callable[[str], None] | None = None,
    progress: Callable[[SubmissionResult, int, int], None] | None = None,
    parents: Parents | None = None,
) -> list[SubmissionResult]:
    """Grade the submissions of an assignment; no submission stops the others.

    Workers run the notebooks, this process alone writes the gradebook. A run that was stopped is taken up again by
    the next one: what is recorded and unchanged is left as it is.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    students : iterable of str, optional
        Only these, a member of a group standing for it; by default everybody in the roster, and whoever handed in.
    workers : int, optional
        Processes of this machine; by default one per core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers grade instead.
    force : bool
        Grade unchanged submissions again as well.
    sandbox : bool
        False runs students' code with your own rights.
    reader : str
        Who grades, for the log of marks that move; by default the name of the account.
    started : callable, optional
        Called with a student's name when work on the submission begins.
    progress : callable, optional
        Called after each submission with its result, its number and their count.
    parents : grading.pool.Parents, optional
        What kernels are forked from, where it was started before; it is ended here.

    Returns
    -------
    list of SubmissionResult
        Sorted by student_id.

    Raises
    ------
    CourseError
        If the assignment or a student is unknown, there is no sandbox, cells were added to or removed from notebooks
        that are graded already, or the gradebook can't be written.
    """
    course = Path(course).resolve()
    load_config(course)  # says whether it is one
    with only_run(course, f"autograde {assignment}"):
        how = How(workers, scheduler, force, sandbox, reader)
        return Run(course, assignment, students, how, progress).grade(started, parents)


@dataclass(frozen=True)
class How:
    """Where work is graded, how, and by whom; see `autograde`."""

    workers: int | None = None
    scheduler: str | None = None
    force: bool = False
    sandbox: bool = True
    reader: str = ""


class Run:
    """One run: reads, grades and records one submission after the other; whatever becomes of one, it gets its row."""

    def __init__(
        self,
        course: Path,
        assignment: str,
        students: Iterable[str] | None,
        how: How,
        progress: Callable[[SubmissionResult, int, int], None] | None,
    ) -> None:
        self.course, self.assignment, self.how, self.progress = course, assignment, how, progress
        self.source = course / "source" / assignment
        self.config = load_config(course)
        self.config.GradeNotebook.sandbox = how.sandbox
        self.settings = replace(GradeNotebook(config=self.config).settings(), secret=_secret(course, self.config))
        if how.sandbox and how.scheduler is None and (reason := probe()) is not None:
            raise CourseError(
                f"There is no sandbox, so nothing was graded. (--no-sandbox is for work that you trust.) {reason}"
            )
        make_sure_it_exists(course, assignment)
        roster = self._prepare()
        everybody = where_everybody_is(course, assignment, self.config, roster)
        self.people = {entry.owner_id: entry for entry in everybody}
        self.names = sorted(self.people if students is None else _asked_for(students, self.people, roster))
        if self.settings.preload is None:
            notebooks = (path.read_bytes() for path in notebooks_in(self.source))
            self.settings = replace(self.settings, preload=modules_for(notebooks))
        self.results: dict[str, SubmissionResult] = {}
        self.given: dict[str, Submission] = {}
        self.waiting = Waiting(course, assignment)
        source = digest_of_source(self.source, self.settings.ignore)
        self.log = RegradingLog(course, assignment, how.reader, source)

    def _prepare(self) -> Roster | None:
        """Make the gradebook ready, and return who is in the roster."""
        make_sure_it_is_released(self.course, self.assignment)
        roster = roster_of(self.course)
        if roster is not None:
            sync_gradebook(self.course, roster, self.assignment)
        return roster

    def grade(self, started: Callable[[str], None] | None, parents: Parents | None = None) -> list[SubmissionResult]:
        """Grade them all and return their rows, sorted by student_id."""
        with open_gradebook(self.course, self.config) as gradebook:
            self._ready(gradebook)
            if self.how.scheduler is None:
                graded = grade_here(self._to_grade(gradebook), self.how.workers or cores(), started, parents)
            else:
                graded = grade_on_cluster(self._to_grade(gradebook), self.how.scheduler, started)
            with contextlib.closing(graded):
                for outcome in _told_if_alone(graded, self.how.scheduler):
                    self._take(gradebook, outcome)
        return [self.results[name] for name in sorted(self.results)]

    def _ready(self, gradebook: Gradebook) -> None:
        """Finish what a run left that was killed."""
        _clear_up(self.course, self.assignment)
        self.log.finish(gradebook)

    def _to_grade(self, gradebook: Gradebook) -> Iterator[Submission]:
        """Yield what has to be graded; everybody else gets their row here."""
        for name in self.names:
            submission = self._in_the_net(gradebook, name, "read", functools.partial(self._read, gradebook, name))
            if isinstance(submission, SubmissionResult):
                self._finish(submission)
            elif submission is not None:
                self.given[name] = submission
                yield submission

    def _read(self, gradebook: Gradebook, name: str) -> Submission | SubmissionResult:
        submission = self._hand_in(name)
        if isinstance(submission, SubmissionResult):
            return submission
        if not self.how.force and is_recorded(gradebook, self._folders(name)[1], submission):
            return self._row(gradebook, name)
        return submission

    def _hand_in(self, name: str) -> Submission | SubmissionResult:
        """Return what somebody handed in; a row if there is nothing that could be graded."""
        if name in self.people and (reason := self.people[name].why_nothing):
            return SubmissionResult(name, problem=f"not gradable: {reason}")
        folder = self._folders(name)[0]
        if reason := _nothing_to_grade(folder, self.source):
            return SubmissionResult(name, problem=f"not gradable: {reason}")
        clearing = dict(self.config.ClearSolutions)
        return read_submission(folder, name, self.assignment, self.source, clearing, self.settings)

    def _take(self, gradebook: Gradebook, outcome: GradedSubmission) -> None:
        """Record what was graded, or why it could not be."""
        name = outcome.student
        if outcome.error:
            reason, _, details = outcome.error.partition("\n")
            if details:
                note_fault(self.course, name, "graded", CourseError(outcome.error))
            problem = f"not gradable: {reason}"
            self._finish(SubmissionResult(name, problem=problem, faults=[reason]), one_line(problem, 300))
        else:
            work = functools.partial(self._write, gradebook, outcome)
            result = self._in_the_net(gradebook, name, "recorded", work)
            if result is not None:
                self._finish(result)
        del self.given[name]

    def _write(self, gradebook: Gradebook, outcome: GradedSubmission) -> SubmissionResult:
        what = self.given[outcome.student], outcome, *self._folders(outcome.student)
        moves = foresee(gradebook, self.config, *what)
        return self._keep(gradebook, moves, *what)

    def _keep(self, gradebook: Gradebook, moves: Moves, *what: object) -> SubmissionResult:
        """Write what was graded, and what it moves into the log."""
        with self.log.noted(gradebook, moves):
            _record(gradebook, self.config, *what)
        result = self._row(gradebook, moves.student)
        result.moves = moves
        return result

    def _row(self, gradebook: Gradebook, name: str) -> SubmissionResult:
        submission = gradebook.find_submission(self.assignment, name)
        fetch_grades(submission)
        folder, done = self._folders(name)
        result = _read_result(submission, name, done)
        if submission.timestamp != (when := handed_in_at(folder)):  # only its time is another one
            submission.timestamp = when
            gradebook.db.commit()
        result.penalty = lateness_now(submission, self.assignment, self.config, to_read_again(done))
        return result

    def _folders(self, name: str) -> tuple[Path, Path]:
        return self.course / "submitted" / name / self.assignment, self.course / "autograded" / name / self.assignment

    def _in_the_net(self, gradebook: Gradebook, name: str, done: str, work: Callable[[], T]) -> T | None:
        """Return what `work` gives for somebody; None if it failed, and they have a row that says so."""
        try:
            result, fault = attempt(self.course, name, done, work, (Stopped, OperationalError))
        except OperationalError as error:
            raise Stopped(f"The gradebook can't be read ({error.orig}).") from error
        if fault:
            gradebook.db.rollback()
            self._finish(SubmissionResult(name, problem=fault), fault)
        return result

    def _finish(self, result: SubmissionResult, fault: str = "") -> None:
        """Give somebody their row; a fault, the course's or the machine's, also keeps older marks from going out."""
        self.waiting.note(result.student_id, fault)
        place = self.people.get(result.student_id) or Whereabouts(result.student_id, result.student_id)
        result.where, result.submitted, result.late_by = place.where, place.submitted, place.late_by
        result.problem = "; ".join(filter(None, (result.problem, place.why_half)))
        self._show(result)

    def _show(self, result: SubmissionResult) -> None:
        _make_fit(result)
        self.results[result.student_id] = result
        if self.progress is not None:
            self.progress(result, len(self.results), len(self.names))


def _secret(course: Path, config: Config) -> str:
    try:
        return course_secret(course, config)
    except (OSError, RuntimeError) as error:
        raise CourseError(str(error)) from error


# Characters of a sentence in a row, and sentences.
_LONGEST_NOTE, _MOST_NOTES = 400, 60


def _make_fit(result: SubmissionResult) -> None:
    """Make what a row says fit for a table: student's names and texts are quoted in it."""
    result.problem = one_line(result.problem, 10 * _LONGEST_NOTE)
    more = len(result.notes) - _MOST_NOTES
    result.unsettled = [one_line(note, _LONGEST_NOTE) for note in result.unsettled]
    result.notes = [one_line(note, _LONGEST_NOTE) for note in result.notes[:_MOST_NOTES]]
    if more > 0:
        result.notes.append(f"{more} more notes, see the graded notebooks")


def _clear_up(course: Path, assignment: str) -> None:
    """Remove what a run left that was killed; none goes on now."""
    scratch.sweep()
    for stage in ("autograded", "submitted"):
        for left in (course / stage).glob(f"*/.{assignment}.new"):
            scratch.remove(left)


def _told_if_alone(graded: Iterator[GradedSubmission], scheduler: str | None) -> Iterator[GradedSubmission]:
    try:
        yield from graded
    except OSError as error:
        if scheduler is None:
            raise
        raise CourseError(f"No Dask scheduler answers at {scheduler} ({str(error)[:100]}).") from error


# A gradebook that formgrader is writing is free again within moments.
_LOCKED_WAITS_S = (0.2, 0.5, 1, 2, 4, 8)


def _is_locked(error: OperationalError) -> bool:
    """Return whether another program is writing to the SQLite file; the higher bits of its code tell details."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _record(gradebook: Gradebook, config: Config, *parts: object) -> None:
    for wait in (*_LOCKED_WAITS_S, None):
        try:
            return record(gradebook, config, *parts)
        except OperationalError as error:
            if wait is None or not _is_locked(error):
                raise Stopped(
                    f"The gradebook can't be written ({error.orig}). What was graded before is kept; close what uses "
                    "it and run the command again: it goes on from here."
                ) from error
            time.sleep(wait)
        except OSError as error:
            if not is_the_machines(error):
                raise
            raise Stopped(
                f"Results can't be written: {error}. What was graded before is kept; make room and run the command "
                "again: it goes on from here."
            ) from error


def _read_result(submission: SubmittedAssignment, student: str, done: Path) -> SubmissionResult:
    result = SubmissionResult(student)
    result.max_points = submission.max_score
    result.marked = sum(g.manual_score is not None for notebook in submission.notebooks for g in notebook.grades)
    changed = to_read_again(done)
    result.points = sum(points_that_count(notebook, changed) for notebook in submission.notebooks)
    problems = []
    for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
        result.needs_manual |= waits(grade, changed)
        if grade.manual_score is not None and waits(grade, changed):
            result.unsettled.append(_unsettled(grade, (done / f"{grade.notebook.name}.ipynb").exists()))
        if (grade.manual_score or 0) > (grade.max_score or 0) + 1e-9:
            problems.append(
                f"{grade.notebook.name}, {grade.name}: a person gave {number(grade.manual_score)} points, and the cell "
                f"has {number(grade.max_score or 0)} now; change one of them"
            )
    for name in sorted(notebook.name for notebook in submission.notebooks):
        path = done / f"{name}.ipynb"
        if not path.exists():
            result.notes.append(f"{name}: was not handed in")
            continue
        graded = json.loads(path.read_bytes())
        about = graded["metadata"].get("course", {})
        for index, cell in enumerate(graded["cells"]):
            if reason := kinds.fault(cell):
                place = f"{name}, {kinds.name(cell, index)}"
                result.faults.append(f"{place}: {reason}")
                result.notes.append(f"{place} is not gradable (a mistake of the course)")
        if about.get("unreadable"):
            problems.append(f"{name} is not gradable: {about['unreadable']}")
        report = about.get("trust", {})
        result.in_kernel_points += report.get("in_kernel_points", 0.0)
        result.sandboxed &= report.get("sandboxed", True)
        result.notes += [f"{name}: {text}" for text in about.get("repairs", [])]
        result.notes += [f"{name}: {text}" for _, text in report.get("events", [])]
        result.notes += [f"{name}: {text}" for text in report.get("suspicious", [])]
    result.problem = "; ".join(problems)
    result.notes[:0] = result.unsettled
    return result


def _unsettled(grade: Grade, is_there: bool) -> str:
    """Return what became of a cell since a person marked it, and how its mark is settled."""
    given, place = number(grade.manual_score), f"{grade.notebook.name}, {grade.name}"
    told = f"{place}: {given} was given by hand for an earlier hand-in"
    if not is_there:
        return f"{told}; the newer one lacks the notebook, so it waits: --choose of `course collect` takes the earlier"
    keeps = f"'Resolve' in formgrader keeps {given}"
    if grade.auto_score is None:
        return f"{told}; the answer is another one now, so it waits: {keeps}, or enter another mark"
    now = number(grade.auto_score)
    return f"{told}; the test now gives {now}, and neither counts yet: {keeps}, an empty field there takes {now}"


def roster_of(course: Path) -> Roster | None:
    """Return who is in the roster; None if there is none, and students are known by their folders alone."""
    there = any((course / name).exists() for name in ("roster.local.csv", "roster.csv"))
    return read_roster(course) if there else None


def _asked_for(students: Iterable[str], people: Mapping[str, Whereabouts], roster: Roster | None) -> set[str]:
    """Return whose work is to be graded; for the member of a group that handed in, the group's.

    Raises
    ------
    CourseError
        If somebody is neither in the roster nor handed in.
    """
    found = set()
    for name in students:
        owner = roster.owner(name) if roster else None
        if roster and owner is None and name not in people:
            raise CourseError(no_such_student(name, roster, people))
        groups = [g.owner_id for g in roster.groups if owner and owner.members[0] in g.members] if roster else []
        handed_in = [group for group in groups if group in people and people[group].is_laid_out]
        found |= {name} if name in people or not handed_in else set(handed_in)
    return found


def _nothing_to_grade(folder: Path, source: Path) -> str:
    """Return why a submission holds nothing that could be graded; empty if it does."""
    if not folder.is_dir():
        return "nothing was handed in"
    found = sorted(path.name for path in folder.glob("*.ipynb"))
    if not found:
        return "the folder holds no notebook"
    if not any((source / name).exists() for name in found):
        return f"no notebook of this assignment; there is {', '.join(found[:5])}"
    return ""
