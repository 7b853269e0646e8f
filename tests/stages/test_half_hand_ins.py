"""Of a hand-in only a part can be read: a folder in the place of a file, half of a copy, an empty place of a cloud."""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile

import py7zr
import pytest

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import open_gradebook
from course_utils.classroom.roster import read_roster
from course_utils.platforms.olat.simulate import Folder, write_download
from course_utils.stages.autograde import autograde
from course_utils.stages.collect import collect
from course_utils.stages.feedback import feedback
from course_utils.stages.give_back import return_marks
from course_utils.stages.release import release
from course_utils.stages.whereabouts import kept_in_quarantine
from tests.support.engine import ROOT
from tests.support.olat_course import make_course, notebook_bytes, zip_bytes

pytestmark = pytest.mark.xdist_group("handins")

FIRST, SECOND, OTHER = notebook_bytes("first"), notebook_bytes("second"), notebook_bytes("first", "    return 1.0")
SETTINGS = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8").partition("\n")[2]


def packed(files, folders=(), kind="zip"):
    """Return an archive in which folders stand as well, as most programs write them."""
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in folders:
                archive.writestr(zipfile.ZipInfo(f"{name}/"), b"")
            for name, data in files.items():
                archive.writestr(name, data)
    elif kind == "tar":
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in folders:
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    else:
        with tempfile.TemporaryDirectory() as empty, py7zr.SevenZipFile(buffer, "w") as archive:
            for name in folders:
                archive.writeall(empty, name)
            for name, data in files.items():
                archive.writestr(data, name)
    return buffer.getvalue()


def one(tmp_path, files, course=None, name="Blatt_2026-11-20T18-05.zip"):
    """Collect what one student handed in; return the collection, the row, and what was laid out."""
    course = course or make_course(tmp_path / "course")
    student = read_roster(course).student("s01")
    collection = collect(course, "sheet", [write_download(tmp_path / name, [Folder.of(student, files)])])
    (row,) = collection.rows
    laid = course / "submitted" / "s01" / "sheet"
    return collection, row, {path.relative_to(laid).as_posix() for path in laid.rglob("*") if path.is_file()}


@pytest.mark.parametrize("folder", ["whole-assignment.html", "first.ipynb", "second.ipynb", "x.zip", "first.ipynb.zip"])
@pytest.mark.parametrize("wrapped", [True, False], ids=["in a zip", "alone"])
def test_a_folder_that_is_called_like_a_file_is_a_folder(tmp_path, folder, wrapped):
    files = {f"{folder}/first.ipynb": FIRST, f"{folder}/second.ipynb": SECOND, f"{folder}/index.html": b"<html>"}
    _, row, laid = one(tmp_path, {"hand-in.zip": zip_bytes(files)} if wrapped else files)
    assert (row.state, row.missing) == ("new", "") and laid == {"first.ipynb", "second.ipynb", "index.html"}


@pytest.mark.parametrize("kind", ["zip", "tar", "7z"])
def test_an_empty_folder_that_is_called_like_a_notebook_is_told(tmp_path, kind):
    hand_in = {f"a.{kind}": packed({"second.ipynb": SECOND}, ["data", "first.ipynb"], kind)}
    _, row, _ = one(tmp_path, hand_in)
    assert f"a.{kind}!first.ipynb: is a folder with nothing in it, in spite of its name" in row.notes
    assert "first may be among what is in quarantine, so the marks wait for a person" in row.notes


def test_a_folder_without_a_notebook_is_no_notebook_and_is_kept(tmp_path):
    _, row, laid = one(tmp_path, {"a.zip": zip_bytes({"first.ipynb/notes.txt": b"mine", "second.ipynb": SECOND})})
    assert "first.ipynb: is a folder, and no notebook of the course is in it" in row.notes
    assert laid == {"second.ipynb", "first_2.ipynb/notes.txt"}, "nothing of another kind has the name of a notebook"


def test_empty_folders_of_an_unpacked_download_are_told(tmp_path):
    """Half of it may not have come from the cloud yet."""
    course = make_course(tmp_path / "course")
    students = read_roster(course).students
    one = Folder.of(students[0], {"first.ipynb": FIRST, "second.ipynb": SECOND})
    download = tmp_path / "Blatt"
    with zipfile.ZipFile(write_download(tmp_path / "Blatt.zip", [one])) as archive:
        archive.extractall(download)
    assert not any("nothing is in" in note for note in collect(course, "sheet", [download]).notes)
    name = Folder.of(students[2], {}).name
    (download / name / "1_submissions").mkdir(parents=True)
    (note,) = [note for note in collect(course, "sheet", [download]).notes if "nothing is in" in note]
    assert f"nothing is in {name}/1_submissions. " in note and "collect the zip itself" in note


