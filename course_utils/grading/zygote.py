"""The process inside the sandbox from which kernels are forked, and what stands around each kernel.

Four processes, each forked from the one before:

1. the *zygote* (first process of bubblewrap's PID namespace) imports the course's libraries once and then waits.
   It never reads a request, so nothing of a student ever enters its memory;
2. a *helper* reads one request, enters new namespaces and ends;
3. the *keeper* (first process of the kernel's PID namespace) mounts private folders, unpacks the submission, gives up
   all rights, watches the limits and, when it ends for whatever reason, takes every process of the sandbox with it;
4. the *kernel* runs ipykernel with the student's code.

A second zygote, with what tests import, does the same for the processes of the tests: what is called kernel below is
then `grader.main`, with fewer system calls and without the student's folder among the modules.

The host speaks with the keeper over one Unix socket per kernel; when the host closes it, the keeper ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import random
import re
import resource
import select
import signal
import socket
import sys
import tarfile
import time
import traceback
from pathlib import Path

from course_utils.grading import confine
from course_utils.grading.limits import MIB, amount
from course_utils.grading.preload import import_ready

# Where a kernel finds its files. None of these may exist on the host's side of a course (see sandbox.py).
WORK_FOLDER = "/submission"
SOCKET_FOLDER = "/run/kernel"
CONNECTION_FILE = f"{SOCKET_FOLDER}/connection.json"
KERNEL_LOG = f"{SOCKET_FOLDER}/log"

USER_ID = 1000  # what the student's user is called inside
MAX_MESSAGE = 100_000  # bytes of one request or report
REQUEST_FDS = 3
SEED = 0
TORCH_SEED = 67280421310721  # torch's own seed of a fresh process (c10::detail::getNonDeterministicRandom's default)

# What students' notebooks import. (Not matplotlib_inline's backend: it sets itself up when a kernel imports it.)
PRELOAD = (
    "numpy",
    "scipy.signal",
    "scipy.special",
    "scipy.stats",
    "scipy.optimize",
    "scipy.ndimage",
    "matplotlib.pyplot",
    "matplotlib.animation",
    "PIL.Image",
    "sympy",
    "sklearn.svm",
    "sklearn.datasets",
    "sklearn.decomposition",
    "sklearn.linear_model",
    "sklearn.manifold",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "torch",
    "torch._dynamo",  # the first optimiser of a process imports it, and takes more than a second
    "torch.nn.functional",
    "torch.optim.lr_scheduler",
    "torch.utils.data",
    "torchvision",
    "torchvision.models",
    "torchvision.transforms.v2",
    "safetensors.torch",
    "ipywidgets",
)
# What every kernel imports before it answers.
KERNEL_MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.debugger",
    "IPython.core.completer",
    "IPython.core.pylabtools",
)


# --- zygote -----------------------------------------------------------------------------------------------------


def main() -> None:
    """Import what the host asks for, then fork a kernel for each request until the host goes away."""
    control = socket.socket(fileno=int(sys.argv[1]))
    preload = json.loads(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o022)
    failed = preload_modules(preload)
    gc.collect()
    gc.freeze()  # what is there now is never collected: children need not copy its pages to count references
    control.send(json.dumps({"ready": failed}).encode())
    while True:
        select.select([control], [], [])
        helper = os.fork()
        if helper == 0:
            run_helper(control)
        _, status = os.waitpid(helper, 0)
        if status != 0:  # the helper found the connection closed: the host is gone
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # keepers that ended
                pass


def preload_modules(names: list[str]) -> dict[str, str]:
    """Import modules; return those that failed, with the reason."""
    # Every kernel would import debugpy, which takes a tenth of a second, for a debugger that nobody can reach.
    sys.modules.setdefault("debugpy", None)
    failed = {}
    for name in names:
        package = name.partition(".")[0]
        before = set(sys.modules)
        try:
            if package == "torchvision":
                from course_utils.torchvision_ops import declare  # imports torch, which not every course needs

                declare()
            import_ready(name)
        except Exception as error:  # a missing library must not stop the class; its users will see the error
            failed[name] = f"{type(error).__name__}: {error}"
            for half_loaded in [new for new in set(sys.modules) - before if new.partition(".")[0] == package]:
                del sys.modules[half_loaded]
    if sys.modules["debugpy"] is None:
        del sys.modules["debugpy"]  # students may import it all the same
    return failed


# --- helper -----------------------------------------------------------------------------------------------------


def run_helper(control: socket.socket) -> None:
    """Read one request, enter new namespaces, fork the keeper there and end: status 0, or 1 if the host is gone."""
    message, fds, _, _ = socket.recv_fds(control, MAX_MESSAGE, REQUEST_FDS)
    if not message:
        os._exit(1)
    channel, archive = socket.socket(fileno=fds[0]), fds[1]
    try:
        request = json.loads(message)
        request["wire"] = fds[2] if len(fds) == REQUEST_FDS else -1  # where the process of the tests is spoken to
        keep_only({channel.fileno(), *fds[1:]})
        namespaces = (
            confine.CLONE_NEWNS
            | confine.CLONE_NEWPID
            | (confine.CLONE_NEWNET if request["wire"] < 0 else 0)  # tests stay in the zygote's, where nothing listens
            | confine.CLONE_NEWIPC
            | confine.CLONE_NEWUTS
            | confine.CLONE_NEWCGROUP
        )
        if os.geteuid() == 0:
            confine.unshare(namespaces)
        else:  # rights over new namespaces come with a user namespace
            confine.enter_user_namespace(USER_ID, namespaces)
        if os.fork() == 0:
            run_keeper(request, channel, archive)
    except Exception:
        report(channel, error=traceback.format_exc())
    os._exit(0)


def keep_only(fds: set[int]) -> None:
    """Close all file descriptors but these; let the standard ones lead nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    border = 3
    for fd in sorted(fds):
        os.closerange(border, fd)
        border = fd + 1
    os.closerange(border, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def report(channel: socket.socket, fds: tuple[int, ...] = (), **fields) -> None:
    """Send one message to the host; a host that is gone does not need it."""
    with contextlib.suppress(OSError):
        socket.send_fds(channel, [json.dumps(fields).encode()], fds)


# --- keeper -----------------------------------------------------------------------------------------------------


def run_keeper(request: dict, channel: socket.socket, archive: int) -> None:
    """Build the private part of the sandbox, fork the kernel, and watch over it until it or the host ends."""
    try:
        limits = request["limits"]
        mount_private_folders(request["uid"] if os.geteuid() == 0 else USER_ID, limits)
        if request["wire"] < 0:
            confine.set_up_network()
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(request["uid"], request["uid"], request["uid"])
            os.setresuid(request["uid"], request["uid"], request["uid"])
        # In a user namespace of its own the user's processes are counted apart from all others.
        confine.enter_user_namespace(USER_ID)
        confine.forbid_namespaces()
        confine.drop_privileges()
        confine.set_dumpable(False)  # the student's processes belong to the same user and must not trace this one
        os.chdir(WORK_FOLDER)
        Path(os.environ["MPLCONFIGDIR"]).mkdir()  # Matplotlib remembers the zygote's, which is not this one
        with tarfile.open(fileobj=os.fdopen(archive, "rb")) as tar:
            # Python 3.11 before its fourth update has no filters; the archive is the host's own in any case.
            tar.extractall(WORK_FOLDER, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        Path(CONNECTION_FILE).write_text(json.dumps(request["connection"]))
        sockets = os.open(SOCKET_FOLDER, os.O_RDONLY | os.O_DIRECTORY)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its wake-up byte ends the keeper's sleep at once
        wake_up, wake_up_end = os.pipe()
        for fd in (wake_up, wake_up_end):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake_up_end, warn_on_full_buffer=False)
        serving, serving_end = os.pipe()
        log = os.open(KERNEL_LOG, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        kernel = os.fork()
        if kernel == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            run_kernel(request, log, serving_end)
        os.close(serving_end)
        if request["wire"] >= 0:
            os.close(request["wire"])
        keeper_fd, kernel_fd = os.pidfd_open(os.getpid()), os.pidfd_open(kernel)
        report(channel, (keeper_fd, kernel_fd, sockets), started=True)
        for fd in (keeper_fd, kernel_fd, sockets):
            os.close(fd)
        keep(kernel, channel, wake_up, serving, log, limits)
    except BaseException:
        report(channel, error=traceback.format_exc())
    os._exit(1)


def mount_private_folders(uid: int, limits: dict) -> None:
    """Mount /proc, terminals, the work folder, /tmp, /dev/shm and the folder of sockets, all new and empty."""
    safe = confine.MS_NOSUID | confine.MS_NODEV
    confine.mount("", "/", flags=confine.MS_REC | confine.MS_PRIVATE)
    confine.mount("proc", "/proc", "proc", safe | confine.MS_NOEXEC)
    confine.mount(
        "devpts", "/dev/pts", "devpts", confine.MS_NOSUID | confine.MS_NOEXEC, "newinstance,ptmxmode=0666,max=64"
    )
    # The sockets are looked up here by name: a link laid by the student must lead nowhere. No other sandbox has this
    # folder; the process of the tests, another user, is given it as an open file, and may pass through but not list it.
    confine.mount(
        "tmpfs",
        SOCKET_FOLDER,
        "tmpfs",
        safe | confine.MS_NOEXEC | confine.MS_NOSYMFOLLOW,
        f"size={4 * MIB},nr_inodes=64,mode=0711,uid={uid},gid={uid}",
    )
    # Reads as zeros too, but cannot be mapped as memory that nothing counts.
    confine.mount("/dev/full", "/dev/zero", flags=confine.MS_BIND)
    # One file system, so one limit, for everything the student can write.
    confine.mount("tmpfs", WORK_FOLDER, "tmpfs", safe, f"size={limits['disk']},nr_inodes={limits['files']},mode=0755")
    for name, target in (("tmp", "/tmp"), ("shm", "/dev/shm"), ("work", WORK_FOLDER)):
        part = f"{WORK_FOLDER}/{name}"
        Path(part).mkdir(0o700)
        if target == "/tmp":
            show_again_below(target, part)
        os.chown(part, uid, uid)
        confine.mount(part, target, flags=confine.MS_BIND | confine.MS_REC)


def show_again_below(folder: str, new: str) -> None:
    """Show in a new folder what is mounted below an old one: the environment of a course that lies in /tmp."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in lines]
    for point in points:
        if not point.startswith(f"{folder}/"):
            continue
        target = Path(new) / Path(point).relative_to(folder)
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if Path(point).is_dir():
            target.mkdir(mode=0o755, exist_ok=True)
        elif not target.exists():
            target.touch()
        confine.mount(point, str(target), flags=confine.MS_BIND | confine.MS_REC)


def keep(kernel: int, channel: socket.socket, wake_up: int, serving: int, log: int, limits: dict) -> None:
    """Reap processes, pass on signals and watch the limits, until the kernel or the host ends."""
    watch = Watch(limits)
    pause = 0.0
    wait_for = [channel, wake_up, serving]
    while True:
        ready, _, _ = select.select(wait_for, [], [], pause)
        if serving in ready:  # the kernel has bound its sockets
            wait_for.remove(serving)
            report(channel, serving=True)
        if wake_up in ready:
            os.read(wake_up, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == kernel:
                report(channel, exit=os.waitstatus_to_exitcode(status), log=end_of(log), peak=watch.peak)
                os._exit(0)
            if pid == 0:
                break
        if channel in ready:
            message = channel.recv(100)
            if not message:
                os._exit(0)
            if message == b"usage":
                report(channel, usage=watch.usage())
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(kernel, int(message))
        pause, events, fatal = watch.look()
        for event in events:
            report(channel, event=event)
        if fatal:
            report(channel, exit=-signal.SIGKILL, log=end_of(log), peak=watch.peak)
            os._exit(0)


def end_of(log: int) -> str:
    """Return the end of what the kernel wrote to its own stderr, past ipykernel's capture."""
    return os.pread(log, 4000, max(0, os.fstat(log).st_size - 4000)).decode(errors="replace")


class Watch:
    """Watches what all processes of this PID namespace use together."""

    # What Linux keeps for a process beside its pages, in bytes: for one area of memory, for one open file (a pipe holds
    # at least a page). Reckoned, and rather too much, since nothing but a control group counts it.
    AREA, OPEN_FILE = 512, 4096
    UNREADABLE = 65_530  # areas of a process whose areas can't be read: as many as Linux allows
    # What costs more to read is looked at once in a second, and never for more than a quarter of the time.
    CLOSE_LOOK_S, CLOSE_LOOK_SHARE = 1.0, 3
    PATIENCE = 3  # how often processes are put first in line again; a kernel that begins may need it once

    def __init__(self, limits: dict):
        self.limits = limits
        self.seen: set[str] = set()
        self.peak = 0
        self.cpu = 0.0  # seconds; never falls, though Linux forgets children that nobody waited for
        self.next_close_look = 0.0
        self.many_sessions = 0  # looks one after the other that found too many
        self.areas: dict[str, int] = {}
        self.sessions: set[str] = set()
        self.closed: set[str] = set()
        self.put_back = 0
        self._counted = 0.0
        self._ticks = os.sysconf("SC_CLK_TCK")

    def look(self) -> tuple[float, list[str], bool]:
        """Return the seconds until the next look, what was met for the first time, and whether to end it all."""
        limits, found, fatal = self.limits, {}, False
        stats = self.stats()
        self.count_cpu(stats)
        began = time.monotonic()
        if began >= self.next_close_look:
            self.count_areas(stats)
            found |= self.put_first_in_line(stats)
            now = time.monotonic()
            self.next_close_look = now + max(self.CLOSE_LOOK_S, self.CLOSE_LOOK_SHARE * (now - began))
        threads = sum(int(fields[17]) for fields in stats.values())
        memory = sum(self.memory_of(pid) + self.AREA * self.areas.get(pid, 0) for pid in stats)
        # The content of sockets' buffers belongs to no process: reckon each as full.
        num_sockets = int(Path("/proc/net/sockstat").read_text().split()[2])  # "sockets: used 12 ..."
        memory += num_sockets * confine.SOCKET_BUFFER
        disk = os.statvfs("/tmp")
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        memory += used
        self.peak = max(self.peak, memory)
        if threads >= limits["processes"] - 2:
            found["processes"] = f"processes: the limit of {limits['processes']} processes and threads was reached"
        if disk.f_bavail * disk.f_frsize < MIB:
            found["disk"] = f"disk: the files of the sandbox filled their {amount(limits['disk'])}"
        elif disk.f_favail < 16:
            found["disk"] = f"disk: the limit of {limits['files']} files was reached"
        if memory > limits["memory"]:  # rough until here: look closer
            for pid in stats:
                with contextlib.suppress(OSError):
                    memory += self.memory_of(pid, exact=True) - self.memory_of(pid)
        if memory > limits["memory"]:
            found["memory"] = f"memory: {amount(memory)} used, limit {amount(limits['memory'])}; the kernel was killed"
            fatal = True
        if self.cpu > limits["cpu_seconds"]:
            found["cpu"] = f"cpu: the limit of {limits['cpu_seconds']} CPU seconds was used up; the kernel was killed"
            fatal = True
        if has_more_locks(limits["locks"]):
            found["locks"] = f"locks: more than {limits['locks']} locks on files; the kernel was killed"
            fatal = True
        if self.has_too_many_sessions(stats):
            found["sessions"] = f"sessions: more than {limits['sessions']} sessions of processes; the kernel was killed"
            fatal = True
        if sum(self.areas.values()) > limits["areas"]:
            found["areas"] = f"areas: more than {limits['areas']} areas of memory; the kernel was killed"
            fatal = True
        fatal |= "oom" in found
        events = [text for name, text in found.items() if name not in self.seen]
        self.seen |= set(found)
        return (0.05 if memory > limits["memory"] / 2 else 0.25), events, fatal

    @staticmethod
    def stats() -> dict[str, list[str]]:
        """Return the fields of each process's ``/proc/<pid>/stat`` from its state on, but of the keeper's own."""
        stats = {}
        for path in Path("/proc").iterdir():
            if path.name.isdecimal() and path.name != "1":
                with contextlib.suppress(OSError):
                    stats[path.name] = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return stats

    def count_cpu(self, stats: dict[str, list[str]]) -> None:
        """Bring `cpu` up to date."""
        ticks = sum(int(part) for fields in stats.values() for part in fields[11:15])  # with children waited for
        reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
        now = ticks / self._ticks + reaped.ru_utime + reaped.ru_stime
        self.cpu += max(0.0, now - self._counted)
        self._counted = now

    def usage(self) -> tuple[float, float, bool]:
        """Return what `launcher.SandboxedKernel.usage` tells: CPU seconds, seconds waited for a core, busy or not."""
        stats = self.stats()
        self.count_cpu(stats)
        waited = 0
        for pid in stats:
            with contextlib.suppress(OSError, IndexError, ValueError):
                waited += int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
        return self.cpu, waited / 1e9, any(fields[0] in "RD" for fields in stats.values())

    def has_too_many_sessions(self, stats: dict[str, list[str]]) -> bool:
        """Whether there are too many sessions, twice in a row; every new one gets a small share of the cores."""
        leaders = {fields[3]: pid for pid, fields in stats.items() if fields[0] != "Z"}
        if self.sessions:
            for session in set(leaders) - self.sessions:
                with contextlib.suppress(OSError):  # Linux lets this be written but ten times a second
                    Path(f"/proc/{leaders[session]}/autogroup").write_text("10")
                    self.sessions.add(session)
        else:
            self.sessions = set(leaders)  # the kernel's own
        self.many_sessions = self.many_sessions + 1 if len(leaders) > self.limits["sessions"] else 0
        return self.many_sessions >= 2

    def put_first_in_line(self, stats: dict[str, list[str]]) -> dict[str, str]:
        """Make Linux choose these processes first when memory runs out; end it all if they keep undoing that."""
        closed = set()
        for pid in stats:
            path = Path(f"/proc/{pid}/oom_score_adj")
            try:
                if path.read_text().strip() != "1000":
                    path.write_text("1000")
                    self.put_back += 1
            except PermissionError:  # a kernel that begins is closed to us for a moment; one that stays so is not well
                closed.add(pid)
            except OSError:  # it has ended
                continue
        again, self.closed = closed & self.closed, closed
        text = "memory: a process kept itself from being ended when memory runs out; the kernel was killed"
        return {"oom": text} if again or self.put_back >= self.PATIENCE else {}

    def count_areas(self, stats: dict[str, list[str]]) -> None:
        """Count the areas of memory of each process, until there are too many in all."""
        self.areas, left = {}, self.limits["areas"] + 1
        for pid in stats:
            try:
                self.areas[pid] = count_lines(f"/proc/{pid}/maps", left)
            except PermissionError:
                self.areas[pid] = self.UNREADABLE if pid in self.closed else 0  # one that begins is closed for a moment
            except OSError:  # it has ended
                continue
            left -= self.areas[pid]
            if left <= 0:
                break

    @staticmethod
    def memory_of(pid: str, exact: bool = False) -> int:
        """Return bytes of data, page tables and files held open; exact: shared pages in equal parts."""
        try:
            status = _fields(f"/proc/{pid}/status")
        except OSError:  # it has ended
            return 0
        data = status.get("RssAnon", 0)
        if exact:
            # A process may forbid this to be read. Then its share of common pages counts in full.
            with contextlib.suppress(OSError):
                data = _fields(f"/proc/{pid}/smaps_rollup")["Pss_Anon"]
        return data + status.get("VmPTE", 0) + status.get("VmSwap", 0) + Watch.OPEN_FILE * status.get("FDSize", 0)


def _fields(path: str) -> dict[str, int]:
    """Read lines like `RssAnon:   12 kB` of a file in /proc, in bytes, and the number of `FDSize: 64`."""
    lines = [line.split() for line in Path(path).read_text(errors="replace").splitlines()]
    sizes = {words[0][:-1]: 1024 * int(words[1]) for words in lines if len(words) == 3 and words[2] == "kB"}
    return sizes | {words[0][:-1]: int(words[1]) for words in lines if words[:1] == ["FDSize:"]}


def count_lines(path: str, most: int) -> int:
    """Return the number of lines of a file, or of its first `most`; its text is never in memory as a whole."""
    num_lines = 0
    with Path(path).open("rb", buffering=0) as file:
        while num_lines < most and (block := file.read(1 << 16)):
            num_lines += block.count(b"\n")
    return min(num_lines, most)


def has_more_locks(most: int) -> bool:
    """Whether processes of this PID namespace hold more than so many locks on files, or wait for them."""
    # Each look takes time that grows with their number, and all of the machine's locks are gone through for it.
    return count_lines("/proc/locks", most + 1) > most


# --- kernel -----------------------------------------------------------------------------------------------------


def run_kernel(request: dict, log: int, serving: int) -> None:
    """Run ipykernel in this process, as `python -m ipykernel_launcher` would."""
    status = 1
    try:
        os.setsid()
        keep_only({log, serving, request["wire"]} - {-1})
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        is_kernel = request["wire"] < 0
        if is_kernel:
            confine.set_dumpable(True)
        # Should the machine run out of memory, this process goes first.
        if is_kernel:
            Path("/proc/self/oom_score_adj").write_text("1000")
        names = ("memory", "processes", "cpu_seconds", "open_files", "file_size")
        confine.set_rlimits(**{name: request["limits"][name] for name in names})
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv[:] = request["argv"]
        # Tests import nothing that a student handed in.
        sys.path[:] = [folder for folder in sys.path if folder] + [WORK_FOLDER] * is_kernel
        importlib.invalidate_caches()
        if not is_kernel:
            os.close(serving)
            run_tests(request["wire"])
            os._exit(0)
        confine.filter_syscalls()
        seed_generators()
        if request["probe"]:
            check_environment()
        else:
            run_ipykernel(request["argv"][1:], serving)
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        with contextlib.suppress(Exception):
            sys.__stderr__.flush()
        os._exit(status)  # no unloading of libraries: the keeper's end frees everything


def check_environment() -> None:
    """Fail where the student's user cannot read the environment, whoever installed it."""
    for path in (sys.executable, os.__file__, __file__):
        if not os.access(path, os.R_OK):
            raise PermissionError(
                f"Students' code runs as another user, who cannot read {path}. Make the environment and the course's "
                f"package readable to all: chmod -R go+rX {sys.prefix}"
            )


def seed_generators() -> None:
    """Start every kernel with the same random numbers, whatever was imported before it was forked."""
    random.seed(SEED)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(SEED)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(TORCH_SEED)


def run_ipykernel(argv: list[str], serving: int) -> None:
    """Start ipykernel's application, close `serving` when its sockets are bound, serve until a shutdown request."""
    from ipykernel.kernelapp import IPKernelApp

    application = IPKernelApp.instance()
    before = os.umask(0)  # the process of the tests, another user, may connect to the sockets
    application.initialize(argv)
    os.umask(before)
    os.close(serving)
    application.start()


def run_tests(descriptor: int) -> None:
    """Be the process of one notebook's tests, spoken to over a stream socket."""
    from course_utils.grading import grader, syscalls, wire

    os.chdir("/tmp")
    syscalls.allow_only_listed()
    grader.main(wire.Channel(wire.socket_of(descriptor)))


if __name__ == "__main__":
    main()
