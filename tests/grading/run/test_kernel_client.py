"""What a client of a student's kernel keeps, stops and gives up; the bridge through a real, sandboxed kernel."""

from __future__ import annotations

import numpy as np
import pytest

from course_utils.checks import CheckFailed
from course_utils.grading.bridge.handles import Bridge, BridgeNamespace, StudentError
from course_utils.grading.run import kernel_client
from course_utils.grading.run.kernel_client import CellStopped, KernelConnection, KernelLost, OutputLimits
from tests.support.sandboxed import Kernel

# One worker has the kernel for all of these tests.
pytestmark = pytest.mark.xdist_group("connection")

LIMITS = OutputLimits(text=1000, images=300, pieces=5, received=200_000, message=4 * 2**20)


class Room:
    """A sandboxed kernel with the agent, started again after a test that lost it."""

    def __init__(self):
        self.kernel, self.connection = None, None

    def connect(self) -> KernelConnection:
        if self.connection is None:
            self.kernel = Kernel(arguments=["--IPKernelApp.extra_extensions=course_utils.grading.bridge.agent"])
            self.kernel.client.stop_channels()
            kernel = self.kernel
            self.connection = KernelConnection(kernel.info, kernel.process.interrupt, kernel.process.alive, LIMITS)
            self.connection.grace_s = 1.0
            self.connection.wait_until_ready(60)
        return self.connection

    def leave(self):
        if self.connection is not None:
            self.connection.close()
            self.kernel.stop()
            self.connection = None


@pytest.fixture(scope="module")
def room():
    room = Room()
    yield room
    room.leave()


@pytest.fixture
def connection(room):
    return room.connect()


@pytest.fixture
def lost(room):
    """A connection whose kernel will not outlive the test."""
    yield room.connect()
    room.leave()


def texts(run, kind="stream"):
    return [output["text"] for output in run.outputs if output["output_type"] == kind]


def test_streams_results_and_errors_are_kept(connection):
    run = connection.execute("import sys\nprint('out')\nprint('warn', file=sys.stderr)\n7", 20)
    assert [(o["output_type"], o.get("name")) for o in run.outputs] == [
        ("stream", "stdout"),
        ("stream", "stderr"),
        ("execute_result", None),
    ]
    assert run.outputs[2]["data"] == {"text/plain": "7"}
    assert (run.error, run.stopped, run.cut) == (None, None, False)
    run = connection.execute("raise ValueError('too small')", 20)
    assert run.error == "ValueError"
    assert run.outputs[0]["output_type"] == "error" and run.outputs[0]["evalue"] == "too small"


def test_only_what_a_page_may_show_is_kept(connection):
    run = connection.execute(
        "from IPython.display import HTML, Javascript, display\n"
        "display(HTML('<b>x</b>'), Javascript('alert(1)'))\n"
        "display({'image/png': 'aGk=', 'text/html': '<script>', 'text/plain': 'shown'}, raw=True)\n"
        "display({'image/png': '\"><script>', 'application/javascript': 'x', 'image/svg+xml': '<svg/>'}, raw=True)",
        20,
    )
    kept = {form for output in run.outputs for form in output["data"]}
    assert kept == {"text/plain", "image/png"}
    assert run.outputs[-1]["data"] == {"text/plain": "shown", "image/png": "aGk="}


def test_output_is_cut_at_its_limits(connection):
    run = connection.execute("print('a' * 700)\nprint('b' * 700)", 20)
    assert run.cut and len("".join(texts(run))) == 1000
    run = connection.execute("for n in range(9):\n    display(n)", 20)
    assert run.cut and len(run.outputs) == 5
    run = connection.execute("for n in range(3):\n    display({'image/png': 'a' * 200}, raw=True)", 20)
    assert run.cut and len(run.outputs) == 1


def test_cleared_output_is_gone(connection):
    run = connection.execute("from IPython.display import clear_output\nprint(1)\nclear_output()\nprint(2)", 20)
    assert texts(run) == ["2\n"]


def test_an_endless_loop_is_interrupted_and_the_kernel_goes_on(connection):
    connection.execute("kept = 5", 20)
    run = connection.execute("print('begins', flush=True)\nwhile True:\n    pass", 0.5)
    assert run.stopped == "timeout" and texts(run) == ["begins\n"]
    assert connection.execute("kept", 20).outputs[0]["data"] == {"text/plain": "5"}


def test_a_flood_is_stopped_and_the_kernel_goes_on(connection, monkeypatch):
    monkeypatch.setattr(connection, "grace_s", 20.0)  # a busy machine takes its time to hear that it should stop
    run = connection.execute("while True:\n    print('x' * 2000, flush=True)", 60)
    assert run.stopped == "flood" and run.cut
    assert texts(connection.execute("print('after')", 20)) == ["after\n"]


