"""Grids of pictures: what a data set holds, and what was made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

__all__ = ["plot_augmented", "plot_breeds", "plot_pictures", "plot_versions"]


def plot_pictures(images: np.ndarray, titles: Sequence[str], columns: int = 10) -> Figure:
    """Draw small pictures in rows, each with its title.

    Parameters
    ----------
    images : numpy.ndarray of shape (N, 3, H, W), uint8
    titles : sequence of str, of length N
    columns : int

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.0 * columns, 1.25 * rows), layout="constrained")
    for place, ax in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        ax.set_axis_off()
        if place < len(images):
            ax.imshow(np.asarray(images[place]).transpose(1, 2, 0))
            ax.set_title(titles[place], fontsize=8)
    return figure


def plot_augmented(originals: np.ndarray, versions: Sequence[np.ndarray]) -> Figure:
    """Draw pictures in the first row, and below each of them what augmentation made of it.

    Parameters
    ----------
    originals : numpy.ndarray of shape (N, 3, H, W), uint8
    versions : sequence of numpy.ndarray of shape (N, 3, H, W), uint8

    Returns
    -------
    matplotlib.figure.Figure
    """
    titles = ["original", *(f"draw {number}" for number in range(1, len(versions) + 1))]
    figure = Figure(figsize=(1.0 * len(originals) + 0.7, 1.05 * len(titles)), layout="constrained")
    axes = figure.subplots(len(titles), len(originals), squeeze=False)
    for row, title, images in zip(axes, titles, [originals, *versions], strict=True):
        row[0].set_ylabel(title, fontsize="small")
        for ax, image in zip(row, images, strict=True):
            ax.imshow(np.asarray(image).transpose(1, 2, 0))
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
    return figure


def plot_versions(rows: Mapping[str, np.ndarray]) -> Figure:
    """Draw the same pictures in several versions, one row for each.

    Parameters
    ----------
    rows : mapping of str to numpy.ndarray of shape (N, 3, H, W)
        uint8 is shown as it is. Of floating-point pictures, whose values may be of any size, each row is shown from its
        1st to its 99th percentile, and says which values these are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = max(len(images) for images in rows.values())
    figure = Figure(figsize=(1.0 * count + 1.2, 1.05 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), count, squeeze=False)
    for row, (title, images) in zip(axes, rows.items(), strict=True):
        images = np.asarray(images)
        if images.dtype != np.uint8:
            low, high = np.percentile(images, [1, 99])
            images = ((images - low) / max(high - low, 1e-12)).clip(0, 1)
            title = f"{title}\n{low:.2g} to {high:.2g}"
        row[0].set_ylabel(title, fontsize="small", rotation=0, ha="right", va="center")
        for ax, image in zip(row, images, strict=False):
            ax.imshow(image.transpose(1, 2, 0))
        for ax in row:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
    return figure


def plot_breeds(pictures: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draw pictures in rows, one row for each breed.

    Parameters
    ----------
    pictures : mapping of str to sequence of numpy.ndarray of shape (H, W, 3), uint8
        By breed; the pictures may be of different sizes.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = max(len(row) for row in pictures.values())
    figure = Figure(figsize=(1.3 * columns + 1.6, 1.3 * len(pictures)), layout="constrained")
    axes = figure.subplots(len(pictures), columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for row, (breed, images) in zip(axes, pictures.items(), strict=True):
        name = breed.replace("_", "\n")
        row[0].text(-0.08, 0.5, name, ha="right", va="center", fontsize="small", transform=row[0].transAxes)
        for ax, image in zip(row, images, strict=False):
            ax.imshow(image)
    return figure
