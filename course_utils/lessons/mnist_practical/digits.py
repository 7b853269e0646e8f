"""The digits of the practical, split for training, choosing and the last measurement."""

from __future__ import annotations

import functools
from typing import NamedTuple

from torch import Tensor

from course_utils import data

__all__ = ["Digits", "dev_split", "load", "log_every"]

# How many of the training digits are kept back to choose by, and how many the experiments train on.
_DEV = {data.MNIST: 5000, data.STAND_IN: 250}
_EXPERIMENTS = {data.MNIST: 6000, data.STAND_IN: 1047}


# Steps between what is logged of training: in experiments, and when all digits are trained on.
_LOG_EVERY = {data.MNIST: (10, 50), data.STAND_IN: (4, 4)}


class Digits(NamedTuple):
    """Digits as a network takes them.

    Parameters
    ----------
    source : {"MNIST", "stand-in"}
    images : torch.Tensor of shape (N, 1, 28, 28), float32
        To train on, normalised by `data.normalise`.
    labels : torch.Tensor of shape (N,), int64
    dev_images, dev_labels : torch.Tensor
        Of the same kinds; to choose by.
    experiments : int
        How many of the first images the experiments train on.
    """

    source: str
    images: Tensor
    labels: Tensor
    dev_images: Tensor
    dev_labels: Tensor
    experiments: int

    def batches(self, batch_size: int = 50, *, all_of_them: bool = False, moved: int = 0) -> data.Batches:
        """Return the digits to train on in batches, newly shuffled in each epoch.

        Parameters
        ----------
        batch_size : int
        all_of_them : bool
            By default only as many as the experiments need.
        moved : int, pixels
            Each digit is moved by up to so many, anew in each epoch.
        """
        count = len(self.images) if all_of_them else self.experiments
        transform = functools.partial(data.crop, padding=moved) if moved else None
        return data.Batches(self.images[:count], self.labels[:count], batch_size, transform=transform)

    def log_every(self, *, all_of_them: bool = False) -> int:
        """Return after how many steps a run logs again, as `log_every` does for a source."""
        return log_every(self.source, all_of_them=all_of_them)


def log_every(source: str, *, all_of_them: bool = False) -> int:
    """Return after how many steps of training a run logs again.

    Parameters
    ----------
    source : {"MNIST", "stand-in"}
    all_of_them : bool
        Whether it trains on all digits.
    """
    return _LOG_EVERY[source][all_of_them]


def load() -> Digits:
    """Read MNIST, or the stand-in where it can't be had, and keep a dev split back."""
    source = data.mnist_source()
    images, labels = data.mnist("train", source)
    cut = len(images) - _DEV[source]
    return Digits(source, data.normalise(images[:cut]), labels[:cut], *dev_split(source), _EXPERIMENTS[source])


def dev_split(source: str) -> tuple[Tensor, Tensor]:
    """Return the dev split of a source: the last of its training digits.

    Parameters
    ----------
    source : {"MNIST", "stand-in"}

    Returns
    -------
    images : torch.Tensor of shape (N, 1, 28, 28), float32
        5,000 of MNIST or 250 of the stand-in, normalised.
    labels : torch.Tensor of shape (N,), int64
    """
    images, labels = data.mnist("train", source)
    return data.normalise(images[-_DEV[source] :]), labels[-_DEV[source] :]
