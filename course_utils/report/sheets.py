"""Which cells each question of the sheets consists of, for docs/sheets.md."""

from __future__ import annotations

from pathlib import Path

from course_utils.errors import CourseError
from course_utils.notebooks.question_texts import number_text
from course_utils.stages.sheet import plan_sheet
from course_utils.stages.sheet_file import names_of_sheets

__all__ = ["BEGIN", "tables", "write"]

PAGE = "docs/sheets.md"
BEGIN = "<!-- From here on written by `course sheet --table`. -->"


def tables(course: Path) -> str:
    """Return the questions of all sheets as Markdown.

    Parameters
    ----------
    course : pathlib.Path

    Raises
    ------
    CourseError
        If a sheet can't be built.
    """
    lines = []
    for name in names_of_sheets(course):
        sheet, rows = plan_sheet(course, name)
        bonus = f", and {number_text(sheet.bonus)} as a bonus" if sheet.bonus else ""
        lines += [f"### {name}: {sheet.title}", "", f"{number_text(sheet.marks)} marks{bonus}.", ""]
        lines += ["| question | marks | items | notebook | cells (marks) |", "| --- | ---: | --- | --- | --- |"]
        items = {question.number: question.items for part in sheet.notebooks for question in part.questions}
        for row in rows:
            cells = ", ".join(f"`{grade_id}` ({number_text(marks)})" for grade_id, marks in row.cells)
            marks = number_text(row.marks) + (" bonus" if row.bonus else "")
            listed = ", ".join(items[row.question])
            lines.append(f"| {row.question} | {marks} | {listed} | {row.notebook} | {cells} |")
        lines.append("")
    return "\n".join(lines)


def write(course: Path) -> Path:
    """Write the tables into ``docs/sheets.md``, below the line that says so, and return its path.

    Raises
    ------
    CourseError
        If there is no such page, or it has no such line.
    """
    path = Path(course) / PAGE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if BEGIN not in text:
        raise CourseError(f"{path} is not there, or has no line '{BEGIN}', below which the tables go.")
    path.write_text(text.partition(BEGIN)[0] + BEGIN + "\n\n" + tables(course), encoding="utf-8")
    return path
