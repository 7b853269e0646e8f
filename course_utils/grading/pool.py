"""Workers that grade submissions side by side: processes of this machine, or a Dask cluster.

Both give results in the order in which they are ready. A worker that dies costs nothing: its submission is given to
another one. Only a submission with which worker after worker dies is given up, and is told.
"""

from __future__ import annotations

import collections
import contextlib
import json
import logging
import multiprocessing.connection
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

from course_utils.grading.fork_server import ForkServer
from course_utils.grading.launcher import Zygote
from course_utils.grading.provisioner import SandboxProvisioner
from course_utils.grading.sandbox import SandboxUnavailable
from course_utils.grading.submissions import GradedSubmission, Submission
from course_utils.grading.worker import Settings, grader_modules, sandbox_options

__all__ = ["grade_here", "grade_on_cluster"]

log = logging.getLogger("course")

# How many workers may die on one submission before it is given up.
ATTEMPTS = 3
# How long a scheduler may take to answer at first.
SCHEDULER_TIMEOUT_S = 20


class _Parents:
    """The processes that kernels and grader processes are forked from, shared by all workers of this machine."""

    def __init__(self, settings: Settings) -> None:
        self.modules = grader_modules(settings)
        self.server = ForkServer(self.modules)  # its imports go on while the zygote's do
        self.zygote: Zygote | None = None
        self.options: dict = {}
        if settings.sandbox and settings.warm:
            self.options = SandboxProvisioner(**sandbox_options(settings)).zygote_options()
            try:
                self.zygote = Zygote(**self.options)
            except SandboxUnavailable:
                pass  # workers find out, and say so of each submission
            else:
                for name, reason in self.zygote.failed_imports.items():
                    log.warning("Could not import %s for the sandbox: %s", name, reason)

    def descriptors(self) -> dict[str, list]:
        """Return what `pool_worker` adopts: by kind, how it is asked for and a file descriptor."""
        found = {"server": [self.modules, self.server.control.fileno()]}
        if self.zygote is not None:
            found["zygote"] = [self.options, self.zygote.descriptor]
        return found

    def close(self) -> None:
        self.server.close()
        if self.zygote is not None:
            self.zygote.close()


class _Worker:
    """A process that grades one submission after another (see `pool_worker`)."""

    def __init__(self, parents: _Parents | None = None) -> None:
        ours, theirs = socket.socketpair()
        shared = parents.descriptors() if parents is not None else {}
        program = "course_utils.grading.pool_worker"
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", program, str(theirs.fileno()), json.dumps(shared)],
                pass_fds=[theirs.fileno(), *(descriptor for _, descriptor in shared.values())],
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
            # The session holds the worker, and what it started if it shares nothing with others.
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
    parents: _Parents | None = None

    def hand_out(worker: _Worker, submission: Submission) -> None:
        if started is not None:
            started(submission.student)
        try:
            worker.give(submission)
        except OSError:
            worker.submission = submission  # dead already: found out below

    try:
        while True:
            idle = [worker for worker in pool if worker.submission is None]
            while idle or len(pool) < workers:
                submission = again.popleft() if again else next(waiting, None)
                if submission is None:
                    break
                if parents is None:
                    parents = _Parents(submission.settings)
                if not idle:
                    idle.append(_Worker(parents))
                    pool.append(idle[0])
                hand_out(idle.pop(), submission)
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
        if parents is not None:
            parents.close()


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

    with Client(scheduler, timeout=SCHEDULER_TIMEOUT_S, set_as_default=False) as client:
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
