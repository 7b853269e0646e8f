"""The reference of the notebooks on dog breeds, on real photographs: log loss on the test pictures, and the time.

python -m benchmarks.dogs [--fine-tune] [--write FILE]

The reference is what the solution cells in source/dog-breeds/ hold: features of a frozen MobileNetV2,
two views of each picture, and a linear head on them. Its temperature is chosen on validation pictures, then the head is
trained on all of them. The clock runs from opening the first picture to the last probability.
Needs COURSE_DATA with dog-breeds and its test_labels.csv, and TORCH_HOME with the weights of mobilenet_v2.
"""

from __future__ import annotations

import argparse
import copy
import csv
import io
import os
import time
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.classes import machine
from course_utils import data, pretrained
from course_utils.lessons.dog_breeds import dataset, feature_maps, submission
from tests.support.hidden_files import hidden_module

ROOT = Path(__file__).parent.parent
scores = hidden_module("dog-breeds", "scores")
GOAL, MOST_SECONDS = 1.0, 300
TEMPERATURES = np.geomspace(0.5, 2, 15).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fine-tune", action="store_true", help="go on with fine-tuning; takes some minutes more")
    parser.add_argument("--write", type=Path, help="write the submission there")
    options = parser.parse_args()
    os.environ.setdefault("COURSE_OFFLINE", "1")
    kaggle = dataset.dog_breeds()
    if kaggle.source != dataset.KAGGLE:
        print("Skipped: dog-breeds is not here. Set COURSE_DATA to the folder that holds it.")
        return
    try:
        network = pretrained.load(kaggle.network)
    except pretrained.NetworkMissing as missing:
        print(f"Skipped: {missing} Set TORCH_HOME to a folder that has them.")
        return
    key = scores.answer_key(kaggle)
    truth = np.array([kaggle.breeds.index(key[picture]) for picture in kaggle.test_ids])
    print(f"{machine()}; torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{len(kaggle.train_ids):,} training and {len(truth):,} test pictures of {len(kaggle.breeds)} breeds")
    names = reference()
    began = time.perf_counter()
    features, test_features = frozen_features(kaggle, network, names)
    told = time.perf_counter() - began
    print(f"features of two views: {told:.0f} s", flush=True)
    train_index, validation_index = names["split_breeds"](kaggle.train_breeds, 0.2, 0)
    head = trained_head(kaggle, names, features[:, train_index], kaggle.labels[train_index])
    losses = {
        temperature: names["log_loss"](
            feature_maps.probabilities(head, *features[:, validation_index], temperature=temperature).numpy(),
            kaggle.labels[validation_index],
        )
        for temperature in TEMPERATURES
    }
    best = min(losses, key=losses.__getitem__)
    print(f"validation: log loss {losses[best]:.3f} nats at temperature {best:.2f}")
    final = trained_head(kaggle, names, features, kaggle.labels)
    probs = feature_maps.probabilities(final, *test_features, temperature=best).numpy()
    seconds = time.perf_counter() - began
    loss = names["log_loss"](probs, truth)
    print(
        f"frozen features and a linear head: log loss {loss:.3f} nats on the test pictures, right on "
        f"{100 * np.mean(probs.argmax(1) == truth):.1f} %, {seconds:.0f} s in all"
    )
    reached = loss < GOAL and seconds < MOST_SECONDS
    print(f"goal (below {GOAL:g} nats in {MOST_SECONDS} s): {'reached' if reached else 'missed'}")
    for first, second, number in names["most_confused"](probs, truth, kaggle.breeds, 5):
        print(f"confused: {number} pictures of {first} and {second}")
    if options.fine_tune:
        probs = fine_tuned(kaggle, names, network, head, best, (train_index, validation_index), probs, truth)
    if options.write:
        text = names["submission_text"](kaggle.test_ids, kaggle.breeds, probs)
        submission.parse_submission(text.encode(), kaggle.test_ids, kaggle.breeds)
        options.write.write_text(text, encoding="utf-8", newline="")


def reference() -> dict[str, Any]:
    """Run the solution cells of both notebooks; return their names."""
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "np": np, "csv": csv, "io": io}
    names |= {"dataset": dataset, "feature_maps": feature_maps, "submission": submission}
    for notebook in ("frozen-features", "fine-tuning"):
        for cell in nbformat.read(ROOT / "source" / "dog-breeds" / f"{notebook}.ipynb", as_version=4).cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                exec(compile(cell.source, f"<{notebook}>", "exec"), names)
    return names


def frozen_features(kaggle: dataset.DogBreeds, network: nn.Module, names: dict[str, Any]) -> list[Tensor]:
    body, _ = pretrained.split(network)
    return [
        torch.stack([names["extract_features"](body, feature_maps.batches(kaggle, split, view)) for view in (0, 1)])
        for split in ("train", "test")
    ]


def trained_head(kaggle: dataset.DogBreeds, names: dict[str, Any], features: Tensor, labels: np.ndarray) -> nn.Module:
    torch.manual_seed(0)
    settings = names["head_plan"](kaggle.source)
    head = names["make_head"](features.shape[2], len(kaggle.breeds))
    targets = torch.from_numpy(labels).repeat(len(features))
    batches = data.Batches(features.flatten(0, 1), targets, 64, drop_last=True)
    optimizer = torch.optim.AdamW(head.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"])
    for _ in range(settings["epochs"]):
        names["train_one_epoch"](head, batches, optimizer)
    return head


def fine_tuned(
    kaggle: dataset.DogBreeds,
    names: dict[str, Any],
    network: nn.Module,
    head: nn.Module,
    temperature: float,
    parts: tuple[np.ndarray, np.ndarray],
    frozen: np.ndarray,
    truth: np.ndarray,
) -> np.ndarray:
    """Train the upper part of the network too; print and return what the mean of both predictions is worth."""
    began = time.perf_counter()
    lower, upper = feature_maps.halves(network)
    maps, test_maps = (feature_maps.maps(lower, feature_maps.batches(kaggle, split)) for split in ("train", "test"))
    print(f"maps for fine-tuning: {time.perf_counter() - began:.0f} s", flush=True)
    torch.manual_seed(0)
    settings = names["tuning_plan"](kaggle.source)
    model = names["FineTuned"](upper, copy.deepcopy(head))
    batches = data.Batches(
        maps[parts[0]],
        torch.from_numpy(kaggle.labels[parts[0]]),
        32,
        transform=lambda some: data.flip(some.float()),
        drop_last=True,
    )
    groups = names["parameter_groups"](model, settings["lr"])
    optimizer = torch.optim.AdamW(groups, weight_decay=settings["weight_decay"])
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings["epochs"])
    for epoch in range(1, settings["epochs"] + 1):
        loss = names["train_one_epoch"](model, batches, optimizer)
        scheduler.step()
        validation = feature_maps.probabilities(model, maps[parts[1]]).numpy()
        validation_loss = names["log_loss"](validation, kaggle.labels[parts[1]])
        print(
            f"fine-tuning: epoch {epoch}, {time.perf_counter() - began:.0f} s, training loss {loss:.3f} nats, "
            f"validation {validation_loss:.3f} nats",
            flush=True,
        )
    tuned = feature_maps.probabilities(model, test_maps, temperature=temperature).numpy()
    both = (tuned + frozen) / 2
    for name, probs in {"fine-tuned": tuned, "the mean of both": both}.items():
        right = 100 * np.mean(probs.argmax(1) == truth)
        print(
            f"{name}: log loss {names['log_loss'](probs, truth):.3f} nats on the test pictures, right on {right:.1f} %"
        )
    return both


if __name__ == "__main__":
    main()
