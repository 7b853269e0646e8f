"""Which hand-ins are more alike than is usual in their class: a list for a person to look at, and no more.

Answers are compared task by task. What was released, and what many of the class have, counts nothing; the rarer a piece
is, the more it counts. Which pairs stand out is measured by the class itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import submitted_folders
from course_utils.classroom.roster import Roster, read_roster, roster_path
from course_utils.errors import CourseError
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.excerpt import Notebook
from course_utils.notebooks.skeleton import skeleton
from course_utils.notebooks.texts import released_text
from course_utils.report.graded import source_notebooks, text_of
from course_utils.report.pieces import names_in, pieces, prose_pieces

__all__ = ["Compared", "Pair", "SameFile", "Task", "compare", "read_answers", "same_files"]

# The share of a class from which on a piece is common ground.
_COMMON = 0.2
# How far above the class a pair lies: quartile distances above the upper quartile of how near the nearest are.
_ABOVE = 3.0
# The same of single tasks, of which a sheet has many; there it is also asked how much of both answers is the same.
_ABOVE_IN_A_TASK = 5.0
# A pair that shares less is no pair, however little the others share; the same two answers share 0.5.
_LEAST = 0.05
# Rare pieces that a pair must share at least, and answers for which a class can tell what is usual.
_FEWEST, _SMALLEST_CLASS = 8, 8
OWN_CELLS = "cells of their own"


@dataclass
class Task:
    """One answer cell of the sheet, with what everybody wrote.

    Parameters
    ----------
    notebook, name : str
    title : str
        Of the exercise.
    released : str
        What students find in the cell.
    prose : bool
    answers : dict of str to str
        By whose it is; untouched ones are not in it.
    kept : frozenset of str
        Names of the course.
    known : frozenset of int
        Pieces that were released, in this cell or in another one.
    """

    notebook: str
    name: str
    title: str
    released: str
    prose: bool
    answers: dict[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    known: frozenset[int] = frozenset()

    def pieces(self, who: str) -> list[tuple[int, int]]:
        """Return lines and pieces of somebody's answer, without what was released."""
        cut = prose_pieces if self.prose else pieces
        return [(line, piece) for line, piece in cut(self.answers[who], self.kept) if piece not in self.known]


@dataclass(frozen=True)
class Pair:
    """Two hand-ins that share more rare pieces than is usual.

    Parameters
    ----------
    one, other : str
    tasks : tuple of (int, int)
        Numbers of the tasks, with how many rare pieces they share there; the most first.
    holders : int
        How many of the class have a piece that they share: the median.
    whole : bool
        Whether the sheet as a whole stands out, or tasks of it alone.
    """

    one: str
    other: str
    tasks: tuple[tuple[int, int], ...]
    holders: int
    whole: bool

    @property
    def shared(self) -> int:
        """Rare pieces in all tasks together."""
        return sum(count for _, count in self.tasks)


@dataclass
class Compared:
    """What a comparison found.

    Parameters
    ----------
    tasks : list of Task
    people : list of str
    pairs : list of Pair
        Those that share most first.
    clusters : list of list of str
        Three or more that hang together by pairs.
    told : str
        How the cut was made, in words.
    small : bool
        Whether the class is too small for a cut.
    rare : list of frozenset of int
        By task: the pieces that count.
    """

    tasks: list[Task]
    people: list[str]
    pairs: list[Pair]
    clusters: list[list[str]]
    told: str
    small: bool
    rare: list[frozenset[int]]


@dataclass(frozen=True)
class SameFile:
    """Trained networks that are the same, or nearly.

    Parameters
    ----------
    name : str
        Of the file.
    people : tuple of str
    exactly : bool
        Byte by byte; otherwise the weights lie very near.
    """

    name: str
    people: tuple[str, ...]
    exactly: bool


def read_answers(course: Path, assignment: str) -> tuple[list[Task], Roster]:
    """Read what everybody wrote, from graded notebooks: there every answer has its cell.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str

    Raises
    ------
    CourseError
        If nothing is graded.
    """
    course = Path(course).resolve()
    config = load_config(course)
    sources = source_notebooks(course, assignment)
    roster = read_roster(course) if roster_path(course) is not None else Roster(())
    tasks = {(task.notebook, task.name): task for task in _tasks(sources, course / "source" / assignment, config)}
    folders = [path for path in sorted((course / "autograded").glob(f"*/{assignment}")) if path.is_dir()]
    if not folders:
        raise CourseError(f"Nothing of {assignment} is graded yet: run `course autograde {assignment}` first.")
    for folder in folders:
        for name in sources:
            path = folder / f"{name}.ipynb"
            if path.is_symlink():
                continue
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                for key, text in _answers(json.loads(path.read_bytes())):
                    task = tasks.get((name, key))
                    if task is not None and text.strip() and text.strip() != task.released.strip():
                        task.answers[folder.parent.name] = text
    return list(tasks.values()), roster


