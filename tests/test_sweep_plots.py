"""Figures on training runs: each can be drawn, says what its axes show, and leaves no figure open."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils import sweep_plots

RUN = {"train_loss": [2.3, 1.5, 0.4], "validation_loss": [2.2, 1.6, 1.9], "validation_accuracy": [0.1, 0.4, 0.5]}
LOST = {
    "train_loss": [2.3, float("nan"), 90.0],
    "validation_loss": [float("inf")] * 3,
    "validation_accuracy": [0.1] * 3,
}
RNG = np.random.default_rng(0)

FIGURES = {
    "plot_sweeps": ({"SGD": {f"rate {n}": RUN for n in range(5)}, "Adam": {"rate 9": LOST}},),
    "plot_first_epoch": ([2.3, 2.0, 1.9, 1.7], {"training pictures": 1.6, "validation pictures": 1.65}, 4),
    "plot_schedules": ({"steps": [0.1, 0.1, 0.01], "constant": [0.1] * 3},),
    "plot_final": ({"plain": (0.99, 0.5), "with dropout": (0.7, 0.55)},),
    "plot_versions": (
        {"pixels": RNG.integers(0, 255, (4, 3, 8, 8), dtype=np.uint8), "ZCA": RNG.normal(size=(4, 3, 8, 8))},
    ),
}


def test_every_figure_is_tried():
    assert set(FIGURES) == set(sweep_plots.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_can_be_drawn_and_nothing_stays_open(name):
    figure = getattr(sweep_plots, name)(*FIGURES[name])
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert figure.axes[0].get_ylabel()
    assert name == "plot_versions" or figure.axes[0].get_xlabel()
    assert not plt.get_fignums()


def test_a_run_that_diverged_is_marked():
    figure = sweep_plots.plot_sweeps({"": {"fine": RUN, "lost": LOST}})
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [[], ["diverged"]]


def test_axes_begin_where_they_are_told_and_marks_stay_inside():
    figure = sweep_plots.plot_sweeps({"": {"fine": RUN, "lost": LOST}}, lowest=1.5)
    low, high = figure.axes[1].get_ylim()
    assert low == 1.5
    marks = [y for line in figure.axes[1].lines if line.get_marker() == "^" for y in line.get_ydata()]
    assert marks and all(low < y < high for y in marks)


def test_panels_of_a_group_that_is_too_long_go_on_in_the_next_row():
    figure = sweep_plots.plot_sweeps({"": {f"run {n}": RUN for n in range(6)}}, columns=3)
    assert [ax.get_title().partition("\n")[0] for ax in figure.axes] == [f"run {n}" for n in range(6)]
