"""What is printed: model solutions with figures and marks, no hidden tests; and the questions alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pypdfium2
import pytest

from course_utils.errors import CourseError
from course_utils.stages.solutions import write_questions, write_solutions
from tests.support.engine import ROOT

FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2]); print('drawn beside', double(4))"


def cell(kind, source, grade_id="", **marks):
    about = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3, **marks}
    metadata = {"nbgrader": {"grade_id": grade_id, "cell_type": kind, **about}} if grade_id else {}
    made = {"cell_type": kind, "id": grade_id or f"c{len(source)}", "metadata": metadata, "source": source}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


@pytest.fixture
def course(tmp_path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    folder = tmp_path / "source" / "week"
    folder.mkdir(parents=True)
    answer = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
    visible = "'''Visible checks (1 point): two.'''\nassert double(2) == 4\nprint('passed')"
    hidden = "### BEGIN HIDDEN TESTS\nassert double(777) == 1554\n### END HIDDEN TESTS"
    task = "## Exercise 1: Double it (2 points)\n\n<details><summary>Hint</summary>Add.</details>"
    written = "Why is it so?\n\n### BEGIN SOLUTION\nBecause it is twofold.\n\n- [2] says so\n### END SOLUTION"
    cells = [
        cell("markdown", "# Doubling"),
        cell("code", "pixels = [4, 5]", "given", locked=True),
        cell("markdown", task, "text", locked=True),
        cell("code", answer, "double", solution=True),
        cell("code", visible, "test_double_visible", grade=True, points=1),
        cell("code", hidden, "test_double_hidden", grade=True, points=1),
        cell("code", FIGURE),
        cell("markdown", "*A line that rises.*"),
        cell("markdown", written, "why", grade=True, solution=True, points=2),
        cell("markdown", "### Reading a matrix (1 point)\n\nWhich entry is largest?"),
        cell("markdown", "## Reading\n\n- A book."),
    ]  # fmt: skip
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "first.ipynb").write_text(json.dumps(content))
    return tmp_path


def text_of(pdf: Path) -> str:
    return "\n".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf))


def test_solutions_have_answers_marks_and_figures_and_no_hidden_tests(course):
    printed = write_solutions(course, "week")
    assert printed.problems == () and printed.pdf == course / "printed" / "week-solutions.pdf"
    text = text_of(printed.pdf)
    for wanted in ("return 2 * x", "Because it is twofold", "Model answer [2 marks]", "Visible checks (1 point): two.",
                   "drawn beside 8", "A line that rises", "[2] says so"):  # fmt: skip
        assert wanted in text
    for unwanted in ("777", "BEGIN SOLUTION", "END HIDDEN", "assert double(2)", "plt.plot"):
        assert unwanted not in text
    (path,) = printed.notebooks
    notebook = nbformat.read(path, as_version=4)
    sources = "\n".join(cell.source for cell in notebook.cells)
    assert "777" not in sources and "SOLUTION" not in sources and "assert double(2) == 4" in sources
    assert any(output.get("data", {}).get("image/png") for cell in notebook.cells for output in cell.get("outputs", []))
    document = pypdfium2.PdfDocument(printed.pdf)
    assert any(item.type == 3 for page in document for item in page.get_objects())  # a picture


def test_the_sheet_has_the_questions_alone(course):
    printed = write_questions(course, "week")
    text = text_of(printed.pdf)
    for wanted in ("Double it (2 points)", "Why is it so?", "pixels = [4, 5]", "Which entry is largest?"):
        assert wanted in text
    for unwanted in ("twofold", "return 2", "assert", "Hint", "A line that rises", "A book", "plt"):
        assert unwanted not in text


def test_what_there_is_on_a_screen_only_is_not_spoken_of_on_paper(course):
    path = course / "source" / "week" / "first.ipynb"
    content = json.loads(path.read_text())
    task = next(cell for cell in content["cells"] if cell["id"] == "text")
    task["source"] = (
        "## Exercise 1: Double it (2 points)\n\nTwo is doubled. Move the slider. They show\nevery step. "
        "The next cell draws it.\n\n"
        "**Try it.** Move it to the end.\n\n- **Given** the slider of the figure, **enter** its place.\n"
        "- **Write** `double`; it takes `x.y`. Hidden tests use more.\n- **It is right when** the next cell prints\n"
        "  that it passed.\n- **It is right when** 4 becomes 8.\n\n$$x = 2.$$\n\n"
        "```python\n# the next cell prints this\n```"
    )
    path.write_text(json.dumps(content))
    text = text_of(write_questions(course, "week").pdf)
    for wanted in ("Two is doubled.", "Write double; it takes x.y.", "It is right when 4 becomes 8.", "prints this",
                   "A cell of the notebook draws it.", "enter its place"):  # fmt: skip
        assert wanted in text
    for unwanted in ("Move", "every step", "Hidden", "passed"):
        assert unwanted not in text


def test_operators_in_circles_are_set(course):
    path = course / "source" / "week" / "first.ipynb"
    path.write_text(path.read_text().replace("Because it is", r"$D \\odot H \\otimes G \\ominus 1 \\oplus 2$ is"))
    assert write_solutions(course, "week", run=False).problems == ()


def test_without_running_nothing_is_drawn(course):
    printed = write_solutions(course, "week", run=False)
    assert "drawn beside" not in text_of(printed.pdf)


def test_a_reference_that_stops_is_named_and_nothing_is_printed(course):
    path = course / "source" / "week" / "first.ipynb"
    path.write_text(path.read_text().replace("return 2 * x", "return 3 * x"))
    with pytest.raises(CourseError, match=r"^first: its reference stops: "):
        write_solutions(course, "week")
    assert not (course / "printed").exists()


def test_nothing_hidden_is_printed_whatever_a_course_calls_its_marks(course):
    config = course / "nbgrader_config.py"
    own = 'c.ClearHiddenTests.begin_test_delimeter = "# HIDE"\nc.ClearHiddenTests.end_test_delimeter = "# SHOW"\n'
    config.write_text(config.read_text() + own)
    path = course / "source" / "week" / "first.ipynb"
    notebook = json.loads(path.read_text())
    for each in notebook["cells"]:
        each["source"] = (
            each["source"].replace("### BEGIN HIDDEN TESTS", "# HIDE").replace("### END HIDDEN TESTS", "# SHOW")
        )
    stored = {"output_type": "stream", "name": "stdout", "text": "777 is tried"}
    next(each for each in notebook["cells"] if each["id"] == "test_double_hidden")["outputs"] = [stored]
    path.write_text(json.dumps(notebook))
    for run in (True, False):
        printed = write_solutions(course, "week", run=run)
        for text in (text_of(printed.pdf), printed.notebooks[0].read_text()):
            assert "double(777)" not in text and "777 is tried" not in text


def test_a_written_answer_without_marks_is_an_answer_as_a_whole(course):
    path = course / "source" / "week" / "first.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"].append(cell("markdown", "Since it is even.", "because", grade=True, solution=True, points=1))
    path.write_text(json.dumps(notebook))
    assert "Since it is even" not in text_of(write_questions(course, "week").pdf)
    assert "Since it is even" in text_of(write_solutions(course, "week", run=False).pdf)
