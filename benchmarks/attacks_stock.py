"""The attacks of `tests/attacks` on stock nbgrader and on this course's engine, counted side by side.

Run ``python -m benchmarks.attacks_stock``. Stock means nbgrader's own `Autograde` and `GenerateFeedback` with their
default preprocessors and an empty configuration, but for a time limit per cell. Each attack gets a course with one
honest neighbour, in a bubblewrap sandbox around all of nbgrader, so that nothing happens to the machine. Attacks that
would be dangerous or endless even so are left out on both sides, with the reason.

First an honest hand-in stands in the attacker's place. What comes of it on stock nbgrader (its feedback shows hidden
tests, its release takes every file of the source along) is no merit of an attack, and is not counted.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.attacks import classroom
from tests.attacks.classroom import FAMILIES, NEIGHBOUR, Seat, Verdict
from tests.attacks.course import ASSIGNMENT, CELL_S, NOTEBOOK, make_course, plant_in_gradebook

ROOT = Path(__file__).parents[1]
# Stock nbgrader's limit is time on the clock, the import of torch included: an honest cell must not meet it.
STOCK_CELL_S = 10 * CELL_S
PLAIN_CONFIG = f"""c = get_config()
c.CourseDirectory.course_id = "plain"
c.ExecutePreprocessor.timeout = {STOCK_CELL_S}
"""
# Seconds that nbgrader may take for one attacker and one neighbour before the class counts as stopped.
PATIENCE_S = 240
# The place of the honest hand-in among the attacks of a family.
HONEST = -1
_ENDED = "nbgrader ended with status"
KINDS = {
    "earned points without an answer": "without an answer",
    "read a secret": "holds the secret",
    "ran code in the instructor's browser": ": <",
    "lost honest points": "is honest and earned",
    "dropped the submission": "no row",
    "harmed the neighbour or stopped the class": "neighbour:",
}


def kinds(breaches: list[str]) -> set[str]:
    """Sort what an attack achieved into the kinds of the table."""
    return {kind for kind, mark in KINDS.items() if any(mark in breach for breach in breaches)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", default=list(FAMILIES), help=f"of {', '.join(FAMILIES)}")
    parser.add_argument("--stock-only", action="store_true", help="leave this course's engine out")
    parser.add_argument("--jobs", type=int, default=2, help="how many attacks on stock nbgrader run at a time")
    parser.add_argument("--one", nargs=2, metavar=("FAMILY", "NUMBER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print("VERDICT " + json.dumps(on_stock(options.one[0], int(options.one[1]))))
        return

    places = [(family, n) for family in options.families for n, _ in enumerate(FAMILIES[family])]
    chosen = [(family, n) for family, n in places if not FAMILIES[family][n].not_on_stock]
    usual = set(in_a_sandbox(options.families[0], HONEST))
    if lost := sorted(breach for breach in usual if "earned" in breach or breach.startswith("neighbour:")):
        raise SystemExit(f"An honest hand-in loses points on stock nbgrader here, so nothing can be counted: {lost[0]}")
    with ThreadPoolExecutor(options.jobs) as pool:
        found = pool.map(lambda place: in_a_sandbox(*place), chosen)
        stock = {place: [b for b in breaches if b not in usual] for place, breaches in zip(chosen, found, strict=True)}
    ours = {} if options.stock_only else on_this_engine(chosen)

    for family, n in chosen:
        attack = FAMILIES[family][n]
        print(f"{family}: {attack.name}")
        for engine, found in (("stock", stock), ("ours", ours)):
            for breach in found.get((family, n), ()):
                print(f"    {engine}: {breach[:150]}")
    for family, n in places:
        if (family, n) not in stock:
            print(f"left out: {family}: {FAMILIES[family][n].name} ({FAMILIES[family][n].not_on_stock})")
    report(chosen, stock, ours, options.stock_only)


def report(chosen: list, stock: dict, ours: dict, stock_only: bool) -> None:
    """Print the counts."""
    columns = [("stock nbgrader", stock)] + ([] if stock_only else [("this course", ours)])
    print(f"\n{len(chosen)} attacks" + "".join(f" | {name}" for name, _ in columns))
    counts = [
        collections.Counter(kind for breaches in found.values() for kind in kinds(breaches)) for _, found in columns
    ]
    for kind in KINDS:
        print(kind + "".join(f" | {count[kind]}" for count in counts))
    print("succeeded in any way" + "".join(f" | {sum(map(bool, found.values()))}" for _, found in columns))


def on_this_engine(chosen: list[tuple[str, int]]) -> dict[tuple[str, int], list[str]]:
    """Grade all attackers as one class with this course's engine."""
    from course_utils.stages import autograde, feedback, release

    with tempfile.TemporaryDirectory() as folder:
        course = make_course(Path(folder), (ROOT / "nbgrader_config.py").read_text())
        release.release(course.root, ASSIGNMENT)
        plant_in_gradebook(course, course.root / "gradebook.db")
        seats = {place: Seat(f"s{n:03}", place[0], FAMILIES[place[0]][place[1]]) for n, place in enumerate(chosen)}
        neighbour = Seat("zoe-neighbour", "", NEIGHBOUR)
        for seat in (*seats.values(), neighbour):
            classroom.hand_in(course, seat)
        rows = {row.student_id: row for row in autograde.autograde(course.root, ASSIGNMENT)}
        feedback.feedback(course.root, ASSIGNMENT)
        harm = [f"neighbour: {b}" for b in classroom.judge(course, neighbour, rows[neighbour.student].problem).breaches]
        found = {
            place: classroom.judge(course, seat, rows[seat.student].problem, rows[seat.student].notes).breaches
            for place, seat in seats.items()
        }
        return {place: breaches + harm for place, breaches in found.items()}


