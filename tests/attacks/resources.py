"""What a machine has only so much of, and no limit of a process counts: each attack says itself whether it got it."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import EVERYTHING, Attack

_ALONE = "would slow or fill the machine of whoever runs the benchmark"

# What an attack prints that got more than anybody may have. Its form is that of a planted secret, so the judge sees it.
_BEGIN = """
import ctypes, fcntl, os, signal, socket, struct, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    return libc.syscall(number, *(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
def got_it():
    print("PLANTED-limit-" + 16 * "0", flush=True)
"""
_PLACES = 'where = "/proc/self/oom_score_adj"\n'


def _attack(name: str, code: str, stock: str = "", **more) -> Attack:
    return Attack(name, first=_BEGIN + code, not_on_stock=stock or _ALONE, **more)


def _spin(children: str) -> str:
    """Start 40 children that spin for a while, each as `children` says, and wait for them."""
    return f"""
end = time.time() + 8
for n in range(40):
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
{children}
        while time.time() < end:
            pass
        os._exit(0)
time.sleep(8)
"""


ATTACKS = [
    _attack(
        "40 children spin, each in a session of its own",
        _spin("        os.setsid()"),
        risks=EVERYTHING,
    ),
    _attack(
        "40 children spin, each a grandchild nobody waits for",
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        + _spin("        os.setsid()\n        if os.fork(): os._exit(0)\n        signal.alarm(8)"),
        risks=EVERYTHING,
    ),
    _attack(
        "sessions come and go faster than anybody looks",
        """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
end = time.time() + 8
while time.time() < end:
    for n in range(30):
        try:
            if os.fork() == 0:
                os.setsid()
                stop = time.time() + 0.2
                while time.time() < stop: pass
                os._exit(0)
        except OSError:
            break
    time.sleep(0.2)
""",
        risks=EVERYTHING,
    ),
    _attack(
        "sleeps and spins by turns, not to be seen at work",
        "end = time.time() + 60\nwhile time.time() < end:\n    time.sleep(0.4)\n    stop = time.time() + 0.05\n    while time.time() < stop: pass",
        risks=EVERYTHING,
    ),
    _attack(
        "locks on files without number",
        """
files, made = [open(f"/tmp/lock{n}", "w") for n in range(500)], 0
end = time.time() + 30
for start in range(0, 4000, 2):
    for file in files:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, start)
        made += 1
    if made > 100_000 or time.time() > end: break
time.sleep(2)
if made > 100_000: got_it()
""",
    ),
    _attack(
        "locks of open files, which have no owner",
        """
files, made = [open(f"/tmp/own{n}", "w") for n in range(500)], 0
try:
    for start in range(0, 400, 2):
        for file in files:
            fcntl.fcntl(file, 37, struct.pack("hhqqi4x", 1, 0, start, 1, 0))
            made += 1
except OSError: pass
time.sleep(2)
if made > 20_000: got_it()
""",
    ),
    _attack(
        "locks by flock, of many processes",
        """
def locks():
    files = [open(f"/tmp/flock{os.getpid()}-{n}", "w") for n in range(40)]
    made = []
    for file in files:
        for _ in range(20):
            try: made.append(open(file.name, "r"))
            except OSError: break
            fcntl.flock(made[-1], fcntl.LOCK_SH)
    return files, made
for n in range(40):
    try:
        if os.fork() == 0:
            kept = locks()
            open(f"/tmp/done{n}", "w")
            time.sleep(60)
    except OSError: break
time.sleep(4)
if sum(os.path.exists(f"/tmp/done{n}") for n in range(40)) > 20: got_it()
""",
        risks=EVERYTHING,
    ),
    _attack(
        "a lease on a file, and notices about a folder",
        """
file = open("/tmp/leased", "w"); file.close()
for command, argument in ((1024, 1), (1026, 0x80000002)):
    try:
        fcntl.fcntl(os.open("/tmp/leased" if command == 1024 else "/tmp", os.O_RDONLY), command, argument)
        got_it()
    except OSError: pass
""",
    ),
    _attack(
        "areas of memory without number, in many processes",
        """
libc.mmap.restype = ctypes.c_void_p
areas = 0
while areas < 64_000:
    if libc.mmap(None, ctypes.c_size_t(4096), 1 + 2 * (areas % 2), 0x22, -1, ctypes.c_size_t(0)) in (None, 2**64 - 1): break
    areas += 1
for n in range(58):
    try:
        if os.fork() == 0: time.sleep(60)
    except OSError: break
time.sleep(4)
alive = sum(name.isdecimal() for name in os.listdir("/proc"))
if areas > 60_000 and alive > 50: got_it()
""",
        risks=EVERYTHING,
    ),
    _attack(
        "pages given to pipes and then forgotten",
        """
import mmap
held = 0
for n in range(50):
    out, into = os.pipe()
    part = mmap.mmap(-1, 16 * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    part[:] = b"x" * len(part)
    where = ctypes.addressof(ctypes.c_char.from_buffer(part))
    vector = (ctypes.c_size_t * 2)(where, len(part))
    if call(278, into, ctypes.byref(vector), 1, 10) > 0: held += 1
if held: got_it()
""",
    ),
    _attack(
        "asynchronous requests, of which the machine has a number for all",
        "context = ctypes.c_ulong(0)\nif call(206, 16_000, ctypes.byref(context)) == 0: got_it()",
    ),
    _attack(
        "asynchronous requests, in small portions",
        """
made = 0
for n in range(200):
    context = ctypes.c_ulong(0)
    made += call(206, 64, ctypes.byref(context)) == 0
if made: got_it()
""",
    ),
    _attack(
        "the process takes itself off the list of those that end when memory runs out",
        _PLACES
        + """
try: open(where, "w").write("0")
except OSError: pass
time.sleep(3)
if int(open(where).read()) < 1000: got_it()
""",
    ),
    _attack(
        "a child takes itself off the list and closes itself to all looks",
        _PLACES
        + """
pid = os.fork()
if pid == 0:
    for n in range(40):
        try:
            with open(where, "w") as file: file.write("-0")
        except OSError: pass
        libc.prctl(4, 0, 0, 0, 0)
        time.sleep(0.1)
    if int(open(where).read()) < 1000: got_it()
    os._exit(0)
os.waitpid(pid, 0)
""",
        risks=EVERYTHING,
    ),
    _attack(
        "a program that nobody may read takes itself off the list",
        """
import shutil
shutil.copy("/bin/sh", "/tmp/closed"); os.chmod("/tmp/closed", 0o111)
pid = os.fork()
if pid == 0:
    try: open("/proc/self/oom_score_adj", "w").write("0")
    except OSError: pass
    os.execv("/tmp/closed", ["closed", "-c", "sleep 4; cat /proc/$$/oom_score_adj > /tmp/seen"])
os.waitpid(pid, 0)
if int(open("/tmp/seen").read()) < 1000: got_it()
""",
        risks=EVERYTHING,
    ),
    _attack(
        "all processes of the user are made slow, the keeper too",
        "if libc.setpriority(2, 0, 19) == 0: got_it()",
    ),
    _attack(
        "all processes of the user are made slow, by its number",
        "if libc.setpriority(2, os.getuid(), 19) == 0: got_it()",
    ),
    _attack(
        "all processes of the user wait for the disk",
        "if call(251, 3, 0, 3 << 13) == 0 or call(251, 3, os.getuid(), 3 << 13) == 0: got_it()",
    ),
    _attack(
        "the keeper alone is made slow",
        "if libc.setpriority(0, 1, 19) == 0 or call(251, 1, 1, 3 << 13) == 0: got_it()",
    ),
    _attack(
        "compiled filters, on a socket and on the process",
        """
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000) * 4)
program = struct.pack("HxxxxxxP", 4, ctypes.addressof(code))
ends = socket.socketpair()
try:
    ends[0].setsockopt(socket.SOL_SOCKET, 26, program)
    got_it()
except OSError: pass
if call(317, 1, 0, ctypes.create_string_buffer(program)) == 0: got_it()
""",
    ),
    _attack(
        "watches of files, of which the user has a number",
        "made = [n for n in range(100) if libc.inotify_init() >= 0]\nif len(made) >= 100: got_it()",
    ),
    _attack(
        "timers without number",
        """
made, timer = 0, ctypes.c_void_p()
while made < 5000 and libc.timer_create(1, None, ctypes.byref(timer)) == 0: made += 1
if made >= 5000: got_it()
""",
    ),
    _attack(
        "signals that wait without number",
        """
pid = os.fork()
if pid == 0:
    signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 64))
    made = 0
    while made < 5000 and libc.sigqueue(os.getpid(), 40, None) == 0: made += 1
    if made >= 5000: got_it()
    os._exit(0)
os.waitpid(pid, 0)
""",
    ),
]
