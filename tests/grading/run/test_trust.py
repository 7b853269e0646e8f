"""The report of trust names what honest answers have no need of, and stays silent about honest ones."""

from __future__ import annotations

from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.grading.run import trust
from course_utils.grading.run.engine import NotebookResult
from tests.support.engine import ROOT
from tests.support.tiny_course import source_notebook


@pytest.mark.parametrize(
    ("source", "phrase"),
    [
        ("get_ipython().input_transformers_post.append(f)", "installs an input transformer"),
        ("get_ipython().ast_transformers.append(T())", "installs a syntax-tree transformer"),
        ("import sys\nsys.settrace(f)", "installs a tracing or audit hook"),
        ("from sys import addaudithook", "installs a tracing or audit hook"),
        ("get_ipython().set_custom_exc((Exception,), f)", "replaces how errors or results are shown"),
        ("import sys; sys.meta_path.insert(0, f)", "changes how modules are found"),
        ("import atexit", "registers code for the end of the process"),
        ("import os\nos._exit(0)", "ends the process or sends signals"),
        ("from multiprocessing import Process", "starts processes"),
        ("import os\nif os.fork():\n    pass", "starts processes"),
        ("import sys\nsys._getframe(1).f_back", "walks the stack"),
        ("import gc\ngc.get_objects()", "searches the memory of the process"),
        ("import ctypes.util", "reaches under Python"),
        ("import os\nos.environ['X']", "reads the environment"),
        ("object.__subclasses__()", "walks the class tree"),
        ("get_ipython().kernel.comm_manager", "talks to the grader's channel"),
        ("get_ipython().kernel.iopub_socket", "forges messages"),
        ("get_ipython().user_ns['x'] = 1", "reaches into the kernel's names"),
        ("import socket", "opens sockets"),
        ("class A:\n    def __reduce__(self): ...", "uses pickle"),
        ("import resource\nresource.setrlimit(0, (1, 1))", "changes limits"),
        ("class Yes:\n    def __eq__(self, other): return True", "has a comparison that is always true"),
        ("class Yes:\n    __ne__ = __eq__ = lambda *_: 1", "has a comparison that is always true"),
        ("class Any(type):\n    def __instancecheck__(self, x): ...", "decides what isinstance makes of it"),
        ("import os\nsystem = os.system\nsystem('ls')", "starts processes"),
        ("from os import kill", "ends the process or sends signals"),
        ("open('../gradebook.db')", "names a place outside its folder"),
        ("open('/proc/self/mem', 'rb')", "names a place outside its folder"),
        ("!cat /etc/passwd", "runs a shell line"),
        ("for n in range(3):\n    !ls", "runs a shell line"),
        ("%%bash\nls", "runs a shell line"),
        ("%matplotlib inline\nimport ctypes", "reaches under Python"),
    ],
)
def test_what_is_worth_a_look_is_named(source, phrase):
    assert phrase in trust.suspicious(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def conv2d(x, w):\n    return (x[..., None] * w).sum(-1)",
        "%matplotlib inline\nassert a != b\nprint('done!')",
        "rest = (a\n        % b)",
        "import torch\nfrom torch import nn\nnet = nn.Sequential(nn.Linear(2, 3))",
        "with open('artifacts/history.json') as file:\n    history = file.read()",
        "def broken(",
        "x = '" + "nbgrader " * 1000 + "'",
        "class Stack:\n    def __eq__(self, other):\n        return self.items == other.items",
        "class Bag:\n    def __bool__(self):\n        if self.items:\n            return True\n        return False",
        "with contextlib.redirect_stdout(io.StringIO()) as text:\n    print('Hello')",
        "old, sys.stdout = sys.stdout, io.StringIO()",
        "system = np.array([[1, 2], [3, 4]])\nnp.linalg.solve(system, b)",
        "class Player:\n    def kill(self): self.alive = False\nplayer.kill()",
        "sys.setrecursionlimit(10_000)",
    ],
)
def test_honest_work_is_not(source):
    assert trust.suspicious(source) == []


def test_no_reference_answer_is_suspicious():
    for path in sorted((ROOT / "source").glob("*/*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                assert trust.suspicious(cell.source) == [], (path.name, cell.metadata.nbgrader.grade_id)


def test_the_report_of_a_notebook():
    notebook = source_notebook()
    names = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells}
    names["add"].source = "import ctypes"
    names["test_add_hidden"].metadata["tags"] = ["in-kernel"]
    notebook.cells.append(new_code_cell("import socket", metadata={"course": {"origin": "student"}}))
    notebook.cells.append(new_code_cell("import socket"))  # the course's own
    result = NotebookResult({}, [("timeout", "add: interrupted after 60 s")], 1.2345, sandboxed=False)
    result.cell_seconds = {1: 0.04, 2: 60.04}
    result.cell_memory = {2: 300 << 20}
    assert trust.report(notebook, result) == {
        "sandboxed": False,
        "seconds": 1.23,
        "events": [["timeout", "add: interrupted after 60 s"]],
        "suspicious": ["add reaches under Python", "cell 7 opens sockets"],
        "in_kernel_points": 1.0,
        "points": 3.0,
        "cells": {"add": 60.0},
        "memory": {"add": 300},
    }


def test_a_student_reads_repairs_and_events_but_no_suspicion():
    course = {
        "repairs": ["The course's cell 'text_add' was missing; it was put back."],
        "trust": {"events": [["restart", "add: the kernel died"]], "suspicious": ["add reaches under Python"]},
    }
    assert trust.for_student(course) == [
        "The course's cell 'text_add' was missing; it was put back.",
        "While it ran: add: the kernel died.",
    ]
    assert trust.for_student({}) == []


def test_points_of_manual_cells_are_not_automatic_ones():
    notebook = new_notebook(
        cells=[new_markdown_cell("x", metadata={"nbgrader": {"grade": True, "solution": True, "points": 5}})]
    )
    result = SimpleNamespace(sandboxed=True, seconds=0.0, events=[], cell_seconds={}, cell_memory={})
    assert trust.report(notebook, result)["points"] == 0
