"""The list of hand-ins to look at side by side: a page and a table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.tables import write_csv
from course_utils.notebooks.texts import printable
from course_utils.report.assignment import Written
from course_utils.report.page import made_at, render, write_page
from course_utils.report.similarity import Compared, Pair, Task, compare, read_answers, same_files

__all__ = ["write_similar"]

# What a page shows: pairs, tasks of a pair, lines of an answer, characters of a line.
_MOST_PAIRS, _MOST_TASKS, _MOST_LINES, _LONGEST_LINE = 40, 4, 120, 240


def write_similar(
    course: Path,
    assignment: str,
    *,
    pseudonyms: bool = False,
    folder: Path | None = None,
    now: datetime | None = None,
) -> Written:
    """Write ``reports/<assignment>-similar.html`` and a table of the pairs.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    pseudonyms : bool
    folder : pathlib.Path, optional
        By default ``reports/`` of the course.
    now : datetime.datetime, optional
        For tests.

    Raises
    ------
    CourseError
        If nothing is graded.
    """
    course = Path(course).resolve()
    tasks, roster = read_answers(course, assignment)
    found, files = compare(tasks, roster), same_files(course, assignment)
    names = Pseudonyms.of(course, pseudonyms)

    def name(who: str) -> str:
        owner = roster.owner(who)
        return names.name(who, owner.name if owner else who)

    folder = Path(folder or course / "reports")
    rows = (
        [name(pair.one), name(pair.other), "sheet" if pair.whole else "tasks", pair.shared, pair.holders,
         "; ".join(f"{_title(found.tasks[k])} ({count})" for k, count in pair.tasks)]
        for pair in found.pairs
    )  # fmt: skip
    columns = ("one", "other", "stands_out_by", "rare_pieces", "holders", "tasks")
    table = write_csv(folder / f"{assignment}-similar.csv", columns, rows, mark=True)
    made = made_at(now)
    page = render(
        "similar",
        title=f"Alike, to look at: {assignment}",
        made=f"Made on {made} from the graded notebooks.",
        pseudonyms=name("x") != "x",
        told=found.told,
        total=len(found.pairs),
        pairs=[_shown(found, pair, name(pair.one), name(pair.other), names) for pair in found.pairs[:_MOST_PAIRS]],
        clusters=[[name(who) for who in group] for group in found.clusters],
        files=[(one.name, [name(who) for who in one.people], one.exactly) for one in files],
    )
    told = (
        found.told,
        f"{len(found.pairs)} pairs to look at, {len(found.clusters)} groups of three or more, "
        f"{len(files)} trained networks that several have",
    )
    return Written(write_page(folder / f"{assignment}-similar.html", page), (table,), told)


def _title(task: Task) -> str:
    place = f"{task.notebook}, {task.name}"
    return f"{task.title} ({place})" if task.title else place


def _shown(found: Compared, pair: Pair, one: str, other: str, names: Pseudonyms) -> dict[str, Any]:
    return {
        "one": one, "other": other, "whole": pair.whole, "shared": pair.shared, "holders": pair.holders,
        "of": sum(pair.one in task.answers and pair.other in task.answers for task in found.tasks),
        "tasks": [_title(found.tasks[k]) for k, _ in pair.tasks],
        "shown": [_side_by_side(found, pair, k, count, one, other, names) for k, count in pair.tasks[:_MOST_TASKS]],
    }  # fmt: skip


def _side_by_side(
    found: Compared, pair: Pair, k: int, count: int, one: str, other: str, names: Pseudonyms
) -> dict[str, Any]:
    task = found.tasks[k]
    mine, theirs = task.pieces(pair.one), task.pieces(pair.other)
    both = {piece for _, piece in mine} & {piece for _, piece in theirs} & found.rare[k]
    sides = [
        (one, list(_lines(names.text(task.answers[pair.one]), {line for line, piece in mine if piece in both}))),
        (other, list(_lines(names.text(task.answers[pair.other]), {line for line, piece in theirs if piece in both}))),
    ]
    return {"title": _title(task), "count": count, "sides": sides}


def _lines(source: str, marked: set[int]) -> Iterable[tuple[bool, str]]:
    lines = source.splitlines()
    for number, line in enumerate(lines[:_MOST_LINES], start=1):
        yield number in marked, printable(line, _LONGEST_LINE)
    if len(lines) > _MOST_LINES:
        yield False, f"… {len(lines) - _MOST_LINES} more lines"
