"""Figures of the notebooks on training loops and architectures: learning curves, and the noise of batch statistics.

Each function draws one picture and returns it, without pyplot; `course_utils.plotting.show_figure` displays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from course_utils.plotting import BLUE, GREEN, GREY, ORANGE, PINK, VERMILLION

__all__ = ["plot_batch_variance", "plot_curves"]

_STYLES = ((BLUE, "o"), (VERMILLION, "s"), (GREEN, "^"), (PINK, "D"), (ORANGE, "v"))


def plot_curves(
    groups: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]],
    splits: Sequence[str] = ("train", "validation"),
    num_classes: int | None = None,
) -> Figure:
    """Draw loss and accuracy over the epochs: a row for each group, a colour and marker for each run.

    Parameters
    ----------
    groups : mapping of str to mapping of str to mapping
        By the title of the row and the name of the run, a history: ``"train_loss"`` in nats and ``"train_accuracy"``
        from 0 to 1, one number for each epoch, and the same for other splits.
    splits : sequence of str
        The first is drawn solid, the second dashed.
    num_classes : int, optional
        Of the labels; a dotted line then says what guessing gives.

    Returns
    -------
    matplotlib.figure.Figure
        Panels of one column share their range.
    """
    figure = Figure(figsize=(10.4, 3.1 * len(groups) + 0.2), layout="constrained")
    axes = figure.subplots(len(groups), 2, squeeze=False, sharey="col")
    quantities = (("loss", 1, "Cross-entropy (nats)"), ("accuracy", 100, "Accuracy (%)"))
    for row, (title, runs) in zip(axes, groups.items(), strict=True):
        for ax, (quantity, scale, label) in zip(row, quantities, strict=True):
            for (name, history), (colour, marker) in zip(runs.items(), _STYLES, strict=False):
                for split, dash in zip(splits, ("-", "--"), strict=False):
                    values = scale * np.asarray(history.get(f"{split}_{quantity}", []), dtype=float)
                    ax.plot(
                        np.arange(1, len(values) + 1),
                        values,
                        color=colour,
                        linestyle=dash,
                        marker=marker,
                        markersize=4,
                        markerfacecolor=colour if dash == "-" else "white",
                        label=f"{name}, {split}" if len(splits) > 1 else name,
                    )
            if num_classes:
                guessed = {"loss": np.log(num_classes), "accuracy": 1 / num_classes}[quantity]
                ax.axhline(scale * guessed, color=GREY, linestyle=":", linewidth=1, label="guessing")
            ax.set(xlabel="Epoch", ylabel=label)
            ax.set_title(title, fontsize="medium")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
            ax.spines[["top", "right"]].set_visible(False)
        # Beside the panel, where it covers no curve.
        row[1].legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    return figure


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
