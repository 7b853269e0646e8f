"""`course collect`: from a platform's downloads to nbgrader's ``submitted/`` folder.

Four phases: *read* the downloads into hand-ins, *settle* in which order an owner's hand-ins count, those of earlier
collections among them, *place* the files of the first that does, *write* what was placed. The first three change
nothing but the staging folder.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_utils.classroom.deadlines import deadline_of, whole_day_told
from course_utils.classroom.one_run import only_run
from course_utils.classroom.safety_net import attempt, is_the_machines
from course_utils.classroom.settings import Deadlines
from course_utils.grading import scratch
from course_utils.platforms import door
from course_utils.platforms.hand_ins import Download, HandIn, Problem, Wanted
from course_utils.stages.checking import Stopped
from course_utils.stages.choosing import take_up
from course_utils.stages.collection import Collection, Row, write_tables
from course_utils.stages.course_assignment import CourseAssignment, open_assignment
from course_utils.stages.kept import KeptHandIns
from course_utils.stages.laying_out import add_what_was_begun, begun_file, lay_out, take_back
from course_utils.stages.placing import MAX_NOTES, Placement, holds_work, place_hand_in
from course_utils.stages.quarantine import Quarantine
from course_utils.stages.settling import Settled, settle
from course_utils.stages.whereabouts import as_local, duration, laid_out_at, read_record, where_everybody_is

__all__ = ["Collection", "Row", "Settled", "collect", "place", "read", "settle", "write"]


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
    by_hand : bool
        Whether a person chose it.
    passed : list of Placed
        Other hand-ins of the owner that were looked at and do not count.
    rivals : frozenset of str
        All hand-ins of the owner that were compared, it itself among them.
    kept_out : str
        Why it does not replace what no collection knows; empty if it does.
    """

    hand_in: HandIn
    placement: Placement
    row: Row
    refusal: str = ""
    verb: str = "has"
    by_hand: bool = False
    passed: list[Placed] = field(default_factory=list)
    rivals: frozenset[str] = frozenset()
    kept_out: str = ""

    @property
    def why(self) -> str:
        """Why it does not count, behind its name."""
        return f"{self.verb} {self.refusal}" if self.refusal else "is an untouched copy"

    @property
    def problems(self) -> list[Problem]:
        """What of it goes into quarantine."""
        hand_in, placement = self.hand_in, self.placement
        owner = hand_in.owner

        def problem(file: str, reason: str, kept: Path | None) -> Problem:
            return Problem(hand_in.download, hand_in.folder, file, reason, kept, owner, hand_in.submitted)

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
        Downloads of the platform, see `course_utils.platforms.door`.
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
    CourseError
        If what `wanted` chooses is not there, or the disk is full.
    """
    course = Path(course).resolve()
    try:
        with only_run(course, f"collect {assignment}"):
            there = open_assignment(course, assignment)
            for left in course.glob(".collect-*"):
                scratch.remove(left)  # of a run that was killed: no other is going on now
            # Beside the course, so that files are moved, not copied.
            with tempfile.TemporaryDirectory(prefix=".collect-", dir=course) as staging:
                return _collect(
                    there, files, wanted or Wanted(assignment), Path(staging), now or datetime.now(UTC), progress
                )
    except OSError as error:
        if not is_the_machines(error):
            raise
        raise Stopped(
            f"The collection can't go on: {error}. What was collected before is kept, and so is what lies in "
            "quarantine; make room and collect the same downloads again."
        ) from error


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
    record = read_record(there.course, there.name)
    add_what_was_begun(record, there)
    collection = Collection(there.name)
    quarantine = Quarantine(there.course, there.name)
    kept = KeptHandIns(there.course, there.name, there.settings.timezone)

    downloads = read(there, files, staging, wanted)
    came = take_up(there, downloads, kept, quarantine, wanted, now)
    before = {who: kept.of(owner) for who, owner in came.owners.items()}
    weigh = functools.partial(holds_work, there, staging)
    settled = settle(downloads, there.roster, before, came.choices(kept), weigh)
    _forget_what_is_read_again(quarantine, downloads, settled)
    kept.write()  # before anything is laid out, so that a run that is killed loses nothing
    collection.notes += filter(None, (take_back(who, what, there, record, quarantine) for who, what in came.moved))
    for i, hand_in in enumerate(settled.chosen):
        if progress:
            progress(i, len(settled.chosen), hand_in.owner.name)
        folder = staging / f"hand-in-{i}"
        folder.mkdir()
        work = functools.partial(_place_and_write, there, settled, hand_in, folder, record, quarantine)
        placed, fault = attempt(there.course, hand_in.owner.owner_id, "collected", work)
        row = placed.row if placed else _failed(there.course, hand_in, fault, quarantine)
        collection.rows.append(row)
        _note_states(kept, settled.candidates(hand_in), placed)
        if placed:
            passed = [other.hand_in for other in placed.passed]
            others = [h for h in settled.candidates(hand_in) if h not in passed]
            row.notes += came.notes_on(others, placed.hand_in, by_hand=placed.by_hand)
            row.notes += came.note_on_earlier(settled.earlier(placed.hand_in))
            for each in filter(lambda one: came.now(one.hand_in), [placed, *placed.passed]):
                where = each.hand_in.download, each.hand_in.folder
                collection.fates += [(where[0], f"{where[1]}/{file}", fate) for file, fate in each.placement.fates]
    if progress:
        progress(len(settled.chosen), len(settled.chosen), "")
    _quarantine_all(there.course, settled.problems, quarantine)
    for hand_in in (h for owner in settled.undecided for h in kept.of(owner)):
        kept.note_state(hand_in, "undecided: nothing says which is newer")
    for old, _ in settled.older:
        replaced = sorted({f.path for f in old.files if came.now(old)})
        collection.fates += [(old.download, f"{old.folder}/{path}", "older hand-in") for path in replaced]
    collection.notes += _notes_on_times(there, kept)
    for download in downloads:
        collection.notes += download.notes
        collection.fates += [(download.path.name, file, fate) for file, fate in download.fates]
    collection.quarantined, collection.quarantine = quarantine.write(kept.has_file), quarantine.folder
    kept.write()
    _write_json(report / "collected.json", record)
    begun_file(there).unlink(missing_ok=True)
    _write_tables(collection, there, record, kept, now)
    return collection


def _notes_on_times(there: CourseAssignment, kept: KeptHandIns) -> list[str]:
    notes = []
    if kept.zone_before != kept.zone:
        told = f"OpenOlat.timezone was {kept.zone_before}, and is {kept.zone}"
        notes.append(f"{told}: all times that were collected before are read anew")
    return [*notes, *filter(None, [whole_day_told(there.config, there.name)])]


def _write_tables(
    collection: Collection, there: CourseAssignment, record: dict[str, Any], kept: KeptHandIns, now: datetime
) -> None:
    report = there.course / "reports" / there.name
    collection.everybody = where_everybody_is(there.course, there.name, there.config, there.roster)
    collection.table = report / "collected.csv"
    write_tables(collection, report, record, now)
    names = {entry.owner_id: entry.name for entry in collection.everybody}
    kept.write_table(report / "hand-ins.csv", names, functools.partial(as_local, zone=there.settings.timezone))


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
        downloads.append(door.read(Path(path).resolve(), folder, wanted, there.roster, there.settings))
    return downloads


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
        unread=", ".join(placement.unread),
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
    target = there.folder_of("submitted", owner.owner_id)
    if placed.refusal:
        stays = "; an earlier hand-in stays" if target.is_dir() else ""
        row.state = "not graded"
        row.notes.insert(0, f"not graded: {placed.refusal}{stays}")
    elif reason := _what_keeps_it_out(placed, target, record):
        row.state, placed.kept_out = "unchanged", reason
        chosen = f"take it with --choose {placed.hand_in.hand_in_id}"
        row.notes.insert(0, f"the hand-in {placed.hand_in.where} {reason}: nothing changes; {chosen}")
    else:
        row.state = lay_out(placed.placement, owner, there, record, quarantine)
        record[owner.owner_id] |= {
            "hand_in": placed.hand_in.hand_in_id, "untouched": placed.placement.untouched,
            "row": {**asdict(row), "state": "", "notes": row.notes[:MAX_NOTES]},
        }  # fmt: skip
    if len(row.notes) > MAX_NOTES:
        row.notes[MAX_NOTES:] = [f"{len(row.notes) - MAX_NOTES} more notes, see files.csv and the quarantine"]


def _what_keeps_it_out(placed: Placed, target: Path, record: dict[str, Any]) -> str:
    """Return why a hand-in does not replace what is laid out and was not compared with: no collection has it."""
    before = record.get(placed.hand_in.owner.owner_id, {})
    if placed.by_hand or not target.is_dir() or before.get("content") == placed.placement.content:
        return ""
    if before.get("hand_in") in placed.rivals:
        return ""
    there_since, mine = laid_out_at(target), placed.hand_in.submitted
    if placed.placement.untouched:
        what = "is an untouched copy, and something is laid out"
    elif there_since is None or (mine and mine >= there_since):
        return ""
    else:
        what = "is an older one than what is laid out" if mine else "has no time, and what is laid out has one"
    return what


def _place_and_write(
    there: CourseAssignment,
    settled: Settled,
    newest: HandIn,
    staging: Path,
    record: dict[str, Any],
    quarantine: Quarantine,
) -> Placed:
    candidates = settled.candidates(newest)
    chosen = settled.by_hand.get(newest.owner.owner_id)
    placed = place_first_that_counts(there, candidates, staging, chosen)
    placed.by_hand = placed.hand_in is chosen
    placed.rivals = frozenset(hand_in.hand_in_id for hand_in in candidates)
    for other in placed.passed:
        for problem in other.problems:
            quarantine.add(problem)
        if candidates.index(other.hand_in) < candidates.index(placed.hand_in):
            placed.row.notes.insert(
                0, f"not graded: the hand-in {other.hand_in.where} {other.why}; an earlier one counts"
            )
    if placed.by_hand:
        placed.row.notes.append("chosen by hand, which --choose newest undoes")
    write(there, placed, record, quarantine)
    return placed


def place_first_that_counts(
    there: CourseAssignment, candidates: Sequence[HandIn], staging: Path, chosen: HandIn | None = None
) -> Placed:
    """Place the newest hand-in that counts; where none does, the newest untouched copy, else the newest.

    Parameters
    ----------
    there : CourseAssignment
    candidates : sequence of HandIn
        Of one owner, newest first.
    staging : pathlib.Path
        An empty folder.
    chosen : HandIn, optional
        The one that a person chose: it counts even if it is an untouched copy.

    Returns
    -------
    Placed
        With the others that were looked at in `passed`.
    """
    looked_at: list[Placed] = []
    for number, hand_in in enumerate(candidates):
        folder = staging / str(number)
        folder.mkdir()
        looked_at.append(placed := place(there, hand_in, folder))
        if not placed.refusal and (not placed.placement.untouched or hand_in is chosen):
            break
    else:
        placed = next((p for p in looked_at if not p.refusal), looked_at[0])
    placed.passed = [other for other in looked_at if other is not placed]
    return placed


def _note_states(kept: KeptHandIns, candidates: Sequence[HandIn], placed: Placed | None) -> None:
    """Note for each hand-in of somebody what became of it."""
    for hand_in in candidates:
        kept.note_state(hand_in, "older" if placed else "could not be collected")
    for other in placed.passed if placed else ():
        kept.note_state(other.hand_in, other.why)
    if placed:
        how = ", chosen by hand" if placed.by_hand else ""
        kept.note_state(placed.hand_in, placed.why if placed.refusal else placed.kept_out or f"laid out{how}")


def _forget_what_is_read_again(quarantine: Quarantine, downloads: Sequence[Download], settled: Settled) -> None:
    owners = {*(h.owner.owner_id for h in settled.chosen), *(owner.owner_id for owner in settled.undecided)}
    quarantine.forget((h.folder or h.owner.owner_id for d in downloads for h in d.hand_ins), owners)
    quarantine.forget(p.folder or p.download for p in settled.problems)
    quarantine.forget(d.path.name for d in downloads)


def _failed(course: Path, hand_in: HandIn, reason: str, quarantine: Quarantine) -> Row:
    """Return the row of a hand-in that this program could not cope with, and keep its files."""
    owner = hand_in.owner
    files = [(file.path, file.staged) for file in hand_in.files]
    problems = [
        Problem(hand_in.download, hand_in.folder, path, reason, kept, owner, hand_in.submitted) for path, kept in files
    ]
    _quarantine_all(course, problems, quarantine)
    return Row(owner.owner_id, owner.name, hand_in.folder, hand_in.download, state="not graded", notes=[reason])


def _quarantine_all(course: Path, problems: Sequence[Problem], quarantine: Quarantine) -> None:
    for problem in problems:
        who = problem.owner.owner_id if problem.owner else problem.folder or problem.download
        attempt(course, who, "put into quarantine", functools.partial(quarantine.add, problem))


def _judge_time(row: Row, hand_in: HandIn, there: CourseAssignment) -> None:
    owner = hand_in.owner
    due = deadline_of(there.course, there.config, there.name, owner.owner_id, [s.student_id for s in owner.members])
    if hand_in.draft:
        row.status = "draft, not handed in"
    elif hand_in.submitted is None:
        row.status = f"{hand_in.mark} (mark), time unknown" if hand_in.mark else "time unknown"
    else:
        row.submitted = as_local(hand_in.submitted, there.settings.timezone)
        if due is None:
            row.status = f"{hand_in.mark} (mark)" if hand_in.mark else "no deadline set"
        elif hand_in.submitted > due:
            late = hand_in.submitted - due
            row.status, row.late_by = "late", duration(late)
            policy = Deadlines(config=there.config)
            if policy.policy != "none" and late.total_seconds() <= policy.grace(there.name):
                row.notes.append(f"within the grace of {policy.grace(there.name) / 60:g} minutes: it costs nothing")
        else:
            row.status = "extended" if hand_in.mark == "extended" else "on time"
            if hand_in.mark == "late":
                row.notes.append("OpenOlat marks it late, but it is before the deadline set here; are both the same?")
    if hand_in.mark == "extended" and row.status == "late":
        row.notes.append("OpenOlat knows an extension; is it in the extensions file too?")


def _write_json(path: Path, value: Any) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
