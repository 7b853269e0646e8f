"""Answers on paper: photos and scanned pages in `answers/`, put into the notebook below their question."""

from __future__ import annotations

import base64
import copy
import difflib
import io
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks.limits import FileLimits, amount
from course_utils.notebooks.recognising import source
from course_utils.packing.findings import Finding
from course_utils.packing.pictures import PictureLeftOut, prepared
from course_utils.packing.team import TEAM_FILE, team_file

__all__ = ["FOLDER", "Paper", "find_paper", "with_paper"]

FOLDER = "answers"
_MOST_PAGES = 60
# Of the longer side of a page, and of a picture that is taken as it is.
_PIXELS = 1600
_BYTES = 1 << 20
# What systems put into folders by themselves.
_OF_SYSTEMS = {"thumbs.db", "desktop.ini", "__macosx"}
_PLACEHOLDER = re.compile(r"^YOUR ANSWER HERE[ \t]*$", re.MULTILINE)
_KINDS = {"jpg": "image/jpeg", "png": "image/png"}
_PAGES = re.compile(r"(?P<file>[^/\\]+\.pdf)(?::(?P<pages>\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*))?", re.IGNORECASE)
# One of several pictures of an answer: "2.2v-1", "2.2v (2)", "2.2v p3".
_ONE_OF_MANY = re.compile(r"(?P<name>.*[^\s_-])(?:[\s_-]+(?:p|page|seite)?\s*(?P<page>\d+)|\s*\((?P<copy>\d+)\))")


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
        Of the file, with its number if it is one of several pages.
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
    others: tuple[str, ...] = ()  # grade_ids of further answers of the question


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
        found = _meant(question, places)
        if len(found) != 1:
            findings.append(Finding(name, _unknown(question, places, found)))
            continue
        (place,) = found
        if place.cell < 0:
            text = f"is not read: question {place.question} is checked automatically, nobody looks at a picture of it"
            findings.append(Finding(name, text, False))
            continue
        try:
            pictures = _pictures(path, pages)
        except (PictureLeftOut, OSError) as reason:
            findings.append(Finding(name, f"can't be shown: {reason}. Save it as JPEG, PNG or PDF"))
            continue
        for number, (data, suffix) in enumerate(pictures, 1):
            shown = f"{path.stem}-{number}.{suffix}" if len(pictures) > 1 else f"{path.stem}.{suffix}"
            papers.append(Paper(place.notebook, place.cell, place.question, shown, data, _KINDS[suffix]))
        many = f", {len(pictures)} pages" if len(pictures) > 1 else ""
        others = f" (its first answer; for another call the file {' or '.join(place.others)})" if place.others else ""
        text = f"is put below question {place.question} of {place.notebook}{many}{others}"
        findings.append(Finding(name, text, False))
    limits = FileLimits()
    for notebook in {paper.notebook for paper in papers}:
        size = sum(len(paper.data) for paper in papers if paper.notebook == notebook)
        if size > limits.pictures:
            text = (
                f"together have {amount(size)}; graders see {amount(limits.pictures)} of a notebook. Take fewer of them"
            )
            findings.append(Finding(f"the pictures of {notebook}", text))
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
        attachments = cell.get("attachments")
        attachments = attachments if isinstance(attachments, dict) else {}
        suffix = "jpg" if paper.kind == _KINDS["jpg"] else "png"
        # A name of our own: what a file is called may be no part of a link.
        shown = next(n for n in (f"paper-{k}.{suffix}" for k in itertools.count(1)) if n not in attachments)
        attachments[shown] = {paper.kind: base64.b64encode(paper.data).decode()}
        cell["attachments"] = attachments
        text = _PLACEHOLDER.sub("", source(cell)).rstrip()
        told = re.sub(r"[^\w .,-]", " ", paper.name)
        cell["source"] = f"{text}\n\n![{told}](attachment:{shown})"
    return notebook


def _places(notebooks: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, ...], _Place]:
    """Return by question number and by name of the cell where an answer on paper goes: -1 if nobody reads it."""
    places: dict[tuple[str, ...], _Place] = {}
    for name, notebook in notebooks.items():
        for index, cell in enumerate(notebook["cells"]):
            metadata = _dict(cell.get("metadata"))
            marks, about = _dict(metadata.get("nbgrader")), _dict(metadata.get("course"))
            if not marks.get("grade") and not marks.get("task"):
                continue
            read = cell.get("cell_type") == "markdown"
            grade_id, question = str(marks.get("grade_id", "")), str(about.get("question", ""))
            for key in filter(None, map(_parts, (question, grade_id))):
                known = places.get(key)
                if known is None or (read and known.cell < 0):
                    places[key] = _Place(name, index if read else -1, question or grade_id)
                elif read and question:
                    places[key] = replace(known, others=(*known.others, grade_id))
    return places


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _meant(question: str, places: Mapping[tuple[str, ...], _Place]) -> list[_Place]:
    """Return the places that a name may mean: one, if it is a good name."""
    found = [places[_parts(question)]] if _parts(question) in places else []
    if (match := _ONE_OF_MANY.fullmatch(question)) and (place := places.get(_parts(match["name"]))):
        found += [place] if place not in found else []
    return found


