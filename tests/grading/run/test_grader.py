"""One cell, one loss: whatever an answer does, it costs the cell in which it happens, and the message says what."""

from __future__ import annotations

import time
import types
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.utils import determine_grade

from course_utils.errors import NotGradable
from course_utils.grading.run import engine, notebook_run
from course_utils.grading.run import messages as messages_module
from course_utils.grading.run.engine import KernelUnavailable, NotebookResult, Settings, grade_cells
from course_utils.grading.run.kernel_client import KernelLost
from course_utils.grading.run.messages import CellBegun, Wanted

# One worker runs the notebook of accidents, for all of these tests.
pytestmark = pytest.mark.xdist_group("grader")

LIGHT = Settings(preload=())
IMPORTS = ["import math", "from course_utils.checks import assert_equal, assert_number"]


def course_cell(source, name="", points=0, tags=(), solution=False, **course):
    marks = {"grade": points > 0, "grade_id": name, "locked": not solution, "schema_version": 3, "solution": solution}
    metadata = {"nbgrader": {**marks, "task": False, "points": points}, "course": course, "tags": list(tags)}
    return new_code_cell(source, metadata=metadata)


def answer(name, source, **course):
    return course_cell(source, name, solution=True, **course)


def check(name, source, points=1, **course):
    return course_cell(source, f"test_{name}", points, **course)


@dataclass
class Graded:
    """A notebook after grading, by grade_id."""

    result: NotebookResult
    cells: dict[str, nbformat.NotebookNode]

    def score(self, name):
        return determine_grade(self.cells[name])[0]

    def message(self, name):
        return "\n".join(o["evalue"] for o in self.cells[name].outputs if o["output_type"] == "error")

    def text(self, name):
        outputs = self.cells[name].outputs
        return "".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)

    def events(self, name):
        return [event for event in self.result.events if event[1].startswith(f"{name}: ")]


def grade(cells, folder, settings=LIGHT, imports=IMPORTS) -> Graded:
    result = grade_cells(cells, imports, folder, settings)
    for index, cell in enumerate(cells):
        cell.outputs = [nbformat.from_dict(output) for output in result.outputs.get(index, [])]
    return Graded(result, {cell.metadata.nbgrader.grade_id: cell for cell in cells})


DEAF = """def deaf():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass"""

ACCIDENTS = [
    course_cell("import math, sys, warnings\nfrom course_utils.checks import assert_number\nlimit = 3", "setup"),
    answer("a", "def a(x):\n    return x + 1"),
    check("a", 'assert_number(a(1), 2, "a(1)")'),
    # A cell that ends its process.
    answer("dies", "print('before', flush=True)\nimport os, time\ntime.sleep(0.5)\nos._exit(3)\ndies = 1"),
    check("dies", 'assert_number(dies, 1, "dies")'),
    check("a_again", 'assert_number(a(2), 3, "a(2)")'),
    # A call that does.
    answer("call", "def call():\n    import os\n    os._exit(0)"),
    check("call", 'assert_number(call(), 1, "call()")'),
    check("a_third", 'assert_number(a(3), 4, "a(3)")'),
    # Loops: in a cell, after something useful; and in a call, ignoring interrupts.
    answer("loop", "def loop():\n    return 5\nwhile True:\n    pass", timeout_s=0.5),
    check("loop", 'assert_number(loop(), 5, "loop()")'),
    answer("deaf", DEAF),
    check("deaf", 'assert_number(deaf(), 5, "deaf()")', timeout_s=0.5),
    answer("slow", "import time\ndef slow():\n    time.sleep(60)"),
    check("slow", 'assert_number(slow(), 5, "slow()")', timeout_s=0.5),
    check("loop_again", 'assert_number(loop(), 5, "loop()")'),
    # Floods.
    answer("long", "print('x' * 100_000)"),
    answer("flood", "def flood():\n    return 6\nwhile True:\n    print('x' * 200_000, flush=True)"),
    check("flood", 'assert_number(flood(), 6, "flood()")'),
    # Harmless.
    answer("noise", "def noise():\n    warnings.warn('careful')\n    print('progress', file=sys.stderr)\n    return 7"),
    check("noise", 'assert_number(noise(), 7, "noise()")'),
    answer("empty", "   "),
    # Failures of the ordinary kind.
    answer("wrong", "def wrong(x):\n    return x / 0\nnothing = None\nlimit = 4"),
    check("wrong", 'assert_number(wrong(2), 1, "wrong(2)")'),
    check("mute", "assert a(1) == 3"),
    check("missing", "missing(3)"),
    check("value", "len(nothing)"),
    # Points.
    check("partial", "passed = [a(1) == 2, a(1) == 3]\nsum(1 for one in passed if one) / 2 * 3", points=3),
    check("too_much", "17", points=2),
    check("students_number", "a(1)", points=2),
    check("students_name", "limit", points=2),
    # Cells of the course.
    course_cell("EXPECTED = math.sqrt(16)\nprint('ready')", "constants", trusted=True),
    answer("thief", "EXPECTED = 0\ndef root():\n    return EXPECTED"),
    check("thief", 'assert_number(root(), EXPECTED, "root()")'),
    course_cell("raise SystemError('must not run')", "play", grading="skip"),
    check("kernel", "import sys\nprint('x', file=sys.stderr)\nassert a(1) == 2", tags=["in-kernel"]),
    check("kernel_secret", "expected = 'secret answer'\nassert a(1) == expected", tags=["in-kernel"]),
    check("last", 'assert_number(a(5), 6, "a(5)")'),
]  # fmt: skip


