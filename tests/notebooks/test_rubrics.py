"""Rubrics as data: what is read from the solution region of a cell, and what its author is told."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.notebooks import authoring
from course_utils.notebooks.markers import Mark, marks_of
from course_utils.notebooks.rubrics import Rubric, RubricError, RubricItem, question_of, read_rubric, rubrics

WHOLE = """### Written part (1 point)

Why is the loss too low?

### BEGIN SOLUTION
**Model answer.** Pictures of one dog are on both sides.

So the test is unfair:

- seen before

**Rubric**

- [0.5] names leakage,
  or an unfair test

- [+0.5] 1: says what mends it: $x_{[0]}$
- [-0.25] says that shuffling mends it
- [0] speaks of the seed

**Accepted**

- "contaminated"
  as a word

**Misconceptions**

- that shuffling mends it
### END SOLUTION"""


def cell_of(rubric, *, answer="So.", question="Why?"):
    return f"{question}\n\n### BEGIN SOLUTION\n{answer}\n\n{rubric}\n### END SOLUTION\n"


def test_all_parts_are_read():
    assert read_rubric(WHOLE) == Rubric(
        "Pictures of one dog are on both sides.\n\nSo the test is unfair:\n\n- seen before",
        (
            RubricItem(0.5, "names leakage, or an unfair test"),
            RubricItem(0.5, "1: says what mends it: $x_{[0]}$"),
            RubricItem(-0.25, "says that shuffling mends it"),
            RubricItem(0.0, "speaks of the seed"),
        ),
        ('"contaminated" as a word',),
        ("that shuffling mends it",),
    )
    assert read_rubric(WHOLE).most == 1


def test_accepted_and_misconceptions_may_be_missing():
    rubric = read_rubric(cell_of("**Rubric**\n\n- [1] says so"))
    assert rubric == Rubric("So.", (RubricItem(1, "says so"),))


@pytest.mark.parametrize("text", ["Why?", cell_of("The rubric is at home."), "", "Why?\n### BEGIN SOLUTION"])
def test_a_cell_without_a_heading_has_no_rubric(text):
    assert read_rubric(text) is None


