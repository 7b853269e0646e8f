"""How large a notebook may be, and what all kinds of limits have in common."""

from __future__ import annotations

import dataclasses

__all__ = ["FileLimits", "amount"]

MIB = 1 << 20
GIB = 1 << 30


class LimitsOfOneKind:
    """What all kinds have in common: each limit is a positive integer."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise ValueError(f"Limit `{field.name}` must be a positive integer, got {value!r}.")


@dataclasses.dataclass(frozen=True)
class FileLimits(LimitsOfOneKind):
    """How large a submitted notebook may be.

    Parameters
    ----------
    size : int, bytes
        Of the file.
    cells : int
    cell : int, characters
        Of one cell; a larger one is left empty.
    """

    size: int = 200 * MIB
    cells: int = 2_000
    cell: int = 200_000


def amount(num_bytes: float) -> str:
    """Return bytes as text for people, such as ``"1.5 GiB"``.

    Examples
    --------
    >>> amount(1.5 * 2**30), amount(512)
    ('1.5 GiB', '512 B')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if num_bytes < 1024 or unit == "GiB":
            break
        num_bytes /= 1024
    return f"{num_bytes:.0f} {unit}" if num_bytes >= 100 else f"{num_bytes:.3g} {unit}"
