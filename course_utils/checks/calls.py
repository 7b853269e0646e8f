"""What a call may do to its arguments, and what a function may call, import and hold."""

from __future__ import annotations

import ast
import contextlib
import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from course_utils.checks import reachable, source_rules
from course_utils.checks.wording import fail, to_numpy

__all__ = [
    "assert_calls",
    "assert_no_calls",
    "assert_no_loops",
    "assert_no_numbers",
    "assert_only_modules",
    "assert_unchanged",
    "assert_written_without",
    "once",
    "shared",
    "speak_of",
]

# Where tests run apart from the student's code, what carries their calls: it knows what became of the copies.
_bridge: Any = None


def speak_of(bridge: Any) -> None:
    """Let `shared` and `assert_unchanged` speak of what happens behind a bridge; None: of what happens here.

    Parameters
    ----------
    bridge : object
        The grader's way to the student's objects.
    """
    global _bridge
    _bridge = bridge


def shared(thing: Any) -> Any:
    """Mark an argument of a call that the call is meant to change.

    At grading time your function gets copies of what a test hands in, and what it does to them stays with it. So a test
    of a training step says ``train_epoch(shared(model), …)``: then the weights of its own model become those that the
    call left behind. In a notebook this returns `thing` itself.

    Parameters
    ----------
    thing : array, tensor, torch.nn.Module, optimiser, scheduler, iterator over a list, or list or dict of these

    Returns
    -------
    object
        What to hand in, in the place of `thing`.
    """
    return thing if _bridge is None else _bridge.share(thing)


def once(work: Callable[[], Any], *about: Any) -> Any:
    """Work something out for all tests of a notebook that need it, until one of its cells runs again.

    Several tests may rest on one long measurement. In a notebook it is done each time. A call of a test does not count
    as a cell: what it may change must be among what the result depends on.

    Parameters
    ----------
    work : callable
        Called without arguments; what it raises is not remembered.
    *about
        What the result depends on: numbers and texts by their values, all else by what it is, partial functions by
        their parts.

    Returns
    -------
    object
        What `work` returns, or has returned before.

    Examples
    --------
    >>> once(lambda: 2 + 2, "the sum of", 2, 2)
    4
    """
    if _bridge is None:
        return work()
    key = _mark(about)
    if key not in _bridge.found:
        _bridge.found[key] = work(), about  # kept, so that nothing else is found in its place in memory
    return _bridge.found[key][0]


def _mark(part: Any) -> Any:
    if type(part) in (str, int, float, bool, type(None)):
        return type(part), part
    if type(part) in (tuple, list):
        return tuple(map(_mark, part))
    if type(part) is functools.partial:
        return ("partial", _mark(part.func), _mark(part.args), _mark(sorted(part.keywords.items())))
    return ("object", id(part))


def assert_unchanged(actual: Any, original: Any, name: str, hint: str | None = None) -> None:
    """Check that a call left its argument alone.

    Parameters
    ----------
    actual : numpy.ndarray, torch.Tensor or torch.nn.Module
        The argument after the call.
    original : like `actual`
        A copy made before the call; of a network, a deep copy.
    name : str
        How the message calls the argument, with its function: ``"conv2d's argument x"``.
    hint : str, optional
        What to do instead.

    Raises
    ------
    CheckFailed
        If shape, dtype or a value changed; of a network, if a parameter or buffer did, or came or went.
    """
    if _bridge is not None and _bridge.was_changed(actual):
        fail(f"{name} was changed by the call; work on a copy.", hint)
    if hasattr(original, "state_dict"):
        after = actual.state_dict()
        if list(after) != list(original.state_dict()):
            fail(f"{name} was changed by the call: it has other layers now.", hint)
        for key, value in original.state_dict().items():
            assert_unchanged(after[key], value, f"{name} ({key})", hint)
        return
    before, after = to_numpy(original), to_numpy(actual)
    same = before.shape == after.shape and before.dtype == after.dtype
    if not same or not np.array_equal(before, after, equal_nan=before.dtype.kind in "fc"):
        fail(f"{name} was changed by the call; work on a copy.", hint)


@contextlib.contextmanager
def _source_of(name: str, hint: str | None) -> Iterator[None]:
    """Say in a sentence if the source of a function can't be read."""
    try:
        yield
    except source_rules.SourceNotFound as error:
        fail(f"The source of {name} could not be read: {error}", hint)


def assert_no_calls(
    function: Any, forbidden: Sequence[str], name: str, hint: str | None = None, *, own: Sequence[str] = ()
) -> None:
    """Check that the source of a function keeps a rule such as "do not call `F.conv2d`".

    The rule is checked on the syntax tree, so comments and strings do not matter. At grading time, helper
    functions of the student that `function` uses are looked at as well.

    Parameters
    ----------
    function : callable
        A function that the student defined in the notebook.
    forbidden : sequence of str
        Dotted names: ``"F.conv2d"`` forbids every spelling that ends in ``conv2d``, imported under any name. ``"@"``
        forbids the operator.
    name : str
        How the message calls the function.
    hint : str, optional
        What to do instead.
    own : sequence of str, optional
        The student's own functions, of earlier exercises, that may not be used here. Without it they may be, also
        under a name that is forbidden.

    Raises
    ------
    CheckFailed
        If a forbidden name is used; the message says which.
    """
    with _source_of(name, hint):
        used = source_rules.forbidden_names(function, forbidden, own)
    if used:
        fail(f"{name} uses {', '.join(sorted(used))}, which is not allowed in this exercise.", hint)


