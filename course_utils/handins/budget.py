"""What is left of the limits of one hand-in while its archives are read, and what came out of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from course_utils.handins.limits import Limits, RefusedError, mib
from course_utils.handins.paths import is_work
from course_utils.notebooks.limits import FileLimits

__all__ = ["Budget", "Refusal", "StagedFile"]

CHUNK = 1 << 20
RATIO_FLOOR = 16 << 20
_TOO_MANY = "more than {} files in one hand-in"
# Seconds for all 7z archives of one hand-in.
MAX_SECONDS = 300.0


@dataclass(frozen=True)
class StagedFile:
    """A file taken from an archive.

    Parameters
    ----------
    parts : tuple of str
        Its harmless path; an archive inside an archive is a folder named after it.
    staged : pathlib.Path
        Where its bytes are.
    original : str
        The path as the archive has it, with ``!`` after the name of an archive.
    size : int
        In bytes.
    sha256 : str
    notes : tuple of str
        What was changed about the name.
    """

    parts: tuple[str, ...]
    staged: Path
    original: str
    size: int
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.parts[-1]


@dataclass(frozen=True)
class Refusal:
    """A file that was not read, with the reason; `kept` is the file itself or the archive it is in."""

    original: str
    reason: str
    kept: Path | None = None


@dataclass
class Budget:
    """What is left of the limits of one hand-in, and the numbers of its staged files.

    `notebooks` counts the bytes of notebooks: as many as one may have are no bomb, however much they shrink.
    """

    limits: Limits
    folder: Path
    files: int = 0
    others: int = 0
    bytes: int = 0
    seconds: float = 0.0
    notebooks: int = 0
    number: int = field(default=0)

    def target(self) -> Path:
        """Return the next free path of the staging folder."""
        self.number += 1
        return self.folder / f"{self.number:06d}"

    def count_file(self, name: str) -> None:
        """Count one file; what is graded and what else lies around, such as a data set, each have their limit.

        Parameters
        ----------
        name : str

        Raises
        ------
        RefusedError
            If there are too many.
        """
        if is_work(name):
            self.files += 1
        else:
            self.others += 1
        if max(self.files, self.others) > self.limits.max_files:
            raise RefusedError(_TOO_MANY.format(self.limits.max_files), limit=True)

    def copy(self, source: IO[bytes], packed: int | None, name: str = "") -> tuple[Path, int, str]:
        """Copy one file to the staging folder.

        Parameters
        ----------
        source : file object
        name : str
            Its path, see `count_file`.
        packed : int or None
            The size it has in its archive, for the ratio.

        Returns
        -------
        tuple of pathlib.Path, int, str
            Where it is, its size and its SHA-256.

        Raises
        ------
        RefusedError
            At the first byte beyond a limit; what had been copied is removed.
        """
        self.count_file(name)
        target, size, digest = self.target(), 0, hashlib.sha256()
        try:
            with target.open("xb") as file:
                while chunk := source.read(CHUNK):
                    size += len(chunk)
                    self._check(size, packed, name)
                    digest.update(chunk)
                    file.write(chunk)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        self.bytes += size
        if self._may_shrink(size, name):
            self.notebooks += size
        return target, size, digest.hexdigest()

    def check_whole(self, size: int, packed: int) -> None:
        """Check the size of a tar that is being unpacked; of its files, some may be refused later.

        Raises
        ------
        RefusedError
            If it is twice as large as a hand-in may be, or a bomb.
        """
        if size > 2 * self.limits.max_bytes:
            raise RefusedError(f"unpacks to more than {mib(2 * self.limits.max_bytes)}")
        if size > RATIO_FLOOR and size > self.limits.max_ratio * max(packed, 1):
            raise RefusedError(f"unpacks to more than {self.limits.max_ratio:g} times its size")

    def _may_shrink(self, size: int, name: str) -> bool:
        """Return whether a file may shrink to nothing: a cell may have printed megabytes of zeros."""
        return ".ipynb" in name.lower() and self.notebooks + size <= FileLimits().size

    def _check(self, size: int, packed: int | None, name: str) -> None:
        limits = self.limits
        if size > limits.max_file_bytes:
            raise RefusedError(f"unpacks to more than {mib(limits.max_file_bytes)}")
        if self.bytes + size > limits.max_bytes:
            raise RefusedError(f"the hand-in unpacks to more than {mib(limits.max_bytes)}", limit=True)
        shrinks = packed is not None and size > RATIO_FLOOR and size > limits.max_ratio * max(packed, 1)
        if shrinks and not self._may_shrink(size, name):
            raise RefusedError(f"unpacks to more than {limits.max_ratio:g} times its size")
