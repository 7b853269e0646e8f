"""The questions of an assignment that a person reads, and what the class answered."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader import utils
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import Config

from course_utils.classroom.folder import coursedir
from course_utils.classroom.rubric_tables import Question
from course_utils.errors import CourseError
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.excerpt import Notebook
from course_utils.notebooks.rubrics import Rubric, RubricError, question_of, read_rubric
from course_utils.notebooks.texts import writable

__all__ = ["Answer", "Test", "Written", "answers_of", "states", "written_questions"]

log = logging.getLogger("course")
# Characters of an answer that are compared; more than anybody reads.
_LONGEST = 20_000


@dataclass(frozen=True)
class Test:
    """An automatic cell of the same exercise.

    Parameters
    ----------
    name : str
        Its grade_id.
    points : float
    """

    name: str
    points: float


@dataclass(frozen=True)
class Written:
    """A question that a person reads, as its source has it.

    Parameters
    ----------
    key : Question
    title : str
        Its first heading.
    exercise : str
        Title of the exercise that it belongs to.
    points : float
    text : str
        What is asked, in Markdown.
    rubric : Rubric or None
        None where the source has none.
    problem : str
        Why the rubric could not be read; empty if it could, or if there is none.
    code : tuple of str
        grade_ids of the cells of code that students write in the same exercise.
    tests : tuple of Test
    task : bool
        Whether what is graded is not an answer in the cell, but all that a student made of a task.
    """

    key: Question
    title: str
    exercise: str
    points: float
    text: str
    rubric: Rubric | None
    problem: str = ""
    code: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    task: bool = False


@dataclass(frozen=True)
class Answer:
    """What one student wrote.

    Parameters
    ----------
    student : str
    source : str
        Markdown.
    attachments : dict
        Pictures, as the cell has them.
    digest : str
        SHA-256 of the answer, blanks at the ends of lines aside: the same for exact copies.
    blank : bool
        Whether it is empty, or the cell as it was handed out.
    code : dict of str to str
        The student's cells of code in the same exercise, by grade_id.
    messages : dict of str to str
        What the failed tests of the same exercise say, by grade_id.
    """

    student: str
    source: str
    attachments: dict[str, Any]
    digest: str
    blank: bool
    code: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)


def written_questions(course: Path, config: Config, assignment: str) -> list[Written]:
    """Return the questions of an assignment that a person reads, in the order of its notebooks' names and cells.

    Parameters
    ----------
    course : pathlib.Path
    config : traitlets.config.Config
    assignment : str

    Raises
    ------
    CourseError
        If there is no such assignment.
    """
    directory = coursedir(course, config)
    folder = Path(directory.format_path(directory.source_directory, ".", assignment))
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise CourseError(f"{folder} has no notebook; name a folder of source/.")
    return [question for path in paths for question in _questions(assignment, path)]


def _questions(assignment: str, path: Path) -> Iterable[Written]:
    cells = _read(path)
    notebook = Notebook(f"{assignment}/{path.stem}", cells)
    for section in notebook.sections:
        for index in filter(notebook.is_written, section.cells):
            cell = cells[index]
            key = Question(assignment, path.stem, cell["metadata"]["nbgrader"]["grade_id"])
            rubric, problem = _rubric(cell["source"])
            text = question_of(cell["source"])
            yield Written(
                key, _title(text) or section.title or key.cell, section.title, notebook.points(index), text, rubric,
                problem, tuple(_names(cells, section.cells, notebook.is_answer)),
                tuple(Test(kinds.name(cells[i], i), kinds.points(cells[i])) for i in section.cells
                      if kinds.is_test(cells[i])), kinds.is_task(cell),
            )  # fmt: skip


def _names(cells: list[dict[str, Any]], indices: Iterable[int], wanted: Any) -> list[str]:
    return [kinds.name(cells[i], i) for i in indices if wanted(i)]


def _rubric(source: str) -> tuple[Rubric | None, str]:
    try:
        return read_rubric(source), ""
    except RubricError as error:
        return None, str(error)


def _title(text: str) -> str:
    found = re.search(r"^#{1,6} +(.+?)\s*$", text, re.MULTILINE)
    return found[1] if found else ""


def answers_of(
    directory: CourseDirectory, assignment: str, notebook: str, questions: Iterable[Written]
) -> tuple[dict[Question, list[Answer]], list[str]]:
    """Return what the class answered to the questions of one notebook, read from `autograded/`.

    Parameters
    ----------
    directory : nbgrader.coursedir.CourseDirectory
    assignment, notebook : str
    questions : iterable of Written
        Of this notebook.

    Returns
    -------
    answers : dict of Question to list of Answer
    unread : list of str
        Students whose notebook can't be read.
    """
    unread = []
    wanted = [question for question in questions if question.key.notebook == notebook]
    found: dict[Question, list[Answer]] = {question.key: [] for question in wanted}
    for student, folder in _folders(directory, assignment):
        path = Path(folder, f"{notebook}.ipynb")
        if not path.is_file() or path.is_symlink():
            continue
        try:
            cells = _read(path)
            by_name = {cell["metadata"]["nbgrader"].get("grade_id"): cell for cell in cells}
            answers = {q.key: _answer(student, q, cells, by_name) for q in wanted if q.key.cell in by_name}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            # Autograding writes none of these; somebody has changed the file.
            log.warning("%s can't be read: %s", path, error)
            unread.append(student)
            continue
        for key, answer in answers.items():
            found[key].append(answer)
    return found, unread


def states(directory: CourseDirectory, assignment: str, notebook: str) -> dict[str, tuple[int, int]]:
    """Return of which time and size each student's graded notebook is, by student.

    Parameters
    ----------
    directory : nbgrader.coursedir.CourseDirectory
    assignment, notebook : str
    """
    found = {}
    # Asked with every page, for the whole class: paths as text are several times as fast as `pathlib`.
    for student, folder in _folders(directory, assignment):
        try:
            about = os.lstat(f"{folder}/{notebook}.ipynb")
        except OSError:
            continue  # not handed in, or just being replaced
        found[student] = about.st_mtime_ns, about.st_size
    return found


def _folders(directory: CourseDirectory, assignment: str) -> list[tuple[str, str]]:
    """Return whose graded work may be there, and in which folder."""
    parts = Path(directory.format_path(directory.autograded_directory, "*", assignment)).parts
    first = parts.index("*")
    rest = "/".join(parts[first + 1 :])
    try:
        with os.scandir(Path(*parts[:first])) as entries:
            return sorted((one.name, f"{one.path}/{rest}") for one in entries if not one.name.startswith("."))
    except OSError:
        return []  # nothing is graded


def _answer(
    student: str, question: Written, cells: list[dict[str, Any]], by_name: dict[str | None, dict[str, Any]]
) -> Answer:
    cell = by_name[question.key.cell]
    source, attachments = cell["source"], cell.get("attachments") or {}
    if question.task:
        made = [c for c in cells if kinds.course(c).get("origin") == "student" and c["cell_type"] == "markdown"]
        source = "\n\n".join(c["source"] for c in made)
        attachments = {name: data for c in made for name, data in (c.get("attachments") or {}).items()}
    # Layout may mean something (lists, code): copies are the same but for blanks at the ends of lines.
    text = "\n".join(line.rstrip() for line in unicodedata.normalize("NFC", source).splitlines()).strip()
    shown = json.dumps([text, attachments], sort_keys=True)
    return Answer(
        student, source, attachments, hashlib.sha256(shown.encode("utf-8", "replace")).hexdigest(),
        _is_blank(cell, " ".join(text.split()), attachments) if not question.task else not text,
        {name: by_name[name]["source"] for name in question.code if name in by_name},
        {test.name: _message(by_name[test.name]) for test in question.tests if test.name in by_name},
    )  # fmt: skip


_STUB = " ".join(ClearSolutions().text_stub.split())


def _is_blank(cell: dict[str, Any], text: str, attachments: dict[str, Any]) -> bool:
    if attachments:
        return False
    if not text or text == _STUB:
        return True
    checksum = cell["metadata"].get("nbgrader", {}).get("checksum")
    return checksum is not None and checksum == utils.compute_checksum(_Cell(cell))


class _Cell(dict):
    """A cell whose parts nbgrader reads as attributes."""

    def __getattr__(self, name: str) -> Any:
        value = self[name]
        return _Cell(value) if isinstance(value, dict) else value


def _message(cell: dict[str, Any]) -> str:
    """Return what the failed check of a graded test cell says; empty if it passed."""
    for output in cell.get("outputs") or ():
        if output.get("output_type") == "error":
            said = writable(str(output.get("evalue", ""))[:_LONGEST]).strip() or str(output.get("ename", ""))
            return re.sub(r"\n\s*\n+", "\n", said)
    return ""


def _read(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_bytes())["cells"]
    for cell in cells:
        cell["source"] = writable("".join(cell["source"]))
        cell["metadata"]["nbgrader"] = cell["metadata"].get("nbgrader") or {}
        cell["attachments"] = {
            str(name): {str(kind): "".join(data) for kind, data in forms.items()}
            for name, forms in (cell.get("attachments") or {}).items()
        }
    return cells
