"""Rules about how a solution is written, checked on its syntax tree."""

from __future__ import annotations

import ast
import inspect
import linecache
import symtable
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["SourceNotFound", "forbidden_in", "forbidden_names"]

# Ways to reach a name without writing it. A solution has no need of them, so a rule forbids them as well.
_DETOURS = {
    "__import__", "__builtins__", "__dict__", "__getattribute__", "compile", "eval", "exec", "getattr",
    "globals", "importlib", "locals", "vars", "run_line_magic", "run_cell_magic", "get_ipython",
}  # fmt: skip


class SourceNotFound(LookupError):
    """The function was not written in a cell of the notebook, or its cell can't be read as Python."""


def forbidden_names(function: Any, forbidden: Sequence[str]) -> set[str]:
    """Return which forbidden names the source of a function uses.

    Parameters
    ----------
    function : callable
        A function from a notebook cell. At grading time it is a stand-in which brings the student's cells
        with it (attribute `__course_source__`); those are looked at instead of the kernel's word.
    forbidden : sequence of str
        Dotted names; the last part decides, whatever it was imported as.

    Returns
    -------
    set of str
        The names as the student wrote them.

    Raises
    ------
    SourceNotFound
        If there is no source to look at.
    """
    brought = getattr(type(function), "__course_source__", None)
    if brought is not None:
        name, cells = brought(function)
        return forbidden_in(name, cells, forbidden)
    function = inspect.unwrap(function)
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        function = type(function)
    sources = _live_sources(function)
    name = function.__name__
    if name == "<lambda>":
        # It is known by the name that the statement around it binds.
        tree = _parse(sources[0])
        name = next((bound for statement in tree.body for bound in _names_bound_by(statement)), name) if tree else name
    return forbidden_in(name, sources, forbidden)


def forbidden_in(name: str, cells: Iterable[str], forbidden: Sequence[str]) -> set[str]:
    """Return which forbidden names are used by `name`, or by what it uses, in the given cells.

    Parameters
    ----------
    name : str
        The function or class the rule is for.
    cells : iterable of str
        Source of the student's cells in the order in which they ran: a later definition of a function or class takes
        the place of earlier ones. A cell that is no valid Python is skipped: it never ran.
    forbidden : sequence of str
        Dotted names; the last part decides.

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
    definitions: dict[str, list[ast.AST]] = {}
    members: dict[str, list[ast.AST]] = {}
    aliases: dict[str, str] = {}
    for cell in cells:
        tree = _parse(cell)
        for statement in tree.body if tree else []:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                definitions[statement.name] = [statement]
                continue
            for bound in _names_bound_by(statement):
                definitions.setdefault(bound, []).append(statement)
        for member, statement in _members(tree) if tree else []:
            members.setdefault(member, []).append(statement)
        for node in ast.walk(tree) if tree else []:
            if isinstance(node, ast.ImportFrom):
                aliases.update({a.asname or a.name: f"{node.module or '.'}.{a.name}" for a in node.names})
            elif isinstance(node, ast.Import):
                aliases.update({a.asname: a.name for a in node.names if a.asname})
    if name not in definitions:
        raise SourceNotFound(f"no cell of the notebook defines `{name}`.")

    used: set[str] = set()
    seen: set[int] = set()
    waiting = list(definitions[name])
    while waiting:
        statement = waiting.pop()
        if id(statement) not in seen:
            seen.add(id(statement))
            for node in ast.walk(statement):
                if isinstance(node, ast.Attribute):
                    if node.attr in last or node.attr in _DETOURS:
                        used.add(ast.unparse(node) if len(ast.unparse(node)) < 60 else f"….{node.attr}")
                    # A method of the student's own class is reached by its name.
                    waiting += members.get(node.attr, [])
            for loaded in _names_looked_up(statement):
                origin = aliases.get(loaded, loaded)
                if origin.rpartition(".")[2] in last and loaded not in definitions:
                    used.add(origin if origin == loaded else f"{origin} (as {loaded})")
                elif origin.rpartition(".")[2] in last and loaded in aliases:
                    used.add(f"{origin} (as {loaded})")
                elif loaded in _DETOURS and loaded not in definitions:
                    used.add(loaded)
                waiting += definitions.get(loaded, [])
    return used


def _members(tree: ast.Module) -> Iterable[tuple[str, ast.stmt]]:
    """Yield what is bound inside of classes, or as an attribute of something, by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                for bound in _names_bound_by(statement):
                    yield bound, statement
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    yield target.attr, node


def _live_sources(function: Any) -> list[str]:
    """The source of a function and of what it uses from its own notebook; other names as import lines.

    So a rule says the same in a student's notebook as at grading time, where all cells are looked at.
    """
    sources, waiting, seen = [], [function], set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        try:
            source = _source_of(current)
        except (OSError, TypeError) as error:
            if current is function:
                raise SourceNotFound("write it as a function in a notebook cell.") from error
            continue
        sources.append(source)
        tree, namespace = _parse(source), _namespace_of(current)
        for name in _names_looked_up(tree) if tree else ():
            value = namespace.get(name)
            own_name = getattr(value, "__name__", name)
            if inspect.isclass(value) or inspect.isfunction(value):
                value = inspect.unwrap(value)
                if value.__module__ == function.__module__:
                    waiting.append(value)
                    sources += [f"{name} = {own_name}"] if own_name != name else []
                    continue
            if own_name != name and own_name.isidentifier() and not inspect.ismodule(value):
                sources.append(f"from {getattr(value, '__module__', None) or 'builtins'} import {own_name} as {name}")
    return sources


def _source_of(function: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        # Python does not find classes of a notebook, but it finds the cells of their methods.
        for method in _methods_of(function):
            cell = "".join(linecache.getlines(method.__code__.co_filename))
            tree = _parse(cell)
            for statement in tree.body if tree else []:
                if isinstance(statement, ast.ClassDef) and statement.name == function.__name__:
                    return ast.unparse(statement)
        raise


def _namespace_of(function: Any) -> dict[str, Any]:
    if inspect.isclass(function):
        return next((method.__globals__ for method in _methods_of(function)), {})
    return function.__globals__


def _methods_of(function: Any) -> list[Any]:
    return (
        [member for member in vars(function).values() if inspect.isfunction(member)]
        if inspect.isclass(function)
        else []
    )


def _names_looked_up(statement: ast.AST) -> set[str]:
    """Names that are read from outside of the functions in a statement, or imported inside of them.

    A variable or parameter of a function may be called `grad`; that is no use of `torch.autograd.grad`.
    """
    names = set()
    scopes = [symtable.symtable(ast.unparse(statement), "cell", "exec")]
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        for symbol in scope.get_symbols():
            outside = symbol.is_global() or symbol.is_imported() or scope.get_type() == "module"
            if symbol.is_referenced() and outside:
                names.add(symbol.get_name())
    return names


def _parse(cell: str) -> ast.Module | None:
    # Magics and shell lines are IPython's; without them the rest is Python.
    plain = "\n".join(
        "pass" if line.lstrip().startswith(("%", "!")) and not line.startswith(" ") else line
        for line in cell.splitlines()
    )
    try:
        return ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names_bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in statement.names}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}
