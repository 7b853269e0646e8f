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


@pytest.fixture(autouse=True, scope="session")
def _paid_for_once():
    """Runs in this process fork from what it has, unless their test says `cold`."""
    from tests.support.warm import warm

    with warm():
        yield


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
