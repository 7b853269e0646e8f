"""The sandbox: what a kernel needs works, and what it must not do fails.

As root, `test_all_of_this_holds_for_a_plain_user` runs the whole file again as a user without rights.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

import course_utils
from course_utils.grading.limits import SandboxLimits
from course_utils.grading.sandbox import cgroups, confine, view
from course_utils.grading.sandbox import host as host_module
from course_utils.grading.sandbox import host as launcher
from course_utils.grading.sandbox.files import collect_files, pack_files
from course_utils.grading.sandbox.host import Zygote, close_shared_zygotes, shared_zygote
from course_utils.grading.sandbox.view import SandboxUnavailable
from course_utils.notebooks.limits import MIB
from tests.attacks import resources
from tests.support.sandboxed import kernel

REPOSITORY = Path(course_utils.__file__).resolve().parent.parent
PLAIN_UID = 54321  # of nobody on this machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is for Linux")


@pytest.fixture(scope="module", autouse=True)
def end_zygotes():
    yield
    close_shared_zygotes()


@pytest.fixture(scope="module")
def shared():
    """One kernel for all attacks after which it lives on."""
    with kernel() as it:
        yield it


def ask(code, **options):
    """Run code in a kernel of its own; return what it printed."""
    with kernel(**options) as it:
        return it.run(code)


# --- what must work -----------------------------------------------------------------------------------------------


def test_own_files_are_there_and_can_be_imported(tmp_path):
    (tmp_path / "helper.py").write_text("answer = 42")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "weights.bin").write_bytes(b"12345")
    with kernel(tmp_path) as it:
        result = it.run(
            """
            import os, helper
            from pathlib import Path
            print(helper.answer, Path.cwd(), Path.home(), Path("data/weights.bin").stat().st_size)
            Path("data/new.txt").write_text("writable")
            Path("helper.py").write_text("changed")
            """
        )
    assert result.text.split() == ["42", "/submission", "/submission", "5"]
    assert (tmp_path / "helper.py").read_text() == "answer = 42"  # the host's file is not the sandbox's
    assert not (tmp_path / "data" / "new.txt").exists()


def test_shell_commands_and_child_processes_print(shared):
    assert "uid=1000(student)" in shared.run("!id").text
    result = shared.run(
        """
        import multiprocessing
        child = multiprocessing.get_context("fork").Process(target=print, args=("from the child",))
        child.start(); child.join()
        """
    )
    assert "from the child" in result.text


def test_worker_processes_share_memory():
    code = """
        import numpy as np
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import shared_memory
        with ProcessPoolExecutor(2) as pool:
            print(sum(pool.map(abs, range(-5, 0))))
        block = shared_memory.SharedMemory(create=True, size=1000)
        block.close(); block.unlink()
    """
    assert ask(code).text == "15\n"


def test_interrupt_reaches_the_kernel_and_its_programs(shared):
    message = shared.start("print('started', flush=True)\nwhile True: pass")
    shared.client.get_iopub_msg(timeout=10)
    time.sleep(0.3)
    shared.process.interrupt()
    assert "KeyboardInterrupt" in shared.finish(message).text
    message = shared.start("import subprocess\nsubprocess.run(['sleep', '1000'])")
    time.sleep(0.3)
    shared.process.interrupt()
    assert "KeyboardInterrupt" in shared.finish(message).text
    assert shared.run("1 + 1").value == "2"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("import os; os._exit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import os; os.abort()", -signal.SIGABRT),
    ],
)
def test_death_is_told_with_its_reason(code, exit_code):
    with kernel() as it:
        assert it.run(code).status == "dead"
        assert it.process.process.exit_code == exit_code


def test_restart_gives_a_fresh_kernel(tmp_path):
    (tmp_path / "given.txt").write_text("given")
    with kernel(tmp_path) as it:
        it.run("x = 1; open('given.txt', 'w').write('changed'); open('/tmp/left', 'w')")
        before = it.info
        it.client.stop_channels()
        it.connect()
        assert it.info["key"] != before["key"]  # what the kernel before it knew is worth nothing
        result = it.run("import os; print(open('given.txt').read(), 'x' in globals(), os.path.exists('/tmp/left'))")
        assert result.text == "given False False\n"


def test_shutdown_request_ends_the_kernel():
    with kernel() as it:
        it.client.shutdown()
        assert it.process.process.wait() == 0


def test_arguments_reach_ipykernel():
    assert ask("print(planted)", arguments=["--IPKernelApp.exec_lines=planted = 'yes'"]).text == "yes\n"


def test_another_process_of_the_same_user_can_be_the_client(tmp_path):
    file = tmp_path / "kernel.json"
    with kernel() as it:
        file.write_text(json.dumps(it.info))
        script = """
            import sys
            from jupyter_client import BlockingKernelClient
            client = BlockingKernelClient(connection_file=sys.argv[1])
            client.load_connection_file()
            client.start_channels(hb=False)
            client.wait_for_ready(timeout=60)
            print(client.execute_interactive("", user_expressions={"x": "6 * 7"}, timeout=60)
                  ["content"]["user_expressions"]["x"]["data"]["text/plain"])
        """
        argv = [sys.executable, "-c", textwrap.dedent(script), str(file)]
        assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()[-1] == "42"


def test_zygote_outlives_the_thread_that_started_it():
    options = {"preload": (), "env": {"ONLY": "here"}}
    starter = threading.Thread(target=shared_zygote, kwargs=options)
    starter.start()
    starter.join()
    before = dict(launcher._shared)
    probe = shared_zygote(**options).launch(argv=[], connection={}, archive=None, probe=True)
    assert probe.wait() == 0
    probe.close()
    assert launcher._shared == before  # no second one had to be started


# --- one environment for everybody --------------------------------------------------------------------------------


def test_environment_is_built_from_scratch(monkeypatch):
    monkeypatch.setenv("GRADEBOOK_TOKEN", "secret-1234")
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    result = ask(
        """
        import glob, os, subprocess
        print(sorted(name for name in os.environ if name.startswith(("GRADE", "LD_", "JPY_", "PIP"))))
        found = []
        for path in glob.glob("/proc/*/environ"):
            try:
                found.append(b"secret-1234" in open(path, "rb").read())
            except OSError:
                pass
        print(any(found), os.environ["PYTHONHASHSEED"], os.environ["OMP_NUM_THREADS"], os.environ["MPLBACKEND"])
        """,
        warm=False,
    )
    assert result.text == "[]\nFalse 0 1 module://matplotlib_inline.backend_inline\n"


SHADOWS = dict.fromkeys(
    (
        "numpy.py",
        "random.py",
        "sitecustomize.py",
        "usercustomize.py",
        "course_utils/__init__.py",
        "course_utils/checks.py",
        "course_utils/grading/bridge/agent.py",
        "ipykernel/__init__.py",
        "ipython_config.py",
        "ipython_kernel_config.py",
        "jupyter_config.py",
        ".ipython/profile_default/ipython_config.py",
        ".ipython/profile_default/startup/00.py",
        "profile_default/ipython_config.py",
        "profile_default/startup/00.py",
        ".local/lib/python3.11/site-packages/usercustomize.py",
        ".jupyter/jupyter_config.py",
    ),
    "import builtins; builtins.HIJACKED = __file__\n",
) | {
    "evil.pth": "import builtins; builtins.HIJACKED = 'pth'\n",
    "matplotlibrc": "figure.dpi: 7\n",
    ".config/matplotlib/matplotlibrc": "figure.dpi: 7\n",
}


@pytest.mark.parametrize("warm", [False, True])
def test_files_of_a_submission_replace_nothing(tmp_path, warm):
    for name, text in SHADOWS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with kernel(tmp_path, warm=warm) as it:
        result = it.run(
            """
            import builtins, sys, numpy, random, course_utils.checks, matplotlib
            print(getattr(builtins, "HIJACKED", None), sys.path[-1], "" in sys.path, matplotlib.rcParams["figure.dpi"])
            print(numpy.__file__, random.__file__, course_utils.checks.__file__)
            """
        )
    first, second = result.text.splitlines()
    # Matplotlib itself reads `matplotlibrc` of the working folder, as it does in JupyterLab.
    assert first.split()[:3] == ["None", "/submission", "False"]
    assert "/submission" not in second


def test_links_and_pipes_of_a_submission_are_left_out(tmp_path):
    folder = tmp_path / "submission"
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "a.txt").write_text("a")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "secret.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "all").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    with kernel(folder) as it:
        result = it.run("import os; print(sorted(os.walk('.')))")
        events = " ".join(it.process.take_notice())
    assert result.text == "[('.', ['real'], []), ('./real', [], ['a.txt'])]\n"
    assert all(name in events for name in ("secret.txt", "all", "pipe"))


def test_large_submissions_are_cut_smallest_files_first(tmp_path):
    for index, size in enumerate((10, 3000, 20, 30)):
        (tmp_path / f"{index}.bin").write_bytes(bytes(size))
    files, events = collect_files(tmp_path, SandboxLimits(submission_bytes=3 * 4096 + 10))
    assert [name for name, _, _ in files] == ["0.bin", "2.bin", "3.bin"]
    assert events == [
        "files: 1 of 4 files were left out, the largest ones; a submission may have 5000 files and 12 KiB"
    ]
    files, _ = collect_files(tmp_path, SandboxLimits(submission_files=2))
    assert [name for name, _, _ in files] == ["0.bin", "2.bin"]


def test_submission_larger_than_the_disk_leaves_room(tmp_path):
    for index in range(300):
        (tmp_path / f"{index}.bin").write_bytes(bytes(100_000))
    with kernel(tmp_path, limits={"disk": 10 * MIB, "files": 200}) as it:
        result = it.run("import os; print(len(os.listdir())); print(open('mine', 'wb').write(bytes(1 << 20)))")
        assert result.text.split() == ["76", "1048576"]
        assert it.process.take_notice()[0].startswith("files: 224 of 300 files were left out")


def test_unreadable_files_are_left_out(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.txt").chmod(0)
    files, events = collect_files(tmp_path, SandboxLimits())
    if os.geteuid() == 0:  # root reads everything
        assert [name for name, _, _ in files] == ["a.txt"]
    else:
        assert events == ["files: a.txt is a link or no readable file and was left out"]


def test_file_swapped_for_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.txt").write_text("harmless")
    files, _ = collect_files(tmp_path / "s", SandboxLimits())
    (tmp_path / "s" / "a.txt").unlink()
    (tmp_path / "s" / "a.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        pack_files(files)


# --- reading outside ----------------------------------------------------------------------------------------------


def test_nothing_of_the_course_can_be_seen(shared, tmp_path):
    secret = tmp_path / "solution.ipynb"
    secret.write_text("secret")
    paths = [REPOSITORY / "pyproject.toml", REPOSITORY / "tests", REPOSITORY / "source", REPOSITORY / ".git", secret]
    paths += [Path.home() / ".bashrc", Path("/etc/shadow"), Path("/etc/ssh"), Path("/var/log"), Path.home() / ".ssh"]
    paths += [Path("/var/lib"), Path("/home"), Path("/boot"), Path("/run/dbus"), Path("/sys/class"), Path("/mnt")]
    result = shared.run(f"import os; print([path for path in {[str(p) for p in paths]} if os.path.exists(path)])")
    assert result.text == "[]\n"
    result = shared.run(f"import os; print(os.listdir({str(REPOSITORY)!r}), open('/etc/passwd').read().count(':x:'))")
    names, count = result.text.rsplit(maxsplit=1)
    assert set(eval(names)) <= {"course_utils", Path(sys.prefix).name}
    assert count == "2"


def test_course_inside_a_shown_folder_is_covered(tmp_path):
    # A stand-in for a course under /usr or in the environment: folders of a package, hidden but for one part.
    packages = Path(pytest.__file__).parent.parent
    course, needed = packages / "sklearn", packages / "sklearn" / "svm"
    options = {"private": [str(course)], "readable": [str(needed)]}
    result = ask(
        f"import os; print(os.listdir({str(course)!r}), len(os.listdir({str(needed)!r})) > 3)\n"
        f"print(os.access({str(course)!r}, os.W_OK), os.access({str(needed)!r}, os.W_OK))",
        **options,
    )
    assert result.text == "['svm'] True\nFalse False\n"


def test_course_folder_and_home_are_private(tmp_path, monkeypatch):
    course = tmp_path / "course"
    (course / "source").mkdir(parents=True)
    monkeypatch.chdir(course)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert {course.resolve(), tmp_path.resolve()} <= set(view.private_paths())
    monkeypatch.setenv("HOME", "/usr")  # a system folder that is some service's "home"
    assert (Path("/usr") in view.private_paths()) == (os.geteuid() == 0)


def test_environment_that_is_the_course_folder_shows_its_parts_only(tmp_path, monkeypatch):
    for name in ("bin", "lib", "source", "submitted"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    shown = view.readable_paths()
    assert tmp_path / "lib" in shown
    assert not any(path in shown for path in (tmp_path, tmp_path / "source", tmp_path / "submitted"))


def test_what_would_be_hidden_by_the_sandbox_is_refused(tmp_path):
    with pytest.raises(SandboxUnavailable, match="has a folder of its own there"):
        Zygote(preload=(), readable=["/tmp"])


def test_zygote_and_keeper_cannot_be_read(shared):
    result = shared.run(
        """
        import os
        for name in ("mem", "environ", "maps", "root/etc/hostname", "cwd/x", "fd/0"):
            try:
                os.open(f"/proc/1/{name}", os.O_RDONLY)
                print(name, "was opened")
            except OSError as error:
                print(type(error).__name__)
        print(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())[0], os.getppid())
        """
    )
    *errors, pids = result.text.splitlines()
    assert set(errors) == {"PermissionError"}
    assert pids == "1 1"


# --- getting out --------------------------------------------------------------------------------------------------


def test_no_network(shared):
    folder = tempfile.mkdtemp(dir="/tmp")  # a short path, as sockets need one
    tcp = socket.create_server(("127.0.0.1", 0))
    name = f"attack-{os.getpid()}"
    abstract, named = (socket.socket(socket.AF_UNIX) for _ in range(2))
    abstract.bind(f"\0{name}")
    named.bind(f"{folder}/socket")
    for server in (abstract, named):
        server.listen()
    result = shared.run(
        f"""
        import socket
        def attempt(family, address):
            with socket.socket(family) as sock:
                sock.settimeout(3)
                try:
                    sock.connect(address)
                    print("connected to", address)
                except OSError as error:
                    print(type(error).__name__)
        attempt(socket.AF_INET, ("127.0.0.1", {tcp.getsockname()[1]}))
        attempt(socket.AF_INET, ("1.1.1.1", 53))
        attempt(socket.AF_UNIX, "\\0{name}")
        attempt(socket.AF_UNIX, "{folder}/socket")
        print([name for _, name in socket.if_nameindex()])
        for family in (socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG):
            try:
                socket.socket(family, socket.SOCK_RAW)
                print("made", family)
            except OSError:
                pass
        """
    )
    for server in (tcp, abstract, named):
        server.close()
    shutil.rmtree(folder)
    lines = result.text.splitlines()
    assert lines == ["ConnectionRefusedError", "OSError", "ConnectionRefusedError", "FileNotFoundError", "['lo']"]


def test_no_privileges_and_none_to_be_had(shared):
    result = shared.run(
        """
        import ctypes, os, subprocess
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        print([int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
              status["NoNewPrivs"], status["Seccomp"], status["Groups"].split())
        for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.chroot("/tmp")):
            try:
                call(); print("allowed")
            except OSError:
                pass
        libc = ctypes.CDLL(None, use_errno=True)
        print([libc.unshare(flag) for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000)],
              libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), libc.umount2(b"/submission", 2),
              libc.ptrace(16, 1, 0, 0), libc.setns(os.open("/proc/self/ns/net", os.O_RDONLY), 0),
              libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0))  # clone into a new user namespace
        for command in ("unshare -Ur true", "bwrap --ro-bind / / true", "mount -t tmpfs none /tmp", "su -c true"):
            print(subprocess.run(command, shell=True, capture_output=True).returncode != 0)
        print(open("/proc/sys/user/max_user_namespaces").read().strip())
        """
    )
    caps, calls, *commands, namespaces = result.text.splitlines()
    assert caps == "[0, 0, 0, 0, 0] 1 2 " + caps.split("2 ")[-1]
    assert calls == "[-1, -1, -1, -1, -1] -1 -1 -1 -1 -1"
    assert commands == ["True"] * 4
    assert namespaces == "0"


def test_read_only_everywhere_but_in_the_own_folders(shared):
    result = shared.run(
        f"""
        import os, pathlib
        places = ["/", "/usr", "/usr/lib", "/etc", "/dev", "/run", "/proc/sys/kernel", "/sys/devices/system/cpu",
                  {sys.prefix!r}, {sys.prefix + "/bin"!r}, {str(Path(course_utils.__file__).parent)!r}]
        # Of an environment in /tmp, the folders on the way belong to the kernel's own /tmp, like the rest there.
        places = [p for p in places if p != {sys.prefix!r} or not p.startswith("/tmp/")]
        for place in places:
            try:
                pathlib.Path(place, "attack").write_text("x")
                print("wrote in", place)
            except OSError:
                pass
        for path in ("/etc/passwd", "/proc/sys/kernel/core_pattern", "/proc/sys/user/max_user_namespaces",
                     "/proc/1/oom_score_adj", "/proc/sys/net/ipv4/tcp_rmem", {course_utils.__file__!r}):
            try:
                open(path, "r+").write("1")
                print("wrote", path)
            except OSError:
                pass
        for place in ("/submission", "/tmp", "/dev/shm"):
            pathlib.Path(place, "mine").write_text("x")
        """
    )
    assert result.text == ""


def test_other_processes_cannot_be_signalled_or_slowed():
    process = shared_zygote(preload=())
    with kernel() as neighbour, kernel() as it:
        result = it.run(
            """
            import os, resource, signal
            for signum in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV):
                os.kill(1, signum)
            for attack in (
                lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3)),
                lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
                lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
                lambda: os.sched_setaffinity(1, {0}),
            ):
                try:
                    attack()
                    print("allowed")
                except OSError:
                    pass
            print("still here")
            """
        )
        assert result.text == "still here\n"
        it.run("import os; os.kill(-1, 9)")
        assert neighbour.run("print('untouched')").text == "untouched\n"
    assert process.alive
    assert ask("print('served')").text == "served\n"


def test_log_replaced_by_a_pipe_holds_nobody_up():
    with kernel() as it:
        result = it.run(
            """
            import os
            os.remove("/run/kernel/log")
            os.mkfifo("/run/kernel/log")
            os._exit(5)
            """
        )
        assert result.status == "dead"
        assert it.process.process.exit_code == 5


def test_link_in_the_folder_of_sockets_leads_the_host_nowhere():
    with kernel() as it:
        it.run("import os; os.symlink('/etc', '/run/kernel/link'); os.symlink('/etc/hostname', '/run/kernel/k-9')")
        folder = it.process.process.sockets
        for name in ("link/passwd", "k-9"):
            with pytest.raises(OSError, match="Too many levels of symbolic links"):
                Path(f"/proc/self/fd/{folder}/{name}").read_text()


# --- floods -------------------------------------------------------------------------------------------------------


def test_fork_bomb_meets_its_limit_and_is_reported():
    with kernel(limits={"processes": 60}) as it:
        result = it.run(
            """
            import os, time
            children = 0
            try:
                while children < 500:
                    if os.fork() == 0:
                        time.sleep(1000)
                    children += 1
            except BlockingIOError:
                print("stopped after", children)
            time.sleep(0.6)
            """
        )
        assert 20 < int(result.text.split()[-1]) < 60
        assert it.run("print('alive')").text == "alive\n"
        assert it.process.take_notice() == ["processes: the limit of 60 processes and threads was reached"]


def test_real_fork_bomb_dies_with_its_kernel():
    marker = f"bomb-{os.getpid()}"
    with kernel(limits={"processes": 60}) as it:
        message = it.start(f"!bash -c 'exec -a {marker} sleep 1000 & f() {{ f | f & }}; f; sleep 1000'")
        it.finish(message, timeout=1)
    assert not [process for process in psutil.process_iter(["cmdline"]) if marker in str(process.info["cmdline"])]
    assert ask("print('next')").text == "next\n"


def test_large_allocation_is_a_memory_error():
    with kernel(limits={"memory": 512 * MIB}) as it:
        assert "MemoryError" in it.run("x = bytearray(600 << 20)").text
        assert it.run("len(bytearray(100 << 20))").value == str(100 << 20)


FLOODS = {
    "many processes": """
        import os, time
        for _ in range(6):
            if os.fork() == 0:
                block = bytearray(100 << 20)
                time.sleep(1000)
        time.sleep(1000)
    """,
    "hidden from the watch": """
        import ctypes, os, time
        for _ in range(6):
            if os.fork() == 0:
                ctypes.CDLL(None).prctl(4, 0)  # not dumpable: its maps cannot be read
                block = bytearray(100 << 20)
                time.sleep(1000)
        time.sleep(1000)
    """,
    "files and data": """
        import time
        file = open("/dev/shm/a", "wb")
        for _ in range(150):
            file.write(bytes(1 << 20))
        blocks = [bytearray(10 << 20) for _ in range(10)]
        time.sleep(1000)
    """,
    "page tables": """
        import ctypes, mmap, time
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        size = 1 << 38
        for _ in range(4):  # reading one byte in every 2 MiB costs a page of page table each
            start = libc.mmap(None, ctypes.c_size_t(size), 1, 0x4022, -1, ctypes.c_size_t(0))
            for offset in range(0, size, 2 << 20):
                ctypes.c_char.from_address(start + offset).value
        time.sleep(1000)
    """,
    "socket buffers": """
        import socket, time
        pairs = []
        for _ in range(480):
            pair = socket.socketpair()
            pair[0].setblocking(False)
            try:
                while True:
                    pair[0].send(bytes(1 << 16))
            except BlockingIOError:
                pairs.append(pair)
        time.sleep(1000)
    """,
}


@pytest.mark.parametrize("name", FLOODS)
def test_memory_flood_ends_the_kernel_only(name):
    with kernel(limits={"memory": 256 * MIB}) as it:
        assert it.run(FLOODS[name], timeout=60).status == "dead"
        assert len(it.process.take_notice()) == 1
        assert it.process.take_notice()[0].startswith("memory: ")
        assert it.process.take_notice()[0].endswith("limit 256 MiB; the kernel was killed")
        assert it.process.peak() > 256 * MIB
    assert ask("print('next')").text == "next\n"


def test_memory_that_no_count_sees_is_refused(shared):
    result = shared.run(
        """
        import ctypes, mmap, os
        libc = ctypes.CDLL(None)
        for attack in (lambda: mmap.mmap(-1, 1 << 20), lambda: os.memfd_create("x"),
                       lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), 1 << 20)):
            try:
                attack(); print("allowed")
            except OSError:
                pass
        print(libc.shmget(0, 1 << 20, 0o1600), libc.msgget(0, 0o1600), libc.semget(0, 1, 0o1600))
        print(len(mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)), open("/dev/zero", "rb").read(2))
        """
    )
    assert result.text == "-1 -1 -1\n1048576 b'\\x00\\x00'\n"


# The attacks of `tests/attacks/resources.py` one by one; those that only take cores away harm nobody but a neighbour.
SELFISH = [attack for attack in resources.ATTACKS if not re.search("spin|sessions come", attack.name)]


@pytest.mark.parametrize("attack", SELFISH, ids=[attack.name for attack in SELFISH])
def test_what_a_machine_has_only_so_much_of_is_not_had(attack):
    limits = {"memory": 3 << 29, "disk": 1 << 28, "files": 3000, "processes": 64}
    with kernel() as neighbour, kernel(limits=limits) as it:
        result = it.run(attack.first, timeout=90)
        assert "PLANTED-limit" not in result.text
        assert result.status != "running"
        assert neighbour.run("print('untouched')").text == "untouched\n"


def test_honest_uses_of_the_same_things_work(shared, tmp_path):
    result = shared.run(
        """
        import fcntl, os, signal, socket, sqlite3, subprocess, threading, time
        with sqlite3.connect("/tmp/some.db") as database:
            database.execute("create table t (x)"); database.execute("insert into t values (7)")
        print(sqlite3.connect("/tmp/some.db").execute("select x from t").fetchall())
        with open("/tmp/lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX); fcntl.lockf(file, fcntl.LOCK_EX)
        print(os.nice(1), os.getpriority(os.PRIO_PROCESS, 0) >= 1, len(os.sched_getaffinity(0)) > 0)
        print(subprocess.run(["echo", "own session"], start_new_session=True, capture_output=True, text=True).stdout)
        with socket.socket(socket.AF_INET6) as server:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        signal.setitimer(signal.ITIMER_REAL, 0)
        threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(20)]
        [thread.start() for thread in threads]; [thread.join() for thread in threads]
        """
    )
    assert result.status == "ok", result.text
    assert result.text.split("\n")[:3] == ["[(7,)]", "1 True True", "own session"]


def test_system_calls_newer_than_the_table_are_not_there(shared):
    code = (
        f"import ctypes; libc = ctypes.CDLL(None, use_errno=True); print(libc.syscall({confine.NEWEST_SYSCALL + 1}, 0))"
    )
    assert shared.run(f"{code}; print(ctypes.get_errno())").text.split() == ["-1", "38"]


SPINNERS = """
    import os, time
    for n in range(12):
        if os.fork() == 0:
            {how}
            while True: pass
    time.sleep(60)
