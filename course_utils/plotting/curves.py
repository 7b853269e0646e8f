"""Curves over the epochs of training: several runs in one panel, or one panel for each run.

A *history* is a mapping with one number for each epoch: ``"train_loss"`` and ``"validation_loss"``, and
``"train_accuracy"`` and ``"validation_accuracy"`` from 0 to 1; what it lacks is not drawn. Each function draws one
picture and returns it, without pyplot; `course_utils.plotting.show_figure` displays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from course_utils.plotting.panels import BLUE, GREEN, GREY, ORANGE, PINK, VERMILLION

__all__ = ["LINES", "TRAINING", "TRAINING_ABOVE_VALIDATION", "plot_runs", "plot_splits"]

History = Mapping[str, Sequence[float]]

# One style for each run, so that lines can be told apart in grey as well.
LINES = (
    cycler(color=[BLUE, VERMILLION, GREEN, PINK, ORANGE])
    + cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1))])
    + cycler(marker=["o", "s", "^", "D", "v"])
)

# What the panels of `plot_runs` may show.
_BOTH = (("loss", ("train", "validation")), ("accuracy", ("train", "validation")))
TRAINING = (("loss", ("train",)), ("accuracy", ("train",)))
TRAINING_ABOVE_VALIDATION = (*TRAINING, ("loss", ("validation",)), ("accuracy", ("validation",)))

_WORDS = {"train": "training", "validation": "validation"}
_QUANTITIES = {"loss": (1, "Cross-entropy (nats)"), "accuracy": (100, "Accuracy (%)")}


def plot_runs(
    rows: Mapping[str, Mapping[str, History]],
    panels: Sequence[tuple[str, Sequence[str]]] = _BOTH,
    *,
    num_classes: int | None = None,
    title: str = "",
) -> Figure:
    """Draw runs over the epochs, one line for each run and split.

    Parameters
    ----------
    rows : mapping of str to mapping of str to mapping
        By the title of the row and the name of the run, its history. At most five runs can be told apart.
    panels : sequence of (str, sequence of str)
        What the panels of a row show, by default both splits in each: ``"loss"`` in nats or ``"accuracy"`` in per cent,
        and of which splits. Where there are two, the second is dashed. Two panels stand side by side, others below.
    num_classes : int, optional
        Of the labels; a dotted line then says what guessing gives.
    title : str
        Stands above the names of the runs.

    Returns
    -------
    matplotlib.figure.Figure
        Panels of one quantity share their range.
    """
    lines = -(-len(panels) // 2)
    figure = Figure(figsize=(10.4, 3.1 * lines * len(rows) + 0.2), layout="constrained")
    axes = figure.subplots(lines * len(rows), min(2, len(panels)), squeeze=False, sharey="col")
    for place, (name, runs) in enumerate(rows.items()):
        row = axes[place * lines : (place + 1) * lines].flat
        for ax, (quantity, splits) in zip(row, panels, strict=True):
            _draw_runs(ax, runs, quantity, splits)
            if num_classes:
                scale, guess = _QUANTITIES[quantity][0], {"loss": np.log(num_classes), "accuracy": 1 / num_classes}
                ax.axhline(scale * guess[quantity], color=GREY, linestyle=":", linewidth=1, label="guessing")
            words = _WORDS.get(splits[0], splits[0]) if len(splits) == 1 else ""
            ax.set_title(", ".join(filter(None, (name, words))), fontsize="medium")
        # Beside the panels, where it covers no curve.
        axes[place * lines, -1].legend(
            frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1), title=title
        )
    return figure


def _draw_runs(ax: Axes, runs: Mapping[str, History], quantity: str, splits: Sequence[str]) -> None:
    scale, label = _QUANTITIES[quantity]
    for (name, history), style in zip(runs.items(), LINES, strict=False):
        for number, split in enumerate(splits):
            values = scale * np.asarray(history.get(f"{split}_{quantity}", []), dtype=float)
            if len(splits) > 1:
                style = {**style, "linestyle": ("-", "--")[number]}
            ax.plot(
                np.arange(1, len(values) + 1),
                values,
                **style,
                markersize=4,
                markerfacecolor="white" if number else style["color"],
                label=f"{name}, {_WORDS.get(split, split)}" if len(splits) > 1 else name,
            )
    ax.set(xlabel="Epoch", ylabel=label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    ax.spines[["top", "right"]].set_visible(False)


def plot_splits(
    runs: Mapping[str, History], ylabel: str = "Cross-entropy (nats)", *, guess: float | None = None, log: bool = False
) -> Figure:
    """Draw training and validation loss over the epochs, one panel for each run.

    Parameters
    ----------
    runs : mapping of str to mapping
        By the title of the panel, a history with ``"train_loss"`` and ``"validation_loss"``.
    ylabel : str
        The loss with its unit.
    guess : float, optional
        What guessing loses, in the unit of the loss; drawn as a thin line, and the axes then begin at 0.
    log : bool
        Whether the losses stand on a logarithmic scale.

    Returns
    -------
    matplotlib.figure.Figure
        Panels share their range of losses.
    """
    figure = Figure(figsize=(4.4 * len(runs), 3.4), layout="constrained")
    axes = figure.subplots(1, len(runs), squeeze=False, sharey=True)[0]
    for ax, (title, history) in zip(axes, runs.items(), strict=True):
        for split, style in zip(("train", "validation"), LINES, strict=False):
            losses = np.asarray(history[f"{split}_loss"], dtype=float)
            every = max(1, len(losses) // 8)
            ax.plot(np.arange(1, len(losses) + 1), losses, **style, markersize=4, markevery=every, label=_WORDS[split])
        ax.set(xlabel="Epoch")
        ax.set_title(title, fontsize="medium")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        ax.spines[["top", "right"]].set_visible(False)
        if guess is not None:
            ax.axhline(guess, color=GREY, linewidth=0.8)
            ax.text(1.0, guess, "guessing", color=GREY, fontsize="small", va="bottom")
            ax.set_ylim(0, 1.1 * guess)
        if log:
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ax.yaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel(ylabel)
    axes[-1].legend(frameon=False, fontsize="small")
    return figure
