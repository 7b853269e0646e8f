"""Figures of the notebooks on losses.

Each function draws one picture and returns it; `course_utils.plotting.show_figure` displays it. The figures are made
without pyplot, so that a slider that draws hundreds of them leaves none behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import special

from course_utils.plotting import BLUE, GREEN, GREY, ORANGE, PINK, VERMILLION
from course_utils.plotting.figures import panels_of

__all__ = [
    "plot_bce_examples",
    "plot_condition",
    "plot_descent",
    "plot_fits",
    "plot_gradient_bars",
    "plot_jacobian",
    "plot_loss_against_metric",
    "plot_losses_of_logit",
    "plot_softmax",
    "plot_two_tasks",
    "plot_valley",
    "plot_weights",
]


def plot_softmax(logits: Sequence[float], probs: Sequence[float]) -> Figure:
    """Draw logits and the probabilities that softmax makes of them, class by class.

    Parameters
    ----------
    logits, probs : sequence of float, of length N

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = panels_of(2)
    classes = np.arange(1, len(logits) + 1)
    left.bar(classes, logits, color=BLUE)
    left.axhline(0, color="black", linewidth=0.8)
    left.set(xlabel="Class", ylabel="Logit", title="in: logits z")
    right.bar(classes, probs, color=ORANGE, hatch="//", edgecolor="white")
    right.set(xlabel="Class", ylabel="Probability", title="out: softmax(z)", ylim=(0, 1.08))
    for place, prob in zip(classes, probs, strict=True):
        right.annotate(f"{prob:.2f}", (place, prob), ha="center", va="bottom")
    for ax in (left, right):
        ax.set_xticks(classes)
    return figure


def plot_jacobian(jacobian: np.ndarray, probs: np.ndarray) -> Figure:
    """Draw the Jacobian of softmax as a signed map, beside the probabilities it belongs to.

    Parameters
    ----------
    jacobian : numpy.ndarray of shape (N, N)
        Row i, column j: the derivative of output i by logit j.
    probs : numpy.ndarray of shape (N,)

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = panels_of(2, widths=(1, 1.5))
    classes = np.arange(1, len(probs) + 1)
    left.barh(classes, probs, color=ORANGE, hatch="//", edgecolor="white")
    left.set(xlabel="Probability", ylabel="Class i", title="softmax(z)", ylim=(len(probs) + 0.5, 0.5), xlim=(0, 1))
    left.set_yticks(classes)
    limit = max(float(np.abs(jacobian).max()), 1e-9)
    edges = (0.5, len(probs) + 0.5, len(probs) + 0.5, 0.5)
    image = right.imshow(jacobian, cmap="PuOr_r", vmin=-limit, vmax=limit, extent=edges)
    for (row, column), value in np.ndenumerate(jacobian):
        dark = abs(value) > 0.7 * limit
        right.text(
            column + 1,
            row + 1,
            f"{value:+.2f}".replace("-", "−"),
            ha="center",
            va="center",
            color="white" if dark else "black",
        )
    right.set(xlabel="Logit j", ylabel="Output i", title="Jacobian: how output i reacts to logit j")
    right.set_xticks(classes)
    right.set_yticks(classes)
    figure.colorbar(image, ax=right, label="Derivative (1)")
    return figure


def plot_gradient_bars(cases: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """Draw prediction, target and gradient for several targets, one panel each.

    Parameters
    ----------
    cases : mapping of str to (probs, targets, gradient), arrays of shape (N,)
        The key is the title of the panel.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = panels_of(len(cases), sharey=True)
    for ax, (title, (probs, targets, gradient)) in zip(axes, cases.items(), strict=True):
        classes = np.arange(1, len(probs) + 1)
        bars = ((probs, "prediction", ORANGE, "//"), (targets, "target", GREY, ""), (gradient, "gradient", BLUE, ".."))
        for shift, (values, label, colour, hatch) in zip((-0.27, 0, 0.27), bars, strict=True):
            ax.bar(classes + shift, values, 0.25, label=label, color=colour, hatch=hatch, edgecolor="white")
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set(xlabel="Class", title=title)
        ax.set_xticks(classes)
    axes[0].set_ylabel("Probability, derivative (1)")
    axes[0].legend(frameon=False)
    return figure


