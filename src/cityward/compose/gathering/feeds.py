"""The role `feeds`: documents of declared flows are fetched, logged, judged, recorded, held; their vehicles become readings.

Theory of operation
-------------------
    fetch -> log (live feeds) -> judge -> evidence -> readings of declared vehicles into the log -> held, with the gate's memory
A live feed is in the durable log before it is judged, like everything that comes in. What was logged and not judged when the role
ended is judged when it starts again, from the sequence and the memory kept in one row with the last document: so the verdicts
are the same. A reading that is sent twice that way is one to the admit gate, which knows it by its time.
A timetable is as large as it is: it is not logged, and fetched again.

INVARIANT: a document is held only with the entry of its record.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

import msgspec
import structlog

from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.log import LogWriter, connect, disconnect
from cityward.adapters.bus.reader import LogReader
from cityward.adapters.outward.connect import Outward
from cityward.adapters.protocols.gtfs_rt.pull import Pull
from cityward.adapters.stores.documents import FeedRow
from cityward.compose.outward import counted, outward_of
from cityward.compose.progress import told_each_second
from cityward.compose.proving.hearts import living_ledger
from cityward.compose.setting import Setting
from cityward.errors import DecodeError, LinkError
from cityward.evidence.records import FeedJudged
from cityward.guard.feeds import AdmittedFeed, FeedMemory, JudgedFeed, Moment, Standing, judge_feed, name_of
from cityward.place.data import Flow
from cityward.place.exits import feed_exit
from cityward.place.model import Place
from cityward.runtime.ports import Ledger, LogMessage
from cityward.time import SECOND
from cityward.transit.archive import unpack
from cityward.transit.building import timetable
from cityward.transit.decoding import decode
from cityward.transit.encoding import encode
from cityward.transit.faults import find_faults
from cityward.transit.realtime import Entity, Feed, Header, Vehicle
from cityward.transit.timetable import Timetable

ROLE = "feeds"
PROGRESS = "feeds.progress.json"
SUBJECT = "intake.feeds"
FETCH = 50
LOOK_S = 1.0
RETRY_S = 2.0
LEAST_FETCHES_OLD = 5.0  # a document may be so many pauses old, however fast the city's clock is

log = structlog.get_logger(__name__)


def feeds_of(place: Place) -> dict[str, Flow]:
    """The flows whose documents the platform fetches."""
    return {name: flow for name, flow in place.flows.items() if flow.feed is not None}


@dataclass(slots=True)
class Progress:
    """flow -> word -> times, since the start; `fetched`, why nothing was, and what became of documents."""

    flows: dict[str, Counter[str]] = field(default_factory=dict[str, "Counter[str]"])

    def count(self, flow: str, word: str, times: int = 1) -> None:
        self.flows.setdefault(flow, Counter())[word] += times


class Feeds:
    """Judges what was fetched. One thing at a time: whoever calls waits."""

    def __init__(self, setting: Setting, ledger: Ledger, progress: Progress) -> None:
        self._setting, self._ledger, self._progress = setting, ledger, progress
        self._flows = feeds_of(setting.loaded.place)
        self._rows = setting.state.feeds.rows()

    @property
    def start(self) -> int:
        """The first sequence of the log that was not judged."""
        return 1 + max((row.seq for row in self._rows.values()), default=0)

    def take(self, message: LogMessage) -> list[tuple[str, bytes]]:
        """Judge one logged document, put it on record, and say what readings come of it: (device, message).

        `settle` must follow once they are in the log. Blocks.

        Raises:
            LinkError: a store does not answer; nothing was held.
        """
        name = message.subject.rpartition(".")[2]
        flow = self._flows.get(name)
        if flow is None or flow.feed is None:
            return []
        at = self._setting.city.city_clock.to_city_us(message.stamped_us)
        before = self._row(name)
        if message.seq <= before.seq:
            return []
        memory = _memory(before.memory)
        judged = judge_feed(message.payload, self._moment(flow, at), memory)
        (entry,) = self._ledger.append([self._record(name, message.seq, at, judged)])
        self._rows[name] = _moved_on(before, message.seq, at, judged)
        self._progress.count(name, judged.standing.value)
        for reason, times in judged.refused.items():
            self._progress.count(name, reason, times)
        if judged.standing is not Standing.ADMITTED:
            return []
        sealed = judged.seal(int(entry.rpartition(":")[2]))
        return list(_readings(sealed, memory, flow, self._devices(flow)))

    def settle(self, message: LogMessage) -> None:
        """Keep what `take` came to. Raises `LinkError`."""
        name = message.subject.rpartition(".")[2]
        if name in self._rows:
            self._setting.state.feeds.keep(self._rows[name])

    def take_timetable(self, name: str, body: bytes) -> None:
        """Look at a timetable, put it on record, and hold it. Blocks.

        Raises:
            LinkError: a store does not answer.
        """
        at, before = self._setting.now_us(), self._row(name)
        if before.body and sha256(before.body).digest() == sha256(body).digest():
            return
        record = FeedJudged(
            at=at, by=ROLE, flow=name, seq=0, standing="admitted", digest=sha256(body).hexdigest(), size=len(body),
            declaration=self._setting.loaded.digest,
        )  # fmt: skip
        try:
            faults = find_faults(unpack(body), timetable(body)).counts
        except DecodeError as error:
            self._ledger.append([msgspec.structs.replace(record, standing="refused", why=error.reason)])
            kept = replace(before, last=error.reason, last_at=at)
        else:
            self._ledger.append([msgspec.structs.replace(record, refused=dict(faults))])
            kept = replace(before, body=body, received_at=at, counts=faults, last="admitted", last_at=at)
        self._rows[name] = kept
        self._setting.state.feeds.keep(kept)
        self._progress.count(name, kept.last)

    def _row(self, name: str) -> FeedRow:
        return self._rows.get(name) or FeedRow(name)

    def _moment(self, flow: Flow, at: int) -> Moment:
        feed = flow.feed
        assert feed is not None
        speed = self._setting.city.city_clock.speed
        return Moment(
            received=at // SECOND,
            timetable=self._timetable(feed.timetable),
            beside=self._beside(feed.beside),
            most_age_s=round(max(feed.max_age_s, LEAST_FETCHES_OLD * speed)),
            most_bytes=feed.max_bytes,
        )

    def _timetable(self, name: str | None) -> Timetable | None:
        body = self._row(name).body if name is not None else b""
        return timetable(body) if body else None

    def _beside(self, name: str | None) -> Feed | None:
        body = self._row(name).body if name is not None else b""
        return decode(body) if body else None

    def _record(self, name: str, seq: int, at: int, judged: JudgedFeed) -> FeedJudged:
        return FeedJudged(
            at=at,
            by=ROLE,
            flow=name,
            seq=seq,
            standing=judged.standing.value,
            why=judged.why,
            digest=judged.digest,
            size=judged.size,
            timestamp=judged.timestamp,
            entities=judged.entities,
            admitted=judged.admitted,
            refused=dict(judged.refused),
            left_out=judged.left_out,
            not_checked=tuple(judged.not_checked),
            declaration=self._setting.loaded.digest,
        )

    def _devices(self, flow: Flow) -> dict[str, str]:
        """A vehicle's id in the feed -> the declared device that it is here."""
        feed = flow.feed
        assert feed is not None
        mine = {unit.id for unit in self._setting.registry.units if unit.format == "gtfs-rt"}
        named = {vehicle: device for device, vehicle in feed.vehicles.items() if device in mine}
        return {**{device: device for device in mine - set(feed.vehicles)}, **named}


