"""nbgrader's plugin points, one by one; all together they are run in tests/stages/test_cycle.py."""

from __future__ import annotations

import os
from copy import deepcopy

import nbformat
import pytest
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades
from traitlets.config import Config, LoggingConfigurable

from course_utils.grading import nbgrader_plugins
from course_utils.grading.nbgrader_plugins import (
    FeedbackNotes,
    GradeNotebook,
    RepairNotebook,
    SubmissionExporter,
    move_links_away,
    submission_files,
)
from course_utils.grading.run.engine import NotebookResult
from tests.support.tiny_course import ASSIGNMENT, hand_in, make_course


class Converter(LoggingConfigurable):
    """Stands for nbgrader's Autograde: it knows the course's folders."""

    def __init__(self, root):
        super().__init__()
        self.coursedir = CourseDirectory(config=Config(CourseDirectory={"root": str(root)}))


IDS = {"student": "anna", "assignment": ASSIGNMENT, "notebook": "adding"}


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path / "course")


@pytest.fixture
def read(course):
    def read(path):
        exporter = SubmissionExporter(parent=Converter(course), config=Config(SubmissionExporter={"preprocessors": []}))
        text, resources = exporter.from_filename(str(path), ResourcesDict(nbgrader=IDS))
        return nbformat.reads(text, as_version=4), resources

    return read


def path_in(course, stage="submitted"):
    return course / stage / "anna" / ASSIGNMENT / "adding.ipynb"


def test_a_submission_is_read_without_what_it_says_about_itself(course, read):
    hand_in(course, "anna")
    notebook = nbformat.read(path_in(course), as_version=4)
    notebook.metadata["course"] = {"imports": ["import os"], "unreadable": "says the student"}
    nbformat.write(notebook, path_in(course))
    found, resources = read(path_in(course))
    assert "course" not in found.metadata and len(found.cells) == len(notebook.cells)
    assert resources["metadata"]["name"] == "adding"


def test_the_repaired_notebook_is_read_whole(course, read):
    """nbgrader reads it again from autograded/, before it is run."""
    path_in(course, "autograded").parent.mkdir(parents=True)
    nbformat.write(new_notebook(metadata={"course": {"imports": ["import math"]}}), path_in(course, "autograded"))
    found, _ = read(path_in(course, "autograded"))
    assert found.metadata["course"] == {"imports": ["import math"]}


def test_what_is_no_notebook_becomes_an_empty_one_with_the_reason(course, read, caplog):
    path_in(course).parent.mkdir(parents=True)
    path_in(course).write_text("%PDF")
    found, _ = read(path_in(course))
    assert found.cells == [] and found.metadata["course"]["unreadable"].startswith("it is no notebook but a PDF")


def repaired(course, notebook):
    preprocessor = RepairNotebook(parent=SubmissionExporter(parent=Converter(course)))
    return preprocessor.preprocess(notebook, ResourcesDict(nbgrader=IDS))[0]


@pytest.mark.parametrize(("cells", "begins"), [([], True), ([new_markdown_cell("mine")], False)])
def test_a_reason_counts_for_an_empty_notebook_only(cells, begins, course):
    notebook = new_notebook(cells=cells, metadata={"course": {"unreadable": "it is empty"}})
    repairs = repaired(course, notebook).metadata["course"]["repairs"]
    assert ("The notebook could not be read: it is empty." in repairs) is begins


def test_a_source_that_changed_is_read_again(course):
    before = repaired(course, new_notebook())
    path = course / "source" / ASSIGNMENT / "adding.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = notebook.cells[:3]
    nbformat.write(notebook, path)
    os.utime(path, (1, 1))
    assert len(repaired(course, new_notebook()).cells) == 3 < len(before.cells)


def test_links_and_pipes_are_moved_away_and_notebooks_stay(course):
    hand_in(course, "anna")
    folder = path_in(course).parent
    (folder / "data").mkdir()
    (folder / "data" / "secret").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    (folder / "own.py").write_text("x = 1")
    (folder / "other.ipynb").symlink_to("adding.ipynb")
    (folder / "timestamp.txt").write_text("yesterday")
    move_links_away(ASSIGNMENT, "anna", [str(path_in(course))])
    left = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert left == {"adding.ipynb", "other.ipynb", "own.py", "data"}
    moved = course / "quarantine" / "anna" / ASSIGNMENT
    assert sorted(str(path.relative_to(moved)) for path in moved.rglob("*")) == [
        "data",
        "data/secret",
        "pipe",
        "timestamp.txt",
    ]


def test_the_kernel_gets_the_files_and_no_notebook(tmp_path):
    """Those of autograded/ hold the hidden tests."""
    (tmp_path / "artifacts").mkdir()
    for name in ("adding.ipynb", "artifacts/copy.ipynb", "artifacts/model.safetensors", "own.py", "timestamp.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link.py").symlink_to("own.py")
    with submission_files(tmp_path, tmp_path) as files:
        assert sorted(str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()) == [
            "artifacts/model.safetensors",
            "own.py",
        ]
        (files / "own.py").write_text("changed")
    assert (tmp_path / "own.py").read_text() == "own.py" and not files.exists()


def test_settings_become_those_of_the_engine():
    config = Config(
        GradeNotebook={
            "sandbox": False,
            "warm": False,
            "notebook_timeout": 5.0,
            "limits": {"memory": 2**30},
            "preload": [],
        }
    )
    settings = GradeNotebook(config=config).settings()
    assert (settings.sandbox, settings.warm, settings.notebook_s) == (False, False, 5.0)
    assert settings.limits == {"memory": 2**30} and settings.preload == ()
    assert GradeNotebook().settings().preload is None and GradeNotebook().settings().sandbox is True


