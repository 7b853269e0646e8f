"""`course sheet` and `course solutions`: a problem sheet as one assignment, and what is printed of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from course_utils.command.course_settings import CourseOption as Course
from course_utils.command.terminal import console
from course_utils.errors import CourseError


def register(app: typer.Typer) -> None:
    """Add the commands to the `course` program."""
    app.command("sheet")(sheet_command)
    app.command("solutions")(solutions_command)


def sheet_command(
    name: Annotated[str | None, typer.Argument(help="Name of a file in sheets/, without .toml.")] = None,
    table: Annotated[
        bool, typer.Option("--table", help="Build nothing; write the questions of all sheets into docs/sheets.md.")
    ] = False,
    course: Course = Path(),
) -> None:
    """Build source/NAME from sheets/NAME.toml: one assignment with a sheet's questions, numbers and marks."""
    from course_utils.classroom.tables import shown as cell
    from course_utils.notebooks.question_texts import marks_text, number_text
    from course_utils.report import sheets as report
    from course_utils.stages.sheet import build_sheet
    from course_utils.stages.sheet_file import is_due, names_of_sheets

    if table:
        console.print(f"Wrote {report.write(course)}", highlight=False, soft_wrap=True)
        return
    if name is None:
        listed = ", ".join(names_of_sheets(course)) or "none yet; docs/sheets.md says how to write one"
        raise CourseError(f"Name a sheet. There are: {listed}.")
    built = build_sheet(course, name)
    shown = Table(title=built.sheet.title, title_justify="left")
    for column in ("notebook", "question", "marks", "cells"):
        shown.add_column(column, overflow="fold", justify="right" if column == "marks" else "left")
    for row in built.rows:
        marks = number_text(row.marks) + (" bonus" if row.bonus else "")
        cells = ", ".join(f"{grade_id} ({number_text(points)})" for grade_id, points in row.cells)
        shown.add_row(*map(cell, (row.notebook, row.question, marks)), cell(cells, limit=10_000))
    console.print(shown)
    for remark in built.remarks:
        console.print(f"[yellow]!![/] {escape(remark)}", highlight=False, soft_wrap=True)
    bonus = f" and {marks_text(built.sheet.bonus)} as a bonus" if built.sheet.bonus else ""
    console.print(f"Built {built.folder}: {marks_text(built.sheet.marks)}{bonus}.", highlight=False, soft_wrap=True)
    if built.sheet.deadline and not is_due(course, name, built.sheet.deadline):
        setting = f'c.Deadlines.due["{name}"] = "{built.sheet.deadline}"'
        console.print(f"Its deadline counts once nbgrader_config.py says so: {escape(setting)}", soft_wrap=True)
    console.print(f"Next: course release {name}", highlight=False)


def solutions_command(
    assignment: Annotated[str, typer.Argument(help="Name of a folder in source/.")],
    sheet: Annotated[bool, typer.Option("--sheet", help="Print the questions alone, without answers.")] = False,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Run the notebooks, so that figures are drawn.")] = True,
    course: Course = Path(),
) -> None:
    """Write the model solutions of an assignment, or its questions, as a PDF in printed/."""
    from course_utils.stages import solutions

    if sheet:
        printed = solutions.write_questions(course, assignment)
    else:
        with console.status("Running …") as status:
            told = None if not run else lambda name: status.update(f"Running {escape(name)} …")
            printed = solutions.write_solutions(course, assignment, run=run, told=told)
    for problem in printed.problems:
        console.print(f"[yellow]!![/] {escape(problem)}", highlight=False, soft_wrap=True)
    for path in (*printed.notebooks, printed.pdf):
        console.print(f"Wrote {path}", highlight=False, soft_wrap=True)
