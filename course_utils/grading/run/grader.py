"""The grader process: runs one notebook, solution cells in the student's kernel and test cells here.

It is forked for one notebook, holds the hidden tests and the expected values, and never runs a line of the student's
code. The process that owns the kernel (`worker`) starts, interrupts and restarts it on request.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import traceback
from typing import Any

from course_utils import checks
from course_utils.environment import for_tests
from course_utils.grading.bridge import guard
from course_utils.grading.hidden import beside, laid_out
from course_utils.grading.limits import GradingLimits
from course_utils.grading.run.messages import Ended, Failed, Finished, Job, Message, Missing, Wanted, as_content
from course_utils.grading.run.notebook_run import SENTENCE, NotebookRun
from course_utils.grading.run.wire import Channel, socket_of

__all__ = ["main"]

# What is told of one notebook.
_EVENTS = 1000


class _Worker:
    """The worker, at the other end of a channel."""

    def __init__(self, channel: Channel) -> None:
        self.channel, self.sockets = channel, -1

    def tell(self, message: Message) -> None:
        self.channel.send(as_content(message))

    def ask(self, what: str) -> Any:
        self.tell(Wanted(what))
        content, files = self.channel.receive_with_files()
        answer = content["answer"]
        if files:
            # The folder of the kernel's sockets, which is in no folder that is seen from here.
            if self.sockets >= 0:
                os.close(self.sockets)
            (self.sockets,) = files
            answer["ip"] = f"/proc/self/fd/{self.sockets}/k"
        return answer


def serve(descriptor: int) -> None:
    """Grade the notebook that is asked for over the stream socket with this number."""
    main(Channel(socket_of(descriptor)))


def main(channel: Channel) -> None:
    """Receive a `Job`, grade the notebook and tell what became of it (runs in a process of its own)."""
    job = Job.read(channel.receive())
    owner = _Worker(channel)
    memory = GradingLimits.of(job.limits).run.test_memory
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    # Where `training` finds the artifacts, and which of them count. Real data are looked for, never downloaded.
    variables = for_tests(files=job.files, counts=job.data, data=job.data_folder, secret=job.secret)
    os.environ.update(variables)
    run = NotebookRun(owner, job)
    try:
        guard.install(lambda event: owner.tell(Ended(event)))
        with laid_out(job.hidden, job.place or None), beside(job.files, job.course_files, job.place or None):
            outcome = run.grade()
        owner.tell(Finished([(kind, text[:SENTENCE]) for kind, text in outcome.events[:_EVENTS]], outcome.seconds))
    except checks.NotGradable as missing:
        with contextlib.suppress(OSError):
            owner.tell(Missing(str(missing)))
    except Exception:
        # Nothing that a student wrote can lead here: the course or the engine is at fault, and must say so.
        with contextlib.suppress(OSError, EOFError):  # whoever asked may be gone
            owner.tell(Failed(traceback.format_exc()[-10_000:]))
    finally:
        run.close()
