"""Figures of the notebooks on trained networks: panels, labels, and what is drawn where."""

from __future__ import annotations

import pytest
import torch

from course_utils.lessons.visualisation import figures
from course_utils.plotting import save_png

PICTURES = torch.randint(256, (3, 3, 20, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TITLES = ["cat", "dog", "owl"]


def test_maps_have_a_row_for_each_picture_and_signed_ones_a_scale_around_zero():
    maps = {"positive": torch.rand(3, 20, 30), "signed": torch.randn(3, 20, 30), "empty": torch.zeros(3, 20, 30)}
    figure = figures.plot_maps(PICTURES, maps, TITLES)
    assert len(figure.axes) == 12
    positive, signed = figure.axes[1].images[0], figure.axes[2].images[0]
    assert positive.norm.vmin == 0 and signed.norm.vmin == -signed.norm.vmax
    assert save_png(figure)[:4] == b"\x89PNG"


def test_fooling_has_four_panels_and_no_change_is_grey():
    figure = figures.plot_fooling(PICTURES[0], PICTURES[0], "cat", "dog")
    assert len(figure.axes) == 4 and "RMS 0.0" in figure.axes[2].get_title()
    assert (figure.axes[3].images[0].get_array() == 128).all()
    brighter = figures.plot_fooling(PICTURES[0] // 2, PICTURES[0] // 2 + 2, "cat", "dog", magnification=10)
    assert (brighter.axes[2].images[0].get_array() == 130).all()
    assert (brighter.axes[3].images[0].get_array() == 148).all()


def test_iterations_are_labelled():
    figure = figures.plot_iterations({"cat": [0.1, 0.5, 0.9], "dog": [0.2, 0.8]}, confidence=0.5)
    (ax,) = figure.axes
    assert ax.get_xlabel() and ax.get_ylabel() and len(ax.get_legend().get_texts()) == 2
    assert len({line.get_linestyle() for line in ax.lines[:2]}) == 2


def test_tables_show_the_row_that_was_made_and_the_column_that_was_tried():
    table = {"one": {"one": 1.0, "two": 0.25}, "two": {"one": 0.0, "two": 0.5}}
    figure = figures.plot_transfer({"reached": table, "changed": table})
    assert len(figure.axes) == 2
    texts = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert texts[1, 0] == "25%" and texts[0, 1] == "0%"


@pytest.mark.parametrize("boxes", [(), [(0, 0, 5, 5), (), (1, 2, 3, 4)]])
def test_responses_are_drawn_alone_and_over_pictures_of_any_size(boxes):
    pictures = [PICTURES[0], PICTURES[1, :, :10], PICTURES[2, :, :, :12]]
    figure = figures.plot_responses(pictures, [torch.randn(4, 6), torch.zeros(2, 2), torch.ones(1, 3)], TITLES, boxes)
    assert len(figure.axes) == 6
    assert len(figure.axes[0].patches) == (2 if boxes else 0) and not figure.axes[1].patches
    assert save_png(figure)


def test_peaks_are_drawn_at_column_and_row():
    points = torch.tensor([[5.0, 25.0], [1.0, 2.0], [3.0, 4.0]])
    figure = figures.plot_peaks(PICTURES, points, torch.tensor([[0.0, 20, 10, 30]] * 3), TITLES)
    cross = figure.axes[0].lines[0]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (24.5, 4.5)


def test_shares_carry_their_uncertainty():
    figure = figures.plot_shares({"peak": 0.5, "centre": 0.1, "all": 1.0}, 100, "Share")
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["50%", "10%", "100%"] and ax.get_xlabel() == "Share"
