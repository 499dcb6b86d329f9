"""What can be declared about public transport, and what is wrong with it when something is.

INVARIANT: settings that left `read_settings` are consistent: thresholds in order, each vehicle in one fleet only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError, PlaceErrors
from cityward.ids import Id

Seconds = Annotated[int, Meta(ge=0, le=86_400)]
Metres = Annotated[float, Meta(ge=1, le=100_000)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Fleet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Vehicles of one make. vehicles: devices or groups, whose units' names are the vehicles' ids in the feeds."""

    vehicles: Annotated[tuple[Id, ...], Meta(min_length=1)]
    maker: str = ""


class TransportSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a transport service. Times in city seconds, distances in metres.

    feeds, timetable: flows that carry GTFS-Realtime feeds and a GTFS zip. operator: as riders and SIRI read it.
    """

    feeds: Annotated[tuple[Id, ...], Meta(max_length=8)] = ()  # none: the timetable is all there is
    timetable: Id | None = None
    fleets: dict[Id, Fleet] = {}
    advised: tuple[Id, ...] = ()  # of the vehicles, those whose terminals take advice to hold
    operator: Annotated[str, Meta(max_length=80)] = ""
    public_flow: Id | None = None  # by which pages and feeds are open to anybody; None: they are not
    command: Id = "hold"  # the vehicle model's command that sets `hold-time`

    stale_s: Seconds = 180  # PRECEDENT: GTFS-Realtime asks for a feed every 30 s, and for data no older than 90 s
    stand_s: Annotated[float, Meta(ge=0, le=600)] = 30.0  # at a stop, before anything was learned
    report_s: Annotated[float, Meta(ge=1, le=600)] = 60.0  # between two reports of a vehicle

    off_route_m: Metres = 300.0
    fastest_m_s: Annotated[float, Meta(ge=1, le=150)] = 35.0

    bunched_below: Share = 0.5  # of the timetable's headway
    gap_above: Annotated[float, Meta(ge=1, le=10)] = 1.5
    hold_most_s: Seconds = 60
    hold_step_s: Annotated[int, Meta(ge=1, le=600)] = 10

    still_after_s: Seconds = 180  # a vehicle that has not moved for so long outside stops stands still
    still_share: Annotated[float, Meta(gt=0, le=1)] = 0.5  # of a fleet's vehicles that report
    still_least: Annotated[int, Meta(ge=2, le=1000)] = 3
    still_together_s: Seconds = 300  # they stopped within so long of each other
    moved_m: Metres = 25.0  # PRECEDENT: twice the error of satellite positions in streets
    at_stop_m: Metres = 60.0


def read_settings(raw: Mapping[str, Any], where: str = "settings") -> TransportSettings | PlaceError:
    """The settings, or what is wrong with them, with its path below `where`."""
    try:
        settings = msgspec.convert(dict(raw), TransportSettings)
    except msgspec.ValidationError as error:
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
    mend = "see the settings of `transport` in docs/transport.md"
    if unknown is not None:
        fields = (Fleet if ".fleets" in path else TransportSettings).__struct_fields__
        near = difflib.get_close_matches(unknown.group(1), fields, 1)
        mend = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(f'`{name}`' for name in fields)}"
    return PlaceError(f"{what[:1].lower()}{what[1:]}", where=f"{where}{path}", mend=mend)


def _contradictions(settings: TransportSettings, where: str) -> Iterator[PlaceError]:
    if settings.timetable in settings.feeds:
        what = f"`{settings.timetable}` is named as a feed and as the timetable"
        yield PlaceError(what, where=f"{where}.timetable", mend="give the flow that carries the GTFS zip")
    if settings.moved_m >= settings.off_route_m:
        what = f"`moved_m` is {settings.moved_m:g}, not below `off_route_m`, which is {settings.off_route_m:g}"
        yield PlaceError(what, where=f"{where}.moved_m", mend="set `moved_m` below `off_route_m`")
    known = {vehicle for fleet in settings.fleets.values() for vehicle in fleet.vehicles}
    for vehicle in settings.advised:
        if vehicle not in known:
            what = f"`{vehicle}` is to be advised and is in no fleet"
            yield PlaceError(what, where=f"{where}.advised", mend="add it to the `vehicles` of its fleet")
    first: dict[str, str] = {}
    for name, fleet in settings.fleets.items():
        for vehicle in fleet.vehicles:
            other = first.setdefault(vehicle, name)
            if other != name:
                what = f"`{vehicle}` is in two fleets, `{other}` and `{name}`"
                yield PlaceError(what, where=f"{where}.fleets.{name}.vehicles", mend="leave it in one of them")
