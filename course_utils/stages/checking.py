"""What the stages share: is the assignment there, is it released, nbgrader's converters and their errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from nbgrader.converters import GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import NbGraderException

from course_utils.classroom.folder import assignments
from course_utils.errors import CourseError

log = logging.getLogger("course")


class Stopped(CourseError):
    """What would meet every other submission as well: the gradebook or the disk can't be used."""


def make_sure_it_exists(course: Path, assignment: str) -> None:
    known = assignments(course)
    if assignment not in known:
        raise CourseError(f"There is no assignment '{assignment}' in source/; there are: {', '.join(known)}.")
    if (Path(course) / "source" / assignment / "artifacts").exists():
        # nbgrader lays files of source/ over the students' own: everybody would be graded by these networks.
        raise CourseError(f"Move source/{assignment}/artifacts away: what is in source/ is handed out to students.")


def convert(converter: GenerateAssignment | GenerateFeedback) -> None:
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
