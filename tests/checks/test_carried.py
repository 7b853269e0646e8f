"""A right step that builds on a wrong earlier answer is right, and nothing else becomes so."""

import pytest

from course_utils.checks import CheckFailed, assert_equal
from course_utils.checks.carried import check_given, with_names


def notebook(source):
    names = {}
    exec(source, names)
    return names


def check(function):
    assert_equal(function(3), 10, "twice_more of 3")


def test_right_functions_stand_in_for_wrong_ones():
    names = notebook("def double(x):\n    return x\ndef twice_more(x):\n    return double(x) + 4")
    with pytest.raises(CheckFailed):
        check(names["twice_more"])
    check_given(check, names["twice_more"], double=lambda x: 2 * x)
    assert names["double"](3) == 3  # and then the student's is there again


def test_a_wrong_step_stays_wrong_and_says_what_the_first_try_said():
    names = notebook("def double(x):\n    return x\ndef twice_more(x):\n    return double(x) + 5")
    with pytest.raises(CheckFailed, match="8"):
        check_given(check, names["twice_more"], double=lambda x: 2 * x)


def test_a_right_function_is_called_once():
    calls = []
    check_given(lambda function: calls.append(function(3)), lambda x: x, double=abs)
    assert calls == [3]


def test_names_that_the_notebook_does_not_have_are_left_out_and_errors_leave_it_as_it_was():
    names = notebook("def double(x):\n    raise ValueError\ndef call(x):\n    return double(x)")
    before = dict(names)
    assert with_names(names["call"], {"double": abs, "other": abs}, -3) == 3
    assert names == before
    with pytest.raises(ZeroDivisionError):
        with_names(names["call"], {"double": lambda x: x / 0}, 1)
    assert names == before
    assert with_names(abs, {"double": abs}, -3) == 3
