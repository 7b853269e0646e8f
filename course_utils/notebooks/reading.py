"""Reading a notebook that nobody has to trust: what is graded of it, in nbformat's form of today."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from course_utils.errors import CourseError
from course_utils.notebooks.files import NotebookError, foreign_language, load_notebook
from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.pictures import Room, take_pictures
from course_utils.notebooks.texts import plain_lines, writable
from course_utils.notebooks.versions import python_of

__all__ = ["UnreadableNotebook", "read_notebook"]

# A notebook with a flood in its outputs is still read; what is larger than `limits.FileLimits` says is no notebook.
LARGEST_NOTEBOOK = 2_000_000


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
    try:
        content, _, _ = load_notebook(data, limits)
    except NotebookError as error:
        raise UnreadableNotebook(f"it {error}") from None
    return notebook_from(content, limits)


def notebook_from(content: Any, limits: FileLimits | None = None) -> NotebookNode:
    """Return a notebook in format 4 from what a file held; raise `UnreadableNotebook` if it is none.

    Only what is graded is taken: types, sources and names of cells, and pictures pasted into texts.
    """
    if not isinstance(content, dict) or type(content.get("nbformat", 4)) is not int:
        raise UnreadableNotebook("it is JSON, but no notebook")
    cells = content.get("cells")
    if content.get("nbformat", 4) < 4:
        sheets = content.get("worksheets")
        parts = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
        cells = [cell for part in parts if isinstance(part, list) for cell in part] if parts else cells
    if not isinstance(cells, list):
        raise UnreadableNotebook("it has no cells")
    limits = limits or FileLimits()
    if len(cells) > limits.cells:
        raise UnreadableNotebook(f"it has {len(cells)} cells; at most {limits.cells} are read")
    room = Room(limits)
    plain = [_plain_cell(cell, number, room) for number, cell in enumerate(cells) if isinstance(cell, dict)]
    theirs = [
        cell["source"] for cell in plain if cell["cell_type"] == "code" and not cell["metadata"].pop("locked", False)
    ]
    if language := foreign_language(content, theirs):
        raise UnreadableNotebook(f"it is written in {language}, not in Python")
    python = python_of(content.get("metadata"))
    about = {"course": {"python": python}} if python else {}
    return nbformat.from_dict({"cells": plain, "metadata": about, "nbformat": 4, "nbformat_minor": 5})


def _plain_cell(cell: dict[str, Any], number: int, room: Room) -> dict[str, Any]:
    """Return a cell of any format as one of format 4, with nothing in it but what `repair` uses."""
    kind, source = cell.get("cell_type"), cell.get("source")
    if source is None and kind == "code":
        source = cell.get("input")  # before format 4
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    written = source
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
        if isinstance(marks, dict) and marks.get("locked"):
            plain["metadata"]["locked"] = True
            plain["metadata"]["helps"] = not (marks.get("grade") or marks.get("solution"))
    if isinstance(name, str) and isinstance(written, str) and is_as_given(kind, plain_lines(written), marks):
        plain["metadata"]["given"] = True
    if kind == "markdown":
        plain["source"], pictures = take_pictures(source, cell.get("attachments"), room)
        if pictures:
            plain["attachments"] = pictures
    return plain


def is_as_given(kind: Any, source: str, marks: dict[str, Any]) -> bool:
    """Whether a cell is as the release gave it out: nbgrader noted its checksum in the cell when it was released.

    The course may have been edited since then; a student who left the cell alone has changed nothing.

    Parameters
    ----------
    kind : str
        Type of the cell.
    source : str
    marks : dict
        nbgrader's metadata in the cell. A student may have written them: what comes of a forged checksum is that a
        change isn't told, and the course's own cell is used all the same.
    """
    noted, points = marks.get("checksum"), marks.get("points")
    if not isinstance(noted, str) or not isinstance(kind, str):
        return False
    grade, solution = bool(marks.get("grade")), bool(marks.get("solution"))
    locked = not solution and (grade or bool(marks.get("locked")))
    parts = [source, kind, str(grade), str(solution), str(locked), str(marks.get("grade_id"))]
    if grade:
        if isinstance(points, bool) or not isinstance(points, (int, float)):
            return False
        try:
            parts.append(str(float(points)))
        except OverflowError:
            return False
    found = hashlib.md5("".join(parts).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return found == noted


# What nbformat allows.
_IDENTITY = re.compile(r"[a-zA-Z0-9-_]{1,64}")
