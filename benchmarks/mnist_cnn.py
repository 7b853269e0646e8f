"""The final network of the practical, on all of MNIST.

COURSE_DATA=… python -m benchmarks.mnist_cnn [--seeds 5] [--first 0]

Needs MNIST/raw in COURSE_DATA. Network, step and settings come from the solution cells of
source/mnist-practical/mnist-cnn.ipynb; 55,000 digits are trained on, 5,000 are the dev set, accuracy is that on the
10,000 test digits, after the last epoch.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch

from benchmarks.classes import machine
from benchmarks.mnist import reference
from course_utils import data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    try:
        images, labels = data.mnist("test", data.MNIST)
    except data.DataMissing as missing:
        print(f"Skipped: {missing}")
        return
    answers, found = reference("mnist-practical/mnist-cnn", "setup", "load-digits"), []
    for seed in range(options.first, options.first + options.seeds):
        began = time.monotonic()
        model = trained(answers, seed)
        _, reached = answers["evaluate"](model, data.normalise(images), labels)
        _, chosen = answers["evaluate"](model, answers["digits"].dev_images, answers["digits"].dev_labels)
        found.append(100 * reached)
        took = time.monotonic() - began
        print(f"seed {seed}: test {found[-1]:.2f} %, dev {100 * chosen:.2f} %, {took:.0f} s", flush=True)
    print(f"{len(found)} seeds: mean {np.mean(found):.2f} %, {min(found):.2f} to {max(found):.2f} %")
    print(machine())


def trained(answers: dict[str, Any], seed: int) -> torch.nn.Module:
    """Train the final network as the notebook does, without what it logs."""
    final = answers["final"]
    torch.manual_seed(seed)
    model = answers["DeepCNN"](final["filters"], final["batch_norm"])
    optimizer = torch.optim.Adam(model.parameters(), lr=final["lr"])
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, final["epochs"])
    batches = answers["digits"].batches(all_of_them=True, moved=final["moved"])
    for _ in range(final["epochs"]):
        for images, labels in batches:
            answers["regularised_step"](model, optimizer, images, labels, final["keep_prob"], final["lam"])
        if final["falling"]:
            falling.step()
    return model


if __name__ == "__main__":
    main()
