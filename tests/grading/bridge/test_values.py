"""Everything that crosses by value arrives as it was sent; everything else is refused, and nothing is ever run."""

from __future__ import annotations

import builtins
import collections
import json
import math
import pickle
import subprocess
import sys
import tracemalloc
from fractions import Fraction

import cloudpickle
import numpy as np
import pytest
import sympy
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from course_utils.grading.bridge import reading
from course_utils.grading.bridge.reading import loads
from course_utils.grading.bridge.tree import TORCH_DTYPES, Limits, ValueRefused
from course_utils.grading.bridge.writing import dumps

Point = collections.namedtuple("Point", "x y")


def frames_of(tree, *buffers) -> list[bytes]:
    return [json.dumps(tree).encode(), *buffers]


def alike(one, other) -> bool:
    """Whether two values have the same types, entries and order, with NaN equal to NaN."""
    if type(one) is not type(other):
        return type(one).__name__ == type(other).__name__ == "Point" and alike(tuple(one), tuple(other))
    if isinstance(one, np.ndarray | np.generic):
        same = one.dtype == other.dtype and one.shape == other.shape
        return same and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    if isinstance(one, torch.Tensor):
        same = one.dtype == other.dtype and one.shape == other.shape and one.requires_grad == other.requires_grad
        return same and torch.equal(one.detach().nan_to_num(7.0), other.detach().nan_to_num(7.0))
    if isinstance(one, slice):
        return alike((one.start, one.stop, one.step), (other.start, other.stop, other.step))
    if isinstance(one, dict):
        return alike(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, set | frozenset):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return repr(one) == repr(other)


def is_listable(numbers: range) -> bool:
    return not numbers or abs(numbers[-1] - numbers.start) < Limits().nodes * abs(numbers.step)


whole = st.integers() | st.integers(-(2**6000), 2**6000)
plain = st.one_of(
    st.none(),
    st.booleans(),
    whole,
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(codec=None)),  # lone surrogates included
    st.binary(),
    st.fractions(),
    st.just(...),
    st.builds(range, whole, whole, whole.filter(bool)).filter(is_listable),
    st.sampled_from([torch.float32, torch.complex128, torch.device("cpu"), torch.Size((2, 3)), np.dtype("<f4")]),
)
dtypes = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="=")
    | hnp.unsigned_integer_dtypes(endianness="=")
    | hnp.floating_dtypes(endianness="=")
    | hnp.complex_number_dtypes(endianness="=", sizes=(64, 128))
    | hnp.unicode_string_dtypes(endianness="=")
    | hnp.byte_string_dtypes(endianness="=")
)
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=3))


def containers(entries):
    return st.one_of(
        st.lists(entries, max_size=4),
        st.lists(entries, max_size=4).map(tuple),
        st.dictionaries(st.integers() | st.text() | st.tuples(st.text(), st.integers()), entries, max_size=4),
        st.sets(st.integers() | st.text() | st.binary(), max_size=4),
        st.frozensets(st.integers() | st.text(), max_size=4),
        st.builds(slice, entries, entries, entries),
        st.builds(Point, entries, entries),
    )


@given(st.recursive(plain | arrays, containers, max_leaves=8))
@example(-0.0)
@example([math.nan, math.inf, -math.inf, 2**53, -(2**53), True, 1])
@example(np.str_(""))
@example(np.array([], dtype="U"))
@example(np.float64(1.5))
@example(np.longdouble("1.1"))
def test_values_arrive_as_they_were_sent(value):
    assert alike(loads(dumps(value)), value)


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=3)),
    st.sampled_from(TORCH_DTYPES),
    st.booleans(),
    st.booleans(),
)
def test_tensors_arrive_with_dtype_shape_and_gradient(array, dtype, wants_gradient, parameter):
    tensor = torch.from_numpy(array).nan_to_num(3.0).clamp(-100, 100).to(getattr(torch, dtype))
    if wants_gradient and (tensor.is_floating_point() or tensor.is_complex()):
        tensor.requires_grad_()
        tensor.grad = torch.ones_like(tensor)
        tensor = torch.nn.Parameter(tensor.detach()) if parameter else tensor
    arrived = loads(dumps(tensor))
    assert alike(arrived, tensor)
    assert alike(arrived.grad, tensor.grad)


def test_a_copy_arrives_that_can_be_written_to():
    array, tensor = loads(dumps([np.zeros(2), torch.zeros(2)]))
    array += 1
    tensor += 1
    assert array.tolist() == tensor.tolist() == [1, 1]


