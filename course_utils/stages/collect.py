"""`course collect`: from OpenOlat's downloads to nbgrader's ``submitted/`` folder."""

from __future__ import annotations

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

from course_utils.classroom.deadlines import deadline_of
from course_utils.classroom.one_run import only_run
from course_utils.classroom.roster import Owner, Roster, read_roster
from course_utils.classroom.safety_net import attempt
from course_utils.classroom.settings import OpenOlat, course_config
from course_utils.classroom.tables import write_csv
from course_utils.grading import scratch
from course_utils.notebooks.recognising import Catalogue, read_catalogue
from course_utils.platforms.hand_ins import Download, HandIn, Problem, content_hash, newest_of_each
from course_utils.platforms.olat.downloads import read_download
from course_utils.stages.placing import MAX_NOTES, Placement, place_hand_in
from course_utils.stages.quarantine import Quarantine, where, write_json

__all__ = ["Collection", "Row", "collect"]


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
        Downloads of OpenOlat, see `course_utils.platforms.olat.downloads.read_download`.
    student, task, owners
        See `course_utils.platforms.olat.downloads.read_download`.
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
    quarantine = Quarantine(course, assignment)
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
                f"also handed in {where(old)}; this one is newer" for old, new in older
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
    write_json(record_path, record)
    collection.quarantine = quarantine.folder
    collection.table = report / "collected.csv"
    _write_tables(collection, report, now or datetime.now(UTC))
    return collection


def _failed(course: Path, hand_in: HandIn, reason: str, quarantine: Quarantine) -> Row:
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
    quarantine: Quarantine,
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
    if len(row.notes) > MAX_NOTES:
        row.notes[MAX_NOTES:] = [f"{len(row.notes) - MAX_NOTES} more notes, see files.csv and the quarantine"]
    return row


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
    quarantine: Quarantine,
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


def _owner_ids(roster: Roster) -> list[str]:
    return [*(s.student_id for s in roster.students), *(g.owner_id for g in roster.groups)]


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
