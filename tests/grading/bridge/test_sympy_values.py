"""Expressions arrive as data that says what was sent; nothing is parsed, built by SymPy, or worked out."""

from __future__ import annotations

import json
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import (
    Derivative,
    Eq,
    Float,
    Function,
    Heaviside,
    I,
    Identity,
    Idx,
    IndexedBase,
    Integer,
    Integral,
    KroneckerDelta,
    Matrix,
    MatrixSymbol,
    Max,
    Mod,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    Tuple,
    conjugate,
    exp,
    log,
    oo,
    pi,
    sqrt,
    symbols,
)

from course_utils.checks import CheckFailed, assert_array, assert_equal, assert_keys, assert_number
from course_utils.checks.expressions import Expression, as_data, to_text
from course_utils.grading.bridge.reading import loads
from course_utils.grading.bridge.tree import Limits, ValueRefused
from course_utils.grading.bridge.writing import dumps
from tests.grading.bridge.test_values import frames_of

x, y = symbols("x y")
n = Symbol("n", integer=True, positive=True)
i, j = Idx("i"), Idx("j", 4)
W = IndexedBase("W", shape=(3, 4))
A, B = MatrixSymbol("A", n, 3), MatrixSymbol("B", 3, n)
f = Function("f")

EXPRESSIONS = [
    x,
    n,
    sympy.Dummy("k", integer=True),
    pi + sympy.E * I - oo,
    sympy.zoo,
    sympy.EulerGamma,
    x**2 / (1 + exp(-x)) + Rational(1, 3) - Float("0.1", 50) + Integer(2) ** 300,
    log(Sum(exp(W[i, j]), (j, 0, 3))),
    sqrt(2) * conjugate(x) + Mod(x, n) + Max(x, y, 0) + Heaviside(x) + KroneckerDelta(i, j),
    Piecewise((x, x > 0), (0, True)),
    Piecewise((1, Eq(x, y) & (x < 1)), (2, (x >= 2) | sympy.Not(Eq(y, 1)))),
    Derivative(f(x, y), x, 2),
    Derivative(f(x), x).subs(x, y),
    Integral(exp(-(x**2)), (x, -oo, oo)),
    sympy.FiniteSet(1, x),
    sympy.Interval(0, 1, True, False),
    sympy.S.Reals,
    sympy.Range(0, 10, 2),
    Matrix([[1, x], [y, 0.5]]),
    sympy.ImmutableMatrix([[1, x]]),
    sympy.SparseMatrix([[0, x]]),
    A * B,
    (A * B).T + Identity(n),
    sympy.Trace(A * B),
    (B * A).inverse(),
    A[0, 1] + sympy.HadamardProduct(A, A)[1, 2],
    sympy.UnevaluatedExpr(x),
    sympy.binomial(n, 2) + sympy.factorial(n),
    sympy.besselj(0, x),
    f(x),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_expressions_arrive_as_they_were_sent(expression):
    arrived = loads(dumps(expression))
    assert type(arrived) is Expression
    assert arrived == as_data(expression) == arrived
    # As SymPy's own comparison would have it.
    assert arrived == expression
    assert hash(arrived) == hash(as_data(expression))
    assert not any(arrived == other for other in EXPRESSIONS if other != expression)
    assert dumps(arrived) == dumps(expression)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (Integer(7), 7),
        (Rational(-2, 3), Fraction(-2, 3)),
        (Integer(2) ** 300, 2**300),
        (Float("0.1", 50), 0.1),
        (Float(-1e-300), -1e-300),
        (sympy.true, True),
        (sympy.false, False),
        (oo, math.inf),
        (-oo, -math.inf),
        (Tuple(x, 1), (as_data(x), 1)),
        (Tuple(), ()),
        ({"a": [Integer(1), (n, 1.5)]}, {"a": [1, (as_data(n), 1.5)]}),
    ],
    ids=str,
)
def test_numbers_arrive_as_numbers(number, value):
    arrived = loads(dumps(number))
    assert arrived == value
    assert type(arrived) is type(value)
    assert as_data(number) == value


