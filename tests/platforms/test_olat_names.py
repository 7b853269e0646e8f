"""What OpenOlat's folders are called, and who is meant by them."""

import unicodedata

import pytest

from course_utils.classroom.names import fold
from course_utils.classroom.roster import RosterError, read_roster
from course_utils.platforms.olat.names import split_owner, strip_task_folder
from tests.support.olat_course import ROSTER

FOLDED = {
    "Müller_Jörg_jmueller": "Mueller_Joerg_jmueller",
    "Müller-Lüdenscheid_Anna Maria_max.muster@uni.de": "MuellerLuedenscheid_Anna_Maria_maxmusterunide",
    "O'Neill_Éloïse_oneill": "ONeill_Eloise_oneill",
    "Öztürk_İpek_abc12": "Oeztuerk_Ipek_abc12",
    "Łukasiewicz_Ørsted_x": "ukasiewicz_rsted_x",
    "Nguyễn_Đức_n": "Nguyen_uc_n",
    "Иванов_Иван_ivan": "__ivan",
    "Blatt 03: Faltungsnetze": "Blatt_03_Faltungsnetze",
    "Gruppe 7 (Mo–Mi)": "Gruppe_7_Mo_Mi",
    # Not in the description's table, but in its rules.
    "Groß_Æsir_æø∅": "Gross_sir_aeoo",
    "a?b\\c/d e": "a_b_c_d_e",
}


@pytest.mark.parametrize(("before", "after"), FOLDED.items())
def test_fold_follows_openolat(before, after):
    assert fold(before) == after


def test_fold_of_nothing_left_is_an_underscore():
    assert fold("!!!") == "_"


def test_older_versions_delete_dashes():
    assert fold("Mo–Mi", dashes=False) == "MoMi"


def test_a_decomposed_name_loses_its_umlaut():
    assert fold(unicodedata.normalize("NFD", "Müller")) == "Muller"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ita_Blatt/Mueller_J_jm/2_submissions/a.zip", (("ita_Blatt",), "Mueller_J_jm", "2_submissions", ("a.zip",))),
        ("Gruppe_7_98304/1_submissions/p.zip", ((), "Gruppe_7_98304", "1_submissions", ("p.zip",))),
        ("a/b/c/O_N_on/4_revisions_12/x/y.py", (("a", "b", "c"), "O_N_on", "4_revisions_12", ("x", "y.py"))),
        ("O_N_on/1_submissions/1_task/z.py", ((), "O_N_on", "1_submissions", ("1_task", "z.py"))),
        ("1_task/O_N_on/2_submissions/z.py", (("1_task",), "O_N_on", "2_submissions", ("z.py",))),
        ("O_N_on/1_Submissions/z.py", None),
        ("2_submissions/a.zip", None),
        ("solutions/loesung.zip", None),
        ("O_N_on/1_submissions", None),
    ],
)
def test_the_owner_stands_before_the_first_step_folder(path, expected):
    assert split_owner(path) == expected


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("ita_Blatt_03_2026-11-20T18-05-41_207", ("Blatt_03", "2026-11-20T18-05-41_207")),
        ("grouptask_Projekt_1_2026-11-20T18-08-30_951", ("Projekt_1", "2026-11-20T18-08-30_951")),
        ("Blatt_03", ("Blatt_03", "")),
    ],
)
def test_the_folder_of_a_task_is_title_and_time(folder, expected):
    assert strip_task_folder(folder) == expected


@pytest.fixture
def roster(tmp_path):
    """Five students in three groups."""
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return read_roster(tmp_path)


@pytest.mark.parametrize(
    ("folder", "owner_id"),
    [
        ("Mueller_Joerg_jmueller", "s01"),
        ("MuellerLuedenscheid_Anna_Maria_maxmusteruniexample", "s02"),
        ("ONeill_Eloise_oneill", "s03"),
        ("__ivan", "s04"),
        ("Gruppe_7_98304", "Gruppe_7"),
        ("Gruppe_8_Mo_Mi_98305", "Gruppe_8_Mo_Mi"),
        ("Gruppe_8_MoMi_98305", "Gruppe_8_Mo_Mi"),
        # OpenOlat's own data may be decomposed.
        ("Muller_Jorg_jmueller", "s01"),
    ],
)
def test_a_folder_is_looked_up_in_the_roster(roster, folder, owner_id):
    assert [owner.owner_id for owner in roster.owners_of(folder)] == [owner_id]


