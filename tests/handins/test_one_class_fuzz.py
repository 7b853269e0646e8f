"""Hostile hand-ins by the hundred through the whole cycle, in one class with honest neighbours.

They are made by a grammar (names, JSON, notebooks, archives) and by damaging what is whole, from a seed. Ten thousand:
``python -m tests.handins.test_one_class_fuzz 10000``.
"""
# ruff: noqa: E501, PTH, PTH208 (attackers write long lines, and paths that pathlib has not)

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import re
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from course_utils.classroom.deadlines import sync_gradebook
from course_utils.classroom.names import fold
from course_utils.classroom.roster import read_roster
from course_utils.classroom.safety_net import FAULTS
from course_utils.stages import autograde, feedback
from course_utils.stages.collect import collect
from course_utils.stages.give_back import return_marks
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, make_course, source_notebook

pytestmark = pytest.mark.xdist_group("handins-fuzz")

NEIGHBOUR_EVERY = 50
_LIMITS = 'c.GradeNotebook.limits = {"memory": 1 << 30, "disk": 1 << 26}\n'
_PARTS = [
    "a", "Übung", "..", ".", "", " ", "adding.ipynb", "adding", "artifacts", "timestamp.txt", "submission.json", "con",
    "nul.txt", "__MACOSX", ".ipynb_checkpoints", "[red]x[/red]", "[link=http://x]y", "=cmd|' /C calc'!A0", "@SUM(1)", "-rf",
    "+1;=2", '";=1+1', "x\ny", "x\ry", "x\ty", "\x1b[2J\x1b]0;x\x07", "\u202egnp.exe", "\u200b", "\udcff", "\ud800", "n" * 255,
    "ü" * 127, "w" * 5_000, "C:", "$(id)", "`id`", "%n", "<script>", "{{7*7}}", "a" * 99 + ".ipynb", "\x00", "²", "..\\..", "~",
    ".graded.json", "feedback.html", "gradebook.db", ".course-run.lock", "1_submissions", "2_revisions_1", "Late_submission.txt",
]  # fmt: skip
_KEYS = [
    "cells", "metadata", "nbformat", "nbformat_minor", "cell_type", "source", "outputs", "id", "nbgrader", "grade_id", "grade",
    "points", "solution", "locked", "schema_version", "course", "trusted", "kernelspec", "language", "language_info", "name",
    "attachments", "image/png", "worksheets", "input", "level", "execution_count", "tags", "group", "members", "sha256",
    "matriculation_number", "assignment", "seconds", "epochs", "history", "__class__", "\ud800", "",
]  # fmt: skip
_NUMBERS = [
    "0",
    "-1",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "1" + "0" * 400,
    "9" * 5000,
    "0.1",
    "4",
    "3",
    "1e-400",
    "true",
]
_TEXTS = ["", "x", "²", "٣", "½", "1e3", "007", "code", "markdown", "python", "R", "add", "test_add_hidden", "\ud800", "\x00",
          "\x1b[31m", "=1+1", "{{x}}", "../../x", "<img src=x>", "w" * 3000, "\u202e", "9" * 5000]  # fmt: skip


def name(r: random.Random) -> str:
    """Return a path in an archive."""
    parts = [r.choice(_PARTS) for _ in range(r.choice((1, 1, 1, 2, 3, 45)))]
    return (
        r.choice(("", "", "", "/", "./", "C:\\"))
        + r.choice(("/", "/", "\\", "//")).join(parts)
        + r.choice(("", ".txt", ".ipynb"))
    )


def text_of_json(r: random.Random, depth: int = 4) -> str:
    """Return JSON of any shape; numbers may be what JSON doesn't have."""
    kind = r.random()
    if depth == 0 or kind < 0.25:
        return r.choice([r.choice(_NUMBERS), json.dumps(r.choice(_TEXTS)), "null", "[]", "{}"])
    if kind < 0.5:
        return "[" + ",".join(text_of_json(r, depth - 1) for _ in range(r.randrange(4))) + "]"
    if kind < 0.97:
        pairs = (f"{json.dumps(r.choice(_KEYS))}:{text_of_json(r, depth - 1)}" for _ in range(r.randrange(6)))
        return "{" + ",".join(pairs) + "}"
    return r.choice("[{") * r.choice((200, 900, 990, 1100, 100_000))


