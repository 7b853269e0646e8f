"""What kind of thing a student's value is, before it is compared: a number, an array, plain values."""

from __future__ import annotations

import math
import numbers
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from course_utils.checks.wording import counted, describe, fail, is_array, is_expression, shorten, with_article

__all__ = [
    "NUMBER_ATOL",
    "NUMBER_RTOL",
    "TOLERANCES",
    "as_array",
    "as_data",
    "as_number",
    "as_plain",
    "as_tensor",
    "check_form",
    "is_missing",
]

# How near a number must be to one that is no integer.
NUMBER_RTOL, NUMBER_ATOL = 1e-6, 1e-9
# The defaults of torch.testing.assert_close, (rtol, atol) by dtype.
TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def as_plain(actual: Any, like: Any, name: str, hint: str | None) -> Any:
    """Return a student's plain value, or say why it is of another kind or length than `like`."""
    if is_missing(actual, name) and like is not None:
        fail(f"{name} has no value yet.", hint)
    actual = as_data(actual)
    if isinstance(like, (list, tuple)) and is_array(actual) and len(actual.shape) == 1:
        if len(actual) != len(like):  # before a list is made of all its entries
            fail(f"{name} must have {counted(len(like), 'entry', 'entries')}, got {len(actual)}.", hint)
        actual = actual.tolist()
    actual = _with_numbers(actual) if type(actual) in (list, tuple) else actual
    if not _has_expression(like) and _has_expression(actual):
        fail(f"{name} must hold plain values, got {shorten(actual)}; float() makes a number of a formula.", hint)
    if type(actual) is type(like) and not _plain(actual):
        fail(f"{name} must hold plain values, got {shorten(actual)}.", hint)
    if not _plain(actual) or (actual is None and like is not None):
        fail(f"{name} must be {with_article(type(like).__name__)}, got {describe(actual)}.", hint)
    if isinstance(like, (list, tuple)):
        if not isinstance(actual, (list, tuple)):
            fail(f"{name} must be {with_article(type(like).__name__)}, got {describe(actual)}.", hint)
        if len(actual) != len(like):
            fail(f"{name} must have {counted(len(like), 'entry', 'entries')}, got {len(actual)}.", hint)
    elif isinstance(like, bool) != isinstance(actual, bool):
        fail(f"{name} must be {with_article(type(like).__name__)}, got {describe(actual)}.", hint)
    return actual


def _with_numbers(value: Any) -> Any:
    """Return lists and tuples with numbers in the place of arrays without an axis."""
    if type(value) in (list, tuple):
        return type(value)(_with_numbers(entry) for entry in value)
    return value.item() if is_array(value) and value.shape == () else value


def as_number(actual: Any, name: str, hint: str | None) -> Any:
    """Return a student's number, also of an array with one entry, or say why it is none."""
    if is_missing(actual, name) or (isinstance(actual, str) and not actual.strip()):
        fail(f"{name} has no value yet.", hint)
    value = actual = as_data(actual)
    if is_array(value) and math.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        fail(f"{name} must be a number, got {describe(actual)}.", hint)
    return value


def as_array(actual: Any, name: str, hint: str | None) -> np.ndarray:
    """Return a student's array of NumPy, or say why it is none."""
    actual = as_data(actual)
    if not isinstance(actual, np.ndarray):
        fail(f"{name} must be a NumPy array, got {describe(actual)}.", hint)
    return actual


def as_tensor(actual: Any, name: str, hint: str | None) -> Any:
    """Return a student's tensor, or say why it is none."""
    import torch

    actual = as_data(actual)
    if not isinstance(actual, torch.Tensor):
        fail(f"{name} must be a torch.Tensor, got {describe(actual)}.", hint)
    return actual


def check_form(
    actual: np.ndarray,
    shape: tuple[int, ...],
    name: str,
    differs: Callable[[str], NoReturn],
    dtypes: tuple[str, str] | None = None,
) -> None:
    """Call `differs` with a sentence if an array has another shape or dtype, or holds no numbers."""
    if actual.shape != shape:
        differs(f"{name} must have shape {shape}, got {actual.shape}.")
    if dtypes is not None and dtypes[0] != dtypes[1]:
        differs(f"{name} must have dtype {dtypes[1]}, got {dtypes[0]}.")
    if actual.dtype.kind not in "biufc":
        differs(f"{name} must hold numbers, got dtype {actual.dtype}.")


def _plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_plain(key) and _plain(entry) for key, entry in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(_plain(entry) for entry in value)
    return value is None or isinstance(value, (bool, numbers.Number, str, bytes, np.generic)) or is_expression(value)


def as_data(value: Any) -> Any:
    """Return SymPy's numbers as numbers, and its expressions as what the grader sees of them."""
    if "sympy" not in sys.modules:
        return value
    from course_utils.checks import expressions

    return expressions.as_data(value)


def _has_expression(value: Any) -> bool:
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(_has_expression, value))
    if isinstance(value, dict):
        return any(map(_has_expression, value)) or any(map(_has_expression, value.values()))
    return is_expression(value)


def is_missing(value: Any, name: str) -> bool:
    """Whether there is no answer yet. None from a call is another thing: a `return` is missing."""
    return value is ... or (value is None and not re.match(r"[\w.]+\(", name))
