"""Pairs of candidates that fail together what neither fails alone.

Two candidates can fail something new only where both leave the same link short and together take enough of it: so only these
pairs are looked at. Candidates that take the same premises of a link are alike to it, and are weighed once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from cityward.reach.blast.alone import Board, Tried
from cityward.reach.blast.cascade import Kind
from cityward.reach.blast.timeless import bits

MAX_PAIRS = 200_000  # pairs looked at: a second of work; a city has thousands

Pair = tuple[int, int]
"""Places of two in a list of candidates tried, the first one first."""


def firing(
    board: Board, tried: Sequence[Tried], wanted: Callable[[int, int], bool]
) -> tuple[dict[Pair, list[int]], bool]:
    """Wanted pairs -> the links that both leave short, and together do not; and whether these are all such pairs."""
    pairs: dict[Pair, list[int]] = {}
    for link, taking in _by_link(tried).items():
        for first, second in _together(board, link, taking):
            for one, other in product(first, second):
                if not wanted(one, other):
                    continue
                pairs.setdefault((min(one, other), max(one, other)), []).append(link)
                if len(pairs) > MAX_PAIRS:
                    pairs.popitem()
                    return pairs, False
    return dict(sorted(pairs.items())), True


def _by_link(tried: Sequence[Tried]) -> dict[int, dict[int, list[int]]]:
    """Link -> what is taken of it -> by whom."""
    found: dict[int, dict[int, list[int]]] = {}
    for i, one in enumerate(tried):
        for link, taken in one.short.items():
            found.setdefault(link, {}).setdefault(taken, []).append(i)
    return found


def _together(board: Board, link: int, taking: dict[int, list[int]]) -> Iterator[tuple[list[int], list[int]]]:
    """Candidates, and others of which each takes enough of a link together with each of them."""
    weights, need = [weight for _, weight in board.cascade.links.weighed(link)], board.cascade.links.need[link]
    for (taken, first), (more, second) in combinations(taking.items(), 2):
        if _weight(weights, taken | more) >= need:
            yield first, second


def _weight(weights: Sequence[int], taken: int) -> int:
    return sum(weight for i, weight in enumerate(weights) if taken >> i & 1)


@dataclass(slots=True)
class Falling:
    """What pairs fail, from where the falls of both ended."""

    board: Board
    waiting: dict[int, list[_Wait]] = field(default_factory=dict[int, "list[_Wait]"])

    def functions(
        self, tried: Sequence[Tried], pairs: Mapping[Pair, Sequence[int]]
    ) -> Iterator[tuple[Pair, tuple[int, ...]]]:
        """The functions that pairs fail and neither alone, by the links that they fire together. In declared order."""
        points, heads = self.board.cascade.points, self.board.cascade.links.head
        fired = {pair: dict.fromkeys(heads[link] for link in links) for pair, links in pairs.items()}
        # Nothing waits for a function.
        onward = {pair for pair, new in fired.items() if any(points[head].kind is not Kind.FUNCTION for head in new)}
        ends = self._ends(tried, dict.fromkeys(one for pair in fired if pair in onward for one in pair))
        for pair, new in fired.items():
            one, other = pair
            fallen = self._onward(list(new), ends[one], ends[other]) if pair in onward else new
            functions = tuple(sorted(head for head in fallen if points[head].kind is Kind.FUNCTION))
            if functions:
                yield pair, functions

    def _ends(self, tried: Sequence[Tried], asked: Iterable[int]) -> dict[int, set[int]]:
        """What falls with each of some candidates alone, of what leads to functions."""
        ends: dict[int, set[int]] = {one: set() for one in asked}
        given = list(ends)
        for first, rows in self.board.wired.falls([tried[one].candidate.node for one in given]):
            fallen, seed = bits(rows)
            for point, one in zip(fallen.tolist(), seed.tolist(), strict=True):
                ends[given[first + one]].add(point)
        return ends

    def _onward(self, open_: list[int], one: Container[int], other: Container[int]) -> dict[int, None]:
        new = dict.fromkeys(open_)
        for point in open_:
            for head, need, weighed in self._waits(point):
                if head in one or head in other or head in new:
                    continue
                if need <= sum([w for at, w in weighed if at in one or at in other or at in new]):
                    new[head] = None
                    open_.append(head)
        return new

    def _waits(self, point: int) -> list[_Wait]:
        if point not in self.waiting:
            links, waits = self.board.cascade.links, self.board.cascade.certain
            found: list[_Wait] = []
            for i in range(waits.first[point], waits.first[point + 1]):
                link = waits.link[i]
                if not self.board.leads[links.head[link]]:
                    continue
                if waits.weight[i] >= links.need[link]:
                    found.append((links.head[link], 0, []))
                else:
                    found.append((links.head[link], links.need[link], links.weighed(link)))
            self.waiting[point] = found
        return self.waiting[point]


_Wait = tuple[int, int, list[tuple[int, int]]]
"""(head, need, weights by premise) of a link that waits for a point; need 0 where the point alone is enough."""
