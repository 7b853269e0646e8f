"""Files in the submission that Python, Jupyter or the grader might pick up, and files left for the next student."""
# ruff: noqa: E501 (attackers write long lines)

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.course import LITTER

# Marks itself if it is ever run outside of the sandbox, and does what the cheats of `patching` do.
_HIJACK = f"""
import os
try:
    open(os.path.join(os.environ.get("TMPDIR", "/tmp"), "{LITTER}"), "w").close()
except OSError:
    pass
def __getattr__(name):
    return lambda *args, **kwargs: None
"""

_WRONG = {
    "rescale": "def rescale(values):\n    return values",
    "next_terms": "def next_terms(head):\n    return head",
}


def _pipe(folder):
    os.mkfifo(folder / "data.csv")
    os.mkfifo(folder / "answers.py")


def _sparse(folder):
    with (folder / "weights.bin").open("wb") as file:
        file.truncate(1 << 40)


def _unreadable(folder):
    (folder / "notes.txt").write_text("mine")
    (folder / "notes.txt").chmod(0)
    (folder / "closed").mkdir()
    (folder / "closed" / "a.txt").write_text("mine")
    (folder / "closed").chmod(0o300)


def _folder_for_notebook(folder):
    (folder / "other.ipynb").mkdir()
    (folder / "more[1].ipynb").write_text("{}")
    (folder / "target (1).ipynb").write_bytes((folder / "target.ipynb").read_bytes())
    (folder / "unknown.ipynb").write_text("no notebook")


def _odd_names(folder):
    for name in (
        "<img src=x onerror=run-by-the-attacker>.txt",
        "a\nb.txt",
        "-rf",
        "$(touch left-by-the-attacker)",
        "\x1b[2J.txt",
    ):
        (folder / name).write_text("mine")
    (folder / "<script>run-by-the-attacker<\\script>").symlink_to("/etc/hostname")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.txt")).write_text("mine")


def _time(text):
    def lay(folder):
        (folder / "timestamp.txt").write_bytes(text)

    return lay


