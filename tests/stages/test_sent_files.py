"""Notebooks as people send them: odd names, encodings, cells and sizes are read; what is none is named and kept."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc

import pytest

from course_utils.classroom.roster import read_roster
from course_utils.notebooks import files
from course_utils.notebooks.files import NotebookError, load_notebook
from course_utils.notebooks.limits import FileLimits
from course_utils.notebooks.reading import notebook_from_bytes, read_notebook
from course_utils.notebooks.recognising import parse_notebook
from course_utils.platforms.olat.simulate import Folder, write_download
from course_utils.stages.collect import collect
from tests.support.olat_course import cell, make_course, notebook, notebook_bytes, zip_bytes

HEADER = "student_id,user_name,last_name,first_name,email,matriculation_number,group\n"
WORK, OTHER = notebook_bytes("first"), notebook_bytes("first", "    return 2")
BLANK = notebook_bytes("first", "    # YOUR CODE HERE\n    raise NotImplementedError()")


def changed(change, **top) -> bytes:
    content = json.loads(WORK) | top
    change(content["cells"])
    return json.dumps(content, indent=1).encode()


def answer(content, **about) -> bytes:
    return json.dumps({"name": "first.ipynb", "content": content, **about}).encode()


def with_output(output: dict) -> bytes:
    return changed(lambda cells: cells[2].update(outputs=[output]))


def lines(end: str) -> bytes:
    content = json.loads(WORK)
    for each in content["cells"]:
        each["source"] = each["source"].replace("\n", end).splitlines(keepends=True)
    return json.dumps(content, indent=1).encode()


def kernel(language: str, name: str = "x") -> dict:
    return {"metadata": {"kernelspec": {"display_name": name, "language": language, "name": name}}}


ZEROS = with_output({"output_type": "stream", "name": "stdout", "text": ["[" + "0. " * 24 + "]\n"] * 280_000})
FIGURES = with_output({"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0K" * 9_750_000}})
CHECKPOINT = ".ipynb_checkpoints/first-checkpoint.ipynb"

# What came; what is said of it, if anything must be.
READ = {
    "the name ends with .ipynb.txt": ({"first.ipynb.txt": WORK}, "handed in as first.ipynb.txt"),
    "the name ends with .ipynb.json": ({"first.ipynb.json": WORK}, "handed in as first.ipynb.json"),
    "the name ends with .json": ({"first.json": WORK}, "handed in as first.json"),
    "the name has no end": ({"Blatt 3": WORK}, "handed in as Blatt 3"),
    "the name ends with .ipynb.download": ({"first.ipynb.download": WORK}, "handed in as first.ipynb.download"),
    "Notepad saved it": ({"first.txt": WORK.decode().encode("utf-16")}, "has been converted"),
    "the browser counted": ({"first (1).ipynb": WORK}, "handed in as first (1).ipynb"),
    "beside an untouched copy": ({"first.ipynb": BLANK, "first.json": WORK}, "handed in as first.json"),
    "beside another of the right name": ({"first.ipynb": WORK, "first.ipynb.txt": OTHER}, "is a second first"),
    "only the checkpoint": ({CHECKPOINT: WORK}, "taken from the checkpoint"),
    "the checkpoint of a file that is none": ({"first.ipynb": b"\0" * 500, CHECKPOINT: WORK}, "zero bytes"),
    "beside its checkpoint": ({"first.ipynb": WORK, CHECKPOINT: OTHER}, ""),
    "lines end as on Windows": ({"first.ipynb": lines("\r\n")}, ""),
    "lines end as on old Macs": ({"first.ipynb": lines("\r")}, ""),
    "a cell without a text": ({"first.ipynb": changed(lambda c: c[0].update(source=None))}, "1 cell without a text"),
    "cells of unknown types": (
        {"first.ipynb": changed(lambda c: [x.update(cell_type="sql") for x in c[:2]])}, "2 cells of an unknown type"),
    "a cell that lacks its type": ({"first.ipynb": changed(lambda c: c[0].pop("cell_type"))}, "of an unknown type"),
    "a kernel of Sage": ({"first.ipynb": changed(lambda c: None, **kernel("sage"))}, "its kernel is one of sage"),
    "a kernel of .NET": ({"first.ipynb": changed(lambda c: None, **kernel("C#"))}, "its kernel is one of C#"),
    "a kernel of Spark": (
        {"first.ipynb": changed(lambda c: c.append(cell("code", "%%sql\nselect 1")), **kernel("pyspark"))}, "pyspark"),
    "no format is named": ({"first.ipynb": json.dumps({"cells": json.loads(WORK)["cells"]}).encode()}, ""),
    "the name ends with .ipynb.zip": ({"first.ipynb.zip": WORK}, "handed in as first.ipynb.zip"),
    "the name ends with .tar.gz": ({"first.tar.gz": WORK}, "handed in as first.tar.gz"),
    "the browser counted a zip": ({"a.zip (1)": zip_bytes({"first.ipynb": WORK})}, ""),
    "a zip that Safari kept": ({"a.zip.download": zip_bytes({"first.ipynb": WORK})}, ""),
    "a zip of WinZip": ({"a.zipx": zip_bytes({"first.ipynb": WORK})}, ""),
    "compressed": ({"first.ipynb.gz": gzip.compress(WORK)}, ""),
    "compressed under its own name": ({"first.ipynb": gzip.compress(WORK)}, ""),
    "the answer of GitHub": ({"first.ipynb": answer(base64.encodebytes(WORK).decode(), encoding="base64")}, "a server"),
    "the answer of JupyterHub": ({"first.ipynb": answer(json.loads(WORK), type="notebook")}, "of a server"),
    "wrapped in quotes": ({"first.ipynb": json.dumps(WORK.decode()).encode()}, "wrapped in quotes"),
    "written over a longer one": ({"first.ipynb": WORK + b' "nbformat_minor": 5\n}\n'}, "behind its end"),
    "a block of the disk": ({"first.ipynb": WORK + bytes(512)}, "has been converted"),
    "megabytes of printed zeros": ({"first.ipynb": ZEROS}, ""),
    "megabytes of figures": ({"first.ipynb": FIGURES}, ""),
}  # fmt: skip
# What came; the reason in the quarantine.
NAMED = {
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n", "Git LFS"),
    "a placeholder of OneDrive": (bytes(4096), "nothing but zero bytes"),
    "a placeholder of iCloud": (b"bplist00\xd4\x01", "placeholder of iCloud"),
    "a shortcut of Google Drive": (b'{"": "DO NOT EDIT", "doc_id": "1x", "email": "a@b"}', "shortcut to a file"),
    "marks of a merge": (WORK.replace(b"\n", b"\n<<<<<<< HEAD\n", 1), "marks of a merge conflict"),
    "half a download": (WORK[: len(WORK) // 2], "it ends in the middle"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3", "but a PDF"),
    "nothing": (b"", "empty file"),
    "a pointer of git-annex": (b"/annex/objects/SHA256E-s31234--ab.ipynb\n", "a pointer of git-annex"),
    "a link of git-annex": (b"../.git/annex/objects/Xk/3z/SHA256E-s3--ab.ipynb/x", "a pointer of git-annex"),
    "the address of a notebook": (b"https://colab.research.google.com/drive/1abc\n", "but the address of one"),
    "a shortcut of Windows": (b"L\0\0\0\x01\x14\x02\0" + bytes(80), "but a shortcut of Windows"),
    "a text of Word": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(80), "a file of Office"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "but a picture"),
    "a web page of Safari": (b"bplist00\xd1\x01\x02_\x10\x0fWebMainResource", "saved by Safari"),
    "a web page in one file": (b"From: <Saved by Blink>\r\nMIME-Version: 1.0\r\n", "but a web page"),
    "a page in pieces": (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "but a web page"),
    "not found": (b"404: Not Found", "a web site that it found none"),
    "not found, as JSON": (b'{"message": "Not Found", "status": "404"}', "a web site that it found none"),
    "a text of TextEdit": (b'{\\rtf1\\ansi \\{"cells"\\}}', "(RTF)"),
    "a script": (b"#!/usr/bin/env python\n# coding: utf-8\n\n# In[1]:\n", "a script that was made of one"),
    "a script of Jupytext": (b"\n# %% [markdown]\n# # first\n", "a script that was made of one"),
    "code alone": (b'"""First."""\n\ndef first():\n    return 1\n', "a script that was made of one"),
    "an alias of macOS": (b"book\0\0\0\0mark\0\0\0\0", "an alias of macOS"),
    "a photo": (b"\0\0\0\x18ftypheic\0\0\0\0", "but a picture"),
    "a notebook behind a notebook": (WORK + WORK, "no valid JSON, line"),
    "a patch": (b"diff --git a/first.ipynb b/first.ipynb\n", "the changes to one"),
}


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """A class in which each student had one accident."""
    root = tmp_path_factory.mktemp("sent")
    names = [*READ, *NAMED]
    who = [f"s{number:02}" for number in range(len(names))]
    course = make_course(root / "course", HEADER + "".join(f"{w},{w},L{w},F,{w}@x.example,,\n" for w in who))
    sent = [
        {"hand-in.zip": zip_bytes(READ[name][0])} if name in READ else {"first.ipynb": NAMED[name][0]} for name in names
    ]
    students = {s.student_id: s for s in read_roster(course).students}
    folders = [Folder.of(students[w], files) for w, files in zip(who, sent, strict=True)]
    download = write_download(root / "Blatt_2026-11-20T18-05.zip", folders, top="ita_Blatt_2026-11-20T18-05-41_207")
    collection = collect(course, "sheet", [download])
    rows = {row.owner_id: row for row in collection.rows}
    return (
        course,
        {name: (rows[w], course / "submitted" / w / "sheet") for name, w in zip(names, who, strict=True)},
        collection,
    )


@pytest.mark.parametrize("case", READ)
def test_the_work_is_read_and_what_was_odd_is_told(case, collected):
    row, folder = collected[1][case]
    assert row.state == "new" and READ[case][1] in "; ".join(row.notes), row.notes
    assert [path.name for path in folder.iterdir() if path.name != "timestamp.txt"] == ["first.ipynb"]
    cells = read_notebook(folder / "first.ipynb").cells
    (answer,) = [c for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == "first"]
    assert answer.source == "def first():\n    return 1"
    if not READ[case][1]:
        assert row.notes == ["without second", "time unknown: no lateness can be counted"]


@pytest.mark.parametrize("case", NAMED)
def test_what_is_no_notebook_is_named_and_kept(case, collected):
    course, rows, collection = collected
    content, reason = NAMED[case]
    row, folder = rows[case]
    assert row.state == "not graded" and not folder.exists()
    (told,) = [entry for entry in collection.quarantined if entry["student_id"] == row.owner_id]
    assert reason in told["reason"]
    assert (course / "quarantine" / "sheet" / told["kept_as"]).read_bytes() == content


def test_what_grading_says_of_a_file_is_what_collecting_says():
    for content, reason in NAMED.values():
        for read in (notebook_from_bytes, parse_notebook):
            with pytest.raises(ValueError, match=reason):
                read(content)


def test_a_notebook_in_another_language_is_told():
    foreign = changed(lambda c: c[2].update(source="first <- function() {\n 1 }"), **kernel("R"))
    assert "it is written in R, not in Python" in parse_notebook(foreign)[1]
    with pytest.raises(ValueError, match="it is written in R"):
        notebook_from_bytes(foreign)


def test_outputs_take_no_memory():
    printed = with_output({"text": ["[" + "0. " * 24 + "]\n"] * 20_000})
    tracemalloc.start()
    load_notebook(printed)
    load_notebook(FIGURES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20, peak


@pytest.mark.parametrize("tail", ["", "]", "]}]}", '"', '"]', '\\"]}]}', "[[[", '"]}', "\\"])
def test_nothing_is_left_out_of_a_text_that_is_no_json(tail):
    text = ('{"cells": [{"outputs": ["a\\"", [1' + tail).encode()
    try:
        json.loads(text)
    except ValueError:
        assert files.without_outputs(text) in (text, text.replace(b'["a\\"", [1]', b"["))


@pytest.mark.parametrize("content", [
    {"cells": [{"cell_type": "code", "source": '"outputs": [', "outputs": [{"text": ['"]}\\', "[["]}]}]},
    {"cells": [{"metadata": {"outputs": [1]}, "attachments": {"outputs": {}}, "outputs": [], "id": "\\"}]},
    {"outputs": [1], "worksheets": [{"cells": [{"outputs": [[{}], "}"], "input": "x = [1]"}]}]},
    {"cells": [], "metadata": {"a": "\\\\\"outputs\": ["}},
])  # fmt: skip
@pytest.mark.parametrize("indent", [None, 1])
def test_only_outputs_of_cells_are_left_out(content, indent):
    left = json.loads(files.without_outputs(json.dumps(content, indent=indent).encode()))
    for each in [*content.get("cells", []), *content.get("worksheets", [{}])[0].get("cells", [])]:
        each.update({"outputs": []} if "outputs" in each else {})
    assert left == content


def test_a_text_of_brackets_is_given_up_soon(monkeypatch):
    monkeypatch.setattr(files, "_MOST_MARKS", 1000)
    monkeypatch.setattr(files, "MOST_PARTS", 1000)
    for text in (
        b"[" * 5000,
        b'{"cells": [{"outputs": [' * 5000,
        b'{"outputs": ["' + b'\\"' * 5000,
        b'["' + b"\\" * 5000,
    ):
        assert files.without_outputs(text) == text
    with pytest.raises(NotebookError, match="more than 1,000 parts"):
        load_notebook(b'{"cells": [' + b"[" * 5000)


def test_the_limits_of_grading_are_those_of_collecting(tmp_path):
    course = make_course(
        tmp_path, HEADER + "a,a,L,F,a@x.example,,\n", "c.GradeNotebook.limits = {'notebook_size': 1200}"
    )
    folder = Folder.of(read_roster(course).students[0], {"first.ipynb": WORK + b" " * 2000})
    collection = collect(
        course, "sheet", [write_download(tmp_path / "d.zip", [folder], top="ita_B_2026-11-20T18-05-41_207")]
    )
    assert "is larger than 1.17 KiB" in collection.quarantined[0]["reason"]
    assert FileLimits().size == 200 << 20


def test_packing_reads_outputs_as_far_as_they_can_be(monkeypatch):
    assert parse_notebook(with_output({"text": ["x"]}), outputs=True)[0]["cells"][2]["outputs"]
    monkeypatch.setattr(files, "MOST_PARTS", 200)
    found, notes, _ = parse_notebook(with_output({"text": ["x"] * 300}), outputs=True)
    assert found["cells"][2]["outputs"] == [] and notes == ["its outputs are too many to be read"]
    assert notebook("first")["cells"]
