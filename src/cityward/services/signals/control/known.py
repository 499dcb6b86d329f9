"""The known ways to control signals, behind our contract and our safety rules: what ours must beat.

Lives here: `Fixed` (the junction's own plan, coordinated by its offset), `Actuated` (a gap in the traffic ends a green),
`MaxPressure` (the stage with the most to gain, every `DECIDES_EVERY_S`). They remember nothing.

Source: RiLSA 2015 and the Highway Capacity Manual for gap-out and max-out; Varaiya 2013 for max pressure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

from cityward.place.junctions import Junction
from cityward.services.signals.control.layout import Layout, Layouts, planned, shown_for
from cityward.services.signals.seen import JunctionSeen, LaneSeen, Wish

GAP_S, LONGEST_S = 3.0, 50.0  # PRECEDENT: SUMO's `actuated` (max-gap 3 s), the benchmark's maxDur of 50 s
DECIDES_EVERY_S = 10.0  # PRECEDENT: RESCO's step

Junctions = Mapping[str, Junction]
Seen = Mapping[str, JunctionSeen]


class NothingKept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a controller that remembers nothing."""


class _Each:
    """A controller that looks at each junction by itself."""

    memory = NothingKept

    def __init__(self, choose: Callable[[Layout, JunctionSeen, float], Wish]) -> None:
        self._layouts, self._choose = Layouts(), choose

    def step(
        self, junctions: Junctions, seen: Seen, memory: NothingKept, now_s: float
    ) -> tuple[NothingKept, Mapping[str, Wish]]:
        """See `seen.Controller`."""
        known = {name: junction for name, junction in junctions.items() if name in seen}
        self._layouts.keep(frozenset(junctions))
        return memory, {
            name: self._choose(self._layouts.of(name, one), seen[name], now_s) for name, one in known.items()
        }


class Fixed(_Each):
    """The junction's own plan."""

    def __init__(self) -> None:
        super().__init__(_fixed)


class Actuated(_Each):
    """The plan's stages in their order; one ends when nobody comes any more, or after `LONGEST_S`."""

    def __init__(self) -> None:
        super().__init__(_actuated)


class MaxPressure(_Each):
    """Green for the stage whose lanes hold the most beyond what the lanes after them hold."""

    def __init__(self) -> None:
        super().__init__(_max_pressure)


def _fixed(layout: Layout, seen: JunctionSeen, now_s: float) -> Wish:
    return Wish(planned(layout, now_s), "its own plan")


def _actuated(layout: Layout, seen: JunctionSeen, now_s: float) -> Wish:
    if not 0 <= seen.stage < len(layout.least):
        return Wish(planned(layout, now_s), "its own plan")
    green_s = shown_for(layout, seen)
    if not seen.settled or green_s < layout.least[seen.stage]:
        return Wish(seen.stage, "its shortest green is not over")
    after = _next(layout, seen.stage)
    if green_s >= LONGEST_S:
        return Wish(after, f"green for {LONGEST_S:g} s")
    if any(_comes(layout, seen, lane) for lane in _lanes(layout, seen.stage)):
        return Wish(seen.stage, "somebody comes")
    return Wish(after, "nobody comes")


def _next(layout: Layout, stage: int) -> int:
    order = [step for step, _ in layout.plan]
    return order[(order.index(stage) + 1) % len(order)] if stage in order else order[0]


def _lanes(layout: Layout, stage: int) -> list[str]:
    return [lane for lane, rate in zip(layout.lanes, layout.flow[stage, stage], strict=True) if rate > 0]


def _comes(layout: Layout, seen: JunctionSeen, lane: str) -> bool:
    one = seen.lanes.get(lane)
    if one is None:
        return False
    if not len(one.distances):
        return one.vehicles >= 1
    return float(one.distances[0]) <= GAP_S * layout.junction.speed_m_s


def _max_pressure(layout: Layout, seen: JunctionSeen, now_s: float) -> Wish:
    if not 0 <= seen.stage < len(layout.least):
        return Wish(planned(layout, now_s), "its own plan")
    if not seen.settled or seen.since_s < DECIDES_EVERY_S:
        return Wish(seen.stage, "it decides later")
    pressures = [_pressure(layout, seen, stage) for stage in range(len(layout.least))]
    best = max(range(len(pressures)), key=lambda stage: (pressures[stage], stage == seen.stage))
    return Wish(best, f"pressure {pressures[best]:.1f}")


def _pressure(layout: Layout, seen: JunctionSeen, stage: int) -> float:
    total = 0.0
    for nth, lane in enumerate(layout.lanes):
        rate = layout.flow[stage, stage, nth]
        if rate > 0 and lane in seen.lanes:
            total += rate * _count(seen.lanes[lane]) * layout.room_before(seen)[nth]
    return total


def _count(lane: LaneSeen) -> float:
    return lane.vehicles if math.isfinite(lane.vehicles) else 0.0
