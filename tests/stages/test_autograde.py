"""What the row of a submission says of marks that a person gave; whole runs are in test_cycle and its neighbours."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from course_utils.classroom.by_hand import MARKER
from course_utils.stages.autograde import _read_result


def submission(**fields):
    notebook = SimpleNamespace(name="adding", grades=[])
    marks = {"name": "test_add", "max_score": 2.0, "auto_score": 2.0, "manual_score": 1.5, "needs_manual_grade": True}
    marks |= fields
    score = marks["auto_score"] if marks["manual_score"] is None else marks["manual_score"]
    notebook.grades.append(SimpleNamespace(notebook=notebook, score=score, **marks))
    return SimpleNamespace(max_score=2.0, notebooks=[notebook])


@pytest.mark.parametrize(
    ("fields", "handed_in", "told"),
    [
        (
            {}, True,
            "1.5 was given by hand for an earlier hand-in; the test now gives 2, and neither counts yet: 'Resolve' in "
            "formgrader keeps 1.5, an empty field there takes 2",
        ),
        (
            {"auto_score": None}, True,
            "1.5 was given by hand for an earlier hand-in; the answer is another one now, so it waits: 'Resolve' in "
            "formgrader keeps 1.5, or enter another mark",
        ),
        (
            {"auto_score": 0.0}, False,
            "1.5 was given by hand for an earlier hand-in; the newer one lacks the notebook, so it waits: --choose of "
            "`course collect` takes the earlier",
        ),
        ({"needs_manual_grade": False}, True, ""),  # settled in formgrader
        ({"manual_score": None}, True, ""),  # nobody marked it
    ],
)  # fmt: skip
def test_a_mark_for_an_earlier_hand_in_is_told(fields, handed_in, told, tmp_path):
    (tmp_path / MARKER).write_text(json.dumps({"digest": "x", "changed": [["adding", "test_add"]]}))
    if handed_in:
        (tmp_path / "adding.ipynb").write_text('{"cells": [], "metadata": {}}')
    result = _read_result(submission(**fields), "anna", tmp_path)
    assert result.unsettled == ([f"adding, test_add: {told}"] if told else [])
    assert result.notes[: len(result.unsettled)] == result.unsettled, "in the table, before all others"
    assert result.needs_manual is bool(told)
