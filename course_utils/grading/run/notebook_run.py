"""The run of one notebook: the student's cells in the kernel, test cells here, one after the other."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import io
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from course_utils import checks, facts
from course_utils.grading.bridge import tree as values
from course_utils.grading.bridge.handles import Bridge, BridgeNamespace
from course_utils.grading.limits import GradingLimits
from course_utils.grading.run import faults, shown
from course_utils.grading.run.cell_code import CellCode
from course_utils.grading.run.clock import CellClock
from course_utils.grading.run.kernel_client import CellRun, CellStopped, KernelConnection, KernelLost
from course_utils.grading.run.messages import NOTEBOOK_OUTPUT, CellBegun, CellDone, Faulty, Job, Message
from course_utils.grading.run.missing_names import where_it_stands
from course_utils.grading.run.needless import Fault, Remains, for_another_machine, run_in_pieces
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.elsewhere import may_ask_for_card
from course_utils.notebooks.own_files import own_sources
from course_utils.notebooks.texts import writable

__all__ = ["Outcome", "Owner"]

# Characters of all outputs of a notebook, pictures included.
_NOTEBOOK_OUTPUT = NOTEBOOK_OUTPUT
_MOST_PRINTED = 50  # pieces of what the student's code printed for a test
_MOST_UNREADY = 3  # kernels in a row that do not become ready


# Characters of what is told of one event.
SENTENCE = 1000


@dataclass
class Outcome:
    """What became of the notebook.

    Parameters
    ----------
    outputs : dict of int to list of dict
        Outputs by index of the cell.
    events : list of tuple of (str, str)
        What happened on the way, by kind (``"restart"``, ``"timeout"``, ``"limit"``, ``"note"``), for the report of
        trust; ``"starved"``: others had the cores, so that the notebook should be graded again.
    seconds : float
        Wall time.
    """

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0


class Owner(Protocol):
    """Who owns the kernel."""

    def tell(self, message: Message) -> None:
        """Take note of a message."""

    def ask(self, what: str) -> Any:
        """Do what `Wanted` may name, and return the answer; for a start what the kernel's connection file holds."""


