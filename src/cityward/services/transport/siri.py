"""SIRI-Lite answers as JSON: Estimated Timetable of all lines, Stop Monitoring of all stops.

SPEC: SIRI 2.0 (CEN/TS 15531), in the JSON profile that French and Norwegian services call SIRI Lite: element names as in the XML,
texts as `{"value": ...}`, repeated elements as lists, times as ISO 8601 with an offset.
INVARIANT: an `Expected...Time` stands only where a fresh feed lets it be predicted; else there is the aimed one and `Monitored`
is false.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from cityward.services.transport.pages import Due, due_at_stops
from cityward.services.transport.picture import Picture
from cityward.services.transport.plan import line_name
from cityward.services.transport.runs import Arrival, Run
from cityward.services.transport.settings import TransportSettings

MOST_JOURNEYS = 500


def estimated_timetable(picture: Picture, settings: TransportSettings) -> bytes:
    """EstimatedTimetableDelivery: every trip under way."""
    arrivals: dict[str, list[Arrival]] = defaultdict(list)
    for one in picture.arrivals:
        arrivals[one.trip].append(one)
    journeys = [_journey(picture, run, arrivals[run.trip], settings) for run in picture.runs[:MOST_JOURNEYS]]
    frame = {"RecordedAtTime": _iso(picture.at_s or picture.now_s), "EstimatedVehicleJourney": journeys}
    delivery = {**_delivery(picture), "EstimatedJourneyVersionFrame": [frame]}
    return _answer(picture, settings, {"EstimatedTimetableDelivery": [delivery]})


def stop_monitoring(picture: Picture, settings: TransportSettings) -> bytes:
    """StopMonitoringDelivery: what is due at every stop; who asks for one is given its visits."""
    visits = [
        _visit(picture, stop, due, settings) for stop, dues in due_at_stops(picture, settings).items() for due in dues
    ]
    delivery = {**_delivery(picture), "MonitoredStopVisit": visits}
    return _answer(picture, settings, {"StopMonitoringDelivery": [delivery]})


def _answer(picture: Picture, settings: TransportSettings, delivery: dict[str, Any]) -> bytes:
    head = {"ResponseTimestamp": _iso(picture.now_s), "ProducerRef": _value(settings.operator or "cityward")}
    return msgspec.json.encode({"Siri": {"ServiceDelivery": {**head, **delivery}}})


def _delivery(picture: Picture) -> dict[str, Any]:
    return {"version": "2.0", "ResponseTimestamp": _iso(picture.now_s), "Status": True}


def _journey(picture: Picture, run: Run, arrivals: Sequence[Arrival], settings: TransportSettings) -> dict[str, Any]:
    calls = [_call(picture, run, n, one) for n, one in enumerate(arrivals, start=1)]
    return {
        **_which(run.route, run.direction, run.trip_id, run.start_date),
        "PublishedLineName": [_value(line_name(picture.table, run.route))],
        "OperatorRef": _value(settings.operator),
        "VehicleRef": _value(run.vehicle),
        "Monitored": bool(run.vehicle),
        "EstimatedCalls": {"EstimatedCall": calls},
    }


def _which(route: str, direction: str, trip_id: str, start_date: str) -> dict[str, Any]:
    day = f"{start_date[:4]}-{start_date[4:6]}-{start_date[6:]}" if len(start_date) == 8 else ""
    return {
        "LineRef": _value(route),
        "DirectionRef": _value(direction),
        "FramedVehicleJourneyRef": {"DataFrameRef": _value(day), "DatedVehicleJourneyRef": trip_id},
    }


def _call(picture: Picture, run: Run, order: int, one: Arrival) -> dict[str, Any]:
    call: dict[str, Any] = {"StopPointRef": _value(one.stop), "Order": order}
    aimed = picture.aimed.get((run.trip, one.stop))
    if aimed is not None:
        call["AimedDepartureTime"] = _iso(aimed)
    call["ExpectedArrivalTime"] = _iso(round(one.arrives))
    call["ExpectedDepartureTime"] = _iso(round(one.leaves))
    call["DepartureStatus"] = _status(one.leaves, aimed)
    return call


def _status(leaves: float, aimed: int | None) -> str:
    if aimed is None or abs(leaves - aimed) <= 60:
        return "onTime"
    return "delayed" if leaves > aimed else "early"


def _visit(picture: Picture, stop: str, due: Due, settings: TransportSettings) -> dict[str, Any]:
    call: dict[str, Any] = {"StopPointRef": _value(stop), "StopPointName": [_value(due.stop_name)]}
    if due.aimed is not None:
        call["AimedDepartureTime"] = _iso(due.aimed)
    if due.expected is not None:
        call["ExpectedDepartureTime"] = _iso(due.expected)
        call["DepartureStatus"] = _status(due.expected, due.aimed)
    journey = {
        **_which(due.route, due.direction, due.trip_id, due.start_date),
        "PublishedLineName": [_value(due.line)],
        "DestinationName": [_value(due.towards)],
        "OperatorRef": _value(settings.operator),
        "Monitored": due.expected is not None,
        "MonitoredCall": call,
    }
    return {
        "RecordedAtTime": _iso(picture.at_s or picture.now_s),
        "MonitoringRef": _value(stop),
        "MonitoredVehicleJourney": journey,
    }


def _value(text: str) -> dict[str, str]:
    return {"value": text}


def _iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