def _released(path: Path, config: Config) -> dict[str, tuple[str, bool]]:
    """Return what students find in each cell, and whether it is code."""
    cells = enumerate(skeleton(path, config).cells)
    return {kinds.name(cell, i): (released_text(cell.source), cell.cell_type == "code") for i, cell in cells}


def _tasks(sources: dict[str, Notebook], folder: Path, config: Config) -> Iterator[Task]:
    for name, notebook in sources.items():
        released = _released(folder / f"{name}.ipynb", config)
        code = [text for text, is_code in released.values() if is_code]
        kept = frozenset().union(*map(names_in, code)) if code else frozenset()
        known = frozenset(piece for text in code for _, piece in pieces(text, kept))
        words = frozenset(
            piece for text, is_code in released.values() if not is_code for _, piece in prose_pieces(text)
        )
        titles = {index: section for section in notebook.sections for index in section.cells}
        for index, cell in enumerate(notebook.cells):
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            if not cell["metadata"].get("nbgrader", {}).get("solution"):
                continue
            section, prose = titles.get(index), cell["cell_type"] != "code"
            title = f"Exercise {section.number}: {section.title}" if section and section.number else ""
            stub = released.get(grade_id, ("", True))[0]
            yield Task(name, grade_id, title, stub, prose, {}, kept, words if prose else known)
        yield Task(name, OWN_CELLS, "", "", False, {}, kept, known)


def _answers(notebook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    own = []
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution"):
            yield str(marks.get("grade_id")), text_of(cell)
        elif kinds.course(cell).get("origin") == "student" and cell["cell_type"] == "code":
            own.append(text_of(cell))
    if own:
        yield OWN_CELLS, "\n".join(own)


def compare(tasks: list[Task], roster: Roster | None = None) -> Compared:
    """Find the pairs that stand out of their class.

    Of each pair it is measured how much of what they wrote is shared and rare, against how much they wrote and a usual
    amount of it: short answers have little to share. In a single task it counts, too, which part of both answers is
    shared: whoever copied one answer shares nearly all of it, and strangers some lines. Then, whom everybody is nearest
    to. The cut lies above the upper quartile of these nearest by three times the distance of the quartiles for all code
    and for all prose, by five times for each task, and never so low that a few turns of speech are enough.

    Parameters
    ----------
    tasks : list of Task
    roster : Roster, optional
        Hand-ins with a member in common are no pair.
    """
    people = sorted({who for task in tasks for who in task.answers})
    places = {who: number for number, who in enumerate(people)}
    n = len(people)
    # Code and prose each by themselves: a long text would drown a copied function.
    shared, amount = {prose: np.zeros((n, n)) for prose in (False, True)}, {False: np.zeros(n), True: np.zeros(n)}
    rare: list[frozenset[int]] = []
    chosen: dict[tuple[int, int], bool] = {}
    strength = np.zeros((n, n))
    small = n < _SMALLEST_CLASS
    same_people = _with_members_in_common(people, roster)
    for task in tasks:
        matrix, weights, wrote, names = _weighed(task, places, n)
        rare.append(names)
        if not matrix.shape[1]:
            continue
        together = (matrix.multiply(weights) @ matrix.T).toarray()
        shared[task.prose] += together
        amount[task.prose] += wrote
        if not small and (wrote > 0).sum() >= _SMALLEST_CLASS:
            near = _near(together, wrote, same_people) * _part(together, wrote)
            enough = (matrix @ matrix.T).toarray() >= _FEWEST
            chosen |= dict.fromkeys(_above(near, wrote > 0, strength, _ABOVE_IN_A_TASK, enough), False)
    for prose in (False, True):
        near = _near(shared[prose], amount[prose], same_people)
        if small:
            chosen |= dict.fromkeys(zip(*(part.tolist() for part in np.nonzero(np.triu(near, 1))), strict=True), True)
            np.maximum(strength, near, out=strength)
        elif (amount[prose] > 0).sum() >= _SMALLEST_CLASS:
            chosen |= dict.fromkeys(_above(near, amount[prose] > 0, strength, _ABOVE), True)
    found = [pair for pair in _pairs(chosen, tasks, people, rare) if pair.shared >= _FEWEST]
    found.sort(key=lambda pair: (-strength[places[pair.one], places[pair.other]], pair.one, pair.other))
    if small:
        found = found[:3]
    return Compared(tasks, people, found, _clusters(found), _told(n, small), small, rare)


def _with_members_in_common(people: list[str], roster: Roster | None) -> list[tuple[int, int]]:
    members: dict[str, list[int]] = {}
    for number, who in enumerate(people):
        owner = roster.owner(who) if roster is not None else None
        for student in owner.members if owner else ():
            members.setdefault(student.student_id, []).append(number)
    return [(i, j) for same in members.values() for i in same for j in same if i < j]


def _weighed(task: Task, places: dict[str, int], n: int) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray, frozenset]:
    """Return who has which rare pieces, what each counts, and how much everybody wrote."""
    own = {who: {piece for _, piece in task.pieces(who)} for who in task.answers}
    holders = Counter(piece for mine in own.values() for piece in mine)
    everybody = max(1, sum(map(bool, own.values())))
    common = max(2, _COMMON * everybody)
    worth = {piece: float(np.log(max(everybody, 2) / count)) for piece, count in holders.items() if count <= common}
    columns = {piece: i for i, piece in enumerate(piece for piece in worth if holders[piece] > 1)}
    rows, places_of = [], []
    wrote = np.zeros(n)
    for who, mine in own.items():
        wrote[places[who]] = sum(worth.get(piece, 0.0) for piece in mine)
        found = [columns[piece] for piece in mine if piece in columns]
        rows += [places[who]] * len(found)
        places_of += found
    matrix = sparse.csr_matrix((np.ones(len(rows)), (rows, places_of)), shape=(n, len(columns)))
    weights = np.array([worth[piece] for piece in columns]) if columns else np.zeros(0)
    return matrix, weights, wrote, frozenset(columns)


