"""From readings to what a controller is shown: which junctions speak, what their detectors see, who is blind, and why.

Lives here: reading a `View`. Does not live here: deciding anything (`control`, `service`), believing who asks (`priority`).

INVARIANT: total: a reading that is absent, stale or absurd leads to a blind lane or a silent junction, never to an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from cityward.place.junctions import Junction
from cityward.services.contract import Reading, View
from cityward.services.signals.memory import Still
from cityward.services.signals.seen import JunctionSeen, LaneSeen, PriorityAsked
from cityward.services.signals.settings import SignalSettings
from cityward.time import SECOND

STAGE, SINCE, SETTLED, OWN_PLAN, BREACHES = (
    "signal-stage",
    "signal-since",
    "signal-settled",
    "signal-own-plan",
    "signal-breaches",
)
GROUP = "signal-group-"
VEHICLES, QUEUE, PEOPLE = "vehicles-seen", "queue-length", "people-waiting"
SERVED_S = 12.0  # of green: a queue that stands as it stood after that is none
ABSURD = 1e6

Signals = View[SignalSettings]


@dataclass(frozen=True, slots=True)
class Said:
    """What a junction's controller says of itself. breaches: what its monitor counted. local: on its own by its detectors."""

    stage: int
    since_s: float
    settled: bool
    green_s: Mapping[str, float]
    red_s: Mapping[str, float]
    on_plan: bool
    breaches: float
    age_s: float
    local: bool = False


@dataclass(frozen=True, slots=True)
class Blind:
    """A detector that is not to be used, and why: `silent`, `frozen`, or the reason that the runtime gives for leaving it out."""

    unit: str
    lanes: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Looked:
    """One junction in one turn. said None: its controller is silent. used: the units that it rests on."""

    said: Said | None
    lanes: Mapping[str, LaneSeen]
    blind: tuple[Blind, ...]
    calls: frozenset[str]
    used: tuple[str, ...]

    def seen(self, priority: tuple[PriorityAsked, ...]) -> JunctionSeen | None:
        """As a controller is shown it; None where the junction is silent."""
        said = self.said
        if said is None:
            return None
        return JunctionSeen(
            stage=said.stage,
            since_s=said.since_s,
            settled=said.settled,
            green_s=said.green_s,
            red_s=said.red_s,
            lanes=self.lanes,
            blind=frozenset(lane for one in self.blind for lane in one.lanes),
            calls=self.calls,
            priority=priority,
            on_plan=said.on_plan,
        )


def street_s(view: Signals) -> float:
    """Now, in seconds of the street. Rises by one in a real second, however fast the city's clock is."""
    return view.now_us / SECOND / view.pace


def age_s(view: Signals, reading: Reading) -> float:
    """How old a reading is, in seconds of the street."""
    return reading.age_us / SECOND / view.pace


def fresh(view: Signals, unit: str, name: str) -> Reading | None:
    """A believable number that is not older than `blind_after_s`."""
    reading = view.readings.get((unit, name))
    if reading is None or not isfinite(reading.value) or abs(reading.value) > ABSURD:
        return None
    return reading if age_s(view, reading) <= view.settings.declared.blind_after_s else None


def said_by(view: Signals, junction: Junction) -> Said | None:
    """What the junction's controller said last; None where it is silent, or says what it cannot show."""
    stage = fresh(view, junction.device, STAGE)
    if stage is None or stage.value != int(stage.value) or not 0 <= stage.value < len(junction.stages):
        return None
    groups = {name: fresh(view, junction.device, f"{GROUP}{n}") for n, name in enumerate(junction.groups, start=1)}
    since, settled = fresh(view, junction.device, SINCE), fresh(view, junction.device, SETTLED)
    own, breaches = fresh(view, junction.device, OWN_PLAN), fresh(view, junction.device, BREACHES)
    age = age_s(view, stage)
    return Said(
        stage=int(stage.value),
        since_s=age + (max(0.0, since.value) if since is not None else 0.0),
        settled=settled is not None and settled.value > 0.5,
        green_s={name: one.value + age for name, one in groups.items() if one is not None and one.value > 0},
        red_s={name: age - one.value for name, one in groups.items() if one is not None and one.value <= 0},
        on_plan=own is None or own.value > 0.5,
        local=own is not None and own.value > 1.5,
        breaches=breaches.value if breaches is not None else 0.0,
        age_s=age,
    )


def look(view: Signals, name: str, still: Mapping[str, Still]) -> tuple[Looked, dict[str, Still]]:
    """One junction, and what is remembered of its detectors."""
    junction = view.settings.junctions[name]
    said = said_by(view, junction)
    lanes: dict[str, LaneSeen] = {}
    blind: list[Blind] = []
    used: list[str] = []
    kept: dict[str, Still] = {}
    for unit, its_lanes in junction.detectors.items():
        vehicles, halted = fresh(view, unit, VEHICLES), fresh(view, unit, QUEUE)
        if vehicles is None or halted is None or vehicles.value < 0 or halted.value < 0:
            blind.append(Blind(unit, its_lanes, _why(view, unit)))
            continue
        kept[unit] = _still(view, junction, its_lanes, said, still.get(unit), vehicles.value, halted.value)
        if _is_frozen(view, kept[unit]):
            blind.append(Blind(unit, its_lanes, "frozen"))
            continue
        used.append(unit)
        share = max(len(its_lanes), 1)
        one = LaneSeen(vehicles=vehicles.value / share, halted=halted.value / share, length_m=junction.reach_m)
        lanes.update(dict.fromkeys(its_lanes, one))
    calls, callers = _calls(view, junction)
    return Looked(said, lanes, tuple(blind), calls, (*used, *callers)), kept


def _why(view: Signals, unit: str) -> str:
    return view.left_out.get((unit, VEHICLES)) or view.left_out.get((unit, QUEUE)) or "silent"


def _still(
    view: Signals,
    junction: Junction,
    lanes: tuple[str, ...],
    said: Said | None,
    before: Still | None,
    vehicles: float,
    halted: float,
) -> Still:
    now = street_s(view)
    if before is None or (before.vehicles, before.halted) != (vehicles, halted) or before.since_s > now:
        return Still(vehicles=vehicles, halted=halted, since_s=now)
    green = {} if said is None else said.green_s
    longest = max(
        (green.get(group, 0.0) for group, made in junction.groups.items() if set(made.lanes) & set(lanes)), default=0.0
    )
    served = max(before.served_s, min(longest, now - before.since_s))
    return Still(vehicles=vehicles, halted=halted, since_s=before.since_s, served_s=served)


def _is_frozen(view: Signals, one: Still) -> bool:
    lasted = street_s(view) - one.since_s
    return one.vehicles > 0 and lasted >= view.settings.declared.frozen_after_s and one.served_s >= SERVED_S


def _calls(view: Signals, junction: Junction) -> tuple[frozenset[str], tuple[str, ...]]:
    """The groups that people or cyclists call, by their buttons; and the buttons that spoke."""
    called: set[str] = set()
    spoke: list[str] = []
    for call in junction.calls:
        if call.kind not in ("pedestrian", "cycle"):
            continue
        for unit in call.devices:
            reading = fresh(view, unit, PEOPLE)
            if reading is not None:
                spoke.append(unit)
                called.update(call.groups if reading.value >= 1 else ())
    return frozenset(called), tuple(dict.fromkeys(spoke))
