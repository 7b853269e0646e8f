"""Figures on training runs: each can be drawn, says what its axes show, and leaves no figure open."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils.checks import assert_figure
from course_utils.lessons.cifar import figures
from course_utils.plotting import save_png

RUN = {"train_loss": [2.3, 1.5, 0.4], "validation_loss": [2.2, 1.6, 1.9], "validation_accuracy": [0.1, 0.4, 0.5]}
LOST = {
    "train_loss": [2.3, float("nan"), 90.0],
    "validation_loss": [float("inf")] * 3,
    "validation_accuracy": [0.1] * 3,
}

FIGURES = {
    "plot_sweeps": ({"SGD": {f"rate {n}": RUN for n in range(5)}, "Adam": {"rate 9": LOST}},),
    "plot_first_epoch": ([2.3, 2.0, 1.9, 1.7], {"training pictures": 1.6, "validation pictures": 1.65}, 4),
    "plot_batch_variance": ([1, 2], [1.0, 0.6], [1.0, 0.5]),
    "plot_learning_rates": ([0.1, 1.0, 10.0], [2.0, 1.5, np.nan], 30),
    "plot_schedules": ({"steps": [0.1, 0.1, 0.01], "constant": [0.1] * 3},),
    "plot_final": ({"plain": (0.99, 0.5), "with dropout": (0.7, 0.55)},),
}


def test_every_figure_is_tried():
    assert set(FIGURES) == set(figures.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_can_be_drawn_and_nothing_stays_open(name):
    figure = getattr(figures, name)(*FIGURES[name])
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert figure.axes[0].get_ylabel()
    assert any(ax.get_xlabel() for ax in figure.axes)
    assert not plt.get_fignums()


def test_a_run_that_diverged_is_marked():
    figure = figures.plot_sweeps({"": {"fine": RUN, "lost": LOST}})
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [[], ["diverged"]]


def test_a_run_that_only_begins_high_is_not_called_lost():
    late = RUN | {"train_loss": [40.0, 2.2, 1.9]}
    far = RUN | {"train_loss": [2.3, 8.0, 9.0]}
    figure = figures.plot_sweeps({"": {"late": late, "far": far}})
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [[], ["off the scale"]]


def test_axes_begin_where_they_are_told_and_marks_stay_inside():
    figure = figures.plot_sweeps({"": {"fine": RUN, "lost": LOST}}, lowest=1.5)
    low, high = figure.axes[1].get_ylim()
    assert low == 1.5
    marks = [y for line in figure.axes[1].lines if line.get_marker() == "^" for y in line.get_ydata()]
    assert marks and all(low < y < high for y in marks)


def test_panels_of_a_group_that_is_too_long_go_on_in_the_next_row():
    figure = figures.plot_sweeps({"": {f"run {n}": RUN for n in range(6)}}, columns=3)
    assert [ax.get_title().partition("\n")[0] for ax in figure.axes] == [f"run {n}" for n in range(6)]


def test_batch_variance_has_both_lines_and_the_one_of_independent_pixels():
    sizes = [1, 2, 4]
    figure = figures.plot_batch_variance(sizes, [1.0, 0.6, 0.2], 1 / np.array(sizes), pixels=16)
    assert_figure(figure, axes=1, lines=3)
    assert figure.axes[0].lines[2].get_ydata().tolist() == [1 / 16, 1 / 32, 1 / 64]
    assert save_png(figure).startswith(b"\x89PNG")
