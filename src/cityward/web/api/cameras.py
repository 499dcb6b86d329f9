"""Cameras for the console: their states and counts; asking to look; the pictures of a granted view; who looked.

States and counts are for whoever looks at the city. To look *through* a camera the routes ask for a session only: the gate before
the cameras (`guard.viewing`) decides by the right `view`, because each of its refusals is put on record, with all reasons.

SECURITY: a picture is answered to a token that is good for one picture of one view in one session; the answer bears the next one.
Tokens go in headers, never in addresses, which are logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.errors import LinkError, PlaceError
from cityward.guard.viewing import MENDS, HeldRole, ViewReason
from cityward.place.cameras import Camera
from cityward.place.roles import Right
from cityward.runtime.pictures.camera_ports import Pictures, SegmentRow
from cityward.runtime.pictures.viewing import ViewRow, ViewState
from cityward.runtime.pictures.viewing_ports import Viewed, Viewer, ViewWanted
from cityward.text import harmless
from cityward.web.api.bodies import body_of
from cityward.web.api.camera_views import ViewedView, ViewView, view_of, viewed_of
from cityward.web.ports import Viewing
from cityward.web.problems import Problem, unavailable
from cityward.web.routes import JSON, Call, Nothing, route

MOST_BODY = 4096
MOST_SHOWN = 500
MOST_SPANS = 500
TOKEN, UNTIL = "x-view-token", "x-view-until"
ASKS = (3_000_000, 20)  # us between two questions of one address, and how many at once
WRONG_TOKENS = (1_000_000, 20)
PICTURES_PER_S = 12
READINGS = ("camera-trouble", "picture-rate", "pedestrian-count", "vehicle-count")


class LineView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What passed a line since the role began. ways: "person forward" -> times."""

    line: str
    ways: dict[str, int]


class CameraView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A camera without its picture. readings: newest values that one may see; troubles: word -> for how many seconds.

    no_vehicles: why plates are not searched for; "": they are.
    viewing: how many look now; viewers: who, for people of the city. may_ask: whether a role of one's own has `view` here.
    """

    id: str
    name: str
    device: str
    area: str
    position: tuple[float, float] | None
    view: str
    purpose: str
    lawful_basis: str
    dataset: str
    status: str
    heard: bool
    learning: bool
    troubles: dict[str, float]
    why: str
    readings: dict[str, float]
    lines: tuple[LineView, ...]
    purposes: tuple[str, ...]
    longest_minutes: float
    cameras_most: int
    clear: bool
    keep_hours: float
    frames_per_s: float
    no_vehicles: str
    viewing: int
    viewers: tuple[str, ...]
    may_ask: bool


class CamerasView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All cameras that one may know of. mine: one's own views under way; waiting: those that one may agree to. now: city us."""

    cameras: tuple[CameraView, ...]
    mine: tuple[ViewView, ...]
    waiting: tuple[ViewView, ...]
    audits: bool
    me: str
    now: int


class SpanView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of recording. City us."""

    begin: int
    end: int
    pictures: int


class RecordedView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is recorded: times only."""

    spans: tuple[SpanView, ...]
    keep_hours: float
    now: int


