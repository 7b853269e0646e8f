"""What readers of archives share: where a file of an archive belongs, and what of it was refused."""

from __future__ import annotations

import bisect
import errno
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import replace

from course_utils.handins.budget import Budget, Refusal, StagedFile
from course_utils.handins.limits import RefusedError
from course_utils.handins.paths import MAX_NAME, is_work, safe_parts

__all__ = ["DISK_FULL", "ENTRIES_PER_FILE", "IS_EMPTY", "READ_ERRORS", "Refusals", "empty_work", "place_inside"]

# What reading a broken or hostile archive raises.
READ_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, NotImplementedError,
    ValueError, struct.error, OverflowError,
)  # fmt: skip
# No fault of an archive.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# Entries of an archive that are looked at, by files that may be read.
ENTRIES_PER_FILE = 20


def place_inside(file: StagedFile, name: str, budget: Budget) -> StagedFile:
    """Return the place in the hand-in of a file called `name` in the archive `file`; its bytes come later."""
    parts, notes = safe_parts(name, budget.limits)
    # The archive itself becomes a folder, but the student's own zip is only a wrapper.
    folder = file.parts[:-1] if len(file.parts) == 1 else (*file.parts[:-1], _stem(file.name))
    if len(file.parts) == 1 and "!" in file.original:
        folder = (_stem(file.name),)
    return StagedFile((*folder, *parts), file.staged, f"{file.original}!{name}", 0, "", notes)


# Why a folder is refused that is called like a file: half a copy, or one that a cloud has not sent yet.
IS_EMPTY = "is a folder with nothing in it, in spite of its name"


def empty_work(folders: Iterable[str], files: Iterable[str]) -> list[str]:
    """Return the folders of an archive that are called like work and hold no file.

    Parameters
    ----------
    folders, files : iterable of str
        Their names, with ``/`` or ``\\``.

    Examples
    --------
    >>> empty_work(["a/", "a/by-hand.ipynb/", "b.ipynb/", "artifacts/"], ["b.ipynb/notes.txt"])
    ['a/by-hand.ipynb']
    """
    plain = {name.replace("\\", "/").strip("/") for name in folders}
    called = {name for name in plain if is_work(name.rpartition("/")[2])}
    inside = sorted(name.replace("\\", "/") for name in files) if called else []

    def is_full(folder: str) -> bool:
        at = bisect.bisect_left(inside, f"{folder}/")
        return at < len(inside) and inside[at].startswith(f"{folder}/")

    return sorted(name for name in called if not is_full(name))


def _stem(name: str) -> str:
    return re.sub(r"(\.tar)?\.[A-Za-z0-9]+$", "", name) or name


class Refusals:
    """The refusals of one archive; those by the thousand, for a limit, are told once."""

    def __init__(self, file: StagedFile) -> None:
        self.file, self.all, self._limits = file, [], {}

    def add(self, name: str, error: RefusedError) -> None:
        """Keep a refusal with its reason, or count it, if it is the same limit again."""
        reason, original = str(error), f"{self.file.original}!{name[:MAX_NAME]}"
        if error.limit:
            count, place = self._limits.get(reason, (0, len(self.all)))
            self._limits[reason] = count + 1, place
            if count:
                told = f"{reason}: {count + 1} files of this archive were not read, this is the first"
                self.all[place] = replace(self.all[place], reason=told)
                return
        self.all.append(Refusal(original, reason, self.file.staged))
