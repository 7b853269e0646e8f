"""Figures of the CIFAR-10 notebooks: sweeps, schedules, batches and learning rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from course_utils.plotting import BLUE, GREEN, GREY, ORANGE, PINK, VERMILLION
from course_utils.plotting.figures import panels_of

__all__ = [
    "plot_batch_variance",
    "plot_final",
    "plot_first_epoch",
    "plot_learning_rates",
    "plot_schedules",
    "plot_sweeps",
]


def plot_batch_variance(
    batch_sizes: Sequence[int], measured: Sequence[float], predicted: Sequence[float], pixels: int | None = None
) -> Figure:
    """Draw the variance of a batch's mean over the size of the batch, measured and predicted.

    Parameters
    ----------
    batch_sizes : sequence of int
    measured, predicted : sequence of float
        Variances, relative to that of the activations.
    pixels : int, optional
        Positions of a feature map; a line then says what would hold if they were independent of each other.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(5.8, 3.6), layout="constrained")
    ax = figure.subplots()
    sizes = np.asarray(batch_sizes, dtype=float)
    ax.plot(sizes, predicted, color=VERMILLION, linestyle="--", label="predicted: proportional to 1/B")
    ax.plot(sizes, measured, color=BLUE, linestyle="none", marker="o", label="measured")
    if pixels:
        label = f"if the {pixels} pixels of a map were independent"
        ax.plot(sizes, 1 / (sizes * pixels), color=GREY, linestyle=":", label=label)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="Images in a batch, B",
        ylabel="Variance of the batch mean\n÷ variance of activations",
    )
    ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_locator(LogLocator())
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return figure


_STYLES = (
    (BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PINK, ":", "D"), (ORANGE, (0, (5, 1)), "v"),
)  # fmt: skip
# Nats; the loss of a network that gives each of ten classes the same probability.
_GUESSING = float(np.log(10))


def plot_sweeps(
    groups: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]], columns: int = 5, lowest: float = 0.0
) -> Figure:
    """Draw training and validation loss of many runs, one small panel for each, all with the same axes.

    Parameters
    ----------
    groups : mapping of str to mapping of str to mapping
        By the title of the group and the name of the run, a history with ``"train_loss"`` and ``"validation_loss"`` in
        nats, and perhaps ``"validation_accuracy"`` from 0 to 1. A group begins a new row.
    columns : int
        The most panels in a row.
    lowest : float, nats
        Where the axes of the loss begin.

    Returns
    -------
    matplotlib.figure.Figure
        What is not finite, or far above the loss of guessing, is marked by triangles, and by a word if the run ends so.
    """
    rows = []
    for title, runs in groups.items():
        names = list(runs)
        rows += [(title, {name: runs[name] for name in names[i : i + columns]}) for i in range(0, len(names), columns)]
    columns = max(len(runs) for _, runs in rows)
    highest = 1.3 * _GUESSING
    figure = Figure(figsize=(2.05 * columns + 0.6, 2.05 * len(rows) + 0.3), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False, sharey=True)
    for row, (title, runs) in zip(axes, rows, strict=True):
        for ax in row[len(runs) :]:
            ax.set_axis_off()
        for ax, (name, history) in zip(row, runs.items(), strict=False):
            _draw_losses(ax, history, lowest, highest)
            ax.axhline(_GUESSING, color=GREY, linestyle=":", linewidth=1)
            ax.set(ylim=(lowest, highest), xlabel="Epoch")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
            ends = [value for value in history.get("validation_accuracy", []) if np.isfinite(value)]
            ax.set_title(f"{name}\n{100 * ends[-1]:.0f} % right" if ends else name, fontsize="small")
            ax.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(f"{title}\nLoss (nats)" if title else "Loss (nats)", fontsize="small")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False, fontsize="small")
    return figure


def _draw_losses(ax: Axes, history: Mapping[str, Sequence[float]], lowest: float, highest: float) -> None:
    lost = []
    for split, (colour, dash, marker) in zip(("train", "validation"), _STYLES, strict=False):
        values = np.asarray(history.get(f"{split}_loss", []), dtype=float)
        epochs = np.arange(1, len(values) + 1)
        fits = np.isfinite(values) & (values <= highest)
        shown = np.where(fits, values, np.nan)
        ax.plot(epochs, shown, color=colour, linestyle=dash, marker=marker, markersize=3, linewidth=1.2, label=split)
        # Marks at the upper edge stand for losses that are not within the panel.
        edge = np.full((~fits).sum(), highest - 0.04 * (highest - lowest))
        ax.plot(epochs[~fits], edge, color=colour, linestyle="none", marker="^", markersize=5)
        lost += list(values[-1:][~fits[-1:]])
    if lost:
        text = "off the scale" if np.isfinite(lost).all() else "diverged"
        ax.text(0.5, 0.4, text, transform=ax.transAxes, ha="center", fontsize="small", color=GREY)


