"""The host's side of the sandbox: starting zygotes, asking them for kernels."""

from __future__ import annotations

import atexit
import compileall
import contextlib
import dataclasses
import functools
import io
import json
import os
import platform
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course_utils.grading.limits import SandboxLimits
from course_utils.grading.sandbox import layout, view, zygote
from course_utils.grading.sandbox.files import memory_file, pack_files
from course_utils.grading.sandbox.polling import is_hung_up
from course_utils.grading.sandbox.sandboxed_kernel import SandboxedKernel, ZygoteLost
from course_utils.grading.sandbox.view import SandboxUnavailable, namespace_hint

START_TIMEOUT = 120  # seconds for the imports of a zygote on a busy machine
# User ids for kernels when we are root: beyond what distributions give to people, services and containers.
FIRST_UID, NUM_UIDS = 1_900_000_000, 100_000_000
# bubblewrap ends with the *thread* that started it, so all are started from one that lives as long as this process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-starter")
_shared: dict[tuple, Zygote] = {}
_shared_lock = threading.Lock()


def _forget_after_fork() -> None:
    global _starter, _shared_lock
    _starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-starter")
    _shared_lock = threading.Lock()
    for process in _shared.values():
        process.abandon()
    _shared.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


class _Sandbox:
    """What bubblewrap runs: one process that imports, and the zygotes that it is or forks."""

    def __init__(
        self,
        modules: list[str],
        zygotes: list[dict],
        env: dict[str, str],
        readable: Iterable[str],
        private: Iterable[str],
        beside: dict[str, str] | None = None,
    ) -> None:
        _compile_package()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        etc_fds = {path: memory_file(text.encode()) for path, text in view.SMALL_ETC.items()}
        try:
            command = view.command(
                bubblewrap=view.find_bubblewrap(),
                etc_fds=etc_fds,
                env=env,
                readable=readable,
                private=private,
                beside=beside,
                as_root=view.has_real_root(),
            )
            # The package shown is the one running here, be it installed, editable or a checkout.
            code = (
                f"import sys; sys.path.append({str(view.PACKAGE.parent)!r}); "
                "from course_utils.grading.sandbox.zygote import main; main()"
            )
            plan = json.dumps({"modules": modules, "zygotes": zygotes})
            self.process = _starter.submit(
                subprocess.Popen,
                [*command, sys.executable, "-P", "-s", "-c", code, plan],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={},
                pass_fds=(*(one["control"] for one in zygotes), *etc_fds.values()),
                start_new_session=True,  # Ctrl-C in the terminal is for the grader, not for the sandbox
            ).result()
        except BaseException:
            self._log.close()
            raise
        finally:
            for fd in etc_fds.values():
                os.close(fd)

    def why(self) -> str:
        """Say why it did not start, from what bubblewrap and Python wrote."""
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            return (
                f"The sandbox was not ready after {START_TIMEOUT} seconds. Is this machine very busy, or its disk very "
                "slow? Run the command again: it goes on from here."
            )
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip()[-2000:] or "nothing was said"
        return f"The sandbox did not start: {said}\n{namespace_hint()}"

    def close(self) -> None:
        """End all that is in it."""
        if not self._log.closed:
            self.process.kill()
            self.process.wait()
            self._log.close()


@functools.cache
def _compile_package() -> None:
    """Have the package compiled where that is still to do: inside, nothing can be written, and each run would do it."""
    if not sys.dont_write_bytecode:
        compileall.compile_dir(view.PACKAGE, quiet=2)


def _part(tests: bool, control: socket.socket, env: dict[str, str], modules: list[str]) -> dict:
    """Return a zygote as the plan for `zygote.main` has it."""
    return {"name": "tests" if tests else "kernels", "control": control.fileno(), "env": env, "modules": modules}


