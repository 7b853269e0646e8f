"""What a person sees: a released notebook in JupyterLab with its checks and the Validate button, and formgrader."""

from __future__ import annotations

import runpy
import shutil

import pytest

from course_utils import cycle
from tests.engine import ROOT
from tests.tiny_course import ASSIGNMENT, NOTEBOOK, hand_in, make_course

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("google-chrome")),
        reason="chromium is not installed (Debian: apt install chromium)",
    ),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def pictures():
    """The functions that take the documentation's pictures."""
    return runpy.run_path(str(ROOT / "docs" / "screenshots.py"))


def test_a_student_reads_a_sentence_in_the_notebook_and_in_the_validate_dialog(pictures, tmp_path):
    course = make_course(tmp_path / "course")
    hand_in(course, "ada00", "wrong")
    folder = course / "submitted" / "ada00" / ASSIGNMENT
    with pictures["jupyterlab"](folder) as address, pictures["browser"]() as chromium:
        page = pictures["open_notebook"](chromium, address, f"{NOTEBOOK}.ipynb")
        pictures["run_all"](page)
        output = page.locator(".jp-OutputArea-output", has_text="add(2, 3) is -1")
        output.first.wait_for(timeout=120_000)
        assert "Traceback" not in output.first.inner_text() and "assert_number" not in output.first.inner_text()
        page.get_by_role("button", name="Validate").first.click()
        dialog = page.locator(".jp-Dialog")
        dialog.get_by_text("add(2, 3) is -1").first.wait_for(timeout=180_000)
        assert "Traceback" not in dialog.inner_text()


def test_formgrader_shows_a_graded_submission_and_runs_nothing_of_the_students(pictures, tmp_path):
    course = make_course(tmp_path / "course")
    hand_in(course, "ada00", "half")
    path = course / "submitted" / "ada00" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    script = "<script>document.title = 'owned'</script><img src=x onerror=\\\"document.title = 'owned'\\\">"
    path.write_text(path.read_text().replace("YOUR ANSWER HERE", f"Because. {script}"))
    cycle.autograde(course, ASSIGNMENT, workers=1)
    with cycle.open_gradebook(course) as gradebook:
        submission = gradebook.find_submission_notebook(NOTEBOOK, ASSIGNMENT, "ada00").id
    with pictures["jupyterlab"](course) as address, pictures["browser"]() as chromium:
        page = chromium.new_page(viewport={"width": 1200, "height": 1000})
        page.goto(f"{address}/formgrader/submissions/{submission}", timeout=120_000)
        page.get_by_text("Because.").first.wait_for(timeout=60_000)
        page.wait_for_timeout(1_000)
        assert "owned" not in page.title()
        assert "Negative numbers count as well." in page.content()
        assert page.locator("input.score").count() >= 2
