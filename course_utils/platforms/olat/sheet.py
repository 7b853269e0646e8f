"""The table that OpenOlat puts into a download: who handed in when."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from course_utils.classroom.names import HEADERS, compose, fold_variants, plain_header
from course_utils.errors import CourseError

__all__ = ["SheetError", "SheetRow", "read_sheet"]

# Header texts by meaning. Person fields are a site's choice, so a field may be missing or called a little differently.
_ALIASES = {
    **HEADERS,
    "institutional_email": ("institutionsemail", "institutionalemail", "emailderinstitution"),
    "submitted": (
        "abgabe", "submitted", "abgegeben", "abgabeabgeschlossen", "submissioncompleted", "abgabedatum",
        "submissiondate",
    ),
    "remarks": ("bemerkungen", "bemerkung", "remarks", "remark"),
    "score": ("punkte", "score", "points"),
}  # fmt: skip
_MEANING = {alias: meaning for meaning, aliases in _ALIASES.items() for alias in aliases}
_PERSON = {"user_name", "email", "institutional_email", "matriculation_number", "first_name", "last_name"}
_MOST_ROWS, _MOST_COLUMNS = 20_000, 200
_EMPTY = {"", "-", "n/a", "na", "–"}


class SheetError(CourseError, ValueError):
    """The table of a download cannot be read; the text says why."""


@dataclass(frozen=True)
class SheetRow:
    """What the table says about one person.

    `submitted` is the server's local time without zone, None if there is none; `problem` says if there is
    a time that could not be read; `differing` says which columns about a person contradict each other: nothing is read
    from them.
    """

    user_name: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    institutional_email: str = ""
    matriculation_number: str = ""
    group: str = ""
    submitted: datetime | None = None
    remarks: str = ""
    score: float | None = None
    problem: str = ""
    differing: str = ""


def read_sheet(path: Path, task: str = "") -> list[SheetRow]:
    """Read the table of a download, in German or English, of any version.

    Columns are found by their header, never by position: in the newest form data may stand one column right of
    the headers beyond *Coach*, and which person fields there are is a site's choice.

    Parameters
    ----------
    path : pathlib.Path
        The ``.xlsx``.
    task : str
        Title of the task, for the old form with columns for several tasks.

    Returns
    -------
    list of SheetRow
        Empty for a table that is only a header.

    Raises
    ------
    SheetError
        If it is no such table.
    """
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            # OpenOlat writes no default style.
            warnings.simplefilter("ignore", UserWarning)
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            # Any cell may say that it is the last of a million rows; what lies between would be made up.
            cells = book.worksheets[0].iter_rows(max_row=_MOST_ROWS, max_col=_MOST_COLUMNS, values_only=True)
            rows = [list(row) for row in cells]
    except (
        InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, IndexError, OSError,
        AttributeError, EOFError, NotImplementedError, RuntimeError,
    ) as error:  # fmt: skip
        raise SheetError(f"the table of the download can't be read ({type(error).__name__}: {error})") from error
    header = next((i for i, row in enumerate(rows[:5]) if len(_PERSON & set(map(_meaning, row))) >= 2), None)
    if header is None:
        raise SheetError("the table of the download has no header with a name, user name or email in its first rows")
    columns = _columns(rows, header, task)
    result = []
    for row in rows[header + 1 :]:
        values = {meaning: [row[i] for i in places if i < len(row)] for meaning, places in columns.items()}
        cells = {meaning: found[0] if found else None for meaning, found in values.items()}
        texts = {meaning: _text(cells.get(meaning)) for meaning in (*_PERSON, "group", "remarks")}
        differing = []
        for meaning in sorted(_PERSON & set(columns)):
            said = list(dict.fromkeys(filter(None, map(_text, values[meaning]))))
            texts[meaning] = said[0] if len(said) == 1 else ""
            if len(said) > 1:
                names = " and ".join(repr(_text(rows[header][i])) for i in columns[meaning])
                differing.append(f"{names} are {' and '.join(map(repr, said))}")
        if not differing and not any(texts[meaning] for meaning in _PERSON):
            continue
        submitted, problem = _only_moment(values.get("submitted", []))
        score = _number(cells.get("score"))
        told = ", ".join(differing)
        result.append(SheetRow(**texts, submitted=submitted, score=score, problem=problem, differing=told))
    return result


def _only_moment(cells: Sequence[Any]) -> tuple[datetime | None, str]:
    """Return the time in several cells about it, or why there is none."""
    found = [_moment(cell) for cell in cells] or [(None, "")]
    moments = list(dict.fromkeys(moment for moment, _ in found if moment))
    if len(moments) > 1:
        return None, f"the table has several submission times, {' and '.join(map(str, moments))}, and neither counts"
    return (moments[0], "") if moments else found[0]


def _columns(rows: Sequence[Sequence[Any]], header: int, task: str) -> dict[str, list[int]]:
    """Return the columns of each meaning in the row with the headers."""
    columns: dict[str, list[int]] = {}
    for i, cell in enumerate(rows[header]):
        if plain_header(cell) == "coach":
            # Beyond it, data may be shifted. Of what is read, only group and submission could stand there.
            break
        meaning = _meaning(cell)
        if meaning:
            columns.setdefault(meaning, []).append(i)
    submitted = columns.get("submitted", [])
    if len(submitted) > 1 and header > 0:
        # The old form: the row above names the task once, over the first of its columns.
        blocks, title = {}, ""
        for i in range(len(rows[header])):
            above = rows[header - 1][i] if i < len(rows[header - 1]) else None
            title = _text(above) or title
            blocks[i] = title
        mine = [i for i in submitted if task and fold_variants(blocks[i]) & fold_variants(task)]
        if len(mine) != 1:
            titles = ", ".join(dict.fromkeys(repr(blocks[i]) for i in submitted))
            raise SheetError(f"the table has columns for several tasks ({titles}); name the task with --task")
        columns["submitted"] = mine
        columns["score"] = [i for i in columns.get("score", []) if blocks[i] == blocks[mine[0]]]
    return {meaning: places for meaning, places in columns.items() if places}


def _meaning(cell: Any) -> str | None:
    return _MEANING.get(plain_header(cell))


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = compose(str(cell if cell is not None else "")).strip()
    return "" if text in _EMPTY else text


def _number(cell: Any) -> float | None:
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return float(cell)
    try:
        return float(_text(cell).replace(",", "."))
    except ValueError:
        return None


def _moment(cell: Any) -> tuple[datetime | None, str]:
    if isinstance(cell, datetime):
        # Excel counts days, so seconds come out with a rounding error.
        return (cell + timedelta(microseconds=500_000)).replace(microsecond=0), ""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        try:
            moment = openpyxl.utils.datetime.from_excel(cell)
        except (ValueError, OverflowError):
            moment = None
        if isinstance(moment, datetime):
            return (moment + timedelta(microseconds=500_000)).replace(microsecond=0), ""
        return None, f"the submission time {cell!r} can't be read"
    text = _text(cell)
    if not text:
        return None, ""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None), ""
    except ValueError:
        pass
    forms = ["%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%y %H:%M", "%d.%m.%Y, %H:%M", "%d.%m.%y, %H:%M"]
    # English tables may put the month or the day first; a time that both readings allow is not guessed at.
    slashes = ["%m/%d/%Y %H:%M", "%m/%d/%y %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%y, %I:%M %p", "%m/%d/%y %I:%M %p"]
    slashes += [form.replace("%m/%d", "%d/%m") for form in slashes]
    text = text.replace("\u202f", " ").removesuffix(" Uhr")
    found = {moment for form in forms + slashes if (moment := _strptime(text, form))}
    if len(found) == 1:
        return found.pop(), ""
    why = "may mean two dates" if found else "can't be read"
    return None, f"the submission time {text!r} {why}"


def _strptime(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
