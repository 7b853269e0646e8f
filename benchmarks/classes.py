"""Classes of made-up submissions for benchmarks, and runs of graders over them."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Cost:
    """What a run took.

    Parameters
    ----------
    wall_s, cpu_s : float
        Seconds; `cpu_s` is what the whole machine was busy, so nothing else must run. (Processes that are killed, as
        kernels are, do not appear in the accounts of their parents.)
    driver_bytes, total_bytes : int
        Peak resident memory of the process itself, and of all processes together (PSS, sampled).
    driver_s : float
        CPU seconds of the process itself, the only one that writes (sampled).
    """

    wall_s: float
    cpu_s: float
    driver_bytes: int
    total_bytes: int
    driver_s: float


def copy_course(folder: Path, assignment: str, students: int) -> Path:
    """Lay out a course in which every student handed in the reference solution of an assignment, and what it trains."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "source" / assignment, folder / "source" / assignment)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    for number in range(students):
        target = folder / "submitted" / f"student{number:04d}" / assignment
        shutil.copytree(ROOT / "source" / assignment, target)
        trained = ROOT / "tests" / "artifacts" / assignment
        if trained.is_dir():
            shutil.copytree(trained, target / "artifacts")
    return folder


def make_stock(folder: Path) -> None:
    """Give a course folder the settings of stock nbgrader, apart from a time limit that lets the cells finish."""
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.Execute.timeout = 300\n")


def run(command: list[str], folder: Path) -> Cost:
    """Run a command to its end and tell its cost."""
    before = busy()
    began = time.monotonic()
    process = subprocess.Popen(
        [str(BIN / command[0]), *command[1:]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"},
    )
    peaks = {"driver": 0, "total": 0, "driver_s": 0.0}
    watcher = threading.Thread(target=_watch, args=(process, peaks), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    wall_s, cpu_s = time.monotonic() - began, busy() - before
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output[-3000:]}")
    return Cost(wall_s, cpu_s, peaks["driver"], peaks["total"], peaks["driver_s"])


def busy() -> float:
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


def _watch(process: subprocess.Popen, peaks: dict[str, float]) -> None:
    root = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        try:
            peaks["driver"] = max(peaks["driver"], root.memory_info().rss)
            times = root.cpu_times()
            peaks["driver_s"] = times.user + times.system
            for one in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):  # it ended meanwhile
                    total += one.memory_full_info().pss
        except psutil.Error:
            return
        peaks["total"] = max(peaks["total"], total)
        time.sleep(1.0)


def machine() -> str:
    """One line about this machine."""
    memory = psutil.virtual_memory().total / 2**30
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "unknown processor")
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{psutil.cpu_count()} cores ({model}), {memory:.0f} GiB memory, Python {version}, Linux"
