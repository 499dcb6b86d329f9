"""What can be declared about the collection of waste, and what is wrong with it when something is.

Hours are of the day in UTC, days of the week count from Monday, 0. Distances in km, loads in kg, levels and rises in percent.
INVARIANT: settings that left `read_settings` are consistent: every crew's places are declared, its shift ends after it starts,
the roads can be read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field

from cityward.errors import PlaceError, PlaceErrors
from cityward.ids import Id
from cityward.place.things import Position
from cityward.services.waste.roads import Roads, graph_of

MOST_CONTAINERS = 500  # looked at by their levels: as many as one view has series; others stand in the fixed round

Share = Annotated[float, Meta(gt=0, lt=1)]
HourOfDay = Annotated[float, Meta(ge=0, le=24)]
Weekday = Annotated[int, Meta(ge=0, le=6)]
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


class Containers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device or group of containers of one kind. Containers of a kind lend each other their experience (`filling`).

    longest_days: it is visited at least so often, whatever its sensor says: the declared minimum round.
    most_daily_rise: no level is believed to rise faster, whatever the container's own past.
    window: hours of the day in which it may be emptied.
    """

    kind: Id
    full_kg: Annotated[float, Meta(gt=0, le=50_000)] = 110.0
    service_s: Annotated[int, Meta(ge=0, le=7200)] = 180
    usual_daily_rise: Annotated[float, Meta(gt=0, le=400)] = 10.0
    most_daily_rise: Annotated[float, Meta(gt=0, le=400)] = 60.0
    longest_days: Annotated[float, Meta(ge=1, le=90)] = 14.0
    window: tuple[HourOfDay, HourOfDay] = (0.0, 24.0)


class Crew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lorry with its people. It starts at `depot`, may empty itself at the `unloads` in between, and ends at `ends` (or
    the depot).
    """

    depot: Id
    unloads: Annotated[tuple[Id, ...], Meta(max_length=8)] = ()
    ends: Id | None = None
    capacity_kg: Annotated[float, Meta(gt=0, le=50_000)] = 9000.0
    starts: HourOfDay = 6.0
    finishes: HourOfDay = 14.0
    unload_s: Annotated[int, Meta(ge=0, le=7200)] = 1200


class FixedRound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is driven on these weekdays where the levels are not known: the safe state."""

    days: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)]
    containers: Annotated[tuple[Id, ...], Meta(min_length=1)]


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a container burns or lies. Temperatures in Cel, tilt in degrees.

    fire_signs: how many independent signs make a fire (hot; rising fast; a second hot container near; a level gone wild):
    fewer are told as something to look at.
    """

    hot: Annotated[float, Meta(ge=30, le=400)] = 70.0
    cool: Annotated[float, Meta(ge=0, le=400)] = 45.0
    rise_per_minute: Annotated[float, Meta(gt=0, le=200)] = 5.0
    near_m: Annotated[float, Meta(ge=0, le=500)] = 30.0
    fire_signs: Annotated[int, Meta(ge=1, le=3)] = 1
    tilted: Annotated[float, Meta(ge=5, le=180)] = 45.0
    upright: Annotated[float, Meta(ge=0, le=180)] = 20.0
    dwell_s: Annotated[int, Meta(ge=0, le=86_400)] = 300
    max_age_s: Annotated[int, Meta(ge=1, le=86_400)] = 3600


class WasteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a waste service.

    service_level: a container is collected today where, if it were not, it would be full before the next round with a
    probability above one minus this. km_per_overflow_hour: what an hour of a full container is worth; km_per_visit: what a stop
    of its own on another day costs. With both at 0 only what must be is collected.
    blind_share: where the levels of more than this share are not known, the fixed round is driven and no level is looked at.
    detour: how much longer a way is than the straight line; used where no roads are declared.
    """

    containers: Annotated[dict[Id, Containers], Meta(min_length=1, max_length=500)]
    places: Annotated[dict[Id, Position], Meta(min_length=1, max_length=100)]
    crews: Annotated[dict[Id, Crew], Meta(min_length=1, max_length=50)]
    fixed: Annotated[tuple[FixedRound, ...], Meta(min_length=1, max_length=50)]
    plan: Id = "round"  # the kind of plan, as declared under the service's `plans`

    plan_at: Annotated[float, Meta(ge=0, lt=24)] = 4.0
    days: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)] = EVERY_DAY
    service_level: Share = 0.9
    full: Annotated[float, Meta(ge=50, le=100)] = 95.0
    km_per_overflow_hour: Annotated[float, Meta(ge=0, le=100)] = 0.1
    km_per_visit: Annotated[float, Meta(ge=0, le=100)] = 0.5
    stops_most: Annotated[int, Meta(ge=1, le=1000)] = 200  # a day, of all crews
    group_share: Annotated[float, Meta(gt=0, le=1)] = (
        0.6  # of a day's stops, for one device or group, of those chosen by level
    )
    group_free: Annotated[int, Meta(ge=1, le=100)] = 5  # and so many whatever their share
    blind_share: Share = 0.5

    max_age_h: Annotated[float, Meta(gt=0, le=168)] = 24.0  # a level older than this is no level
    stuck_h: Annotated[float, Meta(ge=12, le=2000)] = 96.0  # one value for so long is a sensor that stands still
    past_days: Annotated[float, Meta(ge=3, le=90)] = 28.0
    renew_s: Annotated[int, Meta(ge=60, le=86_400)] = 3600  # how often the forecasts are made anew

    roads: Roads | None = None
    detour: Annotated[float, Meta(ge=1, le=5)] = 1.35  # PRECEDENT: circuity of road networks is 1.2 to 1.5
    speed_km_h: Annotated[float, Meta(gt=0, le=130)] = 25.0  # where no roads are declared
    iterations: Annotated[int, Meta(ge=1, le=1_000_000)] = 3000
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 1
    patience_s: Annotated[int, Meta(ge=60, le=43_200)] = 5400  # without an answer for so long, stops go in plain order

    alarms: Alarms = field(default_factory=Alarms)


