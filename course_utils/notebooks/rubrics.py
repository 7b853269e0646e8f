"""The rubric of a cell that a person grades: what is worth how much, as its solution region says it in a fixed form.

The form, after the question and between the marks that hide it from students::

    **Model answer.** ...

    **Rubric**

    - [0.5] names leakage, or an unfair test
    - [-0.25] says that more data would have helped
    - [0] speaks of the seed as well

    **Accepted**

    - "the test is contaminated"

    **Misconceptions**

    - that shuffling mends it: the same picture stays on both sides
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks import markers
from course_utils.notebooks.texts import one_line

__all__ = ["Rubric", "RubricError", "RubricItem", "problems", "question_of", "read_rubric", "rubrics", "scaled"]

_HEADINGS = ("Rubric", "Accepted", "Misconceptions")
_HEADING = re.compile(rf"\*\*({'|'.join(_HEADINGS)})\*\*\s*")
_MEANT = re.compile(r"\s*(?:(?:\*\*|__|#+\s+)rubric\b.*|rubric\s*:?\s*)", re.IGNORECASE)
_MODEL = re.compile(r"\A\s*\*\*Model answer\.?\*\*\.?\s*")
_BULLET = re.compile(r"[-*+](?:\s+(?P<text>.*))?")
_POINTS = re.compile(r"\[(?P<points>[^\]\[]*)\](?P<text>.*)")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
# What counts as the same sum: points are halves, quarters, or shares of a sheet that do not end.
_EXACT = 1e-6

_FORM = "Write '- [0.5] what earns it', one criterion on each line."


@dataclass(frozen=True)
class RubricItem:
    """One criterion.

    Parameters
    ----------
    points : float
        What an answer earns that meets it; negative for what costs, 0 for a comment.
    text : str
        A short clause in the third person, in one line.
    """

    points: float
    text: str


@dataclass(frozen=True)
class Rubric:
    """How answers to one question are graded.

    Parameters
    ----------
    model_answer : str
        Markdown.
    items : tuple of RubricItem
        At least one.
    accepted : tuple of str
        Variants that count as right.
    misconceptions : tuple of str
        Usual wrong ideas, and what is wrong about them.
    """

    model_answer: str
    items: tuple[RubricItem, ...]
    accepted: tuple[str, ...] = ()
    misconceptions: tuple[str, ...] = ()

    @property
    def most(self) -> float:
        """All that can be earned: the positive items together."""
        return sum(item.points for item in self.items if item.points > 0)


class RubricError(CourseError, ValueError):
    """A rubric is not in the form that can be read; the text says where and what to do.

    Parameters
    ----------
    line : int
        In the text of the cell, from 1.
    reason : str
    cell : str
        Its grade_id, where it is known.
    """

    def __init__(self, line: int, reason: str, cell: str = "") -> None:
        super().__init__(f"{cell}{', ' if cell else ''}line {line}: {reason}")
        self.line, self.reason = line, reason


def read_rubric(source: str, marks: Mapping[str, markers.Mark] | None = None) -> Rubric | None:
    """Return the rubric of a cell that a person grades.

    Parameters
    ----------
    source : str
        The whole text of the cell, as it is in `source/`.
    marks : dict of str to Mark, optional
        How the course spells the marks of its regions (`markers.marks_of`); by default as nbgrader does.

    Returns
    -------
    Rubric or None
        None if the cell has no rubric.

    Raises
    ------
    RubricError
        If it has one that can't be read.

    Examples
    --------
    >>> text = "Why?\\n### BEGIN SOLUTION\\nSo.\\n\\n**Rubric**\\n\\n- [0.5] says\\n  why\\n### END SOLUTION"
    >>> read_rubric(text)
    Rubric(model_answer='So.', items=(RubricItem(points=0.5, text='says why'),), accepted=(), misconceptions=())
    >>> read_rubric("Why?\\n### BEGIN SOLUTION\\nSo.\\n### END SOLUTION") is None
    True
    """
    rubric, found = _read(source, marks)
    if found:
        raise RubricError(*found[0])
    return rubric


def question_of(source: str, marks: Mapping[str, markers.Mark] | None = None) -> str:
    """Return what students read of a cell that a person grades: the text before its solution.

    Parameters
    ----------
    source : str
    marks : dict of str to Mark, optional

    Returns
    -------
    str
        Without white space around it. Empty if no region is marked: all of an answer is the solution then.

    Examples
    --------
    >>> question_of("Why?\\n\\n### BEGIN SOLUTION\\nSo.\\n### END SOLUTION")
    'Why?'
    """
    if (region := _region(source, marks)) is None:
        return ""
    return "\n".join(source.split("\n")[: region.first - 1]).strip()


def rubrics(notebook: Mapping[str, Any], marks: Mapping[str, markers.Mark] | None = None) -> dict[str, Rubric]:
    """Return the rubrics of a source notebook by the grade_id of their cells, in the order of the notebook.

    Parameters
    ----------
    notebook : dict
        As it lies on disk, in format 4, or as nbformat reads it.
    marks : dict of str to Mark, optional

    Returns
    -------
    dict of str to Rubric
        Without cells that have none.

    Raises
    ------
    RubricError
        If one can't be read.
    """
    found = {}
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        if not _is_manual(cell, about):
            continue
        try:
            rubric = read_rubric("".join(cell["source"]), marks)
        except RubricError as error:
            raise RubricError(error.line, error.reason, about["grade_id"]) from None
        if rubric is not None:
            found[about["grade_id"]] = rubric
    return found


def scaled(source: str, factor: float) -> str:
    """Return the text of a cell with the points of its rubric multiplied.

    Parameters
    ----------
    source : str
        Of a cell whose rubric can be read, or of the part below its question.
    factor : float

    Returns
    -------
    str

    Examples
    --------
    >>> scaled("**Rubric**\\n\\n- [0.5] a\\n- [-0.25] b\\n\\n**Accepted**\\n\\n- [1] as a number", 2)
    '**Rubric**\\n\\n- [1] a\\n- [-0.5] b\\n\\n**Accepted**\\n\\n- [1] as a number'
    """
    lines = source.split("\n")
    heading = ""
    for number, line in enumerate(lines):
        if title := _HEADING.fullmatch(line.rstrip()):
            heading = title[1]
        elif heading == _HEADINGS[0] and _is_item(line.rstrip()):
            before, _, rest = line.partition("[")
            points, _, rest = rest.partition("]")
            lines[number] = f"{before}[{float(points) * factor:.10g}]{rest}"
    return "\n".join(lines)


def problems(cell: Mapping[str, Any], marks: Mapping[str, markers.Mark]) -> list[tuple[int, str, bool]]:
    """Say what is wrong with the rubric of a cell: line, sentence, whether it is serious.

    Parameters
    ----------
    cell : dict
        With its text in one piece.
    marks : dict of str to Mark

    Returns
    -------
    list of (int, str, bool)
        Empty for a cell that has none. Serious is a rubric that students would receive, or by which nobody earns all
        points of the cell.
    """
    about = cell["metadata"].get("nbgrader")
    if not isinstance(about, dict) or not _is_manual(cell, about):
        return []
    if line := _published(cell["source"], about, marks):
        text = "'**Rubric**' stands outside of what is hidden from students. Move it between the marks of the region."
        return [(line, text, True)]
    rubric, found = _read(cell["source"], marks)
    if found or rubric is None:
        return [(line, f"the rubric can't be read: {text}", False) for line, text in found]
    points = about.get("points")
    if isinstance(points, (int, float)) and rubric.most < points - _EXACT:
        lines = cell["source"].split("\n")
        line = next(number for number, line in enumerate(lines, 1) if _HEADING.fullmatch(line))
        text = f"the items of the rubric add up to {rubric.most:g} of {points:g} points, so nobody earns all of them"
        return [(line, f"{text}. Raise items, add one, or change the points of the cell.", True)]
    return []


def _is_manual(cell: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    """Whether a person grades what is written into a cell."""
    return cell["cell_type"] == "markdown" and bool(about.get("task") or (about.get("grade") and about.get("solution")))


def _region(source: str, marks: Mapping[str, markers.Mark] | None) -> markers.Region | None:
    """Return what students do not see of a cell: its solution, or the mark scheme of a task."""
    marks = marks or markers.marks_of()
    regions = [
        region for kind in ("solution", "mark scheme") for region in markers.regions(source, kind, marks[kind])[0]
    ]
    return min(regions, key=lambda region: region.first, default=None)


def _published(source: str, about: Mapping[str, Any], marks: Mapping[str, markers.Mark]) -> int:
    """Return the line of a rubric's heading that is not hidden, or 0."""
    region = _region(source, marks)
    if region is None and not about.get("task"):
        return 0  # the whole answer is hidden
    hidden = range(region.first, region.last) if region else ()
    lines = enumerate(source.split("\n"), 1)
    return next((n for n, line in lines if n not in hidden and _HEADING.fullmatch(line.rstrip())), 0)


