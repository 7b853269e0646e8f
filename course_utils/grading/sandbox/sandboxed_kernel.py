"""A kernel in its sandbox, as the host holds on to it: its limits, what it uses, its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path

from course_utils.grading.limits import SandboxLimits
from course_utils.grading.sandbox import cgroups, layout
from course_utils.grading.sandbox.polling import is_readable
from course_utils.grading.sandbox.view import SandboxUnavailable, namespace_hint
from course_utils.notebooks.limits import amount

__all__ = ["SandboxedKernel", "ZygoteLost"]

KERNEL_TIMEOUT = 60  # seconds from a request to a running kernel process
USAGE_TIMEOUT = 5  # seconds in which a keeper on a busy machine says what its kernel used


class ZygoteLost(SandboxUnavailable):
    """The process that kernels are forked from has ended or does not answer: another one may."""


class SandboxedKernel:
    """A kernel process in its sandbox.

    Attributes
    ----------
    events : list of str
        Limits that were hit, in order.
    sockets : int
        File descriptor of the folder in which the kernel makes its sockets.
    log : str
        The end of what the kernel wrote to its own stderr; known when it has ended.
    peak_memory : int
        Bytes, as seen by the watch: to about 16 MiB while it runs, for good when it has ended.
    """

    def __init__(self, channel: socket.socket, limits: SandboxLimits | None = None):
        self._channel = channel
        self._limits = limits or SandboxLimits()
        self._group: cgroups.Group | None = None
        self._usage = (0.0, 0.0, True)
        self._keeper = self._kernel = self.sockets = -1
        self._serving = False
        self.events: list[str] = []
        self.exit_code: int | None = None
        self.log = ""
        self.peak_memory = 0
        channel.settimeout(KERNEL_TIMEOUT)
        try:
            message, fds, _, _ = socket.recv_fds(channel, layout.MAX_MESSAGE, 3)
        except TimeoutError:
            message, fds = b"", []
        answer = json.loads(message or b'{"error": "no answer from the process that kernels are forked from"}')
        channel.setblocking(False)
        if "started" not in answer:
            self.close()
            raise (SandboxUnavailable if message else ZygoteLost)(
                f"The sandbox of a kernel could not be built: {answer.get('error')}\n{namespace_hint()}"
            )
        self._keeper, self._kernel, self.sockets = fds
        self._confine()

    def _confine(self) -> None:
        """Do what only the host can do with the kernel's process, before a line of a student runs in it."""
        pid = _pid_of(self._kernel)
        with contextlib.suppress(OSError):
            # What root writes here can't be lowered again by the student: should the machine run out of memory, this
            # process goes first.
            Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
        self._group = cgroups.make_group(self._limits)
        if self._group is not None:
            try:
                self._group.add(pid)
            except OSError:  # it has ended, or groups can't be used here after all
                self._group.close()
                self._group = None

    def usage(self) -> tuple[float, float, bool] | None:
        """Return what the kernel and all its children used until now.

        Returns
        -------
        cpu : float, seconds
            CPU time.
        waited : float, seconds
            How long they waited for a core that others had.
        busy : bool
            Whether one of them runs, or waits for a core or a disk, right now.

        None if the kernel has ended.
        """
        before = self._usage
        with contextlib.suppress(OSError):
            self._channel.send(b"usage")
            deadline = time.monotonic() + USAGE_TIMEOUT
            while self._usage is before and self.exit_code is None and (left := deadline - time.monotonic()) > 0:
                is_readable(self._channel, left)
                self._read()
        if self.exit_code is not None:
            return None
        counted = self._group.cpu_seconds() if self._group is not None else None
        cpu, waited, busy = self._usage
        return (cpu if counted is None else counted), waited, busy

    def peak(self) -> int:
        """Return `peak_memory` as it is known by now; asks nobody."""
        self._read()
        return self.peak_memory

    def wait_until_serving(self, timeout: float = KERNEL_TIMEOUT) -> bool:
        """Wait until the kernel has made its sockets; return False if it ended first or took too long."""
        deadline = time.monotonic() + timeout
        while not self._serving and self.exit_code is None and (left := deadline - time.monotonic()) > 0:
            is_readable(self._channel, left)
            self._read()
        return self._serving and self.exit_code is None

    def poll(self) -> int | None:
        """Return the exit code of the kernel (negative: a signal), or None while it runs."""
        self._read()
        self._end_if_full()
        if self.exit_code is None and is_readable(self._kernel, 0):
            # The keeper is about to say how; it closes the channel if it was killed together with the kernel.
            deadline = time.monotonic() + 5
            while self.exit_code is None and (left := deadline - time.monotonic()) > 0:
                is_readable(self._channel, left)
                self._read()
            if self.exit_code is None:
                self.exit_code = -signal.SIGKILL
        return self.exit_code

    def _end_if_full(self) -> None:
        """End the kernel if Linux had to end one of its processes for want of memory; say so once."""
        if self._group is not None and self._group.kills() and not any(e.startswith("memory: ") for e in self.events):
            self._read()  # the keeper's own word comes first
            self.peak_memory = max(self.peak_memory, self._limits.memory + 1)  # at least
            if not any(event.startswith("memory: ") for event in self.events):
                most = amount(self._limits.memory)
                self.events.append(f"memory: with that of Linux itself beyond the limit {most}; the kernel was killed")
            self.kill()

    def wait(self, timeout: float = KERNEL_TIMEOUT) -> int | None:
        """Wait for the end of the kernel; return its exit code, or None if it still runs."""
        is_readable(self._kernel, timeout)
        return self.poll()

    def _read(self) -> None:
        while True:
            try:
                message = self._channel.recv(layout.MAX_MESSAGE)
            except OSError:  # nothing now, or closed by us
                return
            if not message:
                if self.exit_code is None:
                    self.exit_code = -signal.SIGKILL
                return
            fields = json.loads(message)
            if "event" in fields:
                self.events.append(fields["event"])
            if "peak" in fields:
                self.peak_memory = max(self.peak_memory, fields["peak"])
            if "usage" in fields:
                self._usage = tuple(fields["usage"])
            self._serving |= "serving" in fields
            if "error" in fields:
                self.log = fields["error"]
            if "exit" in fields and self.exit_code is None:
                self.exit_code, self.log = fields["exit"], fields["log"]

    def interrupt(self) -> None:
        """Interrupt the kernel and the programs it runs."""
        with contextlib.suppress(OSError):  # it has ended
            self._channel.send(str(int(signal.SIGINT)).encode())

    def kill(self) -> None:
        """End every process of the sandbox."""
        if self._keeper >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._keeper, signal.SIGKILL)
            is_readable(self._keeper, 10)

    def close(self) -> None:
        """End every process of the sandbox and let go of it."""
        self.kill()
        self._read()
        if self._group is not None:
            self._end_if_full()
            self._group.close()
            self._group = None
        self._channel.close()
        for name in ("_keeper", "_kernel", "sockets"):
            fd = getattr(self, name)
            if fd >= 0:
                os.close(fd)
            setattr(self, name, -1)
        if self.exit_code is None:
            self.exit_code = -signal.SIGKILL


def _pid_of(pidfd: int) -> int:
    """Return the process id, in this process's own namespace, behind a file descriptor of a process; -1: it is gone."""
    lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pid:")), -1)
