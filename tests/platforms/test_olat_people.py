"""OpenOlat's table against the roster: who has another number or group, and whose hand-in waits."""

import pytest

from course_utils.classroom.roster import read_roster
from course_utils.platforms.hand_ins import Wanted
from course_utils.platforms.olat.people import compare_people
from course_utils.platforms.olat.sheet import SheetRow
from course_utils.platforms.olat.simulate import Folder, sheet_bytes, write_download
from course_utils.stages.collect import collect
from tests.support.olat_course import ROSTER, make_course, work, zip_bytes


@pytest.fixture
def roster(tmp_path):
    """Jörg's number has lost its zeros, İpek has a number of another length."""
    (tmp_path / "roster.csv").write_text(ROSTER.replace(",0012345", ",12345"), encoding="utf-8")
    return read_roster(tmp_path)


THERE = "OpenOlat has jmueller with the matriculation number"


@pytest.mark.parametrize(
    ("row", "notes", "unsure"),
    [
        ({"user_name": "abc12", "matriculation_number": "3141592", "group": "Gruppe 9"}, [], []),
        ({"user_name": "ABC12", "matriculation_number": ""}, [], []),
        (
            {"user_name": "abc12", "differing": "'E-Mail' and 'Mail' are 'a' and 'b'"},
            ["of abc12 OpenOlat's table says two things: 'E-Mail' and 'Mail' are 'a' and 'b'; neither is read"],
            [],
        ),
        ({"user_name": "oneill", "matriculation_number": "34567"}, [], []),  # the roster has the zeros
        ({"user_name": "ghost", "matriculation_number": "99"}, [], []),  # their folder is nobody's: told there
        (
            {"user_name": "jmueller", "matriculation_number": "0012345"},
            [
                "matriculation numbers have lost their leading zeros: Jörg Müller (row 2: 12345, not 0012345); "
                "put them back in roster.csv, with the column formatted as text"
            ],
            [],
        ),
        (
            {"user_name": "jmueller", "matriculation_number": "777"},
            [f"{THERE} 777; row 2 of roster.csv has 12345: mend the one that is wrong"],
            [],
        ),
        (
            {"user_name": "jmueller", "matriculation_number": "0023456"},
            [
                f"{THERE} 0023456, which is that of Anna Maria Müller-Lüdenscheid in row 3 of roster.csv; "
                "whom it means is not sure"
            ],
            ["s01"],
        ),
        (
            {"first_name": "Jörg", "last_name": "Müller", "matriculation_number": "23456"},
            [
                "OpenOlat has Jörg Müller with the matriculation number 23456, which is that of Anna Maria "
                "Müller-Lüdenscheid in row 3 of roster.csv; whom it means is not sure"
            ],
            ["s01", "s02"],
        ),
        (
            {"user_name": "jm2", "matriculation_number": "12345", "group": "Gruppe 8"},
            [
                "Jörg Müller (s01) is in 'Gruppe 8' in OpenOlat, in Gruppe 7 in the roster",
                "OpenOlat has jm2 with the matriculation number 12345, which is that of Jörg Müller in row 2 of "
                "roster.csv, there with the user name jmueller: if they are one person, mend the user name there and "
                "collect again",
            ],
            [],
        ),
    ],
)
def test_who_differs_is_told(row, notes, unsure, roster):
    found = compare_people([SheetRow(**row)], roster)
    assert (found.notes, list(found.unsure)) == (notes, unsure)


def test_a_class_of_others_is_told_in_a_few_lines(roster):
    rows = [SheetRow(user_name="jmueller", matriculation_number=str(777 + i)) for i in range(30)]
    assert compare_people(rows, roster).notes[20:] == ["10 more like that"]


def test_who_is_not_sure_waits_and_is_placed_by_hand(tmp_path):
    """The column of the numbers was sorted without the others; the table of the download is right."""
    course = tmp_path / "course"
    course.mkdir()
    make_course(course)
    right = {s.student_id: s for s in read_roster(course).students}
    swapped = ROSTER.replace("0012345", "X").replace("0023456", "0012345").replace("X", "0023456")
    (course / "roster.csv").write_text(swapped, encoding="utf-8")
    folders = [Folder.of(right[who], {"a.zip": zip_bytes(work())}) for who in ("s01", "s03")]
    sheet = sheet_bytes(list(right.values()), {})
    path = write_download(tmp_path / "a.zip", folders, top="ita_Sheet_2026-11-20T18-05-41_207", sheet=sheet)
    collection = collect(course, "sheet", [path])
    where = {entry.owner_id: entry.where for entry in collection.everybody}
    assert where["s01"].startswith(f"in quarantine: {THERE} 0012345, which is that of Anna Maria")
    assert "mend the roster and collect again, or place it with --owner Mueller_Joerg_jmueller=s01" in where["s01"]
    assert where["s03"] == "laid out" and not (course / "submitted/s01").exists()
    by_hand = Wanted("sheet", owners={"Mueller_Joerg_jmueller": "s01"})
    assert [row.owner_id for row in collect(course, "sheet", [path], wanted=by_hand).rows] == ["s01", "s03"]
    (course / "roster.csv").write_text(ROSTER, encoding="utf-8")
    assert not collect(course, "sheet", [path]).quarantined