@pytest.fixture(scope="module")
def accidents(tmp_path_factory):
    return grade(ACCIDENTS, tmp_path_factory.mktemp("files"))


LOSES = {"test_dies", "test_call", "test_deaf", "test_slow", "test_wrong", "test_mute", "test_missing", "test_value",
         "test_thief", "test_kernel_secret"}  # fmt: skip
PARTIAL = {"test_partial": 1.5}


def test_every_other_cell_keeps_its_points(accidents):
    expected = {
        name: PARTIAL.get(name, 0 if name in LOSES else cell.metadata.nbgrader.points)
        for name, cell in accidents.cells.items()
        if name.startswith("test_")
    }
    assert {name: accidents.score(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dies", "This cell ended the whole Python process. The cells after it ran in a fresh one."),
        ("test_dies", "dies is not defined here. It stands in dies, but that cell did not run to its end."),
        ("test_call", "This cell ended the whole Python process. The cells after it ran in a fresh one."),
        ("loop", "This cell was stopped after 0.5 seconds."),
        (
            "test_deaf",
            "This cell did not stop when its time of 0.5 seconds was up. The cells after it ran in a fresh one.",
        ),
        ("test_slow", "This cell was stopped after 0.5 seconds."),
        ("flood", "This cell was stopped: it printed far too much."),
        ("test_mute", "A check in this cell did not pass."),
        ("test_missing", "missing is not defined. Is its cell still there, and does it run without an error?"),
        (
            "test_value",
            "The test could not use what your code gave it. TypeError: object of type 'NoneType' has no len()",
        ),
        ("test_wrong", "wrong(…) raised ZeroDivisionError: division by zero\n  in wrong, line 2: return x / 0"),
        ("test_thief", "root() is 0, which is not right."),
        ("test_kernel_secret", "A check in this cell did not pass."),
        ("test_last", ""),
    ],
)
def test_the_message_says_what_happened(name, message, accidents):
    found = accidents.message(name)
    assert found.endswith(message) if name in ("loop", "flood") else found == message


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("dies", "restart", "dies: the kernel died"),
        ("test_call", "restart", "test_call: the kernel died"),
        ("loop", "timeout", "loop: interrupted after 0.5 s"),
        ("test_deaf", "timeout", "test_deaf: ignored the interrupt after 0.5 s"),
        ("test_slow", "timeout", "test_slow: interrupted after 0.5 s"),
        ("flood", "limit", "flood: printed too much and was stopped"),
        ("long", "limit", "long: its output was cut"),
    ],
)
def test_the_report_tells_what_happened(name, kind, sentence, accidents):
    assert (kind, sentence) in accidents.events(name)


def test_honest_cells_leave_no_events(accidents):
    named = {sentence.partition(":")[0] for _, sentence in accidents.result.events}
    assert named == {"dies", "test_call", "loop", "test_deaf", "test_slow", "flood", "long"}


