"""The city as it was: what history holds of a moment, and what happened in a span; for the map's time picker and playback.

A moment is the newest observation of each channel that was observed by then; what came late counts where it was observed. What no
longer is held (erased, or past its retention) is not told; what a mark covers is told, and called doubted.

INVARIANTS
- An answer holds what the asking person may see, and at most one value of each declared channel.
- A moment reads at most `LOOKED_BACK` of history, a span `MOST_SPAN`. A few moments are read at a time, whoever asks how often;
  who comes beyond that is told when to come again.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cityward.insight.marks import covered
from cityward.place.roles import Right
from cityward.runtime.causes import cause_line
from cityward.time import DAY
from cityward.watch.findings import Incident, IncidentState
from cityward.web.accounts.sight import Sight
from cityward.web.api.city import Milliseconds
from cityward.web.identity import NOTHING
from cityward.web.ports import Doors, WatchReader
from cityward.web.problems import Problem
from cityward.web.routes import Call, route
from cityward.web.told import tell_read

LOOKED_BACK = DAY  # what said nothing for a day before a moment is drawn as silent
MOST_SPAN = 7 * DAY
MOST_VALUES = 20_000
MOST_STEPS = 500
PAGE, MOST_PAGES = 100, 10  # of incidents, for each state
Held = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]
"""(channel, observed_at, value) of a moment."""


class MomentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at_ms: Milliseconds
    after_ms: Milliseconds | None = None  # only what was observed since: for who holds the moment `after_ms`


class SpanQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_ms: Milliseconds
    until_ms: Milliseconds


class HeldValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in a `latest` event. doubted: a mark covers it, it is not to be relied on."""

    device: str
    property: str
    value: float
    observed_at_ms: int
    doubted: bool


class MomentView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest values observed in `since_ms < observed <= at_ms`; left_out: how many more there are than are told."""

    at_ms: int
    since_ms: int
    latest: tuple[HeldValue, ...]
    left_out: Annotated[int, Meta(ge=0)]


class StepView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one service commanded within a minute, and the cause path of the last of it."""

    at_ms: int
    service: str
    devices: int
    because: str


class SpanView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happened: steps of services, newest first, and incidents (times in city us); null: who asks may not watch."""

    from_ms: int
    until_ms: int
    commands: tuple[StepView, ...]
    commands_in_all: int
    alerts: tuple[Incident, ...] | None


@route(
    "GET",
    "/api/moment",
    summary="The newest values by a moment that is past",
    right=Right.DATA,
    query=MomentQuery,
    answer=MomentView,
)
async def moment(call: Call[MomentQuery]) -> object:
    doors, sight = call.desk.doors, _sight(call)
    at, after = call.query.at_ms * 1000, call.query.after_ms
    since = at - LOOKED_BACK if after is None else after * 1000
    if at > doors.city_now_us():
        raise Problem(400, "bad-request", "at_ms is in the city's future: nothing is held of it")
    if not 0 <= at - since <= LOOKED_BACK:
        raise Problem(400, "bad-request", "after_ms must be before at_ms, by at most a day")
    held = await call.desk.moments.take(call.who, (since, at), lambda: doors.history.moment(since + 1, at + 1))
    view = await asyncio.to_thread(_moment, doors, sight, (since, at), held)
    devices = len({one.device for one in view.latest})
    tell_read(
        doors, call.request, call.caller.id if call.caller else "", "moment", rows=len(view.latest), devices=devices
    )
    call.desk.reads.note(call.caller, "moment", len(view.latest))
    return view


def _moment(doors: Doors, sight: Sight, span: tuple[int, int], held: Held) -> MomentView:
    """In a thread: what of a moment is told. What was observed at its very time is part of it."""
    registry, (since, at), (channel, observed, value) = doors.registry, span, held
    doubted = covered(channel, observed, doors.state.marks(), registry)
    told: list[HeldValue] = []
    columns = (channel.tolist(), observed.tolist(), value.tolist(), doubted.tolist())
    for of, when, what, doubt in zip(*columns, strict=True):
        device = registry.units[int(registry.channel_unit[of])].id
        name = registry.channel_property[of]
        if sight.reading(device, name):
            told.append(HeldValue(device, name, what, when // 1000, doubt))
    return MomentView(
        at_ms=at // 1000,
        since_ms=since // 1000,
        latest=tuple(told[:MOST_VALUES]),
        left_out=max(0, len(told) - MOST_VALUES),
    )


@route(
    "GET",
    "/api/span",
    summary="What was commanded, and which alerts were, in a span that is past",
    right=Right.LOOK,
    query=SpanQuery,
    answer=SpanView,
)
async def span(call: Call[SpanQuery]) -> object:
    since, until = call.query.from_ms * 1000, call.query.until_ms * 1000
    if not 0 < until - since <= MOST_SPAN:
        raise Problem(400, "bad-request", "from_ms must be before until_ms, by at most seven days")
    doors, sight = call.desk.doors, _sight(call)
    steps, total = await asyncio.to_thread(doors.state.steps, sight.commanded, since, until, MOST_STEPS)
    watches = call.caller is not None and Right.WATCH in call.caller.held.rights
    alerts = await asyncio.to_thread(_alerts, doors.watch, since, until) if watches and doors.watch else None
    call.desk.reads.note(call.caller, "span", len(steps) + len(alerts or ()))
    return SpanView(
        from_ms=call.query.from_ms,
        until_ms=call.query.until_ms,
        commands=tuple(
            StepView(row.sent_at // 1000, row.service, devices, cause_line(sight.told(row))) for row, devices in steps
        ),
        commands_in_all=total,
        alerts=alerts,
    )


def _alerts(book: WatchReader, since: int, until: int) -> tuple[Incident, ...]:
    """In a thread: the incidents that were in the span, the worst of each state; of at most `MOST_PAGES` pages."""
    found: list[Incident] = []
    for state in IncidentState:
        after: str | None = None
        for _ in range(MOST_PAGES):
            page = book.incidents(state, PAGE, after)
            found += [one for one in page if one.began_at < until and one.last_at >= since]
            if len(page) < PAGE:
                break
            after = page[-1].id
    return tuple(found)


def _sight(call: Call[Any]) -> Sight:
    return call.desk.sights.of(call.caller.held if call.caller else NOTHING)


ROUTES = (moment, span)
