"""The text of a test cell as students receive it where its answers are sealed."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell

from course_utils.notebooks.finding import Finder, StudentCell, added, released
from course_utils.notebooks.sealed_cells import as_released, count, problem, recording, without_seals

SOURCE = '''"""Visible checks (1 point): the total."""
layers = [(3, 4), (4, 5)]
counts = [i * o for i, o in layers]
slips = {"One is missing.": counts[0]}
# What it must be.
assert_number(
    total,
    sum(counts),
    "total",
    mistakes=slips,
)
assert_keys(table, ["a"], "table", hint="Its keys are the names.")
for n, k in [(9, 4), (8, 3)]:
    windows = n - k + 1  # where they start
    label = f"size({n}, {k})"
    assert_number(size(n, k), windows, label)
scene = np.arange(6.0)
expected = twin(scene)
answer = smooth(scene)
assert_array(answer, expected, "smooth(scene)", mistakes={"Unchanged.": scene})
if len(answer):
    assert_equal(names, ["x"], "names")
else:
    print("nothing")
print("check passed")'''

RELEASED = '''"""Visible checks (1 point): the total."""
from course_utils.checks import assert_sealed
assert_sealed(total, 'total', "")
assert_keys(table, ["a"], "table", hint="Its keys are the names.")
for n, k in [(9, 4), (8, 3)]:
    label = f"size({n}, {k})"
    assert_sealed(size(n, k), label, "")
scene = np.arange(6.0)
answer = smooth(scene)
assert_sealed(answer, 'smooth(scene)', "")
if len(answer):
    assert_sealed(names, 'names', "")
else:
    print("nothing")
print("check passed")'''


SEALS = [letter * 60 + "==" for letter in "abcd"]


def test_only_what_checks_need_is_left():
    assert as_released(SOURCE) == RELEASED


def test_seals_stand_in_the_order_in_which_checks_are_recorded():
    assert count(SOURCE) == 4
    text = as_released(SOURCE, SEALS)
    assert sorted(SEALS, key=text.index) == SEALS
    assert without_seals(text) == RELEASED


def test_each_check_is_recorded_with_all_it_was_given():
    recorded = []
    names = {
        "_record_sealed": lambda number, check, *given, **more: recorded.append((number, check, given, more)),
        "assert_number": "number",
        "total": 32,
        "size": lambda n, k: n - k + 1,
    }
    exec(recording(SOURCE.partition("assert_keys")[0]), names)
    assert recorded == [(0, "number", (32, 32, "total"), {"mistakes": {"One is missing.": 12}})]


@pytest.mark.parametrize("source", ["assert_that(x > 1, 'It must be.')", "x = ("])
def test_a_cell_without_such_checks_stays_as_it_is(source):
    assert as_released(source) == source


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("if x: assert_number(x, 3, 'x')", "is no Python"),
        ("def f():\n    assert_number(x, 3, 'x')\nf()", "assert_number would be released"),
        ("checks.assert_number(x, 3, 'x')", "assert_number would be released"),
        ("assert_number(x, expected=3, name='x')", "assert_number would be released"),
        ("try:\n    assert_number(x, 3, 'x')\nfinally:\n    pass", "assert_number would be released"),
        ("for n in (1, 2):\n    assert_number(f(n), n, 'x')\nelse:\n    print(n)", "a loop with `else`"),
        ("for n, right in [(3, 555), (4, 777)]:\n    assert_number(f(n), right, f'f({n})')", "that binds right"),
        ("for k, right in wanted.items():\n    assert_number(t[k], right, k)", "that binds right"),
        ("n = 3\nright = sum(n for n in (1, 2))\nprint(n)\nassert_number(x, right, 'x')", ""),
        (SOURCE, ""),
    ],
)
def test_what_cant_be_released_so_is_said(source, reason):
    assert reason in problem(source) and bool(problem(source)) == bool(reason)


def cell_of_the_course():
    cell = new_code_cell(SOURCE + "\n### BEGIN HIDDEN TESTS\nassert total\n### END HIDDEN TESTS")
    cell.metadata = {"nbgrader": {"grade": True, "grade_id": "test_total", "locked": True}, "course": {"sealed": True}}
    return cell


def test_a_cell_that_lost_its_name_is_known_by_its_text_whatever_is_sealed_in_it():
    cell = cell_of_the_course()
    text = as_released(SOURCE, SEALS)
    theirs = StudentCell.read(0, {"cell_type": "code", "source": text, "metadata": {}})
    assert released(cell) == RELEASED and theirs.is_like(cell)
    assert Finder([cell], [theirs]).found == {0: theirs}


def test_what_a_student_added_to_such_a_cell_is_theirs_and_nothing_else():
    text = "helper = 1\n" + as_released(SOURCE, SEALS)
    theirs = StudentCell.read(0, {"cell_type": "code", "source": text, "metadata": {}})
    assert [part.source.strip() for part in added(cell_of_the_course(), theirs)] == ["helper = 1"]