def plot_first_epoch(losses: Sequence[float], after: Mapping[str, float], window: int = 1, epochs: int = 1) -> Figure:
    """Draw the loss of each batch, their running mean, the mean of each epoch, and what is measured afterwards.

    Parameters
    ----------
    losses : sequence of float, nats
        Of each batch, before the update by it.
    after : mapping of str to float, nats
        By name, losses measured with the weights at the end.
    window : int
        How many batches are averaged, the batch itself and those before it.
    epochs : int
        Into how many epochs of the same length the losses are divided.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    ax = figure.subplots()
    values = np.asarray(losses, dtype=float)
    batches = np.arange(1, len(values) + 1)
    window = min(max(window, 1), len(values))
    running = np.convolve(values, np.ones(window) / window, mode="valid")
    ax.plot(
        batches, values, color=BLUE, linestyle="none", marker="o", markersize=3, alpha=0.5, label="loss of the batch"
    )
    label = f"mean of {window} batches" if window > 1 else "the same, joined"
    ax.plot(
        batches[window - 1 :], running, color=BLUE, linestyle="-", marker="o" if len(running) == 1 else "", label=label
    )
    for number, part in enumerate(np.array_split(values, epochs)):
        begin = 0.5 + number * len(part)
        label = "mean of an epoch" if number == 0 else None
        ax.hlines(
            part.mean(), begin, begin + len(part), color=GREEN, linestyle="-.", linewidth=2, zorder=3, label=label
        )
    ax.axhline(_GUESSING, color=GREY, linestyle=":", label="guessing")
    for (name, value), (colour, marker) in zip(after.items(), ((ORANGE, "D"), (VERMILLION, "s")), strict=False):
        ax.plot(
            [1.02 * len(values)], [value], color=colour, marker=marker, linestyle="none", label=f"afterwards, {name}"
        )
    ax.set(xlabel="Batch", ylabel="Cross-entropy (nats)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def plot_schedules(schedules: Mapping[str, Sequence[float]]) -> Figure:
    """Draw learning rates over the epochs, one line for each schedule.

    Parameters
    ----------
    schedules : mapping of str to sequence of float
        By name, the learning rate of each epoch.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(6.2, 3.2), layout="constrained")
    ax = figure.subplots()
    for (name, rates), (colour, dash, marker) in zip(schedules.items(), _STYLES, strict=False):
        ax.plot(
            np.arange(1, len(rates) + 1), rates, color=colour, linestyle=dash, marker=marker, markersize=4, label=name
        )
    ax.set(xlabel="Epoch", ylabel="Learning rate")
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return figure


def plot_final(accuracies: Mapping[str, tuple[float, float]]) -> Figure:
    """Draw where runs ended: training and validation accuracy of each, joined by a line.

    Parameters
    ----------
    accuracies : mapping of str to (float, float)
        By name of the run, accuracy on training and on validation pictures, from 0 to 1.

    Returns
    -------
    matplotlib.figure.Figure
        The length of a line is the gap between what a network remembers and what it generalises to.
    """
    figure = Figure(figsize=(6.6, 0.42 * len(accuracies) + 1.1), layout="constrained")
    ax = figure.subplots()
    places = np.arange(len(accuracies))[::-1]
    values = 100 * np.asarray(list(accuracies.values()), dtype=float).reshape(-1, 2)
    ax.hlines(places, values.min(1), values.max(1), color=GREY, linewidth=1)
    for column, (name, (colour, _, marker)) in enumerate(zip(("training", "validation"), _STYLES, strict=False)):
        ax.plot(values[:, column], places, color=colour, linestyle="none", marker=marker, label=name)
    ax.set_yticks(places, list(accuracies))
    ax.set(xlabel="Accuracy after the last epoch (%)", ylabel="Run", ylim=(-0.6, len(accuracies) - 0.4))
    ax.grid(axis="x", color="#dddddd")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
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
    figure, (ax,) = panels_of(1)
    shown = np.where(np.isfinite(losses), losses, np.nan)
    ax.plot(rates, shown, color=BLUE, marker="o")
    ax.axhline(np.log(10), color=GREY, linestyle=":")
    ax.annotate(
        "guessing",
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
