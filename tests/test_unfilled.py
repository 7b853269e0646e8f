"""What a student reads when a check meets a cell that is not filled in."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

STUB = "def double(x):\n    raise NotImplementedError()"
NESTED = "def helper():\n    return missing\n\ndef double(x):\n    return helper()"
CHECK = '"""Visible checks (1 point): twice the number."""\nassert double(2) == 4'


def outputs(tmp_path, *cells):
    """Run cells in Jupyter, going on after errors; return the error of each, or None."""
    sources = ["import course_utils.checks", *cells]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])
    NotebookClient(
        notebook, allow_errors=True, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
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
