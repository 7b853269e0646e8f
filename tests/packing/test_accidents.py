"""What makes a PDF slow or impossible: an accident costs its own cell, is told, and the zip is there in seconds."""
# ruff: noqa: E501 (cells of one line)

from __future__ import annotations

import base64
import io
import json
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest
import typst
from PIL import Image

from course_utils.notebooks import pictures as known
from course_utils.packing import markdown, pack, pdf, pictures
from course_utils.packing.examine import examine_folder
from course_utils.packing.fonts import without_glyph
from course_utils.packing.manifest import Member
from course_utils.packing.team import Team
from tests.support import pdf_samples as samples
from tests.support.olat_course import notebook_bytes

TITLE = pdf.TitleBlock("Deep Learning", "sheet", "7", (Member("Ada Test", "0012345"),), "2026-11-20")
BLUE = (0, 80, 200)


def flat(width: int, height: int) -> bytes:
    """A white PNG of any size, in little time and few bytes."""
    rows = zlib.compress((b"\0" + b"\xff" * width) * (height if width * height < 10**7 else 20))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b"")]
    made = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def picture(kind: str, size=(120, 80), **options) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", size, BLUE).save(buffer, kind, **options)
    return base64.b64encode(buffer.getvalue()).decode()


def drawing(text: str) -> dict:
    return {**samples.shown(), "data": {"image/svg+xml": text}}


def upright() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # a phone that was turned
    return exif


