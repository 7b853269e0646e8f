"""Check derivations that students enter as SymPy expressions, one step at a time.

Two expressions are taken for equal if they agree at random points. Any equal form passes: simplified or not,
with sums written out or not. The points also tell which usual mistake was made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from sympy.logic import boolalg
from sympy.matrices import expressions as matrix_expressions
from sympy.matrices.expressions.matexpr import MatrixElement

from course_utils.checks import CheckFailed, numerical_gradient

__all__ = [
    "EvaluationError",
    "assert_equation",
    "assert_expression",
    "evaluate",
    "partial_derivative",
    "random_points",
]

# More nodes than any sum of the course needs; a sum to a billion must not keep a grader busy.
_MAX_NODES = 200_000

_ELEMENTARY = {
    sympy.exp: np.exp, sympy.log: np.log, sympy.Abs: np.abs, sympy.sign: np.sign,
    sympy.sin: np.sin, sympy.cos: np.cos, sympy.tan: np.tan, sympy.atan: np.arctan,
    sympy.sinh: np.sinh, sympy.cosh: np.cosh, sympy.tanh: np.tanh,
    sympy.Max: lambda *args: np.max(args), sympy.Min: lambda *args: np.min(args),
    sympy.Heaviside: lambda x, at_zero=0.5: np.heaviside(x, at_zero),
}  # fmt: skip

Point = Mapping[str, Any]
Expected = sympy.Basic | Callable[[Point], Any]


class EvaluationError(ValueError):
    """The expression has no value at a point; the text says which part of it is to blame."""


def evaluate(expression: Any, point: Point) -> float | np.ndarray:
    """Return the value of an expression at a point, by plain arithmetic in float64.

    Parameters
    ----------
    expression : sympy.Basic or number
        Scalars, sums over `sympy.Indexed`, `sympy.KroneckerDelta`, explicit matrices and matrix expressions.
    point : mapping of str to number, array or callable
        The value of each symbol by its name: a number for a `Symbol` or an index; a 1-D or 2-D array for an
        `IndexedBase`, whose subscripts count from 1; a 2-D array for a `MatrixSymbol`, where a vector is a
        column; a callable for an undefined function.

    Returns
    -------
    float, or numpy.ndarray of shape (rows, columns), float64

    Raises
    ------
    EvaluationError
        If a symbol has no value at the point, a subscript is out of range, or a part of the expression is
        of a kind that derivations of the course do not need.

    Examples
    --------
    >>> z, k, N = sympy.IndexedBase("z"), *sympy.symbols("k N")
    >>> evaluate(sympy.Sum(z[k] ** 2, (k, 1, N)), {"z": [3.0, 4.0], "N": 2})
    25.0
    """
    try:
        with np.errstate(all="ignore"):
            value = _Evaluator().value(expression, dict(point))
    except RecursionError:
        raise EvaluationError("is nested too deeply; simplify it") from None
    except (OverflowError, ZeroDivisionError):
        raise EvaluationError("divides by zero or overflows") from None
    except np.linalg.LinAlgError:
        raise EvaluationError("inverts a matrix that has no inverse") from None
    return value if isinstance(value, np.ndarray) else float(value)


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
    actual : sympy.Basic or number
        What the student entered.
    expected : sympy.Basic or callable
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
    points = list(points)
    actual = _as_expression(actual, name, hint)
    wanted = [_expected_at(expected, point) for point in points]
    got = _values(actual, points, name, hint)
    failed = next((k for k, pair in enumerate(zip(got, wanted, strict=True)) if not _close(*pair, rtol, atol)), None)
    if failed is None:
        return
    for text, wrong in (mistakes or {}).items():
        if _close_everywhere(got, [_expected_at(wrong, point) for point in points], rtol, atol):
            hint = text
            break
    else:
        hint = _usual_mistake(got, wanted, points, rtol, atol) or hint
    value, right = got[failed], wanted[failed]
    if value.shape != right.shape:
        fact = f"{name} must be {_shape(right)}, got {_shape(value)}"
    else:
        if not points[failed]:  # a number that the student worked out: the message must not give it away
            _fail(f"{name} is {value.item():.5g}, which is not right.", hint)
        first = tuple(np.argwhere(~np.isclose(value, right, rtol=rtol, atol=atol))[0])
        entry = f", entry {tuple(int(i) + 1 for i in first)}" if value.size > 1 else ""
        fact = f"{name} is wrong: got {value[first]:.5g}, expected {right[first]:.5g}"
        fact += f", for example at {_describe_point(points[failed])}{entry}"
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
        from entry to entry, does not matter; so there must be points with more than one entry.
    name, hint, points, rtol, atol
        As for `assert_expression`.
    mistakes : mapping of str to sympy.Basic or callable, optional
        Left side minus right side of likely wrong equations; again up to a factor.

    Raises
    ------
    CheckFailed
        If `actual` is no equation or another one.
    """
    points = list(points)
    if isinstance(actual, (bool, boolalg.BooleanAtom)):
        why = "its two sides are the same" if actual else "SymPy took its two sides for different at once"
        remedy = "Write Eq(left, right), not left == right; for a column of zeros write ZeroMatrix(d, 1), not 0."
        _fail(f"{name} is {actual}: {why}.\n{remedy}", hint)
    if not isinstance(actual, sympy.Eq):
        _fail(f"{name} must be an equation Eq(left, right), got {_kind(actual)}.", hint)
    wanted = [_expected_at(expected, point) for point in points]
    sides = [_values(side, points, name, hint) for side in actual.args]
    for left, right in zip(*sides, strict=True):
        if left.shape != right.shape and 1 not in (left.size, right.size):
            _fail(f"The sides of {name} have different shapes: {_shape(left)} and {_shape(right)}.", hint)
    got = [left - right for left, right in zip(*sides, strict=True)]
    if _proportional(got, wanted, rtol, atol):
        return
    for text, wrong in (mistakes or {}).items():
        if _proportional(got, [_expected_at(wrong, point) for point in points], rtol, atol):
            hint = text
            break
    _fail(f"{name} is not the right equation: it holds for other values of the unknown.", hint)


