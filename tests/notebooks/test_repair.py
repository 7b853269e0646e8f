"""Whatever a student did to a notebook: the course's cells and the student's answers come out, each repair is told."""

from __future__ import annotations

import copy
import json
import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.preprocessors import ComputeChecksums
from nbgrader.utils import compute_checksum

from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.reading import UnreadableNotebook, notebook_from, read_notebook
from course_utils.notebooks.repair import repair
from course_utils.notebooks.skeleton import skeleton_of
from course_utils.notebooks.texts import released_text
from tests.support.engine import config
from tests.support.tiny_course import source_notebook

ANSWER = "def add(a, b):\n    return a + b"


@pytest.fixture(scope="module")
def course():
    notebook = source_notebook()
    notebook.cells.insert(0, new_markdown_cell("# Adding", id="title"))
    notebook.cells.insert(2, new_code_cell("one = 1", id="play", metadata={"course": {"grading": "skip"}}))
    return skeleton_of(nbformat.writes(notebook).encode(), config())


@pytest.fixture
def submitted(course):
    """What an honest student hands in: the release without hidden tests, answers filled in."""
    notebook = copy.deepcopy(course)
    cell(notebook, "add").source = ANSWER
    cell(notebook, "why").source = "Because."
    hidden = cell(notebook, "test_add_hidden")
    hidden.source = hidden.source.partition("\n### BEGIN")[0]
    return notebook


def cell(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def named(notebook):
    return [c for c in notebook.cells if "nbgrader" in c.metadata]


def is_intact(repaired, course) -> bool:
    """Whether the tests and texts are the course's, in its order, and the answers the student's."""
    ours, theirs = named(course), named(repaired.notebook)
    for mine, other in zip(ours, theirs, strict=True):
        marks = dict(other.metadata.nbgrader)
        if (mine.cell_type, dict(mine.metadata.nbgrader)) != (other.cell_type, marks):
            return False
        if not marks["solution"] and mine.source != other.source:
            return False
    nbformat.validate(repaired.notebook)
    return (cell(repaired.notebook, "add").source, cell(repaired.notebook, "why").source) == (ANSWER, "Because.")


def test_an_honest_notebook_needs_no_repair(submitted, course):
    repaired = repair(submitted, course)
    assert repaired.repairs == []
    assert is_intact(repaired, course)
    assert "add(-2, 5)" in cell(repaired.notebook, "test_add_hidden").source


def _delete(name):
    return lambda nb: nb.cells.remove(cell(nb, name))


def _change(name, **fields):
    return lambda nb: cell(nb, name).update(fields)


def _retype(name, kind):
    def change(nb):
        position = nb.cells.index(cell(nb, name))
        old = nb.cells[position]
        make = new_code_cell if kind == "code" else new_markdown_cell
        nb.cells[position] = make(old.source, id=old.id, metadata=old.metadata)
        nb.cells[position].cell_type = kind

    return change


def _copy(name, source=None, behind=True):
    def change(nb):
        twin = copy.deepcopy(cell(nb, name))
        twin.source, twin.id = twin.source if source is None else source, f"{twin.id}-copy"
        nb.cells.insert(nb.cells.index(cell(nb, name)) + behind, twin)

    return change


def _unknown(nb):
    nb.cells.append(copy.deepcopy(cell(nb, "add")))
    nb.cells[-1].metadata.nbgrader.grade_id = "bonus\x1b[2J"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_delete("test_add_visible"), "The course's cell 'test_add_visible' was missing; it was put back."),
        (_delete("text_add"), "The course's cell 'text_add' was missing; it was put back."),
        (_copy("add"), "There were 2 cells 'add'; the last one with an answer counts."),
        (
            _copy("add", "def add(a, b):\n    # YOUR CODE HERE\n    raise NotImplementedError()"),
            "There were 2 cells 'add'; the last one with an answer counts.",
        ),
        (_copy("add", "", behind=False), "There were 2 cells 'add'; the last one with an answer counts."),
        (
            _copy("test_add_visible"),
            "There were 2 cells 'test_add_visible'; the course's own was used.",
        ),
        (_retype("add", "markdown"), "Your answer cell 'add' had become a markdown cell; it was turned back."),
        (_retype("add", "raw"), "Your answer cell 'add' had become a raw cell; it was turned back."),
        (_retype("why", "code"), "Your answer cell 'why' had become a code cell; it was turned back."),
        (
            _retype("test_add_visible", "markdown"),
            "The test cell 'test_add_visible' had been changed; the course's own was used.",
        ),
        (
            _change("test_add_hidden", source="pass"),
            "The test cell 'test_add_hidden' had been changed; the course's own was used.",
        ),
        (
            _change("text_add", source="Do nothing."),
            "The text of the course 'text_add' had been changed; the course's own was used, and what you wrote there "
            "stands beside it.",
        ),
        (lambda nb: nb.cells.reverse(), "Cells of the course were in another order; they were put back into theirs."),
        (_unknown, "A cell is named 'bonus�[2J', which this notebook does not have; it earns nothing."),
    ],
)
def test_one_repair_and_its_sentence(change, sentence, submitted, course):
    change(submitted)
    repaired = repair(submitted, course)
    assert repaired.repairs == [sentence]
    assert repaired.notebook.metadata["course"]["repairs"] == [sentence]
    assert is_intact(repaired, course)


