"""The questions people ask of exposure, answered as records that can be printed, sent and drawn.

Lives here: who reaches a dataset, what a party or a jurisdiction reaches, who steers a service, and the overview.
Does not live here: what falls when somebody stops (`blast`), and what a new agreement changes (`sign`).

INVARIANTS
- An answer that is only possible names the facts that are not known; where there are too many, the others are counted.
- Nothing is left out silently: what is not explained is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.place.hints import did_you_mean, listed
from cityward.place.model import Place
from cityward.reach.chain_facts import Joined, joined
from cityward.reach.chains import FlowGraph, flow_graph
from cityward.reach.exposure.answers import (
    LAW,
    NEXUS,
    Axis,
    Bound,
    Exposure,
    Verdict,
    expose,
    items_of,
    scenarios_of,
    unsettled,
)
from cityward.reach.exposure.clauses import Model
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.declared import Declared
from cityward.reach.exposure.derive import Derivation, by_head, derivations, derive
from cityward.reach.exposure.nodes import ANSWERED, Mode, Node, Predicate
from cityward.reach.exposure.order import Fan
from cityward.reach.telling.answers import in_one
from cityward.reach.telling.sentences import conclusion, name_of, tell

Where = Callable[[str], str]
"""Dotted path -> `file:line  path`, as `Loaded.where`."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of a reason, with the lines it rests on."""

    text: str
    where: tuple[str, ...]
    missing: str | None = None


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why: sentences from the first fact to the conclusion.

    `nodes` and `flows` are those of the chain picture: what the reason passes, and the way by which a dataset came there.
    """

    sentences: tuple[Told, ...]
    conclusion: str
    nodes: tuple[str, ...]
    flows: tuple[str, ...]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `axis` is empty for a party."""

    who: str
    who_name: str
    axis: str
    kind: str
    item: str
    item_name: str
    mode: str
    verdict: Verdict
    allowed: bool | None = None  # whether the dataset's owner allows this jurisdiction; None where nothing is said
    missing: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that is not known, and how many answers it alone would settle."""

    path: str
    where: str
    settles: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to one question. `reachable` and `unknown` count answers of the whole place."""

    question: str
    subject: str
    digest: str
    rows: tuple[Row, ...]
    facts: tuple[Fact, ...]
    facts_untold: int  # more facts are missing than were tried
    unexplained: int
    without_facts: int  # unknown answers beyond those whose missing facts were looked up
    reachable: int
    unknown: int
    joined: Joined | None = None  # of a party: what it sees when its feeds are laid together
    sentence: str = ""  # the answer in one


class UnknownNameError(LookupError):
    """A question about something that is not declared."""


VERDICTS = tuple(Verdict)
MOST_WITH_FACTS = 5_000  # rows whose missing facts are looked up: some seconds
MOST_REASONS = 10  # alternatives a person compares


@dataclass(frozen=True, slots=True)
class Explain:
    """How much to explain: `rows` get a reason, each with up to `ways` ways."""

    rows: int = 3
    ways: int = 1


