"""The picture made in code holds what the notebooks look for in it, and is the same everywhere."""

import numpy as np
import pytest
from scipy.signal import correlate2d

from course_utils.lessons.convolutions.still_life import grey, still_life

VERTICAL_LINE = np.array([[-1, 2, -1]] * 3)


@pytest.fixture(scope="module")
def picture():
    """The size that by-hand uses."""
    return still_life(150, 200)


def test_shape_dtype_and_range(picture):
    assert picture.shape == (150, 200, 3)
    assert picture.dtype == np.float64
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert np.isfinite(picture).all()


def test_two_calls_give_the_same_picture():
    np.testing.assert_array_equal(still_life(30, 40), still_life(30, 40))


def test_pixel_values_do_not_depend_on_random_state():
    np.random.seed(1)
    one = still_life(24, 32)
    np.random.seed(2)
    np.testing.assert_array_equal(one, still_life(24, 32))


def test_any_ratio_works():
    assert still_life(40, 17).shape == (40, 17, 3)
    assert still_life(16, 90).shape == (16, 90, 3)


def test_a_small_picture_is_a_large_one_seen_from_afar(picture):
    # Means of 5 x 5 pixels before the gamma curve; edges and highlights may differ a little.
    linear = (picture**2.2).reshape(30, 5, 40, 5, 3).mean(axis=(1, 3))
    assert np.abs(linear ** (1 / 2.2) - still_life(30, 40)).mean() < 0.03


@pytest.mark.parametrize("size", [(15, 200), (200, 0)])
def test_tiny_pictures_are_refused(size):
    with pytest.raises(ValueError, match="at least 16 pixels, got"):
        still_life(*size)


def test_it_shows_a_full_range_of_brightness(picture):
    dark, bright = np.quantile(grey(picture), [0.05, 0.95])
    assert dark < 0.3
    assert bright > 0.65


def test_colours_differ(picture):
    apple, orange, jug = picture[90, 50], picture[95, 108], picture[65, 150]
    assert apple[0] > 1.5 * apple[2]  # reddish
    assert orange[0] > orange[1] > 2 * orange[2]  # orange
    assert jug[2] > jug[0]  # the blue band


def test_upright_joints_answer_to_vertical_lines_and_level_ones_to_horizontal_lines(picture):
    wall = grey(picture)[2:60, 2:130]
    vertical = np.abs(correlate2d(wall, VERTICAL_LINE, mode="valid"))
    horizontal = np.abs(correlate2d(wall, VERTICAL_LINE.T, mode="valid"))
    # A joint runs along a whole column or row, so means along it stand out from the typical column or row.
    assert vertical.mean(axis=0).max() > 10 * np.median(vertical)
    assert horizontal.mean(axis=1).max() > 10 * np.median(horizontal)
    assert vertical.mean(axis=0).max() > 4 * vertical.mean(axis=1).max()
    assert horizontal.mean(axis=1).max() > 4 * horizontal.mean(axis=0).max()


def test_objects_shade_the_table(picture):
    # To the right of the green ball lies its shadow; the lamps stand to the left.
    shadow, table = grey(picture)[119:122, 162:169].mean(), grey(picture)[119:122, 183:192].mean()
    assert shadow < 0.8 * table


def test_grey_weights_sum_to_one_and_uint8_is_scaled():
    white = np.full((2, 3, 3), 255, dtype=np.uint8)
    np.testing.assert_allclose(grey(white), 1)
    np.testing.assert_allclose(grey(np.ones((2, 3, 3))), 1)
    np.testing.assert_allclose(grey(np.array([[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]])), [[0.299, 0.587, 0.114]])


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (3, 4, 4, 3)])
def test_grey_wants_a_colour_picture(shape):
    with pytest.raises(ValueError, match=r"must have shape \(H, W, 3\)"):
        grey(np.zeros(shape))
