"""Make sure the programs that come from the operating system, not from pip, are there.

Run as ``python -m course_utils.command.system_packages [tests]``. Installs with apt where that needs no password, and
else says in one line what is missing and what will not work. It never fails: the rest of the course works without.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

APT_TIMEOUT = 900  # seconds


@dataclasses.dataclass(frozen=True)
class Program:
    """A program, the Debian package it is in, and what does not work without it."""

    names: tuple[str, ...]
    package: str
    without: str
    folders: str = ""  # a glob pattern of folders outside PATH in which it may lie

    def is_there(self) -> bool:
        """Return whether one of its names can be run."""
        places = [str(path) for path in Path("/").glob(self.folders)] if self.folders else []
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *places])
        return any(shutil.which(name, path=path) for name in self.names)


PROGRAMS = {
    "grading": (Program(("bwrap",), "bubblewrap", "students' code cannot be run in a sandbox, so grading refuses"),),
    "tests": (
        Program(("unzip",), "unzip", "tests of zip files are skipped"),
        Program(("pdftotext",), "poppler-utils", "tests of PDF files are skipped"),
        Program(
            ("chromium", "chromium-browser", "google-chrome"),
            "chromium",
            "tests in a browser and screenshots are skipped",
        ),
        Program(("initdb",), "postgresql", "tests of a PostgreSQL gradebook are skipped", "usr/lib/postgresql/*/bin"),
    ),
}


def missing(purposes: list[str]) -> list[Program]:
    """Return the programs for these purposes that are not there."""
    return [program for purpose in purposes for program in PROGRAMS[purpose] if not program.is_there()]


def apt_command() -> list[str] | None:
    """Return how apt-get can be run without a password, or None if it cannot."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n", "apt-get"]
    return None


def install(packages: list[str]) -> str | None:
    """Install Debian packages; return None, or why it did not work.

    The list of packages is fetched only if the packages cannot be found in, or got with, the present one.
    """
    apt = apt_command()
    if apt is None:
        return "installing needs apt and administrator rights"
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = ["install", "-y", "-qq", "--no-install-recommends", *packages]
    result = None
    for arguments in (steps, ["update", "-qq"], steps):
        try:
            result = subprocess.run([*apt, *arguments], capture_output=True, text=True, env=env, timeout=APT_TIMEOUT)
        except subprocess.TimeoutExpired:
            return f"apt-get took more than {APT_TIMEOUT // 60} minutes"
        if arguments is steps and result.returncode == 0:
            return None
    said = (result.stderr.strip() or result.stdout.strip()).splitlines()
    return said[-1] if said else f"apt-get ended with status {result.returncode}"


def main(argv: list[str] | None = None) -> int:
    """Install what is missing, or say so."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.command.system_packages", description=__doc__)
    parser.add_argument("purposes", nargs="*", help=f"besides grading: {', '.join(set(PROGRAMS) - {'grading'})}")
    wanted = ["grading", *parser.parse_args(argv).purposes]
    if unknown := set(wanted) - set(PROGRAMS):
        parser.error(f"unknown purpose {unknown.pop()!r}; must be one of {', '.join(PROGRAMS)}")
    absent = missing(list(dict.fromkeys(wanted)))
    if not absent:
        return 0
    reason = install([program.package for program in absent])
    for program in missing(list(dict.fromkeys(wanted))):
        print(
            f"Not installed: {program.package} ({reason or 'apt-get installed it, but it is not on PATH'}). "
            f"Without it, {program.without}. Debian, Ubuntu: sudo apt install {program.package}",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
