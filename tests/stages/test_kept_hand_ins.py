"""Every hand-in that was ever collected is kept; which one is laid out; how another one is chosen; where it all is."""

from __future__ import annotations

import csv
import errno
import itertools
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from course_utils.classroom.roster import Owner, read_roster
from course_utils.classroom.safety_net import Waiting
from course_utils.classroom.tables import as_cell
from course_utils.command import app
from course_utils.errors import CourseError
from course_utils.platforms.hand_ins import HandIn, Problem, RawFile, Wanted, ranked
from course_utils.platforms.olat.simulate import Folder, sheet_bytes, write_download
from course_utils.stages.checking import Stopped
from course_utils.stages.collect import collect
from course_utils.stages.kept import KeptHandIns
from course_utils.stages.quarantine import Quarantine, true_name
from course_utils.stages.settling import settle
from tests.support.olat_course import make_course, notebook_bytes, work, zip_bytes

DUE = 'c.Deadlines.due = {"sheet": "2026-11-20 18:00"}'
FIRST = "submitted/s01/sheet/first.ipynb"
STUB = "    # YOUR CODE HERE\n    raise NotImplementedError()"
BLANK = work(**{f"{name}.ipynb": notebook_bytes(name, STUB) for name in ("first", "second")})


@pytest.fixture
def course(tmp_path):
    (tmp_path / "course").mkdir()
    return make_course(tmp_path / "course", config=DUE)


@pytest.fixture
def download(course, tmp_path):
    """Write a download of one student's page of files, handed in at an hour of the day and exported an hour later."""
    students = {s.student_id: s for s in read_roster(course).students}

    def make(name, files, hour, *, who="s01", timed=True, others=()):
        if (path := tmp_path / f"{name}.zip").exists():
            return path
        folders = [Folder.of(students[who], files if isinstance(files, dict) else {"a.zip": answer(files)}), *others]
        sheet = (
            sheet_bytes(list(students.values()), {who: datetime(2026, 11, 20) + timedelta(hours=hour)})
            if timed
            else None
        )
        top = f"ita_Sheet_2026-11-20T{int(hour) + 1:02}-00-00_1"
        return write_download(path, folders, top=top, sheet=sheet)

    return make


def answer(number):
    return zip_bytes(work(**{"first.ipynb": notebook_bytes("first", f"    return {number}")}))


def laid_out(course):
    """The answer that is laid out for s01, and its time."""
    stamp = course / "submitted/s01/sheet/timestamp.txt"
    text = json.loads((course / FIRST).read_text())["cells"][2]["source"]
    return int("".join(text).split()[-1]), stamp.read_text()[11:13] if stamp.exists() else ""


def table(course, name="collected.csv"):
    with (course / "reports/sheet" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def only_row(collection):
    (found,) = collection.rows
    assert [as_cell(note) for note in found.notes] == found.notes, "the guard against formulas changes a sentence"
    return found


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[1:])
def test_the_newest_is_laid_out_in_whatever_order_downloads_are_read(course, download, order):
    paths = [download(f"dl{n}", n + 1, 9 + n) for n in range(3)]
    newest = -1
    for n in order:
        before = (course / FIRST).stat().st_mtime_ns if newest >= 0 else None
        row = only_row(collect(course, "sheet", [paths[n]]))
        if n < newest:
            assert row.state == "unchanged" and (course / FIRST).stat().st_mtime_ns == before
            assert f"({paths[n].name}) of 2026-11-20 {9 + n:02}:00:00 is an older one than what is laid out" in str(
                row.notes
            )
        newest = max(n, newest)
        assert laid_out(course) == (newest + 1, f"{8 + newest:02}")
    kept = table(course, "hand-ins.csv")
    assert [r["state"] for r in kept] == ["older", "older", "laid out"]
    assert [(r["submitted"][11:13], r["download"]) for r in kept] == [
        ("09", "dl0.zip"),
        ("10", "dl1.zip"),
        ("11", "dl2.zip"),
    ]
    assert table(course)[0]["submitted"] == "2026-11-20 11:00:00"


