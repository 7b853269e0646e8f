"""What the processes inside a sandbox, and those that start them, agree on: folders, ids, how to report."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket

# Where a kernel finds its files. None of these may exist on the host's side of a course (see sandbox.py).
WORK_FOLDER = "/submission"
SOCKET_FOLDER = "/run/kernel"
CONNECTION_FILE = f"{SOCKET_FOLDER}/connection.json"
KERNEL_LOG = f"{SOCKET_FOLDER}/log"
TESTS_FOLDER = "/run/tests"  # what tests are shown of the host besides the environment; kernels find it empty
USER_ID = 1000  # what the student's user is called inside
MAX_MESSAGE = 100_000  # bytes of one request or report
REQUEST_FDS = 3


def keep_only(fds: set[int]) -> None:
    """Close all file descriptors but these; let the standard ones lead nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    border = 3
    for fd in sorted(fds):
        os.closerange(border, fd)
        border = fd + 1
    os.closerange(border, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def report(channel: socket.socket, fds: tuple[int, ...] = (), **fields) -> None:
    """Send one message to the host; a host that is gone does not need it."""
    with contextlib.suppress(OSError):
        socket.send_fds(channel, [json.dumps(fields).encode()], fds)
