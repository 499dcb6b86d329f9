"""Doggerford's answers, held to those worked out by hand in `examples/doggerford/expected`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cityward.compose.places import load_place
from cityward.place.data import Protection
from cityward.place.loader import load
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.blast.cascade import Cascade
from cityward.reach.blast.concentration import concentration
from cityward.reach.blast.hostile import hostile
from cityward.reach.blast.outcome import Outcome
from cityward.reach.blast.points import failure_points
from cityward.reach.blast.sanctioned import sanctioned
from cityward.reach.blast.scenarios import cut, dark
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.chain_facts import ChainFacts, facts_of
from cityward.reach.chains import Chain, chains, flow_graph
from cityward.reach.exposure.answers import LAW, Axis, Bound, Exposure, expose, scenarios_of
from cityward.reach.exposure.compile import compile_place, place_on
from cityward.reach.exposure.derive import derivations
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


REACH, BLAST, CHAINS = expected("reach"), expected("blast"), expected("chains")
AXES = [(name, Axis(axis)) for name, of in REACH["jurisdictions"].items() for axis in of]


@pytest.fixture(scope="module")
def place() -> Place:
    return load_place(FOLDER / "place.yaml").place


@pytest.fixture(scope="module")
def exposure(place: Place) -> Exposure:
    return expose(compile_place(place), scenarios_of(place))


@pytest.fixture(scope="module")
def cascade(place: Place) -> Cascade:
    return compile_cascade(place)


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


# --- paths


@pytest.mark.parametrize("worked", REACH["paths"], ids=lambda worked: " ".join((*worked["scenario"], *worked["item"])))
def test_an_answer_can_be_derived_from_the_lines_that_were_named(exposure: Exposure, worked: dict[str, Any]):
    """One of the shortest derivations rests on all of them: on the line, a part of it, or its record as a whole."""
    model, seed = exposure.model, Node(Predicate(worked["scenario"][0]), worked["scenario"][1])
    kind, name, mode = worked["item"]
    numbers = [model.nodes.number[node] for node in (seed, Node(Predicate(kind), name, mode))]
    enabled = model.clauses.certain if worked["bound"] == "certain" else None
    found = derivations(model, *numbers, most=12, enabled=enabled)
    rests_on = [{line for step in one.steps for line in model.paths_of(step.clause)} for one in found]
    assert any(all(any(joined(line, path) for line in lines) for path in worked["records"]) for lines in rests_on)


def joined(line: str, path: str) -> bool:
    return under(line, path) or under(path, line)


def under(line: str, path: str) -> bool:
    return line == path or (line.startswith(path) and line[len(path)] in ".[")


# --- what is not known


def unknowns() -> Iterator[Any]:
    """(scenario, answer, sets of facts) of every `missing` in the file."""
    modes = {"datasets": "read", "systems": "update", "functions": "stop"}
    parts = [(Node(Predicate.PARTY, "brightkey"), REACH["anybody"])]  # reaches nothing certainly
    parts += [(Node(Predicate.PARTY, name), party) for name, party in REACH["parties"].items()]
    parts += [(Node(LAW[axis], name), REACH["jurisdictions"][name][axis]) for name, axis in AXES]
    for scenario, part in parts:
        for path, sets in part.get("missing", {}).items():
            kind, name = path.split(".")
            yield pytest.param(scenario, Node(KINDS[kind], name, modes[kind]), sets, id=f"{scenario.subject}-{path}")


@pytest.mark.parametrize(("scenario", "answer", "sets"), list(unknowns()))
def test_an_unknown_rests_on_the_missing_facts_that_were_named(
    exposure: Exposure, scenario: Node, answer: Node, sets: list[list[str]]
):
    """Each set is enough, no fact of it is idle, and there is no other: without one fact of each set the answer is gone."""
    assert not exposure.holds(Bound.CERTAIN, scenario, answer)
    for facts in sets:
        assert holds_knowing(exposure, scenario, answer, worst=set(facts))
        for fact in facts:
            assert not holds_knowing(exposure, scenario, answer, worst=set(facts) - {fact})
    for harmless in product(*sets):
        assert not holds_knowing(exposure, scenario, answer, worst=set(exposure.model.missing) - set(harmless))


def holds_knowing(exposure: Exposure, scenario: Node, answer: Node, worst: set[str]) -> bool:
    """Whether an answer holds when these unknown facts are the worst they can be, and the others harmless."""
    clauses = exposure.model.clauses
    taken = [number for number, path in enumerate(exposure.model.missing) if path in worst]
    again = expose(exposure.model, [scenario], clauses.certain | np.isin(clauses.missing, taken))
    return again.holds(Bound.POSSIBLE, scenario, answer)


# --- changes


def changed(edits: list[list[str]]) -> Place:
    """The place after some words of its files became others; each must occur once."""

    def read(name: str) -> bytes:
        text = (FOLDER / name).read_text(encoding="utf-8")
        for _, old, new in (edit for edit in edits if edit[0] == name):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text.encode()

    return load("place.yaml", read).place


def answers(exposure: Exposure, scenario: Node, bound: Bound) -> dict[tuple[str, str], set[str]]:
    held = exposure.reached(scenario, bound)
    return {
        (kind, mode): {node.subject for node in held if node.predicate is KINDS[kind] and node.detail == mode}
        for kind, mode in LISTS
    }


@pytest.mark.parametrize("bound", Bound)
@pytest.mark.parametrize("change", expected("changes"), ids=lambda change: change["change"])
def test_a_change_adds_and_takes_what_was_worked_out(exposure: Exposure, change: dict[str, Any], bound: Bound):
    scenario = Node(Predicate(change["scenario"][0]), change["scenario"][1])
    before = answers(exposure, scenario, bound)
    place = changed(change["edits"])
    place = place_on(place, change["day"]) if "day" in change else place
    after = answers(expose(compile_place(place), [scenario]), scenario, bound)
    if "after" in change:
        worked = change["after"].get(bound.value, {})
        for kind, mode in ((kind, mode) for kind, modes in worked.items() for mode in modes):
            assert sorted(after[kind, mode]) == worked[kind][mode], (kind, mode)
        return
    gained, lost = (change.get(way, {}).get(bound.value, {}) for way in ("gained", "lost"))
    for kind, mode in LISTS:
        assert after[kind, mode] - before[kind, mode] == set(gained.get(kind, {}).get(mode, [])), (kind, mode)
        assert before[kind, mode] - after[kind, mode] == set(lost.get(kind, {}).get(mode, [])), (kind, mode)


# --- blast


def effects(outcome: Outcome) -> dict[str, list[float]]:
    return {effect.function: [effect.degrades_h, effect.fails_h] for effect in outcome.effects}


@pytest.mark.parametrize("worked", BLAST["dark"], ids=lambda worked: "-".join(worked["of"]))
def test_what_goes_dark_takes_with_it_what_was_worked_out(place: Place, cascade: Cascade, worked: dict[str, Any]):
    kind, name, *axis = worked["of"]
    answers = dark(place, cascade, [Subject(kind=SubjectKind(kind), id=name)])
    outcome = next(answer.outcome for answer in answers if answer.axis == (axis[0] if axis else None))
    hours = dict.fromkeys(worked["gone"], 0) | worked["lasting"]
    hours |= {name: 0} if kind != "jurisdiction" else {}
    grouped = {f"{group}-{n:02d}" for group in hours for n in (1, 2, 3)}  # members that records name follow their group
    assert {f.id: f.hours for f in outcome.fallen if f.id in hours or f.id not in grouped} == hours
    assert effects(outcome) == worked["functions"]
    assert outcome.citizens.affected == worked["citizens"]


@pytest.mark.parametrize("worked", BLAST["cut"], ids=lambda worked: "-".join(worked["of"]))
def test_what_is_cut_off_takes_with_it_what_was_worked_out(place: Place, cascade: Cascade, worked: dict[str, Any]):
    kind, name = worked["of"]
    answer = cut(place, cascade, [Subject(kind=SubjectKind(kind), id=name)])
    itself = {name: 0} if kind not in ("jurisdiction", "flow") else {}
    hours = dict.fromkeys(worked["gone"], 0) | worked["lasting"] | itself
    assert {fallen.id: fallen.hours for fallen in answer.outcome.fallen} == hours
    assert sorted(answer.flows_cut) == worked["flows"]
    assert sorted(answer.flows_perhaps_cut) == worked["perhaps"]
    assert effects(answer.outcome) == worked["functions"]
    assert answer.outcome.citizens.affected == worked["citizens"]


@pytest.mark.parametrize(
    "worked", [one for one in BLAST["cut"] if "lost" in one], ids=lambda worked: "-".join(worked["of"])
)
def test_what_is_cut_off_leaves_those_without_data_who_were_worked_out(
    place: Place, cascade: Cascade, worked: dict[str, Any]
):
    kind, name = worked["of"]
    lost = cut(place, cascade, [Subject(kind=SubjectKind(kind), id=name)]).lost
    assert sorted([one.dataset, one.at] for one in lost.gone) == worked["lost"]


@pytest.mark.parametrize("worked", BLAST["sanctioned"], ids=lambda worked: worked["party"])
def test_a_sanctioned_party_leaves_to_do_what_was_worked_out(place: Place, cascade: Cascade, worked: dict[str, Any]):
    answer = sanctioned(place, cascade, worked["party"])
    assert {ending.agreement: ending.exit_days for ending in answer.endings} == worked["agreements"]
    assert sorted(update.id for update in answer.updates) == worked["updates"]
    assert sorted(a.access for a in answer.revoke if a.party in answer.group) == worked["accesses"]
    assert sorted(a.access for a in answer.revoke if a.party not in answer.group) == worked["accesses_of_others"]
    assert sorted({one.dataset for one in answer.get_back}) == worked["datasets"]
    assert sorted(one.key for one in answer.take_over) == worked["keys"]
    assert effects(answer.outcome) == worked["functions"]
    assert answer.outcome.citizens.affected == worked["citizens"]


@pytest.mark.parametrize("worked", BLAST["hostile"], ids=lambda worked: worked["party"])
def test_a_hostile_party_misleads_and_stops_what_was_worked_out(
    place: Place, cascade: Cascade, exposure: Exposure, worked: dict[str, Any]
):
    answer = hostile(place, cascade, exposure, worked["party"])
    services = [one for one in answer.reached if one.kind == "service" and one.certain]
    assert sorted(one.id for one in services if one.mode is Mode.MISLEAD) == worked["misled"]
    assert sorted(one.id for one in services if one.mode is Mode.COMMAND) == worked["commanded"]
    assert sorted(one.function for one in answer.integrity if one.certain) == worked["doubtful"]
    assert effects(answer.outcome) == worked["functions"]


SINGLES = {"parties": "party", "systems": "system", "devices": "device", "members": "member", "sites": "site"}


@pytest.mark.parametrize("function", BLAST["single_points"])
def test_the_single_points_of_an_essential_function_are_those_worked_out(place: Place, cascade: Cascade, function: str):
    points = [point for point in failure_points(place, cascade).singles if function in point.essential]
    found = [subject for point in points for subject in point.subjects]
    by_kind = {name: sorted(one.id for one in found if one.kind == kind) for name, kind in SINGLES.items()}
    worked = BLAST["single_points"][function]
    assert by_kind == {kind: worked[kind] for kind in SINGLES}


def test_the_pairs_that_fail_a_function_together_are_those_worked_out(place: Place, cascade: Cascade):
    points = failure_points(place, cascade)
    found: dict[str, list[list[str]]] = {}
    for point in points.pairs:
        for function in point.functions:
            found.setdefault(function, []).append(sorted(one.id for one in point.subjects))
    assert points.all_pairs
    assert {function: sorted(pairs) for function, pairs in found.items()} == {
        function: worked["of"] for function, worked in BLAST["pairs"].items()
    }


@pytest.mark.parametrize("basis", ["party", "group", "country-of-parties", "country-of-places"])
@pytest.mark.parametrize("measure", BLAST["concentration"])
def test_as_much_hangs_on_one_as_was_worked_out(place: Place, cascade: Cascade, measure: str, basis: str):
    counts = {share.id: getattr(share, measure) for share in concentration(place, cascade) if share.basis == basis}
    worked = BLAST["concentration"][measure]
    assert {name: count.n for name, count in counts.items() if count.n} == worked[basis]
    assert {count.of for count in counts.values()} == {worked["of"]}


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
