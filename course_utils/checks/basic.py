"""Checks for the test cells of a notebook, with messages written for students.

Every function returns None if the work is right and raises `CheckFailed` at the first difference. Visible
and hidden tests call the same functions, in a student's notebook as well as at grading time.
"""

from __future__ import annotations

import math
import numbers
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.checks import source_rules
from course_utils.checks.unfilled import explain_unfilled_cells
from course_utils.errors import CheckFailed, NotGradable

__all__ = [
    "CheckFailed",
    "NotGradable",
    "assert_array",
    "assert_calls",
    "assert_equal",
    "assert_figure",
    "assert_gradient",
    "assert_keys",
    "assert_length",
    "assert_no_calls",
    "assert_number",
    "assert_tensor",
    "assert_unchanged",
    "numerical_gradient",
    "shared",
]


explain_unfilled_cells()

# Where tests run apart from the student's code, what carries their calls: it knows what became of the copies.
_bridge: Any = None


def assert_tensor(
    actual: Any,
    expected: Any,
    name: str,
    hint: str | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    mistakes: Mapping[str, Any] | None = None,
) -> None:
    """Check that a PyTorch tensor has the expected shape, dtype and values, in that order.

    Parameters
    ----------
    actual : torch.Tensor
        What the student's code returned.
    expected : torch.Tensor
        The right answer, of any shape and dtype.
    name : str
        How the message calls `actual`, usually the call itself: ``"conv2d(image, kernel)"``.
    hint : str, optional
        A sentence that points to the idea; it follows the facts on a line of its own.
    rtol, atol : float, optional
        Tolerances. By default those of `torch.testing.assert_close` for the dtype of `expected`.
    mistakes : mapping of str to torch.Tensor, optional
        Likely wrong answers. If `actual` equals one of them, its key is the hint.

    Raises
    ------
    CheckFailed
        At the first difference, with its position and both values.
    """
    import torch

    actual = _as_data(actual)
    if not isinstance(actual, torch.Tensor):
        _fail(f"{name} must be a torch.Tensor, got {_describe(actual)}.", hint)
    if mistakes:
        mistakes = {text: torch.as_tensor(wrong).detach().numpy() for text, wrong in mistakes.items()}
    default = _TOLERANCES.get(str(expected.dtype).removeprefix("torch."), (0.0, 0.0))
    _compare(
        _to_numpy(actual),
        _to_numpy(expected),
        name,
        hint,
        default[0] if rtol is None else rtol,
        default[1] if atol is None else atol,
        dtypes=(str(actual.dtype), str(expected.dtype)),
        mistakes=mistakes,
    )


def assert_array(
    actual: Any,
    expected: Any,
    name: str,
    hint: str | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    check_dtype: bool = False,
    mistakes: Mapping[str, Any] | None = None,
) -> None:
    """Check that a NumPy array has the expected shape, kind of dtype and values, in that order.

    Parameters
    ----------
    actual : numpy.ndarray
        What the student's code returned.
    expected : array_like
        The right answer, of any shape and dtype.
    name : str
        How the message calls `actual`.
    hint : str, optional
        A sentence that points to the idea.
    rtol, atol : float, optional
        Tolerances. By default those of `torch.testing.assert_close` for the dtype of `expected`. Integers are
        compared exactly with integers, and like float64 with floats.
    check_dtype : bool
        Whether the dtype must be equal. By default whole numbers may come as floats and the other way round.
    mistakes : mapping of str to array_like, optional
        Likely wrong answers. If `actual` equals one of them, its key is the hint.

    Raises
    ------
    CheckFailed
        At the first difference, with its position and both values.
    """
    expected, actual = np.asarray(expected), _as_data(actual)
    if not isinstance(actual, np.ndarray):
        _fail(f"{name} must be a NumPy array, got {_describe(actual)}.", hint)
    exact = expected.dtype.kind in "biu" and actual.dtype.kind in "biu"
    default = (0.0, 0.0) if exact else _TOLERANCES.get(str(expected.dtype), _TOLERANCES["float64"])
    _compare(
        actual,
        expected,
        name,
        hint,
        default[0] if rtol is None else rtol,
        default[1] if atol is None else atol,
        dtypes=(str(actual.dtype), str(expected.dtype)) if check_dtype else None,
        mistakes=mistakes,
    )


