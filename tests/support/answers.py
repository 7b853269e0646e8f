"""Answers a student might give: the form of the banks in `wrong_answers/` and `right_answers/`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).parents[2] / "source"


def given_cell(notebook: str, grade_id: str) -> str:
    """Return the text of a cell that a notebook gives, such as `cifar/training-loop`: what a student could copy."""
    cells = json.loads((_SOURCE / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    (found,) = (cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)
    return "".join(found["source"])


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
    artifacts : mapping of str to callable or None
        Trained networks that are not the reference's, by name: ``None`` leaves one out; a function is given its record
        (a dict) and weights (a dict of tensors, or None) and returns what is to be there instead.
    files : mapping of str to str, bytes, callable or None
        Other files that are not the reference's, by path in the submission: ``None`` leaves one out; a function is
        given the content (bytes) and returns another one.
    """

    why: str
    cells: Mapping[str, str]
    loses: tuple[str, ...] = ()
    artifacts: Mapping[str, Callable[[dict[str, Any], Any], tuple[dict[str, Any], Any]] | None] = field(
        default_factory=dict
    )
    files: Mapping[str, str | bytes | Callable[[bytes], bytes] | None] = field(default_factory=dict)
