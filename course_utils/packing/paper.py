"""Answers on paper: photos and scanned pages in `answers/`, put into the notebook below their question."""

from __future__ import annotations

import base64
import copy
import difflib
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks.recognising import source
from course_utils.packing.findings import Finding
from course_utils.packing.pictures import PictureLeftOut, prepared
from course_utils.packing.team import TEAM_FILE, team_file

__all__ = ["FOLDER", "Paper", "find_paper", "with_paper"]

FOLDER = "answers"
_MOST_PAGES = 60
_PDF_DPI = 120
_PLACEHOLDER = re.compile(r"^YOUR ANSWER HERE[ \t]*$", re.MULTILINE)
_KINDS = {"jpg": "image/jpeg", "png": "image/png"}
_PAGES = re.compile(r"(?P<file>.+\.pdf)(?::(?P<pages>\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*))?", re.IGNORECASE)


@dataclass(frozen=True)
class Paper:
    """One picture of an answer.

    Parameters
    ----------
    notebook : str
    cell : int
        Position of the cell that a person reads.
    question : str
        As messages call it.
    name : str
        Of the file, with the page if it is one of several.
    data : bytes
        Upright, at most as large as a page can show.
    kind : str
        ``image/jpeg`` or ``image/png``.
    """

    notebook: str
    cell: int
    question: str
    name: str
    data: bytes
    kind: str


@dataclass(frozen=True)
class _Place:
    notebook: str
    cell: int
    question: str


def find_paper(folder: Path, notebooks: Mapping[str, Mapping[str, Any]]) -> tuple[list[Paper], list[Finding]]:
    """Read what lies in `answers/`, and what ``"pages"`` in team.json says of scanned documents.

    Parameters
    ----------
    folder : pathlib.Path
        With the notebooks.
    notebooks : mapping of str to dict
        Content by name.

    Returns
    -------
    papers : list of Paper
    findings : list of Finding
        What belongs to no question or can't be read, and what was put where.
    """
    places = _places(notebooks)
    papers: list[Paper] = []
    findings: list[Finding] = []
    for name, path, question, pages in _files(folder, findings):
        place = places.get(_plain(question))
        if place is None:
            findings.append(Finding(name, _unknown(question, places)))
            continue
        if place.cell < 0:
            text = f"is not read: question {place.question} is checked automatically, nobody looks at a picture of it"
            findings.append(Finding(name, text, False))
            continue
        try:
            pictures = _pictures(path, pages)
        except (PictureLeftOut, OSError, ValueError) as reason:
            findings.append(Finding(name, f"can't be shown: {reason}. Save it as JPEG, PNG or PDF"))
            continue
        for number, (data, suffix) in enumerate(pictures, 1):
            shown = f"{path.stem}-{number}.{suffix}" if len(pictures) > 1 else f"{path.stem}.{suffix}"
            papers.append(Paper(place.notebook, place.cell, place.question, shown, data, _KINDS[suffix]))
        many = f", {len(pictures)} pages" if len(pictures) > 1 else ""
        findings.append(Finding(name, f"is put below question {place.question} of {place.notebook}{many}", False))
    return papers, findings


def with_paper(name: str, notebook: Mapping[str, Any], papers: list[Paper]) -> dict[str, Any]:
    """Return a notebook with the pictures in the cells of their questions.

    Parameters
    ----------
    name : str
    notebook : dict
        Format 4.
    papers : list of Paper
        Those of other notebooks are left out.
    """
    notebook = copy.deepcopy(dict(notebook))
    for paper in papers:
        if paper.notebook != name:
            continue
        cell = notebook["cells"][paper.cell]
        attachments = cell.setdefault("attachments", {})
        shown = paper.name
        while shown in attachments:
            shown = f"again-{shown}"
        attachments[shown] = {paper.kind: base64.b64encode(paper.data).decode()}
        text = _PLACEHOLDER.sub("", source(cell)).rstrip()
        cell["source"] = f"{text}\n\n![{shown}](attachment:{shown})"
    return notebook


