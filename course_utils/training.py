"""Train once, keep the result: weights and a record of how they came about.

Everything that is trained in a notebook goes through `train`. It trains, shows how far it is, and saves
``artifacts/<name>.safetensors`` and ``artifacts/<name>.json``; the next time it only loads them. Training that was
interrupted goes on with the epoch after the last whole one. Grading only ever loads.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import inspect
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy
import safetensors.torch
import torch
from torch import Tensor, nn

from course_utils import environment, state_dicts
from course_utils.artifacts import (
    MOST_WEIGHTS,
    ArtifactError,
    Record,
    folder,
    handed_in,
    load,
    read_file,
    read_record,
    read_weights,
    require_name,
    write_file,
)

__all__ = [
    "ArtifactError",
    "Record",
    "code_marks",
    "definitions",
    "folder",
    "handed_in",
    "load",
    "mixed_precision",
    "pick_device",
    "read_file",
    "read_record",
    "read_weights",
    "train",
]


def pick_device() -> torch.device:
    """Return the fastest device of this machine: CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def mixed_precision(device: torch.device | str) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which layers compute with 16 bits, where this machine is faster that way.

    Parameters
    ----------
    device : torch.device or str
        Where the network lies. Graphics cards are faster; of CPUs those that have instructions for bfloat16, which is
        measured once.

    Returns
    -------
    context manager
        To be put around the forward pass and the loss, not around `backward`.
    """
    kind = torch.device(device).type
    if kind == "cuda" or (kind == "cpu" and _is_bfloat16_faster()):
        return torch.autocast(kind, torch.bfloat16)
    return contextlib.nullcontext()


@functools.cache
def _is_bfloat16_faster() -> bool:
    with torch.random.fork_rng(devices=[]):
        layers = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
        layers.to(memory_format=torch.channels_last)
        images = torch.randn(64, 16, 16, 16).contiguous(memory_format=torch.channels_last)

    def seconds(enabled: bool) -> float:
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            result = layers(images).float().sum()
        result.backward()
        return time.perf_counter() - began

    with torch.enable_grad():
        times = [(seconds(True), seconds(False)) for _ in range(6)][1:]  # the first round sets things up
    with_it, without = (min(column) for column in zip(*times, strict=True))
    return with_it < 0.9 * without


def train(
    name: str,
    model: nn.Module,
    epoch: Callable[[], Mapping[str, float]],
    epochs: int,
    *,
    data: str,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Any = None,
    settings: Mapping[str, Any] | None = None,
    weights: bool = True,
    half: bool = False,
    again: bool = False,
) -> Record:
    """Train a model for some epochs and keep the result, or load what was kept.

    Parameters
    ----------
    name : str
        Of the artifact: letters, digits, dots, hyphens.
    model : torch.nn.Module
        Holds the trained weights afterwards, in evaluation mode.
    epoch : callable
        Trains `model` for one epoch and returns what is to be remembered, say ``{"train_loss": 1.2}``.
    epochs : int
        How often `epoch` is called.
    data : str
        What the network is trained on, as `data.cifar10_source` says.
    optimizer, scheduler : optional
        Give them, so that interrupted training can go on with their state.
    settings : mapping, optional
        What else a reader of the record should know: numbers and short texts.
    weights : bool
        False keeps the record only, as for a run of which just the curve is wanted.
    half : bool
        Save the weights with 16 bits each: half the size, about three digits.
    again : bool
        Train even if there is a result already.

    Returns
    -------
    Record

    Raises
    ------
    ArtifactError
        If what was kept cannot be used, or while grading, where nothing is trained, is missing.
    ValueError
        If `name` is no such name or `epochs` is below 1.
    """
    require_name(name)
    if epochs < 1:
        raise ValueError(f"`epochs` must be at least 1, got {epochs}.")
    code, wanted = code_marks(model, epoch), dict(settings or {}) | {"epochs": epochs}
    if record := _finished(name, again=again):
        if weights:
            load(name, model)
        _tell_differences(record, code, wanted)
        return record
    if environment.is_grading():
        raise ArtifactError(
            f"There is no trained network {name!r} in artifacts/, and nothing is trained while grading. "
            "Run the notebook once before you pack it; `course check` lists what is missing."
        )
    model.train()
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__}
    device = next((p.device.type for p in model.parameters()), "cpu")
    _require_kept(name, model)
    record = Record(name, data, 0, 0.0, device, state_dicts.count(model), {}, wanted, code, versions)
    folder().mkdir(parents=True, exist_ok=True)
    part = _Part(folder() / f"{name}.part", model, optimizer, scheduler)
    if again:
        part.remove()
    part.take_up(record)
    _run_epochs(record, epochs, epoch, model, part)
    model.eval()
    record.finished = True
    record.parameters = state_dicts.count(model)  # lazy layers have theirs by now
    if weights:
        content = _packed(name, model, half)
        record.sha256 = hashlib.sha256(content).hexdigest()
        write_file(folder() / f"{name}.safetensors", content)
    write_file(folder() / f"{name}.json", json.dumps(asdict(record), indent=1).encode())
    part.remove()
    return record


def _finished(name: str, *, again: bool) -> Record | None:
    """Return what was kept of a training that came to its end, if that is to be used; grading never trains again."""
    if (folder() / f"{name}.json").exists() and not (again and not environment.is_grading()):
        record = read_record(name)
        return record if record.finished else None
    return None


def _run_epochs(record: Record, epochs: int, epoch: Callable[[], Mapping], model: nn.Module, part: _Part) -> None:
    """Train until `epochs` are done, each of them kept as it ends."""
    with _Progress(record.name, epochs) as progress:
        while record.epochs < epochs:
            began = time.monotonic()
            model.train()
            for key, value in dict(epoch()).items():
                record.history.setdefault(key, []).append(float(value))
            record.epochs += 1
            record.seconds = round(record.seconds + time.monotonic() - began, 3)
            progress.show(record)
            part.save(record)


def _packed(name: str, model: nn.Module, half: bool) -> bytes:
    """Return the weights as they are kept: on the CPU, with 16 bits each if they are to take half the room."""
    content = safetensors.torch.save(state_dicts.kept(model, half=half))
    if len(content) > MOST_WEIGHTS:
        raise ArtifactError(
            f"The weights of {name!r} take {len(content) / 2**20:.0f} MiB; at most {MOST_WEIGHTS // 2**20} MiB can "
            "be handed in. Pass half=True, or take a smaller network."
        )
    return content


def code_marks(model: nn.Module, epoch: Callable[..., Any]) -> dict[str, str]:
    """Return a mark of each function and class of the notebook that took part in training.

    Parameters
    ----------
    model : torch.nn.Module
    epoch : callable

    Returns
    -------
    dict of str to str
        By name; comments and layout do not change a mark.
    """
    main = sys.modules["__main__"].__dict__
    sources = [text for text in main.get("In", ()) if isinstance(text, str)]
    known = definitions(sources)
    found: dict[str, str] = {}
    names = {type(part).__name__ for part in model.modules() if type(part).__module__ == "__main__"}
    names |= _names_used(epoch)
    while names:
        name = names.pop()
        if name in known and name not in found:
            found[name] = known[name][0]
            names |= known[name][1]
    return dict(sorted(found.items()))


def definitions(sources: Iterable[str]) -> dict[str, tuple[str, set[str]]]:
    """Find the functions and classes that cells define; of two with one name, the later.

    Parameters
    ----------
    sources : iterable of str
        Of code cells, in order.

    Returns
    -------
    dict of str to (str, set of str)
        The mark, and the names it uses, by name.
    """
    found: dict[str, tuple[str, set[str]]] = {}
    for source in sources:
        found |= _definitions(source)
    return found


# A notebook that trains twenty networks asks for those of each of its cells twenty times.
@functools.lru_cache(maxsize=10_000)
def _definitions(source: str) -> dict[str, tuple[str, set[str]]]:
    """Return the definitions of one cell; they are shared, and must be left as they are."""
    if "def" not in source and "class" not in source:
        return {}
    lines = [line for line in source.split("\n") if not line.lstrip().startswith(("%", "!"))]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # not Python: then nothing of it ran either
        return {}
    found = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            mark = hashlib.sha256(ast.dump(node).encode()).hexdigest()[:16]
            used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            found[node.name] = (mark, used)
    return found


def _names_used(function: Callable[..., Any]) -> set[str]:
    function = inspect.unwrap(getattr(function, "func", function))
    code = getattr(function, "__code__", None)
    if code is None:
        return set()
    codes, names = [code], {getattr(function, "__name__", "")}
    # A function that was handed to the one around it is used as well.
    cells = getattr(function, "__closure__", None) or ()
    names |= {cell.cell_contents.__name__ for cell in cells if inspect.isfunction(_content(cell))}
    while codes:
        one = codes.pop()
        names |= set(one.co_names)
        codes += [constant for constant in one.co_consts if inspect.iscode(constant)]
    return names


def _content(cell: Any) -> Any:
    """Return what a closure holds; None if it holds nothing yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _tell_differences(record: Record, code: dict[str, str], settings: dict[str, Any]) -> None:
    changed = sorted(name for name, mark in code.items() if record.code.get(name, mark) != mark)
    now = json.loads(json.dumps(settings))  # as it would look in the record
    other = [f"{key} = {record.settings.get(key)}" for key, value in now.items() if record.settings.get(key) != value]
    reasons = [f"{', '.join(changed)} changed since"] * bool(changed)
    reasons += [f"it was trained with {', '.join(other)}"] * bool(other)
    what = f"loaded what was trained before ({record.epochs} epochs, {record.data}, {record.seconds:.0f} s)"
    if reasons:
        what += f". But {' and '.join(reasons)}: pass again=True to train anew"
    print(f"{record.name}: {what}.")


