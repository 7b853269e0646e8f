"""`course collect`: from a platform's downloads to nbgrader's ``submitted/`` folder.

Four phases: *read* the downloads into hand-ins, *settle* which of an owner's hand-ins counts, *place* the files of
each, *write* what was placed. The first three change nothing but the staging folder.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from course_utils.classroom.deadlines import deadline_of, whole_day_told
from course_utils.classroom.one_run import only_run
from course_utils.classroom.roster import Owner, Roster
from course_utils.classroom.safety_net import attempt
from course_utils.grading import scratch
from course_utils.platforms.hand_ins import Download, HandIn, Problem, Wanted, newest_of_each
from course_utils.platforms.olat.downloads import read_download
from course_utils.stages.collection import Collection, Row, write_tables
from course_utils.stages.course_assignment import CourseAssignment, open_assignment
from course_utils.stages.laying_out import lay_out
from course_utils.stages.placing import Placement, place_hand_in
from course_utils.stages.quarantine import Quarantine

__all__ = ["Collection", "Row", "Settled", "collect", "place", "read", "settle", "write"]

_MAX_NOTES = 15


@dataclass
class Settled:
    """Which hand-ins count.

    Parameters
    ----------
    chosen : list of HandIn
        One per owner, in the order of the roster.
    older : list of (HandIn, HandIn)
        The others, each with the one that counts instead.
    undecided : list of Owner
        Of whose hand-ins nothing says which is newer: none counts.
    problems : list of Problem
        What can't be placed, so far.
    """

    chosen: list[HandIn]
    older: list[tuple[HandIn, HandIn]]
    undecided: list[Owner] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass
class Placed:
    """What becomes of one hand-in.

    Parameters
    ----------
    hand_in : HandIn
    placement : Placement
    row : Row
        Its line of the table; the state is written when the files are.
    refusal : str
        Why the hand-in as a whole does not count; empty if it does.
    verb : str
        Whether the hand-in "is" that or "has" it.
    """

    hand_in: HandIn
    placement: Placement
    row: Row
    refusal: str = ""
    verb: str = "has"

    @property
    def problems(self) -> list[Problem]:
        """What of it goes into quarantine."""
        hand_in, placement = self.hand_in, self.placement
        owner = hand_in.owner

        def problem(file: str, reason: str, kept: Path | None) -> Problem:
            return Problem(hand_in.download, hand_in.folder, file, reason, kept, owner)

        found = [problem(file, f"the file {reason}", kept) for file, reason, kept in placement.refused]
        if self.refusal:
            files = {"/".join(parts): content for parts, content in placement.files.items()}
            kept = {name: content for name, content in files.items() if isinstance(content, Path)}
            reason = f"the hand-in {self.verb} {self.refusal}"
            found += [problem(name, reason, content) for name, content in kept.items()]
            if not placement.files and not placement.refused:
                found.append(problem("", reason, None))
        return found


def collect(
    course: Path,
    assignment: str,
    files: Sequence[Path],
    *,
    wanted: Wanted | None = None,
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
    wanted : Wanted, optional
        What the instructor says about them.
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
        there = open_assignment(course, assignment)
        for left in course.glob(".collect-*"):
            scratch.remove(left)  # of a run that was killed: no other is going on now
        # Beside the course, so that files are moved, not copied.
        with tempfile.TemporaryDirectory(prefix=".collect-", dir=course) as staging:
            return _collect(
                there, files, wanted or Wanted(assignment), Path(staging), now or datetime.now(UTC), progress
            )


def _collect(
    there: CourseAssignment,
    files: Sequence[Path],
    wanted: Wanted,
    staging: Path,
    now: datetime,
    progress: Callable[[int, int, str], None] | None,
) -> Collection:
    report = there.course / "reports" / there.name
    report.mkdir(parents=True, exist_ok=True)
    record_path = report / "collected.json"
    record = json.loads(record_path.read_text(encoding="utf-8")) if record_path.is_file() else {}
    collection = Collection(there.name)
    quarantine = Quarantine(there.course, there.name)

    downloads = read(there, files, staging, wanted)
    settled = settle(downloads, there.roster)
    _forget_what_is_read_again(quarantine, downloads, settled)
    for i, hand_in in enumerate(settled.chosen):
        if progress:
            progress(i, len(settled.chosen), hand_in.owner.name)
        folder = staging / f"hand-in-{i}"
        folder.mkdir()
        work = functools.partial(_place_and_write, there, hand_in, folder, record, quarantine)
        placed, fault = attempt(there.course, hand_in.owner.owner_id, "collected", work)
        row = placed.row if placed else _failed(there.course, hand_in, fault, quarantine)
        row.notes += [
            f"also handed in {old.where}; this one is newer" for old, new in settled.older
            if new is hand_in and old.content != new.content
        ]  # fmt: skip
        collection.rows.append(row)
        if placed:
            fates = placed.placement.fates
            collection.fates += [(hand_in.download, f"{hand_in.folder}/{file}", fate) for file, fate in fates]
    if progress:
        progress(len(settled.chosen), len(settled.chosen), "")
    _quarantine_all(there.course, settled.problems, quarantine)
    for old, _ in settled.older:
        replaced = sorted({f.path for f in old.files})
        collection.fates += [(old.download, f"{old.folder}/{path}", "older hand-in") for path in replaced]
    collection.notes += filter(None, [whole_day_told(there.config, there.name)])
    for download in downloads:
        collection.notes += download.notes
        collection.fates += [(download.path.name, file, fate) for file, fate in download.fates]
    collection.quarantined, collection.quarantine = quarantine.write(), quarantine.folder

    collection.nothing = _who_sent_nothing(there, settled, set(record))
    _write_json(record_path, record)
    collection.table = report / "collected.csv"
    write_tables(collection, report, now)
    return collection


def read(there: CourseAssignment, files: Sequence[Path], staging: Path, wanted: Wanted) -> list[Download]:
    """Read downloads into hand-ins: the first phase.

    Parameters
    ----------
    there : CourseAssignment
    files : sequence of pathlib.Path
        The downloads.
    staging : pathlib.Path
        A folder for the files in them.
    wanted : Wanted

    Returns
    -------
    list of Download
    """
    downloads = []
    for i, path in enumerate(files):
        folder = staging / f"download-{i}"
        folder.mkdir()
        downloads.append(read_download(Path(path).resolve(), folder, wanted, there.roster, there.settings))
    return downloads


def settle(downloads: Sequence[Download], roster: Roster) -> Settled:
    """Settle which hand-in of each owner counts: the second phase.

    Parameters
    ----------
    downloads : sequence of Download
    roster : Roster

    Returns
    -------
    Settled
    """
    chosen, older, undecided = newest_of_each(h for d in downloads for h in d.hand_ins)
    problems = [problem for d in downloads for problem in d.problems]
    for candidates in undecided:
        told = ", ".join(f"{h.folder or h.download} in {h.download}" for h in candidates)
        for hand_in in candidates:
            owner = hand_in.owner
            reason = f"there are different hand-ins of {owner.name} ({told}) and no time says which is newer"
            problems += [
                Problem(hand_in.download, hand_in.folder, f.path, reason, f.staged, owner) for f in hand_in.files
            ]
    order = {owner_id: i for i, owner_id in enumerate(roster.owner_ids)}
    chosen.sort(key=lambda hand_in: order[hand_in.owner.owner_id])
    return Settled(chosen, older, [candidates[0].owner for candidates in undecided], problems)


def place(there: CourseAssignment, hand_in: HandIn, staging: Path) -> Placed:
    """Decide what becomes of a hand-in: the third phase.

    Parameters
    ----------
    there : CourseAssignment
    hand_in : HandIn
    staging : pathlib.Path
        An empty folder for what its archives hold.

    Returns
    -------
    Placed
    """
    owner, settings = hand_in.owner, there.settings
    placement = place_hand_in(hand_in, staging, there)
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
    _judge_time(row, hand_in, there)
    row.notes += [f"{file}: {reason}" for file, reason, _ in placement.refused]
    if hand_in.draft and not settings.accept_drafts:
        return Placed(hand_in, placement, row, "a draft that was never handed in", "is")
    if not placement.notebooks:
        return Placed(hand_in, placement, row, "no notebook of this assignment in it")
    if hand_in.submitted:
        stamp = hand_in.submitted.strftime("%Y-%m-%d %H:%M:%S UTC") + "\n"
        placement.add(("timestamp.txt",), stamp, hashlib.sha256(stamp.encode()).hexdigest())
    else:
        row.notes.append("time unknown: no lateness can be counted")
    row.other_files = len(placement.files) - len(placement.notebooks) - bool(hand_in.submitted)
    return Placed(hand_in, placement, row)


def write(there: CourseAssignment, placed: Placed, record: dict[str, Any], quarantine: Quarantine) -> None:
    """Write what was placed, and keep what was not: the last phase. Completes the row.

    Parameters
    ----------
    there : CourseAssignment
    placed : Placed
    record : dict
        What earlier collections laid out, by owner; brought up to date.
    quarantine : Quarantine
    """
    row, owner = placed.row, placed.hand_in.owner
    for problem in placed.problems:
        quarantine.add(problem)
    if placed.refusal:
        stays = "; an earlier hand-in stays" if there.folder_of("submitted", owner.owner_id).is_dir() else ""
        row.state = "not graded"
        row.notes.insert(0, f"not graded: {placed.refusal}{stays}")
    else:
        row.state = lay_out(placed.placement, owner, there, record, quarantine)
    if len(row.notes) > _MAX_NOTES:
        row.notes[_MAX_NOTES:] = [f"{len(row.notes) - _MAX_NOTES} more notes, see files.csv and the quarantine"]


def _place_and_write(
    there: CourseAssignment, hand_in: HandIn, staging: Path, record: dict[str, Any], quarantine: Quarantine
) -> Placed:
    placed = place(there, hand_in, staging)
    write(there, placed, record, quarantine)
    return placed


def _forget_what_is_read_again(quarantine: Quarantine, downloads: Sequence[Download], settled: Settled) -> None:
    quarantine.forget(h.folder or h.owner.owner_id for d in downloads for h in d.hand_ins)
    quarantine.forget(p.folder or p.download for p in settled.problems)
    quarantine.forget(d.path.name for d in downloads)


def _failed(course: Path, hand_in: HandIn, reason: str, quarantine: Quarantine) -> Row:
    """Return the row of a hand-in that this program could not cope with, and keep its files."""
    owner = hand_in.owner
    files = [(file.path, file.staged) for file in hand_in.files]
    problems = [Problem(hand_in.download, hand_in.folder, path, reason, kept, owner) for path, kept in files]
    _quarantine_all(course, problems, quarantine)
    return Row(owner.owner_id, owner.name, hand_in.folder, hand_in.download, state="not graded", notes=[reason])


def _quarantine_all(course: Path, problems: Sequence[Problem], quarantine: Quarantine) -> None:
    for problem in problems:
        who = problem.owner.owner_id if problem.owner else problem.folder or problem.download
        attempt(course, who, "put into quarantine", functools.partial(quarantine.add, problem))


def _who_sent_nothing(there: CourseAssignment, settled: Settled, known: set[str]) -> list[Owner]:
    roster = there.roster
    handed_in = {h.owner.owner_id for h in settled.chosen} | {owner.owner_id for owner in settled.undecided}
    by_group = there.name in there.settings.group_assignments or any(h.owner.is_group for h in settled.chosen)
    everyone = roster.groups if by_group else [roster.owner(s.student_id) for s in roster.students]
    nothing = [owner for owner in everyone if owner.owner_id not in handed_in | known]
    if by_group:
        nothing += [roster.owner(s.student_id) for s in roster.students if not s.groups]
    return nothing


def _judge_time(row: Row, hand_in: HandIn, there: CourseAssignment) -> None:
    zone, owner = ZoneInfo(there.settings.timezone), hand_in.owner
    due = deadline_of(there.course, there.config, there.name, owner.owner_id, [s.student_id for s in owner.members])
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


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
