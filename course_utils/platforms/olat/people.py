"""Whether OpenOlat's table and the roster mean the same person by a user name, an address, a name and a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from course_utils.classroom.names import fold
from course_utils.classroom.roster import Roster, Student, give_zeros_back
from course_utils.notebooks.texts import one_line
from course_utils.platforms.olat.sheet import SheetRow

__all__ = ["Compared", "compare_people"]

_MOST_TOLD = 20


@dataclass
class Compared:
    """What was found.

    Parameters
    ----------
    notes : list of str
        Who differs, in what, and what to do.
    unsure : dict of str to str
        By student_id, of whom a line of the table has somebody else's number: what differs. A person has to say whose
        their hand-ins are.
    """

    notes: list[str] = field(default_factory=list)
    unsure: dict[str, str] = field(default_factory=dict)


def compare_people(rows: Iterable[SheetRow], roster: Roster) -> Compared:
    """Compare the groups and matriculation numbers of the table with those of the roster.

    Parameters
    ----------
    rows : iterable of SheetRow
    roster : Roster
    """
    found = Compared()
    zeros, others, file = [], [], roster.file
    for row in rows:
        if row.differing:
            told = f"of {_called(row)} OpenOlat's table says two things: {one_line(row.differing, 300)}"
            others.append(f"{told}; neither is read")
        person, number = _person(row, roster), one_line(row.matriculation_number)
        of_number = roster.find(matriculation_number=number)
        if (student := person or of_number) is None:
            continue
        there = f"OpenOlat has {_called(row)} with the matriculation number {number}"
        if person is None and row.user_name:
            others.append(
                f"{there}, which is that of {_in_roster(student, file)}, there with the user name {student.user_name}: "
                "if they are one person, mend the user name there and collect again"
            )
        elif of_number and of_number != student:
            reason = f"{there}, which is that of {_in_roster(of_number, file)}"
            # A name alone may be that of either.
            for who in (student,) if row.user_name or row.email else (student, of_number):
                found.unsure[who.student_id] = reason
        elif number and student.matriculation_number and number.casefold() != student.matriculation_number.casefold():
            if not of_number:
                ours = f"row {student.row} of {file} has {student.matriculation_number}"
                others.append(f"{there}; {ours}: mend the one that is wrong")
            elif len(number) > len(student.matriculation_number):
                zeros.append((student, number))
        if row.group and not any(fold(row.group) == fold(g) for g in student.groups):
            ours = ", ".join(student.groups) or "no group"
            found.notes.append(
                f"{student.name} ({student.student_id}) is in {row.group!r} in OpenOlat, in {ours} in the roster"
            )
    found.notes += _first([f"{reason}; whom it means is not sure" for reason in found.unsure.values()])
    found.notes += _first(others)
    if zeros:
        told = _first([f"{s.name} (row {s.row}: {s.matriculation_number}, not {number})" for s, number in zeros])
        mend = give_zeros_back(file)
        found.notes.append(f"matriculation numbers have lost their leading zeros: {', '.join(told)}; {mend}")
    return found


def _first(lines: Iterable[str]) -> list[str]:
    """Return some lines, each once, and how many there are besides."""
    lines = list(dict.fromkeys(lines))
    more = len(lines) - _MOST_TOLD
    return lines[:_MOST_TOLD] + ([f"{more} more like that"] if more > 0 else [])


def _person(row: SheetRow, roster: Roster) -> Student | None:
    """Return whom a line means, its number left aside; None if nobody or several."""
    if row.user_name:
        return roster.find(user_name=row.user_name)
    for email in filter(None, (row.email, row.institutional_email)):
        if student := roster.find(email=email):
            return student
    called = roster.called(f"{row.first_name} {row.last_name}")
    return called[0] if len(called) == 1 else None


def _called(row: SheetRow) -> str:
    return one_line(row.user_name or row.email or f"{row.first_name} {row.last_name}".strip() or "somebody")


def _in_roster(student: Student, file: str) -> str:
    return f"{student.name} in row {student.row} of {file}"
