"""Starting the process of one notebook's tests: in a sandbox of its own, or (without a sandbox) beside this one."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_utils import environment
from course_utils.grading.limits import GradingLimits, RunLimits, SandboxLimits
from course_utils.grading.run.fork_server import GraderProcess, shared_server
from course_utils.grading.run.messages import Job
from course_utils.grading.run.wire import Channel
from course_utils.grading.sandbox import layout
from course_utils.grading.sandbox.files import collect_files, pack_files
from course_utils.grading.sandbox.host import shared_zygote
from course_utils.grading.sandbox.sandboxed_kernel import ZygoteLost

__all__ = ["SandboxedGrader", "data_folder", "get_ready", "start", "zygote_options"]

_GRADER = "course_utils.grading.run.grader"  # what the sandbox runs; it knows it by this name only


class SandboxedGrader:
    """The process of the tests in its sandbox.

    Attributes
    ----------
    channel : wire.Channel
        Takes a `Job`, then carries what `messages` has.
    """

    def __init__(self, modules: Iterable[str], files: Path, limits: RunLimits | None = None) -> None:
        limits = limits or RunLimits()
        sandbox = SandboxLimits(limits.test_memory, limits.test_processes, cpu_seconds=limits.test_cpu_seconds)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                listed, _ = collect_files(files, sandbox)
                self._process = shared_zygote(**zygote_options(modules)).launch(
                    argv=[_GRADER, "serve"], connection={}, archive=pack_files(listed), limits=sandbox, wire=theirs
                )
        except BaseException:
            ours.close()
            raise
        # Nothing in there is looked up by name.
        os.close(self._process.sockets)
        self._process.sockets = -1
        self.channel = Channel(ours)

    @property
    def events(self) -> list[str]:
        """Limits that were hit, in order."""
        return self._process.events

    def end(self, patience_s: float = 0.2) -> None:
        """Close the connection; end all of the sandbox if the process does not end by itself."""
        self.channel.close()
        self._process.wait(patience_s)
        self._process.close()


def start(job: Job, modules: Iterable[str], files: Path, place: Path, sandbox: bool) -> SandboxedGrader | GraderProcess:
    """Start the process of a notebook's tests and set in the job where it finds things.

    Parameters
    ----------
    job : Job
    modules : iterable of str
        What the process has imported.
    files : pathlib.Path
        Folder with the files of the submission; in a sandbox the process gets a copy.
    place : pathlib.Path
        Folder of this run, used without a sandbox.
    sandbox : bool

    Raises
    ------
    SandboxUnavailable
        If the sandbox cannot be had.
    OSError
        Without a sandbox: if the process that this one is forked from ends again and again.
    """
    job.data_folder = data_folder()
    if job.data_folder and sandbox:
        job.data_folder = f"{layout.TESTS_FOLDER}/data"
    limits = GradingLimits.of(job.limits).run
    if sandbox:
        job.files, job.place = layout.WORK_FOLDER, ""
    else:
        job.files, job.place = str(files), str(place)
    for last in (False, True):
        try:  # what it is forked from may have been killed: there will be another one
            return SandboxedGrader(modules, files, limits) if sandbox else shared_server(modules).fork()
        except (ZygoteLost, OSError):
            if last:
                raise
    raise AssertionError


def get_ready(modules: Iterable[str], sandbox: bool) -> None:
    """Start what processes of tests are forked from; its imports go on while the caller does other things."""
    if sandbox:
        shared_zygote(**zygote_options(modules))
    else:
        shared_server(modules)


def data_folder() -> str:
    """Return where real data lie; empty if nowhere: then a test that needs them says so."""
    with contextlib.suppress(RuntimeError):  # a user without a home
        folder = environment.data_folder()
        if folder.is_dir():
            return str(folder)
    return ""


def zygote_options(modules: Iterable[str]) -> dict[str, Any]:
    """Return what `host.shared_zygote` takes for processes of tests."""
    beside = {"data": data_folder()} if data_folder() else {}
    # The home in there is empty: what a student hands in must not be taken for anybody's settings or data.
    env = {"HOME": "/tmp", "MPLBACKEND": "agg"}
    networks = os.environ.get("TORCH_HOME") or str(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch"))
    with contextlib.suppress(RuntimeError):
        networks = str(Path(networks).expanduser())
    if Path(networks).is_dir():
        beside["networks"] = networks
        env["TORCH_HOME"] = f"{layout.TESTS_FOLDER}/networks"
    return {
        "preload": list(modules),
        "threads": 1,
        "env": env,
        "readable": [],
        "private": [],
        "beside": beside,
        "tests": True,
    }
