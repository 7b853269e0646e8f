"""Checks for the test cells of a notebook, with messages written for students."""

from course_utils.checks.basic import (
    CheckFailed,
    NotGradable,
    assert_array,
    assert_calls,
    assert_equal,
    assert_figure,
    assert_gradient,
    assert_keys,
    assert_length,
    assert_no_calls,
    assert_number,
    assert_tensor,
    assert_unchanged,
    numerical_gradient,
    shared,
)

__all__ = [
    "CheckFailed",
    "NotGradable",
    "assert_array",
    "assert_calls",
    "assert_equal",
    "assert_figure",
    "assert_gradient",
    "assert_keys",
    "assert_length",
    "assert_no_calls",
    "assert_number",
    "assert_tensor",
    "assert_unchanged",
    "numerical_gradient",
    "shared",
]
