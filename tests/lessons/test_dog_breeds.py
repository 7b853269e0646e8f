"""Dog breeds: folders in Kaggle's layout, the stand-in, submissions of every wrong form, what they are worth."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbgrader.api import Gradebook
from torch import nn

import course_utils
from course_utils import data, photographs, pretrained, stand_in
from course_utils.checks import CheckFailed, NotGradable
from course_utils.classroom.marks import course_marks
from course_utils.lessons.dog_breeds import dataset, feature_maps, figures, submission
from course_utils.packing.trained import examine_artifacts
from course_utils.plotting import curves, grids
from tests.support.engine import ROOT, SOURCE
from tests.support.hidden_files import hidden_module

scores = hidden_module("dog-breeds", "scores")

IDS, BREEDS = ["a1", "b2", "c3"], ["beagle", "boxer", "pug"]
GOOD = b"id,beagle,boxer,pug\na1,0.5,0.25,0.25\nb2,0,1,0\nc3,0.2,0.2,0.6\n"
REAL = Path(os.environ.get("COURSE_DATA", "no folder"), "dog-breeds")


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No data, no cache and no settings but a test's own."""
    for name in ("COURSE_GRADING", "COURSE_COUNTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_FILES", str(tmp_path / "handed-in"))
    (tmp_path / "handed-in" / "artifacts").mkdir(parents=True)
    return tmp_path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return dataset.write_stand_in(tmp_path_factory.mktemp("dogs") / "stand-in")


@pytest.fixture
def kaggle(folder, tmp_path):
    """A small folder as Kaggle has it, with three breeds, and pictures that are links."""
    place = tmp_path / "data" / "dog-breeds"
    pictures = sorted((folder / "train").iterdir())
    for split, ids in (("train", ["t1", "t2", "t3", "t4"]), ("test", IDS)):
        (place / split).mkdir(parents=True)
        for name, picture in zip(ids, pictures, strict=False):
            shutil.copy(picture, place / split / f"{name}.jpg")
    (place / "labels.csv").write_text("id,breed\nt1,pug\nt2,beagle\nt3,pug\nt4,boxer\n")
    (place / "sample_submission.csv").write_text("id,beagle,boxer,pug\n" + "".join(f"{i},0.3,0.3,0.4\n" for i in IDS))
    (place / "test_labels.csv").write_text("id,breed\na1,beagle\nb2,boxer\nc3,pug\n")
    return place


def hand_in(content: bytes | str, tmp_path: Path) -> None:
    content = content.encode() if isinstance(content, str) else content
    (tmp_path / "handed-in" / "artifacts" / "submission.csv").write_bytes(content)


def stand_in_submission(sure: float) -> str:
    """Probability `sure` for the right breed, the rest equally among the others."""
    rest = (1 - sure) / (len(dataset.STAND_IN_BREEDS) - 1)
    lines = [",".join(["id", *dataset.STAND_IN_BREEDS])]
    for picture, breed in scores.answer_key(dataset.STAND_IN).items():
        lines.append(
            ",".join([picture, *(repr(sure if other == breed else rest) for other in dataset.STAND_IN_BREEDS)])
        )
    return "\n".join(lines) + "\n"


# The folder.


def test_the_stand_in_is_as_kaggles_folder(folder):
    found = dataset.read_folder(folder, dataset.STAND_IN)
    assert found.breeds == tuple(sorted(found.breeds)) == dataset.STAND_IN_BREEDS
    assert set(found.train_breeds) == set(found.breeds)
    counts = np.bincount(found.labels)
    assert counts.min() >= 24 and counts.max() <= 36 and len(set(counts)) > 3
    assert len(found.test_ids) == 240 and not set(found.test_ids) & set(found.train_ids)
    assert all(re.fullmatch("[0-9a-f]{32}", picture) for picture in found.train_ids + found.test_ids)
    assert list(found.test_ids) == sorted(found.test_ids)
    sizes = {photographs.open_picture(found.path("train", picture)).size for picture in found.train_ids[:20]}
    assert len(sizes) == 3
    with (folder / "sample_submission.csv").open() as file:
        rows = list(csv.reader(file))
    assert all(abs(sum(map(float, row[1:])) - 1) < 1e-9 for row in rows[1:])