def test_one_message_beyond_the_limit_is_dropped(connection):
    """The socket is gone with it, and must be made anew."""
    run = connection.execute("print('y' * 5_000_000)\nprint('after')", 20)
    assert run.error is None and run.cut and len("".join(texts(run))) <= 1000
    assert texts(connection.execute("print('next')", 20)) == ["next\n"]


def test_there_is_nobody_to_ask(connection):
    assert connection.execute("input('name?')", 20).error == "StdinNotImplementedError"


def test_an_ignored_interrupt_loses_the_kernel(lost):
    source = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    with pytest.raises(KernelLost) as caught:
        lost.execute(f"print('begins', flush=True)\n{source}", 0.5)
    assert caught.value.reason == "timeout" and texts(caught.value.run) == ["begins\n"]


# Runs after the cell has ended, as the clearing away of a long list does, and hears no interrupt.
AFTERWARDS = """import asyncio, time
def clear_away():
    end = time.monotonic() + {seconds}
    while time.monotonic() < end:
        try:
            time.sleep(0.1)
        except KeyboardInterrupt:
            pass
asyncio.get_running_loop().call_later(0.01, clear_away)
while True:
    pass"""


def test_what_a_stopped_cell_leaves_to_clear_away_is_no_time_of_the_next(connection):
    run = connection.execute(AFTERWARDS.format(seconds=4), 0.5)
    assert run.stopped == "timeout"
    run = connection.execute("print('next')", 0.5)
    assert texts(run) == ["next\n"] and run.stopped is None


def test_a_kernel_that_stays_busy_after_a_stopped_cell_is_lost_by_that_cell(lost, monkeypatch):
    monkeypatch.setattr(lost, "settle_s", 1.0)
    with pytest.raises(KernelLost) as caught:
        lost.execute(AFTERWARDS.format(seconds=60), 0.5)
    assert caught.value.reason == "timeout"


def test_the_end_of_the_process_is_seen(lost):
    with pytest.raises(KernelLost) as caught:
        lost.execute("import os, time\nprint('before', flush=True)\ntime.sleep(0.3)\nos._exit(0)", 60)
    assert caught.value.reason == "died" and texts(caught.value.run) == ["before\n"]


def test_losing_the_kernel_is_not_swallowed_by_a_test():
    for error in (KernelLost("died"), CellStopped("timeout")):
        assert not isinstance(error, Exception)


# The bridge.


class Transport:
    def __init__(self, connection, seconds=20):
        self.connection, self.seconds, self.printed = connection, seconds, []

    def request(self, content, buffers):
        frames, run = self.connection.request(content, buffers, self.seconds)
        self.printed += run.outputs
        return frames


@pytest.fixture
def bridge(connection):
    source = """
import numpy as np, sys, time
width = 7
rows = np.arange(6.0).reshape(2, 3)
def scale(x, factor=2):
    print("scaling")
    x *= factor
    return x.sum()
def bad(x):
    return x / 0
def slow():
    time.sleep(60)
def flood():
    while True:
        print("x" * 2000, flush=True)
def count(n):
    yield from range(n)
class Thing:
    pass
thing = Thing()
"""
    assert connection.execute(source, 20).error is None
    return Bridge(Transport(connection), [source])


def test_values_and_handles_come_out_of_the_sandbox(bridge):
    assert bridge.fetch("width") == 7
    assert bridge.fetch("rows").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert list(bridge.fetch("count")(3)) == [0, 1, 2]
    thing = bridge.fetch("thing")
    assert repr(thing) == "<Thing of the notebook>" and thing == bridge.fetch("thing")
    with pytest.raises(CheckFailed, match="thing must be a plain value"):
        assert thing > 3


def test_arguments_go_in_as_copies_and_what_changed_is_noted(bridge):
    array, large = np.ones(3), np.ones(200_000)
    assert bridge.fetch("scale")(array) == 6
    assert array.tolist() == [1, 1, 1] and bridge.was_changed(array)
    assert bridge.fetch("scale")(large, factor=3) == 600_000
    assert large[-1] == 1 and bridge.was_changed(large)
    assert texts(type("Run", (), {"outputs": bridge.transport.printed})) == ["scaling\n", "scaling\n"]


def test_exceptions_come_with_the_students_line(bridge):
    with pytest.raises(ZeroDivisionError) as caught:
        bridge.fetch("bad")(1)
    assert str(caught.value).splitlines() == [
        "bad(…) raised ZeroDivisionError: division by zero",
        "  in bad, line 9: return x / 0",
    ]
    with pytest.raises(StudentError, match="nowhere is not defined"):
        bridge.fetch("nowhere")


