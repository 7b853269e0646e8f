"""Which cell of a submission is which cell of the course, and where an answer stands that is not in its own.

In this order: by grade_id, by the id of the cell, by the text of the released cell; then answers by the names that they
define, the question that they repeat, and by their place between cells that are known.
"""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbformat.notebooknode import NotebookNode

from course_utils.notebooks import cells as kinds
from course_utils.notebooks import names
from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.sealed_cells import as_released, without_seals
from course_utils.notebooks.texts import plain_lines, released_text

__all__ = ["Answer", "Finder", "StudentCell", "added", "released"]

# Shorter texts prove nothing where they are found in another one.
_TELLING = 12


@dataclass(eq=False)
class StudentCell:
    """A student's cell, reduced to what is used of it."""

    position: float
    type: str
    source: str
    name: str | None = None
    id: str | None = None
    pictures: dict[str, dict[str, str]] = field(default_factory=dict)
    most: int = FileLimits.cell
    given: bool = False  # as the release gave it out, whatever the course's cell says today
    helps: bool = False  # locked code that is neither answer nor test: answers may need what it defines
    within: str = ""  # the cell of the course in whose text it stood

    @classmethod
    def read(cls, position: int, cell: Any) -> StudentCell | None:
        """Return a cell as `reading` gives it; None for what is no cell."""
        if not isinstance(cell, dict):
            return None
        source, identity = cell.get("source", ""), cell.get("id")
        metadata = cell.get("metadata")
        marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        name = marks.get("grade_id") if isinstance(marks, dict) else None
        return cls(
            float(position),
            str(cell.get("cell_type")),
            without_seals(plain_lines(source)) if isinstance(source, str) else "",
            name if isinstance(name, str) else None,
            identity if isinstance(identity, str) else None,
            cell.get("attachments", {}),
            given=isinstance(metadata, dict) and metadata.get("given") is True,
            helps=isinstance(metadata, dict) and metadata.get("helps") is True,
        )

    def is_like(self, cell: NotebookNode) -> bool:
        """Whether it is a copy of a cell of the course, as students have it."""
        return self.type == cell.cell_type and _trimmed(self.source) in (
            _trimmed(cell.source),
            _trimmed(released_text(cell.source)),
            _trimmed(released(cell)),
        )


@dataclass
class Answer:
    """What was found for an answer that is not in its own cell.

    Parameters
    ----------
    cells : list of StudentCell
        One that is the answer for sure, or several that stand near.
    sure : bool
    elsewhere : str
        The cell of the course in which the answer stands, and stays.
    in_place : bool
        Whether it stands where its missing cell was: it is that cell, without its name.
    """

    cells: list[StudentCell] = field(default_factory=list)
    sure: bool = False
    elsewhere: str = ""
    in_place: bool = False


