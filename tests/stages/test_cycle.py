"""One class through release, autograde and feedback: the marks, the rows, the pages, and nbgrader's own command."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils.classroom import folder as folder_module
from course_utils.errors import CourseError
from course_utils.grading.run.engine import Settings
from course_utils.grading.submissions import read_submission
from course_utils.stages import autograde, feedback, release
from tests.support.tiny_course import ASSIGNMENT, hand_in, make_course, source_notebook, write

# One worker grades the class, for all of these tests.
pytestmark = pytest.mark.xdist_group("cycle")

ROSTER = "student_id,user_name,last_name,first_name,email,matriculation_number,group\n" + "".join(
    f"{name},{name},{name.title()},Anna,{name}@students.example,,{group}\n"
    for name, group in [
        ("right", ""), ("half", ""), ("blank", ""), ("prose", ""), ("repaired", ""), ("garbage", ""), ("linked", ""),
        ("empty", ""), ("misnamed", ""), ("absent", ""), ("late", ""), ("hostile", ""), ("ingroup", "Team 1"),
    ]
)  # fmt: skip

# student -> points, what the row says of a problem (its start), whether a person must read something.
ROWS = {
    "right": (4, "", False),
    "half": (3, "", False),
    "blank": (0, "", False),
    "prose": (4, "", True),
    "repaired": (4, "", False),
    "garbage": (1, "adding is not gradable: it is no notebook: its text is no valid JSON", True),
    "linked": (1, "adding is not gradable: it is a link to another file, not a notebook", True),
    "empty": (0, "not gradable: the folder holds no notebook", False),
    "misnamed": (0, "not gradable: no notebook of this assignment; there is Untitled.ipynb", False),
    "absent": (0, "not gradable: nothing was handed in", False),
    "late": (3, "", False),
    "hostile": (4, "", True),
    "Team_1": (4, "", False),
}
GRADED = [name for name in ROWS if name not in ("empty", "misnamed", "absent")]


def second_notebook(answer="four = 2 + 2"):
    """Another notebook of the assignment, worth one point."""
    notebook = source_notebook()
    notebook.cells = [cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id in ("add", "test_add_visible")]
    for cell, name, source in zip(notebook.cells, ("four", "test_four"), (answer, "assert four == 4"), strict=True):
        cell.metadata.nbgrader.grade_id, cell.source, cell.id = name, source, name
        if "points" in cell.metadata.nbgrader:
            cell.metadata.nbgrader.points = 1
    return notebook


def path_of(course: Path, student: str, name: str = "adding", stage: str = "submitted") -> Path:
    return course / stage / student / ASSIGNMENT / f"{name}.ipynb"


def change(course: Path, student: str, edit) -> None:
    notebook = nbformat.read(path_of(course, student), as_version=4)
    edit(notebook, {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells})
    write(notebook, path_of(course, student))


def _answer(notebook, cells):
    cells["why"].source = "Because 1 + 1 is 2."


def _damage(notebook, cells):
    notebook.cells.remove(cells["test_add_hidden"])
    cells["test_add_visible"].source = "pass"
    double = copy.deepcopy(cells["add"])
    double.id = "again"
    notebook.cells.append(double)


def _hostile(notebook, cells):
    cells[
        "why"
    ].source = "Hello <script>alert('prose')</script> <img src=x onerror=\"alert('prose')\"> [l](javascript:x)"
    notebook.cells.append(new_markdown_cell("<script>alert('mine')</script><iframe src=x></iframe>"))
    notebook.cells.append(
        new_code_cell(
            "from IPython.display import HTML, Markdown, display\n"
            "display(HTML('<script>alert(1)</script>'), Markdown('<script>alert(2)</script>'))\n"
            "print('<script>alert(3)</script>')\nimport atexit"
        )
    )


def hand_in_all(course: Path) -> None:
    for student in GRADED:
        kind = {"half": "half", "blank": "blank", "late": "right"}.get(student, "right")
        hand_in(course, student, kind)
        if student != "late":
            answer = "four = None" if student == "blank" else "four = 4"
            write(second_notebook(answer), path_of(course, student, "second"))
    change(course, "prose", _answer)
    change(course, "repaired", _damage)
    change(course, "hostile", _hostile)
    path_of(course, "garbage").write_bytes(b"\x80\x04 no notebook")
    path_of(course, "linked").unlink()
    path_of(course, "linked").symlink_to(course / "source" / ASSIGNMENT / "adding.ipynb")
    (course / "submitted" / "empty" / ASSIGNMENT).mkdir(parents=True)
    write(second_notebook(), path_of(course, "misnamed", "Untitled"))
    (path_of(course, "right").parent / "notes.txt").write_text("a file of the student")
    (path_of(course, "late").parent / "timestamp.txt").write_text("2026-01-03 00:00:00 UTC")


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A folder with nothing in it but what a course needs; its name is not plain."""
    course = make_course(tmp_path_factory.mktemp("in") / "Kurs Übung 1")
    write(
        second_notebook("### BEGIN SOLUTION\nfour = 4\n### END SOLUTION"),
        course / "source" / ASSIGNMENT / "second.ipynb",
    )
    (course / "roster.csv").write_text(ROSTER, encoding="utf-8")
    hand_in_all(course)
    assert sorted(path.name for path in course.iterdir()) == ["nbgrader_config.py", "roster.csv", "source", "submitted"]
    return course


