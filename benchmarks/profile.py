"""Where the seconds of a grading run go: CPU by process, and wall and CPU by stage of a submission.

python -m benchmarks.profile [--assignment convolutions] [--students 1 12]

Processes: while `course autograde` runs, /proc is looked through fifty times a second. What a process used after the
last look at it is missing: some ten milliseconds each, all of one that forks and ends. The line "not seen" is what
the whole machine was busy beyond the sum, so nothing else must run.

Stages: one submission, graded once before, is graded in this process, tests included, with a timer around each stage;
what a stage calls of another one is counted there. Seconds on the clock contain the kernel's answers, CPU seconds are
those of this process alone.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat

from benchmarks.classes import BIN, busy, copy_course, machine, run
from course_utils.classroom.config import load_config
from course_utils.classroom.folder import open_gradebook
from course_utils.environment import for_tests
from course_utils.grading import moves, records, returned, scratch, submissions
from course_utils.grading.bridge import handles
from course_utils.grading.hidden import beside, laid_out
from course_utils.grading.nbgrader_plugins import GradeNotebook
from course_utils.grading.pool import Parents
from course_utils.grading.preload import modules_for
from course_utils.grading.run import engine, kernel_client, messages, notebook_run
from course_utils.grading.sandbox.host import adopt_zygote
from course_utils.notebooks import repair

_LOOK_S = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")

# --- by process -------------------------------------------------------------------------------------------------------


class Looks:
    """CPU seconds of a process and all below it, by what they are."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.seconds: dict[tuple[int, str], tuple[str, float, float]] = {}

    def look(self) -> None:
        """Take note of all that lives now."""
        about = {}
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended
                name, _, rest = (place / "stat").read_text().partition("(")[2].rpartition(")")
                fields = rest.split()
                about[int(place.name)] = name, int(fields[1]), fields[19], int(fields[11]), int(fields[12])
        for process, (name, _, began, own, system) in about.items():
            line, parent = [process], about[process][1]
            while parent in about and line[-1] != self.root:
                line.append(parent)
                parent = about[parent][1]
            if line[-1] == self.root:
                with contextlib.suppress(OSError):
                    self.seconds[process, began] = self.role(process, name), (own + system) / _TICKS, system / _TICKS

    def role(self, process: int, name: str) -> str:
        """Return what a process is: by its command line, or by the name that it gave itself and its PID namespace."""
        if process == self.root:
            return "the command, which writes"
        if b"course_utils.grading.worker" in Path(f"/proc/{process}/cmdline").read_bytes():
            return "workers"
        if name not in ("kernels", "tests"):
            return "sandbox, imports of both"
        numbers = Path(f"/proc/{process}/status").read_text().partition("NSpid:")[2].partition("\n")[0].split()
        if len(numbers) < 3:
            return f"parent of {name}"
        return f"keepers of {name}" if numbers[-1] == "1" else name  # each sandbox has a namespace of its own


def by_process(course: Path, assignment: str, names: list[str]) -> None:
    """Grade some students and print what each kind of process used."""
    before, began = busy(), time.monotonic()
    chosen = [part for name in names for part in ("--student", name)]
    command = [str(BIN / "course"), "autograde", assignment, "--force", *chosen]
    env = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(course), "LANG": "C.UTF-8"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=course, stdout=said, stderr=said, env=env)
        looks = Looks(process.pid)
        while process.poll() is None:
            looks.look()
            time.sleep(_LOOK_S)
        if process.returncode:
            said.seek(0)
            raise SystemExit(said.read().decode()[-3000:])
    wall, total = time.monotonic() - began, busy() - before
    sums, of_linux = collections.Counter(), collections.Counter()
    for role, seconds, system in looks.seconds.values():
        sums[role] += seconds
        of_linux[role] += system
    print(f"{assignment}, {len(names)} submissions: {wall:.1f} s, {total:.1f} CPU s")
    for role, seconds in sums.most_common():
        print(f"  {role:30} {seconds:8.2f}, of which {of_linux[role]:.2f} Linux's own")
    print(f"  {'not seen':30} {total - sum(sums.values()):8.2f}", flush=True)


# --- by stage ---------------------------------------------------------------------------------------------------------


