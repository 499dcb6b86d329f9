"""What a change does to the points of failure: redundancy lost, and won.

Theory of operation. `redundancy_between` need not try everybody. A candidate's fall can differ between two wirings only if it
fells enough of a link that one of them has and the other has not; so it leads to the premises of such a link: it is *near*. A
pair can differ only where one of the two falls otherwise alone (it *moves*), or where both are near. The other of a pair with one
that moves is a *partner*: it leads to a premise, still standing, of a link that the first leaves short. Those that are near and
the partners of those that move are tried in both wirings, and compared as `lost_redundancy` compares.

INVARIANT: `redundancy_between` says what `lost_redundancy` says of two `failure_points`, in the same order, as long as these
looked at all pairs; beyond, it sees more of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from cityward.place.model import Place
from cityward.reach.blast.alone import Board, Candidate, alone, board_of, candidates_at
from cityward.reach.blast.cascade import Cascade
from cityward.reach.blast.points import FailurePoint, FailurePoints, points_of
from cityward.reach.blast.subjects import Subject
from cityward.reach.blast.timeless import Flags, bits
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.closure import Words
from cityward.reach.exposure.order import Ints

SEEDS = 4096
"""How many falls are compared at a time: a block of rows of 64 words."""


class Weaker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a change adds to a point of failure, or to a pair."""

    subjects: tuple[Subject, ...]
    axis: Axis | None
    functions: tuple[str, ...]
    essential: tuple[str, ...]


class Redundancy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a change moves the points of failure."""

    lost: tuple[Weaker, ...]
    won: tuple[Weaker, ...]


def lost_redundancy(before: FailurePoints, after: FailurePoints) -> Redundancy:
    """What a change makes fail by one or two ends that did not before, and what it no longer does.

    A pair of which one half now fails a function alone is told as that single, not as a pair that was won.
    """
    return Redundancy(lost=tuple(_added(before, after)), won=tuple(_added(after, before)))


def _added(before: FailurePoints, after: FailurePoints) -> Iterator[Weaker]:
    known = {_who(point): set(point.functions) for point in (*before.singles, *before.pairs)}
    for point in (*after.singles, *after.pairs):
        already = set(known.get(_who(point), ()))
        for subject in point.subjects if len(point.subjects) > 1 else ():
            already |= known.get((frozenset((subject,)), point.axis), set())
        new = tuple(name for name in point.functions if name not in already)
        if new:
            essential = tuple(name for name in point.essential if name in new)
            yield Weaker(subjects=point.subjects, axis=point.axis, functions=new, essential=essential)


def _who(point: FailurePoint) -> tuple[frozenset[Subject], Axis | None]:
    """Whose end it is, whichever of two the declaration names first."""
    return frozenset(point.subjects), point.axis


# --- without trying everybody


def redundancy_between(place: Place, cascade: Cascade, changed_place: Place, changed_cascade: Cascade) -> Redundancy:
    """`lost_redundancy` from a place to a changed one.

    Args:
        place: before.
        cascade: compiled from it.
        changed_place: after.
        changed_cascade: compiled from that.
    """
    sides = _sides(board_of(place, cascade), board_of(changed_place, changed_cascade))
    near = _near(sides)
    if not near.any():
        return Redundancy(lost=(), won=())
    moving = _moving(sides, near)
    partners = sides[0].partners(moving) | sides[1].partners(moving)
    before, after = (side.points(near, moving, partners) for side in sides)
    return lost_redundancy(before, after)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of two wirings. Nodes of both have common numbers, M in all; flags over them have shape (M,)."""

    board: Board
    common: Ints  # (N,) own number -> common number
    own: Ints  # (M,) and back; -1 for what only the other has

    def leading(self, to: Flags) -> Flags:
        """The nodes from which the fall of some may follow."""
        here = self.own[to]
        found = self.board.wired.leading(here[here >= 0])
        leading = to.copy()
        leading[self.common[found]] = True
        return leading

    def among(self, asked: Flags) -> list[Candidate]:
        """The candidates among some nodes, in the order of the declaration."""
        return list(candidates_at(self.board, np.flatnonzero(asked[self.common]).tolist()))

    def partners(self, moving: Flags) -> Flags:
        """The candidates who may take what some that move leave standing of short links."""
        clauses, standing = self.board.cascade.links, dict[int, None]()
        for one in alone(self.board, self.among(moving)):
            for link, taken in one.short.items() if one.candidate.axis is None else ():
                standing.update((at, None) for i, at in enumerate(clauses.premises(link)) if not taken >> i & 1)
        asked = np.zeros(len(self.own), dtype=np.bool_)
        asked[self.common[np.array(list(standing), dtype=np.int64)]] = True
        found = self.leading(asked)
        found[self.common[len(self.board.cascade.points) :]] = False  # jurisdictions make no pairs
        return found

    def points(self, near: Flags, moving: Flags, partners: Flags) -> FailurePoints:
        """The points of failure among those near and the partners; of pairs, those that can differ."""
        is_near, moves = near[self.common].tolist(), moving[self.common].tolist()

        def differ(one: Candidate, other: Candidate) -> bool:
            return moves[one.node] or moves[other.node] or (is_near[one.node] and is_near[other.node])

        asked = self.among(near | partners)
        return points_of(self.board, alone(self.board, asked), len(asked), differ)