@pytest.fixture(scope="module")
def graded(before, tmp_path_factory):
    course = tmp_path_factory.mktemp("out") / before.name
    shutil.copytree(before, course, symlinks=True)
    results = autograde.autograde(course, ASSIGNMENT, workers=2)
    feedback.feedback(course, ASSIGNMENT)
    return course, {result.student_id: result for result in results}


def test_everybody_has_a_row(graded):
    """Whoever handed in, or is in the class; the member of a group that handed in has its group's."""
    _, rows = graded
    assert list(rows) == sorted(ROWS)


@pytest.mark.parametrize("student", ROWS)
def test_points_and_reason(student, graded):
    points, problem, waits = ROWS[student]
    row = graded[1][student]
    assert (row.points, row.needs_manual) == (points, waits)
    assert row.problem.startswith(problem) and bool(row.problem) == bool(problem)
    assert row.max_points == (5 if student in GRADED else 0)
    assert row.sandboxed and row.in_kernel_points == 0


def test_notes_tell_repairs_and_what_is_missing(graded):
    _, rows = graded
    assert rows["repaired"].notes == [
        "adding: There were 2 cells 'add'; the last one with an answer counts.",
        "adding: The test cell 'test_add_visible' had been changed; the course's own was used.",
        "adding: The course's cell 'test_add_hidden' was missing; it was put back.",
    ]
    assert rows["late"].notes == ["second: was not handed in"]
    assert rows["hostile"].notes == ["adding: cell 8 registers code for the end of the process"]
    assert rows["right"].notes == []


def test_manual_cells_wait_for_a_person_and_then_count(graded):
    course, _ = graded
    with folder_module.open_gradebook(course) as gradebook:
        grades = {g.name: g for g in gradebook.find_submission_notebook("adding", ASSIGNMENT, "prose").grades}
        assert grades["why"].auto_score is None and grades["why"].needs_manual_grade
        blank = {g.name: g for g in gradebook.find_submission_notebook("adding", ASSIGNMENT, "blank").grades}
        assert blank["why"].auto_score == 0 and not blank["why"].needs_manual_grade
        comments = {
            c.name: c.auto_comment for c in gradebook.find_submission_notebook("adding", ASSIGNMENT, "blank").comments
        }
        assert comments["why"] == "No response."


def test_files_of_the_student_are_kept_beside_the_graded_notebook(graded):
    course, _ = graded
    folder = course / "autograded" / "right" / ASSIGNMENT
    assert (folder / "notes.txt").read_text() == "a file of the student"
    assert not any(path.is_symlink() for path in (course / "autograded").rglob("*"))


# Feedback.


def page(graded, student, name="adding") -> str:
    return (graded[0] / "feedback" / student / ASSIGNMENT / f"{name}.html").read_text(encoding="utf-8")