def handed_out(course):
    """The course's notebook as its release gives it out, with nbgrader's checksums of the released cells."""
    given = copy.deepcopy(course)
    for theirs in given.cells:
        theirs.source = released_text(theirs.source)
    return ComputeChecksums().preprocess(given, {})[0]


def _reworded(course):
    later = copy.deepcopy(course)
    cell(later, "test_add_visible").source = "assert add(2, 3) == 5, 'Add up both.'"
    cell(later, "text_add").source = "Write `add`; the sum of two numbers."
    later.cells.remove(cell(later, "test_add_hidden"))
    return later


def test_what_the_course_reworded_after_the_release_nobody_has_changed(course):
    """The hand-in is compared with what was given out: also with other line ends, and a test that is gone since."""
    later = _reworded(course)
    for line_end in ("\n", "\r\n"):
        theirs = handed_out(course)
        for one in theirs.cells:
            one.source = one.source.replace("\n", line_end)
        cell(theirs, "add").source = ANSWER
        repaired = repair(notebook_from(theirs), later)
        assert repaired.repairs == []
        assert cell(repaired.notebook, "test_add_visible").source == cell(later, "test_add_visible").source
        assert not any("Write `add`." in one.source for one in repaired.notebook.cells)


def test_who_did_change_a_cell_is_told_so_after_a_rewording_too(course):
    theirs = handed_out(course)
    cell(theirs, "test_add_visible").source = "pass"
    cell(theirs, "text_add").source += "\n\nMy note."
    cell(theirs, "why").source = "Because."
    theirs.cells.append(new_code_cell("1", metadata={"nbgrader": {"grade_id": "bonus", "checksum": "0" * 32}}))
    told = repair(notebook_from(theirs), _reworded(course)).repairs
    kept = "the course's own was used, and what you wrote there stands beside it."
    assert told == [
        f"The text of the course 'text_add' had been changed; {kept}",
        "The test cell 'test_add_visible' had been changed; the course's own was used.",
        "A cell is named 'bonus', which this notebook does not have; it earns nothing.",
    ]


def test_a_helper_that_the_course_gave_out_and_dropped_since_still_helps(course):
    theirs = handed_out(course)
    marks = {"grade_id": "helper", "grade": False, "solution": False, "locked": True, "schema_version": 3}
    helper = new_code_cell("def helper():\n    return 1", metadata={"nbgrader": marks})
    helper.metadata.nbgrader["checksum"] = compute_checksum(helper)
    theirs.cells.insert(0, helper)
    cell(theirs, "add").source = "def add(a, b):\n    return helper() * (a + b)"
    repaired = repair(notebook_from(theirs), course)
    assert repaired.repairs == []
    assert any("def helper" in one.source for one in repaired.notebook.cells)


def test_a_blank_answer_whose_question_the_course_reworded_is_blank(course):
    """Nobody has to read the old question, and its stub does not stand in the place of the new one."""
    later = copy.deepcopy(course)
    cell(later, "why").source = "Why is that so?\n\nYOUR ANSWER HERE"
    cell(later, "add").source = cell(later, "add").source.replace("(a, b)", "(a, b=0)")
    repaired = repair(notebook_from(handed_out(course)), later)
    assert repaired.repairs == []
    for name in ("why", "add"):
        assert cell(repaired.notebook, name).source == cell(later, name).source


@pytest.mark.parametrize("points", [1, 10**400, True, "1", None, [], float("nan")])
def test_a_checksum_is_only_read(points, course):
    """Whatever stands beside it."""
    theirs = handed_out(course)
    cell(theirs, "test_add_visible").metadata.nbgrader["points"] = points
    assert repair(notebook_from(theirs), course).repairs == []


def test_a_missing_answer_is_put_back_empty(submitted, course):
    _delete("add")(submitted)
    repaired = repair(submitted, course)
    assert repaired.repairs == ["Your answer cell 'add' was missing; it was put back empty."]
    assert cell(repaired.notebook, "add").source == cell(course, "add").source


