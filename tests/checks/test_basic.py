"""What test cells call: each check passes right work, and says calmly what is different about the rest."""

import ast
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

from course_utils import checks
from course_utils.checks import (
    CheckFailed,
    assert_array,
    assert_equal,
    assert_keys,
    assert_length,
    assert_number,
    assert_tensor,
    assert_that,
    basic,
    calls,
    figures,
    gradients,
)
from tests.support.check_messages import message

# --- display -----------------------------------------------------------------------------------------------


def test_a_failed_check_is_an_assertion_error():
    # nbgrader and pytest both treat it as a failed test rather than as a crash.
    assert issubclass(CheckFailed, AssertionError)


def test_ipython_shows_the_message_and_nothing_else(capsys):
    shell = InteractiveShell()
    shell.run_cell(
        "from course_utils.checks import assert_number\n"
        "assert_number(5, 4, 'touched', 'pixels', hint='Count the corners once.')"
    )
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.strip().splitlines() == ["touched is 5 pixels, which is not right.", "Count the corners once."]


def test_jupyter_shows_the_message_and_nothing_else(tmp_path):
    source = "from course_utils.checks import assert_number\nassert_number(None, 4, 'touched', hint='Count.')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    client = NotebookClient(
        notebook,
        startup_timeout=600,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    (error,) = [output for output in notebook.cells[0].outputs if output.output_type == "error"]
    assert error.ename == "CheckFailed"
    assert error.evalue == "touched has no value yet.\nCount."
    assert error.traceback == ["touched has no value yet.", "Count."]


def test_the_hint_is_a_line_of_its_own():
    assert message(assert_number, 1, 2, "n").count("\n") == 0
    assert message(assert_number, 1, 2, "n", hint="Think again.").endswith("\nThink again.")


# --- arrays ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (np.array([1, 2]), [1.0, 2.0]),  # whole numbers for floats
        (np.array([1.0, 2.0]), [1, 2]),
        (np.array([1.0 + 1e-12]), [1.0]),
        (np.array([np.nan, np.inf]), [np.nan, np.inf]),
        (np.array(3.0), 3.0),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.array([True, False]), [True, False]),
        (np.array([1 + 2j]), [1 + 2j]),
        (np.array([1.0], dtype=np.float32), np.array([1.0], dtype=np.float64)),
    ],
)
def test_equal_arrays_pass(actual, expected):
    assert_array(actual, expected, "answer")


def test_arrays_are_compared_type_first():
    assert message(assert_array, [1, 2], [1, 2], "answer") == "answer must be a NumPy array, got a list."
    assert "got None (is a `return` missing?)" in message(assert_array, None, [1], "answer")
    assert "got `...` (not filled in yet)" in message(assert_array, ..., [1], "answer")
    assert "got a Tensor of shape (2,)" in message(assert_array, torch.zeros(2), [0, 0], "answer")
    assert "got an SVC." in message(assert_array, type("SVC", (), {})(), [0, 0], "answer")


def test_then_shape_then_dtype_then_values():
    wrong = np.zeros((2, 3), dtype=np.float32)
    all_wrong = message(assert_array, wrong, np.ones((3, 2)), "answer", check_dtype=True)
    assert all_wrong == "answer must have shape (3, 2), got (2, 3)."
    dtype_wrong = message(assert_array, wrong, np.ones((2, 3)), "answer", check_dtype=True)
    assert dtype_wrong == "answer must have dtype float64, got float32."
    assert "wrong in 6 of 6" in message(assert_array, wrong, np.ones((2, 3)), "answer")


def test_the_first_difference_is_named():
    actual, expected = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)
    actual[1, 1] = -0.5
    actual[1, 2] = 9
    text = message(assert_array, actual, expected, "answer")
    assert text == "answer is wrong in 2 of 6 entries; the first is at (1, 1): got -0.5, expected 4."
    assert "is at 1: got 7, expected 2" in message(assert_array, np.array([1, 7]), [1, 2], "answer")
    assert message(assert_array, np.array(7), 8, "answer") == "answer is wrong: got 7, expected 8."


