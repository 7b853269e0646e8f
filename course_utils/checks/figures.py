"""Figures that can be read."""

from __future__ import annotations

from typing import Any

from course_utils.checks.wording import counted, describe, fail

__all__ = ["assert_figure"]


def assert_figure(
    figure: Any,
    name: str = "the figure",
    *,
    axes: int | None = None,
    lines: int | None = None,
    images: int | None = None,
    labels: bool = True,
    legend: bool = False,
    hint: str | None = None,
) -> None:
    """Check that a Matplotlib figure can be read: axes labelled, lines and images present.

    Parameters
    ----------
    figure : matplotlib.figure.Figure or matplotlib.axes.Axes
        What the student's code drew.
    name : str
        How the message calls it.
    axes : int, optional
        The least number of panels.
    lines, images : int, optional
        The least number of lines (of at least two points) and of images in all panels together.
    labels : bool
        Whether each panel that holds lines needs a label on both axes.
    legend : bool
        Whether a panel with two or more lines needs a legend, its own or the figure's, or text beside the lines.
    hint : str, optional
        A sentence that points to the idea.

    Raises
    ------
    CheckFailed
        If something is missing; the message names the panel, counted from 1.
    """
    if figure is None:
        fail(f"{name} has no value yet; return the figure that you drew.", hint)
    try:
        panels = list(figure.axes) if hasattr(figure, "get_size_inches") else [figure]
        line_counts = [sum(len(line.get_xdata()) > 1 for line in panel.lines) for panel in panels]
        image_counts = [len(list(panel.images)) for panel in panels]
        legends = list(figure.legends) if hasattr(figure, "get_size_inches") else []
    except AttributeError:
        fail(f"{name} must be a Matplotlib figure or axes, got {describe(figure)}.", hint)
    if axes is not None and len(panels) < axes:
        fail(f"{name} must have {counted(axes, 'panel', 'panels')}, got {len(panels)}.", hint)
    if lines is not None and sum(line_counts) < lines:
        fail(f"{name} must show at least {counted(lines, 'line', 'lines')}, got {sum(line_counts)}.", hint)
    if images is not None and sum(image_counts) < images:
        fail(f"{name} must show at least {counted(images, 'image', 'images')}, got {sum(image_counts)}.", hint)
    for number, (panel, count) in enumerate(zip(panels, line_counts, strict=True), start=1):
        if not count:
            continue
        for axis, label in (("horizontal", panel.get_xlabel()), ("vertical", panel.get_ylabel())):
            if labels and not str(label).strip():
                fail(f"Panel {number} of {name} has no label on its {axis} axis.", hint)
        if legend and count > 1 and panel.get_legend() is None and not list(panel.texts) and not legends:
            fail(f"Panel {number} of {name} does not say which line is which; add a legend.", hint)
