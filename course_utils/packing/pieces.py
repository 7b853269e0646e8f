"""The pieces of a notebook as they are set in the PDF: prose, code, outputs, pictures."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks.recognising import source
from course_utils.packing.pictures import Album

__all__ = ["PdfResult"]

_COLUMNS = 106  # of the code font on the width of the text
_MAX_OUTPUT_LINES = 60
_MAX_OUTPUT_CHARACTERS = 12_000
_MAX_HTML = 200_000
_MAX_TEXT = 60_000
_MAX_COLOURED = 20_000
_TEXT_WIDTH, _MAX_IMAGE_HEIGHT = 470.0, 430.0  # points


class PdfError(CourseError, RuntimeError):
    """The PDF could not be made; the text says why."""


@dataclass
class PdfResult:
    """Where the PDF is and what could not be set as it stands in the notebooks."""

    path: Path
    problems: list[str] = field(default_factory=list)


@dataclass
class Piece:
    """One part of the document: typst text, or markdown that pandoc still has to turn into it."""

    where: str
    typst: str = ""
    markdown: str | None = None
    attachments: Mapping[str, Any] = field(default_factory=dict)


def pieces_of(name: str, notebook: Mapping[str, Any], album: Album, result: PdfResult) -> list[Piece]:
    pieces = []
    for number, cell in enumerate(notebook["cells"], start=1):
        where = f"{name}, cell {number}"
        text = source(cell)
        if not text.strip():
            pieces += _outputs(where, cell.get("outputs") or [], album, result)
        elif cell.get("cell_type") in ("markdown", "heading"):
            pieces.append(Piece(where, markdown=text, attachments=cell.get("attachments") or {}))
        elif cell.get("cell_type") == "code":
            pieces.append(Piece(where, f"#code-cell({raw(wrap(_cut(clean(text))), _colours(text))})"))
            pieces += _outputs(where, cell.get("outputs") or [], album, result)
        else:
            pieces.append(Piece(where, f"#code-cell({raw(wrap(_cut(clean(text))), '')})"))
    return pieces


def _colours(text: str) -> str:
    """Return the language in whose colours code is set: none for what takes too long."""
    return "python" if len(text) <= _MAX_COLOURED else ""


def _outputs(where: str, outputs: Sequence[Any], album: Album, result: PdfResult) -> list[Piece]:
    pieces: list[Piece] = []
    stream = ""

    def flush() -> None:
        nonlocal stream
        if stream.strip():
            pieces.append(Piece(where, f"#output({raw(wrap(_shorten(_terminal(stream))), '')})"))
        stream = ""

    for output in outputs:
        if not isinstance(output, Mapping):
            continue
        if output.get("output_type") == "stream":
            stream += _joined(output.get("text"))
            continue
        flush()
        if output.get("output_type") == "error":
            trace = "\n".join(map(str, output.get("traceback") or [])) or str(output.get("evalue", ""))
            pieces.append(Piece(where, f"#failure({raw(wrap(_shorten(_terminal(trace))), '')})"))
        else:
            pieces.append(_display(where, output.get("data") or {}, output.get("metadata") or {}, album, result))
    flush()
    return [piece for piece in pieces if piece.typst or piece.markdown]


def _display(
    where: str, data: Mapping[str, Any], metadata: Mapping[str, Any], album: Album, result: PdfResult
) -> Piece:
    for kind in ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"):
        if kind in data:
            try:
                shown = metadata.get(kind) if isinstance(metadata.get(kind), Mapping) else {}
                return Piece(where, _picture(_joined(data[kind]), kind, album, shown.get("width")))
            except (binascii.Error, OSError, ValueError) as error:
                result.problems.append(f"{where}: a picture can't be shown ({error})")
                return Piece(where, f"#output({raw('[a picture that cannot be shown]', '')})")
    if "text/latex" in data or "text/markdown" in data:
        return Piece(where, markdown=_joined(data.get("text/latex", data.get("text/markdown"))))
    page = _joined(data.get("text/html"))
    if "<table" in page and len(page) <= _MAX_HTML:
        return Piece(where, markdown=_bare_table(page))
    plain = _joined(data.get("text/plain"))
    if "application/vnd.jupyter.widget-view+json" in data:
        plain = "[an interactive element; it is in the notebook]"
    if not plain and page:
        plain = html.unescape(re.sub(r"<[^>]+>", " ", page))
    return Piece(where, f"#output({raw(wrap(_shorten(_terminal(plain))), '')})" if plain.strip() else "")


def _bare_table(page: str) -> str:
    """Return the tables of a page without what only a browser needs."""
    page = re.sub(r"<style\b.*?</style>|<script\b.*?</script>|<!--.*?-->", "", page, flags=re.DOTALL | re.IGNORECASE)
    tables = re.findall(r"<table\b.*?</table>", page, flags=re.DOTALL | re.IGNORECASE)
    return "\n\n".join(tables)


def _picture(content: str, kind: str, album: Album, shown_width: Any = None) -> str:
    if kind == "image/svg+xml":
        path = album.write(content.encode("utf-8", "replace"), "svg")
        size = re.search(r"<svg\b[^>]{0,2000}?\swidth=[\"']([\d.]{1,12})(pt|px)?[\"']", content)
        points = float(size[1]) * (1 if size[2] == "pt" else 0.75) if size else 0.7 * _TEXT_WIDTH
        return f"#picture({json.dumps(path)}, {min(max(points, 1), _TEXT_WIDTH):.1f}pt)"
    path, width, height = album.add(base64.b64decode("".join(content.split()), validate=True))
    # Jupyter shows a pixel as a pixel, of which a screen has about 96 per inch.
    # A figure for a sharp screen has more pixels than it is wide.
    screen = 0.75
    if isinstance(shown_width, (int, float)) and 0 < shown_width < width:
        screen *= shown_width / width
    scale = min(screen, _TEXT_WIDTH / max(width, 1), _MAX_IMAGE_HEIGHT / max(height, 1))
    return f"#picture({json.dumps(path)}, {max(width * scale, 1):.1f}pt)"


def as_plain_text(piece: Piece, reason: str, result: PdfResult) -> None:
    """Show a piece as it was typed, and tell why."""
    result.problems.append(f"{piece.where}: shown as plain text ({reason})")
    text = piece.markdown if piece.markdown is not None else "[it can't be shown]"
    piece.typst = f"#{raw(wrap(_cut(clean(text))), '')}"


def _cut(text: str) -> str:
    """Return a text as long as somebody may want to read it in print; the notebook has all of it."""
    if len(text) <= _MAX_TEXT:
        return text
    return f"{text[:_MAX_TEXT]}\n[{len(text) - _MAX_TEXT:,} more characters are in the notebook]"


def clean(text: str) -> str:
    """Drop control characters, and expand tabs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    return "".join(
        c for c in text if c == "\n" or (ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0 and not 0xD800 <= ord(c) < 0xE000)
    )


