"""Banks of answers, in the fewest runs: which answers share a pass, and what of the notebook a pass runs again.

A run begins with all cells of the reference, but no test. Each *pass* after that lays in the answers of a group: their
cells are run again, with those that they reach by the names they bind, and the tests. What the pass before has changed
is put right on the way, since its cells are run again as well. All else is as the first cells left it.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbformat.v4 import new_code_cell

from course_utils.notebooks import cells as kinds
from course_utils.notebooks.names import bound_and_read, changed
from course_utils.notebooks.repair import repair
from tests.support.answers import Answer
from tests.support.engine import (
    SOURCE,
    Score,
    answered,
    change_files,
    course_skeleton,
    grade,
    lay_out_artifacts,
    lost,
    score_of,
    settings_of_tests,
)

__all__ = ["all_bound", "all_read", "imported", "in_one_run", "reached", "run_passes", "source_cells"]

# Names that a text binds and reads are looked up again and again.
_names = functools.lru_cache(maxsize=10_000)(bound_and_read)
_changed = functools.lru_cache(maxsize=10_000)(changed)


@functools.cache
def _source_cells(name: Path, _when: int) -> tuple[nbformat.NotebookNode, ...]:
    return tuple(nbformat.read(SOURCE / name, as_version=4).cells)


def source_cells(name: Path) -> list[nbformat.NotebookNode]:
    """Return the cells of a notebook of the course; they are shared, and must be left as they are."""
    return list(_source_cells(name, (SOURCE / name).stat().st_mtime_ns))


def in_one_run(name: Path, bank: Sequence[Answer]) -> list[list[Answer]]:
    """Put answers together that touch different cells and lose different points: one pass shows them all."""
    links = _Links(name)
    groups: list[list[Answer]] = []
    for answer in bank:
        for group in groups:
            if not any(
                _touch_the_same(answer, other) or links.hides(answer, other) or links.hides(other, answer)
                for other in group
            ):
                group.append(answer)
                break
        else:
            groups.append([answer])
    return groups


def _touch_the_same(one: Answer, other: Answer) -> bool:
    return any(set(getattr(one, part)) & set(getattr(other, part)) for part in ("cells", "loses", "artifacts", "files"))


class _Links:
    """Which solution cells of a notebook use which others, and which of them each test judges."""

    def __init__(self, name: Path) -> None:
        self.bound: dict[str, set[str]] = {}
        self.read: dict[str, set[str]] = {}
        self.judged: dict[str, str] = {}  # for each test, the last cell before it of which it reads a name
        for cell in source_cells(name):
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                self.bound[grade_id], self.read[grade_id] = all_bound(cell.source), all_read(cell.source)
            elif kinds.is_test(cell):
                reads = all_read(cell.source)
                self.judged[grade_id] = next((key for key in reversed(self.bound) if self.bound[key] & reads), "")

    def used(self, names: set[str]) -> set[str]:
        """The cells that define these names, those whose names they use, and so on."""
        found: set[str] = set()
        while new := {key for key, bound in self.bound.items() if bound & names} - found:
            found |= new
            names = set().union(*(self.read[key] for key in new))
        return found

    def hides(self, one: Answer, other: Answer) -> bool:
        """Whether `one` replaces what would have shown the mistake in `other` by something that does not use it."""
        for cell in {self.judged.get(test, "") for test in other.loses} & set(one.cells):
            lost = self.used(self.read[cell]) - self.used(_read_if_possible(one.cells[cell]))
            if lost & set(other.cells):
                return True
        return False


def reached(name: Path, group: Sequence[Answer]) -> set[str]:
    """The tests that replaced cells and files can reach by the names they bind, however many cells in between.

    Two thirds of the time of grading a bank went into tests that have nothing to do with the cell that was replaced.
    """
    tests = {key for answer in group for key in answer.loses}
    return tests | _reached(source_cells(name), group)[0]


def _reached(cells: Sequence[nbformat.NotebookNode], group: Sequence[Answer]) -> tuple[set[str], set[int]]:
    """Return the tests, by grade_id, and the other cells, by position, that a group of answers reaches."""
    new = _texts(group)
    files = {key for answer in group for key in (*answer.artifacts, *answer.files)}
    names: set[str] = set()  # what a replaced cell has a part in, at this point of the notebook
    tests: set[str] = set()
    others: set[int] = set()
    for at, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        bound, read = _names(cell.source)
        touched = read & names or _names_a_file(cell.source, files)
        if kinds.is_test(cell):
            tests |= {grade_id} if touched else set()
        elif grade_id in new:
            others.add(at)
            names |= bound | _names(new[grade_id])[0]
        elif touched:
            others.add(at)
            names |= bound
        else:
            names -= bound
    return tests, others


def _texts(group: Sequence[Answer]) -> dict[str, str]:
    return {key: text for answer in group for key, text in answer.cells.items()}


def _names_a_file(source: str, files: set[str]) -> bool:
    """Whether a cell has a text that is a part of a file's name."""
    if not files:
        return False
    texts = {n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return any(len(text) > 2 and (text in file or file in text) for text in texts for file in files)


def run_passes(name: Path, groups: Sequence[Sequence[Answer]]) -> list[dict[str, Score]]:
    """Grade groups of answers in one run; return the scores of the tests that each reaches.

    The last pass is the reference again, with all of these tests. If it loses one, an answer has left something behind
    in the process (gradients switched off, a changed library), and nothing of the run counts: it is done in two halves.
    """
    if not groups:
        return []
    source = SOURCE / name

    def laid_in(texts: Mapping[str, str]) -> nbformat.NotebookNode:
        return repair(answered(source, texts), course_skeleton(source)).notebook

    notebook, half = laid_in({}), len(groups) // 2
    with TemporaryDirectory() as folder:
        lay_out_artifacts(source.parent.name, Path(folder), {})
        lay_out_artifacts(source.parent.name, Path(folder, _FILES, "-1"), {})
        wanted = [*groups, []]
        others = [_lay_out(source.parent.name, Path(folder, _FILES, str(n)), group) for n, group in enumerate(wanted)]
        passes = _Passes(name, wanted, lambda texts: laid_in(texts).cells, others)
        notebook.cells = passes.cells
        grade(notebook, source, settings_of_tests(), Path(folder))
    *scores, control = (
        {key: score_of(notebook.cells[at]) for key, at in passes.tests_of(number).items()}
        for number in range(len(wanted))
    )
    if lost(control) and half:
        return run_passes(name, groups[:half]) + run_passes(name, groups[half:])
    return scores


# Where the files of each pass wait until it is their turn.
_FILES = "files-of-passes"


def _lay_out(assignment: str, folder: Path, group: Sequence[Answer]) -> set[str]:
    """Put what a group of answers hands in as other files into a folder, and nothing else; return their names."""
    artifacts = {key: change for answer in group for key, change in answer.artifacts.items()}
    files = {key: change for answer in group for key, change in answer.files.items()}
    others = {f"artifacts/{key}.{kind}" for key in artifacts for kind in ("json", "safetensors")} | set(files)
    if others:
        lay_out_artifacts(assignment, folder, artifacts)
        change_files(folder, files)
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path.relative_to(folder).as_posix() not in others:
                path.unlink()
    return others


@dataclass(frozen=True)
class _Step:
    """A cell of a run."""

    at: int  # its position in the notebook
    group: int  # whose pass it belongs to; -1: the first cells
    cell: nbformat.NotebookNode


class _Passes:
    """One run for many groups of answers.

    Parameters
    ----------
    name : pathlib.Path
        ``assignment/notebook.ipynb``.
    groups : sequence of sequence of Answer
        The last one runs the tests of all.
    laid_in : callable
        Returns the notebook's cells as they are graded, the texts of some of them replaced; as many for any texts.
    files : sequence of set of str
        Names of the files that each group hands in otherwise.
    """

    def __init__(
        self,
        name: Path,
        groups: Sequence[Sequence[Answer]],
        laid_in: Callable[[Mapping[str, str]], list[nbformat.NotebookNode]],
        files: Sequence[set[str]],
    ) -> None:
        self.source = source_cells(name)
        reference = laid_in({})
        self.code = [at for at, cell in enumerate(reference) if cell.cell_type == "code" and not kinds.is_test(cell)]
        self.code = [at for at in self.code if not kinds.is_shown_only(reference[at])]
        self.steps = [_Step(at, -1, reference[at]) for at in self.code]
        self.flow = _Flow([cell.source for cell in reference], self.code)
        dirty: set[int] = set()
        before: set[str] = set()
        every_test: set[str] = set()
        for number, group in enumerate(groups):
            cells = laid_in(_texts(group))
            assert [c.cell_type for c in cells] == [c.cell_type for c in reference]
            tests = reached(name, group) if number < len(groups) - 1 else every_test
            every_test |= tests
            touched = _reached(self.source, group)[1] & set(self.code)
            judges = [at for at, c in enumerate(cells) if kinds.is_test(c) and _grade_id(c) in tests]
            again = self.flow.needed(touched | dirty, judges, [c.source for c in cells])
            names = {n for at in touched | dirty for n in self.flow.only_of(at, cells[at].source)}
            self.steps.append(_Step(-1, number, _forget(names)))
            if files[number] | before:
                self.steps.append(_Step(-1, number, _hand_in(number, files[number], before - files[number])))
            self.steps += [_Step(at, number, cells[at]) for at in sorted([*again, *judges])]
            dirty, before = touched, files[number]

    @property
    def cells(self) -> list[nbformat.NotebookNode]:
        """The cells of the run, in order."""
        return [nbformat.from_dict(step.cell) for step in self.steps]

    def tests_of(self, number: int) -> dict[str, int]:
        """Return where in the run the tests of a group are, by grade_id."""
        return {
            _grade_id(step.cell): index
            for index, step in enumerate(self.steps)
            if step.group == number and kinds.is_test(step.cell)
        }


def _grade_id(cell: nbformat.NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _forget(names: Collection[str]) -> nbformat.NotebookNode:
    """Return a cell after which the names are not there: a cell that fails must not leave what stood there before.

    Gradients are on again as well, which answers like to switch off for good.
    """
    source = f"""for _name in {sorted(names)!r}:
    globals().pop(_name, None)
import sys as _sys
if "torch" in _sys.modules:
    _sys.modules["torch"].set_grad_enabled(True)"""
    return _course_cell("forget", source)


def _hand_in(number: int, others: Collection[str], back: Collection[str]) -> nbformat.NotebookNode:
    """Return a cell, of the kernel and of the grader, after which other files are there; `back` are the reference's."""
    source = f"""def _hand_in():
    import shutil
    from pathlib import Path
    from course_utils import environment
    here = environment.submission_folder() or Path.cwd()
    for number, names in (({number}, {sorted(others)!r}), (-1, {sorted(back)!r})):
        for name in names:
            (here / name).unlink(missing_ok=True)
            new = here / "{_FILES}" / str(number) / name
            if new.exists():
                (here / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(new, here / name)
_hand_in()"""
    return _course_cell("hand_in", source, trusted=True)


def _course_cell(name: str, source: str, **course: bool) -> nbformat.NotebookNode:
    marks = {"grade": False, "solution": False, "locked": True, "grade_id": name, "schema_version": 3}
    return new_code_cell(source, metadata={"nbgrader": marks, "course": {"origin": "course", **course}})


class _Flow:
    """Which cell's value of a name each cell of a notebook is meant to see."""

    def __init__(self, sources: Sequence[str], code: Sequence[int]) -> None:
        self.sources, self.code = sources, code
        stateful = _stateful([sources[at] for at in code])
        self.bound = {at: _names(sources[at])[0] | _changed(sources[at]) for at in code}
        self.bound = {at: names | _may_change(sources[at], stateful) for at, names in self.bound.items()}
        self.last: dict[str, int] = {}
        for at in code:
            self.last |= dict.fromkeys(self.bound[at], at)

    def before(self, name: str, at: int) -> int | None:
        """Return the last cell before a place that binds a name."""
        return next((other for other in reversed(self.code) if other < at and name in self.bound[other]), None)

    def only_of(self, at: int, text: str) -> set[str]:
        """Return the names that a cell binds and no earlier one does."""
        names = _names(self.sources[at])[0] | _names(text)[0]
        return {name for name in names if self.before(name, at) is None and not name.startswith("__")}

    def needed(self, cells: Collection[int], judges: Sequence[int], texts: Sequence[str]) -> set[int]:
        """Return cells to run again, in order, for some of them and some tests to see what they are meant to."""
        again = set(cells)
        while more := self._missing(again, judges, texts):
            again |= more
        return again

    def _missing(self, again: set[int], judges: Sequence[int], texts: Sequence[str]) -> set[int]:
        now, missing = dict(self.last), set()
        for at in sorted([*again, *judges]):
            bound, read = _names(texts[at])
            read, bound = read - bound, frozenset()  # a test keeps its names for itself
            if at in again:
                bound = self.bound[at] | _names(texts[at])[0] | _changed(texts[at])
                read = _names(texts[at])[1] | _names(self.sources[at])[1] | bound
            for name in read:
                meant = self.before(name, at)
                if meant is not None and now.get(name) != meant:
                    missing.add(meant)
            now |= dict.fromkeys(bound, at)
        # What stands there at the end is what the next pass finds.
        missing |= {self.last[name] for name in now if name in self.last and now[name] != self.last[name]}
        return missing - again


def _stateful(sources: Sequence[str]) -> set[str]:
    """Return names of what a call may change: what a class made, and lists and dictionaries."""
    found = set()
    for source in sources:
        for node in ast.walk(_tree(source)):
            if isinstance(node, ast.Assign) and _makes_state(node.value):
                found |= {part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return found


def _makes_state(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return called[:1].isupper() or called in ("default_rng", "iter", "to")
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.GeneratorExp)


def _may_change(source: str, stateful: set[str]) -> set[str]:
    """Return those of the names that a cell's own statements hand to a call, or call a method of."""
    found = set()
    queue: list[ast.AST] = list(_tree(source).body)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") not in _LOOK_ONLY:
            parts = [*node.args, *(keyword.value for keyword in node.keywords)]
            parts += [node.func.value] if isinstance(node.func, ast.Attribute) else []
            found |= {part.id for each in parts for part in ast.walk(each) if isinstance(part, ast.Name)}
        queue += ast.iter_child_nodes(node)
    return found & stateful


_LOOK_ONLY = {
    "print",
    "display",
    "len",
    "list",
    "sorted",
    "sum",
    "max",
    "min",
    "zip",
    "enumerate",
    "type",
    "repr",
    "str",
}


@functools.lru_cache(maxsize=10_000)
def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


@functools.lru_cache(maxsize=10_000)
def all_bound(source: str) -> frozenset[str]:
    """Names that a cell binds anywhere, also as arguments and inside of functions."""
    bound = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return frozenset(bound | imported(source))


@functools.lru_cache(maxsize=10_000)
def all_read(source: str) -> frozenset[str]:
    """Names that a cell takes from others."""
    return frozenset(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)) - all_bound(source)


def _read_if_possible(source: str) -> frozenset[str]:
    try:
        return all_read(source)
    except SyntaxError:
        return frozenset()


def imported(source: str) -> set[str]:
    """Names that a cell imports."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name.split(".")[0] for node in nodes for alias in node.names}
