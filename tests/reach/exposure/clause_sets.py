"""Random clause sets, and the slowest way to close them: what the closure and the derivations are held to."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cityward.reach.exposure.clauses import Clauses, Model
from cityward.reach.exposure.nodes import Nodes

Clause = tuple[int, int, list[tuple[int, int]]]
"""(head, need, [(premise, weight)])"""


def columns(clauses: list[Clause], possible: set[int] = frozenset()) -> Clauses:
    """As flat columns; `possible` are the clauses that rest on a fact not known."""
    body = [pair for _, _, premises in clauses for pair in premises]
    return Clauses(
        head=np.array([c[0] for c in clauses], dtype=np.int32),
        need=np.array([c[1] for c in clauses], dtype=np.int32),
        starts=np.cumsum([0, *(len(c[2]) for c in clauses)], dtype=np.int64),
        body=np.array([p for p, _ in body], dtype=np.int32),
        weight=np.array([w for _, w in body], dtype=np.int32),
        rule=np.zeros(len(clauses), dtype=np.uint8),
        origin=np.zeros(len(clauses), dtype=np.int32),
        missing=np.array([0 if i in possible else -1 for i in range(len(clauses))], dtype=np.int32),
    )


def model_of(clauses: list[Clause]) -> Model:
    """A model whose nodes have no names."""
    return Model(Nodes(), columns(clauses), ((),), ())


def naive(clauses: list[Clause], seed: int, enabled: list[bool] | None = None) -> set[int]:
    """What holds, by trying every clause until none says anything new."""
    held, before = ({seed} if seed >= 0 else set[int]()), -1
    while len(held) != before:
        before = len(held)
        for i, (head, need, premises) in enumerate(clauses):
            if (enabled is None or enabled[i]) and sum(w for p, w in premises if p in held) >= need:
                held.add(head)
    return held


@dataclass
class Shape:
    """How a random clause set looks."""

    nodes: int
    clauses: int
    premises: int = 4
    backward: float = 1.0  # how many premises may come after their head
    weights: tuple[int, ...] = (1, 1, 2, 3, 5, 30, 60)
    axioms: float = 0.0
    seed: int = field(default=0)

    def make(self) -> list[Clause]:
        """The clauses. Edges, ANDs, thresholds, some that never hold; self loops and circles where backward > 0."""
        chance = random.Random(self.seed)
        return [self._clause(chance) for _ in range(self.clauses)]

    def _clause(self, chance: random.Random) -> Clause:
        head = chance.randrange(self.nodes)
        if chance.random() < self.axioms:
            return head, 0, []
        within = self.nodes if chance.random() < self.backward else max(1, head)
        many = min(within, chance.choice((1, 1, 1, chance.randint(1, self.premises))))
        premises = [(p, chance.choice(self.weights)) for p in chance.sample(range(within), many)]
        total = sum(w for _, w in premises)
        return (
            head,
            chance.choice((1, total, chance.randint(1, total), total + 1 if chance.random() < 0.2 else 1)),
            premises,
        )


def bits(words: NDArray[np.uint64], scenarios: int) -> list[set[int]]:
    """What holds in each scenario."""
    if scenarios == 0:
        return []
    flags = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
    assert not flags[:, scenarios:].any(), "a bit past the last scenario"
    return [set(np.flatnonzero(flags[:, s]).tolist()) for s in range(scenarios)]
