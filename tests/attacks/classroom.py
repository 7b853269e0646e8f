"""A class in which everybody attacks, but for the neighbours; and what became of each."""
# ruff: noqa: E501 (attackers write long lines)

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_utils.classroom.grades import fetch_notebook
from tests.attacks import (
    browser,
    cell_changers,
    copies,
    ending,
    evaluation,
    expressions,
    files,
    handins,
    lying,
    messages,
    metadata,
    objects,
    operators,
    oracles,
    patching,
    reading,
    resources,
)  # fmt: skip
from tests.attacks.attack import Attack
from tests.attacks.course import ASSIGNMENT, CELL_POINTS, LITTER, NOTEBOOK, SCRIPT, SECRET, TEST_CELLS, Course

FAMILIES: dict[str, list[Attack]] = {
    module.__name__.rpartition(".")[2]: module.ATTACKS
    for module in (  # those that wait for their time to be up come first: nobody is left to wait for at the end
        messages,
        patching,
        resources,
        ending,
        expressions,
        metadata,
        reading,
        operators,
        cell_changers,
        copies,
        lying,
        files,
        browser,
        evaluation,
        oracles,
        handins,
        objects,
    )
}

# The neighbour's last cell: everything that could have been left by those who were graded before.
_LOOK_AROUND = f"""
import ctypes, glob, os, sys, numpy, torch, course_utils.checks
found = [p for p in glob.glob("/tmp/**", recursive=True) + glob.glob("/dev/shm/*") + glob.glob("/submission/*") + glob.glob("/run/**", recursive=True)
         + glob.glob("/*") + [os.path.dirname(m.__file__) + "/{LITTER}" for m in (numpy, torch, os)] if {LITTER!r} in p and os.path.exists(p)]
found += [m.__file__ for m in (numpy, torch, course_utils.checks, os) if {LITTER!r} in open(m.__file__).read()]
found += [n for n in os.environ if "PRELOAD" in n or "PYTHONPATH" in n]
found += [str(pid) for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if pid not in (1, os.getpid())]
found += ["shared memory"] * (ctypes.CDLL(None).shmget(4242, 0, 0) >= 0)
found += ["a changed library"] * (not numpy.allclose(1, 1) or numpy.allclose(1, 2) or torch.equal(torch.ones(1), torch.zeros(1)))
print("left here:", found)
"""
NEIGHBOUR = Attack("an honest neighbour", last=_LOOK_AROUND)


@dataclass
class Seat:
    """One student of the class: an attacker, or a neighbour behind a family of them."""

    student: str
    family: str
    attack: Attack


@dataclass
class Verdict:
    """What became of one submission.

    Parameters
    ----------
    points : dict of str to float
        By test cell; empty if there is no row in the gradebook.
    problem : str
        Why it could not be graded, as the row says.
    breaches : list of str
        What the attack achieved and must not have; empty if it failed.
    notes : list of str
        What the report of trust says.
    """

    points: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    breaches: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def seats(families: Iterable[str] = tuple(FAMILIES), stock: bool = False) -> list[Seat]:
    """Return the class in the order in which it is graded: a family of attackers, then their neighbour."""
    found = []
    for letter, family in zip("abcdefghijklmnopqrstuvwxyz", families, strict=False):
        attacks = [attack for attack in FAMILIES[family] if not (stock and attack.not_on_stock)]
        found += [Seat(f"{letter}{n:02}", family, attack) for n, attack in enumerate(attacks)]
        found.append(Seat(f"{letter}99-neighbour", family, NEIGHBOUR))
    return found


def hand_in(course: Course, seat: Seat) -> None:
    """Write the submission of a seat; a neighbour's holds a secret."""
    seat.attack.hand_in(course, seat.student)
    if seat.attack is NEIGHBOUR:
        folder = course.root / "submitted" / seat.student / ASSIGNMENT
        (folder / "own-notes.txt").write_text(course.secrets["neighbour"])


