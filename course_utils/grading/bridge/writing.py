"""Writing values as frames: a tree in JSON and its buffers."""

from __future__ import annotations

import fractions
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.checks import expressions
from course_utils.grading.bridge import sympy_values
from course_utils.grading.bridge.tree import EXACT, TORCH_DTYPES, Limits, ValueRefused, is_field

__all__ = ["dumps"]

# Of the larger ones. Python converts them to decimal digits in an instant, and refuses to above 4300 digits.
_BITS = 12_000
# Longer texts travel as buffers: each comma and bracket of the tree may stand for an object of Python.
_LONG_TEXT = 4096


def dumps(
    value: Any, handle: Callable[[Any], dict[str, Any]] | None = None, limits: Limits | None = None
) -> list[bytes]:
    """Write a value as frames.

    Parameters
    ----------
    value : object
        See the module's text for what is written by value.
    handle : callable, optional
        Called with every other object; returns the tree that stands for it.
    limits : Limits, optional
        What to refuse.

    Returns
    -------
    list of bytes
        The tree, then its buffers.

    Raises
    ------
    ValueRefused
        If a limit is passed, or if an object has no value form and there is no `handle`.
    """
    writer = _Writer(handle, limits or Limits())
    tree = writer.write(value, 0)
    return [json.dumps(tree, ensure_ascii=True, separators=(",", ":")).encode(), *writer.buffers]