def _memory(kept: bytes) -> FeedMemory:
    """What was kept; nothing where an older release kept it otherwise."""
    try:
        return msgspec.json.decode(kept, type=FeedMemory)
    except msgspec.MsgspecError:
        return FeedMemory()


def _moved_on(before: FeedRow, seq: int, at: int, judged: JudgedFeed) -> FeedRow:
    counts = Counter(before.counts)
    counts[judged.standing.value] += 1
    counts.update({f"document:{judged.why}": 1} if judged.why else {})
    counts.update(judged.refused)
    admitted = judged.standing is Standing.ADMITTED
    return FeedRow(
        flow=before.flow,
        seq=seq,
        body=judged.body if admitted else before.body,
        received_at=at if judged.standing is not Standing.REFUSED else before.received_at,
        memory=msgspec.json.encode(judged.memory),
        counts=dict(counts),
        last=judged.why or judged.standing.value,
        last_at=at,
    )


def _readings(
    sealed: AdmittedFeed, memory: FeedMemory, flow: Flow, devices: dict[str, str]
) -> Iterator[tuple[str, bytes]]:
    """A message for each declared vehicle that was believed and has moved on in time."""
    head = sealed.feed.header
    for number in sealed.vehicles:
        vehicle = sealed.feed.entities[number].vehicle
        name = name_of(vehicle) if vehicle is not None else None
        device = devices.get(name or "")
        if vehicle is None or name is None or device is None or vehicle.position is None:
            continue
        at, seen = vehicle.timestamp or head.timestamp or 0, memory.vehicles.get(name)
        if seen is not None and at <= seen.at:
            continue
        mine = msgspec.structs.replace(vehicle, vehicle=Vehicle(id=device), timestamp=at)
        header = Header(version=head.version, incrementality=head.incrementality, timestamp=head.timestamp)
        yield device, encode(Feed(header=header, entities=(Entity(id=device, vehicle=mine),)))