def test_the_stand_in_is_written_once_and_whole(folder, tmp_path, monkeypatch):
    first = dataset.dog_breeds()
    assert first.source == dataset.STAND_IN and first.folder.parent == tmp_path / "data"
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    assert dataset.dog_breeds() == first
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == before
    assert [path.name for path in first.folder.parent.iterdir()] == [first.folder.name], "something was left behind"
    monkeypatch.setattr(dataset.stand_in, "draw_shapes", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dataset.write_stand_in(tmp_path / "another" / "stand-in")
    assert list((tmp_path / "another").iterdir()) == []


def test_the_key_of_the_stand_in_belongs_to_its_pictures(folder):
    key = scores.answer_key(dataset.STAND_IN)
    assert tuple(key) == dataset.read_folder(folder, dataset.STAND_IN).test_ids
    assert len(set(key.values())) == 12
    assert Counter(key.values()).most_common(1)[0][1] < 40


def test_coats_leave_everything_else_of_a_picture_as_it_is():
    labels = np.arange(10)
    plain, boxes = stand_in.draw_shapes(labels, 64, seed=3)
    again, _ = stand_in.draw_shapes(labels, 64, seed=3, coats=np.zeros(10, int))
    assert np.array_equal(plain, again)
    banded, other_boxes = stand_in.draw_shapes(labels, 64, seed=3, coats=np.ones(10, int))
    spotted, _ = stand_in.draw_shapes(labels, 64, seed=3, coats=np.full(10, 2))
    assert np.array_equal(boxes, other_boxes)
    for drawn in (banded, spotted):
        share = (drawn != plain).any(1).mean((1, 2))
        assert (share > 0.01).all() and (share < 0.5).all()
    assert (banded != spotted).any()


def test_kaggles_folder_is_read_as_it_is(kaggle):
    found = dataset.dog_breeds()
    assert (found.source, found.network) == (dataset.KAGGLE, "mobilenet_v2")
    assert found.train_ids == ("t1", "t2", "t3", "t4") and found.labels.tolist() == [2, 0, 2, 1]
    assert found.test_ids == tuple(IDS) and found.breeds == tuple(BREEDS)
    kaggle.rename(kaggle.with_name("dog-breed-identification"))
    assert dataset.dog_breeds().source == dataset.KAGGLE


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda place: (place / "labels.csv").unlink(), "There is no .*labels.csv. Unpack Kaggle's zip again"),
        (lambda place: (place / "labels.csv").write_text("id,breed\n"), "labels.csv is empty"),
        (lambda place: (place / "labels.csv").write_text("breed,id\npug,t1\n"), "must have the columns id,breed"),
        (lambda place: (place / "labels.csv").write_text("id,breed\nt1,cat\n"), "the breed 'cat' is no column"),
        (lambda place: (place / "labels.csv").write_bytes(b"id,breed\n\xff\xfe,pug\n"), "no table that can be read"),
        (lambda place: (place / "sample_submission.csv").write_text("breed,id\npug,a1\n"), "must have a column id"),
        (lambda place: (place / "train" / "t3.jpg").unlink(), "1 of 4 pictures are not in .*train, t3.jpg for one"),
        (lambda place: shutil.rmtree(place / "test"), "3 of 3 pictures are not in .*test"),
    ],
)
def test_a_folder_that_lacks_something_says_what(kaggle, spoil, message):
    spoil(kaggle)
    with pytest.raises(data.DataMissing, match=message):
        dataset.dog_breeds()


def test_a_damaged_picture_is_named(kaggle):
    (kaggle / "train" / "t2.jpg").write_text("not a picture")
    found = dataset.read_folder(kaggle, dataset.STAND_IN)  # so that no network of ImageNet is asked for
    with pytest.raises(photographs.PictureError, match=r"t2\.jpg holds no picture"):
        list(feature_maps.batches(found, "train"))


# Pictures and networks.


