"""The made-up class of twelve of `course demo`: what each hands in, and the points that are known beforehand."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError

__all__ = ["ASSIGNMENT", "Case", "Sheet", "make_class", "read_sheet", "write_olat_download", "wrong_answers_of"]

ASSIGNMENT = "convolutions"
_ON_TIME = datetime(2026, 11, 20, 15, 30)
_LATE = datetime(2026, 11, 20, 19, 30)


@dataclass
class Case:
    """One made-up hand-in: who, what came, its files, and the points that are known beforehand.

    Without `expected` nobody can be graded from it, and it must come into quarantine.
    """

    student_id: str
    what: str
    files: dict[str, bytes]
    expected: float | None
    submitted: datetime = _ON_TIME
    folder: str = ""
    task: bool = False
    late_share: float = 0.0


@dataclass(frozen=True)
class Sheet:
    """The notebooks of the assignment, as released and as solved, with the points of their automatic cells."""

    released: Mapping[str, dict]
    solutions: Mapping[str, Mapping[str, str]]
    points: Mapping[str, Mapping[str, float]]

    @property
    def total(self) -> float:
        return sum(sum(cells.values()) for cells in self.points.values())

    def notebook(self, name: str, answers: Mapping[str, str] | None = None) -> bytes:
        """Return one notebook with all solutions filled in, those in `answers` replaced; None leaves it blank."""
        made = json.loads(json.dumps(self.released[name]))
        if answers is not None:
            filled = {**self.solutions[name], **answers}
            for cell in made["cells"]:
                grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
                if grade_id in filled:
                    cell["source"] = filled[grade_id]
        return json.dumps(made, indent=1).encode()

    def notebooks(self, answers: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, bytes]:
        """Return all notebooks, solved but for `answers`."""
        return {f"{name}.ipynb": self.notebook(name, (answers or {}).get(name, {})) for name in self.released}


def make_class(sheet: Sheet, wrong_answers: Mapping[str, list], roster: Any) -> list[Case]:
    """Make up what twelve people hand in, with the automatic points each must get.

    Parameters
    ----------
    sheet : Sheet
    wrong_answers : mapping of str to list
        By notebook: wrong answers, each with the grade cells that it loses.
    roster : Roster
        Of at least twelve students.

    Returns
    -------
    list of Case
    """
    makers = _Makers(sheet, roster)
    return [*makers.answers(wrong_answers), *makers.wrappings(), *makers.circumstances()]


class _Makers:
    """Makes the cases, three groups of them."""

    def __init__(self, sheet: Sheet, roster: Any) -> None:
        self.sheet, self.roster = sheet, roster
        self.ids = [student.student_id for student in roster.students]
        self.full = sheet.notebooks()

    def answers(self, wrong_answers: Mapping[str, list]) -> list[Case]:
        """Everything right, some wrong, nothing, something that is no Python."""
        names = list(wrong_answers)
        broken, broken_cell, broken_tests = _cell_for_a_syntax_error(self.sheet)
        with_error = self.sheet.notebooks({broken: {broken_cell: "def oops(:\n    return\n"}})
        blank = _zip({f"{name}.ipynb": self.sheet.notebook(name) for name in self.sheet.released})
        return [
            Case(self.ids[0], "everything right", self._packed(self.ids[0], self.full), self.sheet.total),
            self._partial(self.ids[1], {names[0]: wrong_answers[names[0]][0]}),
            self._partial(self.ids[2], {name: wrong_answers[name][1] for name in names[:2]}),
            Case(self.ids[3], "nothing filled in", {"convolutions.zip": blank}, 0.0),
            Case(
                self.ids[4],
                f"a syntax error in {broken_cell}",
                self._packed(self.ids[4], with_error),
                self._points({broken: broken_tests}),
            ),
        ]

    def wrappings(self) -> list[Case]:
        """Everything right, wrapped as people and computers wrap it."""
        renamed = {("Abgabe final (2).ipynb" if i == 0 else n): data for i, (n, data) in enumerate(self.full.items())}
        (inner,) = self._packed(self.ids[6], self.full).values()
        mac = {f"hand-in/{n}": data for n, data in self.full.items()}
        mac |= {f"__MACOSX/hand-in/._{n}": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" for n in self.full}
        mac["hand-in/.DS_Store"] = b"\x00\x00\x00\x01Bud1"
        umlauts = {f"Lösung für Übung 3/{n}": data for n, data in self.full.items()}
        umlauts["Lösung für Übung 3/Erklärung.pdf"] = _PDF
        ids, total = self.ids, self.sheet.total
        return [
            Case(ids[5], "a renamed notebook", {"convolutions.zip": _zip(renamed)}, total),
            Case(ids[6], "a zip in a zip", {"Abgabe.zip": _zip({"Abgabe/convolutions.zip": inner})}, total),
            Case(ids[7], "a zip from a Mac (__MACOSX)", {"convolutions.zip": _zip(mac)}, total, task=True),
            # OpenOlat itself stores "Übung 3, Überfaltung.ZIP" like this.
            Case(ids[8], "umlauts everywhere", {"Ubung 3_ Uberfaltung.zip": _zip(umlauts)}, total),
        ]

    def circumstances(self) -> list[Case]:
        """Everything right, but late, without a manifest, or from somebody unknown."""
        late = self._packed(self.ids[10], self.full)
        by_hand = {"by hand.zip": _zip({**self.full, "report.pdf": _PDF})}
        stranger = {"convolutions.zip": _zip(self.full)}
        return [
            Case(
                self.ids[10],
                "late by 1 h 30 min: 10 % off",
                late,
                self.sheet.total,
                submitted=_LATE,
                late_share=0.1,
            ),
            Case(self.ids[9], "made by hand, a PDF, no manifest", by_hand, self.sheet.total),
            Case("", "somebody who is not in the roster", stranger, None, folder="Unbekannt_Ulla_uunbekannt"),
        ]

    def _partial(self, student_id: str, answers: Mapping[str, Any]) -> Case:
        files = self.sheet.notebooks({name: answer.cells for name, answer in answers.items()})
        lost = {name: set(answer.loses) for name, answer in answers.items()}
        what = "partly right: " + "; ".join(answer.why for answer in answers.values())
        return Case(student_id, what, self._packed(student_id, files), self._points(lost))

    def _packed(self, student_id: str, files: dict[str, bytes]) -> dict[str, bytes]:
        """Return the zip as the student's own `course pack` writes it."""
        from course_utils.packing.manifest import FILE_NAME, Member, manifest

        student = self.roster.student(student_id)
        member = Member(student.name, student.matriculation_number)
        about = manifest(ASSIGNMENT, student.groups[0], [member], files)
        return {"convolutions.zip": _zip({**files, FILE_NAME: json.dumps(about, indent=1).encode()})}

    def _points(self, lost: Mapping[str, set[str]]) -> float:
        return sum(
            worth
            for name, cells in self.sheet.points.items()
            for grade_id, worth in cells.items()
            if grade_id not in lost.get(name, set())
        )


