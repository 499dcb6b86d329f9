"""What releasing needs of the world: rows, the book of what is due to whom, and the ways out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.guard.release import Released, Rows


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as the state store keeps it, to find by recipient, device and time. Times city us.

    units: registry numbers of the devices in it, sorted. record: the evidence entry. state: queued | delivered | failed | shed.
    """

    record: str
    recipient: str
    flow: str
    datasets: tuple[str, ...]
    purpose: str
    way: str
    at: int
    since: int
    until: int
    rows: int
    units: NDArray[np.int32]
    digest: str
    state: str
    tries: int = 0


@dataclass(frozen=True, slots=True)
class RecipientCount:
    """INVARIANT: triggered == sent + queued + shed, at every moment; in rows."""

    recipient: str
    triggered: int
    sent: int
    queued: int
    shed: int
    withheld: int
    refused: int  # requests
    last_sent_at: int  # city us; 0: never


class ReleaseBook(Protocol):
    """What left, what waits, and how far each recipient has been given what is held."""

    def position(self, recipient: str) -> int:
        """The history's version up to which this recipient's rows were triggered."""
        ...

    def queue(self, recipient: str, upto: int, receipts: Sequence[Receipt], bodies: Sequence[bytes]) -> None:
        """One transaction: the receipts with what is to be sent, the position, the counts."""
        ...

    def waiting(self, recipient: str, most: int) -> Sequence[tuple[Receipt, bytes]]:
        """Oldest first."""
        ...

    def settled(self, record: str, state: str, tries: int) -> None: ...
    def counts(self) -> Sequence[RecipientCount]: ...
    def refused(self, recipient: str, count: int) -> None: ...
    def receipts(
        self,
        *,
        recipient: str | None = None,
        dataset: str | None = None,
        unit: int | None = None,
        since_us: int = 0,
        until_us: int | None = None,
        most: int = 100,
    ) -> Sequence[Receipt]:
        """Newest first; of a unit: those whose span of observation meets the asked span and that hold rows of it."""
        ...  # fmt: skip

    def taken_today(self, recipient: str, day: int) -> int:
        """Rows given on a city day (days since 1970)."""
        ...


class HeldRows(Protocol):
    """The history as releasing reads it."""

    def newer(self, version: int, most: int) -> tuple[int, Rows]:
        """What was committed after a version, at most so many rows (whole commits): (the version reached, rows)."""
        ...

    def span(
        self, channels: NDArray[np.int32], since_us: int, until_us: int, most: int, after: bytes = b""
    ) -> tuple[Rows, bytes]:
        """Rows of channels, oldest first, at most so many: (rows, where to go on; empty at the end)."""
        ...


class WayOut(Protocol):
    """One recipient's way. Blocks; a deadline of its own; opens nothing that its flow does not declare."""

    def send(self, body: bytes, name: str, headers: Mapping[str, str]) -> None:
        """Deliver one body under a name that the recipient can tell repeats by.

        Raises:
            LinkError: not taken; it may be tried again.
            Refused: it leads elsewhere now (name, address, redirect): not tried again until the declaration says so.
        """
        ...


class Encoder(Protocol):
    """Released rows as bytes: JSON lines, CSV, Parquet, Arrow."""

    def __call__(self, released: Released) -> bytes: ...
