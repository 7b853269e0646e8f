"""Values as bytes: the only form in which anything crosses between a student's kernel and the grader.

A value becomes a tree that JSON can hold, and a list of buffers for the bytes of arrays. Reading the bytes
back runs no code of the sender: numbers, texts, containers and arrays are rebuilt one by one, expressions of SymPy
arrive as data, and everything else is refused or stands for an object on the other side (a *handle*). Nothing is
imported, compiled or opened on the way, and time and memory stay in proportion to the bytes.

    tree      None, True, False, str, int, float as JSON has them; anything else {"t": tag, ...}
    frame 0   the tree as JSON, UTF-8
    frame 1…  the buffers, in the order in which the tree names them
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import Any

__all__ = ["Limits", "ValueRefused"]


class ValueRefused(ValueError):
    """The value is too large, too deep, recursive, or not what it says it is."""


@dataclass(frozen=True)
class Limits:
    """How much one value may hold.

    Parameters
    ----------
    size : int, bytes
        All frames of one value together.
    nodes : int
        Entries of all containers together.
    depth : int
        Containers inside containers.
    """

    size: int = 256 * 2**20
    nodes: int = 1_000_000
    depth: int = 60


# A JSON number of at most this size survives every reader; larger integers travel as text.
EXACT = 2**53
TORCH_DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip


def is_field(name: Any) -> bool:
    return (
        type(name) is str
        and len(name) <= 100
        and name.isidentifier()
        and not keyword.iskeyword(name)
        and name[0] != "_"
    )
