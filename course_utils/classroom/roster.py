"""The class: who is in it, and what OpenOlat calls each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.classroom.names import HEADERS, compose, fold, fold_variants
from course_utils.classroom.spreadsheets import TableError, as_date, read_saved_table, spoilt
from course_utils.errors import CourseError

__all__ = [
    "COLUMNS", "Owner", "Roster", "RosterError", "Student", "give_zeros_back", "lost_zeros", "read_roster",
    "roster_path", "unread_rosters",
]  # fmt: skip

COLUMNS = ("student_id", "user_name", "last_name", "first_name", "email", "matriculation_number", "group")
_REQUIRED = COLUMNS[1:4]  # without a student_id, the user name is one
_TEXTS = COLUMNS[:-1]
_OTHER_NAMES = {
    "student_id": ("id", "studentenid", "studierendenid"),
    **HEADERS,
    "group": (*HEADERS["group"], "gruppen", "groups"),
}
# What can be a folder under submitted/ on every file system and in nbgrader's path patterns.
_SAFE_ID = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}$")
_MATRICULATION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9/.-]*$")
_FILES = ("roster.local.csv", "roster.csv")  # the first that is there is read
_NEAR_NAME = re.compile(r"roster(\.local)?( ?\(\d+\))?(\.csv)?\.(csv|txt|xlsx?|ods|numbers)", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(\.\d{3})+")
_MOST_ROWS_TOLD = 10


class RosterError(CourseError, ValueError):
    """The roster cannot be used; the text lists every row that has to change."""


@dataclass(frozen=True)
class Student:
    """One row of the roster; all text is in composed form (NFC)."""

    student_id: str
    user_name: str
    last_name: str
    first_name: str
    email: str = ""
    matriculation_number: str = ""
    groups: tuple[str, ...] = ()
    row: int = 0

    @property
    def name(self) -> str:
        """First and last name, as a person writes them."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def display_name(self) -> str:
        """What OpenOlat folds into the name of the person's folder."""
        return f"{self.last_name}_{self.first_name}_{self.user_name}"


@dataclass(frozen=True)
class Owner:
    """Who a folder of a download belongs to: one student or one group.

    Parameters
    ----------
    owner_id : str
        The student's `student_id`, or the folded name of the group: the student that nbgrader knows.
    name : str
        For tables.
    members : tuple of Student
        One student, or the members of the group.
    is_group : bool
    """

    owner_id: str
    name: str
    members: tuple[Student, ...]
    is_group: bool = False


@dataclass(frozen=True)
class Roster:
    """The class, with look-ups by everything OpenOlat may use to name a person or a group."""

    students: tuple[Student, ...]
    path: Path | None = None
    remarks: tuple[str, ...] = field(default=(), compare=False)
    _folders: dict[str, list[Owner]] = field(init=False, repr=False, compare=False)
    _groups: dict[str, Owner] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folders: dict[str, list[Owner]] = {}
        for student in self.students:
            for folder in fold_variants(student.display_name):
                folders.setdefault(folder, []).append(self._person(student))
        groups: dict[str, Owner] = {}
        for name in dict.fromkeys(name for student in self.students for name in student.groups):
            members = tuple(student for student in self.students if name in student.groups)
            groups[fold(name)] = Owner(fold(name), name, members, is_group=True)
        object.__setattr__(self, "_folders", folders)
        object.__setattr__(self, "_groups", groups)

    @staticmethod
    def _person(student: Student) -> Owner:
        return Owner(student.student_id, student.name, (student,))

    @property
    def file(self) -> str:
        """Name of the file it was read from, for sentences."""
        return self.path.name if self.path else "the roster"

    @property
    def groups(self) -> tuple[Owner, ...]:
        """The groups, in the order of the roster."""
        return tuple(self._groups.values())

    @property
    def owner_ids(self) -> list[str]:
        """What nbgrader knows students and groups under, in the order of the roster."""
        return [*(s.student_id for s in self.students), *(g.owner_id for g in self.groups)]

    def owners_of(self, folder: str) -> list[Owner]:
        """Return everyone whom an owner folder of a download may mean.

        Parameters
        ----------
        folder : str
            ``Mueller_Joerg_jmueller`` for a person; ``Gruppe_7_98304`` for a group, whose key is cut off.

        Returns
        -------
        list of Owner
            Exactly one if the folder can be placed. None means unknown, several mean ambiguous: both are for
            a person to decide.
        """
        found = list(self._folders.get(folder, []))
        match = re.match(r"^(.*)_\d+$", folder)
        if match:
            found += [g for g in self.groups if match[1] in fold_variants(g.name)]
        return found

    def student(self, student_id: str) -> Student | None:
        """Return the student with this id, or None."""
        return next((s for s in self.students if s.student_id == student_id), None)

    def owner(self, owner_id: str) -> Owner | None:
        """Return the student or group that nbgrader knows under this id, or None."""
        student = self.student(owner_id)
        return self._person(student) if student else self._groups.get(owner_id)

    def group_of(self, student: Student) -> Owner | None:
        """Return the one group of a student; None if there is none, or more than one."""
        return self._groups[fold(student.groups[0])] if len(student.groups) == 1 else None

    def find(self, *, user_name: str = "", email: str = "", matriculation_number: str = "") -> Student | None:
        """Return the student with this user name, else email, else matriculation number.

        Case is ignored, and so are leading zeros of a number if there is one such student only: spreadsheets drop them.
        """
        for column, value in (
            ("user_name", user_name),
            ("email", email),
            ("matriculation_number", matriculation_number),
        ):
            wanted = compose(value).strip().casefold()
            if wanted:
                found = [s for s in self.students if getattr(s, column).casefold() == wanted]
                if len(found) == 1:
                    return found[0]
        wanted = _without_zeros(matriculation_number)
        found = [s for s in self.students if wanted and _without_zeros(s.matriculation_number) == wanted]
        return found[0] if len(found) == 1 else None

    def called(self, name: str) -> list[Student]:
        """Return the students with this name, written as OpenOlat or a person may write it.

        Parameters
        ----------
        name : str
            First name first, or last name first with a comma.
        """
        last, comma, first = name[:200].partition(",")
        wanted = f"{first} {last}" if comma else last
        return [s for s in self.students if _same_name(s.name, wanted)]