def judge(course: Course, seat: Seat, problem: str = "", notes: Iterable[str] = ()) -> Verdict:
    """Compare what became of a submission with what must."""
    attack = seat.attack
    verdict = Verdict(_points(course, seat.student), problem, notes=list(notes))
    say = verdict.breaches.append
    kept = {cell for exercise in attack.kept for cell in TEST_CELLS[exercise]}
    if not verdict.points:
        say("there is no row for it in the gradebook")
    for cell, points in verdict.points.items():
        most = CELL_POINTS[cell] if cell in kept else 0
        if points > most:
            say(f"{cell} earned {points:g} of {CELL_POINTS[cell]} points without an answer")
        elif points < most and cell.split("_", 1)[1].rpartition("_")[0] not in attack.risks:
            say(f"{cell} is honest and earned {points:g} of {most} points")
    if attack.ungradable != bool(problem):
        say(f"the row says: {problem}" if problem else "the row does not say that it could not be graded")

    graded = course.root / "autograded" / seat.student / ASSIGNMENT
    own = course.secrets["neighbour"] if attack is NEIGHBOUR else ""
    for where, text in _seen_by_student(course, seat.student, graded, notes=[problem, *verdict.notes]):
        for secret in set(SECRET.findall(text)) - {own}:
            say(f"{where} holds the secret {secret.split('-')[1]}")
        if where.endswith((".html", "formgrader")):
            for danger in dangers(text):
                say(f"{where}: {danger}")
    if attack is NEIGHBOUR and verdict.points:
        outputs = _notebook(graded)["cells"][-1].get("outputs", [])
        text = "".join(output.get("text", "") if isinstance(output.get("text"), str) else "".join(output.get("text", []))
                       for output in outputs)  # fmt: skip
        if text.strip() != "left here: []":
            say(f"the neighbour finds {text.strip() or outputs}")
    return verdict


def _points(course: Course, student: str) -> dict[str, float]:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        try:
            notebook = fetch_notebook(gradebook, NOTEBOOK, ASSIGNMENT, student)
        except MissingEntry:
            return {}
        return {grade.name: grade.auto_score or 0.0 for grade in notebook.grades if grade.name in CELL_POINTS}


def _notebook(folder: Path) -> dict:
    return json.loads((folder / f"{NOTEBOOK}.ipynb").read_bytes())


def _seen_by_student(course: Course, student: str, graded: Path, notes: list[str]) -> Iterator[tuple[str, str]]:
    """Everything that goes back to the student, or that the student's code wrote."""
    yield "the row", "\n".join(notes)
    for path in sorted((course.root / "feedback" / student).rglob("*.html")):
        yield f"feedback/{path.name}", path.read_text(encoding="utf-8", errors="replace")
    if not (graded / f"{NOTEBOOK}.ipynb").exists():
        return
    if SCRIPT in json.dumps(_notebook(graded)):
        yield "formgrader", SECRET.sub("", formgrader_page(course, student))  # hidden tests are shown there
    for cell in _notebook(graded)["cells"]:
        is_test = cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "code"
        yield "an output", json.dumps(cell.get("outputs", []))
        if not is_test:  # a test's source holds secrets, and stays with the instructor
            yield "a cell", json.dumps(cell["source"])
    for root, _, names in os.walk(graded):
        for name in names:
            path = Path(root, name)
            if path.suffix != ".ipynb" and path.is_file() and path.stat().st_size < 10**7:
                yield f"the file {name}", path.read_bytes().decode("latin-1")


class _Dangers(HTMLParser):
    """Collects what of an attacker's text a browser would run, load or follow."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in ("script", "style") else ""
        for name, value in attrs:
            value = value or ""
            reaches_out = (
                re.sub(r"[\s\x00-\x1f]", "", value).lower().startswith(("javascript:", "data:text/html", "//evil"))
            )
            if (
                SCRIPT in name
                or (SCRIPT in value and (name.startswith("on") or name in ("srcdoc", "style")))
                or (reaches_out and name in ("href", "src", "action", "formaction", "data", "content", "xlink:href"))
            ):
                self.found.append(f"<{tag} {name}={value[:60]!r}>")
        if tag in ("iframe", "object", "embed", "base", "form") and "evil" in str(attrs) + SCRIPT:
            self.found.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside and SCRIPT in data:
            self.found.append(f"<{self.inside}> with {data.strip()[:60]!r}")


def dangers(page: str) -> list[str]:
    """Return what in a page would run an attacker's code in a browser."""
    reader = _Dangers()
    reader.feed(page)
    reader.close()
    return list(dict.fromkeys(reader.found))


def formgrader_page(course: Course, student: str) -> str:
    """Return the page on which formgrader shows a submission to whoever grades by hand."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course.root)).load_config()
    config.merge(
        Config(HTMLExporter={"template_name": "formgrade", "extra_template_basedirs": [handlers.template_path]})
    )
    path = course.root / "autograded" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    counter = itertools.count()
    resources = {
        "assignment_id": ASSIGNMENT, "notebook_id": NOTEBOOK, "submission_id": student, "submission_index": next(counter),
        "index": 0, "total": 1, "base_url": "/", "mathjax_url": "", "last_name": None, "first_name": None,
        "notebook_path": "", "keyword": "", "my_user_id": None,
    }  # fmt: skip
    page, _ = HTMLExporter(config=config).from_filename(str(path), resources=resources)
    return page


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, as an instructor does."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
