"""Assume breach: code that runs *on purpose* in each process of a run, and what it can reach from there.

A test cell is code in the process of the tests, so a hostile one stands for a student who got there. The worst that may
follow are wrong marks of, and a look at, the notebook in whose process it happens.
"""

# ruff: noqa: E501 (attackers write long lines)
from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import nbformat
import psutil
import pytest

from course_utils.classroom import folder as folder_module
from course_utils.grading import pool, returned
from course_utils.grading.run import engine as worker_module
from course_utils.grading.run import graders, messages, wire
from course_utils.grading.run.engine import Settings
from course_utils.grading.sandbox import view
from course_utils.grading.sandbox.host import Zygote
from course_utils.grading.submissions import GradedNotebook, GradedSubmission, Submission, grade, read_submission
from course_utils.stages import autograde
from tests.grading.run.test_grader import LIGHT, answer, check, course_cell
from tests.grading.run.test_grader import grade as grade_cells_of
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, hand_in, make_course, write

# One worker runs these: each starts processes.
pytestmark = pytest.mark.xdist_group("breach")

PLANTED = "planted-for-nobody-else"
LITTER = "left-by-a-breach"

# Looks around with all that Python has, and tells what it found as JSON. {places}: paths that must not be there.
LOOK_AROUND = f"""
import contextlib, ctypes, errno, gc, json, os, pathlib, signal, socket, subprocess, sys, threading
found = {{}}
def note(name, got):
    if got:
        found[name] = got if isinstance(got, (list, str, int)) else repr(got)

note("places", [p for p in PLACES if os.path.lexists(p)])
note("environment", [n for n, v in os.environ.items() if {PLANTED!r} in v])
holders = []
for root, folders, names in os.walk("/"):
    skipped = ("/proc", "/sys", "/usr", sys.prefix, sys.base_prefix)
    folders[:] = [f for f in folders if os.path.join(root, f) not in skipped]
    for name in names:
        with contextlib.suppress(OSError, ValueError):
            if os.path.isfile(os.path.join(root, name)) and os.path.getsize(os.path.join(root, name)) < 100_000:
                text = pathlib.Path(root, name).read_text(errors="replace")
                if {PLANTED!r} in text or {LITTER!r} in name:
                    holders.append(os.path.join(root, name))
note("files", holders)
writable = []
for folder in ["/", "/usr", "/usr/lib", "/etc", "/run", "/run/kernel", "/dev", "/tmp", "/submission", "/dev/shm", "/root", "/work",
               *sys.path, os.path.dirname(os.__file__), os.path.dirname(sys.executable)]:
    with contextlib.suppress(OSError):
        pathlib.Path(folder, {LITTER!r}).write_text("x")
        writable.append(folder)
own = {{"/submission", "/dev/shm", "/run/kernel"}}
note("writable", sorted(f for f in set(writable) - own if not f.startswith("/tmp")))
reached = []
for family, kind in ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET6, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_RAW),
                     (socket.AF_NETLINK, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW), (40, socket.SOCK_STREAM)):
    with contextlib.suppress(OSError):
        socket.socket(family, kind)
        reached.append(int(family))
for address in SOCKETS:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
        one.connect(address)
        reached.append(repr(address))
note("network", reached)
others = [int(p) for p in os.listdir("/proc") if p.isdecimal() and int(p) not in (1, os.getpid())]
for pid in (1, os.getppid(), *HOST_PIDS):
    for name in ("environ", "mem", "maps", "root/etc/passwd", "cwd/x", "fd"):
        with contextlib.suppress(OSError):
            if name == "fd":
                os.listdir(f"/proc/{{pid}}/fd")
            else:
                open(f"/proc/{{pid}}/{{name}}", "rb").read(1)
            if pid:
                others.append(f"{{pid}}/{{name}}")
    for number in (signal.SIGKILL, signal.SIGSTOP):
        with contextlib.suppress(OSError):
            if pid not in (0, 1, os.getpid()):
                os.kill(pid, number)
                others.append(f"kill {{pid}}")
with contextlib.suppress(OSError):
    os.kill(1, signal.SIGKILL)  # the keeper, which is init here
with contextlib.suppress(OSError):
    os.kill(-1, signal.SIGKILL)
note("processes", others)
done = []
for name, start in (("fork", os.fork), ("exec", lambda: os.execv("/bin/sh", ["sh"])), ("run", lambda: subprocess.run(["/bin/true"])),
                    ("setuid", lambda: os.setuid(0)), ("nice", lambda: os.setpriority(os.PRIO_PROCESS, 1, 19)),
                    ("affinity", lambda: os.sched_setaffinity(1, {{0}})), ("chroot", lambda: os.chroot("/tmp")),
                    ("memfd", lambda: os.memfd_create("x"))):
    with contextlib.suppress(OSError):
        start()
        done.append(name)
libc = ctypes.CDLL(None, use_errno=True)
# Numbers of x86_64: unshare, mount, ptrace, bpf, io_uring_setup, userfaultfd, keyctl, perf_event_open, shmget, setns, prlimit64 of the keeper.
for number, *arguments in ((272, 0x10000000), (165, 0, 0, 0, 0, 0), (101, 16, 1), (321, 0), (425, 1), (323, 0), (250, 0), (298, 0), (29, 1, 1, 0o1000),
                           (308, 0), (302, 1, 7), (435, 0, 0), (56, 17), (57,), (58,), (40000,)):
    if os.uname().machine == "x86_64" and libc.syscall(number, *arguments) != -1:
        done.append(number)
note("rights", done)
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines() if ":" in line)
note("capabilities", [n for n in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb") if int(status[n], 16)])
note("filter", "none" if status["Seccomp"].strip() != "2" or status["NoNewPrivs"].strip() != "1" else "")
note("memory", [str(type(o)) for o in gc.get_objects() if isinstance(o, dict) and any(isinstance(v, str) and {PLANTED!r} in v and "LOOK" not in v for v in list(o.values()) if type(v) is str and len(v) < 200)])
uid_outside = int(open("/proc/self/uid_map").read().split()[1])
"""

