"""One hand-in costs itself only: odd things at every stage, names in tables, faults below the net, runs at once."""
# ruff: noqa: E501 (attackers write long lines)

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import openpyxl
import pytest
from nbgrader.converters import GenerateFeedback
from rich.console import Console
from rich.table import Table

from course_utils.classroom import folder as folder_module
from course_utils.classroom import safety_net, tables
from course_utils.classroom.deadlines import sync_gradebook
from course_utils.classroom.marks import write_course_table
from course_utils.classroom.one_run import AnotherRun, only_run
from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.roster import Owner, Roster, read_roster
from course_utils.grading import scratch
from course_utils.handins.archives import unpack
from course_utils.handins.budget import Budget
from course_utils.handins.limits import Limits
from course_utils.notebooks.texts import one_line
from course_utils.platforms.olat.simulate import Folder, write_download
from course_utils.report import leaderboard
from course_utils.stages import autograde, feedback, release
from course_utils.stages import placing as collecting
from course_utils.stages.collect import collect
from course_utils.stages.give_back import return_marks
from tests.support import odd_things
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, hand_in, make_course

# One run takes everybody through the cycle.
pytestmark = pytest.mark.xdist_group("handins")

WHO = {f"odd{number:02}": name for number, name in enumerate(odd_things.ODD_THINGS)}
NEIGHBOURS = ("neighbour0", "neighbour1")
HEADER = "student_id,user_name,last_name,first_name,email,matriculation_number,group\n"


def with_class(folder: Path, names=None) -> Path:
    """Write a course with a roster; its notebook trains a network called challenge."""
    course = make_course(folder)
    path = course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    source = json.loads(path.read_bytes())
    next(c for c in source["cells"] if c["metadata"]["nbgrader"]["grade_id"] == "add")["metadata"]["course"] = {
        "artifacts": ["challenge"]
    }
    path.write_text(json.dumps(source))
    everybody = [*(WHO if names is None else names), *NEIGHBOURS]
    (course / "roster.csv").write_text(
        HEADER + "".join(f"{w},{w},Last{w},First,{w}@students.example,,\n" for w in everybody)
    )
    return course


def lay(course: Path, names) -> set[str]:
    """Lay odd things into `submitted/`; return whose could not be made on this file system."""
    skipped = set()
    for who in names:
        hand_in(course, who)
        if not odd_things.is_laid(odd_things.ODD_THINGS[WHO[who]], course / "submitted" / who / ASSIGNMENT):
            skipped.add(who)
    for who in NEIGHBOURS:
        hand_in(course, who)
    return skipped


@pytest.fixture(scope="module")
def through(tmp_path_factory):
    """The class after every stage, and what each stage said of everybody."""
    root = tmp_path_factory.mktemp("odd")
    course = with_class(root / "course")
    skipped = lay(course, WHO)
    rows = {row.student_id: row for row in autograde.autograde(course, ASSIGNMENT, workers=2)}
    failed: dict[str, str] = {}
    feedback.feedback(course, ASSIGNMENT, failed.__setitem__)
    returned = return_marks(course, ASSIGNMENT, automatic=True)
    table, book = write_course_table(course)
    with folder_module.open_gradebook(course) as gradebook:
        board = leaderboard.read(course, ASSIGNMENT, "challenge", gradebook, Pseudonyms(Roster(())))
    leaderboard.write(board, course / "reports", ASSIGNMENT, "challenge")
    yield (
        course,
        skipped,
        rows,
        failed,
        returned,
        list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig")))),
        book,
        board,
    )
    odd_things.remove(root)


def _autograded(through, who, kept):
    row = through[2][who]
    assert (row.points, row.max_points) == (3 if kept else 0, 4)
    assert bool(row.problem) is not kept and "waits for a person" not in row.problem
    assert all(note == one_line(note, 400) for note in row.notes)


def _shown(through, who, kept):
    assert who not in through[3]
    assert (through[0] / "feedback" / who / ASSIGNMENT / f"{NOTEBOOK}.html").is_file()


def _returned(through, who, kept):
    line = next(line for line in through[4].lines if line.owner_id == who)
    assert line.score == (3 if kept else 0) and len(line.pages) == 1


def _counted(through, who, kept):
    row = next(row for row in through[5] if row["student_id"] == who)
    assert row[ASSIGNMENT] == ("3" if kept else "0") and not row["notes"]


def _ranked(through, who, kept):
    found = [row for row in through[7] if row.name == who]
    assert bool(found) == (WHO.get(who) == "beside: an honest record")
    assert all(isinstance(cell, str) and len(cell) < 80 for row in found for cell in leaderboard.cells(row))


