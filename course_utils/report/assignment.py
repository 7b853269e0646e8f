"""The report of an assignment: a page, tables beside it, and the figures that a later run is compared with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.spreadsheets import table_saved_anew
from course_utils.classroom.tables import write_csv
from course_utils.errors import CourseError
from course_utils.notebooks.texts import one_line
from course_utils.report.graded import Cell, Class, Submission, read_class
from course_utils.report.ideas import weakest
from course_utils.report.page import histogram, made_at, render, write_page
from course_utils.report.statistics import CellFigures, MessageGroup, figures_of, grouped, quartiles
from course_utils.stages.whereabouts import duration

__all__ = ["CELL_COLUMNS", "Written", "students_table", "write_report"]

CELL_COLUMNS = (
    "notebook", "cell", "exercise", "points", "by_hand", "n", "waiting", "mean", "full", "zero", "rest_r", "rest_low",
    "rest_high", "flags", "commonest_sentence", "commonest_count",
)  # fmt: skip
# Groups of sentences that a page shows of a cell, and notes of a kind; all stand in the tables.
_MOST_GROUPS, _MOST_NOTES = 5, 15
# Cells whose seconds are shown.
_MOST_SLOW = 8
# Cells that failed which are shown at once; the others are folded.
_MOST_CELLS = 12


@dataclass(frozen=True)
class Written:
    """What was written of a report.

    Parameters
    ----------
    page : pathlib.Path
    tables : tuple of pathlib.Path
    told : tuple of str
        A few lines for the terminal.
    """

    page: Path
    tables: tuple[Path, ...]
    told: tuple[str, ...] = ()


def write_report(
    course: Path,
    assignment: str,
    *,
    compare: Path | None = None,
    pseudonyms: bool = False,
    folder: Path | None = None,
    now: datetime | None = None,
) -> Written:
    """Write ``reports/<assignment>-report.html``, its tables, and its figures as JSON.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    compare : pathlib.Path, optional
        The JSON, or the table of cells, of an earlier report.
    pseudonyms : bool
    folder : pathlib.Path, optional
        By default ``reports/`` of the course.
    now : datetime.datetime, optional
        For tests.

    Raises
    ------
    CourseError
        If nothing is graded, or the earlier report can't be read.
    """
    earlier = _read_earlier(Path(compare)) if compare else None
    room = read_class(course, assignment)
    found = _Figures(room, Pseudonyms.of(room.course, pseudonyms))
    folder = Path(folder or room.course / "reports")
    base = f"{assignment}-report"
    made = made_at(now)
    tables = (
        write_csv(folder / f"{base}-cells.csv", CELL_COLUMNS, found.cell_rows(), mark=True),
        students_table(folder / f"{base}-students.csv", room, found.names),
        write_csv(
            folder / f"{base}-sentences.csv", ("notebook", "cell", "exercise", "count", "exact", "sentence"),
            found.sentence_rows(), mark=True,
        ),
        found.write_figures(folder / f"{base}.json", made),
    )  # fmt: skip
    compared = _compared(found, earlier, Path(compare).name) if earlier is not None else None
    values = found.values() | {
        "compared": compared,
        "made": f"Made on {made} from the gradebook and the graded notebooks.",
    }
    page = write_page(folder / f"{base}.html", render("assignment", **values))
    return Written(page, tables, tuple(found.told()))


@dataclass
class _Figures:
    """What is counted of a class."""

    room: Class
    names: Pseudonyms
    groups: list[list[MessageGroup]] = field(init=False)
    figures: list[CellFigures] = field(init=False)

    def __post_init__(self) -> None:
        self.groups = [grouped(self._sentences(cell)) for cell in self.room.cells]
        points = [cell.points for cell in self.room.cells]
        self.figures = figures_of(self.room.table, points, self.groups)

    def _sentences(self, cell: Cell) -> Iterable[str]:
        for one in self.room.counted:
            ran = one.ran.get(cell.notebook)
            if ran is not None and cell.name in ran.sentences and one.scores.get(cell.key, 0.0) < cell.points - 1e-9:
                yield self.names.text(ran.sentences[cell.name])

    def name(self, owner_id: str) -> str:
        return self.names.name(owner_id, self.room.name(owner_id))

    def shares(self) -> list[float]:
        """Return marks after lateness as shares of the points that are graded, bonus aside."""
        bonus = {cell.key for cell in self.room.cells if cell.bonus}
        worth = {cell.key: cell.points for cell in self.room.cells if cell.key not in bonus}
        found = []
        for one in self.room.counted:
            graded = sum(points for key, points in worth.items() if key not in one.waiting)
            if graded:
                found.append(min(1.0, one.mark / graded))
        return found

    def cell_rows(self) -> Iterable[list[Any]]:
        for cell, one, groups in zip(self.room.cells, self.figures, self.groups, strict=True):
            first = groups[0] if groups else MessageGroup(0, "", 0)
            figures = [
                _short(value) for value in (one.mean, one.full, one.zero, one.rest.r, one.rest.low, one.rest.high)
            ]
            yield [
                cell.notebook, cell.name, cell.exercise, cell.points, cell.by_hand, one.n, one.waiting, *figures,
                "; ".join(one.flags), first.sentence, first.count,
            ]  # fmt: skip

    def sentence_rows(self) -> Iterable[list[Any]]:
        for cell, groups in zip(self.room.cells, self.groups, strict=True):
            for group in groups:
                yield [cell.notebook, cell.name, cell.exercise, group.count, group.exact, group.sentence]

    def write_figures(self, path: Path, made: str) -> Path:
        """Write what a later report compares itself with; nobody's name is in it."""
        rows = [dict(zip(CELL_COLUMNS, row, strict=True)) for row in self.cell_rows()]
        content = {"assignment": self.room.assignment, "made": made, "hand_ins": len(self.room.counted), "cells": rows}
        content["shares"] = sorted(round(share, 4) for share in self.shares())
        return write_page(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def told(self) -> Iterable[str]:
        shares = self.shares()
        if shares:
            yield f"{len(shares)} hand-ins, mean {100 * np.mean(shares):.0f} %, median {100 * np.median(shares):.0f} %"
        for idea in weakest(self.room.cells, self.figures, self.groups, self.room.sources, 3):
            many = "student" if idea.count == 1 else "students"
            why = f"; {idea.count} {many}: {one_line(idea.sentence, 100)}" if idea.count else ""
            yield f"{100 * idea.mean:.0f} % of {idea.key}{why}"

    def values(self) -> dict[str, Any]:
        """Return what the page shows."""
        room, shares = self.room, self.shares()
        waiting = [one for one in room.submissions if one.waiting]
        worth = {cell.key: cell.points for cell in room.cells}
        cells = [
            {
                "exercise": cell.exercise, "key": f"{cell.notebook}, {cell.name}", "by_hand": cell.by_hand,
                "points": cell.points, "n": one.n, "waiting": one.waiting, "mean": one.mean, "full": one.full,
                "zero": one.zero, "r": one.rest.r, "low": one.rest.low, "high": one.rest.high, "flags": one.flags,
            }
            for cell, one in zip(room.cells, self.figures, strict=True)
        ]  # fmt: skip
        failed = [
            {
                "exercise": cell.exercise, "key": f"{cell.notebook}, {cell.name}",
                "count": sum(g.count for g in groups),
                "of": len(room.counted),
                "groups": groups[:_MOST_GROUPS], "more": sum(g.count for g in groups[_MOST_GROUPS:]),
            }
            for cell, groups in zip(room.cells, self.groups, strict=True)
            if groups
        ]  # fmt: skip
        middle = quartiles(shares)
        facts = [
            ("hand-ins graded", len(room.submissions)),
            ("mean", _percent(float(np.mean(shares)) if shares else None)),
            ("median", _percent(middle[1] if middle else None)),
            ("standard deviation", _percent(float(np.std(shares, ddof=1)) if len(shares) > 1 else None)),
            ("half of them between", f"{100 * middle[0]:.0f} and {100 * middle[2]:.0f} %" if middle else "–"),
            ("points to get", f"{sum(c.points for c in room.cells if not c.bonus):g}"),
            ("nothing handed in", len(room.missing)),
            ("late", sum(one.late_s > 0 for one in room.submissions)),
        ]
        return {
            "title": f"Report: {room.assignment}", "pseudonyms": self.names.name("x", "") != "", "facts": facts,
            "histogram": Markup(histogram(shares, f"Marks of {room.assignment}")), "counted": len(room.counted),
            "untouched": len(room.submissions) - len(room.counted), "open_people": len(waiting),
            "open_cells": sum(len(one.waiting) for one in waiting),
            "open_points": sum(worth[key] for one in waiting for key in one.waiting), "cells": cells,
            "failed": sorted(failed, key=lambda cell: -cell["count"]), "at_once": _MOST_CELLS,
            "people": self._people(), "runs": self._runs(), "slow": self._slow(),
            "weakest": weakest(room.cells, self.figures, self.groups, room.sources), "notes": self._notes(),
        }  # fmt: skip

    def _people(self) -> list[tuple[str, list[tuple[str, str]]]]:
        room = self.room
        late = [one for one in room.submissions if one.late_s > 0]
        late.sort(key=lambda one: -one.late_s)
        waiting = [one for one in room.submissions if one.waiting]
        lost = {one.owner_id: f", {one.penalty:g} points off" if one.penalty else "" for one in late}
        lacks = [
            (self.name(one.owner_id), ", ".join(name for name in room.sources if name not in one.ran))
            for one in room.submissions
            if len(one.ran) < len(room.sources)
        ]
        away = [(self.name(who), hidden(self.names, who, room.places[who].why)) for who in room.quarantined]
        return [
            ("Nothing handed in", [(self.name(who), "") for who in room.missing]),
            ("In quarantine only", away),
            ("Handed in, not graded yet", [(self.name(who), "") for who in room.ungraded]),
            ("Late", [(self.name(o.owner_id), f"by {_time(o.late_s)}{lost[o.owner_id]}") for o in late]),
            ("Copies as they were released", [(self.name(o.owner_id), "") for o in room.submissions if o.untouched]),
            ("A notebook is missing", lacks),
            ("Prose is open", [(self.name(o.owner_id), _answers(len(o.waiting))) for o in waiting]),
        ]  # fmt: skip

    def _runs(self) -> list[dict[str, Any]]:
        rows = []
        for name in self.room.sources:
            ran = [one.ran[name] for one in self.room.submissions if name in one.ran]
            seconds = [one.seconds for one in ran if one.seconds]
            minutes = [one.minutes for one in ran if one.minutes is not None]
            rows.append(
                {
                    "notebook": name,
                    "count": len(ran),
                    "median": float(np.median(seconds)) if seconds else None,
                    "largest": max(seconds, default=None),
                    "minutes": quartiles(minutes),
                    "timed": len(minutes),
                }
            )
        return rows

    def _slow(self) -> list[dict[str, Any]]:
        """Return the cells that took longest somewhere; whoever is not in their times took less than they note."""
        times: dict[tuple[str, str], list[float]] = {}
        ran = [(name, found) for one in self.room.submissions for name, found in one.ran.items()]
        for name, found in ran:
            for cell, seconds in found.cell_seconds.items():
                times.setdefault((name, cell), []).append(seconds)
        count = {name: sum(other == name for other, _ in ran) for name in self.room.sources}
        rows = [
            {
                "cell": ", ".join(key), "largest": max(found), "over": len(found), "of": count[key[0]],
                "median": float(np.median([*found, *[0.0] * (count[key[0]] - len(found))])),
            }
            for key, found in times.items()
        ]  # fmt: skip
        return sorted(rows, key=lambda row: (-row["largest"], row["cell"]))[:_MOST_SLOW]

    def _notes(self) -> list[tuple[str, list[MessageGroup], str]]:
        ran = [(name, found) for one in self.room.submissions for name, found in one.ran.items()]

        def of(texts: Iterable[str]) -> list[MessageGroup]:
            return grouped(one_line(self.names.text(text), 400) for text in texts)[:_MOST_NOTES]

        stopped = [f"{name}, {cell}: {text}" for name, found in ran for cell, text in found.stopped.items()]
        looked = "To look at, no more: each has honest reasons too. Whose they are stands in the table of autograde."
        return [
            ("Cells that used up time or memory", of(stopped), "Bytes of single cells are not kept."),
            ("Repairs", of(f"{name}: {text}" for name, found in ran for text in found.repairs), ""),
            ("Events of runs", of(f"{name}: {text}" for name, found in ran for text in found.events), ""),
            ("In the report of trust", of(f"{name}: {text}" for name, f in ran for text in f.suspicious), looked),
            ("Not readable", of(f"{name}: {found.unreadable}" for name, found in ran if found.unreadable), ""),
        ]  # fmt: skip


def students_table(path: Path, room: Class, names: Pseudonyms) -> Path:
    """Write a row for everybody and a column for each cell; an empty field has not been read yet, or is not there.

    Parameters
    ----------
    path : pathlib.Path
    room : Class
    names : Pseudonyms
    """
    first = ["student_id", "name", "where", "submitted", "late_by", "points", "penalty", "mark", "max_points"]
    last = ["waiting", "seconds", "minutes_at_home", "repairs", "events", "to_look_at"]
    keys = [cell.key for cell in room.cells]
    most = sum(cell.points for cell in room.cells if not cell.bonus)
    by_owner: dict[str, Submission] = {one.owner_id: one for one in room.submissions}
    rows = []
    for who in [*room.places, *(one for one in by_owner if one not in room.places)]:
        place, one = room.places.get(who), by_owner.get(who)
        row: list[Any] = [names.name(who, who), names.name(who, room.name(who))]
        row += [hidden(names, who, place.where), place.submitted, place.late_by] if place else ["", "", ""]
        if one is None:
            rows.append([*row, "", "", "", most, *[""] * (len(keys) + len(last))])
            continue
        ran = list(one.ran.values())
        minutes = [found.minutes for found in ran if found.minutes is not None]
        row += [_short(one.points), _short(one.penalty), _short(one.mark), most]
        row += ["" if (score := one.scores.get(key)) is None else _short(score) for key in keys]
        row += [len(one.waiting), _short(sum(found.seconds for found in ran)), _short(sum(minutes)) if minutes else ""]
        row += [sum(len(getattr(found, what)) for found in ran) for what in ("repairs", "events", "suspicious")]
        rows.append(row)
    columns = [*first, *(f"{notebook}/{name}" for notebook, name in keys), *last]
    return write_csv(path, columns, rows, mark=True)


def hidden(names: Pseudonyms, who: str, text: str) -> str:
    """Return a text about somebody as a page may show it; of a stranger, only the name of the folder is known."""
    return names.text(text).replace(who, names.name(who, who))


def _read_earlier(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the cells of an earlier report by notebook and name."""
    try:
        rows = json.loads(path.read_bytes())["cells"] if path.suffix == ".json" else table_saved_anew(path)
        found = {}
        for row in rows:
            mean = row["mean"]
            numbers = {"points": _number(row["points"]), "n": int(row["n"])}
            numbers["mean"] = None if mean in (None, "") else _number(mean)
            found[str(row["notebook"]), str(row["cell"])] = numbers
        if not found:
            raise ValueError("no cells")
    except OSError as error:
        raise CourseError(f"{path} can't be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path.name} is no earlier report: --compare takes a …-report.json or a …-report-cells.csv."
        ) from error
    return found


def _number(cell: object) -> float:
    """Return a number that a spreadsheet may have written with a comma."""
    return float(str(cell).replace(",", "."))


def _compared(found: _Figures, earlier: dict[tuple[str, str], dict[str, Any]], name: str) -> dict[str, Any]:
    rows, then_all, now_all = [], [], []
    left = dict(earlier)
    for cell, now in zip(found.room.cells, found.figures, strict=True):
        then = left.pop(cell.key, None)
        row = {"key": f"{cell.notebook}, {cell.name}", "now": now.mean, "now_n": now.n, "change": "–", "remark": ""}
        if then is None:
            rows.append(row | {"then": None, "then_n": "–", "remark": "was not there"})
            continue
        row |= {"then": then["mean"], "then_n": then["n"]}
        if abs(then["points"] - cell.points) > 1e-9:
            row["remark"] = f"was worth {then['points']:g}, is worth {cell.points:g}"
        if then["mean"] is not None and now.mean is not None:
            row["change"] = f"{100 * (now.mean - then['mean']):+.0f}".replace("-", "−")
            then_all.append(then["mean"])
            now_all.append(now.mean)
        rows.append(row)
    rows += [
        {
            "key": f"{notebook}, {cell}", "then": then["mean"], "then_n": then["n"], "now": None, "now_n": "–",
            "change": "–", "remark": "is not there any more",
        }
        for (notebook, cell), then in left.items()
    ]  # fmt: skip
    told = "No cell is in both."
    if then_all:
        told = (
            f"{len(then_all)} cells are in both; on average over these cells {100 * np.mean(then_all):.0f} % were "
            f"reached then and {100 * np.mean(now_all):.0f} % now. Another class, or another text of the exercise, "
            "may be why."
        )
    return {"name": name, "rows": rows, "told": told}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _answers(count: int) -> str:
    return "1 answer" if count == 1 else f"{count} answers"


def _short(value: float | None) -> float | str:
    return "" if value is None else round(float(value), 4) + 0.0


def _time(seconds: float) -> str:
    return duration(timedelta(seconds=seconds))
