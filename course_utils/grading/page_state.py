"""What a feedback page shows of the gradebook, and how a page that is out of date is known."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import SubmittedAssignment, SubmittedNotebook

from course_utils.classroom.by_hand import to_read_again, waits
from course_utils.classroom.folder import open_database
from course_utils.classroom.grades import fetch_grades, fetch_notebook
from course_utils.grading.run import trust

__all__ = ["PageState", "out_of_date", "read_state", "state_of"]

# In the head of a page, before anything of a student.
_META = '<meta name="course-state" content="{}">'
# What pages look like: those that look otherwise are made again before they go out.
_FORM = 3
_FOUND = re.compile(_META.format("([0-9a-f]{64})"))


@dataclass(frozen=True)
class PageState:
    """What the gradebook says of a notebook when its page is made.

    Parameters
    ----------
    digest : str
        SHA-256 of marks, comments, lateness and the graded notebook.
    waiting : frozenset of str
        grade_ids of the cells that a person has still to read.
    waiting_points, waiting_score : float
        What these are worth, and what they have from an earlier answer.
    by_hand : frozenset of str
        grade_ids of the cells whose mark a person gave.
    blank : frozenset of str
        grade_ids of the answers that were left as they were handed out, of which no person has said anything.
    """

    digest: str
    waiting: frozenset[str] = frozenset()
    waiting_points: float = 0.0
    waiting_score: float = 0.0
    by_hand: frozenset[str] = frozenset()
    blank: frozenset[str] = frozenset()

    @property
    def meta(self) -> str:
        """The element by which a page says of which state it is."""
        return _META.format(self.digest)


def state_of(notebook: SubmittedNotebook, graded: Path, language: str = "en") -> PageState:
    """Return what the page of a notebook has to show.

    Parameters
    ----------
    notebook : nbgrader.api.SubmittedNotebook
    graded : pathlib.Path
        The notebook in `autograded/`.
    language : str
        In which the page is written.
    """
    changed = to_read_again(graded.parent)
    waiting = {grade.name: grade for grade in notebook.grades if waits(grade, changed)}
    by_hand = frozenset(g.name for g in notebook.grades if g.manual_score is not None and g.name not in waiting)
    blank = frozenset(c.name for c in notebook.comments if c.auto_comment and c.manual_comment is None)
    shown = [
        [_FORM, language],
        _shown_of(json.loads(graded.read_bytes())),
        sorted([grade.name, grade.score, grade.max_score, grade.name in waiting] for grade in notebook.grades),
        sorted([comment.name, comment.comment] for comment in notebook.comments),
        notebook.late_submission_penalty or 0.0,
        sorted(by_hand),
    ]
    digest = hashlib.sha256(json.dumps(shown).encode()).hexdigest()
    points, score = (sum(getattr(g, what) or 0.0 for g in waiting.values()) for what in ("max_score", "score"))
    return PageState(digest, frozenset(waiting), points, score, by_hand, blank)


def _shown_of(graded: dict[str, Any]) -> list[Any]:
    """Return what of a graded notebook is on its page; how long it ran is not, for example."""
    parts = ("cell_type", "source", "attachments", "outputs")
    about = graded.get("metadata", {}).get("course", {})
    return [[[cell.get(part) for part in parts] for cell in graded["cells"]], trust.for_student(about)]


def read_state(db_url: str, names: tuple[str, str, str], graded: Path, language: str = "en") -> PageState:
    """Return the same for a notebook, an assignment and a student by their names."""
    with open_database(db_url) as gradebook:
        return state_of(fetch_notebook(gradebook, *names), graded, language)


def out_of_date(submission: SubmittedAssignment, graded: Path, pages: Path, language: str = "en") -> list[str]:
    """Return the graded notebooks of a submission whose page is missing, or shows other marks or comments.

    Parameters
    ----------
    submission : nbgrader.api.SubmittedAssignment
    graded, pages : pathlib.Path
        The submission's folders in `autograded/` and `feedback/`.
    language : str
        In which pages are to be written.
    """
    fetch_grades(submission)
    there = [notebook for notebook in submission.notebooks if _is_plain(graded / f"{notebook.name}.ipynb")]
    return sorted(
        notebook.name
        for notebook in there
        if _state_in(pages / f"{notebook.name}.html")
        != state_of(notebook, graded / f"{notebook.name}.ipynb", language).digest
    )


def _state_in(page: Path) -> str:
    if not _is_plain(page):
        return ""
    with page.open("rb") as file:
        found = _FOUND.search(file.read(4096).decode("utf-8", "replace"))
    return found[1] if found else ""


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