def test_an_untouched_copy_does_not_take_the_answers_place(submitted, course):
    """A blank copy that ran after the answer would define the function anew."""
    _copy("add", cell(course, "add").source)(submitted)
    sources = [c.source for c in repair(submitted, course).notebook.cells]
    assert ANSWER in sources and cell(course, "add").source not in sources


def test_an_answer_in_two_cells_of_one_name_runs_in_both(submitted, course):
    _copy("add", "def helper(a):\n    return a", behind=False)(submitted)
    sources = [c.source for c in repair(submitted, course).notebook.cells if c.cell_type == "code"]
    assert sources.index("def helper(a):\n    return a") + 1 == sources.index(ANSWER)


def test_metadata_of_the_course_is_not_the_students_to_set(submitted, course):
    for theirs in submitted.cells:
        theirs.metadata["tags"] = ["in-kernel"]
        theirs.metadata["course"] = {"trusted": True, "timeout_s": 1e9, "origin": "course"}
    for theirs in named(submitted):
        theirs.metadata.nbgrader.update(points=100, grade=True, solution=False)
    submitted.metadata = {"course": {"imports": ["import os"]}, "kernelspec": {"name": "other"}}
    repaired = repair(submitted, course)
    assert is_intact(repaired, course)
    assert not any("tags" in c.metadata for c in repaired.notebook.cells)
    assert cell(repaired.notebook, "test_add_visible").metadata["course"]["timeout_s"] == 20
    assert repaired.notebook.metadata["course"]["imports"] == ["from course_utils.checks import assert_number"]
    assert repaired.notebook.metadata.kernelspec.name == "python3"


def test_extra_cells_stay_where_they_were(submitted, course):
    submitted.cells.insert(0, new_markdown_cell("first"))
    position = submitted.cells.index(cell(submitted, "add"))
    submitted.cells.insert(position, new_code_cell("before"))
    submitted.cells.insert(position + 2, new_code_cell("behind"))
    submitted.cells += [new_code_cell("last"), new_code_cell("   "), nbformat.v4.new_raw_cell("raw")]
    repaired = repair(submitted, course)
    assert repaired.repairs == []
    sources = [c.source for c in repaired.notebook.cells]
    place = sources.index(ANSWER)
    assert (sources[0], sources[place - 1], sources[place + 1], sources[-1]) == ("first", "before", "behind", "last")
    assert len(sources) == len(course.cells) + 4
    extra = repaired.notebook.cells[place - 1]
    assert extra.metadata["course"]["origin"] == "student" and "nbgrader" not in extra.metadata


def test_cells_of_the_course_without_a_name_may_be_edited(submitted, course):
    play = next(c for c in submitted.cells if c.id == "play")
    play.source = "def helper():\n    return 1"
    repaired = repair(submitted, course)
    assert repaired.repairs == []
    found = next(c for c in repaired.notebook.cells if c.id == "play")
    # It runs at grading time now: an answer may need what it defines.
    assert found.source == play.source and found.metadata["course"] == {"origin": "student"}


def test_a_notebook_whose_cell_ids_are_gone_is_not_doubled(submitted, course):
    for theirs in submitted.cells:
        theirs.pop("id")
    repaired = repair(submitted, course)
    assert repaired.repairs == [] and is_intact(repaired, course)
    assert len(repaired.notebook.cells) == len(course.cells)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("add", "raise NotImplementedError('This cell was too long to be read.')"),
        ("why", "This cell was too long to be read."),
    ],
)
def test_an_answer_of_10_mb_is_left_empty(name, left, submitted, course):
    cell(submitted, name).source = "#" * 10_000_000
    repaired = repair(submitted, course)
    assert repaired.repairs == [
        f"The cell '{name}' has 10,000,000 characters; at most 200,000 are read, so it was left empty."
    ]
    assert cell(repaired.notebook, name).source == left


def test_an_extra_cell_of_10_mb_is_told_as_well(submitted, course):
    submitted.cells.append(new_code_cell("#" * 10_000_000))
    assert repair(submitted, course).repairs == [
        "A cell has 10,000,000 characters; at most 200,000 are read, so it was left empty."
    ]


def test_nothing_handed_in_gives_the_blank_notebook(course):
    repaired = repair(None, course, "it is empty")
    assert repaired.repairs == ["The notebook could not be read: it is empty."]
    assert repaired.notebook.metadata["course"]["unreadable"] == "it is empty"
    assert [c.source for c in repaired.notebook.cells] == [c.source for c in course.cells]