def _same_name(one: str, other: str) -> bool:
    one, other = (" ".join(compose(text).casefold().split()) for text in (one, other))
    folded = fold(one)  # of other alphabets nothing is left
    return one == other or (folded == fold(other) and any(map(str.isalpha, folded)))


def _without_zeros(number: str) -> str:
    """Return a number without leading zeros, empty if it is none."""
    number = number.strip()
    return number.lstrip("0") if number.isascii() and number.isdigit() else ""


def lost_zeros(students: Iterable[Student]) -> str:
    """Return a sentence if matriculation numbers look as if some had lost leading zeros, else an empty text.

    Examples
    --------
    >>> found = [Student("a", "a", "", "", matriculation_number="0031415", row=2)]
    >>> lost_zeros(found), lost_zeros([*found, Student("b", "b", "", "", matriculation_number="31416", row=3)])[:50]
    ('', 'The matriculation numbers have 5 and 7 digits; the')
    """
    numbers = {s.row: s.matriculation_number for s in students if _without_zeros(s.matriculation_number)}
    lengths = sorted({len(number) for number in numbers.values()})
    if len(lengths) < 2:
        return ""
    short = [str(row) for row, number in numbers.items() if len(number) < lengths[-1]]
    told = ", ".join(short[:_MOST_ROWS_TOLD]) + (", …" if len(short) > _MOST_ROWS_TOLD else "")
    rows = "row" if len(short) == 1 else "rows"
    have = f"{', '.join(map(str, lengths[:-1]))} and {lengths[-1]}"
    mend = give_zeros_back("this file")
    return (
        f"The matriculation numbers have {have} digits; the shorter: {rows} {told}. A spreadsheet drops "
        f"leading zeros: if it did, {mend}."
    )


def give_zeros_back(file: str) -> str:
    """Return what to do about leading zeros that a spreadsheet has dropped, as the end of a sentence.

    Parameters
    ----------
    file : str
        Name of the roster.
    """
    return f"put them back in {file}, with the column formatted as text"


def roster_path(course: Path) -> Path | None:
    """Return the file of the class, None if there is none.

    Parameters
    ----------
    course : pathlib.Path
        If ``roster.local.csv`` is there, it is the one: that name is ignored by git, so a real class goes there.
    """
    course = Path(course)
    return next((p for p in (course / name for name in _FILES) if p.is_file()), None)


