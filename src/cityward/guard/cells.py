"""Cells instead of readings: how many there were of a property in an area and a period, and their mean; nothing of fewer than k.

Theory of operation
-------------------
The smallest thing that is counted is an *atom*: one strand (`place.holdings`) in one step of its grain (`layout`), both the same
for whoever asks. A cell is made of whole atoms, and is told whole or not at all:

- it is over, and has settled: what comes later is in no cell (so a cell told once stays as it is);
- all of it was asked for: the edges of a question never cut a cell, they leave it out;
- each of its atoms that holds anything holds readings of `least` devices or more;
- none of its atoms was told before with another value: what was marked, erased or declared anew since shows in no difference.

So whatever anybody works out of any number of answers is a sum over whole atoms, each of at least as many devices as the laxest
form asked for.

Does not protect from: whoever knows what k - 1 of the devices said; one device that speaks so much more than the others that it
makes the mean; a declaration that is changed so that strands or grains are cut anew (then begin a new dataset).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.guard.columns import Column, Rows, coded
from cityward.guard.hashing import siphash
from cityward.guard.layout import Layout, period_us
from cityward.guard.ordering import order_by
from cityward.guard.watermark import marked
from cityward.place.release import Form
from cityward.time import SECOND

NEEDED = frozenset({"property", "value", "observed_at"})
"""Without one of these a list of cells says nothing that can be held to an atom: then nothing is told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rows are all of: every held row of these channels observed from `since` to before `until` is among them.

    channels: (C,) which; None: all. INVARIANT: whoever read fewer (a limit was met) asks for less.
    """

    since: int
    until: int
    channels: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Atoms:
    """Atoms that were told. Columns of length A, in no order: the strand's name, its beginning (us), a print of what was seen."""

    name: NDArray[np.uint64]
    start: NDArray[np.int64]
    seen: NDArray[np.uint64]

    @classmethod
    def none(cls) -> Atoms:
        """No atom."""
        return cls(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64))


@dataclass(frozen=True, slots=True)
class Celled:
    """What became of rows. verdict: (N,) uint8, one of the numbers below. atoms: those of the told cells."""

    columns: dict[str, Column]
    verdict: NDArray[np.uint8]
    atoms: Atoms
    since: int
    until: int


