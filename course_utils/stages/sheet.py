"""A problem sheet as one assignment: `sheets/NAME.toml` becomes `source/NAME/`, a source like any other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import nbformat

from course_utils.errors import CourseError
from course_utils.grading.hidden import FOLDER as HIDDEN
from course_utils.grading.submissions import handed_out
from course_utils.notebooks import authoring
from course_utils.notebooks.files import notebooks_in
from course_utils.stages.sheet_edits import with_edits
from course_utils.stages.sheet_file import Sheet
from course_utils.stages.sheet_notebook import NotebookBuilder
from course_utils.stages.sheet_plan import Plan, Row, course_metadata, make_plan

__all__ = ["BuiltSheet", "build_sheet", "plan_sheet"]


@dataclass(frozen=True)
class BuiltSheet:
    """What was built.

    Parameters
    ----------
    sheet : Sheet
    folder : pathlib.Path
        ``source/NAME``.
    rows : tuple of Row
    remarks : tuple of str
        What an instructor should look at: cells that were edited, texts that speak of what is not there.
    """

    sheet: Sheet
    folder: Path
    rows: tuple[Row, ...]
    remarks: tuple[str, ...]


def build_sheet(course: Path, name: str) -> BuiltSheet:
    """Build ``source/NAME`` from ``sheets/NAME.toml``, again if it is there.

    Parameters
    ----------
    course : pathlib.Path
    name : str

    Returns
    -------
    BuiltSheet

    Raises
    ------
    CourseError
        If marks do not add up, an item is missing, or a cell needs another one that is not there; nothing is written.
    """
    course = Path(course).resolve()
    plan = make_plan(course, name)
    folder = course / "source" / name
    _refuse_other_assignment(folder)
    files = _files_of(course, plan)
    remarks: list[str] = []
    rows: list[Row] = []
    texts: dict[Path, str] = {}
    for part in plan.sheet.notebooks:
        built = NotebookBuilder(plan, part)
        cells = built.build()
        rows += built.rows()
        remarks += built.remarks
        path = folder / f"{part.name}.ipynb"
        if path.is_file():
            cells, told = with_edits(cells, path)
            remarks += [f"{part.name}, {text}" for text in told]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=built.metadata())
        nbformat.validate(notebook)
        texts[path] = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for relative, content in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in notebooks_in(folder):
        if path not in texts:
            remarks.append(f"{path.name} is no notebook of this sheet any more; delete it if it is yours no longer.")
    return BuiltSheet(plan.sheet, folder, tuple(rows), tuple(remarks))


def _refuse_other_assignment(folder: Path) -> None:
    """Raise an error if the folder holds notebooks that no sheet was built into."""
    for path in notebooks_in(folder):
        try:
            about = course_metadata(authoring.as_notebook(path.read_bytes()))
        except ValueError as reason:
            raise CourseError(f"source/{folder.name}/{path.name}: {reason} Mend it, or delete it.") from None
        if "sheet" not in about:
            raise CourseError(
                f"source/{folder.name} is an assignment of its own: {path.name} is of no sheet. Give the sheet another "
                f"name, by calling its file otherwise than {folder.name}.toml."
            )


def plan_sheet(course: Path, name: str) -> tuple[Sheet, tuple[Row, ...]]:
    """Return a sheet with its table of questions; nothing is written.

    Raises
    ------
    CourseError
        As `build_sheet`.
    """
    plan = make_plan(Path(course).resolve(), name)
    rows = []
    for part in plan.sheet.notebooks:
        built = NotebookBuilder(plan, part)
        built.build()
        rows += built.rows()
    return plan.sheet, tuple(rows)


def _files_of(course: Path, plan: Plan) -> dict[str, bytes]:
    """Return the files beside the notebooks that cells come from, `hidden/` included."""
    files: dict[str, tuple[str, bytes]] = {}
    sources = {source for asked in plan.asked.values() for each in asked for source, _ in each.cells}
    for assignment in sorted({source.partition("/")[0] for source in sources}):
        folder = course / "source" / assignment
        found = {name: path.read_bytes() for name, path in handed_out(folder, [HIDDEN]).items()}
        hidden = folder / HIDDEN
        paths = [path for path in sorted(hidden.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
        found |= {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        for name, content in found.items():
            if name in files and files[name][1] != content:
                raise CourseError(
                    f"{assignment} and {files[name][0]} both have a file '{name}', and they differ: questions of both "
                    "can't be on one sheet until one of the files has another name."
                )
            files[name] = assignment, content
    return {name: content for name, (_, content) in files.items()}
