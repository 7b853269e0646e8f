"""Digits: figures can be drawn and say what they are about."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils.lessons.neural_networks import digit_figures as figures

DRAWS = np.random.default_rng(0)
COUNTS = np.array([[90, 3, 0], [1, 80, 2], [0, 7, 70]])

FIGURES = {
    "plot_digits": (DRAWS.integers(256, size=(3, 1, 8, 8)).astype(np.uint8), ["1", "2", "3"], 2),
    "plot_mixed_up": (COUNTS,),
    "plot_shifted": (np.zeros((8, 8), np.uint8), np.array([0.2, 0.8]), np.array([0.9, 0.1]), "a 0, moved"),
    "plot_unit_values": ({"wide": 30 * DRAWS.normal(size=(5, 4)), "narrow": DRAWS.normal(size=6)},),
    "plot_units": ({"one": DRAWS.normal(size=(3, 64)), "other": np.zeros((3, 64))}, 8),
}


def draw(name: str) -> Figure:
    figure = getattr(figures, name)(*FIGURES[name])
    figure.canvas.draw()
    return figure


def test_every_figure_is_tried():
    assert set(FIGURES) == set(figures.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_labelled_and_nothing_stays_open(name):
    figure = draw(name)
    plain = [ax for ax in figure.axes if ax.axison and not ax.images]
    assert all(ax.get_ylabel() for ax in plain)
    assert not plt.get_fignums()


def test_values_beyond_the_panel_are_counted_at_its_ends():
    for ax in draw("plot_unit_values").axes:
        assert [round(float(line.get_data().values.sum()), 6) for line in ax.patches] == [100.0, 100.0]


def test_right_answers_are_left_out_of_the_table():
    ax = draw("plot_mixed_up").axes[0]
    assert [text.get_text() for text in ax.texts] == ["", "3", "0", "1", "", "2", "0", "7", ""]
    assert ax.images[0].get_array().max() == 7
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Said", "True digit")


def test_weights_of_a_row_share_a_scale_about_zero():
    drawn = [ax.images[0] for ax in draw("plot_units").axes[:6]]
    assert len({image.get_clim() for image in drawn[:3]}) == 1
    assert all(image.get_clim()[0] == -image.get_clim()[1] for image in drawn)
