"""Parallel runs: marks are those of a serial run, stopped runs are taken up again, nothing is lost or counted twice."""

from __future__ import annotations

import functools
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from course_utils import errors
from course_utils.classroom import folder
from course_utils.grading import pool
from course_utils.stages import autograde, feedback, release
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, hand_in, hand_in_class, make_course


def marks(results) -> dict[str, float]:
    return {result.student_id: result.points for result in results}


def stored(course: Path) -> dict[str, float]:
    """The marks in the gradebook; every student once."""
    with folder.open_gradebook(course) as gradebook:
        submissions = gradebook.find_assignment(ASSIGNMENT).submissions
        names = [submission.student.id for submission in submissions]
        assert len(names) == len(set(names))
        return {submission.student.id: submission.score for submission in submissions}


def seen_by_student(course: Path, student: str) -> str:
    """The feedback page, and the report of trust without what differs from run to run: times and memory."""
    page = (course / "feedback" / student / ASSIGNMENT / f"{NOTEBOOK}.html").read_text(encoding="utf-8")
    notebook = json.loads((course / "autograded" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text())
    report = notebook["metadata"]["course"]
    for measured in ("seconds", "cells", "memory"):
        report["trust"].pop(measured)
    return re.sub(r'id="[^"]*"', "", page) + json.dumps(report, sort_keys=True)


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path / "course")


def test_serial_parallel_and_cold_runs_give_the_same_marks_feedback_and_reports(course, tmp_path):
    known = hand_in_class(course, 5)
    pages = []
    for options, config in (
        ({"workers": 1}, ""),
        ({"workers": 2}, ""),
        ({"workers": 2}, "\nc.GradeNotebook.warm = False\n"),
    ):
        path = course / "nbgrader_config.py"
        path.write_text(path.read_text() + config)
        assert marks(autograde.autograde(course, ASSIGNMENT, force=True, **options)) == known
        feedback.feedback(course, ASSIGNMENT)
        pages.append({student: seen_by_student(course, student) for student in known})
    assert pages[0] == pages[1] == pages[2]
    assert stored(course) == known


