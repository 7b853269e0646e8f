"""Checks of networks: whether two compute the same function. Of trained ones: `trained_networks`.

A student's network may call its layers what it likes. So weights are compared by what they are (weight, bias, running
mean, …) and by their shapes.
"""

from __future__ import annotations

import contextlib
import functools
import math
import zlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.checks import assert_tensor
from course_utils.checks.trained_networks import assert_accuracy, assert_memorised, restored, share_right
from course_utils.checks.wording import fail

# Notebooks have the checks of trained networks from here as well.
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
        If the output stays the same where an input or weights are others, or differs where they are not, or is not
        finite.
    """
    state = network.state_dict()
    first, other = values_by_shape(state), values_by_shape(state, seed=1)
    before = _output(network, inputs, train=False, seed=0)
    with torch.no_grad():
        again, turned = network(inputs.clone()), network(inputs.flip(0))
    if not isinstance(before, Tensor) or not before.isfinite().all():
        fail(f"{name} is no tensor of finite numbers.", hint)
    if not _close(again, before):
        fail(f"{name} is another one each time, for the same input.", hint)
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
