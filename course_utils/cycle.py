"""The stages of an assignment as functions: release, autograde, feedback. Thin layers over nbgrader's converters."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from course_utils.course_folder import assignments, coursedir, load_config, open_gradebook
from course_utils.errors import CourseError
from course_utils.grading import scratch
from course_utils.grading.hidden import FOLDER, course_secret
from course_utils.grading.pool import cores, grade_here, grade_on_cluster
from course_utils.grading.preload import modules_for
from course_utils.grading.preprocessors import GradeNotebook
from course_utils.grading.records import is_recorded, record
from course_utils.grading.sandbox import probe
from course_utils.grading.submissions import GradedSubmission, Submission, read_submission
from course_utils.grading.texts import one_line
from course_utils.olat.late import sync_gradebook
from course_utils.olat.roster import Roster, read_roster
from course_utils.one_run import AnotherRun, only_run
from course_utils.safety_net import Waiting, attempt, is_the_machines
from course_utils.tables import write_csv

__all__ = [
    "CourseError",
    "SubmissionResult",
    "assignments",
    "autograde",
    "coursedir",
    "feedback",
    "load_config",
    "open_gradebook",
    "release",
]

log = logging.getLogger("course")
T = TypeVar("T")


class _Stopped(CourseError):
    """What would meet every other submission as well: the gradebook or the disk can't be used."""


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
    in_kernel_points : float
        Possible points whose test ran in the student's own kernel.
    sandboxed : bool
        Whether the student's code ran in the sandbox.
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


def release(course: Path, assignment: str) -> Path:
    """Write `release/<assignment>` from `source/<assignment>` and enter it into the gradebook.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str

    Returns
    -------
    pathlib.Path
        The folder that students receive.

    Raises
    ------
    CourseError
        If there is no such assignment, or a notebook of it breaks a rule of nbgrader.
    """
    config = load_config(course)
    _make_sure_it_exists(course, assignment)
    directory = coursedir(course, config)
    directory.assignment_id = assignment
    # Also where the settings of an older course do not say so.
    directory.ignore = list(dict.fromkeys([*directory.ignore, FOLDER]))
    with _only_run(course, f"release {assignment}"):
        _convert(GenerateAssignment(coursedir=directory, config=config, log=log, force=True))
    return Path(course).resolve() / "release" / assignment


def autograde(
    course: Path,
    assignment: str,
    students: Iterable[str] | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    sandbox: bool = True,
    started: Callable[[str], None] | None = None,
    progress: Callable[[SubmissionResult, int, int], None] | None = None,
) -> list[SubmissionResult]:
    """Grade the submissions of an assignment; no submission stops the others.

    Workers run the notebooks, this process alone writes the gradebook. A run that was stopped is taken up again by
    the next one: what is recorded and unchanged is left as it is.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    students : iterable of str, optional
        Only these; by default everybody who has a folder in `submitted/`, or is in the roster and in no group that
        has one.
    workers : int, optional
        Processes of this machine; by default one per core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers grade instead.
    force : bool
        Grade unchanged submissions again as well.
    sandbox : bool
        False runs students' code with your own rights.
    started : callable, optional
        Called with a student's name when work on the submission begins.
    progress : callable, optional
        Called after each submission with its result, its number and their count.

    Returns
    -------
    list of SubmissionResult
        Sorted by student_id.

    Raises
    ------
    CourseError
        If the assignment is unknown, there is no sandbox, cells were added to or removed from notebooks that are
        graded already, or the gradebook can't be written.
    """
    course = Path(course).resolve()
    load_config(course)  # says whether it is one
    with _only_run(course, f"autograde {assignment}"):
        return _autograde(course, assignment, students, workers, scheduler, force, sandbox, started, progress)