"""


@pytest.mark.skipif(not cgroups.parents().folders.get("cpu"), reason="no control group for shares of the cores here")
@pytest.mark.parametrize(
    "how", ["os.setsid()", "os.setpgid(0, 0)", "os.setsid(); os.nice(-5) if os.getuid() == 0 else 0"]
)
def test_a_kernel_has_one_share_of_the_cores_whatever_it_starts(how):
    with kernel() as honest, kernel() as hog:
        hog.start(textwrap.dedent(SPINNERS).format(how=how))
        time.sleep(1)
        before = [it.process.usage()[0] for it in (honest, hog)]
        honest.start("while True: pass")
        time.sleep(3)
        own, its = (it.process.usage()[0] - start for it, start in zip((honest, hog), before, strict=True))
        cores = len(os.sched_getaffinity(0))
        # One against twelve; on one core each has half, on two each can have one, else the hog has the rest.
        assert own > its / (4 * max(1, cores - 1))


def test_too_many_sessions_end_the_kernel():
    with kernel(limits={"sessions": 5}) as it:
        result = it.run(textwrap.dedent(SPINNERS).format(how="os.setsid()"))
        assert result.status == "dead"
        assert "sessions: more than 5 sessions of processes; the kernel was killed" in it.process.take_notice()


def test_usage_counts_children_and_tells_who_is_busy():
    with kernel() as it:
        it.run("1")  # it has started altogether
        time.sleep(0.2)
        assert it.process.usage()[2] is False
        before = it.process.usage()[0]
        it.run("import os, time\nfor n in range(2):\n    if os.fork() == 0:\n        while True: pass\ntime.sleep(0.5)")
        cpu, waited, busy = it.process.usage()
        assert cpu > before and waited >= 0 and busy
        it.run("import os\nos._exit(0)")
        assert it.process.usage() is None


def test_disk_flood_meets_its_limit_and_is_reported():
    with kernel(limits={"disk": 20 * MIB, "files": 200, "file_size": 8 * MIB}) as it:
        result = it.run(
            """
            import os, time
            def fill(folder):
                for index in range(10):
                    with open(f"{folder}/{index}", "wb") as file:
                        file.write(bytes(8 << 20))
            for attack in (lambda: open("big", "wb").write(bytes(9 << 20)), lambda: fill("/dev/shm"),
                           lambda: fill("/tmp")):
                try:
                    attack()
                except OSError as error:
                    print(error.strerror)
            time.sleep(0.6)
            for folder in ("/tmp", "/dev/shm"):
                for name in os.listdir(folder):
                    if os.path.isfile(f"{folder}/{name}"): os.remove(f"{folder}/{name}")
            os.remove("big")
            try:
                for index in range(1000):
                    open(f"many{index}", "w")
            except OSError as error:
                print(error.strerror)
            """
        )
        assert result.text.splitlines() == ["File too large", *["No space left on device"] * 3]
        assert it.process.take_notice()[0] == "disk: the files of the sandbox filled their 20 MiB"


def test_folder_of_sockets_cannot_be_flooded():
    with kernel() as it:
        result = it.run("import os\nos.write(2, b'x')\nopen('/run/kernel/x', 'wb').write(bytes(64 << 20))")
        assert "No space left on device" in result.text
        assert it.run("1 + 1").value == "2"


def test_cpu_seconds_are_counted_over_all_processes():
    with kernel(limits={"cpu_seconds": 2}) as it:
        result = it.run("import os\nfor _ in range(2): os.fork()\nwhile True: pass", timeout=60)
        assert result.status == "dead"
        assert it.process.take_notice() == ["cpu: the limit of 2 CPU seconds was used up; the kernel was killed"]


def test_open_files_and_core_dumps_are_limited():
    result = ask(
        """
        import resource
        print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE))
        files = [open("/dev/null") for _ in range(300)]
        """,
        limits={"open_files": 256},
    )
    assert result.text.startswith("(0, 0) (256, 256)")
    assert "Too many open files" in result.text


# --- nothing stays ------------------------------------------------------------------------------------------------


def test_nothing_is_left_for_the_next_student(tmp_path):
    (tmp_path / "own.txt").write_text("of the first student")
    marker = f"left-behind-{os.getpid()}"
    with kernel(tmp_path) as first:
        first.run(
            f"""
            import os, pathlib, subprocess, sys, math, random
            for folder in ("/submission", "/tmp", "/dev/shm", "/run/kernel", os.environ["IPYTHONDIR"]):
                pathlib.Path(folder, "{marker}").write_text("a hint")
            os.mkfifo("/tmp/fifo")
            math.sin = lambda x: "patched"
            sys.modules["course_utils"].__version__ = "patched"
            os.environ["HINT"] = "{marker}"
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    subprocess.run(["bash", "-c", "exec -a {marker} sleep 1000"])
            """
        )
    assert not [process for process in psutil.process_iter(["cmdline"]) if marker in str(process.info["cmdline"])]
    result = ask(
        f"""
        import os, math, course_utils
        found = [os.path.join(root, name) for top in ("/submission", "/tmp", "/dev", "/run", "/var")
                 for root, folders, names in os.walk(top) for name in folders + names]
        print([path for path in found if {marker!r} in path or "own.txt" in path or "fifo" in path])
        print(math.sin(0), course_utils.__version__, "HINT" in os.environ)
        print([int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) not in (1, os.getpid())])
        """
    )
    assert result.text.splitlines() == ["[]", f"0.0 {course_utils.__version__} False", "[]"]


def test_kernels_side_by_side_do_not_meet():
    with kernel() as one, kernel() as other:
        one.run("open('/tmp/message', 'w').write('hello'); import pty; ends = pty.openpty()")
        result = other.run(
            "import os; print(os.path.exists('/tmp/message'), os.listdir('/dev/pts'), os.listdir('/run/kernel'))"
        )
        assert result.text.startswith("False ['ptmx'] ")
        one.run("import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0meet'); s.listen()")
        one.run("t = socket.create_server(('127.0.0.1', 7777))")
        for address in ("AF_UNIX, '\\0meet'", "AF_INET, ('127.0.0.1', 7777)"):
            family, place = address.split(", ", 1)
            result = other.run(f"import socket; socket.socket(socket.{family}).connect({place})")
            assert "ConnectionRefusedError" in result.text
        for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
            look = f"import os; print(os.readlink('/proc/self/ns/{name}'))"
            assert one.run(look).text != other.run(look).text, name


def test_orphans_go_with_the_kernel():
    marker = f"orphan-{os.getpid()}"
    with kernel() as it:
        it.run(
            f"""
            import os
            if os.fork() == 0:
                os.setsid()
                os.execvp("bash", ["bash", "-c", "exec -a {marker} sleep 1000"])
            import time; time.sleep(0.3)
            os._exit(0)
            """
        )
        assert it.process.process.exit_code == 0
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            left = [process for process in psutil.process_iter(["cmdline"]) if marker in str(process.info["cmdline"])]
            if not left:
                break
            time.sleep(0.05)
    assert not left


@pytest.mark.parametrize("warm", [False, True])
def test_sandbox_dies_with_the_host(tmp_path, warm):
    script = f"""
        import os, sys
        sys.path.insert(0, {str(REPOSITORY)!r})
        from tests.support.sandboxed import Kernel
        it = Kernel(warm={warm})
        it.start("import os\\nos.fork()\\nwhile True: pass")
        print("up", flush=True)
        import time; time.sleep(1000)
    """
    host = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert host.stdout.readline() == "up\n"
    time.sleep(0.3)
    family = psutil.Process(host.pid).children(recursive=True)
    assert len(family) >= 4
    host.kill()
    _, alive = psutil.wait_procs(family, timeout=20)
    host.wait()
    host.stdout.close()
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


# --- where there is no sandbox ------------------------------------------------------------------------------------


def test_probe_finds_a_sandbox_here():
    assert host_module.probe() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user's sandbox has the same user inside")
def test_environment_closed_to_others_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(view, "find_bubblewrap", lambda: str(wrapper))
    real, copy = shutil.which("bwrap"), tmp_path / "python"
    shutil.copy(os.__file__, copy)
    copy.chmod(0o600)
    wrapper = tmp_path / "bwrap"  # puts a copy that only root can read over a file of the standard library
    wrapper.write_text(
        f'#!/bin/bash\nfor last; do :; done\nargs=("$@")\n'
        f'for i in "${{!args[@]}}"; do [ "${{args[i]}}" = --chdir ] && break; done\n'
        f'exec {real} "${{args[@]:0:i}}" --ro-bind {copy} {os.__file__} "${{args[@]:i}}"\n'
    )
    wrapper.chmod(0o755)
    assert re.search(r"cannot read .*os\.py.* chmod -R go\+rX", host_module.probe())


def test_missing_bubblewrap_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install bubblewrap" in host_module.probe()
    with pytest.raises(SandboxUnavailable, match="needs the program bwrap, which is not here"), kernel(warm=False):
        pass


def test_denied_namespaces_are_explained(monkeypatch, tmp_path):
    bwrap = tmp_path / "bwrap"
    bwrap.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match="No permissions to create new namespace") as caught:
        Zygote(preload=())
    assert "namespaces" in str(caught.value).splitlines()[-1]


def test_wrong_limits_are_refused():
    with pytest.raises(ValueError, match="`memory` must be a positive integer, got -1"):
        SandboxLimits(memory=-1)
    with (
        pytest.raises(Exception, match=r"There is no limit `memmory`\. Did you mean `memory`"),
        kernel(limits={"memmory": 1}),
    ):
        pass


def test_table_of_system_calls_is_complete():
    for name, numbers in confine.DENIED_SYSCALLS.items():
        assert len(numbers) == 2, name
        assert all(number is None or 0 <= number <= confine.NEWEST_SYSCALL for number in numbers), name
    for refusal in confine.DENIED_USES:
        assert len(refusal.numbers) == 2 and refusal.error > 0, refusal.name
        assert refusal.conditions, refusal.name
        for condition in refusal.conditions:
            assert 0 <= condition.argument < 6 and condition.values, refusal.name


# --- and all of it again ------------------------------------------------------------------------------------------


@pytest.fixture
def open_folder():
    """A folder that other users can enter (those of `tmp_path` are closed to them)."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_all_of_this_holds_for_a_plain_user(open_folder):
    if os.geteuid() != 0:
        pytest.skip("these tests already run as a plain user")
    for tool in ("unshare", "setpriv"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool} to become a plain user")
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, PLAIN_UID, PLAIN_UID)
    # Python may lie in a home folder closed to others: show just that part of it, in a mount namespace of our own.
    root, base = Path.home(), Path(sys.base_prefix)
    setup = ""
    if base.is_relative_to(root) and not root.stat().st_mode & 0o001:
        aside = open_folder / "aside"
        aside.mkdir()
        setup = f"""
            mount --bind {shlex.quote(str(base))} {aside}
            mount -t tmpfs -o mode=755 none {root}
            mkdir -p {shlex.quote(str(base))}
            mount --bind {aside} {shlex.quote(str(base))}
        """
    run = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(home / "t"),
        __file__,
    ]
    script = f"""set -e
        {textwrap.dedent(setup)}
        exec setpriv --reuid {PLAIN_UID} --regid {PLAIN_UID} --clear-groups --inh-caps=-all --bounding-set=-all \
            env HOME={home} {shlex.join(run)}
    """
    result = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", script],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    passed, skipped = map(int, re.search(r"(\d+) passed, (\d+) skipped", result.stdout).groups())
    assert passed > 50
    # This test, one that is about root, and where a plain user has no control groups the three that need one.
    assert skipped in (2, 5)
