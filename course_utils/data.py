"""Data sets as tensors in memory, and batches of them, whole batches augmented at a time.

Real data come from the folder that the environment variable COURSE_DATA names, in torchvision's own layout, else from
a download (kept for the next time), else the course works with small pictures of its own: the *stand-in*, see
`stand_in`. `cifar10_source` and `mnist_source` say which it is.
"""

from __future__ import annotations

import functools
import gzip
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_utils import environment, stand_in
from course_utils.draws import seed_for
from course_utils.errors import NotGradable

__all__ = [
    "CIFAR10",
    "MNIST",
    "STAND_IN",
    "Batches",
    "DataMissing",
    "channel_mean_std",
    "cifar10",
    "cifar10_classes",
    "cifar10_source",
    "crop",
    "cutout",
    "flip",
    "get_ready",
    "held_out",
    "held_out_digits",
    "mnist",
    "mnist_source",
    "normalise",
]

# Names of the sources, as records of trained networks hold them.
CIFAR10, MNIST, STAND_IN = "CIFAR-10", "MNIST", "stand-in"

_CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class DataMissing(NotGradable):
    """Data that were asked for by name are not to be had here."""


def cifar10(split: str = "train", source: str | None = None) -> tuple[Tensor, Tensor]:
    """Return a split of CIFAR-10 [1]_, or of the stand-in where it can't be had.

    Parameters
    ----------
    split : {"train", "test"}
    source : {"CIFAR-10", "stand-in"}, optional
        Insist on one of the two.

    Returns
    -------
    images : torch.Tensor of shape (N, 3, 32, 32), uint8
        N is 50,000 or 10,000; with the stand-in 5,000 or 2,000.
    labels : torch.Tensor of shape (N,), int64
        From 0 to 9, named by `cifar10_classes`.

    Raises
    ------
    ValueError
        If there is no such split or source.
    DataMissing
        If `source` is "CIFAR-10", and it is not here and can't be downloaded.

    References
    ----------
    .. [1] A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    Examples
    --------
    >>> images, labels = cifar10("test", source="stand-in")
    >>> images.shape, images.dtype, labels.dtype
    (torch.Size([2000, 3, 32, 32]), torch.uint8, torch.int64)
    """
    if split not in ("train", "test"):
        raise ValueError(f"Unknown split {split!r}; the splits are 'train' and 'test'.")
    source = source or cifar10_source()
    if source == STAND_IN:
        images, labels = stand_in.shapes(split)
    elif source != CIFAR10:
        raise ValueError(f"Unknown source {source!r}; the sources are {CIFAR10!r} and {STAND_IN!r}.")
    elif cifar10_source() != CIFAR10:
        raise DataMissing(
            "CIFAR-10 is not here, and could not be downloaded. Set COURSE_DATA to the folder that holds "
            "cifar-10-batches-py."
        )
    else:
        images, labels = (array.copy() for array in _read_cifar10(environment.data_folder(), split))
    return torch.from_numpy(images), torch.from_numpy(labels)


def cifar10_source() -> str:
    """Return which pictures `cifar10` gives: "CIFAR-10" or "stand-in"."""
    if _is_cifar10(environment.data_folder()):
        return CIFAR10
    return CIFAR10 if _download(CIFAR10) else STAND_IN


def cifar10_classes(source: str | None = None) -> tuple[str, ...]:
    """Return the ten names of the classes, in the order of the labels."""
    return stand_in.SHAPES if (source or cifar10_source()) == STAND_IN else _CIFAR10_CLASSES


def mnist(split: str = "train", source: str | None = None) -> tuple[Tensor, Tensor]:
    """Return a split of the handwritten digits of MNIST [1]_, or of the stand-in where they can't be had.

    Parameters
    ----------
    split : {"train", "test"}
    source : {"MNIST", "stand-in"}, optional
        Insist on one of the two. The stand-in are the handwritten digits of scikit-learn, enlarged.

    Returns
    -------
    images : torch.Tensor of shape (N, 1, 28, 28), uint8
        Bright on dark. N is 60,000 or 10,000; with the stand-in 1,297 or 500.
    labels : torch.Tensor of shape (N,), int64
        The digits, from 0 to 9.

    Raises
    ------
    ValueError
        If there is no such split or source.
    DataMissing
        If `source` is "MNIST", and it is not here and can't be downloaded.

    References
    ----------
    .. [1] Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.

    Examples
    --------
    >>> images, labels = mnist("test", source="stand-in")
    >>> images.shape, images.dtype, labels.dtype
    (torch.Size([500, 1, 28, 28]), torch.uint8, torch.int64)
    """
    if split not in ("train", "test"):
        raise ValueError(f"Unknown split {split!r}; the splits are 'train' and 'test'.")
    source = source or mnist_source()
    if source == STAND_IN:
        images, labels = stand_in.digits(split)
    elif source != MNIST:
        raise ValueError(f"Unknown source {source!r}; the sources are {MNIST!r} and {STAND_IN!r}.")
    elif mnist_source() != MNIST:
        raise DataMissing(
            "MNIST is not here, and could not be downloaded. Set COURSE_DATA to the folder that holds MNIST/raw."
        )
    else:
        images, labels = (array.copy() for array in _read_mnist(environment.data_folder(), split))
    return torch.from_numpy(images), torch.from_numpy(labels)


