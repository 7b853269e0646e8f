"""Everything that an instructor has set, read completely: by `course doctor`, and before every command on a course."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from course_utils.command.terminal import reading
from course_utils.errors import CourseError

if TYPE_CHECKING:
    from course_utils.classroom.mistakes import Mistake

__all__ = ["OF_COURSE", "CourseOption", "before_command", "mistakes_in"]

OF_COURSE = "Folder with nbgrader_config.py and source/."


def mistakes_in(course: Path) -> list[Mistake]:
    """Return what is wrong with the settings and the extensions of a course.

    The roster is not looked at: whoever needs it reads it, and stops if it can't be used.

    Parameters
    ----------
    course : pathlib.Path

    Raises
    ------
    CourseError
        If it is no course folder, or its settings are not Python that runs.
    """
    from nbgrader.coursedir import CourseDirectory

    from course_utils.classroom.config import CONFIG_FILE, load_config
    from course_utils.classroom.deadlines import wrong_extensions
    from course_utils.classroom.folder import assignments
    from course_utils.classroom.mistakes import wrong_settings
    from course_utils.classroom.roster import RosterError, read_roster
    from course_utils.classroom.settings import Deadlines, ExamOffice, OpenOlat
    from course_utils.classroom.settings_file import SettingsFile
    from course_utils.grading.settings import Course, GradeNotebook

    course = Path(course).resolve()
    config, names = load_config(course), assignments(course)
    classes = [OpenOlat, Deadlines, ExamOffice, Course, GradeNotebook, CourseDirectory]
    others = _of_nbgrader(set(config) - {cls.__name__ for cls in classes})
    found = wrong_settings(config, classes, SettingsFile(course / CONFIG_FILE), names, others)
    if any(mistake.level == "bad" for mistake in found):
        return found
    try:
        roster = read_roster(course)
    except RosterError:
        roster = None
    return found + wrong_extensions(course, config, roster, names)


def _of_nbgrader(names: set[str]) -> dict[str, type]:
    """Return the classes with these names that a stage of nbgrader's takes settings from."""
    from nbconvert import exporters
    from nbconvert import preprocessors as of_nbconvert
    from nbgrader import converters, plugins, preprocessors
    from traitlets.config import Configurable

    rooms = (preprocessors, converters, plugins, exporters, of_nbconvert)
    found = {name: getattr(room, name) for room in reversed(rooms) for name in names if hasattr(room, name)}
    return {name: cls for name, cls in found.items() if isinstance(cls, type) and issubclass(cls, Configurable)}


def before_command(course: Path) -> Path:
    """Stop before anything is done if a setting is wrong; what only may be one is told."""
    if not all((course / name).exists() for name in ("nbgrader_config.py", "source")):
        return course  # the command itself says what a course folder is
    with reading():
        mistakes = mistakes_in(course)
    if bad := [mistake.text for mistake in mistakes if mistake.level == "bad"]:
        raise CourseError("\n".join(bad))
    for mistake in mistakes:
        if mistake.level == "warning":
            text = f"[yellow]!![/] {escape(mistake.text)}"
            Console(stderr=True).print(text, highlight=False, soft_wrap=True)
    return course


CourseOption = Annotated[Path, typer.Option("--course", help=OF_COURSE, callback=before_command)]