# The test cell's last words: an assertion's text is what students, and this file, read.
TELL = '\nassert False, "FOUND " + json.dumps(found)'


def found_in(text: str) -> dict:
    assert "FOUND " in text, text
    return json.loads(text.partition("FOUND ")[2].splitlines()[0])


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with secrets all over, whose hidden test is hostile."""
    root = make_course(tmp_path_factory.mktemp("breached") / "course")
    for name in ("roster.csv", "private-notes.txt", "source/other-notes.txt"):
        (root / name).write_text(f"{PLANTED}\n")
    (root / "roster.csv").unlink()
    for name in ("ada00", "bob00"):
        hand_in(root, name)
        (root / "submitted" / name / ASSIGNMENT / "own.txt").write_text(name)
    (root / "submitted" / "bob00" / ASSIGNMENT / "own.txt").write_text(PLANTED)
    return root


@pytest.fixture(scope="module")
def looked(course, monkeypatch_module):
    """What hostile tests found in the course's folder, one after the other."""
    monkeypatch_module.setenv("HOST_SECRET", PLANTED)
    listening = course / "listening"
    places = [
        str(course),
        str(course / "source"),
        str(course / "gradebook.db"),
        "/etc/shadow",
        str(Path.home() / ".ssh"),
    ]
    servers = []
    for address in (str(listening), "\0breach-listens"):
        server = socket.socket(socket.AF_UNIX)
        server.bind(address)
        server.listen()
        servers.append(server)
    known = f"PLACES = {places!r}\nSOCKETS = {[str(listening), chr(0) + 'breach-listens']!r}\nHOST_PIDS = {[os.getpid()]!r}\n"
    path = course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.nbgrader.grade_id == "test_add_hidden")
    hostile = known + LOOK_AROUND + TELL
    cell.source = f"# Hidden tests.\n### BEGIN HIDDEN TESTS\n{hostile}\n### END HIDDEN TESTS"
    write(notebook, path)
    before = {p: p.stat().st_mtime_ns for p in course.rglob("*") if p.is_file()}
    autograde.autograde(course, ASSIGNMENT, workers=1)
    for server in servers:
        server.close()
    changed = [p for p, time in before.items() if not p.exists() or p.stat().st_mtime_ns != time]
    pages = [course / "autograded" / name / ASSIGNMENT / f"{NOTEBOOK}.ipynb" for name in ("ada00", "bob00")]
    return changed, [nbformat.read(page, as_version=4) for page in pages]


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_from_the_process_of_the_tests_nothing_else_is_reached(looked):
    """Both: the second one also finds nothing that the first one left."""
    changed, notebooks = looked
    reports = [
        found_in("\n".join(o.get("evalue", "") for cell in notebook.cells for o in cell.get("outputs", [])))
        for notebook in notebooks
    ]
    ours = reports[1].pop("files", [])
    assert reports == [{}, {}]
    # Their own submission's files are theirs to read.
    assert [path for path in ours if path != "/submission/own.txt"] == []
    assert not changed


