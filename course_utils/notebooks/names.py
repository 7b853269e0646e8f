"""Which names a code cell binds, and which of them an answer owes: read from the text, nothing is run."""

from __future__ import annotations

import ast
import builtins
import contextlib
import re
import symtable
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the process of the tests has no need of nbformat
    from nbformat.notebooknode import NotebookNode

__all__ = [
    "bound",
    "bound_and_read",
    "changed",
    "is_open",
    "is_python",
    "needed",
    "needed_later",
    "owed",
    "own_statements",
    "same_code",
    "without_magics",
]

_DEFINED = r"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)"
_HINTED = re.compile(r"^[ \t]*#+[ \t]*([A-Za-z_]\w*)[ \t]*=(?!=)", re.MULTILINE)
_COMPREHENSIONS = ("listcomp", "setcomp", "dictcomp", "genexpr")
_OPEN = re.compile(r"^[ \t]*(from[ \t]+\S+[ \t]+import[ \t]+\*|%run\b|%load\b|%%writefile\b|exec\b)", re.MULTILINE)


def bound(source: str) -> frozenset[str]:
    """Return the names that a cell binds where its statements run: not those inside of functions and classes.

    Parameters
    ----------
    source : str
        A code cell, also one that is no Python (magics, a syntax error): then what looks like a definition counts.

    Examples
    --------
    >>> sorted(bound("def f(x):\\n    y = x\\nif f: a, b = 1, 2")), sorted(bound("%%time\\nz = 1\\ndef g(:"))
    (['a', 'b', 'f'], ['g', 'z'])
    """
    tree = _parse(source)
    if tree is None:
        found = re.findall(_DEFINED, source, re.MULTILINE)
        return frozenset(name for groups in found for name in groups if name)
    return frozenset(_names(tree.body))


