"""A small line with timetable and feeds, to be read by hand: six stops a kilometre and two minutes apart, every ten minutes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from cityward.transit.encoding import encode
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

DAY = "20240610"
MIDNIGHT = 1_717_977_600  # 2024-06-10T00:00Z
STOPS = ("a", "b", "c", "d", "e", "f")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LEG_S, EVERY_S = 120, 600
EAST = 0.0156  # degrees of longitude in a kilometre at 55 N


def at(clock: str) -> int:
    """POSIX s of a time on that day."""
    hours, minutes, *seconds = map(int, clock.split(":"))
    return MIDNIGHT + hours * 3600 + minutes * 60 + (seconds[0] if seconds else 0)


def place(stop: str) -> tuple[float, float]:
    return 2.3 + EAST * STOPS.index(stop), 55.0


def timetable_zip(first: str = "08:00", trips: int = 12) -> bytes:
    """Trips `t0800`, `t0810`, ... of line `l`, outward."""
    starts = [at(first) - MIDNIGHT + n * EVERY_S for n in range(trips)]
    times = [
        (f"t{name(start)}", clock(start + n * LEG_S), clock(start + n * LEG_S), stop, n + 1)
        for start in starts
        for n, stop in enumerate(STOPS)
    ]
    files = {
        "agency.txt": [("agency_id", "agency_name", "agency_url", "agency_timezone"), ("x", "X", "https://x.example/", "UTC")],
        "stops.txt": [
            ("stop_id", "stop_name", "stop_lat", "stop_lon"),
            *((stop, f"Stop {stop.upper()}", place(stop)[1], place(stop)[0]) for stop in STOPS),
        ],
        "routes.txt": [("route_id", "agency_id", "route_short_name", "route_type"), ("l", "x", "7", 3)],
        "calendar.txt": [
            ("service_id", *WEEKDAYS, "start_date", "end_date"),
            ("daily", 1, 1, 1, 1, 1, 1, 1, "20200101", "20301231"),
        ],
        "trips.txt": [
            ("route_id", "service_id", "trip_id", "trip_headsign", "direction_id"),
            *(("l", "daily", f"t{name(start)}", "Far end", 0) for start in starts),
        ],
        "stop_times.txt": [("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"), *times],
    }  # fmt: skip
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file, rows in files.items():
            archive.writestr(file, "".join(",".join(map(str, row)) + "\n" for row in rows))
    return made.getvalue()


def name(start: int) -> str:
    return f"{start // 3600:02d}{start % 3600 // 60:02d}"


def clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}:{second % 60:02d}"


def bus(
    vehicle: str,
    trip: str,
    stop: str,
    when: int,
    *,
    late: int = 0,
    status: str = "STOPPED_AT",
    where: tuple[float, float] | None = None,
) -> list[Entity]:
    """A vehicle at or before a stop of its trip, and what the agency expects of the rest: the timetable and its delay."""
    which = Trip(trip_id=trip, route_id="l", direction_id=0, start_date=DAY, relationship="SCHEDULED")
    start = at(f"{trip[1:3]}:{trip[3:]}")
    first = STOPS.index(stop)
    stops = tuple(
        StopUpdate(stop_sequence=n + 1, stop_id=STOPS[n], arrival=Event(time=start + n * LEG_S + late))
        for n in range(first, len(STOPS))
    )
    lon, lat = where if where is not None else place(stop)
    position = VehiclePosition(
        trip=which,
        vehicle=Vehicle(id=vehicle),
        position=Whereabouts(latitude=lat, longitude=lon),
        stop_sequence=first + 1,
        stop_id=stop,
        status=status,
        timestamp=when,
    )
    return [
        Entity(id=f"u{vehicle}", trip_update=TripUpdate(trip=which, vehicle=Vehicle(id=vehicle), stops=stops)),
        Entity(id=f"v{vehicle}", vehicle=position),
    ]


def feed(when: int, *entities: Sequence[Entity]) -> bytes:
    """A feed of these."""
    header = Header(version="2.0", incrementality=FULL_DATASET, timestamp=when)
    return encode(Feed(header=header, entities=tuple(one for some in entities for one in some)))
