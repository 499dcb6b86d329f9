"""The times of a junction's own plan: long enough for what they hold, and short enough that nobody waits too long.

Two questions. Does the plan, run as it stands, keep each group's minimum green and longest red? And could the junction, wished
anything at all, still serve everybody in time: is the *shortest round* (the plan's stages, each left as soon as it may be) short
enough, from any of its stages and from darkness? The second is what `guard.signals.sequencer` promises, and in the same bounds.

All over seconds, and steps by their number in the plan; `members` of a step are the groups that are green in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cityward.place.checks.junctions import names_its_own
from cityward.place.checks.whole import Problem, Whole
from cityward.place.junctions import Junction

STEP_S = 1.0  # a controller decides once a second, so a wait may be over so much later
SHORTEST_RED_S = 1.0


def junctions_keep_their_times(whole: Whole) -> Iterator[Problem]:
    """The plan serves every group, for its minimum, before its longest wait is over; and so does the shortest round."""
    for name, junction in whole.place.junctions.items():
        if not junction.plan or not junction.groups or not names_its_own(junction):
            continue
        path, planned = f"junctions.{name}", {group for step in junction.plan for group in junction.stages[step.stage]}
        left_out = [group for group in junction.groups if group not in planned]
        for group in left_out:
            mend = "add a step with a stage that lets it go: nobody may wait for ever when the centre is silent"
            yield Problem(f"{path}.plan", f"leaves `{group}` out", mend)
        if not left_out:
            times = _Times(junction)
            found = [*_greens(path, times), *_reds(path, times)]
            yield from found or _round(path, times)


@dataclass(frozen=True)
class _Times:
    """A junction's plan with what follows from it."""

    junction: Junction

    @cached_property
    def members(self) -> list[frozenset[str]]:
        return [frozenset(self.junction.stages[step.stage]) for step in self.junction.plan]

    @cached_property
    def intergreens(self) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = {}
        for pair in self.junction.conflicts:
            back_s = pair.intergreen_s if pair.back_s is None else pair.back_s
            for ends, begins, seconds in ((pair.first, pair.then, pair.intergreen_s), (pair.then, pair.first, back_s)):
                least = max(seconds, self.junction.groups[ends].amber_s)
                found[ends, begins] = max(found.get((ends, begins), 0.0), least)
        return found

    @cached_property
    def longest(self) -> dict[str, float]:
        """Group -> until it may be green, whatever ended last."""
        amber = {group: made.amber_s + SHORTEST_RED_S for group, made in self.junction.groups.items()}
        for (_, begins), seconds in self.intergreens.items():
            amber[begins] = max(amber[begins], seconds)
        return amber

    def change_s(self, nth: int, group: str) -> float:
        """How long a group that begins with a step of the plan waits for it in the plan as it stands."""
        ending = self.members[nth - 1] - self.members[nth]
        return max((self.intergreens.get((other, group), 0.0) for other in ending), default=0.0)

    def begun(self, nth: int) -> frozenset[str]:
        """The groups that begin with a step."""
        return self.members[nth] - self.members[nth - 1]

    def bounds(self, nth: int, begun: frozenset[str]) -> tuple[float, float]:
        """(until all of a step that begins so is shown, until it may be left after that): at most."""
        groups = self.junction.groups
        if not begun:
            return STEP_S, 0.0
        return max(self.longest[g] for g in begun) + STEP_S, max(groups[g].min_green_s for g in begun) + STEP_S


def _greens(path: str, times: _Times) -> Iterator[Problem]:
    """Each green of the plan, from where it begins over all the steps that go on with it."""
    plan = times.junction.plan
    for nth, step in enumerate(plan):
        late = max((times.change_s(nth, group) for group in times.begun(nth)), default=0.0)
        if late > step.seconds:
            what = f"lasts {step.seconds:g} s, and the change to it takes {late:g} s"
            yield Problem(f"{path}.plan[{nth}].seconds", what, "lengthen the step")
            continue
        for group in sorted(times.begun(nth)):
            run = _run(times, nth, group)
            green, least = run - times.change_s(nth, group), times.junction.groups[group].min_green_s
            if green < least:
                what = f"lets `{group}` go for {green:g} s; its minimum green is {least:g} s"
                yield Problem(f"{path}.plan[{nth}].seconds", what, "lengthen the step, or lower min_green_s")


def _reds(path: str, times: _Times) -> Iterator[Problem]:
    count = len(times.members)
    for nth in range(count):
        for group in sorted(times.members[nth - 1] - times.members[nth]):
            red = _run(times, nth, group)
            back = next(n % count for n in range(nth, nth + count) if group in times.members[n % count])
            red, most = red + times.change_s(back, group), times.junction.groups[group].max_red_s
            if red > most:
                what = f"leaves `{group}` red for {red:g} s; its longest red is {most:g} s"
                yield Problem(f"{path}.plan", what, "shorten the steps, or raise max_red_s")


def _run(times: _Times, nth: int, group: str) -> float:
    """The seconds of the steps from one on, for as long as a group is in them, or is not, as in that one."""
    seconds, count = 0.0, len(times.members)
    for at in range(nth, nth + count):
        if (group in times.members[at % count]) != (group in times.members[nth]):
            break
        seconds += times.junction.plan[at % count].seconds
    return seconds


def _round(path: str, times: _Times) -> Iterator[Problem]:
    """The shortest round, begun where any step of the plan ends, and from darkness."""
    late = dict.fromkeys(times.junction.groups, 0.0)
    for nth, before in enumerate(times.members[-1:] + times.members[:-1]):
        served = _served(times, nth, before)
        for group in times.junction.groups.keys() - (before & times.members[nth]):
            late[group] = max(late[group], _waited(times, nth, group) + served[group])
    beginnings = [_served(times, nth, frozenset()) for nth in range(len(times.members))]
    groups = times.junction.groups
    dark = min(([g for g in groups if served[g] > groups[g].max_red_s] for served in beginnings), key=len)
    for group, made in groups.items():
        if late[group] > made.max_red_s or group in dark:
            worst = max(late[group], min(served[group] for served in beginnings))
            what = (
                f"may be red for {made.max_red_s:g} s at most; served by the shortest round of the plan's stages, with minimum "
                f"greens and whole changes, it can wait {worst:g} s"
            )
            yield Problem(f"{path}.groups.{group}.max_red_s", what, "raise it, shorten minimum greens, or join stages")


def _waited(times: _Times, nth: int, group: str) -> float:
    """How long a group has been red in the plan when a step begins; 0 of one whose green ends there."""
    seconds, count = 0.0, len(times.members)
    for at in range(nth - 1, nth - 1 - count, -1):
        if group in times.members[at % count]:
            break
        seconds += times.junction.plan[at % count].seconds
    return seconds


def _served(times: _Times, first: int, before: frozenset[str]) -> dict[str, float]:
    """Group -> at most so long from leaving `before` until it is green, by the shortest round from a step; 0: it is green."""
    at, served, count = 0.0, dict.fromkeys(before, -1.0), len(times.members)
    for nth in range(first, first + 2 * count):
        members = times.members[nth % count]
        change, dwell = times.bounds(nth % count, members - before)
        served = {group: seconds for group, seconds in served.items() if seconds >= 0 or group in members}
        for group in members:
            served.setdefault(group, at + change)
        at, before = at + change + dwell, members
    return {group: max(seconds, 0.0) for group, seconds in served.items()}
