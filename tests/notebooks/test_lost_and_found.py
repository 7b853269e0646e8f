"""Answers are found wherever they stand; what is not sure is shown to a person; a stub takes no answer's place."""
# ruff: noqa: E501 (each accident and its sentences stand on a line)

from __future__ import annotations

import copy
import functools
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.utils import determine_grade

from course_utils.notebooks import names, recognising
from course_utils.notebooks.reading import notebook_from
from course_utils.notebooks.repair import repair
from course_utils.notebooks.skeleton import skeleton
from course_utils.notebooks.texts import released_text
from tests.support import cell_accidents
from tests.support.cell_accidents import at, both, end_lines, lose_marks, merge, move, name, retype, split
from tests.support.engine import SOURCE, config

NOTEBOOK = SOURCE / "convolutions" / "by-hand.ipynb"
PROSE = ("padding_words", "filters_words", "why_cnn")
CODE = ("paper", "cross_correlate", "padding_shapes", "filters", "toeplitz_rows", "toeplitz_product", "toeplitz_matrix")
# Cells of the notebook that nbgrader knows by name.
CELLS = sum("nbgrader" in cell.metadata for cell in nbformat.read(NOTEBOOK, as_version=4).cells)
LOST = "had lost its name (nbgrader's metadata); it was recognised."


@pytest.fixture(scope="module")
def course():
    return skeleton(NOTEBOOK, config())


@pytest.fixture(scope="module")
def answers():
    source = nbformat.read(NOTEBOOK, as_version=4)
    found = {
        name(c): re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", c.source, flags=re.M).rstrip() for c in source.cells
    }
    return {key: found[key] for key in (*PROSE, *CODE)}


@pytest.fixture
def honest(course, answers):
    notebook = copy.deepcopy(course)
    for theirs in notebook.cells:
        theirs.source = answers.get(name(theirs), released_text(theirs.source))
    return notebook


def done(submitted, course):
    """The repaired notebook by grade_id, all its code in the order in which it runs, and the sentences."""
    read = notebook_from({**submitted, "metadata": {}})
    repaired = repair(read, course)
    nbformat.validate(repaired.notebook)
    cells = {name(cell): cell for cell in repaired.notebook.cells if name(cell)}
    return cells, [cell.source for cell in repaired.notebook.cells if cell.cell_type == "code"], repaired.repairs


def waits(cells):
    return [key for key in PROSE if determine_grade(cells[key])[0] is None]


def stub_of(key):
    return next(cell.source for cell in skeleton(NOTEBOOK, config()).cells if name(cell) == key)


leave_blank = functools.partial(cell_accidents.leave_blank, stub=stub_of)


def trailing_spaces(nb):
    for cell in nb.cells:
        cell.source = "\n".join(
            f"{line}  " if line and name(cell) not in PROSE else line for line in cell.source.split("\n")
        )


