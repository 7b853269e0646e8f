"""Run code in a sandboxed kernel, for the tests of the sandbox."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import re
import textwrap
import time

from jupyter_client import KernelManager

from course_utils.grading.sandbox.provisioner import SandboxKernelSpecManager

QUICK = {"preload": []}  # forked from a process without torch and the like: starts in a fraction of a second


@dataclasses.dataclass
class Result:
    """What a cell printed (tracebacks included), and whether the kernel outlived it."""

    text: str
    status: str  # "ok", "error", "dead" or "running"
    value: str = ""  # of its last line


class Kernel:
    """A kernel, its client and its provisioner."""

    def __init__(self, folder=None, extra_arguments=(), **options):
        specs = SandboxKernelSpecManager(options={**QUICK, **options})
        self.manager = KernelManager(kernel_name="python3", transport="ipc", kernel_spec_manager=specs)
        self.manager.start_kernel(cwd=folder and str(folder), extra_arguments=list(extra_arguments))
        self.provisioner = self.manager.provisioner
        self.connect()

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels(hb=False, stdin=False)
        # The kernel already listens; nothing it prints is missed once it has greeted this subscriber.
        while self.client.get_iopub_msg(timeout=60)["msg_type"] != "iopub_welcome":
            pass

    def start(self, code):
        """Send a cell without waiting for its end."""
        return self.client.execute(textwrap.dedent(code), store_history=False)

    def finish(self, message_id, timeout=60):
        """Collect what the cell prints until it, or the kernel, ends."""
        text, value, deadline = "", "", time.monotonic() + timeout
        status = "ok"
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                if not self.manager.is_alive():
                    return Result(text, "dead")
                continue
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                text += content["text"]
            elif kind == "execute_result":
                value = content["data"]["text/plain"]
            elif kind == "error":
                text += re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
                status = "error"
            elif kind == "status" and content["execution_state"] == "idle":
                return Result(text, status, value)
        return Result(text, "running")

    def run(self, code, timeout=60):
        """Run a cell."""
        return self.finish(self.start(code), timeout)

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextlib.contextmanager
def kernel(folder=None, extra_arguments=(), **options):
    """A kernel for the time of a block; `options` are traits of the provisioner."""
    it = Kernel(folder, extra_arguments, **options)
    try:
        yield it
    finally:
        it.stop()
