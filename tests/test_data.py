"""Data sets in memory: what they are, where they come from, and whole batches augmented."""

from __future__ import annotations

import gzip
import itertools
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils import data, data_files, stand_in

_NAMED = Path(os.environ.get("COURSE_DATA", "no folder"))
REAL, REAL_MNIST = (_NAMED / "cifar-10-batches-py").is_dir(), (_NAMED / "MNIST").is_dir()


def test_stand_in_is_the_same_every_time_and_its_splits_differ():
    stand_in._split.cache_clear()
    first, labels = stand_in.shapes("train")
    stand_in._split.cache_clear()
    again, _ = stand_in.shapes("train")
    assert np.array_equal(first, again) and first.dtype == np.uint8 and labels.dtype == np.int64
    test, _ = stand_in.shapes("test")
    assert not any(np.array_equal(test[0], image) for image in first)


def test_a_copy_of_the_stand_in_is_given_so_that_nobody_changes_it_for_others():
    images, _ = data.cifar10("test", source="stand-in")
    images.zero_()
    assert data.cifar10("test", source="stand-in")[0].any()


def test_shapes_lie_in_their_boxes():
    labels = np.arange(10).repeat(5)
    images, boxes = stand_in.draw_shapes(labels, size=64, seed=3)
    assert images.shape == (50, 3, 64, 64)
    top, left, bottom, right = boxes.T
    assert (top >= 0).all() and (top < bottom).all() and (bottom <= 64).all() and (left < right).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: stand_in.shapes("valid"), "Unknown split 'valid'"),
        (lambda: stand_in.draw_shapes([10]), "from 0 to 9"),
        (lambda: stand_in.draw_shapes([1], size=8), "at least 16"),
        (lambda: data.cifar10("valid"), "Unknown split 'valid'"),
        (lambda: data.cifar10("test", source="MNIST"), "Unknown source 'MNIST'"),
        (lambda: data.mnist("valid"), "Unknown split 'valid'"),
        (lambda: data.mnist("test", source="CIFAR-10"), "Unknown source 'CIFAR-10'"),
        (lambda: stand_in.digits("valid"), "Unknown split 'valid'"),
        (lambda: data.normalise(torch.zeros(1, 3, 4, 4)), "uint8 batch"),
        (lambda: data.Batches(torch.zeros(2), torch.zeros(3)), "2 images, 3 labels"),
        (lambda: data.Batches(torch.zeros(2), torch.zeros(2), batch_size=0), "at least 1"),
    ],
)
def test_wrong_use_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_without_the_real_data_the_stand_in_is_used_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    data_files.download.cache_clear()
    assert data.cifar10_source() == "stand-in"
    assert data.cifar10_classes() == stand_in.SHAPES
    assert data.cifar10("test")[0].shape == (2000, 3, 32, 32)
    with pytest.raises(data.DataMissing, match="Set COURSE_DATA"):
        data.cifar10("test", source="CIFAR-10")
    assert data.mnist_source() == "stand-in"
    images, labels = data.mnist("train")
    assert images.shape == (1297, 1, 28, 28) and images.max() == 255 and labels.bincount().min() > 100
    images.zero_()  # a copy
    assert data.mnist("train")[0].any()
    with pytest.raises(data.DataMissing, match="holds MNIST/raw"):
        data.mnist("test", source="MNIST")


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_mnist_are_read_unpacked_and_as_they_are_published(monkeypatch, tmp_path, packed):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels, digits = np.arange(2 * 784).reshape(2, 28, 28).astype(np.uint8), bytes([7, 3])
    for name, content in (
        ("images-idx3-ubyte", struct.pack(">HBBIII", 0, 8, 3, 2, 28, 28) + pixels.tobytes()),
        ("labels-idx1-ubyte", struct.pack(">HBBI", 0, 8, 1, 2) + digits),
    ):
        for split in ("train", "t10k"):
            path = raw / f"{split}-{name}{'.gz' * packed}"
            path.write_bytes(gzip.compress(content) if packed else content)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    images, labels = data.mnist("test")
    assert data.mnist_source() == "MNIST" and labels.tolist() == [7, 3]
    assert torch.equal(images, torch.from_numpy(pixels)[:, None])
    path.write_bytes(path.read_bytes()[:-20])  # the labels of the test split, cut off
    data_files._read_mnist.cache_clear()
    with pytest.raises(data.DataMissing, match="are damaged, as after a download that was interrupted"):
        data.mnist("test")


