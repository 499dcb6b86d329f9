"""The lighting policy: how bright each street should be now, and whether a lamp need be told.

Theory of operation
-------------------
For each street, three questions in this order:

1. *Is it dark?* (`judge_sky`) Sun and sensors check each other. High sun: day, low sun: night, whatever a sensor says: a covered
   sensor at noon lights nothing, a torch held to one at midnight darkens nothing. In the twilight between, fresh sensors
   decide by their median with hysteresis (night below `dusk_lux`, day above `dawn_lux`, between as before, and night where
   there is no before); without fresh sensors the sun decides alone.
2. *Is there traffic?* (`judge_traffic`) One busy detector makes the street busy, quiet takes all that have something to say, and
   at least half of those declared must have. Anything else is uncertain.
3. *Must a lamp be told?* (`_errand`) It rises at once (unless a command is under way), sinks only after `dwell_s` (no flapping),
   is reminded after `refresh_s` (a lamp that hears nothing for long goes to its own fail-safe level), and is tried again
   after `retry_s`.

Memory is the last command with its cause; there is no other.

A level's *sources* are the light sensors, where they decided whether it is dark, and the detectors that had something to say,
where it is dark. A high or low sun has no source, nor has full light for want of traffic readings.

INVARIANTS
- Uncertain means the declared fail-safe level: a reading that is missing, stale or implausible never darkens a street at night.
- Every level lies within the bounds of the lamp's command.

Fails when
- traffic is known by speed only and flows fast but dense: below capacity speed hardly falls with volume, so a street may
  count as quiet with many cars on it. Where counts are to be had, set `busy_above_count` and `quiet_below_count`.
- one slow vehicle (a tractor, a bicycle) on an empty street counts as dense: brighter than needed, never darker.
- all sensors of a street are manipulated together during twilight: lamps are at most wrong by the length of twilight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from cityward.errors import PlaceError
from cityward.place.things import CommandLimits
from cityward.services.contract import (
    Actuator,
    Commanded,
    NoMemory,
    Proposal,
    Reading,
    Turn,
    Urgency,
    View,
    Window,
)
from cityward.services.lighting.settings import LightingSettings, Street, read_settings
from cityward.services.lighting.sun import elevation_deg
from cityward.time import SECOND

MOST_LIGHT_SENSORS, MOST_DETECTORS = (
    28,
    100,
)  # a street looks at the first of these: together what one proposal may rest on
SAME_LEVEL = 0.5  # percent; lamps report whole percents
BELIED_BY = 2.0  # percent between what was commanded and what the lamp reports


class Traffic(StrEnum):
    """What is known of a street's traffic."""

    QUIET = "quiet"
    BUSY = "busy"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Sky:
    """Whether it is dark, why, and the reading that was looked at (whether believed or not); `sources` where it decided."""

    dark: bool
    why: str
    sun_deg: float
    illuminance: Reading | None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """The traffic, and the reading that decided it: the slowest speed or highest count. `sources`: all that had a say."""

    traffic: Traffic
    why: str
    reading: Reading | None = None
    sources: tuple[str, ...] = ()


class Lighting:
    """The service, as `services.contract.Service` asks for it. Holds nothing."""

    settings = LightingSettings
    memory = NoMemory
    example: Mapping[str, Any] = {
        "streets": {
            "harbour-road": {"lamps": ["lamps-harbour"], "light": ["lux-harbour"], "traffic": ["loops-harbour"]}
        },
        "dim_level": 40,
        "busy_level": 80,
    }

    def read_settings(self, raw: Mapping[str, Any], where: str) -> LightingSettings | PlaceError:
        """The settings, or what is wrong with them."""
        return read_settings(raw, where)

    def reads(self, settings: LightingSettings) -> Sequence[str]:
        """The sensors, and the lamps themselves: they report their level."""
        streets = settings.streets.values()
        return _distinct(device for street in streets for device in (*street.light, *street.traffic, *street.lamps))

    def commands(self, settings: LightingSettings) -> Sequence[str]:
        """The lamps."""
        return _distinct(lamp for street in settings.streets.values() for lamp in street.lamps)

    def windows(self, settings: LightingSettings) -> Sequence[Window]:
        """None."""
        return ()

    def documents(self, settings: LightingSettings) -> Sequence[str]:
        """None."""
        return ()

    def step(self, view: View[LightingSettings], memory: NoMemory) -> Turn[NoMemory]:
        """Proposals for the lamps that should be told something now."""
        sun_deg = elevation_deg(view.now_us, view.position)
        streets = view.settings.streets.items()
        return Turn(memory, [proposal for name, street in streets for proposal in _light(view, name, street, sun_deg)])

    def work(self, body: bytes) -> bytes:
        """It has no jobs."""
        raise ValueError("lighting has no slow work")


