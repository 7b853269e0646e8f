"""How much one hand-in may unpack to, and the refusal of what is more."""

from __future__ import annotations

from dataclasses import dataclass

from course_utils.errors import CourseError

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """How much one hand-in may unpack to; each archive inside counts towards the same sums.

    Parameters
    ----------
    max_files : int
        Files in all archives of a hand-in together.
    max_bytes, max_file_bytes : int
        Unpacked bytes of all files together, and of one.
    max_ratio : float
        Unpacked over packed size, of a file and of a whole archive. Looked at beyond 16 MiB only: small
        arrays of zeros shrink as much as a bomb does. Notebooks may shrink as they like, all together up to the
        size that one may have.
    max_depth : int
        Archives inside archives: 1 is the student's own zip.
    max_folders : int
        Folders inside folders.
    max_name : int
        Characters, and half the bytes, of one part of a path; longer ones are shortened.
    """

    max_files: int = 5_000
    max_bytes: int = 2 << 30
    max_file_bytes: int = 1 << 30
    max_ratio: float = 200.0
    max_depth: int = 4
    max_folders: int = 20
    max_name: int = 100


class RefusedError(CourseError):
    """One file, or one archive, is not read; the text is the reason.

    Parameters
    ----------
    reason : str
    limit : bool
        Whether a limit of the hand-in is reached, so that whatever follows is refused for the same reason.
    """

    def __init__(self, reason: str, *, limit: bool = False) -> None:
        super().__init__(reason)
        self.limit = limit


def mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"
