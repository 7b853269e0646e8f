"""The mistakes that are known of each step of the derivations: read together they give the right formulas away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

from course_utils.checks.chains import Chain, value_of
from course_utils.checks.formulas import Point, assert_expression
from course_utils.checks.wording import fail
from course_utils.draws import seed_for
from course_utils.lessons.neural_networks.derivations import STEPS, check_form

__all__ = ["MISTAKES", "check", "grader"]


def _of(values: Callable[[Point], np.ndarray], *indices: str) -> Callable[[Point], float]:
    """Return the function from a point to an entry of an array."""
    return lambda at: float(values(at)[tuple(at[index] - 1 for index in indices)])


def _through_output(at: Point) -> np.ndarray:
    return at["G"] @ at["Wy"]


_no_bias = "The bias is missing: without it every unit answers 0 to the input 0."
_no_sum = "A sum is missing: every example of the batch adds its part."

MISTAKES: dict[str, Mapping[str, Callable[[Point], Any]]] = {
    "f_htilde": {
        _no_bias: _of(lambda at: at["Wh"] @ at["x"], "i"),
        "The activation comes with the next step.": _of(lambda at: np.tanh(at["Wh"] @ at["x"] + at["bh"]), "i"),
        "The bias is added once for each input here: it belongs outside the sum.": _of(
            lambda at: at["Wh"] @ at["x"] + at["nx"] * at["bh"], "i"
        ),
    },
    "f_h": {
        "This is the sigmoid; the activation of this network is the hyperbolic tangent.": _of(
            lambda at: special.expit(at["htilde"]), "i"
        ),
        "This is the ReLU; the activation of this network is the hyperbolic tangent.": _of(
            lambda at: np.maximum(at["htilde"], 0), "i"
        ),
        "Without an activation the two layers are one affine map.": _of(lambda at: at["htilde"], "i"),
        "This is the derivative; the forward pass needs the function itself.": _of(
            lambda at: 1 - np.tanh(at["htilde"]) ** 2, "i"
        ),
    },
    "f_ytilde": {
        _no_bias: _of(lambda at: at["Wy"] @ at["h"], "i"),
        "What comes in here is h, behind the activation, not htilde.": _of(
            lambda at: at["Wy"] @ at["htilde"] + at["by"], "i"
        ),
        "There is no activation behind the second affine map: softmax takes the logits as they are.": _of(
            lambda at: np.tanh(at["Wy"] @ at["h"] + at["by"]), "i"
        ),
    },
    "f_yhat": {
        "This does not add up to 1: divide by the sum over all outputs.": _of(lambda at: np.exp(at["ytilde"]), "i"),
        "Without the exponential, outputs can be negative.": _of(lambda at: at["ytilde"] / at["ytilde"].sum(), "i"),
        "This is one sigmoid for each output: they do not add up to 1.": _of(
            lambda at: special.expit(at["ytilde"]), "i"
        ),
        "This is the logarithm of the output.": _of(lambda at: special.log_softmax(at["ytilde"]), "i"),
    },
    "log_yhat": {
        "The logarithm of a sum is not the sum of the logarithms: the exponentials stay inside.": _of(
            lambda at: at["ytilde"] - at["ytilde"].sum(), "i"
        ),
        "The exponential is missing in the sum: softmax adds up exponentials, not logits.": _of(
            lambda at: at["ytilde"] - np.log(np.abs(at["ytilde"].sum())), "i"
        ),
        "The logarithm of a quotient is a difference, not a quotient of logarithms.": _of(
            lambda at: at["ytilde"] / special.logsumexp(at["ytilde"]), "i"
        ),
        "The sum lost its logarithm.": _of(lambda at: at["ytilde"] - np.exp(at["ytilde"]).sum(), "i"),
    },
    "loss_any_sum": {
        "This already uses that the targets sum to one. Here they need not: their sum stays as a factor.": (
            lambda at: special.logsumexp(at["ytilde"]) - at["y"] @ at["ytilde"]
        ),
        "The second part got lost: the log of the sum belongs to every term.": lambda at: -at["y"] @ at["ytilde"],
        "Every target counts once for each class here: the log of the sum is multiplied by ny as well.": (
            lambda at: at["ny"] * special.logsumexp(at["ytilde"]) - at["y"] @ at["ytilde"]
        ),
    },
    "loss_sum_one": {
        "The second part got lost: the log of the sum belongs to every term.": lambda at: -at["y"] @ at["ytilde"],
        "The sum of the targets is 1, not the number of classes.": (
            lambda at: at["ny"] * special.logsumexp(at["ytilde"]) - at["y"] @ at["ytilde"]
        ),
        "The targets got lost: the logit of each class counts with its target.": (
            lambda at: special.logsumexp(at["ytilde"]) - at["ytilde"].sum()
        ),
    },
    "d_log_sum_exp": {
        "The inner derivative is missing: 1 over the sum, times the derivative of the sum.": (
            lambda at: 1 / np.exp(at["ytilde"]).sum()
        ),
        "This is the derivative of the sum alone; the logarithm divides it by the sum.": _of(
            lambda at: np.exp(at["ytilde"]), "i"
        ),
        "Only one term of the sum holds ytilde_i, so the derivative of the sum is not the sum.": lambda at: 1.0,
        "This is the derivative of softmax; asked is the one of the logarithm of the sum.": _of(
            lambda at: at["yhat"] * (1 - at["yhat"]), "i"
        ),
    },
    "dL_dytilde": {
        "This is the derivative by yhat_i; asked is the one by the logit, which moves all outputs.": _of(
            lambda at: -at["y"] / at["yhat"], "i"
        ),
        "The first sum got lost: where does the target enter?": _of(lambda at: at["yhat"], "i"),
        "This holds for the true class of a one-hot target only.": _of(lambda at: at["yhat"] - 1, "i"),
        "This is the gradient of a squared error with softmax left out; the sum of squares is not the loss here.": _of(
            lambda at: 2 * (at["yhat"] - at["y"]), "i"
        ),
        "Cross-entropy and softmax together leave no factor yhat (1 - yhat): it cancels.": _of(
            lambda at: (at["yhat"] - at["y"]) * at["yhat"] * (1 - at["yhat"]), "i"
        ),
    },
    "G_entry": {
        "The loss of the batch is a mean over its examples: this is the gradient of their sum.": _of(
            lambda at: at["Yhat"] - at["Y"], "n", "i"
        ),
        "Divide by the number of examples only: the sum over the classes is no mean.": _of(
            lambda at: (at["Yhat"] - at["Y"]) / at["Y"].size, "n", "i"
        ),
        "This divides by the number of classes; the mean is over the examples.": _of(
            lambda at: (at["Yhat"] - at["Y"]) / at["ny"], "n", "i"
        ),
    },
    "dytilde_dWy": {
        "The weight (k, j) is no part of the other logits: a Kronecker delta is missing.": _of(lambda at: at["h"], "j"),
        "The delta says where the derivative is not 0; there it is not 1.": lambda at: float(at["i"] == at["k"]),
        "The logit is computed from h, behind the activation.": lambda at: float(
            (at["i"] == at["k"]) * at["htilde"][at["j"] - 1]
        ),
    },
    "dL_dWy": {
        "The logits are computed from H, behind the activation.": _of(lambda at: at["G"].T @ at["Htilde"], "i", "j"),
        "G holds the 1/N of the mean already.": _of(lambda at: at["G"].T @ at["H"] / at["N"], "i", "j"),
        "H got lost: the derivative of a logit by its weight is the entry of H that the weight multiplies.": _of(
            lambda at: at["G"].sum(axis=0)[:, None] + 0 * at["Wy"], "i", "j"
        ),
    },
    "dL_dby": {
        "This adds up over the outputs too, but each of them has a bias of its own.": lambda at: at["G"].sum(),
        "G holds the 1/N of the mean already.": _of(lambda at: at["G"].mean(axis=0), "i"),
        "This is the first example alone: the same bias is used for all.": _of(lambda at: at["G"][0], "i"),
        "The derivative of the logit by its bias is 1, not the bias.": _of(
            lambda at: at["G"].sum(axis=0) * at["by"], "i"
        ),
    },
    "dL_dh": {
        "This is D: the activation comes with step c.": _of(
            lambda at: _through_output(at) * (1 - at["H"] ** 2), "n", "j"
        ),
        "The weights got lost: each logit passes its gradient on in the measure of its weight.": lambda at: float(
            at["G"][at["n"] - 1].sum()
        ),
        "Add up over the logits of this example, not over the examples.": _of(
            lambda at: (at["G"].sum(axis=0) @ at["Wy"])[None, :] + 0 * at["H"], "n", "j"
        ),
    },
    "dh_dhtilde": {
        "The derivative of tanh is written with h, its value, not with htilde.": _of(
            lambda at: 1 - at["htilde"] ** 2, "i"
        ),
        "h is the hyperbolic tangent already; taking it once more is too often.": _of(
            lambda at: 1 - np.tanh(at["h"]) ** 2, "i"
        ),
        "This is the derivative of the sigmoid.": _of(lambda at: at["h"] * (1 - at["h"]), "i"),
        "The square is missing.": _of(lambda at: 1 - at["h"], "i"),
        "The square belongs to h alone: 1 - 2h + h^2 is something else.": _of(lambda at: (1 - at["h"]) ** 2, "i"),
        "The sign inside is the other way round: tanh is steepest at 0 and flat far away.": _of(
            lambda at: 1 + at["h"] ** 2, "i"
        ),
        "This is 1/cosh; the derivative is its square.": _of(lambda at: 1 / np.cosh(at["htilde"]), "i"),
    },
    "dL_dhtilde": {
        "The activation got lost: this is the derivative by h.": _of(_through_output, "n", "j"),
        "The derivative of tanh is written with H, its value, not with Htilde.": _of(
            lambda at: _through_output(at) * (1 - at["Htilde"] ** 2), "n", "j"
        ),
        "The weights of the output layer got lost.": _of(
            lambda at: at["G"].sum(axis=1, keepdims=True) * (1 - at["H"] ** 2), "n", "j"
        ),
    },
    "dL_dWh": {
        "D holds the 1/N of the mean already.": _of(lambda at: at["D"].T @ at["X"] / at["N"], "j", "k"),
        "The inputs got lost: the derivative of htilde by its weight is the input that the weight multiplies.": _of(
            lambda at: at["D"].sum(axis=0)[:, None] + 0 * at["Wh"], "j", "k"
        ),
        "The activation got lost: D holds it, G @ Wy does not.": _of(
            lambda at: _through_output(at).T @ at["X"], "j", "k"
        ),
    },
    "dL_dbh": {
        "This adds up over the hidden units too, but each of them has a bias of its own.": lambda at: at["D"].sum(),
        "D holds the 1/N of the mean already.": _of(lambda at: at["D"].mean(axis=0), "j"),
        "This is the first example alone: the same bias is used for all.": _of(lambda at: at["D"][0], "j"),
        "The activation got lost: D holds it, G @ Wy does not.": _of(lambda at: _through_output(at).sum(axis=0), "j"),
    },
}


# What comes out of a right step that starts from a student's own earlier ones.


def _loss_by(own: Mapping[str, Any], at: Point) -> float:
    """Minus the targets times the student's own logarithms of the outputs."""
    terms = (at["y"][i - 1] * value_of(own["log_yhat"], at, i=i) for i in range(1, at["ny"] + 1))
    return -float(sum(terms))