def _autograde(
    course, assignment, students, workers, scheduler, force, sandbox, started, progress
) -> list[SubmissionResult]:
    config = load_config(course)
    config.GradeNotebook.sandbox = sandbox
    settings = replace(GradeNotebook(config=config).settings(), secret=_secret(course, config))
    if sandbox and scheduler is None and (reason := probe()) is not None:
        raise CourseError(
            f"There is no sandbox, so nothing was graded. (--no-sandbox is for work that you trust.) {reason}"
        )
    _make_sure_it_exists(course, assignment)
    _make_sure_it_is_released(course, assignment)
    roster = _enter_roster(course, assignment)
    names = sorted(_everybody(course, assignment, roster) if students is None else set(students))

    results: dict[str, SubmissionResult] = {}
    given: dict[str, Submission] = {}
    source = course / "source" / assignment
    clearing = dict(config.ClearSolutions)
    if settings.preload is None:
        settings = replace(settings, preload=modules_for(path.read_bytes() for path in source.glob("*.ipynb")))

    waiting = Waiting(course, assignment)
    _clear_up(course, assignment)

    def finish(result: SubmissionResult, fault: str = "") -> None:
        """Give somebody their row; a fault, the course's or the machine's, also keeps older marks from going out."""
        waiting.note(result.student_id, fault)
        _make_fit(result)
        results[result.student_id] = result
        if progress is not None:
            progress(result, len(results), len(names))

    with open_gradebook(course, config) as gradebook:

        def read(name: str) -> Submission | SubmissionResult:
            folder, done = course / "submitted" / name / assignment, course / "autograded" / name / assignment
            if reason := _nothing_to_grade(folder, source):
                return SubmissionResult(name, problem=f"not gradable: {reason}")
            submission = read_submission(folder, name, assignment, source, clearing, settings)
            if not force and is_recorded(gradebook, done, submission):
                return _read_result(gradebook, course, assignment, name)
            return submission

        def write(outcome: GradedSubmission) -> SubmissionResult:
            name = outcome.student
            folder, done = course / "submitted" / name / assignment, course / "autograded" / name / assignment
            _record(gradebook, config, given[name], outcome, folder, done)
            return _read_result(gradebook, course, assignment, name)

        def in_the_net(name: str, done: str, work: Callable[[], T]) -> T | None:
            """Return what `work` gives for somebody; None if it failed, and they have a row that says so."""
            try:
                result, fault = attempt(course, name, done, work, (_Stopped, OperationalError))
            except OperationalError as error:
                raise _Stopped(f"The gradebook can't be read ({error.orig}).") from error
            if fault:
                gradebook.db.rollback()
                finish(SubmissionResult(name, problem=fault), fault)
            return result

        def to_grade() -> Iterator[Submission]:
            for name in names:
                submission = in_the_net(name, "read", functools.partial(read, name))
                if isinstance(submission, SubmissionResult):
                    finish(submission)
                elif submission is not None:
                    given[name] = submission
                    yield submission

        if scheduler is None:
            graded = grade_here(to_grade(), workers or cores(), started)
        else:
            graded = grade_on_cluster(to_grade(), scheduler, started)
        with contextlib.closing(graded):
            for outcome in _told_if_alone(graded, scheduler):
                if outcome.error:
                    problem = f"not gradable: {outcome.error}"
                    finish(SubmissionResult(outcome.student, problem=problem), one_line(problem, 300))
                else:
                    result = in_the_net(outcome.student, "recorded", functools.partial(write, outcome))
                    if result is not None:
                        finish(result)
                del given[outcome.student]
    return [results[name] for name in sorted(results)]


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
    result.notes = [one_line(note, _LONGEST_NOTE) for note in result.notes[:_MOST_NOTES]]
    if more > 0:
        result.notes.append(f"{more} more notes, see the graded notebooks")


def _clear_up(course: Path, assignment: str) -> None:
    """Remove what a run left that was killed; none goes on now."""
    scratch.sweep()
    for stage in ("autograded", "submitted"):
        for left in (course / stage).glob(f"*/.{assignment}.new"):
            scratch.remove(left)


@contextlib.contextmanager
def _only_run(course: Path, what: str) -> Iterator[None]:
    try:
        with only_run(course, what):
            yield
    except AnotherRun as error:
        raise CourseError(str(error)) from error


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
                raise _Stopped(
                    f"The gradebook can't be written ({error.orig}). What was graded before is kept; close what uses "
                    "it and run the command again: it goes on from here."
                ) from error
            time.sleep(wait)
        except OSError as error:
            if not is_the_machines(error):
                raise
            raise _Stopped(
                f"Results can't be written: {error}. What was graded before is kept; make room and run the command "
                "again: it goes on from here."
            ) from error


