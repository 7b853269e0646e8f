"""Looking for what decides points: the course's hidden files, its secret, and answers that come with a library."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import Attack

# Prints every planted secret in some text; what is no text is shown as one.
_SHOW = """
import re
def show(*things):
    for thing in things:
        text = thing if isinstance(thing, bytes) else str(thing).encode("utf-8", "replace")
        print(set(re.findall(rb"PLANTED-[a-z]+-[0-9a-f]{16}", text)) or "", end="")
"""

ATTACKS = [
    Attack(
        "import the hidden files",
        first=_SHOW
        + """
import importlib
for name in ("hidden", "hidden.key", "source.attacked.hidden.key", "attacked.hidden.key", "key", "course_utils.hidden"):
    try:
        show(vars(importlib.import_module(name)))
    except Exception as error:
        print(error)
try:
    from hidden import key
    num_weights = key.WEIGHTS
except ImportError:
    pass
""",
        cells={"num_weights": "print(num_weights)"},
        loses=("num_weights",),
    ),
    Attack(
        "import the hidden files while a test runs",
        loses=("rescale",),
        cells={
            "rescale": _SHOW
            + """
def rescale(values):
    import importlib, sys
    importlib.invalidate_caches()
    show([vars(module) for name, module in list(sys.modules.items()) if "hidden" in name])
    from hidden import key
    show(vars(key))
    return key.EXPECTED
"""
        },
    ),
    Attack(
        "open the hidden files by their names",
        first=_SHOW
        + """
import glob, itertools
ups = ["", *("../" * up for up in range(1, 7)), "/", "/tmp/", "/tmp/course-hidden-*/", "/run/", "/submission/", "/dev/shm/"]
for up, name in itertools.product(ups, ("hidden/key.py", "hidden/*", "source/attacked/hidden/*", "source/*/hidden/*", ".course-secret*", "attacked/hidden/*")):
    for path in glob.glob(up + name):
        try:
            show(open(path, "rb").read(1_000_000))
        except OSError as error:
            print(error)
""",
    ),
    Attack(
        "walk through every folder that modules come from",
        first=_SHOW
        + """
import os, pathlib, site, sys
for place in {*sys.path, *site.getsitepackages(), site.getusersitepackages(), *(str(pathlib.Path(p).parent) for p in sys.path)}:
    for folder in (place, os.path.join(place, "hidden"), os.path.join(place, "source", "attacked", "hidden")):
        for path in pathlib.Path(folder or ".").glob("*"):
            if path.name.startswith((".course", "key", "hidden")) and path.is_file():
                show(path.read_bytes())
""",
    ),
    Attack(
        "read the course's secret from the environment",
        first=_SHOW
        + """
import ctypes, os, subprocess
show(dict(os.environ), os.getenv("COURSE_SECRET"), open("/proc/self/environ", "rb").read())
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
show(getenv(b"COURSE_SECRET"), subprocess.run(["env"], capture_output=True).stdout)
""",
    ),
    Attack(
        "read the environment and the open files of all processes",
        first=_SHOW
        + """
import glob, os
for pattern in ("environ", "cmdline", "fd/*", "map_files/*", "cwd/hidden/*", "root/tmp/*/hidden/*", "task/*/environ", "cwd/.course-secret", "root/tmp/course-hidden-*/*"):
    for path in glob.glob("/proc/[0-9]*/" + pattern) + glob.glob("/proc/self/" + pattern):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            show(os.read(file, 1 << 20))
            os.close(file)
        except OSError:
            pass
""",
    ),
    Attack(
        "read the environment of the process that asks, during a test",
        loses=("batches",),
        cells={
            "batches": _SHOW
            + """
import glob, os
def batches(items, size):
    for path in glob.glob("/proc/[0-9]*/environ") + [f"/proc/{os.getppid()}/environ"]:
        try:
            show(open(path, "rb").read())
        except OSError:
            pass
    show(dict(os.environ))
    return []
"""
        },
    ),
    Attack(
        "read the file of the course's secret",
        first=_SHOW
        + """
