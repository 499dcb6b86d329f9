"""From what passed the gate to what may leave: the receipt on record, then in the book; only then is there a `Released`.

INVARIANTS
- Nothing is handed out before its receipt stands in the ledger and in the book.
- A receipt whose rows did not leave after all says so: a `Delivery` that was shed follows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from cityward.evidence.records import Delivery, Release
from cityward.guard.layout import as_used
from cityward.guard.release import Passed, Released
from cityward.policy.forms import words_of
from cityward.runtime.ports import Ledger
from cityward.runtime.releasing.ports import DELIVERED, QUEUED, SHED, Due, LaneAt, Receipt, ReleaseBook, ToldOtherwise
from cityward.runtime.releasing.rules import Lane, ReleaseRules

Body = Callable[[Released], bytes]


@dataclass(frozen=True, slots=True)
class Counter:
    """Where rows are handed over. `by`: the role; `way`: query | live | webhook | export."""

    book: ReleaseBook
    ledger: Ledger
    by: str

    def hand(
        self,
        some: Sequence[Passed],
        rules: ReleaseRules,
        lane: Lane,
        to: str,
        now_us: int,
        at: LaneAt | None,
        body: Body | None,
    ) -> Sequence[tuple[Released, Receipt]]:
        """Put the receipts on record and into the book, all or none of them.

        Args:
            some: what passed, each by itself; what has no rows gets no receipt.
            to: the address block or endpoint, as declared.
            at: how far the lane is with it; None: it does not move.
            body: what is queued; None: it is given at once.

        Raises:
            ToldOtherwise: some of its cells were told with another value meanwhile; ask the gate again.
            LinkError: ledger or book did not answer; nothing left.
        """
        full = [passed for passed in some if passed.rows]
        records = [self._record(passed, rules, lane, to, now_us) for passed in full]
        entries = self.ledger.append(records) if records else ()
        state = QUEUED if body is not None else DELIVERED
        made = [
            (passed.seal(entry), receipt_of(record, entry, _devices(passed, rules), state))
            for passed, record, entry in zip(full, records, entries, strict=True)
        ]
        bodies = tuple((receipt, None if body is None else body(released)) for released, receipt in made)
        withheld = sum(withheld_of(passed) for passed in some)
        try:
            self.book.take(lane.recipient, Due(lane.name, at, bodies, withheld, [passed.atoms for passed in full]))
        except ToldOtherwise:
            self.never_left([receipt for _, receipt in made], now_us, "told-otherwise")
            raise
        return made

    def _record(self, passed: Passed, rules: ReleaseRules, lane: Lane, to: str, now_us: int) -> Release:
        decision = passed.decision
        devices = _devices(passed, rules)
        return Release(
            at=now_us,
            by=self.by,
            recipient=lane.recipient,
            party=decision.grounds.party,
            flow=decision.grounds.flow,
            agreement=decision.grounds.agreement,
            datasets=(lane.dataset,),
            purpose=lane.purpose,
            way=rules.place.recipients[lane.recipient].by,
            to=to,
            form=words_of(as_used(decision.form)),
            since=passed.since,
            until=passed.until,
            rows=passed.rows,
            units=len(devices),
            units_digest=hashlib.sha256("\n".join(devices).encode()).hexdigest(),
            digest=passed.digest,
            withheld={name: count for name, count in asdict(passed.withheld).items() if count},
            rules=decision.rules,
            posture=decision.posture,
            declaration=rules.declaration,
        )

    def never_left(self, receipts: Sequence[Receipt], now_us: int, reason: str, tries: int = 0) -> None:
        """Say on record that receipts' rows were shed."""
        if receipts:
            self.ledger.append([delivery(self.by, one, SHED, now_us, tries, reason) for one in receipts])


def delivery(by: str, receipt: Receipt, outcome: str, at: int, tries: int, reason: str = "") -> Delivery:
    """What became of a receipt's rows, as evidence."""
    return Delivery(
        at=at,
        by=by,
        receipt=receipt.record,
        recipient=receipt.recipient,
        outcome=outcome,
        rows=receipt.rows,
        tries=tries,
        reason=reason,
    )


def receipt_of(record: Release, entry: str, devices: tuple[str, ...], state: str) -> Receipt:
    """As the book keeps it."""
    return Receipt(
        record=entry,
        recipient=record.recipient,
        party=record.party,
        flow=record.flow,
        agreement=record.agreement,
        dataset=record.datasets[0],
        purpose=record.purpose,
        way=record.way,
        at=record.at,
        since=record.since,
        until=record.until,
        rows=record.rows,
        units=record.units,
        devices=devices,
        digest=record.digest,
        form=record.form,
        rules=record.rules,
        state=state,
    )


def withheld_of(passed: Passed) -> int:
    """Rows of the dataset that did not leave; those of others were read beside it, and are no loss."""
    return replace(passed.withheld, other=0).total


def _devices(passed: Passed, rules: ReleaseRules) -> tuple[str, ...]:
    units = rules.layout.registry.units
    return tuple(sorted(units[number].id for number in passed.units.tolist()))
