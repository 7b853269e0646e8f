"""Grids of pictures: each can be drawn, and leaves no figure open."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils.plotting import grids

PICTURES = np.random.default_rng(0).integers(256, size=(4, 3, 8, 8), dtype=np.uint8)
FIGURES = {
    "plot_augmented": (PICTURES, [PICTURES, PICTURES]),
    "plot_breeds": ({"pug": [np.zeros((4, 4, 3), np.uint8)], "boxer": []},),
    "plot_pictures": (PICTURES, ["a", "b", "c", "d"], 3),
    "plot_versions": ({"pixels": PICTURES, "ZCA": np.random.default_rng(1).normal(size=(4, 3, 8, 8))},),
}


def test_every_figure_is_tried():
    assert set(FIGURES) == set(grids.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_pictures_are_drawn_and_nothing_stays_open(name):
    figure = getattr(grids, name)(*FIGURES[name])
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert any(ax.images for ax in figure.axes)
    assert not plt.get_fignums()


def test_versions_that_are_stretched_say_from_where_to_where():
    figure = grids.plot_versions({"pixels": np.zeros((2, 3, 4, 4), np.uint8), "halves": np.full((2, 3, 4, 4), 0.5)})
    assert [figure.axes[0].get_ylabel(), figure.axes[2].get_ylabel()] == ["pixels", "halves\n0.5 to 0.5"]