def feedback(course: Path, assignment: str, failed: Callable[[str, str], None] | None = None) -> Path:
    """Write one HTML page per graded notebook to `feedback/<student_id>/<assignment>`.

    Whose pages could not be written gets none, and stands in ``reports/<assignment>-feedback.csv`` with the reason.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    failed : callable, optional
        Called with each of these students and the reason.

    Returns
    -------
    pathlib.Path
        The folder `feedback/`.
    """
    course = Path(course).resolve()
    config = load_config(course)
    with _only_run(course, f"feedback {assignment}"):
        scratch.sweep()
        directory = coursedir(course, config)
        directory.assignment_id = assignment
        converter = _Feedback(coursedir=directory, config=config, log=log, force=True)
        converter.course, converter.faults = course, []
        if _graded(course, assignment):
            _convert(converter)
        for student, fault in converter.faults:
            if failed is not None:
                failed(student, fault)
        table = course / "reports" / f"{assignment}-feedback.csv"
        if converter.faults or table.is_file():
            write_csv(table, ["student_id", "problem"], converter.faults)
    return course / "feedback"


def _graded(course: Path, assignment: str) -> dict[str, list[str]]:
    """Return the graded notebooks of an assignment by their folder, as nbgrader looks for them."""
    found = {}
    for folder in sorted((course / "autograded").glob(f"*/{assignment}")):
        notebooks = [str(path) for path in sorted(folder.glob("*.ipynb")) if path.is_file() and not path.is_symlink()]
        if notebooks:
            found[str(folder)] = notebooks
    return found


class _Feedback(GenerateFeedback):
    """nbgrader's converter, with a net below each student's pages."""

    course: Path
    faults: list[tuple[str, str]]
    _cause: Exception | None = None

    def init_notebooks(self) -> None:
        self.assignments, self.notebooks = _graded(self.course, self.coursedir.assignment_id), []

    def convert_notebooks(self) -> None:
        for folder, notebooks in self.assignments.items():
            self.assignments = {folder: notebooks}
            student = Path(folder).parent.name
            _, fault = attempt(self.course, student, "shown", self._convert_one, (_Stopped,))
            if fault:
                self.faults.append((student, fault))

    def _convert_one(self) -> None:
        self._cause = None
        try:
            super().convert_notebooks()
        except NbGraderException as error:
            if isinstance(error.__context__, OperationalError):
                raise _Stopped(f"The gradebook can't be read ({error.__context__.orig}).") from error
            raise self._cause or error from error

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:  # nbgrader raises another one, which says to read the log
            self._cause = error
            raise


def _read_result(gradebook: Gradebook, course: Path, assignment: str, student: str) -> SubmissionResult:
    result = SubmissionResult(student)
    submission = gradebook.find_submission(assignment, student)
    result.points, result.max_points = submission.score, submission.max_score
    result.needs_manual = submission.needs_manual_grade
    result.penalty = submission.late_submission_penalty or 0.0
    problems = []
    for name in sorted(notebook.name for notebook in submission.notebooks):
        path = course / "autograded" / student / assignment / f"{name}.ipynb"
        if not path.exists():
            result.notes.append(f"{name}: was not handed in")
            continue
        about = json.loads(path.read_bytes())["metadata"].get("course", {})
        if about.get("unreadable"):
            problems.append(f"{name} is not gradable: {about['unreadable']}")
        report = about.get("trust", {})
        result.in_kernel_points += report.get("in_kernel_points", 0.0)
        result.sandboxed &= report.get("sandboxed", True)
        result.notes += [f"{name}: {text}" for text in about.get("repairs", [])]
        result.notes += [f"{name}: {text}" for _, text in report.get("events", [])]
        result.notes += [f"{name}: {text}" for text in report.get("suspicious", [])]
    result.problem = "; ".join(problems)
    return result


