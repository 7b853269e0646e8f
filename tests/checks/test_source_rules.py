"""Rules about forbidden names look at what a function reads from outside, not at how it calls its variables."""

import pytest

from course_utils.checks.source_rules import forbidden_in

FORBIDDEN = ["torch.autograd", "autograd.grad", "jacobian", "F.conv2d"]


@pytest.mark.parametrize(
    "cell",
    [
        "def mine(x):\n    grad = x * 2\n    return grad",
        "def mine(grad, jacobian):\n    return grad @ jacobian",
        "def mine(x):\n    conv2d = [grad for grad in x]\n    return conv2d",
        "def mine(x):\n    def inner(jacobian):\n        return jacobian + 1\n    return inner(x)",
        "mine = lambda grad: grad + 1",
    ],
)
def test_variables_may_have_any_name(cell):
    assert forbidden_in("mine", [cell], FORBIDDEN) == set()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("def mine(x):\n    return torch.autograd.grad(x, x)", "torch.autograd.grad"),
        ("def mine(x):\n    from torch.autograd import grad\n    return grad(x, x)", "torch.autograd.grad (as grad)"),
        ("from torch.autograd import grad\ndef mine(x):\n    return grad(x, x)", "torch.autograd.grad (as grad)"),
        ("def mine(x):\n    def inner():\n        grad = 1\n    return grad(x)", "grad"),
        ("def mine(x):\n    def inner():\n        return conv2d(x)\n    return inner()", "conv2d"),
        ("def helper(x):\n    return conv2d(x)\ndef mine(x):\n    return helper(x)", "conv2d"),
        ("mine = conv2d", "conv2d"),
        ("def mine(x):\n    global conv2d\n    return conv2d(x)", "conv2d"),
        ("def mine(x, how=conv2d):\n    return how(x)", "conv2d"),
        ("class mine:\n    forward = conv2d", "conv2d"),
    ],
)
def test_names_from_outside_are_seen(cell, message):
    assert message in forbidden_in("mine", [cell], FORBIDDEN)


@pytest.mark.parametrize(
    "other",
    [
        "shape = conv2d(picture).shape",
        "sum = 0\nfor kernel in kernels:\n    sum += conv2d(picture, kernel).sum()",
        "def mine(x):\n    return conv2d(x)",
        "def unrelated(x):\n    return conv2d(x)",
    ],
)
def test_other_cells_do_not_count_for_a_function_that_does_not_use_them(other):
    cell = "def mine(x):\n    return x.shape, x.sum()"
    assert forbidden_in("mine", [other, cell], FORBIDDEN) == set()


@pytest.mark.parametrize(
    "other",
    [
        "class Helper:\n    def apply(self, x):\n        return conv2d(x)",
        "class Helper:\n    apply = conv2d",
        "class Helper:\n    pass\nHelper.apply = conv2d",
    ],
)
def test_what_is_reached_through_an_object_counts(other):
    cell = "def mine(x):\n    return Helper().apply(x)"
    assert forbidden_in("mine", [other, cell], FORBIDDEN) == {"conv2d"}


def test_a_later_definition_takes_the_place_of_an_earlier_one_but_an_assignment_builds_on_it():
    legal, not_legal = "def mine(x):\n    return x", "def mine(x):\n    return conv2d(x)"
    assert forbidden_in("mine", [legal, not_legal], FORBIDDEN) == {"conv2d"}
    assert forbidden_in("mine", [not_legal, legal], FORBIDDEN) == set()
    assert forbidden_in("mine", [not_legal, "mine = decorated(mine)"], FORBIDDEN) == {"conv2d"}
