"""The files of real data sets, in torchvision's own layout: whether they are here, what they hold, how they are had."""

from __future__ import annotations

import functools
import gzip
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from course_utils import environment
from course_utils.errors import NotGradable

__all__ = ["CIFAR10", "MNIST", "DataMissing", "download", "is_here", "read"]

# Names of the data sets, as records of trained networks hold them.
CIFAR10, MNIST = "CIFAR-10", "MNIST"

_MNIST_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


class DataMissing(NotGradable):
    """Data that were asked for by name are not to be had here."""


def is_here(name: str) -> bool:
    """Return whether a data set lies in the folder of the data.

    Parameters
    ----------
    name : {"CIFAR-10", "MNIST"}

    Raises
    ------
    DataMissing
        If this user may not look into the folder.
    """
    folder = environment.data_folder()
    with _readable(folder):
        if name == CIFAR10:
            return (folder / "cifar-10-batches-py" / "test_batch").is_file()
        return all(_plain_or_packed(folder, file) is not None for pair in _MNIST_FILES.values() for file in pair)


def read(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a split; what is returned is kept, so copy it before you change it.

    Parameters
    ----------
    name : {"CIFAR-10", "MNIST"}
    split : {"train", "test"}

    Returns
    -------
    images : numpy.ndarray of shape (N, 3, 32, 32) or (N, 1, 28, 28), uint8
    labels : numpy.ndarray of shape (N,), int64

    Raises
    ------
    DataMissing
        If a file may not be read, or is damaged.
    """
    folder = environment.data_folder()
    with _readable(folder):
        return (_read_cifar10 if name == CIFAR10 else _read_mnist)(folder, split)


@functools.cache
def download(name: str) -> bool:
    """Try once per process to get a data set into the folder; tell whether it worked.

    Parameters
    ----------
    name : {"CIFAR-10", "MNIST"}
    """
    if environment.is_offline():
        return False
    from course_utils.torchvision_ops import datasets  # a slow import that offline work does not need

    try:
        getattr(datasets, name.replace("-", ""))(environment.data_folder(), download=True)
    except (OSError, RuntimeError) as error:
        print(f"{name} could not be downloaded ({error}); working with the stand-in.", file=sys.stderr)
        return False
    return True


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        # Tests run as another user, who must be able to read the data.
        raise DataMissing(
            f"The data in {folder} cannot be read by the user that this runs as; make them readable for all: "
            f"chmod -R go+rX {folder}"
        ) from error
    except (EOFError, gzip.BadGzipFile, ValueError, IndexError, pickle.UnpicklingError) as error:
        raise DataMissing(
            f"The data in {folder} are damaged, as after a download that was interrupted ({error}). Delete "
            "cifar-10-batches-py or MNIST there, and get it again."
        ) from error


@functools.cache
def _read_cifar10(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    names = [f"data_batch_{part}" for part in range(1, 6)] if split == "train" else ["test_batch"]
    images, labels = [], []
    for name in names:
        # Python 2 wrote these files, and the folder is the user's own.
        with (folder / "cifar-10-batches-py" / name).open("rb") as file:
            batch = pickle.load(file, encoding="latin1")
        images.append(batch["data"].reshape(-1, 3, 32, 32))
        labels += batch["labels"]
    return np.concatenate(images), np.array(labels, dtype=np.int64)


@functools.cache
def _read_mnist(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = []
    for name, shape in zip(_MNIST_FILES[split], ((-1, 1, 28, 28), (-1,)), strict=True):
        path = _plain_or_packed(folder, name)
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            content = file.read()
        # Two bytes of zeros, the kind of numbers, how many axes, and the length of each in four bytes.
        arrays.append(np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape))
    return arrays[0], arrays[1].astype(np.int64)


def _plain_or_packed(folder: Path, name: str) -> Path | None:
    """Return where a file of MNIST lies, unpacked or as it is published."""
    raw = folder / "MNIST" / "raw"
    return next((path for path in (raw / name, raw / f"{name}.gz") if path.is_file()), None)