def _near(shared: np.ndarray, wrote: np.ndarray, same_people: list[tuple[int, int]]) -> np.ndarray:
    """Return how near everybody is to everybody."""
    usual = float(np.median(wrote[wrote > 0])) if (wrote > 0).any() else 1.0
    near = shared / (usual + np.sqrt(np.outer(wrote, wrote)))
    np.fill_diagonal(near, 0.0)
    for i, j in same_people:
        near[i, j] = near[j, i] = 0.0
    return near


def _part(shared: np.ndarray, wrote: np.ndarray) -> np.ndarray:
    """Return which part of what two wrote is in both answers."""
    either = wrote[:, None] + wrote[None, :] - shared
    return np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)


def _above(
    near: np.ndarray, who: np.ndarray, strength: np.ndarray, distances: float, enough: np.ndarray | None = None
) -> list[tuple[int, int]]:
    """Return the pairs above the cut, and note how far above it they are."""
    nearest = near.max(axis=1)[who]
    low, high = np.percentile(nearest, [25, 75])
    cut = max(float(high + distances * (high - low)), _LEAST)
    found = np.triu(near > cut, 1)
    if enough is not None:
        found &= enough
    pairs = list(zip(*(part.tolist() for part in np.nonzero(found)), strict=True))
    for i, j in pairs:
        strength[i, j] = max(strength[i, j], near[i, j] / cut)
    return pairs


def _pairs(
    chosen: dict[tuple[int, int], bool], tasks: list[Task], people: list[str], rare: list[frozenset[int]]
) -> list[Pair]:  # fmt: skip
    wanted = {people[i] for pair in chosen for i in pair}
    sets, holders = [], []
    for task, names in zip(tasks, rare, strict=True):
        mine = {who: {piece for _, piece in task.pieces(who)} & names for who in task.answers if who in wanted}
        sets.append(mine)
        holders.append(
            Counter(piece for who in task.answers for piece in {p for _, p in task.pieces(who)} & names) if mine else {}
        )
    found = []
    for (i, j), whole in chosen.items():
        one, other = people[i], people[j]
        both = [mine[one] & mine[other] if one in mine and other in mine else set() for mine in sets]
        order = sorted((k for k in range(len(tasks)) if both[k]), key=lambda k: (-len(both[k]), k))
        counts = [holders[k][piece] for k in order for piece in both[k]]
        found.append(
            Pair(one, other, tuple((k, len(both[k])) for k in order), int(np.median(counts)) if counts else 0, whole)
        )
    return found


