"""The runs that the written parts of three notebooks ask about, on the real CIFAR-10.

COURSE_DATA=… python -m benchmarks.cifar_runs [--notebooks augmentation regularisation] [--cells dropout-runs]
    [--seed 0] [--to FOLDER]

Needs cifar-10-batches-py in COURSE_DATA. Given cells, solutions and settings are those of source/cifar: with seed 0
each run is the one that a student sees there. Printed is every epoch, and what the notebooks print below their figures.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import torch

from benchmarks.classes import ROOT, machine
from course_utils import data, training

NOTEBOOKS = ("optimisation", "augmentation", "regularisation")
SHOWN = {
    "train_loss": ("training loss", 1, ".2f"),
    "train_accuracy": ("training %", 100, ".0f"),
    "validation_loss": ("validation loss", 1, ".2f"),
    "validation_accuracy": ("validation %", 100, ".0f"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notebooks", nargs="+", default=NOTEBOOKS, choices=NOTEBOOKS)
    parser.add_argument("--cells", nargs="+", help="ids of the cells that train; all of them if not given")
    parser.add_argument("--seed", type=int, default=0, help="0 is what the notebooks take")
    parser.add_argument("--to", type=Path, help="keep records there, and go on from those that are there")
    options = parser.parse_args()
    known = [cell.id for notebook in options.notebooks for cell in code_cells(notebook) if trains(cell)]
    if unknown := set(options.cells or ()) - set(known):
        parser.error(f"there is no {', '.join(sorted(unknown))}; cells that train are {', '.join(known)}")
    os.environ.setdefault("COURSE_OFFLINE", "1")
    if data.cifar10_source() != data.CIFAR10:
        print("Skipped: CIFAR-10 is not at hand. Set COURSE_DATA to a folder that holds cifar-10-batches-py.")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = (options.to or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(folder):
            for notebook in options.notebooks:
                play(notebook, options.cells, options.seed)
    print(machine())


def code_cells(notebook: str) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(ROOT / "source" / "cifar" / f"{notebook}.ipynb", as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def is_given(cell: nbformat.NotebookNode) -> bool:
    return cell.id in ("setup", "load-data") or cell.id.startswith("given-")


def trains(cell: nbformat.NotebookNode) -> bool:
    return cell.id.endswith(("-run", "-runs")) and not cell.id.startswith(("given-", "show-"))


def play(notebook: str, chosen: list[str] | None, seed: int) -> None:
    """Run what is given, the solutions, and the cells that train; print the record of each run."""
    names: dict[str, Any] = {"__name__": "reference"}
    run = nothing
    cells = code_cells(notebook)
    for cell in cells[: 1 + max(place for place, cell in enumerate(cells) if trains(cell))]:
        if not (is_given(cell) or trains(cell) or cell.metadata.get("nbgrader", {}).get("solution")):
            continue
        source = cell.source.replace("torch.manual_seed(0)", f"torch.manual_seed({seed})")
        if trains(cell):
            is_chosen = not chosen or cell.id in chosen
            names["run"] = shown(run) if is_chosen else nothing  # later cells need what this one names
            if is_chosen:
                print(f"\n{notebook}, {cell.id}, seed {seed}, {torch.get_num_threads()} threads", flush=True)
        exec(compile(source, f"<{notebook}: {cell.id}>", "exec"), names)
        if cell.id == "given-run":
            run = names["run"]


def nothing(*args: Any, **how: Any) -> Any:
    """Stand for the notebook's `run` in cells that were not chosen."""


def shown(run: Callable[..., training.Record]) -> Callable[..., training.Record]:
    """Let the notebook's `run` print each record that it returns."""

    def printing(*args: Any, **how: Any) -> training.Record:
        return show(run(*args, **how))

    return printing


def show(record: training.Record) -> training.Record:
    """Print every epoch of a run and its last ones; return the record as it is."""
    about = ", ".join(f"{name} {value}" for name, value in record.settings.items())
    print(f"{record.name} ({about}; {record.seconds:.0f} s)")
    for key, (label, factor, form) in SHOWN.items():
        print(f"  {label:<16}" + " ".join(format(factor * value, form) for value in record.history[key]))
    accuracies, losses = (np.array(record.history[f"validation_{what}"]) for what in ("accuracy", "loss"))
    print(
        f"  at the end {100 * accuracies[-1]:.1f} %, mean of the last three {100 * accuracies[-3:].mean():.1f} %, "
        f"roughness of the last four losses {np.abs(np.diff(losses[-4:])).mean():.3f} nats",
        flush=True,
    )
    return record


if __name__ == "__main__":
    main()
