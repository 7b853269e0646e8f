"""Who hands in: the members of a team, kept beside their notebooks."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.notebooks.texts import writable
from course_utils.packing.manifest import Member

__all__ = ["TEAM_FILE", "Team", "read_team", "team_file", "write_team"]

TEAM_FILE = "team.json"


@dataclass(frozen=True)
class Team:
    """Who hands in."""

    group: str
    members: tuple[Member, ...]

    def problems(self) -> list[str]:
        """Return what is not right about it; an empty list if all is well."""
        found = []
        if not self.members:
            found.append("Nobody is named; at least one name with a matriculation number is needed.")
        for member in self.members:
            if not any(map(str.isalpha, member.name)):  # one name is all that some people have
                found.append(f"{member.name!r} is no name.")
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9/.-]{3,}", member.matriculation_number):
                found.append(
                    f"The matriculation number of {member.name} must be digits, with leading zeros; "
                    f"it is {member.matriculation_number!r}."
                )
        numbers = [member.matriculation_number for member in self.members]
        if len(set(numbers)) < len(numbers):
            found.append("Two members have the same matriculation number.")
        return found


def read_team(folder: Path) -> Team | None:
    """Return who hands in, from ``team.json`` in the folder or the one above; None if there is none.

    Raises
    ------
    CourseError
        If the file cannot be understood.
    """
    path = team_file(folder)
    if path is None:
        return None
    try:
        known = json.loads(path.read_text(encoding="utf-8-sig"))
        members = [Member(writable(str(m["name"])), str(m["matriculation_number"])) for m in known["members"]]
        return Team(writable(str(known.get("group", ""))), tuple(members))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CourseError(
            f"{path} must look like "
            '{"group": "7", "members": [{"name": "...", "matriculation_number": "..."}]}; '
            "mend it or delete it."
        ) from error


def team_file(folder: Path) -> Path | None:
    """Return where ``team.json`` is: in the folder, or in the one above; None if it is in neither."""
    places = (folder / TEAM_FILE, folder.resolve().parent / TEAM_FILE)
    return next((path for path in places if path.is_file()), None)


def write_team(folder: Path, team: Team) -> Path:
    """Keep who hands in for the next assignment, in the folder above the notebooks."""
    path = folder.resolve().parent / TEAM_FILE
    known = {"group": team.group, "members": [asdict(member) for member in team.members]}
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
