"""Notebooks as one PDF, through pandoc's typst writer and typst: seconds, no TeX, no browser."""

from __future__ import annotations

import base64
import binascii
import html
import io
import json
import logging
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.olat.manifest import Member
from course_utils.olat.notebooks import source

__all__ = ["PdfResult", "TitleBlock", "notebooks_to_pdf"]

_COLUMNS = 106  # of the code font on the width of the text
_MAX_OUTPUT_LINES = 60
_MAX_OUTPUT_CHARACTERS = 12_000
_MAX_HTML = 200_000
_TEXT_WIDTH, _MAX_IMAGE_HEIGHT = 470.0, 430.0  # points
_MARKER = "COURSE-CELL-BOUNDARY"
_ENVIRONMENTS = r"(?:align|equation|gather|multline|eqnarray|alignat|flalign)\*?"
_READER = "ipynb+tex_math_single_backslash-auto_identifiers-citations"


class PdfError(CourseError, RuntimeError):
    """The PDF could not be made; the text says why."""


@dataclass(frozen=True)
class TitleBlock:
    """What stands on top of the first page.

    Parameters
    ----------
    course, assignment, group : str
        `group` may be empty.
    members : sequence of Member
    date : str
    """

    course: str
    assignment: str
    group: str
    members: Sequence[Member]
    date: str = ""


@dataclass
class PdfResult:
    """Where the PDF is and what could not be set as it stands in the notebooks."""

    path: Path
    problems: list[str] = field(default_factory=list)


@dataclass
class _Piece:
    """One part of the document: typst text, or markdown that pandoc still has to turn into it."""

    where: str
    typst: str = ""
    markdown: str | None = None
    attachments: Mapping[str, Any] = field(default_factory=dict)


def notebooks_to_pdf(
    notebooks: Sequence[tuple[str, Mapping[str, Any]]],
    title: TitleBlock,
    output: Path,
    folder: Path | None = None,
    *,
    language: str = "en",
) -> PdfResult:
    """Set notebooks, outputs included, as one PDF.

    Nothing a notebook may contain keeps the PDF from being made: what cannot be set is shown as plain text, and
    told in the result.

    Parameters
    ----------
    notebooks : sequence of (str, dict)
        Name and content (format 4) of each.
    title : TitleBlock
    output : pathlib.Path
        The PDF.
    folder : pathlib.Path, optional
        Where pictures that the text points to are looked for.
    language : {"en", "de"}
        Language of the title block and of hyphenation.

    Returns
    -------
    PdfResult

    Raises
    ------
    PdfError
        If pandoc or typst is missing.
    """
    result = PdfResult(Path(output))
    pages = _compile(notebooks, title, folder, language, result, format="pdf")
    Path(output).write_bytes(pages[0])
    return result


def notebooks_to_pages(
    notebooks: Sequence[tuple[str, Mapping[str, Any]]],
    title: TitleBlock,
    folder: Path | None = None,
    *,
    language: str = "en",
    pixels_per_inch: float = 72.0,
) -> list[bytes]:
    """Return the pages of the PDF as PNG pictures, for looking at them.

    Parameters
    ----------
    notebooks, title, folder, language
        See `notebooks_to_pdf`.
    pixels_per_inch : float

    Returns
    -------
    list of bytes
    """
    return _compile(notebooks, title, folder, language, PdfResult(Path()), format="png", ppi=pixels_per_inch)


def tools_missing() -> str:
    """Return what a PDF needs that is not installed, with how to get it; empty if all is there."""
    try:
        import pypandoc
        import typst  # noqa: F401

        pypandoc.get_pandoc_path()
    except (ImportError, OSError):  # pypandoc may be there without the program
        return "A PDF needs typst and pandoc, which are not installed here: `pip install typst pypandoc_binary`."
    return ""


