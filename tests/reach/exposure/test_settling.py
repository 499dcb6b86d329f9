"""What the two bounds promise: whatever an unknown fact turns out to be, the answers lie between them.

A fact that is not known is replaced by one it may turn out to be. Then what was certain is certain still, and nothing is
possible that was not before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from cityward.place.data import Protection
from cityward.place.model import Place
from cityward.place.parties import InstrumentStatus
from cityward.reach.exposure.answers import Bound, Exposure, expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Node
from reach.exposure.random_places import Draw, random_place, stake

PLACES, EACH = 300, 3
Field = tuple[str, str]

SETTLED: tuple[Field, ...] = (  # every field that a rule reads and that may be unknown
    ("parties", "incorporated_in"),
    ("parties", "owners"),
    ("parties", "subprocessors"),
    ("parties", "share"),
    ("instruments", "status"),
    ("sites", "jurisdiction"),
    ("sites", "operator"),
    ("systems", "site"),
    ("systems", "operator"),
    ("systems", "supplier"),
    ("systems", "maintained_by"),
    ("systems", "updates_from"),
    ("device_models", "maker"),
    ("device_models", "updates_from"),
    ("devices", "site"),
    ("devices", "owner"),
    ("devices", "operator"),
    ("flows", "protection"),
    ("flows", "route"),
    ("accesses", "from_places"),
    ("keys", "holder"),
)


def unknown_facts(place: Place) -> Iterator[tuple[str, str, str]]:
    """(kind, record, field) of what is not known."""
    for kind in ("parties", "sites", "systems", "device_models", "devices", "flows", "accesses", "keys"):
        for name, record in getattr(place, kind).items():
            for field in record.__struct_fields__:
                if (kind, field) in SETTLED and getattr(record, field) == "unknown":
                    yield kind, name, field
    for name, party in place.parties.items():
        if any(held.share is None for held in party.owners if party.owners != "unknown"):
            yield "parties", name, "share"
    for name, instrument in place.instruments.items():
        if instrument.status is InstrumentStatus.CONTESTED:
            yield "instruments", name, "status"


def settled(draw: Draw, place: Place, kind: str, name: str, field: str) -> Place:
    """The place in which that fact has turned out to be something."""
    record = getattr(place, kind)[name]
    if field == "share":
        known = (
            held if held.share is not None else replace(held, share=draw.one((0, 10, 50, 100)))
            for held in record.owners
        )
        record = replace(record, owners=tuple(known))
    else:
        record = replace(record, **{field: something(draw, place, kind, field)})
    return replace(place, **{kind: {**getattr(place, kind), name: record}})


def something(draw: Draw, place: Place, kind: str, field: str) -> Any:
    firms, lands, sites, systems = ([*of] for of in (place.parties, place.jurisdictions, place.sites, place.systems))
    may_be: dict[str, Any] = {
        "incorporated_in": lambda: draw.one(lands),
        "jurisdiction": lambda: draw.one(lands),
        "owners": lambda: tuple(stake(draw, firms) for _ in range(draw.random.randint(0, 2))),
        "subprocessors": lambda: draw.some(firms, 2),
        "maintained_by": lambda: draw.some(firms, 2),
        "site": lambda: draw.one(sites),
        "updates_from": lambda: draw.one([None, *systems]),
        "supplier": lambda: draw.one([None, *firms]),
        "operator": lambda: draw.one(firms if kind == "systems" else [None, *firms]),
        "owner": lambda: draw.one(firms),
        "maker": lambda: draw.one(firms),
        "holder": lambda: draw.one(firms),
        "protection": lambda: draw.one([kept for kept in Protection if kept is not Protection.UNKNOWN]),
        "route": lambda: draw.some([*lands, *firms], 2),
        "from_places": lambda: draw.some([*sites, *lands], 2),
        "status": lambda: draw.one((InstrumentStatus.IN_FORCE, InstrumentStatus.REPEALED)),
    }
    return may_be[field]()


def answers(place: Place, bound: Bound, exposure: Exposure) -> set[tuple[Node, Node]]:
    return {(who, answer) for who in scenarios_of(place) for answer in exposure.reached(who, bound)}


@cache
def outcomes() -> dict[Field, list[str]]:
    """Field -> a line for each fact of it that was settled, empty where the bounds kept their promise."""
    found = defaultdict[Field, list[str]](list)
    for seed in range(PLACES):
        place, draw = random_place(seed), Draw(seed)
        before = expose(compile_place(place), scenarios_of(place))
        for kind, name, field in draw.some([*unknown_facts(place)], EACH, EACH):
            after = settled(draw, place, kind, name, field)
            then = expose(compile_place(after), scenarios_of(after))
            lost = answers(place, Bound.CERTAIN, before) - answers(after, Bound.CERTAIN, then)
            won = answers(after, Bound.POSSIBLE, then) - answers(place, Bound.POSSIBLE, before)
            told = f"random_place({seed}), {kind}.{name}.{field}: lost {sorted(lost)[:2]}, won {sorted(won)[:2]}"
            found[kind, field].append(told if lost or won else "")
    return found


def test_the_facts_settled_are_of_every_kind() -> None:
    assert outcomes().keys() == {*SETTLED}
    assert sum(map(len, outcomes().values())) > 600


@pytest.mark.parametrize("field", SETTLED, ids=".".join)
def test_a_fact_that_is_settled_leaves_the_answers_within_their_bounds(field: Field) -> None:
    assert not [line for line in outcomes()[field] if line]