def test_what_was_printed_before_the_end_is_kept(accidents):
    assert accidents.text("dies") == "before\n"
    assert accidents.text("long").startswith("x" * 1000)
    assert len(accidents.text("long")) < 70_000
    assert accidents.text("long").endswith("[The rest of this output was left out: it is too long.]\n")


def test_text_on_stderr_is_shown_and_costs_nothing(accidents):
    outputs = accidents.cells["test_noise"].outputs
    assert {output["name"] for output in outputs} == {"stdout"}
    assert "careful" in accidents.text("test_noise") and "progress" in accidents.text("test_noise")


def test_a_cell_that_shows_something_is_left_out(accidents):
    assert accidents.text("play") == "[This cell shows something; it is not run for grading.]\n"
    assert accidents.message("play") == ""


def test_lines_of_a_test_reach_no_output(accidents):
    """Not even those of a test that runs in the student's kernel."""
    shown = str([cell.outputs for cell in accidents.cells.values()])
    assert "secret answer" not in shown and "EXPECTED" not in shown and "assert_number(" not in shown


def test_the_result_says_where_it_ran(accidents):
    assert accidents.result.sandboxed is True
    assert accidents.result.seconds > 0


def test_points_never_exceed_or_go_below(tmp_path):
    cells = [check("below", "-3.0", points=2), check("nan", "float('nan')", points=2), check("truth", "True", points=2)]
    graded = grade(cells, tmp_path)
    assert [graded.score(f"test_{name}") for name in ("below", "nan", "truth")] == [0, 0, 2]


@pytest.mark.parametrize(
    ("cells", "imports", "reason"),
    [
        ([check("a", "assert (")], [], "line 1: '(' was never closed"),
        ([course_cell("one = 1 / 0", "data", trusted=True), check("a", "one")], [], "data failed: line 1: ZeroDiv"),
        ([check("a", "no_such_module.x")], ["import no_such_module"], "No module named 'no_such_module'"),
        ([check("a", "open('gone.csv')")], [], "No such file or directory: 'gone.csv'"),
    ],
)
def test_a_fault_of_the_course_stops_its_cell_alone(cells, imports, reason, tmp_path):
    result = grade_cells([*cells, check("b", "assert 1 + 1 == 2")], imports, tmp_path, LIGHT)
    assert reason in result.faults[len(cells) - 1] and len(cells) not in result.faults
    assert result.outputs[len(cells)] == []


def test_a_test_process_that_dies_costs_its_cell(tmp_path):
    cells = [
        answer("a", "def a():\n    return 1"),
        check("crash", "import os\nif a() == 1:\n    os._exit(1)"),
        check("a", 'assert_number(a(), 1, "a()")'),
    ]
    graded = grade(cells, tmp_path)
    assert (graded.score("test_crash"), graded.score("test_a")) == (0, 1)
    assert (
        graded.message("test_crash")
        == "This cell could not be finished: its process crashed on what your code gave it."
    )
    assert ("restart", "test_crash: the test process crashed") in graded.result.events


def test_a_test_that_never_ends_costs_its_cell(tmp_path, monkeypatch):
    """The grader process is given up by the process that owns it, should its own alarm not help."""
    monkeypatch.setattr(engine, "_PATIENCE_S", 1.0)
    cells = [
        check("first", "assert True"),
        check("deaf", "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass", timeout_s=0.5),
        check("fine", "assert True"),
    ]
    graded = grade(cells, tmp_path)
    assert (graded.score("test_deaf"), graded.score("test_fine")) == (0, 1)
    assert graded.message("test_deaf") == (
        "This cell could not be finished: its process took too long on what your code gave it."
    )


