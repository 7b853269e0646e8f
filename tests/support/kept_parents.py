"""Runs of one test process share what kernels, tests and workers start from, as the submissions of one run do.

Starting these takes longer than grading a small course. A run that is a process of its own starts its own, and so does
one whose environment is another: what is forked inherits it. Tests of the start itself put `pool.Parents` back.
"""

from __future__ import annotations

import os
from typing import Any

from course_utils.grading import pool
from course_utils.grading.run.engine import Settings
from course_utils.grading.submissions import GradedSubmission

__all__ = ["end_parents", "kept_parents"]

# Each holds libraries in memory.
_MOST = 3
_kept: list[_KeptParents] = []


class _KeptParents(pool.Parents):
    """They outlive a run."""

    def __init__(self, settings: Settings, environment: dict[str, str]) -> None:
        super().__init__(settings)
        self.environment, self.ended = environment, False

    def serves(self, settings: Settings, environment: dict[str, str]) -> bool:
        alive = all(parent is None or parent.alive for parent in (self.server, self.zygote))
        return alive and self.environment == environment and self.fit(settings)

    def worker(self) -> pool._Worker:
        while self._spare:
            if (worker := self._spare.pop()).process.poll() is None:
                return worker
            worker.end()
        return _KeptWorker(self)

    def close(self) -> None:
        pass

    def end(self) -> None:
        self.ended = True
        super().close()


class _KeptWorker(pool._Worker):
    def __init__(self, parents: _KeptParents) -> None:
        super().__init__(parents)
        self.parents, self.in_step = parents, True

    def take(self, *arguments: Any, **keywords: Any) -> GradedSubmission | None:
        result = super().take(*arguments, **keywords)
        self.in_step = result is not None
        return result

    def end(self) -> None:
        idle = self.in_step and self.submission is None and self.process.poll() is None
        if idle and not self.parents.ended:
            self.parents._spare.append(self)
        else:
            super().end()


def kept_parents(settings: Settings, workers: int = 0) -> pool.Parents:
    """Return what there is already for such settings in this environment, or start it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    found = next((parents for parents in _kept if parents.serves(settings, environment)), None)
    if found is None:
        found = _KeptParents(settings, environment)
        _kept.append(found)
        end_parents(_kept[:-_MOST])
    return found


def end_parents(those: list[_KeptParents] | None = None) -> None:
    """End some of what was kept, or all of it."""
    for parents in list(_kept if those is None else those):
        parents.end()
        _kept.remove(parents)