def _compile(
    notebooks: Sequence[tuple[str, Mapping[str, Any]]],
    title: TitleBlock,
    folder: Path | None,
    language: str,
    result: PdfResult,
    **options: Any,
) -> list[bytes]:
    """Set the document and return its files: one PDF, or a picture of each page."""
    if missing := tools_missing():
        raise PdfError(missing)
    import pypandoc
    import typst

    with tempfile.TemporaryDirectory(prefix="course-pdf-") as place:
        root = Path(place)
        (root / "pictures").mkdir()
        pieces: list[_Piece] = []
        for number, (name, notebook) in enumerate(notebooks):
            pieces.append(_Piece(name, _notebook_heading(name, first=number == 0)))
            pieces += _pieces(name, notebook, root, result)
        _convert_markdown(pieces, root, folder, pypandoc, result)
        head = _PREAMBLE.replace("LANGUAGE", json.dumps(language)).replace("FOOTER", _string(_footer(title, language)))
        head += _title(title, [name for name, _ in notebooks], language)
        main = root / "main.typ"

        def whole() -> list[bytes]:
            main.write_text(head + "\n".join(piece.typst for piece in pieces), encoding="utf-8")
            made = typst.compile(str(main), root=place, **options)
            return made if isinstance(made, list) else [made]

        try:
            return whole()
        except typst.TypstError:
            _show_refused_as_text(head, pieces, main.with_name("alone.typ"), typst, result)
            return whole()


def _show_refused_as_text(head: str, pieces: list[_Piece], path: Path, typst: Any, result: PdfResult) -> None:
    """Show the cells that typst refuses as plain text."""
    for piece in pieces:
        path.write_text(head + piece.typst, encoding="utf-8")
        try:
            typst.compile(str(path), root=str(path.parent))
        except typst.TypstError as error:
            result.problems.append(f"{piece.where}: shown as plain text ({str(error).splitlines()[0]})")
            text = piece.markdown if piece.markdown is not None else "[it can't be shown]"
            piece.typst = f"#{_raw(_wrap(_clean(text)), '')}"


def _pieces(name: str, notebook: Mapping[str, Any], root: Path, result: PdfResult) -> list[_Piece]:
    pieces = []
    for number, cell in enumerate(notebook["cells"], start=1):
        where = f"{name}, cell {number}"
        text = source(cell)
        if not text.strip():
            continue
        if cell.get("cell_type") in ("markdown", "heading"):
            pieces.append(_Piece(where, markdown=text, attachments=cell.get("attachments") or {}))
        elif cell.get("cell_type") == "code":
            pieces.append(_Piece(where, f"#code-cell({_raw(_wrap(_clean(text)), 'python')})"))
            pieces += _outputs(where, cell.get("outputs") or [], root, result)
        else:
            pieces.append(_Piece(where, f"#code-cell({_raw(_wrap(_clean(text)), '')})"))
    return pieces


def _outputs(where: str, outputs: Sequence[Any], root: Path, result: PdfResult) -> list[_Piece]:
    pieces: list[_Piece] = []
    stream = ""

    def flush() -> None:
        nonlocal stream
        if stream.strip():
            pieces.append(_Piece(where, f"#output({_raw(_wrap(_shorten(_terminal(stream))), '')})"))
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
            pieces.append(_Piece(where, f"#failure({_raw(_wrap(_shorten(_terminal(trace))), '')})"))
        else:
            pieces.append(_display(where, output.get("data") or {}, output.get("metadata") or {}, root, result))
    flush()
    return [piece for piece in pieces if piece.typst or piece.markdown]


