"""`course collect`, `return` and `marks`: the instructor's way to OpenOlat and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from course_utils.command.course_settings import CourseOption as Course
from course_utils.command.student import check_command, pack_command
from course_utils.command.terminal import console, progress_bar
from course_utils.errors import CourseError


def register(app: typer.Typer) -> None:
    """Add the commands to the `course` program."""
    app.command("collect")(collect_command)
    app.command("check")(check_command)
    app.command("pack")(pack_command)
    app.command("return")(return_command)
    app.command("marks")(marks_command)


def collect_command(
    assignment: Annotated[str, typer.Argument(help="Assignment, a folder of source/.")],
    files: Annotated[list[Path] | None, typer.Argument(help="Downloads of OpenOlat.", exists=True)] = None,
    student: Annotated[str, typer.Option(help="Whose it is, for a zip from one student's page; with --choose.")] = "",
    choose: Annotated[
        str,
        typer.Option(
            help="Lay out another hand-in of --student: by its hash or time in hand-ins.csv, the hash of a file in "
            "quarantine, or 'newest'."
        ),
    ] = "",
    task: Annotated[str, typer.Option(help="Title of the task, for a course archive with several.")] = "",
    owner: Annotated[
        list[str] | None, typer.Option(help="Place a folder by hand: FOLDER=STUDENT_ID; may be repeated.")
    ] = None,
    pseudonyms: Annotated[bool, typer.Option(help="Show pseudonyms instead of names.")] = False,
    course: Course = Path(),
) -> None:
    """Lay out hand-ins from OpenOlat under submitted/."""
    from course_utils.classroom.deadlines import sync_gradebook
    from course_utils.classroom.roster import read_roster
    from course_utils.platforms.hand_ins import Wanted
    from course_utils.stages.collect import collect

    owners = {}
    for pair in owner or []:
        folder, equals, owner_id = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--owner needs FOLDER=STUDENT_ID, got {pair!r}.")
        owners[folder] = owner_id
    if bool(files) == bool(choose):
        raise CourseError("Name downloads to collect, or --student ID --choose HASH for what was collected before.")
    wanted = Wanted(assignment, task, student, owners, choose)
    with progress_bar("Collecting") as update:
        collection = collect(course, assignment, files or [], wanted=wanted, progress=update)
        sync_gradebook(course, read_roster(course), assignment)
    show_collection(collection, course, pseudonyms=pseudonyms)


def return_command(
    assignment: Annotated[str, typer.Argument(help="Assignment, a folder of source/.")],
    automatic: Annotated[
        bool, typer.Option(help="Return automatic points before the prose is graded; the comment says so.")
    ] = False,
    allow_names: Annotated[bool, typer.Option(help="Also return pages that name another student.")] = False,
    pseudonyms: Annotated[bool, typer.Option(help="Show pseudonyms instead of names.")] = False,
    course: Course = Path(),
) -> None:
    """Write the score lines and the feedback zip that OpenOlat takes back."""
    from course_utils.classroom.marks import number
    from course_utils.classroom.pseudonyms import Pseudonyms
    from course_utils.classroom.tables import shown as cell
    from course_utils.stages.give_back import return_marks

    result = return_marks(course, assignment, automatic=automatic, allow_names=allow_names)
    shown = Pseudonyms.of(course, pseudonyms)
    if result.withheld:
        table = Table(title="Not, or not wholly, in the files", title_justify="left")
        table.add_column("who", overflow="fold")
        table.add_column("why", overflow="fold")
        for who, why in result.withheld:
            table.add_row(cell(shown.text(who)), cell(shown.text(why)))
        console.print(table)
    for note in result.notes:
        console.print(f"[yellow]!![/] {escape(note)}", highlight=False, soft_wrap=True)
    if result.renewed:
        who = ", ".join(map(shown.text, result.renewed))
        told = (
            f"Feedback pages that were missing or older than the marks were made again ({len(result.renewed)}): {who}"
        )
        console.print(cell(told, limit=10_000))
    if result.lines:
        mean = sum(line.score for line in result.lines) / len(result.lines)
        console.print(f"{len(result.lines)} marks, {number(mean)} points on average:", highlight=False)
        for path in filter(None, (result.scores, result.feedback, result.page)):
            console.print(f"  {path}", highlight=False, soft_wrap=True)
    else:
        console.print("There is nothing to return yet.")
        raise typer.Exit(1)


def marks_command(course: Course = Path()) -> None:
    """Write the table of the whole course, bonus counted, as CSV and xlsx."""
    from course_utils.classroom.marks import write_course_table
    from course_utils.stages.whereabouts import kept_in_quarantine

    remarks = kept_in_quarantine(course)
    for path in write_course_table(course, remarks=remarks):
        console.print(f"Wrote {path}", highlight=False, soft_wrap=True)
    if remarks:
        told = (
            f"Of {len(remarks)} something lies in quarantine alone, and counts as nothing so far: see the column notes."
        )
        console.print(f"[yellow]!![/] {told}", highlight=False, soft_wrap=True)


def show_collection(collection, course: Path, *, pseudonyms: bool = False) -> None:
    """Print the tables at the end of a collection."""
    from course_utils.classroom.pseudonyms import Pseudonyms
    from course_utils.classroom.tables import shown as cell

    shown = Pseudonyms.of(course, pseudonyms)
    table = Table(title=f"Collected: {collection.assignment}", title_justify="left")
    for column in ("student", "what", "submitted", "status", "notebooks", "state", "notes"):
        table.add_column(column, overflow="fold")
    for row in collection.rows:
        status = f"{row.status} by {row.late_by}" if row.late_by else row.status
        notebooks = row.notebooks or "none"
        cells = (shown.name(row.owner_id, row.name), row.hand_in, row.submitted, status, notebooks, row.state)
        table.add_row(*map(cell, cells), cell(*(shown.text(note) for note in row.notes)))
    console.print(table)
    if collection.quarantined:
        table = Table(title=f"In quarantine: {collection.quarantine}", title_justify="left")
        for column in ("from", "file", "reason"):
            table.add_column(column, overflow="fold")
        for row in collection.quarantined:
            cells = (row["folder"] or row["download"], row["file"], row["reason"])
            table.add_row(*(cell(shown.text(text)) for text in cells))
        console.print(table)
    if collection.nothing:
        names = ", ".join(shown.name(owner.owner_id, owner.name) for owner in collection.nothing)
        console.print(cell(f"Nothing handed in ({len(collection.nothing)}): {names}", limit=100_000))
    if collection.strangers:
        names = ", ".join(shown.text(entry.name) for entry in collection.strangers)
        console.print(cell(f"Not in the roster ({len(collection.strangers)}): {names}", limit=100_000))
        console.print("If you know whose it is, collect the download again with --owner FOLDER=STUDENT_ID.")
    if any(row["student_id"] and row["kept_as"] for row in collection.quarantined):
        how = f"course collect {collection.assignment} --student STUDENT_ID --choose HASH"
        console.print(f"One of several copies or hand-ins is chosen with: {how}", highlight=False, soft_wrap=True)
        console.print("HASH is what the name of a file in quarantine begins with, or a hand-in of hand-ins.csv.")
    for note in collection.notes:
        console.print(cell(f"Note: {shown.text(note)}"))
    others = "files.csv and hand-ins.csv beside it"
    console.print(f"Where everybody's work is: {collection.table}; {others}", highlight=False, soft_wrap=True)
