"""Thirty students in twelve groups: packed, uploaded, collected in three layouts, graded, returned; marks are known."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from course_utils.classroom.deadlines import sync_gradebook
from course_utils.classroom.marks import course_marks
from course_utils.classroom.names import fold
from course_utils.classroom.roster import read_roster
from course_utils.packing.examine import examine_folder
from course_utils.packing.manifest import Member
from course_utils.packing.pack import pack
from course_utils.packing.team import Team
from course_utils.platforms.olat.simulate import Folder, sheet_bytes, write_download
from course_utils.stages import autograde, feedback, release
from course_utils.stages.collect import collect
from course_utils.stages.give_back import return_marks
from tests.support.olat_course import make_course, notebook

# One worker, for what is made once.
pytestmark = pytest.mark.xdist_group("olat-round-trip")

ROOT = Path(__file__).parents[2]
FIRST = ["Jörg", "Élise", "Anna Maria", "Иван", "Đào", "İpek"]
LAST = ["Kernel-Müller", "O'Stride", "von Padding", "Größe", "Filter"]
ANSWERS = {
    "right": "    return 1",
    "wrong": "    return 2",
    "blank": "    # YOUR CODE HERE\n    raise NotImplementedError()",
}
TIME = datetime(2026, 11, 20, 12, 0)
CONFIG = """
c.Deadlines.due = {"sheet": "2026-11-20 18:00"}
c.Deadlines.policy = "percent per started day"
c.Deadlines.grace_minutes = {"*": 0}
"""


def roster_text():
    lines = ["student_id,user_name,last_name,first_name,email,matriculation_number,group"]
    for i, (last, first) in enumerate(itertools.product(LAST, FIRST)):
        # Groups of two and three; their names end in numbers, and fold.
        group = f"Gruppe {i % 12 + 1} (Mo–Mi)"
        lines.append(f"s{i:02},user.{i},{last},{first},s{i}@students.example,{i:07},{group}")
    return "\n".join(lines) + "\n"


def plan(number):
    """Return what group `number` answers and how late it is, and the points it must get."""
    kinds = list(itertools.product(ANSWERS, ANSWERS))[number % 9]
    points = sum(2.0 for kind in kinds if kind == "right")
    late = number in (3, 9)
    return dict(zip(("first", "second"), kinds, strict=True)), late, points * (0.9 if late else 1.0)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A course, its roster, and the zip that each group packed."""
    base = tmp_path_factory.mktemp("world")
    (base / "course").mkdir()
    course = make_course(base / "course", roster_text())
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (course / "nbgrader_config.py").write_text(config + CONFIG, encoding="utf-8")
    roster = read_roster(course)
    hand_ins = {}
    for number, group in enumerate(roster.groups):
        place = base / f"student-{number}" / "sheet"
        place.mkdir(parents=True)
        answers, _, _ = plan(number)
        for name, kind in answers.items():
            (place / f"{name}.ipynb").write_text(json.dumps(notebook(name, ANSWERS[kind])), encoding="utf-8")
        (place / "helpers.py").write_text(f"NUMBER = {number}\n")
        team = Team(group.name, tuple(Member(s.name, s.matriculation_number) for s in group.members))
        hand_ins[group.owner_id] = pack(examine_folder(place, "sheet"), team, with_pdf=number == 0).path
    return course, roster, hand_ins, base


def table(roster, **options):
    times = {}
    for number, group in enumerate(roster.groups):
        for student in group.members:
            times[student.student_id] = datetime(2026, 11, 20, 18, 0, 1) if plan(number)[1] else TIME
    return sheet_bytes(roster.students, times, **options)


def layouts(roster, hand_ins, base):
    """Return the downloads of kinds a (one member hands in for all), b and c."""
    files = {owner_id: {path.name: path.read_bytes()} for owner_id, path in hand_ins.items()}
    individual = [Folder.of(g.members[i % 2], files[g.owner_id], task=i % 2 == 0) for i, g in enumerate(roster.groups)]
    groups = [
        Folder(f"{fold(g.name)}_{98304 + i}", {"1_submissions": files[g.owner_id]}) for i, g in enumerate(roster.groups)
    ]
    a = write_download(
        base / "a.zip", individual, top="ita_sheet_2026-11-20T19-05-41_207", sheet=table(roster, language="en")
    )
    b = write_download(base / "b.zip", groups, sheet=table(roster, form="v2"))
    c = write_download(
        base / "c.zip",
        groups,
        top="grouptask_sheet_2026-11-20T19-08-30_951",
        sheet=table(roster, form="v2", language="en"),
    )
    return {"a": a, "b": b, "c": c}


