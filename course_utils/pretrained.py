"""Networks that were trained before: torchvision's with ImageNet's weights, or small ones that ship with the course."""

from __future__ import annotations

import functools
import importlib.resources
import urllib.request
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor, nn

from course_utils import environment, stand_in
from course_utils.errors import CourseError

__all__ = [
    "IMAGENET",
    "SHAPES",
    "NetworkMissing",
    "PlainNetwork",
    "ResidualNetwork",
    "choose",
    "class_names",
    "deprocess",
    "kind",
    "load",
    "normalise",
    "preprocess",
    "split",
]

# The two kinds of networks.
IMAGENET, SHAPES = "ImageNet", "shapes"
_IMAGENET_NETWORKS = ("mobilenet_v2", "squeezenet1_0", "resnet18")
_SHAPES_NETWORKS = ("shapes-plain", "shapes-residual")
# Mean and standard deviation of each channel on the scale from 0 to 1, side of the input in pixels, and how much of the
# shorter side of a picture is looked at. Those of ImageNet are torchvision's.
_INPUTS = {
    IMAGENET: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224, 224 / 256),
    SHAPES: ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 64, 1.0),
}


class NetworkMissing(CourseError, RuntimeError):
    """A pre-trained network that is not here and can't be downloaded."""


# Networks.


class PlainNetwork(nn.Module):
    """Convolutions one after the other, average pooling, one linear layer.

    Parameters
    ----------
    num_classes : int

    Attributes
    ----------
    features : torch.nn.Module
        Images of shape (N, 3, H, W) to the last feature map (N, 64, H / 8, W / 8), of any H and W.
    classifier : torch.nn.Linear
        The feature map's mean over all places to logits (N, num_classes).
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 16, 5, 2),
            *_convolution(16, 32, 3, 2),
            *_convolution(32, 48, 3, 1),
            *_convolution(48, 64, 3, 2),
            *_convolution(64, 64, 3, 1),
        )
        self.classifier = nn.Linear(64, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits of shape (N, num_classes) for images of shape (N, 3, H, W)."""
        return self.classifier(self.features(images).mean((2, 3)))


class ResidualNetwork(nn.Module):
    """Residual blocks of two convolutions each [1]_, average pooling, one linear layer.

    Parameters
    ----------
    num_classes : int

    Attributes
    ----------
    features : torch.nn.Module
        Images of shape (N, 3, H, W) to the last feature map (N, 64, H / 8, W / 8), of any H and W.
    classifier : torch.nn.Linear
        The feature map's mean over all places to logits (N, num_classes).

    References
    ----------
    .. [1] K. He et al., "Deep residual learning for image recognition", 2016.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 16, 3, 2), _Residual(16, 32, 2), _Residual(32, 64, 2), _Residual(64, 64, 1)
        )
        self.classifier = nn.Linear(64, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits of shape (N, num_classes) for images of shape (N, 3, H, W)."""
        return self.classifier(self.features(images).mean((2, 3)))


