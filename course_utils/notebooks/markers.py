"""The marks between which a source holds what students never see, and lines that were meant to be such marks."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions
from traitlets.config import Config

__all__ = ["KINDS", "Mark", "Region", "hidden_lines", "marks_of", "meant_as_mark", "regions"]

KINDS = ("solution", "hidden tests", "mark scheme")


@dataclass(frozen=True)
class Mark:
    """How nbgrader's settings spell the beginning and the end of one kind of region."""

    begin: str
    end: str


@dataclass(frozen=True)
class Region:
    """What stands between two marks; line numbers count from 1 and are those of the marks."""

    kind: str
    first: int
    last: int
    lines: tuple[str, ...]


def marks_of(config: Config | None = None) -> dict[str, Mark]:
    """Return the marks by their kind, as nbgrader's settings have them.

    Parameters
    ----------
    config : traitlets.config.Config, optional
    """
    config = config or Config()
    solutions, tests, schemes = (
        ClearSolutions(config=config),
        ClearHiddenTests(config=config),
        ClearMarkScheme(config=config),
    )
    return {
        "solution": Mark(solutions.begin_solution_delimeter, solutions.end_solution_delimeter),
        "hidden tests": Mark(tests.begin_test_delimeter, tests.end_test_delimeter),
        "mark scheme": Mark(schemes.begin_mark_scheme_delimeter, schemes.end_mark_scheme_delimeter),
    }


def regions(source: str, kind: str, mark: Mark) -> tuple[list[Region], list[tuple[int, str]]]:
    """Return the regions of one kind in a cell, and what is wrong with their marks.

    Parameters
    ----------
    source : str
    kind : str
        One of `KINDS`.
    mark : Mark

    Returns
    -------
    found : list of Region
    problems : list of (int, str)
        Line and sentence.
    """
    found: list[Region] = []
    problems: list[tuple[int, str]] = []
    lines = source.split("\n")
    first = 0
    for number, line in enumerate(lines, 1):
        # In the order in which nbgrader looks: a line with both marks begins a region.
        if mark.begin in line:
            if first:
                problems.append((number, f"'{mark.begin}' again before '{mark.end}' of line {first}"))
            first = number
        elif mark.end in line:
            if first:
                found.append(Region(kind, first, number, tuple(lines[first : number - 1])))
            else:
                problems.append((number, f"'{mark.end}' without '{mark.begin}' above it"))
            first = 0
    if first:
        problems.append((first, f"'{mark.begin}' without '{mark.end}' below it"))
        found.append(Region(kind, first, len(lines) + 1, tuple(lines[first:])))
    return found, problems


def hidden_lines(source: str, marks: dict[str, Mark]) -> list[Region]:
    """Return all regions of a cell that no student may see."""
    return [region for kind, mark in marks.items() for region in regions(source, kind, mark)[0]]


_BEGIN = {"BEGIN", "BEGINS", "BEGINN", "BEGGIN", "BEIGN", "BEGINING", "START", "STARTS", "OPEN", "ANFANG", "BEGINNE"}
_END = {"END", "ENDS", "ENDE", "EDN", "ENDD", "STOP", "FINISH", "CLOSE"}
_FILLING = {"OF", "THE", "A", "HERE", "YOUR", "REGION", "CELL", "CODE", "AND"}
# What no mark is without; most lines have none of it.
_MAYBE = re.compile(r"s\W*o\w*[lut]|h\w*d\w*e?n|te?s?t|s\w*c\w*h\w*e|l(ö|oe)s", re.IGNORECASE)
# Longest sentence that may still be a mark, in words.
_WORDS = 5


