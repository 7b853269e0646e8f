"""`course collect`: from OpenOlat's downloads to nbgrader's ``submitted/`` folder."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nbgrader.coursedir import CourseDirectory

from course_utils.grading import scratch
from course_utils.grading.texts import one_line
from course_utils.olat.archives import Budget, StagedFile, clean_name, is_junk, unique, unpack
from course_utils.olat.downloads import (
    Download,
    HandIn,
    Problem,
    content_hash,
    newest_of_each,
    read_download,
)
from course_utils.olat.late import deadline_of
from course_utils.olat.names import fold
from course_utils.olat.notebooks import MAX_BYTES, Catalogue, NotebookError, Recognised, read_catalogue, same_work
from course_utils.olat.roster import Owner, Roster, read_roster
from course_utils.olat.settings import OpenOlat, course_config
from course_utils.one_run import only_run
from course_utils.safety_net import attempt
from course_utils.tables import as_cell, write_csv

_MAX_MANIFEST = 5 << 20  # bytes
_MAX_NOTES = 15
_MAX_MEMBERS = 20  # of a group

__all__ = ["Collection", "Row", "collect", "place_hand_in"]


@dataclass
class Row:
    """One line of the table at the end of a collection: one student or group."""

    owner_id: str
    name: str
    folder: str = ""
    download: str = ""
    hand_in: str = ""
    submitted: str = ""
    status: str = ""
    late_by: str = ""
    notebooks: str = ""
    missing: str = ""
    other_files: int = 0
    state: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass
class Collection:
    """What came of collecting an assignment.

    Parameters
    ----------
    assignment : str
    rows : list of Row
        One per student or group with a hand-in, in the order of the roster.
    quarantined : list of dict
        Download, owner folder, student, file, reason and where the file is kept.
    nothing : list of Owner
        Who sent nothing.
    notes : list of str
        What concerns whole downloads.
    fates : list of tuple of str
        Download, file, and what became of it: every file of every download is in it.
    """

    assignment: str
    rows: list[Row] = field(default_factory=list)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    nothing: list[Owner] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fates: list[tuple[str, str, str]] = field(default_factory=list)
    table: Path | None = None
    quarantine: Path | None = None


@dataclass
class Placement:
    """What goes into the folder of one hand-in: staged files or text by path, and what does not."""

    files: dict[tuple[str, ...], Path | str] = field(default_factory=dict)
    hashes: dict[tuple[str, ...], str] = field(default_factory=dict)
    notebooks: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[tuple[str, str, Path | None]] = field(default_factory=list)
    fates: list[tuple[str, str]] = field(default_factory=list)

    def add(self, parts: tuple[str, ...], content: Path | str, sha256: str) -> None:
        self.files[parts] = content
        self.hashes[parts] = sha256

    @property
    def content(self) -> str:
        return content_hash(("/".join(parts), sha256) for parts, sha256 in self.hashes.items())


def collect(
    course: Path,
    assignment: str,
    files: Sequence[Path],
    *,
    student: str = "",
    task: str = "",
    owners: Mapping[str, str] | None = None,
    now: datetime | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Collection:
    """Lay out what students handed in as nbgrader wants it.

    Notebooks go to ``submitted/<student_id>/<assignment>/`` under the names of their sources, with artifacts, PDFs
    and the student's own files beside them. What cannot be placed goes to ``quarantine/<assignment>/`` with
    its reason. Collecting the same downloads again changes nothing; a newer download updates.

    Parameters
    ----------
    course : pathlib.Path
        The course folder.
    assignment : str
    files : sequence of pathlib.Path
        Downloads of OpenOlat, see `course_utils.olat.downloads.read_download`.
    student, task, owners
        See `course_utils.olat.downloads.read_download`.
    now : datetime.datetime, optional
        Time of the collection, for tests.
    progress : callable, optional
        Called with the number of hand-ins done, their total, and whose is next.

    Returns
    -------
    Collection

    Raises
    ------
    RosterError
        If the roster cannot be used.
    ValueError
        If there is no such assignment, or a setting is wrong.
    """
    course = Path(course).resolve()
    with only_run(course, f"collect {assignment}"):
        return _collect(course, assignment, files, student, task, owners, now, progress)


def _collect(course, assignment, files, student, task, owners, now, progress) -> Collection:
    config = course_config(course)
    settings = OpenOlat(config=config)
    coursedir = CourseDirectory(config=config)
    roster = read_roster(course)
    catalogue = read_catalogue(course, assignment, coursedir.source_directory, config)
    collection = Collection(assignment)
    report = course / "reports" / assignment
    quarantine = _Quarantine(course, assignment)
    report.mkdir(parents=True, exist_ok=True)
    record_path = report / "collected.json"
    record = json.loads(record_path.read_text(encoding="utf-8")) if record_path.is_file() else {}

    for left in course.glob(".collect-*"):
        scratch.remove(left)  # of a run that was killed: no other is going on now
    # Beside the course, so that files are moved, not copied.
    with tempfile.TemporaryDirectory(prefix=".collect-", dir=course) as staging:
        downloads: list[Download] = []
        for i, path in enumerate(files):
            folder = Path(staging, f"download-{i}")
            folder.mkdir()
            downloads.append(
                read_download(
                    Path(path).resolve(),
                    folder,
                    assignment=assignment,
                    roster=roster,
                    settings=settings,
                    task=task,
                    student=student,
                    owners=owners,
                )
            )
        chosen, older, undecided = newest_of_each(h for d in downloads for h in d.hand_ins)
        problems = [problem for d in downloads for problem in d.problems]
        for candidates in undecided:
            told = ", ".join(f"{h.folder or h.download} in {h.download}" for h in candidates)
            for hand_in in candidates:
                reason = (
                    f"there are different hand-ins of {hand_in.owner.name} ({told}) and no time says which is newer"
                )
                problems += [
                    Problem(hand_in.download, hand_in.folder, f.path, reason, f.staged, hand_in.owner)
                    for f in hand_in.files
                ]
        quarantine.forget(h.folder or h.owner.owner_id for d in downloads for h in d.hand_ins)
        quarantine.forget(p.folder or p.download for p in problems)
        quarantine.forget(d.path.name for d in downloads)
        order = {owner_id: i for i, owner_id in enumerate(_owner_ids(roster))}
        chosen.sort(key=lambda h: order[h.owner.owner_id])
        for i, hand_in in enumerate(chosen):
            if progress:
                progress(i, len(chosen), hand_in.owner.name)
            folder = Path(staging, f"hand-in-{i}")
            folder.mkdir()
            work = functools.partial(
                _collect_one,
                course,
                coursedir,
                hand_in,
                folder,
                catalogue,
                roster,
                settings,
                config,
                record,
                quarantine,
                collection,
            )
            row, fault = attempt(course, hand_in.owner.owner_id, "collected", work)
            if row is None:
                row = _failed(course, hand_in, fault, quarantine)
            row.notes += [
                f"also handed in {_where(old)}; this one is newer" for old, new in older
                if new is hand_in and old.content != new.content
            ]  # fmt: skip
            collection.rows.append(row)
        if progress:
            progress(len(chosen), len(chosen), "")
        for problem in problems:
            who = problem.folder or problem.download
            attempt(course, who, "put into quarantine", functools.partial(quarantine.add, problem))
        for old, _ in older:
            replaced = {f.path for f in old.files}
            collection.fates += [(old.download, f"{old.folder}/{path}", "older hand-in") for path in sorted(replaced)]
        for download in downloads:
            collection.notes += download.notes
            collection.fates += [(download.path.name, file, fate) for file, fate in download.fates]
        collection.quarantined = quarantine.write()

    handed_in = {row.owner_id for row in collection.rows} | {h.owner.owner_id for c in undecided for h in c}
    by_group = assignment in settings.group_assignments or any(h.owner.is_group for h in chosen)
    everyone = roster.groups if by_group else [roster.owner(s.student_id) for s in roster.students]
    collection.nothing = [owner for owner in everyone if owner.owner_id not in handed_in | set(record)]
    if by_group:
        collection.nothing += [roster.owner(s.student_id) for s in roster.students if not s.groups]
    _write_json(record_path, record)
    collection.quarantine = quarantine.folder
    collection.table = report / "collected.csv"
    _write_tables(collection, report, now or datetime.now(UTC))
    return collection


def _failed(course: Path, hand_in: HandIn, reason: str, quarantine: _Quarantine) -> Row:
    """Return the row of a hand-in that this program could not cope with, and keep its files."""
    owner = hand_in.owner
    for file in hand_in.files:
        problem = Problem(hand_in.download, hand_in.folder, file.path, reason, file.staged, owner)
        attempt(course, owner.owner_id, "put into quarantine", functools.partial(quarantine.add, problem))
    return Row(owner.owner_id, owner.name, hand_in.folder, hand_in.download, state="not graded", notes=[reason])


def _collect_one(
    course: Path,
    coursedir: CourseDirectory,
    hand_in: HandIn,
    staging: Path,
    catalogue: Catalogue,
    roster: Roster,
    settings: OpenOlat,
    config: Any,
    record: dict[str, Any],
    quarantine: _Quarantine,
    collection: Collection,
) -> Row:
    owner = hand_in.owner
    placement = place_hand_in(hand_in, staging, catalogue, settings, roster)
    row = Row(
        owner.owner_id,
        owner.name,
        hand_in.folder,
        hand_in.download,
        f"revision {hand_in.revision}" if hand_in.revision else "first hand-in",
        notebooks=", ".join(placement.notebooks),
        missing=", ".join(placement.missing),
        notes=[*hand_in.notes, *placement.notes],
    )
    _judge_time(row, hand_in, catalogue.assignment, settings, config, course)
    collection.fates += [(hand_in.download, f"{hand_in.folder}/{file}", fate) for file, fate in placement.fates]
    for file, reason, kept in placement.refused:
        quarantine.add(Problem(hand_in.download, hand_in.folder, file, f"the file {reason}", kept, owner))
        row.notes.append(f"{file}: {reason}")
    target = Path(coursedir.format_path(coursedir.submitted_directory, owner.owner_id, catalogue.assignment))
    draft_refused = hand_in.draft and not settings.accept_drafts
    if not placement.notebooks or draft_refused:
        reason = "a draft that was never handed in" if draft_refused else "no notebook of this assignment in it"
        for parts, content in placement.files.items():
            if isinstance(content, Path):
                quarantine.add(
                    Problem(hand_in.download, hand_in.folder, "/".join(parts), f"the hand-in is {reason}"
                            if draft_refused else f"the hand-in has {reason}", content, owner)
                )  # fmt: skip
        if not placement.files and not placement.refused:
            quarantine.add(Problem(hand_in.download, hand_in.folder, "", f"the hand-in has {reason}", None, owner))
        row.state = "not graded"
        row.notes.insert(0, f"not graded: {reason}" + ("; an earlier hand-in stays" if target.is_dir() else ""))
        return row
    if hand_in.submitted:
        stamp = hand_in.submitted.strftime("%Y-%m-%d %H:%M:%S UTC") + "\n"
        placement.add(("timestamp.txt",), stamp, hashlib.sha256(stamp.encode()).hexdigest())
    row.other_files = len(placement.files) - len(placement.notebooks) - bool(hand_in.submitted)
    row.state = _write_folder(course, coursedir, placement, target, catalogue.assignment, owner, record, quarantine)
    if hand_in.submitted is None:
        row.notes.append("time unknown: no lateness can be counted")
    if len(row.notes) > _MAX_NOTES:
        row.notes[_MAX_NOTES:] = [f"{len(row.notes) - _MAX_NOTES} more notes, see files.csv and the quarantine"]
    return row


def place_hand_in(
    hand_in: HandIn, staging: Path, catalogue: Catalogue, settings: OpenOlat, roster: Roster
) -> Placement:
    """Decide which file of a hand-in goes where.

    Parameters
    ----------
    hand_in : HandIn
    staging : pathlib.Path
        An empty folder for what its archives hold.
    catalogue : Catalogue
    settings : OpenOlat
    roster : Roster

    Returns
    -------
    Placement
    """
    placement = Placement()
    budget = Budget(settings.limits, staging)
    files: list[StagedFile] = []
    for raw in hand_in.files:
        found, refusals = unpack(raw.staged, raw.path, budget)
        files += found
        placement.refused += [(r.original, r.reason, r.kept) for r in refusals]
        placement.fates += [(r.original, f"in quarantine: {r.reason}") for r in refusals]
    for file in list(files):
        if is_junk(file.parts):
            files.remove(file)
            what = "a checkpoint of the editor" if ".ipynb_checkpoints" in file.parts else "left by a system"
            placement.fates.append((file.original, what))
    notebooks = _recognise(files, catalogue, placement)
    for name, (file, recognised) in notebooks.items():
        content: Path | str = file.staged if recognised.converted is None else recognised.converted
        data = content.encode() if isinstance(content, str) else None
        sha256 = hashlib.sha256(data).hexdigest() if data is not None else file.sha256
        placement.add((f"{name}.ipynb",), content, sha256)
        placement.fates.append((file.original, f"notebook {name}"))
        placement.notes += [f"{name}: {note}" for note in recognised.notes]
        if file.name != f"{name}.ipynb":
            placement.notes.append(f"{name}: handed in as {file.name}")
    placement.notebooks = [name for name in catalogue.names if name in notebooks]
    placement.missing = [name for name in catalogue.names if name not in notebooks]
    if placement.missing and placement.notebooks:
        placement.notes.append(f"without {', '.join(placement.missing)}")
    base = next(iter(notebooks.values()))[0].parts[:-1] if notebooks else ()
    others = [f for f in files if not f.name.lower().endswith(".ipynb")]
    wanted = [_destination(f.parts, base) for f in others]
    # The notebooks' names are taken; what nbgrader reads itself is not the student's to write.
    taken = [*placement.files, ("timestamp.txt",)]
    for file, parts in zip(others, unique([*taken, *wanted])[len(taken) :], strict=True):
        placement.add(parts, file.staged, file.sha256)
        placement.fates.append((file.original, f"kept as {'/'.join(parts)}"))
        placement.notes += [f"{file.original}: {note}" for note in file.notes]
    _check_manifest(others, hand_in, catalogue.assignment, roster, files, placement)
    return placement


def _recognise(
    files: list[StagedFile], catalogue: Catalogue, placement: Placement
) -> dict[str, tuple[StagedFile, Recognised]]:
    """Return the notebook of each name; several for one name are settled by rules or refused."""
    found: dict[str, list[tuple[StagedFile, Recognised]]] = {}
    for file in files:
        if not file.name.lower().endswith(".ipynb"):
            continue
        try:
            if file.size > MAX_BYTES:
                raise NotebookError(f"is larger than {MAX_BYTES >> 20} MiB; its outputs must be cleared")
            recognised = catalogue.recognise(file.staged.read_bytes())
        except NotebookError as error:
            placement.refused.append((file.original, str(error), file.staged))
            placement.fates.append((file.original, f"in quarantine: {error}"))
            continue
        found.setdefault(recognised.name, []).append((file, recognised))
    result = {}
    for name, candidates in found.items():
        best = _one_of(name, candidates, catalogue)
        for file, recognised in candidates:
            if best and file is best[0]:
                continue
            if best and same_work(recognised, best[1]):
                reason = f"another copy of {name}, with the same text"
                placement.fates.append((file.original, reason))
                continue
            reason = (
                f"is a second {name}; {best[0].original} was taken"
                if best
                else f"is one of {len(candidates)} different copies of {name}, and nothing says which one counts"
            )
            placement.refused.append((file.original, reason, file.staged))
            placement.fates.append((file.original, f"in quarantine: {reason}"))
        if best:
            result[name] = best
    return result


def _one_of(
    name: str, candidates: list[tuple[StagedFile, Recognised]], catalogue: Catalogue
) -> tuple[StagedFile, Recognised] | None:
    """Return the copy of a notebook that counts.

    Copies with the same text are one; an untouched copy never counts beside another; among the others the one
    with the released name does, if there is just one.
    """

    def one(some: list[tuple[StagedFile, Recognised]]) -> bool:
        return bool(some) and all(same_work(some[0][1], other) for _, other in some)

    worked = [c for c in candidates if not catalogue.is_blank(c[1])]
    named = [c for c in worked if c[0].name == f"{name}.ipynb"]
    for some in (candidates, worked, named):
        if one(some):
            return min(some, key=lambda c: (c[0].name != f"{name}.ipynb", len(c[0].parts), c[0].parts))
    return None


def _destination(parts: tuple[str, ...], base: tuple[str, ...]) -> tuple[str, ...]:
    """Return where a file lies as seen from the notebooks, with artifacts always in `artifacts`."""
    if "artifacts" in parts[:-1]:
        return parts[parts.index("artifacts") :]
    return parts[len(base) :] if parts[: len(base)] == base else parts


def _check_manifest(
    others: list[StagedFile],
    hand_in: HandIn,
    assignment: str,
    roster: Roster,
    files: list[StagedFile],
    placement: Placement,
) -> None:
    """Compare the student's `submission.json`, if there is one, with what came and with the roster."""
    manifests = [f for f in others if f.name == "submission.json"]
    if not manifests:
        return
    try:
        if manifests[0].size > _MAX_MANIFEST:
            raise ValueError("it is too large")
        manifest = json.loads(manifests[0].staged.read_bytes())
        if not isinstance(manifest, dict):
            raise ValueError("it is no object")
        members = [m for m in manifest.get("members") or [] if isinstance(m, dict)]
        hashes = {str(k): v for k, v in (manifest.get("sha256") or {}).items() if isinstance(v, str)}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        placement.notes.append(f"its submission.json can't be read ({one_line(error, 200)})")
        return
    if manifest.get("assignment") not in (None, assignment):
        placement.notes.append(f"its submission.json is of {_quoted(manifest['assignment'])}")
    if len(members) > _MAX_MEMBERS:
        placement.notes.append(f"its submission.json names {len(members)} members; only the first were looked at")
        members = members[:_MAX_MEMBERS]
    have = {f.sha256 for f in files}
    changed = [path for path in sorted(hashes) if hashes[path] not in have]
    placement.notes += [f"{one_line(path, 200)} is not the file that was packed" for path in changed[:_MAX_NOTES]]
    ours = {s.student_id for s in hand_in.owner.members}
    for member in members:
        number, name = _number_of(member), _said(member.get("name") or "")
        student = roster.find(matriculation_number=number)
        if student is None:
            placement.notes.append(
                f"names {name} ({one_line(number)}), who is not in the roster: gets no marks from here"
            )
        elif hand_in.owner.is_group and student.student_id not in ours:
            their = ", ".join(student.groups) or "no group"
            placement.notes.append(f"names {student.name}, whom the roster has in {their}: gets no marks from here")
    named = {s.student_id for m in members if (s := roster.find(matriculation_number=_number_of(m)))}
    if hand_in.owner.is_group and members:
        left_out = [s.name for s in hand_in.owner.members if s.student_id not in named]
        if left_out:
            placement.notes.append(f"does not name {', '.join(left_out)}, whom the roster has in the group")
    group = manifest.get("group")
    group = str(group) if isinstance(group, (str, int)) else ""
    if group and hand_in.owner.is_group and not _same_group(group, hand_in.owner):
        placement.notes.append(f"says group {_quoted(group)}, the roster says {hand_in.owner.name!r}")