class _Evaluator:
    """Walks over an expression and counts the nodes, so that none can run for ever.

    SymPy's own ways (`subs` with `doit`, `lambdify`) either rewrite the tree, which is slow and fails on some
    sums over `Indexed`, or run generated Python, which a grader must not do with a student's names.
    """

    def __init__(self) -> None:
        self.nodes = 0

    def value(self, node: Any, point: dict[str, Any]) -> Any:
        self.nodes += 1
        if self.nodes > _MAX_NODES:
            raise EvaluationError("takes too long to evaluate; are the bounds of its sums right?")
        if isinstance(node, (int, float, np.number)) and not isinstance(node, bool):
            return float(node)
        if not isinstance(node, sympy.Basic):
            node = _immutable(node)
        if node is sympy.zoo:
            return math.nan
        if isinstance(node, (sympy.Number, sympy.NumberSymbol)):
            return float(node)
        for kinds, method in self._METHODS:
            if isinstance(node, kinds):
                return method(self, node, point)
        for function, numeric in _ELEMENTARY.items():
            if isinstance(node, function):
                return numeric(*(self.scalar(arg, point) for arg in node.args))
        raise EvaluationError(f"contains {_kind(node)}, which this check cannot read")

    def scalar(self, node: Any, point: dict[str, Any]) -> Any:
        value = self.value(node, point)
        if isinstance(value, np.ndarray):
            # A product such as r.T * r is a 1 x 1 matrix to SymPy and a number to everyone else.
            if value.size != 1:
                raise EvaluationError(f"uses {_shape(value)} where a number is needed")
            return value.item()
        return value

    def integer(self, node: Any, point: dict[str, Any], what: str) -> int:
        value = self.scalar(node, point)
        if not math.isfinite(value) or value != round(value):
            raise EvaluationError(f"has {what} {node} that is not a whole number")
        return round(value)

    def truth(self, node: Any, point: dict[str, Any]) -> bool:
        if isinstance(node, boolalg.BooleanAtom):
            return bool(node)
        if isinstance(node, sympy.And):
            return all(self.truth(arg, point) for arg in node.args)
        if isinstance(node, sympy.Or):
            return any(self.truth(arg, point) for arg in node.args)
        if isinstance(node, sympy.Not):
            return not self.truth(node.args[0], point)
        for kind, compare in _RELATIONS.items():
            if isinstance(node, kind):
                return bool(compare(*(self.scalar(arg, point) for arg in node.args)))
        raise EvaluationError(f"has a condition {node}, which this check cannot read")

    def _symbol(self, node: sympy.Symbol, point: dict[str, Any]) -> Any:
        name = str(node.label if isinstance(node, sympy.Idx) else node)
        value = _look_up(name, point)
        if np.ndim(value):
            raise EvaluationError(f"uses {name} without a subscript; write {name}[i]")
        return float(value)

    def _base(self, node: sympy.IndexedBase, point: dict[str, Any]) -> Any:
        raise EvaluationError(f"uses {node.label} without a subscript; write {node.label}[i]")

    def _indexed(self, node: sympy.Indexed, point: dict[str, Any]) -> float:
        name = str(node.base.label)
        array = np.asarray(_look_up(name, point), dtype=np.float64)
        if array.ndim != len(node.indices):
            plural = "s" if array.ndim != 1 else ""
            raise EvaluationError(f"writes {node}, but {name} has {array.ndim} subscript{plural}")
        place = tuple(self.integer(index, point, "a subscript") for index in node.indices)
        for subscript, length in zip(place, array.shape, strict=True):
            if not 1 <= subscript <= length:
                raise EvaluationError(
                    f"reaches {name}[{', '.join(map(str, place))}], but subscripts of {name} run from 1 to "
                    f"{length} there; sums go from 1, not from 0"
                )
        return float(array[tuple(subscript - 1 for subscript in place)])

    def _fold(self, node: sympy.Sum | sympy.Product, point: dict[str, Any]) -> float:
        terms = (self.scalar(node.function, place) for place in self._places(node, node.limits, point))
        return math.prod(terms) if isinstance(node, sympy.Product) else math.fsum(terms)

    def _places(
        self, node: sympy.Basic, limits: tuple[sympy.Tuple, ...], point: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if not limits:
            yield point
            return
        # The last limit is the outermost sum; bounds of the inner ones may depend on it.
        *inner, outer = limits
        index = outer[0].label if isinstance(outer[0], sympy.Idx) else outer[0]
        low, high = (self.integer(bound, point, "a bound") for bound in outer[1:])
        if high - low > _MAX_NODES:
            raise EvaluationError("takes too long to evaluate; are the bounds of its sums right?")
        for number in range(low, high + 1):
            yield from self._places(node, tuple(inner), point | {str(index): number})

    def _delta(self, node: sympy.KroneckerDelta, point: dict[str, Any]) -> float:
        first, second = (self.scalar(arg, point) for arg in node.args[:2])
        return float(first == second)

    def _piecewise(self, node: sympy.Piecewise, point: dict[str, Any]) -> Any:
        for value, condition in node.args:
            if self.truth(condition, point):
                return self.value(value, point)
        raise EvaluationError("is a Piecewise of which no case holds")

    def _add(self, node: sympy.Basic, point: dict[str, Any]) -> Any:
        total, *rest = (self.value(arg, point) for arg in node.args)
        for term in rest:
            shapes = np.shape(total), np.shape(term)
            if shapes[0] != shapes[1] and {np.size(total), np.size(term)} != {1}:
                raise EvaluationError(f"adds {_shape(np.asarray(total))} and {_shape(np.asarray(term))}")
            total = total + term
        return total

    def _mul(self, node: sympy.Basic, point: dict[str, Any]) -> Any:
        product: Any = 1.0
        for factor in (self.value(arg, point) for arg in node.args):
            both = isinstance(product, np.ndarray) and isinstance(factor, np.ndarray)
            if both and product.shape[1] == factor.shape[0]:
                product = product @ factor
            elif both and 1 not in (product.size, factor.size):
                raise EvaluationError(f"multiplies {_shape(product)} by {_shape(factor)}")
            else:
                product = product * factor
        return product

    def _power(self, node: sympy.Basic, point: dict[str, Any]) -> Any:
        base, exponent = self.value(node.args[0], point), self.scalar(node.args[1], point)
        if not isinstance(base, np.ndarray) or base.size == 1:
            return np.float64(base.item() if isinstance(base, np.ndarray) else base) ** exponent
        if base.shape[0] != base.shape[1] or exponent != round(exponent):
            raise EvaluationError(f"takes {_shape(base)} to the power {node.args[1]}")
        return np.linalg.matrix_power(base, round(exponent))

    def _matrix_symbol(self, node: sympy.MatrixSymbol, point: dict[str, Any]) -> np.ndarray:
        name = str(node.name)
        matrix = np.array(_look_up(name, point), dtype=np.float64)
        return matrix.reshape(-1, 1) if matrix.ndim == 1 else matrix

    def _matrix(self, node: Any, point: dict[str, Any]) -> np.ndarray:
        rows, columns = node.shape
        entries = [[self.scalar(node[i, j], point) for j in range(columns)] for i in range(rows)]
        return np.array(entries, dtype=np.float64).reshape(rows, columns)

    def _filled(self, node: Any, point: dict[str, Any]) -> np.ndarray:
        rows, columns = (self.integer(size, point, "a size") for size in node.shape)
        if rows * columns > _MAX_NODES:
            raise EvaluationError(f"holds a matrix of {rows} x {columns} entries")
        if isinstance(node, sympy.Identity):
            return np.eye(rows)
        return np.full((rows, columns), 1.0 if isinstance(node, matrix_expressions.OneMatrix) else 0.0)

    def _element(self, node: MatrixElement, point: dict[str, Any]) -> float:
        matrix = np.asarray(self.value(node.parent, point))
        place = tuple(self.integer(index, point, "a subscript") for index in node.indices)
        if any(not 0 <= index < length for index, length in zip(place, matrix.shape, strict=True)):
            raise EvaluationError(f"reaches {node}; subscripts of a MatrixSymbol count from 0")
        return float(matrix[place])

    def _of_matrix(self, node: Any, point: dict[str, Any]) -> Any:
        matrix = np.atleast_2d(self.value(node.args[0], point))
        if isinstance(node, sympy.Transpose):
            return matrix.T
        if matrix.shape[0] != matrix.shape[1]:
            raise EvaluationError(f"needs a square matrix in {type(node).__name__}, got {_shape(matrix)}")
        if isinstance(node, sympy.Inverse):
            return np.linalg.inv(matrix)
        return float(np.trace(matrix) if isinstance(node, sympy.Trace) else np.linalg.det(matrix))

    def _hadamard(self, node: Any, point: dict[str, Any]) -> Any:
        return math.prod((self.value(arg, point) for arg in node.args), start=np.float64(1))

    def _undefined(self, node: Any, point: dict[str, Any]) -> Any:
        function = _look_up(str(node.func), point)
        if not callable(function):
            raise EvaluationError(f"calls {node.func} like a function; is a * missing?")
        return function(*(self.scalar(arg, point) for arg in node.args))

    def _not_done(self, node: Any, point: dict[str, Any]) -> Any:
        raise EvaluationError(f"still contains {_kind(node)} that is not worked out")

    _METHODS: tuple[tuple[Any, Callable[..., Any]], ...] = (
        (sympy.MatrixSymbol, _matrix_symbol),
        (MatrixElement, _element),
        (sympy.Indexed, _indexed),
        (sympy.IndexedBase, _base),
        (sympy.Symbol, _symbol),
        (sympy.Idx, _symbol),
        ((sympy.Sum, sympy.Product), _fold),
        (sympy.KroneckerDelta, _delta),
        (sympy.Piecewise, _piecewise),
        ((sympy.Add, sympy.MatAdd), _add),
        ((sympy.Inverse, sympy.Transpose, sympy.Trace, sympy.Determinant), _of_matrix),
        ((sympy.Mul, sympy.MatMul), _mul),
        ((sympy.Pow, sympy.MatPow), _power),
        (sympy.matrices.MatrixBase, _matrix),
        ((sympy.Identity, sympy.ZeroMatrix, matrix_expressions.OneMatrix), _filled),
        (sympy.HadamardProduct, _hadamard),
        (sympy.UnevaluatedExpr, lambda self, node, point: self.value(node.args[0], point)),
        ((sympy.Derivative, sympy.Integral, sympy.Limit, sympy.Subs), _not_done),
        (sympy.core.function.AppliedUndef, _undefined),
    )


_RELATIONS = {
    sympy.Eq: lambda a, b: a == b,
    sympy.Ne: lambda a, b: a != b,
    sympy.Le: lambda a, b: a <= b,
    sympy.Lt: lambda a, b: a < b,
    sympy.Ge: lambda a, b: a >= b,
    sympy.Gt: lambda a, b: a > b,
}


def _look_up(name: str, point: dict[str, Any]) -> Any:
    if name not in point:
        raise EvaluationError(f"uses `{name}`, which is not one of {', '.join(point)}")
    return point[name]


def _immutable(node: Any) -> Any:
    if isinstance(node, sympy.matrices.MatrixBase):
        return node.as_immutable()
    raise EvaluationError(f"contains {_kind(node)}, which is no SymPy expression")


def _expected_at(expected: Expected, point: Point) -> np.ndarray:
    value = evaluate(expected, point) if isinstance(expected, sympy.Basic) else expected(point)
    value = np.asarray(value, dtype=np.float64)
    return value.reshape(-1, 1) if value.ndim == 1 else np.atleast_2d(value)


def _values(actual: Any, points: list[Point], name: str, hint: str | None) -> list[np.ndarray]:
    values = []
    for point in points:
        try:
            value = np.atleast_2d(evaluate(actual, point))
        except EvaluationError as error:
            _fail(f"{name} {error}.", hint)
        if not np.isfinite(value).all():
            _fail(f"{name} has no finite value at {_describe_point(point)}.", hint)
        values.append(value)
    return values


def _as_expression(actual: Any, name: str, hint: str | None) -> Any:
    if actual is None or actual is ...:
        _fail(f"{name} has no value yet.", hint)
    if isinstance(actual, str):
        _fail(f"{name} must be an expression, got text; write it without quotes.", hint)
    # An array or a tensor with a single entry is a number. (SymPy's `shape` may raise, so it is not asked.)
    if not isinstance(actual, sympy.Basic) and hasattr(actual, "item") and math.prod(actual.shape) == 1:
        actual = actual.item()
    is_number = isinstance(actual, (int, float, np.number)) and not isinstance(actual, bool)
    is_expression = isinstance(actual, (sympy.Expr, sympy.MatrixExpr, sympy.matrices.MatrixBase))
    if isinstance(actual, sympy.Eq):
        _fail(f"{name} must be an expression, got an equation; enter its right-hand side alone.", hint)
    if not is_number and not is_expression:
        _fail(f"{name} must be a SymPy expression, got {_kind(actual)}.", hint)
    return actual


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


def _describe_point(point: Point) -> str:
    def text(value: Any) -> str:
        if np.ndim(value) == 0:
            return f"{value:.3g}"
        if np.ndim(value) == 1:
            return "(" + ", ".join(f"{entry:.3g}" for entry in value) + ")"
        return f"a matrix of {value.shape[0]} x {value.shape[1]}"

    return ", ".join(f"{name} = {text(value)}" for name, value in point.items() if not callable(value))


def _shape(value: np.ndarray) -> str:
    if value.size == 1:
        return "a single number"
    rows, columns = value.shape if value.ndim == 2 else (value.size, 1)
    return f"a matrix of shape {rows} x {columns}"


def _kind(value: Any) -> str:
    noun = type(value).__name__
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _fail(fact: str, hint: str | None) -> None:
    raise CheckFailed(f"{fact}\n{hint}" if hint else fact)
