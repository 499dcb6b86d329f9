"""Judges a plan's musts over what was seen of the twin.

Theory of operation
-------------------
A docket holds every must of a plan as *open*. Each `look` asks the open ones when they were so. A time makes it *met* where it
lies at or after the step that it counts from, and no more than `within_s` after that; otherwise it is *missed*: too early is
another cause's doing, too late is late. Where the clock runs fast, a short limit would measure the machine: none is shorter than
`least_s`. An open one is missed when its time, and `grace_s` for what is still being written, have gone by. What must be *kept*
is asked once, at the end: then a number is met, none is missed. The end is when nothing but the kept is open, they had
`min(within_s, KEPT_S)` to break in, or the plan's time is up. Then every must that is still open is missed, with why.

Does not live here: carrying steps out, what the numbers mean (`scoring.py`).
INVARIANT: no must is left out, and none is met without a time; what was met or missed stays so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cityward.exercises.planning import over
from cityward.exercises.scenario import Kind, Must, Plan
from cityward.exercises.seen import Seen
from cityward.time import SECOND

KEPT_S = 180.0  # city seconds: what must be kept is watched at least so long, where nothing else takes longer


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one must. took_s: city seconds from its step; of the kept and the missed None. why: of the missed."""

    must: Must
    met: bool
    took_s: float | None = None
    why: str = ""


class Docket:
    """See the module. grace_s: city seconds that an entry may be seen late. least_s: no must has less time than this."""

    def __init__(self, plan: Plan, grace_s: float, least_s: float = 0.0) -> None:
        self._plan, self._grace_s, self._least_s = plan, grace_s, least_s
        self._judged: dict[str, Judgement] = {}

    def look(self, seen: Seen) -> None:
        """Judge what can be judged now."""
        for must in self._open():
            if must.kind is not Kind.KEPT and (judged := self._judge(must, seen)) is not None:
                self._judged[must.id] = judged

    def over(self, seen: Seen, paused_us: int = 0) -> bool:
        """Nothing can change any more, or the time is up. paused_us: city us in which the twin was declared anew."""
        spent_s = (seen.now - seen.began - paused_us) / SECOND
        if spent_s >= over(self._plan) + self._grace_s:
            return True
        done = all(step.key in seen.done for step in self._plan.steps)
        return done and all(must.kind is Kind.KEPT and self._watched(must, seen) for must in self._open())

    def close(self, seen: Seen) -> tuple[Judgement, ...]:
        """Every must of the plan, in its order, met or missed."""
        self.look(seen)
        for must in self._open():
            self._judged[must.id] = self._at_end(must, seen)
        return tuple(self._judged[must.id] for must in self._plan.musts)

    def judged(self) -> Mapping[str, Judgement]:
        """What is judged so far, by the must's id: for whoever looks on."""
        return dict(self._judged)

    def met(self) -> int:
        """How many are met so far."""
        return sum(one.met for one in self._judged.values())

    def _open(self) -> Sequence[Must]:
        return [must for must in self._plan.musts if must.id not in self._judged]

    def _judge(self, must: Must, seen: Seen) -> Judgement | None:
        since = seen.done.get(must.since)
        if since is None:
            return None
        at = must.when(seen)
        if at is not None:
            return self._in_time(must, (at - since) / SECOND)
        late = (seen.now - since) / SECOND > self._within_s(must) + self._grace_s
        return _missed(must, f"not within {self._within_s(must):.0f} s") if late else None

    def _within_s(self, must: Must) -> float:
        return max(must.within_s, self._least_s)

    def _in_time(self, must: Must, took_s: float) -> Judgement:
        if took_s < 0:
            return _missed(must, f"it was so {-took_s:.0f} s before the step, for another reason")
        if took_s > self._within_s(must):
            return _missed(must, f"after {took_s:.0f} s, not within {self._within_s(must):.0f} s")
        return Judgement(must, met=True, took_s=took_s)

    def _watched(self, must: Must, seen: Seen) -> bool:
        since = seen.done[must.since]
        return (seen.now - since) / SECOND >= min(must.within_s, KEPT_S)

    def _at_end(self, must: Must, seen: Seen) -> Judgement:
        if must.since not in seen.done:
            return _missed(must, f"the step `{must.since}` was not carried out")
        if must.kind is not Kind.KEPT:
            return _missed(must, "not until the end")
        return _missed(must, "it did not hold") if must.when(seen) is None else Judgement(must, met=True)


def _missed(must: Must, why: str) -> Judgement:
    return Judgement(must, met=False, why=f"{why} (known: {must.failing})" if must.failing else why)
