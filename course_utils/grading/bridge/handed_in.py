"""What a test hands in: which parts of it a call may change, whether it did, and what comes back of it.

The student's process gets copies. It notes which of them a call changed, which `checks.assert_unchanged` asks for; what
they hold now comes back only for what the test marked by `checks.shared`, and of that only values under the names, and
of the shapes and types, that the test's own object had before. The two halves of this module run on either side:
`watch`, `changed` and `what_came_of` in the student's process, `own_parts`, `Shared` and `take_back` in the test's.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["NotTakenBack", "Shared", "changed", "overlap", "own_parts", "take_back", "watch", "what_came_of"]

# What torch's optimisers keep for a parameter: a tensor of its shape, or (the second row) a single number.
_KEPT = frozenset(
    (
        "momentum_buffer", "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "square_avg", "grad_avg", "sum",
        "acc_delta", "prev", "step_size", "ax",
    )
)  # fmt: skip
_COUNTED = frozenset(("step", "mu_product", "eta", "mu"))
_ITERATORS = tuple(type(iter(kind)) for kind in ([], (), range(1)))


class NotTakenBack(ValueError):
    """What became of a shared argument does not fit what it was; the text says how."""


class Shared:
    """An argument of a call of which the test wants to see what the call made of it.

    Parameters
    ----------
    thing : array, tensor, module, optimiser, scheduler, iterator over a list, or list or dict of these
    """

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        parts = list(own_parts(thing, deep=True))
        if not parts or any(isinstance(part, set) for part in parts):
            raise TypeError(f"a {type(thing).__name__} can't be shared: nothing in it has a fixed name or place")
        self.thing = thing

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("shared(...) marks an argument of a call; it can't be a part of one")


def own_parts(value: Any, *, deep: bool = False, seen: set[int] | None = None) -> Iterator[Any]:
    """Yield what a call might change inside an argument, each once.

    Parameters
    ----------
    value : object
    deep : bool
        Whether optimisers, schedulers and iterators count as well; `watch` does not look into them.
    seen : set of int, optional
        The `id` of what was yielded already; added to.

    Yields
    ------
    array, tensor, list, dict, set, module or (deep) optimiser, scheduler, iterator
    """
    seen = set() if seen is None else seen
    if isinstance(value, (str, bytes, int, float, type(None))) or id(value) in seen:
        return
    seen.add(id(value))
    torch = sys.modules.get("torch")
    if isinstance(value, np.ndarray) or (torch is not None and isinstance(value, torch.Tensor)):
        yield value
    elif isinstance(value, (list, tuple, dict, set)):
        if not isinstance(value, tuple):
            yield value
        for entry in value.values() if isinstance(value, dict) else value:
            yield from own_parts(entry, deep=deep, seen=seen)
    elif torch is not None and issubclass(type(value), torch.nn.Module):
        # By its type: what stands for a student's network says that it is one, and would be asked for each weight.
        yield value
        if not deep:
            for tensor in _tensors(value).values():
                yield from own_parts(tensor, seen=seen)
    elif deep and (_is_optimizer(value) or _is_scheduler(value) or isinstance(value, _ITERATORS)):
        yield value


def watch(part: Any) -> Any:
    """Return what `changed` compares a part with after the call."""
    torch = sys.modules.get("torch")
    if isinstance(part, np.ndarray):
        return part.shape, part.dtype, part.tobytes()
    if torch is not None and isinstance(part, torch.Tensor):
        return part.detach().clone()
    if torch is not None and isinstance(part, torch.nn.Module):
        return {name: id(tensor) for name, tensor in _tensors(part).items()}
    return dict(part) if isinstance(part, dict) else list(part)


def changed(part: Any, before: Any) -> bool:
    """Return whether a part differs from what `watch` kept of it; in doubt, that it does."""
    torch = sys.modules.get("torch")
    try:
        if isinstance(part, np.ndarray):
            return (part.shape, part.dtype, part.tobytes()) != before
        if torch is not None and isinstance(part, torch.Tensor):
            now = part.detach()
            same = now.shape == before.shape and now.dtype == before.dtype
            return not same or not (torch.equal(now, before) or _equal_with_nan(now, before))
        if torch is not None and isinstance(part, torch.nn.Module):
            return {name: id(tensor) for name, tensor in _tensors(part).items()} != before
        if isinstance(part, dict):
            return len(part) != len(before) or any(part.get(k, before) is not v for k, v in before.items())
        return len(part) != len(before) or any(map(operator.is_not, part, before))
    except Exception:
        return True


def what_came_of(part: Any, before: Any) -> Any:
    """Return what a call made of a shared part, as a value: all that `take_back` looks at.

    Parameters
    ----------
    part : object
        One of `own_parts(thing, deep=True)`, after the call.
    before : object
        What this function returned for it before the call; None if this is before the call.
    """
    torch = sys.modules.get("torch")
    if isinstance(part, np.ndarray) or (torch is not None and isinstance(part, torch.Tensor)):
        return part
    if isinstance(part, (list, dict)):
        entries = dict(part) if isinstance(part, dict) else dict(enumerate(part))
        if before is None:
            return {"all": entries}
        replaced = {key: value for key, value in entries.items() if before["all"].get(key, before) is not value}
        return {"length": len(entries), "replaced": replaced}
    if torch is not None and isinstance(part, torch.nn.Module):
        tensors = _tensors(part)
        names = tensors if before is None else [name for name in before["tensors"] if name in tensors]
        return {
            "tensors": {name: tensors[name].detach() for name in names},
            "grads": {name: parameter.grad for name, parameter in part.named_parameters() if name in names},
            "training": {name: module.training is True for name, module in part.named_modules()},
        }
    if _is_optimizer(part):
        parameters = [p for group in part.param_groups for p in group["params"]] if before is None else before["all"]
        kept = [{k: v for k, v in part.state.get(p, {}).items() if v is not None} for p in parameters]
        groups = [{k: v for k, v in group.items() if _is_setting(v)} for group in part.param_groups]
        return {"all": parameters} if before is None else {"kept": kept, "groups": groups}
    if _is_scheduler(part):
        names = vars(part) if before is None else before
        return {k: v for k, v in vars(part).items() if k in names and (_is_number(v) or _are_numbers(v))}
    return operator.length_hint(part)


def take_back(own: Any, told: Any) -> None:
    """Give the test's own part the values that the student's process tells of it.

    Parameters
    ----------
    own : object
        One of `own_parts(thing, deep=True)`; changed in place.
    told : object
        What `what_came_of` returned over there, or anything else: nobody has to believe it.

    Raises
    ------
    NotTakenBack
        If a value has another name, shape or type than what it would replace.
    """
    torch = sys.modules.get("torch")
    if isinstance(own, np.ndarray):
        own[...] = _fitting(own, told, "the array")
    elif torch is not None and isinstance(own, torch.Tensor):
        _take_tensor(own, told, "the tensor")
        if own.is_leaf and own.requires_grad:
            _take_gradient(own, told.grad, "the tensor")
    elif isinstance(own, (list, dict)):
        _take_entries(own, told)
    elif torch is not None and isinstance(own, torch.nn.Module):
        _take_module(own, told)
    elif _is_optimizer(own):
        _take_optimizer(own, told)
    elif _is_scheduler(own):
        for name, value in _dict(told).items():
            if not _is_setting(vars(own).get(name)):
                raise NotTakenBack(f"the scheduler has no number {str(name)[:40]!r}")
            vars(own)[name] = _fitting(vars(own)[name], value, f"{str(name)[:40]} of the scheduler")
    else:
        left = operator.length_hint(own)
        if type(told) is not int or not 0 <= told <= left:
            raise NotTakenBack("the iterator does not stand at a place that it has")
        for _ in range(left - told):
            next(own)


def overlap(one: Any, other: Any) -> bool:
    """Return whether two arrays or tensors hold numbers in the same memory, or are the same object."""
    if one is other:
        return True
    first, second = _place(one), _place(other)
    return first is not None and second is not None and first[0] < second[1] and second[0] < first[1]


def _take_module(own: Any, told: Any) -> None:
    told, tensors, parameters = _dict(told), _tensors(own), dict(own.named_parameters())
    for name, value in _dict(told.get("tensors")).items():
        if name not in tensors:
            raise NotTakenBack(f"the network has no parameter or buffer {str(name)[:80]!r}")
        _take_tensor(tensors[name], value, name)
    for name, value in _dict(told.get("grads")).items():
        if name not in parameters:
            raise NotTakenBack(f"the network has no parameter {str(name)[:80]!r}")
        _take_gradient(parameters[name], value, name)
    training = _dict(told.get("training"))
    for name, module in own.named_modules():
        if type(training.get(name)) is bool:
            module.training = training[name]


def _take_optimizer(own: Any, told: Any) -> None:
    kept, groups = (_dict(told).get(key) for key in ("kept", "groups"))
    parameters = [parameter for group in own.param_groups for parameter in group["params"]]
    if not isinstance(kept, list) or not isinstance(groups, list):
        raise NotTakenBack("the optimiser's state can't be read")
    if len(kept) != len(parameters) or len(groups) != len(own.param_groups):
        raise NotTakenBack("the optimiser has other parameters, or groups of them, than before")
    for parameter, entries in zip(parameters, kept, strict=True):
        for key, value in _dict(entries).items():
            state = own.state[parameter]
            state[key] = _fitting(_pattern(own, state, parameter, key), value, f"{str(key)[:40]} of the optimiser")
    for group, settings in zip(own.param_groups, groups, strict=True):
        for key, value in _dict(settings).items():
            if not _is_setting(group.get(key)):
                raise NotTakenBack(f"the optimiser has no setting {str(key)[:40]!r}")
            group[key] = _fitting(group[key], value, f"{str(key)[:40]} of the optimiser")


def _pattern(optimizer: Any, state: dict[str, Any], parameter: Any, key: Any) -> Any:
    """Return something of the shape and type that an entry of an optimiser's state must have."""
    import torch

    if key in state:
        return state[key]
    if type(optimizer).__module__.startswith("torch.optim."):
        if key in _KEPT:
            return parameter.detach()
        if key in _COUNTED:
            return torch.zeros(())
    raise NotTakenBack(f"the optimiser keeps nothing under the name {str(key)[:40]!r}")


