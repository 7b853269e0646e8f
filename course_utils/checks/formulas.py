"""Check derivations that students enter as SymPy expressions, one step at a time.

Two expressions are taken for equal if they agree at random points. Any equal form passes: simplified or not,
with sums written out or not. The points also tell which usual mistake was made.
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.checks import CheckFailed, numerical_gradient
from course_utils.checks.evaluation import EvaluationError, Point, a_noun, evaluate, shape_text
from course_utils.checks.expressions import Expression, as_data, contains, free_symbols, to_text

__all__ = [
    "EvaluationError",
    "assert_equation",
    "assert_expression",
    "assert_same_form",
    "assert_symbols",
    "assert_worked_out",
    "evaluate",
    "free_symbols",
    "partial_derivative",
    "random_points",
]

# An expression, of SymPy or as data, or a function of the point.
Expected = Any

# What has no value to compare: equations and other statements, sets, names.
_NO_VALUE = frozenset(
    ("Unequality", "LessThan", "StrictLessThan", "GreaterThan", "StrictGreaterThan", "And", "Or", "Not", "Xor", "ITE",
     "Contains", "FiniteSet", "Interval", "Union", "Intersection", "Complement", "EmptySet", "UniversalSet", "Reals",
     "Integers", "Naturals", "Range", "Str")
)  # fmt: skip


def random_points(
    sizes: Mapping[str, Sequence[int]],
    arrays: Mapping[str, tuple[str | int, ...]],
    indices: Mapping[str, str] | None = None,
    derived: Mapping[str, Callable[[Point], Any]] | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return points at which to compare expressions: one random draw for each combination of sizes.

    Parameters
    ----------
    sizes : mapping of str to sequence of int
        The values that each size takes. All must have equally many, which are used together: the first of
        each, the second of each, and so on.
    arrays : mapping of str to tuple
        The shape of each array, in names of sizes or numbers; ``()`` is a single number. Entries are drawn
        from the standard normal distribution.
    indices : mapping of str to str, optional
        The size up to which each index runs. The points hold every combination of indices.
    derived : mapping of str to callable, optional
        Values computed from the point drawn so far, in this order; they may replace drawn ones.
    seed : int
        Seed of the draw.

    Returns
    -------
    list of dict
        Points for `evaluate`.

    Examples
    --------
    >>> points = random_points({"N": (2,)}, {"z": ("N",)}, {"i": "N"})
    >>> [(point["N"], point["z"].shape, point["i"]) for point in points]
    [(2, (2,), 1), (2, (2,), 2)]
    """
    rng = np.random.default_rng(seed)
    points: list[dict[str, Any]] = []
    for drawn in zip(*sizes.values(), strict=True):
        base: dict[str, Any] = dict(zip(sizes, drawn, strict=True))
        for name, shape in arrays.items():
            lengths = tuple(base[axis] if isinstance(axis, str) else axis for axis in shape)
            base[name] = rng.standard_normal(lengths) if lengths else float(rng.standard_normal())
        for name, formula in (derived or {}).items():
            base[name] = formula(base)
        ranges = [range(1, base[size] + 1) for size in (indices or {}).values()]
        points += [base | dict(zip(indices or {}, place, strict=True)) for place in itertools.product(*ranges)]
    return points


def partial_derivative(
    function: Callable[[Point], float], array: str, index: str | None = None, eps: float = 1e-5
) -> Callable[[Point], Any]:
    """Return the derivative of a function of the point, by central differences.

    Parameters
    ----------
    function : callable
        Takes a point and returns one number.
    array : str
        The name of the array, or number, to differentiate by. Values derived from it must be computed
        inside `function`, because only this one is moved.
    index : str, optional
        The name of the index of the entry, which counts from 1. Without it the derivative by every entry is
        returned: the gradient, of the shape of the array.
    eps : float
        Half the distance between the two points of a difference.

    Returns
    -------
    callable
        Takes a point, returns a number or an array.

    Examples
    --------
    >>> slope = partial_derivative(lambda point: (point["z"] ** 2).sum(), "z", "j")
    >>> round(slope({"z": np.array([1.0, 3.0]), "j": 2}), 6)
    6.0
    """

    def derivative(point: Point) -> Any:
        at = np.asarray(point[array], dtype=np.float64)
        gradient = numerical_gradient(lambda moved: function({**point, array: moved}), at, eps)
        return gradient if index is None else float(gradient[point[index] - 1])

    return derivative


