"""What the console asks: the place, a device, refusals, commands, indicators, the chain picture, and the live feed.

Every read of a store runs in a thread; every answer is bounded by a constant below.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import sha256
from re import search
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.catalogue import PROPERTIES
from cityward.place.record import UNKNOWN
from cityward.place.registry import Unit
from cityward.place.roles import Right
from cityward.reach.chain_svg import chain_svg_file
from cityward.reach.chains import downstream
from cityward.reach.folding import PREFIX, folded, parties_of
from cityward.reach.regrown import layout_after, seated
from cityward.runtime.forecast_told import told_forecasts
from cityward.time import DAY, HOUR
from cityward.web.accounts.sight import Sight
from cityward.web.api.bodies import json_made, made_beside
from cityward.web.api.forecasts import ForecastView, forecast_view
from cityward.web.api.resting import command_view
from cityward.web.api.views import (
    ChainView,
    CommandsView,
    DevicePageView,
    IndicatorsView,
    PlaceView,
    RefusalsView,
    WindowView,
    chain_view,
    credential_view,
    device_view,
    expected_view,
    indicator_view,
    place_view,
    refusal_view,
    refusals_view,
    value_view,
    window_view,
)
from cityward.web.api.whole import whole
from cityward.web.desk import Desk
from cityward.web.identity import NOTHING
from cityward.web.live import LiveStream
from cityward.web.problems import Problem
from cityward.web.routes import Call, Nothing, route
from cityward.web.told import tell_read

MOST_POINTS = 5000  # per series: more than a screen has columns
MOST_WINDOW_US = 31 * DAY
DEVICE_REFUSALS = 20
_FIRST_MS, _LAST_MS = 0, 4_102_444_800_000  # 1970 .. 2100

Milliseconds = Annotated[int, Meta(ge=_FIRST_MS, le=_LAST_MS)]


class LiveQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    form: Literal["rows", "columns"] = "rows"


class WindowQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since_ms: Milliseconds | None = None
    until_ms: Milliseconds | None = None


class RefusalsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: str | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class CommandsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: str | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class IndicatorsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    property: str | None = None
    hours: Annotated[int, Meta(ge=1, le=168)] = 24


@route("GET", "/api/place", summary="The place as the console draws it", right=Right.LOOK, answer=PlaceView)
async def place(call: Call[Nothing]) -> object:
    return await asyncio.to_thread(place_view, call.desk.doors, _sight(call))


@route(
    "GET",
    "/api/live",
    summary="The live feed, as server-sent events",
    right=Right.LOOK,
    query=LiveQuery,
    answer_media="text/event-stream",
)
async def live(call: Call[LiveQuery]) -> object:
    assert call.caller is not None
    return LiveStream(call.desk.feed, call.desk.feed.join(call.caller, columns=call.query.form == "columns"))


@route("GET", "/api/devices/{id}", summary="One device", right=Right.LOOK, answer=DevicePageView)
async def device(call: Call[Nothing]) -> object:
    page = await asyncio.to_thread(_device_page, call.desk, _unit(call, call.path("id")), _sight(call))
    # what a page says of the declaration is read, too, where the device said nothing yet
    call.desk.reads.note(call.caller, "device", max(1, len(page.latest)))
    tell_read(
        call.desk.doors, call.request, call.caller.id if call.caller else "", "device", rows=len(page.latest), devices=1
    )
    return page


def _device_page(desk: Desk, unit: Unit, sight: Sight) -> DevicePageView:
    """In a thread."""
    doors = desk.doors
    seen = doors.state.seen().get(unit.id)
    credential = next((row for row in doors.credentials.all() if row.device == unit.id), None)
    return DevicePageView(
        device=device_view(doors.place, doors.registry, unit),
        latest=tuple(value_view(row) for row in sight.latest(doors.state.latest_of([unit.id]))),
        expected=tuple(
            expected_view(row) for row in doors.state.expected(unit.id) if sight.reading(unit.id, row.property)
        ),
        last_seen_ms=None if seen is None else seen // 1000,
        flow=doors.registry.flows[unit.flow] if unit.flow >= 0 else None,
        chain=tuple(flow for flow in downstream(desk.graph, unit.group) if sight.flow(flow)),
        credential=credential_view(credential),
        refusals=tuple(refusal_view(row) for row in sight.refused(doors.state.quarantine(DEVICE_REFUSALS, unit.id))),
    )


@route(
    "GET",
    "/api/devices/{id}/window",
    summary="One device's observations over a time",
    right=Right.DATA,
    query=WindowQuery,
    answer=WindowView,
)
async def window(call: Call[WindowQuery]) -> object:
    doors = call.desk.doors
    unit, sight = _unit(call, call.path("id")), _sight(call)
    until = doors.city_now_us() if call.query.until_ms is None else call.query.until_ms * 1000
    since = until - DAY if call.query.since_ms is None else call.query.since_ms * 1000
    if not 0 < until - since <= MOST_WINDOW_US:
        raise Problem(400, "bad-request", "since_ms must be before until_ms, by at most 31 days")
    known = (doors.registry.channel_property[c] for c in unit.channels)
    units = {prop: PROPERTIES[prop].unit for prop in known if sight.reading(unit.id, prop)}
    if not units:
        raise Problem(403, "no-right", "none of your roles has a dataset of this device")
    most = MOST_POINTS * max(1, len(units))
    rows = await asyncio.to_thread(doors.history.window, unit.id, list(units), since, until, most)
    tell_read(doors, call.request, call.caller.id if call.caller else "", "window", rows=len(rows), devices=1)
    call.desk.reads.note(call.caller, "window", len(rows))
    marks = await asyncio.to_thread(doors.state.marks, unit.id)
    return window_view(units, rows, marks, since, until, MOST_POINTS)


@route(
    "GET",
    "/api/devices/{id}/forecast",
    summary="What comes of one device, how sure that is, and how good it was so far",
    right=Right.DATA,
    answer=ForecastView,
)
async def forecast(call: Call[Nothing]) -> object:
    doors = call.desk.doors
    unit, sight = _unit(call, call.path("id")), _sight(call)
    known = (doors.registry.channel_property[c] for c in unit.channels)
    units = {prop: PROPERTIES[prop].unit for prop in known if sight.reading(unit.id, prop)}
    if not units:
        raise Problem(403, "no-right", "none of your roles has a dataset of this device")
    now = doors.city_now_us()
    kept = doors.forecasts
    told = () if kept is None else await asyncio.to_thread(told_forecasts, kept, unit.id, now)
    view = forecast_view(units, told, now)
    rows = sum(len(one.points) for one in view.series)
    tell_read(doors, call.request, call.caller.id if call.caller else "", "forecast", rows=rows, devices=1)
    call.desk.reads.note(call.caller, "forecast", rows)
    return view


@route(
    "GET",
    "/api/refusals",
    summary="What was refused, why, and how to mend it",
    right=Right.LOOK,
    query=RefusalsQuery,
    answer=RefusalsView,
)
async def refusals(call: Call[RefusalsQuery]) -> object:
    if call.query.device is not None:
        _unit(call, call.query.device)
    state = call.desk.doors.state
    reasons = await asyncio.to_thread(state.reasons)
    recent = await asyncio.to_thread(state.quarantine, call.query.limit, call.query.device)
    sight = _sight(call)
    shown = sight.refused(recent)
    call.desk.reads.note(call.caller, "refusals", len(shown))
    return refusals_view(
        {key: count for key, count in reasons.items() if sight.flow(key[0])},
        shown,
        call.desk.meters.door if sight.units is None else {},
    )


@route(
    "GET",
    "/api/commands",
    summary="Commands and what became of them",
    right=Right.LOOK,
    query=CommandsQuery,
    answer=CommandsView,
)
async def commands(call: Call[CommandsQuery]) -> object:
    if call.query.device is not None:
        _unit(call, call.query.device)
    rows = await asyncio.to_thread(call.desk.doors.state.commands, call.query.limit, call.query.device)
    sight, registry = _sight(call), call.desk.doors.registry
    return CommandsView(commands=tuple(command_view(row, sight, registry) for row in sight.commands(rows)))


@route(
    "GET",
    "/api/indicators",
    summary="Hourly indicators by property and area",
    right=Right.DATA,
    query=IndicatorsQuery,
    answer=IndicatorsView,
)
async def indicators(call: Call[IndicatorsQuery]) -> object:
    wanted = call.query.property
    if wanted is not None and wanted not in PROPERTIES:
        raise Problem(404, "not-found", f"no observed property `{wanted[:64]}`")
    now = call.desk.doors.city_now_us()
    since = now // HOUR * HOUR - (call.query.hours - 1) * HOUR
    rows = await asyncio.to_thread(call.desk.doors.state.hourly, since, now + 1, wanted)
    seen = _sight(call).hourly(rows)
    call.desk.reads.note(call.caller, "indicators", len(seen))
    return IndicatorsView(rows=tuple(indicator_view(row) for row in seen))


class ChainQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """fold: parties, by a comma; all that each runs is one box. `*`: every party. tidy: laid out anew, for this answer alone."""

    fold: Annotated[str, Meta(max_length=4096)] = ""
    tidy: bool = False


@route("GET", "/api/chain", summary="The data chain picture, laid out", right=Right.LOOK, query=ChainQuery,
       answer=ChainView)  # fmt: skip
async def chain(call: Call[ChainQuery]) -> object:
    whole(call)
    call.desk.reads.note(call.caller, "chain", 1)
    desk, tidy, known = call.desk, call.query.tidy, frozenset((*call.desk.doors.place.parties, UNKNOWN))
    parties = known if call.query.fold == "*" else known & set(call.query.fold.split(","))
    return await desk.drawing.take(call.who, (parties, tidy), lambda: _chain(desk, parties, tidy))


def _chain(desk: Desk, parties: frozenset[str], tidy: bool) -> ChainView:
    """In a thread."""
    place, of = desk.doors.place, parties_of(desk.doors.place, desk.graph)
    picture = desk.drawn(tidy)
    if parties:
        picture = layout_after(folded(place, desk.graph, parties), seated(picture, of))
    return chain_view(picture, {**of, **{f"{PREFIX}{party}": party for party in parties}})


@route("GET", "/api/chain/seen", summary="Declared flows with what was seen of them, and what was seen and is not declared",
       right=Right.LOOK)  # fmt: skip
async def chain_seen(call: Call[Nothing]) -> object:
    """Made beside the door; 202 while it is being made."""
    whole(call)
    asking = call.desk.doors.seen
    if asking is None:
        raise Problem(404, "not-found", "this door does not hold its flows against what was seen")
    made = await made_beside(asking)
    if made is not None:
        call.desk.reads.note(call.caller, "chain seen", 1)
    return json_made(made, again_s=3)


@route(
    "GET",
    "/api/chain.svg",
    summary="The data chain picture as SVG",
    right=Right.LOOK,
    answer_media="image/svg+xml",
)
async def chain_svg(call: Call[Nothing]) -> object:
    whole(call)
    call.desk.reads.note(call.caller, "chain", 1)
    svg = await call.desk.drawing.take(call.who, "svg", lambda: chain_svg_file(call.desk.drawn()))
    return Response(svg, media_type="image/svg+xml", headers={"content-security-policy": _svg_policy(svg)})


def _svg_policy(svg: str) -> str:
    """The drawing brings its own style sheet, so this policy allows that very text by its hash, and nothing else at all."""
    style = search(r"(?s)<style>(.*?)</style>", svg)
    allowed = f"'sha256-{b64encode(sha256(style[1].encode()).digest()).decode()}'" if style else "'none'"
    return f"default-src 'none'; style-src {allowed}; frame-ancestors 'none'; base-uri 'none'"


def _sight(call: Call[Any]) -> Sight:
    return call.desk.sights.of(call.caller.held if call.caller else NOTHING)


def _unit(call: Call[Any], name: str) -> Unit:
    """A device that the caller may see: for others there is none."""
    registry = call.desk.doors.registry
    number = registry.unit_index.get(name)
    if number is None or not _sight(call).unit(name):
        raise Problem(404, "not-found", f"no device `{name[:64]}`")
    return registry.units[number]


ROUTES = (place, live, device, window, forecast, refusals, commands, indicators, chain, chain_seen, chain_svg)
