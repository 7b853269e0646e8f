"""The reference answers of the notebooks on visualisation, on networks of ImageNet and photographs.

python -m benchmarks.vision_real [--photos 10] [--mosaics 40] [--figures FOLDER]

Needs TORCH_HOME with the weights of mobilenet_v2 and squeezenet1_0, and COURSE_DATA with imagenet/photos (20 pictures),
imagenet/sample-images (60, whose names begin with the WordNet id of the class) and imagenet/imagenet_class_index.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import nbformat
import torch
from torch import Tensor

from benchmarks.classes import machine
from course_utils import photographs, pretrained
from course_utils.lessons.visualisation import figures as vision_plots
from course_utils.plotting import save_png

ROOT = Path(__file__).parent.parent
NETWORKS = ("mobilenet_v2", "squeezenet1_0")
# What the photograph shows, as part of a file's name, and the classes that are right for it.
KNOWN = {
    "samoyed": ("Samoyed",),
    "goldfish": ("goldfish",),
    "elephant": ("African elephant", "Indian elephant", "tusker"),
}
# Where the object is, in photographs of a single one: top, left, bottom, right, as shares of height and width. By eye.
BOXES = {
    "Dalmatian_04017": (0.05, 0.26, 0.97, 0.82),
    "German_shepherd_dog_04890": (0.05, 0.26, 0.90, 0.70),
    "cat_02": (0.03, 0.25, 0.75, 0.74),
    "dog_coral": (0.32, 0.27, 1.00, 0.84),
    "fox_squirrel_01": (0.08, 0.24, 0.95, 0.90),
    "goldfish": (0.22, 0.44, 0.95, 0.87),
    "great_horned_owl_02": (0.02, 0.33, 0.92, 0.60),
    "polar_bear_04": (0.19, 0.22, 0.89, 0.74),
    "samoyed_pytorch_hub": (0.05, 0.11, 0.92, 0.93),
    "spider_utku": (0.05, 0.27, 0.81, 0.74),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10, help="how many are fooled")
    parser.add_argument("--mosaics", type=int, default=40)
    parser.add_argument("--figures", type=Path, help="save figures there")
    options = parser.parse_args()
    folder = Path(os.environ.get("COURSE_DATA", "no folder"), "imagenet")
    try:
        models = {name: pretrained.load(name) for name in NETWORKS}
    except pretrained.NetworkMissing as missing:
        print(f"Skipped: {missing} Set TORCH_HOME to a folder that has them.")
        return
    if not (folder / "photos").is_dir():
        print(f"Skipped: there is no {folder / 'photos'}. Set COURSE_DATA to a folder that holds imagenet/photos.")
        return
    answers = reference("saliency-and-fooling") | reference("localisation")
    photos = {path.stem: photographs.open_picture(path) for path in sorted((folder / "photos").iterdir())}
    recognise(models, photos)
    attribute(models, photos, answers)
    fool(models, photos, answers, options.photos, options.figures)
    localise_in_photos(models, photos, answers)
    if (folder / "sample-images").is_dir():
        localise_in_mosaics(models, folder, answers, options.mosaics, options.figures)
    print(machine())


def reference(notebook: str) -> dict[str, Any]:
    """Run the setup and the solution cells of a source notebook; return their names."""
    names: dict[str, Any] = {"__name__": "reference"}
    cells = nbformat.read(ROOT / "source" / "visualisation" / f"{notebook}.ipynb", as_version=4).cells
    for cell in cells:
        is_answer = cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
        if is_answer or cell.id == "setup":
            exec(compile(cell.source, f"<{notebook}>", "exec"), names)
    return names


def recognise(models: dict[str, torch.nn.Module], photos: dict[str, Any]) -> None:
    for name, model in models.items():
        classes = pretrained.class_names(name)
        for part, right in KNOWN.items():
            title = next(title for title in photos if part in title)
            with torch.no_grad():
                prob, label = model(pretrained.preprocess(photos[title], name)).softmax(1)[0].max(0)
            verdict = "right" if classes[label] in right else "WRONG"
            print(f"{name} takes {title} for {classes[label]} ({prob:.0%}): {verdict}")


def attribute(models: dict[str, torch.nn.Module], photos: dict[str, Any], answers: dict[str, Any]) -> None:
    """How much of each map lies on the object, against the object's share of the picture; whether shares add up."""
    for name, model in models.items():
        on_object, areas, errors = [], [], []
        for title, box in BOXES.items():
            image = pretrained.preprocess(photos[title], name)
            with torch.no_grad():
                label = int(model(image).argmax())
            heat = answers["saliency"](model, image, torch.tensor([label]))[0]
            top, left, bottom, right = (round(edge) for edge in in_crop(box, photos[title].size))
            on_object.append((heat[top:bottom, left:right].sum() / heat.sum()).item())
            areas.append((bottom - top) * (right - left) / heat.numel())
            padded = torch.nn.functional.pad(image, (32,) * 4, mode="reflect")
            baseline = torch.nn.functional.avg_pool2d(padded, 65, 1)
            shares = answers["integrated_gradients"](model, image, baseline, label, 16)
            with torch.no_grad():
                difference = (model(image) - model(baseline))[0, label].item()
            errors.append(abs(shares.sum().item() / difference - 1))
        if on_object:
            print(
                f"{name}, {len(areas)} photographs: {mean(on_object):.0%} of the saliency lies in its box, "
                f"which is {mean(areas):.0%} of the picture; integrated gradients (16 points) add up to within "
                f"{mean(errors):.1%} in the mean, {max(errors):.1%} at worst"
            )