class Timers:
    """Seconds of stages; of a stage within another one the inner has them alone."""

    def __init__(self) -> None:
        self.wall: collections.Counter[str] = collections.Counter()
        self.cpu: collections.Counter[str] = collections.Counter()
        self.count: collections.Counter[str] = collections.Counter()
        self.open: list[str] = []
        self.last = (0.0, 0.0)

    def _turn(self) -> None:
        now = time.perf_counter(), time.process_time()
        if self.open:
            self.wall[self.open[-1]] += now[0] - self.last[0]
            self.cpu[self.open[-1]] += now[1] - self.last[1]
        self.last = now

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens meanwhile as this stage."""
        self._turn()
        self.open.append(name)
        self.count[name] += 1
        try:
            yield
        finally:
            self._turn()
            self.open.pop()

    def around(self, owner: Any, attribute: str, name: str | Callable[..., str]) -> None:
        """Count each call of a function as a stage, which may depend on the arguments."""
        function = getattr(owner, attribute)

        @functools.wraps(function)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            with self.stage(name if isinstance(name, str) else name(*arguments, **keywords)):
                return function(*arguments, **keywords)

        setattr(owner, attribute, timed)


class Owner:
    """The worker, as the process of the tests knows it, without a process between them."""

    def __init__(self, kernel: engine._Kernel) -> None:
        self.kernel, self.told = kernel, {}

    def tell(self, message: messages.Message) -> None:
        if isinstance(message, messages.CellDone):
            self.told[message.index] = message.outputs

    def ask(self, what: str) -> Any:
        return self.kernel.do(what)


def grade_here(
    cells: list[dict[str, Any]],
    imports: list[str],
    files: Path,
    settings: engine.Settings,
    hidden: dict[str, bytes],
    course_files: list[str],
) -> engine.NotebookResult:
    """Do what `engine.grade_cells` does, with the tests in this process."""
    job = messages.Job([dict(cell) for cell in cells], imports, hidden=hidden, secret="a secret " * 4)
    job.files = str(files)
    os.environ.update(for_tests(files=job.files, counts="any", data="", secret=job.secret))
    with scratch.folder("place") as place, engine._Kernel(files, settings) as kernel:
        owner = Owner(kernel)
        kernel.started = kernel.start()  # here, where all parents are: tests have a folder of their own
        with laid_out(hidden, str(place)), beside(job.files, course_files, str(place)):
            one = notebook_run.NotebookRun(owner, job)
            try:
                outcome = one.grade()
            finally:
                one.close()
    return engine.NotebookResult(owner.told, outcome.events, outcome.seconds, True)


def by_stage(course: Path, assignment: str, name: str) -> None:
    """Grade a student's submission twice, the second time with timers, and print what they say."""
    config, source, timers = load_config(course), course / "source" / assignment, Timers()
    preload = modules_for(path.read_bytes() for path in source.glob("*.ipynb"))
    settings = replace(GradeNotebook(config=config).settings(), preload=preload)
    folders = course / "submitted" / name / assignment, course / "autograded" / name / assignment
    submissions.grade_cells = grade_here
    parents = Parents(settings)
    parents.wait()
    adopt_zygote(parents.options, os.dup(parents.zygote.descriptor))
    try:
        for again in (False, True):
            if again:
                _set_up(timers)
            with open_gradebook(course, config) as gradebook, timers.stage("everything else"):
                submission = submissions.read_submission(
                    folders[0], name, assignment, source, dict(config.ClearSolutions), settings
                )
                graded = submissions.grade(submission)
                if graded.error:
                    raise SystemExit(f"{assignment} could not be graded: {graded.error}")
                graded = returned.read_graded(graded.content(), submission)
                moves.foresee(gradebook, config, submission, graded, *folders)
                records.record(gradebook, config, submission, graded, *folders)
            if not again:
                timers.__init__()
    finally:
        parents.close()
    print(f"{assignment}, stages of one submission of {len(submission.notebooks)} notebooks: calls, s, CPU s")
    for stage, seconds in timers.wall.most_common():
        print(f"  {stage:44} {timers.count[stage]:6} {seconds:8.3f} {timers.cpu[stage]:8.3f}")
    print(f"  {'all':44} {'':6} {timers.wall.total():8.3f} {timers.cpu.total():8.3f}", flush=True)


def _set_up(timers: Timers) -> None:
    """Put timers around the stages."""
    timers.around(submissions, "read_submission", "read")
    timers.around(submissions.reading, "notebook_from_bytes", "JSON of what was handed in")
    timers.around(repair, "repair", "repair")
    timers.around(engine._Kernel, "start", "fork of a kernel")
    timers.around(engine._Kernel, "end", "end of a kernel")
    timers.around(kernel_client.KernelConnection, "wait_until_ready", "connect")
    timers.around(kernel_client.KernelConnection, "execute", "cells in the kernel")
    timers.around(engine._Kernel, "do", lambda _, what: f"the worker is asked: {what}")
    timers.around(handles.Bridge, "ask", lambda _, content, *__, **___: f"bridge: {content['operation']}")
    timers.around(notebook_run.NotebookRun, "run_test", "tests, without what they ask the kernel")
    timers.around(notebook_run.NotebookRun, "run_own", "the course's cells in the process of the tests")
    timers.around(submissions, "lay_in_outputs", "outputs")
    timers.around(nbformat, "writes", "JSON of what is graded")
    timers.around(returned, "read_graded", "result is read")
    timers.around(moves, "foresee", "marks that move")
    timers.around(records, "record", "record")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignment", default="convolutions")
    parser.add_argument("--students", type=int, nargs="+", default=[1, 12], help="how many submissions are graded")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        course = copy_course(Path(name, "course"), options.assignment, max(options.students))
        run(["course", "release", "--quick", options.assignment], course)
        names = sorted(path.name for path in (course / "submitted").iterdir())
        for count in options.students:
            by_process(course, options.assignment, names[:count])
        by_stage(course, options.assignment, names[0])
    print(machine())


if __name__ == "__main__":
    main()