def read_roster(course: Path) -> Roster:
    """Read the roster of a course folder.

    Parameters
    ----------
    course : pathlib.Path
        The folder that holds the file of the class, see `roster_path`.

    Returns
    -------
    Roster

    Raises
    ------
    RosterError
        If there is no roster or a row cannot be used. All problems are listed at once.
    """
    course = Path(course)
    path = roster_path(course)
    if path is None:
        told = "".join(f" {line}" for line in unread_rosters(course))
        raise RosterError(f"There is no roster.csv in {course}. It needs the columns {','.join(COLUMNS)}.{told}")
    try:
        table = read_saved_table(path, {name: _OTHER_NAMES[name] for name in COLUMNS}, _REQUIRED)
    except TableError as error:
        raise RosterError(str(error)) from error
    students, has_ids = [], "student_id" in table.columns
    for number, row in table.rows:
        cells = {name: row.get(name, "") for name in COLUMNS}
        if not has_ids:
            cells["student_id"] = cells["user_name"]
        groups = tuple(name for part in cells.pop("group").split(";") if (name := part.strip()))
        students.append(Student(**cells, groups=groups, row=number))
    problems = [*table.problems, *_problems(students, has_ids)]
    if problems:
        raise RosterError("\n".join([f"{path.name} can't be used:", *(f"- {line}" for line in problems)]))
    remarks = (f"{path.name}: {told}" for told in (*_made_dates(students), lost_zeros(students)) if told)
    return Roster(tuple(students), path, (*table.remarks, *remarks, *unread_rosters(course)))


def unread_rosters(course: Path) -> list[str]:
    """Return a sentence for each file that looks like the one of the class and is not read.

    Parameters
    ----------
    course : pathlib.Path
    """
    others = sorted(p.name for p in course.iterdir() if _NEAR_NAME.fullmatch(p.name) and p.name not in _FILES)
    return [
        f"{name} is not read: the class is in {' or '.join(_FILES)}. (File managers hide the end of a name.)"
        for name in others
    ]


def _made_dates(students: Iterable[Student]) -> list[str]:
    """Return which groups and numbers look as if a spreadsheet had made something else of them."""
    told = []
    for s in students:
        found = [
            f"the group {name!r} looks like the date that a spreadsheet makes of 1-7"
            for name in s.groups
            if as_date(name)
        ]
        if as_date(s.matriculation_number):
            found.append(f"matriculation_number {s.matriculation_number!r} looks like a date")
        elif _THOUSANDS.fullmatch(s.matriculation_number):
            found.append(
                f"matriculation_number {s.matriculation_number!r} looks like a number with points between its thousands"
            )
        told += [
            f"row {s.row}: {what}; if it is, write what it was, with the column formatted as text." for what in found
        ]
    return told[:_MOST_ROWS_TOLD]


def _problems(students: Iterable[Student], has_ids: bool) -> list[str]:
    """Return what is wrong with a class, one line per problem; without ids of their own user names are taken as ids."""
    students = list(students)
    id_column = "student_id" if has_ids else "user_name (there is no column student_id)"
    problems = []
    for s in students:
        if not _SAFE_ID.match(s.student_id) and (has_ids or s.user_name) and not spoilt(s.student_id):
            problems.append(
                f"row {s.row}: {id_column} must be letters, digits and . _ @ -, as it becomes a folder name; "
                f"it is {s.student_id!r}"
            )
        if not s.user_name:
            problems.append(f"row {s.row}: user_name is empty; OpenOlat identifies people by it")
        if not s.last_name and not s.first_name:
            problems.append(f"row {s.row}: last_name and first_name are both empty")
        number = s.matriculation_number
        if number and not spoilt(number) and not _MATRICULATION.match(number):
            problems.append(
                f"row {s.row}: matriculation_number must be digits as text, with their leading zeros; it is {number!r}"
            )
        for column in _TEXTS[not has_ids :]:
            if reason := spoilt(getattr(s, column)):
                problems.append(f"row {s.row}: {column} is {getattr(s, column)!r}: {reason}")
        for column in ("user_name", "last_name", "first_name", "email"):
            if re.search(r"[\t\r\n\x00]", getattr(s, column)):
                problems.append(f"row {s.row}: {column} contains a tab or a line break")
    for column in ("student_id", "user_name", "matriculation_number", "email")[not has_ids :]:
        seen: dict[str, Student] = {}
        for s in students:
            value = getattr(s, column).casefold()
            if spoilt(getattr(s, column)):
                continue
            if value and value in seen:
                problems.append(f"rows {seen[value].row} and {s.row} have the same {column}: {getattr(s, column)}")
            elif value:
                seen[value] = s
    ids = {s.student_id.casefold(): s for s in students}
    groups: dict[str, str] = {}
    for name in dict.fromkeys(name for s in students for name in s.groups):
        folded = fold(name).casefold()
        if folded in groups:
            problems.append(f"the groups {groups[folded]!r} and {name!r} would share the folder {fold(name)}")
        if folded in ids:
            problems.append(f"the group {name!r} has the folder name of the student in row {ids[folded].row}")
        groups[folded] = name
    return problems
