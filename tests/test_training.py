"""Trained networks are kept, taken up, told apart, and never trust what lies in a file."""

from __future__ import annotations

import json
import os

import pytest
import torch
from safetensors.torch import save
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


def test_weights_of_another_network_are_told():
    Run().train()
    with pytest.raises(training.ArtifactError, match="another network: 'bias' has the shape"):
        training.load("line", nn.Linear(2, 4))


def test_handed_in_counts_only_the_data_of_the_course(monkeypatch):
    Run().train()
    record, weights = training.handed_in("line")
    assert record.data == "made up" and set(weights) == {"weight", "bias"}
    monkeypatch.setenv("COURSE_COUNTS", "CIFAR-10")
    with pytest.raises(training.ArtifactError, match="trained on 'made up'; this course counts"):
        training.handed_in("line")


def spoil(change):
    path = training.folder() / "line.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda v: v.update(name="other"), "record of another network, 'other'"),
        (lambda v: v.update(epochs="5"), "not a record"),
        (lambda v: v.update(history={"loss": "x"}), "not a record"),
        (lambda v: v.update(history={"loss": [0.0] * 20_000}), "not a record"),
        (lambda v: v.update(seconds=float("nan")), "not a record"),
        (lambda v: v.pop("data"), "not a record"),
        (lambda v: v.update(more=1), "not a record"),
        (lambda v: v.update(sha256="0" * 64), "do not belong together"),
        (lambda v: v.update(finished=False), "was not finished"),
    ],
)
def test_a_record_that_is_none_is_told(change, message):
    Run().train()
    spoil(change)
    with pytest.raises(training.ArtifactError, match=message):
        training.read_weights("line")


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff\xfe", b"[1]", b"9" * 5000])
def test_a_record_that_is_not_json_is_told(content):
    Run().train()
    (training.folder() / "line.json").write_bytes(content)
    with pytest.raises(training.ArtifactError, match="not a record"):
        training.read_record("line")


def test_pickles_and_damage_are_never_loaded(tmp_path):
    Run().train()
    path = training.folder() / "line.safetensors"

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "opened"),)

    torch.save({"weight": Bomb()}, path)
    with pytest.raises(training.ArtifactError, match="do not belong together"):
        training.read_weights("line")
    import hashlib

    spoil(lambda v: v.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
    with pytest.raises(training.ArtifactError, match="damaged"):
        training.read_weights("line")
    assert not (tmp_path / "opened").exists()


def test_links_and_large_files_are_not_read(tmp_path, monkeypatch):
    Run().train()
    path = training.folder() / "line.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(training.ArtifactError, match="is no file"):
        training.read_record("line")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(training.ArtifactError, match="is no file"):
        training.read_record("line")
    path.unlink()
    path.mkdir()
    with pytest.raises(training.ArtifactError, match="is no file"):
        training.read_record("line")
    path.rmdir()
    (tmp_path / "elsewhere.json").rename(path)
    monkeypatch.setattr(training, "MOST_WEIGHTS", 10)
    with pytest.raises(training.ArtifactError, match="larger than"):
        training.read_weights("line")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 81, None])
def test_a_name_is_a_name(name):
    with pytest.raises(ValueError, match="name is letters"):
        training.read_record(name)


def test_a_notebook_in_source_keeps_its_networks_out_of_source(tmp_path, monkeypatch):
    (tmp_path / "source" / "cifar").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "source" / "cifar")
    assert training.folder() == tmp_path / "build" / "artifacts" / "cifar"


def test_marks_tell_code_from_layout():
    one = training.definitions(["def f(x):\n    return x  # same\n"])
    two = training.definitions(["%matplotlib inline\ndef f(x): return x", "not python ("])
    other = training.definitions(["def f(x): return x + 1"])
    assert one["f"][0] == two["f"][0] != other["f"][0]


def test_weights_written_elsewhere_still_need_their_record():
    training.folder().mkdir()
    (training.folder() / "line.safetensors").write_bytes(save({"weight": torch.zeros(1, 2)}))
    with pytest.raises(training.ArtifactError, match=r"line\.json is missing"):
        training.read_weights("line")


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
