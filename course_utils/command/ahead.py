"""What takes `course autograde` longest, imports in processes of their own, begins before it has read the course.

These processes are told names of modules and nothing else. What is guessed here is only whether they will be needed and
with what; the run itself looks again, and starts others if the guess was wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from course_utils.command.course_settings import OF_COURSE, before_command
from course_utils.command.terminal import reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from course_utils.grading.pool import Parents

__all__ = ["GradedCourseOption", "started_ahead"]


def _before_grading(context: typer.Context, course: Path) -> Path:
    """Do what comes before every command, while the libraries of the assignment are imported."""
    asked = context.params
    ahead = None
    elsewhere = asked.get("scheduler") or asked.get("changed") or not asked.get("sandbox", True)
    if asked.get("assignment") and not elsewhere:
        folders = _not_graded(course, asked["assignment"], asked.get("student") or (), bool(asked.get("force")))
        with reading():
            ahead = _start(course, asked["assignment"], folders, asked.get("workers")) if folders else None
    if ahead is not None:
        context.call_on_close(ahead.close)
        context.obj = ahead
    return before_command(course)


GradedCourseOption = Annotated[Path, typer.Option("--course", help=OF_COURSE, callback=_before_grading)]


def started_ahead(context: typer.Context) -> Parents | None:
    """Return what was started before the command began, if anything was."""
    return context.obj


def _not_graded(course: Path, assignment: str, students: Sequence[str], force: bool) -> int:
    """Return how many hand-ins look as if they had to be graded."""
    names = students or [path.parent.name for path in (course / "submitted").glob(f"*/{assignment}")]
    count = 0
    for name in names:
        # Of a group, or of somebody else, the run finds it out.
        found = [path for path in (course / "submitted" / name / assignment).glob("*.ipynb") if path.is_file()]
        marker = course / "autograded" / name / assignment / ".graded.json"
        newest = max((path.stat().st_mtime for path in found), default=0.0)
        count += bool(found) and (force or not marker.is_file() or marker.stat().st_mtime < newest)
    return count


def _start(course: Path, assignment: str, count: int, workers: int | None) -> Any:
    """Start what kernels and tests are forked from, and workers; None where the settings can't be read."""
    from course_utils.classroom.config import load_config
    from course_utils.errors import CourseError
    from course_utils.grading.pool import Parents, cores
    from course_utils.grading.preload import modules_for
    from course_utils.grading.run.engine import Settings
    from course_utils.notebooks.files import notebooks_in

    try:
        chosen = load_config(course).GradeNotebook
        preload = chosen.get("preload")
        if preload is None:
            preload = modules_for(path.read_bytes() for path in notebooks_in(course / "source" / assignment))
        settings = Settings(warm=bool(chosen.get("warm", True)), preload=tuple(preload))
    except (CourseError, OSError, ValueError, KeyError, TypeError):  # the command says it better
        return None
    return Parents(settings, min(count, workers or cores()))
