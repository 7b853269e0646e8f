"""`course autograde` and `nbgrader autograde` give the same marks: for the reference, for nothing filled in, and for
planned wrong answers, with ``--one-by-one`` for all of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import nbformat
import pytest

from course_utils.classroom import folder as folder_module
from course_utils.stages import autograde, release
from tests.lessons.test_assignments import answers, automatic, in_one_run
from tests.support.engine import ROOT, SOURCE, answered

ASSIGNMENT = "convolutions"
RELEASED = "gradebook-as-released.db"
NAMES = [Path(ASSIGNMENT, f"{name}.ipynb") for name in ("by-hand", "counting")]


@pytest.fixture
def course(tmp_path, request):
    """A class in which student 0 handed in the reference, student 1 nothing, and others handed in wrong answers."""
    course = tmp_path / "course"
    (course / "source" / ASSIGNMENT).mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    for name in NAMES:
        shutil.copy(SOURCE / name, course / "source" / name)
    most = None if request.config.getoption("--one-by-one") else 3
    groups = [[[], None, *in_one_run(name, answers("wrong_answers", name))[:most]] for name in NAMES]
    for number, parts in enumerate(zip_longest(*groups, fillvalue=())):
        folder = course / "submitted" / f"s{number:02d}" / ASSIGNMENT
        folder.mkdir(parents=True)
        for name, group in zip(NAMES, parts, strict=True):
            cells = {key: text for answer in group or () for key, text in answer.cells.items()}
            nbformat.write(answered(SOURCE / name, cells, blank=group is None), folder / name.name)
    release.release(course, ASSIGNMENT)
    shutil.copy(course / "gradebook.db", course / RELEASED)
    return course


def marks(course: Path) -> dict[tuple[str, str, str], float | None]:
    with folder_module.open_gradebook(course) as gradebook:
        return {
            (submission.student_id, notebook.name, grade.name): grade.auto_score
            for submission in gradebook.assignment_submissions(ASSIGNMENT)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def test_both_commands_give_the_same_marks(course):
    autograde.autograde(course, ASSIGNMENT, workers=1)
    ours = marks(course)
    shutil.rmtree(course / "autograded")
    shutil.copy(course / RELEASED, course / "gradebook.db")
    run = subprocess.run(
        [Path(sys.executable).with_name("nbgrader"), "autograde", ASSIGNMENT, "--create"],
        cwd=course,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    theirs = marks(course)
    assert {key: (score, theirs.get(key)) for key, score in ours.items() if theirs.get(key) != score} == {}
    assert set(ours) == set(theirs)
    tests = {(name.stem, cell) for name in NAMES for cell in automatic(name)}
    assert {key[1:] for key, score in ours.items() if key[0] == "s00" and score} == tests, "the reference loses points"
    lost = {key[1:] for key, score in ours.items() if key[0] != "s00" and score == 0}
    assert tests <= lost, "each cell is lost by somebody"