class Zygote:
    """A bubblewrap sandbox with a process that forks kernels.

    Parameters
    ----------
    preload : tuple of str, optional
        Modules to import before the first kernel is forked, besides those of every kernel. None: no module at all, for
        a sandbox that is only tried.
    threads : int
        Threads of numerical libraries in each kernel.
    env : dict of str to str
        Further environment variables.
    readable, private : tuple of str
        Folders to show and to hide besides the usual ones, see `view.command`.
    beside : dict of str to str, optional
        Folders that only processes of tests see, see `view.command`.
    tests : bool
        Whether this is for processes of tests: they need nothing that kernels need, and whoever starts it does other
        things while it imports.

    Raises
    ------
    SandboxUnavailable
        If the sandbox cannot be had here. With `tests` this is told by `failed_imports` and `launch`.
    """

    def __init__(
        self,
        preload: Iterable[str] | None = zygote.PRELOAD,
        *,
        threads: int = 1,
        env: dict[str, str] | None = None,
        readable: Iterable[str] = (),
        private: Iterable[str] = (),
        beside: dict[str, str] | None = None,
        tests: bool = False,
    ):
        self.as_root = view.has_real_root()
        self.env = view.environment(threads, env)
        self._failed: dict[str, str] | None = None
        self._lock = threading.Lock()
        self._socket, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        modules = [] if preload is None else [*preload, *(() if tests else zygote.KERNEL_MODULES)]
        with inside:
            try:
                parts = [_part(tests, inside, self.env, [])]
                self._sandbox = _Sandbox(modules, parts, self.env, readable, private, beside)
            except BaseException:
                self._socket.close()
                raise
        if not tests:
            self._failed = self._receive_ready()

    @property
    def _process(self) -> subprocess.Popen:
        return self._sandbox.process

    @property
    def failed_imports(self) -> dict[str, str]:
        """Modules that could not be imported, with the reasons; known once all are tried."""
        with self._lock:
            if self._failed is None:
                self._failed = self._receive_ready()
            return self._failed

    def _receive_ready(self) -> dict[str, str]:
        self._socket.settimeout(START_TIMEOUT)
        message = b""
        with contextlib.suppress(OSError):
            message = self._socket.recv(layout.MAX_MESSAGE)
        if not message:
            reason = self._sandbox.why()
            self.close()
            raise SandboxUnavailable(reason)
        return json.loads(message)["ready"]

    @property
    def alive(self) -> bool:
        """Whether the zygote still runs."""
        return self._process.poll() is None

    def launch(
        self,
        *,
        argv: list[str],
        connection: dict,
        archive: io.BufferedIOBase | None,
        limits: SandboxLimits | None = None,
        probe: bool = False,
        wire: socket.socket | None = None,
    ) -> SandboxedKernel:
        """Fork a kernel.

        Parameters
        ----------
        argv : list of str
            Arguments of ipykernel, the program's name first.
        connection : dict
            The content of its connection file.
        archive : file or None
            A tar archive of the files to put into the work folder.
        limits : SandboxLimits, optional
            What it may use.
        probe : bool
            Build the sandbox around a process that only ends.
        wire : socket.socket, optional
            Fork the process of a notebook's tests instead, which is spoken to over the other end of this.

        Raises
        ------
        SandboxUnavailable
            If the zygote has died or the kernel's sandbox cannot be built; the message gives the reason.
        """
        _ = self.failed_imports  # waits until it is ready
        request = {
            "argv": argv,
            "connection": connection,
            "env": self.env,
            "limits": _as_dict(limits or SandboxLimits()),
            "uid": FIRST_UID + secrets.randbelow(NUM_UIDS),  # nobody else's, in all likelihood
            "probe": probe,
        }
        channel, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        limits = limits or SandboxLimits()
        archive = archive or pack_files([])
        try:
            with self._lock:
                files = [inside.fileno(), archive.fileno(), *([wire.fileno()] if wire is not None else [])]
                socket.send_fds(self._socket, [json.dumps(request).encode()], files)
        except OSError as error:
            channel.close()
            raise ZygoteLost(f"The process that kernels are forked from has ended. {error}") from None
        finally:
            inside.close()
            archive.close()
        return SandboxedKernel(channel, limits)

    def close(self) -> None:
        """End the zygote and all kernels forked from it."""
        self._socket.close()
        self._sandbox.close()

    @property
    def descriptor(self) -> int:
        """File descriptor over which other processes may ask for kernels too, see `adopt_zygote`."""
        return self._socket.fileno()

    def abandon(self) -> None:
        """Let go of a zygote that belongs to the process this one was forked from."""
        self._socket.close()
        self._process.returncode = 0  # not our child: nothing to wait for

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _AdoptedZygote(Zygote):
    """A zygote of another process, which shares it."""

    def __init__(self, descriptor: int, *, threads: int, env: dict[str, str]):
        self.as_root = view.has_real_root()
        self.env = view.environment(threads, env)
        self._lock = threading.Lock()
        self._socket = socket.socket(fileno=descriptor)
        self._failed = {}  # told by the process that started it

    @property
    def alive(self) -> bool:
        """Whether the zygote still runs and is still asked by this process."""
        return self._socket.fileno() >= 0 and not is_hung_up(self._socket)

    def close(self) -> None:
        """Let go of the zygote, which other processes use too."""
        self._socket.close()

    def abandon(self) -> None:
        """Let go of the zygote in a forked process."""
        self._socket.close()