def mnist_source() -> str:
    """Return which digits `mnist` gives: "MNIST" or "stand-in"."""
    if _is_mnist(environment.data_folder()):
        return MNIST
    return MNIST if _download(MNIST) else STAND_IN


def held_out(source: str, count: int = 2000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return pictures to measure a trained network on: no network has seen them in just this form.

    Of CIFAR-10, a choice of the test split, some of it flipped, all of it shifted by a pixel or two and a little
    brighter or darker; of the stand-in, pictures drawn anew. Which ones follows from the secret of the course, so what
    you draw here is not what is drawn when your work is graded; see `draws.seed_for`.

    Parameters
    ----------
    source : {"CIFAR-10", "stand-in"}
        What the network was trained on.
    count : int
    seed : int
        Another seed, other pictures.

    Returns
    -------
    images : torch.Tensor of shape (count, 3, 32, 32), uint8
    labels : torch.Tensor of shape (count,), int64

    Raises
    ------
    ValueError, DataMissing
        As `cifar10`.
    """
    # Seeds of their own for labels and pictures, neither of which could be found by trying.
    images, labels = _held_out(
        source, count, seed_for(f"held-out labels {seed}"), seed_for(f"held-out pictures {seed}")
    )
    return images.clone(), labels.clone()


@functools.lru_cache(maxsize=2)
def _held_out(source: str, count: int, seed: int, seed_of_pictures: int) -> tuple[Tensor, Tensor]:
    """Draw them; the networks of a notebook are measured on the same ones."""
    generator = torch.Generator().manual_seed(seed)
    if source == STAND_IN:
        classes = torch.randint(10, (count,), generator=generator)
        drawn, _ = stand_in.draw_shapes(classes.numpy(), seed=seed_of_pictures)
        return torch.from_numpy(drawn), classes
    images, labels = cifar10("test", source)
    chosen = torch.randperm(len(images), generator=generator)[:count]
    light = 0.94 + 0.12 * torch.rand(len(chosen), 1, 1, 1, generator=generator)
    moved = crop(flip(images[chosen], generator), 2, generator)
    return (moved * light).round().clamp(0, 255).to(torch.uint8), labels[chosen]


def held_out_digits(source: str, count: int = 2000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return digits to measure a trained network on, as `held_out` does: drawn from the test split, and moved a little.

    Parameters
    ----------
    source : {"MNIST", "stand-in"}
        What the network was trained on.
    count : int
    seed : int
        Another seed, other digits.

    Returns
    -------
    images : torch.Tensor of shape (count, 1, 28, 28), uint8
        Some shifted by a pixel, all a little brighter or darker.
    labels : torch.Tensor of shape (count,), int64

    Raises
    ------
    ValueError, DataMissing
        As `mnist`.
    """
    images, labels = mnist("test", source)
    generator = torch.Generator().manual_seed(seed_for(f"held-out digits {seed}"))
    chosen = torch.randint(len(images), (count,), generator=generator)
    light = 0.85 + 0.15 * torch.rand(count, 1, 1, 1, generator=generator)
    # The border of a digit is dark, so that a mirror image of it is dark as well.
    moved = crop(images[chosen], 1, generator)
    return (moved * light).round().to(torch.uint8), labels[chosen]


def channel_mean_std(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation of each channel over a batch of images.

    Parameters
    ----------
    images : torch.Tensor of shape (N, C, H, W), uint8
        Pass the training split only.

    Returns
    -------
    mean, std : torch.Tensor of shape (C,), float32
        On the scale from 0 to 1; `std` is the population value.

    Raises
    ------
    ValueError
        If `images` is not a non-empty uint8 batch with four axes.

    Examples
    --------
    >>> channel_mean_std(torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1))
    (tensor([0.5000]), tensor([0.5000]))
    """
    _require_pixels(images)
    values = images.float() / 255
    std, mean = torch.std_mean(values, dim=(0, 2, 3), correction=0)  # one value per channel, not per pixel
    return mean, std


def normalise(images: Tensor, mean: Tensor | None = None, std: Tensor | None = None) -> Tensor:
    """Turn pixels into floats, by default to mean 0.5 of the scale at 0 and a spread of about 1.

    Parameters
    ----------
    images : torch.Tensor of shape (N, C, H, W), uint8
    mean, std : torch.Tensor of shape (C,), optional
        On the scale from 0 to 1; 0.5 and 0.25 if not given.

    Returns
    -------
    torch.Tensor of shape (N, C, H, W), float32

    Examples
    --------
    >>> normalise(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
    tensor([[[[-2.,  2.]]]])
    """
    _require_pixels(images)
    shape = (1, -1, 1, 1)
    mean = torch.tensor(0.5) if mean is None else mean
    std = torch.tensor(0.25) if std is None else std
    scale, offset = 1 / (255 * std), mean / std
    return images.float() * scale.reshape(shape).to(images.device) - offset.reshape(shape).to(images.device)


class Batches:
    """Batches of images and labels held in memory; every loop over it is one epoch, newly shuffled.

    Parameters
    ----------
    images : torch.Tensor of shape (N, ...)
    labels : torch.Tensor of shape (N,)
    batch_size : int
    shuffle : bool
    transform : callable, optional
        Is given each batch of images, whole, and returns what to use instead.
    generator : torch.Generator, optional
        Where the order comes from; the global one if not given.
    drop_last : bool
        Leave out a last batch that is not full.

    Raises
    ------
    ValueError
        If there are not as many labels as images, or `batch_size` is below 1.

    Examples
    --------
    >>> batches = Batches(torch.arange(5.0), torch.arange(5), batch_size=2, shuffle=False)
    >>> len(batches), [labels.tolist() for _, labels in batches]
    (3, [[0, 1], [2, 3], [4]])
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch_size: int = 128,
        shuffle: bool = True,
        transform: Callable[[Tensor], Tensor] | None = None,
        generator: torch.Generator | None = None,
        drop_last: bool = False,
    ) -> None:
        if len(images) != len(labels):
            raise ValueError(f"There must be one label per image; got {len(images)} images, {len(labels)} labels.")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {batch_size}.")
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.shuffle, self.transform, self.generator, self.drop_last = shuffle, transform, generator, drop_last

    def __len__(self) -> int:
        count = len(self.images) // self.batch_size
        return count if self.drop_last else -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.images)
        order = torch.randperm(count, generator=self.generator) if self.shuffle else torch.arange(count)
        order = order.to(self.images.device)
        for batch in range(len(self)):
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            images = self.images[chosen]
            yield (self.transform(images) if self.transform else images), self.labels[chosen]


def flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Mirror about half of the images left to right.

    Parameters
    ----------
    images : torch.Tensor of shape (N, C, H, W), any dtype
    generator : torch.Generator, optional

    Returns
    -------
    torch.Tensor of shape (N, C, H, W), dtype of `images`
    """
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen[:, None, None, None].to(images.device), images.flip(3), images)


def crop(images: Tensor, padding: int = 4, generator: torch.Generator | None = None) -> Tensor:
    """Shift each image by up to `padding` pixels; what comes in at the edge is a mirror image of what lies there.

    Parameters
    ----------
    images : torch.Tensor of shape (N, C, H, W), any dtype
    padding : int, pixels
    generator : torch.Generator, optional

    Returns
    -------
    torch.Tensor of shape (N, C, H, W), dtype of `images`
    """
    count, _, height, width = images.shape
    down, right = torch.randint(-padding, padding + 1, (2, count, 1), generator=generator)
    rows = _mirrored(torch.arange(height) + down, height).to(images.device)  # (N, H)
    columns = _mirrored(torch.arange(width) + right, width).to(images.device)  # (N, W)
    one = torch.arange(count, device=images.device)[:, None, None]
    # Two axes indexed at once come first: (N, H, W, C).
    return images.permute(0, 2, 3, 1)[one, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def cutout(images: Tensor, size: int = 8, generator: torch.Generator | None = None) -> Tensor:
    """Put a square of the image's own mean colour somewhere into each image [1]_.

    Parameters
    ----------
    images : torch.Tensor of shape (N, C, H, W), any dtype
    size : int, pixels
    generator : torch.Generator, optional

    Returns
    -------
    torch.Tensor of shape (N, C, H, W), dtype of `images`

    References
    ----------
    .. [1] T. DeVries and G. W. Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.
    """
    count, _, height, width = images.shape
    top = torch.randint(1 - size, height, (count, 1), generator=generator)
    left = torch.randint(1 - size, width, (count, 1), generator=generator)
    rows = (torch.arange(height) >= top) & (torch.arange(height) < top + size)
    columns = (torch.arange(width) >= left) & (torch.arange(width) < left + size)
    hidden = (rows[:, None, :, None] & columns[:, None, None, :]).to(images.device)
    return torch.where(hidden, images.float().mean((2, 3), keepdim=True).to(images.dtype), images)


def _mirrored(index: Tensor, size: int) -> Tensor:
    index = index.abs()
    return torch.where(index >= size, 2 * (size - 1) - index, index)


def _require_pixels(images: Tensor) -> None:
    if images.ndim != 4 or images.numel() == 0 or images.dtype != torch.uint8:
        got = f"{images.dtype} of shape {tuple(images.shape)}"
        raise ValueError(f"`images` must be a non-empty uint8 batch of shape (N, C, H, W), got {got}.")


def get_ready() -> None:
    """Draw or read the pictures now, so that processes forked from this one have them at once."""
    for split in ("train", "test"):
        stand_in.shapes(split)
        if _is_cifar10(environment.data_folder()):
            _read_cifar10(environment.data_folder(), split)


# Where the real data come from.

_MNIST_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def _is_cifar10(folder: Path) -> bool:
    try:
        return (folder / "cifar-10-batches-py" / "test_batch").is_file()
    except PermissionError as error:
        raise _unreadable(folder) from error


def _is_mnist(folder: Path) -> bool:
    try:
        return all(_plain_or_packed(folder, name) is not None for pair in _MNIST_FILES.values() for name in pair)
    except PermissionError as error:
        raise _unreadable(folder) from error


def _plain_or_packed(folder: Path, name: str) -> Path | None:
    """Return where a file of MNIST lies, unpacked or as it is published."""
    raw = folder / "MNIST" / "raw"
    return next((path for path in (raw / name, raw / f"{name}.gz") if path.is_file()), None)


def _unreadable(folder: Path) -> DataMissing:
    # Tests run as another user, who must be able to read the data.
    return DataMissing(
        f"The data in {folder} cannot be read by the user that this runs as; make them readable for all: "
        f"chmod -R go+rX {folder}"
    )


@functools.cache
def _read_cifar10(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    names = [f"data_batch_{part}" for part in range(1, 6)] if split == "train" else ["test_batch"]
    images, labels = [], []
    for name in names:
        # Python 2 wrote these files, and the folder is the user's own.
        try:
            with (folder / "cifar-10-batches-py" / name).open("rb") as file:
                batch = pickle.load(file, encoding="latin1")
        except PermissionError as error:
            raise _unreadable(folder) from error
        images.append(batch["data"].reshape(-1, 3, 32, 32))
        labels += batch["labels"]
    return np.concatenate(images), np.array(labels, dtype=np.int64)


@functools.cache
def _read_mnist(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = []
    for name, shape in zip(_MNIST_FILES[split], ((-1, 1, 28, 28), (-1,)), strict=True):
        path = _plain_or_packed(folder, name)
        try:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
                content = file.read()
        except PermissionError as error:
            raise _unreadable(folder) from error
        # Two bytes of zeros, the kind of numbers, how many axes, and the length of each in four bytes.
        arrays.append(np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape))
    return arrays[0], arrays[1].astype(np.int64)


@functools.cache
def _download(name: str) -> bool:
    """Try once per process to get CIFAR-10 or MNIST into the folder; tell whether it worked."""
    if environment.is_offline():
        return False
    from course_utils.torchvision_ops import datasets  # a slow import that offline work does not need

    try:
        getattr(datasets, name.replace("-", ""))(environment.data_folder(), download=True)
    except (OSError, RuntimeError) as error:
        print(f"{name} could not be downloaded ({error}); working with the stand-in.", file=sys.stderr)
        return False
    return True