def test_a_test_cell_runs_as_it_stands(bridge):
    names = BridgeNamespace({"__name__": "__main__", "np": np}, bridge)
    exec("table = {n: [scale(np.ones(n), k) for k in (1, width)] for n in (1, 2)}", names)
    assert names["table"] == {1: [1, 7], 2: [2, 14]}


def test_a_request_that_prints_nothing_takes_none_of_the_kernels_own_messages(bridge, monkeypatch):
    connection, heard = bridge.transport.connection, []
    count, receive = bridge.fetch("count"), connection._receive

    def listen(timeout_s):
        channel, message = receive(timeout_s)
        heard.append(message.get("msg_type"))
        return channel, message

    monkeypatch.setattr(connection, "_receive", listen)
    assert bridge.fetch("width") == 7 and len(list(count(2))) == 2
    assert not any(heard)
    bridge.fetch("scale")(np.ones(3))
    assert [kind for kind in heard if kind] == ["stream", "status"]


def test_what_was_printed_comes_with_the_answer_that_it_belongs_to(bridge, connection):
    source = "import time\ndef say(n):\n    for k in range(n):\n        print(k)\n        time.sleep(0.3)\n    return n"
    connection.execute(source, 20)
    say, printed = bridge.fetch("say"), bridge.transport.printed
    for n in (2, 0, 1):
        printed.clear()
        assert say(n) == n and "".join(texts(type("Run", (), {"outputs": printed}))) == "0\n1\n"[: 2 * n]


@pytest.mark.parametrize(
    "what",
    [
        "import os\nos.closerange(3, 1000)",
        "from course_utils.grading.bridge import answering\nanswering._answered = None",
    ],
)
def test_a_kernel_whose_line_was_cut_is_lost(what, lost):
    with pytest.raises((KernelLost, CellStopped)):
        lost.execute(what, 5)
        lost.request({"operation": "name", "name": "width"}, [], 1.0)


def test_answers_to_something_else_are_left_out(lost):
    """A student's code may write to the line as it likes: that is one more way to choose its own values."""
    source = """
from course_utils.grading.bridge import answering
real = answering.as_bytes
def early(number, frames, printed=False):
    others = [real(n, [b'{"t":"text","v":"forged"}']) for n in (number - 1, number + 5)]
    return b"".join(others) + real(number, frames, printed)
answering.as_bytes = early
width = 7
"""
    assert lost.execute(source, 20).error is None
    bridge = Bridge(Transport(lost))
    assert [bridge.fetch("width") for _ in range(3)] == [7, 7, 7]


def test_output_that_was_told_of_and_has_no_end_stops_the_cell(lost, monkeypatch):
    """Else each request of a test would wait for it."""
    monkeypatch.setattr(kernel_client, "_PRINTED_S", 0.5)
    source = """
from course_utils.grading.bridge import answering
real = answering._answered
answering._answered = lambda *arguments: (real(*arguments)[0], True)
width = 7
"""
    assert lost.execute(source, 20).error is None
    with pytest.raises((CellStopped, KernelLost)) as caught:
        Bridge(Transport(lost)).fetch("width")
    assert caught.value.reason == "flood"


@pytest.mark.parametrize("head", ["b'x'", "b'\\xff' * 13", "struct.pack('<QBIQ', number, 0, 1, 2**60)"])
def test_what_is_no_answer_costs_its_own_request_only(head, lost):
    source = f"""
import struct
from course_utils.grading.bridge import answering
real, width = answering.as_bytes, 7
def broken(number, frames, printed=False):
    answering.as_bytes = real
    return {head}
answering.as_bytes = broken
"""
    assert lost.execute(source, 20).error is None
    bridge = Bridge(Transport(lost, 1.0))
    with pytest.raises((CheckFailed, CellStopped, KernelLost)) as caught:
        bridge.fetch("width")
    if not isinstance(caught.value, KernelLost):
        assert bridge.fetch("width") == 7


@pytest.mark.parametrize(("name", "reason", "seconds"), [("slow", "timeout", 0.5), ("flood", "flood", 60)])
def test_a_call_is_stopped_and_the_next_one_answered(name, reason, seconds, bridge):
    function = bridge.fetch(name)
    bridge.transport.seconds = seconds
    with pytest.raises(CellStopped) as caught:
        function()
    assert caught.value.reason == reason
    bridge.transport.seconds = 20
    assert bridge.fetch("width") == 7


def test_a_large_answer_is_no_flood(bridge, connection):
    connection.execute("large = np.zeros(300_000)", 20)
    assert bridge.fetch("large").nbytes > LIMITS.received
