"""Checks of networks: whether two compute the same function, and how often a trained one is right.

A student's network may call its layers what it likes. So weights are compared by what they are (weight, bias, running
mean, …) and by their shapes.
"""

from __future__ import annotations

import contextlib
import functools
import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_utils import artifacts, data
from course_utils.checks import assert_tensor
from course_utils.checks.calls import once
from course_utils.checks.wording import fail
from course_utils.state_dicts import put

__all__ = [
    "assert_accuracy",
    "assert_depends",
    "assert_memorised",
    "assert_same_network",
    "assert_shapes",
    "restored",
    "share_right",
    "values_by_shape",
]

# Pictures that are sent through a network at a time. With more of them, memory for the feature maps is taken from the
# system anew for each chunk, which costs as much as the arithmetic of a small network.
_CHUNK = 200


def values_by_shape(state: Mapping[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """Draw new values for a network's weights, equal for weights of the same kind and shape.

    Two networks with the same layers so get the same values, whatever the layers are called and in whichever order they
    were made.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        As `state_dict` returns it.
    seed : int

    Returns
    -------
    dict of str to torch.Tensor
        Of a size with which activations neither grow nor vanish; counters are kept. The tensors are kept for the next
        call: copy what you change.

    Examples
    --------
    >>> one, other = values_by_shape({"a.weight": torch.zeros(2, 3)}), values_by_shape({"b.weight": torch.zeros(2, 3)})
    >>> torch.equal(one["a.weight"], other["b.weight"])
    True
    """
    drawn = {}
    for key, value in state.items():
        kind, shape = key.rpartition(".")[2], tuple(value.shape)
        if not value.is_floating_point():
            drawn[key] = value
            continue
        drawn[key] = _drawn(kind, shape, seed)
    return drawn


@functools.lru_cache(maxsize=32)
def _drawn(kind: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """Draw the values of one weight; a check needs the same ones for several networks."""
    generator = torch.Generator().manual_seed(zlib.crc32(repr((kind, shape, seed)).encode()))
    if kind == "running_var" or (kind == "weight" and len(shape) == 1):
        return 0.5 + torch.rand(shape, generator=generator)
    # He's rule for weights; small values for everything that is added.
    spread = (2 / math.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.2
    return spread * torch.randn(shape, generator=generator)


def assert_shapes(network: Any, twin: nn.Module, name: str, hint: str | None = None) -> None:
    """Check that a network learns weights of the same shapes as a trusted one.

    Parameters
    ----------
    network : torch.nn.Module
        The student's.
    twin : torch.nn.Module
        The trusted one.
    name : str
        How the message calls `network`.
    hint : str, optional
        A sentence that points to the idea.

    Raises
    ------
    CheckFailed
        If not; the message says which shape is missing or too many, or that shapes are not known yet.
    """
    if not isinstance(network, nn.Module):
        fail(f"{name} must be an nn.Module. Derive its class from nn.Module.", hint)
    wanted = sorted(tuple(weight.shape) for weight in twin.parameters())
    try:
        found = sorted(_shapes_of(network))
    except Exception:
        if not any("Lazy" in type(layer).__name__ for layer in network.modules()):
            raise
        fact = f"{name} has layers whose sizes are not known yet (nn.Lazy…)."
        fail(f"{fact}\nGive their sizes, or send zeros of the right shape through them at the end of __init__.", None)
    if found == wanted:
        return
    if not found:
        reason = "Layers in a plain list are not found; use attributes, nn.Sequential or nn.ModuleList."
        fail(f"{name} has no parameters.\n{reason}", hint)
    missing, over = list(wanted), []
    for shape in found:
        if shape in missing:
            missing.remove(shape)
        else:
            over.append(shape)
    facts = [f"one of shape {shape} is missing" for shape in missing[:1]]
    facts += [f"one of shape {shape} is too many" for shape in over[:1]]
    fail(f"{name} has {len(found)} weights and biases, expected {len(wanted)}; {' and '.join(facts)}.", hint)


def _shapes_of(network: Any) -> list[tuple[int, ...]]:
    """Return the shapes of what a network learns; a student's is asked once for all of them, not for the weights."""
    runs_there = getattr(type(network), "__course_run__", None)
    if runs_there is not None:
        with contextlib.suppress(Exception):  # whatever it is, it is told by asking for each weight
            told = runs_there(network, _shapes_here, network)
            if type(told) is list and all(map(_is_shape, told)):
                return told
    return [tuple(weight.shape) for weight in network.parameters()]


def _shapes_here(network: Any) -> list[tuple[int, ...]]:
    return [tuple(int(size) for size in weight.shape) for weight in network.parameters()]


def _is_shape(value: Any) -> bool:
    return type(value) is tuple and all(type(size) is int for size in value)


def assert_same_network(
    network: Any,
    twin: nn.Module,
    inputs: Tensor,
    name: str,
    hint: str | None = None,
    *,
    mistakes: Mapping[str, nn.Module] | None = None,
    train: bool = False,
    seed: int = 0,
) -> None:
    """Check that a network computes the same as a trusted one, once both hold the same weights.

    Layers of equal shapes first hold equal weights; then each of them in turn gets others.

    Parameters
    ----------
    network : torch.nn.Module
        The student's; its weights are replaced.
    twin : torch.nn.Module
        The trusted one, with weights of the same kinds and shapes; replaced as well.
    inputs : torch.Tensor
    name : str
        How the message calls the output.
    hint : str, optional
        A sentence that points to the idea.
    mistakes : mapping of str to torch.nn.Module, optional
        Networks with likely mistakes. If the student's computes the same as one of them, its key is the hint.
    train : bool
        Whether both are in training mode; by default in evaluation mode.
    seed : int
        Of the weights.

    Raises
    ------
    CheckFailed
        If shapes of weights or the outputs differ.
    """
    assert_shapes(network, twin, name.partition("(")[0], hint)
    wrong = {text: _output(other, inputs, train, seed) for text, other in (mistakes or {}).items()}
    expected = _output(twin, inputs, train, seed)
    actual = _output(network, inputs, train, seed)
    assert_tensor(actual, expected, name, hint, rtol=1e-3, atol=1e-4, mistakes=wrong)
    found = _one_by_one(network, inputs, train, seed)
    for shape, wanted in _one_by_one(twin, inputs, train, seed).items():
        left = found.get(shape, [])
        for output in wanted:
            place = next((place for place, own in enumerate(left) if _close(own, output)), None)
            if place is None:
                fact = f"{name} is wrong as soon as the layers with weights of shape {shape} differ from each other."
                fail(fact, "Each layer of __init__ has one place in forward: is one of them used twice?")
            left.pop(place)


def _one_by_one(network: Any, inputs: Tensor, train: bool, seed: int) -> dict[tuple[int, ...], list[Any]]:
    """Return, by shape, the outputs where one of several weights of that shape has got other values than the rest.

    Equal values do not tell which of these layers is used where; values of their own would have to know their names.
    """
    state = network.state_dict()
    alike: dict[tuple[int, ...], list[str]] = {}
    for key, value in state.items():
        if key.rpartition(".")[2] == "weight" and value.is_floating_point():
            alike.setdefault(tuple(value.shape), []).append(key)
    alike = {shape: keys for shape, keys in alike.items() if len(keys) > 1}
    if not alike:
        return {}
    first, other = values_by_shape(state, seed), values_by_shape(state, seed + 1)
    outputs: dict[tuple[int, ...], list[Any]] = {}
    for keys in _names_of_weights(network, first):
        shape = tuple(first[keys[0]].shape)
        if keys[0] in alike.get(shape, []):
            outputs.setdefault(shape, []).append(
                _answer(network, first | {key: other[key] for key in keys}, inputs, train)
            )
    return outputs


def _close(one: Any, other: Tensor) -> bool:
    same = isinstance(one, Tensor) and one.shape == other.shape
    return same and torch.allclose(one, other, rtol=1e-3, atol=1e-4)


def assert_depends(network: Any, inputs: Tensor, name: str, hint: str | None = None) -> None:
    """Check that the output of a network depends on its input and on all its weights, whatever else it may be.

    Parameters
    ----------
    network : torch.nn.Module
        The student's; its weights are replaced, and it is put into evaluation mode.
    inputs : torch.Tensor
        Two or more samples that differ.
    name : str
        How the message calls the output.
    hint : str, optional
        A sentence that points to the idea.

    Raises
    ------
    CheckFailed
        If the output stays the same where an input or weights are others.
    """
    state = network.state_dict()
    first, other = values_by_shape(state), values_by_shape(state, seed=1)
    before = _output(network, inputs, train=False, seed=0)
    with torch.no_grad():
        turned = network(inputs.flip(0))
    if torch.equal(turned, before):
        fail(f"{name} does not depend on the input.", hint)
    for keys in _names_of_weights(network, first):
        network.load_state_dict(first | {key: other[key] for key in keys})
        with torch.no_grad():
            after = network(inputs.clone())
        if torch.equal(after, before):
            kind, shape = keys[0].rpartition(".")[2], tuple(first[keys[0]].shape)
            fail(f"{name} does not depend on its {kind} of shape {shape} ({keys[0]}).", hint)


def _names_of_weights(network: Any, state: Mapping[str, Tensor]) -> list[list[str]]:
    """Return the names of each weight: those of a layer that has two names are the same, and change together."""
    keys = [key for key, value in state.items() if value.is_floating_point()]
    network.load_state_dict(dict(state) | {key: torch.full_like(state[key], place) for place, key in enumerate(keys)})
    held, names = network.state_dict(), {}
    for key in keys:
        names.setdefault(tuple(held[key].flatten()[:1].tolist()), []).append(key)
    return list(names.values())


def _output(network: Any, inputs: Tensor, train: bool, seed: int) -> Any:
    return _answer(network, values_by_shape(network.state_dict(), seed), inputs, train)


def _answer(network: Any, state: Mapping[str, Tensor], inputs: Tensor, train: bool) -> Any:
    network.load_state_dict(state)
    network.train(train)
    with torch.no_grad():
        return network(inputs.clone())


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
        If not, or as `restored` and `share_right`.
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
        If not, if the network is missing, or if its weights are not those of the twin's layers.
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
