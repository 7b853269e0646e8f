"""Classes in which everybody had an accident, the whole cycle once: no honest point is lost, and each row says why."""

from __future__ import annotations

import builtins
import functools
import re

import pytest

from course_utils.notebooks.texts import one_line
from tests.support.accident_class import Cycle, play
from tests.support.accident_course import POINTS, PROSE
from tests.support.engine import ROOT
from tests.support.more_accidents import MORE_ACCIDENTS
from tests.support.sixty_accidents import ACCIDENTS

pytestmark = pytest.mark.xdist_group("accidents")

CLASSES = {"sixty": ACCIDENTS, "more": MORE_ACCIDENTS}
CASES = [(name, case) for name, accidents in CLASSES.items() for case in accidents]
READABLE = [(name, case) for name, case in CASES if CLASSES[name][case].readable]
WAITING = [pair for pair in CASES if pair not in READABLE]
# What only a programmer reads: traces, Python's own classes, how Python writes its objects, places of this machine.
_ERRORS = "|".join(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
)
_OURS = re.compile(
    rf"Traceback|course_utils[/.]|site-packages|{re.escape(str(ROOT))}|/usr/lib/python|File \"|<\w+ object|"
    rf"\b(NotebookError|UnreadableNotebook|RefusedError|CourseError|EngineError|CellExecutionError|ConversionException)\b"
    rf"|\b({_ERRORS})\b"
)
# A student's cell may end with an error of its own, which the page shows as JupyterLab does; a trace shows it is ours
# where it goes through a file.
_TRACE_OF_OURS = re.compile(r"course_utils/|site-packages|nbgrader/|nbconvert/|/usr/lib/python|File \"/")


@pytest.fixture(scope="module")
def cycles(tmp_path_factory):
    @functools.cache
    def played(name: str) -> Cycle:
        return play(tmp_path_factory.mktemp(name), CLASSES[name])

    return played


@pytest.fixture
def cycle(cycles, name):
    return cycles(name)


def test_sixty_hand_ins_of_which_three_wait():
    assert (len(ACCIDENTS), sum(not accident.readable for accident in ACCIDENTS.values())) == (60, 3)


@pytest.mark.parametrize(("name", "case"), READABLE)
def test_no_honest_point_is_lost_and_the_text_is_read_by_a_person(name, case, cycle):
    student, points = cycle.student(case), CLASSES[name][case].points
    assert (cycle.first[student].score, cycle.first[student].waiting) == (points, 1), cycle.told(case)
    assert cycle.last[student].score == points + PROSE
    assert f"{points + PROSE:g} of {POINTS + PROSE:g} points" in cycle.score_lines()[student]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_row_says_plainly_what_happened(name, case, cycle):
    told = cycle.told(case)
    assert all(words in told for words in CLASSES[name][case].told), told
    assert not _OURS.search(told), told
    assert CLASSES[name][case].told or told == "laid out", told


@pytest.mark.parametrize(("name", "case"), READABLE)
def test_the_page_shows_the_work(name, case, cycle):
    page, shown = cycle.page(case), CLASSES[name][case].shown
    assert "Zero is neutral" in page and shown in page and "<html>MINE" not in page


@pytest.mark.parametrize(("name", "case"), WAITING)
def test_what_cannot_be_read_waits_and_is_no_zero(name, case, cycle):
    student = cycle.student(case)
    assert cycle.graded[student]["problem"].startswith("not gradable: handed in, but in quarantine: ")
    assert cycle.graded[student]["mark"] == ""
    assert student not in cycle.first
    reason = cycle.withheld()[cycle.collected[student]["name"]]
    assert reason.startswith("handed in, but in quarantine: ") and CLASSES[name][case].told[0] in reason


@pytest.mark.parametrize("name", CLASSES)
def test_every_page_is_made_and_returned(name, cycle):
    readable = [accident for accident in CLASSES[name].values() if accident.readable]
    assert len(cycle.score_lines()) == len(readable)
    assert len(cycle.withheld()) == len(CLASSES[name]) - len(readable)
    assert not (cycle.course / "reports" / "faults.log").exists()


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_that_a_person_reads_holds_a_trace_of_ours(name, cycle):
    texts = cycle.everything_written()
    assert len(texts) > len(CLASSES[name])
    found = {}
    for place, text in texts.items():
        pattern = _TRACE_OF_OURS if place.endswith(".html") else _OURS
        plain = text.replace(str(cycle.course), "")  # commands say where they wrote something
        if match := pattern.search(plain):
            found[place] = one_line(plain[max(match.start() - 80, 0) : match.end() + 80], 300)
    assert found == {}
