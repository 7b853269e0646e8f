"""Ends the process of the tests when reading a student's answer is about to do more than to read.

Answers are values; to build them nothing is compiled, imported, opened or started. Should a reader ever be led to do
so, that is the student's code in a process that knows the hidden tests, and the process ends before it begins.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator

__all__ = ["EXIT_STATUS", "install", "reading"]

EXIT_STATUS = 77

# Python's audit events (https://docs.python.org/3/library/audit_events.html) that no value has a need of, by their
# names or the part before the first dot.
_FORBIDDEN = frozenset(
    (
        "code", "compile", "cpython", "ctypes", "exec", "fcntl", "ftplib", "function", "glob", "http", "imaplib",
        "import", "marshal", "mmap", "nntplib", "open", "os", "pathlib", "pdb", "pickle", "poplib", "pty", "resource",
        "shutil", "signal", "smtplib", "socket", "sqlite3", "subprocess", "syslog", "tempfile", "urllib", "webbrowser",
    )
)  # fmt: skip

_depth = 0  # how many readers are at work, one inside another


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Mark that an answer is being read, until the block ends."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


def install(tell: Callable[[str], None]) -> None:
    """Watch from here on, until the process ends: an audit hook cannot be taken away.

    Parameters
    ----------
    tell : callable
        Called with the name of the event before the process ends.
    """
    names, leave = _FORBIDDEN, os._exit
    told = False

    def hook(event: str, arguments: tuple) -> None:
        nonlocal told
        if not _depth or event.partition(".")[0] not in names:
            return
        if not told:
            told = True  # telling is a use of the socket
            try:
                tell(event)
            finally:
                leave(EXIT_STATUS)

    sys.addaudithook(hook)
    show = warnings.showwarning

    def show_outside(*arguments: object, **keywords: object) -> None:
        # A warning is shown with its line of source, for which a file is opened.
        if not _depth:
            show(*arguments, **keywords)

    warnings.showwarning = show_outside