def test_a_number_is_right_whoever_wrote_it():
    """The same verdicts in the notebook, on SymPy's own objects, and at grading time."""
    for given_ in (lambda value: value, lambda value: loads(dumps(value))):
        assert_number(given_(Integer(54)), 54, "count")
        assert_number(given_(Rational(1, 3)), 1 / 3, "share")
        assert_number(given_(Float(0.25)), 0.25, "share")
        assert_equal(given_([Rational(1, 2), Integer(2)]), [0.5, 2], "list")
        assert_equal(given_(Tuple(1, 2)), (1, 2), "pair")
        assert_equal(given_([x + 1, 2]), [1 + x, 2], "list")
        assert_equal(given_({"a": x}), {"a": x}, "dict")
        assert given_(Integer(54)) == 54
        with pytest.raises(CheckFailed, match=r"^count must be a number, got the expression 1 \+ x\.$"):
            assert_number(given_(x + 1), 54, "count")
        with pytest.raises(CheckFailed, match=r"^count must be a number, got the expression log\(5\)\.$"):
            assert_number(given_(log(5)), 1.6, "count")
        with pytest.raises(CheckFailed, match=r"^count must be a number, got a bool\.$"):
            assert_number(given_(sympy.true), 1, "count")
        with pytest.raises(CheckFailed, match="must be a NumPy array, got the expression x"):
            assert_array(given_(x), [1.0], "array")
        with pytest.raises(CheckFailed, match=r"list must hold plain values, got \[log\(5\), 2\]"):
            assert_equal(given_([log(5), 2]), [1.6, 2], "list")
        with pytest.raises(CheckFailed, match="must be a dict, got the expression x"):
            assert_keys(given_(x), ["a"], "table")
        assert float(given_(log(5))) == math.log(5)
        assert np.ndim([given_(log(5)), given_(x)]) == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda e: e + 1,
        lambda e: 1 - e,
        lambda e: e * x,
        lambda e: x * e,
        lambda e: x == e,
        lambda e: sympy.simplify(e),
        lambda e: np.float64(2) * e,
        lambda e: np.ones(2) * e,
        lambda e: np.sin(e),
        lambda e: e < 3,
        lambda e: bool(e),
        lambda e: int(e),
        lambda e: e[0],
        lambda e: list(e),
        lambda e: 1 in e,
        lambda e: e.subs(x, 1),
        lambda e: e.free_symbols,
        lambda e: e.shape,
        lambda e: float(e),
        lambda e: pickle.dumps(e),
    ],
)
def test_what_only_sympy_could_answer_is_refused(use):
    with pytest.raises((CheckFailed, TypeError)) as refused:
        use(loads(dumps(x + 1)))
    if refused.type is not TypeError:
        assert "expression" in str(refused.value) or "1 + x uses `x`" in str(refused.value)


def test_an_expression_is_nothing_else():
    arrived = loads(dumps(x))
    for other in (
        None,
        ...,
        0,
        1,
        "x",
        [],
        (),
        {},
        True,
        np.float64(1),
        math.nan,
        Symbol("x", positive=True),
        object(),
    ):
        assert arrived != other and not arrived == other  # noqa: SIM201
    assert not hasattr(arrived, "keys") and not callable(arrived)


leaves = (
    st.sampled_from([x, y, n, pi, I, Rational(1, 3)]) | st.integers(-9, 9).map(Integer) | st.floats(-9, 9).map(Float)
)


def grown(parts):
    one = st.sampled_from([exp, sympy.sin, sympy.Abs, f, sympy.re])
    two = st.sampled_from([sympy.Add, sympy.Mul, sympy.atan2, f])
    return st.one_of(
        st.builds(lambda make, a: make(a), one, parts),
        st.builds(lambda make, a, b: make(a, b), two, parts, parts),
        st.builds(lambda a, k: a**k, parts, st.integers(-3, 3)),
    )


@given(st.recursive(leaves, grown, max_leaves=8), st.recursive(leaves, grown, max_leaves=3))
def test_any_expression_arrives_equal_to_itself_alone(expression, other):
    arrived = loads(dumps(expression))
    if isinstance(arrived, Expression):
        assert arrived == expression
        assert (arrived == other) == (expression == other)
    else:
        assert arrived == as_data(expression) or arrived != arrived


