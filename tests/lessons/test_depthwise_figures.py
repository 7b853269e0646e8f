"""Figures on networks: each can be drawn, says what its axes show, and leaves no figure open."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from course_utils.lessons.depthwise import figures

FIGURES = {
    "plot_comparison": (["plain", "separable"], {"Time": [2.0, 1.0]}, {"Time": "s"}),
    "plot_connections": (4, 8, [1, 2, 4]),
    "plot_layer_costs": ([8, 16], [0.2, 0.1], [0.9, 0.5]),
}
WITHOUT_AXES = {"plot_connections"}


def test_every_figure_is_tried():
    assert set(FIGURES) == set(figures.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_labelled_and_nothing_stays_open(name):
    figure = getattr(figures, name)(*FIGURES[name])
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    if name not in WITHOUT_AXES:
        assert all(ax.get_ylabel() for ax in figure.axes)
    assert not plt.get_fignums()


def test_channels_that_cannot_be_grouped_are_told():
    with pytest.raises(ValueError, match="4 and 6 channels cannot be divided into 4 groups"):
        figures.plot_connections(4, 6, [4])


def test_as_many_lines_as_pairs():
    figure = figures.plot_connections(4, 8, [1, 2, 4])
    assert [len(ax.lines) for ax in figure.axes] == [32, 16, 8]
