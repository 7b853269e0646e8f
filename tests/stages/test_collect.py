"""From OpenOlat's downloads to submitted/: owners, revisions, marks, times, and what can't be placed."""

import csv
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from course_utils.classroom.config import load_config
from course_utils.classroom.marks import write_course_table
from course_utils.classroom.roster import read_roster
from course_utils.errors import CourseError
from course_utils.platforms.hand_ins import Download, HandIn, RawFile, Wanted
from course_utils.platforms.olat.simulate import Folder, sheet_bytes, write_download
from course_utils.stages.collect import collect, place, read, settle, write
from course_utils.stages.course_assignment import open_assignment
from course_utils.stages.quarantine import Quarantine
from course_utils.stages.whereabouts import kept_in_quarantine, where_everybody_is
from tests.support.olat_course import ROSTER, make_course, notebook, notebook_bytes, work, zip_bytes

TOP = "ita_Sheet_2026-11-20T18-05-41_207"
DUE = 'c.Deadlines.due = {"sheet": "2026-11-20 18:00"}'


@pytest.fixture
def course(tmp_path):
    """A course with a deadline; its zone is Europe/Berlin."""
    folder = tmp_path / "course"
    folder.mkdir()
    return make_course(folder, config=DUE)


@pytest.fixture
def students(course):
    return {s.student_id: s for s in read_roster(course).students}


def hand_in(**files):
    return {"sheet.zip": zip_bytes(files or work())}


def row(collection, owner_id):
    return next(r for r in collection.rows if r.owner_id == owner_id)


def files_of(course, owner_id, assignment="sheet"):
    folder = course / "submitted" / owner_id / assignment
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def reasons(collection):
    return {r["folder"] or r["download"]: r["reason"] for r in collection.quarantined}


def test_an_individual_task_with_every_kind_of_name(course, students, tmp_path):
    """Fixture 1: umlauts, a double name, a user name with a dot, a name in Cyrillic; counters 1 and 2."""
    folders = [
        Folder.of(student, hand_in(), task=number % 2 == 1, late="late" if number == 1 else "")
        for number, student in enumerate(students.values())
    ]
    times = {sid: datetime(2026, 11, 20, 17, 59, 59) for sid in students} | {"s02": datetime(2026, 11, 20, 19, 30)}
    sheet, extra = sheet_bytes(list(students.values()), times), {"solutions/s.zip": b"x"}
    path = write_download(tmp_path / "Sheet_2026-11-20T18-05.zip", folders, top=TOP, sheet=sheet, extra=extra)
    collection = collect(course, "sheet", [path])
    assert [r.owner_id for r in collection.rows] == list(students)
    for student_id in students:
        assert files_of(course, student_id) == ["first.ipynb", "second.ipynb", "timestamp.txt"]
    assert [r.status for r in collection.rows] == ["on time", "late", "on time", "on time", "on time"]
    assert row(collection, "s02").late_by == "1 h 30 min"
    stamp = (course / "submitted/s01/sheet/timestamp.txt").read_text()
    assert stamp == "2026-11-20 16:59:59 UTC\n"  # noon in Berlin is 11 in UTC: winter time
    assert not collection.quarantined and not collection.nothing
    with collection.table.open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [r["state"] for r in table] == ["new"] * 5


def test_nbgrader_reads_the_time(course, students, tmp_path):
    from nbgrader.coursedir import CourseDirectory

    sheet = sheet_bytes(list(students.values()), {"s01": datetime(2026, 7, 1, 12, 0)})
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in())], top=TOP, sheet=sheet)
    collect(course, "sheet", [path])
    found = CourseDirectory(root=str(course)).get_existing_timestamp(str(course / "submitted/s01/sheet"))
    assert found == datetime(2026, 7, 1, 10, 0)


@pytest.mark.parametrize("top", ["", "grouptask_Sheet_2026-11-20T18-08-30_951"])
def test_group_tasks_with_and_without_a_top_folder(course, students, tmp_path, top):
    """Fixture 2: kinds b and c of the same groups; a group name that ends in a number."""
    folders = [
        Folder("Gruppe_7_98304", {"1_submissions": hand_in(), "3_assessment": {"Mueller_Joerg_4711/note.pdf": b"n"}}),
        Folder("Gruppe_8_Mo_Mi_98305", {"1_submissions": hand_in()}),
    ]
    sheet = sheet_bytes(list(students.values()), {s: datetime(2026, 11, 20, 12) for s in students}, form="v2")
    path = write_download(tmp_path / "g.zip", folders, top=top, sheet=sheet)
    collection = collect(course, "sheet", [path])
    assert [r.owner_id for r in collection.rows] == ["Gruppe_7", "Gruppe_8_Mo_Mi"]
    assert {r.status for r in collection.rows} == {"on time"}
    assert [owner.owner_id for owner in collection.nothing] == ["Gruppe_9"]
    assert files_of(course, "Gruppe_7") == ["first.ipynb", "second.ipynb", "timestamp.txt"]


