"""Reading a notebook that nobody has to trust: what is graded of it, in nbformat's form of today."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from course_utils.errors import CourseError
from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.texts import BASE64, one_line, plain_lines, writable
from course_utils.notebooks.versions import python_of

__all__ = ["UnreadableNotebook", "read_notebook"]

# A notebook with a flood in its outputs is still read; what is larger than `limits.FileLimits` says is no notebook.
MOST_PARTS = 5_000_000
LARGEST_NOTEBOOK = 2_000_000
LARGEST_PICTURES = 12 * 2**20


class UnreadableNotebook(CourseError, ValueError):
    """The file is no notebook that could be graded; the text says why."""


def read_notebook(path: Path, limits: FileLimits | None = None) -> NotebookNode:
    """Read a submitted notebook of any format that Jupyter ever wrote.

    Parameters
    ----------
    path : pathlib.Path
    limits : FileLimits, optional

    Returns
    -------
    NotebookNode
        In format 4.

    Raises
    ------
    UnreadableNotebook
        If it is a link, too large, no JSON, no notebook, or of another language.
    """
    return notebook_from_bytes(bytes_of(path, limits), limits)


def bytes_of(path: Path, limits: FileLimits | None = None) -> bytes:
    """Return what a file holds that is called like a notebook.

    Parameters
    ----------
    path : pathlib.Path
    limits : FileLimits, optional

    Raises
    ------
    UnreadableNotebook
        If it is missing, a link, a folder, no plain file, or too large.
    """
    most = (limits or FileLimits()).size
    try:
        about = path.lstat()
    except OSError as error:
        raise UnreadableNotebook("it is no file") from error
    for found, reason in (
        (stat.S_ISLNK(about.st_mode), "it is a link to another file, not a notebook"),
        (stat.S_ISDIR(about.st_mode), "it is a folder, not a notebook"),
        (not stat.S_ISREG(about.st_mode), "it is no plain file"),
        (about.st_size > most, f"it has {about.st_size / 2**20:.0f} MB; at most {most / 2**20:.0f} MB are read"),
    ):
        if found:
            raise UnreadableNotebook(reason)
    try:
        # Neither a link is followed nor a pipe waited for, whatever lies there by now.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableNotebook(f"it can't be opened ({error.strerror})") from error
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def notebook_from_bytes(data: bytes, limits: FileLimits | None = None) -> NotebookNode:
    """Return a notebook in format 4 from the bytes of a file; raise `UnreadableNotebook` if they are none."""
    if not data.strip():
        raise UnreadableNotebook("it is empty")
    # Each part takes up to thirty times its bytes once it is read.
    if sum(map(data.count, (b"[", b"{", b'",'))) > MOST_PARTS:
        raise UnreadableNotebook(f"it has more than {MOST_PARTS:,} parts; clear its outputs and save it again")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableNotebook(f"it is no JSON ({one_line(error, 100)})") from None
    return notebook_from(content, limits)


def notebook_from(content: Any, limits: FileLimits | None = None) -> NotebookNode:
    """Return a notebook in format 4 from what a file held; raise `UnreadableNotebook` if it is none.

    Only what is graded is taken: types, sources and names of cells, and pictures pasted into texts.
    """
    if not isinstance(content, dict) or type(content.get("nbformat")) is not int:
        raise UnreadableNotebook("it is JSON, but no notebook")
    metadata = content.get("metadata")
    for block, key in (("kernelspec", "language"), ("language_info", "name")):
        about = metadata.get(block) if isinstance(metadata, dict) else None
        language = about.get(key) if isinstance(about, dict) else None
        if isinstance(language, str) and language.lower() not in ("python", "python3", "ipython", ""):
            raise UnreadableNotebook(f"it is written in {one_line(language)}, not in Python")
    cells = content.get("cells")
    if content["nbformat"] < 4:
        sheets = content.get("worksheets")
        parts = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
        cells = [cell for part in parts if isinstance(part, list) for cell in part] if parts else cells
    if not isinstance(cells, list):
        raise UnreadableNotebook("it has no cells")
    most = (limits or FileLimits()).cells
    if len(cells) > most:
        raise UnreadableNotebook(f"it has {len(cells)} cells; at most {most} are read")
    plain = [_plain_cell(cell, number) for number, cell in enumerate(cells) if isinstance(cell, dict)]
    python = python_of(metadata)
    about = {"course": {"python": python}} if python else {}
    return nbformat.from_dict({"cells": plain, "metadata": about, "nbformat": 4, "nbformat_minor": 5})


def _plain_cell(cell: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a cell of any format as one of format 4, with nothing in it but what `repair` uses."""
    kind, source = cell.get("cell_type"), cell.get("source")
    if source is None and kind == "code":
        source = cell.get("input")  # before format 4
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = plain_lines(writable(source)) if isinstance(source, str) else ""
    if kind == "heading":  # before format 4
        level = cell.get("level")
        kind, source = "markdown", f"{'#' * (level if level in range(1, 7) else 1)} {source}"
    marks = cell.get("metadata").get("nbgrader") if isinstance(cell.get("metadata"), dict) else None
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    identity = cell.get("id")
    plain: dict[str, Any] = {
        "cell_type": kind if kind in ("code", "markdown") else "raw",
        "source": source,
        "metadata": {"nbgrader": {"grade_id": writable(name)}} if isinstance(name, str) else {},
        "id": identity if isinstance(identity, str) and _IDENTITY.fullmatch(identity) else f"unnamed-{number}",
    }
    if kind == "code":
        plain |= {"outputs": [], "execution_count": None}
    if kind == "markdown" and (pictures := _pictures(cell.get("attachments"))):
        plain["attachments"] = pictures
    return plain


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """Return the pictures pasted into a text, as far as they are nothing else."""
    pictures: dict[str, dict[str, str]] = {}
    size = 0
    for name, forms in attachments.items() if isinstance(attachments, dict) else ():
        for form in ("image/png", "image/jpeg"):
            data = forms.get(form) if isinstance(forms, dict) else None
            data = "".join(data.split()) if isinstance(data, str) else ""
            size += len(data)
            if data and size <= LARGEST_PICTURES and BASE64.fullmatch(data) and len(name) < 200:
                pictures[writable(name)] = {form: data}
    return pictures


# What nbformat allows.
_IDENTITY = re.compile(r"[a-zA-Z0-9-_]{1,64}")
