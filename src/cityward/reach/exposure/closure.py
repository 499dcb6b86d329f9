"""The least fixpoint of clauses, for 64 scenarios a word.

Theory of operation. A row of words per node, a bit per scenario; a scenario begins with the bit of its seed. A closing goes
once through the steps of a plan (see `plan`), from the scenarios' seeds to the last answer: each step gathers the rows of one
premise for a block of heads, and ORs (or ANDs) it in. As a step's premises were finished by earlier steps, no link is looked
at twice; only where clauses go in a circle is there a frontier: rows that link from one that changed are closed again, until
none changes. Weights that must add up are added bit-sliced: plane b holds bit b of a sum for 64 scenarios a word, and the sum
is large enough where adding 2**B - need carries out.

Why whole rows and not one word at a time: a row of 21 words (500 parties, 200 jurisdictions) is three cache lines, read once
where a random word costs a line as well. Measured on one core, see `cityward bench reach`.

Source: Dowling and Gallier, Linear-time algorithms for testing the satisfiability of propositional Horn formulae (1984).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cityward.reach.exposure.clauses import Clauses
from cityward.reach.exposure.order import Ints
from cityward.reach.exposure.plan import Kind, Plan, Step, plan_of

Words = NDArray[np.uint64]
BLOCK_BYTES = 256 * 1024
"""How much is gathered at a time. Measured: flat from 64 kB to 16 MB, slower below; small, so that it takes little memory."""
SLAB, MATRIX = 1024, 64
"""How many weights of how many clauses are added at a time."""


def close(
    clauses: Clauses, nodes: int, seeds: Sequence[int], enabled: NDArray[np.bool_] | None = None
) -> NDArray[np.uint64]:
    """Which nodes hold in which scenario.

    Args:
        clauses: C clauses.
        nodes: how many nodes there are, N.
        seeds: the node that each of S scenarios begins from; -1 for one that begins from nothing.
        enabled: (C,) which clauses count; all where left out.

    Returns:
        (N, W) words, W = ceil(S / 64): bit s % 64 of word s // 64 says that the node holds in scenario s.
    """
    return close_by(plan_of(clauses, nodes), seeds, enabled)


def close_by(plan: Plan, seeds: Sequence[int], enabled: NDArray[np.bool_] | None = None) -> NDArray[np.uint64]:
    """As `close`, by a plan made before: whoever closes the same clauses several times makes it once."""
    rows = _begin(plan, seeds)
    sources = plan.sources
    if enabled is not None:
        sources = np.where(np.append(enabled, True)[plan.clause], sources, plan.nothing)
    closing = _Closing(plan, sources, rows)
    for sweep in plan.sweeps:
        for step in sweep.steps:
            closing.take(step)
        if sweep.circle:
            closing.go_round(np.arange(sweep.first, sweep.last))
    return rows[plan.row_of]


def _begin(plan: Plan, seeds: Sequence[int]) -> Words:
    """The rows with nothing but seeds and what always holds. Bits past the last scenario stay 0 for good."""
    width = -(-len(seeds) // 64)
    rows = np.zeros((plan.rows, width), dtype=np.uint64)
    lanes = np.arange(len(seeds))
    bits = np.left_shift(np.uint64(1), (lanes % 64).astype(np.uint64))
    np.bitwise_or.at(rows[plan.always], lanes // 64, bits)
    given = np.asarray(seeds, dtype=np.int64)
    told = np.flatnonzero(given >= 0)
    np.bitwise_or.at(rows, (plan.row_of[given[told]], told // 64), bits[told])
    return rows


class _Closing:
    """The rows of one closing, and how a step changes them."""

    def __init__(self, plan: Plan, sources: Ints, rows: Words) -> None:
        self._plan, self._sources, self._rows = plan, sources, rows
        self._block = max(16, BLOCK_BYTES // max(8, rows.shape[1] * 8))
        self._gathered = np.empty((self._block, rows.shape[1]), dtype=np.uint64)

    def take(self, step: Step) -> None:
        """The step's rows from their links."""
        if step.kind is Kind.SOME:
            self._some(step)
        elif step.kind is Kind.ALL:
            self._all(step)
        else:
            self._any(step)

    def _any(self, step: Step) -> None:
        for rank in step.ranks:
            for into, gathered in self._blocks(step.first, rank.rows, rank.begin):
                np.bitwise_or(into, gathered, out=into)
        for long in step.longs:
            self._rows[long.row] |= np.bitwise_or.reduce(self._rows[self._sources[long.begin : long.end]], axis=0)

    def _all(self, step: Step) -> None:
        for i, rank in enumerate(step.ranks):
            for into, gathered in self._blocks(step.first, rank.rows, rank.begin):
                if i:
                    np.bitwise_and(into, gathered, out=into)
                else:
                    into[:] = gathered
        for long in step.longs:
            self._rows[long.row] &= np.bitwise_and.reduce(self._rows[self._sources[long.begin : long.end]], axis=0)

    def _blocks(self, first: int, rows: int, begin: int) -> Iterator[tuple[Words, Words]]:
        """(rows to change, rows that link to them), a block at a time."""
        for at in range(0, rows, self._block):
            many = min(self._block, rows - at)
            chosen, gathered = self._sources[begin + at : begin + at + many], self._gathered[:many]
            np.take(self._rows, chosen, axis=0, out=gathered, mode="clip")  # the default mode copies once more
            yield self._rows[first + at : first + at + many], gathered

    def _some(self, step: Step) -> None:
        long_of = {long.row: long for long in step.longs}
        at = 0
        while at < step.rows:
            row = step.first + at
            many = 1 if row in long_of else min(MATRIX, step.rows - at)
            links = self._matrix(step, at, many)
            if row in long_of:
                links = np.append(links, np.arange(long_of[row].begin, long_of[row].end)[:, None], axis=0)
            self._rows[row : row + many] = self._reached(links, self._plan.need[row : row + many])
            at += many

    def _matrix(self, step: Step, at: int, many: int) -> Ints:
        """(K, M) numbers of links: column m those of row `at` + m of the step; -1 where it has fewer than K."""
        ranks = [rank for rank in step.ranks if rank.rows > at]
        links = np.full((len(ranks), many), -1, dtype=np.int64)
        for k, rank in enumerate(ranks):
            filled = min(many, rank.rows - at)
            links[k, :filled] = np.arange(rank.begin + at, rank.begin + at + filled)
        return links

    def go_round(self, changed: Ints) -> None:
        """Close rows on circles until none changes; `changed` are those that did since others read them."""
        while len(changed):
            told = np.unique(self._plan.onto.out_of(changed))
            kinds = self._plan.kind[told]
            changed = np.concatenate([self._again(told[kinds == kind], kind) for kind in Kind])

    def _again(self, rows: Ints, kind: Kind) -> Ints:
        """Close some rows of a kind, each with a link at least; those that changed."""
        changed: list[Ints] = [rows[:0]]
        for at in range(0, len(rows), self._block):
            some = rows[at : at + self._block]
            links, many = self._plan.into.out_of(some), self._plan.into.many(some)
            if kind is Kind.SOME:
                new = self._reached_each(links, many, self._plan.need[some])
            else:
                of = np.bitwise_and if kind is Kind.ALL else np.bitwise_or
                new = of.reduceat(self._rows[self._sources[links]], np.cumsum(many) - many, axis=0)
            new |= self._rows[some]
            changed.append(some[(new != self._rows[some]).any(axis=1)])
            self._rows[some] = new
        return np.concatenate(changed)

    def _reached_each(self, links: Ints, many: Ints, need: Ints) -> Words:
        """As `_reached`, of links one row after the other, so `many` each."""
        new = np.empty((len(many), self._rows.shape[1]), dtype=np.uint64)
        begins, by_many = np.cumsum(many) - many, np.argsort(many, kind="stable")
        for at in range(0, len(many), MATRIX):
            some = by_many[at : at + MATRIX]
            nth = np.arange(many[some].max())[:, None]
            filled = nth < many[some]
            told = np.where(filled, links[np.where(filled, begins[some] + nth, 0)], -1)
            new[some] = self._reached(told, need[some])
        return new

    def _reached(self, links: Ints, need: Ints) -> Words:
        """Where the weights of (K, M) links that hold add up to the needs (M,). Shape (M, W)."""
        bits = int(need.max()).bit_length()
        shape = (bits, len(need), self._rows.shape[1])
        total, over = np.zeros(shape, dtype=np.uint64), np.zeros(shape[1:], dtype=np.uint64)
        for at in range(0, len(links), SLAB):
            slab = links[at : at + SLAB]
            held = self._rows[np.where(slab >= 0, self._sources[slab], self._plan.nothing)]
            weight = np.where(slab >= 0, np.minimum(self._plan.weight[slab], need), 0)
            added, carried = _added(held & _planes(weight, bits))
            over |= carried | _add(total, added)
        spare = np.broadcast_to(_planes((1 << bits) - need, bits), shape)
        return over | _add(total, spare)


def _planes(numbers: Ints, bits: int) -> Words:
    """Words of ones where bit b of a number is set. Numbers of any shape (...); shape (bits, ..., 1)."""
    places = np.arange(bits).reshape(-1, *(1 for _ in numbers.shape))
    return np.negative(numbers >> places & 1).view(np.uint64)[..., None]


def _added(planes: Words) -> tuple[Words, Words]:
    """(sum, carried out of the top plane) of K numbers, (bits, K, M, W), two halves at a time. Changes `planes`."""
    over = np.zeros(planes.shape[1:], dtype=np.uint64)
    while (many := planes.shape[1]) > 1:
        half = many // 2
        carried = _add(planes[:, :half], planes[:, many - half :])
        over[:half] |= over[many - half : many] | carried
        planes = planes[:, : many - half]
    return planes[:, 0], over[0]


def _add(into: Words, other: Words) -> Words:
    """Add bit-sliced numbers (bits, ...) in place; what the top plane carries out."""
    carry = np.zeros(into.shape[1:], dtype=np.uint64)
    for b in range(len(into)):
        apart = into[b] ^ other[b]
        both = into[b] & other[b]
        into[b] = apart ^ carry
        carry = both | (carry & apart)
    return carry
