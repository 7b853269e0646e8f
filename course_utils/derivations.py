"""The steps of the derivations on losses: where each answer is compared, with what, and which mistakes are known.

It stands here and not in the test cells because the known mistakes, read together, give the right formulas away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from course_utils.symbolic import Point, assert_equation, assert_expression, partial_derivative, random_points

__all__ = ["STEPS", "Step", "check_step"]


@dataclass(frozen=True)
class Step:
    """One step of a derivation.

    Parameters
    ----------
    points : callable
        Returns the points at which to compare.
    expected : callable
        From a point to the right value there, by differences or another way that does not need the formula.
    hint : str
        A sentence that points to the idea.
    mistakes : mapping of str to callable
        What to say, and the values of the answer to which to say it.
    equation : bool
        Whether an equation is wanted; `expected` is then its left side minus its right side.
    """

    points: Callable[[], list[dict[str, Any]]]
    expected: Callable[[Point], Any]
    hint: str
    mistakes: Mapping[str, Callable[[Point], Any]] = field(default_factory=dict)
    equation: bool = False


def check_step(name: str, answer: Any) -> None:
    """Check what a student entered for one step, at random points.

    Parameters
    ----------
    name : str
        The name of the step in the notebook, a key of `STEPS`.
    answer : sympy.Basic or number
        The student's expression or equation. Any equal form is right.

    Raises
    ------
    CheckFailed
        If it is wrong. The message says where, and which mistake it was if that is a known one.
    ValueError
        If there is no such step.

    Examples
    --------
    >>> from sympy import symbols
    >>> kappa = symbols("kappa")
    >>> check_step("condition_of_normal_matrix", 2 * kappa)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    CheckFailed: condition_of_normal_matrix is wrong: ...
    """
    if name not in STEPS:
        raise ValueError(f"Unknown step {name!r}; known are {', '.join(STEPS)}.")
    step = STEPS[name]
    check = assert_equation if step.equation else assert_expression
    check(answer, step.expected, name, step.hint, points=step.points(), mistakes=step.mistakes)


def _entry(array: str, index: str) -> Callable[[Point], float]:
    """Return the function from a point to the entry of an array whose number is the value of an index."""
    return lambda at: at[array][at[index] - 1]


def _softmax_points(*indices: str, targets: Callable[[np.ndarray], np.ndarray] | None = None) -> Callable:
    def points() -> list[dict[str, Any]]:
        arrays = {"z": ("N",)} | ({"y": ("N",)} if targets else {})
        derived = {"yhat": lambda at: special.softmax(at["z"])}
        if targets:
            derived["y"] = lambda at: targets(at["y"])
        return random_points({"N": (2, 3, 4)}, arrays, dict.fromkeys(indices, "N"), derived, seed=1)

    return points


_z_i, _z_j, _p_i, _p_j, _p_c = (_entry(*pair) for pair in ("zi", "zj", *(("yhat", index) for index in "ijc")))
_y_i, _y_j = _entry("y", "i"), _entry("y", "j")
_output = lambda at: special.softmax(at["z"])[at["i"] - 1]  # noqa: E731
_cross_entropy = lambda at: -(at["y"] * special.log_softmax(at["z"])).sum()  # noqa: E731

_SOFTMAX = {
    "d_numerator": Step(
        _softmax_points("i", "j"),
        partial_derivative(lambda at: np.exp(_z_i(at)), "z", "j"),
        "Hold all logits but z_j. Does e^(z_i) change if i and j are different?",
        {
            "A Kronecker delta is missing: e^(z_i) depends on z_i alone, so for j other than i the derivative is 0.": (
                lambda at: np.exp(_z_i(at))
            ),
            "A Kronecker delta is missing: e^(z_i) does not depend on z_j unless the two are the same logit.": (
                lambda at: np.exp(_z_j(at))
            ),
            "The delta says where the derivative is not 0; there it is not 1 but the derivative of e^(z_i).": (
                lambda at: float(at["i"] == at["j"])
            ),
        },
    ),
    "d_denominator": Step(
        _softmax_points("i", "j"),
        partial_derivative(lambda at: np.exp(at["z"]).sum(), "z", "j"),
        "The sum holds every logit once. Which of its terms depend on z_j?",
        {
            "Only one term of the sum depends on z_j; the others have the derivative 0.": (
                lambda at: np.exp(at["z"]).sum()
            ),
            "S holds every logit, z_j too, whatever i is: there is no delta left after the sum.": (
                lambda at: np.exp(_z_j(at)) * (at["i"] == at["j"])
            ),
            "This is the derivative by z_i; asked is the one by z_j.": lambda at: np.exp(_z_i(at)),
            "The derivative is not divided by S again: that comes with the quotient rule.": _p_j,
        },
    ),
    "d_diagonal": Step(
        _softmax_points("i"),
        partial_derivative(_output, "z", "i"),
        "Quotient rule: (numerator' S - numerator S') / S^2, with steps a and b for j = i. Then put in "
        "yhat_i = e^(z_i) / S.",
        {
            "Half of the quotient rule is missing: S depends on z_i as well.": _p_i,
            "Half of the quotient rule is missing: the numerator depends on z_i as well.": lambda at: -(_p_i(at) ** 2),
            "A sign inside is the other way round: the quotient rule has a minus.": (
                lambda at: _p_i(at) * (1 + _p_i(at))
            ),
            "A factor is missing: this is the derivative of the logarithm of softmax.": lambda at: 1 - _p_i(at),
        },
    ),
    "d_entry": Step(
        _softmax_points("i", "j"),
        partial_derivative(_output, "z", "j"),
        "Quotient rule with steps a and b. The delta of step a stays in the result.",
        {
            "The Kronecker delta is missing: there is a 1 for every pair, but the numerator reacts only if i = j.": (
                lambda at: _p_i(at) * (1 - _p_j(at))
            ),
            "This is right for i != j only: for i = j the numerator reacts too.": lambda at: -_p_i(at) * _p_j(at),
            "This is the diagonal entry of step c. It holds for i = j only.": lambda at: _p_i(at) * (1 - _p_i(at)),
            "The entries beside the diagonal are 0 here, but all outputs share the denominator S.": (
                lambda at: _p_i(at) * (1 - _p_i(at)) * (at["i"] == at["j"])
            ),
        },
    ),
    "dL_dyhat": Step(
        _softmax_points("i", "j", targets=special.softmax),
        partial_derivative(lambda at: -(at["y"] * np.log(at["yhat"])).sum(), "yhat", "i"),
        "Only the term with k = i holds yhat_i. What is the derivative of the logarithm?",
        {
            "This is right for the true class of a one-hot target only; in general y_i stays as a factor.": (
                lambda at: -1 / _p_i(at)
            ),
            "Only the term k = i of the sum depends on yhat_i.": lambda at: -(at["y"] / at["yhat"]).sum(),
            "This is the term of the sum itself, not its derivative.": lambda at: -_y_i(at) * np.log(_p_i(at)),
        },
    ),
    "dL_dz_any_sum": Step(
        _softmax_points("i", "j", targets=np.exp),
        partial_derivative(_cross_entropy, "z", "j"),
        "Put step a and the Jacobian of Exercise 3 into the chain rule; the sum over i stays where it does not "
        "collapse.",
        {
            "This already uses that the targets sum to one. Here they need not: leave their sum in the formula.": (
                lambda at: _p_j(at) - _y_j(at)
            ),
            "This is the term i = j of the chain rule alone; z_j changes all outputs, so sum over i.": (
                lambda at: -_y_j(at) * (1 - _p_j(at))
            ),
            "The Kronecker delta got lost: its part of the sum gives -y_j.": lambda at: _p_j(at) * at["y"].sum(),
            "The Kronecker delta got lost: with it only the term i = j keeps the 1.": (
                lambda at: -at["y"].sum() * (1 - _p_j(at))
            ),
        },
    ),
    "dL_dz": Step(
        _softmax_points("i", "j", targets=special.softmax),
        partial_derivative(_cross_entropy, "z", "j"),
        "Put the sum of the targets, 1, into step b.",
        {
            "This is right for the true class of a one-hot target only. For soft targets y_j stays.": (
                lambda at: _p_j(at) - 1
            ),
            "This is the term i = j of the chain rule alone; z_j changes all outputs, so sum over i.": (
                lambda at: -_y_j(at) * (1 - _p_j(at))
            ),
            "The part with the delta got lost: where does the target enter?": _p_j,
        },
    ),
    "dL_dz_one_hot": Step(
        _softmax_points("j", "c"),
        partial_derivative(lambda at: -special.log_softmax(at["z"])[at["c"] - 1], "z", "j"),
        "Put y_j = delta_jc into step c.",
        {
            "The 1 is subtracted for every class; it belongs to the true class only. Which symbol is 1 if j = c and "
            "0 otherwise?": lambda at: _p_j(at) - 1,
            "This is the entry of the true class, whatever j is.": lambda at: _p_c(at) - 1,
            "The other classes have a gradient too: their probability should go down.": (
                lambda at: (_p_j(at) - 1) * (at["j"] == at["c"])
            ),
        },
    ),
}


def _bce(t: float, p: float) -> float:
    return float(-special.xlogy(t, p) - special.xlog1py(1 - t, -p))


def _bce_points(labels: tuple[float, ...]) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [{"t": label, "p": prob} for label in labels for prob in (0.1, 0.5, 0.8)]


_BCE_MISTAKES = {
    "The sign is the other way round: a loss is never negative.": lambda at: -_bce(at["t"], at["p"]),
    "Examples with the label 0 cost nothing here, whatever the prediction. A second term is missing.": (
        lambda at: -at["t"] * np.log(at["p"])
    ),
    "This is one half: it holds for the label 1 only, a second term belongs to the label 0.": (
        lambda at: -np.log(at["p"])
    ),
    "The probabilities are swapped: for the label 1 the loss should be small if p is near 1.": (
        lambda at: _bce(at["t"], 1 - at["p"])
    ),
    "This is in bits; nats take the natural logarithm.": lambda at: _bce(at["t"], at["p"]) / np.log(2),
}
_BCE = {
    "bce": Step(
        _bce_points((0, 1)),
        lambda at: _bce(at["t"], at["p"]),
        "Minus the logarithm of the probability that was given to what happened.",
        _BCE_MISTAKES,
    ),
    "bce with soft labels": Step(
        _bce_points((0.25, 0.5, 0.9)),
        lambda at: _bce(at["t"], at["p"]),
        "Weigh one term with t and the other with 1 - t; a case distinction knows only the labels 0 and 1.",
        _BCE_MISTAKES,
    ),
}


def _mse_points() -> list[dict[str, Any]]:
    return random_points({"n": (4, 5, 7), "d": (2, 3, 4)}, {"X": ("n", "d"), "w": ("d",), "y": ("n",)})


def _data_points() -> list[dict[str, Any]]:
    return [{name: at[name] for name in ("n", "d", "X", "y")} for at in _mse_points()]


def _residual(at: Point) -> np.ndarray:
    return at["X"] @ at["w"] - at["y"]


def _mse(at: Point) -> float:
    return float(np.mean(_residual(at) ** 2))


def _row(column: np.ndarray) -> np.ndarray:
    return column[None, :]


_gradient = partial_derivative(_mse, "w")
_MSE = {
    "loss_vector": Step(
        _mse_points,
        _mse,
        "r.T * r is the sum of the squares of the entries of r. Which vector is r?",
        {
            "This is the sum of the squares; the mean divides it by n.": lambda at: at["n"] * _mse(at),
            "Divide by the number of samples n, not by the number of weights d.": (
                lambda at: at["n"] * _mse(at) / at["d"]
            ),
            "There is no 1/2 in this definition; some books add one.": lambda at: _mse(at) / 2,
            "The transpose belongs to the first factor: a row times a column is a number, a column times a row is a "
            "matrix.": lambda at: np.outer(_residual(at), _residual(at)) / at["n"],
        },
    ),
    "Q": Step(
        _mse_points,
        lambda at: np.einsum("ij,ik->jk", at["X"], at["X"]),
        "Q stands between w.T and w, so it is of shape d x d. Take the term that is quadratic in w.",
        {
            "The order is the other way round: (Xw).T is w.T * X.T, so X.T comes first.": lambda at: (
                at["X"] @ at["X"].T
            ),
            "The factor 1/n stands before the bracket already.": lambda at: at["X"].T @ at["X"] / at["n"],
            "This is the whole quadratic term; w.T and w stand beside Q already.": (
                lambda at: np.sum((at["X"] @ at["w"]) ** 2)
            ),
        },
    ),
    "q": Step(
        _mse_points,
        lambda at: np.einsum("ij,i->j", at["X"], at["y"]),
        "q stands behind w.T, so it is a column of shape d x 1. Take the two terms that are linear in w.",
        {
            "This is the transpose of the right answer: w.T * q needs a column.": lambda at: _row(at["X"].T @ at["y"]),
            "The factor -2 stands before w.T q already.": lambda at: -2 * at["X"].T @ at["y"],
            "The factor 2 stands before w.T q already.": lambda at: 2 * at["X"].T @ at["y"],
            "The minus sign stands before 2 w.T q already.": lambda at: -at["X"].T @ at["y"],
        },
    ),
    "s": Step(
        _mse_points,
        lambda at: np.sum(at["y"] ** 2),
        "The term without w: the squared length of y.",
        {
            "The transpose belongs to the first factor: a row times a column is a number.": (
                lambda at: np.outer(at["y"], at["y"])
            ),
            "The factor 1/n stands before the bracket already.": lambda at: np.mean(at["y"] ** 2),
            "(-y).T * (-y) is positive.": lambda at: -np.sum(at["y"] ** 2),
        },
    ),
    "quadratic_gradient": Step(
        lambda: random_points({"d": (2, 3, 4)}, {"A": ("d", "d"), "x": ("d",)}),
        partial_derivative(lambda at: at["x"] @ at["A"] @ at["x"], "x"),
        "x stands on both sides of A; each side adds a term.",
        {
            "This is right for symmetric A only. Here A and A.T differ: which of the two terms has the transpose?": (
                lambda at: 2 * at["A"] @ at["x"]
            ),
            "This is right for symmetric A only: one of the two terms comes without the transpose.": (
                lambda at: 2 * at["A"].T @ at["x"]
            ),
            "x stands on both sides of A: one term is missing.": lambda at: at["A"] @ at["x"],
            "x stands on both sides of A: the other term is missing.": lambda at: at["A"].T @ at["x"],
            "This is the gradient as a row; write it as a column.": (lambda at: _row((at["A"] + at["A"].T) @ at["x"])),
        },
    ),
    "gradient": Step(
        _mse_points,
        _gradient,
        "Differentiate the three terms of step b with the two identities of step c.",
        {
            "A factor 2 is lost: the quadratic term gives one, and the linear term holds one.": (
                lambda at: _gradient(at) / 2
            ),
            "This is the gradient of the sum; the loss is a mean over n samples.": lambda at: at["n"] * _gradient(at),
            "The factor 2/n is lost.": lambda at: at["n"] * _gradient(at) / 2,
            "The sign is the other way round: the residual is prediction minus target.": lambda at: -_gradient(at),
            "The linear term has the factor 2 as well.": (lambda at: _gradient(at) + at["X"].T @ at["y"] / at["n"]),
            "The chain rule is missing: the residual depends on w through X.": lambda at: 2 * _residual(at) / at["n"],
            "This is a row; write the gradient as a column, of the shape of w.": lambda at: _row(_gradient(at)),
        },
    ),
    "normal_equations": Step(
        _mse_points,
        _gradient,
        "Set your gradient to zero and multiply by n / 2.",
        {
            "X.T cannot be cancelled: it is not square. This asks for zero error on every sample.": _residual,
            "A sign is the other way round: the two sides have to be equal, not opposite.": (
                lambda at: at["X"].T @ (at["X"] @ at["w"] + at["y"])
            ),
            "One of the terms lost its factor 2.": lambda at: at["X"].T @ (2 * at["X"] @ at["w"] - at["y"]),
        },
        equation=True,
    ),
    "w_best": Step(
        _data_points,
        lambda at: np.linalg.lstsq(at["X"], at["y"])[0],
        "Multiply the normal equations by an inverse, from the left. The result holds no w.",
        {
            "The inverse is missing.": lambda at: at["X"].T @ at["y"],
            "This is the transpose of the right answer; w is a column.": (
                lambda at: _row(np.linalg.lstsq(at["X"], at["y"])[0])
            ),
        },
    ),
}


def _condition_points() -> list[dict[str, Any]]:
    matrices = [np.random.default_rng(seed).normal(size=(6, 3)) for seed in range(4)]
    return [{"kappa": float(np.linalg.cond(matrix)), "X": matrix} for matrix in matrices]


_CONDITION = {
    "condition_of_normal_matrix": Step(
        _condition_points,
        lambda at: np.linalg.cond(at["X"].T @ at["X"]),
        "Put the singular value decomposition of X into X.T X: what are its singular values?",
        {
            "The condition number does change: multiply out X.T X with the singular value decomposition.": (
                lambda at: at["kappa"]
            ),
            "A product does not double a ratio: what happens to each singular value in X.T X?": (
                lambda at: 2 * at["kappa"]
            ),
        },
    )
}

# Step by the name that the notebook gives to its answer.
STEPS: dict[str, Step] = _SOFTMAX | _BCE | _MSE | _CONDITION
