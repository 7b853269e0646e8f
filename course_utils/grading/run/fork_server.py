"""The process that grader processes are forked from where there is no sandbox: it has imported what tests use, once.

It reads no submission itself, so nothing of one student is there when the grader of the next one is forked.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterable

from course_utils.grading.preload import import_ready
from course_utils.grading.run.wire import Channel, socket_of
from course_utils.grading.sandbox.polling import is_hung_up, is_readable

__all__ = ["ForkServer", "GraderProcess", "adopt_server", "main", "shared_server"]

START_TIMEOUT = 120  # seconds for the imports on a busy machine


class ForkServer:
    """Starts grader processes.

    Parameters
    ----------
    modules : iterable of str
        What to import before the first one is forked. The imports go on while the caller does other things.
    control : socket.socket, optional
        Connection to a server that another process started; by default a new one is started.
    """

    def __init__(self, modules: Iterable[str], control: socket.socket | None = None) -> None:
        self._process: subprocess.Popen | None = None
        if control is not None:
            self.control = control
            return
        self.control, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = f"import sys; sys.path[:] = {sys.path!r}; from course_utils.grading.run.fork_server import main; main()"
        with inside:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, str(inside.fileno()), json.dumps(list(modules))],
                pass_fds=[inside.fileno()],
                stdin=subprocess.DEVNULL,
            )

    @property
    def alive(self) -> bool:
        """Whether the server still runs."""
        return self.control.fileno() >= 0 and not is_hung_up(self.control)

    def fork(self) -> GraderProcess:
        """Start a grader process.

        Raises
        ------
        OSError
            If the server has ended.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self.control, [b"fork"], [theirs.fileno()])
            return GraderProcess(ours)
        except BaseException:
            ours.close()
            raise

    def close(self) -> None:
        """End the server, if this process started it; grader processes go on."""
        self.control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class GraderProcess:
    """A grader process and the connection to it.

    Attributes
    ----------
    channel : wire.Channel
        Takes a `Job`, then carries what `messages` has.
    events : tuple of str
        None: without a sandbox there are no limits to hit.
    """

    events = ()

    def __init__(self, channel: socket.socket) -> None:
        channel.settimeout(START_TIMEOUT)
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not descriptors:
            raise ConnectionResetError("The process that grader processes are forked from has ended.")
        self._pidfd = descriptors[0]
        self.channel = Channel(channel)

    def end(self, patience_s: float = 0.2) -> None:
        """Close the connection; kill the process if it does not end by itself."""
        self.channel.close()
        if not is_readable(self._pidfd, patience_s):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            is_readable(self._pidfd, 10)
        os.close(self._pidfd)


_shared: dict[tuple[str, ...], ForkServer] = {}
_lock = threading.Lock()


def shared_server(modules: Iterable[str]) -> ForkServer:
    """Return this process's server with these modules, starting it first where there is none alive."""
    key = tuple(modules)
    with _lock:
        server = _shared.get(key)
        if server is not None and not server.alive:
            server.close()
            server = None
        if server is None:
            server = _shared[key] = ForkServer(key)
        return server


def adopt_server(modules: Iterable[str], descriptor: int) -> None:
    """Use a server that the process which started this one shares, by a file descriptor of its `control`."""
    _shared[tuple(modules)] = ForkServer((), socket.socket(fileno=descriptor))


@atexit.register
def _close_all() -> None:
    with _lock:
        while _shared:
            _shared.popitem()[1].close()


def _forget_after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for server in _shared.values():
        server.control.close()
        server._process = None  # not our child
    _shared.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


# --- the server ---------------------------------------------------------------------------------------------------


def main() -> None:
    """Import what is asked for, then fork a grader process for each request until nobody is left to ask."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    for name in json.loads(sys.argv[2]):
        with contextlib.suppress(Exception):  # whoever needs it will say so
            import_ready(name)
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("agg")
    if "torch" in sys.modules:
        # One thread each: graders run side by side, and results do not depend on the number of cores.
        sys.modules["torch"].set_num_threads(1)
    gc.collect()
    gc.freeze()  # children need not copy these pages to count references
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _serve(descriptors[0])
        os.close(descriptors[0])


def _serve(descriptor: int) -> None:
    """Be a grader process."""
    try:
        from course_utils.grading.run import grader

        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        channel = socket_of(descriptor)
        pidfd = os.pidfd_open(os.getpid())
        socket.send_fds(channel, [b"p"], [pidfd])
        os.close(pidfd)
        with contextlib.suppress(EOFError):  # whoever asked is gone
            grader.main(Channel(channel))
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(0)
