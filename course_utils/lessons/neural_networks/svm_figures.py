"""Figures of the notebook on support vector machines.

Each function draws one picture and returns it; `course_utils.plotting.show_figure` displays it. The figures are made
without pyplot, so that a slider that draws hundreds of them leaves none behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from course_utils.lessons.neural_networks.circles import grid
from course_utils.plotting import BLUE, GREEN, ORANGE, PINK, SKY, VERMILLION
from course_utils.plotting.figures import panels_of

__all__ = [
    "plot_bowls",
    "plot_counts",
    "plot_kernel_matrices",
    "plot_lift",
    "plot_line",
    "plot_losses_of_margin",
    "plot_points",
    "plot_scores",
]

_LIMIT = 1.7  # of the square that is drawn; the points of Circles lie within
_STYLES = ((VERMILLION, "-", "o"), (BLUE, "--", "s"), (GREEN, "-.", "^"), (PINK, ":", "D"))


def plot_points(points: np.ndarray, signs: np.ndarray) -> Figure:
    """Draw the two classes.

    Parameters
    ----------
    points : numpy.ndarray of shape (N, 2)
    signs : numpy.ndarray of shape (N,), +1 or -1
        +1 for the inner disc.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1, height=4.2)
    _scatter(ax, points, signs)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def plot_line(points: np.ndarray, signs: np.ndarray, lines: Mapping[str, tuple[np.ndarray, float]]) -> Figure:
    """Draw straight lines through the data, one in each panel, and mark what they get wrong.

    Parameters
    ----------
    points : numpy.ndarray of shape (N, 2)
    signs : numpy.ndarray of shape (N,), +1 or -1
    lines : mapping of str to (weights, intercept)
        An array of shape (2,) and a number; the side with weights @ point + intercept >= 0 is that of +1.

    Returns
    -------
    matplotlib.figure.Figure
        Its titles say how many percent of the points are on their own side.
    """
    figure, axes = panels_of(len(lines), height=4.4)
    for ax, (name, (weights, intercept)) in zip(axes, lines.items(), strict=True):
        _sides(ax, lambda at, w=weights, b=intercept: at @ np.asarray(w) + b)
        _scatter(ax, points, signs)
        wrong = np.where(points @ np.asarray(weights) + intercept >= 0, 1, -1) != signs
        ax.plot(*points[wrong].T, "x", color="black", markersize=5)
        ax.set_title(f"{name}\n{100 * (1 - wrong.mean()):.1f} % right, crosses are wrong", fontsize="medium")
    return figure


def plot_losses_of_margin() -> Figure:
    """Draw hinge loss, its square, and the step that counts mistakes, over the margin of one point.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    margins = np.linspace(-2, 3, 501)
    hinge = np.maximum(0, 1 - margins)
    curves = {"hinge": hinge, "squared hinge": hinge**2, "mistakes (0 or 1)": (margins < 0).astype(float)}
    for (name, values), (colour, style, _) in zip(curves.items(), _STYLES, strict=False):
        ax.plot(margins, values, color=colour, linestyle=style, label=name)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set(xlabel="Margin of one point: label times score", ylabel="Loss of one point (1)", ylim=(-0.1, 4))
    ax.legend(frameon=False)
    return figure


def plot_bowls(bowls: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw an objective over two weights as contour lines, one panel for each data set.

    Parameters
    ----------
    bowls : mapping of str to (ticks, values)
        Arrays of shape (T,) and (T, T); row i, column j of the values belongs to w_2 = ticks[i] and w_1 = ticks[j].

    Returns
    -------
    matplotlib.figure.Figure
        A star marks the lowest value, a circle the weights zero.
    """
    figure, axes = panels_of(len(bowls), height=3.6)
    for ax, (title, (ticks, values)) in zip(axes, bowls.items(), strict=True):
        shown = ax.contourf(ticks, ticks, values, levels=24, cmap="viridis")
        figure.colorbar(shown, ax=ax, label="Objective J (1)", shrink=0.85)
        row, column = np.unravel_index(values.argmin(), values.shape)
        ax.plot(0, 0, "o", color="white", markersize=12, markerfacecolor="none", label="w = 0")
        ax.plot(ticks[column], ticks[row], "*", color=ORANGE, markersize=13, markeredgecolor="black", label="lowest")
        ax.set(xlabel="$w_1$", ylabel="$w_2$", title=title, aspect="equal")
    axes[0].legend(loc="upper right", fontsize="small", facecolor="#888888", labelcolor="white")
    return figure


