"""The cascade: what falls with what, and when.

Lives here: points that can fail, the links between them, and one pass that finds when each fails. Does not live here: which links
a declaration implies (`wiring`), what is asked (`scenarios`), what is told (`outcome`).

Theory of operation. A *link* says: its head falls `delay` hours after the weights of those of its premises that have fallen add
up to `need`. k of n is such a link (every weight 1, need n - k + 1: the (n - k + 1)th to fall is the one too many), and so are
shares of owners (need 50 %), and a plain dependency (need 1). Delays are never negative and a head never falls before what felled
it, so the points can be settled in the order of their hours, as Dijkstra settles distances: when a point is taken from the heap,
its hour is final. Each link's counter only ever goes down, so a pass costs what it touches: O(e log v) for e touched premises and
v fallen points. Cycles of needs do no harm: nothing falls without a reason outside the cycle.

INVARIANTS
- A pass over more starts, or earlier ones, never delays a point (monotone).
- A certain link rests on known facts; `Bound.CERTAIN` follows only those. A possible one names the fact that is not known.
- Same cascade, same starts: same answer, in the same order. Of equal hours the path with fewer steps is told, then the one whose
  points come first in the declaration.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heapify, heappop, heappush
from math import inf
from typing import NamedTuple

import numpy as np

from cityward.reach.exposure.answers import Bound
from cityward.reach.exposure.order import Ints


class Kind(StrEnum):
    """What can fall."""

    PARTY = "party"
    SITE = "site"
    SYSTEM = "system"
    DEVICE = "device"  # or a group of them
    MEMBER = "member"  # of a group, where some record names it
    FUNCTION = "function"
    ANY = "any"  # `party`: as soon as any party falls; `site`: any site. For what is not known


class Point(NamedTuple):
    """Something that can fall."""

    kind: Kind
    id: str


NAMED_ELSEWHERE = ""
"""The missing fact of a possible link that says nothing of its own."""
ANY_PARTY, ANY_SITE = Point(Kind.ANY, "party"), Point(Kind.ANY, "site")


@dataclass(slots=True)
class Links:
    """Links as columns, each appended to: the head falls `delay` hours after the fallen premises weigh `need`.

    Points are numbers. Link i has the premises `body[ends[i] : ends[i + 1]]`, each once, with their weights. `paths`: of the
    declaration line it rests on; `missing`: the path of the fact that is not known, None for a certain link.

    Columns, because a hundred thousand small objects keep the garbage collector busier than the rules.
    """

    head: list[int] = field(default_factory=list[int])
    need: list[int] = field(default_factory=list[int])
    delay: list[float] = field(default_factory=list[float])
    ends: list[int] = field(default_factory=lambda: [0])
    body: list[int] = field(default_factory=list[int])
    weight: list[int] = field(default_factory=list[int])
    paths: list[str] = field(default_factory=list[str])
    missing: list[str | None] = field(default_factory=list[str | None])

    def __len__(self) -> int:
        return len(self.head)

    def edge(self, head: int, premise: int, path: str, missing: str | None = None) -> None:
        """The head falls with the premise."""
        self.body.append(premise)
        self.weight.append(1)
        self._close(head, 1, 0.0, path, missing)

    def some_of(self, head: int, need: int, weighed: Mapping[int, int], path: str, delay: float = 0.0) -> None:
        """The head falls `delay` hours after premises that weigh enough. `weighed`: weight by premise."""
        self.body.extend(weighed)
        self.weight.extend(weighed.values())
        self._close(head, need, delay, path, None)

    def _close(self, head: int, need: int, delay: float, path: str, missing: str | None) -> None:
        self.head.append(head)
        self.need.append(need)
        self.delay.append(delay)
        self.ends.append(len(self.body))
        self.paths.append(path)
        self.missing.append(missing)

    def premises(self, link: int) -> list[int]:
        """The points that a link waits for."""
        return self.body[self.ends[link] : self.ends[link + 1]]

    def weighed(self, link: int) -> list[tuple[int, int]]:
        """(premise, weight) of a link."""
        first, last = self.ends[link], self.ends[link + 1]
        return list(zip(self.body[first:last], self.weight[first:last], strict=True))


@dataclass(frozen=True, slots=True)
class Start:
    """A point that is dark from an hour on. Possible where facts are `missing`; `path` is the line it rests on."""

    hours: float
    path: str
    missing: tuple[str, ...] = ()


Starts = Mapping[int, Start]


@dataclass(frozen=True, slots=True)
class Waits:
    """Which links wait for which point: those at `first[p]` up to `first[p + 1]` wait for point p, with that weight."""

    first: list[int]
    link: list[int]
    weight: list[int]


@dataclass(frozen=True, slots=True)
class Cascade:
    """What a declaration implies, before anybody asks."""

    points: tuple[Point, ...]
    number: Mapping[Point, int]
    links: Links
    certain: Waits
    every: Waits

    def waits(self, bound: Bound) -> Waits:
        """Which links wait for which point."""
        return self.certain if bound is Bound.CERTAIN else self.every


class Step(NamedTuple):
    """One point of a cause. `also` are the other points that had to fall, where one alone was not enough."""

    point: Point
    hours: float
    path: str
    also: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Falls:
    """What fell, in the order in which it fell."""

    cascade: Cascade
    starts: Starts
    at: Mapping[int, float]  # hours by point
    by: Mapping[int, tuple[int, int]]  # the link, and the premise that was the one too many; not of starts
    rank: Mapping[int, tuple[float, int]]  # hours, and how many steps it took

    def hours(self, point: Point) -> float:
        """When a point falls; infinite where it does not."""
        return self.at.get(self.cascade.number.get(point, -1), inf)

    def cause(self, point: Point) -> tuple[Step, ...]:
        """The steps that fell a point, the first dark one first; empty where it stands."""
        here = self.cascade.number.get(point, -1)
        steps = list[Step]()
        while here in self.at:
            steps.append(self._step(here))
            if here not in self.by:
                break
            here = self.by[here][1]
        return tuple(step for step in reversed(steps) if step.point.kind is not Kind.ANY)

    def _step(self, point: int) -> Step:
        name, hours = self.cascade.points[point], self.at[point]
        if point not in self.by:
            return Step(name, hours, self.starts[point].path)
        path = self.cascade.links.paths[self.by[point][0]]
        also = tuple(self.cascade.points[other] for other in self._felled_by(point)[1:])
        return Step(name, hours, path, also)

    def _felled_by(self, point: int) -> tuple[int, ...]:
        """The premises whose fall fired the link of a point: the last one, and as many earlier ones as it took."""
        number, last = self.by[point]
        body, rank = self.cascade.links.weighed(number), (*self.rank[last], last)
        taken, lacks = [last], self.cascade.links.need[number] - dict(body)[last]
        earlier = [(-weight, one) for one, weight in body if one in self.rank and (*self.rank[one], one) < rank]
        for weight, one in sorted(earlier):
            if lacks <= 0:
                break
            taken.append(one)
            lacks += weight
        return tuple(taken)

    def missing(self, point: Point) -> tuple[str, ...]:
        """The facts not known that the fall of a point rests on, sorted. Empty for a certain one."""
        facts, seen, open_ = set[str](), set[int](), [self.cascade.number.get(point, -1)]
        while open_:
            here = open_.pop()
            if here in seen or here not in self.at:
                continue
            seen.add(here)
            if here in self.by:
                facts.add(self.cascade.links.missing[self.by[here][0]] or NAMED_ELSEWHERE)
                open_.extend(self._felled_by(here))
            else:
                facts.update(self.starts[here].missing)
        return tuple(sorted(facts - {NAMED_ELSEWHERE}))


def fall(cascade: Cascade, starts: Starts, bound: Bound = Bound.CERTAIN, held: Container[int] = ()) -> Falls:
    """When each point falls.

    Args:
        cascade: the links.
        starts: points that are dark from some hour on; possible starts count in the upper bound only.
        bound: which links and starts to follow.
        held: points that fall by their start alone, whatever else falls.
    """
    head, need, delay = cascade.links.head, cascade.links.need, cascade.links.delay
    waits = cascade.waits(bound)
    first, waiting, weighs = waits.first, waits.link, waits.weight
    heap = [(s.hours, 0, p) for p, s in starts.items() if bound is Bound.POSSIBLE or not s.missing]
    best = {point: (hours, depth) for hours, depth, point in heap}
    at, by, left = dict[int, float](), dict[int, tuple[int, int]](), dict[int, int]()
    heapify(heap)
    while heap:
        hours, depth, point = heappop(heap)
        if point in at:
            continue
        at[point] = hours
        for i in range(first[point], first[point + 1]):
            link = waiting[i]
            rest = left.get(link, need[link])
            if rest <= 0:
                continue
            left[link] = rest = rest - weighs[i]
            then = head[link]
            if rest > 0 or then in at or then in held:
                continue
            reached = (hours + delay[link], depth + 1)
            if then not in best or reached < best[then]:
                best[then], by[then] = reached, (link, point)
                heappush(heap, (*reached, then))
    return Falls(cascade, starts, at, by, best)


def cascade_of(points: Iterable[Point], links: Links) -> Cascade:
    """The cascade of points and links. Every point that a link names must be among the points."""
    known = tuple(points)
    of = np.repeat(np.arange(len(links)), np.diff(links.ends))
    body, weight = np.array(links.body, dtype=np.int64), np.array(links.weight, dtype=np.int64)
    certain = np.array([missing is None for missing in links.missing], dtype=np.bool_)[of]
    return Cascade(
        points=known,
        number={point: i for i, point in enumerate(known)},
        links=links,
        certain=_waits(len(known), body[certain], of[certain], weight[certain]),
        every=_waits(len(known), body, of, weight),
    )


def _waits(points: int, premise: Ints, link: Ints, weight: Ints) -> Waits:
    by_premise = np.argsort(premise, kind="stable")
    first = np.zeros(points + 1, dtype=np.int64)
    np.cumsum(np.bincount(premise, minlength=points), out=first[1:])
    return Waits(first.tolist(), link[by_premise].tolist(), weight[by_premise].tolist())
