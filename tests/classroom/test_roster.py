"""The class as spreadsheets save it: headers, separators, encodings, quotes, and numbers that lost their zeros."""

import pytest

from course_utils.classroom.roster import RosterError, lost_zeros, read_roster
from tests.support.olat_course import ROSTER

GERMAN = 'Benutzername;Nachname;Vorname;Matrikelnummer;E-Mail;Gruppe\nkk;Kernel;Karla;0031;;"Gruppe 1;Gruppe 2"\n'


def read(folder, text, encoding="utf-8"):
    (folder / "roster.csv").write_bytes(text.encode(encoding))
    return read_roster(folder)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("first", ["", "sep=;\r\n", "\n"])
def test_german_headers_are_read_as_excel_saves_them(tmp_path, encoding, first):
    (student,) = read(tmp_path, first + GERMAN, encoding).students
    assert (student.student_id, student.user_name, student.name) == ("kk", "kk", "Karla Kernel")
    assert (student.matriculation_number, student.groups) == ("0031", ("Gruppe 1", "Gruppe 2"))
    assert student.row == 2 + bool(first)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"Gruppe 1;Gruppe 2"', "Gruppe 1;Gruppe 2", "row 2 has more fields .* is a semicolon not quoted"),
        ("Kernel", '"Kernel', "before the end of row 2 .* Is a quote not closed"),
        ("Kernel", '"Ker\nnel"', "row 2 goes on over several lines; is a quote not closed"),
        ("Vorname", "Nachname", "first_name is missing, and last_name is there twice"),
        (
            "Matrikelnummer",
            "Login",
            "'Benutzername' and 'Login' both mean user_name, and row 2 has 'kk' and '0031'",
        ),
        ("0031", "1,61803E+06", "row 2: .*'1,61803E.06': a spreadsheet cut the number"),
        ("0031", "31415.0", "row 2: .*a spreadsheet cut the number"),
        ("kk;Kernel", "1,20E+05;Kernel", "row 2: user_name is '1,20E.05': a spreadsheet cut the number"),
        ("0031", "#####", "row 2: matriculation_number is '#####': a spreadsheet put an error in its place"),
        ("Kernel", "#NAME?", "row 2: last_name is '#NAME.': a spreadsheet put an error in its place"),
        ("0031", '"="0031""', "before the end of row 2 .* Is a quote not closed, or in the middle"),
        ("Karla", "Ka\0rla", "row 2 holds NUL characters"),
        (GERMAN, "PK\x03\x04", r"is a workbook \(\.xlsx\) under another name"),
        ("Nachname;", "", "last_name is missing"),
        ("Karla", '"' + "K" * 200_000, "Is a quote not closed"),
        (GERMAN, "sep=;\n", "is empty; its first line must be"),
    ],
)
def test_what_a_spreadsheet_spoils_is_told_with_its_row(tmp_path, old, new, told):
    with pytest.raises(RosterError, match=told):
        read(tmp_path, GERMAN.replace(old, new))


@pytest.mark.parametrize("number", ['="0031"', '"=""0031"""', "'0031"])
def test_digits_that_were_kept_as_text_are_read(tmp_path, number):
    (student,) = read(tmp_path, GERMAN.replace("0031", number)).students
    assert student.matriculation_number == "0031"


def test_a_number_that_a_spreadsheet_cut_is_told_once(tmp_path):
    with pytest.raises(RosterError) as told:
        read(tmp_path, ROSTER.replace("0012345", "1.61803E+06").replace("0023456", "1.61803E+06"))
    lines = str(told.value).splitlines()[1:]
    assert [line[:30] for line in lines] == ["- row 2: matriculation_number ", "- row 3: matriculation_number "]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"Gruppe 1;Gruppe 2"', "01. Jul", "row 2: the group '01. Jul' looks like the date that a spreadsheet makes"),
        ('"Gruppe 1;Gruppe 2"', '"Gruppe 1;7-Jan"', "row 2: the group '7-Jan' looks like the date"),
        (
            "0031",
            "01.03.2026",
            "row 2: matriculation_number '01.03.2026' looks like a date; if it is, write what it was",
        ),
        ("0031", "1.234.567", "row 2: matriculation_number '1.234.567' looks like a number with points between"),
    ],
)
def test_what_a_spreadsheet_may_have_made_of_a_text_is_a_remark(tmp_path, old, new, told):
    (remark,) = read(tmp_path, GERMAN.replace(old, new)).remarks
    assert told in remark