def assert_number(
    actual: Any,
    expected: float,
    name: str,
    unit: str = "",
    hint: str | None = None,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    mistakes: Mapping[str, float] | None = None,
) -> None:
    """Check one number: its type first, then its value.

    Parameters
    ----------
    actual : int, float, NumPy or SymPy number, or array or tensor with one entry
        The student's number. True and False are not numbers here, and neither is an expression such as ``log(5)``.
    expected : int or float
        The right answer. If it is an int, the student's number must equal it exactly.
    name : str
        How the message calls `actual`.
    unit : str
        Written after both numbers: ``"pixels"``, ``"nats"``, ``"parameters"``.
    hint : str, optional
        A sentence that points to the idea.
    rtol, atol : float
        Tolerances for a float `expected`.
    mistakes : mapping of str to float, optional
        Likely wrong answers. If `actual` equals one of them, its key is the hint.

    Raises
    ------
    CheckFailed
        If `actual` is no number or another number.
    """
    if _is_missing(actual, name) or (isinstance(actual, str) and not actual.strip()):
        _fail(f"{name} has no value yet.", hint)
    value = actual = _as_data(actual)
    if _is_array(value) and math.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        _fail(f"{name} must be a number, got {_describe(actual)}.", hint)
    exact = isinstance(expected, numbers.Integral)

    def close(reference: float) -> bool:
        if exact:
            return value == reference
        try:
            return math.isclose(value, reference, rel_tol=rtol, abs_tol=atol)
        except OverflowError:  # no float is as large
            return False

    if close(expected):
        return
    for text, wrong in (mistakes or {}).items():
        if close(wrong):
            hint = text
            break
    unit = f" {unit}" if unit else ""
    _fail(f"{name} is {_format(value)}{unit}, which is not right.", hint)


def assert_equal(
    actual: Any,
    expected: Any,
    name: str,
    hint: str | None = None,
    *,
    mistakes: Mapping[str, Any] | None = None,
) -> None:
    """Check that a plain value (int, str, bool, tuple, list, dict, set of these) is the expected one.

    Expressions of SymPy are equal if they are written in the same way; for their values see
    `course_utils.checks.formulas`.
    A tuple may be given as a list or as an array or tensor with one axis, and a list likewise: the entries count.
    Types of the entries count as far as Python's ``==`` tells them apart.

    Parameters
    ----------
    actual : object
        The student's value.
    expected : object
        The right answer.
    name : str
        How the message calls `actual`.
    hint : str, optional
        A sentence that points to the idea.
    mistakes : mapping of str to object, optional
        Likely wrong answers. If `actual` equals one of them, its key is the hint.

    Raises
    ------
    CheckFailed
        If the values differ.
    """
    if _is_missing(actual, name) and expected is not None:
        _fail(f"{name} has no value yet.", hint)
    actual, expected = _as_data(actual), _as_data(expected)
    if isinstance(expected, (list, tuple)) and _is_array(actual) and len(actual.shape) == 1:
        if len(actual) != len(expected):  # before a list is made of all its entries
            _fail(f"{name} must have {_count(len(expected), 'entry', 'entries')}, got {len(actual)}.", hint)
        actual = actual.tolist()
    if not _has_expression(expected) and _has_expression(actual):
        _fail(f"{name} must hold plain values, got {_shorten(actual)}; float() makes a number of a formula.", hint)
    if not _plain(actual) or (actual is None and expected is not None):
        _fail(f"{name} must be {_a(type(expected).__name__)}, got {_describe(actual)}.", hint)
    if isinstance(expected, (list, tuple)):
        if not isinstance(actual, (list, tuple)):
            _fail(f"{name} must be {_a(type(expected).__name__)}, got {_describe(actual)}.", hint)
        if len(actual) != len(expected):
            _fail(f"{name} must have {_count(len(expected), 'entry', 'entries')}, got {len(actual)}.", hint)
    elif isinstance(expected, bool) != isinstance(actual, bool):
        _fail(f"{name} must be {_a(type(expected).__name__)}, got {_describe(actual)}.", hint)
    if _same(actual, expected):
        return
    for text, wrong in (mistakes or {}).items():
        if _same(actual, _as_data(wrong)):
            hint = text
            break
    _fail(f"{name} is {_shorten(actual)}, which is not right.", hint)


