"""The lighting policy: how bright each street should be now, whether a lamp need be told, what looks wrong, what it costs.

Theory of operation
-------------------
For each street, in this order: is it dark (`sky`)? Is there traffic (`traffic`)? What does the street need (`need`): a
class, and from it a level (`levels`)? Must a lamp be told (`errands`)? Then what lamps and lines draw is held to what
they were told (`faults`, `lines`), and what passed since the last turn is added to the accounts (`energy`).

What decides a level is the view, the last commands and how long people are held to be about; everything else in memory
is only told. A level's *sources* are the sensors that had a say in it. A high or low sun has no source.

INVARIANTS
- Uncertain means the declared fail-safe level: a reading that is missing, stale or implausible never darkens a street at night.
- At night a street with a class is never told less than the class it needs now; every level lies within the bounds of
  the command.
- A lamp that a person holds is told nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cityward.errors import PlaceError
from cityward.place.things import CommandLimits
from cityward.services.contract import Notice, Proposal, Turn, Urgency, View, Window
from cityward.services.lighting.board import StreetState, board_of, notices_of
from cityward.services.lighting.energy import counted
from cityward.services.lighting.errands import errand_of, limits_of
from cityward.services.lighting.faults import suspected_lamps
from cityward.services.lighting.levels import power_w
from cityward.services.lighting.lines import LineRules, Sample, Wanted, looked_at
from cityward.services.lighting.memory import MOST_SUSPECTED, Held, LightingMemory, LineMemory, StreetMemory
from cityward.services.lighting.need import Need, need_of, within
from cityward.services.lighting.refused import held_now, waits
from cityward.services.lighting.refused import notices as refusals
from cityward.services.lighting.renewal import notices as overdue
from cityward.services.lighting.renewal import present
from cityward.services.lighting.renewal import told as worn
from cityward.services.lighting.settings import LightingSettings, Line, Street, read_settings
from cityward.services.lighting.sky import Sky, judge_sky
from cityward.services.lighting.sun import elevation_deg
from cityward.services.lighting.traffic import Flow, judge_traffic
from cityward.time import SECOND

__all__ = ["Lighting"]


@dataclass(frozen=True, slots=True)
class _Judged:
    """One street, thought through."""

    street: Street
    lamps: list[str]
    sky: Sky
    flow: Flow
    need: Need


class Lighting:
    """The service, as `services.contract.Service` asks for it. Holds nothing."""

    settings = LightingSettings
    memory = LightingMemory
    example: Mapping[str, Any] = {
        "streets": {
            "harbour-road": {"lamps": ["lamps-harbour"], "light": ["lux-harbour"], "traffic": ["loops-harbour"]},
            "market-road": {
                "lamps": ["lamps-market"],
                "traffic": ["loops-market"],
                "pedestrians": ["counters-market"],
                "weather": ["weather-mast"],
                "lighting_class": "M3",
                "drops": [{"to": "M4", "below_count": 60}, {"to": "M5", "below_count": 15}],
                "presence_class": "M4",
                "installation": {"luminance_cd_m2": 1.4, "maintenance_factor": 0.8, "rated_w": 70},
            },
        },
        "lines": {"market-line": {"meter": "market-cabinet", "street": "market-road", "lamp_w": 70}},
        "dim_level": 40,
        "busy_level": 80,
        "co2_g_kwh": 300,
    }

    def read_settings(self, raw: Mapping[str, Any], where: str) -> LightingSettings | PlaceError:
        """The settings, or what is wrong with them."""
        return read_settings(raw, where)

    def reads(self, settings: LightingSettings) -> Sequence[str]:
        """The sensors, the lines' meters, and the lamps themselves: they report their level and power."""
        sensors = [
            device
            for street in settings.streets.values()
            for device in (*street.light, *street.traffic, *street.pedestrians, *street.weather, *street.lamps)
        ]
        return _distinct([*sensors, *(line.meter for line in settings.lines.values())])

    def commands(self, settings: LightingSettings) -> Sequence[str]:
        """The lamps."""
        return _distinct(lamp for street in settings.streets.values() for lamp in street.lamps)

    def windows(self, settings: LightingSettings) -> Sequence[Window]:
        """None."""
        return ()

    def documents(self, settings: LightingSettings) -> Sequence[str]:
        """None."""
        return ()

    def step(self, view: View[LightingSettings], memory: LightingMemory) -> Turn[LightingMemory]:
        """Proposals for the lamps that should be told something now, what looks wrong, and the board."""
        sun_deg = elevation_deg(view.now_us, view.position)
        judged = {
            name: _judged(view, present(street, view.now_us), sun_deg, memory, name)
            for name, street in view.settings.streets.items()
        }
        held = held_now(view, _distinct(lamp for one in judged.values() for lamp in one.lamps), memory.held)
        proposals = [proposal for name, one in judged.items() for proposal in _proposals(view, name, one, held)]
        after = msgspec.structs.replace(_remembered(view, judged, memory), held=held)
        states = {name: StreetState(one.street, one.lamps, one.sky, one.need) for name, one in judged.items()}
        notices: list[Notice] = notices_of(view, states, after)
        lamps = {name: one.lamps for name, one in judged.items()}
        notices += [*refusals(lamps, held), *overdue(view.settings.streets, lamps, view.now_us)]
        return Turn(after, proposals, notices=notices, board=board_of(view, states, after))

    def work(self, body: bytes) -> bytes:
        """It has no jobs."""
        raise ValueError("lighting has no slow work")


