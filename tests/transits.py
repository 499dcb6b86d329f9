"""A small timetable and live feeds that fit it, for tests: three stops on one street, five minutes apart."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import msgspec

from cityward.transit.archive import tabulate
from cityward.transit.building import build
from cityward.transit.decoding import decode
from cityward.transit.realtime import Feed
from cityward.transit.timetable import Timetable

NOON = 1_717_243_200  # 2024-06-01 12:00 UTC, a Saturday

FILES = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\nhb,Harbour Buses,https://buses.example,UTC\n",
    "stops.txt": """stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station
quay,Quay,55.0000,2.0000,0,
mole,Mole,55.0000,2.0300,0,
bank,Bank,55.0000,2.0600,0,hub
hub,Hub,55.0001,2.0601,1,
""",
    "routes.txt": """route_id,agency_id,route_short_name,route_long_name,route_type
r1,hb,1,Quay - Bank,3
r2,hb,2,Ring,3
""",
    "trips.txt": """route_id,service_id,trip_id,trip_headsign,direction_id,shape_id
r1,daily,out-12,Bank,0,line
r1,daily,back-13,Quay,1,line
r2,daily,ring,Quay,0,line
r2,daily,loose,Bank,0,line
r2,daily,strict,Bank,0,line
r1,daily,untimed,Bank,0,line
""",
    "stop_times.txt": """trip_id,arrival_time,departure_time,stop_id,stop_sequence
out-12,12:00:00,12:00:00,quay,1
out-12,12:05:00,12:05:30,mole,2
out-12,12:10:00,12:10:00,bank,3
back-13,25:00:00,25:00:00,bank,1
back-13,25:05:00,25:05:00,mole,2
back-13,25:10:00,25:10:00,quay,3
ring,12:00:00,12:00:00,quay,1
ring,12:05:00,12:05:00,mole,2
ring,12:10:00,12:10:00,bank,3
ring,12:20:00,12:20:00,quay,4
loose,08:00:00,08:00:00,quay,1
loose,08:10:00,08:10:00,bank,2
strict,08:00:00,08:00:00,quay,1
strict,08:10:00,08:10:00,bank,2
untimed,12:00:00,12:00:00,quay,1
untimed,,,mole,2
untimed,12:10:00,12:10:00,bank,3
""",
    "calendar.txt": """service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
daily,1,1,1,1,1,1,1,20240101,20241231
""",
    "shapes.txt": """shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence
line,55.0000,2.0000,1
line,55.0000,2.0300,2
line,55.0000,2.0600,3
""",
    "frequencies.txt": """trip_id,start_time,end_time,headway_secs,exact_times
loose,08:00:00,10:00:00,600,0
strict,08:00:00,10:00:00,600,1
""",
}


def files(**changed: str) -> dict[str, bytes]:
    """The files, some of them another's: `files(stops="...")`; an empty text leaves the file out."""
    texts = {**FILES, **{f"{name}.txt": text for name, text in changed.items()}}
    return {name: text.encode() for name, text in texts.items() if text}


def zipped(**changed: str) -> bytes:
    """The same as the bytes of a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files(**changed).items():
            archive.writestr(zipfile.ZipInfo(name), body)
    return out.getvalue()


def timetable(**changed: str) -> Timetable:
    """The timetable."""
    return build(tabulate(files(**changed)))


def header(**changed: Any) -> dict[str, Any]:
    """A header of version 2.0, made at noon."""
    head = {"gtfsRealtimeVersion": "2.0", "incrementality": "FULL_DATASET", "timestamp": NOON, **changed}
    return {name: value for name, value in head.items() if value is not None}


def stop(stop_id: str | None = "mole", sequence: int | None = 2, at: int = 300, **changed: Any) -> dict[str, Any]:
    """A stop time update; at: seconds after noon."""
    said = {
        "stopId": stop_id,
        "stopSequence": sequence,
        "arrival": {"time": NOON + at},
        "departure": {"time": NOON + at + 20},
        "scheduleRelationship": "SCHEDULED",
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def trip(**changed: Any) -> dict[str, Any]:
    """The trip at noon."""
    said = {
        "tripId": "out-12",
        "routeId": "r1",
        "directionId": 0,
        "startTime": "12:00:00",
        "startDate": "20240601",
        "scheduleRelationship": "SCHEDULED",
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def update(
    *stops: dict[str, Any], of: dict[str, Any] | None = None, entity: str = "u", **changed: Any
) -> dict[str, Any]:
    """An entity with a trip update."""
    said = {
        "trip": of if of is not None else trip(),
        "vehicle": {"id": "bus-1"},
        "stopTimeUpdate": list(stops) or [stop(), stop("bank", 3, 600)],
        "timestamp": NOON - 5,
        **changed,
    }
    return {"id": entity, "tripUpdate": {name: value for name, value in said.items() if value is not None}}


def vehicle(
    lon: float = 2.01, lat: float = 55.0, *, name: str | None = "bus-1", entity: str = "v", **changed: Any
) -> dict[str, Any]:
    """An entity with a vehicle's position."""
    position = {"latitude": lat, "longitude": lon, **changed.pop("position", {})}
    said = {
        "trip": trip(),
        "vehicle": {"id": name} if name else None,
        "position": position,
        "timestamp": NOON - 5,
        **changed,
    }
    return {"id": entity, "vehicle": {name: value for name, value in said.items() if value is not None}}


def alert(*informed: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """An entity with an alert."""
    text = {"translation": [{"text": "Detour at the quay", "language": "en"}]}
    return {"id": "a", "alert": {"informedEntity": list(informed), "headerText": text, **changed}}


def body(*entities: dict[str, Any], **head: Any) -> bytes:
    """A feed as JSON."""
    return msgspec.json.encode({"header": header(**head), "entity": list(entities)})


def feed(*entities: dict[str, Any], **head: Any) -> Feed:
    """A feed."""
    return decode(body(*entities, **head))