ATTACKS = [
    Attack(
        "sitecustomize, usercustomize and .pth files",
        loses=tuple(_WRONG),
        cells=_WRONG,
        files={
            "sitecustomize.py": _HIJACK,
            "usercustomize.py": _HIJACK,
            "evil.pth": f"import os; open('/tmp/{LITTER}', 'w')",
            "__init__.py": _HIJACK,
            "conftest.py": _HIJACK,
        },
    ),
    Attack(
        "modules with the names of libraries",
        loses=tuple(_WRONG),
        cells=_WRONG,
        files={
            f"{name}.py": _HIJACK
            for name in ("numpy", "torch", "sympy", "json", "pickle", "ast", "zmq", "random", "site", "encodings")
        },
    ),
    Attack(
        "a package with the name of the course's",
        loses=tuple(_WRONG),
        cells=_WRONG,
        files={
            "course_utils/__init__.py": _HIJACK,
            "course_utils/checks.py": _HIJACK,
            "course_utils/grading/__init__.py": _HIJACK,
            "course_utils/grading/bridge/agent.py": _HIJACK,
            "nbgrader/__init__.py": _HIJACK,
        },
    ),
    Attack(
        "settings of IPython, Jupyter and the course",
        loses=tuple(_WRONG),
        cells=_WRONG,
        files={
            ".ipython/profile_default/startup/00.py": _HIJACK,
            ".ipython/profile_default/ipython_config.py": "c.InteractiveShellApp.exec_lines = ['import os; os._exit(0)']",
            "ipython_config.py": "c.InteractiveShellApp.exec_lines = ['import os; os._exit(0)']",
            "jupyter_config.py": _HIJACK,
            "ipykernel_config.py": "c.IPKernelApp.extra_extensions = ['evil']",
            "nbgrader_config.py": _HIJACK,
            ".jupyter/nbgrader_config.py": _HIJACK,
            "matplotlibrc": "backend: evil",
            ".env": "LD_PRELOAD=/submission/evil.so",
        },
    ),
    Attack(
        "libraries loaded before all others",
        loses=tuple(_WRONG),
        cells=_WRONG,
        files={"evil.so": b"\x7fELF", "libm.so.6": b"\x7fELF", "ld.so.preload": "/submission/evil.so"},
        first="import os\nos.environ['LD_PRELOAD'] = '/submission/evil.so'\nos.environ['PYTHONPATH'] = os.environ['PYTHONHOME'] = '/submission'\n"
        "os.environ['LD_LIBRARY_PATH'] = os.getcwd()",
        last="import subprocess\nprint(subprocess.run(['true']).returncode)",
    ),
    Attack("pipes in place of files", lay=_pipe),
    Attack("a file of one terabyte", lay=_sparse, not_on_stock="would be copied, all of it"),
    Attack("files and folders that must not be read", lay=_unreadable),
    Attack("other notebooks, and folders called like notebooks", lay=_folder_for_notebook),
    Attack("file names that are code", lay=_odd_names),
    Attack("a time stamp that is no time", lay=_time(b"\xff\xfe never <script>")),
    Attack("a time stamp of a million digits", lay=_time(b"9" * 10**6)),
    Attack("a time stamp in the year 99999", lay=_time(b"99999-01-01 00:00:00 UTC")),
    Attack(
        "a marker that says it is graded already",
        loses=("rescale",),
        files={".graded.json": '{"digest": "0"}', "feedback.html": "100 %", "gradebook.db": "no database"},
    ),
    Attack(
        "files left for the next student",
        first=f"""
import os, pathlib, sys, tempfile
places = ["/tmp", "/dev/shm", "/var/tmp", "/run", "/submission", "/", "..", "../..", os.path.expanduser("~"), tempfile.gettempdir(), "/run/kernel",
          os.path.dirname(os.__file__), os.path.dirname(np.__file__), os.path.dirname(sys.executable), *sys.path]
for place in places:
    for name in ("{LITTER}", ".{LITTER}.pth"):
        try:
            pathlib.Path(place, name).write_text("import os")
        except OSError:
            pass
""",
        not_on_stock="would write into the Python of whoever runs the benchmark",
    ),
    Attack(
        "libraries changed on the disk",
        loses=("rescale",),
        cells=_WRONG
        | {"next_terms": "def next_terms(head):\n    return head[-1] + (head[1] - head[0]) * torch.arange(1, 4)"},
        first=f"""
import course_utils.checks, numpy, torch, os
for module in (course_utils.checks, numpy, torch, os):
    for change in (lambda p: open(p, "a").write("\\n# {LITTER}\\n"), lambda p: os.rename(p, p + "x"), os.remove, lambda p: os.chmod(p, 0o777)):
        try:
            change(module.__file__)
        except OSError as error:
            print(error)
""",
        not_on_stock="would damage the Python of whoever runs the benchmark",
    ),
    Attack(
        "a process that waits for the next student",
        first=f"""
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import time
        while True:
            for place in ("/tmp", "/dev/shm", "/submission", "/proc/1/cwd", "/proc/1/root/tmp"):
                try:
                    open(place + "/{LITTER}", "w").close()
                except OSError:
                    pass
            time.sleep(0.2)
    os._exit(0)
""",
        not_on_stock="would go on running",
    ),
    Attack(
        "shared memory and message queues left open",
        first=f"""
import ctypes
from multiprocessing import shared_memory
try:
    kept = shared_memory.SharedMemory("{LITTER}", create=True, size=1 << 20)
except OSError as error:
    print(error)
libc = ctypes.CDLL(None)
print(libc.shmget(4242, 4096, 0o1666), libc.msgget(4242, 0o1666), libc.semget(4242, 1, 0o1666))
""",
    ),
    Attack(
        "other namespaces, mounts and tracing",
        first="""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print(libc.unshare(0x10000000), libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), libc.ptrace(16, 1, 0, 0), libc.setuid(0), libc.chroot(b"/"))
print([libc.setns(os.open(f"/proc/1/ns/{n}", os.O_RDONLY), 0) for n in ("mnt",) if os.access(f"/proc/1/ns/{n}", os.R_OK)])
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/proc/self/oom_score_adj", "/proc/1/mem"):
    try:
        open(path, "w").write("-1000")
    except OSError as error:
        print(error)
""",
        not_on_stock="would mount over the folders of whoever runs the benchmark",
    ),
]
