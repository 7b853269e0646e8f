"""Deadlines, extensions, and what lateness costs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from nbgrader.api import MissingEntry
from nbgrader.plugins import LateSubmissionPlugin
from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import coursedir, open_gradebook
from course_utils.classroom.mistakes import Mistake, nearest
from course_utils.classroom.names import fold
from course_utils.classroom.roster import Roster
from course_utils.classroom.settings import Deadlines, MomentError, OpenOlat, is_whole_day, parse_moment
from course_utils.classroom.spreadsheets import SavedTable, read_saved_table
from course_utils.errors import CourseError

__all__ = [
    "LatePolicy",
    "deadline_of",
    "deadlines_told",
    "penalty",
    "read_extensions",
    "sync_gradebook",
    "whole_day_told",
    "wrong_extensions",
]

_EXTENSION = {"student_id": ("id",), "assignment": (), "due": ("deadline", "frist")}


def read_extensions(course: Path, config: Config) -> dict[tuple[str, str], datetime]:
    """Read the later deadlines of single students or groups.

    Parameters
    ----------
    course : pathlib.Path
    config : traitlets.config.Config

    Returns
    -------
    dict
        From (student or group id, assignment) to the deadline in UTC. Empty if there is no such file.

    Raises
    ------
    CourseError
        If rows cannot be understood; the text names them.
    """
    path = Path(course) / Deadlines(config=config).extensions_file
    if not path.is_file():
        return {}
    zone, table = OpenOlat(config=config).timezone, _extension_table(course, config)
    extensions, problems = {}, list(table.problems)
    for number, cells in table.rows:
        try:
            due = parse_moment(cells["due"], zone)
        except MomentError as error:
            problems.append(f"row {number}: {error}")
            continue
        extensions[(cells["student_id"], cells["assignment"])] = due
    if problems:
        raise CourseError("\n".join([f"{path.name} can't be used:", *(f"- {line}" for line in problems)]))
    return extensions


def wrong_extensions(
    course: Path, config: Config, roster: Roster | None, assignments: Collection[str]
) -> list[Mistake]:
    """Return what is wrong with the later deadlines: a file that is not there or can't be read, names of nobody.

    Parameters
    ----------
    course : pathlib.Path
    config : traitlets.config.Config
        With values that settings can have.
    roster : Roster, optional
        Without it, students are not looked up.
    assignments : collection of str
        Those in ``source/``.
    """
    name = Deadlines(config=config).extensions_file
    if not (Path(course) / name).is_file():
        if "extensions_file" not in config.Deadlines:
            return []
        return [Mistake(f"c.Deadlines.extensions_file is {name!r}, but there is no such file in {course}.", "warning")]
    try:
        read_extensions(course, config)
    except CourseError as error:
        return [Mistake(str(error))]
    found = []
    people = {*roster.owner_ids, *(group.name for group in roster.groups)} if roster else set()
    for number, cells in _extension_table(course, config).rows:
        for text, names in ((cells["student_id"], people), (cells["assignment"], assignments)):
            if names and text not in names:
                near = nearest(text, names)
                told = f"Did you mean {near!r}?" if near else "It has no effect."
                kind = "student or group in the roster" if names is people else "folder of source/"
                found.append(Mistake(f"{name}, row {number}: {text!r} is no {kind}. {told}", "warning"))
    return found


def _extension_table(course: Path, config: Config) -> SavedTable:
    return read_saved_table(Path(course) / Deadlines(config=config).extensions_file, _EXTENSION, [*_EXTENSION])


def deadlines_told(config: Config, assignments: Iterable[str]) -> str:
    """Return in a sentence when which assignment is due, and what lateness costs.

    Parameters
    ----------
    config : traitlets.config.Config
    assignments : iterable of str
    """
    deadlines, zone = Deadlines(config=config), OpenOlat(config=config).timezone
    due, none = [], []
    for name in assignments:
        if moment := _general_deadline(config, name):
            local = moment.astimezone(ZoneInfo(zone))
            due.append(whole_day_told(config, name) or f"{name}: {local:%Y-%m-%d %H:%M}")
        else:
            none.append(name)
    parts = ["; ".join(due) + f" (times of {zone})"] if due else []
    parts += [f"none for {', '.join(none)}"] if none else []
    share = f" ({deadlines.percent_per_day:g} %)" if deadlines.policy == "percent per started day" else ""
    return "; ".join([*parts, f"lateness costs: {deadlines.policy}{share}"])


def whole_day_told(config: Config, assignment: str) -> str:
    """Return what it means that the deadline of an assignment is a date without a time, empty if it has one.

    Parameters
    ----------
    config : traitlets.config.Config
    assignment : str
    """
    due = str(Deadlines(config=config).due.get(assignment) or "")
    return f"{assignment}: {due} at 23:59:59, the end of the day, as no time is set" if is_whole_day(due) else ""


def deadline_of(
    course: Path, config: Config, assignment: str, owner_id: str, members: Iterable[str] = ()
) -> datetime | None:
    """Return when an assignment is due for one student or group, in UTC; None if nothing is set.

    Parameters
    ----------
    course : pathlib.Path
    config : traitlets.config.Config
    assignment, owner_id : str
    members : iterable of str
        Student ids: an extension of one member is one of the group.

    Returns
    -------
    datetime.datetime or None
    """
    general = _general_deadline(config, assignment)
    extensions = read_extensions(course, config)
    own = [
        due
        for (who, what), due in extensions.items()
        if what == assignment and (who in {owner_id, *members} or fold(who) == owner_id)
    ]
    return max([due for due in (general, *own) if due], default=None) if general or own else None


def _general_deadline(config: Config, assignment: str) -> datetime | None:
    due = Deadlines(config=config).due.get(assignment)
    return parse_moment(str(due), OpenOlat(config=config).timezone) if due else None


def penalty(deadlines: Deadlines, assignment: str, score: float, seconds_late: float) -> float:
    """Return what lateness costs.

    Parameters
    ----------
    deadlines : Deadlines
        The policy.
    assignment : str
        For its grace.
    score : float
        Points reached.
    seconds_late : float
        Time after the deadline, extension included.

    Returns
    -------
    float
        Points, from 0 to `score`.

    Examples
    --------
    >>> policy = Deadlines(policy="percent per started day", percent_per_day=10, grace_minutes={"*": 15})
    >>> [penalty(policy, "losses", 20.0, late) for late in (900, 901, 86_401)]
    [0.0, 2.0, 4.0]
    """
    if seconds_late <= deadlines.grace(assignment) or score <= 0 or deadlines.policy == "none":
        return 0.0
    if deadlines.policy == "hard stop":
        return score
    # Days count from the deadline, not from the end of the grace.
    days = math.ceil(seconds_late / 86_400)
    if deadlines.max_days and days > deadlines.max_days:
        return score
    return min(score, score * days * deadlines.percent_per_day / 100)


class LatePolicy(LateSubmissionPlugin):
    """nbgrader's plugin for what lateness costs; set up in `Deadlines`.

    In ``nbgrader_config.py``: ``c.AssignLatePenalties.plugin_class = "course_utils.classroom.deadlines.LatePolicy"``.
    """

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Return the points that lateness costs one notebook, None if nothing."""
        # nbgrader tells the plugin no assignment; the preprocessor that owns the plugin knows it.
        assignment = getattr(self.parent, "assignment_id", "") or ""
        return penalty(Deadlines(config=self.config), assignment, score, total_seconds_late) or None


