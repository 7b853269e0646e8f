"""The CIFAR challenge: measure a network that was handed in, on pictures that it has not seen.

The notebook and its tests call the same functions. Whatever the record of a network says about its accuracy, the points
come from what is measured here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_utils import artifacts, data, facts
from course_utils.checks import CheckFailed
from course_utils.checks.calls import once
from course_utils.state_dicts import put

__all__ = ["GRACE", "PICTURES", "Measured", "accuracy", "measure", "require", "summary"]

# Another draw of this many pictures gives a network of 70 % between 69 % and 71 % two times out of three: whoever has
# earned the points must not lose them by the draw.
PICTURES, GRACE = 2000, 0.01

_BATCH = 250


@dataclass(frozen=True)
class Measured:
    """What a network that was handed in is worth.

    Parameters
    ----------
    accuracy : float
        Share of the held-out pictures on which it is right, measured here.
    record : artifacts.Record
        What the notebook wrote about the training.
    """

    accuracy: float
    record: artifacts.Record


def accuracy(network: Any, predict: Callable[[Any, Tensor], Tensor], images: Tensor, labels: Tensor) -> float:
    """Return on which share of the pictures a network is right.

    Parameters
    ----------
    network : torch.nn.Module
        Handed to `predict` as it is.
    predict : callable
        Given the network and up to 250 of `images`, returns logits of shape (N, 10) or labels of shape (N,).
    images : torch.Tensor of shape (N, 3, 32, 32), uint8
    labels : torch.Tensor of shape (N,), int64

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    CheckFailed
        If `predict` returns anything else.
    """
    right = 0
    with torch.no_grad():
        for start in range(0, len(images), _BATCH):
            part = slice(start, start + _BATCH)
            answer = _as_labels(predict(network, images[part]), len(images[part]))
            right += int((answer == labels[part].cpu()).sum())
    return right / len(images)


def measure(
    network_class: Callable[[], Any], predict: Callable[[Any, Tensor], Tensor], name: str, seed: int = 0
) -> Measured:
    """Measure a network that was handed in on 2,000 held-out pictures.

    Parameters
    ----------
    network_class : class
        The student's; called without arguments.
    predict : callable
        As for `accuracy`.
    name : str
        Of the artifact.
    seed : int
        Another seed, other pictures.

    Returns
    -------
    Measured

    Raises
    ------
    CheckFailed
        If the network is missing, of another class, or trained on data that do not count; see `artifacts.handed_in`.
    """
    record, weights = artifacts.handed_in(name)
    if record.data not in (data.CIFAR10, data.STAND_IN):
        raise CheckFailed(
            f"The record of {name!r} says that it was trained on {record.data[:80]!r}, which nobody here has."
        )

    def share() -> float:
        images, labels = data.held_out(record.data, PICTURES, seed)
        network = network_class()
        if put(network, weights) is not None:
            raise CheckFailed(
                f"The weights in artifacts/{name}.safetensors do not fit the class in the notebook. If you changed the "
                "class, train again (again = True) and pack again."
            )
        network.eval()
        return accuracy(network, predict, images, labels)

    return Measured(once(share, network_class, predict, name, record.sha256, seed), record)


def require(measured: Measured, least: int, hint: str) -> None:
    """Check that a network is right often enough, print what was found, and note it for the leaderboard.

    Parameters
    ----------
    measured : Measured
    least : int
        Percent; one less is enough, because the pictures are drawn at random.
    hint : str
        The next step for whoever is below.

    Raises
    ------
    CheckFailed
        If it is not.
    """
    facts.note(accuracy_percent=round(100 * measured.accuracy, 1))
    found = f"The network is right on {100 * measured.accuracy:.1f} % of {PICTURES:,} pictures that it has not seen"
    if measured.accuracy >= least / 100 - GRACE:
        print(f"{found} ({summary(measured.record)}).")
        return
    recorded = measured.record.history.get("validation_accuracy") or [0.0]
    if recorded[-1] > measured.accuracy + 0.1:
        hint = (
            f"Your notebook recorded {100 * recorded[-1]:.0f} % on its validation pictures. So either `predict` "
            "prepares pictures in another way than training did, or the class was changed and not trained again."
        )
    raise CheckFailed(f"{found}; this cell asks for {least} %.\n{hint}")


def summary(record: artifacts.Record) -> str:
    """Return in a few words how a network was trained, as its record says.

    Examples
    --------
    >>> summary(artifacts.Record("challenge", "stand-in", epochs=3, seconds=12.5, parameters=66_000))
    '66,000 parameters, 3 epochs on stand-in, 12 s on cpu'
    """
    return (
        f"{record.parameters:,} parameters, {record.epochs:,} epochs on {record.data[:20]}, "
        f"{record.seconds:.0f} s on {record.device[:20]}"
    )


def _as_labels(answer: Any, count: int) -> Tensor:
    wanted = f"predict(network, images) must return logits of shape ({count}, 10) or labels of shape ({count},)"
    if not isinstance(answer, Tensor):
        what = "None (is a `return` missing?)" if answer is None else f"an object of type {type(answer).__name__}"
        raise CheckFailed(f"{wanted}, got {what}.")
    answer = answer.detach().cpu()
    if answer.is_floating_point() and answer.shape == (count, 10):
        if not answer.isfinite().all():
            raise CheckFailed("The logits hold nan or inf: training diverged. Try a learning rate a third as large.")
        return answer.argmax(1)
    if answer.shape == (count,) and answer.dtype in (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8):
        return answer
    raise CheckFailed(f"{wanted} and whole numbers, got {answer.dtype} of shape {tuple(answer.shape)}.")
