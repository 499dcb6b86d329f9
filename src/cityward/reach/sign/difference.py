"""What a proposal changes: who newly reaches what, what is newly out of reach, whom that touches.

Two exposures, closed for the same scenarios, compared bit by bit; only what differs is looked at one by one.

INVARIANT: an answer that was possible and is now certain is told as newly certain; what was certain is never told as new.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.place.model import Place
from cityward.reach.blast.citizens import Citizens, citizens
from cityward.reach.exposure.answers import Bound, Exposure
from cityward.reach.exposure.nodes import Mode, Node, Predicate

MOST_REACHES = 20_000  # of each sort; what is left out is counted


@dataclass(frozen=True, slots=True)
class Reach:
    """One answer that a scenario has. `brought`: the item itself is part of the proposal."""

    scenario: Node
    item: Node
    bound: Bound
    brought: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The answers of one scenario, of one kind and mode. Items in the order of nodes."""

    scenario: Node
    kind: Predicate
    mode: Mode
    bound: Bound
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What is new and what is gone. The counts are of all; the lists are cut at `MOST_REACHES`."""

    new: tuple[Reach, ...]
    gone: tuple[Reach, ...]
    new_certain: int
    new_possible: int
    gone_certain: int
    gone_possible: int

    @property
    def whole(self) -> bool:
        """Whether nothing is left out of the lists."""
        told = len(self.new) + len(self.gone)
        return told == self.new_certain + self.new_possible + self.gone_certain + self.gone_possible


def difference(base: Exposure, proposed: Exposure, brought: Collection[str] = ()) -> Difference:
    """What holds in one exposure and not in the other.

    Args:
        base: of the place as it is.
        proposed: of the place with the proposal; closed for the same scenarios in the same order.
        brought: ids of items that the proposal adds.
    """
    known = frozenset(brought)
    new = [_only(proposed, base, bound) for bound in Bound]
    gone = [_only(base, proposed, bound) for bound in Bound]
    return Difference(
        new=tuple(_told(proposed, new, known)),
        gone=tuple(_told(base, gone, known)),
        new_certain=_count(new[0]),
        new_possible=_count(new[1]),
        gone_certain=_count(gone[0]),
        gone_possible=_count(gone[1]),
    )


Rows = tuple[Bound, NDArray[np.int64], NDArray[np.uint64]]
"""(bound, node numbers, words that differ)."""


def _only(this: Exposure, other: Exposure, bound: Bound) -> Rows:
    """What holds here, in a bound, and not there; the possible ones without those that hold certainly here, or held there."""
    rows = this.answered
    number = other.model.nodes.number
    there = np.array([number.get(this.model.nodes.known[i], -1) for i in rows.tolist()], dtype=np.int64)
    words = this.words(bound)[rows] & ~_at(other, bound, there)
    if bound is Bound.POSSIBLE:
        words &= ~this.words(Bound.CERTAIN)[rows]
    differs = words.any(axis=1)
    return bound, rows[differs], words[differs]


def _at(exposure: Exposure, bound: Bound, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    words = exposure.words(bound)
    found = words[np.maximum(rows, 0)] if len(words) else np.zeros((len(rows), words.shape[1]), dtype=np.uint64)
    found[rows < 0] = 0
    return found


def _count(rows: Rows) -> int:
    return int(np.bitwise_count(rows[2]).sum())


def _told(exposure: Exposure, those: list[Rows], brought: frozenset[str]) -> Iterator[Reach]:
    for bound, rows, words in those:
        bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little")
        at, lanes = np.nonzero(bits[:, : len(exposure.scenarios)])
        for row, lane in zip(at[:MOST_REACHES].tolist(), lanes[:MOST_REACHES].tolist(), strict=True):
            item = exposure.model.nodes.known[int(rows[row])]
            yield Reach(exposure.scenarios[lane], item, bound, item.subject in brought)


def grouped(reaches: Collection[Reach]) -> tuple[Group, ...]:
    """Reaches by who, kind, mode and bound: the certain first, then the largest."""
    groups: dict[tuple[Node, Predicate, Mode, Bound], list[str]] = {}
    for reach in reaches:
        key = (reach.scenario, reach.item.predicate, Mode(reach.item.detail), reach.bound)
        groups.setdefault(key, []).append(reach.item.subject)
    found = [Group(*key, tuple(items)) for key, items in groups.items()]
    return tuple(sorted(found, key=lambda group: (group.bound is not Bound.CERTAIN, -len(group.items))))


def touched(place: Place, reaches: Collection[Reach]) -> Citizens:
    """The people of the functions that somebody newly can stop, command or mislead."""
    services = {reach.item.subject for reach in reaches if reach.item.predicate is Predicate.SERVICE}
    functions = {reach.item.subject for reach in reaches if reach.item.predicate is Predicate.FUNCTION}
    named = (name for name, record in place.functions.items() if name in functions or record.service in services)
    return citizens(place, named)
