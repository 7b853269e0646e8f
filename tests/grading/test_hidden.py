"""What decides points stays with the instructor: tests see `hidden/` and the secret, nothing of a student's does."""

from __future__ import annotations

import ast
import subprocess
import threading
from pathlib import Path

import nbformat
import pytest

import course_utils
from course_utils.classroom import folder as folder_module
from course_utils.classroom.config import load_config
from course_utils.errors import CourseError
from course_utils.grading.hidden import SECRET_FILE, course_secret, laid_out, read_hidden
from course_utils.grading.run.engine import Settings
from course_utils.grading.submissions import read_submission
from course_utils.stages import autograde, feedback, release
from tests.support.engine import SOURCE
from tests.support.tiny_course import ASSIGNMENT, hand_in, make_course, write

# One worker grades the class, for all of these tests.
pytestmark = pytest.mark.xdist_group("hidden")

PLANTED = "kept-with-the-instructor"
TEST = """# Hidden tests (1 point): the sum.
### BEGIN HIDDEN TESTS
import os
import pathlib
from hidden import answers

assert len(os.environ["COURSE_SECRET"]) >= 16, "there is no secret"
assert (pathlib.Path(answers.__file__).parent / "table" / "key.json").read_text() == "[5]", "there is no key"
assert add(2, 3) == answers.WANTED, "add is not right."
### END HIDDEN TESTS"""
# A student's code that looks for what only the tests may have, and tells what it finds where a test reads it.
SPY = """
import os, pathlib, sys
found = [key for key in os.environ if "SECRET" in key]
for name in ("hidden", "hidden.answers"):
    try:
        found.append(__import__(name).__path__)
    except ImportError:
        pass
for folder in [*sys.path, ".", "..", "/tmp"]:
    for part in ("hidden", "hidden/answers.py", ".course-secret"):
        if os.path.exists(os.path.join(folder, part)):
            found.append((folder, part))
print("FOUND", found)
def add(a, b):
    return a + b
"""

_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
# Names that mean another thing in the package: see there.
SAME_NAMES = {
    ("augmentation", "evaluate"),
    ("mnist-cnn", "evaluate"),
    ("optimisation", "evaluate"),
    ("rdfia-network", "evaluate"),
    ("regularisation", "evaluate"),
    ("training-loop", "evaluate"),
    ("saliency-and-fooling", "measure"),
}


@pytest.fixture
def course(tmp_path) -> Path:
    """A course whose hidden test reads what is in `hidden/`."""
    course = make_course(tmp_path / "course")
    path = course / "source" / ASSIGNMENT / "adding.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(c for c in notebook.cells if c.metadata.nbgrader.grade_id == "test_add_hidden").source = TEST
    write(notebook, path)
    folder = course / "source" / ASSIGNMENT / "hidden"
    (folder / "table").mkdir(parents=True)
    (folder / "answers.py").write_text(f"WANTED = 5  # {PLANTED}\n")
    (folder / "table" / "key.json").write_text("[5]")
    (course / "source" / ASSIGNMENT / "notes.txt").write_text("handed out")
    return course


def submit(course: Path, student: str, source: str) -> None:
    hand_in(course, student)
    path = course / "submitted" / student / ASSIGNMENT / "adding.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(c for c in notebook.cells if c.metadata.nbgrader.grade_id == "add").source = source
    write(notebook, path)


