"""A student who computes nothing: every value and every line of a released notebook is tried as an answer.

`copies` plays the tests of a notebook in this process, on the reference. One name that the student was asked for is
replaced at a time: a variable by whatever value stands in the released text (numbers of the prose, entries of tables,
each expression of a visible cell, worked out where its names are given), a function by each function and each
expression with as many free names that stands there, in the package as well, and by a table of what the visible check
compares its results with, call by call. What passes can be had by reading.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import hashlib
import importlib
import io
import itertools
import linecache
import math
import os
import pkgutil
import re
import signal
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import numpy as np

from course_utils.notebooks import cells as kinds
from tests.support.engine import ROOT, SOURCE, answered, lay_out_artifacts
from tests.support.tables import Told, overhearing

# Seconds for one expression or one test.
_PATIENCE_S = 20
# Free names of an expression that may be arguments, and in how many orders they are tried.
_MOST_NAMES, _MOST_ORDERS = 4, 24


def copies(name: Path) -> tuple[dict[str, str], list[str]]:
    """Look for points of a notebook that can be copied.

    Parameters
    ----------
    name : pathlib.Path
        ``assignment/notebook.ipynb``.

    Returns
    -------
    found : dict of str to str
        By test cell: what was copied, for each name it asks for.
    left_out : list of str
        Test cells that can't be played in this process.
    """
    released = nbformat.read(ROOT / "release" / name, as_version=4)
    notebook = answered(SOURCE / name)
    with _playing(name.parts[0]):
        return _Copier(notebook, released, name.parts[0]).all()


@contextlib.contextmanager
def _playing(assignment: str) -> Iterator[None]:
    """Let cells run here: hidden files can be imported, figures and texts go nowhere, nothing is left behind.

    Nothing is trained, as at grading: else each line of a notebook that trains would be tried by training a network.
    """
    import matplotlib.pyplot

    from course_utils import training

    matplotlib.use("agg")
    before, old = set(sys.modules), Path.cwd()
    own = str(SOURCE / assignment)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        sys.path.insert(0, own)
        lay_out_artifacts(assignment, Path(folder), {})
        os.chdir(folder)
        try:
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
                mock.patch.object(training, "train", functools.partial(_load, training.train)),
            ):
                yield
        finally:
            os.chdir(old)
            sys.path.remove(own)
            for module in set(sys.modules) - before:
                if module.partition(".")[0] == "hidden":
                    del sys.modules[module]
            matplotlib.pyplot.close("all")


def _load(train: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Load a network as `training.train` does at grading."""
    with mock.patch.dict(os.environ, {"COURSE_GRADING": "1"}):
        return train(*args, **options)


