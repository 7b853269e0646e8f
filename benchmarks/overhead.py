"""CPU seconds per notebook beyond the cells' own: the same notebook graded with its cells, and with empty ones.

python -m benchmarks.overhead [--assignment convolutions] [--repeats 5]

Own time of the cells = CPU of a kernel that runs just these cells, started once, after its imports. What a grading run
takes beyond it is the engine's overhead: kernel start, bridge, repair, records.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import nbformat
from jupyter_client import KernelManager

from benchmarks.classes import copy_course, machine, run
from course_utils.notebooks import cells as kinds


def own_seconds(path: Path) -> float:
    """CPU seconds of the cells that grading runs, in a plain kernel, setup imports excluded."""
    manager = KernelManager()
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def execute(source: str) -> dict:
        reply = client.execute_interactive(
            source,
            output_hook=lambda _: None,
            timeout=300,
            user_expressions={"cpu": "__import__('time').process_time()"},
        )
        return reply["content"]

    try:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        runs = [c for c in cells if not kinds.is_shown_only(c)]
        execute(runs[0].source)
        before = float(execute("")["user_expressions"]["cpu"]["data"]["text/plain"])
        for cell in runs[1:]:
            execute(cell.source)
        return float(execute("")["user_expressions"]["cpu"]["data"]["text/plain"]) - before
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assignment", default="convolutions")
    parser.add_argument("--students", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        course = copy_course(Path(name, "course"), options.assignment, 2 * options.students)
        run(["course", "release", options.assignment], course)
        names = sorted(path.name for path in (course / "submitted").iterdir())
        paths = sorted((course / "source" / options.assignment).glob("*.ipynb"))
        own = {path.stem: own_seconds(path) for path in paths}
        few = run(["course", "autograde", options.assignment, *_only(names[: options.students])], course)
        many = run(["course", "autograde", options.assignment, "--force", *_only(names)], course)
    # The difference of the two runs leaves out what a run pays once: imports of workers and of the warm processes.
    each = (many.cpu_s - few.cpu_s) / options.students / len(paths)
    mean = sum(own.values()) / len(own)
    for stem, seconds in own.items():
        print(f"{stem}: {seconds:.2f} CPU s of its own")
    print(f"per notebook: {each:.2f} CPU s, of which {mean:.2f} are the cells' own, {each - mean:.2f} the engine's")
    print(f"once per run: {few.cpu_s - each * options.students * len(paths):.1f} CPU s")
    print(machine())


def _only(names: list[str]) -> list[str]:
    return [part for name in names for part in ("--student", name)]


if __name__ == "__main__":
    main()
