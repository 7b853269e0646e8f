"""Dishonest submissions: none earns an unearned point, reads a secret, stops the class or harms its neighbour."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_utils.stages import autograde, feedback, release
from tests.attacks import classroom
from tests.attacks.classroom import FAMILIES, NEIGHBOUR, Seat, Verdict
from tests.attacks.course import ASSIGNMENT, NOTEBOOK, SCRIPT, Course, make_course, plant_in_gradebook

# One run grades all of them: with several test processes, this file belongs to one of them.
pytestmark = pytest.mark.xdist_group("attacks")

ROOT = Path(__file__).parents[2]
SEATS = classroom.seats()
LIMITS = 'c.GradeNotebook.limits = {"memory": 3 << 29, "disk": 1 << 28, "files": 3000, "processes": 64}\n'


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """The course, with everybody's submission."""
    root = tmp_path_factory.mktemp("attacked-course")
    course = make_course(root, (ROOT / "nbgrader_config.py").read_text() + LIMITS)
    release.release(root, ASSIGNMENT)
    plant_in_gradebook(course, root / "gradebook.db")
    for seat in SEATS:
        classroom.hand_in(course, seat)
    return course


@pytest.fixture(scope="module")
def verdicts(course) -> dict[str, Verdict]:
    """What became of everybody's submission, graded in one run."""
    # Many attacks do nothing but wait until their time is up.
    rows = {row.student_id: row for row in autograde.autograde(course.root, ASSIGNMENT, workers=4)}
    feedback.feedback(course.root, ASSIGNMENT)
    return {s.student: classroom.judge(course, s, rows[s.student].problem, rows[s.student].notes) for s in SEATS}


def names(seats: list[Seat]) -> list[str]:
    return [f"{seat.family}: {seat.attack.name}" for seat in seats]


ATTACKERS = [seat for seat in SEATS if seat.attack is not NEIGHBOUR]
NEIGHBOURS = [seat for seat in SEATS if seat.attack is NEIGHBOUR]


@pytest.mark.parametrize("seat", ATTACKERS, ids=names(ATTACKERS))
def test_attack_fails(seat, verdicts):
    verdict = verdicts[seat.student]
    assert not verdict.breaches, "\n".join([*verdict.breaches, *verdict.notes])


@pytest.mark.parametrize("seat", NEIGHBOURS, ids=names(NEIGHBOURS))
def test_neighbour_is_not_harmed(seat, verdicts):
    verdict = verdicts[seat.student]
    assert not verdict.breaches, "\n".join([*verdict.breaches, *verdict.notes])


def test_the_judge_sees_what_an_attack_achieves(course, verdicts):
    """Otherwise all of the above would pass whatever happens."""
    blank = next(
        seat for seat in ATTACKERS if seat.attack.name == "an input transformer that turns every cell into pass"
    )
    assert not verdicts[blank.student].breaches
    cell = "test_num_weights_hidden"
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        grade = gradebook.find_grade(cell, NOTEBOOK, ASSIGNMENT, blank.student)
        grade.auto_score = 1
        gradebook.db.commit()
        found = classroom.judge(course, blank, notes=[course.secrets["test"]]).breaches
        grade.auto_score = 0
        gradebook.db.commit()
    assert found == [f"{cell} earned 1 of 1 points without an answer", "the row holds the secret test"]
    for page in (
        f"<b onclick='{SCRIPT}()'>",
        f"<script>{SCRIPT}()</script>",
        "<a href=' jAvascript:x()'>",
        "<base href=//evil>",
    ):
        assert classroom.dangers(page), page
    assert not classroom.dangers(f"<p>&lt;script&gt;{SCRIPT}()&lt;/script&gt;</p>")


# What nbgrader itself copies, reads and writes before and after the engine has its turn.
THROUGH_NBGRADER = (
    "a link to the course's sources",
    "the time stamp is a link to a secret",
    "the notebook is a link to the source notebook",
    "a forged result of a million points",
    "a forged result without a text",
    "texts that no file can hold",
    "pipes in place of files",
    "a file of one terabyte",
    "file names that are code",
    "a time stamp that is no time",
    "other notebooks, and folders called like notebooks",
    "cells that are no cells",
    "metadata that are no metadata",
    "texts that are no Unicode",
    "an empty file",
    "HTML in an answer that a person grades",
)


def test_attacks_fail_through_nbgraders_own_command(tmp_path):
    chosen = [seat for seat in SEATS if seat.attack.name in THROUGH_NBGRADER]
    assert len(chosen) == len(THROUGH_NBGRADER)
    course = make_course(tmp_path, (ROOT / "nbgrader_config.py").read_text() + LIMITS)
    release.release(tmp_path, ASSIGNMENT)
    plant_in_gradebook(course, tmp_path / "gradebook.db")
    for seat in (*chosen, NEIGHBOURS[-1]):
        classroom.hand_in(course, seat)
    for stage in ("autograde", "generate_feedback"):
        done = subprocess.run(["nbgrader", stage, ASSIGNMENT], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    breaches = []
    for seat in (*chosen, NEIGHBOURS[-1]):
        path = tmp_path / "autograded" / seat.student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        problem = (
            json.loads(path.read_bytes())["metadata"]["course"].get("unreadable", "") if path.exists() else "dropped"
        )
        breaches += [f"{seat.attack.name}: {breach}" for breach in classroom.judge(course, seat, problem).breaches]
    assert not breaches, "\n".join(breaches)


def test_there_are_enough_attacks_and_each_has_a_name():
    found = [attack.name for attacks in FAMILIES.values() for attack in attacks]
    assert len(found) == len(set(found)) >= 80
