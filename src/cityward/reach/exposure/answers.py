"""Exposure, closed: what holds in which scenario, certainly and possibly, and the verdicts that follow.

Does not live here: which clauses there are (`compile`), and words (`sentences`).

INVARIANTS
- What holds certainly holds possibly.
- `unknown` is a verdict of its own, and never a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cityward.place.model import Place
from cityward.reach.exposure.clauses import Model
from cityward.reach.exposure.closure import close_by
from cityward.reach.exposure.nodes import ANSWERED, Mode, Node, Predicate
from cityward.reach.exposure.plan import Plan, plan_of


class Bound(StrEnum):
    """How far a statement is taken."""

    CERTAIN = "certain"  # follows from what is known
    POSSIBLE = "possible"  # follows when what is not known is taken at its worst


class Axis(StrEnum):
    """What a jurisdiction has power over. The two are never merged."""

    PARTY = "party"
    PLACE = "place"


LAW = {Axis.PARTY: Predicate.LAW_PARTY, Axis.PLACE: Predicate.LAW_PLACE}
NEXUS = {Axis.PARTY: Predicate.NEXUS_PARTY, Axis.PLACE: Predicate.NEXUS_PLACE}


class Verdict(StrEnum):
    """What can be said of one scenario and one answer."""

    REACHABLE = "reachable"
    UNKNOWN = "unknown"
    ACCESS_WITHOUT_INSTRUMENT = "access without instrument"
    COMPELLABLE_WITHOUT_ACCESS = "compellable without access"
    OUT_OF_REACH = "out of reach"


def scenarios_of(place: Place) -> tuple[Node, ...]:
    """One for each party, four for each jurisdiction, in the declaration's order."""
    lands = (Node(kind, name) for name in place.jurisdictions for kind in (*LAW.values(), *NEXUS.values()))
    return (*(Node(Predicate.PARTY, name) for name in place.parties), *lands)


