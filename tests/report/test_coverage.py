"""The coverage page: every item that a cell names is on it, under a heading of its sheet."""

from __future__ import annotations

import json

import pytest

from course_utils.errors import CourseError
from course_utils.report import coverage


def write(folder, *covers):
    path = folder / "nets" / "first.ipynb"
    path.parent.mkdir(parents=True)
    cells = [
        {
            "nbgrader": {"grade": True, "grade_id": f"test_{n}", "points": 1},
            "course": {"covers": [item]},
        }
        for n, item in enumerate(covers)
    ]
    cells = [{"cell_type": "code", "source": "", "metadata": about} for about in cells]
    path.write_text(json.dumps({"cells": cells}))


def headings(text):
    return [line for line in text.splitlines() if line.startswith("## ")]


def test_every_letter_that_occurs_has_a_heading_and_every_item_a_row(tmp_path):
    write(tmp_path, "F2", "A10", "A9", "Q1", "Ü3", "AB1", "7")
    (tmp_path / "sheets.json").write_text('{"A": "On edges", "F": "On trees", "Z": "On nothing"}')
    page = coverage.page(tmp_path)
    assert headings(page) == [
        "## Sheet A: On edges",
        "## Sheet AB",
        "## Sheet F: On trees",
        "## Sheet Q",
        "## Sheet Ü",
        "## Items of no sheet",
    ]
    assert [line.split(" | ")[0] for line in page.splitlines() if "`test_" in line] == [
        "| A9", "| A10", "| AB1", "| F2", "| Q1", "| Ü3", "| 7",
    ]  # fmt: skip


def test_titles_are_not_needed_but_must_be_titles(tmp_path):
    write(tmp_path, "A1")
    assert headings(coverage.page(tmp_path)) == ["## Sheet A"]
    (tmp_path / "sheets.json").write_text('["A"]')
    with pytest.raises(CourseError, match="must look like"):
        coverage.page(tmp_path)
