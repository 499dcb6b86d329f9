"""The release gate: what may leave, and in which form.

Theory of operation
-------------------
`policy` has decided, per dataset; the gate holds the rows to the decision: rows of other datasets, or younger than the form's
delay, do not pass; what passes is put into the form. The result is `Passed`; once its evidence entry (the receipt) exists,
`Passed.seal` makes `Released`, and no way out takes anything else.

INVARIANTS
- Only this module makes `Passed` and `Released`; without an allowed decision there is neither.
- A stricter form never tells more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.policy.contract import Decision

_SEAL = object()

Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Held observations that somebody wants. Columns of length N: channel int32; value float64; observed_at int64 us."""

    channel: NDArray[np.int32]
    value: NDArray[np.float64]
    observed_at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Rows that did not leave, by why: the gate's own part of `triggered = sent + queued + shed`, told with every receipt."""

    too_young: int = 0
    too_few: int = 0  # in cells of fewer devices than the form asks for
    suspect: int = 0  # marked: nobody is given what is doubted
    other: int = 0  # not of this dataset


@dataclass(frozen=True, slots=True)
class Passed:
    """Rows in their form, not yet on record. `columns`: what is told, in the order of `place.release.ReleaseField`.

    units: which devices are in it (registry numbers, sorted), for lineage; not told. since, until: of what was observed, city us.
    """

    recipient: str
    decision: Decision
    columns: Mapping[str, Column]
    rows: int
    units: NDArray[np.int32]
    since: int
    until: int
    withheld: Withheld
    digest: str
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
