"""Sixty hand-ins, each honest work with one accident that public bug reports tell of, and a small course for them.

The work is the same in all of them: a function worth 3 points, a number worth 1, and a text that a person grades.
"""

from __future__ import annotations

import base64
import copy
import functools
import io
import json
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_raw_cell
from PIL import Image

from course_utils.notebooks.texts import released_text
from tests.support import cell_accidents
from tests.support.cell_accidents import at, both, cell_of, end_lines, leave_blank, lose_marks, merge, move, retype
from tests.support.engine import ROOT
from tests.support.olat_course import zip_bytes
from tests.support.tiny_course import _cell, write

__all__ = ["ACCIDENTS", "ASSIGNMENT", "NOTEBOOK", "POINTS", "PROSE", "STUDENTS", "Accident", "make_course"]

ASSIGNMENT, NOTEBOOK = "sheet", "sums"
FILE = f"{NOTEBOOK}.ipynb"
POINTS, PROSE = 4, 2  # automatic ones, and those of the text
_IMPORTS = "from course_utils.checks import assert_number"
_STUBS = {
    "add": "def add(a, b):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
    "total": "# YOUR CODE HERE\nraise NotImplementedError()",
    "why": "YOUR ANSWER HERE",
}
ANSWERS = {
    "add": "def add(a, b):\n    return a + b",
    "total": "total = sum(range(1, 101))",
    "why": "Zero is neutral: it changes no sum.",
}


def source_notebook() -> NotebookNode:
    """The instructor's notebook."""

    def solved(key: str) -> str:
        if key != "add":
            return f"### BEGIN SOLUTION\n{ANSWERS[key]}\n### END SOLUTION"
        return "def add(a, b):\n    ### BEGIN SOLUTION\n    return a + b\n    ### END SOLUTION"

    hidden = 'assert_number(add(-2, 5), 3, "add(-2, 5)", hint="Negative numbers count as well.")'
    cells = [
        _cell("setup", _IMPORTS),
        _cell("text_add", "## Exercise 1 (3 points)\n\nWrite `add`, which adds two numbers.", markdown=True),
        _cell("add", solved("add"), solution=True),
        _cell("test_add", 'assert_number(add(2, 3), 5, "add(2, 3)")', points=2),
        _cell("test_add_hidden", f"# Hidden tests.\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS", points=1),
        _cell("text_total", "## Exercise 2 (1 point)\n\nAdd all numbers from 1 to 100: `total`.", markdown=True),
        _cell("total", solved("total"), solution=True),
        _cell("test_total", 'assert_number(total, 5050, "total")', points=1),
        _cell("text_why", "## Exercise 3 (2 points)\n\nWhy do sums begin with zero?", markdown=True),
        _cell("why", solved("why"), points=PROSE, solution=True, markdown=True),
    ]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def make_course(folder: Path) -> Path:
    """Write the course into a folder, with a student for each accident: u01, u02, …."""
    write(source_notebook(), folder / "source" / ASSIGNMENT / FILE)
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    lines = (
        f"{student},{student},Unfall-{number},Una,{student}@students.example,{9_000_000 + number},\n"
        for number, student in enumerate(STUDENTS.values(), 1)
    )
    header = "student_id,user_name,last_name,first_name,email,matriculation_number,group\n"
    (folder / "roster.csv").write_text(header + "".join(lines), encoding="utf-8")
    return folder


@functools.cache
def _honest() -> NotebookNode:
    notebook = source_notebook()
    for number, cell in enumerate(notebook.cells, 1):
        cell.source = ANSWERS.get(cell.metadata.nbgrader.grade_id, released_text(cell.source))
        if cell.cell_type == "code":
            cell.execution_count = number
    return notebook


def honest() -> NotebookNode:
    """The student's notebook, right and run."""
    return copy.deepcopy(_honest())


# Ways to make a hand-in: its files by path, for a folder; what OpenOlat gets of it says `Accident.uploaded`.