def assert_expression(
    actual: Any,
    expected: Expected,
    name: str,
    hint: str | None = None,
    *,
    points: Iterable[Point],
    mistakes: Mapping[str, Expected] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-7,
) -> None:
    """Check that an expression has the right value at each of the points.

    Parameters
    ----------
    actual : Expression, sympy.Basic or number
        What the student entered: an expression of SymPy in the notebook, the same as data at grading time.
    expected : Expression, sympy.Basic or callable
        The right answer, or a function that takes a point and returns its value there: finite differences,
        say, which do not give the formula away.
    name : str
        How the message calls `actual`.
    hint : str, optional
        A sentence that points to the idea.
    points : iterable of mapping
        Where to compare; see `evaluate` and `random_points`.
        With an empty mapping as the only point, `actual` is a number, and the message does not give away the right one.
    mistakes : mapping of str to sympy.Basic or callable, optional
        Likely wrong answers. If `actual` agrees with one of them everywhere, its key is the hint. A wrong
        sign, a lost factor (constant, or a size such as N) and a transposed matrix are found without it.
    rtol, atol : float
        Tolerances; the defaults leave room for finite differences.

    Raises
    ------
    CheckFailed
        If `actual` is no expression, uses an unknown symbol or has another value; the message says where.
    """
    points = _some(points)
    actual = _as_expression(actual, name, hint)
    wanted = _expected_at(expected, points)
    got = _values(actual, points, name, hint)
    failed = next((k for k, pair in enumerate(zip(got, wanted, strict=True)) if not _close(*pair, rtol, atol)), None)
    if failed is None:
        return
    for text, wrong in (mistakes or {}).items():
        if _close_everywhere(got, _expected_at(wrong, points), rtol, atol):
            hint = text
            break
    else:
        hint = _usual_mistake(got, wanted, points, rtol, atol) or hint
    value, right = got[failed], wanted[failed]
    if value.shape != right.shape:
        fact = f"{name} must be {shape_text(right)}, got {shape_text(value)}"
    else:
        if not points[failed]:  # a number that the student worked out: the message must not give it away
            _fail(f"{name} is {value.item():.5g}, which is not right.", hint)
        first = tuple(np.argwhere(~np.isclose(value, right, rtol=rtol, atol=atol))[0])
        entry = f", entry {tuple(int(i) + 1 for i in first)}" if value.size > 1 else ""
        fact = f"{name} is wrong: got {value[first]:.5g}, expected {right[first]:.5g}"
        fact += f", for example at {_describe_point(points[failed], free_symbols(actual))}{entry}"
    raise CheckFailed(f"{fact}.\n{hint}" if hint else f"{fact}.")


def assert_equation(
    actual: Any,
    expected: Expected,
    name: str,
    hint: str | None = None,
    *,
    points: Iterable[Point],
    mistakes: Mapping[str, Expected] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-7,
) -> None:
    """Check that an equation says the right thing, whatever was multiplied or moved to the other side.

    Parameters
    ----------
    actual : sympy.Eq
        What the student entered.
    expected : sympy.Basic or callable
        Left side minus right side of the equation. A factor, which may differ from point to point but not
        from entry to entry, does not matter; so there must be points with more than one entry. Nor does it matter
        whether a column or its transpose, a row, is written.
    name, hint, points, rtol, atol
        As for `assert_expression`.
    mistakes : mapping of str to sympy.Basic or callable, optional
        Left side minus right side of likely wrong equations; again up to a factor.

    Raises
    ------
    CheckFailed
        If `actual` is no equation or another one.
    """
    points, actual = _some(points), as_data(actual)
    if isinstance(actual, bool):
        why = "its two sides are the same" if actual else "SymPy took its two sides for different at once"
        remedy = "Write Eq(left, right), not left == right; for a column of zeros write ZeroMatrix(d, 1), not 0."
        _fail(f"{name} is {actual}: {why}.\n{remedy}", hint)
    if not _has_head(actual, "Equality") or len(actual.args) != 2:
        _fail(f"{name} must be an equation Eq(left, right), got {_kind(actual)}.", hint)
    wanted = _expected_at(expected, points)
    sides = [_values(side, points, name, hint) for side in actual.args]
    for left, right in zip(*sides, strict=True):
        if left.shape != right.shape and 1 not in (left.size, right.size):
            _fail(f"The sides of {name} have different shapes: {shape_text(left)} and {shape_text(right)}.", hint)
    got = [left - right for left, right in zip(*sides, strict=True)]
    # The transpose of an equation says the same.
    got = [value.T if value.shape == right.T.shape else value for value, right in zip(got, wanted, strict=True)]
    if _proportional(got, wanted, rtol, atol):
        return
    for text, wrong in (mistakes or {}).items():
        if _proportional(got, _expected_at(wrong, points), rtol, atol):
            hint = text
            break
    _fail(f"{name} is not the right equation: it holds for other values of the unknown.", hint)


