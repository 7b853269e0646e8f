"""What any platform's download is read into: hand-ins with their files, times and problems."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from course_utils.classroom.roster import Owner

__all__ = ["Download", "HandIn", "Problem", "RawFile", "Wanted", "newest_of_each"]


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

    @property
    def content(self) -> frozenset[tuple[str, str]]:
        """Paths and hashes of the files; equal for the same hand-in in two downloads."""
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
    """

    assignment: str
    task: str = ""
    student: str = ""
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Download:
    """One file from OpenOlat: the hand-ins in it, what could not be placed, and the fate of every file."""

    path: Path
    hand_ins: list[HandIn] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    fates: list[tuple[str, str]] = field(default_factory=list)
    has_sheet: bool = False
    notes: list[str] = field(default_factory=list)


def newest_of_each(hand_ins: Iterable[HandIn]) -> tuple[list[HandIn], list[tuple[HandIn, HandIn]], list[list[HandIn]]]:
    """Choose one hand-in per owner.

    Parameters
    ----------
    hand_ins : iterable of HandIn
        From any number of downloads.

    Returns
    -------
    chosen : list of HandIn
        One per owner: the one with the latest submission time, else of the latest download.
    older : list of (HandIn, HandIn)
        The others, each with the one that was chosen instead.
    undecided : list of list of HandIn
        Different hand-ins of one owner of which nothing says which is newer.
    """
    by_owner: dict[str, list[HandIn]] = {}
    for hand_in in hand_ins:
        by_owner.setdefault(hand_in.owner.owner_id, []).append(hand_in)
    chosen, older, undecided = [], [], []
    for candidates in by_owner.values():
        best = _newest(candidates)
        if best is None:
            undecided.append(candidates)
            continue
        chosen.append(best)
        older += [(hand_in, best) for hand_in in candidates if hand_in is not best]
    return chosen, older, undecided


def _newest(candidates: list[HandIn]) -> HandIn | None:
    if len({h.content for h in candidates}) == 1:
        # The same files: take the entry that knows most about their time.
        return max(candidates, key=lambda h: (h.submitted is not None, h.revision, h.stamp))
    if all(h.submitted for h in candidates):
        latest = max(h.submitted for h in candidates)
        candidates = [h for h in candidates if h.submitted == latest]
        if len({h.content for h in candidates}) == 1:
            return candidates[-1]
    if all(h.stamp for h in candidates):
        latest_stamp = max(h.stamp for h in candidates)
        candidates = [h for h in candidates if h.stamp == latest_stamp]
        if len({h.content for h in candidates}) == 1:
            return candidates[-1]
    return None


def content_hash(files: Iterable[tuple[str, str]]) -> str:
    """Return one hash of paths and hashes of files, in any order."""
    lines = "\n".join(f"{sha256}  {path}" for path, sha256 in sorted(files))
    return hashlib.sha256(lines.encode(errors="surrogatepass")).hexdigest()
