"""The stage release: `source/` becomes `release/`."""

from __future__ import annotations

import logging
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment

from course_utils.classroom.folder import coursedir, load_config, open_gradebook
from course_utils.errors import CourseError
from course_utils.grading.hidden import FOLDER
from course_utils.stages.checking import convert, make_sure_it_exists, only_this_run

__all__ = ["release"]


log = logging.getLogger("course")


def release(course: Path, assignment: str) -> Path:
    """Write `release/<assignment>` from `source/<assignment>` and enter it into the gradebook.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str

    Returns
    -------
    pathlib.Path
        The folder that students receive.

    Raises
    ------
    CourseError
        If there is no such assignment, or a notebook of it breaks a rule of nbgrader.
    """
    config = load_config(course)
    make_sure_it_exists(course, assignment)
    directory = coursedir(course, config)
    directory.assignment_id = assignment
    # Also where the settings of an older course do not say so.
    directory.ignore = list(dict.fromkeys([*directory.ignore, FOLDER]))
    with only_this_run(course, f"release {assignment}"):
        convert(GenerateAssignment(coursedir=directory, config=config, log=log, force=True))
    return Path(course).resolve() / "release" / assignment


def make_sure_it_is_released(course: Path, assignment: str) -> None:
    """Release the assignment if the gradebook knows other cells or points than its source."""
    sources = {path.stem: _cells_in(path) for path in (course / "source" / assignment).glob("*.ipynb")}
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
                    "back, or begin anew, also with the marks that persons gave: "
                    f"nbgrader db assignment remove {assignment} --force"
                )
    if known != sources:
        release(course, assignment)


def _cells_in(path: Path) -> dict[str, float]:
    """Return the points of the cells of a source notebook that nbgrader knows, by grade_id."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (ValueError, nbformat.ValidationError) as error:
        raise CourseError(f"source/{path.parent.name}/{path.name} is no notebook: {str(error)[:200]}") from error
    kinds = (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)
    marked = [cell for cell in cells if any(kind(cell) for kind in kinds)]
    return {
        cell.metadata.nbgrader.grade_id: float(cell.metadata.nbgrader.get("points", 0))
        if utils.is_grade(cell) or utils.is_task(cell)
        else 0.0
        for cell in marked
    }
