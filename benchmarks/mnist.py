"""The reference functions of the notebook on digits, on all of MNIST.

COURSE_DATA=… python -m benchmarks.mnist [--seeds 5] [--epochs 10]

Needs MNIST/raw in COURSE_DATA. The functions come from the solution cells of source/neural-networks/mnist.ipynb: 784
inputs, 100 hidden units, batches of 100, learning rate 0.3, all 60,000 training digits; accuracy on the 10,000 test
digits.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.classes import machine
from course_utils import data

ROOT = Path(__file__).parent.parent
STARTS = {"weights of 0.3": "init_params", "weights of 1/sqrt(n)": "init_scaled"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    try:
        splits = [data.mnist(split, data.MNIST) for split in ("train", "test")]
    except data.DataMissing as missing:
        print(f"Skipped: {missing}")
        return
    threadpool_limits(1)  # as in the notebook: matrices as small as these only wait for other threads
    answers = reference("neural-networks/mnist", "setup")
    arrays = [
        (answers["to_inputs"](images.numpy()), answers["one_hot"](labels.numpy(), 10)) for images, labels in splits
    ]
    for name, start in STARTS.items():
        found, began = [], time.monotonic()
        for seed in range(options.seeds):
            found.append(accuracies(answers, answers[start](784, 100, 10, seed), arrays, options.epochs, seed))
        seconds = (time.monotonic() - began) / (options.seeds * options.epochs)
        for epoch in sorted({1, min(5, options.epochs), options.epochs}):
            reached = 100 * np.array(found)[:, epoch - 1]
            print(
                f"{name}, {epoch} epoch{'s' if epoch > 1 else ''}, {options.seeds} seeds: mean {reached.mean():.2f} %, "
                f"{reached.min():.2f} to {reached.max():.2f} %"
            )
        print(f"{name}: {seconds:.1f} s for an epoch")
    print(machine())


def reference(notebook: str, *more: str) -> dict[str, Any]:
    """Run the solution cells of a source notebook, and some others; return their names.

    Parameters
    ----------
    notebook : str
        Such as ``"neural-networks/mnist"``.
    more : str
        Ids of cells that are run as well, each in its place.
    """
    names: dict[str, Any] = {"__name__": "reference"}
    for cell in nbformat.read(ROOT / "source" / f"{notebook}.ipynb", as_version=4).cells:
        is_answer = cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
        if is_answer or cell.id in more:
            exec(compile(cell.source, f"<{notebook}: {cell.id}>", "exec"), names)
    return names


def accuracies(
    answers: dict[str, Any], params: Any, arrays: list[tuple[np.ndarray, np.ndarray]], epochs: int, seed: int
) -> list[float]:
    """Train; return the share of the test digits that are right after each epoch."""
    (X, Y), (X_test, Y_test) = arrays
    rng, found = np.random.default_rng(seed), []
    for _ in range(epochs):
        params = answers["train_epoch"](params, answers["minibatches"](X, Y, 100, rng), 0.3)
        found.append(float(answers["loss_accuracy"](answers["forward"](params, X_test)[0], Y_test)[1]))
    return found


if __name__ == "__main__":
    main()
