"""The network from scratch: steps tell mistakes apart, Circles is learned from any seed, figures can be drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from sympy import IndexedBase, symbols

from course_utils.checks import CheckFailed
from course_utils.lessons.neural_networks import training_figures as figures
from course_utils.lessons.neural_networks.circles import circles, grid
from course_utils.lessons.neural_networks.derivations import STEPS, check_step

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
