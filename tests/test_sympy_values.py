"""SymPy expressions arrive as they were sent; nothing is parsed, and nothing can be sent that grows without end."""

from __future__ import annotations

import json

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
    Lambda,
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

from course_utils.grading.values import Limits, ValueRefused, dumps, loads
from tests.test_values import frames_of

x, y = symbols("x y")
n = Symbol("n", integer=True, positive=True)
i, j = Idx("i"), Idx("j", 4)
W = IndexedBase("W", shape=(3, 4))
A, B = MatrixSymbol("A", n, 3), MatrixSymbol("B", 3, n)
f = Function("f")


@pytest.mark.parametrize(
    "expression",
    [
        x,
        n,
        sympy.Dummy("k", integer=True),
        Integer(7),
        Rational(-2, 3),
        Integer(2) ** 300,
        Float("0.1", 50),
        Float(-1e-300),
        Float(0.0),
        pi + sympy.E * I - oo,
        sympy.zoo,
        sympy.nan,
        sympy.EulerGamma,
        sympy.true,
        sympy.false,
        x**2 / (1 + exp(-x)),
        log(Sum(exp(W[i, j]), (j, 0, 3))),
        sqrt(2) * conjugate(x) + Mod(x, n) + Max(x, y, 0) + Heaviside(x) + KroneckerDelta(i, j),
        Piecewise((x, x > 0), (0, True)),
        Piecewise((1, Eq(x, y) & (x < 1)), (2, (x >= 2) | sympy.Not(Eq(y, 1)))),
        Derivative(f(x, y), x, 2),
        Derivative(f(x), x).subs(x, y),
        Integral(exp(-(x**2)), (x, -oo, oo)),
        Lambda((x, y), x + y),
        Tuple(x, 1),
        sympy.FiniteSet(1, x),
        sympy.Interval(0, 1, True, False),
        sympy.S.Reals,
        sympy.S.EmptySet,
        sympy.Range(0, 10, 2),
        Matrix([[1, x], [y, 0.5]]),
        sympy.ImmutableMatrix([[1, x]]),
        A * B,
        (A * B).T + Identity(n),
        sympy.Trace(A * B),
        (B * A).inverse(),
        A[0, 1] + sympy.HadamardProduct(A, A)[1, 2],
        sympy.UnevaluatedExpr(x),
        sympy.binomial(n, 2) + sympy.factorial(n),
        {"a": [x, (n, 1.5)]},
    ],
    ids=str,
)
def test_expressions_arrive_as_they_were_sent(expression):
    arrived = loads(dumps(expression))
    assert type(arrived) is type(expression)
    assert arrived == expression
    assert str(arrived) == str(expression)


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


@given(st.recursive(leaves, grown, max_leaves=8))
def test_any_expression_arrives_equal(expression):
    assert loads(dumps(expression)) == expression


def test_assumptions_decide_what_a_symbol_equals():
    arrived = loads(dumps([Symbol("a"), Symbol("a", positive=True)]))
    assert arrived == [Symbol("a"), Symbol("a", positive=True)]
    assert arrived[0] != arrived[1]


class Own(Symbol):
    """A student's own kind of symbol, whose methods must not come along."""

    def __eq__(self, other):
        return True

    __hash__ = Symbol.__hash__


@pytest.mark.parametrize(
    "expression",
    [Own("x"), Own("x") + 1, sympy.besselj(0, x), sympy.Poly(x + 1, x), sympy.ImmutableSparseMatrix([[x]])],
    ids=lambda e: type(e).__name__,
)
def test_other_nodes_have_no_value_form(expression):
    with pytest.raises(ValueRefused, match="can't be written"):
        dumps(expression)


def node(tag, *entries, **more):
    return {"t": "sympy", "f": tag, "n": tag, "v": list(entries), **more}


def rational(p, q=1):
    return {"t": "sympy", "f": "Rational", "v": [hex(p), hex(q)]}


