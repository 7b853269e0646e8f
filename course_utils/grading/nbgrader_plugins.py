"""nbgrader's plugin points: how `nbgrader autograde` and `nbgrader generate_feedback` use the engine.

Configured in `nbgrader_config.py`. In the order in which a submission meets them: `move_links_away`,
`SubmissionExporter`, `RepairNotebook`, `GradeNotebook`, `SaveGrades`, and for the feedback `GetGrades`,
`ClearCoursesHiddenTests`, `FeedbackNotes`.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, NbGraderPreprocessor, SaveAutoGrades
from traitlets.config import Application, Config

from course_utils.classroom import folder as course_folder
from course_utils.classroom.grades import fetch_notebook
from course_utils.classroom.safety_net import attempt
from course_utils.grading import scratch
from course_utils.grading.hidden import FOLDER, course_secret, read_hidden
from course_utils.grading.limits import GradingLimits, SandboxLimits
from course_utils.grading.preload import modules_for
from course_utils.grading.run import trust
from course_utils.grading.run.engine import Settings, grade_cells
from course_utils.grading.settings import Course
from course_utils.grading.settings import GradeNotebook as HowToGrade
from course_utils.grading.submissions import (
    handed_in_at,
    handed_out,
    helper_notebooks,
    is_closed,
    lay_in_outputs,
    other_files,
    sort_out,
)
from course_utils.grading.words import words_in
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.files import notebooks_in
from course_utils.notebooks.pictures import lay_in_files
from course_utils.notebooks.reading import UnreadableNotebook, read_notebook
from course_utils.notebooks.repair import repair
from course_utils.notebooks.sealed_cells import as_released
from course_utils.notebooks.skeleton import skeleton
from course_utils.notebooks.texts import one_line, plain_markdown

__all__ = [
    "ClearCoursesHiddenTests",
    "FeedbackNotes",
    "GetGrades",
    "GradeNotebook",
    "RepairNotebook",
    "SaveGrades",
    "SubmissionExporter",
    "move_links_away",
]


def _limits(config: Config | None = None) -> GradingLimits:
    """Return the limits of the settings: those given, or those of the command that runs."""
    if config is None:
        config = Application.instance().config if Application.initialized() else Config()
    return GradingLimits.of(dict(config.GradeNotebook.get("limits", {})))


def move_links_away(assignment: str, student: str, notebooks: list[str]) -> None:
    """Move out of a submission what nbgrader must not copy (`Autograde.pre_convert_hook`).

    That is links, pipes, what can't be read, what is too much, and a time stamp that is no time.

    Raises
    ------
    RuntimeError
        If `source/` holds trained networks: nbgrader would lay them over the students' own.
    """
    for folder in {Path(notebook).parent for notebook in notebooks}:
        if (folder.parent.parent.parent / "source" / assignment / "artifacts").exists():
            raise RuntimeError(
                f"Move source/{assignment}/artifacts away: what is in source/ is handed out to students."
            )
        good = set(sort_out(folder, _limits().sandbox)[0].values())
        # Notebooks that are none are told by the exporter, so that their points are zero for a stated reason.
        if handed_in_at(folder) is not None:
            good.add(folder / "timestamp.txt")
        target = folder.parent.parent.parent / "quarantine" / folder.parent.name / folder.name
        for path in _not_to_copy(folder, good):
            kept = target / path.relative_to(folder)
            number = 1
            while os.path.lexists(kept):  # of an earlier run
                number += 1
                kept = target / f"{path.relative_to(folder)}.{number}"
            _, fault = attempt(
                folder.parent.parent.parent, student, "moved into quarantine", functools.partial(_move, path, kept)
            )
            what = fault or f"can't be graded; moved to {one_line(kept, 300)}"
            logging.getLogger("course").warning("%s %s", one_line(path, 300), what)


def _not_to_copy(folder: Path, good: set[Path]) -> list[Path]:
    """Return what of a submission nbgrader must not see: files, and folders that are not entered as a whole."""
    found = []
    for root, folders, names in os.walk(folder):
        here = Path(root).relative_to(folder)
        folders[:] = [name for name in folders if name[0] != "."]  # nbgrader leaves them alone
        closed = [name for name in folders if is_closed(here / name) or Path(root, name).is_symlink()]
        folders[:] = [name for name in folders if name not in closed]
        found += [Path(root, name) for name in closed]
        found += [path for name in names if (path := Path(root, name)) not in good and path.suffix != ".ipynb"]
    return found


def _move(path: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    path.rename(kept)


class SubmissionExporter(NotebookExporter):
    """Reads what a student handed in; a file that is no notebook becomes an empty one with the reason in it."""

    def from_filename(self, filename: str, resources: dict | None = None, **kw: Any) -> tuple[NotebookNode, dict]:
        path = Path(filename)
        resources = ResourcesDict() if resources is None else resources
        metadata = resources.setdefault("metadata", ResourcesDict())
        metadata["name"], metadata["path"] = path.stem, str(path.parent)
        if self._is_repaired(path, resources):
            return self.from_notebook_node(nbformat.read(path, as_version=4), resources, **kw)
        try:
            notebook = read_notebook(path, _limits(self.config).file)
        except UnreadableNotebook as reason:
            self.log.error("%s can't be graded: %s", filename, reason)
            notebook = nbformat.v4.new_notebook(metadata={"course": {"unreadable": str(reason)}})
        return self.from_notebook_node(notebook, resources, **kw)

    def _is_repaired(self, path: Path, resources: dict) -> bool:
        """Whether it is our own notebook: nbgrader reads it again from `autograded/` before it is run."""
        coursedir, ids = self.parent.coursedir, resources["nbgrader"]
        ours = coursedir.format_path(coursedir.autograded_directory, ids["student"], ids["assignment"])
        return path.parent.resolve() == Path(ours).resolve()


@functools.lru_cache(maxsize=64)
def _skeleton(source: Path, changed: float, clearing: str) -> NotebookNode:
    return skeleton(source, _CONFIGS[clearing])


_CONFIGS: dict[str, Config] = {}


class RepairNotebook(NbGraderPreprocessor):
    """Lay the student's answers into the course's notebook (see `repair`)."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        coursedir = self.parent.parent.coursedir
        assignment, notebook = resources["nbgrader"]["assignment"], resources["nbgrader"]["notebook"]
        folder = coursedir.format_path(coursedir.source_directory, ".", assignment)
        source = Path(folder, f"{notebook}.ipynb")
        clearing = repr(self.config.get("ClearSolutions"))
        _CONFIGS.setdefault(clearing, self.config)
        course = _skeleton(source, source.stat().st_mtime, clearing)
        reason = nb.metadata.get("course", {}).get("unreadable") if not nb.cells else None
        repaired = repair(None if reason else nb, course, reason or "", _limits(self.config).file)
        for sentence in repaired.repairs:
            self.log.warning("%s/%s: %s", resources["nbgrader"]["student"], notebook, sentence)
        return repaired.notebook, resources


