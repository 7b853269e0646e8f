"""The process inside the sandbox from which kernels are forked, and what stands around each kernel.

Four processes, each forked from the one before:

1. the *zygote* (first process of bubblewrap's PID namespace) imports the course's libraries once and then waits.
   It never reads a request, so nothing of a student ever enters its memory;
2. a *helper* reads one request, enters new namespaces and ends; root needs none, and its zygote forks keepers that do
   so themselves: each fork copies the table of all pages;
3. the *keeper* (first process of the kernel's PID namespace) mounts private folders, unpacks the submission, gives up
   all rights, watches the limits and, when it ends for whatever reason, takes every process of the sandbox with it;
4. the *kernel* runs ipykernel with the student's code.

A second zygote, with what tests import, does the same for the processes of the tests: what is called kernel below is
then the function that `argv` names, with fewer system calls and without the student's folder among the modules.

A run has both from one process, the *stem*: it imports what both need, forks the two and from then on only buries the
dead. What a zygote inherits, and each kernel after it, is the memory of a process that was told names of modules and
nothing else: no notebook, no hidden test, no secret, no submission and no gradebook was ever in it. The zygotes part
before the first request, and generators of random numbers start anew in that of the tests, so that a student who reads
all of a kernel's memory learns nothing of what tests will draw. Both have the libraries at the same addresses.

The host speaks with the keeper over one Unix socket per kernel; when the host closes it, the keeper ends.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import select
import signal
import socket
import sys
import traceback

from course_utils.grading.preload import import_ready
from course_utils.grading.sandbox import confine
from course_utils.grading.sandbox.huge_pages import FORKS_THAT_PAY, join_pages
from course_utils.grading.sandbox.keeper import run_keeper
from course_utils.grading.sandbox.layout import MAX_MESSAGE, REQUEST_FDS, USER_ID, keep_only, report

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
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "course_utils.grading.bridge.agent",
    "course_utils.grading.sandbox.kernel_app",
)


# --- stem and zygotes -------------------------------------------------------------------------------------------


def main() -> None:
    """Import what the host asks for, then be its zygote; or fork its zygotes, if it asks for several.

    The plan, in JSON, has the modules for all, and for each zygote its name, control socket, environment and modules of
    its own.
    """
    plan = json.loads(sys.argv[1])
    gc.disable()  # imports leave next to nothing to collect, and looking for it takes a fifth of their time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o022)
    failed = preload_modules(plan["modules"])
    zygotes = plan["zygotes"]
    if len(zygotes) == 1:
        serve(zygotes[0], failed)
        return
    gc.collect()
    gc.freeze()
    living = set()
    for one in zygotes:
        if (process := os.fork()) == 0:
            for other in zygotes:
                if other is not one:
                    os.close(other["control"])
            try:
                become(one)
                serve(one, failed)
            finally:
                os._exit(0)
        living.add(process)
    for one in zygotes:
        os.close(one["control"])
    while living:  # the first process of the sandbox is who the keepers are left to
        living.discard(os.wait()[0])


def become(one: dict) -> None:
    """Be another process than the one that this was forked from, where that makes a difference."""
    os.environ.clear()
    os.environ.update(one["env"])
    if "matplotlib" in sys.modules:  # as it would have been imported
        sys.modules["matplotlib"].rcParams["backend"] = one["env"]["MPLBACKEND"]
    # Python's own generator starts anew in each fork. Kernels are given numbers later (`kernel.seed_generators`).
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def serve(one: dict, failed: dict[str, str]) -> None:
    """Import what only this zygote needs, then fork a kernel for each request until the host goes away."""
    control = socket.socket(fileno=one["control"])
    confine.set_name(one["name"])
    failed = {**failed, **preload_modules(one["modules"])}
    gc.collect()
    gc.freeze()  # what is there now is never collected: children need not copy its pages to count references
    gc.enable()
    own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
    control.send(json.dumps({"ready": failed}).encode())
    for forks in itertools.count():
        select.select([control], [], [])
        if forks == FORKS_THAT_PAY:
            join_pages()
        if not take_request(control, own_pids):
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


# --- from a request to its keeper -------------------------------------------------------------------------------


def take_request(control: socket.socket, own_pids: int) -> bool:
    """Fork whoever reads the next request, and wait until it is read; return False if the host is gone."""
    if os.geteuid() != 0:
        helper = os.fork()
        if helper == 0:
            run_helper(control)
        _, status = os.waitpid(helper, 0)
        return status == 0
    until_read, is_read = os.pipe()
    confine.unshare(confine.CLONE_NEWPID)
    if os.fork() == 0:
        os.close(until_read)
        run_first(control, is_read)
    confine.join_namespace(own_pids, confine.CLONE_NEWPID)
    os.close(is_read)
    is_taken = os.read(until_read, 1) == b"1"
    os.close(until_read)
    return is_taken


def run_helper(control: socket.socket) -> None:
    """Read one request, enter new namespaces, fork the keeper there and end: status 0, or 1 if the host is gone."""
    if (read := read_request(control)) is None:
        os._exit(1)
    request, channel, archive = read
    try:
        # Rights over new namespaces come with a user namespace.
        confine.enter_user_namespace(USER_ID, confine.CLONE_NEWPID | other_namespaces(request))
        if os.fork() == 0:
            run_keeper(request, channel, archive)
    except Exception:
        report(channel, error=traceback.format_exc())
    os._exit(0)


def run_first(control: socket.socket, is_read: int) -> None:
    """Read one request as the first process of a new PID namespace, enter the others and be the keeper."""
    if (read := read_request(control, is_read)) is None:
        os._exit(1)
    request, channel, archive = read
    try:
        confine.unshare(other_namespaces(request))
        run_keeper(request, channel, archive)
    except Exception:
        report(channel, error=traceback.format_exc())
    os._exit(0)


def read_request(control: socket.socket, is_read: int = -1) -> tuple[dict, socket.socket, int] | None:
    """Return a request, the channel to the host and the files that came with it; keep nothing else open.

    None if the host is gone. A byte is written to `is_read` as soon as the request is no longer in the socket.
    """
    message, fds, _, _ = socket.recv_fds(control, MAX_MESSAGE, REQUEST_FDS)
    if not message:
        return None
    if is_read >= 0:
        os.write(is_read, b"1")
    channel, archive = socket.socket(fileno=fds[0]), fds[1]
    try:
        request = json.loads(message)
        request["wire"] = fds[2] if len(fds) == REQUEST_FDS else -1  # where the process of the tests is spoken to
        keep_only({channel.fileno(), *fds[1:]})
    except Exception:
        report(channel, error=traceback.format_exc())
        os._exit(0)
    return request, channel, archive


def other_namespaces(request: dict) -> int:
    """Return the kinds that a sandbox has besides its own processes."""
    return (
        confine.CLONE_NEWNS
        | (confine.CLONE_NEWNET if request["wire"] < 0 else 0)  # tests stay in the zygote's, where nothing listens
        | confine.CLONE_NEWIPC
        | confine.CLONE_NEWUTS
        | confine.CLONE_NEWCGROUP
    )


if __name__ == "__main__":
    main()
