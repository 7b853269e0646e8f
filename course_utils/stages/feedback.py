"""The stage feedback: a page for each graded notebook."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Container, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import coursedir, open_gradebook
from course_utils.classroom.marks import read_marks
from course_utils.classroom.one_run import only_run
from course_utils.classroom.safety_net import attempt
from course_utils.classroom.spreadsheets import table_saved_anew
from course_utils.classroom.tables import write_csv
from course_utils.errors import CourseError
from course_utils.grading import scratch
from course_utils.grading.settings import Course
from course_utils.grading.sheet_page import NAME, sheet_page
from course_utils.notebooks.texts import one_line
from course_utils.stages.checking import Stopped, convert
from course_utils.stages.release_zip import in_order

__all__ = ["feedback", "write_pages"]


def feedback(
    course: Path,
    assignment: str,
    failed: Callable[[str, str], None] | None = None,
    students: Iterable[str] | None = None,
) -> Path:
    """Write one HTML page per graded notebook to `feedback/<student_id>/<assignment>`.

    Whose pages could not be written gets none, and stands in ``reports/<assignment>-feedback.csv`` with the reason.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    failed : callable, optional
        Called with each of these students and the reason.
    students : iterable of str, optional
        Only these; by default everybody whose work is graded.

    Returns
    -------
    pathlib.Path
        The folder `feedback/`.

    Raises
    ------
    CourseError
        If nothing of one of `students` is graded, or the gradebook does not know the assignment.
    """
    course = Path(course).resolve()
    config = load_config(course)
    with only_run(course, f"feedback {assignment}"):
        scratch.sweep()
        read_marks(course, assignment)  # enters what lateness takes of points that persons gave since: pages show it
        for student, fault in write_pages(course, config, assignment, students):
            if failed is not None:
                failed(student, fault)
    return course / "feedback"


def write_pages(
    course: Path, config: Config, assignment: str, students: Iterable[str] | None = None
) -> list[tuple[str, str]]:
    """Write the pages within a run that has begun; return whose could not be written, and why.

    Parameters
    ----------
    course, config, assignment, students
        As for `feedback`.
    """
    directory = coursedir(course, config)
    directory.assignment_id = assignment
    graded = _graded(course, assignment)
    wanted = None if students is None else set(students)
    if wanted is not None:
        graded = {folder: paths for folder, paths in graded.items() if Path(folder).parent.name in wanted}
        if missing := sorted(wanted - {Path(folder).parent.name for folder in graded}):
            names = ", ".join(one_line(name) for name in missing)
            raise CourseError(f"Nothing of {names} is graded in {assignment}; run `course autograde {assignment}`.")
    converter = _Feedback(coursedir=directory, config=config.copy(), log=log, force=True)
    converter.course, converter.faults, converter.graded = course, [], graded
    if graded:
        convert(converter)
        converter.faults += _write_sheet_pages(course, config, assignment, graded, dict(converter.faults))
    table = course / "reports" / f"{assignment}-feedback.csv"
    others = [row for row in _rows(table) if row[0] not in wanted] if wanted is not None else []
    if converter.faults or table.is_file():
        write_csv(table, ["student_id", "problem"], sorted([*others, *map(list, converter.faults)]))
    return converter.faults


def _write_sheet_pages(
    course: Path, config: Config, assignment: str, graded: Iterable[str], left_out: Container[str]
) -> list[tuple[str, str]]:
    """Write the page of the whole assignment beside those of its notebooks; return whose could not be, and why."""
    directory, faults, language = coursedir(course, config), [], Course(config=config).language

    def order(names: list[str]) -> list[str]:
        return in_order(course, assignment, names)

    with open_gradebook(course, config) as gradebook:
        for folder in map(Path, graded):
            student = folder.parent.name
            if student in left_out:
                continue
            submission = gradebook.find_submission(assignment, student)
            page, fault = attempt(course, student, "shown", partial(sheet_page, submission, folder, order, language))
            target = Path(directory.format_path(directory.feedback_directory, student, assignment))
            if fault:
                faults.append((student, fault))
            elif page:
                new = target / f".{NAME}.html.new"
                new.write_text(page, encoding="utf-8", errors="replace")
                _make_room(target / f"{NAME}.html")
                new.replace(target / f"{NAME}.html")
    return faults


def _make_room(page: Path) -> None:
    """Remove a folder of the student's that is called like a page; it stays in ``submitted/``."""
    if page.is_dir() and not page.is_symlink():
        shutil.rmtree(page)


def _rows(table: Path) -> list[list[str]]:
    return [list(row.values()) for row in table_saved_anew(table) if len(row) == 2] if table.is_file() else []


def _graded(course: Path, assignment: str) -> dict[str, list[str]]:
    """Return the graded notebooks of an assignment by their folder, as nbgrader looks for them."""
    found = {}
    for folder in sorted((course / "autograded").glob(f"*/{assignment}")):
        notebooks = [str(path) for path in sorted(folder.glob("*.ipynb")) if path.is_file() and not path.is_symlink()]
        if notebooks:
            found[str(folder)] = notebooks
    return found


log = logging.getLogger("course")


class _Feedback(GenerateFeedback):
    """nbgrader's converter, with a net below each student's pages."""

    course: Path
    graded: dict[str, list[str]]
    faults: list[tuple[str, str]]
    _cause: Exception | None = None

    def init_notebooks(self) -> None:
        self.assignments, self.notebooks = dict(self.graded), []

    def convert_notebooks(self) -> None:
        for folder, notebooks in self.assignments.items():
            self.assignments = {folder: notebooks}
            student = Path(folder).parent.name
            _, fault = attempt(self.course, student, "shown", self._convert_one, (Stopped,))
            if fault:
                self.faults.append((student, fault))

    def _convert_one(self) -> None:
        self._cause = None
        try:
            super().convert_notebooks()
        except NbGraderException as error:
            if isinstance(error.__context__, OperationalError):
                raise Stopped(f"The gradebook can't be read ({error.__context__.orig}).") from error
            raise self._cause or error from error

    def write_single_notebook(self, output: str, resources: Any) -> None:
        about = resources["nbgrader"]
        folder = self._format_dest(about["assignment"], about["student"])
        _make_room(Path(folder, f"{about['notebook']}.html"))
        super().write_single_notebook(output, resources)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:  # nbgrader raises another one, which says to read the log
            self._cause = error
            raise
