"""Doggerford's answers, held to those worked out by hand in `examples/doggerford/expected`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cityward.compose.places import load_place
from cityward.place.data import Protection
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.chain_facts import ChainFacts, facts_of
from cityward.reach.chains import Chain, chains, flow_graph
from cityward.reach.exposure.answers import Axis, Bound, Exposure, expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Mode, Node, Predicate

FOLDER = Path(__file__).parents[2] / "examples" / "doggerford"
KINDS = {
    "datasets": Predicate.DATASET,
    "things": Predicate.THING,
    "services": Predicate.SERVICE,
    "functions": Predicate.FUNCTION,
    "systems": Predicate.THING,
}
MODES = {
    "datasets": ("read", "write"),
    "things": ("read", "write", "command", "update", "physical", "stop"),
    "services": ("command", "mislead"),
    "functions": ("stop",),
}
LISTS = [(kind, mode) for kind, modes in MODES.items() for mode in modes]


def expected(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "expected" / f"{name}.yaml").read_text(encoding="utf-8"))


REACH, CHAINS = expected("reach"), expected("chains")
AXES = [(name, Axis(axis)) for name, of in REACH["jurisdictions"].items() for axis in of]


@pytest.fixture(scope="module")
def place() -> Place:
    return load_place(FOLDER / "place.yaml").place


@pytest.fixture(scope="module")
def exposure(place: Place) -> Exposure:
    return expose(compile_place(place), scenarios_of(place))


# --- the files themselves


def test_every_list_of_ids_is_sorted_and_names_what_is_declared(place: Place):
    declared = {*place.parties, *place.sites, *place.systems, *place.devices, *place.datasets, *place.services}
    declared |= {*place.functions, "ring-road-loops-01", "ring-road-loops-02", "ring-road-loops-03"}
    declared |= {"grid-substations-01", "grid-substations-02"}
    parts = [REACH["anybody"], *REACH["parties"].values(), *(REACH["jurisdictions"].values())]
    for ids in lists_in([{k: v for k, v in part.items() if k != "missing"} for part in parts]):
        assert ids == sorted(set(ids))
        assert set(ids) <= declared


def lists_in(tree: Any) -> Iterator[list[str]]:
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield from lists_in(branch) if name != "missing" else ()
    elif isinstance(tree, list) and tree and isinstance(tree[0], str):
        yield tree
    elif isinstance(tree, list):
        for branch in tree:
            yield from lists_in(branch)


@pytest.mark.parametrize(("jurisdiction", "axis"), AXES)
def test_every_dataset_has_one_verdict(place: Place, jurisdiction: str, axis: Axis):
    said = [name for names in REACH["jurisdictions"][jurisdiction][axis]["read"].values() for name in names]
    assert sorted(said) == sorted(place.datasets)


# --- parties


def certainly(party: str, kind: str, mode: str) -> set[str]:
    known = REACH["parties"][party]["certain"]
    known = REACH["parties"][known["same_as"]]["certain"] if "same_as" in known else known
    return set(known[kind][mode])


def reached(exposure: Exposure, party: str, bound: Bound, kind: str, mode: str) -> set[str]:
    held = exposure.reached(Node(Predicate.PARTY, party), bound)
    return {node.subject for node in held if node.predicate is KINDS[kind] and node.detail == mode}


@pytest.mark.parametrize(("kind", "mode"), LISTS)
@pytest.mark.parametrize("party", REACH["parties"])
def test_a_party_reaches_certainly_what_was_worked_out(exposure: Exposure, party: str, kind: str, mode: str):
    assert reached(exposure, party, Bound.CERTAIN, kind, mode) == certainly(party, kind, mode)


@pytest.mark.parametrize(("kind", "mode"), LISTS)
@pytest.mark.parametrize("party", REACH["parties"])
def test_a_party_reaches_possibly_what_was_worked_out(exposure: Exposure, party: str, kind: str, mode: str):
    besides = REACH["parties"][party]["possible_besides"].get(kind, {}).get(mode, [])
    possibly = certainly(party, kind, mode) | set(REACH["anybody"][kind][mode]) | set(besides)
    assert reached(exposure, party, Bound.POSSIBLE, kind, mode) == possibly


# --- jurisdictions


@pytest.mark.parametrize(("jurisdiction", "axis"), AXES)
def test_a_jurisdiction_has_the_verdicts_on_reading_that_were_worked_out(
    exposure: Exposure, jurisdiction: str, axis: Axis
):
    by_hand = REACH["jurisdictions"][jurisdiction][axis]["read"]
    told = {name: verdict for verdict, names in by_hand.items() for name in names}
    assert {d: verdict(exposure, jurisdiction, axis, Predicate.DATASET, d, "read") for d in told} == told


@pytest.mark.parametrize(
    ("jurisdiction", "axis"), [one for one in AXES if "write" in REACH["jurisdictions"][one[0]][one[1]]]
)
def test_a_jurisdiction_has_the_verdicts_on_writing_that_were_worked_out(
    place: Place, exposure: Exposure, jurisdiction: str, axis: Axis
):
    told = dict.fromkeys(place.datasets, "out of reach")
    for word, names in REACH["jurisdictions"][jurisdiction][axis]["write"].items():
        told.update(dict.fromkeys(names, word))
    assert {d: verdict(exposure, jurisdiction, axis, Predicate.DATASET, d, "write") for d in told} == told


@pytest.mark.parametrize(("mode", "kind"), [("command", "things"), ("update", "things"), ("stop", "functions")])
@pytest.mark.parametrize(("jurisdiction", "axis"), AXES)
def test_a_jurisdiction_has_the_verdicts_on_steering_and_stopping_that_were_worked_out(
    exposure: Exposure, jurisdiction: str, axis: Axis, mode: str, kind: str
):
    told = REACH["jurisdictions"][jurisdiction][axis].get(mode, {})
    assert {name: verdict(exposure, jurisdiction, axis, KINDS[kind], name, mode) for name in told} == told


def verdict(exposure: Exposure, jurisdiction: str, axis: Axis, kind: Predicate, name: str, mode: str) -> str:
    return exposure.verdict(jurisdiction, axis, Node(kind, name, Mode(mode))).value


# --- chains


def every_chain(place: Place) -> list[Chain]:
    graph = flow_graph(place)
    return [chain for node in graph.nodes for chain in chains(graph, node.id)]


def every_fact(place: Place) -> list[ChainFacts]:
    graph = flow_graph(place)
    return [facts_of(place, graph, chain) for chain in every_chain(place)]


@pytest.mark.parametrize(
    "worked", CHAINS["worked"], ids=lambda chain: "-".join((chain["nodes"][0], chain["nodes"][-1]))
)
def test_a_chain_passes_what_was_worked_out(place: Place, worked: dict[str, Any]):
    chain = next(chain for chain in every_chain(place) if list(chain.flows) == worked["flows"])
    facts = facts_of(place, flow_graph(place), chain)
    assert list(chain.nodes) == worked["nodes"]
    assert list(chain.datasets) == worked["datasets"]
    assert sorted(facts.parties) == sorted(worked["operators"] + worked["hop_parties"])
    assert sorted(facts.party_lands) == worked["party_jurisdictions"]
    assert sorted(facts.place_lands) == sorted({*worked["site_jurisdictions"], *worked["route_jurisdictions"]})
    assert sorted(facts.unresolved) == worked["unresolved"]
    unsure = [flow for flow in chain.flows if place.flows[flow].protection is Protection.UNKNOWN]
    assert unsure == worked["protection_unknown"]


def test_the_longest_chains_are_those_worked_out(place: Place):
    most = max(len(chain.flows) for chain in every_chain(place))
    assert most == CHAINS["longest"]["flows"]
    longest = [list(chain.flows) for chain in every_chain(place) if len(chain.flows) == most]
    assert sorted(longest) == sorted(CHAINS["longest"]["chains"])


def test_the_chains_with_most_parties_are_those_worked_out(place: Place):
    facts = every_fact(place)
    most = max(len(one.parties) for one in facts)
    assert most == CHAINS["most_parties"]["parties"]
    assert sorted(list(one.flows) for one in facts if len(one.parties) == most) == CHAINS["most_parties"]["chains"]


def test_the_chains_with_most_jurisdictions_begin_where_worked_out(place: Place):
    lands = {one.flows: {*one.party_lands, *one.place_lands} for one in every_fact(place)}
    most = max(map(len, lands.values()))
    assert most == CHAINS["most_jurisdictions"]["jurisdictions"]
    begin = {chain.nodes[0] for chain in every_chain(place) if len(lands[chain.flows]) == most}
    assert sorted(begin & place.devices.keys()) == CHAINS["most_jurisdictions"]["chains_from"]


def test_what_is_not_known_on_the_way_is_what_was_listed(place: Place):
    unsure = [name for name, flow in place.flows.items() if flow.protection is Protection.UNKNOWN]
    assert sorted(unsure) == CHAINS["unresolved"]["protections"]
    named = {path for one in every_fact(place) for path in one.unresolved}
    wanted = {f"flows.{name}.route" for name in CHAINS["unresolved"]["routes"]}
    wanted |= {f"systems.{name}.site" for name in CHAINS["unresolved"]["sites"]}
    assert named == wanted
    assert not CHAINS["unresolved"]["operators"]
    assert UNKNOWN not in {system.operator for system in place.systems.values()}
