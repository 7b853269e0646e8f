"""The `course` command: thin layers over the functions of this package."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.table import Table

from course_utils.classroom.tables import shown
from course_utils.command import demo, desk, reports, sheets
from course_utils.command import instructor as olat
from course_utils.command.ahead import GradedCourseOption, started_ahead
from course_utils.command.course_settings import CourseOption
from course_utils.command.terminal import Commands, console, progress
from course_utils.errors import CourseError
from course_utils.notebooks.texts import one_line

__all__ = ["app"]

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A course that grades itself.",
)

AssignmentArgument = Annotated[str, typer.Argument(help="Name of a folder in source/.")]


@app.callback()
def _main(verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show nbgrader's own log.")] = False) -> None:
    level = logging.INFO if verbose else logging.CRITICAL
    logger = logging.getLogger("course")
    # The level is the handler's: what nbgrader logs says more than its exceptions, and cycle listens to it.
    logger.handlers = [RichHandler(level, console=Console(stderr=True), show_path=False)]
    logger.setLevel(logging.INFO)
    logger.propagate = False


@app.command()
def release(
    assignment: Annotated[str | None, typer.Argument(help="Name of a folder in source/.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All assignments.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Check the sources, but do not grade the reference first.")
    ] = False,
    download: Annotated[bool, typer.Option("--zip/--no-zip", help="Also write the zip that students download.")] = True,
    course: CourseOption = Path(),
) -> None:
    """Write release/ASSIGNMENT from source/: solutions and hidden tests removed."""
    from course_utils.classroom import folder
    from course_utils.notebooks.files import notebooks_in
    from course_utils.report import coverage
    from course_utils.stages import release
    from course_utils.stages.release_zip import in_order, write_release_zip

    if assignment is None and not every:
        raise CourseError("Name an assignment, or use --all.")
    for name in folder.assignments(course) if every else [assignment]:
        if download:  # before anything is written
            in_order(course, name, [path.stem for path in notebooks_in(course / "source" / name)])
        folder_of = release.release(course, name, rehearsal=not quick, told=_show_remark)
        console.print(f"Released [bold]{name}[/] to {folder_of}")
        if download:
            console.print(f"Students download {write_release_zip(course, name)}")
    if (course / "docs").is_dir():
        (course / "docs" / "coverage.md").write_text(coverage.page(course / "source"), encoding="utf-8")


@app.command("check-source")
def check_source(
    assignment: Annotated[str | None, typer.Argument(help="Name of a folder in source/. [default: all]")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Do not grade the reference and the blank notebooks.")] = False,
    files: Annotated[
        Path | None, typer.Option(help="Networks that the reference trained. [default: tests/artifacts/ASSIGNMENT]")
    ] = None,
    course: CourseOption = Path(),
) -> None:
    """Look whether source/ASSIGNMENT can be released: marks, points, leaks; the reference earns all, the blank 0."""
    from course_utils.classroom import folder
    from course_utils.stages import check_source as stage

    serious = 0
    for name in [assignment] if assignment else folder.assignments(course):
        remarks = stage.check_source(course, name)
        if not quick and not any(remark.serious for remark in remarks):
            remarks += stage.rehearse(course, name, files)
        for remark in remarks:
            _show_remark(remark)
        serious += sum(remark.serious for remark in remarks)
        console.print(f"{name}: {len(remarks)} remarks" if remarks else f"{name}: [green]nothing to mend[/]")
    if serious:
        raise typer.Exit(1)


def _show_remark(remark: object) -> None:
    mark = "[red]no[/]" if remark.serious else "[yellow]!![/]"
    console.print(f"{mark} {escape(str(remark))}", highlight=False, soft_wrap=True)


@app.command()
def autograde(
    context: typer.Context,
    assignment: AssignmentArgument,
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes of this machine. [default: the cores]")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler: tcp://host:8786.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade unchanged submissions again as well.")] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Show whose marks would move and why, and ask before anything is written.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --changed: write without asking.")] = False,
    reader: Annotated[
        str, typer.Option(help="Who grades; stands in the log of marks that moved. [default: your user name]")
    ] = "",
    sandbox: Annotated[
        bool, typer.Option(help="Without the sandbox students' code runs with your rights; it is noted in the results.")
    ] = True,
    course: GradedCourseOption = Path(),
) -> None:
    """Grade what lies in submitted/: solution cells in a sandbox, tests in a process of their own."""
    from course_utils.classroom.standings import standings
    from course_utils.command.regrading import ask, show_complaints, show_regrading
    from course_utils.stages import autograde
    from course_utils.stages.regrading import regrading

    if yes and not changed:
        raise CourseError("--yes goes with --changed; without it `course autograde` writes at once.")
    how = autograde.How(workers, scheduler, force, sandbox, reader)
    if not changed:
        before = standings(course, assignment) if student else {}
        with _grading() as (started, finished):
            options = {"workers": workers, "scheduler": scheduler, "force": force, "sandbox": sandbox}
            results = autograde.autograde(
                course,
                assignment,
                student or None,
                **options,
                reader=reader,
                started=started,
                progress=finished,
                parents=started_ahead(context),
            )
        if not results:
            console.print(f"Nobody has a folder submitted/<student_id>/{assignment}: run `course collect` first.")
            raise typer.Exit(1)
        faults = _show_run(course, assignment, results, sandbox, bool(student))
        if student:
            show_complaints(course, assignment, results, before, standings(course, assignment))
        _end(faults)
        return
    with contextlib.ExitStack() as stack:
        with _grading() as (started, finished):
            block = regrading(course, assignment, student or None, how, started=started, progress=finished)
            found = stack.enter_context(block)
        show_regrading(found)
        if found.moves and ask(yes):
            with _grading() as (_, finished):
                results, left = found.write(finished)
            faults = _show_run(course, assignment, results, sandbox, True) if results else []
            if any(result.moves and result.moves.before is not None and result.moves.moves for result in results):
                log_of_moves = Path(course).resolve() / "reports" / f"{assignment}-regrading.csv"
                console.print(f"Marks that moved, for the record: {log_of_moves}", soft_wrap=True)
            for name, reason in left.items():
                text = f"{one_line(name)} was left as it is: {reason}. Give the command again."
                console.print(f"[bold red]{escape(text)}[/]", highlight=False, soft_wrap=True)
            _end(faults)
            if left:
                raise typer.Exit(1)
    if found.problems:
        raise typer.Exit(1)


@contextlib.contextmanager
def _grading() -> Iterator[tuple[Callable, Callable]]:
    """Show a bar; gives what to call when work on a submission begins, and when it has ended."""
    working: dict[str, None] = {}
    with progress() as bar:
        task = bar.add_task("starting", total=None)

        def started(name: str) -> None:
            working[name] = None
            bar.update(task, description=escape(f"now: {', '.join(map(one_line, working))}"))

        def finished(result: Any, number: int, count: int) -> None:
            working.pop(result.student_id, None)
            bar.update(task, completed=number, total=count)

        yield started, finished


def _show_run(course: Path, assignment: str, results: list, sandbox: bool, some: bool) -> list[str]:
    """Bring the table of a run up to date and show it; return the mistakes of the course that it met."""
    from course_utils.stages.result_table import keep_results

    path, rows = keep_results(course, assignment, results)
    console.print(_table(assignment, results, rows))
    others = " The rows of all others stay." if some else ""
    console.print(f"All of it, with notes: {path}.{others}", soft_wrap=True)
    in_kernel = sum(result.in_kernel_points for result in results)
    console.print(f"Points whose test ran in the student's own kernel: {in_kernel:g}")
    for text in [f"{result.student_id}: {note}" for result in results for note in result.unsettled][:20]:
        console.print(f"[yellow]!![/] {escape(text)}", highlight=False, soft_wrap=True)
    faults = list(dict.fromkeys(fault for result in results for fault in result.faults))
    for fault in faults[:20]:
        count = sum(fault in result.faults for result in results)
        text = f"not gradable for {count} of {len(results)}: {one_line(fault, 400)}"
        console.print(f"[bold red]{escape(text)}[/]", highlight=False, soft_wrap=True)
    if not sandbox:
        console.print("[bold red]Graded without the sandbox.[/] The results say so.")
    return faults


def _end(faults: list[str]) -> None:
    if faults:
        console.print("These are mistakes of the course: mend source/ and run the command again. Nobody loses points.")
        raise typer.Exit(1)


@app.command()
def feedback(
    assignment: AssignmentArgument,
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")] = None,
    course: CourseOption = Path(),
) -> None:
    """Write one HTML page per graded notebook to feedback/."""
    from course_utils.grading.sheet_page import page_names
    from course_utils.notebooks.files import notebooks_in
    from course_utils.stages import feedback

    folder = feedback.feedback(course, assignment, students=student or None)
    ours = page_names(path.stem for path in notebooks_in(course / "source" / assignment))
    found = (path for name in student or ["*"] for path in folder.glob(f"{name}/{assignment}/*.html"))
    pages = [path for path in found if path.name in ours]
    console.print(f"Wrote {len(pages)} pages to {folder}/<student_id>/{assignment}/")


@app.command()
def leaderboard(
    assignment: AssignmentArgument,
    network: Annotated[str, typer.Option(help="Name of the network that was handed in.")] = "challenge",
    names: Annotated[bool, typer.Option("--names", help="Show student_ids instead of pseudonyms.")] = False,
    course: CourseOption = Path(),
) -> None:
    """Rank the trained networks of an assignment; writes a table and a page that can be shown to the class."""
    from course_utils.classroom import folder
    from course_utils.classroom.pseudonyms import Pseudonyms
    from course_utils.classroom.roster import Roster
    from course_utils.report import leaderboard as board

    who = Pseudonyms(Roster(())) if names else Pseudonyms.of(course, wanted=True)
    with folder.open_gradebook(course) as gradebook:
        rows = board.read(course, assignment, network, gradebook, who)
    if not rows:
        console.print(f"Nobody's network '{escape(network)}' was graded: run `course autograde {assignment}` first.")
        raise typer.Exit(1)
    table = Table(title=f"{assignment}: {network}", title_justify="left")
    for name in ("place", "name", "points", "accuracy (%)", "data", "parameters", "epochs", "time (s)", "device"):
        table.add_column(name, justify="left" if name in ("name", "data", "device") else "right")
    for row in rows:
        table.add_row(*map(shown, board.cells(row)))
    console.print(table)
    for path in board.write(rows, Path(course) / "reports", assignment, network):
        console.print(f"Written to {path}")


@app.command()
def doctor(
    course: Annotated[Path, typer.Option("--course", help="Folder with nbgrader_config.py and source/.")] = Path(),
) -> None:
    """Look whether everything is there to work on the notebooks and to grade them."""
    from course_utils.command import doctor as checks_of_doctor

    findings = checks_of_doctor.examine(course)
    table = Table(box=None, show_header=False, padding=(0, 1))
    marks = {"good": "[green]ok[/]", "warning": "[yellow]!![/]", "bad": "[red]no[/]"}
    for finding in findings:
        table.add_row(marks[finding.level], finding.what, escape(finding.detail))
    console.print(table)
    if any(finding.level == "bad" for finding in findings):
        raise typer.Exit(1)


olat.register(app)
sheets.register(app)
desk.register(app)
reports.register(app)
demo.register(app)


def _table(assignment: str, results: list, rows: list) -> Table:
    """Return what the terminal shows of a run: results, and the rows of the table that were made of them."""
    table = Table(title=f"{assignment}: {len(results)} submissions", title_justify="left")
    left = ("student", "where", "by hand", "change", "notes")
    for name in ("student", "where", "points", "late", "mark", "of", "by hand", "change", "notes"):
        table.add_column(name, justify="left" if name in left else "right", overflow="fold")
    for result, row in zip(results, rows, strict=True):
        notes = result.problem or (f"{len(result.notes)}, see the table" if result.notes else "")
        where = result.where.partition(":")[0] + (f", late by {result.late_by}" if result.late_by else "")
        late = f"-{result.penalty:g}" if result.penalty else ""
        points = ("", "", "", "")  # of nobody whose work could not be graded
        if result.mark is not None:
            points = f"{result.points:g}", late, f"{result.mark:g}", f"{result.max_points:g}"
        table.add_row(*map(shown, (result.student_id, where, *points, row["by_hand"], row["change"], notes)))
    return table