def _example(at: Point, **changed: Any) -> dict[str, Any]:
    """A point of a batch as one of its example n alone."""
    rows = {"x": "X", "htilde": "Htilde", "h": "H", "ytilde": "Ytilde", "yhat": "Yhat", "y": "Y"}
    return {**at, **{one: at[all_of_them][at["n"] - 1] for one, all_of_them in rows.items()}, **changed}


def _through_activation(own: Mapping[str, Any], at: Point) -> float:
    return value_of(own["dL_dh"], at) * value_of(own["dh_dhtilde"], _example(at, i=at["j"]))


def _output_weight_by(own: Mapping[str, Any], at: Point) -> float:
    """The chain rule through all logits of all examples, with the student's own inner derivative."""
    places = [(n, k) for n in range(1, at["N"] + 1) for k in range(1, at["ny"] + 1)]
    inner = (value_of(own["dytilde_dWy"], _example({**at, "n": n}, i=k, k=at["i"])) for n, k in places)
    return float(sum(at["G"][n - 1, k - 1] * slope for (n, k), slope in zip(places, inner, strict=True)))


# Of each step, the answers that it starts from, and its value by them.
_BUILDS_ON: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any], Point], Any]]] = {
    "loss_any_sum": (("log_yhat",), _loss_by),
    "loss_sum_one": (("loss_any_sum",), lambda own, at: value_of(own["loss_any_sum"], at)),
    "dL_dytilde": (
        ("d_log_sum_exp",),
        lambda own, at: value_of(own["d_log_sum_exp"], at) - at["y"][at["i"] - 1],
    ),
    "G_entry": (("dL_dytilde",), lambda own, at: value_of(own["dL_dytilde"], _example(at)) / at["N"]),
    "dL_dWy": (("dytilde_dWy",), _output_weight_by),
    "dL_dhtilde": (("dL_dh", "dh_dhtilde"), _through_activation),
}


