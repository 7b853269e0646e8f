"""Arguments are left alone, and rules on the source are kept."""

import functools
import linecache
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils.checks import (
    assert_no_calls,
    assert_no_loops,
    assert_no_numbers,
    assert_only_modules,
    assert_unchanged,
    assert_written_without,
    calls,
)
from course_utils.checks.source_rules import SourceNotFound, forbidden_in, forbidden_names
from course_utils.grading.bridge.handles import Bridge
from tests.support.check_messages import message


def test_unchanged_arguments_pass():
    assert_unchanged(np.array([1.0, np.nan]), np.array([1.0, np.nan]), "x")
    assert_unchanged(torch.ones(2, requires_grad=True), torch.ones(2), "x")
    assert_unchanged(np.array(["a"]), np.array(["a"]), "x")


@pytest.mark.parametrize("changed", [np.array([1.0, 3.0]), np.array([[1.0, 2.0]]), np.array([1, 2]), np.array([1.0])])
def test_changed_arguments_fail(changed):
    text = message(assert_unchanged, changed, np.array([1.0, 2.0]), "conv2d's argument x")
    assert text == "conv2d's argument x was changed by the call; work on a copy."


@pytest.fixture
def notebook():
    """Run cells as a notebook does, so that their source can be found again."""
    names = {"__name__": "__main__"}
    count = 0

    def run(cell):
        nonlocal count
        count += 1
        cell = textwrap.dedent(cell)
        file = f"<ipython-input-{count}-of-test-checks>"
        linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
        exec(compile(cell, file, "exec"), names)
        return names

    return run


def test_a_function_that_keeps_the_rule_passes(notebook):
    names = notebook("""
        def mine(x):
            "does not call F.conv2d"  # conv2d
            conv2d = x + 1
            return conv2d
    """)
    assert_no_calls(names["mine"], ["F.conv2d"], "mine")


def test_a_broken_rule_is_named(notebook):
    names = notebook("import torch.nn.functional as F\ndef mine(x, w):\n    return F.conv2d(x, w)")
    text = message(assert_no_calls, names["mine"], ["torch.nn.functional.conv2d"], "mine", "Use loops.")
    assert text == "mine uses F.conv2d, which is not allowed in this exercise.\nUse loops."


@pytest.mark.parametrize(
    "cells",
    [
        ["from torch.nn.functional import conv2d as c", "def mine(x, w):\n    return c(x, w)"],
        ["from torch.nn.functional import conv2d", "def mine(x, w):\n    return conv2d(x, w)"],
        [
            "import torch",
            "def helper(x, w):\n    return torch.conv2d(x, w)",
            "def mine(x, w):\n    return helper(x, w)",
        ],
        [
            "from torch import conv2d as c",
            "def helper(x, w):\n    return c(x, w)",
            "h = helper",
            "def mine(x, w):\n    return h(x, w)",
        ],
        ["import torch\nclass Mine:\n    def forward(self, x):\n        return torch.conv2d(x, x)\nmine = Mine"],
        ["import torch\nclass Mine:\n    def forward(self, x):\n        return torch.conv2d(x, x)\nmine = Mine()"],
        ["import torch\nmine = lambda x, w: torch.conv2d(x, w)"],
        ["import functools, torch\n@functools.cache\ndef mine(x, w):\n    return torch.conv2d(x, w)"],
        ["import torch\ndef mine(x, w):\n    return getattr(torch, 'conv' + '2d')(x, w)"],
    ],
)
def test_detours_in_a_notebook_are_found(notebook, cells):
    for cell in cells:
        names = notebook(cell)
    assert "which is not allowed" in message(assert_no_calls, names["mine"], ["F.conv2d"], "mine")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("from scipy.signal import correlate2d\nmine = correlate2d", "scipy.signal._signaltools.correlate2d"),
        ("import numpy as np\nmine = np.convolve", "numpy.convolve"),
    ],
)
def test_a_function_of_a_library_under_another_name_is_found(notebook, cell, said):
    text = message(assert_no_calls, notebook(cell)["mine"], ["signal.correlate2d", "np.convolve"], "mine")
    assert text == f"mine uses {said}, which is not allowed in this exercise."


