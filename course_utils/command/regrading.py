"""What `course autograde` shows of marks that move: before they are written, and of one student's complaint."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from course_utils.classroom.marks import number
from course_utils.classroom.standings import Standing
from course_utils.classroom.tables import shown
from course_utils.command.terminal import console
from course_utils.notebooks.texts import one_line

if TYPE_CHECKING:
    from course_utils.grading.moves import Moves
    from course_utils.stages.autograde import SubmissionResult
    from course_utils.stages.regrading import Regrading

__all__ = ["ask", "show_complaints", "show_regrading"]

Standings = Mapping[str, Mapping[tuple[str, str], Standing]]


def _told(points: float | None) -> str:
    return "waiting" if points is None else number(points)


def _step(before: str, after: str) -> str:
    """Return a value that changed as `a → b`, one that did not as it is."""
    return after if before == after else f"{before} → {after}"


def show_regrading(found: Regrading) -> None:
    """Show whose marks would move, by how much and why.

    Parameters
    ----------
    found : Regrading
    """
    touched = [moves for moves in found.moves if moves.moves or moves.cells]
    if touched:
        table = Table(title=f"{found.assignment}: nothing is written yet", title_justify="left")
        for name in ("student", "notebook", "cell", "points", "of", "why"):
            table.add_column(name, justify="right" if name in ("points", "of") else "left", overflow="fold")
        for moves in touched:
            _add(table, moves)
        console.print(table)
    told = _counted(found.moves)
    if found.unchanged:
        count = len(found.unchanged)
        told.append(f"{count} {'was' if count == 1 else 'were'} not graded again, because nothing changed there")
    console.print("; ".join(told or ["Nothing was graded"]) + ".", highlight=False, soft_wrap=True)
    if kept := sum(moves.kept for moves in found.moves):
        console.print(f"Marks given by hand that stay: {kept}.", highlight=False)
    for student, reason in found.problems.items():
        text = f"{one_line(student)} stays as it is: {one_line(reason, 400)}"
        console.print(f"[bold red]{escape(text)}[/]", highlight=False, soft_wrap=True)


def _counted(graded: list[Moves]) -> list[str]:
    """Return in words how many marks move, and how many do not."""
    if not graded:
        return []
    steps = [moves.after - moves.before for moves in graded if moves.moves and moves.before is not None]
    told = [f"{len(steps)} of {len(graded)} marks that were graded again would move"]
    if any(steps):
        told[0] += f" (by {min(steps):+g} to {max(steps):+g})"
    if same := sum(not moves.moves for moves in graded):
        told.append(f"{same} {'stays as it is' if same == 1 else 'stay as they are'}")
    if new := sum(moves.before is None for moves in graded):
        told.append(f"{new} {'was' if new == 1 else 'were'} not graded before")
    return told


def _add(table: Table, moves: Moves) -> None:
    who = moves.student
    for cell in moves.cells:
        points = _step(_told(cell.before), _told(cell.after))
        of = _step(number(cell.of_before), number(cell.of))
        table.add_row(*map(shown, (who, cell.notebook, cell.cell, points, of, cell.why)))
    before = "none" if moves.before is None else number(moves.before)
    why = "not graded before" if moves.before is None else "after lateness"
    of = number(moves.of) if moves.before is None else _step(number(moves.of_before), number(moves.of))
    mark = _step(before, number(moves.after))
    table.add_row(*map(shown, (who, "", "mark", mark, of, why)), style="bold", end_section=True)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def ask(yes: bool) -> bool:
    """Return whether the marks that were shown are to be written.

    Parameters
    ----------
    yes : bool
        Whether the command was told so.

    Raises
    ------
    typer.Exit
        With 1, if it was not and nobody can be asked.
    """
    if yes:
        return True
    if not _at_a_terminal():
        console.print("Nothing was written: nobody can be asked here. Give the command again with --yes to write it.")
        raise typer.Exit(1)
    if typer.confirm("Write these marks?", default=False):
        return True
    console.print("Nothing was written.")
    return False


def show_complaints(
    course: Path, assignment: str, results: Iterable[SubmissionResult], before: Standings, after: Standings
) -> None:
    """Show every cell of the students of a run, before and after, and whether anybody else's marks changed.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    results : iterable of SubmissionResult
    before, after : mapping
        As `standings.standings` gives them.
    """
    names = {result.student_id for result in results}
    for result in results:
        _show_complaint(Path(course), assignment, result, before, after)
    others = {who for who in {*before, *after} if who not in names}
    moved = sorted(who for who in others if _points(before.get(who, {})) != _points(after.get(who, {})))
    if moved:
        told = f"Marks of {len(moved)} others changed while it ran: {', '.join(map(one_line, moved[:20]))}."
        console.print(f"[yellow]!![/] {escape(told)}", highlight=False, soft_wrap=True)
    else:
        console.print(f"Nothing else changed: the marks of all {len(others)} others are what they were.")
    worth = [who for who in others if who not in moved and before.get(who) != after.get(who)]
    if worth:
        told = f"Cells of {len(worth)} others are worth other points now; --changed shows whose marks would move."
        console.print(f"[yellow]!![/] {told}", highlight=False, soft_wrap=True)


def _points(cells: Mapping[tuple[str, str], Standing]) -> dict[tuple[str, str], float | None]:
    return {key: cell.points for key, cell in cells.items()}


def _show_complaint(
    course: Path, assignment: str, result: SubmissionResult, before: Standings, after: Standings
) -> None:
    who = result.student_id
    was, now = before.get(who, {}), after.get(who, {})
    if not now:
        return  # its row says why
    table = Table(title=f"{assignment}, {one_line(who)}: before and after", title_justify="left")
    for name in ("notebook", "cell", "points", "of", "given by", "the check says"):
        table.add_column(name, justify="right" if name in ("points", "of") else "left", overflow="fold")
    says = _sentences(course / "autograded" / who / assignment, sorted({notebook for notebook, _ in now}))
    order = {key: place for place, key in enumerate(says)}
    for key in sorted(now, key=lambda key: (order.get(key, len(order)), key)):
        old, new = was.get(key), now[key]
        points = _step("none" if old is None else _told(old.points), _told(new.points))
        of = _step(number(new.of if old is None else old.of), number(new.of))
        by = "hand" if new.by_hand else "" if new.points is None else "autograder"
        moved = old is None or old.points != new.points
        row = map(shown, (*key, points, of, by, says.get(key, "")))
        table.add_row(*row, style="bold" if moved and was else "")
    console.print(table)
    moves = result.moves
    if moves is None:
        told = "not graded again: hand-in, tests and settings are those of the run before (--force grades it again)"
    elif moves.before is None:
        told = "not graded before"
    else:
        count = len(moves.moved)
        told = (
            f"mark {_step(number(moves.before), number(moves.after))}, {count or 'no'} cell{'s' * (count != 1)} moved"
        )
    console.print(escape(f"{one_line(who)}: {told}."), highlight=False, soft_wrap=True)
    for cell in moves.cells if moves is not None else ():
        step = _step(_told(cell.before), _told(cell.after))
        text = f"  {cell.notebook}, {cell.cell}: {step}, {cell.why}"
        console.print(escape(one_line(text, 800)), highlight=False, soft_wrap=True)


def _sentences(folder: Path, notebooks: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return what the checks of graded notebooks say, in the order of their cells."""
    from course_utils.grading.moves import sentence_of

    found = {}
    for name in notebooks:
        try:
            cells = json.loads((folder / f"{name}.ipynb").read_bytes())["cells"]
        except (OSError, ValueError, KeyError):
            continue
        for cell in cells:
            if grade_id := cell.get("metadata", {}).get("nbgrader", {}).get("grade_id"):
                found[name, grade_id] = sentence_of(cell)
    return found
