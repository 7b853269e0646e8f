"""Pictures in answers: what of them is taken from a hand-in, and what a page shows of it."""
# ruff: noqa: E501 (cells of one line)

from __future__ import annotations

import base64
import io
import re
import struct

import nbformat
import pytest
from jinja2 import Environment
from PIL import Image

from course_utils.grading import pages
from course_utils.grading.cleaning import clean, picture
from course_utils.grading.run.engine import Settings
from course_utils.grading.submissions import grade, read_submission
from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.pictures import Room, lay_in_files, take_pictures
from course_utils.notebooks.reading import notebook_from
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, hand_in, make_course


def data(kind: str = "PNG", size=(20, 10)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (0, 80, 200)).save(buffer, kind)
    return buffer.getvalue()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def large(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 0, 0, 0, 0)


SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><image href='http://evil.example/x'/></svg>"
PHOTO = data("JPEG") + bytes(5 << 20)  # as much as a phone writes; what follows a picture's end is skipped
SHOWN = {
    "pasted by Colab": (f"![image.png](data:image/png;base64,{b64(data())})", {}, "image/png"),
    "a megabyte, pasted": (f"![](data:image/png;base64,{b64(data() + bytes(1 << 20))})", {}, "image/png"),
    "pasted by reference": (f"![][i]\n\n[i]: <data:image/png;base64,{b64(data())}>", {}, "image/png"),
    "pasted in HTML": (f'<img src="data:image/jpeg;base64,{b64(data("JPEG"))}" alt="x">', {}, "image/jpeg"),
    "attached": ("![](attachment:a.png)", {"a.png": {"image/png": b64(data())}}, "image/png"),
    "GIF": ("![](attachment:a.gif)", {"a.gif": {"image/gif": b64(data("GIF"))}}, "image/gif"),
    "WebP": ("![](attachment:a.webp)", {"a.webp": {"image/webp": b64(data("WEBP"))}}, "image/webp"),
    "a photo": ("![](attachment:IMG_1.JPG)", {"IMG_1.JPG": {"image/jpeg": b64(PHOTO)}}, "image/jpeg"),
    "called PNG, but JPEG": ("![](attachment:a.png)", {"a.png": {"image/png": b64(data("JPEG"))}}, "image/jpeg"),
    "lines of base64": ("![](attachment:a.png)", {"a.png": {"image/png": [b64(data())[:40], "\n" + b64(data())[40:]]}}, "image/png"),
    "a name with blanks": ("![](attachment:mein%20Bild%20%C3%BC.png)", {"mein Bild ü.png": {"image/png": b64(data())}}, "image/png"),
}  # fmt: skip
TOLD = {
    "SVG attached": ("![Skizze](attachment:a.svg)", {"a.svg": {"image/svg+xml": SVG.decode()}}, "a.svg): a drawing in SVG"),
    "SVG pasted": (f"![Skizze](data:image/svg+xml;base64,{b64(SVG)})", {}, "a drawing in SVG"),
    "SVG called PNG": (f"![x](data:image/png;base64,{b64(SVG)})", {}, "a drawing in SVG"),
    "HEIC": ("![](attachment:a.heic)", {"a.heic": {"image/heic": b64(b"\0\0\0 ftypheic")}}, "a photo in HEIC"),
    "a page called PNG": ("![](attachment:a.png)", {"a.png": {"image/png": b64(b"<html><script>")}}, "is no PNG"),
    "no base64": ("![](attachment:a.png)", {"a.png": {"image/png": '"><script>'}}, "its data is damaged"),
    "gone": ("![alt](attachment:weg.png)", {}, "alt (weg.png): it is not in the notebook that was handed in"),
    "gone in HTML": ('<img src="attachment:weg.png">', {}, "(weg.png): it is not in the notebook that was handed in"),
    "too many bytes": ("![](attachment:a.png)", {"a.png": {"image/png": b64(data() + bytes(17 << 20))}}, "up to 16 MiB"),
    "too many pixels": ("![](attachment:a.png)", {"a.png": {"image/png": b64(large(30_000, 30_000))}}, "30,000 x 30,000 pixels"),
    "elsewhere": ("![](https://evil.example/x.png)", {}, "[picture:"),
}  # fmt: skip


def page_of(source: str, attachments: dict) -> str:
    """The HTML of an answer, from the hand-in to the page."""
    cell = {"cell_type": "markdown", "metadata": {}, "source": source, "attachments": attachments}
    (read,) = notebook_from({"cells": [cell], "nbformat": 4}).cells
    assert len(read.source) < 200  # limits on texts do not count pictures
    environment = Environment()
    environment.filters["markdown2html"] = pages.markdown2html
    template = environment.from_string("{{ source | markdown2html }}")
    return template.render(source=read.source, cell=read, resources={})