def in_a_sandbox(family: str, number: int) -> list[str]:
    """Run one attack on stock nbgrader; where nbgrader ends without a verdict, see whether it does so again."""
    found = _in_a_sandbox(family, number)
    return _in_a_sandbox(family, number) if any(_ENDED in breach for breach in found) else found


def _in_a_sandbox(family: str, number: int) -> list[str]:
    """Run one attack in a process that can write nothing but its own folder."""
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        command = [
            # Of the folders that can be written there is only its own.
            shutil.which("bwrap") or "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
            "--tmpfs", "/tmp", "--tmpfs", str(Path.home()), "--ro-bind", str(ROOT), str(ROOT),
            "--bind", folder, "/tmp/stock",
            "--ro-bind", sys.base_prefix, sys.base_prefix, "--unshare-net", "--unshare-pid", "--unshare-ipc",
            "--die-with-parent", "--new-session", "--chdir", str(ROOT),
            sys.executable, "-W", "ignore", "-m", "benchmarks.attacks_stock", "--one", family, str(number),
        ]  # fmt: skip
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "TMPDIR": "/tmp"}
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment)
        except subprocess.TimeoutExpired:
            return [f"neighbour: nbgrader had not ended after {PATIENCE_S} seconds"]
    lines = [line for line in done.stdout.splitlines() if line.startswith("VERDICT ")]
    if not lines:
        last = done.stderr.strip().rpartition("\n")[2]
        return [f"neighbour: {_ENDED} {done.returncode}: {last[:100]}"]
    return json.loads(lines[-1].removeprefix("VERDICT "))


def on_stock(family: str, number: int) -> list[str]:
    """Run one attack on stock nbgrader, here (in the sandbox of `in_a_sandbox`); return what it achieved."""
    from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config.loader import PyFileConfigLoader

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, 6 << 30))
    root = Path("/tmp/stock/course")
    root.mkdir(parents=True)
    course = make_course(root, PLAIN_CONFIG)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.CourseDirectory.root = str(root)

    def convert(kind: type) -> None:
        directory = CourseDirectory(config=config)
        directory.assignment_id = ASSIGNMENT
        kind(coursedir=directory, config=config, force=True).start()

    convert(GenerateAssignment)
    plant_in_gradebook(course, root / "gradebook.db")
    attacker = Seat("eve", family, NEIGHBOUR if number == HONEST else FAMILIES[family][number])
    neighbour = Seat("zoe", family, NEIGHBOUR)
    for seat in (attacker, neighbour):
        classroom.hand_in(course, seat)
    with contextlib.suppress(NbGraderException):  # it says that some submission failed; the others were graded
        convert(Autograde)
    with contextlib.suppress(NbGraderException):
        convert(GenerateFeedback)

    def verdict(seat: Seat) -> Verdict:
        was_graded = (root / "autograded" / seat.student / ASSIGNMENT / f"{NOTEBOOK}.ipynb").exists()
        found = classroom.judge(course, seat, "" if was_graded else "dropped")
        if not was_graded and not seat.attack.ungradable:
            found.breaches.append("there is no row for it, the submission was dropped")
        return found

    theirs = verdict(neighbour).breaches
    # Files of an earlier neighbour and processes of the machine are no harm here: only the marks are looked at.
    harm = [f"neighbour: {breach}" for breach in theirs if "earned" in breach or "no row" in breach]
    # Stock feedback shows every student the hidden tests; that is no merit of the attack.
    usual = {breach for breach in theirs if breach.startswith("feedback/")}
    return [breach for breach in verdict(attacker).breaches if breach not in usual] + harm


if __name__ == "__main__":
    main()