STAGES = {"autograde": _autograded, "feedback": _shown, "return": _returned, "marks": _counted, "leaderboard": _ranked}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("who", [*WHO, *NEIGHBOURS], ids=[*WHO.values(), *NEIGHBOURS])
def test_an_odd_thing_costs_at_most_its_own_hand_in(who, stage, through):
    if who in through[1]:
        pytest.skip("this file system knows no such thing")
    STAGES[stage](through, who, not WHO.get(who, "").startswith("instead"))


def test_nothing_was_a_fault(through):
    assert not (through[0] / safety_net.FAULTS).exists()


SOME = [who for who, name in WHO.items() if name.partition(": ")[2] in (
    "a file whose name is no UTF-8", "folders nested 400 deep", "a path that is nearly too long", "a folder called like another notebook",
    "a time stamp in the year 10000", "a pipe", "a loop of links", "the graded marker", "a folder", "a socket", "a link to itself",
)]  # fmt: skip


@pytest.fixture(scope="module")
def by_nbgrader(tmp_path_factory):
    root = tmp_path_factory.mktemp("odd-nbgrader")
    course = with_class(root / "course", SOME)
    skipped = lay(course, SOME)
    release.release(course, ASSIGNMENT)
    said = ""
    for stage in ("autograde", "generate_feedback"):
        done = subprocess.run(
            ["nbgrader", stage, ASSIGNMENT], cwd=course, capture_output=True, text=True, errors="replace"
        )
        said += done.stderr
    yield course, skipped, said
    odd_things.remove(root)


@pytest.mark.parametrize("who", [*SOME, *NEIGHBOURS], ids=[*(WHO[who] for who in SOME), *NEIGHBOURS])
def test_an_odd_thing_costs_at_most_its_own_hand_in_with_nbgrader(who, by_nbgrader):
    course, skipped, said = by_nbgrader
    if who in skipped:
        pytest.skip("this file system knows no such thing")
    with folder_module.open_gradebook(course) as gradebook:
        score = gradebook.find_submission(ASSIGNMENT, who).score
    assert score == (0 if WHO.get(who, "").startswith("instead") else 3), said[-3000:]
    assert (course / "feedback" / who / ASSIGNMENT / f"{NOTEBOOK}.html").is_file()


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """Every odd thing in a tar that was handed in."""
    root = tmp_path_factory.mktemp("odd-collect")
    course = with_class(root / "course")
    students = {s.student_id: s for s in read_roster(course).students}
    folders, skipped = [], lay(course, WHO)
    for who in [*WHO, *NEIGHBOURS]:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as made:
            try:
                made.add(course / "submitted" / who / ASSIGNMENT, "work")
            except OSError:
                skipped.add(who)
        folders.append(Folder.of(students[who], {"work.tar": buffer.getvalue()}))
    odd_things.remove(course / "submitted")
    download = write_download(root / "Tiny_2026-11-20T18-05.zip", folders, top="ita_Tiny_2026-11-20T18-05-41_207")
    yield course, skipped, collect(course, ASSIGNMENT, [download])
    odd_things.remove(root)


@pytest.mark.parametrize("who", [*WHO, *NEIGHBOURS], ids=[*WHO.values(), *NEIGHBOURS])
def test_an_odd_thing_costs_at_most_its_own_hand_in_when_it_is_collected(who, collected):
    course, skipped, collection = collected
    if who in skipped:
        pytest.skip("this file system, or a tar, knows no such thing")
    (row,) = [row for row in collection.rows if row.owner_id == who]
    kept = not WHO.get(who, "").startswith("instead")
    assert row.state == ("new" if kept else "not graded") and not (kept and row.missing), row.notes
    assert (course / "submitted" / who / ASSIGNMENT / f"{NOTEBOOK}.ipynb").is_file() is kept
    assert not (course / safety_net.FAULTS).exists()


# Names in tables.