TOLD, LATE, INCOMPLETE, TOO_FEW, CHANGED = range(5)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The cells of one dataset in one form. Over strands (S,): group, the (property, area) told; -1: not of the dataset."""

    group: NDArray[np.int64]
    groups: tuple[tuple[str, str], ...]
    atom: NDArray[np.int64]  # (S,) us
    period: int


@dataclass(frozen=True, slots=True)
class _Counted:
    """The atoms of some rows. (A,) columns; atom: (N,) which one a row is in."""

    strand: NDArray[np.int64]
    start: NDArray[np.int64]
    count: NDArray[np.int64]
    total: NDArray[np.float64]
    devices: NDArray[np.int64]
    atom: NDArray[np.int64]


def whole(since: int, until: int, form: Form) -> tuple[int, int]:
    """The span widened to the edges of the form's cells; as it is where it makes none. Ask for this one."""
    period = period_us(form)
    return (since, until) if not period else (since // period * period, -(-until // period) * period)


def cells(
    rows: Rows, form: Form, layout: Layout, dataset: str, *, asked: Asked, told: Atoms, now_us: int, key: bytes
) -> Celled:
    """The told cells of rows that may be counted.

    Args:
        rows: known channels of the dataset, finite values, times of this era.
        form: with `aggregate`.
        told: the atoms that anybody was ever told, in the span asked for at least.
        key: the recipient's, of its watermark.
    """
    grid = _grid(form, layout, dataset)
    verdict = np.full(len(rows), TOLD, dtype=np.uint8)
    strand = layout.holdings.strand[rows.channel].astype(np.int64)
    grain = grid.atom[strand]
    start = rows.observed_at // grain * grain
    if rows.received_at is None:
        raise ValueError("cells are of rows of which it is known when they came")
    late = rows.received_at > start + (grain + layout.settle_us)
    verdict[~_complete(start, strand, grid, form, layout, asked, now_us)] = INCOMPLETE
    verdict[late] = LATE
    left = np.flatnonzero(verdict == TOLD)
    if len(left) < len(rows):
        rows, strand, start = rows.take(left), strand[left], start[left]
    counted = _counted(rows, strand, start, layout)
    cell, cell_group, cell_start = _cells_of(counted, grid)
    fault = _faults(counted, cell, len(cell_start), form, layout, told, grid, (cell_group, cell_start))
    verdict[left] = fault[cell][counted.atom]
    return _told(counted, cell, fault, cell_group, cell_start, grid, form, layout, verdict, key)


def _grid(form: Form, layout: Layout, dataset: str) -> _Grid:
    """# INVARIANT: an area that is not told does not part the cells either."""
    period = period_us(form)
    numbers: dict[tuple[str, str], int] = {}
    group = [
        numbers.setdefault((s.property, "" if "area" in form.drop else s.area), len(numbers))
        if dataset in s.datasets
        else -1
        for s in layout.holdings.strands
    ]
    atom = np.where(layout.grain > 0, np.minimum(layout.grain, period), period)
    return _Grid(np.array(group, dtype=np.int64), tuple(numbers), atom, period)


def _complete(
    atom: NDArray[np.int64],
    strand: NDArray[np.int64],
    grid: _Grid,
    form: Form,
    layout: Layout,
    asked: Asked,
    now_us: int,
) -> NDArray[np.bool_]:
    """(N,) whether the cell of each row is over, has settled, is old enough, and was asked for as a whole."""
    start = atom if (grid.atom == grid.period).all() else atom // grid.period * grid.period
    end = start + grid.period
    over = end + max(layout.settle_us, form.delay_s * SECOND) <= now_us
    within = (start >= asked.since) & (end <= asked.until)
    if asked.channels is None:
        return over & within
    group = grid.group[layout.holdings.strand]
    cut = np.zeros(len(grid.groups), dtype=np.bool_)
    cut[group[(group >= 0) & ~asked.channels]] = True
    return over & within & ~cut[grid.group[strand]]


def _counted(rows: Rows, strand: NDArray[np.int64], start: NDArray[np.int64], layout: Layout) -> _Counted:
    """Rows gathered to atoms: first the runs of one channel in one atom, each summed in the order of time; then these."""
    order = order_by(layout.rank[rows.channel], rows.observed_at)
    back = slice(None) if order is None else order
    channel, begins, of_strand, value = rows.channel[back], start[back], strand[back], rows.value[back]
    new = np.ones(len(value), dtype=np.bool_)
    new[1:] = (channel[1:] != channel[:-1]) | (begins[1:] != begins[:-1])
    starts = np.flatnonzero(new)
    atoms_strand, atoms_start, of_run = _pairs(of_strand[starts], begins[starts])
    sums = np.add.reduceat(value, starts) if len(starts) else np.empty(0)
    sizes = np.diff(np.append(starts, len(value)))
    atom = np.empty(len(value), dtype=np.int64)
    atom[back] = np.repeat(of_run, sizes)
    number = len(atoms_start)
    return _Counted(
        strand=atoms_strand,
        start=atoms_start,
        count=np.bincount(of_run, weights=sizes, minlength=number).astype(np.int64),
        total=np.bincount(of_run, weights=sums, minlength=number).astype(np.float64),
        devices=np.bincount(of_run, minlength=number),
        atom=atom,
    )


def _cells_of(counted: _Counted, grid: _Grid) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(A,) the cell of each atom; and of each cell its group and its beginning. Cells are in the order of these."""
    group, start, cell = _pairs(grid.group[counted.strand], counted.start // grid.period * grid.period)
    return cell, group, start


def _pairs(
    one: NDArray[np.int64], other: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The different pairs, rising, and for each place which of them it is. `one` from 0, `other` whole seconds in us."""
    if not len(one):
        return one, other, np.empty(0, dtype=np.int64)
    low = int(other.min())
    span = (int(other.max()) - low) // SECOND + 1
    keys, which = np.unique(one * span + (other - low) // SECOND, return_inverse=True)
    return keys // span, keys % span * SECOND + low, which


def _faults(
    counted: _Counted, cell: NDArray[np.int64], number: int, form: Form, layout: Layout, told: Atoms, grid: _Grid,
    where: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.uint8]:  # fmt: skip
    """(cells,) why a cell is not told; `TOLD` where nothing speaks against it."""
    assert form.aggregate is not None
    fault = np.full(number, TOLD, dtype=np.uint8)
    fault[cell[counted.devices < form.aggregate.least]] = TOO_FEW
    changed = _changed(counted, cell, number, layout, told, grid, where)
    fault[changed & (fault == TOLD)] = CHANGED
    return fault


def _changed(
    counted: _Counted, cell: NDArray[np.int64], number: int, layout: Layout, told: Atoms, grid: _Grid,
    where: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.bool_]:  # fmt: skip
    """(cells,) whether an atom of it was told with another value, or was told and holds nothing any more."""
    strands = {int(n): s for s, n in enumerate(layout.holdings.name.tolist())}
    of = np.array([strands.get(n, -1) for n in told.name.tolist()], dtype=np.int64)
    known = np.flatnonzero((of >= 0) & (grid.group[np.maximum(of, 0)] >= 0)) if len(of) else np.empty(0, dtype=np.int64)
    if not len(known):
        return np.zeros(number, dtype=np.bool_)
    before = {(int(of[i]), int(told.start[i])): int(told.seen[i]) for i in known.tolist()}
    fresh = dict(
        zip(zip(counted.strand.tolist(), counted.start.tolist(), strict=True), _seen(counted).tolist(), strict=True)
    )
    cells_at = {pair: n for n, pair in enumerate(zip(where[0].tolist(), where[1].tolist(), strict=True))}
    out = np.zeros(number, dtype=np.bool_)
    for (strand, start), seen in before.items():
        at = cells_at.get((int(grid.group[strand]), start // grid.period * grid.period))
        if at is not None and fresh.get((strand, start)) != seen:
            out[at] = True
    return out


def _seen(counted: _Counted) -> NDArray[np.uint64]:
    """(A,) a fingerprint of each atom's count and sum."""
    return siphash((counted.count.view(np.uint64), counted.total.view(np.uint64)), bytes(16))


def _told(
    counted: _Counted, cell: NDArray[np.int64], fault: NDArray[np.uint8], group: NDArray[np.int64],
    start: NDArray[np.int64], grid: _Grid, form: Form, layout: Layout, verdict: NDArray[np.uint8], key: bytes,
) -> Celled:  # fmt: skip
    count = np.bincount(cell, weights=counted.count, minlength=len(fault)).astype(np.int64)
    total = np.bincount(cell, weights=counted.total, minlength=len(fault))
    rows = np.flatnonzero(fault == TOLD)
    ranks = _alphabetical(grid.groups)[group[rows]]
    rows = rows[np.lexsort((start[rows], ranks))]
    mean, which = total[rows] / count[rows], group[rows]
    properties = [p for p, _ in grid.groups]
    if form.watermark:
        mean = marked(mean, properties, which.astype(np.int32), start[rows], key)
    said: dict[str, Column] = {
        "property": coded(which, properties),
        "value": mean,
        "unit": coded(which, _units(properties, layout)),
        "observed_at": start[rows],
        "area": coded(which, [area for _, area in grid.groups]),
        "count": count[rows],
    }
    atoms = np.flatnonzero(fault[cell] == TOLD)
    return Celled(
        columns={name: column for name, column in said.items() if name not in form.drop},
        verdict=verdict,
        atoms=Atoms(layout.holdings.name[counted.strand[atoms]], counted.start[atoms], _seen(counted)[atoms]),
        since=int(start[rows].min()) if len(rows) else 0,
        until=int(start[rows].max()) + grid.period if len(rows) else 0,
    )


def _alphabetical(groups: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    rank = np.empty(len(groups), dtype=np.int64)
    rank[sorted(range(len(groups)), key=groups.__getitem__)] = np.arange(len(groups))
    return rank


def _units(properties: Sequence[str], layout: Layout) -> list[str]:
    symbols = dict(zip(layout.registry.channel_property, layout.registry.channel_unit_symbol, strict=True))
    return [symbols[p] for p in properties]
