"""What kind a cell is, read from metadata that the course wrote (after repair, never the student's)."""

from __future__ import annotations

from typing import Any

__all__ = [
    "course",
    "fault",
    "is_in_kernel",
    "is_sealed",
    "is_shown_only",
    "is_students",
    "is_task",
    "is_test",
    "is_trusted",
    "is_unreadable",
    "name",
    "objects",
    "points",
    "seconds",
]


def course(cell: dict[str, Any]) -> dict[str, Any]:
    """Return the course's own metadata of a cell."""
    return cell["metadata"].get("course", {})


def _nbgrader(cell: dict[str, Any]) -> dict[str, Any]:
    return cell["metadata"].get("nbgrader", {})


def is_test(cell: dict[str, Any]) -> bool:
    """Whether the cell is a locked grade cell of code."""
    marks = _nbgrader(cell)
    return cell["cell_type"] == "code" and bool(marks.get("grade")) and not marks.get("solution")


def is_task(cell: dict[str, Any]) -> bool:
    """Whether a person grades what students make of this cell of the course (a manually graded task)."""
    return bool(_nbgrader(cell).get("task"))


def fault(cell: dict[str, Any]) -> str:
    """Return why a graded notebook's cell could not judge anything, by a mistake in the course; empty if it could."""
    return str(course(cell).get("fault", ""))


def is_unreadable(notebook: dict[str, Any]) -> bool:
    """Whether a graded notebook holds the course's cells alone, as what was handed in could not be read."""
    return bool(notebook["metadata"].get("course", {}).get("unreadable"))


def seconds(cell: dict[str, Any], usual: float) -> float:
    """Return how long a cell may take: its own limit if it has one that is a number, or the usual one."""
    own = course(cell).get("timeout_s")
    return float(own) if isinstance(own, (int, float)) and not isinstance(own, bool) and 0 < own < 1e9 else float(usual)


def is_in_kernel(cell: dict[str, Any]) -> bool:
    """Whether the test must run in the student's kernel."""
    return "in-kernel" in cell["metadata"].get("tags", [])


def is_sealed(cell: dict[str, Any]) -> bool:
    """Whether the visible checks of this test are released with their answers sealed."""
    return is_test(cell) and course(cell).get("sealed") is True


def is_trusted(cell: dict[str, Any]) -> bool:
    """Whether the grader runs this cell of the course itself as well, for the names it defines."""
    marks = _nbgrader(cell)
    locked = bool(marks.get("locked")) and not marks.get("solution") and not marks.get("grade")
    return cell["cell_type"] == "code" and locked and course(cell).get("trusted") is True


def is_shown_only(cell: dict[str, Any]) -> bool:
    """Whether the cell only shows something (a figure, a slider, an experiment), so that grading leaves it out."""
    marks = _nbgrader(cell)
    return cell["cell_type"] == "code" and course(cell).get("grading") == "skip" and not marks.get("grade")


def is_students(cell: dict[str, Any]) -> bool:
    """Whether the student wrote the source of this code cell."""
    if cell["cell_type"] != "code":
        return False
    return bool(_nbgrader(cell).get("solution")) or course(cell).get("origin") == "student"


def objects(cell: dict[str, Any]) -> frozenset[str]:
    """Return the classes of the exercise whose objects a test means as such (`objects.classes`)."""
    named = course(cell).get("objects")
    return frozenset(name for name in named if isinstance(name, str)) if isinstance(named, list) else frozenset()


def points(cell: dict[str, Any]) -> float:
    """Return the points of a grade cell, 0 for others."""
    return float(_nbgrader(cell).get("points", 0)) if _nbgrader(cell).get("grade") else 0.0


def name(cell: dict[str, Any], index: int) -> str:
    """Return how reports call the cell: its grade_id, else its number counted from 1."""
    return str(_nbgrader(cell).get("grade_id") or f"cell {index + 1}")