@pytest.fixture(scope="module")
def graded(world):
    """Collected in all three layouts, then graded once."""
    course, roster, hand_ins, base = world
    downloads = layouts(roster, hand_ins, base)
    collections = {"b": collect(course, "sheet", [downloads["b"]]), "c": collect(course, "sheet", [downloads["c"]])}
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('c.OpenOlat.group_assignments = ["sheet"]\n')
    collections["a"] = collect(course, "sheet", [downloads["a"]])
    release.release(course, "sheet")
    sync_gradebook(course, roster, "sheet")
    results = autograde.autograde(course, "sheet", sandbox=False)
    assert [r.problem for r in results] == [""] * 12
    feedback.feedback(course, "sheet")
    return course, roster, downloads, collections


def test_all_three_layouts_give_the_same_folders(graded):
    _, _, _, collections = graded
    assert [r.state for r in collections["b"].rows] == ["new"] * 12
    assert [r.state for r in collections["c"].rows] == ["unchanged"] * 12
    assert [r.state for r in collections["a"].rows] == ["unchanged"] * 12
    assert not any(c.quarantined or c.nothing for c in collections.values())
    assert sum(r.status == "late" for r in collections["a"].rows) == 2
    assert all(not r.notes for r in collections["a"].rows), "the manifests agree with the roster"


def test_every_file_is_accounted_for(graded):
    course, roster, downloads, collections = graded
    for kind, path in downloads.items():
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
        assert names <= {file for _, file, _ in collections[kind].fates}
    for i, group in enumerate(roster.groups):
        folder = course / "submitted" / group.owner_id / "sheet"
        found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        expected = {"first.ipynb", "second.ipynb", "helpers.py", "submission.json", "timestamp.txt"}
        assert found - expected == ({"sheet_Gruppe_1_Mo_Mi.pdf"} if i == 0 else set())
        assert expected <= found
        assert (folder / "helpers.py").read_text() == f"NUMBER = {i}\n"


def test_marks_are_the_known_ones(graded):
    course, roster, _, _ = graded
    result = return_marks(course, "sheet")
    assert result.withheld == []
    lines = dict(line.split("\t")[:2] for line in result.scores.read_text(encoding="utf-8").splitlines())
    expected = {
        student.user_name: f"{plan(number)[2]:g}"
        for number, group in enumerate(roster.groups)
        for student in group.members
    }
    assert len(expected) == 30
    assert lines == expected
    with zipfile.ZipFile(result.feedback) as archive:
        assert len(archive.namelist()) == 90  # two notebooks, and the page of both
    _, marks = course_marks(course)
    assert {m.student.user_name: f"{m.scores['sheet']:g}" for m in marks} == expected


@pytest.mark.skipif(shutil.which("nbgrader") is None, reason="nbgrader is not on PATH (use make test)")
def test_nbgraders_own_zip_collect_gives_the_same(graded, tmp_path):
    course, _, downloads, _ = graded
    other = tmp_path / "other"
    shutil.copytree(course, other, ignore=shutil.ignore_patterns("submitted", "autograded", "feedback", "reports"))
    (other / "downloaded/sheet/archive").mkdir(parents=True)
    shutil.copy(downloads["c"], other / "downloaded/sheet/archive/")
    config = 'c.ZipCollectApp.extractor_plugin = "course_utils.stages.zip_collect.OlatExtractor"\n'
    config += 'c.ZipCollectApp.collector_plugin = "course_utils.stages.zip_collect.OlatCollector"\n'
    with (other / "nbgrader_config.py").open("a") as file:
        file.write(config)
    run = [sys.executable, "-W", "ignore", "-m", "nbgrader", "zip_collect", "sheet"]
    done = subprocess.run(run, cwd=other, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert files(other) == files(course)


def files(course):
    folder = course / "submitted"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
