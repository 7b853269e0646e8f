"""What all tests share: repeatable random examples, programs on the PATH, and files that stay on one worker."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, and no limit of time: a busy machine must not make a test fail.
settings.register_profile(
    "course", deadline=None, derandomize=True, max_examples=80, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")

# nbgrader looks for `alembic` on the PATH, and tests start `nbgrader` and `course` as a person does.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@pytest.fixture(autouse=True)
def _as_in_a_notebook(monkeypatch):
    """After a test that graded in its own process, checks speak of one process again."""
    from course_utils.checks import calls  # whoever hands out tests has no need of it

    monkeypatch.setattr(calls, "_bridge", None)


@pytest.fixture(scope="session", autouse=True)
def _end_what_runs_share():
    yield
    if kept := sys.modules.get("tests.support.kept_parents"):
        kept.end_parents()


@pytest.fixture(autouse=True)
def _runs_share_what_they_start_from(monkeypatch):
    from course_utils.grading import pool
    from tests.support.kept_parents import kept_parents

    monkeypatch.setattr(pool, "Parents", kept_parents)


# What takes longest, so that nobody has such a test to do alone at the end; the rest is in the order of the files.
_LONGEST = (
    "tests/attacks/test_attacks.py",
    "tests/grading/test_parallel.py",
    "tests/lessons/test_release_tells_nothing.py",
    "tests/lessons/test_assignments.py::test_each_wrong_answer",
    "tests/lessons/test_assignments.py::test_release_is",
    "tests/stages/test_class_of_accidents.py",
    "tests/stages/test_sheet.py::test_groups_hand",
    "tests/stages/test_sheet.py::test_the_page",
    "tests/grading/sandbox/test_sandbox.py::test_all_of_this",
    "tests/grading/test_both_commands.py",
    "tests/grading/test_cluster.py",
    "tests/handins/test_one_class",
    "tests/project/test_browser.py",
    "tests/stages/test_cycle.py",
    "tests/stages/test_regrading.py",
)


def pytest_collection_modifyitems(items):
    """Put what takes longest first."""
    items.sort(key=lambda item: next((n for n, name in enumerate(_LONGEST) if item.nodeid.startswith(name)), 99))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep files whose tests share something costly, marked `xdist_group`, on one worker.

    pytest-xdist 3.8 does that by itself with `--dist loadgroup`, but not under pytest 9.2: it finds the groups in names
    of tests, which it can no longer change.
    """
    from xdist.scheduler import LoadScopeScheduling

    @functools.cache
    def is_shared(file: str) -> bool:
        path = Path(config.rootpath, file)
        return path.suffix == ".py" and "xdist_group" in path.read_text(encoding="utf-8")

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if is_shared(file) else nodeid

    config.option.loadscopereorder = False  # the longest files are not those with the most tests
    return Scheduler(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report):
    """Let a report hold the names of files that are no UTF-8: a worker of xdist could not send them."""

    def writable(value):
        if isinstance(value, str):
            return value.encode(errors="backslashreplace").decode()
        if isinstance(value, dict):
            return {writable(key): writable(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(writable, value))
        return value

    return writable((yield))
