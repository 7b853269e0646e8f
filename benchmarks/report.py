"""Time and memory of `course report` and `course similar` for a large class, and which planted copies are found."""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
from pathlib import Path

from benchmarks.classes import machine, run
from benchmarks.made_up_class import Planted, make_class

ASSIGNMENT = "convolutions"


def pairs_in(planted: Planted) -> dict[frozenset[str], str]:
    """Return the pairs of the table, by student, with what they stand out by."""
    with (planted.course / "roster.csv").open(newline="", encoding="utf-8") as file:
        names = {f"{row['first_name']} {row['last_name']}": row["student_id"] for row in csv.DictReader(file)}
    path = planted.course / "reports" / f"{ASSIGNMENT}-similar.csv"
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    return {frozenset((names[row["one"]], names[row["other"]])): row["stands_out_by"] for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=20, help="who copied a neighbour's code")
    parser.add_argument("--single", type=int, default=10, help="who copied the longest answer alone")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="report-"))
    try:
        print(machine())
        planted = make_class(
            folder / "course", ASSIGNMENT, options.students, copies=options.copies, single=options.single
        )
        for command in ("report", "similar"):
            cost = run(["course", command, ASSIGNMENT], planted.course)
            print(
                f"course {command}: {cost.wall_s:.1f} s, {cost.driver_s:.1f} CPU s, {cost.driver_bytes / 2**20:.0f} MiB"
            )
        found = set(pairs_in(planted))
        others = len(found - planted.whole - planted.single)
        print(f"planted copies of all code found: {len(found & planted.whole)} of {len(planted.whole)}")
        print(f"planted copies of one answer found: {len(found & planted.single)} of {len(planted.single)}")
        print(f"unrelated pairs on the list: {others} of {options.students * (options.students - 1) // 2:,}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
