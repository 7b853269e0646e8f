"""Photographs to look at with a network: the reader's own, examples, and drawn scenes."""

from __future__ import annotations

import io
import urllib.request
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from course_utils import environment, stand_in
from course_utils.errors import CourseError
from course_utils.pretrained import SHAPES, as_rgb, kind

__all__ = [
    "PictureError",
    "draw_mosaics",
    "draw_pictures",
    "draw_scenes",
    "example_pictures",
    "open_picture",
    "own_pictures",
]

# Larger pictures are not decoded; what is kept is at most this long.
_MOST_PIXELS, _LONGEST_SIDE = 100_000_000, 2048
_MOST_OWN_PICTURES = 20
_PHOTO = "https://github.com/pytorch/hub/raw/master/images/dog.jpg"


class PictureError(CourseError, ValueError):
    """A file that is no picture, or none that can be used; the text says why and what to do."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


# Pictures from files.


def open_picture(source: str | Path | bytes) -> Image.Image:
    """Read a picture from a file, whatever its format, and return it as RGB, upright.

    Grey, CMYK and palette pictures are converted, transparent parts become white, the orientation that a camera noted
    is applied, and a picture longer than 2,048 pixels is scaled down. Of an animation the first frame is taken.

    Parameters
    ----------
    source : str, pathlib.Path or bytes
        Path of a file, or its content.

    Returns
    -------
    PIL.Image.Image
        Of mode "RGB".

    Raises
    ------
    PictureError
        If there is no such file, if it holds no picture, or only part of one, or one of more than 100 million pixels.
    """
    name = "The picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _read(Path(source))
    if not content:
        raise PictureError(f"{name} is empty. Save the picture again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on odd metadata, and on large pictures, which are told below
            picture = Image.open(io.BytesIO(content))
            if picture.width * picture.height > _MOST_PIXELS:
                raise Image.DecompressionBombError
            picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))  # a large JPEG is scaled down while it is read
            picture = as_rgb(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as error:
        hint = (
            "Photographs of some phones (HEIC) must be exported as JPEG first."
            if _is_heic(content)
            else ("Its content counts, not its ending: open it in an image viewer and save it as JPEG or PNG.")
        )
        raise PictureError(f"{name} holds no picture that can be read. {hint}") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} has more than 100 million pixels. Scale it down first.") from error
    except Exception as error:  # decoders raise all kinds of things when a file is damaged
        raise PictureError(f"{name} is damaged or incomplete ({error}). Copy or download it again.") from error
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    return picture


def own_pictures(folder: str | Path = "pictures") -> dict[str, Image.Image]:
    """Read the pictures that were dropped into a folder; say which files could not be used.

    Parameters
    ----------
    folder : str or pathlib.Path
        By default ``pictures`` beside the notebook. It need not exist.

    Returns
    -------
    dict of str to PIL.Image.Image
        By file name, sorted; at most 20.
    """
    folder = Path(folder)
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] not in "._~") if folder.is_dir() else []
    if not files:
        print(f"No pictures of your own: to use some, put them into the folder {folder} beside this notebook.")
    pictures: dict[str, Image.Image] = {}
    for path in files:
        if len(pictures) == _MOST_OWN_PICTURES:
            print(f"Only the first {_MOST_OWN_PICTURES} pictures of {folder} are used.")
            break
        try:
            pictures[path.name] = open_picture(path)
        except PictureError as error:
            print(f"Left out: {error}")
    return pictures


def example_pictures(name: str, count: int = 4, seed: int = 0) -> dict[str, Image.Image]:
    """Return pictures of the kind that a network knows.

    Parameters
    ----------
    name : str
        Of the network, as for `load`.
    count : int
        The most pictures.
    seed : int
        Which ones; of shapes.

    Returns
    -------
    dict of str to PIL.Image.Image
        By title. Of shapes: drawn ones, 64 pixels wide. Of ImageNet: the photographs in ``imagenet/photos`` of the
        folder that COURSE_DATA names, else one that is downloaded (a Samoyed, 0.6 MB), else two that come with
        scikit-learn.
    """
    if kind(name) == SHAPES:
        images, labels, _ = draw_pictures(count, seed)
        titles = [f"{number}: {stand_in.SHAPES[label]}" for number, label in enumerate(labels.tolist(), start=1)]
        arrays = images.permute(0, 2, 3, 1).numpy()
        return dict(zip(titles, map(Image.fromarray, arrays), strict=True))
    folder = environment.data_folder() / "imagenet" / "photos"
    if not any(folder.glob("*")):
        _download_photo(folder)
    files = sorted(path for path in folder.glob("*") if path.is_file())
    # The Samoyed first: every kind of source has it.
    files.sort(key=lambda path: "samoyed" not in path.name.lower())
    return {path.stem: open_picture(path) for path in files[:count]} or _scikit_learn_photos(count)


def draw_pictures(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Draw pictures of one shape each, as the networks of shapes know them; see `stand_in.draw_shapes`.

    Parameters
    ----------
    count : int
    seed : int
        Another seed, other pictures. None of them was used in training.

    Returns
    -------
    images : torch.Tensor of shape (count, 3, 64, 64), uint8
    labels : torch.Tensor of shape (count,), int64
    boxes : torch.Tensor of shape (count, 4), float32, pixels
        Top, left, bottom and right of the square around each shape.
    """
    labels = np.random.default_rng([7, seed]).permutation(np.arange(count) % len(stand_in.SHAPES))
    images, boxes = stand_in.draw_shapes(labels, size=64, seed=7_000_003 + seed)
    return torch.from_numpy(images), torch.from_numpy(labels), torch.from_numpy(boxes)


