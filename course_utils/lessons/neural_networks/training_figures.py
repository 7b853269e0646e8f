"""Figures of a small network that is trained: its border, its curves, and how rates and batch sizes change them.

Each function draws one picture and returns it; `course_utils.plotting.show_figure` displays it. The figures are made
without pyplot, so that a slider that draws hundreds of them leaves none behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_utils.plotting import BLUE, GREEN, GREY, PINK, VERMILLION
from course_utils.plotting.figures import panels_of

__all__ = ["plot_border", "plot_difference_errors", "plot_rates", "plot_scaling", "plot_versions"]

_LINES = ((GREY, "-"), (BLUE, "--"), (VERMILLION, "-."), (GREEN, ":"))
_CHANCE = float(np.log(2))  # nats; what a network of two classes loses that gives both the same probability


def plot_border(
    points: np.ndarray, labels: np.ndarray, probs: np.ndarray, losses: Sequence[float], epoch: int, limit: float = 2.0
) -> Figure:
    """Draw what a network says everywhere in a square, beside its loss up to then.

    Parameters
    ----------
    points : numpy.ndarray of shape (N, 2)
    labels : numpy.ndarray of shape (N,), 0 or 1
    probs : numpy.ndarray of shape (M,)
        Probability of class 1 at the points of `circles.grid`.
    losses : sequence of float
        Loss after each epoch, in nats, of the whole run.
    epoch : int
        How many epochs the network was trained; marked on the curve.
    limit : float
        The square reaches from ``-limit`` to ``limit`` along both axes.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = panels_of(2, width=5.0, height=3.9)
    side = round(np.sqrt(len(probs)))
    ticks = np.linspace(-limit, limit, side)
    filled = left.contourf(
        ticks, ticks, probs.reshape(side, side), levels=np.linspace(0, 1, 11), cmap="PuOr", alpha=0.75
    )
    figure.colorbar(filled, ax=left, label="Probability of the disc (1)", ticks=[0, 0.5, 1])
    if probs.min() < 0.5 < probs.max():
        left.contour(ticks, ticks, probs.reshape(side, side), levels=[0.5], colors="black", linewidths=2)
    for label, marker, colour in ((0, "o", VERMILLION), (1, "^", BLUE)):
        chosen = points[labels == label]
        left.plot(*chosen.T, marker, color=colour, markersize=4, markeredgecolor="white", markeredgewidth=0.4)
    left.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    left.set_title(f"after {epoch} epoch{'' if epoch == 1 else 's'}")
    right.plot(np.arange(1, len(losses) + 1), losses, color=BLUE)
    if epoch:
        right.plot(epoch, losses[epoch - 1], "o", color="black")
    right.axhline(_CHANCE, color=GREY, linestyle=":", linewidth=1)
    right.annotate("guessing", (len(losses), _CHANCE), ha="right", va="bottom", color=GREY)
    right.set(xlabel="Epoch", ylabel="Cross-entropy (nats)", ylim=(0, 0.8))
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def plot_versions(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Lay the curves of several versions of one training over each other, the first as a broad band.

    Parameters
    ----------
    histories : mapping of str to mapping
        By the name of the version, ``"train_loss"`` in nats and ``"test_accuracy"`` from 0 to 1; four at most.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = panels_of(2, width=4.8)
    panels = (("train_loss", 1, "Training loss (nats)"), ("test_accuracy", 100, "Test accuracy (%)"))
    for ax, (key, scale, label) in zip(axes, panels, strict=True):
        for number, ((name, history), (colour, dash)) in enumerate(zip(histories.items(), _LINES, strict=False)):
            values = scale * np.asarray(history[key])
            ax.plot(
                np.arange(1, len(values) + 1),
                values,
                color=colour,
                linestyle=dash,
                linewidth=(9, 5, 2.8, 1.6)[number],
                alpha=0.5 if number == 0 else 1,
                label=name,
            )
        ax.set(xlabel="Epoch", ylabel=label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].legend(frameon=False)
    return figure


def plot_rates(histories: Mapping[str, Mapping[str, Sequence[float]]], columns: int = 4) -> Figure:
    """Draw training and test loss of many runs, one small panel for each, all with the same axes.

    Parameters
    ----------
    histories : mapping of str to mapping
        By the title of the panel, ``"train_loss"`` and ``"test_loss"`` in nats, ``"test_accuracy"`` from 0 to 1.
    columns : int
        Panels in a row.

    Returns
    -------
    matplotlib.figure.Figure
        The title of a panel says the last test accuracy. Losses above the panel's top, or not finite, lie on its edge.
    """
    rows = -(-len(histories) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.3 * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    top = 1.2
    for ax in axes.flat[len(histories) :]:
        ax.set_axis_off()
    for ax, (name, history) in zip(axes.flat, histories.items(), strict=False):
        for key, colour, dash in (("train_loss", BLUE, "-"), ("test_loss", VERMILLION, "--")):
            losses = np.nan_to_num(np.asarray(history[key], dtype=float), nan=top, posinf=top)
            ax.plot(
                np.arange(1, len(losses) + 1), np.minimum(losses, top), color=colour, linestyle=dash, label=key[:-5]
            )
        ax.axhline(_CHANCE, color=GREY, linestyle=":", linewidth=1)
        ax.set_title(f"{name}\n{100 * history['test_accuracy'][-1]:.1f} % of test", fontsize="small")
        ax.set(ylim=(0, top))
        ax.spines[["top", "right"]].set_visible(False)
        _label(ax, "Epoch", "Loss (nats)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    labels = ["training" if label == "train" else label for label in labels]
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False, fontsize="small")
    return figure


def plot_scaling(
    reference: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]], reference_name: str, steps: int
) -> Figure:
    """Draw curves of other batch sizes over the curve of a reference, one panel for each batch size.

    Parameters
    ----------
    reference : numpy.ndarray of shape (S, E)
        Training loss after each epoch, in nats, for S seeds.
    panels : mapping of str to mapping of str to numpy.ndarray
        By title and name of the rule, losses of the same shape; three rules at most.
    reference_name : str
    steps : int
        The panels show the first so many epochs.

    Returns
    -------
    matplotlib.figure.Figure
        Lines are means over the seeds, bands reach from the smallest to the largest.
    """
    figure, axes = panels_of(len(panels), width=4.8, sharey=True)
    epochs = np.arange(1, min(steps, reference.shape[1]) + 1)
    for ax, (title, rules) in zip(axes, panels.items(), strict=True):
        runs = {reference_name: reference, **rules}
        styles = (("black", "-"), (PINK, ":"), (BLUE, "-."), (VERMILLION, "--"))
        for (name, losses), (colour, dash) in zip(runs.items(), styles, strict=False):
            shown = losses[:, : len(epochs)]
            ax.fill_between(epochs, shown.min(axis=0), shown.max(axis=0), color=colour, alpha=0.12, linewidth=0)
            ax.plot(epochs, shown.mean(axis=0), color=colour, linestyle=dash, label=name)
        ax.set_title(title)
        ax.set(ylim=(0, 1))
        _label(ax, "Epoch", "Training loss (nats)")
        ax.legend(frameon=False, fontsize="small")
    return figure


def _label(ax: Axes, xlabel: str, ylabel: str) -> None:
    ax.set_xlabel(xlabel)
    if ax.get_subplotspec().is_first_col():
        ax.set_ylabel(ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))


def plot_difference_errors(steps: np.ndarray, errors: Mapping[str, np.ndarray]) -> Figure:
    """Draw how far differences are from a right gradient, over the step of the differences.

    Parameters
    ----------
    steps : numpy.ndarray of shape (T,)
    errors : mapping of str to numpy.ndarray of shape (T,)
        Relative errors, by the kind of difference; four at most.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    styles = ((VERMILLION, "--", "s"), (BLUE, "-", "o"), (PINK, ":", "^"), (GREEN, "-.", "D"))
    for (name, values), (colour, dash, marker) in zip(errors.items(), styles, strict=False):
        ax.loglog(steps, values, color=colour, linestyle=dash, marker=marker, markersize=4, label=name)
    ax.set(xlabel="Step of the differences (1)", ylabel="Relative error (1)")
    ax.legend(frameon=False, fontsize="small")
    return figure
