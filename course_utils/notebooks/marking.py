"""What nbgrader and this course may say of a cell in its metadata: grade_id, points, kind, and `metadata.course`."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from course_utils.notebooks.texts import one_line

__all__ = ["points_problem", "problems"]

Problem = tuple[int, str, bool]
_NAME = re.compile(r"[A-Za-z0-9_\-]+")
_VERSION = 3  # of nbgrader's metadata
# What `metadata.course` may hold, and of which type.
_COURSE = {
    "covers": (list, 'a list of texts, such as ["A2.1.v"]'),
    "timeout_s": ((int, float), "a number of seconds, such as 120"),
    "trusted": (bool, "true or false, without quotes"),
    "sealed": (bool, "true or false, without quotes"),
    "grading": (str, '"skip"'),
    "bonus": (bool, "true or false, without quotes"),
    "artifacts": (list, 'a list of names, such as ["network"]'),
    "objects": (list, 'a list of names of classes, such as ["Stack"]'),
    "question": (str, 'the number of a question, such as "2.1 iv"'),
    "sheet": (dict, "as `course sheet` wrote it"),
    "files": (list, 'a list of names, such as ["submission.csv"]'),
}


def problems(cell: Mapping[str, Any], index: int, cells: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Say what is wrong with the metadata of a cell: line (0, that of no text), sentence, whether it is serious.

    Parameters
    ----------
    cell : dict
    index : int
        Of the cell among `cells`.
    cells : sequence of dict
    """
    yield from ((0, text, True) for text in _course_problems(cell["metadata"].get("course", {})))
    if "nbgrader" not in cell["metadata"]:
        return
    about = cell["metadata"]["nbgrader"]
    if not isinstance(about, dict):
        yield 0, "metadata.nbgrader is no object; choose the cell's type again in 'Create Assignment'.", True
        return
    for key in ("grade", "solution", "locked", "task"):
        if key in about and not isinstance(about[key], bool):
            yield 0, f"metadata.nbgrader.{key} must be true or false, it is {about[key]!r}.", True
    if not any(about.get(key) for key in ("grade", "solution", "locked", "task")):
        return
    if text := _version_problem(about):
        yield 0, text, True
    yield from ((0, text, True) for text in _name_problems(about, index, cells))
    if (about.get("grade") or about.get("task")) and (text := points_problem(about)):
        yield 0, text, True
    yield from ((0, text, True) for text in _kind_problems(cell["cell_type"], about))


def points_problem(about: Mapping[str, Any]) -> str:
    """Return what is wrong with the points of a graded cell; empty if nothing is.

    Parameters
    ----------
    about : dict
        Its `metadata.nbgrader`.

    Examples
    --------
    >>> points_problem({"points": "0,5"})
    "its points are '0,5', which is no number. Write 0.5, without quotes."
    >>> points_problem({"points": 2})
    ''
    """
    points = about.get("points")
    if points is None:
        return "it has no points. Enter how many it is worth, 0 or more, in 'Create Assignment'."
    if isinstance(points, bool) or not isinstance(points, (int, float)):
        advice = "Enter a number of 0 or more."
        if isinstance(points, str) and re.fullmatch(r"\s*\d+([.,]\d+)?\s*", points):
            advice = f"Write {points.strip().replace(',', '.')}, without quotes."
        return f"its points are {one_line(repr(points))}, which is no number. {advice}"
    if not math.isfinite(points) or points < 0:
        return f"its points are {points:g}; they must be 0 or more."
    return ""


def _version_problem(about: Mapping[str, Any]) -> str:
    version = about.get("schema_version", 0)
    if version == _VERSION:
        return ""
    if isinstance(version, int) and version < _VERSION:
        return "its metadata are of an old nbgrader. Keep a copy, then write them anew: `nbgrader update source`."
    return f"its metadata are of a newer nbgrader (schema_version {one_line(repr(version))}, not {_VERSION})."


def _name_problems(about: Mapping[str, Any], index: int, cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    name = about.get("grade_id")
    if not isinstance(name, str) or not name:
        yield "it has no grade_id. Give it a name in 'Create Assignment'."
        return
    if not _NAME.fullmatch(name):
        yield f"the grade_id {one_line(repr(name))} may hold letters, digits, '_' and '-' only."
    for number, other in enumerate(cells[:index], 1):
        theirs = other["metadata"].get("nbgrader")
        if isinstance(theirs, dict) and theirs.get("grade_id") == name:
            yield f"Duplicate grade id: {name}. Cell {number} has it already; rename cell {index + 1}."
            return


def _kind_problems(cell_type: str, about: Mapping[str, Any]) -> Iterator[str]:
    grade, solution, task = (bool(about.get(key)) for key in ("grade", "solution", "task"))
    if task and (cell_type != "markdown" or grade or solution):
        yield "a manually graded task must be a Markdown cell, and neither an answer nor a test."
    elif cell_type == "markdown" and grade and not solution:
        yield "a Markdown cell can't hold automatic tests. Make it a code cell, or a manually graded answer."
    elif cell_type == "markdown" and solution and not grade:
        yield "an answer in Markdown is graded by a person. Make it a manually graded answer, with points."
    elif cell_type not in ("code", "markdown") and (grade or solution or task):
        yield f"a cell of type '{one_line(cell_type)}' can't be graded. Make it a code or Markdown cell."


def _course_problems(about: Any) -> Iterator[str]:
    if not isinstance(about, dict):
        yield "metadata.course is no object."
        return
    for key, value in about.items():
        if key not in _COURSE:
            near = difflib.get_close_matches(str(key), _COURSE, 1)
            meant = f" Did you mean '{near[0]}'?" if near else f" There are: {', '.join(_COURSE)}."
            yield f"metadata.course.{one_line(key)} is not known.{meant}"
            continue
        wanted, shown = _COURSE[key]
        right = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
        if right and wanted is list:
            right = all(isinstance(entry, str) for entry in value)
        if right and key == "timeout_s":
            right = math.isfinite(value) and value > 0
        if right and key == "grading":
            right = value == "skip"
        if not right:
            yield f"metadata.course.{key} must be {shown}; it is {one_line(repr(value))}."
