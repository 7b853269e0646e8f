"""What one writer keeps of graded submissions: files in `autograded/` and rows in the gradebook.

The rows are those that nbgrader's own `SaveAutoGrades` and `AssignLatePenalties` would write. A submission is written
in one transaction and its folder is put in place in one step, so that a writer that is killed leaves nothing half
done; the next run does it again, and the same rows are overwritten.
"""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils
from nbgrader.api import Grade, Gradebook, MissingEntry, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from course_utils.classroom.by_hand import MARKER, read_marker, to_read_again
from course_utils.classroom.grades import fetch_grades
from course_utils.grading import scratch
from course_utils.grading.limits import GradingLimits
from course_utils.grading.submissions import GradedSubmission, Submission, handed_in_at, other_files
from course_utils.notebooks import cells as kinds

__all__ = ["MARKER", "Before", "answer", "auto_score", "is_recorded", "judge", "record"]

log = logging.getLogger("course")


def is_recorded(gradebook: Gradebook, folder: Path, submission: Submission) -> bool:
    """Whether exactly this submission was graded before and its marks are in the gradebook.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
    folder : pathlib.Path
        ``autograded/<student>/<assignment>``.
    submission : Submission
    """
    if read_marker(folder).get("digest") != submission.digest:
        return False
    try:
        gradebook.find_submission(submission.assignment, submission.student)
    except MissingEntry:
        return False
    return True


def record(
    gradebook: Gradebook,
    config: Config,
    submission: Submission,
    graded: GradedSubmission,
    submitted: Path,
    autograded: Path,
) -> None:
    """Write one graded submission.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
        Open; the only writer.
    config : traitlets.config.Config
        nbgrader's settings, for the late policy.
    submission : Submission
        What was graded.
    graded : GradedSubmission
        Without error.
    submitted, autograded : pathlib.Path
        The submission's folders.
    """
    fresh = autograded.with_name(f".{autograded.name}.new")
    scratch.remove(fresh)
    fresh.mkdir(parents=True)
    for name, path in other_files(submitted, GradingLimits.of(submission.settings.limits).sandbox).items():
        if Path(name).parts[0] in (MARKER, "timestamp.txt"):
            continue  # what grading itself writes there
        target = fresh / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if handed_in_at(submitted) is not None:
        shutil.copyfile(submitted / "timestamp.txt", fresh / "timestamp.txt")
    notebooks = {}
    for name, result in graded.notebooks.items():
        (fresh / f"{name}.ipynb").write_text(result.content, encoding="utf-8")
        notebooks[name] = result.notebook

    try:
        with warnings.catch_warnings():
            # nbgrader links new rows to each other before it adds them to the session, which SQLAlchemy remarks on.
            warnings.simplefilter("ignore", SAWarning)
            changed = _enter(gradebook, config, submission, notebooks, submitted, Before(autograded))
            (fresh / MARKER).write_text(json.dumps({"digest": submission.digest, "changed": changed}))
            gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        scratch.remove(fresh)
        raise
    # From here on the marks are in the gradebook. Until the folder is in place, a later run would grade again.
    scratch.remove(autograded)
    fresh.replace(autograded)


def auto_score(cell: nbformat.NotebookNode) -> float | None:
    """Return what a cell of a graded notebook earned; None if a person has to say it.

    That is so for answers in words, for tasks, and where a mistake of the course kept a test from judging.
    """
    if kinds.is_task(cell) or kinds.fault(cell):
        return None
    return utils.determine_grade(cell, log)[0]


