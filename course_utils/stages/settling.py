"""The second phase of collecting: which of the hand-ins of an owner counts, by their times or by a person's choice."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from course_utils.classroom.roster import Owner, Roster
from course_utils.platforms.hand_ins import Download, HandIn, Problem, ranked
from course_utils.stages.kept import Choice

__all__ = ["Settled", "settle"]


@dataclass
class Settled:
    """Which hand-ins count.

    Parameters
    ----------
    chosen : list of HandIn
        One per owner, in the order of the roster.
    older : list of (HandIn, HandIn)
        The others, newest first, each with the one that counts instead.
    undecided : list of Owner
        Of whose hand-ins nothing says which is newer: none counts.
    problems : list of Problem
        What can't be placed, so far.
    by_hand : dict of str to HandIn
        What a person chose, by owner; what is newer than that is tried before.
    """

    chosen: list[HandIn]
    older: list[tuple[HandIn, HandIn]]
    undecided: list[Owner] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    by_hand: dict[str, HandIn] = field(default_factory=dict)

    @functools.cached_property
    def _older_of(self) -> dict[str, list[tuple[HandIn, HandIn]]]:
        """The older ones by owner, once all is settled: a class may have thousands."""
        found: dict[str, list[tuple[HandIn, HandIn]]] = {}
        for old, new in self.older:
            found.setdefault(new.owner.owner_id, []).append((old, new))
        return found

    def candidates(self, hand_in: HandIn) -> list[HandIn]:
        """Return a hand-in that was chosen, and what counts if it can't: older ones, newest first."""
        found = {hand_in.content: hand_in}
        for old, new in self._older_of.get(hand_in.owner.owner_id, ()):
            if new is hand_in:
                found.setdefault(old.content, old)  # of the same files, the one that was ranked first
        return list(found.values())

    def earlier(self, hand_in: HandIn) -> list[HandIn]:
        """Return where the same files were handed in before, with a time, the first time first."""
        older = [h for h, _ in self._older_of.get(hand_in.owner.owner_id, ())]
        same = [h for h in older if h.owner == hand_in.owner and h.content == hand_in.content and h.submitted]
        before = {h.submitted: h for h in same if hand_in.submitted and h.submitted < hand_in.submitted}
        return [before[time] for time in sorted(before)]


def settle(
    downloads: Sequence[Download],
    roster: Roster,
    earlier: Mapping[str, Sequence[HandIn]] | None = None,
    choices: Mapping[str, Choice] | None = None,
    holds_work: Callable[[HandIn], bool | None] = lambda hand_in: None,
) -> Settled:
    """Settle which hand-in of each owner counts: the second phase.

    Parameters
    ----------
    downloads : sequence of Download
    roster : Roster
    earlier : mapping of str to sequence of HandIn, optional
        What was collected before, by owner.
    choices : mapping of str to Choice, optional
        What a person chose, by owner.
    holds_work : callable
        Asked of several hand-ins of which nothing says which is newer: whether something in one can be graded, None if
        that is not sure. The only one that holds some counts where all others surely hold none.

    Returns
    -------
    Settled
    """
    settled = Settled([], [], problems=[problem for d in downloads for problem in d.problems])
    of_owner: dict[str, list[HandIn]] = {who: list(some) for who, some in (earlier or {}).items()}
    for download in downloads:
        for hand_in in download.hand_ins:
            of_owner.setdefault(hand_in.owner.owner_id, []).append(hand_in)
    for who, candidates in of_owner.items():
        if not candidates:
            continue
        choice = (choices or {}).get(who)
        newer = [h for h in candidates if choice and choice.is_beyond(h)]
        if choice and not newer:
            best, others = choice.hand_in, []
        else:
            best, *others = ranked(newer or candidates)[0]
        if others and (only := _only_work([best, *others], holds_work)):
            best, others = only, []
        if others:
            settled.undecided.append(best.owner)
            settled.problems += _undecided([best, *others])
            continue
        settled.chosen.append(best)
        # Of others between which nothing decides, none is taken instead.
        rest = [h for group in ranked(candidates) if len(group) == 1 for h in group]
        if choice:
            settled.by_hand[who] = choice.hand_in
            rest = [*(h for h in rest if h in newer), choice.hand_in, *(h for h in rest if h not in newer)]
        settled.older += [(h, best) for h in [*rest, *(c for c in candidates if c not in rest)] if h is not best]
    order = {owner_id: i for i, owner_id in enumerate(roster.owner_ids)}
    settled.chosen.sort(key=lambda hand_in: order[hand_in.owner.owner_id])
    return settled


def _only_work(hand_ins: Sequence[HandIn], holds_work: Callable[[HandIn], bool | None]) -> HandIn | None:
    """Return the hand-in that alone holds work, where all others surely hold none."""
    found = [(hand_in, holds_work(hand_in)) for hand_in in hand_ins]
    work = [hand_in for hand_in, holds in found if holds]
    return work[0] if len(work) == 1 and all(holds is not None for _, holds in found) else None


def _undecided(candidates: Sequence[HandIn]) -> list[Problem]:
    told = ", ".join(f"{h.folder or h.download} in {h.download}: {h.hand_in_id}" for h in candidates)
    owner = candidates[0].owner
    one_time = candidates[0].submitted and len({h.submitted for h in candidates}) == 1
    why = "all of one time" if one_time else "no time says which is newer"
    how = f"--student {owner.owner_id} --choose HASH takes one"
    reason = f"there are different hand-ins of {owner.name} ({told}) and {why}: {how}"
    return [
        Problem(h.download, h.folder, f.path, reason, f.staged, owner, h.submitted) for h in candidates for f in h.files
    ]