symbol = {"t": "sympy", "f": "Symbol", "n": "x", "a": {}}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (node("Pow", rational(10), rational(10**9)), "too large to write down"),
        (node("Pow", rational(1, 7), rational(-(10**9))), "too large to write down"),
        (node("Pow", node("Pow", rational(2), rational(90_000)), rational(2)), "too large to write down"),
        (node("factorial", rational(10**6)), "factorial that is too large"),
        (node("gamma", rational(10**6)), "gamma that is too large"),
        (node("binomial", rational(10**9), rational(10**8)), "binomial that is too large"),
        (rational(1, 0), "positive denominator"),
        (rational(1 << 20_000), "integer is too large"),
        ({"t": "sympy", "f": "Float", "v": [53, 0, 10**6], "n": "1"}, "impossible number"),
        ({"t": "sympy", "f": "Float", "v": [10**6, 0, 0], "n": "1"}, "impossible number"),
        ({"t": "sympy", "f": "Symbol", "n": "x", "a": {"real": "yes"}}, "impossible assumptions"),
        ({"t": "sympy", "f": "Symbol", "n": "x", "a": {"real": True, "imaginary": True}}, "can't be read"),
        ({"t": "sympy", "f": "Symbol", "n": 5, "a": {}}, "a text is expected"),
        ({"t": "sympy", "f": "constant", "n": "__class__"}, "can't be read"),
        (node("sympify", "exit()"), "no expression"),
        (node("lambdify", symbol), "'lambdify' is not accepted"),
        (node("Add", "exit()"), "no expression"),
        (node("Add", {"t": "list", "v": []}), "no expression"),
        (node("Pow", node("Tuple"), rational(2)), "can't be read"),
        (node("Pow", {"t": "sympy", "f": "constant", "n": "true"}, rational(2)), "can't be read"),
        (node("Derivative", rational(1), rational(2)), "can't be read"),
        (node("Inverse", symbol), "can't be read"),
        (node("ImmutableDenseMatrix", symbol, s=[2, 2]), "do not fit its shape"),
        (node("MutableDenseMatrix", symbol, s=[-1, -1]), "do not fit its shape"),
        ({"t": "sympy"}, "can't be read"),
    ],
)
def test_what_is_no_expression_is_refused(tree, message):
    with pytest.raises(ValueRefused, match=message):
        loads(frames_of(tree))


def test_texts_stay_texts():
    hostile = "__import__('os').system('true')"
    tree = {"t": "sympy", "f": "AppliedUndef", "n": hostile, "v": [{**symbol, "n": hostile}]}
    arrived = loads(frames_of(tree))
    assert arrived == Function(hostile)(Symbol(hostile))


def test_an_expression_has_limits():
    with pytest.raises(ValueRefused, match="too large"):
        dumps(sum(x**k for k in range(30)), limits=Limits(nodes=50))
    tree = symbol
    for _ in range(100):
        tree = node("UnevaluatedExpr", tree)
    with pytest.raises(ValueRefused, match="too large"):
        loads(frames_of(tree))


tags = st.sampled_from(["Add", "Mul", "Pow", "Abs", "Mod", "Eq", "Lt", "And", "Piecewise", "ExprCondPair", "Tuple",
    "Sum", "Derivative", "Indexed", "IndexedBase", "Idx", "Interval", "Range", "Lambda", "MatMul", "Transpose", "Trace",
    "MatrixSymbol", "MatrixElement", "ImmutableDenseMatrix", "AppliedUndef", "KroneckerDelta", "Heaviside", "Identity",
    "DiagMatrix", "Max", "FiniteSet", "Str", "Symbol", "log", "factorial", "atan2"])  # fmt: skip
leaf_trees = st.sampled_from(
    [symbol, rational(2), rational(-1, 3), {"t": "sympy", "f": "Str", "n": "A"}, 1, "x", None, {"t": "list", "v": []}]
    + [{"t": "sympy", "f": "constant", "n": name} for name in ("oo", "true", "nan", "zoo", "EmptySet")]
)


@given(
    st.recursive(
        leaf_trees,
        lambda parts: st.builds(
            lambda tag, entries, shape: node(tag, *entries, s=shape),
            tags,
            st.lists(parts, max_size=3),
            st.lists(st.integers(-1, 3), max_size=2),
        ),
        max_leaves=8,
    )
)
def test_forged_expressions_are_read_or_refused(tree):
    try:
        loads(frames_of(json.loads(json.dumps(tree))))
    except ValueRefused as refusal:
        assert str(refusal)