def assert_keys(actual: Any, keys: Sequence[str], name: str, hint: str | None = None) -> None:
    """Check that a dict has entries under some names, before they are looked at one by one.

    Parameters
    ----------
    actual : object
        The student's value.
    keys : sequence of str
        The names that must be there; there may be others.
    name : str
        How the message calls `actual`.
    hint : str, optional
        A sentence that points to the idea.

    Raises
    ------
    CheckFailed
        If `actual` is no dict, or lacks a name; the message says which, and what is there.
    """
    if _is_missing(actual, name):
        _fail(f"{name} has no value yet.", hint)
    actual = _as_data(actual)
    if isinstance(actual, type) or not hasattr(actual, "keys"):
        _fail(f"{name} must be a dict, got {_describe(actual)}.", hint)
    for key in keys:
        if key not in actual:
            found = _cut(_listed((_text(other, _LONGEST) for other in actual), _LONGEST + 2)) or "nothing"
            _fail(f"{name} has no entry {key!r}; it holds {found}.", hint)


def assert_length(actual: Any, length: int, name: str, hint: str | None = None, *, in_order: bool = False) -> None:
    """Check that a list, tuple, dict or array has a number of entries, before they are looked at one by one.

    Parameters
    ----------
    actual : object
        The student's value.
    length : int
        What ``len(actual)`` must be.
    name : str
        How the message calls `actual`.
    hint : str, optional
        A sentence that points to the idea.
    in_order : bool
        Whether the entries are looked up by their place, so that a dict or a set will not do.

    Raises
    ------
    CheckFailed
        If `actual` has no length, is a text, or has another length.
    """
    actual = _as_data(actual)
    if in_order and isinstance(actual, (Mapping, set, frozenset)):
        _fail(f"{name} must be a tuple with {_count(length, 'entry', 'entries')}, got {_describe(actual)}.", hint)
    try:
        found = None if isinstance(actual, (str, bytes)) else len(actual)
    except (TypeError, OverflowError):
        found = None
    if found is None:
        _fail(f"{name} must have {_count(length, 'entry', 'entries')}, got {_describe(actual)}.", hint)
    if found != length:
        _fail(f"{name} must have {_count(length, 'entry', 'entries')}, got {found}.", hint)


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
        _fail(f"{name} was changed by the call; work on a copy.", hint)
    if hasattr(original, "state_dict"):
        after = actual.state_dict()
        if list(after) != list(original.state_dict()):
            _fail(f"{name} was changed by the call: it has other layers now.", hint)
        for key, value in original.state_dict().items():
            assert_unchanged(after[key], value, f"{name} ({key})", hint)
        return
    before, after = _to_numpy(original), _to_numpy(actual)
    same = before.shape == after.shape and before.dtype == after.dtype
    if not same or not np.array_equal(before, after, equal_nan=before.dtype.kind in "fc"):
        _fail(f"{name} was changed by the call; work on a copy.", hint)


def numerical_gradient(function: Callable[[np.ndarray], float], x: Any, eps: float = 1e-6) -> np.ndarray:
    """Return the gradient of a scalar function by central differences in float64.

    Parameters
    ----------
    function : callable
        Takes an array of the shape and kind (NumPy or torch) of `x`, returns one number.
    x : numpy.ndarray or torch.Tensor, floating point
        Where the gradient is wanted; left unchanged.
    eps : float
        Half the distance between the two points of a difference, in units of `x`. The error is of order
        ``eps ** 2`` from the formula and ``1e-16 / eps`` from rounding.

    Returns
    -------
    numpy.ndarray of the shape of `x`, float64
    """
    point = _to_numpy(x).astype(np.float64)
    as_given = _back_to_kind(x)
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        ahead, behind = point.copy(), point.copy()
        ahead[index] += eps
        behind[index] -= eps
        gradient[index] = (float(function(as_given(ahead))) - float(function(as_given(behind)))) / (2 * eps)
    return gradient


