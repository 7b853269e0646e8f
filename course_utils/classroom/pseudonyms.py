"""Pseudonyms, for tables and logs that others may see."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from course_utils.classroom.config import load_config
from course_utils.classroom.names import fold_variants
from course_utils.classroom.roster import Roster, Student, read_roster
from course_utils.classroom.settings import OpenOlat

__all__ = ["Pseudonyms"]

_KEY_FILE = "reports/.pseudonym-key"


class Pseudonyms:
    """Replace everything that names a student by a pseudonym that stays the same within a course.

    Parameters
    ----------
    roster : Roster
    key : bytes
        A secret: without it nobody can compute whose pseudonym it is. Empty: show names as they are.
    """

    def __init__(self, roster: Roster, key: bytes = b"") -> None:
        self._key = key
        self._names: dict[str, str] = {}
        if not key:
            return
        written: set[str] = set()  # "Groß" is found by its own letters, folded it would be "gross"
        for s in roster.students:
            for text in _identifying(s):
                written |= {text, text.casefold()}
                self._names[text.casefold()] = self._pseudonym(s.student_id)
        for group in roster.groups:
            for text in {group.name, group.owner_id}:
                written |= {text, text.casefold()}
                self._names[text.casefold()] = self._pseudonym(group.owner_id)
        longest_first = sorted(map(re.escape, written), key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?:_\d+)?(?!\w)", re.IGNORECASE)

    @classmethod
    def of(cls, course: Path, wanted: bool = False) -> Pseudonyms:
        """Return the pseudonyms of a course folder, if wanted here or by ``OpenOlat.pseudonyms``."""
        course = Path(course)
        if not (wanted or OpenOlat(config=load_config(course)).pseudonyms):
            return cls(Roster(()))
        path = course / _KEY_FILE
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(secrets.token_hex(16), encoding="ascii")
            path.chmod(0o600)
        return cls(read_roster(course), bytes.fromhex(path.read_text(encoding="ascii").strip()))

    def _pseudonym(self, owner_id: str) -> str:
        return "p-" + hmac.new(self._key, owner_id.encode(), hashlib.sha256).hexdigest()[:8]

    def name(self, owner_id: str, name: str) -> str:
        """Return what to show for a student or group."""
        return self._pseudonym(owner_id) if self._key else name

    def text(self, text: str) -> str:
        """Return a text with every known name, user name, number and address replaced."""
        if not self._key or not self._names:
            return text

        def replace(match: re.Match) -> str:
            found = match[0].casefold()
            return self._names.get(found) or self._names[re.sub(r"_\d+$", "", found)]

        return self._pattern.sub(replace, text)


def _identifying(s: Student) -> Iterable[str]:
    parts = {s.student_id, s.user_name, s.email, s.matriculation_number, s.name, s.last_name, s.first_name}
    parts |= {f"{s.last_name}, {s.first_name}", *fold_variants(s.display_name)}
    # Single letters would turn up everywhere.
    return {part for part in parts if len(part) > 1}
