"""Answers on paper: photos and pages of scans go below their question, in the notebook and in the PDF."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from course_utils.packing.examine import examine_folder
from course_utils.packing.manifest import Member
from course_utils.packing.pack import pack, release_record
from course_utils.packing.team import Team, read_team

TEAM = Team("7", (Member("Pixel Testimage", "0012345"),))
YELLOW, BLUE = (250, 220, 40), (30, 60, 220)


def photo(kind="JPEG", size=(60, 40), colour=YELLOW, orientation=1):
    """A picture whose upper left corner is blue, as a phone writes it that was held in some way."""
    picture = Image.new("RGB", size, colour)
    picture.paste(BLUE, (0, 0, size[0] // 3, size[1] // 3))
    exif = picture.getexif()
    exif[0x0112] = orientation
    made = io.BytesIO()
    picture.save(made, kind, **({"exif": exif, "quality": 95} if kind == "JPEG" else {}))
    return made.getvalue()


def scan(pages):
    made = io.BytesIO()
    first, *rest = [Image.new("RGB", (200, 280), (40 * n, 90, 90)) for n in range(1, pages + 1)]
    first.save(made, "PDF", save_all=True, append_images=rest)
    return made.getvalue()


def cell(kind, source, grade_id="", question="", **marks):
    about = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3, **marks}
    metadata = {"nbgrader": {"grade_id": grade_id, "cell_type": kind, **about}} if grade_id else {}
    if question:
        metadata["course"] = {"question": question}
    made = {"cell_type": kind, "id": grade_id or "intro", "metadata": metadata, "source": source}
    return made | ({"outputs": [], "execution_count": 1} if kind == "code" else {})


@pytest.fixture
def folder(tmp_path):
    """A student's folder with a notebook of three questions, of which a person reads the first two."""
    place = tmp_path / "sheet"
    (place / "answers").mkdir(parents=True)
    content = {
        "cells": [
            cell("markdown", "# Sheet"),
            cell("markdown", "Derive it.\n\nYOUR ANSWER HERE", "derive", "2.2 v", grade=True, solution=True, points=2),
            cell("markdown", "Say why.\n\nYOUR ANSWER HERE", "why", grade=True, solution=True, points=1),
            cell("code", "x = 1", "number", solution=True),
            cell("code", "assert x", "test_number_visible", "2.3", grade=True, locked=True, points=1),
        ],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    (place / "first.ipynb").write_text(json.dumps(content))
    record = release_record("sheet", [("first", content)], "A course")
    (place / "assignment.json").write_text(json.dumps(record))
    return place


def put(folder, name, data):
    (folder / "answers" / name).write_bytes(data)


def packed(folder):
    examined = examine_folder(folder, "sheet")
    result = pack(examined, TEAM)
    with zipfile.ZipFile(result.path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    notebook = json.loads(files["first.ipynb"])
    cells = {each["metadata"].get("nbgrader", {}).get("grade_id"): each for each in notebook["cells"]}
    return cells, files, {finding.notebook: finding.text for finding in examined.findings}, result


def pictures(cell):
    found = []
    for forms in cell.get("attachments", {}).values():
        (data,) = forms.values()
        found.append(Image.open(io.BytesIO(base64.b64decode(data))))
    return found


@pytest.mark.parametrize("name", ["2.2v.jpg", "2.2 V.jpg", "Question 2.2 v.jpeg", "derive.jpg"])
def test_a_photo_is_put_below_its_question(folder, name):
    put(folder, name, photo())
    cells, files, told, result = packed(folder)
    assert cells["derive"]["source"].startswith("Derive it.\n\n![")
    assert "YOUR ANSWER HERE" not in cells["derive"]["source"] and "YOUR ANSWER HERE" in cells["why"]["source"]
    assert [picture.size for picture in pictures(cells["derive"])] == [(60, 40)]
    assert told[f"answers/{name}"] == "is put below question 2.2 v of first"
    assert not any("derive" in text for text in told.values())  # it is no answer that is missing
    assert any(path.startswith("answers/") for path in files) and result.pdf_problems == []
    # The student's own notebook stays as it is.
    assert "attachments" not in (folder / "first.ipynb").read_text()


def test_a_photo_is_in_the_pdf(folder):
    put(folder, "2.2v.jpg", photo(size=(600, 400)))
    _, files, _, result = packed(folder)
    document = pypdfium2.PdfDocument(files[f"{result.path.stem}.pdf"])
    pages = [np.asarray(page.render(scale=0.5).to_pil().convert("RGB"), dtype=int) for page in document]
    assert any((abs(page - YELLOW).max(axis=-1) < 20).any() for page in pages)


def test_a_photo_is_turned_and_made_smaller(folder):
    put(folder, "2.2v.jpg", photo(size=(4000, 3000), orientation=6))  # held upright
    (picture,) = pictures(packed(folder)[0]["derive"])
    assert picture.height > picture.width and max(picture.size) <= 1600
    assert picture.convert("RGB").getpixel((picture.width - 5, 5))[2] > 150  # the corner went to the right


def test_pages_of_a_scan_are_named_in_team_json(folder):
    put(folder, "scan.pdf", scan(5))
    about = {"group": "7", "members": [{"name": "Pixel Testimage", "matriculation_number": "0012345"}]}
    about["pages"] = {"2.2 v": "scan.pdf:2-3", "why": "scan.pdf:5"}
    (folder / "team.json").write_text(json.dumps(about))
    cells, _, told, _ = packed(folder)
    assert len(pictures(cells["derive"])) == 2 and len(pictures(cells["why"])) == 1
    assert pictures(cells["derive"])[0].convert("RGB").getpixel((50, 50))[0] == pytest.approx(80, abs=4)
    assert told['team.json, pages of "2.2 v"'] == "is put below question 2.2 v of first, 2 pages"
    assert read_team(folder).group == "7"


def test_a_pdf_named_after_a_question_is_taken_whole(folder):
    put(folder, "why.pdf", scan(2))
    assert len(pictures(packed(folder)[0]["why"])) == 2


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        (
            "2.2x.jpg",
            photo(),
            "belongs to no question. Name the file after one of these: 2.2 v, why. Do you mean '2.2 v'?",
        ),
        ("2.2v.heic", b"\0\0\0\x18ftypheic", "can't be shown: its data is no PNG, JPEG, GIF or WebP. Save it as JPEG"),
        ("2.2v.pdf", b"%PDF-1.4 nothing", "can't be shown: it is no PDF that can be read"),
        ("2.3.jpg", photo(), "is not read: question 2.3 is checked automatically"),
        ("why.jpg", photo()[:200], "can't be shown: it can't be read"),
    ],
)
def test_what_belongs_nowhere_or_cannot_be_read_is_told_and_kept(folder, name, data, sentence):
    put(folder, name, data)
    cells, files, told, _ = packed(folder)
    assert told[f"answers/{name}"].startswith(sentence)
    assert not any("attachments" in each for each in cells.values())
    assert any(path.startswith("answers/") for path in files)


@pytest.mark.parametrize(
    ("pages", "sentence"),
    [
        ({"2.2 v": "scan.pdf:9"}, "can't be shown: it has 2 pages, and page 9 is asked for"),
        ({"2.2 v": "other.pdf:1"}, "names other.pdf, which is neither in answers/ nor beside the notebooks"),
        ({"2.2 v": "page three"}, 'must look like "scan.pdf:3" or "scan.pdf:3-4,7"; it is "page three"'),
        ({"9": "scan.pdf:1"}, "belongs to no question"),
    ],
)
def test_a_wrong_entry_of_pages_is_a_sentence(folder, pages, sentence):
    put(folder, "scan.pdf", scan(2))
    members = [{"name": "Pixel Testimage", "matriculation_number": "0012345"}]
    (folder / "team.json").write_text(json.dumps({"members": members, "pages": pages}))
    _, _, told, _ = packed(folder)
    (key,) = pages
    assert told[f'team.json, pages of "{key}"'].startswith(sentence)
