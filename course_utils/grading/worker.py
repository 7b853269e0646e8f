"""The program of a worker process: grades what comes over a socket until the socket closes."""

from __future__ import annotations

import json
import sys

from course_utils.grading.run.fork_server import adopt_server
from course_utils.grading.run.wire import WIDE, Channel, socket_of
from course_utils.grading.sandbox.host import adopt_zygote
from course_utils.grading.submissions import Submission, grade


def main() -> None:
    """Take over what is shared, then serve: arguments are a connected Unix socket, and what is shared as JSON."""
    shared = json.loads(sys.argv[2])
    if "server" in shared:
        adopt_server(*shared["server"])
    for kind in ("tests", "zygote"):
        if kind in shared:
            adopt_zygote(*shared[kind])
    serve(int(sys.argv[1]))


def serve(descriptor: int) -> None:
    """Grade submissions that come by a connected Unix socket."""
    channel = Channel(socket_of(descriptor), WIDE)
    while True:
        try:
            submission = Submission.read(channel.receive())
        except (EOFError, ConnectionResetError):
            return
        try:
            channel.send(grade(submission).content())
        except (BrokenPipeError, ConnectionResetError):
            return  # nobody waits for the result any more
