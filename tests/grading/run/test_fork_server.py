"""Grader processes are forked from one process that has done the imports, and that may be shared or lost."""

import os
import signal
import time

import psutil
import pytest

from course_utils.grading import pool
from course_utils.grading.pool import Parents, grade_here
from course_utils.grading.run import fork_server
from course_utils.grading.run.engine import Settings
from course_utils.grading.run.fork_server import ForkServer, adopt_server, shared_server
from course_utils.grading.run.messages import Job, Reader
from course_utils.grading.submissions import read_submission
from tests.support.tiny_course import ASSIGNMENT, hand_in, make_course

GRADER = ("course_utils.grading.run.grader",)
NOTHING = Job(cells=[])


@pytest.fixture
def server():
    server = ForkServer(GRADER)
    yield server
    server.close()


def outcome(process):
    process.channel.send(NOTHING.content())
    return Reader(NOTHING.cells).read(process.channel.receive(60))


def test_a_grader_process_answers_and_ends(server):
    process = server.fork()
    assert outcome(process).events == []
    process.end(patience_s=10)
    assert psutil.Process(server._process.pid).children() == []


def test_a_grader_process_that_waits_is_killed(server):
    process = server.fork()
    (child,) = psutil.Process(server._process.pid).children()
    process.end(patience_s=0)
    assert not child.is_running()


def test_the_server_ends_with_the_last_who_could_ask(server):
    server.control.close()
    assert server._process.wait(timeout=60) == 0


def test_a_server_that_was_killed_is_replaced():
    first = shared_server(GRADER)
    assert shared_server(GRADER) is first
    first._process.kill()
    first._process.wait()
    with pytest.raises(OSError):
        first.fork()
    second = shared_server(GRADER)
    assert second is not first
    process = second.fork()
    outcome(process)
    process.end()


def test_several_processes_may_ask_one_server(server, monkeypatch):
    monkeypatch.setattr(fork_server, "_shared", {})
    adopt_server(GRADER, os.dup(server.control.fileno()))
    adopted = shared_server(GRADER)
    for one in (adopted, server, adopted):
        process = one.fork()
        outcome(process)
        process.end()
    adopted.close()
    assert server.alive


def test_a_module_that_is_missing_is_left_out():
    server = ForkServer(("no_such_module", *GRADER))
    process = server.fork()
    outcome(process)
    process.end()
    server.close()


@pytest.fixture
def submissions(tmp_path):
    course = make_course(tmp_path / "course")
    names = [f"student{number}" for number in range(6)]
    for name in names:
        hand_in(course, name, "right")
    settings = Settings(preload=())
    return [
        read_submission(
            course / "submitted" / name / ASSIGNMENT, name, ASSIGNMENT, course / "source" / ASSIGNMENT, {}, settings
        )
        for name in names
    ]


@pytest.fixture
def own_parents(monkeypatch):
    """Parents of this test alone, not those that runs of the suite share."""
    monkeypatch.setattr(pool, "Parents", Parents)


def worker_processes():
    return {
        child for child in psutil.Process().children() if "course_utils.grading.worker" in " ".join(child.cmdline())
    }


def test_workers_share_one_server_and_one_zygote(submissions, own_parents):
    before = worker_processes()
    run = grade_here(submissions, workers=2)
    assert next(run).error == ""
    workers = worker_processes() - before
    assert len(workers) == 2
    assert all(worker.children() == [] for worker in workers)
    assert [result.error for result in run] == [""] * 5


@pytest.mark.parametrize("lost", ["server", "zygote"])
def test_a_lost_parent_costs_nothing(submissions, lost, own_parents, monkeypatch):
    made = []
    start = Parents.__init__

    def remember(self, settings):
        start(self, settings)
        made.append(self)

    monkeypatch.setattr(Parents, "__init__", remember)
    run = grade_here(submissions, workers=2)
    results = [next(run)]
    process = getattr(made[0], lost)._process
    os.kill(process.pid, signal.SIGKILL)
    results += run
    assert [result.error for result in results] == [""] * 6
    assert all('"CheckFailed"' not in result.notebooks["adding"].content for result in results)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(process.pid)
