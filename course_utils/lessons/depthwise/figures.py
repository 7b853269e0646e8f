"""Figures of the notebook on depthwise-separable convolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from course_utils.plotting import BLUE, GREEN, GREY, ORANGE, PINK, SKY, VERMILLION
from course_utils.plotting.figures import panels_of

__all__ = ["plot_comparison", "plot_connections", "plot_layer_costs"]

_STYLES = (
    (BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PINK, ":", "D"), (ORANGE, (0, (5, 1)), "v"),
)  # fmt: skip


def plot_connections(in_channels: int, out_channels: int, groups: Sequence[int]) -> Figure:
    """Draw which input channels each output channel looks at, one panel for each number of groups.

    Parameters
    ----------
    in_channels, out_channels : int
        Each a multiple of every entry of `groups`.
    groups : sequence of int

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If channels cannot be divided into so many groups.
    """
    figure, axes = panels_of(len(groups), height=3.0)
    for ax, count in zip(axes, groups, strict=True):
        if in_channels % count or out_channels % count:
            raise ValueError(f"{in_channels} and {out_channels} channels cannot be divided into {count} groups.")
        ins, outs = in_channels // count, out_channels // count
        colours = [_STYLES[group % len(_STYLES)][0] for group in range(count)]
        for out in range(out_channels):
            group = out // outs
            for one in range(group * ins, (group + 1) * ins):
                ax.plot(
                    [0, 1], [_height(one, in_channels), _height(out, out_channels)], color=colours[group], linewidth=1
                )
        for x, channels, per_group in ((0, in_channels, ins), (1, out_channels, outs)):
            heights = [_height(channel, channels) for channel in range(channels)]
            fills = [colours[channel // per_group] for channel in range(channels)]
            ax.scatter([x] * channels, heights, c=fills, s=110, marker="s", zorder=3)
        pairs = in_channels * out_channels // count
        ax.set_title(f"groups={count}: {pairs} pairs", fontsize="medium")
        ax.set_xticks([0, 1], [f"{in_channels} channels in", f"{out_channels} out"])
        ax.set_yticks([])
        ax.set(xlim=(-0.3, 1.3), ylim=(-0.08, 1.08))
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    return figure


def plot_layer_costs(channels: Sequence[int], operations: Sequence[float], seconds: Sequence[float]) -> Figure:
    """Draw what a separable layer needs as a share of the plain one: multiply-adds, and measured time.

    Parameters
    ----------
    channels : sequence of int
    operations, seconds : sequence of float
        Separable divided by plain.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = panels_of(1)
    for name, values, (colour, dash, marker) in zip(
        ("multiply-adds", "measured time"), (operations, seconds), _STYLES, strict=False
    ):
        ax.plot(channels, 100 * np.asarray(values), color=colour, linestyle=dash, marker=marker, label=name)
    ax.axhline(100, color=GREY, linestyle=":")
    ax.annotate("as the plain layer", (channels[-1], 100), (0, 4), textcoords="offset points", ha="right", color=GREY)
    ax.set(xlabel="Channels in and out", ylabel="Separable, in % of plain", xscale="log", yscale="log")
    ax.set_xticks(channels, [str(channel) for channel in channels])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.legend(frameon=False)
    return figure


def plot_comparison(names: Sequence[str], values: Mapping[str, Sequence[float]], units: Mapping[str, str]) -> Figure:
    """Draw a panel of bars for each quantity, one bar for each network, with its number.

    Parameters
    ----------
    names : sequence of str
        Of the networks.
    values : mapping of str to sequence of float
        By quantity, one number for each network.
    units : mapping of str to str
        Of each quantity.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = panels_of(len(values), width=2.6, height=2.8)
    for ax, (quantity, numbers) in zip(axes, values.items(), strict=True):
        bars = ax.bar(range(len(names)), numbers, color=[SKY, ORANGE][: len(names)], edgecolor="black", linewidth=0.6)
        for bar, hatch in zip(bars, ("", "//"), strict=False):
            bar.set_hatch(hatch)
        ax.bar_label(bars, [f"{number:.3g}" for number in numbers], fontsize="small")
        ax.set_xticks(range(len(names)), names)
        ax.set(ylabel=f"{quantity} ({units[quantity]})", ylim=(0, 1.15 * max(numbers)))
    return figure


def _height(channel: int, channels: int) -> float:
    return 1 - (channel + 0.5) / channels