def _same_group(written: str, owner: Owner) -> bool:
    """Return whether a student's group number or name means a group of the roster."""
    mine, theirs = fold(written[:200]).casefold(), owner.owner_id.casefold()
    if mine == theirs or theirs.endswith(("_" + mine, "_" + mine.zfill(2))):
        return True
    # Compared as texts: digits there are in many scripts, and numbers of thousands of them.
    digits = theirs[len(theirs.rstrip("0123456789")) :]
    return bool(digits) and mine.isascii() and mine.isdecimal() and mine.lstrip("0") == digits.lstrip("0")


def _quoted(value: Any) -> str:
    """Return what a student's JSON says, as a note may quote it."""
    return repr(_said(value)) if isinstance(value, str) else _said(value)


def _said(value: Any) -> str:
    return one_line(value) if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"


def _number_of(member: dict[str, Any]) -> str:
    """Return the matriculation number in a member of a student's JSON, empty if there is none."""
    number = member.get("matriculation_number")
    return str(number)[:100] if isinstance(number, (str, int)) else ""


def _judge_time(row: Row, hand_in: HandIn, assignment: str, settings: OpenOlat, config: Any, course: Path) -> None:
    zone = ZoneInfo(settings.timezone)
    due = deadline_of(course, config, assignment, hand_in.owner.owner_id, [s.student_id for s in hand_in.owner.members])
    if hand_in.draft:
        row.status = "draft, not handed in"
    elif hand_in.submitted is None:
        row.status = f"{hand_in.mark} (mark), time unknown" if hand_in.mark else "time unknown"
    else:
        row.submitted = hand_in.submitted.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        if due is None:
            row.status = f"{hand_in.mark} (mark)" if hand_in.mark else "no deadline set"
        elif hand_in.submitted > due:
            row.status, row.late_by = "late", _duration(hand_in.submitted - due)
        else:
            row.status = "extended" if hand_in.mark == "extended" else "on time"
            if hand_in.mark == "late":
                row.notes.append("OpenOlat marks it late, but it is before the deadline set here; are both the same?")
    if hand_in.mark == "extended" and row.status == "late":
        row.notes.append("OpenOlat knows an extension; is it in the extensions file too?")