def test_missing_numbers_are_wrong():
    assert "got nan, expected 1" in message(assert_array, np.array([np.nan]), [1.0], "answer")
    assert "got 1, expected nan" in message(assert_array, np.array([1.0]), [np.nan], "answer")


def test_texts_and_objects_in_arrays_are_no_numbers():
    assert message(assert_array, np.array(["1"]), [1], "answer").startswith("answer must hold numbers, got dtype <U1")
    assert "must hold numbers" in message(assert_array, np.array([None]), [1], "answer")


def test_tolerances_follow_the_dtype_of_the_expected_array():
    assert_array(np.array([1 + 1e-6]), np.array([1.0], dtype=np.float32), "answer")
    message(assert_array, np.array([1 + 1e-6]), np.array([1.0]), "answer")
    assert_array(np.array([1 + 1e-9]), np.array([1]), "answer")  # a float that stands for a whole number
    message(assert_array, np.array([1 + 1e-3]), np.array([1]), "answer")
    message(assert_array, np.array([10**9 + 1]), np.array([10**9]), "answer")
    assert_array(np.array([1.05]), np.array([1.0]), "answer", rtol=0.1)
    assert_array(np.array([0.05]), np.array([0.0]), "answer", atol=0.1)


def test_a_likely_mistake_gets_its_own_hint():
    mistakes = {"It is flipped.": [2, 1], "It is doubled.": [2, 4]}
    assert message(assert_array, np.array([2, 4]), [1, 2], "a", "Look.", mistakes=mistakes).endswith("\nIt is doubled.")
    assert message(assert_array, np.array([9, 9]), [1, 2], "a", "Look.", mistakes=mistakes).endswith("\nLook.")


def test_a_mistake_may_have_another_shape():
    mistakes = {"Rows and columns are swapped.": np.arange(6).reshape(3, 2).T}
    text = message(assert_array, np.arange(6).reshape(3, 2).T, np.zeros((3, 2)), "a", "Look.", mistakes=mistakes)
    assert text == "a must have shape (3, 2), got (2, 3).\nRows and columns are swapped."


def test_a_right_answer_that_equals_a_mistake_passes():
    assert_array(np.array([0, 0]), [0, 0], "a", mistakes={"It is flipped.": [0, 0]})


# --- tensors -----------------------------------------------------------------------------------------------


def test_equal_tensors_pass_even_with_a_graph():
    assert_tensor(torch.ones(2, requires_grad=True) * 2, torch.full((2,), 2.0), "answer")
    assert_tensor(torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16), "answer")
    assert_tensor(torch.tensor([True]), torch.tensor([True]), "answer")


def test_tensors_are_compared_type_shape_dtype_values():
    expected = torch.ones(2, 3)
    assert message(assert_tensor, np.ones((2, 3)), expected, "t") == (
        "t must be a torch.Tensor, got an ndarray of shape (2, 3)."
    )
    assert message(assert_tensor, torch.ones(3, 2).double(), expected, "t") == "t must have shape (2, 3), got (3, 2)."
    assert message(assert_tensor, torch.zeros(2, 3).double(), expected, "t") == (
        "t must have dtype torch.float32, got torch.float64."
    )
    assert "wrong in 6 of 6 entries; the first is at (0, 0): got 0, expected 1" in message(
        assert_tensor, torch.zeros(2, 3), expected, "t"
    )


def test_tensor_mistakes_are_recognised():
    right, flipped = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0], requires_grad=True)
    text = message(assert_tensor, flipped.detach(), right, "t", mistakes={"It is flipped.": flipped})
    assert text.endswith("\nIt is flipped.")


def test_tensor_subclasses_are_tensors():
    assert_tensor(torch.nn.Parameter(torch.ones(2)), torch.ones(2), "answer")


# --- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [4, 4.0, np.int64(4), np.float32(4), np.array(4), np.array([4.0]), torch.tensor(4), torch.tensor([[4.0]])]
)
def test_a_number_may_come_in_any_dress(value):
    assert_number(value, 4, "n")
    assert_number(value, 4.0, "n")


