"""`course check` and `course pack`: the student's commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from course_utils.command.terminal import console
from course_utils.errors import CourseError
from course_utils.notebooks.texts import writable


def check_command(
    assignment: Annotated[str, typer.Argument(help="Assignment, the folder with its notebooks.")],
    folder: Annotated[Path, typer.Option(help="Folder with the notebooks, or one that holds it.")] = Path(),
) -> None:
    """Look whether your notebooks are complete, and your trained networks there and up to date."""
    from course_utils.packing import examine

    examined = examine.examine_folder(examine.find_folder(folder, assignment), assignment)
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
    from course_utils.packing import examine, pack

    place = examine.find_folder(folder, assignment)
    team = _ask_team(place, group, member, may_ask=not yes)
    with console.status("Running the notebooks ..." if run else "Looking at the notebooks ..."):
        examined = examine.examine_folder(place, assignment, run=run)
    _show_findings(examined.findings)
    serious = [finding for finding in examined.findings if finding.serious]
    if serious and not yes and not typer.confirm("Pack it all the same?", default=True):
        console.print("Nothing was packed.")
        raise typer.Exit(1)
    with console.status("Making the PDF and the zip ..."):
        packed = pack.pack(examined, team, language=language)
    for finding in packed.findings:
        mark = "[red]!![/] " if finding.serious else ""
        console.print(f"{mark}{escape(finding.notebook)}: {escape(finding.text)}", highlight=False, soft_wrap=True)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for name, size in packed.files.items():
        table.add_row(escape(name), f"{max(size / 1024, 0.1):,.1f} KiB")
    console.print(table)
    console.print(f"\nPacked: [bold]{escape(str(packed.path))}[/]", highlight=False, soft_wrap=True)
    console.print("Upload it to the task in OpenOlat, then press 'Endgültige Abgabe' (final submission).")


def _ask_team(place: Path, group: str | None, members: list[str] | None, *, may_ask: bool):
    """Return who hands in: from the options, else from team.json, else by asking; what was asked is kept."""
    from course_utils.packing import team as teams
    from course_utils.packing.manifest import Member

    team = teams.read_team(place)
    if group is None and not members and team is not None:
        names = ", ".join(member.name for member in team.members)
        console.print(f"For group {team.group or '-'}: {escape(names)} (from team.json)", highlight=False)
        return team
    found = []
    for text in members or []:
        name, semicolon, number = text.partition(";")
        if not semicolon:
            raise CourseError(f"--member must look like 'First Last; 0012345', got {text!r}.")
        found.append(Member(writable(" ".join(name.split())), number.strip()))
    if not may_ask and not found:
        raise CourseError(
            "With --yes nothing is asked, and no team.json says who hands in: give --member 'First Last; 0012345'."
        )
    if group is None and not may_ask:
        group = ""
    if group is None:
        group = typer.prompt("Group number (empty if you work alone)", default="", show_default=False)
    while not members:
        name = typer.prompt("First and last name of a member (empty: no more)", default="", show_default=False)
        if not name.strip():
            break
        found.append(Member(" ".join(name.split()), typer.prompt(f"Matriculation number of {name}").strip()))
    team = teams.Team(writable(group.strip()), tuple(found))
    if team.problems():
        raise CourseError("\n".join(team.problems()))
    console.print(f"Kept in {teams.write_team(place, team)} for the next time.", highlight=False, soft_wrap=True)
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