def bound_and_read(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the global names that a cell binds, and those that it reads, both also inside of its functions.

    Of a cell that is no Python (magics), what looks like a definition is bound, and nothing is read.

    Examples
    --------
    >>> bound, read = bound_and_read("import os\\ndef f(x):\\n    return g(x)")
    >>> sorted(bound), sorted(read)
    (['f', 'os'], ['g'])
    """
    text = without_magics(source)
    tables: list[symtable.SymbolTable] = []
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        tables = [symtable.symtable(text, "cell", "exec")]
    if not tables:
        return bound(source), frozenset()
    binds, reads = set(), set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table.get_type() == "module" or symbol.is_global():
                binds |= {symbol.get_name()} if symbol.is_assigned() or symbol.is_imported() else set()
                reads |= {symbol.get_name()} if symbol.is_referenced() else set()
    return frozenset(binds), frozenset(reads)


def without_magics(source: str) -> str:
    """Return a cell whose lines for IPython do nothing; of another language nothing is left.

    Examples
    --------
    >>> without_magics("%matplotlib inline\\nx = 1"), without_magics("%%time\\ny = x"), without_magics("%%bash\\nls")
    ('pass\\nx = 1', 'pass\\ny = x', '')
    """
    if source.startswith("%%") and not re.match(r"%%(time|timeit|capture|prun)\b", source):
        return ""
    return re.sub(r"^([ \t]*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)


def changed(source: str) -> frozenset[str]:
    """Return the names whose objects a cell's own statements change, by a subscript or an attribute.

    Examples
    --------
    >>> sorted(changed("a['k'] = 1\\nb.c += 2\\nd = 3"))
    ['a', 'b']
    """
    tree = _parse(without_magics(source))
    found = set()
    for node in ast.walk(tree) if tree is not None else ():
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            inner = target
            while isinstance(inner, ast.Attribute | ast.Subscript):
                inner = inner.value
            if inner is not target and isinstance(inner, ast.Name):
                found.add(inner.id)
    return frozenset(found & bound_and_read(source)[1])


def needed(source: str) -> frozenset[str]:
    """Return the global names that must be there before a cell runs; none of a cell that is no Python.

    Examples
    --------
    >>> sorted(needed("a = b\\nprint(a, c)\\ndef f():\\n    return g, d\\ng = 1"))
    ['b', 'c', 'd', 'print']
    """
    found, later, so_far = _walk(source)
    return frozenset(found | (later - so_far))


def needed_later(source: str) -> frozenset[str]:
    """Return the global names that the functions of a cell read when they are called.

    Examples
    --------
    >>> sorted(needed_later("a = b\\ndef f():\\n    return g, a"))
    ['a', 'g']
    """
    return frozenset(_walk(source)[1])


def _walk(source: str) -> tuple[set[str], set[str], set[str]]:
    """Return what is read before it is bound, what functions read, and what is bound."""
    found: set[str] = set()
    later: set[str] = set()
    so_far: set[str] = set()
    tree = _parse(without_magics(source))
    try:
        _in_order(tree.body if tree is not None else [], found, later, so_far)
    except (SyntaxError, ValueError, RecursionError):  # what the compiler refuses and the parser does not
        return set(), set(), set()
    return found, later, so_far


def _in_order(statements: Iterable[ast.stmt], found: set[str], later: set[str], so_far: set[str]) -> None:
    for node in statements:
        blocks = [getattr(node, part, []) for part in ("body", "orelse", "finalbody")]
        if isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
            heads = [node.iter] if isinstance(node, ast.For) else [node.test] if hasattr(node, "test") else []
            heads += [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
            for head in heads:
                _take(ast.Expr(head), found, later, so_far)
            so_far |= {part.id for target in _targets(node) for part in ast.walk(target) if isinstance(part, ast.Name)}
            for handler in getattr(node, "handlers", []):
                so_far |= {handler.name} if handler.name else set()
                blocks.append(handler.body)
            for block in blocks:
                _in_order(block, found, later, so_far)
            continue
        _take(node, found, later, so_far)


def _take(node: ast.stmt, found: set[str], later: set[str], so_far: set[str]) -> None:
    statement = ast.unparse(node)
    at_once, in_functions = _reads(statement)
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        at_once.add(node.target.id)
    if isinstance(node, ast.Delete):
        at_once |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    found |= at_once - so_far
    later |= in_functions
    so_far |= bound_and_read(statement)[0]


def _reads(statement: str) -> tuple[set[str], set[str]]:
    """Return the global names that a statement reads when it runs, and those that its functions read."""
    tables = [(symtable.symtable(statement, "cell", "exec"), False)]
    at_once: set[str] = set()
    in_functions: set[str] = set()
    while tables:
        table, deferred = tables.pop()
        # Comprehensions are functions only to the compiler.
        inner = table.get_type() == "function" and table.get_name() not in _COMPREHENSIONS
        deferred = deferred or inner
        tables += [(child, deferred) for child in table.get_children()]
        names = {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global())
        }
        (in_functions if deferred else at_once).update(names)
    return at_once, in_functions


def is_open(source: str) -> bool:
    """Whether a cell may bind names that its text does not show (``from conv import *``, ``%run conv.py``)."""
    return _OPEN.search(source) is not None


def is_python(source: str) -> bool:
    """Whether a text is Python of the version that runs here."""
    return _parse(source) is not None


def same_code(one: str, other: str) -> bool:
    """Whether two cells are the same program: layout, quotes and comments do not count."""
    if abs(len(one) - len(other)) > 10_000 + len(one):
        return False
    trees = _parse(one), _parse(other)
    try:
        return None not in trees and ast.dump(trees[0]) == ast.dump(trees[1])
    except (RecursionError, MemoryError):
        return False


def own_statements(released: str, source: str) -> str:
    """Return the definitions and imports that were added to a cell whose own statements were changed as well."""
    tree, known = _parse(source), bound(released)
    if tree is None:
        return ""
    lines, found = source.split("\n"), []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign)
    for node in tree.body:
        names = set(_names([node]))
        if isinstance(node, kinds) and names and names.isdisjoint(known):
            start = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", ()))])
            found.append("\n".join(lines[start - 1 : node.end_lineno]))
    return "\n".join(found)


def owed(cells: Sequence[NotebookNode]) -> dict[int, frozenset[str]]:
    """Return the names that each answer of code has to bind, by the position of its cell.

    Parameters
    ----------
    cells : sequence of NotebookNode
        Of the course's notebook. What the stub defines or names in a comment (``# x = ...``) is owed; where it does
        neither, what the tests behind it read and nobody else defines.
    """
    answers = [n for n, cell in enumerate(cells) if cell.cell_type == "code" and _marks(cell).get("solution")]
    names = {n: bound(cells[n].source) | frozenset(_HINTED.findall(cells[n].source)) for n in answers}
    known = set(dir(builtins)).union(*names.values())
    for cell in cells:
        if cell.cell_type == "code" and not _marks(cell).get("grade") and not _marks(cell).get("solution"):
            known |= bound(cell.source)
    for n in (n for n in answers if not names[n]):
        following = next((later for later in answers if later > n), len(cells))
        tests = [cell.source for cell in cells[n + 1 : following] if _marks(cell).get("grade")]
        names[n] = frozenset(_read(tests)) - known
    return names


def _marks(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def _read(sources: Iterable[str]) -> set[str]:
    """Return the names that cells read and do not bind themselves."""
    found: set[str] = set()
    for source in sources:
        nodes = list(ast.walk(_parse(source) or ast.Module([], [])))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        own = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | set(bound(source))
        own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        found |= {node.id for node in names} - own
    return found


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for node in statements:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names if alias.name != "*")
            continue
        yield from (part.id for target in _targets(node) for part in ast.walk(target) if isinstance(part, ast.Name))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                yield from _names([child])
            elif isinstance(child, (ast.excepthandler, ast.match_case)):
                yield from _names(child.body)


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        # What is changed in place (`a.b = 1`, `a[0] = 1`) was bound elsewhere.
        return [target for target in node.targets if not isinstance(target, (ast.Attribute, ast.Subscript))]
    if isinstance(node, ast.AnnAssign):
        return [node.target] if node.value is not None and isinstance(node.target, ast.Name) else []
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.target]
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [item.optional_vars for item in node.items if item.optional_vars is not None]
    return []