def traces(folder: Path) -> list[str]:
    """Where a folder holds something of `hidden/` or of the secret."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and (PLANTED.encode() in path.read_bytes() or "hidden" in path.parts or "secret" in path.name)
    ]


@pytest.mark.parametrize("command", ["course", "nbgrader"])
def test_tests_see_what_is_hidden_and_nobody_else_does(command, course):
    submit(course, "spy", SPY)
    submit(course, "wrong", "def add(a, b):\n    return 0")
    if command == "course":
        release.release(course, ASSIGNMENT)
        autograde.autograde(course, ASSIGNMENT, workers=1)
        feedback.feedback(course, ASSIGNMENT)
    else:
        for stage in ("generate_assignment", "autograde", "generate_feedback"):
            done = subprocess.run(["nbgrader", stage, ASSIGNMENT], cwd=course, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    with folder_module.open_gradebook(course) as gradebook:
        marks = {
            student: {g.name: g.auto_score for n in submission.notebooks for g in n.grades}
            for student in ("spy", "wrong")
            for submission in [gradebook.find_submission(ASSIGNMENT, student)]
        }
    assert marks["spy"]["test_add_hidden"] == 1 and marks["wrong"]["test_add_hidden"] == 0
    text = (course / "autograded" / "spy" / ASSIGNMENT / "adding.ipynb").read_text()
    assert "FOUND []" in text
    for stage in ("release", "autograded", "feedback"):
        assert (course / stage).is_dir() and not traces(course / stage), stage
    assert (course / "release" / ASSIGNMENT / "notes.txt").exists()
    assert len((course / SECRET_FILE).read_text().strip()) == 64
    assert (course / SECRET_FILE).stat().st_mode & 0o777 == 0o600


def test_a_students_own_folder_of_that_name_is_kept(course):
    (course / "source" / ASSIGNMENT / "hidden" / "answers.py").write_text("WANTED = 7\n")
    own = 'def add(a, b):\n    import hidden.mine\n    return hidden.mine.VALUE + int(open("hidden/two.txt").read())'
    submit(course, "anna", own)
    folder = course / "submitted" / "anna" / ASSIGNMENT / "hidden"
    folder.mkdir()
    (folder / "mine.py").write_text("VALUE = 5\n")
    (folder / "two.txt").write_text("2")
    for command in ("course", "nbgrader"):
        if command == "course":
            autograde.autograde(course, ASSIGNMENT, workers=1)
        else:
            command_line = ["nbgrader", "autograde", "--force", ASSIGNMENT]
            done = subprocess.run(command_line, cwd=course, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        with folder_module.open_gradebook(course) as gradebook:
            grade = gradebook.find_grade("test_add_hidden", "adding", ASSIGNMENT, "anna")
            assert grade.auto_score == 1, command
            grade.auto_score = 0
            gradebook.db.commit()


def test_what_is_hidden_is_part_of_what_marks_depend_on(course):
    submit(course, "anna", SPY)
    folder, source = course / "submitted" / "anna" / ASSIGNMENT, course / "source" / ASSIGNMENT

    def submission(secret=""):
        return read_submission(folder, "anna", ASSIGNMENT, source, {}, Settings(secret=secret))

    first = submission()
    assert sorted(first.hidden) == ["answers.py", "table/key.json"]
    assert PLANTED.encode() not in first.files and b"handed out" in first.files
    assert submission("another").digest != first.digest
    assert "another secret" not in repr(submission("another secret"))
    (source / "hidden" / "answers.py").write_text("WANTED = 6\n")
    assert submission().digest != first.digest


def test_first_runs_at_once_end_with_one_secret(tmp_path):
    found, barrier = [], threading.Barrier(8)

    def first_run():
        barrier.wait()
        found.append(course_secret(tmp_path))

    threads = [threading.Thread(target=first_run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [SECRET_FILE]


def test_a_setting_wins_and_a_short_secret_is_refused(course):
    config = load_config(course)
    config.Course.secret = "a secret of somebody's own"
    assert course_secret(course, config) == "a secret of somebody's own"
    assert not (course / SECRET_FILE).exists()
    (course / SECRET_FILE).write_text("short\n")
    submit(course, "anna", SPY)
    with pytest.raises(CourseError, match="holds 5 characters; a secret has 16 or more"):
        autograde.autograde(course, ASSIGNMENT, workers=1)


def test_files_are_laid_out_for_a_moment_only(course):
    with laid_out(read_hidden(course / "source" / ASSIGNMENT)) as package:
        assert package.parent.stat().st_mode & 0o777 == 0o700
        assert (package / "answers.py").exists() and (package / "__init__.py").exists()
    assert not package.parent.exists()


# Rooms that no notebook imports.
INSTRUCTORS = ("grading", "classroom", "handins", "platforms", "stages", "command", "report", "olat")


def test_no_function_of_the_package_is_called_like_one_that_a_student_has_to_write():
    """Who looks for the answer looks for its name first."""
    package = Path(course_utils.__file__).parent
    shelf = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in INSTRUCTORS]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in shelf]
    offered = {node.name.strip("_").lower() for tree in trees for node in tree.body if isinstance(node, _DEFINITIONS)}
    assert {"convolve", "held_out", "measure"} <= offered
    asked = set()
    for path in sorted(SOURCE.glob("*/*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                names = [node.name for node in ast.parse(cell.source).body if isinstance(node, _DEFINITIONS)]
                asked |= {(path.stem, name) for name in names if name.lower() in offered}
    assert asked == SAME_NAMES


def test_the_students_zip_holds_nothing_hidden_even_if_the_release_does(course, tmp_path):
    import zipfile

    from course_utils.stages.release_zip import write_release_zip

    release.release(course, ASSIGNMENT)
    stale = course / "release" / ASSIGNMENT / "hidden"
    stale.mkdir()
    (stale / "answers.py").write_text(PLANTED)
    course_secret(course)
    with zipfile.ZipFile(write_release_zip(course, ASSIGNMENT, tmp_path)) as archive:
        names = archive.namelist()
    assert f"{ASSIGNMENT}/notes.txt" in names
    assert not [name for name in names if "hidden" in name.split("/") or "secret" in name]
