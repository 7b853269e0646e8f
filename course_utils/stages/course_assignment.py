"""One assignment of a course, opened for a collection: what does not change while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import coursedir
from course_utils.classroom.roster import Roster, read_roster
from course_utils.classroom.settings import OpenOlat
from course_utils.notebooks.recognising import Catalogue, read_catalogue

__all__ = ["CourseAssignment", "open_assignment"]


@dataclass(frozen=True)
class CourseAssignment:
    """The course's side of a collection.

    Parameters
    ----------
    course : pathlib.Path
        The course folder.
    name : str
        The assignment.
    config : traitlets.config.Config
    settings : OpenOlat
    folders : nbgrader.coursedir.CourseDirectory
    roster : Roster
    catalogue : Catalogue
        The notebooks that are expected.
    """

    course: Path
    name: str
    config: Config
    settings: OpenOlat
    folders: CourseDirectory
    roster: Roster
    catalogue: Catalogue

    def folder_of(self, stage: str, owner_id: str) -> Path:
        """Return an owner's folder in ``submitted``, ``autograded`` or ``feedback``, which may not be there.

        Parameters
        ----------
        stage : str
            One of the three.
        owner_id : str
        """
        directory = getattr(self.folders, f"{stage}_directory")
        return Path(self.folders.format_path(directory, owner_id, self.name))


def open_assignment(course: Path, name: str) -> CourseAssignment:
    """Read settings, roster and source of an assignment.

    Parameters
    ----------
    course : pathlib.Path
    name : str

    Returns
    -------
    CourseAssignment

    Raises
    ------
    RosterError
        If the roster cannot be used.
    ValueError
        If there is no such assignment, or a setting is wrong.
    """
    course = Path(course).resolve()
    config = load_config(course)
    folders = coursedir(course, config)
    catalogue = read_catalogue(course, name, folders.source_directory, config)
    return CourseAssignment(course, name, config, OpenOlat(config=config), folders, read_roster(course), catalogue)
