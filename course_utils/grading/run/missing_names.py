"""What to tell of a name that a test asks for in vain, though it stands in a cell of the student."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from course_utils.notebooks import cells as kinds
from course_utils.notebooks import names

__all__ = ["where_it_stands"]


def where_it_stands(error: BaseException, cells: Sequence[dict[str, Any]], index: int, whole: Collection[int]) -> str:
    """Return where a name stands that is not defined; empty if no cell of the student defines it.

    Parameters
    ----------
    error : BaseException
        What ended the test.
    cells : sequence of dict
    index : int
        Of the test.
    whole : collection of int
        The cells that ran to their end.
    """
    name = getattr(error, "name", None) if isinstance(error, NameError) else None
    theirs = [(i, cell) for i, cell in enumerate(cells) if isinstance(name, str) and kinds.is_students(cell)]
    found = [i for i, cell in theirs if name in names.bound(cell["source"])]
    if not found:
        return ""
    at = max((i for i in found if i < index), default=found[0])
    where = f"{name} is not defined here. It stands in {kinds.name(cells[at], at)}, "
    if at > index:
        return f"{where}which is below this test: move it up."
    return where + (
        "but was gone again after that cell had run." if at in whole else "but that cell did not run to its end."
    )
