"""Figures and small experiments of the notebook on concepts."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from course_utils.lessons.neural_networks.circles import Circles, grid
from course_utils.plotting import BLUE, GREY, ORANGE, VERMILLION
from course_utils.plotting.figures import panels_of, show_figure

__all__ = [
    "draw_network",
    "plot_borders",
    "plot_constants",
    "plot_costs",
    "plot_noise",
    "plot_probabilities",
    "plot_rates",
    "plot_sizes",
    "seconds_of",
    "show_network",
    "train",
]


_PLACES = ("Left", "middle", "right")  # of the columns of a network


# --- experiments ------------------------------------------------------------------------------------------------


def train(
    data: Circles, num_hidden: int = 10, activation: str = "tanh", *, lr: float = 0.3, batch_size: int = 10,
    num_epochs: int = 60, seed: int = 0,
) -> MLPClassifier:  # fmt: skip
    """Train a network with one hidden layer by mini-batches, without momentum.

    Parameters
    ----------
    data : Circles
    num_hidden : int, optional
    activation : {"tanh", "identity", "relu", "logistic"}, optional
        Between the two linear maps.
    lr : float, optional
    batch_size, num_epochs : int, optional
        A batch size of the whole training set is classic gradient descent.
    seed : int, optional

    Returns
    -------
    sklearn.neural_network.MLPClassifier
        With the loss of each epoch as `loss_curve_`; it stops early where the loss is no number any more.
    """
    network = MLPClassifier(
        (num_hidden,), activation, solver="sgd", learning_rate_init=lr, momentum=0.0, batch_size=batch_size, alpha=0.0,
        max_iter=num_epochs, n_iter_no_change=num_epochs, tol=0.0, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # all epochs are wanted
        warnings.simplefilter("ignore", RuntimeWarning)  # a rate that is too large overflows
        network.fit(data.X_train, data.Y_train[:, 1].astype(int))
    return network


def seconds_of(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the shortest time that a piece of work took.

    Parameters
    ----------
    work : callable
    repeats : int, optional

    Returns
    -------
    float
        Seconds.
    """
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


# --- figures ----------------------------------------------------------------------------------------------------


def draw_network(sizes: Sequence[int]) -> Figure:
    """Draw a fully connected network: a column of circles for each layer.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, inputs first.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    places = [np.linspace(0, 1, size + 2)[1:-1] for size in sizes]
    for layer in range(len(sizes) - 1):
        for left in places[layer]:
            for right in places[layer + 1]:
                ax.plot([layer, layer + 1], [left, right], color=GREY, linewidth=0.5, zorder=1)
    for layer, heights in enumerate(places):
        ax.scatter(np.full(len(heights), layer), heights, s=260, color="white", edgecolor=BLUE, linewidth=2, zorder=2)
    for layer, symbol in enumerate(("x", "h", r"$\hat{y}$")):
        ax.text(layer, 1.04, symbol, ha="center", va="bottom", fontsize=13)
    ax.set(xlim=(-0.3, len(sizes) - 0.7), ylim=(0, 1.15))
    ax.axis("off")
    return figure


def show_network(seed: int) -> None:
    """Show a fully connected network with a hidden layer of a size that is drawn at random.

    Who cannot see it hears as many circles as there are.

    Parameters
    ----------
    seed : int
        The same seed gives the same network.
    """
    sizes = np.random.default_rng(seed).integers(3, 9, size=3)
    columns = "; ".join(f"{place}: {', '.join(['circle'] * size)}" for place, size in zip(_PLACES, sizes, strict=True))
    show_figure(
        draw_network(sizes),
        f"A network as three columns of circles, each joined by lines to all of the next column. {columns}.",
    )


def plot_borders(data: Circles, networks: Mapping[str, MLPClassifier]) -> Figure:
    """Draw what networks say everywhere in the plane, and the test points.

    Parameters
    ----------
    data : Circles
    networks : mapping of str to sklearn.neural_network.MLPClassifier
        Trained; by title.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = panels_of(len(networks))
    points = grid()
    side = round(len(points) ** 0.5)
    inner = data.Y_test[:, 1] == 1
    for ax, (title, network) in zip(panels, networks.items(), strict=True):
        probs = network.predict_proba(points)[:, 1].reshape(side, side)
        ticks = points[:side, 0]
        filled = ax.contourf(ticks, ticks, probs, levels=np.linspace(0, 1, 11), cmap="PuOr", alpha=0.6)
        ax.contour(ticks, ticks, probs, levels=[0.5], colors="black", linewidths=1.5)
        ax.scatter(*data.X_test[~inner].T, s=12, color=VERMILLION, marker="o", label="outer ring")
        ax.scatter(*data.X_test[inner].T, s=12, color=BLUE, marker="^", label="inner disc")
        ax.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xlim=(-2, 2), ylim=(-2, 2))
        ax.set_aspect("equal")
    panels[0].legend(loc="lower left", fontsize=8)
    figure.colorbar(filled, ax=panels, label="Probability of the disc (1)", ticks=[0, 0.5, 1], shrink=0.85)
    return figure