Files = dict[str, bytes]


def _bytes(notebook: Mapping[str, Any]) -> bytes:
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def cells(change: Callable[[NotebookNode], None], **beside: bytes) -> Callable[[], Files]:
    """The notebook is changed; other files may lie beside it."""

    def make() -> Files:
        notebook = honest()
        change(notebook)
        return {FILE: _bytes(notebook), **{name.replace("__", "."): data for name, data in beside.items()}}

    return make


def code(key: str, text: str, **beside: bytes) -> Callable[[], Files]:
    """A cell has another text; `{}` in it is the honest one."""

    def change(notebook: NotebookNode) -> None:
        cell = cell_of(notebook, key)
        cell.source = text.replace("{}", cell.source)

    return cells(change, **beside)


def file(change: Callable[[dict], Any]) -> Callable[[], Files]:
    """The notebook's JSON is changed in place, or what is returned is the file."""

    def make() -> Files:
        content = json.loads(_bytes(honest()))
        made = change(content)
        return {FILE: made if isinstance(made, bytes) else _bytes(content)}

    return make


def named(*names: str) -> Callable[[], Files]:
    return lambda: dict.fromkeys(names, _bytes(honest()))


def _stub(key: str) -> str:
    return _STUBS[key]


def _add(cell: NotebookNode, behind: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.insert(at(notebook, behind) + 1, copy.deepcopy(cell))


def _with_an_import(notebook: NotebookNode) -> None:
    cell_of(notebook, "add").source = f"import math\n{ANSWERS['add']}"


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


def _colab(content: dict) -> None:
    """As Colab saves: no ids of cells, its own metadata, and nbgrader's where it was kept."""
    content["nbformat_minor"] = 0
    content["metadata"] = {"colab": {"provenance": [], "toc_visible": True}, "language_info": {"name": "python"},
                           "kernelspec": {"name": "python3", "display_name": "Python 3"}}  # fmt: skip
    for number, cell in enumerate(content["cells"]):
        cell.pop("id")
        cell["metadata"] = {"id": f"Zx{number}", "colab": {"base_uri": "https://localhost:8080/"}}


def _marked(theirs: Callable[[int], dict], **top: Any) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        lose_marks(ids=False, theirs=theirs)(notebook)
        notebook.metadata.update(top)

    return change


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
    return _bytes(content).replace(b' "cells": [\n', f' "cells": [\n{marks}'.encode(), 1)


def _picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), (0, 120, 60)).save(buffer, kind)
    return buffer.getvalue()


def _attached(name: str, media: str, data: bytes, text: str = "") -> Callable[[], Files]:
    def change(notebook: NotebookNode) -> None:
        cell = cell_of(notebook, "why")
        cell.source += f"\n\n![sketch](attachment:{name}) {text}"
        cell["attachments"] = {name: {media: base64.b64encode(data).decode()}}

    return cells(change)


