"""Tests of classes: whose objects a test means as such, which comparisons they answer, and what can't reach them."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from course_utils.notebooks import cells as kinds
from course_utils.notebooks.texts import one_line

__all__ = ["classes", "functions", "problems", "used"]

Problem = tuple[int, str, bool]
_MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_RAISES = ("raises", "assertRaises", "assertRaisesRegex", "suppress")
# What a test may not replace: the student's code would not see it. Redirected output arrives all the same.
_REPLACED = re.compile(r"(builtins|sys|__main__)\.(?!(stdout|stderr)$)")
_COPIES = {"copy": ("copy", "deepcopy", "replace"), "pickle": ("dumps",)}
_LOOKED_INTO = ("signature", "getsource", "getsourcelines", "getfullargspec", "getmembers")


def classes(cells: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the classes that a course's notebook defines in the student's process, with its solutions.

    Parameters
    ----------
    cells : iterable of dict
        Of the source, in the order of the notebook, each with its text in one piece.

    Examples
    --------
    >>> cell = {"cell_type": "code", "metadata": {}, "source": "class Stack:\\n    class Node: pass"}
    >>> sorted(classes([cell]))
    ['Stack']
    """
    return _defined(cells, ast.ClassDef)


def functions(cells: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the functions that it defines there."""
    return _defined(cells, ast.FunctionDef)


def _defined(cells: Iterable[Mapping[str, Any]], kind: type[ast.ClassDef | ast.FunctionDef]) -> frozenset[str]:
    found: set[str] = set()
    trusted: set[str] = set()
    for cell in cells:
        if cell["cell_type"] == "code" and not kinds.is_test(cell):
            names = {node.name for node in _statements(_parse(cell["source"])) if isinstance(node, kind)}
            (trusted if kinds.is_trusted(cell) else found).update(names)
    return frozenset(found - trusted)  # what is trusted is the test's own


def used(source: str, known: Collection[str]) -> list[str]:
    """Return which classes a test names, in alphabetical order."""
    if not known:
        return []
    names = {node.id for node in ast.walk(_parse(source)) if isinstance(node, ast.Name)}
    return sorted(names & set(known))


def problems(
    cell: Mapping[str, Any], cells: Iterable[Mapping[str, Any]], beside: Collection[str] = ()
) -> Iterator[Problem]:
    """Say of a test which comparisons the student's classes answer, and what it asks for that can't cross.

    Parameters
    ----------
    cell : dict
        Of the course's source.
    cells : iterable of dict
        All of its notebook.
    beside : collection of str
        Files beside the notebook: classes of modules are other ones in the process of the tests.

    Yields
    ------
    tuple of (int, str, bool)
        Line, sentence, whether it is serious.
    """
    if not kinds.is_test(cell) or kinds.is_in_kernel(cell):
        return
    about = kinds.course(cell)
    named = about.get("objects") if isinstance(about, dict) else None
    tree, cells = _parse(cell["source"]), list(cells)
    look = _Look(tree, {*classes(cells), *(named if isinstance(named, list) else ())}, beside)
    look.functions = functions(cells) - look.bound
    refused = dict(sorted((line, text) for node in ast.walk(tree) for line, text in look.refused(node)))
    yield from ((line, text, True) for line, text in refused.items())
    answered = dict(sorted((line, text) for node in ast.walk(tree) for line, text in look.answered(node)))
    yield from ((line, text, False) for line, text in answered.items() if line not in refused)


class _Look:
    """One look at a test: which of its names are objects of classes of the exercise."""

    functions: frozenset[str] = frozenset()

    def __init__(self, tree: ast.Module, known: set[str], beside: Collection[str]) -> None:
        self.own = {name.partition("/")[0].removesuffix(".py") for name in beside if name.endswith(".py")}
        bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        bound |= {node.name for node in ast.walk(tree) if isinstance(node, _DEFINITIONS)}
        self.bound, self.known = bound, known - bound
        self.objects: dict[str, str] = {}  # of which class a name is an object
        for node in ast.walk(tree):
            self._note(node)

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._pair(target, value)
            case ast.For(target=target, iter=ast.List(elts=entries) | ast.Tuple(elts=entries)):
                for entry in entries:
                    self._pair(target, entry)
            case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), kind]):
                if found := self.class_in(kind):
                    self.objects[name] = found

    def _pair(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, other in zip(target.elts, value.elts, strict=False):
                self._pair(one, other)
        elif isinstance(target, ast.Name) and (found := self.class_of(value)):
            self.objects[target.id] = found

    def class_in(self, kind: ast.expr | None) -> str:
        """Return the student's class that an expression names, alone or in a tuple; empty if there is none."""
        parts = kind.elts if isinstance(kind, ast.Tuple) else [kind]
        return next((part.id for part in parts if isinstance(part, ast.Name) and part.id in self.known), "")

    def class_of(self, value: ast.expr) -> str:
        """Return of which class a value surely is an object; empty if that can't be said."""
        match value:
            case ast.Call(func=ast.Name(id=name)) if name in self.known:
                return name
            case ast.Name(id=name):
                return self.objects.get(name, "")
            case ast.List(elts=entries) | ast.Tuple(elts=entries) | ast.Set(elts=entries):
                return next(filter(None, map(self.class_of, entries)), "")
        return ""

    def answered(self, node: ast.AST) -> Iterator[tuple[int, str]]:
        """Say which comparison a class of the student answers."""
        if not isinstance(node, ast.Compare) or any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            return
        sides = [node.left, *node.comparators]
        found = next(filter(None, map(self.class_of, sides)), "")
        if found:
            text = f"'{_shown(node)}' is answered by the student's own {found}"
            if not all(map(self.class_of, sides)):
                text += ", which is handed what it is compared with"
            yield node.lineno, f"{text}."

    def refused(self, node: ast.AST) -> Iterator[tuple[int, str]]:
        """Say what can't cross, and how to write it."""
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Compare(left=left, ops=ops, comparators=[*others]):
                yield from ((line, text) for text in self._compared(node, [left, *others], ops))
            case ast.ClassDef(bases=bases) if found := next(filter(None, map(self.class_in, bases)), ""):
                yield line, f"a class of the test can't be derived from {found}: move it into a locked cell above."
            case ast.ExceptHandler(type=kind) if found := self.class_in(kind):
                yield line, _of_exception(found)
            case ast.MatchClass(cls=kind) if found := self.class_in(kind):
                yield line, f"a pattern can't know the student's {found}. Write isinstance(..., {found})."
            case ast.withitem(context_expr=value) if found := self.class_of(value):
                text = (
                    f"'with' can't enter an object of the student's {found}. Let a function in a locked cell above do"
                )
                yield value.lineno, f"{text} it, and call that."
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="sys" | "builtins" as name), attr=attr)]):
                if (name, attr) not in (("sys", "stdout"), ("sys", "stderr")):
                    yield line, _replaced(f"{name}.{attr}")
            case ast.ImportFrom(module=module, names=aliases) if (module or "").partition(".")[0] in self.own:
                taken = [alias.name for alias in aliases if (alias.asname or alias.name) in self.known]
                yield from ((line, f"{name} of {module} is another class than the notebook's {name}. Leave the import "
                                   "out: a test finds the notebook's by its name.") for name in taken)  # fmt: skip
            case ast.Call():
                yield from ((line, text) for text in self._called(node))

    def _compared(self, node: ast.Compare, sides: list[ast.expr], ops: list[ast.cmpop]) -> Iterator[str]:
        of_type = any(
            (isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "type")
            or (isinstance(side, ast.Attribute) and side.attr == "__class__")
            for side in sides
        )
        found = next(filter(None, map(self.class_in, sides)), "")
        if of_type and found:
            yield f"'{_shown(node)}' is never so: a type here stands for the student's. Write isinstance(..., {found})."
            return
        same = any(isinstance(op, (ast.Is, ast.IsNot)) for op in ops) and any(map(self.class_of, sides))
        # Of what the test made itself it is answered rightly, and of None and True.
        if same and not all(self.class_of(side) or isinstance(side, ast.Constant) for side in sides):
            text = f"'{_shown(node)}' asks for the same object, but a test holds references of its own"
            yield f"{text}. Write ==, or compare an attribute."

    def _called(self, node: ast.Call) -> Iterator[str]:
        first = node.args[0] if node.args else None
        owner, name = _parts(node.func)
        if name in _RAISES and (found := next(filter(None, map(self.class_in, node.args)), "")):
            yield _of_exception(found)
        elif (owner, name) in (("", "patch"), ("mock", "patch"), ("monkeypatch", "setattr")):
            if isinstance(first, ast.Constant) and _REPLACED.match(str(first.value)):
                yield _replaced(str(first.value))
        elif any(name in names and owner in ("", module) for module, names in _COPIES.items()):
            if first is not None and (found := self.class_of(first)):
                text = f"an object of the student's {found} can't be copied here"
                yield f"{text}. Let a function in a locked cell above do it, and call that."
        elif name in _LOOKED_INTO and getattr(first, "id", "") in self.functions | self.known:
            text = f"inspect.{name} can't look into the student's {first.id}: it is in another process. Call it, or use"
            yield f"{text} checks.assert_no_calls and checks.assert_calls for rules on its source."


def _of_exception(name: str) -> str:
    return (
        f"the student's exception {name} arrives under its name, not as that class. Write 'except Exception as error:' "
        f"and compare type(error).__name__ with '{name}'."
    )


def _replaced(what: str) -> str:
    return (
        f"{one_line(what)} is replaced for the test alone; the student's code runs in another process. Let the "
        "function take as an argument what it would read."
    )


def _parts(function: ast.expr) -> tuple[str, str]:
    """Return the last two parts of a dotted name."""
    if isinstance(function, ast.Name):
        return "", function.id
    if isinstance(function, ast.Attribute):
        owner = function.value
        return getattr(owner, "id", None) or getattr(owner, "attr", ""), function.attr
    return "", ""


def _shown(node: ast.AST) -> str:
    return one_line(ast.unparse(node), 60)


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that run in the cell itself, also those below `if`, `try` and `with`."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, (ast.stmt, ast.ExceptHandler)) and not isinstance(node, _DEFINITIONS):
            waiting += [part for part in ast.iter_child_nodes(node) if isinstance(part, (ast.stmt, ast.ExceptHandler))]


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(_MAGIC.sub("pass", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
