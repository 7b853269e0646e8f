"""Modules of `source/<assignment>/hidden/`, as test cells import them."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.support.engine import SOURCE


def hidden_module(assignment: str, name: str) -> ModuleType:
    """Return a module of the assignment's hidden files, loaded anew."""
    path = SOURCE / assignment / "hidden" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"hidden_of_{assignment.replace('-', '_')}_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module
