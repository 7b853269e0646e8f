"""What came of a collection, and the tables that say it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from course_utils.classroom.roster import Owner
from course_utils.classroom.tables import write_csv

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


def write_tables(collection: Collection, report: Path, now: datetime) -> None:
    """Write `collected.csv` and `files.csv`, and a line of `collections.csv`.

    Parameters
    ----------
    collection : Collection
    report : pathlib.Path
        The folder for them.
    now : datetime.datetime
        The time of the collection.
    """
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
