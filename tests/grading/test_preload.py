"""What kernels and grader processes are forked with."""

from __future__ import annotations

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils import data
from course_utils.grading.preload import import_ready, modules_for
from course_utils.grading.run.engine import Settings, grade_cells


def notebook(*cells) -> bytes:
    return json.dumps(new_notebook(cells=list(cells))).encode()


def test_large_modules_that_are_imported_anywhere_in_a_cell_are_found():
    first = notebook(
        new_markdown_cell("import sklearn"),
        new_code_cell("import math, numpy as np\ndef f():\n    from scipy import signal"),
        new_code_cell("%matplotlib inline\nimport sklearn"),  # no Python
    )
    second = notebook(
        new_code_cell("from course_utils import data\nimport torchvision\ntorch.optim.SGD"),
        new_code_cell("import sympy", metadata={"course": {"grading": "skip"}}),  # is not run
    )
    assert modules_for([first, second]) == (
        "course_utils",
        "course_utils.checks",
        "course_utils.data",
        "course_utils.torchvision_ops",
        "matplotlib.pyplot",
        "numpy",
        "scipy",
        "torch._dynamo",
    )


def test_pictures_are_there_before_a_kernel_or_a_grader_is_forked(tmp_path):
    count = "from course_utils import stand_in\nprint(stand_in._split.cache_info().currsize, 'splits')"
    marks = {"grade": True, "grade_id": "test_count", "points": 1, "locked": True, "solution": False}
    cells = [new_code_cell(count), new_code_cell(count, metadata={"nbgrader": marks})]
    for preload, splits in ((("course_utils.data",), 2), ((), 0)):
        result = grade_cells(cells, [], tmp_path, Settings(preload=preload))
        assert [result.outputs[index][0]["text"] for index in (0, 1)] == [f"{splits} splits\n"] * 2


def test_a_module_of_the_course_gets_ready_and_others_are_only_imported(monkeypatch):
    called = []
    monkeypatch.setattr(data, "get_ready", lambda: called.append("data"))
    monkeypatch.setattr(json, "get_ready", lambda: called.append("json"), raising=False)
    for name in ("course_utils.data", "course_utils.stand_in", "json"):
        import_ready(name)
    assert called == ["data"]


def test_damaged_data_stop_no_process_that_others_are_forked_from(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    (folder / "test_batch").write_bytes(b"no pickle")
    monkeypatch.setenv("COURSE_DATA", str(folder.parent))
    with pytest.raises(Exception, match="data_batch_1"):
        data.get_ready()
    marks = {"grade": True, "grade_id": "test_one", "points": 1, "locked": True, "solution": False}
    cells = [new_code_cell("1"), new_code_cell("print('graded')", metadata={"nbgrader": marks})]
    # Another tuple of modules, another process than that of the tests before.
    result = grade_cells(
        cells, [], tmp_path, Settings(preload=("course_utils.data", "course_utils.lessons.convolutions.still_life"))
    )
    assert result.outputs[1][0]["text"] == "graded\n"
