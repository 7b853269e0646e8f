"""Marks as the gradebook has them: per assignment, after lateness, and for the whole course with bonus."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbgrader.api import MissingEntry, SubmittedAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course_utils.classroom.by_hand import points_that_count, to_read_again, waits
from course_utils.classroom.config import load_config
from course_utils.classroom.deadlines import penalty, sync_gradebook
from course_utils.classroom.folder import coursedir, open_gradebook
from course_utils.classroom.grades import fetch_grades
from course_utils.classroom.roster import Roster, Student, read_roster
from course_utils.classroom.safety_net import Waiting, attempt
from course_utils.classroom.settings import Deadlines
from course_utils.classroom.tables import put, put_formula, write_csv
from course_utils.errors import CourseError
from course_utils.notebooks.files import notebooks_in

__all__ = ["NOT_GRADED_YET", "CourseMark", "Mark", "course_marks", "lateness_now", "read_marks", "write_course_table"]

NOT_GRADED_YET = "another hand-in was collected and is not graded yet"


@dataclass(frozen=True)
class Mark:
    """What one student or group has in one assignment.

    Parameters
    ----------
    owner_id : str
    score : float
        Points after lateness, bonus points included.
    max_score : float
        Points there are to get, bonus points included.
    penalty : float
        Points that lateness cost.
    bonus : float
        Those of the points (after lateness) that are bonus points.
    max_bonus : float
    waiting : int
        Cells that wait for a person.
    waiting_points : float
        What these cells are worth.
    problem : str
        Why the points are not those of what was handed in last, if so: a person has to look.
    """

    owner_id: str
    score: float
    max_score: float
    penalty: float = 0.0
    bonus: float = 0.0
    max_bonus: float = 0.0
    waiting: int = 0
    waiting_points: float = 0.0
    problem: str = ""


def read_marks(course: Path, assignment: str) -> list[Mark]:
    """Return the marks of an assignment; whoever handed in nothing has none.

    Penalties for lateness are computed anew, because points given by hand come after autograding, and written
    to the gradebook, so that formgrader shows the same.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str

    Returns
    -------
    list of Mark
        In the order of the gradebook.

    Raises
    ------
    CourseError
        If the gradebook does not know the assignment.
    """
    config = load_config(course)
    folders = coursedir(course, config)
    with open_gradebook(course, config) as gradebook:
        try:
            entry = gradebook.find_assignment(assignment)
        except MissingEntry as error:
            raise CourseError(
                f"The gradebook knows no assignment {assignment!r}; release it and grade it first."
            ) from error
        bonus_cells = _bonus_cells(course, folders, assignment)
        waiting = dict(Waiting(course, assignment).reasons)
        marks = []
        for submission in sorted(entry.submissions, key=lambda s: s.student.id):
            student = submission.student.id
            folder = Path(folders.format_path(folders.autograded_directory, student, assignment))
            work = functools.partial(_mark_now, submission, assignment, config, bonus_cells, folder)
            mark, fault = attempt(course, student, "counted", work)
            if mark is None:
                gradebook.db.rollback()
                marks.append(Mark(student, 0.0, 0.0, problem=fault))
                continue
            submitted = Path(folders.format_path(folders.submitted_directory, student, assignment))
            problem = waiting.pop(student, "") or _not_graded(assignment, submitted, folder)
            marks.append(replace(mark, problem=problem))
            if gradebook.db.dirty:  # each commit lets go of all that was read
                gradebook.db.commit()
        # The sums are columns that the database computes.
        gradebook.db.expire_all()
    return marks + [Mark(student, 0.0, 0.0, problem=why) for student, why in waiting.items()]


def _not_graded(assignment: str, submitted: Path, autograded: Path) -> str:
    """Return why marks are not those of what lies in `submitted/`, empty if they are.

    Collecting another hand-in takes what was made of the older one away, whichever autograder makes the next.
    """
    if autograded.is_dir() or not submitted.is_dir():
        return ""
    return f"{NOT_GRADED_YET}; run `course autograde {assignment}`"


def _mark_now(
    submission: SubmittedAssignment, assignment: str, config: Config, bonus_cells: set[tuple[str, str]], folder: Path
) -> Mark:
    changed = to_read_again(folder)
    fetch_grades(submission)
    _update_penalties(submission, assignment, config, changed)
    return _mark(submission, bonus_cells, changed)


def _mark(
    submission: SubmittedAssignment, bonus_cells: set[tuple[str, str]], changed: frozenset[tuple[str, str]] | None
) -> Mark:
    score = max_score = taken = bonus = max_bonus = waiting_points = 0.0
    waiting = 0
    for notebook in submission.notebooks:
        own, own_bonus = points_that_count(notebook, changed), 0.0
        for grade in notebook.grades:
            worth = grade.max_score or 0.0
            points = 0.0 if waits(grade, changed) else (grade.score or 0.0) + 0.0
            max_score += worth
            if (notebook.name, grade.name) in bonus_cells:
                own_bonus += points
                max_bonus += worth
            if waits(grade, changed):
                waiting += 1
                waiting_points += worth
        lost = min(notebook.late_submission_penalty or 0.0, own)
        score += own - lost
        taken += lost
        # Lateness takes its share of bonus points as of the others.
        bonus += own_bonus * (own - lost) / own if own else 0.0
    return Mark(
        submission.student.id, score, max_score, taken, bonus, max_bonus, waiting=waiting, waiting_points=waiting_points
    )


def _update_penalties(
    submission: SubmittedAssignment, assignment: str, config: Config, changed: frozenset[tuple[str, str]] | None
) -> None:
    policy = Deadlines(config=config)
    if policy.policy == "none":
        return  # another plugin may have set them
    late = submission.total_seconds_late
    for notebook in submission.notebooks:
        own = points_that_count(notebook, changed)
        cost = penalty(policy, assignment, own, late) or None
        if notebook.late_submission_penalty != cost:
            notebook.late_submission_penalty = cost


def lateness_now(
    submission: SubmittedAssignment, assignment: str, config: Config, changed: frozenset[tuple[str, str]] | None
) -> float:
    """Return the points that lateness costs as the marks are now, without writing it to the gradebook.

    Parameters
    ----------
    submission : nbgrader.api.SubmittedAssignment
    assignment : str
    config : traitlets.config.Config
    changed : frozenset of (str, str), optional
        As `by_hand.to_read_again` gives it.
    """
    policy, total = Deadlines(config=config), 0.0
    for notebook in submission.notebooks:
        own = points_that_count(notebook, changed)
        noted = notebook.late_submission_penalty or 0.0  # of another plugin
        late = submission.total_seconds_late
        total += min(own, noted if policy.policy == "none" else penalty(policy, assignment, own, late))
    return total


def _bonus_cells(course: Path, folders: CourseDirectory, assignment: str) -> set[tuple[str, str]]:
    """Return notebook and grade_id of the cells whose metadata say that they give bonus points."""
    found = set()
    for path in notebooks_in(Path(course) / folders.source_directory / assignment):
        for cell in json.loads(path.read_bytes())["cells"]:
            metadata = cell.get("metadata", {})
            if metadata.get("course", {}).get("bonus") and "grade_id" in metadata.get("nbgrader", {}):
                found.add((path.stem, metadata["nbgrader"]["grade_id"]))
    return found


@dataclass
class CourseMark:
    """What one student has in the whole course.

    Bonus points fill up points that were lost in any assignment, and nothing else: `applied` is never more than
    `lost`, so that `total` is never more than `maximum`.
    """

    student: Student
    scores: dict[str, float | None] = field(default_factory=dict)
    maxima: dict[str, float] = field(default_factory=dict)
    penalties: dict[str, float] = field(default_factory=dict)
    open_points: dict[str, float] = field(default_factory=dict)
    bonus: float = 0.0
    waiting: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def maximum(self) -> float:
        """Points of the course, without bonus."""
        return sum(self.maxima.values())

    @property
    def points(self) -> float:
        """Points reached, without bonus."""
        return sum(score or 0.0 for score in self.scores.values())

    @property
    def lost(self) -> float:
        """Points not reached; what was not handed in counts as lost, what nobody has read yet does not."""
        return max(0.0, self.maximum - self.points - self.open)

    @property
    def open(self) -> float:
        """Points of cells that a person has not graded yet."""
        return sum(self.open_points.values())

    @property
    def applied(self) -> float:
        """Bonus points that count."""
        return min(self.bonus, self.lost)

    @property
    def total(self) -> float:
        """Points with bonus."""
        return self.points + self.applied


def course_marks(course: Path) -> tuple[list[str], list[CourseMark]]:
    """Return the assignments of the gradebook, and the marks of every student of the roster.

    Group work counts for each member. A student in two groups that were both graded gets no points for
    that assignment, and a note, because nothing says which ones count.

    Parameters
    ----------
    course : pathlib.Path

    Returns
    -------
    assignments : list of str
    marks : list of CourseMark
        In the order of the roster.
    """
    config = load_config(course)
    folders = coursedir(course, config)
    roster = read_roster(course)
    with open_gradebook(course, config) as gradebook:
        assignments = [a.name for a in sorted(gradebook.assignments, key=lambda a: a.name) if a.notebooks]
        maxima = {a.name: a.max_score for a in gradebook.assignments}
    marks = {s.student_id: CourseMark(s) for s in roster.students}
    for assignment in assignments:
        bonus_cells = _bonus_cells(course, folders, assignment)
        given: dict[str, list[Mark]] = {}
        sync_gradebook(course, roster, assignment, known_only=True)
        found = read_marks(course, assignment)
        for mark in found:
            for student in members_of(mark.owner_id, roster):
                given.setdefault(student.student_id, []).append(mark)
        max_bonus = max((m.max_bonus for m in found), default=_bonus_points(course, assignment, bonus_cells))
        for student_id, mine in marks.items():
            mine.maxima[assignment] = maxima[assignment] - max_bonus
            options = given.get(student_id, [])
            mine.scores[assignment] = None
            if len({m.score for m in options}) > 1:
                told = ", ".join(f"{m.owner_id}: {number(m.score)}" for m in options)
                mine.notes.append(f"{assignment}: several marks ({told}), none counted")
            elif options and options[0].problem:
                mine.notes.append(f"{assignment}: {options[0].problem}")
                mine.waiting += 1
            elif options:
                mark = options[0]
                mine.scores[assignment] = mark.score - mark.bonus
                mine.penalties[assignment] = mark.penalty
                mine.bonus += mark.bonus
                mine.waiting += mark.waiting
                mine.open_points[assignment] = mark.waiting_points
    return assignments, list(marks.values())


def _bonus_points(course: Path, assignment: str, bonus_cells: set[tuple[str, str]]) -> float:
    points = 0.0
    for path in notebooks_in(Path(course) / "source" / assignment):
        for cell in json.loads(path.read_bytes())["cells"]:
            about = cell.get("metadata", {}).get("nbgrader", {})
            if (path.stem, about.get("grade_id")) in bonus_cells:
                points += float(about.get("points", 0))
    return points


def members_of(owner_id: str, roster: Roster) -> tuple[Student, ...]:
    """Return the students who get the marks of a student or group; none if the roster does not know it."""
    owner = roster.owner(owner_id)
    return owner.members if owner else ()


def write_course_table(
    course: Path, folder: Path | None = None, remarks: Mapping[str, Sequence[str]] | None = None
) -> tuple[Path, Path]:
    """Write the marks of the whole course as CSV and as xlsx.

    Parameters
    ----------
    course : pathlib.Path
    folder : pathlib.Path, optional
        By default ``reports/`` of the course.
    remarks : mapping of str to sequence of str, optional
        What else is to be noted of a student, by student_id.

    Returns
    -------
    tuple of pathlib.Path
        The CSV and the xlsx; the maxima stand in ``course-maxima.csv``. In the xlsx, lost points, bonus and total are
        formulas, which show how the bonus counts.
    """
    folder = Path(folder or Path(course) / "reports")
    folder.mkdir(parents=True, exist_ok=True)
    assignments, marks = course_marks(course)
    first = ["student_id", "user_name", "last_name", "first_name", "matriculation_number", "group"]
    last = ["points", "maximum", "open", "lost", "bonus reached", "bonus counted", "total", "waiting", "notes"]
    header = [*first, *assignments, *last]
    rows = []
    for m in marks:
        s = m.student
        person = [s.student_id, s.user_name, s.last_name, s.first_name, s.matriculation_number, "; ".join(s.groups)]
        scores = [m.scores[a] for a in assignments]
        notes = "; ".join([*m.notes, *(remarks or {}).get(s.student_id, ())])
        sums = [m.points, m.maximum, m.open, m.lost, m.bonus, m.applied, m.total, m.waiting, notes]
        rows.append((person, scores, sums))
    csv_path = folder / "course-table.csv"
    lines = []
    for person, scores, sums in rows:
        cells = [*scores, *sums]
        lines.append(person + ["" if c is None else number(c) if isinstance(c, float) else c for c in cells])
    write_csv(csv_path, header, lines, mark=True)
    # In a table of its own: a row "maximum" among the students spoils what is made of the table.
    maxima = [[a, number(marks[0].maxima[a]) if marks else ""] for a in assignments]
    write_csv(folder / "course-maxima.csv", ["assignment", "maximum"], maxima, mark=True)
    return csv_path, _write_xlsx(folder / "course-table.xlsx", header, assignments, marks, rows)


def _write_xlsx(path: Path, header: list[str], assignments: list[str], marks: list[CourseMark], rows: list) -> Path:
    import openpyxl  # which takes longer to load than all the rest of this module
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter as letter

    book = openpyxl.Workbook()
    table = book.active
    table.title = "Marks"
    for column, name in enumerate(header, start=1):
        put(table.cell(1, column), name)
    for column, value in enumerate(
        ["maximum", *[None] * 5, *(marks[0].maxima[a] if marks else None for a in assignments)]
    ):
        put(table.cell(2, column + 1), value)
    start, end = letter(7), letter(6 + len(assignments))
    points, maximum, unread, lost, bonus, counted = (letter(6 + len(assignments) + i) for i in range(1, 7))
    for i, (person, scores, sums) in enumerate(rows, start=3):
        for column, value in enumerate([*person, *scores], start=1):
            put(table.cell(i, column), value)
        sums_of_row = [
            f"=SUM({start}{i}:{end}{i})" if assignments else 0,
            f"=SUM({start}$2:{end}$2)" if assignments else 0,
            sums[2],
            f"=MAX(0,{maximum}{i}-{points}{i}-{unread}{i})",
            sums[4],
            f"=MIN({bonus}{i},{lost}{i})",
            f"={points}{i}+{counted}{i}",
            *sums[7:],
        ]
        for number_of_sum, value in enumerate(sums_of_row):
            write = put_formula if number_of_sum in (0, 1, 3, 5, 6) else put
            write(table.cell(i, 7 + len(assignments) + number_of_sum), value)
    for cell in table[1]:
        cell.font = Font(bold=True)
    table.freeze_panes = "E3"
    about = book.create_sheet("How it is counted")
    for line in (
        "Points of an assignment are those of the gradebook after lateness; an empty cell: nothing handed in.",
        "lost = maximum - points - open: also what was not handed in.",
        "open = points of cells that a person has not graded yet: neither reached nor lost.",
        "bonus counted = the smaller of bonus reached and lost: bonus fills up lost points of any assignment.",
        "total = points + bonus counted: never more than the maximum of the course.",
        "waiting = cells that a person has not graded yet; their points are not in the sums.",
    ):
        about.append([line])
    book.save(path)
    return path


def number(value: float) -> str:
    """Write points with a decimal point, without needless zeros.

    Examples
    --------
    >>> number(17.5), number(20.0), number(1 / 3), number(-0.0)
    ('17.5', '20', '0.33', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
