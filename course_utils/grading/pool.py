"""Workers that grade submissions side by side: processes of this machine, or a Dask cluster.

Both give results in the order in which they are ready. A worker that dies costs nothing: its submission is given to
another one. Only a submission with which worker after worker dies is given up, and is told.
"""

from __future__ import annotations

import collections
import contextlib
import multiprocessing.connection
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

from course_utils.grading.submissions import GradedSubmission, Submission

__all__ = ["grade_here", "grade_on_cluster"]

# How many workers may die on one submission before it is given up.
ATTEMPTS = 3


class _Worker:
    """A process that grades one submission after another (see `pool_worker`)."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "course_utils.grading.pool_worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the process that hands out the work
            )
        self.connection = multiprocessing.connection.Connection(ours.detach())
        self.submission: Submission | None = None

    def give(self, submission: Submission) -> None:
        self.submission = submission
        self.connection.send(submission)

    def take(self) -> GradedSubmission | None:
        """Return the result, or None if the worker is dead."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        self.connection.close()
        with contextlib.suppress(ProcessLookupError):
            # The session holds the worker, its grader processes and the parents of the sandboxes.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def grade_here(
    submissions: Iterable[Submission], workers: int, started: Callable[[str], None] | None = None
) -> Iterator[GradedSubmission]:
    """Grade submissions in `workers` processes of this machine.

    Parameters
    ----------
    submissions : iterable of Submission
        Read lazily: no more are in memory than are being graded.
    workers : int
    started : callable, optional
        Called with the student's name when a worker begins.

    Yields
    ------
    GradedSubmission
        One per submission, as they become ready.
    """
    waiting = iter(submissions)
    again: collections.deque[Submission] = collections.deque()
    attempts: collections.Counter[str] = collections.Counter()
    pool: list[_Worker] = []

    def hand_out(worker: _Worker) -> bool:
        submission = again.popleft() if again else next(waiting, None)
        if submission is None:
            return False
        if started is not None:
            started(submission.student)
        try:
            worker.give(submission)
        except OSError:
            worker.submission = submission  # dead already: found out below
        return True

    try:
        while True:
            idle = [worker for worker in pool if worker.submission is None]
            while idle and hand_out(idle[-1]):
                idle.pop()
            while not idle and len(pool) < workers:
                worker = _Worker()
                if not hand_out(worker):
                    worker.end()
                    break
                pool.append(worker)
            busy = {worker.connection: worker for worker in pool if worker.submission is not None}
            if not busy:
                return
            for connection in multiprocessing.connection.wait(list(busy)):
                worker = busy[connection]
                submission, result = worker.submission, worker.take()
                worker.submission = None
                if result is None:
                    pool.remove(worker)
                    worker.end()
                    attempts[submission.student] += 1
                    if attempts[submission.student] < ATTEMPTS:
                        again.append(submission)
                        continue
                    result = GradedSubmission(submission.student, error=f"{ATTEMPTS} workers died while grading it")
                yield result
    finally:
        for worker in pool:
            worker.end()


def grade_on_cluster(
    submissions: Iterable[Submission], scheduler: str, started: Callable[[str], None] | None = None
) -> Iterator[GradedSubmission]:
    """Grade submissions on the workers of a Dask scheduler; see docs/scaling.md.

    Parameters
    ----------
    submissions : iterable of Submission
    scheduler : str
        Its address: ``"tcp://host:8786"``.
    started : callable, optional
        Called with the student's name when the submission is handed to the scheduler.

    Yields
    ------
    GradedSubmission
        One per submission, as they become ready.

    Raises
    ------
    OSError
        If there is no scheduler at the address.
    """
    from distributed import Client, as_completed

    with Client(scheduler, timeout="20s", set_as_default=False) as client:
        cores = max(1, sum(client.ncores().values()))
        waiting = iter(submissions)
        names = {}

        def submit() -> list:
            submission = next(waiting, None)
            if submission is None:
                return []
            if started is not None:
                started(submission.student)
            # A lost worker's tasks are run again elsewhere; the result of one key counts once.
            future = client.submit(grade_in_subprocess, submission, key=f"grade-{submission.digest}", retries=0)
            names[future.key] = submission.student
            return [future]

        # Two per core keep the workers busy while results travel.
        first = [future for _ in range(2 * cores) for future in submit()]
        ready = as_completed(first, loop=client.loop)
        for future in ready:
            if future.status == "finished":
                yield future.result()
            else:
                yield GradedSubmission(names[future.key], error=f"the cluster gave it up: {future.exception()}")
            future.release()
            for following in submit():
                ready.add(following)


_LOCAL: list[_Worker] = []


def grade_in_subprocess(submission: Submission) -> GradedSubmission:
    """Grade one submission in a process beside this one (the task that runs on a Dask worker).

    A Dask worker is a daemon process, which may not have children of its own kind; and the sandbox's warm process must
    outlive a task.
    """
    for _ in range(ATTEMPTS):
        worker = _LOCAL.pop() if _LOCAL else _Worker()
        try:
            worker.give(submission)
            result = worker.take()
        except OSError:
            result = None
        if result is not None:
            _LOCAL.append(worker)
            return result
        worker.end()
    return GradedSubmission(submission.student, error=f"{ATTEMPTS} workers died while grading it")


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
