"""Single points of failure, and pairs that fail together what neither fails alone.

Every candidate is tried alone: exact, no sampling. Two candidates can fail something new only where both leave the same link
short and together take enough of it: so only these pairs are looked at, each from where its two falls ended. Candidates that take
the same premises of a link are alike to it, and are weighed once for all of them.

INVARIANT: only certain links count. What is not known makes no point of failure; `scenarios.dark` tells what it could add.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

import msgspec

from cityward.place.model import Place
from cityward.reach.blast.alone import Board, Candidate, Tried, alone, board_of, candidates
from cityward.reach.blast.cascade import Cascade, Kind
from cityward.reach.blast.citizens import citizens
from cityward.reach.blast.subjects import Subject
from cityward.reach.blast.timeless import bits
from cityward.reach.exposure.answers import Axis

MAX_PAIRS = 200_000  # pairs looked at: a second of work; a city has thousands

_Pair = tuple[int, int]
"""Places of two in a list of candidates tried, the first one first."""


class FailurePoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subject whose end fails functions, or two whose common end fails more than either. Functions in declared order."""

    subjects: tuple[Subject, ...]
    axis: Axis | None = None
    functions: tuple[str, ...]  # of two subjects: those that neither fails alone
    essential: tuple[str, ...]
    affected: int  # people of the union of their areas, where known


class FailurePoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them, those that fail most essential functions first, then most functions, then most people."""

    singles: tuple[FailurePoint, ...]
    pairs: tuple[FailurePoint, ...]
    tried: int
    all_pairs: bool  # False where there are more than `MAX_PAIRS` to look at


def failure_points(place: Place, cascade: Cascade) -> FailurePoints:
    """Every system, device group, named member, site, party (with its group) and jurisdiction (on each axis) alone; and in pairs.

    Jurisdictions make no pairs: they are too large for a second one to say more.
    """
    board = board_of(place, cascade)
    every = list(candidates(board))
    return points_of(board, alone(board, every), len(every), lambda _one, _other: True)


def points_of(
    board: Board, tried: Sequence[Tried], many: int, wanted: Callable[[Candidate, Candidate], bool]
) -> FailurePoints:
    """The points of failure among candidates that were tried, `many` with those that do nothing; of pairs, those wanted."""
    telling = _Telling(board)
    kept = [one for one in tried if one.short and one.candidate.axis is None]
    named = [one.candidate for one in kept]
    likely, all_pairs = _firing(board, kept, lambda one, other: wanted(named[one], named[other]))
    together = _Falling(board).functions(kept, likely)
    pairs = [telling.point((named[i].subject, named[k].subject), None, functions) for (i, k), functions in together]
    singles = [
        telling.point((one.subject,), one.axis, t.functions) for t in tried if t.functions for one in (t.candidate,)
    ]
    return FailurePoints(singles=_ordered(singles), pairs=_ordered(pairs), tried=many, all_pairs=all_pairs)


@dataclass(slots=True)
class _Telling:
    """Functions told once for all points that fail the same ones."""

    board: Board
    told: dict[tuple[int, ...], FailurePoint] = field(default_factory=dict[tuple[int, ...], FailurePoint])

    def point(self, subjects: tuple[Subject, ...], axis: Axis | None, functions: Sequence[int]) -> FailurePoint:
        """The point of failure of some subjects. Functions are numbers of the cascade's points, in order."""
        key = tuple(functions)
        if key not in self.told:
            place, points = self.board.place, self.board.cascade.points
            names = tuple(points[number].id for number in key)
            self.told[key] = FailurePoint(
                subjects=subjects,
                axis=axis,
                functions=names,
                essential=tuple(name for name in names if place.functions[name].essential),
                affected=citizens(place, names).affected,
            )
        like = self.told[key]
        return FailurePoint(
            subjects=subjects, axis=axis, functions=like.functions, essential=like.essential, affected=like.affected
        )


def _ordered(points: list[FailurePoint]) -> tuple[FailurePoint, ...]:
    """Most first; of equal ones, in the order of the declaration."""
    return tuple(sorted(points, key=lambda p: (-len(p.essential), -len(p.functions), -p.affected)))


# --- pairs


def _firing(
    board: Board, tried: Sequence[Tried], wanted: Callable[[int, int], bool]
) -> tuple[dict[_Pair, list[int]], bool]:
    """Wanted pairs -> the links that both leave short, and together do not; and whether these are all such pairs."""
    pairs: dict[_Pair, list[int]] = {}
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
class _Falling:
    """What pairs fail, from where the falls of both ended."""

    board: Board
    waiting: dict[int, list[_Wait]] = field(default_factory=dict[int, "list[_Wait]"])

    def functions(
        self, tried: Sequence[Tried], pairs: Mapping[_Pair, Sequence[int]]
    ) -> Iterator[tuple[_Pair, tuple[int, ...]]]:
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
