"""An assignment is checked before it is published: what would give answers away or cost students points is refused."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nbformat import from_dict, writes
from nbgrader import utils
from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import coursedir
from course_utils.errors import CourseError
from course_utils.grading import scratch
from course_utils.grading.hidden import course_secret, read_hidden
from course_utils.grading.nbgrader_plugins import GradeNotebook
from course_utils.grading.pool import cores, grade_here
from course_utils.grading.preload import modules_for
from course_utils.grading.sandbox.host import probe
from course_utils.grading.submissions import GradedSubmission, Submission, handed_out, read_submission
from course_utils.notebooks import authoring, markers, skeleton
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.authoring import Remark, where
from course_utils.notebooks.course_code import Files
from course_utils.notebooks.files import no_files_in, notebooks_in
from course_utils.notebooks.pictures import SUFFIXES
from course_utils.notebooks.texts import one_line
from course_utils.stages.checking import make_sure_it_exists

__all__ = ["check_source", "origins", "refuse", "rehearse"]

# Of a line that gives something away, and of all lines of a region together: less may be alike by accident.
_LINE, _REGION = 12, 60
_LARGEST = 20 << 20  # bytes of a file that is searched


def check_source(course: Path, assignment: str) -> list[Remark]:
    """Look at an assignment without running anything.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str

    Returns
    -------
    list of Remark

    Raises
    ------
    CourseError
        If there is no such assignment.
    """
    config = load_config(course)
    make_sure_it_exists(course, assignment)
    source = Path(course).resolve() / "source" / assignment
    beside = handed_out(source, coursedir(course, config).ignore)
    files = Files(frozenset(beside), frozenset(read_hidden(source)))
    remarks: list[Remark] = []
    notebooks = {}
    remarks += [
        Remark(path.stem, "it is a folder, or a link to nothing. Take it away.") for path in no_files_in(source)
    ]
    for path in notebooks_in(source):
        try:
            notebooks[path.stem] = authoring.as_notebook(path.read_bytes())
        except ValueError as reason:
            remarks.append(Remark(path.stem, str(reason)))
            continue
        remarks += authoring.examine(path.stem, notebooks[path.stem], config, files)
    if not any(remark.serious for remark in remarks):  # else what students would receive can't be made
        remarks += _leaks(notebooks, beside, config)
    return [*remarks, *_copies(notebooks)]


def refuse(remarks: list[Remark], assignment: str) -> None:
    """Raise `CourseError` with all serious remarks, if there are any."""
    serious = [str(remark) for remark in remarks if remark.serious]
    if serious:
        head = f"{assignment} was not released: {len(serious)} thing(s) to mend in source/{assignment}."
        raise CourseError("\n".join([head, *(f"  {text}" for text in serious)]))


def _leaks(notebooks: Mapping[str, dict], beside: Mapping[str, Path], config: Config) -> list[Remark]:
    marks = markers.marks_of(config)
    secrets, remarks = [], []
    for name, notebook in notebooks.items():
        for index, cell in enumerate(authoring.plain_cells(notebook)):
            place = where(name, cell, index)
            secrets += [(place, _lines(region.lines)) for region in authoring.solutions(cell, marks)]
    secrets = [(place, lines) for place, lines in secrets if sum(map(len, lines)) >= _REGION]
    remarks += _named_in_hidden_alone(notebooks, beside, marks)
    for name, notebook in notebooks.items():
        remarks += _leaks_of_notebook(name, notebook, secrets, config)
    for name, path in beside.items():
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
        text = data.decode("utf-8", "replace")
        if any(mark.begin in text for mark in marks.values()):
            text = "it holds marks of nbgrader, as a copy of a source does, and would be handed out"
            remarks.append(Remark(name, f"{text}. Move it out of source/, or into hidden/."))
        elif place := _given_away(text, secrets):
            text = f"it holds what {place} hides, and would be handed out. Move it out of source/, or into hidden/."
            remarks.append(Remark(name, text))
        elif re.search(r"solution|l(ö|oe)sung|answer.?key", name, re.IGNORECASE):
            remarks.append(Remark(name, "it is handed out, in spite of its name.", False))
    return remarks


def _named_in_hidden_alone(
    notebooks: Mapping[str, dict], beside: Mapping[str, Path], marks: dict[str, markers.Mark]
) -> list[Remark]:
    """Return which files beside the notebooks only what is hidden speaks of: a picture of the answer, say."""
    hidden: list[tuple[str, str]] = []
    public = [path.read_text("utf-8", "replace") for name, path in beside.items() if name.endswith(".py")]
    for name, notebook in notebooks.items():
        for index, cell in enumerate(authoring.plain_cells(notebook)):
            lines, regions = cell["source"].split("\n"), authoring.solutions(cell, marks)
            hidden += [(where(name, cell, index), "\n".join(region.lines)) for region in regions]
            inside = {number for region in regions for number in range(region.first, region.last + 1)}
            public.append("\n".join(line for number, line in enumerate(lines, 1) if number not in inside))
    shown, remarks = "\n".join(public), []
    for name in beside:
        called = re.compile(rf"(?<![\w-]){re.escape(_as_called(name))}(?!\w)")
        place = next((place for place, text in hidden if called.search(text)), "")
        if not place or called.search(shown):
            continue
        if name.lower().endswith(SUFFIXES):
            text = "this picture would be handed out. Attach it to the cell instead."
        else:
            text = "it is handed out. If students need not have it, move it into hidden/."
        text = f"only what {place} hides speaks of it, and {text}"
        remarks.append(Remark(name, text, name.lower().endswith(SUFFIXES)))
    return remarks


def _as_called(name: str) -> str:
    """Return how notebooks speak of a file beside them: a module without its suffix."""
    last = name.rpartition("/")[2]
    return last.removesuffix(".py") if last.endswith(".py") else last


def _leaks_of_notebook(name: str, notebook: dict, secrets: list, config: Config) -> list[Remark]:
    remarks = []
    cells = authoring.plain_cells(notebook)
    released = skeleton.skeleton_of(json.dumps(_with_outputs(notebook)).encode(), config)
    marks = markers.marks_of(config)
    for index, (cell, public) in enumerate(zip(cells, released.cells, strict=True)):
        place = where(name, cell, index)
        hidden = {line for region in markers.hidden_lines(public.source, marks) for line in region.lines}
        shown = [line for line in public.source.split("\n") if line not in hidden]
        if found := _given_away("\n".join(shown), secrets):
            remarks.append(Remark(place, f"it shows students what {found} hides. Delete it, or hide it as well."))
        rest = {key: value for key, value in cell["metadata"].items() if key not in ("nbgrader", "course")}
        if rest and (key := next((key for key in rest if re.fullmatch(r"(?i)(model_?)?(answer|solution)s?", key)), "")):
            remarks.append(Remark(place, f"metadata.{key} would be handed out. Delete it."))
        elif rest and (found := _given_away(json.dumps(rest, ensure_ascii=False), secrets, single=True)):
            remarks.append(Remark(place, f"its metadata hold what {found} hides, and would be handed out."))
    nodes = from_dict({"metadata": {}, "cells": [dict(cell) for cell in cells]})
    for cell, public in zip(nodes.cells, released.cells, strict=True):
        cell.source = public.source
        for region in reversed(markers.hidden_lines(public.source, marks)):
            lines = cell.source.split("\n")
            cell.source = "\n".join(lines[: region.first - 1] + lines[region.last :])
    for index, picture in skeleton.drop_unseen(nodes):
        text = f"the picture '{one_line(picture)}' is shown in what is hidden alone; it is not handed out."
        remarks.append(Remark(where(name, cells[index], index), text, False))
    return remarks


def _with_outputs(notebook: dict) -> dict:
    """Return a notebook whose code cells have what nbformat demands of them."""
    cells = authoring.plain_cells(notebook)
    for cell in cells:
        if cell["cell_type"] == "code":
            cell |= {"outputs": cell.get("outputs", []), "execution_count": None}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, **notebook, "cells": cells}


def _lines(lines: tuple[str, ...]) -> list[str]:
    return [line.strip() for line in lines if len(line.strip()) >= _LINE]


def _given_away(text: str, secrets: list, *, single: bool = False) -> str:
    """Return what is hidden at which place, if a text holds it: whole, or one line of it where `single` says so."""
    text = "\n".join((text, html.unescape(text), text.replace('\\"', '"').replace("\\\\", "\\")))
    for place, lines in secrets:
        found = [line for line in lines if line in text]
        if (single and found) or (len(found) >= max(1, 0.8 * len(lines)) and sum(map(len, found)) >= _REGION):
            return place
    return ""


def _copies(notebooks: Mapping[str, dict]) -> list[Remark]:
    """Return which notebooks are copies of each other: a hand-in could be either of them."""
    names = {}
    for name, notebook in notebooks.items():
        cells = [(kinds.name(cell, 0), cell["source"]) for cell in authoring.plain_cells(notebook)]
        names[name] = {pair for pair in cells if not pair[0].startswith("cell ")}
    remarks, done = [], []
    for name, mine in names.items():
        for other in done:
            if mine and 2 * len(mine & names[other]) >= min(len(mine), len(names[other])):
                text = f"it is a copy of {other}: hand-ins could not be told apart. Delete one, or rename its cells."
                remarks.append(Remark(name, text))
        done.append(name)
    return remarks


def rehearse(course: Path, assignment: str, files: Path | None = None) -> list[Remark]:
    """Grade the reference, which must earn all points, and what students receive, which must earn none.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    files : pathlib.Path, optional
        What the reference would hand in beside its notebooks, as `artifacts/`: trained networks. By default
        ``tests/artifacts/<assignment>`` of the course; for a sheet, those of the assignments it was built from.

    Returns
    -------
    list of Remark
    """
    course = Path(course).resolve()
    config, source = load_config(course), course / "source" / assignment
    paths = notebooks_in(source)
    folders = [files] if files else [course / "tests" / "artifacts" / name for name in origins(assignment, paths)]
    settings = replace(
        GradeNotebook(config=config).settings(),
        secret=course_secret(course, config),
        sandbox=probe() is None,
        lines=True,
    )
    if settings.preload is None:
        settings = replace(settings, preload=modules_for(path.read_bytes() for path in paths))
    remarks: list[Remark] = []
    with scratch.folder("rehearsal") as place:
        given: list[Submission] = []
        for path in paths:
            for kind in ("reference", "blank"):
                folder = place / kind / path.stem
                folder.mkdir(parents=True)
                blank = kind == "blank"
                text = writes(skeleton.skeleton(path, config)) if blank else path.read_text(encoding="utf-8")
                (folder / path.name).write_text(text, encoding="utf-8")
                for trained in () if blank else filter(Path.is_dir, folders):
                    (folder / "artifacts").mkdir(exist_ok=True)
                    for kept in (kept for kept in trained.iterdir() if kept.is_file()):
                        (folder / "artifacts" / kept.name).write_bytes(kept.read_bytes())
                parts = f"{kind} {path.stem}", assignment, source, dict(config.ClearSolutions), settings
                given.append(read_submission(folder, *parts))
        for graded in grade_here(iter(given), min(cores(), len(given))):
            remarks += _judged(graded)
    return remarks


def origins(assignment: str, notebooks: list[Path]) -> list[str]:
    """Return the assignments whose trained networks a reference hands in: its own, and those that it was built from."""
    names = [assignment]
    for path in notebooks:
        about = json.loads(path.read_bytes()).get("metadata", {}).get("course", {})
        names += [source.partition("/")[0] for source in about.get("from", [])]
    return list(dict.fromkeys(names))


def _judged(graded: GradedSubmission) -> list[Remark]:
    kind, _, name = graded.student.partition(" ")
    if graded.error:
        return [Remark(name, f"the {kind} could not be graded: {graded.error.splitlines()[0]}")]
    remarks = []
    notebook = from_dict(json.loads(graded.notebooks[name].content))
    missing = [name for cell in notebook.cells for name in kinds.course(cell).get("artifacts", [])]
    for index, cell in enumerate(notebook.cells):
        place = where(name, cell, index)
        if reason := kinds.fault(cell):
            remarks += [Remark(place, f"it is not gradable: {reason}")] * (kind == "reference")
        elif kinds.is_test(cell):
            cell.outputs = [from_dict(_joined(output)) for output in cell.outputs]
            points, most = utils.determine_grade(cell)
            message = next((o.evalue for o in cell.outputs if o.output_type == "error"), "")
            if kind == "reference" and points < most:
                text = f"the reference earns {points:g} of {most:g} points. {one_line(message, 300)}".strip()
                text += f" (It trains {', '.join(missing)}: are they in tests/artifacts/?)" if missing else ""
                remarks.append(Remark(place, text, not missing))
            elif kind == "blank" and points > 0:
                remarks.append(Remark(place, f"what students receive earns {points:g} points as it is.", False))
    return remarks


def _joined(output: dict) -> dict:
    """Return an output with its texts in one piece, as they are in memory."""
    data = {form: "".join(text) if isinstance(text, list) else text for form, text in output.get("data", {}).items()}
    return {**output, **({"data": data} if data else {})}
