"""Figures on losses: each can be drawn, says what its axes show, and leaves no figure open."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils.lessons.losses import figures

RNG = np.random.default_rng(0)
EPOCHS = np.linspace(1, 0.1, 20)
FEATURES, TARGETS = RNG.normal(size=(9, 2)), RNG.normal(size=9)
GRID = np.linspace(-3, 3, 7)

FIGURES = {
    "plot_softmax": ([1.0, 0.0, -1.0], [0.7, 0.2, 0.1]),
    "plot_jacobian": (np.diag([0.2, -0.1]), np.array([0.6, 0.4])),
    "plot_gradient_bars": ({"one": (EPOCHS[:3], EPOCHS[:3], EPOCHS[:3]), "two": (EPOCHS[:3],) * 3},),
    "plot_bce_examples": ([1, 0], [0.2, 0.5], [1.6, 0.7], 1.15),
    "plot_loss_against_metric": (GRID, GRID**2, np.linspace(0, 1, 7)),
    "plot_two_tasks": (GRID, 2 * GRID, (GRID > 0).astype(int), np.abs, np.tanh),
    "plot_losses_of_logit": (GRID, {"BCE": GRID**2, "MSE": GRID}, {"BCE": GRID, "MSE": GRID}),
    "plot_weights": ({"A": GRID, "B": -GRID},),
    "plot_valley": (np.column_stack([GRID, 2 * GRID]), GRID, np.array([0.2, 0.4])),
    "plot_descent": ({"run": (FEATURES, TARGETS, RNG.normal(size=(5, 2)))},),
    "plot_condition": ([1, 2, 3], {"inverse": [1e-3, 0.1, np.nan], "lstsq": [0.0, 1e-9, 1e-8]}, "Degree"),
    "plot_fits": (GRID, GRID, {"L2": np.array([0.0, 1.0])}, GRID > 2),
}


def test_every_figure_is_tried():
    assert set(FIGURES) == set(figures.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_labelled_and_nothing_stays_open(name):
    figure = getattr(figures, name)(*FIGURES[name])
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    assert panels
    assert all(ax.get_xlabel() for ax in panels)
    # Panels that share their scale are labelled on the left one.
    assert panels[0].get_ylabel()
    assert not plt.get_fignums()