def test_assumptions_decide_what_a_symbol_equals():
    arrived = loads(dumps([Symbol("a"), Symbol("a", positive=True), Symbol("a", positive=True, real=True)]))
    assert arrived[0] != arrived[1]
    assert arrived[1] == arrived[2], "as for SymPy, which works the rest out"


class Own(Symbol):
    """A student's own kind of symbol, whose methods must not come along."""

    def __eq__(self, other):
        return True

    __hash__ = Symbol.__hash__


@pytest.mark.parametrize(
    "thing",
    [Own("x"), sympy.Poly(x + 1, x), sympy.Lambda(x, x + 1), f, sympy.sin, sympy.Array([1, x]), sympy.Dict({x: 1})],
    ids=lambda thing: str(getattr(thing, "__name__", type(thing).__name__)),
)
def test_what_is_no_expression_goes_by_handle(thing):
    with pytest.raises(ValueRefused, match="can't be written"):
        dumps(thing)
    assert as_data(thing) is thing


def test_a_part_of_an_own_class_is_read_by_nobody():
    class Mine(Symbol):
        pass

    arrived = loads(dumps(y + Mine("x")))
    assert arrived != as_data(x + y)
    with pytest.raises(CheckFailed, match=r"contains a Mine|uses `y`"):
        float(arrived)


def node(head, *parts, **more):
    return {"h": head, **({"a": list(parts)} if parts else {}), **more}


def number(value):
    return {"h": "Number", "v": value}


def wire(part):
    return frames_of({"t": "expression", "v": part})


symbol = {"h": "Symbol", "v": "x"}
deep = symbol
for _ in range(100):
    deep = node("UnevaluatedExpr", deep)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (None, "unknown form"),
        ("exit()", "unknown form"),
        ([symbol], "unknown form"),
        ({}, "no kind"),
        ({"h": 5}, "no kind"),
        (node("exit()"), "no kind"),
        (node("a" * 61), "no kind"),
        (node("é"), "no kind"),
        (node("Add", "exit()"), "unknown form"),
        (node("Add", {"t": "list", "v": []}), "no kind"),
        (node("Add", a={"0": symbol}), "unknown form"),
        (node("Add", symbol, v=1), "impossible Add"),
        (node("Number"), "impossible Number"),
        (number("1"), "impossible Number"),
        (number(True), "impossible Number"),
        (number({"t": "complex", "v": ["0x1.0p+0", "0x1.0p+0"]}), "impossible Number"),
        (number({"t": "fraction", "v": [1, 0]}), "positive denominator"),
        (number({"t": "int", "v": "0x" + "f" * 5000}), "integer is too large"),
        (node("Number", symbol, v=1), "impossible Number"),
        (node("Symbol", v=5), "impossible Symbol"),
        (node("Symbol", v="x" * 101), "impossible Symbol"),
        (node("Symbol", v="x", f=["real"]), "unknown form"),
        (node("Symbol", v="x", f="réal"), "unknown form"),
        (node("Symbol", v="x", f="real " * 1000), "unknown form"),
        (node("Function", symbol), "impossible Function"),
        (node("Matrix", symbol, v={"t": "tuple", "v": [2, 2]}), "impossible Matrix"),
        (node("Matrix", symbol, v={"t": "tuple", "v": [-1, -1]}), "impossible Matrix"),
        (node("Matrix", symbol, v=1), "impossible Matrix"),
        (deep, "too large"),
        (node("Add", *[symbol] * 100_001), "too large"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_no_part_of_an_expression_is_refused(part, message):
    with pytest.raises(ValueRefused, match=message):
        loads(wire(part))


def test_trees_for_sympy_are_no_values():
    tree = {"t": "sympy", "f": "AppliedUndef", "n": "exit", "v": [{"t": "sympy", "f": "Rational", "v": ["0x1", "0x1"]}]}
    with pytest.raises(ValueRefused, match="unknown kind 'sympy'"):
        loads(frames_of(tree))


def test_texts_stay_texts():
    hostile = "__import__('os').system('true')"
    arrived = loads(wire({"h": "Function", "v": hostile, "a": [{"h": "Symbol", "v": hostile}]}))
    assert arrived == Function(hostile)(Symbol(hostile))
    with pytest.raises(CheckFailed):
        float(arrived)


def test_large_powers_and_sums_stay_as_they_are_written():
    tower = number(9)
    for _ in range(50):
        tower = node("Pow", number(9), tower)
    arrived = loads(wire(node("factorial", tower)))
    assert to_text(arrived, 30) == "factorial(9**(9**(9**(9**( ..."
    with pytest.raises(CheckFailed, match="contains a factorial"):
        float(arrived)
    with pytest.raises(CheckFailed, match=r"overflows|takes too long") as failed:
        float(loads(wire(node("Sum", tower, node("Tuple", symbol, number(1), number(10**9))))))
    assert len(str(failed.value)) < 200


def test_what_is_too_large_or_too_deep_says_so():
    nested = x
    for _ in range(200):
        nested = sympy.exp(nested, evaluate=False)
    many = sympy.Matrix.ones(400, 400)
    for expression, message in ((nested, "nested too deeply"), (many, "too many parts")):
        for given_ in (as_data(expression), loads(dumps(expression))):
            with pytest.raises(CheckFailed, match=message):
                float(given_)


def test_an_expression_has_limits():
    with pytest.raises(ValueRefused, match="more than 50 entries"):
        dumps(sum(x**k for k in range(30)), limits=Limits(nodes=50))
    with pytest.raises(ValueRefused, match="more than 50 entries"):
        loads(dumps(sum(x**k for k in range(30))), limits=Limits(nodes=50))


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (x, "x"),
        (x**2 / y, "x**2/y"),
        (A.T * A, "A.T*A"),
        (W[i, j], "W[i, j]"),
        (A[0, 1], "A[0, 1]"),
        (Eq(x, y), "Eq(x, y)"),
        (x < y, "x < y"),
        (Sum(W[i, 1], (i, 1, n)), "Sum(W[i, 1], (i, 1, n))"),
        (f(x) * (x + y), "(x + y)*f(x)"),
        (x ** Rational(1, 2), "x**(1/2)"),
        (pi * x, "pi*x"),
        (Symbol("a\x1b[2Jb"), "a\ufffd[2Jb"),
    ],
    ids=str,
)
def test_text_of_an_expression(expression, text):
    assert to_text(as_data(expression)) == text


