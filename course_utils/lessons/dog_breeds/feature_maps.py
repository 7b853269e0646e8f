"""Feature maps of a pretrained network, computed once and kept: what the dog-breeds notebooks train on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from PIL import ImageOps
from torch import Tensor, nn

from course_utils import artifacts, photographs, pretrained, training
from course_utils.errors import CheckFailed
from course_utils.lessons.dog_breeds.dataset import DogBreeds

__all__ = [
    "batches",
    "cached",
    "check_split",
    "gradients_of",
    "halves",
    "maps",
    "one_of_each",
    "probabilities",
    "tensors_of",
]


# Pictures and networks.


def batches(dogs: DogBreeds, split: str, view: int = 0, batch_size: int = 32) -> Iterator[Tensor]:
    """Open the pictures of a split one after the other, prepared for the pre-trained network.

    Parameters
    ----------
    dogs : DogBreeds
    split : {"train", "test"}
    view : {0, 1}
        0: the square in the middle, as the network was trained on; 1: the whole picture, squashed into a square and
        mirrored.
    batch_size : int

    Yields
    ------
    torch.Tensor of shape (N, 3, H, W), float32
        In the order of `train_ids` or `test_ids`; N is `batch_size`, in the last one what is left.

    Raises
    ------
    photographs.PictureError
        If a file holds no picture; the text says which.
    """
    ids = {"train": dogs.train_ids, "test": dogs.test_ids}[split]
    for start in range(0, len(ids), batch_size):
        pictures = [photographs.open_picture(dogs.path(split, picture)) for picture in ids[start : start + batch_size]]
        if view:
            pictures = [ImageOps.mirror(picture).resize((min(picture.size),) * 2) for picture in pictures]
        yield torch.cat([pretrained.preprocess(picture, dogs.network, crop=not view) for picture in pictures])


def one_of_each(dogs: DogBreeds, breeds: Sequence[str], count: int = 4) -> dict[str, list[np.ndarray]]:
    """Return some training pictures of each of some breeds.

    Parameters
    ----------
    dogs : DogBreeds
    breeds : sequence of str
    count : int
        Pictures of each breed.

    Returns
    -------
    dict of str to list of numpy.ndarray of shape (H, W, 3), uint8
    """
    found: dict[str, list[np.ndarray]] = {breed: [] for breed in breeds}
    for picture, breed in zip(dogs.train_ids, dogs.train_breeds, strict=True):
        if breed in found and len(found[breed]) < count:
            found[breed].append(np.asarray(photographs.open_picture(dogs.path("train", picture))))
    return found


def halves(model: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Cut the feature part of a pre-trained network in two.

    Parameters
    ----------
    model : torch.nn.Module
        As `pretrained.load` returns it: MobileNetV2 or the plain network of shapes.

    Returns
    -------
    lower : torch.nn.Module
        Pictures (N, 3, H, W) to maps: edges, textures, parts, which serve other pictures as well.
    upper : torch.nn.Module
        Maps to the last feature map (N, C, h, w): what is worth training anew. Its weights can be trained again.

    Raises
    ------
    ValueError
        If it is not known where to cut the network.

    Examples
    --------
    >>> lower, upper = halves(pretrained.load("shapes-plain"))
    >>> lower(torch.zeros(2, 3, 64, 64)).shape, upper(lower(torch.zeros(2, 3, 64, 64))).shape[2:]
    (torch.Size([2, 48, 16, 16]), torch.Size([8, 8]))
    """
    cuts = {"PlainNetwork": 9, "MobileNetV2": 14}
    name = type(model).__name__
    if name not in cuts:
        raise ValueError(f"Don't know where to cut a {name}; take one of {', '.join(cuts)}.")
    features, _ = pretrained.split(model)
    return features[: cuts[name]], features[cuts[name] :].requires_grad_(True)


@torch.no_grad()
def probabilities(model: nn.Module, *views: Tensor, temperature: float = 1.0, batch_size: int = 256) -> Tensor:
    """Return the softmax of a model's logits for any number of inputs, without gradients and in evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        Maps a batch of inputs to logits of shape (N, K).
    *views : torch.Tensor of shape (N, ...), floating point of any precision
        The inputs. If several views of the same pictures are given, the mean over them is returned.
    temperature : float
        What logits are divided by.
    batch_size : int

    Returns
    -------
    torch.Tensor of shape (N, K), float64
        On the CPU.
    """
    model.eval()
    place = next(model.parameters()).device
    logits = [torch.cat([model(part.to(place).float()) for part in view.split(batch_size)]) for view in views]
    return torch.stack([(one.double().cpu() / temperature).softmax(1) for one in logits]).mean(0)


@torch.no_grad()
def maps(lower: nn.Module, batches: Iterable[Tensor]) -> Tensor:
    """Return what the lower part of a network makes of pictures, with 16 bits each to save memory.

    Parameters
    ----------
    lower : torch.nn.Module
        Pictures (N, 3, H, W) to maps (N, D, h, w).
    batches : iterable of torch.Tensor

    Returns
    -------
    torch.Tensor of shape (number of all pictures, D, h, w), float16
    """
    lower.eval()
    return torch.cat([lower(pictures).half() for pictures in batches])


