"""Max-wave as a controller of ours: the greedy rule under the same rules as everybody, so that their price is known."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cityward.place.junctions import Junction
from cityward.services.signals.seen import JunctionSeen, Wish

HOLDS_S = 10.0  # as the baseline decides
SEES_M = 50.0
YIELDING = 0.5  # how much a lane counts that has to give way


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
    waves = [
        sum(near.get(lane, 0.0) * share for lane, share in _shares(junction, stage).items())
        for stage in junction.stages.values()
    ]
    most = max(range(len(waves)), key=lambda nth: waves[nth])
    return Wish(stage=most, why="most vehicles near", facts={"vehicles": waves[most]})


def _shares(junction: Junction, stage: tuple[str, ...]) -> dict[str, float]:
    """Lane -> how much of it counts: all, where its group yields to nobody in this stage, or those yield to it as well."""
    groups, found = junction.groups, dict[str, float]()
    for name in stage:
        full = all(name in groups[other].yields_to for other in groups[name].yields_to if other in stage)
        for lane in groups[name].lanes:
            found[lane] = max(found.get(lane, 0.0), 1.0 if full else YIELDING)
    return found