def test_another_hand_in_is_chosen_with_its_time_until_a_newer_one_comes(course, download):
    for n in (1, 2):
        collect(course, "sheet", [download(f"dl{n}", n, 8 + n)])
    ids = [r["hand_in"] for r in table(course, "hand-ins.csv")]
    for text in (ids[0], "09:00", "2026-11-20 09"):
        row = only_row(collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose=text)))
        assert laid_out(course) == (1, "08") and row.submitted == "2026-11-20 09:00:00", text
        assert "chosen by hand" in str(row.notes)
        row = only_row(collect(course, "sheet", [download("dl2", 2, 10)]))
        assert "(dl2.zip) of 2026-11-20 10:00:00 does not replace the one that was chosen by hand" in str(row.notes)
        assert laid_out(course) == (1, "08"), "what was known when it was chosen does not come back"
        collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose="newest"))
        assert laid_out(course) == (2, "09")
    collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose="09:00"))
    assert [r["state"] for r in table(course, "hand-ins.csv")] == ["laid out, chosen by hand", "older"]
    collect(course, "sheet", [download("dl3", 3, 12)])
    assert laid_out(course) == (3, "11")
    with pytest.raises(
        CourseError, match=rf"no hand-in, and no file in quarantine, '23:00'\. There are: {ids[0]} \(2026"
    ):
        collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose="23:00"))
    with pytest.raises(CourseError, match=r"'2026-11-20' means several hand-ins of Jörg Müller"):
        collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose="2026-11-20"))
    with pytest.raises(CourseError, match=r"no student or group 'jmuelle'.*Near it: s01"):
        collect(course, "sheet", [], wanted=Wanted("sheet", student="jmuelle", choose="newest"))


BAD = {
    "an empty zip": {"a.zip": zip_bytes({})},
    "no notebook": {"a.zip": zip_bytes({"report.pdf": b"%PDF"})},
    "another assignment": {"third.ipynb": notebook_bytes("third")},
    "an untouched copy": {"a.zip": zip_bytes(BLANK)},
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_does_not_count_replaces_nothing(course, download, case, order):
    paths = [download("good", 1, 9), download("bad", BAD[case], 10)]
    for n in order:
        collection = collect(course, "sheet", [paths[n]])
    assert laid_out(course) == (1, "08")
    assert "not graded: the hand-in in Mueller_Joerg_jmueller (bad.zip)" in str(only_row(collection).notes)
    (here,) = [r for r in table(course) if r["owner_id"] == "s01"]
    assert (here["where"], here["submitted"]) == ("laid out", "2026-11-20 09:00:00")
    assert bool(here["in_quarantine"]) is (case != "an untouched copy")


def test_alone_an_untouched_copy_is_laid_out_and_called_so(course, download):
    collect(course, "sheet", [download("a", BAD["an untouched copy"], 9)])
    assert (course / FIRST).is_file() and table(course)[0]["where"] == "untouched copy"


def test_a_hand_in_without_a_time_does_not_silently_replace_one_with_a_time(course, download, tmp_path):
    collect(course, "sheet", [download("a", 1, 9)])
    page = tmp_path / "page.zip"
    page.write_bytes(answer(2))
    note = str(only_row(collect(course, "sheet", [page], wanted=Wanted("sheet", student="s01"))).notes)
    assert laid_out(course) == (1, "08")
    assert "has no time, so it does not replace the one of 2026-11-20 09:00:00; take it with --choose" in note
    (made,) = (r["hand_in"] for r in table(course, "hand-ins.csv") if r["student_id"] == "s01" and not r["submitted"])
    assert f"with --choose {made}" in note
    collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose=made))
    assert laid_out(course) == (2, "")
    # A later download without its table: its hand-in is newer, and the row says what is lost.
    collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose="newest"))
    note = str(only_row(collect(course, "sheet", [download("b", 3, 12, timed=False)])).notes)
    assert laid_out(course) == (3, "") and "counts although its time is unknown" in note
    assert "take the one of 2026-11-20 09:00:00 with --choose" in note


