"""Trained networks as files: the record of a training run and the weights it left, read as what comes from anybody.

``artifacts/<name>.json`` says how a network came about, ``artifacts/<name>.safetensors`` holds its weights; `training`
writes both. Whoever hands them in may have written anything into them: sizes, types and sums are checked before use.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor, nn

from course_utils import environment
from course_utils.errors import CheckFailed
from course_utils.state_dicts import put

__all__ = [
    "ArtifactError",
    "Record",
    "folder",
    "handed_in",
    "load",
    "read_file",
    "read_record",
    "read_weights",
    "require_name",
    "write_file",
]

# Bytes; an artifact comes from a student, so nothing larger is read.
MOST_WEIGHTS, MOST_RECORD = 64 * 2**20, 2**20
_MOST_NUMBERS = 10_000
_LARGEST_NUMBER = 10**15
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class ArtifactError(CheckFailed):
    """A trained network that is missing, cannot be read, or is not what its record says."""


@dataclass
class Record:
    """How a network was trained.

    Parameters
    ----------
    name : str
        Of the artifact.
    data : str
        What it was trained on: "CIFAR-10", "stand-in", ...
    epochs : int
        Passes over the training set.
    seconds : float
        Time spent in training.
    device : str
        "cpu", "cuda" or "mps".
    parameters : int
        How many numbers were learned.
    history : dict of str to list of float
        One list per quantity, one number per epoch.
    settings : dict
        What the notebook says about the run: learning rate, batch size, ...
    code : dict of str to str
        A mark of each function and class that took part; other code, another mark.
    versions : dict of str to str
    sha256 : str
        Of the weights' file; empty where no weights were kept.
    finished : bool
        False while training goes on, or where it was interrupted.
    """

    name: str
    data: str
    epochs: int = 0
    seconds: float = 0.0
    device: str = "cpu"
    parameters: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    sha256: str = ""
    finished: bool = False


def folder() -> Path:
    """Return the folder of the artifacts: ``artifacts`` beside the notebook, or in the submission being graded.

    A notebook in ``source/<assignment>`` keeps its own in ``build/artifacts/<assignment>``: whatever lies in ``source``
    is handed out to students.
    """
    if submission := environment.submission_folder():
        return submission / "artifacts"
    here = Path.cwd()
    if here.parent.name == "source":
        return here.parent.parent / "build" / "artifacts" / here.name
    return here / "artifacts"


def load(name: str, model: nn.Module) -> Record:
    """Put kept weights into a model, and the model into evaluation mode.

    Parameters
    ----------
    name : str
        Of the artifact.
    model : torch.nn.Module
        Of the class that was trained.

    Returns
    -------
    Record

    Raises
    ------
    ArtifactError
        If the artifact is missing or cannot be read, or the weights are of another network.
    """
    record, kept = read_record(name), read_weights(name)
    if (different := put(model, kept)) is not None:
        key, there, here = different
        raise ArtifactError(
            f"The weights of {name!r} are of another network: {key!r} has the shape {there} there and {here} in your "
            f"{type(model).__name__}. If you changed the class, train it again (again=True)."
        )
    model.eval()
    return record


def handed_in(name: str) -> tuple[Record, dict[str, Tensor]]:
    """Return a trained network for a test: its record and weights, if it was trained on data that count.

    Parameters
    ----------
    name : str

    Returns
    -------
    record : Record
        What the student's notebook wrote; it may be made up, so a test measures for itself.
    weights : dict of str to torch.Tensor

    Raises
    ------
    ArtifactError
        As `read_weights`, and if this course counts only networks that were trained on other data.
    """
    record = read_record(name)
    counts = environment.counted_data()
    if counts != environment.ANY_DATA and record.data not in [one.strip() for one in counts.split(",")]:
        raise ArtifactError(
            f"{name!r} was trained on {record.data[:80]!r}; this course counts networks that were trained on {counts}. "
            "Put the data where the notebook finds them, then train it again (again=True)."
        )
    return record, read_weights(name)


def read_record(name: str) -> Record:
    """Read the record of an artifact; whatever is in the file, the result has the right types.

    Parameters
    ----------
    name : str

    Returns
    -------
    Record

    Raises
    ------
    ArtifactError
        If it is missing, too large, or not a record of this name.
    """
    content = _read(name, ".json", MOST_RECORD)
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"artifacts/{name}.json is not a record of a training run: it is not JSON.") from error
    if not isinstance(values, dict) or set(values) != {f.name for f in fields(Record)} or not _is_record(values):
        raise ArtifactError(f"artifacts/{name}.json is not a record of a training run of this course.")
    if values["name"] != name:
        shown = values["name"][:80]
        raise ArtifactError(f"artifacts/{name}.json is the record of another network, {shown!r}.")
    return Record(**values)


def read_weights(name: str) -> dict[str, Tensor]:
    """Read the weights of an artifact, as `torch.nn.Module.load_state_dict` takes them.

    Parameters
    ----------
    name : str

    Returns
    -------
    dict of str to torch.Tensor

    Raises
    ------
    ArtifactError
        If they are missing, too large, damaged, or other weights than the record was made for.
    """
    record = read_record(name)
    if not record.finished:
        raise ArtifactError(
            f"The training of {name!r} was not finished. Run its cell again; it goes on where it stopped."
        )
    content = _read(name, ".safetensors", MOST_WEIGHTS)
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise ArtifactError(
            f"artifacts/{name}.safetensors and artifacts/{name}.json do not belong together: one of them was made by "
            "another run, or changed afterwards. Train the network again (again=True)."
        )
    try:
        return safetensors.torch.load(content)
    except Exception as error:  # its own class, and what a header that was tampered with leads to
        raise ArtifactError(f"artifacts/{name}.safetensors is damaged: it cannot be read.") from error


def read_file(file: str, most: int, made_by: str) -> bytes:
    """Read a file of the artifacts that may come from anybody: no links, no devices, not too large.

    Parameters
    ----------
    file : str
        Its name in the folder.
    most : int
        Bytes.
    made_by : str
        What the cell does that makes the file, for the message: ``"writes it"``.

    Returns
    -------
    bytes

    Raises
    ------
    ArtifactError
        If it is missing, no plain file, or larger.
    """
    try:
        descriptor = os.open(folder() / file, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        missing = f"artifacts/{file} is missing. Run the cell that {made_by}, then pack again."
        raise ArtifactError(
            missing if isinstance(error, FileNotFoundError) else f"artifacts/{file} is no file."
        ) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):  # a folder can be opened, too
            raise ArtifactError(f"artifacts/{file} is no file.")
        if status.st_size > most:
            raise ArtifactError(f"artifacts/{file} is larger than {most // 2**20} MiB.")
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            return opened.read(most)
    finally:
        os.close(descriptor)


def require_name(name: str) -> None:
    """Raise ValueError unless this can be the name of an artifact."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"An artifact's name is letters, digits, dots and hyphens, at most 80; got {name!r}.")


def write_file(path: Path, content: bytes) -> None:
    """Write a file at once: whoever stops the run finds the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _read(name: str, ending: str, most: int) -> bytes:
    require_name(name)
    return read_file(f"{name}{ending}", most, f"trains {name!r}")


def _is_record(values: dict[str, Any]) -> bool:
    kinds = {"name": str, "data": str, "device": str, "sha256": str, "finished": bool, "epochs": int, "parameters": int}
    if not all(type(values[key]) is kind for key, kind in kinds.items()):
        return False
    measured = [values["seconds"], values["epochs"], values["parameters"]]
    # A number of hundreds of digits is an int to JSON, and no float can hold it.
    if type(values["seconds"]) not in (int, float) or not all(abs(number) < _LARGEST_NUMBER for number in measured):
        return False
    if not all(type(values[key]) is dict for key in ("history", "settings", "code", "versions")):
        return False
    if not all(type(text) is str for key in ("code", "versions") for text in values[key].values()):
        return False
    return len(values["history"]) <= 100 and all(
        type(numbers) is list
        and len(numbers) <= _MOST_NUMBERS
        and all(type(number) is float or (type(number) is int and abs(number) < _LARGEST_NUMBER) for number in numbers)
        for numbers in values["history"].values()
    )
