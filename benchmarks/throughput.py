"""Our `course autograde` against stock `nbgrader autograde`: same submissions, same notebooks, in turn.

python -m benchmarks.throughput [--assignment convolutions] [--students 20] [--pairs 1]
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
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=1)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for _ in range(options.pairs):
            stock = copy_course(Path(name, "stock"), options.assignment, options.students)
            make_stock(stock)
            run(["nbgrader", "generate_assignment", options.assignment, "--force"], stock)
            ours = copy_course(Path(name, "ours"), options.assignment, options.students)
            run(["course", "release", options.assignment], ours)
            theirs = run(["nbgrader", "autograde", options.assignment], stock)
            mine = run(["course", "autograde", options.assignment], ours)
            rows.append({"stock": vars(theirs), "ours": vars(mine), "ratio": theirs.wall_s / mine.wall_s})
            notebooks = len(list((stock / "source" / options.assignment).glob("*.ipynb"))) * options.students
            print(
                f"{options.assignment}, {options.students} submissions, {notebooks} notebooks: "
                f"stock {theirs.wall_s:.1f} s ({theirs.cpu_s:.0f} CPU s), "
                f"ours {mine.wall_s:.1f} s ({mine.cpu_s:.0f} CPU s), ratio {theirs.wall_s / mine.wall_s:.1f}",
                flush=True,
            )
    print(machine())
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
