"""The stages of an assignment as functions: release, autograde, feedback. Thin layers over nbgrader's converters."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import OperationalError
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_utils.grading.pool import cores, grade_here, grade_on_cluster
from course_utils.grading.preprocessors import GradeNotebook
from course_utils.grading.records import is_recorded, record
from course_utils.grading.sandbox import probe
from course_utils.grading.submissions import GradedSubmission, Submission, read_submission
from course_utils.olat.late import sync_gradebook
from course_utils.olat.roster import read_roster

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


class CourseError(RuntimeError):
    """Something in the course folder is not as it must be; the text says what to do."""


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


def load_config(course: Path) -> Config:
    """Return the settings of `nbgrader_config.py`, with the folder as root of the course.

    Parameters
    ----------
    course : pathlib.Path
        A folder that holds `nbgrader_config.py` and `source/`.

    Raises
    ------
    CourseError
        If it does not.
    """
    course = Path(course).resolve()
    for name in ("nbgrader_config.py", "source"):
        if not (course / name).exists():
            raise CourseError(f"{course} is no course folder: it has no {name}. Change to one, or use --course.")
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    return config


def coursedir(course: Path, config: Config | None = None) -> CourseDirectory:
    """Return nbgrader's view of a course folder."""
    return CourseDirectory(config=config or load_config(course))


def assignments(course: Path) -> list[str]:
    """Return the names of the assignments in `source/`."""
    folders = (Path(course) / "source").iterdir()
    return sorted(folder.name for folder in folders if any(folder.glob("*.ipynb")))