class _Part:
    """The state of training that is not finished, saved after each epoch."""

    def __init__(self, stem: Path, model: nn.Module, optimizer: Any, scheduler: Any) -> None:
        self.paths = stem.with_name(stem.name + ".safetensors"), stem.with_name(stem.name + ".json")
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler

    def save(self, record: Record) -> None:
        tensors: dict[str, Tensor] = {"random": torch.get_rng_state()}
        rest = {
            "record": asdict(record),
            "optimizer": _flatten(self.optimizer.state_dict(), "optimizer", tensors) if self.optimizer else None,
            "scheduler": _flatten(self.scheduler.state_dict(), "scheduler", tensors) if self.scheduler else None,
        }
        tensors |= {f"model/{key}": value for key, value in state_dicts.kept(self.model).items()}
        content = safetensors.torch.save({key: v.detach().cpu().contiguous().clone() for key, v in tensors.items()})
        rest["sha256"] = hashlib.sha256(content).hexdigest()
        write_file(self.paths[0], content)
        write_file(self.paths[1], json.dumps(rest).encode())

    def take_up(self, record: Record) -> None:
        """Put the state that was saved into the model and its optimiser, if it is of the same run."""
        if not all(path.is_file() for path in self.paths):
            return
        try:
            content, rest = self.paths[0].read_bytes(), json.loads(self.paths[1].read_bytes())
            saved = Record(**rest["record"])
            same = (saved.name, saved.data, saved.settings, saved.code) == (
                record.name,
                record.data,
                json.loads(json.dumps(record.settings)),
                record.code,
            )
            if not same or hashlib.sha256(content).hexdigest() != rest["sha256"]:
                return
            tensors = safetensors.torch.load(content)
            weights = {key.removeprefix("model/"): v for key, v in tensors.items() if key.startswith("model/")}
            if state_dicts.put(self.model, weights) is not None:
                return
            if self.optimizer and rest["optimizer"]:
                self.optimizer.load_state_dict(_unflatten(rest["optimizer"], tensors))
            if self.scheduler and rest["scheduler"]:
                self.scheduler.load_state_dict(_unflatten(rest["scheduler"], tensors))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
            print(
                f"{record.name}: what was trained before could not be taken up ({error}); starting from the beginning."
            )
            return
        torch.set_rng_state(tensors["random"])
        for key in ("epochs", "seconds", "history"):
            setattr(record, key, getattr(saved, key))
        print(f"{record.name}: going on after epoch {record.epochs}.")

    def remove(self) -> None:
        for path in self.paths:
            path.unlink(missing_ok=True)


