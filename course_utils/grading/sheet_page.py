"""The page of a whole assignment: what each exercise of its notebooks has earned, as one table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbgrader.api import SubmittedAssignment, SubmittedNotebook

from course_utils.classroom.grades import fetch_grades
from course_utils.grading.overview import Exercise, overview
from course_utils.grading.page_state import state_of
from course_utils.grading.pages import with_policy
from course_utils.grading.words import Words, words_in

__all__ = ["NAME", "page_names", "sheet_page"]

# Of the page's file; a notebook of this name keeps its own page.
NAME = "whole-assignment"


def page_names(notebooks: Iterable[str]) -> frozenset[str]:
    """Return the file names of the pages of an assignment; what else lies beside them is a student's own.

    Parameters
    ----------
    notebooks : iterable of str
        Of the assignment, without suffix.

    Examples
    --------
    >>> sorted(page_names(["first", "second"])), sorted(page_names(["third"]))
    (['first.html', 'second.html', 'whole-assignment.html'], ['third.html'])
    """
    names = set(notebooks)
    return frozenset(f"{name}.html" for name in names | ({NAME} if len(names) > 1 else set()))


@dataclass(frozen=True)
class _Part:
    """What a notebook has earned; `missing` if it was not handed in."""

    notebook: str
    exercises: tuple[Exercise, ...]
    reached: float
    possible: float
    waiting: float
    missing: bool = False


def sheet_page(
    submission: SubmittedAssignment,
    graded: Path,
    order: Callable[[list[str]], Sequence[str]] = sorted,
    language: str = "en",
) -> str:
    """Return the page of a submission with several notebooks; empty if there is only one.

    Parameters
    ----------
    submission : nbgrader.api.SubmittedAssignment
    graded : pathlib.Path
        Its folder in `autograded/`.
    order : callable
        Puts the notebooks' names in order.
    language : str
        One of `words.LANGUAGES`.
    """
    words = words_in(language)
    fetch_grades(submission)
    notebooks = {notebook.name: notebook for notebook in submission.notebooks}
    if len(notebooks) < 2 or NAME in notebooks:
        return ""
    parts = [_part(notebooks[name], graded / f"{name}.ipynb", words) for name in order(list(notebooks))]
    late = sum(min(one.late_submission_penalty or 0.0, one.score or 0.0) for one in notebooks.values())
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "feedback_page"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    pages.filters["number"], pages.globals["say"] = words.number, words
    page = pages.get_template("sheet.html.j2").render(
        assignment=submission.assignment.name, parts=parts, late=late,
        reached=sum(part.reached for part in parts) - late, possible=sum(part.possible for part in parts),
        waiting=sum(part.waiting for part in parts),
    )  # fmt: skip
    return with_policy(page)


def _part(notebook: SubmittedNotebook, graded: Path, words: Words) -> _Part:
    if not graded.is_file() or graded.is_symlink():
        return _Part(notebook.name, (), 0.0, notebook.max_score or 0.0, 0.0, missing=True)
    state = state_of(notebook, graded)
    cells = json.loads(graded.read_bytes())["cells"]
    scores = {grade.name: (grade.score, grade.max_score) for grade in notebook.grades}
    for cell in cells:
        cell["source"] = "".join(cell["source"])
        marks = cell["metadata"].get("nbgrader") or {}
        if marks.get("grade_id") in scores:
            marks["score"], marks["points"] = scores[marks["grade_id"]]
    shown = overview(cells, state.waiting, state.by_hand, _nothing, words).exercises
    most = notebook.max_score or 0.0
    reached = (notebook.score or 0.0) - state.waiting_score
    return _Part(notebook.name, shown, reached, most - state.waiting_points, state.waiting_points)


def _nothing(cell: Any, comment: str | None) -> str:
    return ""
