"""Where the vehicles are, which reports of it are not believed, and whether many stand still at once.

Theory of operation
-------------------
The gate (`guard.feeds`) has refused what cannot be true of one feed. What only shows between feeds and beside the timetable is
judged here, for each vehicle: a report older than the last, a place that it could not have reached, one far off its trip's way.
Such a report is left out, counted and told; the vehicle's earlier place stands.

A vehicle *stands still* when it has not moved for `still_after_s`, is at no stop and reports all the while. When at least
`still_least` vehicles, and `still_share` of those of one fleet that report, stand still, and they stopped within
`still_together_s` of each other, that is told (SAFETY): a jam stops whoever is in it, whatever the make, and not elsewhere. The
words say what was seen; who or what stopped them is not known here.

INVARIANT: bounded by MOST_VEHICLES; those heard of longest ago are dropped.
Source: S-07, the test of remote access to buses told by Ruter in 2025 (docs/transport.md).
Fails when: vehicles that are stopped also fall silent (the watch's `silence` sees that), or are stopped at stops.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from cityward.place.things import Position
from cityward.services.transport.plan import key_of, place_of, planned
from cityward.services.transport.settings import TransportSettings
from cityward.transit.ground import metres_between, metres_to_line
from cityward.transit.realtime import VehiclePosition
from cityward.transit.timetable import Timetable

MOST_VEHICLES = 800
LONGEST_ID = 64  # a vehicle is called by so many characters
FORGET_S = 3 * 3600
ONE_PLACE_M = 400.0  # vehicles within so far of each other may stand in one jam
STANDS_AGAIN_S = 60  # PRECEDENT: positions are rounded and repeated: travel is judged over a minute at least


class Spot(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last believed report of a vehicle, and since when it has not moved. Times POSIX s."""

    lon: float
    lat: float
    at: int
    since: int
    stopped: bool = False  # at a stop


@dataclass(frozen=True, slots=True)
class Ignored:
    """A report that is not believed, and why, in words that say what was seen."""

    vehicle: str
    why: str


@dataclass(frozen=True, slots=True)
class Standstill:
    """Vehicles of one fleet that stand still outside stops. since: when the last of them stopped, POSIX s."""

    fleet: str
    maker: str
    vehicles: tuple[str, ...]
    reporting: int
    since: int


@dataclass(frozen=True, slots=True)
class Look:
    """What was made of a feed's positions. believed: vehicle -> its position."""

    believed: Mapping[str, VehiclePosition]
    ignored: Sequence[Ignored]
    spots: Mapping[str, Spot]


def name_of(position: VehiclePosition) -> str:
    """What a vehicle is called: its id, else its label, else its trip."""
    vehicle = position.vehicle
    named = (vehicle.id or vehicle.label) if vehicle is not None else None
    return (named or key_of(position.trip) or "")[:LONGEST_ID]


def look(
    positions: Sequence[VehiclePosition],
    spots: Mapping[str, Spot],
    table: Timetable | None,
    at_s: int,
    settings: TransportSettings,
) -> Look:
    """Judge each vehicle's report; the first of a vehicle counts."""
    believed: dict[str, VehiclePosition] = {}
    ignored: list[Ignored] = []
    kept = {name: spot for name, spot in spots.items() if 0 <= at_s - spot.at <= FORGET_S}
    for position in positions:
        name = name_of(position)
        if not name or name in believed or (name not in kept and len(kept) >= MOST_VEHICLES):
            continue
        why = _objection(position, kept.get(name), table, at_s, settings)
        if why is not None:
            ignored.append(Ignored(name, why))
            continue
        believed[name] = position
        spot = _spot(position, kept.get(name), table, at_s, settings)
        if spot is not None:
            kept[name] = spot
    return Look(believed, ignored, kept)


