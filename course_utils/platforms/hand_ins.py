"""What any platform's download is read into: hand-ins with their files, times and problems."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from course_utils.classroom.roster import Owner

__all__ = ["NEVER", "Download", "HandIn", "Problem", "RawFile", "Wanted", "content_hash", "ranked"]

# Stands for a time that is unknown, where times are compared.
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class RawFile:
    """A file as OpenOlat stored it: its path below the step folder, and where its bytes are now."""

    path: str
    staged: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class Problem:
    """Something that could not be placed: where it was, why, and what is kept of it."""

    download: str
    folder: str
    file: str
    reason: str
    kept: Path | None = None
    owner: Owner | None = None
    submitted: datetime | None = None


@dataclass(frozen=True)
class HandIn:
    """What one student or group handed in last, according to one download.

    Parameters
    ----------
    owner : Owner
    sender : str
        The student who handed in, where that is known; for a group handed in as an individual task.
    folder, download, stamp : str
        Owner folder, file name, and the time of the download as text that sorts.
    revision : int
        0 for the first hand-in.
    files : tuple of RawFile
    mark : str
        "late" or "extended" where OpenOlat says so, else empty.
    submitted : datetime or None
        In UTC.
    draft : bool
        Whether the table of the download says that it was never handed in.
    remarks : str
        Of the table.
    notes : tuple of str
    copies : tuple of str
        Beginnings of hashes of files: of several copies of a notebook, the ones that a person chose, the last of
        them last.
    """

    owner: Owner
    folder: str
    download: str
    stamp: str = ""
    revision: int = 0
    files: tuple[RawFile, ...] = ()
    mark: str = ""
    submitted: datetime | None = None
    draft: bool = False
    remarks: str = ""
    sender: str = ""
    notes: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()

    @functools.cached_property
    def hand_in_id(self) -> str:
        """A short name of its content."""
        return content_hash(self.content)[:10]

    @property
    def content(self) -> frozenset[tuple[str, str]]:
        """Paths and hashes of the files; equal for the same hand-in in two downloads."""
        if not self.folder and len(self.files) == 1:
            # A file that stands alone is called as the browser liked: "page (1).zip" the second time.
            return frozenset({("", self.files[0].sha256)})
        return frozenset((f.path, f.sha256) for f in self.files)

    @property
    def where(self) -> str:
        """Where it came from, as a note may say it."""
        return f"in {self.folder or self.download} ({self.download})"


@dataclass(frozen=True)
class Wanted:
    """What is looked for in a download.

    Parameters
    ----------
    assignment : str
    task : str
        Title of the task on the platform, if the download holds several.
    student : str
        Id of the student or group that a download without names belongs to.
    owners : mapping of str to str
        Owner folders that are placed by hand: folder name to student id or group.
    choose : str
        Of all hand-ins of `student`, the one to lay out: the beginning of its hash or its time; or of the hash of a
        file in quarantine; or ``newest``.
    """

    assignment: str
    task: str = ""
    student: str = ""
    owners: Mapping[str, str] = field(default_factory=dict)
    choose: str = ""


@dataclass
class Download:
    """One file from OpenOlat: the hand-ins in it, what could not be placed, and the fate of every file."""

    path: Path
    hand_ins: list[HandIn] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    fates: list[tuple[str, str]] = field(default_factory=list)
    has_sheet: bool = False
    notes: list[str] = field(default_factory=list)


def ranked(candidates: Iterable[HandIn]) -> list[list[HandIn]]:
    """Order the hand-ins of one owner, newest first.

    Their times decide; between one with a time and one without, the times of the downloads do, where both have one and
    they differ. If nothing tells, the one with a time comes first. The order depends on the hand-ins alone, not on the
    order in which they were read.

    Parameters
    ----------
    candidates : iterable of HandIn

    Returns
    -------
    list of list of HandIn
        Each content once, as the hand-in that knows most about its time. Where a list has several entries, nothing
        says which of them is newer.
    """
    of_content: dict[frozenset[tuple[str, str]], HandIn] = {}
    for hand_in in candidates:
        known = of_content.get(hand_in.content)
        of_content[hand_in.content] = max(hand_in, known, key=_knows) if known else hand_in
    left, groups = list(of_content.values()), []
    while left:
        timed, untimed = _latest([h for h in left if h.submitted]), _latest([h for h in left if not h.submitted])
        stamped = _latest([h for h in left if h.stamp and not h.submitted])
        is_later = timed and stamped and all(h.stamp and stamped[0].stamp > h.stamp for h in timed)
        group = stamped if is_later else timed or untimed
        groups.append(group)
        left = [hand_in for hand_in in left if hand_in not in group]
    return groups


def _knows(hand_in: HandIn) -> tuple:
    """Return a key by which, of several entries of the same files, the one that says most comes last."""
    return hand_in.submitted is not None, hand_in.submitted or NEVER, hand_in.revision, hand_in.stamp


def _latest(hand_ins: list[HandIn]) -> list[HandIn]:
    """Return the latest of hand-ins that all have a time, or all have none; several where nothing tells."""
    latest = max((h.submitted or NEVER for h in hand_ins), default=None)
    found = [h for h in hand_ins if (h.submitted or NEVER) == latest]
    if all(h.stamp for h in found):
        stamp = max((h.stamp for h in found), default="")
        found = [h for h in found if h.stamp == stamp]
    return found


def content_hash(files: Iterable[tuple[str, str]]) -> str:
    """Return one hash of paths and hashes of files, in any order."""
    lines = "\n".join(f"{sha256}  {path}" for path, sha256 in sorted(files))
    return hashlib.sha256(lines.encode(errors="surrogatepass")).hexdigest()
