"""Gradients are compared with differences."""

import numpy as np
import torch

from course_utils.checks import assert_gradient, numerical_gradient
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
