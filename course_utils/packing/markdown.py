"""From the Markdown of notebooks, with its formulas, to Typst."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course_utils.packing.pieces import PdfError, PdfResult, Piece, clean, raw, wrap

_MARKER = "COURSE-CELL-BOUNDARY"
_ENVIRONMENTS = r"(?:align|equation|gather|multline|eqnarray|alignat|flalign)\*?"
_READER = "ipynb+tex_math_single_backslash-auto_identifiers-citations"


def convert_markdown(pieces: list[Piece], root: Path, folder: Path | None, pypandoc: Any, result: PdfResult) -> None:
    """Turn all markdown into typst with one call of pandoc, cell by cell: an open fence ends with its cell."""
    waiting = [piece for piece in pieces if piece.markdown is not None]
    if not waiting:
        return
    macros = _macros(waiting)
    cells = []
    for piece in waiting:
        text = _for_pandoc(piece.markdown, pypandoc, macros)
        cell = {"cell_type": "markdown", "metadata": {}, "source": text}
        if isinstance(piece.attachments, Mapping) and piece.attachments:
            cell["attachments"] = piece.attachments
        boundary = {"cell_type": "code", "metadata": {}, "source": _MARKER, "outputs": [], "execution_count": None}
        cells += [cell, boundary]
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    places = [str(p) for p in (folder, root) if p]
    (root / "all.ipynb").write_text(json.dumps(whole), encoding="utf-8")
    arguments = ["--wrap=none", f"--extract-media={root}/media", f"--resource-path={':'.join(places)}"]
    log, logger = _Warnings(), logging.getLogger("pypandoc")
    before = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate = [log], False
    logger.setLevel(logging.DEBUG)
    try:
        typst = pypandoc.convert_file(str(root / "all.ipynb"), "typst", format=_READER, extra_args=arguments)
    except RuntimeError as error:
        result.problems.append(f"pandoc could not read the text ({str(error).splitlines()[-1]}); shown as it is")
        for piece in waiting:
            piece.typst = f"#{raw(wrap(clean(piece.markdown)), '')}"
        return
    finally:
        logger.handlers, logger.propagate = before[:2]
        logger.setLevel(before[2])
    boundary = re.compile(r"#block\[\n```(?:python)?\n" + _MARKER + r"\n```\n\n\]\n?")
    parts = boundary.split(typst)
    if len(parts) != len(waiting) + 1:
        raise PdfError(f"pandoc returned {len(parts) - 1} of {len(waiting)} cells; is pypandoc_binary up to date?")
    for piece, part in zip(waiting, parts, strict=False):
        # Pictures were put into the media folder; typst wants paths below its root.
        piece.typst = part.replace(f"{root}/", "")
    result.problems += log.told()


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"

    def told(self) -> list[str]:
        found = re.findall(
            r"Could not convert TeX math (.*?), rendering as TeX|Could not fetch resource (\S+):", self.text, re.DOTALL
        )
        return [
            f"the formula {math[:80]} is shown as TeX" if math else f"the picture {name} is missing"
            for math, name in dict.fromkeys(found)
        ]


_ARGUMENT = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand\*?|DeclareMathOperator(\*?))\s*\{?\\([A-Za-z]+)\}?\s*(?:\[(\d)\])?\s*" + _ARGUMENT
)


def _macros(pieces: Sequence[Piece]) -> dict[str, tuple[int, str]]:
    """Return the macros that any cell defines: MathJax knows them in the whole notebook."""
    found = {}
    for piece in pieces:
        for match in _DEFINITION.finditer(piece.markdown):
            body = match[4]
            if match[0].startswith("\\DeclareMathOperator"):
                body = rf"\operatorname{match[1]}{{{body}}}"
            found[match[2]] = (int(match[3] or 0), body)
    return found


def _expand(text: str, macros: Mapping[str, tuple[int, str]]) -> str:
    """Replace macros by what they stand for; pandoc reads each cell alone and would not know them."""
    text = re.sub(rf"\$(?:\s*(?:{_DEFINITION.pattern}))+\s*\$", "", text)
    text = _DEFINITION.sub("", text)
    for _ in range(5):  # a macro may use another one
        before = text
        for name, (count, body) in macros.items():
            pattern = rf"\\{name}(?![A-Za-z])" + rf"\s*{_ARGUMENT}" * count

            def fill(match: re.Match, body: str = body) -> str:
                return "{" + re.sub(r"#(\d)", lambda m: match[int(m[1])], body) + "}"

            text = re.sub(pattern, fill, text)
        if text == before:
            break
    return text


def _for_pandoc(text: str, pypandoc: Any, macros: Mapping[str, tuple[int, str]]) -> str:
    """Rewrite what Jupyter shows but pandoc does not read."""
    text = clean(text)
    pieces = re.split(r"(^```.*?^```|^~~~.*?^~~~|`[^`\n]+`)", text, flags=re.DOTALL | re.MULTILINE)
    for i in range(0, len(pieces), 2):
        part = _expand(pieces[i], macros)
        part = re.sub(r"\\label\{[^}]*\}|\\nonumber\b|\\notag\b", "", part)
        part = re.sub(r"\\tag\*?\{([^}]*)\}", r"\\quad (\1)", part)
        part = re.sub(r"\\(?:bm|pmb)\b", r"\\boldsymbol", part)
        part = re.sub(r"\\mathbbm\b", r"\\mathbb", part)
        # A bare environment is shown as a formula; within dollars it already is one.
        part = re.sub(
            rf"(\$\$\s*)?\\begin\{{({_ENVIRONMENTS})\}}(.*?)\\end\{{\2\}}(\s*\$\$)?",
            _environment,
            part,
            flags=re.DOTALL,
        )
        part = re.sub(r"!\[([^\]]*)\]\((https?://[^)\s]+)[^)]*\)", r"[\1 (picture on the web)](\2)", part)
        part = re.sub(r"<img\b[^>]*>", _image_tag, part, flags=re.IGNORECASE)
        part = re.sub(r"<summary\b[^>]*>(.*?)</summary>", r"\n\n**\1**\n\n", part, flags=re.DOTALL | re.IGNORECASE)
        part = re.sub(r"<br\s*/?>", "  \n", part, flags=re.IGNORECASE)
        part = re.sub(r"<table\b.*?</table>", lambda m: _table(m[0], pypandoc), part, flags=re.DOTALL | re.IGNORECASE)
        part = _without_html(part)
        # Pandoc wants a blank line before a list or heading, Jupyter does not.
        part = re.sub(
            r"(?m)^(?!\s*(?:[-*+]|\d+[.)])\s|\s*$|\s*[|>])(.*\S.*)\n(?=\s{0,3}(?:[-*+]|1[.)])\s+\S)", r"\1\n\n", part
        )
        part = re.sub(r"(?m)^(?!#)(.*\S.*)\n(?=#{1,6} )", r"\1\n\n", part)
        pieces[i] = part
    return "".join(pieces)


def _without_html(text: str) -> str:
    """Replace tags by their meaning, or drop them: pandoc would drop what is inside them as well."""
    text = re.sub(r"<style\b.*?</style>|<script\b.*?</script>|<!--.*?-->", "", text, flags=re.DOTALL | re.IGNORECASE)
    for tag, mark in (("b|strong", "**"), ("i|em", "*"), ("code|kbd|tt", "`"), ("s|del", "~~")):
        text = re.sub(rf"<({tag})\b[^>]*>([^<]+)</\1>", rf"{mark}\2{mark}", text, flags=re.IGNORECASE)
    text = re.sub(
        r"</?(?:div|details|center|p|section|article|blockquote|hr)\b[^>]*>", "\n\n", text, flags=re.IGNORECASE
    )
    return re.sub(
        r"</?(?:span|font|small|big|u|b|i|strong|em|a|mark|code|ul|ol|li)\b[^>]*>", "", text, flags=re.IGNORECASE
    )


def _environment(match: re.Match) -> str:
    name, body = match[2].rstrip("*"), match[3]
    if name in ("equation", "multline"):
        return (
            f"\n\n$$\\begin{{aligned}}{body}\\end{{aligned}}$$\n\n" if "\\\\" in body else f"\n\n$${body.strip()}$$\n\n"
        )
    if name == "alignat":
        body = re.sub(r"^\{\d+\}", "", body.lstrip())
    inner = "gathered" if name == "gather" else "aligned"
    # A blank line would end the formula.
    body = re.sub(r"\n\s*\n", "\n", body)
    return f"\n\n$$\\begin{{{inner}}}{body}\\end{{{inner}}}$$\n\n"


def _image_tag(match: re.Match) -> str:
    facts = dict(re.findall(r"""(\w+)\s*=\s*["']([^"']*)["']""", match[0]))
    name, alt = facts.get("src", ""), facts.get("alt", "")
    if name.startswith(("http://", "https://")):
        return f"[{alt or 'picture'} (picture on the web)]({name})"
    return f"![{alt}](<{name}>)" if name else alt


def _table(text: str, pypandoc: Any) -> str:
    made = pypandoc.convert_text(
        text, "markdown-simple_tables-multiline_tables-grid_tables+pipe_tables-raw_html-native_divs-native_spans",
        format="html", extra_args=["--wrap=none", "--columns=10000"],
    )  # fmt: skip
    return f"\n\n{made}\n\n"
