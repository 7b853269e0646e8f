"""Looking at a student's folder before it is packed: what is missing, what was not run, what is still a stub."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks.own_files import run_by
from course_utils.notebooks.recognising import (
    Catalogue,
    NotebookError,
    Template,
    catalogue_of,
    grade_ids,
    parse_notebook,
    source,
    stub_marks,
)
from course_utils.packing.findings import Finding
from course_utils.packing.lines import examine_lines
from course_utils.packing.paper import Paper, find_paper, with_paper
from course_utils.packing.trained import examine_artifacts

__all__ = ["Examined", "Finding", "examine", "examine_folder", "find_folder", "read_notebooks", "run_notebooks"]

ASSIGNMENT_FILE = "assignment.json"
LARGE = 50 << 20  # bytes, where the release does not say it


@dataclass
class Examined:
    """What was found in a student's folder, and what `pack` needs of it.

    Parameters
    ----------
    folder : pathlib.Path
    assignment : str
    notebooks : dict of str to (pathlib.Path, dict)
        By released name, in format 4.
    expected : Catalogue
        What the assignment consists of.
    findings : list of Finding
    record : dict
        What `assignment.json` says; empty without it.
    helpers : list of pathlib.Path
        Notebooks of the student's own that one of the course's runs; they go along as they are.
    papers : list of Paper
        Answers on paper, which `notebooks` hold in the cells of their questions.
    """

    folder: Path
    assignment: str
    notebooks: dict[str, tuple[Path, dict]]
    expected: Catalogue
    findings: list[Finding]
    record: dict[str, Any] = field(default_factory=dict)
    helpers: list[Path] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)


def find_folder(start: Path, assignment: str) -> Path:
    """Return the folder with the notebooks of an assignment.

    Parameters
    ----------
    start : pathlib.Path
        The folder itself, or one that holds it.
    assignment : str

    Returns
    -------
    pathlib.Path

    Raises
    ------
    CourseError
        If there is none.
    """
    start = Path(start)
    for folder in (start / assignment, start / "release" / assignment, start):
        if any(folder.glob("*.ipynb")):
            if folder == start and start.resolve().name != assignment and not (start / ASSIGNMENT_FILE).exists():
                continue
            return folder
    raise CourseError(
        f"There are no notebooks of {assignment!r} here. Change to the folder that holds {assignment}/, or name it "
        "with --folder."
    )


def examine_folder(folder: Path, assignment: str, *, run: bool = False) -> Examined:
    """Look at everything that is going to be handed in; each file is read once.

    Parameters
    ----------
    folder : pathlib.Path
        With the notebooks.
    assignment : str
    run : bool
        Whether to run all cells first, and save.

    Returns
    -------
    Examined

    Raises
    ------
    CourseError
        If the record of the release is damaged.
    """
    examined = read_notebooks(folder, assignment)
    if run:
        examined.findings += run_notebooks(examined.notebooks)
    contents = {name: notebook for name, (_, notebook) in examined.notebooks.items()}
    examined.papers, told = find_paper(examined.folder, contents)
    for name, (path, notebook) in examined.notebooks.items():
        examined.notebooks[name] = path, with_paper(name, notebook, examined.papers)
    for name, (path, notebook) in examined.notebooks.items():
        examined.findings += examine(name, notebook, examined.expected)
        examined.findings += examine_lines(name, notebook, path.parent)
        examined.findings += examine_artifacts(name, notebook, path.parent)
    examined.findings += told
    return examined


def read_notebooks(folder: Path, assignment: str) -> Examined:
    """Return the notebooks of the assignment by their released names, and what is wrong with the others.

    Parameters
    ----------
    folder : pathlib.Path
    assignment : str

    Returns
    -------
    Examined
        Its findings are those on files that are not packed, or under another name.
    """
    folder, record = Path(folder).resolve(), _read_record(Path(folder))
    parsed, findings = {}, []
    for path in sorted(folder.glob("*.ipynb")):
        try:
            parsed[path] = parse_notebook(path.read_bytes(), outputs=True)
        except NotebookError as error:
            findings.append(Finding(path.name, f"{error}; it is not packed"))
    catalogue = _expected(assignment, record, {path.stem: notebook for path, (notebook, *_) in parsed.items()})
    notebooks: dict[str, tuple[Path, dict]] = {}
    others: dict[str, NotebookError] = {}
    for path in sorted(parsed, key=lambda path: (path.stem not in catalogue.names, path.name)):
        try:
            name = catalogue.recognise_parsed(*parsed[path]).name
        except NotebookError as error:
            others[path.name] = error
            continue
        if name in notebooks:
            other = notebooks[name][0].name
            findings.append(Finding(path.name, f"is a second copy of {name}; {other} is packed", False))
            continue
        if path.stem != name:
            findings.append(Finding(path.name, f"is packed under its released name {name}.ipynb", False))
        notebooks[name] = (path, parsed[path][0])
    helpers = _helpers({path.name: notebook for path, (notebook, *_) in parsed.items()}, notebooks, set(others))
    unused = {name: error for name, error in others.items() if name not in helpers}
    findings += [Finding(name, f"{error}; it is not packed") for name, error in unused.items()]
    missing = [name for name in catalogue.names if name not in notebooks]
    findings += [Finding(f"{name}.ipynb", f"is not here{_called_otherwise(folder, name)}") for name in missing]
    ordered = {name: notebooks[name] for name in catalogue.names if name in notebooks}
    return Examined(folder, assignment, ordered, catalogue, findings, record, [folder / name for name in helpers])


def _called_otherwise(folder: Path, name: str) -> str:
    """Say which file beside may be a notebook that is missing: browsers add `.txt` or `.json`, or call it `.json`."""
    for other in (f"{name}.ipynb.txt", f"{name}.ipynb.json", f"{name}.json"):
        if (folder / other).is_file():
            return f", but {other} is: if that is your notebook, rename it to {name}.ipynb"
    return ""


def _helpers(every: Mapping[str, dict], notebooks: Mapping[str, tuple[Path, dict]], others: set[str]) -> list[str]:
    """Return which other notebooks are run by the course's, or by one that is, by file name."""
    found: set[str] = set()
    waiting = [notebook for _, notebook in notebooks.values()]
    while waiting:
        cells = (source(cell) for cell in waiting.pop()["cells"] if cell.get("cell_type") == "code")
        wanted = (run_by(cells) & others) - found
        found |= wanted
        waiting += [every[name] for name in sorted(wanted)]
    return sorted(found)


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / ASSIGNMENT_FILE
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))
        _templates("", record)
        record["size_warning"] = int(record.get("size_warning", LARGE))
        record["marks"] = tuple(map(str, record.get("marks", ())))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path} is damaged; take it from the zip of the assignment again, or delete it.") from error
    return record


