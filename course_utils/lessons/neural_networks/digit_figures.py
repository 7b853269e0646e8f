"""Figures of a network that reads handwritten digits: where its units begin, what it mixes up, what a shift does.

Each function draws one picture and returns it; `course_utils.plotting.show_figure` displays it. The figures are made
without pyplot, so that a slider that draws hundreds of them leaves none behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_utils.plotting import BLUE, GREEN, GREY, VERMILLION, show_cells, show_image
from course_utils.plotting.figures import panels_of
from course_utils.plotting.grids import plot_pictures

__all__ = ["plot_digits", "plot_mixed_up", "plot_shifted", "plot_unit_values", "plot_units"]

_LINES = ((BLUE, "-"), (VERMILLION, "--"), (GREEN, "-."))


def plot_digits(images: np.ndarray, titles: Sequence[str], columns: int = 10) -> Figure:
    """Draw grey pictures in rows, each with its title.

    Parameters
    ----------
    images : numpy.ndarray of shape (N, 1, H, W), uint8
    titles : sequence of str, of length N
    columns : int

    Returns
    -------
    matplotlib.figure.Figure
    """
    return plot_pictures(np.repeat(np.asarray(images), 3, axis=1), titles, columns)


def plot_unit_values(values: Mapping[str, np.ndarray], limit: float = 9.0) -> Figure:
    """Draw how the values of hidden units are distributed, before and after the activation.

    Parameters
    ----------
    values : mapping of str to numpy.ndarray
        Pre-activations of a batch, by the name of the network; three at most.
    limit : float
        The left panel reaches from ``-limit`` to ``limit``; what lies beyond is counted at its ends.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = panels_of(2, width=5.0, height=3.4)
    for (name, htilde), (colour, dash) in zip(values.items(), _LINES, strict=False):
        flat = np.ravel(htilde)
        for ax, shown, reach in ((left, flat.clip(-limit, limit), limit), (right, np.tanh(flat), 1.0)):
            edges = np.linspace(-reach, reach, 61)
            shares = 100 * np.histogram(shown, edges)[0] / len(flat)
            ax.stairs(shares, edges, color=colour, linestyle=dash, linewidth=1.8, label=name)
    left.set(xlabel="Before the activation: $\\tilde h$ (1)", ylabel="Share of all values (%)")
    right.set(xlabel="After it: $h = \\tanh \\tilde h$ (1)", ylabel="Share of all values (%)")
    left.legend(frameon=False, fontsize="small")
    return figure


def plot_mixed_up(counts: np.ndarray) -> Figure:
    """Draw how often each digit was taken for each other one.

    Parameters
    ----------
    counts : numpy.ndarray of shape (C, C), int
        One row for each true digit, one column for each that was said; the diagonal is left out of the colours.

    Returns
    -------
    matplotlib.figure.Figure
    """
    counts = np.asarray(counts)
    figure, (ax,) = panels_of(1, height=4.8)
    shown = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    show_cells(shown, ax, digits=0)
    for place in range(len(counts)):
        ax.texts[place * (len(counts) + 1)].set_text("")
    ax.set(xlabel="Said", ylabel="True digit", title="How many test digits")
    ax.set_aspect("equal")
    return figure


def plot_shifted(image: np.ndarray, probs: np.ndarray, before: np.ndarray, title: str = "") -> Figure:
    """Draw a digit beside the probabilities that a network gives it, and those it gave before the digit was moved.

    Parameters
    ----------
    image : numpy.ndarray of shape (H, W), uint8
    probs, before : numpy.ndarray of shape (C,)
        Probabilities of the classes, after and before.
    title : str
        Of the picture.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = panels_of(2, height=3.2, widths=(1, 1.8))
    show_image(image, left, title)
    places = np.arange(len(probs))
    right.bar(places, 100 * probs, color=BLUE, label="now")
    right.bar(places, 100 * before, width=0.5, fill=False, edgecolor=VERMILLION, linestyle="--", label="not moved")
    right.set(xlabel="Digit", ylabel="Probability (%)", ylim=(0, 100), xticks=places)
    right.legend(frameon=False, fontsize="small")
    return figure


def plot_units(weights: Mapping[str, np.ndarray], side: int = 28) -> Figure:
    """Draw the incoming weights of hidden units as pictures, a row for each network: negative blue, positive red.

    Parameters
    ----------
    weights : mapping of str to numpy.ndarray of shape (U, side * side)
        By the title of the row, the same number of units in each.
    side : int
        Of the pictures, in pixels.

    Returns
    -------
    matplotlib.figure.Figure
        Each row has a scale of its own, symmetric about 0, which stands beside it.
    """
    columns = max(len(units) for units in weights.values())
    figure = Figure(figsize=(1.15 * columns + 1.6, 1.35 * len(weights)), layout="constrained")
    axes = figure.subplots(len(weights), columns, squeeze=False)
    for row, (title, units) in zip(axes, weights.items(), strict=True):
        reach = float(np.abs(units).max()) or 1.0
        for ax, unit in zip(row, units, strict=True):
            drawn = ax.imshow(unit.reshape(side, side), cmap="RdBu_r", vmin=-reach, vmax=reach)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(title, fontsize="small")
        figure.colorbar(drawn, ax=list(row), shrink=0.9, aspect=10, label="Weight (1)").outline.set_edgecolor(GREY)
    return figure
