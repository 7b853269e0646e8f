"""The texts of an exercise as a question of a sheet: its number, its marks, and what refers to other exercises."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from course_utils.notebooks.excerpt import HEADING, LISTING

__all__ = [
    "Question",
    "Texts",
    "marks_text",
    "masked",
    "minutes_in",
    "named",
    "number_text",
    "unmasked",
    "without_hidden_tests",
]

_BRACKETS = re.compile(r" \([^()]*\b(?:points?|minutes?)\b[^()]*\)(?=\s*$)")
_MINUTES = re.compile(r"about (\d+) minutes")
_POINTS = re.compile(r"(?P<space> ?)\((?P<number>\d+(?:\.\d+)?) points?\b(?P<rest>[^)]*)\)")
_LETTER = re.compile(r"^\d+[a-z]\. ")
_BOLD = re.compile(r"^\*\*(?:\d+[a-z]\. )?([^*\n]+?) \((\d+(?:\.\d+)?) points?\)(\.?)\*\*", re.MULTILINE)
# A heading with nothing below it but another one, such as "# Part 1: Forward" above the first exercise.
_EMPTY_HEADING = re.compile(r"^#{1,6} (?!Exercise |Step )[^\n]*\n\s*(?=#{1,6} )")
_WRITTEN = re.compile(r"^Written part of Exercises? [\d, ]*\d(?: (?:and|to) \d+)?")
# A notebook that is named before or behind a reference: its exercise is meant. On the sheet its name says nothing.
_REFERENCE = re.compile(
    r"(?P<before>(?:\bthe notebook )?\*(?P<of>[a-z][\w-]+)\*,? )?"
    r"\b(?P<word>Exercise)s? (?P<list>\d+(?:, \d+)*(?:,? (?:and|to|or) \d+)?)\b(?!\.\d)"
    r"(?P<behind>,? (?:of|in) (?:the notebook )?\*(?P<its>[a-z][\w-]+)\*)?"
)
# A notebook's name that belongs to the reference, but cannot be left out: "*doubling, Exercise 1*", "(*doubling*, its".
_BEFORE = re.compile(r"\*([a-z][\w-]+)(?:\*,? \(?(?:its|in its) |,\*? \*?)$")
# What is said of hidden tests, as a sentence or the end of one.
_HIDDEN = re.compile(
    r"(?:(?<=\s)|^)(?:Hidden tests|A hidden test)\b.*?\.(?=\s|$)|; (?:hidden tests|a hidden test)\b[^.;]*", re.DOTALL
)
# The rest of a bracket that says how its points are counted, and nothing when they are not there.
_COUNTED = re.compile(r"(?:for )?(?:each|together|in all)\b")


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
    bonus : bool
    """

    number: str
    marks: float
    bonus: bool = False