class NotebookRun:
    """Runs the cells of one notebook in order."""

    def __init__(self, owner: Owner, job: Job) -> None:
        self.owner, self.job = owner, job
        self.limits = GradingLimits.of(job.limits)
        self.outcome = Outcome()
        self.kernel: KernelConnection | None = None
        self.bridge: Bridge | None = None
        self.lost = "not started"
        self.starts = 0
        self.done: list[int] = []
        self.failed: set[int] = set()
        self.sent: dict[int, list[str]] = {}  # what was run of a cell of which something was left out
        self.on_cpu = False
        self.absent: dict[str, str] = {}  # names that were left out, and by which line
        self.own: dict[str, Any] = {}
        self.clock: CellClock | None = None
        self.printed: list[dict[str, Any]] = []
        self.out: io.StringIO | None = None  # what a test prints, unless it redirects that
        self.caught = 0  # characters that a test caught in place of it
        self.printed_was_cut = False
        self.requests = 0
        self.broken = faults.Broken()
        self.tried_again: set[int] = set()
        self.budget, self.over_budget = _NOTEBOOK_OUTPUT, False

    def grade(self) -> Outcome:
        """Run every code cell; nothing the student wrote makes this raise."""
        began = time.monotonic()
        self.own = {"__name__": "__main__", "__builtins__": __builtins__}
        for statement in self.job.imports:
            self.run_own(statement, f"'{statement}'")
        make_ready_to_read()
        for index, cell in enumerate(self.job.cells):
            if cell["cell_type"] != "code":
                continue
            if kinds.is_shown_only(cell):
                self.outcome.outputs[index] = [
                    shown.stream("[This cell shows something; it is not run for grading.]\n")
                ]
                self.owner.tell(CellDone(index, self.outcome.outputs[index]))
                continue
            limit = self.limit_of(cell)
            self.owner.tell(CellBegun(index, limit))
            run = self.run_test if kinds.is_test(cell) and not kinds.is_in_kernel(cell) else self.run_in_kernel
            self.outcome.outputs[index] = self.within_budget(run(index, cell, limit))
            self.owner.tell(CellDone(index, self.outcome.outputs[index]))
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def limit_of(self, cell: dict[str, Any]) -> float:
        """Return the seconds that a cell may take: its own limit, or the usual one."""
        return kinds.seconds(cell, self.limits.run.cell_seconds)

    def within_budget(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out what a notebook of many cells puts out too much in all; that there was an error stays."""
        kept: list[dict[str, Any]] = []
        for output in outputs:
            texts = [output.get("text", ""), *output.get("data", {}).values(), *output.get("traceback", ())]
            size = sum(map(len, texts))
            self.budget -= size
            if self.budget >= 0 or size < 100:
                kept.append(output)
            elif output["output_type"] == "error":
                kept.append(shown.error(output["ename"], output["evalue"][:1000]))
        if self.budget < 0 and not self.over_budget:
            self.over_budget = True
            self.outcome.events.append(("limit", "outputs were left out: the notebook puts out too much"))
        return kept

    def close(self) -> None:
        if self.kernel is not None:
            self.kernel.close()

    # The student's cells.

    def run_in_kernel(self, index: int, cell: dict[str, Any], limit: float) -> list[dict[str, Any]]:
        source = cell["source"]
        if not source.strip():
            return []
        name = kinds.name(cell, index)
        if kinds.is_trusted(cell):
            # Before the kernel has a say: were its names missing here, tests would take the student's.
            reason = self.job.faulty.get(index, "")
            if reason:
                self.broken.note(source, f"{name} failed: {reason}")
            else:
                reason = self.run_own(source, name)
            if reason:
                self.owner.tell(Faulty(index, writable(reason)[:SENTENCE]))
        if index in self.job.skipped:
            return [shown.error("KernelLost", self.job.skipped[index])]
        if not self.bring_back(index):
            return [shown.error("KernelError", f"This cell did not run: {self.lost}.")]
        clock = self.start_clock(limit)
        self.bridge.cell_runs()
        try:
            run = self.execute(index, cell, clock)
        except KernelLost as lost:
            if self.may_try_again(index, lost):
                return self.run_in_kernel(index, cell, limit)
            return self.after_loss(lost, name, limit)
        self.done.append(index)
        if run.error or run.stopped:
            self.failed.add(index)
        outputs = self.finish(run, name, limit)
        return [shown.of_test(output, kinds.points(cell)) for output in outputs] if kinds.is_test(cell) else outputs

    def execute(self, index: int, cell: dict[str, Any], clock: CellClock) -> CellRun:
        """Run a cell; of the student's own, what fails and is no part of an answer is left out."""
        if not kinds.is_students(cell):
            return self.kernel.execute(cell["source"], clock)
        remains = Remains(cell["source"], lambda file: self.is_handed_in(file))
        run, self.sent[index], told = run_in_pieces(
            remains, lambda source: self.kernel.execute(source, clock), self.fault, self.absent
        )
        told += for_another_machine(cell["source"], run, on_cpu=self.on_cpu)
        self.outcome.events += [("note", f"{kinds.name(cell, index)}: {sentence}") for sentence in told]
        return run

    def without_card(self) -> None:
        """Where the student's code names a graphics card, let it mean the CPU in this kernel."""
        texts = [cell["source"] for cell in self.job.cells if kinds.is_students(cell)]
        if any(map(may_ask_for_card, [*texts, *own_sources(Path(self.job.files)).values()])):
            self.clock = CellClock(self.job.ready_s, self.usage)
            try:
                self.on_cpu = self.bridge.ask({"operation": "on_cpu"}, path="the kernel") is True
            except (Exception, KernelLost, CellStopped):  # a kernel that is gone is found out by the next cell
                self.on_cpu = False

    def is_handed_in(self, file: str) -> bool:
        """Whether the submission has a plain file of this name."""
        path = Path(self.job.files, file)
        return not path.is_symlink() and path.is_file()

    def fault(self) -> Fault | None:
        """Ask the kernel what ended a cell; its word decides only what is sent again."""
        try:
            return Fault.read(self.bridge.ask({"operation": "fault"}, path="the cell"))
        except (Exception, CellStopped):  # its answer is no value, or there is none
            return None

    def run_own(self, source: str, name: str) -> str:
        """Run the course's code for the names that it defines; return why it failed, empty if it did not."""
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                exec(compile(source, "<cell of the course>", "exec"), self.own)
        except checks.NotGradable:
            raise
        except Exception as error:
            reason = faults.as_reason(error)
            self.broken.note(source, f"{name} failed: {reason}")
            return reason
        return ""

    def finish(self, run: CellRun, name: str, limit: float) -> list[dict[str, Any]]:
        outputs = run.outputs
        self.note_starving(name)
        if run.stopped == "timeout":
            self.outcome.events.append(("timeout", f"{name}: interrupted after {limit:g} s"))
            outputs.append(shown.error("TimeLimit", f"This cell was stopped after {limit:g} seconds."))
        elif run.stopped == "flood":
            self.outcome.events.append(("limit", f"{name}: printed too much and was stopped"))
            outputs.append(shown.error("OutputLimit", "This cell was stopped: it printed far too much."))
        if run.cut:
            self.outcome.events.append(("limit", f"{name}: its output was cut"))
            outputs.append(shown.stream("\n[The rest of this output was left out: it is too long.]\n"))
        return outputs

    # The course's tests.

    def run_test(self, index: int, cell: dict[str, Any], limit: float) -> list[dict[str, Any]]:
        name = kinds.name(cell, index)
        if index in self.job.skipped:
            return [shown.error("CheckFailed", self.job.skipped[index])]
        if reason := self.job.faulty.get(index) or self.broken.reason(cell["source"]):
            return self.no_judgement(index, reason)
        code = CellCode.read(self.job.compiled[index]) if index in self.job.compiled else CellCode.of(cell["source"])
        if not self.bring_back(index):
            return [shown.error("CheckFailed", f"This test could not run: {self.lost}.")]
        self.bridge.cells, self.bridge.objects = self.cells_before(index), kinds.objects(cell)
        self.printed, self.caught, self.printed_was_cut = [], 0, False
        facts.start()
        clock = self.start_clock(limit, time.process_time)
        self.out = out = io.StringIO()
        try:
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(out),
                _alarm(limit + 5, clock.longest_s + 5),
            ):
                value = self.judge(code, index, cell)
        except KernelLost as lost:
            if self.may_try_again(index, lost):
                return self.run_test(index, cell, limit)
            outputs = self.after_loss(lost, name, limit)
        except CellStopped as stopped:
            run = CellRun(stopped=stopped.reason)
            outputs = self.finish(run, name, limit)
        except _OutOfTime:
            self.outcome.events.append(("timeout", f"{name}: the test took more than {limit:g} s"))
            outputs = [shown.error("TimeLimit", f"This test was stopped after {limit:g} seconds.")]
        except checks.NotGradable:
            raise  # the course's own data are missing: no student is to blame
        else:
            if isinstance(value, _Fault):
                return self.no_judgement(index, value.reason)
            if isinstance(value, str):
                outputs = [shown.error("CheckFailed", value)]
            else:
                outputs = [] if value is None else [shown.result(max(0.0, min(value, kinds.points(cell))))]
        finally:
            self.out = None
        text = writable(out.getvalue()[:20_000])
        if self.printed_was_cut or len(self.printed) > _MOST_PRINTED:
            self.outcome.events.append(("limit", f"{name}: what your code printed for it was cut"))
            outputs.append(shown.stream("\n[Of what your code printed, the rest was left out: it is too long.]\n"))
        return [*self.printed[:_MOST_PRINTED], *([shown.stream(text)] if text else []), *outputs, *facts.output()]

    def judge(self, code: CellCode, index: int, cell: dict[str, Any]) -> float | str | _Fault | None:
        """Run a test; return the points that it computes, what the student reads if it failed, or the course's fault.

        An error may hold a student's object, whose text only the student's code knows: it is asked for under the same
        clock as the test, and can do no more than to leave the message without it.
        """
        try:
            return self.run_test_code(code)
        except (KernelLost, CellStopped, _OutOfTime, checks.NotGradable):
            raise
        except BaseException as error:
            try:
                if faults.is_the_courses(error, cell["source"], asked=self.bridge.was_asked):
                    return _Fault(faults.as_reason(error))
                whole = set(self.done) - self.failed
                told = where_it_stands(error, self.job.cells, index, whole) or shown.describe(
                    error, self.bridge.gave_nothing
                )
                return faults.for_author(error, told) if self.job.lines else told
            except (KernelLost, CellStopped, _OutOfTime):
                raise
            except BaseException:
                return shown.NOT_PASSED

    def no_judgement(self, index: int, reason: str) -> list[dict[str, Any]]:
        """Tell that a test can't judge anybody's work, by a mistake in the course; return what its cell shows."""
        self.owner.tell(Faulty(index, writable(reason)[:SENTENCE]))
        return [shown.error("CheckFailed", faults.SENTENCE)]

    def cells_before(self, index: int) -> list[str]:
        """Return what a rule on the syntax tree looks at: the course's imports, and the student's cells in their order.

        A later definition takes the place of an earlier one, unless an error may have kept its cell from its end. Of a
        cell that is there again only the last counts.
        """
        places = [i for i in range(index) if kinds.is_students(self.job.cells[i])]
        before = {kinds.name(self.job.cells[i], i): i for i in places}.values()
        students = [self.job.cells[i]["source"] for i in sorted(before, key=lambda i: (i not in self.failed, i))]
        return ["\n".join(self.job.imports), *students]

    def run_test_code(self, code: CellCode) -> float | None:
        """Run a test cell to its end; return the points that its last line computes, if it does."""
        namespace = BridgeNamespace(self.own, self.bridge)
        exec(code.statements, namespace)
        if code.last is None:
            return None
        requests = self.requests
        value = eval(code.last, namespace)
        # What the student's process was asked for is no number of points, even if the cell ends with it.
        own = self.requests == requests and code.reads <= {*namespace, *dir(builtins), *code.binds}
        return value if own and type(value) in (int, float) else None

    def request(self, content: dict[str, Any], buffers: Sequence[bytes]) -> list[bytes]:
        """Carry one request of the bridge (this object is its transport)."""
        if self.kernel is None:
            raise KernelLost("died")
        self.requests += 1
        frames, run = self.kernel.request(content, buffers, self.clock)
        self.printed_was_cut |= run.cut
        self.printed += [shown.as_shown(output) for output in run.outputs if not self.catch(output)]
        return frames

    def catch(self, output: dict[str, Any]) -> bool:
        """Give what the student's code printed to a test that redirects it; return whether it does."""
        stream = sys.stderr if output.get("name") == "stderr" else sys.stdout
        if output["output_type"] != "stream" or self.out is None or stream is self.out:
            return False
        if stream is None:  # as Python has it: what is printed there goes nowhere
            return True
        self.caught += len(output["text"])
        if self.caught > self.limits.output.received:
            raise CellStopped("flood")
        stream.write(output["text"])
        return True

    # Time.

    def start_clock(self, limit: float, own: Callable[[], float] | None = None) -> CellClock:
        self.clock = CellClock(limit, self.usage, own)
        return self.clock

    def note_starving(self, name: str) -> None:
        """Tell the owner of the kernel, by an event, that a cell lost its time to others: it may be run again."""
        if self.clock is not None and self.clock.starved:
            self.outcome.events.append(("starved", f"{name}: the machine was too busy to run it"))

    # Losing the kernel and bringing it back.

    def may_try_again(self, index: int, lost: KernelLost) -> bool:
        """Whether a cell gets a second kernel: the first may have been killed from outside, by no fault of the cell."""
        if lost.reason != "died" or index in self.tried_again:
            return False
        self.tried_again.add(index)
        self.drop_kernel()
        return True

    def after_loss(self, lost: KernelLost, name: str, limit: float) -> list[dict[str, Any]]:
        self.drop_kernel()
        self.note_starving(name)
        if lost.reason == "timeout":
            what = f"did not stop when its time of {limit:g} seconds was up"
            self.outcome.events.append(("timeout", f"{name}: ignored the interrupt after {limit:g} s"))
        elif lost.reason == "flood":
            what = "printed far too much and did not stop when told to"
            self.outcome.events.append(("limit", f"{name}: flooded the output"))
        else:
            what = "ended the whole Python process"
            self.outcome.events.append(("restart", f"{name}: the kernel died"))
        outputs = lost.run.outputs if lost.run else []
        return [*outputs, shown.error("KernelLost", f"This cell {what}. The cells after it ran in a fresh one.")]

    def drop_kernel(self) -> None:
        if self.kernel is not None:
            self.kernel.close()
        self.kernel = self.bridge = None

    def bring_back(self, index: int) -> bool:
        """Make sure there is a kernel in which the earlier cells have run.

        Raises
        ------
        NotGradable
            If several in a row do not become ready: no line of the student has run in them by then.
        """
        unready = 0
        while self.kernel is None:
            if self.starts > self.limits.run.restarts:
                self.lost = "Python had to be started again too often"
                return False
            self.starts += 1
            where = self.owner.ask("start" if self.starts == 1 else "restart")
            connection = KernelConnection(where, self.interrupt, self.alive, self.limits.output, self.usage)
            try:
                connection.wait_until_ready(self.job.ready_s)
            except KernelLost as lost:
                connection.close()
                self.outcome.events.append(("note", f"a kernel did not start: {lost.reason}"))
                unready += 1
                if unready == _MOST_UNREADY or self.starts > self.limits.run.restarts:
                    raise checks.NotGradable(
                        f"No kernel became ready for it: {unready} in a row ended, or did not answer within "
                        f"{self.job.ready_s:g} seconds. Grade it again when the machine is less busy."
                    ) from lost
                continue
            self.kernel = connection
            self.bridge = Bridge(self, limits=values.Limits(**vars(self.limits.value)))
            self.bridge.own_files = lambda: own_sources(Path(self.job.files))
            self.without_card()
            for earlier in list(self.done):
                cell = self.job.cells[earlier]
                limit = self.limit_of(cell)
                self.owner.tell(CellBegun(index, limit))
                try:
                    for source in self.sent.get(earlier, [cell["source"]]):
                        self.kernel.execute(source, limit)
                except KernelLost:
                    # It ran before: whatever it does now, the cells after it get a kernel without it.
                    self.done.remove(earlier)
                    self.drop_kernel()
                    break
        return True

    def interrupt(self) -> None:
        self.owner.ask("interrupt")

    def alive(self) -> bool:
        return self.owner.ask("alive") is True

    def usage(self) -> Sequence[float] | None:
        return self.owner.ask("usage")


@dataclass(frozen=True)
class _Fault:
    """Why a test can't judge anybody's work: a mistake of the course's."""

    reason: str


class _OutOfTime(BaseException):
    """The test itself took too long."""


@contextlib.contextmanager
def _alarm(cpu_s: float, clock_s: float) -> Iterator[None]:
    """Raise `_OutOfTime` in this process after so many CPU seconds of its own, or seconds on the clock."""

    def ring(*_: Any) -> None:
        raise _OutOfTime

    timers = {signal.ITIMER_PROF: (signal.SIGPROF, cpu_s), signal.ITIMER_REAL: (signal.SIGALRM, clock_s)}
    before = {signum: signal.signal(signum, ring) for signum, _ in timers.values()}
    try:
        for timer, (_, seconds) in timers.items():
            signal.setitimer(timer, seconds)
        yield
    finally:
        for timer, (signum, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(signum, before[signum])


def make_ready_to_read() -> None:
    """Import what reading an answer would import: then nothing may be imported any more."""
    if "sympy" in sys.modules:
        importlib.import_module("course_utils.grading.bridge.sympy_values")
