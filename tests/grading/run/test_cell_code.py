"""Test cells as code: what the worker compiles says and gives the same as the text."""

from __future__ import annotations

import warnings

import pytest

from course_utils.grading.run.cell_code import CellCode, compiled_tests
from tests.grading.run.test_grader import answer, check, run_here

CELLS = ["x = 1", "y = [n for n in range(3)]\nround(sum(y) / 3, 1)", "def f():\n    return 2\n\n\nf()", ""]


@pytest.mark.parametrize("source", CELLS)
def test_what_is_sent_is_what_was_compiled(source):
    code = CellCode.of(source)
    assert CellCode.read(code.content()) == code


def test_the_names_of_the_last_line_are_kept():
    code = CellCode.of("y = 1\nsum(n * y for n in [1])")
    assert code.last is not None
    assert (code.reads, code.binds) == ({"sum", "n", "y"}, {"n"})


def test_tests_are_compiled_but_for_those_that_are_no_python():
    cells = [answer("a", "a = 1"), check("a", "assert a == 1"), check("b", "assert (")]
    assert set(compiled_tests(cells, {2: "line 1: '(' was never closed"})) == {1}
    with pytest.raises(SyntaxError):
        compiled_tests(cells, {})


def test_pythons_warnings_about_a_test_are_not_for_students():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CellCode.of(r"assert '\d' is 'd'")


def test_compiled_or_not_a_test_gives_the_same(tmp_path):
    cells = [
        answer("half", "half = 0.5"),
        check("half", 'assert_number(half, 0.5, "half")\n2 * 0.5'),
        check("wrong", 'assert_number(half, 1, "half")'),
    ]
    plain, _ = run_here(cells, tmp_path)
    compiled, _ = run_here(cells, tmp_path, compiled=compiled_tests(cells, ()))
    assert compiled.outputs == plain.outputs
    assert plain.outputs[1][0]["data"]["text/plain"] == "1.0" and plain.outputs[2][0]["ename"] == "CheckFailed"
