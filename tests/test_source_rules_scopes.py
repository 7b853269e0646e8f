"""Rules about forbidden names look at what a function reads from outside, not at how it calls its variables."""

import pytest

from course_utils.source_rules import forbidden_in

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
