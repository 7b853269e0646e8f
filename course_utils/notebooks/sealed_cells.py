"""Test cells whose visible checks are released with their answers sealed (`metadata.course.sealed`).

In the source such a cell computes what is right; students receive it with one line in the place of each check, and
without what only the check needed::

    expected = sum(counts)                                      from course_utils.checks import assert_sealed
    assert_number(total, expected, "total", mistakes={…})   →   assert_sealed(total, "total", "eNqVU…")
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Sequence

__all__ = ["RECORDER", "as_released", "count", "problem", "recording", "without_seals"]

# What `recording` calls in the place of each check: number of the check, the check, its arguments.
RECORDER = "_record_sealed"
_IMPORT = "from course_utils.checks import assert_sealed"
# A sealed answer, however a formatter has laid the line.
_SEALED = re.compile(r"""(["'])[A-Za-z0-9+/]{40,}={0,2}\1""")


def count(source: str) -> int:
    """Return how many checks of a cell can be sealed."""
    return len(_calls(ast.parse(source)))


def recording(source: str) -> str:
    """Return the cell with each check handed to `RECORDER`, to be run on the reference."""
    tree = ast.parse(source)
    for number, call in enumerate(_calls(tree)):
        check = call.func
        call.func = ast.Name(RECORDER, ast.Load())
        call.args = [ast.Constant(number), check, *call.args]
    return ast.unparse(ast.fix_missing_locations(tree))


def as_released(source: str, seals: Sequence[str] | None = None) -> str:
    """Return the cell as students receive it.

    Parameters
    ----------
    source : str
        The cell in the source, without hidden tests.
    seals : sequence of str, optional
        What each check becomes, in the order of `recording`; without them it is empty, as after `without_seals`.

    Returns
    -------
    str
        Checks as `assert_sealed`; of all other lines those that they, and what is no check, need.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    lines = source.split("\n")
    order = {id(call): number for number, call in enumerate(_calls(tree))}
    needed: set[str] = set()
    while True:  # until no line that is kept needs another one
        before = len(needed)
        kept = _block(tree.body, lines, order, seals, needed)
        if len(needed) == before:
            head = len(_text(tree.body[0], lines)) if ast.get_docstring(tree) is not None else 0
            return "\n".join([*kept[:head], _IMPORT, *kept[head:]]) if order else source


def problem(source: str) -> str:
    """Return why a cell can't be released with its answers sealed; empty if nothing speaks against it."""
    try:
        text = as_released(source)
        tree = ast.parse(text)
    except SyntaxError:
        return "what would be released is no Python; write each statement, and each `if` and `for`, on lines of its own"
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in called]
    if left := sorted(set(names) & set(_checks())):
        how = "answer, expected value and name in this order, on lines of its own, in the cell, a `for`, `with` or `if`"
        return f"{left[0]} would be released as it is; write it with {how}"
    if left := sorted(_telling(ast.parse(source)) & set().union(*(_bound(node) for node in tree.body))):
        return f"a line would be released that binds {left[0]}, of which what is expected is made"
    if any(isinstance(node, (ast.For, ast.While)) and node.orelse for node in ast.walk(ast.parse(source))):
        return "a loop with `else` can't be released"
    if names.count("assert_sealed") != count(source):
        return "not all of its checks would be released"
    return ""


def without_seals(text: str) -> str:
    """Return a text whose sealed answers are empty, to be compared with another release of the same cell."""
    return _SEALED.sub('""', text) if "assert_sealed" in text else text


