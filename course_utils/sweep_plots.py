"""Figures of the notebooks that compare many training runs: small multiples, schedules, pictures after normalisation.

Each function draws one picture and returns it, without pyplot; `course_utils.plotting.show_figure` displays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_utils.plotting import BLUE, GREEN, GREY, ORANGE, PINK, VERMILLION

__all__ = ["plot_final", "plot_first_epoch", "plot_runs", "plot_schedules", "plot_sweeps", "plot_versions"]

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
    ax.axhline(_GUESSING, color=GREY, linestyle=":", label="guessing: ln 10")
    for (name, value), (colour, marker) in zip(after.items(), ((ORANGE, "D"), (VERMILLION, "s")), strict=False):
        ax.plot(
            [1.02 * len(values)], [value], color=colour, marker=marker, linestyle="none", label=f"afterwards, {name}"
        )
    ax.set(xlabel="Batch", ylabel="Cross-entropy (nats)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def plot_runs(histories: Mapping[str, Mapping[str, Sequence[float]]], title: str = "") -> Figure:
    """Draw loss and accuracy of a few runs over the epochs: training above, validation below, one line for each run.

    Parameters
    ----------
    histories : mapping of str to mapping of str to sequence of float
        By name of the run, ``"train_loss"`` and ``"validation_loss"`` in nats, ``"train_accuracy"`` and
        ``"validation_accuracy"`` from 0 to 1, one number for each epoch. At most five runs can be told apart.
    title : str
        Stands above the names of the runs.

    Returns
    -------
    matplotlib.figure.Figure
        Losses share their range, and so do accuracies.
    """
    figure = Figure(figsize=(9.2, 5.4), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey="col")
    quantities = (("loss", 1, "Cross-entropy (nats)"), ("accuracy", 100, "Accuracy (%)"))
    for row, (split, words) in zip(axes, (("train", "training"), ("validation", "validation")), strict=True):
        for ax, (quantity, scale, label) in zip(row, quantities, strict=True):
            for (name, history), (colour, dash, marker) in zip(histories.items(), _STYLES, strict=False):
                values = scale * np.asarray(history.get(f"{split}_{quantity}", []), dtype=float)
                epochs = np.arange(1, len(values) + 1)
                ax.plot(epochs, values, color=colour, linestyle=dash, marker=marker, markersize=4, label=name)
            ax.set_title(words, fontsize="medium")
            ax.set(ylabel=label, xlabel="Epoch" if split == "validation" else "")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
            ax.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize="small", title=title)
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
