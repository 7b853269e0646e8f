"""Lets code that asks for a graphics card run where there is none, on the CPU; installed in the student's process."""

from __future__ import annotations

import contextlib
import functools
import time
import types
from collections.abc import Callable
from typing import Any

__all__ = ["install"]

_ELSEWHERE = ("cuda", "mps", "xpu")
_FACTORIES = (
    "arange", "as_tensor", "asarray", "empty", "empty_like", "eye", "full", "full_like", "linspace", "logspace", "ones",
    "ones_like", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "tensor",
    "tril_indices", "triu_indices", "zeros", "zeros_like",
)  # fmt: skip
_METHODS = ("new_empty", "new_full", "new_ones", "new_tensor", "new_zeros")
_TENSORS = (
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
    "IntTensor", "LongTensor", "ShortTensor",
)  # fmt: skip


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
    for kind in (Tensor, nn.Module):
        kind.to = _to_cpu(kind.to)
        kind.cuda = _itself(kind.cuda)
    Tensor.pin_memory = _itself(Tensor.pin_memory)
    Tensor.type = _of_cpu(Tensor.type)
    torch.set_default_device = _on_cpu(torch.set_default_device)
    torch.set_default_tensor_type = _of_cpu(torch.set_default_tensor_type)
    torch.load = _loading(torch.load)
    torch.Generator = _generator(torch.Generator)
    _replace_card(torch)
    return True


def _replace_card(torch: Any) -> None:
    """Let what asks a card for its name, its memory or its streams answer as a computer without one."""
    cuda = torch.cuda
    for name in _TENSORS:
        setattr(cuda, name, getattr(torch, name))
    answers = {
        "current_device": 0, "get_device_name": "CPU", "get_device_capability": (0, 0), "mem_get_info": (0, 0),
        "set_device": None, "synchronize": None, "empty_cache": None, "reset_peak_memory_stats": None, "init": None,
        "ipc_collect": None, "set_per_process_memory_fraction": None,
    }  # fmt: skip
    for name, answer in answers.items():
        setattr(cuda, name, lambda *_, answer=answer, **__: answer)
    cuda.get_device_properties = lambda *_: types.SimpleNamespace(
        name="CPU", major=0, minor=0, total_memory=0, multi_processor_count=0
    )
    cuda.device = cuda.stream = lambda *_, **__: contextlib.nullcontext()
    cuda.Stream, cuda.Event = _Stream, _Event
    cuda.current_stream = cuda.default_stream = lambda *_: _Stream()
    for name in ("empty_cache", "synchronize"):
        setattr(torch.mps, name, lambda *_: None)


def _generator(base: type) -> type:
    """Return a class whose generators of random numbers are those of the CPU; others are of it as well."""

    class OfBoth(type(base)):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, base)

    class Generator(base, metaclass=OfBoth):
        def __new__(cls, device: Any = "cpu") -> Any:
            return super().__new__(cls, _of_number(device))

    return Generator


class _Stream(contextlib.nullcontext):
    """What a card does beside other things is done at once here."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def synchronize(self) -> None:
        """Wait for nothing."""

    wait_stream = wait_event = record_event = lambda self, *_: None


class _Event:
    """A point in time, as a card measures it."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.at = time.perf_counter()

    def record(self, *_: Any) -> None:
        """Note the time."""
        self.at = time.perf_counter()

    def elapsed_time(self, other: _Event) -> float:
        """Return the milliseconds up to another one."""
        return (other.at - self.at) * 1000

    def query(self) -> bool:
        """Whether it has happened."""
        return True

    synchronize = wait = lambda self, *_: None


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
            keywords["device"] = _of_number(keywords["device"])
        return function(*map(_here, arguments), **keywords)

    return call


def _of_number(value: Any) -> Any:
    """Return a device as it is here; cards are named by numbers as well."""
    return "cpu" if type(value) is int else _here(value)


def _to_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    on_cpu = _on_cpu(function)

    @functools.wraps(function)
    def to(self: Any, *arguments: Any, **keywords: Any) -> Any:
        return on_cpu(self, *map(_of_number, arguments[:1]), *arguments[1:], **keywords)

    return to


def _of_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let the name of a type of tensors on a card mean the same type here."""

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        plain = (a.replace("torch.cuda.", "torch.") if isinstance(a, str) else a for a in arguments)
        return function(*plain, **keywords)

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