def read_settings(raw: Mapping[str, Any], where: str = "settings") -> WasteSettings | PlaceError:
    """The settings, or what is wrong with them, with its path below `where`."""
    try:
        settings = msgspec.convert(dict(raw), WasteSettings)
    except (msgspec.ValidationError, RecursionError) as error:
        return _shape_error(str(error), where)
    wrong = list(_contradictions(settings, where))
    if len(wrong) > 1:
        return PlaceErrors(wrong)
    return wrong[0] if wrong else settings


def _shape_error(message: str, where: str) -> PlaceError:
    """msgspec says `<what> - at `$.path``; say it our way."""
    what, _, path = message.partition(" - at `")
    path = path.rstrip("`").removeprefix("$")
    unknown = re.search(r"unknown field `(.+)`", what)
    mend = "see the settings of `waste` in docs/waste.md"
    if unknown is not None:
        near = difflib.get_close_matches(unknown.group(1), _fields(path), 1)
        mend = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(f'`{name}`' for name in _fields(path))}"
    return PlaceError(f"{what[:1].lower()}{what[1:]}", where=f"{where}{path}", mend=mend)


def _fields(path: str) -> tuple[str, ...]:
    kinds: Mapping[str, type[msgspec.Struct]] = {
        ".containers": Containers,
        ".crews": Crew,
        ".fixed": FixedRound,
        ".alarms": Alarms,
        ".roads": Roads,
    }
    return next((kind.__struct_fields__ for at, kind in kinds.items() if at in path), WasteSettings.__struct_fields__)


def _contradictions(settings: WasteSettings, where: str) -> Iterator[PlaceError]:
    for name, crew in settings.crews.items():
        yield from _crew(settings, crew, f"{where}.crews.{name}")
    for name, containers in settings.containers.items():
        if containers.window[1] <= containers.window[0]:
            what = f"the window ends at {containers.window[1]:g}, not after {containers.window[0]:g}"
            yield PlaceError(what, where=f"{where}.containers.{name}.window", mend="give the start, then the end")
    for low, high in (("cool", "hot"), ("upright", "tilted")):
        below, above = getattr(settings.alarms, low), getattr(settings.alarms, high)
        if below > above:
            what = f"`{low}` is {below:g}, above `{high}`, which is {above:g}"
            yield PlaceError(what, where=f"{where}.alarms.{low}", mend=f"set `{low}` to at most `{high}`")
    if settings.roads is not None:
        try:
            graph_of(settings.roads)
        except ValueError as error:
            yield PlaceError(str(error), where=f"{where}.roads.ways", mend="see `Roads` in docs/waste.md")


def _crew(settings: WasteSettings, crew: Crew, where: str) -> Iterator[PlaceError]:
    if crew.finishes <= crew.starts:
        what = f"the shift finishes at {crew.finishes:g}, not after it starts, at {crew.starts:g}"
        yield PlaceError(
            what, where=f"{where}.finishes", mend="shifts lie within a day; make two crews of a night shift"
        )
    for place in dict.fromkeys((crew.depot, *crew.unloads, *((crew.ends,) if crew.ends else ()))):
        if place not in settings.places:
            near = difflib.get_close_matches(place, settings.places, 1)
            mend = f"did you mean `{near[0]}`?" if near else "add it to `places`"
            yield PlaceError(f"`{place}` is no declared place", where=where, mend=mend)
