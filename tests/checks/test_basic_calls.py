"""`assert_calls` sees that a function uses what an exercise is about."""

import pytest

from course_utils.checks import CheckFailed, assert_calls
from course_utils.lessons.convolutions.operation import convolve


def direct(x, w):
    return convolve(x, w)


def by_hand(x, w):
    return x * w


def test_a_function_that_uses_the_name_passes():
    assert_calls(direct, ["convolve"], "mine")


@pytest.mark.parametrize(("function", "missing"), [(by_hand, ["convolve"]), (direct, ["convolve", "F.pad"])])
def test_a_function_that_does_not_is_told(function, missing):
    with pytest.raises(CheckFailed, match=f"mine does not use {missing[-1]}") as failure:
        assert_calls(function, missing, "mine", hint="One call is enough.")
    assert "One call is enough." in str(failure.value)


def test_of_several_ways_one_can_be_enough():
    assert_calls(direct, ["F.pad", "convolve"], "mine", one_is_enough=True)
    with pytest.raises(CheckFailed, match=r"mine uses none of convolve, F\.pad"):
        assert_calls(by_hand, ["convolve", "F.pad"], "mine", one_is_enough=True)


def test_a_name_imported_under_another_is_seen_in_a_cell():
    class Brought:
        @staticmethod
        def __course_source__(function):
            return "mine", [
                "from course_utils.lessons.convolutions.operation import convolve as c\n"
                "def mine(x, w):\n    return c(x, w)"
            ]

    assert_calls(Brought(), ["convolve"], "mine")


def test_an_own_function_of_that_name_does_not_count():
    class Brought:
        @staticmethod
        def __course_source__(function):
            return "mine", ["def convolve(x, w):\n    return x\ndef mine(x, w):\n    return convolve(x, w)"]

    with pytest.raises(CheckFailed, match="does not use convolve"):
        assert_calls(Brought(), ["convolve"], "mine")


def test_what_has_no_source_is_told():
    with pytest.raises(CheckFailed, match="could not be read"):
        assert_calls(len, ["convolve"], "mine")
