"""A right step of a derivation that starts from a wrong earlier one is right, if that one is a known mistake."""

import pytest
from sympy import symbols

from course_utils.checks import CheckFailed
from course_utils.checks.chains import Chain
from course_utils.checks.steps import Step

x = symbols("x")


def points(seed):
    return [{"x": 0.5 + seed % 3}, {"x": -1.25}]


STEPS = {
    "square": Step(points, lambda at: at["x"] ** 2, "Multiply x by itself."),
    "double": Step(points, lambda at: 2 * at["x"] ** 2, "Twice the step before."),
    "difference": Step(points, lambda at: at["x"] ** 2 + at["x"], "The first step, and x."),
    "sum": Step(points, lambda at: 3 * at["x"] ** 2, "Both together."),
}
MISTAKES = {
    "square": {"A cube.": lambda at: at["x"] ** 3, "Not squared, and negative.": lambda at: -at["x"]},
    "double": {},
    "difference": {},
    "sum": {},
}


def squared(own, at, name="square"):
    return float(own[name].subs(x, at["x"]))


CHAIN = Chain(
    STEPS,
    MISTAKES,
    {
        "double": (("square",), lambda own, at: 2 * squared(own, at)),
        "difference": (("square",), lambda own, at: squared(own, at) + at["x"]),
        "sum": (("square", "double"), lambda own, at: squared(own, at) + squared(own, at, "double")),
    },
)


def check(name, answer, **earlier):
    CHAIN.check(name, answer, **{key: lambda value=value: value for key, value in earlier.items()})


@pytest.mark.parametrize("first", [x**3, -x, -(x**2), 2 * x**2])
def test_a_known_mistake_a_sign_and_a_factor_are_carried_on(first):
    with pytest.raises(CheckFailed):
        check("square", first)
    check("double", 2 * first, square=first)
    with pytest.raises(CheckFailed):
        check("double", 3 * first, square=first)


def test_a_right_answer_needs_no_earlier_one():
    check("double", 2 * x**2)
    check("double", 2 * x**2, square=x**3)


def test_what_agrees_with_no_known_mistake_is_wrong():
    with pytest.raises(CheckFailed):
        check("double", 2 * x**5, square=x**5)
    with pytest.raises(CheckFailed):  # the earlier answer is right
        check("double", x**3, square=x**2)


def test_of_two_earlier_answers_each_is_right_or_a_known_mistake():
    check("sum", x**3 + 2 * x**2, square=x**3, double=2 * x**2)
    check("sum", 3 * x**3, square=x**3, double=2 * x**3)  # the second follows from the first
    with pytest.raises(CheckFailed):
        check("sum", x**3 + x**5, square=x**3, double=x**5)


def test_nothing_is_no_answer_where_a_mistake_leaves_nothing():
    with pytest.raises(CheckFailed):
        check("difference", 0 * x, square=-x)


def test_without_the_earlier_answer_the_message_is_that_of_the_step():
    def missing():
        raise NameError("square")

    with pytest.raises(CheckFailed, match="Twice the step before"):
        CHAIN.check("double", 2 * x**3, square=missing)


def test_what_else_is_asked_for_may_follow_from_a_mistake_too():
    def further(name, answer):
        if name == "double":
            raise CheckFailed("not in this form")

    chain = Chain(STEPS, MISTAKES, {"double": (("square",), lambda own, at: 2 * squared(own, at))}, further=further)
    with pytest.raises(CheckFailed, match="not in this form"):
        chain.check("double", 2 * x**2, square=lambda: x**2)
    chain.check("double", 2 * x**3, square=lambda: x**3)
