"""What an author of tests of classes is told: what a student's class answers, and what can't cross."""

from __future__ import annotations

import pytest

from course_utils.notebooks import objects
from tests.support.tiny_course import _cell

ANSWER = """%matplotlib inline
class Stack:
    class Node: pass
if True:
    class Empty(Exception): pass
def show(s): pass"""
CELLS = [
    _cell("given", "class Given: pass", trusted=True),
    _cell("stack", ANSWER, solution=True),
    _cell("other_test", "class Mine: pass", points=1),
]


def told(source: str, **course) -> list[tuple[int, str, bool]]:
    return list(objects.problems(_cell("test", source, points=1, **course), CELLS, ["shapes.py", "rain.csv"]))


def test_the_classes_of_a_notebook_are_those_that_its_kernel_defines():
    assert objects.classes(CELLS) == {"Stack", "Empty"}
    assert objects.used("Stack(1) == x", objects.classes(CELLS)) == ["Stack"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("s, t = Stack(), Stack()\nassert s == t", "'s == t'"),
        ("s = Stack()\nassert [3] != s.entries or 3 in s", "'3 in s'"),
        ("for s in [Stack(), 3]:\n    assert s < 3", "'s < 3'"),
        ("s = make()\nassert isinstance(s, (int, Stack)) and s == 3", "'s == 3'"),
        ("assert make() == Stack(1)", "'make() == Stack(1)'"),
    ],
)
def test_comparisons_that_a_students_class_answers_are_told(source, shown):
    ((line, text, serious),) = told(source)
    assert text.startswith(f"{shown} is answered by the student's own Stack") and not serious
    assert line == source.count("\n") + 1


@pytest.mark.parametrize(
    "source",
    [
        "assert mean([1, 2]) == 1.5 and type(mean([1])) is float",
        "s = Stack(1)\nassert isinstance(s, Stack) and len(s) == 1 and s.pop() == 1 and s is not None",
        "s = t = Stack(1)\nassert s is t",
        "class Stack:\n    pass\nassert Stack() == 3",  # the test's own
        "assert Given() == Given()",
        "try:\n    show(Stack())\nexcept (IndexError, ValueError):\n    pass",
        "with patch('matplotlib.pyplot.show'):\n    show(3)",
        "with patch('sys.stdout', new_callable=io.StringIO) as out:\n    show(3)",
        "import sys, io\nsys.stdout = io.StringIO()",
        "import copy, inspect\ncopy.deepcopy([1])\ninspect.signature(print)",
        "from shapes import area\nassert area(Stack()) == 3",
        "def broken(:",
    ],
)
def test_what_crosses_is_passed_over_in_silence(source):
    assert told(source) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("assert type(s) is Stack", "Write isinstance(..., Stack)"),
        ("assert s.__class__ == Stack", "Write isinstance(..., Stack)"),
        ("s = Stack()\nassert s.me() is s", "Write =="),
        ("class Deep(Stack):\n    pass", "move it into a locked cell above"),
        ("try:\n    s.pop()\nexcept (KeyError, Empty):\n    pass", "compare type(error).__name__ with 'Empty'"),
        ("with pytest.raises(Empty):\n    s.pop()", "compare type(error).__name__ with 'Empty'"),
        ("match s:\n    case Stack():\n        pass", "Write isinstance(..., Stack)"),
        ("with Stack() as s:\n    pass", "function in a locked cell above"),
        ("import sys\nsys.stdin = None", "take as an argument"),
        ("with mock.patch('builtins.input', return_value='3'):\n    show(1)", "take as an argument"),
        ("import copy\ns = Stack()\ncopy.deepcopy(s)", "function in a locked cell above"),
        ("import inspect\nassert inspect.signature(show)", "checks.assert_no_calls"),
        ("from shapes import Stack", "Leave the import out"),
    ],
)
def test_what_cannot_cross_is_refused_with_its_line_and_a_way_to_write_it(source, said):
    serious = [(line, text) for line, text, serious in told(source) if serious]
    assert len(serious) == 1 and said in serious[0][1]
    assert serious[0][0] >= 1


def test_tests_beside_the_students_code_and_other_cells_are_passed_over():
    cell = _cell("test", "assert type(s) is Stack", points=1)
    cell.metadata["tags"] = ["in-kernel"]
    assert list(objects.problems(cell, CELLS)) == []
    assert list(objects.problems(_cell("stack", "type(s) is Stack", solution=True), CELLS)) == []


def test_an_author_may_name_classes_that_no_statement_of_the_notebook_shows():
    assert told("assert Point(1) == Point(1)") == []
    assert len(told("assert Point(1) == Point(1)", objects=["Point"])) == 1
