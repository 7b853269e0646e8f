"""Problem sheets: what is built of `sheets/NAME.toml`, what is refused, and what is kept of an instructor's edits."""

from __future__ import annotations

import ast
import json
import pickle
import re
import shutil
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from course_utils.classroom.roster import read_roster
from course_utils.command.app import app
from course_utils.errors import CourseError
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.names import is_python, without_magics
from course_utils.notebooks.recognising import NotebookError, read_catalogue
from course_utils.packing.examine import examine_folder
from course_utils.packing.manifest import Member
from course_utils.packing.pack import pack
from course_utils.packing.team import Team
from course_utils.platforms.olat.simulate import Folder, sheet_bytes, write_download
from course_utils.report import sheets as report
from course_utils.stages import autograde
from course_utils.stages.collect import collect
from course_utils.stages.release import release
from course_utils.stages.release_zip import in_order
from course_utils.stages.sheet import build_sheet
from course_utils.stages.sheet_file import names_of_sheets
from course_utils.stages.sheet_plan import _shared_out
from tests.support.engine import ROOT

SHEETS = names_of_sheets(ROOT)
SPECIFICATION = ROOT.parent / "shared" / "specs" / "coverage.csv"
# The letters of the items of each sheet.
LETTERS = {"exercise-2": "A", "ai6126-homework-1": "B", "homework-2": "C", "series-5": "D", "rdfia-2": "E"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A course folder with the sources and the sheets of this one."""
    course = tmp_path_factory.mktemp("sheets")
    for name in ("source", "sheets"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("nbgrader_config.py", "roster.csv"):
        shutil.copy(ROOT / name, course)
    (course / "tests").mkdir()
    (course / "tests" / "artifacts").symlink_to(ROOT / "tests" / "artifacts")
    return course


def cells_of(folder: Path) -> dict[str, list[dict]]:
    """Return the cells of each notebook, texts in one piece."""
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found[path.stem] = [{**cell, "source": "".join(cell["source"])} for cell in cells]
    return found


def own_course(place: Path, sheet: str, cells: dict[str, list[dict]]) -> Path:
    """Write a course with one notebook `one/…` for each entry, and the sheet `mine`."""
    (place / "source" / "one").mkdir(parents=True)
    (place / "sheets").mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", place)
    (place / "sheets" / "mine.toml").write_text(sheet, encoding="utf-8")
    for name, notebook in cells.items():
        content = {"cells": notebook, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (place / "source" / "one" / f"{name}.ipynb").write_text(json.dumps(content), encoding="utf-8")
    return place


def text(source: str, name: str = "") -> dict:
    """A text; with a name a locked one."""
    return _cell("markdown", source, name, locked=bool(name))


def code(source: str) -> dict:
    return _cell("code", source, "")


def answer(name: str, source: str) -> dict:
    return _cell("code", f"### BEGIN SOLUTION\n{source}\n### END SOLUTION", name, solution=True)


def checks(name: str, source: str, points: float, covers: str = "", hidden: bool = False) -> dict:
    source = f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS" if hidden else source
    first = f"{'Hidden tests' if hidden else 'Visible checks'} ({points:g} point{'' if points == 1 else 's'})."
    cell = _cell("code", f'"""{first}"""\n{source}', name, grade=True, points=points)
    return _covering(cell, covers)


def written(name: str, source: str, points: float, covers: str = "") -> dict:
    source = f"{source}\n\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    return _covering(_cell("markdown", source, name, grade=True, solution=True, points=points), covers)


def _covering(cell: dict, covers: str) -> dict:
    cell["metadata"]["course"] = {"covers": covers.split()}
    return cell


def _cell(kind: str, source: str, name: str, **marks) -> dict:
    about = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3, **marks}
    metadata = {"nbgrader": {"grade_id": name, "cell_type": kind, **about}} if name else {}
    identity = name or f"c{abs(hash((kind, source))) % 10**8}"
    cell = {"cell_type": kind, "id": identity, "metadata": metadata, "source": source}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


DOUBLING = [
    text("# Doubling\n\nWhat this is."),
    code("import math\nfrom fractions import Fraction"),
    text("## How to write numbers"),
    text("## Exercise 1: Doubling (1.5 points, about 10 minutes)\n\nWrite `double`.", "text_double"),
    answer("double", "def double(x):\n    return 2 * x"),
    checks("test_double_visible", "assert double(2) == 4", 1, "X1"),
    checks("test_double_hidden", "assert double(Fraction(1, 2)) == 1", 0.5, "X1", hidden=True),
    text("## Exercise 2: Twice (2 points, about 20 minutes)\n\nUse what you wrote in Exercise 1.", "text_twice"),
    answer("four", "def four(x):\n    return double(double(x))"),
    checks("test_four_visible", "assert four(1) == 4", 1, "X2"),
    code("print(four(3))"),
    text("*Twelve.*"),
    written("why", "### Written part of Exercise 2 (1 point)\n\nWhy? As in Exercise 3.", 1, "X2 X3"),
    text("## Exercise 3: Tripling (1 point, about 5 minutes)", "text_triple"),
    answer("triple", "triple = 3"),
    checks("test_triple_visible", "assert triple == 3", 1, "X4"),
    text("## Summary"),
    text("## Reading\n\n- A book."),
]


def sheet(questions: str, marks: float, more: str = "") -> str:
    return f'title = "Mine"\nmarks = {marks}\n{more}\n[[notebook]]\nname = "All"\nquestion = [\n{questions}\n]\n'


def built(tmp_path: Path, questions: str, marks: float, more: str = "", **notebooks):
    course = own_course(tmp_path, sheet(questions, marks, more), notebooks or {"doubling": DOUBLING})
    result = build_sheet(course, "mine")
    return result, cells_of(result.folder)["All"]


def names(cells: list[dict]) -> dict[str, float]:
    """Return the points of all grade cells."""
    about = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    return {each["grade_id"]: each["points"] for each in about if each.get("grade")}


# --- what is taken -----------------------------------------------------------------------------------------


def test_a_question_brings_its_text_its_answers_and_what_they_need(tmp_path):
    result, cells = built(tmp_path, '{ number = "7 a", items = ["X2"] },', 2)
    assert result.remarks == (
        "All: 'Twice' speaks of exercise 3 of one/doubling, which is not on the sheet; look at the text.",
        "All: no question asks for 'Doubling' of one/doubling, which others need (10 minutes without marks).",
    )
    headings = re.findall(
        r"^#+ .*", "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown"), re.M
    )
    assert [line for line in headings if "SOLUTION" not in line] == [
        "# All",
        "## How to write numbers",
        "## Preparation [no marks]: Doubling (about 10 minutes)",
        "## Question 7 a [2 marks]: Twice (about 20 minutes)",
        "### Written part [1 mark]",
        "## Reading: Doubling",
    ]
    # The visible check of what is needed stays, without points; its hidden tests go.
    assert names(cells) == {"test_double_visible": 0, "test_four_visible": 1, "why": 1}
    sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in cells}
    assert sources["test_double_visible"].startswith('"""Visible checks (no points)."""')
    assert "Use what you wrote in the preparation *Doubling*." in sources["text_twice"]
    assert "import math\nfrom fractions import Fraction" in [cell["source"] for cell in cells]


def test_a_figure_brings_the_answers_that_it_draws(tmp_path):
    figures = [{**cell, "source": cell["source"].replace("four(3)", "four(3), triple")} for cell in DOUBLING]
    _, cells = built(tmp_path, '{ number = "1", items = ["X2"] },', 2, doubling=figures)
    sources = [cell["source"] for cell in cells]
    figure = next(n for n, source in enumerate(sources) if source.startswith("print(four(3), triple)"))
    # It speaks of what is written below it, as a function may.
    assert next(n for n, source in enumerate(sources) if "triple = 3" in source) > figure


def test_a_notebook_that_is_asked_for_as_a_whole_is_taken_whole(tmp_path):
    _, cells = built(tmp_path, '{ number = "1", items = ["X1", "X2", "X4"] },', 4.5)
    assert [cell["id"] for cell in cells[2:-1]] == [cell["id"] for cell in DOUBLING[2:-2]]


def test_a_visible_check_with_a_hidden_part_stays_for_practice(tmp_path):
    both = "assert double(1) == 2\n### BEGIN HIDDEN TESTS\nassert double(9) == 18\n### END HIDDEN TESTS"
    partly = [
        cell if cell["id"] != "test_double_visible" else checks("test_double_visible", both, 1, "X1")
        for cell in DOUBLING
    ]
    _, cells = built(tmp_path, '{ number = "1", items = ["X2"] },', 2, doubling=partly)
    assert "test_double_visible" in names(cells) and "test_double_hidden" not in names(cells)


def test_a_helper_of_the_course_comes_without_the_task_beside_it(tmp_path):
    helper = [
        *DOUBLING[:3],
        text("## Exercise 1: Doubling (1 point)\n\nWrite `double`.", "text_double"),
        code("two = 2"),
        answer("double", "double = 4"),
        checks("test_double_visible", "assert double == 4", 1, "X1"),
        text("## Exercise 2: Twice (1 point)\n\nUse it, as in Exercise 1.", "text_twice"),
        answer("four", "four = 2 * two"),
        checks("test_four_visible", "assert four == 4", 1, "X2"),
    ]
    result, cells = built(tmp_path, '{ number = "1", items = ["X2"] },', 1, doubling=helper)
    sources = [cell["source"] for cell in cells]
    assert "two = 2" in sources and not any("Write `double`" in source or "double = 4" in source for source in sources)
    assert any("speaks of exercise 1 of one/doubling" in remark for remark in result.remarks)


def test_who_reads_is_told_where_a_rubric_counts_otherwise(tmp_path):
    _, cells = built(tmp_path, '{ number = "1", items = ["X2"], marks = 4 },', 4)
    (why,) = [cell["source"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == "why"]
    question, _, answer_ = why.partition("### BEGIN SOLUTION")
    assert "**2 marks here instead of 1:** multiply each number below by 2." in answer_
    assert "instead of" not in question and "[2 marks]" in question


def test_a_rubric_has_the_marks_of_the_sheet(tmp_path):
    rubric = "**Rubric**\n\n- [0.75] a\n- [0.25] b\n- [-0.5] c\n\n**Accepted**\n\n- [1] d\n### END SOLUTION"
    doubling = [
        {**cell, "source": cell["source"].replace("### END SOLUTION", rubric)} if cell["id"] == "why" else cell
        for cell in DOUBLING
    ]
    _, cells = built(tmp_path, '{ number = "1", items = ["X2"], marks = 4 },', 4, doubling=doubling)
    (why,) = [cell["source"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == "why"]
    assert "- [1.5] a\n- [0.5] b\n- [-1] c\n" in why and "- [1] d" in why and "instead of" not in why


def test_an_exercise_of_another_notebook_is_named_as_that_one(tmp_path):
    other = [
        text("# Other"),
        text("## Exercise 1: Other (1 point)\n\nAs in *doubling*, Exercise 1, and Exercise 1 of *doubling*.", "text_o"),
        answer("o", "o = 1"),
        checks("test_o_visible", "assert o", 1, "Y1"),
    ]
    questions = '{ number = "a", items = ["X1"] },\n{ number = "b", items = ["Y1"] },'
    _, cells = built(tmp_path, questions, 2.5, doubling=DOUBLING, other=other)
    assert any("As in Question a, and Question a." in cell["source"] for cell in cells)


def test_a_sheet_may_call_its_questions_otherwise_and_give_them_titles(tmp_path):
    questions = '{ number = "1", title = "Two times", items = ["X1"] },\n{ number = "2", items = ["X2"] },'
    _, cells = built(tmp_path, questions, 3.5, 'word = "Problem"')
    texts = "\n".join(cell["source"] for cell in cells)
    assert "## Problem 1 [1.5 marks]: Doubling" in texts and "Use what you wrote in Problem 1." in texts
    assert "| problem | what | marks |" in texts and "| 1 | Two times | 1.5 |" in texts
    assert "Question" not in texts


def test_hidden_tests_are_not_spoken_of_where_none_are(tmp_path):
    speaking = [
        {**cell, "source": cell["source"] + " It passes at 0.5. Hidden tests try `0.25`,\nand more. Look."}
        if cell["id"] == "text_double"
        else cell
        for cell in DOUBLING
    ]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _, cells = built(tmp_path / "a", '{ number = "1", items = ["X2"] },', 2, doubling=speaking)
    (prepared,) = [cell["source"] for cell in cells if cell["id"] == "text_double"]
    assert prepared.endswith("It passes at 0.5. Look.")
    _, cells = built(tmp_path / "b", '{ number = "1", items = ["X1"] },', 1.5, doubling=speaking)
    assert any("Hidden tests try `0.25`,\nand more." in cell["source"] for cell in cells)


def test_points_that_are_counted_each_leave_nothing_behind(tmp_path):
    counted = [
        {**cell, "source": cell["source"] + " Two values (1 point each), and a third (1 point)."}
        if cell["id"] == "text_twice"
        else cell
        for cell in DOUBLING
    ]
    _, cells = built(tmp_path, '{ number = "1", items = ["X2"], marks = 4 },', 4, doubling=counted)
    assert any("Two values, and a third." in cell["source"] for cell in cells)


def test_an_exercise_without_marks_is_no_bonus(tmp_path):
    steps = [
        text("# Steps"),
        text("## Exercise 1: Before (about 5 minutes)", "t1"),
        answer("y", "y = 1"),
        text("## Exercise 2: After (1 point)", "t2"),
        answer("z", "z = y"),
        checks("test_z_visible", "assert z", 1, "X1"),
    ]
    _, cells = built(tmp_path, '{ number = "1", items = ["X1"], bonus = true },', 0, "bonus = 1", first=steps)
    texts = "\n".join(cell["source"] for cell in cells)
    assert (
        "## Question 1, part 1 of 2 [no marks]: Before" in texts and "part 2 of 2 [1 mark as a bonus]: After" in texts
    )


def test_an_explanation_with_something_to_write_comes_where_that_is_read(tmp_path):
    own = [
        text("# Own"),
        text("## The data"),
        code("data = [1, 2]"),
        text("## Your own loop\n\nCopy it."),
        answer("loop", "def loop():\n    return 3"),
        text("## Exercise 1: Reads it (1 point)", "t1"),
        answer("y", "y = loop()"),
        checks("test_y_visible", "assert y == 3", 1, "X1"),
        text("# A part of its own"),
        text("# Another part"),
        text("## Exercise 2: Does not (1 point)", "t2"),
        answer("z", "z = data[0]"),
        checks("test_z_visible", "assert z", 1, "X2"),
    ]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for place, item, there in (("a", "X1", True), ("b", "X2", False)):
        _, cells = built(tmp_path / place, f'{{ number = "1", items = ["{item}"] }},', 1, own=own)
        texts = "\n".join(cell["source"] for cell in cells)
        assert ("Copy it." in texts) is there and ("return 3" in texts) is there
        assert "data = [1, 2]" in texts and "A part of its own" not in texts


def test_a_figure_to_play_with_whose_names_are_taken_later_is_told(tmp_path):
    playing = [*DOUBLING[:6], code("size = 3\n@play(n=1)\ndef show(n):\n    return double(size)"), DOUBLING[6]]
    other = [text("# Other"), text("## Exercise 1: Other (1 point)", "text_o"), answer("size", "size = 1"),
             checks("test_o_visible", "assert size", 1, "Y1")]  # fmt: skip
    questions = '{ number = "a", items = ["X1"] },\n{ number = "b", items = ["Y1"] },'
    result, _ = built(tmp_path, questions, 2.5, doubling=playing, other=other)
    assert any(
        "can be moved until a cell further down gives `size` to something else" in each for each in result.remarks
    )


def test_practice_keeps_the_rest_of_an_exercise_without_marks(tmp_path):
    question = '{ number = "1", cells = ["one/doubling:test_four_visible"] },'
    _, cells = built(tmp_path, question, 1, "practice = true")
    assert names(cells) == {"test_double_visible": 0, "test_four_visible": 1, "why": 0}


def test_a_cell_of_two_questions_counts_for_the_first_item_it_names(tmp_path):
    questions = '{ number = "1", items = ["X3", "X4"] },\n{ number = "2", items = ["X2"] },'
    result, _ = built(tmp_path, questions, 3)
    assert [row.cells for row in result.rows] == [
        (("test_triple_visible", 1),),
        (("test_four_visible", 1), ("why", 1)),
    ]


def test_marks_are_shared_out_in_proportion_and_add_up(tmp_path):
    questions = '{ number = "1", items = ["X1"], marks = 5 },\n{ number = "2", items = ["X2"], marks = 1 },'
    result, cells = built(tmp_path, questions, 6)
    assert names(cells) == {"test_double_visible": 3, "test_double_hidden": 2, "test_four_visible": 0.5, "why": 0.5}
    texts = [cell["source"] for cell in cells]
    assert any(each.startswith('"""Visible checks (3 points)') for each in texts)
    assert any("### Written part [0.5 marks]" in each for each in texts)
    assert sum(marks for row in result.rows for _, marks in row.cells) == 6


def test_marks_on_paper_leave_the_checks_as_practice(tmp_path):
    _, cells = built(tmp_path, '{ number = "1", items = ["X2"], marks = 3, counts = "paper" },', 3)
    assert names(cells) == {"test_double_visible": 0, "test_four_visible": 0, "why": 3}


def test_what_two_notebooks_call_the_same_is_kept_apart(tmp_path):
    other = [
        text("# Other"),
        code("from statistics import mean as math"),
        text("## Exercise 1: Mean (1 point)", "text_mean"),
        answer("middle", "middle = math([1, 3])"),
        checks("test_double_visible", "assert middle == 2", 1, "Y1"),
    ]
    uses = [
        *DOUBLING[:3],
        text("## Exercise 1: Root (1 point)", "text_root"),
        answer("root", "root = math.isqrt(9)"),
        checks("test_double_visible", "assert root == 3", 1, "X1"),
    ]
    questions = '{ number = "1", items = ["X1"] },\n{ number = "2", items = ["Y1"] },'
    _, cells = built(tmp_path, questions, 2, doubling=uses, other=other)
    names_there: dict[str, object] = {}
    for cell in cells:  # as a notebook runs
        if cell["cell_type"] == "code":
            exec(cell["source"], names_there)
    assert list(names(cells)) == ["test_double_visible", "other_test_double_visible"]


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("questions", "marks", "more", "sentence"),
    [
        ('{ number = "1", items = ["X1"] },', 3, "", "marks = 3, but the questions add up to 1.5: 1.5 (1)."),
        ('{ number = "1", items = ["X1"], bonus = true },', 0, "bonus = 2", "bonus = 2, but the questions add up to 1"),
        ('{ number = "1", items = ["X11"] },', 1, "", "no cell of source/ covers the item 'X11'. Do you mean 'X1'?"),
        ('{ number = "1", cells = ["one/doubling:test_for"] },', 1, "", "no grade cell 'test_for'. Do you mean 'test_"),
        ('{ number = "1", cells = ["one/dubling:why"] },', 1, "", "Do you mean 'one/doubling'?"),
        ('{ number = "1", items = ["X2"] },\n{ number = "2", items = ["X3"] },', 2, "",
         "question 2: all its cells belong to question 1; make one question of them."),
        ('{ number = "1", items = ["X1"] },\n{ number = "1", items = ["X2"] },', 2, "", "question '1' is there twice"),
        ('{ number = "1", items = ["X1"], marks = 0.25 },', 0.25, "", "can't be shared out among 2 cells"),
        ('{ number = "1", item = ["X1"] },', 1, "", "there is no setting 'item'. Do you mean 'items'?"),
        ('{ number = "1", items = "X1" },', 1, "", "items = 'X1' must be a list."),
        ('{ number = "1", items = ["X1"], counts = "paper" },', 1.5, "", "none of its cells is read by a person"),
        ('{ items = ["X1"] },', 1, "", "'number' is missing."),
        ('{ number = "1", items = ["X1"] },', 1.5, "dead_line = 3", "Do you mean 'deadline'?"),
        ('{ number = "1", items = ["X1"] },', 1.5, 'deadline = "07.12.2026"', "A date and time must look like"),
        ('{ number = 1', 1.5, "", "sheets/mine.toml can't be read"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_sheet_is_a_sentence_and_nothing_is_written(tmp_path, questions, marks, more, sentence):
    course = own_course(tmp_path, sheet(questions, marks, more), {"doubling": DOUBLING})
    with pytest.raises(CourseError) as raised:
        build_sheet(course, "mine")
    assert sentence in str(raised.value) and "mine.toml" in str(raised.value)
    assert not (course / "source" / "mine").exists()


def test_a_sheet_is_not_built_into_an_assignment_of_its_own(tmp_path):
    course = own_course(tmp_path, "", {"doubling": DOUBLING})
    (course / "sheets" / "one.toml").write_text(sheet('{ number = "1", items = ["X1"] },', 1.5))
    shutil.copytree(course / "source" / "one", course / "source" / "two")
    before = (course / "source" / "one" / "doubling.ipynb").read_text()
    with pytest.raises(CourseError, match=r"source/one is an assignment of its own: doubling\.ipynb is of no sheet"):
        build_sheet(course, "one")
    assert [path.name for path in (course / "source" / "one").iterdir()] == ["doubling.ipynb"]
    assert (course / "source" / "one" / "doubling.ipynb").read_text() == before


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(tmp_path):
    course = own_course(tmp_path, sheet('{ number = "1", items = ["X1"] },', 1.5), {"doubling": DOUBLING})
    with pytest.raises(CourseError, match=r"There is no sheets/min\.toml; there are: mine\."):
        build_sheet(course, "min")


def test_a_name_that_another_notebook_takes_in_between_is_refused(tmp_path):
    other = [text("# Other"), text("## Exercise 1: Other (1 point)", "t"), answer("a", "def double(x):\n    return x"),
             checks("test_other", "assert double(1) == 1", 1, "Y1")]  # fmt: skip
    first = '{ number = "1", items = ["X1"] },\n{ number = "2", items = ["Y1"] },\n{ number = "3", items = ["X2"] },'
    course = own_course(tmp_path, sheet(first, 4.5), {"doubling": DOUBLING, "other": other})
    with pytest.raises(
        CourseError, match="All: four of one/doubling needs `double` of double, and a cell of one/other before it"
    ):
        build_sheet(course, "mine")


def test_what_two_notebooks_begin_with_alike_stands_there_once(tmp_path):
    begin = [text("# Both"), text("## What all share"), code("KEPT = 3\ndef help(x):\n    return x + KEPT")]

    def part(number, item):
        return [text(f"## Exercise {number}: Use (1 point)", f"t{item}"),
                answer(item, f"def {item}():\n    return help(1)"),
                checks(f"test_{item}", f"assert {item}() == 4", 1, item.upper())]  # fmt: skip

    first, second = begin + part(1, "x1") + part(2, "x2"), begin + part(1, "y1")
    asked = ", ".join(f'{{ number = "{item}", items = ["{item}"] }}' for item in ("X1", "Y1", "X2"))
    cells = built(tmp_path, asked, 3, first=first, second=second)[1]
    assert sum("def help" in cell["source"] for cell in cells) == 1
    assert sum("What all share" in cell["source"] for cell in cells) == 1
    assert [cell["id"] for cell in cells if cell["id"].startswith("test_")] == ["test_x1", "test_y1", "test_x2"]

    changed = [*begin[:2], code("KEPT = 3\ndef help(x):\n    return 3 + x"), *part(1, "y1")]
    with pytest.raises(CourseError, match="needs `help` of"):
        built(tmp_path / "other", asked, 3, first=first, second=changed)


def test_notebooks_that_cover_one_item_stand_in_the_order_in_which_they_are_worked_on(tmp_path):
    parts = {
        name: [text(f"# {name}"), text(f"## Exercise 1: {name} (1 point)", f"t_{name}"),
               answer(name, f"def {name}():\n    return 4"), checks(f"test_{name}", f"assert {name}() == 4", 1, "X1")]
        for name in ("after", "before")
    }  # fmt: skip
    course = own_course(tmp_path, sheet('{ number = "1", items = ["X1"] }', 2), parts)
    for order in (["after", "before"], ["before", "after"]):
        (course / "source" / "order.json").write_text(json.dumps({"one": order}))
        shutil.rmtree(course / "source" / "mine", ignore_errors=True)
        cells = cells_of(build_sheet(course, "mine").folder)["All"]
        assert [cell["id"] for cell in cells if cell["id"].startswith("test_")] == [f"test_{name}" for name in order]


def test_a_function_that_calls_what_another_notebook_defines_anew_is_refused(tmp_path):
    first = [
        text("# First"),
        text("## Exercise 1: Help (1 point)", "t1"),
        answer("helper", "def helper():\n    return 1\ndef f():\n    return helper()"),
        checks("test_f_visible", "assert f() == 1", 1, "X1"),
        text("## Exercise 2: Use (1 point)", "t2"),
        answer("g", "def g():\n    return f()"),
        checks("test_g_visible", "assert g() == 1", 1, "X2"),
    ]
    second = [text("# Second"), text("## Exercise 1: Other (1 point)", "t3"),
              answer("o", "def helper():\n    return 2"),
              checks("test_o_visible", "assert helper() == 2", 1, "Y1")]  # fmt: skip
    asked = '{ number = "1", items = ["X1"] },\n{ number = "2", items = ["Y1"] },\n{ number = "3", items = ["X2"] },'
    course = own_course(tmp_path, sheet(asked, 3), {"first": first, "second": second})
    with pytest.raises(CourseError, match="needs `helper` of helper, and a cell of one/second before it"):
        build_sheet(course, "mine")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("y = 2", "y += 1"),
        ("y = 2", "for i in range(2):\n    y = y + i"),
        ("y = 2", "%%time\nz = y"),
        ("y = {}", "y['a'] = 2"),
        ("def y(): return 2", "def z(old=y): return old"),
        ("y = [1]", "class A:\n    y = y"),
    ],
)
def test_what_a_cell_needs_is_seen_however_it_is_written(tmp_path, before, after):
    cells = [
        text("# First"),
        text("## Exercise 1: Begin (1 point)", "t1"),
        answer("y", before),
        checks("test_y_visible", "assert y", 1, "X1"),
        text("## Exercise 2: Go on (1 point)", "t2"),
        answer("z", after),
        checks("test_z_visible", f"assert {'y' if after[:1] == 'y' else 'True'}", 1, "X2"),
    ]
    cells[-1] = checks("test_z_visible", "assert (z if 'z' in dir() else y)", 1, "X2")
    _, built_cells = built(tmp_path, '{ number = "1", items = ["X2"] },', 1, first=cells)
    assert any(before in cell["source"] for cell in built_cells)


def test_tasks_endings_and_listings(tmp_path):
    """A task has marks as a written answer has; an exercise may be called Summary; a comment is no heading."""
    task = _covering(
        _cell(
            "markdown", "Draw it.\n\n### BEGIN MARK SCHEME\nAll\n### END MARK SCHEME", "drawing", task=True, points=2
        ),
        "X2",
    )
    cells = [
        text("# First"),
        text("## Exercise 1: Summary (1 point)\n\n```python\n# Load data (1 point)\nx = 1\n```", "t1"),
        answer("y", "y = 1"),
        checks("test_y_visible", "assert y", 1, "X1"),
        text("### Why (and how)"),
        task,
    ]
    result, made = built(
        tmp_path, '{ number = "1", items = ["X1"] },\n{ number = "2", items = ["X2"], marks = 4 },', 5, first=cells
    )
    sources = "\n".join(cell["source"] for cell in made)
    assert "# Load data (1 point)\nx = 1" in sources and "### Why (and how)" in sources
    assert [row.cells for row in result.rows] == [(("test_y_visible", 1),), (("drawing", 4),)]
    assert next(c for c in made if c["id"] == "drawing")["metadata"]["nbgrader"]["points"] == 4


def test_setup_cells_that_clash_or_hold_magics_still_run(tmp_path):
    def notebook(setup, name, item):
        return [text(f"# {name}"), code(setup), text(f"## Exercise 1: {name} (1 point)", f"t{name}"),
                answer(name, f"{name} = load"), checks(f"test_{name}_visible", f"assert {name}", 1, item)]  # fmt: skip

    one = notebook("%matplotlib inline\nfrom json import loads as load\nDATA = load('3')", "a", "X1")
    two = notebook("from pickle import loads as load", "b", "Y1")
    questions = '{ number = "1", items = ["X1"] },\n{ number = "2", items = ["Y1"] },'
    _, cells = built(tmp_path, questions, 2, one=one, two=two)
    there: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(without_magics(cell["source"]), there)
    assert there["DATA"] == 3 and there["a"] is json.loads and there["b"] is pickle.loads


def test_marks_are_shared_out_exactly_and_in_proportion():
    random = Random(0)
    for _ in range(2000):
        points = {("n", k): random.choice([0.25, 0.5, 1, 1.5, 3]) for k in range(random.randint(1, 12))}
        marks = random.randint(len(points), 60) / 4
        shares = _shared_out(points, marks)
        assert sum(shares.values()) == marks and min(shares.values()) >= 0.25
        largest, smallest = (pick(points, key=points.get) for pick in (max, min))
        assert shares[largest] >= shares[smallest]
    assert list(_shared_out({("n", 0): 1, ("n", 1): 5}, 3).values()) == [0.5, 2.5]
    assert list(_shared_out({("n", 0): 0, ("n", 1): 0}, 2).values()) == [1, 1]


def test_files_of_two_assignments_that_differ_under_one_name_are_refused(tmp_path):
    course = own_course(tmp_path, "", {"doubling": DOUBLING})
    shutil.copytree(course / "source" / "one", course / "source" / "two")
    for name, content in (("one", "a"), ("two", "b")):
        (course / "source" / name / "hidden").mkdir()
        (course / "source" / name / "hidden" / "key.py").write_text(content)
    questions = (
        '{ number = "1", cells = ["one/doubling:why"] },\n{ number = "2", cells = ["two/doubling:test_four_visible"] },'
    )
    (course / "sheets" / "mine.toml").write_text(sheet(questions, 2))
    with pytest.raises(CourseError, match=r"two and one both have a file 'hidden/key\.py', and they differ"):
        build_sheet(course, "mine")


# --- building again ----------------------------------------------------------------------------------------


def test_what_an_instructor_changed_stays_when_the_sheet_is_built_again(tmp_path):
    course = own_course(tmp_path, sheet('{ number = "1", items = ["X1"] },', 1.5), {"doubling": DOUBLING})
    result = build_sheet(course, "mine")
    path = result.folder / "All.ipynb"
    before = path.read_text()
    assert build_sheet(course, "mine").remarks == () and path.read_text() == before

    notebook = json.loads(before)
    edited = next(
        cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == "text_double"
    )
    edited["source"] = "## Question 1: Write it on the board"
    at = notebook["cells"].index(edited)
    notebook["cells"].insert(at + 1, text("A remark of my own."))
    path.write_text(json.dumps(notebook))
    (course / "sheets" / "mine.toml").write_text(
        sheet('{ number = "1", items = ["X1"] },\n{ number = "2", items = ["X2"] },', 3.5)
    )
    result = build_sheet(course, "mine")
    cells = [cell["source"] for cell in cells_of(result.folder)["All"]]
    assert "## Question 1: Write it on the board" in cells and any("Twice" in each for each in cells)
    assert cells.index("A remark of my own.") == cells.index("## Question 1: Write it on the board") + 1
    told = "\n".join(result.remarks)
    assert "All, your text of '## Question 1: Write it on the board' was kept" in told
    assert "All, a cell of yours was kept: 'A remark of my own.'" in told
    again = build_sheet(course, "mine")
    assert [cell["source"] for cell in cells_of(again.folder)["All"]] == cells


def test_copies_orphans_and_marks_of_a_rebuild(tmp_path):
    """A cell that was copied stays one's own, one whose question is gone is graded no more, marks are the sheet's."""
    two = '{ number = "1", items = ["X1"] },\n{ number = "2", items = ["X2"] },'
    course = own_course(tmp_path, sheet(two, 3.5), {"doubling": DOUBLING})
    path = build_sheet(course, "mine").folder / "All.ipynb"
    notebook = json.loads(path.read_text())
    by_id = {cell["id"]: cell for cell in notebook["cells"]}
    copied = json.loads(json.dumps(by_id["text_twice"])) | {"id": "copied", "source": "My copy."}
    notebook["cells"].insert(notebook["cells"].index(by_id["text_twice"]) + 1, copied)
    by_id["test_double_visible"]["metadata"]["nbgrader"]["points"] = 7
    by_id["why"]["source"] = by_id["why"]["source"].replace("Why?", "Why, really?")
    path.write_text(json.dumps(notebook))
    told = "\n".join(build_sheet(course, "mine").remarks)
    assert "a cell of yours was kept: 'My copy.'" in told
    assert "has the marks of the sheet, 1, and not 7 any more" in told
    cells = {cell["id"]: cell for cell in cells_of(path.parent)["All"]}
    assert "Why, really?" in cells["why"]["source"] and "nbgrader" not in cells["copied"]["metadata"]
    assert "Use what you wrote in Question 1." in cells["text_twice"]["source"]

    (course / "sheets" / "mine.toml").write_text(sheet('{ number = "1", items = ["X1"] },', 1.5))
    told = "\n".join(build_sheet(course, "mine").remarks)
    assert "was kept: '### Written part [1 mark]'; it is not graded any more" in told
    assert names(cells_of(path.parent)["All"]) == {"test_double_visible": 1, "test_double_hidden": 0.5}


def test_an_edit_of_what_has_changed_at_its_origin_is_told(tmp_path):
    course = own_course(tmp_path, sheet('{ number = "1", items = ["X1"] },', 1.5), {"doubling": DOUBLING})
    path = build_sheet(course, "mine").folder / "All.ipynb"
    path.write_text(path.read_text().replace("Write `double`.", "Write `double` now."))
    origin = course / "source" / "one" / "doubling.ipynb"
    origin.write_text(origin.read_text().replace("Write `double`.", "Write `double`, please."))
    (told,) = build_sheet(course, "mine").remarks
    assert "was kept; built anew it would begin '## Question 1 [1.5 marks]: Doubling (about 10 minutes)', and" in told
    assert "Write `double` now." in path.read_text()


def test_the_line_of_the_deadline_is_printed_until_it_is_there(tmp_path):
    course = own_course(tmp_path, sheet('{ number = "1", items = ["X1"] },', 1.5, 'deadline = "2026-11-30 23:59"'),
                        {"doubling": DOUBLING})  # fmt: skip
    command = ["sheet", "mine", "--course", str(course)]
    assert "Its deadline counts once" in CliRunner().invoke(app, command).output
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + '\nc.Deadlines.due = {"mine": "2026-12-01 23:59"}\n')
    assert "Its deadline counts once" in CliRunner().invoke(app, command).output
    config.write_text(config.read_text() + '\nc.Deadlines.due["mine"] = "2026-11-30 23:59"\n')
    assert "Its deadline counts once" not in CliRunner().invoke(app, command).output


