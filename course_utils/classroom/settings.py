"""Settings of a course that concern OpenOlat, deadlines and lateness; they live in ``nbgrader_config.py``."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from traitlets import Bool, Dict, Enum, Float, Integer, List, TraitError, Unicode, validate
from traitlets.config import LoggingConfigurable

from course_utils.errors import CourseError
from course_utils.handins.limits import Limits

__all__ = ["Deadlines", "MomentError", "OpenOlat", "parse_moment"]


class MomentError(CourseError, ValueError):
    """A text is no date and time."""


def parse_moment(text: str, zone: str) -> datetime:
    """Read a date and time.

    Parameters
    ----------
    text : str
        ISO 8601, such as ``2026-11-20 18:00`` or ``2026-11-20T17:00Z``.
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
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise MomentError(f"A date and time must look like '2026-11-20 18:00', got {text!r}.") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone), fold=1)
    return moment.astimezone(UTC)


class OpenOlat(LoggingConfigurable):
    """What `course collect`, `course return` and the zip plugins need to know about the OpenOlat course."""

    timezone = Unicode("Europe/Berlin", help="Time zone of the OpenOlat server; its tables carry none.").tag(
        config=True
    )
    course_title = Unicode("Deep Learning", help="Title of the course, for PDFs and pages.").tag(config=True)
    task_titles = Dict(
        help="Title of the OpenOlat task of an assignment, where it is not the assignment's name.",
        per_key_traits=None,
    ).tag(config=True)
    group_assignments = List(
        Unicode(), help="Assignments that one member hands in for the whole group, as an individual task."
    ).tag(config=True)
    identifier = Enum(
        ("user_name", "matriculation_number"),
        "user_name",
        help="What identifies a person in the files that go back to OpenOlat.",
    ).tag(config=True)
    max_points = Dict(help="Highest score that the OpenOlat task accepts, by assignment.").tag(config=True)
    passed_share = Float(
        0.0,
        help="Share of the points from which an assignment is passed; 0: OpenOlat derives it, no column.",
    ).tag(config=True)
    accept_drafts = Bool(True, help="Whether files that were uploaded but never handed in are graded.").tag(config=True)
    pseudonyms = Bool(False, help="Whether tables and logs show pseudonyms instead of names.").tag(config=True)
    max_files = Integer(Limits.max_files, help="Files in one hand-in.").tag(config=True)
    max_bytes = Integer(Limits.max_bytes, help="Unpacked bytes of one hand-in.").tag(config=True)
    max_file_bytes = Integer(Limits.max_file_bytes, help="Unpacked bytes of one file.").tag(config=True)
    max_ratio = Float(Limits.max_ratio, help="Unpacked over packed size.").tag(config=True)
    max_depth = Integer(Limits.max_depth, help="Archives inside archives.").tag(config=True)
    max_download_files = Integer(200_000, help="Files in one download of OpenOlat.").tag(config=True)
    pack_size_warning = Integer(50 << 20, help="Bytes from which a packed zip is called large.").tag(config=True)

    @validate("timezone")
    def _check_zone(self, proposal):
        try:
            ZoneInfo(proposal["value"])
        except (ZoneInfoNotFoundError, ValueError) as error:
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

    due = Dict(help="Deadline by assignment, such as '2026-11-20 18:00' in the server's zone.").tag(config=True)
    grace_minutes = Dict(
        help="Minutes by assignment for which a late hand-in costs nothing; '*' is for all others."
    ).tag(config=True)
    policy = Enum(
        ("none", "percent per started day", "hard stop"),
        "none",
        help="What lateness costs beyond the grace: nothing, a share for each started day, or everything.",
    ).tag(config=True)
    percent_per_day = Float(10.0, help="Percent of the points reached that each started day costs.").tag(config=True)
    max_days = Integer(0, help="Days after which nothing counts any more; 0: no such end.").tag(config=True)
    extensions_file = Unicode(
        "extensions.csv", help="student_id,assignment,due: a later deadline for one student or group."
    ).tag(config=True)

    def grace(self, assignment: str) -> float:
        """Return the grace of an assignment in seconds."""
        return 60.0 * float(self.grace_minutes.get(assignment, self.grace_minutes.get("*", 0)))
