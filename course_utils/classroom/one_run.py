"""One run at a time changes a course: two would lay their files over each other and make one gradebook twice."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.notebooks.texts import one_line

__all__ = ["AnotherRun", "only_run"]

LOCK = ".course-run.lock"
# Seconds that a run waits for one that is about to end.
_PATIENCE_S = 10.0
_held = threading.local()


class AnotherRun(CourseError):
    """Another run works on the course; the text says which."""


@contextlib.contextmanager
def only_run(course: Path, what: str, *, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Keep other runs away from a course folder for as long as the block takes.

    The lock is the system's: it ends with its process, however that ends. Within a run it may be taken again.

    Parameters
    ----------
    course : pathlib.Path
    what : str
        The command, for whoever has to wait.
    patience_s : float, seconds
        How long to wait for another run.

    Raises
    ------
    AnotherRun
        If another run goes on for longer.
    """
    path = Path(course).resolve() / LOCK
    mine = _held.__dict__.setdefault("paths", set())
    if path in mine:
        yield
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield  # a folder that can't be written: what the command writes fails by itself, and says so
        return
    try:
        _wait(descriptor, path, time.monotonic() + patience_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"course {what}, process {os.getpid()}, since {datetime.now():%H:%M:%S}".encode(), 0)
        mine.add(path)
        try:
            yield
        finally:
            mine.discard(path)
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, end: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                who = one_line(os.pread(descriptor, 200, 0).decode(errors="replace"), 200) or "another command"
                raise AnotherRun(
                    f"Another run works on {path.parent} ({who}). Wait until it has ended, or end it: what it has "
                    "finished is kept. Then give this command again."
                ) from None
            time.sleep(0.1)
        except OSError:
            return  # a file system without locks