@pytest.mark.parametrize("case", SHOWN)
def test_a_picture_is_shown_by_its_kind(case):
    source, attachments, kind = SHOWN[case]
    (address,) = re.findall(r'<img src="([^"]*)"', page_of("Vorher **fett**.\n\n" + source, attachments))
    assert address.startswith(f"data:{kind};base64,")
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as shown:
        assert shown.size == (20, 10)


@pytest.mark.parametrize("case", TOLD)
def test_what_is_not_shown_is_named_and_hides_no_other(case):
    source, attachments, reason = TOLD[case]
    good = {"good.png": {"image/png": b64(data())}}
    for text in (f"{source}\n\n![](attachment:good.png)", f"![](attachment:good.png)\n\n{source}"):
        page = page_of(text, attachments | good)
        assert reason in page and page.count("<img") == 1 and "[picture:" in page
        assert not re.search(r"<svg|<script|onload=|src=\"(?!data:image/(png|jpeg|gif|webp);base64,)", page)


def test_the_limits_on_pictures_are_obeyed():
    room = Room(FileLimits(picture=400, pictures=300))
    one = data()
    assert len(one) < 200
    first, second = (room.take(one + bytes(100)) for _ in range(2))
    assert "image/png" in first and "all pictures of a notebook together may have 300 B" in second["text/plain"]
    assert "up to 400 B" in room.take(one + bytes(400))["text/plain"]


def test_a_long_answer_is_formatted():
    page = page_of_text("Ein **Satz**.\n\n" * 1500)
    assert page.count("<strong>") == 1500 and "<pre>" not in page
    code = page_of_text("```python\n" + "x = 1\n\n" * 2000 + "```\n\n" + "Ein **Satz**.\n\n" * 2000)
    assert code.count("<strong>") == 2000 and "```" not in code
    assert page_of_text("a" * 25_000).startswith("<pre>")


def page_of_text(text: str) -> str:
    environment = Environment()
    environment.filters["markdown2html"] = pages.markdown2html
    return environment.from_string("{{ source | markdown2html }}").render(source=text, cell={}, resources={})


@pytest.mark.parametrize("source", ["data:image/png;base64,", "data:image/svg+xml;base64,PHN2Zz4=", "data:text/plain,x", "data:image/png;base64,PHN2Zz4=",
                                    "data:image/png;base64,iVBORw0KGgo=\" onerror=\"x", "attachment:", "attachment:../a", "javascript:x"])  # fmt: skip
def test_an_address_that_is_no_picture_is_none(source):
    assert picture(source, {"a": {"image/png": "x"}, "": {}}) is None
    assert "<img" not in clean(f"<img src='{source}'>", {})


def test_many_pasted_pictures_take_time_with_their_size():
    one = f"![](data:image/png;base64,{b64(data())}) "
    text, found = take_pictures(one * 11_000 + "data:image/png;base64,! " * 3000, None, Room())
    assert len(found) == 11_000 and text.count("attachment:pasted-") == 11_000


def test_pictures_beside_a_notebook_are_on_its_page(tmp_path):
    course = make_course(tmp_path / "course")
    hand_in(course, "ada")
    folder = course / "submitted" / "ada" / ASSIGNMENT
    path = folder / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    why = next(cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id == "why")
    why.source = "![](foto.jpg) ![](./Bilder/mein%20Bild.png) ![](weg.png) ![](plan.svg) ![](secret.png)"
    nbformat.write(notebook, path)
    (folder / "Bilder").mkdir()
    (folder / "foto.jpg").write_bytes(data("JPEG"))
    (folder / "Bilder" / "mein Bild.png").write_bytes(data())
    (folder / "plan.svg").write_bytes(SVG)
    (folder / "secret.png").symlink_to(course / "nbgrader_config.py")
    submission = read_submission(folder, "ada", ASSIGNMENT, course / "source" / ASSIGNMENT, {}, Settings(preload=()))
    graded = nbformat.reads(grade(submission).notebooks[NOTEBOOK].content, as_version=4)
    cell = next(cell for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "why")
    assert set(cell.attachments) == {"foto.jpg", "Bilder/mein Bild.png", "plan.svg"}
    environment = Environment()
    environment.filters["markdown2html"] = pages.markdown2html
    page = environment.from_string("{{ cell.source | markdown2html }}").render(cell=cell, resources={})
    assert page.count('<img src="data:image/') == 2
    assert "(weg.png)" in page and "(plan.svg): a drawing in SVG" in page and "(secret.png)" in page


def test_a_folder_of_pictures_is_read_within_limits(tmp_path):
    (tmp_path / "a.png").write_bytes(data() + bytes(1000))
    (tmp_path / "b.png").write_bytes(data())
    cells = [nbformat.v4.new_markdown_cell("![](a.png) ![](b.png)"), nbformat.v4.new_code_cell("a.png")]
    lay_in_files(cells, tmp_path, FileLimits(picture=500))
    assert "image/png" in cells[0].attachments["b.png"] and "text/plain" in cells[0].attachments["a.png"]
