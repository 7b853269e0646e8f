"""Pictures made in code: they look real, need no download, and are the same on every machine."""

from __future__ import annotations

import numpy as np

__all__ = ["grey", "still_life"]

# The scene, in units of about a hand's width: x to the right, y up, z away from the camera.
_CAMERA = np.array([0.1, 1.55, -6.2])
_FIELD_OF_VIEW = 0.36  # half the height of the picture divided by the distance
_LENS_SHIFT = -0.10  # looks level, so that upright lines stay upright, and frames what lies lower
_WALL = 2.6  # z of the tiled wall
_LAMPS = np.array([[-3.6, 4.6, -3.4], [-3.2, 4.9, -3.6], [-3.9, 4.9, -3.1], [-3.5, 5.1, -3.0]])
_AMBIENT = 0.18

# Centre, radius, colour, how much the skin shines, name of the skin.
_FRUIT = (
    ((-1.55, 0.80, 0.55), 0.80, (0.70, 0.10, 0.08), 0.55, "apple"),
    ((0.35, 0.66, -0.55), 0.66, (0.95, 0.48, 0.05), 0.30, "orange"),
    ((-0.62, 0.36, -1.35), 0.36, (0.26, 0.10, 0.30), 0.45, "plum"),
    ((1.05, 0.30, -1.55), 0.30, (0.42, 0.55, 0.12), 0.50, "plum"),
)
_JUG = ((1.75, 0.95), 0.62, 2.05)  # (x, z) of its axis, radius, height


def still_life(height: int = 240, width: int = 320) -> np.ndarray:
    """Return a picture of fruit and a jug on a wooden table in front of a tiled wall.

    It has what filters respond to: thin vertical and horizontal lines (tiles, planks, stripes), round
    outlines, fine texture (peel, wood), smooth shading and soft shadows. Every pixel is computed from the
    geometry by following four rays, without random numbers.

    Parameters
    ----------
    height, width : int
        Size in pixels, at least 16 each. Any ratio works; 3:4 frames the scene best.

    Returns
    -------
    numpy.ndarray of shape (height, width, 3), float64
        Red, green and blue in [0, 1], display-referred (gamma 2.2).

    Raises
    ------
    ValueError
        If a side is shorter than 16 pixels.

    Examples
    --------
    >>> still_life(60, 80).shape
    (60, 80, 3)
    """
    if min(height, width) < 16:
        raise ValueError(f"`height` and `width` must be at least 16 pixels, got {height} and {width}.")
    # Two by two rays per pixel, then their mean: without it thin lines break into dots.
    light = _trace(_rays(2 * height, 2 * width))
    light = light.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    return np.clip(light, 0, 1) ** (1 / 2.2)


def grey(picture: np.ndarray) -> np.ndarray:
    """Return the brightness of a colour picture.

    Parameters
    ----------
    picture : numpy.ndarray of shape (H, W, 3)
        Red, green and blue; uint8 in 0..255 or floating point in [0, 1].

    Returns
    -------
    numpy.ndarray of shape (H, W), float64
        In [0, 1]. The weights are those of ITU-R BT.601, as in Pillow's mode "L".

    Raises
    ------
    ValueError
        If `picture` has no third axis of length 3.
    """
    picture = np.asarray(picture)
    if picture.ndim != 3 or picture.shape[-1] != 3:
        raise ValueError(f"`picture` must have shape (H, W, 3), got {picture.shape}.")
    scale = 255 if picture.dtype == np.uint8 else 1
    return picture @ np.array([0.299, 0.587, 0.114]) / scale


def _rays(rows: int, columns: int) -> np.ndarray:
    """Directions of unit length from the camera, one per ray: (rows * columns, 3)."""
    v = _FIELD_OF_VIEW * (1 - (2 * np.arange(rows) + 1) / rows) + _LENS_SHIFT
    # Pixels are square, so the wider side of the picture sees more of the scene.
    u = _FIELD_OF_VIEW * columns / rows * ((2 * np.arange(columns) + 1) / columns - 1)
    u, v = np.meshgrid(u, v)
    return _unit(np.stack([u, v, np.ones_like(u)], axis=-1)).reshape(-1, 3)


def _trace(directions: np.ndarray) -> np.ndarray:
    """Follow each ray to the nearest surface and return the light that comes back: (rays, 3)."""
    origin = np.broadcast_to(_CAMERA, directions.shape)
    distances = _distances(origin, directions)  # (surfaces, rays)
    nearest = distances.argmin(axis=0)
    point = origin + distances.min(axis=0)[:, None] * directions
    colour, normal, shine = np.zeros_like(point), np.zeros_like(point), np.zeros(len(point))
    for surface in range(len(distances)):
        hit = nearest == surface
        if hit.any():
            colour[hit], normal[hit], shine[hit] = _surface(surface, point[hit])

    light = _AMBIENT * colour
    for lamp in _LAMPS:
        to_lamp = lamp - point
        reach = np.linalg.norm(to_lamp, axis=1)
        to_lamp /= reach[:, None]
        # Start a little above the surface, so that it does not shade itself.
        free = _distances(point + 1e-3 * normal, to_lamp).min(axis=0) > reach
        facing = np.clip((normal * to_lamp).sum(axis=1), 0, None) * free
        halfway = _unit(to_lamp - directions)
        glint = shine * free * np.clip((normal * halfway).sum(axis=1), 0, None) ** 60
        fall_off = (6.2 / reach) ** 2 / len(_LAMPS)
        light += fall_off[:, None] * (0.80 * facing[:, None] * colour + glint[:, None])
    return light


