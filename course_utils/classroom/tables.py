"""Every table that is written or shown: CSV, xlsx, and the terminal.

What a cell says may come from a student. On paper a text is one line of bounded length; a spreadsheet takes none for a
formula; a terminal obeys nothing in it. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.notebooks.texts import one_line

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from rich.text import Text

__all__ = ["as_cell", "put", "put_formula", "shown", "write_csv"]

# Characters. A cell of Excel holds 32,767.
_LONGEST = 8_000
_LONGEST_SHOWN = 500
_NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d{1,15})?", re.ASCII)
# What makes a spreadsheet compute, at the start of a cell; the wide forms count where one types Chinese or Japanese.
_FORMULA = re.compile(r"""(^|[;,|])([\s"]*)([=+\-@＝＋－＠])""")


def as_cell(value: Any) -> Any:
    """Return what a cell of a CSV file may hold for a value.

    A text is one line and no formula, also where a spreadsheet splits the line at semicolons. Written again after it
    was read, it stays as it is.

    Parameters
    ----------
    value : object
        Numbers, truth values and None are returned as they are.

    Examples
    --------
    >>> as_cell("=1+1"), as_cell('Team 1; "=cmd|x"'), as_cell("-1.5"), as_cell("well-known"), as_cell(-1.5)
    ("'=1+1", 'Team 1;\\' "=cmd|x"', '-1.5', 'well-known', -1.5)
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = one_line(value, _LONGEST)
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"\1'\2\3", text)


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Iterable[Any]], *, mark: bool = False, append: bool = False
) -> Path:
    """Write a table as CSV; see `as_cell`.

    Parameters
    ----------
    path : pathlib.Path
        Its folder is made if it is not there.
    columns : sequence of str
    rows : iterable of iterables
    mark : bool
        Whether the file begins with a byte-order mark, so that Excel reads it as UTF-8.
    append : bool
        Whether rows are added to a file that is there already.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = append and path.is_file()
    encoding = "utf-8-sig" if mark and not begun else "utf-8"
    with path.open("a" if begun else "w", newline="", encoding=encoding) as file:
        table = csv.writer(file)
        table.writerows([as_cell(cell) for cell in row] for row in (rows if begun else [columns, *rows]))
    return path


def put(cell: Cell, value: Any) -> None:
    """Write a value into a cell of an xlsx sheet: a text stays a text, leading zeros included.

    Parameters
    ----------
    cell : openpyxl.cell.Cell
    value : object
    """
    if value is None or isinstance(value, (bool, int, float)):
        cell.value = value
        return
    cell.value = one_line(value, _LONGEST)
    cell.data_type, cell.number_format = "s", "@"


def put_formula(cell: Cell, formula: str) -> None:
    """Write a formula of our own into a cell; nothing that came from outside may be part of it.

    Parameters
    ----------
    cell : openpyxl.cell.Cell
    formula : str
    """
    cell.value = formula


def shown(*lines: Any, limit: int = _LONGEST_SHOWN) -> Text:
    """Return texts as a terminal shows them: neither its own control sequences nor the markup of `rich` count.

    Parameters
    ----------
    *lines : object
        One line of the cell each.
    limit : int
        Characters of a line.
    """
    from rich.text import Text

    return Text("\n".join(one_line(line, limit) for line in lines), overflow="fold")
