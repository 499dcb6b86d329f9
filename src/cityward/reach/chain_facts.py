"""What a data chain passes: its parties, the lands of its parties and of its places, and the hops nobody could name.

Lives here: facts about single chains, the chains that stand out, and what one party sees when its feeds are joined.
Does not live here: which chains there are (`chains`), and who can reach what on them (`exposure`).

INVARIANTS
- The lands of parties and the lands of places are counted apart.
- A hop that is not known is told, never skipped; chains beyond the bound are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.chains import Chain, FlowGraph, NodeKind, chains, flow_graph
from cityward.reach.exposure.answers import Bound, Exposure
from cityward.reach.exposure.declared import Thing
from cityward.reach.exposure.nodes import Mode, Node, Predicate

MOST_CHAINS = 5_000  # of all beginnings together
SHOWN = 5


class ChainFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One chain. `unresolved` are dotted paths of what is not known along it."""

    flows: tuple[str, ...]
    nodes: tuple[str, ...]
    datasets: tuple[str, ...]
    parties: tuple[str, ...]
    party_lands: tuple[str, ...]
    place_lands: tuple[str, ...]
    unresolved: tuple[str, ...]


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """The chains of a place. `counted` is how many there are; `cut_off` says that there are more than were followed."""

    counted: int
    cut_off: bool
    longest: tuple[ChainFacts, ...]
    most_parties: tuple[ChainFacts, ...]
    most_lands: tuple[ChainFacts, ...]
    unresolved: tuple[ChainFacts, ...]


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """What a party sees when everything it can read is laid together."""

    party: str
    datasets: tuple[str, ...]
    personal: tuple[str, ...]
    categories: tuple[str, ...]
    subjects: tuple[str, ...]


def chain_report(place: Place, shown: int = SHOWN) -> ChainReport:
    """The chains from everything that sends and receives nothing, with those that stand out."""
    graph = flow_graph(place)
    found: list[ChainFacts] = []
    cut_off = False
    for start in _beginnings(graph):
        left = MOST_CHAINS - len(found)
        cut_off = cut_off or left <= 0
        found += [facts_of(place, graph, chain) for chain in chains(graph, start, left)] if left > 0 else []
    return ChainReport(
        counted=len(found),
        cut_off=cut_off or len(found) >= MOST_CHAINS,
        longest=_most(found, lambda facts: len(facts.flows), shown),
        most_parties=_most(found, lambda facts: len(facts.parties), shown),
        most_lands=_most(found, lambda facts: len({*facts.party_lands, *facts.place_lands}), shown),
        unresolved=_most([facts for facts in found if facts.unresolved], lambda facts: len(facts.unresolved), shown),
    )


def _most(found: list[ChainFacts], measure: Callable[[ChainFacts], int], shown: int) -> tuple[ChainFacts, ...]:
    return tuple(sorted(found, key=lambda facts: (-measure(facts), facts.flows))[:shown])


def _beginnings(graph: FlowGraph) -> Iterator[str]:
    """Devices, and whatever else sends; what only passes on begins no chain of its own."""
    receiving = {edge.target for edge in graph.edges}
    sending = {edge.source for edge in graph.edges}
    for node in graph.nodes:
        if node.id in sending and (node.kind is NodeKind.DEVICE or node.id not in receiving):
            yield node.id


def facts_of(place: Place, graph: FlowGraph, chain: Chain) -> ChainFacts:
    """What a chain passes."""
    seen = [found for name in chain.nodes for found in _at(place, name)]
    seen += [found for name in chain.flows for found in _on_the_way(place, name)]
    return ChainFacts(
        flows=chain.flows,
        nodes=chain.nodes,
        datasets=chain.datasets,
        parties=_of("party", seen),
        party_lands=tuple(dict.fromkeys(_home(place, party) for party in _of("party", seen))),
        place_lands=_of("land", seen),
        unresolved=tuple(dict.fromkeys([*_of("unknown", seen), *_homeless(place, _of("party", seen))])),
    )


Found = tuple[str, str]
"""(`party`, `land` or `unknown`; its id or dotted path)."""


def _of(kind: str, seen: Sequence[Found]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for what, name in seen if what == kind))


def _at(place: Place, name: str) -> Iterator[Found]:
    """Who and where, at one node of a chain."""
    if name in place.parties:
        yield "party", name
        return
    kind, record = ("devices", place.devices[name]) if name in place.devices else ("systems", place.systems.get(name))
    if record is None:
        return
    yield _known("party", *Thing(name, f"{kind}.{name}", record).runs)
    if record.site == UNKNOWN or record.site not in place.sites:
        yield "unknown", f"{kind}.{name}.site"
        return
    site = place.sites[record.site]
    yield _known("land", site.jurisdiction, f"sites.{record.site}.jurisdiction")


def _on_the_way(place: Place, name: str) -> Iterator[Found]:
    flow = place.flows[name]
    if flow.route == UNKNOWN:
        yield "unknown", f"flows.{name}.route"
        return
    for hop in flow.route:
        yield ("party", hop) if hop in place.parties else ("land", hop)


def _known(kind: str, name: str, path: str) -> Found:
    return ("unknown", path) if name == UNKNOWN else (kind, name)


def _home(place: Place, party: str) -> str:
    known = place.parties.get(party)
    return UNKNOWN if known is None else known.incorporated_in


def _homeless(place: Place, parties: Sequence[str]) -> Iterator[str]:
    for party in parties:
        if _home(place, party) == UNKNOWN:
            yield f"parties.{party}.incorporated_in"


def joined(place: Place, exposure: Exposure, party: str, bound: Bound = Bound.CERTAIN) -> Joined:
    """What a party sees when its feeds are joined: harmless kinds of data can say much together."""
    scenario = Node(Predicate.PARTY, party)
    reached = exposure.reached(scenario, bound)
    names = [n.subject for n in reached if n.predicate is Predicate.DATASET and n.detail == Mode.READ]
    datasets = {name: place.datasets[name] for name in place.datasets if name in set(names)}
    return Joined(
        party=party,
        datasets=tuple(datasets),
        personal=tuple(name for name, dataset in datasets.items() if dataset.personal),
        categories=tuple(dict.fromkeys(word for dataset in datasets.values() for word in dataset.categories)),
        subjects=tuple(dict.fromkeys(word for dataset in datasets.values() for word in dataset.subjects)),
    )
