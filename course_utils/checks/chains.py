"""Derivations in several steps: a right step that starts from a wrong earlier one is right.

A table says which step starts from which, and what comes out of it by the student's own earlier answers. Only an
earlier answer that is a known mistake is carried on: else two answers that agree with each other would do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from course_utils.checks.evaluation import evaluate
from course_utils.checks.formulas import Point, assert_equation, assert_expression
from course_utils.checks.steps import Step, graded_checker_of
from course_utils.draws import seed_for
from course_utils.errors import CheckFailed

__all__ = ["Chain", "value_of"]

_FACTORS = (-1, 2, -2, 1 / 2, -1 / 2)  # a right answer times one of these is a mistake that is known of every step
_NOTHING = 1e-8  # with less than this at all points there is nothing to compare with


def value_of(expression: Any, at: Point, **changed: Any) -> Any:
    """Return the value of an earlier answer at a point; a row or a column as a vector.

    Parameters
    ----------
    expression : sympy.Basic or number
    at : mapping
        The point.
    **changed
        What is different from the point.

    Returns
    -------
    numpy.ndarray
    """
    value = np.asarray(evaluate(expression, {**at, **changed}), dtype=float)
    return value.ravel() if value.ndim == 2 and 1 in value.shape else value


class Chain:
    """The steps of a derivation, and which of them start from which.

    Parameters
    ----------
    steps : mapping of str to Step
        By the name of the step in the notebook.
    mistakes : mapping of str to mapping of str to callable
        Of each step, as `steps.checker_of`'s function takes them.
    builds_on : mapping of str to (needs, value)
        Of a step, the names of the answers that it starts from, and a function from those (by name) and a point to
        what comes out of it; `None` where `agrees` compares instead.
    agrees : mapping of str to callable, optional
        Of such a step, whether ``(own, answer, at)`` agree.
    further : callable, optional
        ``further(name, answer)`` raises `CheckFailed` if something else is wrong that an earlier answer may explain.
    """

    def __init__(
        self,
        steps: Mapping[str, Step],
        mistakes: Mapping[str, Mapping[str, Callable[[Point], Any]]],
        builds_on: Mapping[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any], Point], Any] | None]],
        *,
        agrees: Mapping[str, Callable[[Mapping[str, Any], Any, Point], bool]] | None = None,
        further: Callable[[str, Any], None] | None = None,
    ) -> None:
        self._steps, self._mistakes, self._builds_on = steps, mistakes, builds_on
        self._agrees, self._further = agrees or {}, further
        self._check_values = graded_checker_of(steps, mistakes)

    def check(self, name: str, answer: Any, **earlier: Callable[[], Any]) -> None:
        """Check a step at points that nobody knows.

        Parameters
        ----------
        name : str
        answer : sympy.Basic or number
        **earlier : callable
            Return the earlier answers; they are only called where the step is wrong, since there need not be any.

        Raises
        ------
        CheckFailed
            If it is wrong, and does not follow from a known mistake in an earlier answer.
        """
        try:
            self._check_values(name, answer)
            if self._further is not None:
                self._further(name, answer)
        except CheckFailed:
            if not self._follows(name, answer, _found(earlier)):
                raise

    def state(self, name: str, answer: Any, own: Mapping[str, Any]) -> str:
        """Tell whether an answer is right, wrong by a mistake that is known or carried on, or neither.

        Parameters
        ----------
        name : str
        answer : sympy.Basic or number
        own : mapping of str to sympy.Basic or number
            The student's earlier answers.

        Returns
        -------
        {"right", "mistake", "unknown"}
        """
        try:
            self._check_values(name, answer)
        except CheckFailed:
            pass
        else:
            return "right"
        step = self._steps[name]
        scaled = [] if step.equation else [lambda at, by=by: by * np.asarray(step.expected(at)) for by in _FACTORS]
        for wrong in (*self._mistakes[name].values(), *scaled):
            with contextlib.suppress(CheckFailed):
                _compare(step)(answer, wrong, name, points=self._points(name))
                return "mistake"
        return "mistake" if self._follows(name, answer, own) else "unknown"

    def _follows(self, name: str, answer: Any, own: Mapping[str, Any]) -> bool:
        """Whether an answer is the right step from earlier ones, of which one is a mistake that is known."""
        needed, by_own = self._builds_on.get(name, ((), None))
        if not needed or not set(needed) <= set(own):
            return False
        states = [self.state(key, own[key], own) for key in needed]
        if "unknown" in states or "mistake" not in states:
            return False
        points = self._points(name)
        try:
            if by_own is None:
                return all(self._agrees[name](own, answer, at) for at in points)
            if all(np.abs(by_own(own, at)).max() < _NOTHING for at in points):
                return False
            compare = _compare(self._steps[name])
            compare(answer, lambda at: by_own(own, at), name, points=points, rtol=1e-9, atol=1e-11)
        except Exception:  # an earlier answer may be anything at all
            return False
        return True

    def _points(self, name: str) -> list[dict[str, Any]]:
        return self._steps[name].points(seed_for(f"derivation {name}"))


def _found(earlier: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Return the earlier answers that there are."""
    found = {}
    for name, fetch in earlier.items():
        with contextlib.suppress(Exception):
            found[name] = fetch()
    return found


def _compare(step: Step) -> Callable[..., None]:
    return assert_equation if step.equation else assert_expression
