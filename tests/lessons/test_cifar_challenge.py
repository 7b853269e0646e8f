"""The challenge's measurement: what it accepts as an answer, and what it tells whoever is below."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_utils import checks, data, training
from course_utils.checks import CheckFailed
from course_utils.grading.bridge.handles import Bridge
from course_utils.lessons.cifar import challenge


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("COURSE_GRADING", "COURSE_FILES", "COURSE_COUNTS"):
        monkeypatch.delenv(name, raising=False)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 10)

    def forward(self, images):
        return self.layer(data.normalise(images).mean((2, 3)))


def predict(network, images):
    return network(images)


def hand_in(validation_accuracy: float = 0.1, data: str = "stand-in") -> training.Record:
    return training.train("net", Network(), lambda: {"validation_accuracy": validation_accuracy}, 1, data=data)


IMAGES, LABELS = data.cifar10("test", source="stand-in")
IMAGES, LABELS = IMAGES[:300], LABELS[:300]


def test_logits_and_labels_are_both_answers():
    network = Network()
    right = float((network(IMAGES).argmax(1) == LABELS).float().mean())
    assert challenge.accuracy(network, predict, IMAGES, LABELS) == pytest.approx(right)
    assert challenge.accuracy(network, lambda n, x: n(x).argmax(1).int(), IMAGES, LABELS) == pytest.approx(right)


@pytest.mark.parametrize(
    "answer, message",
    [
        (lambda n, x: None, "got None"),
        (lambda n, x: n(x).tolist(), "an object of type list"),
        (lambda n, x: n(x)[:, :9], r"shape \(250, 9\)"),
        (lambda n, x: n(x)[:, 0], r"torch.float32 of shape \(250,\)"),
        (lambda n, x: n(x) / 0 * 0, "training diverged"),
    ],
)
def test_anything_else_is_told(answer, message):
    with pytest.raises(CheckFailed, match=message):
        challenge.accuracy(Network(), answer, IMAGES, LABELS)


def test_what_was_handed_in_is_measured_whatever_its_record_says():
    hand_in(validation_accuracy=0.99)
    measured = challenge.measure(Network, predict, "net")
    images, labels = data.held_out("stand-in", challenge.PICTURES, seed=0)
    assert measured.accuracy == pytest.approx(float((Network()(images).argmax(1) == labels).float().mean()))
    with pytest.raises(
        CheckFailed,
        match=r"of 2,000 pictures that it has not seen; this cell asks for 50 %.\nYour notebook recorded 99 %",
    ):
        challenge.require(measured, 50, "Train for longer.")


def test_the_next_step_is_told():
    hand_in()
    with pytest.raises(CheckFailed, match="Train for longer"):
        challenge.require(challenge.measure(Network, predict, "net"), 50, "Train for longer.")


def test_the_luck_of_the_draw_costs_nothing(capsys):
    record = training.Record("net", "stand-in", 3, 2.0, parameters=7)
    challenge.require(challenge.Measured(0.691, record), 70, "")
    assert (
        "of 2,000 pictures that it has not seen (7 parameters, 3 epochs on stand-in, 2 s on cpu)"
        in capsys.readouterr().out
    )
    with pytest.raises(CheckFailed, match=r"right on 68\.8 %"):
        challenge.require(challenge.Measured(0.688, record), 70, "")


def test_weights_of_another_class_are_told():
    hand_in()
    with pytest.raises(CheckFailed, match="do not fit the class in the notebook"):
        challenge.measure(lambda: nn.Linear(3, 4), predict, "net")


def test_data_that_nobody_has_are_told():
    hand_in(data="my photos")
    with pytest.raises(CheckFailed, match="'my photos', which nobody here has"):
        challenge.measure(Network, predict, "net")


def test_a_notebook_that_is_graded_is_measured_once_until_a_cell_runs(monkeypatch):
    hand_in()
    calls = []

    def counted(network, images):
        calls.append(len(images))
        return network(images)

    for _ in range(2):
        challenge.measure(Network, counted, "net")
    assert sum(calls) == 2 * challenge.PICTURES
    bridge = Bridge(None)
    monkeypatch.setattr(checks.calls, "_bridge", bridge)
    for _ in range(2):
        challenge.measure(Network, counted, "net")
    assert sum(calls) == 3 * challenge.PICTURES
    bridge.cell_runs()
    challenge.measure(Network, counted, "net")
    assert sum(calls) == 4 * challenge.PICTURES
