"""Data sets as tensors in memory, and batches of them, whole batches augmented at a time.

Real data come from the folder that the environment variable COURSE_DATA names, in torchvision's own layout, else from
a download (kept for the next time), else the course works with small pictures of its own: the *stand-in*, see
`stand_in`. `cifar10_source` and `mnist_source` say which it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from course_utils import data_files, stand_in
from course_utils.data_files import CIFAR10, MNIST, DataMissing
from course_utils.draws import seed_for

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

# Name of a source, as records of trained networks hold it; the others are in `data_files`.
STAND_IN = "stand-in"

_CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


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
    return _split_of(CIFAR10, "cifar-10-batches-py", stand_in.shapes, split, source)


def cifar10_source() -> str:
    """Return which pictures `cifar10` gives: "CIFAR-10" or "stand-in"."""
    return _source_of(CIFAR10)


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
    return _split_of(MNIST, "MNIST/raw", stand_in.digits, split, source)


def mnist_source() -> str:
    """Return which digits `mnist` gives: "MNIST" or "stand-in"."""
    return _source_of(MNIST)


def _source_of(name: str) -> str:
    """Return the name of a data set if it is here or can be downloaded, else that of the stand-in."""
    return name if data_files.is_here(name) or data_files.download(name) else STAND_IN


def _split_of(
    name: str,
    where: str,
    instead: Callable[[str], tuple[np.ndarray, np.ndarray]],
    split: str,
    source: str | None,
) -> tuple[Tensor, Tensor]:
    """Return a split of a data set, or of what the course uses instead of it; `where` is the folder that holds it."""
    if split not in ("train", "test"):
        raise ValueError(f"Unknown split {split!r}; the splits are 'train' and 'test'.")
    if source not in (None, name, STAND_IN):
        raise ValueError(f"Unknown source {source!r}; the sources are {name!r} and {STAND_IN!r}.")
    if source == STAND_IN or _source_of(name) == STAND_IN:
        if source == name:
            raise DataMissing(
                f"{name} is not here, and could not be downloaded. Set COURSE_DATA to the folder that holds {where}."
            )
        images, labels = instead(split)
    else:
        images, labels = (array.copy() for array in data_files.read(name, split))
    return torch.from_numpy(images), torch.from_numpy(labels)


def held_out(source: str, count: int = 2000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return pictures to measure a trained network on: no network has seen them in just this form.

    Of CIFAR-10, a choice of the test split, some of it flipped, most of it shifted by a pixel or two, all a little
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
        Most of them shifted by a pixel, all a little darker.
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
        if data_files.is_here(CIFAR10):
            data_files.read(CIFAR10, split)
