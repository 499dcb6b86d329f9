"""The cascade without its hours: what falls certainly with each of many, 64 a word.

Lives here: the certain links as clauses of `reach/exposure`, with a node for each jurisdiction on each axis that takes down what
is within it; which nodes lead to others; and closings, a block of seeds at a time. Does not live here: hours, causes and what is
possible (`cascade`), and what is counted of the falls (`alone`, `concentration`).

INVARIANT: a node falls here with a seed exactly where `cascade.fall` fells it, at whatever hour, from that start and certainly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from cityward.place.model import Place
from cityward.reach.blast.cascade import Cascade, Kind, Links, Point
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.clauses import Clauses
from cityward.reach.exposure.closure import Words, close_by
from cityward.reach.exposure.declared import Declared
from cityward.reach.exposure.order import Fan, Ints, fan
from cityward.reach.exposure.plan import Plan, plan_of

Flags = NDArray[np.bool_]
Land = tuple[Axis, str]
"""A jurisdiction on an axis: its parties, or its sites."""
MOST_WIDTH = 64
"""Words a row in one closing: 4096 seeds."""
BLOCK_BYTES = 64 * 2**20
"""How large the rows of one closing may be, where that is more than one word a row."""


@dataclass(frozen=True)
class Timeless:
    """N nodes: the points of the cascade by their numbers, then jurisdictions, then what was added.

    `clauses` are the certain links in their order, then the others; `link` is the number of each clause's link, or -1.
    """

    clauses: Clauses
    link: Ints  # (C,)
    lands: Mapping[Land, int]
    nodes: int

    @cached_property
    def bodies(self) -> Fan:
        """Clause -> its premises."""
        return Fan(self.clauses.starts, self.clauses.body.astype(np.int64))

    @cached_property
    def heads(self) -> Fan:
        """Node -> the clauses whose head it is."""
        return fan(self.nodes, self.clauses.head.astype(np.int64), np.arange(len(self.clauses)))

    def leading(self, to: Ints) -> Flags:
        """The nodes from which the fall of some others may follow, and those themselves. Shape (N,)."""
        found = np.zeros(self.nodes, dtype=np.bool_)
        while len(to):
            found[to] = True
            premises = np.unique(self.bodies.out_of(self.heads.out_of(to)))
            to = premises[~found[premises]]
        return found

    def part(self, clauses: Flags) -> Timeless:
        """With some of the clauses only."""
        return Timeless(_chosen(self.clauses, np.flatnonzero(clauses)), self.link[clauses], self.lands, self.nodes)

    def falls(self, seeds: Sequence[int]) -> Iterator[tuple[int, Words]]:
        """(number of the first seed, (N, W) words) of a block of seeds after the other; a seed alone for each bit."""
        width = max(1, min(MOST_WIDTH, BLOCK_BYTES // (8 * self._plan.rows)))
        for at in range(0, len(seeds), width * 64):
            yield at, close_by(self._plan, seeds[at : at + width * 64])

    @cached_property
    def _plan(self) -> Plan:
        return plan_of(self.clauses, self.nodes)


def timeless(place: Place, cascade: Cascade) -> Timeless:
    """The certain links of a place and its cascade."""
    return timeless_with(place, cascade, Links(), 0)


def timeless_with(place: Place, cascade: Cascade, more: Links, nodes: int) -> Timeless:
    """The same, and links of your own to so many nodes, which are numbered from `own_nodes` on."""
    first = len(cascade.points)
    axes = [(axis, name) for name in place.jurisdictions for axis in Axis]
    lands = {land: first + i for i, land in enumerate(axes)}
    ours, count = _lands(place, cascade, lands), own_nodes(place, cascade) + nodes
    given = _columns(cascade.links)
    certain = np.array([i for i, missing in enumerate(cascade.links.missing) if missing is None], dtype=np.int64)
    parts = (_chosen(given, certain), _columns(ours), _columns(more))
    link = np.full(sum(map(len, parts)), -1, dtype=np.int64)
    link[: len(certain)] = certain
    return Timeless(_joined(parts), link, lands, count)


def own_nodes(place: Place, cascade: Cascade) -> int:
    """The number of the first node that `timeless_with` takes."""
    return len(cascade.points) + len(Axis) * len(place.jurisdictions)


def _lands(place: Place, cascade: Cascade, lands: Mapping[Land, int]) -> Links:
    """What a jurisdiction takes down: its parts, its parties on one axis, its sites on the other. Nowhere unknown."""
    links = Links()
    for child, parent, path in Declared(place).parts():
        for axis in Axis:
            links.edge(lands[axis, child], lands[axis, parent], path)
    for name, party in place.parties.items():
        land = lands.get((Axis.PARTY, party.incorporated_in))
        if land is not None:
            links.edge(cascade.number[Point(Kind.PARTY, name)], land, f"parties.{name}.incorporated_in")
    for name, site in place.sites.items():
        land = lands.get((Axis.PLACE, site.jurisdiction))
        if land is not None:
            links.edge(cascade.number[Point(Kind.SITE, name)], land, f"sites.{name}.jurisdiction")
    return links


def _columns(links: Links) -> Clauses:
    return Clauses(
        head=np.array(links.head, dtype=np.int32),
        need=np.array(links.need, dtype=np.int32),
        starts=np.array(links.ends, dtype=np.int64),
        body=np.array(links.body, dtype=np.int32),
        weight=np.array(links.weight, dtype=np.int32),
        **_unsaid(len(links)),
    )


class _Unsaid(TypedDict):
    rule: NDArray[np.uint8]
    origin: NDArray[np.int32]
    missing: NDArray[np.int32]


def _unsaid(many: int) -> _Unsaid:
    """The columns of clauses that no closing reads: a cascade keeps its own."""
    nothing = np.zeros(many, dtype=np.int32)
    return _Unsaid(rule=nothing.astype(np.uint8), origin=nothing, missing=nothing)


def _chosen(clauses: Clauses, chosen: Ints) -> Clauses:
    """Some of the clauses."""
    premises = Fan(clauses.starts, np.arange(len(clauses.body))).out_of(chosen)
    return Clauses(
        head=clauses.head[chosen],
        need=clauses.need[chosen],
        starts=np.append(0, np.cumsum(np.diff(clauses.starts)[chosen])),
        body=clauses.body[premises],
        weight=clauses.weight[premises],
        **_unsaid(len(chosen)),
    )


def _joined(parts: Sequence[Clauses]) -> Clauses:
    """Clauses one after the other."""
    many = np.concatenate([np.diff(part.starts) for part in parts])
    return Clauses(
        head=np.concatenate([part.head for part in parts]),
        need=np.concatenate([part.need for part in parts]),
        starts=np.append(0, np.cumsum(many)),
        body=np.concatenate([part.body for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
        **_unsaid(len(many)),
    )


def bits(words: Words) -> tuple[Ints, Ints]:
    """(row, seed) of every bit of (R, W) words that is set, in the order of rows."""
    row, word = np.nonzero(words)
    each = np.unpackbits(words[row, word].view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    found, bit = np.nonzero(each)
    return row[found], word[found] * 64 + bit