def test_the_time_of_a_notebook_has_a_limit(tmp_path, monkeypatch):
    """What was finished by then counts."""
    finished = {}
    run_grader = engine._run_grader

    def watched(job, kernel, end, known):
        nonlocal finished
        finished = known.outputs
        return run_grader(job, kernel, end, known)

    def clock():
        return time.monotonic() + 1e6 * (1 in finished)  # time flies once the second test is done

    monkeypatch.setattr(engine, "_run_grader", watched)
    monkeypatch.setattr(engine, "time", types.SimpleNamespace(monotonic=clock))
    cells = [
        check("one", "assert True"),
        check("two", "assert False, 'wrong'"),
        check("three", "import time\ntime.sleep(60)"),
        check("four", "assert True"),
    ]
    graded = grade(cells, tmp_path, Settings(preload=(), notebook_s=1000))
    assert [graded.score(f"test_{name}") for name in ("one", "two", "three", "four")] == [1, 0, 0, 0]
    assert graded.message("test_two") == "wrong"
    said = "The time of the whole notebook, 1000 seconds, was used up"
    assert graded.message("test_three") == graded.message("test_four") == f"{said}; this test did not run."
    assert ("note", said) in graded.result.events


def test_rules_see_what_the_courses_own_cells_import(tmp_path):
    """In the notebook they do, since IPython remembers these cells too; so a rule that held there holds here."""
    cells = [
        course_cell("import numpy as np", "setup"),
        answer("total", "def total(values):\n    return np.sum(values)"),
        check("total", 'assert_only_modules(total, ["torch"], "total")'),
    ]
    graded = grade(
        cells, tmp_path, imports=["from course_utils.checks import assert_only_modules", "import numpy as np"]
    )
    assert graded.message("test_total") == "total uses numpy; allowed here: torch."


def test_no_kernel_is_the_instructors_problem(tmp_path, monkeypatch):
    def missing(*_, **__):
        raise engine.SandboxUnavailable("bwrap is missing. Install bubblewrap.")

    monkeypatch.setattr(engine.StudentKernel, "start", missing)
    with pytest.raises(KernelUnavailable, match="Install bubblewrap"):
        grade_cells([check("a", "assert True")], [], tmp_path, LIGHT)


def test_a_run_without_the_sandbox_says_so(tmp_path):
    (tmp_path / "own.py").write_text("number = 5")
    cells = [answer("a", "import own\ndef a():\n    return own.number"), check("a", 'assert_number(a(), 5, "a()")')]
    graded = grade(cells, tmp_path, Settings(sandbox=False, preload=()))
    assert graded.result.sandboxed is False
    assert graded.score("test_a") == 1


def test_without_the_sandbox_a_lost_kernel_costs_its_cell(tmp_path):
    ends = "import os\nos._exit(0)"
    cells = [answer("a", "a = 1"), check("a", 'assert_number(a, 1, "a")'), answer("b", ends)]
    cells += [answer("c", "c = 3"), check("c", 'assert_number(c, 3, "c")'), check("again", 'assert_number(a, 1, "a")')]
    graded = grade(cells, tmp_path, Settings(sandbox=False, preload=()))
    assert [graded.score(f"test_{name}") for name in ("a", "c", "again")] == [1, 1, 1], graded.result.events


# The same run, in this process: what needs other limits.


class Owner:
    """Starts and stops kernels for a `NotebookRun` in the same process."""

    def __init__(self, folder):
        self.kernel = engine._Kernel(folder, LIGHT)
        self.sent = []

    def __enter__(self):
        self.kernel.__enter__()
        return self

    def __exit__(self, *error):
        self.kernel.__exit__(*error)

    def tell(self, message):
        self.sent.append(message)

    def ask(self, what):
        self.sent.append(Wanted(what))
        answer = self.kernel.do(what)
        if isinstance(answer, dict):
            answer["ip"] = f"/proc/self/fd/{self.kernel.sockets(what)[0]}/k"
        return answer


def run_here(cells, folder: Path, **options):
    with Owner(folder) as owner:
        run = notebook_run.NotebookRun(owner, messages_module.Job(cells=cells, imports=IMPORTS, **options))
        outcome = run.grade()
        run.close()
    return outcome, owner.sent


def test_restarts_have_a_limit(tmp_path):
    dies = "import os\nos._exit(1)"
    cells = [
        answer("one", dies),
        answer("two", dies),
        answer("three", "three = 3"),
        check("three", 'assert_number(three, 3, "three")'),
    ]
    outcome, sent = run_here(cells, tmp_path, limits={"restarts": 2})
    assert [m for m in sent if isinstance(m, Wanted) and "start" in m.what] == [
        Wanted("start"),
        Wanted("restart"),
        Wanted("restart"),
    ]
    messages = [outcome.outputs[index][0]["evalue"] for index in (2, 3)]
    assert messages == [
        "This cell did not run: Python had to be started again too often.",
        "This test could not run: Python had to be started again too often.",
    ]


