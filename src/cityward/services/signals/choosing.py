"""The controllers that a service may be declared to use, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cityward.place.junctions import Junction
from cityward.services.signals.seen import Controller, JunctionSeen, Wish

LONGEST_GREEN_S = 45.0


class NothingKept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a controller that remembers nothing."""


class LongestQueue:
    """The plainest controller that looks: green for whom most stand, never longer than `LONGEST_GREEN_S` while others wait.

    Of two stages with as many, the one that has waited longer. Lanes that nobody sees count nothing.
    """

    memory = NothingKept

    def step(
        self, junctions: Mapping[str, Junction], seen: Mapping[str, JunctionSeen], memory: NothingKept, now_s: float
    ) -> tuple[NothingKept, Mapping[str, Wish]]:
        """See `seen.Controller`."""
        return memory, {name: _wish(junctions[name], one) for name, one in seen.items() if name in junctions}


def _wish(junction: Junction, seen: JunctionSeen) -> Wish:
    stages = list(junction.stages.values())
    waiting = [_waiting(junction, seen, groups) for groups in stages]
    now = seen.stage if 0 <= seen.stage < len(stages) else 0
    others = [nth for nth in range(len(stages)) if nth != now and waiting[nth] > 0]
    if not others or (seen.settled and _served(junction, seen, stages[now]) and seen.since_s < LONGEST_GREEN_S):
        return Wish(now, "nobody else waits" if not others else "its queue is still being let go")
    longest = max(others, key=lambda nth: (waiting[nth], max(seen.red_s.get(g, 0.0) for g in stages[nth])))
    return Wish(longest, f"{waiting[longest]:g} wait there, {waiting[now]:g} here")


def _waiting(junction: Junction, seen: JunctionSeen, groups: tuple[str, ...]) -> float:
    lanes = {lane for group in groups for lane in junction.groups[group].lanes if lane in seen.lanes}
    called = len(seen.calls & set(groups)) + len({one.by for one in seen.priority if one.group in groups}) * 5
    return sum(seen.lanes[lane].halted for lane in lanes) + called


def _served(junction: Junction, seen: JunctionSeen, groups: tuple[str, ...]) -> bool:
    """Whether vehicles still come in the stage, or a minimum is not over."""
    short = any(seen.green_s.get(group, 0.0) < junction.groups[group].min_green_s for group in groups)
    lanes = {lane for group in groups for lane in junction.groups[group].lanes if lane in seen.lanes}
    return short or sum(seen.lanes[lane].vehicles for lane in lanes) > 1


CONTROLLERS: Mapping[str, Controller[Any]] = {"longest-queue": LongestQueue()}
"""By name; `DEFAULT` is taken where none is named."""

DEFAULT = "longest-queue"
