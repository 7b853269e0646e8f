"""jupyter_client's way to start a student's kernel: the kernel provisioner ``course-sandbox``."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Bool, Dict, Instance, Int, List, TraitError, Unicode

from course_utils.grading.limits import GradingLimits, SandboxLimits
from course_utils.grading.sandbox import layout, zygote
from course_utils.grading.sandbox.files import collect_files, pack_files
from course_utils.grading.sandbox.host import Zygote, shared_zygote
from course_utils.grading.sandbox.sandboxed_kernel import SandboxedKernel, ZygoteLost

# Nothing a grader asks for, and each costs time at the start or writes files.
QUIET_KERNEL = [
    "--HistoryManager.enabled=False",
    "--IPCompleter.use_jedi=False",
    "--InteractiveShellApp.ignore_cwd=True",
    "--Application.log_level=CRITICAL",
]


class LimitsTrait(Instance):
    """A `SandboxLimits`, or a dict of those that differ from the defaults."""

    def __init__(self, **kwargs: Any):
        super().__init__(SandboxLimits, args=(), **kwargs)

    def validate(self, obj: Any, value: Any) -> SandboxLimits:
        if isinstance(value, dict):
            try:
                value = GradingLimits.of(value).sandbox
            except (TypeError, ValueError) as error:
                raise TraitError(f"Wrong `limits` of the sandbox: {error}") from None
        return super().validate(obj, value)


class SandboxProvisioner(KernelProvisionerBase):
    """Start a Python kernel in a sandbox of its own, with a private copy of the files of its `cwd`.

    The kernel manager needs ``transport="ipc"``. After the kernel has ended (or at any time) `events` tells which
    limits were hit.

    Raises
    ------
    SandboxUnavailable
        On launch, if no sandbox can be had here; the message says what to install or change.
    """

    limits = LimitsTrait(help="What one kernel may use: a SandboxLimits, or a dict of what differs from the defaults.")
    limits.tag(config=True)
    warm = Bool(True, help="Fork kernels from one process that has imported the course's libraries.")
    warm.tag(config=True)
    preload = List(
        Unicode(),
        list(zygote.PRELOAD),
        help="Modules imported before the student's code, in cold kernels too: both see the same.",
    ).tag(config=True)
    threads = Int(1, min=1, help="Threads of numerical libraries in each kernel.").tag(config=True)
    readable = List(Unicode(), help="Further folders to show, read-only (say, data).").tag(config=True)
    private = List(Unicode(), help="Further folders never to show (say, the course's).").tag(config=True)
    extra_env = Dict(help="Further environment variables, the same for every kernel.").tag(config=True)

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.events: list[str] = []
        self.peak_memory = 0
        self.kernel: SandboxedKernel | None = None
        self._own_zygote: Zygote | None = None
        self._folder_fd = -1

    # --- start ------------------------------------------------------------------------------------------------

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose where the sockets are, write the connection file for clients, and build the command line."""
        manager = self.parent
        if manager is None or manager.transport != "ipc":
            raise ValueError('The sandbox speaks over Unix sockets: start the kernel manager with transport="ipc".')
        if self._folder_fd < 0:
            # A place kept for the folder of sockets, which only the sandbox has: a file descriptor of this process,
            # the same over restarts. Clients of the same user find it through /proc.
            self._folder_fd = os.open("/", os.O_PATH | os.O_CLOEXEC)
            manager.ip = f"/proc/{os.getpid()}/fd/{self._folder_fd}/k"
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        cmd = manager.format_kernel_cmd(extra_arguments=kwargs.pop("extra_arguments", []))
        # The environment is ours alone: nothing of the host's, nothing of the kernel specification's.
        return await super().pre_launch(cmd=cmd, **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel; `cwd` is the host's folder whose files it gets a copy of."""
        if "ipykernel_launcher" not in cmd:
            raise ValueError(f"The sandbox runs IPython kernels only, got the command {cmd}.")
        folder = kwargs.get("cwd")
        connection = dict(self.parent.get_connection_info(session=False), ip=f"{layout.SOCKET_FOLDER}/k")
        connection = {name: value.decode() if isinstance(value, bytes) else value for name, value in connection.items()}
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        arguments = [arg.replace(self.parent.connection_file, layout.CONNECTION_FILE) for arg in arguments]
        argv = ["ipykernel_launcher", *QUIET_KERNEL, *arguments]
        self._end_kernel()
        self.kernel = await asyncio.to_thread(self._launch, argv, connection, folder)
        os.dup2(self.kernel.sockets, self._folder_fd, inheritable=False)
        return self.connection_info

    def _launch(self, argv: list[str], connection: dict, folder: str | None) -> SandboxedKernel:
        files, events = collect_files(folder, self.limits) if folder else ([], [])
        self.events += [event for event in events if event not in self.events]
        for private in (False, True) if self.warm else (True, True):
            process = None
            try:
                process = self._zygote(private)
                for name, reason in process.failed_imports.items():
                    self.log.warning("Could not import %s for the sandbox: %s", name, reason)
                kernel = process.launch(argv=argv, connection=connection, archive=pack_files(files), limits=self.limits)
            except ZygoteLost as error:
                failure = error
                if process is not None:  # not to be asked again
                    process.close()
            else:
                kernel.wait_until_serving()
                return kernel
        raise failure

    def zygote_options(self) -> dict[str, Any]:
        """Return what `launcher.shared_zygote` takes."""
        return {
            "preload": list(self.preload),
            "threads": self.threads,
            "env": dict(self.extra_env),
            "readable": list(self.readable),
            "private": list(self.private),
        }

    def _zygote(self, private: bool) -> Zygote:
        options = self.zygote_options()
        if not private:
            return shared_zygote(**options)
        if self._own_zygote is not None:
            self._own_zygote.close()
        self._own_zygote = Zygote(**options)
        return self._own_zygote

    def usage(self) -> tuple[float, float, bool] | None:
        """Return what the kernel used, see `SandboxedKernel.usage`; None if there is none."""
        return self.kernel.usage() if self.kernel is not None else None

    def peak(self) -> int:
        """Return the most bytes that this kernel and those before it are known to have used at once."""
        return max(self.peak_memory, self.kernel.peak() if self.kernel is not None else 0)

    def take_notice(self) -> list[str]:
        """Return `events` as they are by now; asks nobody."""
        if self.kernel is not None:
            self.kernel.poll()
            self._take_events()
        return self.events

    # --- life and end -----------------------------------------------------------------------------------------

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel, running or not yet cleaned up."""
        return self.kernel is not None

    async def poll(self) -> int | None:
        """Return None while the kernel runs, else its exit code."""
        if self.kernel is None:
            return 0
        code = self.kernel.poll()
        self._take_events()
        return code

    async def wait(self) -> int | None:
        """Wait for the end of the kernel and take all of its sandbox down."""
        code = 0
        if self.kernel is not None:
            while (code := await self.poll()) is None:
                await asyncio.sleep(0.01)
            self._end_kernel()
        return code

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and the programs it runs."""
        if self.kernel is not None:
            self.kernel.send_signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """End every process of the sandbox."""
        if self.kernel is not None:
            self.kernel.kill()

    async def terminate(self, restart: bool = False) -> None:
        """End every process of the sandbox: nothing in it is worth a polite request."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Let go of the sandbox; what it saw of limits stays in `events`."""
        self._end_kernel()
        if not restart and self._folder_fd >= 0:
            os.close(self._folder_fd)
            self._folder_fd = -1
            # The manager removes sockets once more when it is deleted; the descriptor may be another folder by then.
            self.parent.ip = "/nonexistent/k"

    def _take_events(self) -> None:
        if self.kernel is not None:
            self.events += self.kernel.events
            self.kernel.events.clear()
            self.peak_memory = max(self.peak_memory, self.kernel.peak_memory)

    def _end_kernel(self) -> None:
        if self.kernel is not None:
            self.kernel.close()
            self._take_events()
            self.kernel = None
        if self._own_zygote is not None:
            self._own_zygote.close()
            self._own_zygote = None

    def __del__(self):
        with contextlib.suppress(Exception):
            self._end_kernel()

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """A sandbox needs no time to put its things in order."""
        return min(recommended, 1.0)

    def resolve_path(self, path: str) -> str | None:
        """Paths of the sandbox mean nothing outside."""
        return None


class SandboxKernelSpecManager(KernelSpecManager):
    """Offers one kernel specification under every name: this Python, in the sandbox.

    Parameters
    ----------
    options : dict
        Traits of `SandboxProvisioner`.
    """

    options = Dict(help="Traits of SandboxProvisioner, such as {'warm': False, 'limits': {'memory': 2**30}}.")
    options.tag(config=True)

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the specification, whatever the name a student's notebook asks for."""
        return KernelSpec(
            name=kernel_name,
            display_name="Python 3 (sandbox)",
            language="python",
            argv=["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            metadata={"kernel_provisioner": {"provisioner_name": "course-sandbox", "config": dict(self.options)}},
        )

    def find_kernel_specs(self) -> dict[str, str]:
        """Return the one name; there is no folder of resources."""
        return {"python3": str(Path(__file__).parent)}