@pytest.mark.parametrize("value", [None, ..., "", "  "])
def test_an_empty_answer_is_called_so(value):
    assert message(assert_number, value, 4, "n") == "n has no value yet."


def test_none_from_a_call_is_a_missing_return():
    text = "size(8, stride=1) must be a number, got None (is a `return` missing?)."
    assert message(assert_number, None, 4, "size(8, stride=1)") == text
    assert message(assert_number, ..., 4, "size(8)") == "size(8) has no value yet."
    assert message(assert_equal, None, (2, 1), "np.keep(5)").endswith("a tuple, got None (is a `return` missing?).")
    assert message(assert_equal, None, "x", "name(5)").endswith("a str, got None (is a `return` missing?).")
    assert_equal(None, None, "nothing(5)")
    assert message(assert_number, None, 4, 'sizes["(a)"]') == 'sizes["(a)"] has no value yet.'


@pytest.mark.parametrize("value", [True, np.bool_(True), "4", [4], (4,), 4 + 0j, np.array([4, 4]), {}, len])
def test_other_things_are_no_numbers(value):
    assert "n must be a number, got" in message(assert_number, value, 4, "n")


def test_whole_numbers_must_be_exact_and_fractions_close():
    message(assert_number, 1_191_170.4, 1_191_170, "n")
    assert_number(0.80263, 0.802634, "n", rtol=1e-4)
    message(assert_number, 0.8027, 0.802634, "n", rtol=1e-5)
    assert_number(1e-10, 0.0, "n")
    message(assert_number, 1e-10, 0.0, "n", atol=0)
    message(assert_number, float("nan"), 1.0, "n")


def test_a_wrong_number_is_shown_with_its_unit_but_without_the_right_one():
    text = message(assert_number, 150, 156, "conv1", "parameters", hint="Count.", mistakes={"No biases.": 150})
    assert text == "conv1 is 150 parameters, which is not right.\nNo biases."
    assert "156" not in text
    assert message(assert_number, 3, 156, "conv1", hint="Count.", mistakes={"No biases.": 150}).endswith("\nCount.")


# --- plain values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ((1, 2), (1, 2)),
        ([1, 2], (1, 2)),
        ((1, [2, 3]), [1, (2, 3)]),
        ((1.0, np.int64(2)), (1, 2)),
        (np.array([1, 2]), (1, 2)),
        (np.array([1.0, 2.0]), [1, 2]),
        (torch.tensor([1, 2]), (1, 2)),
        (torch.Size([1, 2]), (1, 2)),
        ({"a": 1}, {"a": 1}),
        ("x", "x"),
        (True, True),
        ({1, 2}, {2, 1}),
        (None, None),
    ],
)
def test_equal_plain_values_pass(actual, expected):
    assert_equal(actual, expected, "answer")


@pytest.mark.parametrize(
    ("actual", "expected", "text"),
    [
        (None, (1, 2), "answer has no value yet."),
        (3, (1, 2), "answer must be a tuple, got an int."),
        ((1, 2, 3), (1, 2), "answer must have 2 entries, got 3."),
        ((2, 1), (1, 2), "answer is (2, 1), which is not right."),
        (1, True, "answer must be a bool, got an int."),
        (True, 1, "answer must be an int, got a bool."),
        ((1, 2), (1,), "answer must have 1 entry, got 2."),
        (np.zeros((1, 2)), (0, 0), "answer must be a tuple, got an ndarray of shape (1, 2)."),
        (np.array([2, 1]), (1, 2), "answer is [2, 1], which is not right."),
        (np.array([1, 2]), 3, "answer must be an int, got an ndarray of shape (2,)."),
        (np.int64(3), (3,), "answer must be a tuple, got an int64."),
        (np.uint8(3), (3,), "answer must be a tuple, got a uint8."),
        (print, "x", "answer must be a str, got a builtin_function_or_method."),
        ("y", "x", "answer is 'y', which is not right."),
        ({"a": 2}, {"a": 1}, "answer is {'a': 2}, which is not right."),
    ],
)
def test_other_values_are_described(actual, expected, text):
    assert message(assert_equal, actual, expected, "answer") == text