def _places(notebooks: Mapping[str, Mapping[str, Any]]) -> dict[str, _Place]:
    """Return by question number and by name of the cell where an answer on paper goes: -1 if nobody reads it."""
    places: dict[str, _Place] = {}
    for name, notebook in notebooks.items():
        for index, cell in enumerate(notebook["cells"]):
            metadata = cell.get("metadata") or {}
            marks, about = metadata.get("nbgrader") or {}, metadata.get("course") or {}
            if not marks.get("grade") and not marks.get("task"):
                continue
            read = cell.get("cell_type") == "markdown"
            grade_id, question = str(marks.get("grade_id", "")), str(about.get("question", ""))
            for key in filter(None, (question, grade_id)):
                known = places.get(_plain(key))
                if known is None or (read and known.cell < 0):
                    places[_plain(key)] = _Place(name, index if read else -1, question or grade_id)
    return places


def _files(folder: Path, findings: list[Finding]) -> Iterator[tuple[str, Path, str, str]]:
    """Yield the name, path, question and pages of what was handed in on paper."""
    place = folder / FOLDER
    named = _pages_of_team(folder)
    documents = {match["file"] for match in map(_PAGES.fullmatch, named.values()) if match}
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".") and path.name not in documents:
            yield f"{FOLDER}/{path.name}", path, path.stem, ""
    for question, text in named.items():
        match = _PAGES.fullmatch(text)
        name = f'{TEAM_FILE}, pages of "{question}"'
        if match is None:
            findings.append(Finding(name, f'must look like "scan.pdf:3" or "scan.pdf:3-4,7"; it is "{text}"'))
            continue
        found = [path for path in (place / match["file"], folder / match["file"]) if path.is_file()]
        if not found:
            findings.append(
                Finding(name, f"names {match['file']}, which is neither in {FOLDER}/ nor beside the notebooks")
            )
            continue
        yield name, found[0], question, match["pages"] or ""


def _pages_of_team(folder: Path) -> dict[str, str]:
    path = team_file(folder)
    known = json.loads(path.read_text(encoding="utf-8-sig")) if path is not None else {}
    pages = known.get("pages", {}) if isinstance(known, dict) else {}
    if not isinstance(pages, dict):
        raise CourseError(f'{path}: "pages" must look like {{"2.2 v": "scan.pdf:3"}}; mend it or delete it.')
    return {str(question): str(text) for question, text in pages.items()}


def _pictures(path: Path, pages: str) -> list[tuple[bytes, str]]:
    """Return the pictures of a file: upright, and no larger than a page shows."""
    data = path.read_bytes()
    if not data.startswith(b"%PDF"):
        return [prepared(data)]
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise PictureLeftOut(f"it is no PDF that can be read ({error})") from error
    wanted = _numbers(pages) if pages else range(1, len(document) + 1)
    if missing := [number for number in wanted if not 0 < number <= len(document)]:
        raise PictureLeftOut(f"it has {len(document)} pages, and page {missing[0]} is asked for")
    if len(wanted) > _MOST_PAGES:
        raise PictureLeftOut(f"it has {len(wanted)} pages; at most {_MOST_PAGES} can be one answer")
    found = []
    for number in wanted:
        picture, made = document[number - 1].render(scale=_PDF_DPI / 72).to_pil(), io.BytesIO()
        picture.convert("RGB").save(made, "JPEG", quality=85)
        found.append(prepared(made.getvalue()))
    return found


def _numbers(pages: str) -> list[int]:
    """Return page numbers.

    Examples
    --------
    >>> _numbers("3"), _numbers("3-5,1")
    ([3], [3, 4, 5, 1])
    """
    found: list[int] = []
    for part in pages.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), min(int(last or first), int(first) + _MOST_PAGES) + 1)
    return found


def _plain(name: str) -> str:
    """Return what two ways to write a question have in common.

    Examples
    --------
    >>> _plain("2.2 v"), _plain("2.2V"), _plain("question_2-2v")
    ('22v', '22v', '22v')
    """
    return re.sub(r"^question|[\W_]", "", name.lower())


def _unknown(question: str, places: Mapping[str, _Place]) -> str:
    names = {place.question: None for place in places.values() if place.cell >= 0}
    near = difflib.get_close_matches(question, names, 1, cutoff=0.5)
    hint = f" Do you mean '{near[0]}'?" if near else ""
    return f"belongs to no question. Name the file after one of these: {', '.join(names)}.{hint}"
