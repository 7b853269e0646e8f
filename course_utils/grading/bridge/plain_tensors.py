"""Tensors among the arguments of a call, as their bytes: torch's own pickle of one writes a file inside the pickle."""

from __future__ import annotations

from typing import Any

__all__ = ["rebuild", "reduce_plain"]


def reduce_plain(tensor: Any) -> tuple[Any, ...] | None:
    """Return what a pickler writes in the place of a tensor; None if there is more to it than its entries in order.

    Parameters
    ----------
    tensor : torch.Tensor
    """
    import torch

    if (
        type(tensor) is not torch.Tensor
        or tensor.layout is not torch.strided
        or tensor.device.type != "cpu"
        or tensor.is_quantized
        or tensor.is_conj()
        or tensor.is_neg()
        or not tensor.numel()
        or tensor.untyped_storage().nbytes() != tensor.nbytes
        or tensor.__dict__
        or (tensor.requires_grad and not tensor.is_leaf)
        or not _is_in_order(tensor.shape, tensor.stride())
    ):
        return None
    data = tensor.detach().reshape(-1).view(torch.uint8).numpy().tobytes()
    return rebuild, (data, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), tensor.requires_grad)


def rebuild(data: bytes, dtype: str, shape: tuple[int, ...], requires_grad: bool) -> Any:
    """Return the tensor, with memory of its own, which may be written to and resized."""
    import torch

    tensor = torch.frombuffer(bytearray(data), dtype=getattr(torch, dtype)).reshape(shape).clone()
    return tensor.requires_grad_() if requires_grad else tensor


def _is_in_order(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the strides are those of a new tensor, along axes of one entry as well, for which torch lets any be."""
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if stride != expected:
            return False
        expected *= size
    return True
