"""Nothing that stands in a released notebook, or in the package, earns a point by being copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import copier

# Where every test can be played here within seconds; `python -m benchmarks.copyable` plays all notebooks.
NOTEBOOKS = [
    "convolutions/by-hand",
    "convolutions/counting",
    "convolutions/equivariance",
    "convolutions/fully-convolutional",
    "convolutions/jacobians",
    "convolutions/backprop",
    "losses/concepts",
    "losses/softmax-cross-entropy",
    "losses/mse",
]
# Numbers that are the answer and stand elsewhere by chance, or as what is given; the check says which they are.
BY_CHANCE = {
    "test_dense_output": "the matrix has 1000 rows, which the task gives: reading that off is the question",
    "test_digits_hidden": "two small whole numbers",
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_copier_earns_nothing(name):
    found, _ = copier.copies(Path(f"{name}.ipynb"))
    assert {test: how for test, how in found.items() if test not in BY_CHANCE} == {}


def test_the_copier_finds_what_is_there(monkeypatch, tmp_path):
    """Were the source itself handed out, most points of counting could be copied."""
    (tmp_path / "release").symlink_to(copier.SOURCE)
    monkeypatch.setattr(copier, "ROOT", tmp_path)
    found, _ = copier.copies(Path("convolutions/counting.ipynb"))
    assert {"test_lenet_conv1", "test_lenet_total", "test_ratio", "test_output_size_visible"} <= set(found)