def plot_bce_examples(labels: Sequence[int], probs: Sequence[float], losses: Sequence[float], mean: float) -> Figure:
    """Draw the two branches of binary cross-entropy and where some examples lie on them.

    Parameters
    ----------
    labels : sequence of int, 0 or 1
    probs : sequence of float in (0, 1)
        Predicted probability of class 1.
    losses : sequence of float
        Loss of each example, in nats.
    mean : float
        Mean loss, in nats; drawn as a level line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    grid = np.linspace(0.01, 0.99, 197)
    ax.plot(grid, special.rel_entr(1, grid), color=BLUE)
    ax.plot(grid[::-1], special.rel_entr(1, grid), color=VERMILLION, linestyle="--")
    ax.text(0.05, 3.75, "label 1", color=BLUE, ha="left", va="center")
    ax.text(0.95, 3.75, "label 0", color=VERMILLION, ha="right", va="center")
    for number, (label, prob, loss) in enumerate(zip(labels, probs, losses, strict=True), start=1):
        ax.plot(prob, loss, "o" if label else "s", color=BLUE if label else VERMILLION, markersize=9)
        offset = (38, 4) if label else (0, -18) if loss > 0.4 else (0, 9)  # beside the curves
        ax.annotate(f"example {number}", (prob, loss), offset, textcoords="offset points", ha="center")
    ax.axhline(mean, color="black", linewidth=0.8, linestyle=":")
    ax.annotate(f"mean {mean:.4f} nats", (0.98, mean), ha="right", va="bottom")
    ax.set(xlabel="Predicted probability of class 1", ylabel="Binary cross-entropy (nats)", ylim=(0, 4), xlim=(0, 1))
    return figure


def plot_loss_against_metric(thresholds: np.ndarray, losses: np.ndarray, accuracies: np.ndarray) -> Figure:
    """Draw a loss and an accuracy while one parameter of the model moves.

    Parameters
    ----------
    thresholds : numpy.ndarray of shape (T,)
        Position of the decision boundary.
    losses : numpy.ndarray of shape (T,)
        Cross-entropy in nats.
    accuracies : numpy.ndarray of shape (T,)
        Between 0 and 1.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = panels_of(2)
    left.plot(thresholds, losses, color=BLUE)
    left.set(xlabel="Position of the boundary", ylabel="Cross-entropy (nats)", title="cross-entropy")
    right.plot(thresholds, 100 * accuracies, color=VERMILLION, drawstyle="steps-mid")
    right.set(xlabel="Position of the boundary", ylabel="Accuracy (%)", title="accuracy", ylim=(0, 104))
    return figure