def test_batches_keep_the_order_and_the_last_one_is_smaller(kaggle):
    found = dataset.read_folder(kaggle, dataset.STAND_IN)
    parts = list(feature_maps.batches(found, "train", batch_size=3))
    assert [tuple(part.shape) for part in parts] == [(3, 3, 64, 64), (1, 3, 64, 64)]
    alone = pretrained.preprocess(photographs.open_picture(found.path("train", "t4")), found.network)
    assert torch.equal(parts[1], alone)
    [first, *_] = feature_maps.batches(found, "train", view=1)
    plain = pretrained.preprocess(photographs.open_picture(found.path("train", "t1")), found.network)
    torch.testing.assert_close(first[:1].flip(3), plain, rtol=0, atol=0.1)  # the stand-in's pictures are squares
    assert {breed: len(some) for breed, some in feature_maps.one_of_each(found, ["pug", "boxer"], 2).items()} == {
        "pug": 2,
        "boxer": 1,
    }


def test_two_halves_make_the_whole():
    model = pretrained.load("shapes-plain")
    features, _ = pretrained.split(model)
    lower, upper = feature_maps.halves(model)
    pictures = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(upper(lower(pictures)), features(pictures))
    assert all(p.requires_grad for p in upper.parameters()) and not any(p.requires_grad for p in lower.parameters())
    kept = feature_maps.maps(lower, pictures.split(2))
    assert kept.dtype == torch.float16 and len(kept) == 3
    torch.testing.assert_close(kept.float(), lower(pictures), rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="Don't know where to cut a Linear"):
        feature_maps.halves(nn.Linear(2, 2))


def test_probabilities_are_those_of_the_model_in_evaluation_mode():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3)).train()
    inputs = torch.randn(7, 4)
    found = feature_maps.probabilities(model, inputs.half(), batch_size=3)
    logits = model.eval()(inputs.half().float()).detach().double()
    torch.testing.assert_close(found, logits.softmax(1), rtol=1e-5, atol=1e-6)
    assert not found.requires_grad
    mirrored = model(-inputs).detach().double()
    both = feature_maps.probabilities(model, inputs.half(), -inputs, temperature=2.0)
    mean = ((logits / 2).softmax(1) + (mirrored / 2).softmax(1)) / 2
    torch.testing.assert_close(both, mean, rtol=1e-5, atol=1e-6)


def test_what_was_computed_is_kept_until_it_depends_on_something_else(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return torch.arange(3.0)

    for _ in range(2):
        assert torch.equal(feature_maps.cached("features", compute, "a network"), torch.arange(3.0))
    assert len(calls) == 1
    feature_maps.cached("features", compute, "another network")
    assert len(calls) == 2
    path = tmp_path / "handed-in" / "cache" / "features.safetensors"
    path.write_bytes(b"damaged")
    assert (
        torch.equal(feature_maps.cached("features", compute, "another network"), torch.arange(3.0)) and len(calls) == 3
    )


# Splits.


def test_a_split_by_breed_is_accepted():
    breeds = ["pug"] * 5 + ["beagle"] * 10
    feature_maps.check_split(np.array([0, 1, 2, 3, *range(5, 13)]), np.array([4, 13, 14]), breeds, 0.2)


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        (np.array([0, 3, 4, 5]), np.array([1, 2]), "Of 3 pictures of pug there are 2 .* 1.0, rounded up or down"),
        ([0, 1, 2, 3], np.array([4, 5]), "for train must be a NumPy array .* got list"),
        (np.arange(4.0), np.array([4, 5]), "for train must be .* got dtype float64"),
        (np.arange(5), np.array([4, 5]), "Picture 4 is there more than once"),
        (np.arange(4), np.array([5]), "Picture 4 is in neither part"),
        (np.arange(5), np.array([6]), "must be from 0 to 5"),
        (
            np.arange(6),
            np.array([], int),
            "Of 3 pictures of pug there are 0 in the validation part; 33% of them is 1.0",
        ),
        (np.array([3, 4, 5]), np.array([0, 1, 2]), "Of 3 pictures of pug there are 3"),
    ],
)
def test_a_split_that_is_none_is_explained(train, validation, message):
    with pytest.raises(CheckFailed, match=message):
        feature_maps.check_split(train, validation, ["pug"] * 3 + ["beagle"] * 3, 1 / 3)


