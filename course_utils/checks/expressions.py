"""SymPy expressions as plain data: what an answer says, without anything that computes.

An `Expression` holds names, numbers and other expressions. It has no method that simplifies, compares values or
prints by SymPy, so nothing in it can run; `course_utils.checks.evaluation` gives it a value,
`course_utils.checks.formulas` checks it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

from course_utils.errors import CheckFailed

__all__ = ["MAX_DEPTH", "MAX_NODES", "Expression", "as_data", "contains", "free_symbols", "from_sympy", "to_text"]

# Expressions inside expressions, and parts of one expression together. Steps of derivations have a dozen of each.
MAX_DEPTH = 60
MAX_NODES = 100_000


class NotComputed(CheckFailed, AttributeError):
    """A test asked something of an expression that only SymPy could answer.

    It is an `AttributeError` too, so that `hasattr` says no.
    """


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Expression:
    """A SymPy expression, equation, set or matrix as data.

    Two expressions are equal (``==``) if they are written in the same way; on the right side there may be one of SymPy.
    ``float`` works out the value of one that holds no symbol. Everything else that SymPy can do is refused:
    tests use `course_utils.checks.formulas`.

    Parameters
    ----------
    head : str
        The name of SymPy's class: ``"Add"``, ``"Symbol"``, ``"log"``. ``"Number"`` for all numbers, ``"Matrix"`` for
        all explicit matrices (row by row), ``"Function"`` for functions without a definition; ``"TooDeep"`` and
        ``"TooLarge"`` for what passes `MAX_DEPTH` and `MAX_NODES`.
    args : tuple of Expression
        Its parts, in SymPy's order.
    value : int, Fraction, float, str or tuple of int, optional
        A number, the name of a symbol or function, the shape of a matrix.
    facts : str
        What is assumed of a symbol, words separated by spaces: ``"integer !zero"``.
    """

    head: str
    args: tuple[Expression, ...] = ()
    value: Any = None
    facts: str = ""

    def __eq__(self, other: object) -> bool:
        if type(other) is not Expression:
            other = from_sympy(other)
        return type(other) is Expression and all(map(_same_node, _walk_both(self, other)))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.head, None if _is_nan(self.value) else self.value, self.facts, self.args))

    def __repr__(self) -> str:
        return to_text(self)

    def __getattr__(self, name: str) -> Any:
        # Protocols of Python and NumPy are looked up by such names, and not finding them is an answer.
        if name.startswith("_") and name != "_sympy_":
            raise AttributeError(name)
        raise NotComputed(_refusal(self, f".{name}"))

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise NotComputed(_refusal(self, "an operator"))

    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    # What `float` gives is known where expressions are evaluated, see `evaluation`.
    __bool__ = __int__ = __float__ = __complex__ = __round__ = __abs__ = __neg__ = __pos__ = __invert__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _refuse
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _refuse
    __iter__ = __getitem__ = __contains__ = _refuse
    # SymPy would take it in and compute with it; NumPy must not compute with it entry by entry.
    _sympy_ = _refuse
    __array_ufunc__ = None
    # In the notebook it would not be what it was.
    __reduce_ex__ = _refuse

    def __copy__(self) -> Expression:
        return self

    def __deepcopy__(self, memo: Any) -> Expression:
        return self


def _refusal(expression: Expression, what: str) -> str:
    return (
        f"Here a plain value such as a number is needed, and the answer is an expression: {to_text(expression, 60)}\n"
        f"(The test used {what}; tests look at expressions through course_utils.checks.formulas.)"
    )


def _walk_both(one: Expression, other: Expression) -> Iterator[tuple[Expression, Expression]]:
    waiting = [(one, other)]
    while waiting:
        pair = waiting.pop()
        yield pair
        if len(pair[0].args) == len(pair[1].args):
            waiting += zip(pair[0].args, pair[1].args, strict=True)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _same_node(pair: tuple[Expression, Expression]) -> bool:
    one, other = pair
    return (
        (one.head, len(one.args), one.facts) == (other.head, len(other.args), other.facts)
        and type(one.value) is type(other.value)  # SymPy tells 1 from 1.0 as well
        and (one.value == other.value or (_is_nan(one.value) and _is_nan(other.value)))
    )


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all its parts."""
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.args


def free_symbols(expression: Any) -> set[str]:
    """Return the names of the symbols on which the value of an expression depends.

    Indices that a sum runs over are not among them; an array ``z`` in ``z[i]`` counts with its own name.

    Parameters
    ----------
    expression : Expression, sympy.Basic or number

    Returns
    -------
    set of str

    Examples
    --------
    >>> import sympy
    >>> z, k, N = sympy.IndexedBase("z"), *sympy.symbols("k N")
    >>> sorted(free_symbols(sympy.Sum(z[k] ** 2, (k, 1, N))))
    ['N', 'z']
    """
    expression = as_data(expression)
    return _free(expression) if isinstance(expression, Expression) else set()


