"""Gradients, checked against central differences of the function they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from course_utils.checks.basic import compare
from course_utils.checks.wording import describe, fail, is_array, to_numpy

__all__ = ["assert_gradient", "numerical_gradient"]


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


def _back_to_kind(x: Any) -> Callable[[np.ndarray], Any]:
    if hasattr(x, "detach"):
        import torch

        return torch.from_numpy
    return np.asarray
