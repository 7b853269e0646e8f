"""Kaggle's Dog Breed Identification as a data set, with a small stand-in of the same layout."""

from __future__ import annotations

import csv
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from course_utils import data, environment, stand_in

__all__ = [
    "KAGGLE",
    "LIMITS",
    "NAMES",
    "SIDES",
    "STAND_IN",
    "STAND_IN_BREEDS",
    "TEST_PICTURES",
    "DogBreeds",
    "dog_breeds",
    "read_folder",
    "shapes_of",
    "write_stand_in",
]

# Names of the sources, as records of trained networks hold them.
KAGGLE, STAND_IN = "dog breeds", data.STAND_IN
# Log losses (nats) from which on a submission earns points.
LIMITS = (2.0, 1.3, 1.0)
# Six shapes, each with two coats: breeds 2 k and 2 k + 1 look alike.
_SHAPES, _COATS = ("crescent", "cross", "dumbbell", "ring", "star", "triangle"), ("banded", "spotted")
STAND_IN_BREEDS = tuple(f"{shape}_{coat}" for shape in _SHAPES for coat in _COATS)
_SEED = 120
# Sides of the stand-in's pictures, in pixels.
SIDES = (64, 80, 96)
# Its test pictures were drawn by somebody who kept their breeds: what a program draws again, it knows the breed of.
TEST_PICTURES = Path(__file__).parents[2] / "weights" / "dog-breeds-test.zip"
# Part of the folder's name: count it up whenever the pictures change.
_VERSION = 2
# Bytes; a submission comes from a student. Kaggle's own has 10,357 rows of 120 numbers: about 25 MiB.
MOST_BYTES = 64 * 2**20
# What the folder of the real pictures may be called.
NAMES = ("dog-breeds", "dog-breed-identification")


@dataclass(frozen=True)
class DogBreeds:
    """A folder in Kaggle's layout, read.

    Parameters
    ----------
    source : str
        "dog breeds" or "stand-in".
    folder : pathlib.Path
    train_ids, train_breeds : tuple of str
        As in ``labels.csv``, in its order.
    test_ids : tuple of str
        In the order of ``sample_submission.csv``.
    breeds : tuple of str
        Its columns: the order of probabilities in a row.
    """

    source: str
    folder: Path
    train_ids: tuple[str, ...]
    train_breeds: tuple[str, ...]
    test_ids: tuple[str, ...]
    breeds: tuple[str, ...]

    @property
    def network(self) -> str:
        """Name of the pre-trained network that suits the pictures, as `pretrained.load` takes it."""
        return "shapes-plain" if self.source == STAND_IN else "mobilenet_v2"

    @property
    def labels(self) -> np.ndarray:
        """Number of each training picture's breed, of shape (N,), int64: where it is in `breeds`."""
        number = {breed: index for index, breed in enumerate(self.breeds)}
        return np.array([number[breed] for breed in self.train_breeds], dtype=np.int64)

    def path(self, split: str, picture: str) -> Path:
        """Return where the picture of an id lies; `split` is "train" or "test"."""
        return self.folder / split / f"{picture}.jpg"


# The folder.


def dog_breeds() -> DogBreeds:
    """Find Kaggle's folder, or make the stand-in.

    Returns
    -------
    DogBreeds
        Of the folder ``dog-breeds`` (or ``dog-breed-identification``, as Kaggle's zip is called) in the folder that the
        environment variable COURSE_DATA names, by default ``~/.cache/course-data``; else of the stand-in, which is
        written beside it once.

    Raises
    ------
    data.DataMissing
        If there is such a folder, but something is missing in it.
    """
    place = environment.data_folder()
    for name in NAMES:
        if (place / name).is_dir():
            return read_folder(place / name, KAGGLE)
    folder = f"dog-breeds-stand-in-{_VERSION}"
    for parent in (place, Path(tempfile.gettempdir())):
        try:
            return read_folder(write_stand_in(parent / folder), STAND_IN)
        except OSError:  # a folder that others own, or a full disk
            continue
    raise data.DataMissing(f"Neither in {place} nor in {tempfile.gettempdir()} can the stand-in's pictures be written.")