@pytest.mark.parametrize("restarts", [64, 1])
def test_kernels_that_never_become_ready_are_no_students_loss(restarts, tmp_path, monkeypatch):
    def lose(connection, timeout_s):
        raise KernelLost("timeout")

    monkeypatch.setattr(notebook_run.KernelConnection, "wait_until_ready", lose)
    cells = [answer("a", "a = 1"), check("a", "assert a == 1")]
    with pytest.raises(NotGradable, match=r"No kernel became ready for it: [23] in a row ended, or did not answer"):
        run_here(cells, tmp_path, limits={"restarts": restarts})


def test_an_objects_own_text_in_a_message_costs_at_most_the_message(tmp_path):
    """`assert fact, thing` asks the thing for its text, which may fail, end the process, or never come."""
    texts = {
        "fails": "raise ValueError",
        "number": "return 3",
        "dies": "import os; os._exit(1)",
        "loops": "while True: pass",
    }
    cells = []
    for name, body in texts.items():
        cells += [
            answer(name, f"class {name.title()}:\n    def __str__(self): {body}\n    __repr__ = __str__"),
            check(name, f"thing = {name.title()}()\nassert isinstance(thing, int), thing", timeout_s=2),
            check(f"{name}_key", f"thing = {name.title()}()\n{{}}[thing]", timeout_s=2),
        ]
    graded = grade([*cells, answer("a", "a = 1"), check("a", "assert a == 1")], tmp_path)
    assert graded.score("test_a") == 1 and not graded.result.faults
    for name in texts:
        assert graded.score(f"test_{name}") == graded.score(f"test_{name}_key") == 0
    assert graded.message("test_fails") == "A check in this cell did not pass."


@pytest.mark.parametrize(
    ("limits", "code", "said"),
    [
        (
            {"test_processes": 20},
            "import threading, time\n"
            "for n in range(60): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
            "can't start new thread",
        ),
        ({"test_cpu_seconds": 2}, "while True: pass", "could not be finished"),
    ],
)
def test_limits_of_the_tests_sandbox_are_obeyed(limits, code, said, tmp_path):
    settings = Settings(preload=(), limits=limits)
    graded = grade([answer("a", "a = 1"), check("a", code), check("b", "assert a == 1")], tmp_path, settings)
    assert said in graded.message("test_a") and (graded.score("test_a"), graded.score("test_b")) == (0, 1)


def test_limits_come_from_the_metadata(tmp_path):
    cells = [answer("a", "a = 1", timeout_s=7), check("a", "assert a == 1"), check("b", "assert a == 1", timeout_s=90)]
    outcome, sent = run_here(cells, tmp_path)
    assert [m for m in sent if isinstance(m, CellBegun)] == [CellBegun(0, 7.0), CellBegun(1, 60.0), CellBegun(2, 90.0)]
    assert outcome.outputs[1] == outcome.outputs[2] == []


def test_a_kernel_that_is_killed_once_from_outside_costs_nothing(tmp_path, monkeypatch):
    """A cell gets a second kernel before it is blamed."""
    cells = [answer("a", "def a():\n    return 1"), check("a", 'assert_number(a(), 1, "a()")')]
    ask = notebook_run.NotebookRun.request
    killed = []

    def request(run, content, buffers):
        if not killed:
            killed.append(run.owner.kernel.process.end())
        return ask(run, content, buffers)

    monkeypatch.setattr(notebook_run.NotebookRun, "request", request)
    outcome, _ = run_here(cells, tmp_path)
    assert killed and outcome.outputs[1] == [] and outcome.events == []


def test_what_a_test_found_before_is_the_students_too(tmp_path):
    """A name that is known from the test before is not asked for again; what fails on it is no fault of the course."""
    cells = [answer("a", "class A: pass\na = A()"), check("a", 'assert_number(a(1), 2, "a(1)")'), check("b", "a(2)")]
    graded = grade(cells, tmp_path)
    assert not graded.result.faults
    assert graded.score("test_a") == graded.score("test_b") == 0


