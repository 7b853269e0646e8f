"""Watching what all processes of one sandbox use together."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from pathlib import Path

from course_utils.grading.sandbox import confine
from course_utils.notebooks.limits import MIB, amount


class Watch:
    """Watches what all processes of this PID namespace use together."""

    # What Linux keeps for a process beside its pages, in bytes: for one area of memory, for one open file (a pipe holds
    # at least a page). Reckoned, and rather too much, since nothing but a control group counts it.
    AREA, OPEN_FILE = 512, 4096
    UNREADABLE = 65_530  # areas of a process whose areas can't be read: as many as Linux allows
    # What costs more to read is looked at once in a second, and never for more than a quarter of the time.
    CLOSE_LOOK_S, CLOSE_LOOK_SHARE = 1.0, 3
    PEAK_STEP = 16 * MIB  # how much more memory must be used until the host hears of it
    PATIENCE = 3  # how often processes are put first in line again; a kernel that begins may need it once

    def __init__(self, limits: dict):
        self.limits = limits
        self.seen: set[str] = set()
        self.peak = 0
        self.cpu = 0.0  # seconds; never falls, though Linux forgets children that nobody waited for
        self.next_close_look = 0.0
        self.many_sessions = 0  # looks one after the other that found too many
        self.areas: dict[str, int] = {}
        self.sessions: set[str] = set()
        self.closed: set[str] = set()
        self.put_back = 0
        self._counted = 0.0
        self._ticks = os.sysconf("SC_CLK_TCK")

    def look(self) -> tuple[float, list[str], bool]:
        """Return the seconds until the next look, what was met for the first time, and whether to end it all."""
        limits, found, fatal = self.limits, {}, False
        stats = self.stats()
        self.count_cpu(stats)
        began = time.monotonic()
        if began >= self.next_close_look:
            self.count_areas(stats)
            found |= self.put_first_in_line(stats)
            if has_more_locks(limits["locks"]):
                found["locks"] = f"locks: more than {limits['locks']} locks on files; the kernel was killed"
                fatal = True
            now = time.monotonic()
            self.next_close_look = now + max(self.CLOSE_LOOK_S, self.CLOSE_LOOK_SHARE * (now - began))
        threads = sum(int(fields[17]) for fields in stats.values())
        memory = sum(self.memory_of(pid) + self.AREA * self.areas.get(pid, 0) for pid in stats)
        # The content of sockets' buffers belongs to no process: reckon each as full.
        num_sockets = int(Path("/proc/net/sockstat").read_text().split()[2])  # "sockets: used 12 ..."
        memory += num_sockets * confine.SOCKET_BUFFER
        disk = os.statvfs("/tmp")
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        memory += used
        self.peak = max(self.peak, memory)
        if threads >= limits["processes"] - 2:
            found["processes"] = f"processes: the limit of {limits['processes']} processes and threads was reached"
        if disk.f_bavail * disk.f_frsize < MIB:
            found["disk"] = f"disk: the files of the sandbox filled their {amount(limits['disk'])}"
        elif disk.f_favail < 16:
            found["disk"] = f"disk: the limit of {limits['files']} files was reached"
        if memory > limits["memory"]:  # rough until here: look closer
            for pid in stats:
                with contextlib.suppress(OSError):
                    memory += self.memory_of(pid, exact=True) - self.memory_of(pid)
        if memory > limits["memory"]:
            found["memory"] = f"memory: {amount(memory)} used, limit {amount(limits['memory'])}; the kernel was killed"
            fatal = True
        if self.cpu > limits["cpu_seconds"]:
            found["cpu"] = f"cpu: the limit of {limits['cpu_seconds']} CPU seconds was used up; the kernel was killed"
            fatal = True
        if self.has_too_many_sessions(stats):
            found["sessions"] = f"sessions: more than {limits['sessions']} sessions of processes; the kernel was killed"
            fatal = True
        if sum(self.areas.values()) > limits["areas"]:
            found["areas"] = f"areas: more than {limits['areas']} areas of memory; the kernel was killed"
            fatal = True
        fatal |= "oom" in found
        events = [text for name, text in found.items() if name not in self.seen]
        self.seen |= set(found)
        return (0.05 if memory > limits["memory"] / 2 else 0.25), events, fatal

    @staticmethod
    def stats() -> dict[str, list[str]]:
        """Return the fields of each process's ``/proc/<pid>/stat`` from its state on, but of the keeper's own."""
        stats = {}
        for path in Path("/proc").iterdir():
            if path.name.isdecimal() and path.name != "1":
                with contextlib.suppress(OSError):
                    stats[path.name] = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return stats

    def count_cpu(self, stats: dict[str, list[str]]) -> None:
        """Bring `cpu` up to date."""
        ticks = sum(int(part) for fields in stats.values() for part in fields[11:15])  # with children waited for
        reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
        now = ticks / self._ticks + reaped.ru_utime + reaped.ru_stime
        self.cpu += max(0.0, now - self._counted)
        self._counted = now

    def usage(self) -> tuple[float, float, bool]:
        """Return CPU seconds, seconds waited for a core, busy or not: `sandboxed_kernel.SandboxedKernel.usage`."""
        stats = self.stats()
        self.count_cpu(stats)
        waited, busy = 0, False
        for pid in stats:
            with contextlib.suppress(OSError):  # it has ended since
                for thread in Path("/proc", pid, "task").iterdir():
                    with contextlib.suppress(OSError, IndexError, ValueError):
                        waited += int((thread / "schedstat").read_text().split()[1])
                        busy |= (thread / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] in "RD"
        return self.cpu, waited / 1e9, busy

    def has_too_many_sessions(self, stats: dict[str, list[str]]) -> bool:
        """Whether there are too many sessions, twice in a row; every new one gets a small share of the cores."""
        leaders = {fields[3]: pid for pid, fields in stats.items() if fields[0] != "Z"}
        if self.sessions:
            for session in set(leaders) - self.sessions:
                with contextlib.suppress(OSError):  # Linux lets this be written but ten times a second
                    Path(f"/proc/{leaders[session]}/autogroup").write_text("10")
                    self.sessions.add(session)
        else:
            self.sessions = set(leaders)  # the kernel's own
        self.many_sessions = self.many_sessions + 1 if len(leaders) > self.limits["sessions"] else 0
        return self.many_sessions >= 2

    def put_first_in_line(self, stats: dict[str, list[str]]) -> dict[str, str]:
        """Make Linux choose these processes first when memory runs out; end it all if they keep undoing that."""
        closed = set()
        for pid in stats:
            path = Path(f"/proc/{pid}/oom_score_adj")
            try:
                if path.read_text().strip() != "1000":
                    path.write_text("1000")
                    self.put_back += 1
            except PermissionError:  # a kernel that begins is closed to us for a moment; one that stays so is not well
                closed.add(pid)
            except OSError:  # it has ended
                continue
        again, self.closed = closed & self.closed, closed
        text = "memory: a process kept itself from being ended when memory runs out; the kernel was killed"
        return {"oom": text} if again or self.put_back >= self.PATIENCE else {}

    def count_areas(self, stats: dict[str, list[str]]) -> None:
        """Count the areas of memory of each process, until there are too many in all."""
        self.areas, left = {}, self.limits["areas"] + 1
        for pid in stats:
            try:
                self.areas[pid] = count_lines(f"/proc/{pid}/maps", left)
            except PermissionError:
                self.areas[pid] = self.UNREADABLE if pid in self.closed else 0  # one that begins is closed for a moment
            except OSError:  # it has ended
                continue
            left -= self.areas[pid]
            if left <= 0:
                break

    @staticmethod
    def memory_of(pid: str, exact: bool = False) -> int:
        """Return bytes of data, page tables and files held open; exact: shared pages in equal parts."""
        try:
            status = _fields(f"/proc/{pid}/status")
        except OSError:  # it has ended
            return 0
        data = status.get("RssAnon", 0)
        if exact:
            # A process may forbid this to be read. Then its share of common pages counts in full.
            with contextlib.suppress(OSError):
                data = _fields(f"/proc/{pid}/smaps_rollup")["Pss_Anon"]
        return data + status.get("VmPTE", 0) + status.get("VmSwap", 0) + Watch.OPEN_FILE * status.get("FDSize", 0)


def _fields(path: str) -> dict[str, int]:
    """Read lines like `RssAnon:   12 kB` of a file in /proc, in bytes, and the number of `FDSize: 64`."""
    lines = [line.split() for line in Path(path).read_text(errors="replace").splitlines()]
    sizes = {words[0][:-1]: 1024 * int(words[1]) for words in lines if len(words) == 3 and words[2] == "kB"}
    return sizes | {words[0][:-1]: int(words[1]) for words in lines if words[:1] == ["FDSize:"]}


def count_lines(path: str, most: int) -> int:
    """Return the number of lines of a file, or of its first `most`; its text is never in memory as a whole."""
    num_lines = 0
    with Path(path).open("rb", buffering=0) as file:
        while num_lines < most and (block := file.read(1 << 16)):
            num_lines += block.count(b"\n")
    return min(num_lines, most)


def has_more_locks(most: int) -> bool:
    """Whether processes of this PID namespace hold more than so many locks on files, or wait for them."""
    # Each look takes time that grows with their number, and all of the machine's locks are gone through for it.
    return count_lines("/proc/locks", most + 1) > most