def read_folder(folder: str | Path, source: str = KAGGLE) -> DogBreeds:
    """Read the tables of a folder in Kaggle's layout; pictures are looked for, not opened.

    Parameters
    ----------
    folder : str or pathlib.Path
    source : str
        What to call it.

    Returns
    -------
    DogBreeds

    Raises
    ------
    data.DataMissing
        If a table or a picture is missing, or a table cannot be understood.
    """
    folder = Path(folder)
    labels = _read_table(folder / "labels.csv")
    sample = _read_table(folder / "sample_submission.csv")
    if labels[0] != ["id", "breed"] or any(len(row) != 2 for row in labels):
        raise data.DataMissing(f"{folder / 'labels.csv'} must have the columns id,breed.")
    if sample[0][0] != "id" or len(sample[0]) < 3 or any(not row for row in sample):
        raise data.DataMissing(f"{folder / 'sample_submission.csv'} must have a column id and one for each breed.")
    ids, names = zip(*labels[1:], strict=True)
    breeds = tuple(sample[0][1:])
    unknown = sorted(set(names) - set(breeds))
    if unknown:
        raise data.DataMissing(
            f"labels.csv and sample_submission.csv in {folder} do not belong together: the breed {unknown[0]!r} is no "
            "column."
        )
    found = DogBreeds(source, folder, ids, names, tuple(row[0] for row in sample[1:]), breeds)
    for split, wanted in (("train", found.train_ids), ("test", found.test_ids)):
        there = {path.stem for path in (folder / split).glob("*.jpg")}
        missing = [picture for picture in wanted if picture not in there]
        if missing:
            raise data.DataMissing(
                f"{len(missing)} of {len(wanted)} pictures are not in {folder / split}, {missing[0]}.jpg for one. "
                "Unpack Kaggle's zip again, whole."
            )
    return found


def _read_table(path: Path) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError as error:
        raise data.DataMissing(f"There is no {path}. Unpack Kaggle's zip again, whole.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise data.DataMissing(f"{path} is no table that can be read ({error}).") from error
    if len(rows) < 2:
        raise data.DataMissing(f"{path} is empty.")
    return rows


def write_stand_in(folder: str | Path, seed: int = _SEED) -> Path:
    """Write the stand-in: a small folder in Kaggle's layout with pictures drawn by a program.

    Twelve breeds, each a shape with a coat; two of one shape look alike. About 360 pictures to train on, not equally
    many of each breed, and 240 test pictures.

    Parameters
    ----------
    folder : str or pathlib.Path
        If it is there already, it is left as it is.
    seed : int
        Another seed, other training pictures.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    folder = Path(folder)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Whoever stops this finds no half a folder, and two who write at once do not disturb each other.
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        ids, breeds = _plan(seed)
        (fresh / "train").mkdir()
        for part, side in enumerate(SIDES):
            own = slice(part, None, len(SIDES))
            drawn, _ = stand_in.draw_shapes(shapes_of(breeds[own]), side, 10 * seed, coats=1 + breeds[own] % 2)
            for picture, image in zip(ids[own], drawn, strict=True):
                path = fresh / "train" / f"{picture}.jpg"
                Image.fromarray(image.transpose(1, 2, 0)).save(path, quality=95, subsampling=0)
        with zipfile.ZipFile(TEST_PICTURES) as archive:
            archive.extractall(fresh / "test")
            test_ids = [Path(name).stem for name in archive.namelist()]
        _write_table(
            fresh / "labels.csv", ["id", "breed"], ([i, STAND_IN_BREEDS[b]] for i, b in zip(ids, breeds, strict=True))
        )
        share = 1 / len(STAND_IN_BREEDS)
        rows = ([picture, *[share] * len(STAND_IN_BREEDS)] for picture in test_ids)
        _write_table(fresh / "sample_submission.csv", ["id", *STAND_IN_BREEDS], rows)
        fresh.chmod(0o755)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise somebody else was faster
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def shapes_of(breeds: np.ndarray) -> np.ndarray:
    """Return the shapes of breeds of the stand-in, as `stand_in.draw_shapes` takes them.

    Parameters
    ----------
    breeds : numpy.ndarray of shape (N,), int
        Indices into `STAND_IN_BREEDS`.

    Returns
    -------
    numpy.ndarray of shape (N,), int
    """
    return np.array([stand_in.SHAPES.index(_SHAPES[breed // 2]) for breed in breeds])


def _plan(seed: int) -> tuple[list[str], np.ndarray]:
    """Ids, sorted, and breeds of the stand-in's training pictures."""
    rng = np.random.default_rng([12, seed])
    counts = rng.integers(24, 37, len(STAND_IN_BREEDS))
    breeds = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    names = (f"{seed} train {index}".encode() for index in range(len(breeds)))
    return sorted(hashlib.blake2s(name, digest_size=16).hexdigest() for name in names), breeds


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