def plot_two_tasks(
    inputs: np.ndarray, amounts: np.ndarray, classes: np.ndarray, predict_amount: Callable, predict_prob: Callable
) -> Figure:
    """Draw two tasks on the same inputs.

    Parameters
    ----------
    inputs : numpy.ndarray of shape (n,)
        Temperature in degrees Celsius.
    amounts : numpy.ndarray of shape (n,)
        Litres of ice cream sold.
    classes : numpy.ndarray of shape (n,), 0 or 1
        Whether the stall sold out.
    predict_amount, predict_prob : callable
        From an array of inputs to litres, and to the probability of class 1.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = panels_of(2)
    grid = np.linspace(inputs.min() - 1, inputs.max() + 1, 200)
    left.plot(inputs, amounts, "o", color=GREY, markersize=4)
    left.plot(grid, predict_amount(grid), color=BLUE)
    left.set(xlabel="Temperature (°C)", ylabel="Ice cream sold (litres)", title="litres sold")
    right.plot(inputs, classes, "o", color=GREY, markersize=4)
    right.plot(grid, predict_prob(grid), color=VERMILLION, linestyle="--")
    right.set(xlabel="Temperature (°C)", ylabel="Probability of selling out", title="days on which it sold out")
    return figure


def plot_losses_of_logit(
    logits: np.ndarray, losses: Mapping[str, np.ndarray], gradients: Mapping[str, np.ndarray]
) -> Figure:
    """Draw losses of one example and their derivatives over its logit.

    Parameters
    ----------
    logits : numpy.ndarray of shape (T,)
    losses, gradients : mapping of str to numpy.ndarray of shape (T,)
        One entry for each loss, named as in the figure; two at most.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = panels_of(2)
    styles = ((BLUE, "-"), (VERMILLION, "--"))
    panels = (
        (left, losses, "Loss (1, or nats)", "loss of one example with label 1"),
        (right, gradients, "Derivative by the logit", "its derivative: the learning signal"),
    )
    for ax, curves, ylabel, title in panels:
        ax.margins(x=0, y=0.14)
        for (name, values), (colour, style) in zip(curves.items(), styles, strict=False):
            ax.plot(logits, values, color=colour, linestyle=style)
            ax.annotate(name, (logits[0], values[0]), (4, 6), textcoords="offset points", color=colour)
        ax.axvspan(logits[0], logits[0] / 2, color=GREY, alpha=0.12, linewidth=0)
        ax.set(xlabel="Logit (left: sure and wrong)", ylabel=ylabel, title=title)
    return figure


def plot_weights(weights: Mapping[str, np.ndarray], names: Sequence[str] | None = None) -> Figure:
    """Draw the weights of several models on one scale, one panel each.

    Parameters
    ----------
    weights : mapping of str to numpy.ndarray of shape (d,)
        The key is the title of the panel, to which the norm is added.
    names : sequence of str, optional
        Labels of the weights; by default their numbers.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = panels_of(len(weights), sharey=True)
    colours = (VERMILLION, BLUE, GREEN, PINK)
    for ax, colour, (title, values) in zip(axes, colours, weights.items(), strict=False):
        places = np.arange(1, len(values) + 1)
        ax.bar(places, values, color=colour)
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set(xlabel="Weight number", title=f"{title}\nlength of w: {np.linalg.norm(values):.2f}")
        if names is not None:
            ax.set_xticks(places, names)
    axes[0].set_ylabel("Weight (1)")
    return figure


def plot_valley(features: np.ndarray, targets: np.ndarray, solution: np.ndarray) -> Figure:
    """Draw the MSE over two weights when the columns are dependent, with the minimum-norm solution.

    Parameters
    ----------
    features : numpy.ndarray of shape (n, 2)
    targets : numpy.ndarray of shape (n,)
    solution : numpy.ndarray of shape (2,)
        Minimum-norm solution, marked by a star.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    grid, losses = _loss_map(features, targets, np.zeros(2), 3.0)
    levels = losses.max() * np.linspace(0, 1, 16) ** 2  # denser near the valley
    filled = ax.contourf(grid, grid, losses, levels=levels, cmap="viridis", norm=PowerNorm(0.5))
    figure.colorbar(filled, ax=ax, label="MSE (1)")
    # The direction that `features` maps to zero.
    direction = np.linalg.svd(features)[2][-1]
    line = solution + np.linspace(-6, 6, 2)[:, None] * direction
    ax.plot(*line.T, color="white", linestyle="--")
    ax.plot([0, solution[0]], [0, solution[1]], color=ORANGE)
    ax.plot(0, 0, "o", color=ORANGE)
    ax.plot(*solution, "*", color=ORANGE, markersize=16, markeredgecolor="black")
    ax.annotate("shortest w", solution, (8, 10), textcoords="offset points", color="white")
    ax.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
    ax.set_title("MSE over two weights")
    return figure


