"""The stage release: `source/` becomes `release/`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import coursedir, open_gradebook, submitted_folders
from course_utils.classroom.one_run import only_run
from course_utils.errors import CourseError
from course_utils.grading.submissions import NEVER
from course_utils.notebooks.authoring import Remark, where
from course_utils.notebooks.files import notebooks_in
from course_utils.notebooks.marking import points_problem
from course_utils.notebooks.skeleton import drop_unseen
from course_utils.stages.check_source import check_source, refuse, rehearse
from course_utils.stages.checking import convert, make_sure_it_exists
from course_utils.stages.sealing import SealChecks

__all__ = ["release"]


log = logging.getLogger("course")


def release(
    course: Path, assignment: str, *, rehearsal: bool = False, told: Callable[[Remark], None] | None = None
) -> Path:
    """Check `source/<assignment>`, write `release/<assignment>` from it and enter it into the gradebook.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    rehearsal : bool
        Whether the reference and the blank notebooks are graded first, see `check_source.rehearse`.
    told : callable, optional
        Called with each remark that does not stop the release.

    Returns
    -------
    pathlib.Path
        The folder that students receive.

    Raises
    ------
    CourseError
        If there is no such assignment, or something of it would publish answers or cost students points, also
        those who handed in what was released before.
    """
    remarks = check_source(course, assignment)
    refuse(remarks, assignment)
    _refuse_new_answers(course, assignment, _released_and_source(course, assignment)[0])
    if rehearsal:
        remarks += rehearse(course, assignment)
        refuse(remarks, assignment)
    for remark in remarks:
        if told is not None:
            told(remark)
    return _generate(course, assignment)


def _generate(course: Path, assignment: str) -> Path:
    config = load_config(course)
    make_sure_it_exists(course, assignment)
    directory = coursedir(course, config)
    directory.assignment_id = assignment
    # Also where the settings of an older course do not say so.
    directory.ignore = list(dict.fromkeys([*directory.ignore, *NEVER]))
    with only_run(course, f"release {assignment}"):
        converter = GenerateAssignment(coursedir=directory, config=config, log=log, force=True)
        # Pictures in a mark scheme do not reach students either.
        converter.config.ClearMarkScheme.check_attachment_leakage = False
        # After nbgrader has saved the cells as they grade, before it says in them what they hold.
        steps = [*converter.preprocessors, DropUnseen]
        steps.insert(steps.index(ClearHiddenTests) + 1, SealChecks)
        converter.preprocessors = steps
        convert(converter)
    return Path(course).resolve() / "release" / assignment


def make_sure_it_is_released(course: Path, assignment: str, *, look_only: bool = False) -> None:
    """Release the assignment if the gradebook knows other cells or points than its source.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    look_only : bool
        Only raise what a release would raise of students' marks, and write nothing.
    """
    known, sources = _released_and_source(course, assignment)
    if known != sources:
        _refuse_new_answers(course, assignment, known)
        if look_only:
            return
        _generate(course, assignment)  # who grades by now hears of mistakes cell by cell


def _refuse_new_answers(course: Path, assignment: str, released: dict[str, dict[str, float]]) -> None:
    """Raise an error where students would lose points for answers that they were never asked for.

    Tests of what was asked for may come and go.
    """
    sources = notebooks_in(course / "source" / assignment) if released else []
    came = [
        f"{path.stem}: {cell.metadata.nbgrader.grade_id}"
        for path in sources
        for cell in _read(path).cells
        if (utils.is_solution(cell) or utils.is_task(cell))
        and cell.metadata.nbgrader.grade_id not in released.get(path.stem, {})
    ]
    collected = submitted_folders(Path(course), load_config(course), assignment)
    if came and collected:
        many = "1 hand-in was" if len(collected) == 1 else f"{len(collected)} hand-ins were"
        raise CourseError(
            f"{assignment} asks for answers that its last release does not ask for ({', '.join(came)}), and {many} "
            "collected: the points would be lost for what was not handed out. Take the change back, or hand the new "
            "exercise out as an assignment of its own. If all are to hand in anew, take what was collected away "
            f"(submitted/*/{assignment}) and release again; the hand-ins themselves stay in collected/."
        )


def _released_and_source(course: Path, assignment: str) -> tuple[dict[str, dict[str, float]], ...]:
    """Return the points of cells by notebook: those that the gradebook knows, and those of the source.

    Raises
    ------
    CourseError
        If cells came or went after submissions were graded.
    """
    sources = {path.stem: _cells_in(path) for path in notebooks_in(course / "source" / assignment)}
    with open_gradebook(course) as gradebook:
        try:
            notebooks = gradebook.find_assignment(assignment).notebooks
        except MissingEntry:
            notebooks = []
        known = {}
        for notebook in notebooks:
            points = {cell.name: cell.max_score for cell in [*notebook.grade_cells, *notebook.task_cells]}
            known[notebook.name] = {cell.name: points.get(cell.name, 0.0) for cell in notebook.source_cells}
            other = set(known[notebook.name]) ^ set(sources.get(notebook.name, {}))
            if other and notebook.submissions:
                raise CourseError(
                    f"The cells of {assignment}/{notebook.name} are not those of its release "
                    f"({', '.join(sorted(other))} came or went), and submissions have marks for them. Take the change "
                    "back, hand a new exercise out as an assignment of its own, or begin anew, also with the marks "
                    f"that persons gave: nbgrader db assignment remove {assignment} --force"
                )
    return known, sources


class DropUnseen(NbGraderPreprocessor):
    """Leave out of the release what belongs to solutions though it is not in their text."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        drop_unseen(nb)
        return nb, resources


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        raise CourseError(f"source/{path.parent.name}/{path.name} is no notebook: {str(error)[:200]}") from error


def _cells_in(path: Path) -> dict[str, float]:
    """Return the points of the cells of a source notebook that nbgrader knows, by grade_id."""
    cells = _read(path).cells
    kinds = (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)
    for index, cell in enumerate(cells):
        if (utils.is_grade(cell) or utils.is_task(cell)) and (problem := points_problem(cell.metadata.nbgrader)):
            raise CourseError(f"{where(path.stem, cell, index)}: {problem}")
    marked = [cell for cell in cells if any(kind(cell) for kind in kinds)]
    return {
        cell.metadata.nbgrader.grade_id: float(cell.metadata.nbgrader.get("points", 0))
        if utils.is_grade(cell) or utils.is_task(cell)
        else 0.0
        for cell in marked
    }