def fool(
    models: dict[str, torch.nn.Module],
    photos: dict[str, Any],
    answers: dict[str, Any],
    count: int,
    figures: Path | None,
) -> None:
    chosen = dict(sorted(photos.items(), key=lambda item: "samoyed" not in item[0])[:count])
    images = torch.cat([pretrained.preprocess(photo, NETWORKS[0]) for photo in chosen.values()])
    with torch.no_grad():
        before = {name: model(images).argmax(1) for name, model in models.items()}
    targets = torch.randint(1000, (len(images),), generator=torch.Generator().manual_seed(0))
    fooling = {}
    for name, model in models.items():
        began, steps, made = time.monotonic(), [], []
        for image, target in zip(images, targets.tolist(), strict=True):
            changed, probs = answers["fool"](model, image[None], target)
            made.append(changed)
            steps.append(len(probs) - 1)
        fooling[name] = torch.cat(made)
        pixels = pretrained.deprocess(images, name), pretrained.deprocess(fooling[name], name)
        with torch.no_grad():
            in_floats, _ = answers["measure"](model(fooling[name]), targets, *pixels)
            as_file, change = answers["measure"](model(pretrained.normalise(pixels[1], name)), targets, *pixels)
        print(
            f"{name}: target reached on {in_floats:.0%} of {len(images)} photographs ({as_file:.0%} after rounding), "
            f"change {change:.2f} of 255 grey levels, {mean(steps):.0f} steps, "
            f"{(time.monotonic() - began) / len(images):.1f} s per photograph"
        )
        if figures:
            names = pretrained.class_names(name)
            title = next(iter(chosen))
            figure = vision_plots.plot_fooling(pixels[0][0], pixels[1][0], names[before[name][0]], names[targets[0]])
            save(figure, figures, f"fooling-{name}-{title}")
    table = answers["transfer_table"](models, fooling, targets)
    for made_on in models:
        for tried_on, model in models.items():
            if made_on != tried_on:
                with torch.no_grad():
                    other = (model(fooling[made_on]).argmax(1) != before[tried_on]).float().mean().item()
                    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
                    length = (fooling[made_on] - images).flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)
                    noisy = images + length[:, None, None, None] * noise
                    by_noise = (model(noisy).argmax(1) != before[tried_on]).float().mean().item()
                print(
                    f"made on {made_on}, tried on {tried_on}: target reached {table[made_on][tried_on]:.0%}, "
                    f"another class than before {other:.0%}, the same by noise of this length {by_noise:.0%}"
                )


