"""The socket between the process of the tests and the agent in a student's kernel: one message each way for a request.

It lies beside the kernel's own sockets. ipykernel's messages go through three threads on each side, are signed, and end
with news of what the kernel does; of the hundreds of requests of a notebook's tests that was most of what they cost.
Here a message is a number, a mark and some frames of bytes. Nobody has to trust what comes out of the kernel: a `Line`
reads frames up to a limit, and builds nothing from them.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Line", "LineClosed", "Received", "TooLarge", "address", "as_bytes", "receive_all"]

# Number of the request, mark of an answer, number of frames; then the length of each frame.
_HEAD = struct.Struct("<QBI")
_PIECE = 2**20
# Frames of one message.
_FRAMES = 1_000_000


class LineClosed(OSError):
    """The other end is gone."""


class TooLarge(ValueError):
    """A message is larger than a message may be; nothing that comes after it can be read."""


@dataclass
class Received:
    """One message.

    Parameters
    ----------
    number : int
        Of the request that was answered.
    printed : bool
        Whether something that was printed meanwhile came, or comes, by the kernel's own messages.
    frames : list of bytes
    size : int, bytes
        Of the whole message.
    """

    number: int
    printed: bool
    frames: list[bytes]
    size: int


def address(ip: str) -> str:
    """Return the path of the socket, from `ip` of the kernel's connection file, with which its own sockets begin."""
    return f"{ip}-bridge"


def as_bytes(number: int, frames: Sequence[bytes], printed: bool = False) -> bytes:
    """Return a message as it is sent."""
    lengths = struct.pack(f"<{len(frames)}Q", *map(len, frames))
    return b"".join([_HEAD.pack(number, printed, len(frames)), lengths, *frames])


def receive_all(connection: socket.socket) -> tuple[int, list[bytes]]:
    """Wait for one message of somebody who is trusted; return its number and its frames.

    Raises
    ------
    LineClosed
        If the other end is closed.
    """
    number, _, count = _HEAD.unpack(_exactly(connection, _HEAD.size))
    lengths = struct.unpack(f"<{count}Q", _exactly(connection, 8 * count))
    return number, [_exactly(connection, length) for length in lengths]


def _exactly(connection: socket.socket, size: int) -> bytes:
    content = bytearray(size)
    view, done = memoryview(content), 0
    while done < size:
        got = connection.recv_into(view[done:])
        if not got:
            raise LineClosed("the other end is closed")
        done += got
    return bytes(content)


class Line:
    """The end of who asks. Neither sending nor receiving waits longer than it is told.

    Parameters
    ----------
    path : str
        See `address`.
    most : int, bytes
        The largest message to take.

    Raises
    ------
    OSError
        If nobody listens there.
    """

    def __init__(self, path: str, most: int) -> None:
        self.path, self.most = path, most
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(self.path)
        except BaseException:
            self.socket.close()
            raise
        self.socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)
        self._outgoing, self._incoming = memoryview(b""), bytearray()

    def close(self) -> None:
        self.socket.close()

    def begin_anew(self) -> None:
        """Connect again; what was on its way is lost."""
        self.close()
        self._connect()

    def send(self, number: int, frames: Sequence[bytes]) -> None:
        """Begin to send a request; what the other end does not take at once is sent while its answer is waited for."""
        self._outgoing = memoryview(bytes(self._outgoing) + as_bytes(number, frames))
        self._send_on()

    def wait(self, timeout_s: float) -> Received | None:
        """Return the next message, None if it is not there as a whole within the time.

        Raises
        ------
        LineClosed
            If the other end is closed.
        TooLarge
            If it is larger than `most`.
        """
        deadline = time.monotonic() + timeout_s
        while (message := self._whole()) is None:
            left = deadline - time.monotonic()
            self._poll.modify(self.socket, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
            for _, event in self._poll.poll(max(0.0, left * 1000)):
                if event & select.POLLOUT:
                    self._send_on()
                if event & ~select.POLLOUT:
                    self._take()
            if left <= 0:
                return self._whole()
        return message

    def _send_on(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._outgoing:
                try:
                    self._outgoing = self._outgoing[self.socket.send(self._outgoing) :]
                except (BrokenPipeError, ConnectionResetError) as error:
                    raise LineClosed("the other end is closed") from error

    def _take(self) -> None:
        try:
            piece = self.socket.recv(_PIECE)
        except BlockingIOError:
            return
        except ConnectionResetError as error:
            raise LineClosed("the other end is closed") from error
        if not piece:
            raise LineClosed("the other end is closed")
        self._incoming += piece

    def _whole(self) -> Received | None:
        """Take the first message out of what has come, if it is there."""
        content = self._incoming
        if len(content) < _HEAD.size:
            return None
        number, printed, count = _HEAD.unpack_from(content)
        if count > _FRAMES:
            raise TooLarge(f"{count} frames")
        start = _HEAD.size + 8 * count
        if len(content) < start:
            return None
        lengths = struct.unpack_from(f"<{count}Q", content, _HEAD.size)
        size = start + sum(lengths)
        if size > self.most:
            raise TooLarge(f"{size} bytes")
        if len(content) < size:
            return None
        ends = itertools.accumulate(lengths, initial=start)
        with memoryview(content) as view:
            frames = [bytes(view[a:b]) for a, b in itertools.pairwise(ends)]
        del content[:size]
        return Received(number, bool(printed), frames, size)
