"""A course whose stubs are in another language: what is not filled in is known from the release, not from words."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest
from traitlets.config import Config

from course_utils import errors
from course_utils.classroom.config import load_config
from course_utils.classroom.roster import read_roster
from course_utils.notebooks.recognising import read_catalogue, stub_marks
from course_utils.packing.examine import examine_folder
from course_utils.packing.pack import release_record
from course_utils.platforms.olat.simulate import Folder, write_download
from course_utils.stages import autograde, release
from course_utils.stages.collect import collect
from tests.support.olat_course import ROSTER, zip_bytes
from tests.support.tiny_course import ASSIGNMENT, make_course

GERMAN = """
c.ClearSolutions.code_stub = {"python": "# HIER DEIN CODE\\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "HIER DEINE ANTWORT"
"""
RIGHT = "def add(a, b):\n    return a + b"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = make_course(tmp_path_factory.mktemp("german") / "course")
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text() + GERMAN)
    (folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    release.release(folder, ASSIGNMENT)
    return folder


@pytest.fixture
def course(template, tmp_path):
    import shutil

    return shutil.copytree(template, tmp_path / "course")


@pytest.fixture
def released(course):
    return json.loads((course / "release" / ASSIGNMENT / "adding.ipynb").read_bytes())


def cell(notebook, grade_id):
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def filled(notebook, text=RIGHT):
    made = copy.deepcopy(notebook)
    cell(made, "add")["source"] = text
    return made


def not_filled_in(folder, notebook):
    (folder / "adding.ipynb").write_text(json.dumps(notebook))
    found = [f.text for f in examine_folder(folder, ASSIGNMENT).findings if f.text.startswith("not filled in")]
    return found[0].removeprefix("not filled in: ").split(", ") if found else []


@pytest.mark.parametrize("record", [True, False], ids=["as downloaded", "a copy of the notebooks"])
def test_a_student_is_told_what_is_not_filled_in(course, released, tmp_path, record):
    assert cell(released, "add")["source"] != "" and "YOUR CODE HERE" not in json.dumps(released)
    folder = tmp_path / ASSIGNMENT
    folder.mkdir()
    if record:
        marks = stub_marks(load_config(course))
        known = release_record(ASSIGNMENT, [("adding", released)], marks=marks)
        (folder / "assignment.json").write_text(json.dumps(known))
    assert not_filled_in(folder, released) == ["add", "why"]
    assert not_filled_in(folder, filled(released)) == ["why"]
    assert not_filled_in(folder, filled(released, "def add(a, b):\n    raise ValueError('HIER DEIN CODE?')")) == ["why"]
    if record:
        begun = "def add(a, b):\n    c = a\n    # HIER DEIN CODE\n    raise NotImplementedError()"
        assert not_filled_in(folder, filled(released, begun)) == ["add", "why"]
        without = copy.deepcopy(released)
        del cell(without, "add")["metadata"]["nbgrader"]["checksum"]
        cell(without, "add")["source"] = [*"".join(cell(without, "add")["source"]).splitlines(True), "\n", "\n"]
        assert not_filled_in(folder, without) == ["add", "why"]


def test_an_untouched_copy_never_counts_when_it_is_collected(course, released, tmp_path):
    files = {
        "abgabe/adding.ipynb": json.dumps(released).encode(),
        "abgabe/adding (2).ipynb": json.dumps(filled(released)).encode(),
    }
    student = read_roster(course).students[0]
    path = write_download(tmp_path / "a.zip", [Folder.of(student, {"tiny.zip": zip_bytes(files)})], top="tiny_2026")
    collection = collect(course, ASSIGNMENT, [path])
    assert "return a + b" in (course / "submitted" / student.student_id / ASSIGNMENT / "adding.ipynb").read_text()
    assert "; ".join(collection.rows[0].notes).startswith("adding: handed in as adding (2).ipynb")


def test_an_untouched_copy_of_a_cell_never_counts_when_it_is_graded(course, released):
    twice = filled(released)
    copied = copy.deepcopy(cell(released, "add")) | {"id": "a-copy"}
    twice["cells"].insert(twice["cells"].index(cell(twice, "add")) + 1, copied)
    for student, notebook in (("s01", twice), ("s02", released)):
        path = course / "submitted" / student / ASSIGNMENT / "adding.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook))
    results = autograde.autograde(course, ASSIGNMENT, ["s01", "s02"], workers=1)
    assert {result.student_id: result.points for result in results} == {"s01": 3.0, "s02": 0.0}


def test_marks_are_comments_of_code_and_lines_of_text():
    assert stub_marks() == ("# YOUR CODE HERE", "YOUR ANSWER HERE")
    config = Config({"ClearSolutions": {"code_stub": {"python": "pass"}, "text_stub": "*\n\nText"}})
    assert stub_marks(config) == ("*", "Text")


def test_a_stub_of_one_statement_is_known_from_the_release_alone(course):
    config = load_config(course)
    config.ClearSolutions.code_stub = {"python": "pass"}
    catalogue = read_catalogue(course, ASSIGNMENT, config=config)
    notebook = json.loads((course / "source" / ASSIGNMENT / "adding.ipynb").read_bytes())
    assert catalogue.unfilled("adding", filled(notebook, "def add(a, b):\n    pass")) == ["add"]
    assert catalogue.unfilled("adding", filled(notebook, "class A:\n    pass\ndef add(a, b):\n    return a + b")) == []


def test_marks_of_a_solution_that_do_not_pair_are_told(course):
    path = course / "source" / ASSIGNMENT / "adding.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].source = "### BEGIN SOLUTION\n### BEGIN SOLUTION"
    nbformat.write(notebook, path)
    with pytest.raises(errors.CourseError, match=r"adding\.ipynb can't be released: .*nested"):
        read_catalogue(course, ASSIGNMENT)
