"""A class graded on a Dask cluster of this machine that loses a worker and gains one on the way.

python -m benchmarks.cluster [--assignment convolutions] [--students 1000]

Two workers begin. One of them is killed when a tenth of the class is graded, and a third one joins when a fifth is.
Every student hands in the reference solution, so each must end with the same marks, once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.classes import BIN, copy_course, machine, run
from course_utils.classroom.marks import read_marks

_LOOK_S = 0.5


@contextlib.contextmanager
def started(*command: str) -> Iterator[subprocess.Popen]:
    """Run a program of Dask in a process group of its own, which is ended with the block."""
    process = subprocess.Popen(
        [str(BIN / "dask"), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"PATH": f"{BIN}:/usr/bin:/bin"},
    )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen) -> None:
    """Kill a program, if it still runs; what it has started ends by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def when(graded: Callable[[], int], wanted: int, over: threading.Event) -> bool:
    """Wait until so many are graded; return whether they were before all was over."""
    while not over.wait(_LOOK_S):
        if graded() >= wanted:
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignment", default="convolutions")
    parser.add_argument("--students", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as programs:
        course = copy_course(Path(name, "course"), options.assignment, options.students)
        run(["course", "release", options.assignment], course)
        about = Path(name, "scheduler.json")
        # fmt: off
        worker = ("worker", "--scheduler-file", str(about), "--nthreads", "1", "--local-directory", name,
                  "--no-dashboard")
        # fmt: on
        # fmt: off
        scheduler = programs.enter_context(
            started("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(about))
        )
        # fmt: on
        while not about.exists():
            if scheduler.poll() is not None:
                raise SystemExit("The scheduler has ended.")
            time.sleep(_LOOK_S)
        first, _ = (programs.enter_context(started(*worker)) for _ in range(2))
        over, told = threading.Event(), []

        def graded() -> int:
            return sum(1 for _ in (course / "autograded").glob(f"*/{options.assignment}"))

        def disturb() -> None:
            if when(graded, options.students // 10, over):
                kill(first)
                told.append(f"one worker was killed after {graded()}")
            if when(graded, options.students // 5, over):
                programs.enter_context(started(*worker))
                told.append(f"one joined after {graded()}")

        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            address = json.loads(about.read_text())["address"]
            cost = run(["course", "autograde", options.assignment, "--scheduler", address], course)
        finally:
            over.set()
            disturber.join()
        marks = read_marks(course, options.assignment)
        points = {(mark.score, mark.problem) for mark in marks}
        print("; ".join(told))
        print(f"{len(marks)} submissions in {cost.wall_s:.0f} s, {cost.wall_s / len(marks):.2f} s each")
        share = f"{cost.driver_s:.0f} CPU s, {cost.driver_s / len(marks):.3f} each, {cost.driver_bytes / 2**20:.0f} MiB"
        print(f"the process that writes: {share}")
        print(f"points: {', '.join(f'{score:g} {problem}'.strip() for score, problem in sorted(points))}")
        if len(told) < 2 or len(marks) != options.students or len(points) != 1:
            raise SystemExit("Not every submission has the same marks, once, or no worker was lost on the way.")
    print(machine())


if __name__ == "__main__":
    main()
