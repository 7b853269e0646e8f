"""Figures of the notebook on dog breeds: pictures by breed, losses over the epochs, confusions, temperatures.

Each function draws one picture and returns it, without pyplot; `course_utils.plotting.show_figure` displays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_utils.plotting import GREY
from course_utils.plotting.curves import LINES

__all__ = ["plot_confusions", "plot_temperatures"]


def plot_confusions(panels: Mapping[str, np.ndarray], breeds: Sequence[str]) -> Figure:
    """Draw tables of confusions: the true breed (rows) and what it was taken for (columns).

    Parameters
    ----------
    panels : mapping of str to numpy.ndarray of shape (K, K), int
        By title; the number of pictures in each cell.
    breeds : sequence of str, of length K

    Returns
    -------
    matplotlib.figure.Figure
        Colours are shares of a row; the numbers are pictures.
    """
    figure = Figure(figsize=(4.6 * len(panels) + 1.2, 4.9), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    names = [breed.replace("_", " ") for breed in breeds]
    for ax, (title, counts) in zip(axes, panels.items(), strict=True):
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        image = ax.imshow(shares, cmap="viridis", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                ink = "black" if shares[row, column] > 0.6 else "white"
                ax.text(column, row, int(count), ha="center", va="center", color=ink, fontsize="small")
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize="small")
        ax.set_yticks(range(len(names)), names, fontsize="small")
        ax.set_xlabel("Taken for")
        ax.set_title(title, fontsize="medium")
        ax.tick_params(length=0)
    axes[0].set_ylabel("True breed")
    figure.colorbar(image, ax=list(axes), shrink=0.7, label="Share of the row's pictures")
    return figure


def plot_temperatures(
    temperatures: Sequence[float], losses: Mapping[str, Sequence[float]], chosen: float, guess: float | None = None
) -> Figure:
    """Draw the log loss over the temperature by which logits are divided.

    Parameters
    ----------
    temperatures : sequence of float
        Drawn on a logarithmic axis.
    losses : mapping of str to sequence of float
        By name, in nats, one number for each temperature.
    chosen : float
        The temperature that is marked.
    guess : float, optional
        The log loss of equal probabilities, in nats; drawn as a dotted line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    ax = figure.subplots()
    ax.axvline(chosen, color=GREY, linewidth=0.8)
    if guess is not None:
        ax.axhline(guess, color=GREY, linestyle=":", linewidth=1)
    every = max(1, len(temperatures) // 8)
    marked = {name: float(np.interp(np.log(chosen), np.log(temperatures), values)) for name, values in losses.items()}
    highest = max(marked, key=marked.__getitem__)
    for style, (name, values) in zip(LINES, losses.items(), strict=False):
        ax.plot(temperatures, values, **style, markevery=every, label=name)
        above = name == highest  # the other numbers stand below their lines, so that they do not meet
        ax.annotate(
            f"{marked[name]:.2f}",
            (chosen, marked[name]),
            (5, 6 if above else -6),
            textcoords="offset points",
            va="bottom" if above else "top",
            color=style["color"],
            fontsize="small",
        )
    ax.set(xlabel="Temperature (logits are divided by it)", ylabel="Validation log loss (nats)", xscale="log")
    ax.set_ylim(bottom=0)
    ax.set_xticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"])
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return figure