def plot_sizes(
    sizes: Sequence[int], train_scores: np.ndarray, other_scores: np.ndarray, xlabel: str, other: str = "test"
) -> Figure:
    """Draw accuracies on two splits over a number that was varied: mean and range of several runs.

    Parameters
    ----------
    sizes : sequence of int, of length S
    train_scores, other_scores : np.ndarray of shape (S, runs)
        Between 0 and 1.
    xlabel : str
    other : str, optional
        What the second split is called.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    for scores, name, color, style in ((train_scores, "training", ORANGE, "--"), (other_scores, other, BLUE, "-")):
        ax.fill_between(sizes, 100 * scores.min(axis=1), 100 * scores.max(axis=1), color=color, alpha=0.2)
        ax.plot(sizes, 100 * scores.mean(axis=1), color=color, linestyle=style, marker="o", label=name)
    ax.set(xscale="log", xlabel=xlabel, ylabel="Accuracy (%)")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.legend()
    return figure


def plot_probabilities(logits: Sequence[float], parts: Mapping[str, np.ndarray]) -> Figure:
    """Draw what different functions make of the same logits, class by class.

    Parameters
    ----------
    logits : sequence of float, of length N
    parts : mapping of str to np.ndarray of shape (N,)
        By title; nan where there is no value.

    Returns
    -------
    matplotlib.figure.Figure
        All panels but that of the logits share their scale.
    """
    figure, panels = panels_of(1 + len(parts))
    classes = np.arange(1, len(logits) + 1)
    values = np.concatenate([np.nan_to_num(heights) for heights in parts.values()])
    low, high = min(0.0, values.min()), max(1.0, values.max())
    room = 0.15 * (high - low)
    for ax, (title, heights) in zip(panels, {"logits": np.asarray(logits), **parts}.items(), strict=True):
        ax.bar(classes, heights, color=BLUE if ax is panels[0] else ORANGE, edgecolor="black")
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set(title=title, xlabel="Class", xticks=classes)
        for place, height in zip(classes, heights, strict=True):
            words = "none" if np.isnan(height) else f"{height:.2f}"
            ax.annotate(words, (place, np.nan_to_num(height)), ha="center", va="top" if height < 0 else "bottom")
        if ax is panels[0]:
            ax.margins(y=0.15)
        else:
            ax.set_ylim(low - room, high + room)
    panels[0].set_ylabel("Value")
    return figure


def plot_constants(guesses: np.ndarray, losses: Mapping[str, np.ndarray]) -> Figure:
    """Draw mean losses of one and the same prediction for all examples, over that prediction.

    Parameters
    ----------
    guesses : np.ndarray of shape (G,)
    losses : mapping of str to np.ndarray of shape (G,)
        By title; where a loss is not defined, nan.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = panels_of(len(losses))
    for ax, (title, values) in zip(panels, losses.items(), strict=True):
        ax.plot(guesses, values, color=BLUE)
        ax.set(title=title, xlabel="Prediction", ylabel="Mean loss")
    return figure


def plot_rates(histories: Mapping[str, Sequence[float]]) -> Figure:
    """Draw training losses over the epochs, a panel for each run, all with the same axes.

    Parameters
    ----------
    histories : mapping of str to sequence of float
        By title.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = panels_of(len(histories))
    for ax, (title, losses) in zip(panels, histories.items(), strict=True):
        ax.plot(np.arange(1, len(losses) + 1), np.clip(losses, 1e-3, 1e3), color=BLUE)
        ax.axhline(np.log(2), color=GREY, linestyle=":", label="guessing")
        ax.set(title=title, xlabel="Epoch", yscale="log", ylim=(0.05, 1e3))
    panels[0].set_ylabel("Training loss (nats)")
    panels[0].legend()
    return figure


def plot_noise(batch_sizes: Sequence[int], noises: Sequence[float]) -> Figure:
    """Draw the relative noise of the gradient over the size of the batch that it was computed from.

    Parameters
    ----------
    batch_sizes : sequence of int
    noises : sequence of float
        Distance from the gradient of all examples in units of its length.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    ax.plot(batch_sizes, noises, color=BLUE, marker="o")
    ax.set(xscale="log", yscale="log", xlabel="Batch size (examples)", ylabel="Relative noise of the gradient (1)")
    ax.set_xticks(batch_sizes, [str(size) for size in batch_sizes])
    ax.minorticks_off()
    return figure


def plot_costs(depths: Sequence[int], costs: Mapping[str, Sequence[float]], ylabel: str) -> Figure:
    """Draw costs over the depth of a network, both axes logarithmic.

    Parameters
    ----------
    depths : sequence of int
        Number of linear maps.
    costs : mapping of str to sequence of float
        By name of the method.
    ylabel : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    for (name, values), color, style in zip(costs.items(), (VERMILLION, BLUE), ("--", "-"), strict=False):
        ax.plot(depths, values, color=color, linestyle=style, marker="o", label=name)
    ax.set(xscale="log", yscale="log", xlabel="Linear maps in the network", ylabel=ylabel)
    ax.set_xticks(depths, [str(depth) for depth in depths])
    ax.minorticks_off()
    ax.legend()
    return figure
