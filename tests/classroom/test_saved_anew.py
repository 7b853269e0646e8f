"""Tables of this program that somebody saved in a spreadsheet: with semicolons, decimal commas, in cp1252."""

import csv

import pytest

from course_utils.classroom.spreadsheets import TableError, table_saved_anew
from course_utils.classroom.tables import write_csv
from course_utils.report.assignment import _read_earlier
from course_utils.stages import feedback
from course_utils.stages.regrading_log import COLUMNS, RegradingLog

ROWS = [["zoë", "could not be shown"], ["ada", "könnte; sein"]]


def as_german_excel(path, encoding="cp1252", separator=";"):
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=separator).writerows(
            [cell.replace(".", ",") if cell.replace(".", "").isdigit() else cell for cell in row] for row in rows
        )


@pytest.mark.parametrize(("encoding", "separator"), [("cp1252", ";"), ("utf-8-sig", ";"), ("utf-16", "\t")])
def test_who_got_no_page_is_read_as_it_was_saved(tmp_path, encoding, separator):
    table = write_csv(tmp_path / "week0-feedback.csv", ["student_id", "problem"], ROWS)
    as_german_excel(table, encoding, separator)
    assert feedback._rows(table) == ROWS
    assert feedback._rows(tmp_path / "none.csv") == []


def test_an_earlier_report_is_read_as_it_was_saved(tmp_path):
    columns, cells = ["notebook", "cell", "points", "n", "mean"], [["a", "test_ä", 1.5, 12, 0.25], ["a", "b", 2, 0, ""]]
    table = write_csv(tmp_path / "old-report-cells.csv", columns, cells, mark=True)
    before = _read_earlier(table)
    as_german_excel(table)
    assert "1,5;12;0,25" in table.read_text(encoding="cp1252")
    assert _read_earlier(table) == before == {
        ("a", "test_ä"): {"points": 1.5, "n": 12, "mean": 0.25},
        ("a", "b"): {"points": 2.0, "n": 0, "mean": None},
    }  # fmt: skip


def test_lines_of_the_log_stand_as_the_others_do(tmp_path):
    log = RegradingLog(tmp_path, "week0", "ada", "0" * 64)
    log._add([["2026"] * len(COLUMNS)])
    as_german_excel(log.path, "utf-8-sig")
    log._add([["2027"] * len(COLUMNS)])
    rows = table_saved_anew(log.path)
    assert [row["when"] for row in rows] == ["2026", "2027"] and list(rows[0]) == list(COLUMNS)


def test_what_is_no_table_is_a_sentence(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\n" + "b" * 200_000)
    with pytest.raises(TableError, match="can't be read as a table"):
        table_saved_anew(path)
