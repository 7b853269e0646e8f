"""Reads what a worker gives back of a submission, and takes nothing of it that the submission could not have earned.

A worker listens to the process of the tests, which reads what a student's code answers. Should it ever be taken over,
it can lie about the submission that it was given, and about no other: the student, the notebooks, their cells and what
these are worth are known here.
"""

from __future__ import annotations

import json
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbformat.v4 import to_notebook

from course_utils.grading.limits import GradingLimits
from course_utils.grading.run.messages import Reader
from course_utils.grading.run.wire import BadMessage, Bounds
from course_utils.grading.submissions import GradedNotebook, GradedSubmission, Submission
from course_utils.notebooks import cells as kinds
from course_utils.notebooks import skeleton
from course_utils.notebooks.texts import printable

__all__ = ["BOUNDS", "read_graded"]

BOUNDS = Bounds(structure=2**20, buffers=1000, content=512 * 2**20)

_LINES, _SENTENCE = 100_000, 2000
_TRUST = {"sandboxed", "seconds", "events", "suspicious", "in_kernel_points", "points", "cells", "memory"}
_MARKS = {"cells", "metadata", "nbformat", "nbformat_minor"}


def read_graded(content: Any, submission: Submission) -> GradedSubmission:
    """Return the result that a worker sent for a submission.

    Parameters
    ----------
    content : as `wire` gives it
    submission : Submission
        What the worker was given.

    Raises
    ------
    BadMessage
        If it is no result of this submission.
    """
    if not isinstance(content, dict) or set(content) != {"student", "notebooks", "error"}:
        raise BadMessage("it has another form")
    if content["student"] != submission.student:
        raise BadMessage("it is somebody else's")
    error, notebooks = content["error"], content["notebooks"]
    if not isinstance(error, str) or not isinstance(notebooks, dict):
        raise BadMessage("it has another form")
    if error:
        return GradedSubmission(submission.student, error=printable(error, _SENTENCE))
    if set(notebooks) != set(submission.notebooks):
        raise BadMessage("it has other notebooks than were handed in")
    graded = {}
    for name, text in notebooks.items():
        try:
            graded[name] = GradedNotebook(text, _checked_notebook(name, text, submission))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
            raise BadMessage(f"{name} is not the notebook that was graded: {str(problem)[:200]}") from None
    return GradedSubmission(submission.student, graded)


def _checked_notebook(name: str, text: Any, submission: Submission) -> NotebookNode:
    if not isinstance(text, str):
        raise BadMessage("it is no text")
    content = json.loads(text, parse_constant=_refuse)
    if set(content) != _MARKS or content["nbformat"] != 4:
        raise BadMessage("it is no notebook of format 4")
    notebook = to_notebook(content)
    course = submission.skeleton(name)
    cells = notebook.cells
    theirs = [cell for cell in cells if "nbgrader" in cell.metadata]
    ours = [cell for cell in course.cells if "nbgrader" in cell.metadata]
    if len(theirs) != len(ours):
        raise BadMessage("cells are missing or were added")
    for cell, known in zip(theirs, ours, strict=True):
        same = cell.metadata.nbgrader == known.metadata.nbgrader and cell.cell_type == known.cell_type
        if not same or not (known.metadata.nbgrader.get("solution") or cell.source == known.source):
            raise BadMessage(f"{kinds.name(known, 0)} is not the course's")
    reader = Reader(cells, GradingLimits.of(submission.settings.limits))
    for cell in cells:
        if not isinstance(cell.source, str) or cell.cell_type not in ("code", "markdown", "raw"):
            raise BadMessage("a cell of no known kind")
        fault = cell.metadata.get("course", {}).get("fault", "")
        if fault and not (kinds.is_test(cell) or kinds.is_trusted(cell)):
            raise BadMessage("a fault of a cell that is not the course's")
        _sentences([fault])
        if cell.cell_type == "code" and reader.outputs(cell, cell.outputs) != cell.outputs:
            raise BadMessage("outputs that no run leaves")
    _check_course(notebook.metadata["course"], course)
    return notebook


def _check_course(about: Any, course: Any) -> None:
    if not isinstance(about, dict) or set(about) - {"python"} != {"imports", "repairs", "unreadable", "trust"}:
        raise BadMessage("what is known of the run has another form")
    if not isinstance(about.get("python", ""), str) or len(about.get("python", "")) > 20:
        raise BadMessage("what is known of the notebook has another form")
    if about["imports"] != skeleton.imports_of(course) or not isinstance(about["unreadable"], str):
        raise BadMessage("what is known of the notebook is not the course's")
    _sentences(about["repairs"])
    trust = about["trust"]
    if set(trust) != _TRUST:
        raise BadMessage("the report of trust has another form")
    _sentences(trust["suspicious"])
    if not isinstance(trust["events"], list):
        raise BadMessage("the report of trust has another form")
    for event in trust["events"]:
        kind, sentence = event
        _sentences([kind, sentence])
    numbers = [trust["seconds"], trust["in_kernel_points"], trust["points"]]
    for of_cells in (trust["cells"], trust["memory"]):
        if not isinstance(of_cells, dict):
            raise BadMessage("the report of trust has another form")
        _sentences(list(of_cells))
        numbers += of_cells.values()
    for number in numbers:
        if type(number) not in (int, float) or not 0 <= number <= 1e9:
            raise BadMessage("the report of trust has impossible numbers")
    if type(trust["sandboxed"]) is not bool:
        raise BadMessage("the report of trust has another form")


def _sentences(lines: Any) -> None:
    if not isinstance(lines, list) or len(lines) > _LINES:
        raise BadMessage("no list of sentences")
    if not all(isinstance(line, str) and len(line) <= _SENTENCE for line in lines):
        raise BadMessage("a sentence that is none")


def _refuse(name: str) -> None:
    raise BadMessage(f"{name} is no number")
