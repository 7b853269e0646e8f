"""Gradients are compared with differences."""

import numpy as np
import pytest
import torch

from course_utils.checks import assert_gradient, assert_gradients, numerical_gradient
from tests.support.check_messages import message


def test_numerical_gradient_of_a_known_function():
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    before = x.copy()
    np.testing.assert_allclose(numerical_gradient(lambda a: (a**3).sum(), x), 3 * x**2, rtol=1e-7)
    np.testing.assert_array_equal(x, before)


def test_numerical_gradient_gives_the_function_what_it_was_given():
    seen = []
    numerical_gradient(lambda a: seen.append(type(a)) or float(a.sum()), torch.ones(2, dtype=torch.float64))
    numerical_gradient(lambda a: seen.append(type(a)) or float(a.sum()), np.ones(2))
    assert seen == [torch.Tensor] * 4 + [np.ndarray] * 4


def test_gradients_are_compared_with_differences():
    x = torch.tensor([0.3, -1.2], dtype=torch.float64)

    def loss(a):
        return float(torch.exp(a).sum())

    assert_gradient(torch.exp(x), loss, x, "dx")
    assert_gradient(torch.exp(x).numpy(), loss, x, "dx")
    assert "wrong in 2 of 2" in message(assert_gradient, -torch.exp(x), loss, x, "dx")
    assert "must have shape (2,), got (1, 2)" in message(assert_gradient, torch.exp(x)[None], loss, x, "dx")
    assert message(assert_gradient, None, loss, x, "dx").startswith("dx must be a torch.Tensor, got None")
    assert message(assert_gradient, [1, 2], loss, x.numpy(), "dx") == "dx must be a NumPy array, got a list."
    text = message(assert_gradient, -torch.exp(x), loss, x, "dx", mistakes={"The sign is wrong.": -torch.exp(x)})
    assert text.endswith("\nThe sign is wrong.")


RIGHT = {"W": np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]), "b": np.array([1.0, -1.0])}


def gradients_of(**changed):
    return {**RIGHT, **changed}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            {name: 5 * value for name, value in RIGHT.items()},
            "every gradient is 5 times the right gradient, and 5 is N",
        ),
        (
            {name: value / 3 for name, value in RIGHT.items()},
            "every gradient is 1/3 of the right gradient, and 3 is ny",
        ),
        ({name: 1.5 * value for name, value in RIGHT.items()}, "every gradient is 1.5 times the right gradient"),
        ({name: -value for name, value in RIGHT.items()}, "every gradient is minus the right gradient"),
        (gradients_of(b=5 * RIGHT["b"]), "W is right; b is 5 times the right gradient, and 5 is N"),
        (gradients_of(b=np.zeros(2)), "W is right; b is 0 everywhere"),
        (gradients_of(b=np.array([np.nan, 1.0])), "W is right; b is not finite"),
        (gradients_of(b=np.array([1.0, 1.0])), "b points elsewhere (cosine 0.000, where 1 is the right direction)"),
        (gradients_of(b=RIGHT["b"] + [1e-5, 0]), "b is off by 7e-06 of its length"),
        (
            gradients_of(b=RIGHT["b"][:, None]),
            "b of backward(net) must have shape (2,), got (2, 1).\nA gradient has the shape of its parameter",
        ),
        (gradients_of(W=RIGHT["W"].T), "The axes are swapped: a gradient has the shape of its parameter."),
        (gradients_of(b=np.ones((5, 2))), "one axis too many"),
        (gradients_of(b=None), "b of backward(net) must be an array, got None"),
        ({"W": RIGHT["W"]}, "has no entry 'b'"),
        (None, "must be a dict, got None"),
    ],
)
def test_each_gradient_of_a_network_is_told_in_what_way_it_is_wrong(found, says):
    assert says in message(assert_gradients, found, RIGHT, "backward(net)", sizes={"N": 5, "ny": 3})


def test_right_gradients_pass_and_a_known_mistake_is_called_by_its_name():
    tensors = {name: torch.tensor(value) for name, value in RIGHT.items()}
    assert_gradients({**tensors, "extra": 1}, RIGHT, "backward(net)")
    slips = {"b is summed over the wrong axis.": {"b": np.ones(2)}}
    text = message(assert_gradients, gradients_of(b=np.ones(2)), RIGHT, "backward(net)", "A hint.", mistakes=slips)
    assert text.endswith("\nb is summed over the wrong axis.")
    both = {"b": np.ones(2), "W": 2 * RIGHT["W"]}
    assert message(assert_gradients, both, RIGHT, "backward(net)", "A hint.", mistakes=slips).endswith("\nA hint.")


def test_a_right_gradient_of_zero_has_no_direction():
    zero = {"W": np.zeros(2)}
    assert_gradients(zero, zero, "backward(net)")
    assert "W should be 0 everywhere, and is not" in message(assert_gradients, {"W": np.ones(2)}, zero, "backward(net)")
