"""What the watch found, for the console: incidents, findings, devices not fully trusted; and containing what turned against it.

Who takes an incident in hand, or contains something, is the person of the session; evidence comes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError
from cityward.evidence.records import Acknowledged
from cityward.place.roles import Right
from cityward.reach.containment import Containment
from cityward.runtime.containing import ContainmentRow
from cityward.text import harmless
from cityward.time import HOUR
from cityward.watch import find_detectors
from cityward.watch.contract import Card, Severity
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState
from cityward.watch.hands import Hand, waits
from cityward.watch.suppliers import Supplier
from cityward.web.api.bodies import body_of
from cityward.web.identity import NOTHING, refuse_cross_site
from cityward.web.ports import Containing, Handing, WatchReader
from cityward.web.problems import Problem, unavailable
from cityward.web.routes import JSON, Call, Nothing, route

MOST_INCIDENTS = 100
MOST_FINDINGS = 200
MOST_STANDINGS = 200
MOST_BODY = 4096

T = TypeVar("T")

Text = Annotated[str, Meta(min_length=1, max_length=500)]


class IncidentsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: IncidentState | None = None  # None: the open ones, then those in hand
    after: Annotated[str, Meta(max_length=64)] | None = None  # an incident's id: the page behind it; only with a state


class WatchView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The watch at a glance: a page of incidents, the worst first, and how many there are of each kind. Times in city us."""

    incidents: tuple[Incident, ...]
    counts: dict[IncidentState, dict[Severity, int]]
    standings: tuple[
        DeviceStanding, ...
    ]  # the least trusted `MOST_STANDINGS`; one device's: `/api/watch/standings/{device}`
    standings_in_all: int
    detectors: int
    now: int
    hands: dict[str, Hand]  # of the page's incidents, where somebody said something
    waiting: tuple[str, ...]  # those of the page that are put off now
    suppliers: dict[
        str, tuple[Supplier, ...]
    ]  # who answers for what the page's incidents are about; to others only themselves


class StandingView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far one device is trusted; None: in full."""

    standing: DeviceStanding | None


class IncidentView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One incident with its findings, newest first."""

    incident: Incident
    findings: tuple[Finding, ...]
    hand: Hand | None
    waits: bool
    people: dict[str, str]  # whom it may be given to: id -> name
    cards: tuple[Card, ...]  # of the detectors that found it
    now: int


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says of an incident."""

    state: IncidentState
    note: Annotated[str, Meta(max_length=500)] = ""


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom an incident is given to; "": nobody."""

    to: Annotated[str, Meta(max_length=128)]
    note: Annotated[str, Meta(max_length=500)] = ""


class PutOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many hours of the city's time an incident is put off; 0: it is taken up again."""

    hours: Annotated[float, Meta(ge=0, le=24 * 7)]
    why: Annotated[str, Meta(max_length=500)] = ""


class CardsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What watches, and when it fails."""

    detectors: tuple[Card, ...]


class TargetQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: Annotated[str, Meta(min_length=1, max_length=128)]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be contained, why, and for how many hours."""

    target: Annotated[str, Meta(min_length=1, max_length=128)]
    reason: Text
    hours: Annotated[float, Meta(gt=0, le=24 * 366)]


class ContainmentsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those that wait or are in force first, then the newest; times in machine us."""

    containments: tuple[ContainmentRow, ...]
    now: int


@route("GET", "/api/watch", summary="Incidents and devices not fully trusted", right=Right.WATCH,
       query=IncidentsQuery, answer=WatchView)  # fmt: skip
async def watch(call: Call[IncidentsQuery]) -> object:
    book, wanted, after = _book(call), call.query.state, call.query.after
    if wanted is None and after is not None:
        raise Problem(400, "bad-request", "`after` goes with a `state`")
    if wanted is not None:
        return await _view(call, book, [wanted], after)
    held = call.caller.held if call.caller else NOTHING
    whose = (held.of_the_city, frozenset(role.party for role in held.roles))
    version = await asyncio.to_thread(book.version)
    return await call.desk.glances.one(
        (*whose, version), lambda: _view(call, book, [IncidentState.OPEN, IncidentState.ACKNOWLEDGED], None)
    )


async def _view(
    call: Call[IncidentsQuery], book: WatchReader, states: Sequence[IncidentState], after: str | None
) -> WatchView:
    """It rests on nothing of the caller but whether they are of the city, and of which parties."""
    found = [await asyncio.to_thread(book.incidents, state, MOST_INCIDENTS, after) for state in states]
    page = [incident for some in found for incident in some]
    hands = await asyncio.to_thread(_hands, call, page)
    now = call.desk.doors.city_now_us()
    counts = await asyncio.to_thread(book.incident_counts)
    standings = (await asyncio.to_thread(book.standings)).values()
    return WatchView(
        incidents=tuple(page),
        counts={state: dict(by_severity) for state, by_severity in counts.items()},
        standings=tuple(nsmallest(MOST_STANDINGS, standings, key=lambda standing: (standing.trust, standing.device))),
        standings_in_all=len(standings),
        detectors=len(find_detectors()),
        now=now,
        hands=dict(hands),
        waiting=tuple(one.id for one in page if waits(hands.get(one.id), one, now)),
        suppliers=_suppliers(call, page),
    )


@route("GET", "/api/watch/standings/{device}", summary="How far one device is trusted", right=Right.WATCH,
       answer=StandingView)  # fmt: skip
async def standing(call: Call[Nothing]) -> object:
    """A device that is fully trusted, or unknown, has none."""
    book = _book(call)
    standings = await asyncio.to_thread(book.standings)
    return StandingView(standing=standings.get(call.path("device")))


@route("GET", "/api/watch/detectors", summary="What watches, and when it fails", right=Right.WATCH, answer=CardsView)
async def detectors(call: Call[Nothing]) -> object:
    return CardsView(detectors=tuple(detector.card for detector in find_detectors().values()))


@route("GET", "/api/watch/incidents/{id}", summary="One incident with its findings", right=Right.WATCH,
       answer=IncidentView)  # fmt: skip
async def incident(call: Call[Nothing]) -> object:
    book, wanted = _book(call), call.path("id")
    found = await asyncio.to_thread(_incident, book, wanted)
    findings = await asyncio.to_thread(lambda: book.findings(incident=wanted, most=MOST_FINDINGS))
    call.desk.reads.note(call.caller, "findings", len(findings))
    hand = (await asyncio.to_thread(_hands, call, [found])).get(wanted)
    desk, now, known = call.desk.doors.handing, call.desk.doors.city_now_us(), find_detectors()
    people = await asyncio.to_thread(desk.people) if desk is not None and _of_the_city(call) else {}
    who = dict.fromkeys(one.detector for one in findings)
    return IncidentView(
        incident=found,
        findings=tuple(findings),
        hand=hand,
        waits=waits(hand, found, now),
        people=dict(people),
        cards=tuple(known[name].card for name in who if name in known),
        now=now,
    )


@route("POST", "/api/watch/incidents/{id}", summary="Take an incident in hand, close it, open it again", right=Right.WATCH,
       media=[JSON], limit=MOST_BODY, answer=Incident)  # fmt: skip
async def say(call: Call[Nothing]) -> object:
    refuse_cross_site(call.request)
    said, book, wanted, person = body_of(call, Said), _book(call), call.path("id"), _person(call)
    await asyncio.to_thread(_incident, book, wanted)
    ledger = call.desk.doors.ledger
    if ledger is None:
        raise unavailable("link", "this door keeps no evidence")
    note = harmless(said.note)
    record = Acknowledged(
        at=call.desk.doors.city_now_us(),
        by="web",
        incident=wanted,
        person=person,
        state=said.state.value,
        note=note,
    )
    await asyncio.to_thread(ledger.append, [record])
    await asyncio.to_thread(book.acknowledge, wanted, person, note, said.state)
    return await asyncio.to_thread(_incident, book, wanted)


@route("POST", "/api/watch/incidents/{id}/assign", summary="Give an incident to a person of the city", right=Right.WATCH,
       media=[JSON], limit=MOST_BODY, answer=Hand)  # fmt: skip
async def assign(call: Call[Nothing]) -> object:
    refuse_cross_site(call.request)
    said, desk, wanted = body_of(call, Given), _handing(call), call.path("id")
    await asyncio.to_thread(_incident, _book(call), wanted)
    return await _told(desk.assign, wanted, said.to, _person(call), said.note)


@route("POST", "/api/watch/incidents/{id}/snooze", summary="Put an incident off, with an end", right=Right.WATCH,
       media=[JSON], limit=MOST_BODY, answer=Hand)  # fmt: skip
async def snooze(call: Call[Nothing]) -> object:
    """It comes back by itself, and at once where it grows worse."""
    refuse_cross_site(call.request)
    said, desk, wanted = body_of(call, PutOff), _handing(call), call.path("id")
    await asyncio.to_thread(_incident, _book(call), wanted)
    return await _told(desk.snooze, wanted, round(said.hours * HOUR), _person(call), said.why)


@route(
    "GET", "/api/containments", summary="What is contained, waits, or was", right=Right.WATCH, answer=ContainmentsView
)
async def containments(call: Call[Nothing]) -> object:
    rows = await asyncio.to_thread(_containing(call).all)
    return ContainmentsView(containments=tuple(rows), now=call.desk.doors.machine_us())


@route("GET", "/api/containments/preview", summary="What containing it would take and cost", right=Right.WATCH,
       query=TargetQuery, answer=Containment)  # fmt: skip
async def preview(call: Call[TargetQuery]) -> object:
    return await _told(_containing(call).preview, call.query.target)


@route("POST", "/api/containments", summary="Contain it now, or ask for it", right=Right.CONTAIN, fresh=True,
       media=[JSON], limit=MOST_BODY, answer=ContainmentRow, status=201)  # fmt: skip
async def begin(call: Call[Nothing]) -> object:
    refuse_cross_site(call.request)
    wanted, desk = body_of(call, Wanted), _containing(call)
    alone = call.caller is not None and Right.CONTAIN in call.caller.held.alone
    act, seconds = desk.begin if alone else desk.ask, round(wanted.hours * 3600)
    return await _told(act, harmless(wanted.target), harmless(wanted.reason), _person(call), seconds)


@route("POST", "/api/containments/{id}/approve", summary="Agree, as a second person: it begins", right=Right.APPROVE,
       fresh=True, answer=ContainmentRow)  # fmt: skip
async def approve(call: Call[Nothing]) -> object:
    return await _told(_containing(call).approve, call.path("id"), _person(call))


@route("POST", "/api/containments/{id}/refuse", summary="It is not to begin", signed_in=True, answer=ContainmentRow)
async def refuse(call: Call[Nothing]) -> object:
    """A second person, or whoever asked, takes it back."""
    desk, id_, caller = _containing(call), call.path("id"), call.caller
    rows = await asyncio.to_thread(desk.all)
    own = any(row.id == id_ and row.asked_by == _person(call) for row in rows)
    if caller is None or not (own or caller.held.rights & {Right.APPROVE, Right.CONTAIN}):
        raise Problem(403, "no-right", "this needs the right `approve`")
    return await _told(desk.refuse, id_, _person(call))


@route("POST", "/api/containments/{id}/lift", summary="Let back in what it holds", right=Right.CONTAIN, fresh=True,
       answer=ContainmentRow)  # fmt: skip
async def lift(call: Call[Nothing]) -> object:
    return await _told(_containing(call).lift, call.path("id"), _person(call))


def _book(call: Call[IncidentsQuery] | Call[Nothing]) -> WatchReader:
    book = call.desk.doors.watch
    if book is None:
        raise Problem(404, "not-found", "this city has no watch")
    return book


def _hands(call: Call[Any], incidents: Sequence[Incident]) -> Mapping[str, Hand]:
    """What people said of them; who is not of the city is not told whose they are."""
    desk = call.desk.doors.handing
    return desk.hands([one.id for one in incidents]) if desk is not None and _of_the_city(call) else {}


def _suppliers(call: Call[Any], incidents: Sequence[Incident]) -> dict[str, tuple[Supplier, ...]]:
    """What was agreed with whom is told to people of the city; to others what was agreed with their own party."""
    known, held = call.desk.suppliers(), call.caller.held if call.caller else NOTHING
    mine = {role.party for role in held.roles}
    of = {one.id: known.of(one.first_subjects) for one in incidents}
    told = {id_: tuple(one for one in those if held.of_the_city or one.party in mine) for id_, those in of.items()}
    return {id_: those for id_, those in told.items() if those}


def _of_the_city(call: Call[Any]) -> bool:
    return call.caller is not None and call.caller.held.of_the_city


def _handing(call: Call[Nothing]) -> Handing:
    if not _of_the_city(call):
        raise Problem(403, "no-right", "whose an incident is, is for people of the city to say")
    desk = call.desk.doors.handing
    if desk is None:
        raise Problem(404, "not-found", "nobody is given incidents here")
    return desk


def _containing(call: Call[Nothing] | Call[TargetQuery]) -> Containing:
    desk = call.desk.doors.containing
    if desk is None:
        raise Problem(404, "not-found", "this door contains nothing")
    return desk


def _incident(book: WatchReader, wanted: str) -> Incident:
    found = book.incident(wanted)
    if found is None:
        raise Problem(404, "not-found", f"no incident `{wanted[:64]}`")
    return found


def _person(call: Call[Nothing]) -> str:
    assert call.caller is not None
    return call.caller.id


async def _told(ask: Callable[..., Any], *arguments: object) -> object:
    try:
        return await asyncio.to_thread(ask, *arguments)
    except PlaceError as error:
        raise Problem(409, "refused", f"{error.what}; {error.mend}" if error.mend else error.what) from error


ROUTES = (
    watch,
    standing,
    detectors,
    incident,
    say,
    assign,
    snooze,
    containments,
    preview,
    begin,
    approve,
    refuse,
    lift,
)
