"""The table in a download: every form, both languages."""

from datetime import datetime

import openpyxl
import pytest

from course_utils.classroom.roster import Student
from course_utils.platforms.olat.sheet import SheetError, read_sheet
from course_utils.platforms.olat.simulate import sheet_bytes

STUDENTS = [
    Student("s1", "jmueller", "Müller", "Jörg", "joerg@students.example", "0012345", ("Gruppe 7",)),
    Student("s2", "oneill", "O'Neill", "Éloïse", "eloise@students.example", "3141592", ()),
]
TIMES = {"s1": datetime(2026, 11, 20, 17, 59, 41)}


@pytest.mark.parametrize("person_fields", [(0, 1, 2), range(9), (1, 2, 3), (2, 1, 5, 6)])
@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("form", ["v1", "v2", "old"])
def test_every_form_in_both_languages(tmp_path, form, language, person_fields):
    """Fixture 9: with more and fewer person fields; the score is text."""
    path = tmp_path / "table.xlsx"
    remarks = {"s1": "verspätet"}
    path.write_bytes(
        sheet_bytes(STUDENTS, TIMES, form=form, language=language, person_fields=tuple(person_fields), remarks=remarks)
    )
    first, second = read_sheet(path)
    assert (first.first_name, first.last_name) == ("Jörg", "Müller")
    assert first.submitted == TIMES["s1"] and second.submitted is None and not second.problem
    assert first.score == 17.5
    if 0 in person_fields:
        assert first.user_name == "jmueller"
    if 5 in person_fields:
        assert first.matriculation_number == "0012345"
    if form != "old":
        assert first.remarks == "verspätet"
    assert first.group == ("Gruppe 7" if form == "v2" else "")


def table(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-11-20 18:05", datetime(2026, 11, 20, 18, 5)),
        ("20.11.2026 18:05", datetime(2026, 11, 20, 18, 5)),
        ("20.11.26, 18:05", datetime(2026, 11, 20, 18, 5)),
        ("20.11.2026 18:05 Uhr", datetime(2026, 11, 20, 18, 5)),
        ("11/20/26, 6:05 PM", datetime(2026, 11, 20, 18, 5)),
        ("20/11/2026 18:05", datetime(2026, 11, 20, 18, 5)),
        (46346.75, datetime(2026, 11, 20, 18, 0)),
        ("5/5/26, 6:05 PM", datetime(2026, 5, 5, 18, 5)),
        ("11/10/26, 6:05 PM", "may mean two dates"),
        ("gestern", "can't be read"),
        ("n/a", None),
    ],
)
def test_times_that_are_text(tmp_path, cell, expected):
    path = table(tmp_path / "t.xlsx", [["Benutzername", "Nachname", "Abgabe"], ["jm", "M", cell]])
    (row,) = read_sheet(path)
    if isinstance(expected, str):
        assert row.submitted is None and expected in row.problem
    else:
        assert row.submitted == expected and not row.problem


def test_the_old_form_with_two_tasks_needs_the_title(tmp_path):
    rows = [
        [None, None, None, "Blatt 1", None, "Blatt 2"],
        ["Nr", "Benutzername", "Nachname", "Abgabe", "Punkte", "Abgabe", "Punkte"],
        [1, "jm", "M", "01.01.2026 10:00", "3", "02.02.2026 11:00", "4"],
    ]
    path = table(tmp_path / "t.xlsx", rows)
    with pytest.raises(SheetError, match=r"several tasks .*'Blatt 1', 'Blatt 2'"):
        read_sheet(path)
    (row,) = read_sheet(path, "Blatt 2")
    assert row.submitted == datetime(2026, 2, 2, 11) and row.score == 4


def test_two_columns_of_one_meaning_must_say_the_same(tmp_path):
    """With other values neither is read, and both are shown."""
    rows = [
        ["Benutzername", "Nachname", "Matrikelnummer", "Institutionsnummer", "Abgabe", "Abgabedatum"],
        ["jm", "M", "0012345", "0012345", "2026-11-20 18:05", "20.11.2026 18:05"],
        ["ka", "K", "0012346", None, None, "20.11.2026 18:05"],
        ["lb", "L", "0012347", "77", "2026-11-20 18:05", "21.11.2026 18:05"],
    ]
    same, empty, other = read_sheet(table(tmp_path / "t.xlsx", rows))
    moment = datetime(2026, 11, 20, 18, 5)
    assert (same.matriculation_number, same.submitted, same.differing) == ("0012345", moment, "")
    assert (empty.matriculation_number, empty.submitted, empty.problem) == ("0012346", moment, "")
    assert (other.user_name, other.matriculation_number, other.submitted) == ("lb", "", None)
    assert other.differing == "'Matrikelnummer' and 'Institutionsnummer' are '0012347' and '77'"
    assert "several submission times, 2026-11-20 18:05:00 and 2026-11-21 18:05:00" in other.problem


def test_a_table_that_is_only_a_header_has_no_rows(tmp_path):
    path = tmp_path / "t.xlsx"
    path.write_bytes(sheet_bytes([], {}))
    assert read_sheet(path) == []


@pytest.mark.parametrize("content", [b"", b"no xlsx", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_table_is_said(tmp_path, content):
    path = tmp_path / "t.xlsx"
    path.write_bytes(content)
    with pytest.raises(SheetError, match="can't be read"):
        read_sheet(path)
    with pytest.raises(SheetError, match="no header"):
        read_sheet(table(path, [["a", "b"], [1, 2]]))


def test_nothing_is_read_beyond_the_coach(tmp_path):
    """There, data stand one column right of their headers in the newest form."""
    rows = [
        ["Benutzername", "Nachname", "Abgabe", "Coach", "Bemerkungen"],
        ["jm", "M", None, "c", "of the coach", "shifted"],
    ]
    (row,) = read_sheet(table(tmp_path / "t.xlsx", rows))
    assert row.remarks == ""
