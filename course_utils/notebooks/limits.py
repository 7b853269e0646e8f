"""How large a notebook may be, and what all kinds of limits have in common."""

from __future__ import annotations

import dataclasses
from typing import Any

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
        Of one cell, without its pictures; a larger one is left empty.
    picture, pictures : int, bytes
        One picture of an answer, and all pictures of the notebook; what is more is named on the page, not shown.
    """

    size: int = 200 * MIB
    cells: int = 2_000
    cell: int = 200_000
    picture: int = 16 * MIB
    pictures: int = 48 * MIB

    @classmethod
    def of_config(cls, config: Any) -> FileLimits:
        """Return the limits of `c.GradeNotebook.limits`, where these begin with ``notebook_``.

        Parameters
        ----------
        config : traitlets.config.Config or None
        """
        given = dict(config.GradeNotebook.get("limits", {})) if config is not None else {}
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: given[f"notebook_{name}"] for name in names if f"notebook_{name}" in given})


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
