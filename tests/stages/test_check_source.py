"""What an author is told before anything is published; nothing here starts a kernel."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils.classroom.folder import assignments
from course_utils.errors import CourseError
from course_utils.notebooks.recognising import read_catalogue
from course_utils.stages import release
from course_utils.stages.check_source import check_source
from tests.support.tiny_course import ASSIGNMENT, make_course, source_notebook, write

HIDDEN, SOLUTION = "### BEGIN HIDDEN TESTS", "### BEGIN SOLUTION"


def text(name, old, new):
    return lambda cells: cells[name].update(source=cells[name].source.replace(old, new))


def marks(name, **changes):
    return lambda cells: cells[name].metadata.nbgrader.update(changes)


def about(name, **changes):
    return lambda cells: cells[name].metadata.course.update(changes)


# What is wrong -> what is said of it.
REFUSED = {
    "start-hidden": (text("test_add_hidden", HIDDEN, "### START HIDDEN TESTS"), "test_add_hidden, line 2: '### START"),
    "one-letter": (text("test_add_hidden", HIDDEN, "### BEGIN HIDDEN TEST"), "BEGIN HIDDEN TESTS'"),
    "lower-case": (text("add", SOLUTION, "# begin solution"), "adding, add, line 2"),
    "start-solution": (text("add", SOLUTION, "### START SOLUTION"), "adding, add, line 2"),
    "letters": (text("add", SOLUTION, "### BEGIN SOLUTON"), "adding, add, line 2"),
    "no-end": (text("test_add_hidden", "### END HIDDEN TESTS", ""), "without 'END HIDDEN TESTS'"),
    "no-begin": (text("test_add_hidden", HIDDEN, ""), "without 'BEGIN HIDDEN TESTS'"),
    "no-end-solution": (text("add", "    ### END SOLUTION", ""), "without 'END SOLUTION'"),
    "wrong-cell": (text("setup", "from", "### BEGIN MARK SCHEME\n### END MARK SCHEME\nfrom"), "setup, line 1"),
    "capture": (text("test_add_visible", "assert", "%%capture\nassert"), "test_add_visible, line 1: '%%capture'"),
    "shell": (text("test_add_visible", "assert", "!ls\nassert"), "line 1: '!ls'"),
    "assigned-shell": (text("test_add_visible", "assert", "x = !ls\nassert"), "line 1: 'x = !ls'"),
    "await": (text("test_add_visible", "assert", "await f()\nassert"), "line 1: 'await' outside function"),
    "no-python": (text("test_add_visible", "5, ", "5, ("), "test_add_visible, line 1: it is no Python"),
    "none": (marks("test_add_visible", points=None), "test_add_visible: it has no points"),
    "minus": (marks("test_add_visible", points=-1), "test_add_visible: its points are -1"),
    "comma": (marks("test_add_visible", points="0,5"), "Write 0.5, without quotes"),
    "word": (marks("test_add_visible", points="zwei"), "its points are 'zwei'"),
    "space": (marks("test_add_visible", grade_id="test double"), "may hold letters"),
    "double": (marks("test_add_visible", grade_id="add"), "Duplicate grade id: add. Cell 3 has it already"),
    "bonsu": (about("test_add_visible", bonsu=True), "Did you mean 'bonus'?"),
    "ten": (about("test_add_visible", timeout_s="ten"), "must be a number of seconds"),
    "yes": (about("setup", trusted="yes"), "true or false, without quotes"),
    "file": (text("test_add_visible", "assert", "open('data/b.csv')\nassert"), "there is no file 'data/b.csv'"),
    "home": (text("test_add_visible", "assert", "open('/srv/b.csv')\nassert"), "file of this computer alone"),
    "module": (text("test_add_visible", "assert", "import no_such_thing\nassert"), "no module 'no_such_thing'"),
    "docstring": (text("add", SOLUTION, f'{SOLUTION}\n    """Add."""'), "the docstring of add"),
    "old-nbgrader": (marks("add", schema_version=1), "adding, add: its metadata are of an old nbgrader"),
    "no-version": (lambda cells: cells["add"].metadata.nbgrader.pop("schema_version"), "of an old nbgrader"),
    "newer-nbgrader": (marks("add", schema_version=4), "of a newer nbgrader (schema_version 4, not 3)"),
    "other-words": (text("test_add_hidden", "HIDDEN TESTS", "VERSTECKTE TESTS"), "Write '### BEGIN HIDDEN TESTS'"),
    "a-rubric": (text("why", "SOLUTION", "ANSWER KEY"), "'### BEGIN ANSWER KEY' is no mark of nbgrader"),
    "swallowed": (text("add", f"def add(a, b):\n    {SOLUTION}", f"{SOLUTION}\ndef add(a, b):\n    'Add.'"), "add"),
}  # fmt: skip


def broken(tmp_path, change=None, beside=()):
    course = make_course(tmp_path / "course")
    notebook = source_notebook()
    if change is not None:
        change({cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells})
    write(notebook, course / "source" / ASSIGNMENT / "adding.ipynb")
    for name, content in beside:
        path = course / "source" / ASSIGNMENT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return course


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_a_source_that_would_cost_or_give_away_is_refused(case, tmp_path):
    change, said = REFUSED[case]
    course = broken(tmp_path, change)
    with pytest.raises(CourseError) as caught:
        release.release(course, ASSIGNMENT)
    assert "adding" in str(caught.value) and said in str(caught.value)
    assert not (course / "release").exists()


TASK = "Draw it.\n\n=== BEGIN MARK SCHEME ===\nOne point for the axes.\n=== END MARK SCHEME ==="
ABOUT = {"grade": False, "solution": False, "task": True, "locked": True, "grade_id": "draw", "points": 2}  # fmt: skip


def with_task(tmp_path, source=TASK, kind="markdown", **about):
    course = broken(tmp_path)
    notebook = source_notebook()
    make = new_markdown_cell if kind == "markdown" else new_code_cell
    notebook.cells.append(make(source, id="draw", metadata={"nbgrader": {**ABOUT, "schema_version": 3, **about}}))
    write(notebook, course / "source" / ASSIGNMENT / "adding.ipynb")
    return course


@pytest.mark.parametrize(
    "changes",
    [{}, {"source": "Draw it."}, {"points": 0}, {"locked": False}, {"source": TASK.replace("=== BEGIN", "### BEGIN")}],
)
def test_a_task_that_a_person_grades_is_released_without_its_mark_scheme(changes, tmp_path):
    course = with_task(tmp_path, **changes)
    assert check_source(course, ASSIGNMENT) == []
    released = (release.release(course, ASSIGNMENT, rehearsal=False) / "adding.ipynb").read_text()
    assert "Draw it." in released and "One point for the axes" not in released


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": TASK.replace("MARK SCHEME", "BEWERTUNG")}, "draw, line 3: '=== BEGIN BEWERTUNG ===' is no mark"),
        ({"source": TASK.replace("MARK SCHEME", "MARKING SCHEME")}, "draw, line 3: '=== BEGIN MARKING SCHEME ===' is"),
        ({"source": TASK.replace("=== END MARK SCHEME ===", "")}, "'BEGIN MARK SCHEME' without 'END MARK SCHEME'"),
        ({"kind": "code"}, "draw: a manually graded task must be a Markdown cell"),
        ({"points": None}, "draw: it has no points"),
        ({"grade": True}, "neither an answer nor a test"),
    ],
)
def test_a_task_that_would_cost_or_give_away_is_refused(changes, said, tmp_path):
    found = [str(remark) for remark in check_source(with_task(tmp_path, **changes), ASSIGNMENT) if remark.serious]
    assert any(said in text for text in found), found


@pytest.mark.parametrize("line", ["### BEGIN YOUR CODE", "### END OF CODE", "### BEGIN VISIBLE TESTS", "## BEGIN"])
def test_a_line_that_shows_students_where_to_write_is_fine(line, tmp_path):
    for name in ("add", "test_add_visible"):
        course = broken(
            tmp_path / name, lambda cells, name=name: cells[name].update(source=f"{cells[name].source}\n{line}")
        )
        assert check_source(course, ASSIGNMENT) == []


def test_a_good_source_is_released_without_a_remark(tmp_path):
    assert check_source(broken(tmp_path), ASSIGNMENT) == []


def test_copies_beside_the_source_are_refused(tmp_path):
    content = "def other():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    for name in ("adding.ipynb.bak", "old/adding.py"):
        (remark,) = check_source(broken(tmp_path / name.replace("/", "-"), None, [(name, content)]), ASSIGNMENT)
        assert remark.serious and remark.where == name


def test_what_python_and_editors_leave_is_not_handed_out(tmp_path):
    left = [("__pycache__/a.py", "1"), (".ipynb_checkpoints/b.py", "1"), ("data/brightness.csv", "1,2\n")]
    left += [("desktop.ini", "x"), ("data/Thumbs.db", "x"), ("~$notes.docx", "x"), ("Icon\r", "")]
    folder = release.release(broken(tmp_path, None, left), ASSIGNMENT)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["adding.ipynb", "brightness.csv"]


@pytest.mark.parametrize(
    "answer",
    [
        "Because. ![a](attachment:answer.png)",
        'Because. <img src="attachment:answer.png" width=300>',
        "Because. ![a][r]\n\n[r]: attachment:answer.png",
        "Because. ![a][R]\n### END SOLUTION\n\n[r]: attachment:answer.png\n\n### BEGIN SOLUTION\nSo.",
    ],
)
def test_a_picture_of_the_answer_is_not_handed_out_and_told(answer, tmp_path):
    def add(cells):
        cells["why"].source = cells["why"].source.replace("Because.", answer)
        cells["why"]["attachments"] = {"answer.png": {"image/png": "aGVsbG8="}}

    told = []
    folder = release.release(broken(tmp_path, add), ASSIGNMENT, told=told.append)
    assert "aGVsbG8=" not in (folder / "adding.ipynb").read_text()
    assert "answer.png" in str(told[0]) and not told[0].serious


def test_a_picture_of_the_question_is_handed_out(tmp_path):
    def add(cells):
        cells["why"].source = "![a][r]\n\n[r]: attachment:asked.png\n\n" + cells["why"].source
        cells["why"]["attachments"] = {"asked.png": {"image/png": "aGVsbG8="}}

    assert 'asked.png": {' in (release.release(broken(tmp_path, add), ASSIGNMENT) / "adding.ipynb").read_text()


@pytest.mark.parametrize(
    ("name", "speaks", "serious"),
    [("b.png", "![a](img/b.png)", True), ("c.jpg", "<img src='img/c.jpg'>", True), ("d.csv", "see img/d.csv", False)],
)
def test_a_file_of_which_only_the_answer_speaks_is_told(name, speaks, serious, tmp_path):
    def add(cells):
        cells["why"].source = cells["why"].source.replace("Because.", f"Because. {speaks}")

    (remark,) = check_source(broken(tmp_path / "alone", add, [(f"img/{name}", "x")]), ASSIGNMENT)
    assert remark.serious is serious and str(remark).startswith(f"img/{name}: only what adding, why hides speaks of it")

    def too(cells):
        add(cells)
        cells["text_add"].source += f"\n{speaks}"

    assert check_source(broken(tmp_path / "too", too, [(f"img/{name}", "x")]), ASSIGNMENT) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Why does `add` work? Use two sentences.", True),
        ("Erkläre, warum das so ist.", True),
        ("### Part 2\nSay it.", True),
        ("Addition of texts puts one behind the other.", False),
    ],
)
def test_a_question_in_an_answer_without_marks_is_told_to_go_away(text, told, tmp_path):
    remarks = check_source(broken(tmp_path, lambda cells: cells["why"].update(source=text)), ASSIGNMENT)
    assert [remark.serious for remark in remarks if "the question too" in str(remark)] == [False] * told


NOT_HERE = {
    "zeros": (bytes(3000), "it holds nothing but zero bytes: a placeholder of a cloud folder"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "it is no notebook but a pointer of Git LFS"),
    "nothing": (b"", "it is an empty file"),
    "folder": (None, "it is a folder, or a link to nothing"),
}


@pytest.mark.parametrize("case", NOT_HERE)
def test_a_source_that_is_not_here_is_told_and_other_assignments_go_on(case, tmp_path):
    content, told = NOT_HERE[case]
    course = broken(tmp_path)
    for name in (f"source/{ASSIGNMENT}/second.ipynb", "source/later/third.ipynb"):
        (course / name).parent.mkdir(exist_ok=True)
        (course / name).mkdir() if content is None else (course / name).write_bytes(content)
    with pytest.raises(CourseError) as caught:
        release.release(course, ASSIGNMENT)
    assert f"second: {told}" in str(caught.value) and "hand" not in str(caught.value)
    path = course / "source" / ASSIGNMENT / "second.ipynb"
    path.rmdir() if content is None else path.unlink()
    release.release(course, ASSIGNMENT)
    assert read_catalogue(course, ASSIGNMENT).names == ("adding",)


def test_what_macos_and_editors_keep_beside_notebooks_is_none(tmp_path):
    """On disks that are not its own, macOS writes a second file beside each."""
    course = broken(tmp_path)
    for name in ("._adding.ipynb", ".~adding.ipynb"):
        (course / "source" / ASSIGNMENT / name).write_bytes(b"\0\5\x16\7\0\2")
    (course / "source" / ".ipynb_checkpoints").mkdir()
    folder = release.release(course, ASSIGNMENT)
    assert [path.name for path in folder.iterdir()] == ["adding.ipynb"]
    assert assignments(course) == [ASSIGNMENT] and read_catalogue(course, ASSIGNMENT).names == ("adding",)
    assert check_source(course, ASSIGNMENT) == []
