"""Reading values from frames that nobody has to trust."""

from __future__ import annotations

import fractions
import functools
import json
import math
import operator
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_utils.grading.bridge import sympy_values
from course_utils.grading.bridge.tree import EXACT, TORCH_DTYPES, Limits, ValueRefused, is_field

__all__ = ["loads"]

_OBJECTS_PER_ENTRY = 8
# Keys of one dict or set that are neither text nor bytes: their hashes can be chosen, and with them the time it takes.
_ODD_KEYS = 200_000
_SAME_HASH = 8
# Kinds of named tuples, and of objects, in one value: each is a class.
_KINDS = 200
_INTEGER = re.compile(r"-?0x[0-9a-f]{1,3001}", re.ASCII)
_NOT_FINITE = re.compile(r"-?(inf|nan)", re.ASCII)
_HEX_FLOAT = re.compile(r"-?(0x[01]\.[0-9a-f]{1,13}p[+-]?\d{1,4}|inf|nan)", re.ASCII)
_DEVICE = re.compile(r"(cpu|cuda|mps|meta|xpu|hpu)(:\d{1,3})?", re.ASCII)
_NUMPY_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f(2|4|8|12|16)|c(8|16)|[SU]\d{1,8})", re.ASCII)


def loads(
    frames: Sequence[bytes | memoryview],
    handle: Callable[[dict[str, Any]], Any] | None = None,
    limits: Limits | None = None,
) -> Any:
    """Rebuild a value from frames that nobody has to trust.

    Parameters
    ----------
    frames : sequence of bytes-like
        The tree, then its buffers.
    handle : callable, optional
        Called with a tree of tag ``"handle"``; returns the object that stands for it.
    limits : Limits, optional
        What to refuse.

    Returns
    -------
    object
        The value. Arrays are copies and may be written to.

    Raises
    ------
    ValueRefused
        If the frames are malformed, or if a limit is passed.
    """
    limits = limits or Limits()
    if not frames:
        raise ValueRefused("the value is empty")
    sizes = [memoryview(frame).nbytes for frame in frames]
    if sum(sizes) > limits.size:
        raise ValueRefused(f"the value takes {sum(sizes):,} bytes; at most {limits.size:,} are allowed")
    text = bytes(frames[0])
    _refuse_crowds(text, limits)
    try:
        # Of bytes, json would guess the encoding, and import what reads it.
        tree = json.loads(text.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueRefused(f"the value can't be read: {type(error).__name__}") from None
    reader = _Reader(frames[1:], handle, limits)
    try:
        return reader.read(tree, 0)
    except ValueRefused:
        raise
    except Exception as error:
        # Constructors of NumPy and torch raise all kinds of things when the parts make no sense.
        raise ValueRefused(f"the value can't be read: {type(error).__name__}: {str(error)[:200]}") from None


def _refuse_crowds(text: bytes, limits: Limits) -> None:
    # Before it is parsed: "[],[],[]" would take twenty times its size.
    objects = sum(map(text.count, (b",", b"[", b"{")))
    if objects > _OBJECTS_PER_ENTRY * limits.nodes:
        raise ValueRefused(f"the value has more than {limits.nodes:,} entries")


class _Reader:
    def __init__(
        self,
        buffers: Sequence[bytes | memoryview],
        handle: Callable[[dict[str, Any]], Any] | None,
        limits: Limits,
    ) -> None:
        self.buffers, self.handle, self.limits = buffers, handle, limits
        self.nodes = self.size = 0
        self.kinds: set[tuple[Any, ...]] = set()

    def count(self, depth: int) -> None:
        """Count one entry, and refuse one too many or too deep."""
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise ValueRefused(f"the value has more than {self.limits.nodes:,} entries")
        if depth > self.limits.depth:
            raise ValueRefused(f"the value is nested more than {self.limits.depth} levels deep")

    def read(self, tree: Any, depth: int) -> Any:
        self.count(depth)
        kind = type(tree)
        if kind is int:
            if not -EXACT < tree < EXACT:
                raise ValueRefused("an integer is not written as one")
            return tree
        if tree is None or kind in (bool, float, str):
            return tree
        if kind is not dict or type(tree.get("t")) is not str:
            raise ValueRefused("the value has an unknown form")
        method = getattr(self, f"_read_{tree['t']}", None)
        if method is None:
            raise ValueRefused(f"a value of unknown kind {tree['t'][:40]!r}")
        return method(tree, depth)

    def _entries(self, tree: dict[str, Any], depth: int) -> list[Any]:
        return [self.read(entry, depth + 1) for entry in _list(tree["v"])]

    def _new_kind(self, kind: tuple[Any, ...]) -> None:
        self.kinds.add(kind)
        if len(self.kinds) > _KINDS:
            raise ValueRefused(f"the value holds objects of more than {_KINDS} kinds")

    def _read_handle(self, tree: dict[str, Any], depth: int) -> Any:
        if self.handle is None:
            raise ValueRefused("an object was sent where a value is expected")
        bases = _list(tree.get("bases", []))[:30]
        kind = (_short(tree.get("kind", "")), _short(tree.get("type", "")), tuple(map(_short, bases)))
        self._new_kind(kind)
        return self.handle(
            {"t": "handle", "id": _int(tree.get("id")), "kind": kind[0], "type": kind[1], "bases": list(kind[2])}
        )

    def _read_expression(self, tree: dict[str, Any], depth: int) -> Any:
        return sympy_values.read(tree, self)

    def _read_int(self, tree: dict[str, Any], depth: int) -> int:
        return int(_matching(_INTEGER, tree["v"], "an integer is too large, or is not written as one"), 16)

    def _read_float(self, tree: dict[str, Any], depth: int) -> float:
        return float(_matching(_NOT_FINITE, tree["v"], "a number is not written as one"))

    def _read_str(self, tree: dict[str, Any], depth: int) -> str:
        return bytes(self._bytes(tree["b"])).decode("utf-8", "surrogatepass")

    def _read_complex(self, tree: dict[str, Any], depth: int) -> complex:
        parts = [_matching(_HEX_FLOAT, part, "a number is not written as one") for part in _list(tree["v"])]
        real, imag = map(float.fromhex, parts)
        return complex(real, imag)

    def _read_bytes(self, tree: dict[str, Any], depth: int) -> bytes:
        return bytes(self._bytes(tree["b"]))

    def _read_ellipsis(self, tree: dict[str, Any], depth: int) -> Any:
        return ...

    def _read_range(self, tree: dict[str, Any], depth: int) -> range:
        start, stop, step = map(_int, self._entries(tree, depth))
        numbers = range(start, stop, step)
        # Whoever makes a list of it gets all of them.
        if numbers and abs(numbers[-1] - start) // abs(step) >= self.limits.nodes:
            raise ValueRefused(f"a range of more than {self.limits.nodes:,} numbers")
        return numbers

    def _read_slice(self, tree: dict[str, Any], depth: int) -> slice:
        start, stop, step = self._entries(tree, depth)
        return slice(start, stop, step)

    def _read_fraction(self, tree: dict[str, Any], depth: int) -> fractions.Fraction:
        numerator, denominator = map(_int, self._entries(tree, depth))
        if denominator <= 0:
            raise ValueRefused("a fraction needs a positive denominator")
        return fractions.Fraction(numerator, denominator)

    def _read_list(self, tree: dict[str, Any], depth: int) -> list[Any]:
        return self._entries(tree, depth)

    def _read_tuple(self, tree: dict[str, Any], depth: int) -> tuple[Any, ...]:
        return tuple(self._entries(tree, depth))

    def _read_set(self, tree: dict[str, Any], depth: int) -> set[Any]:
        return set(_keys(self._entries(tree, depth)))

    def _read_frozenset(self, tree: dict[str, Any], depth: int) -> frozenset[Any]:
        return frozenset(_keys(self._entries(tree, depth)))

    def _read_dict(self, tree: dict[str, Any], depth: int) -> dict[Any, Any]:
        pairs = [_list(pair) for pair in _list(tree["v"])]
        entries = [(self.read(key, depth + 1), self.read(value, depth + 1)) for key, value in pairs]
        _keys([key for key, _ in entries])
        return dict(entries)

    def _read_namedtuple(self, tree: dict[str, Any], depth: int) -> tuple[Any, ...]:
        names, entries = _list(tree["f"]), self._entries(tree, depth)
        if len(names) != len(entries) or len(names) > 100 or not all(map(is_field, names)):
            raise ValueRefused("a named tuple with impossible names")
        if len(set(names)) < len(names):
            raise ValueRefused("a named tuple with impossible names")
        kind = (tree["n"] if is_field(tree["n"]) else "Row", *names)
        self._new_kind(kind)
        return _row_class(*kind)(entries)

    def _read_size(self, tree: dict[str, Any], depth: int) -> Any:
        import torch

        sizes = list(map(_int, self._entries(tree, depth)))
        if any(abs(size) >= 2**62 for size in sizes):  # torch takes them, but cannot show them
            raise ValueRefused("an impossible size")
        return torch.Size(sizes)

    def _read_dtype(self, tree: dict[str, Any], depth: int) -> Any:
        import torch

        if tree["v"] not in TORCH_DTYPES:
            raise ValueRefused("an unknown dtype")
        return getattr(torch, tree["v"])

    def _read_device(self, tree: dict[str, Any], depth: int) -> Any:
        import torch

        return torch.device(_matching(_DEVICE, tree["v"], "an unknown device"))

    def _read_npdtype(self, tree: dict[str, Any], depth: int) -> np.dtype:
        return _numpy_dtype(tree["v"])

    def _read_array(self, tree: dict[str, Any], depth: int) -> np.ndarray:
        dtype, shape = _numpy_dtype(tree["d"]), _shape(tree["s"])
        data = self._exactly(tree["b"], shape, dtype.itemsize)
        array = np.frombuffer(_truth_values(data) if dtype.kind == "b" else data, dtype=dtype)
        return _sound(array.reshape(shape).copy())

    def _read_scalar(self, tree: dict[str, Any], depth: int) -> np.generic:
        return self._read_array({**tree, "s": []}, depth)[()]

    def _read_tensor(self, tree: dict[str, Any], depth: int) -> Any:
        import torch

        if tree["d"] not in TORCH_DTYPES:
            raise ValueRefused("a tensor of unknown dtype")
        dtype, shape = getattr(torch, tree["d"]), _shape(tree["s"])
        data = self._exactly(tree["b"], shape, dtype.itemsize)
        tensor = _tensor_from(_truth_values(data) if dtype is torch.bool else data, dtype, shape)
        if tree.get("g") and (dtype.is_floating_point or dtype.is_complex):
            tensor.requires_grad_()
        if tree.get("p"):
            tensor = torch.nn.Parameter(tensor.detach(), requires_grad=bool(tensor.requires_grad))
        if "grad" in tree and tensor.requires_grad:
            tensor.grad = _tensor_from(self._exactly(tree["grad"], shape, dtype.itemsize), dtype, shape)
        return tensor

    def _bytes(self, index: Any) -> memoryview:
        number = _int(index)
        if not 0 <= number < len(self.buffers):
            raise ValueRefused("a buffer is missing")
        data = memoryview(self.buffers[number]).cast("B")
        # Counted at each use: a tree may name one buffer again and again.
        self.size += data.nbytes
        if self.size > self.limits.size:
            raise ValueRefused(f"the value takes {self.size:,} bytes; at most {self.limits.size:,} are allowed")
        return data

    def _exactly(self, index: Any, shape: tuple[int, ...], itemsize: int) -> memoryview:
        data = self._bytes(index)
        if data.nbytes != math.prod(shape) * itemsize:
            raise ValueRefused("an array whose bytes do not fit its shape")
        # One without entries may still be long: its sum over the other axis would not be small.
        if math.prod(size or 1 for size in shape) * (itemsize or 1) > self.limits.size:
            raise ValueRefused("an array without entries whose shape is too large")
        return data


def _truth_values(data: memoryview) -> memoryview:
    # A byte of 2 would be true in one operation and count twice in another.
    return memoryview((np.frombuffer(data, np.uint8) != 0).astype(np.uint8)).cast("B")


def _tensor_from(data: memoryview, dtype: Any, shape: tuple[int, ...]) -> Any:
    import torch

    if not data.nbytes:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)


