"""Marks come out of the gradebook in a handful of questions, however many cells there are."""

from nbgrader.api import Gradebook
from sqlalchemy import event

from course_utils.classroom.grades import fetch_grades


def _questions(cells: int, tmp_path) -> tuple[list[str], list[tuple]]:
    with Gradebook(f"sqlite:///{tmp_path}/{cells}.db") as gradebook:
        gradebook.add_assignment("ex")
        for notebook in ("one", "two"):
            gradebook.add_notebook(notebook, "ex")
            for number in range(cells):
                gradebook.add_grade_cell(f"c{number}", notebook, "ex", max_score=number + 1, cell_type="code")
                gradebook.add_solution_cell(f"s{number}", notebook, "ex")
            gradebook.add_task_cell("task", notebook, "ex", max_score=7, cell_type="markdown")
        gradebook.add_student("nobody-1")
        submission = gradebook.add_submission("ex", "nobody-1")
        submission.notebooks[0].grades[0].auto_score = 0.5
        gradebook.db.commit()  # lets go of all that was read
        asked = []
        event.listen(gradebook.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
        fetch_grades(submission)
        found = [
            (notebook.name, grade.name, grade.max_score, grade.score, grade.needs_manual_grade)
            for notebook in submission.notebooks
            for grade in notebook.grades
        ]
        assert len([comment.name for notebook in submission.notebooks for comment in notebook.comments]) == 2 * (
            cells + 1
        )
        return asked, sorted(found)


def test_no_question_for_each_cell(tmp_path):
    few, _ = _questions(1, tmp_path)
    many, found = _questions(20, tmp_path)
    assert len(many) == len(few) < 10
    assert len(found) == 2 * 21
    assert sorted(points for notebook, _, points, _, _ in found if notebook == "one") == sorted([*range(1, 21), 7])
    assert sum(score for *_, score, _ in found) == 0.5
