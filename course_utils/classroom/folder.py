"""A course folder: its settings, its assignments and its gradebook, opened in the same way by every command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import nbgrader.api
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.dbutil import ALEMBIC_DIR
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_utils.classroom.settings_file import class_set_in
from course_utils.errors import CourseError

__all__ = [
    "CONFIG_FILE",
    "assignments",
    "coursedir",
    "load_config",
    "open_database",
    "open_gradebook",
    "submitted_folders",
]

CONFIG_FILE = "nbgrader_config.py"


def _version_of_tables() -> str:
    """Return the version that a new gradebook is marked with."""
    from alembic.script import ScriptDirectory  # a tenth of a second, for new gradebooks alone

    return ScriptDirectory(ALEMBIC_DIR).get_current_head()


# nbgrader starts the program `alembic` for it, which takes two seconds and must be on the PATH.
nbgrader.api.get_alembic_version = _version_of_tables


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


def coursedir(course: Path, config: Config | None = None) -> CourseDirectory:
    """Return nbgrader's view of a course folder.

    Raises
    ------
    CourseError
        If it is none, or a setting has a value that nbgrader does not take.
    """
    try:
        return CourseDirectory(config=config or load_config(course))
    except TraitError as error:
        raise CourseError(f"A setting in {Path(course).resolve() / CONFIG_FILE} is not right: {error}") from error


def assignments(course: Path) -> list[str]:
    """Return the names of the assignments in `source/`."""
    return sorted({path.parent.name for path in (Path(course) / "source").glob("*/*.ipynb")})


@contextlib.contextmanager
def open_gradebook(course: Path, config: Config | None = None) -> Iterator[Gradebook]:
    """Open the course's gradebook.

    Parameters
    ----------
    course : pathlib.Path
    config : traitlets.config.Config, optional
        What `load_config` gave, if it is known already.
    """
    directory = coursedir(course, config)
    with open_database(directory.db_url, directory.course_id) as gradebook:
        yield gradebook


def submitted_folders(course: Path, config: Config, assignment: str) -> dict[str, Path]:
    """Return what is laid out in `submitted/` of an assignment, wherever the settings have that folder.

    Parameters
    ----------
    course : pathlib.Path
    config : traitlets.config.Config
    assignment : str

    Returns
    -------
    dict of str to pathlib.Path
        By whose it is.
    """
    directory = coursedir(course, config)
    pattern = Path(directory.format_path(directory.submitted_directory, "*", assignment))
    # The folder may lie elsewhere than in the course's, below names that mean something in a pattern.
    first = pattern.parts.index("*")
    found = Path(*pattern.parts[:first]).glob("/".join(pattern.parts[first:]))
    return {path.parent.name: path for path in sorted(found) if path.is_dir()}


@contextlib.contextmanager
def open_database(db_url: str, course_id: str = "") -> Iterator[Gradebook]:
    """Open a gradebook that is known by its address, as code below nbgrader's own commands knows it."""
    with Gradebook(db_url, course_id) as gradebook:
        yield gradebook