def test_subclasses_arrive_as_the_plain_kind():
    class Loud(str):
        def __eq__(self, other):
            raise RuntimeError("never asked")

        __hash__ = str.__hash__

    sent = [Loud("a"), collections.OrderedDict(b=1), collections.Counter("aab"), bytearray(b"c")]
    arrived = loads(dumps(sent))
    assert arrived == ["a", {"b": 1}, {"a": 2, "b": 1}, b"c"]
    assert [type(entry) for entry in arrived] == [str, dict, dict, bytes]


def test_a_named_tuple_keeps_its_names():
    arrived = loads(dumps(Point(1, 2)))
    assert (arrived.x, arrived.y, type(arrived).__name__) == (1, 2, "Point")


def test_a_named_tuple_is_a_tuple_that_can_be_sent_on():
    arrived = loads(dumps([Point(1, 2), Point(3, 4)]))
    assert arrived == [(1, 2), (3, 4)]
    assert type(arrived[0]) is type(arrived[1])
    assert arrived[0]._asdict() == {"x": 1, "y": 2}
    assert repr(arrived[1]) == "Point(x=3, y=4)"
    assert pickle.loads(cloudpickle.dumps(arrived[1])).y == 4
    assert dumps(arrived) == dumps([Point(1, 2), Point(3, 4)])


@pytest.mark.parametrize("names", [["count", "index"], ["mro", "x"], ["self", "cls"], ["é", "x"]], ids=str)
def test_fields_of_any_name_stay_fields(names):
    kind = collections.namedtuple("Odd", names)
    arrived = loads(dumps(kind(1, 2)))
    assert [getattr(arrived, name) for name in names] == [1, 2]


def test_nothing_is_run_or_imported_to_read_a_value():
    """In a process of its own: a hook can't be taken off again, and nothing else may import meanwhile."""
    expression = sympy.log(sympy.Symbol("x")) + sympy.Function("exit")(1)
    arrays = [np.longdouble(1), np.zeros(2), np.dtype("<f4"), torch.device("cuda:1"), torch.ones(2, requires_grad=True)]
    frames = dumps([Point(1, 2), *arrays, Fraction(1, 3), 1j, expression, math.nan])
    program = """
import sys, torch, pickle
from course_utils.grading.bridge.reading import loads
frames = pickle.load(sys.stdin.buffer)
seen = []
sys.addaudithook(lambda event, args: seen.append(event))
got = loads(frames)
print([event for event in seen if event.split(".")[0] in
       ("compile", "exec", "import", "open", "os", "subprocess", "socket", "ctypes", "code", "pickle", "marshal")])
print("sympy" in sys.modules, got[0].y, got[-2])
"""
    done = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(frames), capture_output=True)
    assert done.stdout.decode().splitlines() == ["[]", "False 2 exit(1) + log(x)"], done.stderr.decode()


def test_other_objects_go_by_handle_and_are_never_pickled():
    class Trap:
        def __reduce_ex__(self, protocol):
            raise AssertionError("pickled")

    seen = []
    trap = Trap()
    frames = dumps({"a": [trap]}, lambda thing: seen.append(thing) or {"t": "handle", "id": 7})
    assert seen == [trap]
    assert loads(frames, lambda tree: tree["id"]) == {"a": [7]}
    with pytest.raises(ValueRefused, match="an object was sent where a value is expected"):
        loads(frames)


recursive: list = []
recursive.append({"again": recursive})
deep = []
for _ in range(100):
    deep = [deep]
