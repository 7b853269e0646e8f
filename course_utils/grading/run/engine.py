"""Owns the student's kernel and the grader process of one notebook at a time.

worker ── starts, interrupts, restarts ──► kernel (in a sandbox, student's code)
   └───── starts ──► grader process (in another one, tests) ◄── values ──┘

What the grader process sends is read by `messages.Reader`; nothing it may send costs more than its own notebook.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError, NotGradable
from course_utils.grading import scratch
from course_utils.grading.limits import GradingLimits
from course_utils.grading.preload import GRADER_MODULES
from course_utils.grading.run import graders, turns
from course_utils.grading.run.aside import aside, end_aside
from course_utils.grading.run.cell_code import compiled_tests
from course_utils.grading.run.messages import (
    CellBegun,
    CellDone,
    Ended,
    Failed,
    Faulty,
    Finished,
    Job,
    Missing,
    Reader,
    Wanted,
)
from course_utils.grading.run.wire import BadMessage, Channel
from course_utils.grading.sandbox.student_kernel import KernelOptions, StudentKernel
from course_utils.grading.sandbox.view import SandboxUnavailable
from course_utils.notebooks import cells as kinds
from course_utils.notebooks import course_code

__all__ = ["EngineError", "KernelUnavailable", "NotebookResult", "Settings", "grade_cells"]


class KernelUnavailable(CourseError, RuntimeError):
    """No kernel can be started here: an instructor's problem, not a student's."""


class EngineError(RuntimeError):
    """The course's own code failed while grading; no student is to blame."""


@dataclass(frozen=True)
class Settings:
    """How kernels are started.

    Parameters
    ----------
    sandbox : bool
        False runs the student's code with the rights of whoever grades. Only for an instructor who says so.
    warm : bool
        Whether kernels are forked from a process that has done the imports.
    notebook_s : float, seconds
        Limit for a whole notebook.
    limits : dict
        Limits that differ from the defaults, as `limits.GradingLimits.of` takes them.
    data : str
        Which data trained networks must have been trained on to count: "CIFAR-10", "stand-in", or "any".
    preload : tuple of str, optional
        Modules that are imported before the student's code; by default the libraries of the course. A course that needs
        none of them starts more quickly with ``()``.
    secret : str
        The course's secret, see `hidden.course_secret`; if empty, each notebook is graded with a new one.
    ignore : tuple of str
        Patterns of names in `source/` that are no files of an assignment: `c.CourseDirectory.ignore`.
    lines : bool
        Whether messages name the line of a test, for whoever wrote it; students are shown none.
    """

    sandbox: bool = True
    warm: bool = True
    notebook_s: float = 1800.0
    limits: dict[str, Any] = field(default_factory=dict)
    data: str = "any"
    preload: tuple[str, ...] | None = None
    secret: str = field(default="", repr=False)
    ignore: tuple[str, ...] = ()
    lines: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        GradingLimits.of(self.limits)  # what can't be obeyed is refused before anybody is graded


@dataclass
class NotebookResult:
    """Outputs of a notebook's cells, and what happened on the way.

    Parameters
    ----------
    outputs : dict of int to list of dict
        By index of the cell.
    events : list of tuple of (str, str)
        See `notebook_run.Outcome`.
    seconds : float
        Wall time.
    sandboxed : bool
        Whether the student's code ran in the sandbox.
    faults : dict of int to str
        Cells of the course that could not judge anything, by a mistake in the course: index and reason.
    cell_seconds : dict of int to float
        How long each cell took, by index: from its beginning to its outputs, on the clock of whoever owns the kernel.
    cell_memory : dict of int to int
        The most bytes that the student's processes had held at once by the end of a cell, by index; of the cells at
        which that rose, as the sandbox saw it.
    """

    outputs: dict[int, list[dict[str, Any]]]
    events: list[tuple[str, str]]
    seconds: float
    sandboxed: bool
    faults: dict[int, str] = field(default_factory=dict)
    cell_seconds: dict[int, float] = field(default_factory=dict)
    cell_memory: dict[int, int] = field(default_factory=dict)


