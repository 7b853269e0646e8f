"""A line that fails and is no part of an answer costs itself only, and is told; a real error stays one."""

from __future__ import annotations

import json

import pytest

from course_utils.grading.run.needless import Fault, Remains, without_installing
from tests.grading.run.test_grader import answer, check, course_cell, grade

pytestmark = pytest.mark.xdist_group("grader")

# What stands in a cell, and the words of the note for each line that is left out. Each `x += 1` must run, and once.
NEEDLESS = [
    ("from google.colab import drive\ndrive.mount('/content/drive')\nx += 1", ["`google.colab`", "it uses `drive`"]),
    ("x += 1\nimport numpy as np, pandas as pd, math\nx += 1", ["line 2, `import pandas as pd`"]),
    ("\n\n%matplotlib widget\nx += 1", ["line 3, `%matplotlib widget`"]),
    ("x += 1; import pandas; x += 1", ["line 1, `import pandas`"]),
    ("%matplotlib qt\nx += 1", ["`%matplotlib qt`"]),
    ("import matplotlib\nmatplotlib.use('TkAgg')\nx += 1", ["line 2, `matplotlib.use('TkAgg')`"]),
    ("%load_ext nb_black\nx += 1", ["`%load_ext nb_black`"]),
    ("%autoreload 2\nx += 1", ["`%autoreload 2`"]),
    ("who = input('Your name? ')\nprint('Hello', who)\nx += 1", ["nobody answers `input`", "it uses `who`"]),
    ("while True:\n    a = input()\n    if a: break\nx += 1", ["line 1, `while True:`"]),
    ("!pip install tqdm \n%pip install -q pandas\nx += 1", ["line 1, `!pip install tqdm`", "line 2"]),
    ("%%capture\n!pip install pandas\nx += 1", ["line 2, `!pip install pandas`"]),
    ("%%time\nx += 1\nimport pandas\nx += 1", ["line 3, `import pandas`"]),
    ("%%black\nx += 1", ["line 1, `%%black`"]),
    ("%run not_here.ipynb\nx += 1", ["was not handed in"]),
    ("from tqdm import tqdm, trange\nfor i in tqdm(range(2)):\n    x += 1\nx += len(trange(1))", ["no progress bar"]),
    ("if True:\n    x += 1\n    import pandas\n    x += 1\nelse:\n    x += 100\nx += 1", ["line 3, `import pandas`"]),
    ("from math import pi, tau, no_such\nx += round(pi - 2)", ["`from math import no_such`"]),
    ("import os\nos.chdir('/content/drive/MyDrive')\nx += 1", ["another machine"]),
    ("import os\nassert os.path.exists('/content/drive'), 'mount first'\nx += 1", ["`/content/drive`, a place on"]),
    ("import os\ntoken = os.environ['HF_TOKEN_OF_MINE']\nx += 1", ["line 2, `token = os.environ['HF_TOKEN_OF_MINE']`"]),
    ("notes = open('/content/drive/no-such.txt').read()\nprint(notes)\nx += 1", ["a place on", "it uses `notes`"]),
    ("import torch\nassert torch.cuda.is_available(), 'no GPU'\nx += 1", ["it asks what this machine has"]),
]
ADDED = [1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1]

# Real errors: the cell ends there, as it would in JupyterLab.
REAL = [
    "x += 0\n1 / 0\nx += 50",
    "assert False, 'mine'\nx += 50",
    "%time 1 / 0\nx += 50",
    "undefined\nx += 50",
    "def f(:\n    pass\nx += 50",
    "raise SystemError('mine')\nx += 50",
    "import math\nmath.sqrt(-1)\nx += 50",
    "open('mine.txt')\nx += 50",
    "{}['/content']\nx += 50",
]

