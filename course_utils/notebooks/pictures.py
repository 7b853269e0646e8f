"""Pictures that stand in a text: pasted into it as data, attached to its cell, or files beside the notebook.

What a picture is says its content, never its name. Nothing is decoded here but its size.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from course_utils.notebooks.limits import FileLimits, amount
from course_utils.notebooks.texts import writable

__all__ = ["SUFFIXES", "Room", "kind_of", "lay_in_files", "pixels_of", "take_pictures"]

# A page with more would stop the browser of whoever opens it; photos of phones have 12 to 108 million.
MOST_PIXELS = 120_000_000
# Characters of a name, files beside a notebook that are looked at.
_LONGEST_NAME = 200
_MOST_FILES = 500
# Where base64 ends does the first other character say.
_PASTED = re.compile(r"data:image/[A-Za-z0-9.+-]{1,40}(?:;[A-Za-z0-9=_-]{1,40}){0,3};base64,([A-Za-z0-9+/]++={0,2})")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".heic", ".bmp", ".tif", ".tiff")


class Room:
    """What is left of the limits on pictures while one notebook is read."""

    def __init__(self, limits: FileLimits | None = None) -> None:
        self.limits = limits or FileLimits()
        self.left = self.limits.pictures

    def take(self, data: bytes) -> dict[str, str]:
        """Return a picture as an attachment holds it: in base64 by its kind, or why it is not shown."""
        kind = kind_of(data)
        if reason := self._why_not(data, kind):
            return {"text/plain": reason}
        self.left -= len(data)
        return {kind: base64.b64encode(data).decode()}

    def _why_not(self, data: bytes, kind: str) -> str:
        if not kind:
            return _what_else(data)
        if len(data) > self.limits.picture:
            return f"it has {amount(len(data))}; pictures of up to {amount(self.limits.picture)} are shown"
        if len(data) > self.left:
            return f"all pictures of a notebook together may have {amount(self.limits.pictures)}"
        width, height = pixels_of(data)
        if width * height > MOST_PIXELS:
            return f"it has {width:,} x {height:,} pixels; up to {MOST_PIXELS:,} are shown"
        return ""


def take_pictures(source: str, attachments: Any, room: Room) -> tuple[str, dict[str, dict[str, str]]]:
    """Return a text of which the pictures pasted into it are attachments, and all its attachments.

    Parameters
    ----------
    source : str
        Markdown.
    attachments : as the file has them
    room : Room

    Returns
    -------
    source : str
    attachments : dict of str to dict of str to str
        Pictures in base64 by their kind, or as ``text/plain`` the reason why one is not shown.
    """
    found: dict[str, dict[str, str]] = {}
    for name, forms in attachments.items() if isinstance(attachments, dict) else ():
        if isinstance(name, str) and len(name) < _LONGEST_NAME:
            found[writable(name)] = _attached(forms, room)

    numbers = itertools.count(1)

    def paste(match: re.Match[str]) -> str:
        name = next(name for number in numbers if (name := f"pasted-{number}") not in found)
        found[name] = _from_base64(match[1], room)
        return f"attachment:{name}"

    # Most texts hold none; those that do may hold megabytes.
    return (_PASTED.sub(paste, source) if ";base64," in source else source), found


def lay_in_files(cells: list[Any], folder: Path, limits: FileLimits | None = None) -> None:
    """Attach to texts the pictures of a folder that they name, under their path, so that pages can show them.

    Parameters
    ----------
    cells : list of NotebookNode
        Changed in place.
    folder : pathlib.Path
        Files of the submission; plain files only are read.
    limits : FileLimits, optional
    """
    texts = [cell for cell in cells if cell.cell_type == "markdown"]
    room = Room(limits)
    for name, path in _pictures_in(folder):
        for cell in texts:
            attachments = cell.get("attachments", {})
            if name not in attachments and (name in cell.source or quote(name) in cell.source):
                if path.stat().st_size <= room.limits.picture:
                    found = room.take(path.read_bytes())
                else:
                    found = {"text/plain": f"pictures of up to {amount(room.limits.picture)} are shown"}
                cell["attachments"] = attachments | {name: found}


def _pictures_in(folder: Path) -> Iterator[tuple[str, Path]]:
    left = _MOST_FILES
    for path in sorted(folder.rglob("*")):
        if left and path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink():
            left -= 1
            yield path.relative_to(folder).as_posix(), path


def _attached(forms: Any, room: Room) -> dict[str, str]:
    """Return the one form of an attachment that a page can show, or why there is none."""
    reason: dict[str, str] = {"text/plain": "it is no picture"}
    for form, data in forms.items() if isinstance(forms, Mapping) else ():
        data = "".join(data) if isinstance(data, list) and all(isinstance(d, str) for d in data) else data
        if not isinstance(data, str) or not str(form).startswith("image/"):
            continue
        found = _from_base64("".join(data.split()), room)
        if "text/plain" not in found:
            return found
        reason = found
    return reason


def _from_base64(data: str, room: Room) -> dict[str, str]:
    if data.startswith("<"):
        return {"text/plain": _what_else(data[:1000].encode("utf-8", "replace"))}
    if len(data) > room.limits.picture * 1.5:
        return {"text/plain": f"pictures of up to {amount(room.limits.picture)} are shown"}
    try:
        return room.take(base64.b64decode(data + "=" * (-len(data) % 4), validate=True))
    except (binascii.Error, ValueError):
        return {"text/plain": "its data is damaged"}


def kind_of(data: bytes) -> str:
    """Return the media type of a picture that browsers show and that holds nothing but pixels; else an empty text.

    Examples
    --------
    >>> kind_of(b"GIF89a..."), kind_of(b"<svg onload='x'>")
    ('image/gif', '')
    """
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def _what_else(data: bytes) -> str:
    start = data[:1000].lstrip().lower()
    if start.startswith((b"<svg", b"<?xml", b"<!doctype svg")):
        return "a drawing in SVG may hold more than a picture and is not shown here; PNG is"
    if start[4:8] == b"ftyp":
        return "a photo in HEIC or AVIF is not shown here; JPEG and PNG are"
    return "its data is no PNG, JPEG, GIF or WebP"


def pixels_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a picture by its header; 0 where that does not say it.

    Examples
    --------
    >>> pixels_of(b"GIF89a" + bytes([200, 0, 100, 0]))
    (200, 100)
    """
    kind = kind_of(data)
    if kind == "image/png":
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if kind == "image/gif":
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if kind == "image/webp":
        return _pixels_of_webp(data)
    return _pixels_of_jpeg(data) if kind else (0, 0)


def _pixels_of_webp(data: bytes) -> tuple[int, int]:
    form = data[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if form == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return 0, 0


def _pixels_of_jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(1000):  # segments before the picture itself
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if data[at : at + 1] != b"\xff" or len(data) < at + 9:
            break
        mark = data[at + 1]
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0
