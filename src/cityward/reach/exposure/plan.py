"""A plan: clauses sorted into steps that a closing works off one after the other, each on whole blocks of rows.

Theory of operation. A *row* holds one node's scenarios, a bit for each. Clauses come in three forms. Where any premise alone
is enough, each premise is a link to the head. Where all are needed, or some (weights that must add up), the clause gets a row
of its own and a link from there to its head. So a row is of one kind: ANY (the OR of its links), ALL (the AND) or SOME (a
threshold).

Rows are numbered by `order`, within a level by kind and then by how many links they have, most first. A *step* is one run of
rows of one level and kind. Its links lie in *ranks*: the first link of every row, then the second of every row that has two,
and so on; for the rows of a step are sorted, a rank fills the step's first rows, and closing it is one gather and one OR over
a whole block. Rows with more than `MOST_RANKS` links take the rest of theirs row by row.

Why ranks: `bitwise_or.reduceat` over links sorted by row takes seven times as long as a gather and an OR (100,000 links of 21
words: 24 ms against 3.4). A link that a closing leaves out reads the row `nothing`, which costs less than sorting again.

Does not live here: scenarios (`closure`).

INVARIANTS
- The plan is made of all clauses; a closing may leave some out, and then reads `nothing` for their links.
- Nothing here depends on which scenarios are asked for: one plan serves any number of closings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from cityward.reach.exposure.clauses import Clauses
from cityward.reach.exposure.order import Fan, Ints, fan, order_of

MOST_RANKS = 24
"""Beyond so many links a row is worth a reduction of its own. Measured: flat from 12 to 200, slower below 8."""
_DEGREES = 32  # more than MOST_RANKS
_KINDS = 4


class Kind(IntEnum):
    """What a row is of its links."""

    ANY = 0
    ALL = 1
    SOME = 2


@dataclass(frozen=True, slots=True)
class Rank:
    """The step's first `rows` rows take `sources[begin : begin + rows]`."""

    rows: int
    begin: int


