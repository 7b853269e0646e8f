"""Trained networks and the pictures they are shown: real ones where they are, small ones always."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import photographs, pretrained, stand_in
from tests.artifacts.train_small_networks import WEIGHTS, accuracy, fit

SMALL = ("shapes-plain", "shapes-residual")
CACHE = Path(os.environ.get("TORCH_HOME", "no folder"), "hub", "checkpoints")
real = pytest.mark.skipif(
    not CACHE.is_dir(),
    reason="TORCH_HOME does not name a folder with weights of ImageNet (shared/data/unpack makes one)",
)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    pretrained.choose.cache_clear()
    yield tmp_path
    pretrained.choose.cache_clear()


def picture(width=80, height=60, mode="RGB", seed=0):
    """A smooth ramp of colours, in any mode."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    array = np.stack([x, y, 1 - x], axis=-1) * 255
    return Image.fromarray(array.astype(np.uint8)).convert(mode)


def file(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# The small networks.


@pytest.mark.parametrize("name", SMALL)
def test_a_small_network_knows_the_shapes_and_is_small(name):
    assert (WEIGHTS / f"{name}.safetensors").stat().st_size < 2**20
    assert accuracy(pretrained.load(name)) > 0.9


def test_the_small_networks_are_of_different_architecture():
    kinds = [{type(part) for part in pretrained.load(name).modules()} for name in SMALL]
    assert kinds[0] != kinds[1]


@pytest.mark.parametrize("name", SMALL)
def test_a_network_comes_in_evaluation_mode_and_frozen_and_images_get_gradients(name):
    model = pretrained.load(name)
    assert not any(part.training for part in model.modules())
    assert not any(p.requires_grad for p in model.parameters())
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    model(images)[0, 3].backward()
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [(64, 64), (96, 160)])
def test_the_mean_of_the_responses_is_the_logits_at_any_size(name, size):
    model = pretrained.load(name)
    features, head = pretrained.split(model)
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    maps = features(images)
    assert maps.shape[2:] == (size[0] // 8, size[1] // 8)
    torch.testing.assert_close(head(maps.mean((2, 3))), model(images))


def test_the_script_that_trains_them_runs():
    torch.manual_seed(0)
    model = pretrained.PlainNetwork()
    before = [parameter.clone() for parameter in model.parameters()]
    labels = np.arange(256) % 10
    images, _ = stand_in.draw_shapes(labels, size=64, seed=1)
    fit(model, torch.from_numpy(images), torch.from_numpy(labels), epochs=1)
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.isfinite(parameter).all() and not torch.equal(parameter, old)


def test_unknown_networks_are_told():
    with pytest.raises(ValueError, match=r"Unknown network 'vgg'; choose one of mobilenet_v2"):
        pretrained.load("vgg")
    with pytest.raises(ValueError, match="last feature map of a Linear"):
        pretrained.split(torch.nn.Linear(1, 1))


# Networks of ImageNet.


def test_offline_the_small_networks_are_chosen(offline):
    assert pretrained.choose() == SMALL
    with pytest.raises(pretrained.NetworkMissing, match="COURSE_OFFLINE is set"):
        pretrained.load("resnet18")


def test_damaged_weights_are_told(offline):
    folder = offline / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "mobilenet_v2-b0353104.pth").write_bytes(b"not weights")
    with pytest.raises(pretrained.NetworkMissing, match=r"can't be read .* Delete it"):
        pretrained.load("mobilenet_v2")
    assert pretrained.choose() == SMALL


def test_names_of_imagenet_need_no_weights(offline):
    names = pretrained.class_names("mobilenet_v2")
    assert len(names) == 1000 and names[258] == "Samoyed"


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_0", "resnet18"])
def test_torchvision_networks_are_split_before_their_pooling(name):
    """With random weights: the ways in which they are built count."""
    from course_utils.torchvision_ops import models

    torch.manual_seed(0)
    model = models.get_model(name, weights=None).eval().requires_grad_(False)
    features, head = pretrained.split(model)
    images = torch.randn(2, 3, 96, 128)
    torch.testing.assert_close(head(features(images).mean((2, 3))), model(images), rtol=1e-4, atol=1e-5)


@real
@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_0"])
def test_real_weights_are_loaded_by_torchvision(name):
    pretrained.choose.cache_clear()
    assert name in pretrained.choose()
    photo = Path(os.environ.get("COURSE_DATA", "no folder"), "imagenet", "photos", "samoyed_pytorch_hub.jpg")
    if not photo.exists():
        pytest.skip("COURSE_DATA does not name a folder with photographs")
    logits = pretrained.load(name)(pretrained.preprocess(photographs.open_picture(photo), name))
    assert pretrained.class_names(name)[logits.argmax()] == "Samoyed"


# Preprocessing and its inverse.


