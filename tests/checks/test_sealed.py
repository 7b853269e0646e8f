"""Sealed answers: right values pass, usual mistakes have their sentence, and nothing can be read."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.checks import CheckFailed, assert_number, assert_sealed, basic, sealed
from course_utils.errors import CourseError


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Hash at a hundredth of the cost."""
    monkeypatch.setattr(sealed, "_COST", 2**4)
    monkeypatch.setattr(sealed, "_LESS", 2**4)


def sealed_text(check, expected, name="total", **others):
    return sealed.pack([sealed.seal(check, expected, name, **others)])


def said(answer, text, name="total"):
    with pytest.raises(CheckFailed) as caught:
        assert_sealed(answer, name, text)
    return str(caught.value)


MISTAKES = {"The biases are missing.": 61_470, "This is one layer.": 48_120}


def test_a_number_is_right_a_usual_mistake_or_wrong():
    text = sealed_text("assert_number", 61_706, mistakes=MISTAKES, hint="Add up all layers.", unit="parameters")
    for right in (61_706, 61_706.0, np.int64(61_706), np.array([61_706]), torch.tensor(61_706)):
        assert_sealed(right, "total", text)
    assert said(61_470, text) == "total is 61470 parameters, which is not right.\nThe biases are missing."
    assert said(48_120.0, text).endswith("\nThis is one layer.")
    assert said(61_707, text) == "total is 61707 parameters, which is not right.\nAdd up all layers."
    assert said(..., text) == "total has no value yet.\nAdd up all layers."
    assert said(True, text).startswith("total must be a number, got a bool.")
    assert said("61706", text).startswith("total must be a number")


def test_nothing_can_be_read():
    text = sealed_text("assert_number", 61_706, mistakes=MISTAKES)
    inside = zlib.decompress(base64.b64decode(text)).decode()
    for number in (61_706, *MISTAKES.values()):
        assert str(number) not in inside and f"{number:x}" not in inside
    assert "biases" not in inside and "layer" not in inside
    # Neither which seal is the right one, nor how many digits the numbers have.
    mixed = sealed_text("assert_number", 850, mistakes={"One.": 1_088_418, "A much longer sentence, with 850.": 10**9})
    content = json.loads(zlib.decompress(base64.b64decode(mixed)))
    assert len({len(box) for _, box in content["answers"]["total"]["seals"]}) == 1
    assert len({len(box) for box in content["sentences"]}) == 1


def test_the_grid_of_an_array_says_nothing_of_its_entries():
    whole = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]] * 4)
    for array, known in ((whole, 0), (whole + 0.37, 2)):
        content = json.loads(zlib.decompress(base64.b64decode(sealed_text("assert_array", array, atol=5e-3))))
        ((grid, _),) = content["answers"]["total"]["seals"]
        assert len(grid or ()) == known


def test_a_sentence_cant_be_confirmed_by_its_words():
    one, other = (sealed_text("assert_number", n, mistakes={"The biases are missing.": 61_470}) for n in (61_706, 777))
    boxes = [set(json.loads(zlib.decompress(base64.b64decode(text)))["sentences"]) for text in (one, other)]
    assert not boxes[0] & boxes[1]


def test_the_same_source_is_sealed_as_the_same_text():
    assert sealed_text("assert_number", 22.22, rtol=2e-3) == sealed_text("assert_number", 22.22, rtol=2e-3)


@settings(max_examples=300)
@given(
    st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-6),
    st.sampled_from([(1e-6, 1e-9), (2e-3, 1e-9), (2e-3, 0.0), (0.0, 5e-3), (1e-2, 1e-3)]),
    st.floats(-1, 1),
)
def test_rounding_costs_no_right_answer(expected, tolerances, share):
    rtol, atol = tolerances
    text = sealed_text("assert_number", expected, guessable=True, rtol=rtol, atol=atol)
    answer = expected + share * max(rtol * abs(expected), atol)
    try:
        assert_number(answer, expected, "total", rtol=rtol, atol=atol)
    except CheckFailed:
        assert "not right" in said(answer, text)
    else:
        assert_sealed(answer, "total", text)


@settings(max_examples=150)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=6), st.floats(-1, 1), st.integers(0, 5))
def test_arrays_pass_within_their_tolerance_and_not_beyond(values, share, at):
    expected = np.array([20.53, *values])
    text = sealed_text("assert_array", expected, rtol=1e-3, atol=1e-3)
    near = expected + 0.99 * share * (1e-3 + 1e-3 * np.abs(expected))
    assert_sealed(near, "total", text)
    far = expected.copy()
    far[at % len(far)] += 1.1 * (1e-3 + 1e-3 * abs(far[at % len(far)]))
    assert said(far, text) == f"total has the right shape {far.shape}, and values that are not all right."


def test_arrays_and_tensors_are_told_of_shape_and_dtype_first():
    rows = np.array([[-1, 0, 1, 30], [0, -1, 0, 1]])
    text = sealed_text("assert_array", rows, mistakes={"Turned round.": -rows, "Rows and columns.": rows.T})
    assert_sealed(rows, "total", text)
    assert_sealed(rows.astype(float) + 1e-9, "total", text)
    assert said(-rows, text).endswith("\nTurned round.")
    assert said(rows.T, text) == "total must have shape (2, 4), got (4, 2).\nRows and columns."
    assert said(rows[:1], text) == "total must have shape (2, 4), got (1, 4)."
    assert said(rows.tolist(), text).startswith("total must be a NumPy array")
    tensor = torch.tensor([0.128, 7.53])
    text = sealed_text("assert_tensor", tensor, mistakes={"Half of it.": tensor / 2})
    assert_sealed(tensor + 1e-7, "total", text)
    assert said(tensor / 2, text).endswith("\nHalf of it.")
    assert said(tensor.double(), text) == "total must have dtype float32, got float64."


