"""Temporary folders for students' files, none of which outlives its run.

All folders of a process lie in one, its *run folder*, which only its owner may enter. The process holds a lock on a
file in it. However a process ends, its lock goes with it; whoever makes a run folder next removes those without one.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["folder", "new_folder", "remove", "sweep"]

_LOCK = ".lock"
# Seconds. A folder without a lock file is being made just now, or its maker was killed at that.
_BEING_MADE_S = 600
# Bytes. Unix sockets, whose paths end at 108, lie in these folders.
_LONGEST_PLACE = 40


@contextlib.contextmanager
def folder(name: str) -> Iterator[Path]:
    """Give a new empty folder, which is removed afterwards with all that is in it.

    Parameters
    ----------
    name : str
        What it is for; its name begins so.
    """
    made = new_folder(name)
    try:
        yield made
    finally:
        remove(made)


def new_folder(name: str) -> Path:
    """Return a new empty folder, to be removed with `remove`.

    Parameters
    ----------
    name : str
    """
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_run_folder(os.getpid())))


def remove(path: Path) -> None:
    """Remove a folder; what a student made unreadable or deep goes as well.

    Parameters
    ----------
    path : pathlib.Path
    """

    def open_up(function: object, place: str, _: object) -> None:
        # Only folders of our own are entered here, and links are not followed.
        parent = os.path.dirname(place)  # noqa: PTH120
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(os.lstat(place).st_mode):
                os.chmod(place, 0o700)  # noqa: PTH101
            os.chmod(parent, 0o700)  # noqa: PTH101
            shutil.rmtree(place, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.unlink(place)  # noqa: PTH108

    if not Path(path).is_symlink():
        shutil.rmtree(path, onerror=open_up)


def sweep(place: Path | None = None) -> int:
    """Remove the run folders of this user whose process is gone; return how many there were.

    Parameters
    ----------
    place : pathlib.Path, optional
        Where they lie; by default where this process makes its own.
    """
    gone = 0
    for path in (place or _place()).glob(f"{_prefix()}*"):
        with contextlib.suppress(OSError):
            about = path.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
                continue
            if not (path / _LOCK).exists():
                if time.time() - about.st_mtime < _BEING_MADE_S:
                    continue
            elif (lock := _locked(path / _LOCK)) is None:
                continue
            else:
                os.close(lock)
            remove(path)
            gone += 1
    return gone


def _prefix() -> str:
    return f"course-run-{os.getuid()}-"


def _place() -> Path:
    place = Path(tempfile.gettempdir())
    return place if len(os.fsencode(place)) <= _LONGEST_PLACE else Path("/tmp")


@functools.cache
def _run_folder(process: int) -> Path:
    """Return the folder of this process, made at the first call; a forked child makes one of its own."""
    sweep()
    made = Path(tempfile.mkdtemp(prefix=_prefix(), dir=_place()))
    # The lock is there before its file has the name by which others look for it.
    waiting = made / f"{_LOCK}.new"
    waiting.touch(0o600)
    lock = _locked(waiting)
    waiting.rename(made / _LOCK)

    def clean() -> None:
        if os.getpid() == process:
            remove(made)
            if lock is not None:
                os.close(lock)

    atexit.register(clean)
    return made


def _locked(path: Path) -> int | None:
    """Return a descriptor that holds the lock of a file, None if another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
