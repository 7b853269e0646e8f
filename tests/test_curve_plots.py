"""Figures of learning curves and of batch statistics show what they are given."""

from __future__ import annotations

import numpy as np

from course_utils.checks import assert_figure
from course_utils.curve_plots import plot_batch_variance, plot_curves
from course_utils.plotting import save_png

HISTORY = {
    "train_loss": [2.0, 1.5],
    "train_accuracy": [0.2, 0.4],
    "validation_loss": [2.1, 1.8],
    "validation_accuracy": [0.15, 0.3],
}


def test_curves_have_a_line_for_each_run_and_split():
    figure = plot_curves({"SGD": {"one": HISTORY, "two": HISTORY}, "Adam": {"one": HISTORY}})
    assert_figure(figure, axes=4, lines=12, labels=True)
    assert figure.axes[1].lines[0].get_ydata().tolist() == [20, 40]
    styles = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(styles) == 4
    assert figure.axes[0].get_ylim() == figure.axes[2].get_ylim()
    assert save_png(figure).startswith(b"\x89PNG")


def test_guessing_is_a_line_in_each_panel_beside_the_legend():
    figure = plot_curves({"SGD": {"one": HISTORY}}, num_classes=10)
    loss, accuracy = (ax.lines[-1].get_ydata()[0] for ax in figure.axes)
    assert np.isclose(loss, np.log(10)) and np.isclose(accuracy, 10)
    assert save_png(figure).startswith(b"\x89PNG")
    panel = figure.axes[1]
    assert panel.get_legend().get_window_extent().x0 >= panel.get_window_extent().x1


def test_a_split_that_was_not_measured_leaves_no_line():
    figure = plot_curves({"": {"one": {"train_loss": [2.0]}}}, splits=("train",))
    assert [len(line.get_xdata()) for ax in figure.axes for line in ax.lines] == [1, 0]


def test_batch_variance_has_both_lines_and_the_one_of_independent_pixels():
    sizes = [1, 2, 4]
    figure = plot_batch_variance(sizes, [1.0, 0.6, 0.2], 1 / np.array(sizes), pixels=16)
    assert_figure(figure, axes=1, lines=3)
    assert figure.axes[0].lines[2].get_ydata().tolist() == [1 / 16, 1 / 32, 1 / 64]
    assert save_png(figure).startswith(b"\x89PNG")
