"""Small figures that the notebooks share: pictures, arrays with their numbers, kernels, maps side by side.

Helpers that draw one panel take `ax=None` and return the Axes; none of them changes Matplotlib's settings.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PINK",
    "SKY",
    "VERMILLION",
    "YELLOW",
    "show_cells",
    "show_image",
    "show_kernel",
    "show_maps",
    "show_positions",
    "show_shapes",
    "show_window",
]

# Okabe and Ito's colours, which people with any kind of colour vision tell apart; see "Color Universal
# Design", 2008, https://jfly.uni-koeln.de/color/. Give each line a dash or marker of its own as well.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PINK = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#666666"
_SEQUENTIAL, _DIVERGING = "viridis", "RdBu_r"


def show_image(
    image: np.ndarray,
    ax: Axes | None = None,
    title: str = "",
    *,
    vmin: float | None = None,
    vmax: float | None = None,
) -> Axes:
    """Draw a picture without axes.

    Parameters
    ----------
    image : numpy.ndarray of shape (H, W), (H, W, 3) or (H, W, 1)
        Grey or colour; uint8 in 0..255 or floating point in [0, 1].
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a new figure.
    title : str
        Written above.
    vmin, vmax : float, optional
        What is black and white in a grey picture. By default the range of the dtype, so that two
        pictures can be compared; values beyond it are shown as black or white.

    Returns
    -------
    matplotlib.axes.Axes
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] != 3):
        raise ValueError(f"`image` must have shape (H, W) or (H, W, 3), got {image.shape}.")
    ax = _axes(ax, image.shape)
    white = 255 if image.dtype == np.uint8 else 1
    if image.ndim == 2:
        ax.imshow(image, cmap="gray", vmin=0 if vmin is None else vmin, vmax=white if vmax is None else vmax)
    else:
        ax.imshow(np.clip(image, 0, white))
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def show_cells(
    values: np.ndarray,
    ax: Axes | None = None,
    title: str = "",
    *,
    signed: bool | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    digits: int = 2,
) -> Axes:
    """Draw a small array as coloured cells with their numbers.

    Parameters
    ----------
    values : numpy.ndarray of shape (H, W) or (W,)
        Real numbers; a few hundred cells can still be read.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a new figure.
    title : str
        Written above.
    signed : bool, optional
        Whether colours diverge from white at 0 (negative blue, positive red). By default they do if a
        value is negative.
    vmin, vmax : float, optional
        The ends of the colour scale. By default the range of `values`, symmetric about 0 if signed.
    digits : int
        The most digits after the point; trailing zeros are left out.

    Returns
    -------
    matplotlib.axes.Axes
        Rows and columns are labelled with their indices, from 0.
    """
    values = np.atleast_2d(np.asarray(values))
    if values.ndim != 2:
        raise ValueError(f"`values` must have one or two axes, got shape {values.shape}.")
    ax = _axes(ax, values.shape)
    scale = _scale([values], signed, vmin, vmax)
    image = ax.imshow(values, **scale)
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = image.cmap(image.norm(value))
        # Black or white, whichever stands out; luminance as in ITU-R BT.709.
        dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45
        ink = "white" if dark else "black"
        ax.text(column, row, _number(value, digits), ha="center", va="center", color=ink, fontsize="small")
    ax.set_xticks(range(values.shape[1]))
    ax.set_yticks(range(values.shape[0]))
    ax.tick_params(length=0, labelsize="x-small", colors=GREY)
    ax.spines[:].set_visible(False)
    ax.set_xticks(np.arange(values.shape[1] - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(values.shape[0] - 1) + 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="minor", length=0)
    ax.set_title(title)
    return ax


def show_kernel(kernel: np.ndarray, ax: Axes | None = None, title: str = "") -> Axes:
    """Draw a kernel with its numbers: negative blue, zero white, positive red.

    Parameters
    ----------
    kernel : numpy.ndarray of shape (K_h, K_w)
        The weights.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a new figure.
    title : str
        Written above.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return show_cells(kernel, ax, title, signed=True)


def show_maps(
    maps: Mapping[str, np.ndarray],
    *,
    signed: bool | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    numbers: bool = False,
    columns: int = 4,
    label: str = "",
) -> Figure:
    """Draw feature maps side by side on one colour scale, so that they can be compared.

    Parameters
    ----------
    maps : mapping of str to numpy.ndarray of shape (H, W)
        The title of each panel and its values.
    signed : bool, optional
        Whether colours diverge from white at 0. By default they do if a value is negative.
    vmin, vmax : float, optional
        The ends of the scale. By default the range of all maps together, symmetric about 0 if signed.
    numbers : bool
        Whether to write the values into the cells; for small maps.
    columns : int
        The most panels in a row.
    label : str
        What the values are, with their unit; written at the colour bar.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if not maps:
        raise ValueError("`maps` must hold at least one map, got none.")
    arrays = [np.asarray(array) for array in maps.values()]
    scale = _scale(arrays, signed, vmin, vmax)
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    # A pixel of a picture gets at least one dot, so that thin lines do not drop out; inches at 100 dpi.
    widest = max(array.shape[1] for array in arrays)
    width = 2.6 if widest < 64 else min(5.0, max(3.8, widest / 85))
    height = max(0.8, width * max(array.shape[0] / array.shape[1] for array in arrays))
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=((width + 0.1) * columns + 0.8, (height + 0.4) * rows),
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.flat[len(maps) :]:
        ax.set_axis_off()
    shown = axes.flat[: len(maps)]
    for ax, (title, array) in zip(shown, maps.items(), strict=True):
        if numbers:
            show_cells(array, ax, title, signed=scale["cmap"] == _DIVERGING, vmin=scale["vmin"], vmax=scale["vmax"])
        else:
            # Shrunk panels average values, not colours: a thin blue and a thin red line give white.
            ax.imshow(array, interpolation_stage="data", **scale)
            ax.set_axis_off()
            ax.set_title(title)
    figure.colorbar(shown[0].images[0], ax=list(axes.flat), label=label, shrink=0.8)
    return figure


def show_window(
    image: np.ndarray,
    kernel: np.ndarray,
    row: int,
    column: int,
    padding: str = "valid",
) -> Figure:
    """Draw how one output of a cross-correlation comes about: window, kernel, products and their sum.

    Parameters
    ----------
    image : numpy.ndarray of shape (H, W)
        Small enough for its numbers to be read.
    kernel : numpy.ndarray of shape (K_h, K_w)
        Not flipped. Odd sizes with ``"same"``.
    row, column : int
        Position of the output.
    padding : {"valid", "same"}
        No zeros, or ``(K - 1) / 2`` of them on each side.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `padding` is neither, or if there is no output at this position.
    """
    if padding not in ("valid", "same"):
        raise ValueError(f"Unknown padding {padding!r}; choose 'valid' or 'same'.")
    k_h, k_w = kernel.shape
    top, left = ((k_h - 1) // 2, (k_w - 1) // 2) if padding == "same" else (0, 0)
    padded = np.pad(image, ((top, top), (left, left)))
    rows, columns = padded.shape[0] - k_h + 1, padded.shape[1] - k_w + 1
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(f"The output has shape ({rows}, {columns}), so there is no entry ({row}, {column}).")
    products = padded[row : row + k_h, column : column + k_w] * kernel

    figure, axes = plt.subplots(
        1, 3, figsize=(8.6, 3.0), layout="constrained", width_ratios=[padded.shape[1], k_w + 0.6, k_w + 0.6]
    )
    show_cells(padded, axes[0], "image" if padding == "valid" else "image with its border of zeros")
    # Rows are counted from the first row of the image, so the border has index -1.
    axes[0].set_xticks(range(padded.shape[1]), np.arange(padded.shape[1]) - left)
    axes[0].set_yticks(range(padded.shape[0]), np.arange(padded.shape[0]) - top)
    frame = Rectangle((column - 0.5, row - 0.5), k_w, k_h, fill=False, edgecolor=VERMILLION, linewidth=4)
    axes[0].add_patch(frame).set_zorder(5)
    show_kernel(kernel, axes[1], "kernel")
    show_cells(products, axes[2], f"products, sum {_number(products.sum(), 2)}", signed=True)
    for ax in axes[1:]:
        ax.set_xticks([])
        ax.set_yticks([])
    figure.suptitle(f"output ({row}, {column}), {padding!r} padding", fontsize="medium")
    return figure


def show_positions(size: int, kernel_size: int, padding: int = 0, stride: int = 1, ax: Axes | None = None) -> Axes:
    """Draw a row of pixels and, line by line below it, every window that a kernel takes.

    Parameters
    ----------
    size, kernel_size, padding, stride : int
        In pixels; `size` without the padding.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The title counts the windows; pixels and zeros that no window reaches are hatched.

    Raises
    ------
    ValueError
        If the kernel does not fit once, or an argument is out of range.
    """
    if kernel_size < 1 or stride < 1 or padding < 0 or size < 1:
        raise ValueError("`size`, `kernel_size` and `stride` must be at least 1 and `padding` at least 0.")
    starts = range(-padding, size + padding - kernel_size + 1, stride)
    if not starts:
        raise ValueError(f"A kernel of {kernel_size} does not fit into {size} pixels with padding {padding}.")
    if ax is None:
        width = 0.42 * (size + 2 * padding) + 1.2
        ax = plt.subplots(figsize=(width, 0.3 * len(starts) + 1.1), layout="constrained")[1]
    reached = {pixel for start in starts for pixel in range(start, start + kernel_size)}
    for pixel in range(-padding, size + padding):
        inside = 0 <= pixel < size
        ax.add_patch(
            Rectangle(
                (pixel - 0.5, -0.5),
                1,
                1,
                facecolor=SKY if inside else "white",
                edgecolor=GREY,
                hatch=None if pixel in reached else "////",
            )
        )
        text = str(pixel) if inside else "zero"
        ax.text(pixel, 0, text, ha="center", va="center", color="black", fontsize="small")
    for line, start in enumerate(starts, start=1):
        ax.add_patch(Rectangle((start - 0.45, line - 0.3), kernel_size - 0.1, 0.6, color=BLUE))
        middle = start + (kernel_size - 1) / 2
        ax.text(middle, line, str(line - 1), ha="center", va="center", color="white", fontsize="small")
    ax.set_xlim(-padding - 0.7, size + padding - 0.3)
    ax.set_ylim(len(starts) + 0.6, -0.7)
    ax.set_axis_off()
    unused = sum(pixel not in reached for pixel in range(-padding, size + padding))
    left_over = f", {unused} not reached" if unused else ""
    zeros = f" and {2 * padding} zeros" if padding else ""
    ax.set_title(f"{len(starts)} windows over {size} pixels{zeros}{left_over}", fontsize="medium")
    return ax


def show_shapes(shapes: Mapping[str, tuple[int, ...]], ax: Axes | None = None) -> Axes:
    """Draw what flows through a network: a stack of squares per feature map shape, a bar per vector.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Name of each layer with the shape of its output, (channels, height, width) or (features,). A bare
        number of features will do.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Heights and widths are drawn to scale. Stacks and bars grow with channels and features, though more slowly.

    Raises
    ------
    ValueError
        If a shape has neither one nor three entries.
    """
    shapes = {name: (shape,) if np.ndim(shape) == 0 else tuple(shape) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        if len(shape) not in (1, 3):
            raise ValueError(f"The shape of {name!r} must be (channels, height, width) or (features,), got {shape}.")
    if ax is None:
        ax = plt.subplots(figsize=(1.35 * len(shapes) + 0.5, 3.0), layout="constrained")[1]
    tallest = max([max(shape[1:]) for shape in shapes.values() if len(shape) == 3], default=1)
    left = 0.0
    for name, shape in shapes.items():
        if len(shape) == 3:
            channels, height, width = shape
            # Between one square and the other: a depth that tells 3 channels from 64 and still fits.
            sheets = 1 + round(2 * np.log2(channels))
            shift, text = 0.025 * tallest, f"{channels} × {height} × {width}"
        else:
            sheets, shift, width, text = 1, 0.0, 0.06 * tallest, f"{shape[0]}"
            height = 0.1 * tallest * (1 + np.log2(shape[0]))
        depth = (sheets - 1) * shift
        for sheet in range(sheets):
            ax.add_patch(
                Rectangle(
                    (left + depth - sheet * shift, -height / 2 + depth / 2 - sheet * shift),
                    width,
                    height,
                    facecolor=SKY if len(shape) == 3 else ORANGE,
                    edgecolor=BLACK,
                    linewidth=0.6,
                )
            )
        middle = left + (width + depth) / 2
        ax.text(middle, -0.75 * tallest, f"{name}\n{text}", ha="center", va="top", fontsize="small")
        left += max(width + depth, 0.85 * tallest) + 0.15 * tallest
    ax.set_xlim(-0.3 * tallest, left)
    ax.set_ylim(-1.1 * tallest, 0.8 * tallest)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _axes(ax: Axes | None, shape: tuple[int, ...]) -> Axes:
    if ax is not None:
        return ax
    height, width = shape[:2]
    longest = max(height, width)
    # Half an inch per cell of a small array, at most seven inches for a large one.
    size = min(7.0, max(2.5, 0.5 * longest))
    return plt.subplots(figsize=(size * width / longest + 0.5, size * height / longest + 0.5))[1]


def _scale(arrays: list[np.ndarray], signed: bool | None, vmin: float | None, vmax: float | None) -> dict:
    low = min(float(np.min(array)) for array in arrays)
    high = max(float(np.max(array)) for array in arrays)
    if signed is None:
        signed = low < 0
    if signed:
        # Zero in the middle, whatever the range; an array of zeros gets a range all the same.
        reach = max(abs(low if vmin is None else vmin), abs(high if vmax is None else vmax)) or 1.0
        return {"cmap": _DIVERGING, "vmin": -reach, "vmax": reach}
    return {"cmap": _SEQUENTIAL, "vmin": low if vmin is None else vmin, "vmax": high if vmax is None else vmax}


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    # A real minus sign is as wide as a plus; "-0" is no number.
    return "0" if text == "-0" else text.replace("-", "−")
