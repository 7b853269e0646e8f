"""What a call leaves behind is seen, in a notebook and across the bridge."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_utils.checks import CheckFailed, assert_leaves_nothing
from tests.grading.bridge.test_handles import Student

LEAVES = {
    "torch.set_grad_enabled(False)": "leaves gradients switched off",
    "network.register_forward_hook(print)": "leaves 1 hook behind",
    "network[0].register_forward_pre_hook(print)": "leaves 1 hook behind",
    "network.requires_grad_(False)": "changed requires_grad",
    "x.requires_grad_()": "changed requires_grad",
    "x.grad = torch.zeros(2)": "left a gradient in its argument",
}
HONEST = "def f(network, x):\n    with torch.no_grad():\n        return network(x.clone())"


@pytest.fixture(autouse=True)
def gradients_on():
    yield
    torch.set_grad_enabled(True)


def written(line):
    names = {"torch": torch}
    exec(f"def f(network, x):\n    {line}", names)
    return names["f"]


@pytest.mark.parametrize(("line", "message"), LEAVES.items())
def test_each_thing_left_behind_has_its_sentence(line, message):
    for function in (written(line), Student(f"def f(network, x):\n    {line}").f):
        with pytest.raises(CheckFailed, match=f"count_costs (has )?{message}"):
            assert_leaves_nothing(function, nn.Sequential(nn.Linear(2, 2)), torch.zeros(2), name="count_costs")
        torch.set_grad_enabled(True)


def test_a_hook_of_all_layers_is_a_hook():
    function = written("f.handle = torch.nn.modules.module.register_module_forward_hook(lambda *args: None)")
    with pytest.raises(CheckFailed, match="leaves 1 hook behind"):
        assert_leaves_nothing(function, nn.Linear(2, 2), torch.zeros(2), name="count_costs")
    function.handle.remove()


def test_who_tidies_up_passes_and_gradients_are_on_again_afterwards():
    for function in (written("return network(x)"), Student(HONEST).f):
        with torch.no_grad():
            assert_leaves_nothing(function, nn.Sequential(nn.Linear(2, 2)), torch.zeros(2), name="f")
    assert torch.is_grad_enabled()


def test_a_call_that_is_made_elsewhere_says_nothing_but_values():
    student = Student("def f(x):\n    import course_utils.checks.left_behind as m\n    raise ValueError('own')")
    with pytest.raises(ValueError, match="own"):
        assert_leaves_nothing(student.f, torch.zeros(2), name="f")
