"""Nothing that stands in a released notebook, or in the package, earns a point by being copied."""

from __future__ import annotations

import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from course_utils import training
from course_utils.artifacts import ArtifactError
from course_utils.notebooks import cells as kinds
from tests.support import copier
from tests.support.bank import source_cells
from tests.support.engine import ROOT
from tests.support.tables import Told, overhearing

# Where every test can be played here within seconds; `python -m benchmarks.copyable` plays all notebooks.
NOTEBOOKS = [
    "convolutions/by-hand",
    "convolutions/im2col",
    "convolutions/counting",
    "convolutions/equivariance",
    "convolutions/fully-convolutional",
    "convolutions/jacobians",
    "convolutions/backprop",
    "losses/concepts",
    "losses/softmax-cross-entropy",
    "losses/mse",
    "cifar/training-loop",
    "neural-networks/backpropagation",
    "dog-breeds/fine-tuning",
]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_copier_earns_nothing(name):
    found, _ = copier.copies(Path(f"{name}.ipynb"))
    assert found == {}


def counted() -> set[int]:
    """Return the large numbers that counting asks for, and the inputs of the first dense layer of its last network."""
    namespace: dict = {}
    for cell in source_cells(Path("convolutions/counting.ipynb")):
        if cell.cell_type == "code" and not kinds.is_test(cell) and not kinds.is_shown_only(cell):
            exec(cell.source, namespace)
    values = [part for value in namespace.values() for part in (value.values() if type(value) is dict else [value])]
    asked = {value for value in values if type(value) is int and value > 1000 and value % 1000}
    assert namespace["lenet_total"] in asked
    return asked | {math.prod(namespace["cifar_shapes"]["pool3"])}


def numbers_in(text: str) -> set[int]:
    return {int(re.sub("[,_]", "", number)) for number in re.findall(r"\d[\d,_]*\d", text)}


def test_the_package_names_no_number_that_is_to_be_counted():
    asked = counted() - {1024}  # of bytes, too
    for path in sorted((ROOT / "course_utils").rglob("*.py")):
        assert not asked & numbers_in(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name", ["rdfia-network", "optimisation", "augmentation", "regularisation"])
def test_no_notebook_of_the_same_sheet_names_a_number_that_is_to_be_counted(name):
    cells = nbformat.read(ROOT / "release" / "cifar" / f"{name}.ipynb", as_version=4).cells
    asked = counted() - ({1024} if name == "rdfia-network" else set())  # the size of a batch there
    assert not asked & numbers_in("\n".join(cell.source for cell in cells))


def test_the_copier_types_in_what_a_visible_check_expects():
    """A table of it answers the same calls; none where the check compares with a property."""
    told = [Told() for _ in range(3)]
    overhearing("assert_number")(told[0], 3.5, "a mean")
    overhearing("assert_length")(told[1], 2, "a pair")
    for part, value in zip(told[1], (1, 2), strict=True):
        overhearing("assert_equal")(part, value, "a part")
    overhearing("assert_array")(told[2].detach(), [1, 2], "a row")
    assert [each.told() for each in told[:2]] == [3.5, (1, 2)]
    np.testing.assert_array_equal(told[2].told(), [1.0, 2.0])
    with pytest.raises((TypeError, AttributeError)):
        assert Told().sum() == 1


def test_the_copier_finds_what_is_there(monkeypatch, tmp_path):
    """Were the source itself handed out, most points of counting could be copied."""
    (tmp_path / "release").symlink_to(copier.SOURCE)
    monkeypatch.setattr(copier, "ROOT", tmp_path)
    found, _ = copier.copies(Path("convolutions/counting.ipynb"))
    assert {"test_lenet_conv1", "test_lenet_total", "test_ratio", "test_output_size_visible"} <= set(found)


def test_the_copier_trains_nothing():
    """A line that trains a network is no answer, and would take its time for every name that is asked for."""
    network = torch.nn.Linear(2, 2)
    with copier._playing("cifar"), pytest.raises(ArtifactError, match="nothing is trained"):
        training.train("one-line", network, lambda: pytest.fail("a network was trained"), 1, data="stand-in")
