"""Trained networks are kept, taken up and told apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_utils import training

SETTINGS = {"lr": 0.1}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("COURSE_GRADING", "COURSE_FILES", "COURSE_COUNTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


class Run:
    """A line fitted by momentum: each epoch is one step, so that its state matters."""

    def __init__(self, stop_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.model, self.calls, self.stop_at = nn.Linear(2, 1), 0, stop_at
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, 2, 0.5)

    def epoch(self) -> dict[str, float]:
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        self.calls += 1
        self.optimizer.zero_grad()
        loss = (self.model(torch.randn(8, 2)) ** 2).mean()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return {"loss": loss.item()}

    def train(self, name: str = "line", epochs: int = 5, **more) -> training.Record:
        parts = {"optimizer": self.optimizer, "scheduler": self.scheduler}
        return training.train(name, self.model, self.epoch, epochs, data="made up", settings=SETTINGS, **parts, **more)


def test_training_happens_once(capsys):
    first, second = Run(), Run()
    record = first.train()
    assert (record.epochs, record.parameters, len(record.history["loss"]), record.finished) == (5, 3, 5, True)
    assert second.train() == record and second.calls == 0
    assert torch.equal(first.model.weight, second.model.weight)
    assert "loaded what was trained before (5 epochs, made up" in capsys.readouterr().out
    third = Run()
    third.train(again=True)
    assert third.calls == 5


def test_interrupted_training_goes_on_as_if_nothing_had_happened(capsys):
    whole = Run()
    whole.train("whole")
    with pytest.raises(KeyboardInterrupt):
        Run(stop_at=3).train("parts")
    rest = Run()
    torch.manual_seed(99)  # the random state is part of what is taken up
    record = rest.train("parts")
    assert "going on after epoch 3" in capsys.readouterr().out
    assert rest.calls == 2 and len(record.history["loss"]) == 5
    assert torch.equal(rest.model.weight, whole.model.weight)
    assert not list((training.folder()).glob("*.part*"))


def test_what_other_settings_left_unfinished_is_not_taken_up():
    with pytest.raises(KeyboardInterrupt):
        Run(stop_at=3).train()
    other = Run()
    other.train(epochs=4)
    assert other.calls == 4


def test_other_settings_are_told(capsys):
    Run().train()
    Run().train(epochs=6)
    assert "it was trained with epochs = 5: pass again=True" in capsys.readouterr().out


def test_nothing_is_trained_while_grading(monkeypatch):
    monkeypatch.setenv("COURSE_GRADING", "1")
    run = Run()
    with pytest.raises(training.ArtifactError, match=r"no trained network 'line'.*nothing is trained while grading"):
        run.train(again=True)
    assert run.calls == 0


def test_while_grading_again_is_no_reason_to_train(monkeypatch):
    Run().train()
    monkeypatch.setenv("COURSE_GRADING", "1")
    run = Run()
    run.train(again=True)
    assert run.calls == 0


def test_half_precision_is_half_the_size_and_loads():
    run = Run()
    run.train("half", half=True)
    assert training.read_weights("half")["weight"].dtype == torch.float16
    model = nn.Linear(2, 1)
    training.load("half", model)
    assert model.weight.dtype == torch.float32 and torch.allclose(model.weight, run.model.weight, atol=1e-3)


def test_curves_alone():
    record = Run().train("curve", weights=False)
    assert record.sha256 == "" and not (training.folder() / "curve.safetensors").exists()
    assert Run().train("curve", weights=False) == record


def test_marks_tell_code_from_layout():
    one = training.definitions(["def f(x):\n    return x  # same\n"])
    two = training.definitions(["%matplotlib inline\ndef f(x): return x", "not python ("])
    other = training.definitions(["def f(x): return x + 1"])
    assert one["f"][0] == two["f"][0] != other["f"][0]


@pytest.mark.parametrize("faster, dtype", [(True, torch.bfloat16), (False, torch.float32)])
def test_sixteen_bits_where_they_are_faster(faster, dtype, monkeypatch):
    monkeypatch.setattr(training, "_is_bfloat16_faster", lambda: faster)
    with training.mixed_precision("cpu"):
        assert nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == dtype


def test_finding_out_what_is_faster_leaves_no_trace():
    training._is_bfloat16_faster.cache_clear()
    state = torch.get_rng_state()
    with torch.no_grad():
        assert training._is_bfloat16_faster() in (True, False)
    assert torch.equal(torch.get_rng_state(), state)