def test_half_a_surrogate_pair_is_no_error_of_ours(tmp_path):
    printing = "def a():\n    print('\\ud800')\n    return 1"
    cells = [answer("a", printing), check("a", 'assert_number(a(), 1, "a()")'), answer("b", "print('\\udfff')\nb = 2")]
    cells += [check("b", 'assert_number(b, 2, "b")'), answer("c", "c = 3\nraise ValueError('<\\ud800>')")]
    graded = grade([*cells, check("c", 'assert_number(c, 3, "c")')], tmp_path)
    assert [graded.score(f"test_{name}") for name in "abc"] == [1, 1, 1], graded.result.events
    assert (graded.text("test_a"), graded.text("b"), graded.message("c")) == ("?\n", "?\n", "<?>")
    assert "course_utils" not in str([cell.outputs for cell in graded.cells.values()])


def test_a_process_of_tests_that_always_ends_before_the_first_cell_is_no_students_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "_run_grader", lambda *_: (None, 0, engine._CRASHED))
    with pytest.raises(engine.EngineError, match="ended again and again, before the first cell"):
        grade([answer("a", "a = 1"), check("a", "assert a == 1")], tmp_path)


def test_who_returns_nothing_reads_which_call_it_was(tmp_path):
    cells = [answer("a", "def a(x):\n    x + 1"), check("a", "assert a(1).shape == (2,)"), check("b", "len(a(2))")]
    graded = grade(cells, tmp_path)
    wanted = "The test could not use what your code gave it: a(…) is None. Is a `return` missing?"
    assert graded.message("test_a") == graded.message("test_b") == wanted


def test_a_cell_may_await(tmp_path):
    waits = "import asyncio\nawait asyncio.sleep(0)\na = 1"
    fails = "await asyncio.sleep(0)\nb = 1\n1 / 0"
    cells = [answer("a", waits), check("a", "assert a == 1"), answer("b", fails), check("b", "assert b == 1")]
    graded = grade([*cells, answer("c", "c = 3"), check("c", "assert c == 3")], tmp_path)
    assert [graded.score(f"test_{name}") for name in "abc"] == [1, 1, 1], graded.message("a")
    assert "division by zero" in graded.message("b") and not graded.result.events


def test_a_test_draws_into_no_figure_of_another_test(tmp_path):
    draw = "import matplotlib.pyplot as plt\n\ndef draw(values):\n    plt.plot(values)\n    return plt.gcf()"
    seen = "assert len(draw([1, 2]).axes[0].lines) == 1"
    graded = grade([answer("draw", draw), check("draw", seen), check("again", seen)], tmp_path)
    assert graded.score("test_draw") == graded.score("test_again") == 1, graded.message("test_again")


def test_a_figure_that_a_test_has_drawn_is_shown_below_no_other_cell(tmp_path):
    draw = "import matplotlib.pyplot as plt\n\ndef draw(values):\n    figure, ax = plt.subplots()\n    ax.plot(values)"
    seen = "figure = draw([1, 2])\nassert len(figure.axes) == 1"
    cells = [
        answer("draw", f"{draw}\n    return figure\n\ndraw([0, 1]);"),
        check("draw", seen),
        check("again", "figure = draw([1, 2])\nassert len(figure.axes[0].lines) == 1"),
        answer("later", "later = 1"),
        answer("own", "draw([5, 6]);"),
    ]
    graded = grade(cells, tmp_path)
    assert graded.score("test_draw") == graded.score("test_again") == 1, graded.message("test_draw")
    shown = {name: [*cell.outputs] for name, cell in graded.cells.items()}
    assert {name: len(outputs) for name, outputs in shown.items()} == {
        "draw": 1, "test_draw": 0, "test_again": 0, "later": 0, "own": 1
    }  # fmt: skip


def test_names_of_one_test_cell_are_not_seen_in_the_next(tmp_path):
    cells = [check("one", "helper = 5"), check("two", "assert helper == 5")]
    outcome, _ = run_here(cells, tmp_path)
    assert "helper is not defined" in outcome.outputs[1][0]["evalue"]