def _take_entries(own: Any, told: Any) -> None:
    told = _dict(told)
    if told.get("length") != len(own):
        raise NotTakenBack(f"a {type(own).__name__} of {len(own)} entries has another number of them now")
    for key, value in _dict(told.get("replaced")).items():
        if not (key in own if isinstance(own, dict) else type(key) is int and 0 <= key < len(own)):
            raise NotTakenBack(f"a {type(own).__name__} has no entry {str(key)[:40]!r}")
        own[key] = _fitting(own[key], value, f"entry {str(key)[:40]!r}")


def _take_tensor(own: Any, told: Any, name: str) -> None:
    import torch

    value = _fitting(own.detach(), told, name)
    with torch.no_grad():
        own.copy_(value)


def _take_gradient(own: Any, told: Any, name: str) -> None:
    own.grad = None if told is None else _fitting(own.detach(), told, f"the gradient of {name}")


def _fitting(own: Any, value: Any, name: str) -> Any:
    """Return `value` if it has the type, and shape and dtype, of what it replaces."""
    torch = sys.modules.get("torch")
    if isinstance(own, np.ndarray) or (torch is not None and isinstance(own, torch.Tensor)):
        kind = np.ndarray if isinstance(own, np.ndarray) else torch.Tensor
        if not isinstance(value, kind):
            raise NotTakenBack(f"{name} is no {kind.__name__} any more")
        if tuple(value.shape) != tuple(own.shape) or value.dtype != own.dtype:
            was, now = (f"shape {tuple(each.shape)} and dtype {each.dtype}" for each in (own, value))
            raise NotTakenBack(f"{name} had {was}, and has {now} now")
        return value.detach().clone() if kind is not np.ndarray else value
    if _are_numbers(own) and _are_numbers(value) and type(own) is type(value) and len(own) == len(value):
        return value
    if _is_number(own) and _is_number(value):  # a learning rate of 1 may become 0.5
        return value
    if type(own) is type(value) and isinstance(own, (bool, str, type(None), np.generic)):
        return value
    raise NotTakenBack(f"{name} was of type {type(own).__name__}, and is another thing now")


