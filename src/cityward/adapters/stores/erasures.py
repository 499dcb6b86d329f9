"""The book of erasures, and the state database's own copies of what is erased: refused rows, hours, findings, marks.

What is made again from history after a device's rows are gone (hours, newest values, ranges) is `marks`' and `retraction`'s.

INVARIANTS
- Every step done twice is done once.
- After `scrub` what was deleted is in no file of SQLite either: not in a free page, not in the write-ahead log. On PostgreSQL the
  tables are written anew; its own log and its backups are the operator's (docs/personal-data.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, and_, delete, func, insert, or_, select, tuple_, update

from cityward.adapters.stores.database import Database
from cityward.adapters.stores.erasure_schema import ERASURE, RETENTION_RUN
from cityward.adapters.stores.marks_schema import COMMAND_SOURCE, MARK, RETRACTION
from cityward.adapters.stores.release_schema import RECEIPT
from cityward.adapters.stores.schema import EXPECTED, HOURLY, LATEST, QUARANTINE
from cityward.adapters.stores.watch_schema import FINDING, STANDING
from cityward.runtime.undoing.erasure_ports import ErasureRow, Scope

PAIRS_AT_ONCE = 200  # (device, property) in one question
_TELL = msgspec.json.Decoder(tuple[str, ...])
_COPIES = msgspec.json.Decoder(dict[str, int])
_TOUCHED = (QUARANTINE, LATEST, HOURLY, EXPECTED, FINDING, STANDING, MARK, RETRACTION, COMMAND_SOURCE, RECEIPT)


class ErasureBook:
    """`runtime.undoing.erasure_ports.ErasureBook`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def dispose(self) -> None:
        """Close every connection."""
        self._db.dispose()

    # -- the book -----------------------------------------------------------------------------------------------------

    def begin(self, row: ErasureRow) -> ErasureRow:
        """Hold it, numbered; nothing of it is done yet."""
        values = asdict(row) | {"copies": _text(dict(row.copies)), "tell": _text(list(row.tell))}
        del values["number"]
        with self._db.writing("note an erasure") as link:
            number = link.execute(insert(ERASURE).values(values).returning(ERASURE.c.number)).scalar_one()
        return ErasureRow(**(asdict(row) | {"number": number}))

    def found(self, number: int, rows: int, digest: str) -> None:
        """So many rows are to be erased from history: noted before they are."""
        with self._db.writing("note an erasure") as link:
            link.execute(update(ERASURE).where(ERASURE.c.number == number).values(rows=rows, digest=digest))

    def end(self, number: int, record: str) -> None:
        """All of it is done, and on record; with nothing on record there was nothing to do, and it was never there."""
        with self._db.writing("note an erasure") as link:
            mine = ERASURE.c.number == number
            link.execute(update(ERASURE).where(mine).values(record=record) if record else delete(ERASURE).where(mine))

    def unfinished(self) -> Sequence[ErasureRow]:
        """Those under way, in the order they began."""
        wanted = select(ERASURE).where(ERASURE.c.record == "").order_by(ERASURE.c.number)
        with self._db.reading("give the erasures") as link:
            return [_row(row) for row in link.execute(wanted)]

    def erasures(self, device: str | None = None, most: int = 1000) -> Sequence[ErasureRow]:
        """Those that are done, newest first."""
        wanted = select(ERASURE).where(ERASURE.c.record != "").order_by(ERASURE.c.number.desc()).limit(most)
        if device is not None:
            wanted = wanted.where(ERASURE.c.device == device)
        with self._db.reading("give the erasures") as link:
            return [_row(row) for row in link.execute(wanted)]

    def ran(self, dataset: str, at_us: int) -> None:
        """A dataset was looked through, and nothing due is left of it."""
        with self._db.writing("note a run") as link:
            link.execute(self._db.put(RETENTION_RUN), {"dataset": dataset, "at": at_us})

    def runs(self) -> Mapping[str, int]:
        """dataset -> when it was last looked through, city us."""
        with self._db.reading("give the runs") as link:
            return {row.dataset: row.at for row in link.execute(select(RETENTION_RUN))}

    # -- copies -------------------------------------------------------------------------------------------------------

    def count_of_device(self, device: str, since_us: int, until_us: int) -> Mapping[str, int]:
        """store -> rows of a device of that span. Marks: those that lie in the span whole."""
        return self._counted(_of_device(device, since_us, until_us))

    def erase_of_device(self, device: str, since_us: int, until_us: int) -> None:
        """Delete them."""
        self._delete(_of_device(device, since_us, until_us))

    def count_before(self, scope: Scope, before_us: int) -> Mapping[str, int]:
        """store -> rows of a dataset that are older."""
        return self._counted(_before(scope, before_us))

    def erase_before(self, scope: Scope, before_us: int) -> None:
        """Delete them."""
        self._delete(_before(scope, before_us))

    def oldest_of(self, scope: Scope) -> Mapping[str, int]:
        """store -> the oldest time of what it keeps of a dataset, city us; stores that keep nothing of it are absent."""
        out: dict[str, int] = {}
        with self._db.reading("give its oldest rows") as link:
            for name, table, at, which in _scoped(scope):
                found: int | None = link.execute(select(func.min(at)).select_from(table).where(which)).scalar()
                if found is not None:
                    out[name] = min(found, out.get(name, found))
        return out

    def scrub(self) -> None:
        """What was deleted leaves the files, too."""
        self._db.scrub(_TOUCHED)

    def _counted(self, what: Sequence[tuple[str, Table, ColumnElement[bool]]]) -> Mapping[str, int]:
        out: dict[str, int] = {}
        with self._db.reading("count rows") as link:
            for name, table, which in what:
                count = link.execute(select(func.count()).select_from(table).where(which)).scalar_one()
                if count:
                    out[name] = out.get(name, 0) + count
        return out

    def _delete(self, what: Sequence[tuple[str, Table, ColumnElement[bool]]]) -> None:
        with self._db.writing("erase rows") as link:
            for _, table, which in what:
                link.execute(delete(table).where(which))


