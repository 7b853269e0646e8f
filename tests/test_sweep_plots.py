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
    "plot_runs": ({"plain": RUN | {"train_accuracy": [0.1, 0.5, 0.9]}, "with dropout": RUN}, "Dropout"),
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
    assert name == "plot_versions" or any(ax.get_xlabel() for ax in figure.axes)
    assert not plt.get_fignums()


def test_a_run_that_diverged_is_marked():
    figure = sweep_plots.plot_sweeps({"": {"fine": RUN, "lost": LOST}})
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [[], ["diverged"]]


def test_a_run_that_only_begins_high_is_not_called_lost():
    late = RUN | {"train_loss": [40.0, 2.2, 1.9]}
    far = RUN | {"train_loss": [2.3, 8.0, 9.0]}
    figure = sweep_plots.plot_sweeps({"": {"late": late, "far": far}})
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [[], ["off the scale"]]


def test_versions_that_are_stretched_say_from_where_to_where():
    figure = sweep_plots.plot_versions(
        {"pixels": np.zeros((2, 3, 4, 4), np.uint8), "halves": np.full((2, 3, 4, 4), 0.5)}
    )
    assert [figure.axes[0].get_ylabel(), figure.axes[2].get_ylabel()] == ["pixels", "halves\n0.5 to 0.5"]


def test_axes_begin_where_they_are_told_and_marks_stay_inside():
    figure = sweep_plots.plot_sweeps({"": {"fine": RUN, "lost": LOST}}, lowest=1.5)
    low, high = figure.axes[1].get_ylim()
    assert low == 1.5
    marks = [y for line in figure.axes[1].lines if line.get_marker() == "^" for y in line.get_ydata()]
    assert marks and all(low < y < high for y in marks)


def test_panels_of_a_group_that_is_too_long_go_on_in_the_next_row():
    figure = sweep_plots.plot_sweeps({"": {f"run {n}": RUN for n in range(6)}}, columns=3)
    assert [ax.get_title().partition("\n")[0] for ax in figure.axes] == [f"run {n}" for n in range(6)]


def test_runs_are_drawn_for_training_and_for_validation():
    figure = sweep_plots.plot_runs({"a": RUN | {"train_accuracy": [0.2, 0.6, 0.9]}, "b": RUN})
    assert [ax.get_title() for ax in figure.axes] == ["training", "training", "validation", "validation"]
    assert list(figure.axes[1].lines[0].get_ydata()) == [20.0, 60.0, 90.0]
    assert list(figure.axes[2].lines[1].get_ydata()) == RUN["validation_loss"]
