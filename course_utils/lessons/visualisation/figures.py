"""Figures of the notebooks that look into trained networks.

Each function draws one picture and returns it, without pyplot; `course_utils.plotting.show_figure` displays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from course_utils.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, SKY, VERMILLION

__all__ = [
    "plot_fooling",
    "plot_iterations",
    "plot_maps",
    "plot_peaks",
    "plot_responses",
    "plot_shares",
    "plot_transfer",
]

_LINES = (
    (BLUE, "-", "o"),
    (VERMILLION, "--", "s"),
    (GREEN, "-.", "^"),
    (ORANGE, ":", "D"),
    (PINK, "-", "v"),
    (SKY, "--", "P"),
)


def plot_maps(pictures: Tensor, maps: Mapping[str, Tensor], titles: Sequence[str]) -> Figure:
    """Draw pictures and, beside each, maps of how much each pixel counts.

    Parameters
    ----------
    pictures : torch.Tensor of shape (N, 3, H, W), uint8
    maps : mapping of str to torch.Tensor of shape (N, H, W)
        One column each. Every map has its own scale, up to the value that 99.5 % of its pixels do not reach; maps with
        negative values are drawn around zero.
    titles : sequence of str, of length N

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _grid(len(pictures), 1 + len(maps))
    for row, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        _show(axes[row, 0], picture, title)
        for ax, (name, values) in zip(axes[row, 1:], maps.items(), strict=True):
            values = np.asarray(values[row])
            reach = float(np.quantile(np.abs(values), 0.995)) or 1.0
            signed = values.min() < 0
            scale = {"cmap": "RdBu_r", "vmin": -reach} if signed else {"cmap": "viridis", "vmin": 0}
            ax.imshow(values, vmax=reach, interpolation_stage="data", **scale)
            ax.set_axis_off()
            if row == 0:
                ax.set_title(name, fontsize="medium")
    return figure


def plot_fooling(picture: Tensor, fooling: Tensor, before: str, after: str, magnification: float = 20.0) -> Figure:
    """Draw a picture, its fooling image, the difference, and the difference magnified.

    Parameters
    ----------
    picture, fooling : torch.Tensor of shape (3, H, W), uint8
    before, after : str
        What the network takes each of them for.
    magnification : float

    Returns
    -------
    matplotlib.figure.Figure
        In the two differences grey means no change.
    """
    difference = fooling.float() - picture.float()
    rms = difference.square().mean().sqrt().item()
    figure, axes = _grid(1, 4)
    _show(axes[0, 0], picture, f"picture: {before}")
    _show(axes[0, 1], fooling, f"fooling image: {after}")
    _show(axes[0, 2], _around_grey(difference), f"difference, RMS {rms:.1f} of 255")
    _show(axes[0, 3], _around_grey(magnification * difference), f"difference × {magnification:g}")
    return figure


