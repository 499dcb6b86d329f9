"""Public transport for anybody: stop pages without a script, our GTFS-Realtime feeds, SIRI-Lite answers.

What is shown is what the service published and the declaration opens (`policy.opened`); where it is not opened, that is said and
nothing shown. INVARIANT: a page never calls a time predicted that is not, and says how old its times are.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta
from starlette.responses import HTMLResponse, Response

from cityward.runtime.releasing.opened import OpenDocument
from cityward.services.transport.pages import Due, StopPages
from cityward.time import SECOND
from cityward.web.api.pages import PAGES
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, Route, route

PROTOBUF = "application/x-protobuf"
OLD_S = 300
"""So old at most may times be that are shown as predicted, s."""

MOST_VISITS = 12
_FEEDS = {"trip-updates", "vehicle-positions", "alerts"}


class StopQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    MonitoringRef: Annotated[str, Meta(max_length=64)] = ""  # SPEC: SIRI's own name


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One departure as the page shows it."""

    line: str
    towards: str
    at: str
    how: str
    planned: str
    between: str


@route("GET", "/stops/", summary="The stops", public=True, hidden=True)
async def stops(call: Call[Nothing]) -> object:
    """A list of all stops, each a link."""
    pages, closed = await _pages(call)
    return _page(call, "stops.html", pages, closed, stops=pages.stops if pages is not None else ())


@route("GET", "/stops/{stop}", summary="What is due at a stop", public=True, hidden=True)
async def stop(call: Call[Nothing]) -> object:
    """What is due, predicted or by the timetable, each called so."""
    pages, closed = await _pages(call)
    wanted = call.path("stop")
    found = next((one for one in pages.stops if one.id == wanted), None) if pages is not None else None
    if pages is not None and found is None:
        raise Problem(404, "not-found", "there is no such stop here")
    fresh = pages is not None and _age_s(call, pages) <= OLD_S
    rows = (
        [_row(due, ZoneInfo(pages.zone), fresh) for due in found.due] if found is not None and pages is not None else []
    )
    name, wheelchair = (found.name, found.wheelchair) if found is not None else ("", None)
    return _page(call, "stop.html", pages, closed, name=name, wheelchair=wheelchair, rows=rows)


@route("GET", "/api/transport/gtfs-rt/{feed}", summary="Our GTFS-Realtime feed", public=True, answer_media=PROTOBUF)
async def gtfs_rt(call: Call[Nothing]) -> object:
    """`trip-updates`, `vehicle-positions` or `alerts`."""
    feed = call.path("feed")
    if feed not in _FEEDS:
        raise Problem(404, "not-found", "the feeds are trip-updates, vehicle-positions and alerts")
    return Response(await _body(call, f"{feed}.pb"), media_type=PROTOBUF)


@route("GET", "/api/transport/siri/estimated-timetable", summary="SIRI-Lite: estimated timetable", public=True)
async def estimated_timetable(call: Call[Nothing]) -> object:
    """All trips under way."""
    return Response(await _body(call, "siri-et.json"), media_type=JSON)


@route("GET", "/api/transport/siri/stop-monitoring", summary="SIRI-Lite: a stop", public=True, query=StopQuery)
async def stop_monitoring(call: Call[StopQuery]) -> object:
    """What is due at the stop `MonitoringRef`; at all stops where none is named."""
    body = await _body(call, "siri-sm.json")
    if not call.query.MonitoringRef:
        return Response(body, media_type=JSON)
    return Response(_of_stop(body, call.query.MonitoringRef), media_type=JSON)


def _of_stop(body: bytes, stop_id: str) -> bytes:
    answer, visits = _by_stop(body)
    service: dict[str, Any] = answer["Siri"]["ServiceDelivery"]
    delivery = {**service["StopMonitoringDelivery"][0], "MonitoredStopVisit": visits.get(stop_id, [])[:MOST_VISITS]}
    return msgspec.json.encode({"Siri": {"ServiceDelivery": {**service, "StopMonitoringDelivery": [delivery]}}})


# SECURITY: anybody may ask for any stop, as often as they like: a document of 2 MB is read once, not once for each
@lru_cache(maxsize=2)
def _by_stop(body: bytes) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The answer without its visits, and these by their stop."""
    answer = msgspec.json.decode(body)
    visits: dict[str, list[Any]] = {}
    for delivery in answer["Siri"]["ServiceDelivery"]["StopMonitoringDelivery"]:
        for one in delivery.pop("MonitoredStopVisit"):
            visits.setdefault(one["MonitoringRef"]["value"], []).append(one)
    return answer, visits


@lru_cache(maxsize=2)
def _read(body: bytes) -> StopPages:
    return msgspec.json.decode(body, type=StopPages)


async def _found(call: Call[Any], name: str) -> OpenDocument:
    opened = call.desk.doors.opened
    if opened is None:
        return OpenDocument(closed=("nothing is open to the public here",))
    return await asyncio.to_thread(opened.document, name)


async def _body(call: Call[Any], name: str) -> bytes:
    found = await _found(call, name)
    if found.closed:
        raise Problem(404, "not-open", f"this is not open to the public: {'; '.join(found.closed)}")
    if found.body is None:
        raise Problem(503, "nothing-yet", "nothing has been published yet: ask again in a minute")
    return found.body


async def _pages(call: Call[Any]) -> tuple[StopPages | None, tuple[str, ...]]:
    found = await _found(call, "stops.json")
    return (_read(found.body) if found.body is not None else None), found.closed


def _age_s(call: Call[Any], pages: StopPages) -> int:
    return max(0, call.desk.doors.city_now_us() // SECOND - pages.made_at)


def _page(
    call: Call[Any], template: str, pages: StopPages | None, closed: tuple[str, ...], **values: object
) -> Response:
    """404 where it is closed, 503 where there is nothing yet, and the page says why: a display shows it, whatever its status."""
    state = "closed" if closed else "nothing" if pages is None else pages.state
    if pages is not None and state == "predicted" and _age_s(call, pages) > OLD_S:
        state = "old"
    page = PAGES.get_template(template).render(
        place=call.desk.doors.place.name,
        operator=pages.operator if pages is not None else "",
        state=state,
        made=_clock(pages.made_at, ZoneInfo(pages.zone)) if pages is not None else "",
        **values,
    )
    return HTMLResponse(page, 404 if closed else 503 if pages is None else 200)


def _row(due: Due, zone: ZoneInfo, fresh: bool) -> Row:
    predicted = due.expected is not None and fresh
    when = due.expected if predicted and due.expected is not None else due.aimed
    between = ""
    if predicted and due.low is not None and due.high is not None:
        between = f"{_clock(due.low, zone)} - {_clock(due.high, zone)}"
    return Row(
        line=due.line,
        towards=due.towards,
        at=_clock(when, zone) if when is not None else "not known",
        how="predicted" if predicted else "timetable" if when is not None else "",
        planned=_clock(due.aimed, zone) if due.aimed is not None and predicted else "",
        between=between,
    )


def _clock(at_s: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_s, zone):%H:%M}"


ROUTES: tuple[Route[Any], ...] = (stops, stop, gtfs_rt, estimated_timetable, stop_monitoring)
