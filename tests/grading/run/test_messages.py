"""What the processes of a run tell each other is data of known form and size; everything else is refused."""

from __future__ import annotations

import contextlib
import json
import pickle
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.facts import FORM
from course_utils.grading.run import messages, wire
from course_utils.grading.run.messages import CellBegun, CellDone, Finished, Job, Reader, Wanted, as_content
from course_utils.grading.run.wire import BadMessage, Bounds, Channel
from tests.grading.run.test_grader import answer, check, course_cell

CELLS = json.loads(
    json.dumps([answer("a", "a = 1"), check("a", "assert a == 1", points=2), course_cell("plot()", grading="skip")])
)


@pytest.fixture
def channels():
    ours, theirs = (Channel(end) for end in socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    | st.binary() | st.text(min_size=300, max_size=400),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=5) | st.just("\0"), parts, max_size=4),
)  # fmt: skip


@given(TREES)
def test_a_tree_arrives_as_it_was(tree):
    assert wire.loads(wire.dumps(tree)) == tree


def test_messages_follow_each_other_and_large_ones_arrive(channels):
    ours, theirs = channels
    big = {"files": b"x" * 150_000, "text": "\ud800é" * 1000}
    ours.send({"first": [1, 2.5, None]})
    ours.send(big)
    assert theirs.receive(5) == {"first": [1, 2.5, None]}
    assert theirs.receive(5) == big


def frame(structure: bytes, lengths=(), content=b"", said=None) -> bytes:
    total = sum(lengths) if said is None else said
    return struct.pack("<IIQ", len(structure), len(lengths), total) + struct.pack(f"<{len(lengths)}Q", *lengths) + \
        structure + content  # fmt: skip


