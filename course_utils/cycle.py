"""The stages of an assignment as functions: release, autograde, feedback. Thin layers over nbgrader's converters."""

from __future__ import annotations

import contextlib
import csv
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

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
    sandbox: bool = True,
    progress: Callable[[SubmissionResult, int, int], None] | None = None,
) -> list[SubmissionResult]:
    """Grade the submissions of an assignment; no submission stops the others.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    students : iterable of str, optional
        Only these; by default everybody who has a folder in `submitted/`.
    sandbox : bool
        False runs students' code with your own rights.
    progress : callable, optional
        Called after each submission with its result, its number and their count.

    Returns
    -------
    list of SubmissionResult
        Sorted by student_id.

    Raises
    ------
    CourseError
        If the assignment is unknown, or there is no sandbox.
    """
    course = Path(course).resolve()
    config = load_config(course)
    config.GradeNotebook.sandbox = sandbox
    _make_sure_it_is_released(course, assignment)
    _enter_roster(course)
    folders = sorted((course / "submitted").glob(f"*/{assignment}"))
    names = [folder.parent.name for folder in folders if folder.is_dir()]
    if students is not None:
        names = sorted(set(students))
    results = []
    for number, name in enumerate(names, start=1):
        results.append(_grade_one(course, assignment, name, config))
        if progress is not None:
            progress(results[-1], number, len(names))
    return results


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


def _grade_one(course: Path, assignment: str, student: str, config: Config) -> SubmissionResult:
    directory = coursedir(course, config)
    directory.assignment_id, directory.student_id = assignment, student
    result = SubmissionResult(student)
    folder = course / "submitted" / student / assignment
    if not any(folder.glob("*.ipynb")):
        result.problem = "not gradable: no notebook" if folder.is_dir() else "not gradable: nothing was handed in"
        return result
    converter = Autograde(coursedir=directory, config=config, log=log, force=True)
    try:
        _convert(converter)
    except CourseError as error:
        result.problem = f"not gradable: {error}"
    else:
        _read_result(course, assignment, result)
    return result


def _read_result(course: Path, assignment: str, result: SubmissionResult) -> None:
    with open_gradebook(course) as gradebook:
        submission = gradebook.find_submission(assignment, result.student_id)
        result.points, result.max_points = submission.score, submission.max_score
        result.needs_manual = submission.needs_manual_grade
        result.penalty = submission.late_submission_penalty or 0.0
        names = [notebook.name for notebook in submission.notebooks]
    for name in sorted(names):
        path = course / "autograded" / result.student_id / assignment / f"{name}.ipynb"
        if not path.exists():
            result.notes.append(f"{name}: was not handed in")
            continue
        about = nbformat.read(path, as_version=4).metadata.get("course", {})
        if about.get("unreadable"):
            result.problem = f"{name} is not gradable: {about['unreadable']}"
        report = about.get("trust", {})
        result.in_kernel_points += report.get("in_kernel_points", 0.0)
        result.sandboxed &= report.get("sandboxed", True)
        result.notes += [f"{name}: {text}" for text in about.get("repairs", [])]
        result.notes += [f"{name}: {text}" for _, text in report.get("events", [])]
        result.notes += [f"{name}: {text}" for text in report.get("suspicious", [])]


def _make_sure_it_is_released(course: Path, assignment: str) -> None:
    try:
        with open_gradebook(course) as gradebook:
            notebooks = {notebook.name for notebook in gradebook.find_assignment(assignment).notebooks}
    except MissingEntry:
        notebooks = set()
    if notebooks != {path.stem for path in (course / "source" / assignment).glob("*.ipynb")}:
        release(course, assignment)


def _enter_roster(course: Path) -> None:
    path = next((course / n for n in ("roster.local.csv", "roster.csv") if (course / n).exists()), None)
    if path is None:
        return
    with path.open(encoding="utf-8-sig", newline="") as file, open_gradebook(course) as gradebook:
        for row in csv.DictReader(file):
            if row.get("student_id"):
                names = {key: row.get(key) or None for key in ("first_name", "last_name", "email")}
                gradebook.update_or_create_student(row["student_id"], **names)


def _convert(converter: Autograde | GenerateAssignment | GenerateFeedback) -> None:
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