def archive_with_two_tasks(path, student):
    files = {
        f"{task}/{Folder.of(student, {}).name}/2_submissions/x.zip": zip_bytes(content)
        for task, content in {"Sheet": work(), "Other_Task": {"third.ipynb": notebook_bytes("third")}}.items()
    }
    path.write_bytes(zip_bytes({"course_results.xlsx": b"not read", **files}))
    return path


def test_a_course_archive_with_two_tasks(course, students, tmp_path):
    """Fixture 3: owner at depth 1; the task is named by hand or by the settings."""
    path = archive_with_two_tasks(tmp_path / "Deep_Learning_-_Partial_(20.11.2026).zip", students["s03"])
    collection = collect(course, "other", [path])
    assert not collection.rows
    assert "it holds the tasks Other_Task, Sheet; say which is other with --task" in reasons(collection)[path.name]
    collection = collect(course, "other", [path], wanted=Wanted("other", task="Other Task"))
    assert row(collection, "s03").notebooks == "third"
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.OpenOlat.task_titles = {"other": "Other: Task", "sheet": "Sheet"}\n')
    assert row(collect(course, "sheet", [path]), "s03").notebooks == "first, second"
    fates = {file: fate for _, file, fate in collect(course, "other", [path]).fates}
    assert fates["Sheet/ONeill_Eloise_oneill/2_submissions/x.zip"] == "of another task (Sheet)"


def test_one_students_page_needs_a_name(course, tmp_path):
    """Fixture 4: kind d is refused without a named student."""
    path = tmp_path / "submission.zip"
    path.write_bytes(zip_bytes(hand_in()))
    collection = collect(course, "sheet", [path])
    assert "collect it with --student ID" in reasons(collection)["submission.zip"]
    assert not collection.rows
    collection = collect(course, "sheet", [path], wanted=Wanted("sheet", student="s02"))
    assert row(collection, "s02").notebooks == "first, second" and not collection.quarantined
    collection = collect(course, "sheet", [path], wanted=Wanted("sheet", student="nobody"))
    assert "no student or group 'nobody'" in reasons(collection)["submission.zip"]


def test_the_last_revision_counts(course, students, tmp_path):
    """Fixture 5: two revisions, the tenth after the ninth; two files in one hand-in."""
    steps = {
        "2_submissions": hand_in(),
        "4_revisions_9": hand_in(),
        "6_revisions_10": work(**{"first.ipynb": notebook_bytes("first", "    return 10")}),
    }
    path = write_download(tmp_path / "a.zip", [Folder(Folder.of(students["s01"], {}).name, steps)], top=TOP)
    collection = collect(course, "sheet", [path])
    assert row(collection, "s01").hand_in == "revision 10"
    assert "return 10" in (course / "submitted/s01/sheet/first.ipynb").read_text()


def test_a_zip_in_the_zip_beside_what_a_mac_adds(course, students, tmp_path):
    inner = work("hand-in/") | {"__MACOSX/hand-in/._first.ipynb": b"\x00\x05\x16\x07", "hand-in/.DS_Store": b"x"}
    inner["hand-in/artifacts/net.safetensors"] = b"weights"
    inner["hand-in/helpers.py"] = b"x = 1\n"
    outer = {"Abgabe Müller.zip": zip_bytes(inner), "report.pdf": b"%PDF"}
    path = write_download(
        tmp_path / "a.zip", [Folder.of(students["s01"], {"x.zip": zip_bytes({"y.zip": zip_bytes(outer)})})], top=TOP
    )
    collection = collect(course, "sheet", [path])
    assert files_of(course, "s01") == [
        "artifacts/net.safetensors", "first.ipynb", "helpers.py", "second.ipynb", "y/report.pdf",
    ]  # fmt: skip
    assert not collection.quarantined
    fates = [fate for _, _, fate in collection.fates]
    assert fates.count("left by a system") == 2


def test_marks_are_openolats_alone(course, students, tmp_path):
    """Fixture 6: late mark, extended mark, and a student's own file of the same name in another case."""
    folders = [
        Folder.of(students["s01"], hand_in(), late="late"),
        Folder.of(students["s03"], hand_in(), late="extended"),
        Folder.of(students["s04"], {**hand_in(), "late_submission.txt": b"mine"}),
    ]
    collection = collect(course, "sheet", [write_download(tmp_path / "a.zip", folders, top=TOP)])
    marks = ["late (mark), time unknown", "extended (mark), time unknown", "time unknown"]
    assert [r.status for r in collection.rows] == marks
    assert "Late_submission.txt" not in files_of(course, "s01")
    assert "late_submission.txt" in files_of(course, "s04")