class _Writer:
    def __init__(self, handle: Callable[[Any], dict[str, Any]] | None, limits: Limits) -> None:
        self.handle, self.limits = handle, limits
        self.buffers: list[bytes] = []
        self.size = self.nodes = 0
        self.open: set[int] = set()

    def write(self, value: Any, depth: int) -> Any:
        self.count()
        if depth > self.limits.depth:
            raise ValueRefused(f"the value is nested more than {self.limits.depth} levels deep")
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if issubclass(kind, np.generic):
            return self._numpy(np.asarray(value), "scalar") or self._other(value)
        if issubclass(kind, str):
            return self._text(str.__str__(value))
        if issubclass(kind, int):
            return self._integer(int.__int__(value))
        if issubclass(kind, float):
            number = float.__float__(value)
            return number if math.isfinite(number) else {"t": "float", "v": repr(number)}
        if issubclass(kind, complex):
            return {
                "t": "complex",
                "v": [complex.__complex__(value).real.hex(), complex.__complex__(value).imag.hex()],
            }
        if issubclass(kind, (bytes, bytearray)):
            return {"t": "bytes", "b": self._buffer(bytes(value))}
        if value is ...:
            return {"t": "ellipsis"}
        if kind is range:
            return {"t": "range", "v": [self._integer(n) for n in (value.start, value.stop, value.step)]}
        if kind is slice:
            return {
                "t": "slice",
                "v": [self.write(n, depth + 1) for n in (value.start, value.stop, value.step)],
            }
        if kind is fractions.Fraction:
            return {"t": "fraction", "v": [self._integer(value.numerator), self._integer(value.denominator)]}
        if issubclass(kind, (list, tuple, set, frozenset, dict)):
            return self._container(value, kind, depth)
        if issubclass(kind, np.ndarray):
            return self._numpy(np.asarray(value), "array") or self._other(value)
        if isinstance(value, np.dtype) and value.kind in "biufcSU":
            return {"t": "npdtype", "v": value.str}
        # Of all bases: an applied function of SymPy belongs to no module itself.
        families = {str(base.__module__).partition(".")[0] for base in kind.__mro__}
        tree = None
        if "torch" in families:
            tree = self._torch(value, kind)
        elif "sympy" in families:
            tree = self._sympy(value, depth)
        elif kind is expressions.Expression:
            tree = sympy_values.write(value, self)
        return tree if tree is not None else self._other(value)

    def count(self) -> None:
        """Count one entry, and refuse one too many."""
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise ValueRefused(f"the value has more than {self.limits.nodes:,} entries")

    def _sympy(self, value: Any, depth: int) -> Any:
        data = expressions.from_sympy(value)
        if isinstance(data, expressions.Expression):
            return sympy_values.write(data, self)
        return None if data is None else self.write(data, depth)

    def _other(self, value: Any) -> dict[str, Any]:
        if self.handle is None:
            raise ValueRefused(f"an object of type {type(value).__name__} can't be written as a value")
        return self.handle(value)

    def _text(self, text: str) -> Any:
        self.size += len(text)
        self._check_size()
        try:
            text.encode()
        except UnicodeEncodeError:  # lone surrogates: JSON could not carry them
            return {"t": "str", "b": self._append(text.encode("utf-8", "surrogatepass"))}
        return text if len(text) <= _LONG_TEXT else {"t": "str", "b": self._append(text.encode())}

    def _integer(self, number: int) -> Any:
        if -EXACT < number < EXACT:
            return number
        if number.bit_length() > _BITS:
            raise ValueRefused(f"an integer of {number.bit_length():,} bits is too large")
        return {"t": "int", "v": hex(number)}

    def _container(self, value: Any, kind: type, depth: int) -> dict[str, Any]:
        if id(value) in self.open:
            raise ValueRefused("the value contains itself")
        self.open.add(id(value))
        try:
            if issubclass(kind, dict):
                pairs = [[self.write(k, depth + 1), self.write(v, depth + 1)] for k, v in dict.items(value)]
                return {"t": "dict", "v": pairs}
            if issubclass(kind, list):
                return {"t": "list", "v": [self.write(entry, depth + 1) for entry in list.__iter__(value)]}
            if issubclass(kind, tuple):
                entries = [self.write(entry, depth + 1) for entry in tuple.__iter__(value)]
                if kind.__module__ == "torch" and kind.__name__ == "Size":
                    return {"t": "size", "v": entries}
                names = getattr(kind, "_fields", None)
                if isinstance(names, tuple) and len(names) == len(entries) and all(map(is_field, names)):
                    return {"t": "namedtuple", "n": kind.__name__, "f": list(names), "v": entries}
                return {"t": "tuple", "v": entries}
            base = set if issubclass(kind, set) else frozenset
            return {"t": base.__name__, "v": [self.write(entry, depth + 1) for entry in base.__iter__(value)]}
        finally:
            self.open.discard(id(value))

    def _numpy(self, array: np.ndarray, tag: str) -> dict[str, Any] | None:
        if array.dtype.kind not in "biufcSU" or (array.dtype.itemsize > 16 and array.dtype.kind in "fc"):
            return None
        little = array.dtype.newbyteorder("<")
        # The size first: the bytes of a huge broadcast array would take the memory that is refused here.
        self._reserve(array.nbytes)
        return {
            "t": tag,
            "d": little.str,
            "s": list(array.shape),
            "b": self._append(array.astype(little, copy=False).tobytes()),
        }

    def _torch(self, value: Any, kind: type) -> dict[str, Any] | None:
        import torch

        if kind is torch.dtype:
            return {"t": "dtype", "v": str(value).removeprefix("torch.")}
        if kind is torch.device:
            return {"t": "device", "v": str(value)}
        if not isinstance(value, torch.Tensor) or type(value.layout) is not torch.layout:
            return None
        name = str(value.dtype).removeprefix("torch.")
        if value.layout is not torch.strided or name not in TORCH_DTYPES or value.is_meta:
            return None
        tree: dict[str, Any] = {"t": "tensor", "d": name, "s": list(value.shape)}
        self._reserve(value.numel() * value.element_size())
        tree["b"] = self._append(_tensor_bytes(value))
        if isinstance(value, torch.nn.Parameter):
            tree["p"] = 1
        if value.requires_grad:
            tree["g"] = 1
        grad = value.grad if value.is_leaf else None
        if isinstance(grad, torch.Tensor) and grad.shape == value.shape and grad.dtype == value.dtype:
            self._reserve(grad.numel() * grad.element_size())
            tree["grad"] = self._append(_tensor_bytes(grad))
        return tree

    def _buffer(self, data: bytes) -> int:
        self._reserve(len(data))
        return self._append(data)

    def _append(self, data: bytes) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _reserve(self, size: int) -> None:
        self.size += size
        self._check_size()

    def _check_size(self) -> None:
        if self.size > self.limits.size:
            raise ValueRefused(f"the value takes more than {self.limits.size:,} bytes")


def _tensor_bytes(tensor: Any) -> bytes:
    import torch

    dense = tensor.detach().resolve_conj().resolve_neg().cpu()
    # Not `contiguous`: it leaves the strides of one-entry views alone, and those cannot be viewed as bytes.
    flat = dense.clone(memory_format=torch.contiguous_format).reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
