"""A client of one student's kernel that believes nothing the kernel sends.

Messages only carry values and outputs. What a cell printed is kept up to a limit; how a cell ended is taken from the
kernel's word only where nothing depends on it.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import zmq
from jupyter_client import BlockingKernelClient

from course_utils.grading.bridge.answering import message_id
from course_utils.grading.bridge.line import Line, LineClosed, Received, TooLarge, address
from course_utils.grading.limits import OutputLimits
from course_utils.grading.run.clock import CellClock
from course_utils.grading.run.messages import SHOWN
from course_utils.notebooks.texts import BASE64, plain_math, printable, writable

__all__ = ["CellRun", "CellStopped", "KernelConnection", "KernelLost", "OutputLimits"]

# How often, and for how many seconds each, to look whether a kernel that was stopped works on all the same; how much of
# a core it uses, or waits for, if it does.
_LOOKS, _LOOK_S = 5, 0.2
_BUSY = 0.2
# How long to wait for the last of a cell's outputs when it has ended; for all that was printed before an answer.
_DRAIN_S, _PRINTED_S = 2.0, 10.0
# How long to wait for an answer before the next look at what is printed meanwhile.
_LOOK_ASIDE_S = 0.02


class KernelLost(BaseException):
    """The kernel is gone, or had to be given up. No `except Exception` of a test can swallow it.

    Parameters
    ----------
    reason : str
        ``"died"``, ``"timeout"`` or ``"flood"``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.run: CellRun | None = None


class CellStopped(BaseException):
    """The kernel stopped when it was told to, because time was up or too much was printed.

    Parameters
    ----------
    reason : str
        ``"timeout"`` or ``"flood"``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class CellRun:
    """What became of one cell in the student's kernel.

    Parameters
    ----------
    outputs : list of dict
        As nbformat has them, cut to the limits.
    error : str, optional
        Name of the exception, if one was raised.
    stopped : str, optional
        ``"timeout"`` or ``"flood"``, if the cell was interrupted.
    cut : bool
        Whether something of the output was left out.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    stopped: str | None = None
    cut: bool = False


