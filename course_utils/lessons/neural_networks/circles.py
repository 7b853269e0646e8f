"""Circles: points of a disc inside a ring, which no straight line tells apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.datasets import make_circles

__all__ = ["Circles", "circles", "grid"]

# Overlapping enough that the best border gets some 5 % of the points wrong.
_FACTOR, _NOISE = 0.4, 0.18


class Circles(NamedTuple):
    """Training and test points with their classes.

    Parameters
    ----------
    X_train, X_test : np.ndarray of shape (N, 2) and dtype float64
        One point in each row.
    Y_train, Y_test : np.ndarray of shape (N, 2) and dtype float64
        One-hot: column 0 for the outer ring, column 1 for the inner disc.
    """

    X_train: np.ndarray
    Y_train: np.ndarray
    X_test: np.ndarray
    Y_test: np.ndarray


def circles(seed: int = 0, num_points: int = 200) -> Circles:
    """Draw the data set Circles.

    Parameters
    ----------
    seed : int, optional
        The same seed gives the same points.
    num_points : int, optional
        Of each split; half of them belong to each class.

    Returns
    -------
    Circles

    Examples
    --------
    >>> data = circles()
    >>> data.X_train.shape, data.Y_test.sum(axis=0).tolist()
    ((200, 2), [100.0, 100.0])
    """
    parts = []
    for part in range(2):
        points, labels = make_circles(num_points, noise=_NOISE, factor=_FACTOR, random_state=2 * seed + part)
        parts += [points, np.eye(2)[labels]]
    return Circles(*parts)


def grid(limit: float = 2.0, step: float = 0.05) -> np.ndarray:
    """Return points that cover a square around the origin, for drawing what a network says everywhere.

    Parameters
    ----------
    limit : float, optional
        The square reaches from ``-limit`` to ``limit`` along both axes.
    step : float, optional
        Distance of neighbours.

    Returns
    -------
    np.ndarray of shape (M, 2)
        Row by row from the lower left; M is a square number.
    """
    ticks = np.arange(-limit, limit + step / 2, step)
    return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