def test_what_nobody_collected_is_not_replaced_by_an_older_one(course, download):
    """A folder of nbgrader's exchange, or of a version that kept no hand-ins."""
    collect(course, "sheet", [download("b", 2, 12)])
    shutil.rmtree(course / "collected")
    (course / "reports/sheet/collected.json").unlink()
    row = only_row(collect(course, "sheet", [download("a", 1, 9)]))
    assert laid_out(course) == (2, "11") and "is an older one than what is laid out" in row.notes[0]
    assert table(course, "hand-ins.csv")[0]["state"] == "is an older one than what is laid out"
    row = only_row(collect(course, "sheet", [download("c", {"c.zip": zip_bytes(BLANK)}, 13)]))
    assert laid_out(course) == (2, "11")
    assert only_row(collect(course, "sheet", [download("d", 4, 14)])).state == "updated"


def test_one_of_several_copies_is_chosen_and_nothing_else_of_the_hand_in_is_lost(course, download, tmp_path):
    copies = {f"v{n}.ipynb": notebook_bytes("first", f"    return {n}") for n in (1, 2)}
    files = {
        "second.ipynb": notebook_bytes("second"),
        **{f"v{n}.zip": zip_bytes({k: d}) for n, (k, d) in enumerate(copies.items())},
    }
    path = download("=a", files, 9)  # no cell of a table begins like that
    collection = collect(course, "sheet", [path])
    assert only_row(collection).missing == "first"
    kept = [course / "quarantine/sheet" / r["kept_as"] for r in collection.quarantined]
    assert [p.name[9:] for p in kept] == ["v1.ipynb", "v2.ipynb"], "each under a name of its true kind"
    for number, wanted in ((1, [kept[0]]), (2, [])):  # the file from quarantine, taken by hand; then by its hash
        text = "" if wanted else kept[1].name[:8]
        if number == 2:
            collect(course, "sheet", [path])  # nothing of the choice is lost
            assert laid_out(course) == (1, "08")
            entry = json.loads((course / "collected/sheet/hand-ins.json").read_text())["hand_ins"][0]
            assert entry["copies"] and len(table(course, "hand-ins.csv")) == 1
            text = "".join(r["kept_as"].rpartition("/")[2][:8] for r in table_of_quarantine(course))
            assert text == kept[1].name[:8], "the other copy is in quarantine"
        collect(course, "sheet", wanted, wanted=Wanted("sheet", student="s01", choose=text))
        assert laid_out(course) == (number, "08") and (course / "submitted/s01/sheet/second.ipynb").is_file()


