"""Notebooks as one PDF, through pandoc's typst writer and typst: seconds, no TeX, no browser."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.notebooks.texts import writable
from course_utils.packing.fonts import told, without_glyph
from course_utils.packing.manifest import Member
from course_utils.packing.markdown import convert_markdown
from course_utils.packing.pictures import Album
from course_utils.packing.pieces import (
    PdfError,
    PdfResult,
    Piece,
    as_plain_text,
    notebook_heading,
    pieces_of,
    string,
)

__all__ = ["TitleBlock", "notebooks_to_pdf"]


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
        album = Album(root)
        pieces: list[Piece] = []
        for number, (name, notebook) in enumerate(notebooks):
            pieces.append(Piece(name, notebook_heading(name, first=number == 0)))
            pieces += pieces_of(name, notebook, album, result)
        convert_markdown(pieces, album, folder, pypandoc.get_pandoc_path(), result)
        head = _PREAMBLE.replace("LANGUAGE", json.dumps(language)).replace("FOOTER", string(_footer(title, language)))
        head += _title(title, [name for name, _ in notebooks], language)
        main = root / "main.typ"

        def whole() -> list[bytes]:
            main.write_bytes(writable(head + "\n".join(piece.typst for piece in pieces)).encode())
            made = typst.compile(str(main), root=place, **options)
            return made if isinstance(made, list) else [made]

        try:
            made = whole()
        except typst.TypstError:
            _show_refused_as_text(head, pieces, main.with_name("alone.typ"), typst, result)
            made = whole()
        if missing := without_glyph(main.read_text(encoding="utf-8"), root, typst):
            result.problems.append(told(missing))
        return made


def _show_refused_as_text(head: str, pieces: list[Piece], path: Path, typst: Any, result: PdfResult) -> None:
    """Show the cells that typst refuses as plain text; they are found by halves."""
    path.write_bytes(writable(head + "\n".join(piece.typst for piece in pieces)).encode())
    try:
        typst.compile(str(path), root=str(path.parent))
    except typst.TypstError as error:
        if len(pieces) == 1:
            as_plain_text(pieces[0], str(error).splitlines()[0], result)
            return
        half = len(pieces) // 2
        for some in (pieces[:half], pieces[half:]):
            _show_refused_as_text(head, some, path, typst, result)


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
    rows = ", ".join(f"text({string(m.name)}), text({string(m.matriculation_number)})" for m in title.members)
    group = f"#text(size: 12pt)[#{string(words[0] + ' ' + title.group)}]\n" if title.group else ""
    table = f"""#table(columns: 2, align: (left, left), stroke: 0.5pt + luma(180), inset: 5pt,
    table.header(strong[#{string(words[1])}], strong[#{string(words[2])}]), {rows})"""
    return f"""
#align(center)[
  #text(size: 11pt, fill: luma(90))[#{string(title.course)}]
  #v(-4pt)
  #text(size: 20pt, weight: "bold")[#{string(title.assignment)}]
  #v(-4pt)
  {group}
  {table if title.members else ""}
  #text(size: 9pt, fill: luma(90))[#{string(title.date)} #h(1em) #{string(words[3] + ": " + ", ".join(notebooks))}]
]
"""


_PREAMBLE = r"""
#set page(paper: "a4", margin: (x: 2cm, top: 2cm, bottom: 2.2cm), footer: context [
  #set text(size: 8pt, fill: luma(90), dir: ltr)
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