def _files(folder: Path, findings: list[Finding]) -> Iterator[tuple[str, Path, str, str]]:
    """Yield the name, path, question and pages of what was handed in on paper."""
    place = folder / FOLDER
    for other in folder.iterdir() if folder.is_dir() else ():
        if other.is_dir() and other.name.lower() == FOLDER and other.name != FOLDER:
            findings.append(Finding(other.name, f"is not looked into: call the folder '{FOLDER}'"))
    named = _pages_of_team(folder)
    documents = {match["file"] for match in map(_PAGES.fullmatch, named.values()) if match}
    for path in sorted(place.iterdir()) if place.is_dir() and not place.is_symlink() else ():
        if path.name.startswith(".") or path.name.lower() in _OF_SYSTEMS or path.name in documents:
            continue
        if path.is_symlink() or not path.is_file():
            findings.append(
                Finding(f"{FOLDER}/{path.name}", "is not taken: put the files themselves there, in no folder")
            )
            continue
        yield f"{FOLDER}/{path.name}", path, path.stem, ""
    for question, text in named.items():
        match = _PAGES.fullmatch(text)
        name = f'{TEAM_FILE}, pages of "{question}"'
        if match is None:
            findings.append(Finding(name, f'must look like "scan.pdf:3" or "scan.pdf:3-4,7"; it is "{text}"'))
            continue
        path = place / match["file"]
        if not path.is_file() or path.is_symlink():
            findings.append(Finding(name, f"names {match['file']}, which is not in {FOLDER}/"))
            continue
        yield name, path, question, match["pages"] or ""


def _pages_of_team(folder: Path) -> dict[str, str]:
    path = team_file(folder)
    if path is None:
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CourseError(f"{path} can't be read: {type(error).__name__}. Mend it or delete it.") from error
    pages = _dict(known).get("pages", {})
    if not isinstance(pages, dict):
        raise CourseError(f'{path}: "pages" must look like {{"2.2 v": "scan.pdf:3"}}; mend it or delete it.')
    return {str(question): str(text) for question, text in pages.items()}


def _pictures(path: Path, pages: str) -> list[tuple[bytes, str]]:
    """Return the pictures of a file: upright, and no larger than a page shows."""
    data = path.read_bytes()
    if b"%PDF" in data[:1024]:
        return _of_document(data, pages)
    made, suffix = prepared(data)
    return [_smaller(made) if len(made) > _BYTES else (made, suffix)]


def _of_document(data: bytes, pages: str) -> list[tuple[bytes, str]]:
    try:
        import pypdfium2
    except ImportError:
        raise PictureLeftOut("pages of a PDF need pypdfium2: `pip install pypdfium2`") from None
    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
    except Exception as error:  # whatever the library raises at a damaged or locked document
        if "password" in str(error).lower():
            raise PictureLeftOut("it asks for a password. Print it into a new PDF that needs none") from error
        raise PictureLeftOut(f"it is no PDF that can be read ({type(error).__name__})") from error
    wanted = _numbers(pages) if pages else list(range(1, count + 1))
    if missing := [number for number in wanted if not 0 < number <= count]:
        raise PictureLeftOut(f"it has {count} pages, and page {missing[0]} is asked for")
    if not 0 < len(wanted) <= _MOST_PAGES:
        raise PictureLeftOut(f"{len(wanted)} pages are asked for; one answer may have 1 to {_MOST_PAGES}")
    found = []
    for number in wanted:
        try:
            page, made = document[number - 1], io.BytesIO()
            picture = page.render(scale=_PIXELS / max(1.0, *page.get_size())).to_pil()
            picture.convert("RGB").save(made, "JPEG", quality=85)
        except Exception as error:  # as above
            raise PictureLeftOut(f"page {number} can't be read ({type(error).__name__})") from error
        found.append((made.getvalue(), "jpg"))
    return found


def _smaller(data: bytes) -> tuple[bytes, str]:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        plain = picture.convert("RGB")
    plain.thumbnail((_PIXELS, _PIXELS))
    made = io.BytesIO()
    plain.save(made, "JPEG", quality=85)
    return made.getvalue(), "jpg"


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
        if last and int(last) < int(first):
            raise PictureLeftOut(f"pages {part} go backwards")
        found += range(int(first), min(int(last or first), int(first) + _MOST_PAGES) + 1)
    return found


def _parts(name: str) -> tuple[str, ...]:
    """Return what ways to write a question have in common: its numbers and words.

    Examples
    --------
    >>> _parts("2.2 v"), _parts("Question_2-2V"), _parts("Problem 2.11"), _parts("2.1-1")
    (('2', '2', 'v'), ('2', '2', 'v'), ('2', '11'), ('2', '1', '1'))
    """
    found = tuple(re.findall(r"\d+|[^\W\d_]+", name.lower()))
    return found[1:] if found[:1] in {("question",), ("problem",)} and len(found) > 1 else found


def _unknown(question: str, places: Mapping[tuple[str, ...], _Place], found: list[_Place]) -> str:
    if found:
        return f"may belong to question {' or '.join(place.question for place in found)}; write it as the sheet does"
    names = {place.question: None for place in places.values() if place.cell >= 0}
    near = difflib.get_close_matches(question, names, 1, cutoff=0.5)
    hint = f" Do you mean '{near[0]}'?" if near else ""
    return f"belongs to no question. Name the file after one of these: {', '.join(names)}.{hint}"
