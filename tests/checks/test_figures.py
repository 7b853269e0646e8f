"""What is missing in a figure is said."""

import matplotlib.pyplot as plt
import pytest

from course_utils.checks import assert_figure
from tests.support.check_messages import message


@pytest.fixture
def curves():
    """Two labelled lines in one panel."""
    plt.switch_backend("agg")
    figure, ax = plt.subplots()
    ax.plot([0, 1], [1, 0], label="train")
    ax.plot([0, 1], [1, 2], label="validation")
    ax.set_xlabel("Epoch")
    ax.set_ylabel("Loss (nats)")
    yield figure
    plt.close("all")


def test_a_readable_figure_passes(curves):
    curves.axes[0].legend()
    assert_figure(curves, axes=1, lines=2, legend=True)
    assert_figure(curves.axes[0], lines=2)


def test_text_beside_lines_replaces_a_legend(curves):
    assert "add a legend" in message(assert_figure, curves, legend=True)
    curves.axes[0].text(1, 2, "validation")
    assert_figure(curves, legend=True)


def test_what_is_missing_in_a_figure_is_named(curves):
    assert "must have 2 panels, got 1" in message(assert_figure, curves, axes=2)
    assert "at least 3 lines, got 2" in message(assert_figure, curves, lines=3)
    assert "at least 1 image, got 0" in message(assert_figure, curves, images=1)
    curves.axes[0].set_ylabel(" ")
    assert message(assert_figure, curves, "the curves") == "Panel 1 of the curves has no label on its vertical axis."
    assert_figure(curves, labels=False)


def test_a_line_of_one_point_is_no_curve(curves):
    curves.axes[0].plot([1], [1])
    assert "at least 3 lines, got 2" in message(assert_figure, curves, lines=3)


def test_other_things_are_no_figures():
    assert "return the figure that you drew" in message(assert_figure, None)
    assert "must be a Matplotlib figure or axes, got a list" in message(assert_figure, [1])