@dataclass
class Reach:
    """A place, closed for every party and every jurisdiction."""

    place: Place
    digest: str
    where: Where
    model: Model = field(init=False)
    exposure: Exposure = field(init=False)
    inside: dict[str, dict[str, tuple[str, ...]]] = field(init=False)
    graph: FlowGraph = field(init=False)
    heads: Fan = field(init=False)

    def __post_init__(self) -> None:
        self.model = compile_place(self.place)
        self.exposure = expose(self.model, scenarios_of(self.place))
        self.inside = Declared(self.place).inside
        self.graph = flow_graph(self.place)
        self.heads = by_head(self.model.clauses)

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that are not known, by how many answers each alone would settle."""
        found = unsettled(self.exposure)
        return tuple(Fact(path=fact.path, where=self.where(fact.path), settles=fact.settles) for fact in found)

    def of_party(self, party: str, explain: Explain) -> Report:
        """What a party reaches."""
        self._known(party, "parties", "party")
        rows = [row for item in items_of(self.exposure) if (row := self._party_row(party, item)) is not None]
        report = self._report("what this party reaches", party, rows, explain)
        return msgspec.structs.replace(report, joined=joined(self.place, self.exposure, party))

    def of_jurisdiction(self, jurisdiction: str, explain: Explain) -> Report:
        """What a jurisdiction reaches, on each axis."""
        self._known(jurisdiction, "jurisdictions", "jurisdiction")
        rows = [
            row
            for axis in Axis
            for item in items_of(self.exposure)
            if (row := self._land_row(jurisdiction, axis, item)) is not None
        ]
        return self._report("what this jurisdiction reaches", jurisdiction, rows, explain)

    def of_dataset(self, dataset: str, explain: Explain) -> Report:
        """Who can read and write a dataset."""
        self._known(dataset, "datasets", "dataset")
        return self._report("who reaches this dataset", dataset, self._rows_on(_items(dataset)), explain)

    def of_service(self, service: str, explain: Explain) -> Report:
        """Who can command or mislead a service, or stop one of its functions."""
        self._known(service, "services", "service")
        own = [name for name, function in self.place.functions.items() if function.service == service]
        items = [*_items(service, Predicate.SERVICE), *(i for f in own for i in _items(f, Predicate.FUNCTION))]
        return self._report("who reaches this service", service, self._rows_on(items), explain)

    def of_thing(self, thing: str, explain: Explain) -> Report:
        """Who reaches a system or device."""
        self._known(thing, "systems" if thing in self.place.systems else "devices", "system or device")
        return self._report("who reaches this", thing, self._rows_on(_items(thing, Predicate.THING)), explain)

    def overview(self, explain: Explain) -> Report:
        """Every jurisdiction's verdict on reading each dataset about people: the question owners ask first."""
        personal = [name for name, dataset in self.place.datasets.items() if dataset.personal]
        items = [Node(Predicate.DATASET, name, Mode.READ) for name in personal]
        rows = [row for row in self._rows_on(items) if row.axis]
        return self._report("who can read what is about people", "", rows, explain)

    def reason(self, scenario: Node, item: Node, bound: Bound) -> Reason | None:
        """The shortest reason why an item is reached in a scenario; None where it is not."""
        found = self._derived(scenario, item, bound, 1)
        return self._told(scenario, item, found[0], bound) if found else None

    # --- rows

    def _rows_on(self, items: list[Node]) -> list[Row]:
        rows = [self._party_row(party, item) for item in items for party in self.place.parties]
        lands = self.place.jurisdictions
        rows += [self._land_row(land, axis, item) for item in items for axis in Axis for land in lands]
        return [row for row in rows if row is not None]

    def _party_row(self, party: str, item: Node) -> Row | None:
        verdict = self.exposure.verdict_of_party(party, item)
        return self._row(party, "", item, verdict)

    def _land_row(self, land: str, axis: Axis, item: Node) -> Row | None:
        return self._row(land, axis.value, item, self.exposure.verdict(land, axis, item))

    def _row(self, who: str, axis: str, item: Node, verdict: Verdict) -> Row | None:
        if verdict is Verdict.OUT_OF_REACH:
            return None
        return Row(
            allowed=self._allowed(who, axis, item),
            who=who,
            who_name=name_of(self.place, who),
            axis=axis,
            kind=item.predicate.value,
            item=item.subject,
            item_name=name_of(self.place, item.subject),
            mode=item.detail,
            verdict=verdict,
        )

    def _allowed(self, who: str, axis: str, item: Node) -> bool | None:
        """Whether a jurisdiction lies within those a dataset may be reached from."""
        if not axis or item.predicate is not Predicate.DATASET:
            return None
        allowed = self.place.datasets[item.subject].allowed_jurisdictions
        return any(who in self.inside.get(land, ()) for land in allowed) if allowed else None

    # --- reasons

    def _report(self, question: str, subject: str, rows: list[Row], explain: Explain) -> Report:
        ordered = sorted(rows, key=lambda row: VERDICTS.index(row.verdict))
        explained = [self._explained(row, explain.ways) for row in ordered[: explain.rows]]
        unexplained = [
            self._with_facts(row) if i < MOST_WITH_FACTS else row for i, row in enumerate(ordered[explain.rows :])
        ]
        certain, possible = self.exposure.counts
        return Report(
            question=question,
            subject=subject,
            digest=self.digest,
            rows=(*explained, *unexplained),
            facts=self.facts,
            facts_untold=len(self.model.missing) - len(self.facts),
            unexplained=len(unexplained),
            without_facts=sum(row.verdict is Verdict.UNKNOWN for row in unexplained[MOST_WITH_FACTS:]),
            reachable=certain,
            unknown=possible,
            sentence=in_one(self.place, question, name_of(self.place, subject), rows),
        )

    def _explained(self, row: Row, ways: int) -> Row:
        scenario, item, bound = grounds(row)
        found = self._derived(scenario, item, bound, ways)
        reasons = tuple(self._told(scenario, item, derivation, bound) for derivation in found)
        missing = dict.fromkeys(told.missing for reason in reasons[:1] for told in reason.sentences if told.missing)
        return msgspec.structs.replace(row, reasons=reasons, missing=tuple(missing))

    def _with_facts(self, row: Row) -> Row:
        """A row without its reason still names the facts it rests on."""
        if row.verdict is not Verdict.UNKNOWN:
            return row
        scenario, item, bound = grounds(row)
        found = self._derived(scenario, item, bound, 1)
        steps = found[0].steps if found else ()
        missing = dict.fromkeys(self.model.missing_of(step.clause) for step in steps)
        return msgspec.structs.replace(row, missing=tuple(fact for fact in missing if fact is not None))

    def _derived(self, scenario: Node, item: Node, bound: Bound, ways: int) -> tuple[Derivation, ...]:
        seed, target = self.model.nodes.number.get(scenario), self.model.nodes.number.get(item)
        if seed is None or target is None:
            return ()
        enabled = self._holding(scenario, bound)
        if ways > 1:
            return derivations(self.model, seed, target, min(ways, MOST_REASONS), enabled, self.heads)
        found = derive(self.model, seed, target, enabled, self.heads)
        return () if found is None else (found,)

    def _holding(self, scenario: Node, bound: Bound) -> NDArray[np.bool_]:
        """The clauses that a derivation can use: those whose head holds. So a search looks at little of a large place."""
        clauses = self.model.clauses
        holding = self.exposure.column(scenario, bound)[clauses.head]
        return holding & clauses.certain if bound is Bound.CERTAIN else holding

    def _told(self, scenario: Node, item: Node, derivation: Derivation, bound: Bound) -> Reason:
        sentences = tuple(
            Told(text=said.text, where=tuple(self.where(path) for path in said.paths), missing=said.missing)
            for said in tell(self.place, self.model, derivation)
        )
        certain = bound is Bound.CERTAIN
        ended = conclusion(self.place, scenario, item, certain=certain)
        nodes, flows = drawn(self.graph, touches(self.model, derivation), item)
        return Reason(sentences=sentences, conclusion=ended, nodes=nodes, flows=flows)

    def _known(self, name: str, kind: str, noun: str) -> None:
        records = getattr(self.place, kind)
        if name not in records:
            what = f"there is no {noun} `{name}`{did_you_mean(name, records)}"
            raise UnknownNameError(f"{what}; name one of {listed(records)}")


