"""Which characters of a PDF no font of this computer has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["told", "without_glyph"]

_MOST = 400  # characters that are tried; a text in Chinese has as many
# In the fonts that typst brings along.
_KNOWN = re.compile(r"[\x00-\u024f\u0370-\u03ff\u0400-\u045f\u2010-\u2027\u20ac]")
_NOBODY_HAS = "\U000f1234"
_SHOWN = 12
_PLACED = re.compile(r'<g transform="matrix\([^)]* (-?[\d.]+)\)"((?:/>)|>(.*?)</g>)', re.S)


def without_glyph(text: Iterable[str], root: Path, typst: Any) -> str:
    """Return the characters of a text for which there is no font, in the order of their numbers.

    Parameters
    ----------
    text : iterable of str
    root : pathlib.Path
        A folder to work in.
    typst : module
    """
    characters = sorted({c for c in text if not _KNOWN.match(c) and unicodedata.category(c)[0] in "LSNP"})[:_MOST]
    if not characters:
        return ""
    # Each on a line of its own: of what a line shows, only the box for what is missing is as in the first line.
    tried = enumerate([_NOBODY_HAS, *characters])
    lines = [f'#place(dy: {number * 20}pt, text("{character}"))' for number, character in tried]
    path = root / "characters.typ"
    path.write_text(
        f"#set page(width: 100pt, height: {len(lines) * 20 + 20}pt, margin: 10pt)\n"
        '#set text(size: 10pt, font: ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"), '
        'top-edge: "baseline", bottom-edge: "baseline")\n' + "\n".join(lines),
        encoding="utf-8",
    )
    page = typst.compile(str(path), root=str(root), format="svg")
    page = (page[0] if isinstance(page, list) else page).decode()
    shown: dict[int, str] = {}
    for place in _PLACED.finditer(page):
        row = round((float(place[1]) - 10) / 20)
        shown[row] = (
            shown.get(row, "")
            + " ".join(re.findall(r'href="(#[^"]{1,60})', place[3] or ""))
            + ("picture" if "<image" in (place[3] or "") else "")
        )
    box = shown.get(0, "")
    return "".join(c for number, c in enumerate(characters, start=1) if shown.get(number, "") in ("", box))


def told(missing: str) -> str:
    """Return the sentence about characters that can't be set."""
    some = " ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
    what = "1 character is" if len(missing) == 1 else f"{len(missing)} different characters are"
    return (
        f"{what} shown as boxes, because no font of this computer has them ({some}). The notebook holds them, and "
        "that is what is graded; with a font for them (Noto has all) pack again."
    )
