"""Tables that a person keeps in a spreadsheet program and saves as text: the roster, the extensions."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_utils.classroom.names import compose, plain_header
from course_utils.errors import CourseError
from course_utils.notebooks.texts import one_line

__all__ = ["SavedTable", "TableError", "as_date", "read_saved_table", "separator_of", "spoilt", "table_saved_anew"]

_SEPARATOR = re.compile(r'"?sep=.?"?', re.IGNORECASE)
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
_HOW_TO_SAVE = "In Excel: save as 'CSV UTF-8'."
# How spreadsheets are told that digits are a text: ="0012345", or an apostrophe before them.
_AS_TEXT = re.compile(r'="(?P<formula>.*)"|\'(?P<marked>\d.*)', re.DOTALL)
# What a spreadsheet makes of a long number: the digits that it left out are gone.
_CUT = re.compile(r"\d+[.,]\d+[eE][+-]?\d+|\d+[eE][+-]\d+|\d+[.,]0+")
_ERROR = re.compile(r"#+|#(NAME|VALUE|WERT|REF|BEZUG|N/A|NV|NUM|ZAHL|DIV/0|NULL|SPILL|ÜBERLAUF)[!?]?")
_MONTH = "Jan|Feb|Mar|Mär|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez"
_DATE = re.compile(
    rf"\d{{1,2}}\.\d{{1,2}}\.(\d\d){{1,2}}|\d{{1,2}}\. ?({_MONTH})( \d\d)?|\d{{1,2}}-({_MONTH})|({_MONTH})[ -]\d\d"
)


class TableError(CourseError, ValueError):
    """A table can't be read; the text says which and why."""