def assert_same_form(actual: Any, expected: Any, name: str, hint: str | None = None) -> None:
    """Check that an expression is written as the expected one, up to what SymPy does by itself.

    Parameters
    ----------
    actual : Expression, sympy.Basic or number
        What the student entered.
    expected : Expression, sympy.Basic or number
        The wanted form. SymPy orders sums and products, so that their order does not matter; names and what is
        assumed of them do.
    name : str
        How the message calls `actual`.
    hint : str, optional
        A sentence that points to the idea.

    Raises
    ------
    CheckFailed
        If it is written in another way, whether or not the values are the same.
    """
    actual, expected = _as_expression(actual, name, hint, values=False), as_data(expected)
    # A number is compared as SymPy does it: 1 and 1.0 are two ways to write it.
    if type(actual) is not type(expected) or actual != expected:
        _fail(f"{name} is {_shown(actual)}, which is not the form that is asked for.", hint)


def assert_symbols(actual: Any, names: Iterable[Any], name: str, hint: str | None = None) -> None:
    """Check that an expression depends on no other symbols than some.

    Parameters
    ----------
    actual : Expression, sympy.Basic or number
        What the student entered.
    names : iterable of str or sympy.Symbol
        The symbols that may occur, by their names; what is assumed of them does not matter.
    name : str
        How the message calls `actual`.
    hint : str, optional
        A sentence that points to the idea.

    Raises
    ------
    CheckFailed
        If `actual` is no expression or uses another symbol; the message says which.
    """
    actual = _as_expression(actual, name, hint, values=False)
    allowed = {text for known in names for text in ([known] if isinstance(known, str) else free_symbols(known))}
    others = sorted(free_symbols(actual) - allowed)
    if others:
        shown = ", ".join(to_text(Expression("Symbol", value=other), 40) for other in others[:5])
        _fail(f"{name} uses {shown}; it may only use {', '.join(sorted(allowed)) or 'numbers'}.", hint)


def assert_worked_out(
    actual: Any,
    name: str,
    hint: str | None = None,
    *,
    heads: Sequence[str] = ("Derivative", "Integral", "Limit", "Subs", "Sum", "Product"),
) -> None:
    """Check that an expression holds no derivative, integral or sum that is still to be worked out.

    Parameters
    ----------
    actual : Expression, sympy.Basic or number
        What the student entered.
    name : str
        How the message calls `actual`.
    hint : str, optional
        A sentence that points to the idea.
    heads : sequence of str
        Names of SymPy's classes that must not occur.

    Raises
    ------
    CheckFailed
        If `actual` is no expression, or holds one of them; the message says which.
    """
    found = contains(_as_expression(actual, name, hint, values=False), tuple(heads))
    if found:
        _fail(f"{name} still contains {a_noun(found)} that is not worked out.", hint)


def _some(points: Iterable[Point]) -> list[Point]:
    points = list(points)
    if not points:
        raise ValueError("There must be at least one point; without any, every expression would be right.")
    return points


def _expected_at(expected: Expected, points: list[Point]) -> list[np.ndarray]:
    data = as_data(expected)
    is_formula = isinstance(data, (Expression, numbers.Real))
    values = (np.asarray(evaluate(data, at) if is_formula else data(at), dtype=np.float64) for at in points)
    return [value.reshape(-1, 1) if value.ndim == 1 else np.atleast_2d(value) for value in values]


def _values(actual: Any, points: list[Point], name: str, hint: str | None) -> list[np.ndarray]:
    values = []
    for point in points:
        try:
            value = np.atleast_2d(evaluate(actual, point))
        except EvaluationError as error:
            _fail(f"{name} {error}.", hint)
        if not np.isfinite(value).all():
            _fail(f"{name} has no finite value at {_describe_point(point, free_symbols(actual))}.", hint)
        values.append(value)
    return values


