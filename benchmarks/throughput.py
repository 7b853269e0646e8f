"""Our `course autograde` against stock `nbgrader autograde`: same submissions, same notebooks, in turn.

python -m benchmarks.throughput [--assignment convolutions] [--students 12 100] [--stock 5]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.classes import copy_course, machine, make_stock, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assignment", default="convolutions")
    parser.add_argument("--students", type=int, nargs="+", default=[20])
    parser.add_argument("--stock", type=int, help="How many of them stock nbgrader grades; its time is scaled.")
    options = parser.parse_args()
    rows = []
    few = options.stock or max(options.students)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        stock = copy_course(Path(name, "stock"), options.assignment, few)
        make_stock(stock)
        run(["nbgrader", "generate_assignment", options.assignment, "--force"], stock)
        theirs = run(["nbgrader", "autograde", options.assignment], stock)
        print(f"stock, {few} submissions: {theirs.wall_s:.1f} s ({theirs.cpu_s:.0f} CPU s)", flush=True)
        for students in options.students:
            ours = copy_course(Path(name, f"ours-{students}"), options.assignment, students)
            run(["course", "release", options.assignment], ours)
            mine = run(["course", "autograde", options.assignment], ours)
            ratio = theirs.wall_s * students / few / mine.wall_s
            rows.append({"students": students, "stock": vars(theirs), "ours": vars(mine), "ratio": ratio})
            notebooks = len(list((ours / "source" / options.assignment).glob("*.ipynb"))) * students
            scaled = "" if few == students else f", scaled from {few}"
            print(
                f"{options.assignment}, {students} submissions, {notebooks} notebooks: "
                f"stock {theirs.wall_s * students / few:.1f} s{scaled}, "
                f"ours {mine.wall_s:.1f} s ({mine.cpu_s:.0f} CPU s), ratio {ratio:.1f}",
                flush=True,
            )
    print(machine())
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