def _free(node: Expression) -> set[str]:
    if node.head == "Symbol":
        return {node.value}
    if node.head == "MatrixSymbol" and node.args:
        return {str(node.args[0].value)}
    if node.head in ("IndexedBase", "Idx") and node.args:
        return _free(node.args[0])
    if node.head in ("Sum", "Product", "Integral") and node.args:
        # The last limit is the outermost; its index is known in all before it.
        names = _free(node.args[0])
        for limit in node.args[1:]:
            index, bounds = (limit.args[0], limit.args[1:]) if limit.args else (limit, ())
            names = set().union(names - _free(index), *map(_free, bounds))
        return names
    return set().union(*map(_free, node.args))


def contains(expression: Any, heads: tuple[str, ...]) -> str | None:
    """Return which of some kinds of parts an expression has, the first that is found, or None.

    Parameters
    ----------
    expression : Expression, sympy.Basic or number
    heads : tuple of str
        Names of SymPy's classes, ``("Derivative", "Integral", "Sum")``.

    Returns
    -------
    str or None

    Examples
    --------
    >>> import sympy
    >>> contains(2 * sympy.Derivative(sympy.Symbol("x") ** 2), ("Integral", "Derivative"))
    'Derivative'
    """
    expression = as_data(expression)
    if not isinstance(expression, Expression):
        return None
    return next((node.head for node in walk(expression) if node.head in heads), None)


# From SymPy. It is only called where SymPy's objects are the caller's own: in the notebook that made them, and for
# what a test expects.


class _TooDeep(Exception):
    pass


class _TooLarge(Exception):
    pass


def as_data(value: Any) -> Any:
    """Return SymPy's numbers as numbers, its expressions as data, in containers too; everything else as it is.

    Parameters
    ----------
    value : object

    Returns
    -------
    object

    Examples
    --------
    >>> import sympy
    >>> as_data([sympy.Rational(1, 3), sympy.Integer(2), sympy.Symbol("x") + 1, "x"])
    [Fraction(1, 3), 2, 1 + x, 'x']
    """
    if "sympy" not in sys.modules:
        return value
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return kind(map(as_data, value)) if any(map(_has_sympy, value)) else value
    if kind is dict:
        return {as_data(key): as_data(entry) for key, entry in value.items()} if _has_sympy(value) else value
    data = from_sympy(value)
    return value if data is None else data


def _has_sympy(value: Any) -> bool:
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return any(map(_has_sympy, value))
    if kind is dict:
        return any(map(_has_sympy, value)) or any(map(_has_sympy, value.values()))
    return _is_sympy(kind)


def _is_sympy(kind: type) -> bool:
    # Of all bases: an applied function of SymPy belongs to no module itself.
    return any(str(base.__module__).partition(".")[0] == "sympy" for base in kind.__mro__)


def from_sympy(value: Any) -> Any:
    """Return an object of SymPy as data.

    Parameters
    ----------
    value : object

    Returns
    -------
    int, Fraction, float, bool, tuple or Expression
        Numbers and truth values are plain ones. None for what is no expression, equation, set or matrix of SymPy's
        own: functions, polynomials, classes derived in the notebook.
    """
    sympy, kind = sys.modules.get("sympy"), type(value)
    if sympy is None or not _is_sympy(kind):
        return None
    forms = (sympy.Expr, sympy.MatrixBase, sympy.logic.boolalg.Boolean, sympy.Set, sympy.Tuple)
    undefined = sympy.core.function.AppliedUndef
    own = str(kind.__module__).startswith("sympy.") or issubclass(kind, undefined)
    if not issubclass(kind, forms) or not own or issubclass(kind, sympy.Lambda):
        return None
    if issubclass(kind, sympy.Tuple):
        entries = [from_sympy(entry) for entry in value.args]
        return None if any(entry is None for entry in entries) else tuple(entries)
    try:
        node = _Converter(sympy).convert(value, 0)
    except _TooDeep:
        return Expression("TooDeep")
    except _TooLarge:
        return Expression("TooLarge")
    return node.value if node.head == "Number" else _PLAIN.get(node.head, node)


_PLAIN = {
    "BooleanTrue": True, "BooleanFalse": False,
    "Infinity": float("inf"), "NegativeInfinity": float("-inf"), "NaN": float("nan"),
}  # fmt: skip


class _Converter:
    def __init__(self, sympy: Any) -> None:
        self.sympy = sympy
        self.nodes = 0

    def convert(self, value: Any, depth: int) -> Expression:
        self.nodes += 1
        if depth > MAX_DEPTH:
            raise _TooDeep
        if self.nodes > MAX_NODES:
            raise _TooLarge
        kind, sympy = type(value), self.sympy
        if not str(kind.__module__).startswith("sympy.") and not issubclass(kind, sympy.core.function.AppliedUndef):
            return Expression(kind.__name__)  # a class of the notebook's own: nobody knows what it means
        if issubclass(kind, sympy.MatrixBase):
            rows, columns = map(int, value.shape)
            if rows * columns > MAX_NODES:
                raise _TooLarge
            return Expression("Matrix", self.all_of(value.flat(), depth), (rows, columns))
        if issubclass(kind, sympy.Rational):
            p, q = int(value.p), int(value.q)
            return Expression("Number", value=p if q == 1 else Fraction(p, q))
        if issubclass(kind, sympy.Float):
            return Expression("Number", value=float(value))
        if issubclass(kind, sympy.Symbol):
            return Expression("Symbol", value=str(value.name), facts=_facts(value, sympy))
        if issubclass(kind, sympy.core.symbol.Str):
            return Expression("Str", value=str(value.name))
        if issubclass(kind, sympy.core.function.AppliedUndef):
            return Expression("Function", self.all_of(value.args, depth), str(value.func))
        if not issubclass(kind, sympy.Basic):
            return Expression(kind.__name__)
        return Expression(kind.__name__, self.all_of(value.args, depth))

    def all_of(self, values: Any, depth: int) -> tuple[Expression, ...]:
        return tuple(self.convert(value, depth + 1) for value in values)


