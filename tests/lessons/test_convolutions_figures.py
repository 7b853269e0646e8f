"""Figures of the notebooks on convolution show what their texts say."""

import matplotlib.pyplot as plt
import pytest

from course_utils.lessons.convolutions.figures import plot_depth
from course_utils.plotting import VERMILLION


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def boxes(ax, width):
    return [patch for patch in ax.patches if getattr(patch, "get_width", lambda: None)() == width]


def test_a_kernel_has_a_slice_for_each_input_channel_and_makes_one_map():
    ax = plot_depth(in_channels=3, kernel_size=3, size=8)
    inputs, maps = boxes(ax, 8), boxes(ax, 6)
    assert (len(inputs), len(maps)) == (3, 1)
    slices = [box for box in boxes(ax, 3) if box.get_fill()]
    assert [box.get_facecolor() for box in slices] == [box.get_facecolor() for box in inputs]
    assert len({box.get_facecolor() for box in inputs}) == 3
    windows = [box for box in boxes(ax, 3) if not box.get_fill() and box.get_linewidth() == 2]
    assert len({box.get_hatch() for box in windows}) == 3  # known without colours
    texts = [text.get_text() for text in ax.texts]
    assert all(texts.count(f"c = {channel}") == 2 for channel in range(3))


def test_the_marked_entry_of_the_map_is_where_the_window_stands():
    ax = plot_depth(in_channels=2, kernel_size=2, size=6)
    first = boxes(ax, 6)[-1]  # channel 0 is drawn last
    window = [box for box in boxes(ax, 2) if not box.get_fill() and box.get_linewidth() == 2][-1]
    (output,), (entry,) = boxes(ax, 5), boxes(ax, 1)
    offset = window.get_x() - first.get_x(), window.get_y() - first.get_y()
    assert offset == (entry.get_x() - output.get_x(), entry.get_y() - output.get_y())
    assert plt.matplotlib.colors.same_color(entry.get_facecolor(), VERMILLION)


def test_it_draws_into_given_axes():
    ax = plt.subplots()[1]
    assert plot_depth(1, ax=ax) is ax


@pytest.mark.parametrize(
    ("arguments", "message"), [((5,), "from 1 to 4"), ((0,), "from 1 to 4"), ((3, 6, 7), "does not fit")]
)
def test_what_cannot_be_drawn_is_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_depth(*arguments)