def _duration(time: timedelta) -> str:
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(filter(None, parts)) or f"{seconds} s"


def _write_folder(
    course: Path,
    coursedir: CourseDirectory,
    placement: Placement,
    target: Path,
    assignment: str,
    owner: Owner,
    record: dict[str, Any],
    quarantine: _Quarantine,
) -> str:
    """Bring ``submitted/<id>/<assignment>`` up to date; return "new", "updated" or "unchanged"."""
    known = record.get(owner.owner_id, {}).get("content")
    there = _folder_hash(target) if target.is_dir() else None
    if there == placement.content or (there is not None and known == placement.content):
        # The second case: changed by hand since, which a download without news does not undo.
        record[owner.owner_id] = {"content": placement.content}
        return "unchanged"
    if there is not None and there != known:
        quarantine.keep_folder(target, owner, "changed by hand before a newer hand-in came; replaced by that")
    new = target.with_name(f".{target.name}.new")
    if new.exists():
        scratch.remove(new)
    for parts, content in placement.files.items():
        path = new.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_bytes(content.encode())
        path.chmod(0o644)
    if target.is_dir():
        scratch.remove(target)
    new.rename(target)
    # What was made from the older hand-in is stale; without it, both autograders do this one again.
    for stage in (coursedir.autograded_directory, coursedir.feedback_directory):
        made = Path(coursedir.format_path(stage, owner.owner_id, assignment))
        if made.is_dir():
            scratch.remove(made)
    record[owner.owner_id] = {"content": placement.content}
    return "new" if there is None else "updated"