@contextlib.contextmanager
def open_gradebook(course: Path) -> Iterator[Gradebook]:
    """Open the course's gradebook."""
    directory = coursedir(course)
    with _environment(), Gradebook(directory.db_url, directory.course_id) as gradebook:
        yield gradebook


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
    known = assignments(course)
    if assignment not in known:
        raise CourseError(f"There is no assignment '{assignment}' in source/; there are: {', '.join(known)}.")
    config = load_config(course)
    directory = coursedir(course, config)
    directory.assignment_id = assignment
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
        Only these; by default everybody who has a folder in `submitted/`.
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
        If the assignment is unknown, there is no sandbox, or the gradebook can't be written.
    """
    course = Path(course).resolve()
    config = load_config(course)
    config.GradeNotebook.sandbox = sandbox
    settings = GradeNotebook(config=config).settings()
    if sandbox and scheduler is None and (reason := probe()) is not None:
        raise CourseError(
            f"There is no sandbox, so nothing was graded. (--no-sandbox is for work that you trust.) {reason}"
        )
    _make_sure_it_is_released(course, assignment)
    _enter_roster(course, assignment)
    if students is None:
        folders = (course / "submitted").glob(f"*/{assignment}")
        names = sorted(folder.parent.name for folder in folders if folder.is_dir())
    else:
        names = sorted(set(students))

    results: dict[str, SubmissionResult] = {}
    given: dict[str, Submission] = {}
    source = course / "source" / assignment
    clearing = dict(config.ClearSolutions)

    def finish(result: SubmissionResult) -> None:
        results[result.student_id] = result
        if progress is not None:
            progress(result, len(results), len(names))

    with open_gradebook(course) as gradebook:

        def to_grade() -> Iterator[Submission]:
            for name in names:
                folder, done = course / "submitted" / name / assignment, course / "autograded" / name / assignment
                if not any(folder.glob("*.ipynb")):
                    what = "no notebook" if folder.is_dir() else "nothing was handed in"
                    finish(SubmissionResult(name, problem=f"not gradable: {what}"))
                    continue
                submission = read_submission(folder, name, assignment, source, clearing, settings)
                if not force and is_recorded(gradebook, done, submission):
                    finish(_read_result(gradebook, course, assignment, name))
                    continue
                given[name] = submission
                yield submission

        if scheduler is None:
            graded = grade_here(to_grade(), workers or cores(), started)
        else:
            graded = grade_on_cluster(to_grade(), scheduler, started)
        with contextlib.closing(graded):
            for outcome in _told_if_alone(graded, scheduler):
                name = outcome.student
                submission = given.pop(name)
                if outcome.error:
                    finish(SubmissionResult(name, problem=f"not gradable: {outcome.error}"))
                    continue
                folder, done = course / "submitted" / name / assignment, course / "autograded" / name / assignment
                _record(gradebook, config, submission, outcome, folder, done)
                finish(_read_result(gradebook, course, assignment, name))
    return [results[name] for name in sorted(results)]


def _told_if_alone(graded: Iterator[GradedSubmission], scheduler: str | None) -> Iterator[GradedSubmission]:
    try:
        yield from graded
    except OSError as error:
        if scheduler is None:
            raise
        raise CourseError(f"No Dask scheduler answers at {scheduler} ({str(error)[:100]}).") from error


# A gradebook that formgrader is writing is free again within moments.
_LOCKED_WAITS_S = (0.2, 0.5, 1, 2, 4, 8)


def _record(gradebook: Gradebook, config: Config, *parts: object) -> None:
    for wait in (*_LOCKED_WAITS_S, None):
        try:
            return record(gradebook, config, *parts)
        except OperationalError as error:
            if "locked" not in str(error) or wait is None:
                raise CourseError(
                    f"The gradebook can't be written ({error.orig}). What was graded before is kept; close what uses "
                    "it and run the command again: it goes on from here."
                ) from error
            time.sleep(wait)
        except OSError as error:
            raise CourseError(
                f"Results can't be written: {error}. What was graded before is kept; make room and run the command "
                "again: it goes on from here."
            ) from error


def feedback(course: Path, assignment: str) -> Path:
    """Write one HTML page per graded notebook to `feedback/<student_id>/<assignment>`.

    Returns
    -------
    pathlib.Path
        The folder `feedback/`.
    """
    course = Path(course).resolve()
    config = load_config(course)
    directory = coursedir(course, config)
    directory.assignment_id = assignment
    if any((course / "autograded").glob(f"*/{assignment}")):
        _convert(GenerateFeedback(coursedir=directory, config=config, log=log, force=True))
    return course / "feedback"


def _read_result(gradebook: Gradebook, course: Path, assignment: str, student: str) -> SubmissionResult:
    result = SubmissionResult(student)
    submission = gradebook.find_submission(assignment, student)
    result.points, result.max_points = submission.score, submission.max_score
    result.needs_manual = submission.needs_manual_grade
    result.penalty = submission.late_submission_penalty or 0.0
    for name in sorted(notebook.name for notebook in submission.notebooks):
        path = course / "autograded" / student / assignment / f"{name}.ipynb"
        if not path.exists():
            result.notes.append(f"{name}: was not handed in")
            continue
        about = json.loads(path.read_bytes())["metadata"].get("course", {})
        if about.get("unreadable"):
            result.problem = f"{name} is not gradable: {about['unreadable']}"
        report = about.get("trust", {})
        result.in_kernel_points += report.get("in_kernel_points", 0.0)
        result.sandboxed &= report.get("sandboxed", True)
        result.notes += [f"{name}: {text}" for text in about.get("repairs", [])]
        result.notes += [f"{name}: {text}" for _, text in report.get("events", [])]
        result.notes += [f"{name}: {text}" for text in report.get("suspicious", [])]
    return result


def _make_sure_it_is_released(course: Path, assignment: str) -> None:
    try:
        with open_gradebook(course) as gradebook:
            notebooks = {notebook.name for notebook in gradebook.find_assignment(assignment).notebooks}
    except MissingEntry:
        notebooks = set()
    if notebooks != {path.stem for path in (course / "source" / assignment).glob("*.ipynb")}:
        release(course, assignment)


def _enter_roster(course: Path, assignment: str) -> None:
    if not any((course / name).exists() for name in ("roster.local.csv", "roster.csv")):
        return  # students are known by their folders alone
    try:
        sync_gradebook(course, read_roster(course), assignment)
    except ValueError as error:
        raise CourseError(str(error)) from error


def _convert(converter: GenerateAssignment | GenerateFeedback) -> None:
    problems = _Problems()
    log.addHandler(problems)
    try:
        with _environment():
            converter.start()
    except NbGraderException as error:
        raise CourseError(problems.last or str(error)) from error
    finally:
        log.removeHandler(problems)


class _Problems(logging.Handler):
    """Keeps the last line of what nbgrader logs as an error: its exceptions only point to the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        lines = [line for line in record.getMessage().splitlines() if line.strip()]
        if lines and not lines[-1].startswith(("There was an error processing", "Please see")):
            self.last = lines[-1].strip()


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """nbgrader makes a new gradebook through the `alembic` program, which lies beside this Python."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
