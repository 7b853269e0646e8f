"""Figures of the notebooks on convolution."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import ConnectionPatch, Rectangle

from course_utils.plotting import BLACK, GREEN, GREY, ORANGE, PINK, SKY, VERMILLION

__all__ = ["plot_depth"]

# Each input channel has a colour and a hatch of its own, so that it is known without colours as well.
_CHANNELS = ((SKY, "////"), (ORANGE, "...."), (GREEN, "xxxx"), (PINK, "----"))


def plot_depth(in_channels: int = 3, kernel_size: int = 3, size: int = 7, ax: Axes | None = None) -> Axes:
    """Draw a kernel with depth: a slice for each input channel, and one map that comes out.

    Parameters
    ----------
    in_channels : int, from 1 to 4
    kernel_size, size : int, in pixels
        Of the square kernel and of the square input maps; the kernel fits.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Channels are told apart by colour and hatch, and are numbered from 0; the window stands at row 1, column 2.

    Raises
    ------
    ValueError
        If there are too many channels to be told apart, or the kernel does not fit at that position.
    """
    import matplotlib.pyplot as plt

    if not 1 <= in_channels <= len(_CHANNELS):
        raise ValueError(f"`in_channels` must be from 1 to {len(_CHANNELS)}, got {in_channels}.")
    row, column = 1, 2
    if not 1 <= kernel_size <= size - column:
        raise ValueError(f"A kernel of {kernel_size} does not fit at column {column} of {size} pixels.")
    if ax is None:
        ax = plt.subplots(figsize=(9, 4.8), layout="constrained")[1]
    # A sheet stands so far above the one before it that its window can be seen.
    across, up, out = 0.3 * size, row + kernel_size + 0.3, size - kernel_size + 1
    depth = (in_channels - 1) * across
    kernel_left = size + depth + 0.5 * size
    map_left = kernel_left + kernel_size + depth + 0.7 * size
    for channel in reversed(range(in_channels)):  # the last one lies behind
        colour, hatch = _CHANNELS[channel]
        left, top = channel * across, -channel * up
        _grid(ax, left, top, size, colour)
        window = {"fill": False, "edgecolor": BLACK, "linewidth": 2, "zorder": 2}
        ax.add_patch(Rectangle((left + column, top + row), kernel_size, kernel_size, hatch=hatch, **window))
        _grid(ax, kernel_left + left, row + top, kernel_size, colour, hatch)
        ax.text(left + size + 0.2, top + size, f"c = {channel}", ha="left", va="bottom", fontsize="small")
        ax.text(
            kernel_left + left, top + row + kernel_size + 0.2, f"c = {channel}", ha="left", va="top", fontsize="small"
        )
    middle = (size - out - (in_channels - 1) * up) / 2
    _grid(ax, map_left, middle, out, "white")
    ax.add_patch(Rectangle((map_left + column, middle + row), 1, 1, facecolor=VERMILLION, edgecolor=BLACK, zorder=3))
    added = (map_left - 0.15 * size, middle + row + 0.5)
    for channel in range(in_channels):
        right = kernel_left + channel * across + kernel_size
        ax.plot([right, added[0]], [row + kernel_size / 2 - channel * up, added[1]], color=BLACK, linewidth=1)
    ax.text(*added, "+", ha="center", va="center", bbox={"boxstyle": "circle", "facecolor": "white"}, zorder=5)
    arrow = {"coordsA": "data", "coordsB": "data", "arrowstyle": "-|>", "mutation_scale": 14, "zorder": 4}
    ax.add_patch(ConnectionPatch(added, (map_left + column, added[1]), color=BLACK, **arrow))
    texts = {
        size / 2: "input x[n]",
        kernel_left + kernel_size / 2: "one kernel w[o]",
        map_left + out / 2: "one map z[n, o]",
    }
    for x, text in texts.items():
        ax.text(x, size + 0.5, text, ha="center", va="top")
    ax.set_xlim(-0.5, map_left + out + 0.5)
    ax.set_ylim(size + 1.8, -(in_channels - 1) * up - 0.5)  # rows are counted downwards
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _grid(ax: Axes, left: float, top: float, size: int, colour: str, hatch: str | None = None) -> None:
    ax.add_patch(Rectangle((left, top), size, size, facecolor=colour, edgecolor=BLACK, linewidth=1, zorder=2))
    if hatch:
        ax.add_patch(Rectangle((left, top), size, size, fill=False, hatch=hatch, edgecolor=BLACK, alpha=0.4, zorder=2))
    for line in range(1, size):
        ax.plot([left + line] * 2, [top, top + size], color=GREY, linewidth=0.4, zorder=2)
        ax.plot([left, left + size], [top + line] * 2, color=GREY, linewidth=0.4, zorder=2)
