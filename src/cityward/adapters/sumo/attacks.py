"""What is done to a run of a controller of ours: detectors lie, requests are forged, a centre wishes harm, the link is cut.

A detector that lies is not told apart here: the controller is shown what it says as if it were true, unless `noticed_after_s`
says that the watch has noticed by then; from then on its lanes are `blind`, as in the live city. Everything is seeded.

Where it lies decides who is lied to: on the way the centre alone, at the loop the cabinet's own look too. What the watch has
noticed is known at the centre; a cabinet whose loops lie is lied to until the end.

INVARIANT: an attack never touches a colour: it works on what is seen and on what is wished.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from cityward.adapters.sumo.run import Harm, Seen, Wishes
from cityward.adapters.sumo.scenario import Scenario
from cityward.guard.signals.priority import Believed, PriorityDesk, PriorityRequest
from cityward.ids import ID_LENGTH
from cityward.place.junctions import Junction, PriorityCall
from cityward.services.signals.seen import JunctionSeen, LaneSeen, PriorityAsked, Wish

Kind = Literal["frozen", "ghost-queue", "zero", "ghost-priority", "random-wishes", "worst-wishes", "cut"]
KINDS: tuple[Kind, ...] = ("frozen", "ghost-queue", "zero", "ghost-priority", "random-wishes", "worst-wishes", "cut")

LYING: tuple[Kind, ...] = ("frozen", "ghost-queue", "zero")


class Where(StrEnum):
    """Where a detector's word is forged: on its way to the centre, or at the loop itself."""

    WAY = "way"
    LOOP = "loop"


ATTACKS: Mapping[str, tuple[Kind, Where]] = {
    **{kind: (kind, Where.WAY) for kind in KINDS},
    **{f"{kind}-at-loop": (kind, Where.LOOP) for kind in LYING},
}
"""Name in the tables -> what is done, and where."""

GHOSTS = 15  # vehicles that a forged queue has: 110 m of them
GHOST_GAP_M = 7.5
GHOST_DEVICES = 10  # stolen keys for each junction
GHOST_SECONDS = 10.0  # from the stop line, as they say


class HarmOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attack. since_s: when it begins; share: of the lanes whose detectors lie; where: they do, see the module.

    noticed_after_s: see the module, None: never.
    every_s: a ghost asks for priority so often, at each junction.
    """

    kind: Kind
    where: Where = Where.WAY
    since_s: Annotated[float, Meta(ge=0, le=86_400)] = 300.0
    share: Annotated[float, Meta(ge=0, le=1)] = 1 / 3
    seed: int = 7
    noticed_after_s: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    every_s: Annotated[float, Meta(ge=1, le=3600)] = 20.0

    def __post_init__(self) -> None:
        if self.where is Where.LOOP and self.kind not in LYING:
            raise ValueError(f"`{self.kind}` is nothing that a loop can do")


def harm_of(order: HarmOrder, scenario: Scenario) -> Harm:
    """The attack, ready to be put into a run."""
    if order.kind in LYING:
        return LyingDetectors(order, scenario)
    if order.kind == "ghost-priority":
        return GhostPriority(order, scenario)
    return CutLink(order) if order.kind == "cut" else HostileJunction(order, scenario)


class LyingDetectors(Harm):
    """A share of the lanes says what it said last ("frozen"), a long standing queue ("ghost-queue"), or nothing ("zero")."""

    def __init__(self, order: HarmOrder, scenario: Scenario) -> None:
        lanes = sorted(scenario.watched)
        count = round(order.share * len(lanes))
        self._lying = frozenset(random.Random(order.seed).sample(lanes, count))  # noqa: S311 - a seeded experiment
        self._order = order
        self._frozen: dict[str, LaneSeen] = {}

    def looked(self, seen: dict[str, JunctionSeen], now_s: float) -> dict[str, JunctionSeen]:
        """The lanes that lie at the loop, replaced; on the way, none."""
        if self._order.where is Where.WAY or now_s < self._order.since_s:
            return seen
        return self._lied(seen)

    def seen(self, seen: dict[str, JunctionSeen], now_s: float) -> dict[str, JunctionSeen]:
        """The lanes that lie, replaced."""
        if now_s < self._order.since_s:
            return seen
        noticed = self._order.noticed_after_s
        if noticed is not None and now_s >= self._order.since_s + noticed:
            return {name: self._blinded(one) for name, one in seen.items()}
        return self._lied(seen)

    def _lied(self, seen: Seen) -> dict[str, JunctionSeen]:
        return {
            name: replace(one, lanes={lane: self._said(lane, was) for lane, was in one.lanes.items()})
            for name, one in seen.items()
        }

    def _blinded(self, one: JunctionSeen) -> JunctionSeen:
        lying = self._lying & set(one.lanes)
        believed = {lane: was for lane, was in one.lanes.items() if lane not in lying}
        return replace(one, lanes=believed, blind=one.blind | lying)

    def _said(self, lane: str, was: LaneSeen) -> LaneSeen:
        if lane not in self._lying:
            return was
        if self._order.kind == "zero":
            return LaneSeen(vehicles=0.0, halted=0.0, length_m=was.length_m)
        if self._order.kind == "frozen":
            return self._frozen.setdefault(lane, was)
        count = max(1, min(GHOSTS, int(was.length_m / GHOST_GAP_M)))
        return LaneSeen(
            vehicles=float(count),
            halted=float(count),
            length_m=was.length_m,
            distances=GHOST_GAP_M * np.arange(count, dtype=np.float64),
            speeds=np.zeros(count),
        )


class GhostPriority(Harm):
    """Stolen keys: ghosts ask each junction in turn for one and the same group, and pass what `guard.signals.priority` lets pass.

    What is believed counts in full here: a controller that gives it less, by its weight, loses less.
    """

    def __init__(self, order: HarmOrder, scenario: Scenario) -> None:
        self._order = order
        chance = random.Random(order.seed)  # noqa: S311 - a seeded experiment
        self._group = {
            name: chance.choice(sorted(one.junction.groups)) for name, one in sorted(scenario.signals.items())
        }
        self._desk = PriorityDesk({name: _with_call(one.junction, name) for name, one in scenario.signals.items()})
        self._coming: dict[str, PriorityRequest] = {}
        self._asked = 0

    def seen(self, seen: dict[str, JunctionSeen], now_s: float) -> dict[str, JunctionSeen]:
        """The requests, added: their signatures hold, for the keys are true ones."""
        since = now_s - self._order.since_s
        if since < 0:
            return seen
        if since // self._order.every_s >= self._asked:
            self._asked += 1
            self._coming = {name: one for name in seen if (one := self._ask(name, now_s)) is not None}
        passed = since % self._order.every_s
        return {name: self._added(name, one, passed) for name, one in seen.items()}

    def _ask(self, name: str, now_s: float) -> PriorityRequest | None:
        request = PriorityRequest(
            junction=name,
            device=_ghosts(name)[self._asked % GHOST_DEVICES],
            group=self._group[name],
            seconds=GHOST_SECONDS,
            proven=True,
            origin=f"origin-{self._asked % GHOST_DEVICES}",
        )
        return request if isinstance(self._desk.judge(request, now_s), Believed) else None

    def _added(self, name: str, one: JunctionSeen, passed: float) -> JunctionSeen:
        request = self._coming.get(name)
        if request is None or passed >= request.seconds:
            return one
        asked = PriorityAsked(
            group=request.group, kind="emergency", by=request.device, seconds=request.seconds - passed
        )
        return replace(one, priority=(*one.priority, asked))


def _ghosts(junction: str) -> tuple[str, ...]:
    return tuple(f"ghost-{n}-{junction}"[:ID_LENGTH].strip("-") for n in range(GHOST_DEVICES))


def _with_call(junction: Junction, name: str) -> Junction:
    call = PriorityCall(devices=_ghosts(name), groups=tuple(junction.groups), kind="emergency")
    return msgspec.structs.replace(junction, calls=(call,))


class HostileJunction(Harm):
    """One junction's wishes are an enemy's: any stage at random, or always the one that the fewest wait for."""

    def __init__(self, order: HarmOrder, scenario: Scenario) -> None:
        self._order = order
        self._chance = random.Random(order.seed)  # noqa: S311 - a seeded experiment
        busiest = sorted(scenario.signals, key=lambda name: (-len(scenario.signals[name].groups), name))
        self._victim = busiest[0]
        self._stages = [
            {lane for group in stage for lane in scenario.signals[self._victim].junction.groups[group].lanes}
            for stage in scenario.signals[self._victim].junction.stages.values()
        ]

    def wishes(self, wishes: Wishes, seen: Seen, now_s: float) -> Wishes:
        """The victim's wish, replaced."""
        if now_s < self._order.since_s:
            return wishes
        if self._order.kind == "random-wishes":
            stage = self._chance.randrange(len(self._stages))
        else:
            lanes = seen[self._victim].lanes
            waiting = [sum(lanes[lane].halted for lane in served if lane in lanes) for served in self._stages]
            stage = min(range(len(waiting)), key=lambda nth: waiting[nth])
        return {**wishes, self._victim: Wish(stage=stage, why="an enemy's")}


class CutLink(Harm):
    """No wish arrives any more: every junction falls to its own plan."""

    def __init__(self, order: HarmOrder) -> None:
        self._order = order

    def wishes(self, wishes: Wishes, seen: Seen, now_s: float) -> Wishes:
        """None, from then on."""
        none: Mapping[str, Wish] = {}
        return wishes if now_s < self._order.since_s else none