# A grader process that dies does so in some cell. At the second death there (the first may have come from outside)
# that cell is lost, and the notebook is graded without it.
_GRADER_DEATHS = 12
# May have come from outside; everything else has a cause in the cell.
_CRASHED = "crashed"
# What a test may take on top of its own limit before its process is given up.
_PATIENCE_S = 30.0
# The kernel answers requests of the bridge.
_ARGUMENTS = ("--IPKernelApp.extra_extensions=course_utils.grading.bridge.agent",)
# An answer fits into the buffer of the socket: only a process that never reads makes it wait.
_ANSWER_S = 5.0


def grade_cells(
    cells: list[dict[str, Any]],
    imports: list[str],
    files: Path,
    settings: Settings | None = None,
    hidden: Mapping[str, bytes] | None = None,
    course_files: Sequence[str] = (),
) -> NotebookResult:
    """Run the cells of a repaired notebook: the student's in a kernel, the tests in a grader process.

    Parameters
    ----------
    cells : list of dict
        As nbformat has them.
    imports : list of str
        Import statements of the course's own cells.
    files : pathlib.Path
        Folder with the files of the submission; a private copy is the kernel's working directory.
    settings : Settings, optional
    hidden : mapping of str to bytes, optional
        Files that test cells import as the package `hidden`, see `hidden.read_hidden`.
    course_files : sequence of str, optional
        Those of `files` that are the course's own, by name; tests find them as they lie beside the notebook.

    Returns
    -------
    NotebookResult

    Raises
    ------
    KernelUnavailable
        If there is no sandbox, or no kernel can be started at all.
    NotGradable
        If data of the course that a test needs are not here, or no kernel becomes ready.
    """
    settings = settings or Settings()
    job = Job(cells=json.loads(json.dumps(cells)), imports=imports, data=settings.data, lines=settings.lines)
    job.limits, job.course_files = dict(settings.limits), list(course_files)
    job.hidden, job.secret = dict(hidden or {}), settings.secret or secrets.token_hex(32)
    job.faulty = _faulty(cells)
    job.compiled = compiled_tests(cells, job.faulty)
    with turns.together():
        result = _grade_cells(job, files, settings)
    if any(kind == "starved" for kind, _ in result.events):
        with turns.alone():
            job.skipped.clear()
            result = _grade_cells(job, files, settings)
        result.events.append(("note", "the machine was busy at first, so this notebook was run again on its own"))
    return result


def _faulty(cells: list[dict[str, Any]]) -> dict[int, str]:
    """Return which cells of the course can't run whatever a student wrote: index and reason."""
    found = {}
    for index, cell in enumerate(cells):
        alone = kinds.is_trusted(cell) or (kinds.is_test(cell) and not kinds.is_in_kernel(cell))
        if alone and (problem := course_code.syntax_problem(cell["source"])):
            found[index] = f"line {problem[0]}: {problem[1]}"
    return found


def _grade_cells(job: Job, files: Path, settings: Settings) -> NotebookResult:
    cells = job.cells
    events: list[tuple[str, str]] = []
    deaths: set[int] = set()
    told = _Told()
    began = time.monotonic()
    message = "Its test processes ended again and again"
    for _ in range(_GRADER_DEATHS):
        with _Kernel(files, settings) as kernel:
            try:
                # What graders are forked from imports its libraries while the kernel's does.
                graders.get_ready(grader_modules(settings), settings.sandbox)
            except SandboxUnavailable as error:
                raise KernelUnavailable(str(error)) from error
            kernel.starting = aside(kernel.start)  # while the process of the tests starts
            outcome, lost_at, reason = _run_grader(job, kernel, began + settings.notebook_s, told)
        events += [("limit", text) for text in dict.fromkeys(kernel.events)]
        if outcome is not None:
            events += outcome.events
            return told.result(told.outputs, events, time.monotonic() - began, settings.sandbox)
        if time.monotonic() > began + settings.notebook_s:
            if kernel.waited_s > settings.notebook_s / 4:
                events.append(("starved", "the machine was too busy to run the whole notebook"))
            message = f"The time of the whole notebook, {settings.notebook_s:g} seconds, was used up"
            break
        if lost_at not in deaths and reason == _CRASHED:
            deaths.add(lost_at)
            continue
        name = kinds.name(cells[lost_at], lost_at)
        events.append(("restart", f"{name}: the test process {reason}"))
        job.skipped[lost_at] = f"This cell could not be finished: its process {reason} on what your code gave it."
    if not told.has_begun:
        raise EngineError(f"{message}, before the first cell.")
    # What was known by then counts.
    text = f"{message}; this test did not run."
    error = {"output_type": "error", "ename": "CheckFailed", "evalue": text, "traceback": [text]}
    outputs = {index: [error] for index, cell in enumerate(cells) if kinds.is_test(cell)} | told.outputs
    events.append(("note", message))
    return told.result(outputs, events, time.monotonic() - began, settings.sandbox)