@pytest.mark.parametrize("name", ["shapes-plain", "mobilenet_v2"])
def test_deprocess_undoes_preprocess(name):
    size = 64 if name == "shapes-plain" else 224
    image = picture(size, size)
    values = pretrained.preprocess(image, name, crop=False)
    assert values.shape == (1, 3, size, size) and values.dtype == torch.float32
    expected = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    assert torch.equal(pretrained.deprocess(values, name), expected)
    levels = pretrained.deprocess(values + 100, name, rounded=False)
    assert levels.dtype == torch.float32 and (levels > 255).all()
    assert (pretrained.deprocess(values + 100, name) == 255).all()


def test_preprocess_is_that_of_torchvision():
    from course_utils.torchvision_ops import models

    image = picture(500, 400)
    expected = models.get_model_weights("mobilenet_v2")["IMAGENET1K_V1"].transforms()(image)[None]
    assert (pretrained.preprocess(image, "mobilenet_v2") - expected).abs().mean() < 0.02


def test_a_large_input_keeps_the_form_of_the_picture():
    assert pretrained.preprocess(picture(80, 60), "mobilenet_v2", size=300, crop=False).shape == (1, 3, 300, 400)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2000)])
@pytest.mark.parametrize("crop", [True, False])
def test_strips_and_single_pixels_do_not_become_huge(size, crop):
    values = pretrained.preprocess(picture(*size), "mobilenet_v2", crop=crop)
    assert min(values.shape[2:]) >= 224 and max(values.shape[2:]) <= 4 * 224
    assert torch.isfinite(values).all()


def test_a_size_that_is_none_is_told():
    with pytest.raises(ValueError, match="at least 1 pixel, got 0"):
        pretrained.preprocess(picture(), "shapes-plain", size=0)


# Own pictures.


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "JPEG"), ("CMYK", "JPEG"), ("RGB", "JPEG"), ("P", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"),
        ("P", "GIF"), ("RGB", "BMP"), ("RGB", "WEBP"), ("CMYK", "TIFF"), ("YCbCr", "TIFF"), ("LAB", "TIFF"),
    ],
)  # fmt: skip
def test_pictures_of_every_mode_become_rgb(mode, kind):
    if mode == "LA":
        image = picture(mode="L").convert("LA")
    else:
        image = Image.merge("LAB", [picture(mode="L")] * 3) if mode == "LAB" else picture(mode=mode)
    opened = photographs.open_picture(file(image, kind))
    assert opened.mode == "RGB" and opened.size == (80, 60)
    if mode in ("CMYK", "RGB", "RGBA", "P"):
        difference = np.asarray(opened, float) - np.asarray(picture(), float)
        assert np.abs(difference).mean() < 20


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_grey_pictures_of_more_than_8_bits_keep_their_range(dtype):
    scale = 1.0 if dtype == np.float32 else 255.0
    array = (np.tile(np.arange(256), (10, 1)) * scale).astype(dtype)
    opened = photographs.open_picture(file(Image.fromarray(array), "TIFF"))
    values = np.asarray(opened)[0, :, 0].astype(int)
    assert values[0] <= 2 and values[-1] >= 250 and (np.diff(values) >= 0).all()


def test_transparent_parts_become_white():
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert np.asarray(photographs.open_picture(file(image, "PNG"))).min() == 255
    palette = Image.new("P", (4, 4), 0)
    assert np.asarray(photographs.open_picture(file(palette, "PNG", transparency=0))).min() == 255


def test_the_orientation_of_the_camera_is_applied():
    image = picture(80, 60)
    exif = Image.Exif()
    exif[0x0112] = 6  # hold it turned by 90 degrees
    opened = photographs.open_picture(file(image, "JPEG", exif=exif.tobytes(), quality=95))
    assert opened.size == (60, 80)
    expected = np.asarray(image.transpose(Image.Transpose.ROTATE_270), float)
    assert np.abs(np.asarray(opened, float) - expected).mean() < 5


def test_tiny_and_huge_pictures():
    assert photographs.open_picture(file(Image.new("RGB", (1, 1)), "PNG")).size == (1, 1)
    assert max(photographs.open_picture(file(Image.new("RGB", (6000, 4000)), "JPEG")).size) <= 2048
    assert photographs.open_picture(file(Image.new("L", (5000, 3)), "PNG")).size[0] == 2048
    with pytest.raises(photographs.PictureError, match="more than 100 million pixels"):
        photographs.open_picture(file(Image.new("1", (20_000, 6000)), "PNG"))
    with pytest.raises(photographs.PictureError, match="more than 100 million pixels"):
        photographs.open_picture(file(Image.new("1", (20_000, 20_000)), "PNG"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"just a text", "holds no picture that can be read.*its ending"),
        (b"", "is empty"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC.*exported as JPEG"),
        (file(picture(), "JPEG")[:-400], "damaged or incomplete"),
        (file(picture(), "PNG")[:120], "damaged or incomplete"),
        (file(picture(), "JPEG")[:20], "holds no picture|damaged"),
    ],
)
def test_files_that_are_no_pictures_get_a_message(content, message, tmp_path):
    path = tmp_path / "mine.jpg"
    path.write_bytes(content)
    with pytest.raises(photographs.PictureError, match=message) as caught:
        photographs.open_picture(path)
    assert "mine.jpg" in str(caught.value)