NAMES = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", '"=1', "  =1", "a;=1", 'a; "=1', "a;\n@x", "＝1", "a,=1", "\x00=1", "\x1b]8;;http://x\x07=1"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_spreadsheet_computes_a_name(name, tmp_path):
    path = tables.write_csv(tmp_path / "t.csv", ["who", "points"], [[name, -1.5], [-2, name]])
    text = path.read_text(encoding="utf-8")
    for delimiter in (",", ";"):
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            for cell in row:
                bare = cell.lstrip(' "')
                assert bare[:1] not in tuple("=+@＝\t\r") or not bare, cell
    (first, _), (_, last) = list(csv.reader(io.StringIO(text)))[1:]
    assert first == last == tables.as_cell(first)  # written again it stays
    assert "-1.5" in text and "\n-2," in text
    book = openpyxl.Workbook()
    tables.put(book.active["A1"], name)
    tables.put(book.active["A2"], 2.5)
    tables.put_formula(book.active["A3"], "=SUM(A2:A2)")
    book.save(tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert [sheet[f"A{n}"].data_type for n in (1, 2, 3)] == ["s", "n", "f"]


@pytest.mark.parametrize(
    "value",
    ["well-known", "a - b", "Gruppe 7; Gruppe 8", "O'Neill", "-1.5", "+2", "x@y.example", "a=b", "§ 1", "Mo–Mi"],
)
def test_an_honest_text_stays_as_it_is(value):
    assert tables.as_cell(value) == value


@pytest.mark.parametrize(
    "name",
    ["[red]x[/red]", "[link=http://x]y", "\x1b[2J\x1b]0;x\x07", "a\rb", "\u202egnp", "\ud800", ":bomb:", "x\\", "[/]"],
    ids=ascii,
)
def test_no_terminal_obeys_a_name(name):
    console = Console(force_terminal=True, width=100, file=io.StringIO(), color_system=None)
    table = Table("name")
    table.add_row(tables.shown(name))
    console.print(table)
    console.print(tables.shown(name))
    text = console.file.getvalue()
    assert not set(text) & set("\x1b\x07\r\u202e\ud800")
    assert text.count(one_line(name)) == 2


def test_a_name_of_megabytes_is_cut():
    assert len(one_line("x" * 10**7, 80)) == 80
    assert len(tables.as_cell("=" * 10**7)) < 10_000


def test_group_names_of_the_roster_reach_the_table_of_marks_as_text(tmp_path):
    course = make_course(tmp_path / "course")
    (course / "roster.csv").write_text(
        HEADER + "=1+1,u,Last,First,,,\n".replace("=1+1,u", "a,u") + 'b,@v,"=cmd|x",First,,007,"=HYPERLINK(1)"\n'
    )
    hand_in(course, "a")
    autograde.autograde(course, ASSIGNMENT, workers=1)
    table, book = write_course_table(course)
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"))))
    assert (
        rows[1]["last_name"] == "'=cmd|x"
        and rows[1]["group"] == "'=HYPERLINK(1)"
        and rows[1]["matriculation_number"] == "007"
    )
    sheet = openpyxl.load_workbook(book).active
    assert sheet["C4"].value == "=cmd|x" and sheet["C4"].data_type == "s" and sheet["F4"].data_type == "s"
    assert sheet["H3"].data_type == "f"


# Numbers of a group.


@pytest.mark.parametrize(("written", "same"), [
    ("7", True), ("07", True), ("Gruppe 7", True), ("²", False), ("7²", False), ("٧", False), ("½", False), ("1e3", False), ("9" * 5000, False),
    ("0" * 5000 + "7", False), ("", False), ("٣", False), ("①", False), ("VII", False), ("\ud800", False),
])  # fmt: skip
def test_a_number_of_a_group_is_never_an_error(written, same):
    owner = Owner("Gruppe_7", "Gruppe 7", (), is_group=True)
    assert collecting._same_group(written, owner) is same


# Headers of archives.


def _pax(size: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    return info.tobuf(tarfile.USTAR_FORMAT) + b"1" * size + bytes(-size % 512)


def _long_name(size: int) -> bytes:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, size
    return info.tobuf(tarfile.GNU_FORMAT) + b"m" * size + bytes(-size % 512)


def _plain(name: str, data: bytes = b"mine") -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


def _sparse(blocks: int) -> bytes:
    info = tarfile.TarInfo("sparse")
    info.type = tarfile.GNUTYPE_SPARSE
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[482] = 1
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + 8 * 32 + sum(head[156:]))
    block = b"00000000001\x00" * 42 + b"\x01" + bytes(7)
    return bytes(head) + block * blocks


@pytest.mark.parametrize("header", [_pax(40 << 20), _long_name(40 << 20), _long_name(70_000), _sparse(100_000), _sparse(3)[:-100]],
                         ids=["pax", "long name", "short of the limit", "sparse", "cut off"])  # fmt: skip
def test_a_header_of_a_tar_is_read_within_limits(header, tmp_path):
    path = tmp_path / "received"
    path.write_bytes(_plain("first.txt") + header + _plain("last.txt") + bytes(1024))
    (tmp_path / "staging").mkdir()
    tracemalloc.start()
    files, refusals = unpack(path, "work.tar", Budget(Limits(), tmp_path / "staging"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
    assert [file.name for file in files] == ["first.txt"] and refusals


def test_many_names_in_a_row_and_long_ones_are_refused_with_a_short_reason(tmp_path):
    chain = b"".join(_long_name(500) for _ in range(5_000))
    path = tmp_path / "received"
    path.write_bytes(chain + _plain("last.txt") + bytes(1024))
    (tmp_path / "staging").mkdir()
    files, refusals = unpack(path, "work.tar", Budget(Limits(), tmp_path / "staging"))
    assert (files or refusals) and all(len(r.reason) < 500 and len(r.original) < 10_000 for r in refusals)


def test_a_zip_is_read_though_a_name_is_no_utf_8(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("übung.txt", b"mine")
        made.writestr("a.txt", b"also mine")
    data = buffer.getvalue().replace("übung".encode(), b"\xff\xfebung")
    (tmp_path / "received").write_bytes(data)
    (tmp_path / "staging").mkdir()
    files, refusals = unpack(tmp_path / "received", "work.zip", Budget(Limits(), tmp_path / "staging"))
    assert not refusals and sorted(file.staged.read_bytes() for file in files) == [b"also mine", b"mine"]
    assert (tmp_path / "received").read_bytes() == data


# The net.


@pytest.fixture
def course(tmp_path):
    course = with_class(tmp_path / "course", ["ada", "bob"])
    for who in ("ada", "bob"):
        hand_in(course, who)
    return course


@pytest.mark.parametrize("stage", ["read_submission", "record", "_read_result"])
def test_a_fault_becomes_the_students_row_and_never_a_zero(stage, course, monkeypatch):
    autograde.autograde(course, ASSIGNMENT, workers=1)
    feedback.feedback(course, ASSIGNMENT)
    hand_in(course, "ada", "wrong")
    broken = getattr(autograde, stage)

    def breaks(*arguments):
        if any("ada" in str(argument) for argument in arguments):
            raise KeyError("\x1b[2J of ada")
        return broken(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(autograde, stage, breaks)
        rows = {row.student_id: row for row in autograde.autograde(course, ASSIGNMENT, workers=1)}
    assert rows["bob"].points == 3 and not rows["bob"].problem
    assert rows["ada"].problem.startswith("could not be re") and "It waits for a person" in rows["ada"].problem
    assert "\x1b" not in rows["ada"].problem
    log = (course / safety_net.FAULTS).read_text()
    assert "ada could not be re" in log and "Traceback" in log and "\x1b" not in log
    # Older marks do not go out in its place, nor a zero.
    returned = return_marks(course, ASSIGNMENT, automatic=True)
    assert [line.owner_id for line in returned.lines if line.owner_id == "bob"] == ["bob"]
    assert not [line for line in returned.lines if line.owner_id == "ada"]
    assert any("waits for a person" in why for who, why in returned.withheld if "ada" in who)
    table = {
        row["student_id"]: row
        for row in csv.DictReader(io.StringIO(write_course_table(course)[0].read_text("utf-8-sig")))
    }
    assert table["ada"][ASSIGNMENT] == "" and "waits for a person" in table["ada"]["notes"]
    # The next run that goes well clears it.
    rows = {row.student_id: row for row in autograde.autograde(course, ASSIGNMENT, workers=1)}
    assert rows["ada"].points == 0 and not rows["ada"].problem
    assert any(line.owner_id == "ada" for line in return_marks(course, ASSIGNMENT, automatic=True).lines)


def test_a_page_that_can_not_be_made_costs_that_page(course, monkeypatch):
    autograde.autograde(course, ASSIGNMENT, workers=1)
    converter = GenerateFeedback.convert_single_notebook

    def breaks(self, path):
        if "/ada/" in path:
            raise RuntimeError("no page")
        return converter(self, path)

    monkeypatch.setattr(GenerateFeedback, "convert_single_notebook", breaks)
    failed = {}
    feedback.feedback(course, ASSIGNMENT, failed.__setitem__)
    assert list(failed) == ["ada"] and "no page" in failed["ada"]
    assert (course / "feedback" / "bob" / ASSIGNMENT / f"{NOTEBOOK}.html").is_file()
    assert "ada" in (course / "reports" / f"{ASSIGNMENT}-feedback.csv").read_text()
    returned = return_marks(course, ASSIGNMENT, automatic=True)
    assert any("but the feedback pages" in why for who, why in returned.withheld if "ada" in who)


def test_marks_of_hidden_tests_in_a_students_cell_cost_no_page(course):
    path = course / "submitted" / "ada" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = json.loads(path.read_bytes())
    for cell in notebook["cells"]:
        if not cell["metadata"]["nbgrader"]["grade_id"].startswith("test"):
            cell["source"] += "\n### BEGIN HIDDEN TESTS\n# mine"
    path.write_text(json.dumps(notebook))
    autograde.autograde(course, ASSIGNMENT, workers=1)
    failed = {}
    feedback.feedback(course, ASSIGNMENT, failed.__setitem__)
    page = (course / "feedback" / "ada" / ASSIGNMENT / f"{NOTEBOOK}.html").read_text()
    assert not failed and "mine" in page and "Negative numbers count" not in page


def test_what_concerns_the_machine_ends_the_run(course):
    def full():
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        safety_net.attempt(course, "ada", "read", full)


# Two runs at once, and what a killed one leaves.

_RUN = "import sys; from course_utils.stages.autograde import autograde; print(len(autograde(sys.argv[1], 'tiny', workers=1)))"


def test_two_first_runs_at_once(course):
    runs = [
        subprocess.Popen([sys.executable, "-c", _RUN, str(course)], stdout=-1, stderr=-1, text=True) for _ in range(2)
    ]
    ends = [run.communicate() for run in runs]
    good = [out for run, (out, _) in zip(runs, ends, strict=True) if run.returncode == 0]
    assert good and all(out.strip() == "4" for out in good), ends
    for run, (_, said) in zip(runs, ends, strict=True):
        assert run.returncode == 0 or "AnotherRun: Another run works on" in said.splitlines()[-1], said
        assert "sqlalchemy" not in said


def test_a_run_that_waits_says_for_whom_and_a_killed_one_holds_nothing(tmp_path):
    holds = "import sys, time; from pathlib import Path; from course_utils.classroom.one_run import only_run\nwith only_run(Path(sys.argv[1]), 'collect x'): print('in', flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", holds, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "in\n"
        with (
            pytest.raises(AnotherRun, match=rf"course collect x, process {other.pid}"),
            only_run(tmp_path, "release", patience_s=0),
        ):
            pass
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    with only_run(tmp_path, "release", patience_s=0), only_run(tmp_path, "again", patience_s=0):
        pass


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "course" / ".course-run.lock").symlink_to(tmp_path / "precious")
    with only_run(tmp_path / "course", "release"):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_killed_run_leaves_no_students_files(tmp_path):
    makes = "import sys, time; from course_utils.grading import scratch\n(scratch.new_folder('files') / 'secret.txt').write_text('x'); print('in', flush=True); time.sleep(600)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    environment["TMPDIR"] = shorter = f"/tmp/k{os.getpid()}"
    Path(shorter).mkdir()
    try:
        runs = [
            subprocess.Popen([sys.executable, "-c", makes], env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        try:
            for run in runs:
                assert run.stdout.readline() == "in\n"
            left = sorted(Path(shorter).glob("course-run-*"))
            assert len(left) == 2 and all(path.stat().st_mode & 0o77 == 0 for path in left)
            runs[0].send_signal(signal.SIGKILL)
            runs[0].wait()
            assert scratch.sweep(Path(shorter)) == 1
            (kept,) = Path(shorter).glob("course-run-*")
            assert list(kept.rglob("secret.txt"))  # of the run that goes on
        finally:
            for run in runs:
                run.kill()
                run.wait()
                run.stdout.close()
        assert scratch.sweep(Path(shorter)) == 1 and not list(Path(shorter).iterdir())
    finally:
        shutil.rmtree(shorter)


def test_what_can_not_be_entered_and_what_is_deep_is_removed_too(tmp_path):
    folder = tmp_path / "left"
    folder.mkdir()
    for name in ("folders nested 400 deep", "a folder that can't be entered", "a pipe", "a loop of links"):
        odd_things.is_laid(odd_things.KEEP[name], folder)
    scratch.remove(folder)
    assert not folder.exists()


def test_a_killed_collection_leaves_nothing_for_the_next(course):
    (course / ".collect-killed").mkdir()
    (course / ".collect-killed" / "000001").write_text("a student's")
    (course / "submitted" / "ada" / f".{ASSIGNMENT}.new").mkdir()
    download = write_download(course.parent / "a.zip", [])
    collect(course, ASSIGNMENT, [download])
    assert not list(course.glob(".collect-*"))
    sync_gradebook(course, read_roster(course), ASSIGNMENT)
    autograde.autograde(course, ASSIGNMENT, [], workers=1)
    assert not list((course / "submitted").glob("*/.*.new"))