def plot_iterations(curves: Mapping[str, Sequence[float]], confidence: float | None = None) -> Figure:
    """Draw the target's probability over the steps of gradient ascent.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        Label, and the probability before the first step and after each one.
    confidence : float, optional
        Where ascent stops; drawn as a dotted line with its label.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    ax = figure.subplots()
    for number, (label, probs) in enumerate(curves.items()):
        color, dash, marker = _LINES[number % len(_LINES)]
        every = max(1, len(probs) // 12)
        ax.plot(range(len(probs)), probs, color=color, linestyle=dash, marker=marker, markevery=every, label=label)
    if confidence is not None:
        ax.axhline(confidence, color=GREY, linestyle=":", linewidth=1)
        ax.annotate(
            f"confidence {confidence:g}",
            (0.01, confidence),
            (0, -2),
            xycoords=ax.get_yaxis_transform(),
            textcoords="offset points",
            va="top",
            color=GREY,
            fontsize="small",
        )
    ax.set(xlabel="Steps", ylabel="Probability of the target", ylim=(-0.02, 1.02))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return figure


def plot_transfer(tables: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    """Draw tables of shares: made on (rows) and tried on (columns) each network.

    Parameters
    ----------
    tables : mapping of str to table
        By title; ``table[made_on][tried_on]`` is a share from 0 to 1.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(4.2 * len(tables), 3.4), layout="constrained")
    for ax, (title, table) in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables.items(), strict=True):
        rows, columns = list(table), list(next(iter(table.values())))
        shares = np.array([[table[made][tried] for tried in columns] for made in rows])
        ax.imshow(shares, cmap="viridis", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            ax.text(column, row, f"{share:.0%}", ha="center", va="center", color="black" if share > 0.6 else "white")
        ax.set_xticks(range(len(columns)), columns)
        ax.set_yticks(range(len(rows)), rows, rotation=90, va="center")
        ax.set(xlabel="Tried on", ylabel="Made on", title=title)
        ax.title.set_fontsize("medium")
        ax.tick_params(length=0)
    return figure


def plot_responses(
    pictures: Sequence[Tensor],
    responses: Sequence[Tensor],
    titles: Sequence[str],
    boxes: Sequence[Sequence[float]] = (),
) -> Figure:
    """Draw responses of a class over the pictures they belong to: above as they are, below laid over the picture.

    Parameters
    ----------
    pictures : sequence of torch.Tensor of shape (3, H, W), uint8
        Of any size each.
    responses : sequence of torch.Tensor of shape (h, w)
        Drawn around zero, each on its own scale.
    titles : sequence of str
    boxes : sequence of (top, left, bottom, right), in pixels, optional
        One per picture; an empty one is not drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _grid(2, len(pictures))
    for column, (picture, response, title) in enumerate(zip(pictures, responses, titles, strict=True)):
        height, width = picture.shape[1:]
        values = np.asarray(response.detach())
        reach = float(np.abs(values).max()) or 1.0
        scale = {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach, "extent": (-0.5, width - 0.5, height - 0.5, -0.5)}
        axes[0, column].imshow(values, **scale)
        axes[0, column].set_title(f"{title}\nresponse {values.shape[0]} × {values.shape[1]}", fontsize="medium")
        _show(axes[1, column], picture, "")
        smooth = _enlarge(values, height, width)
        # Strong responses cover the picture, weak ones let it through.
        axes[1, column].imshow(smooth, alpha=0.8 * np.clip(np.abs(smooth) / reach, 0, 1), **scale)
        for ax in axes[:, column]:
            ax.set_axis_off()
            if len(boxes) and len(boxes[column]):
                _frame(ax, boxes[column])
    return figure


def plot_peaks(pictures: Tensor, points: Tensor, boxes: Tensor, titles: Sequence[str]) -> Figure:
    """Draw pictures with the place that was found (cross), the object's box, and the centre of the picture (ring).

    Parameters
    ----------
    pictures : torch.Tensor of shape (N, 3, H, W), uint8
    points : torch.Tensor of shape (N, 2), pixels
        Row and column.
    boxes : torch.Tensor of shape (N, 4), pixels
        Top, left, bottom, right.
    titles : sequence of str, of length N

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _grid(1, len(pictures))
    for ax, picture, point, box, title in zip(axes[0], pictures, points, boxes, titles, strict=True):
        _show(ax, picture, title)
        _frame(ax, box)
        y, x = (float(value) - 0.5 for value in point)
        ax.plot(x, y, marker="X", markersize=11, markerfacecolor=VERMILLION, markeredgecolor="white")
        height, width = picture.shape[1:]
        ring = {"markersize": 9, "markerfacecolor": "none", "markeredgecolor": "white", "markeredgewidth": 2}
        ax.plot(width / 2 - 0.5, height / 2 - 0.5, marker="o", **ring)
    return figure


def plot_shares(shares: Mapping[str, float], count: int, label: str) -> Figure:
    """Draw shares of pictures as bars, with the uncertainty that the number of pictures leaves.

    Parameters
    ----------
    shares : mapping of str to float
        From 0 to 1.
    count : int
        How many pictures each share was counted on.
    label : str
        Of the horizontal axis.

    Returns
    -------
    matplotlib.figure.Figure
        The thin lines are one standard error to each side.
    """
    figure = Figure(figsize=(6.4, 0.5 * len(shares) + 1.0), layout="constrained")
    ax = figure.subplots()
    values = np.array(list(shares.values()))
    error = np.sqrt(values * (1 - values) / count)
    places = np.arange(len(shares))
    ax.barh(places, values, xerr=error, color=SKY, edgecolor=BLACK, linewidth=0.6, height=0.6)
    for place, value, reach in zip(places, values, error, strict=True):
        ax.text(value + reach + 0.015, place, f"{value:.0%}", va="center")
    ax.set_yticks(places, list(shares))
    ax.invert_yaxis()
    ax.set(xlabel=label, xlim=(0, 1.15), xticks=np.linspace(0, 1, 6))
    ax.spines[["top", "right"]].set_visible(False)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    return figure


def _grid(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(2.6 * columns, 2.75 * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _show(ax: Axes, picture: Tensor, title: str) -> None:
    ax.imshow(np.asarray(picture).transpose(1, 2, 0))
    ax.set_axis_off()
    ax.set_title(title, fontsize="medium")


def _around_grey(difference: Tensor) -> Tensor:
    return (128 + difference).round().clamp(0, 255).to(torch.uint8)


def _enlarge(values: np.ndarray, height: int, width: int) -> np.ndarray:
    tensor = torch.from_numpy(np.array(values, dtype=np.float32))[None, None]
    return torch.nn.functional.interpolate(tensor, (height, width), mode="bilinear", align_corners=False)[0, 0].numpy()


def _frame(ax: Axes, box: Sequence[float]) -> None:
    top, left, bottom, right = (float(edge) - 0.5 for edge in box)
    for color, width in (("white", 4), (BLACK, 1.5)):
        ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, linewidth=width))
