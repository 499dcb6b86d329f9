"""Max-wave as a controller of ours: the greedy rule under the same rules as everybody, so that their price is known."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cityward.place.junctions import Junction
from cityward.services.signals.seen import JunctionSeen, Wish

HOLDS_S = 10.0  # as the baseline decides
SEES_M = 50.0


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It remembers nothing."""


class GuardedMaxWave:
    """`services.signals.seen.Controller`: the stage with the most vehicles within 50 m, held for 10 s."""

    @property
    def memory(self) -> type[Nothing]:
        """Nothing."""
        return Nothing

    def step(
        self, junctions: Mapping[str, Junction], seen: Mapping[str, JunctionSeen], memory: Nothing, now_s: float
    ) -> tuple[Nothing, Mapping[str, Wish]]:
        """A wish for each junction; the present stage until it has been shown long enough."""
        return memory, {name: _wish(junctions[name], one) for name, one in seen.items()}


def _wish(junction: Junction, seen: JunctionSeen) -> Wish:
    if seen.stage >= 0 and (not seen.settled or seen.since_s < HOLDS_S):
        return Wish(stage=seen.stage, why="held")
    near = {lane: float((one.distances <= SEES_M).sum()) for lane, one in seen.lanes.items()}
    waves = [sum(near.get(lane, 0.0) for lane in _lanes(junction, stage)) for stage in junction.stages.values()]
    most = max(range(len(waves)), key=lambda nth: waves[nth])
    return Wish(stage=most, why="most vehicles near", facts={"vehicles": waves[most]})


def _lanes(junction: Junction, stage: tuple[str, ...]) -> set[str]:
    """The lanes of the groups that have full green: they yield to nobody in this stage, or to those that yield to them as well."""
    groups = junction.groups
    full = [
        group
        for group in stage
        if all(group in groups[other].yields_to for other in groups[group].yields_to if other in stage)
    ]
    return {lane for group in full for lane in groups[group].lanes}