def _facts(symbol: Any, sympy: Any) -> str:
    known = symbol.assumptions0.items()
    words = [key if flag else f"!{key}" for key, flag in sorted(known) if flag is not None and key != "commutative"]
    if isinstance(symbol, sympy.Dummy):
        words.append(f"dummy{symbol.dummy_index}")
    return " ".join(words)


# Text for messages. It looks like SymPy's, but for the order of terms.

_WORDS = {"Pi": "pi", "Exp1": "E", "ImaginaryUnit": "I", "Infinity": "oo", "NegativeInfinity": "-oo",
          "ComplexInfinity": "zoo", "NaN": "nan", "BooleanTrue": "True", "BooleanFalse": "False",
          "TooDeep": "an expression nested too deeply", "TooLarge": "an expression that is too large"}  # fmt: skip
_BETWEEN = {
    "Add": (" + ", 1), "MatAdd": (" + ", 1), "Mul": ("*", 2), "MatMul": ("*", 2), "Pow": ("**", 4), "MatPow": ("**", 4),
    "Unequality": (" != ", 0), "LessThan": (" <= ", 0), "StrictLessThan": (" < ", 0), "GreaterThan": (" >= ", 0),
    "StrictGreaterThan": (" > ", 0), "And": (" & ", 0), "Or": (" | ", 0), "HadamardProduct": (".*", 2),
}  # fmt: skip
_CALLED = {"Equality": "Eq", "ExprCondPair": "", "Tuple": "", "FiniteSet": "FiniteSet"}


def to_text(expression: Expression, limit: int = 200) -> str:
    """Return an expression as one line for a message, cut at a number of characters.

    Parameters
    ----------
    expression : Expression
    limit : int
        The longest text; a longer one ends with `` ...``.

    Returns
    -------
    str

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y")
    >>> to_text(as_data(sympy.exp(x) * (y + 2) ** 2))
    '(2 + y)**2*exp(x)'
    """
    pieces, room = [], limit
    for piece in _pieces(expression, 0):
        piece = piece[: room + 1]
        pieces.append(piece if piece.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in piece))
        room -= len(piece)
        if room < 0:
            break
    text = "".join(pieces)
    return text if len(text) <= limit else text[: limit - 4] + " ..."


def _pieces(node: Expression, around: int) -> Iterator[str]:
    head, args = node.head, node.args
    if head == "Number":
        text = _number(node.value)
        yield f"({text})" if around >= 2 and _is_long(node.value) else text
    elif head in ("Symbol", "Str"):
        yield str(node.value)
    elif head in _WORDS:
        yield _WORDS[head]
    elif head in ("IndexedBase", "Idx", "MatrixSymbol") and args:
        yield from _pieces(args[0], around)
    elif head in ("Indexed", "MatrixElement") and args:
        yield from _pieces(args[0], 4)
        yield from _enclosed(args[1:], "[", "]")
    elif head == "Transpose" and len(args) == 1:
        yield from _pieces(args[0], 4)
        yield ".T"
    elif head in _BETWEEN and args:
        sign, binding = _BETWEEN[head]
        enclosed = binding <= around and bool(around)
        yield "(" if enclosed else ""
        yield from _chain(args, sign, binding)
        yield ")" if enclosed else ""
    else:
        yield str(node.value) if head == "Function" else _CALLED.get(head, head)
        yield from _enclosed(args, "(", ")")


def _chain(args: tuple[Expression, ...], sign: str, binding: int) -> Iterator[str]:
    for number, arg in enumerate(args):
        one_over = binding == 2 and number and arg.head == "Pow" and len(arg.args) == 2 and arg.args[1].value == -1
        yield ("/" if one_over else sign) if number else ""
        yield from _pieces(arg.args[0] if one_over else arg, binding)


def _enclosed(args: tuple[Expression, ...], left: str, right: str) -> Iterator[str]:
    yield left
    for number, arg in enumerate(args):
        yield ", " if number else ""
        yield from _pieces(arg, 0)
    yield right


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 400 else f"an integer of {value.bit_length():,} bits"
    if isinstance(value, Fraction):
        return f"{_number(value.numerator)}/{_number(value.denominator)}"
    return str(value)


def _is_long(value: Any) -> bool:
    return isinstance(value, Fraction) or (isinstance(value, (int, float)) and value < 0)