def tensors_of(model: Any) -> dict[str, Tensor]:
    """Return copies of the parameters and statistics of a model by name, also of one that lives in another process."""
    state = model.state_dict()
    return {str(name): state[name].detach().clone() for name in state}


def gradients_of(model: Any, inputs: Tensor) -> dict[str, bool]:
    """Return of each parameter of a model whether the sum of its outputs has a gradient that is not 0 everywhere.

    Parameters
    ----------
    model : torch.nn.Module
        Its mode is left as it is. At grading time it lives in another process, and so does the backward pass.
    inputs : torch.Tensor

    Returns
    -------
    dict of str to bool

    Examples
    --------
    >>> gradients_of(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1).requires_grad_(False)), torch.ones(3, 2))
    {'0.weight': True, '0.bias': True, '1.weight': False, '1.bias': False}
    """
    elsewhere = getattr(type(model), "__course_run__", None)
    return _gradients_of(model, inputs) if elsewhere is None else elsewhere(model, _gradients_of, model, inputs)


def _gradients_of(model: Any, inputs: Tensor) -> dict[str, bool]:
    weights = dict(model.named_parameters())
    with torch.enable_grad():
        output = model(inputs).sum()
        for weight in weights.values():
            weight.grad = None
        if output.requires_grad:
            output.backward()
    return {name: weight.grad is not None and bool(weight.grad.any()) for name, weight in weights.items()}


def cached(name: str, compute: Callable[[], Tensor], about: str) -> Tensor:
    """Return what was computed before, or compute it and keep it for the next time.

    Parameters
    ----------
    name : str
        Of the file ``cache/<name>.safetensors`` beside the notebook; it is not handed in.
    compute : callable
        Returns the tensor. If a function of the notebook that it uses is changed, the values are computed anew.
    about : str
        What else the values depend on; if it is another one than the file was made from, they are computed anew.

    Returns
    -------
    torch.Tensor
    """
    path = artifacts.folder().with_name("cache") / f"{name}.safetensors"
    made_from = {"about": about, **training.code_marks(nn.Module(), compute)}
    try:
        with safetensors.safe_open(path, "pt") as file:
            if file.metadata() == made_from:
                return file.get_tensor("values")
    except (OSError, safetensors.SafetensorError):  # not there, or damaged
        pass
    values = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    safetensors.torch.save_file({"values": values.detach().cpu().contiguous()}, fresh, made_from)
    fresh.replace(path)
    return values


def check_split(train: Any, validation: Any, breeds: Sequence[str], share: float) -> None:
    """Check that pictures were split breed by breed.

    Parameters
    ----------
    train, validation : array_like of int
        Indices into `breeds`, as the student's function returned them.
    breeds : sequence of str
        The breed of each picture.
    share : float
        Of each breed, how much is for validation.

    Raises
    ------
    CheckFailed
        If a picture is in neither part or in both, or a breed's share is neither rounded up nor down, or one part has
        none of a breed that has two pictures.
    """
    parts = []
    for name, part in (("train", train), ("validation", validation)):
        if not isinstance(part, np.ndarray) or part.ndim != 1 or part.dtype.kind not in "iu":
            shown = f"dtype {part.dtype}, shape {part.shape}" if isinstance(part, np.ndarray) else type(part).__name__
            raise CheckFailed(
                f"The indices for {name} must be a NumPy array of whole numbers with one axis, got {shown}."
            )
        if part.size and not 0 <= part.min() <= part.max() < len(breeds):
            raise CheckFailed(f"The indices for {name} must be from 0 to {len(breeds) - 1}; one is not.")
        parts.append(part)
    times = np.bincount(np.concatenate(parts).astype(np.int64), minlength=len(breeds))
    if (times > 1).any():
        raise CheckFailed(
            f"Picture {int((times > 1).argmax())} is there more than once. What is in the validation part must not be "
            "in the training part: the network has seen it."
        )
    if (times < 1).any():
        raise CheckFailed(
            f"Picture {int((times < 1).argmax())} is in neither part. Each picture belongs to one of them."
        )
    names = np.asarray(breeds)
    for breed in dict.fromkeys(breeds):
        total, found = int((names == breed).sum()), int((names[parts[1]] == breed).sum())
        exact = share * total
        # Computed in floating point, as a solution does: 0.07 of 100 may be rounded up to 8.
        allowed = {math.floor(exact), math.ceil(exact)}
        if total > 1:
            allowed = {min(max(count, 1), total - 1) for count in allowed}
        if found not in allowed:
            raise CheckFailed(
                f"Of {total} pictures of {breed} there are {found} in the validation part; {share:.0%} of them is "
                f"{exact:.1f}, rounded up or down. Split the pictures of each breed on their own, so that both parts "
                "have each."
            )
