"""A gradebook in PostgreSQL, against a real server."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from course_utils.classroom import folder as folder_module
from course_utils.stages import autograde, feedback
from tests.support.tiny_course import ASSIGNMENT, hand_in, hand_in_class, make_course

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture
def server():
    """A server of its own, over a Unix socket only."""
    if PROGRAMS is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a short path, as sockets need one
    root = os.geteuid() == 0
    account = pwd.getpwnam("postgres") if root else pwd.getpwuid(os.geteuid())
    if root:
        os.chown(folder, account.pw_uid, account.pw_gid)
    identity = {"user": account.pw_uid, "group": account.pw_gid} if root else {}
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run([PROGRAMS / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=folder, **identity)

    run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
    run(
        "pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-w", "-o", f"-k {folder} -c listen_addresses=''", "start"
    )
    try:
        run("createdb", "-h", str(folder), "-U", "postgres", "gradebook")
        yield f"postgresql+psycopg://postgres@/gradebook?host={folder}"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_grading_into_postgresql_gives_the_same_marks(server, tmp_path):
    course = make_course(tmp_path / "course")
    path = course / "nbgrader_config.py"
    path.write_text(path.read_text() + f"\nc.CourseDirectory.db_url = {server!r}\n")
    known = hand_in_class(course, 5)
    assert {r.student_id: r.points for r in autograde.autograde(course, ASSIGNMENT, workers=2)} == known
    assert not (course / "gradebook.db").exists()
    known["student0001"] = hand_in(course, "student0001", "right")
    autograde.autograde(course, ASSIGNMENT, workers=2)
    with folder_module.open_gradebook(course) as gradebook:
        assert {s.student.id: s.score for s in gradebook.find_assignment(ASSIGNMENT).submissions} == known
    feedback.feedback(course, ASSIGNMENT)
    assert (course / "feedback" / "student0000" / ASSIGNMENT / "adding.html").exists()