def test_owners_that_are_unknown_or_two(course, students, tmp_path):
    """Fixture 7: the messages name the folder and both rows; the others are collected."""
    with (course / "roster.csv").open("a", encoding="utf-8") as file:
        file.write("s06,a.b,Doppel,Dora,,,\ns07,ab,Doppel,Dora,,,\n")
    folders = [
        Folder.of(students["s01"], hand_in()),
        Folder("Fremd_Franka_ff", {"1_submissions": hand_in()}),
        Folder("ONeill_Eloise_eo77", {"1_submissions": hand_in()}),
        Folder("Doppel_Dora_ab", {"2_submissions": hand_in()}),
    ]
    path = write_download(tmp_path / "a.zip", folders, top=TOP)
    collection = collect(course, "sheet", [path])
    told = reasons(collection)
    assert told["Fremd_Franka_ff"] == "nobody in the roster has the folder Fremd_Franka_ff"
    assert "row 4 (Éloïse O'Neill, oneill) has the same name but another user name" in told["ONeill_Eloise_eo77"]
    assert "row 7 (Dora Doppel, a.b) and row 8 (Dora Doppel, ab)" in told["Doppel_Dora_ab"]
    assert [r.owner_id for r in collection.rows] == ["s01"]
    for kept in collection.quarantined:
        assert zipfile.is_zipfile(course / "quarantine/sheet" / kept["kept_as"])
    # Placed by hand, they leave the quarantine.
    by_hand = {"Doppel_Dora_ab": "s07", "ONeill_Eloise_eo77": "s03"}
    collection = collect(course, "sheet", [path], wanted=Wanted("sheet", owners=by_hand))
    assert [r.owner_id for r in collection.rows] == ["s01", "s03", "s07"]
    assert list(reasons(collection)) == ["Fremd_Franka_ff"]
    assert sorted(p.name for p in (course / "quarantine/sheet").iterdir()) == ["Fremd_Franka_ff", "reasons.csv"]


@pytest.mark.parametrize("folder", ["Verheiratet_Eloise_oneill", "O'Neill_Éloïse_oneill"])
def test_a_folder_with_a_user_name_of_the_roster_is_told_whose_it_may_be(folder, course, tmp_path):
    path = write_download(tmp_path / "a.zip", [Folder(folder, {"1_submissions": hand_in()})], top=TOP)
    collection = collect(course, "sheet", [path])
    assert list(reasons(collection).values()) == [
        f"nobody in the roster has the folder {folder}; row 4 (Éloïse O'Neill, oneill) has the same user name, "
        f"but a folder of another name; if it is theirs, --owner {folder}=s03"
    ]


def test_a_draft_is_not_on_time(course, students, tmp_path):
    """Fixture 8: without a table the time is unknown; with one and no time it was never handed in."""
    folder = Folder.of(students["s01"], hand_in())
    collection = collect(course, "sheet", [write_download(tmp_path / "a.zip", [folder], top=TOP)])
    assert row(collection, "s01").status == "time unknown"
    assert "timestamp.txt" not in files_of(course, "s01")
    sheet = sheet_bytes(list(students.values()), {"s03": datetime(2026, 11, 19)})
    path = write_download(tmp_path / "b.zip", [folder], top=TOP, sheet=sheet)
    assert row(collect(course, "sheet", [path]), "s01").status == "draft, not handed in"
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("c.OpenOlat.accept_drafts = False\n")
    collection = collect(course, "sheet", [path])
    assert row(collection, "s01").state == "not graded"
    assert "never handed in" in reasons(collection)["Mueller_Joerg_jmueller"]


def test_collecting_again_changes_nothing_and_a_newer_download_updates(course, students, tmp_path):
    def download(name, answer, when, exported=None):
        files = {"sheet.zip": zip_bytes(work(**{"first.ipynb": notebook_bytes("first", answer)}))}
        folders = [Folder.of(students["s01"], files), Folder.of(students["s03"], hand_in())]
        sheet = sheet_bytes(list(students.values()), {"s01": when, "s03": datetime(2026, 11, 19)})
        return write_download(
            tmp_path / name, folders, top=f"ita_Sheet_{exported or when:%Y-%m-%dT%H-%M-%S}_100", sheet=sheet
        )

    old = download("old.zip", "    return 5", datetime(2026, 11, 19, 8))
    new = download("new.zip", "    return 6", datetime(2026, 11, 20, 8))
    assert [r.state for r in collect(course, "sheet", [old]).rows] == ["new", "new"]
    before = {p: p.stat().st_mtime_ns for p in (course / "submitted").rglob("*")}
    assert [r.state for r in collect(course, "sheet", [old]).rows] == ["unchanged", "unchanged"]
    assert {p: p.stat().st_mtime_ns for p in (course / "submitted").rglob("*")} == before
    (course / "autograded/s01/sheet").mkdir(parents=True)
    (course / "autograded/s03/sheet").mkdir(parents=True)
    # Both at once, in the wrong order.
    collection = collect(course, "sheet", [new, old])
    assert [r.state for r in collection.rows] == ["updated", "unchanged"]
    assert "return 6" in (course / "submitted/s01/sheet/first.ipynb").read_text()
    assert not (course / "autograded/s01/sheet").exists(), "a stale result would not be graded again"
    assert (course / "autograded/s03/sheet").exists()
    assert "this one is newer" in "; ".join(row(collection, "s01").notes)
    later = download("later.zip", "    return 7", datetime(2026, 11, 20, 8), datetime(2026, 11, 21))
    collection = collect(course, "sheet", [later])
    assert "return 7" in (course / "submitted/s01/sheet/first.ipynb").read_text()
    assert "(new.zip), of the same time; this one is of a later download" in "; ".join(row(collection, "s01").notes)