def test_held_out_digits_follow_from_the_secret_and_are_none_of_the_known_ones(monkeypatch):
    practice, labels = data.held_out_digits("stand-in", 50)
    assert practice.shape == (50, 1, 28, 28) and practice.dtype == torch.uint8 and labels.dtype == torch.int64
    known = {image.numpy().tobytes() for split in ("train", "test") for image in data.mnist(split, "stand-in")[0]}
    assert not any(image.numpy().tobytes() in known for image in practice)
    monkeypatch.setenv("COURSE_SECRET", "another")
    assert not torch.equal(labels, data.held_out_digits("stand-in", 50)[1])


@pytest.mark.skipif(not REAL_MNIST, reason="MNIST is not in COURSE_DATA")
def test_real_mnist():
    images, labels = data.mnist("train")
    assert images.shape == (60_000, 1, 28, 28) and labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert (images.float() / 255).mean().item() == pytest.approx(0.1307, abs=1e-4)


@pytest.mark.skipif(not REAL, reason="CIFAR-10 is not in COURSE_DATA")
def test_real_cifar10():
    images, labels = data.cifar10("train")
    assert images.shape == (50_000, 3, 32, 32) and torch.bincount(labels).tolist() == [5000] * 10
    assert data.cifar10_classes()[labels[0]] == "frog"
    mean, std = data.channel_mean_std(images)
    assert mean.tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-4)
    assert std.tolist() == pytest.approx([0.2470, 0.2435, 0.2616], abs=1e-4)


def test_held_out_pictures_follow_from_the_secret(monkeypatch):
    drawn = {}
    for secret in ("", "one secret of a course", "another secret of a course"):
        monkeypatch.setenv("COURSE_SECRET", secret)
        pictures, labels = data.held_out("stand-in", 50, seed=1)
        again, same = data.held_out("stand-in", 50, seed=1)
        assert torch.equal(pictures, again) and torch.equal(labels, same)
        again.zero_()  # a copy: whoever is given them can't spoil them for the next
        assert torch.equal(data.held_out("stand-in", 50, seed=1)[0], pictures)
        drawn[secret] = {picture.numpy().tobytes() for picture in pictures}
    for one, other in itertools.combinations(drawn.values(), 2):
        assert not one & other


def test_held_out_pictures_are_no_ones_training_pictures():
    one, labels = data.held_out("stand-in", 50, seed=1)
    other, _ = data.held_out("stand-in", 50, seed=2)
    assert one.shape == (50, 3, 32, 32) and not torch.equal(one, other) and len(set(labels.tolist())) > 5


def test_batches_cover_everything_once_per_epoch_in_a_new_order():
    batches = data.Batches(torch.arange(10.0), torch.arange(10), 4, generator=torch.Generator().manual_seed(0))
    first, second = ([int(y) for _, labels in batches for y in labels] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    assert [len(x) for x, _ in data.Batches(torch.arange(10.0), torch.arange(10), 4, drop_last=True)] == [4, 4]


def test_batches_are_transformed_whole():
    batches = data.Batches(torch.arange(4.0), torch.arange(4), 2, shuffle=False, transform=lambda x: x * 10)
    assert [x.tolist() for x, _ in batches] == [[0, 10], [20, 30]]


def test_flip_mirrors_about_half():
    images = torch.arange(4.0).expand(1000, 1, 1, 4)
    flipped = data.flip(images, torch.Generator().manual_seed(0))[:, 0, 0, 0] == 3
    assert 400 < int(flipped.sum()) < 600


def test_crop_shifts_by_at_most_the_padding():
    columns = torch.arange(8.0).expand(200, 1, 8, 8)
    shifted = data.crop(columns, 2, torch.Generator().manual_seed(0))
    assert shifted.shape == columns.shape
    assert set(shifted[:, 0, 0, 3].tolist()) == {1, 2, 3, 4, 5}
    assert shifted[:, 0, 0, 0].max() == 2  # mirrored at the edge: one step beyond column 0 lies column 1


def test_cutout_hides_a_square_behind_the_mean():
    images = torch.rand(50, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    changed = (data.cutout(images, 6, torch.Generator().manual_seed(0)) != images).any(1)
    assert changed.sum((1, 2)).min() >= 1 and changed.sum((1, 2)).max() == 36