def reformat_tests(nb):
    for cell in nb.cells:
        if name(cell) and name(cell).startswith("test_") and "hidden" not in name(cell):
            cell.source = f"# formatted on save\n{cell.source}\n\n# end"


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (end_lines("\r\n"), []),
        (end_lines("\r"), []),
        (trailing_spaces, []),
        (reformat_tests, []),
        (lose_marks(), [f"{CELLS} cells had lost their names (nbgrader's metadata); they were recognised."]),
        (lose_marks(ids=False), [f"{CELLS} cells had lost their names (nbgrader's metadata); they were recognised."]),
        (
            both(lose_marks(ids=False), lambda nb: nb.cells.insert(9, new_code_cell("tried = 1"))),
            [f"{CELLS} cells had lost their names (nbgrader's metadata); they were recognised."],
        ),
        (lose_marks(kept=("text_paper", "paper", "test_paper")), [f"{CELLS - 3} cells had lost their names (nbgrader's metadata); they were recognised."]),
        (both(*map(retype, PROSE)), [f"The cell '{key}' {LOST}" for key in PROSE]),
        (retype("cross_correlate"), [f"The cell 'cross_correlate' {LOST}"]),
        (both(retype("paper"), retype("toeplitz_product")), [f"The cell '{key}' {LOST}" for key in ("paper", "toeplitz_product")]),
        (both(*(leave_blank(key) for key in PROSE)), [f"Your answer '{key}' stood in another cell; it was taken from there." for key in PROSE]),
        (leave_blank("cross_correlate"), ["Your answer 'cross_correlate' stood in another cell; it was taken from there."]),
        (leave_blank("cross_correlate", below=False), ["Your answer 'cross_correlate' stood in another cell; it was taken from there."]),
        (leave_blank("filters"), ["Your answer 'filters' stood in another cell; it was taken from there."]),
        (move("toeplitz_matrix", None), ["Your answer 'toeplitz_matrix' stood in another cell; it was taken from there."]),
        (move("why_cnn", "text_paper"), ["Your answer 'why_cnn' stood in another cell; it was taken from there."]),
        (
            merge("paper", "test_paper"),
            ["Your answer 'paper' stood in the cell 'test_paper'; it was taken from there.", "The test cell 'test_paper' had been changed; the course's own was used."],
        ),
        (
            merge("why_cnn", "text_toeplitz"),
            ["Your answer 'why_cnn' stood in the cell 'text_toeplitz'; it was taken from there.", "The text of the course 'text_toeplitz' had been changed; the course's own was used."],
        ),
        (
            both(lose_marks(), lambda nb: nb.cells.append(new_markdown_cell("Done."))),
            [f"{CELLS} cells had lost their names (nbgrader's metadata); they were recognised."],
        ),
    ],
)  # fmt: skip
def test_every_answer_is_in_its_cell(change, sentences, honest, course, answers):
    change(honest)
    cells, code, repairs = done(honest, course)
    found = {key: "\n".join(line.rstrip() for line in cells[key].source.split("\n")) for key in answers}
    assert found == answers
    assert waits(cells) == list(PROSE)
    assert repairs == sentences
    assert not any(cell.source in code for cell in course.cells if name(cell) in CODE), "a stub is run"


@pytest.mark.parametrize(
    ("change", "key", "sentence"),
    [
        (merge("toeplitz_matrix", "cross_correlate", True), "toeplitz_matrix", "stands in the cell 'cross_correlate'"),
        (merge("toeplitz_rows", "toeplitz_product"), "toeplitz_rows", "stands in the cell 'toeplitz_product'"),
        (split("cross_correlate", 0), "cross_correlate", LOST),
        (split("filters", 2), "filters", LOST),
        (both(retype("cross_correlate", kind=new_markdown_cell)), "cross_correlate", LOST),
        (
            both(retype("cross_correlate"), lambda nb: nb.cells.insert(3, new_code_cell("y = 5"))),
            "cross_correlate",
            LOST,
        ),
    ],
)
def test_code_that_shares_a_cell_or_has_several_runs_before_its_tests(change, key, sentence, honest, course, answers):
    change(honest)
    _, code, repairs = done(honest, course)
    first_test = next(n for n, cell in enumerate(course.cells[at(course, key) :]) if "assert_" in cell.source)
    test = course.cells[at(course, key) + first_test].source
    before = code[: code.index(test)]
    owed = names.owed(course.cells)[at(course, key)]
    assert owed <= frozenset().union(*map(names.bound, before))
    assert course.cells[at(course, key)].source not in code
    assert any(sentence in told for told in repairs), repairs


@pytest.mark.parametrize(
    "line",
    ["from conv import *", "%run conv.py", "from conv import cross_correlate", "cross_correlate = lambda a, b, c: a"],
)
def test_no_stub_is_put_behind_what_may_define_the_answer(line, honest, course):
    honest.cells[at(honest, "cross_correlate")] = new_code_cell(line)
    _, code, repairs = done(honest, course)
    assert line in code and course.cells[at(course, "cross_correlate")].source not in code
    assert not any("put back empty" in told for told in repairs)


def test_an_answer_with_a_syntax_error_is_taken_as_well(honest, course):
    place = at(honest, "cross_correlate")
    honest.cells[place] = new_code_cell("%%time\ndef cross_correlate(image, kernel, padding:\n    return 1")
    cells, _, repairs = done(honest, course)
    assert cells["cross_correlate"].source.startswith("%%time") and repairs == [f"The cell 'cross_correlate' {LOST}"]