def _objection(
    position: VehiclePosition, before: Spot | None, table: Timetable | None, at_s: int, settings: TransportSettings
) -> str | None:
    reported = position.timestamp if position.timestamp is not None else at_s
    place = _place(position)
    if before is not None and reported < before.at:
        return f"its report is {before.at - reported} s older than the one before"
    if place is None:
        return None
    if before is not None:
        went, took = metres_between(before.lon, before.lat, *place), max(reported - before.at, STANDS_AGAIN_S)
        if went > settings.fastest_m_s * took + settings.moved_m:
            return f"it would have gone {went:.0f} m in {reported - before.at} s"
    off = _off_way(position, place, table, at_s)
    return f"it is {off:.0f} m off its trip's way" if off > settings.off_route_m else None


def _off_way(position: VehiclePosition, place: Position, table: Timetable | None, at_s: int) -> float:
    trip = position.trip
    if table is None or trip is None or trip.trip_id is None:
        return 0.0
    plan = planned(table, trip.trip_id, trip.start_date, at_s)
    if plan is None:
        return 0.0
    lon, lat = table.line(plan.number)
    if not len(lon):
        stops = table.times.stop[table.rows(plan.number)]
        lon, lat = table.stops.lon[stops], table.stops.lat[stops]
    away = metres_to_line(*place, lon, lat)
    return away if math.isfinite(away) else 0.0


def _place(position: VehiclePosition) -> Position | None:
    where = position.position
    if where is None or not (math.isfinite(where.longitude) and math.isfinite(where.latitude)):
        return None
    return where.longitude, where.latitude


def _spot(
    position: VehiclePosition, before: Spot | None, table: Timetable | None, at_s: int, settings: TransportSettings
) -> Spot | None:
    place = _place(position)
    if place is None:
        return None
    reported = position.timestamp if position.timestamp is not None else at_s
    stopped = position.status == "STOPPED_AT" or _near_stop(position, place, table, settings)
    if before is not None and metres_between(before.lon, before.lat, *place) <= settings.moved_m:
        # the first place stands: a vehicle that creeps has moved once it has left it by `moved_m`
        return Spot(before.lon, before.lat, reported, before.since, stopped)
    return Spot(round(place[0], 6), round(place[1], 6), reported, reported, stopped)


def _near_stop(
    position: VehiclePosition, place: Position, table: Timetable | None, settings: TransportSettings
) -> bool:
    if table is None or position.stop_id is None:
        return False
    stop = place_of(table, position.stop_id)
    return stop is not None and metres_between(*stop, *place) <= settings.at_stop_m


def standstills(
    spots: Mapping[str, Spot], fleets: Mapping[str, Sequence[str]], at_s: int, settings: TransportSettings
) -> Iterator[Standstill]:
    """The fleets of which many stand still. fleets: name -> its vehicles."""
    for name, vehicles in fleets.items():
        reporting = [one for one in vehicles if one in spots and at_s - spots[one].at <= settings.stale_s]
        still = sorted(one for one in reporting if _is_still(spots[one], at_s, settings))
        together = _together(still, spots, settings)
        enough = len(together) >= settings.still_least and len(together) >= settings.still_share * len(reporting)
        if enough and _spread(together, spots):
            since = max(spots[one].since for one in together)
            yield Standstill(name, settings.fleets[name].maker, tuple(together), len(reporting), since)


def _is_still(spot: Spot, at_s: int, settings: TransportSettings) -> bool:
    return not spot.stopped and spot.at - spot.since >= settings.still_after_s


def _together(still: Sequence[str], spots: Mapping[str, Spot], settings: TransportSettings) -> list[str]:
    """The most that stopped within `still_together_s` of each other."""
    best: list[str] = []
    for first in still:
        begin = spots[first].since
        group = [one for one in still if 0 <= spots[one].since - begin <= settings.still_together_s]
        best = max(best, group, key=len)
    return best


def _spread(vehicles: Sequence[str], spots: Mapping[str, Spot]) -> bool:
    """Whether they stand in more than one place."""
    first = spots[vehicles[0]]
    return any(
        metres_between(first.lon, first.lat, spots[one].lon, spots[one].lat) > ONE_PLACE_M for one in vehicles[1:]
    )
