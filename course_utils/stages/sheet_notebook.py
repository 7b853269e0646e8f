"""One notebook of a problem sheet, put together from sections of other notebooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks import cells as kinds
from course_utils.notebooks import imports
from course_utils.notebooks.excerpt import HEADING, Excerpt, Notebook, Section, excerpt
from course_utils.notebooks.names import bound_and_read
from course_utils.notebooks.question_texts import Question as Titled
from course_utils.notebooks.question_texts import (
    Texts,
    marks_text,
    masked,
    minutes_in,
    named,
    number_text,
    unmasked,
    without_hidden_tests,
)
from course_utils.notebooks.rubrics import RubricError, read_rubric, scaled
from course_utils.stages.sheet_edits import first_line, text_hash
from course_utils.stages.sheet_file import SheetNotebook
from course_utils.stages.sheet_plan import EXACT, Plan, Row

__all__ = ["NotebookBuilder"]

# What a text says of the notebook that it was written for.
_LEFT_OVER = re.compile(
    r"(?<!beside )(?:this|last|another) notebook|(?:top|end) of the notebook|the notebook \*[\w-]+\*"
    r"|Part \d+|\bstep \d+|(?<![.\w])[1-9][a-h]\b|next (?:three |two )?exercises?|[\d.]+ points? each"
    r"|earns? [\d.]+ points?|\*\*[\d.]+ points?\*\*"
)


class NotebookBuilder:
    """Puts the cells of one notebook of the sheet together."""

    def __init__(self, plan: Plan, part: SheetNotebook) -> None:
        self.plan, self.part = plan, part
        self.asked = plan.asked[part.name]
        self.marks = {cell: marks for asked in self.asked for cell, marks in asked.cells.items()}
        self.question_of = {cell: asked.question for asked in self.asked for cell in asked.cells}
        chosen: dict[str, list[int]] = {}
        for source, index in self.marks:
            chosen.setdefault(source, []).append(index)
        self.excerpts: dict[str, Excerpt] = {
            source: excerpt(plan.sources[source], found, practice=plan.sheet.practice)
            for source, found in chosen.items()
        }
        self.remarks: list[str] = []
        self.names: dict[tuple[str, int], str] = {}  # grade_ids in the sheet
        self.ids: set[str] = set()
        self.alike: dict[tuple[str, int], tuple[str, int]] = {}  # cells that are there from another notebook already

    def build(self) -> list[dict[str, Any]]:
        """Return the cells."""
        order = self._order()
        own = {source: taken.notebook.cells[taken.notebook.setup]["source"] for source, taken in self.excerpts.items()
               if taken.notebook.setup is not None}  # fmt: skip
        used = {
            source: {name for index in self._taken(source) if not kinds.is_test(taken.notebook.cells[index])
                     for name in taken.notebook.binds[index]}
            for source, taken in self.excerpts.items()
        }  # fmt: skip
        setup = imports.merge(own, used)
        cells = [self._made("introduction", "markdown", self._introduction(order))]
        cells += [self._made("setup", "code", setup.shared)] if setup.shared else []
        binders: dict[str, tuple[str, int]] = {}  # who bound a name last: notebook and position, -1 for a setup
        labels = self._labels(order)
        others = {source.partition("/")[2]: found for source, found in labels.items()}
        leftovers: dict[str, list[str]] = {}
        placed: dict[str, tuple[str, int]] = {}  # what the cells of the course say, and where it was first
        moved: list[
            tuple[str, int, dict[str, tuple[str, int]]]
        ] = []  # what figures to play with read when they are moved
        for source, section in order:
            notebook = self.plan.sources[source]
            mine = setup.own.get(source, "")
            names = bound_and_read(mine)[0]
            has_code = any(notebook.cells[index]["cell_type"] == "code" for index in section.cells)
            if has_code and any(setup.own.get(binders.get(name, ("", 0))[0], "") != mine for name in names):
                name = f"setup-{notebook.name.partition('/')[2]}"
                number = sum(cell["id"].startswith(f"{name}-") for cell in cells)
                cells.append(self._made(f"{name}-{number + 1}", "code", mine))
                binders |= dict.fromkeys(names, (source, -1))
            part = self._part_of(source, section, order)
            timed = self._share(source, section) in (0.0, 1.0)
            texts = Texts(
                self._questions_of(source, section),
                labels[source],
                part,
                others,
                timed=timed,
                word=self.plan.sheet.word,
            )
            for index, cell in self._rewrite(source, section, texts):
                if cell["cell_type"] == "code":
                    self._check(notebook, index, binders)
                if same := self._same(source, index, placed, binders):
                    self.alike[source, index] = same
                    continue
                placed.setdefault(notebook.cells[index]["source"], (source, index))
                if cell["cell_type"] == "code":
                    if not kinds.is_test(notebook.cells[index]):
                        binders |= dict.fromkeys(notebook.binds[index], (source, index))
                    if "@play(" in cell["source"]:
                        read = {name: binders[name] for name in notebook.needs_later[index] if name in binders}
                        moved.append((source, index, read))
                else:
                    for phrase in dict.fromkeys(_LEFT_OVER.findall(cell["source"].partition("### BEGIN")[0])):
                        named_cell = cell["metadata"].get("nbgrader", {}).get("grade_id") or first_line(cell, 30)
                        leftovers.setdefault(phrase, []).append(named_cell)
                cells.append(cell)
            if texts.unknown:
                listed = ", ".join(map(str, sorted(texts.unknown)))
                self.remarks.append(
                    f"{self.part.name}: '{section.title}' speaks of exercise {listed} of {source}, which is not on the "
                    "sheet; look at the text."
                )
        for source, section in self._preparations(order):
            self.remarks.append(
                f"{self.part.name}: no question asks for '{section.title}' of {source}, which others need "
                f"({self._minutes(source, section):g} minutes without marks)."
            )
        there = {(source, index) for source, section in order for index in section.cells}
        if lost := [self._grade_id(*cell) for cell in self.marks if cell not in there]:
            raise CourseError(
                f"{self.part.name}: {', '.join(lost)} can't be taken: a cell with marks must stand below the heading "
                "of an exercise, not in the introduction."
            )
        for source, index, read in moved:
            if other := sorted(name for name, maker in read.items() if binders[name][0] != maker[0]):
                first = first_line(self.plan.sources[source].cells[index], 60)
                self.remarks.append(
                    f"{self.part.name}: the figure of {source} that begins {first} can be moved until a cell further "
                    f"down gives {', '.join(f'`{name}`' for name in other)} to something else."
                )
        if leftovers:
            listed = "; ".join(f"'{phrase}' ({', '.join(names)})" for phrase, names in leftovers.items())
            self.remarks.append(f"{self.part.name}: texts that may mean something else here: {listed}.")
        cells = _without_empty_parts(cells)
        for source, taken in self.excerpts.items():
            for index in taken.notebook.reading:
                cell = self._copy(source, index)
                text = cell["source"].replace("## Reading", f"## Reading: {taken.notebook.title}", 1)
                cell["source"] = Texts((), labels[source], others=others).references(text)
                cells.append(self._stamped(cell, source, self._original(source, index)))
        return cells

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of the notebook."""
        return {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "course": {"sheet": self.plan.sheet.name, "from": sorted(self.excerpts)},
        }

    def rows(self) -> list[Row]:
        """Return the table of the questions."""
        return [
            Row(
                self.part.name,
                asked.question.number,
                asked.marks,
                asked.question.bonus,
                tuple((self._grade_id(*cell), marks) for cell, marks in asked.cells.items() if marks),
            )
            for asked in self.asked
        ]

    def _taken(self, source: str) -> list[int]:
        return [index for section in self.excerpts[source].sections for index in section.cells]

    def _order(self) -> list[tuple[str, Section]]:
        """Return the sections as the questions ask for them, what they need before them."""
        order: list[tuple[str, Section]] = []
        for asked in self.asked:
            for source in dict.fromkeys(source for source, _ in asked.cells):
                wanted = {index for other, index in asked.cells if other == source}
                for section in self.excerpts[source].sections:
                    if wanted & set(section.cells):
                        self._place(source, section, order)
        return order

    def _place(self, source: str, section: Section, order: list[tuple[str, Section]]) -> None:
        """Add a section, after those that it reads names of, and what is explained before it."""
        if (source, section) in order:
            return
        taken = self.excerpts[source]
        makers = {maker for index in section.cells for _, maker in taken.notebook.providers(index)}
        for earlier in taken.sections[: taken.sections.index(section)]:
            if makers & set(earlier.cells) or not taken.chosen & set(earlier.cells):
                self._place(source, earlier, order)
        if (source, section) not in order:
            order.append((source, section))
        # A function may call what is written after it.
        for later in taken.sections[taken.sections.index(section) + 1 :]:
            if makers & set(later.cells) and not taken.chosen & set(later.cells):
                self._place(source, later, order)

    def _questions_of(self, source: str, section: Section) -> list[Titled]:
        found = dict.fromkeys(
            self.question_of[source, index].number for index in section.cells if (source, index) in self.question_of
        )
        asked = {asked.question.number: asked for asked in self.asked}
        owners = {self.question_of[source, index].number for index in self.excerpts[source].chosen}
        if not found and section.number and len(owners) == 1 and self._is_all(source):
            found = dict.fromkeys(owners)  # a step of a notebook that is one question
        numbers = sorted(found, key=list(asked).index)
        return [Titled(number, asked[number].marks, asked[number].question.bonus) for number in numbers]

    def _is_all(self, source: str) -> bool:
        """Whether all grade cells of a notebook are on this one."""
        notebook = self.plan.sources[source]
        return all(n in self.excerpts[source].chosen for n in range(len(notebook.cells)) if notebook.is_graded(n))

    def _part_of(self, source: str, section: Section, order: list[tuple[str, Section]]) -> tuple[int, int]:
        mine = [question.number for question in self._questions_of(source, section)]
        if len(mine) != 1:
            return 1, 1
        parts = [pair for pair in order if [q.number for q in self._questions_of(*pair)] == mine]
        return parts.index((source, section)) + 1, len(parts)

    def _labels(self, order: list[tuple[str, Section]]) -> dict[str, dict[int, str]]:
        """Return by notebook how texts call its exercises on this sheet."""
        labels: dict[str, dict[int, str]] = {source: {} for source in self.excerpts}
        for source, section in order:
            if section.number:
                numbers = [question.number for question in self._questions_of(source, section)]
                if not numbers:
                    if not self._has_text(source, section):
                        continue
                    label = f"the preparation *{section.title}*"
                else:
                    several = self._part_of(source, section, order)[1] > 1
                    label = named(numbers, self.plan.sheet.word) + (f" (*{section.title}*)" if several else "")
                labels[source][section.number] = label
        return labels

    def _has_text(self, source: str, section: Section) -> bool:
        """Whether a section is there with its text, and not with cells of the course alone that others need."""
        cells = self.plan.sources[source].cells
        return any(cells[index]["cell_type"] == "markdown" for index in section.cells)

    def _rewrite(self, source: str, section: Section, texts: Texts) -> Iterator[tuple[int, dict[str, Any]]]:
        notebook = self.plan.sources[source]
        total = sum(self.marks.get((source, index), 0.0) for index in section.cells)
        opened = section.number == 0 and not total
        hidden = any("BEGIN HIDDEN TESTS" in notebook.cells[index]["source"] for index in section.cells)
        for group in section.groups:
            graded = [index for index in group.cells if notebook.is_graded(index)]
            marks = sum(self.marks.get((source, index), 0.0) for index in graded)
            points = sum(notebook.points(index) for index in graded)
            numbers = [self.question_of[source, n].number for n in graded if (source, n) in self.question_of]
            factor = 1.0 if abs(marks - points) <= EXACT and self._is_whole(source, section, group.cells) else None
            for index in group.cells:
                cell = self._copy(source, index)
                worth = self.marks.get((source, index), 0.0)
                before = notebook.points(index)
                if cell["cell_type"] == "code":
                    text = texts.references(cell["source"], code=True)
                    if notebook.is_graded(index):
                        first, newline, rest = text.partition("\n")
                        first = texts.points(first, worth / before if before else 1.0, code=True)
                        text = first.replace("(0 points)", "(no points)") + newline + rest
                    cell["source"] = text
                else:
                    text, begin, answer = cell["source"].partition("### BEGIN")
                    text, listings = masked(text)
                    if section.number == 0 and not total:
                        text = texts.rest(text, None)
                    elif not opened:
                        opened = True
                        text = self._opening(texts, text, total, marks, section)
                    else:
                        text = texts.rest(text, marks, numbers)
                    text = texts.references(texts.points(text, factor))
                    text = unmasked(text if hidden else without_hidden_tests(text), listings)
                    if begin and before and abs(worth - before) > EXACT:
                        answer = _worth(cell["source"], answer, worth, before)
                    cell["source"] = text + begin + answer
                yield index, self._stamped(cell, source, self._original(source, index))

    @staticmethod
    def _opening(texts: Texts, text: str, total: float, first: float, section: Section) -> str:
        if HEADING.search(text) is None:
            text = f"## Exercise {section.number}: {section.title}\n\n{text}"
        return texts.opening(text, total, first)

    def _is_whole(self, source: str, section: Section, cells: list[int]) -> bool:
        """Whether all grade cells of the task whose text this is are on the sheet, each with marks."""
        notebook = self.plan.sources[source]
        original = next(s for s in notebook.sections if set(section.cells) <= set(s.cells))
        group = next(g for g in original.groups if set(cells) <= set(g.cells))
        return all((source, index) in self.marks for index in group.cells if notebook.is_graded(index))

    def _copy(self, source: str, index: int) -> dict[str, Any]:
        notebook = self.plan.sources[source]
        cell = json.loads(json.dumps(notebook.cells[index]))
        name = notebook.name.partition("/")[2]
        cell["id"] = _free(str(cell.get("id") or f"{name}-{index}")[:50], name, self.ids)
        self.ids.add(cell["id"])
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        marks = cell["metadata"].get("nbgrader")
        if marks:
            marks["grade_id"] = self._grade_id(source, index)
        if notebook.is_graded(index):
            question = self.question_of.get((source, index))
            marks["points"] = self.marks.get((source, index), 0.0)
            marks["points"] = int(marks["points"]) if marks["points"] == int(marks["points"]) else marks["points"]
            about = cell["metadata"].setdefault("course", {})
            about.pop("bonus", None)
            if question is not None:
                about["question"] = question.number
                about |= {"bonus": True} if question.bonus else {}
        return cell

    def _grade_id(self, source: str, index: int) -> str:
        if (source, index) not in self.names:
            name = kinds.name(self.plan.sources[source].cells[index], index)
            self.names[source, index] = _free(name, source.partition("/")[2], set(self.names.values()), "_")
        return self.names[source, index]

    def _original(self, source: str, index: int) -> str:
        """Return what a cell is called in its own notebook."""
        return str(self.plan.sources[source].cells[index].get("id") or index)

    def _made(self, name: str, kind: str, text: str) -> dict[str, Any]:
        cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {}, "source": text}
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None}
        self.ids.add(name)
        return self._stamped(cell, self.plan.sheet.name, name)

    @staticmethod
    def _stamped(cell: dict[str, Any], source: str, original: str) -> dict[str, Any]:
        """Note where a cell comes from and what its text was, so that an edited cell is known when built again."""
        origin = f"{source}:{original}"
        about = cell["metadata"].setdefault("course", {})
        about["sheet"] = {"from": origin, "built": text_hash(cell["source"])}
        return cell

    def _check(self, notebook: Notebook, index: int, binders: Mapping[str, tuple[str, int]]) -> None:
        """Raise an error if a name that a cell needs, itself or in functions that it may call, means something else."""
        waiting, seen = [(index, index, notebook.providers(index))], {index}
        while waiting:
            reader, before, providers = waiting.pop()
            for name, maker in providers:
                if maker == notebook.setup or maker > before:  # the latter: functions that are called later
                    continue
                self._check_name(notebook, reader, name, maker, binders)
                if maker not in seen:
                    seen.add(maker)
                    later = notebook.needs_later[maker]
                    for own in later & notebook.binds[maker]:
                        self._check_name(notebook, reader, own, maker, binders)
                    found = [(each, n) for each, n in notebook.providers(maker) if each in later]
                    waiting.append((maker, maker, iter(found)))

    def _same(
        self, source: str, index: int, placed: Mapping[str, tuple[str, int]], binders: Mapping[str, tuple[str, int]]
    ) -> tuple[str, int] | None:
        """Return the cell of another notebook that says the same and still holds, so that this one is not repeated.

        A cell of the student's may be such a one where it earns nothing and gives names to something: it is filled in
        once.
        """
        notebook = self.plan.sources[source]
        there = placed.get(notebook.cells[index]["source"])
        if there is None or there[0] == source or notebook.is_graded(index):
            return None
        if kinds.is_students(notebook.cells[index]) and not notebook.binds[index]:
            return None
        return there if all(binders.get(name) == there for name in notebook.binds[index]) else None

    def _check_name(
        self, notebook: Notebook, index: int, name: str, maker: int, binders: Mapping[str, tuple[str, int]]
    ) -> None:
        last = binders.get(name)
        if last == self.alike.get((notebook.name, maker), (notebook.name, maker)):
            return
        where = f"{self.part.name}: {kinds.name(notebook.cells[index], index)} of {notebook.name} needs `{name}`"
        wanted = kinds.name(notebook.cells[maker], maker)
        if last is None:
            raise CourseError(
                f"{where} of {wanted}, which comes later on the sheet or is not there. Ask for the question of "
                f"{wanted} before."
            )
        raise CourseError(
            f"{where} of {wanted}, and a cell of {last[0]} before it gives the name to something else. Ask for the "
            "questions of one notebook in a row and in its order, or in a notebook of their own."
        )

    def _introduction(self, order: list[tuple[str, Section]]) -> str:
        sheet, part = self.plan.sheet, self.part
        lines = [f"# {part.title}", "", f"*{sheet.title}*"]
        if sheet.deadline:
            lines[-1] += f" · to be handed in by {sheet.deadline}"
        for text in (sheet.introduction, part.introduction):
            lines += ["", text] if text else []
        total = sum(asked.marks for asked in self.asked if not asked.question.bonus)
        bonus = sum(asked.marks for asked in self.asked if asked.question.bonus)
        lines += ["", f"| {sheet.word.lower()} | what | marks |", f"| {'-' * 20} | {'-' * 70} | {'-' * 12}: |"]
        for asked in self.asked:
            titles = [
                section.title
                for source, section in order
                if any((source, index) in asked.cells for index in section.cells)
            ]
            shown = number_text(asked.marks) + (" (bonus)" if asked.question.bonus else "")
            what = asked.question.title or "; ".join(dict.fromkeys(titles))
            lines.append(f"| {asked.question.number} | {what} | {shown} |")
        minutes = round(sum(self._minutes(source, section) for source, section in order) / 5) * 5
        sums = [marks_text(total)] if total else []
        sums += [f"{marks_text(bonus)} as a bonus"] if bonus else []
        of_all = f" (of {number_text(sheet.marks)} on the sheet)" if total and total != sheet.marks else ""
        time = f", about {minutes} minutes" if minutes else ""
        lines += ["", f"**Together:** {' and '.join(sums)}{of_all}{time}."]
        if self._preparations(order):
            lines += ["", "*Preparation* brings no marks; later questions use what is written there."]
        return "\n".join(lines)

    def _preparations(self, order: list[tuple[str, Section]]) -> list[tuple[str, Section]]:
        """Return the exercises that no question asks for and others need."""
        return [
            (source, section)
            for source, section in order
            if section.number and not self._questions_of(source, section) and self._has_text(source, section)
        ]

    def _minutes(self, source: str, section: Section) -> float:
        """Return what a section takes: of an exercise that is asked for in part, the part by its points."""
        notebook = self.plan.sources[source]
        cells = notebook.cells
        minutes = sum(minutes_in(cells[i]["source"]) for i in section.cells if cells[i]["cell_type"] == "markdown")
        return minutes * (self._share(source, section) or 1.0)

    def _share(self, source: str, section: Section) -> float:
        """Return the part of an exercise's points that questions of the sheet ask for."""
        notebook = self.plan.sources[source]
        original = next(each for each in notebook.sections if set(section.cells) <= set(each.cells))
        points = {index: notebook.points(index) for index in original.cells}
        asked = sum(number for index, number in points.items() if (source, index) in self.marks)
        return asked / sum(points.values()) if any(points.values()) else 1.0