def grader_modules(settings: Settings) -> tuple[str, ...]:
    """Return what grader processes are forked with."""
    modules = GRADER_MODULES if settings.preload is None else settings.preload
    return ("course_utils.grading.run.grader", *modules)


def kernel_options(settings: Settings) -> KernelOptions:
    """Return how kernels in the sandbox are started."""
    preload = {} if settings.preload is None else {"preload": settings.preload}
    return KernelOptions(limits=GradingLimits.of(settings.limits).sandbox, warm=settings.warm, **preload)


def _start_grader(job: Job, kernel: _Kernel) -> graders.SandboxedGrader | graders.GraderProcess:
    settings = kernel.settings
    try:
        return graders.start(job, grader_modules(settings), kernel.files, kernel.folder, settings.sandbox)
    except SandboxUnavailable as error:
        raise KernelUnavailable(str(error)) from error
    except OSError as error:
        raise EngineError("The process that grader processes are forked from ends again and again.") from error


@dataclass
class _Told:
    """What is known of the cells of a notebook, by index, however often its processes began anew."""

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    memory: dict[int, int] = field(default_factory=dict)
    has_begun: bool = False

    def done(self, index: int, seconds: float, memory: int) -> None:
        """Note what the cell took that has just ended."""
        self.seconds[index] = seconds
        if memory > max(self.memory.values(), default=0):
            self.memory[index] = memory

    def result(
        self, outputs: dict[int, list[dict[str, Any]]], events: list[tuple[str, str]], seconds: float, sandboxed: bool
    ) -> NotebookResult:
        return NotebookResult(outputs, events, seconds, sandboxed, self.faults, self.seconds, self.memory)


def _run_grader(job: Job, kernel: _Kernel, end: float, told: _Told) -> tuple[Finished | None, int, str]:
    """Return what is told at the end, or the index of the cell in which the grader process was lost and why.

    What cells print and take is put into `told` as it comes.
    """
    process = _start_grader(job, kernel)
    limits = GradingLimits.of(job.limits)
    channel, reader, restarts = process.channel, Reader(job.cells, limits), limits.run.restarts
    index, limit = 0, 30.0
    starts, since, has_finished = 0, time.monotonic(), False
    try:
        kernel.wait_for_start()
        with contextlib.suppress(OSError):  # a process that is dead already is found out below
            channel.send(job.content(), timeout_s=_PATIENCE_S)
        deadline = time.monotonic() + limit + _PATIENCE_S
        while True:
            try:
                message = reader.read(channel.receive(max(0.0, min(deadline, end) - time.monotonic())))
            except TimeoutError:
                return None, index, "took too long"
            except (EOFError, OSError):
                return None, index, _CRASHED
            except BadMessage as problem:
                return None, index, f"sent something that is no result ({problem})"
            match message:
                case Finished():
                    has_finished = True
                    return message, index, ""
                case Missing(text):
                    # The instructor knows the folder of the data by its own name.
                    raise NotGradable(text.replace(job.data_folder, graders.data_folder()) if job.data_folder else text)
                case Failed(text):
                    raise _grader_failed(kinds.name(job.cells[index], index), text)
                case Ended(event):
                    return None, index, f"was ended: to read an answer it was led to {event}"
                case CellBegun():
                    told.has_begun = True
                    index, limit, since = message.index, message.limit, time.monotonic()
                    deadline = since + limit + _PATIENCE_S
                    if time.monotonic() > end:
                        return None, index, "ran out of the time of the whole notebook"
                case CellDone():
                    told.outputs[message.index] = message.outputs
                    if message.index == index:  # one that is only shown never began
                        told.done(index, time.monotonic() - since, kernel.peak())
                case Faulty():
                    told.faults[message.index] = message.text
                case Wanted(what):
                    starts += what in ("start", "restart")
                    if starts > restarts + 1:
                        return None, index, "asked for too many kernels"
                    if not _answer(channel, kernel, what):
                        return None, index, "did not take its answers"
                    if what == "usage":
                        # It waits for the kernel, and has a clock that counts more fairly than this one.
                        deadline = time.monotonic() + limit + _PATIENCE_S
                    if what in ("start", "restart"):
                        # That took its own time, and so does the first answer.
                        deadline = time.monotonic() + limit + _PATIENCE_S + job.ready_s
    finally:
        if has_finished:
            end_aside(process.end)
        else:
            process.end()
        kernel.events += process.events


