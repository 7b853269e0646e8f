"""The commands `course collect`, `course check`, `course pack` and `course return`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from course_utils.errors import CourseError
from course_utils.terminal import console, progress_bar

Course = Annotated[Path, typer.Option("--course", help="Course folder: holds source/ and nbgrader_config.py.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the `course` program."""
    app.command("collect")(collect_command)
    app.command("check")(check_command)
    app.command("pack")(pack_command)
    app.command("return")(return_command)
    app.command("marks")(marks_command)


def collect_command(
    assignment: Annotated[str, typer.Argument(help="Assignment, a folder of source/.")],
    files: Annotated[list[Path], typer.Argument(help="Downloads of OpenOlat.", exists=True)],
    student: Annotated[str, typer.Option(help="Whose it is, for a zip from one student's page.")] = "",
    task: Annotated[str, typer.Option(help="Title of the task, for a course archive with several.")] = "",
    owner: Annotated[
        list[str] | None, typer.Option(help="Place a folder by hand: FOLDER=STUDENT_ID; may be repeated.")
    ] = None,
    pseudonyms: Annotated[bool, typer.Option(help="Show pseudonyms instead of names.")] = False,
    course: Course = Path(),
) -> None:
    """Lay out hand-ins from OpenOlat under submitted/."""
    from course_utils.olat.collect import collect
    from course_utils.olat.late import sync_gradebook
    from course_utils.olat.roster import read_roster

    owners = {}
    for pair in owner or []:
        folder, equals, owner_id = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--owner needs FOLDER=STUDENT_ID, got {pair!r}.")
        owners[folder] = owner_id
    with progress_bar("Collecting") as update:
        collection = collect(course, assignment, files, student=student, task=task, owners=owners, progress=update)
        sync_gradebook(course, read_roster(course), assignment)
    show_collection(collection, course, pseudonyms=pseudonyms)


def check_command(
    assignment: Annotated[str, typer.Argument(help="Assignment, the folder with its notebooks.")],
    folder: Annotated[Path, typer.Option(help="Folder with the notebooks, or one that holds it.")] = Path(),
) -> None:
    """Look whether your notebooks are complete, and your trained networks there and up to date."""
    from course_utils.olat import pack as packing

    examined = packing.examine_folder(packing.find_folder(folder, assignment), assignment)
    _show_findings(examined.findings)
    if any(finding.serious for finding in examined.findings):
        raise typer.Exit(1)


def pack_command(
    assignment: Annotated[str, typer.Argument(help="Assignment, the folder with its notebooks.")],
    group: Annotated[str | None, typer.Option(help="Number or name of the group.")] = None,
    member: Annotated[
        list[str] | None, typer.Option(help="'First Last; matriculation number'; may be repeated.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Folder with the notebooks, or one that holds it.")] = Path(),
    run: Annotated[bool, typer.Option("--run", help="Run all cells first, and save.")] = False,
    language: Annotated[str, typer.Option(help="Language of the PDF's title block: en or de.")] = "en",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Pack without asking, whatever is found.")] = False,
) -> None:
    """Check your notebooks and pack the zip that goes to OpenOlat, with a PDF in it."""
    from course_utils.olat import pack as packing

    place = packing.find_folder(folder, assignment)
    team = _ask_team(packing, place, group, member)
    with console.status("Running the notebooks ..." if run else "Looking at the notebooks ..."):
        examined = packing.examine_folder(place, assignment, run=run)
    _show_findings(examined.findings)
    serious = [finding for finding in examined.findings if finding.serious]
    if serious and not yes and not typer.confirm("Pack it all the same?", default=True):
        console.print("Nothing was packed.")
        raise typer.Exit(1)
    with console.status("Making the PDF and the zip ..."):
        packed = packing.pack(examined, team, language=language)
    for finding in packed.findings:
        mark = "[red]!![/] " if finding.serious else ""
        console.print(f"{mark}{escape(finding.notebook)}: {escape(finding.text)}", highlight=False, soft_wrap=True)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for name, size in packed.files.items():
        table.add_row(escape(name), f"{max(size / 1024, 0.1):,.1f} KiB")
    console.print(table)
    console.print(f"\nPacked: [bold]{escape(str(packed.path))}[/]", highlight=False, soft_wrap=True)
    console.print("Upload it to the task in OpenOlat, then press 'Endgültige Abgabe' (final submission).")


def _ask_team(packing, place: Path, group: str | None, members: list[str] | None):
    """Return who hands in: from the options, else from team.json, else by asking; what was asked is kept."""
    from course_utils.olat.manifest import Member

    team = packing.read_team(place)
    if group is None and not members and team is not None:
        names = ", ".join(member.name for member in team.members)
        console.print(f"For group {team.group or '-'}: {escape(names)} (from team.json)", highlight=False)
        return team
    found = []
    for text in members or []:
        name, semicolon, number = text.partition(";")
        if not semicolon:
            raise CourseError(f"--member must look like 'First Last; 0012345', got {text!r}.")
        found.append(Member(" ".join(name.split()), number.strip()))
    if group is None:
        group = typer.prompt("Group number (empty if you work alone)", default="", show_default=False)
    while not members:
        name = typer.prompt("First and last name of a member (empty: no more)", default="", show_default=False)
        if not name.strip():
            break
        found.append(Member(" ".join(name.split()), typer.prompt(f"Matriculation number of {name}").strip()))
    team = packing.Team(group.strip(), tuple(found))
    if team.problems():
        raise CourseError("\n".join(team.problems()))
    console.print(f"Kept in {packing.write_team(place, team)} for the next time.", highlight=False, soft_wrap=True)
    return team


def _show_findings(findings: list) -> None:
    if not findings:
        console.print("[green]All notebooks are here, were run, and pass their visible checks.[/]")
        return
    table = Table(title="Look at this before you hand in", title_justify="left")
    for column in ("notebook", "", "what"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(escape(finding.notebook), "[red]!![/]" if finding.serious else "", escape(finding.text))
    console.print(table)


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
    from course_utils.olat.marks import number
    from course_utils.olat.privacy import Pseudonyms
    from course_utils.olat.write_back import return_marks
    from course_utils.tables import shown as cell

    result = return_marks(course, assignment, automatic=automatic, allow_names=allow_names)
    shown = Pseudonyms.of(course, pseudonyms)
    if result.withheld:
        table = Table(title="Not, or not wholly, in the files", title_justify="left")
        table.add_column("who", overflow="fold")
        table.add_column("why", overflow="fold")
        for who, why in result.withheld:
            table.add_row(cell(shown.text(who)), cell(shown.text(why)))
        console.print(table)
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
    from course_utils.olat.marks import write_course_table

    for path in write_course_table(course):
        console.print(f"Wrote {path}", highlight=False, soft_wrap=True)


def show_collection(collection, course: Path, *, pseudonyms: bool = False) -> None:
    """Print the tables at the end of a collection."""
    from course_utils.olat.privacy import Pseudonyms
    from course_utils.tables import shown as cell

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
    for note in collection.notes:
        console.print(cell(f"Note: {shown.text(note)}"))
    console.print(f"Tables: {collection.table}, files.csv beside it", highlight=False)
