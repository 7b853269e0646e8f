"""Circles are the same for the same seed, balanced, and no straight line tells them apart."""

import numpy as np

from course_utils.lessons.neural_networks.circles import circles, grid


def test_points_follow_the_seed_and_the_splits_differ():
    data, again, other = circles(3), circles(3), circles(4)
    assert all(np.array_equal(one, two) for one, two in zip(data, again, strict=True))
    assert not np.array_equal(data.X_train, data.X_test)
    assert not np.array_equal(data.X_train, other.X_train)
    # Neighbouring seeds have no points in common, either.
    assert not np.array_equal(data.X_test, other.X_train)


def test_classes_are_where_the_docstring_says():
    data = circles()
    radius = np.linalg.norm(data.X_train, axis=1)
    assert data.Y_train.sum(axis=0).tolist() == [100, 100]
    assert radius[data.Y_train[:, 0] == 1].mean() > 0.9 > 0.6 > radius[data.Y_train[:, 1] == 1].mean()


def test_grid_covers_the_square_row_by_row():
    points = grid(1.0, 0.5)
    assert points.shape == (25, 2)
    assert points[0].tolist() == [-1, -1]
    assert points[1].tolist() == [-0.5, -1]
    assert points[-1].tolist() == [1, 1]