def _telling(tree: ast.Module) -> set[str]:
    """Return the names of which expected values and mistakes are made, and no answer."""
    needed: set[str] = set()
    expected: set[str] = set()
    for call in _calls(tree):
        needed |= _names(call.args[0], call.args[2])
        keywords = [keyword.value for keyword in call.keywords if keyword.arg != "hint"]
        expected |= _names(call.args[1], *call.args[3:], *keywords)
    lines = [node for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.AugAssign, ast.For, ast.With))]
    while True:
        before = len(needed)
        for node in lines:
            head = [node.iter] if isinstance(node, ast.For) else [node]
            targets = _names(node.target) if isinstance(node, ast.For) else _bound(node)
            if targets & needed:
                needed |= _names(*head)
        if len(needed) == before:
            return expected - needed


def _checks() -> Collection[str]:
    """Return the names of the checks that can be sealed."""
    from course_utils.checks.sealed import CHECKS  # imports numpy, which a notebook without seals has no need of

    return CHECKS


def _calls(tree: ast.Module) -> list[ast.Call]:
    """Return the calls that can be sealed: statements of their own, with an answer, what is expected and a name."""
    found = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    calls = [call for call in found if isinstance(call.func, ast.Name) and call.func.id in _checks()]
    return sorted((call for call in calls if len(call.args) >= 3), key=lambda call: (call.lineno, call.col_offset))


def _block(
    body: Iterable[ast.stmt], lines: list[str], order: dict[int, int], seals: Sequence[str] | None, needed: set[str]
) -> list[str]:
    """Return the lines that stay of some statements; `needed` takes the names that they use."""
    kept: list[str] = []
    for node in body:
        call = getattr(node, "value", None)
        if isinstance(node, ast.Expr) and id(call) in order:
            answer, name = call.args[0], call.args[2]
            sealed = seals[order[id(call)]] if seals else ""
            text = f'assert_sealed({ast.unparse(answer)}, {ast.unparse(name)}, "{sealed}")'
            kept.append(" " * node.col_offset + text)
            needed |= _names(answer, name)
        elif isinstance(node, (ast.For, ast.With, ast.If)):
            kept += _compound(node, lines, order, seals, needed)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)):
            if _bound(node) & needed:
                kept += _text(node, lines)
                needed |= _names(node)
        else:
            kept += _text(node, lines)
            needed |= _names(node)
    return kept


def _compound(
    node: ast.For | ast.With | ast.If,
    lines: list[str],
    order: dict[int, int],
    seals: Sequence[str] | None,
    needed: set[str],
) -> list[str]:
    """Return what stays of a statement with others inside: its head, if something inside stays."""
    if not any(id(inner) in order for inner in ast.walk(node)):
        if not (_bound(node) & needed or _does(node)):
            return []
        needed |= _names(node)
        return _text(node, lines)
    inside = _block(node.body, lines, order, seals, needed)
    head = {field: value for field, value in ast.iter_fields(node) if field not in ("body", "orelse")}
    for value in head.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                needed |= _names(part)
    first = node.body[0].lineno - 1
    begin = lines[node.lineno - 1 : first]
    if isinstance(node, ast.If) and node.orelse:
        middle = lines[node.body[-1].end_lineno : node.orelse[0].lineno - 1] or [" " * node.col_offset + "else:"]
        inside = (inside or [" " * (node.col_offset + 4) + "pass"]) + middle
        inside += _block(node.orelse, lines, order, seals, needed)
    return [*begin, *inside]


def _text(node: ast.AST, lines: list[str]) -> list[str]:
    """Return the lines of a statement, with the comments right above it."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))]) - 1
    return lines[first : node.end_lineno]


def _does(node: ast.AST) -> bool:
    """Whether a statement calls something for its own sake, asserts or raises."""
    return any(isinstance(part, (ast.Assert, ast.Raise, ast.Expr)) for part in ast.walk(node))


def _names(*nodes: ast.AST) -> set[str]:
    return {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}


def _bound(node: ast.AST) -> set[str]:
    """Return the names that a statement binds, or changes an entry of; those of comprehensions are their own."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    found, waiting = set(), [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)):
            continue
        waiting += ast.iter_child_nodes(part)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.add(part.id)
        if isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            found |= _names(part.value)
    return found