def _judged(view: View[LightingSettings], street: Street, sun_deg: float, memory: LightingMemory, name: str) -> _Judged:
    lamps = [lamp for lamp in view.units(street.lamps) if lamp in view.actuators]
    before = _last_cause(view, lamps)
    was_dark = {"night": True, "day": False}.get(before.get("sky", ""))
    sky = judge_sky(view, street, sun_deg, was_dark)
    flow = judge_traffic(view, street, before.get("traffic"))
    held = memory.streets.get(name, StreetMemory()).presence_until
    return _Judged(street, lamps, sky, flow, need_of(view, street, sky, flow, held))


def _proposals(view: View[LightingSettings], name: str, one: _Judged, held: Mapping[str, Held]) -> Iterator[Proposal]:
    cause = _cause(name, one.sky, one.flow, one.need) | worn(one.street) | _unseen(view, one.street)
    for lamp in one.lamps:
        limits = limits_of(view.actuators[lamp], view.settings.command)
        if limits is None or lamp in view.held:
            continue
        if not waits(view, held.get(lamp), view.last_commands.get(lamp), within(one.need, limits)):
            yield from _propose(view, lamp, limits, one, cause)


def _propose(
    view: View[LightingSettings], lamp: str, limits: CommandLimits, one: _Judged, cause: Mapping[str, str]
) -> Iterator[Proposal]:
    last = view.last_commands.get(lamp)
    level = within(one.need, limits)
    errand = errand_of(view, lamp, last, level)
    if errand is not None:
        rises = last is None or level > last.value or level == limits.fail_safe
        yield Proposal(
            device=lamp,
            command=view.settings.command,
            value=level,
            cause={**cause, "errand": errand},
            made_at=view.now_us,
            urgency=Urgency.SAFETY if rises else Urgency.ROUTINE,
            sources=tuple(dict.fromkeys(one.need.sources)),
        )


def _remembered(view: View[LightingSettings], judged: Mapping[str, _Judged], before: LightingMemory) -> LightingMemory:
    streets: dict[str, StreetMemory] = {}
    suspected = {
        lamp: suspicion
        for one in judged.values()
        for lamp, suspicion in suspected_lamps(view, one.street, one.lamps, one.sky.dark, before.suspected).items()
    }
    for name, one in judged.items():
        kept = before.streets.get(name, StreetMemory())
        streets[name] = counted(view, one.street, one.lamps, kept, before.at, one.need, one.sky.dark)
    lines = {
        name: _line(view, line, judged[line.street], before.lines.get(name, LineMemory()))
        for name, line in view.settings.lines.items()
    }
    first = dict(list(suspected.items())[:MOST_SUSPECTED])
    return LightingMemory(at=view.now_us, streets=streets, suspected=first, lines=lines)


