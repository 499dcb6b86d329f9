"""What if a party, jurisdiction or site stops, turns, may not be dealt with or is cut off: the questions of `cityward whatif`.

For people of the city only. Answers take a processor for a moment: they are made in turns (`web.turns`), never in the loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError
from cityward.place.model import Place
from cityward.place.roles import Right
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.questions import Reach
from cityward.reach.whatif.asking import WILLED, WITH_A_WILL, How, Ready, ask, subject_for
from cityward.reach.whatif.told import Asked, WhatIf, told
from cityward.time import from_us
from cityward.web.api.whole import whole
from cityward.web.problems import Problem
from cityward.web.routes import Call, Nothing, route
from cityward.web.told import tell_read

Name = Annotated[str, Meta(min_length=1, max_length=128)]
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


class AskableView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be asked about, by name, and what can become of each kind."""

    party: tuple[Askable, ...]
    jurisdiction: tuple[Askable, ...]
    site: tuple[Askable, ...]
    ways: dict[str, tuple[How, ...]]


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
    )


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
    answer = await desk.whatif.take((today, "answer", query), lambda: answer_of(desk.reach(), query, today))
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


ROUTES = (subjects, whatif)
