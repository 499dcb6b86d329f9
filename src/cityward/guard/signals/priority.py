"""Who is believed when asking a junction for green: proven, bounded, and weighed by how it asks.

Theory of operation
-------------------
A request comes from a device that signed it, for one group of a junction that declares the call
(`place.junctions.PriorityCall`). Whoever is not declared, has not proven itself, or asks more often than declared gets nothing.
What passes has a weight, 1 or less:

- *impossible travel*: the device asked elsewhere just before, further away than its kind travels in that time: refused.
- *too regular*: its last `RUN` requests at the junction came in even steps, as a programme's do: weighs a fifth.
- *many of one origin*: more than `ORIGIN_MOST` devices asked from one network address within ten minutes: each weighs so much
  less
  that together they weigh no more than `ORIGIN_MOST`.
- *too much demand*: of one group within ten minutes no more than `DEMAND_MOST` of weight is believed, whoever asks.

A weight is for the controller: what it would give a vehicle it gives a share of. Safety never depends on any of this: the
sequencer keeps its rules for true requests as for ghosts.

Fails when: ghosts are few, behind different addresses, move as vehicles do and ask at odd times: they cost what the demand
bound lets them cost, and no more. A bus whose headway is even is weighed down too: it loses some seconds, not its place.

PRECEDENT: the pattern checks that the authors of the 2020 Netherlands reports proposed to the servers of such applications
(S-02).

INVARIANTS
- Total: any request gets an answer. Nobody is believed more than `most_per_hour` times an hour.
- The weight of a request is above 0 and at most 1; the weights of a group within ten minutes sum to `DEMAND_MOST` at most.
- Memory is bounded: by devices, and by requests of each.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

import msgspec

from cityward.guard.wellformed import is_number, is_text
from cityward.place.junctions import Junction, PriorityCall
from cityward.place.things import Position

HOUR_S, LATELY_S = 3600.0, 600.0
FASTEST_M_S: Mapping[str, float] = {"emergency": 45.0, "bus": 28.0, "cycle": 14.0, "pedestrian": 5.0}
STANDING_M = 250.0  # nearer than this is the same place: positions are no better
RUN, EVEN = 6, 0.05  # so many steps in a row whose spread is below this share of their mean
EVEN_WEIGHT = 0.2
ORIGIN_MOST, ORIGIN_KEPT = 8, 1000
DEMAND_MOST = 20.0
MOST_DEVICES = 10_000
MOST_ETA_S = 300.0


class PriorityReason(StrEnum):
    """Why a request is not believed."""

    MALFORMED = "malformed"
    UNDECLARED = "undeclared"
    UNPROVEN = "unproven"
    TOO_MANY = "too-many"
    IMPOSSIBLE_TRAVEL = "impossible-travel"
    TOO_MUCH_DEMAND = "too-much-demand"


class PriorityDoubt(StrEnum):
    """Why a request weighs less."""

    TOO_REGULAR = "too-regular"
    ONE_ORIGIN = "many-of-one-origin"


@dataclass(frozen=True, slots=True)
class PriorityRequest:
    """What somebody asks. seconds: until it is at the stop line. proven: its signature holds. origin: its network address."""

    junction: str
    device: str
    group: str
    seconds: float
    proven: bool = False
    origin: str = ""
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Believed:
    """A request that passed. kind: of the call, the most urgent that fits. weight: 0 < weight <= 1; doubts: why less than 1."""

    request: PriorityRequest
    kind: str
    weight: float
    doubts: tuple[PriorityDoubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Disbelieved:
    """A request that did not."""

    request: Any
    reason: PriorityReason


class Asker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered of one that asks: where and when last, its last requests with their junctions, when it was believed."""

    where: Position | None = None
    at_s: float | None = None
    asked: tuple[tuple[float, str], ...] = ()
    believed: tuple[float, ...] = ()


class DeskMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a desk remembers, for who keeps it elsewhere: a service's memory, a restart.

    origins: origin -> device -> when it asked last. demand: junction -> group -> (when, weight).
    """

    askers: dict[str, Asker] = {}
    origins: dict[str, dict[str, float]] = {}
    demand: dict[str, dict[str, tuple[tuple[float, float], ...]]] = {}


@dataclass(slots=True)
class _Device:
    """What is remembered of one that asks: when and where last, and when it was believed."""

    where: Position | None = None
    at_s: float = -math.inf
    asked: deque[tuple[float, str]] = field(default_factory=lambda: deque[tuple[float, str]](maxlen=RUN + 1))
    believed: deque[float] = field(default_factory=deque[float])


class PriorityDesk:
    """Judges requests one by one; one for all junctions, so that it sees who asks at many. Times in seconds of the street."""

    def __init__(
        self,
        junctions: Mapping[str, Junction],
        members: Mapping[str, Sequence[str]] | None = None,
        memory: DeskMemory | None = None,
    ) -> None:
        """members: group of devices -> its units; a unit that is no group's stands for itself. memory: as `remembered`."""
        self._calls: dict[str, list[tuple[frozenset[str], PriorityCall]]] = {
            name: [(_units(call.devices, members or {}), call) for call in junction.calls]
            for name, junction in junctions.items()
        }
        self._devices: OrderedDict[str, _Device] = OrderedDict()
        self._origins: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._demand: dict[tuple[str, str], deque[tuple[float, float]]] = {}
        self.refused: dict[PriorityReason, int] = dict.fromkeys(PriorityReason, 0)
        self.doubted: dict[PriorityDoubt, int] = dict.fromkeys(PriorityDoubt, 0)
        if memory is not None:
            self._recall(memory)

    def remembered(self) -> DeskMemory:
        """What another desk needs to go on as this one would; the counts are not in it."""
        demand: dict[str, dict[str, tuple[tuple[float, float], ...]]] = {}
        for (junction, group), weights in self._demand.items():
            demand.setdefault(junction, {})[group] = tuple(weights)
        return DeskMemory(
            askers={
                name: Asker(
                    where=one.where,
                    at_s=one.at_s if math.isfinite(one.at_s) else None,
                    asked=tuple(one.asked),
                    believed=tuple(one.believed),
                )
                for name, one in self._devices.items()
            },
            origins={origin: dict(seen) for origin, seen in self._origins.items()},
            demand=demand,
        )

    def _recall(self, memory: DeskMemory) -> None:
        for name, one in memory.askers.items():
            at_s = -math.inf if one.at_s is None else one.at_s
            self._devices[name] = _Device(one.where, at_s, deque(one.asked, maxlen=RUN + 1), deque(one.believed))
        self._origins = OrderedDict((origin, dict(seen)) for origin, seen in memory.origins.items())
        for junction, groups in memory.demand.items():
            for group, weights in groups.items():
                self._demand[junction, group] = deque(weights)

    def judge(self, request: PriorityRequest, now_s: float) -> Believed | Disbelieved:
        """Whether a request is believed, and how much."""
        verdict = self._judge(request, now_s)
        if isinstance(verdict, Disbelieved):
            self.refused[verdict.reason] += 1
        else:
            for doubt in verdict.doubts:
                self.doubted[doubt] += 1
        return verdict

    def _judge(self, request: PriorityRequest, now_s: float) -> Believed | Disbelieved:
        if not _well_formed(request) or not is_number(now_s):
            return Disbelieved(request, PriorityReason.MALFORMED)
        call = self._call(request)
        if call is None:
            return Disbelieved(request, PriorityReason.UNDECLARED)
        if request.proven is not True:
            return Disbelieved(request, PriorityReason.UNPROVEN)
        device = self._device(request.device)
        travels = _can_travel(device, request.position, call.kind, now_s)
        device.at_s, device.where = max(now_s, device.at_s), request.position or device.where
        device.asked.append((now_s, request.junction))
        crowd = self._crowd(request, now_s)
        if not travels:
            return Disbelieved(request, PriorityReason.IMPOSSIBLE_TRAVEL)
        if _lately(device.believed, now_s, HOUR_S) >= call.most_per_hour:
            return Disbelieved(request, PriorityReason.TOO_MANY)
        return self._weighed(request, call.kind, device, crowd, now_s)

    def _weighed(
        self, request: PriorityRequest, kind: str, device: _Device, crowd: int, now_s: float
    ) -> Believed | Disbelieved:
        even = _too_regular(device, request.junction)
        weight = (EVEN_WEIGHT if even else 1.0) * min(1.0, ORIGIN_MOST / max(crowd, 1))
        demand = self._demand.setdefault((request.junction, request.group), deque())
        while demand and not abs(now_s - demand[0][0]) < LATELY_S:
            demand.popleft()
        if sum(one for _, one in demand) + weight > DEMAND_MOST:
            return Disbelieved(request, PriorityReason.TOO_MUCH_DEMAND)
        demand.append((now_s, weight))
        device.believed.append(now_s)
        found = ((PriorityDoubt.TOO_REGULAR, even), (PriorityDoubt.ONE_ORIGIN, crowd > ORIGIN_MOST))
        return Believed(request, kind, weight, tuple(doubt for doubt, holds in found if holds))

    def _call(self, request: PriorityRequest) -> PriorityCall | None:
        calls = self._calls.get(request.junction, [])
        fits = [call for units, call in calls if request.device in units and request.group in call.groups]
        return min(fits, key=lambda call: tuple(FASTEST_M_S).index(call.kind), default=None)

    def _device(self, name: str) -> _Device:
        device = self._devices.setdefault(name, _Device())
        self._devices.move_to_end(name)
        if len(self._devices) > MOST_DEVICES:
            self._devices.popitem(last=False)
        return device

    def _crowd(self, request: PriorityRequest, now_s: float) -> int:
        """How many devices asked from the same origin lately, this one in it."""
        if not request.origin:
            return 1
        seen = self._origins.setdefault(request.origin, {})
        self._origins.move_to_end(request.origin)
        if len(self._origins) > MOST_DEVICES:
            self._origins.popitem(last=False)
        for name in [name for name, at in seen.items() if not abs(now_s - at) < LATELY_S]:
            del seen[name]
        if request.device in seen or len(seen) < ORIGIN_KEPT:
            seen[request.device] = now_s
        return len(seen)


