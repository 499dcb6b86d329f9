"""What releasing needs of the world: rows, the book of what is due to whom, and the ways out.

Devices stand here by their ids: numbers of a registry change with the declaration, and receipts outlast it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.guard.release import Atoms, Released, Rows
from cityward.runtime.watching.ports import HistoryAt

QUEUED, DELIVERED, SHED = "queued", "delivered", "shed"


class LaneAt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far one lane (a dataset for a purpose, to one recipient) was followed.

    history: what was committed. until: what was observed before it, city us, for what leaves by whole periods.
    """

    history: HistoryAt = HistoryAt()
    until: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as the state store keeps it, to find by recipient, device and time. Times city us.

    record: the evidence entry. devices: whose rows are in it, sorted; empty where only their number was asked for (`units`).
    form: in words. state: queued | delivered | shed. reason: why it was shed.
    """

    record: str
    recipient: str
    party: str
    flow: str
    agreement: str
    dataset: str
    purpose: str
    way: str
    at: int
    since: int
    until: int
    rows: int
    units: int
    devices: tuple[str, ...]
    digest: str
    form: Mapping[str, str]
    rules: str
    state: str
    tries: int = 0
    reason: str = ""


def span_told(receipt: Receipt) -> tuple[int, int]:
    """When what a receipt stands for was observed, as far as its recipient may know; (0, 0) where its form hides moments.

    # SECURITY: the owner's receipt has the first and last moment to the microsecond.
    """
    hidden = "coarsen_time" in receipt.form or "observed_at" in receipt.form.get("drop", "")
    return (0, 0) if hidden else (receipt.since, receipt.until)


@dataclass(frozen=True, slots=True)
class RecipientCount:
    """INVARIANT: triggered == sent + queued + shed, at every moment; in rows of what is told.

    withheld: held rows that did not pass the gate. refused: requests.
    """

    recipient: str
    triggered: int
    sent: int
    queued: int
    shed: int
    withheld: int
    refused: int
    last_sent_at: int  # city us; 0: never


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """What a recipient proves itself with, as hashes. `subject`: of OIDC, the client's id. state: active | revoked."""

    recipient: str
    kind: str  # key | certificate | oidc
    key_sha256: bytes | None
    certificate_sha256: bytes | None
    subject: str
    state: str
    issued_at: int  # machine us
    by: str


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """An agreement as it was approved, with the lines its digests were made of, so that what changed can be told."""

    agreement: str
    control: str
    scope: str
    control_lines: tuple[str, ...]
    scope_lines: tuple[str, ...]
    person: str
    at: int  # city us
    record: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """Requests that got nothing, alike ones gathered."""

    at: int
    recipient: str
    dataset: str
    purpose: str
    source: str
    reasons: tuple[str, ...]
    count: int
    record: str


@dataclass(frozen=True, slots=True)
class GivenRow:
    """What a recipient was given on one city day of one dataset, for one purpose, in one form."""

    recipient: str
    day: int  # since 1970
    dataset: str
    purpose: str
    party: str
    flow: str
    agreement: str
    form: str  # in words, as JSON
    rows: int
    receipts: int


@dataclass(frozen=True, slots=True)
class GivenOf:
    """Who was given rows of a device. Times city us: of what was observed, and of the first and last receipt."""

    device: str
    recipient: str
    dataset: str
    since: int
    until: int
    receipts: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Due:
    """What one step of a lane comes to: how far it is now, and, where something passed, the receipts with their bodies.

    A body of None: it was given as it was asked for, and waits for nobody.
    """

    lane: str
    at: LaneAt | None
    receipts: tuple[tuple[Receipt, bytes | None], ...] = ()
    withheld: int = 0
    atoms: Sequence[Atoms] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What a recipient asks for. Times city us; `until` None: up to now. source: the address it asks from."""

    recipient: str
    source: str
    dataset: str
    purpose: str
    since: int | None
    until: int | None


@dataclass(frozen=True, slots=True)
class ReleaseAnswer:
    """The answer: with `reasons` it is a no. receipt "": no rows. next: where to go on, city us; None: that was all."""

    reasons: tuple[str, ...] = ()
    body: bytes = b""
    media_type: str = ""
    receipt: str = ""
    rows: int = 0
    next: int | None = None


class ToldOtherwise(Exception):  # noqa: N818 - no error: ask the gate again, with what was told meanwhile
    """Somebody was told one of these atoms meanwhile, with another value."""


class ReleaseBook(Protocol):
    """What left, what waits, and how far each recipient has been given what is held."""

    def position(self, recipient: str, lane: str) -> LaneAt | None:
        """None: it was never followed."""
        ...

    def take(self, recipient: str, due: Due) -> None:
        """One transaction: the receipt with what is to be sent, the position, the counts, the atoms.

        Raises:
            ToldOtherwise: nothing was taken.
        """
        ...

    def waiting(self, recipient: str, most: int) -> Sequence[tuple[Receipt, bytes]]:
        """Oldest first."""
        ...

    def over(self, recipient: str, bound: int) -> Sequence[Receipt]:
        """The oldest that wait, as many as must go so that no more than `bound` rows wait; always but the newest."""
        ...

    def settled(self, record: str, state: str, tries: int, at: int, reason: str = "") -> bool:
        """False: it was settled already."""
        ...

    def known(self, records: Sequence[str]) -> frozenset[str]:
        """Those of these entries whose receipts are held."""
        ...

    def told(self, since_us: int, until_us: int) -> Atoms:
        """The atoms that anybody was told, beginning in a span."""
        ...

    def taken_on(self, recipient: str, day: int) -> int:
        """Rows given or queued on a city day (days since 1970)."""
        ...

    def refuse(self, rows: Sequence[RefusedRow]) -> None: ...
    def counts(self) -> Sequence[RecipientCount]: ...
    def receipts(
        self,
        *,
        recipient: str | None = None,
        dataset: str | None = None,
        device: str | None = None,
        since_us: int = 0,
        until_us: int | None = None,
        most: int = 100,
        after: str = "",
        purpose: str | None = None,
        days: tuple[int, int] | None = None,
    ) -> Sequence[Receipt]:
        """Newest first; those whose span of observation meets the asked span, and that hold rows of the device.

        days: written on these city days (since 1970), the last one included. after: those behind this receipt.
        """
        ...

    def given_of(self, device: str, since_us: int, until_us: int) -> Sequence[GivenOf]:
        """Every recipient that was given rows of a device observed in a span: whoever must be told."""
        ...

    def given(
        self, recipient: str | None, first_day: int, last_day: int, dataset: str | None = None
    ) -> Sequence[GivenRow]:
        """What was given on city days, the last one included."""
        ...

    def refusals(self, recipient: str | None, most: int) -> Sequence[RefusedRow]:
        """Newest first."""
        ...


class HeldRows(Protocol):
    """The history as releasing reads it."""

    def newest(self) -> HistoryAt:
        """Where it stands."""
        ...

    def newer(self, after: HistoryAt, most: int) -> tuple[HistoryAt, Rows]:
        """What was committed after a position, about so many rows (whole commits)."""
        ...

    def span(
        self, channels: NDArray[np.bool_], since_us: int, until_us: int, most: int, *, came: bool
    ) -> tuple[Rows, int]:
        """Rows of channels observed in a span, oldest first: (rows, until): all that was observed before that moment.

        At most so many, but never less than one moment's. `until` is the asked one where all fitted. came: with `received_at`.
        """
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