def test_a_long_text_is_cut_and_takes_no_time():
    wide = Expression("Add", tuple(Expression("Symbol", value="a" * 100) for _ in range(100_000)))
    assert to_text(wide, 50) == "a" * 46 + " ..."


heads = st.sampled_from(["Add", "Mul", "Pow", "Abs", "Mod", "Equality", "And", "Piecewise", "Tuple",
    "ExprCondPair", "Sum", "Derivative", "Indexed", "IndexedBase", "Idx", "Interval", "Lambda", "MatMul", "Transpose",
    "Trace", "Matrix", "MatrixSymbol", "MatrixElement", "Function", "KroneckerDelta", "Heaviside", "log"])  # fmt: skip
leaf_parts = st.sampled_from(
    [symbol, number(2), number({"t": "fraction", "v": [-1, 3]}), {"h": "Str", "v": "A"}, 1, "x", None, []]
    + [{"h": name} for name in ("Infinity", "BooleanTrue", "NaN", "ComplexInfinity", "EmptySet", "TooDeep")]
)


@given(
    st.recursive(
        leaf_parts,
        lambda parts: st.builds(
            lambda head, entries, value: node(head, *entries, **({} if value is None else {"v": value})),
            heads,
            st.lists(parts, max_size=3),
            st.sampled_from([None, None, None, "f", {"t": "tuple", "v": [1, 2]}]),
        ),
        max_leaves=8,
    )
)
def test_forged_expressions_are_read_or_refused(tree):
    try:
        arrived = loads(wire(json.loads(json.dumps(tree))))
    except ValueRefused as refusal:
        assert str(refusal)
    else:
        assert len(to_text(arrived)) <= 200
        try:
            float(arrived)
        except CheckFailed as failure:
            assert str(failure)