@pytest.mark.parametrize("count", [7, 8])
def test_a_share_is_rounded_as_floating_point_rounds_it(count):
    # 0.07 * 100 is 7.000000000000001, so that math.ceil gives 8.
    feature_maps.check_split(np.arange(count, 100), np.arange(count), ["pug"] * 100, 0.07)


def test_a_step_that_does_not_reach_a_parameter_is_seen():
    frozen = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    frozen[0].requires_grad_(False)
    with torch.no_grad():
        reached = feature_maps.gradients_of(frozen, torch.ones(1, 2))
    assert reached == {"0.weight": False, "0.bias": False, "1.weight": True, "1.bias": True}


# Reading a submission.


def test_a_good_submission_is_read_with_rows_in_the_order_of_the_ids():
    expected = [[0.5, 0.25, 0.25], [0, 1, 0], [0.2, 0.2, 0.6]]
    assert submission.parse_submission(GOOD, IDS, BREEDS).tolist() == expected
    first, *rest = GOOD.splitlines()
    mixed = b"\xef\xbb\xbf" + b"\r\n".join([first, *rest[::-1], b""])
    assert submission.parse_submission(mixed, IDS, BREEDS).tolist() == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (GOOD, b"", "is empty"),
        (GOOD, b" \n\n", "is empty"),
        (b"id,beagle", b"\xffid,beagle", "no text in UTF-8"),
        (b"id,beagle,boxer,pug", b"id,beagle,boxer", "lacks the column 'pug'"),
        (b"id,beagle,boxer,pug", b"beagle,boxer,pug", "lacks the column 'id'"),
        (b"id,beagle,boxer,pug\n", b"", "lacks the column 'id' and 3 others"),
        (b"id,beagle,boxer,pug", b"id;beagle;boxer;pug", "semicolons"),
        (b"id,beagle,boxer,pug", b"id,boxer,beagle,pug", "another order .* column 2 is 'boxer', and must be 'beagle'"),
        (b"id,beagle,boxer,pug", b"id,beagle,boxer,pug,pug", "has the column 'pug' twice"),
        (b"id,beagle,boxer,pug", b"id,beagle,boxer,pug,cat", "has a column 'cat'"),
        (b"b2,0,1,0", b"d4,0,1,0", "line 3: 'd4' is not the id of a test picture"),
        (b"b2,0,1,0", b"a1,0,1,0", "line 3: the id a1 comes a second time"),
        (b"b2,0,1,0\n", b"", "has no row for 1 of 3 test pictures, b2 for one"),
        (b"b2,0,1,0", b"b2,0,1", "line 3 has 3 entries; an id and 3 probabilities are wanted"),
        (b"b2,0,1,0", b"b2,0,1,0,0", "line 3 has 5 entries"),
        (b"b2,0,1,0", b"b2,nan,1,0", "line 3: nan in column beagle is not a finite number"),
        (b"b2,0,1,0", b"b2,0,inf,0", "line 3: inf in column boxer is not a finite number"),
        (b"b2,0,1,0", b"b2,0,1e999,0", "inf in column boxer"),
        (b"b2,0,1,0", b"b2,0,1.5,-0.5", "line 3: -0.5 in column pug is negative"),
        (b"b2,0,1,0", b"b2,0,yes,0", "line 3: 'yes' in column boxer is not a number"),
        (b"b2,0,1,0", b"b2,0,,0", "line 3: '' in column boxer is not a number"),
        (b"b2,0,1,0", b"b2,0,0.9,0", "line 3: the probabilities sum to 0.9; they must sum to one"),
        (b"b2,0,1,0", b"b2,0,1,0.002", "sum to 1.002"),
        (b"b2,0,1,0", b'b2,"0,1,0', "is no line of a CSV file"),
        (b"b2,0,1,0", b"b2,0,\x00,0", "column boxer is not a number"),
        (b"b2,0,1,0", b"b2," + b"9" * 200_000 + b",1,0", "is no line of a CSV file|not a finite number"),
        (b"b2", b"x" * 1000, "line 3: 'xxx.*' is not the id"),
    ],
)  # fmt: skip
def test_each_wrong_form_is_told(old, new, message):
    content = GOOD.replace(old, new)
    assert content != GOOD
    with pytest.raises(CheckFailed, match=message) as caught:
        submission.parse_submission(content, IDS, BREEDS)
    assert len(str(caught.value)) < 400