def judge_sky(view: View[LightingSettings], street: Street, sun_deg: float, was_dark: bool | None) -> Sky:
    """Question 1. `was_dark` is the last answer; None where there is none."""
    settings = view.settings
    fresh = _fresh(view, street.light, "illuminance")
    reading, sources = _median(list(fresh.values())), tuple(fresh)
    if sun_deg >= settings.day_sun_deg:
        return Sky(False, "the sun is high", sun_deg, reading)
    if sun_deg <= settings.night_sun_deg:
        return Sky(True, "the sun is far below the horizon", sun_deg, reading)
    if reading is None:
        return Sky(sun_deg <= settings.dusk_sun_deg, "twilight, by the sun: no fresh light sensor", sun_deg, None)
    if reading.value < settings.dusk_lux:
        return Sky(True, "twilight, measured dark", sun_deg, reading, sources)
    if reading.value > settings.dawn_lux:
        return Sky(False, "twilight, measured light", sun_deg, reading, sources)
    return Sky(was_dark is not False, "twilight, between the thresholds: as before", sun_deg, reading, sources)


def judge_traffic(view: View[LightingSettings], street: Street, before: str | None) -> Flow:
    """Question 2. `before` is the last answer, kept while readings lie between the thresholds."""
    detectors = view.units(street.traffic)[:MOST_DETECTORS]
    said = {unit: vote for unit in detectors if (vote := _vote(view, unit)) is not None}
    if not detectors or 2 * len(said) < len(detectors):
        return Flow(Traffic.UNCERTAIN, f"{len(said)} of {len(detectors)} detectors have something to say")
    votes, sources = list(said.values()), tuple(said)
    for traffic, reading in votes:
        if traffic is Traffic.BUSY:
            return Flow(Traffic.BUSY, "a detector is busy", reading, sources)
    if all(traffic is Traffic.QUIET for traffic, _ in votes):
        return Flow(Traffic.QUIET, f"all {len(votes)} detectors are quiet", votes[0][1], sources)
    kept = Traffic.QUIET if before == Traffic.QUIET else Traffic.BUSY
    return Flow(kept, "between the thresholds: as before", votes[0][1], sources)


def _vote(view: View[LightingSettings], unit: str) -> tuple[Traffic, Reading] | None:
    """What one detector says; `UNCERTAIN` between the thresholds, None where it has nothing to say."""
    settings, max_age = view.settings, view.settings.max_age_s * SECOND
    count = view.fresh(unit, "vehicle-count", max_age)
    if count is not None and settings.busy_above_count is not None and settings.quiet_below_count is not None:
        return _between(count, -settings.busy_above_count, -settings.quiet_below_count, -count.value)
    speed = view.fresh(unit, "vehicle-speed", max_age)
    # a mean speed of exactly 0 is how detectors write "nothing measured" (METR-LA among them)
    if speed is None or speed.value <= 0:
        return None
    return _between(speed, settings.busy_below_m_s, settings.quiet_above_m_s, speed.value)


def _between(reading: Reading, busy_below: float, quiet_above: float, value: float) -> tuple[Traffic, Reading]:
    if value < busy_below:
        return Traffic.BUSY, reading
    return (Traffic.QUIET if value > quiet_above else Traffic.UNCERTAIN), reading


def _light(view: View[LightingSettings], name: str, street: Street, sun_deg: float) -> Iterator[Proposal]:
    lamps = [lamp for lamp in view.units(street.lamps) if lamp in view.actuators]
    before = _last_cause(view, lamps)
    was_dark = {"night": True, "day": False}.get(before.get("sky", ""))
    sky = judge_sky(view, street, sun_deg, was_dark)
    flow = judge_traffic(view, street, before.get("traffic"))
    cause = _cause(name, sky, flow) | _unseen(view, street)
    sources = tuple(dict.fromkeys((*sky.sources, *flow.sources))) if sky.dark else sky.sources
    for lamp in lamps:
        limits = _limits(view.actuators[lamp], view.settings.command)
        if limits is not None:
            yield from _propose(view, lamp, limits, _level(view.settings, sky, flow, limits), cause, sources)


def _level(settings: LightingSettings, sky: Sky, flow: Flow, limits: CommandLimits) -> float:
    wanted = limits.fail_safe
    if not sky.dark:
        wanted = limits.low
    elif flow.traffic is Traffic.QUIET:
        wanted = settings.dim_level
    elif flow.traffic is Traffic.BUSY:
        wanted = settings.busy_level
    return min(max(wanted, limits.low), limits.high)


