"""Starting and ending processes is mostly waiting: it is done in a thread while a run goes on with something else."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Aside", "end_aside", "endings_aside"]


class Aside:
    """A function that runs in a thread of its own.

    Parameters
    ----------
    function : callable
        Called at once, without arguments.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="aside")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:  # raised where the result is asked for
            self._error = error

    def result(self) -> Any:
        """Wait for the function's end and return its value; raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value


_endings: contextvars.ContextVar[list[Aside] | None] = contextvars.ContextVar("endings", default=None)


@contextlib.contextmanager
def endings_aside() -> Iterator[None]:
    """Let `end_aside` go on without waiting, until the block ends: then all has ended."""
    endings: list[Aside] = []
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
    earlier = endings[:-1]  # the last two may overlap: a kernel, and the process of its tests
    endings[:-1] = []
    _wait_for(earlier)
    endings.append(Aside(function))


def _wait_for(endings: list[Aside]) -> None:
    for ending in endings:
        ending.result()
