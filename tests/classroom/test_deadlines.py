"""What lateness costs, and until when somebody has time."""

from __future__ import annotations

import pytest
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from course_utils.classroom.deadlines import LatePolicy, deadline_of, penalty
from course_utils.classroom.settings import Deadlines
from course_utils.errors import CourseError


@pytest.mark.parametrize(
    ("policy", "days", "cost"),
    [("none", 5, 0), ("percent per started day", 0.5, 1), ("percent per started day", 1.01, 2),
     ("percent per started day", 30, 10), ("hard stop", 0.5, 10)],
)  # fmt: skip
def test_the_policies(policy, days, cost):
    deadlines = Deadlines(policy=policy, percent_per_day=10, grace_minutes={"x": 60})
    assert penalty(deadlines, "x", 10.0, days * 86_400) == pytest.approx(cost)
    assert penalty(deadlines, "x", 10.0, 3600) == 0
    assert penalty(deadlines, "x", 0.0, days * 86_400) == 0


def test_after_the_last_day_nothing_counts():
    deadlines = Deadlines(policy="percent per started day", percent_per_day=10, max_days=2)
    assert [penalty(deadlines, "x", 10.0, d * 86_400) for d in (2, 2.01)] == [2, 10]


def test_an_extension_of_a_member_is_one_of_the_group_and_never_earlier(tmp_path):
    config = Config({"Deadlines": {"due": {"sheet": "2026-11-20 18:00"}}})
    path = tmp_path / "extensions.csv"
    path.write_text("student_id,assignment,due\ns01,sheet,2026-11-22 18:00\ns02,sheet,2026-11-01 18:00\n")
    assert deadline_of(tmp_path, config, "sheet", "Gruppe_7", ["s01", "s02"]).day == 22
    assert deadline_of(tmp_path, config, "sheet", "s02", ["s02"]).day == 20
    assert deadline_of(tmp_path, config, "other", "s01", ["s01"]) is None
    path.write_text("student_id,assignment,due\ns01,sheet,soon\n")
    with pytest.raises(CourseError, match=r"(?s)extensions\.csv can't be used:.*row 2: A date and time must look like"):
        deadline_of(tmp_path, config, "sheet", "s01")


def test_nbgraders_plugin_knows_the_assignment():
    config = Config({"Deadlines": {"policy": "hard stop", "grace_minutes": {"sheet": 10}}})
    preprocessor = AssignLatePenalties(plugin_class=LatePolicy, config=config)
    preprocessor.assignment_id = "sheet"
    preprocessor.init_plugin()
    plugin = preprocessor.plugin_inst
    assert plugin.late_submission_penalty("s01", 8.0, 600) is None
    assert plugin.late_submission_penalty("s01", 8.0, 601) == 8.0