def honest(answer: str = "def add(a, b):\n    return a + b") -> dict[str, Any]:
    """Return the notebook of somebody who did the work."""
    content = json.loads(json.dumps(source_notebook()))
    for cell in content["cells"]:
        if cell["metadata"]["nbgrader"]["grade_id"] == "add":
            cell["source"] = answer
    return content


_ANSWERS = [
    "def add(a, b):\n    return a + b", "def add(a, b):\n    return abs(a) + b", "import os\nos._exit(3)", "add = 10 ** 400",
    "print('\\x1b[2J' * 1000)\nadd = None", "open('=1+1;\\x1b[2J.txt', 'w').write('x')\nadd = print", "raise SystemExit('[red]')",
    "add = type('\\ud800', (), {})", "def add(a, b):\n    raise RecursionError('\\x1b[2J\\n' * 100)", "(" * 300, "\x00", "%%bash\nexit 1",
]  # fmt: skip


def notebook(r: random.Random) -> bytes:
    """Return a notebook: whole with odd parts, or damaged, or JSON of any shape."""
    content = honest(r.choice(_ANSWERS))
    kind = r.randrange(9)
    if kind == 0:
        return text_of_json(r, 6).encode("utf-8", "surrogatepass")
    marks = [f"@@{n}@@" for n in range(r.randrange(1, 4))]
    for mark in marks:
        place: Any = content
        for _ in range(r.randrange(1, 6)):
            inner = list(place) if isinstance(place, dict) else list(range(len(place)))
            inner = [key for key in inner if isinstance(place[key], (dict, list)) and place[key]]
            if not inner:
                break
            place = place[r.choice(inner)]
        if isinstance(place, dict):
            place[r.choice([*place, r.choice(_KEYS)])] = mark
        elif kind == 1:
            place.insert(r.randrange(len(place) + 1), mark)
        else:
            place[r.randrange(len(place))] = mark
    text = json.dumps(content, ensure_ascii=r.random() < 0.5)
    for mark in marks:
        text = text.replace(json.dumps(mark), text_of_json(r))
    data = text.encode("utf-8", "replace")
    if kind == 2:
        data = data[: r.randrange(len(data))]
    elif kind == 3:
        at = r.randrange(len(data))
        data = data[:at] + r.randbytes(r.randrange(1, 9)) + data[at + 3 :]
    elif kind == 4:
        data = r.choice(
            (
                text.encode("utf-16", "replace"),
                b"\xef\xbb\xbf" + data,
                b"<html>" + data,
                b"",
                b"\x00" * 99,
                b"\x80\x04x",
            )
        )
    return data


def content_of(r: random.Random, path: str, depth: int) -> bytes:
    if path.endswith(".ipynb"):
        return notebook(r)
    if path.endswith(".json"):
        return text_of_json(r, 5).encode("utf-8", "replace")
    if path.endswith(("zip", "tar", "gz", "7z")) and depth:
        return archive(r, depth - 1)
    return r.choice((b"", b"x", b"10000-01-01 00:00:00 UTC", b"\xff" * 20, bytes(5_000), b"2026-01-01 00:00:00 UTC"))


def entries_of(r: random.Random, depth: int) -> list[tuple[str, bytes]]:
    paths = [name(r) for _ in range(r.randrange(4))]
    paths += r.sample(
        [f"{NOTEBOOK}.ipynb", f"{NOTEBOOK}.ipynb", f"work/{NOTEBOOK}.ipynb", f"{NOTEBOOK}.ipynb/x.txt", f"{NOTEBOOK}.ipynb/{NOTEBOOK}.ipynb",
         "artifacts/challenge.json", "submission.json", "timestamp.txt", "inner.zip", "inner.tar", "more.tar.gz", "x.7z", "x.rar", ".graded.json"],
        r.randrange(1, 4),
    )  # fmt: skip
    return [(path, content_of(r, path, depth)) for path in paths]


class RawInfo(zipfile.ZipInfo):
    """An entry whose name is written as it is, UTF-8 or not."""

    raw = b"x"

    def _encodeFilenameFlags(self):
        return self.raw, self.flag_bits | 0x800


def raw_info(path: str) -> RawInfo:
    info = RawInfo("x")
    info.filename = path
    info.raw = path.encode("utf-8", "surrogateescape" if r"\ud8" not in ascii(path) else "replace")[:60_000] or b"x"
    return info


