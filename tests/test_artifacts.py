"""What lies in a file of a trained network is never trusted: read whole and checked, or told."""

from __future__ import annotations

import json
import os

import pytest
import torch
from safetensors.torch import save
from torch import nn

from course_utils import artifacts, training


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("COURSE_GRADING", "COURSE_FILES", "COURSE_COUNTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def keep_line():
    """Leave a trained network of three numbers in ``artifacts/``."""
    training.train("line", nn.Linear(2, 1), lambda: {"loss": 1.0}, 1, data="made up")


def test_weights_of_another_network_are_told():
    keep_line()
    with pytest.raises(artifacts.ArtifactError, match="another network: 'bias' has the shape"):
        artifacts.load("line", nn.Linear(2, 4))


def test_handed_in_counts_only_the_data_of_the_course(monkeypatch):
    keep_line()
    record, weights = artifacts.handed_in("line")
    assert record.data == "made up" and set(weights) == {"weight", "bias"}
    monkeypatch.setenv("COURSE_COUNTS", "CIFAR-10")
    with pytest.raises(artifacts.ArtifactError, match="trained on 'made up'; this course counts"):
        artifacts.handed_in("line")
    monkeypatch.setenv("COURSE_COUNTS", "CIFAR-10, made up")
    assert artifacts.handed_in("line")[0].data == "made up"


def spoil(change):
    path = artifacts.folder() / "line.json"
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
    keep_line()
    spoil(change)
    with pytest.raises(artifacts.ArtifactError, match=message):
        artifacts.read_weights("line")


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff\xfe", b"[1]", b"9" * 5000])
def test_a_record_that_is_not_json_is_told(content):
    keep_line()
    (artifacts.folder() / "line.json").write_bytes(content)
    with pytest.raises(artifacts.ArtifactError, match="not a record"):
        artifacts.read_record("line")


def test_pickles_and_damage_are_never_loaded(tmp_path):
    keep_line()
    path = artifacts.folder() / "line.safetensors"

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "opened"),)

    torch.save({"weight": Bomb()}, path)
    with pytest.raises(artifacts.ArtifactError, match="do not belong together"):
        artifacts.read_weights("line")
    import hashlib

    spoil(lambda v: v.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
    with pytest.raises(artifacts.ArtifactError, match="damaged"):
        artifacts.read_weights("line")
    assert not (tmp_path / "opened").exists()


def test_links_and_large_files_are_not_read(tmp_path, monkeypatch):
    keep_line()
    path = artifacts.folder() / "line.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(artifacts.ArtifactError, match="is no file"):
        artifacts.read_record("line")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(artifacts.ArtifactError, match="is no file"):
        artifacts.read_record("line")
    path.unlink()
    path.mkdir()
    with pytest.raises(artifacts.ArtifactError, match="is no file"):
        artifacts.read_record("line")
    path.rmdir()
    (tmp_path / "elsewhere.json").rename(path)
    monkeypatch.setattr(artifacts, "MOST_WEIGHTS", 10)
    with pytest.raises(artifacts.ArtifactError, match="larger than"):
        artifacts.read_weights("line")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 81, None])
def test_a_name_is_a_name(name):
    with pytest.raises(ValueError, match="name is letters"):
        artifacts.read_record(name)


def test_a_notebook_in_source_keeps_its_networks_out_of_source(tmp_path, monkeypatch):
    (tmp_path / "source" / "cifar").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "source" / "cifar")
    assert artifacts.folder() == tmp_path / "build" / "artifacts" / "cifar"


def test_weights_written_elsewhere_still_need_their_record():
    artifacts.folder().mkdir()
    (artifacts.folder() / "line.safetensors").write_bytes(save({"weight": torch.zeros(1, 2)}))
    with pytest.raises(artifacts.ArtifactError, match=r"line\.json is missing"):
        artifacts.read_weights("line")