@dataclass(frozen=True)
class SavedTable:
    """What a table says.

    Parameters
    ----------
    rows : tuple of (int, dict)
        Number of the line, and text by column; rows without any text are left out.
    columns : frozenset of str
        Those that are there.
    problems : tuple of str
        Rows that can't be read, each with its number, and columns of one meaning that differ.
    remarks : tuple of str
        Headers that look like a column and are none, and columns that are left out.
    """

    rows: tuple[tuple[int, dict[str, str]], ...]
    columns: frozenset[str]
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_saved_table(path: Path, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> SavedTable:
    """Read a table with commas, semicolons or tabs, in UTF-8 or UTF-16, with or without the line ``sep=;``.

    Parameters
    ----------
    path : pathlib.Path
    columns : mapping of str to sequence of str
        What else each column may be called, as `plain_header` writes it.
    required : sequence of str
        Columns without which it can't be read.

    Returns
    -------
    SavedTable

    Raises
    ------
    TableError
        If it can't be read at all.
    """
    stream = io.StringIO(_text(path), newline="")
    skipped, first = 0, stream.readline()
    while first and (not first.strip() or _SEPARATOR.fullmatch(first.strip())):
        skipped, first = skipped + 1, stream.readline()
    if not first:
        raise TableError(f"{path.name} is empty; its first line must be {','.join(columns)}.")
    delimiter = separator_of(first)
    stream.seek(stream.tell() - len(first))
    table = csv.reader(stream, delimiter=delimiter, skipinitialspace=True, strict=True)
    rows, problems = [], []
    try:
        header = next(table)
        places, doubled, remarks = _places(path.name, header, columns, required)
        last, differing = table.line_num, [[] for _ in doubled]
        for cells in table:
            number, last = skipped + last + 1, table.line_num
            if problem := _problem(cells, len(header), delimiter):
                problems.append(f"row {number} {problem}")
                continue
            row = {name: _cell(cells[i]) if i < len(cells) else "" for name, i in places.items()}
            if any(row.values()):
                rows.append((number, row))
            for (column, i), found in zip(doubled, differing, strict=True):
                left = _cell(cells[i]) if i < len(cells) else ""
                if left and left != row[column]:
                    found.append(f"row {number} has {one_line(row[column])!r} and {one_line(left)!r}")
    except csv.Error as error:
        raise TableError(
            f"{path.name} can't be read as a table: something before the end of row {skipped + table.line_num} is not "
            f"right ({error}). Is a quote not closed, or in the middle of a cell?"
        ) from error
    for (column, i), found in zip(doubled, differing, strict=True):
        names = f"{header[places[column]].strip()!r} and {header[i].strip()!r}"
        if found:
            more = f" ({len(found)} rows differ)" if len(found) > 1 else ""
            problems.append(
                f"the columns {names} both mean {column}, and {found[0]}{more}: keep the column that is right"
            )
        else:
            remarks.append(f"{path.name}: {names} say nothing different; one of them is enough.")
    return SavedTable(tuple(rows), frozenset(places), tuple(problems), tuple(remarks))


def separator_of(text: str) -> str:
    """Return what stands between the cells of a table, by its first line: in German, Excel writes semicolons."""
    return max(_NAMES, key=text.partition("\n")[0].count)


def table_saved_anew(path: Path) -> list[dict[str, str]]:
    """Read a table that this program wrote, and that a spreadsheet may have saved again since in its own way.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    list of dict
        Text by header; rows that are longer or shorter than that are left out.

    Raises
    ------
    TableError
        If it is no table.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    try:
        header, *rows = [*csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text)), []]
    except csv.Error as error:
        raise TableError(f"{path} can't be read as a table ({error}).") from error
    return [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]


def spoilt(text: str) -> str:
    """Return what a spreadsheet has left in the place of a text or number, and what to do; empty if it is whole.

    Examples
    --------
    >>> spoilt("1,61803E+06")
    'a spreadsheet cut the number; take it from where it came from, with the column as text'
    >>> spoilt("#NAME?"), spoilt("0012345"), spoilt("max.muster")
    ('a spreadsheet put an error in its place; take it from where it came from, with the column as text', '', '')
    """
    what = "cut the number" if _CUT.fullmatch(text) else "put an error in its place" if _ERROR.fullmatch(text) else ""
    return what and f"a spreadsheet {what}; take it from where it came from, with the column as text"


def as_date(text: str) -> bool:
    """Return whether a text looks like the date that a spreadsheet makes of ``1-7`` or ``3/1``.

    Examples
    --------
    >>> as_date("01. Jul"), as_date("03.01.2026"), as_date("7-Jan"), as_date("Gruppe 7"), as_date("Jan")
    (True, True, True, False, False)
    """
    return _DATE.fullmatch(text) is not None


def _cell(written: str) -> str:
    """Return what a cell says, without what kept a spreadsheet from counting with it."""
    text = compose(written.strip())
    found = _AS_TEXT.fullmatch(text)
    return (found["formula"] or found["marked"] or "").strip() if found else text


def _text(path: Path) -> str:
    """Return the text of a file, whichever way Unicode is written in it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TableError(f"{path} can't be read ({error.strerror or error}).") from error
    if data[:2] == b"PK":
        raise TableError(f"{path.name} is a workbook (.xlsx) under another name. {_HOW_TO_SAVE}")
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise TableError(f"{path.name} must be UTF-8 text, but row {row} is not. {_HOW_TO_SAVE}") from error
    if "\0" in text:
        row = text[: text.index("\0")].count("\n") + 1
        raise TableError(f"{path.name} must be UTF-8 text, but row {row} holds NUL characters. {_HOW_TO_SAVE}")
    return text


def _places(
    file: str, header: Sequence[str], columns: Mapping[str, Sequence[str]], required: Sequence[str]
) -> tuple[dict[str, int], list[tuple[str, int]], list[str]]:
    """Return where each column stands, where it stands once more, and which headers look like one that is missing."""
    meaning = {plain_header(name): column for column, others in columns.items() for name in (column, *others)}
    places: dict[str, int] = {}
    doubled, remarks = [], []
    for i, cell in enumerate(header):
        column = meaning.get(plain_header(cell))
        if column in places:
            # The column's own name goes before what else it may be called.
            is_own = [plain_header(name) == plain_header(column) for name in (header[places[column]], cell)]
            left, place = (places[column], i) if is_own == [False, True] else (i, places[column])
            places[column] = place
            if column == "student_id" and is_own[0] != is_own[1]:
                # Many tables have numbers of their own in a column "id".
                remarks.append(f"{file}: {column} is read; nothing is read from the column {header[left].strip()!r}.")
            else:
                doubled.append((column, left))
        elif column:
            places[column] = i
    if missing := [name for name in required if name not in places]:
        twice = "".join(f", and {column} is there twice" for column, _ in doubled)
        told = f"{', '.join(missing)} is missing{twice}"
        raise TableError(f"The first line of {file} must name the columns {','.join(columns)}; {told}.")
    for cell in header:
        near = difflib.get_close_matches(plain_header(cell), [*meaning], n=1, cutoff=0.75)
        if near and plain_header(cell) not in meaning and meaning[near[0]] not in places:
            remarks.append(
                f"{file}: nothing is read from the column {cell.strip()!r}. Did you mean {meaning[near[0]]!r}?"
            )
    return places, doubled, remarks


def _problem(cells: Sequence[str], width: int, delimiter: str) -> str:
    """Return what is wrong with the cells of a row, empty if nothing is."""
    if any(cell.strip() for cell in cells[width:]):
        return (
            f"has more fields than the first line; is a {_NAMES[delimiter]} not quoted? A cell that holds one stands "
            f'in quotes: "one{delimiter}another"'
        )
    if any("\n" in cell or "\r" in cell for cell in cells):
        return "goes on over several lines; is a quote not closed?"
    return ""
