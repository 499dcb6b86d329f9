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
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cityward.errors import LinkError
from cityward.evidence.admissions import joined, split
from cityward.evidence.records import Admission, Superseded
from cityward.guard.admit import (
    UNDECLARED,
    WINDOW,
    AdmitState,
    Judged,
    Tally,
    by_class,
    digest,
    judge,
    screen,
    stamp,
    tally,
    wave_through,
)
from cityward.guard.batch import Claims, Codec, Frame, Messages
from cityward.guard.budgets import CLASSES, name_of, told
from cityward.guard.reasons import SHED, Reason
from cityward.ids import partition_of
from cityward.insight.hourly import HourlyRow, by_hour
from cityward.insight.marks import Mark, covered
from cityward.place.registry import Registry
from cityward.runtime.frames import Frames
from cityward.runtime.ports import (
    BatchEffects,
    BudgetWindow,
    DeviceSeen,
    EventSink,
    FlowCount,
    History,
    Latest,
    Ledger,
    LogMessage,
    LogReader,
    Quarantined,
    State,
)
from cityward.time import DAY, MINUTE, SECOND, CityClock
from cityward.watch.events import Event, EventKind

QUARANTINED_PER_BATCH = 1000  # a flood of bad rows is counted whole, and kept as a sample
SHED_PER_BATCH = 100  # of these what was shed is the smaller part: it was not read, so there is little to see
TOLD_PER_BATCH = 64  # devices told of as shed; counts have them all
EXCERPT_BYTES = 256
FETCH = 2000
RETRY_S = (0.05, 0.2, 1.0, 2.0)
TAIL_ENTRIES = 512  # the last admissions, each with its parts


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """How the worker batches. `gather_s` bounds what a reading waits, the others what a batch may weigh."""

    stream: str
    partitions: tuple[int, ...]
    by: str
    declaration: str
    gather_s: float = 1.0
    most_messages: int = 20_000  # to be decoded
    most_stopped: int = 200_000  # stopped by their envelope: some 300 bytes each
    most_bytes: int = 8 << 20  # to be decoded: some 140,000 readings, half a second's work
    gated: bool = True
    log_partitions: int = 4  # how many there are in all


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the verdict goes, in this order."""

    ledger: Ledger
    history: History
    state: State


@dataclass(frozen=True, slots=True)
class Batch:
    """A judged batch on its way to the stores."""

    messages: Messages
    judged: Judged
    tally: Tally
    admission: Admission
    upto: Mapping[int, int]
    seen: Sequence[DeviceSeen]
    budgets: Sequence[BudgetWindow] = ()
    frames: Sequence[Frame] = ()


@dataclass(slots=True)
class Progress:
    """What the worker has done since it started; read by its metrics. Times in seconds of CPU.

    classes: of what was held, class of the device -> `admitted` or the reason word -> rows.
    """

    messages: int = 0
    rows: int = 0
    batches: int = 0
    retries: int = 0
    last_error: str = ""
    classes: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    cpu: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Gathered:
    """A run of the log, looked at: parallel lists. Payloads of what `screened` stopped are cut to an excerpt."""

    messages: list[Messages] = field(default_factory=list[Messages])
    formats: list[str] = field(default_factory=list[str])
    screened: list[NDArray[np.uint8]] = field(default_factory=list[NDArray[np.uint8]])
    to_read: int = 0
    weight: int = 0

    def __len__(self) -> int:
        return len(self.formats)

    def whole(self) -> tuple[Messages, list[str], NDArray[np.uint8]]:
        """All of it as one."""
        parts = self.messages
        if len(parts) == 1:
            return parts[0], self.formats, self.screened[0]
        return (
            Messages(
                unit=[u for m in parts for u in m.unit],
                payload=[p for m in parts for p in m.payload],
                received_at=np.concatenate([np.asarray(m.received_at) for m in parts]),  # type: ignore[arg-type]
                seq=[s for m in parts for s in m.seq],
                logged_at=np.concatenate([np.asarray(m.logged_at) for m in parts]),  # type: ignore[arg-type]
            ),
            self.formats,
            np.concatenate(self.screened),
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """What was gathered for a batch, and the gate's windows as they stood when it was cut."""

    messages: Messages
    formats: Sequence[str]
    screened: NDArray[np.uint8]
    seen: Sequence[DeviceSeen]
    budgets: Sequence[BudgetWindow]


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
        self.registry, self.codecs, self.stores, self.clock, self.settings = registry, codecs, stores, clock, settings
        self.progress = Progress()
        self._open_reader, self._events = open_reader, events
        self._owner = ",".join(map(str, sorted(settings.partitions)))
        self._state = AdmitState.empty(registry, self._heard_here())
        self._skip: dict[int, int] = {}  # partition -> sequence at or below which its effects are held
        self._on_record: dict[tuple[int, int], tuple[str, Admission]] = {}  # judged before the crash, perhaps not held
        self._formats = [u.format for u in registry.units]
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
        committed = self._finish_held()
        self._skip = {p: committed.get(p, 0) for p in self.settings.partitions}
        heard = self._recover_rates()
        self._recover_budgets()
        first = min(self._skip.values())
        # partitions taken over from several workers: time stands where the one furthest behind has it
        behind = [at for p, at in heard.items() if self._skip[p] == first]
        self._state.now = max((last for last, _ in behind), default=self._state.now)
        if heard:
            oldest = max((f.max_age_s for f in self.registry.flow_limits), default=0) * SECOND
            since = min(max(behind, default=min(heard.values()))) - oldest - DAY
            self._state.remember(*self.stores.history.tail(since, WINDOW, self._skip))
        for entry, record in joined(self.stores.ledger.tail(TAIL_ENTRIES)):
            if record.stream == self.settings.stream and self._lacks(record):
                self._on_record[record.first_seq, record.last_seq] = (entry, record)
        return first + 1

    def _finish_held(self) -> Mapping[int, int]:
        """Where state stands, once it counts what history already holds by an entry of another declaration.

        Such a batch cannot be judged again alike, and need not be: the entry stands. Its rows are held; state takes its
        counts, and its latest values and hours come with what follows.
        """
        state, held = self.stores.state.committed(), self.stores.history.committed()
        for _, record in joined(self.stores.ledger.tail(TAIL_ENTRIES)):
            if record.declaration == self.settings.declaration:
                continue
            upto = dict.fromkeys(record.partitions, record.last_seq)
            if all(state.get(p, 0) < at <= held.get(p, 0) for p, at in upto.items()):
                self.stores.state.apply(
                    BatchEffects(
                        upto=upto,
                        counts=[FlowCount(flow, *numbers) for flow, numbers in record.by_flow.items()],
                        reasons={(f, word): n for f, words in record.by_reason.items() for word, n in words.items()},
                    )
                )
        return self.stores.state.committed()

    def _recover_rates(self) -> Mapping[int, tuple[int, int]]:
        """Take up the rate windows; partition -> when one of its devices was last heard, of ours that ever heard one: by the
        gate's time, and to the minute by the log's own clock, which is behind where it jumped back.

        Other workers' devices say nothing of the time up to which this one has judged.
        """
        heard: dict[int, tuple[int, int]] = {}
        for device, (window, count, last_seen) in self.stores.state.rate_windows().items():
            unit = self.registry.unit_index.get(device)
            partition = partition_of(device, self.settings.log_partitions)
            if unit is not None and partition in self._skip:
                self._state.windows.minute[unit], self._state.windows.messages[unit] = window, count
                at = (last_seen, window * MINUTE)
                heard[partition] = max(heard.get(partition, at), at)
        return heard

    def _heard_here(self) -> NDArray[np.bool_]:
        """(U,) the units whose partition this worker reads."""
        mine, cut = set(self.settings.partitions), self.settings.log_partitions
        return np.array([partition_of(unit.id, cut) in mine for unit in self.registry.units], dtype=np.bool_)

    def _recover_budgets(self) -> None:
        """Take up what is used of the budgets, as state has it: of our devices, and of our part of the shared ones."""
        windows, index = self._state.windows, self.registry.unit_index
        shared = {name_of(budget): windows.shared[b] for b, budget in enumerate(self.registry.budgets)}
        for kept in self.stores.state.budget_windows():
            kind, _, name = kept.name.partition(":")
            if kind == "device" and (unit := index.get(name)) is not None:
                windows.minute[unit], windows.messages[unit], windows.bytes[unit] = (
                    kept.window,
                    kept.messages,
                    kept.bytes,
                )
            elif kept.owner == self._owner and (window := shared.get(kept.name)) is not None:
                window.minute, window.messages, window.bytes = kept.window, kept.messages, kept.bytes
                window.open_to = kept.open_to

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
        with _Timed(self.progress, "screen"):
            messages, formats = self._messages(raw)
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
        return Cut(messages, formats, screened, self._seen(messages), self._used(messages))

    def _judge(self, cut: Cut) -> Batch:
        """Judge what was looked at, before anything after it is judged."""
        messages, screened = cut.messages, cut.screened
        with _Timed(self.progress, "decode"):
            claims = self._decode(messages, cut.formats, screened)
        with _Timed(self.progress, "gate"):
            if self.settings.gated:
                judged = judge(messages, screened, claims, self.registry, self._state)
            else:
                judged = wave_through(messages, screened, claims, self.registry)
        with _Timed(self.progress, "record"):
            counted = tally(judged, self.registry)
            admission = self._admission(messages, judged, counted)
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
            with _Timed(self.progress, "evidence"):
                self._record(batch, key)
        entry, _ = self._on_record[key]
        with _Timed(self.progress, "history"):
            self.stores.history.append(batch.judged.seal(entry), batch.upto)
        with _Timed(self.progress, "state"):
            self.stores.state.apply(self._effects(batch))
        del self._on_record[key]
        self.progress.batches += 1
        for name, words in by_class(batch.judged, self.registry).items():
            self.progress.classes.setdefault(name, Counter()).update(words)
        self._tell_shed(batch)
        if self._events is not None and batch.frames:
            for event in self._frames.events(batch.frames, batch.messages, entry):
                self._events.tell(event)

    def _tell_shed(self, batch: Batch) -> None:
        """Who sent more than its budget, to whoever watches; the worst, when there are many."""
        rows = np.flatnonzero(np.isin(batch.judged.reason, _SHED))
        if self._events is None or not len(rows):
            return
        pairs = np.stack([batch.judged.unit[rows], batch.judged.reason[rows]], axis=1)
        which, counts = np.unique(pairs, axis=0, return_counts=True)
        for i in np.argsort(-counts, kind="stable")[:TOLD_PER_BATCH].tolist():
            unit, reason = which[i].tolist()
            self._events.tell(
                Event(
                    at=batch.admission.at,
                    kind=EventKind.SHED,
                    by=self.settings.by,
                    subject=self.registry.units[unit].id,
                    detail={"budget": Reason(reason).word, "count": str(int(counts[i]))},
                )
            )

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
        return [m for m in raw if m.seq > self._skip.get(_partition(m.subject), 0)]

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

    def _messages(self, raw: Sequence[LogMessage]) -> tuple[Messages, list[str]]:
        """The log's messages in columns, and each one's format: a third token behind the device, else its model's."""
        index, to_city = self.registry.unit_index, self.clock.to_city_us
        unit: list[int] = []
        formats: list[str] = []
        for message in raw:
            tokens = message.subject.split(".")
            number = index.get(tokens[4] if tokens[0] == "$MQTT" else tokens[2], -1) if len(tokens) > 3 else -1
            unit.append(number)
            formats.append(tokens[3] if tokens[0] == "intake" and len(tokens) == 4 else self._format_of(number))
        return (
            Messages(
                unit=unit,
                payload=[m.payload for m in raw],
                received_at=[to_city(m.stamped_us) for m in raw],
                seq=[m.seq for m in raw],
            ),
            formats,
        )

    def _format_of(self, unit: int) -> str:
        return self._formats[unit] if unit >= 0 else ""

    def _decode(self, messages: Messages, formats: Sequence[str], screened: NDArray[np.uint8]) -> Claims:
        parts: list[Claims] = []
        clear = np.flatnonzero(screened == 0).tolist()
        for name in dict.fromkeys(formats[i] for i in clear):
            which = [i for i in clear if formats[i] == name]
            codec = self.codecs.get(name)
            if codec is None:
                parts.append(_unreadable(which))
                continue
            claims = codec.decode(messages.take(which), self.registry)
            frames = tuple(replace(frame, message=which[frame.message]) for frame in claims.frames)
            parts.append(replace(claims, message=np.asarray(which, dtype=np.int32)[claims.message], frames=frames))
        return _joined(parts)

    def _admission(self, messages: Messages, judged: Judged, counted: Tally) -> Admission:
        return Admission(
            at=int(messages.received_at[-1]),
            by=self.settings.by,
            stream=self.settings.stream,
            partitions=self.settings.partitions,
            first_seq=messages.seq[0],
            last_seq=messages.seq[-1],
            received=counted.received,
            admitted=counted.admitted,
            shed=counted.shed,
            refused=counted.refused,
            by_flow=counted.by_flow,
            by_reason=_nested(counted.by_reason),
            digest=digest(judged, self.registry),
            declaration=self.settings.declaration,
        )

    def _seen(self, messages: Messages) -> Sequence[DeviceSeen]:
        """Each unit of the batch once, with its rate window as it stands now (before the next batch moves it on)."""
        last: dict[int, int] = dict(zip(messages.unit, map(int, messages.received_at), strict=True))
        last.pop(-1, None)
        windows = self._state.windows
        return [
            DeviceSeen(self.registry.units[u].id, at, int(windows.minute[u]), int(windows.messages[u]))
            for u, at in last.items()
        ]

    def _used(self, messages: Messages) -> Sequence[BudgetWindow]:
        """What is used up of the budgets of the batch, as it stands now."""
        windows = self._state.windows
        units = np.unique(np.asarray(messages.unit, dtype=np.int32))
        units = units[units >= 0]
        alone = zip(
            units.tolist(),
            windows.minute[units].tolist(),
            windows.messages[units].tolist(),
            windows.bytes[units].tolist(),
            strict=True,
        )
        return [
            *(
                BudgetWindow("", f"device:{self.registry.units[u].id}", at, n, size, CLASSES)
                for u, at, n, size in alone
            ),
            *(
                BudgetWindow(self._owner, name, w.minute, w.messages, w.bytes, w.open_to)
                for name, w in told(windows.shared, self.registry)
            ),
        ]

    def _effects(self, batch: Batch) -> BatchEffects:
        judged = batch.judged
        quarantine = self._quarantine(batch)
        refused = int((judged.reason != 0).sum())
        ok = judged.passed
        return BatchEffects(
            upto=batch.upto,
            counts=[FlowCount(flow, *numbers) for flow, numbers in batch.tally.by_flow.items()],
            reasons=batch.tally.by_reason,
            quarantine=quarantine,
            quarantine_dropped=refused - len(quarantine),
            latest=self._latest(judged, np.flatnonzero(ok)),
            hourly=by_hour(judged.channel[ok], judged.value[ok], judged.observed_at[ok], self.registry),
            without=partial(self._without, judged),
            seen=batch.seen,
            budgets=batch.budgets,
        )

    def _without(self, judged: Judged, marks: Sequence[Mark]) -> tuple[Sequence[Latest], Sequence[HourlyRow]]:
        """What the passed rows make, but for those these marks cover."""
        rows = np.flatnonzero(judged.passed)
        rows = rows[~covered(judged.channel[rows], judged.observed_at[rows], marks, self.registry)]
        hourly = by_hour(judged.channel[rows], judged.value[rows], judged.observed_at[rows], self.registry)
        return self._latest(judged, rows), hourly

    def _latest(self, judged: Judged, rows: NDArray[np.intp]) -> Sequence[Latest]:
        """The newest of these rows of each channel."""
        if not len(rows):
            return []
        order = rows[np.lexsort((judged.observed_at[rows], judged.channel[rows]))]
        newest = order[np.r_[judged.channel[order][1:] != judged.channel[order][:-1], True]]
        registry = self.registry
        return [
            Latest(registry.units[u].id, registry.channel_property[c], value, at, received, seq)
            for u, c, value, at, received, seq in zip(
                judged.unit[newest].tolist(),
                judged.channel[newest].tolist(),
                judged.value[newest].tolist(),
                judged.observed_at[newest].tolist(),
                judged.received_at[newest].tolist(),
                judged.seq[newest].tolist(),
                strict=True,
            )
        ]

    def _quarantine(self, batch: Batch) -> Sequence[Quarantined]:
        judged, registry = batch.judged, self.registry
        flows = (*registry.flows, UNDECLARED)
        out: list[Quarantined] = []
        for i in _sample(judged.reason):
            message, channel, unit = int(judged.message[i]), int(judged.channel[i]), int(judged.unit[i])
            value, at = float(judged.value[i]), int(judged.observed_at[i])
            out.append(
                Quarantined(
                    seq=int(judged.seq[i]),
                    row=i,
                    device=registry.units[unit].id if unit >= 0 else "",
                    flow=flows[judged.flow[i]],
                    property=registry.channel_property[channel] if channel >= 0 else "",
                    reason=Reason(int(judged.reason[i])).word,
                    value=value if np.isfinite(value) else None,
                    observed_at=at or None,
                    received_at=int(judged.received_at[i]),
                    excerpt=batch.messages.payload[message][:EXCERPT_BYTES],
                )
            )
        return out