class _OneOfTwo(_AdoptedZygote):
    """A zygote that shares its sandbox, and the process that it was forked from, with another one."""

    def __init__(self, control: socket.socket, sandbox: _Sandbox, options: dict) -> None:
        super().__init__(control.detach(), threads=options["threads"], env=options["env"])
        self._sandbox, self._failed = sandbox, None

    def close(self) -> None:
        """End this zygote and the other one, and all kernels forked from them."""
        self._socket.close()
        self._sandbox.close()


def zygotes_of_a_run(kernels: dict, tests: dict) -> tuple[Zygote, Zygote]:
    """Start a zygote for kernels and one for processes of tests, forked from one process that imports what both need.

    Parameters
    ----------
    kernels, tests : dict
        As `shared_zygote` takes them.

    Returns
    -------
    tuple of Zygote
        The one for kernels, and the one for tests. Both may still be importing: `failed_imports` waits for them.

    Raises
    ------
    SandboxUnavailable
        If the sandbox cannot be had here, as far as that is known before they are ready.
    """
    shared = [module for module in kernels["preload"] if module in tests["preload"]]
    own = [
        [*(module for module in kernels["preload"] if module not in shared), *zygote.KERNEL_MODULES],
        [module for module in tests["preload"] if module not in shared],
    ]
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as if_failed:
        parts, controls = [], []
        for options, modules in zip((kernels, tests), own, strict=True):
            control, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            controls.append(if_failed.enter_context(control))
            stack.enter_context(inside)
            env = view.environment(options["threads"], options["env"])
            parts.append(_part(bool(options.get("tests")), inside, env, modules))
        readable, private = ([*kernels[name], *tests[name]] for name in ("readable", "private"))
        sandbox = _Sandbox(shared, parts, parts[0]["env"], readable, private, tests["beside"])
        if_failed.pop_all()
    return tuple(
        _OneOfTwo(control, sandbox, options) for control, options in zip(controls, (kernels, tests), strict=True)
    )


def shared_zygote(**options) -> Zygote:
    """Return this process's zygote with these options, starting it first where there is none alive."""
    key = _key(options)
    with _shared_lock:
        process = _shared.get(key)
        if process is not None and not process.alive:
            process.close()
            process = None
        if process is None:
            process = _shared[key] = Zygote(**options)
        return process


def adopt_zygote(options: dict, descriptor: int) -> None:
    """Use a zygote that the process which started this one shares.

    Parameters
    ----------
    options : dict
        As `shared_zygote` takes them.
    descriptor : int
        The `descriptor` of the zygote, passed on to this process.
    """
    _shared[_key(options)] = _AdoptedZygote(descriptor, threads=options["threads"], env=options["env"])


def _key(options: dict) -> tuple[str, str]:
    return json.dumps(options, sort_keys=True, default=str), str(Path.cwd())


@atexit.register
def close_shared_zygotes() -> None:
    """End the zygotes of this process and all their kernels."""
    with _shared_lock:
        while _shared:
            _shared.popitem()[1].close()


def _as_dict(limits: SandboxLimits) -> dict[str, int]:
    fields = dataclasses.asdict(limits)
    if not view.has_real_root() and _kernel_version() < (5, 14):
        # Older kernels count all processes of the user together, those outside the sandbox too.
        own = [path for path in Path("/proc").glob("[0-9]*") if _owner(path) == os.getuid()]
        fields["processes"] += sum(len(list(path.glob("task/*"))) for path in own)
    return fields


def _owner(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_uid
    return -1


def _kernel_version() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


def probe() -> str | None:
    """Try the sandbox out.

    Returns
    -------
    str or None
        Why students' code cannot be run in a sandbox here and what to do about it; None if it can.
    """
    try:
        with Zygote(preload=None) as zygote_process:
            kernel = zygote_process.launch(argv=[], connection={}, archive=None, probe=True)
            code = kernel.wait()
            log = kernel.log
            kernel.close()
    except SandboxUnavailable as error:
        return str(error)
    return None if code == 0 else f"The sandbox does not work here: {log.strip().splitlines()[-1] if log else code}"
