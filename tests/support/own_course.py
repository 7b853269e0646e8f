"""A programming course of one's own: two notebooks with plain asserts, a module and data beside them, no course_utils.

`STOCK` holds the points that nbgrader 0.9.6 alone gives to each answer, cell by cell (`nbgrader autograde` with its own
defaults), so that both graders can be compared without running it.
"""

from __future__ import annotations

from pathlib import Path

import nbformat

from tests.support.engine import ROOT
from tests.support.tiny_course import _cell, write

ASSIGNMENT = "ps1"
HELPER = "def mean(numbers):\n    return sum(numbers) / len(numbers)\n"
DATA = "day,rain\n1,0.5\n2,1.5\n3,4.0\n"

_STACK = """class Stack:
    def __init__(self, *entries):
        self.entries = list(entries)

    def push(self, entry):
        self.entries.append(entry)

    def pop(self):
        if not self.entries:
            raise IndexError("the stack is empty")
        return self.entries.pop()

    def copy(self):
        return Stack(*self.entries)

    def __eq__(self, other):
        return isinstance(other, Stack) and self.entries == other.entries

    def __lt__(self, other):
        return len(self) < len(other)

    def __hash__(self):
        return hash(tuple(self.entries))

    def __len__(self):
        return len(self.entries)

    def __iter__(self):
        return iter(reversed(self.entries))

    def __getitem__(self, place):
        return self.entries[place]

    def __add__(self, other):
        return Stack(*self.entries, *other.entries)

    def __str__(self):
        return " | ".join(map(str, self.entries))

    def __repr__(self):
        return f"Stack({', '.join(map(repr, self.entries))})"\n"""
_SHOW = "def show(stack):\n    for entry in stack:\n        print('*', entry)"
_PILE = "class Pile(list):\n    def top(self):\n        return self[-1]"
_TOTAL = """def total(path):
    with open(path) as file:
        next(file)
        return sum(float(line.split(",")[1]) for line in file)"""
_CENTRED = "def centred(numbers):\n    middle = mean(numbers)\n    return [number - middle for number in numbers]"

_STACK_TESTS = {
    "test_kind": "s = Stack(1, 2)\nassert isinstance(s, Stack)\nassert not isinstance(3, Stack)",
    "test_equal": "s, t, u = Stack(1, 2), Stack(1), Stack(3)\nt.push(2)\nassert s == t\nassert s != u and not s == u\n"
    "assert s.copy() == s and s in [u, t]\nassert len({s, t, u}) == 2",
    "test_special": "s = Stack(1, 2, 3)\nassert len(s) == 3\nassert list(s) == [3, 2, 1]\nassert s[0] == 1 and 2 in s\n"
    "assert s.pop() == 3 and bool(Stack(1)) and not Stack()",
    "test_text": "s = Stack(1, 'a')\nassert str(s) == '1 | a'\nassert f'{s}' == '1 | a'\n"
    "assert repr(s) == \"Stack(1, 'a')\"",
    "test_computed": "s, t = Stack(1), Stack(2, 3)\nassert s + t == Stack(1, 2, 3)\nassert s < t\n"
    "assert sorted([t, s]) == [s, t]",
    "test_empty": "try:\n    Stack().pop()\nexcept IndexError:\n    pass\nelse:\n    assert False, 'of an empty stack'",
    "test_pile": "p = Pile([1, 2])\np.append(5)\nassert p.top() == 5 and len(p) == 3 and isinstance(p, Pile)",
    "test_shown": "import contextlib\nimport io\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n"
    "    show(Stack(1, 2))\n    print('end')\nassert out.getvalue() == '* 2\\n* 1\\nend\\n'",
}
_DATA_TESTS = {
    "test_total": "assert total('rain.csv') == 6.0\nassert len(open('rain.csv').read().splitlines()) == 4",
    "test_centred": "from helper import mean\nassert centred([1, 2, 6]) == [-2, -1, 3]\n"
    "assert mean(centred([4, 8])) == 0",
}
ANSWERS = {"stack": _STACK, "pile": _PILE, "show": _SHOW, "total": _TOTAL, "centred": _CENTRED}
# What students hand in: which answers are other ones.
CLASS = {
    "right": {},
    "wrong": {
        "stack": _STACK.replace("self.entries == other.entries", "True").replace('" | "', '" "'),
        "show": "def show(stack):\n    return list(stack)",
        "centred": "def centred(numbers):\n    return numbers",
        "total": "def total(path):\n    return 0",
    },
    "list": {"stack": "class Stack(list):\n    def __init__(self, *entries):\n        super().__init__(entries)\n\n"
             "    def push(self, entry):\n        self.append(entry)"},
}  # fmt: skip
_LOST = {
    "right": (),
    "wrong": ("test_equal", "test_text", "test_shown", "test_total", "test_centred"),
    "list": ("test_equal", "test_special", "test_text", "test_shown"),
}
STOCK = {
    student: {name: float(name not in lost) for name in (*_STACK_TESTS, *_DATA_TESTS)}
    for student, lost in _LOST.items()
}


def _notebook(imports: str, parts: list[tuple[list[str], dict[str, str]]]) -> nbformat.NotebookNode:
    cells = [_cell("setup", imports)]
    for answers, tests in parts:
        for name in answers:
            body = f"### BEGIN SOLUTION\n{ANSWERS[name]}\n### END SOLUTION"
            cells.append(_cell(name, body, solution=True))
        cells += [_cell(name, source, points=1) for name, source in tests.items()]
    for cell in cells:
        del cell.metadata["course"]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def notebooks() -> dict[str, nbformat.NotebookNode]:
    """The instructor's notebooks, by name."""
    return {
        "classes": _notebook("import math", [(["stack", "pile", "show"], _STACK_TESTS)]),
        "data": _notebook("from helper import mean", [(["total", "centred"], _DATA_TESTS)]),
    }


def make_course(folder: Path, changed: dict[str, str] | None = None) -> Path:
    """Write the course into a folder, with the settings of this repository and no others.

    `changed` are the sources of cells that are to be other ones, by grade_id.
    """
    source = folder / "source" / ASSIGNMENT
    for name, notebook in notebooks().items():
        for cell in notebook.cells:
            cell.source = (changed or {}).get(cell.metadata.nbgrader.grade_id, cell.source)
        write(notebook, source / f"{name}.ipynb")
    (source / "helper.py").write_text(HELPER)
    (source / "rain.csv").write_text(DATA)
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(config + "\nc.GradeNotebook.preload = []\n", encoding="utf-8")
    return folder


def hand_in_class(course: Path) -> None:
    """Lay the hand-ins of all students into `submitted/`."""
    for student, changed in CLASS.items():
        for name, notebook in notebooks().items():
            for cell in notebook.cells:
                answer = cell.metadata.nbgrader.grade_id
                if answer in ANSWERS:
                    cell.source = changed.get(answer, ANSWERS[answer])
            write(notebook, course / "submitted" / student / ASSIGNMENT / f"{name}.ipynb")
