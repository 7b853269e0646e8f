"""Cost per submission and peak memory from 10 to 1,000 submissions of a small assignment.

python -m benchmarks.scale [--sizes 10 50 200 1000]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.classes import machine, run
from tests.support.tiny_course import hand_in, make_course


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 50, 200, 1000])
    options = parser.parse_args()
    print("submissions | wall s | s per submission | CPU s per submission | driver's CPU s | driver MiB | all MiB")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for size in options.sizes:
            course = make_course(Path(name, str(size)))
            for number in range(size):
                hand_in(course, f"student{number:04d}", "right")
            run(["course", "release", "tiny"], course)
            cost = run(["course", "autograde", "tiny"], course)
            print(
                f"{size} | {cost.wall_s:.1f} | {cost.wall_s / size:.3f} | {cost.cpu_s / size:.3f} | "
                f"{cost.driver_s:.1f} | {cost.driver_bytes / 2**20:.0f} | {cost.total_bytes / 2**20:.0f}",
                flush=True,
            )
    print(machine())


if __name__ == "__main__":
    main()
