"""Where control groups can be made, by what Linux says of itself; and what is written into them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from course_utils.grading.limits import SandboxLimits
from course_utils.grading.sandbox import cgroups
from course_utils.grading.sandbox.cgroups import Group, Parents, find_parents, remove_stale
from course_utils.notebooks.limits import MIB


def folder_of_groups(path: Path, controllers: str = "", enabled: str = "") -> Path:
    """Lay a group as Linux shows it."""
    path.mkdir(parents=True, exist_ok=True)
    for name, text in (("procs", ""), ("controllers", controllers), ("subtree_control", enabled)):
        (path / f"cgroup.{name}").write_text(text)
    return path


def mounted(point: Path, kind: str, options: str = "rw", root: str = "/") -> str:
    return f"30 25 0:26 {root} {point} rw,nosuid shared:9 - {kind} {kind} {options}\n"


@pytest.fixture
def closed(monkeypatch):
    """Folders that can't be written: root may write everywhere, so they are named."""
    names = set()
    access = os.access
    monkeypatch.setattr(
        cgroups.os,
        "access",
        lambda path, mode: not any(Path(path) in (n, n / "cgroup.procs") for n in names) and access(path, mode),
    )
    return names


def test_version_2_as_root(tmp_path):
    top = folder_of_groups(tmp_path, "cpuset cpu io memory pids", "cpu memory")
    folder_of_groups(tmp_path / "user.slice" / "session.scope")
    found = find_parents(mounted(tmp_path, "cgroup2"), "0::/user.slice/session.scope\n")
    assert found.folders == dict.fromkeys(("cpu", "memory", "pids"), top)
    assert set(found.version.values()) == {2}
    assert (top / "cgroup.subtree_control").read_text() == "+pids"  # the one that was not handed on yet


def test_version_2_below_what_systemd_gave_a_user(tmp_path, closed):
    closed |= {folder_of_groups(tmp_path, "cpu memory"), folder_of_groups(tmp_path / "user.slice", "cpu memory")}
    ours = folder_of_groups(tmp_path / "user.slice" / "user@1000.service", "cpu memory", "cpu memory")
    folder_of_groups(ours / "app.slice" / "run.scope", "cpu memory")
    found = find_parents(mounted(tmp_path, "cgroup2"), "0::/user.slice/user@1000.service/app.slice/run.scope\n")
    assert found.folders == {"cpu": ours, "memory": ours}


def test_version_2_of_others_is_left_alone(tmp_path, closed):
    closed |= {folder_of_groups(tmp_path, "cpu memory"), folder_of_groups(tmp_path / "session.scope", "cpu memory")}
    assert find_parents(mounted(tmp_path, "cgroup2"), "0::/session.scope\n") == Parents()


def test_version_1_below_the_own_group(tmp_path):
    cpu = folder_of_groups(tmp_path / "cpu,cpuacct")
    memory = folder_of_groups(tmp_path / "memory" / "job")
    folder_of_groups(tmp_path / "memory")
    mounts = mounted(cpu, "cgroup", "rw,cpu,cpuacct") + mounted(tmp_path / "memory", "cgroup", "rw,memory")
    found = find_parents(mounts, "4:memory:/job\n2:cpu,cpuacct:/\n0::/\n")
    assert found.folders == {"cpu": cpu, "cpuacct": cpu, "memory": memory}


def test_version_1_of_a_container_that_sees_its_part(tmp_path):
    point = folder_of_groups(tmp_path / "cpu")
    found = find_parents(mounted(point, "cgroup", "rw,cpu", "/docker/abc"), "3:cpu:/docker/abc\n")
    assert found.folders == {"cpu": point}


def test_machines_without_any(tmp_path):
    assert find_parents("22 1 8:1 / / rw - ext4 /dev/root rw\n", "0::/\n") == Parents()


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_written(version, tmp_path):
    for name in ("cpu", "memory"):
        (tmp_path / name).mkdir()
    folders = {"cpu": tmp_path / "cpu", "memory": tmp_path / "memory", "pids": tmp_path / "cpu"}
    group = Group(Parents(folders, dict.fromkeys(folders, version)), SandboxLimits(memory=512 * MIB, processes=40))
    cpu, memory = group.folders["cpu"], group.folders["memory"]
    most = str(640 * MIB)
    assert (cpu / "pids.max").read_text() == "40"
    if version == 1:
        assert (memory / "memory.limit_in_bytes").read_text() == (memory / "memory.memsw.limit_in_bytes").read_text()
        assert (memory / "memory.limit_in_bytes").read_text() == most
    else:
        assert [(memory / f"memory.{name}").read_text() for name in ("max", "swap.max", "oom.group")] == [
            most,
            "0",
            "1",
        ]
        (cpu / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
        assert group.cpu_seconds() == 2.5
    group.add(77)
    assert (cpu / "cgroup.procs").read_text() == (memory / "cgroup.procs").read_text() == "77"
    (memory / ("memory.oom_control" if version == 1 else "memory.events")).write_text("under_oom 0\noom_kill 3\n")
    assert group.kills() == 3


def test_groups_of_processes_that_are_gone_are_removed(tmp_path):
    gone, mine, other = tmp_path / "course-999999999-0", tmp_path / f"course-{os.getpid()}-0", tmp_path / "course-x-1"
    for path in (gone, mine, other):
        path.mkdir()
    remove_stale(tmp_path)
    assert (gone.exists(), mine.exists(), other.exists()) == (False, True, True)


@pytest.mark.skipif(not cgroups.parents().folders, reason="no control groups can be made on this machine")
def test_a_kernel_has_a_group_and_takes_it_along():
    from tests.support.sandboxed import kernel

    with kernel() as it:
        group = it.process.process._group
        folders = set(group.folders.values())
        assert all(folder.exists() for folder in folders)
        before = it.process.usage()[0]
        it.run(
            "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
            "for n in range(4):\n    if os.fork() == 0:\n        sum(range(2_000_000)); os._exit(0)\n"
            "sum(range(20_000_000))"
        )
        assert it.process.usage()[0] > before  # and children that nobody waited for are in it
    assert not any(folder.exists() for folder in folders)