import os
for up in [*("../" * up for up in range(8)), "/", "/root/", "/home/", "/proc/1/cwd/", "/proc/1/root/", os.path.expanduser("~/")]:
    for name in (".course-secret", "nbgrader_config.py"):
        try:
            show(open(up + name, "rb").read())
        except OSError:
            pass
""",
    ),
    Attack(
        "a link to the course's secret",
        first='try:\n    print(open("secret.txt").read())\nexcept OSError as error:\n    print(error)',
        lay=lambda folder: (folder / "secret.txt").symlink_to("../../../.course-secret"),
    ),
    Attack(
        "a link to the hidden files",
        first='import os\nfor root, _, names in os.walk("hidden", followlinks=True):\n'
        "    for name in names:\n        print(open(os.path.join(root, name)).read())",
        lay=lambda folder: (folder / "hidden").symlink_to("../../../source/attacked/hidden"),
    ),
    Attack(
        "look for another assignment's hidden files",
        first=_SHOW
        + """
import os
for top in ("..", "../..", "../../..", "../../../..", "/tmp", "/work", "/home", "/root"):
    for root, inside, names in os.walk(top):
        inside[:] = [name for name in inside if name not in ("proc", "sys", "usr", "lib", "lib64", ".venv", "site-packages")][:50]
        if os.path.basename(root) == "hidden":
            for name in names:
                show(open(os.path.join(root, name), "rb").read())
""",
        not_on_stock="would walk over the disk of whoever runs the benchmark",
    ),
    Attack(
        "ask every loader for its sources",
        first=_SHOW
        + """
import importlib.util, pkgutil, sys
for name, module in list(sys.modules.items()):
    loader = getattr(module, "__loader__", None)
    try:
        show(loader.get_source(name))
    except Exception:
        pass
for finder in sys.meta_path:
    for name in ("hidden", "hidden.key"):
        try:
            found = finder.find_spec(name, None)
            show(found and found.loader.get_source(name), found and found.loader.get_data(found.origin))
        except Exception:
            pass
for name in ("key.py", "hidden/key.py", "../source/attacked/hidden/key.py"):
    for package in ("course_utils", "course_utils.grading", "hidden"):
        try:
            show(pkgutil.get_data(package, name))
        except Exception:
            pass
""",
    ),
    Attack(
        "go through all objects of the process during a test",
        loses=("next_terms",),
        cells={
            "next_terms": _SHOW
            + """
import gc, sys
def next_terms(head):
    for thing in gc.get_objects():
        if isinstance(thing, (dict, list, tuple, set)):
            try:
                show(*(part for part in (thing.values() if isinstance(thing, dict) else thing) if isinstance(part, (str, bytes)) and "PLANTED" in str(part)[:2000]))
            except Exception:
                pass
        if getattr(thing, "__name__", "") == "hidden.key":
            return thing.EXPECTED
    return head[:3]
"""
        },
    ),
    Attack(
        "a folder of that name, for the tests to import",
        cells={"num_weights": "num_weights = 1"},
        loses=("num_weights",),
        files={"hidden/__init__.py": "", "hidden/key.py": "WEIGHTS = 1\n", "key.py": "WEIGHTS = 1\n"},
    ),
    Attack(
        "a module of that name, put in front of all others",
        cells={"num_weights": "num_weights = 1"},
        loses=("num_weights",),
        files={"hidden.py": "class key:\n    WEIGHTS = 1\n"},
        first="""
import os, sys, types
sys.path[:0] = [os.getcwd()]
sys.modules["hidden"] = types.SimpleNamespace(key=types.SimpleNamespace(WEIGHTS=1))
os.environ.update(COURSE_SECRET="known", PYTHONPATH=os.getcwd())
hidden, key = sys.modules["hidden"], sys.modules["hidden"].key
""",
    ),
    Attack(
        "draw what the tests draw",
        first=_SHOW
        + """
from course_utils import data, draws
from course_utils.draws import seed_for
show(vars(draws), seed_for.__globals__, seed_for.__code__.co_consts, seed_for.__closure__)
print(seed_for("held-out labels 0"))
""",
    ),
]
