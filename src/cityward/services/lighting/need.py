"""What a street needs now: full light, a class, or (where no class is declared) a level. The service's one decision.

Theory of operation
-------------------
By day a lamp is told its lowest level. By night, for a street with a lighting class:

1. Traffic unknown, people unknown or weather unknown, where sensors for them are declared: the command's fail-safe level.
2. Rain or fog: the street's own class, no drop.
3. Traffic: the lowest of the declared drops whose condition holds; busy or no drop: the street's own class.
4. People on foot, now or within `hold_s`: at least `presence_class`.

The level follows from the class that is left (`levels`). A street without a class burns at `dim_level` or `busy_level`.

INVARIANTS
- At night no level is below what the class required now needs; unknown means full light. Lamps are never switched off at night.
- What is required never falls for want of a reading.
Source: CEN/TR 13201-1:2014, clause 6 on adaptive lighting: a class may change with traffic, composition and ambient light.
"""

from __future__ import annotations

from dataclasses import dataclass

from cityward.place.things import CommandLimits
from cityward.services.contract import View
from cityward.services.lighting.classes import higher, is_drop
from cityward.services.lighting.levels import level_for
from cityward.services.lighting.settings import Drop, LightingSettings, Street
from cityward.services.lighting.sky import Sky
from cityward.services.lighting.traffic import Flow, Said, Traffic, Volume, people_about, volume_of, weather_is_bad
from cityward.time import SECOND


@dataclass(frozen=True, slots=True)
class Need:
    """What a street needs. level: percent, raised to what the lamp may be set to; None: the fail-safe level.
    lighting_class: empty by day and where none is declared.

    floor: of a street with a class, the level of its own class: what the fail-safe level is raised to.
    presence_until: until when people count as about, city us; 0: nobody.
    """

    level: float | None
    lighting_class: str
    why: str
    sources: tuple[str, ...] = ()
    presence_until: int = 0
    floor: float = 0.0


def need_of(view: View[LightingSettings], street: Street, sky: Sky, flow: Flow, presence_until: int) -> Need:
    """See the module. `presence_until`: as the last turn left it."""
    # a clock that went back must not leave people standing in the light for years: the hold is counted anew
    held = min(presence_until, view.now_us + street.hold_s * SECOND)
    if not sky.dark:
        return Need(0.0, "", sky.why, sky.sources, held)
    if street.lighting_class is None or street.installation is None:
        return Need(_plain_level(view.settings, flow), "", flow.why, (*sky.sources, *flow.sources), held)
    return _classed(view, street, sky, flow, held)


def _plain_level(settings: LightingSettings, flow: Flow) -> float | None:
    return {Traffic.QUIET: settings.dim_level, Traffic.BUSY: settings.busy_level}.get(flow.traffic)


def _classed(view: View[LightingSettings], street: Street, sky: Sky, flow: Flow, held: int) -> Need:
    full, installation = str(street.lighting_class), street.installation
    assert installation is not None  # `read_settings` refuses a class without one
    people, weather, volume = people_about(view, street), weather_is_bad(view, street), volume_of(view, street)
    said = (*people.sources, *weather.sources, *volume.sources)
    sources = tuple(dict.fromkeys((*sky.sources, *flow.sources, *said)))
    if people.yes:
        held = max(held, view.now_us + street.hold_s * SECOND)
    floor = level_for(full, installation) or 100.0
    unknown = _unknown(street, flow, people, weather, volume)
    if unknown:
        return Need(None, full, unknown, sources, held, floor)
    bad = bool(street.weather) and weather.yes is True
    now, why = (full, weather.why) if bad else _dropped(street, full, flow, volume)
    if view.now_us < held:
        raised = higher(now, street.presence_class or full)
        now, why = (raised, "people are about") if raised != now else (now, why)
    return Need(level_for(now, installation), now, why, sources, held, floor)


def _unknown(street: Street, flow: Flow, people: Said, weather: Said, volume: Volume) -> str:
    """What is not known of what is declared; empty where all is."""
    for declared, said in ((street.pedestrians, people), (street.weather, weather)):
        if declared and said.yes is None:
            return said.why
    return flow.why if street.drops and flow.traffic is Traffic.UNCERTAIN and volume.count is None else ""


def _dropped(street: Street, full: str, flow: Flow, volume: Volume) -> tuple[str, str]:
    """The lowest class that the traffic allows, and why."""
    counted = f"{volume.count:g} vehicles in the last report" if volume.count is not None else flow.why
    allowed = [drop for drop in street.drops if _holds(drop, volume.count, flow)]
    if not allowed:
        return full, counted
    lowest = allowed[0]
    for drop in allowed[1:]:
        lowest = drop if is_drop(lowest.to, drop.to) else lowest
    return lowest.to, flow.why if lowest.below_count is None else counted


def _holds(drop: Drop, count: float | None, flow: Flow) -> bool:
    if drop.below_count is not None:
        return count is not None and count < drop.below_count
    return flow.traffic is Traffic.QUIET


def within(need: Need, limits: CommandLimits) -> float:
    """The level as the lamp may be set to; where it is not known, its fail-safe level, and never less than the street's class."""
    if need.level is None:
        return min(max(limits.fail_safe, need.floor), limits.high)
    return min(max(need.level, limits.low), limits.high)