@pytest.mark.parametrize("folder", ["Nobody_N_n", "Gruppe_7", "Gruppe_70_1", "Mueller_Joerg_4711"])
def test_an_unknown_folder_belongs_to_nobody(roster, folder):
    assert roster.owners_of(folder) == []


def test_two_rows_that_fold_to_one_name_are_both_returned(tmp_path):
    rows = ROSTER + "s06,a.b,Doppel,Dora,,,\ns07,ab,Doppel,Dora,,,\n"
    (tmp_path / "roster.csv").write_text(rows, encoding="utf-8")
    assert [o.owner_id for o in read_roster(tmp_path).owners_of("Doppel_Dora_ab")] == ["s06", "s07"]


def test_a_decomposed_roster_is_composed(tmp_path):
    (tmp_path / "roster.csv").write_text(unicodedata.normalize("NFD", ROSTER), encoding="utf-8")
    assert read_roster(tmp_path).owners_of("Mueller_Joerg_jmueller")[0].name == "Jörg Müller"


def test_excel_writes_semicolons_and_a_byte_order_mark(tmp_path):
    (tmp_path / "roster.csv").write_text(ROSTER.replace(",", ";"), encoding="utf-8-sig")
    assert len(read_roster(tmp_path).students) == 5


def test_leading_zeros_stay(roster):
    assert roster.student("s01").matriculation_number == "0012345"


def test_the_local_roster_wins(tmp_path):
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (tmp_path / "roster.local.csv").write_text(ROSTER.replace("Jörg", "Georg"), encoding="utf-8")
    assert read_roster(tmp_path).student("s01").first_name == "Georg"


def test_a_member_of_two_groups_is_in_both(tmp_path):
    (tmp_path / "roster.csv").write_text(ROSTER.replace("Gruppe 9", "Gruppe 7; Gruppe 9"), encoding="utf-8")
    roster = read_roster(tmp_path)
    assert [len(group.members) for group in roster.groups] == [3, 2, 1]
    assert roster.group_of(roster.student("s05")) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("s01,", "s02,", "rows 2 and 3 have the same student_id: s02"),
        ("s01,", "../x,", r"row 2: student_id must be letters, digits and \. _ @ -"),
        (",jmueller,", ",,", "row 2: user_name is empty"),
        ("0012345", "1,23E+05", "row 2 has more fields than the first line; is a comma not quoted"),
        ("0012345", "1.2E+05", r"row 2: matriculation_number is .1\.2E\+05.: a spreadsheet cut the number"),
        ("0012345", "3141592", "rows 2 and 6 have the same matriculation_number"),
        ("Gruppe 9", "Gruppe-7", None),
        ("Gruppe 9", "Gruppe?7", "would share the folder Gruppe_7"),
        ("Gruppe 9", "s01", "has the folder name of the student in row 2"),
        ("user_name,last_name", "a,b", "user_name, last_name is missing"),
    ],
)
def test_a_roster_is_checked(tmp_path, old, new, message):
    (tmp_path / "roster.csv").write_text(ROSTER.replace(old, new, 1), encoding="utf-8")
    if message is None:
        read_roster(tmp_path)
        return
    with pytest.raises(RosterError, match=message):
        read_roster(tmp_path)


def test_no_roster_and_no_utf8_are_said(tmp_path):
    with pytest.raises(RosterError, match=r"no roster\.csv"):
        read_roster(tmp_path)
    (tmp_path / "roster.csv").write_bytes(ROSTER.replace("И", "I").encode("cp1252", errors="replace"))
    with pytest.raises(RosterError, match="must be UTF-8"):
        read_roster(tmp_path)
