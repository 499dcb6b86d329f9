"""Refused releases, gathered: alike ones within a moment are one entry with a count, on record, in the book and told.

INVARIANTS
- Every refusal is counted: beyond `MOST_ALIKE` different ones under `(others)`.
- Evidence first: what the ledger did not take stays gathered, and is tried again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from cityward.evidence.records import ReleaseRefused
from cityward.runtime.ports import EventSink, Ledger
from cityward.runtime.releasing.ports import RefusedRow, ReleaseBook
from cityward.watch.events import Event, EventKind, cut

MOST_ALIKE = 512
OTHERS = "(others)"
PERSON = "person:"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One request that got nothing. `source`: an address, or "" of what is sent by itself. rules: the table's digest.

    A recipient of "": nobody who is known, and no table decided. `person:ada`: one of the city's people; `person:`: who was not
    known to be one.
    """

    recipient: str
    dataset: str
    purpose: str
    source: str
    reasons: tuple[str, ...]
    rules: str


class Refusals:
    """Of any number of threads."""

    def __init__(
        self, book: ReleaseBook, ledger: Ledger, now_us: Callable[[], int], by: str, events: EventSink | None = None
    ) -> None:
        self._book, self._ledger, self._now_us, self._by, self._events = book, ledger, now_us, by, events
        self._gathered: Counter[Refusal] = Counter()
        self._lock = Lock()

    def add(self, one: Refusal, count: int = 1) -> None:
        """Gather it."""
        # SECURITY: what was asked for is a stranger's text: it goes on record harmless, and cut
        one = replace(one, dataset=cut(one.dataset), purpose=cut(one.purpose), source=cut(one.source))
        with self._lock:
            if one not in self._gathered and len(self._gathered) >= MOST_ALIKE:
                one = Refusal(one.recipient, OTHERS, "", "", one.reasons, one.rules)
            self._gathered[one] += count

    def flush(self) -> Sequence[RefusedRow]:
        """Put what was gathered on record, into the book, and tell it.

        Raises:
            LinkError: the ledger or the book does not answer.
        """
        with self._lock:
            gathered, self._gathered = self._gathered, Counter()
        if not gathered:
            return ()
        at = self._now_us()
        try:
            entries = self._ledger.append([self._record(one, count, at) for one, count in gathered.items()])
        except BaseException:
            with self._lock:
                self._gathered.update(gathered)
            raise
        rows = [
            RefusedRow(at, one.recipient, one.dataset, one.purpose, one.source, one.reasons, count, entry)
            for (one, count), entry in zip(gathered.items(), entries, strict=True)
        ]
        self._book.refuse(rows)
        for row in rows:
            self._tell(row)
        return rows

    def _record(self, one: Refusal, count: int, at: int) -> ReleaseRefused:
        return ReleaseRefused(
            at=at,
            by=self._by,
            recipient=one.recipient,
            dataset=one.dataset,
            purpose=one.purpose,
            source=one.source,
            reasons=one.reasons,
            count=count,
            rules=one.rules,
        )

    def _tell(self, row: RefusedRow) -> None:
        if self._events is None or row.recipient.startswith(PERSON):  # the people's door has told it
            return
        detail = {
            "door": "release",
            "why": cut(" ".join(row.reasons)),
            "count": str(row.count),
            "dataset": cut(row.dataset),
            "purpose": cut(row.purpose),
        }
        self._events.tell(
            Event(
                at=row.at,
                kind=EventKind.TURNED_AWAY,
                by=self._by,
                subject=cut(f"recipient:{row.recipient}") if row.recipient else "",
                source=cut(row.source),
                detail=detail,
                record=row.record,
            )
        )
