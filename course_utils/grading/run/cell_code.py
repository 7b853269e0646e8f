"""Test cells as code: the worker compiles each once for all submissions that it grades.

The process of the tests is a new one for each notebook, and would compile all of them again.
"""

from __future__ import annotations

import ast
import functools
import marshal
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

from course_utils.notebooks import cells as kinds

__all__ = ["FILE", "CellCode", "compiled_tests"]

FILE = "<test>"  # how tracebacks call the source of a test cell


@dataclass(frozen=True)
class CellCode:
    """A test cell.

    Parameters
    ----------
    statements : types.CodeType
        All of it, but for `last`.
    last : types.CodeType, optional
        The expression with which the cell ends, if it ends with one.
    reads, binds : frozenset of str
        The names in `last`: all, and those that it binds.
    """

    statements: CodeType
    last: CodeType | None = None
    reads: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()

    @classmethod
    def of(cls, source: str) -> CellCode:
        """Compile a cell.

        Raises
        ------
        SyntaxError
            If it is no Python; see `course_code.syntax_problem`.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the course's text, which students do not read
            tree = ast.parse(source)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            statements = compile(tree, FILE, "exec")
            if last is None:
                return cls(statements)
            value = compile(ast.Expression(last.value), FILE, "eval")
        names = [node for node in ast.walk(last) if isinstance(node, ast.Name)]
        binds = frozenset(name.id for name in names if isinstance(name.ctx, ast.Store))
        return cls(statements, value, frozenset(name.id for name in names), binds)

    def content(self) -> bytes:
        """Return it as bytes, for the same Python."""
        return marshal.dumps((self.statements, self.last, self.reads, self.binds))

    @classmethod
    def read(cls, content: bytes) -> CellCode:
        """Return what `content` gave; it comes from the worker, which is believed."""
        return cls(*marshal.loads(content))


def compiled_tests(cells: Sequence[Mapping[str, Any]], left_out: Collection[int]) -> dict[int, bytes]:
    """Return the contents of the test cells of a notebook by index, but for some that are no Python."""
    tests = (i for i, cell in enumerate(cells) if kinds.is_test(cell) and not kinds.is_in_kernel(cell))
    return {index: _content(cells[index]["source"]) for index in tests if index not in left_out}


@functools.lru_cache(maxsize=2000)
def _content(source: str) -> bytes:
    return CellCode.of(source).content()
