"""Checks of trained networks that were handed in: what they are, and how often they are right."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_utils import artifacts, data
from course_utils.checks.calls import once
from course_utils.checks.wording import fail
from course_utils.state_dicts import put

__all__ = ["assert_accuracy", "assert_memorised", "restored", "share_right"]

# Pictures that are sent through a network at a time. With more of them, memory for the feature maps is taken from the
# system anew for each chunk, which costs as much as the arithmetic of a small network.
_CHUNK = 200


def restored(make: Callable[[], Any], name: str) -> tuple[artifacts.Record, Any]:
    """Return a trained network that was handed in, in evaluation mode.

    Parameters
    ----------
    make : callable
        Returns the student's network.
    name : str
        Of the artifact.

    Returns
    -------
    record : Record
        What the student's notebook says about the training.
    network : torch.nn.Module

    Raises
    ------
    CheckFailed
        If the network is missing, or its weights are of another class than the student's.
    """
    record, weights = artifacts.handed_in(name)
    return record, _filled(make, name, weights)


def _filled(make: Callable[[], Any], name: str, weights: Mapping[str, Tensor]) -> Any:
    network = make()
    if (different := put(network, weights)) is not None:
        key, there, here = different
        fact = f"The weights of {name!r} are of another network: {key!r} has the shape {there} there, {here} in your"
        fail(f"{fact} class.", "If you changed the class, train it again (again=True).")
    network.eval()
    _lay_out(network, torch.channels_last)
    return network


def _lay_out(network: Any, memory_format: torch.memory_format) -> None:
    """Let a network keep its channels side by side in memory, which takes half the time, or one after the other."""
    with contextlib.suppress(Exception):  # of a network that can't, the weights stay as they are
        network.to(memory_format=memory_format)


def share_right(network: Any, inputs: Tensor, labels: Tensor, name: str) -> float:
    """Return how often the largest logit of a network is that of the label.

    Parameters
    ----------
    network : torch.nn.Module
    inputs : torch.Tensor of shape (N, ...)
    labels : torch.Tensor of shape (N,)
        They stay here.
    name : str
        How a message calls the network.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    CheckFailed
        If the network does not return logits of shape (N, 10).
    """
    right = 0
    for start in range(0, len(inputs), _CHUNK):
        part = slice(start, start + _CHUNK)
        with torch.no_grad():
            try:
                logits = network(inputs[part])
            except RuntimeError:
                if not isinstance(network, nn.Module):
                    raise
                _lay_out(network, torch.contiguous_format)  # `view`, for one, asks for this order
                logits = network(inputs[part])
        wanted = (len(labels[part]), 10)
        if not isinstance(logits, Tensor) or tuple(logits.shape) != wanted:
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            fail(f"The network {name!r} must return logits of shape {wanted}, got {got}.", None)
        right += int((logits.argmax(1) == labels[part]).sum())
    return right / len(labels)


def assert_accuracy(
    make: Callable[[], Any],
    name: str,
    needed: Mapping[str, float],
    hint: str | None = None,
    *,
    count: int = 1000,
    seed: int = 0,
    prepare: Callable[[Tensor], Tensor] = data.normalise,
    draw: Callable[[str, int, int], tuple[Tensor, Tensor]] = data.held_out,
) -> float:
    """Check that a trained network that was handed in is right often enough.

    Parameters
    ----------
    make, name
        As for `restored`.
    needed : mapping of str to float
        The share needed, by what the network was trained on.
    hint : str, optional
        What to do if it is not.
    count : int
        How many pictures.
    seed : int
        Which pictures that it has not seen; see `data.held_out`. (Pictures of the training set would not do: a network
        can look their labels up.)
    prepare : callable
        Turns uint8 pictures into what the network takes.
    draw : callable
        Gives pictures and labels that no network has seen, of the data that it was trained on: `data.held_out`, or
        `data.held_out_digits`.

    Returns
    -------
    float
        The share of the pictures whose largest logit is that of their label.

    Raises
    ------
    CheckFailed
        If not, if it was trained on data that `needed` does not name, or as `restored` and `share_right`.
    DataMissing
        If those data are not here.
    """
    record, weights = artifacts.handed_in(name)
    least = _needed_for(record, needed)

    def measure() -> float:
        network = _filled(make, name, weights)
        images, labels = draw(record.data, count, seed)
        return share_right(network, prepare(images), labels, name)

    share = once(measure, make, name, record.sha256, count, seed, prepare, draw)
    _require(share, least, f"{count:,} pictures that it has not seen", record, hint)
    return share


def assert_memorised(
    twin: nn.Module,
    name: str,
    needed: Mapping[str, float],
    hint: str | None = None,
    *,
    count: int = 1000,
    prepare: Callable[[Tensor], Tensor] = data.normalise,
) -> float:
    """Check that the weights that were handed in are right often enough on the first training pictures.

    Anybody knows the labels of these, so the student's class is not asked: its weights are laid into a trusted network.

    Parameters
    ----------
    twin : torch.nn.Module
        The trusted network; no two of its layers hold weights of the same kinds and shapes.
    name : str
        Of the artifact.
    needed, hint, prepare
        As for `assert_accuracy`.
    count : int
        How many pictures.

    Returns
    -------
    float
        The share of the pictures whose largest logit is that of their label.

    Raises
    ------
    CheckFailed
        If not, if the network is missing or was trained on data that `needed` does not name, or if its weights are not
        those of the twin's layers.
    DataMissing
        If those data are not here.
    ValueError
        If weights of the twin can be confused.
    """
    record, weights = artifacts.handed_in(name)
    least = _needed_for(record, needed)
    own, theirs = _layers(twin.state_dict()), _layers(weights)
    if sum(map(len, own.values())) != sum(value.is_floating_point() for value in twin.state_dict().values()):
        raise ValueError("Two layers of the twin hold weights of the same kinds and shapes.")
    if set(own) != set(theirs):
        layer = min(set(own) ^ set(theirs))
        there, here = ("no", "is one") if layer in own else ("a", "is none")
        shapes = " and ".join(f"{kind!r} of shape {shape}" for kind, shape in layer)
        fact = f"The weights of {name!r} are of another network: they hold {there} layer with {shapes}; here there"
        fail(f"{fact} {here}.", "If you changed the class, train it again (again=True).")
    pairs = {own[layer][kind]: weights[theirs[layer][kind]] for layer in own for kind in own[layer]}
    twin.load_state_dict(pairs, strict=False)
    twin.eval()
    images, labels = (part[:count] for part in data.cifar10("train", record.data))
    share = share_right(twin, prepare(images), labels, name)
    _require(share, least, f"the first {count:,} training pictures", record, hint)
    return share


def _layers(state: Mapping[str, Tensor]) -> dict[tuple[tuple[str, tuple[int, ...]], ...], dict[str, str]]:
    """Return the keys of what each layer learns or measures, by its kinds and shapes; counters are left out.

    A single weight would not do: biases of two layers may be of one shape.
    """
    layers: dict[str, dict[str, str]] = {}
    for key, value in state.items():
        if value.is_floating_point():
            layer, _, kind = key.rpartition(".")
            layers.setdefault(layer, {})[kind] = key
    return {
        tuple(sorted((kind, tuple(state[key].shape)) for kind, key in keys.items())): keys for keys in layers.values()
    }


def _needed_for(record: artifacts.Record, needed: Mapping[str, float]) -> float:
    least = needed.get(record.data)
    if least is None:
        fail(f"{record.name!r} was trained on {record.data[:80]!r}, which is none of {', '.join(needed)}.", None)
    return least


def _require(share: float, least: float, which: str, record: artifacts.Record, hint: str | None) -> None:
    if share < least:
        fact = f"Your network {record.name!r} is right on {100 * share:.1f} % of {which}"
        fail(f"{fact}; {100 * least:g} % are needed ({record.data}).", hint)