def _enter(
    gradebook: Gradebook,
    config: Config,
    submission: Submission,
    notebooks: dict[str, nbformat.NotebookNode],
    submitted: Path,
    before: Before,
) -> list[tuple[str, str]]:
    """Write the rows; return notebook and grade_id of the cells whose answer is not the one that a person marked."""
    changed = []
    gradebook.update_or_create_student(submission.student)
    when = handed_in_at(submitted)
    entry = gradebook.update_or_create_submission(submission.assignment, submission.student, timestamp=when)
    fetch_grades(entry)
    for notebook in entry.notebooks:
        cells = {}
        if notebook.name in notebooks:
            marked = [cell for cell in notebooks[notebook.name].cells if "nbgrader" in cell.metadata]
            cells = {cell.metadata.nbgrader.get("grade_id"): cell for cell in marked}
        for grade in notebook.grades:
            grade.auto_score, grade.needs_manual_grade = judge(grade, notebooks.get(notebook.name), before)
            if grade.needs_manual_grade and grade.manual_score is not None:
                changed.append((notebook.name, grade.name))
        for comment in notebook.comments:
            cell = cells.get(comment.name)
            if cell is not None:
                same = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
                same &= not kinds.is_unreadable(notebooks[notebook.name])
                comment.auto_comment = "No response." if same and not utils.is_task(cell) else None
    gradebook.db.flush()
    for notebook in entry.notebooks:
        notebook.late_submission_penalty = None
        if notebook.name in notebooks and entry.total_seconds_late > 0:
            notebook.late_submission_penalty = _penalty(config, submission, notebook, entry.total_seconds_late)
    return changed


def judge(grade: Grade, notebook: nbformat.NotebookNode | None, before: Before) -> tuple[float | None, bool]:
    """Return what a graded notebook gives for a cell, and whether a person has to read it; nothing is written.

    Parameters
    ----------
    grade : nbgrader.api.Grade
        As the gradebook has it.
    notebook : nbformat.NotebookNode, optional
        Graded just now; None if it was not handed in.
    before : Before

    Returns
    -------
    auto_score : float or None
        See `auto_score`.
    needs_manual_grade : bool
    """
    if notebook is None:
        # What a person gave was for an answer of an earlier hand-in.
        return 0, grade.manual_score is not None
    name = grade.name  # asked once: the gradebook looks it up each time
    (cell,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name][-1:]
    score = None if kinds.is_unreadable(notebook) else auto_score(cell)
    if grade.manual_score is None:
        return score, score is None
    return score, not before.is_what_was_marked(grade, notebook)


class Before:
    """The submission as it was graded before, which is what persons have read.

    Parameters
    ----------
    folder : pathlib.Path
        ``autograded/<student>/<assignment>``, not yet replaced.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.changed = folder, to_read_again(folder)
        self._cells: dict[str, list[dict[str, Any]]] = {}

    def is_what_was_marked(self, grade: Grade, notebook: nbformat.NotebookNode) -> bool:
        """Whether the answer to which a person gave a mark is still the same, asked before the flag is set anew."""
        name = grade.notebook.name
        if (name, grade.name) in (self.changed or ()) and grade.needs_manual_grade:
            return False  # it changed earlier, and nobody has marked it since
        return answer(self.cells(name), grade.name) == answer(notebook.cells, grade.name)

    def cells(self, notebook: str) -> list[dict[str, Any]]:
        """Return the cells of a notebook as it was graded before; none if it was not, or is gone."""
        if notebook not in self._cells:
            try:
                self._cells[notebook] = nbformat.read(self._folder / f"{notebook}.ipynb", as_version=4).cells
            except (OSError, ValueError, nbformat.ValidationError):
                self._cells[notebook] = []
        return self._cells[notebook]


def answer(cells: Iterable[dict[str, Any]], name: str) -> list[tuple[str, Any]] | None:
    """Return what a mark is for: the answer in the cell, or for a test or a task all that the student wrote."""
    everything, found = [], False
    for cell in cells:
        marks = cell["metadata"].get("nbgrader", {})
        wrote = cell["source"], cell.get("attachments") or None
        if marks.get("grade_id") == name:
            found = True
            if marks.get("solution"):
                return [wrote]
        if marks.get("solution") or kinds.course(cell).get("origin") == "student":
            everything.append(wrote)
    return everything if found else None


def _penalty(config: Config, submission: Submission, notebook: SubmittedNotebook, seconds: float) -> float | None:
    preprocessor = AssignLatePenalties(config=config)
    preprocessor.assignment_id, preprocessor.student_id = submission.assignment, submission.student
    preprocessor.init_plugin()
    penalty = preprocessor.plugin_inst.late_submission_penalty(submission.student, notebook.score, seconds)
    return None if penalty is None else preprocessor._check_late_penalty(notebook, penalty)