def _display(where: str, data: Mapping[str, Any], metadata: Mapping[str, Any], root: Path, result: PdfResult) -> _Piece:
    for kind, suffix in (("image/png", "png"), ("image/jpeg", "jpg"), ("image/svg+xml", "svg")):
        if kind in data:
            try:
                shown = metadata.get(kind) if isinstance(metadata.get(kind), Mapping) else {}
                return _Piece(where, _picture(_joined(data[kind]), suffix, root, shown.get("width")))
            except (binascii.Error, OSError, ValueError) as error:
                result.problems.append(f"{where}: a picture can't be shown ({error})")
                return _Piece(where, f"#output({_raw('[a picture that cannot be shown]', '')})")
    if "text/latex" in data or "text/markdown" in data:
        return _Piece(where, markdown=_joined(data.get("text/latex", data.get("text/markdown"))))
    page = _joined(data.get("text/html"))
    if "<table" in page and len(page) <= _MAX_HTML:
        return _Piece(where, markdown=_bare_table(page))
    plain = _joined(data.get("text/plain"))
    if "application/vnd.jupyter.widget-view+json" in data:
        plain = "[an interactive element; it is in the notebook]"
    if not plain and page:
        plain = html.unescape(re.sub(r"<[^>]+>", " ", page))
    return _Piece(where, f"#output({_raw(_wrap(_shorten(_terminal(plain))), '')})" if plain.strip() else "")


def _bare_table(page: str) -> str:
    """Return the tables of a page without what only a browser needs."""
    page = re.sub(r"<style\b.*?</style>|<script\b.*?</script>|<!--.*?-->", "", page, flags=re.DOTALL | re.IGNORECASE)
    tables = re.findall(r"<table\b.*?</table>", page, flags=re.DOTALL | re.IGNORECASE)
    return "\n\n".join(tables)


def _picture(content: str, suffix: str, root: Path, shown_width: Any = None) -> str:
    number = len(list((root / "pictures").iterdir()))
    path = root / "pictures" / f"{number:04d}.{suffix}"
    if suffix == "svg":
        path.write_text(content, encoding="utf-8")
        size = re.search(r"<svg\b[^>]*?\swidth=[\"']([\d.]+)(pt|px)?[\"']", content)
        points = float(size[1]) * (1 if size[2] == "pt" else 0.75) if size else 0.7 * _TEXT_WIDTH
        return f"#picture({json.dumps(f'pictures/{path.name}')}, {min(max(points, 1), _TEXT_WIDTH):.1f}pt)"
    raw = base64.b64decode("".join(content.split()), validate=True)
    from PIL import Image

    with Image.open(io.BytesIO(raw)) as picture:
        width, height = picture.size
    path.write_bytes(raw)
    # Jupyter shows a pixel as a pixel, of which a screen has about 96 per inch.
    # A figure for a sharp screen has more pixels than it is wide.
    screen = 0.75
    if isinstance(shown_width, (int, float)) and 0 < shown_width < width:
        screen *= shown_width / width
    scale = min(screen, _TEXT_WIDTH / width, _MAX_IMAGE_HEIGHT / height)
    return f"#picture({json.dumps(f'pictures/{path.name}')}, {max(width * scale, 1):.1f}pt)"


def _convert_markdown(pieces: list[_Piece], root: Path, folder: Path | None, pypandoc: Any, result: PdfResult) -> None:
    """Turn all markdown into typst with one call of pandoc, cell by cell: an open fence ends with its cell."""
    waiting = [piece for piece in pieces if piece.markdown is not None]
    if not waiting:
        return
    macros = _macros(waiting)
    cells = []
    for piece in waiting:
        text = _prepare(piece.markdown, pypandoc, macros)
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
            piece.typst = f"#{_raw(_wrap(_clean(piece.markdown)), '')}"
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


def _macros(pieces: Sequence[_Piece]) -> dict[str, tuple[int, str]]:
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


def _prepare(text: str, pypandoc: Any, macros: Mapping[str, tuple[int, str]]) -> str:
    """Rewrite what Jupyter shows but pandoc does not read."""
    text = _clean(text)
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


def _clean(text: str) -> str:
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
    return _clean("\n".join(lines).rstrip())


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


