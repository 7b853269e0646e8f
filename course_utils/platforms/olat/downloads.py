"""Finding the hand-ins in what OpenOlat lets an instructor download."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from course_utils.classroom.names import compose, fold, fold_variants
from course_utils.classroom.roster import Owner, Roster, Student
from course_utils.classroom.safety_net import attempt, is_the_machines
from course_utils.classroom.settings import OpenOlat
from course_utils.handins.budget import Budget
from course_utils.handins.limits import Limits, RefusedError
from course_utils.handins.paths import is_junk, walk_folder
from course_utils.handins.zips import ZipReader
from course_utils.platforms.hand_ins import Download, HandIn, Problem, RawFile, Wanted
from course_utils.platforms.olat.names import split_owner, strip_task_folder
from course_utils.platforms.olat.people import compare_people
from course_utils.platforms.olat.sheet import SheetError, SheetRow, read_sheet

__all__ = ["read_download"]

_MARKS = {"Late_submission.txt": "late", "Extended_submission.txt": "extended"}
_MOST_NAMED = 10
_STAMP = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d-\d\d)\.zip$", re.IGNORECASE)


class _Folder:
    """A download that has been unpacked already, as browsers on a Mac do."""

    def __init__(self, path: Path) -> None:
        self.files = dict(walk_folder(path))
        self.names = list(self.files)
        self.empty = [f"{folder.relative_to(path).as_posix()}/" for folder in _empty_folders(path)]

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def copy(self, index: int, budget: Budget) -> tuple[Path, int, str]:
        path = self.files[self.names[index]]
        with path.open("rb") as file:
            return budget.copy(file, None)


def _empty_folders(path: Path) -> list[Path]:
    """Return the folders in which nothing is, in order."""
    return sorted(Path(root) for root, folders, names in os.walk(path) if not folders and not names)


class _Zip:
    empty = ()  # folders of a zip say nothing: OpenOlat makes them, too

    def __init__(self, path: Path, max_files: int) -> None:
        self._reader = ZipReader(path, max_files)
        self._members = [m for m in self._reader.members if not m.is_folder]
        self.names = [m.name.replace("\\", "/") for m in self._members]

    def __enter__(self) -> _Zip:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.__exit__()

    def copy(self, index: int, budget: Budget) -> tuple[Path, int, str]:
        return self._reader.copy(self._members[index], budget)


@dataclass
class _Place:
    """The files of one owner folder, by step."""

    submissions: list[int] = field(default_factory=list)
    revisions: dict[int, list[int]] = field(default_factory=dict)
    mark: str = ""


def read_download(path: Path, staging: Path, wanted: Wanted, roster: Roster, settings: OpenOlat) -> Download:
    """Find the hand-ins of one assignment in one download.

    Parameters
    ----------
    path : pathlib.Path
        A zip of a task (individual or group task, from any of OpenOlat's pages), a course archive, the zip of one
        student's page, or one of these unpacked to a folder.
    staging : pathlib.Path
        An empty folder for the bytes of the files.
    wanted : Wanted
        The assignment that is collected, and what the instructor said about the download.
    roster : Roster
    settings : OpenOlat

    Returns
    -------
    Download
        Never raises for what a file may contain; that is in its `problems`.

    Raises
    ------
    OSError
        If the machine is at fault, such as a full disk.
    """
    download = Download(path)
    outer = Limits(max_files=settings.max_download_files, max_bytes=1 << 42, max_file_bytes=1 << 40, max_ratio=1e6)
    budget = Budget(outer, staging)
    try:
        with _Folder(path) if path.is_dir() else _Zip(path, outer.max_files) as source:
            _Reading(source, download, budget, wanted, roster, settings).read()
    except RefusedError as error:
        if wanted.student and not path.is_dir():
            # One student's page may hold a single file that is no zip.
            _one_student(download, budget, roster, wanted.student)
        else:
            download.problems.append(Problem(path.name, "", path.name, f"the download {error}", path))
    except OSError as error:
        if is_the_machines(error):
            raise  # nothing is wrong with the download
        download.problems.append(Problem(path.name, "", path.name, f"the download can't be read: {error.strerror}"))
    return download


@dataclass(frozen=True)
class _Reading:
    """A download that is being read; what is found goes to `download`."""

    source: _Folder | _Zip
    download: Download
    budget: Budget
    wanted: Wanted
    roster: Roster
    settings: OpenOlat

    def read(self) -> None:
        """Find the owner folders, and read each."""
        places: dict[tuple[tuple[str, ...], str], _Place] = {}
        others: list[int] = []
        for i, name in enumerate(self.source.names):
            parts = tuple(part for part in name.split("/") if part)
            if not parts or is_junk(parts) or parts[-1].startswith("._oo_meta_"):
                self.download.fates.append((name, "left by a system"))
                continue
            split = split_owner(name)
            if split is None:
                others.append(i)
                continue
            prefix, folder, step, own = split
            place = places.setdefault((prefix, folder), _Place())
            kind = step.split("_")[1]
            if kind == "submissions" and len(own) == 1 and own[0] in _MARKS:
                place.mark = _MARKS[own[0]]
                self.download.fates.append((name, f"mark of OpenOlat: {place.mark}"))
            elif kind == "submissions":
                place.submissions.append(i)
            elif kind == "revisions":
                place.revisions.setdefault(int(step.rpartition("_")[2]), []).append(i)
            else:
                self.download.fates.append((name, f"not a hand-in ({kind})"))

        self._tell_of_empty_folders()
        if not places:
            self._no_owner(others)
            return
        if self.wanted.student:
            self.download.problems.append(
                Problem(
                    self.download.path.name, "", self.download.path.name,
                    "the download names its owners itself; collect it without --student",
                )
            )  # fmt: skip
            return
        prefix = self._choose_task(places)
        if prefix is None:
            return
        rows = self._sheets(others, prefix)
        for i in others:
            self.download.fates.append((self.source.names[i], "not a hand-in"))
        compared = compare_people(rows, self.roster)
        self.download.notes += compared.notes
        stamp = strip_task_folder(prefix[-1])[1] if prefix else ""
        stamp = stamp or (m[1] if (m := _STAMP.search(self.download.path.name)) else "")
        for (where, folder), place in places.items():
            if where != prefix:
                names = [self.source.names[i] for i in _indices(place)]
                self.download.fates += [(name, f"of another task ({'/'.join(where)})") for name in names]
                continue
            # The files of one owner are one student's work: whatever they do to the reader, the others are read.
            course = self.roster.path.parent if self.roster.path else self.budget.folder
            work = functools.partial(self._one_owner, folder, place, stamp, rows, compared.unsure)
            _, fault = attempt(course, folder, "read", work)
            if fault:
                self.download.problems.append(Problem(self.download.path.name, folder, "", f"the hand-in {fault}"))
                self.download.fates += [(self.source.names[i], f"not read: {fault}") for i in _indices(place)]

    def _tell_of_empty_folders(self) -> None:
        """Tell whose folders are empty in a download that was unpacked: in a cloud folder, they may not be here yet."""
        split = [split_owner(f"{name}x") for name in self.source.empty]
        found = [
            f"{each[1]}/{each[2]}" for each in split if each and each[2].split("_")[1] in ("submissions", "revisions")
        ]
        if found:
            more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            self.download.notes.append(
                f"{self.download.path.name}: nothing is in {', '.join(found[:_MOST_NAMED])}{more}. If it was unpacked "
                "into a cloud folder, not all of it may be on this computer: collect the zip itself"
            )

    def _one_owner(
        self, folder: str, place: _Place, stamp: str, rows: Sequence[SheetRow], unsure: Mapping[str, str]
    ) -> None:
        revision = max(place.revisions, default=0)
        newest = place.revisions.get(revision, place.submissions)
        for i in _indices(place):
            if i not in newest:
                self.download.fates.append((self.source.names[i], f"older hand-in; revision {revision} counts"))
        files = []
        for i in newest:
            own = "/".join(split_owner(self.source.names[i])[3])
            try:
                staged, size, sha256 = self.source.copy(i, self.budget)
            except RefusedError as error:
                self.download.problems.append(
                    Problem(self.download.path.name, folder, own, f"the file {error}", self.download.path)
                )
                self.download.fates.append((self.source.names[i], f"in quarantine: {error}"))
                continue
            files.append(RawFile(own, staged, size, sha256))
        owner, reason = _owner(folder, self.roster, self.wanted.owners)
        waits = owner if owner and owner.owner_id in unsure and folder not in self.wanted.owners else None
        if waits:
            by_hand = f"--owner {folder}={waits.owner_id}"
            reason = f"{unsure[waits.owner_id]}: mend the roster and collect again, or place it with {by_hand}"
            owner = None
        sender = ""
        if owner and not owner.is_group and self.wanted.assignment in self.settings.group_assignments:
            sender = owner.owner_id
            group = self.roster.group_of(owner.members[0])
            if group is None:
                groups = owner.members[0].groups
                reason = (
                    f"{owner.name} is in several groups ({', '.join(groups)}); place it by hand"
                    if groups
                    else f"{owner.name} is in no group, but this assignment is handed in by groups"
                )
            owner = group
        if owner is None:
            when = self._time_of_folder(folder, rows)
            for file in files:
                problem = Problem(self.download.path.name, folder, file.path, reason, file.staged, waits, when)
                self.download.problems.append(problem)
            if not files:
                self.download.problems.append(Problem(self.download.path.name, folder, "", reason, owner=waits))
            names = [self.source.names[i] for i in newest]
            self.download.fates += [(name, "in quarantine: owner unknown") for name in names]
            return
        if not files:
            return
        hand_in = HandIn(
            owner,
            folder,
            self.download.path.name,
            stamp,
            revision,
            tuple(files),
            "" if revision else place.mark,
            sender=sender,
        )
        self.download.hand_ins.append(self._with_time(hand_in, rows))
        self.download.fates += [(self.source.names[i], f"handed in by {owner.owner_id}") for i in newest]

    def _no_owner(self, others: list[int]) -> None:
        """Handle a download without any owner folder: empty, or of one student's page."""
        rest = [
            i
            for i in others
            if not self.source.names[i].lower().endswith(".xlsx")
            and "solutions" not in self.source.names[i].split("/")[:-1]
        ]
        if not rest and not self.wanted.student:
            self.download.notes.append(f"{self.download.path.name} holds no hand-in")
            self.download.fates += [(self.source.names[i], "not a hand-in") for i in others]
        elif not self.wanted.student:
            self.download.problems.append(
                Problem(
                    self.download.path.name, "", self.download.path.name,
                    "no name in it says whose it is, as in a download from one student's page; "
                    "collect it with --student ID",
                    self.download.path if not self.download.path.is_dir() else None,
                )
            )  # fmt: skip
        else:
            _one_student(self.download, self.budget, self.roster, self.wanted.student)

    def _choose_task(self, places: Iterable[tuple[tuple[str, ...], str]]) -> tuple[str, ...] | None:
        """Return the folders above the owners of the task that is collected."""
        prefixes = list(dict.fromkeys(prefix for prefix, _ in places))
        titles = {prefix: strip_task_folder(prefix[-1])[0] if prefix else "" for prefix in prefixes}
        wanted = self.wanted
        named = wanted.task or self.settings.task_titles.get(wanted.assignment, "")
        if len(prefixes) == 1 and (not named or not prefixes[0]):
            return prefixes[0]
        titles_wanted = fold_variants(named or wanted.assignment)
        # Two tasks of one title are told apart by a number behind it.
        found = [p for p in prefixes if titles[p] in titles_wanted] or [
            p for p in prefixes if p and p[-1] in titles_wanted
        ]
        if len(found) == 1:
            return found[0]
        listed = ", ".join(sorted("/".join(p) or "(no folder)" for p in prefixes))
        reason = (
            f"it holds the tasks {listed}; say which is {wanted.assignment} with --task TITLE or OpenOlat.task_titles"
            if not named
            else f"it holds {listed}, but the task is called {named!r}"
        )
        self.download.problems.append(Problem(self.download.path.name, "", self.download.path.name, reason))
        return None

    def _sheets(self, others: list[int], prefix: tuple[str, ...]) -> list[SheetRow]:
        task = self.wanted.task or self.settings.task_titles.get(self.wanted.assignment, "")
        rows: list[SheetRow] = []
        for i in list(others):
            parts = tuple(self.source.names[i].split("/"))
            if parts[:-1] != prefix or not parts[-1].lower().endswith(".xlsx") or parts[-1] == "course_results.xlsx":
                continue
            others.remove(i)
            try:
                staged, _, _ = self.source.copy(i, self.budget)
                rows += read_sheet(staged, task)
                self.download.has_sheet = True
                self.download.fates.append((self.source.names[i], "table of hand-ins"))
            except (SheetError, RefusedError) as error:
                self.download.notes.append(f"{self.download.path.name}: {error}; submission times are unknown")
                self.download.fates.append((self.source.names[i], f"table of hand-ins, not read: {error}"))
        return rows

    def _with_time(self, hand_in: HandIn, rows: Sequence[SheetRow]) -> HandIn:
        """Return the hand-in with what the table says about its time."""
        notes = list(hand_in.notes)
        people = hand_in.owner.members
        if hand_in.sender:
            people = (self.roster.student(hand_in.sender),)
        mine = [row for student in people for row in _rows_of(student, rows)]
        notes += [row.problem for row in mine if row.problem]
        times = {_utc(row.submitted, self.settings.timezone) for row in mine if row.submitted}
        if len(people) == 1 and len(mine) > 1:
            notes.append("the table of the download has several lines for this person")
        if len(times) > 1:
            notes.append("the table has several times; the latest counts")
        remarks = "; ".join(dict.fromkeys(row.remarks for row in mine if row.remarks))
        draft = bool(mine) and not times and not any(row.problem for row in mine)
        submitted = max(times, default=None)
        if submitted and submitted > datetime.now(UTC):
            notes.append("the time of submission lies in the future; is OpenOlat.timezone right?")
        return replace(hand_in, submitted=submitted, draft=draft, remarks=remarks, notes=tuple(dict.fromkeys(notes)))

    def _time_of_folder(self, folder: str, rows: Sequence[SheetRow]) -> datetime | None:
        """Return what the table says of somebody whom the roster does not know, by the name of their folder."""
        mine = [r for r in rows if folder in fold_variants(f"{r.last_name}_{r.first_name}_{r.user_name}")]
        return max((_utc(r.submitted, self.settings.timezone) for r in mine if r.submitted), default=None)


def _owner(folder: str, roster: Roster, owners: Mapping[str, str]) -> tuple[Owner | None, str]:
    """Return whose folder it is, or why that is not known."""
    if folder in owners:
        wanted = owners[folder]
        owner = roster.owner(wanted) or roster.owner(fold(compose(wanted)))
        return owner, f"there is no student or group {wanted!r} in the roster"
    found = roster.owners_of(folder)
    if len(found) == 1:
        return found[0], ""
    if found:
        rows = " and ".join(_row(owner) for owner in found)
        return None, f"the folder {folder} may belong to {rows}; place it by hand with --owner {folder}=ID"
    near = [
        owner
        for s in roster.students
        if any(folder.startswith(v) for v in fold_variants(f"{s.last_name}_{s.first_name}_"))
        for owner in [roster.owner(s.student_id)]
    ]
    hint = f"; {_row(near[0])} has the same name but another user name" if len(near) == 1 else ""
    known = [s for s in roster.students if any(folder.endswith(f"_{v}") for v in fold_variants(s.user_name))]
    if not hint and len(known) == 1 and (same := roster.owner(known[0].student_id)) is not None:
        hint = f"; {_row(same)} has the same user name, but a folder of another name; if it is theirs, "
        hint += f"--owner {folder}={known[0].student_id}"
    return None, f"nobody in the roster has the folder {folder}{hint}"


def _row(owner: Owner) -> str:
    if owner.is_group:
        return f"the group {owner.name}"
    return f"row {owner.members[0].row} ({owner.name}, {owner.members[0].user_name})"


def _one_student(download: Download, budget: Budget, roster: Roster, student: str) -> None:
    path = download.path
    owner = roster.owner(student) or roster.owner(fold(compose(student)))
    if owner is None:
        reason = f"there is no student or group {student!r} in the roster"
        download.problems.append(Problem(path.name, "", path.name, reason, None if path.is_dir() else path))
        return
    files = []
    for name, file in walk_folder(path) if path.is_dir() else [(path.name, path)]:
        with file.open("rb") as opened:
            staged, size, sha256 = budget.copy(opened, None)
        files.append(RawFile(name, staged, size, sha256))
        download.fates.append((name, f"handed in by {owner.owner_id}"))
    download.hand_ins.append(HandIn(owner, "", path.name, files=tuple(files)))


def _rows_of(student: Student, rows: Sequence[SheetRow]) -> list[SheetRow]:
    """Return the lines of the table about one student: by user name, else email, number, or name."""

    def same(a: str, b: str) -> bool:
        return bool(a) and a.casefold() == b.casefold()

    for found in (
        [r for r in rows if same(r.user_name, student.user_name)],
        [r for r in rows if same(r.email, student.email) or same(r.institutional_email, student.email)],
        [r for r in rows if same(r.matriculation_number, student.matriculation_number)],
        [r for r in rows if same(r.last_name, student.last_name) and same(r.first_name, student.first_name)],
    ):
        if found:
            return found
    return []


def _utc(local: datetime, zone: str) -> datetime:
    # The hour that autumn has twice: the earlier one, in favour of the student.
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def _indices(place: _Place) -> list[int]:
    return [*place.submissions, *(i for indices in place.revisions.values() for i in indices)]
