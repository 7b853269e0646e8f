"""The kernel, or the process of the tests: what the keeper's child becomes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import random
import signal
import sys
import traceback
from pathlib import Path

from course_utils.grading.sandbox import confine
from course_utils.grading.sandbox.layout import WORK_FOLDER, keep_only

SEED = 0
TORCH_SEED = 67280421310721  # torch's own seed of a fresh process (c10::detail::getNonDeterministicRandom's default)


# --- kernel -----------------------------------------------------------------------------------------------------


def run_kernel(request: dict, log: int, serving: int) -> None:
    """Run ipykernel in this process, as `python -m ipykernel_launcher` would."""
    status = 1
    try:
        os.setsid()
        keep_only({log, serving, request["wire"]} - {-1})
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        is_kernel = request["wire"] < 0
        if is_kernel:
            confine.set_dumpable(True)
        # Should the machine run out of memory, this process goes first.
        if is_kernel:
            Path("/proc/self/oom_score_adj").write_text("1000")
        names = ("memory", "processes", "cpu_seconds", "open_files", "file_size")
        confine.set_rlimits(**{name: request["limits"][name] for name in names})
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv[:] = request["argv"]
        # Tests import nothing that a student handed in.
        sys.path[:] = [folder for folder in sys.path if folder] + [WORK_FOLDER] * is_kernel
        if not is_kernel:
            os.close(serving)
            run_tests(request["argv"], request["wire"])
            os._exit(0)
        confine.filter_syscalls()
        seed_generators()
        if request["probe"]:
            check_environment()
        else:
            run_ipykernel(request["argv"][1:], serving)
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        with contextlib.suppress(Exception):
            sys.__stderr__.flush()
        os._exit(status)  # no unloading of libraries: the keeper's end frees everything


def check_environment() -> None:
    """Fail where the student's user cannot read the environment, whoever installed it."""
    for path in (sys.executable, os.__file__, __file__):
        if not os.access(path, os.R_OK):
            raise PermissionError(
                f"Students' code runs as another user, who cannot read {path}. Make the environment and the course's "
                f"package readable to all: chmod -R go+rX {sys.prefix}"
            )


def seed_generators() -> None:
    """Start every kernel with the same random numbers, whatever was imported before it was forked."""
    random.seed(SEED)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(SEED)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(TORCH_SEED)


def run_ipykernel(argv: list[str], serving: int) -> None:
    """Start ipykernel's application, close `serving` when its sockets are bound, serve until a shutdown request."""
    from course_utils.grading.sandbox.kernel_app import QuietApplication

    application = QuietApplication.instance()
    before = os.umask(0)  # the process of the tests, another user, may connect to the sockets
    application.initialize(argv)
    os.umask(before)
    os.close(serving)
    application.start()


def run_tests(argv: list[str], descriptor: int) -> None:
    """Be the process of one notebook's tests: call the function that `argv` names with its socket."""
    from course_utils.grading.sandbox import syscalls

    module, name = argv
    serve = getattr(importlib.import_module(module), name)
    os.chdir("/tmp")
    syscalls.allow_only_listed()
    serve(descriptor)