def _check_that_the_sum_is_put_in(name: str, answer: Any) -> None:
    """Step c of the loss at targets that do not sum to one, where it and step b differ."""
    if name != "loss_sum_one":
        return
    assert_expression(
        answer,
        lambda at: special.logsumexp(at["ytilde"]) - at["y"] @ at["ytilde"],
        "loss_sum_one, with what the targets sum to put in,",
        "Put in what the targets sum to, so that the log of the sum stands alone.",
        points=STEPS["loss_any_sum"].points(seed_for("derivation loss_sum_one")),
        mistakes={
            "This is still step b: here it is known what the targets sum to.": STEPS["loss_any_sum"].expected,
        },
    )


def _refuse_what_grows_with_the_targets(answer: Any) -> None:
    """Step c at targets for which their product with the logits is 0: what is left must not depend on their size."""
    grows = []
    for at in STEPS["loss_any_sum"].points(seed_for("derivation loss_sum_one")):
        logits = at["ytilde"]
        targets = 1 - logits * logits.sum() / (logits @ logits)
        once, twice = (float(value_of(answer, at, y=size * targets)) for size in (1, 2))
        grows.append(abs(once) > 1e-8 and bool(np.isclose(twice, 2 * once)))
    if all(grows):
        fail("loss_sum_one is still step b.", "Put in what the targets sum to.")


_CHAIN = Chain(STEPS, MISTAKES, _BUILDS_ON, further=_check_that_the_sum_is_put_in)


def check(name: str, answer: Any, **earlier: Callable[[], Any]) -> None:
    """Check a step at points that nobody knows, and how it is written.

    Parameters
    ----------
    name : str
        The name of the step in the notebook.
    answer : sympy.Basic or number
    **earlier : callable
        Return earlier answers: where the step is wrong because one of them was, and follows from it, it is right.

    Raises
    ------
    CheckFailed
        If it is wrong, or if what the targets sum to is not put in where it has to be.
    """
    _CHAIN.check(name, answer, **earlier)
    if name == "loss_sum_one":
        _refuse_what_grows_with_the_targets(answer)
    check_form(name, answer)


def grader(**earlier: Callable[[], Any]) -> Callable[[str, Any], None]:
    """Return what stands in for the visible `check_step` at grading time."""
    return lambda name, answer: check(name, answer, **earlier)
