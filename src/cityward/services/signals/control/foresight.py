"""Our controller: it looks ahead before each move, and keeps to the city's plan where there is more than it can see.

Theory of operation
-------------------
Every second, for each junction: what stands and comes (`queues`); duties first (`duties`: emergencies, overdue waits, buses);
a junction that is *crowded* on ways which cannot go together follows its own plan, coordinated with its neighbours, until the
crowd has gone: beyond what a detector sees, the engineer's plan knows more than any reckoning. Where junctions depend on each
other, a lane that was not seen for long is taken to be full in that: one crowd across it is enough. Everybody else, once its
shortest green is over: the best next move (`lookahead`). In a city of more than `AT_ONCE` junctions each thinks every few
seconds only, in turn.

INVARIANTS
- Pure and deterministic: what it wishes follows from its arguments; what it keeps of declarations is only reckoned once.
- Total: every wish is a stage of the junction, whatever is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cityward.place.junctions import Junction
from cityward.services.signals.control.duties import duty, fade
from cityward.services.signals.control.layout import Layout, Layouts, planned, shown_for
from cityward.services.signals.control.lookahead import Move, Start, best_moves
from cityward.services.signals.control.memory import JunctionKept, Kept
from cityward.services.signals.control.queues import Queues, coming, look
from cityward.services.signals.seen import JunctionSeen, Wish

HEAT_S = 60.0  # over how long the crowd is averaged
HOT, COOL = 0.4, 0.2  # when a junction begins to follow its plan, and when it ends
AT_ONCE, MOST_APART = 16, 3  # junctions that all think each second; else every second or third
LONG_M = 40.0  # a shorter lane says nothing of a crowd

Junctions = Mapping[str, Junction]
Seen = Mapping[str, JunctionSeen]


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One junction in this second."""

    layout: Layout
    seen: JunctionSeen
    queues: Queues
    free: np.ndarray
    kept: JunctionKept


class Foresight:
    """See the module; `docs/signals-control.md` says it in words, with its figures."""

    memory = Kept

    def __init__(self) -> None:
        self._layouts = Layouts()

    def step(self, junctions: Junctions, seen: Seen, memory: Kept, now_s: float) -> tuple[Kept, Mapping[str, Wish]]:
        """See `seen.Controller`."""
        self._layouts.keep(frozenset(junctions))
        internal = _internal(junctions)
        # a clock that jumps lets nothing pass that was not seen
        passed_s = min(max(now_s - memory.at, 0.0), 1.0) if memory.junctions else 1.0
        apart = min(1 + len(junctions) // (AT_ONCE + 1), MOST_APART)
        wishes: dict[str, Wish] = {}
        kept: dict[str, JunctionKept] = {}
        thinking: dict[str, _Look] = {}
        for nth, (name, junction) in enumerate(junctions.items()):
            if name not in seen:
                continue
            layout = self._layouts.of(name, junction)
            was = memory.junctions.get(name, _NEW)
            one = _see(layout, seen[name], was, internal.get(name, frozenset()), passed_s)
            wish, charged = _without_thinking(one, now_s)
            kept[name] = _remember(one, charged, passed_s)
            if wish is not None:
                wishes[name] = wish
            elif (int(now_s) + nth) % apart == 0:
                thinking[name] = one
            else:
                wishes[name] = Wish(one.seen.stage, "it thinks again in a moment")
        moves = best_moves([_start(one) for one in thinking.values()])
        for (name, one), move in zip(thinking.items(), moves, strict=True):
            wishes[name] = _told(one, move)
        return Kept(junctions=kept, at=now_s), wishes


_NEW = JunctionKept()


def _internal(junctions: Junctions) -> dict[str, frozenset[str]]:
    """Junction -> its lanes that others send to."""
    found: dict[str, set[str]] = {}
    for junction in junctions.values():
        for link in junction.links:
            found.setdefault(link.to, set()).update(link.lanes)
    return {name: frozenset(lanes) for name, lanes in found.items()}


def _see(layout: Layout, seen: JunctionSeen, was: JunctionKept, internal: frozenset[str], passed_s: float) -> _Look:
    free = layout.room_before(seen)
    queues, lanes = look(layout, seen, was.lanes, internal, free, passed_s)
    long = np.array([lane in seen.lanes and seen.lanes[lane].length_m > LONG_M for lane in layout.lanes], dtype=float)
    unseen = queues.lost if layout.junction.links else frozenset[str]()
    heat = was.heat + (_crowded(layout, queues.crowd * long, unseen) - was.heat) * passed_s / HEAT_S
    crowded = heat > (COOL if was.crowded else HOT)
    kept = JunctionKept(lanes=lanes, heat=heat, crowded=crowded, favoured=was.favoured)
    return _Look(layout, seen, queues, free, kept)


def _crowded(layout: Layout, crowd: np.ndarray, unseen: frozenset[str]) -> float:
    """How crowded the two fullest lanes are that no stage serves both, 0..1: the less full of them. unseen: taken to be full."""
    if not crowd.any():
        return 0.0
    other = np.array([1.0 if lane in unseen else full for lane, full in zip(layout.lanes, crowd.tolist(), strict=True)])
    return float((np.minimum(crowd[:, None], other[None, :]) * layout.apart).max())


def _without_thinking(one: _Look, now_s: float) -> tuple[Wish | None, str]:
    """The wish where nothing need be reckoned, and the kind of priority that it is charged to."""
    layout, seen = one.layout, one.seen
    if not 0 <= seen.stage < len(layout.least):
        return Wish(planned(layout, now_s), "its own plan: what it shows is not known"), ""
    wish, charged = duty(layout, seen, one.queues, one.kept.favoured)
    if wish is not None:
        return wish, charged
    if one.kept.crowded:
        facts = {"heat": round(one.kept.heat, 2), **_weak(one.queues)}
        return Wish(planned(layout, now_s), "crowded on ways that cannot go together: its own plan", facts), ""
    if not seen.settled or shown_for(layout, seen) < layout.least[seen.stage]:
        return Wish(seen.stage, "its shortest green is not over"), ""
    return None, ""


def _remember(one: _Look, charged: str, passed_s: float) -> JunctionKept:
    kept = one.kept
    if not charged and not kept.favoured:
        return kept
    return JunctionKept(
        lanes=kept.lanes, heat=kept.heat, crowded=kept.crowded, favoured=fade(kept.favoured, charged, passed_s)
    )


def _start(one: _Look) -> Start:
    layout, queues = one.layout, one.queues
    return Start(
        stage=one.seen.stage,
        green_s=shown_for(layout, one.seen),
        queue=queues.queue,
        arrivals=coming(layout, one.seen, queues, one.kept.lanes),
        weight=queues.weight,
        flow=layout.flow * one.free,
        change=layout.change,
        least=layout.least,
    )


def _told(one: _Look, move: Move) -> Wish:
    """The move as a wish, with what it rests on."""
    facts = {"cost": round(move.cost, 1), "other": round(min(move.other, 1e9), 1), **_weak(one.queues)}
    blind = f"; {len(one.queues.blind)} lanes by memory" if one.queues.blind else ""
    if move.stage == one.seen.stage or move.later_s > 0:
        return Wish(one.seen.stage, f"less waiting if it goes on{blind}", facts)
    return Wish(move.stage, f"less waiting if it changes now{blind}", facts)


def _weak(queues: Queues) -> dict[str, list[str]]:
    """The lanes that are reckoned from memory, and those that are not believed."""
    named = {"blind": list(queues.blind), "doubted": list(queues.doubted)}
    return {name: lanes for name, lanes in named.items() if lanes}
