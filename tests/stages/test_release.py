"""Releasing again: nobody loses points for an exercise that was not handed out, and no release is lost."""

import copy

import nbformat
import pytest
from typer.testing import CliRunner

from course_utils.command.app import app
from course_utils.errors import CourseError
from course_utils.stages.release import make_sure_it_is_released, release
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, hand_in, make_course


def _add_an_exercise(course):
    path = course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    more = [copy.deepcopy(cell) for cell in notebook.cells if cell.metadata.nbgrader.get("grade")]
    for cell in more:
        cell.id, cell.metadata.nbgrader.grade_id = f"more-{cell.id}", f"more_{cell.metadata.nbgrader.grade_id}"
    notebook.cells += more
    nbformat.write(notebook, path)


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def course(tmp_path):
    course = make_course(tmp_path / "course")
    release(course, ASSIGNMENT)
    return course


def test_what_was_collected_would_lack_a_new_exercise(course):
    hand_in(course, "student0")
    before = _files(course / "release" / ASSIGNMENT)
    release(course, ASSIGNMENT)  # the same again harms nobody
    _add_an_exercise(course)
    with pytest.raises(CourseError, match=r"more_\w+\), and 1 hand-in was collected.*an assignment of its own"):
        release(course, ASSIGNMENT)
    with pytest.raises(CourseError, match="1 hand-in was collected"):
        make_sure_it_is_released(course, ASSIGNMENT)  # what grading asks first
    assert _files(course / "release" / ASSIGNMENT) == before
    (course / "submitted").rename(course / "taken away")
    release(course, ASSIGNMENT)
    assert _files(course / "release" / ASSIGNMENT) != before


def test_a_release_that_graded_submissions_forbid_stays_as_it_was(course):
    from course_utils.classroom.folder import open_gradebook

    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_student("student0")
        gradebook.update_or_create_submission(ASSIGNMENT, "student0")
    before = _files(course / "release" / ASSIGNMENT)
    _add_an_exercise(course)
    with pytest.raises(CourseError, match=r"more_\w+ came or went.*an assignment of its own.*nbgrader db assignment"):
        release(course, ASSIGNMENT)
    assert _files(course / "release" / ASSIGNMENT) == before


def test_an_order_that_cannot_be_stops_before_anything_is_written(tmp_path):
    course = make_course(tmp_path / "course")
    (course / "source" / "order.json").write_text(f'{{"{ASSIGNMENT}": ["{NOTEBOOK}s"]}}')
    told = CliRunner().invoke(app, ["release", ASSIGNMENT, "--quick", "--course", str(course)])
    assert told.exit_code == 1 and "is no notebook of" in " ".join(told.output.split())
    assert not (course / "release" / ASSIGNMENT).exists()
