"""Dishonest submissions: none earns an unearned point, reads a secret, stops the class or harms its neighbour."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_utils import cycle
from tests.attacks import classroom
from tests.attacks.classroom import FAMILIES, NEIGHBOUR, Seat, Verdict
from tests.attacks.course import ASSIGNMENT, make_course, plant_in_gradebook

ROOT = Path(__file__).parent.parent
SEATS = classroom.seats()
LIMITS = 'c.GradeNotebook.limits = {"memory": 3 << 29, "disk": 1 << 28, "files": 3000, "processes": 64}\n'


@pytest.fixture(scope="session")
def verdicts(tmp_path_factory) -> dict[str, Verdict]:
    """Everybody's submission, graded in one run."""
    root = tmp_path_factory.mktemp("attacked-course")
    course = make_course(root, (ROOT / "nbgrader_config.py").read_text() + LIMITS)
    cycle.release(root, ASSIGNMENT)
    plant_in_gradebook(course, root / "gradebook.db")
    for seat in SEATS:
        classroom.hand_in(course, seat)
    rows = {row.student_id: row for row in cycle.autograde(root, ASSIGNMENT, workers=2)}
    cycle.feedback(root, ASSIGNMENT)
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


def test_there_are_enough_attacks_and_each_has_a_name():
    found = [attack.name for attacks in FAMILIES.values() for attack in attacks]
    assert len(found) == len(set(found)) >= 80