@dataclass(frozen=True, slots=True)
class Long:
    """One row takes all of `sources[begin:end]`."""

    row: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Step:
    """Rows `first` to `first + rows` of one kind, none of which rests on another, but round a circle."""

    kind: Kind
    first: int
    rows: int
    ranks: tuple[Rank, ...]
    longs: tuple[Long, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Steps to be gone through; where they are a circle, until their rows `first` to `last` no longer change."""

    steps: tuple[Step, ...]
    circle: bool
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How to close N nodes in R rows. Row R - 2 is `nothing`, row R - 1 `always`."""

    rows: int
    row_of: Ints  # (N,)
    kind: Ints  # (R,) numbers of `Kind`
    sources: Ints  # (L',) rows
    clause: Ints  # (L',) the clause that a link goes without if it is left out; C where it stays
    weight: Ints  # (L',) of a link to a SOME row
    need: Ints  # (R,) of a SOME row
    sweeps: tuple[Sweep, ...]
    into: Fan  # row on a circle -> its links, places in `sources`
    onto: Fan  # row on a circle -> the rows on circles that it links to

    @property
    def nothing(self) -> int:
        """A row that holds in no scenario."""
        return self.rows - 2

    @property
    def always(self) -> int:
        """A row that holds in every scenario."""
        return self.rows - 1


@dataclass(frozen=True, slots=True)
class _Links:
    """Links between nodes and the rows of clauses, before rows are numbered."""

    source: Ints
    target: Ints
    clause: Ints
    weight: Ints


def plan_of(clauses: Clauses, nodes: int) -> Plan:
    """The plan for these clauses among so many nodes."""
    form, need, weight = _forms(clauses)
    own = np.flatnonzero((form == Kind.ALL) | (form == Kind.SOME))
    rows = nodes + len(own) + 2
    kind = np.zeros(rows, dtype=np.int64)
    needs = np.zeros(rows, dtype=np.int64)
    kind[nodes : rows - 2], needs[nodes : rows - 2] = form[own], need[own]
    links = _links(clauses, form, weight, own, nodes)
    order = order_of(rows, links.source, links.target)
    degree = np.minimum(np.bincount(links.target, minlength=rows), MOST_RANKS + 1)
    step = (order.level * 2 + order.circle) * _KINDS + kind
    step[-2:] = step.max() + 1  # `nothing` and `always` come last
    row_of = np.empty(rows, dtype=np.int64)
    sorted_rows = np.argsort(step * _DEGREES + (_DEGREES - 1 - degree), kind="stable")
    row_of[sorted_rows] = np.arange(rows)
    steps, arranged = _steps(links, row_of, step[sorted_rows], rows)
    sources, targets = row_of[links.source[arranged]], row_of[links.target[arranged]]
    circle = order.circle[sorted_rows]
    back, round_it = np.flatnonzero(circle[targets]), np.flatnonzero(circle[targets] & circle[sources])
    return Plan(
        rows=rows,
        row_of=row_of[:nodes],
        kind=kind[sorted_rows],
        sources=sources,
        clause=links.clause[arranged],
        weight=links.weight[arranged],
        need=needs[sorted_rows],
        sweeps=tuple(_sweeps(steps, circle, order.level[sorted_rows])),
        into=fan(rows, targets[back], back),
        onto=fan(rows, sources[round_it], targets[round_it]),
    )


# --- clauses to links

_ALWAYS, _NEVER = 3, 4


def _forms(clauses: Clauses) -> tuple[Ints, Ints, Ints]:
    """(form, need, weight): forms (C,) are a `Kind`, `_ALWAYS` or `_NEVER`; what divides all weights of a clause is taken out."""
    need, weight = clauses.need.astype(np.int64), clauses.weight.astype(np.int64)
    filled = np.flatnonzero(clauses.starts[1:] > clauses.starts[:-1])
    total, least, common = (np.zeros(len(need), dtype=np.int64) for _ in range(3))
    for of, sums in ((np.add, total), (np.minimum, least), (np.gcd, common)) if len(filled) else ():
        sums[filled] = of.reduceat(weight, clauses.starts[filled])
    form = np.full(len(need), int(Kind.SOME), dtype=np.int64)
    form[total - least < need] = Kind.ALL
    form[least >= need] = Kind.ANY
    form[total < need] = _NEVER
    form[need <= 0] = _ALWAYS
    common = np.maximum(common, 1)
    return form, -(-need // common), weight // np.repeat(common, np.diff(clauses.starts))


def _links(clauses: Clauses, form: Ints, weight: Ints, own: Ints, nodes: int) -> _Links:
    """Links from premises to heads, from premises to rows of clauses, from those to heads, and of what always holds."""
    count, head = len(clauses), clauses.head.astype(np.int64)
    clause_of = np.repeat(np.arange(count), np.diff(clauses.starts))
    row_of = np.full(count, -1, dtype=np.int64)
    row_of[own] = nodes + np.arange(len(own))
    direct, inward = np.flatnonzero(form[clause_of] == Kind.ANY), np.flatnonzero(row_of[clause_of] >= 0)
    always = np.flatnonzero(form == _ALWAYS)
    stays, begins = np.full(len(inward), count), np.full(len(always), nodes + len(own) + 1)
    single = np.ones(len(direct), dtype=np.int64), np.ones(len(own) + len(always), dtype=np.int64)
    return _Links(
        source=np.concatenate((clauses.body[direct], clauses.body[inward], row_of[own], begins), dtype=np.int64),
        target=np.concatenate((head[clause_of[direct]], row_of[clause_of[inward]], head[own], head[always])),
        clause=np.concatenate((clause_of[direct], stays, own, always)),
        weight=np.concatenate((single[0], weight[inward], single[1])),
    )


# --- links to steps


def _steps(links: _Links, row_of: Ints, step: Ints, rows: int) -> tuple[list[Step], Ints]:
    """(steps, links in the order in which the steps take them). `step`: the number of each row's step, rows in order."""
    target = row_of[links.target]
    by_row = np.argsort(target, kind="stable")
    target = target[by_row]
    first = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(target, minlength=rows), out=first[1:])
    rank = np.minimum(np.arange(len(target)) - first[target], MOST_RANKS)
    begins = np.flatnonzero(np.r_[True, step[1:] != step[:-1]])
    place = np.searchsorted(begins, target, side="right") - 1
    arranged = np.argsort((place * _DEGREES + rank) * rows + target, kind="stable")
    target, rank, place = target[arranged], rank[arranged], place[arranged]
    cut = (place[1:] != place[:-1]) | (rank[1:] != rank[:-1]) | ((rank[1:] == MOST_RANKS) & (target[1:] != target[:-1]))
    runs = np.flatnonzero(np.r_[True, cut]) if len(target) else np.zeros(0, dtype=np.int64)
    ends = np.r_[runs[1:], len(target)].astype(np.int64)
    told = zip(
        place[runs].tolist(), rank[runs].tolist(), target[runs].tolist(), runs.tolist(), ends.tolist(), strict=False
    )
    return list(_gathered(told, begins.tolist(), step)), by_row[arranged]


def _gathered(runs: Iterator[tuple[int, int, int, int, int]], begins: list[int], step: Ints) -> Iterator[Step]:
    """The steps of runs (step, rank, first row, begin, end), in order."""
    ranks: list[Rank] = []
    longs: list[Long] = []
    at = -1
    for place, rank, row, begin, end in runs:
        if place != at and at >= 0:
            yield _step(begins[at], step, ranks, longs)
            ranks, longs = [], []
        at = place
        if rank < MOST_RANKS:
            ranks.append(Rank(end - begin, begin))
        else:
            longs.append(Long(row, begin, end))
    if at >= 0:
        yield _step(begins[at], step, ranks, longs)


def _step(first: int, step: Ints, ranks: list[Rank], longs: list[Long]) -> Step:
    return Step(Kind(int(step[first]) % _KINDS), first, ranks[0].rows, tuple(ranks), tuple(longs))


def _sweeps(steps: list[Step], circle: NDArray[np.bool_], level: Ints) -> Iterator[Sweep]:
    """The steps of a level's circles together, every other alone."""
    at = 0
    while at < len(steps):
        end, first = at + 1, steps[at].first
        while circle[first] and end < len(steps) and level[steps[end].first] == level[first]:
            end += 1
        last = steps[end - 1]
        yield Sweep(tuple(steps[at:end]), bool(circle[first]), first, last.first + last.rows)
        at = end
