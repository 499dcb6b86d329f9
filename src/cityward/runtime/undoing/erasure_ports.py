"""What erasing needs of the world. Kept with the consumer; `adapters` implements, `compose` chooses.

Every method that touches the world raises `LinkError` when the world does not answer, and nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.evidence.records import AnyRecord


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows observed from `since` to before `until` (city us): of a device by name (""), and of channels (C,) (None: any)."""

    since: int
    until: int
    device: str = ""
    channels: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """One erasure in the book. `number` grows with each; `record`: the evidence that it is done, empty until then.

    `device` or `dataset` is empty. rows, digest: of the history, as found before it was changed. Times city us.
    """

    number: int
    dataset: str
    device: str
    why: str  # retention | request
    since: int
    until: int
    made_at: int
    person: str
    reason: str
    rows: int
    digest: str
    copies: Mapping[str, int]
    tell: Sequence[str]
    record: str


class ErasableHistory(Protocol):
    """The observations. See `adapters.stores.erasing`."""

    def erased_upto(self) -> int: ...
    def erase(self, wanted: Wanted, number: int, found: Callable[[int, str], None]) -> int: ...
    def look(self, wanted: Wanted) -> tuple[int, str]: ...
    def days(self, channels: NDArray[np.bool_], before_us: int) -> Sequence[int]: ...
    def oldest(self, group: NDArray[np.int32], groups: int) -> NDArray[np.int64]: ...
    def forget(self) -> int: ...


class ErasureBook(Protocol):
    """Erasures under way and done, and what the state database holds of a device or a dataset."""

    def begin(self, row: ErasureRow) -> ErasureRow:
        """Hold it, numbered; nothing of it is done yet."""
        ...

    def found(self, number: int, rows: int, digest: str) -> None: ...
    def end(self, number: int, record: str) -> None: ...
    def unfinished(self) -> Sequence[ErasureRow]: ...
    def erasures(self, device: str | None = None, most: int = 1000) -> Sequence[ErasureRow]: ...
    def count_of_device(self, device: str, since_us: int, until_us: int) -> Mapping[str, int]: ...
    def erase_of_device(self, device: str, since_us: int, until_us: int) -> None: ...
    def count_before(self, scope: Scope, before_us: int) -> Mapping[str, int]: ...
    def erase_before(self, scope: Scope, before_us: int) -> None: ...
    def oldest_of(self, scope: Scope) -> Mapping[str, int]: ...
    def ran(self, dataset: str, at_us: int) -> None: ...
    def runs(self) -> Mapping[str, int]: ...
    def scrub(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What goes with a dataset's rows, beside history.

    channels: (device, property). flows: those whose refused rows go with it (of a flow with several datasets: the one that goes
    first). hourly: properties whose hours go. marked: devices whose marks go (of a device with several: the one that goes last).
    """

    dataset: str
    channels: Sequence[tuple[str, str]]
    flows: Sequence[str]
    hourly: Sequence[str]
    marked: Sequence[str]


class Copies(Protocol):
    """Another place here that keeps rows: a queue of releases, exports that wait."""

    @property
    def name(self) -> str: ...
    def count_of_device(self, device: str, since_us: int, until_us: int) -> int: ...
    def erase_of_device(self, device: str, since_us: int, until_us: int) -> None: ...
    def erase_before(self, dataset: str, before_us: int) -> int: ...


class ErasureLedger(Protocol):
    """The log in which erasures are."""

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]: ...
    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]: ...