BROKEN = {
    "no-points": ("**Rubric**\n\n- names leakage", 8, "'names leakage' has no points in brackets. Write '- [0.5]"),
    "word": ("**Rubric**\n\n- [half] names it", 8, "'[half]' holds no number. Write '- [0.5]"),
    "comma": ("**Rubric**\n\n- [0,5] names it", 8, "'[0,5]' holds no number. Write [0.5]."),
    "minus": ("**Rubric**\n\n- [1] a\n- [−0.25] b", 9, "holds no number. Write [-0.25]."),
    "nan": ("**Rubric**\n\n- [nan] names it", 8, "'[nan]' holds no number"),
    "no-number": ("**Rubric**\n\n- [] names it", 8, "'[]' holds no number"),
    "no-text": ("**Rubric**\n\n- [0.5]", 8, "the item of [0.5] says nothing"),
    "no-bullet-text": ("**Rubric**\n\n-", 8, "has no points"),
    "twice": ("**Rubric**\n\n- [1] a\n\n**Rubric**\n\n- [1] b", 10, "'**Rubric**' stands there twice"),
    "accepted-twice": ("**Rubric**\n\n- [1] a\n\n**Accepted**\n- b\n\n**Accepted**\n- c", 13, "there twice"),
    "early": ("- [0.5] names it\n\n**Rubric**\n\n- [1] a", 6, "stands before '**Rubric**'. Move it below"),
    "early-accepted": ("**Accepted**\n\n- b\n\n**Rubric**\n\n- [1] a", 6, "'**Accepted**' stands before '**Rubric**'"),
    "no-items": ("**Rubric**", 6, "no items stand below '**Rubric**'. Write '- [0.5]"),
    "prose": ("**Rubric**\n\n- [1] a\nand so on", 9, "'and so on' belongs to no item. Indent it"),
    "prose-first": ("**Rubric**\n\nGive\n- [1] a", 8, "'Give' belongs to no item"),
    "star": ("**Rubric**\n\n* [1] a", 8, "Begin items with '-'"),
    "numbered": ("**Rubric**\n\n1. [1] a", 8, "belongs to no item"),
    "old": ("**Rubric (1 point).** 0.5: names it.", 6, "Write '**Rubric**' alone on the line"),
    "old-list": ("**Rubric (2 × 0.5 points)**\n\n- [1] a", 6, "Write '**Rubric**' alone on the line"),
    "markdown": ("## Rubric\n\n- [1] a", 6, "Write '**Rubric**' alone on the line"),
    "colon": ("Rubric:\n\n- [1] a", 6, "Write '**Rubric**' alone on the line"),
    "empty-accepted": ("**Rubric**\n\n- [1] a\n\n**Accepted**\n\n-", 12, "the item is empty"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_form_is_told_with_its_line_and_what_to_do(case):
    text, line, said = BROKEN[case]
    with pytest.raises(RubricError) as caught:
        read_rubric(cell_of(text))
    assert caught.value.line == line and said in str(caught.value) and str(caught.value).startswith(f"line {line}: ")
    assert isinstance(caught.value, ValueError)


def test_the_question_is_what_stands_before_the_solution():
    assert question_of(WHOLE) == "### Written part (1 point)\n\nWhy is the loss too low?"
    assert question_of("Why?\n### BEGIN MARK SCHEME\nx\n### END MARK SCHEME\n") == "Why?"
    # Without marks all of an answer is what students do not see.
    assert question_of("So.\n\n**Rubric**\n\n- [1] so") == ""


def test_a_rubric_of_an_answer_without_marks_and_of_a_task_is_read():
    item = RubricItem(1, "so")
    assert read_rubric("So.\n\n**Rubric**\n\n- [1] so") == Rubric("So.", (item,))
    assert read_rubric("Why?\n### BEGIN MARK SCHEME\n**Rubric**\n- [1] so\n### END MARK SCHEME").items == (item,)


def test_marks_may_be_spelt_otherwise():
    marks = marks_of() | {"solution": Mark("LÖSUNG", "ENDE")}
    text = "Why?\n### LÖSUNG\n**Model answer.** So.\n**Rubric**\n- [1] so\n### ENDE"
    assert read_rubric(text, marks) == Rubric("So.", (RubricItem(1, "so"),)) and question_of(text, marks) == "Why?"


def notebook(*sources, points=1):
    about = {"grade": True, "solution": True, "locked": False, "task": False, "schema_version": 3, "points": points}
    cells = [
        new_markdown_cell(source, metadata={"nbgrader": about | {"grade_id": f"q{n}"}})
        for n, source in enumerate(sources)
    ]
    code = new_code_cell("# **Rubric**", metadata={"nbgrader": about | {"grade_id": "code"}})
    return new_notebook(cells=[new_markdown_cell("**Rubric**"), *cells, code])


def test_the_rubrics_of_a_notebook_by_grade_id():
    found = rubrics(notebook(WHOLE, "no rubric", cell_of("**Rubric**\n- [1] a")))
    assert list(found) == ["q0", "q2"] and found["q2"].items == (RubricItem(1, "a"),)
    with pytest.raises(RubricError, match=r"q1, line 8: .*no points"):
        rubrics(notebook(WHOLE, cell_of("**Rubric**\n\n- a")))


def test_an_author_hears_of_a_broken_rubric_which_does_not_stop_a_release():
    remarks = authoring.examine("dogs", notebook(WHOLE, cell_of("**Rubric**\n\n- a\n- [x] b")))
    assert [(str(remark).partition(": ")[0], remark.serious) for remark in remarks] == [
        ("dogs, q1, line 8", False),
        ("dogs, q1, line 9", False),
    ]
    assert "the rubric can't be read: the item 'a' has no points" in str(remarks[0])


def test_a_rubric_by_which_nobody_earns_all_points_is_refused():
    enough = cell_of("**Rubric**\n\n- [0.5] a\n- [1] b\n- [-3] c")
    (remark,) = authoring.examine("dogs", notebook(WHOLE, enough, points=1.5))
    assert remark.serious and str(remark).startswith("dogs, q0, line 12: the items of the rubric add up to 1 of 1.5")
    thirds = cell_of("**Rubric**\n\n" + "- [0.3333333] a\n" * 3)
    assert authoring.examine("dogs", notebook(thirds)) == []


def test_a_cell_without_a_rubric_is_allowed():
    assert authoring.examine("own", notebook("Why?\n\n### BEGIN SOLUTION\nSo. (1 point)\n### END SOLUTION")) == []


def test_a_rubric_that_students_would_receive_is_refused():
    early = "Why?\n\n### BEGIN SOLUTION\nSo.\n### END SOLUTION\n\n**Rubric**\n\n- [1] so"
    (remark,) = authoring.examine("dogs", notebook(early))
    assert remark.serious and str(remark).startswith("dogs, q0, line 7: '**Rubric**' stands outside")
    task = notebook("Why?\n\n**Rubric**\n\n- [1] so")
    task.cells[1].metadata.nbgrader.update(task=True, grade=False, solution=False)
    (remark,) = authoring.examine("dogs", task)
    assert remark.serious and "dogs, q0, line 3: '**Rubric**' stands outside" in str(remark)
