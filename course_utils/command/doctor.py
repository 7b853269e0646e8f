"""`course doctor`: is everything there to work on the notebooks, and to grade them?"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finding", "examine"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Parameters
    ----------
    level : str
        ``"good"``, ``"warning"`` (something will be missing) or ``"bad"`` (something will not work).
    what, detail : str
        The thing, and its state with what to do.
    """

    level: str
    what: str
    detail: str


def examine(course: Path) -> list[Finding]:
    """Return what was found, in the order in which it matters.

    Parameters
    ----------
    course : pathlib.Path
        A course folder, or any other folder for the student's half of the report.
    """
    findings = [_python(), *_packages(), _imports(), _pdf(), _disk(Path(course))]
    if (Path(course) / "source").is_dir():
        findings += _grading(Path(course))
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("good", "Python", f"{version} in {sys.prefix}")


def _packages() -> Iterator[Finding]:
    """Check the packages that the course itself asks for, without its extras."""
    missing = []
    versions = {}
    for requirement in importlib.metadata.requires("course-utils") or []:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding("bad", "packages", f"missing: {', '.join(missing)}. Install with `pip install -e .`")
    else:
        shown = ", ".join(
            f"{name} {versions[name]}" for name in ("torch", "nbgrader", "jupyterlab") if name in versions
        )
        yield Finding("good", "packages", f"all {len(versions)} are there ({shown})")


def _imports() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("bad", "torch", f"can't be imported: {error}")
    threads = torch.get_num_threads()
    if torch.cuda.is_available():
        return Finding("good", "torch", f"works, with a GPU ({torch.cuda.get_device_name()})")
    return Finding("good", "torch", f"works on the CPU with {threads} threads; a GPU is not needed")


def _pdf() -> Finding:
    from course_utils.packing.pdf import tools_missing

    if missing := tools_missing():
        return Finding("warning", "PDF", f"`course pack` will make a zip without a PDF. {missing}")
    return Finding("good", "PDF", "typst and pandoc are there: `course pack` puts a PDF into the zip")


def _cluster() -> Finding:
    """Say whether the extra `cluster` is there; a course on one machine does without it."""
    missing = [name for name in ("distributed", "psycopg") if importlib.util.find_spec(name) is None]
    if missing:
        text = f"{' and '.join(missing)} not installed; only several machines need it: `pip install -e '.[cluster]'`"
        return Finding("good", "cluster", text)
    return Finding("good", "cluster", "Dask and PostgreSQL can be used (docs/scaling.md)")


def _disk(course: Path) -> Finding:
    free = shutil.disk_usage(course).free / 2**30
    level = "good" if free > 5 else "warning"
    return Finding(
        level, "disk", f"{free:.0f} GiB free" + ("" if level == "good" else "; data and artifacts need 5 GiB")
    )


def _formgrader() -> Finding:
    """Check that Jupyter Server loads what stands between students' files and the instructor's browser."""
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    name = "course_utils.grading.server"
    if ExtensionConfigManager(read_config_path=jupyter_config_path()).enabled(name):
        return Finding("good", "formgrader", "its pages have a policy, students' files are downloads")
    place = Path(sys.prefix, "etc", "jupyter", "jupyter_server_config.d", "course_utils.json")
    command = f"install -D -m 644 jupyter-config/jupyter_server_config.d/course_utils.json {place}"
    return Finding("bad", "formgrader", f"students' files can act in your name there. Switch the wall on: `{command}`")


# What a control group does for grading, by its controller, and what there is without one.
_SHARES = {
    "cpu": ("equal shares", "each kernel has one share of the cores", "only a limit of sessions, and niceness"),
    "memory": ("kernel memory", "what Linux holds for a kernel is counted", "only reckoned, from areas and open files"),
    "pids": ("processes", "those of a kernel are counted as a whole", "only counted for each user (RLIMIT_NPROC)"),
}
_HOW_TO_SHARE = (
    "Control groups can be had as root, or with `systemd-run --user --scope course autograde …` where systemd "
    "gives users theirs"
)


def _shares() -> Iterator[Finding]:
    """Tell what divides this machine fairly among the kernels of students."""
    from course_utils.grading.sandbox import cgroups

    found = cgroups.explain()
    for name, (what, good, poor) in _SHARES.items():
        if found[name]:
            yield Finding("good", what, f"{good} ({found[name]})")
        else:
            yield Finding("warning", what, f"{poor}. {_HOW_TO_SHARE}")


def _grading(course: Path) -> Iterator[Finding]:
    from course_utils.grading.sandbox import host

    reason = host.probe()
    if reason is None:
        yield Finding("good", "sandbox", "bubblewrap works: students' code can be run")
    else:
        yield Finding("bad", "sandbox", f"{reason}. Grading refuses to run without it")
    yield _formgrader()
    if reason is None:
        yield from _shares()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    if shutil.which("alembic", path=path):
        yield Finding("good", "gradebook", "new gradebooks can be made (alembic is there)")
    else:
        yield Finding("bad", "gradebook", "the program alembic is missing; `pip install alembic`")
    yield _cluster()
    yield from _settings(course)


def _settings(course: Path) -> Iterator[Finding]:
    """Read all that the instructor has set, and the class."""
    from course_utils.classroom.config import CONFIG_FILE, load_config
    from course_utils.classroom.deadlines import deadlines_told
    from course_utils.classroom.folder import assignments
    from course_utils.command.course_settings import mistakes_in
    from course_utils.errors import CourseError

    try:
        mistakes = mistakes_in(course)
    except CourseError as error:
        yield Finding("bad", "course folder", str(error))
        return
    names = assignments(course)
    if names:
        yield Finding("good", "course folder", f"assignments: {', '.join(names)}")
    else:
        told = "there is no assignment yet: one is a folder in source/ with a notebook, source/week0/first.ipynb"
        yield Finding("warning", "course folder", told)
    for mistake in mistakes:
        yield Finding("bad" if mistake.level == "bad" else "warning", "settings", mistake.text)
    if not mistakes:
        yield Finding("good", "settings", f"{CONFIG_FILE}: all of the course's own can be used")
    if all(mistake.level != "bad" for mistake in mistakes):
        yield Finding("good", "deadlines", deadlines_told(load_config(course), names))
    yield from _roster(course)


def _roster(course: Path) -> Iterator[Finding]:
    from course_utils.classroom.roster import RosterError, read_roster, roster_path, unread_rosters

    path = roster_path(course)
    if path is None:
        yield Finding("warning", "roster", "there is no roster.csv: `course collect` can't tell who handed in what")
        for remark in unread_rosters(course):
            yield Finding("warning", "roster", remark)
        return
    try:
        roster = read_roster(course)
    except RosterError as error:
        yield Finding("bad", "roster", str(error))
        return
    people, groups = _count(len(roster.students), "student"), _count(len(roster.groups), "group")
    yield Finding("good" if roster.students else "warning", "roster", f"{path.name}: {people}, {groups}")
    for remark in roster.remarks:
        yield Finding("warning", "roster", remark)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
