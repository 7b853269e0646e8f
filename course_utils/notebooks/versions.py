"""The Python that a notebook was written with, where it is not the one that runs it here."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping
from typing import Any

from course_utils.notebooks import names

__all__ = ["about_f_strings", "about_syntax", "python_of", "unparsed"]

_VERSION = re.compile(r"\d{1,2}\.\d{1,2}(\.\d{1,2})?")


def python_of(metadata: Any) -> str:
    """Return the version of Python that a notebook's metadata name, such as ``"3.12.4"``; empty if they name none.

    Examples
    --------
    >>> python_of({"language_info": {"version": "3.12.4"}}), python_of({"language_info": 5})
    ('3.12.4', '')
    """
    about = metadata.get("language_info") if isinstance(metadata, Mapping) else None
    version = about.get("version") if isinstance(about, Mapping) else None
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else ""


def about_syntax(theirs: str, cells: Iterable[str], here: str = "") -> str:
    """Return what is to be said of syntax errors in a notebook of another Python; empty if there is nothing to say.

    Parameters
    ----------
    theirs : str
        The notebook's version; empty if unknown.
    cells : iterable of str
        Names of the cells with a syntax error.
    here : str, optional
        The version that grades; by default the one of this process.

    Examples
    --------
    >>> about_syntax("3.12.4", ["paper"], "3.11.9")
    'paper is no valid syntax in Python 3.11, which grades; the notebook was written with Python 3.12'
    >>> about_syntax("3.11.2", ["paper"], "3.11.9"), about_syntax("3.12.4", [], "3.11.9")
    ('', '')
    """
    here, theirs = here or platform.python_version(), theirs or "0.0"
    cells = list(cells)
    if not cells or _pair(theirs) <= _pair(here):
        return ""
    named = ", ".join(cells[:5]) + (" and others" if len(cells) > 5 else "")
    what = f"{named} {'is' if len(cells) == 1 else 'are'} no valid syntax in Python {_short(here)}, which grades"
    return f"{what}; the notebook was written with Python {_short(theirs)}"


def about_f_strings(cells: Iterable[str], here: str = "") -> str:
    """Return what is to be said of f-strings that are no valid syntax, where the notebook names no version.

    Examples
    --------
    >>> about_f_strings(["paper"], "3.11.9")
    'paper is no valid syntax in Python 3.11, which grades; some f-strings are valid from Python version 3.12 on only'
    >>> about_f_strings(["paper"], "3.12.0")
    ''
    """
    here, named = here or platform.python_version(), ", ".join(cells)
    if not named or _pair(here) >= (3, 12):
        return ""
    newer = "some f-strings are valid from Python version 3.12 on only"
    return f"{named} is no valid syntax in Python {_short(here)}, which grades; {newer}"


_MAGIC = re.compile(r"^\s*[%!?]|\?\s*$|^\s*\w+\s*=\s*[%!]|\bawait\b", re.MULTILINE)


def unparsed(source: str) -> bool:
    """Whether a code cell is no valid syntax here; cells with magics or shell lines are not judged."""
    return _MAGIC.search(source) is None and not names.is_python(source)


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _pair(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))
