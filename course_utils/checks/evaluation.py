"""The value of an expression at a point, by plain arithmetic in float64, within bounds of time and memory."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from course_utils.checks.expressions import Expression, as_data, to_text
from course_utils.errors import CheckFailed

__all__ = ["EvaluationError", "Point", "a_noun", "evaluate", "shape_text"]

# More nodes than any sum of the course needs; a sum to a billion must not keep a grader busy. Work on matrices counts
# as well: so many multiplications as one node.
_MAX_NODES = 200_000
_PER_NODE = 1_000

_CONSTANTS = {
    "Pi": math.pi, "Exp1": math.e, "EulerGamma": 0.5772156649015329, "GoldenRatio": (1 + math.sqrt(5)) / 2,
    "Catalan": 0.915965594177219, "Infinity": math.inf, "NegativeInfinity": -math.inf, "NaN": math.nan,
    "ComplexInfinity": math.nan,
}  # fmt: skip

# With the least and the largest number of arguments.
_ELEMENTARY: dict[str, tuple[Callable[..., Any], int, int]] = {
    "exp": (np.exp, 1, 1), "log": (np.log, 1, 1), "Abs": (np.abs, 1, 1), "sign": (np.sign, 1, 1),
    "sin": (np.sin, 1, 1), "cos": (np.cos, 1, 1), "tan": (np.tan, 1, 1), "atan": (np.arctan, 1, 1),
    "sec": (lambda x: 1 / np.cos(x), 1, 1), "csc": (lambda x: 1 / np.sin(x), 1, 1),
    "cot": (lambda x: 1 / np.tan(x), 1, 1),
    "sinh": (np.sinh, 1, 1), "cosh": (np.cosh, 1, 1), "tanh": (np.tanh, 1, 1),
    "sech": (lambda x: 1 / np.cosh(x), 1, 1), "csch": (lambda x: 1 / np.sinh(x), 1, 1),
    "coth": (lambda x: 1 / np.tanh(x), 1, 1),
    "Max": (lambda *args: np.max(args), 1, 1_000), "Min": (lambda *args: np.min(args), 1, 1_000),
    "Heaviside": (lambda x, at_zero=0.5: np.heaviside(x, at_zero), 1, 2),
}  # fmt: skip

_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "Equality": lambda a, b: a == b,
    "Unequality": lambda a, b: a != b,
    "LessThan": lambda a, b: a <= b,
    "StrictLessThan": lambda a, b: a < b,
    "GreaterThan": lambda a, b: a >= b,
    "StrictGreaterThan": lambda a, b: a > b,
}

Point = Mapping[str, Any]


class EvaluationError(ValueError):
    """The expression has no value at a point; the text says which part of it is to blame."""


def evaluate(expression: Any, point: Point) -> float | np.ndarray:
    """Return the value of an expression at a point, by plain arithmetic in float64.

    Parameters
    ----------
    expression : Expression, sympy.Basic or number
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
    >>> import sympy
    >>> z, k, N = sympy.IndexedBase("z"), *sympy.symbols("k N")
    >>> evaluate(sympy.Sum(z[k] ** 2, (k, 1, N)), {"z": [3.0, 4.0], "N": 2})
    25.0
    """
    expression = as_data(expression)
    try:
        with np.errstate(all="ignore"):
            value = _Evaluator().value(expression, dict(point))
    except (OverflowError, ZeroDivisionError):
        raise EvaluationError("divides by zero or overflows") from None
    except np.linalg.LinAlgError:
        raise EvaluationError("inverts a matrix that has no inverse") from None
    return value if isinstance(value, np.ndarray) else float(value)


class _Evaluator:
    """Walks over an expression and counts what it does, so that none can run for ever or fill the memory.

    SymPy's own ways (`subs` with `doit`, `evalf`, `lambdify`) rewrite the tree, or run generated Python with the names
    of the expression in it: a grader must not do that with what a student wrote.
    """

    def __init__(self) -> None:
        self.nodes = 0

    def spend(self, work: int) -> None:
        self.nodes += work
        if self.nodes > _MAX_NODES:
            raise EvaluationError("takes too long to evaluate; are the bounds of its sums right?")

    def multiply(self, entries: int) -> None:
        """Count multiplications, and refuse a matrix before it is made."""
        self.spend(entries // _PER_NODE)

    def value(self, node: Any, point: dict[str, Any]) -> Any:
        self.spend(1)
        if not isinstance(node, Expression):
            return _plain_number(node)
        head = node.head
        if head == "Number":
            return float(node.value)
        if head in _CONSTANTS:
            return _CONSTANTS[head]
        if head in _ELEMENTARY:
            numeric, least, most = _ELEMENTARY[head]
            _expect(node, least, most)
            return numeric(*[self.scalar(arg, point) for arg in node.args])
        if head not in self._METHODS:
            raise EvaluationError(f"contains {a_noun(head)}, which this check cannot read")
        method, least, most = self._METHODS[head]
        _expect(node, least, most)
        return method(self, node, point)

    def scalar(self, node: Any, point: dict[str, Any]) -> Any:
        value = self.value(node, point)
        if isinstance(value, np.ndarray):
            # A product such as r.T * r is a 1 x 1 matrix to SymPy and a number to everyone else.
            if value.size != 1:
                raise EvaluationError(f"uses {shape_text(value)} where a number is needed")
            return value.item()
        return value

    def integer(self, node: Any, point: dict[str, Any], what: str) -> int:
        value = self.scalar(node, point)
        if not math.isfinite(value) or value != round(value):
            raise EvaluationError(f"has {what} {to_text(node, 60)} that is not a whole number")
        return round(value)

    def truth(self, node: Expression, point: dict[str, Any]) -> bool:
        self.spend(1)
        head = node.head
        if head in ("BooleanTrue", "BooleanFalse"):
            return head == "BooleanTrue"
        if head == "And":
            return all(self.truth(arg, point) for arg in node.args)
        if head == "Or":
            return any(self.truth(arg, point) for arg in node.args)
        if head == "Not" and len(node.args) == 1:
            return not self.truth(node.args[0], point)
        if head in _RELATIONS and len(node.args) == 2:
            return bool(_RELATIONS[head](*(self.scalar(arg, point) for arg in node.args)))
        raise EvaluationError(f"has a condition {to_text(node, 60)}, which this check cannot read")

    def _symbol(self, node: Expression, point: dict[str, Any]) -> Any:
        name = _name(node)
        value = _look_up(name, point)
        if callable(value):
            raise EvaluationError(f"uses {name} without its arguments; write {name}(...)")
        if np.ndim(value):
            raise EvaluationError(f"uses {name} without a subscript; write {name}[i]")
        return float(value)

    def _base(self, node: Expression, point: dict[str, Any]) -> Any:
        raise EvaluationError(f"uses {_name(node)} without a subscript; write {_name(node)}[i]")

    def _indexed(self, node: Expression, point: dict[str, Any]) -> float:
        name, indices = _name(node.args[0]), node.args[1:]
        array = np.asarray(_look_up(name, point), dtype=np.float64)
        if array.ndim != len(indices):
            plural = "s" if array.ndim != 1 else ""
            raise EvaluationError(f"writes {to_text(node, 60)}, but {name} has {array.ndim} subscript{plural}")
        place = tuple(self.integer(index, point, "a subscript") for index in indices)
        for subscript, length in zip(place, array.shape, strict=True):
            if not 1 <= subscript <= length:
                remedy = (
                    "sums go from 1, not from 0"
                    if subscript < 1
                    else "are its subscripts swapped, or is the upper limit of a sum that of another array?"
                )
                raise EvaluationError(
                    f"reaches {name}[{', '.join(map(str, place))}], but subscripts of {name} run from 1 to "
                    f"{length} there; {remedy}"
                )
        return float(array[tuple(subscript - 1 for subscript in place)])

    def _fold(self, node: Expression, point: dict[str, Any]) -> float:
        terms = [self.scalar(node.args[0], place) for place in self._places(node.args[1:], point)]
        if node.head == "Product":
            return math.prod(terms)
        return math.fsum(terms) if all(map(math.isfinite, terms)) else float(np.sum(terms))

    def _places(self, limits: tuple[Expression, ...], point: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if not limits:
            yield point
            return
        # The last limit is the outermost sum; bounds of the inner ones may depend on it.
        *inner, outer = limits
        if outer.head != "Tuple" or len(outer.args) != 3:
            raise EvaluationError("has a sum without bounds")
        index = _name(outer.args[0])
        low, high = (self.integer(bound, point, "a bound") for bound in outer.args[1:])
        if high - low > _MAX_NODES:
            raise EvaluationError("takes too long to evaluate; are the bounds of its sums right?")
        for number in range(low, high + 1):
            self.spend(1)
            yield from self._places(tuple(inner), point | {index: number})

    def _delta(self, node: Expression, point: dict[str, Any]) -> float:
        first, second = (self.scalar(arg, point) for arg in node.args[:2])
        return float(first == second)

    def _piecewise(self, node: Expression, point: dict[str, Any]) -> Any:
        for case in node.args:
            if case.head != "ExprCondPair" or len(case.args) != 2:
                raise EvaluationError("is a Piecewise of which no case holds")
            if self.truth(case.args[1], point):
                return self.value(case.args[0], point)
        raise EvaluationError("is a Piecewise of which no case holds")

    def _add(self, node: Expression, point: dict[str, Any]) -> Any:
        total = self.value(node.args[0], point)
        for term in (self.value(arg, point) for arg in node.args[1:]):
            shapes = np.shape(total), np.shape(term)
            if shapes[0] != shapes[1] and {np.size(total), np.size(term)} != {1}:
                raise EvaluationError(f"adds {shape_text(np.asarray(total))} and {shape_text(np.asarray(term))}")
            self.multiply(np.size(term))
            total = total + term
        return total

    def _mul(self, node: Expression, point: dict[str, Any]) -> Any:
        product: Any = 1.0
        for factor in (self.value(arg, point) for arg in node.args):
            both = isinstance(product, np.ndarray) and isinstance(factor, np.ndarray)
            if both and product.shape[1] == factor.shape[0]:
                _refuse_size(product.shape[0], factor.shape[1])
                self.multiply(product.size * factor.shape[1])
                product = product @ factor
            elif both and 1 not in (product.size, factor.size):
                raise EvaluationError(f"multiplies {shape_text(product)} by {shape_text(factor)}")
            else:
                self.multiply(max(np.size(product), np.size(factor)))
                product = product * factor
        return product

    def _power(self, node: Expression, point: dict[str, Any]) -> Any:
        base, exponent = self.value(node.args[0], point), self.scalar(node.args[1], point)
        if not isinstance(base, np.ndarray) or base.size == 1:
            return np.float64(base.item() if isinstance(base, np.ndarray) else base) ** exponent
        if base.shape[0] != base.shape[1] or not math.isfinite(exponent) or exponent != round(exponent):
            raise EvaluationError(f"takes {shape_text(base)} to the power {to_text(node.args[1], 60)}")
        if abs(exponent) > _MAX_NODES:
            raise EvaluationError("divides by zero or overflows")
        self.multiply(base.shape[0] ** 3 * (1 + 2 * int(abs(exponent)).bit_length()))
        return np.linalg.matrix_power(base, round(exponent))

    def _matrix_symbol(self, node: Expression, point: dict[str, Any]) -> np.ndarray:
        value = _look_up(_name(node), point)
        if callable(value) or np.ndim(value) > 2:
            raise EvaluationError(f"uses {_name(node)} as a matrix")
        matrix = np.array(value, dtype=np.float64)
        return matrix.reshape(-1, 1) if matrix.ndim == 1 else np.atleast_2d(matrix)

    def _matrix(self, node: Expression, point: dict[str, Any]) -> np.ndarray:
        return np.array([self.scalar(entry, point) for entry in node.args], dtype=np.float64).reshape(node.value)

    def _filled(self, node: Expression, point: dict[str, Any]) -> np.ndarray:
        rows, columns = (self.integer(size, point, "a size") for size in (node.args * 2)[:2])
        if rows < 0 or columns < 0:
            raise EvaluationError(f"holds a matrix of {rows} x {columns} entries")
        _refuse_size(rows, columns)
        self.multiply(rows * columns)
        if node.head == "Identity":
            return np.eye(rows)
        return np.full((rows, columns), 1.0 if node.head == "OneMatrix" else 0.0)

    def _element(self, node: Expression, point: dict[str, Any]) -> float:
        matrix = np.atleast_2d(self.value(node.args[0], point))
        place = tuple(self.integer(index, point, "a subscript") for index in node.args[1:])
        if any(not 0 <= index < length for index, length in zip(place, matrix.shape, strict=True)):
            raise EvaluationError(f"reaches {to_text(node, 60)}; subscripts of a MatrixSymbol count from 0")
        return float(matrix[place])

    def _of_matrix(self, node: Expression, point: dict[str, Any]) -> Any:
        matrix = np.atleast_2d(self.value(node.args[0], point))
        if node.head == "Transpose":
            return matrix.T
        if matrix.shape[0] != matrix.shape[1]:
            raise EvaluationError(f"needs a square matrix in {node.head}, got {shape_text(matrix)}")
        if node.head == "Trace":
            return float(np.trace(matrix))
        self.multiply(matrix.shape[0] ** 3)
        return np.linalg.inv(matrix) if node.head == "Inverse" else float(np.linalg.det(matrix))

    def _hadamard(self, node: Expression, point: dict[str, Any]) -> Any:
        product = self.value(node.args[0], point)
        for factor in (self.value(arg, point) for arg in node.args[1:]):
            if np.shape(product) != np.shape(factor):
                one, other = shape_text(np.asarray(product)), shape_text(np.asarray(factor))
                raise EvaluationError(f"multiplies {one} by {other}, entry by entry")
            self.multiply(np.size(factor))
            product = product * factor
        return product

    def _hadamard_power(self, node: Expression, point: dict[str, Any]) -> Any:
        base, exponent = self.value(node.args[0], point), self.scalar(node.args[1], point)
        self.multiply(np.size(base))
        return np.float64(base) ** exponent

    def _dot(self, node: Expression, point: dict[str, Any]) -> float:
        one, other = (np.asarray(self.value(arg, point)) for arg in node.args)
        if one.size != other.size or 1 not in one.shape or 1 not in other.shape:
            raise EvaluationError(f"takes the dot product of {shape_text(one)} and {shape_text(other)}")
        self.multiply(one.size)
        return float(one.ravel() @ other.ravel())

    def _undefined(self, node: Expression, point: dict[str, Any]) -> Any:
        function = _look_up(str(node.value), point)
        if not callable(function):
            raise EvaluationError(f"calls {node.value} like a function; is a * missing?")
        try:
            inspect.signature(function).bind(*node.args)
        except TypeError:
            raise EvaluationError(f"calls {node.value} with {len(node.args)} arguments") from None
        return function(*[self.scalar(arg, point) for arg in node.args])

    def _as_it_is(self, node: Expression, point: dict[str, Any]) -> Any:
        return self.value(node.args[0], point)

    def _not_done(self, node: Expression, point: dict[str, Any]) -> Any:
        raise EvaluationError(f"still contains {a_noun(node.head)} that is not worked out")

    def _too_deep(self, node: Expression, point: dict[str, Any]) -> Any:
        raise EvaluationError("is nested too deeply; simplify it")

    def _too_large(self, node: Expression, point: dict[str, Any]) -> Any:
        raise EvaluationError("has too many parts; simplify it")

    _MANY = 1 << 30
    # How each head is worked out, with the least and the largest number of arguments.
    _METHODS: ClassVar[dict[str, tuple[Callable[..., Any], int, int]]] = {
        "MatrixSymbol": (_matrix_symbol, 1, 3), "MatrixElement": (_element, 3, 3),
        "Indexed": (_indexed, 2, 20), "IndexedBase": (_base, 1, 2), "Symbol": (_symbol, 0, 0), "Idx": (_symbol, 1, 2),
        "Sum": (_fold, 2, 20), "Product": (_fold, 2, 20),
        "KroneckerDelta": (_delta, 2, 3), "Piecewise": (_piecewise, 1, _MANY),
        "Add": (_add, 1, _MANY), "MatAdd": (_add, 1, _MANY), "Mul": (_mul, 1, _MANY), "MatMul": (_mul, 1, _MANY),
        "Inverse": (_of_matrix, 1, 2), "Transpose": (_of_matrix, 1, 1), "Trace": (_of_matrix, 1, 1),
        "Determinant": (_of_matrix, 1, 1), "Pow": (_power, 2, 2), "MatPow": (_power, 2, 2),
        "Matrix": (_matrix, 0, _MANY), "Identity": (_filled, 1, 1), "ZeroMatrix": (_filled, 2, 2),
        "OneMatrix": (_filled, 2, 2), "HadamardProduct": (_hadamard, 1, _MANY),
        "HadamardPower": (_hadamard_power, 2, 2), "DotProduct": (_dot, 2, 2),
        "UnevaluatedExpr": (_as_it_is, 1, 1), "Function": (_undefined, 0, 20),
        "Derivative": (_not_done, 0, _MANY), "Integral": (_not_done, 0, _MANY), "Limit": (_not_done, 0, _MANY),
        "Subs": (_not_done, 0, _MANY), "TooDeep": (_too_deep, 0, 0), "TooLarge": (_too_large, 0, 0),
    }  # fmt: skip


def _expect(node: Expression, least: int, most: int) -> None:
    if not least <= len(node.args) <= most:
        raise EvaluationError(f"contains {a_noun(node.head)} with {len(node.args)} arguments")


def _plain_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (numbers.Real, np.number)):
        raise EvaluationError(f"contains {a_noun(type(value).__name__)}, which is no SymPy expression")
    return float(value)


def _name(node: Expression) -> str:
    """The name of a symbol, an index, an array or a matrix."""
    while node.head in ("Idx", "IndexedBase", "MatrixSymbol") and node.args:
        node = node.args[0]
    if node.head not in ("Symbol", "Str"):
        raise EvaluationError(f"uses {to_text(node, 60)} as a name")
    return str(node.value)


def _look_up(name: str, point: dict[str, Any]) -> Any:
    if name not in point:
        known = f"which is not one of {', '.join(point)}" if point else "and is no number as long as it does"
        raise EvaluationError(f"uses `{_short(name)}`, {known}")
    return point[name]


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:36]} ..."


def _refuse_size(rows: int, columns: int) -> None:
    if rows * columns > _MAX_NODES:
        raise EvaluationError(f"holds a matrix of {rows} x {columns} entries")


def shape_text(value: np.ndarray) -> str:
    """Return the shape of a matrix in words."""
    if value.size == 1:
        return "a single number"
    rows, columns = value.shape if value.ndim == 2 else (value.size, 1)
    return f"a matrix of shape {rows} x {columns}"


def a_noun(noun: str) -> str:
    """Return a noun with its article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _as_float(expression: Expression) -> float:
    try:
        value = evaluate(expression, {})
    except EvaluationError as error:
        raise CheckFailed(f"{to_text(expression, 60)} {error}.") from None
    if not isinstance(value, float):
        raise CheckFailed(f"{to_text(expression, 60)} is a matrix, and a number is needed.")
    return value


Expression.__float__ = _as_float
