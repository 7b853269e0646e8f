"""Checks for the test cells of a notebook, with messages written for students.

Every function returns None if the work is right and raises `CheckFailed` at the first difference. Visible
and hidden tests call the same functions, in a student's notebook as well as at grading time.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from course_utils.checks.forms import (
    NUMBER_ATOL,
    NUMBER_RTOL,
    TOLERANCES,
    as_array,
    as_data,
    as_number,
    as_plain,
    as_tensor,
    check_form,
    is_missing,
)
from course_utils.checks.unfilled import explain_unfilled_cells
from course_utils.checks.wording import (
    LONGEST,
    counted,
    cut,
    describe,
    fail,
    listed,
    number_text,
    shorten,
    text_of,
    to_numpy,
)

__all__ = [
    "assert_array",
    "assert_equal",
    "assert_keys",
    "assert_length",
    "assert_number",
    "assert_tensor",
    "assert_that",
    "compare",
    "same",
]


explain_unfilled_cells()


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

    actual = as_tensor(actual, name, hint)
    if mistakes:
        mistakes = {text: torch.as_tensor(wrong).detach().numpy() for text, wrong in mistakes.items()}
    default = TOLERANCES.get(str(expected.dtype).removeprefix("torch."), (0.0, 0.0))
    compare(
        to_numpy(actual),
        to_numpy(expected),
        name,
        hint=hint,
        rtol=default[0] if rtol is None else rtol,
        atol=default[1] if atol is None else atol,
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
    expected, actual = np.asarray(expected), as_array(actual, name, hint)
    exact = expected.dtype.kind in "biu" and actual.dtype.kind in "biu"
    default = (0.0, 0.0) if exact else TOLERANCES.get(str(expected.dtype), TOLERANCES["float64"])
    compare(
        actual,
        expected,
        name,
        hint=hint,
        rtol=default[0] if rtol is None else rtol,
        atol=default[1] if atol is None else atol,
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
    rtol: float = NUMBER_RTOL,
    atol: float = NUMBER_ATOL,
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
    value = as_number(actual, name, hint)
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
    fail(f"{name} is {number_text(value)}{unit}, which is not right.", hint)


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
    expected = as_data(expected)
    actual = as_plain(actual, expected, name, hint)
    if same(actual, expected):
        return
    for text, wrong in (mistakes or {}).items():
        if same(actual, as_data(wrong)):
            hint = text
            break
    fail(f"{name} is {shorten(actual)}, which is not right.", hint)


def assert_that(fact: Any, sentence: str, hint: str | None = None) -> None:
    """Check something that is either so or not, and for which no other check has the words.

    Parameters
    ----------
    fact : bool
        Whether it is as it should be. Only True will do: whatever else a student's object may answer is not.
    sentence : str
        What the message says if it is not, as a whole sentence: ``"make_sgd must return an optimiser."``
    hint : str, optional
        A sentence that points to the idea.

    Raises
    ------
    CheckFailed
        If `fact` is not True.
    """
    if fact is not True and not (isinstance(fact, np.bool_) and fact):
        fail(sentence, hint)


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
    if is_missing(actual, name):
        fail(f"{name} has no value yet.", hint)
    actual = as_data(actual)
    if isinstance(actual, type) or not hasattr(actual, "keys"):
        fail(f"{name} must be a dict, got {describe(actual)}.", hint)
    for key in keys:
        if key not in actual:
            found = cut(listed((text_of(other, LONGEST) for other in actual), LONGEST + 2)) or "nothing"
            fail(f"{name} has no entry {key!r}; it holds {found}.", hint)


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
    actual = as_data(actual)
    if in_order and isinstance(actual, (Mapping, set, frozenset)):
        fail(f"{name} must be a tuple with {counted(length, 'entry', 'entries')}, got {describe(actual)}.", hint)
    try:
        found = None if isinstance(actual, (str, bytes)) else len(actual)
    except (TypeError, OverflowError):
        found = None
    if found is None:
        fail(f"{name} must have {counted(length, 'entry', 'entries')}, got {describe(actual)}.", hint)
    if found != length:
        fail(f"{name} must have {counted(length, 'entry', 'entries')}, got {found}.", hint)


def compare(
    actual: np.ndarray,
    expected: np.ndarray,
    name: str,
    *,
    hint: str | None,
    rtol: float,
    atol: float,
    dtypes: tuple[str, str] | None = None,
    mistakes: Mapping[str, Any] | None = None,
) -> None:
    """Check that one array is like another: shape, dtype where it is given, values.

    Parameters
    ----------
    actual, expected : numpy.ndarray
    name : str
        How the message calls `actual`.
    hint : str or None
    rtol, atol : float
    dtypes : tuple of str, optional
        What the message calls those of both, which must then be equal.
    mistakes : mapping of str to array_like, optional
        Likely wrong answers. If `actual` equals one of them, its key is the hint.

    Raises
    ------
    CheckFailed
        At the first difference.
    """

    def differs(fact: str) -> NoReturn:
        fail(fact, _recognised(actual, mistakes, rtol, atol) or hint)

    check_form(actual, expected.shape, name, differs, dtypes)
    wrong = ~np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return
    if actual.ndim == 0:
        differs(f"{name} is wrong: got {number_text(actual[()])}, expected {number_text(expected[()])}.")
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = str(first) if len(first) > 1 else str(first[0])
    differs(
        f"{name} is wrong in {int(wrong.sum())} of {wrong.size} entries; the first is at {where}: "
        f"got {number_text(actual[first])}, expected {number_text(expected[first])}."
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


def same(actual: Any, expected: Any) -> bool:
    """Whether two plain values are equal; of a tuple and a list, the entries count."""
    if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    try:
        return bool(actual == expected)
    except ValueError:  # a number of NumPy beside a tuple: an array of answers
        return False