PASTED = f"![image.png](data:image/png;base64,{picture('PNG')})"
# Cells, and what is told of each; the last cell of the notebook is an ordinary one.
CELLS = {
    "a pasted picture": (samples.markdown(PASTED), ""),
    "a pasted reference": (samples.markdown(f"![][a]\n\n[a]: <data:image/png;base64,{picture('PNG')}>"), ""),
    "a picture in HTML": (samples.markdown(f'<img src="data:image/jpeg;base64,{picture("JPEG")}" alt="x">'), ""),
    "GIF": (samples.markdown("![](attachment:a.gif)", **{"a.gif": {"image/gif": picture("GIF")}}), ""),
    "WebP": (samples.markdown("![](attachment:b.webp)", **{"b.webp": {"image/webp": picture("WEBP")}}), ""),
    "SVG": (samples.markdown("![](attachment:c.svg)", **{"c.svg": {"image/svg+xml": samples.SVG}}), ""),
    "an odd name": (samples.markdown("![](attachment:mein%20Bild.png)", **{"mein Bild.png": {"image/png": picture("PNG")}}), ""),
    "one is missing": (
        samples.markdown("![](attachment:d.png) ![](attachment:weg.png)", **{"d.png": {"image/png": picture("PNG")}}),
        "the picture weg.png is missing"),
    "a photo": (samples.code("x", samples.shown(image_jpeg=picture("JPEG", (4000, 1300), exif=upright()))), ""),
    "HEIC": (
        samples.markdown("![](attachment:e.heic)", **{"e.heic": {"image/heic": base64.b64encode(b"\0\0\0 ftypheic").decode()}}),
        "the picture e.heic is left out: a photo in HEIC"),
    "an enormous figure": (
        samples.code("x", samples.shown(image_png=base64.b64encode(flat(30_000, 30_000)).decode())),
        "it has 30,000 x 30,000 pixels"),
    "an enormous pasted picture": (
        samples.markdown(f"![](data:image/png;base64,{base64.b64encode(flat(20_000, 12_000)).decode()})"),
        "it has 20,000 x 12,000 pixels"),
    "a very long figure": (samples.code("x", samples.shown(image_png=base64.b64encode(flat(20, 60_000)).decode())), ""),
    "a very wide figure": (samples.markdown(f"![](data:image/png;base64,{base64.b64encode(flat(60_000, 20)).decode()})"), ""),
    "a figure as wide as a house": (
        samples.code("x", {**samples.shown(image_png=picture("PNG")), "metadata": {"image/png": {"width": 1e9, "height": "-4"}}}), ""),
    "a drawing as wide as a house": (
        samples.code("x", drawing("<svg xmlns='http://www.w3.org/2000/svg' width='1e9' height='1e9'/>")), ""),
    "a drawing that grows": (samples.code("x", drawing(
        "<!DOCTYPE svg [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>"
        "<svg xmlns='http://www.w3.org/2000/svg'><text>&c;&c;&c;</text></svg>")), ""),
    "TIFF under another name": (samples.code("x", samples.shown(image_png=picture("TIFF"))), "its data is no PNG, JPEG, GIF or WebP"),
    "a file of HEIC": (samples.markdown("![](data:image/heic;base64,AAAAGGZ0eXBoZWlj)"), "a photo in HEIC"),
    "half a picture": (samples.code("x", samples.shown(image_png=picture("PNG")[:80])), "can't be shown"),
    "macros that grow": (samples.markdown(
        "$" + "".join(rf"\newcommand{{\{a}}}{{{chr(92) + b + ' '}}}".replace(f"\\{b} ", f"\\{b} " * 12) for a, b in zip("abcdef", "bcdefg", strict=True))
        + r"$ $\a$"), "its macros grow too large"),
    "a macro of itself": (samples.markdown(r"$\newcommand{\x}{\x\x\x\x\x\x\x\x\x\x\x\x\x}$ $\x$"), "its macros grow"),
    "a book": (samples.markdown("wort " * 60_000), "it has 300,000 characters"),
    "a program of megabytes": (samples.code("x = 1\n" * 50_000), ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All of them in one notebook: its PDF, its problems, the seconds of a processor."""
    cells = [cell for cell, _ in CELLS.values()]
    began = time.process_time()
    result = pdf.notebooks_to_pdf(
        [("n", samples.notebook([*cells, samples.markdown("zum **Schluss**")]))],
        TITLE, tmp_path_factory.mktemp("pdf") / "n.pdf",
    )  # fmt: skip
    return result, time.process_time() - began


@pytest.mark.parametrize("case", CELLS)
def test_an_accident_is_told_where_it_is_one(case, made):
    said = CELLS[case][1]
    where = f"n, cell {[*CELLS].index(case) + 1}:"
    told = [problem for problem in made[0].problems if problem.startswith(where)]
    assert (
        any(said in problem for problem in (told if said and "missing" not in said else made[0].problems)) or not said
    )
    assert said or not told, told


def test_it_takes_seconds(made):
    assert made[0].path.stat().st_size > 10_000 and made[1] < 10


def test_pictures_are_on_the_page():
    kinds = [
        "a pasted picture",
        "a pasted reference",
        "a picture in HTML",
        "GIF",
        "WebP",
        "an odd name",
        "one is missing",
    ]
    pages = pdf.notebooks_to_pages([("n", samples.notebook([CELLS[kind][0] for kind in kinds]))], TITLE)
    pixels = np.vstack([np.asarray(Image.open(io.BytesIO(page)).convert("RGB")).astype(int) for page in pages])
    rows = (np.abs(pixels - BLUE).sum(axis=2) < 40).any(axis=1)
    assert (np.diff(rows.astype(int)) == 1).sum() == len(kinds)


def test_a_photo_stands_upright():
    (page,) = pdf.notebooks_to_pages([("n", samples.notebook([CELLS["a photo"][0]]))], TITLE)
    pixels = np.asarray(Image.open(io.BytesIO(page)).convert("RGB")).astype(int)
    blue = np.abs(pixels - BLUE).sum(axis=2) < 40
    assert blue.any(axis=1).sum() > 2 * blue.any(axis=0).sum() > 0


@pytest.mark.parametrize("text", ["[" * 300, r"\begin{align}" * 2000])
def test_a_text_that_pandoc_needs_hours_for_costs_itself(text, tmp_path, monkeypatch):
    monkeypatch.setattr(markdown, "_PANDOC_S", 1)
    monkeypatch.setattr(markdown, "_CHARACTERS_PER_S", 10**9)
    cells = [samples.markdown("**vorher** $x^2$"), samples.markdown(text), *[samples.markdown("- danach")] * 8]
    made = pdf.notebooks_to_pdf([("n", samples.notebook(cells))], TITLE, tmp_path / "n.pdf")
    assert [problem.partition(": shown as plain text")[0] for problem in made.problems] in (["n, cell 2"], [])


def test_characters_without_a_font_are_told(tmp_path):
    assert without_glyph("Größe Đ ∑ x → И", tmp_path, typst) == ""
    assert without_glyph("a\U000f5678b", tmp_path, typst) == ""  # no letter
    # Of writings that nobody uses any more, no computer here has a font.
    assert without_glyph("x\U00016a40\U00012000", tmp_path, typst) == "\U00012000\U00016a40"
    cells = [samples.markdown("\U00012000 und \U00016a40")]
    told = pdf.notebooks_to_pdf([("n", samples.notebook(cells))], TITLE, tmp_path / "n.pdf").problems
    assert told and told[0].startswith("2 different characters are shown as boxes, because no font of this computer")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "sheet"
    place.mkdir()
    content = json.loads(notebook_bytes("first"))
    content["cells"][0]["source"] = "\U00012000"
    (place / "first.ipynb").write_text(json.dumps(content))
    return place


@pytest.mark.parametrize(
    ("name", "zipped"), [("Suharto", "sheet_Suharto"), ("苏", "sheet_0012345"), ("Ngô", "sheet_Ngo")]
)
def test_people_with_one_name_pack(name, zipped, folder):
    packed = pack.pack(examine_folder(folder, "sheet"), Team("", (Member(name, "0012345"),)), with_pdf=False)
    assert packed.path.name == f"{zipped}.zip" and packed.path.exists()


@pytest.mark.parametrize("group", ["七", "🙂", "."])
def test_a_group_without_plain_letters_is_named_by_its_first_member(group, folder):
    packed = pack.pack(examine_folder(folder, "sheet"), Team(group, (Member("Ada", "0012345"),)), with_pdf=False)
    assert packed.path.name == "sheet_Ada.zip"


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("النواة تنزلق فوق الصورة", False), ("เคอร์เนลเลื่อนผ่านภาพ", True), ("# 畳み込み", True), ("커널 核 👩‍👩‍👧", True),
        ("a\ud83d b\udc00 c\x00\x07\x1b[31m\u202e\u2028", False), ("Z̸̢̛a̷l̴g̷o̵", False),
    ],
)  # fmt: skip
def test_writings_of_all_kinds_are_set_or_told_in_texts_code_outputs_and_names(text, boxes, tmp_path):
    printed = {"output_type": "stream", "name": "stdout", "text": text}
    cells = [samples.markdown(f"# {text}\n\n- {text}\n\n$\\text{{{text}}}$"), samples.code(f"x = 1  # {text}", printed)]
    title = pdf.TitleBlock("C", "sheet", text, [Member(text, "0012345")], "2026-11-20")
    made = pdf.notebooks_to_pdf([("n", samples.notebook(cells))], title, tmp_path / "n.pdf")
    told = [problem for problem in made.problems if "no font of this computer" in problem]
    assert made.path.stat().st_size > 5000 and (told or not boxes or has_all_fonts()), made.problems


def has_all_fonts() -> bool:
    return not {"Noto Sans CJK JP", "Noto Sans Thai"} - set(typst.Fonts().families())


def test_what_the_pdf_lacks_is_a_finding(folder):
    packed = pack.pack(examine_folder(folder, "sheet"), Team("7", (Member("Ada", "0012345"),)))
    assert any("no font of this computer" in finding.text for finding in packed.findings)


class Panic(BaseException):
    """What typst's binding raises is no Exception."""


@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), Panic("x"), RecursionError()])
def test_whatever_happens_to_the_pdf_there_is_a_zip(error, folder, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(pack, "notebooks_to_pdf", fail)
    packed = pack.pack(examine_folder(folder, "sheet"), Team("7", (Member("Ada", "0012345"),)))
    assert "could not be made" in packed.findings[0].text
    assert "first.ipynb" in zipfile.ZipFile(packed.path).namelist()


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("GIF", "png"), ("WEBP", "png")])
def test_the_size_of_a_picture_is_in_its_header(kind, suffix):
    data = base64.b64decode(picture(kind, (123, 45)))
    assert known.pixels_of(data) == (123, 45) and pictures.prepared(data)[1] == suffix


def test_a_picture_beside_the_notebook_is_mended(tmp_path):
    (tmp_path / "a.png").write_bytes(flat(30_000, 30_000))
    (tmp_path / "b.jpg").write_bytes(base64.b64decode(picture("JPEG", (4000, 2000))))
    (told,) = pictures.mend_files(tmp_path)
    assert "30,000 x 30,000" in told
    for name, size in (("a.png", (1, 1)), ("b.jpg", (1600, 800))):
        with Image.open(tmp_path / name) as found:
            assert found.size == size
