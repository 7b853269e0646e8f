"""Grading on a Dask cluster: the marks of the serial run, also when a worker is lost on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import pytest

from course_utils import errors
from course_utils.classroom import folder
from course_utils.grading import pool
from course_utils.stages import autograde, feedback
from tests.grading.test_parallel import seen_by_student
from tests.support.tiny_course import ASSIGNMENT, hand_in_class, make_course

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed.*", "ignore::ResourceWarning")
def test_two_workers_one_killed_on_the_way_give_the_marks_of_the_serial_run(tmp_path):
    course = make_course(tmp_path / "course")
    known = hand_in_class(course, 10)
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]

        over = threading.Event()
        killed = []

        def kill_one() -> None:
            while not over.wait(0.1):
                if list((course / "autograded").glob(f"*/{ASSIGNMENT}")):
                    os.kill(pids[0], signal.SIGKILL)
                    killed.append(pids[0])
                    return

        killer = threading.Thread(target=kill_one)
        killer.start()
        try:
            results = autograde.autograde(course, ASSIGNMENT, scheduler=cluster.scheduler_address)
        finally:
            over.set()
            killer.join()
    assert killed and not any(result.problem for result in results), [result.problem for result in results]
    assert {result.student_id: result.points for result in results} == known
    with folder.open_gradebook(course) as gradebook:
        assert len(gradebook.find_assignment(ASSIGNMENT).submissions) == len(known)
    # Feedback and reports of trust are those of a serial run too.
    feedback.feedback(course, ASSIGNMENT)
    of_cluster = {student: seen_by_student(course, student) for student in known}
    autograde.autograde(course, ASSIGNMENT, workers=1, force=True)
    feedback.feedback(course, ASSIGNMENT)
    assert of_cluster == {student: seen_by_student(course, student) for student in known}


class _Lost:
    """A future whose worker is lost after it was ready: pending again, until the result has been made once more."""

    status = "pending"

    def __init__(self, work, data, key, **_):
        self.work, self.data, self.key = work, data, key

    def result(self):
        return self.work(self.data)

    def release(self):
        pass


class _Client(contextlib.nullcontext):
    loop = None

    def __init__(self, *_, **__):
        super().__init__(self)

    def ncores(self):
        return {"one": 1}

    def submit(self, work, data, key, **_):
        return _Lost(work, data, key)


def test_a_worker_that_is_lost_with_a_result_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "Client", _Client)
    monkeypatch.setattr(distributed, "as_completed", lambda futures, loop: iter(futures))
    course = make_course(tmp_path / "course")
    known = hand_in_class(course, 2)
    try:
        results = autograde.autograde(course, ASSIGNMENT, scheduler="tcp://there")
    finally:
        while pool._LOCAL:  # started by this process, as there is no other one
            pool._LOCAL.pop().end()
    assert {result.student_id: (result.points, result.problem) for result in results} == {
        student: (points, "") for student, points in known.items()
    }


def test_no_scheduler_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "SCHEDULER_TIMEOUT_S", 2)
    course = make_course(tmp_path / "course")
    hand_in_class(course, 1)
    with pytest.raises(errors.CourseError, match=r"No Dask scheduler answers at tcp://127.0.0.1:9"):
        autograde.autograde(course, ASSIGNMENT, scheduler="tcp://127.0.0.1:9")