def _folder_hash(folder: Path) -> str:
    files = []
    for root, folders, names in os.walk(folder):
        for path in (Path(root, name) for name in [*names, *folders]):
            name = path.relative_to(folder).as_posix()
            try:
                kind = path.lstat().st_mode
                if stat.S_ISREG(kind):
                    with path.open("rb") as file:
                        files.append((name, hashlib.file_digest(file, "sha256").hexdigest()))
                elif not stat.S_ISDIR(kind):
                    files.append((name, f"of the kind {stat.S_IFMT(kind):o}"))  # a person put it there
            except OSError as error:
                files.append((name, f"not read: {error.errno}"))
    return content_hash(files)


class _Quarantine:
    """The folder with what could not be placed, and the table with the reasons."""

    columns = ("download", "folder", "student_id", "file", "reason", "kept_as")

    def __init__(self, course: Path, assignment: str) -> None:
        self.folder = course / "quarantine" / assignment
        self.table = self.folder / "reasons.csv"
        self.rows: list[dict[str, str]] = []
        if self.table.is_file():
            with self.table.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))
        self._new: list[dict[str, str]] = []

    def forget(self, folders: Any) -> None:
        """Drop what an earlier collection said about the owner folders that are read again now."""
        again = set(map(as_cell, folders))  # as the table has them
        stay = []
        for row in self.rows:
            if (row["folder"] or row["student_id"] or row["download"]) in again and row["folder"] != "(by hand)":
                self._remove(row["kept_as"])
            else:
                stay.append(row)
        self.rows = stay

    def _remove(self, kept_as: str) -> None:
        path = (self.folder / kept_as.removeprefix("'")).resolve()
        if kept_as and self.folder.resolve() in path.parents and path.is_file():
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()

    def add(self, problem: Problem) -> None:
        """Note a problem and keep a copy of its file."""
        row = {
            "download": problem.download,
            "folder": problem.folder,
            "student_id": problem.owner.owner_id if problem.owner else "",
            "file": problem.file,
            "reason": problem.reason,
            "kept_as": "",
        }
        # A whole download stays where the instructor has it.
        if problem.kept and problem.kept.is_file() and problem.kept.name != problem.download:
            with problem.kept.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            # Of an entry that was not read, the archive is what can be kept.
            name = clean_name(problem.file.split("!")[0 if "!" in problem.file else -1].rpartition("/")[2] or "file")
            kept = Path(clean_name(problem.folder or problem.download), f"{sha256[:8]}-{name}")
            (self.folder / kept).parent.mkdir(parents=True, exist_ok=True)
            if not (self.folder / kept).exists():
                shutil.copyfile(problem.kept, self.folder / kept)
            row["kept_as"] = kept.as_posix()
        if row not in self._new:
            self._new.append(row)

    def keep_folder(self, folder: Path, owner: Owner, reason: str) -> None:
        """Keep a copy of a folder that is about to be replaced."""
        number = 1
        while (self.folder / "replaced" / f"{owner.owner_id}-{number}").exists():
            number += 1
        kept = self.folder / "replaced" / f"{owner.owner_id}-{number}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, kept, symlinks=True, ignore=_not_plain)
        self._new.append(
            {
                "download": "",
                "folder": "(by hand)",
                "student_id": owner.owner_id,
                "file": folder.name,
                "reason": reason,
                "kept_as": kept.relative_to(self.folder).as_posix(),
            }
        )

    def write(self) -> list[dict[str, str]]:
        """Write the table; return its rows."""
        rows = self.rows + [row for row in self._new if row not in self.rows]
        if rows or self.table.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_csv(self.table, self.columns, ([row[c] for c in self.columns] for row in rows))
        return rows