def test_what_was_changed_by_hand_is_kept(course, students, tmp_path):
    first = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in())], top=TOP)
    collect(course, "sheet", [first])
    path = course / "submitted/s01/sheet/first.ipynb"
    path.write_text(path.read_text().replace("return 1", "return 42"))
    assert row(collect(course, "sheet", [first]), "s01").state == "unchanged"
    assert "return 42" in path.read_text()
    files = {"sheet.zip": zip_bytes(work(**{"notes.txt": b"new"}))}
    second = write_download(tmp_path / "b.zip", [Folder.of(students["s01"], files)], top=TOP.replace("20T", "21T"))
    collection = collect(course, "sheet", [second])
    assert row(collection, "s01").state == "updated" and "return 42" not in path.read_text()
    kept = course / "quarantine/sheet/replaced/s01-1/first.ipynb"
    assert "return 42" in kept.read_text()


def test_different_hand_ins_without_a_time_are_not_guessed_between(course, students, tmp_path):
    folders = [
        Folder("Gruppe_7_1", {"1_submissions": hand_in()}),
        Folder("Gruppe_7_2", {"1_submissions": hand_in(**work(**{"x.txt": b"2"}))}),
        Folder("Gruppe_9_3", {"1_submissions": hand_in()}),
        Folder("Gruppe_9_4", {"1_submissions": hand_in()}),
    ]
    collection = collect(course, "sheet", [write_download(tmp_path / "a.zip", folders)])
    assert [r.owner_id for r in collection.rows] == ["Gruppe_9"], "twice the same is one"
    told = reasons(collection)
    assert "no time says which is newer" in told["Gruppe_7_1"] and "Gruppe_7_2" in told
    assert told["Gruppe_7_1"].endswith(": --student Gruppe_7 --choose HASH takes one")


EMPTY = zip_bytes({"report.pdf": b"%PDF"})
CUT_OFF = zip_bytes({"first.ipynb": notebook_bytes("first")})[:-40]
TIED = {
    # What two members handed in within one second: s01, s02, whose counts, and what is said.
    "both": (zip_bytes(work()), zip_bytes(work(**{"x.txt": b"2"})), "", "all of one time: --student Gruppe_7 --choose"),
    "one": (EMPTY, zip_bytes(work()), "s02", "of the same time; nothing in that can be graded, so this one counts"),
    "neither": (EMPTY, zip_bytes({"notes.txt": b"2"}), "", "all of one time: --student Gruppe_7 --choose"),
    "nobody knows": (CUT_OFF, zip_bytes(work()), "", "all of one time: --student Gruppe_7 --choose"),
}


@pytest.mark.parametrize("case", TIED)
def test_of_one_time_the_only_one_with_work_counts_if_that_is_sure(course, students, tmp_path, case):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.OpenOlat.group_assignments = ["sheet"]\n')
    *sent, who, told = TIED[case]
    folders = [Folder.of(students[s], {"a.zip": data}) for s, data in zip(("s01", "s02"), sent, strict=True)]
    sheet = sheet_bytes(list(students.values()), dict.fromkeys(("s01", "s02"), datetime(2026, 11, 20, 10)))
    path = write_download(tmp_path / "a.zip", folders, top=TOP, sheet=sheet)
    for _ in range(2):  # said again when the same is collected again
        collection = collect(course, "sheet", [path])
        assert [row.folder.rpartition("_")[2] for row in collection.rows] == (["maxmusteruniexample"] if who else [])
        said = collection.rows[0].notes if who else list(reasons(collection).values())
        assert told in "; ".join(said)
    assert (course / "submitted/Gruppe_7").exists() is bool(who)


