"""The mistakes that are known of each step of the derivations: read together they give the right formulas away."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

from course_utils.checks.chains import Chain, value_of
from course_utils.checks.formulas import Point, assert_expression, evaluate
from course_utils.draws import seed_for
from course_utils.lessons.losses.derivations import STEPS, check_form

__all__ = ["EXACT", "MISTAKES", "check", "grader", "losses_by"]


def _entry(array: str, index: str) -> Callable[[Point], float]:
    """Return the function from a point to the entry of an array whose number is the value of an index."""
    return lambda at: at[array][at[index] - 1]


_z_i, _z_j, _p_i, _p_j, _p_c = (_entry(*pair) for pair in ("zi", "zj", *(("yhat", index) for index in "ijc")))
_y_i, _y_j = _entry("y", "i"), _entry("y", "j")


def _bce(t: float, p: float) -> float:
    return float(-special.xlogy(t, p) - special.xlog1py(1 - t, -p))


_BCE = {
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


def _residual(at: Point) -> np.ndarray:
    return at["X"] @ at["w"] - at["y"]


def _mse(at: Point) -> float:
    return float(np.mean(_residual(at) ** 2))


def _row(column: np.ndarray) -> np.ndarray:
    return column[None, :]


def _gradient(at: Point) -> np.ndarray:
    return 2 * at["X"].T @ _residual(at) / at["n"]


def _delta(at: Point, one: str, other: str) -> float:
    return float(at[one] == at[other])


# The right values, to all digits: at grading time differences are told from them.
EXACT: dict[str, Callable[[Point], Any]] = {
    "d_numerator": lambda at: np.exp(_z_i(at)) * _delta(at, "i", "j"),
    "d_denominator": lambda at: np.exp(_z_j(at)),
    "d_diagonal": lambda at: _p_i(at) * (1 - _p_i(at)),
    "d_entry": lambda at: _p_i(at) * (_delta(at, "i", "j") - _p_j(at)),
    "dL_dyhat": lambda at: -_y_i(at) / _p_i(at),
    "dL_dz_any_sum": lambda at: _p_j(at) * at["y"].sum() - _y_j(at),
    "dL_dz": lambda at: _p_j(at) - _y_j(at),
    "dL_dz_one_hot": lambda at: _p_j(at) - _delta(at, "j", "c"),
    "quadratic_gradient": lambda at: (at["A"] + at["A"].T) @ at["x"],
    "gradient": _gradient,
    "normal_equations": _gradient,
}

MISTAKES: dict[str, Mapping[str, Callable[[Point], Any]]] = {
    "d_numerator": {
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
    "d_denominator": {
        "Only one term of the sum depends on z_j; the others have the derivative 0.": (
            lambda at: np.exp(at["z"]).sum()
        ),
        "S holds every logit, z_j too, whatever i is: there is no delta left after the sum.": (
            lambda at: np.exp(_z_j(at)) * (at["i"] == at["j"])
        ),
        "This is the derivative by z_i; asked is the one by z_j.": lambda at: np.exp(_z_i(at)),
        "The derivative is not divided by S again: that comes with the quotient rule.": _p_j,
    },
    "d_diagonal": {
        "Half of the quotient rule is missing: S depends on z_i as well.": _p_i,
        "Half of the quotient rule is missing: the numerator depends on z_i as well.": lambda at: -(_p_i(at) ** 2),
        "A sign inside is the other way round: the quotient rule has a minus.": (lambda at: _p_i(at) * (1 + _p_i(at))),
        "A factor is missing: this is the derivative of the logarithm of softmax.": lambda at: 1 - _p_i(at),
    },
    "d_entry": {
        "The Kronecker delta is missing: there is a 1 for every pair, but the numerator reacts only if i = j.": (
            lambda at: _p_i(at) * (1 - _p_j(at))
        ),
        "This is right for i != j only: for i = j the numerator reacts too.": lambda at: -_p_i(at) * _p_j(at),
        "This is the diagonal entry of step c. It holds for i = j only.": lambda at: _p_i(at) * (1 - _p_i(at)),
        "The entries beside the diagonal are 0 here, but all outputs share the denominator S.": (
            lambda at: _p_i(at) * (1 - _p_i(at)) * (at["i"] == at["j"])
        ),
    },
    "dL_dyhat": {
        "This is right for the true class of a one-hot target only; in general y_i stays as a factor.": (
            lambda at: -1 / _p_i(at)
        ),
        "Only the term k = i of the sum depends on yhat_i.": lambda at: -(at["y"] / at["yhat"]).sum(),
        "This is the term of the sum itself, not its derivative.": lambda at: -_y_i(at) * np.log(_p_i(at)),
    },
    "dL_dz_any_sum": {
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
    "dL_dz": {
        "This is right for the true class of a one-hot target only. For soft targets y_j stays.": (
            lambda at: _p_j(at) - 1
        ),
        "This is the term i = j of the chain rule alone; z_j changes all outputs, so sum over i.": (
            lambda at: -_y_j(at) * (1 - _p_j(at))
        ),
        "The part with the delta got lost: where does the target enter?": _p_j,
    },
    "dL_dz_one_hot": {
        "The 1 is subtracted for every class; it belongs to the true class only. Which symbol is 1 if j = c and "
        "0 otherwise?": lambda at: _p_j(at) - 1,
        "This is the entry of the true class, whatever j is.": lambda at: _p_c(at) - 1,
        "The other classes have a gradient too: their probability should go down.": (
            lambda at: (_p_j(at) - 1) * (at["j"] == at["c"])
        ),
    },
    "bce": _BCE,
    "bce with soft labels": _BCE,
    "loss_vector": {
        "This is the sum of the squares; the mean divides it by n.": lambda at: at["n"] * _mse(at),
        "Divide by the number of samples n, not by the number of weights d.": (lambda at: at["n"] * _mse(at) / at["d"]),
        "There is no 1/2 in this definition; some books add one.": lambda at: _mse(at) / 2,
        "The transpose belongs to the first factor: a row times a column is a number, a column times a row is a "
        "matrix.": lambda at: np.outer(_residual(at), _residual(at)) / at["n"],
    },
    "Q": {
        "The order is the other way round: (Xw).T is w.T * X.T, so X.T comes first.": lambda at: at["X"] @ at["X"].T,
        "The factor 1/n stands before the bracket already.": lambda at: at["X"].T @ at["X"] / at["n"],
        "This is the whole quadratic term; w.T and w stand beside Q already.": (
            lambda at: np.sum((at["X"] @ at["w"]) ** 2)
        ),
    },
    "q": {
        "This is the transpose of the right answer: w.T * q needs a column.": lambda at: _row(at["X"].T @ at["y"]),
        "The factor -2 stands before w.T q already.": lambda at: -2 * at["X"].T @ at["y"],
        "The factor 2 stands before w.T q already.": lambda at: 2 * at["X"].T @ at["y"],
        "The minus sign stands before 2 w.T q already.": lambda at: -at["X"].T @ at["y"],
    },
    "s": {
        "The transpose belongs to the first factor: a row times a column is a number.": (
            lambda at: np.outer(at["y"], at["y"])
        ),
        "The factor 1/n stands before the bracket already.": lambda at: np.mean(at["y"] ** 2),
        "(-y).T * (-y) is positive.": lambda at: -np.sum(at["y"] ** 2),
    },
    "quadratic_gradient": {
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
    "gradient": {
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
    "normal_equations": {
        "X.T cannot be cancelled: it is not square. This asks for zero error on every sample.": _residual,
        "A sign is the other way round: the two sides have to be equal, not opposite.": (
            lambda at: at["X"].T @ (at["X"] @ at["w"] + at["y"])
        ),
        "One of the terms lost its factor 2.": lambda at: at["X"].T @ (2 * at["X"] @ at["w"] - at["y"]),
    },
    "w_best": {
        "The inverse is missing.": lambda at: at["X"].T @ at["y"],
        "This is the transpose of the right answer; w is a column.": (
            lambda at: _row(np.linalg.lstsq(at["X"], at["y"])[0])
        ),
    },
    "condition_of_normal_matrix": {
        "The condition number does change: multiply out X.T X with the singular value decomposition.": (
            lambda at: at["kappa"]
        ),
        "A product does not double a ratio: what happens to each singular value in X.T X?": (
            lambda at: 2 * at["kappa"]
        ),
    },
}

_GRADED = {
    name: dataclasses.replace(step, expected=EXACT[name], rtol=1e-9, atol=1e-11) if name in EXACT else step
    for name, step in STEPS.items()
}


def check(name: str, answer: Any, **earlier: Callable[[], Any]) -> None:
    """Check a step at points that nobody knows, and how it is written.

    Where it is wrong because an earlier answer was, and follows from that one, it is right. `earlier` holds functions
    that return those answers; they are only called then, since there need not be any.
    """
    _CHAIN.check(name, answer, **earlier)
    check_form(name, answer)


def grader(**earlier: Callable[[], Any]) -> Callable[[str, Any], None]:
    """Return what stands in for the visible `check_step` at grading time."""
    return lambda name, answer: check(name, answer, **earlier)


def _check_that_the_sum_is_put_in(name: str, answer: Any) -> None:
    """Step c at targets that do not sum to one, where it and step b differ."""
    if name != "dL_dz":
        return
    assert_expression(
        answer,
        EXACT["dL_dz"],
        "dL_dz, with what the targets sum to put in,",
        "Put in what the targets sum to, so that no sum of them is left.",
        points=STEPS["dL_dz_any_sum"].points(seed_for("derivation dL_dz")),
        mistakes={"This is still step b: here it is known what the targets sum to.": EXACT["dL_dz_any_sum"]},
        rtol=1e-9,
        atol=1e-11,
    )


# What comes out of a right step that starts from a student's own earlier ones.


def _entry_by(own: Mapping[str, Any], at: Point, j: int) -> float:
    """The quotient rule with the student's own derivatives of numerator and denominator."""
    above, below = value_of(own["d_numerator"], at, j=j), value_of(own["d_denominator"], at, j=j)
    total = np.exp(at["z"]).sum()
    return (above * total - np.exp(_z_i(at)) * below) / total**2


