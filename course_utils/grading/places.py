"""Where libraries are installed on the machine that grades is nobody's business: pages name their files alone."""

from __future__ import annotations

import functools
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import course_utils

__all__ = ["without_places"]

_TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex")


def without_places(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return an output in which files of libraries are called as seen from where they are installed.

    Warnings and errors of a library name its file with the whole path.

    Parameters
    ----------
    output : dict
        As notebooks have it.
    """
    plain = dict(output)
    if isinstance(plain.get("text"), str):
        plain["text"] = _shortened(plain["text"])
    if plain.get("output_type") == "error":
        plain["evalue"] = _shortened(str(plain.get("evalue", "")))
        plain["traceback"] = [_shortened(str(line)) for line in plain.get("traceback", ())]
    if isinstance(plain.get("data"), Mapping):
        plain["data"] = {
            form: _shortened(data) if form in _TEXTS and isinstance(data, str) else data
            for form, data in plain["data"].items()
        }
    return plain


def _shortened(text: str) -> str:
    for folder in _folders():
        text = text.replace(folder, "")
    return text


@functools.cache
def _folders() -> tuple[str, ...]:
    """Return the folders of libraries and of this package, with a slash behind them, the longest first."""
    found = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    found.add(str(Path(course_utils.__file__).parent.parent))
    return tuple(sorted((f"{folder}/" for folder in found if folder and folder != "/"), key=len, reverse=True))
