"""What makes two hand-ins alike, and what does not; what the list may not say."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from course_utils.report import similarity
from course_utils.report.pieces import pieces, prose_pieces
from course_utils.report.similarity import Task, compare

ANSWER = '''def area(width, height):
    """Return the area."""
    total = width * height + width // 7
    inner = total - height % 3
    return inner * total - 5
'''
COPY = """def area(width, height):
    # mine
    q = width * height + width // 7  # a comment of my own
    z = q - height % 3
    return z * q - 5
"""


def of(source, kept=frozenset({"area", "width", "height"})):
    return {piece for _, piece in pieces(source, kept)}


def test_names_comments_and_docstrings_do_not_matter():
    assert of(ANSWER) == of(COPY)


def test_the_order_of_lines_does_not_matter():
    lines = ["a = width + 1", "b = height * 2", "c = width - 3 * height"]
    assert of("\n".join(lines)) == of("\n".join(lines[::-1]))


def test_other_steps_are_other_pieces():
    assert of("x = width * height + 2 - 7") != of("x = width * height - 2 + 7")


@pytest.mark.parametrize(
    "source", ["def f(:\n  x = 1", "'''", "%matplotlib inline\n!rm -r x\na = 1 + 2 + 3", "\0", "(" * 500]
)
def test_what_is_no_python_is_compared_as_far_as_it_goes(source):
    assert isinstance(pieces(source), list)


def test_prose_is_compared_by_runs_of_words():
    one, other = (
        {p for _, p in prose_pieces(text)} for text in ("The kernel, moved, sees ALL.", "the kernel moved sees all")
    )
    assert one == other and len(one) == 2


def a_class(n=30, seed=0):
    """Everybody writes the lines of the answer in a way of their own; `s00` and `s01` in the same one."""
    chance = random.Random(seed)

    def answer():
        rows = [
            f"v{i} = width * {chance.randint(2, 999)} {chance.choice('+-*')} {chance.randint(2, 999)}" for i in range(9)
        ]
        return "def area(width, height):\n    " + "\n    ".join([*rows, "return v1 + v2"])

    task = Task("book", "area", "Exercise 1: Area", "def area(width, height):\n    raise NotImplementedError()", False)
    task.kept = frozenset({"area", "width", "height"})
    task.answers = {f"s{i:02}": answer() for i in range(n)}
    task.answers["s01"] = task.answers["s00"].replace("v", "other_")
    return task


def pairs(found):
    return {(pair.one, pair.other) for pair in found.pairs}


def test_a_copy_with_other_names_is_found_and_nobody_else():
    found = compare([a_class()])
    assert pairs(found) == {("s00", "s01")} and not found.clusters


def test_a_class_without_copies_has_no_pairs():
    task = a_class()
    del task.answers["s01"]
    assert not compare([task]).pairs


def test_what_many_wrote_is_common_ground():
    task = a_class()
    for i in range(2, 7):  # seven of thirty
        task.answers[f"s{i:02}"] = task.answers["s00"]
    assert not compare([task]).pairs


def test_what_was_released_counts_nothing():
    task = a_class()
    task.known = frozenset(piece for _, piece in pieces(task.answers["s00"], task.kept))
    assert not compare([task]).pairs


def test_members_of_one_group_are_no_pair():
    owner = SimpleNamespace(members=(SimpleNamespace(student_id="x"),))
    roster = SimpleNamespace(owner=lambda who: owner if who in ("s00", "s01") else None)
    assert not compare([a_class()], roster).pairs


def test_three_who_hang_together_are_a_group():
    task = a_class()
    task.answers["s02"] = task.answers["s00"]
    assert compare([task]).clusters == [["s00", "s01", "s02"]]


def test_a_copied_answer_is_found_among_tasks_of_ones_own():
    tasks = [a_class(seed=seed) for seed in range(6)]
    for number, task in enumerate(tasks):
        task.name = f"area{number}"
        if number:
            task.answers["s01"] = task.answers.pop("s29")
    found = compare(tasks)
    assert pairs(found) == {("s00", "s01")} and found.pairs[0].tasks[0][0] == 0


def test_a_turn_of_speech_in_long_texts_is_no_pair():
    """Also where nobody else shares anything, so that the class's own tail ends at nothing."""
    chance = random.Random(3)
    texts = {f"s{n:02}": [f"w{chance.randrange(10**6)}" for _ in range(600)] for n in range(40)}
    saying = [f"k{n}" for n in range(25)]
    for who in ("s03", "s07"):
        texts[who] += saying
    answers = {who: "\n".join(words) for who, words in texts.items()}
    assert pairs(compare([Task("sheet", "why", "Why", "", True, answers)])) == set()
    answers["s07"] = "\n".join(texts["s03"][:300] + texts["s07"][:300])
    assert pairs(compare([Task("sheet", "why", "Why", "", True, answers)])) == {("s03", "s07")}


def test_of_a_small_class_no_cut_is_told():
    found = compare([a_class(5)])
    assert found.small and "too few" in found.told and pairs(found) == {("s00", "s01")}


@pytest.mark.parametrize("answers", [{}, {"a": "x = 1"}, {"a": "", "b": ""}])
def test_nothing_to_compare(answers):
    task = a_class(2)
    task.answers = answers
    assert not compare([task]).pairs


def test_networks_that_are_the_same_or_nearly_are_listed(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(40, 30)).astype(np.float32)
    made = {
        "one": weights,
        "two": weights,
        "near": weights + 1e-4,
        "else": rng.normal(size=(40, 30)).astype(np.float32),
    }
    folders = {who: tmp_path / who for who in [*made, "broken"]}
    for who, folder in folders.items():
        (folder / "artifacts").mkdir(parents=True)
        if who != "broken":
            save_file({"layer": made[who]}, folder / "artifacts" / "net.safetensors")
    (folders["broken"] / "artifacts" / "net.safetensors").write_bytes(b"\xff" * 100)
    monkeypatch.setattr(similarity, "load_config", lambda course: None)
    monkeypatch.setattr(similarity, "submitted_folders", lambda *_: folders)
    exact, near = similarity.same_files(tmp_path, "nets")
    assert exact.exactly and set(exact.people) == {"one", "two"}
    assert not near.exactly and set(near.people) == {"one", "near"}
