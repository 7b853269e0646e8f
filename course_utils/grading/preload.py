"""What kernels and grader processes are forked with: libraries that are imported once, not for every student."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterable, Iterator

from course_utils.notebooks import cells as kinds

__all__ = ["GRADER_MODULES", "import_ready", "modules_for"]

# What test cells use, where nobody says which assignment it is for.
GRADER_MODULES = (
    "course_utils.grading.bridge.sympy_values",
    "course_utils.torchvision_ops",
    "course_utils.training",
    "matplotlib.pyplot",
    "numpy",
    "scipy.signal",
    "scipy.stats",
    "sympy",
    "torch",
    "torch._dynamo",  # the first optimiser imports it, and takes more than a second
    "torch.nn.functional",
)

# Libraries that are worth it; everything else is imported in an instant.
_LARGE = (
    "PIL",
    "course_utils",
    "ipywidgets",
    "matplotlib",
    "numpy",
    "safetensors",
    "scipy",
    "sklearn",
    "sympy",
    "torch",
)


def modules_for(notebooks: Iterable[bytes]) -> tuple[str, ...]:
    """Return the large modules that the code cells of notebooks import, apart from cells that grading leaves out.

    Students may import others; that takes the time it takes, and changes no mark.

    Parameters
    ----------
    notebooks : iterable of bytes
        Sources of an assignment, as .ipynb.

    Returns
    -------
    tuple of str
        Sorted names, as `Settings.preload` takes them.
    """
    sources = [text for notebook in notebooks for text in _code(notebook)]
    names = {name for text in sources for name in _imported(text)}
    names = {"course_utils.torchvision_ops" if n.partition(".")[0] == "torchvision" else n for n in names}
    names = {name for name in names if name.partition(".")[0] in _LARGE} | {"course_utils.checks", "matplotlib.pyplot"}
    if any("torch.optim" in text for text in sources):
        names.add("torch._dynamo")
    return tuple(sorted(names))


def import_ready(name: str) -> None:
    """Import a module. One of the course's own that has a function `get_ready` also loads its data, once for all forks.

    Raises
    ------
    ImportError
        If there is no such module. Anything else comes from the module.
    """
    module = importlib.import_module(name)
    if name.startswith("course_utils.") and hasattr(module, "get_ready"):
        module.get_ready()
    if name == "numpy":
        importlib.import_module("numpy.random")  # else it is at its first use, in each fork


def _code(notebook: bytes) -> Iterator[str]:
    for cell in json.loads(notebook)["cells"]:
        if cell["cell_type"] == "code" and not kinds.is_shown_only(cell):
            yield "".join(cell["source"])


def _imported(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # magic commands
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            if node.module == "course_utils":
                yield from (f"course_utils.{alias.name}" for alias in node.names)
