"""Our `course autograde` against otter-grader: the same student cells and the same tests, in turn.

python -m benchmarks.otter [--students 5] [--notebook convolutions/by-hand]

The otter version is made from the source notebook: each test cell becomes `grader.check(...)` of an exception-based
test that runs the cell's source on the notebook's environment, and cells that our grading skips carry otter's own tag
for that. otter-grader lives in a virtual environment below build/, which sees the packages of this one.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import nbformat

from benchmarks.classes import ROOT, Cost, copy_course, machine, run
from course_utils.classroom.folder import open_gradebook
from course_utils.notebooks import cells as kinds

VERSION = "7.0.0"
VENV = ROOT / "build" / "otter"

TEST_FILE = """\
from otter.test_files import test_case

OK_FORMAT = False
name = {name!r}
points = {points!r}
SOURCE = {source!r}


@test_case(hidden={hidden!r})
def run_cell(env):
    exec(compile(SOURCE, name, "exec"), env)
"""


def install_otter() -> Path:
    """Make the virtual environment unless it is there, and return its program `otter`.

    Raises
    ------
    SystemExit
        If otter-grader can't be installed; the message says why.
    """
    python = VENV / "bin" / "python"
    packages = VENV / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    seen = packages / "course.pth"
    # Behind otter's own packages, so that torch is not installed twice and both sides import the same versions.
    folders = f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n{ROOT}\n"
    kernel = VENV / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    ask = "import importlib.metadata; print(importlib.metadata.version('otter-grader'))"
    try:
        if seen.exists() and seen.read_text() == folders and kernel.exists() and _call(python, "-c", ask) == VERSION:
            return VENV / "bin" / "otter"
    except (OSError, subprocess.CalledProcessError):
        pass  # an interrupted or outdated one is made anew
    print(f"Installing otter-grader {VERSION} below {VENV.relative_to(ROOT)} ...", flush=True)
    try:
        _call(Path(sys.executable), "-m", "venv", "--clear", str(VENV))
        seen.write_text(folders)
        _call(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"otter-grader=={VERSION}")
        # Before any kernel of this name elsewhere on the machine, which would not see otter.
        _call(python, "-m", "ipykernel", "install", "--sys-prefix")
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", "") or str(error)).strip()[-1000:]
        raise SystemExit(
            f"otter-grader {VERSION} can't be installed, so nothing was compared. It comes from PyPI: is there a "
            f"connection, or a mirror in pip's settings? The reason given:\n{reason}"
        ) from error
    return VENV / "bin" / "otter"


def _call(program: Path, *arguments: str) -> str:
    command = [str(program), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def write_otter(source: Path, folder: Path, names: list[str]) -> dict[str, float]:
    """Write tests/ and one submission per name for otter; return the possible points of each test."""
    notebook = nbformat.read(source, as_version=4)
    tests = folder / "tests"
    tests.mkdir(parents=True)
    points = {}
    for index, cell in enumerate(notebook.cells):
        if kinds.is_shown_only(cell):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "otter_ignore"]
        elif kinds.is_test(cell):
            name = kinds.name(cell, index)
            points[name] = kinds.points(cell)
            hidden = "### BEGIN HIDDEN TESTS" in cell.source
            text = TEST_FILE.format(name=name, points=points[name], source=cell.source, hidden=hidden)
            (tests / f"{name}.py").write_text(text, encoding="utf-8")
            cell.source = f'grader.check("{name}")'
    notebook.cells.insert(0, nbformat.v4.new_code_cell("import otter\n\ngrader = otter.Notebook()"))
    for name in names:
        (folder / "submitted" / name).mkdir(parents=True)
        nbformat.write(notebook, folder / "submitted" / name / source.name)
    return points


def grade_with_otter(otter: Path, folder: Path, notebook: str, names: list[str]) -> Cost:
    """Grade one submission after the other, each by a process of its own."""
    begin = f"{shlex.quote(str(otter))} run --no-logo --autograder autograder.zip"
    lines = [f"{begin} --output-dir submitted/{name} submitted/{name}/{shlex.quote(notebook)}" for name in names]
    return run(["/bin/sh", "-ec", "\n".join(lines)], folder)


def grade_with_ours(course: Path, assignment: str, names: list[str]) -> Cost:
    """Grade these students as one run of `course autograde`."""
    only = [part for name in names for part in ("--student", name)]
    return run(["course", "autograde", assignment, *only], course)


def points_of_otter(folder: Path, name: str) -> dict[str, float]:
    """Return what a submission earned with otter, by test."""
    results = json.loads((folder / "submitted" / name / "results.json").read_text(encoding="utf-8"))
    return {test["name"]: test["score"] for test in results["tests"] if "score" in test}


def points_of_ours(course: Path, assignment: str, name: str) -> dict[str, float]:
    """Return what a submission earned automatically with us, by grade cell."""
    with open_gradebook(course) as gradebook:
        notebooks = gradebook.find_submission(assignment, name).notebooks
        grades = [grade for notebook in notebooks for grade in notebook.grades]
        return {grade.name: grade.auto_score for grade in grades if grade.auto_score is not None}


def make_sure_all_earned(who: str, name: str, earned: dict[str, float], possible: dict[str, float]) -> None:
    """Exit unless every test gave its points."""
    lost = [test for test, points in possible.items() if earned.get(test) != points]
    if lost:
        total = sum(earned.get(test, 0.0) for test in possible)
        raise SystemExit(
            f"The comparison is void: with {who}, {name} earned {total:g} of {sum(possible.values()):g} automatic "
            f"points. Not earned: {', '.join(lost)}."
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=5)
    parser.add_argument("--notebook", default="convolutions/by-hand", help="assignment/notebook, as in source/")
    options = parser.parse_args()
    assignment, _, stem = options.notebook.partition("/")
    source = ROOT / "source" / assignment / f"{stem}.ipynb"
    if not source.is_file():
        raise SystemExit(f"There is no notebook {source.relative_to(ROOT)}; --notebook takes assignment/notebook.")
    otter = install_otter()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        ours, theirs = Path(temporary, "ours"), Path(temporary, "otter")
        copy_course(ours, assignment, options.students + 1)
        for path in [*ours.glob("source/*/*.ipynb"), *ours.glob("submitted/*/*/*.ipynb")]:
            if path.stem != stem:
                path.unlink()
        run(["course", "release", assignment], ours)
        warm, *names = sorted(path.name for path in (ours / "submitted").iterdir())
        possible = write_otter(source, theirs, [warm, *names])
        settings = ["--no-config", "--no-environment", "--no-requirements"]
        run([str(otter), "generate", *settings, "--tests-dir", "tests", "--output-path", "autograder.zip"], theirs)

        # One submission each that is not counted: it reads all files from disk, and shows early if points are lost.
        grade_with_otter(otter, theirs, source.name, [warm])
        make_sure_all_earned("otter-grader", warm, points_of_otter(theirs, warm), possible)
        grade_with_ours(ours, assignment, [warm])
        make_sure_all_earned("course autograde", warm, points_of_ours(ours, assignment, warm), possible)

        their_cost = grade_with_otter(otter, theirs, source.name, names)
        our_cost = grade_with_ours(ours, assignment, names)
        for name in names:
            make_sure_all_earned("otter-grader", name, points_of_otter(theirs, name), possible)
            make_sure_all_earned("course autograde", name, points_of_ours(ours, assignment, name), possible)
    print(
        f"{options.notebook}, {len(names)} submissions, {len(possible)} tests; "
        f"all earned {sum(possible.values()):g} of {sum(possible.values()):g} automatic points on both sides"
    )
    for who, cost in ((f"otter-grader {VERSION}, in series", their_cost), ("course autograde", our_cost)):
        print(f"{who}: {cost.wall_s / len(names):.2f} s and {cost.cpu_s / len(names):.2f} CPU s per submission")
    print(f"ratio: {their_cost.wall_s / our_cost.wall_s:.1f} in time, {their_cost.cpu_s / our_cost.cpu_s:.1f} in CPU")
    print(machine())


if __name__ == "__main__":
    main()
