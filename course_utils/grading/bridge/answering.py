"""The short way of a request through the student's kernel: one message comes in, one goes out.

ipykernel tells everybody that it is busy, waits until all that was printed is out, and tells that it is idle again, for
each message. Of the hundred requests of a notebook's tests that was half of what they cost. Here a request is taken
before ipykernel looks at it; the answer, behind what was printed meanwhile, is its end. Where this is not possible
the message goes on to ipykernel, which brings it to the same agent.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

__all__ = ["answer_at_once"]

# In a message: signature, header, parent, metadata, content.
_HEADER, _CONTENT = 1, 4


def answer_at_once(kernel: Any, comms: Collection[str], answer: Callable[[dict[str, Any]], list[bytes]]) -> None:
    """Let a kernel answer what comes over some comms without all else that it does for a message.

    Parameters
    ----------
    kernel : ipykernel.kernelbase.Kernel
    comms : collection of str
        Ids of the comms, which may become more.
    answer : callable
        Returns the frames of the answer to a message. It raises nothing that the student's code raises.
    """
    ordinary = kernel.dispatch_shell

    async def dispatch(frames: Sequence[Any], /, *arguments: Any, **keywords: Any) -> None:
        message = None if keywords.get("concurrent") else _request(kernel.session, frames, comms)
        if message is None:
            await ordinary(frames, *arguments, **keywords)
            return
        try:
            kernel.set_parent(*message, channel="shell")
            kernel.pre_handler_hook()  # an interrupt means the student's code from here on
            try:
                _send(kernel, message[1], answer(message[1]))
            finally:
                kernel.post_handler_hook()
        except KeyboardInterrupt:  # came when the answer was there, or after it: without one, this is the end
            kernel._publish_status("idle", "shell")

    kernel.dispatch_shell = dispatch


def _request(session: Any, frames: Sequence[Any], comms: Collection[str]) -> tuple[Any, dict[str, Any]] | None:
    """Return sender and message if this is a request over one of the comms; None for all else."""
    try:
        sender, parts = session.feed_identities(frames, copy=False)
        if b'"comm_msg"' not in parts[_HEADER].bytes:
            return None
        if session.unpack(parts[_CONTENT].bytes).get("comm_id") not in comms:
            return None
        return sender, session.deserialize(parts, copy=False)
    except Exception:  # not for this module to judge: ipykernel tells what is wrong with it
        return None


def _send(kernel: Any, message: dict[str, Any], frames: list[bytes]) -> None:
    for stream in (sys.stdout, sys.stderr):
        # Waiting for the thread that sends takes longer than all else; most calls print nothing.
        if getattr(stream, "_flush_pending", True) or getattr(stream, "_subprocess_flush_pending", True):
            with contextlib.suppress(Exception):  # the student may have put anything in its place
                stream.flush()
    about = message["content"]
    content = {"comm_id": about["comm_id"], "data": {"request": about["data"]["request"]}}
    kernel.session.send(kernel.iopub_socket, "comm_msg", content, parent=message, ident=b"comm", buffers=frames)
