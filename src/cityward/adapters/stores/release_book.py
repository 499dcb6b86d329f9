"""What left, what waits, and how far each recipient was given what is held. Implements `runtime.releasing.ports.ReleaseBook`.

INVARIANTS
- `triggered == sent + queued + shed` for every recipient, in every state a reader can see (the table itself refuses otherwise).
- A receipt, what is to be sent, the position and the atoms are there together or not at all.
- An atom that was told stays with the value it was told with.
- A body is kept until it is settled, and no longer.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, delete, func, select, update

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.release_schema import ATOM, GIVEN, GIVEN_OF, LANE, RECEIPT, REFUSED, RELEASE_COUNT
from cityward.guard.release import Atoms
from cityward.runtime.releasing.ports import (
    DELIVERED,
    QUEUED,
    Due,
    GivenOf,
    GivenRow,
    LaneAt,
    Receipt,
    RecipientCount,
    RefusedRow,
    ToldOtherwise,
)  # fmt: skip
from cityward.time import DAY

MOST = 100_000
REFUSED_KEPT = 10_000
SCANNED = 20_000  # receipts looked through for those of one device
FOREVER = (1 << 63) - 1
_AT_ONCE = 500

_AT = msgspec.json.Decoder(LaneAt)
_FORM = msgspec.json.Decoder(dict[str, str])
_COUNTS = ("recipient", "triggered", "sent", "queued", "shed", "withheld", "refused", "last_sent_at")
_HEAD = [column for column in RECEIPT.c if column.name not in {"body"}]


class ReleaseRecords:
    """`runtime.releasing.ports.ReleaseBook`. Of any number of threads and processes."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- what is due --------------------------------------------------------------------------------------------------

    def position(self, recipient: str, lane: str) -> LaneAt | None:
        """See the port."""
        mine = (LANE.c.recipient == recipient) & (LANE.c.lane == lane)
        with self._db.reading("say how far a recipient was followed") as link:
            text = link.execute(select(LANE.c.at).where(mine)).scalar()
            return None if text is None else _AT.decode(text)

    def take(self, recipient: str, due: Due) -> None:
        """See the port."""
        with self._db.writing("take what is due to a recipient") as link:
            if due.at is not None:
                at = msgspec.json.encode(due.at).decode()
                link.execute(self._db.put(LANE), {"recipient": recipient, "lane": due.lane, "at": at})
            for atoms in due.atoms:
                self._remember(link, atoms)
            for receipt, body in due.receipts:
                self._put_receipt(link, receipt, body)
            rows = sum(receipt.rows for receipt, _ in due.receipts)
            queued = sum(receipt.rows for receipt, body in due.receipts if body is not None)
            given = [receipt.at for receipt, body in due.receipts if body is None]
            counts = {"triggered": rows, "queued": queued, "sent": rows - queued, "withheld": due.withheld}
            self._count(link, recipient, max(given, default=None), **counts)

    def _put_receipt(self, link: Connection, one: Receipt, body: bytes | None) -> None:
        link.execute(self._db.insert(RECEIPT), _receipt_row(one) | {"body": body})
        form = msgspec.json.encode(one.form, order="sorted").decode()
        given = GivenRow(
            one.recipient, one.at // DAY, one.dataset, one.purpose, one.party, one.flow, one.agreement, form, one.rows, 1
        )  # fmt: skip
        row = {name: getattr(given, name) for name in GivenRow.__slots__}
        link.execute(self._db.add(GIVEN), row)
        many(link, self._given_of(), [_of_device(device, one) for device in one.devices])

    def forget(self, before_us: int) -> int:
        """Receipts that are settled and older go; how many. The evidence has them all, and `given` the sums."""
        with self._db.writing("forget old receipts") as link:
            return link.execute(delete(RECEIPT).where(RECEIPT.c.at < before_us, RECEIPT.c.state != QUEUED)).rowcount

    def forget_atoms(self, before_us: int) -> int:
        """Atoms that begin before go; how many.

        INVARIANT: the caller knows that no row of them is held any more: they could be told otherwise.
        """
        with self._db.writing("forget old cells") as link:
            return link.execute(delete(ATOM).where(ATOM.c.start < before_us)).rowcount

    def oldest(self) -> tuple[int | None, int | None]:
        """When the oldest receipt that is settled was written, and where the oldest atom begins; city us. None: there is none."""
        with self._db.reading("say what is oldest") as link:
            receipt = link.execute(select(func.min(RECEIPT.c.at)).where(RECEIPT.c.state != QUEUED)).scalar()
            return receipt, link.execute(select(func.min(ATOM.c.start))).scalar()

    def _given_of(self) -> Any:
        insert = self._db.insert(GIVEN_OF)
        held, new = GIVEN_OF.c, insert.excluded
        smaller, larger = (func.min, func.max) if self._db.is_sqlite else (func.least, func.greatest)
        return insert.on_conflict_do_update(
            index_elements=["device", "recipient", "dataset", "day"],
            set_={
                "since": smaller(held.since, new["since"]),
                "until": larger(held.until, new["until"]),
                "receipts": held.receipts + new["receipts"],
                "first_at": smaller(held.first_at, new["first_at"]),
                "last_at": larger(held.last_at, new["last_at"]),
            },
        )

    def waiting(self, recipient: str, most: int) -> Sequence[tuple[Receipt, bytes]]:
        """See the port."""
        mine = (RECEIPT.c.recipient == recipient) & (RECEIPT.c.state == QUEUED)
        with self._db.reading("say what waits") as link:
            rows = link.execute(select(*_HEAD, RECEIPT.c.body).where(mine).order_by(RECEIPT.c.ordinal).limit(most))
            return [(_receipt(row), bytes(row.body or b"")) for row in rows]

    def over(self, recipient: str, bound: int) -> Sequence[Receipt]:
        """See the port."""
        mine = (RECEIPT.c.recipient == recipient) & (RECEIPT.c.state == QUEUED)
        with self._db.reading("say what waits") as link:
            rows = link.execute(select(*_HEAD).where(mine).order_by(RECEIPT.c.ordinal.desc()).limit(MOST)).all()
        held, out = 0, list[Receipt]()
        for n, row in enumerate(rows):
            held += row.rows
            if n and held > bound:
                out.append(_receipt(row))
        return out[::-1]

    def settled(self, record: str, state: str, tries: int, at: int, reason: str = "") -> bool:
        """See the port."""
        mine = (RECEIPT.c.record == record) & (RECEIPT.c.state == QUEUED)
        with self._db.writing("settle what was due") as link:
            row = link.execute(select(RECEIPT.c.recipient, RECEIPT.c.rows).where(mine)).first()
            if row is None:
                return False
            changed = {"state": state, "tries": tries, "reason": reason, "body": None}
            link.execute(update(RECEIPT).where(mine).values(changed))
            sent = state == DELIVERED
            counts = {"queued": -row.rows, "sent" if sent else "shed": row.rows}
            self._count(link, row.recipient, **counts, **({"last_sent_at": at} if sent else {}))
        return True

    def known(self, records: Sequence[str]) -> frozenset[str]:
        """See the port."""
        found: set[str] = set()
        with self._db.reading("look for receipts") as link:
            for n in range(0, len(records), _AT_ONCE):
                some = RECEIPT.c.record.in_(records[n : n + _AT_ONCE])
                found.update(link.execute(select(RECEIPT.c.record).where(some)).scalars())
        return frozenset(found)

    def _count(self, link: Connection, recipient: str, last_sent_at: int | None = None, **counts: int) -> None:
        row = dict.fromkeys(_COUNTS[1:], 0) | counts | {"recipient": recipient, "last_sent_at": 0}
        # the row first: an insert that adds would be held to the balance by its own numbers, and those may be negative
        nothing = dict.fromkeys(_COUNTS[1:], 0) | {"recipient": recipient}
        link.execute(self._db.insert(RELEASE_COUNT).on_conflict_do_nothing(), nothing)
        column = RELEASE_COUNT.c
        new: dict[str, Any] = {name: column[name] + row[name] for name in _COUNTS[1:7]}
        if last_sent_at is not None:
            new["last_sent_at"] = last_sent_at
        link.execute(update(RELEASE_COUNT).where(column.recipient == recipient).values(new))

    # -- atoms --------------------------------------------------------------------------------------------------------

    def told(self, since_us: int, until_us: int) -> Atoms:
        """See the port."""
        mine = (ATOM.c.start >= since_us) & (ATOM.c.start < until_us)
        with self._db.reading("say which cells were told") as link:
            rows = link.execute(select(ATOM.c.name, ATOM.c.start, ATOM.c.seen).where(mine)).all()
        table = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 3)
        name, start, seen = (np.ascontiguousarray(table[:, k]) for k in range(3))
        return Atoms(name.view(np.uint64), start, seen.view(np.uint64))

    def _remember(self, link: Connection, atoms: Atoms) -> None:
        if not len(atoms.name):
            return
        columns = (atoms.name.view(np.int64).tolist(), atoms.start.tolist(), atoms.seen.view(np.int64).tolist())
        rows = [{"name": n, "start": t, "seen": s} for n, t, s in zip(*columns, strict=True)]
        many(link, self._db.insert(ATOM).on_conflict_do_nothing(), rows)
        first, last = min(columns[1]), max(columns[1])
        span = select(ATOM.c.name, ATOM.c.start, ATOM.c.seen).where(ATOM.c.start >= first, ATOM.c.start <= last)
        held = {(n, t): s for n, t, s in link.execute(span)}
        if any(held[row["name"], row["start"]] != row["seen"] for row in rows):
            raise ToldOtherwise

    # -- what left ----------------------------------------------------------------------------------------------------

    def taken_on(self, recipient: str, day: int) -> int:
        """See the port."""
        mine = (GIVEN.c.recipient == recipient) & (GIVEN.c.day == day)
        with self._db.reading("say what was given today") as link:
            return int(link.execute(select(func.sum(GIVEN.c.rows)).where(mine)).scalar() or 0)

    def refuse(self, rows: Sequence[RefusedRow]) -> None:
        """Keep and count refused requests."""
        if not rows:
            return
        with self._db.writing("take refusals") as link:
            many(link, self._db.insert(REFUSED), [_refused_row(row) for row in rows])
            for row in rows:
                if row.recipient and ":" not in row.recipient:  # not of somebody unknown, nor of people
                    self._count(link, row.recipient, refused=row.count)
            newest = link.execute(select(func.max(REFUSED.c.ordinal))).scalar_one()
            link.execute(delete(REFUSED).where(REFUSED.c.ordinal <= newest - REFUSED_KEPT))

    def refusals(self, recipient: str | None, most: int) -> Sequence[RefusedRow]:
        """See the port."""
        columns = [REFUSED.c[name] for name in RefusedRow.__slots__]
        asked = select(*columns).order_by(REFUSED.c.ordinal.desc()).limit(min(most, MOST))
        asked = asked if recipient is None else asked.where(REFUSED.c.recipient == recipient)
        with self._db.reading("give the refusals") as link:
            rows: list[dict[str, Any]] = [dict(row) for row in link.execute(asked).mappings()]
        for row in rows:
            row["reasons"] = tuple(row["reasons"].split())
        return [RefusedRow(**row) for row in rows]

    def counts(self) -> Sequence[RecipientCount]:
        """See the port."""
        columns = [RELEASE_COUNT.c[name] for name in _COUNTS]
        with self._db.reading("give the counts of recipients") as link:
            rows = link.execute(select(*columns).order_by(RELEASE_COUNT.c.recipient).limit(MOST))
            return [RecipientCount(*row) for row in rows]

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
        """See the port. Of a device the newest `SCANNED` receipts of the span are looked through."""
        asked = select(*_HEAD).order_by(RECEIPT.c.ordinal.desc())
        asked = asked.where(RECEIPT.c.until > since_us) if since_us else asked
        asked = asked if until_us is None else asked.where(RECEIPT.c.since < until_us)
        asked = asked if recipient is None else asked.where(RECEIPT.c.recipient == recipient)
        asked = asked if dataset is None else asked.where(RECEIPT.c.dataset == dataset)
        asked = asked if purpose is None else asked.where(RECEIPT.c.purpose == purpose)
        asked = (
            asked
            if days is None
            else asked.where(RECEIPT.c.at >= days[0] * DAY, RECEIPT.c.at < min((days[1] + 1) * DAY, FOREVER))
        )
        if after:
            beyond = select(RECEIPT.c.ordinal).where(RECEIPT.c.record == after).scalar_subquery()
            asked = asked.where(RECEIPT.c.ordinal < beyond)
        with self._db.reading("give the receipts") as link:
            found = link.execute(asked.limit(SCANNED if device is not None else min(most, MOST)))
            mine = (_receipt(row) for row in found)
            return [one for one in mine if device is None or device in one.devices][:most]

    def given_of(self, device: str, since_us: int, until_us: int) -> Sequence[GivenOf]:
        """See the port."""
        c = GIVEN_OF.c
        asked = (
            select(
                c.device, c.recipient, c.dataset, func.min(c.since), func.max(c.until), func.sum(c.receipts),
                func.min(c.first_at), func.max(c.last_at),
            )
            .where(c.device == device, c.since < until_us, c.until > since_us)
            .group_by(c.device, c.recipient, c.dataset)
            .order_by(c.recipient, c.dataset)
        )  # fmt: skip
        with self._db.reading("say who was given a device's rows") as link:
            return [GivenOf(*row) for row in link.execute(asked.limit(MOST))]

    def given(
        self, recipient: str | None, first_day: int, last_day: int, dataset: str | None = None
    ) -> Sequence[GivenRow]:
        """What was given on city days, the last one included."""
        columns = [GIVEN.c[name] for name in GivenRow.__slots__]
        asked = select(*columns).where(GIVEN.c.day >= first_day, GIVEN.c.day <= last_day)
        asked = asked if recipient is None else asked.where(GIVEN.c.recipient == recipient)
        asked = asked if dataset is None else asked.where(GIVEN.c.dataset == dataset)
        with self._db.reading("say what was given") as link:
            rows = link.execute(asked.order_by(GIVEN.c.recipient, GIVEN.c.day, GIVEN.c.dataset).limit(MOST))
            return [GivenRow(*row) for row in rows]


def _receipt_row(one: Receipt) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in Receipt.__slots__}
    devices = zlib.compress("\n".join(one.devices).encode(), 1)
    return plain | {"devices": devices, "form": msgspec.json.encode(one.form, order="sorted").decode()}


def _receipt(row: Any) -> Receipt:
    held: dict[str, Any] = {name: getattr(row, name) for name in Receipt.__slots__}
    names = zlib.decompress(row.devices).decode()
    held |= {"devices": tuple(names.split("\n")) if names else (), "form": _FORM.decode(row.form)}
    return Receipt(**held)


def _refused_row(row: RefusedRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in RefusedRow.__slots__} | {"reasons": " ".join(row.reasons)}


def _of_device(device: str, one: Receipt) -> dict[str, Any]:
    return {
        "device": device, "recipient": one.recipient, "dataset": one.dataset, "day": one.since // DAY, "since": one.since,
        "until": one.until, "receipts": 1, "first_at": one.at, "last_at": one.at,
    }  # fmt: skip
