"""What a party could do with all it has: in step with the exposure, and by hand."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from cityward.place.model import Place
from cityward.reach.blast.hostile import Hostile, hostile
from cityward.reach.blast.scenarios import dark
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.exposure.answers import Bound, Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Mode, Node, Predicate
from declarations import loaded, town
from reach.blast.doggerford import doggerford
from reach.exposure.random_places import random_place


def exposure_of(place: Place) -> Exposure:
    return expose(compile_place(place), [Node(Predicate.PARTY, name) for name in place.parties])


def asked(text: str, party: str) -> Hostile:
    place = loaded(text).place
    return hostile(place, compile_cascade(place), exposure_of(place), party)


def stopped(exposure: Exposure, party: str, bound: Bound) -> set[str]:
    reached = exposure.reached(Node(Predicate.PARTY, party), bound)
    return {node.subject for node in reached if node.predicate is Predicate.FUNCTION and node.detail == Mode.STOP}


# --- in step with the exposure


@pytest.mark.parametrize("block", range(8))
def test_the_functions_that_would_stop_are_those_the_exposure_says(block: int) -> None:
    for seed in range(block * 12, block * 12 + 12):
        place = random_place(seed)
        cascade, exposure = compile_cascade(place), exposure_of(place)
        for party in place.parties:
            outcome = hostile(place, cascade, exposure, party).outcome
            certain = {effect.function for effect in outcome.effects}
            possible = certain | {effect.function for effect in outcome.possible}
            assert certain == stopped(exposure, party, Bound.CERTAIN), f"seed {seed}, {party}"
            # Here a dark site may be the unknown one; the exposure asks that of places only.
            assert possible >= stopped(exposure, party, Bound.POSSIBLE), f"seed {seed}, {party}"
            assert all(effect.missing for effect in outcome.possible), f"seed {seed}, {party}"


@pytest.mark.parametrize("block", range(4))
def test_what_fails_when_a_party_goes_dark_it_could_also_stop(block: int) -> None:
    for seed in range(block * 25, block * 25 + 25):
        place = random_place(seed)
        cascade, exposure = compile_cascade(place), exposure_of(place)
        for party in place.parties:
            (blast,) = dark(place, cascade, [Subject(kind=SubjectKind.PARTY, id=party)])
            fails = {effect.function for effect in blast.outcome.effects}
            assert fails <= stopped(exposure, party, Bound.CERTAIN), f"seed {seed}, {party}"


# --- by hand


def test_the_lighting_maker_of_doggerford_misleads_and_stops_lamps_it_services() -> None:
    place, cascade = doggerford()
    answer = hostile(place, cascade, exposure_of(place), "northlight")
    commanded = {one.id for one in answer.by_mode(Mode.COMMAND) if one.certain}
    # It maintains lighting control, commands it by an access of its own, and lighting control tells these lamps.
    assert {"lighting-control", "market-road-lamps", "mill-road-lamps", "ring-road-lamps"} <= commanded
    # It lays hands on and updates the lamps of Quay Street: it can leave the street dark at once.
    effect = next(effect for effect in answer.outcome.effects if effect.function == "lit-quay-street")
    assert (effect.degrades_h, effect.fails_h) == (0, 0)
    assert "lit-quay-street" in {lost.function for lost in answer.integrity if lost.certain}
    # It has nothing to do with the signals of the ring.
    assert "safe-crossings" not in {effect.function for effect in answer.outcome.effects}


def test_what_it_can_stop_by_hand_stops_at_once_and_the_rest_when_its_buffer_ends() -> None:
    text = town(
        ("systems:\n", "accesses:\n  desk: {party: acme, target: feed, modes: [command]}\n"
         "systems:\n  feed: {kind: control, site: yard, operator: council}\n"),
        ("zone: core, operator: council}", "zone: core, operator: council, needs: [{of: [feed], buffer_hours: 6}]}"),
        ("needs: [{of: [lamps-01, lamps-02], k: 1}]", "needs: [{of: [cityward], buffer_hours: 1}]"),
    )  # fmt: skip
    answer = asked(text, "acme")
    (effect,) = answer.outcome.effects
    assert [(step.id, step.hours) for step in effect.cause] == [("feed", 0), ("cityward", 6), ("lit", 7)]
    assert [(one.id, one.mode) for one in answer.by_mode(Mode.COMMAND) if one.kind == "thing"] == [
        ("feed", Mode.COMMAND),
        ("workbench", Mode.COMMAND),  # which Acme operates
    ]


def test_a_function_whose_service_reads_what_the_party_can_write_loses_integrity_and_goes_on() -> None:
    text = town(
        ("actuators: [lamps], settings", "actuators: [lamps], reads: [counts], settings"),
        ("systems:\n", "accesses:\n  desk: {party: acme, target: counts, modes: [write]}\nsystems:\n"),
    )
    answer = asked(text, "acme")
    (lost,) = answer.integrity
    assert (lost.function, lost.certain, lost.paths) == ("lit", True, ("functions.lit.service",))
    assert [(one.kind, one.id, one.mode) for one in lost.through] == [("service", "lights", Mode.MISLEAD)]
    assert answer.outcome.effects == ()


def test_a_stop_that_rests_on_an_unknown_is_possible_and_names_the_fact() -> None:
    text = town(("maker: acme\n    properties: {lamp-level: {}}",
                 "maker: acme\n    updates_from: unknown\n    properties: {lamp-level: {}}"))  # fmt: skip
    answer = asked(text, "acme")
    assert answer.outcome.effects == ()
    (effect,) = answer.outcome.possible
    assert (effect.function, effect.missing) == ("lit", ("device_models.lamp.updates_from",))


@pytest.mark.parametrize("block", range(4))
def test_what_is_possible_names_its_facts_and_what_is_certain_none(block: int) -> None:
    for seed in range(block * 15, block * 15 + 15):
        place = random_place(seed)
        cascade, exposure = compile_cascade(place), exposure_of(place)
        for party in place.parties:
            answer = hostile(place, cascade, exposure, party)
            items = [item for lost in answer.integrity for item in lost.through]
            assert all(bool(one.missing) is not one.certain for one in (*items, *answer.ways)), f"seed {seed}, {party}"
            assert answer.without_facts == 0


@pytest.mark.parametrize("block", range(4))
def test_a_way_is_told_to_all_that_effects_begin_with_and_holds_by_its_lines_alone(block: int) -> None:
    for seed in range(block * 15, block * 15 + 15):
        place = random_place(seed)
        cascade, exposure = compile_cascade(place), exposure_of(place)
        model = exposure.model
        for party in place.parties:
            answer = hostile(place, cascade, exposure, party)
            begun = {effect.cause[0].id for effect in (*answer.outcome.effects, *answer.outcome.possible)}
            assert begun <= {party} | {way.id for way in answer.ways}, f"seed {seed}, {party}"
            for way in answer.ways:
                lines = [set(paths) <= set(way.paths) for paths in model.origins]
                enabled = np.array(lines)[model.clauses.origin]
                scenario = Node(Predicate.PARTY, party)
                bound = Bound.CERTAIN if way.certain else Bound.POSSIBLE
                assert expose(model, [scenario], enabled).holds(
                    bound, scenario, Node(Predicate.THING, way.id, way.mode)
                )


def test_the_way_to_a_thing_is_the_lines_of_its_access() -> None:
    text = town(
        ("systems:\n", "accesses:\n  desk: {party: acme, target: feed, modes: [command]}\n"
         "systems:\n  feed: {kind: control, site: yard, operator: council}\n"),
        ("needs: [{of: [lamps-01, lamps-02], k: 1}]", "needs: [{of: [feed]}]"),
    )  # fmt: skip
    answer = asked(text, "acme-group")
    (way,) = answer.ways  # and none to the workbench, on which no function rests
    assert (way.id, way.mode, way.certain) == ("feed", Mode.COMMAND, True)
    assert way.paths[:2] == ("parties.acme-group", "parties.acme.owners[0]")
    assert all(path.startswith("accesses.desk") for path in way.paths[2:])
    assert way.paths[2:]


def test_no_more_derivations_are_looked_for_than_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cityward.reach.blast.hostile.MOST_DERIVED", 1)
    place, cascade = doggerford()
    answer = hostile(place, cascade, exposure_of(place), "binwise")
    assert len(answer.ways) == 1
    assert answer.without_facts > 0
    # What is possible stays possible: its record stands for the facts that were not looked for.
    assert all(effect.missing for effect in answer.outcome.possible)


def test_an_answer_goes_to_json_and_back() -> None:
    place, cascade = doggerford()
    answer = hostile(place, cascade, exposure_of(place), "halden-optics")
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Hostile) == answer