def grounds(row: Row) -> tuple[Node, Node, Bound]:
    """The scenario, the node and the bound that a row's verdict rests on."""
    item = Node(Predicate(row.kind), row.item, row.mode)
    bound = Bound.POSSIBLE if row.verdict is Verdict.UNKNOWN else Bound.CERTAIN
    if not row.axis:
        return Node(Predicate.PARTY, row.who), item, bound
    axis = Axis(row.axis)
    if row.verdict is Verdict.ACCESS_WITHOUT_INSTRUMENT:
        return Node(NEXUS[axis], row.who), item, bound
    if row.verdict is Verdict.COMPELLABLE_WITHOUT_ACCESS:
        item = Node(item.predicate, item.subject, Mode.NEAR)
    return Node(LAW[axis], row.who), item, bound


def touches(model: Model, derivation: Derivation) -> tuple[str, ...]:
    """The ids of parties, things, datasets and flows that a derivation passes, in its order."""
    passed: dict[str, None] = {}
    for step in derivation.steps:
        for path in model.paths_of(step.clause):
            kind, _, rest = path.partition(".")
            if kind in ("flows", "accesses"):
                passed[rest.partition(".")[0].partition("[")[0]] = None
        for number in (*step.premises, step.head):
            if model.nodes.known[number].subject:
                passed[model.nodes.known[number].subject.partition(" ")[0]] = None
    return tuple(passed)


def drawn(graph: FlowGraph, touched: tuple[str, ...], item: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(nodes, flows) of the chain picture that show a reason, in the graph's order.

    What the reason passes; and, for a dataset, every flow by which it came to one of the things passed.
    """
    nodes = {node.id for node in graph.nodes} & set(touched)
    flows = {edge.flow for edge in graph.edges} & set(touched)
    carrying = [e for e in graph.edges if item.predicate is Predicate.DATASET and item.subject in e.datasets]
    pending = [edge for edge in carrying if edge.target in nodes]
    for edge in pending:
        if edge.flow not in flows:
            flows.add(edge.flow)
            pending += [before for before in carrying if before.target == edge.source]
    ends = {end for edge in graph.edges if edge.flow in flows for end in (edge.source, edge.target)}
    return (
        tuple(node.id for node in graph.nodes if node.id in nodes | ends),
        tuple(edge.flow for edge in graph.edges if edge.flow in flows),
    )


def _items(name: str, kind: Predicate = Predicate.DATASET) -> list[Node]:
    return [Node(kind, name, mode) for mode in ANSWERED[kind]]
