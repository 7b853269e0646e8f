"""What came of a collection, and the tables that say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from course_utils.classroom.tables import write_csv
from course_utils.stages.whereabouts import NOTHING, Whereabouts

__all__ = ["Collection", "Row", "write_tables"]


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
    unread: str = ""
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
    everybody : list of Whereabouts
        Where the work of everybody is, after all collections so far.
    notes : list of str
        What concerns whole downloads.
    fates : list of tuple of str
        Download, file, and what became of it: every file of every download is in it.
    """

    assignment: str
    rows: list[Row] = field(default_factory=list)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    everybody: list[Whereabouts] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fates: list[tuple[str, str, str]] = field(default_factory=list)
    table: Path | None = None
    quarantine: Path | None = None

    @property
    def nothing(self) -> list[Whereabouts]:
        """Who of the roster sent nothing."""
        return [entry for entry in self.everybody if entry.state == NOTHING]

    @property
    def strangers(self) -> list[Whereabouts]:
        """Who handed in, but is not in the roster."""
        return [entry for entry in self.everybody if not entry.in_roster]


def write_tables(collection: Collection, report: Path, record: Mapping[str, Any], now: datetime) -> None:
    """Write `collected.csv` and `files.csv`, and a line of `collections.csv`.

    Parameters
    ----------
    collection : Collection
    report : pathlib.Path
        The folder for them.
    record : mapping
        What was laid out, by owner: of whom nothing was read this time, their last row.
    now : datetime.datetime
        The time of the collection.
    """
    rows = {owner_id: laid.get("row", {}) for owner_id, laid in record.items() if isinstance(laid, dict)}
    rows |= {row.owner_id: asdict(row) for row in collection.rows}
    columns = ("status", "notebooks", "missing", "other_files", "hand_in", "folder", "download", "state")
    first = ("name", "where", "submitted", "late_by")

    def line(entry: Whereabouts) -> list[Any]:
        row = rows.get(entry.owner_id, {})
        notes = "; ".join(row.get("notes", []))
        about = [row.get(column, "") for column in columns]
        return [entry.owner_id, *(getattr(entry, name) for name in first), *about, entry.why, notes]

    names = ["owner_id", *first, *columns, "in_quarantine", "notes"]
    write_csv(report / "collected.csv", names, map(line, collection.everybody))
    write_csv(report / "files.csv", ("download", "file", "fate"), collection.fates)
    states = ("new", "updated", "unchanged", "not graded")
    counts = [sum(row.state == state for row in collection.rows) for state in states]
    write_csv(
        report / "collections.csv",
        ["time", *states, "in quarantine", "nothing"],
        [[now.isoformat(timespec="seconds"), *counts, len(collection.quarantined), len(collection.nothing)]],
        append=True,
    )
