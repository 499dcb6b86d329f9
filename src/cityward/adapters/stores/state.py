"""The state store: what one batch changes, in one transaction with its positions. `SqlState` is all of the database at once.

INVARIANTS
- `received == admitted + refused + shed` for every flow, in every state a reader can see (the table itself refuses otherwise).
- A batch is applied once: where none of its partitions moves on, nothing changes. Where some do (partitions that stood at
  different sequences are read together), its effects are those of messages not held yet: the intake leaves out the others.
- The newest value of a channel is the newest *observed*: a backlog that arrives late is history, not news.
- What a retraction in force covers is in no latest value and no hour, from the transaction on in which it came into force.
- At most `QUARANTINE_KEPT` refused rows are kept, the newest; `not_kept` counts the others, so that none is forgotten silently.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, and_, case, delete, func, select

from cityward.adapters.stores.budget_schema import keep, kept
from cityward.adapters.stores.commands import CommandBook
from cityward.adapters.stores.containments import ContainmentBook
from cityward.adapters.stores.credentials import ConnectionBook, DeviceCredentials
from cityward.adapters.stores.database import Database, Insert, many
from cityward.adapters.stores.documents import FeedDocuments
from cityward.adapters.stores.marks import MarkBook, retracted
from cityward.adapters.stores.overrides import OverrideBook
from cityward.adapters.stores.people import PeopleBook
from cityward.adapters.stores.postures import PostureBook
from cityward.adapters.stores.readings import EXCERPT_BYTES, Readings
from cityward.adapters.stores.recipients import RecipientBook
from cityward.adapters.stores.release_book import ReleaseRecords
from cityward.adapters.stores.schema import (
    FLOW_COUNT,
    HOURLY,
    LATEST,
    POSITION,
    QUARANTINE,
    REASON_COUNT,
    SEEN,
    TALLY,
)
from cityward.adapters.stores.segments import Segments
from cityward.adapters.stores.service_records import ServiceRecords
from cityward.adapters.stores.sessions import SignIns
from cityward.adapters.stores.views import ViewRecords
from cityward.adapters.stores.watch_book import WatchRecords
from cityward.adapters.stores.watch_hands import HandRecords
from cityward.runtime.ports import BatchEffects, BudgetWindow, DeviceSeen, FlowCount, HourlyRow, Latest, Quarantined

QUARANTINE_KEPT = 100_000  # some 50 MB
DROPPED, PRUNED = "quarantine-dropped", "quarantine-pruned"


class BatchState:
    """`runtime.ports.State`. Any number of threads and processes, each partition from one of them at a time."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._advance = _where_newer(database)
        self._latest, self._hourly, self._seen = _newest(database), _merged(database), _last_seen(database)

    def committed(self) -> Mapping[int, int]:
        """partition -> the last log sequence whose effects are here."""
        with self._db.reading("say what it holds") as link:
            rows = link.execute(select(POSITION.c.partition, POSITION.c.seq))
            return {row.partition: row.seq for row in rows}

    def apply(self, effects: BatchEffects) -> None:
        """Carry out all that a batch changes, in one transaction; nothing where its partitions are all past `upto`.

        Raises:
            LinkError: the database does not answer; nothing was changed.
            ValueError: the counts of a flow do not balance.
        """
        counts = _summed(effects.counts)
        with self._db.writing("take a batch") as link:
            if effects.upto and not self._moved_on(link, effects.upto):
                return
            many(link, self._db.add(FLOW_COUNT), counts)
            many(link, self._db.add(REASON_COUNT), _reason_rows(effects.reasons))
            latest, hourly = _derived(link, effects)
            many(link, self._latest, _latest_rows(latest))
            many(link, self._hourly, _hourly_rows(hourly))
            many(link, self._seen, _seen_rows(effects.seen))
            keep(self._db, link, effects.budgets)
            self._keep_refused(link, effects)

    def rate_windows(self) -> Mapping[str, tuple[int, int, int]]:
        """device -> (minute, messages in it, last seen), as last committed."""
        with self._db.reading("give the rate windows") as link:
            rows = link.execute(select(SEEN.c.device, SEEN.c.minute, SEEN.c.in_minute, SEEN.c.last_seen))
            return {device: (minute, count, last) for device, minute, count, last in rows}

    def budget_windows(self) -> Sequence[BudgetWindow]:
        """What is used up of the budgets, as last committed."""
        with self._db.reading("give the used-up budgets") as link:
            return kept(link)

    def not_kept(self) -> Mapping[str, int]:
        """Refused rows that the quarantine does not hold: `dropped` beyond a batch's bound, `pruned` to make room."""
        with self._db.reading("count what it forgot") as link:
            rows = link.execute(select(TALLY.c.name, TALLY.c.count).where(TALLY.c.name.in_([DROPPED, PRUNED])))
            found = {row.name: row[1] for row in rows}
        return {"dropped": found.get(DROPPED, 0), "pruned": found.get(PRUNED, 0)}

    def _moved_on(self, link: Connection, upto: Mapping[int, int]) -> bool:
        """Move the positions; whether any did. On PostgreSQL this also makes a second worker of a partition wait."""
        rows = [{"partition": p, "seq": seq} for p, seq in sorted(upto.items())]
        return bool(link.execute(self._advance, rows).all())

    def _keep_refused(self, link: Connection, effects: BatchEffects) -> None:
        tallies = Counter({DROPPED: effects.quarantine_dropped})
        if effects.quarantine:
            many(link, self._db.insert(QUARANTINE), _quarantine_rows(effects.quarantine))
            newest = link.execute(select(func.max(QUARANTINE.c.ordinal))).scalar_one()
            old = delete(QUARANTINE).where(QUARANTINE.c.ordinal <= newest - QUARANTINE_KEPT)
            tallies[PRUNED] = link.execute(old).rowcount
        many(link, self._db.add(TALLY), [{"name": n, "count": c} for n, c in sorted(tallies.items()) if c])