# --- the sheets that are shipped ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHEETS)
def test_a_shipped_sheet_asks_for_every_item_of_its_seed(shipped, name):
    result = build_sheet(shipped, name)
    # No text of it means another notebook; what is told is what takes time without marks.
    assert all("which others need" in remark for remark in result.remarks), "\n".join(result.remarks)
    asked = {item for part in result.sheet.notebooks for question in part.questions for item in question.items}
    if not SPECIFICATION.exists():
        pytest.skip("the specification of the items is not on this machine")
    lines = SPECIFICATION.read_text(encoding="utf-8").splitlines()[1:]
    wanted = {line.partition(",")[0] for line in lines if line[0] == LETTERS[name]} - {"A.sub"}
    assert asked == wanted
    total = sum(row.marks for row in result.rows if not row.bonus)
    assert total == result.sheet.marks == sum(m for row in result.rows if not row.bonus for _, m in row.cells)
    for cells in cells_of(result.folder).values():
        about = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells]
        found = [grade_id for grade_id in about if grade_id]
        assert len(found) == len(set(found))


@pytest.mark.parametrize("name", SHEETS)
def test_tests_and_answers_of_a_sheet_are_those_of_the_notebooks_that_the_banks_try(shipped, name):
    """What of their code differs are texts alone: the names of exercises, and points."""
    origins = {}
    for path in (ROOT / "source").glob("*/*.ipynb"):
        for cell in cells_of(path.parent)[path.stem]:
            origins[f"{path.parent.name}/{path.stem}:{cell['id']}"] = cell["source"]
    for cells in cells_of(build_sheet(shipped, name).folder).values():
        for cell in cells:
            if cell["cell_type"] == "code" and "nbgrader" in cell["metadata"] and is_python(cell["source"]):
                origin = kinds.course(cell)["sheet"]["from"]
                mine = next(source for key, source in origins.items() if origin in (key, _with_prefix(key)))
                assert _without_texts(cell["source"]) == _without_texts(mine)


