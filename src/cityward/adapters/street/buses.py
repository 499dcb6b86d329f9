"""The demonstration's buses: their timetable, how they drive on a day, and the feed that their operator makes of it.

Two lines of Doggerford, both ways, driven by buses in turns. How late a bus is follows from the day, the trip and the leg alone:
some legs always take longer than planned, some buses are held up now and then, and one that is late leaves late again. The
operator's own prediction knows nothing of that: it carries the present delay on to the end.

INVARIANT: deterministic: the same moment gives the same feed, whoever asks, however often.
Does not live here: serving it (`bus_desk`).
"""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from cityward.transit.encoding import encode
from cityward.transit.ground import metres_between
from cityward.transit.realtime import (
    FULL_DATASET,
    Entity,
    Event,
    Feed,
    Header,
    StopUpdate,
    Trip,
    TripUpdate,
    Vehicle,
    VehiclePosition,
    Whereabouts,
)

ZONE = "UTC"
FIRST_S, LAST_S = 5 * 3600, 23 * 3600  # first and last departure of a line
SPEED_M_S, DWELL_S, LAYOVER_S = 7.0, 20, 240
REPORT_S = 15
AHEAD_S = 120  # a bus tells its trip so long before it leaves


@dataclass(frozen=True, slots=True)
class _Stop:
    id: str
    name: str
    lon: float
    lat: float


_STOPS = (
    _Stop("quay", "Dockholme Quay", 2.36653, 54.89885),
    _Stop("works", "Works Lane", 2.3563, 54.8943),
    _Stop("market", "Market", 2.34324, 54.89924),
    _Stop("bridge", "Cedar Bridge", 2.32413, 54.89926),
    _Stop("rowan", "Rowanford Cross", 2.29912, 54.8802),
    _Stop("mill", "Mill Road", 2.28929, 54.87543),
    _Stop("orchard", "Orchard", 2.2848, 54.88849),
    _Stop("west", "West End", 2.27237, 54.89129),
    _Stop("square", "Square", 2.33841, 54.90321),
    _Stop("park", "Oak Park", 2.35048, 54.9072),
    _Stop("school", "School Hill", 2.3184, 54.90912),
    _Stop("heights", "The Heights", 2.33395, 54.91739),
)
_PLACE = {stop.id: stop for stop in _STOPS}


@dataclass(frozen=True, slots=True)
class _Line:
    """One line: its stops outward, and seconds between two departures."""

    id: str
    name: str
    long_name: str
    stops: tuple[str, ...]
    every_s: int


_LINES = (
    _Line(
        "line-1", "1", "Quay - West End", ("quay", "works", "market", "bridge", "rowan", "mill", "orchard", "west"), 600
    ),
    _Line("line-2", "2", "Market - The Heights", ("market", "square", "park", "heights", "school", "bridge"), 900),
)


@dataclass(frozen=True, slots=True)
class _Planned:
    """One trip of every day. arrivals, departures: seconds of the day. bus: who drives it."""

    id: str
    line: _Line
    direction: int
    stops: tuple[str, ...]
    arrivals: tuple[int, ...]
    departures: tuple[int, ...]
    bus: str


@dataclass(frozen=True, slots=True)
class _Driven:
    """How one trip went: seconds of the day."""

    plan: _Planned
    arrivals: tuple[int, ...]
    departures: tuple[int, ...]


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def leg_s(a: str, b: str) -> int:
    """Planned seconds between two stops, in half minutes."""
    one, two = _PLACE[a], _PLACE[b]
    return max(60, round(metres_between(one.lon, one.lat, two.lon, two.lat) / SPEED_M_S / 30) * 30)


@lru_cache(maxsize=1)
def _plan() -> tuple[_Planned, ...]:
    """Every trip, by bus and time. Whoever has waited longest at the end of the line drives next."""
    trips: list[_Planned] = []
    buses = 0
    for line in _LINES:
        waiting: list[tuple[int, str, str]] = []  # ready at, stop, bus
        starts = [(at, way) for at in range(FIRST_S, LAST_S + 1, line.every_s) for way in (0, 1)]
        for at, way in starts:
            stops = line.stops if way == 0 else line.stops[::-1]
            ready = sorted(one for one in waiting if one[1] == stops[0] and one[0] <= at)
            if ready:
                bus = ready[0][2]
                waiting.remove(ready[0])
            else:
                buses += 1
                bus = f"buses-{buses:02d}"
            trip = _trip(line, way, stops, at, bus)
            trips.append(trip)
            waiting.append((trip.arrivals[-1] + LAYOVER_S, stops[-1], bus))
    return tuple(sorted(trips, key=lambda trip: (trip.bus, trip.departures[0])))


