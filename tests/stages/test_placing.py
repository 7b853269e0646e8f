"""What a student's list of members says against the roster: true, and no more than there is."""

import pytest

from course_utils.classroom.roster import read_roster
from course_utils.stages.placing import _notes_on_members
from tests.support.olat_course import ROSTER

JOERG, ANNA = ("Jörg Müller", "0012345"), ("Anna Maria Müller-Lüdenscheid", "0023456")


@pytest.fixture
def roster(tmp_path):
    """Without leading zeros, as a spreadsheet leaves it."""
    (tmp_path / "roster.csv").write_text(ROSTER.replace(",00", ","), encoding="utf-8")
    return read_roster(tmp_path)


def notes(roster, owner_id, *members):
    members = [{"name": name, "matriculation_number": number} for name, number in members]
    return _notes_on_members(members, roster.owner(owner_id), roster)


def test_lost_zeros_are_told_and_nobody_is_missing(roster):
    text = "names Jörg Müller with the number 0012345; the roster has 12345: the same but for leading zeros"
    (note,) = notes(roster, "s01", JOERG)
    assert note.startswith(text)
    assert note.endswith("; put them back in roster.csv, with the column formatted as text")
    found = notes(roster, "Gruppe_7", JOERG)
    assert found[0].startswith(text)
    assert found[1:] == ["does not name Anna Maria Müller-Lüdenscheid, whom the roster has in the group"]
    assert len(notes(roster, "Gruppe_7", JOERG, ANNA)) == 2


def test_zeros_that_the_student_lost_are_nobodys_work(tmp_path):
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (note,) = notes(read_roster(tmp_path), "s01", ("Jörg Müller", "12345"))
    assert note.endswith("the roster has them, so nothing is to be done")


@pytest.mark.parametrize(
    ("owner_id", "members", "told"),
    [
        ("s05", [("İpek Öztürk", "3141592")], []),
        ("s05", [("Ipek Oeztuerk", 3141592)], []),
        ("s05", [], []),
        (
            "s05",
            [("İpek Öztürk", "3141592"), ("Jörg Müller", "12345")],
            ["names Jörg Müller too, but the hand-in is of İpek Öztürk alone: gets no marks from here"],
        ),
        ("s05", [("İpek Öztürk", "3141529")], ["names İpek Öztürk with the number 3141529; the roster has 3141592"]),
        ("s05", [("İpek Öztürk", None)], ["names İpek Öztürk with the number none; the roster has 3141592"]),
        (
            "s05",
            [("Jörg Müller", "3141592")],
            ["names Jörg Müller with the number of İpek Öztürk; whom it means only they know"],
        ),
        (
            "s05",
            [("Gerda Gast", "99")],
            [
                "names Gerda Gast (99), who is not in the roster: gets no marks from here",
                "does not name İpek Öztürk, whose hand-in it is",
            ],
        ),
        (
            "Gruppe_9",
            [("İpek Öztürk", "3141592"), ("Jörg Müller", "12345")],
            ["names Jörg Müller, whom the roster has in Gruppe 7: gets no marks from here"],
        ),
    ],
)
def test_what_differs_is_told(roster, owner_id, members, told):
    assert notes(roster, owner_id, *members) == told