class _Residual(nn.Module):
    """Two convolutions; their input, brought to the shape of the output where it differs, is added."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(in_channels, out_channels, 3, stride),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.skip = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.skip = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return (self.skip(x) + self.body(x)).relu()


def _convolution(in_channels: int, out_channels: int, size: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(in_channels, out_channels, size, stride, size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(out_channels), nn.ReLU()]


_SMALL = {"shapes-plain": PlainNetwork, "shapes-residual": ResidualNetwork}


@functools.cache
def choose() -> tuple[str, str]:
    """Return the names of two pre-trained networks of different architecture that can be had here.

    Returns
    -------
    tuple of str
        "mobilenet_v2" and "squeezenet1_0" if they are in torchvision's cache or can be downloaded (19 MB, once), else
        the two small networks of shapes. Where the environment variable COURSE_OFFLINE is set nothing is downloaded.
    """
    wanted = _IMAGENET_NETWORKS[:2]
    try:
        for name in wanted:
            load(name)
    except NetworkMissing:
        return _SHAPES_NETWORKS
    return wanted


def load(name: str) -> nn.Module:
    """Return a pre-trained network, in evaluation mode and with frozen weights.

    Frozen weights have no gradients: a backward pass goes through them to the image, and is shorter for it.

    Parameters
    ----------
    name : str
        "mobilenet_v2", "squeezenet1_0" or "resnet18", of ImageNet; "shapes-plain" or "shapes-residual", of shapes.

    Returns
    -------
    torch.nn.Module
        Maps images as `preprocess` makes them, float32 of shape (N, 3, H, W), to logits of shape (N, 1000) or (N, 10).

    Raises
    ------
    ValueError
        If there is no such network.
    NetworkMissing
        If it is one of ImageNet, and not here, and can't be downloaded.

    Examples
    --------
    >>> model = load("shapes-plain")
    >>> model(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 10])
    """
    if kind(name) == SHAPES:
        model = _SMALL[name]()
        content = importlib.resources.files("course_utils").joinpath("weights", f"{name}.safetensors").read_bytes()
        # 16 bits on disk, 32 in memory.
        model.load_state_dict(safetensors.torch.load(content))
    else:
        model = _torchvision_network(name)
    return model.eval().requires_grad_(False)


def kind(name: str) -> str:
    """Return which pictures a network knows: `IMAGENET` or `SHAPES`."""
    if name in _IMAGENET_NETWORKS:
        return IMAGENET
    if name in _SHAPES_NETWORKS:
        return SHAPES
    raise ValueError(f"Unknown network {name!r}; choose one of {', '.join(_IMAGENET_NETWORKS + _SHAPES_NETWORKS)}.")


def class_names(name: str) -> tuple[str, ...]:
    """Return the names of a network's classes, in the order of its logits.

    Parameters
    ----------
    name : str
        Of the network, as for `load`.

    Examples
    --------
    >>> class_names("shapes-plain")[:3]
    ('disc', 'ring', 'square')
    """
    if kind(name) == SHAPES:
        return stand_in.SHAPES
    from course_utils.torchvision_ops import models  # a slow import that work with shapes does not need

    return tuple(models.get_model_weights(name)["IMAGENET1K_V1"].meta["categories"])


def split(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
    """Take a network apart into what makes its last feature map, and what turns the map's mean into logits.

    Parameters
    ----------
    model : torch.nn.Module
        As `load` returns it.

    Returns
    -------
    features : torch.nn.Module
        Images (N, 3, H, W) to the last feature map before average pooling, (N, C, h, w).
    head : torch.nn.Linear
        The mean of the feature map over all places, (N, C), to logits. SqueezeNet ends with the pooling: its feature
        map has one channel per class, and its head changes nothing.

    Raises
    ------
    ValueError
        If the network is built in another way.

    Examples
    --------
    >>> model = load("shapes-plain")
    >>> features, head = split(model)
    >>> features(torch.zeros(1, 3, 64, 64)).shape, head
    (torch.Size([1, 64, 8, 8]), Linear(in_features=64, out_features=10, bias=True))
    """
    name = type(model).__name__
    if isinstance(model, (PlainNetwork, ResidualNetwork)):
        return model.features, model.classifier
    if name == "MobileNetV2":
        return model.features, model.classifier[-1]
    if name == "ResNet":
        return nn.Sequential(*list(model.children())[:-2]), model.fc
    if name == "SqueezeNet":
        features = nn.Sequential(model.features, *list(model.classifier.children())[:-1])
        head = nn.Linear(1000, 1000)
        with torch.no_grad():
            head.weight.copy_(torch.eye(1000))
            head.bias.zero_()
        return features.eval(), head.requires_grad_(False)
    raise ValueError(f"Don't know where the last feature map of a {name} is; take a network that `load` returns.")


def _torchvision_network(name: str) -> nn.Module:
    from course_utils.torchvision_ops import models

    address = models.get_model_weights(name)["IMAGENET1K_V1"].url
    cached = Path(torch.hub.get_dir(), "checkpoints", address.rpartition("/")[2])
    missing = f"The weights of {name} are not in {cached.parent}, and could not be downloaded"
    if not cached.is_file() and environment.is_offline():
        raise NetworkMissing(f"{missing}: COURSE_OFFLINE is set.")
    try:
        if not cached.is_file():  # without a network this would take minutes to find out
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=10).close()
        return models.get_model(name, weights="IMAGENET1K_V1")
    except Exception as error:  # of the network, of a damaged file, or of weights for another network
        if cached.is_file():
            raise NetworkMissing(
                f"{cached} can't be read ({error}). Delete it, so that it is downloaded again."
            ) from error
        raise NetworkMissing(f"{missing} ({error}).") from error


# Pictures as networks take them.


def preprocess(picture: Image.Image, name: str, size: int | None = None, crop: bool = True) -> Tensor:
    """Turn a picture into a batch of one, as a network was trained on.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB, as `open_picture` returns it; of any size.
    name : str
        Of the network, as for `load`.
    size : int, pixels
        Of the shorter side of the result. By default what the network was trained with: 224 or 64.
    crop : bool
        Whether to cut out the square in the middle. If not, the picture keeps its form, up to 4 : 1.

    Returns
    -------
    torch.Tensor of shape (1, 3, H, W), float32
        Each channel shifted and scaled to mean 0 and standard deviation 1 of the training set.
    """
    _, _, trained, share = _INPUTS[kind(name)]
    size = trained if size is None else size
    if size < 1:
        raise ValueError(f"`size` must be at least 1 pixel, got {size}.")
    if picture.mode != "RGB":
        picture = as_rgb(picture)
    short = min(picture.size)
    # Cut first, then resize: a strip of one pixel by thousands must not become a huge picture.
    sides = [short * share] * 2 if crop else [min(side, 4 * short) for side in picture.size]
    left, top = ((whole - side) / 2 for whole, side in zip(picture.size, sides, strict=True))
    box = (left, top, left + sides[0], top + sides[1])
    target = tuple(max(size, round(size * side / min(sides))) for side in sides)
    picture = picture.resize(target, Image.Resampling.BILINEAR, box, reducing_gap=3.0)
    return normalise(torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).copy())[None], name)


def normalise(images: Tensor, name: str) -> Tensor:
    """Shift and scale pixels as a network was trained on: what `preprocess` does last.

    Parameters
    ----------
    images : torch.Tensor of shape (N, 3, H, W), uint8
    name : str
        Of the network, as for `load`.

    Returns
    -------
    torch.Tensor of shape (N, 3, H, W), float32
    """
    mean, std, _, _ = _INPUTS[kind(name)]
    return (images.float() / 255 - _channels(mean)) / _channels(std)


def deprocess(images: Tensor, name: str, rounded: bool = True) -> Tensor:
    """Undo the shift and scale of `normalise`: images as pixels again.

    Parameters
    ----------
    images : torch.Tensor of shape (N, 3, H, W), floating point
    name : str
        Of the network, as for `load`.
    rounded : bool
        Whether to round to whole grey levels from 0 to 255, as a file holds them.

    Returns
    -------
    torch.Tensor of shape (N, 3, H, W)
        uint8; or float32 in grey levels, below 0 and above 255 too, if not `rounded`.

    Examples
    --------
    >>> picture = Image.fromarray(np.full((64, 64, 3), 200, np.uint8))
    >>> deprocess(preprocess(picture, "shapes-plain"), "shapes-plain")[0, :, 0, 0]
    tensor([200, 200, 200], dtype=torch.uint8)
    """
    mean, std, _, _ = _INPUTS[kind(name)]
    levels = (images.detach().float() * _channels(std) + _channels(mean)) * 255
    return levels.round().clamp(0, 255).to(torch.uint8) if rounded else levels


def _channels(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).reshape(1, -1, 1, 1)


def as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    elif picture.mode in ("I", "F"):
        values = np.asarray(picture, dtype=np.float64)
        # No scale is agreed on: 8 bits where they suffice, else 16, else the range of the picture.
        low, high = (0, 255) if values.min() >= 0 and values.max() <= 255 else (0, 65535)
        if values.min() < low or values.max() > high:
            low, high = values.min(), values.max()
        picture = Image.fromarray(((values - low) / (high - low) * 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")
