"""What left, for the console: recipients, statements, receipts and refusals, as `cityward recipient` and `received` tell them;
and the registers, erasures and the proof of retention, as `cityward register`, `erase` and `retention` tell them.

INVARIANT: the same words as on the command line: both are made of the same functions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal, TypeVar, cast

import msgspec

from cityward.compose.keeping.erasure import book_of
from cityward.compose.keeping.registers import Processing, Register, Transfer, register
from cityward.compose.keeping.retention import Kept, kept_in
from cityward.compose.outgoing.statements import (
    RecipientView,
    Statement,
    month_of,
    receipt_told,
    recipient_views,
    refusal_told,
    statement,
)
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.place.hints import did_you_mean
from cityward.runtime.undoing.erasure_ports import ErasureRow
from cityward.time import DAY, iso

KEPT_S = 2.0
"""The views are made of the compiled rules; every open console asks for them every few seconds."""

BOOKS_KEPT_S = 20.0
"""A register reads every receipt there is, the proof of retention every store."""

MOST_ROWS = 500  # of a register
MOST_ERASURES = 200

T = TypeVar("T")


class RegisterTold(msgspec.Struct, frozen=True, kw_only=True):
    """The first `MOST_ROWS` rows and findings of a register, and how many it has. `cityward register` has all."""

    kind: str
    place: str
    controller: str
    declaration: str
    seen: int
    rows: tuple[Processing | Transfer, ...]
    rows_in_all: int
    findings: tuple[str, ...]
    findings_in_all: int


class ErasureTold(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure. tell: who must be told. state: `done`, with its record, or `under way`. copies: store -> rows. ISO 8601."""

    number: int
    device: str
    dataset: str
    why: str
    since: str
    until: str
    at: str
    person: str
    reason: str
    rows: int
    copies: Mapping[str, int]
    tell: tuple[str, ...]
    state: str
    record: str


class KeptTold(msgspec.Struct, frozen=True, kw_only=True):
    """How long a dataset is kept, and its oldest record of each store (`` where nobody can say). ISO 8601; ran ``: never."""

    dataset: str
    personal: bool
    days: int | None
    oldest: Mapping[str, str]
    ran: str
    state: str
    why: str


@dataclass(slots=True)
class ReceivedDesk:
    """`web.ports.Received`."""

    setting: Setting
    _lock: Lock = field(default_factory=Lock)
    _views: tuple[float, Sequence[RecipientView]] = (float("-inf"), ())
    _reading: Lock = field(default_factory=Lock)
    _books: dict[str, tuple[float, object]] = field(default_factory=dict[str, tuple[float, object]])

    def recipients(self) -> Sequence[RecipientView]:
        """Every declared recipient, at most `KEPT_S` old.

        Raises:
            LinkError: the store does not answer.
        """
        with self._lock:
            if time.monotonic() >= self._views[0] + KEPT_S:
                self._views = (time.monotonic(), recipient_views(self.setting))
            return self._views[1]

    def statement(self, recipient: str | None, dataset: str | None, month: str | None) -> Statement:
        """What somebody was given, or who was given a dataset; of a month (`2026-11`), or ever.

        Raises:
            PlaceError: there is no such recipient, dataset or month.
        """
        self._check(recipient, dataset)
        days = (0, self.setting.now_us() // DAY) if month is None else month_of(month)
        return statement(self.setting, days, recipient=recipient, dataset=dataset)

    def receipts(
        self,
        recipient: str | None,
        dataset: str | None,
        after: str,
        most: int,
        purpose: str | None = None,
        month: str | None = None,
    ) -> Sequence[dict[str, object]]:
        """Newest first; those behind the receipt `after`; of a month (`2026-11`), or ever.

        Raises:
            PlaceError: there is no such recipient, dataset or month.
        """
        self._check(recipient, dataset)
        days = None if month is None else month_of(month)
        found = self.setting.state.releases.receipts(
            recipient=recipient, dataset=dataset, after=after, most=most, purpose=purpose, days=days
        )
        return [receipt_told(one) for one in found]

    def refusals(self, recipient: str | None, most: int) -> Sequence[dict[str, str]]:
        """Requests of a recipient that got nothing, newest first; of None: everybody's, also of people and of nobody known.

        Raises:
            PlaceError: there is no such recipient.
        """
        self._check(recipient, None)
        return [refusal_told(one) for one in self.setting.state.releases.refusals(recipient, most)]

    def register(self, kind: Literal["processing", "transfers"]) -> RegisterTold:
        """A register, held against every receipt on record; at most `BOOKS_KEPT_S` old.

        Raises:
            CitywardError: a ledger is damaged.
        """
        return self._kept(kind, lambda: _register_told(register(self.setting.home.root, kind)))

    def erasures(self) -> Sequence[ErasureTold]:
        """Those under way, then those that are done, newest first; at most `MOST_ERASURES` of each.

        Raises:
            LinkError: the store does not answer.
        """
        book = book_of(self.setting)
        try:
            rows = [*book.unfinished()[:MOST_ERASURES], *book.erasures(most=MOST_ERASURES)]
            return [_erasure_told(row) for row in rows]
        finally:
            book.dispose()

    def retention(self) -> Sequence[KeptTold]:
        """What is declared of each dataset, and what is true; at most `BOOKS_KEPT_S` old.

        Raises:
            LinkError: a store does not answer.
        """
        return self._kept("retention", self._retention)

    def _retention(self) -> Sequence[KeptTold]:
        book = book_of(self.setting)
        try:
            return [_kept_told(one) for one in kept_in(self.setting, book)]
        finally:
            book.dispose()

    def _kept(self, name: str, make: Callable[[], T]) -> T:
        """One reader at a time: whoever waits gets what the first one made."""
        with self._reading:
            at, held = self._books.get(name, (float("-inf"), None))
            if time.monotonic() < at + BOOKS_KEPT_S:
                return cast("T", held)
            made = make()
            self._books[name] = (time.monotonic(), made)
            return made

    def _check(self, recipient: str | None, dataset: str | None) -> None:
        place = self.setting.loaded.place
        for kind, name, known in (("recipient", recipient, place.recipients), ("dataset", dataset, place.datasets)):
            if name is not None and name not in known:
                raise PlaceError(f"there is no {kind} `{name[:64]}`{did_you_mean(name, known)}")


def _register_told(of: Register) -> RegisterTold:
    return RegisterTold(
        kind=of.kind,
        place=of.place,
        controller=of.controller,
        declaration=of.declaration,
        seen=of.seen,
        rows=of.rows[:MOST_ROWS],
        rows_in_all=len(of.rows),
        findings=of.findings[:MOST_ROWS],
        findings_in_all=len(of.findings),
    )


def _erasure_told(row: ErasureRow) -> ErasureTold:
    return ErasureTold(
        number=row.number,
        device=row.device,
        dataset=row.dataset,
        why=row.why,
        since=iso(row.since) if row.since else "",
        until=iso(row.until),
        at=iso(row.made_at),
        person=row.person,
        reason=row.reason,
        rows=row.rows,
        copies=row.copies,
        tell=tuple(row.tell),
        state="done" if row.record else "under way",
        record=row.record,
    )


def _kept_told(one: Kept) -> KeptTold:
    return KeptTold(
        dataset=one.dataset,
        personal=one.personal,
        days=one.days,
        oldest={store: iso(at) if at > 0 else "" for store, at in one.oldest.items()},
        ran=iso(one.ran) if one.ran else "",
        state=one.state,
        why=one.why,
    )
