"""Sixty hand-ins, each honest work with one accident that public bug reports tell of."""

from __future__ import annotations

import base64
import copy
import sys

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_raw_cell

from tests.support import cell_accidents
from tests.support.accident_course import (
    ANSWERS,
    FILE,
    NOTEBOOK,
    STUBS,
    Accident,
    add,
    as_bytes,
    attached,
    blank,
    cells,
    code,
    colab,
    file,
    helper,
    honest,
    marked,
    named,
    picture,
    stub,
    tar_bytes,
    with_an_import,
)  # fmt: skip
from tests.support.cell_accidents import at, both, end_lines, leave_blank, lose_marks, merge, move, retype
from tests.support.olat_course import zip_bytes

__all__ = ["ACCIDENTS"]


def _first_attempt(notebook: NotebookNode) -> None:
    """The cell was copied with its name, and the answer made better in the copy."""
    place = at(notebook, "add")
    first = copy.deepcopy(notebook.cells[place])
    first.id, first.source = "first-attempt", "def add(a, b):\n    return a - b"
    notebook.cells.insert(place, first)


def _without_checks(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if "assert_number(" not in cell.source]


def _edited_checks(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.source = cell.source if "assert_number(" not in cell.source else "assert True"


def _one_id(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.id = "cell"


def _in_format_3(content: dict) -> None:
    sheet = [
        {**cell, "input" if cell["cell_type"] == "code" else "source": cell["source"], "language": "python"}
        for cell in content.pop("cells")
    ]
    content.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": sheet, "metadata": {}}])


def _printed(content: dict) -> None:
    lines = ["[" + "0. " * 24 + "]\n"] * 60_000
    content["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": lines}]


def _conflict(content: dict) -> bytes:
    ours, theirs = '     "source": "mine"\n', '     "source": "yours"\n'
    marks = f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> 1f3a9c\n"
    return as_bytes(content).replace(b' "cells": [\n', f' "cells": [\n{marks}'.encode(), 1)


_LOST, _ELSEWHERE = "had lost its name", "stood in another cell"
_NAMES_GONE = "the grade_ids are gone"
_PNG = picture("PNG")
_NEWER = "{'a': 1}\nprint(f\"{d['a']} and {d[\"a\"]}\")"
_SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>"
_IS_OLD = sys.version_info < (3, 12)  # quotes inside f-strings

ACCIDENTS: dict[str, Accident] = {
    # Cells.
    "the function in a new cell": Accident(cells(retype("add")), (f"'add' {_LOST}",)),
    "the text in a new cell": Accident(cells(retype("why")), (f"'why' {_LOST}",)),
    "every answer in a new cell": Accident(cells(retype(*ANSWERS)), (f"'add' {_LOST}", f"'total' {_LOST}")),
    "the function at the end": Accident(cells(move("add", None)), (_ELSEWHERE,)),
    "the number before the function": Accident(cells(move("total", "add")), (_ELSEWHERE,)),
    "the text before its question": Accident(cells(move("why", "text_add")), ("'why'",)),
    "function and check in one cell": Accident(cells(merge("add", "test_add")), ("stood in the cell 'test_add'",)),
    "two answers in one cell": Accident(cells(merge("add", "total")), ("stands in the cell 'total'",)),
    "the answer in the text of the question": Accident(cells(merge("why", "text_why", behind=True)), ("'why'",)),
    "a function in two cells": Accident(
        cells(both(with_an_import, cell_accidents.split("add", 1))), (f"'add' {_LOST}",)),
    "two answers of one name": Accident(cells(_first_attempt), ("add",)),
    "a copy of the empty cell below": Accident(cells(add(new_code_cell(STUBS["add"]), "add"))),
    "the function below the empty cell": Accident(cells(leave_blank("add", stub)), (_ELSEWHERE,)),
    "the text below the empty cell": Accident(cells(leave_blank("why", stub)), ("for a person to read",)),
    "the text in a code cell": Accident(cells(retype("why", kind=new_code_cell)), ("'why'",)),
    "the text in a raw cell": Accident(cells(retype("why", kind=new_raw_cell)), ("'why'",)),
    "checks deleted": Accident(cells(_without_checks), ("'test_add'", "'test_total'")),
    "checks edited": Accident(cells(_edited_checks), ("'test_add'", "'test_total'")),
    # Programs that drop metadata.
    "saved by Colab": Accident(file(colab), (_NAMES_GONE,)),
    "saved by VS Code": Accident(cells(marked(lambda _: {"vscode": {"languageId": "python"}})), (_NAMES_GONE,)),
    "saved by Deepnote": Accident(
        cells(marked(lambda n: {"cell_id": f"{n:032x}", "deepnote_cell_type": "code"}, deepnote={})), (_NAMES_GONE,)),
    "pasted into a new notebook": Accident(
        cells(both(add(new_code_cell("1 + 1"), "add"), marked(lambda _: {}))), (_NAMES_GONE,)),
    "half of the names lost": Accident(
        cells(lose_marks(kept=("setup", "text_add", "add", "test_add"))), ("had lost their names",)),
    "one id for all cells": Accident(cells(_one_id)),
    "an old format": Accident(file(_in_format_3), ("converted from the old notebook format",)),
    # Lines that work on the student's machine only.
    "a drive of Colab": Accident(
        code("setup", "from google.colab import drive\ndrive.mount('/content/drive')\n{}"), ("`google.colab`",)),
    "packages installed": Accident(code("add", "!pip install -q emoji\n{}"), ("`!pip install -q emoji`",)),
    "interactive figures": Accident(code("setup", "%matplotlib widget\n{}"), ("`%matplotlib widget`",)),
    "a question to the keyboard": Accident(code("total", "n = int(input('n? '))\n{}"), ("nobody answers `input`",)),
    "another working folder": Accident(code("add", "import os\nos.chdir('C:/Users/una')\n{}"), ("another machine",)),
    "a package that is not here": Accident(code("add", "import pandas as pd\n{}"), ("`import pandas as pd`",)),
    "a module of one's own": Accident(
        code("add", "from mine import *", mine__py=ANSWERS["add"].encode())),
    "a notebook of one's own": Accident(
        code("add", "%run helpers.ipynb", helpers__ipynb=helper(ANSWERS["add"]))),
    "newer syntax in an own cell": Accident(
        cells(add(new_code_cell("d = " + _NEWER), "test_add")), ("Python 3.12",) if _IS_OLD else ()),
    "newer syntax in the answer": Accident(
        code("total", "d = " + _NEWER + "\n{}"), ("Python 3.12",) if _IS_OLD else (), points=3 if _IS_OLD else 4),
    "a graphics card": Accident(
        code("add", "import torch\ndef add(a, b):\n    return (torch.tensor(a).cuda() + b).item()"), ("on the CPU",)),
    # Files as people send them.
    "named .ipynb.txt": Accident(named(f"{FILE}.txt"), (f"handed in as {FILE}.txt",)),
    "named .ipynb.json": Accident(named(f"{FILE}.json"), (f"handed in as {FILE}.json",)),
    "counted by the browser": Accident(named(f"{NOTEBOOK} (1).ipynb"), (f"handed in as {NOTEBOOK} (1).ipynb",)),
    "only the checkpoint": Accident(
        named(f".ipynb_checkpoints/{NOTEBOOK}-checkpoint.ipynb"), ("taken from the checkpoint",)),
    "lines of an old Mac": Accident(cells(end_lines("\r"))),
    "a cell without a text": Accident(file(lambda c: c["cells"][1].update(source=None)), ("without a text",)),
    "a cell of an unknown type": Accident(
        file(lambda c: c["cells"][5].update(cell_type="sql")), ("of an unknown type",)),
    "the kernel of Sage": Accident(
        file(lambda c: c["metadata"].update(kernelspec={"name": "sage", "language": "sage", "display_name": "Sage"})),
        ("its kernel is one of sage",)),
    "a pointer of Git LFS": Accident(
        file(lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:1f\nsize 9\n"),
        ("Git LFS",), readable=False),
    "a placeholder of the cloud": Accident(file(lambda _: bytes(3000)), ("nothing but zero bytes",), readable=False),
    "marks of a merge": Accident(file(_conflict), ("marks of a merge conflict",), readable=False),
    "megabytes of printed zeros": Accident(file(_printed)),
    "saved by Notepad": Accident(file(lambda c: as_bytes(c).decode().encode("utf-16")), ("has been converted",)),
    # Pictures.
    "a pasted picture": Accident(
        code("why", "{}\n\n![](data:image/png;base64," + base64.b64encode(_PNG).decode() + ")"),
        shown="data:image/png;base64,"),
    "an attached picture": Accident(attached("a.png", "image/png", _PNG), shown="data:image/png;base64,"),
    "a GIF": Accident(attached("a.gif", "image/gif", picture("GIF")), shown="data:image/gif;base64,"),
    "a WebP": Accident(attached("a.webp", "image/webp", picture("WEBP")), shown="data:image/webp;base64,"),
    "a drawing in SVG": Accident(attached("a.svg", "image/svg+xml", _SVG), shown="drawing in SVG"),
    "a picture that is missing": Accident(
        attached("a.png", "image/png", _PNG, "![](attachment:gone.png)"), shown="gone.png"),
    # Folders and archives.
    "a zip in a zip": Accident(
        named(f"Abgabe/{FILE}"), upload=lambda files: {"a.zip": zip_bytes({"b.zip": zip_bytes(files)})}),
    "a zip of a Mac": Accident(
        named(f"Übung 1 (fertig)/{FILE}"),
        upload=lambda files: {"a.zip": zip_bytes({**files, f"__MACOSX/Übung 1 (fertig)/._{FILE}": b"\0\5\x16\7"})}),
    "backslashes in a zip": Accident(
        named(f"sheet/{FILE}"),
        upload=lambda files: {"a.zip": zip_bytes({name.replace("/", "\\"): data for name, data in files.items()})}),
    "a tar beside a PDF": Accident(
        named(FILE), upload=lambda files: {"a.tar.gz": tar_bytes(files), f"{NOTEBOOK}.pdf": b"%PDF-1.7\n"}),
    "an untouched copy beside it": Accident(
        lambda: {f"fertig/{NOTEBOOK}_v2.ipynb": as_bytes(honest()), FILE: blank()}, (f"{NOTEBOOK}_v2.ipynb",)),
}  # fmt: skip
