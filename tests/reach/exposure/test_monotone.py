"""What must hold of every declaration: more ways in never reach less, more locks never reach more, and names mean nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from cityward.place.model import Place
from cityward.place.parties import InstrumentStatus
from cityward.place.registry import members
from cityward.reach.exposure.answers import Axis, Bound, Exposure, Verdict, expose, items_of, left_without, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import ITEMS, Node, Predicate
from reach.exposure.random_places import Draw, access, instrument, key, random_place, stake

CASES = 150  # of each of twenty properties
Answers = dict[tuple[Bound, Node], int]
"""What is said of items: (bound, what holds) -> the scenarios in which it does, a bit for each; only what holds in some."""


def answers(exposure: Exposure) -> Answers:
    said = [(number, node) for number, node in enumerate(exposure.model.nodes.known) if node.predicate in ITEMS]
    rows = {bound: [row.tobytes() for row in exposure.words(bound)] for bound in Bound}
    found = {(bound, node): int.from_bytes(rows[bound][number], "little") for number, node in said for bound in Bound}
    return {key: scenarios for key, scenarios in found.items() if scenarios}


def beyond(some: Answers, others: Answers) -> list[tuple[Bound, Node]]:
    """What holds in more scenarios by `some` than by `others`, of the same scenarios."""
    return sorted(key for key, scenarios in some.items() if scenarios & ~others.get(key, 0))


def exposed(place: Place) -> Exposure:
    return expose(compile_place(place), scenarios_of(place))


@cache
def before(seed: int) -> Answers:
    return answers(exposed(random_place(seed)))


def with_record(place: Place, kind: str, name: str, record: object) -> Place:
    return replace(place, **{kind: {**getattr(place, kind), name: record}})


def without_record(place: Place, kind: str, name: str) -> Place:
    return replace(place, **{kind: {n: record for n, record in getattr(place, kind).items() if n != name}})


def street(place: Place) -> list[str]:
    units = [unit[0] for name, device in place.devices.items() if device.positions for unit in members(name, device)]
    return [*place.devices, *units]


Change = Callable[[Draw, Place], Place | None]
"""A place changed in one respect; None where there is nothing of the kind to change."""

# --- ways in, added


def an_access(draw: Draw, place: Place) -> Place:
    targets = [*place.systems, *place.datasets, *street(place)]
    added = access(draw, [*place.parties], targets, [*place.sites, *place.jurisdictions], [*place.agreements])
    return with_record(place, "accesses", "added", added)


def an_instrument(draw: Draw, place: Place) -> Place:
    status = draw.one((InstrumentStatus.IN_FORCE, InstrumentStatus.IN_FORCE, InstrumentStatus.CONTESTED))
    return with_record(place, "instruments", "added", instrument(draw, [*place.jurisdictions], status))


def a_stake(draw: Draw, place: Place) -> Place | None:
    known = [name for name, party in place.parties.items() if party.owners != "unknown"]
    if not known:
        return None
    name = draw.one(known)
    party = place.parties[name]
    return with_record(place, "parties", name, replace(party, owners=(*party.owners, stake(draw, [*place.parties]))))


def a_subprocessor(draw: Draw, place: Place) -> Place | None:
    known = [name for name, party in place.parties.items() if party.subprocessors != "unknown"]
    if not known:
        return None
    name = draw.one(known)
    party = place.parties[name]
    more = (*party.subprocessors, draw.one([*place.parties]))
    return with_record(place, "parties", name, replace(party, subprocessors=more))


def a_source_of_software(draw: Draw, place: Place) -> Place | None:
    still = [name for name, system in place.systems.items() if system.updates_from is None]
    if not still:
        return None
    name = draw.one(still)
    source = draw.or_unknown(lambda: draw.one([*place.systems]))
    return with_record(place, "systems", name, replace(place.systems[name], updates_from=source))


def a_member_of_a_bloc(draw: Draw, place: Place) -> Place:
    name = draw.one([*place.jurisdictions])
    land = place.jurisdictions[name]
    return with_record(
        place, "jurisdictions", name, replace(land, members=(*land.members, draw.one([*place.jurisdictions])))
    )


@pytest.mark.parametrize(
    "added", [an_access, an_instrument, a_stake, a_subprocessor, a_source_of_software, a_member_of_a_bloc]
)
def test_a_way_in_that_is_added_takes_nothing_away(added: Change) -> None:
    tried = reached_more = 0
    for seed in range(CASES):
        changed = added(Draw(seed), random_place(seed))
        if changed is not None:
            after = answers(exposed(changed))
            lost = beyond(before(seed), after)
            assert not lost, (seed, lost[:5])
            tried += 1
            reached_more += after != before(seed)
    assert tried > CASES * 0.8
    assert reached_more > CASES * 0.05


# --- ways in, removed, and locks added


def no_more(kind: str, field: str, nothing: object) -> Change:
    """One record of a kind loses a field."""

    def change(draw: Draw, place: Place) -> Place | None:
        having = [name for name, record in getattr(place, kind).items() if getattr(record, field) not in ((), None)]
        if not having:
            return None
        name = draw.one(having)
        return with_record(place, kind, name, replace(getattr(place, kind)[name], **{field: nothing}))

    change.__name__ = f"{kind}_{field}"
    return change


def one_stake(draw: Draw, place: Place) -> Place | None:
    owned = [name for name, party in place.parties.items() if party.owners not in ("unknown", ())]
    if not owned:
        return None
    name = draw.one(owned)
    stakes: Any = place.parties[name].owners
    dropped = draw.random.randrange(len(stakes))
    return with_record(
        place, "parties", name, replace(place.parties[name], owners=(*stakes[:dropped], *stakes[dropped + 1 :]))
    )


def one_access(draw: Draw, place: Place) -> Place | None:
    return without_record(place, "accesses", draw.one([*place.accesses])) if place.accesses else None


def one_instrument(draw: Draw, place: Place) -> Place | None:
    return without_record(place, "instruments", draw.one([*place.instruments]))


REMOVED: tuple[Change, ...] = (
    one_access,
    one_stake,
    one_instrument,
    no_more("parties", "owners", ()),
    no_more("parties", "subprocessors", ()),
    no_more("parties", "presence", ()),
    no_more("systems", "updates_from", None),
    no_more("systems", "maintained_by", ()),
    no_more("systems", "needs", ()),
    no_more("device_models", "updates_from", None),
    no_more("accesses", "from_places", ()),
    no_more("flows", "route", ()),
)


@pytest.mark.parametrize("removed", REMOVED, ids=lambda change: change.__name__)
def test_a_way_in_that_is_removed_adds_nothing(removed: Change) -> None:
    tried = reached_less = 0
    for seed in range(CASES):
        changed = removed(Draw(seed), random_place(seed))
        if changed is not None:
            after = answers(exposed(changed))
            won = beyond(after, before(seed))
            assert not won, (seed, won[:5])
            tried += 1
            reached_less += after != before(seed)
    assert tried > CASES * 0.3
    assert reached_less > CASES * 0.02


def test_a_key_that_is_added_opens_nothing() -> None:
    shut = 0
    for seed in range(CASES):
        place, draw = random_place(seed), Draw(seed)
        for number in range(2):
            added = key(draw, [*place.parties], [*place.datasets, *place.flows, *place.systems])
            place = with_record(place, "keys", f"added{number}", added)
        after = answers(exposed(place))
        won = beyond(after, before(seed))
        assert not won, (seed, won[:5])
        shut += after != before(seed)
    assert shut > CASES * 0.05


# --- cutting lines of the declaration


def test_a_flow_that_is_cut_adds_nothing() -> None:
    less = 0
    for seed in range(CASES):
        place, draw = random_place(seed), Draw(seed)
        model = compile_place(place)
        cut = [f"flows.{name}" for name in draw.some([*place.flows], 2, 1)]
        after = answers(expose(model, scenarios_of(place), left_without(model, cut)))
        won = beyond(after, before(seed))
        assert not won, (seed, cut, won[:5])
        less += after != before(seed)
    assert less > CASES * 0.2


def test_cutting_an_access_is_the_same_as_never_having_declared_it() -> None:
    cut = 0
    for seed in range(CASES):
        place = random_place(seed)
        declared = {*place.systems, *place.devices, *place.datasets}
        for name in [n for n, a in place.accesses.items() if a.target in declared][:1]:
            model = compile_place(place)
            masked = answers(expose(model, scenarios_of(place), left_without(model, [f"accesses.{name}"])))
            assert masked == answers(exposed(without_record(place, "accesses", name))), (seed, name)
            cut += 1
    assert cut > CASES * 0.3


# --- names, bounds and verdicts

SETTINGS = {"containing", "incidents"}  # a mapping that is one value of the place, not records by id


def renamed(place: Place, draw: Draw) -> tuple[Place, dict[str, str]]:
    """The place with every id replaced and the records of every kind in another order; old -> new of every id."""
    plain = msgspec.to_builtins(place)
    kinds = [kind for kind, records in plain.items() if isinstance(records, dict) and kind not in SETTINGS]
    old = [name for kind in kinds for name in plain[kind]]
    new = [f"x{n}" for n in range(len(old))]
    draw.random.shuffle(new)
    to = dict(zip(old, new, strict=True))
    for name, device in place.devices.items():
        if device.positions:
            to |= {unit[0]: unit[0].replace(name, to[name]) for unit in members(name, device)}

    def again(value: Any) -> Any:
        if isinstance(value, dict):
            return {to.get(name, name): again(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [again(inner) for inner in value]
        return to.get(value, value) if isinstance(value, str) else value

    done = again(plain)
    for kind in kinds:
        records = list(done[kind].items())
        draw.random.shuffle(records)
        done[kind] = dict(records)
    return msgspec.convert(done, Place), to


def who_reaches_what(exposure: Exposure) -> set[tuple[Bound, Node, Node]]:
    said = [node for node in exposure.model.nodes.known if node.predicate in ITEMS]
    return {(bound, who, node) for bound in Bound for node in said for who in exposure.who(node, bound)}


def test_names_and_their_order_mean_nothing() -> None:
    for seed in range(CASES):
        other, to = renamed(random_place(seed), Draw(seed))
        mapped = {
            (bound, Node(who.predicate, to[who.subject]), Node(node.predicate, to[node.subject], node.detail))
            for bound, who, node in who_reaches_what(exposed(random_place(seed)))
        }
        assert mapped == who_reaches_what(exposed(other)), seed


def test_what_is_certain_is_possible() -> None:
    wider = 0
    for seed in range(CASES):
        exposure = exposed(random_place(seed))
        assert not (exposure.lower & ~exposure.upper).any(), seed
        wider += bool((exposure.upper & ~exposure.lower).any())
    assert wider > CASES * 0.5


def test_every_question_has_a_verdict_and_unknown_is_never_a_pass() -> None:
    for seed in range(0, CASES, 5):
        place = random_place(seed)
        exposure = exposed(place)
        for item in items_of(exposure):
            for axis in Axis:
                law = Predicate.LAW_PARTY if axis is Axis.PARTY else Predicate.LAW_PLACE
                for jurisdiction in place.jurisdictions:
                    verdict = exposure.verdict(jurisdiction, axis, item)
                    possible = exposure.holds(Bound.POSSIBLE, Node(law, jurisdiction), item)
                    assert possible == (verdict in (Verdict.REACHABLE, Verdict.UNKNOWN))
            for party in place.parties:
                verdict = exposure.verdict_of_party(party, item)
                assert verdict in (Verdict.REACHABLE, Verdict.UNKNOWN, Verdict.OUT_OF_REACH)
                possible = exposure.holds(Bound.POSSIBLE, Node(Predicate.PARTY, party), item)
                assert possible == (verdict is not Verdict.OUT_OF_REACH)
