"""`course demo`: a made-up class goes through the whole cycle, in a folder of its own."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import shutil
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from course_utils.command.terminal import console, progress
from course_utils.errors import CourseError

__all__ = ["register", "run"]

ASSIGNMENT = "convolutions"
# Two notebooks show the whole cycle in half the time of all of them.
_NOTEBOOKS = ("by-hand", "counting")
_MARKER = ".made-by-course-demo"
_DUE = datetime(2026, 11, 20, 18, 0)
_ON_TIME = datetime(2026, 11, 20, 15, 30)
_LATE = datetime(2026, 11, 20, 19, 30)
_CONFIG = """
# Added by the demo: a deadline, and ten percent off for each started day.
c.OpenOlat.task_titles = {"convolutions": "Blatt 03: Faltungsnetze"}
c.Deadlines.due = {"convolutions": "2026-11-20 18:00"}
c.Deadlines.policy = "percent per started day"
c.Deadlines.percent_per_day = 10
c.AssignLatePenalties.plugin_class = "course_utils.classroom.deadlines.LatePolicy"
"""


def register(app: typer.Typer) -> None:
    """Add the command to the `course` program."""
    app.command("demo")(demo_command)


def demo_command(
    folder: Annotated[Path, typer.Option(help="Folder to make; a demo in it is replaced.")] = Path("demo"),
    course: Annotated[Path, typer.Option("--course", help="Course folder whose sources are used.")] = Path(),
) -> None:
    """A made-up class of twelve goes through the whole cycle; takes a minute or two."""
    wrong = run(folder, course)
    if wrong:
        console.print(f"[bold red]{wrong} of the points are not as expected.[/]")
        raise typer.Exit(1)


@dataclass
class _Case:
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
class _Sheet:
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


def run(folder: Path, course: Path) -> int:
    """Make the demo's course, its class and OpenOlat's download, run the cycle, and print what came of it.

    Parameters
    ----------
    folder : pathlib.Path
        Made anew; an existing folder is replaced only if an earlier demo made it.
    course : pathlib.Path
        Where ``source/``, ``nbgrader_config.py`` and ``roster.csv`` are taken from.

    Returns
    -------
    int
        How many of the twelve did not come out as expected.

    Raises
    ------
    CourseError
        If the folder is not the demo's to replace, or the course lacks something.
    """
    # Imported here, so that `course --help` need not wait for it.
    from course_utils.classroom.deadlines import sync_gradebook
    from course_utils.classroom.marks import read_marks
    from course_utils.classroom.roster import read_roster
    from course_utils.command.instructor import show_collection
    from course_utils.stages import autograde, feedback, release
    from course_utils.stages.collect import collect
    from course_utils.stages.give_back import return_marks

    started = time.monotonic()
    folder, course = folder.resolve(), course.resolve()
    make_course(folder, course)
    with progress(transient=False) as steps:

        def step(title: str, total: int = 1) -> Any:
            return steps.add_task(title, total=total)

        task = step("Release: solutions and hidden tests removed")
        release.release(folder, ASSIGNMENT)
        steps.update(task, completed=1)

        task = step("A class of twelve hands in on OpenOlat")
        roster = read_roster(folder)
        cases = make_class(_read_sheet(folder), _wrong_answers(course, folder), roster)
        download = write_olat_download(folder / "downloaded", cases, roster)
        steps.update(task, completed=1)

        task = step("Collect: OpenOlat's zip to submitted/")
        collection = collect(
            folder, ASSIGNMENT, [download], progress=lambda i, n, _: steps.update(task, completed=i, total=n)
        )
        sync_gradebook(folder, roster, ASSIGNMENT)

        task = step("Autograde in the sandbox", len(collection.rows))
        autograde.autograde(folder, ASSIGNMENT, progress=lambda _, i, n: steps.update(task, completed=i, total=n))

        task = step("Feedback: a page for each notebook")
        feedback.feedback(folder, ASSIGNMENT)
        steps.update(task, completed=1)

        task = step("Return: score lines and zip for OpenOlat")
        marks = {mark.owner_id: mark for mark in read_marks(folder, ASSIGNMENT)}
        result = return_marks(folder, ASSIGNMENT, automatic=True)
        steps.update(task, completed=1)

    show_collection(collection, folder)
    wrong = _show(cases, marks, collection, folder, roster)
    here = _relative(folder)
    console.print(f"\nDone in {time.monotonic() - started:.0f} s. Look at:", highlight=False)
    for path, what in (
        (download, "what OpenOlat let the instructor download"),
        (folder / "submitted", "laid out for nbgrader"),
        (collection.quarantine, "what could not be placed, with reasons.csv"),
        (folder / "feedback", "what students read"),
        (result.page, "how the marks go back to OpenOlat; open it in a browser"),
    ):
        console.print(f"  {_relative(path)}  [dim]{what}[/dim]", highlight=False)
    console.print(
        f'Prose is graded by hand: cd {here} && jupyter lab, then "Formgrader" in its menu "Nbgrader"', highlight=False
    )
    return wrong


def make_course(folder: Path, course: Path) -> None:
    """Copy what a course needs to a fresh folder.

    Parameters
    ----------
    folder, course : pathlib.Path
        See `run`.

    Raises
    ------
    CourseError
        See `run`.
    """
    for name in (f"source/{ASSIGNMENT}", "nbgrader_config.py", "roster.csv"):
        if not (course / name).exists():
            raise CourseError(f"{course} has no {name}: run the demo in the course folder, or name it with --course.")
    if folder.exists():
        if any(folder.iterdir()) and not (folder / _MARKER).exists():
            raise CourseError(f"{folder} was not made by the demo, so it is not replaced; choose another --folder.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARKER).touch()
    banks = {path.stem for path in (course / "tests" / "wrong_answers" / ASSIGNMENT).glob("*.py")}
    others = [path.name for path in (course / "source" / ASSIGNMENT).glob("*.ipynb") if path.stem not in _NOTEBOOKS]
    leave_out = others if banks & set(_NOTEBOOKS) else []
    ignore = shutil.ignore_patterns(*leave_out, ".ipynb_checkpoints")
    shutil.copytree(course / "source" / ASSIGNMENT, folder / "source" / ASSIGNMENT, ignore=ignore)
    config = (course / "nbgrader_config.py").read_text(encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(config + _CONFIG, encoding="utf-8")
    shutil.copyfile(course / "roster.csv", folder / "roster.csv")
    (folder / "downloaded").mkdir()


def make_class(sheet: _Sheet, wrong_answers: Mapping[str, list], roster: Any) -> list[_Case]:
    """Make up what twelve people hand in, with the automatic points each must get.

    Parameters
    ----------
    sheet : _Sheet
    wrong_answers : mapping of str to list
        By notebook: wrong answers, each with the grade cells that it loses.
    roster : Roster
        Of at least twelve students.

    Returns
    -------
    list of _Case
    """
    from course_utils.packing.manifest import FILE_NAME, Member, manifest

    ids = [s.student_id for s in roster.students]

    def packed(student_id: str, files: dict[str, bytes], **more: bytes) -> bytes:
        """Return the zip as the student's own `course pack` writes it."""
        student = roster.student(student_id)
        member = Member(student.name, student.matriculation_number)
        about = manifest(ASSIGNMENT, student.groups[0], [member], files)
        return _zip({**files, FILE_NAME: json.dumps(about, indent=1).encode(), **more})

    def points(lost: Mapping[str, set[str]]) -> float:
        return sum(
            worth
            for name, cells in sheet.points.items()
            for grade_id, worth in cells.items()
            if grade_id not in lost.get(name, set())
        )

    full = sheet.notebooks()
    names = list(wrong_answers)
    one = {names[0]: wrong_answers[names[0]][0]}
    two = {name: wrong_answers[name][1] for name in names[:2]}
    broken, broken_cell, broken_tests = _cell_for_a_syntax_error(sheet)
    renamed = {("Abgabe final (2).ipynb" if i == 0 else n): data for i, (n, data) in enumerate(full.items())}
    mac = {f"hand-in/{n}": data for n, data in full.items()}
    mac |= {f"__MACOSX/hand-in/._{n}": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" for n in full}
    mac["hand-in/.DS_Store"] = b"\x00\x00\x00\x01Bud1"
    umlauts = {f"Lösung für Übung 3/{n}": data for n, data in full.items()}
    umlauts["Lösung für Übung 3/Erklärung.pdf"] = _PDF
    by_hand = {**full, "report.pdf": _PDF}
    cases = [
        _Case(ids[0], "everything right", {"convolutions.zip": packed(ids[0], full)}, sheet.total),
        _partial(ids[1], one, sheet, packed, points),
        _partial(ids[2], two, sheet, packed, points),
        _Case(
            ids[3], "nothing filled in",
            {"convolutions.zip": _zip({f"{n}.ipynb": sheet.notebook(n) for n in sheet.released})}, 0.0,
        ),
        _Case(
            ids[4], f"a syntax error in {broken_cell}",
            {"convolutions.zip": packed(ids[4], sheet.notebooks({broken: {broken_cell: "def oops(:\n    return\n"}}))},
            points({broken: broken_tests}),
        ),
        _Case(ids[5], "a renamed notebook", {"convolutions.zip": _zip(renamed)}, sheet.total),
        _Case(
            ids[6], "a zip in a zip",
            {"Abgabe.zip": _zip({"Abgabe/convolutions.zip": packed(ids[6], full)})}, sheet.total,
        ),
        _Case(ids[7], "a zip from a Mac (__MACOSX)", {"convolutions.zip": _zip(mac)}, sheet.total, task=True),
        # OpenOlat itself stores "Übung 3, Überfaltung.ZIP" like this.
        _Case(ids[8], "umlauts everywhere", {"Ubung 3_ Uberfaltung.zip": _zip(umlauts)}, sheet.total),
        _Case(
            ids[10], "late by 1 h 30 min: 10 % off", {"convolutions.zip": packed(ids[10], full)}, sheet.total,
            submitted=_LATE, late_share=0.1,
        ),
        _Case(ids[9], "made by hand, a PDF, no manifest", {"by hand.zip": _zip(by_hand)}, sheet.total),
        _Case(
            "", "somebody who is not in the roster", {"convolutions.zip": _zip(full)}, None,
            folder="Unbekannt_Ulla_uunbekannt",
        ),
    ]  # fmt: skip
    return cases


def write_olat_download(folder: Path, cases: list[_Case], roster: Any) -> Path:
    """Write the zip that OpenOlat would let the instructor download, with its table.

    Parameters
    ----------
    folder : pathlib.Path
    cases : list of _Case
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
        sheet=sheet_bytes(roster.students, times, title="Blatt 03: Faltungsnetze"),
        when=datetime(2026, 11, 20, 20, 5, 41),
        extra={"solutions/blatt03_loesung.zip": _zip({"README.txt": b"sample solution"})},
    )


def _partial(student_id, answers, sheet, packed, points) -> _Case:
    files = sheet.notebooks({name: answer.cells for name, answer in answers.items()})
    lost = {name: set(answer.loses) for name, answer in answers.items()}
    what = "partly right: " + "; ".join(answer.why for answer in answers.values())
    return _Case(student_id, what, {"convolutions.zip": packed(student_id, files)}, points(lost))


def _read_sheet(folder: Path) -> _Sheet:
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
    return _Sheet(released, solutions, points)


def _wrong_answers(course: Path, folder: Path) -> dict[str, list]:
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


def _cell_for_a_syntax_error(sheet: _Sheet) -> tuple[str, str, set[str]]:
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


def _show(cases, marks, collection, folder, roster) -> int:
    table = Table(title=f"The class of twelve: automatic points of {ASSIGNMENT}", title_justify="left")
    for column, side in (
        ("student", "left"), ("what came", "left"), ("expected", "right"), ("obtained", "right"), ("", "left"),
        ("feedback", "left"),
    ):  # fmt: skip
        table.add_column(column, justify=side, overflow="fold")
    wrong = 0
    for case in cases:
        student = roster.student(case.student_id)
        mark = marks.get(case.student_id)
        if case.expected is None:
            good = any(row["folder"] == case.folder for row in collection.quarantined) and mark is None
            expected, obtained, where = "none", "none" if good else "?", "in quarantine"
        else:
            points = case.expected * (1 - case.late_share)
            good = mark is not None and abs(mark.score - points) < 1e-6
            pages = sorted((folder / "feedback" / case.student_id / ASSIGNMENT).glob("*.html"))
            good = good and bool(pages)
            expected, obtained = f"{points:g}", f"{mark.score:g}" if mark else "nothing"
            where = f"feedback/{case.student_id}" if pages else "missing"
        wrong += not good
        table.add_row(
            escape(student.name if student else case.folder), escape(case.what), expected, obtained,
            "[green]as expected[/]" if good else "[bold red]NOT as expected[/]", where,
        )  # fmt: skip
    console.print(table)
    return wrong


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