def named(numbers: Sequence[str], word: str = "Question") -> str:
    """Return how a text names questions.

    Parameters
    ----------
    numbers : sequence of str
    word : str
        What the sheet calls a question.

    Examples
    --------
    >>> named(["2.1 i"]), named(["8", "9"]), named(["10", "11", "12"]), named(["19 to 21"])
    ('Question 2.1 i', 'Questions 8 and 9', 'Questions 10, 11 and 12', 'Questions 19 to 21')
    >>> named(["1.2"], "Problem")
    'Problem 1.2'
    """
    numbers = list(dict.fromkeys(numbers))
    several = [any(word in f" {number} " for word in (" to ", " and ")) for number in numbers]
    if len(numbers) == 1:
        return f"{word}{'s' if several[0] else ''} {numbers[0]}"
    if any(several):
        return f"{word}s {'; '.join(numbers)}"
    return f"{word}s {', '.join(numbers[:-1])} and {numbers[-1]}"


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
    others : mapping of str to mapping of int to str, optional
        The labels of the other notebooks that the sheet takes from, by their names without assignment.
    timed : bool
        Whether the section takes the minutes that its heading says: it is asked for as a whole.
    word : str
        What the sheet calls a question.
    """

    questions: Sequence[Question]
    labels: Mapping[int, str]
    part: tuple[int, int] = (1, 1)
    others: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    timed: bool = True
    word: str = "Question"
    unknown: set[int] = field(default_factory=set)

    def opening(self, text: str, marks: float, first: float) -> str:
        """Return a text whose heading opens the section: it names question and marks.

        Parameters
        ----------
        text : str
            Markdown.
        marks : float
            Of all cells of the section together.
        first : float
            Of the cells that go with this text.
        """
        text = _EMPTY_HEADING.sub("", text)
        headings = list(HEADING.finditer(text))
        opens = next((n for n, heading in enumerate(headings) if heading[2]), 0)
        shown = sum(bool(_POINTS.search(heading[4])) for heading in headings[opens + 1 :]) == 1
        position = -1

        def rewrite(heading: re.Match[str]) -> str:
            nonlocal position
            position += 1
            if position != opens:
                return self._heading(heading, first if shown and position > opens else None)
            minutes = minutes_in(heading[4]) if self.timed else 0
            time = f" (about {minutes} minutes)" if minutes else ""
            if not self.questions:
                return f"## Preparation [no marks]: {_title(heading)}{time}"
            part = f", part {self.part[0]} of {self.part[1]}" if self.part[1] > 1 else ""
            numbers = named([question.number for question in self.questions], self.word)
            worth = marks_text(marks) + (" as a bonus" if marks and all(each.bonus for each in self.questions) else "")
            return f"## {numbers}{part} [{worth}]: {_title(heading)}{time}"

        return _bold(HEADING.sub(rewrite, text), None if shown else first, "")

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
        question = named(numbers, self.word) if len(self.questions) > 1 and len(set(numbers)) == 1 else ""
        text = HEADING.sub(lambda heading: self._heading(heading, marks, question), text)
        return _bold(text, marks, question)

    @staticmethod
    def _heading(heading: re.Match[str], marks: float | None, question: str = "") -> str:
        shown = f" [{marks_text(marks)}]" if marks is not None and _POINTS.search(heading[4]) else ""
        return f"{'#' * max(2, len(heading[1]))} {question}{': ' if question else ''}{_title(heading)}{shown}"

    @staticmethod
    def points(text: str, factor: float | None, *, code: bool = False) -> str:
        """Return a text whose points in brackets are the sheet's.

        Parameters
        ----------
        text : str
        factor : float or None
            Marks for each point; None: they can't be told from the points, and are left out.
        code : bool
            Whether it is a test, whose first line speaks of points as nbgrader does.
        """

        def rewrite(found: re.Match[str]) -> str:
            rest = found["rest"].strip(" ,")
            if factor is None:
                return f"{found['space']}({rest})" if rest and not _COUNTED.match(rest) else ""
            marks = float(found["number"]) * factor
            return f"{found['space']}({number_text(marks)} {unit}{'' if marks == 1 else 's'}{found['rest']})"

        unit = "point" if code else "mark"
        return _POINTS.sub(rewrite, text)

    def references(self, text: str, *, code: bool = False) -> str:
        """Return a text that names questions where it named exercises; those that are not there are noted."""

        def rewrite(found: re.Match[str]) -> str:
            numbers = [int(number) for number in re.findall(r"\d+", found["list"])]
            labels: Mapping[int, str] = self.labels
            around = found["of"] or found["its"]
            inside = None if around else _BEFORE.search(text[: found.start()])
            if around or inside:  # an exercise of another notebook
                labels = self.others.get(around or inside[1], {})
            if missing := {number for number in numbers if number not in labels}:
                self.unknown |= set() if around or inside else missing
                return found[0]
            names = [labels[number] for number in numbers]
            if len(set(names)) == 1:
                return _in_code(names[0], code)
            return _in_code(re.sub(r"\d+", "{}", found["list"]).format(*names), code)

        return _REFERENCE.sub(rewrite, text)


def without_hidden_tests(text: str) -> str:
    """Return a text that does not speak of hidden tests: none are beside it.

    Examples
    --------
    >>> without_hidden_tests("It is right when it passes. Hidden tests use `x = 0.5`. Look at it.")
    'It is right when it passes. Look at it.'
    >>> without_hidden_tests("It passed; a hidden test uses soft labels.")
    'It passed.'
    """
    shorter = _HIDDEN.sub("", text)
    if shorter == text:
        return text
    shorter = re.sub(r"(?<=\S) +(?=\s|$)", "", shorter)
    return re.sub(r"^- *\n|\n- *$", "", shorter, flags=re.MULTILINE)


def _title(heading: re.Match[str]) -> str:
    """Return what a heading says, without numbers, points and minutes."""
    title = _WRITTEN.sub("Written part", _BRACKETS.sub("", heading[4]).strip())
    return re.sub(r"^Part \d+: ", "", _LETTER.sub("", title))


def _bold(text: str, marks: float | None, question: str) -> str:
    """Return a text whose bold lines with points say which question it is, and the marks if there is one such line."""
    alone = len(_BOLD.findall(text)) == 1

    def rewrite(found: re.Match[str]) -> str:
        name = question if alone else ""
        title = "" if name and found[1] == "Question" else found[1]
        shown = f" [{marks_text(marks)}]" if alone and marks is not None else ""
        shown = shown if alone else f" ({found[2]} point{'' if float(found[2]) == 1 else 's'})"
        return f"**{name}{': ' if name and title else ''}{title}{shown}{found[3]}**"

    return _BOLD.sub(rewrite, text)


def masked(text: str) -> tuple[str, list[str]]:
    """Return a text whose listings are taken out, and the listings, for `unmasked`: nothing in them is a heading."""
    listings: list[str] = []

    def take(found: re.Match[str]) -> str:
        listings.append(found[0])
        return f"\0{len(listings) - 1}\0"

    return LISTING.sub(take, text), listings


def unmasked(text: str, listings: Sequence[str]) -> str:
    """Put listings back."""
    return re.sub(r"\0(\d+)\0", lambda found: listings[int(found[1])], text)


def _in_code(label: str, code: bool) -> str:
    return re.sub(r"[\"'*{}\\\\]", "", label) if code else label
