"""The release gate: what may leave, and in which form.

Theory of operation
-------------------
`policy` has decided, per dataset; the gate holds the rows to the decision: rows of other datasets, rows that are doubted, or
younger than the form's delay, do not pass; what passes is put into the form: readings (`forms`) or cells (`cells`). The result is
`Passed`; once its evidence entry (the receipt) exists, `Passed.seal` makes `Released`, and no way out takes anything else.

INVARIANTS
- Only this module makes `Passed` and `Released`; without an allowed decision there is neither.
- Total: any rows, however wrong, are told or withheld, and each is counted once: `rows in == readings + withheld.total`.
- The same rows, decision and keys give the same columns in the same order, however the rows were ordered.
- A stricter form never tells more: its columns can be worked out from those of a laxer one (see `forms`, `cells`, `ladder`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cityward.guard.cells import CHANGED, INCOMPLETE, LATE, NEEDED, TOO_FEW, Asked, Atoms, cells
from cityward.guard.columns import Coded, Column, Rows, digest_of
from cityward.guard.forms import RecipientKeys, readings
from cityward.guard.layout import Layout
from cityward.policy.contract import Decision
from cityward.time import SECOND

__all__ = [
    "Asked", "Atoms", "Coded", "Column", "Passed", "RecipientKeys", "Refused", "Released", "Rows", "Withheld", "release",
]  # fmt: skip

_SEAL = object()
_ERA_ENDS = 253_402_300_800_000_000  # the year 10000, us: what is beyond cannot be written as a date


@dataclass(frozen=True, slots=True)
class Withheld:
    """Rows that did not leave, by why: the gate's own part of `triggered = sent + queued + shed`, told with every receipt."""

    too_young: int = 0
    too_few: int = 0  # in cells of fewer devices than the form asks for
    suspect: int = 0  # marked: nobody is given what is doubted
    other: int = 0  # not of this dataset, or nothing that could be told
    late: int = 0  # came after its cell had settled
    incomplete: int = 0  # in cells that are not over, or were not asked for as a whole
    changed: int = 0  # in cells that were told with another value before

    @property
    def total(self) -> int:
        """All of them."""
        named = (self.too_young, self.too_few, self.suspect, self.other, self.late, self.incomplete, self.changed)
        return sum(named)


@dataclass(frozen=True, slots=True)
class Refused:
    """The gate's no: nothing leaves. The decision says why."""

    recipient: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Passed:
    """Rows in their form, not yet on record. `columns`: what is told, in the order of `place.release.ReleaseField`; of cells
    `count` too, last.

    rows: of the told table. readings: held rows that are in it; the same, but of cells. units: which devices are in it (registry
    numbers, sorted), for lineage; not told. since, until (exclusive): of what was observed, city us; both 0 where nothing is.
    atoms: what the cells are made of: to be remembered before it leaves, and given to `release` as `told` from then on.
    """

    recipient: str
    decision: Decision
    columns: Mapping[str, Column]
    rows: int
    readings: int
    units: NDArray[np.int32]
    since: int
    until: int
    withheld: Withheld
    digest: str
    atoms: Atoms
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("only the release gate makes Passed: ask `release`")

    def seal(self, record: str) -> Released:
        """What may leave, once the evidence entry `record` says so."""
        return Released(self.recipient, self.decision, self.columns, self.rows, self.digest, record, _seal=_SEAL)


@dataclass(frozen=True, slots=True)
class Released:
    """What passed the gate and is on record: the only thing that a way out takes."""

    recipient: str
    decision: Decision
    columns: Mapping[str, Column]
    rows: int
    digest: str
    record: str
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL or not self.record:
            raise TypeError("only the release gate makes Released: seal what passed with its evidence record")


