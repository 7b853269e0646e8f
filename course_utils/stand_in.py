"""What the course trains on where the real data sets can't be had: pictures made by a program, and few digits.

A picture of the first kind shows one of ten shapes on a mottled ground, anywhere, in any colour, somewhat turned and
often partly hidden, so that a network has to find form rather than colour. As on photographs, depth helps, batch norm
helps, augmentation helps, and a network that is trained for too long on too few pictures overfits.
"""

from __future__ import annotations

import functools

import numpy as np

__all__ = ["SHAPES", "digits", "draw_shapes", "shapes"]

SHAPES = ("disc", "ring", "square", "triangle", "star", "cross", "crescent", "bars", "dumbbell", "drop")

# Which pictures there are: a split is known by its seed, and its size.
_SPLITS = {"train": (1, 5000), "test": (2, 2000)}

# Waves of a coat, in radians per radius of the shape, and how much lighter or darker than the shape they are.
_COAT_WAVES, _COAT_CONTRAST = 9.0, 0.22

# Pictures that are drawn at a time; keeps the memory small.
_CHUNK = 1000


def shapes(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Return the training or test split of the small pictures; the same ones on every machine.

    Parameters
    ----------
    split : {"train", "test"}
        5,000 or 2,000 pictures.

    Returns
    -------
    images : numpy.ndarray of shape (N, 3, 32, 32), uint8
    labels : numpy.ndarray of shape (N,), int64
        Indices into `SHAPES`; each class is equally frequent.

    Raises
    ------
    ValueError
        If there is no such split.

    Examples
    --------
    >>> images, labels = shapes("test")
    >>> images.shape, np.bincount(labels).tolist()
    ((2000, 3, 32, 32), [200, 200, 200, 200, 200, 200, 200, 200, 200, 200])
    """
    if split not in _SPLITS:
        raise ValueError(f"Unknown split {split!r}; the splits are 'train' and 'test'.")
    images, labels = _split(split)
    return images.copy(), labels.copy()


@functools.cache
def _split(split: str) -> tuple[np.ndarray, np.ndarray]:
    seed, count = _SPLITS[split]
    labels = np.random.default_rng(seed).permutation(np.arange(count) % len(SHAPES))
    images, _ = draw_shapes(labels, seed=seed)
    return images, labels


# The first handwritten digits of scikit-learn are to train on; people wrote them in turn, so others wrote the last.
_DIGITS_TO_TRAIN = 1297


def digits(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Return handwritten digits of scikit-learn [1]_, enlarged and framed as those of MNIST are.

    Parameters
    ----------
    split : {"train", "test"}
        1,297 or 500 digits.

    Returns
    -------
    images : numpy.ndarray of shape (N, 1, 28, 28), uint8
        Bright on dark: 20 x 20 pixels, interpolated from 8 x 8, in a dark frame of 4.
    labels : numpy.ndarray of shape (N,), int64

    Raises
    ------
    ValueError
        If there is no such split.

    References
    ----------
    .. [1] E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998.

    Examples
    --------
    >>> images, labels = digits("test")
    >>> images.shape, int(images[:, :, :4].max())
    ((500, 1, 28, 28), 0)
    """
    if split not in _SPLITS:
        raise ValueError(f"Unknown split {split!r}; the splits are 'train' and 'test'.")
    images, labels = _digits()
    part = slice(None, _DIGITS_TO_TRAIN) if split == "train" else slice(_DIGITS_TO_TRAIN, None)
    return images[part].copy(), labels[part].copy()


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    from scipy import ndimage
    from sklearn.datasets import load_digits  # slow imports, for those who ask for digits

    small, labels = load_digits(return_X_y=True)
    large = ndimage.zoom(small.reshape(-1, 8, 8), (1, 2.5, 2.5), order=1, grid_mode=True, mode="nearest")
    framed = np.pad(large, ((0, 0), (4, 4), (4, 4)))
    return (framed * (255 / 16)).round().astype(np.uint8)[:, None], labels.astype(np.int64)


def draw_shapes(
    labels: np.ndarray,
    size: int = 32,
    seed: int = 0,
    coats: np.ndarray | None = None,
    radii: tuple[float, float] = (0.20, 0.36),
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one picture for each label.

    Parameters
    ----------
    labels : array_like of shape (N,), int
        Indices into `SHAPES`.
    size : int, pixels
        Height and width.
    seed : int
        Place, size, angle, colours and ground follow from it.
    coats : array_like of shape (N,), int, optional
        What covers each shape: 0 nothing, 1 bands, 2 spots. Nothing if not given.
    radii : (float, float)
        The smallest and the largest radius of a shape, as shares of `size`.

    Returns
    -------
    images : numpy.ndarray of shape (N, 3, size, size), uint8
    boxes : numpy.ndarray of shape (N, 4), float32, pixels
        Top, left, bottom and right of the square around each shape.

    Raises
    ------
    ValueError
        If a label is not one of the ten, or `size` is smaller than 16.
    """
    labels = np.asarray(labels, dtype=np.int64)
    if labels.ndim != 1 or (labels.size and not 0 <= labels.min() <= labels.max() < len(SHAPES)):
        raise ValueError(f"`labels` must be a list of numbers from 0 to {len(SHAPES) - 1}.")
    if size < 16:
        raise ValueError(f"`size` must be at least 16 pixels, got {size}.")
    coats = None if coats is None else np.asarray(coats)
    rng = np.random.default_rng([seed, size])
    images = np.empty((len(labels), 3, size, size), np.uint8)
    boxes = np.empty((len(labels), 4), np.float32)
    for start in range(0, len(labels), _CHUNK):
        part = slice(start, start + _CHUNK)
        images[part], boxes[part] = _draw(labels[part], size, rng, None if coats is None else coats[part], radii)
    return images, boxes


def _draw(
    labels: np.ndarray,
    size: int,
    rng: np.random.Generator,
    coats: np.ndarray | None,
    radii: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    count = len(labels)
    radius = size * rng.uniform(*radii, count).astype(np.float32)
    centre = size / 2 + (size / 2 - radius)[:, None] * rng.uniform(-0.75, 0.75, (count, 2)).astype(np.float32)
    coordinates = _coordinates(size, centre, radius, rng)
    mask = _cover(labels, coordinates, size / radius)  # (N, size, size), 0 to 1
    ground = _mottle(count, size, rng)
    # A shape is filled with a mottle of its own, apart from the ground in a random direction of colour.
    direction = rng.normal(size=(count, 3, 1, 1)).astype(np.float32)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    contrast = rng.uniform(0.22, 0.60, (count, 1, 1, 1)).astype(np.float32)
    fill = 0.55 * _mottle(count, size, rng) + 0.45 * ground.mean((2, 3), keepdims=True) + contrast * direction
    if coats is not None:
        fill += _coat(coats, coordinates)[:, None]
    mask = (mask * (1 - _patches(count, size, rng)))[:, None]
    picture = ground * (1 - mask) + fill * mask
    picture += rng.normal(0, 0.045, picture.shape).astype(np.float32)
    boxes = np.concatenate([centre - radius[:, None], centre + radius[:, None]], axis=1).clip(0, size)
    return (picture.clip(0, 1) * 255).round().astype(np.uint8), boxes.astype(np.float32)


def _coordinates(size: int, centre: np.ndarray, radius: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coordinates in which each shape has radius 1 and stands upright: shape (2, N, size, size)."""
    grid = np.arange(size, dtype=np.float32) + 0.5
    y = (grid[None, :, None] - centre[:, 0, None, None]) / radius[:, None, None]
    x = (grid[None, None, :] - centre[:, 1, None, None]) / radius[:, None, None]
    angle = rng.uniform(-0.6, 0.6, len(centre)).astype(np.float32)[:, None, None]
    squeeze = rng.uniform(0.75, 1.0, len(centre)).astype(np.float32)[:, None, None]
    mirror = rng.choice(np.array([-1, 1], np.float32), len(centre))[:, None, None]
    u = mirror * (np.cos(angle) * x + np.sin(angle) * y) / squeeze
    v = -np.sin(angle) * x + np.cos(angle) * y
    return np.stack([u, v])


def _cover(labels: np.ndarray, coordinates: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """How much of each pixel the shape covers."""
    distance = np.empty(coordinates.shape[1:], np.float32)
    for label in np.unique(labels):
        chosen = labels == label
        distance[chosen] = _DISTANCES[label](*coordinates[:, chosen])
    # Distances are in radii; an edge is about one pixel wide.
    return np.clip(0.5 - distance * distance.shape[-1] / pixels[:, None, None], 0, 1)


def _mottle(count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Clouds of colour, coarse and fine: shape (N, 3, size, size), about 0 to 1."""
    clouds = rng.uniform(0.2, 0.8, (count, 3, 1, 1)).astype(np.float32)
    clouds = np.broadcast_to(clouds, (count, 3, size, size)).copy()
    for cells, strength in ((3, 0.16), (7, 0.10)):
        knots = rng.normal(0, strength, (count, 3, cells, cells)).astype(np.float32)
        weights = _hat_functions(size, cells)  # (size, cells)
        clouds += weights @ knots @ weights.T
    return clouds


def _hat_functions(size: int, cells: int) -> np.ndarray:
    """Weights of linear interpolation from `cells` knots to `size` pixels."""
    place = np.linspace(0, cells - 1, size, dtype=np.float32)[:, None]
    return np.clip(1 - np.abs(place - np.arange(cells, dtype=np.float32)), 0, 1)


def _coat(coats: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """How much lighter or darker a coat makes each point of a shape: shape (N, size, size)."""
    across, down = np.cos(_COAT_WAVES * coordinates)
    kinds = coats[:, None, None]
    return _COAT_CONTRAST * np.select([kinds == 1, kinds == 2], [down, across * down], 0).astype(np.float32)


def _patches(count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A small rectangle in each picture that hides what lies below: shape (N, size, size), 0 or 1."""
    corner = rng.uniform(0, 0.85, (count, 2, 1)).astype(np.float32) * size
    extent = rng.uniform(0.05, 0.25, (count, 2, 1)).astype(np.float32) * size
    grid = np.arange(size, dtype=np.float32)
    inside = (grid >= corner) & (grid < corner + extent)  # (N, 2, size)
    return (inside[:, 0, :, None] & inside[:, 1, None, :]).astype(np.float32)


# Signed distances (negative inside), in radii, of coordinates u to the right and v downwards.


def _disc(u, v):
    return np.hypot(u, v) - 0.85


def _ring(u, v):
    return np.abs(np.hypot(u, v) - 0.68) - 0.22


def _square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) - 0.72


def _triangle(u, v):
    return np.maximum(np.abs(u) * 0.87 - v * 0.5 - 0.45, v - 0.62)


def _star(u, v):
    angle = np.arctan2(u, -v)
    beam = np.abs((angle * 5 / (2 * np.pi) + 0.5) % 1 - 0.5) * 2  # 0 on a ray, 1 between two
    return (np.hypot(u, v) - (1.0 - 0.58 * beam)) * 0.7


def _cross(u, v):
    a, b = np.abs(u), np.abs(v)
    return np.minimum(np.maximum(a - 0.26, b - 0.88), np.maximum(b - 0.26, a - 0.88))


def _crescent(u, v):
    return np.maximum(np.hypot(u, v) - 0.88, 0.68 - np.hypot(u - 0.42, v))


def _bars(u, v):
    return np.maximum(np.abs(u) - 0.80, np.abs(np.abs(v) - 0.5) - 0.22)


def _dumbbell(u, v):
    balls = np.hypot(np.abs(u) - 0.55, v) - 0.36
    return np.minimum(balls, np.maximum(np.abs(u) - 0.5, np.abs(v) - 0.14))


def _drop(u, v):
    return np.minimum(np.hypot(u, v - 0.3) - 0.52, np.maximum(np.abs(u) * 0.87 - v * 0.5 - 0.42, v - 0.05))


_DISTANCES = (_disc, _ring, _square, _triangle, _star, _cross, _crescent, _bars, _dumbbell, _drop)
