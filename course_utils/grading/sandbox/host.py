"""The host's side of the sandbox: starting zygotes, asking them for kernels, holding on to these."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import io
import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course_utils.grading.limits import SandboxLimits
from course_utils.grading.sandbox import cgroups, layout, view, zygote
from course_utils.grading.sandbox.files import memory_file, pack_files
from course_utils.grading.sandbox.polling import is_hung_up, is_readable
from course_utils.grading.sandbox.view import SandboxUnavailable
from course_utils.notebooks.limits import amount

START_TIMEOUT = 120  # seconds for the imports of a zygote on a busy machine
KERNEL_TIMEOUT = 60  # seconds from a request to a running kernel process
USAGE_TIMEOUT = 5  # seconds in which a keeper on a busy machine says what its kernel used
# User ids for kernels when we are root: beyond what distributions give to people, services and containers.
FIRST_UID, NUM_UIDS = 1_900_000_000, 100_000_000
# bubblewrap ends with the *thread* that started it, so all are started from one that lives as long as this process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-starter")
_shared: dict[tuple, Zygote] = {}
_shared_lock = threading.Lock()


def _forget_after_fork() -> None:
    global _starter, _shared_lock
    _starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-starter")
    _shared_lock = threading.Lock()
    for process in _shared.values():
        process.abandon()
    _shared.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


class ZygoteLost(SandboxUnavailable):
    """The process that kernels are forked from has ended or does not answer: another one may."""


class Zygote:
    """A bubblewrap sandbox with a process that forks kernels.

    Parameters
    ----------
    preload : tuple of str, optional
        Modules to import before the first kernel is forked, besides those of every kernel. None: no module at all, for
        a sandbox that is only tried.
    threads : int
        Threads of numerical libraries in each kernel.
    env : dict of str to str
        Further environment variables.
    readable, private : tuple of str
        Folders to show and to hide besides the usual ones, see `sandbox.command`.
    tests : bool
        Whether this is for processes of tests: they need nothing that kernels need, and whoever starts it does other
        things while it imports.

    Raises
    ------
    SandboxUnavailable
        If the sandbox cannot be had here. With `tests` this is told by `failed_imports` and `launch`.
    """

    def __init__(
        self,
        preload: Iterable[str] | None = zygote.PRELOAD,
        *,
        threads: int = 1,
        env: dict[str, str] | None = None,
        readable: Iterable[str] = (),
        private: Iterable[str] = (),
        tests: bool = False,
    ):
        self.as_root = view.has_real_root()
        self.env = view.environment(threads, env)
        self._failed: dict[str, str] | None = None
        self._lock = threading.Lock()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        self._socket, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        etc_fds = {path: memory_file(text.encode()) for path, text in view.SMALL_ETC.items()}
        try:
            command = view.command(
                bubblewrap=view.find_bubblewrap(),
                etc_fds=etc_fds,
                env=self.env,
                readable=readable,
                private=private,
                as_root=self.as_root,
            )
            # The package shown is the one running here, be it installed, editable or a checkout.
            code = (
                f"import sys; sys.path.append({str(view.PACKAGE.parent)!r}); "
                "from course_utils.grading.sandbox.zygote import main; main()"
            )
            modules = [] if preload is None else [*preload, *(() if tests else zygote.KERNEL_MODULES)]
            command += [sys.executable, "-P", "-s", "-c", code, str(inside.fileno()), json.dumps(modules)]
            self._process = _starter.submit(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={},
                pass_fds=(inside.fileno(), *etc_fds.values()),
                start_new_session=True,  # Ctrl-C in the terminal is for the grader, not for the sandbox
            ).result()
        except BaseException:
            self._socket.close()
            self._log.close()
            raise
        finally:
            inside.close()
            for fd in etc_fds.values():
                os.close(fd)
        if not tests:
            self._failed = self._receive_ready()

    @property
    def failed_imports(self) -> dict[str, str]:
        """Modules that could not be imported, with the reasons; known once all are tried."""
        with self._lock:
            if self._failed is None:
                self._failed = self._receive_ready()
            return self._failed

    def _receive_ready(self) -> dict[str, str]:
        self._socket.settimeout(START_TIMEOUT)
        message = b""
        with contextlib.suppress(OSError):
            message = self._socket.recv(layout.MAX_MESSAGE)
        if not message:
            reason = self._why()
            self.close()
            raise SandboxUnavailable(reason)
        return json.loads(message)["ready"]

    def _why(self) -> str:
        """Say why the sandbox did not start, from what bubblewrap and Python wrote."""
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            return (
                f"The sandbox was not ready after {START_TIMEOUT} seconds. Is this machine very busy, or its disk very "
                "slow? Run the command again: it goes on from here."
            )
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip()[-2000:] or "nothing was said"
        return f"The sandbox did not start: {said}\n{namespace_hint()}"

    @property
    def alive(self) -> bool:
        """Whether the zygote still runs."""
        return self._process.poll() is None

    def launch(
        self,
        *,
        argv: list[str],
        connection: dict,
        archive: io.BufferedIOBase | None,
        limits: SandboxLimits | None = None,
        probe: bool = False,
        wire: socket.socket | None = None,
    ) -> SandboxedKernel:
        """Fork a kernel.

        Parameters
        ----------
        argv : list of str
            Arguments of ipykernel, the program's name first.
        connection : dict
            The content of its connection file.
        archive : file or None
            A tar archive of the files to put into the work folder.
        limits : SandboxLimits, optional
            What it may use.
        probe : bool
            Build the sandbox around a process that only ends.
        wire : socket.socket, optional
            Fork the process of a notebook's tests instead, which is spoken to over the other end of this.

        Raises
        ------
        SandboxUnavailable
            If the zygote has died or the kernel's sandbox cannot be built; the message gives the reason.
        """
        _ = self.failed_imports  # waits until it is ready
        request = {
            "argv": argv,
            "connection": connection,
            "env": self.env,
            "limits": _as_dict(limits or SandboxLimits()),
            "uid": FIRST_UID + secrets.randbelow(NUM_UIDS),  # nobody else's, in all likelihood
            "probe": probe,
        }
        channel, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        limits = limits or SandboxLimits()
        archive = archive or pack_files([])
        try:
            with self._lock:
                files = [inside.fileno(), archive.fileno(), *([wire.fileno()] if wire is not None else [])]
                socket.send_fds(self._socket, [json.dumps(request).encode()], files)
        except OSError as error:
            channel.close()
            raise ZygoteLost(f"The process that kernels are forked from has ended. {error}") from None
        finally:
            inside.close()
            archive.close()
        return SandboxedKernel(channel, limits)

    def close(self) -> None:
        """End the zygote and all kernels forked from it."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
        self._log.close()

    @property
    def descriptor(self) -> int:
        """File descriptor over which other processes may ask for kernels too, see `adopt_zygote`."""
        return self._socket.fileno()

    def abandon(self) -> None:
        """Let go of a zygote that belongs to the process this one was forked from."""
        self._socket.close()
        self._process.returncode = 0  # not our child: nothing to wait for

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _AdoptedZygote(Zygote):
    """A zygote of another process, which shares it."""

    def __init__(self, descriptor: int, *, threads: int, env: dict[str, str]):
        self.as_root = view.has_real_root()
        self.env = view.environment(threads, env)
        self._lock = threading.Lock()
        self._socket = socket.socket(fileno=descriptor)
        self._failed = {}  # told by the process that started it

    @property
    def alive(self) -> bool:
        """Whether the zygote still runs and is still asked by this process."""
        return self._socket.fileno() >= 0 and not is_hung_up(self._socket)

    def close(self) -> None:
        """Let go of the zygote, which other processes use too."""
        self._socket.close()

    def abandon(self) -> None:
        """Let go of the zygote in a forked process."""
        self._socket.close()


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
        Bytes, as seen by the watch; known when it has ended.
    """

    def __init__(self, channel: socket.socket, limits: SandboxLimits | None = None):
        self._channel = channel
        self._limits = limits or SandboxLimits()
        self._group: cgroups.Group | None = None
        self._usage = (0.0, 0.0, True)
        self._keeper = self._kernel = self.sockets = -1
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
        if "started" not in answer:
            self.close()
            raise (SandboxUnavailable if message else ZygoteLost)(
                f"The sandbox of a kernel could not be built: {answer.get('error')}\n{namespace_hint()}"
            )
        channel.setblocking(False)
        self._keeper, self._kernel, self.sockets = fds
        self._serving = False
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
            if "usage" in fields:
                self._usage = tuple(fields["usage"])
            self._serving |= "serving" in fields
            if "error" in fields:
                self.log = fields["error"]
            if "exit" in fields and self.exit_code is None:
                self.exit_code, self.log = fields["exit"], fields["log"]
                self.peak_memory = max(self.peak_memory, fields["peak"])

    def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel's process group; SIGKILL ends every process of the sandbox."""
        if signum == signal.SIGKILL:
            self.kill()
        else:
            with contextlib.suppress(OSError):  # it has ended
                self._channel.send(str(int(signum)).encode())

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


