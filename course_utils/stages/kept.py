"""Every hand-in that was ever collected: its files by their hash, its time and where it came from.

``collected/<assignment>/hand-ins.json`` lists them, ``collected/<assignment>/files/`` holds each file once. So what is
laid out can be told from what is newer or older, in whatever order downloads are read, and another one can be chosen.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from course_utils.classroom.roster import Owner
from course_utils.classroom.tables import write_csv
from course_utils.errors import CourseError
from course_utils.platforms.hand_ins import NEVER, HandIn, RawFile

__all__ = ["Choice", "Entry", "KeptHandIns"]


@dataclass
class Entry:
    """One hand-in, as the index has it; times are UTC.

    `state` says what became of it at the last collection in which its owner was. `moved_to` is whose it turned out to
    be: it does not count here then.
    """

    owner_id: str
    hand_in_id: str
    submitted: str = ""
    folder: str = ""
    download: str = ""
    stamp: str = ""
    revision: int = 0
    mark: str = ""
    draft: bool = False
    sender: str = ""
    collected: str = ""
    state: str = ""
    files: list[tuple[str, str, int]] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    moved_to: str = ""

    @property
    def origin(self) -> tuple:
        """Where it came from; the same files from the same place are the same hand-in."""
        return self.owner_id, self.hand_in_id, self.download, self.stamp, self.folder, self.revision

    @property
    def time(self) -> datetime | None:
        """When it was handed in."""
        return datetime.fromisoformat(self.submitted) if self.submitted else None


@dataclass(frozen=True)
class Choice:
    """What a person chose: it counts until a hand-in comes that is newer than all that were known then.

    `beyond` is the latest time of those, and of their downloads; `timeless` are the ids of those without a time. What
    was known then is not news because it is exported again, or because its time becomes known.
    """

    hand_in: HandIn
    beyond: tuple[datetime, str]
    timeless: frozenset[str] = frozenset()

    def is_beyond(self, hand_in: HandIn) -> bool:
        """Return whether a hand-in came after the choice."""
        if hand_in.hand_in_id in self.timeless:
            return False
        time, stamp = self.beyond
        if hand_in.submitted:
            return hand_in.submitted > time
        return time == NEVER and hand_in.stamp > stamp


class KeptHandIns:
    """The hand-ins of one assignment that were ever collected; nothing is written before `write`.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    zone : str
        Of the server's times. If the index was written with another one, its times are read anew in this one.

    Raises
    ------
    CourseError
        If the index can't be read.
    """

    def __init__(self, course: Path, assignment: str, zone: str = "UTC") -> None:
        self.zone = self.zone_before = zone
        self.folder = Path(course) / "collected" / assignment
        self._index = self.folder / "hand-ins.json"
        self.entries: list[Entry] = []
        # By owner, and by folder and content: which entries they are.
        self._places: dict[str | tuple[str, str], dict[int, None]] = {}
        self._choices: dict[str, dict[str, Any]] = {}
        self._new: dict[str, Path] = {}
        if self._index.is_file():
            try:
                content = json.loads(self._index.read_bytes())
                self.entries = [Entry(**{**e, "files": [tuple(f) for f in e["files"]]}) for e in content["hand_ins"]]
                self._choices = dict(content["choices"])
                self._look_through()
                for i in range(len(self.entries)):
                    self._note_place(i)
                self.zone_before = content.get("zone", zone)
                if self.zone_before != zone:
                    self._read_times_anew()
            except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
                raise CourseError(
                    f"{self._index} can't be read ({type(error).__name__}: {error}). It lists what was collected "
                    "before: take it from a backup, or move it away and collect all downloads again."
                ) from error

    def _look_through(self) -> None:
        """Raise one of the errors that an index of another form gives, before anything goes by it."""
        for entry in self.entries:
            _ = entry.time, [(str(path), str(sha256), int(size)) for path, sha256, size in entry.files]
        for made in self._choices.values():
            time, stamp = made["beyond"]
            _ = datetime.fromisoformat(time), stamp + "", made["hand_in_id"] + "", made["submitted"] + ""

    def _read_times_anew(self) -> None:
        def anew(time: str) -> str:
            if not time or datetime.fromisoformat(time) == NEVER:
                return time
            local = datetime.fromisoformat(time).astimezone(ZoneInfo(self.zone_before))
            return _iso(local.replace(tzinfo=ZoneInfo(self.zone), fold=0))

        for entry in self.entries:
            entry.submitted = anew(entry.submitted)
        for made in self._choices.values():
            made["submitted"], made["beyond"] = anew(made["submitted"]), [anew(made["beyond"][0]), made["beyond"][1]]

    def of(self, owner: Owner) -> list[HandIn]:
        """Return the hand-ins of somebody whose files are all there.

        Parameters
        ----------
        owner : Owner
        """
        return [self.hand_in_of(e, owner) for e in self.of_id(owner.owner_id) if self.is_complete(e)]

    def of_id(self, owner_id: str) -> list[Entry]:
        """Return the entries of somebody, without those that turned out to be somebody else's."""
        return [entry for entry in map(self.entries.__getitem__, self._at(owner_id)) if not entry.moved_to]

    def _note_place(self, i: int) -> None:
        entry = self.entries[i]
        for key in (entry.owner_id, (entry.folder, entry.hand_in_id)):
            self._places.setdefault(key, {})[i] = None

    def _at(self, key: str | tuple[str, str]) -> list[int]:
        return sorted(self._places.get(key, ()))

    def choice_of(self, owner: Owner) -> Choice | None:
        """Return what a person chose for somebody; None if nothing, or if it is no longer there."""
        made = self._choices.get(owner.owner_id)
        if made is None:
            return None
        same = [e for e in self.of_id(owner.owner_id) if e.hand_in_id == made["hand_in_id"] and self.is_complete(e)]
        same.sort(key=lambda entry: entry.submitted == made["submitted"])
        time, stamp = made["beyond"]
        beyond = datetime.fromisoformat(time), stamp
        return Choice(self.hand_in_of(same[-1], owner), beyond, frozenset(made.get("timeless", ()))) if same else None

    def note(self, hand_in: HandIn, now: datetime) -> Entry:
        """Take up a hand-in; one that is known gets what is newly known about it.

        Parameters
        ----------
        hand_in : HandIn
        now : datetime.datetime

        Returns
        -------
        Entry
        """
        fresh = Entry(
            hand_in.owner.owner_id, hand_in.hand_in_id, _iso(hand_in.submitted), hand_in.folder, hand_in.download,
            hand_in.stamp, hand_in.revision, hand_in.mark, hand_in.draft, hand_in.sender,
            now.isoformat(timespec="seconds"), files=[(f.path, f.sha256, f.size) for f in hand_in.files],
            copies=list(hand_in.copies),
        )  # fmt: skip
        self._new |= {f.sha256: f.staged for f in hand_in.files}
        same = [i for i in self._at(fresh.owner_id) if self.entries[i].hand_in_id == fresh.hand_in_id]
        for i in sorted(same, key=lambda i: self.entries[i].submitted, reverse=True):
            entry = self.entries[i]
            again = entry.origin == fresh.origin
            if again or not (entry.submitted and fresh.submitted) or entry.submitted == fresh.submitted:
                newer, older = (fresh, entry) if fresh.stamp >= entry.stamp else (entry, fresh)
                # Read again, a time is right now: the zone of the server may have been mended since.
                time = (fresh.submitted if again else "") or entry.submitted or fresh.submitted
                copies = list(dict.fromkeys([*entry.copies, *fresh.copies]))
                about = {"draft": newer.draft and not time, "mark": newer.mark or older.mark, "copies": copies}
                old = {"collected": entry.collected, "state": entry.state, "moved_to": ""}
                self.entries[i] = replace(newer, submitted=time, **about, **old)
                self._note_place(i)
                return self.entries[i]
        self.entries.append(fresh)
        self._note_place(len(self.entries) - 1)
        return fresh

    def take_from_others(self, hand_in: HandIn) -> list[str]:
        """Take a hand-in from whom its owner folder was placed with before; return their ids, every time."""
        owner_id, moved = hand_in.owner.owner_id, []
        if not hand_in.folder:
            return []  # nothing says that it isn't a copy of what the other one handed in
        for entry in map(self.entries.__getitem__, self._at((hand_in.folder, hand_in.hand_in_id))):
            same = entry.folder == hand_in.folder  # a place that it has left is still known
            if same and entry.owner_id != owner_id and entry.moved_to in ("", owner_id):
                entry.moved_to, entry.state = owner_id, f"placed with {owner_id} instead"
                moved.append(entry.owner_id)
        return list(dict.fromkeys(moved))

    def with_copies(self, hand_in: HandIn) -> HandIn:
        """Return a hand-in that was just read with the copies that a person chose in it before."""
        chosen = [c for e in self.of_id(hand_in.owner.owner_id) if e.hand_in_id == hand_in.hand_in_id for c in e.copies]
        return replace(hand_in, copies=tuple(dict.fromkeys([*hand_in.copies, *chosen])))

    def choose(self, hand_in: HandIn) -> None:
        """Note that a person chose a hand-in, in spite of all others that are known."""
        known = [self.hand_in_of(e, hand_in.owner) for e in self.of_id(hand_in.owner.owner_id)]
        time, stamp = max(map(_moment, [*known, hand_in]))
        self._choices[hand_in.owner.owner_id] = {
            "hand_in_id": hand_in.hand_in_id, "submitted": _iso(hand_in.submitted), "beyond": [time.isoformat(), stamp],
            "timeless": sorted({h.hand_in_id for h in known if not h.submitted}),
        }  # fmt: skip

    def choose_copies(self, entry: Entry, hashes: Iterable[str]) -> None:
        """Note which of several copies in a hand-in a person chose, by the beginnings of their hashes."""
        hashes = list(hashes)
        entry.copies = [*(c for c in entry.copies if c not in hashes), *hashes]  # the last choice comes last

    def choose_newest(self, owner_id: str) -> None:
        """Forget what a person chose for somebody."""
        self._choices.pop(owner_id, None)

    def note_state(self, hand_in: HandIn, state: str) -> None:
        """Note what became of a hand-in."""
        for entry in self.of_id(hand_in.owner.owner_id):
            if entry.hand_in_id == hand_in.hand_in_id:
                entry.state = state if entry.time == hand_in.submitted else "older"

    def write(self) -> None:
        """Write the index, and keep the files of what is new."""
        if not self.entries:
            return
        files = self.folder / "files"
        files.mkdir(parents=True, exist_ok=True)
        for sha256, staged in self._new.items():
            kept = files / sha256
            if not kept.exists() and staged.is_file():
                _link_or_copy(staged, kept)
        content = {"hand_ins": [asdict(entry) for entry in self.entries], "choices": self._choices}
        content["zone"] = self.zone
        fresh = self._index.with_name(f".{self._index.name}.new")
        fresh.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        fresh.replace(self._index)

    def write_table(self, path: Path, names: Mapping[str, str], shown: Any) -> None:
        """Write a line for each hand-in that was ever collected.

        Parameters
        ----------
        path : pathlib.Path
        names : mapping of str to str
            Of owners.
        shown : callable
            Returns a time as people read it.
        """
        columns = ("student_id", "name", "hand_in", "submitted", "folder", "download", "collected", "state")
        entries = sorted(self.entries, key=lambda e: (e.owner_id, e.submitted, e.stamp))
        who = [(e.owner_id, names.get(e.owner_id, ""), e.hand_in_id, shown(e.time)) for e in entries]
        rest = [(e.folder, e.download, e.collected, e.state) for e in entries]
        write_csv(path, columns, ([*a, *b] for a, b in zip(who, rest, strict=True)))

    def hand_in_of(self, entry: Entry, owner: Owner) -> HandIn:
        """Return an entry as a hand-in of its owner."""
        files = tuple(RawFile(path, self._path(sha256), size, sha256) for path, sha256, size in entry.files)
        place = owner, entry.folder, entry.download, entry.stamp, entry.revision
        copies = tuple(entry.copies)
        return HandIn(*place, files, entry.mark, entry.time, entry.draft, sender=entry.sender, copies=copies)

    def _path(self, sha256: str) -> Path:
        staged = self._new.get(sha256)
        return staged if staged and staged.is_file() else self.folder / "files" / sha256

    def has_file(self, sha256: str) -> bool:
        """Return whether a file is kept, as one of a hand-in."""
        return (self.folder / "files" / sha256).is_file()

    def is_complete(self, entry: Entry) -> bool:
        """Return whether all files of a hand-in are there."""
        return bool(entry.files) and all(self._path(sha256).is_file() for _, sha256, _ in entry.files)


def _moment(hand_in: HandIn) -> tuple[datetime, str]:
    return hand_in.submitted or NEVER, hand_in.stamp


def _iso(time: datetime | None) -> str:
    return time.astimezone(UTC).isoformat() if time else ""


def _link_or_copy(source: Path, target: Path) -> None:
    """Keep a staged file without a second copy of its bytes, where the file system can do that."""
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        os.link(source, fresh)
    except OSError:
        shutil.copyfile(source, fresh)
    fresh.replace(target)