def _trip(line: _Line, way: int, stops: Sequence[str], at: int, bus: str) -> _Planned:
    arrivals, departures = [at], [at]
    for before, stop in itertools.pairwise(stops):
        arrivals.append(departures[-1] + leg_s(before, stop))
        departures.append(arrivals[-1] + DWELL_S)
    name = f"{line.name}-{'out' if way == 0 else 'back'}-{at // 3600:02d}{at % 3600 // 60:02d}"
    return _Planned(name, line, way, tuple(stops), tuple(arrivals), tuple(departures), bus)


def bus_names() -> tuple[str, ...]:
    """The buses, as the feed calls them."""
    return tuple(dict.fromkeys(trip.bus for trip in _plan()))


def _dice(*words: object) -> float:
    """A number from 0 to 1 that these words always give."""
    return int.from_bytes(sha256("/".join(map(str, words)).encode()).digest()[:6], "big") / (1 << 48)


@lru_cache(maxsize=4)
def _driven(day: date) -> tuple[_Driven, ...]:
    """How every trip of a day goes."""
    free: dict[str, int] = {}
    found: list[_Driven] = []
    for plan in _plan():
        start = max(plan.departures[0], free.get(plan.bus, 0) + 60)
        arrivals, departures = [start - 60], [start]
        for n in range(1, len(plan.stops)):
            planned = plan.arrivals[n] - plan.departures[n - 1]
            arrivals.append(departures[-1] + planned + _beyond(day, plan, n))
            stay = DWELL_S + round(25 * _dice(day, plan.id, n, "stay"))
            departures.append(max(arrivals[-1] + stay, plan.departures[n]))
        free[plan.bus] = arrivals[-1] + DWELL_S
        found.append(_Driven(plan, tuple(arrivals), tuple(departures)))
    return tuple(found)


def _beyond(day: date, plan: _Planned, n: int) -> int:
    """Seconds that a leg takes beyond its plan."""
    usual = 60 * _dice(plan.stops[n - 1], plan.stops[n]) - 15
    chance = 30 * _dice(day, plan.id, n) - 15
    held = 420 if _dice(day, plan.id, n, "held") > 0.99 else 0
    return round(usual + chance + held)


def feed_at(now_s: int) -> bytes:
    """The operator's feed at a moment, POSIX s: vehicle positions and trip updates."""
    today = datetime.fromtimestamp(now_s, UTC).date()
    entities: list[Entity] = []
    told: set[str] = set()
    for day in (today - timedelta(days=1), today):
        begin = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        for driven in _driven(day):
            since = driven.departures[0] - AHEAD_S <= now_s - begin < driven.arrivals[-1] + DWELL_S
            if since and driven.plan.bus not in told:
                told.add(driven.plan.bus)
                entities.extend(_entities(driven, day, begin, now_s))
    header = Header(version="2.0", incrementality=FULL_DATASET, timestamp=now_s)
    return encode(Feed(header=header, entities=tuple(entities)))


def _entities(driven: _Driven, day: date, begin: int, now_s: int) -> Iterator[Entity]:
    plan, seen = driven.plan, now_s // REPORT_S * REPORT_S - begin
    n = next((n for n, leaves in enumerate(driven.departures) if seen < leaves), len(plan.stops) - 1)
    trip = Trip(
        trip_id=plan.id,
        route_id=plan.line.id,
        direction_id=plan.direction,
        start_date=f"{day:%Y%m%d}",
        relationship="SCHEDULED",
    )
    vehicle, standing = Vehicle(id=plan.bus, label=plan.bus), n == 0 or seen >= driven.arrivals[n]
    late = _late(driven, n, seen)
    stops = tuple(_stop_updates(plan, n, late, begin))
    update = TripUpdate(trip=trip, vehicle=vehicle, stops=stops, timestamp=begin + seen)
    yield Entity(id=f"u-{plan.bus}", trip_update=update)
    position = VehiclePosition(
        trip=trip,
        vehicle=vehicle,
        position=_where(driven, n, seen),
        stop_sequence=n + 1,
        stop_id=plan.stops[n],
        status="STOPPED_AT" if standing else "IN_TRANSIT_TO",
        timestamp=begin + seen,
    )
    yield Entity(id=f"v-{plan.bus}", vehicle=position)