def plot_descent(runs: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """Draw paths of gradient descent over the contour lines of the MSE, one panel for each run.

    Parameters
    ----------
    runs : mapping of str to (features, targets, path)
        Arrays of shape (n, 2), (n,) and (T, 2); the path starts with the initial weights.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = panels_of(len(runs))
    for ax, (title, (features, targets, path)) in zip(axes, runs.items(), strict=True):
        best = np.linalg.lstsq(features, targets)[0]
        radius = 1.3 * float(np.abs(path[0] - best).max())
        grid, losses = _loss_map(features, targets, best, radius)
        levels = np.quantile(losses, np.linspace(0.01, 1, 14) ** 2)
        ax.contour(best[0] + grid, best[1] + grid, losses, levels=np.unique(levels), cmap="viridis", linewidths=1)
        inside = path[np.abs(path - best).max(axis=1) < 1.2 * radius]
        ax.plot(*inside.T, ".-", color=VERMILLION, markersize=4, linewidth=1)
        ax.plot(*best, "*", color="black", markersize=12)
        ax.set(xlabel="$w_1$", ylabel="$w_2$", title=title, aspect="equal")
        ax.set(xlim=best[0] + np.array([-radius, radius]), ylim=best[1] + np.array([-radius, radius]))
    return figure


def plot_condition(degrees: Sequence[int], errors: Mapping[str, Sequence[float]], xlabel: str) -> Figure:
    """Draw the error of several solvers on a logarithmic scale.

    Parameters
    ----------
    degrees : sequence of int
        Horizontal axis.
    errors : mapping of str to sequence of float
        Relative error of each solver, in the order of `degrees`.
    xlabel : str
        What the horizontal axis counts.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    styles = ((VERMILLION, "-", "s"), (PINK, "--", "^"), (BLUE, ":", "o"))
    for (name, values), (colour, line, marker) in zip(errors.items(), styles, strict=False):
        ax.semilogy(
            degrees,
            np.maximum(values, np.finfo(np.float64).eps / 2),
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=5,
            label=name,
        )
    ax.axhline(1, color="black", linewidth=0.8)
    ax.annotate("no digit is right", (degrees[0], 1), (0, 3), textcoords="offset points")
    ax.set(xlabel=xlabel, ylabel="Relative error of w (1)")
    ax.set_ylim(bottom=1e-20)  # room for the legend below the curves
    ax.legend(frameon=False, loc="lower right")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def plot_fits(inputs: np.ndarray, targets: np.ndarray, fits: Mapping[str, np.ndarray], outliers: np.ndarray) -> Figure:
    """Draw data with outliers and straight lines through them.

    Parameters
    ----------
    inputs, targets : numpy.ndarray of shape (n,)
    fits : mapping of str to numpy.ndarray of shape (2,)
        Intercept and slope of each line; three at most.
    outliers : numpy.ndarray of shape (n,), bool
        Which examples are outliers.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    ax.plot(inputs[~outliers], targets[~outliers], "o", color=GREY, markersize=5)
    ax.plot(inputs[outliers], targets[outliers], "X", color="black", markersize=9, label="outlier")
    ends = np.array([inputs.min(), inputs.max()])
    styles = ((VERMILLION, "--"), (BLUE, "-"), (GREEN, ":"))
    for (name, (intercept, slope)), (colour, style) in zip(fits.items(), styles, strict=False):
        ax.plot(ends, intercept + slope * ends, color=colour, linestyle=style, linewidth=2, label=name)
    ax.set(xlabel="Input x", ylabel="Target y")
    ax.legend(frameon=False)
    return figure


def _loss_map(
    features: np.ndarray, targets: np.ndarray, centre: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets from `centre` along both axes, and the MSE on the grid they span."""
    grid = np.linspace(-radius, radius, 121)
    first, second = np.meshgrid(centre[0] + grid, centre[1] + grid)
    weights = np.stack([first.ravel(), second.ravel()])  # (2, 121 * 121)
    losses = ((features @ weights - targets[:, None]) ** 2).mean(axis=0)
    return grid, losses.reshape(first.shape)
