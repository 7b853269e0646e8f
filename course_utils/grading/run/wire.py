"""Messages between the processes of a run: JSON and bytes over a Unix socket, bounded in size and time.

No pickle: what reads a message builds dicts, lists, numbers, texts and bytes, and nothing else. So a process that was
taken over can tell lies, but cannot make the one that listens run anything.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["WIDE", "BadMessage", "Bounds", "Channel", "dumps", "loads", "pack", "socket_of", "unpack"]

# Longer texts travel as bytes: read from JSON, many small things would take much more memory than they have characters.
_SHORT = 200
# Length of the JSON, number of buffers, length of all buffers together.
_PREFIX = struct.Struct("<IIQ")
# Marks a buffer, or a dict that could be mistaken for one. NUL is in no honest name.
_MARK = "\0"


class BadMessage(ValueError):
    """What came is no message, or larger than a message may be."""


@dataclass(frozen=True)
class Bounds:
    """How large one message may be.

    Parameters
    ----------
    structure : int, bytes
        Of JSON. Reading it may take some twenty times as much memory.
    buffers : int
        Number of buffers.
    content : int, bytes
        Of all buffers together.
    """

    structure: int = 4 * 2**20
    buffers: int = 20_000
    content: int = 64 * 2**20


# Between processes that both are the course's own. More is no submission either.
WIDE = Bounds(structure=64 * 2**20, buffers=10**6, content=2**32)


def pack(content: Any) -> tuple[bytes, list[bytes]]:
    """Return a tree of dicts, lists, numbers, texts and bytes as JSON, with long texts and bytes beside it.

    Raises
    ------
    TypeError
        If there is something else in it.
    """
    buffers: list[bytes] = []

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            if len(value) <= _SHORT:
                return value
            buffers.append(value.encode("utf-8", "surrogatepass"))
            return {_MARK: len(buffers) - 1, "text": True}
        if isinstance(value, (bytes, bytearray, memoryview)):
            buffers.append(bytes(value))
            return {_MARK: len(buffers) - 1, "text": False}
        if isinstance(value, dict):
            if _MARK in value:
                return {_MARK: -1, "items": [[plain(key), plain(item)] for key, item in value.items()]}
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        return value

    return json.dumps(plain(content), separators=(",", ":")).encode(), buffers


def unpack(structure: bytes, buffers: Sequence[bytes | memoryview]) -> Any:
    """Return the tree that `pack` was given; the inverse for text keys, with lists for tuples.

    Raises
    ------
    BadMessage
        If it is no such message.
    """

    def full(value: Any) -> Any:
        if isinstance(value, list):
            return [full(item) for item in value]
        if not isinstance(value, dict):
            return value
        number = value.get(_MARK)
        if number is None:
            return {key: full(item) for key, item in value.items()}
        if number == -1:
            return {full(key): full(item) for key, item in value["items"]}
        if type(number) is not int or not 0 <= number < len(buffers):
            raise BadMessage("a buffer that is not there")
        content = bytes(buffers[number])
        return content.decode("utf-8", "surrogatepass") if value.get("text") is True else content

    def refuse(name: str) -> None:
        raise BadMessage(f"{name} is no number")

    try:
        return full(json.loads(bytes(structure).decode("utf-8", "surrogatepass"), parse_constant=refuse))
    except BadMessage:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadMessage(f"{type(error).__name__}: {str(error)[:200]}") from None


def dumps(content: Any) -> bytes:
    """Return a tree as one piece of bytes."""
    structure, buffers = pack(content)
    lengths = struct.pack(f"<{len(buffers)}Q", *map(len, buffers))
    prefix = _PREFIX.pack(len(structure), len(buffers), sum(map(len, buffers)))
    return b"".join([prefix, lengths, structure, *buffers])


def loads(data: bytes, bounds: Bounds | None = None) -> Any:
    """Return the tree of such a piece.

    Raises
    ------
    BadMessage
        If it is none, or too large.
    """
    bounds = bounds or Bounds()
    if len(data) < _PREFIX.size:
        raise BadMessage("it is too short")
    structure, number, content = _PREFIX.unpack_from(data)
    start = _PREFIX.size + 8 * number
    if structure > bounds.structure or number > bounds.buffers or content > bounds.content:
        raise BadMessage("it is too large")
    if len(data) != start + structure + content:
        raise BadMessage("it has another length")
    ends = list(itertools.accumulate(struct.unpack_from(f"<{number}Q", data, _PREFIX.size), initial=start + structure))
    if ends[-1] != len(data):
        raise BadMessage("buffers that are not as long as was said")
    view = memoryview(data)
    return unpack(data[start : start + structure], [view[a:b] for a, b in itertools.pairwise(ends)])


class Channel:
    """One end of a connected Unix stream socket that carries messages.

    Parameters
    ----------
    connection : socket.socket
    bounds : Bounds, optional
        Of what is received.
    """

    def __init__(self, connection: socket.socket, bounds: Bounds | None = None) -> None:
        self.connection, self.bounds = connection, bounds or Bounds()

    def fileno(self) -> int:
        """Return the file descriptor, for `poll` and `select`."""
        return self.connection.fileno()

    def close(self) -> None:
        self.connection.close()

    def send(self, content: Any, descriptors: Sequence[int] = (), timeout_s: float | None = None) -> None:
        """Send a tree, with open files if the other end takes any.

        Parameters
        ----------
        content : dicts, lists, numbers, texts, bytes
        descriptors : sequence of int
        timeout_s : float, seconds, optional
            How long the other end may take to read it.

        Raises
        ------
        OSError
            If the other end is closed (`BrokenPipeError`) or too slow (`TimeoutError`).
        """
        structure, buffers = pack(content)
        lengths = struct.pack(f"<{len(buffers)}Q", *map(len, buffers))
        prefix = _PREFIX.pack(len(structure), len(buffers), sum(map(len, buffers)))
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self.connection.settimeout(timeout_s)
        sent = socket.send_fds(self.connection, [prefix], descriptors) if descriptors else 0
        # Small parts in one piece; large ones are not copied once more.
        head = prefix[sent:] + lengths + structure
        parts = [head + b"".join(buffers)] if sum(map(len, buffers)) < 2**16 else [head, *buffers]
        for part in parts:
            self._send_part(part, deadline)

    def _send_part(self, part: bytes, deadline: float | None) -> None:
        left = memoryview(part)
        while left:
            self.connection.settimeout(_left(deadline))
            left = left[self.connection.send(left) :]

    def receive(self, timeout_s: float | None = None) -> Any:
        """Return the next tree; open files that come with it are closed.

        Parameters
        ----------
        timeout_s : float, seconds, optional
            Until it has come as a whole.

        Raises
        ------
        EOFError
            If the other end is closed.
        TimeoutError
            If it took too long.
        BadMessage
            If it is none, or too large. Nothing more can be received then.
        """
        return self._receive(timeout_s, 0)[0]

    def receive_with_files(self, most: int = 1) -> tuple[Any, list[int]]:
        """Return the next tree and the open files that came with it."""
        return self._receive(None, most)

    def _receive(self, timeout_s: float | None, files: int) -> tuple[Any, list[int]]:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        prefix, descriptors = bytearray(), []
        while len(prefix) < _PREFIX.size:
            self.connection.settimeout(_left(deadline))
            missing = _PREFIX.size - len(prefix)
            if files:
                piece, found, _, _ = socket.recv_fds(self.connection, missing, files)
                descriptors += found
            else:
                piece = self.connection.recv(missing)
            if not piece:
                raise EOFError("The other end is closed.")
            prefix += piece
        structure, number, content = _PREFIX.unpack(prefix)
        bounds = self.bounds
        if structure > bounds.structure or number > bounds.buffers or content > bounds.content:
            raise BadMessage(f"{structure} bytes of JSON with {number} buffers of {content} bytes are too much")
        lengths = struct.unpack(f"<{number}Q", self._exactly(8 * number, deadline))
        if sum(lengths) != content:
            raise BadMessage("buffers that are not as long as was said")
        text = self._exactly(structure, deadline)
        return unpack(text, [self._exactly(length, deadline) for length in lengths]), descriptors

    def _exactly(self, size: int, deadline: float | None) -> bytes:
        content = bytearray(size)
        view, done = memoryview(content), 0
        while done < size:
            self.connection.settimeout(_left(deadline))
            got = self.connection.recv_into(view[done:])
            if not got:
                raise EOFError("The other end is closed.")
            done += got
        return bytes(content)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("The other end took too long.")
    return left


def socket_of(descriptor: int) -> socket.socket:
    """Return the socket that a descriptor given by the parent process leads to; programs run from here don't get it."""
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)