def _as_expression(actual: Any, name: str, hint: str | None, *, values: bool = True) -> Any:
    """Return an answer as data; `values` says that a statement such as an equation will not do."""
    if actual is None or actual is ...:
        _fail(f"{name} has no value yet.", hint)
    if isinstance(actual, str):
        _fail(f"{name} must be an expression, got text; write it without quotes.", hint)
    actual = as_data(actual)
    is_expression = isinstance(actual, Expression)
    # An array or a tensor with a single entry is a number.
    if not is_expression and hasattr(actual, "item") and math.prod(actual.shape) == 1:
        actual = actual.item()
    if values and _has_head(actual, "Equality"):
        _fail(f"{name} must be an expression, got an equation; enter its right-hand side alone.", hint)
    is_number = isinstance(actual, (numbers.Real, np.number)) and not isinstance(actual, bool)
    if not is_number and (not is_expression or (values and actual.head in _NO_VALUE)):
        _fail(f"{name} must be a SymPy expression, got {_kind(actual)}.", hint)
    return actual


def _has_head(value: Any, head: str) -> bool:
    return isinstance(value, Expression) and value.head == head


def _shown(value: Any) -> str:
    return to_text(value if isinstance(value, Expression) else Expression("Number", value=value))


def _close(value: np.ndarray, right: np.ndarray, rtol: float, atol: float) -> bool:
    return value.shape == right.shape and np.allclose(value, right, rtol=rtol, atol=atol)


def _close_everywhere(got: list[np.ndarray], wrong: list[np.ndarray], rtol: float, atol: float) -> bool:
    return all(_close(value, other, rtol, atol) for value, other in zip(got, wrong, strict=True))


def _proportional(got: list[np.ndarray], wanted: list[np.ndarray], rtol: float, atol: float) -> bool:
    for value, right in zip(got, wanted, strict=True):
        if value.shape != right.shape or not right.any():
            return False
        ratio = float((value * right).sum() / (right * right).sum())
        if abs(ratio) < 1e-12 or not np.allclose(value, ratio * right, rtol=rtol, atol=atol * abs(ratio)):
            return False
    return True


def _usual_mistake(
    got: list[np.ndarray], wanted: list[np.ndarray], points: list[Point], rtol: float, atol: float
) -> str | None:
    if _close_everywhere(got, [-right for right in wanted], rtol, atol):
        return "The sign is the other way round: everything else is right."
    if _close_everywhere([value.T for value in got], wanted, rtol, atol):
        return "It is the transpose of the right answer: everything else is right."
    if not points[0] or not _proportional(got, wanted, rtol, atol):
        return None
    ratios = [float((v * r).sum() / (r * r).sum()) for v, r in zip(got, wanted, strict=True)]
    # A size is a whole number that some array is long, at every point; an index is not.
    sizes = [name for name in points[0] if all(_is_size(name, point) for point in points)]
    for name in [None, *sizes]:
        for power, words in ((1, "{0} times"), (-1, "1/{0} of")):
            scale = [ratio / (point[name] ** power if name else 1) for ratio, point in zip(ratios, points, strict=True)]
            if not np.allclose(scale, scale[0], rtol=1e-4):
                continue
            if name is None:
                return f"It is {scale[0]:.4g} times the right answer: a constant factor was lost or counted twice."
            text = f"It is {words.format(name)} the right answer"
            factor = "" if np.isclose(scale[0], 1, rtol=1e-4) else f", and off by a constant factor {scale[0]:.4g}"
            return f"{text}{factor}: a mean and a sum over {name} terms differ by that factor."
    return None


def _is_size(name: str, point: Point) -> bool:
    lengths = {length for value in point.values() for length in np.shape(value)}
    return isinstance(point[name], int) and point[name] in lengths


def _describe_point(point: Point, used: set[str]) -> str:
    """Say where an answer was looked at: by what it uses, and if that is nothing, by the numbers of the point."""

    def text(value: Any) -> str:
        if np.ndim(value) == 0:
            return f"{value:.3g}"
        if np.ndim(value) == 1:
            return "(" + ", ".join(f"{entry:.3g}" for entry in value) + ")"
        return f"a matrix of {value.shape[0]} x {value.shape[1]}"

    numbers_only = {name: value for name, value in point.items() if np.ndim(value) == 0}
    shown = {name: value for name, value in point.items() if name in used} or numbers_only or point
    return ", ".join(f"{name} = {text(value)}" for name, value in shown.items() if not callable(value))


def _kind(value: Any) -> str:
    return a_noun(value.head if isinstance(value, Expression) else type(value).__name__)


def _fail(fact: str, hint: str | None) -> None:
    raise CheckFailed(f"{fact}\n{hint}" if hint else fact)
