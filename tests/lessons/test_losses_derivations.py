"""The steps of the derivations on losses: right forms pass, and no known mistake is right or stands there twice."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from sympy import Eq, IndexedBase, KroneckerDelta, MatrixSymbol, Piecewise, Rational, Sum, exp, log, symbols

import course_utils
from course_utils.checks import CheckFailed
from course_utils.draws import seed_for
from course_utils.lessons.losses.derivations import STEPS, check_form, check_step
from tests.support.hidden_files import hidden_module

HIDDEN = hidden_module("losses", "derivations")

N, n, d = symbols("N n d", integer=True, positive=True)
i, j, k, c = symbols("i j k c", integer=True)
h = Rational(1, 10**7)
t, p, kappa = symbols("t p kappa")
z, y_, yhat = IndexedBase("z"), IndexedBase("y"), IndexedBase("yhat")
X, y, w = MatrixSymbol("X", n, d), MatrixSymbol("y", n, 1), MatrixSymbol("w", d, 1)
A, x = MatrixSymbol("A", d, d), MatrixSymbol("x", d, 1)

RIGHT = {
    "d_numerator": KroneckerDelta(i, j) * exp(z[i]),
    "d_denominator": exp(z[j]),
    "d_diagonal": yhat[i] * (1 - yhat[i]),
    "d_entry": yhat[i] * (KroneckerDelta(i, j) - yhat[j]),
    "dL_dyhat": -y_[i] / yhat[i],
    "dL_dz_any_sum": yhat[j] * Sum(y_[k], (k, 1, N)) - y_[j],
    "dL_dz": yhat[j] - y_[j],
    "dL_dz_one_hot": yhat[j] - KroneckerDelta(j, c),
    "bce": -t * log(p) - (1 - t) * log(1 - p),
    "bce with soft labels": -t * log(p) - (1 - t) * log(1 - p),
    "loss_vector": (X * w - y).T * (X * w - y) / n,
    "Q": X.T * X,
    "q": X.T * y,
    "s": y.T * y,
    "quadratic_gradient": (A + A.T) * x,
    "gradient": 2 / n * X.T * (X * w - y),
    "normal_equations": Eq(X.T * X * w, X.T * y),
    "w_best": (X.T * X).inv() * X.T * y,
    "condition_of_normal_matrix": kappa**2,
}


def values(function, points):
    return [np.asarray(function(point), dtype=float) for point in points]


def agree(first, second):
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in zip(first, second, strict=True)
    )


# Right answers pass and wrong ones fail whatever the secret of a course is.
SECRETS = [f"a secret of some course, number {number}" for number in range(20)]


def test_every_step_has_a_right_answer_here_and_known_mistakes():
    assert set(RIGHT) == set(STEPS) == set(HIDDEN.MISTAKES)
    assert all(HIDDEN.MISTAKES.values())


@pytest.mark.parametrize("name", STEPS)
def test_right_answer_passes(name, monkeypatch):
    check_step(name, RIGHT[name])
    for secret in SECRETS:
        monkeypatch.setenv("COURSE_SECRET", secret)
        HIDDEN.check(name, RIGHT[name])


@pytest.mark.parametrize("name", STEPS)
def test_known_mistakes_are_wrong_and_differ(name, monkeypatch):
    step = STEPS[name]
    for secret in SECRETS[:5]:
        monkeypatch.setenv("COURSE_SECRET", secret)
        points = step.points(seed_for(f"derivation {name}"))
        forms = {"right": values(step.expected, points)}
        forms |= {text: values(mistake, points) for text, mistake in HIDDEN.MISTAKES[name].items()}
        for (first, a), (second, b) in itertools.combinations(forms.items(), 2):
            assert not agree(a, b), f"{first!r} and {second!r} have the same values"


def test_an_answer_made_for_the_points_of_practice_is_worth_nothing(monkeypatch):
    """The answer is right at each point that a student can see, and the visible check believes it."""
    points = STEPS["bce"].points(1)
    exact = sum(
        KroneckerDelta(t, at["t"]) * exp(-(10**6) * (p - at["p"]) ** 2) * float(STEPS["bce"].expected(at))
        for at in points
    )
    check_step("bce", exact)
    monkeypatch.setenv("COURSE_SECRET", SECRETS[0])
    with pytest.raises(CheckFailed, match="bce is wrong"):
        HIDDEN.check("bce", exact)


@pytest.mark.parametrize(
    ("name", "answer", "message"),
    [
        ("d_denominator", (exp(z[j] + 1e-5) - exp(z[j] - 1e-5)) / 2e-5, "as differences do"),
        ("d_diagonal", (exp(z[i] + h) - exp(z[i])) / h / Sum(exp(z[k]), (k, 1, N)), "as differences do"),
        ("d_denominator", exp(-20) * exp(z[j]) * exp(20), None),
        ("dL_dz", yhat[j] * Sum(y_[k], (k, 1, N)) - y_[j], "still holds a sum over the targets"),
        ("dL_dz", exp(z[j]) / Sum(exp(z[k]), (k, 1, N)) - y_[j], None),
        ("s", Sum(y[k, 0] ** 2, (k, 0, n - 1)), "holds a sum over an index"),
        ("loss_vector", ((X * w - y).T * (X * w - y))[0, 0] / n, None),
    ],
)
def test_how_a_step_is_written_is_looked_at(name, answer, message):
    if message is None:
        check_form(name, answer)
        return
    with pytest.raises(CheckFailed, match=message):
        check_form(name, answer)
    with pytest.raises(CheckFailed):
        HIDDEN.check(name, answer)


def test_a_sum_of_the_targets_is_found_however_it_is_written():
    total = sum((Piecewise((y_[m], m <= N), (0, True)) for m in (1, 2, 3, 4)), 0)
    check_step("dL_dz", yhat[j] * total - y_[j])
    with pytest.raises(CheckFailed, match="still step b"):
        HIDDEN.check("dL_dz", yhat[j] * total - y_[j])


def test_a_right_step_from_a_known_mistake_is_right():
    wrong = {"d_numerator": exp(z[i]), "d_denominator": exp(z[j])}
    HIDDEN.check("d_entry", yhat[i] * (1 - yhat[j]), **{key: lambda value=value: value for key, value in wrong.items()})
    with pytest.raises(CheckFailed):
        HIDDEN.check(
            "d_entry", yhat[i] * (1 + yhat[j]), **{key: lambda value=value: value for key, value in wrong.items()}
        )
    with pytest.raises(CheckFailed):  # what it starts from is no mistake of anybody's
        HIDDEN.check("dL_dz", 3 + y_[j], dL_dz_any_sum=lambda: 3 + y_[j])
    with pytest.raises(CheckFailed):  # it starts from a right answer
        HIDDEN.check("dL_dz", yhat[j] - 1, dL_dz_any_sum=lambda: RIGHT["dL_dz_any_sum"])
    with pytest.raises(CheckFailed):  # there is none

        def missing():
            raise NameError("dL_dz_any_sum")

        HIDDEN.check("dL_dz", yhat[j] - 1, dL_dz_any_sum=missing)


def test_the_package_holds_no_known_mistake():
    """Read together they give the right formulas away."""
    package = "".join(path.read_text() for path in Path(course_utils.__file__).parent.rglob("*.py"))
    told = [text for mistakes in HIDDEN.MISTAKES.values() for text in mistakes if text[:50] in package]
    assert not told


@pytest.mark.parametrize(
    ("name", "answer", "message"),
    [
        ("d_numerator", exp(z[i]), "A Kronecker delta is missing"),
        ("d_entry", yhat[i] * (1 - yhat[j]), "The Kronecker delta is missing"),
        ("d_entry", yhat[i] * (yhat[j] - KroneckerDelta(i, j)), "The sign is the other way round"),
        ("dL_dyhat", -1 / yhat[i], "one-hot target only"),
        ("dL_dz", yhat[j] - 1, "one-hot target only"),
        ("dL_dz_any_sum", yhat[j] - y_[j], "already uses that the targets sum to one"),
        ("bce", -t * log(p), "A second term is missing"),
        ("loss_vector", (X * w - y).T * (X * w - y), "This is the sum of the squares"),
        ("quadratic_gradient", 2 * A * x, "right for symmetric A only"),
        ("gradient", X.T * (X * w - y) / n, "A factor 2 is lost"),
        ("gradient", 2 / n * (X * w - y).T * X, "This is a row"),
        ("gradient", 2 * X.T * (X * w - y), "gradient of the sum"),
        ("normal_equations", Eq(X * w, y), "cannot be cancelled"),
    ],
)
def test_usual_mistakes_are_called_by_their_name(name, answer, message):
    with pytest.raises(CheckFailed, match=message):
        HIDDEN.check(name, answer)
    with pytest.raises(CheckFailed):
        check_step(name, answer)


def test_unknown_step():
    with pytest.raises(ValueError, match="Unknown step 'gradeint'"):
        check_step("gradeint", x)