def _tar(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return buffer.getvalue()


def _blank() -> bytes:
    notebook = honest()
    for key, stub in _STUBS.items():
        cell_of(notebook, key).source = stub
    return _bytes(notebook)


def _helper(source: str) -> bytes:
    return _bytes(nbformat.v4.new_notebook(cells=[new_code_cell(source)]))


@dataclass(frozen=True)
class Accident:
    """One hand-in and what must come of it.

    Parameters
    ----------
    make : callable
        Its files by path.
    told : tuple of str
        Words of the sentences in the tables; none if there is nothing to tell.
    points : int
        Automatic ones.
    readable : bool
        Whether it can be graded; if not, it waits for a person.
    shown : str
        What the feedback page must show, beside the text.
    upload : callable, optional
        Makes of the files what is uploaded; several files are zipped if it is not given.
    """

    make: Callable[[], Files]
    told: tuple[str, ...] = ()
    points: int = POINTS
    readable: bool = True
    shown: str = ""
    upload: Callable[[Files], Files] | None = None

    def uploaded(self) -> Files:
        files = self.make()
        if self.upload:
            return self.upload(files)
        plain = len(files) == 1 and not any("/" in name for name in files)
        return files if plain else {"hand-in.zip": zip_bytes(files)}


_LOST, _ELSEWHERE = "had lost its name", "stood in another cell"
_NAMES_GONE = "the grade_ids are gone"
_PNG = _picture("PNG")
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
        cells(both(_with_an_import, cell_accidents.split("add", 1))), (f"'add' {_LOST}",)),
    "two answers of one name": Accident(cells(_first_attempt), ("add",)),
    "a copy of the empty cell below": Accident(cells(_add(new_code_cell(_STUBS["add"]), "add"))),
    "the function below the empty cell": Accident(cells(leave_blank("add", _stub)), (_ELSEWHERE,)),
    "the text below the empty cell": Accident(cells(leave_blank("why", _stub)), ("for a person to read",)),
    "the text in a code cell": Accident(cells(retype("why", kind=new_code_cell)), ("'why'",)),
    "the text in a raw cell": Accident(cells(retype("why", kind=new_raw_cell)), ("'why'",)),
    "checks deleted": Accident(cells(_without_checks), ("'test_add'", "'test_total'")),
    "checks edited": Accident(cells(_edited_checks), ("'test_add'", "'test_total'")),
    # Programs that drop metadata.
    "saved by Colab": Accident(file(_colab), (_NAMES_GONE,)),
    "saved by VS Code": Accident(cells(_marked(lambda _: {"vscode": {"languageId": "python"}})), (_NAMES_GONE,)),
    "saved by Deepnote": Accident(
        cells(_marked(lambda n: {"cell_id": f"{n:032x}", "deepnote_cell_type": "code"}, deepnote={})), (_NAMES_GONE,)),
    "pasted into a new notebook": Accident(
        cells(both(_add(new_code_cell("1 + 1"), "add"), _marked(lambda _: {}))), (_NAMES_GONE,)),
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
        code("add", "%run helpers.ipynb", helpers__ipynb=_helper(ANSWERS["add"]))),
    "newer syntax in an own cell": Accident(
        cells(_add(new_code_cell("d = " + _NEWER), "test_add")), ("Python 3.12",) if _IS_OLD else ()),
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
    "saved by Notepad": Accident(file(lambda c: _bytes(c).decode().encode("utf-16")), ("has been converted",)),
    # Pictures.
    "a pasted picture": Accident(
        code("why", "{}\n\n![](data:image/png;base64," + base64.b64encode(_PNG).decode() + ")"),
        shown="data:image/png;base64,"),
    "an attached picture": Accident(_attached("a.png", "image/png", _PNG), shown="data:image/png;base64,"),
    "a GIF": Accident(_attached("a.gif", "image/gif", _picture("GIF")), shown="data:image/gif;base64,"),
    "a WebP": Accident(_attached("a.webp", "image/webp", _picture("WEBP")), shown="data:image/webp;base64,"),
    "a drawing in SVG": Accident(_attached("a.svg", "image/svg+xml", _SVG), shown="drawing in SVG"),
    "a picture that is missing": Accident(
        _attached("a.png", "image/png", _PNG, "![](attachment:gone.png)"), shown="gone.png"),
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
        named(FILE), upload=lambda files: {"a.tar.gz": _tar(files), f"{NOTEBOOK}.pdf": b"%PDF-1.7\n"}),
    "an untouched copy beside it": Accident(
        lambda: {f"fertig/{NOTEBOOK}_v2.ipynb": _bytes(honest()), FILE: _blank()}, (f"{NOTEBOOK}_v2.ipynb",)),
}  # fmt: skip
STUDENTS = {accident: f"u{number:02}" for number, accident in enumerate(ACCIDENTS, 1)}