def shared_zygote(**options) -> Zygote:
    """Return this process's zygote with these options, starting it first where there is none alive."""
    key = _key(options)
    with _shared_lock:
        process = _shared.get(key)
        if process is not None and not process.alive:
            process.close()
            process = None
        if process is None:
            process = _shared[key] = Zygote(**options)
        return process


def adopt_zygote(options: dict, descriptor: int) -> None:
    """Use a zygote that the process which started this one shares.

    Parameters
    ----------
    options : dict
        As `shared_zygote` takes them.
    descriptor : int
        The `descriptor` of the zygote, passed on to this process.
    """
    _shared[_key(options)] = _AdoptedZygote(descriptor, threads=options["threads"], env=options["env"])


def _key(options: dict) -> tuple[str, str]:
    return json.dumps(options, sort_keys=True, default=str), str(Path.cwd())


@atexit.register
def close_shared_zygotes() -> None:
    """End the zygotes of this process and all their kernels."""
    with _shared_lock:
        while _shared:
            _shared.popitem()[1].close()


def namespace_hint() -> str:
    """Say what on this machine usually keeps a sandbox from being built."""
    setting = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if setting.exists() and setting.read_text().strip() == "1":
        return (
            "This system lets only chosen programs create user namespaces: "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0 allows it until the next start."
        )
    setting = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if setting.exists() and setting.read_text().strip() == "0":
        return "User namespaces are switched off: sudo sysctl kernel.unprivileged_userns_clone=1 allows them."
    return (
        "The sandbox needs user, mount, PID and network namespaces. In a container, allow them "
        "(Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)."
    )


def _as_dict(limits: SandboxLimits) -> dict[str, int]:
    fields = dataclasses.asdict(limits)
    if not view.has_real_root() and _kernel_version() < (5, 14):
        # Older kernels count all processes of the user together, those outside the sandbox too.
        own = [path for path in Path("/proc").glob("[0-9]*") if _owner(path) == os.getuid()]
        fields["processes"] += sum(len(list(path.glob("task/*"))) for path in own)
    return fields


def _pid_of(pidfd: int) -> int:
    """Return the process id, in this process's own namespace, behind a file descriptor of a process; -1: it is gone."""
    lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pid:")), -1)


def _owner(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_uid
    return -1


def _kernel_version() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


def probe() -> str | None:
    """Try the sandbox out.

    Returns
    -------
    str or None
        Why students' code cannot be run in a sandbox here and what to do about it; None if it can.
    """
    pass

    try:
        with Zygote(preload=None) as zygote_process:
            kernel = zygote_process.launch(argv=[], connection={}, archive=None, probe=True)
            code = kernel.wait()
            log = kernel.log
            kernel.close()
    except SandboxUnavailable as error:
        return str(error)
    return None if code == 0 else f"The sandbox does not work here: {log.strip().splitlines()[-1] if log else code}"
