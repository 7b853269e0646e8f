"""The variables of the environment by which the course is set: their names, what they mean, who sets them.

========================  ====================================================================  ==================
variable                  meaning                                                               set by
========================  ====================================================================  ==================
``COURSE_DATA``           the folder with real data; by default ``~/.cache/course-data``        anybody
``COURSE_OFFLINE``        nothing is downloaded                                                 anybody, the grader
``COURSE_GRADING``        trained networks are loaded, never trained                            the grader
``COURSE_FILES``          the folder of the submission, which holds ``artifacts``               the grader
``COURSE_COUNTS``         the data that a network must have been trained on to earn points      the grader
``COURSE_SECRET``         what seeds of hidden tests follow from                                the grader
========================  ====================================================================  ==================

The secret is for the process of the tests alone: no student's kernel ever has it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "ANY_DATA",
    "counted_data",
    "data_folder",
    "for_kernels",
    "for_tests",
    "is_grading",
    "is_offline",
    "reading_submission",
    "secret",
    "submission_folder",
    "without_secret",
]

ANY_DATA = "any"
_DATA, _OFFLINE, _GRADING = "COURSE_DATA", "COURSE_OFFLINE", "COURSE_GRADING"
_FILES, _COUNTS, _SECRET = "COURSE_FILES", "COURSE_COUNTS", "COURSE_SECRET"


def is_grading() -> bool:
    """Return whether this is a process of the grader: then nothing is trained."""
    return bool(os.environ.get(_GRADING))


def is_offline() -> bool:
    """Return whether nothing may be downloaded."""
    return bool(os.environ.get(_OFFLINE))


def data_folder() -> Path:
    """Return the folder in which real data are looked for, and to which they are downloaded."""
    named = os.environ.get(_DATA)
    return Path(named) if named else Path.home() / ".cache" / "course-data"  # there may be no home


def submission_folder() -> Path | None:
    """Return the folder of the submission that is read; None in a notebook, which has its files beside it."""
    files = os.environ.get(_FILES)
    return Path(files) if files else None


def counted_data() -> str:
    """Return what a trained network must have been trained on to earn points; `ANY_DATA` for whatever it was."""
    return os.environ.get(_COUNTS, ANY_DATA)


def secret() -> str | None:
    """Return the secret of the course; None wherever nothing is graded."""
    return os.environ.get(_SECRET) or None


def for_kernels() -> dict[str, str]:
    """Return the variables of a student's kernel."""
    return {_GRADING: "1", _OFFLINE: "1"}


def for_tests(*, files: str, counts: str, data: str, secret: str) -> dict[str, str]:
    """Return the variables of the process in which a notebook's tests run.

    Parameters
    ----------
    files : str
        The folder of the submission.
    counts : str
        As `counted_data` returns it.
    data : str
        The folder with real data; empty where there is none.
    secret : str
    """
    return {**for_kernels(), _FILES: files, _COUNTS: counts, _DATA: data, _SECRET: secret}


def without_secret() -> dict[str, str]:
    """Return the environment of this process as a student's kernel may inherit it."""
    return {name: value for name, value in os.environ.items() if name != _SECRET}


@contextlib.contextmanager
def reading_submission(folder: Path) -> Iterator[None]:
    """Let what reads artifacts read those of a submission, for as long as this lasts.

    Parameters
    ----------
    folder : pathlib.Path
        Of the submission.
    """
    before = os.environ.get(_FILES)
    os.environ[_FILES] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FILES]
        else:
            os.environ[_FILES] = before