def test_functions_that_call_each_other_end(notebook):
    names = notebook("def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)")
    assert forbidden_names(names["even"], ["np.convolve"]) == set()


def test_an_own_function_of_a_forbidden_name_is_allowed(notebook):
    names = notebook("""
        def correlate(window, kernel):
            return (window * kernel).sum()

        def mine(x, w):
            return correlate(x, w)
    """)
    assert_no_calls(names["mine"], ["np.correlate"], "mine")


def test_an_own_function_of_an_earlier_exercise_can_be_ruled_out(notebook):
    notebook("def train_epoch(params):\n    return params\ndef helper(params):\n    return train_epoch(params)")
    names = notebook("def mine(params):\n    return helper(params)")
    assert_no_calls(names["mine"], ["train_epoch"], "mine")
    text = message(assert_no_calls, names["mine"], ["optim.SGD"], "mine", own=["train_epoch"])
    assert text == "mine uses train_epoch, which is not allowed in this exercise."


def test_a_function_from_elsewhere_has_no_source_to_look_at():
    assert "could not be read: write it as a function in a notebook cell" in message(
        assert_no_calls, len, ["np.convolve"], "mine"
    )
    assert "could not be read" in message(assert_no_calls, None, ["np.convolve"], "mine")


def test_at_grading_time_the_cells_count_not_the_function():
    class StandIn:
        @property
        def __course_source__(self):
            return lambda: None

        def __call__(self, x):
            return x

    StandIn.__course_source__ = lambda self: ("mine", ["def mine(x):\n    return np.convolve(x, x)"])
    assert "mine uses np.convolve" in message(assert_no_calls, StandIn(), ["np.convolve"], "mine")


@pytest.mark.parametrize("odd", ["\u2028", "\x0c", "\x0b", "\x1c", "\x85"])
def test_lines_are_those_of_python(odd):
    """Other characters that end a line elsewhere stand in texts and comments as any other."""
    cell = f"# a{odd}b\nnote = 'a{odd}b'\ndef mine(x):\n    return np.convolve(x, x)"
    assert forbidden_in("mine", [cell], ["np.convolve"]) == {"np.convolve"}


def test_cells_that_are_no_python_are_skipped_and_magics_left_out():
    cells = ["%matplotlib inline\n!ls\nimport numpy as np", "def mine(:", "def mine(x):\n    return np.convolve(x, x)"]
    assert forbidden_in("mine", cells, ["np.convolve"]) == {"np.convolve"}
    with pytest.raises(SourceNotFound, match="no cell of the notebook defines `yours`"):
        forbidden_in("yours", cells, ["np.convolve"])


def test_other_functions_of_the_notebook_do_not_matter():
    cells = ["import numpy as np", "def other(x):\n    return np.convolve(x, x)", "def mine(x):\n    return x"]
    assert forbidden_in("mine", cells, ["np.convolve"]) == set()


def test_other_packages_and_numbers_are_named(notebook):
    notebook("import numpy as np\nimport torch\nfrom torch import nn\nfrom collections import Counter\nsize = 784")
    names = notebook("""
        def mine(x):
            return nn.Linear(size, 10)(torch.from_numpy(np.tanh(x)), Counter())
    """)
    text = message(assert_only_modules, names["mine"], ["numpy", "scipy"], "mine", "By hand.")
    assert text == "mine uses torch; allowed here: numpy, scipy.\nBy hand."
    text = message(assert_no_numbers, names["mine"], [10, 28, 784], "mine", "Ask the arrays.")
    assert text == "mine holds the numbers 10, 784.\nAsk the arrays."
    assert_only_modules(names["mine"], ["numpy", "torch"], "mine")
    assert_no_numbers(names["mine"], [28], "mine")
    for check in (assert_only_modules, assert_no_numbers):
        assert "could not be read: write it as a function" in message(check, len, [1], "mine")


