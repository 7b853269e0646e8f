"""Everything the desk knows of an assignment: its questions, what the class answered, and what is decided."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import Select, select

from course_utils.classroom.by_hand import MARKER, is_waiting, to_read_again
from course_utils.classroom.config import load_config
from course_utils.classroom.folder import coursedir, open_database
from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.roster import read_roster
from course_utils.classroom.rubric_marks import RubricMarks
from course_utils.classroom.rubric_tables import Question, Reading
from course_utils.desk.answers import Answer, Written, answers_of, states, written_questions
from course_utils.desk.order import Pile, piles
from course_utils.errors import CourseError

__all__ = ["Classwork", "Mark", "Progress"]


@dataclass(frozen=True)
class Mark:
    """What the gradebook says of one student's answer.

    Parameters
    ----------
    manual : float or None
        What a person gave.
    waits : bool
        Whether it is still to be read: nobody has, or it is another answer than the one that was read.
    max_points : float
    comment : str
        What stands in the gradebook beside it.
    """

    manual: float | None
    waits: bool
    max_points: float
    comment: str = ""


@dataclass(frozen=True)
class Progress:
    """How far the reading of a question is.

    Parameters
    ----------
    answers : int
        Without blank ones.
    waiting : int
    """

    answers: int
    waiting: int


class Classwork:
    """One assignment at the desk.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    order : {"alike", "random"}
    hide_names : bool
    """

    def __init__(self, course: Path, assignment: str, *, order: str = "alike", hide_names: bool = False) -> None:
        self.course, self.assignment, self.order = Path(course).resolve(), assignment, order
        config = load_config(self.course)
        self._directory = coursedir(self.course, config)
        self.questions = written_questions(self.course, config, assignment)
        if not self.questions:
            raise CourseError(f"{assignment} has no question that a person reads.")
        self.by_key = {question.key: question for question in self.questions}
        self._names = Pseudonyms.of(self.course, hide_names)
        self._roster = {s.student_id: s.name for s in read_roster(self.course).students}
        self._piles: dict[Question, list[Pile]] = {}
        self._read: dict[str, threading.Event] = {q.key.notebook: threading.Event() for q in self.questions}
        self._failed: dict[str, str] = {}
        self._states: dict[str, dict[str, tuple[int, int]]] = {}
        self._changed: dict[str, tuple] = {}
        self.told: dict[Question, list[str]] = {}
        # Whose notebooks can't be read, by notebook.
        self.unread: dict[str, list[str]] = {}
        self._reading = threading.Lock()

    @contextlib.contextmanager
    def open(self) -> Iterator[Gradebook]:
        """Open the gradebook for as long as the desk is.

        Raises
        ------
        CourseError
            If nothing of the assignment has been graded.
        """
        with open_database(self._directory.db_url, self._directory.course_id) as gradebook:
            if gradebook.db.scalars(select(Assignment).where(Assignment.name == self.assignment)).first() is None:
                raise CourseError(
                    f"Nothing of {self.assignment} is graded yet; run `course autograde {self.assignment}` first."
                )
            yield gradebook

    def take_rubrics_over(self, marks: RubricMarks) -> None:
        """Bring the rubrics of the source into the gradebook."""
        for question in self.questions:
            lines = [(item.points, item.text) for item in question.rubric.items] if question.rubric else []
            if not question.problem:
                self.told[question.key] = marks.take_over(question.key, lines)

    def begin_reading(self) -> None:
        """Read what the class answered beside everything else, unless somebody has begun with it."""
        if self._reading.acquire(blocking=False):
            threading.Thread(target=self.read_everything, daemon=True).start()

    def read_everything(self, done: Callable[[str], None] | None = None) -> None:
        """Read what the class answered, notebook after notebook."""
        self._reading.acquire(blocking=False)
        for notebook, event in self._read.items():
            try:
                self._read_one(notebook)
            except Exception as error:
                self._failed[notebook] = f"{type(error).__name__}: {error}"
                raise
            finally:
                event.set()
            if done:
                done(notebook)

    def _read_one(self, notebook: str) -> None:
        before = states(self._directory, self.assignment, notebook)
        found, self.unread[notebook] = answers_of(self._directory, self.assignment, notebook, self.questions)
        for key, answers in found.items():
            self._piles[key] = piles(answers, self.order, seed=f"{key.assignment}/{key.notebook}/{key.cell}")
        self._states[notebook] = before
        self._failed.pop(notebook, None)

    def piles(self, question: Question) -> list[Pile]:
        """Return a question's answers in the order in which they are read; waits until they are there."""
        self.begin_reading()
        self._read[question.notebook].wait()
        if question.notebook in self._failed:
            raise CourseError(f"The answers of {question.notebook} can't be read: {self._failed[question.notebook]}.")
        return self._piles.get(question, [])

    # A change while they were read is seen by the next page.
    def has_changed(self, question: Question) -> bool:
        """Whether notebooks of the class were graded again, came or went since the desk has read them."""
        return states(self._directory, self.assignment, question.notebook) != self._states.get(question.notebook)

    def read_again(self, question: Question) -> None:
        """Read the class's answers in a question's notebook anew."""
        self._read_one(question.notebook)

    def is_read(self, question: Question) -> bool:
        """Whether the class's answers to a question are there already."""
        return self._read[question.notebook].is_set()

    def name(self, student: str) -> str:
        """Return what to call a student on a page."""
        return self._names.name(student, self._roster.get(student, student))

    def handle(self, student: str) -> str:
        """Return what a form calls a student: no more than the page shows."""
        return self._names.name(student, student)

    def text(self, text: str) -> str:
        """Return a text without names where they are hidden."""
        return self._names.text(text)

    def marks(self, gradebook: Gradebook, question: Question | None = None) -> dict[Question, dict[str, Mark]]:
        """Return what the gradebook says of each answer, by question and student.

        Parameters
        ----------
        gradebook : nbgrader.api.Gradebook
        question : Question, optional
            Only this one; by default all.
        """
        found: dict[Question, dict[str, Mark]] = {q.key: {} for q in self.questions}
        keys = {(q.notebook, q.cell): q for q in found}
        query = (
            _of_class(self.assignment, SubmittedAssignment.student_id, Notebook.name, BaseCell.name,
                      Grade.max_score, Grade.manual_score, Grade.auto_score, Grade.needs_manual_grade)
            .where(BaseCell.name.in_(sorted({q.cell for q in found})))
        )  # fmt: skip
        if question is not None:
            query = query.where(Notebook.name == question.notebook, BaseCell.name == question.cell)
        for student, notebook, cell, most, manual, auto, needs in gradebook.db.execute(query):
            if (key := keys.get((notebook, cell))) is None:
                continue
            is_other = False
            if manual is not None and needs:  # asked only where it decides: it is a file for each student
                changed = self._to_read_again(student)
                is_other = changed is None or (notebook, cell) in changed
            found[key][student] = Mark(manual, is_waiting(most, manual, auto, is_other=is_other), most)
        return found

    def scores(self, gradebook: Gradebook, written: Written, student: str) -> dict[str, float]:
        """Return what the automatic cells of a question's exercise gave to a student; none for a cell that is newer."""
        query = (
            _of_class(self.assignment, BaseCell.name, Grade.score)
            .where(Notebook.name == written.key.notebook, SubmittedAssignment.student_id == student)
            .where(BaseCell.name.in_([test.name for test in written.tests]))
        )
        return dict(map(tuple, gradebook.db.execute(query)))

    def _to_read_again(self, student: str) -> frozenset[tuple[str, str]] | None:
        """Return whose answers changed since they were marked, read anew only where the file is another one."""
        pattern = self._directory.autograded_directory
        folder = Path(self._directory.format_path(pattern, student, self.assignment))
        try:
            about = (folder / MARKER).stat()
            state = about.st_mtime_ns, about.st_size
        except OSError:
            state = None
        if student not in self._changed or self._changed[student][0] != state:
            self._changed[student] = state, to_read_again(folder)
        return self._changed[student][1]

    def progress(self, marks: dict[Question, dict[str, Mark]]) -> dict[Question, Progress]:
        """Return how far each question is read."""
        return {
            key: Progress(
                sum(mark.waits or mark.manual is not None for mark in of.values()),
                sum(mark.waits for mark in of.values()),
            )
            for key, of in marks.items()
        }

    def waits(self, mark: Mark | None, reading: Reading | None, answer: Answer, turn: int = 1) -> bool:
        """Whether a reader has still to decide about an answer."""
        if turn != 1:
            return reading is None or reading.answer != answer.digest
        return mark is not None and mark.waits


def _of_class(assignment: str, *columns: Any) -> Select:
    """Return a question to the gradebook about the cells of everybody who handed an assignment in."""
    return (
        select(*columns)
        .join(Grade.cell).join(Grade.notebook).join(SubmittedNotebook.assignment)
        .join(SubmittedAssignment.assignment).join(SubmittedNotebook.notebook)
        .where(Assignment.name == assignment)
    )  # fmt: skip
