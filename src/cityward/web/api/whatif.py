"""What if a party, jurisdiction or site stops, turns, may not be dealt with or is cut off: the questions of `cityward whatif`.

For people of the city only. Answers take a processor for a moment: they are made in turns (`web.turns`), never in the loop. What
would lessen an answer is found beside the door, and a proposal is judged there; nothing of that one is kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.errors import LinkError, PlaceError
from cityward.place.model import Place
from cityward.place.roles import Right
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.questions import Reach
from cityward.reach.whatif.asking import WILLED, WITH_A_WILL, How, Ready, ask, subject_for
from cityward.reach.whatif.lessening import Lessened
from cityward.reach.whatif.signing import Signed
from cityward.reach.whatif.told import Asked, WhatIf, told
from cityward.text import harmless
from cityward.time import from_us
from cityward.web.api.whole import whole
from cityward.web.leaving import while_there
from cityward.web.problems import Problem, unavailable
from cityward.web.routes import Call, Nothing, route
from cityward.web.told import tell_read
from cityward.web.whatif_ports import Proposing

MOST_PROPOSAL = 128 << 10  # bytes: the largest of the demonstration's has three thousand
Name = Annotated[str, Meta(min_length=1, max_length=128)]
FIRST_PARTIES, FIRST_SITES = 3, 2
KINDS = (SubjectKind.PARTY, SubjectKind.JURISDICTION, SubjectKind.SITE)
"""What the console offers; the command line takes everything that can fail."""


class WhatIfQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: Literal["party", "jurisdiction", "site"]
    id: Name
    how: How


class Askable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subject. `beside`: who it is, in a word, to tell namesakes apart. `operator`: of a site, who can turn in its stead."""

    id: str
    name: str
    beside: str
    operator: str | None = None