def meant_as_mark(line: str, marks: dict[str, Mark], *, code: bool) -> tuple[str, str] | None:
    """Return which mark a line was meant to be, though nbgrader does not take it for one.

    Parameters
    ----------
    line : str
    marks : dict of str to Mark
        As `marks_of` gives them.
    code : bool
        Whether the line is of a code cell: there a mark is a comment.

    Returns
    -------
    (str, str) or None
        The kind of region, and the mark as it should be spelt.

    Examples
    --------
    >>> marks = marks_of()
    >>> meant_as_mark("### START HIDDEN TEST", marks, code=True)
    ('hidden tests', 'BEGIN HIDDEN TESTS')
    >>> meant_as_mark("# begin solution", marks, code=True), meant_as_mark("# Begin with the loop", marks, code=True)
    (('solution', 'BEGIN SOLUTION'), None)
    """
    if len(line) > 120 or not _MAYBE.search(line):
        return None
    if any(text in line for mark in marks.values() for text in (mark.begin, mark.end)):
        return None
    plain = "".join(c for c in unicodedata.normalize("NFKC", line) if unicodedata.category(c) != "Cf").strip()
    if code and not plain.startswith("#"):
        return None
    words = re.findall(r"[^\W\d_]+", plain)
    words = [part for word in words for part in _parts(word)]
    kind = _kind_of([word.upper() for word in words], loud=all(word.isupper() for word in words))
    verbs = [word.upper() for word in words if word.upper() in _BEGIN | _END or _is_near(word.upper(), "BEGIN", 1)]
    if kind is None or len(words) > _WORDS:
        return None
    if not code and plain[:1].isalpha() and len(words) > 2 and not plain.isupper():
        return None  # a sentence
    if not verbs:
        # `### HIDDEN TESTS` alone: said loudly, and nothing else on the line.
        alone = plain.startswith("##") and all(word.isupper() for word in words) and code
        return (kind, marks[kind].begin) if alone else None
    return kind, marks[kind].end if verbs[0] in _END else marks[kind].begin


_LOUD = re.compile(r"\s*(?:#{3,}|={3,})\s*(BEGIN|END)\s+([^\W\d_a-z]{3,}(?:\s+[^\W\d_a-z]+){0,3})\s*[=#]*\s*$")
# Of a place that students are to see.
_SHOWN = {"YOUR", "CODE", "HERE", "VISIBLE", "PUBLIC", "OPEN", "SICHTBARE", "CHECKS"}


def meant_in_home(line: str, marks: dict[str, Mark], home: str) -> tuple[str, str] | None:
    """Return the same of a line that says ``### BEGIN`` of something that nbgrader does not know, such as a rubric.

    Parameters
    ----------
    line : str
    marks : dict of str to Mark
    home : str
        The kind of region that the cell may have.

    Examples
    --------
    >>> meant_in_home("=== BEGIN BEWERTUNG ===", marks_of(), "mark scheme")
    ('mark scheme', 'BEGIN MARK SCHEME')
    """
    found = _LOUD.match(line) if len(line) <= 120 else None
    if (
        found is None
        or _SHOWN & set(found[2].split())
        or any(text in line for mark in marks.values() for text in (mark.begin, mark.end))
    ):
        return None
    return home, marks[home].begin if found[1] == "BEGIN" else marks[home].end


def _parts(word: str) -> list[str]:
    """Split words that were written together: ``BEGINSOLUTION``."""
    found = re.fullmatch(r"(BEGIN|START|END)(SOLUTIONS?|HIDDEN|HIDDENTESTS?|MARK|MARKSCHEME)", word.upper())
    return [word[: found.end(1)], word[found.end(1) :]] if found else [word]


def _kind_of(words: list[str], *, loud: bool) -> str | None:
    rest = [word for word in words if word not in _BEGIN | _END | _FILLING and not _is_near(word, "BEGIN", 1)]
    if not rest:
        return None
    if len(rest) == 1 and (_is_near(rest[0], "SOLUTION", 2) or _is_near(rest[0], "SOLUTIONS", 2)):
        return "solution"
    if rest in (["LÖSUNG"], ["LOESUNG"], ["SOLN"], ["SOL"]):
        return "solution"
    tests = {"TEST", "TESTS", "TESTCASE", "TESTCASES", "TETS", "TSETS", "TESTES", "CASES"}
    hidden = [word for word in rest if _is_near(word, "HIDDEN", 1) or word in ("HIDDENTEST", "HIDDENTESTS", "HIDEN")]
    if hidden and all(word in tests or _is_near(word, "TESTS", 1) for word in rest if word not in hidden):
        return "hidden tests" if loud or len(rest) > 1 or "TEST" in rest[0] else None
    if loud and rest[0] in tests and len(rest) == 1:
        return "hidden tests"
    scheme = [word for word in rest if _is_near(word, "SCHEME", 2) or word == "MARKSCHEME"]
    if scheme and all(word in {"MARK", "MARKS", "MARKING"} for word in rest if word not in scheme):
        return "mark scheme"
    return None


def _is_near(word: str, wanted: str, most: int) -> bool:
    """Whether a word is another one but for a few letters lost, doubled, changed or exchanged; its first one stays."""
    if word[:1] != wanted[:1] or abs(len(word) - len(wanted)) > most:
        return False
    # Damerau's distance, row by row.
    before, last = [0] * (len(wanted) + 1), list(range(len(wanted) + 1))
    for i, a in enumerate(word, 1):
        row = [i]
        for j, b in enumerate(wanted, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == wanted[j - 2] and word[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1] <= most