def _terminal(text: str) -> str:
    """Return what a terminal would show: no colours, and progress bars at their end."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07", "", text).replace("\r\n", "\n")
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(re.sub(r".\x08", "", shown))
    return clean("\n".join(lines).rstrip())


def _shorten(text: str) -> str:
    lines = text.split("\n")
    if len(lines) > _MAX_OUTPUT_LINES:
        left_out = len(lines) - _MAX_OUTPUT_LINES
        lines = [*lines[: _MAX_OUTPUT_LINES // 2], f"[{left_out} lines left out]", *lines[-_MAX_OUTPUT_LINES // 2 :]]
    text = "\n".join(lines)
    if len(text) > _MAX_OUTPUT_CHARACTERS:
        half = _MAX_OUTPUT_CHARACTERS // 2
        text = f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"
    return text


def wrap(text: str) -> str:
    """Break lines that are wider than the page; what continues a line starts with an arrow."""
    lines = []
    for line in text.split("\n"):
        indent = min(len(line) - len(line.lstrip()), _COLUMNS // 2)
        mark, at = "", 0
        while len(line) - at > (room := _COLUMNS - (indent + 4 if mark else 0)):
            # After a blank or a comma, if there is one in the right half.
            cut = max(line.rfind(sign, at + room // 2, at + room) for sign in " ,") + 1 or at + room
            lines.append(mark + line[at:cut])
            mark, at = " " * (indent + 2) + "↪ ", cut
        lines.append(mark + line[at:])
    return "\n".join(lines)


def raw(text: str, language: str) -> str:
    return f"raw(block: true, lang: {json.dumps(language) if language else 'none'}, {string(text)})"


def string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _joined(text: Any) -> str:
    if isinstance(text, (list, tuple)):
        return "".join(map(str, text))
    return "" if text is None else str(text)


def notebook_heading(name: str, *, first: bool) -> str:
    return f"#notebook-start({string(name)}, {'true' if first else 'false'})"
