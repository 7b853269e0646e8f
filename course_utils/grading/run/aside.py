"""Starting and ending processes is mostly waiting: it is done in a thread while a run goes on with something else."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

__all__ = ["aside", "end_aside", "endings_aside"]

# Threads that stay: each has an event loop of its own, which jupyter_client makes for it. One start and two endings are
# under way at a time, a kernel's and that of the process of its tests.
_THREADS = 4
_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="aside")


def _begin_anew() -> None:
    global _threads
    _threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="aside")


os.register_at_fork(after_in_child=_begin_anew)


def aside(function: Callable[[], Any]) -> Future[Any]:
    """Call a function in another thread; the future has what it returned or raised."""
    return _threads.submit(function)


_endings: contextvars.ContextVar[list[Future[Any]] | None] = contextvars.ContextVar("endings", default=None)


@contextlib.contextmanager
def endings_aside() -> Iterator[None]:
    """Let `end_aside` go on without waiting, until the block ends: then all has ended."""
    endings: list[Future[Any]] = []
    token = _endings.set(endings)
    try:
        yield
    finally:
        _endings.reset(token)
        _wait_for(endings)


def end_aside(function: Callable[[], Any]) -> None:
    """Call a function that ends something: beside what comes next in `endings_aside`, after those before; else here."""
    endings = _endings.get()
    if endings is None:
        function()
        return
    earlier = endings[:-1]
    endings[:-1] = []
    _wait_for(earlier)
    endings.append(aside(function))


def _wait_for(endings: list[Future[Any]]) -> None:
    for ending in endings:
        ending.result()