@pytest.mark.parametrize("key", ["setup", "given"])
def test_imports_added_to_a_cell_of_the_course_run(key, honest, course):
    place = next(n for n, cell in enumerate(honest.cells) if cell.id == key)
    honest.cells[place].source = "import math\n" + honest.cells[place].source
    _, code, _ = done(honest, course)
    assert any("import math" in source.split("\n") for source in code)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (leave_blank("why_cnn", only="answer"), "Far fewer parameters"),
        (merge("why_cnn", "filters_words", behind=True), "Far fewer parameters"),
        (both(lambda nb: nb.cells.pop(at(nb, "why_cnn")), lambda nb: nb.cells.append(new_markdown_cell("Exercise 5: shared weights"))), "shared weights"),
        (both(lambda nb: nb.cells.pop(at(nb, "why_cnn")), lambda nb: nb.cells.insert(1, new_markdown_cell("They share weights."))), "They share weights."),
        (both(leave_blank("why_cnn", only="answer"), lambda nb: nb.cells.insert(at(nb, "text_toeplitz"), new_markdown_cell("And more."))), "And more."),
    ],
)  # fmt: skip
def test_a_text_that_may_be_the_answer_is_shown_and_waits(change, shown, honest, course):
    change(honest)
    cells, _, repairs = done(honest, course)
    assert waits(cells) == list(PROSE)
    assert "YOUR ANSWER HERE" in cells["why_cnn"].source and shown in cells["why_cnn"].source
    assert any("'why_cnn'" in told and "for a person to read" in told for told in repairs)


def test_an_answer_written_into_the_text_of_its_exercise_waits(honest, course):
    honest.cells.pop(at(honest, "padding_words"))
    honest.cells[at(honest, "text_padding")].source += "\n\nValid shrinks, same invents."
    cells, *_ = done(honest, course)
    assert "padding_words" in waits(cells) and "Valid shrinks, same invents." in cells["padding_words"].source


def test_pictures_near_an_empty_text_come_along_under_names_of_their_own(honest, course):
    leave_blank("why_cnn", only="answer")(honest)
    place = at(honest, "why_cnn") + 1
    for data in ("iVBORw0KGgo=", "iVBORw0KGgoA"):
        own = new_markdown_cell("![s](attachment:image.png)")
        own["attachments"] = {"image.png": {"image/png": data}}
        honest.cells.insert(place, own)
    cells, *_ = done(honest, course)
    pictures = {key: forms["image/png"] for key, forms in cells["why_cnn"].attachments.items()}
    assert pictures == {"1-image.png": "iVBORw0KGgoA", "2-image.png": "iVBORw0KGgo="}
    assert all(f"attachment:{key})" in cells["why_cnn"].source for key in pictures)


@pytest.mark.parametrize(
    "change", [lambda nb: None, lambda nb: nb.cells.append(new_code_cell("1 + 1")), lose_marks(False)]
)
def test_an_empty_text_with_nothing_near_it_is_zero(change, honest, course):
    for cell, blank in zip(honest.cells, course.cells, strict=True):
        if name(cell) in PROSE:
            cell.source = blank.source
    change(honest)
    cells, *_ = done(honest, course)
    assert waits(cells) == [] and {determine_grade(cells[key])[0] for key in PROSE} == {0}


def test_one_text_is_the_answer_to_one_question(honest, course, answers):
    """Two cells are missing, one text is there: it answers neither for sure."""
    for key in ("filters_words", "why_cnn"):
        honest.cells.pop(at(honest, key))
    honest.cells.insert(at(honest, "text_toeplitz"), new_markdown_cell("They share weights."))
    cells, *_ = done(honest, course)
    assert all("Near it stands" in cells[key].source for key in ("filters_words", "why_cnn"))


@pytest.mark.parametrize("place", ["text_paper", None])
def test_all_code_in_one_cell_answers_every_exercise(place, honest, course, answers):
    keys = [key for key in CODE if key in answers]
    source = "\n\n".join(honest.cells.pop(at(honest, key)).source for key in keys)
    honest.cells.insert(len(honest.cells) if place is None else at(honest, place), new_code_cell(source))
    _, code, repairs = done(honest, course)
    assert not any(course.cells[at(course, key)].source in code for key in keys), "a stub is run"
    assert not any("put back empty" in told for told in repairs), repairs
    # Where it stood behind the tests it may need what is defined before them, so it runs before each of them again.
    assert code.count(source) == (1 if place else len(keys))