def test_outputs_and_the_report_are_laid_in(course, tmp_path, monkeypatch):
    outputs = {0: [{"output_type": "stream", "name": "stdout", "text": "fresh"}]}
    result = NotebookResult(outputs, [("note", "x")], 0.5, True)
    asked = []
    monkeypatch.setattr(nbgrader_plugins, "grade_cells", lambda *arguments: asked.append(arguments) or result)
    stale = {"output_type": "stream", "name": "stdout", "text": "a student's"}
    cells = [new_code_cell("1", execution_count=7, outputs=[nbformat.from_dict(stale)]) for _ in range(2)]
    notebook = new_notebook(cells=cells, metadata={"course": {"imports": ["import math"]}})
    path = course / "source" / ASSIGNMENT / "adding.ipynb"
    source = nbformat.read(path, as_version=4)
    source.cells.append(new_code_cell("import sympy"))
    nbformat.write(source, path)
    resources = ResourcesDict(metadata={"path": str(tmp_path)}, nbgrader=IDS)
    preprocessor = GradeNotebook(parent=SubmissionExporter(parent=Converter(course)))
    done, _ = preprocessor.preprocess(notebook, resources)
    assert [[o.text for o in cell.outputs] for cell in done.cells] == [["fresh"], []]
    assert all(cell.execution_count is None for cell in done.cells)
    assert done.metadata["course"]["trust"]["events"] == [["note", "x"]]
    assert asked[0][1] == ["import math"]
    assert "sympy" in asked[0][3].preload, "what the assignment imports is loaded once for all"


def test_marks_and_comments_are_those_that_nbgraders_own_step_lays_in(tmp_path):
    url = f"sqlite:///{tmp_path}/gradebook.db"
    kinds = {"told": (True, False, False), "tested": (False, True, False), "prose": (True, True, False)}
    cells = [new_markdown_cell("text"), new_code_cell("own = 1", metadata={"nbgrader": {"grade_id": "given"}})]
    with Gradebook(url) as gradebook:
        gradebook.add_assignment(ASSIGNMENT)
        gradebook.add_notebook("adding", ASSIGNMENT)
        for name, (solution, grade, task) in (kinds | {"task": (False, False, True)}).items():
            marks = {"grade_id": name, "solution": solution, "grade": grade, "task": task}
            cells.append(new_markdown_cell("answer", metadata={"nbgrader": marks}))
            if task:
                gradebook.add_task_cell(name, "adding", ASSIGNMENT, max_score=3, cell_type="markdown")
            if grade:
                gradebook.add_grade_cell(name, "adding", ASSIGNMENT, max_score=2, cell_type="code")
            if solution:
                gradebook.add_solution_cell(name, "adding", ASSIGNMENT)
        gradebook.add_student("anna")
        notebook = gradebook.add_submission(ASSIGNMENT, "anna").notebooks[0]
        notebook.late_submission_penalty = 0.5
        for grade in notebook.grades:
            grade.auto_score, grade.manual_score = {"tested": (1.5, None), "task": (None, 2.5)}.get(
                grade.name, (None,) * 2
            )
        for comment in notebook.comments:
            comment.manual_comment = {"task": "Well drawn."}.get(comment.name)
        gradebook.db.commit()
    laid = []
    for step in (GetGrades(), nbgrader_plugins.GetGrades()):
        found = new_notebook(cells=deepcopy(cells))
        about = {"student": "anna", "assignment": ASSIGNMENT, "notebook": "adding", "db_url": url}
        laid.append(step.preprocess(found, ResourcesDict(nbgrader=about)))
    (theirs, about_theirs), (ours, about_ours) = laid
    assert ours == theirs
    assert about_ours == about_theirs
    assert about_ours["nbgrader"]["score"] == 3.5
    assert ours.cells[-1].metadata["nbgrader"]["comment"] == "Well drawn."
    for unknown in ({"grade": True}, {"solution": True}):
        found = new_notebook(cells=[new_code_cell("1", metadata={"nbgrader": {"grade_id": "new", **unknown}})])
        with pytest.raises(MissingEntry, match=r"no cell 'new' in [a-z]+/adding of anna"):
            nbgrader_plugins.GetGrades().preprocess(found, ResourcesDict(nbgrader=dict(about)))


def test_feedback_begins_with_notes_as_plain_text_and_drops_our_metadata():
    course = {
        "repairs": ["A cell is named '<script>*x*'."],
        "trust": {"events": [["restart", "a: the kernel died"]]},
    }
    notebook = new_notebook(
        cells=[new_code_cell("1", metadata={"course": {"covers": ["A"]}})], metadata={"course": course}
    )
    done, _ = FeedbackNotes(config=Config()).preprocess(notebook, ResourcesDict())
    text = done.cells[0].source
    assert text.startswith("**About this submission**") and "While it ran: a: the kernel died" in text
    assert "<script>" not in text
    assert "course" not in done.metadata and "course" not in done.cells[1].metadata


def test_an_undisturbed_run_gets_no_notes():
    notebook = new_notebook(metadata={"course": {"repairs": [], "trust": {"events": []}}})
    assert FeedbackNotes(config=Config()).preprocess(notebook, ResourcesDict())[0].cells == []