class Finder:
    """The cells of a submission beside those of the course.

    Parameters
    ----------
    course : sequence of NotebookNode
    theirs : sequence of StudentCell
    """

    def __init__(self, course: Sequence[NotebookNode], theirs: Sequence[StudentCell]) -> None:
        self.course, self.theirs = course, list(theirs)
        self.found: dict[int, StudentCell] = {}
        self.recognised: set[int] = set()  # without their grade_id
        self.copies: dict[int, int] = {}  # how many cells had one grade_id
        self.used: set[StudentCell] = set()
        self.extras: list[StudentCell] = []
        self.taken: dict[StudentCell, int] = {}  # own cells of code that are an answer by now, and which
        self.owed = names.owed(course)
        self._by_name()
        self._by_id()
        self._by_text()

    # Cells of the course.

    def _by_name(self) -> None:
        groups: dict[str, list[StudentCell]] = {}
        for cell in self.theirs:
            if cell.name is not None:
                groups.setdefault(cell.name, []).append(cell)
        for at, cell in enumerate(self.course):
            candidates = groups.get(_name(cell), [])
            if candidates:
                # In a notebook that runs from top to bottom the last definition is the one that holds.
                answered = [c for c in candidates if c.source.strip() not in ("", cell.source.strip()) and not c.given]
                self.found[at] = (answered or candidates)[-1] if is_answer(cell) else candidates[-1]
                self.copies[at] = len(candidates)
        self.used.update(self.found.values())

    def _by_id(self) -> None:
        known = {_name(cell) for cell in self.course} - {""}
        by_id = {cell.id: cell for cell in self.theirs if cell.id and cell.name not in known}
        for at, cell in self._missing():
            candidate = by_id.get(cell.get("id"))
            if candidate is not None and candidate not in self.used and (
                candidate.type == cell.cell_type or not _name(cell)
            ):  # fmt: skip
                self._take(at, candidate)

    def _by_text(self) -> None:
        # Old formats and some editors drop the ids of cells; what was not edited is known by its text.
        for at, cell in self._missing():
            if not is_answer(cell):
                same = next((c for c in self._free() if c.is_like(cell)), None)
                if same is not None:
                    self._take(at, same)
        for at, cell in self._missing():
            if _name(cell) and not is_answer(cell) and len(released(cell).strip()) >= _TELLING:
                texts = released(cell), released_text(cell.source)
                like = (c for c in self._free() if c.type == cell.cell_type)
                whole = next((c for c in like if any(_around(text, c.source) for text in texts)), None)
                if whole is not None:
                    self._take(at, whole)

    def _missing(self) -> list[tuple[int, NotebookNode]]:
        return [(at, cell) for at, cell in enumerate(self.course) if at not in self.found]

    def _take(self, at: int, cell: StudentCell) -> None:
        self.found[at] = cell
        self.used.add(cell)
        if _name(self.course[at]):
            self.recognised.add(at)

    def _free(self) -> list[StudentCell]:
        known = {_name(cell) for cell in self.course} - {""}
        return [cell for cell in self.theirs if cell not in self.used and cell.name not in known]

    # Answers.

    def gather(self, additions: Iterable[StudentCell]) -> None:
        """Set aside the student's own cells: what is no cell of the course, and what was added to one of it."""
        left = (cell for cell in self.theirs if cell not in self.used and (not cell.given or cell.helps))
        own = [cell for cell in left if not self._is_idle(cell)]
        self.extras = sorted([*own, *additions], key=lambda cell: cell.position)

    def _is_idle(self, cell: StudentCell) -> bool:
        """Whether it is an untouched copy: run after an answer, it would take the answer's place."""
        named = {_name(other): other for other in self.course if _name(other)}
        if cell.name in named:
            return cell.is_like(named[cell.name])
        return any(is_answer(other) and cell.is_like(other) and not self._may_be(cell, at)
                   for at, other in enumerate(self.course))  # fmt: skip

    def _may_be(self, cell: StudentCell, at: int) -> bool:
        return at not in self.found and cell in self._between(at, self._free())

    def answers(self) -> dict[int, Answer]:
        """Return what was found of answers whose cell is missing or as it was released, by the cell's position."""
        for at, cell in self._missing():
            if is_answer(cell):
                same = next((c for c in self._between(at, self.extras) if c.is_like(cell)), None)
                if same is not None:
                    self._take(at, same)
                    self.extras.remove(same)
        open_ones = [at for at, cell in enumerate(self.course) if is_answer(cell) and self.is_blank(at)]
        code = {at: self._code(at) for at in open_ones if self.course[at].cell_type == "code"}
        prose = [at for at in open_ones if code.get(at) is None and _is_manual(self.course[at])]
        sure = self._prose_for_sure(prose)
        near = {at: self._prose_near(at) for at in prose if at not in sure}
        return {at: answer for at, answer in {**code, **sure, **near}.items() if answer is not None}

    def is_blank(self, at: int) -> bool:
        """Whether a cell of the course is missing in the submission, or as it was released, then or today."""
        theirs = self.found.get(at)
        return theirs is None or theirs.given or _trimmed(theirs.source) == _trimmed(self.course[at].source)

    def _code(self, at: int) -> Answer | None:
        owed, near = self.owed[at], self._between(at, self.extras)
        binding = {cell: names.bound(cell.source) for cell in self.extras if _is_code(cell)}
        candidates = [cell for cell in near if owed & binding.get(cell, frozenset())]
        candidates = candidates or [cell for cell, bound in binding.items() if owed and owed <= bound]
        if not owed and at not in self.found:
            candidates = [cell for cell in near if cell.type == "code"]
            candidates = candidates if len(candidates) == 1 else []
        if candidates:
            chosen = max(candidates, key=lambda cell: (len(owed & binding.get(cell, frozenset())), cell.position))
            self.taken[chosen] = at
            return self._for_sure(at, chosen)
        return self._code_elsewhere(at, near)

    def _code_elsewhere(self, at: int, near: list[StudentCell]) -> Answer | None:
        owed, missing = self.owed[at], at not in self.found
        for other, cell in self.found.items():
            theirs = is_answer(self.course[other]) or not _name(self.course[other])
            if other == at or not theirs or self.is_blank(other) or not _is_code(cell):
                continue
            shared = owed & names.bound(cell.source)
            if shared and (shared == owed or missing):
                tests = any(_is_test(between) for between in self.course[at:other])
                return Answer([cell] if tests else [], True, _name(self.course[other]) or "another cell")
        for cell, other in self.taken.items():
            if owed and owed <= names.bound(cell.source):
                return Answer([cell] if self._stood_behind(cell, other) else [], True, _name(self.course[other]))
        earlier = [cell for cell in self.extras if _is_code(cell)] if missing else near
        if any(names.is_open(cell.source) for cell in earlier):
            return Answer([], True, "a cell of your own")
        return None

    def _stood_behind(self, cell: StudentCell, at: int) -> bool:
        """Whether a cell stood behind cells of the course before which it is laid in: it may need what they define."""
        return any(other > at and theirs.position < cell.position for other, theirs in self.found.items())

    def _prose_for_sure(self, positions: list[int]) -> dict[int, Answer]:
        """Return answers that repeat the question, or stand alone where their missing cells were."""
        sure: dict[int, Answer] = {}
        for at in positions:
            asked = [cell for cell in self.extras if cell.type != "code" and self._repeats(cell.source, at)]
            if len(asked) == 1:
                sure[at] = self._for_sure(at, asked[0])
        groups: dict[tuple[StudentCell, ...], list[int]] = {}
        for at in positions:
            if at not in sure and at not in self.found:
                groups.setdefault(tuple(self._between(at, self.extras)), []).append(at)
        for cells, group in groups.items():
            if len(cells) == len(group) and all(cell.type == "markdown" for cell in cells):
                for at, cell in zip(group, cells, strict=True):
                    sure[at] = self._for_sure(at, cell)
        return sure

    def _for_sure(self, at: int, cell: StudentCell) -> Answer:
        in_place = at not in self.found and not cell.within and bool(self._between(at, [cell]))
        self.extras.remove(cell)
        return Answer([cell], True, in_place=in_place)

    def _prose_near(self, at: int) -> Answer | None:
        """Return what of the student's stands near an answer that has nothing in it."""
        texts = [cell for cell in self.extras if cell.type != "code"]
        near = [*self._between(at, self.extras), *self._between(at, texts, _is_text)]
        near += [cell for cell in texts if self._repeats(cell.source, at)]
        end = max((cell.position for cell in self.found.values()), default=math.inf)
        near += [cell for cell in texts if cell.position > end]
        if not near and at not in self.found:
            near = texts  # the cell is gone, and what it held may be any of them
        for other, cell in self.found.items():
            beside = abs(other - at) == 1 and not _name(self.course[other])
            if other == at or cell.type == "code" or self.is_blank(other):
                continue
            if beside or self._repeats(cell.source, at):
                near.append(cell)
        copies = [cell for cell in near if any(cell.is_like(other) for other in self.course)]
        near = [cell for cell in dict.fromkeys(near) if cell not in copies and cell.source.strip()]
        return Answer(sorted(near, key=lambda cell: cell.position)) if near else None

    def _repeats(self, text: str, at: int) -> bool:
        """Whether a text holds the question of an answer, and more than its released cell does."""
        stub = self.course[at].source
        question = [line for line in _lines(stub) if not _is_stub(line)]
        lines = set(_lines(text))
        more = lines - set(_lines(stub))
        return sum(map(len, question)) >= _TELLING and lines.issuperset(question) and bool(more)

    def _between(
        self, at: int, cells: Iterable[StudentCell], neighbour: Callable[[NotebookNode], bool] = lambda cell: True
    ) -> list[StudentCell]:
        """Return those of some cells that stand between the known neighbours of a cell, or around it.

        `neighbour` says which cells of the course count as such: by default all that were found.
        """
        found = ((other, cell) for other, cell in self.found.items() if other != at and neighbour(self.course[other]))
        positions = {other: cell.position for other, cell in found}
        before = max((other for other in positions if other < at), default=None)
        behind = min((other for other in positions if other > at), default=None)
        low = -math.inf if before is None else positions[before]
        high = math.inf if behind is None else positions[behind]
        known = sorted(positions.values())
        spans = [(low, high)] if low < high else [_gap(known, low, 1), _gap(known, high, -1)]
        if at in self.found:
            spans += [_gap(known, self.found[at].position, 1), _gap(known, self.found[at].position, -1)]
        return [cell for cell in cells if any(start < cell.position < end for start, end in spans)]