def _grader_failed(cell: str, text: str) -> EngineError:
    """Return what is raised then: the first line is for tables, the rest for whoever mends it."""
    last = text.strip().rpartition("\n")[2]
    return EngineError(f"The grader failed at {cell}: {last}\n{text}")


def _answer(channel: Channel, kernel: _Kernel, what: str) -> bool:
    """Do what a grader process asked for and tell it; False if it does not take the answer in time."""
    answer = kernel.do(what)
    # One that is dead is found out where its messages are read.
    with contextlib.suppress(OSError):
        try:
            channel.send({"answer": answer}, kernel.sockets(what), timeout_s=_ANSWER_S)
        except TimeoutError:
            return False
    return True


class _Kernel:
    """The kernel of one notebook, started when the grader asks for it."""

    def __init__(self, files: Path, settings: Settings) -> None:
        self.files, self.settings = files, settings
        self.starting: Future[Any] | None = None
        self.started: Any = None
        self.events: list[str] = []
        self.waited_s = 0.0  # for a core that others had

    def __enter__(self) -> _Kernel:
        self.folder = scratch.new_folder("kernel")
        if self.settings.sandbox:
            self.process = StudentKernel(self.files, kernel_options(self.settings), _ARGUMENTS)
        else:
            # Its libraries are loaded only where they are used: each worker would pay for them.
            from course_utils.grading.run.unconfined_kernel import UnconfinedKernel

            self.process = UnconfinedKernel(self.files, self.folder, _ARGUMENTS)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # it was raised where it was waited for, or something else was before
            self.wait_for_start()
        self.take_account()
        self.events += self.process.take_notice()
        end_aside(self.end)

    def end(self) -> None:
        """End the kernel and remove its folder."""
        self.process.end()
        scratch.remove(self.folder)

    def wait_for_start(self) -> None:
        """Wait for a start that goes on aside; raise what it raised."""
        if self.starting is not None:
            starting, self.starting = self.starting, None
            self.started = starting.result()

    def do(self, request: str) -> Any:
        """Carry out a request of the grader process and return the answer."""
        if request in ("start", "restart"):
            started, self.started = self.started, None
            if started is None:
                self.take_account()
                started = self.start()
            return started
        if request == "interrupt":
            self.process.interrupt()
            return True
        if request == "usage":  # None where nothing counts it: without the sandbox
            return self.process.usage()
        if request == "alive":
            return self.process.alive()
        raise ValueError(f"Unknown request {request!r}.")

    def peak(self) -> int:
        """Return the most bytes that the student's processes held at once until now; 0 where nothing counts them."""
        return self.process.peak()

    def sockets(self, request: str) -> list[int]:
        """Return what goes with the answer: the folder of the kernel's sockets, where it is in a sandbox."""
        return self.process.sockets() if request in ("start", "restart") else []

    def start(self) -> dict[str, Any]:
        try:
            return self.process.start()
        except SandboxUnavailable as error:
            raise KernelUnavailable(str(error)) from error
        except (OSError, RuntimeError, ValueError) as error:
            raise KernelUnavailable(f"No kernel can be started for grading: {error}") from error

    def take_account(self) -> None:
        """Note how long the kernel waited for a core."""
        if (used := self.process.usage()) is not None:
            self.waited_s += used[1]
