"""Trained networks at grading: measured on the data that they claim, counted as the course says, and never trained."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest

from course_utils import data, stand_in
from course_utils.checks import NotGradable
from course_utils.grading.preload import modules_for
from course_utils.grading.run.engine import Settings
from course_utils.grading.submissions import Submission, grade
from tests.support.answers import Answer
from tests.support.engine import SOURCE, answered, lost, run, settings_of_tests

CHALLENGE = SOURCE / "cifar" / "challenge.ipynb"
CELLS = {f"test_challenge_{percent}" for percent in (50, 60, 65, 70)}

# Whoever trains while this is graded is found out: nothing of it works any more.
NO_TRAINING = """
def forbidden(*_, **__):
    raise RuntimeError("training while grading")


torch.Tensor.backward = torch.autograd.backward = torch.autograd.grad = F.cross_entropy = forbidden
torch.optim.Optimizer.step = torch.optim.SGD.step = forbidden


def make_optimizer(network, num_steps):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer)


train_one_epoch = forbidden
"""


def scores_of(answer: Answer, counts: str = "any"):
    settings = replace(settings_of_tests(), data=counts)
    if "COURSE_DATA" in os.environ:  # then what notebooks are forked from is for one test: it imports what that needs
        settings = replace(settings, preload=modules_for([CHALLENGE.read_bytes()]))
    scores, result, _ = run(answered(CHALLENGE, answer.cells), CHALLENGE, settings, artifacts=answer.artifacts)
    return scores, result


def claiming(source: str):
    def change(record, weights):
        return record | {"data": source}, weights

    return Answer(f"claims {source}", {}, artifacts={"challenge": change})


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    """A folder in the layout of CIFAR-10 whose test pictures are whatever a test puts there."""

    def lay_out(images: np.ndarray, labels: np.ndarray) -> None:
        folder = tmp_path / "cifar-10-batches-py"
        folder.mkdir()
        content = {"data": images.reshape(len(images), -1), "labels": labels.tolist()}
        (folder / "test_batch").write_bytes(pickle.dumps(content))
        for path in (tmp_path, folder):
            path.chmod(0o755)  # tests run as another user
        (folder / "test_batch").chmod(0o644)

    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    return lay_out


def test_a_network_of_the_stand_in_earns_nothing_where_cifar10_counts():
    scores, _ = scores_of(Answer("honest", {}), counts="CIFAR-10")
    assert lost(scores) == CELLS
    for score in scores.values():
        assert (
            "'challenge' was trained on 'stand-in'; this course counts networks that were trained on CIFAR-10"
            in score.message
        )


def test_it_earns_all_points_where_the_stand_in_counts():
    scores, _ = scores_of(Answer("honest", {}), counts="stand-in")
    assert lost(scores) == set()


@pytest.mark.parametrize("counts", ["any", "CIFAR-10"])
def test_a_record_that_lies_about_its_data_is_measured_on_what_it_claims(counts, cifar10):
    rng = np.random.default_rng(0)
    cifar10(rng.integers(256, size=(2000, 3, 32, 32), dtype=np.uint8), rng.integers(10, size=2000))
    scores, _ = scores_of(claiming("CIFAR-10"), counts)
    assert lost(scores) == CELLS
    for score in scores.values():
        assert "of 2,000 pictures that it has not seen; this cell asks for" in score.message
        assert "Your notebook recorded" in score.message


def test_what_is_in_the_folder_is_what_it_is_measured_on(cifar10):
    """The same claim holds if the pictures there are of the kind that the network knows."""
    cifar10(*stand_in.shapes("test"))
    scores, _ = scores_of(claiming("CIFAR-10"), "CIFAR-10")
    assert lost(scores) == set()


def test_data_that_nobody_has_are_no_claim():
    scores, _ = scores_of(claiming("a million pictures of my own"))
    assert lost(scores) == CELLS
    assert all("'a million pictures of my own', which nobody here has" in score.message for score in scores.values())


def test_real_data_that_nobody_else_may_read_are_not_the_students_loss(cifar10, tmp_path):
    cifar10(*stand_in.shapes("test"))
    tmp_path.chmod(0o700)
    if tmp_path.stat().st_uid:
        pytest.skip("tests run as the same user where grading is not root's")
    with pytest.raises(NotGradable, match=r"cannot be read by the user.*chmod -R go\+rX"):
        scores_of(claiming("CIFAR-10"))


@pytest.mark.parametrize("folder", [".", "not-there"])
def test_real_data_that_are_missing_at_grading_are_not_the_students_loss(tmp_path, monkeypatch, folder):
    tmp_path.chmod(0o755)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / folder))
    with pytest.raises(NotGradable, match=r"CIFAR-10 is not here.*Set COURSE_DATA"):
        scores_of(claiming("CIFAR-10"))


def test_such_a_submission_is_told_as_not_gradable(tmp_path, monkeypatch):
    """In the words that reach the instructor's table, without the trace of a program."""

    def missing(*_, **__):
        raise data.DataMissing("CIFAR-10 is not here.")

    monkeypatch.setattr("course_utils.grading.submissions.grade_cells", missing)
    notebook = nbformat.writes(nbformat.read(CHALLENGE, as_version=4)).encode()
    submission = make_submission({"challenge": notebook}, tmp_path)
    assert grade(submission).error == "CIFAR-10 is not here."


def make_submission(notebooks: dict[str, bytes], folder: Path) -> Submission:
    from course_utils.grading.submissions import read_submission

    target = folder / "submitted" / "anna" / "cifar"
    target.mkdir(parents=True)
    for name, content in notebooks.items():
        (target / f"{name}.ipynb").write_bytes(content)
    clearing = {"code_stub": {"python": "raise NotImplementedError()"}}
    return read_submission(target, "anna", "cifar", CHALLENGE.parent, clearing, Settings())


def test_grading_trains_nothing():
    scores, result = scores_of(Answer("cannot train", {"training": NO_TRAINING}))
    assert lost(scores) == set()
    assert errors_of("train", result) == []


def test_where_nothing_was_handed_in_nothing_is_trained_either():
    scores, result = scores_of(Answer("missing", {"training": NO_TRAINING}, artifacts={"challenge": None}))
    assert lost(scores) == CELLS
    for score in scores.values():
        assert score.message.startswith("artifacts/challenge.json is missing. Run the cell that trains 'challenge'")
    (error,) = errors_of("train", result)
    assert "There is no trained network 'challenge' in artifacts/, and nothing is trained while grading" in error


def test_a_missing_network_costs_the_cells_that_need_it_and_no_other():
    source = SOURCE / "depthwise" / "depthwise-separable.ipynb"
    scores, _, _ = run(answered(source), source, artifacts={"plain": None, "separable": None})
    assert lost(scores) == {"test_trained_hidden"}
    assert "artifacts/plain.json is missing" in scores["test_trained_hidden"].message


def errors_of(name: str, result) -> list[str]:
    """What a cell of the student's notebook raised."""
    cells = nbformat.read(CHALLENGE, as_version=4).cells
    (index,) = (n for n, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name)
    return [output["evalue"] for output in result.outputs[index] if output["output_type"] == "error"]
