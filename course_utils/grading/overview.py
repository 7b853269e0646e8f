"""What a feedback page begins with: a notebook's exercises with their points, and what of them was lost and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbconvert.filters import strip_ansi

from course_utils.grading.words import Words
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.excerpt import LISTING

__all__ = ["Exercise", "Graded", "Overview", "Part", "overview"]

# Characters of an error's text that are shown beside an answer; the whole of it is in the notebook below.
_LONGEST = 2_000
# Level, kind of section, its number, its title, in the languages that a course may be written in.
_HEADING = re.compile(r"^(#{1,6}) (?!BEGIN |END )(?:(Exercise|Step|Aufgabe|Schritt) (\d+): )?(.*)$", re.MULTILINE)
_EXERCISE = ("Exercise", "Aufgabe")
_LENGTH = re.compile(r" \([^()]*\b(?:points?|minutes?|Punkte?|Minuten?)\b[^()]*\)$")


@dataclass(frozen=True)
class Graded:
    """A cell that has points: a check, or an answer that a person reads.

    Parameters
    ----------
    index : int
        Its position in the notebook.
    name : str
        Its grade_id.
    score, points : float
        Reached and possible.
    waits, by_hand : bool
        Whether a person has still to read it, and whether a person gave its mark.
    sentence : str
        Of a check that failed: what it says. Plain text of whatever kind; empty if it says nothing.
    """

    index: int
    name: str
    score: float
    points: float
    waits: bool
    by_hand: bool
    sentence: str = ""

    @property
    def lost(self) -> bool:
        """Whether points are missing for good, or a check failed that has none."""
        return not self.waits and (self.score < self.points - 1e-9 or (bool(self.sentence) and not self.by_hand))


@dataclass(frozen=True)
class Answer:
    """A cell that students fill in.

    Parameters
    ----------
    index : int
    shown : str
        HTML.
    is_code : bool
    sentence : str
        The error that it ended with, plain text; empty if there was none.
    comment : str
        HTML; empty if there is none.
    """

    index: int
    shown: str
    is_code: bool
    sentence: str = ""
    comment: str = ""


@dataclass
class Part:
    """Answers, and the checks that go by them."""

    answers: list[Answer] = field(default_factory=list)
    graded: list[Graded] = field(default_factory=list)

    @property
    def is_shown(self) -> bool:
        """Whether there is something to say of it."""
        return any(one.lost or one.waits for one in self.graded) or any(one.comment for one in self.answers)

    @property
    def verdicts(self) -> list[Graded]:
        """The cells of which there is something to say; checks that say the same are one."""
        found: list[Graded] = []
        for one in self.graded:
            last = found[-1] if found else None
            if last and one.sentence and one.sentence == last.sentence and not (one.by_hand or last.by_hand):
                found[-1] = replace(last, score=last.score + one.score, points=last.points + one.points)
            elif one.lost or one.waits or one.by_hand:
                found.append(one)
        return found


@dataclass
class Exercise:
    """An exercise of the notebook.

    Parameters
    ----------
    anchor : str
    title : str
        Plain text of whatever kind; empty for cells before the first exercise.
    first : int
        Position of its first cell.
    parts : list of Part
    """

    anchor: str
    title: str
    first: int
    parts: list[Part] = field(default_factory=list)

    @property
    def graded(self) -> list[Graded]:
        """All its cells that have points."""
        return [one for part in self.parts for one in part.graded]

    @property
    def reached(self) -> float:
        """Points of what is graded."""
        return sum(one.score for one in self.graded if not one.waits)

    @property
    def possible(self) -> float:
        """Points that what is graded has at most."""
        return sum(one.points for one in self.graded if not one.waits)

    @property
    def waiting(self) -> float:
        """Points that nobody has decided on."""
        return sum(one.points for one in self.graded if one.waits)

    @property
    def shown(self) -> list[Part]:
        """The parts of which there is something to say."""
        return [part for part in self.parts if part.is_shown]


@dataclass(frozen=True)
class Overview:
    """A notebook's exercises that have points.

    Parameters
    ----------
    exercises : tuple of Exercise
    above : dict of int to str
        Of the answers that are shown with the exercises, their position and the exercise's anchor.
    """

    exercises: tuple[Exercise, ...]
    above: dict[int, str]

    @property
    def shown(self) -> list[Exercise]:
        """The exercises of which there is something to say."""
        return [one for one in self.exercises if one.shown]


def overview(
    cells: Sequence[Any],
    waiting: Iterable[str],
    by_hand: Iterable[str],
    show: Callable[[Any, str | None], str],
    words: Words,
    blank: Iterable[str] = (),
) -> Overview:
    """Return the exercises of a graded notebook.

    Parameters
    ----------
    cells : sequence of nbformat.NotebookNode
        With points, scores and comments in their metadata.
    waiting, by_hand : iterable of str
        As `PageState` has them.
    show : callable
        Gives the HTML of a cell, or of a comment on it.
    words : Words
        Of the page's language.
    blank : iterable of str
        As `PageState` has it.
    """
    waiting, by_hand, blank, found = frozenset(waiting), frozenset(by_hand), frozenset(blank), []
    # Only texts of the course open an exercise: a heading between an answer and its check is the student's.
    numbered = any(match[2] in _EXERCISE for cell in cells for match in _headings(cell))
    part = None
    for index, cell in enumerate(cells):
        marks = cell["metadata"].get("nbgrader") or {}
        opening = next((m for m in _headings(cell) if m[2] in _EXERCISE or (not numbered and m[2])), None)
        if opening is not None:
            number = f"{opening[2]} {opening[3]}: "
            title = number + _LENGTH.sub("", opening[4].strip()).replace("`", "")
            found.append(Exercise(f"exercise-{len(found) + 1}", title, index))
            part = None
        has_points = bool(marks.get("grade") or marks.get("task"))
        if not has_points and not marks.get("solution"):
            part = part if cell["cell_type"] == "code" or not marks else None
            continue
        if not found:
            found.append(Exercise("exercise-1", "", index))
        alone = has_points and not kinds.is_test(cell)  # a person reads it
        if part is None or alone or (marks.get("solution") and part.graded):
            part = Part()
            found[-1].parts.append(part)
        comment = words("blank") if marks.get("grade_id") in blank else marks.get("comment") or ""
        comment = show(cell, comment) if comment.strip() else ""
        if not kinds.is_test(cell):
            part.answers.append(
                Answer(
                    index, show(cell, None), cell["cell_type"] == "code", _error(cell, words, with_kind=True), comment
                )
            )
        if has_points:
            name = marks["grade_id"]
            sentence = _error(cell, words) if kinds.is_test(cell) else ""
            points = (float(marks.get(key) or 0.0) for key in ("score", "points"))
            part.graded.append(Graded(index, name, *points, name in waiting, name in by_hand, sentence))
        if alone:
            part = None
    exercises = tuple(exercise for exercise in found if exercise.graded)
    above = {
        answer.index: exercise.anchor
        for exercise in exercises
        for part in exercise.shown
        for answer in part.answers
        if not answer.is_code
    }
    return Overview(exercises, above)


def _headings(cell: Any) -> Iterable[re.Match[str]]:
    if cell["cell_type"] != "markdown" or not cell["metadata"].get("nbgrader"):
        return ()
    return _HEADING.finditer(LISTING.sub("", cell["source"]))


def _error(cell: Any, words: Words, *, with_kind: bool = False) -> str:
    """Return what a cell's error says; of a student's cell also what kind of error it is."""
    error = next((output for output in cell.get("outputs", ()) if output["output_type"] == "error"), None)
    if error is None:
        return ""
    text = strip_ansi(str(error.get("evalue") or "")).strip()
    if with_kind:
        text = f"{strip_ansi(str(error.get('ename') or ''))}: {text}".strip(": ")
    text = text or words("error")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
