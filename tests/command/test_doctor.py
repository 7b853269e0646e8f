"""`course doctor` tells what is missing and what to do about it."""

from __future__ import annotations

import builtins
import importlib.metadata
import importlib.util
import shutil
import sys
from types import SimpleNamespace

import pytest

from course_utils.command import doctor
from course_utils.grading.sandbox import cgroups, host, view
from tests.support.engine import ROOT
from tests.support.olat_course import ROSTER
from tests.support.tiny_course import make_course


def findings(folder):
    return {finding.what: finding for finding in doctor.examine(folder)}


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "probe", lambda: None)
    monkeypatch.setattr(cgroups, "explain", lambda: {name: f"cgroup v2 {name}" for name in ("cpu", "memory", "pids")})
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / "jupyter-config"))  # as the installation does it
    return make_course(tmp_path / "course")


def test_a_course_folder_in_which_all_is_well(course):
    (course / "roster.csv").write_text(ROSTER, encoding="utf-8")
    found = findings(course)
    first = ["Python", "packages", "torch", "PDF", "disk", "sandbox", "formgrader"]
    shares = ["equal shares", "kernel memory", "processes"]
    assert list(found) == [*first, *shares, "gradebook", "cluster", "course folder", "settings", "deadlines", "roster"]
    assert found["equal shares"].detail == "each kernel has one share of the cores (cgroup v2 cpu)"
    assert {finding.level for what, finding in found.items() if what != "disk"} == {"good"}
    assert found["course folder"].detail == "assignments: tiny"
    assert found["deadlines"].detail == "none for tiny; lateness costs: none"
    assert found["roster"].detail == "roster.csv: 5 students, 3 groups"


def test_elsewhere_only_the_students_half_is_looked_at(tmp_path):
    assert list(findings(tmp_path)) == ["Python", "packages", "torch", "PDF", "disk"]


def test_a_real_class_takes_the_place_of_the_made_up_one(course):
    for name in ("roster.csv", "roster.local.csv"):
        (course / name).write_text(ROSTER.splitlines()[0] + "\ns1,a,A,B,,,\n")
    assert findings(course)["roster"].detail == "roster.local.csv: 1 student, 0 groups"


def test_a_missing_roster_is_a_warning(course):
    assert findings(course)["roster"].level == "warning"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", ["roster.local.csv.txt", "roster.local.xlsx", "Roster.csv", "roster (1).csv"])
def test_a_roster_of_another_name_is_told(course, name, there):
    if there:
        (course / "roster.csv").write_text(ROSTER)
    else:
        (course / "roster.csv").unlink(missing_ok=True)
    (course / name).write_text(ROSTER)
    found = [finding for finding in doctor.examine(course) if finding.what == "roster"]
    assert [finding.level for finding in found] == ["good" if there else "warning", "warning"]
    assert found[1].detail.startswith(f"{name} is not read: the class is in roster.local.csv or roster.csv")


def test_what_a_course_begins_with_is_told(course):
    """A folder without an assignment, a class without a student."""
    (course / "roster.csv").write_text(ROSTER.splitlines()[0] + "\n")
    shutil.rmtree(course / "source")
    (course / "source").mkdir()
    found = findings(course)
    assert (found["roster"].level, found["course folder"].level) == ("warning", "warning")
    assert "source/week0/first.ipynb" in found["course folder"].detail
    assert found["roster"].detail == "roster.csv: 0 students, 0 groups"


def test_a_missing_sandbox_is_told_with_what_to_install(course, monkeypatch):
    monkeypatch.setattr(host, "probe", lambda: f"bwrap is not there. {view.INSTALL_HINT}")
    found = findings(course)["sandbox"]
    assert found.level == "bad" and "apt install bubblewrap" in found.detail


def test_a_machine_without_control_groups_is_told_row_by_row(course, monkeypatch):
    monkeypatch.setattr(cgroups, "explain", lambda: {"cpu": "", "memory": "cgroup v1 memory", "pids": ""})
    found = findings(course)
    assert [found[what].level for what in ("equal shares", "kernel memory", "processes")] == [
        "warning",
        "good",
        "warning",
    ]
    assert "only a limit of sessions" in found["equal shares"].detail
    assert "systemd-run --user --scope" in found["equal shares"].detail


def test_what_this_machine_has_is_found_out():
    found = cgroups.explain()
    assert set(found) == {"cpu", "memory", "pids"}
    assert all(text == "" or text.startswith("cgroup v") for text in found.values())


def test_a_missing_package_is_named(course, monkeypatch):
    version = importlib.metadata.version

    def without_nbgrader(name):
        if name == "nbgrader":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_nbgrader)
    found = findings(course)["packages"]
    assert (found.level, found.detail) == ("bad", "missing: nbgrader. Install with `pip install -e .`")


def test_a_torch_that_cannot_be_imported_is_told(course, monkeypatch):
    real = builtins.__import__

    def without_torch(name, *rest):
        if name == "torch":
            raise ImportError("libtorch is broken")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    found = findings(course)["torch"]
    assert (found.level, found.detail) == ("bad", "can't be imported: libtorch is broken")


def test_missing_extras_are_told_with_how_to_get_them(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    found_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "distributed" else found_spec(name))
    found = findings(course)
    assert found["PDF"].level == "warning" and "pip install typst pypandoc_binary" in found["PDF"].detail
    assert found["cluster"].level == "good" and found["cluster"].detail.startswith("distributed not installed")


def test_pandoc_without_its_program_is_missing_as_well(course, monkeypatch):
    def no_program():
        raise OSError("No pandoc was found")

    monkeypatch.setattr("pypandoc.get_pandoc_path", no_program)
    assert findings(course)["PDF"].level == "warning"


def test_a_full_disk_is_a_warning(course, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * 2**30))
    assert findings(course)["disk"].level == "warning"


def test_a_missing_alembic_is_told(course, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    found = findings(course)["gradebook"]
    assert found.level == "bad" and "pip install alembic" in found.detail


def test_a_folder_without_settings_is_told(course):
    (course / "nbgrader_config.py").unlink()
    found = findings(course)["course folder"]
    assert found.level == "bad" and "it has no nbgrader_config.py" in found.detail


def test_the_class_is_read_by_the_reader_of_collect(course):
    """All that is wrong, with its row; what only may be wrong is a warning."""
    (course / "roster.csv").write_text(ROSTER.replace("0012345", '"1,61803E+06"').replace("s05,", "s04,"))
    found = findings(course)["roster"]
    assert found.level == "bad" and "row 2: matriculation_number is '1,61803E+06': a" in found.detail
    assert "rows 5 and 6 have the same student_id" in found.detail
    (course / "roster.csv").write_text(ROSTER.replace("0012345", "12345"))
    found = [finding for finding in doctor.examine(course) if finding.what == "roster"]
    assert [finding.level for finding in found] == ["good", "warning"]
    assert "have 5 and 7 digits; the shorter: row 2." in found[1].detail


def test_wrong_settings_are_told_all_at_once(course):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("c.Deadlines.policy = 'ten'\nc.Deadlines.due = {'tiny': '2026-11-20', 'tyny': '2026-11-20'}\n")
    found = [finding for finding in doctor.examine(course) if finding.what in ("settings", "deadlines")]
    assert [finding.level for finding in found] == ["bad", "warning"]
    config = (course / "nbgrader_config.py").read_text()
    (course / "nbgrader_config.py").write_text(config.replace("'ten'", "'hard stop'"))
    told = findings(course)["deadlines"].detail
    assert "tiny: 2026-11-20 at 23:59:59, the end of the day" in told and "lateness costs: hard stop" in told