def _expected(assignment: str, record: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> Catalogue:
    """Return what an assignment consists of: as released, or, without that record, what is in the folder."""
    if not record:
        return catalogue_of(assignment, found)
    return Catalogue(assignment, _templates(assignment, record), record["marks"] or stub_marks())


def _templates(assignment: str, record: Mapping[str, Any]) -> tuple[Template, ...]:
    templates = []
    for name, about in record["notebooks"].items():
        ids = frozenset(about["grade_ids"]), frozenset(about["cell_ids"])
        texts = frozenset(about.get("texts", ()))
        templates.append(Template(assignment, name, *ids, dict(about.get("answers", {})), texts))
    return tuple(templates)


def examine(name: str, notebook: Mapping[str, Any], expected: Catalogue | None = None) -> list[Finding]:
    """Look whether a notebook was run, carries its outputs, and passes its visible checks.

    Nothing is executed; the outputs in the notebook say it.

    Parameters
    ----------
    name : str
    notebook : dict
        In format 4.
    expected : Catalogue, optional
        To tell which cells are not filled in or missing.

    Returns
    -------
    list of Finding
    """
    findings: list[Finding] = []
    code = [c for c in notebook["cells"] if c.get("cell_type") == "code" and source(c).strip()]
    counts = [c.get("execution_count") for c in code]
    if code and not any(counts):
        findings.append(Finding(name, "was never run, or its outputs were cleared: run all cells and save"))
    else:
        ran = [count for count in counts if isinstance(count, int)]
        if len(ran) < len(counts):
            findings.append(Finding(name, f"{len(counts) - len(ran)} cells were not run; run all cells and save"))
        if ran != sorted(ran):
            text = "cells were run in another order; does it still work after 'Restart kernel and run all cells'?"
            findings.append(Finding(name, text, serious=False))
    for cell in notebook["cells"]:
        about = cell.get("metadata", {}).get("nbgrader") or {}
        grade_id = about.get("grade_id", "")
        error = next((o for o in cell.get("outputs") or [] if o.get("output_type") == "error"), None)
        if error and about.get("grade"):
            message = _one_line(str(error.get("evalue", "")) or str(error.get("ename", "")))
            findings.append(Finding(name, f"{grade_id}: the visible checks do not pass. {message}"))
        elif error:
            findings.append(Finding(name, f"a cell ends with {error.get('ename', 'an error')}", serious=False))
    if expected:
        if blank := expected.unfilled(name, notebook):
            findings.append(Finding(name, f"not filled in: {', '.join(blank)}"))
        template = next((t for t in expected.templates if t.name == name), None)
        found = grade_ids(notebook)
        missing = sorted(template.grade_ids - found) if template else []
        if missing and not found:
            text = "the cells have lost their names (nbgrader's metadata); grading recognises them by ids and texts"
            findings.append(Finding(name, text, serious=False))
        elif missing:
            shown = ", ".join(missing[:5]) + (" and others" if len(missing) > 5 else "")
            text = f"cells are missing: {shown}; grading puts them back and looks for your answers in the cells around"
            findings.append(Finding(name, text))
    return findings


def _one_line(text: str, limit: int = 160) -> str:
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def run_notebooks(notebooks: Mapping[str, tuple[Path, dict]], *, timeout: int = 1800) -> list[Finding]:
    """Run all cells of notebooks in fresh kernels and save them with their outputs.

    Parameters
    ----------
    notebooks : mapping of str to (pathlib.Path, dict)
        See `read_notebooks`; the contents are replaced by what was run.
    timeout : int
        Seconds per cell.

    Returns
    -------
    list of Finding
        Notebooks that could not be run to the end.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    findings = []
    for name, (path, notebook) in notebooks.items():
        # On disk, texts are lists of lines; `reads` joins them.
        nodes = nbformat.reads(json.dumps(notebook), as_version=4)
        client = NotebookClient(
            nodes, timeout=timeout, allow_errors=True, resources={"metadata": {"path": str(path.parent)}}
        )
        try:
            client.execute()
        except (CellTimeoutError, DeadKernelError) as error:
            findings.append(Finding(name, f"could not be run to the end: {_one_line(str(error))}"))
            continue
        notebook.clear()
        notebook.update(json.loads(json.dumps(nodes)))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return findings
