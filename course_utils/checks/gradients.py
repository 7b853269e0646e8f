"""Gradients, checked against central differences of the function they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from course_utils.checks.basic import assert_keys, compare
from course_utils.checks.wording import describe, fail, is_array, number_text, to_numpy

__all__ = ["assert_gradient", "assert_gradients", "numerical_gradient"]


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
    point = to_numpy(x).astype(np.float64)
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
    if not is_array(gradient):
        kind = "NumPy array" if isinstance(x, np.ndarray) else "torch.Tensor"
        fail(f"{name} must be a {kind}, got {describe(gradient)}.", hint)
    expected = numerical_gradient(function, x, eps)
    if mistakes:
        mistakes = {text: to_numpy(wrong) for text, wrong in mistakes.items()}
    compare(to_numpy(gradient), expected, name, hint=hint, rtol=rtol, atol=atol, mistakes=mistakes)


def assert_gradients(
    actual: Any,
    expected: Mapping[str, Any],
    name: str,
    hint: str | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> None:
    """Check the gradients of a network by all of its parameters, and say of each in what way it is wrong.

    A network with a wrong gradient often learns all the same, so its accuracy shows nothing. Ratio and cosine do: a
    gradient that is an exact multiple of the right one lost or doubled a factor, one that points elsewhere lost a term.

    Parameters
    ----------
    actual : mapping of str to numpy.ndarray or torch.Tensor
        The student's gradients, by the name of the parameter. There may be others.
    expected : mapping of str to array_like
        The right ones.
    name : str
        How the message calls `actual`, usually the call itself.
    hint : str, optional
        A sentence that points to the idea.
    sizes : mapping of str to int, optional
        Sizes of the network and of its batch; a multiple that is one of them, or one over it, is said to be so.
    mistakes : mapping of str to mapping of str to array_like, optional
        Likely wrong gradients of some or all parameters. If those of `actual` equal them, and all others are right, the
        key is the hint.
    rtol, atol : float
        Tolerances of the comparison.

    Raises
    ------
    CheckFailed
        If a gradient is missing, is no array, or has another shape or other values.

    Examples
    --------
    >>> assert_gradients({"W": np.ones(2)}, {"W": np.full(2, 0.5)}, "backward(...)", sizes={"N": 2})
    Traceback (most recent call last):
    course_utils.errors.CheckFailed: backward(...) is wrong: W is 2 times the right gradient, and 2 is N.
    """
    assert_keys(actual, list(expected), name, hint)
    wanted = {key: to_numpy(value).astype(np.float64) for key, value in expected.items()}
    found = {}
    for key, right in wanted.items():
        if not is_array(actual[key]):
            fail(f"{key} of {name} must be an array, got {describe(actual[key])}.", hint)
        found[key] = to_numpy(actual[key])
        if found[key].shape != right.shape:
            kind = _kind_of_shape(found[key].shape, right.shape)
            fail(f"{key} of {name} must have shape {right.shape}, got {found[key].shape}.", kind or hint)
        if found[key].dtype.kind not in "biuf":
            fail(f"{key} of {name} must hold numbers, got dtype {found[key].dtype}.", hint)
    verdicts = {key: _verdict(found[key], right, sizes or {}, rtol, atol) for key, right in wanted.items()}
    if set(verdicts.values()) == {_RIGHT}:
        return
    for text, wrong in (mistakes or {}).items():
        supposed = wanted | {key: to_numpy(value) for key, value in wrong.items()}
        if all(np.allclose(found[key], supposed[key], rtol=rtol, atol=atol) for key in wanted):
            hint = text
            break
    if len(set(verdicts.values())) == 1 and len(verdicts) > 1:
        fail(f"{name} is wrong: every gradient {next(iter(verdicts.values()))}.", hint)
    fail(f"{name} is wrong: {'; '.join(f'{key} {verdict}' for key, verdict in verdicts.items())}.", hint)


_RIGHT = "is right"


def _kind_of_shape(found: tuple[int, ...], right: tuple[int, ...]) -> str | None:
    """Say what is the matter with a shape, if it is a usual thing."""
    if len(found) == 2 and found == right[::-1]:
        return "The axes are swapped: a gradient has the shape of its parameter."
    if found in ((*right, 1), (1, *right)):
        return "A gradient has the shape of its parameter: here a vector, no column and no row."
    if found[1:] == right:
        return "There is one axis too many: the parameter is used by every example, so their parts are added up."
    return None


def _verdict(found: np.ndarray, right: np.ndarray, sizes: Mapping[str, int], rtol: float, atol: float) -> str:
    """Say in what way a gradient differs from the right one."""
    if np.allclose(found, right, rtol=rtol, atol=atol):
        return _RIGHT
    if not np.isfinite(found).all():
        return "is not finite"
    lengths = float(np.linalg.norm(found)), float(np.linalg.norm(right))
    if lengths[0] <= atol:
        return "is 0 everywhere"
    if lengths[1] <= atol:
        return "should be 0 everywhere, and is not"
    product = float((found * right).sum())
    ratio, cosine = product / lengths[1] ** 2, product / (lengths[0] * lengths[1])
    if not np.allclose(found, ratio * right, rtol=rtol, atol=atol * max(1.0, abs(ratio))):
        apart = float(np.linalg.norm(found - right)) / lengths[1]
        if apart < 0.01:
            return f"is off by {apart:.0e} of its length"
        return f"points elsewhere (cosine {cosine:.3f}, where 1 is the right direction)"
    if np.isclose(ratio, -1, rtol=1e-5):
        return "is minus the right gradient"
    for size, value in sizes.items():
        if np.isclose(ratio, value, rtol=1e-5):
            return f"is {value} times the right gradient, and {value} is {size}"
        if np.isclose(ratio, 1 / value, rtol=1e-5):
            return f"is 1/{value} of the right gradient, and {value} is {size}"
    return f"is {number_text(ratio)} times the right gradient"


def _back_to_kind(x: Any) -> Callable[[np.ndarray], Any]:
    if hasattr(x, "detach"):
        import torch

        return torch.from_numpy
    return np.asarray
