"""Memory of a zygote in huge pages: a fork copies the table of a process's pages, and is faster the fewer they are."""

from __future__ import annotations

import ctypes
from pathlib import Path

__all__ = ["FORKS_THAT_PAY", "join_pages"]

# Joining takes about as long as this many forks save: a class is worth it, a single submission is not.
FORKS_THAT_PAY = 8

_HUGE = 2 << 20  # bytes; what is no multiple of the machine's own size is refused, and stays as it is
_MADV_COLLAPSE = 25  # since Linux 6.1


def join_pages() -> int:
    """Join the pages of this process's own memory into huge ones where Linux can; return how many bytes it joined.

    Nothing else changes: a child that writes copies small pages as before. Where Linux does not know how, or has no
    room, pages stay as they are.
    """
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    joined = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        area, rights, _, _, _, *name = line.split(maxsplit=5)
        if rights != "rw-p" or (name and name[0] != "[heap]"):
            continue
        begin, end = (int(part, 16) for part in area.split("-"))
        begin = -(-begin // _HUGE) * _HUGE
        while begin + _HUGE <= end:
            if libc.madvise(begin, _HUGE, _MADV_COLLAPSE) == 0:
                joined += _HUGE
            begin += _HUGE
    return joined
