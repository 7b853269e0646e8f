"""Rules about how a solution is written, checked on its syntax tree."""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from course_utils.checks.reachable import SourceNotFound, brought_by, names_looked_up, of_a_library, reached

__all__ = [
    "SourceNotFound",
    "forbidden_in",
    "forbidden_names",
    "loops_in",
    "loops_of",
    "modules_in",
    "modules_of",
    "numbers_in",
    "numbers_of",
]

# Ways to reach a name without writing it. A solution has no need of them, so a rule forbids them as well.
_DETOURS = {
    "__import__", "__builtins__", "__dict__", "__getattribute__", "compile", "eval", "exec", "getattr",
    "globals", "importlib", "locals", "vars", "run_line_magic", "run_cell_magic", "get_ipython",
}  # fmt: skip


def forbidden_names(function: Any, forbidden: Sequence[str], own: Sequence[str] = ()) -> set[str]:
    """Return which forbidden names the source of a function uses.

    Parameters
    ----------
    function : callable
        A function from a notebook cell. At grading time it is a stand-in which brings the student's cells
        with it (attribute `__course_source__`); those are looked at instead of the kernel's word.
    forbidden : sequence of str
        Dotted names; the last part decides, whatever it was imported as.
    own : sequence of str, optional
        As in `forbidden_in`.

    Returns
    -------
    set of str
        The names as the student wrote them.

    Raises
    ------
    SourceNotFound
        If there is no source to look at.
    """
    if (origin := of_a_library(function)) and origin.rpartition(".")[2] in {
        name.rpartition(".")[2] for name in forbidden
    }:
        return {origin}
    name, cells, files = brought_by(function)
    return forbidden_in(name, cells, forbidden, files, own)


def modules_of(function: Any) -> set[str]:
    """Return `modules_in` of the source of a function, as `forbidden_names` finds it."""
    return modules_in(*brought_by(function))


def loops_of(function: Any) -> set[str]:
    """Return `loops_in` of the source of a function, as `forbidden_names` finds it."""
    return loops_in(*brought_by(function))


def numbers_of(function: Any, numbers: Iterable[float]) -> set[float]:
    """Return `numbers_in` of the source of a function, as `forbidden_names` finds it."""
    name, cells, files = brought_by(function)
    return numbers_in(name, cells, numbers, files)


def forbidden_in(
    name: str,
    cells: Iterable[str],
    forbidden: Sequence[str],
    files: Mapping[str, str] | None = None,
    own: Sequence[str] = (),
) -> set[str]:
    """Return which forbidden names are used by `name`, or by what it uses, in the given cells.

    Parameters
    ----------
    name : str
        The function or class the rule is for.
    cells : iterable of str
        Source of the student's cells in the order in which they ran: a later definition of a function or class takes
        the place of earlier ones. A cell that is no valid Python is skipped: it never ran.
    forbidden : sequence of str
        Dotted names; the last part decides. "@" stands for the operator.
    files : mapping of str to str, optional
        Sources of the student's own modules and notebooks, by path from the notebook's folder; looked at are those
        that cells import or run. Of a notebook, its code cells, separated by NUL.
    own : sequence of str, optional
        Names of the student's own functions, of earlier exercises, that may not be used either; a function of such a
        name is allowed among `forbidden`.

    Returns
    -------
    set of str

    Raises
    ------
    SourceNotFound
        If no cell defines `name`.

    Examples
    --------
    >>> cell = "from torch.nn.functional import conv2d as c\\ndef mine(x, w): return c(x, w)"
    >>> forbidden_in("mine", [cell], ["F.conv2d"])
    {'torch.nn.functional.conv2d (as c)'}
    """
    last = {dotted.rpartition(".")[2] for dotted in forbidden}
    used: set[str] = set()
    for scope, statement in reached(name, cells, files):
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and id(node) in scope.own:
                continue
            if isinstance(node, ast.Attribute) and (node.attr in last or node.attr in _DETOURS):
                used.add(ast.unparse(node) if len(ast.unparse(node)) < 60 else f"….{node.attr}")
            elif "@" in last and isinstance(getattr(node, "op", None), ast.MatMult):
                used.add("@")
        for loaded in names_looked_up(statement):
            known = scope.origin(loaded, statement)
            origin, imported = known or loaded, known is not None or loaded not in scope.definitions
            if origin.rpartition(".")[2] in last and imported:
                used.add(origin if origin == loaded else f"{origin} (as {loaded})")
            elif loaded in own or (loaded in _DETOURS and loaded not in scope.definitions):
                used.add(loaded)
    return used