def _units(devices: Sequence[str], members: Mapping[str, Sequence[str]]) -> frozenset[str]:
    return frozenset(unit for device in devices for unit in (members.get(device) or (device,)))


def _lately(times: deque[float], now_s: float, within_s: float) -> int:
    while times and not abs(now_s - times[0]) < within_s:
        times.popleft()
    return len(times)


def _can_travel(device: _Device, position: Position | None, kind: str, now_s: float) -> bool:
    if position is None or device.where is None:
        return True
    seconds = max(now_s - device.at_s, 0.0)
    return metres_between(device.where, position) <= STANDING_M + seconds * FASTEST_M_S[kind]


def _too_regular(device: _Device, junction: str) -> bool:
    times = [at for at, where in device.asked if where == junction]
    if len(times) <= RUN:
        return False
    steps = [after - before for before, after in pairwise(times)]
    mean = sum(steps) / len(steps)
    spread = math.sqrt(sum((step - mean) ** 2 for step in steps) / len(steps))
    return spread <= EVEN * mean


def metres_between(one: Position, other: Position) -> float:
    """The distance of two places in a town, as on a plane: within a per mille up to 50 km."""
    east = math.radians(other[0] - one[0]) * math.cos(math.radians((one[1] + other[1]) / 2))
    return 6_371_000.0 * math.hypot(east, math.radians(other[1] - one[1]))


def _well_formed(request: Any) -> bool:
    # SECURITY: constructors do not check types, and what asks is foreign
    return (
        isinstance(request, PriorityRequest)
        and all(map(is_text, (request.junction, request.device, request.group)))
        and (request.origin == "" or is_text(request.origin))
        and is_number(request.seconds)
        and 0 <= request.seconds <= MOST_ETA_S
        and (request.position is None or _is_position(request.position))
    )


def _is_position(position: Any) -> bool:
    if not isinstance(position, tuple) or len(position) != 2:  # pyright: ignore[reportUnknownArgumentType]
        return False
    east, north = position  # pyright: ignore[reportUnknownVariableType]
    return is_number(east) and is_number(north) and abs(east) <= 180 and abs(north) <= 90
