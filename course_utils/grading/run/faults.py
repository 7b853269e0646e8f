"""Mistakes of the course that show when a test runs: which they are, and which tests they keep from judging.

Whatever a student's process had a part in is no such mistake, so that nobody can turn a lost point into one.
"""

from __future__ import annotations

import ast
import traceback

from course_utils.checks import CheckFailed
from course_utils.grading.bridge.handles import StudentError
from course_utils.grading.bridge.operators import NotPlain
from course_utils.grading.run.cell_code import FILE
from course_utils.notebooks.texts import one_line

__all__ = ["SENTENCE", "Broken", "as_reason", "for_author", "is_the_courses"]

SENTENCE = "This test could not run, because of a mistake in the course, not in your work. A person will look at it."


class Broken:
    """Names that the course's own cells should have defined, and did not: tests must not take the student's instead."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._anything = ""

    def note(self, source: str, reason: str) -> None:
        """Note that code of the course failed."""
        try:
            names = _bound(ast.parse(source))
        except SyntaxError:
            names = {"*"}
        if "*" in names:
            self._anything = reason
        self._reasons |= dict.fromkeys(names, reason)

    def reason(self, source: str) -> str:
        """Return why a test can't run that reads such a name; empty if it reads none."""
        if self._anything or not self._reasons:
            return self._anything
        tree = ast.parse(source)
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - _bound(tree)
        return next((self._reasons[name] for name in sorted(read & set(self._reasons))), "")


def is_the_courses(error: BaseException, source: str, *, asked: bool) -> bool:
    """Whether a test ended with a mistake that no student had a part in.

    Parameters
    ----------
    error : BaseException
    source : str
        Of the test.
    asked : bool
        Whether the student's process was asked for anything by then.
    """
    if isinstance(error, (StudentError, CheckFailed, AssertionError)) or not isinstance(error, Exception):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    last = next((frame for frame in reversed(frames) if frame.filename == FILE), None)
    if last is None:
        return False
    tree = ast.parse(source)
    if isinstance(error, ImportError):
        imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        return any(node.lineno <= last.lineno <= (node.end_lineno or node.lineno) for node in imports)
    if isinstance(error, OSError):
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        return isinstance(error, FileNotFoundError) and str(error.filename) in {str(text) for text in texts}
    return not asked and frames[-1].filename == FILE


def as_reason(error: BaseException) -> str:
    """Return what an instructor reads: the line, if it is known, and the exception."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = (FILE, "<cell of the course>")
    line = next((frame.lineno for frame in reversed(frames) if frame.filename in ours), None)
    text = f"{type(error).__name__}: {one_line(error, 300)}"
    return f"line {line}: {text}" if line else text


def for_author(error: BaseException, told: str) -> str:
    """Return what whoever wrote a test reads of its end: the line, what students read, and a way to write it."""
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == FILE), None)
    advice = " If it is to be an object of a class of the notebook, ask isinstance(..., that class) before."
    return (f"Line {line}: " if line else "") + told + (advice if isinstance(error, NotPlain) else "")


def _bound(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.arg(arg=name):
                names.add(name)
    return names