def write_olat_download(folder: Path, cases: list[Case], roster: Any) -> Path:
    """Write the zip that OpenOlat would let the instructor download, with its table.

    Parameters
    ----------
    folder : pathlib.Path
    cases : list of Case
    roster : Roster

    Returns
    -------
    pathlib.Path
    """
    from course_utils.platforms.olat.simulate import Folder, sheet_bytes, write_download

    folders = []
    for case in cases:
        if case.folder:
            folders.append(Folder(case.folder, {"1_submissions": case.files}))
        else:
            late = "late" if case.late_share else ""
            folders.append(Folder.of(roster.student(case.student_id), case.files, task=case.task, late=late))
    times = {case.student_id: case.submitted for case in cases if case.student_id}
    return write_download(
        folder / "Blatt_03_Faltungsnetze_2026-11-20T20-05.zip",
        folders,
        top="ita_Blatt_03_Faltungsnetze_2026-11-20T20-05-41_207",
        sheet=sheet_bytes(roster.students, times),
        when=datetime(2026, 11, 20, 20, 5, 41),
        extra={"solutions/blatt03_loesung.zip": _zip({"README.txt": b"sample solution"})},
    )


def read_sheet(folder: Path) -> Sheet:
    released, solutions, points = {}, {}, {}
    for path in sorted((folder / "source" / ASSIGNMENT).glob("*.ipynb")):
        source = json.loads(path.read_bytes())
        released[path.stem] = json.loads((folder / "release" / ASSIGNMENT / path.name).read_bytes())
        solutions[path.stem], points[path.stem] = {}, {}
        for cell in source["cells"]:
            about = cell["metadata"].get("nbgrader", {})
            text = "".join(cell["source"])
            if about.get("solution"):
                kept = [s for s in text.split("\n") if s.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION")]
                solutions[path.stem][about["grade_id"]] = "\n".join(kept)
            elif about.get("grade") and cell["cell_type"] == "code":
                points[path.stem][about["grade_id"]] = float(about["points"])
    return Sheet(released, solutions, points)


def wrong_answers_of(course: Path, folder: Path) -> dict[str, list]:
    """Return the wrong answers that the tests of the notebooks know, by notebook."""
    banks = {}
    # The banks import from the course's own tests.
    sys.path.insert(0, str(course))
    try:
        for path in sorted((course / "tests" / "wrong_answers" / ASSIGNMENT).glob("*.py")):
            if not (folder / "source" / ASSIGNMENT / f"{path.stem}.ipynb").exists():
                continue
            spec = importlib.util.spec_from_file_location(f"wrong_{path.stem.replace('-', '_')}", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            if len(module.ANSWERS) > 1:
                banks[path.stem] = module.ANSWERS
    finally:
        sys.path.remove(str(course))
    if not banks:
        raise CourseError(f"{course} has no tests/wrong_answers/{ASSIGNMENT}: two of the class need wrong answers.")
    return banks


def _cell_for_a_syntax_error(sheet: Sheet) -> tuple[str, str, set[str]]:
    """Choose a solution cell that no other solution needs; return notebook, name, and the tests that need it."""
    for name, released in sheet.released.items():
        cells = {c["metadata"].get("nbgrader", {}).get("grade_id"): "".join(c["source"]) for c in released["cells"]}
        source = {g: text for g, text in sheet.solutions[name].items() if _parse(text) is not None}
        for grade_id, text in source.items():
            names = _bound(text)
            others = [t for g, t in source.items() if g != grade_id] + [
                t for g, t in cells.items() if g not in sheet.points[name] and g not in sheet.solutions[name]
            ]
            tests = {g for g in sheet.points[name] if names & _loaded(cells[g] or "")}
            hidden = {g for g in sheet.points[name] if g.replace("_hidden", "_visible") in tests}
            if names and tests and not any(names & _loaded(t) for t in others):
                return name, grade_id, tests | hidden
    raise CourseError("No solution cell stands alone, so the demo can't know what a syntax error costs.")


def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


def _bound(text: str) -> set[str]:
    tree = _parse(text)
    found = set()
    for node in tree.body if tree else []:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return found


def _loaded(text: str) -> set[str]:
    tree = _parse(text)
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} if tree else set()


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
