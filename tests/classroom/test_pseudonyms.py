"""Nothing of a name is left where pseudonyms are wanted, whatever letters it has."""

from __future__ import annotations

import pytest

from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.roster import Roster, Student

PEOPLE = [
    Student("a1", "agross", "Groß", "Björn", "b@x.example", "0031415", ("Straße 7",), 2),
    Student("a2", "ioz", "Öztürk", "İpek", "i@x.example", "0031416", (), 3),
    Student("a3", "esuharto", "Suharto", "", "s@x.example", "0031417", (), 4),
]


@pytest.mark.parametrize(
    "text",
    ["Björn Groß", "Groß, Björn", "Gross_Bjoern_agross", "GROß", "groß", "İpek Öztürk", "Oeztuerk_Ipek_ioz",
     "Suharto", "Suharto__esuharto", "0031415", "Straße 7", "B@X.example"],
)  # fmt: skip
def test_every_way_to_write_somebody_is_replaced(text):
    shown = Pseudonyms(Roster(tuple(PEOPLE)), b"key").text(f"({text})")
    assert shown.startswith("(p-") and len(shown) == len("(p-12345678)"), shown
