"""Answers on paper: photos and pages of scans go below their question, in the notebook and in the PDF."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import nbformat
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from course_utils.errors import CourseError
from course_utils.grading.pages import markdown2html
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


def locked_document():
    """A PDF that asks for a password; nobody knows it."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"5a" * 32 + b"> /U <" + b"a5" * 32 + b"> >>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer << /Size 5 /Root 1 0 R /Encrypt 4 0 R /ID [<01> <01>] >>\nstartxref\n%d\n%%%%EOF" % len(made)
    return made + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer


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
        (
            "2.2v.pdf",
            locked_document(),
            "can't be shown: it asks for a password. Print it into a new PDF that needs none",
        ),
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
        ({"2.2 v": "other.pdf:1"}, "names other.pdf, which is not in answers/"),
        ({"2.2 v": "page three"}, 'must look like "scan.pdf:3" or "scan.pdf:3-4,7"; it is "page three"'),
        ({"9": "scan.pdf:1"}, "belongs to no question"),
        ({"2.2 v": "scan.pdf:2-1"}, "can't be shown: pages 2-1 go backwards"),
        ({"2.2 v": "../scan.pdf:1"}, 'must look like "scan.pdf:3"'),
    ],
)
def test_a_wrong_entry_of_pages_is_a_sentence(folder, pages, sentence):
    put(folder, "scan.pdf", scan(2))
    members = [{"name": "Pixel Testimage", "matriculation_number": "0012345"}]
    (folder / "team.json").write_text(json.dumps({"members": members, "pages": pages}))
    _, _, told, _ = packed(folder)
    (key,) = pages
    assert told[f'team.json, pages of "{key}"'].startswith(sentence)


def test_where_a_question_has_two_answers_it_is_said_how_the_other_gets_its_photo(folder):
    content = json.loads((folder / "first.ipynb").read_text())
    second = cell("markdown", "YOUR ANSWER HERE", "meaning", "2.2 v", grade=True, solution=True, points=1)
    content["cells"].insert(2, second)
    (folder / "first.ipynb").write_text(json.dumps(content))
    (folder / "assignment.json").write_text(json.dumps(release_record("sheet", [("first", content)], "A course")))
    put(folder, "Problem 2.2v.jpg", photo())
    put(folder, "meaning.jpg", photo())
    cells, _, told, _ = packed(folder)
    assert told["answers/Problem 2.2v.jpg"].endswith("of first (its first answer; for another call the file meaning)")
    assert [len(pictures(cells[name])) for name in ("derive", "meaning")] == [1, 1]


def test_several_photos_of_one_question_and_names_that_are_no_part_of_a_link(folder):
    for name in ("2.2v-1.jpg", "2.2v (2).jpg", "2.2 v_p3.jpg", "why-](x.jpg"):
        put(folder, name, photo())
    cells, files, told, _ = packed(folder)
    assert sorted(cells["derive"]["attachments"]) == ["paper-1.jpg", "paper-2.jpg", "paper-3.jpg"]
    assert cells["derive"]["source"].count("](attachment:paper-") == 3
    notebook = nbformat.reads(files["first.ipynb"].decode(), as_version=4)
    assert markdown2html({"cell": notebook.cells[1]}, notebook.cells[1].source).count("<img") == 3
    assert told["answers/why-](x.jpg"].startswith("belongs to no question")


def test_a_photo_is_never_put_below_another_question(tmp_path, folder):
    content = json.loads((folder / "first.ipynb").read_text())
    for number in ("2.1", "2.11", "2.1 i", "2.1 iv", "3-1", "3"):
        made = cell(
            "markdown",
            "Say.\n\nYOUR ANSWER HERE",
            f"w{len(content['cells'])}",
            number,
            grade=True,
            solution=True,
            points=1,
        )
        content["cells"].append(made)
    (folder / "first.ipynb").write_text(json.dumps(content))
    (folder / "assignment.json").write_text(json.dumps(release_record("sheet", [("first", content)], "A course")))
    for name in ("2.1-1.jpg", "2.1 i v.jpg", "3-1.jpg"):
        put(folder, name, photo())
    _, _, told, _ = packed(folder)
    assert told["answers/2.1-1.jpg"] == "is put below question 2.1 of first"
    assert told["answers/2.1 i v.jpg"].startswith("belongs to no question")
    assert told["answers/3-1.jpg"].startswith("may belong to question 3-1 or 3")


def test_folders_and_links_in_answers_are_named_and_not_followed(folder):
    (folder / "answers" / "2.2v").mkdir()
    (folder / "secret.jpg").write_bytes(photo())
    (folder / "answers" / "why.jpg").symlink_to(folder / "secret.jpg")
    (folder / "answers" / "Thumbs.db").write_bytes(b"x")
    cells, _, told, _ = packed(folder)
    assert told["answers/2.2v"].startswith("is not taken") and told["answers/why.jpg"].startswith("is not taken")
    assert "answers/Thumbs.db" not in told and "attachments" not in cells["why"]


def test_a_page_of_any_size_is_as_large_as_a_photo(folder):
    made = io.BytesIO()
    Image.new("RGB", (30, 20), YELLOW).save(made, "PDF", resolution=0.2)  # 10,800 x 7,200 points
    put(folder, "why.pdf", made.getvalue())
    (picture,) = pictures(packed(folder)[0]["why"])
    assert max(picture.size) in range(1590, 1611)


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '{"pages": []}'])
def test_a_damaged_team_file_is_a_sentence(folder, content):
    (folder / "team.json").write_text(content)
    with pytest.raises(CourseError, match=r"team\.json"):
        examine_folder(folder, "sheet")