class GradeNotebook(HowToGrade, NbGraderPreprocessor):
    """Run the notebook: the student's cells in the sandbox, the tests in a process of their own."""

    def settings(self) -> Settings:
        """Return the traits in the form that workers take."""
        preload = None if self.preload is None else tuple(self.preload)
        return Settings(
            self.sandbox,
            self.warm,
            self.notebook_timeout,
            dict(self.limits),
            self.data,
            preload,
            ignore=tuple(course_folder.coursedir(Path(), self.config).ignore),
        )

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        coursedir, ids = self.parent.parent.coursedir, resources["nbgrader"]
        submitted = Path(coursedir.format_path(coursedir.submitted_directory, ids["student"], ids["assignment"]))
        source = Path(coursedir.format_path(coursedir.source_directory, ".", ids["assignment"]))
        settings = replace(self._settings_for(source), secret=course_secret(Path(coursedir.root), self.config))
        place, limits = Path(resources["metadata"]["path"]), _limits(self.config).sandbox
        with submission_files(place, submitted, limits) as files:
            lay_in_files(nb.cells, files, _limits(self.config).file)
            ours = [name for name in handed_out(source, settings.ignore) if (files / name).is_file()]
            imports = nb.metadata["course"]["imports"]
            result = grade_cells(nb.cells, imports, files, settings, read_hidden(source), sorted(ours))
        lay_in_outputs(nb, result)
        for index, reason in result.faults.items():
            self.log.error(
                "%s is not gradable, by a mistake in the course: %s", kinds.name(nb.cells[index], index), reason
            )
        nb.metadata["course"]["trust"] = trust.report(nb, result)
        return nb, resources

    def _settings_for(self, source: Path) -> Settings:
        settings = self.settings()
        if settings.preload is None:
            notebooks = notebooks_in(source)
            settings = replace(settings, preload=_modules(tuple((path, path.stat().st_mtime) for path in notebooks)))
        return settings


@functools.lru_cache(maxsize=64)
def _modules(notebooks: tuple[tuple[Path, float], ...]) -> tuple[str, ...]:
    """Return `modules_for` of an assignment's notebooks, given with the times of their last change."""
    return modules_for(path.read_bytes() for path, _ in notebooks)