@pytest.mark.parametrize(
    ("expected", "others", "wrong"),
    [
        ((6, 28, 28), [[6, 28, 28], np.array([6, 28, 28]), torch.Size([6, 28, 28])], (28, 28, 6)),
        ({"conv1": 156, "pool1": 0}, [{"pool1": 0.0, "conv1": 156}], {"conv1": 150, "pool1": 0}),
        ([("a", 12), ("b", 34)], [[["a", 12], ["b", 34]]], [("a", 34), ("b", 12)]),
        ({3, 40, 500}, [frozenset({500, 40, 3})], {3, 40}),
    ],
)
def test_plain_values_are_compared_as_python_does(expected, others, wrong):
    text = sealed_text("assert_equal", expected, mistakes={"A usual one.": wrong})
    for right in (expected, *others):
        basic.assert_equal(right, expected, "total")
        assert_sealed(right, "total", text)
    assert said(wrong, text).endswith("\nA usual one.")


def test_several_answers_of_one_check_share_their_sentences():
    answers = [
        sealed.seal("assert_number", n, f"f({n})", mistakes={"Too small.": n - 1, "Too large.": n + 1})
        for n in (1000, 2000)
    ]
    text = sealed.pack(answers)
    assert_sealed(2000, "f(2000)", text)
    assert said(1001, text, "f(1000)").endswith("\nToo large.")
    assert len(json.loads(zlib.decompress(base64.b64decode(text)))["sentences"]) == 2


def test_a_right_answer_beside_a_mistake_is_right():
    text = sealed_text("assert_number", 22.22, mistakes={"Nearly.": 22.22001, "Below.": 22.21999})
    for answer in (22.22, 22.220001, 22.219999):
        assert_sealed(answer, "total", text)
    assert said(22.22003, text).endswith("\nNearly.")


def test_of_two_mistakes_nearby_the_first_is_told():
    text = sealed_text("assert_number", 500.5, mistakes={"First.": 100.25, "Second.": 100.25005})
    assert said(100.2501, text).endswith("\nFirst.")


@pytest.mark.parametrize(
    ("expected", "right", "wrong"),
    [
        (["conv", 12345], [np.str_("conv"), 12345], ["Conv", 12345]),
        ({"a": (12, 345)}, {"a": (12, 345)}, {"a": [12, 345]}),
        ([123, 45.5], [123 + 0j, 45.5], [123, 45]),
        ((1234, 5), [np.int64(1234), 5], np.int64(7)),
    ],
)
def test_it_decides_as_the_check_does(expected, right, wrong):
    text = sealed_text("assert_equal", expected)
    for answer in (right, wrong):
        try:
            basic.assert_equal(answer, expected, "total")
        except CheckFailed:
            assert said(answer, text).startswith("total ")
        else:
            assert_sealed(answer, "total", text)


@pytest.mark.parametrize("answer", [float("inf"), float("nan"), -(10**400), 1e308, np.float32(61_706)])
def test_odd_numbers_end_in_a_sentence(answer):
    for text in (sealed_text("assert_number", 61_707), sealed_text("assert_number", 617.5)):
        assert "which is not right" in said(answer, text)


def test_what_two_mistakes_share_is_told_with_the_first_sentence():
    text = sealed_text("assert_number", 1000, mistakes={"First.": 50, "Second.": 50, "Right, too.": 1000})
    assert said(50, text).endswith("\nFirst.")
    assert_sealed(1000, "total", text)


@pytest.mark.parametrize(
    ("check", "expected", "reason"),
    [
        ("assert_equal", True, "total: 2 tries find this one"),
        ("assert_number", 30, "31 tries find this one"),
        ("assert_equal", [True] * 4, "16 tries find this one"),
        ("assert_equal", "b", "2 tries find this one"),
        ("assert_number", float("inf"), "inf can't be sealed"),
        ("assert_array", [1.5, float("nan")], "real, finite numbers"),
        ("assert_equal", [object()], "can be sealed, not"),
        ("assert_array", np.array([1j, 2]), "up to 4096 real"),
        ("assert_array", np.zeros(5000), "up to 4096 real"),
    ],
)
def test_what_cant_be_sealed_is_told_to_the_author(check, expected, reason):
    with pytest.raises(CourseError, match=reason):
        sealed.seal(check, expected, "total")


def test_two_answers_of_one_name_are_told_to_the_author():
    with pytest.raises(CourseError, match="give each its own name"):
        sealed.pack([sealed.seal("assert_number", n, "total") for n in (1000, 1001)])


def test_a_changed_cell_is_named():
    text = sealed_text("assert_number", 61_706)
    assert "nothing is sealed under 'sum'" in said(1, text, "sum")
    assert "damaged" in said(1, text[:-8] + "AAAAAAA=")
    assert "damaged" in said(1, "no base64")


def test_a_guess_takes_a_while(monkeypatch):
    """The cost is that of the release, and it is scrypt that pays it."""
    monkeypatch.undo()
    assert sealed._COST * 8 * 128 >= 16 << 20
    costs = []
    genuine = sealed.hashlib.scrypt
    monkeypatch.setattr(sealed.hashlib, "scrypt", lambda *a, **k: costs.append(k["n"]) or genuine(*a, **k))
    assert_sealed(61_706, "total", sealed_text("assert_number", 61_706))
    assert costs == [sealed._COST] * 2
