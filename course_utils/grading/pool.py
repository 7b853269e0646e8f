"""Workers that grade submissions side by side: processes of this machine, or a Dask cluster.

Both give results in the order in which they are ready. A worker that dies costs nothing: its submission is given to
another one. Only a submission with which worker after worker dies is given up, and is told.
"""

from __future__ import annotations

import collections
import contextlib
import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

from course_utils.grading.returned import BOUNDS, read_graded
from course_utils.grading.run import graders, wire
from course_utils.grading.run.engine import Settings, grader_modules, kernel_options
from course_utils.grading.run.fork_server import ForkServer
from course_utils.grading.sandbox.host import Zygote, zygotes_of_a_run
from course_utils.grading.sandbox.view import PACKAGE, SandboxUnavailable
from course_utils.grading.submissions import GradedSubmission, Submission
from course_utils.grading.waiting import WaitingSubmissions

__all__ = ["Parents", "cores", "grade_here", "grade_on_cluster"]

log = logging.getLogger("course")

# How many workers may die on one submission before it is given up.
ATTEMPTS = 3
# How long a scheduler may take to answer at first.
SCHEDULER_TIMEOUT_S = 20
# How long a message may take on its way, once it has begun.
_MESSAGE_S = 300.0


class Parents:
    """The processes that kernels and grader processes are forked from, shared by all workers of this machine.

    They are told names of modules, and nothing of the course. Their imports go on while this process does other things.

    Parameters
    ----------
    settings : Settings
    workers : int
        How many workers begin to import at once, too.
    """

    def __init__(self, settings: Settings, workers: int = 0) -> None:
        self.modules, self.options, self.tests = _options(settings)
        self.server: ForkServer | Zygote | None = None
        self.zygote: Zygote | None = None
        self._told = False
        with contextlib.suppress(SandboxUnavailable):  # workers find out, and say so of each submission
            if self.tests is None:
                self.server = ForkServer(self.modules)
            elif self.options is not None:
                self.zygote, self.server = zygotes_of_a_run(self.options, self.tests)
            else:
                self.server = Zygote(**self.tests)
        self._spare = [_Worker(self) for _ in range(workers)]

    def fit(self, settings: Settings) -> bool:
        """Whether these are what work with such settings is forked from."""
        return (self.modules, self.options, self.tests) == _options(settings)

    def worker(self) -> _Worker:
        """Return a worker that nobody has yet; whoever takes it ends it."""
        return self._spare.pop() if self._spare else _Worker(self)

    def wait(self) -> None:
        """Wait until kernels can be forked; say once what could not be imported."""
        if self._told or self.zygote is None:
            return
        self._told = True
        with contextlib.suppress(SandboxUnavailable):  # as above
            for name, reason in self.zygote.failed_imports.items():
                log.warning("Could not import %s for the sandbox: %s", name, reason)

    def descriptors(self) -> dict[str, list]:
        """Return what `worker` adopts: by kind, how it is asked for and a file descriptor."""
        found = {}
        if isinstance(self.server, ForkServer):
            found["server"] = [self.modules, self.server.control.fileno()]
        elif self.server is not None and self.server.alive:
            found["tests"] = [self.tests, self.server.descriptor]
        if self.zygote is not None and self.zygote.alive:
            found["zygote"] = [self.options, self.zygote.descriptor]
        return found

    def close(self) -> None:
        while self._spare:
            self._spare.pop().end()
        for parent in (self.server, self.zygote):
            if parent is not None:
                parent.close()


def _options(settings: Settings) -> tuple[tuple[str, ...], dict | None, dict | None]:
    """Return what parents are made by: modules, and what `shared_zygote` takes for kernels and for tests, if it is."""
    modules = grader_modules(settings)
    if not settings.sandbox:
        return modules, None, None
    kernels = kernel_options(settings).of_zygote() if settings.warm else None
    return modules, kernels, graders.zygote_options(modules)