class AskedView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A view that was asked for. token: for its first picture; "": it waits for a second person."""

    view: ViewView
    token: str


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for. since, until: of a recording, city us. The gate refuses, not this shape: that is put on record."""

    purpose: Annotated[str, Meta(max_length=128)] = ""
    reason: Annotated[str, Meta(max_length=2000)] = ""
    minutes: Annotated[float, Meta(gt=0, le=100_000)] = 5.0
    kind: Literal["live", "recorded"] = "live"
    cover: Literal["covered", "clear"] = "covered"
    since: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    until: Annotated[int, Meta(ge=0, le=1 << 53)] = 0


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of whom. days: how far back, of the machine's time."""

    camera: Annotated[str, Meta(max_length=128)] = ""
    person: Annotated[str, Meta(max_length=64)] = ""
    days: Annotated[float, Meta(gt=0, le=3660)] = 31.0


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """City us."""

    since: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    until: Annotated[int, Meta(ge=0, le=1 << 53)] = 1 << 53


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a recording: which moment, city us."""

    at: Annotated[int, Meta(ge=0, le=1 << 53)] = 0


# --- states and counts


@route("GET", "/api/cameras", summary="Cameras: states and counts, no pictures", right=Right.LOOK, answer=CamerasView)
async def cameras(call: Call[Nothing]) -> object:
    doors, who = call.desk.doors, await _who(call)
    told = await asyncio.to_thread(doors.camera_told) if doors.camera_told is not None else {}
    rows = await asyncio.to_thread(_under_way, call)
    known = {name: one for name, one in doors.place.cameras.items() if _is_known(call, one)}
    readings = await _readings(call, [one.device for one in known.values()])
    return CamerasView(
        cameras=tuple(
            _camera(call, name, one, told.get(name, {}), readings.get(one.device, {}), rows)
            for name, one in known.items()
        ),
        mine=tuple(view_of(row, doors) for row in rows if row.person == who.person),
        waiting=tuple(view_of(row, doors) for row in rows if _may_agree(row, who)),
        audits=Right.AUDIT in _held(call).rights,
        me=who.person,
        now=doors.city_now_us(),
    )


def _may_agree(row: ViewRow, who: Viewer) -> bool:
    return row.state is ViewState.ASKED and row.person != who.person and who.approves


def _under_way(call: Call[Any]) -> Sequence[ViewRow]:
    viewing = call.desk.doors.viewing
    rows = viewing.views(MOST_SHOWN) if viewing is not None else ()
    return [row for row in rows if row.state in (ViewState.ASKED, ViewState.AGREED, ViewState.OPEN)]


def _is_known(call: Call[Any], camera: Camera) -> bool:
    return call.desk.sights.of(_held(call)).unit(camera.device) or camera.dataset in _datasets(call)


def _datasets(call: Call[Any]) -> frozenset[str]:
    """Whose pictures the caller may ask for, by any role."""
    roles = call.desk.doors.place.roles
    mine = [roles[held.role] for held in _held(call).roles if held.role in roles]
    return frozenset(dataset for role in mine if Right.VIEW in role.rights for dataset in role.datasets)


async def _readings(call: Call[Any], devices: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """Newest values of the cameras that the caller may see."""
    sight = call.desk.sights.of(_held(call))
    rows = await asyncio.to_thread(call.desk.doors.state.latest_of, devices) if devices else ()
    found: dict[str, dict[str, float]] = {}
    for row in sight.latest(rows):
        if row.property in READINGS:
            found.setdefault(row.device, {})[row.property] = row.value
    return found


def _camera(
    call: Call[Any],
    name: str,
    camera: Camera,
    told: Mapping[str, object],
    readings: Mapping[str, float],
    rows: Sequence[ViewRow],
) -> CameraView:
    registry, viewing = call.desk.doors.registry, camera.viewing
    unit = registry.units[registry.unit_index[camera.device]] if camera.device in registry.unit_index else None
    looking = [row for row in rows if row.camera == name and row.state is ViewState.OPEN]
    position = None if unit is None or unit.position is None else (float(unit.position[0]), float(unit.position[1]))
    return CameraView(
        id=name,
        name=camera.name or name,
        device=camera.device,
        area=(unit.area if unit is not None else None) or "",
        position=position,
        view=camera.view,
        purpose=camera.purpose,
        lawful_basis=camera.lawful_basis,
        dataset=camera.dataset,
        status=unit.status.value if unit is not None else "unknown",
        heard=bool(told) and _number(told.get("heard_s_ago"), 1e9) < 60,
        learning=bool(told.get("learning", False)),
        troubles=_numbers(told.get("troubles")),
        why=harmless(str(told.get("why", "")))[:200],
        readings=dict(readings),
        lines=_lines(camera, told.get("passed")),
        purposes=viewing.purposes if viewing is not None else (),
        longest_minutes=viewing.longest_minutes if viewing is not None else 0.0,
        cameras_most=viewing.cameras_most if viewing is not None else 0,
        clear=viewing.clear if viewing is not None else False,
        keep_hours=camera.keep_hours,
        frames_per_s=camera.frames_per_s,
        no_vehicles=camera.no_vehicles or "",
        viewing=len(looking),
        viewers=tuple(row.person for row in looking) if _held(call).of_the_city else (),
        may_ask=viewing is not None and camera.dataset in _datasets(call),
    )


def _lines(camera: Camera, passed: object) -> tuple[LineView, ...]:
    """Of declared lines only: what the role says is checked as anything that comes from elsewhere."""
    said = cast("Mapping[str, object]", passed) if isinstance(passed, dict) else {}
    return tuple(LineView(line, {way: int(n) for way, n in _numbers(said.get(line)).items()}) for line in camera.counts)


def _numbers(said: object) -> dict[str, float]:
    if not isinstance(said, dict):
        return {}
    items = cast("dict[object, object]", said).items()
    return {harmless(str(k))[:64]: float(v) for k, v in list(items)[:32] if isinstance(v, int | float)}


def _number(said: object, otherwise: float) -> float:
    return float(said) if isinstance(said, int | float) else otherwise


@route("GET", "/api/cameras/{camera}/recorded", summary="What is recorded: times, no pictures", right=Right.LOOK, query=Span,
       answer=RecordedView)  # fmt: skip
async def recorded(call: Call[Span]) -> object:
    doors, name = call.desk.doors, call.path("camera")
    camera = doors.place.cameras.get(name)
    if camera is None or not _is_known(call, camera):
        raise Problem(404, "not-found", "there is no such camera")
    rows: Sequence[SegmentRow] = ()
    if doors.segments is not None:
        rows = await asyncio.to_thread(doors.segments.between, name, call.query.since, call.query.until, MOST_SPANS)
    spans = tuple(SpanView(row.begin_us, row.end_us, row.pictures) for row in rows)
    return RecordedView(spans, camera.keep_hours, doors.city_now_us())


# --- looking


@route("POST", "/api/cameras/{camera}/views", summary="Ask to look through a camera", signed_in=True, media=[JSON],
       limit=MOST_BODY, answer=AskedView, status=201)  # fmt: skip
async def ask(call: Call[Nothing]) -> object:
    call.desk.reception.limit(call.request, "view", *ASKS)
    asked = body_of(call, Asked)
    wanted = ViewWanted(
        camera=call.path("camera")[:128], purpose=asked.purpose, reason=asked.reason,
        seconds=max(1, round(asked.minutes * 60)), kind=asked.kind, cover=asked.cover, since=asked.since,
        until=asked.until,
    )  # fmt: skip
    return _asked(call, await _told(_desk(call).ask, wanted, await _who(call)))


@route("POST", "/api/views/{view}/open", summary="Open what was agreed to; take up a view of one's own again", signed_in=True,
       answer=AskedView)  # fmt: skip
async def open_(call: Call[Nothing]) -> object:
    call.desk.reception.limit(call.request, "view", *ASKS)
    return _asked(call, await _told(_desk(call).open, call.path("view"), await _who(call)))


@route("POST", "/api/views/{view}/approve", summary="Agree, as a second person", right=Right.APPROVE, fresh=True,
       answer=ViewView)  # fmt: skip
async def approve(call: Call[Nothing]) -> object:
    return view_of(await _told(_desk(call).approve, call.path("view"), await _who(call)), call.desk.doors)


@route("POST", "/api/views/{view}/refuse", summary="What waits is not to be", right=Right.APPROVE, answer=ViewView)
async def refuse(call: Call[Nothing]) -> object:
    return view_of(await _told(_desk(call).refuse, call.path("view"), await _who(call)), call.desk.doors)


@route("POST", "/api/views/{view}/end", summary="End one's own view", signed_in=True, answer=ViewView)
async def end(call: Call[Nothing]) -> object:
    return view_of(await _told(_desk(call).end, call.path("view"), await _who(call)), call.desk.doors)


@route("GET", "/api/views/{view}/picture", summary="One picture of a granted view, for one token", signed_in=True, query=Moment,
       answer_media="image/jpeg")  # fmt: skip
async def picture(call: Call[Moment]) -> object:
    view, token = call.path("view")[:64], call.request.headers.get(TOKEN, "")[:128]
    call.desk.reception.limit(call.request, f"picture {view}", 1_000_000 // PICTURES_PER_S, PICTURES_PER_S)
    call.desk.reception.within(call.request, "wrong view token", *WRONG_TOKENS)
    shown = await asyncio.to_thread(_desk(call).spend, view, token, await _who(call), call.query.at)
    if isinstance(shown, tuple):
        call.desk.reception.limit(call.request, "wrong view token", *WRONG_TOKENS)
        raise Problem(403, "refused", _why(shown))
    headers = {TOKEN: shown.token, UNTIL: str(call.desk.doors.clock.to_city_us(shown.row.ends_at))}
    try:
        jpeg = await _given(_pictures(call), shown.row, shown.mark, shown.at)
    except LinkError as error:  # the token is spent: the next one goes with the answer all the same
        raise Problem(503, "no-picture", error.what, headers | {"retry-after": "1"}) from error
    return Response(jpeg, media_type="image/jpeg", headers=headers)


async def _given(pictures: Pictures, row: ViewRow, mark: str, at: int) -> bytes:
    if row.kind == "recorded":
        return await pictures.recorded_picture(row.camera, at, mark)
    if row.cover == "clear":
        return await pictures.clear_picture(row.camera, mark, row.id)
    return await pictures.picture(row.camera, mark)


# --- who looked


@route("GET", "/api/viewed", summary="Who viewed what, and who asked and got nothing", right=Right.AUDIT, query=Filter,
       answer=ViewedView)  # fmt: skip
async def viewed(call: Call[Filter]) -> object:
    query, desk, doors = call.query, _desk(call), call.desk.doors
    since = doors.machine_us() - round(query.days * 86_400_000_000)
    rows = await asyncio.to_thread(desk.views, MOST_SHOWN, query.camera, query.person, since)
    refusals = await asyncio.to_thread(desk.refusals, MOST_SHOWN, query.camera, query.person, since)
    call.desk.reads.note(call.caller, "who viewed what", len(rows) + len(refusals))
    return viewed_of(rows, refusals, doors)


# --- how


def _desk(call: Call[Any]) -> Viewing:
    desk = call.desk.doors.viewing
    if desk is None:
        raise Problem(404, "not-found", "this door has no cameras")
    return desk


def _pictures(call: Call[Any]) -> Pictures:
    pictures = call.desk.doors.pictures
    if pictures is None:
        raise unavailable("no-picture", "no camera is looked through here")
    return pictures


def _held(call: Call[Any]) -> Any:
    assert call.caller is not None
    return call.caller.held


async def _who(call: Call[Any]) -> Viewer:
    """The person of the session, by the roles they hold from where they are."""
    assert call.caller is not None
    caller = call.caller
    roles = tuple(HeldRole(one.role, one.until) for one in caller.held.roles)
    approves = Right.APPROVE in caller.held.rights
    party = caller.held.roles[0].party if roles else await _party(call, caller.id)
    return Viewer(caller.id, party, roles, caller.held.elsewhere, approves, caller.session, caller.source)


async def _party(call: Call[Any], person: str) -> str:
    """Of somebody who holds nothing here and now."""
    people = call.desk.doors.people
    standing = await asyncio.to_thread(people.standing, person) if people is not None else None
    return standing.person.party if standing is not None else ""


def _asked(call: Call[Any], found: Viewed) -> AskedView:
    if found.reasons:
        raise Problem(403, "refused", _why(found.reasons))
    return AskedView(view_of(found.row, call.desk.doors), found.token)


def _why(reasons: Sequence[str]) -> str:
    return "; ".join(f"{reason}: {MENDS[ViewReason(reason)]}" for reason in reasons)


async def _told(ask: Callable[..., Any], *arguments: object) -> Any:
    try:
        return await asyncio.to_thread(ask, *arguments)
    except PlaceError as error:
        raise Problem(409, "refused", f"{error.what}; {error.mend}" if error.mend else error.what) from error


ROUTES = (cameras, recorded, ask, open_, approve, refuse, end, picture, viewed)