OTHER = [
    answer("own", "%run helpers.ipynb\nfrom conv import *"),
    check("own", 'assert_number(twice(triple(1)), 6, "twice(triple(1))")'),
    answer("shadow", "import os, sys\ndef later():\n    import pandas\n    return 1"),
    check("shadow", 'assert_number(later(), 1, "later()")'),
    answer("newer", "names = {'a': 1}\ntext = f'{names['a']}'"),
    answer("dies", "import pandas\nkept = x\nx += 1"),
    answer("process", "import os\nprint('going')\nos._exit(1)"),
    check("kept", 'assert_number(x - kept, 1, "x - kept")'),
]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    helper = {"cells": [{"cell_type": "code", "source": ["def twice(x):\n", "    return 2 * x"], "metadata": {},
              "outputs": [], "execution_count": None}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
    (folder / "helpers.ipynb").write_text(json.dumps(helper))
    (folder / "conv.py").write_text("def triple(x):\n    return 3 * x\n")
    cells = [answer("start", "x = 0")]
    for number, (source, _) in enumerate(NEEDLESS):
        total = sum(ADDED[: number + 1])
        cells += [answer(f"cell{number}", source), check(f"cell{number}", f'assert_number(x, {total}, "x")')]
    cells += [answer(f"real{number}", source) for number, source in enumerate(REAL)]
    cells += [check("real", f'assert_number(x, {sum(ADDED)}, "x")')]
    # What is the course's own is not looked at.
    return grade([*cells, *OTHER, course_cell("import pandas\nx += 50", "theirs")], folder)


@pytest.mark.parametrize("number", range(len(NEEDLESS)))
def test_the_rest_of_the_cell_runs_once_and_the_line_is_told(graded, number):
    source, words = NEEDLESS[number]
    name = f"cell{number}"
    assert graded.score(f"test_{name}") == 1, (source, graded.message(f"test_{name}"))
    assert graded.message(name) == ""
    told = [sentence for kind, sentence in graded.events(name) if kind == "note"]
    assert len(told) == len(words) and all(word in one for word, one in zip(words, told, strict=True)), told
    assert all(word in graded.text(name).replace("[L", "[l") for word in words)


def test_real_errors_stay(graded):
    kinds = [graded.cells[f"real{n}"].outputs[-1].get("ename") for n in range(len(REAL))]
    assert kinds == ["ZeroDivisionError", "AssertionError", "ZeroDivisionError", "NameError", "SyntaxError",
                     "SystemError", "ValueError", "FileNotFoundError", "KeyError"]  # fmt: skip
    assert graded.score("test_real") == 1 and not any(graded.events(f"real{n}") for n in range(len(REAL)))


def test_own_modules_and_notebooks_run_as_in_jupyterlab(graded):
    assert graded.score("test_own") == 1 and graded.events("own") == []


def test_what_an_answer_needs_is_not_made_up(graded):
    assert graded.score("test_shadow") == 0 and "No module named 'pandas'" in graded.message("test_shadow")


def test_what_was_left_out_is_left_out_in_a_fresh_kernel_too(graded):
    assert graded.score("test_kept") == 1
    assert "No module named 'pandas'" in graded.message("theirs")


@pytest.mark.skipif("__import__('sys').version_info >= (3, 12)")
def test_newer_syntax_is_named_with_both_versions(graded):
    (event,) = graded.events("newer")
    assert "line 2 has an f-string with its own quotes inside: Python 3.12 and newer read that" in event[1]
    assert "SyntaxError" in [output.get("ename") for output in graded.cells["newer"].outputs]


@pytest.mark.parametrize(
    "told",
    [None, 3, [], {}, {"kinds": "ImportError", "line": 1}, {"kinds": [3, None], "line": "1", "name": []},
     {"kinds": ["ImportError"], "line": -5}, {"kinds": ["ImportError"], "line": 10**30},
     {"kinds": ["ImportError"], "line": True, "inner": 2.0}],
)  # fmt: skip
def test_whatever_the_kernel_says_of_an_error_is_survived(told):
    assert Remains("x = 1\nimport pandas\n").without(Fault.read(told), {}) is None


@pytest.mark.parametrize("source", ["", "(" * 5000, "x = 1\n" * 30_000, "%%time\n" * 50 + "x", "\0", "f'{"])
def test_whatever_a_cell_holds_is_survived(source):
    fault = Fault(frozenset({"ImportError"}), "pandas", 1, 1)
    left = Remains(source).without(fault, {})
    assert left is None or left.sentence
    assert without_installing(source) == (source, [])


def test_installing_in_a_text_is_no_line():
    source = 'help = """\n!pip install tqdm\n"""\n!pip install tqdm'
    assert without_installing(source) == (source, [])