def _late(driven: _Driven, n: int, seen: int) -> int:
    """The delay that the operator knows: how late the bus left, or still stands, or should have come by now."""
    plan = driven.plan
    if seen >= driven.arrivals[n]:
        return max(0, driven.arrivals[n] - plan.arrivals[n], seen - plan.departures[n])
    left = driven.departures[n - 1] - plan.departures[n - 1] if n else 0
    return max(0, left, seen - plan.arrivals[n])


def _stop_updates(plan: _Planned, n: int, late: int, begin: int) -> Iterator[StopUpdate]:
    for k in range(n, len(plan.stops)):
        arrival = begin + plan.arrivals[k] + late
        yield StopUpdate(
            stop_sequence=k + 1,
            stop_id=plan.stops[k],
            arrival=Event(time=arrival),
            departure=Event(time=begin + plan.departures[k] + late),
            relationship="SCHEDULED",
        )


def _where(driven: _Driven, n: int, seen: int) -> Whereabouts:
    here = _PLACE[driven.plan.stops[n]]
    if seen >= driven.arrivals[n] or n == 0:
        return Whereabouts(latitude=here.lat, longitude=here.lon, speed=0.0)
    before = _PLACE[driven.plan.stops[n - 1]]
    took = driven.arrivals[n] - driven.departures[n - 1]
    share = (seen - driven.departures[n - 1]) / took
    speed = metres_between(before.lon, before.lat, here.lon, here.lat) / took
    return Whereabouts(
        latitude=before.lat + share * (here.lat - before.lat),
        longitude=before.lon + share * (here.lon - before.lon),
        speed=round(speed, 2),
    )


@lru_cache(maxsize=1)
def timetable_zip() -> bytes:
    """The timetable as GTFS: the same bytes each time."""
    files = {
        "agency.txt": [
            ("agency_id", "agency_name", "agency_url", "agency_timezone"),
            ("ring-transit", "Ring Transit", "https://transit.example/", ZONE),
        ],
        "feed_info.txt": [
            ("feed_publisher_name", "feed_publisher_url", "feed_lang", "feed_version"),
            ("Ring Transit", "https://transit.example/", "en", "1"),
        ],
        "stops.txt": [("stop_id", "stop_name", "stop_lat", "stop_lon"), *((s.id, s.name, s.lat, s.lon) for s in _STOPS)],
        "routes.txt": [
            ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type"),
            *((line.id, "ring-transit", line.name, line.long_name, 3) for line in _LINES),
        ],
        "calendar.txt": [
            ("service_id", *_WEEKDAYS, "start_date", "end_date"),
            ("daily", 1, 1, 1, 1, 1, 1, 1, "20200101", "20401231"),
        ],
        "shapes.txt": [("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"), *_shape_rows()],
        "trips.txt": [
            ("route_id", "service_id", "trip_id", "trip_headsign", "direction_id", "block_id", "shape_id"),
            *(
                (t.line.id, "daily", t.id, _PLACE[t.stops[-1]].name, t.direction, t.bus, f"{t.line.id}-{t.direction}")
                for t in _plan()
            ),
        ],
        "stop_times.txt": [("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"), *_stop_rows()],
    }  # fmt: skip
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in files.items():
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, "".join(",".join(map(str, row)) + "\n" for row in rows))
    return made.getvalue()


def _shape_rows() -> Iterator[tuple[object, ...]]:
    for line in _LINES:
        for way, stops in ((0, line.stops), (1, line.stops[::-1])):
            for n, stop in enumerate(stops, start=1):
                yield f"{line.id}-{way}", _PLACE[stop].lat, _PLACE[stop].lon, n


def _stop_rows() -> Iterator[tuple[object, ...]]:
    for trip in _plan():
        for n, stop in enumerate(trip.stops):
            yield trip.id, _clock(trip.arrivals[n]), _clock(trip.departures[n]), stop, n + 1


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}:{second % 60:02d}"
