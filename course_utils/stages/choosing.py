"""What of a run of collecting is new, and what the instructor chooses by hand: a hand-in, or one of several copies."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from course_utils.classroom.names import compose, fold
from course_utils.classroom.roster import Owner, Roster
from course_utils.classroom.tables import as_cell
from course_utils.errors import CourseError
from course_utils.notebooks.texts import one_line
from course_utils.platforms.hand_ins import Download, HandIn, Wanted, ranked
from course_utils.stages.course_assignment import CourseAssignment
from course_utils.stages.kept import Choice, Entry, KeptHandIns
from course_utils.stages.quarantine import Quarantine
from course_utils.stages.whereabouts import as_local

__all__ = ["Came", "no_such_student", "take_up"]

NEWEST = "newest"
_SHORTEST_HASH = 4


@dataclass
class Came:
    """What this run is about: the hand-ins that were read, whose they are, and from whom they were taken."""

    owners: dict[str, Owner] = field(default_factory=dict)
    read: set[tuple[str, str]] = field(default_factory=set)
    zone: str = "UTC"
    moved: list[tuple[Owner, HandIn]] = field(default_factory=list)

    def now(self, hand_in: HandIn) -> bool:
        """Return whether a hand-in was read in this run; others were collected before."""
        return (hand_in.owner.owner_id, hand_in.hand_in_id) in self.read

    def choices(self, kept: KeptHandIns) -> dict[str, Choice]:
        """Return what was chosen by hand, now or before, by owner."""
        found = {who: kept.choice_of(owner) for who, owner in self.owners.items()}
        return {who: choice for who, choice in found.items() if choice}

    def notes_on(self, older: Sequence[HandIn], laid_out: HandIn, *, by_hand: bool = False) -> list[str]:
        """Return what a row says about the other hand-ins of somebody.

        Parameters
        ----------
        older : sequence of HandIn
            Those that do not count because another one does.
        laid_out : HandIn
            The one that counts.
        by_hand : bool
            Whether a person chose it.
        """
        notes, others = [], [h for h in older if h.content != laid_out.content]
        for other in others:
            time = f" of {self._time(other)}" if other.submitted else ""
            one_time = bool(time) and other.submitted == laid_out.submitted
            if not by_hand and len(ranked([laid_out, other])[0]) > 1:
                when = "of the same time" if one_time else "and no time says which is newer"
                notes.append(f"also handed in {other.where}, {when}; nothing in that can be graded, so this one counts")
            elif not by_hand and one_time:
                notes.append(f"also handed in {other.where}, of the same time; this one is of a later download")
            elif not self.now(other):
                continue
            elif by_hand:
                notes.append(f"the hand-in {other.where}{time} does not replace the one that was chosen by hand")
            elif laid_out.submitted and not other.submitted:
                why = f"has no time, so it does not replace the one of {self._time(laid_out)}"
                notes.append(f"the hand-in {other.where} {why}; take it with --choose {other.hand_in_id}")
            elif self.now(laid_out):
                notes.append(f"also handed in {other.where}; this one is newer")
            else:
                notes.append(f"the hand-in {other.where}{time} is an older one than what is laid out: nothing changes")
        timed = next((h for h in others if h.submitted), None)
        if timed and not laid_out.submitted and not by_hand:
            why = "counts although its time is unknown, because its download is later"
            notes.append(f"{why}; take the one of {self._time(timed)} with --choose {timed.hand_in_id}")
        return notes

    def note_on_earlier(self, earlier: Sequence[HandIn]) -> list[str]:
        """Return what a row says about earlier times at which the files that are laid out were handed in."""
        if not earlier:
            return []
        time = self._time(earlier[0])
        return [f"the same files were handed in at {time} already; take that time with --choose '{time}'"]

    def _time(self, hand_in: HandIn) -> str:
        return as_local(hand_in.submitted, self.zone)


def take_up(
    there: CourseAssignment,
    downloads: Sequence[Download],
    kept: KeptHandIns,
    quarantine: Quarantine,
    wanted: Wanted,
    now: datetime,
) -> Came:
    """Take up what was read among the hand-ins that are kept, and what the instructor chooses.

    Parameters
    ----------
    there : CourseAssignment
    downloads : sequence of Download
        Hand-ins in them that were taken from quarantine get the time that they had there.
    kept : KeptHandIns
    quarantine : Quarantine
    wanted : Wanted
    now : datetime.datetime

    Returns
    -------
    Came

    Raises
    ------
    CourseError
        If what is to be chosen is not there.
    """
    came = Came(zone=there.settings.timezone)
    if kept.zone_before != kept.zone:  # everybody's time is another one now
        who = [owner_id for owner_id in there.roster.owner_ids if kept.of_id(owner_id)]
        came.owners = {owner_id: there.roster.owner(owner_id) for owner_id in who}
    for download in downloads:
        hand_ins = []
        for hand_in in download.hand_ins:
            came.owners[hand_in.owner.owner_id] = hand_in.owner
            by_hand = bool(wanted.student) and not hand_in.submitted
            rows = [r for f in hand_in.files for r in quarantine.rows_of_file(f.sha256)] if by_hand else []
            # What lies there of somebody else says nothing about this person's time.
            rows = [row for row in rows if row["student_id"] in ("", hand_in.owner.owner_id)]
            if rows and _is_part_of_known(hand_in, rows, kept):
                download.fates.append((download.path.name, "chosen by hand from the quarantine"))
                continue
            if rows:
                hand_in = _with_time_of(hand_in, rows)
            kept.note(hand_in, now)
            for owner in filter(None, map(there.roster.owner, kept.take_from_others(hand_in))):
                came.owners[owner.owner_id] = owner
                came.moved.append((owner, hand_in))
            if rows:
                kept.choose(hand_in)
            came.read.add((hand_in.owner.owner_id, hand_in.hand_in_id))
            hand_ins.append(kept.with_copies(hand_in))
        download.hand_ins[:] = hand_ins
    if wanted.choose:
        owner = _whose(wanted.student, there.roster, kept)
        came.owners[owner.owner_id] = owner
        _choose(wanted.choose.strip(), owner, kept, quarantine, came.zone)
    return came


def _with_time_of(hand_in: HandIn, rows: Iterable[dict[str, str]]) -> HandIn:
    """Return a hand-in that was taken from quarantine with the time that it had there."""
    times = [datetime.fromisoformat(row["submitted"]) for row in rows if row["submitted"]]
    if not times:
        return hand_in
    note = "taken from quarantine by hand; its time is the one it had there"
    return replace(hand_in, submitted=max(times), notes=(*hand_in.notes, note))


def _is_part_of_known(hand_in: HandIn, rows: Sequence[dict[str, str]], kept: KeptHandIns) -> bool:
    """Choose the hand-in from which files in quarantine are, with these files of it; False if it is not known."""
    owner = hand_in.owner
    entries = kept.of_id(owner.owner_id)
    hashes = [f.sha256 for f in hand_in.files]
    whole = [e for e in entries if any(sha256 in hashes for _, sha256, _ in e.files)]
    part = [e for e in entries if any(_is_from(e, row) for row in rows)]
    for entry in whole[-1:] or part[-1:]:
        if not whole:
            kept.choose_copies(entry, hashes)
        kept.choose(kept.hand_in_of(entry, owner))
        return True
    return False


def _is_from(entry: Entry, row: dict[str, str]) -> bool:
    where = entry.owner_id, entry.download, entry.folder
    return (row["student_id"], row["download"], row["folder"]) == tuple(map(as_cell, where))  # as the table has them


def _whose(student: str, roster: Roster, kept: KeptHandIns) -> Owner:
    """Return the student or group whose hand-in is chosen."""
    if not student:
        raise CourseError("Say whose hand-in is to be chosen: --student ID.")
    owner = roster.owner(student) or roster.owner(fold(compose(student)))
    if owner is None:
        raise CourseError(no_such_student(student, roster))
    if not owner.is_group and not kept.of_id(owner.owner_id):
        group = roster.group_of(owner.members[0])
        return group if group and kept.of_id(group.owner_id) else owner
    return owner


def no_such_student(wanted: str, roster: Roster, others: Iterable[str] = ()) -> str:
    """Return the sentence about a name that nobody has, with those that are near.

    Parameters
    ----------
    wanted : str
    roster : Roster
    others : iterable of str
        Names that are known besides.
    """
    names = {who.casefold(): who for who in [*roster.owner_ids, *others]}
    for s in roster.students:
        for text in (s.user_name, s.last_name, s.first_name, s.name):
            names.setdefault(text.casefold(), s.student_id)
    near = difflib.get_close_matches(wanted.casefold(), names, n=5, cutoff=0.6)
    told = ", ".join(dict.fromkeys(one_line(names[name]) for name in near))
    hint = f"Near it: {told}." if told else "The names are those of the column student_id, and of groups."
    return f"There is no student or group {one_line(wanted)!r} in the roster, and nobody handed in under it. {hint}"


def _choose(text: str, owner: Owner, kept: KeptHandIns, quarantine: Quarantine, zone: str) -> None:
    if text.casefold() == NEWEST:
        kept.choose_newest(owner.owner_id)
        return
    entries = kept.of_id(owner.owner_id)
    found = [entry for entry in entries if _means(text, entry, zone)]
    if len({entry.hand_in_id for entry in found}) == 1:
        # The same files several times: the last time counts, unless another one was named.
        entry = max(found, key=lambda entry: entry.submitted)
    else:
        rows = [] if found or not _is_hash(text) else quarantine.rows_of_file(text.casefold())
        rows = [row for row in rows if row["student_id"] == owner.owner_id]
        parts = [entry for entry in entries if any(_is_from(entry, row) for row in rows)]
        if not parts:
            raise CourseError(_nothing_to_choose(text, owner, found or entries, bool(found), zone))
        entry = parts[-1]
        kept.choose_copies(entry, [row["kept_as"].rpartition("/")[2].partition("-")[0] for row in rows])
    if not kept.is_complete(entry):
        raise CourseError(
            f"The files of {entry.hand_in_id} are no longer in {kept.folder}: collect its download again."
        )
    kept.choose(kept.hand_in_of(entry, owner))


def _is_hash(text: str) -> bool:
    return len(text) >= _SHORTEST_HASH and all(c in "0123456789abcdef" for c in text.casefold())


def _means(text: str, entry: Entry, zone: str) -> bool:
    """Return whether a hash or a time means a hand-in."""
    if _is_hash(text) and (entry.hand_in_id.startswith(text.casefold()) or _has_file(entry, text.casefold())):
        return True
    time = as_local(entry.time, zone)
    wanted = " ".join(text.replace("T", " ").split())
    return bool(time) and (
        (":" in wanted and time[11:].startswith(wanted)) or ("-" in wanted and time.startswith(wanted))
    )


def _has_file(entry: Entry, start: str) -> bool:
    return any(sha256.startswith(start) for _, sha256, _ in entry.files)


def _nothing_to_choose(text: str, owner: Owner, entries: Sequence[Entry], several: bool, zone: str) -> str:
    shown = functools.partial(as_local, zone=zone)
    some = [f"{e.hand_in_id} ({shown(e.time) or 'time unknown'}, {e.download}: {e.state or 'new'})" for e in entries]
    told = ", ".join(one_line(line, 200) for line in some) or "none; collect a download first"
    if several:
        return f"{one_line(text)!r} means several hand-ins of {owner.name}: {told}. Name one of them."
    return f"{owner.name} has no hand-in, and no file in quarantine, {one_line(text)!r}. There are: {told}."
