"""More hand-ins of honest work: other accidents of the kinds that held before, and some in which two come together."""
# ruff: noqa: E501 (cells of one line)

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Callable

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from tests.support.accident_course import (
    ANSWERS,
    FILE,
    NOTEBOOK,
    STUBS,
    Accident,
    add,
    as_bytes,
    blank,
    cells,
    code,
    colab,
    file,
    honest,
    named,
    picture,
    stub,
    with_an_import,
)  # fmt: skip
from tests.support.cell_accidents import at, both, cell_of, leave_blank, lose_marks, merge, move, retype, split
from tests.support.olat_course import zip_bytes

__all__ = ["MORE_ACCIDENTS"]

_VIEW = "application/vnd.jupyter.widget-view+json"


def _instead(data: bytes) -> Callable[[], dict[str, bytes]]:
    return lambda: {FILE: data}


def _answer_of_github(content: dict) -> bytes:
    text = base64.encodebytes(as_bytes(content)).decode()
    return json.dumps({"name": FILE, "encoding": "base64", "content": text}).encode()


def _longer_before(content: dict) -> bytes:
    """A shorter notebook was written over a longer one, and nobody cut the rest off."""
    return as_bytes(content) + b'"3.12.4"\n  }\n },\n "nbformat": 4,\n "nbformat_minor": 5\n}\n'


def _widgets(states: object) -> Callable[[dict], None]:
    def change(content: dict) -> None:
        content["metadata"]["widgets"] = states

    return change


def _only_a_view(content: dict) -> None:
    content["cells"][2]["outputs"] = [
        {"output_type": "display_data", "metadata": {}, "data": {_VIEW: {"model_id": "1f"}}}
    ]


def _own(source: str, behind: str = "add") -> Callable[[], dict[str, bytes]]:
    """A cell of the student's own, which runs between answers."""
    return cells(add(new_code_cell(source), behind))


def _front(text: str) -> Callable[[], dict[str, bytes]]:
    """Lines before the answer `add`."""
    return code("add", text + "\n{}")


def _doubled(notebook: NotebookNode) -> None:
    """An editor that shows a notebook as blocks has every answer twice, the first time as it was given out."""
    for key, text in STUBS.items():
        place = at(notebook, key)
        twin = copy.deepcopy(notebook.cells[place])
        twin.source, twin.id = text, f"block-{key}"
        notebook.cells.insert(place, twin)


def _every_answer_raw(notebook: NotebookNode) -> None:
    retype(*ANSWERS, kind=new_raw_cell)(notebook)


