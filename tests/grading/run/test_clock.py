"""Whose time is up: who computes too long, who does nothing, who was never given a core."""

from __future__ import annotations

import fcntl
import multiprocessing
import os

import pytest

from course_utils.grading.run import clock as module
from course_utils.grading.run import turns
from course_utils.grading.run.clock import CellClock

LIMIT_S = 60.0


class Machine:
    """A clock on the wall and a kernel, both moved by the test."""

    def __init__(self, monkeypatch):
        self.now, self.counted = 1000.0, (5.0, 1.0, False)
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)

    def usage(self):
        return self.counted

    def run(self, clock, *, cpu=0.0, waiting=0.0, busy=False, most=5000.0):
        """Let time go by, so much of each second used and waited; return the seconds until time was up."""
        began = self.now
        while self.now - began < most:
            self.now = clock.next_look
            past = self.now - began
            self.counted = (self.used + cpu * past, self.waited + waiting * past, busy)
            if clock.is_up():
                return self.now - began
        return None

    def start(self, own=None):
        self.used, self.waited = self.counted[:2]
        return CellClock(LIMIT_S, self.usage, own)


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


@pytest.mark.parametrize(
    ("what", "stopped_after", "starved"),
    [
        ({"cpu": 1.0}, 60, False),
        ({"cpu": 2.0}, 30, False),  # two processes
        ({}, 60, False),  # asleep
        ({"cpu": 0.001}, 60, False),  # asleep, but for a thread that looks around
        ({"cpu": 0.5, "waiting": 0.5, "busy": True}, 120, False),  # half of a core: twice the time
        ({"cpu": 0.25, "waiting": 0.75, "busy": True}, 240, False),
        ({"cpu": 0.05}, 300, False),  # sleeps and works by turns
        ({"busy": True}, 300, False),  # waits for a disk
        ({"cpu": 0.02, "waiting": 0.98, "busy": True}, 600, True),
    ],
)
def test_time_is_up(machine, what, stopped_after, starved):
    clock = machine.start()
    assert machine.run(clock, **what) == pytest.approx(stopped_after, abs=1.1)
    assert clock.starved is starved


def test_what_came_before_is_not_counted(machine):
    machine.counted = (1e6, 1e6, False)
    assert machine.run(machine.start(), cpu=1.0) == pytest.approx(60, abs=1)


def test_a_cell_that_ends_at_once_asks_nothing(machine):
    def usage():
        raise AssertionError("asked")

    assert CellClock(LIMIT_S, usage).next_look == machine.now + 0.5


def test_own_time_of_the_tests_counts_too(machine):
    began = machine.now
    clock = machine.start(own=lambda: 0.5 * (machine.now - began))
    assert machine.run(clock, cpu=0.5) == pytest.approx(60, abs=1)


def test_children_that_ended_take_back_no_time(machine):
    began, clock = machine.now, machine.start()
    machine.now = clock.next_look
    assert not clock.is_up()
    machine.now, machine.counted = began + 10, (6.0, 9.0, True)
    assert not clock.is_up()
    for seconds, is_up in ((305, False), (309, True)):
        machine.now, machine.counted = began + seconds, (7.0, 1.0, True)  # those that waited 8 s are gone
        assert clock.is_up() is is_up


def test_without_a_count_the_clock_on_the_wall_counts(machine):
    clock = CellClock(LIMIT_S, lambda: None)
    machine.now += 59
    assert not clock.is_up()
    machine.now += 1
    assert clock.is_up() and not clock.starved


# Turns.


def hold(kind, inside, leave, seen):
    with getattr(turns, kind)():
        seen.append(kind)
        inside.set()
        leave.wait(30)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(turns.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_many_are_together_and_one_is_alone(folder):
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        seen = manager.list()
        people = {}
        for name, kind in (("a", "together"), ("b", "together"), ("c", "alone"), ("d", "together")):
            inside, leave = context.Event(), context.Event()
            person = context.Process(target=hold, args=(kind, inside, leave, seen))
            people[name] = (person, inside, leave)
        for name in "ab":
            people[name][0].start()
            assert people[name][1].wait(30)
        for name in "cd":
            people[name][0].start()
            assert not people[name][1].wait(0.3)  # d came later than c, who waits: it must not overtake
        for name in "ab":
            people[name][2].set()
        assert people["c"][1].wait(30)
        assert not people["d"][1].wait(0.3)
        people["c"][0].kill()  # whoever dies gives the room back
        assert people["d"][1].wait(30)
        people["d"][2].set()
        for person, _, _ in people.values():
            person.join(30)
        assert list(seen) == ["together", "together", "alone", "together"]


def test_a_link_in_the_place_of_a_lock_is_not_followed(folder, tmp_path):
    target = tmp_path / "mine"
    target.touch()
    (folder / f"course-{os.geteuid()}-room.lock").symlink_to(target)
    with target.open() as file, turns.alone():
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