def _owner_ids(roster: Roster) -> list[str]:
    return [*(s.student_id for s in roster.students), *(g.owner_id for g in roster.groups)]


def _where(hand_in: HandIn) -> str:
    return f"in {hand_in.folder or hand_in.download} ({hand_in.download})"


def _write_tables(collection: Collection, report: Path, now: datetime) -> None:
    rows = [{**asdict(row), "notes": "; ".join(row.notes)} for row in collection.rows]
    rows += [
        {**asdict(Row(owner.owner_id, owner.name, state="nothing handed in")), "notes": ""}
        for owner in collection.nothing
    ]
    columns = [*asdict(Row("", ""))]
    write_csv(report / "collected.csv", columns, ([row[c] for c in columns] for row in rows))
    write_csv(report / "files.csv", ("download", "file", "fate"), collection.fates)
    states = ("new", "updated", "unchanged", "not graded")
    counts = [sum(row.state == state for row in collection.rows) for state in states]
    write_csv(
        report / "collections.csv",
        ["time", *states, "in quarantine", "nothing"],
        [[now.isoformat(timespec="seconds"), *counts, len(collection.quarantined), len(collection.nothing)]],
        append=True,
    )


def _not_plain(folder: str, names: list[str]) -> list[str]:
    """Return what of a folder is no plain file, folder or link, so that nothing waits for a pipe."""
    kinds = {name: Path(folder, name).lstat().st_mode for name in names}
    return [
        name for name, kind in kinds.items() if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind))
    ]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
