"""`course doctor` tells what is missing and what to do about it."""

from __future__ import annotations

import builtins
import importlib.metadata
import shutil
from types import SimpleNamespace

import pytest

from course_utils import doctor
from course_utils.grading import sandbox
from tests.engine import ROOT
from tests.tiny_course import make_course


def findings(folder):
    return {finding.what: finding for finding in doctor.examine(folder)}


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "probe", lambda: None)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / "jupyter-config"))  # as the installation does it
    return make_course(tmp_path / "course")


def test_a_course_folder_in_which_all_is_well(course):
    (course / "roster.csv").write_text("")
    found = findings(course)
    assert list(found) == [
        "Python",
        "packages",
        "torch",
        "disk",
        "sandbox",
        "formgrader",
        "gradebook",
        "course folder",
        "roster",
    ]
    assert {finding.level for what, finding in found.items() if what != "disk"} == {"good"}
    assert found["course folder"].detail == "assignments: tiny"


def test_elsewhere_only_the_students_half_is_looked_at(tmp_path):
    assert list(findings(tmp_path)) == ["Python", "packages", "torch", "disk"]


def test_a_real_class_takes_the_place_of_the_made_up_one(course):
    for name in ("roster.csv", "roster.local.csv"):
        (course / name).write_text("")
    assert findings(course)["roster"].detail == "roster.local.csv"


def test_a_missing_roster_is_a_warning(course):
    assert findings(course)["roster"].level == "warning"


def test_a_missing_sandbox_is_told_with_what_to_install(course, monkeypatch):
    monkeypatch.setattr(sandbox, "probe", lambda: f"bwrap is not there. {sandbox.INSTALL_HINT}")
    found = findings(course)["sandbox"]
    assert found.level == "bad" and "apt install bubblewrap" in found.detail


def test_a_formgrader_without_its_wall_is_told(course, monkeypatch, tmp_path):
    from jupyter_core import paths

    monkeypatch.setattr(paths, "jupyter_config_path", lambda: [str(tmp_path)])
    found = findings(course)["formgrader"]
    assert found.level == "bad"
    assert "`jupyter server extension enable course_utils.grading.server --sys-prefix`" in found.detail


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