class KernelConnection:
    """Run cells and bridge requests in a kernel.

    Parameters
    ----------
    info : dict
        Connection file of the kernel.
    interrupt : callable
        Sends the kernel an interrupt.
    alive : callable
        Whether the kernel's process lives, from outside the kernel.
    limits : OutputLimits, optional
        What to keep of outputs.
    usage : callable, optional
        What the kernel used until now, from outside the kernel, as `CellClock` takes it; by default nothing counts it,
        and limits are seconds on the clock.
    """

    # After time is up: how long an interrupted cell has to stop.
    grace_s = 3.0
    # After it stopped: how long its kernel may clear away (a list of millions) before it takes the next one.
    settle_s = 20.0
    # How long a kernel that has just answered may take to answer again.
    reconnect_s = 20.0

    def __init__(
        self,
        info: dict[str, Any],
        interrupt: Callable[[], None],
        alive: Callable[[], bool],
        limits: OutputLimits | None = None,
        usage: Callable[[], Sequence[float] | None] = lambda: None,
    ) -> None:
        self.usage = usage
        self.info, self.interrupt, self.alive, self.limits = info, interrupt, alive, limits or OutputLimits()
        self.context = zmq.Context()
        self.context.setsockopt(zmq.MAXMSGSIZE, self.limits.message)
        self.context.setsockopt(zmq.LINGER, 0)
        self.line: Line | None = None
        self.heard_last = False  # whether there was something at the last look at the kernel's own messages
        self.requests = 0
        self._connect()

    def _connect(self) -> None:
        self.client = BlockingKernelClient(context=self.context)
        self.client.load_connection_info(self.info)
        self.client.start_channels(shell=True, iopub=True, stdin=False, hb=False, control=False)
        self.shell, self.iopub = self.client.shell_channel, self.client.iopub_channel
        self.poller = zmq.Poller()
        for channel in (self.shell, self.iopub):
            self.poller.register(channel.socket, zmq.POLLIN)

    def close(self) -> None:
        """Close the sockets; the kernel is left as it is."""
        if self.line is not None:
            self.line.close()
        self.client.stop_channels()
        self.context.destroy(linger=0)

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait until the kernel answers and its outputs arrive.

        Raises
        ------
        KernelLost
            If it does not within the time.
        """
        deadline = time.monotonic() + timeout_s
        answered = heard = False
        while not (answered and heard):
            if time.monotonic() > deadline or not self.alive():
                raise KernelLost("timeout" if self.alive() else "died")
            self.client.kernel_info()
            step = time.monotonic() + (0.05 if not answered else 0.5)
            while time.monotonic() < step and not (answered and heard):
                channel, _ = self._receive(max(0.0, step - time.monotonic()))
                answered |= channel is self.shell
                heard |= channel is self.iopub
        if self.line is None:
            try:
                self.line = Line(address(self.info["ip"]), self.limits.message)
            except OSError:
                raise KernelLost("died") from None

    def execute(self, source: str, timeout_s: float | CellClock) -> CellRun:
        """Run one cell.

        Parameters
        ----------
        source : str
        timeout_s : float or CellClock, seconds
            How much time it has; a clock counts on what it has counted before.

        Raises
        ------
        KernelLost
            If the kernel died, or did not stop when its time was up.
        """
        run = _Collector(self.limits)
        message = self.client.execute(source, allow_stdin=False, stop_on_error=False)
        try:
            self._until_done(message, timeout_s, run)
        except CellStopped as stopped:
            run.run.stopped = stopped.reason
        except KernelLost as lost:
            lost.run = run.run
            raise
        return run.run

    def request(
        self, content: dict[str, Any], buffers: Sequence[bytes], timeout_s: float | CellClock
    ) -> tuple[list[bytes], CellRun]:
        """Send one request of the bridge; return the frames of the answer and what was printed meanwhile.

        Raises
        ------
        CellStopped
            If time was up, or too much was printed, and the kernel stopped when told to.
        KernelLost
            If the kernel died, or did not stop.
        """
        self.requests += 1
        run = _Collector(self.limits, request=self.requests)
        try:
            self.line.send(self.requests, [json.dumps(content).encode(), *buffers])
            self._until_done(message_id(self.requests), timeout_s, run)
        except LineClosed:
            raise KernelLost("died") from None
        return run.answer or [], run.run

    def _until_done(self, message: str, timeout_s: float | CellClock, run: _Collector) -> None:
        clock = timeout_s if isinstance(timeout_s, CellClock) else CellClock(timeout_s, self.usage)
        reason: str | None = None
        given_up = math.inf
        next_sign = time.monotonic() + 0.5
        while True:
            now = time.monotonic()
            if now > given_up:
                raise KernelLost(reason)
            if reason is None:
                if run.received > self.limits.received:
                    reason = "flood"
                elif now >= clock.next_look and clock.is_up():
                    reason = "timeout"
                if reason is not None:
                    given_up = time.monotonic() + self.grace_s
                    self.interrupt()
            until = min(next_sign, clock.next_look if reason is None else given_up)
            if run.request is None:
                channel, part = self._receive(until - time.monotonic())
            elif (answer := self._receive_answer(until - time.monotonic())) is None:
                channel, part = self._receive(0)
                self.heard_last = channel is not None
            elif run.answered(answer):
                break
            else:
                run.received += answer.size
                continue
            if channel is None:
                if time.monotonic() >= next_sign:
                    next_sign = time.monotonic() + 0.5
                    if not self.alive():
                        raise KernelLost("died")
                continue
            run.received += part["size"]
            if part["parent_header"].get("msg_id") != message:
                continue
            if channel is self.shell:
                run.replied(part)
            else:
                run.heard(part)
            if run.done or channel is self.shell:
                break
        # The end of the output may have been dropped for its size; what was asked is done all the same.
        self._drain(message, run, _DRAIN_S if run.request is None else _PRINTED_S)
        if reason is None and run.request is not None and (run.received > self.limits.received or not run.done):
            reason = "flood"  # what was asked is done, but its output is far too much, or has no end
        if not run.done:
            # A message beyond the limit closes a socket for good: without a new one no later cell would be heard.
            run.run.cut = True
            self.client.stop_channels()
            self._connect()
            self.wait_until_ready(self.reconnect_s)
        if reason is not None:
            self._settle(reason)
            raise CellStopped(reason)

    def _settle(self, reason: str) -> None:
        """Wait until a kernel that was interrupted is free again, so that nothing of it is time of the next cell.

        It may have to clear away first. Where a thread or a process of it goes on computing, the kernel is given up.
        """
        asked = self.client.kernel_info()
        deadline = time.monotonic() + self.settle_s
        answered = False
        while not answered and time.monotonic() < deadline and self.alive():
            channel, part = self._receive(0.5)
            answered = channel is self.shell and part["parent_header"].get("msg_id") == asked
        for _ in range(_LOOKS if answered else 0):
            before, began = self.usage(), time.monotonic()
            while (left := began + _LOOK_S - time.monotonic()) > 0:
                self._receive(left)
            after = self.usage()
            if not before or not after or sum(after[:2]) - sum(before[:2]) < _BUSY * (time.monotonic() - began):
                return
        raise KernelLost(reason)

    def _drain(self, message: str, run: _Collector, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while not run.done and (left := deadline - time.monotonic()) > 0:
            channel, part = self._receive(left)
            run.received += part.get("size", 0)
            if run.received > self.limits.received:
                return
            if channel is self.iopub and part["parent_header"].get("msg_id") == message:
                run.heard(part)

    def _receive_answer(self, timeout_s: float) -> Received | None:
        """Wait for an answer, but never long without a look at what is printed meanwhile."""
        try:
            return self.line.wait(0 if self.heard_last else min(timeout_s, _LOOK_ASIDE_S))
        except TooLarge:
            try:
                self.line.begin_anew()
            except OSError:
                raise LineClosed("nobody listens any more") from None
            return Received(self.requests, False, [], 0)

    def _receive(self, timeout_s: float) -> tuple[Any, dict[str, Any]]:
        ready = dict(self.poller.poll(max(0, int(timeout_s * 1000))))
        # Outputs first: they belong to what the reply ends.
        for channel in (self.iopub, self.shell):
            if channel.socket in ready:
                frames = channel.socket.recv_multipart(zmq.NOBLOCK, copy=False)
                size = sum(len(frame.buffer) for frame in frames)
                with contextlib.suppress(Exception):
                    # A message that is badly signed or no JSON is as good as none.
                    _, parts = self.client.session.feed_identities(frames, copy=False)
                    message = self.client.session.deserialize(parts, copy=False)
                    if isinstance(message["content"], dict) and isinstance(message["parent_header"], dict):
                        return channel, {**message, "size": size}
                return channel, {"parent_header": {}, "content": {}, "msg_type": "", "buffers": [], "size": size}
        return None, {}


class _Collector:
    """Gathers what belongs to one request."""

    def __init__(self, limits: OutputLimits, request: int | None = None) -> None:
        self.limits, self.request = limits, request
        self.run = CellRun()
        self.answer: list[bytes] | None = None
        self.reply_seen = request is not None
        self.idle_seen = False
        self.received = self.text = self.images = self.pieces = 0

    @property
    def done(self) -> bool:
        return self.reply_seen and self.idle_seen and (self.request is None or self.answer is not None)

    def answered(self, answer: Received) -> bool:
        """Take an answer; return whether it is the one to this request."""
        if answer.number != self.request:
            return False
        self.answer = answer.frames
        self.idle_seen |= not answer.printed
        return True

    def replied(self, message: dict[str, Any]) -> None:
        self.reply_seen = True
        content = message["content"]
        if content.get("status") == "error" and self.run.error is None:
            self.run.error = str(content.get("ename", "Error"))[:100]

    def heard(self, message: dict[str, Any]) -> None:
        """Take what a message brings."""
        kind, content = message.get("msg_type"), message["content"]
        if kind == "status":
            self.idle_seen |= content.get("execution_state") == "idle"
        elif kind == "stream":
            self._stream(content)
        elif kind in ("display_data", "execute_result"):
            self._display(kind, content)
        elif kind == "error":
            self._error(content)
        elif kind == "clear_output":
            self.run.outputs.clear()

    def _stream(self, content: dict[str, Any]) -> None:
        text = self._cut(content.get("text"))
        if not text:
            return
        # Text on stderr is no error here: warnings and progress bars cost nothing.
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        last = self.run.outputs[-1] if self.run.outputs else None
        if last and last["output_type"] == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self._add({"output_type": "stream", "name": name, "text": text})

    def _display(self, kind: str, content: dict[str, Any]) -> None:
        data = content.get("data")
        kept: dict[str, str] = {}
        for form in SHOWN:
            value = data.get(form) if isinstance(data, dict) else None
            if not isinstance(value, str):
                continue
            if form.startswith("image/"):
                self.images += len(value)
                if self.images > self.limits.images:
                    self.run.cut = True
                    continue
                # Pages put it into an attribute as it is.
                if BASE64.fullmatch(value):
                    kept[form] = value
            elif text := self._cut(value):
                kept[form] = plain_math(text) if form == "text/latex" else text
        if kept:
            output: dict[str, Any] = {"output_type": kind, "data": kept, "metadata": {}}
            if kind == "execute_result":
                output["execution_count"] = None
            self._add(output)

    def _error(self, content: dict[str, Any]) -> None:
        lines = content.get("traceback")
        lines = [str(line) for line in lines[:60]] if isinstance(lines, list) else []
        self.run.error = printable(content.get("ename", "Error"), 100)
        self._add(
            {
                "output_type": "error",
                "ename": self.run.error,
                "evalue": self._cut(str(content.get("evalue", ""))[:2000]),
                "traceback": [self._cut(line[:4000]) for line in lines],
            }
        )

    def _add(self, output: dict[str, Any]) -> None:
        self.pieces += 1
        if self.pieces > self.limits.pieces:
            self.run.cut = True
        else:
            self.run.outputs.append(output)

    def _cut(self, text: Any) -> str:
        if not isinstance(text, str):
            return ""
        text = writable(text)
        left = self.limits.text - self.text
        self.text += len(text)
        if len(text) <= left:
            return text
        self.run.cut = True
        return text[: max(0, left)]