def as_zip(entries: list[tuple[str, bytes]], r: random.Random) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one name twice is on purpose
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
            for path, data in entries:
                info = raw_info(path)
                info.external_attr = r.choice((0, 0, 0, 0o100644, 0o120777, 0o020666, 0o10644, 0o40755)) << 16
                info.compress_type = r.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
                made.writestr(info, data)
                info.flag_bits |= r.choice((0, 0, 0, 0, 0, 1))
    data = buffer.getvalue()
    if r.random() < 0.1:  # it says that it has 65,535 files
        end = data.rfind(b"PK\x05\x06")
        data = data[: end + 8] + b"\xff\xff\xff\xff" + data[end + 12 :]
    return data


def as_tar(entries: list[tuple[str, bytes]], r: random.Random) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=r.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))) as made:
        for path, data in entries:
            info = tarfile.TarInfo(path.encode("utf-8", "replace").decode().replace("\0", "") or "x")
            info.type = r.choice(
                (tarfile.REGTYPE,) * 6 + (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
            )
            info.linkname = "../../../etc/passwd"
            info.size = len(data) if info.type == tarfile.REGTYPE else 0
            info.mtime = r.choice((0, 1, 10**11 - 1))
            if r.random() < 0.1:
                info.name = "m" * r.choice((300, 70_000, 3_000_000))
            if made.format == tarfile.PAX_FORMAT and r.random() < 0.3:
                info.pax_headers = {
                    r.choice(("size", "path", "GNU.sparse.map", "GNU.sparse.size", "mtime", "hdrcharset")): r.choice(
                        _TEXTS[1:15]
                    )
                }
            try:
                made.addfile(info, io.BytesIO(data))
            except (ValueError, UnicodeError):
                continue
    data = bytearray(buffer.getvalue())
    if r.random() < 0.2 and len(data) > 512:
        data[156] = r.choice(b"LKxgSX7D\x00")
        data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
    return r.choice((bytes, lambda d: gzip.compress(d, mtime=0), bz2.compress, lzma.compress))(bytes(data))


def archive(r: random.Random, depth: int = 1) -> bytes:
    """Return an archive, perhaps damaged."""
    entries = entries_of(r, depth)
    data = as_zip(entries, r) if r.random() < 0.7 else as_tar(entries, r)
    kind = r.randrange(12)
    at = r.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + r.randbytes(4) + data[at + 4 :]
    if kind == 2:
        return b"7z\xbc\xaf\x27\x1c\x00\x04" + r.randbytes(60)
    return data


def hand_in(r: random.Random) -> dict[str, bytes]:
    """Return the files of a hostile hand-in, as OpenOlat stored them."""
    if r.random() < 0.6:
        return {
            r.choice(("work.zip", "work.zip", "work.tar.gz", "work.7z", "w\x1b[2J.zip", "=1+1.zip", "zip")): archive(r)
        }
    return dict(entries_of(r, 1))


@dataclass
class Outcome:
    """What became of a class."""

    places: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def run_class(root: Path, size: int, seed: int) -> Outcome:
    """Take a class of `size` hand-ins through the cycle; return what must not be."""
    outcome = Outcome()
    course = make_course(root / "course")
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(_LIMITS)
    people = [f"p{n:05}" for n in range(size)]
    neighbours = set(people[NEIGHBOUR_EVERY // 2 :: NEIGHBOUR_EVERY])
    lines = [f"{who},{who},Last{who},First,{who}@students.example,," for who in people]
    header = "student_id,user_name,last_name,first_name,email,matriculation_number,group"
    (course / "roster.csv").write_text("\n".join([header, *lines]) + "\n")
    download = root / "Tiny_2026-11-20T18-05.zip"
    with zipfile.ZipFile(download, "w", zipfile.ZIP_DEFLATED) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for number, who in enumerate(people):
            files = (
                {"work.zip": _honest_zip()} if who in neighbours else hand_in(random.Random(seed * 1_000_003 + number))
            )
            for path, data in files.items():
                made.writestr(
                    raw_info(f"ita_Tiny_2026-11-20T18-05-41_207/{fold(f'Last{who}_First_{who}')}/1_submissions/{path}"),
                    data,
                )

    def timed(stage: str, work):
        began = time.monotonic()
        result = work()
        outcome.seconds[stage] = time.monotonic() - began
        return result

    around = _listing(root)
    collection = timed("collect", lambda: collect(course, ASSIGNMENT, [download]))
    sync_gradebook(course, read_roster(course), ASSIGNMENT)
    rows = timed("autograde", lambda: autograde.autograde(course, ASSIGNMENT, workers=2))
    timed("feedback", lambda: feedback.feedback(course, ASSIGNMENT))
    returned = timed("return", lambda: return_marks(course, ASSIGNMENT, automatic=True))
    say = outcome.problems.append
    if (course / FAULTS).exists():
        say((course / FAULTS).read_text()[:20_000])
    if _listing(root) - around:
        say(f"written outside of the course: {_listing(root) - around}")
    for path in course.rglob("*"):
        if path.is_symlink():
            say(f"a link in the course: {path}")

    placed = {row.owner_id for row in collection.rows if row.state == "new"}
    told = {row.owner_id for row in collection.rows} | {row["student_id"] for row in collection.quarantined}
    folders = {row["folder"] for row in collection.quarantined}
    graded = {row.student_id: row for row in rows}
    lines_back = {line.student.student_id: line for line in returned.lines}
    for who in people:
        if who not in told and fold(f"Last{who}_First_{who}") not in folders:
            say(f"{who}: no table of the collection has it")
        if who not in graded:
            say(f"{who}: has no row after grading")
        elif who in placed:
            row = graded[who]
            page = course / "feedback" / who / ASSIGNMENT / f"{NOTEBOOK}.html"
            outcome.places["graded, with a reason" if row.problem else f"graded, {row.points:g} points"] += 1
            if not page.is_file():
                say(f"{who}: was graded and has no page; {row.problem}")
            if who not in lines_back or not lines_back[who].pages:
                say(f"{who}: was graded and nothing goes back")
            if not row.points and not row.problem and not row.max_points:
                say(f"{who}: zero without a reason")
        else:
            outcome.places["not placed, with a reason"] += 1
            if not graded[who].problem:
                say(f"{who}: nothing was placed, and the row has no reason")
        if who in neighbours and (who not in placed or graded[who].points != 3 or graded[who].problem):
            say(f"{who} is honest and has {graded[who]}")
    outcome.problems += _bad_tables(course)
    return outcome


def _honest_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        content = honest()
        next(c for c in content["cells"] if c["metadata"]["nbgrader"]["grade_id"] == "why")["source"] = (
            "YOUR ANSWER HERE"
        )
        made.writestr(f"{NOTEBOOK}.ipynb", json.dumps(content))
    return buffer.getvalue()


def _listing(root: Path) -> set[str]:
    return {str(path) for folder in (root, Path.cwd()) for path in folder.iterdir()}


def _bad_tables(course: Path) -> list[str]:
    """Return what in the tables a spreadsheet would compute, or a terminal obey."""
    found = []
    for path in [
        *(course / "reports").rglob("*.csv"),
        *course.glob("quarantine/*/*.csv"),
        *course.glob("returned/*/*.csv"),
    ]:
        text = path.read_bytes().decode("utf-8")
        if bad := re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\ud800-\udfff]", text):
            found.append(f"{path.name} holds {bad[0]!r}")
        for delimiter in ",;":
            for row in csv.reader(io.StringIO(text), delimiter=delimiter):
                cells = [cell.strip(' "') for cell in row]
                found += [
                    f"{path.name}: {cell[:80]!r}"
                    for cell in cells
                    if cell[:1] in "=+@" and cell and not _is_number(cell)
                ]
    return found


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+([.,]\d+)?", text) is not None


@pytest.mark.parametrize("seed", [1])
def test_hostile_hand_ins_cost_themselves_only(seed, tmp_path):
    outcome = run_class(tmp_path, 50, seed)
    assert not outcome.problems, "\n".join(outcome.problems[:40])
    assert outcome.places["not placed, with a reason"] > 10 and sum(outcome.places.values()) == 50
    assert sum(count for place, count in outcome.places.items() if place.startswith("graded")) > 5


def main(count: int, seed: int | None = None) -> None:
    """Run one class of `count`."""
    seed = random.randrange(1 << 31) if seed is None else seed
    print(f"{count} hand-ins, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="handins-") as folder:
        outcome = run_class(Path(folder), count, seed)
    print(*(f"{stage}: {seconds:.0f} s" for stage, seconds in outcome.seconds.items()), sep=", ")
    print(*(f"{place}: {many}" for place, many in sorted(outcome.places.items())), sep=", ")
    for problem in outcome.problems:
        print(ascii(problem) if "\n" not in problem else problem)
    print(f"{len(outcome.problems)} things that must not be")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