def _sound(array: np.ndarray) -> np.ndarray:
    """Return an array without entries that NumPy itself would never write."""
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        codes = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
        if codes.max() > sys.maxunicode:
            raise ValueRefused("an array of texts with an unknown character")
    elif array.dtype.kind in "fc" and array.dtype.itemsize in (12, 16, 24, 32) and array.dtype != np.complex128:
        # Processors take most bit patterns of an extended number for NaN, but not all libraries that print it do.
        with np.errstate(all="ignore"):
            np.add(array, 0, out=array)
    return array


def _numpy_dtype(text: Any) -> np.dtype:
    return np.dtype(_matching(_NUMPY_DTYPE, text, "an unknown dtype")).newbyteorder("=")


def _keys(keys: list[Any]) -> list[Any]:
    """Return keys that make a dict or a set in good time; Python compares all keys of one hash with each other."""
    odd = sorted(hash(key) for key in keys if type(key) not in (str, bytes))
    if len(odd) > _ODD_KEYS:
        raise ValueRefused(f"a dict or set with more than {_ODD_KEYS:,} keys that are no texts")
    if any(one == other for one, other in zip(odd, odd[_SAME_HASH:], strict=False)):
        raise ValueRefused("a dict or set whose keys can't be told apart")
    return keys


class _Row(tuple):
    """A named tuple. (Those of `collections` are made by running a text with the names in it.)"""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({shown})"


@functools.lru_cache(maxsize=2 * _KINDS)
def _row_class(kind: str, *names: str) -> type[_Row]:
    fields = {name: property(operator.itemgetter(place)) for place, name in enumerate(names)}
    # Last, so that no field takes its place. (No field begins with an underscore.)
    return type(kind, (_Row,), fields | {"__slots__": (), "_fields": names, "__module__": "__main__"})


def _shape(sizes: Any) -> tuple[int, ...]:
    shape = tuple(_int(size) for size in _list(sizes))
    if len(shape) > 32 or any(size < 0 for size in shape):
        raise ValueRefused("an impossible shape")
    return shape


def _int(value: Any) -> int:
    if type(value) is not int:
        raise ValueRefused("a whole number is expected")
    return value


def _matching(pattern: re.Pattern[str], value: Any, refusal: str) -> str:
    if pattern.fullmatch(_str(value)) is None:
        raise ValueRefused(refusal)
    return value


def _short(value: Any) -> str:
    return _str(value)[:200]


def _str(value: Any) -> str:
    if type(value) is not str:
        raise ValueRefused("a text is expected")
    return value


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise ValueRefused("a list is expected")
    return value
