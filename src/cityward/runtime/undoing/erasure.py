"""Rows are erased from every place here: of a device because somebody asked, of a dataset because their time is over.

Theory of operation
-------------------
    begin (in the book, with what the other copies hold) -> found (rows and digest of the history, in the book)
      -> gone from history, in one commit that bears the erasure's number -> gone from other copies, what is derived made again
      -> old versions and free pages gone -> `Erased` on record -> end

The digest is in the book before a row is gone, and the record says it after all are: so their admission stays proven, and a
record never promises what is still to come. After a crash `resume` goes on: the history's commit says whether it went through,
everything else may be done again.

INVARIANTS
- One at a time, and never beside a taking back: the caller holds the lock of both.
- Whatever is appended, admitted or released meanwhile is not touched. What comes late is found by the next call.
- An erasure is on record once. One that found nothing anywhere leaves no trace.

Fails when: an hour is made again of which other devices' rows are gone by their own, shorter retention: it then lacks them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cityward.evidence.records import Erased
from cityward.insight.marks import Mark, MarkState
from cityward.place.registry import Registry
from cityward.runtime.undoing.erasure_ports import (
    Copies,
    ErasableHistory,
    ErasureBook,
    ErasureLedger,
    ErasureRow,
    Scope,
    Wanted,
)
from cityward.runtime.undoing.retraction import Retractions
from cityward.time import DAY

TAIL = 10_000
HISTORY = "history"
RETENTION, REQUEST = "retention", "request"


@dataclass(frozen=True, slots=True)
class ErasurePorts:
    """What erasing needs. tell: who was given rows of a device of a span. pause: lets readers end that began before."""

    book: ErasureBook
    history: ErasableHistory
    ledger: ErasureLedger
    again: Retractions
    tell: Callable[[str, int, int], Sequence[str]]
    now_us: Callable[[], int]
    pause: Callable[[], None]
    copies: Sequence[Copies] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """A dataset whose rows go once they are older than whole `days`. channels: (C,) which are its."""

    scope: Scope
    channels: NDArray[np.bool_]
    days: int

    def cut(self, now_us: int) -> int:
        """City us: everything before is due. Whole days, so that no hour is cut in two."""
        return max(0, (now_us - self.days * DAY) // DAY * DAY)


class Erasures:
    """See the module. `due`: the datasets whose retention is declared. `by`: the role under which evidence is written."""

    def __init__(self, ports: ErasurePorts, registry: Registry, due: Sequence[Due], by: str = "erasure") -> None:
        self.ports, self.registry, self.due, self.by = ports, registry, due, by

    def erase_device(self, device: str, since_us: int, until_us: int, *, person: str, reason: str) -> ErasureRow | None:
        """Erase what is held of a device, observed in the span; None where there was nothing.

        Raises:
            LinkError: a store did not answer. What was begun is gone on with by the next call.
        """
        self.resume()
        copies = self._copies_of(device, since_us, until_us)
        if not copies and not self.ports.history.look(_of(device, since_us, until_us))[0]:
            return None
        tell = tuple(self.ports.tell(device, since_us, until_us))
        row = self._row("", device, since_us, until_us, copies, tell)
        row = self.ports.book.begin(replace(row, why=REQUEST, person=person, reason=reason))
        return self._finish_device(row)

    def retain(self) -> int:
        """Erase what is due of every dataset; how many rows left history."""
        self.resume()
        rows = 0
        for one in self.due:
            cut = one.cut(self.ports.now_us())
            rows += self._cut_history(one, cut)
            self._cut_copies(one, cut)
        self._forget()
        for one in self.due:
            self.ports.book.ran(one.scope.dataset, self.ports.now_us())
        return rows

    def resume(self) -> int:
        """Go on with what a crash left; how many erasures there were."""
        by_dataset = {one.scope.dataset: one for one in self.due}
        left = self.ports.book.unfinished()
        for row in left:
            if row.device:
                self._finish_device(row)
            elif row.dataset in by_dataset:
                self._finish_dataset(row, by_dataset[row.dataset])
            else:  # not declared any more, or not with a time: what was done is told, what was not is not begun
                done = row.copies or self.ports.history.erased_upto() >= row.number
                self._end(row if done else replace(row, rows=0), 0)
        return len(left)

    # -- a device -----------------------------------------------------------------------------------------------------

    def _finish_device(self, row: ErasureRow) -> ErasureRow | None:
        mark = _span_mark(row)
        self.ports.again.list_again(mark)
        row = self._from_history(row, _of(row.device, row.since, row.until))
        self.ports.book.erase_of_device(row.device, row.since, row.until)
        for place in self.ports.copies:
            place.erase_of_device(row.device, row.since, row.until)
        if row.device in self.registry.unit_index:
            self.ports.again.make_again(row.device)
        self._forget()
        return self._end(row, 0)

    def _copies_of(self, device: str, since_us: int, until_us: int) -> Mapping[str, int]:
        found = dict(self.ports.book.count_of_device(device, since_us, until_us))
        for place in self.ports.copies:
            if count := place.count_of_device(device, since_us, until_us):
                found[place.name] = count
        return found

    # -- a dataset ----------------------------------------------------------------------------------------------------

    def _cut_history(self, one: Due, cut: int) -> int:
        """Day by day: a record for each, and no more in memory than a day."""
        rows = 0
        for day in self.ports.history.days(one.channels, cut):
            row = self._row(one.scope.dataset, "", day, min(day + DAY, cut), {}, ())
            found = self._finish_dataset(self.ports.book.begin(row), one)
            rows += found.rows if found is not None else 0
        return rows

    def _finish_dataset(self, row: ErasureRow, one: Due) -> ErasureRow | None:
        if row.copies:  # its history was done before
            self.ports.book.erase_before(one.scope, row.until)
        else:
            row = self._from_history(row, Wanted(since=row.since, until=row.until, channels=one.channels))
        return self._end(row, self._oldest(one.channels) if row.rows or row.copies else 0)

    def _cut_copies(self, one: Due, cut: int) -> None:
        found = dict(self.ports.book.count_before(one.scope, cut))
        for place in self.ports.copies:
            if count := place.erase_before(one.scope.dataset, cut):
                found[place.name] = count
        if not found:
            return
        row = self.ports.book.begin(self._row(one.scope.dataset, "", 0, cut, found, ()))
        self._finish_dataset(row, one)

    def _oldest(self, channels: NDArray[np.bool_]) -> int:
        group = np.where(channels, 0, -1).astype(np.int32)
        return max(0, int(self.ports.history.oldest(group, 1)[0]))

    # -- steps, each of which may be done again -----------------------------------------------------------------------

    def _from_history(self, row: ErasureRow, wanted: Wanted) -> ErasureRow:
        told = [(row.rows, row.digest)]

        def found(rows: int, digest: str) -> None:
            self.ports.book.found(row.number, rows, digest)
            told.append((rows, digest))

        to_do = self.ports.history.erased_upto() < row.number
        if to_do and not self.ports.history.erase(wanted, row.number, found):
            told.append((0, ""))
        rows, digest = told[-1]
        return replace(row, rows=rows, digest=digest)

    def _forget(self) -> None:
        self.ports.pause()
        self.ports.history.forget()
        self.ports.book.scrub()

    def _end(self, row: ErasureRow, oldest: int) -> ErasureRow | None:
        if not row.rows and not row.copies:
            self.ports.book.end(row.number, "")
            return None
        done = replace(row, record=self._said(row) or self.ports.ledger.append([self._record(row, oldest)])[0])
        self.ports.book.end(row.number, done.record)
        return done

    def _said(self, row: ErasureRow) -> str:
        """The entry that has it already: a crash came between the record and the book."""
        for entry, record in reversed(self.ports.ledger.tail(TAIL)):
            if isinstance(record, Erased) and record.at >= row.made_at and _alike(record, row):
                return entry
        return ""

    def _record(self, row: ErasureRow, oldest: int) -> Erased:
        copies = dict(row.copies) | ({HISTORY: row.rows} if row.rows else {})
        return Erased(
            at=self.ports.now_us(), by=self.by, dataset=row.dataset, device=row.device, why=row.why, since=row.since,
            until=row.until, rows=row.rows, copies=copies, digest=row.digest, oldest=oldest, tell=tuple(row.tell),
            person=row.person,
        )  # fmt: skip

    def _row(
        self, dataset: str, device: str, since: int, until: int, copies: Mapping[str, int], tell: Sequence[str]
    ) -> ErasureRow:
        return ErasureRow(
            number=0, dataset=dataset, device=device, why=RETENTION, since=since, until=until, made_at=self.ports.now_us(),
            person=self.by, reason="", rows=0, digest="", copies=copies, tell=tell, record="",
        )  # fmt: skip


def _alike(record: Erased, row: ErasureRow) -> bool:
    said = (record.dataset, record.device, record.since, record.until, record.rows, record.digest)
    return said == (row.dataset, row.device, row.since, row.until, row.rows, row.digest)


def _of(device: str, since_us: int, until_us: int) -> Wanted:
    return Wanted(since=since_us, until=until_us, device=device)


def _span_mark(row: ErasureRow) -> Mark:
    """The span as what is made again knows it. It is never in force."""
    return Mark(
        id=f"erasure-{row.number}", device=row.device, properties=(), since=row.since, until=row.until,
        state=MarkState.RETRACTED, why="", person="", made_at=row.made_at,
    )  # fmt: skip