def release(
    rows: Rows,
    decision: Decision,
    layout: Layout,
    *,
    recipient: str,
    keys: RecipientKeys,
    now_us: int,
    asked: Asked,
    told: Atoms,
    suspect: NDArray[np.bool_] | None = None,
) -> Passed | Refused:
    """Hold rows to a decision.

    Args:
        rows: what is held and was asked for. Of cells read whole ones: `cells.whole` gives the span.
        decision: of `policy.table.decide`, on one dataset.
        layout: of the declaration that the decision was made by.
        keys: of this recipient.
        now_us: city time.
        asked: what the rows are all of. Only cells look at it.
        told: the atoms that anybody was ever told in that span. Only cells look at it.
        suspect: (N,) which rows are under a mark (`insight.marks.covered`).
    """
    if not decision.allowed:
        return Refused(recipient, decision)
    number = len(rows)
    left, withheld = _sifted(rows, decision, layout, now_us, suspect)
    if decision.form.aggregate is None:
        columns = readings(left, decision.form, layout, keys)
        if columns:
            span = _span(left)
            return _passed(recipient, decision, columns, len(left), left, span, withheld, layout, Atoms.none())
    elif NEEDED.isdisjoint(decision.form.drop):
        return _in_cells(left, decision, layout, recipient, keys, now_us, asked, told, withheld)
    nothing = replace(withheld, other=withheld.other + len(left))
    assert nothing.total == number
    return _passed(recipient, decision, {}, 0, left.take(slice(0, 0)), (0, 0), nothing, layout, Atoms.none())


def _sifted(
    rows: Rows, decision: Decision, layout: Layout, now_us: int, suspect: NDArray[np.bool_] | None
) -> tuple[Rows, Withheld]:
    """The rows of the dataset that may leave, and how many others there were."""
    known = _known(rows, layout.holdings.of.get(decision.grounds.dataset))
    fine = known if suspect is None else known & ~suspect
    delay = decision.form.delay_s * SECOND
    old = fine & (rows.observed_at <= now_us - delay) if delay else fine
    counts = [int(np.count_nonzero(mask)) for mask in (known, fine, old)]
    withheld = Withheld(other=len(rows) - counts[0], suspect=counts[0] - counts[1], too_young=counts[1] - counts[2])
    return (rows if counts[2] == len(rows) else rows.take(old)), withheld


def _known(rows: Rows, belongs: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """(N,) whether a row is of the dataset, a number, and of this era. The wrong ones are rare: first whether there are any."""
    if belongs is None or not len(belongs) or not len(rows):
        return np.zeros(len(rows), dtype=np.bool_)
    channel, at = rows.channel, rows.observed_at
    fine = channel.min() >= 0 and channel.max() < len(belongs) and at.min() >= 0 and at.max() < _ERA_ENDS
    if fine:
        known = belongs[channel]
    else:
        known = (channel >= 0) & (channel < len(belongs)) & (at >= 0) & (at < _ERA_ENDS)
        known &= belongs[np.where(known, channel, 0)]
    return known & np.isfinite(rows.value)


def _in_cells(
    left: Rows, decision: Decision, layout: Layout, recipient: str, keys: RecipientKeys, now_us: int, asked: Asked, told: Atoms,
    withheld: Withheld,
) -> Passed:  # fmt: skip
    made = cells(
        left, decision.form, layout, decision.grounds.dataset, asked=asked, told=told, now_us=now_us, key=keys.mark
    )
    counts = np.bincount(made.verdict, minlength=CHANGED + 1)
    withheld = replace(
        withheld,
        late=int(counts[LATE]),
        incomplete=int(counts[INCOMPLETE]),
        too_few=int(counts[TOO_FEW]),
        changed=int(counts[CHANGED]),
    )
    number = len(made.columns["observed_at"])
    inside = left.take(made.verdict == 0)
    return _passed(
        recipient, decision, made.columns, number, inside, (made.since, made.until), withheld, layout, made.atoms
    )


def _span(rows: Rows) -> tuple[int, int]:
    return (int(rows.observed_at.min()), int(rows.observed_at.max()) + 1) if len(rows) else (0, 0)


def _passed(
    recipient: str, decision: Decision, columns: dict[str, Column], number: int, inside: Rows, span: tuple[int, int],
    withheld: Withheld, layout: Layout, atoms: Atoms,
) -> Passed:  # fmt: skip
    heard = np.zeros(len(layout.registry.channel_unit), dtype=np.bool_)
    heard[inside.channel] = True
    seen = np.zeros(len(layout.registry.units), dtype=np.bool_)
    seen[layout.registry.channel_unit[heard]] = True
    return Passed(
        recipient=recipient,
        decision=decision,
        columns=columns,
        rows=number,
        readings=len(inside),
        units=np.flatnonzero(seen).astype(np.int32),
        since=span[0],
        until=span[1],
        withheld=withheld,
        digest=digest_of(columns),
        atoms=atoms,
        _seal=_SEAL,
    )