def test_mistakes_of_plain_values_are_recognised():
    text = message(assert_equal, [2, 1], (1, 2), "answer", "Look.", mistakes={"Turned round.": (2, 1)})
    assert text.endswith("\nTurned round.")


def test_long_values_are_cut():
    assert len(message(assert_equal, "y" * 5000, "x", "answer")) < 300


def test_objects_that_agree_with_everything_do_not_pass():
    class Agreeable:
        def __eq__(self, other):
            return True

        __hash__ = None

    for check in (assert_equal, assert_number, assert_array):
        message(check, Agreeable(), 4, "answer")
    message(assert_tensor, Agreeable(), torch.ones(1), "answer")
    message(assert_equal, (Agreeable(), 2), (1, 2), "answer")


def test_lengths():
    for value in ([1, 2], (1, 2), {"a": 1, "b": 2}, np.zeros((2, 5)), torch.zeros(2), {1, 2}):
        assert_length(value, 2, "answer")
    assert message(assert_length, [1], 2, "answer", "A pair.") == "answer must have 2 entries, got 1.\nA pair."
    assert "got None" in message(assert_length, None, 2, "answer")
    assert message(assert_length, 7, 2, "answer") == "answer must have 2 entries, got an int."
    assert message(assert_length, "ab", 2, "answer") == "answer must have 2 entries, got a str."


def test_entries_that_are_looked_up_by_place_are_in_order():
    for value in ([1, 2], (1, 2), np.zeros((2, 5))):
        assert_length(value, 2, "answer", in_order=True)
    for value, kind in (({"a": 1, "b": 2}, "dict"), ({1, 2}, "set")):
        text = message(assert_length, value, 2, "answer", in_order=True)
        assert text == f"answer must be a tuple with 2 entries, got a {kind}."
    assert message(assert_length, [1], 0, "answer", in_order=True) == "answer must have 0 entries, got 1."


def test_the_names_of_a_dict():
    assert_keys({"a": 1, "b": 2}, ["a"], "sizes")
    assert message(assert_keys, {"A": 1}, ["a"], "sizes", "As in the text.") == (
        "sizes has no entry 'a'; it holds 'A'.\nAs in the text."
    )
    assert message(assert_keys, {}, ["a"], "sizes") == "sizes has no entry 'a'; it holds nothing."
    assert message(assert_keys, [("a", 1)], ["a"], "sizes") == "sizes must be a dict, got a list."
    assert message(assert_keys, dict, ["a"], "sizes") == "sizes must be a dict, got a type."
    assert message(assert_keys, None, ["a"], "sizes") == "sizes has no value yet."
    assert len(message(assert_keys, dict.fromkeys(range(1000)), ["a"], "sizes")) < 300


def test_a_fact_is_true_or_it_is_told():
    assert_that(True, "It must be.")
    assert_that(np.float64(2) > 1, "It must be.")
    assert message(assert_that, False, "fit must return a dict.", "Return the history.") == (
        "fit must return a dict.\nReturn the history."
    )
    assert message(assert_that, np.bool_(False), "It must be.") == "It must be."


@pytest.mark.parametrize(
    "fact", [None, 1, "True", [True], torch.tensor(True), type("Agrees", (), {"__eq__": lambda *_: True})()]
)
def test_what_only_counts_as_true_is_no_fact(fact):
    assert message(assert_that, fact, "It must be.") == "It must be."


# --- the module itself -------------------------------------------------------------------------------------


def test_every_check_is_exported():
    modules = (basic, calls, figures, gradients)
    own_modules = {"assert_leaves_nothing", "assert_sealed"}
    defined = {name for module in modules for name in module.__all__}
    of_the_course = {"once", "speak_of", "compare", "same"}
    assert (defined | own_modules | {"CheckFailed", "NotGradable"}) - of_the_course == set(checks.__all__)


def test_checks_do_not_import_the_graders_half():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(checks.__file__).parent.glob("*.py")]
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules = {node.module or "" for node in found}
    assert len(trees) > 5
    assert not any(
        name.startswith(f"course_utils.{part}")
        for name in modules
        for part in ("grading", "classroom", "handins", "platforms", "stages", "command", "report")
    )
