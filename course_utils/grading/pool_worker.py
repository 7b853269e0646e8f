"""The program of a worker process: grades what comes over a socket until the socket closes."""

from __future__ import annotations

import json
import multiprocessing.connection
import sys

from course_utils.grading.fork_server import adopt_server
from course_utils.grading.launcher import adopt_zygote
from course_utils.grading.submissions import grade


def main(descriptor: int) -> None:
    """Serve submissions from a connected Unix socket."""
    connection = multiprocessing.connection.Connection(descriptor)
    while True:
        try:
            submission = connection.recv()
        except (EOFError, ConnectionResetError):
            return
        try:
            connection.send(grade(submission))
        except (BrokenPipeError, ConnectionResetError):
            return  # nobody waits for the result any more


if __name__ == "__main__":
    shared = json.loads(sys.argv[2])
    if "server" in shared:
        adopt_server(*shared["server"])
    if "zygote" in shared:
        adopt_zygote(*shared["zygote"])
    main(int(sys.argv[1]))
