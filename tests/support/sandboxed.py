"""Run code in a sandboxed kernel, for the tests of the sandbox."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import re
import textwrap
import time

from jupyter_client import BlockingKernelClient

from course_utils.grading.limits import GradingLimits
from course_utils.grading.sandbox.student_kernel import KernelOptions, StudentKernel

QUICK = {"preload": ()}  # forked from a process without torch and the like: starts in a fraction of a second


@dataclasses.dataclass
class Result:
    """What a cell printed (tracebacks included), and whether the kernel outlived it."""

    text: str
    status: str  # "ok", "error", "dead" or "running"
    value: str = ""  # of its last line


class Kernel:
    """A kernel in the sandbox, and a client."""

    def __init__(self, folder=None, arguments=(), limits=(), **options):
        sandbox = GradingLimits.of(dict(limits)).sandbox
        self.process = StudentKernel(folder, KernelOptions(sandbox, **{**QUICK, **options}), arguments)
        self.connect()

    def connect(self):
        """Start it, in the place of the one before."""
        self.info = self.process.start()
        self.client = BlockingKernelClient()
        self.client.load_connection_info(self.info)
        self.client.start_channels(hb=False, stdin=False)
        # Nothing it prints is missed once something of it has been heard.
        for _ in range(60):
            self.client.kernel_info()
            with contextlib.suppress(queue.Empty):
                self.client.get_iopub_msg(timeout=1)
                return
        raise TimeoutError("The kernel says nothing.")

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
                if not self.process.alive():
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
        self.process.end()


@contextlib.contextmanager
def kernel(folder=None, arguments=(), **options):
    """A kernel for the time of a block; `options` are those of `KernelOptions`, `limits` what differs."""
    it = Kernel(folder, arguments, **options)
    try:
        yield it
    finally:
        it.stop()