@dataclass(frozen=True)
class Exposure:
    """What holds in each of S scenarios. `lower` and `upper`: (N, W) words, see `closure.close`."""

    model: Model
    plan: Plan
    scenarios: tuple[Node, ...]
    lower: NDArray[np.uint64]
    upper: NDArray[np.uint64]

    @cached_property
    def lane(self) -> dict[Node, int]:
        """Scenario -> its number."""
        return {scenario: i for i, scenario in enumerate(self.scenarios)}

    @cached_property
    def answered(self) -> NDArray[np.int64]:
        """The numbers of the nodes that are answers."""
        known = enumerate(self.model.nodes.known)
        return np.array([i for i, n in known if n.detail in ANSWERED.get(n.predicate, ())], dtype=np.int64)

    def words(self, bound: Bound) -> NDArray[np.uint64]:
        """The words of a bound."""
        return self.lower if bound is Bound.CERTAIN else self.upper

    def holds(self, bound: Bound, scenario: Node, node: Node) -> bool:
        """Whether a node holds in a scenario. A node that no clause says never does."""
        number, lane = self.model.nodes.number.get(node), self.lane[scenario]
        return number is not None and bool(int(self.words(bound)[number, lane // 64]) >> (lane % 64) & 1)

    def reached(self, scenario: Node, bound: Bound) -> tuple[Node, ...]:
        """The answers that hold in a scenario, in the order of nodes."""
        held = self.column(scenario, bound)[self.answered]
        return tuple(self.model.nodes.known[i] for i in self.answered[held].tolist())

    def column(self, scenario: Node, bound: Bound) -> NDArray[np.bool_]:
        """Which nodes hold in a scenario. Shape (N,)."""
        lane = self.lane[scenario]
        word = self.words(bound)[:, lane // 64]
        return ((word >> np.uint64(lane % 64)) & np.uint64(1)).astype(np.bool_)

    def who(self, node: Node, bound: Bound) -> tuple[Node, ...]:
        """The scenarios in which a node holds."""
        number = self.model.nodes.number.get(node)
        if number is None:
            return ()
        row = np.unpackbits(self.words(bound)[number].view(np.uint8), bitorder="little")
        return tuple(self.scenarios[i] for i in np.flatnonzero(row[: len(self.scenarios)]).tolist())

    def verdict(self, jurisdiction: str, axis: Axis, item: Node) -> Verdict:
        """What can be said of a jurisdiction, on one axis, and an answer."""
        law, nexus = Node(LAW[axis], jurisdiction), Node(NEXUS[axis], jurisdiction)
        near = Node(item.predicate, item.subject, Mode.NEAR)
        if self.holds(Bound.CERTAIN, law, item):
            return Verdict.REACHABLE
        if self.holds(Bound.POSSIBLE, law, item):
            return Verdict.UNKNOWN
        if self.holds(Bound.CERTAIN, nexus, item):
            return Verdict.ACCESS_WITHOUT_INSTRUMENT
        if self.holds(Bound.CERTAIN, law, near):
            return Verdict.COMPELLABLE_WITHOUT_ACCESS
        return Verdict.OUT_OF_REACH

    def verdict_of_party(self, party: str, item: Node) -> Verdict:
        """What can be said of a party and an answer."""
        scenario = Node(Predicate.PARTY, party)
        if self.holds(Bound.CERTAIN, scenario, item):
            return Verdict.REACHABLE
        return Verdict.UNKNOWN if self.holds(Bound.POSSIBLE, scenario, item) else Verdict.OUT_OF_REACH

    @cached_property
    def counts(self) -> tuple[int, int]:
        """How many answers hold: (certainly, possibly only)."""
        lower, upper = (int(np.bitwise_count(words[self.answered]).sum()) for words in (self.lower, self.upper))
        return lower, upper - lower


def expose(model: Model, scenarios: Sequence[Node], enabled: NDArray[np.bool_] | None = None) -> Exposure:
    """Close a model for some scenarios, both bounds.

    Args:
        enabled: (C,) the clauses that count; all where left out.
    """
    plan, seeds = plan_of(model.clauses, len(model.nodes)), _seeds(model, scenarios)
    certain = model.clauses.certain if enabled is None else model.clauses.certain & enabled
    lower, upper = close_by(plan, seeds, certain), close_by(plan, seeds, enabled)
    return Exposure(model, plan, tuple(scenarios), lower, upper)


def _seeds(model: Model, scenarios: Sequence[Node]) -> list[int]:
    return [model.nodes.number.get(node, -1) for node in scenarios]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A fact that is not known, and how many possible answers would go if it turned out harmless."""

    path: str
    settles: int
    clauses: int


MOST_FACTS = 200  # each costs a closing; who tells them counts the rest


def unsettled(exposure: Exposure, most: int = MOST_FACTS) -> tuple[Unsettled, ...]:
    """The missing facts, by how many answers each alone would settle. The first `most`, by the clauses that rest on them.

    An answer that rests on either of two facts is settled by neither alone, so the counts need not add up.
    """
    model = exposure.model
    total = exposure.counts[1]
    resting = np.bincount(model.clauses.missing[model.clauses.missing >= 0], minlength=len(model.missing))
    asked: list[int] = np.argsort(-resting, kind="stable")[:most].tolist()
    found = [Unsettled(model.missing[fact], total - _without(exposure, fact), int(resting[fact])) for fact in asked]
    return tuple(sorted(found, key=lambda fact: (-fact.settles, fact.path)))


def _without(exposure: Exposure, fact: int) -> int:
    """How many answers are still possible only, when a fact is harmless."""
    model = exposure.model
    upper = close_by(exposure.plan, _seeds(model, exposure.scenarios), model.clauses.missing != fact)
    return int(np.bitwise_count(upper[exposure.answered]).sum()) - exposure.counts[0]


def left_without(model: Model, cut: Iterable[str]) -> NDArray[np.bool_]:
    """The clauses that are left when records are cut: those with no line at or under one of the paths. Shape (C,)."""
    paths = tuple(cut)
    gone = [i for i, lines in enumerate(model.origins) if any(_under(line, path) for line in lines for path in paths)]
    return ~np.isin(model.clauses.origin, gone)


def _under(line: str, path: str) -> bool:
    return line == path or (line.startswith(path) and line[len(path)] in ".[")


def items_of(exposure: Exposure) -> Iterator[Node]:
    """Every answer that some clause says, in the order of nodes."""
    for number in exposure.answered.tolist():
        yield exposure.model.nodes.known[number]
