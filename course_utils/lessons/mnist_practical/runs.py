"""Runs of training that TensorBoard shows: where they lie, what of them is handed in, how it is read back.

``runs/<name>/`` beside the notebook holds what TensorBoard's writer wrote. When a run ends, its event file is copied
to ``artifacts/<name>.tfevents``, which is handed in; TensorBoard's own reader reads it.
"""

from __future__ import annotations

import ast
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course_utils import artifacts
from course_utils.errors import CheckFailed
from course_utils.plotting.figures import is_watched

__all__ = ["MOST_EVENTS", "Run", "Scalars", "folder", "open_tensorboard", "read_scalars", "write_parts"]

# Bytes of an event file: twenty thousand scalars.
MOST_EVENTS = 2**20


def folder() -> Path:
    """Return the folder of the runs: ``runs``, beside that of the artifacts."""
    return artifacts.folder().with_name("runs")


class Run:
    """A run by its name; its writer is made when it is first asked for, and replaces an earlier run's.

    Use it in a ``with`` statement: at the end the writer is closed, and the event file kept for handing in.

    Parameters
    ----------
    name : str
        Letters, digits, dots and hyphens.

    Raises
    ------
    ValueError
        If `name` is no such name.
    """

    def __init__(self, name: str) -> None:
        artifacts.require_name(name)
        self.name, self._writer = name, None

    @property
    def writer(self) -> Any:
        """The ``torch.utils.tensorboard.SummaryWriter`` of ``runs/<name>``."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter  # a slow import

            shutil.rmtree(folder() / self.name, ignore_errors=True)
            self._writer = SummaryWriter(str(folder() / self.name))
        return self._writer

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        if kind is None:
            self._keep()

    def _keep(self) -> None:
        parts = sorted((folder() / self.name).glob("events.out.tfevents.*"))
        content = b"".join(part.read_bytes() for part in parts)  # records follow each other; so may files
        if len(content) > MOST_EVENTS:
            raise artifacts.ArtifactError(
                f"The event file of {self.name!r} has {len(content) >> 10:,} KiB; at most {MOST_EVENTS >> 10:,} KiB "
                "can be handed in. Log every n-th step only."
            )
        artifacts.folder().mkdir(parents=True, exist_ok=True)
        artifacts.write_file(artifacts.folder() / f"{self.name}.tfevents", content)


class Scalars(NamedTuple):
    """What was logged under one tag.

    Parameters
    ----------
    steps : numpy.ndarray of shape (T,), int64
    values : numpy.ndarray of shape (T,), float64
    times : numpy.ndarray of shape (T,), float64
        When each was logged, in seconds since 1970.
    """

    steps: np.ndarray
    values: np.ndarray
    times: np.ndarray


def read_scalars(name: str) -> dict[str, Scalars]:
    """Read the scalars of a run that is handed in, with TensorBoard's own reader.

    Parameters
    ----------
    name : str
        Of the run.

    Returns
    -------
    dict of str to Scalars
        By tag, in the order in which they were logged.

    Raises
    ------
    CheckFailed
        If the event file is missing, too large, or none.
    """
    from tensorboard.backend.event_processing import event_accumulator

    artifacts.require_name(name)
    file = f"{name}.tfevents"
    content = artifacts.read_file(file, MOST_EVENTS, f"makes the run {name!r}")
    with tempfile.TemporaryDirectory() as place:
        Path(place, "events.out.tfevents.0").write_bytes(content)
        # Of all else that a file may hold one of a kind is more than enough.
        sizes = dict.fromkeys(event_accumulator.DEFAULT_SIZE_GUIDANCE, 1) | {event_accumulator.SCALARS: 0}
        reader = event_accumulator.EventAccumulator(place, size_guidance=sizes)
        try:
            reader.Reload()
            found = {tag: reader.Scalars(tag) for tag in reader.Tags()["scalars"]}
        except Exception as error:  # what a damaged file leads to is not written down
            raise CheckFailed(f"artifacts/{file} is no event file of TensorBoard: it cannot be read.") from error
    if not found:
        raise CheckFailed(
            f"artifacts/{file} holds no scalars. Log with writer.add_scalar(tag, value, step), then run the cell again."
        )
    return {
        tag: Scalars(
            np.array([event.step for event in events], dtype=np.int64),
            np.array([event.value for event in events], dtype=np.float64),
            np.array([event.wall_time for event in events], dtype=np.float64),
        )
        for tag, events in found.items()
    }


def open_tensorboard() -> None:
    """Open TensorBoard below the cell, on the folder of the runs; where nobody looks, say how a shell does it."""
    where = folder()
    for kept in artifacts.folder().glob("*.tfevents"):
        if not any((where / kept.stem).glob("events.out.tfevents.*")):  # a run that was trained on another machine
            (where / kept.stem).mkdir(parents=True, exist_ok=True)
            (where / kept.stem / "events.out.tfevents.0.kept").write_bytes(kept.read_bytes())
    print(f"From a shell: tensorboard --logdir {where.name}")
    if is_watched():
        from tensorboard import notebook

        notebook.start(f'--logdir "{where}"')


def write_parts(names: Iterable[str], cells: Iterable[str] | None = None) -> Path:
    """Write functions and classes of the notebook, what they use of it, and its imports, into a module for a script.

    Parameters
    ----------
    names : iterable of str
        Of functions and classes.
    cells : iterable of str, optional
        Sources; by default of the cells that were run, of which a later one takes the place of an earlier.

    Returns
    -------
    pathlib.Path
        ``notebook_parts.py`` in the folder of the runs.

    Raises
    ------
    CheckFailed
        If no cell defines one of the names.
    """
    sources = sys.modules["__main__"].__dict__.get("In", ()) if cells is None else cells
    imports, found = {}, {}
    for text in sources:
        lines = [line for line in text.splitlines() if not line.lstrip().startswith(("%", "!"))]
        try:
            tree = ast.parse("\n".join(lines))
        except SyntaxError:  # it did not run either
            continue
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                imports[ast.unparse(node)] = None
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found[node.name] = node
    names = list(names)
    if missing := [name for name in names if name not in found]:
        raise CheckFailed(f"No cell that was run defines {missing[0]!r}. Run the notebook up to here.")
    parts = ['"""Written by the notebook: your functions and classes, for mnist_cnn.py."""', "\n".join(imports)]
    wanted, waiting = {}, list(names)
    while waiting:
        if (name := waiting.pop(0)) in found and name not in wanted:
            wanted[name] = ast.unparse(found[name])
            waiting += [node.id for node in ast.walk(found[name]) if isinstance(node, ast.Name)]
    parts += [wanted[name] for name in found if name in wanted]  # in the order of the notebook
    folder().mkdir(parents=True, exist_ok=True)
    path = folder() / "notebook_parts.py"
    path.write_text("\n\n\n".join(parts) + "\n", encoding="utf-8")
    return path
