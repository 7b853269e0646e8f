"""Which cells of a notebook go together: the exercises it consists of, and what a choice of grade cells needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from course_utils.notebooks import cells as kinds
from course_utils.notebooks.names import bound_and_read, changed, needed, needed_later
from course_utils.notebooks.texts import released_text

__all__ = ["HEADING", "LISTING", "Excerpt", "Group", "Notebook", "Section", "excerpt"]

# Level, kind of section, its number, and the rest of the line; nbgrader's own marks are none.
HEADING = re.compile(r"^(#{1,6}) (?!BEGIN |END )(?:(Exercise|Step) (\d+): )?(.*)$", re.MULTILINE)
_IMPORT = re.compile(r"^(?:import|from) ", re.MULTILINE)
_ENDS = ("Summary", "Reading")
LISTING = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)


@dataclass
class Group:
    """A task text with what belongs to it: cells from one text, heading or written question to the next.

    Parameters
    ----------
    cells : list of int
        Positions in the notebook.
    """

    cells: list[int] = field(default_factory=list)


@dataclass
class Section:
    """An exercise, or an explanation between exercises.

    Parameters
    ----------
    number : int
        As the notebook counts its exercises; 0 for an explanation.
    title : str
    groups : list of Group
    """

    number: int
    title: str
    groups: list[Group] = field(default_factory=list)

    @property
    def cells(self) -> list[int]:
        """The positions of all cells."""
        return [index for group in self.groups for index in group.cells]


class Notebook:
    """A source notebook, divided.

    Parameters
    ----------
    name : str
        ``assignment/notebook``.
    cells : sequence of dict
        Of format 4, each text in one piece.
    """

    def __init__(self, name: str, cells: Sequence[dict[str, Any]]) -> None:
        self.name = name
        self.cells = [cell if isinstance(cell["metadata"].get("course", {}), dict) else _bare(cell) for cell in cells]

    @cached_property
    def binds(self) -> list[frozenset[str]]:
        """The names that each cell binds, or whose objects it changes; none for text."""
        sources = [cell["source"] if _is_code(cell) else "" for cell in self.cells]
        return [bound_and_read(source)[0] | changed(source) for source in sources]

    @cached_property
    def needs(self) -> list[frozenset[str]]:
        """The names that must be there before each cell runs."""
        return [needed(cell["source"]) if _is_code(cell) else frozenset() for cell in self.cells]

    @cached_property
    def needs_later(self) -> list[frozenset[str]]:
        """The names that the functions of each cell read when they are called."""
        return [needed_later(cell["source"]) if _is_code(cell) else frozenset() for cell in self.cells]

    @cached_property
    def _makers(self) -> dict[str, list[int]]:
        """The cells that bind each name, but for tests."""
        makers: dict[str, list[int]] = {}
        for index, names in enumerate(self.binds):
            for name in names if not kinds.is_test(self.cells[index]) else ():
                makers.setdefault(name, []).append(index)
        return makers

    @property
    def title(self) -> str:
        """The heading of its first cell."""
        found = HEADING.search(self.cells[0]["source"]) if self.cells else None
        return found[4].strip() if found else self.name

    @cached_property
    def setup(self) -> int | None:
        """The position of the cell that imports what the notebook uses."""
        for index, cell in enumerate(self.cells):
            if cell["cell_type"] == "code":
                return index if _IMPORT.search(cell["source"]) and not self.is_answer(index) else None
        return None

    @cached_property
    def sections(self) -> list[Section]:
        """The sections, without the introduction, the setup, the summary and the reading list."""
        return [section for section in self._all_sections if not self._is_end(section)]

    def _is_end(self, section: Section) -> bool:
        return section.number == 0 and section.title in _ENDS and not any(map(self.is_graded, section.cells))

    @cached_property
    def reading(self) -> list[int]:
        """The positions of the cells of the reading list."""
        ends = [section for section in self._all_sections if self._is_end(section) and section.title == "Reading"]
        return [index for section in ends for index in section.cells]

    @cached_property
    def _all_sections(self) -> list[Section]:
        sections: list[Section] = []
        numbered = any(match[2] == "Exercise" for cell in self.cells for match in _headings(cell))
        for index, cell in enumerate(self.cells):
            if index == 0 or index == self.setup:
                continue
            opening = next((m for m in _headings(cell) if m[2] == "Exercise" or (not numbered and m[2])), None)
            first = next(iter(_headings(cell)), None)
            if opening is not None:
                sections.append(Section(int(opening[3]), _plain(opening[4])))
            elif first is not None and len(first[1]) <= 2:
                sections.append(Section(0, _plain(first[4])))
            elif not sections:
                sections.append(Section(0, ""))
            groups = sections[-1].groups
            if not groups or self._begins_group(index):
                groups.append(Group())
            groups[-1].cells.append(index)
        return sections

    def _begins_group(self, index: int) -> bool:
        cell = self.cells[index]
        marks = cell["metadata"].get("nbgrader", {})
        return cell["cell_type"] == "markdown" and (
            self.is_graded(index) or bool(marks.get("locked")) or any(True for _ in _headings(cell))
        )

    def is_answer(self, index: int) -> bool:
        """Whether students write this cell of code."""
        cell = self.cells[index]
        return cell["cell_type"] == "code" and bool(cell["metadata"].get("nbgrader", {}).get("solution"))

    def is_graded(self, index: int) -> bool:
        """Whether the cell has points: a test, a written answer, or a task that a person grades."""
        marks = self.cells[index]["metadata"].get("nbgrader", {})
        return bool(marks.get("grade") or marks.get("task"))

    def is_written(self, index: int) -> bool:
        """Whether a person reads what students write into this cell."""
        marks = self.cells[index]["metadata"].get("nbgrader", {})
        return bool((marks.get("grade") and marks.get("solution")) or marks.get("task"))

    def points(self, index: int) -> float:
        """Return the points of a cell, 0 if it has none."""
        return float(self.cells[index]["metadata"]["nbgrader"].get("points", 0)) if self.is_graded(index) else 0.0

    def covers(self, index: int) -> list[str]:
        """Return the items of problem sheets that a cell covers."""
        found = self.cells[index]["metadata"].get("course", {}).get("covers")
        return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []

    def is_support(self, index: int) -> bool:
        """Whether the cell is code of the course that is no test: figures, data, helpers."""
        cell = self.cells[index]
        return cell["cell_type"] == "code" and not self.is_answer(index) and not self.is_graded(index)

    def providers(self, index: int) -> Iterator[tuple[str, int]]:
        """Yield the names that a cell needs, each with the cell that binds it: the last one before it."""
        for name in sorted(self.needs[index]):
            makers = [maker for maker in self._makers.get(name, ()) if maker != index]
            if makers:
                yield name, next((maker for maker in reversed(makers) if maker < index), makers[0])


@dataclass(frozen=True)
class Excerpt:
    """What of a notebook is taken.

    Parameters
    ----------
    notebook : Notebook
    chosen : frozenset of int
        The grade cells that were asked for.
    sections : tuple of Section
        Those of which something is taken, with the cells that are.
    """

    notebook: Notebook
    chosen: frozenset[int]
    sections: tuple[Section, ...]


def excerpt(notebook: Notebook, chosen: Iterable[int], *, practice: bool = False) -> Excerpt:
    """Take the grade cells that were chosen, and what they need.

    That is: the task's text and the explanation before it, the answers and the course's cells that tests and figures
    read, the answers that these read, and so on. Visible checks of answers that are needed but were not chosen stay
    too, so that a student sees whether they work.

    Parameters
    ----------
    notebook : Notebook
    chosen : iterable of int
        Positions of grade cells.
    practice : bool
        Whether the rest of each exercise that is touched is taken as well.

    Returns
    -------
    Excerpt
    """
    chosen = frozenset(chosen)
    if chosen == {n for n in range(len(notebook.cells)) if notebook.is_graded(n)}:
        return Excerpt(notebook, chosen, tuple(notebook.sections))
    touched = [section for section in notebook.sections if chosen & set(section.cells)]
    whole = [group for section in touched for group in section.groups] if practice else []
    # The text that opens an exercise explains what later parts speak of.
    whole += [section.groups[0] for section in touched if not chosen & set(section.groups[0].cells)]
    full = [group for section in touched for group in _full_groups(notebook, section, chosen)]
    # An explanation with something to write, such as a loop for all trainings, is taken where that is read.
    full += [
        group
        for section in _explanations(notebook, touched)
        if not any(map(notebook.is_answer, section.cells))
        for group in section.groups
    ]
    while True:
        in_whole = {index for group in whole for index in group.cells}
        in_full = {index for group in full for index in group.cells} | in_whole
        supports = {n for n in in_full if notebook.is_support(n)}
        answers = {n for n in in_whole if notebook.is_answer(n)}
        wanted = _all_needed(notebook, supports | answers | set(chosen)) | answers
        opening = [
            section.groups[0]
            for section in notebook.sections
            if any(n in wanted and notebook.is_answer(n) for n in section.cells) and section.groups[0] not in whole
        ]
        if all(group in full for group in opening):
            break
        whole += opening

    kept = {notebook.setup} | wanted | supports
    taken: list[Section] = []
    for section in notebook.sections:
        groups = []
        for group in section.groups:
            if group in full or group in whole or any(n in wanted and notebook.is_answer(n) for n in group.cells):
                written = practice and group in whole
                groups.append(Group(_taken_of(notebook, group, chosen, kept, written=written)))
            elif helpers := [n for n in group.cells if n in wanted]:
                groups.append(Group(helpers))  # the course's own cells, without the task beside them
        if any(group.cells for group in groups):
            taken.append(Section(section.number, section.title, [group for group in groups if group.cells]))
    return Excerpt(notebook, chosen, tuple(taken))


def _full_groups(notebook: Notebook, section: Section, chosen: frozenset[int]) -> list[Group]:
    """Return the groups with something chosen, and what is explained before them."""
    last = max(n for n, group in enumerate(section.groups) if chosen & set(group.cells))
    return [
        group
        for group in section.groups[: last + 1]
        if chosen & set(group.cells) or not any(notebook.is_answer(i) or notebook.is_graded(i) for i in group.cells)
    ]


def _explanations(notebook: Notebook, touched: list[Section]) -> list[Section]:
    """Return the explanations that come before everything, and those right before what is touched."""
    found: list[Section] = []
    waiting: list[Section] = []
    first = True
    for section in notebook.sections:
        if section.number == 0:
            waiting = [*waiting, section] if first else [section]
            continue
        first = False
        if section in touched:
            found += waiting
            waiting = []
    opening = list(_opening(notebook))
    return [section for section in notebook.sections if section in found or (touched and section in opening)]


def _opening(notebook: Notebook) -> Iterator[Section]:
    for section in notebook.sections:
        if section.number:
            return
        yield section


def _all_needed(notebook: Notebook, start: set[int]) -> set[int]:
    found: set[int] = set()
    waiting = [n for n in start if notebook.cells[n]["cell_type"] == "code"]
    while waiting:
        for _, maker in notebook.providers(waiting.pop()):
            if maker not in found and maker != notebook.setup:
                found.add(maker)
                waiting.append(maker)
    return found


def _taken_of(
    notebook: Notebook, group: Group, chosen: frozenset[int], kept: set[int | None], *, written: bool
) -> list[int]:
    taken: list[int] = []
    dropped = False  # a figure was left out: so is its caption
    for index in group.cells:
        cell = notebook.cells[index]
        if cell["cell_type"] != "code":
            caption = cell["source"].startswith("*") and not cell["source"].startswith("**")
            wanted = index in chosen or written if notebook.is_written(index) else not (dropped and caption)
        elif index in chosen or index in kept:
            wanted = True
        elif notebook.is_answer(index):
            wanted = False
        else:
            visible = notebook.is_support(index) or _shows_checks(cell["source"])
            wanted = visible and all(maker in kept for _, maker in notebook.providers(index))
            if wanted and notebook.is_support(index):
                kept.add(index)
        dropped = cell["cell_type"] == "code" and not wanted and notebook.is_support(index)
        taken += [index] if wanted else []
    return taken


def _bare(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell without metadata of the course that are none."""
    return {**cell, "metadata": {key: value for key, value in cell["metadata"].items() if key != "course"}}


def _shows_checks(source: str) -> bool:
    """Whether students see checks in a test cell, and not its first line alone."""
    try:
        body = ast.parse(released_text(source)).body
    except SyntaxError:
        return True
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def _is_code(cell: dict[str, Any]) -> bool:
    return cell["cell_type"] == "code"


def _headings(cell: dict[str, Any]) -> Iterator[re.Match[str]]:
    # A comment in a listing is no heading.
    text = LISTING.sub("", cell["source"])
    return HEADING.finditer(text) if cell["cell_type"] == "markdown" else iter(())


def _plain(title: str) -> str:
    """Return a heading without the points and minutes at its end."""
    return re.sub(r" \([^()]*\b(?:points?|minutes?)\b[^()]*\)$", "", title.strip())
