"""The program of a worker process: grades what comes over a socket until the socket closes."""

from __future__ import annotations

import multiprocessing.connection
import sys

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
    main(int(sys.argv[1]))