def assert_gradient(
    gradient: Any,
    function: Callable[[Any], float],
    x: Any,
    name: str,
    hint: str | None = None,
    *,
    eps: float = 1e-6,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    mistakes: Mapping[str, Any] | None = None,
) -> None:
    """Check a gradient against central differences of the function it belongs to.

    Parameters
    ----------
    gradient : numpy.ndarray or torch.Tensor of the shape of `x`
        The student's gradient at `x`.
    function : callable
        The scalar function, written by the test: takes an array like `x`, returns one number.
    x : numpy.ndarray or torch.Tensor, float64
        Where the gradient is taken.
    name : str
        How the message calls `gradient`.
    hint : str, optional
        A sentence that points to the idea.
    eps : float
        Step of the differences, see `numerical_gradient`.
    rtol, atol : float
        Tolerances of the comparison.
    mistakes : mapping of str to array_like, optional
        Likely wrong answers. If `gradient` equals one of them, its key is the hint.

    Raises
    ------
    CheckFailed
        If shape or values differ.
    """
    if not _is_array(gradient):
        kind = "NumPy array" if isinstance(x, np.ndarray) else "torch.Tensor"
        _fail(f"{name} must be a {kind}, got {_describe(gradient)}.", hint)
    expected = numerical_gradient(function, x, eps)
    if mistakes:
        mistakes = {text: _to_numpy(wrong) for text, wrong in mistakes.items()}
    _compare(_to_numpy(gradient), expected, name, hint, rtol, atol, dtypes=None, mistakes=mistakes)


def assert_figure(
    figure: Any,
    name: str = "the figure",
    *,
    axes: int | None = None,
    lines: int | None = None,
    images: int | None = None,
    labels: bool = True,
    legend: bool = False,
    hint: str | None = None,
) -> None:
    """Check that a Matplotlib figure can be read: axes labelled, lines and images present.

    Parameters
    ----------
    figure : matplotlib.figure.Figure or matplotlib.axes.Axes
        What the student's code drew.
    name : str
        How the message calls it.
    axes : int, optional
        The least number of panels.
    lines, images : int, optional
        The least number of lines (of at least two points) and of images in all panels together.
    labels : bool
        Whether each panel that holds lines needs a label on both axes.
    legend : bool
        Whether a panel with two or more lines needs a legend or text beside the lines.
    hint : str, optional
        A sentence that points to the idea.

    Raises
    ------
    CheckFailed
        If something is missing; the message names the panel, counted from 1.
    """
    if figure is None:
        _fail(f"{name} has no value yet; return the figure that you drew.", hint)
    try:
        panels = list(figure.axes) if hasattr(figure, "get_size_inches") else [figure]
        line_counts = [sum(len(line.get_xdata()) > 1 for line in panel.lines) for panel in panels]
        image_counts = [len(list(panel.images)) for panel in panels]
    except AttributeError:
        _fail(f"{name} must be a Matplotlib figure or axes, got {_describe(figure)}.", hint)
    if axes is not None and len(panels) < axes:
        _fail(f"{name} must have {_count(axes, 'panel', 'panels')}, got {len(panels)}.", hint)
    if lines is not None and sum(line_counts) < lines:
        _fail(f"{name} must show at least {_count(lines, 'line', 'lines')}, got {sum(line_counts)}.", hint)
    if images is not None and sum(image_counts) < images:
        _fail(f"{name} must show at least {_count(images, 'image', 'images')}, got {sum(image_counts)}.", hint)
    for number, (panel, count) in enumerate(zip(panels, line_counts, strict=True), start=1):
        if not count:
            continue
        for axis, label in (("horizontal", panel.get_xlabel()), ("vertical", panel.get_ylabel())):
            if labels and not str(label).strip():
                _fail(f"Panel {number} of {name} has no label on its {axis} axis.", hint)
        if legend and count > 1 and panel.get_legend() is None and not list(panel.texts):
            _fail(f"Panel {number} of {name} does not say which line is which; add a legend.", hint)


