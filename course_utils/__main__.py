"""`python -m course_utils` is the `course` command."""

from course_utils.command.app import app

app(prog_name="course")