def assert_written_without(name: str, forbidden: Sequence[str], hint: str | None = None) -> None:
    """Check that a value, such as an expression, was written without certain calls.

    It is `assert_no_calls` for what is no function: looked at are the statements that bind the name, those that bind
    what they use, and so on. A call that stands in a text counts as well, since SymPy reads texts as expressions.

    Parameters
    ----------
    name : str
        What the student calls the value.
    forbidden : sequence of str
        Dotted names, of which the last part decides.
    hint : str, optional
        What to do instead.

    Raises
    ------
    CheckFailed
        If a forbidden name is used; the message says which.
    """
    if _bridge is not None:
        cells, files = _bridge.cells, _bridge.own_files()
    else:
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if shell is None or name not in shell.user_ns:
            return  # nobody remembers how the value came about
        cells, files = reachable.written_last(name, shell.user_ns.get("In", [])), {}
    with _source_of(name, hint):
        used = source_rules.forbidden_in(name, cells, forbidden, files)
    called = re.compile(rf"\b({'|'.join(dotted.rpartition('.')[2] for dotted in forbidden)})\s*\(")
    for _, statement in reachable.reached(name, cells, files):
        prose = {id(node.value) for node in ast.walk(statement) if isinstance(node, ast.Expr)}  # docstrings
        parts = (node for node in ast.walk(statement) if isinstance(node, ast.Constant) and id(node) not in prose)
        texts = (node.value for node in parts)
        used |= {found[1] for text in texts if isinstance(text, str) and (found := called.search(text))}
    if used:
        fail(f"{name} uses {', '.join(sorted(used))}, which is not allowed in this exercise.", hint)


def assert_calls(
    function: Any, required: Sequence[str], name: str, hint: str | None = None, *, one_is_enough: bool = False
) -> None:
    """Check that the source of a function uses each of some names, as `assert_no_calls` checks the opposite.

    Parameters
    ----------
    function : callable
        A function that the student defined in the notebook.
    required : sequence of str
        Dotted names; the last part decides, whatever it was imported as. A function of the same name that
        the student wrote does not count.
    name : str
        How the message calls the function.
    hint : str, optional
        What to do instead.
    one_is_enough : bool
        Whether the names are ways to do the same, of which any will do.

    Raises
    ------
    CheckFailed
        If a required name is not used; the message says which.
    """
    missing = []
    for dotted in required:
        with _source_of(name, hint):
            used = source_rules.forbidden_names(function, [dotted])
        last = dotted.rpartition(".")[2]
        # `used` may hold detours such as `getattr` as well, and "module.f (as g)" for f imported as g.
        if not any(spelling.partition(" ")[0].rpartition(".")[2] == last for spelling in used):
            missing.append(dotted)
    if one_is_enough and missing == list(required):
        fail(f"{name} uses none of {', '.join(required)}, which this exercise is about.", hint)
    if missing and not one_is_enough:
        fail(f"{name} does not use {missing[0]}, which this exercise is about.", hint)


def assert_no_loops(function: Any, name: str, hint: str | None = None) -> None:
    """Check that neither a function nor what it uses of the student's goes through a loop.

    Parameters
    ----------
    function : callable
        A function that the student defined in the notebook.
    name : str
        How the message calls the function.
    hint : str, optional
        What to do instead.

    Raises
    ------
    CheckFailed
        If there is a `for`, a `while`, a comprehension, or a function such as `map` that calls another one for each
        element.
    """
    with _source_of(name, hint):
        found = source_rules.loops_of(function)
    if found:
        fail(f"{name} uses {', '.join(sorted(found))}, which is not allowed in this exercise.", hint)


def assert_only_modules(function: Any, allowed: Sequence[str], name: str, hint: str | None = None) -> None:
    """Check that a function, with all of the student's that it uses, needs certain packages only.

    Parameters
    ----------
    function : callable
        A function that the student defined in the notebook.
    allowed : sequence of str
        Packages as they are imported: ``"numpy"``. What comes with Python may always be used, and so may own modules.
    name : str
        How the message calls the function.
    hint : str, optional
        What to do instead.

    Raises
    ------
    CheckFailed
        If it uses another package; the message says which.
    """
    with _source_of(name, hint):
        others = source_rules.modules_of(function) - set(allowed)
    if others:
        fail(f"{name} uses {', '.join(sorted(others))}; allowed here: {', '.join(allowed)}.", hint)


def assert_no_numbers(function: Any, numbers: Iterable[float], name: str, hint: str | None = None) -> None:
    """Check that certain numbers are not written in a function, nor in what it uses of the student's.

    Parameters
    ----------
    function : callable
        A function that the student defined in the notebook.
    numbers : iterable of float
        What must not be there, with either sign. Of a term of numbers alone its value counts: ``28 * 28`` is 784.
    name : str
        How the message calls the function.
    hint : str, optional
        Where to take the number from instead.

    Raises
    ------
    CheckFailed
        If one of them is there; the message says which.
    """
    with _source_of(name, hint):
        found = source_rules.numbers_of(function, numbers)
    if found:
        numbers_found = ", ".join(f"{number:g}" for number in sorted(found))
        fail(f"{name} holds the number{'s' if len(found) > 1 else ''} {numbers_found}.", hint)
