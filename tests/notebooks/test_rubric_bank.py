"""Every rubric of the course against made-up answers: each criterion is met by one of them, and missed by another."""

from __future__ import annotations

import json
import tomllib

import pytest

from course_utils.notebooks import cells as kinds
from course_utils.notebooks.rubrics import read_rubric
from course_utils.notebooks.skeleton import skeleton
from tests.support.engine import ROOT

BANK = ROOT / "tests" / "rubrics"
NOTEBOOKS = sorted((ROOT / "source").glob("*/*.ipynb"))


def manual_cells(path):
    """Return the cells that a person grades, by grade_id."""
    cells = json.loads(path.read_bytes())["cells"]
    about = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    return {
        marks["grade_id"]: {**cell, "source": "".join(cell["source"])}
        for cell, marks in zip(cells, about, strict=True)
        if marks.get("task") or (marks.get("grade") and marks.get("solution"))
    }


def read_bank(path):
    file = BANK / path.parent.name / f"{path.stem}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


CELLS = [(path, name) for path in NOTEBOOKS for name in manual_cells(path)]
each = pytest.mark.parametrize(
    ("path", "name"), CELLS, ids=[f"{path.parent.name}-{path.stem}-{name}" for path, name in CELLS]
)


@each
def test_a_rubric_is_in_the_form_and_reaches_the_points(path, name):
    cell = manual_cells(path)[name]
    rubric = read_rubric(cell["source"])
    assert rubric is not None, "it has no rubric"
    assert cell["source"].partition("### BEGIN SOLUTION\n")[2].startswith("**Model answer.**")
    assert rubric.model_answer and rubric.most >= kinds.points(cell) - 1e-9


@each
def test_each_criterion_is_earned_by_one_answer_and_not_by_another(path, name):
    rubric = read_rubric(manual_cells(path)[name]["source"])
    answers = read_bank(path).get(name, [])
    assert 2 <= len(answers) <= 4
    numbers = set(range(1, len(rubric.items) + 1))
    for answer in answers:
        assert set(answer) == {"earns", "text"} and len(answer["text"].split()) >= 8
        assert set(answer["earns"]) <= numbers and len(set(answer["earns"])) == len(answer["earns"])
    earned = [set(answer["earns"]) for answer in answers]
    assert not numbers - set.union(*earned), "no answer earns these"
    assert not set.intersection(*earned), "every answer earns these"


def test_the_bank_has_no_answers_to_what_is_not_asked():
    sources = {(path.parent.name, path.stem): path for path in NOTEBOOKS}
    for file in sorted(BANK.glob("*/*.toml")):
        path = sources[file.parent.name, file.stem]
        assert not set(read_bank(path)) - set(manual_cells(path)), file


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_students_receive_neither_rubric_nor_model_answer(path):
    released = json.loads((ROOT / "release" / path.parent.name / path.name).read_bytes())["cells"]
    # The second is what is graded, of which feedback pages are made.
    for cells in (released, skeleton(path).cells):
        text = "\n".join("".join(cell["source"]) for cell in cells)
        assert not any(mark in text for mark in ("**Rubric", "**Model answer", "**Accepted**", "**Misconceptions**"))
        for cell in manual_cells(path).values():
            rubric = read_rubric(cell["source"])
            lines = [line for line in rubric.model_answer.split("\n") if len(line) >= 40]
            hidden = [*(item.text for item in rubric.items), *rubric.accepted, *rubric.misconceptions, *lines]
            assert not [part for part in hidden if len(part) >= 40 and part in text]