small = Limits(size=1000, nodes=50, depth=10)


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (b"x" * 1001, small, "more than 1,000 bytes"),
        ("x" * 1001, small, "more than 1,000 bytes"),
        (["x" * 600, "y" * 600], small, "more than 1,000 bytes"),
        (np.broadcast_to(0.0, (10**9, 10**6)), None, "more than 268,435,456 bytes"),
        (torch.zeros(1).expand(10**9), None, "more than 268,435,456 bytes"),
        (list(range(60)), small, "more than 50 entries"),
        (deep, None, "more than 60 levels"),
        (recursive, None, "contains itself"),
        pytest.param(1 << 20_000, None, "integer of 20,001 bits is too large", id="long integer"),
        (object(), None, "type object can't be written"),
        (len, None, "can't be written"),
        (np.array([object()]), None, "type ndarray can't be written"),
        (np.datetime64("2020-01-01"), None, "can't be written"),
        (np.zeros(2, dtype=[("a", int)]), None, "can't be written"),
        (torch.zeros(2, device="meta"), None, "type Tensor can't be written"),
        (torch.eye(2).to_sparse(), None, "type Tensor can't be written"),
    ],
)
def test_what_cannot_be_sent_is_refused(value, limits, message):
    with pytest.raises(ValueRefused, match=message):
        dumps(value, limits=limits)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "is empty"),
        ([b"\xff\xfe"], "can't be read"),
        ([b"[" * 100_000], "can't be read"),
        ([b"9" * 10_000], "can't be read"),
        (frames_of([1]), "unknown form"),
        (frames_of({"v": 1}), "unknown form"),
        (frames_of({"t": ["list"]}), "unknown form"),
        (frames_of({"t": "function", "v": "print"}), "unknown kind 'function'"),
        (frames_of({"t": "handle", "id": 1}), "an object was sent"),
        (frames_of({"t": "list"}), "KeyError"),
        (frames_of({"t": "list", "v": {"0": 1}}), "a list is expected"),
        (frames_of({"t": "int", "v": "f" * 5000}), "too large"),
        (frames_of({"t": "int", "v": 3}), "a text is expected"),
        (frames_of({"t": "float", "v": "1 + 1"}), "not written as one"),
        (frames_of({"t": "bytes", "b": 0}), "a buffer is missing"),
        (frames_of({"t": "bytes", "b": -1}, b"a"), "a buffer is missing"),
        (frames_of({"t": "bytes", "b": True}, b"a", b"b"), "a whole number"),
        (frames_of({"t": "str", "b": 0}, b"\xff"), "can't be read"),
        (frames_of({"t": "range", "v": [0, 1, 0]}), "can't be read"),
        (frames_of({"t": "range", "v": [0, "1", 2]}), "a whole number"),
        (frames_of({"t": "range", "v": [0, 10**9, 1]}), "a range of more than 1,000,000 numbers"),
        (frames_of({"t": "range", "v": [0, {"t": "int", "v": hex(-(2**9000))}, -1]}), "a range of more than"),
        (frames_of({"t": "slice", "v": [1]}), "can't be read"),
        (frames_of(2**60), "an integer is not written as one"),
        (frames_of({"t": "int", "v": "0x_f"}), "not written as one"),
        (frames_of({"t": "int", "v": " 7"}), "not written as one"),
        (frames_of({"t": "float", "v": "0x1p" + "9" * 100_000}), "not written as one"),
        (frames_of({"t": "float", "v": "1" * 10_000_000}), "not written as one"),
        (frames_of({"t": "complex", "v": ["0x1.8p+0", "0x" + "1" * 10**6]}), "not written as one"),
        (frames_of({"t": "fraction", "v": [1, 0]}), "positive denominator"),
        (frames_of({"t": "dict", "v": [[{"t": "list", "v": []}, 1]]}), "unhashable"),
        (frames_of({"t": "set", "v": [{"t": "dict", "v": []}]}), "unhashable"),
        (frames_of({"t": "namedtuple", "n": "A", "f": ["x"], "v": [1, 2]}), "impossible names"),
        (frames_of({"t": "namedtuple", "n": "A", "f": ["__class__"], "v": [1]}), "impossible names"),
        (frames_of({"t": "namedtuple", "n": "A", "f": ["x=print('run')"], "v": [1]}), "impossible names"),
        (frames_of({"t": "namedtuple", "n": "A", "f": ["x", "x"], "v": [1, 2]}), "impossible names"),
        (frames_of({"t": "namedtuple", "n": "A", "f": [], "v": {}}), "a list is expected"),
        (frames_of({"t": "handle", "id": 1, "bases": "x"}), "an object was sent"),
        (frames_of({"t": "dtype", "v": "nn"}), "unknown dtype"),
        (frames_of({"t": "device", "v": "cpu:-1"}), "unknown device"),
        (frames_of({"t": "npdtype", "v": "(9,9)f4"}), "unknown dtype"),
        (frames_of({"t": "npdtype", "v": "()f4"}), "unknown dtype"),
        (frames_of({"t": "npdtype", "v": "V8"}), "unknown dtype"),
        (frames_of({"t": "npdtype", "v": "M8[s]"}), "unknown dtype"),
        (frames_of({"t": "array", "d": "<U1", "s": [1], "b": 0}, b"\xff\xff\xff\xff"), "unknown character"),
        (frames_of({"t": "device", "v": "elsewhere"}), "unknown device"),
        (frames_of({"t": "size", "v": [2.5]}), "a whole number"),
        (frames_of({"t": "size", "v": [{"t": "int", "v": hex(2**70)}]}), "an impossible size"),
        (frames_of({"t": "npdtype", "v": "O"}), "unknown dtype"),
        (frames_of({"t": "npdtype", "v": "i4,i4"}), "unknown dtype"),
        (frames_of({"t": "array", "d": "O", "s": [1], "b": 0}, b"12345678"), "unknown dtype"),
        (frames_of({"t": "array", "d": "<f8", "s": [2], "b": 0}, b"12345678"), "do not fit its shape"),
        (frames_of({"t": "array", "d": "<f8", "s": [-1], "b": 0}, b"12345678"), "impossible shape"),
        (frames_of({"t": "array", "d": "<f8", "s": [1] * 33, "b": 0}, b"12345678"), "impossible shape"),
        (
            frames_of({"t": "array", "d": "<f8", "s": [0, 2**52], "b": 0}, b""),
            "without entries whose shape is too large",
        ),
        (frames_of({"t": "tensor", "d": "save", "s": [], "b": 0}, b""), "unknown dtype"),
        (
            frames_of({"t": "tensor", "d": "float32", "s": [0, 2**52, 2**52], "b": 0}, b""),
            "without entries whose shape",
        ),
        (frames_of({"t": "tensor", "d": "float32", "s": [3], "b": 0}, b"1234"), "do not fit its shape"),
        (frames_of({"t": "tensor", "d": "float32", "s": [1], "b": 0, "g": 1, "grad": 5}, b"1234"), "buffer is missing"),
        (['{"t": "none"}'.encode("utf-16-le")], "can't be read"),
        ([b"\xff\xfe{\x00"], "can't be read"),
    ],
)
def test_what_is_no_value_is_refused(frames, message):
    with pytest.raises(ValueRefused, match=message):
        loads(frames)


