"""What a call leaves behind besides its result: switches that stay as they were put, hooks, marks on its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils.checks.wording import counted, fail

__all__ = ["assert_leaves_nothing"]


def assert_leaves_nothing(function: Callable[..., Any], *arguments: Any, name: str, hint: str | None = None) -> None:
    """Call a function, and check that all is as it was before, whatever it returns.

    Looked at are torch's gradients, which stay switched off if nobody switches them on again; forward hooks of the
    networks among the arguments, and of all layers; `requires_grad` of tensors and parameters, and `grad` of tensors.
    At grading time the call is made, and looked at, where the student's code runs.

    Parameters
    ----------
    function : callable
        Of the student.
    *arguments : object
        What it is called with; tensors and networks among them are looked at.
    name : str
        How the message calls the function.
    hint : str, optional
        What to do instead.

    Raises
    ------
    CheckFailed
        If something is left behind; the message says what.

    Examples
    --------
    >>> import torch
    >>> assert_leaves_nothing(lambda image: image.requires_grad_(), torch.zeros(2), name="saliency")
    Traceback (most recent call last):
    course_utils.errors.CheckFailed: saliency has changed requires_grad of its argument.
    Work on a copy: x.detach().clone().
    """
    elsewhere = getattr(type(function), "__course_run__", None)
    left = _left_by(function, *arguments) if elsewhere is None else elsewhere(function, _left_by, function, *arguments)
    if not isinstance(left, dict):
        left = {}
    if left.get("gradients") is not True:
        fail(
            f"{name} leaves gradients switched off: nothing after it can be trained.",
            hint or "`with torch.no_grad():` ends with its block; torch.set_grad_enabled(False) stays.",
        )
    hooks = left.get("hooks")
    if hooks != 0:
        number = counted(hooks, "hook", "hooks") if type(hooks) is int and hooks > 0 else "hooks"
        fail(f"{name} leaves {number} behind.", hint or "register_forward_hook returns a handle; call its remove().")
    if left.get("flags") is not False:
        fail(f"{name} has changed requires_grad of its argument.", hint or "Work on a copy: x.detach().clone().")
    if left.get("grads") is not False:
        fail(f"{name} has left a gradient in its argument.", hint or "Work on a copy: x.detach().clone().")


def _left_by(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Call a function where it lives; return what it left behind, as plain values."""
    import torch

    modules = [part for argument in arguments if isinstance(argument, torch.nn.Module) for part in argument.modules()]
    tensors = [argument for argument in arguments if isinstance(argument, torch.Tensor)]
    weights = [weight for module in modules for weight in module.parameters(recurse=False)]

    def hooks() -> int:
        # Private names of torch: there are no public ones.
        everywhere = torch.nn.modules.module
        return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in modules) + sum(
            len(registered) for registered in (everywhere._global_forward_hooks, everywhere._global_forward_pre_hooks)
        )

    def flags() -> list[bool]:
        return [each.requires_grad for each in tensors + weights]

    def grads() -> list[Any]:
        return [each.grad for each in tensors]

    with torch.enable_grad():
        hooks_before, flags_before, grads_before = hooks(), flags(), grads()
        function(*arguments)
        return {
            "gradients": torch.is_grad_enabled(),
            "hooks": hooks() - hooks_before,
            "flags": flags() != flags_before,
            "grads": any(now is not then for now, then in zip(grads(), grads_before, strict=True)),
        }
