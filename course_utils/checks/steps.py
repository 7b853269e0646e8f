"""Steps of a derivation: where each answer is compared, and with what.

A notebook's room in `course_utils.lessons` has a table of them. Nothing in such a table is the formula that is asked
for: an answer is compared with differences, or with values, of the function that the step starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from course_utils.checks.formulas import Point, assert_equation, assert_expression
from course_utils.draws import seed_for

__all__ = ["Step", "checker_of", "graded_checker_of"]


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
