"""One datum's way, on the demonstration city; the hops are read off its declaration by hand."""

from __future__ import annotations

import pytest

from cityward.compose.places import demo_place, load_place
from cityward.place.registry import number
from cityward.reach.chains import flow_graph
from cityward.reach.following.shapes import Facts, Followed, OnRecord
from cityward.reach.following.way import follow, only

LOADED = load_place(demo_place())
REGISTRY = number(LOADED.place)
GRAPH = flow_graph(LOADED.place)
AT = 1_794_851_000_000_000

LOOP = Facts(
    observed_at_us=AT,
    received_at_us=AT + 400_000,
    value=52.0,
    entry_flow="loops-in",
    records=(
        OnRecord(entry="worker-0:7", at_us=AT + 900_000, flow="loops-in", words="admitted"),
        OnRecord(entry="release:3", at_us=AT + 60_000_000, flow="speeds-to-transit", words="given"),
        OnRecord(entry="release:4", at_us=AT + 61_000_000, flow="speeds-to-planner", words="was not given", done=False),
        OnRecord(entry="service:12", at_us=AT + 30_000_000, to="quay-street-lamps-03", words="dim 60"),
    ),
)


def way(device: str, prop: str, facts: Facts | None) -> Followed:
    unit = REGISTRY.units[REGISTRY.unit_index[device]]
    return follow(LOADED.place, GRAPH, unit, prop, facts, where=LOADED.where, digest=LOADED.digest)


def test_every_hop_is_told_apart_by_how_it_is_known() -> None:
    hops = {hop.flow: hop for hop in way("ring-road-loops-02", "vehicle-speed", LOOP).hops}
    assert hops["loops-in"].known == "proven"
    assert hops["loops-in"].entries[0].command == "cityward trace worker-0:7 --state STATE"
    assert (hops["speeds-to-transit"].known, hops["speeds-to-transit"].at_ms) == ("proven", AT // 1000 + 60_000)
    assert (hops["speeds-to-planner"].known, hops["speeds-to-planner"].why) == ("declared", "was not given")
    assert hops["dim-quay-street"].known == "proven"  # by a command to one lamp of the group
    assert hops["dim-harbour"].known == "declared"  # no command to a lamp of that group rests on it
    assert hops["indicators-out"].known == "declared"


def test_a_hop_names_party_country_retention_purpose_and_line() -> None:
    hops = {hop.flow: hop for hop in way("ring-road-loops-02", "vehicle-speed", LOOP).hops}
    planner = hops["speeds-to-planner"]
    assert (planner.to.party_name, planner.to.land, planner.to.stands_in) == ("Ledger & Lane Planning", "NO", "")
    assert {kept.dataset: kept.days for kept in planner.datasets} == {"loop-speeds": 730, "city-indicators": 3650}
    assert planner.purpose == LOADED.place.flows["speeds-to-planner"].purpose
    assert ".yaml:" in planner.where
    assert hops["loops-in"].from_.id == "ring-road-loops-02"  # the device itself, not its group


def test_what_is_made_of_a_datum_is_not_told_as_the_datum() -> None:
    carries = {hop.flow: hop.carries for hop in way("ring-road-loops-02", "vehicle-speed", LOOP).hops}
    assert carries["loops-in"] == carries["speeds-to-transit"] == "itself"
    assert carries["dim-quay-street"] == carries["backup-cloud"] == "made of it"


def test_it_ends_at_the_last_recipients_and_says_what_is_not_seen_behind_them() -> None:
    last = {one.stop.id: one for one in way("ring-road-loops-02", "vehicle-speed", LOOP).last}
    assert "cityward" not in last
    assert last["transit-control"].known == "proven"
    assert "not seen by the city" in last["ledger-and-lane"].behind
    assert last["cloud-backup"].behind.endswith("It hands work to Open Moorings Support.")
    assert last["quay-street-lamps"].behind.startswith("It is told what to do")


def test_the_answer_comes_first_in_one_sentence() -> None:
    told = way("ring-road-loops-02", "vehicle-speed", LOOP)
    # 9 flows; outside: the planner, the transit operator, the harbour authority and the cloud; NO and GB; 8 ends
    assert told.sentence == (
        "It may go by 9 flows to 4 parties outside the city in 2 countries, and ends at 8 last recipients: "
        "3 on record, 6 declared only."
    )
    assert told.sight.startswith("The city carries 7 of 9 hops itself.")


def test_whoever_may_not_look_into_the_record_is_told_so_and_nothing_of_it() -> None:
    told = way("ring-road-loops-02", "vehicle-speed", None)
    assert {hop.known for hop in told.hops} == {"withheld"}
    assert not any(hop.entries for hop in told.hops)
    assert told.value is None


def test_what_nobody_can_observe_is_never_told_as_anything_else() -> None:
    hidden = {name for name, flow in LOADED.place.flows.items() if flow.observability == "not-observable"}
    seen = 0
    for unit in REGISTRY.units:
        for channel in unit.channels:
            for hop in way(unit.id, REGISTRY.channel_property[channel], LOOP).hops:
                if hop.flow in hidden:
                    seen += 1
                    assert hop.known == "not observable"
    assert seen


def test_nothing_held_is_said_at_the_first_hop() -> None:
    told = way("ring-road-loops-02", "vehicle-speed", Facts(entry_flow="loops-in", unfound="Nothing of it is held."))
    assert (told.hops[0].known, told.hops[0].why) == ("declared", "Nothing of it is held.")


@pytest.mark.parametrize("unit", [unit.id for unit in REGISTRY.units if unit.channels][::9])
def test_every_way_ends(unit: str) -> None:
    for channel in REGISTRY.units[REGISTRY.unit_index[unit]].channels:
        told = way(unit, REGISTRY.channel_property[channel], Facts())
        leaving = {hop.from_.id for hop in told.hops}
        assert bool(told.last) == bool(told.hops)
        assert all(one.stop.id not in leaving for one in told.last)


def test_who_does_not_see_every_flow_sees_those_hops_and_their_ends_alone() -> None:
    cut = only(way("ring-road-loops-02", "vehicle-speed", LOOP), lambda flow: flow == "loops-in")
    assert [hop.flow for hop in cut.hops] == ["loops-in"]
    assert cut.last == ()
    assert "people of the city" in cut.sight
