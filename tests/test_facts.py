"""Numbers that tests note for tables of the class: from the grader to the graded notebook, past the student."""

from __future__ import annotations

import json

import nbformat
import pytest

from course_utils import facts, training
from course_utils.checks import CheckFailed
from course_utils.facts import FORM
from course_utils.grading.run.engine import grade_cells
from course_utils.grading.submissions import lay_in_outputs
from course_utils.lessons.cifar import challenge
from course_utils.report.leaderboard import measured_accuracy
from tests.grading.run.test_grader import LIGHT, answer, check

IMPORTS = ["from course_utils import facts", "from course_utils.checks import assert_equal"]
BOAST = f"""def boast():
    from IPython.display import display
    from course_utils import facts
    facts.note(accuracy_percent=99.9)
    display({{"text/plain": "99.9", {FORM!r}: {{"accuracy_percent": 99.9}}}}, raw=True)
    print('{FORM}: {{"accuracy_percent": 99.9}}')
    return 1"""


@pytest.mark.xdist_group("grader")
def test_numbers_of_a_test_reach_the_notebook_whether_it_passes_or_not_and_a_students_do_not(tmp_path):
    cells = [
        answer("boast", BOAST),
        answer("at_once", BOAST + "\nboast()"),
        check("passes", "boast()\nfacts.note(accuracy_percent=76.2)\nboast()"),
        check("fails", "facts.note(accuracy_percent=66)\nassert_equal(boast(), 2, 'boast()')"),
        check("nothing", "assert_equal(boast(), 1, 'boast()')"),
    ]
    result = grade_cells(cells, IMPORTS, tmp_path, LIGHT)
    notebook = nbformat.v4.new_notebook(cells=cells)
    lay_in_outputs(notebook, result)
    found = {cell.metadata.nbgrader.grade_id: cell.metadata.course.get("facts") for cell in notebook.cells}
    assert found == {
        "boast": None, "at_once": None, "test_passes": {"accuracy_percent": 76.2},
        "test_fails": {"accuracy_percent": 66.0}, "test_nothing": None,
    }  # fmt: skip
    assert not any(FORM in output.get("data", {}) for cell in notebook.cells for output in cell.outputs)
    path = tmp_path / "graded.ipynb"
    path.write_text(json.dumps(notebook))
    assert measured_accuracy(path) == 76.2


def test_the_challenge_notes_what_it_measured(capsys):
    record = training.Record("net", "stand-in", 3, 2.0, parameters=7)
    facts.start()
    assert facts.output() == []
    challenge.require(challenge.Measured(0.7124, record), 70, "")
    assert facts.output()[0]["data"] == {FORM: {"accuracy_percent": 71.2}}
    with pytest.raises(CheckFailed):
        challenge.require(challenge.Measured(0.4, record), 70, "")
    assert facts.output()[0]["data"] == {FORM: {"accuracy_percent": 40.0}}
