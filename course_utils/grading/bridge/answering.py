"""The kernel's end of the line: takes requests between ipykernel's own messages, and answers each with one message."""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import sys
from collections.abc import Callable
from typing import Any

from jupyter_client.jsonutil import json_default
from tornado.ioloop import IOLoop

from course_utils.grading.bridge.line import address, as_bytes, receive_all

__all__ = ["answer_requests", "message_id"]


def message_id(number: int) -> str:
    """Return the id of the message whose outputs those of a request are said to be."""
    return f"bridge-{number}"


def answer_requests(kernel: Any, answer: Callable[[dict[str, Any], list[bytes]], list[bytes]]) -> None:
    """Listen beside the sockets of a kernel, and answer requests in the thread that runs cells.

    Parameters
    ----------
    kernel : ipykernel.kernelbase.Kernel
        Its application says where its sockets are.
    answer : callable
        Takes a request and its buffers, and returns the frames of the answer. It raises nothing that the student's code
        raises, but an interrupt may end it.
    """
    loop, told = IOLoop.current(), _Told(kernel.session)
    _pack_any_text(kernel.session)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(address(kernel.parent.ip))
    listening.listen(1)

    def take(connection: socket.socket, _: int) -> None:
        try:
            number, (content, *buffers) = receive_all(connection)
            frames, printed = _answered(kernel, told, number, lambda: answer(json.loads(content), buffers))
            connection.sendall(as_bytes(number, frames, printed))
        except OSError:  # who asked is gone
            loop.remove_handler(connection)
            connection.close()

    def accept(*_: Any) -> None:
        with contextlib.suppress(OSError):
            loop.add_handler(listening.accept()[0], take, IOLoop.READ)

    loop.add_handler(listening, accept, IOLoop.READ)


class _Told:
    """Counts what the kernel sends by its own messages."""

    def __init__(self, session: Any) -> None:
        self.messages, send = 0, session.send

        def counted(*arguments: Any, **keywords: Any) -> Any:
            self.messages += 1
            return send(*arguments, **keywords)

        session.send = counted


def _pack_any_text(session: Any) -> None:
    """Let a session write half of a surrogate pair as a question mark; a message that can't be sent is waited for."""
    pack = session.pack

    def packed(content: Any) -> bytes:
        try:
            return pack(content)
        except UnicodeError:
            return json.dumps(content, default=json_default, ensure_ascii=False).encode("utf-8", "replace")

    session.pack = packed


def _answered(kernel: Any, told: _Told, number: int, answer: Callable[[], list[bytes]]) -> tuple[list[bytes], bool]:
    """Return the frames of an answer, and whether the kernel has told something meanwhile; then it tells its end."""
    before = told.messages
    header = {"msg_id": message_id(number), "msg_type": "comm_msg", "username": "", "session": kernel.session.session}
    header |= {"date": datetime.datetime.now(datetime.UTC), "version": "5.3"}
    parent = {"header": header, "parent_header": {}, "metadata": {}, "content": {}, "buffers": []}
    frames: list[bytes] = []
    try:
        kernel.set_parent([], parent, channel="shell")
        kernel.pre_handler_hook()  # an interrupt means the student's code from here on
        try:
            frames = answer()
        finally:
            kernel.post_handler_hook()
    except KeyboardInterrupt:  # came when the answer was there, or after it
        pass
    for stream in (sys.stdout, sys.stderr):
        # Waiting for the thread that sends takes longer than all else; most calls print nothing.
        if getattr(stream, "_flush_pending", True) or getattr(stream, "_subprocess_flush_pending", True):
            with contextlib.suppress(Exception):  # the student may have put anything in its place
                stream.flush()
    printed = told.messages > before
    if printed:
        kernel._publish_status("idle", "shell", parent)
    return frames, printed
