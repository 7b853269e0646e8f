"""Expressions as trees that JSON can hold.

What comes back from a tree is an `Expression`: names, numbers and parts. SymPy is never asked to build anything from
what a student's process sent, and is not even imported here.

    tree   {"t": "expression", "v": node}
    node   {"h": head, "a": [nodes], "v": value, "f": facts}; what is empty is left out
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

# The evaluator is loaded with the reader: nothing may be imported once answers are looked at.
from course_utils.checks import evaluation  # noqa: F401
from course_utils.checks.expressions import MAX_DEPTH, MAX_NODES, Expression

__all__ = ["read", "write"]

_HEAD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}", re.ASCII)
_FACTS = re.compile(r"[a-z_0-9! ]{0,1000}", re.ASCII)
_NAME = 100  # characters
_NAMED = ("Symbol", "Str", "Function")


def write(expression: Expression, writer: Any) -> dict[str, Any]:
    """Return the tree of an expression.

    Parameters
    ----------
    expression : Expression
    writer : the writer of `values`, which counts nodes and writes numbers and texts

    Raises
    ------
    ValueRefused
        If a limit of the writer is passed.
    """
    return {"t": "expression", "v": _write(expression, writer)}


def _write(node: Expression, writer: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {"h": node.head[:60]}
    if node.args:
        tree["a"] = [_write(arg, writer) for arg in node.args]
    if node.value is not None:
        value = node.value[:_NAME] if isinstance(node.value, str) else node.value
        tree["v"] = writer.write(value, 0)
    if node.facts:
        tree["f"] = node.facts
    return tree


def read(tree: dict[str, Any], reader: Any) -> Expression:
    """Rebuild an expression from a tree that nobody has to trust.

    Parameters
    ----------
    tree : dict
        Of tag ``"expression"``.
    reader : the reader of `values`, which counts nodes and reads numbers and texts

    Raises
    ------
    ValueRefused
        If the tree is malformed, or if a limit is passed.
    """
    return _Reader(reader).read(tree["v"], 0)


class _Reader:
    def __init__(self, reader: Any) -> None:
        from course_utils.grading.bridge import tree as values

        self.reader, self.refusal = reader, values.ValueRefused
        self.nodes = 0

    def read(self, tree: Any, depth: int) -> Expression:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise self.refusal("the expression is too large")
        self.reader.count(0)
        if type(tree) is not dict:
            raise self.refusal("a part of an expression has an unknown form")
        head, parts, facts = tree.get("h"), tree.get("a", []), tree.get("f", "")
        if type(head) is not str or not _HEAD.fullmatch(head):
            raise self.refusal("a part of an expression has no kind")
        if type(parts) is not list or type(facts) is not str or not _FACTS.fullmatch(facts):
            raise self.refusal("a part of an expression has an unknown form")
        value = self.reader.read(tree["v"], 0) if "v" in tree else None
        if not _fits(head, parts, value):
            raise self.refusal(f"an expression with an impossible {head}")
        args = tuple([self.read(part, depth + 1) for part in parts])
        return Expression(head, args, value, facts if head == "Symbol" else "")


def _fits(head: str, parts: list[Any], value: Any) -> bool:
    if head == "Number":
        return type(value) in (int, Fraction, float) and not parts
    if head in _NAMED:
        return type(value) is str and len(value) <= _NAME and (head == "Function" or not parts)
    if head == "Matrix":
        is_shape = type(value) is tuple and len(value) == 2 and all(type(size) is int and size >= 0 for size in value)
        return is_shape and value[0] * value[1] == len(parts)
    return value is None
