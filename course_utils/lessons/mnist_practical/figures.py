"""Figures of the practical: what flows through a network, curves of many runs, masks of dropout.

Each function draws one picture and returns it; `course_utils.plotting.show_figure` displays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from course_utils.plotting import BLUE, GREY, VERMILLION
from course_utils.plotting.curves import LINES
from course_utils.plotting.figures import panels_of

__all__ = ["plot_curves", "plot_flow", "plot_masks"]

Curve = tuple[Sequence[float], Sequence[float]]


def plot_flow(image: np.ndarray, stages: Mapping[str, np.ndarray], probs: np.ndarray) -> Figure:
    """Draw a digit, the feature maps that it becomes stage by stage, and the probabilities at the end.

    Parameters
    ----------
    image : numpy.ndarray of shape (H, W)
    stages : mapping of str to numpy.ndarray of shape (C, h, w)
        By title; the first four maps of each are drawn, in its own range of grey.
    probs : numpy.ndarray of shape (K,)

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(2.4 * (len(stages) + 2), 2.5), layout="constrained")
    parts = figure.subfigures(1, len(stages) + 2)
    ax = parts[0].subplots()
    ax.imshow(image, cmap="gray")
    ax.set_title("digit", fontsize="medium")
    ax.set_axis_off()
    for part, (title, maps) in zip(parts[1:-1], stages.items(), strict=True):
        part.suptitle(title, fontsize="medium")
        low, high = float(maps[:4].min()), float(maps[:4].max())
        for ax, values in zip(part.subplots(2, 2).flat, maps, strict=False):
            ax.imshow(values, cmap="viridis", vmin=low, vmax=high)
            ax.set(xticks=[], yticks=[])
    ax = parts[-1].subplots()
    ax.barh(np.arange(len(probs)), probs, color=BLUE)
    ax.set(xlabel="Probability (1)", ylabel="Digit", xlim=(0, 1), yticks=np.arange(len(probs)))
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def plot_curves(
    panels: Mapping[str, Mapping[str, Curve]], xlabel: str, ylabels: Sequence[str], log: bool = False
) -> Figure:
    """Draw curves of several runs, one line for each run, one panel for each quantity.

    Parameters
    ----------
    panels : mapping of str to mapping of str to (sequence, sequence)
        By title and name of the run, its steps and values; five runs can be told apart.
    xlabel : str
    ylabels : sequence of str, one for each panel
    log : bool
        Whether values stand on a logarithmic scale.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = panels_of(len(panels), width=4.8)
    for ax, (title, runs), ylabel in zip(axes, panels.items(), ylabels, strict=True):
        for (name, (steps, values)), style in zip(runs.items(), LINES, strict=False):
            ax.plot(steps, values, **style, markersize=3.5, markevery=max(1, len(steps) // 8), label=name)
        ax.set(xlabel=xlabel, ylabel=ylabel)
        ax.set_title(title, fontsize="medium")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        if log:
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ax.yaxis.set_minor_formatter(NullFormatter())
    axes[-1].legend(frameon=False, fontsize="small")
    return figure


def plot_masks(before: np.ndarray, after: np.ndarray, shown: int = 16) -> Figure:
    """Draw activations of some hidden units before and after dropout, for two examples.

    Parameters
    ----------
    before, after : numpy.ndarray of shape (2, U)
    shown : int
        How many units.

    Returns
    -------
    matplotlib.figure.Figure
        The title of a panel says which share of all units is zero behind dropout, of those that were not before.
    """
    figure, axes = panels_of(2, width=4.8, sharey=True)
    units = np.arange(shown)
    for ax, old, new, title in zip(axes, before, after, ("first digit", "the same digit, drawn again"), strict=True):
        ax.bar(units, new[:shown], color=BLUE, label="behind dropout")
        ax.plot(units, old[:shown], "_", color=VERMILLION, markersize=11, markeredgewidth=2, label="before")
        active = old != 0
        dropped = float((new[active] == 0).mean()) if active.any() else 0.0
        ax.set_title(f"{title}: {100 * dropped:.0f} % of the active units are zero", fontsize="medium")
        ax.set(xlabel="Hidden unit")
        ax.axhline(0, color=GREY, linewidth=0.8)
    axes[0].set_ylabel("Activation (1)")
    axes[0].legend(frameon=False, fontsize="small")
    return figure
