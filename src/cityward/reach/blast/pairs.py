"""Pairs of candidates that fail together what neither fails alone.

Two candidates can fail something new only where both leave the same link short and together take enough of it: so only these
pairs are looked at. Candidates that take the same premises of a link are alike to it, and are weighed once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from cityward.reach.blast.alone import Board, Tried
from cityward.reach.blast.cascade import Kind

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
    ends: dict[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]])

    def functions(self, first: Tried, second: Tried, links: Sequence[int]) -> list[int]:
        """The functions that two fail and neither alone, by the links that they fire together. In declared order."""
        points, heads = self.board.cascade.points, self.board.cascade.links.head
        new = dict.fromkeys(heads[link] for link in links)
        if any(points[head].kind is not Kind.FUNCTION for head in new):  # nothing waits for a function
            new = self._onward(list(new), self._end(first), self._end(second))
        return sorted(head for head in new if points[head].kind is Kind.FUNCTION)

    def _onward(self, open_: list[int], one: frozenset[int], other: frozenset[int]) -> dict[int, None]:
        links, waits = self.board.cascade.links, self.board.cascade.certain
        new = dict.fromkeys(open_)
        for point in open_:
            for link in waits.link[waits.first[point] : waits.first[point + 1]]:
                head = links.head[link]
                if head in one or head in other or head in new:
                    continue
                weights = (w for at, w in links.weighed(link) if at in one or at in other or at in new)
                if sum(weights) >= links.need[link]:
                    new[head] = None
                    open_.append(head)
        return new

    def _end(self, tried: Tried) -> frozenset[int]:
        """What falls with a candidate alone, in any order."""
        start = tried.candidate.node
        if start not in self.ends:
            links, waits = self.board.cascade.links, self.board.cascade.certain
            fallen, left, open_ = {start}, dict[int, int](), [start]
            for point in open_:
                for i in range(waits.first[point], waits.first[point + 1]):
                    link = waits.link[i]
                    left[link] = rest = left.get(link, links.need[link]) - waits.weight[i]
                    if rest <= 0 and (head := links.head[link]) not in fallen:
                        fallen.add(head)
                        open_.append(head)
            self.ends[start] = frozenset(fallen)
        return self.ends[start]
