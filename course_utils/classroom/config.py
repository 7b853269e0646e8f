"""The settings of a course, read from `nbgrader_config.py`; what a setting may be is known elsewhere (`mistakes`)."""

from __future__ import annotations

import contextlib
from pathlib import Path

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_utils.classroom.settings_file import class_set_in
from course_utils.errors import CourseError

__all__ = ["CONFIG_FILE", "load_config"]

CONFIG_FILE = "nbgrader_config.py"


def load_config(course: Path) -> Config:
    """Return the settings of `nbgrader_config.py`, with the folder as root of the course.

    Parameters
    ----------
    course : pathlib.Path
        A folder that holds `nbgrader_config.py` and `source/`.

    Returns
    -------
    traitlets.config.Config

    Raises
    ------
    CourseError
        If it does not, or the settings are not Python that runs.
    """
    course = Path(course).resolve()
    for name in (CONFIG_FILE, "source"):
        if not (course / name).exists():
            raise CourseError(f"{course} is no course folder: it has no {name}. Change to one, or use --course.")
    try:
        with contextlib.chdir(course):  # a setting may be relative to the course
            config = PyFileConfigLoader(CONFIG_FILE, path=str(course)).load_config()
    except Exception as error:  # a file of the instructor's own may raise anything
        line = _line(error)
        if isinstance(error, ValueError) and line and (name := class_set_in(course / CONFIG_FILE, line)):
            raise CourseError(
                f"{CONFIG_FILE}, line {line}: c.{name} holds settings and can't be set itself; write "
                f"c.{name}.SETTING = VALUE, a line for each."
            ) from error
        where = f", line {line}" if line else ""
        raise CourseError(
            f"The settings in {course / CONFIG_FILE} can't be read ({type(error).__name__}: {error}{where})."
        ) from error
    config.CourseDirectory.root = str(course)
    return config


def _line(error: Exception) -> int:
    """Return in which line of the settings an exception was raised, 0 if that is not known."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(CONFIG_FILE):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