def _chain_rule(own: Mapping[str, Any], at: Point) -> float:
    places = range(1, at["N"] + 1)
    return sum(value_of(own["dL_dyhat"], at, i=i) * value_of(own["d_entry"], at, i=i) for i in places)


def _gradient_by(own: Mapping[str, Any], at: Point) -> np.ndarray:
    quadratic = evaluate(own["Q"], at)
    first = value_of(own["quadratic_gradient"], {"d": at["d"], "A": quadratic, "x": at["w"]})
    return (first - 2 * value_of(own["q"], at)) / at["n"]


def _left_minus_right(equation: Any, at: Point) -> np.ndarray:
    left, right = (value_of(side, at) for side in equation.args)
    return left - right


# Of each step, the answers that it starts from, and its value by them.
_BUILDS_ON: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any], Point], Any] | None]] = {
    "d_diagonal": (("d_numerator", "d_denominator"), lambda own, at: _entry_by(own, at, at["i"])),
    "d_entry": (("d_numerator", "d_denominator"), lambda own, at: _entry_by(own, at, at["j"])),
    "dL_dz_any_sum": (("dL_dyhat", "d_entry"), _chain_rule),
    "dL_dz": (("dL_dz_any_sum",), lambda own, at: value_of(own["dL_dz_any_sum"], at)),
    "dL_dz_one_hot": (("dL_dz",), lambda own, at: value_of(own["dL_dz"], at, y=np.eye(at["N"])[at["c"] - 1])),
    "gradient": (("Q", "q", "quadratic_gradient"), _gradient_by),
    "normal_equations": (("gradient",), lambda own, at: value_of(own["gradient"], at)),
    "w_best": (("normal_equations",), None),
}


def _solves_own_equations(own: Mapping[str, Any], answer: Any, at: Point) -> bool:
    solution = value_of(answer, at)
    residual = _left_minus_right(own["normal_equations"], {**at, "w": solution})
    return solution.shape == (at["d"],) and bool(np.allclose(residual, 0, atol=1e-8))


_CHAIN = Chain(
    _GRADED, MISTAKES, _BUILDS_ON, agrees={"w_best": _solves_own_equations}, further=_check_that_the_sum_is_put_in
)


def losses_by(formula: Any, examples: list[tuple[int, float]]) -> list[float] | None:
    """Return the losses of (label, prediction) by a student's own formula, if it is wrong by a known mistake."""
    if _CHAIN.state("bce", formula, {}) != "mistake":
        return None
    return [float(value_of(formula, {"t": label, "p": chance})) for label, chance in examples]