def test_rounded_numbers_are_good_enough():
    probs = np.random.default_rng(0).dirichlet(np.full(120, 0.1), 3)
    names = [f"breed{number}" for number in range(120)]
    lines = [
        ",".join(["id", *names]),
        *(",".join([i, *(f"{p:.6f}" for p in row)]) for i, row in zip(IDS, probs, strict=True)),
    ]
    found = submission.parse_submission("\n".join(lines).encode(), IDS, names)
    np.testing.assert_allclose(found, probs, atol=1e-6)


def test_only_a_plain_file_of_some_size_is_read(tmp_path, monkeypatch):
    path = tmp_path / "handed-in" / "artifacts" / "submission.csv"
    with pytest.raises(CheckFailed, match=r"artifacts/submission\.csv is missing\. Run the cell that writes it"):
        submission.read_submission()
    secret = tmp_path / "test_labels.csv"
    secret.write_text("id,breed\n")
    path.symlink_to(secret)
    with pytest.raises(CheckFailed, match=r"artifacts/submission\.csv is no file\."):
        submission.read_submission()
    path.unlink()
    path.mkdir()
    with pytest.raises(CheckFailed, match=r"artifacts/submission\.csv is no file\."):
        submission.read_submission()
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(CheckFailed, match=r"artifacts/submission\.csv is no file\."):
        submission.read_submission()
    path.unlink()
    monkeypatch.setattr(submission, "MOST_BYTES", 2**20)
    path.write_bytes(b"0" * (2**20 + 1))
    with pytest.raises(CheckFailed, match="is larger than 1 MiB"):
        submission.read_submission()
    path.write_bytes(GOOD)
    assert submission.read_submission() == GOOD


# What it is worth.


def test_the_log_loss_is_kaggles():
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(1)
    probs, labels = rng.dirichlet(np.ones(5), 50), rng.integers(5, size=50)
    assert scores.kaggle_log_loss(probs, labels) == pytest.approx(log_loss(labels, probs, labels=range(5)))
    assert scores.kaggle_log_loss(3 * probs, labels) == pytest.approx(scores.kaggle_log_loss(probs, labels))
    assert scores.kaggle_log_loss(np.eye(2), np.array([1, 0])) == pytest.approx(-np.log(1e-15))
    assert scores.kaggle_log_loss(np.eye(2), np.array([0, 1])) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("sure", [0.9, 1 / 12])
def test_a_submission_for_the_stand_in_is_measured_without_any_folder(tmp_path, sure):
    hand_in(stand_in_submission(sure), tmp_path)
    graded = scores.grade_submission()
    assert (graded.source, graded.pictures, graded.breeds) == (dataset.STAND_IN, 240, 12)
    assert graded.log_loss == pytest.approx(-np.log(sure))
    assert not (tmp_path / "data").exists()


def test_a_submission_for_other_pictures_of_the_stand_in_is_none_of_these(tmp_path):
    lines = stand_in_submission(0.9).splitlines()
    hand_in("\n".join([lines[0], *(line[::-1][:1] + line[1:] for line in lines[1:])]) + "\n", tmp_path)
    with pytest.raises(CheckFailed, match="is not the id of a test picture"):
        scores.grade_submission()


def test_the_package_does_not_know_the_breeds_of_the_test_pictures(folder):
    key = scores.answer_key(dataset.STAND_IN)
    package = [
        path for path in Path(course_utils.__file__).parent.rglob("*") if path.suffix in (".py", ".json", ".csv")
    ]
    some = next(iter(key))
    assert not [path for path in package if some in path.read_text(encoding="utf-8")]
    # What can be drawn from seeds that are written there are other pictures.
    test = {(folder / "test" / f"{name}.jpg").read_bytes() for name in key}
    for seed in (0, 1, dataset._SEED):
        for side in dataset.SIDES:
            shapes, coats = dataset.shapes_of(np.arange(12)), 1 + np.arange(12) % 2
            for drawn in (stand_in.draw_shapes(shapes, side, 10 * seed + more, coats)[0] for more in (0, 1)):
                assert not {image.tobytes() for image in drawn} & test


