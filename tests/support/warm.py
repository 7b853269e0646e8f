"""Runs of one process of tests share what kernels and graders are forked from: its imports are paid for once.

A command of its own starts them anew, and so do runs whose start, faults or isolation are what a test is about: `cold`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from course_utils.grading import pool
from course_utils.grading.sandbox.host import Zygote, shared_zygote
from course_utils.stages import autograde

__all__ = ["cold", "warm"]


class _Lent:
    """A zygote of this process, which whoever has it can't end."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote

    def __getattr__(self, name: str) -> Any:
        return getattr(self._zygote, name)

    def close(self) -> None:
        """Leave it to others."""


def _lend(**options: Any) -> _Lent:
    return _Lent(shared_zygote(**options))


@contextmanager
def warm() -> Iterator[None]:
    """Lend what this process has to every run in it; whether there is a sandbox is looked up once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "Zygote", _lend)
        patch.setattr(autograde, "probe", functools.cache(autograde.probe))
        yield


@contextmanager
def cold() -> Iterator[None]:
    """Let each run start what it forks from, as it does outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "Zygote", Zygote)
        yield
