"""Seconds that the pages of a class take, after it has been graded.

python -m benchmarks.feedback [--assignment convolutions] [--students 10]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.classes import copy_course, machine, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignment", default="convolutions")
    parser.add_argument("--students", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        course = copy_course(Path(name, "course"), options.assignment, options.students)
        run(["course", "release", options.assignment], course)
        graded = run(["course", "autograde", options.assignment], course)
        made = run(["course", "feedback", options.assignment], course)
        pages = sum(1 for _ in (course / "feedback").glob(f"*/{options.assignment}/*.html"))
        print(f"{options.assignment}, {options.students} submissions, graded in {graded.wall_s:.1f} s")
        print(f"{pages} pages in {made.wall_s:.1f} s, {made.driver_s:.1f} CPU s: {made.wall_s / pages:.3f} s each")
    print(machine())


if __name__ == "__main__":
    main()