def assert_no_calls(function: Any, forbidden: Sequence[str], name: str, hint: str | None = None) -> None:
    """Check that the source of a function keeps a rule such as "do not call `F.conv2d`".

    The rule is checked on the syntax tree, so comments and strings do not matter. At grading time, helper
    functions of the student that `function` uses are looked at as well.

    Parameters
    ----------
    function : callable
        A function that the student defined in the notebook.
    forbidden : sequence of str
        Dotted names: ``"F.conv2d"`` forbids every spelling that ends in ``conv2d``, imported under any name.
    name : str
        How the message calls the function.
    hint : str, optional
        What to do instead.

    Raises
    ------
    CheckFailed
        If a forbidden name is used; the message says which.
    """
    try:
        used = source_rules.forbidden_names(function, forbidden)
    except source_rules.SourceNotFound as error:
        _fail(f"The source of {name} could not be read: {error}", hint)
    if used:
        _fail(f"{name} uses {', '.join(sorted(used))}, which is not allowed in this exercise.", hint)


def assert_calls(function: Any, required: Sequence[str], name: str, hint: str | None = None) -> None:
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

    Raises
    ------
    CheckFailed
        If a required name is not used; the message says which.
    """
    for dotted in required:
        try:
            used = source_rules.forbidden_names(function, [dotted])
        except source_rules.SourceNotFound as error:
            _fail(f"The source of {name} could not be read: {error}", hint)
        last = dotted.rpartition(".")[2]
        # `used` may hold detours such as `getattr` as well, and "module.f (as g)" for f imported as g.
        if not any(spelling.partition(" ")[0].rpartition(".")[2] == last for spelling in used):
            _fail(f"{name} does not use {dotted}, which this exercise is about.", hint)


# The defaults of torch.testing.assert_close, (rtol, atol) by dtype.
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def _fail(fact: str, hint: str | None) -> None:
    raise CheckFailed(f"{fact}\n{hint}" if hint else fact)


def _compare(
    actual: np.ndarray,
    expected: np.ndarray,
    name: str,
    hint: str | None,
    rtol: float,
    atol: float,
    *,
    dtypes: tuple[str, str] | None,
    mistakes: Mapping[str, Any] | None,
) -> None:
    def fail(fact: str) -> None:
        _fail(fact, _recognised(actual, mistakes, rtol, atol) or hint)

    if actual.shape != expected.shape:
        fail(f"{name} must have shape {expected.shape}, got {actual.shape}.")
    if dtypes is not None and dtypes[0] != dtypes[1]:
        fail(f"{name} must have dtype {dtypes[1]}, got {dtypes[0]}.")
    if actual.dtype.kind not in "biufc":
        fail(f"{name} must hold numbers, got dtype {actual.dtype}.")
    wrong = ~np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return
    if actual.ndim == 0:
        fail(f"{name} is wrong: got {_format(actual[()])}, expected {_format(expected[()])}.")
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = str(first) if len(first) > 1 else str(first[0])
    fail(
        f"{name} is wrong in {int(wrong.sum())} of {wrong.size} entries; the first is at {where}: "
        f"got {_format(actual[first])}, expected {_format(expected[first])}."
    )


def _recognised(actual: np.ndarray, mistakes: Mapping[str, Any] | None, rtol: float, atol: float) -> str | None:
    """The text of the likely mistake that `actual` equals, if there is one."""
    if actual.dtype.kind not in "biufc":
        return None
    for text, mistake in (mistakes or {}).items():
        mistake = np.asarray(mistake)
        if mistake.shape == actual.shape and np.allclose(actual, mistake, rtol=rtol, atol=atol):
            return text
    return None


def _is_array(value: Any) -> bool:
    if isinstance(value, (np.ndarray, np.generic)):
        return True
    # Without importing torch, which most notebooks of the course do not need for NumPy work.
    return any(f"{kind.__module__}.{kind.__qualname__}" == "torch.Tensor" for kind in type(value).__mro__)


def _to_numpy(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        # NumPy has no bfloat16; float32 holds each of its values.
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        return value.numpy()
    return np.asarray(value)


def _back_to_kind(x: Any) -> Callable[[np.ndarray], Any]:
    if hasattr(x, "detach"):
        import torch

        return torch.from_numpy
    return np.asarray


def _plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_plain(key) and _plain(entry) for key, entry in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(_plain(entry) for entry in value)
    return value is None or isinstance(value, (bool, numbers.Number, str, bytes, np.generic)) or _is_expression(value)


def _same(actual: Any, expected: Any) -> bool:
    if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        return len(actual) == len(expected) and all(map(_same, actual, expected))
    return bool(actual == expected)


def _as_data(value: Any) -> Any:
    """Return SymPy's numbers as numbers, and its expressions as what the grader sees of them."""
    if "sympy" not in sys.modules:
        return value
    from course_utils.checks import expressions

    return expressions.as_data(value)


