"""The watch's evidence: written once, however often the watch is killed; and the suspect marks that follow from it.

INVARIANTS
- A finding's beginning and its end are on record once each; a device's standing never twice in a row in the same state; the
  beginning and the end of a mark once each.
- A mark is on record before it is in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from cityward.evidence.records import AnyRecord, Found, Marked, Standing
from cityward.runtime.undoing.retraction import marked
from cityward.runtime.watching.ports import SuspectMarks, WatchLedger
from cityward.runtime.watching.suspects import suspect_changes
from cityward.watch.casebook import BY
from cityward.watch.findings import DeviceStanding, Finding, Trust

TAIL_ENTRIES = 20_000  # on record and perhaps not in the book: what one turn says is less

Key = tuple[str, str]


@dataclass(slots=True)
class WatchRecord:
    """What is on record already. known: finding -> the incident that evidence names. standing: device -> state, as last said."""

    ledger: WatchLedger
    known: dict[str, str] = field(default_factory=dict[str, str])
    standing: dict[str, str] = field(default_factory=dict[str, str])
    _there: set[Key] = field(default_factory=set[Key])  # as the end of the ledger says
    _now: set[Key] = field(default_factory=set[Key])  # of a turn that is not held yet
    _marks: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])  # mark -> (until, entry)
    _unsure: bool = False

    def recall(self) -> Mapping[str, DeviceStanding]:
        """Read the end of the ledger; the standings it names, the last of each device.

        Raises:
            LinkError: it cannot be read.
        """
        standings: dict[str, DeviceStanding] = {}
        for entry, record in self.ledger.tail(TAIL_ENTRIES):
            match record:
                case Found():
                    self._there.add((record.finding, record.phase))
                    self.known[record.finding] = record.incident
                case Standing():
                    standings[record.device] = _as_recorded(record)
                    self.standing[record.device] = record.state
                case Marked():
                    self._marks[record.mark] = (record.until, entry)
                case _:
                    pass
        return standings

    def append(self, records: Sequence[AnyRecord]) -> None:
        """Put on record what is not there yet. Safe to repeat.

        Raises:
            LinkError: the ledger does not take them.
        """
        self._look_again()
        fresh = [record for record in records if not self._is_there(record)]
        if not fresh:
            return
        self._put(fresh)
        for record in fresh:
            if isinstance(record, Found):
                self._now.add((record.finding, record.phase))
            elif isinstance(record, Standing):
                self.standing[record.device] = record.state

    def _put(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        self._unsure = True  # until it says that it took them
        entries = self.ledger.append(records)
        self._unsure = False
        return entries

    def _look_again(self) -> None:
        """A ledger that did not answer may have taken what it was given."""
        if self._unsure:
            self.recall()
            self._unsure = False

    def held(self) -> None:
        """The turn is held: the casebook knows of its findings from here on."""
        self._now.clear()

    def mark(
        self, book: SuspectMarks, standings: Mapping[str, DeviceStanding], findings: Mapping[str, Finding], now: int
    ) -> int:
        """Mark the rows of devices that are quarantined, end the marks of those that are trusted again; how many changed.

        Raises:
            LinkError: a store did not answer; what was done is done, the rest is not.
        """
        began = {
            device: min((findings[id_].began_at for id_ in standing.because if id_ in findings), default=standing.since)
            for device, standing in standings.items()
        }
        begin, end = suspect_changes(book.open_suspects(), standings, began, now)
        changes = [*begin, *end]
        if not changes:
            return 0
        self._look_again()
        fresh = [mark for mark in changes if self._marks.get(mark.id, (None, ""))[0] != mark.until]
        entries = self._put([marked(mark, by=BY, at=now) for mark in fresh]) if fresh else ()
        for mark, entry in zip(fresh, entries, strict=True):
            self._marks[mark.id] = (mark.until, entry)
        book.put_suspects([msgspec.structs.replace(mark, record=self._marks[mark.id][1]) for mark in changes])
        return len(changes)

    def _is_there(self, record: AnyRecord) -> bool:
        match record:
            case Found():
                key = (record.finding, record.phase)
                return key in self._there or key in self._now
            case Standing():
                return self.standing.get(record.device, Trust.TRUSTED.value) == record.state
            case _:
                return False


def _as_recorded(record: Standing) -> DeviceStanding:
    return DeviceStanding(
        device=record.device, trust=record.trust, state=Trust(record.state), since=record.at, because=record.because
    )