def _one_long_cell(notebook: NotebookNode) -> None:
    """All code was put into one cell, all text below it."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    notebook.cells = [new_code_cell("\n\n".join(sources)), *map(new_markdown_cell, texts)]


def _scripted(notebook: NotebookNode) -> None:
    """It went through a script and back: no metadata, no ids, the text cells as comments of raw cells."""
    lose_marks(ids=False, theirs=lambda _: {})(notebook)
    notebook.cells.insert(0, new_raw_cell("---\njupyter:\n  jupytext:\n    formats: ipynb,py:percent\n---"))


def _in_folders() -> dict[str, bytes]:
    """Two notebooks of one name: the one that was given out, and the work, which was saved into a folder."""
    return {FILE: blank(), f"meine Lösung/{FILE}": as_bytes(honest()), "data/readme.txt": b"x"}


def _parts() -> dict[str, bytes]:
    """Each of two people wrote into a copy of her own, and both were handed in."""
    first, second = honest(), honest()
    cell_of(first, "total").source, cell_of(first, "why").source = STUBS["total"], STUBS["why"]
    cell_of(second, "add").source = STUBS["add"]
    return {"ada.ipynb": as_bytes(first), "bo.ipynb": as_bytes(second)}


def _old_and_new(content: dict) -> None:
    """In format 4.4 cells have no ids; a new one was added by another program."""
    content["nbformat_minor"] = 4
    for cell in content["cells"]:
        cell.pop("id")
    content["cells"].insert(
        3, {"cell_type": "code", "id": "a", "metadata": {}, "source": ["1 + 1"], "outputs": [], "execution_count": 1}
    )


_PNG = base64.b64encode(picture("PNG")).decode()
_LEFT_OUT = "was left out"

MORE_ACCIDENTS: dict[str, Accident] = {
    # Something else by the name of a notebook.
    "a web page that Safari saved": Accident(
        _instead(b"bplist00\xd1\x01\x02_\x10\x0fWebMainResource\xd5\x03\x04"), ("a web page",), readable=False),
    "a web page in one file": Accident(
        _instead(b"From: <Saved by Blink>\r\nMIME-Version: 1.0\r\n\r\n<html>"), ("a web page",), readable=False),
    "nothing was found": Accident(_instead(b"404: Not Found"), ("a web site that it found none",), readable=False),
    "a text of TextEdit": Accident(_instead(b"{\\rtf1\\ansi\\ansicpg1252 \\{\"cells\"\\}}"), ("RTF",), readable=False),
    "a script": Accident(
        _instead(b"#!/usr/bin/env python\n# coding: utf-8\n\n# In[1]:\n\ndef add(a, b):\n    return a + b\n"),
        ("a script",), readable=False),
    "the answer of GitHub": Accident(file(_answer_of_github), ("wrapped in the answer of a server",)),
    "a longer file before": Accident(file(_longer_before), ("behind its end",)),
    "compressed": Accident(
        named(FILE), (f"handed in as {FILE}",) * 0, upload=lambda files: {f"{FILE}.gz": gzip.compress(files[FILE])}),
    # Somebody should sit at the keyboard.
    "a question in a loop": Accident(_own("while True:\n    answer = input('again? ')\n    if answer != 'y':\n        break"),
                                     ("nobody answers `input`",)),
    "a question as a condition": Accident(_own("if input('Show? ') == 'y':\n    print(add(1, 2))"), ("nobody answers `input`",)),
    "a password": Accident(_front("from getpass import getpass\ntoken = getpass('Token: ')"), (_LEFT_OUT,)),
    "a debugger": Accident(_front("breakpoint()"), shown="nobody sits here"),
    "an older debugger": Accident(_front("import pdb; pdb.set_trace()"), shown="nobody sits here"),
    "a file to choose": Accident(_front("from google.colab import files\nup = files.upload()"), ("`google.colab`",)),
    # Widgets.
    "widgets without states": Accident(file(_widgets({"application/vnd.jupyter.widget-state+json": {}}))),
    "widgets as an old program kept them": Accident(file(_widgets({"state": {"1f": {"views": [{"cell_index": 2}]}}, "version": "1.2.0"}))),
    "widgets that are a list": Accident(file(_widgets([]))),
    "a widget that nobody can show": Accident(file(_only_a_view)),
    "interact as a decorator": Accident(_front("from ipywidgets import interact\n@interact(a=(0, 9), b=[1, 2])\ndef look(a, b):\n    return a + b")),
    "the answer under interact": Accident(_front("from ipywidgets import interact\n@interact(a=(0, 9), b=(0, 9))")),
    "a slider that is observed": Accident(_own("import ipywidgets as w\ns = w.IntSlider()\ns.observe(lambda c: print(add(1, c.new)), 'value')\ndisplay(w.VBox([s]))\ns.value = 4")),
    "an animation": Accident(_own("import matplotlib.pyplot as plt\nfrom matplotlib.animation import FuncAnimation\nfrom IPython.display import HTML\nfig, ax = plt.subplots()\nline, = ax.plot([])\nani = FuncAnimation(fig, lambda i: line.set_data(range(i), range(i)), frames=3)\nHTML(ani.to_jshtml())")),
    # Pages beside.
    "its own page, shouted": Accident(lambda: {FILE: as_bytes(honest()), f"{NOTEBOOK.upper()}.HTML": b"<html>MINE</html>"}),
    "folders called like pages": Accident(lambda: {FILE: as_bytes(honest()), f"{NOTEBOOK}.html/index.html": b"<html>MINE</html>",
                                                   f"{NOTEBOOK}_files/{NOTEBOOK}_1_0.png": picture("PNG")}),
    # What shows things.
    "an old place of display": Accident(_front("from IPython.core.display import display, HTML\ndisplay(HTML('<b>x</b>'))"), ("`from IPython.core.display import display`",)),
    "display in the answer": Accident(code("add", "def add(a, b):\n    display(a)\n    return a + b")),
    "a picture that is not here": Accident(_own("from IPython.display import Image\nImage(filename='/content/sketch.png')"), ("another machine",)),
    "cleared output": Accident(_own("from IPython.display import clear_output, Markdown\nclear_output(wait=True)\nMarkdown('**done**')")),
    # Cell magics.
    "a magic below an empty line": Accident(code("add", "\n\n%%time\n{}")),
    "two magics": Accident(code("add", "%%capture --no-stderr out\n%%time\n{}")),
    "a file is written and imported": Accident(
        cells(both(add(new_code_cell(f"%%writefile mine.py\n{ANSWERS['add']}"), "text_add"),
                   lambda nb: cell_of(nb, "add").update(source="from mine import add")))),
    "a magic that is not here": Accident(code("add", "%%memit\n{}"), ("`%%memit`",)),
    "a shell that is not here": Accident(_own("%%script ruby\nputs 1"), ("runs a shell line",)),
    "a page in a cell": Accident(_own("%%html\n<script>alert(1)</script>")),
    # A graphics card.
    "the name of a card": Accident(_front("import torch\nprint(torch.cuda.get_device_name(0))"), ("on the CPU",)),
    "tensors of a card": Accident(_front("import torch\nx = torch.ones(2).type(torch.cuda.FloatTensor)"), ("on the CPU",)),
    "mixed precision of a card": Accident(
        _front("import torch\nscaler = torch.cuda.amp.GradScaler()\nwith torch.autocast('cuda', dtype=torch.float16):\n    x = torch.ones(2, 2).to('cuda:0', non_blocking=True) @ torch.ones(2, 2).to('cuda:0')\ntorch.cuda.synchronize()"),
        ("on the CPU",)),
    "the card of a Mac": Accident(
        code("add", "import torch\ndevice = torch.device('mps')\ndef add(a, b):\n    return (torch.tensor(a, device=device) + b).item()"),
        ("on the CPU",)),
    # Two accidents at once.
    "Colab, split cells, a renamed zip": Accident(
        lambda: {FILE: _colab_split()}, ("the grade_ids are gone", "it was recognised") [:1],
        upload=lambda files: {"Kopie von Abgabe (2).zip.zip": zip_bytes({"Kopie von sums.ipynb": files[FILE]})}),
    "two notebooks of one name": Accident(_in_folders, ("is a second sums",)),
    "answers as raw cells, at the end": Accident(cells(both(_every_answer_raw, lambda nb: nb.cells.append(nb.cells.pop(at(nb, "text_total"))))), ("'add'",)),
    "Deepnote, names missing, cells doubled": Accident(
        cells(both(_doubled, lose_marks(kept=("setup", "add", "test_add"), ids=False,
                                        theirs=lambda n: {"cell_id": f"{n:032x}", "deepnote_cell_type": "code"}))), ("lost their names",)),
    "one long cell": Accident(cells(_one_long_cell), ("the grade_ids are gone",)),
    "through a script and back, text below": Accident(
        cells(both(leave_blank("why", stub), _scripted)), ("the grade_ids are gone",)),
    "format 4.4 and a new cell": Accident(file(_old_and_new)),
    "merged and moved": Accident(cells(both(merge("total", "test_total"), move("add", None))), ("'add'", "'total'")),
    "split, half of it without a name, pictures as text": Accident(
        cells(both(with_an_import, split("add", 1), lambda nb: cell_of(nb, "why").update(
            source=f"{ANSWERS['why']}\n\n![x](data:image/png;base64,{_PNG})"))), ("'add'",), shown="data:image/png;base64,"),
    "wrong name, wrong end, a checkpoint beside": Accident(
        lambda: {"Übungsblatt final FINAL.ipynb.txt": as_bytes(honest()).decode().encode("utf-16"),
                 f".ipynb_checkpoints/{NOTEBOOK}-checkpoint.ipynb": blank()},
        ("has been converted",)),
    "a copy without names beside the empty one": Accident(
        lambda: {FILE: blank(), f"Copy of {FILE}": file(colab)()[FILE]}, ("the grade_ids are gone",)),
    "two people in two copies": Accident(_parts, ("different copies",), readable=False),
}  # fmt: skip


def _colab_split() -> bytes:
    notebook = honest()
    with_an_import(notebook)
    split("add", 1)(notebook)
    content = json.loads(as_bytes(notebook))
    colab(content)
    return as_bytes(content)
