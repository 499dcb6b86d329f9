"""Taking a device's data back: its rows are marked, what was derived from them is made again without, who must be told is listed.

Theory of operation
-------------------
    look -> Marked on record -> mark begun -> hours listed -> hours, newest values, ranges made again -> Retracted on record
                                  (from here what arrives late into the span is left out as it is applied)

Clearing is the same way with the mark taken off. Rows stay in history as they were admitted, in the same files, with the same
digests: a mark is an interval that readers join, so a retraction is undone by taking it off, evidence stays true, and a mark
costs the same whether it covers ten rows or ten million.

One process at a time does this (the caller sees to it); workers go on meanwhile. After a crash `resume`, which a running
city calls by itself, goes on where the records and the book say: a `Marked` that the book does not know is begun, what is under
way is listed, what is listed is made.

INVARIANTS
- Evidence first: a mark is on record before it is in force, and taken off on record before it is taken off.
- When `retract`, `clear` or `resume` returns, every hour equals what the unretracted rows held make, up to the rounding of sums.
- Again is once: the same device, span and properties are one mark.

Fails when: the declaration changed since the rows were admitted. Hours are made again with today's areas and without the rows of
channels that are no longer declared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.errors import LinkError
from cityward.evidence.records import AnyRecord, Marked, Retracted
from cityward.insight.expected import expected_ranges
from cityward.insight.hourly import NO_AREA, HourlyRow, added_up, by_hour
from cityward.insight.marks import Mark, MarkState, covered, digest_of, mark_id
from cityward.place.registry import Registry
from cityward.runtime.ports import Latest
from cityward.runtime.undoing.mark_ports import DeviceRows, Hour, MarkBook, MarkedHistory, MarkRow, RetractionRow
from cityward.time import DAY, HOUR

EXPECTED_DAYS = 28
HOURS_AT_ONCE = 6  # made again in one transaction, beside which no batch is applied: some 0.3 s at 50,000 rows an hour
STALE_AT_ONCE = 500
COMMANDS_NAMED = 100  # in the record; the rest is counted
TAIL = 10_000
CLEARED = "cleared"


class MarkLedger(Protocol):
    """The log in which marks are."""

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]: ...
    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]: ...


@dataclass(frozen=True, slots=True)
class RetractionPorts:
    """What a retraction needs. `tell`: who must be told that data of a device was false. now_us: the city's clock."""

    book: MarkBook
    history: MarkedHistory
    ledger: MarkLedger
    tell: Callable[[str], Sequence[str]]
    now_us: Callable[[], int]


