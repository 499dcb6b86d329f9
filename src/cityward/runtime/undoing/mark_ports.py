"""What marking and taking back need of the world. Kept with the consumer; `adapters` implements, `compose` chooses.

Every method that touches the world raises `LinkError` when the world does not answer, and nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.insight.expected import ExpectedRow
from cityward.insight.hourly import HourlyRow
from cityward.insight.marks import Mark
from cityward.runtime.ports import CommandRow, Latest

Hour = tuple[str, str, int]
"""(property, area, hour_us): one hourly indicator."""


@dataclass(frozen=True, slots=True)
class MarkRow:
    """A mark and what became of it. `phase`: making | in-force | clearing | cleared. rows, digest: which it covered when made."""

    mark: Mark
    rows: int
    digest: str
    phase: str
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class RetractionRow:
    """How far what a mark retracts was made again. `record`: the entry that says it is done; empty until then."""

    mark: str
    hours: int
    ranges: int
    record: str


@dataclass(frozen=True, slots=True)
class DeviceRows:
    """Rows of one device: columns of length N, in no order promised. property: ids. Times city us."""

    property: Sequence[str]
    observed_at: NDArray[np.int64]
    received_at: NDArray[np.int64]
    value: NDArray[np.float64]
    seq: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.observed_at)


class MarkedHistory(Protocol):
    """The observations, marked or not, as they are held at the moment of the call."""

    def rows_of(
        self, device: str, since_us: int, until_us: int, upto: Mapping[int, int] | None = None
    ) -> DeviceRows: ...
    def held_upto(
        self, since_us: int, until_us: int, properties: Sequence[str], upto: Mapping[int, int]
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]]:
        """(channel, observed_at, value) of what is held by a log sequence not above its partition's `upto`."""
        ...


class MarkBook(Protocol):
    """The marks, and the derived that is made again. See `adapters.stores.marks` for what each holds to."""

    def marks(self, device: str | None = None) -> Sequence[Mark]: ...
    def mark_rows(self, device: str | None = None, id_: str | None = None, most: int = 1000) -> Sequence[MarkRow]: ...
    def unfinished_marks(self) -> Sequence[MarkRow]: ...
    def begin_mark(self, mark: Mark, rows: int, digest: str) -> None: ...
    def begin_clear(self, id_: str, at_us: int) -> None: ...
    def list_hours(self, hours: Sequence[Hour]) -> None: ...
    def stale_hours(self, most: int) -> Sequence[Hour]: ...
    def make_hours(
        self, hours: Sequence[Hour], made: Callable[[Mapping[int, int], Sequence[Mark]], Sequence[HourlyRow]]
    ) -> None: ...
    def make_latest(
        self, device: str, made: Callable[[Mapping[int, int], Sequence[Mark]], Sequence[Latest]]
    ) -> None: ...
    def end_mark(self, id_: str) -> None: ...
    def set_expected_of(self, device: str, rows: Sequence[ExpectedRow]) -> int: ...
    def retraction(self, mark: str) -> RetractionRow | None: ...
    def set_retraction(self, row: RetractionRow) -> None: ...
    def hours_between(self, pairs: Sequence[tuple[str, str]], since_us: int, until_us: int) -> Sequence[HourlyRow]: ...
    def commands_from(
        self, device: str, since_us: int, until_us: int, most: int
    ) -> tuple[Sequence[CommandRow], int]: ...
    def oldest_command(self) -> int | None: ...
    def expected(self, device: str) -> Sequence[ExpectedRow]: ...