prime = 2**61 - 1  # Python's hash of a number is its remainder by this


@pytest.mark.parametrize(
    "keys",
    [
        [prime * k for k in range(3_000)],
        [Fraction(prime * k + 1, 1) for k in range(100)],
        [(1, prime * k) for k in range(100)],
        [frozenset([prime * k]) for k in range(100)],
        [2.0 ** (61 * k) for k in range(16)],
        [sympy.Integer(prime * k) + sympy.Symbol("x") for k in range(1, 100)],
        list(range(1_001)),
    ],
    ids=["integers", "fractions", "tuples", "sets", "floats", "expressions", "too many"],
)
def test_keys_whose_hashes_are_chosen_are_refused(keys, monkeypatch):
    monkeypatch.setattr(reading, "_ODD_KEYS", 1000)
    tree, *buffers = dumps(keys)
    listed = json.loads(tree)["v"]
    for forged in ({"t": "set", "v": listed}, {"t": "frozenset", "v": listed},
                   {"t": "dict", "v": [[key, 1] for key in listed]}):  # fmt: skip
        with pytest.raises(ValueRefused, match=r"can't be told apart|keys that are no texts"):
            loads(frames_of(forged, *buffers))


def test_usual_keys_are_kept(monkeypatch):
    for keys in (range(20_000), [-1, -2, 0.5, True, False, None], [(a, b) for a in range(100) for b in range(100)]):
        assert loads(dumps(dict.fromkeys(keys, 1))) == dict.fromkeys(keys, 1)
    texts = {str(k): k for k in range(20_000)}
    monkeypatch.setattr(reading, "_ODD_KEYS", 10)
    assert loads(dumps(texts)) == texts


def test_brackets_are_counted_before_they_are_made():
    for text in (b"[" + b"[]," * 9_000_000 + b"1]", b'{"t":"list","v":[' + b"1," * 9_000_000 + b"1]}"):
        tracemalloc.start()
        with pytest.raises(ValueRefused, match="more than 1,000,000 entries"):
            loads([text])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 * len(text)


def test_long_texts_with_many_commas_are_no_crowd():
    text = "1,2,3;" * 2_000_000
    assert loads(dumps({text[:5000]: [text]})) == {text[:5000]: [text]}


def test_extended_numbers_that_are_none_become_nan():
    array = np.longdouble([1.5])
    if array.dtype.itemsize != 16:
        pytest.skip("no 80-bit numbers here")
    # An exponent without the leading bit of the mantissa: no processor writes that.
    forged = frames_of({"t": "array", "d": "<f16", "s": [1], "b": 0}, b"\x01" * 7 + b"\x01\xff\x3f" + bytes(6))
    assert np.isnan(loads(forged)).all()
    assert loads(dumps(array)) == array


