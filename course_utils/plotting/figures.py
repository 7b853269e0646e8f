"""Whole figures: shown with a text for those who don't see them, saved, played with."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["is_watched", "panels_of", "play", "save_png", "show_figure"]

# What JupyterLab, VS Code and Colab tell the kernels that they start for a person.
_MARKS_OF_A_BROWSER = {"JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "COLAB_RELEASE_TAG"}


def is_watched() -> bool:
    """Return whether a person has the notebook open in a browser or editor, rather than a program runs it."""
    return bool(_MARKS_OF_A_BROWSER & set(os.environ))


def play(function: Callable[..., Any] | None = None, **controls: Any) -> Any:
    """Call a function again whenever one of its controls is moved; where nothing can be moved, call it once.

    `ipywidgets.interact`, for notebooks that are also run by programs: nbgrader's validation and nbconvert have no
    browser, and wait for answers of its output area that do not come [1]_.

    Parameters
    ----------
    function : callable, optional
        Without it, `play` is a decorator.
    controls : ipywidgets.Widget
        By name of the argument; each has a value.

    Returns
    -------
    callable
        The function.

    References
    ----------
    .. [1] https://github.com/jupyter/nbclient/issues/312

    Examples
    --------
    >>> from ipywidgets import IntSlider
    >>> _ = play(lambda amount: print(amount), amount=IntSlider(3))
    3
    """
    if function is None:
        return lambda decorated: play(decorated, **controls)
    if is_watched():
        from ipywidgets import interact

        interact(function, **controls)
    else:
        function(**{name: control.value for name, control in controls.items()})
    return function


def show_figure(figure: Figure, alt: str) -> None:
    """Display a figure in a notebook together with a description for those who cannot see it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        It is closed, so that Jupyter does not show it twice.
    alt : str
        What there is to see, in one or two sentences. Screen readers and exported pages use it.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("`alt` must say what the figure shows, got an empty text.")
    data = base64.b64encode(save_png(figure)).decode()
    # JupyterLab and nbconvert drop the description of a plain PNG, so they get HTML; PDFs are made from the PNG.
    picture = f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}">'
    bundle = {"text/html": picture, "image/png": data, "text/plain": alt}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)


def save_png(figure: Figure, dpi: int = 100) -> bytes:
    """Return a figure as the bytes of a PNG file, and close it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw.
    dpi : int
        Pixels per inch.

    Returns
    -------
    bytes
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    return buffer.getvalue()


def panels_of(
    count: int, width: float = 4.1, height: float = 3.2, widths: Sequence[float] | None = None, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels side by side, with axes at the left and below only.

    Parameters
    ----------
    count : int
    width, height : float
        Of one panel, in inches; a panel alone is 5.6 wide.
    widths : sequence of float, optional
        Of the panels, in proportion to each other.
    sharey : bool

    Returns
    -------
    Figure, list of Axes
    """
    figure = Figure(figsize=(5.6 if count == 1 else width * count, height), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False, sharey=sharey, width_ratios=widths)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)
