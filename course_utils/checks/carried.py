"""An answer that builds on an earlier one: a right step earns its points although the start was wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["check_given", "with_names"]


def check_given(check: Callable[[Callable[..., Any]], None], function: Any, **given: Any) -> None:
    """Check a function as it is and, if it fails, once more with right functions in the place of earlier answers.

    Parameters
    ----------
    check : callable
        Is handed the function to call; raises if a result is wrong.
    function : callable
        A function that the student defined in the notebook.
    **given : callable
        What earlier answers should have been, by their names in the notebook.

    Raises
    ------
    CheckFailed
        Of the first try, if the second one fails as well.
    """
    try:
        check(function)
    except Exception as failed:
        try:
            check(lambda *arguments: _run(function, with_names, function, given, *arguments))
        except Exception:
            raise failed from None


def with_names(function: Callable[..., Any], given: dict[str, Any], *arguments: Any) -> Any:
    """Call a function while some names of its notebook stand for something else.

    Parameters
    ----------
    function : callable
    given : dict
        By name. Names that the notebook does not have are left out.
    *arguments
        For the function.

    Returns
    -------
    object
        What the function returns.
    """
    names = getattr(function, "__globals__", {})
    before = {name: names[name] for name in given if name in names}
    names.update({name: given[name] for name in before})
    try:
        return function(*arguments)
    finally:
        names.update(before)


def _run(student: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function where the student's function lives; at grading time that is the student's process."""
    runs_there = getattr(type(student), "__course_run__", None)
    return runs_there(student, function, *arguments) if runs_there else function(*arguments)