def plot_lift(
    points: np.ndarray, signs: np.ndarray, heights: np.ndarray, turn: float = -60, tilt: float = 15
) -> Figure:
    """Draw points in the plane at a height of their own.

    Parameters
    ----------
    points : numpy.ndarray of shape (N, 2)
    signs : numpy.ndarray of shape (N,), +1 or -1
    heights : numpy.ndarray of shape (N,)
    turn, tilt : float
        From where one looks, in degrees; a tilt of 90 is from above, 0 from the side.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(6.2, 4.6))
    ax = figure.add_subplot(projection="3d")
    for label, (sign, colour, marker) in _CLASSES.items():
        mine = signs == sign
        ax.scatter(*points[mine].T, heights[mine], color=colour, marker=marker, s=14, label=label, depthshade=False)
    ax.view_init(elev=tilt, azim=turn)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", zlabel="Third coordinate", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    ax.set_box_aspect((1, 1, 0.75), zoom=0.95)  # room for the label of the vertical axis
    ax.legend(loc="upper right", frameon=False)
    return figure


def plot_scores(
    points: np.ndarray,
    signs: np.ndarray,
    panels: Mapping[str, tuple[Callable[[np.ndarray], np.ndarray], Sequence[int]]],
    columns: int = 4,
) -> Figure:
    """Draw boundaries with their margins and support vectors, one panel for each classifier.

    Parameters
    ----------
    points : numpy.ndarray of shape (N, 2)
    signs : numpy.ndarray of shape (N,), +1 or -1
    panels : mapping of str to (scores, support)
        A function from points of shape (M, 2) to scores of shape (M,), and the numbers of the support vectors among
        `points`, which get a ring.
    columns : int
        The most panels in a row.

    Returns
    -------
    matplotlib.figure.Figure
        Solid where the score is 0, dashed where it is +1 or -1.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    size = 4.2 if columns == 1 else 2.9 if columns > 2 else 3.6
    figure = Figure(figsize=(size * columns, (size + 0.35) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    for ax, (title, (scores, support)) in zip(axes.flat, panels.items(), strict=False):
        _sides(ax, scores, margins=True)
        _scatter(ax, points, signs, size=9)
        ringed = points[np.asarray(support, dtype=int)]
        ax.plot(*ringed.T, "o", color="black", markerfacecolor="none", markersize=6, markeredgewidth=0.7)
        ax.set_title(title, fontsize="medium")
    return figure


def plot_kernel_matrices(matrices: Mapping[str, np.ndarray], border: int) -> Figure:
    """Draw kernel matrices as maps on one scale.

    Parameters
    ----------
    matrices : mapping of str to numpy.ndarray of shape (N, N)
        Entries between 0 and 1.
    border : int
        Number of points of the first class, which come first; a line is drawn after them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = panels_of(len(matrices), width=3.5, height=3.4)
    for ax, (title, matrix) in zip(axes, matrices.items(), strict=True):
        image = ax.imshow(matrix, cmap="viridis", vmin=0, vmax=1)
        ax.axhline(border - 0.5, color="white", linewidth=0.8)
        ax.axvline(border - 0.5, color="white", linewidth=0.8)
        ax.set(xlabel="Point j", title=title)
    axes[0].set_ylabel("Point i (inner disc first)")
    figure.colorbar(image, ax=axes, label="Kernel of i and j (1)", shrink=0.85)
    return figure


def plot_counts(costs: Sequence[float], reports: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Draw number of support vectors and accuracies over C.

    Parameters
    ----------
    costs : sequence of float
        Values of C.
    reports : mapping of str to sequence of mapping
        For each curve, one report per value of C with the entries ``"support_vectors"``, ``"train"`` and ``"test"``,
        the last two in percent.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = panels_of(3, width=3.9, height=3.4)
    panels = (
        ("support_vectors", "Support vectors", "how many points matter"),
        ("train", "Accuracy (%)", "accuracy in training"),
        ("test", "Accuracy (%)", "accuracy in test"),
    )
    for ax, (entry, ylabel, title) in zip(axes, panels, strict=True):
        for (name, rows), (colour, style, marker) in zip(reports.items(), _STYLES, strict=False):
            values = [row[entry] for row in rows]
            ax.semilogx(costs, values, color=colour, linestyle=style, marker=marker, markersize=4, label=name)
        ax.set(xlabel="C", ylabel=ylabel, title=title)
    axes[0].set_ylim(bottom=0)
    for ax in axes[1:]:
        ax.set_ylim(50, 101)
    axes[1].legend(frameon=False, loc="lower right")
    return figure


# As in the other notebooks on Circles; crosses mean "wrong".
_CLASSES = {"outer ring (−1)": (-1, VERMILLION, "o"), "inner disc (+1)": (1, BLUE, "^")}


def _scatter(ax: Axes, points: np.ndarray, signs: np.ndarray, size: float = 16) -> None:
    for label, (sign, colour, marker) in _CLASSES.items():
        ax.scatter(*points[signs == sign].T, color=colour, marker=marker, s=size, label=label, linewidths=0)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-_LIMIT, _LIMIT), ylim=(-_LIMIT, _LIMIT), aspect="equal")
    ax.label_outer()


def _sides(ax: Axes, scores: Callable[[np.ndarray], np.ndarray], margins: bool = False) -> None:
    """Colour where the score is positive, and draw where it is 0 and, if asked, where it is +1 and -1."""
    places = grid(_LIMIT, 0.025)  # fine enough for islands around single points
    side = round(len(places) ** 0.5)
    values = np.asarray(scores(places)).reshape(side, side)
    ticks = places[:side, 0]
    colours, edges = ListedColormap([ORANGE, SKY]), (-_LIMIT, _LIMIT, -_LIMIT, _LIMIT)
    ax.imshow(values >= 0, origin="lower", extent=edges, cmap=colours, vmin=0, vmax=1, alpha=0.22)
    levels = {-1: "dashed", 0: "solid", 1: "dashed"} if margins else {0: "solid"}
    for level, style in levels.items():
        if values.min() < level < values.max():  # else Matplotlib warns that there is no such line
            ax.contour(ticks, ticks, values, levels=[level], colors="black", linestyles=style, linewidths=1)
