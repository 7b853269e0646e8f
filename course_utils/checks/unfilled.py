"""A sentence instead of a traceback where a check meets a cell that nobody has filled in yet."""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from course_utils.environment import is_grading

__all__ = ["explain_unfilled_cells", "is_check", "sentence_for"]

# How functions of the course are called that raise an error where the work is not right.
_CHECKS = ("assert_", "check_", "require")


def explain_unfilled_cells() -> None:
    """Let Jupyter say of a check what is missing, if that is a name or the body of a function.

    All other errors, and those in a student's own cells, are shown as always. Outside Jupyter nothing happens.
    """
    if is_grading():
        return
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((NameError, NotImplementedError), _show)


def sentence_for(error: BaseException, trace: TracebackType | None) -> str | None:
    """Return what a student should do, or None if the error is not one of an unfilled cell.

    Parameters
    ----------
    error : BaseException
    trace : types.TracebackType or None
        Where it was raised; the lines of its cells must be known to `linecache`.
    """
    frames = traceback.extract_tb(trace)
    spaces = [frame.f_globals for frame, _ in traceback.walk_tb(trace)]
    at = next((n for n in range(len(frames)) if _runs_a_check(frames[n], spaces[n])), None)
    if at is None:
        return None
    if isinstance(error, NameError) and error.name and at == len(frames) - 1:
        return f"{error.name} is not defined yet. Is its cell filled in, and has it run without an error?"
    in_a_cell = not Path(frames[-1].filename).exists()  # a library may raise it as well
    if isinstance(error, NotImplementedError) and at < len(frames) - 1 and in_a_cell and not str(error):
        name = frames[-1].name
        return f"{name} is not written yet: replace `raise NotImplementedError()` in its cell, and run that cell."
    return None


def is_check(source: str, names: Mapping[str, Any]) -> bool:
    """Return whether a cell checks work: it asserts something, or calls a function of the course that does.

    Known by what it runs, so that its title may be in any words. Bodies of functions do not count: an answer may
    assert something of its arguments.

    Parameters
    ----------
    source : str
    names : mapping of str to object
        What the names in the cell stand for.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _is_of_the_course(node.func, names))
        for node in _outside_functions(tree)
    )


def _runs_a_check(frame: traceback.FrameSummary, names: Mapping[str, Any]) -> bool:
    # Lines of a cell are known to linecache alone.
    return (
        frame.name == "<module>"
        and not Path(frame.filename).exists()
        and is_check("".join(linecache.getlines(frame.filename)), names)
    )


def _is_of_the_course(function: ast.expr, names: Mapping[str, Any]) -> bool:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        module = names.get(function.value.id)
        found = vars(module).get(function.attr) if isinstance(module, ModuleType) else None
    else:
        found = names.get(function.id) if isinstance(function, ast.Name) else None
    home, name = getattr(found, "__module__", None), getattr(found, "__name__", None)
    return (
        isinstance(home, str)
        and isinstance(name, str)
        and home.startswith("course_utils.")
        and name.startswith(_CHECKS)
    )


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from _outside_functions(child)


def _show(shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
    sentence = sentence_for(error, trace)
    if sentence is not None:
        error._render_traceback_ = lambda: [sentence]  # IPython asks for it
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
