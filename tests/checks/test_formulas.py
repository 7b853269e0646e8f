"""Derivations entered as expressions: evaluation, comparison, and the mistakes known by name."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from sympy import Eq, IndexedBase, KroneckerDelta, MatrixSymbol, Piecewise, Sum, exp, log, symbols
from sympy.matrices.expressions.dotproduct import DotProduct

from course_utils.checks import CheckFailed
from course_utils.checks.formulas import (
    EvaluationError,
    assert_equation,
    assert_expression,
    assert_same_form,
    assert_symbols,
    assert_worked_out,
    evaluate,
    partial_derivative,
    random_points,
)
from course_utils.grading.bridge.reading import loads
from course_utils.grading.bridge.writing import dumps

N, n, d = symbols("N n d", integer=True, positive=True)
i, j, k = symbols("i j k", integer=True)
z, y, yhat = IndexedBase("z"), IndexedBase("y"), IndexedBase("yhat")
X, v, t = MatrixSymbol("X", n, d), MatrixSymbol("v", d, 1), MatrixSymbol("t", n, 1)
A = MatrixSymbol("A", d, d)

RNG = np.random.default_rng(0)
POINT = {
    "N": 3,
    "n": 4,
    "d": 2,
    "i": 2,
    "j": 3,
    "z": np.array([1.0, 2.0, 4.0]),
    "X": RNG.normal(size=(4, 2)),
    "v": RNG.normal(size=2),
    "t": RNG.normal(size=4),
    "A": RNG.normal(size=(2, 2)),
    "O": np.zeros((2, 2)),
    "a": 0.5,
}
a = symbols("a")
FEATURES, WEIGHTS, TARGETS, SQUARE = (POINT[name] for name in "XvtA")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (3, 3.0),
        (sympy.Rational(1, 3), 1 / 3),
        (sympy.pi * a**2, np.pi / 4),
        (z[i] + z[j], 6.0),
        (Sum(z[k] * KroneckerDelta(k, j), (k, 1, N)), 4.0),
        (Sum(z[k], (k, 3, 2)), 0.0),
        (Sum(k * i, (i, 1, k), (k, 1, N)), 1 * 1 + 2 * 3 + 3 * 6),
        (sympy.Product(z[k], (k, 1, N)), 8.0),
        (exp(z[i]) / Sum(exp(z[k]), (k, 1, N)), special.softmax(POINT["z"])[1]),
        (Piecewise((1, Eq(i, j)), (2, i < j), (3, True)), 2.0),
        (Piecewise((1, (i >= 1) & (i <= 1)), (2, True)), 2.0),
        (sympy.Max(a, 0) + sympy.Abs(-a) + sympy.sign(-a), 0.0),
        (sympy.UnevaluatedExpr(a) + 1, 1.5),
        (sympy.Function("f")(a), 5.0),
        (sympy.Matrix([[a, 1], [0, i]]), [[0.5, 1], [0, 2]]),
        (X * v, (FEATURES @ WEIGHTS)[:, None]),
        ((X * v - t).T * (X * v - t) / n, np.mean((FEATURES @ WEIGHTS - TARGETS) ** 2)),
        ((A + A.T) * v, ((SQUARE + SQUARE.T) @ WEIGHTS)[:, None]),
        ((X.T * X).inv() * X.T * t, np.linalg.lstsq(FEATURES, TARGETS)[0][:, None]),
        ((X.T * X) ** -1 * v, np.linalg.solve(FEATURES.T @ FEATURES, WEIGHTS)[:, None]),
        (A**2 + sympy.Identity(d), SQUARE @ SQUARE + np.eye(2)),
        (2 * A - sympy.ZeroMatrix(d, d), 2 * SQUARE),
        (sympy.Trace(A), np.trace(SQUARE)),
        (X[0, 1], FEATURES[0, 1]),
        ((v.T * v)[0, 0], WEIGHTS @ WEIGHTS),
        (sympy.HadamardProduct(A, A), SQUARE**2),
    ],
)
def test_value_of_each_kind_of_node(expression, value):
    result = evaluate(expression, POINT | {"f": lambda x: 10 * x})
    np.testing.assert_allclose(result, value, rtol=1e-12, atol=1e-12)


def test_names_count_and_assumptions_do_not():
    assert evaluate(symbols("a", positive=True) * IndexedBase("z")[sympy.Idx("i")], POINT) == 1.0


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (symbols("q") + 1, "uses `q`, which is not one of"),
        (z[0], r"reaches z\[0\], but subscripts of z run from 1 to 3"),
        (Sum(z[k], (k, 0, N - 1)), "sums go from 1, not from 0"),
        (Sum(z[k], (k, 1, N + 1)), "are its subscripts swapped, or is the upper limit of a sum that of another array"),
        (z[i, j], "z has 1 subscript"),
        (symbols("z") + 1, "uses z without a subscript"),
        (sympy.Derivative(a**2, a), "still contains a Derivative that is not worked out"),
        (sympy.Function("a")(i), r"calls a like a function; is a \* missing\?"),
        (Sum(a, (k, 1, 10**9)), "takes too long to evaluate"),
        (Sum(Sum(a, (k, 1, 1000)), (i, 1, 1000)), "takes too long to evaluate"),
        (sympy.Identity(10**6), "holds a matrix of 1000000 x 1000000 entries"),
        (MatrixSymbol("O", d, d).inv(), "inverts a matrix that has no inverse"),
        (sympy.gamma(a), "contains a gamma"),
    ],
)
def test_no_value_says_why(expression, message):
    with pytest.raises(EvaluationError, match=message):
        evaluate(expression, POINT)


def test_deep_nesting_is_refused():
    deep = a
    for _ in range(3000):
        deep = sympy.exp(deep, evaluate=False)
    with pytest.raises(EvaluationError, match="nested too deeply"):
        evaluate(deep, POINT)


SOFTMAX_POINTS = random_points(
    {"N": (2, 3, 4)},
    {"z": ("N",), "y": ("N",)},
    {"i": "N", "j": "N"},
    {"yhat": lambda at: special.softmax(at["z"]), "y": lambda at: special.softmax(at["y"])},
)
JACOBIAN = partial_derivative(lambda at: special.softmax(at["z"])[at["i"] - 1], "z", "j")
S = Sum(exp(z[k]), (k, 1, N))


@pytest.mark.parametrize(
    "form",
    [
        yhat[i] * (KroneckerDelta(i, j) - yhat[j]),
        KroneckerDelta(i, j) * yhat[j] - yhat[j] * yhat[i],
        Piecewise((yhat[i] * (1 - yhat[i]), Eq(i, j)), (-yhat[i] * yhat[j], True)),
        (KroneckerDelta(i, j) * exp(z[i]) * S - exp(z[i]) * exp(z[j])) / S**2,
        sympy.diff(exp(z[i]) / S, z[j]),
    ],
)
def test_equal_forms_pass(form):
    assert_expression(form, JACOBIAN, "the entry", points=SOFTMAX_POINTS)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (yhat[i] * (yhat[j] - KroneckerDelta(i, j)), "The sign is the other way round"),
        (3 * yhat[i] * (KroneckerDelta(i, j) - yhat[j]), "It is 3 times the right answer"),
        (yhat[i] * (KroneckerDelta(i, j) - yhat[j]) / N, "It is 1/N of the right answer: a mean and a sum"),
        (
            2 * N * yhat[i] * (KroneckerDelta(i, j) - yhat[j]),
            "It is N times the right answer, and off by a constant factor 2",
        ),
        (yhat[i] * (1 - yhat[j]), "delta is missing"),
        (yhat[i], "think again"),
        (1 / (i - i), "think again"),
    ],
)
def test_mistakes_are_named(form, message):
    with pytest.raises(CheckFailed, match=message):
        assert_expression(
            form,
            JACOBIAN,
            "the entry",
            "think again",
            points=SOFTMAX_POINTS,
            mistakes={"delta is missing": yhat[i] * (1 - yhat[j])},
        )


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (None, "has no value yet"),
        (..., "has no value yet"),
        ("yhat[i]", "write it without quotes"),
        (Eq(yhat[i], 1), "got an equation"),
        (True, "must be a SymPy expression, got a bool"),
        ([yhat[i]], "must be a SymPy expression, got a list"),
        (yhat, "without a subscript"),
        (1 / Sum(0, (k, 1, N)), "has no finite value at N = 2"),
        (sympy.zoo, "has no finite value"),
    ],
)
def test_what_is_no_expression(form, message):
    with pytest.raises(CheckFailed, match=message):
        assert_expression(form, JACOBIAN, "the entry", points=SOFTMAX_POINTS)


def test_message_names_the_point_and_the_values():
    points = [{"a": 0.5}, {"a": 2.0}]
    with pytest.raises(CheckFailed) as caught:
        assert_expression(a, a**2 + a / 2, "slope", points=points)
    assert str(caught.value) == "slope is wrong: got 2, expected 5, for example at a = 2."


def test_message_names_nothing_that_the_answer_does_not_use():
    points = [{"a": 0.5, "b": 1.0, "z": np.ones(3)}, {"a": 2.0, "b": 3.0, "z": np.ones(3)}]
    with pytest.raises(CheckFailed, match=r"got 2, expected 5, for example at a = 2\.$"):
        assert_expression(a, a**2 + a / 2, "slope", points=points)
    with pytest.raises(CheckFailed, match=r"got 7, expected 0.5, for example at a = 0.5, b = 1\.$"):
        assert_expression(7, a**2 + a / 2, "slope", points=points)


def test_a_plain_number_does_not_give_the_right_one_away():
    assert_expression(np.array([0.7]), lambda at: 0.7, "loss", points=[{}])
    assert_expression(log(2), lambda at: np.log(2), "loss", points=[{}])
    with pytest.raises(CheckFailed, match=r"^loss is 0\.5, which is not right\.$"):
        assert_expression(0.5, lambda at: 0.7, "loss", points=[{}])


MSE_POINTS = random_points({"n": (4, 5, 7), "d": (2, 3, 4)}, {"X": ("n", "d"), "v": ("d",), "t": ("n",)}, seed=1)
GRADIENT = partial_derivative(lambda at: np.mean((at["X"] @ at["v"] - at["t"]) ** 2), "v")


def test_matrix_gradient():
    assert_expression(2 * X.T * (X * v - t) / n, GRADIENT, "gradient", points=MSE_POINTS)
    with pytest.raises(CheckFailed, match="transpose of the right answer"):
        assert_expression(2 * (X * v - t).T * X / n, GRADIENT, "gradient", points=MSE_POINTS)
    with pytest.raises(CheckFailed, match="It is n times the right answer"):
        assert_expression(2 * X.T * (X * v - t), GRADIENT, "gradient", points=MSE_POINTS)
    with pytest.raises(CheckFailed, match=r"It is 0\.5 times the right answer"):
        assert_expression(X.T * (X * v - t) / n, GRADIENT, "gradient", points=MSE_POINTS)
    with pytest.raises(CheckFailed, match=r"must be a matrix of shape 2 x 1, got a matrix of shape 4 x 1"):
        assert_expression(X * v - t, GRADIENT, "gradient", points=MSE_POINTS)


@pytest.mark.parametrize(
    "equation",
    [
        Eq(X.T * X * v, X.T * t),
        Eq(X.T * t, X.T * X * v),
        Eq(2 / n * X.T * X * v, 2 / n * X.T * t),
        Eq(X.T * (X * v - t), sympy.ZeroMatrix(d, 1)),
        Eq(v.T * X.T * X, t.T * X),
        Eq((X * v - t).T * X, sympy.ZeroMatrix(1, d)),
    ],
)
def test_equations_up_to_factors_and_sides(equation):
    assert_equation(equation, GRADIENT, "normal equations", points=MSE_POINTS)


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        (Eq(X * v, t), "cannot be cancelled"),
        (Eq(X.T * X * v, -X.T * t), "is not the right equation"),
        (Eq(2 * X.T * X * v, X.T * t), "is not the right equation"),
        (X.T * X * v - X.T * t, r"must be an equation Eq\(left, right\)"),
        (False, "took its two sides for different"),
        (Eq(X.T * (X * v - t), 0), r"write ZeroMatrix\(d, 1\), not 0"),
        (sympy.true, "its two sides are the same"),
        (Eq(v, v, evaluate=False), "is not the right equation"),
    ],
)
def test_wrong_equations(equation, message):
    cancelled = {"X.T cannot be cancelled": lambda at: at["X"] @ at["v"] - at["t"]}
    with pytest.raises(CheckFailed, match=message):
        assert_equation(equation, GRADIENT, "normal equations", points=MSE_POINTS, mistakes=cancelled)


def test_sides_of_different_shape():
    with pytest.raises(CheckFailed, match="have different shapes"):
        assert_equation(Eq(v, t, evaluate=False), GRADIENT, "normal equations", points=MSE_POINTS)


def test_partial_derivative_leaves_the_point_alone():
    point = {"z": np.array([1.0, 3.0]), "j": 2}
    slope = partial_derivative(lambda at: at["z"][0] * at["z"][1] ** 2, "z")
    np.testing.assert_allclose(slope(point), [9.0, 6.0], rtol=1e-8)
    assert partial_derivative(lambda at: at["z"][1] ** 2, "z", "j")(point) == pytest.approx(6.0)
    assert point["z"].tolist() == [1.0, 3.0]


def test_random_points_hold_sizes_indices_and_derived_values():
    points = random_points({"N": (2, 3)}, {"z": ("N",), "a": ()}, {"i": "N"}, {"total": lambda at: at["z"].sum()})
    assert [(point["N"], point["i"]) for point in points] == [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]
    assert all(point["total"] == point["z"].sum() and isinstance(point["a"], float) for point in points)
    again = random_points({"N": (2, 3)}, {"z": ("N",), "a": ()}, {"i": "N"})
    np.testing.assert_array_equal(points[0]["z"], again[0]["z"])


NUMBERS = st.floats(-3, 3).map(lambda value: sympy.Float(round(value, 3)))
EXPRESSIONS = st.recursive(
    st.one_of(NUMBERS, st.sampled_from([a, symbols("b")])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        inner.map(lambda arg: arg**2),
        inner.map(sympy.tanh),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.floats(-2, 2), st.floats(-2, 2))
def test_agrees_with_sympys_own_evaluation(expression, first, second):
    expected = float(sympy.sympify(expression).subs({a: first, symbols("b"): second}).evalf())
    assert evaluate(expression, {"a": first, "b": second}) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["sinh", "cosh", "tanh", "sech", "csch", "coth", "sec", "csc", "cot"])
def test_functions_that_tables_of_derivatives_use_are_known(name):
    function = getattr(sympy, name)
    expected = float(function(sympy.Float(0.7)).evalf())
    assert evaluate(loads(dumps(function(a) ** 2)), {"a": 0.7}) == pytest.approx(expected**2, rel=1e-12)


def test_products_entry_by_entry_and_of_two_columns_are_known():
    column, point = MatrixSymbol("r", N, 1), {"N": 3, "r": np.array([1.0, -2.0, 3.0])}
    assert evaluate(loads(dumps(DotProduct(column, column) / N)), point) == pytest.approx(14 / 3)
    assert evaluate(loads(dumps(sympy.OneMatrix(1, N) * sympy.HadamardPower(column, 2))), point) == 14.0
    with pytest.raises(EvaluationError, match="takes the dot product of"):
        evaluate(loads(dumps(DotProduct(column, column))), {"N": 3, "r": np.ones((3, 2))})


@pytest.mark.parametrize("given_", [lambda value: value, lambda value: loads(dumps(value))], ids=["notebook", "graded"])
def test_form_symbols_and_what_is_left_to_do(given_):
    form = given_(a**2 + 2 * a)
    assert_same_form(form, 2 * a + a**2, "form")
    with pytest.raises(CheckFailed, match="not the form that is asked for"):
        assert_same_form(form, a * (a + 2), "form")
    assert_symbols(form, {a}, "form")
    assert_symbols(given_(Sum(z[k], (k, 1, N))), ["z", "N"], "sum")
    with pytest.raises(CheckFailed, match="form uses a; it may only use q"):
        assert_symbols(form, ["q"], "form")
    assert_worked_out(form, "form")
    with pytest.raises(CheckFailed, match="still contains a Derivative"):
        assert_worked_out(given_(2 * sympy.Derivative(a**2, a)), "form")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (sympy.MatMul(sympy.OneMatrix(20_000, 1), sympy.OneMatrix(1, 20_000), evaluate=False), "holds a matrix of"),
        (sympy.MatPow(A, sympy.oo, evaluate=False), "to the power oo"),
        (sympy.Function("f")(a, a), "calls f with 2 arguments"),
    ],
)
def test_work_and_memory_are_bounded(expression, message):
    with pytest.raises(EvaluationError, match=message):
        evaluate(expression, POINT | {"f": lambda at: at})


def test_no_points_are_no_check():
    with pytest.raises(ValueError, match="at least one point"):
        assert_expression(a, a, "form", points=[])
