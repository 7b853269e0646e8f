"""A student's own modules and notebooks that lie beside a notebook and are imported or run by it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["code_of", "own_sources", "run_by"]

# Of one submission; what is beyond is not looked at.
_FILES, _BYTES = 100, 2**20

_RUN = re.compile(r"^\s*%run\s+(?:-\w+\s+)*(?:\"([^\"\n]+)\"|'([^'\n]+)'|(\S+))", re.MULTILINE)


def run_by(sources: Iterable[str]) -> set[str]:
    """Return the notebooks that `%run` lines of cells name, by path from their own notebook.

    Examples
    --------
    >>> sorted(run_by(["%run helpers.ipynb\\n%run conv.py", "%run -i './my helpers.ipynb'"]))
    ['helpers.ipynb', 'my helpers.ipynb']
    """
    names = {next(filter(None, found)) for source in sources for found in _RUN.findall(source)}
    return {os.path.normpath(name) for name in names if name.endswith(".ipynb")}


def code_of(content: bytes) -> list[str]:
    """Return the code cells of a notebook; none if it can't be read.

    Parameters
    ----------
    content : bytes
        The file, from anybody.
    """
    try:
        cells = json.loads(content)["cells"]
        return [_text(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def own_sources(folder: Path) -> dict[str, str]:
    """Return the sources of the modules and notebooks in a folder, as rules on the source take them.

    Parameters
    ----------
    folder : pathlib.Path
        With the files of a submission; links are not followed.

    Returns
    -------
    dict of str to str
        By path from the folder.
    """
    found: dict[str, str] = {}
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.suffix not in (".py", ".ipynb") or path.is_symlink() or not path.is_file():
                continue
            if len(found) == _FILES:
                return found
            with path.open("rb") as file:
                content = file.read(_BYTES)
            text = "\0".join(code_of(content)) if path.suffix == ".ipynb" else content.decode("utf-8", "replace")
            found[path.relative_to(folder).as_posix()] = text
    return found


def _text(source: Any) -> str:
    return source if isinstance(source, str) else "".join(map(str, source))
