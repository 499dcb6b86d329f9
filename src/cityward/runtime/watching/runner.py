"""Runs the watch: reads what is held and what was told, shows it to the detectors, judges their signs, carries out what follows.

Theory of operation
-------------------
One loop, one hand, about a turn a second:

    history's new rows, events -> panel (detectors, grid) -> signs -> casebook (findings, incidents, trust) -> evidence -> book

Evidence comes first, then one transaction of the book with the position. A turn that the world does not take is tried again until
it does; nothing new is read meanwhile. Now and then the state of all detectors is written down with its position (the *notes*),
always of a turn that is held. After a crash the watch goes on from the notes: what came since is read again and gives the same
signs with the same ids. What of it stands in the book changes nothing; what stands in evidence only is done again without another
record: the ledger's tail says what is there, and in which incident.

Time is the newest reception the watch has read, and, once it has read everything, the time up to which the world says that all is
held (`settled`). So a silence is seen, and a watch or a worker that lags takes nobody for silent.

Without notes that can be read (first start, new version, another declaration) detectors begin anew where they must, learn the
past (`lessons`) and say so on record. The same after a backlog of late rows, for those that see steps: their past changed.

INVARIANTS
- notes' position <= book's position <= what is on record.
- A sign leads to one finding, one record of its beginning and one of its end, however often the watch is killed.
- Nothing waits without a deadline. A turn reads at most `rows` rows (and one commit) and `events` events.

Fails when: notes are lost *and* the history of what came since is gone; what happened in between is then not judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

import msgspec
import structlog

from cityward.errors import DecodeError, LinkError
from cityward.evidence.records import AnyRecord, Lifecycle
from cityward.runtime.watching.lessons import Teacher
from cityward.runtime.watching.ports import (
    Position,
    Tailed,
    Told,
    WatchEffects,
    WatchPorts,
)
from cityward.runtime.watching.progress import WatchProgress
from cityward.runtime.watching.record import WatchRecord
from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.casebook import BY, Casebook, Court, Verdict, heard, recall, take
from cityward.watch.contract import Detector
from cityward.watch.findings import DeviceStanding, IncidentState, Trust
from cityward.watch.grid import GridRules, new_grid
from cityward.watch.grid import take as take_rows
from cityward.watch.incidents import recalled
from cityward.watch.memory import FORMAT, Notes, pack, unpack
from cityward.watch.panel import GRID, Panel, learned, new_panel, read_back, written
from cityward.watch.trust import is_full

P = ParamSpec("P")
R = TypeVar("R")

RETRY_S = (0.05, 0.2, 1.0, 2.0)
RECENT_FINDINGS = 20_000
OPEN_INCIDENTS = 1000
RECENT_ROWS = 1_000_000
FOREVER = 253_402_300_800_000_000
NOTES_SHARE = 30  # of a big city they are gigabytes: a thirtieth of the time at most goes into them
LATE_ROWS = 500  # so many make a backlog; a stray device's lateness is no new past

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WatchPace:
    """How much a turn takes and how often; in real seconds."""

    rows: int = 200_000
    events: int = 2000
    turn_s: float = 1.0
    notes_s: float = 60.0
    quiet_s: float = 20.0  # a backlog is over when no late row came for so long
    lessons_apart_s: float = 600.0


class WatchRunner:
    """See the module."""

    def __init__(
        self,
        detectors: Mapping[str, Detector],
        court: Court,
        ports: WatchPorts,
        rules: GridRules | None = None,
        pace: WatchPace | None = None,
    ) -> None:
        self.court, self.ports = court, ports
        self.pace = pace or WatchPace()
        self.progress = WatchProgress()
        self.panel: Panel = new_panel(detectors, court.world, rules or GridRules(), 0, time.thread_time)
        self.book = Casebook()
        self.position = Position()
        self.now = 0
        self._teacher = Teacher(ports.tail, ports.marks.marks if ports.marks is not None else tuple)
        self.record = WatchRecord(ports.ledger)
        self._marks_due = True  # a standing may have changed since the marks were last looked at
        self._first: list[DeviceStanding] = []  # on record and not in the book: goes into it with the first turn
        self._anew: tuple[str, ...] = ()
        self._notes_due = self._late_seen_at = self._lesson_at = -float("inf")
        self._late_seen = self._late_learned = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped.

        Raises:
            EvidenceError: the ledger does not hold what it should.
        """
        try:
            if not await self._until_done(self.start, stop, stop):
                return
            while not stop.is_set() and await self.turn(stop):
                pass
        finally:
            stop.set()
            await self._teacher.close()
            await self.ports.events.close()

    # -- the start ----------------------------------------------------------------------------------------------------

    def start(self, stop: asyncio.Event) -> None:
        """Take up what an earlier life left, and learn what it did not.

        Raises:
            LinkError: a store did not answer.
        """
        notes = self._notes()
        held_to = self.ports.book.watch_position()
        self.position = _position_of(notes, held_to) or Position(history=self.ports.tail.newest())
        anew = read_back(self.panel, notes.parts if notes is not None else {})
        self.now = notes.at if notes is not None else 0
        self._recall()
        if GRID in anew:
            self._begin_grid()
        self._learn_at_start([name for name in anew if name != GRID], stop)

    def _notes(self) -> Notes | None:
        data = self.ports.notes.load()
        try:
            return unpack(data) if data is not None else None
        except DecodeError as error:
            log.warning("the notes of the watch cannot be read; it begins anew", why=error.what)
            return None

    def _recall(self) -> None:
        book = self.ports.book
        # as long as an incident may stay open and quiet: what its findings share must be known again
        since = min(self.now or FOREVER, self.ports.now_us()) - max(DAY, self.court.rules.closes_after_us + HOUR)
        findings = list(reversed(book.findings_since(since, RECENT_FINDINGS)))
        states = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)
        incidents = [incident for state in states for incident in book.incidents(state, OPEN_INCIDENTS)]
        docket = recalled(incidents, findings, self.court.world)
        self.book = recall(findings, docket, book.standings().values(), self.court)
        standings = self.book.trusts.standings
        for device, recorded in self.record.recall().items():
            stands = standings[device].state if device in standings else Trust.TRUSTED
            if stands is not recorded.state:  # on record and not in the book
                standings[device] = recorded
                self._first.append(recorded)

    def _begin_grid(self) -> None:
        """The first step is the one in which the position stands; what is held of it already goes in."""
        tail, upto = self.ports.tail, self.position.history
        clock = self.ports.now_us()
        recent = tail.past(upto, clock - DAY, FOREVER, RECENT_ROWS)
        self.now = max(self.now, min(recent.now or clock, clock + MINUTE))
        self.panel.grid = new_grid(self.court.world.channels, self.now - self.panel.rules.waits_us, self.panel.rules)
        for _ in take_rows(self.panel.grid, recent, self.panel.grid.closed, self.panel.rules):
            pass
        self.panel.grid.late = 0  # the past, which is learned from; not late

    def _learn_at_start(self, anew: Sequence[str], stop: asyncio.Event) -> None:
        lesson = self._teacher.teach(self.panel, anew, self.position.history, self.panel.grid.closed, stop)
        if lesson is None:
            raise LinkError("stopped while the past was being learned")
        learned(self.panel, lesson)
        self._anew = tuple(anew)
        if anew:
            self._put_on_record("watch-began-anew", anew, lesson.rows)

    # -- a turn -------------------------------------------------------------------------------------------------------

    async def turn(self, stop: asyncio.Event) -> bool:
        """Read, judge, hold. False when what was judged could not be held and the watch is to stop."""
        read = await self._read()
        if read is None:
            await asyncio.sleep(RETRY_S[1])
            return True
        tailed, told, settled = read
        held = replace(tailed.held, now=self._time(tailed, told, settled))
        signs = await asyncio.to_thread(self.panel.turn, held, told.events, self._teacher.see)
        heard(self.book, await self._words())
        verdict = take(self.book, signs, held.now, self.court, known=self.record.known, anew=self._anew)
        position = Position(history=tailed.at, events=told.upto)
        effects = self._effects(verdict, position, held.now, tailed, told)
        if not await self._until_done(self._hold, stop, verdict.records, effects):
            return False  # not held: the next start judges it again
        self.position, self.now, self._anew = position, held.now, ()
        self.record.held()
        self.progress.turned(self.panel, self.book, tailed, told, len(signs), verdict)
        self.progress.lessons, self.progress.lessons_given_up = self._teacher.given, self._teacher.given_up
        self.progress.now = self.now
        await self._look_back(stop)
        await self._write_down()
        return True

    async def _read(self) -> tuple[Tailed, Told, int | None] | None:
        """What is new; None when the world does not answer."""
        try:
            settled = await self.ports.settled()  # asked first: what is held by then is read below
            tailed = await asyncio.to_thread(self.ports.tail.next, self.position.history, self.pace.rows)
            wait = 0.01 if tailed.more else self.pace.turn_s
            told = await self.ports.events.fetch(self.position.events, self.pace.events, wait)
        except LinkError as error:
            self.progress.waits(error.what)
            return None
        return tailed, told, settled

    def _time(self, tailed: Tailed, told: Told, settled: int | None) -> int:
        """What time it is for the detectors. A row that says it came later than now says nothing of the time."""
        newest = min(tailed.held.now, self.ports.now_us() + MINUTE)
        through = not tailed.more and len(told.events) < self.pace.events
        return max(self.now, newest, settled if through and settled is not None else 0)

    async def _words(self) -> Mapping[str, tuple[IncidentState, str, str]]:
        try:
            return await asyncio.to_thread(self.ports.book.words_on, list(self.book.docket.cases))
        except LinkError as error:
            self.progress.waits(error.what)
            return {}

    def _effects(self, verdict: Verdict, position: Position, now: int, tailed: Tailed, told: Told) -> WatchEffects:
        first, self._first = self._first, []
        standings = {standing.device: standing for standing in (*first, *verdict.standings)}
        self._marks_due |= bool(standings)
        counts = Counter(
            {
                "watch-events-missed": told.missed,
                "watch-events-unreadable": told.unreadable,
                "watch-events-began-anew": int(told.began_anew),
                "watch-rows-unknown": tailed.unknown,
                "watch-by-sequence": int(tailed.by_sequence),
            }
        )
        return WatchEffects(
            position=position,
            at=now,
            findings=verdict.findings,
            incidents=verdict.incidents,
            standings=[standing for standing in standings.values() if not is_full(standing)],
            trusted=[device for device, standing in standings.items() if is_full(standing)],
            alerts=self.ports.alerts(verdict.stages, verdict.findings),
            counts={name: count for name, count in counts.items() if count},
        )

    def _hold(self, records: Sequence[AnyRecord], effects: WatchEffects) -> None:
        """Evidence, then the book. Safe to repeat after a failure at any point.

        Raises:
            LinkError: a store did not answer; what was done is done, the rest is not.
        """
        self.record.append(records)
        self.ports.book.hold(effects)
        if self._marks_due and self.ports.marks is not None:
            self.record.mark(self.ports.marks, self.book.trusts.standings, self.book.findings, effects.at)
        self._marks_due = False

    async def _until_done(
        self, what: Callable[P, None], stop: asyncio.Event, *args: P.args, **kwargs: P.kwargs
    ) -> bool:
        """False when it was given up, because the world did not answer and the watch is to stop."""
        tries = 0
        while True:
            try:
                await asyncio.to_thread(what, *args, **kwargs)
            except LinkError as error:
                self.progress.waits(error.what)
                if stop.is_set():
                    return False
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1
            else:
                return True

    # -- beside the turns ---------------------------------------------------------------------------------------------

    async def _look_back(self, stop: asyncio.Event) -> None:
        """Learn the past anew when a backlog of late rows is through; take over what was learned."""
        try:
            if names := await self._teacher.finish(self.panel):
                self._anew, self.progress.late_learned = tuple(names), self._late_learned
                await asyncio.to_thread(self._put_on_record, "watch-learned", names, self._late_learned)
        except LinkError as error:
            self.progress.waits(error.what)
            self._late_learned = 0  # again, when it is time
        now, late = time.monotonic(), self.panel.grid.late
        if late != self._late_seen:
            self._late_seen, self._late_seen_at = late, now
        quiet = now - self._late_seen_at >= self.pace.quiet_s
        if late - self._late_learned < LATE_ROWS or not quiet or self._teacher.busy:
            return
        if now - self._lesson_at >= self.pace.lessons_apart_s:
            self._lesson_at, self._late_learned = now, late
            which = [id_ for id_, detector in self.panel.detectors.items() if detector.card.reads == "steps"]
            self._teacher.begin(self.panel, which, self.position.history, stop)

    async def _write_down(self) -> None:
        """The notes, of a turn that is held. They are only sooner or later: that they fail is no reason to stop."""
        began = time.monotonic()
        if began < self._notes_due:
            return
        try:
            await asyncio.to_thread(self.write_down)
        except LinkError as error:
            self.progress.waits(error.what)
        now = time.monotonic()
        self._notes_due = now + max(self.pace.notes_s, NOTES_SHARE * (now - began))

    def write_down(self) -> None:
        """Write the notes now.

        Raises:
            LinkError: the disk does not take them.
        """
        position = msgspec.json.encode(self.position)
        self.ports.notes.save(pack(Notes(format=FORMAT, at=self.now, position=position, parts=written(self.panel))))

    def _put_on_record(self, event: str, names: Sequence[str], rows: int) -> None:
        detail = {"detectors": ", ".join(sorted(names))[:2000], "rows": str(rows)}
        self.ports.ledger.append([Lifecycle(at=self.ports.now_us(), by=BY, event=event, detail=detail)])


def _position_of(notes: Notes | None, held_to: Position | None) -> Position | None:
    if notes is None:
        return held_to
    return msgspec.json.decode(notes.position, type=Position)
