"""How far two readers agree who have read the same answers without seeing each other's marks."""

from __future__ import annotations

from dataclasses import dataclass

from course_utils.classroom.rubric_marks import RubricMarks
from course_utils.desk.answers import Written
from course_utils.desk.classwork import Classwork

__all__ = ["Agreement", "agreement"]


@dataclass(frozen=True)
class Agreement:
    """Two readers' points for one question.

    Parameters
    ----------
    written : Written
    pairs : tuple of (str, float, float)
        Student, first and second reader's points; the largest differences first.
    equal : float
        Share of the answers with the same points.
    apart : float, points
        Mean of the absolute differences.
    kappa : float or None
        Cohen's kappa of the ticks, over all answers and lines; None where all ticks are the same, or none is there.
    """

    written: Written
    pairs: tuple[tuple[str, float, float], ...]
    equal: float
    apart: float
    kappa: float | None


def agreement(work: Classwork, marks: RubricMarks) -> list[Agreement]:
    """Return for each question that two readers have read how far they agree.

    Parameters
    ----------
    work : Classwork
    marks : RubricMarks
    """
    found = []
    for written in work.questions:
        first, second = marks.readings(written.key, 1), marks.readings(written.key, 2)
        both = sorted(set(first) & set(second))
        if not both:
            continue
        pairs = sorted(((s, first[s].points, second[s].points) for s in both), key=lambda p: (-abs(p[1] - p[2]), p[0]))
        items = [item.id for item in marks.items(written.key)]
        ticks = [(item in first[s].ticks, item in second[s].ticks) for s in both for item in items]
        equal = sum(a == b for _, a, b in pairs) / len(pairs)
        apart = sum(abs(a - b) for _, a, b in pairs) / len(pairs)
        found.append(Agreement(written, tuple(pairs), equal, apart, _kappa(ticks)))
    return found


def _kappa(pairs: list[tuple[bool, bool]]) -> float | None:
    if not pairs:
        return None
    count = len(pairs)
    seen = sum(a == b for a, b in pairs) / count
    one, two = sum(a for a, _ in pairs) / count, sum(b for _, b in pairs) / count
    chance = one * two + (1 - one) * (1 - two)
    return None if chance >= 1 else (seen - chance) / (1 - chance)
