"""The steps of the derivations on a network with one hidden layer: where each answer is compared, and with what.

Nothing here is the formula that is asked for: an answer is compared with differences, or with values, of the function
that the step starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

from course_utils.checks import numerical_gradient
from course_utils.checks.formulas import Point, partial_derivative, random_points
from course_utils.checks.steps import Step, assert_by_hand, assert_sum_put_in, checker_of

__all__ = ["DERIVED", "STEPS", "check_form", "check_step"]

# No two sizes of a point are equal, so that a subscript in the wrong place is out of range, or has another value.
_SIZES = {"N": (2, 4), "nx": (3, 2), "nh": (4, 5), "ny": (5, 3)}


def _affine(inputs: str, weights: str, bias: str) -> Callable[[Point], np.ndarray]:
    """An affine map, rows of examples or one example alone, as a matrix product in homogeneous coordinates."""

    def values(at: Point) -> np.ndarray:
        rows = np.atleast_2d(at[inputs])
        homogeneous = np.hstack([rows, np.ones((len(rows), 1))])
        return (homogeneous @ np.vstack([at[weights].T, at[bias]])).reshape(*at[inputs].shape[:-1], -1)

    return values


# The forward pass of one example.

_ONE = {"x": ("nx",), "Wh": ("nh", "nx"), "bh": ("nh",), "Wy": ("ny", "nh"), "by": ("ny",)}
_ONE_DERIVED = {
    "htilde": _affine("x", "Wh", "bh"),
    "h": lambda at: np.tanh(at["htilde"]),
    "ytilde": _affine("h", "Wy", "by"),
}


def _one_points(size: str, *unknown: str) -> Callable[[int], list[dict[str, Any]]]:
    """Points of one example with an index `i` up to a size, without what is asked for."""

    def points(seed: int) -> list[dict[str, Any]]:
        drawn = random_points(_SIZES, _ONE, {"i": size}, _ONE_DERIVED, seed=seed)
        return [{name: value for name, value in at.items() if name not in unknown} for at in drawn]

    return points


def _at_i(values: Callable[[Point], np.ndarray]) -> Callable[[Point], float]:
    return lambda at: float(values(at)[at["i"] - 1])


_FORWARD = {
    "f_htilde": Step(
        _one_points("nh", "htilde", "h", "ytilde"),
        _at_i(_ONE_DERIVED["htilde"]),
        "Row i of Wh belongs to hidden unit i: multiply it with the input, entry by entry, add up, and add what the "
        "unit has besides.",
    ),
    "f_h": Step(_one_points("nh", "h", "ytilde"), _at_i(_ONE_DERIVED["h"]), "The activation works entry by entry."),
    "f_ytilde": Step(
        _one_points("ny", "ytilde"),
        _at_i(_ONE_DERIVED["ytilde"]),
        "As step a, one layer further: what comes in here, and how many entries does it have?",
    ),
    "f_yhat": Step(
        _one_points("ny"),
        _at_i(lambda at: special.softmax(at["ytilde"])),
        "Softmax: the outputs are positive, and all of them together give 1.",
    ),
}


# The loss of one example, as a function of the logits.


def _softmax_points(
    targets: Callable[[np.ndarray], np.ndarray], *, with_output: bool = True, with_index: bool = True
) -> Callable[[int], list[dict[str, Any]]]:
    def points(seed: int) -> list[dict[str, Any]]:
        derived = {"y": lambda at: targets(at["y"])}
        if with_output:
            derived["yhat"] = lambda at: special.softmax(at["ytilde"])
        indices = {"i": "ny"} if with_index else {}
        return random_points({"ny": (2, 3, 4)}, {"ytilde": ("ny",), "y": ("ny",)}, indices, derived, seed=seed)

    return points


def _loss(at: Point) -> float:
    return float(-(at["y"] * special.log_softmax(at["ytilde"])).sum())


_LOSS = {
    "log_yhat": Step(
        _softmax_points(special.softmax, with_output=False),
        _at_i(lambda at: special.log_softmax(at["ytilde"])),
        "The logarithm of a quotient is a difference, and the logarithm of an exponential is its exponent.",
    ),
    "loss_any_sum": Step(
        _softmax_points(np.exp, with_output=False, with_index=False),
        _loss,
        "Put step a into the loss and split the sum at the minus sign. The log of the sum does not depend on i.",
    ),
    "loss_sum_one": Step(
        _softmax_points(special.softmax, with_output=False, with_index=False),
        _loss,
        "Put the sum of the targets, 1, into step b.",
    ),
    "d_log_sum_exp": Step(
        _softmax_points(special.softmax),
        partial_derivative(lambda at: special.logsumexp(at["ytilde"]), "ytilde", "i"),
        "Chain rule: 1 over the sum, times the derivative of the sum. How many of its terms hold ytilde_i?",
    ),
    "dL_dytilde": Step(
        _softmax_points(special.softmax),
        partial_derivative(_loss, "ytilde", "i"),
        "Differentiate step c of Exercise 2 term by term: one term of the first sum, and step a.",
    ),
}


# The backward pass of a batch.

_BATCH = {
    "X": ("N", "nx"), "Wh": ("nh", "nx"), "bh": ("nh",), "Wy": ("ny", "nh"), "by": ("ny",), "Y": ("N", "ny"),
}  # fmt: skip


def _loss_of_logits(at: Point) -> float:
    return float(-(at["Y"] * special.log_softmax(at["Ytilde"], axis=1)).sum(axis=1).mean())


def _loss_of_output_layer(at: Point) -> float:
    return _loss_of_logits({**at, "Ytilde": _affine("H", "Wy", "by")(at)})


def _loss_of_preactivations(at: Point) -> float:
    return _loss_of_output_layer({**at, "H": np.tanh(at["Htilde"])})


def _loss_of_hidden_layer(at: Point) -> float:
    return _loss_of_preactivations({**at, "Htilde": _affine("X", "Wh", "bh")(at)})


def _gradient(function: Callable[[Point], float], array: str) -> Callable[[Point], np.ndarray]:
    return lambda at: numerical_gradient(lambda moved: function({**at, array: moved}), at[array], 1e-5)


_BATCH_DERIVED = {
    "Y": lambda at: special.softmax(2 * at["Y"], axis=1),
    "Htilde": _affine("X", "Wh", "bh"),
    "H": lambda at: np.tanh(at["Htilde"]),
    "Ytilde": _affine("H", "Wy", "by"),
    "Yhat": lambda at: special.softmax(at["Ytilde"], axis=1),
    "G": _gradient(_loss_of_logits, "Ytilde"),
    "D": _gradient(_loss_of_preactivations, "Htilde"),
}


def _batch_points(indices: Mapping[str, str], *unknown: str) -> Callable[[int], list[dict[str, Any]]]:
    """Points of a batch with indices, without what is asked for."""

    def points(seed: int) -> list[dict[str, Any]]:
        drawn = random_points(_SIZES, _BATCH, indices, _BATCH_DERIVED, seed=seed)
        return [{name: value for name, value in at.items() if name not in unknown} for at in drawn]

    return points


def _entry(values: Callable[[Point], np.ndarray], *indices: str, drawn: str = "Y") -> Callable[[Point], float]:
    """Return an entry of an array, which is worked out once for all places of one draw, told by its array `drawn`."""
    last: list[np.ndarray] = []

    def entry(at: Point) -> float:
        if not last or last[0] is not at[drawn]:
            last[:] = [at[drawn], values(at)]
        return float(last[1][tuple(at[index] - 1 for index in indices)])

    return entry


def _slopes_of_logits(at: Point) -> np.ndarray:
    """The derivatives of all logits of one example by the weights of the output layer, of shape (ny, ny, nh)."""
    logits = _affine("h", "Wy", "by")
    return np.stack([_gradient(lambda moved, out=out: logits(moved)[out], "Wy")(at) for out in range(at["ny"])])


def _weight_points(seed: int) -> list[dict[str, Any]]:
    return random_points(_SIZES, _ONE, {"i": "ny", "k": "ny", "j": "nh"}, _ONE_DERIVED, seed=seed)


_BACKWARD = {
    "G_entry": Step(
        _batch_points({"n": "N", "i": "ny"}, "G", "D"),
        _entry(_gradient(_loss_of_logits, "Ytilde"), "n", "i"),
        "Only the loss of example n depends on its logits; with which factor does it enter the loss of the batch?",
    ),
    "dytilde_dWy": Step(
        _weight_points,
        _entry(_slopes_of_logits, "i", "k", "j", drawn="x"),
        "Write the logit as a sum. The weight (k, j) is a part of logit k only: which symbol says so?",
    ),
    "dL_dWy": Step(
        _batch_points({"i": "ny", "j": "nh"}, "D"),
        _entry(_gradient(_loss_of_output_layer, "Wy"), "i", "j"),
        "Chain rule: every example has a logit i, and all of them depend on this weight. Step a gives the inner "
        "derivative.",
    ),
    "dL_dby": Step(
        _batch_points({"i": "ny"}, "D"),
        _entry(_gradient(_loss_of_output_layer, "by"), "i"),
        "The same bias is a part of the logit of every example.",
    ),
    "dL_dh": Step(
        _batch_points({"n": "N", "j": "nh"}, "D"),
        _entry(_gradient(_loss_of_output_layer, "H"), "n", "j"),
        "Hidden unit j is a part of every logit of its example: add up over the logits.",
    ),
    "dh_dhtilde": Step(
        _one_points("nh", "ytilde"),
        _at_i(
            lambda at: np.diag(numerical_gradient(lambda moved: np.tanh(moved).sum(), at["htilde"], 1e-5)).sum(axis=1)
        ),
        "Write the hyperbolic tangent as a quotient of exponentials, or look its derivative up: which of the two, h "
        "or htilde, stands in it?",
    ),
    "dL_dhtilde": Step(
        _batch_points({"n": "N", "j": "nh"}, "D"),
        _entry(_gradient(_loss_of_preactivations, "Htilde"), "n", "j"),
        "Chain rule, entry by entry: step a times step b.",
    ),
    "dL_dWh": Step(
        _batch_points({"j": "nh", "k": "nx"}),
        _entry(_gradient(_loss_of_hidden_layer, "Wh"), "j", "k"),
        "As for Wy, one layer earlier: D takes the place of G. What took the place of H?",
    ),
    "dL_dbh": Step(
        _batch_points({"j": "nh"}),
        _entry(_gradient(_loss_of_hidden_layer, "bh"), "j"),
        "As for by, one layer earlier.",
    ),
}

# Step by the name that the notebook gives to its answer.
STEPS: dict[str, Step] = _FORWARD | _LOSS | _BACKWARD

# The steps that are derivatives.
DERIVED = ("d_log_sum_exp", "dL_dytilde", *_BACKWARD)

_check_values = checker_of(STEPS)


def check_step(name: str, answer: Any) -> None:
    """Check what a student entered for one step: its value at random points, and how it is written.

    Parameters
    ----------
    name : str
        The name of the step in the notebook.
    answer : sympy.Basic or number

    Raises
    ------
    CheckFailed
        If it is wrong, or not written as the text asks.
    ValueError
        If there is no such step.
    """
    _check_values(name, answer)
    check_form(name, answer)


def check_form(name: str, answer: Any) -> None:
    """Check how a step is written: derived by hand, no sum that is known to be 1.

    Parameters
    ----------
    name : str
    answer : sympy.Basic or number

    Raises
    ------
    CheckFailed
        If a rule is broken; the message says which.
    """
    if name in DERIVED:
        assert_by_hand(name, answer)
    if name == "loss_sum_one":
        assert_sum_put_in(name, answer, "y", unless="ytilde")
