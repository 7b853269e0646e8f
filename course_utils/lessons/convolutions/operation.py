"""What the notebooks on convolution share: the operation itself, a small network, pictures to feed it.

Images here are `torch.Tensor`; row x comes before column y, as in ``image[x, y]``.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "AUTOGRAD",
    "READY_DIFFERENCES",
    "READY_GRADIENTS",
    "READY_MADE",
    "SHAPES",
    "SUMS_OVER_WINDOWS",
    "classical_cnn",
    "convolve",
    "line_images",
    "outline",
    "shape_image",
    "shape_windows",
]

# What `checks.assert_no_calls` forbids where a gradient or a convolution is to be written by hand.
AUTOGRAD = (
    "torch.autograd",
    "torch.func",
    "autograd.grad",
    "backward",
    "requires_grad",
    "requires_grad_",
    "jacobian",
    "jacfwd",
    "jacrev",
    "vjp",
    "jvp",
    "hvp",
    "vhp",
    "hessian",
    "linearize",
    "grad_and_value",
    "forward_ad",
    "make_dual",
    "dual_level",
)
# Differences that the course computes itself: forbidden as well where the formula is the exercise.
READY_DIFFERENCES = (
    "numerical_gradient", "assert_gradient", "assert_gradients", "gradcheck", "get_numerical_jacobian",
    "approx_fprime", "approx_derivative", "check_grad", "differentiate.jacobian",
)  # fmt: skip
READY_GRADIENTS = (
    "F.conv_transpose1d", "F.conv_transpose2d", "F.conv_transpose3d", "nn.ConvTranspose1d", "nn.ConvTranspose2d",
    "nn.ConvTranspose3d", "nn.LazyConvTranspose1d", "nn.LazyConvTranspose2d", "nn.LazyConvTranspose3d",
    "nn.grad.conv1d_input", "nn.grad.conv1d_weight", "nn.grad.conv2d_input", "nn.grad.conv2d_weight",
    "nn.grad.conv3d_input", "nn.grad.conv3d_weight", "aten.convolution_backward",
)  # fmt: skip
READY_MADE = (
    "convolve",
    "F.conv1d",
    "F.conv2d",
    "F.conv3d",
    "F.conv_tbc",
    "nn.Conv1d",
    "nn.Conv2d",
    "nn.Conv3d",
    "nn.LazyConv1d",
    "nn.LazyConv2d",
    "nn.LazyConv3d",
    "convolution",
    "signal.fftconvolve",
    "signal.oaconvolve",
    "signal.convolve2d",
    "np.correlate",
    "signal.correlate2d",
    "ndimage.convolve1d",
    "ndimage.correlate1d",
    "deform_conv2d",
    *READY_GRADIENTS,
)
# Other ways to a sum over windows: forbidden where `convolve` is to do the work.
SUMS_OVER_WINDOWS = (
    "einsum", "tensordot", "matmul", "mm", "bmm", "mv", "dot", "inner", "unfold", "as_strided", "sliding_window_view",
    "F.fold", "fft2", "rfft2", "fftn", "rfftn", "sum", "mean", "linear", "@",
)  # fmt: skip

SHAPES = ("disc", "ring", "square", "cross")


def convolve(image: Tensor, kernel: Tensor, mode: str = "valid", boundary: str = "zero") -> Tensor:
    """Convolve an image with a kernel, which is flipped, as in mathematics.

    With the kernel's indices counted from its first corner, the full result is
    ``z[x, y] = sum over u, v of image[x - u, y - v] * kernel[u, v]``; the other modes are its middle part.

    Parameters
    ----------
    image : torch.Tensor of shape (H, W), floating point; left unchanged
    kernel : torch.Tensor of shape (K_h, K_w), dtype of `image`; left unchanged
    mode : {"valid", "same", "full"}
        "valid" keeps the positions at which the kernel lies inside the image, "same" as many as the image
        has, around the middle (odd kernels only), "full" all at which kernel and image overlap.
    boundary : {"zero", "circular"}
        What lies beyond the border: zeros, or the image again. "circular" goes with mode "same".

    Returns
    -------
    torch.Tensor of two axes, dtype of `image`
        One entry for each position that the mode keeps.

    Raises
    ------
    ValueError
        If a shape, the mode or the boundary does not fit.

    Examples
    --------
    >>> row = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    >>> convolve(row, torch.tensor([[1.0, 2.0, 3.0]]), mode="full")
    tensor([[0., 1., 2., 3., 0., 0.]])
    """
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(
            "`image` and `kernel` must have two axes (rows, columns), "
            f"got shapes {tuple(image.shape)} and {tuple(kernel.shape)}."
        )
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"`mode` must be 'valid', 'same' or 'full', got {mode!r}.")
    if boundary not in ("zero", "circular"):
        raise ValueError(f"`boundary` must be 'zero' or 'circular', got {boundary!r}.")
    if boundary == "circular" and mode != "same":
        raise ValueError(f"`boundary` 'circular' goes with mode 'same', got mode {mode!r}.")
    height, width = kernel.shape
    if mode == "same" and (height % 2 == 0 or width % 2 == 0):
        raise ValueError(f"Mode 'same' needs a kernel with odd sides, got shape {tuple(kernel.shape)}.")
    if mode == "valid" and (height > image.shape[0] or width > image.shape[1]):
        raise ValueError(
            "Mode 'valid' needs a kernel that fits into the image, "
            f"got a kernel of shape {tuple(kernel.shape)} and an image of shape {tuple(image.shape)}."
        )
    rows, columns = {
        "valid": (0, 0),
        "same": (height // 2, width // 2),
        "full": (height - 1, width - 1),
    }[mode]
    batch = image[None, None]  # (1, 1, H, W)
    padding = (columns, columns, rows, rows)
    batch = F.pad(batch, padding, mode="circular") if boundary == "circular" else F.pad(batch, padding)
    # conv2d of torch does not flip its kernel, so it gets the flipped one.
    return F.conv2d(batch, kernel.flip(0, 1)[None, None])[0, 0]


def classical_cnn(num_classes: int = 10, in_channels: int = 1) -> nn.Sequential:
    """Return a classical network for 32 x 32 images: two convolutions, then three dense layers.

    The layers and sizes are those of LeNet-5 [1]_ with full connections. Average pooling and tanh keep the derivative
    with respect to every pixel of the receptive field away from zero.

    Parameters
    ----------
    num_classes : int
        Length of the output.
    in_channels : int
        Channels of the image.

    Returns
    -------
    torch.nn.Sequential
        Named layers; takes float32 images of shape (N, in_channels, 32, 32), returns logits of shape
        (N, num_classes).

    References
    ----------
    .. [1] Y. LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE, 1998.

    Examples
    --------
    >>> classical_cnn()(torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 10])
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 6, 5),  # (N, 6, 28, 28)
            tanh1=nn.Tanh(),
            pool1=nn.AvgPool2d(2),  # (N, 6, 14, 14)
            conv2=nn.Conv2d(6, 16, 5),  # (N, 16, 10, 10)
            tanh2=nn.Tanh(),
            pool2=nn.AvgPool2d(2),  # (N, 16, 5, 5)
            flatten=nn.Flatten(),
            dense3=nn.Linear(16 * 5 * 5, 120),
            tanh3=nn.Tanh(),
            dense4=nn.Linear(120, 84),
            tanh4=nn.Tanh(),
            dense5=nn.Linear(84, num_classes),
        )
    )