def test_handles_are_described_in_short_texts():
    seen = []
    tree = {"t": "handle", "id": 3, "kind": "object", "type": "T" * 5000, "bases": ["b" * 5000] * 500, "more": [1]}
    loads(frames_of(tree), seen.append)
    assert seen == [{"t": "handle", "id": 3, "kind": "object", "type": "T" * 200, "bases": ["b" * 200] * 30}]
    for wrong in ({"id": "3"}, {"kind": [[]]}, {"type": {"a": 1}}, {"bases": [1]}):
        with pytest.raises(ValueRefused):
            loads(frames_of(tree | wrong), seen.append)
    crowd = {"t": "list", "v": [{"t": "handle", "id": 1, "type": f"T{n}"} for n in range(300)]}
    with pytest.raises(ValueRefused, match="more than 200 kinds"):
        loads(frames_of(crowd), seen.append)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"x" * 2000, "takes 2,.* bytes; at most 1,000 are allowed"),
        (list(range(60)), "more than 50 entries"),
        ([[[[[[[[[[[[]]]]]]]]]]]], "more than 10 levels"),
    ],
)
def test_the_reader_has_limits_of_its_own(value, message):
    with pytest.raises(ValueRefused, match=message):
        loads(dumps(value), limits=small)


def test_one_buffer_named_again_and_again_does_not_grow():
    array = {"t": "array", "d": "|u1", "s": [400], "b": 0}
    with pytest.raises(ValueRefused, match="at most 1,000 are allowed"):
        loads(frames_of({"t": "list", "v": [array] * 3}, b"x" * 400), limits=Limits(size=1000))


def test_nothing_is_unpickled_or_evaluated(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("it was run")

    pickled = pickle.dumps(np.random.default_rng(0))
    everything = dumps([1, "eval('1')", {"a": (1.5, b"x")}, np.arange(3), torch.ones(2), sympy.Symbol("exit()")])
    with monkeypatch.context() as patched:
        for name in ("eval", "exec", "compile"):
            patched.setattr(builtins, name, refuse)
        for module, name in ((pickle, "loads"), (pickle, "Unpickler"), (torch, "load"), (np, "load")):
            patched.setattr(module, name, refuse)
        loads(everything)
        kept = loads(frames_of({"t": "bytes", "b": 0}, pickled))
        with pytest.raises(ValueRefused):
            loads([pickled])
    assert kept == pickled


# Trees as a forger might write them: right tags, wrong contents, and the other way round.
tags = [name.removeprefix("_read_") for name in dir(reading._Reader) if name.startswith("_read_")]
junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | whole
words = st.sampled_from(
    ["x", "y", "f4", "<f8", "U3", "O", "float32", "int64", "cpu", "cuda:9", "ff", "-1", "nan", "0x"]
)


def forged(entries):
    listed = st.lists(entries, max_size=4)
    fields = {"v": listed | entries, "b": st.integers(-2, 3), "s": st.lists(st.integers(-1, 3) | whole, max_size=4)}
    fields |= {"d": words, "n": words | junk, "f": st.lists(words, max_size=3) | words, "i": junk, "g": junk, "p": junk}
    fields |= {"grad": st.integers(-1, 3), "a": st.dictionaries(words, st.booleans(), max_size=2)}
    return st.fixed_dictionaries({"t": st.sampled_from(tags)}, optional=fields) | listed


@given(st.recursive(junk | words, forged, max_leaves=10), st.lists(st.binary(max_size=16), max_size=3))
def test_forged_values_are_read_or_refused(tree, buffers):
    try:
        loads(frames_of(tree, *buffers), limits=small)
    except ValueRefused as refusal:
        assert len(str(refusal)) < 500


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_noise_is_read_or_refused(frames):
    with_reason = False
    try:
        loads(frames)
    except ValueRefused as refusal:
        with_reason = bool(str(refusal))
    else:
        with_reason = json.loads(frames[0]) is not Ellipsis
    assert with_reason


samples = dumps(
    {
        "a": [1, 2**70, -0.5, "é", b"bytes", 1j],
        "b": np.arange(6.0).reshape(2, 3),
        "c": torch.ones(2, requires_grad=True),
    }
    | {
        "d": (Fraction(1, 3), range(3), slice(1, None), Point(1, 2)),
        "e": {1, 2},
        "f": sympy.sqrt(2) * sympy.Symbol("x"),
    }
)


@given(st.data())
def test_damaged_values_are_read_or_refused(data):
    frames = [bytearray(frame) for frame in samples]
    for _ in range(data.draw(st.integers(1, 4))):
        frame = frames[data.draw(st.integers(0, len(frames) - 1) | st.just(0))]
        if frame:
            position = data.draw(st.integers(0, len(frame) - 1))
            frame[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        loads([bytes(frame) for frame in frames])
    except ValueRefused as refusal:
        assert str(refusal)


def test_a_fraction_and_a_slice_arrive():
    assert loads(dumps([Fraction(-2, 3), slice(1, None, 2)])) == [Fraction(-2, 3), slice(1, None, 2)]