def test_there_is_a_page_for_each_graded_notebook(graded):
    pages = {str(path.relative_to(graded[0] / "feedback")) for path in (graded[0] / "feedback").rglob("*.html")}
    names = ("adding", "second", "whole-assignment")
    expected = {f"{student}/{ASSIGNMENT}/{name}.html" for student in GRADED for name in names}
    assert pages == expected - {f"late/{ASSIGNMENT}/second.html"}


def test_a_hidden_test_shows_its_message_and_its_first_line_only(graded):
    text = page(graded, "half")
    assert "Negative numbers count as well." in text
    assert "Hidden tests (1 point): negative numbers." in text
    for student in GRADED:
        for secret in ("BEGIN HIDDEN", "assert_number(add(-2", "hint="):
            assert secret not in page(graded, student)


def test_a_page_begins_with_what_was_put_right(graded):
    assert "About this submission" in page(graded, "repaired")
    assert "There were 2 cells" in page(graded, "repaired")
    assert "The notebook could not be read: it is no notebook: its text is no valid JSON" in page(graded, "garbage")
    assert "About this submission" not in page(graded, "right")


def test_what_the_instructor_may_look_at_is_not_told_to_the_student(graded):
    assert "registers code" not in page(graded, "hostile")


def test_nothing_of_a_student_runs_in_a_browser(graded):
    text = page(graded, "hostile")
    for payload in ("<script>alert", "onerror=", "<iframe", 'href="javascript:'):
        assert payload not in text
    assert "l (javascript:x)" in text  # an address that is no link is shown
    assert "&lt;script&gt;alert(3)" in text  # what was printed is shown as text


# The same through nbgrader.


def marks(course: Path) -> dict:
    """Everything that grading writes into the gradebook, by student."""
    with folder_module.open_gradebook(course) as gradebook:
        return {
            submission.student.id: {
                "score": submission.score,
                "waits": submission.needs_manual_grade,
                "late": submission.late_submission_penalty,
                "at": str(submission.timestamp),
                "notebooks": {notebook.name: rows_of(notebook) for notebook in submission.notebooks},
            }
            for submission in gradebook.find_assignment(ASSIGNMENT).submissions
        }