def as_format_3(notebook) -> dict:
    cells = [
        {"cell_type": c.cell_type, "metadata": dict(c.metadata)}
        | ({"input": c.source, "outputs": [], "language": "python"} if c.cell_type == "code" else {"source": c.source})
        for c in notebook.cells
    ]
    return {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }


def test_old_formats_are_converted(submitted, course):
    repaired = repair(notebook_from(as_format_3(submitted)), course)
    assert repaired.repairs == [] and is_intact(repaired, course)


def test_sources_may_be_lists_of_lines(submitted, course):
    content = json.loads(nbformat.writes(submitted))
    assert isinstance(content["cells"][0]["source"], list)
    assert is_intact(repair(notebook_from(content), course), course)


@pytest.mark.parametrize("metadata", [{}, {"kernelspec": {"name": "conda-env"}}, {"kernelspec": 5}, 5, None])
def test_a_notebook_needs_no_kernelspec(metadata, submitted, course):
    content = json.loads(nbformat.writes(submitted)) | {"metadata": metadata}
    assert is_intact(repair(notebook_from(content), course), course)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is an empty file"),
        (b"  \n", "it is an empty file"),
        (b"%PDF-1.7", "it is no notebook but a PDF"),
        (b"\xff\xfe\x00", "it is no notebook: it is not text"),
        (b"[" * 100_000, "its text is no valid JSON"),
        (b'{"cells": []', "no valid JSON, line 1; it ends in the middle"),
        (b"[]", "it is JSON, but no notebook"),
        (b'{"metadata": {}}', "it is JSON, but no notebook"),
        (b'{"nbformat": "4", "cells": []}', "it is JSON, but no notebook"),
        (b'{"nbformat": 4}', "it has no cells"),
        (b'{"nbformat": true, "cells": []}', "it is JSON, but no notebook"),
        pytest.param(b"[" * 5_000_001, "it has more than 5,000,000 parts", id="parts"),
        (b'{"nbformat": 2, "worksheets": 5}', "it has no cells"),
        (b'{"nbformat": 4, "cells": 5}', "it has no cells"),
        (json.dumps({"nbformat": 4, "cells": [{"source": ""}] * 2001}).encode(), "it has 2001 cells; at most 2000"),
        (b'{"nbformat": 4, "cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "in R, not in Python"),
        (b'{"nbformat": 4, "cells": [], "metadata": {"language_info": {"name": "julia"}}}', "in julia, not in Python"),
    ],
)
def test_what_is_no_notebook_is_told(data, reason, tmp_path):
    path = tmp_path / "adding.ipynb"
    path.write_bytes(data)
    with pytest.raises(UnreadableNotebook, match=reason):
        read_notebook(path)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret.ipynb").write_text("{}")
    (tmp_path / "adding.ipynb").symlink_to("secret.ipynb")
    with pytest.raises(UnreadableNotebook, match="it is a link to another file"):
        read_notebook(tmp_path / "adding.ipynb")


def test_a_file_of_any_size_is_not_read(tmp_path):
    path = tmp_path / "adding.ipynb"
    path.touch()
    os.truncate(path, FileLimits().size + 2**20)  # sparse: takes no room
    with pytest.raises(UnreadableNotebook, match="it has 201 MB; at most 200 MB are read"):
        read_notebook(path)


def test_cells_that_are_no_cells_are_left_out(submitted, course):
    content = json.loads(nbformat.writes(submitted))
    content["cells"][1:1] = [{}, {"cell_type": "code", "source": 5, "metadata": None}, {"metadata": {"nbgrader": 3}}]
    assert is_intact(repair(notebook_from(content), course), course)


def test_headings_of_format_3_become_texts(submitted):
    content = as_format_3(submitted)
    content["worksheets"][0]["cells"].insert(0, {"cell_type": "heading", "level": 2, "source": ["My ", "title"]})
    first = notebook_from(content).cells[0]
    assert (first.cell_type, first.source) == ("markdown", "## My title")


def test_pictures_pasted_into_an_answer_stay_and_nothing_else_does(submitted, course):
    cell(submitted, "why")["attachments"] = {
        "sketch.png": {"image/png": "iVBORw0KGgo=\n"},
        "page.html": {"text/html": "<script>alert(1)</script>"},
        "odd.png": {"image/png": '"><script>'},
    }
    repaired = repair(notebook_from(json.loads(nbformat.writes(submitted))), course)
    assert cell(repaired.notebook, "why").attachments == {
        "sketch.png": {"image/png": "iVBORw0KGgo="},
        "page.html": {"text/plain": "it is no picture"},
        "odd.png": {"text/plain": "its data is damaged"},
    }
