"""What workers get next: whole submissions, and the last one in pieces where workers would have nothing to do."""

import pytest

from course_utils.grading.submissions import GradedNotebook, GradedSubmission, Submission
from course_utils.grading.waiting import WaitingSubmissions


def submission(student: str, *names: str) -> Submission:
    return Submission(student, "practice", dict.fromkeys(names, b"{}"), b"", {})


def result(taken: Submission, error: str = "") -> GradedSubmission:
    notebooks = {} if error else {name: GradedNotebook(f"{name} of {taken.student}") for name in taken.notebooks}
    return GradedSubmission(taken.student, notebooks, error)


def names(taken: Submission) -> list[str]:
    return list(taken.notebooks)


def test_while_others_wait_nobody_is_divided():
    waiting = WaitingSubmissions([submission("ada", "one", "two"), submission("bob", "one", "two")])
    ada = waiting.take(idle=2)
    assert names(ada) == ["one", "two"] and waiting.is_first(ada)
    bob = waiting.take(idle=1)  # the other worker has something to do
    assert names(bob) == ["one", "two"]
    assert waiting.take(idle=1) is None
    assert waiting.whole(ada, result(ada)) == result(ada)


def test_the_last_one_is_divided_among_idle_workers_and_put_together_in_its_order():
    waiting = WaitingSubmissions([submission("ada", "one", "two", "three")])
    pieces = [waiting.take(idle=2), waiting.take(idle=1), waiting.take(idle=1)]
    assert [names(piece) for piece in pieces] == [["one"], ["two"], ["three"]]
    assert [waiting.is_first(piece) for piece in pieces] == [True, False, False]
    assert waiting.take(idle=2) is None
    assert waiting.whole(pieces[2], result(pieces[2])) is None
    assert waiting.whole(pieces[0], result(pieces[0])) is None
    whole = waiting.whole(pieces[1], result(pieces[1]))
    assert [(name, one.content) for name, one in whole.notebooks.items()] == [
        ("one", "one of ada"), ("two", "two of ada"), ("three", "three of ada")
    ]  # fmt: skip


@pytest.mark.parametrize(("idle", "notebooks"), [(1, ("one", "two")), (5, ("one",)), (5, ())])
def test_it_stays_whole_where_that_gains_nothing(idle, notebooks):
    waiting = WaitingSubmissions([submission("ada", *notebooks)])
    assert names(waiting.take(idle)) == list(notebooks)
    assert waiting.take(idle) is None


def test_an_error_of_one_piece_is_that_of_the_submission():
    waiting = WaitingSubmissions([submission("ada", "one", "two")])
    one, two = waiting.take(idle=2), waiting.take(idle=1)
    assert waiting.whole(one, result(one, "CIFAR-10 is not here.")) is None
    assert waiting.whole(two, result(two)) == GradedSubmission("ada", error="CIFAR-10 is not here.")


def test_what_is_put_back_comes_next():
    waiting = WaitingSubmissions([submission("ada", "one", "two")])
    one = waiting.take(idle=2)
    waiting.put_back(one)
    assert waiting.take(idle=1) is one and waiting.is_first(one)


def test_one_more_than_is_graded_is_read():
    read = []

    def reading():
        for student in ("ada", "bob", "eve", "joe"):
            read.append(student)
            yield submission(student, "one", "two")

    waiting = WaitingSubmissions(reading())
    waiting.take(idle=2)
    waiting.take(idle=1)
    assert read == ["ada", "bob"]
    waiting.take(idle=2)
    assert read == ["ada", "bob", "eve", "joe"]