_Which = tuple[str, Table, ColumnElement[bool]]


def _of_device(device: str, since: int, until: int) -> Sequence[_Which]:
    seen = func.coalesce(QUARANTINE.c.observed_at, QUARANTINE.c.received_at)
    # what claims to be observed at an impossible time is found by when it came
    came = and_(QUARANTINE.c.received_at >= since, QUARANTINE.c.received_at < until)
    refused = and_(QUARANTINE.c.device == device, or_(and_(seen >= since, seen < until), came))
    marks = and_(MARK.c.device == device, MARK.c.since >= since, MARK.c.until <= until)
    out: list[_Which] = [
        ("quarantine", QUARANTINE, refused),
        ("latest", LATEST, _span(LATEST, LATEST.c.observed_at, device, since, until)),
        ("findings", FINDING, and_(FINDING.c.subject == device, FINDING.c.at >= since, FINDING.c.at < until)),
        ("command-sources", COMMAND_SOURCE, _span(COMMAND_SOURCE, COMMAND_SOURCE.c.newest_at, device, since, until)),
        ("retractions", RETRACTION, RETRACTION.c.mark.in_(select(MARK.c.id).where(marks))),
        ("marks", MARK, marks),
    ]
    if since <= 0:
        out.append(("standings", STANDING, STANDING.c.device == device))
        out.append(("expected", EXPECTED, EXPECTED.c.device == device))
    return out


def _span(table: Table, at: ColumnElement[int], device: str, since: int, until: int) -> ColumnElement[bool]:
    return and_(table.c.device == device, at >= since, at < until)


def _scoped(scope: Scope) -> Sequence[tuple[str, Table, ColumnElement[int], ColumnElement[bool]]]:
    """(store, table, its time, which rows are of the dataset)."""
    out: list[tuple[str, Table, ColumnElement[int], ColumnElement[bool]]] = []
    if scope.flows:
        of_flows = QUARANTINE.c.flow.in_(scope.flows)
        out.append(("quarantine", QUARANTINE, QUARANTINE.c.received_at, of_flows))
    if scope.hourly:
        out.append(("hourly", HOURLY, HOURLY.c.hour_us, HOURLY.c.property.in_(scope.hourly)))
    for start in range(0, len(scope.channels), PAIRS_AT_ONCE):
        pairs = list(scope.channels[start : start + PAIRS_AT_ONCE])
        mine = tuple_(LATEST.c.device, LATEST.c.property).in_(pairs)
        out.append(("latest", LATEST, LATEST.c.observed_at, mine))
    for start in range(0, len(scope.marked), PAIRS_AT_ONCE):
        some = MARK.c.device.in_(scope.marked[start : start + PAIRS_AT_ONCE])
        out.append(("marks", MARK, MARK.c.until, some))
    return out


def _before(scope: Scope, before: int) -> Sequence[_Which]:
    return [(name, table, and_(which, at < before)) for name, table, at, which in _scoped(scope)]


def _row(row: Any) -> ErasureRow:
    values: dict[str, Any] = dict(row._mapping)
    values["copies"], values["tell"] = _COPIES.decode(values["copies"]), _TELL.decode(values["tell"])
    return ErasureRow(**values)


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
