"""The weights of a network as a file keeps them, and as another instance of its class takes them.

Wrappers (`torch.compile`, `nn.DataParallel`) put words of their own into the names of weights; shared blocks have one
weight under several names; lazy layers have none before the first batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim.swa_utils import AveragedModel

__all__ = ["count", "kept", "put", "unkept"]

# What torch.compile and nn.DataParallel put before the names of what they wrap.
_WRAPPERS = re.compile(r"(?:(?<=\.)|^)(?:_orig_mod|module)\.")


def unkept(model: nn.Module) -> str:
    """Return in a sentence what of a network a file can't keep; empty if it can keep all.

    Parameters
    ----------
    model : torch.nn.Module

    Examples
    --------
    >>> unkept(nn.Linear(2, 1))
    ''
    """
    for key, value in _inside(model).state_dict().items():
        if not isinstance(value, Tensor):
            return f"{key!r} is no tensor but of type {type(value).__name__}: make it a buffer, or set it in __init__."
        if is_lazy(value):
            continue
        if value.is_meta:
            return f"{key!r} has no values: it lies on the device 'meta'."
        if value.layout is not torch.strided or value.is_quantized or value.is_nested:
            return f"{key!r} is no plain tensor but sparse, quantized or nested: keep it as one with `.to_dense()`."
        if value.dtype is torch.complex128:
            return f"{key!r} holds complex numbers of 128 bits: use torch.complex64, or two real tensors."
    return ""


def kept(model: nn.Module, *, half: bool = False) -> dict[str, Tensor]:
    """Return the weights and buffers of a network on the CPU, each with memory of its own.

    Parameters
    ----------
    model : torch.nn.Module
        What wraps the whole of it is left out.
    half : bool
        Numbers with 32 or 64 bits take 16, unless they are too large for that.
    """
    state = {key: value for key, value in _inside(model).state_dict().items() if not is_lazy(value)}
    # Of a block that is used several times there are several names; a file has each on its own.
    state = {key: value.detach().cpu().contiguous().clone() for key, value in state.items()}
    return {key: _halved(value) for key, value in state.items()} if half else state


def put(model: Any, weights: Mapping[str, Tensor]) -> tuple[str, Any, Any] | None:
    """Load weights into a network, whatever wraps its parts here or wrapped them where they were trained.

    Parameters
    ----------
    model : torch.nn.Module
        Or what stands for a student's one.
    weights : mapping of str to torch.Tensor

    Returns
    -------
    tuple of (str, tuple or str, tuple or str) or None
        A name that does not fit with its shapes, of the weights and of the network; None if all were loaded.
    """
    try:
        model.load_state_dict(weights)
    except (RuntimeError, KeyError):  # lazy layers look for their weights by name
        pass
    else:
        return None
    state = model.state_dict()
    # Weights of lazy layers have no shape yet; they are left to the network itself.
    own = {key: tuple(value.shape) for key, value in state.items() if not is_lazy(value)}
    names = {_WRAPPERS.sub("", key): key for key in state}
    renamed = {names.get(_WRAPPERS.sub("", key), key): value for key, value in weights.items()}
    is_each_one = len(renamed) == len(weights)
    # What counts how often an average was taken is no weight.
    renamed |= {key: value for key, value in state.items() if key == "n_averaged" and key not in renamed}
    shapes = {key: tuple(value.shape) for key, value in renamed.items()}
    if is_each_one and set(shapes) == set(state) and all(shapes[key] == own[key] for key in own):
        model.load_state_dict(renamed)
        return None
    key = min((key for key, _ in set(own.items()) ^ set(shapes.items())), default="")
    return key, shapes.get(key, "none"), own.get(key, "none")


def count(model: nn.Module) -> int:
    """Return how many numbers a network learns; lazy layers have none before the first batch."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad and not is_lazy(p))


def _inside(model: nn.Module) -> nn.Module:
    """Return a network without what wraps the whole of it."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def _halved(value: Tensor) -> Tensor:
    if not value.is_floating_point() or value.element_size() <= 2:
        return value
    small = value.half()
    return small if torch.equal(small.isfinite(), value.isfinite()) else value