class First(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to begin. things: devices and systems that a party makes, supplies, runs or owns, or that stand at a site."""

    kind: SubjectKind
    id: str
    name: str
    how: How
    things: int


class AskableView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be asked about, by name, and what can become of each kind; `first`: whom most hangs on, but the city itself."""

    party: tuple[Askable, ...]
    jurisdiction: tuple[Askable, ...]
    site: tuple[Askable, ...]
    ways: dict[str, tuple[How, ...]]
    first: tuple[First, ...]


@route("GET", "/api/whatif/subjects", summary="Whom and what to ask about", right=Right.LOOK, answer=AskableView)
async def subjects(call: Call[Nothing]) -> object:
    whole(call)
    call.desk.reads.note(call.caller, "whatif subjects", 1)
    return askable(call.desk.doors.place)


def askable(place: Place) -> AskableView:
    """Parties, jurisdictions and sites."""
    lands, sites = place.jurisdictions, place.sites
    return AskableView(
        party=_sorted(Askable(id_, p.name or id_, p.kind.value) for id_, p in place.parties.items()),
        jurisdiction=_sorted(Askable(i, j.name or i, "home" if j.home else j.kind.value) for i, j in lands.items()),
        site=_sorted(Askable(id_, s.name or id_, s.jurisdiction, s.operator) for id_, s in sites.items()),
        ways={kind.value: tuple(how for how in How if how not in WILLED or kind in WITH_A_WILL) for kind in KINDS},
        first=(
            *_first(place, SubjectKind.PARTY, How.HOSTILE, FIRST_PARTIES),
            *_first(place, SubjectKind.SITE, How.DARK, FIRST_SITES),
        ),
    )


def _first(place: Place, kind: SubjectKind, how: How, most: int) -> Iterator[First]:
    named = place.parties if kind is SubjectKind.PARTY else place.sites
    found = ((one, n) for (of, one), n in _things(place).most_common() if of is kind and one in named)
    others = ((one, n) for one, n in found if one != place.responsible)
    for one, things in islice(others, most):
        yield First(kind, one, named[one].name or one, how, things)


def _things(place: Place) -> Counter[tuple[SubjectKind, str]]:
    """By (kind, id) of parties and sites: how many devices and systems name it."""
    found: Counter[tuple[SubjectKind, str]] = Counter()
    for system in place.systems.values():
        found[(SubjectKind.SITE, str(system.site))] += 1
        found.update({(SubjectKind.PARTY, str(one)) for one in (system.operator, system.supplier)})
    for device in place.devices.values():
        members, maker = max(1, len(device.positions)), place.device_models[device.model].maker
        found[(SubjectKind.SITE, str(device.site))] += members
        for one in {(SubjectKind.PARTY, str(one)) for one in (maker, device.owner, device.operator)}:
            found[one] += members
    return found


def _sorted(known: Iterable[Askable]) -> tuple[Askable, ...]:
    return tuple(sorted(known, key=lambda one: one.name.casefold()))


@route(
    "GET",
    "/api/whatif",
    summary="What is read, falsified and stopped, when and for whom, if one party, jurisdiction or site fails the city",
    right=Right.LOOK,
    query=WhatIfQuery,
    answer=WhatIf,
)
async def whatif(call: Call[WhatIfQuery]) -> object:
    whole(call)
    query, desk, today = call.query, call.desk, day_of(call)
    answer = await desk.whatif.take(call.who, (today, "answer", query), lambda: answer_of(desk.reach(), query, today))
    _noted(call, "whatif", sum(len(one.effects) + len(one.fallen) + len(one.doings) for one in answer.answers))
    return answer


def day_of(call: Call[Any]) -> date:
    """The city's day."""
    return from_us(call.desk.doors.city_now_us()).date()


def answer_of(reach: Reach, query: WhatIfQuery, today: date) -> WhatIf:
    """The answer in words and lines."""
    subject = subject_of(reach.place, query)
    answers = ask(ready_of(reach), query.how, (subject,))
    return told(reach.place, Asked(query.how, subject, today, reach.digest, reach.where), answers)


def ready_of(reach: Reach) -> Ready:
    """The place as it is closed already."""
    return Ready(reach.place, lambda _: reach.exposure)


def subject_of(place: Place, query: WhatIfQuery) -> Subject:
    """The subject asked about.

    Raises:
        Problem: 404 there is none; 400 it cannot be so.
    """
    records = {"party": place.parties, "jurisdiction": place.jurisdictions, "site": place.sites}[query.about]
    if query.id not in records:
        raise Problem(404, "not-found", f"no {query.about} `{query.id[:64]}`")
    try:
        return subject_for(place, query.how, f"{query.about}:{query.id}")
    except PlaceError as error:
        raise Problem(400, "bad-request", f"{error.what}; {error.mend}") from None


def _noted(call: Call[Any], what: str, rows: int) -> None:
    """An answer reads a part of the declaration out: it counts as one thing that was opened."""
    call.desk.reads.note(call.caller, what, max(1, rows))
    tell_read(call.desk.doors, call.request, call.caller.id if call.caller else "", what, rows=rows, devices=1)


@route(
    "GET",
    "/api/whatif/lessening",
    summary="The three cheapest steps against an answer, what they leave of it, and what containing would cost",
    right=Right.LOOK,
    query=WhatIfQuery,
    answer=Lessened,
)
async def lessening(call: Call[WhatIfQuery]) -> object:
    """Found beside the door, for as long as who asks waits for it."""
    whole(call)
    query, desk = call.query, call.desk
    finding = desk.doors.lessening
    if finding is None:
        raise Problem(404, "not-found", "no steps are tried at this door")
    place = (await asyncio.to_thread(desk.reach)).place
    subject = subject_of(place, query)
    key = desk.doors.digest, day_of(call), query
    waited = desk.lessening.take_beside(call.who, key, lambda: finding.steps(place, query.how, subject))
    try:
        found = placed(await while_there(call.request, waited), desk.doors.where)
    except LinkError as error:
        raise unavailable("link", f"{error.what}; {error.mend}", 60) from None
    _noted(call, "whatif lessening", len(found.steps))
    return found


def placed(found: Lessened, where: Callable[[str], str]) -> Lessened:
    """With each step's dotted path as `file:line  path`."""
    steps = tuple(msgspec.structs.replace(step, where=where(step.where)) for step in found.steps)
    return msgspec.structs.replace(found, steps=steps)


# --- may we sign this


class ProposalRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One that lies beside the declaration. `about`: how it begins, where it begins with a comment."""

    name: str
    about: str


class ProposalsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    proposals: tuple[ProposalRow, ...]


class SignQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=128)] = "proposal.yaml"


class SignView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer. `other_base`: it was judged by another declaration than this city runs by: the files were changed since."""

    name: str
    answer: Signed
    other_base: bool


@route(
    "GET", "/api/whatif/proposals", summary="What is offered for a signature", right=Right.LOOK, answer=ProposalsView
)
async def proposals(call: Call[Nothing]) -> object:
    whole(call)
    found = await asyncio.to_thread(_desk(call).proposals)
    call.desk.reads.note(call.caller, "whatif proposals", 1)
    return ProposalsView(proposals=tuple(ProposalRow(name, _about(text)) for name, text in found.items()))


def _about(text: str) -> str:
    first = text.split("\n", 1)[0]
    return harmless(first.lstrip("# ").strip()[:200]) if first.startswith("#") else ""


@route(
    "GET",
    "/api/whatif/proposals/{id}",
    summary="One of them, as it is written",
    right=Right.LOOK,
    answer_media="application/yaml",
)
async def proposal(call: Call[Nothing]) -> object:
    whole(call)
    found = await asyncio.to_thread(_desk(call).proposals)
    if call.path("id") not in found:
        raise Problem(404, "not-found", "no such proposal lies beside the declaration")
    call.desk.reads.note(call.caller, "whatif proposals", 1)
    return Response(found[call.path("id")], media_type="application/yaml")


@route(
    "POST",
    "/api/whatif/sign",
    summary="Whether a proposal may be signed, by the house rules; nothing of it is kept",
    right=Right.LOOK,
    query=SignQuery,
    media=("application/yaml",),
    limit=MOST_PROPOSAL,
    answer=SignView,
)
async def sign(call: Call[SignQuery]) -> object:
    whole(call)
    try:
        answer = await _desk(call).judge(call.query.name, call.body, day_of(call))
    except LinkError as error:
        raise unavailable("link", f"{error.what}; {error.mend}", 5) from None
    _noted(call, "whatif sign", 1)
    base = "" if answer.report is None else answer.report.inputs.base
    return SignView(call.query.name, answer, other_base=bool(base and base != call.desk.doors.digest))


def _desk(call: Call[Any]) -> Proposing:
    found = call.desk.doors.proposing
    if found is None:
        raise Problem(404, "not-found", "no proposals are judged here: ask the city itself, not its twin")
    return found


ROUTES = (subjects, whatif, lessening, proposals, proposal, sign)
