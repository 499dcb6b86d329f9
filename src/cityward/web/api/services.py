"""What the services do, for the console: how each stands, its board, notices, proposals, commands, estimates and plans.

A person sees the services of their roles, people of the city see all; what was proposed and commanded, with its causes, is for
those whose roles name the service. Who holds an actuator is told by `overrides`.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.place.roles import Right
from cityward.runtime.people import Held
from cityward.runtime.serving.kept import NoticeRow, PlanRow, ProposalShown, ServiceStatus
from cityward.services.board import Board, Figure
from cityward.time import HOUR, MINUTE, SECOND
from cityward.web.accounts.sight import Sight, without_values
from cityward.web.api.resting import command_view
from cityward.web.api.views import CommandView
from cityward.web.plan_files import GEOJSON, GPX, geojson_of, gpx_of
from cityward.web.ports import Doors, ServiceReader
from cityward.web.problems import Problem
from cityward.web.routes import Call, Nothing, route

MOST_NOTICES, MOST_COMMANDS, MOST_ESTIMATES, MOST_PLANS = 200, 50, 500, 50
SILENT_TICKS = 5
GLANCED = 4  # figures of a board that are told beside all others
NOTHING = Held()

State = Literal["running", "failing", "silent", "waiting"]


class ServiceLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service at a glance. Times in city us.

    state: `running`; `failing`: its last turn failed; `silent`: no turn for long; `waiting`: none yet, or nothing here runs its
    kind. notices: that stand. commands_open: that nobody has answered yet. summary, figures: the beginning of its board.
    """

    id: str
    kind: str
    operator: str
    state: State
    last_turn: int | None
    notices: int
    commands_open: int
    faults: int
    summary: str = ""
    figures: tuple[Figure, ...] = ()


class ServicesView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    services: tuple[ServiceLine, ...]
    now: int


class EstimateView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is thought of something that was not, or not yet, measured."""

    subject: str
    property: str
    at: int
    made_at: int
    value: float
    low: float
    high: float
    coverage: float
    model: str
    missing: float


class PlanLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan without its stops."""

    plan_id: str
    kind: str
    crew: str
    stops: int
    figures: dict[str, float]
    fixed: bool
    state: str
    issued_at: int
    expires_at: int
    record: str


class ServicePage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is told of one service. status None: it has had no turn yet. published: name -> when. Times in city us.

    withheld: it reads what whoever asks may not see, so there is no board, no estimate, no number in a cause, and no notice but
    of devices that are wholly seen.
    """

    line: ServiceLine
    actuators: tuple[str, ...]
    status: ServiceStatus | None
    board: Board | None
    notices: tuple[NoticeRow, ...]
    proposals: tuple[ProposalShown, ...]
    commands: tuple[CommandView, ...]
    estimates: tuple[EstimateView, ...]
    plans: tuple[PlanLine, ...]
    published: dict[str, int]
    now: int
    withheld: bool = False


class PlansView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest first."""

    plans: tuple[PlanLine, ...]
    now: int


class PlanQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    form: Literal["json", "geojson", "gpx"] = "json"


class EstimatesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    subject: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