def sync_gradebook(course: Path, roster: Roster, assignment: str, *, known_only: bool = False) -> None:
    """Bring students, the deadline and extensions of an assignment into nbgrader's gradebook.

    Parameters
    ----------
    course : pathlib.Path
    roster : Roster
    assignment : str
        Its submissions, as far as the gradebook has them, get the extensions.
    known_only : bool, optional
        Do nothing for an assignment that the gradebook does not know.
    """
    config = load_config(course)
    folders = coursedir(course, config)
    due = _general_deadline(config, assignment)
    with open_gradebook(course, config) as gradebook:
        known = {s.id: s for s in gradebook.students}
        for s in roster.students:
            facts = {"first_name": s.first_name, "last_name": s.last_name, "email": s.email}
            have = known.get(s.student_id)
            if have is None or any((getattr(have, k) or "") != v for k, v in facts.items()):
                gradebook.update_or_create_student(s.student_id, **facts)
        for group in roster.groups:
            have = known.get(group.owner_id)
            if have is None or (have.last_name or "") != group.name:
                gradebook.update_or_create_student(group.owner_id, first_name="", last_name=group.name)
        naive = due.replace(tzinfo=None) if due else None
        try:
            entry = gradebook.find_assignment(assignment)
        except MissingEntry:
            if known_only:
                return
            entry = gradebook.update_or_create_assignment(assignment)
        # A deadline that somebody set in formgrader stays if the settings say nothing.
        if naive is not None and entry.duedate != naive:
            gradebook.update_or_create_assignment(assignment, duedate=naive)
        if entry.duedate is None:
            return
        for owner_id in [*(s.student_id for s in roster.students), *(g.owner_id for g in roster.groups)]:
            members = [s.student_id for s in (roster.owner(owner_id).members)]
            own = deadline_of(course, config, assignment, owner_id, members)
            extra = own.replace(tzinfo=None) - entry.duedate if own else timedelta(0)
            if extra <= timedelta(0):
                extra = timedelta(0)
            try:
                submission = gradebook.find_submission(assignment, owner_id)
            except MissingEntry:
                folder = Path(folders.format_path(folders.submitted_directory, owner_id, assignment))
                # An entry without files would look like a hand-in.
                if not extra or not folder.is_dir() or not entry.notebooks:
                    continue
                submission = gradebook.update_or_create_submission(assignment, owner_id)
            if (submission.extension or timedelta(0)) != extra:
                submission.extension = extra or None
                gradebook.db.commit()
