"""torchvision, importable also beside a torch for which its compiled operators were not built.

torchvision refuses to be imported without the schemas of two operators, ``nms`` and ``qnms``, which its wheel brings
along for one build of torch only. Nothing in the course needs them, so this module declares what is missing. Import
`datasets`, `models` and `transforms` from here, or import this module first.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import torch

__all__ = ["datasets", "declare", "models", "transforms"]

_libraries: list[torch.library.Library] = []  # a schema lives as long as its Library object


def declare() -> None:
    """Declare the schemas that torchvision asks for, unless its own operators can be loaded."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or "torchvision" in sys.modules or _libraries:
        return
    try:
        torch.ops.load_library(str(Path(spec.origin).with_name("_C.so")))
    except OSError:  # built for another torch
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _libraries.append(library)


declare()

from torchvision import datasets, models, transforms  # noqa: E402
