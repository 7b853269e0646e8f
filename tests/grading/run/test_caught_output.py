"""What the student's code prints while a test redirects its output, without a kernel."""

from __future__ import annotations

import contextlib
import io

import pytest

from course_utils.grading.bridge.operators import NotPlain
from course_utils.grading.run import engine, faults
from course_utils.grading.run.kernel_client import CellRun, CellStopped
from course_utils.grading.run.messages import Job
from course_utils.grading.run.notebook_run import NotebookRun


class Printing:
    """A kernel that prints something at each request."""

    def __init__(self, *outputs):
        self.outputs = list(outputs)

    def request(self, content, buffers, clock):
        return [], CellRun(outputs=[dict(output) for output in self.outputs])


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


@pytest.fixture
def run():
    run = NotebookRun(None, Job(cells=[], limits={"output_received": 100}))
    run.kernel = Printing(stream("a\n"), stream("b\n", "stderr"), {"output_type": "display_data", "data": {}})
    run.out = io.StringIO()
    return run


def test_it_goes_where_the_test_redirects_it(run):
    with contextlib.redirect_stdout(run.out), contextlib.redirect_stderr(run.out):
        with contextlib.redirect_stdout(io.StringIO()) as caught:
            run.request({}, [])
        assert caught.getvalue() == "a\n"
        assert [output["output_type"] for output in run.printed] == ["stream", "display_data"]
        with contextlib.redirect_stderr(io.StringIO()) as caught:
            run.request({}, [])
        assert caught.getvalue() == "b\n" and run.printed[2] == stream("a\n")
    assert run.out.getvalue() == ""


def test_outside_of_a_test_nothing_is_caught(run):
    run.out = None
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        run.request({}, [])
    assert caught.getvalue() == "" and run.printed[0] == stream("a\n")


def test_where_a_test_lets_it_go_nowhere_it_is_gone(run):
    with contextlib.redirect_stdout(None):
        run.request({}, [])
    assert stream("a\n") not in run.printed


def test_that_it_was_cut_is_told(run):
    class Cutting(Printing):
        def request(self, content, buffers, clock):
            return [], CellRun(outputs=[stream("a")], cut=True)

    run.kernel = Cutting()
    with contextlib.redirect_stdout(io.StringIO()):
        run.request({}, [])
        run.request({}, [])
    assert run.printed_was_cut


def test_a_flood_of_it_costs_the_cell(run):
    run.kernel = Printing(stream("x" * 60))
    with contextlib.redirect_stdout(io.StringIO()):
        run.request({}, [])
        with pytest.raises(CellStopped, match="flood"):
            run.request({}, [])


def test_an_author_reads_the_line_and_a_student_does_not():
    try:
        exec(compile("\nraise error", "<test>", "exec"), {"error": NotPlain("x must be a plain value.")})
    except NotPlain as error:
        told = faults.for_author(error, str(error))
    assert told.startswith("Line 2: x must be a plain value. ") and "isinstance(..., that class)" in told


@pytest.mark.parametrize("wanted", [True, False])
def test_only_who_asks_for_lines_is_told_them(wanted, monkeypatch, tmp_path):
    jobs = []
    monkeypatch.setattr(
        engine, "_grade_cells", lambda job, *rest: jobs.append(job) or engine.NotebookResult({}, [], 0, True)
    )
    engine.grade_cells([], [], tmp_path, engine.Settings(lines=True) if wanted else None)
    assert jobs[0].lines is wanted
