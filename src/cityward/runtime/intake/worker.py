"""The intake: from the log to holding. One worker reads its partitions, has them judged, and carries out the verdict.

Theory of operation
-------------------
    log -> stamp, screen, decode, judge -> evidence -> history -> state
Messages are gathered for up to a second, judged in columns, and settled. These three go on side by side, each with one batch at
most: while one is settled the next is judged and the one after is gathered, so that reading never waits for the judging of
what was read, nor judging for a disk. Each fetch is screened as it comes, and of what is stopped there only the beginning
is kept: so a batch holds as much of a flood as a second brings, and weighs what the rest weighs; and what it weighs is little
(`IntakeSettings`), so that what is behind much work is not held with it. Each step of settling may fail
when the world does not answer; it is then tried again until it succeeds or the worker is stopped. Nothing later in the chain
happens before what is earlier.

The gate's memory is in two halves that nothing shares: the envelopes' (`stamp`, `screen`), moved on in the event loop, and the
readings' (`judge`), moved on by the one thread that judges. Each sees the whole log in its order.

After a crash the three stores may stand at different sequences, evidence ahead of history ahead of state. The worker starts
at state's position with the gate's memory of that moment, and judges again what the evidence says was judged: the verdict
is a function of the log, so the digest must be the same, and the entry that stands is used. Where it is not the same
(the declaration changed meanwhile), the entry is marked superseded; but where history holds its batch already, the entry
stands, and state takes its counts.

INVARIANTS
- state's position <= history's position <= the last admission on record, for every partition.
- An observation is in history exactly once, if a sequence at or below history's position admitted it, and never otherwise.

Fails when: the worker starts while the log's clock is ahead by more than a day, and the clock is put right afterwards: the
replay windows were filled from that wrong day on, so what was held before and is sent again meanwhile is held twice.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cityward.errors import LinkError
from cityward.evidence.admissions import split
from cityward.evidence.records import Admission, Superseded
from cityward.guard.admit import WINDOW, AdmitState, by_class, judge, screen, stamp, tally, wave_through
from cityward.guard.batch import Codec
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry
from cityward.runtime.intake.batch import (
    EXCERPT_BYTES,
    Batch,
    Cut,
    Gathered,
    IntakeSettings,
    Progress,
    Stores,
    Timed,
)
from cityward.runtime.intake.effects import admission_of, effects_of, seen_of, shed_events, used_of
from cityward.runtime.intake.frames import Frames
from cityward.runtime.intake.reading import Reading, partition_in
from cityward.runtime.intake.recovery import (
    finish_held,
    heard_by,
    last_admissions,
    take_up_budgets,
    take_up_rates,
)
from cityward.runtime.ports import EventSink, LogMessage, LogReader
from cityward.time import DAY, SECOND, CityClock

__all__ = ["Intake", "IntakeSettings", "Progress", "Stores"]

FETCH = 2000
RETRY_S = (0.05, 0.2, 1.0, 2.0)


@dataclass(slots=True)
class UnderWay:
    """A batch on its way. `settling` is set once it is judged and the one before it is held, or when it failed."""

    settling: asyncio.Event
    held: asyncio.Task[bool]

    async def makes_way(self) -> bool:
        """Wait until the next one may be judged; False when this one was given up."""
        await self.settling.wait()
        return self.held.result() if self.held.done() else True


class Intake:
    """One worker's chain. `open_reader(start_seq)` gives a reader of its partitions' observations."""

    def __init__(
        self,
        registry: Registry,
        codecs: Mapping[str, Codec],
        stores: Stores,
        clock: CityClock,
        settings: IntakeSettings,
        open_reader: Callable[[int], LogReader],
        events: EventSink | None = None,
    ) -> None:
        self.registry, self.stores, self.settings = registry, stores, settings
        self.progress = Progress()
        self._open_reader, self._events = open_reader, events
        self._owner = ",".join(map(str, sorted(settings.partitions)))
        self._state = AdmitState.empty(registry, heard_by(settings, registry))
        self._skip: dict[int, int] = {}  # partition -> sequence at or below which its effects are held
        self._on_record: dict[tuple[int, int], tuple[str, Admission]] = {}  # judged before the crash, perhaps not held
        self._reading = Reading(registry, codecs, clock)
        self._frames = Frames(registry, settings.by)

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped. What was judged is settled before this returns, unless the stores do not answer."""
        start = await asyncio.to_thread(self.recover)
        reader = self._open_reader(start)
        newest: UnderWay | None = None
        try:
            while not stop.is_set():
                for gathered in await self._gather(reader, stop, newest):
                    cut = self._cut(gathered)
                    if newest is not None and not await newest.makes_way():
                        return  # INVARIANT: a batch is held after the one before it, or its position would cover both
                    newest = self._send_on(cut, newest, stop)
        finally:
            if newest is not None:
                await newest.held
            await reader.close()

    def _send_on(self, cut: Cut, before: UnderWay | None, stop: asyncio.Event) -> UnderWay:
        settling = asyncio.Event()
        return UnderWay(settling, asyncio.create_task(self._hold(cut, before, settling, stop)))

    async def _hold(self, cut: Cut, before: UnderWay | None, settling: asyncio.Event, stop: asyncio.Event) -> bool:
        """Judge a batch and settle it behind the one before; False when either was given up."""
        try:
            batch = await asyncio.to_thread(self._judge, cut)
            if before is not None and not await before.held:
                return False
        finally:
            settling.set()
        return await self._settle_until_done(batch, stop)

    def recover(self) -> int:
        """Take the gate's memory back to what state holds; the sequence to read from.

        Raises:
            LinkError: a store does not answer.
        """
        committed = finish_held(self.stores, self.settings.declaration)
        self._skip = {p: committed.get(p, 0) for p in self.settings.partitions}
        heard = take_up_rates(self.stores.state, self._state.windows, self.registry, self.settings)
        take_up_budgets(self.stores.state, self._state.windows, self.registry, self._owner)
        first = min(self._skip.values())
        # partitions taken over from several workers: time stands where the one furthest behind has it
        behind = [at for p, at in heard.items() if self._skip[p] == first]
        self._state.now = max((last for last, _ in behind), default=self._state.now)
        if heard:
            oldest = max((f.max_age_s for f in self.registry.flow_limits), default=0) * SECOND
            since = min(max(behind, default=min(heard.values()))) - oldest - DAY
            self._state.remember(*self.stores.history.tail(since, WINDOW, self._skip))
        for entry, record in last_admissions(self.stores.ledger):
            if record.stream == self.settings.stream and self._lacks(record):
                self._on_record[record.first_seq, record.last_seq] = (entry, record)
        return first + 1

    def _lacks(self, record: Admission) -> bool:
        """Whether state does not hold yet what is on record."""
        return any(record.last_seq > self._skip[p] for p in record.partitions if p in self._skip)

    def judge(self, raw: Sequence[LogMessage]) -> Batch:
        """Judge a non-empty run of the log. Advances the gate's memory."""
        gathered = Gathered()
        self._look(raw, gathered)
        return self._judge(self._cut(gathered))

    def _look(self, raw: Sequence[LogMessage], into: Gathered) -> None:
        """Stamp and screen a run of the log that follows what was looked at before. Advances the gate's memory."""
        with Timed(self.progress, "screen"):
            messages, formats = self._reading.columns(raw)
            messages = stamp(messages, self._state)
            if self.settings.gated:
                screened = screen(messages, self.registry, self._state)
            else:
                screened = np.where(np.asarray(messages.unit) < 0, Reason.UNKNOWN_DEVICE, 0).astype(np.uint8)
            payload = [
                p if not s else p[:EXCERPT_BYTES] for p, s in zip(messages.payload, screened.tolist(), strict=True)
            ]
        into.messages.append(replace(messages, payload=payload))
        into.formats += formats
        into.screened.append(screened)
        into.to_read += len(raw) - int(np.count_nonzero(screened))
        into.weight += sum(map(len, payload))

    def _cut(self, gathered: Gathered) -> Cut:
        """Close a batch, before anything after it is looked at."""
        messages, formats, screened = gathered.whole()
        windows = self._state.windows
        seen = seen_of(messages, self.registry, windows)
        return Cut(messages, formats, screened, seen, used_of(messages, self.registry, windows, self._owner))

    def _judge(self, cut: Cut) -> Batch:
        """Judge what was looked at, before anything after it is judged."""
        messages, screened = cut.messages, cut.screened
        with Timed(self.progress, "decode"):
            claims = self._reading.claims(messages, cut.formats, screened)
        with Timed(self.progress, "gate"):
            if self.settings.gated:
                judged = judge(messages, screened, claims, self.registry, self._state)
            else:
                judged = wave_through(messages, screened, claims, self.registry)
        with Timed(self.progress, "record"):
            counted = tally(judged, self.registry)
            admission = admission_of(messages, judged, counted, self.registry, self.settings)
        self.progress.messages += len(messages)
        self.progress.rows += len(judged)
        upto = dict.fromkeys(self.settings.partitions, messages.seq[-1])
        return Batch(messages, judged, counted, admission, upto, cut.seen, cut.budgets, claims.frames)

    def settle(self, batch: Batch) -> None:
        """Evidence, then history, then state. Safe to repeat after a failure at any point.

        Raises:
            LinkError: a store did not answer; what was done is done, the rest is not.
        """
        key = (batch.admission.first_seq, batch.admission.last_seq)
        if key not in self._on_record or self._on_record[key][1].digest != batch.admission.digest:
            with Timed(self.progress, "evidence"):
                self._record(batch, key)
        entry, _ = self._on_record[key]
        with Timed(self.progress, "history"):
            self.stores.history.append(batch.judged.seal(entry), batch.upto)
        with Timed(self.progress, "state"):
            self.stores.state.apply(effects_of(batch, self.registry))
        del self._on_record[key]
        self.progress.batches += 1
        for name, words in by_class(batch.judged, self.registry).items():
            self.progress.classes.setdefault(name, Counter()).update(words)
        if self._events is not None:
            for event in shed_events(batch, self.registry, self.settings.by):
                self._events.tell(event)
            for event in self._frames.events(batch.frames, batch.messages, entry):
                self._events.tell(event)

    def _record(self, batch: Batch, key: tuple[int, int]) -> None:
        overtaken = {s: held for s, held in self._on_record.items() if s[0] <= key[1] and s[1] >= key[0]}
        replaced = [
            Superseded(
                at=batch.admission.at,
                by=self.settings.by,
                entry=number,
                why=f"judged again by declaration {batch.admission.declaration[:12]}, before {record.declaration[:12]}",
            )
            for entry, record in overtaken.values()
            for number in _numbers(entry, record)
        ]
        ids = self.stores.ledger.append([*replaced, *split(batch.admission)])
        for span in overtaken:  # only now: an append that failed is made again as it was
            del self._on_record[span]
        self._on_record[key] = (ids[-1], batch.admission)

    async def _settle_until_done(self, batch: Batch, stop: asyncio.Event) -> bool:
        """False when it was given up, because the world did not answer and the worker is to stop."""
        for attempt in itertools.count():
            try:
                await asyncio.to_thread(self.settle, batch)
                break
            except LinkError as error:
                self.progress.retries += 1
                self.progress.last_error = error.what
                if stop.is_set() and attempt >= len(RETRY_S):
                    return False  # not held: the next start judges it again
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
        return True

    async def _gather(self, reader: LogReader, stop: asyncio.Event, newest: UnderWay | None) -> Iterable[Gathered]:
        """What the log gives within `gather_s` of the first message, or until a bound is reached; not empty but at the stop.

        After a crash what is on record is judged in the same batches again, so nothing is looked at before all of it is there.
        """
        out, raw, until = Gathered(), list[LogMessage](), None
        recorded = max((last for _, last in list(self._on_record)), default=0) if newest is None else 0
        while not stop.is_set():
            wait = 0.5 if until is None else min(until - time.monotonic(), 0.5)
            late = wait <= 0.005 and (newest is None or newest.settling.is_set())
            here = len(raw) or len(out)
            if here and (not raw or raw[-1].seq >= recorded) and (self._full(out, raw) or late):
                break
            room = max(1, self.settings.most_messages - out.to_read - len(raw))
            got = await self._fetch(reader, min(FETCH, room), max(wait, 0.02))
            if not got and here and late:
                break  # the log lost what was on record: the entry will be superseded
            left = self._not_held(got)
            if recorded:
                raw.extend(left)
            elif left:
                self._look(left, out)
            if (raw or len(out)) and until is None:
                until = time.monotonic() + self.settings.gather_s
        if not raw:
            return [out] if len(out) else []
        return (
            self._looked(part) for part in self._as_recorded(raw)
        )  # one by one: each is cut before the next is looked at

    def _looked(self, raw: Sequence[LogMessage]) -> Gathered:
        out = Gathered()
        self._look(raw, out)
        return out

    def _full(self, gathered: Gathered, raw: Sequence[LogMessage]) -> bool:
        s = self.settings
        stopped = len(gathered) - gathered.to_read
        weight = gathered.weight + sum(len(m.payload) for m in raw)
        return gathered.to_read + len(raw) >= s.most_messages or stopped >= s.most_stopped or weight >= s.most_bytes

    async def _fetch(self, reader: LogReader, most: int, wait_s: float) -> Sequence[LogMessage]:
        try:
            return await reader.fetch(most, wait_s)
        except LinkError as error:
            self.progress.retries += 1
            self.progress.last_error = error.what
            await asyncio.sleep(0.25)
            return ()

    def _not_held(self, raw: Sequence[LogMessage]) -> Sequence[LogMessage]:
        """Without what is held already: partitions taken over from several workers stand at different sequences."""
        if not raw or raw[0].seq > max(self._skip.values()):
            return raw
        return [m for m in raw if m.seq > self._skip.get(partition_in(m.subject), 0)]

    def _as_recorded(self, raw: Sequence[LogMessage]) -> Sequence[Sequence[LogMessage]]:
        """Cut the run where batches on record end, so that after a crash the same batches are judged again."""
        ends = sorted(last for _, last in list(self._on_record) if raw[0].seq <= last < raw[-1].seq)
        parts: list[Sequence[LogMessage]] = []
        rest = raw
        for end in ends:
            cut = next(i for i, m in enumerate(rest) if m.seq > end)
            if cut:
                parts.append(rest[:cut])
                rest = rest[cut:]
        return [*parts, rest]


def _numbers(entry: str, record: Admission) -> range:
    """The numbers of an admission's entries in their log: its parts stand right before it."""
    last = int(entry.rsplit(":", 1)[-1])
    return range(last - record.parts, last + 1)
