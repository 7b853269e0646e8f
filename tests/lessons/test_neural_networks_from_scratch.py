"""The network from scratch: steps tell mistakes apart, Circles is learned from any seed, figures can be drawn."""

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scipy import special
from sympy import IndexedBase, symbols
from torch import nn

from course_utils import checks
from course_utils.checks import CheckFailed
from course_utils.lessons.neural_networks import training_figures as figures
from course_utils.lessons.neural_networks.circles import circles, grid
from course_utils.lessons.neural_networks.derivations import STEPS, check_step
from tests.support.engine import SOURCE

LOSSES = np.linspace(0.7, 0.1, 6)
CURVES = {"train_loss": LOSSES, "test_loss": LOSSES, "test_accuracy": 1 - LOSSES}
POINTS, GRID = np.random.default_rng(0).normal(size=(6, 2)), grid(step=0.5)

FIGURES = {
    "plot_border": (POINTS, np.arange(6) % 2, 1 / (1 + np.exp(GRID[:, 0])), LOSSES, 3),
    "plot_difference_errors": (np.array([1e-3, 1e-2]), {"central": np.array([1e-6, 1e-4])}),
    "plot_rates": ({"rate 1": CURVES, "rate 9": {**CURVES, "train_loss": np.full(6, np.nan)}},),
    "plot_scaling": (LOSSES[None], {"batch size 50": {"same": LOSSES[None]}, "batch size 200": {}}, "10", 4),
    "plot_versions": ({"by hand": CURVES, "autograd": CURVES},),
}


def test_every_figure_is_tried():
    assert set(FIGURES) == set(figures.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_labelled_and_nothing_stays_open(name):
    figure = getattr(figures, name)(*FIGURES[name])
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None and ax.axison]
    assert panels[0].get_ylabel()
    assert all(ax.get_xlabel() for ax in panels)
    assert not plt.get_fignums()


def test_an_unknown_step_is_told():
    with pytest.raises(ValueError, match="Unknown step 'dL_dX'"):
        check_step("dL_dX", 0)


@pytest.mark.parametrize("name", STEPS)
def test_no_step_is_a_constant(name):
    for value in (0, 1):
        with pytest.raises(CheckFailed, match=name):
            check_step(name, value)


def test_what_is_asked_for_is_no_symbol_of_the_answer():
    """A student can't enter the quantity itself: that is, the points do not hold it."""
    h, ytilde, i, j, n = IndexedBase("h"), IndexedBase("ytilde"), *symbols("i j n")
    for name, answer in (("f_h", h[i]), ("f_ytilde", ytilde[i]), ("G_entry", IndexedBase("G")[n, i])):
        with pytest.raises(CheckFailed, match="which is not one of"):
            check_step(name, answer)
    with pytest.raises(CheckFailed, match="uses `D`"):
        check_step("dL_dhtilde", IndexedBase("D")[n, j])


def test_circles_are_learned_from_each_of_twenty_seeds():
    """As the notebook trains: weights of spread 0.3, rate 0.3, batches of 10, 150 epochs; 20 networks side by side."""
    data, draws = circles(), np.random.default_rng(1)
    Wh, Wy = 0.3 * draws.normal(size=(20, 10, 2)), 0.3 * draws.normal(size=(20, 2, 10))
    bh, by = np.zeros((20, 1, 10)), np.zeros((20, 1, 2))

    def outputs(X):
        h = np.tanh(X @ Wh.swapaxes(1, 2) + bh)
        powers = np.exp(h @ Wy.swapaxes(1, 2) + by)
        return h, powers / powers.sum(axis=2, keepdims=True)

    for _ in range(150):
        for part in draws.permuted(np.tile(np.arange(200), (20, 1)), axis=1).reshape(20, 20, 10).swapaxes(0, 1):
            X, Y = data.X_train[part], data.Y_train[part]
            h, yhat = outputs(X)
            G = 0.3 * (yhat - Y) / 10
            D = (G @ Wy) * (1 - h**2)
            Wh, bh = Wh - D.swapaxes(1, 2) @ X, bh - D.sum(axis=1, keepdims=True)
            Wy, by = Wy - G.swapaxes(1, 2) @ h, by - G.sum(axis=1, keepdims=True)
    hits = (outputs(data.X_test)[1].argmax(axis=2) == data.Y_test.argmax(axis=1)).mean(axis=1)
    assert hits.min() >= 0.92


NETWORK = "nn.Sequential(nn.Linear(nx, nh), nn.Tanh(), nn.Linear(nh, ny)"
TRIED = {
    "make_model": (
        f"lambda nx, nh, ny: {NETWORK}).double()",
        {
            f"lambda nx, nh, ny: {NETWORK})": "float32 by itself",
            f"lambda nx, nh, ny: {NETWORK}, nn.Softmax(1)).double()": "these are probabilities",
            "lambda nx, nh, ny: nn.Linear(nx, ny).double()": "Weights and biases of two layers",
            "lambda nx, nh, ny: None": "must return an nn.Module",
        },
    ),
    "first_epoch": (
        "lambda a, level: next((k for k, v in enumerate(a, 1) if v >= level), None)",
        {
            "lambda a, level: next((k for k, v in enumerate(a) if v >= level), None)": "count from 1",
            "lambda a, level: int(np.argmax(np.array(a) >= level)) + 1": "must be None",
        },
    ),
    "scaled_rates": (
        "lambda rate, old, new: {'same': rate, 'root': rate * (new / old) ** 0.5, 'linear': rate * new / old}",
        {
            "lambda rate, old, new: {'same': rate, 'root': rate * new**0.5, 'linear': rate * new}": "Nothing has",
            "lambda rate, old, new: {'same': rate, 'root': rate * (old / new) ** 0.5, 'linear': rate * old / new}": (
                "A larger batch"
            ),
            "lambda rate, old, new: {'same': rate}": "no entry 'root'",
        },
    ),
    "curve_gap": (
        "lambda one, other: np.abs(one.mean(0) - other.mean(0)).mean()",
        {
            "lambda one, other: abs((one.mean(0) - other.mean(0)).mean())": "crossing",
            "lambda one, other: np.abs(one - other).mean()": "noisy",
        },
    ),
}


@pytest.mark.parametrize("name", TRIED)
def test_a_visible_check_without_points_tells_mistakes_apart(name):
    """They are no graded cells, so that no bank of answers plays them."""
    paths = (SOURCE / "neural-networks" / f"{each}.ipynb" for each in ("from-scratch", "gradient-descent"))
    cells = [cell for path in paths for cell in nbformat.read(path, as_version=4).cells]
    (check,) = (c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == f"try_{name}")
    names = {"np": np, "nn": nn, "torch": torch} | {key: getattr(checks, key) for key in checks.__all__}
    right, wrong = TRIED[name]
    exec(check, names | {name: eval(right, names)})
    for formula, words in wrong.items():
        with pytest.raises(CheckFailed, match=words):
            exec(check, names | {name: eval(formula, names)})


def test_pasted_functions_that_do_not_learn_are_told():
    cells = nbformat.read(SOURCE / "neural-networks" / "gradient-descent.ipynb", as_version=4).cells
    sources = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in cells}
    names = {"np": np, "special": special, "data": circles(), "assert_that": checks.assert_that}
    exec(sources["own_functions"], names)
    exec(sources["try_own_functions"], names)
    exec("def sgd(params, grads, eta):\n    return {k: v + eta * grads[k] for k, v in params.items()}\n", names)
    with pytest.raises(CheckFailed, match="should be below"):
        exec(sources["try_own_functions"], names)