def _is_expression(value: Any) -> bool:
    # Without importing what most notebooks do not need.
    kind = type(value)
    return kind.__name__ == "Expression" and kind.__module__ == "course_utils.checks.expressions"


def _has_expression(value: Any) -> bool:
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(_has_expression, value))
    if isinstance(value, dict):
        return any(map(_has_expression, value)) or any(map(_has_expression, value.values()))
    return _is_expression(value)


def _is_missing(value: Any, name: str) -> bool:
    """Whether there is no answer yet. None from a call is another thing: a `return` is missing."""
    return value is ... or (value is None and not re.match(r"[\w.]+\(", name))


def _describe(value: Any) -> str:
    if value is None:
        return "None (is a `return` missing?)"
    if value is ...:
        return "`...` (not filled in yet)"
    if _is_expression(value):
        return f"the expression {_shorten(value)}"
    kind = type(value).__name__
    shape = f" of shape {tuple(value.shape)}" if _is_array(value) and not isinstance(value, np.generic) else ""
    return f"{_a(kind)}{shape}"


def _a(noun: str) -> str:
    # As one says them: an "en-d-array", a "you-int".
    vowel = noun[:1].lower() in "aeiou" and not noun.startswith(("uint", "ufunc"))
    return f"{'an' if vowel or noun.startswith('nd') else 'a'} {noun}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _format(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (numbers.Integral, np.integer)):
        return _cut(_digits(int(value)))
    if isinstance(value, (numbers.Real, np.floating)):
        try:
            return f"{float(value):.6g}"
        except OverflowError:
            return "a number larger than any float"
    return _cut(str(value))


# Characters of a value that a message quotes.
_LONGEST = 200


def _shorten(value: Any) -> str:
    return _cut(_text(value, _LONGEST))


def _cut(text: str, limit: int = _LONGEST) -> str:
    return text if len(text) <= limit else text[: limit - 4] + " ..."


def _digits(value: int) -> str:
    # Python itself refuses to write more than some thousand digits.
    return str(value) if value.bit_length() < 10_000 else f"an integer of {value.bit_length():,} bits"


def _text(value: Any, room: int) -> str:
    """Return `repr`, or a start of it that is longer than `room`, without working out the rest."""
    kind = type(value)
    if isinstance(value, (str, bytes)) and len(value) > room:
        return repr(value[: room + 1])
    if kind is int:
        return _digits(value)
    if kind in (list, tuple, set, frozenset) and value:
        left, right = {list: "[]", tuple: "()", set: "{}", frozenset: ("frozenset({", "})")}[kind]
        right = ",)" if kind is tuple and len(value) == 1 else right
        return left + _listed((_text(entry, room) for entry in value), room) + right
    if kind is dict:
        entries = (f"{_text(key, room)}: {_text(entry, room)}" for key, entry in value.items())
        return "{" + _listed(entries, room) + "}"
    if _is_array(value) and not isinstance(value, np.generic):
        return _describe(value)
    return repr(value)


def _listed(texts: Iterable[str], room: int) -> str:
    kept: list[str] = []
    for text in texts:
        kept.append(text)
        room -= len(text) + 2
        if room < 0:
            break
    return ", ".join(kept)
