"""Waiting on one file descriptor. Unlike `select.select`, `poll` takes any number of open files."""

from __future__ import annotations

import select
import socket

__all__ = ["is_hung_up", "is_readable"]


def is_readable(descriptor: int | socket.socket, seconds: float) -> bool:
    """Wait until something can be read (of a process's file descriptor: until it has ended)."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def is_hung_up(connection: socket.socket) -> bool:
    """Whether the other end of a connection is closed."""
    poll = select.poll()
    poll.register(connection, 0)  # a hang-up is told without being asked for
    return bool(poll.poll(0))