def _wrap(text: str) -> str:
    """Break lines that are wider than the page; what continues a line starts with an arrow."""
    lines = []
    for line in text.split("\n"):
        indent = min(len(line) - len(line.lstrip()), _COLUMNS // 2)
        rest, first = line, True
        while len(rest) + (0 if first else indent + 4) > _COLUMNS:
            room = _COLUMNS - (0 if first else indent + 4)
            # After a blank or a comma, if there is one in the right half.
            cut = max(rest.rfind(" ", room // 2, room), rest.rfind(",", room // 2, room)) + 1 or room
            lines.append(rest[:cut] if first else " " * (indent + 2) + "↪ " + rest[:cut])
            rest, first = rest[cut:], False
        lines.append(rest if first else " " * (indent + 2) + "↪ " + rest)
    return "\n".join(lines)


def _raw(text: str, language: str) -> str:
    return f"raw(block: true, lang: {json.dumps(language) if language else 'none'}, {_string(text)})"


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _joined(text: Any) -> str:
    if isinstance(text, (list, tuple)):
        return "".join(map(str, text))
    return "" if text is None else str(text)


def _notebook_heading(name: str, *, first: bool) -> str:
    return f"#notebook-start({_string(name)}, {'true' if first else 'false'})"


def _footer(title: TitleBlock, language: str) -> str:
    group = f"{'Gruppe' if language == 'de' else 'Group'} {title.group}" if title.group else ""
    names = ", ".join(member.name for member in title.members)
    return " · ".join(filter(None, (title.assignment, group, names if len(names) < 70 else "")))


def _title(title: TitleBlock, notebooks: Sequence[str], language: str) -> str:
    german = language == "de"
    words = (
        ("Gruppe", "Name", "Matrikelnummer", "Notebooks")
        if german
        else ("Group", "Name", "Matriculation number", "Notebooks")
    )
    rows = ", ".join(f"text({_string(m.name)}), text({_string(m.matriculation_number)})" for m in title.members)
    group = f"#text(size: 12pt)[#{_string(words[0] + ' ' + title.group)}]\n" if title.group else ""
    return f"""
#align(center)[
  #text(size: 11pt, fill: luma(90))[#{_string(title.course)}]
  #v(-4pt)
  #text(size: 20pt, weight: "bold")[#{_string(title.assignment)}]
  #v(-4pt)
  {group}
  #table(columns: 2, align: (left, left), stroke: 0.5pt + luma(180), inset: 5pt,
    table.header(strong[#{_string(words[1])}], strong[#{_string(words[2])}]), {rows})
  #text(size: 9pt, fill: luma(90))[#{_string(title.date)} #h(1em) #{_string(words[3] + ": " + ", ".join(notebooks))}]
]
"""


_PREAMBLE = r"""
#set page(paper: "a4", margin: (x: 2cm, top: 2cm, bottom: 2.2cm), footer: context [
  #set text(size: 8pt, fill: luma(90))
  #FOOTER #h(1fr) #counter(page).display("1 / 1", both: true)
])
#set text(lang: LANGUAGE, size: 10.5pt, font: ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"))
#set par(justify: false, leading: 0.6em)
#set table(stroke: 0.5pt + luma(180), inset: 4pt)
#set math.equation(numbering: none)
#show raw: set text(font: "DejaVu Sans Mono", size: 7.2pt)
#show raw.where(block: true): set par(leading: 0.5em)
#show heading: set block(above: 1.2em, below: 0.7em)
#show figure: set block(breakable: true)
#show link: set text(fill: rgb("#0072B2"))
#show math.equation.where(block: true): set block(breakable: true)
#let horizontalrule = line(length: 100%, stroke: 0.5pt + luma(180))
#let code-cell(body) = block(width: 100%, fill: luma(246), stroke: (left: 2pt + rgb("#0072B2")), inset: 6pt, body)
#let output(body) = block(width: 100%, inset: (left: 8pt, y: 2pt), body)
#let failure(body) = block(width: 100%, fill: rgb("#fdeee6"), stroke: (left: 2pt + rgb("#D55E00")), inset: 6pt, body)
#let picture(path, width) = block(inset: (left: 8pt), image(path, width: width))
#let notebook-start(name, first) = {
  if not first { pagebreak(weak: true) }
  block(width: 100%, above: 1.5em, below: 1em, stroke: (bottom: 1pt + luma(120)), inset: (bottom: 4pt),
    text(size: 9pt, fill: luma(90), raw(name + ".ipynb")))
}
"""