class EstimatesView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From an hour ago on, the earliest first."""

    estimates: tuple[EstimateView, ...]
    now: int


@route("GET", "/api/services", summary="The services and how they stand", right=Right.LOOK, answer=ServicesView)
async def services(call: Call[Nothing]) -> object:
    doors, sight = call.desk.doors, _sight(call)
    lines = await asyncio.to_thread(_lines, doors, _reader(call), sight)
    return ServicesView(services=tuple(lines), now=doors.city_now_us())


@route("GET", "/api/services/{id}", summary="One service: its board, and what it says, does and is shown", right=Right.LOOK,
       answer=ServicePage)  # fmt: skip
async def service(call: Call[Nothing]) -> object:
    name = _known(call)
    return await asyncio.to_thread(_page, call.desk.doors, _reader(call), name, _sight(call))


@route("GET", "/api/services/{id}/estimates", summary="What it thinks of what is not measured", right=Right.LOOK,
       query=EstimatesQuery, answer=EstimatesView)  # fmt: skip
async def estimates(call: Call[EstimatesQuery]) -> object:
    name, subject = _known(call), call.query.subject
    now = call.desk.doors.city_now_us()
    if not _sight(call).board(name):
        return EstimatesView(estimates=(), now=now)
    return EstimatesView(
        estimates=await asyncio.to_thread(_estimates, _reader(call), name, now, subject, MOST_ESTIMATES), now=now
    )


@route("GET", "/api/services/{id}/plans", summary="Its plans for people", right=Right.LOOK, answer=PlansView)
async def plans(call: Call[Nothing]) -> object:
    rows = await asyncio.to_thread(_reader(call).plans_of, _known(call), MOST_PLANS)
    return PlansView(plans=tuple(_plan_line(row) for row in rows), now=call.desk.doors.city_now_us())


@route("GET", "/api/services/{id}/plans/{plan}", summary="One plan with its stops; also as GeoJSON or GPX", right=Right.LOOK,
       query=PlanQuery, answer=PlanRow)  # fmt: skip
async def plan(call: Call[PlanQuery]) -> object:
    name = _known(call)
    row = await asyncio.to_thread(_reader(call).plan, call.path("plan"))
    if row is None or row.service != name:
        raise Problem(404, "not-found", "there is no such plan")
    match call.query.form:
        case "geojson":
            return _file(geojson_of(row), GEOJSON, f"{row.plan_id}.geojson")
        case "gpx":
            return _file(gpx_of(row), GPX, f"{row.plan_id}.gpx")
        case "json":
            return msgspec.structs.replace(row, cause=dict(_sight(call).cause(row.cause, row.sources)))


def _file(body: bytes, media: str, name: str) -> Response:
    safe = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "-" for c in name)
    return Response(body, media_type=media, headers={"content-disposition": f'attachment; filename="{safe}"'})


def _reader(call: Call[Any]) -> ServiceReader:
    reader = call.desk.doors.services
    if reader is None:
        raise Problem(404, "not-found", "this door knows no services")
    return reader


def _sight(call: Call[Any]) -> Sight:
    return call.desk.sights.of(call.caller.held if call.caller else NOTHING)


def _known(call: Call[Any]) -> str:
    """The service named in the path: declared, and seen by whoever asks."""
    name = call.path("id")
    if name not in call.desk.doors.place.services or not _sight(call).service(name):
        raise Problem(404, "not-found", "there is no such service")
    return name


def _lines(doors: Doors, reader: ServiceReader, sight: Sight) -> list[ServiceLine]:
    statuses, notices, commands = reader.statuses(), reader.notices_standing(), reader.commands_open()
    return [
        _glanced(
            _line(doors, name, statuses.get(name), notices.get(name, 0), commands.get(name, 0)),
            reader.board(name) if sight.board(name) else None,
        )
        for name in doors.place.services
        if sight.service(name)
    ]


def _glanced(line: ServiceLine, board: Board | None) -> ServiceLine:
    if board is None:
        return line
    return msgspec.structs.replace(line, summary=board.summary, figures=board.figures[:GLANCED])


def _line(doors: Doors, name: str, status: ServiceStatus | None, notices: int, commands: int) -> ServiceLine:
    declared = doors.place.services[name]
    return ServiceLine(
        id=name,
        kind=declared.kind,
        operator=declared.operator,
        state=_state(doors, status),
        last_turn=None if status is None else status.at,
        notices=notices,
        commands_open=commands,
        faults=0 if status is None else status.faults,
    )


def _state(doors: Doors, status: ServiceStatus | None) -> State:
    if status is None:
        return "waiting"
    tick = max(MINUTE, round(doors.clock.speed * SECOND))
    if abs(doors.city_now_us() - status.at) > SILENT_TICKS * tick:
        return "silent"
    failed = status.last_fault_at is not None and status.last_fault_at >= status.at - tick // 2
    return "failing" if failed else "running"


def _page(doors: Doors, reader: ServiceReader, name: str, sight: Sight) -> ServicePage:
    status, now = reader.statuses().get(name), doors.city_now_us()
    mine, told = name in sight.commanded, sight.board(name)
    notices = reader.notices_of(name, MOST_NOTICES)
    commands = reader.commands_of(name, MOST_COMMANDS)
    line = _line(doors, name, status, reader.notices_standing().get(name, 0), reader.commands_open().get(name, 0))
    return ServicePage(
        line=line,
        actuators=doors.place.services[name].actuators,
        status=None if status is None else msgspec.structs.replace(status, proposals=()),
        board=reader.board(name) if told else None,
        notices=tuple(one for one in notices if told or (one.sources and sight.rests(one.sources))),
        proposals=tuple(_proposed(one, told) for one in status.proposals) if status is not None and mine else (),
        commands=tuple(command_view(row, sight, doors.registry) for row in sight.commands(commands)),
        estimates=_estimates(reader, name, now, None, MOST_ESTIMATES) if told else (),
        plans=tuple(_plan_line(row) for row in reader.plans_of(name, MOST_PLANS)),
        published=dict(reader.published_names(name)),
        now=now,
        withheld=not told,
    )


def _proposed(one: ProposalShown, told: bool) -> ProposalShown:
    return one if told else msgspec.structs.replace(one, cause=dict(without_values(one.cause)))


def _estimates(reader: ServiceReader, name: str, now: int, subject: str | None, most: int) -> tuple[EstimateView, ...]:
    return tuple(
        EstimateView(
            subject=one.subject,
            property=one.property,
            at=one.at,
            made_at=one.made_at,
            value=one.value,
            low=one.low,
            high=one.high,
            coverage=one.coverage,
            model=one.model,
            missing=one.missing,
        )
        for one in reader.estimates_of(name, now - HOUR, most, subject)
    )


def _plan_line(row: PlanRow) -> PlanLine:
    return PlanLine(
        plan_id=row.plan_id,
        kind=row.kind,
        crew=row.crew,
        stops=len(row.stops),
        figures=row.figures,
        fixed=row.fixed,
        state=row.state,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        record=row.record,
    )


ROUTES = (services, service, estimates, plans, plan)
