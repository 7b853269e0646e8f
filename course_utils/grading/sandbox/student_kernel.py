"""A student's kernel in the sandbox, from its first start to its end, with a private copy of the files handed in."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils.grading.limits import SandboxLimits
from course_utils.grading.sandbox import layout, zygote
from course_utils.grading.sandbox.files import collect_files, pack_files
from course_utils.grading.sandbox.host import Zygote, shared_zygote
from course_utils.grading.sandbox.sandboxed_kernel import SandboxedKernel, ZygoteLost

__all__ = ["KernelOptions", "StudentKernel"]

# Nothing a grader asks for, and each costs time at the start or writes files.
_QUIET = (
    "--HistoryManager.enabled=False",
    "--IPCompleter.use_jedi=False",
    "--InteractiveShellApp.ignore_cwd=True",
    "--Application.log_level=CRITICAL",
)
# In the place of a port stands what the name of a socket ends with.
_SOCKETS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class KernelOptions:
    """How kernels are started.

    Parameters
    ----------
    limits : SandboxLimits
        What one kernel may use.
    warm : bool
        Whether kernels are forked from one process that has imported the course's libraries.
    preload : sequence of str
        Modules that are imported before the student's code, in cold kernels too: both see the same.
    threads : int
        Threads of numerical libraries in each kernel.
    readable, private : sequence of str
        Further folders to show, read-only (say, data), and never to show (say, the course's).
    env : dict of str to str
        Further environment variables, the same for every kernel.
    """

    limits: SandboxLimits = field(default_factory=SandboxLimits)
    warm: bool = True
    preload: Sequence[str] = zygote.PRELOAD
    threads: int = 1
    readable: Sequence[str] = ()
    private: Sequence[str] = ()
    env: dict[str, str] = field(default_factory=dict)

    def of_zygote(self) -> dict[str, Any]:
        """Return what `host.shared_zygote` takes."""
        return {
            "preload": list(self.preload),
            "threads": self.threads,
            "env": dict(self.env),
            "readable": list(self.readable),
            "private": list(self.private),
        }


class StudentKernel:
    """A Python kernel in a sandbox of its own.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Of its files the kernel gets a copy at each start.
    options : KernelOptions, optional
    arguments : sequence of str
        Further ones of ipykernel.

    Attributes
    ----------
    events : list of str
        Limits that were hit, in order, by the kernel and those before it.
    peak_memory : int, bytes
        The most that the kernel, or one before it, is known to have used at once.
    process : SandboxedKernel or None
        The kernel, running or not yet cleaned up.
    """

    def __init__(
        self, folder: Path | None = None, options: KernelOptions | None = None, arguments: Sequence[str] = ()
    ) -> None:
        self.folder, self.options = folder, options or KernelOptions()
        self.arguments = ["ipykernel_launcher", *_QUIET, "-f", layout.CONNECTION_FILE, *arguments]
        self.events: list[str] = []
        self.peak_memory = 0
        self.process: SandboxedKernel | None = None
        self._own_zygote: Zygote | None = None

    def start(self) -> dict[str, Any]:
        """Start the kernel, in the place of the one before, and wait until it serves.

        Returns
        -------
        dict
            What a connection file holds, for clients of the same user. Its sockets lie in a folder that only the
            sandbox has: it is found by a file descriptor of this process.

        Raises
        ------
        SandboxUnavailable
            If no sandbox can be had here; the message says what to install or change.
        """
        self.end()
        info = {"transport": "ipc", **_SOCKETS, "kernel_name": "python3"}
        info |= {"key": secrets.token_hex(32), "signature_scheme": "hmac-sha256"}
        self.process = self._launch({**info, "ip": f"{layout.SOCKET_FOLDER}/k"})
        return {**info, "ip": f"/proc/{os.getpid()}/fd/{self.process.sockets}/k"}

    def _launch(self, connection: dict[str, Any]) -> SandboxedKernel:
        limits = self.options.limits
        files, events = collect_files(str(self.folder), limits) if self.folder else ([], [])
        self.events += [event for event in events if event not in self.events]
        for private in (False, True) if self.options.warm else (True, True):
            process = None
            try:
                process = self._zygote(private)
                for name, reason in process.failed_imports.items():
                    _LOG.warning("Could not import %s for the sandbox: %s", name, reason)
                kernel = process.launch(
                    argv=self.arguments, connection=connection, archive=pack_files(files), limits=limits
                )
            except ZygoteLost as error:
                failure = error
                if process is not None:  # not to be asked again
                    process.close()
            else:
                kernel.wait_until_serving()
                return kernel
        raise failure

    def _zygote(self, private: bool) -> Zygote:
        if not private:
            return shared_zygote(**self.options.of_zygote())
        if self._own_zygote is not None:
            self._own_zygote.close()
        self._own_zygote = Zygote(**self.options.of_zygote())
        return self._own_zygote

    def interrupt(self) -> None:
        """Interrupt the kernel and the programs it runs, as Ctrl-C would."""
        if self.process is not None:
            self.process.interrupt()

    def alive(self) -> bool:
        """Whether the kernel runs."""
        return self.process is not None and self.process.poll() is None

    def usage(self) -> tuple[float, float, bool] | None:
        """Return what the kernel used, see `SandboxedKernel.usage`; None if there is none."""
        return self.process.usage() if self.process is not None else None

    def peak(self) -> int:
        """Return `peak_memory` as it is known by now; asks nobody."""
        return max(self.peak_memory, self.process.peak() if self.process is not None else 0)

    def take_notice(self) -> list[str]:
        """Return `events` as they are by now; asks nobody."""
        if self.process is not None:
            self.process.poll()
            self._take_events()
        return self.events

    def sockets(self) -> list[int]:
        """Return the file descriptor of the folder of the kernel's sockets, for a client that can't find it."""
        return [self.process.sockets] if self.process is not None else []

    def end(self) -> None:
        """End every process of the sandbox and let go of it; what it saw of limits stays in `events`."""
        if self.process is not None:
            self.process.close()
            self._take_events()
            self.process = None
        if self._own_zygote is not None:
            self._own_zygote.close()
            self._own_zygote = None

    def _take_events(self) -> None:
        self.events += self.process.events
        self.process.events.clear()
        self.peak_memory = max(self.peak_memory, self.process.peak_memory)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.end()