def _dict(told: Any) -> dict[Any, Any]:
    if not isinstance(told, dict):
        raise NotTakenBack("what it is now can't be read")
    return told


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _are_numbers(value: Any) -> bool:
    return type(value) in (list, tuple) and all(map(_is_number, value))


def _is_setting(value: Any) -> bool:
    return _is_number(value) or _are_numbers(value) or type(value) is bool


def _tensors(module: Any) -> dict[str, Any]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _is_optimizer(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.optim.Optimizer)


def _is_scheduler(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.optim.lr_scheduler.LRScheduler)


def _equal_with_nan(one: Any, other: Any) -> bool:
    import torch

    if not (one.is_floating_point() or one.is_complex()):
        return False
    return bool(((one == other) | (torch.isnan(one) & torch.isnan(other))).all())


def _place(value: Any) -> tuple[int, int] | None:
    """Return where the numbers of an array begin in memory and where they end, None if it has none there."""
    torch = sys.modules.get("torch")
    if isinstance(value, np.ndarray):
        return np.lib.array_utils.byte_bounds(value) if value.size else None
    if torch is None or not isinstance(value, torch.Tensor) or value.layout is not torch.strided or value.is_meta:
        return None
    if not value.numel():
        return None
    reach = sum((size - 1) * stride for size, stride in zip(value.shape, value.stride(), strict=True)) + 1
    return value.data_ptr(), value.data_ptr() + reach * value.element_size()
