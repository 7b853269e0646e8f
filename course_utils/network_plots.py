"""Figures of the notebooks on the CIFAR challenge and on depthwise separable convolutions.

Each function draws one picture and returns it, without pyplot; `course_utils.plotting.show_figure` displays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from course_utils.plotting import BLUE, GREEN, GREY, ORANGE, PINK, SKY, VERMILLION

__all__ = [
    "plot_augmented",
    "plot_comparison",
    "plot_connections",
    "plot_layer_costs",
    "plot_learning_rates",
    "plot_pictures",
    "plot_runs",
]

_STYLES = (
    (BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PINK, ":", "D"), (ORANGE, (0, (5, 1)), "v"),
)  # fmt: skip


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


def plot_runs(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw training loss and validation accuracy over the epochs, one line for each run.

    Parameters
    ----------
    histories : mapping of str to mapping
        By the name of the run, its ``"train_loss"`` in nats and its ``"validation_accuracy"`` from 0 to 1.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = _panels(2)
    for (name, history), (colour, dash, marker) in zip(histories.items(), _STYLES, strict=False):
        for ax, key, scale in ((left, "train_loss", 1), (right, "validation_accuracy", 100)):
            values = scale * np.asarray(history.get(key, []), dtype=float)
            epochs = np.arange(1, len(values) + 1)
            ax.plot(epochs, values, color=colour, linestyle=dash, marker=marker, markersize=4, label=name)
    left.set(xlabel="Epoch", ylabel="Training loss (nats)")
    right.set(xlabel="Epoch", ylabel="Validation accuracy (%)")
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if len(histories) > 1:
        right.legend(frameon=False, fontsize="small")
    return figure


def plot_learning_rates(rates: Sequence[float], losses: Sequence[float], steps: int) -> Figure:
    """Draw the mean loss of a few steps over the learning rate.

    Parameters
    ----------
    rates : sequence of float
    losses : sequence of float, nats
        Where it is not finite, training diverged.
    steps : int

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = _panels(1)
    shown = np.where(np.isfinite(losses), losses, np.nan)
    ax.plot(rates, shown, color=BLUE, marker="o")
    ax.axhline(np.log(10), color=GREY, linestyle=":")
    ax.annotate(
        "guessing: ln 10",
        (rates[0], np.log(10)),
        (0, 4),
        textcoords="offset points",
        color=GREY,
        fontsize="small",
    )
    highest = max(np.nanmax(shown, initial=0.0), np.log(10))
    for rate, loss in zip(rates, losses, strict=True):
        if not np.isfinite(loss):
            ax.annotate(
                "diverged", (rate, highest), color=VERMILLION, rotation=90, ha="center", va="top", fontsize="small"
            )
    ax.set(xlabel="Learning rate", ylabel=f"Mean loss of {steps} steps (nats)", xscale="log")
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.xaxis.set_minor_formatter(NullFormatter())
    return figure


def plot_connections(in_channels: int, out_channels: int, groups: Sequence[int]) -> Figure:
    """Draw which input channels each output channel looks at, one panel for each number of groups.

    Parameters
    ----------
    in_channels, out_channels : int
        Each a multiple of every entry of `groups`.
    groups : sequence of int

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If channels cannot be divided into so many groups.
    """
    figure, axes = _panels(len(groups), height=3.0)
    for ax, count in zip(axes, groups, strict=True):
        if in_channels % count or out_channels % count:
            raise ValueError(f"{in_channels} and {out_channels} channels cannot be divided into {count} groups.")
        ins, outs = in_channels // count, out_channels // count
        colours = [_STYLES[group % len(_STYLES)][0] for group in range(count)]
        for out in range(out_channels):
            group = out // outs
            for one in range(group * ins, (group + 1) * ins):
                ax.plot(
                    [0, 1], [_height(one, in_channels), _height(out, out_channels)], color=colours[group], linewidth=1
                )
        for x, channels, per_group in ((0, in_channels, ins), (1, out_channels, outs)):
            heights = [_height(channel, channels) for channel in range(channels)]
            fills = [colours[channel // per_group] for channel in range(channels)]
            ax.scatter([x] * channels, heights, c=fills, s=110, marker="s", zorder=3)
        pairs = in_channels * out_channels // count
        ax.set_title(f"groups={count}: {pairs} pairs", fontsize="medium")
        ax.set_xticks([0, 1], [f"{in_channels} channels in", f"{out_channels} out"])
        ax.set_yticks([])
        ax.set(xlim=(-0.3, 1.3), ylim=(-0.08, 1.08))
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    return figure


def plot_layer_costs(channels: Sequence[int], operations: Sequence[float], seconds: Sequence[float]) -> Figure:
    """Draw what a separable layer needs as a share of the plain one: multiply-adds, and measured time.

    Parameters
    ----------
    channels : sequence of int
    operations, seconds : sequence of float
        Separable divided by plain.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = _panels(1)
    for name, values, (colour, dash, marker) in zip(
        ("multiply-adds", "measured time"), (operations, seconds), _STYLES, strict=False
    ):
        ax.plot(channels, 100 * np.asarray(values), color=colour, linestyle=dash, marker=marker, label=name)
    ax.axhline(100, color=GREY, linestyle=":")
    ax.annotate("as the plain layer", (channels[-1], 100), (0, 4), textcoords="offset points", ha="right", color=GREY)
    ax.set(xlabel="Channels in and out", ylabel="Separable, in % of plain", xscale="log", yscale="log")
    ax.set_xticks(channels, [str(channel) for channel in channels])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.legend(frameon=False)
    return figure


def plot_comparison(names: Sequence[str], values: Mapping[str, Sequence[float]], units: Mapping[str, str]) -> Figure:
    """Draw a panel of bars for each quantity, one bar for each network, with its number.

    Parameters
    ----------
    names : sequence of str
        Of the networks.
    values : mapping of str to sequence of float
        By quantity, one number for each network.
    units : mapping of str to str
        Of each quantity.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _panels(len(values), width=2.6, height=2.8)
    for ax, (quantity, numbers) in zip(axes, values.items(), strict=True):
        bars = ax.bar(range(len(names)), numbers, color=[SKY, ORANGE][: len(names)], edgecolor="black", linewidth=0.6)
        for bar, hatch in zip(bars, ("", "//"), strict=False):
            bar.set_hatch(hatch)
        ax.bar_label(bars, [f"{number:.3g}" for number in numbers], fontsize="small")
        ax.set_xticks(range(len(names)), names)
        ax.set(ylabel=f"{quantity} ({units[quantity]})", ylim=(0, 1.15 * max(numbers)))
    return figure


def _height(channel: int, channels: int) -> float:
    return 1 - (channel + 0.5) / channels


def _panels(count: int, width: float = 4.1, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(5.6 if count == 1 else width * count, height), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)