def _distances(origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """How far each ray runs to each surface, inf where it misses: table, wall, jug's side, top, fruit."""
    with np.errstate(divide="ignore", invalid="ignore"):
        table = -origin[:, 1] / direction[:, 1]
        wall = (_WALL - origin[:, 2]) / direction[:, 2]
        (x, z), radius, top = _JUG
        flat, offset = direction[:, [0, 2]], origin[:, [0, 2]] - [x, z]
        side = _first_root((flat**2).sum(1), (flat * offset).sum(1), (offset**2).sum(1) - radius**2)
        level = origin[:, 1] + side * direction[:, 1]
        side = np.where((level >= 0) & (level <= top), side, np.inf)
        lid = (top - origin[:, 1]) / direction[:, 1]
        inside = ((offset + lid[:, None] * flat) ** 2).sum(1) <= radius**2
        found = [table, wall, side, np.where(inside, lid, np.inf)]
        for centre, size, *_ in _FRUIT:
            offset = origin - np.array(centre)
            found.append(_first_root(1.0, (direction * offset).sum(1), (offset**2).sum(1) - size**2))
    found = np.stack(found)
    return np.where(found > 1e-6, found, np.inf)


def _first_root(a, b, c):
    """The smaller root of a t^2 + 2 b t + c, nan where there is none."""
    return (-b - np.sqrt(b * b - a * c)) / a


def _surface(index: int, point: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Colour, normal and shine at points of one surface."""
    x, y, z = point.T
    if index == 0:
        return _planks(x, z), np.broadcast_to([0.0, 1.0, 0.0], point.shape), 0.08
    if index == 1:
        return _tiles(x, y), np.broadcast_to([0.0, 0.0, -1.0], point.shape), 0.05
    if index in (2, 3):
        (axis_x, axis_z), radius, _ = _JUG
        glaze = np.array([0.80, 0.82, 0.84]) * np.ones_like(point)
        bands = (np.abs(y - 1.45) < 0.16) | (np.abs(y - 1.12) < 0.05) | (np.abs(y - 0.35) < 0.09)
        glaze[bands] = [0.10, 0.22, 0.48]
        if index == 3:
            rim = np.hypot(x - axis_x, z - axis_z) > 0.86 * radius
            return np.where(rim[:, None], glaze, 0.05), np.broadcast_to([0.0, 1.0, 0.0], point.shape), 0.0
        normal = np.stack([(x - axis_x) / radius, np.zeros_like(x), (z - axis_z) / radius], axis=1)
        return glaze, normal, 0.5
    centre, radius, base, shine, skin = _FRUIT[index - 4]
    normal = (point - np.array(centre)) / radius
    colour = np.array(base) * np.ones_like(point)
    if skin == "apple":
        # Lighter streaks run from stalk to blossom.
        angle, stalk = np.arctan2(normal[:, 2], normal[:, 0]), normal[:, 1]
        streak = 0.5 + 0.5 * np.sin(23 * angle + 2 * np.sin(5 * stalk))
        colour += (0.24 * streak * (0.3 + 0.7 * np.clip(stalk, 0, 1)))[:, None] * [1.0, 0.85, 0.25]
    if skin == "orange":
        dents = np.sin(44 * point + 3 * np.sin(17 * point[:, [1, 2, 0]]))
        normal = _unit(normal + 0.16 * dents * np.roll(dents, 1, axis=1))
    return colour, normal, shine


def _planks(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    # The boards run away from the camera; each has its own tone and its own grain.
    board = np.floor(x / 1.1)
    across = x / 1.1 - board
    tone = 0.85 + 0.12 * np.sin(12.9 * board)
    rings = np.sin(38 * across + 2.2 * np.sin(1.3 * z + 4.1 * board) + 0.6 * np.sin(7 * z + board))
    fibre = np.sin(190 * across + 9 * np.sin(2.1 * z + board))
    brightness = tone * (1 + 0.13 * rings + 0.05 * fibre)
    brightness = np.where((across < 0.02) | (across > 0.98), 0.22, brightness)
    return brightness[:, None] * np.array([0.47, 0.29, 0.15])


def _tiles(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    size = 0.86
    column, row = np.floor(x / size), np.floor(y / size)
    joint = (np.abs(x / size - column - 0.5) > 0.47) | (np.abs(y / size - row - 0.5) > 0.47)
    tone = 0.52 + 0.035 * np.sin(7.3 * column + 3.1 * row)
    tone = tone + 0.012 * np.sin(9 * x + 2 * np.sin(4 * y)) * np.sin(8 * y + np.sin(5 * x))
    glazed = tone[:, None] * np.array([0.93, 1.0, 0.96])
    return np.where(joint[:, None], np.array([0.20, 0.20, 0.19]), glazed)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)