def _sample(reason: NDArray[np.uint8]) -> list[int]:
    """The rows kept to look at: what was refused first, for it was read; then some of what was shed."""
    shed = np.isin(reason, _SHED)
    refused = np.flatnonzero((reason > 0) & ~shed)[:QUARANTINED_PER_BATCH]
    room = min(SHED_PER_BATCH, QUARANTINED_PER_BATCH - len(refused))
    return np.sort(np.concatenate([refused, np.flatnonzero(shed)[:room]])).tolist()


_SHED = np.array(sorted(SHED), dtype=np.uint8)


class _Timed:
    """Adds the CPU time of this thread to a part of the progress."""

    def __init__(self, progress: Progress, part: str) -> None:
        self._progress, self._part = progress, part

    def __enter__(self) -> None:
        self._start = time.thread_time()

    def __exit__(self, *_: object) -> None:
        cpu = self._progress.cpu
        cpu[self._part] = cpu.get(self._part, 0.0) + time.thread_time() - self._start


def _nested(by_reason: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """flow -> word -> rows, as a record keeps it."""
    out: dict[str, dict[str, int]] = {}
    for (flow, word), count in by_reason.items():
        out.setdefault(flow, {})[word] = count
    return out


def _numbers(entry: str, record: Admission) -> range:
    """The numbers of an admission's entries in their log: its parts stand right before it."""
    last = int(entry.rsplit(":", 1)[-1])
    return range(last - record.parts, last + 1)


def _partition(subject: str) -> int:
    """The partition that the broker wrote into a subject: `$MQTT.msgs.in.<p>.<device>`, `intake.<p>.<device>.<codec>`."""
    tokens = subject.split(".")
    text = tokens[3] if tokens[0] == "$MQTT" else tokens[1]
    return int(text) if text.isdecimal() else -1


def _joined(parts: Sequence[Claims]) -> Claims:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _unreadable([])
    return Claims(
        message=np.concatenate([c.message for c in parts]),
        channel=np.concatenate([c.channel for c in parts]),
        value=np.concatenate([c.value for c in parts]),
        observed_at=np.concatenate([c.observed_at for c in parts]),
        fault=np.concatenate([c.fault for c in parts]),
        frames=tuple(frame for c in parts for frame in c.frames),
    )


def _unreadable(which: Sequence[int]) -> Claims:
    """One fault row for each message whose format no codec reads."""
    return Claims(
        message=np.asarray(which, dtype=np.int32),
        channel=np.full(len(which), -1, dtype=np.int32),
        value=np.full(len(which), np.nan),
        observed_at=np.zeros(len(which), dtype=np.int64),
        fault=np.full(len(which), Reason.WRONG_SHAPE, dtype=np.uint8),
    )