def line_images(num_images: int, size: int = 12, noise: float = 0.3, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return noisy images, each with one short line in one of four directions somewhere.

    Parameters
    ----------
    num_images : int
    size : int, in pixels, at least 5
    noise : float
        Standard deviation of the Gaussian noise; the line has intensity 1.
    seed : int

    Returns
    -------
    images : torch.Tensor of shape (num_images, 1, size, size), float32
    directions : torch.Tensor of shape (num_images,), int64
        0 horizontal, 1 vertical, 2 falling, 3 rising.
    quadrants : torch.Tensor of shape (num_images,), int64
        Where the middle of the line is: 0 upper left, 1 upper right, 2 lower left, 3 lower right.

    Raises
    ------
    ValueError
        If the line does not fit.
    """
    length = 5
    if size < length:
        raise ValueError(f"`size` must be at least {length} pixels, the length of the line, got {size}.")
    generator = torch.Generator().manual_seed(seed)
    lines = torch.zeros(4, length, length)
    lines[0, length // 2, :] = 1
    lines[1, :, length // 2] = 1
    lines[2] = torch.eye(length)
    lines[3] = torch.eye(length).flip(1)
    directions = torch.randint(4, (num_images,), generator=generator)
    corners = torch.randint(size - length + 1, (num_images, 2), generator=generator)
    images = noise * torch.randn(num_images, 1, size, size, generator=generator)
    for image, direction, (top, left) in zip(images, directions.tolist(), corners.tolist(), strict=True):
        image[0, top : top + length, left : left + length] += lines[direction]
    lower, right = (corners + length // 2 >= size / 2).long().unbind(1)
    return images, directions, 2 * lower + right


def shape_image(kind: str, centre: tuple[float, float], size: tuple[int, int], radius: float = 9.0) -> Tensor:
    """Return an image of one filled shape: 1 on the shape, 0 elsewhere.

    Parameters
    ----------
    kind : {"disc", "ring", "square", "cross"}
    centre : (float, float)
        Row and column of the middle, in pixels; it may lie outside.
    size : (int, int)
        Height and width of the image, in pixels.
    radius : float, in pixels

    Returns
    -------
    torch.Tensor of shape `size`, float32

    Raises
    ------
    ValueError
        If `kind` is unknown.
    """
    rows = torch.arange(float(size[0]))[:, None] - centre[0]
    columns = torch.arange(float(size[1]))[None, :] - centre[1]
    distance = torch.hypot(rows, columns)
    largest = torch.maximum(rows.abs(), columns.abs())
    smallest = torch.minimum(rows.abs(), columns.abs())
    if kind == "disc":
        inside = distance < radius
    elif kind == "ring":
        inside = (distance < radius) & (distance > 0.55 * radius)
    elif kind == "square":
        inside = largest < 0.9 * radius
    elif kind == "cross":
        inside = (largest < radius) & (smallest < 0.28 * radius)
    else:
        raise ValueError(f"`kind` must be one of {', '.join(SHAPES)}, got {kind!r}.")
    return inside.float()


def shape_windows(num_images: int, noise: float = 0.2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return 32 x 32 windows to train a classifier of shapes that also knows "nothing in the middle".

    Parameters
    ----------
    num_images : int
    noise : float
        Standard deviation of the Gaussian noise; shapes have intensity 1.
    seed : int

    Returns
    -------
    images : torch.Tensor of shape (num_images, 1, 32, 32), float32
    labels : torch.Tensor of shape (num_images,), int64
        0 to 3 for `SHAPES`, at most 2 pixels off the middle; 4 for an empty window or a shape further out.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(len(SHAPES) + 1, (num_images,), generator=generator)
    others = torch.randint(len(SHAPES) + 1, (num_images,), generator=generator)
    uniform = torch.rand(num_images, 2, generator=generator)
    images = noise * torch.randn(num_images, 1, 32, 32, generator=generator)
    for image, label, other, (a, b) in zip(images, labels.tolist(), others.tolist(), uniform.tolist(), strict=True):
        if label < len(SHAPES):
            image[0] += shape_image(SHAPES[label], (13.5 + 4 * a, 13.5 + 4 * b), (32, 32))
        elif other < len(SHAPES):
            distance, angle = 7 + 8 * a, 2 * math.pi * b
            centre = (15.5 + distance * math.sin(angle), 15.5 + distance * math.cos(angle))
            image[0] += shape_image(SHAPES[other], centre, (32, 32))
    return images, labels


def outline(ax: Any, top: int, left: int, height: int, width: int, label: str = "", color: str = "#D55E00") -> Any:
    """Draw a box around pixels of an image shown with `imshow`, and write a label above it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    top, left : int
        First row and column inside the box.
    height, width : int, in pixels
    label : str
    color : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.patches import Rectangle

    # Pixel (0, 0) reaches from -0.5 to 0.5.
    ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=color, linewidth=2))
    if label:
        backdrop = {"facecolor": "white", "edgecolor": color, "pad": 1.5}
        ax.text(left, top - 1.2, label, ha="left", va="bottom", fontsize=7, bbox=backdrop)
    return ax
