"""A junction's declaration, compiled: matrices and lists by number instead of names, and how soon everybody can be served.

Lives here: `JunctionRules`, which the sequencer and the gate run on. Does not live here: the rules in words
(`place.junctions`), and what a declaration must hold to be run at all (`place.checks.junctions`); what endangers people is
refused here once more.

Theory of the longest wait
--------------------------
Nobody's red may last longer than `max_red_s`, whatever is wished. So a junction always keeps a way out: the *round*, its own
plan's stages in their order, each left as soon as it may be. `latest` tells until when the present stage may last so that some
round, begun then, still comes to every group in time. All times in it are upper bounds under steps of at most `LONGEST_STEP_S`,
so who keeps the bound at each step keeps it for ever: following the round never makes it worse.

INVARIANTS
- No `JunctionRules` has a stage with two groups that conflict, or an intergreen shorter than the amber that runs in it.
- A group is in `unpromised` or its longest wait holds, for any wishes, once it was served after darkness; from darkness on
  where a stage to begin with leaves time for it (`place.checks.junction_times` asks for that).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from cityward.errors import PlaceError
from cityward.place.junctions import Junction

PLAN = -1
"""The value of a `signal-stage` command that says: follow your own plan. It is the fail-safe value."""

LONGEST_STEP_S = 1.0  # a step of the clock counts no longer than this: what a clock jumps over was not served
DARK = -1  # the row of `changes` and `dwells` from where nothing is green
TINY_S = 1e-9  # what adding up seconds may lose
SHORTEST_RED_S = 1.0  # between an amber and the same group's next green

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class JunctionRules:
    """One junction by numbers: groups 0..g, stages 0..s and the steps of its plan 0..k, in the order of the declaration.

    conflict (g, g) bool, symmetric. intergreen (g, g) seconds from the end of the row's green to the column's, 0 where there is
    no conflict. green (s, g) bool. min_green, amber, max_red (g,) seconds. plan: (stage, seconds). slack (s, k, g): see
    `latest`. unpromised: groups whose longest wait cannot be promised, because even the shortest round exceeds it. longest
    (g,): what is promised; inf for them.
    """

    junction: Junction
    groups: tuple[str, ...]
    stages: tuple[str, ...]
    conflict: Mask
    intergreen: Matrix
    green: Mask
    min_green: Matrix
    amber: Matrix
    max_red: Matrix
    plan: tuple[tuple[int, float], ...]
    lost_after_s: float
    slack: Matrix
    unpromised: tuple[str, ...]
    longest: Matrix
    members: tuple[frozenset[int], ...]  # stage -> its groups
    before: tuple[
        tuple[tuple[int, float], ...], ...
    ]  # group -> (conflicting group, seconds after the end of its green)
    changes: tuple[
        tuple[float, ...], ...
    ]  # [from][to] seconds at most until all of `to` is shown; the last row: from darkness
    dwells: tuple[tuple[float, ...], ...]  # [from][to] seconds at most, after that, until all of `to` may end
    ends: tuple[float, ...] = field(repr=False)  # where the plan's steps end in its cycle

    @classmethod
    def of(cls, junction: Junction, name: str = "") -> JunctionRules:
        """Compile a declaration.

        Raises:
            PlaceError: it names what it does not declare, has a conflict within a stage, or no stage or plan at all.
        """
        return _compile(junction, name)

    @property
    def cycle_s(self) -> float:
        """How long the plan lasts."""
        return self.ends[-1]

    def planned(self, now_s: float) -> int:
        """The stage of the plan at a second of the street."""
        return self.plan[self.plan_step(now_s)][0]

    def plan_step(self, now_s: float) -> int:
        """The step of the plan at a second of the street."""
        at = math.fmod(now_s - self.junction.offset_s, self.cycle_s)
        return min(bisect_right(self.ends, at + self.cycle_s if at < 0 else at), len(self.plan) - 1)

    def latest(self, stage: int, ended: Matrix) -> float:
        """Until when a stage may last, at the latest, so that everybody is still served in time.

        ended: (g,) when each group's green ended; of groups that are green in the stage any value.
        """
        return float((self.slack[stage] + ended).min(axis=1).max())

    def way_out(self, stage: int, ended: Matrix) -> int:
        """The stage to change to when `latest` is reached."""
        return self.plan[int((self.slack[stage] + ended).min(axis=1).argmax())][0]

    def in_time(self, before: int, after: int, ended: Matrix, now_s: float) -> bool:
        """Whether a change begun now shows its greens in time, and leaves a way out for everybody else after it.

        before: a stage, or `DARK`. ended: (g,) when each group's green ended, on the clock of `now_s`.
        """
        held = frozenset[int]() if before == DARK else self.members[before]
        then = ended.copy()
        then[list(held - self.members[after])] = now_s
        shown = now_s + self.changes[before][after]
        if any(shown - then[group] > self.longest[group] + TINY_S for group in self.members[after] - held):
            return False
        return shown + self.dwells[before][after] <= self.latest(after, then) + TINY_S


def _compile(junction: Junction, name: str) -> JunctionRules:
    where = f"junctions.{name}" if name else ""
    groups, stages = tuple(junction.groups), tuple(junction.stages)
    number = {group: nth for nth, group in enumerate(groups)}
    amber = np.array([made.amber_s for made in junction.groups.values()])
    try:
        intergreen, conflict = _conflicts(junction, number, amber)
        members = tuple(frozenset(number[group] for group in stage) for stage in junction.stages.values())
        plan = tuple((stages.index(step.stage), step.seconds) for step in junction.plan)
    except (KeyError, ValueError) as error:
        raise PlaceError(
            f"the junction names what it does not declare: {error}", where=where, mend="see `cityward check`"
        ) from error
    green = np.zeros((len(stages), len(groups)), dtype=np.bool_)
    for nth, stage in enumerate(members):
        green[nth, list(stage)] = True
        if conflict[np.ix_(list(stage), list(stage))].any():
            raise PlaceError(
                f"stage `{stages[nth]}` lets conflicting groups go", where=where, mend="part it in two stages"
            )
    if not groups or not stages or not plan:
        raise PlaceError("a junction needs groups, stages and a plan", where=where, mend="declare them")
    min_green = np.array([made.min_green_s for made in junction.groups.values()])
    max_red = np.array([made.max_red_s for made in junction.groups.values()])
    changes, dwells = _bounds(members, intergreen, amber, min_green)
    slack, unpromised = _slack(members, [stage for stage, _ in plan], changes, dwells, max_red)
    return JunctionRules(
        junction=junction,
        groups=groups,
        stages=stages,
        conflict=conflict,
        intergreen=intergreen,
        green=green,
        min_green=min_green,
        amber=amber,
        max_red=max_red,
        plan=plan,
        lost_after_s=junction.lost_after_s,
        slack=slack,
        unpromised=tuple(groups[group] for group in unpromised),
        longest=np.where(np.isin(np.arange(len(groups)), unpromised), math.inf, max_red),
        members=members,
        before=tuple(
            tuple((int(i), float(intergreen[i, j])) for i in np.flatnonzero(conflict[:, j])) for j in range(len(groups))
        ),
        changes=changes,
        dwells=dwells,
        ends=tuple(accumulate(seconds for _, seconds in plan)),
    )


def _conflicts(junction: Junction, number: dict[str, int], amber: Matrix) -> tuple[Matrix, Mask]:
    count = len(number)
    intergreen, conflict = np.zeros((count, count)), np.zeros((count, count), dtype=np.bool_)
    for pair in junction.conflicts:
        first, then = number[pair.first], number[pair.then]
        back = pair.intergreen_s if pair.back_s is None else pair.back_s
        conflict[first, then] = conflict[then, first] = True
        # SECURITY: declared twice, or shorter than the amber in it: the longer one counts
        intergreen[first, then] = max(intergreen[first, then], pair.intergreen_s, amber[first])
        intergreen[then, first] = max(intergreen[then, first], back, amber[then])
    return intergreen, conflict


def _bounds(
    members: tuple[frozenset[int], ...], intergreen: Matrix, amber: Matrix, min_green: Matrix
) -> tuple[tuple[tuple[float, ...], ...], tuple[tuple[float, ...], ...]]:
    """`changes` and `dwells`. A wait of x seconds is over at a step within x + LONGEST_STEP_S."""
    longest = np.maximum(
        intergreen.max(axis=0), amber + SHORTEST_RED_S
    )  # until a group may be green, whatever ended before
    changes: list[tuple[float, ...]] = []
    dwells: list[tuple[float, ...]] = []
    for before in (*members, frozenset[int]()):
        begun = [sorted(after - before) for after in members]
        changes.append(tuple(float(longest[new].max()) + LONGEST_STEP_S if new else LONGEST_STEP_S for new in begun))
        dwells.append(tuple(float(min_green[new].max()) + LONGEST_STEP_S if new else 0.0 for new in begun))
    return tuple(changes), tuple(dwells)


def _slack(
    members: tuple[frozenset[int], ...],
    order: list[int],
    changes: tuple[tuple[float, ...], ...],
    dwells: tuple[tuple[float, ...], ...],
    max_red: Matrix,
) -> tuple[Matrix, list[int]]:
    """(s, k, g): how long before leaving stage s for the round from step k a group's green may have ended. inf: any time."""
    slack = np.full((len(members), len(order), len(max_red)), math.inf)
    for stage in range(len(members)):
        for first in range(len(order)):
            steps = [order[(first + nth) % len(order)] for nth in range(2 * len(order))]
            for group in range(len(max_red)):
                slack[stage, first, group] = _room(group, stage, steps, members, changes, dwells, float(max_red[group]))
    steady = [slack[stage, (nth + 1) % len(order)] for nth, stage in enumerate(order)]
    unpromised = [group for group in range(len(max_red)) if any(row[group] < 0 for row in steady)]
    slack[:, :, unpromised] = math.inf
    return slack, unpromised


def _room(
    group: int,
    stage: int,
    steps: list[int],
    members: tuple[frozenset[int], ...],
    changes: tuple[tuple[float, ...], ...],
    dwells: tuple[tuple[float, ...], ...],
    max_red: float,
) -> float:
    """How much of a group's longest wait is left over in a round of so many steps that begins by leaving the stage."""
    at, ended, before = 0.0, None if group in members[stage] else 0.0, stage
    for after in steps:
        if ended is None and group not in members[after]:
            ended = at
        elif ended is not None and group in members[after]:
            left = max_red - (at + changes[before][after] - ended)
            return left if group not in members[stage] else (math.inf if left >= 0 else -math.inf)
        at += changes[before][after] + dwells[before][after]
        before = after
    return math.inf if ended is None else -math.inf