class _Copier:
    def __init__(self, notebook: nbformat.NotebookNode, released: nbformat.NotebookNode, assignment: str) -> None:
        self.notebook, self.released, self.assignment = notebook, released, assignment
        self.asked: dict[str, str] = {}  # names of answers, with the solution cell that binds them
        self.given: dict[str, Any] = {}
        # By cell of the release: the given names when it was worked out, and what came out.
        self.worked_out: dict[int, tuple[frozenset[str], list[tuple[str, Any]]]] = {}

    def all(self) -> tuple[dict[str, str], list[str]]:
        found: dict[str, str] = {}
        left_out: list[str] = []
        namespace: dict[str, Any] = {"__name__": "__main__"}
        for index, cell in enumerate(self.notebook.cells):
            if cell.cell_type != "code" or kinds.is_shown_only(cell):
                continue
            name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            if not kinds.is_test(cell):
                bound = _bound(cell.source)
                try:
                    _run(cell.source, namespace)
                except Exception as error:
                    why = f"{name or f'cell {index + 1}'} does not run here, {type(error).__name__}"
                    rest = filter(kinds.is_test, self.notebook.cells[index:])
                    return found, left_out + [f"{test.metadata.nbgrader.grade_id}: {why}" for test in rest]
                if kinds.is_students(cell):
                    self.asked |= dict.fromkeys(bound, name)
                else:
                    self.given |= {key: namespace[key] for key in bound if key in namespace}
                continue
            wanted = sorted((_read(cell.source) - _bound(cell.source)) & set(self.asked) & set(namespace))
            if not kinds.points(cell) or not wanted:
                continue
            if not _passes(cell.source, namespace, {}):
                left_out.append(f"{name}: the reference does not pass here")
                continue
            how: dict[str, str] = {}
            for key in wanted:
                how[key] = self.how(key, cell, namespace)
                if not how[key]:
                    break  # who has to compute one of them earns nothing by copying the others
            if all(how.values()):
                found[name] = "; ".join(f"{key} = {text}" for key, text in how.items())
        return found, left_out

    def how(self, name: str, cell: nbformat.NotebookNode, namespace: dict[str, Any]) -> str:
        """Return what of the released text passes as an answer; empty if nothing does."""
        reference = namespace[name]
        if isinstance(reference, (types.FunctionType, type)):
            if isinstance(reference, type):
                candidates = self._classes()
            else:
                candidates = itertools.chain(
                    self._tables(name, cell, namespace), self._functions(reference), self._expressions(reference)
                )
            tried = _first_call(name, cell.source, namespace)
            is_asked = tried is not None and tried[2] is not None  # for something that is returned
            for text, candidate in candidates:
                is_idle = is_asked and self._returns_nothing(text, candidate)
                if candidate is reference or is_idle or (_draws(text) and not _is_drawing(tried)):
                    continue
                if not (text.startswith("a table") or _can_pass(candidate, tried)):
                    continue
                if _passes(cell.source, namespace, {name: candidate}):
                    return text
            return ""
        if isinstance(reference, dict):
            entry = {key: self._near(wanted) for key, wanted in reference.items()}
            whole = {key: value for key, (_, value) in entry.items()}
            text = ", ".join(f"{key}: {source}" for key, (source, _) in entry.items())
            if all(source for source, _ in entry.values()) and _passes(cell.source, namespace, {name: whole}):
                return text
        for text, value in self._values():
            if _is_near(value, reference) and _passes(cell.source, namespace, {name: value}):
                return text
        return ""

    def _near(self, reference: Any) -> tuple[str, Any]:
        """Return what stands there that is nearest to a value; an empty text if nothing is near."""
        near = [(text, value) for text, value in self._values() if _is_near(value, reference)]
        exact = [(text, value) for text, value in near if _is_same(value, reference)]
        return (exact or near or [("", None)])[0]

    # What stands in the released notebook.

    def _texts(self) -> Iterator[tuple[nbformat.NotebookNode, str]]:
        for cell in self.released.cells:
            yield cell, cell.source

    def _values(self) -> list[tuple[str, Any]]:
        """Return what can be worked out, each cell anew once more of its names are given, and constants of modules."""
        found = [
            (f"{module.__name__}.{name}", value)
            for module in self._modules()
            for name, value in vars(module).items()
            if not name.startswith("__") and not isinstance(value, (types.ModuleType, types.FunctionType, type))
        ]
        for index, (cell, text) in enumerate(self._texts()):
            known = frozenset(_read_of(text) & set(self.given)) if cell.cell_type == "code" else frozenset()
            if self.worked_out.get(index, ((), ()))[0] != known:
                self.worked_out[index] = known, list(self._values_of(cell, text))
            found += self.worked_out[index][1]
        return found

    def _values_of(self, cell: nbformat.NotebookNode, text: str) -> Iterator[tuple[str, Any]]:
        yield from _numbers(text)
        if cell.cell_type != "code":
            return
        with contextlib.suppress(SyntaxError):
            tree = ast.parse(text)
            own = dict(self.given)
            for node in tree.body:  # what the cell itself works out on its way
                for part in ast.walk(node):
                    if isinstance(part, ast.expr) and not isinstance(part, (ast.Name, ast.Starred)):
                        with contextlib.suppress(Exception):
                            yield ast.unparse(part), _evaluate(part, own)
                if isinstance(node, (ast.Assign, ast.Import, ast.ImportFrom, ast.FunctionDef)):
                    with contextlib.suppress(Exception):
                        _run(ast.unparse(node), own)
                        for name in _bound(ast.unparse(node)):
                            yield name, own[name]

    def _tables(self, name: str, cell: nbformat.NotebookNode, namespace: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield a function that answers the calls of the visible check with what the check compares them with."""
        grade_id = cell.metadata.nbgrader.grade_id
        shown = [c.source for c in self.released.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id]
        answers: list[Told] = []

        def asked(*_: Any, **__: Any) -> Told:
            answers.append(Told())
            return answers[-1]

        checks = {key: overhearing(key) for key in namespace if key.startswith("assert_")}
        with contextlib.suppress(Exception), _limited():
            _run("\n".join(shown), {**namespace, **checks, name: asked})
        if answers:
            scope = {"_rows": iter([answer.told() for answer in answers])}
            _run("def _table(*_, **__):\n    return next(_rows)\n", scope)
            yield "a table of what the visible check expects", scope["_table"]

    def _functions(self, reference: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
        arity = reference.__code__.co_argcount
        for module in self._modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, types.FunctionType) and value.__code__.co_argcount >= min(arity, 1):
                    yield f"{module.__name__}.{name}", value
        for value in self.given.values():
            if isinstance(value, types.FunctionType) and not _is_check(value.__name__):
                yield value.__name__, value

    def _returns_nothing(self, text: str, candidate: Callable[..., Any]) -> bool:
        """Whether a candidate is, or only calls, a function that says it returns nothing: checks do, and figures.

        Such a one reads the syntax tree or draws, for half a second.
        """
        function = candidate
        if text.startswith("return "):
            called = ast.parse(text.removeprefix("return "), mode="eval").body
            is_named = isinstance(called, ast.Call) and isinstance(called.func, ast.Name)
            function = self.given.get(called.func.id) if is_named else None
        return getattr(function, "__annotations__", {}).get("return", "") in (None, "None")

    def _classes(self) -> Iterator[tuple[str, Any]]:
        for module in self._modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, type):
                    yield f"{module.__name__}.{name}", value

    def _modules(self) -> list[types.ModuleType]:
        """Return the modules of the package that are about this assignment, and those that the notebook imports."""
        package = f"course_utils.lessons.{self.assignment.replace('-', '_')}"
        imported = {value.__name__ for value in self.given.values() if isinstance(value, types.ModuleType)}
        names = {name for name in imported if name.startswith("course_utils.") and "checks" not in name}
        with contextlib.suppress(ModuleNotFoundError):
            room = importlib.import_module(package)
            names |= {f"{package}.{each.name}" for each in pkgutil.iter_modules(room.__path__)}
        return [importlib.import_module(name) for name in sorted(names)]

    def _expressions(self, reference: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
        """Yield functions that return an expression of a released cell, its free names taken for the arguments."""
        code = reference.__code__
        arguments = code.co_varnames[: code.co_argcount]
        defaults = reference.__defaults__ or ()
        seen: set[str] = set()
        for other, text in self._texts():
            if other.cell_type != "code":
                continue
            with contextlib.suppress(SyntaxError):
                for part in ast.walk(ast.parse(text)):
                    if not isinstance(part, (ast.BinOp, ast.Call, ast.Tuple, ast.IfExp, ast.Compare, ast.Subscript)):
                        continue
                    source = ast.unparse(part)
                    if source in seen or len(source) > 300 or reference.__name__ in source or _is_check(source):
                        continue
                    seen.add(source)
                    yield from self._as_function(part, source, arguments, defaults)

    def _as_function(
        self, part: ast.expr, source: str, arguments: tuple[str, ...], defaults: tuple[Any, ...]
    ) -> Iterator[tuple[str, Any]]:
        inner = {n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        named = [n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
        free = [n for n in dict.fromkeys(named) if n not in inner and n not in self.given and n not in _BUILTINS]
        if not free or len(free) > min(_MOST_NAMES, len(arguments)):
            return
        if set(free) <= set(arguments):
            orders: list[tuple[str, ...]] = [tuple(free)]
        else:
            orders = list(itertools.islice(itertools.permutations(arguments, len(free)), _MOST_ORDERS))
        for order in orders:
            binding = ", ".join(f"{old} = {new}" for old, new in zip(free, order, strict=True) if old != new)
            scope = dict(self.given)
            text = (
                f"def _copy({', '.join(arguments)}):\n    {binding.replace(', ', '; ') or 'pass'}\n    return {source}"
            )
            with contextlib.suppress(Exception):
                exec(text, scope)
                scope["_copy"].__defaults__ = defaults
                yield f"return {source}", scope["_copy"]


_BUILTINS = set(dir(__builtins__)) if not isinstance(__builtins__, dict) else set(__builtins__)


def _draws(text: str) -> bool:
    """Whether a function, or an expression, is one that draws a figure, by its name: that takes long."""
    return bool(re.match(r"(return )?([\w.]*\.)?(plot|show)_", text))


def _is_drawing(tried: tuple[Any, ...] | None) -> bool:
    """Whether a test's first call is answered with something of Matplotlib; so too if that is unknown."""
    return tried is None or type(tried[2]).__module__.startswith("matplotlib")


def _is_check(source: str) -> bool:
    """Whether a function is a check, or an expression the call of one: it returns nothing, and may read much source."""
    return source.startswith("assert_")


def _numbers(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the numbers of a text, as they stand and as one over them, and tuples of them.

    Not of what is sealed: its signs are random, so that any number of two digits stands somewhere in it.
    """
    text = re.sub(r"\S{100,}", " ", text)
    for found in re.findall(r"(?<![\w.])-?\d[\d,_ ]*(?:\.\d+)?(?:e-?\d+)?", text):
        plain = re.sub(r"[,_ ]", "", found)
        with contextlib.suppress(ValueError):
            number = float(plain)
            yield plain, int(number) if number.is_integer() and "." not in plain else number
            if number:
                yield f"1/{plain}", 1 / number
    for found in re.findall(r"\(\d[\d, ]*\)", text):
        with contextlib.suppress(ValueError, SyntaxError):
            yield found, ast.literal_eval(found)


def _is_near(value: Any, reference: Any) -> bool:
    """Whether a value may pass where the reference does: without this, most tests would be played for nothing."""
    if isinstance(reference, (bool, str)) or reference is None:
        return type(value) is type(reference) and value == reference
    with contextlib.suppress(Exception):
        if isinstance(reference, (int, float, np.number)):
            return isinstance(value, (int, float, np.number)) and math.isclose(
                value, reference, rel_tol=2e-2, abs_tol=1e-9
            )
        if isinstance(reference, dict):
            return isinstance(value, dict) and set(value) >= set(reference)
        if hasattr(reference, "shape"):
            shape = getattr(value, "shape", None)
            return (
                shape is not None
                and tuple(shape) == tuple(reference.shape)
                and bool(np.allclose(np.asarray(value, float), np.asarray(reference, float), rtol=2e-2, atol=1e-6))
            )
        if isinstance(reference, (list, tuple)):
            return isinstance(value, (list, tuple)) and len(value) == len(reference)
        return type(value) is type(reference)
    return False


def _is_same(value: Any, reference: Any) -> bool:
    with contextlib.suppress(Exception):
        return isinstance(value, (int, float, tuple)) and bool(value == reference)
    return False


class _TooLong(Exception):
    pass


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_PATIENCE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _run(source: str, namespace: dict[str, Any]) -> None:
    exec(_compiled(source), namespace)


@functools.lru_cache(maxsize=1000)
def _compiled(source: str) -> types.CodeType:
    plain = "\n".join("pass" if line.startswith(("%", "!")) else line for line in source.split("\n"))
    # Where rules look for the source of a function.
    place = f"<cell {hashlib.sha256(plain.encode()).hexdigest()[:16]}>"
    linecache.cache[place] = (len(plain), None, plain.splitlines(keepends=True), place)
    return compile(plain, place, "exec")


def _evaluate(part: ast.expr, names: dict[str, Any]) -> Any:
    with _limited():
        return eval(compile(ast.Expression(part), "<text>", "eval"), dict(names))


def _passes(test: str, namespace: dict[str, Any], instead: dict[str, Any]) -> bool:
    scope = {**namespace, **instead}
    try:
        with _limited():
            _run(test, scope)
    except (Exception, SystemExit):
        return False
    return True


class _Call(BaseException):
    """Ends a test at its first call of a function."""


def _first_call(name: str, test: str, namespace: dict[str, Any]) -> tuple[Any, ...] | None:
    """Return the arguments of the test's first call of a function, and what the reference returns; None if unknown."""
    reference = namespace[name]
    calls: list[tuple[Any, ...]] = []

    @functools.wraps(reference, updated=())
    def recording(*args: Any, **kwargs: Any) -> None:
        calls.append((*copy.deepcopy((args, kwargs)), reference(*args, **kwargs)))
        raise _Call

    with contextlib.suppress(Exception, _Call), _limited():
        _run(test, {**namespace, name: recording})
    return calls[0] if calls else None


def _can_pass(candidate: Callable[..., Any], tried: tuple[Any, ...] | None) -> bool:
    """Whether a candidate answers the first call of the test at all, with something of the right kind.

    Most don't, and a test that trains or measures networks takes long to say so.
    """
    if tried is None:
        return True
    try:
        args, kwargs = copy.deepcopy(tried[:2])
        with _limited():
            answer = candidate(*args, **kwargs)
    except (Exception, SystemExit):
        return False
    return (answer is None) == (tried[2] is None) and callable(answer) == callable(tried[2])


def _bound(source: str) -> set[str]:
    try:
        tree = ast.parse("\n".join("pass" if line.startswith(("%", "!")) else line for line in source.split("\n")))
    except SyntaxError:
        return set()
    found = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return found


def _read(source: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)} if source else set()


def _read_of(source: str) -> set[str]:
    with contextlib.suppress(SyntaxError):
        return _read(source)
    return set()


def points_of(name: Path) -> dict[str, float]:
    """Return the automatic points of a notebook by test cell."""
    cells = nbformat.read(SOURCE / name, as_version=4).cells
    return {cell.metadata.nbgrader.grade_id: kinds.points(cell) for cell in cells if kinds.is_test(cell)}
