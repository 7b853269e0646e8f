"""The helpers of the notebooks on convolution do what their docstrings say."""

import doctest

import matplotlib.pyplot as plt
import pytest
import torch
from scipy import signal

from course_utils.lessons.convolutions import operation
from course_utils.lessons.convolutions.operation import (
    SHAPES,
    classical_cnn,
    convolve,
    line_images,
    outline,
    shape_image,
    shape_windows,
)


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize(("image_size", "kernel_size"), [((7, 9), (3, 5)), ((5, 5), (5, 5)), ((4, 6), (1, 1))])
def test_convolve_equals_scipy(mode, image_size, kernel_size):
    torch.manual_seed(0)
    image = torch.randn(image_size, dtype=torch.float64)
    kernel = torch.randn(kernel_size, dtype=torch.float64)
    expected = signal.convolve2d(image.numpy(), kernel.numpy(), mode=mode)
    torch.testing.assert_close(convolve(image, kernel, mode), torch.from_numpy(expected))


def test_convolve_wraps_around():
    torch.manual_seed(0)
    image, kernel = torch.randn(6, 7, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    expected = signal.convolve2d(image.numpy(), kernel.numpy(), mode="same", boundary="wrap")
    actual = convolve(image, kernel, "same", "circular")
    torch.testing.assert_close(actual, torch.from_numpy(expected))


def test_convolve_takes_even_kernels_except_for_same():
    image, kernel = torch.ones(4, 5), torch.ones(2, 2)
    assert convolve(image, kernel, "valid").shape == (3, 4)
    assert convolve(image, kernel, "full").shape == (5, 6)
    with pytest.raises(ValueError, match="odd sides"):
        convolve(image, kernel, "same")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.ones(1, 3, 3), torch.ones(1, 1)), "two axes"),
        ((torch.ones(3, 3), torch.ones(1, 1), "sane"), "`mode` must be"),
        ((torch.ones(3, 3), torch.ones(1, 1), "same", "periodic"), "`boundary` must be"),
        ((torch.ones(3, 3), torch.ones(1, 1), "full", "circular"), "goes with mode 'same'"),
        ((torch.ones(3, 3), torch.ones(4, 1)), "fits into the image"),
    ],
)
def test_convolve_says_what_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        convolve(*arguments)


def test_classical_cnn_takes_32_pixels_only():
    network = classical_cnn(num_classes=7, in_channels=3)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    with pytest.raises(RuntimeError):
        network(torch.zeros(2, 3, 36, 32))


def test_line_images_show_what_the_labels_say():
    images, directions, quadrants = line_images(40, noise=0.0)
    assert images.shape == (40, 1, 12, 12)
    assert set(directions.tolist()) == set(quadrants.tolist()) == {0, 1, 2, 3}
    for image, direction, quadrant in zip(images[:, 0], directions, quadrants, strict=True):
        rows, columns = image.nonzero().T
        assert len(rows) == 5
        middle = rows.sort().values[2], columns.sort().values[2]
        assert quadrant == 2 * (middle[0] >= 6) + (middle[1] >= 6)
        step = (columns.max() - columns.min()).item(), (rows.max() - rows.min()).item()
        assert step == {0: (4, 0), 1: (0, 4), 2: (4, 4), 3: (4, 4)}[direction.item()]
        if direction >= 2:
            falls = bool(((columns - rows) == (columns - rows)[0]).all())
            assert falls == (direction == 2)


def test_line_images_repeat_and_need_room():
    assert torch.equal(line_images(5, seed=3)[0], line_images(5, seed=3)[0])
    assert not torch.equal(line_images(5, seed=3)[0], line_images(5, seed=4)[0])
    with pytest.raises(ValueError, match="at least 5 pixels"):
        line_images(1, size=4)


def test_shapes_differ_and_are_symmetric():
    pictures = [shape_image(kind, (15.5, 15.5), (32, 32)) for kind in SHAPES]
    for picture in pictures:
        assert torch.equal(picture, picture.T)
        assert torch.equal(picture, picture.flip(0))
    assert len({tuple(picture.flatten().tolist()) for picture in pictures}) == len(SHAPES)
    with pytest.raises(ValueError, match="disc, ring, square, cross"):
        shape_image("star", (0, 0), (4, 4))


def test_shape_windows_hold_shapes_in_the_middle_only_if_labelled_so():
    images, labels = shape_windows(60, noise=0.0)
    assert images.shape == (60, 1, 32, 32)
    assert set(labels.tolist()) == {0, 1, 2, 3, 4}
    rows = torch.arange(32.0)
    for image, label in zip(images[:, 0], labels, strict=True):
        if label == 4:
            continue
        centre = (image.sum(1) @ rows / image.sum()).item(), (image.sum(0) @ rows / image.sum()).item()
        assert all(abs(c - 15.5) < 2.6 for c in centre)


def test_outline_surrounds_whole_pixels():
    figure, ax = plt.subplots()
    assert outline(ax, 2, 3, 5, 4, "5 x 4") is ax
    (box,) = ax.patches
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (2.5, 1.5, 4, 5)
    assert [text.get_text() for text in ax.texts] == ["5 x 4"]
    plt.close(figure)


def test_examples():
    assert doctest.testmod(operation).failed == 0
