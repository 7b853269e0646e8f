"""Which submission a worker gets next; the last one in pieces, when more than one worker would have nothing to do."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from course_utils.grading.submissions import GradedNotebook, GradedSubmission, Submission

__all__ = ["WaitingSubmissions"]


@dataclass
class _Divided:
    """A submission whose notebooks are graded one by one."""

    submission: Submission
    graded: dict[str, GradedNotebook] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    error: str = ""


class WaitingSubmissions:
    """Submissions to be graded, in their order.

    Parameters
    ----------
    submissions : iterable of Submission
        Read lazily: no more are in memory than are being graded, and the one after these.
    """

    def __init__(self, submissions: Iterable[Submission]) -> None:
        self._submissions = iter(submissions)
        self._read: collections.deque[Submission] = collections.deque()
        self._divided: dict[str, _Divided] = {}

    def take(self, idle: int) -> Submission | None:
        """Return what is to be graded next, None if nothing waits.

        Parameters
        ----------
        idle : int
            How many workers have nothing to do; one of them gets it.
        """
        submission = self._read.popleft() if self._read else next(self._submissions, None)
        if submission is None or submission.student in self._divided:
            return submission
        if idle > 1 and len(submission.notebooks) > 1 and self._is_last():
            self._divided[submission.student] = _Divided(submission)
            first, *others = (
                replace(submission, notebooks={name: data}) for name, data in submission.notebooks.items()
            )
            self._read.extend(others)
            return first
        return submission

    def _is_last(self) -> bool:
        if not self._read:
            self._read.extend(following for following in (next(self._submissions, None),) if following is not None)
        return not self._read

    def put_back(self, submission: Submission) -> None:
        """Let something that was taken be the next one once more."""
        self._read.appendleft(submission)

    def is_first(self, submission: Submission) -> bool:
        """Whether nothing of this student's was taken before it."""
        divided = self._divided.get(submission.student)
        return divided is None or next(iter(divided.submission.notebooks)) in submission.notebooks

    def whole(self, taken: Submission, result: GradedSubmission) -> GradedSubmission | None:
        """Return the result of a submission, None if pieces of it are still to come.

        Parameters
        ----------
        taken : Submission
            As `take` gave it.
        result : GradedSubmission
            What came of it.
        """
        divided = self._divided.get(taken.student)
        if divided is None:
            return result
        divided.ready |= set(taken.notebooks)
        divided.graded |= result.notebooks
        divided.error = divided.error or result.error
        names = divided.submission.notebooks
        if divided.ready != set(names):
            return None
        del self._divided[taken.student]
        if divided.error:
            return GradedSubmission(taken.student, error=divided.error)
        return GradedSubmission(taken.student, {name: divided.graded[name] for name in names})
