"""A class whose written answers wait at the desk, laid out as autograding leaves it."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook

from tests.support.engine import ROOT

ASSIGNMENT = "written"
NOTEBOOK = "words"
RUBRIC = """Model: $x^2$ is the reason.

**Rubric**

- [1] names the reason
- [0.5] gives an example
- [-0.25] says that it is always so
- [0] could be shorter

**Accepted**

- "because of the square"

**Misconceptions**

- that it holds for all $x$"""
# By kind of answer: which lines of the rubric it has, counted from 1.
KINDS = {"reason": (1,), "both": (1, 2), "always": (1, 3), "example": (2,), "none": ()}
POINTS = {"reason": 1.0, "both": 1.5, "always": 0.75, "example": 0.5, "none": 0.0}


def text_of(kind: str, student: int, question: int) -> str:
    """Return an answer of a kind that no other student has in the same words."""
    parts = {1: "The reason is the square of $x$.", 2: "For example, 2 gives 4.", 3: "It is always so."}
    said = " ".join(parts[line] for line in KINDS[kind]) or "I do not know."
    return f"{said} Kind: {kind}. (Note {student} on question {question}.)"


def kind_of(student: int, question: int) -> str:
    """Return which kind of answer a student gives."""
    return list(KINDS)[(student + question) % len(KINDS)]


def student_id(number: int) -> str:
    """Return the name of a student."""
    return f"student{number:04d}"


def _marks(name: str, points: float | None, *, solution: bool, kind: str) -> dict:
    marks = {"grade": points is not None, "grade_id": name, "locked": not solution, "schema_version": 3}
    marks |= {"solution": solution, "task": False, "cell_type": kind}
    return {"nbgrader": marks | ({"points": points} if points is not None else {})}


def _cells(questions: int, answers: dict[int, str] | None) -> list:
    """Return the cells of the source, or of a student's notebook."""
    cells = [new_code_cell("import math", id="setup", metadata=_marks("setup", None, solution=False, kind="code"))]
    for q in range(questions):
        asked = f"## Exercise {q + 1}: Why, {q + 1}\n\nWhy is it so?"
        code = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION" if answers is None else f"x = {q}"
        cells.append(
            new_markdown_cell(asked, id=f"text{q}", metadata=_marks(f"text{q}", None, solution=False, kind="markdown"))
        )
        cells.append(new_code_cell(code, id=f"code{q}", metadata=_marks(f"code{q}", None, solution=True, kind="code")))
        test = new_code_cell("assert x", id=f"test{q}", metadata=_marks(f"test{q}", 1.0, solution=False, kind="code"))
        if answers is not None and q == 0:
            test.outputs = [new_output("error", ename="AssertionError", evalue="x is 0 <script>", traceback=[])]
        cells.append(test)
        source = f"### Written part {q + 1}\n\nSay why.\n\n### BEGIN SOLUTION\n{RUBRIC}\n### END SOLUTION"
        cells.append(new_markdown_cell(
            source if answers is None else answers[q], id=f"why{q}",
            metadata=_marks(f"why{q}", 1.5, solution=True, kind="markdown"),
        ))  # fmt: skip
    return cells


def make_class(
    folder: Path, students: int, questions: int, *, db_url: str = "", answers=None, notebooks: tuple = (NOTEBOOK,)
) -> Path:
    """Write a course whose class waits for a reader; return its folder.

    `answers` gives a student's text by their numbers; by default the kinds take turns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    if db_url:
        config += f"\nc.CourseDirectory.db_url = {db_url!r}\n"
    (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    names = [f"{student_id(s)},{student_id(s)},Made-Up,Number {s},,," for s in range(students)]
    header = "student_id,user_name,last_name,first_name,email,matriculation_number,group"
    (folder / "roster.csv").write_text("\n".join([header, *names]) + "\n", encoding="utf-8")
    for name in notebooks:
        write(folder / "source" / ASSIGNMENT / f"{name}.ipynb", _cells(questions, None))
    answers = answers or (lambda s, q: text_of(kind_of(s, q), s, q))
    with Gradebook(db_url or f"sqlite:///{folder.resolve()}/gradebook.db") as gradebook:
        gradebook.add_assignment(ASSIGNMENT)
        for name in notebooks:
            gradebook.add_notebook(name, ASSIGNMENT)
            for q in range(questions):
                gradebook.add_grade_cell(f"test{q}", name, ASSIGNMENT, max_score=1.0, cell_type="code")
                gradebook.add_grade_cell(f"why{q}", name, ASSIGNMENT, max_score=1.5, cell_type="markdown")
                gradebook.add_solution_cell(f"why{q}", name, ASSIGNMENT)
                gradebook.add_solution_cell(f"code{q}", name, ASSIGNMENT)
        for s in range(students):
            said = {q: answers(s, q) for q in range(questions)}
            for name in notebooks:
                write(folder / "autograded" / student_id(s) / ASSIGNMENT / f"{name}.ipynb", _cells(questions, said))
            gradebook.add_student(student_id(s))
            for notebook in gradebook.add_submission(ASSIGNMENT, student_id(s)).notebooks:
                for grade in notebook.grades:
                    is_test = grade.name.startswith("test")
                    blank = not is_test and not said[int(grade.name[3:])].strip()
                    grade.auto_score = float(grade.name != "test0") if is_test else 0.0 if blank else None
                    grade.needs_manual_grade = not is_test and not blank
        gradebook.db.commit()
    return folder


def write(path: Path, cells: list) -> None:
    """Write a notebook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)


def scores(course: Path, db_url: str = "") -> dict[tuple[str, str], float | None]:
    """Return the marks that persons gave, by student and question."""
    with Gradebook(db_url or f"sqlite:///{course.resolve()}/gradebook.db") as gradebook:
        return {
            (submission.student.id, grade.name): grade.manual_score
            for submission in gradebook.find_assignment(ASSIGNMENT).submissions
            for grade in submission.notebooks[0].grades
            if grade.name.startswith("why")
        }
