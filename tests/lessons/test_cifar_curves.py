"""Curves over the epochs show what they are given."""

from __future__ import annotations

import numpy as np

from course_utils.checks import assert_figure
from course_utils.plotting import save_png
from course_utils.plotting.curves import TRAINING, TRAINING_ABOVE_VALIDATION, plot_runs, plot_splits

HISTORY = {
    "train_loss": [2.0, 1.5],
    "train_accuracy": [0.2, 0.4],
    "validation_loss": [2.1, 1.8],
    "validation_accuracy": [0.15, 0.3],
}


def test_curves_have_a_line_for_each_run_and_split():
    figure = plot_runs({"SGD": {"one": HISTORY, "two": HISTORY}, "Adam": {"one": HISTORY}})
    assert_figure(figure, axes=4, lines=12, labels=True)
    assert figure.axes[1].lines[0].get_ydata().tolist() == [20, 40]
    styles = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(styles) == 4
    assert figure.axes[0].get_ylim() == figure.axes[2].get_ylim()
    assert save_png(figure).startswith(b"\x89PNG")


def test_guessing_is_a_line_in_each_panel_beside_the_legend():
    figure = plot_runs({"SGD": {"one": HISTORY}}, num_classes=10)
    loss, accuracy = (ax.lines[-1].get_ydata()[0] for ax in figure.axes)
    assert np.isclose(loss, np.log(10)) and np.isclose(accuracy, 10)
    assert save_png(figure).startswith(b"\x89PNG")
    panel = figure.axes[1]
    assert panel.get_legend().get_window_extent().x0 >= panel.get_window_extent().x1


def test_a_split_that_was_not_measured_leaves_no_line():
    figure = plot_runs({"": {"one": {"train_loss": [2.0]}}}, TRAINING)
    assert [len(line.get_xdata()) for ax in figure.axes for line in ax.lines] == [1, 0]


def test_runs_are_drawn_for_training_and_for_validation():
    runs = {"a": HISTORY, "b": {"validation_loss": [3.0, 2.0]}}
    figure = plot_runs({"": runs}, TRAINING_ABOVE_VALIDATION, title="Dropout")
    assert [ax.get_title() for ax in figure.axes] == ["training", "training", "validation", "validation"]
    assert list(figure.axes[1].lines[0].get_ydata()) == [20.0, 40.0]
    assert list(figure.axes[2].lines[1].get_ydata()) == [3.0, 2.0]
    assert figure.axes[1].get_legend().get_title().get_text() == "Dropout"


def test_panels_of_splits_share_their_range_and_name_their_lines():
    figure = plot_splits({"few": HISTORY, "many": HISTORY}, "Loss (1)", log=True)
    assert [ax.get_title() for ax in figure.axes] == ["few", "many"]
    assert [line.get_label() for line in figure.axes[0].lines] == ["training", "validation"]
    assert figure.axes[0].get_yscale() == "log" and figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert save_png(figure).startswith(b"\x89PNG")


def test_what_guessing_loses_is_a_line_below_the_upper_edge():
    figure = plot_splits({"one": HISTORY}, guess=2.5)
    assert figure.axes[0].get_ylim() == (0, 2.75)
    assert "guessing" in [text.get_text() for text in figure.axes[0].texts]