@contextlib.contextmanager
def submission_files(folder: Path, submitted: Path, limits: SandboxLimits | None = None) -> Iterator[Path]:
    """Give a copy of a submission's files for the kernel; the course's notebooks hold the hidden tests by now.

    Parameters
    ----------
    folder : pathlib.Path
        The submission's folder in `autograded/`.
    submitted : pathlib.Path
        The same in `submitted/`. nbgrader, which must not copy the course's `hidden/`, leaves a folder of this name out
        everywhere; a student's own is taken from here.
    limits : SandboxLimits, optional
        How many files, and how many bytes, are taken.
    """
    with scratch.folder("files") as target:
        copied = {name: path for name, path in other_files(folder, limits).items() if FOLDER not in Path(name).parts}
        left_out = {name: path for name, path in other_files(submitted, limits).items() if FOLDER in Path(name).parts}
        helpers = helper_notebooks(submitted, (path.stem for path in folder.glob("*.ipynb")))
        for name, path in {**helpers, **left_out, **copied}.items():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        yield target


class SaveGrades(SaveAutoGrades):
    """Enter the scores of automatic cells; what a mistake of the course kept from being judged waits for a person.

    So does all of a notebook that could not be read.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        self._is_unreadable = kinds.is_unreadable(nb)
        return super().preprocess(nb, resources)

    def _add_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        super()._add_score(cell, resources)
        if self._is_unreadable or kinds.fault(cell):
            grade = self.gradebook.find_grade(*self._place(cell))
            grade.auto_score, grade.needs_manual_grade = None, True
            self.gradebook.db.commit()

    def _add_comment(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        super()._add_comment(cell, resources)
        if self._is_unreadable:
            self.gradebook.find_comment(*self._place(cell)).auto_comment = None
            self.gradebook.db.commit()

    def _place(self, cell: NotebookNode) -> tuple[str, str, str, str]:
        return cell.metadata["nbgrader"]["grade_id"], self.notebook_id, self.assignment_id, self.student_id


class ClearCoursesHiddenTests(ClearHiddenTests):
    """Leave the source of hidden tests, and mark schemes, out of the feedback: of the course's cells, which have any.

    A student's cell may hold the same marks, whole or halved; it is shown as it is.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        if kinds.is_task(cell):
            scheme = ClearMarkScheme(parent=self.parent, check_attachment_leakage=False)
            return scheme.preprocess_cell(cell, resources, cell_index)
        if not kinds.is_test(cell):
            return cell, resources
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if kinds.is_sealed(cell):  # what is right, and which mistakes are usual, stands in the source alone
            cell.source = as_released(cell.source)
        return cell, resources


class GetGrades(NbGraderPreprocessor):
    """Lay marks and comments into the cells, as nbgrader's own does, which asks the gradebook for each of them."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        about = resources["nbgrader"]
        names = (about["notebook"], about["assignment"], about["student"])
        with course_folder.open_database(about["db_url"]) as gradebook:
            notebook = fetch_notebook(gradebook, *names)
            grades = {grade.name: grade for grade in notebook.grades}
            comments = {comment.name: comment.comment for comment in notebook.comments}
            for cell in nb.cells:
                marks, is_task = cell.metadata.get("nbgrader", {}), kinds.is_task(cell)
                if is_task or marks.get("solution"):
                    marks["comment"] = _entry(comments, marks["grade_id"], names)
                if is_task or marks.get("grade"):
                    grade = _entry(grades, marks["grade_id"], names)
                    marks["score"], marks["points"] = grade.score, grade.max_score
            late = notebook.late_submission_penalty or 0.0
            about |= {"score": notebook.score - late, "max_score": notebook.max_score, "late_penalty": late}
        return nb, resources


def _entry(known: dict[str, Any], cell: str, names: tuple[str, str, str]) -> Any:
    """Return what the gradebook knows of a cell; if it knows nothing, MissingEntry names all, as nbgrader's does."""
    if cell not in known:
        notebook, assignment, student = names
        raise MissingEntry(f"The gradebook knows no cell {cell!r} in {assignment}/{notebook} of {student}.")
    return known[cell]


class FeedbackNotes(NbGraderPreprocessor):
    """Begin the feedback with what had to be put right and what happened while the notebook ran."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        course = nb.metadata.get("course", {})
        lines = trust.for_student(course)
        for cell in nb.cells:
            cell.metadata.pop("course", None)
            cell.metadata.pop("course_notes", None)  # no cell of a student passes for the one below
        if lines:
            about = words_in(Course(config=self.config).language)("about")
            text = "\n".join(f"- {plain_markdown(line)}" for line in lines)
            noted = {"course_notes": text}
            nb.cells.insert(0, nbformat.v4.new_markdown_cell(f"**{about}**\n\n{text}", metadata=noted))
        nb.metadata.pop("course", None)
        return nb, resources