def _read(source: str, marks: Mapping[str, markers.Mark] | None) -> tuple[Rubric | None, list[tuple[int, str]]]:
    """Return the rubric of a cell, None if it has none, and the lines that are not in its form."""
    lines = source.split("\n")
    region = _region(source, marks) or markers.Region("solution", 0, len(lines) + 1, tuple(lines))
    numbered = [(number, line.rstrip()) for number, line in enumerate(region.lines, region.first + 1)]
    if not any(_MEANT.fullmatch(line) for _, line in numbered):
        return None, []
    found: list[tuple[int, str]] = []
    answer: list[str] = []
    # By heading the items: line and text.
    lists: dict[str, list[tuple[int, str]]] = {}
    heading = ""
    for number, line in numbered:
        if title := _HEADING.fullmatch(line):
            if title[1] in lists:
                found.append((number, f"'**{title[1]}**' stands there twice. Make one list of both."))
            elif not lists and title[1] != _HEADINGS[0]:
                found.append((number, f"'**{title[1]}**' stands before '**Rubric**'. Move it below its items."))
            heading = title[1]
            lists.setdefault(heading, [])
        elif _MEANT.fullmatch(line):
            found.append((number, f"'{_shown(line)}' is no heading of a rubric. Write '**Rubric**' alone on the line."))
            heading = heading or _HEADINGS[0]
            lists.setdefault(heading, [])
        elif not heading:
            if _is_item(line):
                found.append((number, f"'{_shown(line)}' stands before '**Rubric**'. Move it below the heading."))
            answer.append(line)
        elif bullet := _BULLET.fullmatch(line):
            if not line.startswith("-"):
                found.append((number, f"'{_shown(line)}' begins with '{line[0]}'. Begin items with '-'."))
            lists[heading].append((number, (bullet["text"] or "").strip()))
        elif line[:1].isspace() and lists[heading]:
            first, text = lists[heading][-1]
            lists[heading][-1] = first, f"{text} {line.strip()}"
        elif line:
            found.append((number, f"'{_shown(line)}' belongs to no item. Indent it, or begin it with '- '."))
    items = [_item(number, text, found) for number, text in lists.get(_HEADINGS[0], [])]
    if not items and not found:
        at = next(number for number, line in numbered if _MEANT.fullmatch(line))
        found.append((at, f"no items stand below '**Rubric**'. {_FORM}"))
    for heading in _HEADINGS[1:]:
        found += [(number, "the item is empty. Delete it.") for number, text in lists.get(heading, []) if not text]
    accepted, misconceptions = (tuple(text for _, text in lists.get(heading, [])) for heading in _HEADINGS[1:])
    text = _MODEL.sub("", "\n".join(answer), count=1).strip()
    return Rubric(text, tuple(items), accepted, misconceptions), sorted(dict.fromkeys(found))


def _item(number: int, text: str, found: list[tuple[int, str]]) -> RubricItem:
    """Return an item of a rubric; what is wrong with it is added to `found`."""
    parts = _POINTS.fullmatch(text)
    if parts is None:
        found.append((number, f"the item '{_shown(text)}' has no points in brackets. {_FORM}"))
        return RubricItem(0.0, text)
    written = parts["points"].strip()
    if not _NUMBER.fullmatch(written):
        plain = written.replace(",", ".").replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-").replace("- ", "-")
        meant = f"Write [{plain}]." if _NUMBER.fullmatch(plain) else _FORM
        found.append((number, f"'[{_shown(written)}]' holds no number. {meant}"))
        return RubricItem(0.0, parts["text"].strip())
    if not parts["text"].strip():
        found.append((number, f"the item of [{written}] says nothing. Write what earns it behind the bracket."))
    return RubricItem(float(written), parts["text"].strip())


def _is_item(line: str) -> bool:
    bullet = _BULLET.fullmatch(line)
    parts = bullet and _POINTS.fullmatch(bullet["text"] or "")
    return bool(parts and _NUMBER.fullmatch(parts["points"].strip()))


def _shown(line: str) -> str:
    return one_line(line.strip(), 60)