def test_blank_copies_without_a_name_do_not_run(honest, course):
    stub = course.cells[at(course, "cross_correlate")].source
    honest.cells.insert(at(honest, "test_cross_correlate_visible"), new_code_cell(stub))
    _, code, repairs = done(honest, course)
    assert stub not in code and repairs == []


def test_a_course_with_no_text_of_its_own_in_stubs():
    """Where stubs say nothing, what the tests read is what is owed, and missing texts are taken in their order."""

    def marked(make, source, key, **marks):
        usual = {"grade": False, "solution": False, "locked": True, "schema_version": 3, "task": False}
        return make(source, metadata={"nbgrader": {**usual, "grade_id": key, **marks}})

    text, stub = "YOUR ANSWER HERE", "# YOUR CODE HERE\nraise NotImplementedError()"
    cells = [
        marked(new_code_cell, stub, "one", solution=True, locked=False),
        marked(new_code_cell, "import math\nassert one == math.floor(1.5)", "test_one", grade=True, points=1),
        marked(new_markdown_cell, text, "a", grade=True, solution=True, locked=False, points=1),
        marked(new_markdown_cell, text, "b", grade=True, solution=True, locked=False, points=1),
        marked(new_markdown_cell, "# The end of it", "end"),
    ]
    course = nbformat.v4.new_notebook(cells=cells)
    assert names.owed(course.cells) == {0: frozenset({"one"})}
    theirs = [
        new_code_cell("zero = 0\none = zero + 1"),
        cells[1],
        new_markdown_cell("Ah."),
        new_markdown_cell("Oh."),
        cells[4],
    ]
    found, *_ = done(nbformat.v4.new_notebook(cells=theirs), course)
    assert (found["one"].source, found["a"].source, found["b"].source) == (theirs[0].source, "Ah.", "Oh.")
    theirs[2:4] = [new_raw_cell("Ah.")]
    found, *_ = done(nbformat.v4.new_notebook(cells=theirs), course)
    assert "Ah." in found["a"].source and "Ah." in found["b"].source


def catalogue(course):
    other = nbformat.v4.new_notebook(cells=[new_markdown_cell("# Something quite different"), *course.cells[:1]])
    notebooks = {"by-hand": course, "other": other}
    templates = [
        recognising._template("convolutions", key, nb, recognising.answers_of(nb)) for key, nb in notebooks.items()
    ]
    return recognising.Catalogue("convolutions", tuple(templates), recognising.stub_marks())


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lose_marks(), "the grade_ids are gone; recognised by the ids of its cells"),
        (lose_marks(False), "the grade_ids are gone; recognised by the texts of its cells"),
        (both(lose_marks(False), end_lines("\r\n")), "the grade_ids are gone; recognised by the texts of its cells"),
        (retype("why_cnn"), f"1 of {CELLS} graded cells are missing or without their names; grading looks for them in the cells around"),
    ],
)  # fmt: skip
def test_collecting_recognises_a_notebook_and_sees_that_it_is_filled_in(change, note, honest, course):
    change(honest)
    known = catalogue(course)
    found = known.recognise_parsed(honest)
    assert (found.name, found.notes) == ("by-hand", (note,))
    assert not known.is_blank(found)


def test_a_blank_copy_is_blank_with_or_without_names(honest, course):
    blank = copy.deepcopy(course)
    for cell in blank.cells:
        cell.source = released_text(cell.source)
    known = catalogue(course)
    assert known.is_blank(known.recognise_parsed(blank))
    lose_marks(False)(blank)
    assert known.is_blank(known.recognise_parsed(blank))


def test_collecting_names_both_versions_of_python(honest, course):
    honest.metadata["language_info"] = {"name": "python", "version": "3.99.0"}
    known = catalogue(course)
    assert known.recognise_parsed(honest).notes == ()
    honest.cells[at(honest, "cross_correlate")].source = "def cross_correlate(image) => image"
    (note,) = known.recognise_parsed(honest).notes
    assert note.startswith("cross_correlate is no valid syntax in Python 3.1") and note.endswith("with Python 3.99")
