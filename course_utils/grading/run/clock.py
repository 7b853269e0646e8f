"""When the time of a cell is up: CPU seconds are counted, so that a busy machine costs nobody a point."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

__all__ = ["CellClock"]

# How much of a core somebody uses, or waits for, who does something.
_AT_WORK = 0.02
# Seconds between two looks, at most.
_PAUSE_S = 0.5


class CellClock:
    """Counts the time of one cell, or of one test with all its calls.

    Time is up after `limit_s` CPU seconds of the kernel with all its children, and of this process; when for `limit_s`
    seconds nothing was done at all (a sleep, a deadlock); and after `wall_s` seconds, not counting those spent waiting
    for a core that others had. Who spends more than that again waiting was *starved*, and should get another chance.

    Parameters
    ----------
    limit_s : float, seconds
    usage : callable
        Returns what the kernel used until now: CPU seconds, seconds waited for a core, and whether it is busy right
        now; None where nothing counts it. Then `limit_s` counts seconds on the clock. What is used before the first
        look, in half a second at most, is not counted.
    own : callable, optional
        Returns CPU seconds of this process that count too.

    Attributes
    ----------
    starved : bool
        Whether time was up because others had the cores.
    """

    def __init__(
        self,
        limit_s: float,
        usage: Callable[[], Sequence[float] | None],
        own: Callable[[], float] | None = None,
    ) -> None:
        self.limit_s, self.starved = limit_s, False
        self._usage, self._own = usage, own or (lambda: 0.0)
        self._began = self._active = self._looked = time.monotonic()
        self._own_before = self._own()
        # Asked at the first look: most cells have ended by then, and cost no question.
        self._before: Sequence[float] | None = None
        self._used = self._waited = 0.0

    @property
    def wall_s(self) -> float:
        """Seconds on the clock after which time is up, waiting for a core not counted."""
        return max(5 * self.limit_s, self.limit_s + 30)

    @property
    def longest_s(self) -> float:
        """Seconds on the clock after which time is up in any case."""
        return 2 * self.wall_s

    @property
    def next_look(self) -> float:
        """When to look again, on the clock of `time.monotonic`."""
        idle = self._looked - self._active
        return self._looked + min(_PAUSE_S, max(0.02, self.limit_s - max(self._used, idle)))

    def is_up(self) -> bool:
        """Look what was used, and tell whether time is up."""
        now, counted = time.monotonic(), self._usage()
        self._before = self._before or counted
        if counted is None:  # nothing counts, or the kernel has ended, which is found out elsewhere
            self._looked = now
            return now - self._began >= self.limit_s
        used = counted[0] - self._before[0] + self._own() - self._own_before
        waited = max(self._waited, counted[1] - self._before[1])  # those that have ended no longer tell
        at_work = used - self._used + waited - self._waited
        if counted[2] or at_work > _AT_WORK * (now - self._looked):
            self._active = now
        self._used, self._waited, self._looked = used, waited, now
        self.starved = now - self._began >= self.longest_s and waited > self.limit_s > used
        return (
            used >= self.limit_s
            or now - self._active >= self.limit_s
            or now - self._began - waited >= self.wall_s
            or now - self._began >= self.longest_s
        )
