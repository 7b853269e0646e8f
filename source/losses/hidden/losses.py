"""The small data set of the sheet: its three losses and their mean, and what follows from a student's own formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hidden import derivations

from course_utils.checks import CheckFailed, assert_number
from course_utils.checks.formulas import assert_expression

EXAMPLES = [(1, 0.2), (0, 0.5), (0, 0.1)]
CHANCES = (0.2, 0.5, 0.9)  # of the true label
_NEAR = 6e-4  # three decimals


def assert_losses(losses: Sequence[float], numbers: Sequence[int], formula: Callable[[], Any]) -> None:
    """Check some of the three losses, counted from 1; those by a formula with a known mistake will do."""
    own = _losses_by(formula)
    for number in numbers:
        chance, loss = CHANCES[number - 1], losses[number - 1]
        if own and abs(loss - own[number - 1]) <= _NEAR:
            continue
        slips = {
            "This is in bits; nats take the natural logarithm.": float(-np.log2(chance)),
            "This uses the logarithm to the base 10; nats take the natural one.": float(-np.log10(chance)),
            "The sign is the other way round: a loss is never negative.": float(np.log(chance)),
            "Which probability did the network give to the label of this example?": float(-np.log(1 - chance)),
        }
        assert_number(
            float(loss),
            float(-np.log(chance)),
            f"the loss of example {number}",
            "nats",
            rtol=0,
            atol=_NEAR,
            hint="Minus the logarithm of the probability given to the true label.",
            mistakes=slips,
        )


def assert_cost(cost: Any, losses: Callable[[], Sequence[float]], formula: Callable[[], Any]) -> None:
    """Check the mean of the three losses; that of a student's own losses will do, if some work is in them."""
    terms = -np.log(CHANCES)
    slips = {
        "This is the sum over the examples; J is their mean.": terms.sum(),
        "The sign is the other way round: a loss is never negative.": -terms.mean(),
        "This is in bits; nats take the natural logarithm.": terms.mean() / np.log(2),
        "This uses the logarithm to the base 10; nats take the natural one.": terms.mean() / np.log(10),
        "Only the example with the label 1 counts here; those with the label 0 have a loss as well.": terms[0] / 3,
        "For the label 0 the true label has the probability 1 - p, not p.": -np.log([0.2, 0.5, 0.1]).mean(),
    }
    mistakes = {text: lambda at, value=float(value): value for text, value in slips.items()}

    def check(mean: float) -> None:
        assert_expression(
            cost,
            lambda at: mean,
            "mean_loss",
            points=[{}],
            rtol=0,
            atol=_NEAR,
            hint="Add the three losses and divide by three.",
            mistakes=mistakes,
        )

    try:
        check(float(terms.mean()))
    except CheckFailed:
        own = _own_losses(losses, formula)
        if own is None:
            raise
        check(float(np.mean(own)))


def _losses_by(formula: Callable[[], Any]) -> list[float] | None:
    try:
        return derivations.losses_by(formula(), EXAMPLES)
    except Exception:  # there need not be any formula
        return None


def _own_losses(losses: Callable[[], Sequence[float]], formula: Callable[[], Any]) -> list[float] | None:
    """Return a student's own losses: right in two of three, all with one slip, or by a formula with a known one."""
    try:
        own = [float(loss) for loss in losses()]
    except Exception:  # there need not be any
        return None
    if len(own) != 3 or not np.isfinite(own).all():
        return None
    right = -np.log(CHANCES)
    tries = [-right, right / np.log(2), right / np.log(10), -np.log([0.2, 0.5, 0.1])]
    by_formula = _losses_by(formula)
    near = [np.allclose(own, wrong, rtol=0, atol=_NEAR) for wrong in (*tries, *([by_formula] if by_formula else []))]
    return own if any(near) or np.isclose(own, right, rtol=0, atol=_NEAR).sum() >= 2 else None