def test_a_submission_for_kaggles_pictures_is_measured_with_the_key_of_the_grading_machine(kaggle, tmp_path):
    hand_in(GOOD, tmp_path)
    graded = scores.grade_submission()
    assert (graded.source, graded.pictures, graded.breeds) == (dataset.KAGGLE, 3, 3)
    assert graded.log_loss == pytest.approx(-(np.log(0.5) + np.log(0.6)) / 3)
    (kaggle / "test_labels.csv").write_text("id,breed\na1,beagle\nb2,boxer\n")
    with pytest.raises(NotGradable, match="no breed for 1 of the test pictures, c3 for one"):
        scores.grade_submission()
    (kaggle / "test_labels.csv").unlink()
    with pytest.raises(NotGradable, match=r"test_labels\.csv is missing"):
        scores.grade_submission()


def test_where_kaggles_pictures_are_not_their_submissions_are_not_gradable(tmp_path):
    names = ",".join(f"breed{number}" for number in range(120))
    hand_in(f"id,{names}\n", tmp_path)
    with pytest.raises(NotGradable, match="only where COURSE_DATA names a folder that holds dog-breeds"):
        scores.grade_submission()


def test_the_stand_in_earns_nothing_where_real_pictures_count(tmp_path, monkeypatch):
    hand_in(stand_in_submission(0.9), tmp_path)
    monkeypatch.setenv("COURSE_COUNTS", "CIFAR-10")
    with pytest.raises(CheckFailed, match="this course counts those for Kaggle's pictures"):
        scores.grade_submission()
    monkeypatch.setenv("COURSE_COUNTS", "stand-in")
    assert scores.grade_submission().log_loss < 0.2


def test_the_limit_itself_is_enough(capsys):
    graded = scores.Graded(1.3, 240, dataset.STAND_IN, 12)
    scores.require(graded, 1.3, "Next step.")
    assert "The log loss on the 240 test pictures is 1.300 nats (stand-in)." in capsys.readouterr().out
    with pytest.raises(
        CheckFailed, match=r"1\.300 nats; 1 or less is wanted here, and 2\.48 is what equal probabil.*\nNext"
    ):
        scores.require(graded, 1.0, "Next step.")


@pytest.mark.skipif(not REAL.is_dir(), reason="COURSE_DATA does not name a folder with dog-breeds")
def test_the_real_folder_can_be_read():
    found = dataset.read_folder(REAL)
    assert len(found.breeds) == 120 and set(found.train_breeds) == set(found.breeds)
    assert set(scores.answer_key(found)) == set(found.test_ids)


# Figures.