def _line(view: View[LightingSettings], line: Line, one: _Judged, before: LineMemory) -> LineMemory:
    """The line's memory after its newest sample; as before where there is no new one."""
    settings, meters = view.settings, view.units((line.meter,))
    if not meters:
        return before
    age = settings.max_age_s * SECOND
    power, volts = view.fresh(meters[0], "line-power", age), view.fresh(meters[0], "line-voltage", age)
    at = max((reading.observed_at for reading in (power, volts) if reading is not None), default=0)
    if not at or (before.recent and at <= before.recent[-1][0]):
        return before
    sample = Sample(
        at=at,
        power_w=None if power is None else power.value,
        voltage_v=None if volts is None else volts.value,
        wanted=_wanted(view, one.sky),
        expected_w=_told_w(view, one),
    )
    rules = LineRules(line.lamp_w, settings.low_v, settings.high_v, settings.confirm_s * SECOND)
    return looked_at(before, sample, rules)


def _wanted(view: View[LightingSettings], sky: Sky) -> Wanted:
    """Lines switch by photocell or clock around sunset: between the two suns either is right."""
    if sky.sun_deg >= view.settings.day_sun_deg:
        return "off"
    return "on" if sky.sun_deg <= view.settings.night_sun_deg else "either"


def _told_w(view: View[LightingSettings], one: _Judged) -> tuple[float, float] | None:
    """What the line's lamps draw at the levels they were told, with 5 % for cables and meters."""
    installation = one.street.installation
    told = [view.last_commands[lamp].value for lamp in one.lamps if lamp in view.last_commands]
    if installation is None or installation.rated_w is None or not told or len(told) < len(one.lamps):
        return None
    watts = sum(power_w(level, installation) for level in told)
    return 0.95 * watts, 1.05 * watts


def _cause(name: str, sky: Sky, flow: Flow, need: Need) -> dict[str, str]:
    cause = {
        "street": name,
        "sky": "night" if sky.dark else "day",
        "sky_because": sky.why,
        "sun_elevation_deg": f"{sky.sun_deg:.2f}",
        "illuminance_lx": "none fresh",
        "traffic": flow.traffic.value,
        "traffic_because": flow.why,
    }
    if need.lighting_class:
        cause |= {"class": need.lighting_class, "class_because": need.why}
    if sky.illuminance is not None:
        cause["illuminance_lx"] = f"{sky.illuminance.value:.4g}"
        cause["illuminance_age_s"] = f"{sky.illuminance.age_us / SECOND:.0f}"
    if flow.reading is not None:
        cause["traffic_value"] = f"{flow.reading.value:.4g}"
        cause["traffic_age_s"] = f"{flow.reading.age_us / SECOND:.0f}"
    return cause


def _unseen(view: View[LightingSettings], street: Street) -> dict[str, str]:
    """How many readings of the street's sensors were left out, where any was: why it may be brighter than the traffic asks."""
    units = set(view.units((*street.light, *street.traffic, *street.pedestrians, *street.weather)))
    why = sorted({reason for (unit, _), reason in view.left_out.items() if unit in units})
    count = sum(1 for unit, _ in view.left_out if unit in units)
    return {"left_out": f"{count}, {' and '.join(why)}"} if count else {}


def _last_cause(view: View[LightingSettings], lamps: Sequence[str]) -> Mapping[str, str]:
    """The cause of the street's newest command."""
    commands = [command for lamp in lamps if (command := view.last_commands.get(lamp)) is not None]
    return max(commands, key=lambda command: command.sent_at).cause if commands else {}


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
