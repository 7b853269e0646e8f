"""Where everybody's work on an assignment is: one answer, for the tables of collecting and of grading alike."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.classroom.deadlines import deadline_of
from course_utils.classroom.folder import assignments, submitted_folders
from course_utils.classroom.roster import Owner, Roster, read_roster
from course_utils.classroom.settings import OpenOlat
from course_utils.grading.submissions import handed_in_at
from course_utils.stages.quarantine import BY_HAND, Quarantine

__all__ = [
    "LAID_OUT", "NOTHING", "QUARANTINE", "UNTOUCHED", "Whereabouts", "kept_in_quarantine", "read_record",
    "where_everybody_is",
]  # fmt: skip

NOTHING, LAID_OUT, UNTOUCHED, QUARANTINE = "nothing handed in", "laid out", "untouched copy", "in quarantine"
_MOST_REASONS = 3


@dataclass(frozen=True)
class Whereabouts:
    """Where one student's or group's work is.

    Parameters
    ----------
    owner_id : str
        As nbgrader knows them; of somebody who is not in the roster, the name of their folder.
    name : str
    state : str
        One of `NOTHING`, `LAID_OUT`, `UNTOUCHED` (laid out, as it was released) and `QUARANTINE`.
    reasons : tuple of str
        Why something of it, or all of it, is in quarantine.
    submitted, late_by : str
        When, in the zone of the course, and how long after the deadline; empty if that is unknown, or not late.
    in_roster : bool
    unread : str
        Notebooks that what is laid out lacks, and that may be in quarantine.
    """

    owner_id: str
    name: str
    state: str = NOTHING
    reasons: tuple[str, ...] = ()
    submitted: str = ""
    late_by: str = ""
    in_roster: bool = True
    unread: str = ""

    @property
    def where(self) -> str:
        """The state, with the reason where it needs one."""
        return f"{self.state}: {self.why}" if self.state == QUARANTINE else self.state

    @property
    def why(self) -> str:
        """The reasons, a few of them."""
        more = f" (and {len(self.reasons) - _MOST_REASONS} more)" if len(self.reasons) > _MOST_REASONS else ""
        return "; ".join(self.reasons[:_MOST_REASONS]) + more

    @property
    def why_nothing(self) -> str:
        """Why there is nothing to grade, as it follows a name; empty if there is something."""
        if self.is_laid_out:
            return ""
        return f"handed in, but in quarantine: {self.why}" if self.reasons else "nothing was handed in"

    @property
    def why_half(self) -> str:
        """Why a part of what was handed in is not graded; empty if all of it is, or nothing."""
        if not (self.is_laid_out and self.unread and self.reasons):
            return ""
        return f"{self.unread} was not graded, as it may be among what is in quarantine: {self.why}"

    @property
    def is_laid_out(self) -> bool:
        """Whether there is something to grade."""
        return self.state in (LAID_OUT, UNTOUCHED)


def where_everybody_is(course: Path, assignment: str, config: Config, roster: Roster | None) -> list[Whereabouts]:
    """Return where the work of everybody is: of the roster, and of whoever handed in.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    config : traitlets.config.Config
    roster : Roster or None
        None: students are known by their folders alone.

    Returns
    -------
    list of Whereabouts
        In the order of the roster; strangers behind it.
    """
    looking = _Looking(Path(course).resolve(), assignment, config, roster or Roster(()))
    return [looking.at(owner_id) for owner_id in looking.everybody()]


def kept_in_quarantine(course: Path) -> dict[str, list[str]]:
    """Return by student_id what somebody handed in that is not laid out, all or a part, and why: no mark knows of it.

    Parameters
    ----------
    course : pathlib.Path
        With a roster.
    """
    config, roster = load_config(course), read_roster(course)
    found: dict[str, list[str]] = {}
    for assignment in assignments(course):
        for entry in where_everybody_is(course, assignment, config, roster):
            told = entry.why_nothing if entry.state == QUARANTINE else entry.why_half
            if told and entry.in_roster:
                for student in roster.owner(entry.owner_id).members:
                    found.setdefault(student.student_id, []).append(f"{assignment}: {told}")
    return found


def read_record(course: Path, assignment: str) -> dict[str, Any]:
    """Return what earlier collections laid out, by owner; a damaged record is none."""
    path = Path(course) / "reports" / assignment / "collected.json"
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def laid_out_at(folder: Path) -> datetime | None:
    """Return when what lies in a folder of `submitted/` was handed in; None if nothing says it."""
    time = handed_in_at(folder)
    return time.replace(tzinfo=UTC) if time else None


def duration(time: timedelta) -> str:
    """Return how long something took, for a table.

    Examples
    --------
    >>> duration(timedelta(days=1, hours=15)), duration(timedelta(seconds=5))
    ('1 d 15 h', '5 s')
    """
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(filter(None, parts)) or f"{seconds} s"


def as_local(time: datetime | None, zone: str) -> str:
    """Return a time as people of the course read it; empty if it is unknown."""
    return time.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S") if time else ""


@dataclass
class _Looking:
    """What is looked at, read once."""

    course: Path
    assignment: str
    config: Config
    roster: Roster
    folders: dict[str, Path] = field(init=False)
    reasons: dict[str, list[str]] = field(init=False)
    times: dict[str, datetime] = field(init=False, default_factory=dict)
    record: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.folders = submitted_folders(self.course, self.config, self.assignment)
        self.reasons = self._reasons()
        self.record = read_record(self.course, self.assignment)
        self.settings = OpenOlat(config=self.config)

    def _reasons(self) -> dict[str, list[str]]:
        """Return why things are in quarantine, by whose they are; a stranger is known by the folder. Fills `times`."""
        found: dict[str, list[str]] = {}
        for row in Quarantine(self.course, self.assignment).rows:
            who = row["student_id"]
            if row["folder"] == BY_HAND or not (who or row["folder"]):
                continue  # not handed in; or a whole download, of nobody in particular
            if not who:
                owners = self.roster.owners_of(row["folder"])
                who = owners[0].owner_id if len(owners) == 1 else row["folder"]
            reasons = found.setdefault(who, [])
            if row["reason"] not in reasons:
                reasons.append(row["reason"])
            with contextlib.suppress(ValueError):  # unknown, or a spreadsheet wrote it anew
                time = datetime.fromisoformat(row["submitted"])
                if time.tzinfo:
                    self.times[who] = max(time, self.times.get(who, time))
        return found

    def everybody(self) -> list[str]:
        """Return whose work is, or should be, somewhere."""
        found = {*self.folders, *self.reasons}
        groups = {group.owner_id: group for group in self.roster.groups}
        by_group = self.assignment in self.settings.group_assignments or any(who in groups for who in found)
        in_order = [s.student_id for s in self.roster.students if not (by_group and s.groups)]
        if by_group:
            in_order += groups
        known = [who for who in self.roster.owner_ids if who in found or who in in_order]
        return [*known, *sorted(found - set(known))]

    def at(self, who: str) -> Whereabouts:
        """Return where somebody's work is."""
        owner = self.roster.owner(who)
        name, reasons = owner.name if owner else who, tuple(self.reasons.get(who, ()))
        if who not in self.folders:
            state, time = QUARANTINE if reasons else NOTHING, self.times.get(who)
            return Whereabouts(
                who, name, state, reasons, as_local(time, self.settings.timezone), self._late_by(who, owner, time),
                owner is not None,
            )  # fmt: skip
        time = laid_out_at(self.folders[who])
        laid = self.record.get(who)
        untouched = isinstance(laid, dict) and laid.get("untouched") is True
        row = laid.get("row") if isinstance(laid, dict) else None
        unread = str(row.get("unread") or "") if isinstance(row, dict) else ""
        return Whereabouts(
            who, name, UNTOUCHED if untouched else LAID_OUT, reasons, as_local(time, self.settings.timezone),
            self._late_by(who, owner, time), owner is not None, unread,
        )  # fmt: skip

    def _late_by(self, who: str, owner: Owner | None, time: datetime | None) -> str:
        members: Iterable[str] = [s.student_id for s in owner.members] if owner else ()
        due = deadline_of(self.course, self.config, self.assignment, who, members) if time else None
        return duration(time - due) if due and time > due else ""
