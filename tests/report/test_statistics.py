"""Figures of a class against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from course_utils.report.page import histogram
from course_utils.report.statistics import figures_of, grouped, item_rest


def test_the_cell_itself_is_not_in_its_rest():
    """A cell that has nothing to do with the others goes with a total that holds it, and not with the rest."""
    table = np.array([[0.0, 0, 1], [4, 0, 1], [0, 1, 0], [4, 1, 0], [0, 1, 1], [4, 1, 1], [0, 0, 0], [4, 0, 0]])
    first = figures_of(table, [4, 1, 1], [[], [], []])[0]
    assert first.rest.r == pytest.approx(0) and first.rest.n == 8
    assert np.corrcoef(table[:, 0], table.sum(axis=1))[0, 1] > 0.9


def test_the_interval_is_fishers():
    rng = np.random.default_rng(0)
    item = rng.normal(size=50)
    found = item_rest(item, item + rng.normal(size=50))
    low, high = (math.tanh(math.atanh(found.r) + sign * 1.96 / math.sqrt(47)) for sign in (-1, 1))
    assert (found.low, found.high, found.n) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4), 50)


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_a_few_have_no_interval(n):
    found = item_rest(np.arange(n, dtype=float), np.arange(n, dtype=float) ** 2)
    assert found.low is None and found.n == n and (found.r is None) == (n < 3)


def test_where_nothing_varies_there_is_no_correlation():
    assert item_rest(np.ones(9), np.arange(9.0)).r is None


def test_flags_say_all_right_all_wrong_negative_and_the_same_sentence():
    up = np.arange(20.0)
    table = np.column_stack([np.full(20, 2.0), np.zeros(20), up, 20 - up, up])
    told = [[], grouped(["is not filled in"] * 20), grouped(["got 1", "got 2"]), [], []]
    figures = figures_of(table, [2, 1, 20, 20, 20], told)
    assert figures[0].flags == ("all right",) and figures[0].full == 1
    assert figures[1].flags == ("all wrong", "20 with the same sentence") and figures[1].zero == 1
    assert figures[2].flags == () and figures[3].flags == ("negative",)


def test_an_interval_that_holds_zero_is_said_with_a_negative_cell():
    table = np.column_stack([[1.0, 0, 1, 0, 1, 0], [0.0, 1, 2, 3, 1, 2]])
    assert figures_of(table, [1, 3], [[], []])[0].flags == ("negative, but the interval holds 0",)


def test_what_nobody_has_read_is_left_out_of_figures_and_of_the_rest():
    table = np.array([[1.0, 2, np.nan], [0, 1, 4], [1, 2, 4], [0, 0, np.nan]])
    figures = figures_of(table, [1, 2, 4], [[], [], []])
    assert (figures[2].n, figures[2].waiting, figures[2].mean) == (2, 2, 1.0)
    assert figures[0].rest.r == pytest.approx(np.corrcoef(table[:, 0], table[:, 1])[0, 1])


def test_a_class_of_none_has_no_figures():
    assert figures_of(np.zeros((0, 2)), [1, 2], [[], []])[0].mean is None


def test_sentences_that_differ_in_numbers_alone_are_one_group():
    told = [
        "is [1, 2, 3], expected [4, 5, 6]",
        "is [1, 2], expected [4, 5]",
        "has shape (2, -3.5e-7)",
        "has shape (1, nan)",
    ]
    assert [one.count for one in grouped(told)] == [2, 2]


def test_a_histogram_tells_its_numbers_in_words():
    page = histogram([0.0, 0.05, 0.55, 1.0], 'Marks of "<x>"')
    assert "0 to 9 %: 2;" in page and "90 to 100 %: 1." in page and "<x>" not in page and 'role="img"' in page
