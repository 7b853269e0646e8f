"""What stands for tqdm where it is not installed: loops run as ever, and no bar is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["tqdm", "trange"]


class tqdm:
    """Goes through something, and has a method for whatever a progress bar is told."""

    def __init__(self, iterable: Iterable[Any] = (), *_: Any, **__: Any) -> None:
        self.iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable)

    def __len__(self) -> int:
        return len(self.iterable)

    def __enter__(self) -> tqdm:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **keywords: None


def trange(*numbers: int, **_: Any) -> tqdm:
    """Go through a range."""
    return tqdm(range(*numbers))