def test_noise_in_a_file_gives_a_message_or_a_picture():
    rng = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"):
        content = np.frombuffer(file(picture(), kind), np.uint8)
        for _ in range(20):
            noisy = content.copy()
            noisy[rng.integers(8, len(noisy), size=5)] = rng.integers(256, size=5)
            try:
                assert photographs.open_picture(noisy.tobytes()).mode == "RGB"
            except photographs.PictureError as error:
                assert str(error)


def test_files_that_are_not_there_get_a_message(tmp_path):
    with pytest.raises(photographs.PictureError, match="There is no file"):
        photographs.open_picture(tmp_path / "cat.jpg")
    with pytest.raises(photographs.PictureError, match="is a folder"):
        photographs.open_picture(tmp_path)


def test_a_folder_of_own_pictures(tmp_path, capsys):
    assert photographs.own_pictures(tmp_path / "none") == {}
    assert "put them into the folder" in capsys.readouterr().out
    (tmp_path / "b.png").write_bytes(file(picture(), "PNG"))
    (tmp_path / "a.jpg").write_bytes(b"a text")
    (tmp_path / ".hidden").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    assert list(photographs.own_pictures(tmp_path)) == ["b.png"]
    told = capsys.readouterr().out
    assert told.count("Left out") == 1 and "a.jpg" in told
    for number in range(25):
        (tmp_path / f"c{number:02}.png").write_bytes(file(picture(8, 8), "PNG"))
    assert len(photographs.own_pictures(tmp_path)) == 20
    assert "Only the first 20" in capsys.readouterr().out


# Pictures that come along.


def test_example_pictures(offline):
    shapes = photographs.example_pictures("shapes-plain", 3)
    assert len(shapes) == 3 and all(p.size == (64, 64) and p.mode == "RGB" for p in shapes.values())
    photos = photographs.example_pictures("mobilenet_v2", 2)
    assert len(photos) == 2 and all(p.mode == "RGB" for p in photos.values())


def test_example_photographs_are_taken_from_the_folder_of_the_data(offline):
    folder = offline / "imagenet" / "photos"
    folder.mkdir(parents=True)
    for name in ("bird.png", "samoyed.png"):
        (folder / name).write_bytes(file(picture(), "PNG"))
    assert list(photographs.example_pictures("mobilenet_v2")) == ["samoyed", "bird"]


def test_drawn_pictures_are_the_same_every_time():
    first, again, other = (
        photographs.draw_pictures(20),
        photographs.draw_pictures(20),
        photographs.draw_pictures(20, seed=1),
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert first[1].bincount().tolist() == [2] * 10


def test_scenes_hold_one_shape_of_the_size_of_the_training_set():
    images, labels, boxes = photographs.draw_scenes(20, size=160, seed=2)
    assert images.shape == (20, 3, 160, 160) and labels.bincount().tolist() == [2] * 10
    sides = boxes[:, 2:] - boxes[:, :2]
    assert (sides >= 2 * 0.2 * 64 - 0.01).all() and (sides <= 2 * 0.36 * 64 + 0.01).all()
    with pytest.raises(ValueError, match="at least 64 pixels, got 32"):
        photographs.draw_scenes(1, size=32)


@pytest.mark.parametrize("name", SMALL)
def test_the_peak_of_the_response_lies_on_the_shape_more_often_than_the_centre(name):
    images, labels, boxes = photographs.draw_scenes(40, seed=3)
    features, head = pretrained.split(pretrained.load(name))
    maps = torch.einsum("nchw,nc->nhw", features(pretrained.normalise(images, name)), head.weight[labels])
    peak = maps.flatten(1).argmax(1)
    points = torch.stack([peak // 24, peak % 24], dim=1) * 8 + 4
    hits = ((points >= boxes[:, :2]) & (points <= boxes[:, 2:])).all(1).float().mean()
    centre = ((boxes[:, :2] <= 96) & (boxes[:, 2:] >= 96)).all(1).float().mean()
    assert hits > 0.7 and centre < 0.3


def test_mosaics_are_made_of_tiles_and_say_where_the_shape_is():
    images, labels, boxes = photographs.draw_mosaics(30, tiles=3, seed=4)
    assert images.shape == (30, 3, 192, 192) and images.dtype == torch.uint8
    top, left, bottom, right = boxes.T
    assert (top >= 0).all() and (left >= 0).all() and (bottom <= 192).all() and (right <= 192).all()
    assert ((top // 64) == ((bottom - 0.01) // 64)).all(), "a box lies in one tile"
    # The tile that the box points to shows the shape that is asked for.
    model = pretrained.load("shapes-plain")
    tiles = [
        image[:, int(t) // 64 * 64 :, int(s) // 64 * 64 :][:, :64, :64]
        for image, t, s in zip(images, top, left, strict=True)
    ]
    found = model(pretrained.normalise(torch.stack(tiles), "shapes-plain")).argmax(1)
    assert (found == labels).float().mean() > 0.8
    with pytest.raises(ValueError, match="must be 1, 2 or 3, got 4"):
        photographs.draw_mosaics(1, tiles=4)
