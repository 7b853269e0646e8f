"""The steps of the derivations on losses: where each answer is compared, and with what.

Nothing here is the formula that is asked for: an answer is compared with differences, or with values, of the function
that the step starts from.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from course_utils.checks import assert_no_calls, assert_no_numbers, assert_that, assert_written_without
from course_utils.checks.expressions import Expression, as_data, walk
from course_utils.checks.formulas import Point, partial_derivative, random_points
from course_utils.checks.steps import WAYS_TO_DERIVE, Step, assert_by_hand, assert_sum_put_in, checker_of

__all__ = ["DERIVED", "STEPS", "Step", "assert_from_formula", "check_form", "check_step"]


# Softmax and cross-entropy.


def _softmax_points(*indices: str, targets: Callable[[np.ndarray], np.ndarray] | None = None) -> Callable:
    def points(seed: int) -> list[dict[str, Any]]:
        arrays = {"z": ("N",)} | ({"y": ("N",)} if targets else {})
        derived = {"yhat": lambda at: special.softmax(at["z"])}
        if targets:
            derived["y"] = lambda at: targets(at["y"])
        return random_points({"N": (2, 3, 4)}, arrays, dict.fromkeys(indices, "N"), derived, seed=seed)

    return points


def _output(at: Point) -> float:
    return special.softmax(at["z"])[at["i"] - 1]


_SOFTMAX = {
    "d_numerator": Step(
        _softmax_points("i", "j"),
        partial_derivative(lambda at: np.exp(at["z"][at["i"] - 1]), "z", "j"),
        "Hold all logits but z_j. Does e^(z_i) change if i and j are different?",
    ),
    "d_denominator": Step(
        _softmax_points("i", "j"),
        partial_derivative(lambda at: np.exp(at["z"]).sum(), "z", "j"),
        "The sum holds every logit once. Which of its terms depend on z_j?",
    ),
    "d_diagonal": Step(
        _softmax_points("i"),
        partial_derivative(_output, "z", "i"),
        "Quotient rule: (numerator' S - numerator S') / S^2, with steps a and b for j = i. Then put in "
        "yhat_i = e^(z_i) / S.",
    ),
    "d_entry": Step(
        _softmax_points("i", "j"),
        partial_derivative(_output, "z", "j"),
        "Quotient rule with steps a and b. The delta of step a stays in the result.",
    ),
    "dL_dyhat": Step(
        _softmax_points("i", "j", targets=special.softmax),
        partial_derivative(lambda at: -(at["y"] * np.log(at["yhat"])).sum(), "yhat", "i"),
        "Only the term with k = i holds yhat_i. What is the derivative of the logarithm?",
    ),
    "dL_dz_any_sum": Step(
        _softmax_points("i", "j", targets=np.exp),
        partial_derivative(lambda at: -(at["y"] * special.log_softmax(at["z"])).sum(), "z", "j"),
        "Put step a and the Jacobian of Exercise 3 into the chain rule; the sum over i stays where it does not "
        "collapse.",
    ),
    "dL_dz": Step(
        _softmax_points("i", "j", targets=special.softmax),
        partial_derivative(lambda at: -(at["y"] * special.log_softmax(at["z"])).sum(), "z", "j"),
        "Put the sum of the targets, 1, into step b.",
    ),
    "dL_dz_one_hot": Step(
        _softmax_points("j", "c"),
        partial_derivative(lambda at: -special.log_softmax(at["z"])[at["c"] - 1], "z", "j"),
        "Put y_j = delta_jc into step c.",
    ),
}


# Binary cross-entropy.


def _bce_points(labels: tuple[float, ...], seed: int) -> list[dict[str, Any]]:
    probs = np.random.default_rng(seed).uniform(0.05, 0.95, 3).tolist()
    return [{"t": label, "p": prob} for label in labels for prob in probs]


def _bce(at: Point) -> float:
    """Entropy of the label and relative entropy of the prediction: together, the cross-entropy of two classes."""
    label, predicted = (np.array([1 - value, value]) for value in (at["t"], at["p"]))
    return float((special.entr(label) + special.rel_entr(label, predicted)).sum())


_BCE = {
    "bce": Step(
        functools.partial(_bce_points, (0, 1)),
        _bce,
        "Minus the logarithm of the probability that was given to what happened.",
    ),
    "bce with soft labels": Step(
        functools.partial(_bce_points, (0.25, 0.5, 0.9)),
        _bce,
        "A case distinction knows only the labels 0 and 1. Put the targets and the prediction of the text into the "
        "cross-entropy of Exercise 2.",
    ),
}


# Mean squared error.


def _mse_points(seed: int) -> list[dict[str, Any]]:
    return random_points({"n": (4, 5, 7), "d": (2, 3, 4)}, {"X": ("n", "d"), "w": ("d",), "y": ("n",)}, seed=seed)


def _data_points(seed: int) -> list[dict[str, Any]]:
    return [{name: at[name] for name in ("n", "d", "X", "y")} for at in _mse_points(seed)]


def _mse(at: Point) -> float:
    """As the notebook defines it: a mean over the rows."""
    return float(np.mean([(np.dot(row, at["w"]) - target) ** 2 for row, target in zip(at["X"], at["y"], strict=True)]))


def _sum_of_squares(at: Point, w: np.ndarray) -> float:
    return at["n"] * _mse({**at, "w": w})


def _quadratic(at: Point) -> np.ndarray:
    """The matrix of the quadratic part of n L, from values of the loss at 0, at unit vectors and at their sums."""
    unit = np.eye(at["d"])
    at_zero, alone = _sum_of_squares(at, 0 * unit[0]), [_sum_of_squares(at, e) for e in unit]
    pairs = [[_sum_of_squares(at, e + f) for f in unit] for e in unit]
    return (np.array(pairs) - np.add.outer(alone, alone) + at_zero) / 2


def _linear(at: Point) -> np.ndarray:
    """The vector of the linear part of n L: what changes when w changes its sign."""
    return np.array([_sum_of_squares(at, -e) - _sum_of_squares(at, e) for e in np.eye(at["d"])]) / 4


_gradient = partial_derivative(_mse, "w")
_MSE = {
    "loss_vector": Step(
        _mse_points,
        _mse,
        "r.T * r is the sum of the squares of the entries of r. Which vector is r?",
    ),
    "Q": Step(
        _mse_points,
        _quadratic,
        "Q stands between w.T and w, so it is of shape d x d. Take the term that is quadratic in w.",
    ),
    "q": Step(
        _mse_points,
        _linear,
        "q stands behind w.T, so it is a column of shape d x 1. Take the two terms that are linear in w.",
    ),
    "s": Step(
        _mse_points,
        lambda at: _sum_of_squares(at, np.zeros(at["d"])),
        "The term without w: the squared length of y.",
    ),
    "quadratic_gradient": Step(
        lambda seed: random_points({"d": (2, 3, 4)}, {"A": ("d", "d"), "x": ("d",)}, seed=seed),
        partial_derivative(lambda at: at["x"] @ at["A"] @ at["x"], "x"),
        "x stands on both sides of A; each side adds a term.",
    ),
    "gradient": Step(
        _mse_points,
        _gradient,
        "Differentiate the three terms of step b with the two identities of step c.",
    ),
    "normal_equations": Step(
        _mse_points,
        _gradient,
        "Set your gradient to zero and multiply by n / 2.",
        equation=True,
    ),
    "w_best": Step(
        _data_points,
        lambda at: np.linalg.lstsq(at["X"], at["y"])[0],
        "Multiply the normal equations by an inverse, from the left. The result holds no w.",
    ),
}


def _condition_points(seed: int) -> list[dict[str, Any]]:
    matrices = np.random.default_rng(seed).normal(size=(4, 6, 3))
    return [{"kappa": float(np.linalg.cond(matrix)), "X": matrix} for matrix in matrices]


_CONDITION = {
    "condition_of_normal_matrix": Step(
        _condition_points,
        lambda at: np.linalg.cond(at["X"].T @ at["X"]),
        "Put the singular value decomposition of X into X.T X: what are its singular values?",
    )
}

# Step by the name that the notebook gives to its answer.
STEPS: dict[str, Step] = _SOFTMAX | _BCE | _MSE | _CONDITION

# The steps that are to be derived by hand.
DERIVED = (
    "d_numerator", "d_denominator", "d_diagonal", "d_entry", "dL_dyhat", "dL_dz_any_sum", "dL_dz", "dL_dz_one_hot",
    "quadratic_gradient", "gradient", "normal_equations",
)  # fmt: skip


_SMALL = [float(f"{digit}e-{power}") for power in range(2, 10) for digit in (1, 2, 5)]
# SymPy writes the single entry of a product as a sum over an index of its own, so the source is looked at as well.
_SUMS = ("Sum", "summation", "Product", "IndexedBase")
_BY_PRODUCTS = "Write it with products of matrices and columns: a row times a column is a sum."

_check_values = checker_of(STEPS)


def check_step(name: str, answer: Any) -> None:
    """Check what a student entered for one step: its value at random points, and how it is written.

    Parameters
    ----------
    name : str
        The name of the step in the notebook.
    answer : sympy.Basic or number
        The student's expression or equation.

    Raises
    ------
    CheckFailed
        If it is wrong, or not in the form that the text asks for.
    ValueError
        If there is no such step.
    """
    _check_values(name, answer)
    check_form(name, answer)


def check_form(name: str, answer: Any) -> None:
    """Check how a step is written: derived by hand, vector products without sums, no sum that is known to be 1.

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
    if name in _MSE:
        assert_written_without(name, _SUMS, _BY_PRODUCTS)
    if name == "dL_dz":
        assert_sum_put_in(name, answer, "y")
    answer = as_data(answer)
    if name in _MSE and isinstance(answer, Expression):
        sums = [node for node in walk(answer) if node.head in ("Sum", "Product")]
        assert_that(
            all("dummy" in limit.args[0].facts for node in sums for limit in node.args[1:]),
            f"{name} holds a sum over an index.",
            hint=_BY_PRODUCTS,
        )


def assert_from_formula(function: Any, name: str) -> None:
    """Check that a derivative is computed from a formula, without differences and automatic differentiation.

    Parameters
    ----------
    function : callable
        A function that the student defined in the notebook.
    name : str
        How the message calls it.

    Raises
    ------
    CheckFailed
        If its source, or that of what it uses, tells otherwise.
    """
    hint = "Write it from the formula that you derived: no differences, no automatic differentiation."
    assert_no_calls(function, WAYS_TO_DERIVE, name, hint)
    assert_no_numbers(function, _SMALL, name, hint)
