"""Checks for the test cells of a notebook, with messages written for students."""

from course_utils.checks.basic import (
    assert_array,
    assert_equal,
    assert_keys,
    assert_length,
    assert_number,
    assert_tensor,
    assert_that,
)
from course_utils.checks.calls import (
    assert_calls,
    assert_no_calls,
    assert_no_loops,
    assert_no_numbers,
    assert_only_modules,
    assert_unchanged,
    assert_written_without,
    shared,
)
from course_utils.checks.figures import assert_figure
from course_utils.checks.gradients import assert_gradient, assert_gradients, numerical_gradient
from course_utils.checks.left_behind import assert_leaves_nothing
from course_utils.checks.sealed import assert_sealed
from course_utils.errors import CheckFailed, NotGradable

__all__ = [
    "CheckFailed",
    "NotGradable",
    "assert_array",
    "assert_calls",
    "assert_equal",
    "assert_figure",
    "assert_gradient",
    "assert_gradients",
    "assert_keys",
    "assert_leaves_nothing",
    "assert_length",
    "assert_no_calls",
    "assert_no_loops",
    "assert_no_numbers",
    "assert_number",
    "assert_only_modules",
    "assert_sealed",
    "assert_tensor",
    "assert_that",
    "assert_unchanged",
    "assert_written_without",
    "numerical_gradient",
    "shared",
]