def _without_empty_parts(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return cells without headings of parts of a notebook that nothing was taken of."""
    kept = []
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        ends = after is None or _is_part(after) or _notebook_of(after) != _notebook_of(cell)
        if not (_is_part(cell) and ends):
            kept.append(cell)
    return kept


def _is_part(cell: Mapping[str, Any]) -> bool:
    """Whether a cell is a heading, and nothing else."""
    text = cell["source"].strip()
    alone = cell["cell_type"] == "markdown" and "\n" not in text and "nbgrader" not in cell["metadata"]
    return alone and HEADING.match(text) is not None


def _notebook_of(cell: Mapping[str, Any]) -> str:
    return str(kinds.course(cell)["sheet"]["from"]).partition(":")[0]


def _free(name: str, prefix: str, taken: set[str], joined: str = "-") -> str:
    """Return a name that is not taken: itself, or after its notebook, or counted."""
    tries = [name, f"{prefix}{joined}{name}", *(f"{prefix}{joined}{name}{joined}{n}" for n in range(2, len(taken) + 3))]
    return next(each for each in tries if each not in taken)


def _worth(source: str, answer: str, worth: float, before: float) -> str:
    """Return what is hidden of a cell that has other marks here: its rubric says them, or who reads is told."""
    try:
        has_rubric = read_rubric(source) is not None
    except RubricError:
        has_rubric = False
    if has_rubric and worth:
        return scaled(answer, worth / before)
    line, newline, rest = answer.partition("\n")
    note = f"**{marks_text(worth)} here instead of {number_text(before)}:** "
    note += f"multiply each number below by {worth / before:.3g}."
    return f"{line}{newline}{note}\n\n{rest}"