def _with_prefix(key: str) -> str:
    """Return how a cell is named whose id was taken on the sheet."""
    source, _, identity = key.partition(":")
    return f"{source}:{source.partition('/')[2]}-{identity}"[: len(source) + 1 + 64]


def _without_texts(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


@pytest.mark.parametrize("name", SHEETS)
def test_groups_hand_a_sheet_in_through_openolat_and_marks_are_exact(shipped, tmp_path, name, request):
    """The reference earns every mark of the checks, the blank none; what a person reads waits."""
    if name != "ai6126-homework-1" and not request.config.getoption("--every-sheet"):
        pytest.skip("half a minute of two cores for each sheet: only with --every-sheet")
    sheet = build_sheet(shipped, name)
    released = release(shipped, name)
    assert sorted(path.stem for path in released.glob("*.ipynb")) == sorted(part.name for part in sheet.sheet.notebooks)
    assert not any("BEGIN SOLUTION" in path.read_text() for path in released.glob("*.ipynb"))
    roster = "student_id,user_name,last_name,first_name,email,matriculation_number,group\n"
    roster += "r1,r1,Reference,Rita,,1000001,Gruppe 1\nr2,r2,Reference,Rob,,1000002,Gruppe 1\n"
    (shipped / "roster.csv").write_text(roster + "b1,b1,Blank,Bea,,1000003,Gruppe 2\n")
    people = read_roster(shipped)
    folders = []
    for number, (group, folder) in enumerate(zip(people.groups, (sheet.folder, released), strict=True)):
        place = tmp_path / f"student-{number}" / name
        shutil.copytree(folder, place, ignore=shutil.ignore_patterns("hidden"))
        shutil.copy(released / "assignment.json", place) if (released / "assignment.json").exists() else None
        if number == 0:
            for origin in {source.partition("/")[0] for source in origins_of(sheet.folder)}:
                trained = ROOT / "tests" / "artifacts" / origin
                if trained.is_dir():
                    shutil.copytree(trained, place / "artifacts", dirs_exist_ok=True)
        team = Team(group.name, tuple(Member(s.name, s.matriculation_number) for s in group.members))
        packed = pack(examine_folder(place, name), team, with_pdf=False).path
        folders.append(
            Folder(f"Gruppe_{number + 1}_{98304 + number}", {"1_submissions": {packed.name: packed.read_bytes()}})
        )
    download = write_download(tmp_path / "groups.zip", folders, sheet=sheet_bytes(people.students, {}, form="v2"))
    collect(shipped, name, [download])
    rows = {row.student_id: row for row in autograde.autograde(shipped, name)}
    automatic = [
        cell["metadata"]["nbgrader"]["points"]
        for cells in cells_of(sheet.folder).values()
        for cell in cells
        if kinds.is_test(cell)
    ]
    bonus = sum(row.marks for row in sheet.rows if row.bonus)
    assert [rows[owner.owner_id].points for owner in people.groups] == [sum(automatic), 0]
    assert {row.max_points for row in rows.values()} <= {sheet.sheet.marks, sheet.sheet.marks + bonus}
    assert all(not row.problem for row in rows.values())


def origins_of(folder: Path) -> set[str]:
    """Return the notebooks that a sheet was built from."""
    return {
        source
        for path in folder.glob("*.ipynb")
        for source in json.loads(path.read_text(encoding="utf-8"))["metadata"]["course"]["from"]
    }


def test_the_notebooks_of_a_sheet_are_listed_in_its_order(shipped):
    assert in_order(shipped, "series-5", ["Problem_4", "Problems_1-3", "added"]) == [
        "Problems_1-3",
        "Problem_4",
        "added",
    ]


def test_a_hand_in_is_of_the_sheet_where_the_sheet_is_collected(shipped):
    """A notebook that is on a sheet as a whole has the same cells in both assignments."""
    folder = build_sheet(shipped, "exercise-2").folder
    both = [
        (folder / "Task_2.5.ipynb").read_bytes(),
        (shipped / "source/depthwise/depthwise-separable.ipynb").read_bytes(),
    ]
    assert [read_catalogue(shipped, "exercise-2").recognise(content).name for content in both] == ["Task_2.5"] * 2
    names = [read_catalogue(shipped, "depthwise").recognise(content).name for content in both]
    assert names == ["depthwise-separable"] * 2
    with pytest.raises(NotebookError, match=r"not part of|could be"):
        read_catalogue(shipped, "losses").recognise(both[0])


def test_the_page_of_the_sheets_is_what_they_say():
    page = (ROOT / "docs" / "sheets.md").read_text(encoding="utf-8")
    assert page.partition(report.BEGIN)[2] == "\n\n" + report.tables(ROOT), "run `course sheet --table`"