def localise_in_photos(models: dict[str, torch.nn.Module], photos: dict[str, Any], answers: dict[str, Any]) -> None:
    """The peak of the response against the centre, in photographs with a box; the class is the network's own answer."""
    for name, model in models.items():
        features, head = pretrained.split(model)
        for size in (224, 448):
            points, boxes, centres = [], [], []
            for title, box in BOXES.items():
                image = pretrained.preprocess(photos[title], name, size=size, crop=False)
                with torch.no_grad():
                    label = model(pretrained.preprocess(photos[title], name)).argmax(1)
                points.append(answers["localise"](features, head, image, label))
                height, width = image.shape[2:]
                boxes.append(torch.tensor([box]) * torch.tensor([height, width, height, width]))
                centres.append(torch.tensor([[height / 2, width / 2]]))
            if boxes:
                share, centre = (answers["hit_share"](torch.cat(p), torch.cat(boxes)) for p in (points, centres))
                print(f"{name} at {size} pixels, {len(boxes)} photographs: peak on it {share:.0%}, centre {centre:.0%}")


def localise_in_mosaics(
    models: dict[str, torch.nn.Module], folder: Path, answers: dict[str, Any], count: int, figures: Path | None
) -> None:
    """Nine photographs of different classes side by side, 672 pixels: is the peak in the one that is asked for?"""
    index = json.loads((folder / "imagenet_class_index.json").read_bytes())
    labels = {wordnet: int(number) for number, (wordnet, _) in index.items()}
    files = sorted((folder / "sample-images").iterdir())
    tiles = torch.cat([pretrained.preprocess(photographs.open_picture(path), NETWORKS[0]) for path in files])
    classes = torch.tensor([labels[path.name.partition("_")[0]] for path in files])
    generator = torch.Generator().manual_seed(2)
    chosen = torch.stack([torch.randperm(len(files), generator=generator)[:9] for _ in range(count)])
    asked = torch.randint(9, (count,), generator=generator)
    row, column = asked // 3, asked % 3
    boxes = 224.0 * torch.stack([row, column, row + 1, column + 1], dim=1)
    wanted = classes[chosen[torch.arange(count), asked]]
    centre = answers["hit_share"](torch.full((count, 2), 336.0), boxes)
    for name, model in models.items():
        parts = pretrained.split(model)
        began = time.monotonic()
        points = torch.cat(
            [answers["localise"](*parts, mosaic(tiles[chosen[k]]), wanted[k : k + 1]) for k in range(count)]
        )
        share = answers["hit_share"](points, boxes)
        print(
            f"{name}, {count} mosaics of nine photographs: peak in the one that is asked for {share:.0%}, "
            f"centre {centre:.0%}, chance 11%; {(time.monotonic() - began) / count:.2f} s each"
        )
        if figures:
            pixels = torch.cat([pretrained.deprocess(mosaic(tiles[chosen[k]]), name) for k in range(4)])
            titles = [pretrained.class_names(name)[label] for label in wanted[:4]]
            save(vision_plots.plot_peaks(pixels, points[:4], boxes[:4], titles), figures, f"peaks-{name}")
            maps = [answers["class_maps"](*parts, mosaic(tiles[chosen[k]]))[0, wanted[k]] for k in range(4)]
            save(vision_plots.plot_responses(list(pixels), maps, titles, boxes[:4]), figures, f"responses-{name}")


def mosaic(tiles: Tensor) -> Tensor:
    """Lay nine images (9, 3, S, S) out as one, (1, 3, 3 S, 3 S)."""
    side = tiles.shape[-1]
    return tiles.reshape(3, 3, 3, side, side).permute(2, 0, 3, 1, 4).reshape(1, 3, 3 * side, 3 * side)


def in_crop(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[float, ...]:
    """Turn shares of height and width into pixels of the square of 224 that `preprocess` cuts out of the middle."""
    width, height = size
    side = min(size) * 224 / 256
    corner = (height - side) / 2, (width - side) / 2
    edges = (box[0] * height, box[1] * width, box[2] * height, box[3] * width)
    return tuple(min(max((edge - corner[k % 2]) * 224 / side, 0), 224) for k, edge in enumerate(edges))


def save(figure: Any, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.png").write_bytes(save_png(figure))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
