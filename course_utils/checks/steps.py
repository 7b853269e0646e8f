"""Steps of a derivation: where each answer is compared, and with what.

A notebook's room in `course_utils.lessons` has a table of them. Nothing in such a table is the formula that is asked
for: an answer is compared with differences, or with values, of the function that the step starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.checks.basic import assert_that
from course_utils.checks.calls import assert_written_without
from course_utils.checks.evaluation import EvaluationError, evaluate
from course_utils.checks.expressions import Expression, as_data, free_symbols, walk
from course_utils.checks.formulas import Point, assert_equation, assert_expression
from course_utils.draws import seed_for

__all__ = ["WAYS_TO_DERIVE", "Step", "assert_by_hand", "assert_sum_put_in", "checker_of", "graded_checker_of"]

# What derives by itself: of SymPy, of numbers, and ways round the names.
_BY_SYMPY = (
    "diff", "Derivative", "idiff", "fdiff", "derive_by_array", "array_derive", "ArrayDerivative", "_eval_derivative",
    "_eval_derivative_n_times", "_eval_derivative_matrix_lines", "differentiate_finite", "as_finite_difference",
    "apply_finite_diff", "finite_diff_weights", "limit", "Limit", "gruntz", "residue", "series", "nseries", "lseries",
    "aseries", "fps", "taylor_term", "euler_equations", "sympify", "parse_expr", "parse_latex", "lambdify",
)  # fmt: skip
_BY_NUMBERS = (
    "numerical_gradient", "partial_derivative", "approx_fprime", "approx_derivative", "derivative", "np.gradient",
    "np.diff", "jacobian", "hessian", "autograd", "torch.func", "grad", "backward", "requires_grad", "requires_grad_",
    "jacfwd", "jacrev", "vjp", "jvp", "gradcheck", "finfo", "spacing", "nextafter", "imag",
)  # fmt: skip
_OTHER_WAYS = ("methodcaller", "attrgetter", "getattr_static", "getmembers", "STEPS")
WAYS_TO_DERIVE = (*_BY_SYMPY, *_BY_NUMBERS, *_OTHER_WAYS)
_BY_HAND = "Derive it on paper and enter what comes out."


@dataclass(frozen=True)
class Step:
    """One step of a derivation.

    Parameters
    ----------
    points : callable
        Returns the points at which to compare, given the seed of the draw.
    expected : callable
        From a point to the right value there, by differences or another way that does not need the formula.
    hint : str
        A sentence that points to the idea.
    equation : bool
        Whether an equation is wanted; `expected` is then its left side minus its right side.
    rtol, atol : float
        Tolerances; the defaults leave room for differences in `expected`.
    """

    points: Callable[[int], list[dict[str, Any]]]
    expected: Callable[[Point], Any]
    hint: str
    equation: bool = False
    rtol: float = 1e-5
    atol: float = 1e-7


def checker_of(steps: Mapping[str, Step]) -> Callable[..., None]:
    """Return the function that checks what a student entered for a step of a table.

    Parameters
    ----------
    steps : mapping of str to Step
        By the name of the step in the notebook.

    Returns
    -------
    callable
        ``check_step(name, answer, *, seed=1, mistakes=None)``.
    """

    def check_step(
        name: str, answer: Any, *, seed: int = 1, mistakes: Mapping[str, Callable[[Point], Any]] | None = None
    ) -> None:
        """Check what a student entered for one step, at random points.

        Parameters
        ----------
        name : str
            The name of the step in the notebook.
        answer : sympy.Basic or number
            The student's expression or equation. Any equal form is right.
        seed : int
            Of the points. Your work is graded at other ones.
        mistakes : mapping of str to callable, optional
            What to say, and the values of the answer to which to say it.

        Raises
        ------
        CheckFailed
            If it is wrong. The message says where, and which mistake it was if that is a known one.
        ValueError
            If there is no such step.
        """
        if name not in steps:
            raise ValueError(f"Unknown step {name!r}; known are {', '.join(steps)}.")
        step = steps[name]
        check = assert_equation if step.equation else assert_expression
        tolerances = {"rtol": step.rtol, "atol": step.atol}
        check(answer, step.expected, name, step.hint, points=step.points(seed), mistakes=mistakes, **tolerances)

    return check_step


def graded_checker_of(
    steps: Mapping[str, Step], mistakes: Mapping[str, Mapping[str, Callable[[Point], Any]]]
) -> Callable[[str, Any], None]:
    """Return a function that checks a step at points that nobody knows, and calls known mistakes by their name.

    Parameters
    ----------
    steps : mapping of str to Step
        By the name of the step in the notebook.
    mistakes : mapping of str to mapping of str to callable
        Of each step, as `checker_of`'s function takes them.

    Returns
    -------
    callable
        ``check(name, answer)``.
    """
    check_step = checker_of(steps)

    def check(name: str, answer: Any) -> None:
        check_step(name, answer, seed=seed_for(f"derivation {name}"), mistakes=mistakes[name])

    return check


def assert_by_hand(name: str, answer: Any) -> None:
    """Check that a derivative was derived by hand: nothing derived it, and it holds no small step of differences.

    Parameters
    ----------
    name : str
        What the student calls it.
    answer : sympy.Basic or number

    Raises
    ------
    CheckFailed
        If not; the message says what was used.
    """
    assert_written_without(name, WAYS_TO_DERIVE, _BY_HAND)
    answer = as_data(answer)
    if not isinstance(answer, Expression):
        return
    fact = f"{name} holds a number near 0, far from 1 or with many decimals, as differences do."
    assert_that(not any(map(_is_a_step_of_differences, walk(answer))), fact, hint=_BY_HAND)


def assert_sum_put_in(name: str, answer: Any, targets: str, *, unless: str = "") -> None:
    """Check that no sum over the targets is left where it is known what they sum to.

    Parameters
    ----------
    name : str
        What the student calls the step.
    answer : sympy.Basic or number
    targets : str
        The name of the targets.
    unless : str, optional
        A name beside which the targets may be summed.

    Raises
    ------
    CheckFailed
        If there is one.
    """
    answer = as_data(answer)
    nodes = walk(answer) if isinstance(answer, Expression) else ()
    sums = [free_symbols(node.args[0]) for node in nodes if node.head in ("Sum", "Product")]
    assert_that(
        not any(targets in names and unless not in names for names in sums),
        f"{name} still holds a sum over the targets{' alone' if unless else ''}.",
        hint="Here it is known what the targets sum to; put that in.",
    )


def _is_a_step_of_differences(node: Expression) -> bool:
    """Whether a part without symbols is below 1/50, above 50 or has many decimals, which no derivation needs."""
    if node.head in ("Symbol", "Str", "Tuple") or free_symbols(node):
        return False
    try:
        size = abs(evaluate(node, {}))
    except (EvaluationError, TypeError, ValueError):
        return False
    is_rounded = node.head == "Number" and isinstance(node.value, float) and float(f"{size:.6g}") != size
    return np.ndim(size) == 0 and (is_rounded or 0 < size < 1 / 50 or size > 50)
