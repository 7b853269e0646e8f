"""`course report` and `course similar`: a picture of the class, and a list of hand-ins to look at side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from course_utils.command.course_settings import CourseOption as Course
from course_utils.command.terminal import console
from course_utils.errors import CourseError

if TYPE_CHECKING:
    from course_utils.report.assignment import Written

Pseudonyms = Annotated[bool, typer.Option("--pseudonyms", help="Show pseudonyms instead of names.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the `course` program."""
    app.command("report")(report_command)
    app.command("similar")(similar_command)


def report_command(
    assignment: Annotated[str | None, typer.Argument(help="Name of a folder in source/.")] = None,
    whole: Annotated[
        bool, typer.Option("--all", help="The whole course: who is at risk, and the exam office's table.")
    ] = False,
    compare: Annotated[
        Path | None, typer.Option(help="An earlier report: its …-report.json or …-report-cells.csv.")
    ] = None,
    pseudonyms: Pseudonyms = False,
    course: Course = Path(),
) -> None:
    """Write what a class did in an assignment, or in the whole course, as one page with tables beside it."""
    from course_utils.report.assignment import write_report
    from course_utils.report.course import write_course_report

    if (assignment is None) == (not whole):
        raise CourseError("Name an assignment, or use --all for the whole course.")
    if assignment is None:
        if compare is not None:
            raise CourseError("--compare is for the report of one assignment.")
        _show(write_course_report(course, pseudonyms=pseudonyms))
        return
    _show(write_report(course, assignment, compare=compare, pseudonyms=pseudonyms))


def similar_command(
    assignment: Annotated[str, typer.Argument(help="Name of a folder in source/.")],
    pseudonyms: Pseudonyms = False,
    course: Course = Path(),
) -> None:
    """Write which hand-ins are more alike than is usual in the class: a list to look at, side by side."""
    from course_utils.report.similar import write_similar

    _show(write_similar(course, assignment, pseudonyms=pseudonyms))


def _show(written: Written) -> None:
    for line in written.told:
        console.print(escape(line), highlight=False, soft_wrap=True)
    for path in (written.page, *written.tables):
        console.print(f"Wrote {escape(str(path))}", highlight=False, soft_wrap=True)