def _make_sure_it_exists(course: Path, assignment: str) -> None:
    known = assignments(course)
    if assignment not in known:
        raise CourseError(f"There is no assignment '{assignment}' in source/; there are: {', '.join(known)}.")
    if (Path(course) / "source" / assignment / "artifacts").exists():
        # nbgrader lays files of source/ over the students' own: everybody would be graded by these networks.
        raise CourseError(f"Move source/{assignment}/artifacts away: what is in source/ is handed out to students.")


def _make_sure_it_is_released(course: Path, assignment: str) -> None:
    """Release the assignment if the gradebook knows other cells or points than its source."""
    sources = {path.stem: _cells_in(path) for path in (course / "source" / assignment).glob("*.ipynb")}
    with open_gradebook(course) as gradebook:
        try:
            notebooks = gradebook.find_assignment(assignment).notebooks
        except MissingEntry:
            notebooks = []
        known = {}
        for notebook in notebooks:
            points = {cell.name: cell.max_score for cell in [*notebook.grade_cells, *notebook.task_cells]}
            known[notebook.name] = {cell.name: points.get(cell.name, 0.0) for cell in notebook.source_cells}
            other = set(known[notebook.name]) ^ set(sources.get(notebook.name, {}))
            if other and notebook.submissions:
                raise CourseError(
                    f"The cells of {assignment}/{notebook.name} are not those of its release "
                    f"({', '.join(sorted(other))} came or went), and submissions have marks for them. Take the change "
                    "back, or begin anew, also with the marks that persons gave: "
                    f"nbgrader db assignment remove {assignment} --force"
                )
    if known != sources:
        release(course, assignment)


def _cells_in(path: Path) -> dict[str, float]:
    """Return the points of the cells of a source notebook that nbgrader knows, by grade_id."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (ValueError, nbformat.ValidationError) as error:
        raise CourseError(f"source/{path.parent.name}/{path.name} is no notebook: {str(error)[:200]}") from error
    kinds = (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)
    marked = [cell for cell in cells if any(kind(cell) for kind in kinds)]
    return {
        cell.metadata.nbgrader.grade_id: float(cell.metadata.nbgrader.get("points", 0))
        if utils.is_grade(cell) or utils.is_task(cell)
        else 0.0
        for cell in marked
    }


def _enter_roster(course: Path, assignment: str) -> Roster | None:
    if not any((course / name).exists() for name in ("roster.local.csv", "roster.csv")):
        return None  # students are known by their folders alone
    roster = read_roster(course)
    sync_gradebook(course, roster, assignment)
    return roster


def _everybody(course: Path, assignment: str, roster: Roster | None) -> set[str]:
    """Return who handed in, and whoever is in the class but neither handed in nor is in a group that did."""
    folders = {path.parent.name for path in (course / "submitted").glob(f"*/{assignment}") if path.is_dir()}
    if roster is None:
        return folders
    groups = [group for group in roster.groups if group.owner_id in folders]
    covered = {member.student_id for group in groups for member in group.members}
    return folders | {student.student_id for student in roster.students if student.student_id not in covered}


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


def _convert(converter: GenerateAssignment | GenerateFeedback) -> None:
    failures = _watch(converter)
    log.disabled = False  # a library that sets up its own logging may have turned off everybody else's
    try:
        converter.start()
    except NbGraderException as error:
        # What it says of a gradebook or a format that is too old is an advice; of all else it points to its log.
        cause = error if error.__context__ or not failures else failures[0]
        # A check of the metadata that fails is raised anew, with a text that names nothing.
        while isinstance(cause.__context__, type(cause)):
            cause = cause.__context__
        raise CourseError((str(cause).strip() or type(cause).__name__).splitlines()[0]) from cause


def _watch(converter: GenerateAssignment | GenerateFeedback) -> list[Exception]:
    """Return a list to which the exceptions of the steps are added, which nbgrader puts into its log alone."""
    failures: list[Exception] = []

    def watched(step: Callable[..., object]) -> Callable[..., object]:
        def take(*arguments: object) -> object:
            try:
                return step(*arguments)
            except Exception as error:
                failures.append(error)
                raise

        return take

    for name in ("init_destination", "init_assignment", "convert_single_notebook", "set_permissions"):
        setattr(converter, name, watched(getattr(converter, name)))
    return failures
