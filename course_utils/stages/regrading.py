"""Grading again in two steps: first what would move is shown, then exactly that is written.

Between the two nothing in the course folder or the gradebook is another one, and no lock is held: the graded notebooks
wait in a folder of this process. What somebody else changed meanwhile is found by looking again before each mark is
written, and such a submission is left as it is.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.one_run import only_run
from course_utils.classroom.roster import Roster
from course_utils.grading import scratch
from course_utils.grading.moves import Moves, foresee
from course_utils.grading.submissions import GradedNotebook, GradedSubmission
from course_utils.stages.autograde import How, Run, SubmissionResult, roster_of
from course_utils.stages.release import make_sure_it_is_released

__all__ = ["Regrading", "regrading"]


@dataclass
class Regrading:
    """Submissions that were graded again and are not written yet.

    Parameters
    ----------
    moves : list of Moves
        What each of them would change, sorted by student; also those where nothing moves.
    unchanged : list of str
        Whose submission and tests are those of the run before.
    problems : dict of str to str
        Why somebody's work could not be graded; it is left as it is.
    """

    course: Path
    assignment: str
    how: How
    folder: Path
    moves: list[Moves] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def write(
        self, progress: Callable[[SubmissionResult, int, int], None] | None = None
    ) -> tuple[list[SubmissionResult], dict[str, str]]:
        """Write what `moves` says.

        Parameters
        ----------
        progress : callable, optional
            See `autograde.autograde`.

        Returns
        -------
        results : list of SubmissionResult
            Of those that were written.
        left : dict of str to str
            Who was left as they are, and why: what was shown is no longer what would be written.
        """
        with only_run(self.course, f"autograde {self.assignment}"):
            names = [moves.student for moves in self.moves]
            return _Writing(self.course, self.assignment, names, self.how, progress).write(self)


@contextlib.contextmanager
def regrading(
    course: Path,
    assignment: str,
    students: Iterable[str] | None = None,
    how: How | None = None,
    *,
    started: Callable[[str], None] | None = None,
    progress: Callable[[SubmissionResult, int, int], None] | None = None,
) -> Iterator[Regrading]:
    """Grade again whatever changed since it was graded, or with `how.force` all, and write nothing.

    Parameters
    ----------
    course, assignment, students, started, progress
        See `autograde.autograde`.
    how : How, optional

    Yields
    ------
    Regrading
        Its graded notebooks are kept for as long as the block takes.
    """
    course, how = Path(course).resolve(), how or How()
    load_config(course)  # says whether it is one
    with scratch.folder("regrading") as folder:
        found = Regrading(course, assignment, how, folder)
        with only_run(course, f"autograde {assignment} --changed"):
            _Looking(course, assignment, students, how, progress).look(found, started)
        yield found


class _Looking(Run):
    """A run that writes neither gradebook nor folders."""

    found: Regrading

    def look(self, found: Regrading, started: Callable[[str], None] | None) -> None:
        self.found = found
        self.grade(started)
        found.moves.sort(key=lambda moves: moves.student)

    def _prepare(self) -> Roster | None:
        make_sure_it_is_released(self.course, self.assignment, look_only=True)
        return roster_of(self.course)

    def _ready(self, gradebook: Gradebook) -> None:
        """Finish nothing that an earlier run left."""

    def _row(self, gradebook: Gradebook, name: str) -> SubmissionResult:
        self.found.unchanged.append(name)
        return SubmissionResult(name)

    def _write(self, gradebook: Gradebook, outcome: GradedSubmission) -> SubmissionResult:
        submission = self.given[outcome.student]
        moves = foresee(gradebook, self.config, submission, outcome, *self._folders(outcome.student))
        gradebook.db.rollback()  # nothing is in it; the objects that were read are let go of
        _keep_outcome(self.found.folder, outcome)
        self.found.digests[outcome.student] = submission.digest
        self.found.moves.append(moves)
        return SubmissionResult(outcome.student, moves=moves)

    def _finish(self, result: SubmissionResult, fault: str = "") -> None:
        if fault:  # whoever handed in nothing has none
            self.found.problems[result.student_id] = result.problem
        self._show(result)


class _Writing(Run):
    """A run that writes what was graded before."""

    def _prepare(self) -> Roster | None:
        make_sure_it_is_released(self.course, self.assignment)
        return roster_of(self.course)  # deadlines stay those by which the marks were shown

    def write(self, found: Regrading) -> tuple[list[SubmissionResult], dict[str, str]]:
        left: dict[str, str] = {}
        with open_gradebook(self.course, self.config) as gradebook:
            self._ready(gradebook)
            for shown in found.moves:
                work = functools.partial(self._write_shown, gradebook, found, shown)
                result = self._in_the_net(gradebook, shown.student, "recorded", work)
                if isinstance(result, str):
                    left[shown.student] = result
                elif result is not None:
                    self._finish(result)
        return [self.results[name] for name in sorted(self.results)], left

    def _write_shown(self, gradebook: Gradebook, found: Regrading, shown: Moves) -> SubmissionResult | str:
        """Write somebody's marks; return why not, if they would be others than those that were shown."""
        submission = self._hand_in(shown.student)
        if isinstance(submission, SubmissionResult) or submission.digest != found.digests[shown.student]:
            return "the hand-in, a test or a setting changed meanwhile"
        what = submission, _outcome(found.folder, shown.student), *self._folders(shown.student)
        if not foresee(gradebook, self.config, *what).gives_the_same_as(shown):
            return "a mark or a deadline in the gradebook changed meanwhile"
        return self._keep(gradebook, shown, *what)


def _place(folder: Path, student: str) -> Path:
    return folder / f"{student.encode().hex()[:200]}.json"


def _keep_outcome(folder: Path, outcome: GradedSubmission) -> None:
    notebooks = {name: notebook.content for name, notebook in outcome.notebooks.items()}
    _place(folder, outcome.student).write_text(json.dumps(notebooks), encoding="utf-8")


def _outcome(folder: Path, student: str) -> GradedSubmission:
    notebooks = json.loads(_place(folder, student).read_text(encoding="utf-8"))
    return GradedSubmission(student, {name: GradedNotebook(content) for name, content in notebooks.items()})
