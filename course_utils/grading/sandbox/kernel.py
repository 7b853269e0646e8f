"""The kernel, or the process of the tests: what the keeper's child becomes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import random
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
        importlib.invalidate_caches()
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


class _Unlisted:
    """Stands for `sys` where ipykernel and IPython make lists of all modules, for debuggers and resets nobody asks for.

    A kernel shares its memory with the process that it was forked from until it writes. Taking note of a name counts as
    writing, and thousands of names lie on thousands of pages, each of which would be copied.
    """

    def __init__(self) -> None:
        self.modules: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


@contextlib.contextmanager
def _unlisted(module: Any) -> Iterator[None]:
    """Let a module that names `sys` see no other modules meanwhile."""
    module.sys = _Unlisted()
    try:
        yield
    finally:
        module.sys = sys


def run_ipykernel(argv: list[str], serving: int) -> None:
    """Start ipykernel's application, close `serving` when its sockets are bound, serve until a shutdown request."""
    from ipykernel import ipkernel
    from ipykernel.kernelapp import IPKernelApp
    from IPython.core import shellapp
    from traitlets.config.loader import Config, DeferredConfigString

    class Application(IPKernelApp):
        """Without what costs time at the start of each kernel and is of no use here.

        Subshells: each message would go through another thread first. Parsers of command lines and configurations of
        logs: the arguments are settings, and nobody reads a log.
        """

        def init_control(self, context: Any) -> None:
            super().init_control(context)
            self.shell_channel_thread = None

        def init_kernel(self) -> None:
            with _unlisted(ipkernel):
                super().init_kernel()

        def init_code(self) -> None:
            with _unlisted(shellapp):
                super().init_code()
            del self.shell._sys_modules_keys  # so that `%reset` says that it has no list, and deletes nothing

        def parse_command_line(self, argv: list[str] | None = None) -> None:
            settings, pairs = Config(), [argument.removeprefix("--").partition("=") for argument in argv or ()]
            if any(name.count(".") != 1 or not equals for name, equals, _ in pairs):
                super().parse_command_line(argv)
                return
            for name, _, value in pairs:
                section, _, trait = name.partition(".")
                settings[section][trait] = DeferredConfigString(value)
            self.update_config(settings)

        def _configure_logging(self) -> None:
            self.log.level = logging.CRITICAL

    if argv[:1] == ["-f"]:
        argv = [f"--IPKernelApp.connection_file={argv[1]}", *argv[2:]]
    application = Application.instance()
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