def _propose(
    view: View[LightingSettings],
    lamp: str,
    limits: CommandLimits,
    level: float,
    cause: Mapping[str, str],
    sources: tuple[str, ...],
) -> Iterator[Proposal]:
    last = view.last_commands.get(lamp)
    errand = _errand(view, lamp, last, level)
    if errand is not None:
        rises = last is None or level > last.value or level == limits.fail_safe
        yield Proposal(
            device=lamp,
            command=view.settings.command,
            value=level,
            cause={**cause, "errand": errand},
            made_at=view.now_us,
            urgency=Urgency.SAFETY if rises else Urgency.ROUTINE,
            sources=sources,
        )


def _errand(view: View[LightingSettings], lamp: str, last: Commanded | None, level: float) -> str | None:
    """Why the lamp must be told now; None if it need not be."""
    if last is None:
        return "first command"
    since = view.now_us - last.sent_at
    if since < 0:
        return "the clock went back"
    waited = since >= view.settings.retry_s * SECOND
    if last.state == "sent" and not waited:
        return None  # the runner settles it within its deadline
    if level > last.value + SAME_LEVEL:
        return "brighter"
    if last.state != "acknowledged":
        return f"the last command is {last.state}" if waited else None
    return _errand_to_obedient(view, lamp, last, level)


def _errand_to_obedient(view: View[LightingSettings], lamp: str, last: Commanded, level: float) -> str | None:
    """The same, for a lamp that did what it was last told and need not rise."""
    settings, since = view.settings, view.now_us - last.sent_at
    if level < last.value - SAME_LEVEL:
        return "darker" if since >= settings.dwell_s * SECOND else None
    if _belied(view, lamp, last):
        return "the lamp reports another level"
    return "reminder" if since >= settings.refresh_s * SECOND else None


def _belied(view: View[LightingSettings], lamp: str, last: Commanded) -> bool:
    """Whether the lamp's own report, made well after the command, says something else."""
    report = view.fresh(lamp, "lamp-level", view.settings.max_age_s * SECOND)
    if report is None or report.observed_at - last.sent_at < view.settings.retry_s * SECOND:
        return False
    return abs(report.value - last.value) > BELIED_BY


def _cause(name: str, sky: Sky, flow: Flow) -> dict[str, str]:
    cause = {
        "street": name,
        "sky": "night" if sky.dark else "day",
        "sky_because": sky.why,
        "sun_elevation_deg": f"{sky.sun_deg:.2f}",
        "illuminance_lx": "none fresh",
        "traffic": flow.traffic.value,
        "traffic_because": flow.why,
    }
    if sky.illuminance is not None:
        cause["illuminance_lx"] = f"{sky.illuminance.value:.4g}"
        cause["illuminance_age_s"] = f"{sky.illuminance.age_us / SECOND:.0f}"
    if flow.reading is not None:
        cause["traffic_value"] = f"{flow.reading.value:.4g}"
        cause["traffic_age_s"] = f"{flow.reading.age_us / SECOND:.0f}"
    return cause


def _unseen(view: View[LightingSettings], street: Street) -> dict[str, str]:
    """How many readings of the street's sensors were left out, where any was: why it may be brighter than the traffic asks."""
    units = set(view.units((*street.light, *street.traffic)))
    why = sorted({reason for (unit, _), reason in view.left_out.items() if unit in units})
    count = sum(1 for unit, _ in view.left_out if unit in units)
    return {"left_out": f"{count}, {' and '.join(why)}"} if count else {}


def _last_cause(view: View[LightingSettings], lamps: Sequence[str]) -> Mapping[str, str]:
    """The cause of the street's newest command."""
    commands = [command for lamp in lamps if (command := view.last_commands.get(lamp)) is not None]
    return max(commands, key=lambda command: command.sent_at).cause if commands else {}


def _limits(actuator: Actuator, command: str) -> CommandLimits | None:
    limits = actuator.commands.get(command)
    return limits if limits is not None and limits.sets == "lamp-level" else None


def _fresh(view: View[LightingSettings], devices: Sequence[str], property_id: str) -> dict[str, Reading]:
    """Unit -> its reading, of those that have a fresh one."""
    max_age = view.settings.max_age_s * SECOND
    units = view.units(devices)[:MOST_LIGHT_SENSORS]
    return {unit: reading for unit in units if (reading := view.fresh(unit, property_id, max_age)) is not None}


def _median(readings: Sequence[Reading]) -> Reading | None:
    """The middle value, as old as the oldest it was made of."""
    if not readings:
        return None
    oldest = max(readings, key=lambda reading: reading.age_us)
    return Reading(median(reading.value for reading in readings), oldest.observed_at, oldest.age_us)


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
