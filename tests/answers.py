"""Answers a student might give: the form of the banks in `wrong_answers/` and `right_answers/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """The reference solution with some cells replaced.

    Parameters
    ----------
    why : str
        What the student had in mind; names the test case.
    cells : mapping of str to str
        Full source by grade_id of the solution cell.
    loses : tuple of str
        The grade_ids that must then earn less than full points, and no others.
    """

    why: str
    cells: Mapping[str, str]
    loses: tuple[str, ...] = ()
