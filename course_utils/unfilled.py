"""A sentence instead of a traceback where a check meets a cell that nobody has filled in yet."""

from __future__ import annotations

import linecache
import os
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["explain_unfilled_cells", "sentence_for"]

# How the first line of a cell with checks begins.
_CHECKS = ('"""Visible checks', "# Hidden tests")


def explain_unfilled_cells() -> None:
    """Let Jupyter say of a check what is missing, if that is a name or the body of a function.

    All other errors, and those in a student's own cells, are shown as always. Outside Jupyter nothing happens.
    """
    if os.environ.get("COURSE_GRADING"):
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
    at = next((n for n, frame in enumerate(frames) if _source(frame.filename).startswith(_CHECKS)), None)
    if at is None:
        return None
    if isinstance(error, NameError) and error.name and at == len(frames) - 1:
        return f"{error.name} is not defined yet. Is its cell filled in, and has it run without an error?"
    in_a_cell = not Path(frames[-1].filename).exists()  # a library may raise it as well
    if isinstance(error, NotImplementedError) and at < len(frames) - 1 and in_a_cell and not str(error):
        name = frames[-1].name
        return f"{name} is not written yet: replace `raise NotImplementedError()` in its cell, and run that cell."
    return None


def _source(filename: str) -> str:
    return "".join(linecache.getlines(filename)).lstrip()


def _show(shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
    sentence = sentence_for(error, trace)
    if sentence is not None:
        error._render_traceback_ = lambda: [sentence]  # IPython asks for it
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