def _flatten(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Take tensors out of a state; what is left is JSON."""
    if isinstance(value, Tensor):
        tensors[path] = value
        return {"tensor": path}
    if isinstance(value, dict):
        pairs = [[key, _flatten(item, f"{path}/{key}", tensors)] for key, item in value.items()]
        return {"pairs": pairs}  # JSON would turn the numbers that are keys into texts
    if isinstance(value, (list, tuple)):
        return {"items": [_flatten(item, f"{path}/{index}", tensors) for index, item in enumerate(value)]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return {"left out": type(value).__name__}


def _unflatten(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "pairs" in value:
        pairs = [(key, item) for key, item in value["pairs"] if not (isinstance(item, dict) and "left out" in item)]
        return {key: _unflatten(item, tensors) for key, item in pairs}
    return [_unflatten(item, tensors) for item in value.get("items", [])]


class _Progress:
    """One line that says how far training is; in a notebook it is rewritten in place."""

    def __init__(self, name: str, epochs: int) -> None:
        self.name, self.epochs, self.display, self.text = name, epochs, None, ""

    def __enter__(self) -> _Progress:
        with contextlib.suppress(ImportError):
            from IPython import get_ipython
            from IPython.display import display

            if getattr(get_ipython(), "kernel", None) is not None:
                self.display = display({"text/plain": f"{self.name}: training ..."}, raw=True, display_id=True)
        return self

    def show(self, record: Record) -> None:
        left = record.seconds / record.epochs * (self.epochs - record.epochs)
        numbers = ", ".join(f"{key.replace('_', ' ')} {values[-1]:.3g}" for key, values in record.history.items())
        done = f"epoch {record.epochs} of {self.epochs}, {record.seconds:.0f} s, {left:.0f} s to go"
        text = f"{self.name}: {done}; {numbers}"
        if self.display is not None:
            self.display.update({"text/plain": text}, raw=True)
        elif sys.stdout.isatty():
            print(f"\r{text:<{len(self.text)}}", end="", flush=True)
        self.text = text

    def __exit__(self, *_: object) -> None:
        if self.display is None and self.text:
            print(("\r" if sys.stdout.isatty() else "") + self.text)


def _require_kept(name: str, model: nn.Module) -> None:
    if sentence := state_dicts.unkept(model):
        raise ArtifactError(f"The training of {name!r} can't be kept: {sentence}")