def test_the_other_tests_of_a_breached_notebook_count(looked):
    _, notebooks = looked
    for notebook in notebooks:
        (visible,) = [c for c in notebook.cells if c.metadata.nbgrader.grade_id == "test_add_visible"]
        assert visible.outputs == []


def test_processes_of_tests_have_users_of_their_own(tmp_path):
    source = 'import json\nassert False, "FOUND " + json.dumps(open("/proc/self/uid_map").read().split()[1])'
    users = []
    for _ in range(2):
        kernel = answer("mine", 'mine = open("/proc/self/uid_map").read().split()[1]')
        graded = grade_cells_of([kernel, check("users", "assert False, mine"), check("own", source)], tmp_path)
        users += [graded.message("test_users"), found_in(graded.message("test_own"))]
    # Without root's rights there is one user; namespaces part them.
    assert len(set(users)) == (4 if view.has_real_root() else 1)


# What a process of the tests that was taken over may send. `wire` is the worker's socket, `begun` is told already.
SENDS = {
    "noise": "sock.sendall(os.urandom(4096))",
    "pickle": "import pickle\nsock.sendall(pickle.dumps(('done', print)) + bytes(64))",
    "huge": "sock.sendall(struct.pack('<IIQ', 2, 1, 2**60) + struct.pack('<Q', 2**60) + b'{}')",
    "deep": "text = b'[' * 1_000_000\nsock.sendall(struct.pack('<IIQ', len(text), 0, 0) + text)",
    "nan": 'text = b\'{"kind":"finished","events":[],"seconds":NaN}\'\n'
    "sock.sendall(struct.pack('<IIQ', len(text), 0, 0) + text)",
    "digits": "send({'kind': 'begun', 'index': 0, 'limit': 10**400})",
    "others": "send({'kind': 'done', 'index': 0, 'outputs': []})",
    "future": "send({'kind': 'done', 'index': 20, 'outputs': []})",
    "end": "send({'kind': 'finished', 'events': [], 'seconds': 1.0})",
    "flood": "for _ in range(100_000): send({'kind': 'wanted', 'what': 'alive'})",
}
HOSTILE = """
import os, struct, sys, json
frame = sys._getframe()
while "self" not in frame.f_locals or not hasattr(frame.f_locals["self"], "owner"):
    frame = frame.f_back
channel = frame.f_locals["self"].owner.channel
sock = channel.connection
sock.settimeout(20)
send = channel.send
{what}
while True:
    channel.receive(20)
"""


def test_what_a_breached_process_sends_costs_its_own_cells_only(tmp_path, monkeypatch):
    """One notebook with one hostile cell of each kind: each is lost, and each cell in between counts."""
    monkeypatch.setattr(messages, "_MESSAGES", 2000)
    cells = [answer("a", "def a():\n    return 1")]
    for name, what in SENDS.items():
        cells += [check(name, HOSTILE.format(what=what)), check(f"{name}_after", "assert a() == 1")]
    graded = grade_cells_of(cells, tmp_path)
    for name in SENDS:
        assert graded.score(f"test_{name}") == 0, name
        assert graded.score(f"test_{name}_after") == 1, name
        said = graded.message(f"test_{name}")
        assert "sent something that is no result" in said or "did not take its answers" in said, name


@pytest.mark.parametrize("what", ["sock.sendall(b'{')", "pass"], ids=["half a message", "silence"])
def test_a_breached_process_that_stalls_costs_its_own_cell_only(what, tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "_PATIENCE_S", 2.0)
    deaf = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
    # That it gives itself less time spares this test a minute.
    what = "send({'kind': 'begun', 'index': 0, 'limit': 0.5})\n" + what
    hostile = check("hostile", deaf + HOSTILE.format(what=what).replace("receive(20)", "receive()"), timeout_s=1)
    graded = grade_cells_of([hostile, check("after", "assert True")], tmp_path)
    assert (graded.score("test_hostile"), graded.score("test_after")) == (0, 1)
    assert "took too long" in graded.message("test_hostile")


