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
from dataclasses import dataclass
from enum import StrEnum
from heapq import heapify, heappop, heappush
from math import inf
from typing import NamedTuple

from cityward.reach.exposure.answers import Bound


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


@dataclass(frozen=True, slots=True)
class Link:
    """The head falls `delay` hours after the fallen premises weigh `need`. Points are numbers of `Cascade.points`."""

    head: int
    need: int
    delay: float
    body: tuple[tuple[int, int], ...]  # (premise, weight), each premise once
    path: str  # of the declaration line it rests on
    missing: str | None = None  # the path of the fact that is not known


@dataclass(frozen=True, slots=True)
class Start:
    """A point that is dark from an hour on. Possible where facts are `missing`; `path` is the line it rests on."""

    hours: float
    path: str
    missing: tuple[str, ...] = ()


Starts = Mapping[int, Start]
Waits = tuple[tuple[tuple[int, int], ...], ...]
"""By point: (link, weight) of the links that wait for it."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """What a declaration implies, before anybody asks. The columns `head`, `need`, `delay` are those of `links`."""

    points: tuple[Point, ...]
    number: Mapping[Point, int]
    links: tuple[Link, ...]
    head: tuple[int, ...]
    need: tuple[int, ...]
    delay: tuple[float, ...]
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
    left: Mapping[int, int]  # what a touched link still lacks; 0 or less: it fired

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
        link = self.cascade.links[self.by[point][0]]
        also = tuple(self.cascade.points[other] for other in self._felled_by(point)[1:])
        return Step(name, hours, link.path, also)

    def _felled_by(self, point: int) -> tuple[int, ...]:
        """The premises whose fall fired the link of a point: the last one, and as many earlier ones as it took."""
        number, last = self.by[point]
        link, rank = self.cascade.links[number], (*self.rank[self.by[point][1]], last)
        taken, lacks = [last], link.need - dict(link.body)[last]
        earlier = [(-weight, one) for one, weight in link.body if one in self.rank and (*self.rank[one], one) < rank]
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
                facts.add(self.cascade.links[self.by[here][0]].missing or NAMED_ELSEWHERE)
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
    head, need, delay, waits = cascade.head, cascade.need, cascade.delay, cascade.waits(bound)
    heap = [(s.hours, 0, p) for p, s in starts.items() if bound is Bound.POSSIBLE or not s.missing]
    best = {point: (hours, depth) for hours, depth, point in heap}
    at, by, left = dict[int, float](), dict[int, tuple[int, int]](), dict[int, int]()
    heapify(heap)
    while heap:
        hours, depth, point = heappop(heap)
        if point in at:
            continue
        at[point] = hours
        for link, weight in waits[point]:
            rest = left.get(link, need[link])
            if rest <= 0:
                continue
            left[link] = rest = rest - weight
            then = head[link]
            if rest > 0 or then in at or then in held:
                continue
            reached = (hours + delay[link], depth + 1)
            if then not in best or reached < best[then]:
                best[then], by[then] = reached, (link, point)
                heappush(heap, (*reached, then))
    return Falls(cascade, starts, at, by, best, left)


def cascade_of(points: Iterable[Point], links: Iterable[Link]) -> Cascade:
    """Points and links as columns. Every point that a link names must be among the points."""
    known, given = tuple(points), tuple(links)
    certain: list[list[tuple[int, int]]] = [[] for _ in known]
    every: list[list[tuple[int, int]]] = [[] for _ in known]
    for i, link in enumerate(given):
        for premise, weight in link.body:
            every[premise].append((i, weight))
            if link.missing is None:
                certain[premise].append((i, weight))
    return Cascade(
        points=known,
        number={point: i for i, point in enumerate(known)},
        links=given,
        head=tuple(link.head for link in given),
        need=tuple(link.need for link in given),
        delay=tuple(link.delay for link in given),
        certain=tuple(map(tuple, certain)),
        every=tuple(map(tuple, every)),
    )