def modules_in(name: str, cells: Iterable[str], files: Mapping[str, str] | None = None) -> set[str]:
    """Return the packages that `name`, or what it uses, takes from elsewhere: not Python's own, not own modules.

    Parameters
    ----------
    name, cells, files
        As in `forbidden_in`.

    Returns
    -------
    set of str
        By the name under which they are imported; of a way to reach a module without importing it, the way.

    Raises
    ------
    SourceNotFound
        If no cell defines `name`.

    Examples
    --------
    >>> cell = "import torch.nn.functional as F\\nimport math\\ndef mine(x): return F.relu(x) + math.pi"
    >>> modules_in("mine", [cell])
    {'torch'}
    """
    found: set[str] = set()
    own = {part for path in files or {} for part in path.removesuffix(".py").split("/")}
    for scope, statement in reached(name, cells, files):
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Attribute) and node.attr in _DETOURS:
                found.add(node.attr)
        found |= {name for name in names_looked_up(statement) & _DETOURS if name not in scope.definitions}
    return {module for module in found if module in _DETOURS or module not in {*sys.stdlib_module_names, *own}}


def loops_in(name: str, cells: Iterable[str], files: Mapping[str, str] | None = None) -> set[str]:
    """Return the kinds of loops that are written in `name`, or in what it uses, and the functions that loop for it.

    Parameters
    ----------
    name, cells, files
        As in `forbidden_in`.

    Returns
    -------
    set of str

    Raises
    ------
    SourceNotFound
        If no cell defines `name`.

    Examples
    --------
    >>> loops_in("mine", ["def squares(n): return [i * i for i in range(n)]\\ndef mine(n): return sum(squares(n))"])
    {'a comprehension'}
    """
    written = {
        kind for _, statement in reached(name, cells, files) for node in ast.walk(statement)
        for kinds, kind in _LOOPS.items() if isinstance(node, kinds)
    }  # fmt: skip
    used = forbidden_in(name, cells, sorted(_LOOPING), files)
    return written | {spelling for spelling in used if _loops(*spelling.partition(" ")[0].rpartition(".")[::2])}


def _loops(owner: str, function: str) -> bool:
    """Whether a function loops; of a name that has other meanings (`numpy.add.reduce`), only Python's own does."""
    return owner in _LOOPING.get(function, ()) or (function in _LOOPING and not _LOOPING[function])


_LOOPS = {
    (ast.For, ast.AsyncFor): "a for loop",
    (ast.While,): "a while loop",
    (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp): "a comprehension",
}
# They call a function once for each element: by name, whose function it has to be; empty: anybody's.
_LOOPING = {
    "map": ("", "builtins"),
    "starmap": ("", "itertools"),
    "reduce": ("", "functools", "_functools"),
    "vectorize": (),
    "frompyfunc": (),
    "apply_along_axis": (),
}


def numbers_in(
    name: str, cells: Iterable[str], numbers: Iterable[float], files: Mapping[str, str] | None = None
) -> set[float]:
    """Return which numbers are written in `name`, or in what it uses.

    Parameters
    ----------
    name, cells, files
        As in `forbidden_in`.
    numbers : iterable of float
        What is looked for, with either sign. Of a term of numbers alone its value counts, not its parts: ``28 * 28`` is
        784, and ``10**-6`` is no 10.

    Returns
    -------
    set of float

    Raises
    ------
    SourceNotFound
        If no cell defines `name`.

    Examples
    --------
    >>> numbers_in("mine", ["size = 28 * 28\\ndef mine(x): return x.reshape(-1, size) + 10**-6"], [10, 784])
    {784}
    """
    wanted, found = set(numbers), set()
    for _, statement in reached(name, cells, files):
        waiting: list[ast.AST] = [statement]
        while waiting:
            node = waiting.pop()
            value = _value_of(node)
            if value is None:
                waiting += ast.iter_child_nodes(node)
            elif abs(value) in wanted:
                found.add(next(number for number in wanted if number == abs(value)))
    return found


_ARITHMETIC = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip


def _value_of(node: ast.AST) -> float | None:
    """Return the value of a number, or of a term of nothing but numbers; None for all else."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) in (int, float) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value_of(node.operand)
        return -value if value is not None and isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.BinOp) or type(node.op) not in _ARITHMETIC:
        return None
    left, right = _value_of(node.left), _value_of(node.right)
    if left is None or right is None or max(abs(left), abs(right)) > 1e6 or (type(node.op) is ast.Pow and right > 16):
        return None
    try:
        value = _ARITHMETIC[type(node.op)](left, right)
    except ArithmeticError:
        return None
    return value if isinstance(value, (int, float)) else None