def test_one_member_hands_in_for_the_group(course, students, tmp_path):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.OpenOlat.group_assignments = ["sheet"]\nc.Deadlines.due = {"sheet": "2026-11-20"}\n')
    text = ROSTER.replace("ipek@students.example,3141592,Gruppe 9", "ipek@students.example,3141592,Gruppe 7;Gruppe 9")
    (course / "roster.csv").write_text(text, encoding="utf-8")
    members = [
        {"name": "Jörg Müller", "matriculation_number": "0012345"},
        {"name": "Éloïse O'Neill", "matriculation_number": "0034567"},
        {"name": "Gerda Gast", "matriculation_number": "999"},
    ]
    manifest = json.dumps({"assignment": "sheet", "group": "8", "members": members}).encode()
    folders = [
        Folder.of(students["s01"], hand_in(**work(**{"submission.json": manifest}))),
        Folder.of(students["s02"], hand_in(**work(**{"x.txt": b"later"}))),
        Folder.of(students["s05"], hand_in()),
    ]
    times = {"s01": datetime(2026, 11, 20, 10), "s02": datetime(2026, 11, 20, 9), "s05": datetime(2026, 11, 20, 9)}
    sheet = sheet_bytes(list(students.values()), times)
    collection = collect(course, "sheet", [write_download(tmp_path / "a.zip", folders, top=TOP, sheet=sheet)])
    assert [(r.owner_id, r.status) for r in collection.rows] == [("Gruppe_7", "on time")]
    assert collection.notes[0] == "sheet: 2026-11-20 at 23:59:59, the end of the day, as no time is set"
    notes = "; ".join(row(collection, "Gruppe_7").notes)
    assert "also handed in in MuellerLuedenscheid" in notes
    assert "names Gerda Gast (999), who is not in the roster" in notes
    assert "names Éloïse O'Neill, whom the roster has in Gruppe 8 (Mo–Mi)" in notes
    assert "says group '8', the roster says 'Gruppe 7'" in notes
    assert "does not name Anna Maria Müller-Lüdenscheid" in notes
    assert "is in several groups (Gruppe 7, Gruppe 9)" in reasons(collection)["Oeztuerk_Ipek_abc12"]


BAD = {
    "no zip": ({"a.zip": b"this is not a zip"}, "is no archive, in spite of its name"),
    "a web page": ({"a.zip": b"<!DOCTYPE html><p>Log in"}, "is no archive but a web page"),
    "zeros": ({"a.zip": bytes(5000)}, "holds nothing but zero bytes: a placeholder of a cloud folder"),
    "a pointer": ({"a.zip": b"version https://git-lfs.github.com/spec/v1\n"}, "is no archive but a pointer of Git LFS"),
    "a shortcut": ({"a.7z": b"L\0\0\0\x01\x14\x02\0" + bytes(80)}, "is no archive but a shortcut of Windows"),
    "the other half": ({"a.zip": zip_bytes({"__MACOSX/._first.ipynb": b"\0\5\x16\7"})}, "macOS keeps beside a"),
    "empty": ({"a.zip": b""}, "the file is empty"),
    "no notebook": ({"a.zip": zip_bytes({"report.pdf": b"%PDF"})}, "no notebook of this assignment"),
    "rar": ({"a.rar": b"Rar!\x1a\x07\x00xxxx"}, "hand in a zip"),
    "not JSON": ({"first.ipynb": b'{"cells": [', }, "its text is no valid JSON, line 1"),
    "merge conflict": ({"first.ipynb": b'{\n<<<<<<< HEAD\n"cells": []}'}, "marks of a merge conflict"),
    "foreign": ({"x.ipynb": json.dumps({"cells": [], "nbformat": 4}).encode()}, "none of the cells of this course"),
    "other assignment": ({"third.ipynb": notebook_bytes("third")}, "is other/third, not part of sheet"),
    "a list": ({"first.ipynb": b"[]"}, "it has no cells"),
    "deep": ({"first.ipynb": b"[" * 100_000}, "no valid JSON"),
    "an image": ({"first.ipynb": b"\x89PNG\r\n\x1a\n\x00\x00"}, "no notebook but a picture"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_kept_and_stops_nobody(course, students, tmp_path, case):
    files, expected = BAD[case]
    folders = [Folder.of(students["s01"], files), Folder.of(students["s03"], hand_in())]
    collection = collect(course, "sheet", [write_download(tmp_path / "a.zip", folders, top=TOP)])
    assert row(collection, "s01").state == "not graded"
    assert row(collection, "s03").state == "new"
    reasons = [r["reason"] for r in collection.quarantined]
    assert any(expected in reason for reason in reasons), reasons
    kept = {(course / "quarantine/sheet" / r["kept_as"]).read_bytes() for r in collection.quarantined if r["kept_as"]}
    original = next(iter(files.values()))
    assert original in kept or any(data in kept for data in _contents(original))
    assert not (course / "submitted/s01").exists()


def _contents(data):
    import io

    if not zipfile.is_zipfile(io.BytesIO(data)):
        return []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def test_a_download_that_is_none_does_not_stop_the_others(course, students, tmp_path):
    broken, good, empty = tmp_path / "x.zip", tmp_path / "a.zip", tmp_path / "leer.zip"
    broken.write_bytes(b"PK\x03\x04 and nothing more")
    write_download(good, [Folder.of(students["s01"], hand_in())], top=TOP)
    write_download(empty, [], top=TOP, sheet=sheet_bytes(list(students.values()), {}))
    collection = collect(course, "sheet", [broken, good, empty])
    assert "the download is no zip, or is damaged or cut off" in reasons(collection)["x.zip"]
    assert row(collection, "s01").state == "new"
    assert collection.notes == ["leer.zip holds no hand-in"]
    assert [owner.owner_id for owner in collection.nothing] == ["s02", "s03", "s04", "s05"]


def test_an_unpacked_download_is_read_too(course, students, tmp_path):
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in())], top=TOP)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert row(collect(course, "sheet", [tmp_path / "unpacked"]), "s01").state == "new"