BAD_FRAMES = {
    "random bytes": b"\xff" * 64,
    "a pickle": pickle.dumps(("done", None)) + b" " * 64,
    "no JSON": frame(b"{'a': 1}"),
    "deep JSON": frame(b"[" * 1_000_000),
    "nested dicts": frame(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "not a number": frame(b"NaN"),
    "infinity": frame(b"[-Infinity]"),
    "a number of a million digits": frame(b"1" * 1_000_000),
    "a buffer that is not there": frame(b'{"\\u0000":5,"text":true}'),
    "a buffer with a number that is none": frame(b'{"\\u0000":1e9}'),
    "items that are none": frame(b'{"\\u0000":-1,"items":[[[],1]]}'),
    "a text that is no UTF-8": frame(b'{"\\u0000":0,"text":true}', (2,), b"\xff\xfe"),
    "lengths that do not add up": frame(b"1", (3, 4), b"1234567", said=6),
    "too much JSON": struct.pack("<IIQ", 2**31, 0, 0),
    "too many buffers": struct.pack("<IIQ", 2, 2**31, 0),
    "buffers of an exabyte": struct.pack("<IIQ", 2, 1, 2**60) + struct.pack("<Q", 2**60) + b"{}",
}


@pytest.mark.parametrize("data", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_what_is_no_message_is_refused(data, channels):
    ours, theirs = channels
    ours.connection.settimeout(0)
    sent = 0
    try:
        while sent < len(data):
            sent += ours.connection.send(data[sent:])
    except BlockingIOError:
        data = b""  # longer than the socket holds
    if data:
        with pytest.raises(BadMessage):
            theirs.receive(5)


@pytest.mark.parametrize("data", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_bytes_that_are_no_message_are_refused(data):
    with pytest.raises(BadMessage):
        wire.loads(data)


def test_a_sender_that_stops_half_way_is_not_waited_for(channels):
    ours, theirs = channels
    ours.connection.sendall(frame(b'{"kind":"finished"}')[:-1])
    with pytest.raises(TimeoutError):
        theirs.receive(0.1)
    ours.close()
    with pytest.raises(EOFError):
        theirs.receive(5)


def test_a_listener_that_does_not_read_is_not_waited_for(channels):
    ours, _ = channels
    with pytest.raises(TimeoutError):
        for _ in range(1000):
            ours.send({"a": b"x" * 100_000}, timeout_s=0.1)


def test_open_files_that_come_unasked_are_closed(channels, tmp_path):
    ours, theirs = channels
    with (tmp_path / "file").open("w") as file:
        ours.send({"a": 1}, [file.fileno()])
    assert theirs.receive(5) == {"a": 1}
    ours.send({"a": 2})
    assert theirs.receive_with_files() == ({"a": 2}, [])


def test_the_bounds_are_those_of_whoever_listens():
    data = wire.dumps({"a": "x" * 1000})
    assert wire.loads(data) == {"a": "x" * 1000}
    with pytest.raises(BadMessage):
        wire.loads(data, Bounds(content=999))


def test_a_job_arrives_as_it_was():
    job = Job(
        CELLS,
        ["import math"],
        skipped={3: "why"},
        compiled={2: b"code"},
        hidden={"keys.py": b"KEY = 1"},
        secret="s" * 64,
    )
    assert Job.read(wire.loads(wire.dumps(job.content()))) == job


ERROR = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["v"]}
STREAM = {"output_type": "stream", "name": "stdout", "text": "hello"}


def result(text) -> dict:
    data = {"text/plain": text}
    return {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": None}


def test_an_honest_run_is_understood():
    reader = Reader(CELLS)
    told = [
        CellBegun(0, 60.0),
        Wanted("start"),
        CellDone(0, [STREAM, ERROR, result("'anything'")]),
        CellBegun(1, 60.0),
        CellDone(1, [STREAM, result("1.5")]),
        CellDone(2, [STREAM]),
        Finished([("note", "a kernel did not start: died")], 2.5),
    ]
    assert [reader.read(wire.loads(wire.dumps(as_content(message)))) for message in told] == told


def shows(data) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def test_facts_of_a_test_are_numbers_by_name():
    reader = Reader(CELLS)
    facts = shows({FORM: {"accuracy_percent": 71.5}})
    told = [CellBegun(0, 60.0), CellDone(0, []), CellBegun(1, 60.0), CellDone(1, [STREAM, facts])]
    assert [reader.read(wire.loads(wire.dumps(as_content(message)))) for message in told] == told


BAD_OUTPUTS = {
    "a fact that is no number": [shows({FORM: {"accuracy": "100"}})],
    "a fact without end": [shows({FORM: {"accuracy": 1e300}})],
    "a fact without a name": [shows({FORM: {"a b": 1}})],
    "facts beside a text": [shows({FORM: {"a": 1}, "text/plain": "a"})],
    "many facts": [shows({FORM: {f"n{n}": n for n in range(100)}})],
    "no dict": [5],
    "HTML": [shows({"text/html": "<script>"})],
    "a picture with a quote": [shows({"image/png": '" onload="x'})],
    "metadata": [{**shows({"text/plain": "a"}), "metadata": {"a": 1}}],
    "another key": [{**STREAM, "extra": 1}],
    "another stream": [{**STREAM, "name": "stdlog"}],
    "another kind": [{"output_type": "update_display_data", "data": {}, "metadata": {}}],
    "a text that is a list": [{**STREAM, "text": ["a"]}],
    "a traceback that is a text": [{**ERROR, "traceback": "a"}],
    "too many": [STREAM] * 1000,
    "a result above the points": [result("2.5")],
    "a negative result": [result("-1")],
    "a result that is not a number": [result("nan")],
    "an infinite result": [result("1e999")],
    "a result of 401 digits": [result(str(10**400))],
    "a result that is a word": [result("full")],
    "a picture as result": [{**result(""), "data": {"image/png": "aaaa"}}],
}


@pytest.mark.parametrize("outputs", BAD_OUTPUTS.values(), ids=BAD_OUTPUTS)
def test_outputs_that_no_run_leaves_are_refused(outputs):
    reader = Reader(CELLS)
    reader.read(as_content(CellBegun(1, 60.0)))
    with pytest.raises(BadMessage):
        reader.read({"kind": "done", "index": 1, "outputs": outputs})


BAD_MESSAGES = {
    "no dict": ["done"],
    "no kind": {"index": 1},
    "another kind": {"kind": "run", "what": "rm"},
    "a kind that is a list": {"kind": ["done"]},
    "another key": {"kind": "wanted", "what": "alive", "more": 1},
    "another wish": {"kind": "wanted", "what": "shutdown"},
    "a cell that is not there": {"kind": "begun", "index": 3, "limit": 1.0},
    "a negative cell": {"kind": "begun", "index": -1, "limit": 1.0},
    "a cell that is true": {"kind": "begun", "index": True, "limit": 1.0},
    "a cell in between": {"kind": "begun", "index": 0.5, "limit": 1.0},
    "a limit of a day": {"kind": "begun", "index": 0, "limit": 86400.0},
    "a limit of 10**400": {"kind": "begun", "index": 0, "limit": 10**400},
    "a result of a cell that did not begin": {"kind": "done", "index": 1, "outputs": []},
    "the end before the cells": {"kind": "finished", "events": [], "seconds": 1.0},
    "a text that is a number": {"kind": "failed", "text": 5},
    "a text of a megabyte": {"kind": "missing", "text": "x" * 10**6},
}


@pytest.mark.parametrize("content", BAD_MESSAGES.values(), ids=BAD_MESSAGES)
def test_messages_that_no_run_sends_are_refused(content):
    with pytest.raises(BadMessage):
        Reader(CELLS).read(content)


def test_a_cell_has_one_result_and_cells_go_forward():
    reader = Reader(CELLS)
    reader.read(as_content(CellBegun(1, 60.0)))
    reader.read(as_content(CellDone(1, [])))
    for message in (CellDone(1, []), CellBegun(1, 1.0), CellBegun(0, 1.0)):
        with pytest.raises(BadMessage):
            reader.read(as_content(message))


@pytest.mark.parametrize(
    "end",
    [
        {"events": [["shout", "x"]], "seconds": 1.0},
        {"events": [["note"]], "seconds": 1.0},
        {"events": "note", "seconds": 1.0},
        {"events": [["note", "x" * 5000]], "seconds": 1.0},
        {"events": [], "seconds": -1.0},
    ],
)
def test_an_end_of_another_form_is_refused(end):
    reader = Reader([])
    with pytest.raises(BadMessage):
        reader.read({"kind": "finished", **end})


def test_messages_and_outputs_are_counted(monkeypatch):
    monkeypatch.setattr(messages, "_MESSAGES", 10)
    monkeypatch.setattr(messages, "NOTEBOOK_OUTPUT", 500)
    reader = Reader(CELLS)
    with pytest.raises(BadMessage, match="too many messages"):
        for _ in range(11):
            reader.read(as_content(Wanted("alive")))
    reader = Reader(CELLS)
    reader.read(as_content(CellBegun(0, 1.0)))
    with pytest.raises(BadMessage, match="too long"):
        reader.read({"kind": "done", "index": 0, "outputs": [{**STREAM, "text": "x" * 600}] * 2})


@given(TREES)
def test_whatever_is_sent_costs_the_reader_nothing_but_a_refusal(tree):
    for content in (tree, {"kind": "done", "index": 0, "outputs": tree}, {"kind": "finished", "events": tree}):
        reader = Reader(CELLS)
        reader.read(as_content(CellBegun(0, 60.0)))
        with contextlib.suppress(BadMessage):
            reader.read(content)


def test_a_text_that_pages_would_follow_is_made_harmless():
    reader = Reader(CELLS)
    reader.read(as_content(CellBegun(0, 60.0)))
    outputs = [shows({"text/latex": r"$\href{javascript:x}{a}$"}), {**ERROR, "ename": "\x1b[31mE"}]
    read = reader.read({"kind": "done", "index": 0, "outputs": outputs}).outputs
    assert r"\href" not in read[0]["data"]["text/latex"] and "\x1b" not in read[1]["ename"]
