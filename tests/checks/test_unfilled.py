"""What a student reads when a check meets a cell that is not filled in."""

from __future__ import annotations

import ast

import nbformat
import pytest
from nbclient import NotebookClient

from course_utils import checks
from course_utils.checks.unfilled import is_check
from course_utils.notebooks import cells as kinds
from tests.support.engine import SOURCE

STUB = "def double(x):\n    raise NotImplementedError()"
NESTED = "def helper():\n    return missing\n\ndef double(x):\n    return helper()"
CHECK = '"""Visible checks (1 point): twice the number."""\nassert double(2) == 4'


def outputs(tmp_path, *cells):
    """Run cells in Jupyter, going on after errors; return the error of each, or None."""
    sources = ["import course_utils.checks", *cells]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])
    NotebookClient(
        notebook,
        startup_timeout=600,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    errors = [[output for output in cell.outputs if output.output_type == "error"] for cell in notebook.cells]
    return [error[0] if error else None for error in errors][1:]


def test_a_function_or_a_name_that_is_missing_is_called_by_name(tmp_path):
    _, stub, name = outputs(tmp_path, STUB, CHECK, '"""Visible checks (1 point)."""\nassert answer == 4')
    assert stub.ename == "NotImplementedError"
    assert stub.traceback == [
        "double is not written yet: replace `raise NotImplementedError()` in its cell, and run that cell."
    ]
    assert name.ename == "NameError"
    assert name.traceback == ["answer is not defined yet. Is its cell filled in, and has it run without an error?"]


def test_other_errors_and_a_students_own_cells_are_shown_as_always(tmp_path):
    own, _, nested, _, other, bare = outputs(
        tmp_path, "unknown + 1", NESTED, CHECK, "def double(x):\n    return x / 0", CHECK, "raise NotImplementedError()"
    )
    assert "unknown" in "".join(own.traceback) and len(own.traceback) > 1
    assert len(nested.traceback) > 2, "the student sees where in the own function the name is missing"
    assert other.ename == "ZeroDivisionError" and len(other.traceback) > 2
    assert bare.ename == "NotImplementedError" and len(bare.traceback) > 1


def test_a_library_that_lacks_something_is_not_taken_for_a_cell(tmp_path):
    _, check = outputs(tmp_path, "from asyncio import AbstractEventLoop\ndouble = AbstractEventLoop().call_soon", CHECK)
    assert check.ename == "NotImplementedError" and len(check.traceback) > 1


@pytest.mark.parametrize("text", ["raise NotImplementedError('later')", "raise NotImplementedError"])
def test_a_reason_of_the_students_own_is_kept(tmp_path, text):
    _, check = outputs(tmp_path, f"def double(x):\n    {text}", CHECK)
    assert ("later" in "".join(check.traceback)) is ("later" in text)
    assert (len(check.traceback) == 1) is ("later" not in text)


@pytest.mark.parametrize(
    "title", ['"""Prüfung, die man sieht (0,5 Punkte)."""', '"""Visible check (1 point): twice."""', ""]
)
def test_the_title_of_a_check_may_be_in_any_words(tmp_path, title):
    _, stub = outputs(
        tmp_path, STUB, f"{title}\nfrom course_utils.checks import assert_equal\nassert_equal(double(2), 4, 'd')"
    )
    assert stub.traceback == [
        "double is not written yet: replace `raise NotImplementedError()` in its cell, and run that cell."
    ]


def test_an_answer_that_asserts_something_is_no_check(tmp_path):
    own = "def half(x):\n    assert x > 0\n    return missing"
    *_, error = outputs(tmp_path, own, "half(2)")
    assert len(error.traceback) > 2


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("assert answer == 4", True),
        ("for x in (1, 2):\n    checks.assert_equal(f(x), 4, 'f(x)')", True),
        ("assert_equal(f(x), 4, 'f(x)')", True),
        ("checks.assert_equal", False),
        ("checks.nothing(f(x))", False),
        ("assert_mine(f(x))", False),
        ("mine.assert_equal(f(x))", False),
        ("def f(x):\n    assert x\nassert_later = lambda: assert_equal(1, 1, 'x')", False),
        ('"""Visible checks (1 point)."""\nprint(1)', False),
        ("if x:\nassert", False),
        ("\0", False),
        ("(" * 5000, False),
    ],
)
def test_a_check_is_known_by_what_it_runs(source, found):
    class Trap:
        def __getattr__(self, name):
            raise AssertionError("nothing of the student's is asked")

    names = {"checks": checks, "assert_equal": checks.assert_equal, "assert_mine": lambda _: None, "mine": Trap()}
    assert is_check(source, names) is found


@pytest.mark.parametrize("path", sorted(SOURCE.glob("*/*.ipynb")), ids=lambda path: path.stem)
def test_every_visible_check_of_the_course_is_known_and_no_answer_is(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    names = {}
    for cell in cells:
        if "### BEGIN HIDDEN TESTS" in cell.source:
            continue  # may import what is hidden
        imports = [n for n in _tree(cell.source).body if isinstance(n, (ast.Import, ast.ImportFrom))]
        exec(compile(ast.Module(imports, []), str(path), "exec"), names)
    visible = [c for c in cells if kinds.is_test(c) and "### BEGIN HIDDEN TESTS" not in c.source]
    unknown = [cell.metadata.nbgrader.grade_id for cell in visible if not is_check(cell.source, names)]
    answers = [c for c in cells if c.metadata.get("nbgrader", {}).get("solution")]
    assert not unknown, "a check must assert something, or call a function of the course that does"
    assert not [cell.metadata.nbgrader.grade_id for cell in answers if is_check(cell.source, names)]


def _tree(source):
    return ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in source.split("\n")))
