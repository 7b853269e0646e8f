"""Writing what OpenOlat would let an instructor download: for the demo and for tests.

It follows the same description as the reader, but shares with it only `fold`, which has tests of its own.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote_plus

import openpyxl

from course_utils.classroom.names import fold
from course_utils.classroom.roster import Student

__all__ = ["Folder", "sheet_bytes", "write_download"]

_HEADERS = {
    "v1": {
        "de": ["Nr.", "URL", "Erster Kursstart", "*", "Abgabe", "Bemerkungen", "Punkte", "Bestanden", "Versuche",
               "Letzte Aktualisierung", "Kommentar Betreuer"],
        "en": ["No.", "URL", "Initial course launch", "*", "Submitted", "Remarks", "Score", "Passed", "Attempts",
               "Last update", "Coach comment"],
    },
    "v2": {
        "de": ["Nr.", "URL", "Erster Kursstart", "*", "Gruppe", "Schritt", "Abgabe abgeschlossen", "Bemerkungen",
               "Punkte", "Bestanden", "Versuche", "Letzte Aktualisierung", "Coach", "Kommentar Betreuer"],
        "en": ["No.", "URL", "Initial course launch", "*", "Group", "Step", "Submission completed", "Remarks",
               "Score", "Passed", "Attempts", "Last update", "Coach", "Coach comment"],
    },
    "old": {
        "de": ["Lfd.Nr.", "*", "Abgabe", "Punkte", "Bestanden", "Versuche", "Kommentar"],
        "en": ["No.", "*", "Submitted", "Score", "Passed", "Attempts", "Comments"],
    },
}  # fmt: skip
_PERSON = {
    "de": ["Benutzername", "Vorname", "Nachname", "E-Mail", "Institution", "Institutionsnummer", "Institutions E-Mail",
           "Studiengruppe", "Studienfach"],
    "en": ["User name", "First name", "Last name", "E-mail", "Institution", "Institution identifier",
           "Institutional e-mail", "Study group", "Field of studies"],
}  # fmt: skip
# Titles of the course, in the name of a table, and of the task, in the upper header row of the old form.
_COURSE, _TASK = "Deep Learning WS26/27", "Blatt 3"
_SUBMITTED = {"Abgabe", "Submitted", "Abgabe abgeschlossen", "Submission completed"}


@dataclass
class Folder:
    """One owner folder of a download.

    Parameters
    ----------
    name : str
        As OpenOlat writes it.
    steps : mapping of str to mapping of str to bytes
        Files by step folder, such as ``{"1_submissions": {"hand-in.zip": b"..."}}``.
    """

    name: str
    steps: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, student: Student, files: Mapping[str, bytes], *, task: bool = False, late: str = "") -> Folder:
        """Return the folder of a student with one hand-in, counted as OpenOlat does."""
        number = 2 if task else 1
        files = dict(files)
        if late:
            files[{"late": "Late_submission.txt", "extended": "Extended_submission.txt"}[late]] = late.title().encode()
        steps = {f"{number}_submissions": files}
        if task:
            steps = {"1_task": {"sheet.pdf": b"%PDF-1.4 task"}, **steps}
        return cls(fold(student.display_name), steps)


class _NoSeek(io.RawIOBase):
    """A stream that cannot go back, as OpenOlat's: sizes then follow each file's bytes."""

    def __init__(self, file) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def write_download(
    path: Path,
    folders: Sequence[Folder],
    *,
    top: str = "",
    sheet: bytes | None = None,
    when: datetime | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a download of one task.

    Parameters
    ----------
    path : pathlib.Path
    folders : sequence of Folder
    top : str
        Folder around everything, such as ``ita_Blatt_3_2026-11-20T18-05-41_207``; empty for a group list.
    sheet : bytes, optional
        The table.
    when : datetime.datetime, optional
        Time of the export, which all entries carry.
    extra : mapping of str to bytes, optional
        Further files, by path below `top`.

    Returns
    -------
    pathlib.Path
        `path`.
    """
    when = when or datetime(2026, 11, 20, 18, 5, 41)
    entries: list[tuple[str, bytes]] = []
    if sheet is not None:
        entries.append((f"{quote_plus(_COURSE)}_{when:%Y-%m-%d_%H-%M-%S}.xlsx", sheet))
    for folder in folders:
        entries += [
            (f"{folder.name}/{step}/{n}", data) for step, files in folder.steps.items() for n, data in files.items()
        ]
    entries += list((extra or {}).items())
    prefix = f"{top}/" if top else ""
    with path.open("wb") as file, zipfile.ZipFile(_NoSeek(file), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(prefix + name, when.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 0
            info.flag_bits |= 0x800
            archive.writestr(info, data)
    return path


def sheet_bytes(
    students: Sequence[Student],
    submitted: Mapping[str, datetime | None],
    *,
    form: str = "v1",
    language: str = "de",
    remarks: Mapping[str, str] | None = None,
    person_fields: Sequence[int] = (0, 1, 2, 3, 5),
) -> bytes:
    """Return the table of a download.

    Parameters
    ----------
    students : sequence of Student
    submitted : mapping of str to datetime or None
        Local time of the server by student id.
    form : {"v1", "v2", "old"}
    language : {"de", "en"}
    remarks : mapping of str to str, optional
        By student id.
    person_fields : sequence of int
        Which of OpenOlat's nine person fields the site shows.

    Returns
    -------
    bytes
        An ``.xlsx`` file.
    """
    book = openpyxl.Workbook()
    table = book.active
    person = [_PERSON[language][i] for i in person_fields]
    header = [name for h in _HEADERS[form][language] for name in (person if h == "*" else [h])]
    if form == "old":
        first = next(i for i, name in enumerate(header) if name in _SUBMITTED)
        table.append([None] * first + [_TASK])
    table.append(header)
    for number, s in enumerate(students, start=1):
        moment = submitted.get(s.student_id)
        facts = [s.user_name, s.first_name, s.last_name, s.email, "", s.matriculation_number, "", "", ""]
        known = dict(zip(_PERSON[language], facts, strict=True))
        gap = "-" if form == "old" else None
        row = []
        for name in header:
            if name in known:
                row.append(known[name] or gap)
            elif name in _SUBMITTED:
                row.append(moment or gap)
            elif name in ("Nr.", "No.", "Lfd.Nr."):
                row.append(number)
            elif name == "URL":
                row.append(f"https://olat.example.org/auth/RepositoryEntry/1/Identity/{1000 + number}")
            elif name in ("Gruppe", "Group"):
                row.append(s.groups[0] if s.groups else None)
            elif name in ("Bemerkungen", "Remarks"):
                row.append((remarks or {}).get(s.student_id))
            elif name in ("Punkte", "Score"):
                row.append("17.5")
            else:
                row.append(gap)
        if form == "v2":
            # What stands beyond "Coach" is one column off.
            coach = header.index("Coach")
            row = [*row[: coach + 1], None, *row[coach + 1 :]]
        table.append(row)
    for cells in table.iter_rows():
        for cell in cells:
            if isinstance(cell.value, datetime):
                cell.number_format = "mm-dd-yy"  # Excel's format 14: shows the date only
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