class Retractions:
    """See the module. `by` is the role under which evidence is written."""

    def __init__(self, ports: RetractionPorts, registry: Registry, by: str = "taint") -> None:
        self.ports, self.registry, self.by = ports, registry, by

    def retract(
        self, device: str, properties: Sequence[str], since_us: int, until_us: int, *, why: str, person: str
    ) -> MarkRow:
        """Mark the rows of a declared device and make again what came of them; the mark, in force.

        Args:
            device: a unit of the registry.
            properties: observed properties; none for all.
            since_us, until_us: observed from the one to before the other.

        Raises:
            LinkError: a store did not answer. What was begun is gone on with by the next call.
        """
        self.resume()
        named = tuple(sorted(set(properties)))
        id_ = mark_id(device, named, since_us, until_us, MarkState.RETRACTED)
        known = self._row(id_)
        if known is not None and known.phase == "in-force":
            return known
        mark = Mark(
            id=id_, device=device, properties=named, since=since_us, until=until_us, state=MarkState.RETRACTED,
            why=why, person=person, made_at=self.ports.now_us(),
        )  # fmt: skip
        rows, digest = self._look(mark)
        entry = self._record(mark, MarkState.RETRACTED.value, rows, digest, person, why)
        self.ports.book.begin_mark(msgspec.structs.replace(mark, record=entry), rows, digest)
        return self._finish(id_)

    def clear(self, id_: str, *, why: str, person: str) -> MarkRow | None:
        """Take a mark off, and make again what came of its rows; None where there is no such mark."""
        self.resume()
        row = self._row(id_)
        if row is None or row.phase == CLEARED:
            return row
        rows, digest = self._look(row.mark)
        self._record(row.mark, CLEARED, rows, digest, person, why)
        self.ports.book.begin_clear(id_, self.ports.now_us())
        return self._finish(id_)

    def resume(self) -> int:
        """Go on with what a crash left; how many marks were under way."""
        self._take_from_record()
        left = self.ports.book.unfinished_marks()
        for row in left:
            self._finish(row.mark.id)
        self._make_stale_hours()
        return len(left)

    def list_again(self, span: Mark) -> None:
        """List the hours that rows of the span are in: before the rows are erased, after which nobody could say."""
        self.ports.book.list_hours(self._hours_of(span))

    def make_again(self, device: str) -> None:
        """Make the listed hours, and a device's newest values and ranges, of what history holds now."""
        self._make_stale_hours()
        self.ports.book.make_latest(device, lambda upto, marks: self._latest(device, upto, marks))
        self._make_ranges(device)

    # -- steps, each of which may be done again -----------------------------------------------------------------------

    def _take_from_record(self) -> None:
        """What is on record and not in the book never got there."""
        newest: dict[str, tuple[str, Marked]] = {}
        for entry, record in self.ports.ledger.tail(TAIL):
            if isinstance(record, Marked) and record.state in (MarkState.RETRACTED.value, CLEARED):
                newest[record.mark] = (entry, record)
        for entry, record in newest.values():
            row = self._row(record.mark)
            if record.state == CLEARED:
                if row is not None and row.phase == "in-force" and record.at >= row.mark.made_at:
                    self.ports.book.begin_clear(record.mark, record.at)
            elif row is None or (row.phase == CLEARED and row.mark.made_at < record.at):
                self.ports.book.begin_mark(_mark_of(record, entry), record.rows, record.digest)

    def _finish(self, id_: str) -> MarkRow:
        row = self._row(id_)
        if row is None:
            raise LinkError(f"the mark {id_} is gone", mend="look at the state database: somebody else writes there")
        mark = row.mark
        if row.phase in ("making", "clearing") and mark.state is MarkState.RETRACTED:
            hours = self._hours_of(mark)
            if row.phase == "making":
                self.ports.book.set_retraction(RetractionRow(id_, len(hours), 0, ""))
            self.ports.book.list_hours(hours)
        self._make_stale_hours()
        self.ports.book.make_latest(mark.device, lambda upto, marks: self._latest(mark.device, upto, marks))
        ranges = self._make_ranges(mark.device)
        self._note(mark, ranges)
        self.ports.book.end_mark(id_)  # last: what is ended is not looked at again
        return self._row(id_) or row

    def _note(self, mark: Mark, ranges: int) -> None:
        """All is done: put it on record, once."""
        done = self.ports.book.retraction(mark.id)
        if done is None or done.record:
            return
        done = replace(done, ranges=ranges)
        said = [entry for entry, r in self.ports.ledger.tail(TAIL) if isinstance(r, Retracted) and mark.id in r.marks]
        since_made = [entry for entry in said if _index(entry) > _index(mark.record)]
        entry = since_made[-1] if since_made else self._record_retraction(mark, done)
        self.ports.book.set_retraction(replace(done, record=entry))

    def _make_stale_hours(self) -> None:
        while stale := self.ports.book.stale_hours(STALE_AT_ONCE):
            first = stale[0][2]
            some = [hour for hour in stale if hour[2] < first + HOURS_AT_ONCE * HOUR]
            self.ports.book.make_hours(some, lambda upto, marks, some=some: self._hours_again(some, upto, marks))

    def _make_ranges(self, device: str) -> int:
        now = self.ports.now_us()
        rows = self.ports.history.rows_of(device, now - EXPECTED_DAYS * DAY, now)
        channel, index = self._channels(device, rows)
        keep = ~covered(channel, rows.observed_at[index], self.ports.book.marks(device), self.registry)
        index = index[keep]
        new = expected_ranges(channel[keep], rows.observed_at[index], rows.value[index], self.registry)
        return max(self.ports.book.set_expected_of(device, new), len(new))

    # -- what is to be made -------------------------------------------------------------------------------------------

    def _hours_again(
        self, hours: Sequence[Hour], upto: Mapping[int, int], marks: Sequence[Mark]
    ) -> Sequence[HourlyRow]:
        at = [hour for _, _, hour in hours]
        properties = sorted({property_ for property_, _, _ in hours})
        parts: list[HourlyRow] = []
        held = self.ports.history.held_upto(min(at), max(at) + HOUR, properties, upto)
        for channel, observed_at, value in held:
            keep = ~covered(channel, observed_at, marks, self.registry)
            parts.extend(by_hour(channel[keep], value[keep], observed_at[keep], self.registry))
        return added_up(parts)

    def _hours_of(self, mark: Mark) -> Sequence[Hour]:
        """The hours that rows of the mark are in.

        # INVARIANT: called after the mark began, or was taken off: what was applied under the old rule is in history by now.
        """
        rows = self.ports.history.rows_of(mark.device, mark.since, mark.until)
        areas = self._areas(mark)
        hours = (rows.observed_at // HOUR * HOUR).tolist()
        return sorted({(p, areas[p], hour) for p, hour in zip(rows.property, hours, strict=True) if p in areas})

    def _areas(self, mark: Mark) -> dict[str, str]:
        """Marked property -> the area its readings count in."""
        unit = self.registry.unit_index.get(mark.device)
        channels = self.registry.channels_of(unit) if unit is not None else ()
        areas = {self.registry.channel_property[c]: self.registry.channel_area[c] or NO_AREA for c in channels}
        return {p: area for p, area in areas.items() if not mark.properties or p in mark.properties}

    def _latest(self, device: str, upto: Mapping[int, int], marks: Sequence[Mark]) -> Sequence[Latest]:
        rows = self.ports.history.rows_of(device, 0, FOREVER, upto)
        channel, index = self._channels(device, rows)
        keep = ~covered(channel, rows.observed_at[index], marks, self.registry)
        channel, index = channel[keep], index[keep]
        order = np.lexsort((rows.seq[index], rows.observed_at[index], channel))
        newest = order[np.append(np.diff(channel[order]) != 0, True)] if len(order) else order
        return [
            Latest(
                device,
                self.registry.channel_property[channel[i]],
                float(rows.value[index[i]]),
                int(rows.observed_at[index[i]]),
                int(rows.received_at[index[i]]),
                int(rows.seq[index[i]]),
            )
            for i in newest.tolist()
        ]

    def _channels(self, device: str, rows: DeviceRows) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """The channel of each row that has one, and which rows those are."""
        unit = self.registry.unit_index.get(device, -1)
        of = {p: self.registry.channel_by_property.get((unit, p), -1) for p in set(rows.property)}
        channel = np.array([of[p] for p in rows.property], dtype=np.int32)
        index = np.flatnonzero(channel >= 0)
        return channel[index], index

    # -- the record ---------------------------------------------------------------------------------------------------

    def _look(self, mark: Mark) -> tuple[int, str]:
        """How many rows it covers now, and which."""
        rows = self.ports.history.rows_of(mark.device, mark.since, mark.until)
        wanted = [i for i, p in enumerate(rows.property) if not mark.properties or p in mark.properties]
        names = [rows.property[i] for i in wanted]
        columns = (rows.observed_at[wanted], rows.received_at[wanted], rows.value[wanted], rows.seq[wanted])
        return len(wanted), digest_of(names, *columns)

    def _record(self, mark: Mark, state: str, rows: int, digest: str, person: str, why: str) -> str:
        return self.ports.ledger.append(
            [
                marked(
                    mark,
                    by=self.by,
                    at=self.ports.now_us(),
                    state=state,
                    rows=rows,
                    digest=digest,
                    person=person,
                    why=why,
                )
            ]
        )[0]

    def _record_retraction(self, mark: Mark, done: RetractionRow) -> str:
        commands, count = self.ports.book.commands_from(mark.device, mark.since, mark.until, COMMANDS_NAMED)
        record = Retracted(
            at=self.ports.now_us(),
            by=self.by,
            device=mark.device,
            since=mark.since,
            until=mark.until,
            marks=(mark.id,),
            person=mark.person,
            hours=done.hours,
            ranges=done.ranges,
            commands=tuple(row.command_id for row in commands),
            commands_more=count - len(commands),
            tell=tuple(self.ports.tell(mark.device)),
        )
        return self.ports.ledger.append([record])[0]

    def _row(self, id_: str) -> MarkRow | None:
        rows = self.ports.book.mark_rows(id_=id_)
        return rows[0] if rows else None


FOREVER = 253_402_300_799_000_000  # the year 9999


def marked(
    mark: Mark,
    *,
    by: str,
    at: int,
    state: str | None = None,
    rows: int = 0,
    digest: str = "",
    person: str = "",
    why: str = "",
) -> Marked:
    """The record of a mark. `state`: what is said of it now; its own where nothing else is."""
    return Marked(
        at=at, by=by, mark=mark.id, device=mark.device, properties=mark.properties, since=mark.since, until=mark.until,
        state=state or mark.state.value, why=why or mark.why, rows=rows, digest=digest, person=person or mark.person,
    )  # fmt: skip


def _mark_of(record: Marked, entry: str) -> Mark:
    return Mark(
        id=record.mark, device=record.device, properties=record.properties, since=record.since, until=record.until,
        state=MarkState(record.state), why=record.why, person=record.person, made_at=record.at, record=entry,
    )  # fmt: skip


def _index(entry: str) -> int:
    return int(entry.rpartition(":")[2] or -1)
