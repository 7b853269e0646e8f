"""What stands in for data and networks in several hidden tests: tensors of another device, a block that is right."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Elsewhere", "Pieces", "Twin"]


class Elsewhere(torch.Tensor):
    """Stands for a tensor on another device: it becomes a plain one where it is moved."""

    def to(self, *place, **options):
        return self.as_subclass(torch.Tensor).to(*place, **options)

    def cuda(self, *place, **options):
        return self.as_subclass(torch.Tensor)

    cpu = cuda


class Pieces:
    """Batches of such tensors, without a length."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __iter__(self):
        for inputs, classes in self.pairs:
            yield inputs.as_subclass(Elsewhere), classes.as_subclass(Elsewhere)


class Twin(nn.Module):
    """A residual block that is right, or wrong in one of the ways that are known."""

    def __init__(
        self, ins, outs, stride=1, residual=True, order="inner add relu", late_stride=False, after=nn.Identity
    ):
        super().__init__()
        first, second = (1, stride) if late_stride else (stride, 1)
        self.one, self.norm_one = nn.Conv2d(ins, outs, 3, first, 1, bias=False), nn.BatchNorm2d(outs)
        self.two, self.norm_two = nn.Conv2d(outs, outs, 3, second, 1, bias=False), nn.BatchNorm2d(outs)
        self.residual, self.order, self.after, self.side = residual, order.split(), after(), nn.Identity()
        if residual and (stride > 1 or ins != outs):
            self.side = nn.Sequential(nn.Conv2d(ins, outs, 1, stride, bias=False), nn.BatchNorm2d(outs))

    def forward(self, x):
        inner = self.norm_one(self.one(x))
        out = self.norm_two(self.two(inner.relu() if "inner" in self.order else inner))
        for step in self.order:
            if step == "relu":
                out = out.relu()
            elif step == "add" and self.residual:
                out = out + self.after(self.side(x))
        return out
