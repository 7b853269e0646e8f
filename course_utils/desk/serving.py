"""Starts the desk's web server on this machine's own address."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import uvicorn
from sqlalchemy.exc import OperationalError

from course_utils.classroom.safety_net import is_the_machines
from course_utils.desk.app import Desk, make_app
from course_utils.desk.classwork import Classwork
from course_utils.errors import CourseError

__all__ = ["serve"]


def serve(
    course: Path,
    assignment: str,
    reader: str,
    told: Callable[[str], None],
    *,
    port: int = 0,
    order: str = "alike",
    hide_names: bool = False,
    second: bool = False,
    hosts: Iterable[str] = (),
) -> None:
    """Serve the desk until it is ended with Ctrl-C.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    reader : str
        Who reads: stands in the log beside each decision.
    told : callable
        Called with the address once the desk listens.
    port : int
        0 for one that is free.
    order : {"alike", "random"}
    hide_names : bool
    second : bool
        Whether this is a second, blind reading.
    hosts : iterable of str
        See `Desk`.

    Raises
    ------
    CourseError
        If the port is taken, the assignment is not graded, or has nothing to read.
    """
    work = Classwork(course, assignment, order=order, hide_names=hide_names)
    token = secrets.token_urlsafe(24)
    with work.open() as gradebook, _listening(port) as listener:
        try:
            desk = Desk(work, gradebook, reader, token, second=second, hosts=hosts)
        except OperationalError as error:
            raise CourseError(
                f"The gradebook can't be opened for writing just now ({error.orig}). Try again."
            ) from error
        told(f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}")
        config = uvicorn.Config(make_app(desk), log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listener])


def _listening(port: int) -> socket.socket:
    # Named TCP, as asyncio sends small pieces at once (TCP_NODELAY) only where the socket says so: otherwise each page
    # waits 40 ms for the browser to acknowledge its headers.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)  # a browser that is quicker than the server waits
    except OSError as error:
        listener.close()
        if is_the_machines(error):
            raise
        raise CourseError(
            f"Port {port} of this machine is taken ({error.strerror}). Choose another, or none."
        ) from error
    return listener
