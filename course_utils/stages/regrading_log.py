"""The log of marks that moved, for whoever has to account for them: what, when, by whom, and why.

Lines are only ever added. What a run is about to write is noted first, so that a run that is killed between gradebook
and log leaves no mark that moved without a line: the next run finishes the log by what the gradebook has.
"""

from __future__ import annotations

import contextlib
import csv
import getpass
import io
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

import course_utils
from course_utils.classroom.marks import number
from course_utils.classroom.spreadsheets import separator_of
from course_utils.classroom.tables import as_cell
from course_utils.grading.moves import Moves

__all__ = ["COLUMNS", "RegradingLog", "who_grades"]

COLUMNS = (
    "when", "by", "student_id", "notebook", "cell", "before", "after", "of_before", "of", "mark_before", "mark_after",
    "why", "version", "source",
)  # fmt: skip
# Characters of the digest of the source: enough to tell its versions apart, and to be read aloud.
_DIGITS = 12
_SAME = 1e-9


def who_grades(reader: str = "") -> str:
    """Return who is named in the log: `reader` if it says somebody, else the name of the account."""
    try:
        return reader.strip() or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


class RegradingLog:
    """``reports/<assignment>-regrading.csv``.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    reader : str
        Who is named; see `who_grades`.
    source : str
        Digest of what the assignment is graded by.
    """

    def __init__(self, course: Path, assignment: str, reader: str, source: str) -> None:
        self.assignment, self.reader, self.source = assignment, who_grades(reader), source[:_DIGITS]
        self.path = Path(course) / "reports" / f"{assignment}-regrading.csv"
        self._begun = Path(course) / "reports" / assignment / ".regrading.json"

    @contextlib.contextmanager
    def noted(self, gradebook: Gradebook, moves: Moves) -> Iterator[None]:
        """Add the lines of a submission once the block has written its marks.

        Parameters
        ----------
        gradebook : nbgrader.api.Gradebook
        moves : Moves
            What the block writes.
        """
        self.finish(gradebook)
        if moves.before is None or not moves.moves:
            yield
            return
        self._begun.parent.mkdir(parents=True, exist_ok=True)
        rows = [[move.notebook, move.cell, *move.rows] for move in moves.moved]
        fresh = self._begun.with_name(f"{self._begun.name}.new")
        fresh.write_text(json.dumps({"student": moves.student, "rows": rows, "lines": self._lines(moves)}))
        fresh.replace(self._begun)
        yield
        self.finish(gradebook)

    def finish(self, gradebook: Gradebook) -> None:
        """Add the lines that a run left that was killed, if its marks are in the gradebook."""
        try:
            left = json.loads(self._begun.read_bytes())
            student, rows, lines = left["student"], left["rows"], left["lines"]
        except (OSError, ValueError, TypeError, KeyError):
            return
        if self._is_written(gradebook, student, rows):
            self._add(lines)
        self._begun.unlink()

    def _is_written(self, gradebook: Gradebook, student: str, rows: list[list[Any]]) -> bool:
        for notebook, cell, auto, waits in rows:
            try:
                grade = gradebook.find_grade(cell, notebook, self.assignment, student)
            except MissingEntry:
                return False
            there = grade.auto_score
            same = there == auto or (there is not None and auto is not None and abs(there - auto) < _SAME)
            if not same or bool(grade.needs_manual_grade) != waits:
                return False
        return True

    def _lines(self, moves: Moves) -> list[list[Any]]:
        about = [datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"), self.reader, moves.student]
        sums = [number(moves.before), number(moves.after)]
        end = [course_utils.__version__, self.source]
        cells = [
            [m.notebook, m.cell, _told(m.before), _told(m.after), number(m.of_before), number(m.of), *sums, m.why]
            for m in moves.moved
        ]
        if not cells:
            cells = [["", "", "", "", "", "", *sums, "the time of the hand-in, or the deadline, is another one"]]
        return [[as_cell(value) for value in [*about, *cell, *end]] for cell in cells]

    def _add(self, lines: list[list[Any]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        there = self.path.read_bytes() if self.path.is_file() else b""
        separator = separator_of(there.decode("utf-8", "replace")) if there else ","
        wanted = [_line(values, separator) for values in lines]
        known = set(there.decode("utf-8", "replace").splitlines(keepends=True))
        # A run may have been killed within a line, or between the last line and its end.
        text = "" if there else _line(COLUMNS)
        text += "\r\n" if there and not there.endswith(b"\n") else ""
        text += "".join(line for line in wanted if line not in known)
        with self.path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


def _told(points: float | None) -> str:
    return "waiting" if points is None else number(points)


def _line(values: Any, separator: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerow(values)
    return text.getvalue()