def test_notebooks_are_known_by_their_cells(course, students, tmp_path):
    blank = json.dumps(notebook("first", "    # YOUR CODE HERE\n    raise NotImplementedError()")).encode()
    without_ids = notebook("second")
    for cell in without_ids["cells"]:
        cell["metadata"] = {}
    files = {
        "abgabe/Blatt final (2).ipynb": notebook_bytes("first"),
        "abgabe/first.ipynb": blank,
        "abgabe/.ipynb_checkpoints/first-checkpoint.ipynb": notebook_bytes("first", "    return 7"),
        "abgabe/b.ipynb": json.dumps(without_ids).encode(),
    }
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in(**files))], top=TOP)
    collection = collect(course, "sheet", [path])
    assert files_of(course, "s01") == ["first.ipynb", "second.ipynb"]
    assert "return 1" in (course / "submitted/s01/sheet/first.ipynb").read_text()
    notes = "; ".join(row(collection, "s01").notes)
    assert "first: handed in as Blatt final (2).ipynb" in notes
    assert "second: the grade_ids are gone; recognised by the ids of its cells" in notes
    assert [r["reason"].split(";")[0] for r in collection.quarantined] == ["the file is a second first"]


@pytest.mark.parametrize(
    ("copies", "taken"),
    [
        ({"first.ipynb": 1, "first-Copy1.ipynb": 1}, "return 1"),
        ({"first.ipynb": 1, "first-Copy1.ipynb": 2}, "return 1"),
        ({"v1.ipynb": 1, "v2.ipynb": 2}, None),
        ({"a/first.ipynb": 1, "b/first.ipynb": 2}, None),
    ],
)
def test_of_two_copies_the_one_with_the_name_counts_or_none(course, students, tmp_path, copies, taken):
    files = {name: notebook_bytes("first", f"    return {n}") for name, n in copies.items()}
    files["second.ipynb"] = notebook_bytes("second")
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in(**files))], top=TOP)
    collection = collect(course, "sheet", [path])
    if taken:
        assert taken in (course / "submitted/s01/sheet/first.ipynb").read_text()
    else:
        assert row(collection, "s01").missing == "first"
        assert [r["reason"] for r in collection.quarantined] == [
            "the file is one of 2 different copies of first, and nothing says which one counts"
        ] * 2


def test_an_old_notebook_is_converted(course, students, tmp_path):
    new = notebook("first", "    return 1")
    cells = []
    for c in new["cells"]:
        code = {"input": c["source"], "outputs": [], "language": "python", "collapsed": False}
        text = code if c["cell_type"] == "code" else {"source": c["source"]}
        cells.append({"cell_type": c["cell_type"], "metadata": c["metadata"], **text})
    old = {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    files = {"first.ipynb": json.dumps(old).encode(), "second.ipynb": "\ufeff".encode() + notebook_bytes("second")}
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in(**files))], top=TOP)
    notes = "; ".join(row(collect(course, "sheet", [path]), "s01").notes)
    assert "first: converted from the old notebook format 3" in notes
    for name in ("first", "second"):
        read = json.loads((course / f"submitted/s01/sheet/{name}.ipynb").read_text(encoding="utf-8"))
        assert read["nbformat"] == 4 and "return 1" in "".join(read["cells"][2]["source"])


def test_a_student_cannot_write_the_time_or_leave_the_folder(course, students, tmp_path):
    files = work(**{"timestamp.txt": b"2020-01-01 00:00:00 UTC", "../../../evil.txt": b"x", "submission.json": b"[]"})
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in(**files))], top=TOP)
    collection = collect(course, "sheet", [path])
    assert files_of(course, "s01") == ["first.ipynb", "second.ipynb", "submission.json", "timestamp_2.txt"]
    assert "its path leads out of the archive" in reasons(collection)["Mueller_Joerg_jmueller"]
    assert not list(tmp_path.rglob("evil.txt"))


def test_every_file_of_a_download_has_a_fate(course, students, tmp_path):
    folders = [
        Folder.of(students["s01"], hand_in(), task=True, late="late"),
        Folder("Fremd_F_f", {"1_submissions": hand_in(), "2_corrections": {"f.html": b"f"}}),
        Folder.of(students["s03"], {"a.zip": b"no zip"}),
    ]
    sheet = sheet_bytes(list(students.values()), {})
    path = write_download(tmp_path / "a.zip", folders, top=TOP, sheet=sheet, extra={"solutions/x.zip": b"x"})
    collection = collect(course, "sheet", [path])
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    assert names <= {file for _, file, _ in collection.fates}


