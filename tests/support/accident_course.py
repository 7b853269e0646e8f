"""A small course, the honest work of a student in it, and ways in which that comes to grief before it is handed in.

The work is the same in all of them: a function worth 3 points, a number worth 1, and a text that a person grades.
"""

from __future__ import annotations

import base64
import copy
import functools
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from PIL import Image

from course_utils.notebooks.texts import released_text
from tests.support.cell_accidents import at, cell_of, lose_marks
from tests.support.engine import ROOT
from tests.support.olat_course import zip_bytes
from tests.support.tiny_course import _cell, write

ASSIGNMENT, NOTEBOOK = "sheet", "sums"
FILE = f"{NOTEBOOK}.ipynb"
POINTS, PROSE = 4, 2  # automatic ones, and those of the text
_IMPORTS = "from course_utils.checks import assert_number"
STUBS = {
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


def students_of(accidents: Mapping[str, Accident]) -> dict[str, str]:
    """Return who had which accident: u01, u02, …."""
    return {accident: f"u{number:02}" for number, accident in enumerate(accidents, 1)}


def make_course(folder: Path, accidents: Mapping[str, Accident]) -> Path:
    """Write the course into a folder, with a student for each accident."""
    write(source_notebook(), folder / "source" / ASSIGNMENT / FILE)
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    lines = (
        f"{student},{student},Unfall-{number},Una,{student}@students.example,{9_000_000 + number},\n"
        for number, student in enumerate(students_of(accidents).values(), 1)
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


def as_bytes(notebook: Mapping[str, Any]) -> bytes:
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def cells(change: Callable[[NotebookNode], None], **beside: bytes) -> Callable[[], Files]:
    """The notebook is changed; other files may lie beside it."""

    def make() -> Files:
        notebook = honest()
        change(notebook)
        return {FILE: as_bytes(notebook), **{name.replace("__", "."): data for name, data in beside.items()}}

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
        content = json.loads(as_bytes(honest()))
        made = change(content)
        return {FILE: made if isinstance(made, bytes) else as_bytes(content)}

    return make


def named(*names: str) -> Callable[[], Files]:
    return lambda: dict.fromkeys(names, as_bytes(honest()))


def stub(key: str) -> str:
    return STUBS[key]


def add(cell: NotebookNode, behind: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.insert(at(notebook, behind) + 1, copy.deepcopy(cell))


def with_an_import(notebook: NotebookNode) -> None:
    cell_of(notebook, "add").source = f"import math\n{ANSWERS['add']}"


def colab(content: dict) -> None:
    """As Colab saves: no ids of cells, its own metadata, and nbgrader's where it was kept."""
    content["nbformat_minor"] = 0
    content["metadata"] = {"colab": {"provenance": [], "toc_visible": True}, "language_info": {"name": "python"},
                           "kernelspec": {"name": "python3", "display_name": "Python 3"}}  # fmt: skip
    for number, cell in enumerate(content["cells"]):
        cell.pop("id")
        cell["metadata"] = {"id": f"Zx{number}", "colab": {"base_uri": "https://localhost:8080/"}}


def marked(theirs: Callable[[int], dict], **top: Any) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        lose_marks(ids=False, theirs=theirs)(notebook)
        notebook.metadata.update(top)

    return change


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), (0, 120, 60)).save(buffer, kind)
    return buffer.getvalue()


def attached(name: str, media: str, data: bytes, text: str = "") -> Callable[[], Files]:
    def change(notebook: NotebookNode) -> None:
        cell = cell_of(notebook, "why")
        cell.source += f"\n\n![sketch](attachment:{name}) {text}"
        cell["attachments"] = {name: {media: base64.b64encode(data).decode()}}

    return cells(change)


def tar_bytes(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return buffer.getvalue()


def blank() -> bytes:
    notebook = honest()
    for key, stub in STUBS.items():
        cell_of(notebook, key).source = stub
    return as_bytes(notebook)


def helper(source: str) -> bytes:
    return as_bytes(nbformat.v4.new_notebook(cells=[new_code_cell(source)]))


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
