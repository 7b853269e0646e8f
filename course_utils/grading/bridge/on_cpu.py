"""Lets code that asks for a graphics card run where there is none, on the CPU; installed in the student's process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

__all__ = ["install"]

_ELSEWHERE = ("cuda", "mps", "xpu")
_FACTORIES = (
    "arange", "as_tensor", "asarray", "empty", "empty_like", "eye", "full", "full_like", "linspace", "logspace", "ones",
    "ones_like", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "tensor",
    "tril_indices", "triu_indices", "zeros", "zeros_like",
)  # fmt: skip
_METHODS = ("new_empty", "new_full", "new_ones", "new_tensor", "new_zeros", "to")


def install() -> bool:
    """Let graphics cards mean the CPU from now on; return whether that was needed: there is none, and torch is here."""
    try:
        import torch
        from torch import Tensor, nn
    except ImportError:
        return False
    if torch.cuda.is_available() or getattr(torch, "_course_on_cpu", False):
        return False
    torch._course_on_cpu = True
    for name in _FACTORIES:
        setattr(torch, name, _on_cpu(getattr(torch, name)))
    for name in _METHODS:
        setattr(Tensor, name, _on_cpu(getattr(Tensor, name)))
    nn.Module.to = _on_cpu(nn.Module.to)
    for kind in (Tensor, nn.Module):
        kind.cuda = _itself(kind.cuda)
    torch.set_default_device = _on_cpu(torch.set_default_device)
    torch.load = _loading(torch.load)
    torch.cuda.device = lambda *_, **__: contextlib.nullcontext()
    for name in ("set_device", "synchronize", "empty_cache", "reset_peak_memory_stats"):
        setattr(torch.cuda, name, lambda *_, **__: None)
    return True


def _is_elsewhere(value: Any) -> bool:
    if isinstance(value, str):
        return value.partition(":")[0] in _ELSEWHERE
    return getattr(value, "type", None) in _ELSEWHERE and hasattr(value, "index")


def _here(value: Any) -> Any:
    return "cpu" if _is_elsewhere(value) else value


def _on_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        if "device" in keywords:
            keywords["device"] = _here(keywords["device"])
        return function(*map(_here, arguments), **keywords)

    return call


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def cuda(self: Any, *_: Any, **__: Any) -> Any:
        return self

    return cuda


def _loading(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def load(*arguments: Any, **keywords: Any) -> Any:
        return function(*arguments, **{**keywords, "map_location": "cpu"})

    return load
