"""Numbers that a test found, for tables of the class: beside the sentence that a student reads, never inside it."""

from __future__ import annotations

from typing import Any

__all__ = ["FORM", "note", "output", "start"]

# The form of output in which they leave the grader; a student's kernel can't send it (`grading.run.kernel_client`).
FORM = "application/vnd.course.facts+json"

_noted: dict[str, float] = {}


def note(**numbers: float) -> None:
    """Keep numbers of the test that runs; a later value of the same name counts."""
    _noted.update({name: float(number) for name, number in numbers.items()})


def start() -> None:
    """Forget what earlier tests noted."""
    _noted.clear()


def output() -> list[dict[str, Any]]:
    """Return what was noted since `start` as an output of the cell; an empty list if nothing was."""
    if not _noted:
        return []
    return [{"output_type": "display_data", "data": {FORM: dict(_noted)}, "metadata": {}}]
