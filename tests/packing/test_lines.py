"""Lines that will not work where it is graded are named before the hand-in."""

from __future__ import annotations

import pytest

from course_utils.packing.lines import examine_lines


def findings(folder, *sources, **marks):
    cells = [{"cell_type": "code", "source": text, "metadata": {"nbgrader": marks}} for text in sources]
    return examine_lines("sheet", {"cells": cells}, folder)


@pytest.mark.parametrize(
    ("source", "said", "serious"),
    [
        ("from google.colab import drive", "imports `google.colab`, which the course's environment does not", False),
        ("from google import colab", "imports `google.colab`, which the course's environment does not", False),
        ("import numpy, no_such_plots", "imports `no_such_plots`", False),
        ("import no_such as ns\ndef f(x):\n    return ns.f(x)", "functions that use `ns` fail", True),
        ("who = input('Name? ')", "asks with `input`: nobody answers", False),
        ("x = 1\nx = x.cuda()", "line 2 of a cell, `x = x.cuda()`, has `x.cuda()`: there is no graphics card", False),
        ("m.to('cuda')", "no graphics card", False),
        ("type X = int", "has a `type` statement, which Python reads from version 3.12 on", True),
        ("f'{d['a']}'", "its own quotes inside", True),
    ],
)
def test_it_is_named_with_its_line(tmp_path, source, said, serious):
    (finding,) = findings(tmp_path, source)
    assert said in finding.text and finding.serious is serious


def test_what_the_course_has_and_what_is_ones_own_is_fine(tmp_path):
    (tmp_path / "conv.py").write_text("")
    fine = "import os, numpy as np, matplotlib.pyplot as plt, torch, sklearn, PIL.Image, IPython, course_utils.checks\n"
    fine += "from google.protobuf import message\nimport google.protobuf\nfrom google import protobuf\n"
    fine += "from conv import *\nfrom tqdm import tqdm\n%matplotlib inline\ndef ask():\n    return input()\n"
    assert findings(tmp_path, fine, "x = (", "\0") == []
    assert findings(tmp_path, "import pandas", locked=True) == []