def _clusters(pairs: list[Pair]) -> list[list[str]]:
    people = sorted({who for pair in pairs for who in (pair.one, pair.other)})
    if not people:
        return []
    places = {who: number for number, who in enumerate(people)}
    rows, columns = [places[pair.one] for pair in pairs], [places[pair.other] for pair in pairs]
    graph = sparse.coo_matrix((np.ones(len(pairs)), (rows, columns)), shape=(len(people),) * 2)
    _, labels = connected_components(graph, directed=False)
    groups = [[who for who in people if labels[places[who]] == label] for label in sorted(set(labels.tolist()))]
    return sorted((group for group in groups if len(group) > 2), key=lambda group: (-len(group), group))


def _told(n: int, small: bool) -> str:
    if n < 2:
        return "There are no two hand-ins to compare."
    if small:
        return (
            f"{n} hand-ins are too few to say what is usual among them: the pairs that share most are shown, whether "
            "or not that is much."
        )
    return (
        f"Of {n} hand-ins, {n * (n - 1) // 2:,} pairs were compared. What is usual was measured by the class: "
        "everybody has somebody whom they are nearest to, and a pair is shown if it lies far above these nearest. Of "
        "all code and of all prose of the sheet, that is more than three times the distance of their quartiles above "
        "the upper one; of a task by itself, more than five times, and there it counts which part of both answers is "
        "shared."
    )


def same_files(course: Path, assignment: str) -> list[SameFile]:
    """Find trained networks that several handed in: the same file, or weights that lie very near.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    """
    course = Path(course).resolve()
    by_name: dict[str, dict[str, Path]] = {}
    for who, folder in submitted_folders(course, load_config(course), assignment).items():
        for path in sorted((folder / "artifacts").glob("*.safetensors")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _MOST_BYTES:
                by_name.setdefault(path.name, {})[who] = path
    found = []
    for name, paths in sorted(by_name.items()):
        digests: dict[str, list[str]] = {}
        for who, path in paths.items():
            with path.open("rb") as file:
                digests.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), []).append(who)
        found += [SameFile(name, tuple(same), True) for same in digests.values() if len(same) > 1]
        found += _near_weights(name, {same[0]: paths[same[0]] for same in digests.values()})
    return found


_MOST_BYTES = 64 * 2**20
# Numbers of a network that are compared, and how much of a direction two must have in common.
_MOST_NUMBERS, _SAME_DIRECTION = 20_000, 0.999


def _near_weights(name: str, paths: dict[str, Path]) -> Iterable[SameFile]:
    samples: dict[tuple, dict[str, np.ndarray]] = {}
    for who, path in paths.items():
        sample = _sample(path)
        if sample is not None:
            samples.setdefault(sample[0], {})[who] = sample[1]
    for group in samples.values():
        people = list(group)
        if len(people) < 2:
            continue
        rows = np.stack([group[who] for who in people])
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
        alike = np.triu(rows @ rows.T > _SAME_DIRECTION, 1)
        _, labels = connected_components(sparse.csr_matrix(alike), directed=False)
        for label in sorted(set(labels.tolist())):
            same = tuple(who for who, mine in zip(people, labels, strict=True) if mine == label)
            if len(same) > 1:
                yield SameFile(name, same, False)


def _sample(path: Path) -> tuple[tuple, np.ndarray] | None:
    """Return the shapes of a network's weights, and some of its numbers: the same ones of each of these shapes."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            tensors = {key: file.get_tensor(key) for key in sorted(file.keys())}
    except (SafetensorError, OSError, TypeError, ValueError, AttributeError):
        return None
    numbers = [np.asarray(values, np.float32).ravel() for values in tensors.values()]
    total = sum(map(len, numbers))
    if total < 16:
        return None
    step = max(1, total // _MOST_NUMBERS)
    sample = np.concatenate(numbers)[::step]
    if not np.isfinite(sample).all():
        return None
    return tuple((key, values.shape) for key, values in tensors.items()), sample
