"""Control groups of Linux: each kernel has one, so that it gets one share of the cores whatever it starts.

A group also counts what nothing else does: CPU time of processes that are gone, memory that Linux itself holds for a
process. Both versions are used where this process may make groups; without any, `watch.Watch` stands alone.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.grading.limits import SandboxLimits
from course_utils.notebooks.limits import MIB

__all__ = ["Group", "Parents", "explain", "make_group", "parents"]

# What is asked for; version 1 counts CPU time in a hierarchy of its own.
CONTROLLERS = ("cpu", "cpuacct", "memory", "pids")
# The watch of the sandbox ends a kernel at its limit and says so. This wall stands behind it, for what the watch cannot
# see: memory of Linux itself.
MEMORY_MARGIN = 128 * MIB

_NAME = re.compile(r"course-(\d+)-\d+")
_numbers = itertools.count()


@dataclass(frozen=True)
class Parents:
    """Where groups can be made.

    Parameters
    ----------
    folders : dict of str to pathlib.Path
        By controller, the folder in which groups are made.
    version : dict of str to int
        By controller, 1 or 2.
    """

    folders: dict[str, Path] = field(default_factory=dict)
    version: dict[str, int] = field(default_factory=dict)


def find_parents(mountinfo: str, own: str) -> Parents:
    """Find the folders in which this process may make groups.

    Parameters
    ----------
    mountinfo, own : str
        What ``/proc/self/mountinfo`` and ``/proc/self/cgroup`` say.

    Returns
    -------
    Parents
        Without entries where there are none.
    """
    paths = {}  # by controller, "" for version 2: the group this process is in
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    found = Parents()
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split(None, 2)
        if kind == "cgroup":
            for controller in set(CONTROLLERS) & set(options.split(",")):
                folder = _inside(Path(point), root, paths.get(controller, "/"))
                if _may_make_groups(folder):
                    found.folders[controller], found.version[controller] = folder, 1
        elif kind == "cgroup2":
            _add_version_2(found, Path(point), _inside(Path(point), root, paths.get("", "/")))
    return found


def _inside(point: Path, root: str, path: str) -> Path:
    """Return where a group's path is found below a mount that shows the hierarchy from `root` on."""
    with contextlib.suppress(ValueError):
        return point / Path(path).relative_to(root)
    return point


def _may_make_groups(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)


def _add_version_2(found: Parents, point: Path, own: Path) -> None:
    """Take the topmost group that is ours to divide: below it, processes may be moved by us."""
    for folder in (*reversed(own.parents), own):
        if not folder.is_relative_to(point) or not _may_make_groups(folder):
            continue
        switch = folder / "cgroup.subtree_control"
        offered = set((folder / "cgroup.controllers").read_text().split())
        enabled = switch.read_text().split()
        for controller in sorted({*CONTROLLERS} & offered - set(found.folders)):
            with contextlib.suppress(OSError):  # a group with processes of its own can't be divided
                if controller not in enabled:
                    switch.write_text(f"+{controller}")
                found.folders[controller], found.version[controller] = folder, 2
        return


@functools.cache
def parents() -> Parents:
    """Return where this process may make groups; what a run that was killed left there is removed at first."""
    try:
        found = find_parents(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
    except (OSError, ValueError):  # no Linux, or none that we know how to read
        return Parents()
    for folder in set(found.folders.values()):
        remove_stale(folder)
    return found


def remove_stale(folder: Path) -> None:
    """Remove groups of processes that are gone."""
    for path in folder.glob("course-*-*"):
        name = _NAME.fullmatch(path.name)
        if name and not Path("/proc", name[1]).exists():
            with contextlib.suppress(OSError):  # somebody is still in it
                path.rmdir()


class Group:
    """The control group of one kernel, in one hierarchy or several.

    Parameters
    ----------
    where : Parents
    limits : SandboxLimits
        What the kernel may use.
    """

    def __init__(self, where: Parents, limits: SandboxLimits) -> None:
        self.where = where
        name = f"course-{os.getpid()}-{next(_numbers)}"
        self.folders = {controller: folder / name for controller, folder in where.folders.items()}
        for folder in set(self.folders.values()):
            folder.mkdir(exist_ok=True)
        most = limits.memory + MEMORY_MARGIN
        self._set("pids", "pids.max", "pids.max", limits.processes)
        self._set("memory", "memory.limit_in_bytes", "memory.max", most)
        with contextlib.suppress(OSError):  # machines without swap may lack the file
            self._set("memory", "memory.memsw.limit_in_bytes", "memory.swap.max", (most, 0))
        with contextlib.suppress(OSError):
            self._set("memory", None, "memory.oom.group", 1)

    def _set(self, controller: str, first: str | None, second: str, value: int | tuple[int, int]) -> None:
        """Write a setting, by its names in both versions of control groups."""
        if controller not in self.folders:
            return
        version = self.where.version[controller]
        file = first if version == 1 else second
        if file is not None:
            each = value if isinstance(value, tuple) else (value, value)
            (self.folders[controller] / file).write_text(str(each[version - 1]))

    def add(self, pid: int) -> None:
        """Move a process, with its threads and what it starts from now on, into the group."""
        for folder in set(self.folders.values()):
            (folder / "cgroup.procs").write_text(str(pid))

    def cpu_seconds(self) -> float | None:
        """Return CPU seconds of all processes that ever were in the group; None if nothing counts them."""
        with contextlib.suppress(OSError, KeyError, ValueError):
            if "cpuacct" in self.folders:
                return int((self.folders["cpuacct"] / "cpuacct.usage").read_text()) / 1e9
            if self.where.version.get("cpu") == 2:
                return _numbers_in(self.folders["cpu"] / "cpu.stat")["usage_usec"] / 1e6
        return None

    def kills(self) -> int:
        """Return how many processes Linux ended because the group had all the memory that it may have."""
        if "memory" not in self.folders:
            return 0
        file = "memory.oom_control" if self.where.version["memory"] == 1 else "memory.events"
        with contextlib.suppress(OSError, ValueError):
            return _numbers_in(self.folders["memory"] / file).get("oom_kill", 0)
        return 0

    def close(self) -> None:
        """Remove the group, whose processes have ended."""
        for folder in set(self.folders.values()):
            for _ in range(20):
                with contextlib.suppress(FileNotFoundError):
                    try:
                        folder.rmdir()
                    except OSError:  # the last process is not gone yet
                        time.sleep(0.005)
                        continue
                break


def _numbers_in(path: Path) -> dict[str, int]:
    """Read lines like ``usage_usec 12``."""
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}


def make_group(limits: SandboxLimits) -> Group | None:
    """Return a new group for a kernel; None where none can be made, which `explain` tells."""
    if not parents().folders:
        return None
    try:
        return Group(parents(), limits)
    except OSError:
        return None


def explain() -> dict[str, str]:
    """Say for each thing that is to be shared fairly or counted what does it here; for `course doctor`.

    Returns
    -------
    dict of str to str
        By ``"cpu"``, ``"memory"``, ``"pids"``: the version of control groups that does it, or ``""``.
    """
    found = parents()
    try:  # to be allowed to is not to be able to
        Group(found, SandboxLimits()).close()
    except OSError:
        found = Parents()
    return {
        name: f"cgroup v{found.version[name]} {name}" if name in found.folders else ""
        for name in ("cpu", "memory", "pids")
    }