def test_at_worst_a_breached_process_gives_its_own_notebook_its_own_points(tmp_path):
    forged = """
finish = {"kind": "finished", "events": [], "seconds": 1.0}
for message in ({"kind": "done", "index": 1, "outputs": []}, {"kind": "begun", "index": 2, "limit": 1.0},
                {"kind": "done", "index": 2, "outputs": []}, finish):
    send(message)
"""
    cells = [answer("a", "a = 0"), check("forges", HOSTILE.format(what=forged)), check("a", "assert a == 1")]
    graded = grade_cells_of(cells, tmp_path)
    assert (graded.score("test_forges"), graded.score("test_a")) == (1, 1)  # its own; nothing of anybody else's


# The process that those of the tests are forked from runs what it imports, and reads nothing else.

IMPORTED = """
import json, os, socket
PLACES = {places!r}
found = [p for p in PLACES if os.path.lexists(p)]
found += [n for n, v in os.environ.items() if {planted!r} in v]
found += [p for p in os.listdir("/proc") if p.isdecimal() and p != "1"]
for folder in ("/", "/usr", "/etc", "/run/kernel", "/submission", os.path.dirname(os.__file__)):
    try:
        open(os.path.join(folder, "x"), "w")
        found.append(folder)
    except OSError:
        pass
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=1)
    found.append("network")
except OSError:
    pass
raise RuntimeError("FOUND " + json.dumps(found))
"""


def test_from_the_process_that_tests_are_forked_from_nothing_of_the_course_is_reached(course, tmp_path, monkeypatch):
    monkeypatch.setenv("HOST_SECRET", PLANTED)
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = [str(course), str(course / "source"), "/etc/shadow"]
        module = IMPORTED.format(places=places, planted=PLANTED, port=server.getsockname()[1])
        (tmp_path / "breached_module.py").write_text(module)
        options = graders.zygote_options(("breached_module",))
        options["env"]["PYTHONPATH"] = str(tmp_path)
        options["readable"].append(str(tmp_path))
        with Zygote(**options) as zygote:
            assert found_in(zygote.failed_imports["breached_module"]) == []


# The worker.


@pytest.fixture
def submission(tmp_path):
    course = make_course(tmp_path / "course")
    hand_in(course, "ada00")
    folder = course / "submitted" / "ada00" / ASSIGNMENT
    return read_submission(folder, "ada00", ASSIGNMENT, course / "source" / ASSIGNMENT, {}, Settings(preload=()))


def test_a_worker_is_given_no_gradebook(submission, tmp_path, monkeypatch):
    """Neither an open file nor a path of it; nothing that it is sent names the course's folder."""
    course = tmp_path / "course"
    assert str(course).encode() not in wire.dumps(submission.content())
    give, seen = pool._Worker.give, []

    def look(pid: int) -> None:
        links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
        links += psutil.Process(pid).cmdline()
        seen.append((pid, [link for link in links if "gradebook" in link or str(course) in link]))

    def give_and_look(worker: pool._Worker, given: Submission) -> None:
        give(worker, given)
        look(worker.process.pid)

    monkeypatch.setattr(pool._Worker, "give", give_and_look)
    with folder_module.open_gradebook(course) as gradebook:
        gradebook.update_or_create_student("ada00")
        for result in pool.grade_here([submission], workers=1):
            assert result.error == ""
            look(seen[0][0])  # it waits for more
    assert [found for _, found in seen] == [[], []]


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    course = make_course(tmp_path_factory.mktemp("honest") / "course")
    hand_in(course, "ada00")
    folder = course / "submitted" / "ada00" / ASSIGNMENT
    given = read_submission(folder, "ada00", ASSIGNMENT, course / "source" / ASSIGNMENT, {}, LIGHT)
    return given, grade(given)


def test_an_honest_result_is_read(honest):
    given, result = honest
    assert result.error == ""
    assert returned.read_graded(wire.loads(wire.dumps(result.content())), given) == result


def change(result: GradedSubmission, edit) -> dict:
    notebook = json.loads(result.notebooks[NOTEBOOK].content)
    edit(notebook)
    changed = GradedSubmission(result.student, {NOTEBOOK: GradedNotebook(json.dumps(notebook))})
    return changed.content()


def cell_of(notebook: dict, name: str) -> dict:
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def _points(notebook):
    cell_of(notebook, "test_add_hidden")["metadata"]["nbgrader"]["points"] = 100


