"""Tensors cross to the grader whatever their strides are."""

import pytest
import torch

from course_utils.grading.bridge import reading, writing


@pytest.mark.parametrize(
    "tensor",
    [
        torch.fft.ifft(torch.ones(1, dtype=torch.complex128)).real,  # one entry with stride 2
        torch.arange(12.0).reshape(3, 4).T,
        torch.arange(10.0)[::3],
        torch.tensor([1.0 + 2.0j]).conj(),
        torch.ones(1).expand(3, 2),
        torch.zeros(0, 3),
        torch.tensor(2.5, dtype=torch.bfloat16),
    ],
)
def test_a_view_arrives_as_it_is(tensor):
    assert torch.equal(reading.loads(writing.dumps(tensor)), tensor)
