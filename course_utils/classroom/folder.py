"""A course folder: its settings, its assignments and its gradebook, opened in the same way by every command."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbgrader.api
from nbgrader.api import Gradebook, InvalidEntry
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import NullPool
from traitlets import TraitError
from traitlets.config import Config

from course_utils.classroom.config import CONFIG_FILE, load_config
from course_utils.errors import CourseError
from course_utils.notebooks.files import notebooks_in

__all__ = [
    "assignments",
    "coursedir",
    "open_database",
    "open_gradebook",
    "submitted_folders",
]


def _version_of_tables() -> str:
    """Return the version that a new gradebook is marked with."""
    from alembic.script import ScriptDirectory  # a tenth of a second, for new gradebooks alone
    from nbgrader.dbutil import ALEMBIC_DIR

    return ScriptDirectory(ALEMBIC_DIR).get_current_head()


# nbgrader starts the program `alembic` for it, which takes two seconds and must be on the PATH.
nbgrader.api.get_alembic_version = _version_of_tables
_create_engine = nbgrader.api.create_engine


def _engine(url: str, **options: Any) -> Engine:
    """Return the engine of a gradebook, one for all who open it.

    nbgrader makes a new one each time. An engine keeps the queries that it has compiled: with a new one for each page
    of feedback they would be compiled anew, which takes several times as long as asking them. It has no pool, so who
    closes a gradebook closes no connection of another one that is open. A gradebook in memory is in its connection.
    """
    about = make_url(url)
    if about.get_backend_name() == "sqlite" and about.database in (None, "", ":memory:"):
        return _create_engine(url, **options)
    return _kept_engine(url, Path.cwd(), **options)  # an address may be relative


@functools.lru_cache(maxsize=8)
def _kept_engine(url: str, _folder: Path, **options: Any) -> Engine:
    return _create_engine(url, poolclass=NullPool, **options)


nbgrader.api.create_engine = _engine


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
    return sorted({path.parent.name for path in notebooks_in(Path(course) / "source", "*/*.ipynb")})


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
    try:
        gradebook = Gradebook(db_url, course_id)
    except InvalidEntry:  # most likely another process has entered the course in the same moment
        gradebook = Gradebook(db_url, course_id)
    with gradebook:
        yield gradebook