ZEROS, HALF = bytes(4096), FIRST[: len(FIRST) // 2]
# What came with the second notebook; whether the first may be among it.
HALVES = {
    "a placeholder": ({"first.ipynb": ZEROS}, True),
    "half a copy": ({"first (1).ipynb": HALF}, True),
    "half a copy of another name": ({"Untitled.ipynb": HALF}, True),
    "an archive that can't be read": ({"b.rar": b"Rar!\x1a\x07\x00xxxx"}, True),
    "an archive of zeros": ({"b.zip": ZEROS}, True),
    "two copies": ({"a/first_1.ipynb": FIRST, "b/first_2.ipynb": OTHER}, True),
    "a folder": ({"first.ipynb/notes.txt": b"mine"}, True),
    "nothing": ({}, False),
    "another copy of the second": ({"second (1).ipynb": ZEROS}, False),
    "a notebook of one's own": ({"play.ipynb": notebook_bytes("play")}, False),
    "a picture that is too large": ({"photo.png": bytes(3000)}, False),
}


@pytest.mark.parametrize("case", HALVES)
def test_what_may_be_among_what_can_not_be_read_is_told(tmp_path, case):
    files, waits = HALVES[case]
    course = make_course(tmp_path / "course", config="c.OpenOlat.max_file_bytes = 2900")
    assert max(len(FIRST), len(SECOND)) < 2900, "the limit is for the picture alone"
    _, row, _ = one(tmp_path, {"second.ipynb": SECOND, **files}, course)
    assert (row.missing, row.unread) == ("first", "first" if waits else ""), row.notes


def test_half_of_a_hand_in_is_no_whole_one_with_zeros(tmp_path):
    course = make_course(tmp_path / "course", config=f"{SETTINGS}\nc.GradeNotebook.preload = []")
    release(course, "sheet")
    one(tmp_path, {"second.ipynb": SECOND, "first.ipynb": ZEROS}, course)
    (row,) = [row for row in autograde(course, "sheet", workers=1) if row.student_id == "s01"]
    assert (row.points, row.max_points) == (2, 4)
    told = "first was not graded, as it may be among what is in quarantine: the file holds nothing but zero bytes"
    assert row.problem.startswith(told)
    feedback(course, "sheet")
    kept_back = dict(return_marks(course, "sheet").withheld)
    assert kept_back["Jörg Müller"].startswith(told) and kept_back["Jörg Müller"].endswith("or use --automatic")
    assert kept_in_quarantine(course)["s01"][0].startswith(f"sheet: {told}")
    (line,) = return_marks(course, "sheet", automatic=True).lines
    assert line.comment.endswith("2 of 4 points; first could not be read")
    one(tmp_path, {"second.ipynb": SECOND, "first.ipynb": FIRST}, course, "Blatt_2026-11-21T18-05.zip")
    autograde(course, "sheet", workers=1)
    feedback(course, "sheet")
    (line,) = return_marks(course, "sheet").lines
    assert line.score == 4


@pytest.mark.parametrize(("assignment", "names"), [("sheet", ("first", "second")), ("other", ("third",))])
@pytest.mark.parametrize("folder", ["whole-assignment.html", "first.html", "third.html", "Whole-Assignment.HTML"])
def test_folders_that_are_called_like_pages_stand_in_nobodys_way(tmp_path, folder, assignment, names):
    course = make_course(tmp_path / "course", config=f"{SETTINGS}\nc.GradeNotebook.preload = []")
    release(course, assignment)
    laid = course / "submitted" / "s01" / assignment
    (laid / folder).mkdir(parents=True)
    (laid / folder / "index.html").write_text("<html>MINE</html>")
    (laid / "index.html").write_text("<html>MINE</html>")
    for name in names:
        (laid / f"{name}.ipynb").write_bytes(notebook_bytes(name))
    autograde(course, assignment, workers=1)
    feedback(course, assignment)
    returned = return_marks(course, assignment)
    (line,) = returned.lines
    pages = [*names, "whole-assignment"] if len(names) > 1 else names
    assert [page.stem for page in line.pages] == sorted(pages) and returned.withheld == []
    assert (laid / folder / "index.html").is_file(), "what was handed in stays as it was"


def test_what_can_not_be_read_of_what_lies_there_waits_for_a_person(tmp_path):
    """However it came there: a folder, half a copy."""
    course = make_course(tmp_path / "course", config=f"{SETTINGS}\nc.GradeNotebook.preload = []")
    release(course, "sheet")
    for who in ("s01", "s03"):
        folder = course / "submitted" / who / "sheet"
        folder.mkdir(parents=True)
        (folder / "second.ipynb").write_bytes(SECOND)
    (course / "submitted" / "s01" / "sheet" / "first.ipynb").mkdir()
    (course / "submitted" / "s03" / "sheet" / "first.ipynb").write_bytes(HALF)
    rows = {row.student_id: row for row in autograde(course, "sheet", workers=1)}
    assert "first is not gradable: it is a folder, not a notebook" in rows["s01"].problem
    assert all(rows[who].needs_manual and rows[who].points == 2 for who in ("s01", "s03"))
    feedback(course, "sheet")
    returned = return_marks(course, "sheet")
    assert returned.lines == [] and len(returned.withheld) == 2
    with open_gradebook(course, load_config(course)) as gradebook:
        submission = gradebook.find_submission("sheet", "s01")
        (grade,) = [g for n in submission.notebooks for g in n.grades if n.name == "first"]
        assert (grade.auto_score, grade.needs_manual_grade) == (None, True)
        grade.manual_score, grade.needs_manual_grade = 0, False  # a person has looked
        gradebook.db.commit()
    (line,) = return_marks(course, "sheet").lines
    assert line.score == 2
