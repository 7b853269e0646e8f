"""Honest submissions beside some that take all they can: do the honest ones lose points?

python -m benchmarks.load [--students 100] [--hogs 10] [--workers 2] [--cores 2]

The course is the one that the attack suite plays on, or, with --tiny, one that needs no library. Hogs are handed in
between the honest ones, so that workers always have some of them: sessions that spin, memory, forks, locks, areas.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
import time
from pathlib import Path

from nbgrader.api import Gradebook

from benchmarks.classes import machine
from course_utils.stages import autograde, release
from tests.attacks import classroom, course, ending, resources
from tests.support import tiny_course
from tests.support.engine import ROOT

_FAMILIES = {attack.name: attack for attack in (*resources.ATTACKS, *ending.ATTACKS)}
HOGS = [
    _FAMILIES[name]
    for name in (
        "40 children spin, each in a session of its own",
        "all memory, by many processes",
        "a fork bomb",
        "sessions come and go faster than anybody looks",
        "areas of memory without number, in many processes",
        "locks on files without number",
        "40 children spin, each a grandchild nobody waits for",
        "all memory",
        "threads without number",
        "output without an end",
    )
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--hogs", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        root = Path(name, "course")
        most = make_tiny_class(root, options) if options.tiny else make_class(root, options)
        assignment = tiny_course.ASSIGNMENT if options.tiny else course.ASSIGNMENT
        began = time.monotonic()
        rows = autograde.autograde(root, assignment, workers=options.workers, progress=tell)
        seconds = time.monotonic() - began
        points = points_of(root, assignment)
    honest = [row for row in rows if row.student_id in most]
    lost = {row.student_id: most[row.student_id] - points.get(row.student_id, 0.0) for row in honest}
    short = {student: left for student, left in lost.items() if left > 0}
    notes = [note for row in honest for note in row.notes]
    again = sum("run again on its own" in note for note in notes)
    hogs = len(rows) - len(honest)
    print(f"{len(honest)} honest submissions beside {hogs} hogs, {options.workers} workers: {seconds:.0f} s")
    print(f"honest points lost: {sum(short.values()):g}, by {len(short)} submissions {short or ''}")
    print(f"honest notebooks that were graded again on their own: {again}")
    events = collections.Counter(note.split(": ")[-1][:80] for row in rows if row not in honest for note in row.notes)
    for text, count in events.most_common(12):
        print(f"  hogs, {count} times: {text}")
    print(machine())
    sys.exit(1 if short else 0)


def tell(row: autograde.SubmissionResult, done: int, total: int) -> None:
    print(f"\r{done}/{total}", end="\n" if done == total else "", flush=True)


def make_class(root: Path, options: argparse.Namespace) -> dict[str, float]:
    """Hand in on the course of the attack suite; return the points of the honest students."""
    root.mkdir()
    made = course.make_course(root, (ROOT / "nbgrader_config.py").read_text(encoding="utf-8"))
    release.release(root, course.ASSIGNMENT)
    step = max(1, options.students // max(1, options.hogs))
    for n in range(options.hogs):
        HOGS[n % len(HOGS)].hand_in(made, f"s{n * step:04d}-hog")
    honest = [f"s{n:04d}-student" for n in range(options.students)]
    for student in honest:
        classroom.Attack("an honest student").hand_in(made, student)
    return dict.fromkeys(honest, float(sum(course.POINTS.values())))


def make_tiny_class(root: Path, options: argparse.Namespace) -> dict[str, float]:
    """Hand in on the tiny course; return the points of the honest students."""
    tiny_course.make_course(root)
    release.release(root, tiny_course.ASSIGNMENT)
    step = max(1, options.students // max(1, options.hogs))
    for n in range(options.hogs):
        hog = HOGS[n % len(HOGS)]
        code = hog.first or next(iter(hog.cells.values()))
        notebook = tiny_course.source_notebook()
        next(cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id == "add").source = code
        name = f"{tiny_course.NOTEBOOK}.ipynb"
        tiny_course.write(notebook, root / "submitted" / f"s{n * step:04d}-hog" / tiny_course.ASSIGNMENT / name)
    return {f"s{n:04d}-student": tiny_course.hand_in(root, f"s{n:04d}-student") for n in range(options.students)}


def points_of(root: Path, assignment: str) -> dict[str, float]:
    """Return the automatic points of each student, from the gradebook."""
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        return {
            submission.student.id: sum(
                grade.auto_score or 0.0 for notebook in submission.notebooks for grade in notebook.grades
            )
            for submission in gradebook.assignment_submissions(assignment)
        }


if __name__ == "__main__":
    main()