def rows_of(notebook) -> list:
    grades = [(g.name, g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades]
    return sorted(grades) + sorted((comment.name, comment.auto_comment) for comment in notebook.comments)


def test_nbgrader_writes_the_same_gradebook(before, graded, tmp_path):
    course = tmp_path / before.name
    shutil.copytree(before, course, symlinks=True)
    shutil.rmtree(course / "submitted" / "misnamed")  # nbgrader asks for the right names before it begins
    for student in ("right", "prose", "Team_1"):  # like others; nbgrader takes its time
        shutil.rmtree(course / "submitted" / student)
    for command in (["generate_assignment", ASSIGNMENT], ["autograde", ASSIGNMENT], ["generate_feedback", ASSIGNMENT]):
        done = subprocess.run(["nbgrader", *command], cwd=course, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    found, expected = marks(course), marks(graded[0])
    assert len(found) >= 7 and found == {student: expected[student] for student in found}
    for student in ("half", "repaired", "garbage"):
        theirs = (course / "feedback" / student / ASSIGNMENT / "adding.html").read_text(encoding="utf-8")
        assert without_ids(theirs) == without_ids(page(graded, student))


def without_ids(text: str) -> str:
    return re.sub(r'(id|href)="[^"]*"', "", text)


# What is not as it must be.


def test_a_folder_that_is_no_course(tmp_path):
    with pytest.raises(CourseError, match=r"is no course folder: it has no nbgrader_config\.py"):
        autograde.autograde(tmp_path, ASSIGNMENT)
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()")
    for stage in (release.release, autograde.autograde, feedback.feedback):
        with pytest.raises(CourseError, match="it has no source"):
            stage(tmp_path, ASSIGNMENT)


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path / "course")


@pytest.mark.parametrize("stage", [release.release, autograde.autograde])
def test_an_unknown_assignment(stage, course):
    with pytest.raises(CourseError, match=r"There is no assignment 'tyni' in source/; there are: tiny\."):
        stage(course, "tyni")


def test_a_roster_that_cannot_be_read(course):
    (course / "roster.csv").write_text("name\nAnna\n")
    hand_in(course, "anna")
    with pytest.raises(CourseError, match=r"first line of roster\.csv must name the columns"):
        autograde.autograde(course, ASSIGNMENT)


def test_a_source_that_breaks_a_rule_of_nbgrader(course):
    edit_source(course, lambda nb, cells: cells["test_add_visible"].metadata.nbgrader.update(grade_id="add"))
    with pytest.raises(CourseError, match=r"adding, add: Duplicate grade id: add\."):
        release.release(course, ASSIGNMENT)


def test_a_source_that_is_no_notebook(course):
    (course / "source" / ASSIGNMENT / "adding.ipynb").write_text("no JSON")
    with pytest.raises(CourseError, match=r"source/tiny/adding\.ipynb is no notebook"):
        autograde.autograde(course, ASSIGNMENT)


def test_without_a_sandbox_nothing_is_graded(course, monkeypatch):
    hand_in(course, "anna")
    monkeypatch.setattr("course_utils.stages.autograde.probe", lambda: "bwrap is missing. Install bubblewrap.")
    with pytest.raises(CourseError, match=r"no sandbox, so nothing was graded.*Install bubblewrap"):
        autograde.autograde(course, ASSIGNMENT)
    assert not (course / "autograded").exists()


def test_a_run_without_the_sandbox_is_written_into_the_results(course):
    hand_in(course, "anna")
    (result,) = autograde.autograde(course, ASSIGNMENT, sandbox=False, workers=1)
    assert result.points == 3 and result.sandboxed is False
    notebook = json.loads(path_of(course, "anna", stage="autograded").read_text())
    assert notebook["metadata"]["course"]["trust"]["sandboxed"] is False
    # A later run with it must not take this result for its own.
    parts = course / "submitted" / "anna" / ASSIGNMENT, "anna", ASSIGNMENT, course / "source" / ASSIGNMENT, {}
    digests = {read_submission(*parts, Settings(sandbox=sandbox)).digest for sandbox in (True, False)}
    assert len(digests) == 2


def test_somebody_who_handed_in_nothing(course):
    (result,) = autograde.autograde(course, ASSIGNMENT, ["anna"])
    assert (result.points, result.problem) == (0, "not gradable: nothing was handed in")


def edit_source(course, edit):
    path = course / "source" / ASSIGNMENT / "adding.ipynb"
    notebook = nbformat.read(path, as_version=4)
    edit(notebook, {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells})
    write(notebook, path)


def test_what_changed_after_the_release_is_released_again_or_told(course):
    release.release(course, ASSIGNMENT)
    edit_source(course, lambda nb, cells: cells["test_add_hidden"].metadata.nbgrader.update(grade_id="test_add_zero"))
    hand_in(course, "anna", "half")
    (result,) = autograde.autograde(course, ASSIGNMENT, workers=1)  # nothing was graded before
    assert (result.points, result.max_points) == (2, 4)
    edit_source(course, lambda nb, cells: cells["test_add_visible"].metadata.nbgrader.update(points=5))
    (result,) = autograde.autograde(course, ASSIGNMENT, workers=1)
    assert (result.points, result.max_points) == (5, 7)
    edit_source(course, lambda nb, cells: nb.cells.remove(cells["test_add_zero"]))
    with pytest.raises(CourseError, match=r"cells of tiny/adding are not those of its release \(test_add_zero came or"):
        autograde.autograde(course, ASSIGNMENT, workers=1)
    # The way out that the message names.
    command = ["nbgrader", "db", "assignment", "remove", ASSIGNMENT, "--force"]
    subprocess.run(command, cwd=course, check=True, capture_output=True)
    assert autograde.autograde(course, ASSIGNMENT, []) == []
    with folder_module.open_gradebook(course) as gradebook:
        assert gradebook.find_assignment(ASSIGNMENT).max_score == 6


def test_a_fault_of_the_course_stops_its_cell_which_waits_for_a_person(course):
    edit_source(course, lambda nb, cells: cells["test_add_visible"].update(source="assert_number(add(2, 3), 5"))
    hand_in(course, "anna")
    (result,) = autograde.autograde(course, ASSIGNMENT, workers=1)
    assert result.points == 1 and result.needs_manual and not result.problem
    assert result.faults == ["adding, test_add_visible: line 1: '(' was never closed"]
