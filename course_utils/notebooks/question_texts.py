"""The texts of an exercise as a question of a sheet: its number, its marks, and what refers to other exercises."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from course_utils.notebooks.excerpt import HEADING

__all__ = ["Question", "Texts", "marks_text", "minutes_in", "number_text"]

_BRACKETS = re.compile(r" \(([^()]*)\)(?=\s*$)")
_MINUTES = re.compile(r"about (\d+) minutes")
_POINTS = re.compile(r"\((\d+(?:\.\d+)?) points?\b([^)]*)\)")
_LETTER = re.compile(r"^\d+[a-z]\. ")
_BOLD = re.compile(r"^\*\*(?:\d+[a-z]\. )?([^*\n]+?) \((\d+(?:\.\d+)?) points?\)(\.?)\*\*", re.MULTILINE)
_WRITTEN = re.compile(r"^Written part of Exercises? [\d, ]*\d(?: (?:and|to) \d+)?")
_REFERENCE = re.compile(r"\b(?P<word>Exercise)s? (?P<list>\d+(?:, \d+)*(?:,? (?:and|to|or) \d+)?)\b")


def number_text(value: float) -> str:
    """Return a number of marks as it is written.

    Examples
    --------
    >>> number_text(2.0), number_text(0.5)
    ('2', '0.5')
    """
    return f"{value:g}"


def marks_text(marks: float) -> str:
    """Return marks as they stand in a heading.

    Examples
    --------
    >>> marks_text(1.0), marks_text(2.5), marks_text(0)
    ('1 mark', '2.5 marks', 'no marks')
    """
    return "no marks" if not marks else f"{number_text(marks)} mark{'' if marks == 1 else 's'}"


def minutes_in(text: str) -> int:
    """Return how many minutes a heading gives an exercise; 0 if it does not say."""
    found = _MINUTES.search(text)
    return int(found[1]) if found else 0


@dataclass(frozen=True)
class Question:
    """A question as texts name it.

    Parameters
    ----------
    number : str
        As on the sheet.
    marks : float
    """

    number: str
    marks: float


def named(numbers: Sequence[str]) -> str:
    """Return how a text names questions.

    Examples
    --------
    >>> named(["2.1 i"]), named(["8", "9"]), named(["10", "11", "12"]), named(["19 to 21"])
    ('Question 2.1 i', 'Questions 8 and 9', 'Questions 10, 11 and 12', 'Questions 19 to 21')
    """
    numbers = list(dict.fromkeys(numbers))
    if len(numbers) == 1:
        several = any(word in f" {numbers[0]} " for word in (" to ", " and "))
        return f"Question{'s' if several else ''} {numbers[0]}"
    return f"Questions {', '.join(numbers[:-1])} and {numbers[-1]}"


@dataclass
class Texts:
    """Rewrites the texts of one section.

    Parameters
    ----------
    questions : sequence of Question
        Those that the section belongs to, in the order of the sheet; none: it only prepares for others.
    labels : mapping of int to str
        How the sheet calls the exercises of this notebook, by the notebook's own number.
    part : tuple of int, optional
        Which of how many sections of its question this is.
    """

    questions: Sequence[Question]
    labels: Mapping[int, str]
    part: tuple[int, int] = (1, 1)
    unknown: set[int] = field(default_factory=set)

    def opening(self, text: str, marks: float) -> str:
        """Return a text whose heading opens the section: it names question and marks.

        Parameters
        ----------
        text : str
            Markdown.
        marks : float
            Of all cells of the section together.
        """
        numbers = [question.number for question in self.questions]
        done = False

        def rewrite(heading: re.Match[str]) -> str:
            nonlocal done
            title = _LETTER.sub("", _WRITTEN.sub("Written part", _BRACKETS.sub("", heading[4]).strip()))
            level = max(2, len(heading[1]))
            if done or (heading[2] is None and HEADING.search(text, heading.end())):
                return f"{'#' * level} {_without_part(title)}"
            done = True
            time = f" (about {minutes} minutes)" if (minutes := minutes_in(heading[4])) else ""
            if not numbers:
                return f"## Preparation [no marks]: {title}{time}"
            part = f", part {self.part[0]} of {self.part[1]}" if self.part[1] > 1 else ""
            return f"## {named(numbers)}{part} [{marks_text(marks)}]: {title}{time}"

        return _bold(HEADING.sub(rewrite, text), None, "")

    def rest(self, text: str, marks: float | None, numbers: Sequence[str] = ()) -> str:
        """Return another text of the section.

        Parameters
        ----------
        text : str
            Markdown.
        marks : float or None
            Of the cells that go with this text; None: it says nothing of marks.
        numbers : sequence of str
            The questions that it belongs to.
        """
        several = len(self.questions) > 1 and len(set(numbers)) == 1

        def rewrite(heading: re.Match[str]) -> str:
            title = _LETTER.sub("", _WRITTEN.sub("Written part", _BRACKETS.sub("", heading[4]).strip()))
            title = _without_part(title)
            shown = f" [{marks_text(marks)}]" if marks is not None and _POINTS.search(heading[4]) else ""
            return f"{'#' * max(2, len(heading[1]))} {named(numbers) + ': ' if several else ''}{title}{shown}"

        text = HEADING.sub(rewrite, text)
        return _bold(text, marks, named(numbers) if several else "")

    def points(self, text: str, factor: float | None) -> str:
        """Return a text whose points in brackets are the sheet's.

        Parameters
        ----------
        text : str
        factor : float or None
            Marks for each point; None: they can't be told from the points, and are left out.
        """

        def rewrite(found: re.Match[str]) -> str:
            if factor is None:
                return f"({found[2].strip(' ,')})" if found[2].strip(" ,") else ""
            marks = float(found[1]) * factor
            return f"({number_text(marks)} point{'' if marks == 1 else 's'}{found[2]})"

        return _POINTS.sub(rewrite, text) if factor != 1 else text

    def references(self, text: str, *, code: bool = False) -> str:
        """Return a text that names questions where it named exercises; those that are not there are noted."""

        def rewrite(found: re.Match[str]) -> str:
            numbers = [int(number) for number in re.findall(r"\d+", found["list"])]
            missing = {number for number in numbers if number not in self.labels}
            if missing:
                self.unknown |= missing
                return found[0]
            names = [self.labels[number] for number in numbers]
            if len(set(names)) == 1:
                return _in_code(names[0], code)
            joined = re.sub(r"\d+", "{}", found["list"]).format(*names)
            return _in_code(joined, code)

        return _REFERENCE.sub(rewrite, text)


def _bold(text: str, marks: float | None, question: str) -> str:
    """Return a text whose first bold line with points says which question it is, and its marks."""

    def rewrite(found: re.Match[str]) -> str:
        title = "" if question and found[1] == "Question" else found[1]
        shown = f" [{marks_text(marks)}]" if marks is not None else ""
        return f"**{question}{': ' if question and title else ''}{title}{shown}{found[3]}**"

    return _BOLD.sub(rewrite, text, count=1)


def _in_code(label: str, code: bool) -> str:
    return re.sub(r"[\"'*\\\\]", "", label) if code else label


def _without_part(title: str) -> str:
    return re.sub(r"^Part \d+: ", "", title)
