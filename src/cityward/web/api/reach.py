"""Who can reach what: the questions of `cityward reach`, for the console.

Answers are told without their reasons; the reason of one is asked for when somebody looks at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cityward.errors import EvidenceError
from cityward.place.model import Place
from cityward.place.record import Record
from cityward.place.roles import Right
from cityward.reach.exposure.answers import Verdict
from cityward.reach.exposure.nodes import ANSWERED, Mode, Predicate
from cityward.reach.questions import Explain, Reach, Reason, Report, Row, UnknownNameError, grounds
from cityward.reach.since.shapes import Since
from cityward.time import from_us
from cityward.web.api.whole import whole
from cityward.web.problems import Problem
from cityward.web.routes import Call, Nothing, route
from cityward.web.told import tell_read

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class ReachQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: Literal["party", "jurisdiction", "dataset", "service", "thing"] | None = None  # None: the overview
    id: Name | None = None


class ReasonQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    who: Name
    kind: Literal["dataset", "thing", "service", "function"]
    item: Name
    mode: Name
    verdict: Verdict
    axis: Literal["", "party", "place"] = ""


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """land: of a party, the jurisdiction it is incorporated in; `unknown` where nobody has said. personal: of a dataset."""

    id: str
    name: str
    land: str = ""
    personal: bool = False


class SubjectsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be asked about."""

    dataset: tuple[Subject, ...]
    party: tuple[Subject, ...]
    jurisdiction: tuple[Subject, ...]
    service: tuple[Subject, ...]
    thing: tuple[Subject, ...]


@route("GET", "/api/reach/subjects", summary="What can be asked about", right=Right.LOOK, answer=SubjectsView)
async def subjects(call: Call[Nothing]) -> object:
    whole(call)
    call.desk.reads.note(call.caller, "reach subjects", 1)
    return subjects_of(call.desk.doors.place)


def subjects_of(place: Place) -> SubjectsView:
    """Everything that can be asked about, by name."""
    return SubjectsView(
        dataset=_sorted(Subject(i, one.name or i, personal=one.personal) for i, one in place.datasets.items()),
        party=_sorted(Subject(i, one.name or i, land=one.incorporated_in) for i, one in place.parties.items()),
        jurisdiction=_named(place.jurisdictions),
        service=_named(place.services),
        thing=(*_named(place.systems), *_named(place.devices)),
    )


def _named(records: Mapping[str, Record]) -> tuple[Subject, ...]:
    return _sorted(Subject(id=name, name=record.name or name) for name, record in records.items())


def _sorted(known: Iterable[Subject]) -> tuple[Subject, ...]:
    return tuple(sorted(known, key=lambda subject: subject.name.casefold()))


@route("GET", "/api/reach", summary="Who can reach what", right=Right.LOOK, query=ReachQuery, answer=Report)
async def reach(call: Call[ReachQuery]) -> object:
    whole(call)
    report = await asyncio.to_thread(lambda: report_on(call.desk.reach(), call.query))
    _noted(call, "reach", len(report.rows))
    return report


def _noted(call: Call[ReachQuery], what: str, rows: int) -> None:
    """Who asks about everything reads the declaration out: each answer counts as one thing that was opened."""
    call.desk.reads.note(call.caller, what, max(1, rows))
    _told_of(call, what, rows)


def _told_of(call: Call[Any], what: str, rows: int) -> None:
    tell_read(call.desk.doors, call.request, call.caller.id if call.caller else "", what, rows=rows, devices=1)


def report_on(reach: Reach, query: ReachQuery) -> Report:
    """The answers, without their reasons."""
    if query.about is None and query.id is None:
        return reach.overview(Explain(rows=0))
    if query.about is None or query.id is None:
        raise Problem(400, "bad-request", "ask with both `about` and `id`, or with neither")
    ask = {
        "party": reach.of_party,
        "jurisdiction": reach.of_jurisdiction,
        "dataset": reach.of_dataset,
        "service": reach.of_service,
        "thing": reach.of_thing,
    }[query.about]
    try:
        return ask(query.id, Explain(rows=0))
    except UnknownNameError:
        raise Problem(404, "not-found", f"no {query.about} `{query.id[:64]}`") from None


@route(
    "GET",
    "/api/reach/reason",
    summary="Why one answer holds, with the lines it rests on",
    right=Right.LOOK,
    query=ReasonQuery,
    answer=Reason,
)
async def reason(call: Call[ReasonQuery]) -> object:
    whole(call)
    return await asyncio.to_thread(lambda: reason_of(call.desk.reach(), call.query))


def reason_of(reach: Reach, query: ReasonQuery) -> Reason:
    """Why one answer holds."""
    if query.mode not in ANSWERED[Predicate(query.kind)]:
        raise Problem(400, "bad-request", f"a {query.kind} has no mode `{query.mode[:32]}`")
    if query.verdict is Verdict.OUT_OF_REACH:
        raise Problem(400, "bad-request", "what is out of reach has no reason")
    row = Row(
        who=query.who,
        who_name="",
        axis=query.axis,
        kind=query.kind,
        item=query.item,
        item_name="",
        mode=Mode(query.mode),
        verdict=query.verdict,
    )
    found = reach.reason(*grounds(row))
    if found is None:
        raise Problem(404, "not-found", "no such answer follows from the declaration")
    return found


class ChangesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`since`: city ms."""

    since: Annotated[int, Meta(ge=0, le=4_102_444_800_000)]


@route(
    "GET",
    "/api/reach/changes",
    summary="What changed since a moment: who can newly reach what, who no longer can, which flows came and went",
    right=Right.LOOK,
    query=ChangesQuery,
    answer=Since,
)
async def changes(call: Call[ChangesQuery]) -> object:
    whole(call)
    ask, now = call.desk.doors.changed, call.desk.doors.city_now_us()
    if ask is None:
        raise Problem(404, "not-found", "this door knows no earlier declaration")
    key = ("changes", call.query.since, from_us(now).date())
    try:
        told = await call.desk.whatif.take(call.who, key, lambda: ask(call.query.since * 1000, now))
    except EvidenceError as error:
        raise Problem(404, "not-found", f"{error.what}; {error.mend}" if error.mend else error.what) from None
    call.desk.reads.note(call.caller, "changes", max(1, len(told.gained) + len(told.lost)))
    _told_of(call, "changes", len(told.flows))
    return told


ROUTES = (subjects, reach, reason, changes)