def _source(notebook):
    cell_of(notebook, "test_add_hidden")["source"] = "pass"


def _rename(notebook):
    cell_of(notebook, "test_add_hidden")["metadata"]["nbgrader"]["grade_id"] = "other"


def _remove(notebook):
    notebook["cells"].remove(cell_of(notebook, "test_add_hidden"))


def _twice(notebook):
    notebook["cells"].append(cell_of(notebook, "test_add_hidden"))


def _unlock(notebook):
    cell_of(notebook, "test_add_hidden")["metadata"]["nbgrader"]["locked"] = False


def _score(notebook):
    data = {"text/plain": "2.0"}
    output = {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": None}
    cell_of(notebook, "test_add_hidden")["outputs"] = [output]


def _html(notebook):
    output = {"output_type": "display_data", "data": {"text/html": "<script>"}, "metadata": {}}
    cell_of(notebook, "add")["outputs"] = [output]


def _imports(notebook):
    notebook["metadata"]["course"]["imports"] = ["import os; os.system('true')"]


def _events(notebook):
    notebook["metadata"]["course"]["trust"]["events"] = [["note", {"a": 1}]]


def _seconds(notebook):
    notebook["metadata"]["course"]["trust"]["seconds"] = 10**400


def _format(notebook):
    notebook["nbformat"] = 3


FORGED = (_points, _source, _rename, _remove, _twice, _unlock, _score, _html, _imports, _events, _seconds, _format)


@pytest.mark.parametrize("edit", FORGED, ids=lambda edit: edit.__name__[1:])
def test_a_result_with_another_notebook_is_refused(edit, honest):
    given, result = honest
    with pytest.raises(wire.BadMessage):
        returned.read_graded(change(result, edit), given)


@pytest.mark.parametrize(
    "content",
    [
        {"student": "bob00", "notebooks": {}, "error": ""},
        {"student": "ada00", "notebooks": {}, "error": ""},
        {"student": "ada00", "notebooks": {"other": "{}"}, "error": ""},
        {"student": "ada00", "notebooks": {NOTEBOOK: b"{}"}, "error": ""},
        {"student": "ada00", "notebooks": {NOTEBOOK: "[]"}, "error": ""},
        {"student": "ada00", "notebooks": {NOTEBOOK: "[" * 100_000}, "error": ""},
        {
            "student": "ada00",
            "notebooks": {NOTEBOOK: '{"cells": [5], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'},
            "error": "",
        },
        {"student": "ada00", "notebooks": [], "error": ""},
        {"student": "ada00", "notebooks": {}, "error": 5},
        ["ada00"],
    ],
)
def test_a_result_of_another_form_is_refused(content, honest):
    with pytest.raises(wire.BadMessage):
        returned.read_graded(content, honest[0])


# Reading an answer does nothing but read.


def test_an_answer_that_would_run_code_ends_the_process_and_costs_its_cell(tmp_path):
    """Should a reader ever be led to compile, import or open something, that is where it ends."""
    leads = "import course_utils.grading.bridge.handles as values\nread = values.loads\n"
    does = {
        "compiles": "compile('1', 'x', 'eval')",
        "imports": "__import__('this_is_not_there')",
        "opens": "open('/etc/passwd')",
        "connects": "__import__('socket').socket()",
        "loads": "__import__('ctypes').CDLL(None)",
    }
    cells = [course_cell("import socket, ctypes", "setup"), answer("a", "def a():\n    return [1]")]
    for name, what in does.items():
        patch = f"{leads}values.loads = lambda *arguments: {what}\ntry:\n    a()\nfinally:\n    values.loads = read"
        cells += [check(name, patch), check(f"{name}_after", "assert a() == [1]")]
    graded = grade_cells_of(cells, tmp_path, imports=["import socket, ctypes"])
    for name in does:
        assert (graded.score(f"test_{name}"), graded.score(f"test_{name}_after")) == (0, 1), name
        assert "was ended: to read an answer it was led to" in graded.message(f"test_{name}")


def test_a_test_itself_may_import_open_and_compile(tmp_path):
    source = "import decimal, wave\nopen('/etc/passwd').close()\nassert eval(compile('1 + 1', 'x', 'eval')) == 2\na()"
    graded = grade_cells_of([answer("a", "def a():\n    return 1"), check("a", source)], tmp_path)
    assert graded.message("test_a") == ""