def test_an_unknown_assignment_is_named_with_the_known_ones(course):
    with pytest.raises(CourseError, match=r"no assignment 'shet'.*there are: other, sheet"):
        collect(course, "shet", [Path("x.zip")])


def test_an_error_of_ours_stops_nobody(course, students, tmp_path, monkeypatch):
    from course_utils.stages import collect as module

    original = module.place_hand_in

    def fails_for_one(hand_in, *rest):
        if hand_in.owner.owner_id == "s01":
            raise KeyError("unforeseen")
        return original(hand_in, *rest)

    monkeypatch.setattr(module, "place_hand_in", fails_for_one)
    folders = [Folder.of(students[s], hand_in()) for s in ("s01", "s03")]
    collection = collect(course, "sheet", [write_download(tmp_path / "a.zip", folders, top=TOP)])
    assert [r.state for r in collection.rows] == ["not graded", "new"]
    (kept,) = collection.quarantined
    assert "KeyError: 'unforeseen'" in kept["reason"] and (course / "quarantine/sheet" / kept["kept_as"]).is_file()


def test_own_notebooks_that_the_courses_run_are_kept_beside_them(course, students, tmp_path):
    """And only those: what nobody runs, and what is called like the course's, stays in quarantine."""
    own = b'{"cells": [{"cell_type": "code", "source": "%run deeper.ipynb"}], "nbformat": 4, "metadata": {}}'
    first = json.loads(work()["first.ipynb"])
    first["cells"][2]["source"] = "%run helpers.ipynb\n%run first.ipynb\nx = 1"
    files = work() | {"first.ipynb": json.dumps(first).encode(), "old/first.ipynb": own}
    files |= dict.fromkeys(("helpers.ipynb", "deeper.ipynb", "scratch.ipynb"), own)
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in(**files))], top=TOP)
    collection = collect(course, "sheet", [path])
    kept = ["deeper.ipynb", "first.ipynb", "helpers.ipynb", "second.ipynb"]
    assert files_of(course, "s01") == kept
    assert len(collection.quarantined) == 2
    assert all("has none of the cells of this course" in entry["reason"] for entry in collection.quarantined)


def test_names_that_would_move_the_cursor_are_shown_harmlessly(course, students, tmp_path):
    from course_utils.command.instructor import show_collection
    from course_utils.command.terminal import console

    files = {"a.zip": zip_bytes({"\x1b[2J[red]x.ipynb": b"{", "=cmd().ipynb": b"{"})}
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], files)], top=TOP)
    collection = collect(course, "sheet", [path])
    with console.capture() as capture:
        show_collection(collection, course)
    assert "\x1b[2J" not in capture.get() and "[red]x.ipynb" in "".join(capture.get().split())
    assert "\x1b" not in (course / "quarantine/sheet/reasons.csv").read_text()


def test_pseudonyms_replace_everything_that_names_a_student(course, students, tmp_path):
    from course_utils.classroom.pseudonyms import Pseudonyms

    shown = Pseudonyms.of(course, wanted=True)
    text = "Jörg Müller (0012345, jmueller), Mueller_Joerg_jmueller, Gruppe_7_98304, joerg@students.example; müllern"
    hidden = shown.text(text)
    for secret in ("Jörg", "Müller", "0012345", "jmueller", "Joerg", "Gruppe_7"):
        assert secret not in hidden
    assert hidden.endswith("müllern") and shown.name("s01", "x") in hidden
    assert Pseudonyms.of(course, wanted=True).name("s01", "x") == shown.name("s01", "x")
    assert Pseudonyms.of(course).text(text) == text


# The phases, each for itself.


@pytest.fixture
def there(course):
    return open_assignment(course, "sheet")


def hand_in_of(student, there, tmp_path, name, submitted=None, content=b""):
    file = tmp_path / name
    file.write_bytes(content or zip_bytes(work()))
    raw = RawFile("sheet.zip", file, file.stat().st_size, name)
    return HandIn(there.roster.owner(student), name, "a.zip", files=(raw,), submitted=submitted)


def test_reading_changes_nothing_in_the_course(course, there, students, tmp_path):
    before = sorted(course.rglob("*"))
    path = write_download(tmp_path / "a.zip", [Folder.of(students["s01"], hand_in())], top=TOP)
    (tmp_path / "staging").mkdir()
    (download,) = read(there, [path], tmp_path / "staging", Wanted("sheet"))
    assert [h.owner.owner_id for h in download.hand_ins] == ["s01"] and sorted(course.rglob("*")) == before


