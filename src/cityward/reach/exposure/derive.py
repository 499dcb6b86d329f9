"""Why a node holds in a scenario: the shortest derivation, and the next ones.

Theory of operation. The cost of a derivation is 1 + the costs of the premises it uses; a seed costs nothing. First the clauses on
which the target can rest are gathered, backwards and a level at a time; then Knuth's generalisation of Dijkstra's algorithm goes
forward through these alone, cheapest node first, and stops at the target. The next derivations come by Lawler's scheme: each one
found divides what is left into parts, "the first i clauses as here, but not the next one", and the cheapest of all parts is next.

Of a clause whose weights must add up, premises are taken as they come, cheapest first, until they are enough; then those that
are not needed are dropped, dearest first. With unlike weights that is short, but not always the shortest.

Does not live here: whether a node holds at all (`closure` says it for all scenarios at once), and words (`sentences`).

INVARIANTS
- Deterministic: of equally short derivations the one whose clause the declaration makes first, at every step.
- In a derivation premises come before what rests on them, and a node has one clause.

Source: Knuth, A generalization of Dijkstra's algorithm (1977); Lawler, A procedure for computing the K best solutions (1972).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

import numpy as np
from numpy.typing import NDArray

from cityward.reach.exposure.clauses import Clauses, Model
from cityward.reach.exposure.order import Fan, Ints, fan

MOST_WORK = 1_000_000
"""How many premises `derivations` looks at before it makes do with what it has: a few seconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """One clause applied. `premises` are those used: of a threshold only as many as needed."""

    clause: int
    head: int
    premises: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a target follows. No step where it is the seed itself."""

    target: int
    steps: tuple[Step, ...]


def by_head(clauses: Clauses) -> Fan:
    """The clauses of each node. Who asks for many derivations of one model makes this once."""
    nodes = int(clauses.head.max()) + 1 if len(clauses) else 0
    return fan(nodes, clauses.head.astype(np.int64), np.arange(len(clauses)))


def derive(
    model: Model, seed: int, target: int, enabled: NDArray[np.bool_] | None = None, heads: Fan | None = None
) -> Derivation | None:
    """The shortest derivation of a target in the scenario that begins from a seed; None where it does not hold.

    Args:
        seed: a node, or -1 for the scenario that begins from nothing.
        enabled: (C,) which clauses count; all where left out.
        heads: `by_head` of the model's clauses, where it is at hand.
    """
    found = _Search(_part(model.clauses, target, enabled, heads), seed, target).shortest(_Branch())
    return None if found is None else found.derivation


def derivations(
    model: Model,
    seed: int,
    target: int,
    most: int,
    enabled: NDArray[np.bool_] | None = None,
    heads: Fan | None = None,
) -> tuple[Derivation, ...]:
    """Up to `most` derivations, distinct by their sets of clauses, shortest first. Arguments as of `derive`.

    After `MOST_WORK` no further ones are looked for: of so big a target there may be more, and shorter ones.
    """
    search = _Search(_part(model.clauses, target, enabled, heads), seed, target)
    told: dict[frozenset[int], Derivation] = {}
    for found in search.by_cost():
        if len(told) >= most:
            break
        told.setdefault(frozenset(step.clause for step in found.derivation.steps), found.derivation)
    return tuple(told.values())


# --- what a target can rest on


@dataclass(frozen=True, slots=True)
class _Part:
    """The clauses that a target can rest on, numbered as in the model."""

    head: dict[int, int]
    need: dict[int, int]
    rests: dict[int, list[tuple[int, int]]]  # node -> (clause, weight) of those it is a premise of
    alike: set[int]  # clauses whose premises weigh the same
    given: list[int]  # clauses without need


def _part(clauses: Clauses, target: int, enabled: NDArray[np.bool_] | None, heads: Fan | None) -> _Part:
    mine = _resting(clauses, target, enabled, by_head(clauses) if heads is None else heads)
    numbers, need = mine.tolist(), clauses.need[mine]
    many = np.diff(clauses.starts)[mine]
    links = Fan(clauses.starts, np.arange(len(clauses.body))).out_of(mine)
    weight, of = clauses.weight[links], np.repeat(np.arange(len(mine)), many)
    unlike = np.unique(of[weight != weight[np.repeat(np.cumsum(many) - many, many)]])
    rests: dict[int, list[tuple[int, int]]] = {}
    for node, clause, w in zip(clauses.body[links].tolist(), mine[of].tolist(), weight.tolist(), strict=True):
        rests.setdefault(node, []).append((clause, w))
    return _Part(
        head=dict(zip(numbers, clauses.head[mine].tolist(), strict=True)),
        need=dict(zip(numbers, need.tolist(), strict=True)),
        rests=rests,
        alike=set(numbers).difference(mine[unlike].tolist()),
        given=mine[need <= 0].tolist(),
    )


def _resting(clauses: Clauses, target: int, enabled: NDArray[np.bool_] | None, heads: Fan) -> Ints:
    """The clauses from which a target can follow, in order."""
    seen = np.zeros(max(len(heads.first), target + 1, int(clauses.body.max(initial=0)) + 1), dtype=np.bool_)
    bodies = Fan(clauses.starts, clauses.body.astype(np.int64))
    nodes, found = np.array([target]), [np.zeros(0, dtype=np.int64)]
    while len(nodes):
        seen[nodes] = True
        mine = heads.out_of(nodes[nodes < len(heads.first) - 1])
        found.append(mine if enabled is None else mine[enabled[mine]])
        premises = np.unique(bodies.out_of(found[-1]))
        nodes = premises[~seen[premises]]
    return np.sort(np.concatenate(found))


# --- the cheapest first


@dataclass(frozen=True, slots=True)
class _Branch:
    """Some derivations: those in which nodes have these clauses, and clauses do not occur."""

    fixed: Mapping[int, int] = field(default_factory=dict[int, int])
    banned: frozenset[int] = frozenset()

    def allows(self, clause: int, head: int) -> bool:
        """Whether a clause may be used."""
        return clause not in self.banned and self.fixed.get(head, clause) == clause

    def divided(self, derivation: Derivation) -> Iterator[_Branch]:
        """What is left of it without one derivation, in parts: from the target back, what differs first in each step."""
        fixed = dict(self.fixed)
        for step in reversed(derivation.steps):
            if fixed.get(step.head) != step.clause:
                yield _Branch(dict(fixed), self.banned | {step.clause})
                fixed[step.head] = step.clause


@dataclass(frozen=True, slots=True)
class _Found:
    cost: int
    derivation: Derivation


class _Search:
    """Looks for derivations among the clauses of a part."""

    def __init__(self, part: _Part, seed: int, target: int) -> None:
        self._part, self._seed, self._target = part, seed, target
        self._work = 0

    def by_cost(self) -> Iterator[_Found]:
        """Derivations, shortest first; of the same length in the order of their clauses. A few may come twice."""
        pending: list[tuple[int, list[int], int, _Found, _Branch]] = []
        tries = count()

        def look(branch: _Branch) -> None:
            found = self.shortest(branch)
            if found is not None:
                clauses = sorted(step.clause for step in found.derivation.steps)
                heappush(pending, (found.cost, clauses, next(tries), found, branch))

        look(_Branch())
        while pending:
            *_, found, branch = heappop(pending)
            yield found
            for part in branch.divided(found.derivation):
                if self._work < MOST_WORK:
                    look(part)

    def shortest(self, branch: _Branch) -> _Found | None:
        """The shortest derivation of a branch."""
        cost: dict[int, int] = {}
        how: dict[int, Step] = {}
        ready = [
            (1, clause, self._part.head[clause], ()) for clause in self._part.given if self._allows(branch, clause)
        ]
        heap: list[tuple[int, int, int, tuple[int, ...]]] = sorted([(0, -1, self._seed, ()), *ready])
        held: dict[int, list[tuple[int, int]]] = {}  # clause -> (premise, weight), as they came
        while heap:
            price, clause, node, premises = heappop(heap)
            if node in cost:
                continue
            cost[node] = price
            if clause >= 0:
                how[node] = Step(clause, node, premises)
            if node == self._target:
                return _Found(price, Derivation(node, _traced(how, node)))
            for item in self._fired(node, branch, cost, held):
                heappush(heap, item)
        return None

    def _allows(self, branch: _Branch, clause: int) -> bool:
        return branch.allows(clause, self._part.head[clause])

    def _fired(
        self, node: int, branch: _Branch, cost: dict[int, int], held: dict[int, list[tuple[int, int]]]
    ) -> Iterator[tuple[int, int, int, tuple[int, ...]]]:
        """(cost, clause, head, premises) of what follows now that a node has its cost."""
        part = self._part
        for clause, weight in part.rests.get(node, ()):
            self._work += 1
            head, need = part.head[clause], part.need[clause]
            if head in cost or not branch.allows(clause, head):
                continue
            if weight >= need:
                yield cost[node] + 1, clause, head, (node,)
                continue
            mine = held.setdefault(clause, [])
            mine.append((node, weight))
            used = _used(mine, need, clause in part.alike)
            if used:
                yield 1 + sum(cost[premise] for premise in used), clause, head, used


def _used(held: list[tuple[int, int]], need: int, alike: bool) -> tuple[int, ...]:
    """The premises that a clause uses of those that hold, cheapest first; none where they are not enough, or were before."""
    if alike:
        return tuple(node for node, _ in held) if (len(held) - 1) * held[0][1] < need <= len(held) * held[0][1] else ()
    spare = sum(weight for _, weight in held) - need
    if spare < 0:
        return ()
    used: list[int] = []
    for node, weight in reversed(held):
        if weight <= spare:
            spare -= weight
        else:
            used.append(node)
    return tuple(reversed(used))


def _traced(how: dict[int, Step], target: int) -> tuple[Step, ...]:
    """The steps that a target rests on, in the order in which nodes got their cost."""
    needed, pending = {target}, [target]
    for node in pending:
        fresh = [p for p in how[node].premises if p not in needed] if node in how else []
        needed.update(dict.fromkeys(fresh))
        pending += dict.fromkeys(fresh)
    return tuple(step for node, step in how.items() if node in needed)