def test_a_loop_is_named_wherever_it_is_written(notebook):
    names = notebook("""
        def total(x):
            return sum(value for value in x)
        def mine(x):
            while len(x) > 1:
                x = x[1:]
            return total(x)
        def other(x):
            "for each of them"
            return x.sum()
    """)
    text = message(assert_no_loops, names["mine"], "mine", "Call it twice.")
    assert text == "mine uses a comprehension, a while loop, which is not allowed in this exercise.\nCall it twice."
    assert_no_loops(names["other"], "other")
    names = notebook("""
        from functools import reduce as fold
        def mine(x):
            return map(abs, np.vectorize(abs)(x))
        def last(x):
            return fold(max, x)
        def other(map):
            return getattr(map, "sum")() + np.add.reduce(map, axis=0)
    """)
    text = message(assert_no_loops, names["mine"], "mine")
    assert text == "mine uses map, np.vectorize, which is not allowed in this exercise."
    assert "functools.reduce (as fold)" in message(assert_no_loops, names["last"], "last")
    assert_no_loops(names["other"], "other")
    assert "could not be read: write it as a function" in message(assert_no_loops, len, "mine")


class Brought:
    """What stands behind the tests at grading time: the student's cells."""

    def __init__(self, *cells):
        self.cells, self.own_files = list(cells), dict


@pytest.fixture
def graded():
    return lambda *cells: calls.speak_of(Brought(*cells))


@pytest.mark.parametrize(
    "cells",
    [
        ["from sympy import diff\nslope = diff(x**2, x)"],
        ["slope = (x**2).diff(x)"],
        ["import sympy as sp\nd = sp.diff", "slope = d(x**2, x)"],
        ["def helper(f):\n    return f.diff(x)", "f = x**2", "slope, other = helper(f), 1"],
        ["slope = getattr(x**2, 'di' + 'ff')(x)"],
        ["slope = simplify('diff(x**2, x)')"],
        ["import sympy", "slope = sympy.__dict__['di' 'ff'](x**2, x)"],
    ],
)
def test_how_a_value_came_about_is_read_from_the_cells(cells, graded):
    graded(*cells)
    text = message(assert_written_without, "slope", ["sympy.diff"], "By hand.")
    assert text.startswith("slope uses ") and text.endswith("not allowed in this exercise.\nBy hand.")


def test_a_value_that_keeps_the_rule_passes(graded):
    graded(
        "from sympy import diff\ncheck = diff(x**2, x)",
        "def rule(f):\n    'Return diff(f) by hand.'\n    return 2 * f  # no diff(f)",
        "slope = rule(x)",
    )
    assert_written_without("slope", ["sympy.diff"])
    assert "no cell of the notebook defines `other`" in message(assert_written_without, "other", ["sympy.diff"])


def test_in_a_notebook_what_stood_in_a_cell_before_does_not_count(monkeypatch):
    shell = SimpleNamespace(user_ns={"slope": 1, "In": ["", "slope = (x**2).diff(x)", "f = x", "slope = 2 * f"]})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert_written_without("slope", ["diff"])
    shell.user_ns["In"].append("f = (x**2 / 2).diff(x)")
    assert "slope uses" in message(assert_written_without, "slope", ["diff"])
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert_written_without("slope", ["diff"])


def test_what_was_worked_out_is_there_for_the_next_test_until_a_cell_runs(monkeypatch):
    bridge, done = Bridge(None), []

    def work(*about):
        return calls.once(lambda: done.append(about) or len(done), *about)

    def network(residual=True):
        return residual

    assert [work("net", 1), work("net", 1)] == [1, 2], "in a notebook, each time"
    monkeypatch.setattr(calls, "_bridge", bridge)
    partly = [functools.partial(network, residual=value) for value in (True, True, False)]
    assert [work(make, "net") for make in partly] == [3, 3, 4]
    assert [work(make, "net") for make in (network, network, lambda: 0, lambda: 0)] == [5, 5, 6, 7]
    assert [work(partly[0], name) for name in ("net", "other")] == [3, 8]
    bridge.cell_runs()
    assert work(partly[0], "net") == 9

    def fails():
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            calls.once(fails)