def test_notebooks_of_one_submission_are_graded_side_by_side_and_give_the_same(course, monkeypatch):
    for number in (1, 2):  # three notebooks in all
        text = (course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text()
        (course / "source" / ASSIGNMENT / f"again{number}.ipynb").write_text(text)
    hand_in(course, "ada00", "right")
    folder = course / "submitted" / "ada00" / ASSIGNMENT
    for number in (1, 2):
        (folder / f"again{number}.ipynb").write_text((folder / f"{NOTEBOOK}.ipynb").read_text())
    given, give = [], pool._Worker.give

    def note_and_give(worker, submission):
        given.append(list(submission.notebooks))
        if given == [[NOTEBOOK]]:  # its worker dies once
            worker.process.kill()
        give(worker, submission)

    monkeypatch.setattr(pool._Worker, "give", note_and_give)
    seen = []
    for workers in (2, 1):
        (result,) = autograde.autograde(course, ASSIGNMENT, workers=workers, force=True)
        assert (result.problem, result.points) == ("", 9)
        feedback.feedback(course, ASSIGNMENT)
        seen.append(seen_by_student(course, "ada00"))
    whole = sorted([NOTEBOOK, "again1", "again2"])
    assert sorted(given[:-1]) == sorted([[NOTEBOOK], *([name] for name in whole)]) and given[-1] == whole
    assert seen[0] == seen[1]


def test_nbgrader_autograde_gives_the_same_marks(course):
    known = hand_in_class(course, 5)
    release.release(course, ASSIGNMENT)
    subprocess.run(["nbgrader", "autograde", ASSIGNMENT], cwd=course, check=True, capture_output=True)
    assert stored(course) == known


def test_unchanged_submissions_are_skipped_and_changed_ones_graded_again(course):
    hand_in(course, "ada00", "right")
    hand_in(course, "bob00", "half")
    autograde.autograde(course, ASSIGNMENT, workers=1)
    worked: list[str] = []
    autograde.autograde(course, ASSIGNMENT, workers=1, started=worked.append)
    assert worked == []
    hand_in(course, "bob00", "right")
    assert marks(autograde.autograde(course, ASSIGNMENT, workers=1, started=worked.append)) == {"ada00": 3, "bob00": 3}
    assert worked == ["bob00"]
    autograde.autograde(course, ASSIGNMENT, ["ada00"], workers=1, force=True, started=worked.append)
    assert worked == ["bob00", "ada00"]


def test_a_manual_score_survives_grading_again(course):
    hand_in(course, "ada00", "right")
    autograde.autograde(course, ASSIGNMENT, workers=1)
    with folder.open_gradebook(course) as gradebook:
        gradebook.find_grade("test_add_hidden", NOTEBOOK, ASSIGNMENT, "ada00").manual_score = 0.5
        gradebook.db.commit()
    (result,) = autograde.autograde(course, ASSIGNMENT, workers=1, force=True)
    assert result.points == 2.5 and not result.needs_manual, "the work is the one for which the mark was given"


def test_a_submission_that_kills_its_workers_is_told_and_the_others_are_graded(course, monkeypatch):
    for name in ("ada00", "bob00", "eve00"):
        hand_in(course, name, "right")
    give = pool._Worker.give

    def give_and_kill(worker, submission):
        give(worker, submission)
        if submission.student == "eve00":
            worker.process.kill()

    monkeypatch.setattr(pool._Worker, "give", give_and_kill)
    results = {result.student_id: result for result in autograde.autograde(course, ASSIGNMENT, workers=2)}
    assert results["eve00"].problem == "not gradable: 3 workers died while grading it"
    assert [results[name].points for name in ("ada00", "bob00")] == [3, 3]


def descendants(process: subprocess.Popen, kind: str) -> list[psutil.Process]:
    """Processes of a run: the writer itself, its workers, or kernels, graders and what these are forked from."""
    root = psutil.Process(process.pid)
    if kind == "writer":
        return [root]
    workers = {child for child in root.children() if "course_utils.grading.worker" in " ".join(child.cmdline())}
    return list(workers if kind == "worker" else set(root.children(recursive=True)) - workers)


@pytest.mark.parametrize("kind", ["writer", "worker", "kernel"])
def test_kill_9_at_random_moments_loses_and_doubles_nothing(course, kind, request):
    """A run is killed again and again; the last one finishes what is left."""
    known = hand_in_class(course, 6)
    release.release(course, ASSIGNMENT)
    chance = random.Random(f"{kind} {request.config.getoption('--kills')}")
    command = [sys.executable, "-m", "course_utils", "autograde", ASSIGNMENT, "--workers", "2", "--course", str(course)]
    kills = 0
    while kills < request.config.getoption("--kills"):
        run = subprocess.Popen([*command, "--force"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(1.0, 3.0))
        while run.poll() is None and kills < request.config.getoption("--kills"):
            try:
                victims = descendants(run, kind)
                if victims:
                    chance.choice(victims).send_signal(signal.SIGKILL)
                    kills += 1
            except psutil.NoSuchProcess:
                pass
            time.sleep(chance.uniform(0.3, 1.5))
        run.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert stored(course) == known
    assert not list((course / "autograded").glob("*/.*.new"))


def test_a_gradebook_in_use_is_waited_for_and_then_told(course, monkeypatch):
    hand_in(course, "ada00", "right")
    release.release(course, ASSIGNMENT)
    autograde.autograde(course, ASSIGNMENT, workers=1)
    hand_in(course, "ada00", "half")
    monkeypatch.setattr(autograde, "_LOCKED_WAITS_S", (0.1,))
    lock = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(errors.CourseError, match=r"gradebook can't be written.*goes on from here"):
        autograde.autograde(course, ASSIGNMENT, workers=1)
    lock.execute("ROLLBACK")
    lock.close()
    assert stored(course) == {"ada00": 3}
    assert marks(autograde.autograde(course, ASSIGNMENT, workers=1)) == {"ada00": 2}


@pytest.mark.skipif(os.geteuid() != 0, reason="a full disk is made by mounting a small one, which only root may do")
def test_a_full_disk_is_told_and_the_next_run_goes_on(course, tmp_path):
    hand_in(course, "ada00", "right")
    autograde.autograde(course, ASSIGNMENT, workers=1)
    hand_in(course, "ada00", "half")
    small = course / "autograded"
    kept = tmp_path / "kept"
    small.rename(kept)
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)], check=True)
    try:
        (small / "ballast").write_bytes(b"0" * 12_000)
        with pytest.raises(errors.CourseError, match=r"No space left on device.*make room"):
            autograde.autograde(course, ASSIGNMENT, workers=1)
        assert stored(course) == {"ada00": 3}
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert marks(autograde.autograde(course, ASSIGNMENT, workers=1)) == {"ada00": 2}


def test_no_module_is_taken_from_where_the_command_was_called(course):
    known = {"ada00": hand_in(course, "ada00", "right"), "eve00": hand_in(course, "eve00", "right")}
    release.release(course, ASSIGNMENT)
    folder = course / "submitted" / "eve00" / ASSIGNMENT
    for name in ("dataclasses", "json", "selectors"):
        (folder / f"{name}.py").write_text(f"open({str(course / 'was-run')!r}, 'w').close()\nraise ImportError")
    command = [Path(sys.executable).with_name("course"), "autograde", ASSIGNMENT, "--course", str(course)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    assert not (course / "was-run").exists()
    assert stored(course) == known


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(course):
    known = hand_in_class(course, 5) | {"zoe00": hand_in(course, "zoe00", "slow")}
    release.release(course, ASSIGNMENT)
    command = [sys.executable, "-m", "course_utils", "autograde", ASSIGNMENT, "--workers", "2", "--course", str(course)]
    # Where the tests run in the background, a shell has Ctrl-C ignored, and so would the command.
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=heard)
    while not list((course / "autograded").glob(f"*/{ASSIGNMENT}")) and run.poll() is None:
        time.sleep(0.05)
    children = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130 and "goes on from here" in output and "Traceback" not in output
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert stored(course) == known
