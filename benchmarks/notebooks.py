"""Seconds to run each reference notebook offline, training included, and to grade one submission of each assignment.

python -m benchmarks.notebooks [--assignments convolutions losses]

A notebook runs in a plain kernel, with all cores, on stand-ins, in a folder without artifacts. The submission that is
graded is what these runs made; a worker for each core grades it, as `course autograde` does, and the time counts from
where libraries are imported.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from benchmarks.classes import ROOT, machine
from course_utils.classroom import folder as course_folder
from course_utils.classroom.config import load_config
from course_utils.grading.nbgrader_plugins import GradeNotebook
from course_utils.grading.pool import cores, grade_here
from course_utils.grading.preload import modules_for
from course_utils.grading.submissions import read_submission


def run_notebooks(source: Path, folder: Path) -> dict[str, float]:
    """Run an assignment's notebooks in a copy of its folder; return seconds by name."""
    shutil.copytree(source, folder)
    seconds = {}
    for path in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        began = time.monotonic()
        NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(folder)}}).execute()
        seconds[path.stem] = time.monotonic() - began
    return seconds


def grading_seconds(assignment: str, folder: Path) -> float:
    """Grade a submission; return the seconds that it took the workers."""
    config = load_config(ROOT)
    source = ROOT / "source" / assignment
    preload = modules_for(path.read_bytes() for path in source.glob("*.ipynb"))
    settings = replace(GradeNotebook(config=config).settings(), preload=preload)
    submission = read_submission(folder, "somebody", assignment, source, dict(config.ClearSolutions), settings)
    began: list[float] = []
    (graded,) = grade_here([submission], cores(), lambda _: began.append(time.monotonic()))
    if graded.error:
        raise SystemExit(f"{assignment} could not be graded: {graded.error}")
    return time.monotonic() - began[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignments", nargs="+", default=course_folder.assignments(ROOT))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        os.environ.update(COURSE_OFFLINE="1", COURSE_DATA=str(Path(name, "no-data")))
        for assignment in options.assignments:
            folder = Path(name, assignment)
            for notebook, seconds in run_notebooks(ROOT / "source" / assignment, folder).items():
                print(f"{assignment}/{notebook}: runs in {seconds:.0f} s", flush=True)
            print(f"{assignment}: one submission is graded in {grading_seconds(assignment, folder):.1f} s", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
