"""Pictures as the PDF holds them: of a kind that typst reads, upright, and no larger than a page can show."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.pictures import Room, kind_of, pixels_of, take_pictures

__all__ = ["Album", "PictureLeftOut"]

# Pixels: what is put into the PDF as it is, what is made smaller (a JPEG can be read at an eighth), and the new size.
_AS_IT_IS = 4_000_000
_MOST = {"image/jpeg": 120_000_000}
_MOST_OTHERS = 60_000_000
_SIDE = 1600
_SUFFIX = {"image/png": "png", "image/jpeg": "jpg"}
# Bytes: what a student packs is the student's own, so that only the time counts.
_LIMITS = FileLimits(picture=64 << 20, pictures=1 << 30)


class PictureLeftOut(ValueError):
    """A picture that the PDF can't show; the text says why."""


class Album:
    """The pictures of one PDF, in the folder `pictures` below its root.

    Parameters
    ----------
    root : pathlib.Path
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / "pictures"
        self.folder.mkdir()
        self._count = 0
        self.left_out: set[str] = set()

    def add(self, data: bytes) -> tuple[str, int, int]:
        """Keep a picture; return its path below the root, and the width and height that it came with.

        Raises
        ------
        PictureLeftOut
        """
        made, suffix = prepared(data)
        # A phone that was held upright says so beside the pixels.
        width, height = _upright(data)
        return self.write(made, suffix), width, height

    def write(self, data: bytes, suffix: str) -> str:
        """Keep a file as it is; return its path below the root."""
        self._count += 1
        path = self.folder / f"{self._count:04d}.{suffix}"
        path.write_bytes(data)
        return f"pictures/{path.name}"

    def take_from(self, text: str, attachments: Any) -> tuple[str, list[str]]:
        """Return a text whose pasted and attached pictures are files of the album, and what could not be shown.

        Parameters
        ----------
        text : str
            Markdown.
        attachments : as the cell has them
        """
        problems = []
        drawings = _drawings(attachments)
        text, found = take_pictures(text, attachments, Room(_LIMITS))
        for name, forms in found.items():
            if name in drawings:
                path = self.write(drawings[name].encode("utf-8", "replace"), "svg")
            elif "text/plain" in forms:
                problems.append(f"the picture {name} is left out: {forms['text/plain']}")
                self.left_out.add(name)
                continue
            else:
                try:
                    path, *_ = self.add(base64.b64decode(next(iter(forms.values()))))
                except PictureLeftOut as reason:
                    problems.append(f"the picture {name} is left out: {reason}")
                    self.left_out.add(name)
                    continue
            for written in {name, quote(name)}:
                # `a.png` is no part of `a.png2`.
                text = re.sub(rf"attachment:{re.escape(written)}(?![\w.])", path, text)
        return text, problems


def _drawings(attachments: Any) -> dict[str, str]:
    """Return the attached drawings in SVG, which have no other form."""
    found = {}
    for name, forms in attachments.items() if isinstance(attachments, Mapping) else ():
        if isinstance(forms, Mapping) and set(forms) == {"image/svg+xml"}:
            data = forms["image/svg+xml"]
            data = "".join(map(str, data)) if isinstance(data, list) else str(data)
            if not data.lstrip().startswith("<"):
                try:
                    data = base64.b64decode(data, validate=False).decode("utf-8", "replace")
                except (binascii.Error, ValueError):
                    continue
            found[str(name)] = data
    return found


def prepared(data: bytes) -> tuple[bytes, str]:
    """Return a picture as the PDF takes it, and the suffix of its kind.

    Raises
    ------
    PictureLeftOut
        If it is damaged, of no known kind, or larger than a computer should have to open.
    """
    kind = kind_of(data)
    if not kind:
        raise PictureLeftOut("its data is no PNG, JPEG, GIF or WebP")
    width, height = pixels_of(data)
    most = _MOST.get(kind, _MOST_OTHERS)
    if width * height > most:
        raise PictureLeftOut(f"it has {width:,} x {height:,} pixels; at most {most:,} are shown")
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, at half of what is refused above
            with Image.open(io.BytesIO(data)) as picture:
                turned = picture.getexif().get(0x0112, 1) != 1
                if kind in _SUFFIX and width * height <= _AS_IT_IS and not turned:
                    picture.load()
                    return data, _SUFFIX[kind]
                picture.draft("RGB", (_SIDE, _SIDE))
                upright = ImageOps.exif_transpose(picture)
                upright.thumbnail((_SIDE, _SIDE))
                made, suffix = io.BytesIO(), _SUFFIX.get(kind, "png")
                if suffix == "jpg":
                    upright.convert("RGB").save(made, "JPEG", quality=85)
                else:
                    upright.convert("RGBA").save(made, "PNG")
                return made.getvalue(), suffix
    except Exception as error:  # whatever a library raises at a damaged picture
        raise PictureLeftOut(f"it can't be read ({type(error).__name__})") from error


def _upright(data: bytes) -> tuple[int, int]:
    from PIL import Image

    width, height = pixels_of(data)
    with Image.open(io.BytesIO(data)) as picture:
        turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def mend_files(folder: Path) -> list[str]:
    """Make the pictures of a folder fit for the PDF; return what became of those that are not.

    Parameters
    ----------
    folder : pathlib.Path
        Changed in place: a picture that can't be shown is replaced by a white one.
    """
    problems = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if not path.is_file() or path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".gif", ".webp"):
            continue
        data = path.read_bytes()
        try:
            made, suffix = prepared(data)
            if made is not data and suffix == {".jpeg": "jpg"}.get(path.suffix.lower(), path.suffix.lower()[1:]):
                path.write_bytes(made)
        except PictureLeftOut as reason:
            from PIL import Image

            blank = Image.new("RGB", (1, 1), "white")
            blank.save(path, {".jpg": "JPEG", ".jpeg": "JPEG"}.get(path.suffix.lower(), path.suffix[1:].upper()))
            problems.append(f"a picture is left out: {reason}")
    return problems