def table_of_quarantine(course):
    with (course / "quarantine/sheet/reasons.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_strangers_file_keeps_its_time_when_it_is_taken_from_quarantine(course, tmp_path):
    from dataclasses import replace

    student = read_roster(course).student("s01")
    stranger = replace(
        student, last_name="Fremd", first_name="Frida", user_name="ffremd", matriculation_number="", email=""
    )
    sheet = sheet_bytes([stranger], {"s01": datetime(2026, 11, 20, 19)})
    folder = Folder.of(stranger, {"x.ipynb": notebook_bytes("first", "    return 7")})
    path = write_download(tmp_path / "a.zip", [folder], top="ita_S_2026-11-20T20-00-00_1", sheet=sheet)
    collection = collect(course, "sheet", [path])
    (entry,) = collection.strangers
    assert entry.where == "in quarantine: nobody in the roster has the folder Fremd_Frida_ffremd"
    (kept,) = (course / "quarantine/sheet/Fremd_Frida_ffremd").iterdir()
    row = only_row(collect(course, "sheet", [kept], wanted=Wanted("sheet", student="s01")))
    assert laid_out(course) == (7, "18") and row.late_by == "1 h"


def test_one_table_says_where_everybodys_work_is(course, download):
    from course_utils.command.instructor import show_collection
    from course_utils.command.terminal import console

    students = {s.student_id: s for s in read_roster(course).students}
    others = [
        Folder.of(students["s03"], {"a.zip": b"this is not a zip"}),
        Folder.of(students["s04"], BAD["an untouched copy"]),
        Folder("Fremd_Frida_ffremd", {"1_submissions": {"a.zip": answer(1)}}),
    ]
    collection = collect(course, "sheet", [download("a", 1, 19, others=others)])
    where = {r["owner_id"]: r["where"] for r in table(course)}
    assert where == {
        "s01": "laid out",
        "s02": "nothing handed in",
        "s03": "in quarantine: the file is no archive, in spite of its name",
        "s04": "untouched copy",
        "s05": "nothing handed in",
        "Fremd_Frida_ffremd": "in quarantine: nobody in the roster has the folder Fremd_Frida_ffremd",
    }
    assert table(course)[0]["late_by"] == "1 h"
    with console.capture() as capture:
        show_collection(collection, course)
    shown = " ".join(capture.get().split())
    assert "Not in the roster (1): Fremd_Frida_ffremd" in shown and "--owner FOLDER=STUDENT_ID" in shown
    # What is collected later adds to the table.
    collect(course, "sheet", [download("b", 1, 9, who="s02")])
    assert {r["owner_id"]: r["where"] for r in table(course)} == where | {"s02": "laid out"}
    assert next(r for r in table(course) if r["owner_id"] == "s01")["notebooks"] == "first, second"


NAMES = {
    "x.zip of a notebook": ("neu.zip", notebook_bytes("first"), "neu.ipynb"),
    "a page called a zip": ("a/b.zip", b"<!DOCTYPE html><p>Log in", "b.html"),
    "a notebook in a zip": ("neu.zip!Abgabe/first.ipynb", notebook_bytes("first"), "first.ipynb"),
    "an archive, for an entry that was not read": ("out.zip!in.zip!first.ipynb", zip_bytes({"a": b"a"}), "in.zip"),
    "a zip called a notebook": ("first.ipynb", zip_bytes({"a": b"a"}), "first.zip"),
    "a broken notebook": ("first.ipynb", b'{"cells": [', "first.ipynb"),
    "a cut-off zip": ("a.zip", b"PK\x03\x04 and no more", "a.zip"),
    "a PDF": ("a.7z", b"%PDF-1.7", "a.pdf"),
    "nothing": ("a.zip", b"", "a.zip"),
    "a document": ("a.docx", zip_bytes({"a": b"a"}), "a.docx"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_kept_file_has_a_name_of_its_true_kind(case, tmp_path):
    name, content, expected = NAMES[case]
    (tmp_path / "kept").write_bytes(content)
    assert true_name(tmp_path / "kept", name) == expected


def test_times_decide_then_downloads_and_nothing_is_guessed():
    owner = Owner("s01", "Jörg", ())

    def of(content, hour=None, stamp=""):
        time = datetime(2026, 11, 20, hour, tzinfo=UTC) if hour else None
        return HandIn(owner, content, "a.zip", stamp, files=(RawFile("a", Path(content), 1, content),), submitted=time)

    def order(*hand_ins):
        found = {
            tuple("".join(sorted(h.folder for h in g)) for g in ranked(some))
            for some in itertools.permutations(hand_ins)
        }
        (only,) = found  # in whatever order they are read
        return only

    assert order(of("a", 9), of("b", 11), of("c", 10)) == ("b", "c", "a")
    assert order(of("a", 9, "1"), of("b", None, "2"), of("c", 10, "1")) == ("b", "c", "a")
    assert order(of("a", 9, "2"), of("b", None, "2")) == ("a", "b")
    assert order(of("a", 9, "1"), of("b")) == ("a", "b")
    assert order(of("a"), of("b", None, "2")) == ("ab",)
    assert order(of("a", 9), of("b", 9), of("c", 8)) == ("ab", "c")
    assert order(of("a", 9), of("a"), of("a", 8)) == ("a",)


@pytest.fixture
def kept(tmp_path):
    return KeptHandIns(tmp_path, "sheet")


def a_hand_in(tmp_path, content, hour=None, download="a.zip", stamp="1"):
    (tmp_path / content).write_text(content)
    time = datetime(2026, 11, 20, hour, tzinfo=UTC) if hour else None
    files = (RawFile("a.zip", tmp_path / content, 1, content * 64),)
    return HandIn(Owner("s01", "Jörg", ()), "F", download, stamp, files=files, submitted=time)


NOTED = {
    "the same again": ([("a", 9), ("a", 9)], [("a", 9)]),
    "a time that was unknown": ([("a",), ("a", 9, "b.zip", "2")], [("a", 9)]),
    "a time that is not known again": ([("a", 9), ("a", None, "b.zip", "2")], [("a", 9)]),
    "the zone was mended": ([("a", 9), ("a", 10)], [("a", 10)]),
    "handed in again after another one": ([("a", 9), ("b", 10, "b.zip", "2"), ("a", 11, "c.zip", "3")], None),
    "names that no encoding has": ([("a", 9, "\udc80.zip")], [("a", 9)]),
    "the same time in two downloads": ([("a", 9), ("a", 9, "b.zip", "2")], [("a", 9)]),
}


@pytest.mark.parametrize("case", NOTED)
def test_a_hand_in_is_kept_once_for_each_time_that_it_was_handed_in(case, kept, tmp_path):
    given, expected = NOTED[case]
    for some in given:
        kept.note(a_hand_in(tmp_path, *some), datetime(2026, 12, 1, tzinfo=UTC))
    kept.write()
    owner = Owner("s01", "Jörg", ())
    found = [(h.files[0].sha256[0], h.submitted and h.submitted.hour) for h in KeptHandIns(tmp_path, "sheet").of(owner)]
    assert found == (expected or [some[:2] for some in given])
    assert {p.name for p in (tmp_path / "collected/sheet/files").iterdir()} == {some[0] * 64 for some in given}


def test_files_that_are_gone_and_an_index_that_is_damaged(kept, tmp_path):
    kept.note(a_hand_in(tmp_path, "a", 9), datetime(2026, 12, 1, tzinfo=UTC))
    kept.write()
    (tmp_path / "a").unlink()
    (tmp_path / "collected/sheet/files" / ("a" * 64)).unlink()
    assert KeptHandIns(tmp_path, "sheet").of(Owner("s01", "Jörg", ())) == []
    entry = '{"owner_id": "s01", "hand_in_id": "a", "files": [%s], "submitted": "%s"}'
    for hand_ins, choices in [
        ("{}", "{}"), ("3", "{}"), (entry % ("", "yesterday"), "{}"), (entry % ('["a", "b"]', ""), "{}"),
        ("", '{"s01": {}}'),
    ]:  # fmt: skip
        text = f'{{"hand_ins": [{hand_ins}], "choices": {choices}}}'
        (tmp_path / "collected/sheet/hand-ins.json").write_text(text)
        with pytest.raises(CourseError, match=r"hand-ins\.json can't be read \(.*take it from a backup"):
            KeptHandIns(tmp_path, "sheet")


def test_the_table_of_the_quarantine_may_have_been_saved_anew(tmp_path):
    quarantine = Quarantine(tmp_path, "sheet")
    quarantine.add(Problem("d.zip", "Fremd_Frida", "a.txt", "nobody has this folder; who is it?"))
    (row,) = quarantine.write()
    text = quarantine.table.read_text(encoding="utf-8-sig")
    quarantine.table.write_text("\ufeff" + text.replace(",", ";"), encoding="utf-8")
    assert [r["folder"] for r in Quarantine(tmp_path, "sheet").rows] == [row["folder"]]
    for damaged in (b"who,why\na,b\n", "folder,reason,kept_as\nMüller,x,y\n".encode("cp1252")):
        quarantine.table.write_bytes(damaged)
        with pytest.raises(CourseError, match=r"reasons\.csv"):
            Quarantine(tmp_path, "sheet")


def test_the_command_takes_downloads_or_a_choice(course, download, monkeypatch, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app.app, ["collect", "sheet", *map(str, arguments), "--course", str(course)])

    for n in (1, 2):
        collect(course, "sheet", [download(f"dl{n}", n, 8 + n)])
    done = run("--student", "s01", "--choose", "09:00")
    assert done.exit_code == 0 and laid_out(course) == (1, "08"), done.output
    for arguments in ([], [tmp_path / "dl1.zip", "--student", "s01", "--choose", "newest"]):
        done = run(*arguments)
        assert done.exit_code == 1 and "Name downloads to collect, or --student ID --choose HASH" in done.output
    done = run("--choose", "newest")
    assert done.exit_code == 1 and "Say whose hand-in is to be chosen: --student ID." in done.output


def test_between_two_pages_without_a_time_a_person_decides(course, tmp_path):
    for n in (1, 2):
        (tmp_path / f"page{n}.zip").write_bytes(answer(n))
        collection = collect(course, "sheet", [tmp_path / f"page{n}.zip"], wanted=Wanted("sheet", student="s01"))
    assert laid_out(course) == (1, "") and not collection.rows
    (here,) = [r for r in table(course) if r["owner_id"] == "s01"]
    assert here["where"] == "laid out" and "no time says which is newer" in here["in_quarantine"]
    start = next(r["kept_as"].rpartition("/")[2][:8] for r in collection.quarantined if r["file"] == "page2.zip")
    collection = collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose=start))
    assert laid_out(course) == (2, "") and not collection.quarantined
    # The same page downloaded again is the same hand-in, whatever the browser calls it.
    shutil.copy(tmp_path / "page2.zip", tmp_path / "page2 (1).zip")
    collection = collect(course, "sheet", [tmp_path / "page2 (1).zip"], wanted=Wanted("sheet", student="s01"))
    assert only_row(collection).state == "unchanged" and not collection.quarantined
    assert len(table(course, "hand-ins.csv")) == 2


def in_order(kept, *choose):
    """Which hand-ins of s01 are tried one after the other, as content and hour, and those that a person chose."""
    owner = Owner("s01", "Jörg", ())
    for some in choose:
        kept.choose(next(h for h in kept.of(owner) if (h.files[0].sha256[0], *known_hour(h)) == some))
    choice = kept.choice_of(owner)
    settled = settle(
        [], SimpleNamespace(owner_ids=["s01"]), {"s01": kept.of(owner)}, {"s01": choice} if choice else None
    )
    found = settled.candidates(settled.chosen[0])
    short = [(h.files[0].sha256[0], *known_hour(h)) for h in found]
    return short, [some for some, h in zip(short, found, strict=True) if settled.by_hand.get("s01") is h]


def known_hour(hand_in):
    return [hand_in.submitted.hour] if hand_in.submitted else []


CHOSEN = {
    "exported again": ([("b", 10, "again.zip", "9")], [("a", 9), ("b", 10)]),
    "something newer": ([("c", 11, "c.zip", "9")], [("c", 11), ("a", 9), ("b", 10)]),
    "the same files handed in later": ([("b", 11, "b.zip", "9")], [("b", 11), ("a", 9)]),
    "a time that is unknown": ([("c", None, "c.zip", "9")], [("a", 9), ("c",), ("b", 10)]),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_a_choice_counts_until_something_newer_comes_and_right_behind_that(case, kept, tmp_path):
    new, expected = CHOSEN[case]
    for some in [("a", 9), ("b", 10)]:
        kept.note(a_hand_in(tmp_path, *some), datetime(2026, 12, 1, tzinfo=UTC))
    assert in_order(kept, ("a", 9))[0] == [("a", 9), ("b", 10)]
    for some in new:
        kept.note(a_hand_in(tmp_path, *some), datetime(2026, 12, 1, tzinfo=UTC))
    kept.write()
    found, by_hand = in_order(KeptHandIns(tmp_path, "sheet"))
    assert (found, by_hand) == (expected, [("a", 9)])


def test_without_times_a_choice_is_not_undone_by_what_is_exported_again(kept, tmp_path):
    for some in [("a", None, "a.zip", "1"), ("b", None, "b.zip", "2")]:
        kept.note(a_hand_in(tmp_path, *some), datetime(2026, 12, 1, tzinfo=UTC))
    assert in_order(kept, ("a",))[0] == [("a",), ("b",)]
    kept.note(a_hand_in(tmp_path, "b", None, "c.zip", "3"), datetime(2026, 12, 1, tzinfo=UTC))
    assert in_order(kept)[0] == [("a",), ("b",)]
    kept.note(a_hand_in(tmp_path, "b", 10, "d.zip", "4"), datetime(2026, 12, 1, tzinfo=UTC))
    assert in_order(kept)[0] == [("a",), ("b", 10)], "known before, its time alone is news"
    kept.note(a_hand_in(tmp_path, "c", None, "e.zip", "5"), datetime(2026, 12, 1, tzinfo=UTC))
    assert in_order(kept)[0][0] == ("c",)


def test_of_the_same_files_the_latest_time_counts_wherever_they_stand(kept, tmp_path):
    for some in [("a", 9), ("b", 10, "b.zip", "2"), ("a", 19, "c.zip", "3"), ("c", 20, "d.zip", "4")]:
        kept.note(a_hand_in(tmp_path, *some), datetime(2026, 12, 1, tzinfo=UTC))
    assert in_order(kept)[0] == [("c", 20), ("a", 19), ("b", 10)]


def test_what_was_chosen_is_laid_out_where_the_newer_one_does_not_count(course, download):
    same = {"a.zip": answer(1)}  # a zip knows when it was made
    for files, hour in ((same, 9), (2, 10), (same, 11)):
        collect(course, "sheet", [download(f"dl{hour}", files, hour)])
    row = only_row(collect(course, "sheet", [download("dl11", same, 11)]))
    assert laid_out(course) == (1, "10")
    told = "the same files were handed in at 2026-11-20 09:00:00 already; take that time with --choose"
    assert row.notes[-1] == f"{told} '2026-11-20 09:00:00'"
    collect(course, "sheet", [], wanted=Wanted("sheet", student="s01", choose="2026-11-20 09:00:00"))
    row = only_row(collect(course, "sheet", [download("bad", BAD["an empty zip"], 12)]))
    assert laid_out(course) == (1, "08") and "chosen by hand, which --choose newest undoes" in row.notes
    assert [r["state"] for r in table(course, "hand-ins.csv")] == [
        "laid out, chosen by hand", "older", "older", "has no notebook of this assignment in it",
    ]  # fmt: skip


def test_of_a_stranger_nothing_is_lost_whatever_is_read_and_wherever_the_run_ends(course, tmp_path, monkeypatch):
    def stranger(name, n, hour):
        folder = Folder(
            "Fremd_Frida_ffremd", {"1_submissions": {"a.ipynb": notebook_bytes("first", f"    return {n}")}}
        )
        return write_download(tmp_path / f"{name}.zip", [folder], top=f"ita_S_2026-11-20T{hour}-00-00_1")

    older, newer = stranger("d1", 1, "10"), stranger("d2", 2, "11")

    def kept():
        return sorted(r["download"] for r in table_of_quarantine(course) if (quarantine / r["kept_as"]).is_file())

    quarantine = course / "quarantine/sheet"
    for path, expected in ((newer, ["d2.zip"]), (older, ["d1.zip", "d2.zip"]), (newer, ["d1.zip", "d2.zip"])):
        collect(course, "sheet", [path])
        assert kept() == expected

    def full(source, target):
        Path(target).write_bytes(b"{")
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    third = stranger("d3", 3, "12")
    with monkeypatch.context() as patch:
        patch.setattr("course_utils.stages.quarantine.shutil.copyfile", full)
        with pytest.raises(Stopped, match=r"can't go on: .*No space left.*make room and collect the same downloads"):
            collect(course, "sheet", [third, newer])
    assert not [path for path in quarantine.rglob("[!.]*.ipynb") if path.stat().st_size < 100]
    assert kept() == ["d1.zip", "d2.zip"]
    collect(course, "sheet", [third])
    assert kept() == ["d1.zip", "d2.zip", "d3.zip"]
    assert all((quarantine / r["kept_as"]).stat().st_size > 100 for r in table_of_quarantine(course))
    collect(course, "sheet", [newer], wanted=Wanted("sheet", owners={"Fremd_Frida_ffremd": "s01"}))
    assert kept() == ["d1.zip", "d3.zip"] and laid_out(course) == (2, "")


def test_a_full_disk_is_not_told_of_the_download(course, download, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("course_utils.platforms.olat.downloads.Budget.copy", full)
    with pytest.raises(Stopped, match="No space left"):
        collect(course, "sheet", [download("a", 1, 9)])


def test_a_folder_that_was_placed_with_the_wrong_person_is_taken_back(course, download, tmp_path, monkeypatch):
    folder = Folder("Fremd_Frida_ffremd", {"1_submissions": {"a.zip": answer(7)}})
    path = write_download(tmp_path / "f.zip", [folder], top="ita_S_2026-11-20T12-00-00_1")
    collect(course, "sheet", [download("own", 1, 9)])

    def place_with(who):
        return collect(course, "sheet", [path], wanted=Wanted("sheet", owners={"Fremd_Frida_ffremd": who}))

    place_with("s01")
    assert laid_out(course) == (7, "")
    (course / "autograded/s01/sheet").mkdir(parents=True)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("course_utils.stages.collect.take_back", Mock(side_effect=KeyboardInterrupt))
        place_with("s02")  # and stopped halfway
    collection = place_with("s02")
    assert laid_out(course) == (1, "08"), "what is its own counts again"
    assert (course / "submitted/s02/sheet/first.ipynb").is_file() and not (course / "autograded/s01/sheet").exists()
    assert Waiting(course, "sheet").reasons["s01"].startswith("what was graded was handed in by Anna Maria")
    told = "in Fremd_Frida_ffremd (f.zip) was placed with s01 before; now with s02, and taken from there"
    assert any(told in note for note in collection.notes)
    states = {(r["student_id"], r["download"]): r["state"] for r in table(course, "hand-ins.csv")}
    assert states["s01", "f.zip"] == "placed with s02 instead" and states["s02", "f.zip"] == "laid out"
    assert not place_with("s02").notes
    place_with("s01")  # and back
    assert laid_out(course) == (7, "") and not (course / "submitted/s02/sheet").exists()
    assert next(r for r in table(course) if r["owner_id"] == "s02")["where"] == "nothing handed in"


def test_a_choice_keeps_its_hand_in_when_the_zone_is_mended(kept, tmp_path):
    for some in [("a", 9), ("b", 10)]:
        kept.note(a_hand_in(tmp_path, *some), datetime(2026, 12, 1, tzinfo=UTC))
    in_order(kept, ("a", 9))
    kept.write()
    mended = KeptHandIns(tmp_path, "sheet", "America/New_York")
    assert in_order(mended) == ([("a", 14), ("b", 15)], [("a", 14)])
    mended.note(a_hand_in(tmp_path, "c", 16, "c.zip", "2"), datetime(2026, 12, 1, tzinfo=UTC))
    assert in_order(mended)[0][0] == ("c", 16)


def test_a_zone_that_is_mended_later_mends_all_times(course, download):
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + 'c.OpenOlat.timezone = "UTC"\n')
    collect(course, "sheet", [download("a", 1, 15), download("b", 2, 9, who="s02")])
    assert laid_out(course) == (1, "15")
    config.write_text(config.read_text().replace('"UTC"', '"Europe/Berlin"'))
    collection = collect(course, "sheet", [download("c", 3, 15.5)])
    assert laid_out(course) == (3, "14"), "half an hour later, though not in UTC"
    assert "08:00:00" in (course / "submitted/s02/sheet/timestamp.txt").read_text()
    assert any("timezone was UTC, and is Europe/Berlin" in note for note in collection.notes)
    assert [r["submitted"] for r in table(course, "hand-ins.csv")] == [
        f"2026-11-20 {time}:00" for time in ("15:00", "15:30", "09:00")
    ]


def test_what_a_killed_run_laid_out_is_not_taken_for_changed_by_hand(course, download, monkeypatch):
    collect(course, "sheet", [download("a", 1, 9)])
    for name, number, hour, step in (("b", 2, 10, "collect._note_states"), ("c", 3, 11, "laying_out._remove_made")):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(f"course_utils.stages.{step}", Mock(side_effect=KeyboardInterrupt))
            collect(course, "sheet", [download(name, number, hour)])
        assert laid_out(course)[0] == 2, "laid out, or about to be"
    assert only_row(collect(course, "sheet", [download("c", 3, 11)])).state == "updated" and laid_out(course)[0] == 3
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("course_utils.stages.collect._note_states", Mock(side_effect=KeyboardInterrupt))
        collect(course, "sheet", [download("c2", 7, 11.5)])
    collection = collect(course, "sheet", [download("d", 4, 12)])
    assert laid_out(course)[0] == 4 and not collection.quarantined
    # What a person does behind such a run is told from it all the same.
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("course_utils.stages.collect._note_states", Mock(side_effect=KeyboardInterrupt))
        collect(course, "sheet", [download("e", 5, 13)])
    (course / "submitted/s01/sheet/own.txt").write_text("by hand")
    assert only_row(collect(course, "sheet", [download("e", 5, 13)])).state == "unchanged"
    (kept,) = collect(course, "sheet", [download("f", 6, 14)]).quarantined
    assert kept["folder"] == "(by hand)" and laid_out(course)[0] == 6
