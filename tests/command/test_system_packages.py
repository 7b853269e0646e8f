"""System packages are installed where that can be done, and named where not."""

import os
import stat

import pytest

from course_utils.command import system_packages


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A PATH of its own, and a function that puts a shell script there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name, body="exit 0"):
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return add


def as_user(monkeypatch, uid):
    monkeypatch.setattr(os, "geteuid", lambda: uid)


def test_nothing_is_run_when_all_is_there(programs, tmp_path, capfd):
    programs("bwrap")
    programs("apt-get", f"touch {tmp_path}/called")
    assert system_packages.main([]) == 0
    assert not (tmp_path / "called").exists()
    assert capfd.readouterr() == ("", "")


def test_missing_package_is_installed_quietly(programs, tmp_path, monkeypatch, capfd):
    as_user(monkeypatch, 0)
    bwrap = tmp_path / "bin" / "bwrap"
    programs("apt-get", f'echo "$@" >> {tmp_path}/calls; echo noise; cp /bin/true {bwrap}')
    assert system_packages.main([]) == 0
    assert bwrap.exists()
    assert (tmp_path / "calls").read_text().splitlines() == ["install -y -qq --no-install-recommends bubblewrap"]
    assert capfd.readouterr() == ("", "")


def test_list_of_packages_is_fetched_once_if_needed(programs, tmp_path, monkeypatch):
    as_user(monkeypatch, 0)
    bwrap = tmp_path / "bin" / "bwrap"
    programs(
        "apt-get",
        f"echo $1 >> {tmp_path}/calls\n[ $1 = update ] && touch {tmp_path}/fresh\n"
        f"[ $1 = install ] && {{ [ -e {tmp_path}/fresh ] && cp /bin/true {bwrap} || exit 100; }}\nexit 0",
    )
    assert system_packages.main([]) == 0
    assert (tmp_path / "calls").read_text().split() == ["install", "update", "install"]


def test_without_rights_one_line_says_what_is_missing(programs, monkeypatch, capfd):
    as_user(monkeypatch, 1000)
    programs("apt-get", "exit 1")
    programs("sudo", "exit 1")
    assert system_packages.main([]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "Not installed: bubblewrap (installing needs apt and administrator rights)" in err
    assert "grading refuses" in err


def test_passwordless_sudo_is_used(programs, tmp_path, monkeypatch):
    as_user(monkeypatch, 1000)
    bwrap = tmp_path / "bin" / "bwrap"
    programs("apt-get")
    programs("sudo", f'[ "$2" = true ] || cp /bin/true {bwrap}; printf "%s " "$@" >> {tmp_path}/calls')
    assert system_packages.main([]) == 0
    assert "-n apt-get install" in (tmp_path / "calls").read_text()


def test_apt_says_why_it_failed(programs, monkeypatch, capfd):
    as_user(monkeypatch, 0)
    programs("apt-get", 'echo "E: Unable to locate package" >&2; exit 100')
    system_packages.main([])
    assert "(E: Unable to locate package)" in capfd.readouterr().err


def test_tests_need_more(programs, monkeypatch):
    programs("bwrap")
    assert [program.package for program in system_packages.missing(["grading"])] == []
    packages = {program.package for program in system_packages.missing(["grading", "tests"])}
    assert {"unzip", "poppler-utils", "chromium"} <= packages


def test_unknown_purpose_is_refused(capfd):
    with pytest.raises(SystemExit):
        system_packages.main(["gradding"])
    assert "unknown purpose 'gradding'" in capfd.readouterr().err