def draw_scenes(count: int, size: int = 192, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Draw large pictures with one shape somewhere, as large in pixels as the networks of shapes were trained on.

    Parameters
    ----------
    count : int
    size : int, pixels
        Height and width, at least 64.
    seed : int
        Another seed, other pictures.

    Returns
    -------
    images : torch.Tensor of shape (count, 3, size, size), uint8
    labels : torch.Tensor of shape (count,), int64
    boxes : torch.Tensor of shape (count, 4), float32, pixels
        Top, left, bottom and right of the square around each shape.

    Raises
    ------
    ValueError
        If `size` is smaller than 64.
    """
    if size < 64:
        raise ValueError(f"`size` must be at least 64 pixels, got {size}.")
    labels = np.random.default_rng([13, seed]).permutation(np.arange(count) % len(stand_in.SHAPES))
    radii = (0.20 * 64 / size, 0.36 * 64 / size)
    images, boxes = stand_in.draw_shapes(labels, size, 13_000_003 + seed, radii=radii)
    return torch.from_numpy(images), torch.from_numpy(labels), torch.from_numpy(boxes)


def draw_mosaics(count: int, tiles: int = 3, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Draw large pictures, each made of pictures of different shapes side by side; one of the shapes is to be found.

    Parameters
    ----------
    count : int
    tiles : int
        Per side, at most 3: a mosaic holds ``tiles ** 2`` of the ten shapes, each once.
    seed : int
        Another seed, other pictures.

    Returns
    -------
    images : torch.Tensor of shape (count, 3, 64 * tiles, 64 * tiles), uint8
    labels : torch.Tensor of shape (count,), int64
        The shape that is to be found.
    boxes : torch.Tensor of shape (count, 4), float32, pixels
        Top, left, bottom and right of the square around that shape.

    Raises
    ------
    ValueError
        If there are not enough shapes for that many tiles.
    """
    parts = tiles**2
    if not 1 <= parts <= len(stand_in.SHAPES):
        raise ValueError(f"`tiles` must be 1, 2 or 3, got {tiles}.")
    rng = np.random.default_rng([11, seed])
    shapes = np.stack([rng.permutation(len(stand_in.SHAPES))[:parts] for _ in range(count)])  # (count, parts)
    images, boxes = stand_in.draw_shapes(shapes.ravel(), size=64, seed=11_000_003 + seed)
    # (count, row, column, 3, 64, 64) to (count, 3, row and y, column and x)
    images = images.reshape(count, tiles, tiles, 3, 64, 64).transpose(0, 3, 1, 4, 2, 5)
    images = np.ascontiguousarray(images).reshape(count, 3, 64 * tiles, 64 * tiles)
    chosen = rng.integers(parts, size=count)
    row, column = np.divmod(chosen, tiles)
    corner = 64 * np.stack([row, column, row, column], axis=1).astype(np.float32)
    boxes = boxes.reshape(count, parts, 4)[np.arange(count), chosen] + corner
    labels = shapes[np.arange(count), chosen]
    return torch.from_numpy(images), torch.from_numpy(labels), torch.from_numpy(boxes)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise PictureError(f"{path} is a folder. Name a file in it.")
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PictureError(
            f"There is no file {path}. Is it beside the notebook, and is its name spelt alike?"
        ) from error
    except OSError as error:
        raise PictureError(f"{path} can't be read ({error.strerror}).") from error


def _is_heic(content: bytes) -> bool:
    return content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"mif1", b"msf1")


def _download_photo(folder: Path) -> None:
    if environment.is_offline():
        return
    try:
        with urllib.request.urlopen(_PHOTO, timeout=20) as answer:
            content = answer.read()
        open_picture(content)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "samoyed.jpg").write_bytes(content)
    except (OSError, PictureError) as error:
        print(f"The example photograph could not be downloaded ({error}).")


def _scikit_learn_photos(count: int) -> Mapping[str, Image.Image]:
    from sklearn.datasets import load_sample_images

    bunch = load_sample_images()
    names = [Path(name).stem for name in bunch.filenames]
    return dict(list(zip(names, map(Image.fromarray, bunch.images), strict=True))[:count])