def _gap(known: list[float], position: float, step: int) -> tuple[float, float]:
    """Return the space between a position and the next known one before or behind it."""
    bounds = [-math.inf, *known, math.inf]
    if step > 0:
        return position, bounds[bisect.bisect_right(bounds, position)] if position < math.inf else position
    return bounds[bisect.bisect_left(bounds, position) - 1] if position > -math.inf else position, position


def is_answer(cell: NotebookNode) -> bool:
    """Whether students write into a cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def released(cell: NotebookNode) -> str:
    """Return the source as the student received it: without hidden tests, and with seals empty."""
    return _released(cell.source, kinds.is_sealed(cell))


@functools.lru_cache(maxsize=2048)  # the same cells for each student of a class
def _released(source: str, is_sealed: bool) -> str:
    text = released_text(source)
    return as_released(text) if is_sealed else text


def added(cell: NotebookNode, theirs: StudentCell) -> list[StudentCell]:
    """Return what a student wrote into a locked cell, as cells before and behind it; empty if nothing was added."""
    name, found = _name(cell), []
    # A notebook may be of a release from before the cell's answers were sealed.
    sealed = "assert_sealed" in theirs.source or not kinds.is_sealed(cell)
    text = released(cell) if sealed else released_text(cell.source)
    parts = _around(text, theirs.source)
    if parts is None and cell.cell_type == "code":
        own = names.own_statements(text, theirs.source)
        parts = (own, "") if cell.metadata.get("nbgrader", {}).get("grade") else ("", own)
    elif parts is None:
        known = set(_lines(text))
        parts = "", "\n".join(line for line in theirs.source.split("\n") if line.strip() not in known)
    for part, step in zip(parts, (-0.25, 0.25), strict=True):
        if part.strip():
            pictures = theirs.pictures if cell.cell_type == "markdown" else {}
            own = replace(theirs, position=theirs.position + step, source=part.strip("\n"), name=None, id=None)
            own.pictures, own.within = pictures, name
            found.append(own)
    return found


def _around(text: str, source: str) -> tuple[str, str] | None:
    """Return what stands before and behind a text in another one; None if it is not in there whole."""
    wanted = [line.rstrip() for line in text.strip("\n").split("\n")]
    lines = [line.rstrip() for line in source.split("\n")]
    starts = (n for n in range(len(lines) - len(wanted) + 1) if lines[n] == wanted[0])
    start = next((n for n in starts if lines[n : n + len(wanted)] == wanted), None)
    return None if start is None else ("\n".join(lines[:start]), "\n".join(lines[start + len(wanted) :]))


def _is_code(cell: StudentCell) -> bool:
    """Whether a cell is code, or became a text that is still Python with a definition in it."""
    if cell.type == "code":
        return True
    may_be = "def " in cell.source or (cell.type == "raw" and "=" in cell.source)
    return may_be and names.is_python(cell.source)


def _is_manual(cell: NotebookNode) -> bool:
    return is_answer(cell) and bool(cell.metadata["nbgrader"].get("grade"))


def _is_text(cell: NotebookNode) -> bool:
    """Whether a cell is a locked text: those of exercises are, so that they part a notebook into its exercises."""
    return cell.cell_type == "markdown" and bool(_name(cell)) and not is_answer(cell)


def _is_test(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("grade"))


def _name(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id") or "")


def _trimmed(source: str) -> str:
    """Return a text without what no reader sees: spaces at the ends of lines, empty lines at its ends."""
    return "\n".join(line.rstrip() for line in source.split("\n")).strip()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _is_stub(line: str) -> bool:
    return line.isupper() and len(line.split()) <= 5