def test_figures_have_labels_and_show_what_they_are_given(folder):
    found = dataset.read_folder(folder, dataset.STAND_IN)
    pictures = feature_maps.one_of_each(found, found.breeds[:2], 3)
    figure = grids.plot_breeds(pictures)
    assert sum(len(ax.images) for ax in figure.axes) == 6
    history = {"train_loss": [2.0, 1.0], "validation_loss": [2.1, 1.5]}
    figure = curves.plot_splits({"head": history, "fine-tuned": history}, "Log loss (nats)", guess=np.log(12))
    assert [ax.get_xlabel() for ax in figure.axes] == ["Epoch"] * 2 and "nats" in figure.axes[0].get_ylabel()
    styles = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in figure.axes[0].lines[:2]}
    assert len(styles) == 2
    table = np.array([[3, 1], [0, 0]])
    figure = figures.plot_confusions({"before": table, "after": table}, ["pug", "boxer"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "1"]
    assert figure.axes[0].get_ylabel() == "True breed" and figure.axes[1].get_xlabel() == "Taken for"
    figure = figures.plot_temperatures([0.5, 1, 2], {"head": [2, 1, 1.5]}, chosen=1.0)
    assert "1.00" in [text.get_text() for text in figure.axes[0].texts] and "nats" in figure.axes[0].get_ylabel()


# In the course.


NOTEBOOKS = ("frozen-features", "fine-tuning")


def notebook_cells(name):
    return nbformat.read(SOURCE / "dog-breeds" / f"{name}.ipynb", as_version=4).cells


def grade_cells(name):
    return [cell.metadata for cell in notebook_cells(name) if cell.metadata.get("nbgrader", {}).get("grade")]


def test_all_points_are_bonus_points_and_add_up_to_five():
    graded = [cell for name in NOTEBOOKS for cell in grade_cells(name)]
    assert all(cell["course"]["bonus"] is True for cell in graded)
    assert sum(cell["nbgrader"]["points"] for cell in graded) == 5


def test_the_limits_are_those_that_the_notebook_states():
    [text] = [cell.source for cell in notebook_cells("fine-tuning") if cell.id == "text-submission"]
    assert tuple(float(found) for found in re.findall(r"^\| ([\d.]+) nats \|", text, re.MULTILINE)) == dataset.LIMITS


def test_points_for_dog_breeds_fill_up_what_was_lost_and_no_more(tmp_path):
    """A sheet of 4 points, and the notebooks as they are."""
    course = tmp_path / "course"
    (course / "source" / "sheet").mkdir(parents=True)
    shutil.copytree(SOURCE / "dog-breeds", course / "source" / "dog-breeds")
    (course / "source" / "sheet" / "a.ipynb").write_text(json.dumps({"cells": []}))
    (course / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    people = {"ada": 4.0, "bob": 1.0, "cyd": 3.5, "dan": None}
    rows = [f"{name},{name},{name},{name},{name}@example.org,00{n}," for n, name in enumerate(people)]
    header = "student_id,user_name,last_name,first_name,email,matriculation_number,group"
    (course / "roster.csv").write_text("\n".join([header, *rows]) + "\n")
    graded = {name: [cell["nbgrader"] for cell in grade_cells(name)] for name in NOTEBOOKS}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "deep-learning") as book:
        book.add_assignment("sheet")
        book.add_assignment("dog-breeds")
        for assignment, notebook, cells in (
            ("sheet", "a", [("test_a", 4.0, "code")]),
            *(
                ("dog-breeds", name, [(cell["grade_id"], cell["points"], cell["cell_type"]) for cell in cells])
                for name, cells in graded.items()
            ),
        ):
            book.add_notebook(notebook, assignment)
            for name, points, kind in cells:
                book.add_grade_cell(name, notebook, assignment, max_score=points, cell_type=kind)
        for name, points in people.items():
            book.add_student(name)
            if points is not None:
                book.add_submission("sheet", name)
                book.find_grade("test_a", "a", "sheet", name).auto_score = points
            book.add_submission("dog-breeds", name)
            for notebook, cells in graded.items():
                for cell in cells:
                    grade = book.find_grade(cell["grade_id"], notebook, "dog-breeds", name)
                    grade.auto_score = 0.0 if name == "dan" else cell["points"]
        book.db.commit()
    assignments, marks = course_marks(course)
    assert assignments == ["dog-breeds", "sheet"]
    found = {m.student.student_id: (m.points, m.maximum, m.bonus, m.applied, m.total) for m in marks}
    assert found == {
        "ada": (4, 4, 5, 0, 4),
        "bob": (1, 4, 5, 3, 4),
        "cyd": (3.5, 4, 5, 0.5, 4),
        "dan": (0, 4, 0, 0, 0),
    }


def test_check_tells_that_the_submission_is_missing(tmp_path):
    notebook = {"cells": [{"cell_type": "code", "source": "", "metadata": {"course": {"files": ["submission.csv"]}}}]}
    [finding] = examine_artifacts("dog-breeds", notebook, tmp_path)
    assert "artifacts/submission.csv is missing. Run the cell that writes it." in str(finding)
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "submission.csv").write_bytes(GOOD)
    assert examine_artifacts("dog-breeds", notebook, tmp_path) == []
