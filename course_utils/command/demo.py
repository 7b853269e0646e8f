"""`course demo`: a made-up class goes through the whole cycle, in a folder of its own."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from course_utils.command.demo_class import (
    ASSIGNMENT,
    Case,
    make_class,
    read_sheet,
    write_olat_download,
    wrong_answers_of,
)
from course_utils.command.terminal import console, progress
from course_utils.errors import CourseError

__all__ = ["register", "run"]

# Two notebooks show the whole cycle in half the time of all of them.
_NOTEBOOKS = ("by-hand", "counting")
_MARKER = ".made-by-course-demo"
_CONFIG = """
# Added by the demo: a deadline, and ten percent off for each started day.
c.OpenOlat.task_titles = {"convolutions": "Blatt 03: Faltungsnetze"}
c.Deadlines.due = {"convolutions": "2026-11-20 18:00"}
c.Deadlines.policy = "percent per started day"
c.Deadlines.percent_per_day = 10
c.AssignLatePenalties.plugin_class = "course_utils.classroom.deadlines.LatePolicy"
"""


def register(app: typer.Typer) -> None:
    """Add the command to the `course` program."""
    app.command("demo")(demo_command)


def demo_command(
    folder: Annotated[Path, typer.Option(help="Folder to make; a demo in it is replaced.")] = Path("demo"),
    course: Annotated[Path, typer.Option("--course", help="Course folder whose sources are used.")] = Path(),
) -> None:
    """A made-up class of twelve goes through the whole cycle; takes a minute or two."""
    wrong = run(folder, course)
    if wrong:
        console.print(f"[bold red]{wrong} of the points are not as expected.[/]")
        raise typer.Exit(1)


def run(folder: Path, course: Path) -> int:
    """Make the demo's course, its class and OpenOlat's download, run the cycle, and print what came of it.

    Parameters
    ----------
    folder : pathlib.Path
        Made anew; an existing folder is replaced only if an earlier demo made it.
    course : pathlib.Path
        Where ``source/``, ``nbgrader_config.py`` and ``roster.csv`` are taken from.

    Returns
    -------
    int
        How many of the twelve did not come out as expected.

    Raises
    ------
    CourseError
        If the folder is not the demo's to replace, or the course lacks something.
    """
    started = time.monotonic()
    played = _play(folder.resolve(), course.resolve())
    return _tell(played, folder.resolve(), time.monotonic() - started)


@dataclass(frozen=True)
class _Played:
    """What a run through the cycle left behind."""

    cases: list[Case]
    roster: Any
    download: Path
    collection: Any
    marks: dict[str, Any]
    page: Path


def _play(folder: Path, course: Path) -> _Played:
    """Run the cycle, with a bar for each stage."""
    # Imported here, so that `course --help` need not wait for it.
    from course_utils.classroom.deadlines import sync_gradebook
    from course_utils.classroom.marks import read_marks
    from course_utils.classroom.roster import read_roster
    from course_utils.stages import autograde, feedback, release
    from course_utils.stages.collect import collect
    from course_utils.stages.give_back import return_marks

    make_course(folder, course)
    with progress(transient=False) as steps:

        def step(title: str, total: int = 1) -> Any:
            return steps.add_task(title, total=total)

        task = step("Release: solutions and hidden tests removed")
        release.release(folder, ASSIGNMENT)
        steps.update(task, completed=1)

        task = step("A class of twelve hands in on OpenOlat")
        roster = read_roster(folder)
        cases = make_class(read_sheet(folder), wrong_answers_of(course, folder), roster)
        download = write_olat_download(folder / "downloaded", cases, roster)
        steps.update(task, completed=1)

        task = step("Collect: OpenOlat's zip to submitted/")
        collection = collect(
            folder, ASSIGNMENT, [download], progress=lambda i, n, _: steps.update(task, completed=i, total=n)
        )
        sync_gradebook(folder, roster, ASSIGNMENT)

        task = step("Autograde in the sandbox", len(collection.rows))
        autograde.autograde(folder, ASSIGNMENT, progress=lambda _, i, n: steps.update(task, completed=i, total=n))

        task = step("Feedback: a page for each notebook")
        feedback.feedback(folder, ASSIGNMENT)
        steps.update(task, completed=1)

        task = step("Return: score lines and zip for OpenOlat")
        marks = {mark.owner_id: mark for mark in read_marks(folder, ASSIGNMENT)}
        result = return_marks(folder, ASSIGNMENT, automatic=True)
        steps.update(task, completed=1)
    return _Played(cases, roster, download, collection, marks, result.page)


def _tell(played: _Played, folder: Path, seconds: float) -> int:
    """Print what came of it, and return how many did not come out as expected."""
    from course_utils.command.instructor import show_collection

    show_collection(played.collection, folder)
    wrong = _show(played.cases, played.marks, played.collection, folder, played.roster)
    console.print(f"\nDone in {seconds:.0f} s. Look at:", highlight=False)
    for path, what in (
        (played.download, "what OpenOlat let the instructor download"),
        (folder / "submitted", "laid out for nbgrader"),
        (played.collection.quarantine, "what could not be placed, with reasons.csv"),
        (folder / "feedback", "what students read"),
        (played.page, "how the marks go back to OpenOlat; open it in a browser"),
    ):
        console.print(f"  {_relative(path)}  [dim]{what}[/dim]", highlight=False)
    here = _relative(folder)
    console.print(f"Prose is read at the desk: course desk {ASSIGNMENT} --course {here}", highlight=False)
    console.print(
        'Formgrader shows the same: jupyter lab there, then "Formgrader" in its menu "Nbgrader"', highlight=False
    )
    return wrong


def make_course(folder: Path, course: Path) -> None:
    """Copy what a course needs to a fresh folder.

    Parameters
    ----------
    folder, course : pathlib.Path
        See `run`.

    Raises
    ------
    CourseError
        See `run`.
    """
    for name in (f"source/{ASSIGNMENT}", "nbgrader_config.py", "roster.csv"):
        if not (course / name).exists():
            raise CourseError(f"{course} has no {name}: run the demo in the course folder, or name it with --course.")
    if folder.exists():
        if any(folder.iterdir()) and not (folder / _MARKER).exists():
            raise CourseError(f"{folder} was not made by the demo, so it is not replaced; choose another --folder.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARKER).touch()
    banks = {path.stem for path in (course / "tests" / "wrong_answers" / ASSIGNMENT).glob("*.py")}
    others = [path.name for path in (course / "source" / ASSIGNMENT).glob("*.ipynb") if path.stem not in _NOTEBOOKS]
    leave_out = others if banks & set(_NOTEBOOKS) else []
    ignore = shutil.ignore_patterns(*leave_out, ".ipynb_checkpoints")
    shutil.copytree(course / "source" / ASSIGNMENT, folder / "source" / ASSIGNMENT, ignore=ignore)
    config = (course / "nbgrader_config.py").read_text(encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(config + _CONFIG, encoding="utf-8")
    shutil.copyfile(course / "roster.csv", folder / "roster.csv")
    (folder / "downloaded").mkdir()


def _show(cases, marks, collection, folder, roster) -> int:
    table = Table(title=f"The class of twelve: automatic points of {ASSIGNMENT}", title_justify="left")
    for column, side in (
        ("student", "left"), ("what came", "left"), ("expected", "right"), ("obtained", "right"), ("", "left"),
        ("feedback", "left"),
    ):  # fmt: skip
        table.add_column(column, justify=side, overflow="fold")
    wrong = 0
    for case in cases:
        student = roster.student(case.student_id)
        mark = marks.get(case.student_id)
        if case.expected is None:
            good = any(row["folder"] == case.folder for row in collection.quarantined) and mark is None
            expected, obtained, where = "none", "none" if good else "?", "in quarantine"
        else:
            points = case.expected * (1 - case.late_share)
            good = mark is not None and abs(mark.score - points) < 1e-6
            pages = sorted((folder / "feedback" / case.student_id / ASSIGNMENT).glob("*.html"))
            good = good and bool(pages)
            expected, obtained = f"{points:g}", f"{mark.score:g}" if mark else "nothing"
            where = f"feedback/{case.student_id}" if pages else "missing"
        wrong += not good
        table.add_row(
            escape(student.name if student else case.folder), escape(case.what), expected, obtained,
            "[green]as expected[/]" if good else "[bold red]NOT as expected[/]", where,
        )  # fmt: skip
    console.print(table)
    return wrong


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