class SqlState(
    BatchState,
    Readings,
    CommandBook,
    MarkBook,
    DeviceCredentials,
    ConnectionBook,
    ContainmentBook,
    OverrideBook,
    PostureBook,
    PeopleBook,
    SignIns,
):
    """Every contract that the one database fulfils, for whoever needs several. Each is a class of its own, usable alone.

    `close` ends a person's session (`runtime.ports.Sessions`); `dispose` closes the database. `watch`: findings, incidents and
    standings (`runtime.watching.ports.WatchBook`). `releases`: what left (`runtime.releasing.ports.ReleaseBook`).
    `recipients`: who may take it. `services`: what they remember, say and plan (`runtime.serving.kept.ServiceKeeper`). `feeds`:
    documents held. `segments`: recordings (`runtime.pictures.camera_ports.SegmentBook`). `views`: who looked
    (`runtime.pictures.viewing.ViewBook`). `hands`: whose incidents are.
    """

    def __init__(self, url: str) -> None:
        """Open the database at an SQLAlchemy URL: `sqlite:///<path>` or `postgresql://...`. Raises `LinkError`."""
        super().__init__(Database(url))
        self.watch = WatchRecords(self._db)
        self.hands = HandRecords(self._db)
        self.releases = ReleaseRecords(self._db)
        self.recipients = RecipientBook(self._db)
        self.services = ServiceRecords(self._db)
        self.feeds = FeedDocuments(self._db)
        self.segments = Segments(self._db)
        self.views = ViewRecords(self._db)

    def dispose(self) -> None:
        """Close every connection."""
        self._db.dispose()


def _derived(link: Connection, effects: BatchEffects) -> tuple[Sequence[Latest], Sequence[HourlyRow]]:
    """What the batch's rows make, without those that are retracted."""
    marks = retracted(link) if effects.without is not None else ()
    return effects.without(marks) if marks and effects.without is not None else (effects.latest, effects.hourly)


def _where_newer(db: Database) -> Insert:
    insert = db.insert(POSITION)
    return insert.on_conflict_do_update(
        index_elements=["partition"], set_={"seq": insert.excluded.seq}, where=insert.excluded.seq > POSITION.c.seq
    ).returning(POSITION.c.partition)  # pyright: ignore[reportReturnType]


def _newest(db: Database) -> Insert:
    insert = db.insert(LATEST)
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["device", "property"],
        set_={name: new[name] for name in ("value", "observed_at", "received_at", "seq")},
        where=and_(new.seq > LATEST.c.seq, new.observed_at >= LATEST.c.observed_at),
    )


def _merged(db: Database) -> Insert:
    insert = db.insert(HOURLY)
    new, old = insert.excluded, HOURLY.c
    return insert.on_conflict_do_update(
        index_elements=["property", "area", "hour_us"],
        set_={
            "count": old.count + new.count,
            "total": old.total + new.total,
            "low": case((new.low < old.low, new.low), else_=old.low),
            "high": case((new.high > old.high, new.high), else_=old.high),
        },
    )


def _last_seen(db: Database) -> Insert:
    insert = db.insert(SEEN)
    return insert.on_conflict_do_update(
        index_elements=["device"],
        set_={name: insert.excluded[name] for name in ("last_seen", "minute", "in_minute")},
        where=insert.excluded.last_seen >= SEEN.c.last_seen,
    )


# Rows are sorted by key, so that two workers on PostgreSQL lock them in the same order and never wait in a circle.


def _summed(counts: Sequence[FlowCount]) -> list[dict[str, object]]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for c in counts:
        if c.received != c.admitted + c.refused + c.shed:
            raise ValueError(f"the counts of flow `{c.flow}` do not balance: {c}")
        sums[c.flow] = [a + b for a, b in zip(sums[c.flow], (c.received, c.admitted, c.refused, c.shed), strict=True)]
    names = ("received", "admitted", "refused", "shed")
    return [{"flow": flow, **dict(zip(names, sums[flow], strict=True))} for flow in sorted(sums)]


def _reason_rows(reasons: Mapping[tuple[str, str], int]) -> list[dict[str, object]]:
    return [{"flow": flow, "reason": reason, "count": n} for (flow, reason), n in sorted(reasons.items())]


def _latest_rows(latest: Sequence[Latest]) -> list[dict[str, object]]:
    return [
        {
            "device": row.device,
            "property": row.property,
            "value": row.value,
            "observed_at": row.observed_at,
            "received_at": row.received_at,
            "seq": row.seq,
        }
        for row in sorted(latest, key=lambda r: (r.device, r.property, r.seq))
    ]


def _hourly_rows(hourly: Sequence[HourlyRow]) -> list[dict[str, object]]:
    return [asdict(row) for row in sorted(hourly, key=lambda r: (r.property, r.area, r.hour_us))]


def _seen_rows(seen: Sequence[DeviceSeen]) -> list[dict[str, object]]:
    return [
        {"device": row.device, "last_seen": row.last_seen, "minute": row.window, "in_minute": row.in_window}
        for row in sorted(seen, key=lambda r: (r.device, r.last_seen))
    ]


def _quarantine_rows(rows: Sequence[Quarantined]) -> list[dict[str, object]]:
    return [
        {
            "seq": row.seq,
            "row_in_batch": row.row,
            "device": row.device,
            "flow": row.flow,
            "property": row.property,
            "reason": row.reason,
            "value": row.value,
            "observed_at": row.observed_at,
            "received_at": row.received_at,
            "excerpt": row.excerpt[:EXCERPT_BYTES],
        }
        for row in rows
    ]