async def run_feeds(setting: Setting, stop: asyncio.Event) -> None:
    """Fetch, judge and hold until stopped."""
    city = setting.city
    client = await connect(city.bus_url, ROLE, city.passwords.get(ROLE))
    progress = Progress()
    try:
        async with (
            living_ledger(setting, ROLE, "feeds") as ledger,
            NatsEvents(client, ROLE, setting.now_us) as events,
            told_each_second(setting.home.root / PROGRESS, lambda: progress),
        ):
            outward = outward_of(setting, ROLE, events)
            feeds = await asyncio.to_thread(Feeds, setting, ledger, progress)
            reader = LogReader(city.bus_url, ROLE, city.passwords.get(ROLE), [f"{SUBJECT}.>"], feeds.start)
            writer = LogWriter(client)
            try:
                async with counted(setting.home.root, ROLE, outward), asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(_pull(setting, name, flow, outward, writer, feeds, progress, stop))
                        for name, flow in feeds_of(setting.loaded.place).items()
                    ]
                    await _judge(feeds, reader, writer, stop)
                    for task in tasks:
                        task.cancel()
            finally:
                await reader.close()
    finally:
        await disconnect(client)


async def _pull(
    setting: Setting,
    name: str,
    flow: Flow,
    outward: Outward,
    writer: LogWriter,
    feeds: Feeds,
    progress: Progress,
    stop: asyncio.Event,
) -> None:
    """Fetch one flow for ever."""
    feed = flow.feed
    assert feed is not None
    exit_ = feed_exit(setting.loaded.place, name) if feed.url else None
    pull = Pull(feed, setting.place_folder, setting.home.root, outward, exit_)
    while not stop.is_set():
        got = await asyncio.to_thread(pull.fetch)
        try:
            if not isinstance(got, bytes):
                progress.count(name, got.value)
            elif flow.protocol == "gtfs":
                await asyncio.to_thread(feeds.take_timetable, name, got)
            else:
                await writer.publish_to(f"{SUBJECT}.{name}", got)
                progress.count(name, "fetched")
        except LinkError as error:
            pull.digest = pull.etag = ""  # it is not held: it is no old one
            progress.count(name, "not-held")
            log.warning("a document was not held", flow=name, why=error.what)
        if pull.is_told:
            log.warning("a feed was not fetched", flow=name, why=pull.why)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pull.pause_s(setting.city.city_clock.speed))


async def _judge(feeds: Feeds, reader: LogReader, writer: LogWriter, stop: asyncio.Event) -> None:
    """Judge what the log brings, in its order, until stopped."""
    while not stop.is_set():
        try:
            messages = await reader.fetch(FETCH, LOOK_S)
        except LinkError as error:
            log.warning("the log did not answer", why=error.what)
            await asyncio.sleep(RETRY_S)
            continue
        for message in messages:
            await _settle(feeds, writer, message, stop)


async def _settle(feeds: Feeds, writer: LogWriter, message: LogMessage, stop: asyncio.Event) -> None:
    """Carry out one message, again and again until the world answers: the next one waits for it."""
    readings: list[tuple[str, bytes]] | None = None
    while not stop.is_set():
        try:
            if readings is None:
                readings = await asyncio.to_thread(feeds.take, message)
            while readings:
                device, body = readings[0]
                await writer.publish(device, "gtfs-rt", body)
                readings.pop(0)
            await asyncio.to_thread(feeds.settle, message)
            return
        except LinkError as error:
            log.warning("waits for the log or a store", why=error.what)
            await asyncio.sleep(RETRY_S)