def test_a_test_sees_what_a_name_stands_for_when_it_runs(tmp_path):
    """Also if nothing but that name has been asked for since a later cell bound it anew, or took it away."""
    cells = [
        answer("a", "def a(x):\n    return x + 1"),
        check("first", 'assert_number(a(1), 2, "a(1)")'),
        answer("anew", "def a(x):\n    return x + 2"),
        check("second", 'assert_number(a(1), 3, "a(1)")'),
        answer("away", "del a"),
        check("third", 'assert_number(a(1), 3, "a(1)")'),
    ]
    graded = grade(cells, tmp_path)
    assert [graded.score(f"test_{name}") for name in ("first", "second", "third")] == [1, 1, 0]
    assert "a is not defined here" in graded.message("test_third")


def test_the_output_of_a_whole_notebook_has_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(notebook_run, "_NOTEBOOK_OUTPUT", 100_000)
    cells = [answer(f"a{n}", "print('x' * 40_000)\nraise ValueError('y' * 3000)") for n in range(4)]
    outcome, _ = run_here(cells, tmp_path)
    assert [len(outcome.outputs[n]) for n in range(4)] == [2, 2, 1, 1]
    assert outcome.outputs[3][0]["ename"] == "ValueError" and len(outcome.outputs[3][0]["evalue"]) == 1000
    assert outcome.events == [("limit", "outputs were left out: the notebook puts out too much")]


def test_a_rule_looks_at_the_definition_that_was_there_when_the_test_ran(tmp_path):
    rule = 'from course_utils.checks import assert_no_calls\nassert_no_calls({0}, ["math.fsum"], "{0}")'
    draft, legal = "def {0}(x):\n    return math.fsum(x)", "def {0}(x):\n    return sum(x)"
    graded = grade(
        [
            answer("draft_a", draft.format("a")),
            answer("a", legal.format("a")),
            check("a", rule.format("a")),
            answer("b", draft.format("b")),
            answer("never", "1 / 0\n" + legal.format("b")),
            check("b", rule.format("b")),
            answer("c", legal.format("c")),
            check("c", rule.format("c")),
            answer("later_c", draft.format("c")),
        ],
        tmp_path,
    )
    assert [graded.score(f"test_{name}") for name in "abc"] == [1, 0, 1]
    assert "b uses math.fsum" in graded.message("test_b")


WORKS_ON = {
    "a process": "import os\nos.fork()\nwhile True:\n    pass",
    "a thread": "import threading\ndef work():\n    while True:\n        pass\n"
    "threading.Thread(target=work, daemon=True).start()\nwhile True:\n    pass",
}


@pytest.mark.parametrize("what", WORKS_ON)
def test_what_works_on_after_a_stopped_cell_takes_no_time_from_the_next(what, tmp_path):
    busy = "import time\nend = time.thread_time() + 0.7\nwhile time.thread_time() < end:\n    pass\nb = 2"
    cells = [
        answer("a", "a = 1"),
        answer("leaves", WORKS_ON[what], timeout_s=0.5),
        answer("b", busy, timeout_s=1.0),
        check("b", "assert a + b == 3"),
    ]
    graded = grade(cells, tmp_path)
    assert not graded.events("b")
    assert graded.score("test_b") == 1


def test_a_copy_of_the_kernel_does_not_go_on_in_its_place(tmp_path):
    """A student's `os.fork` in a cell, or in a function: both processes would read the next message."""
    cells = [
        answer("copies", "import os, time\nfor _ in range(3):\n    os.fork()\nmine = os.getpid()\ncopies = 1"),
        answer("f", "def f():\n    os.fork()\n    return os.getpid()"),
        answer("b", "b = [os.getpid() == mine]"),
        check("b", "assert b == [True]"),
        check("f", "assert f() == f()"),
        answer("left", "time.sleep(1)\nstats = [open(f'/proc/{n}/stat').read().rpartition(')')[2].split() "
               "for n in os.listdir('/proc') if n.isdecimal()]\n"
               "left = [stat for stat in stats if stat[1] == str(mine) and stat[0] != 'Z']"),
        check("left", "assert len(left) == 0, left"),
    ]  # fmt: skip
    graded = grade(cells, tmp_path)
    assert [graded.score(f"test_{name}") for name in ("b", "f")] == [1, 1], graded.result
    left = graded.message("test_left")
    assert left == "", left