def test_settling_takes_the_later_one_and_decides_nothing_without_times(there, tmp_path):
    early, late = datetime(2026, 11, 20, 9, tzinfo=UTC), datetime(2026, 11, 20, 10, tzinfo=UTC)
    hand_ins = [
        hand_in_of("s03", there, tmp_path, "c", early),
        hand_in_of("s01", there, tmp_path, "a", late),
        hand_in_of("s01", there, tmp_path, "b", early),
        hand_in_of("s02", there, tmp_path, "d"),
        hand_in_of("s02", there, tmp_path, "e"),
    ]
    settled = settle([Download(tmp_path / "a.zip", hand_ins)], there.roster)
    assert [h.folder for h in settled.chosen] == ["a", "c"]  # in the order of the roster
    assert [(old.folder, new.folder) for old, new in settled.older] == [("b", "a")]
    assert [owner.owner_id for owner in settled.undecided] == ["s02"]
    assert {p.kept.name for p in settled.problems} == {"d", "e"}


def test_placing_decides_and_writes_nothing(course, there, tmp_path):
    before = sorted(course.rglob("*"))
    (tmp_path / "one").mkdir()
    placed = place(there, hand_in_of("s01", there, tmp_path, "a"), tmp_path / "one")
    assert placed.placement.notebooks == ["first", "second"] and not placed.refusal and not placed.problems
    (tmp_path / "two").mkdir()
    empty = place(there, hand_in_of("s01", there, tmp_path, "b", content=zip_bytes({"x.txt": b""})), tmp_path / "two")
    assert empty.refusal == "no notebook of this assignment in it"
    assert [p.reason for p in empty.problems] == ["the hand-in has no notebook of this assignment in it"]
    assert sorted(course.rglob("*")) == before


def test_writing_lays_out_once(course, there, tmp_path):
    record, states = {}, []
    for number in range(2):
        (tmp_path / f"staging-{number}").mkdir()
        placed = place(there, hand_in_of("s01", there, tmp_path, "a"), tmp_path / f"staging-{number}")
        write(there, placed, record, Quarantine(course, "sheet"))
        states.append(placed.row.state)
    assert states == ["new", "unchanged"]
    assert {"first.ipynb", "second.ipynb"} <= set(files_of(course, "s01"))


def test_the_table_has_the_time_of_what_is_in_quarantine(course, students, tmp_path):
    folder = Folder.of(students["s01"], {"answer.txt": b"forty-two"})
    sheet = sheet_bytes([students["s01"]], {"s01": datetime(2026, 11, 20, 19, 30)})
    path = write_download(tmp_path / "a.zip", [folder], top=TOP, sheet=sheet)
    (where,) = (e for e in collect(course, "sheet", [path]).everybody if e.owner_id == "s01")
    assert (where.state, where.submitted, where.late_by) == ("in quarantine", "2026-11-20 19:30:00", "1 h 30 min")
    reasons_csv = course / "quarantine/sheet/reasons.csv"
    reasons_csv.write_text(reasons_csv.read_text().replace("2026-11-20T18:30:00+00:00", "20.11.2026 19:30"))
    (where,) = (
        e for e in where_everybody_is(course, "sheet", load_config(course), read_roster(course)) if e.owner_id == "s01"
    )
    assert (where.state, where.submitted) == ("in quarantine", ""), "a spreadsheet wrote the time anew"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('c.Deadlines.policy = "hard stop"', True),
        ('c.Deadlines.policy = "none"', False),
        ('c.Deadlines.policy = "hard stop"\nc.Deadlines.grace_minutes = {"sheet": 5}', False),
    ],
)
def test_who_is_late_within_the_grace_is_told_to_lose_nothing(settings, told, tmp_path):
    course = make_course(tmp_path / "course", config=f"{DUE}\nc.Deadlines.grace_minutes = {{'*': 15}}\n{settings}")
    student = read_roster(course).students[0]
    sheet = sheet_bytes([student], {student.student_id: datetime(2026, 11, 20, 18, 10)})
    download = write_download(tmp_path / "Sheet.zip", [Folder.of(student, hand_in())], top=TOP, sheet=sheet)
    found = row(collect(course, "sheet", [download]), student.student_id)
    assert (found.status, found.late_by) == ("late", "10 min")
    assert ("within the grace of 15 minutes: it costs nothing" in found.notes) is told


def test_the_table_of_the_course_notes_what_lies_in_quarantine_alone(course, students, tmp_path):
    path = write_download(tmp_path / "s.zip", [Folder.of(students["s01"], {"first.ipynb": b""})], top=TOP)
    collect(course, "sheet", [path])
    remarks = kept_in_quarantine(course)
    assert [*remarks] == ["s01"] and remarks["s01"][0].startswith("sheet: handed in, but in quarantine: the file is an")
    table, _ = write_course_table(course, remarks=remarks)
    with table.open(encoding="utf-8-sig") as file:
        notes = {line["student_id"]: line["notes"] for line in csv.DictReader(file)}
    assert notes == dict.fromkeys(students, "") | {"s01": remarks["s01"][0]}
