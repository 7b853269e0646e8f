"""The stage feedback: a page for each graded notebook."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from sqlalchemy.exc import OperationalError

from course_utils.classroom.folder import coursedir, load_config
from course_utils.classroom.safety_net import attempt
from course_utils.classroom.tables import write_csv
from course_utils.grading import scratch
from course_utils.stages.checking import Stopped, convert, only_this_run

__all__ = ["feedback"]


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
    with only_this_run(course, f"feedback {assignment}"):
        scratch.sweep()
        directory = coursedir(course, config)
        directory.assignment_id = assignment
        converter = _Feedback(coursedir=directory, config=config, log=log, force=True)
        converter.course, converter.faults = course, []
        if _graded(course, assignment):
            convert(converter)
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


log = logging.getLogger("course")


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

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:  # nbgrader raises another one, which says to read the log
            self._cause = error
            raise