class _Worker:
    """A process that grades one submission after another (see `worker`)."""

    def __init__(self, parents: Parents | None = None) -> None:
        ours, theirs = socket.socketpair()
        shared = parents.descriptors() if parents is not None else {}
        # Nothing is imported from where the command was called, which may be a student's folder (-P).
        program = (
            f"import sys; sys.path.append({str(PACKAGE.parent)!r}); from course_utils.grading.worker import main; "
        )
        program += "main()"
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", program, str(theirs.fileno()), json.dumps(shared)],
                pass_fds=[theirs.fileno(), *(descriptor for _, descriptor in shared.values())],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the process that hands out the work
            )
        self.channel = wire.Channel(ours, BOUNDS)
        self.submission: Submission | None = None

    def give(self, submission: Submission) -> None:
        self.submission = submission
        self.channel.send(submission.content(), timeout_s=_MESSAGE_S)

    def take(self, timeout_s: float | None = _MESSAGE_S) -> GradedSubmission | None:
        """Return the result, or None if the worker is dead or has sent something else."""
        try:
            return read_graded(self.channel.receive(timeout_s), self.submission)
        except (EOFError, OSError):
            return None
        except wire.BadMessage as problem:
            log.warning("%s: a worker gave back something else than a result: %s.", self.submission.student, problem)
            return None

    def end(self) -> None:
        self.channel.close()
        with contextlib.suppress(ProcessLookupError):
            # The session holds the worker, and what it started if it shares nothing with others.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def grade_here(
    submissions: Iterable[Submission],
    workers: int,
    started: Callable[[str], None] | None = None,
    parents: Parents | None = None,
) -> Iterator[GradedSubmission]:
    """Grade submissions in `workers` processes of this machine.

    Parameters
    ----------
    submissions : iterable of Submission
        Read lazily, see `WaitingSubmissions`.
    workers : int
    started : callable, optional
        Called with the student's name when a worker begins.
    parents : Parents, optional
        Started before; ended here.

    Yields
    ------
    GradedSubmission
        One per submission, as they become ready.
    """
    waiting = WaitingSubmissions(submissions)
    attempts: collections.Counter[tuple[str, ...]] = collections.Counter()
    pool: list[_Worker] = []

    def hand_out(worker: _Worker, submission: Submission) -> None:
        if started is not None and waiting.is_first(submission):
            started(submission.student)
        try:
            worker.give(submission)
        except OSError:
            worker.process.kill()  # it is dead already, or does not listen: found out below

    try:
        while True:
            idle = [worker for worker in pool if worker.submission is None]
            given: list[tuple[_Worker, Submission]] = []
            while idle or len(pool) < workers:
                submission = waiting.take(len(idle) + workers - len(pool))
                if submission is None:
                    break
                if parents is not None and not pool and not parents.fit(submission.settings):
                    parents.close()
                    parents = None
                if parents is None:
                    parents = Parents(submission.settings)
                if not idle:
                    idle.append(parents.worker())
                    pool.append(idle[0])
                given.append((idle.pop(), submission))
            for worker, submission in given:  # all have begun to import by now
                parents.wait()
                hand_out(worker, submission)
            busy = [worker for worker in pool if worker.submission is not None]
            if not busy:
                return
            for worker in _ready(busy):
                submission, result = worker.submission, worker.take()
                worker.submission = None
                if result is None:
                    pool.remove(worker)
                    worker.end()
                    key = submission.student, *submission.notebooks
                    attempts[key] += 1
                    if attempts[key] < ATTEMPTS:
                        waiting.put_back(submission)
                        continue
                    result = GradedSubmission(submission.student, error=f"{ATTEMPTS} workers died while grading it")
                if (whole := waiting.whole(submission, result)) is not None:
                    yield whole
    finally:
        for worker in pool:
            worker.end()
        if parents is not None:
            parents.close()


def _ready(workers: list[_Worker]) -> list[_Worker]:
    """Wait until one or more of the workers have something to say."""
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.channel, selectors.EVENT_READ, worker)
        return [key.data for key, _ in selector.select()]


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
        given: dict[str, Submission] = {}

        def submit() -> list:
            submission = next(waiting, None)
            if submission is None:
                return []
            if started is not None:
                started(submission.student)
            # A lost worker's tasks are run again elsewhere; the result of one key counts once.
            data = wire.dumps(submission.content())
            future = client.submit(grade_in_subprocess, data, key=f"grade-{submission.digest}", retries=0)
            given[future.key] = submission
            return [future]

        # Two per core keep the workers busy while results travel.
        first = [future for _ in range(2 * cores) for future in submit()]
        ready = as_completed(first, loop=client.loop)
        for future in ready:
            submission = given.pop(future.key)
            try:
                # Should the worker that holds the result be lost just now, this waits until another has made it again.
                data = future.result()
            except Exception as error:  # whatever ended the task
                yield GradedSubmission(submission.student, error=f"the cluster gave it up: {error}")
            else:
                yield _from_cluster(data, submission)
            future.release()
            for following in submit():
                ready.add(following)


def _from_cluster(data: bytes, submission: Submission) -> GradedSubmission:
    try:
        if type(data) is not bytes:
            raise wire.BadMessage("it is no bytes")
        return read_graded(wire.loads(data, BOUNDS), submission)
    except wire.BadMessage as problem:
        return GradedSubmission(submission.student, error=f"the cluster gave back something else: {problem}")


_LOCAL: list[_Worker] = []


def grade_in_subprocess(data: bytes) -> bytes:
    """Grade one submission in a process beside this one (the task that runs on a Dask worker); bytes in, bytes out.

    A Dask worker is a daemon process, which may not have children of its own kind; and the sandbox's warm process must
    outlive a task.
    """
    submission = Submission.read(wire.loads(data, wire.WIDE))
    for _ in range(ATTEMPTS):
        worker = _LOCAL.pop() if _LOCAL else _Worker()
        try:
            worker.give(submission)
            result = worker.take(None)
        except OSError:
            result = None
        if result is not None:
            _LOCAL.append(worker)
            return wire.dumps(result.content())
        worker.end()
    failed = GradedSubmission(submission.student, error=f"{ATTEMPTS} workers died while grading it")
    return wire.dumps(failed.content())


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
