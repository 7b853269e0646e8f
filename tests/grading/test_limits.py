"""Each limit of docs/grading.md, set low in the settings, is obeyed; unknown names are refused."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from traitlets import TraitError

from course_utils.grading.limits import GradingLimits, limit_names
from course_utils.grading.nbgrader_plugins import GradeNotebook
from course_utils.grading.run.engine import Settings
from course_utils.grading.run.trust import for_student
from course_utils.grading.submissions import grade, read_submission
from tests.support import tiny_course
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK

pytestmark = pytest.mark.xdist_group("limits")  # one process that kernels are forked from serves them all

# By name: a low limit, code that meets it, as the answer or before it, and what the student reads of it.
_FORK = "import os\nfor n in range(40):\n    if os.fork() == 0: time.sleep(30)\n"
OBEYED = {
    "memory": (200 << 20, "x = bytearray(300 << 20)", "MemoryError"),
    "processes": (20, _FORK, "BlockingIOError"),
    "sessions": (4, _FORK.replace("time.sleep", "os.setsid(); time.sleep") + "time.sleep(20)", "more than 4 sessions"),
    "cpu_seconds": (2, "import os\nfor n in range(2): os.fork()\nwhile True: pass", "limit of 2 CPU seconds"),
    "open_files": (100, "files = [open('/dev/null') for n in range(200)]", "Too many open files"),
    "locks": (
        50,
        "import fcntl\nf = open('f', 'w')\nfor n in range(0, 200, 2): fcntl.lockf(f, fcntl.LOCK_EX, 1, n)\n"
        "time.sleep(20)",
        "more than 50 locks",
    ),
    "areas": (
        5000,
        "import mmap\nparts = [mmap.mmap(-1, 4096, flags=34, prot=1 + 2 * (n % 2)) for n in range(8000)]\n"
        "time.sleep(20)",
        "more than 5000 areas",
    ),
    "file_size": (1 << 20, "open('f', 'wb').write(bytes(2 << 20))", "File too large"),
    "disk": (4 << 20, "open('f', 'wb').write(bytes(8 << 20))", "No space left"),
    "files": (60, "for n in range(100): open(f'f{n}', 'w')", "No space left"),
    "submission_files": (2, "import os; print(sorted(os.listdir()))", "may have 2 files"),
    "submission_bytes": (10_000, "import os; print(sorted(os.listdir()))", "files and 9.77 KiB"),
    "output_text": (500, "print('a' * 1000)", "left out: it is too long"),
    "output_images": (100, "display({'image/png': 'a' * 400}, raw=True)", "its output was cut"),
    "output_pieces": (3, "for n in range(9): display(n)", "its output was cut"),
    "output_received": (100_000, "while True: print('x' * 1000, flush=True)", "printed far too much"),
    "output_message": (1 << 20, "print('y' * 3_000_000)", "its output was cut"),
    "value_size": (10_000, "def add(a, b): return 'x' * 50_000", "at most 10,000 are allowed"),
    "value_nodes": (100, "def add(a, b): return [1] * 1000", "more than 100 entries"),
    "value_depth": (5, "def add(a, b): return [[[[[[[[1]]]]]]]]", "more than 5 levels"),
    "notebook_size": (1000, "", "at most 0 MB are read"),
    "notebook_cell": (50, "x = 1" + " # long" * 20, "at most 50 are read"),
    "notebook_cells": (3, "", "at most 3 are read"),
    "notebook_picture": (None, "", ""),  # see `tests/grading/test_pictures.py`
    "notebook_pictures": (None, "", ""),  # likewise
    "cell_seconds": (1, "while True: pass", "stopped after 1 seconds"),
    "restarts": (1, "import os; os._exit(0)", "started again too often"),
    # Of the sandbox of the tests, see `tests/grading/run/test_grader.py`; memory the test process sets for itself.
    "test_memory": (None, "", ""),
    "test_processes": (None, "", ""),
    "test_cpu_seconds": (None, "", ""),
}


def graded(folder: Path, limits: dict[str, int], code: str) -> str:
    """Grade a submission whose answer is `code` and the right one; return all that the student reads."""
    course = tiny_course.make_course(folder)
    tiny_course.hand_in(course, "anna")
    submitted = course / "submitted" / "anna" / ASSIGNMENT
    path = submitted / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    answer = next(cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id == "add")
    answer.source = code if code.startswith("def") else f"import time\n{code}\n{answer.source}"
    nbformat.write(notebook, path)
    for n in range(6):
        (submitted / f"data{n}.bin").write_bytes(bytes(4000))
    settings = Settings(preload=(), limits=limits)
    submission = read_submission(submitted, "anna", ASSIGNMENT, course / "source" / ASSIGNMENT, {}, settings)
    result = grade(submission)
    assert not result.error
    content = nbformat.reads(result.notebooks[NOTEBOOK].content, as_version=4)
    outputs = [str(output) for cell in content.cells for output in cell.get("outputs", [])]
    course_notes = content.metadata["course"]
    return "\n".join([*for_student(course_notes), course_notes.get("unreadable", ""), *outputs])


@pytest.mark.parametrize("name", [name for name, (limit, _, _) in OBEYED.items() if limit is not None])
def test_a_low_limit_is_obeyed(name, tmp_path):
    limit, code, said = OBEYED[name]
    assert said in graded(tmp_path, {name: limit}, code)


def test_without_low_limits_none_of_it_is_said(tmp_path):
    seen = graded(tmp_path, {}, "")
    assert "TimeLimit" not in seen and "left out" not in seen and "CheckFailed" not in seen


def test_every_limit_is_tried():
    assert set(OBEYED) == set(limit_names())


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"memmory": 1}, "There is no limit `memmory`. Did you mean `memory`?"),
        ({"output_pices": 1}, "Did you mean `output_pieces`?"),
        ({"qqqq": 1}, "There are: memory, processes"),
        ({"memory": 0}, "`memory` must be a positive integer, got 0"),
        ({"restarts": True}, "`restarts` must be a positive integer, got True"),
        ({"cell_seconds": "60"}, "must be a positive integer, got '60'"),
    ],
)
def test_wrong_settings_are_refused_before_anybody_is_graded(limits, message):
    for refuse, error in ((GradingLimits.of, ValueError), (lambda limits: Settings(limits=limits), ValueError),
                          (lambda limits: GradeNotebook(limits=limits), TraitError)):  # fmt: skip
        with pytest.raises(error) as caught:
            refuse(limits)
        assert message in str(caught.value)
