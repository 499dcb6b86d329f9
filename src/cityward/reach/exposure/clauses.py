"""Clauses as flat columns, and the list that builds them.

A clause: its head holds where the weights of the premises that hold add up to `need`. One premise of weight 1 and need 1 is an
edge; n premises of weight 1 and need n an AND; k of n, and shares that must reach a threshold, are the same form. Weights are
positive, so closing is monotone.

INVARIANTS
- `missing` is -1 for a certain clause; else the number of the fact not known. The lower bound closes certain clauses only.
- `origin` tells which lines of the declaration a clause rests on: one clause, one tuple of dotted paths.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cityward.reach.exposure.nodes import RULE_NUMBER, RULES, Nodes, Rule

Paths = tuple[str, ...]
"""Dotted paths of the declaration: `accesses.lamps-remote.modes`."""


@dataclass(frozen=True, slots=True)
class Clauses:
    """C clauses with L premises in all."""

    head: NDArray[np.int32]  # (C,)
    need: NDArray[np.int32]  # (C,)
    starts: NDArray[np.int64]  # (C + 1,)
    body: NDArray[np.int32]  # (L,)
    weight: NDArray[np.int32]  # (L,)
    rule: NDArray[np.uint8]  # (C,) numbers of `RULES`
    origin: NDArray[np.int32]  # (C,) indices of `Model.origins`
    missing: NDArray[np.int32]  # (C,) indices of `Model.missing`, or -1

    def __len__(self) -> int:
        return len(self.head)

    @property
    def certain(self) -> NDArray[np.bool_]:
        """Which clauses rest on known facts. Shape (C,)."""
        return self.missing < 0


@dataclass(frozen=True, slots=True)
class Model:
    """What a declaration implies, before anybody asks."""

    nodes: Nodes
    clauses: Clauses
    origins: tuple[Paths, ...]
    missing: tuple[str, ...]  # dotted paths of facts that are not known

    def rule_of(self, clause: int) -> Rule:
        """The rule a clause was made by."""
        return RULES[self.clauses.rule[clause]]

    def paths_of(self, clause: int) -> Paths:
        """The dotted paths a clause rests on."""
        return self.origins[self.clauses.origin[clause]]

    def missing_of(self, clause: int) -> str | None:
        """The fact that is not known, for a possible clause."""
        number = int(self.clauses.missing[clause])
        return None if number < 0 else self.missing[number]


@dataclass(slots=True)
class ClauseList:
    """Takes clauses one by one. Everything is appended to compact arrays: a million clauses are a few tens of MB."""

    nodes: Nodes = field(default_factory=Nodes)
    head: array[int] = field(default_factory=lambda: array("i"))
    need: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("q", [0]))
    body: array[int] = field(default_factory=lambda: array("i"))
    weight: array[int] = field(default_factory=lambda: array("i"))
    rule: array[int] = field(default_factory=lambda: array("B"))
    origin: array[int] = field(default_factory=lambda: array("i"))
    fact: array[int] = field(default_factory=lambda: array("i"))
    origins: dict[Paths, int] = field(default_factory=dict[Paths, int])
    missing: dict[str, int] = field(default_factory=dict[str, int])

    def edge(self, head: int, premise: int, rule: Rule, paths: Paths, missing: str | None = None) -> None:
        """head <- premise."""
        self.body.append(premise)
        self.weight.append(1)
        self._close(head, 1, rule, paths, missing)

    def all_of(self, head: int, premises: list[int], rule: Rule, paths: Paths, missing: str | None = None) -> None:
        """head <- every premise."""
        once = list(dict.fromkeys(premises))
        self.body.extend(once)
        self.weight.extend([1] * len(once))
        self._close(head, len(once), rule, paths, missing)

    def at_least(
        self, head: int, need: int, weighed: list[tuple[int, int]], rule: Rule, paths: Paths, missing: str | None = None
    ) -> None:
        """head <- premises whose weights add up to `need`. `weighed`: (premise, weight), each premise once."""
        for premise, weight in weighed:
            self.body.append(premise)
            self.weight.append(weight)
        self._close(head, need, rule, paths, missing)

    def _close(self, head: int, need: int, rule: Rule, paths: Paths, missing: str | None) -> None:
        self.head.append(head)
        self.need.append(need)
        self.ends.append(len(self.body))
        self.rule.append(RULE_NUMBER[rule])
        self.origin.append(self.origins.setdefault(paths, len(self.origins)))
        self.fact.append(-1 if missing is None else self.missing.setdefault(missing, len(self.missing)))

    def model(self) -> Model:
        """What was taken, as columns."""
        clauses = Clauses(
            head=np.array(self.head, dtype=np.int32),
            need=np.array(self.need, dtype=np.int32),
            starts=np.array(self.ends, dtype=np.int64),
            body=np.array(self.body, dtype=np.int32),
            weight=np.array(self.weight, dtype=np.int32),
            rule=np.array(self.rule, dtype=np.uint8),
            origin=np.array(self.origin, dtype=np.int32),
            missing=np.array(self.fact, dtype=np.int32),
        )
        return Model(self.nodes, clauses, tuple(self.origins), tuple(self.missing))


def premises(clauses: Clauses, clause: int) -> list[tuple[int, int]]:
    """(premise, weight) of one clause."""
    first, last = (int(i) for i in clauses.starts[clause : clause + 2])
    return list(zip(clauses.body[first:last].tolist(), clauses.weight[first:last].tolist(), strict=True))