def test_another_encoding_is_told_with_its_row(tmp_path):
    with pytest.raises(RosterError, match=r"must be UTF-8 text, but row 2 is not\. In Excel"):
        read(tmp_path, GERMAN.replace("Karla", "Käte"), "cp1252")


def test_empty_fields_at_the_end_are_none_too_many(tmp_path):
    assert len(read(tmp_path, GERMAN.replace('2"\n', '2";;\n')).students) == 1


def test_a_header_that_is_nearly_one_is_a_remark(tmp_path):
    assert read(tmp_path, GERMAN.replace("Gruppe\n", "Grupe\n")).remarks == (
        "roster.csv: nothing is read from the column 'Grupe'. Did you mean 'group'?",
    )
    assert read(tmp_path, GERMAN.replace("E-Mail", "Institutions-E-Mail")).remarks == ()


@pytest.mark.parametrize("first", [False, True])
def test_a_second_column_of_one_meaning_must_say_the_same(tmp_path, first):
    """With other values it is an error with both; a column `id` beside `student_id` is no second one."""

    def with_column(name, value):
        cells = [name, *(value(line.split(",")) for line in ROSTER.splitlines()[1:])]
        rows = [(cell, row) if first else (row, cell) for cell, row in zip(cells, ROSTER.splitlines(), strict=True)]
        return read(tmp_path, "".join(f"{one},{other}\n" for one, other in rows))

    plain = read(tmp_path, ROSTER).students
    same = with_column("mail", lambda cells: cells[4])
    assert same.students == plain
    assert same.remarks == ("roster.csv: 'email' and 'mail' say nothing different; one of them is enough.",)
    assert with_column("mail", lambda cells: "").students == plain
    told = r"'user_name' and 'login' both mean user_name, and row 2 has 'jmueller' and 'x' \(5 rows differ\): keep the"
    with pytest.raises(RosterError, match=told):
        with_column("login", lambda cells: "x")
    other = with_column("id", lambda cells: "x")
    assert other.students == plain and "nothing is read from the column 'id'" in other.remarks[0]


def test_numbers_of_different_lengths_are_a_remark(tmp_path):
    assert read(tmp_path, ROSTER).remarks == ()
    roster = read(tmp_path, ROSTER.replace("0012345", "12345").replace("0023456", "A1"))
    assert "have 5 and 7 digits; the shorter: row 2. " in roster.remarks[0]
    assert lost_zeros(roster.students[1:]) == ""


def test_a_number_without_its_zeros_is_the_same_person(tmp_path):
    roster = read(tmp_path, ROSTER.replace("0012345", "12345"))
    assert roster.find(matriculation_number="0012345").student_id == "s01"
    assert roster.find(matriculation_number="23456").student_id == "s02"
    assert roster.find(matriculation_number="000") is roster.find(matriculation_number="") is None
    two = read(tmp_path, ROSTER.replace("0012345", "023456"))
    assert two.find(matriculation_number="023456").student_id == "s01", "as it is written comes first"
    assert two.find(matriculation_number="23456") is None, "it may be either"


def test_a_name_is_found_as_people_write_it(tmp_path):
    roster = read(tmp_path, ROSTER)
    for name in ("Jörg Müller", "Joerg Mueller", "  jörg  müller", "Müller, Jörg"):
        assert [s.student_id for s in roster.called(name)] == ["s01"]
    assert [s.student_id for s in roster.called("Иван Иванов")] == ["s04"]
    assert roster.called("Пётр") == roster.called("") == []


def test_without_a_column_of_ids_nothing_is_said_about_it(tmp_path):
    rows = "user_name,last_name,first_name\nkk/2,Kernel,Karla\n,Softmax,Sven\npp,Pooling,Paula\npp,Pooling,Peter\n"
    (tmp_path / "roster.csv").write_text(rows)
    with pytest.raises(RosterError) as told:
        read_roster(tmp_path)
    assert str(told.value).splitlines()[1:] == [
        "- row 2: user_name (there is no column student_id) must be letters, digits and . _ @ -, as it becomes a "
        "folder name; it is 'kk/2'",
        "- row 3: user_name is empty; OpenOlat identifies people by it",
        "- rows 4 and 5 have the same user_name: pp",
    ]