_Sides = tuple[_Side, _Side]


def _sides(before: Board, after: Board) -> _Sides:
    """Both, with common numbers: those of before, and then of what only the other has."""
    first = before.wired.nodes
    common: list[int] = []
    many = first
    for number in _known(before, after):
        common.append(many if number is None else number)
        many += number is None
    numbers = np.arange(first), np.array(common, dtype=np.int64)
    owns = [np.full(many, -1, dtype=np.int64) for _ in numbers]
    for own, number in zip(owns, numbers, strict=True):
        own[number] = np.arange(len(number))
    boards = zip((before, after), numbers, owns, strict=True)
    one, other = (_Side(board, number, own) for board, number, own in boards)
    return one, other


def _known(before: Board, after: Board) -> Iterator[int | None]:
    """The number before of each node after, None for a new one."""
    for point in after.cascade.points:
        yield before.cascade.number.get(point)
    for land in after.wired.lands:
        yield before.wired.lands.get(land)


# --- who can differ


def _near(sides: _Sides) -> Flags:
    """What leads, on either side, to a premise of a link that only one of them has. Shape (M,)."""
    near = np.zeros(len(sides[0].own), dtype=np.bool_)
    near[_changed(sides)] = True
    many = 0
    while many < (many := int(near.sum())):
        for side in sides:
            near = side.leading(near)
    return near


def _changed(sides: _Sides) -> Ints:
    """The premises of links that only one side has."""
    nodes = len(sides[0].own)
    (edges, others), (edges_after, others_after) = (_links(side, nodes) for side in sides)
    of_others = [premise for _, _, body in others ^ others_after for premise, _ in body]
    return np.append(np.setxor1d(edges, edges_after) % nodes, np.array(of_others, dtype=np.int64))


_Other = tuple[int, int, tuple[tuple[int, int], ...]]
"""(head, need, premises with their weights)."""


def _links(side: _Side, nodes: int) -> tuple[Ints, set[_Other]]:
    """(those of one premise that is enough, as head * nodes + premise; all others), in common numbers."""
    clauses = side.board.wired.clauses
    head, body = side.common[clauses.head], side.common[clauses.body]
    edge = np.diff(clauses.starts) == 1
    first = clauses.starts[:-1][edge]
    edge[edge] = clauses.weight[first] >= clauses.need[edge]
    codes = head[edge] * nodes + body[clauses.starts[:-1][edge]]
    heads, needs, premises, weights = (column.tolist() for column in (head, clauses.need, body, clauses.weight))
    others: set[_Other] = set()
    for clause in np.flatnonzero(~edge).tolist():
        first, last = (int(at) for at in clauses.starts[clause : clause + 2])
        weighed = sorted(zip(premises[first:last], weights[first:last], strict=True))
        others.add((heads[clause], needs[clause], tuple(weighed)))
    return codes, others


def _moving(sides: _Sides, near: Flags) -> Flags:
    """Those near whose fall alone is not the same on both sides, or who are on one only. Shape (M,)."""
    moving = np.zeros(len(near), dtype=np.bool_)
    asked = [side.common[np.array([one.node for one in side.among(near)], dtype=np.int64)] for side in sides]
    moving[np.setxor1d(asked[0], asked[1])] = True
    both = np.intersect1d(asked[0], asked[1])
    for at in range(0, len(both), SEEDS):
        some = both[at : at + SEEDS]
        before, after = (_fallen(side, some) for side in sides)
        differ = np.bitwise_or.reduce(before ^ after, axis=0)
        moving[some[bits(differ[None])[1]]] = True
    return moving


def _fallen(side: _Side, seeds: Ints) -> Words:
    """What falls with each of some nodes that both sides have. (M, W) words, everything in common numbers."""
    blocks = [rows for _, rows in side.board.wired.falls(side.own[seeds].tolist())]
    rows = np.concatenate(blocks, axis=1)
    fallen = np.zeros((len(side.own), rows.shape[1]), dtype=np.uint64)
    fallen[side.common] = rows
    return fallen
