"""What `nbgrader export` writes for a class with groups, in ``nbgrader_config.py``::

c.ExportApp.plugin_class = "course_utils.classroom.export.ScoreTableExporter"
"""

from __future__ import annotations

from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.plugins import ExportPlugin
from traitlets import Unicode

from course_utils.classroom.roster import read_roster, roster_path
from course_utils.classroom.tables import write_csv
from course_utils.errors import CourseError

__all__ = ["ScoreTableExporter"]


class ScoreTableExporter(ExportPlugin):
    """Export nbgrader's own table, in which who handed in nothing has no points, and members have those of their group.

    nbgrader's exporter writes 0.0 for both: for who is absent, and for whose group handed in.
    """

    no_submission = Unicode("", help="Text in place of the points of whoever handed in nothing.").tag(config=True)

    columns = (
        "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
        "late_submission_penalty", "score", "max_score",
    )  # fmt: skip

    def export(self, gradebook: Gradebook) -> None:
        """Write a row for each assignment and each student or group.

        Parameters
        ----------
        gradebook : nbgrader.api.Gradebook

        Raises
        ------
        CourseError
            If an assignment or a student that was asked for is not in the gradebook, or the roster can't be used.
        """
        try:
            assignments = [gradebook.find_assignment(str(name)) for name in self.assignment] or gradebook.assignments
            students = [gradebook.find_student(str(name)) for name in self.student] or gradebook.students
        except MissingEntry as error:
            raise CourseError(f"{error} `nbgrader export` knows those of the gradebook only.") from error
        groups, rows = self._groups(), []
        for assignment in assignments:
            for student in students:
                due = assignment.duedate or ""
                name = student.last_name or "", student.first_name or "", student.email or ""
                when, *points = self._scores(gradebook, assignment.name, [student.id, *groups.get(student.id, ())])
                rows.append([assignment.name, due, when, student.id, *name, *points, assignment.max_score])
        path = write_csv(Path(self.to or "grades.csv"), self.columns, rows)
        self.log.info("Wrote %d students, %d assignments to %s", len(students), len(assignments), path)

    def _scores(self, gradebook: Gradebook, assignment: str, owners: list[str]) -> tuple:
        """Return time, points, what lateness took, and the rest, of the submission of somebody or of their group."""
        found = [one for one in (_submission(gradebook, assignment, owner) for owner in owners) if one]
        if not found:
            return "", *[self.no_submission] * 3  # not 0.0: "absent" and "scored nothing" are different facts
        if len({_points(submission) for submission in found}) > 1:
            return "", *["several marks"] * 3  # nothing says which counts
        submission = found[0]
        lost = submission.late_submission_penalty or 0.0
        return submission.timestamp or "", submission.score, lost, _points(submission)

    def _groups(self) -> dict[str, list[str]]:
        """Return the groups of each student, as the gradebook knows them; none without a roster."""
        course = Path(self.parent.coursedir.root)
        if roster_path(course) is None:
            return {}
        roster = read_roster(course)
        found: dict[str, list[str]] = {}
        for group in roster.groups:
            for member in group.members:
                found.setdefault(member.student_id, []).append(group.owner_id)
        return found


def _points(submission: SubmittedAssignment) -> float:
    return max(0.0, submission.score - (submission.late_submission_penalty or 0.0))


def _submission(gradebook: Gradebook, assignment: str, owner: str) -> SubmittedAssignment | None:
    try:
        return gradebook.find_submission(assignment, owner)
    except MissingEntry:
        return None
