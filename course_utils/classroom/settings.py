"""Settings of a course that concern OpenOlat, deadlines and lateness; they live in ``nbgrader_config.py``.

Each carries in its tag what somebody is told who gave it a value that it can't have: `must`, what it has to be; `each`,
likewise for one entry of a dict; `right` and `right_each`, which make from a likely mistake what was meant.
`by_assignment` says that its keys or entries are names of assignments, `for_all_others` that ``"*"`` is one.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from traitlets import Bool, Dict, Enum, Float, Integer, List, TraitError, TraitType, Unicode, validate
from traitlets.config import LoggingConfigurable

from course_utils.errors import CourseError
from course_utils.handins.limits import Limits

__all__ = ["Deadlines", "ExamOffice", "MomentError", "OpenOlat", "is_whole_day", "parse_moment"]

# Seconds count in whole numbers, in OpenOlat's tables too.
_END_OF_DAY = time(23, 59, 59)


class MomentError(CourseError, ValueError):
    """A text is no date and time."""


def parse_moment(text: str, zone: str) -> datetime:
    """Read a date and time.

    Parameters
    ----------
    text : str
        ISO 8601, such as ``2026-11-20 18:00`` or ``2026-11-20T17:00Z``. A date without a time means the end of that
        day, 23:59:59.
    zone : str
        Time zone of a `text` that names none. In the hour that autumn has twice, the later one is meant.

    Returns
    -------
    datetime.datetime
        Aware, in UTC.

    Raises
    ------
    MomentError
        If `text` is no date and time.

    Examples
    --------
    >>> parse_moment("2026-11-20 18:00", "Europe/Berlin").isoformat()
    '2026-11-20T17:00:00+00:00'
    """
    text = text.strip()
    try:
        if is_whole_day(text):
            moment = datetime.combine(date.fromisoformat(text), _END_OF_DAY)
        else:
            moment = datetime.fromisoformat(text)
        if not 2000 <= moment.year < 3000:
            raise ValueError("a mistyped year")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone), fold=1)
        return moment.astimezone(UTC)
    except ValueError as error:
        meant = _as_iso(text)
        write = f" Write '{meant}'" if meant else ""
        raise MomentError(f"A date and time must look like '2026-11-20 18:00', got {text!r}.{write}") from error


def is_whole_day(text: str) -> bool:
    """Return whether a text is a date without a time.

    Examples
    --------
    >>> is_whole_day("2026-11-20"), is_whole_day("2026-11-20 18:00"), is_whole_day("tomorrow")
    (True, False, False)
    """
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


_GERMAN_DATE = re.compile(
    r"\s*(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4})(?:[ ,]+(?:um )?(\d{1,2})(?:[:.](\d{2}))?(?: Uhr)?)?\s*"
)


def _as_iso(value: object) -> object:
    """Return a date as German writes it in the form that is read, else None."""
    found = _GERMAN_DATE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    day, month, year, hour, minute = found.groups()
    text = f"{year}-{month:0>2}-{day:0>2}" + (f" {hour:0>2}:{minute or '00'}" if hour else "")
    try:
        parse_moment(text, "UTC")
    except MomentError:
        return None
    return text


def _as_number(value: object) -> object:
    """Return the number that a text holds, else None."""
    try:
        number = float(str(value).strip().removesuffix("%").replace(",", ".")) if isinstance(value, str) else math.nan
    except ValueError:
        return None
    return None if not math.isfinite(number) else int(number) if number.is_integer() else number


def _for_all(value: object) -> object:
    """Return the number that a text holds as a setting for all assignments, else None."""
    number = _as_number(value)
    return None if number is None else {"*": number}


class Amount(Float):
    """A number; neither a truth value, nor what is no number at all."""

    def validate(self, obj: object, value: object) -> float:
        """Return the number."""
        if isinstance(value, bool) or value != value:
            self.error(obj, value)
        return super().validate(obj, value)


class Count(Integer):
    """A whole number that is no truth value."""

    def validate(self, obj: object, value: object) -> int:
        """Return the number."""
        if isinstance(value, bool):
            self.error(obj, value)
        return super().validate(obj, value)


class Moment(TraitType):
    """What `parse_moment` can read, or nothing: no deadline."""

    def validate(self, obj: object, value: object) -> object:
        """Return the value as it is."""
        try:
            if value in (None, ""):
                return value
            if isinstance(value, (str, date)):
                parse_moment(str(value), "UTC")
                return value
        except MomentError:
            pass
        self.error(obj, value)


_A_LIMIT = "a whole number, 1 or more"


class OpenOlat(LoggingConfigurable):
    """What `course collect`, `course return` and the zip plugins need to know about the OpenOlat course."""

    timezone = Unicode("Europe/Berlin", help="Time zone of the OpenOlat server; its tables carry none.").tag(
        config=True, must="a time zone such as 'Europe/Berlin'"
    )
    course_title = Unicode("Deep Learning", help="Title of the course, for PDFs and pages.").tag(config=True)
    task_titles = Dict(
        Unicode(),
        key_trait=Unicode(),
        help="Title of the OpenOlat task of an assignment, where it is not the assignment's name.",
    ).tag(
        config=True,
        must="a dict of titles by assignment, such as {'convolutions': 'Blatt 03'}",
        each="the title of a task, a text",
        by_assignment=True,
    )
    group_assignments = List(
        Unicode(), help="Assignments that one member hands in for the whole group, as an individual task."
    ).tag(
        config=True,
        must="a list of assignments, such as ['cifar']",
        by_assignment=True,
    )
    identifier = Enum(
        ("user_name", "matriculation_number"),
        "user_name",
        help="What identifies a person in the files that go back to OpenOlat.",
    ).tag(config=True)
    max_points = Dict(
        Amount(min=0), key_trait=Unicode(), help="Highest score that the OpenOlat task accepts, by assignment."
    ).tag(
        config=True,
        must="a dict of points by assignment, such as {'convolutions': 20}",
        each="a number of points, 0 or more",
        right_each=_as_number,
        by_assignment=True,
    )
    passed_share = Amount(
        0.0,
        min=0,
        max=1,
        help="Share of the points from which an assignment is passed; 0: OpenOlat derives it, no column.",
    ).tag(
        config=True,
        must="a share between 0 and 1, such as 0.5",
        right=lambda value: value / 100 if isinstance(value, (int, float)) and 1 < value <= 100 else _as_number(value),
    )
    accept_drafts = Bool(True, help="Whether files that were uploaded but never handed in are graded.").tag(config=True)
    pseudonyms = Bool(False, help="Whether tables and logs show pseudonyms instead of names.").tag(config=True)
    max_files = Count(Limits.max_files, min=1, help="Files in one hand-in.").tag(config=True, must=_A_LIMIT)
    max_bytes = Count(Limits.max_bytes, min=1, help="Unpacked bytes of one hand-in.").tag(config=True, must=_A_LIMIT)
    max_file_bytes = Count(Limits.max_file_bytes, min=1, help="Unpacked bytes of one file.").tag(
        config=True, must=_A_LIMIT
    )
    max_ratio = Amount(Limits.max_ratio, min=1, help="Unpacked over packed size.").tag(
        config=True, must="a number, 1 or more"
    )
    max_depth = Count(Limits.max_depth, min=1, help="Archives inside archives.").tag(config=True, must=_A_LIMIT)
    max_download_files = Count(200_000, min=1, help="Files in one download of OpenOlat.").tag(
        config=True, must=_A_LIMIT
    )
    pack_size_warning = Count(50 << 20, min=1, help="Bytes from which a packed zip is called large.").tag(
        config=True, must=_A_LIMIT
    )

    @validate("timezone")
    def _check_zone(self, proposal):
        try:
            ZoneInfo(proposal["value"])
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise TraitError(
                f"OpenOlat.timezone must be a zone such as 'Europe/Berlin', got {proposal['value']!r}."
            ) from error
        return proposal["value"]

    @property
    def limits(self) -> Limits:
        """The limits for one hand-in."""
        return Limits(
            max_files=self.max_files,
            max_bytes=self.max_bytes,
            max_file_bytes=self.max_file_bytes,
            max_ratio=self.max_ratio,
            max_depth=self.max_depth,
        )


class Deadlines(LoggingConfigurable):
    """When assignments are due, and what happens to what comes later."""

    due = Dict(
        Moment(),
        key_trait=Unicode(),
        help="Deadline by assignment, such as '2026-11-20 18:00' in the server's zone; a date alone: its last second.",
    ).tag(
        config=True,
        must="a dict of deadlines by assignment, such as {'convolutions': '2026-11-20 18:00'}",
        each="a date and time such as '2026-11-20 18:00'",
        right_each=_as_iso,
        by_assignment=True,
    )
    grace_minutes = Dict(
        Amount(min=0),
        key_trait=Unicode(),
        help="Minutes by assignment for which a late hand-in costs nothing; '*' is for all others.",
    ).tag(
        config=True,
        must="a dict of minutes by assignment, with '*' for all others, such as {'*': 15}",
        each="a number of minutes, 0 or more",
        right=lambda value: {"*": value} if isinstance(value, (int, float)) and value >= 0 else _for_all(value),
        right_each=_as_number,
        by_assignment=True,
        for_all_others=True,
    )
    policy = Enum(
        ("none", "percent per started day", "hard stop"),
        "none",
        help="What lateness costs beyond the grace: nothing, a share for each started day, or everything.",
    ).tag(config=True)
    percent_per_day = Amount(
        10.0, min=0, max=100, help="Percent of the points reached that each started day costs."
    ).tag(config=True, must="a number from 0 to 100, such as 10", right=_as_number)
    max_days = Count(0, min=0, help="Days after which nothing counts any more; 0: no such end.").tag(
        config=True, must="a whole number of days; 0: no such end", right=_as_number
    )
    extensions_file = Unicode(
        "extensions.csv", help="student_id,assignment,due: a later deadline for one student or group."
    ).tag(config=True)

    def grace(self, assignment: str) -> float:
        """Return the grace of an assignment in seconds."""
        return 60.0 * float(self.grace_minutes.get(assignment, self.grace_minutes.get("*", 0)))


# Per cent from which each German grade is given; below the last of them it is 5.0.
GERMAN_GRADES = {
    "1.0": 95.0, "1.3": 90.0, "1.7": 85.0, "2.0": 80.0, "2.3": 75.0, "2.7": 70.0, "3.0": 65.0, "3.3": 60.0,
    "3.7": 55.0, "4.0": 50.0,
}  # fmt: skip


class ExamOffice(LoggingConfigurable):
    """How points of all assignments become a grade, and from when on somebody is at risk."""

    weights = Dict(
        Amount(min=0),
        key_trait=Unicode(),
        help="What each assignment weighs; {}: as many as it has points. One that is not named weighs nothing.",
    ).tag(
        config=True,
        must="a dict of weights by assignment, such as {'convolutions': 2, 'losses': 1}",
        each="a number, 0 or more",
        right_each=_as_number,
        by_assignment=True,
    )
    boundaries = Dict(
        Amount(min=0, max=100),
        key_trait=Unicode(),
        default_value=GERMAN_GRADES,
        help="Per cent from which each grade is given.",
    ).tag(
        config=True,
        must="a dict of per cent by grade, such as {'1.0': 95, '4.0': 50}",
        each="per cent, from 0 to 100",
        right_each=_as_number,
    )
    failed = Unicode("5.0", help="The grade below all boundaries.").tag(config=True)
    decimal_comma = Bool(True, help="Whether the exam office's table is written with a decimal comma.").tag(config=True)
    at_risk_missing = Count(2, min=1, help="Assignments without a hand-in from which on somebody is at risk.").tag(
        config=True, must="a whole number, 1 or more", right=_as_number
    )
    at_risk_percent = Amount(50.0, min=0, max=100, help="Per cent so far below which somebody is at risk.").tag(
        config=True, must="a number from 0 to 100, such as 50", right=_as_number
    )

    def grade(self, percent: float) -> str:
        """Return the grade for per cent of the points; nothing is rounded up.

        Examples
        --------
        >>> office = ExamOffice()
        >>> office.grade(95), office.grade(94.99), office.grade(49.9)
        ('1.0', '1.3', '5.0')
        """
        reached = [(least, grade) for grade, least in self.boundaries.items() if percent >= least - 1e-9]
        return max(reached)[1] if reached else self.failed

    def passed(self, grade: str) -> bool:
        """Return whether a grade is one of the boundaries."""
        return grade != self.failed
