"""The net below one student's work: what goes wrong there becomes that student's row, never the end of the run.

Every stage hands what it does for one student to `attempt`. An exception that nobody foresaw is told in a sentence,
and noted with all details in ``reports/faults.log`` for whoever looks after the course. Such work waits for a person;
it is never counted as zero.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from course_utils.notebooks.texts import one_line, printable

__all__ = ["FAULTS", "Waiting", "attempt", "note_fault"]

T = TypeVar("T")
log = logging.getLogger("course")
FAULTS = Path("reports") / "faults.log"
_LARGEST_LOG = 8 << 20  # bytes
_LONGEST_ENTRY = 20_000  # characters
# These are the machine's: they meet whoever is next as well, and whoever runs the course must act.
_MACHINE = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ENOTCONN,
}  # fmt: skip


def attempt(
    course: Path, student: str, done: str, work: Callable[[], T], passing: tuple[type[Exception], ...] = ()
) -> tuple[T | None, str]:
    """Do something for one student.

    Parameters
    ----------
    course : pathlib.Path
    student : str
        Whose work it is.
    done : str
        What is attempted, as it follows "could not be": ``"read"``.
    work : callable
        Called without arguments.
    passing : tuple of exception classes
        What concerns everybody, and is raised.

    Returns
    -------
    result : object
        What `work` returns; None if it failed.
    fault : str
        Empty, or a sentence that says what could not be done and that it waits for a person.

    Raises
    ------
    OSError
        If the machine is at fault: a full or read-only disk, no more file descriptors.
    """
    try:
        return work(), ""
    except Exception as error:
        if isinstance(error, passing) or is_the_machines(error):
            raise
        return None, note_fault(course, student, done, error)


def is_the_machines(error: Exception) -> bool:
    """Return whether an exception is about the disk or the machine, not about what is worked on.

    Parameters
    ----------
    error : Exception
    """
    return isinstance(error, OSError) and error.errno in _MACHINE


def note_fault(course: Path, student: str, done: str, error: BaseException) -> str:
    """Note an exception in the log of faults; return the sentence for the student's row.

    Parameters
    ----------
    course : pathlib.Path
    student, done : str
        See `attempt`.
    error : Exception
    """
    head = f"{datetime.now():%Y-%m-%d %H:%M:%S} {one_line(student, 120)} could not be {done}"
    trace = "".join(traceback.format_exception(error, limit=-20))
    if len(trace) > _LONGEST_ENTRY:
        trace = trace[: _LONGEST_ENTRY // 2] + "\n[...]\n" + trace[-_LONGEST_ENTRY // 2 :]
    try:
        path = Path(course) / FAULTS
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.stat().st_size > _LARGEST_LOG:
            path.replace(path.with_suffix(".old.log"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{head}\n{printable(trace, _LONGEST_ENTRY + 100)}\n")
    except OSError:
        log.error("%s\n%s", head, printable(trace, _LONGEST_ENTRY))
    what = one_line(error, 120)
    what = f"{type(error).__name__}: {what}" if what else type(error).__name__
    return f"could not be {done} ({what}). It waits for a person; {FAULTS} says where it happened"


class Waiting:
    """Whose work of an assignment waits for a person because something went wrong with it, kept between commands.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    """

    def __init__(self, course: Path, assignment: str) -> None:
        self._path = Path(course) / "reports" / assignment / "waiting.json"
        try:
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            content = {}
        content = content if isinstance(content, dict) else {}
        self.reasons: dict[str, str] = {str(who): str(why) for who, why in content.items()}

    def note(self, student: str, reason: str) -> None:
        """Note why somebody's work waits; an empty reason: it does no more.

        Parameters
        ----------
        student, reason : str
        """
        if self.reasons.get(student, "") == reason:
            return
        if reason:
            self.reasons[student] = reason
        else:
            del self.reasons[student]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        fresh.write_text(json.dumps(self.reasons, indent=1, sort_keys=True), encoding="utf-8")
        fresh.replace(self._path)
