"""The keeper: process 1 of one kernel's sandbox, which builds the private part and ends with the kernel."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import tarfile
import time
import traceback
from pathlib import Path

from course_utils.grading.sandbox import confine
from course_utils.grading.sandbox.kernel import run_kernel
from course_utils.grading.sandbox.layout import (
    CONNECTION_FILE,
    KERNEL_LOG,
    SOCKET_FOLDER,
    TESTS_FOLDER,
    USER_ID,
    WORK_FOLDER,
    report,
)
from course_utils.grading.sandbox.watch import Watch
from course_utils.notebooks.limits import MIB

# --- keeper -----------------------------------------------------------------------------------------------------


def run_keeper(request: dict, channel: socket.socket, archive: int) -> None:
    """Build the private part of the sandbox, fork the kernel, and watch over it until it or the host ends."""
    try:
        limits = request["limits"]
        mount_private_folders(request["uid"] if os.geteuid() == 0 else USER_ID, limits)
        if request["wire"] < 0:
            hide_what_tests_see()
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


def hide_what_tests_see() -> None:
    """Cover what only processes of tests may see, where kernels share a sandbox with them."""
    if Path(TESTS_FOLDER).exists():
        flags = confine.MS_NOSUID | confine.MS_NODEV | confine.MS_NOEXEC | confine.MS_RDONLY
        confine.mount("tmpfs", TESTS_FOLDER, "tmpfs", flags, "size=4k,nr_inodes=1,mode=0555")


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
    next_look, told = 0.0, 0
    wait_for = [channel, wake_up, serving]
    while True:
        ready, _, _ = select.select(wait_for, [], [], max(0.0, next_look - time.monotonic()))
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
        if time.monotonic() < next_look:  # questions and processes that end come by the hundred
            continue
        pause, events, fatal = watch.look()
        next_look = time.monotonic() + pause
        for event in events:
            report(channel, event=event)
        if watch.peak >= told + watch.PEAK_STEP:
            told = watch.peak
            report(channel, peak=told)
        if fatal:
            report(channel, exit=-signal.SIGKILL, log=end_of(log), peak=watch.peak)
            os._exit(0)


def end_of(log: int) -> str:
    """Return the end of what the kernel wrote to its own stderr, past ipykernel's capture."""
    return os.pread(log, 4000, max(0, os.fstat(log).st_size - 4000)).decode(errors="replace")
