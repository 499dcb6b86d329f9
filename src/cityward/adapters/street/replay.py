"""Feeds recorded data through the real front doors of a running city, as the declared devices, and balances the counts.

Every device connects with its own credential and sends its readings in time order, packed as its model allows, within its flow's
rate: what is refused is refused for what it says, not for haste. Then the city's own counts must account for all of it.

INVARIANTS
- A message counts as acknowledged when the broker (or the HTTP door) said so, once.
- `balanced` holds only where sent == acknowledged + refused at the door, received == admitted + refused + shed, and every
  observation sent is among those received. A message refused whole is one row, so up to `PACK` - 1 observations of each such
  message are accounted for by it; what more was received came from the devices themselves meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from cityward.adapters.recordings import Recording, RecordingError, Report
from cityward.adapters.street.credentials import http_key_of, password_of, secret_of
from cityward.adapters.street.door_http import HttpDoor, HttpLink
from cityward.adapters.street.link import DeviceLink, MqttDoor
from cityward.adapters.street.pace import Pace
from cityward.adapters.street.wire import PACK, Message, Wire
from cityward.errors import LinkError
from cityward.guard.reasons import Reason
from cityward.place.registry import UNLIMITED, Registry
from cityward.runtime.ports import StateReader
from cityward.time import SECOND, CityClock

STALL_S = 60.0
"""Nothing acknowledged for this long: something is wrong, and is said."""
SETTLE_S, QUIET_S, POLL_S = 300.0, 10.0, 0.1

_WHOLE = frozenset(
    r.word
    for r in Reason
    if Reason.NOT_UTF8 <= r <= Reason.DUPLICATE_KEY
    or r in (Reason.UNKNOWN_DEVICE, Reason.INACTIVE_DEVICE, Reason.NO_FLOW, Reason.WRONG_DEVICE, Reason.RATE_EXCEEDED)
)
"""Reasons by which a message may be refused whole, as one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """How to feed.

    speed: recorded time per machine time; None: as fast as it is taken. ending_us: city time at which the recording ends; None:
    now. as_recorded: keep the recorded times. limit: at most this many observations, the newest.
    """

    registry: Registry
    clock: CityClock
    credentials: Path
    mqtt: MqttDoor
    http: HttpDoor | None
    speed: float | None = None
    ending_us: int | None = None
    as_recorded: bool = False
    limit: int | None = None


@dataclass(slots=True)
class Progress:
    """Counts while it runs. `left_out`: observations of devices or properties that the place does not declare."""

    total: int = 0
    devices: int = 0
    messages: int = 0
    observations: int = 0
    acknowledged: int = 0
    refused_at_door: int = 0
    left_out: int = 0
    missing: set[str] = field(default_factory=set[str])


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. Rows are counted over the flows of the devices that were fed."""

    recordings: tuple[str, ...]
    devices: int
    left_out: int
    not_declared: tuple[str, ...]
    sent_messages: int
    sent_observations: int
    acknowledged: int
    refused_at_door: int
    received: int
    admitted: int
    refused: int
    shed: int
    reasons: dict[str, int]
    seconds: float

    @property
    def from_others(self) -> int:
        """Rows received beyond those sent: the devices themselves spoke meanwhile."""
        return max(0, self.received - self.sent_observations)

    @property
    def balanced(self) -> bool:
        """See the module."""
        whole = sum(n for word, n in self.reasons.items() if word in _WHOLE)
        short = self.sent_observations - self.received
        return (
            self.sent_messages == self.acknowledged + self.refused_at_door
            and self.received == self.admitted + self.refused + self.shed
            and short <= whole * (PACK - 1)
        )


async def replay(
    recordings: Sequence[Recording], settings: ReplaySettings, state: StateReader, tell: Callable[[Progress], None]
) -> ReplayReport:
    """Feed the recordings and balance. `tell` hears the progress about ten times a second.

    Raises:
        LinkError: the city does not answer, or a device has no credential.
        RecordingError: nothing in the recordings belongs to a declared device.
        PlaceError: a recorded unit does not convert into the model's.
    """
    began, progress = time.monotonic(), Progress()
    feeds = _feeds(recordings, settings, progress)
    flows = frozenset(settings.registry.flows[f.flow] for f in feeds if f.flow >= 0)
    before = _counts(state, flows)
    await _feed_all(feeds, settings, progress, tell)
    after = await _settled(state, flows, before, progress)
    reasons = {w: n - before.reasons.get(w, 0) for w, n in after.reasons.items() if n > before.reasons.get(w, 0)}
    received, admitted, refused, shed = (a - b for a, b in zip(after.rows, before.rows, strict=True))
    return ReplayReport(
        recordings=tuple(r.name for r in recordings),
        devices=progress.devices,
        left_out=progress.left_out,
        not_declared=tuple(sorted(progress.missing)),
        sent_messages=progress.messages,
        sent_observations=progress.observations,
        acknowledged=progress.acknowledged,
        refused_at_door=progress.refused_at_door,
        received=received,
        admitted=admitted,
        refused=refused,
        shed=shed,
        reasons=reasons,
        seconds=time.monotonic() - began,
    )


# -- what to feed ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Feed:
    """One device's part of one recording. `shift`: us to add to recorded times."""

    device: str
    flow: int
    rows: Recording
    wire: Wire
    shift: int


def _feeds(recordings: Sequence[Recording], settings: ReplaySettings, progress: Progress) -> list[_Feed]:
    registry, feeds = settings.registry, list[_Feed]()
    wanted = [_declared(r, registry, progress) for r in recordings]
    for recording in _newest(wanted, settings.limit):
        shift = 0 if settings.as_recorded else _ending(settings) - recording.ends
        for number, name in enumerate(recording.units):
            mine = recording.unit == number
            if not mine.any():
                continue
            unit = registry.units[registry.unit_index[name]]
            wire = Wire(registry, unit, recording.sent_units)
            feeds.append(_Feed(name, unit.flow, recording.take(mine), wire, shift))
    if not feeds:
        raise RecordingError(
            "nothing in this recorded data belongs to a device of the place",
            mend="declare the devices it names (see the recordings' README), or name another recording",
        )
    for feed in feeds:
        secret_of(settings.credentials, feed.device)
    progress.devices = len({f.device for f in feeds})
    progress.total = sum(len(f.rows) for f in feeds)
    return feeds


def _declared(recording: Recording, registry: Registry, progress: Progress) -> Recording:
    """Only the rows that a declared device can say; the others are counted."""
    can_say = np.zeros((len(recording.units), len(recording.properties)), dtype=np.bool_)
    for u, name in enumerate(recording.units):
        index = registry.unit_index.get(name)
        if index is None:
            progress.missing.add(name)
            continue
        model = registry.models[registry.units[index].model]
        can_say[u] = [prop in model.properties for prop in recording.properties]
    kept = can_say[recording.unit, recording.prop]
    progress.left_out += int((~kept).sum())
    return recording.take(kept)


def _newest(recordings: Sequence[Recording], limit: int | None) -> list[Recording]:
    """At most `limit` rows in all: of each recording its newest, in proportion."""
    total = sum(len(r) for r in recordings)
    if limit is None or total <= limit:
        return list(recordings)
    bounds = np.cumsum([0, *(len(r) for r in recordings)]) * limit // total
    return [r.take(slice(len(r) - int(n), None)) for r, n in zip(recordings, np.diff(bounds), strict=True)]


def _now(settings: ReplaySettings) -> int:
    return settings.clock.to_city_us(time.time_ns() // 1000)


def _ending(settings: ReplaySettings) -> int:
    return _now(settings) if settings.ending_us is None else settings.ending_us


# -- feeding -----------------------------------------------------------------------------------------------------------


async def _feed_all(
    feeds: Sequence[_Feed], settings: ReplaySettings, progress: Progress, tell: Callable[[Progress], None]
) -> None:
    first = min(f.rows.begins + int(f.rows.at[0]) + f.shift for f in feeds)
    started = time.monotonic()

    def due(at: int) -> float:
        """How many seconds until a reading of this time goes out."""
        return 0.0 if settings.speed is None else (at - first) / SECOND / settings.speed - (time.monotonic() - started)

    stop = asyncio.Event()
    by_device = itertools.groupby(sorted(feeds, key=lambda f: f.device), key=lambda f: f.device)
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(_watch(progress, tell, settings.speed is None))
        tasks = [
            group.create_task(_feed_device(device, list(parts), settings, due, progress, stop))
            for device, parts in by_device
        ]
        await asyncio.wait(tasks)
        stop.set()
        watch.cancel()
    tell(progress)


async def _watch(progress: Progress, tell: Callable[[Progress], None], must_move: bool) -> None:
    last, since = -1, time.monotonic()
    while True:
        tell(progress)
        await asyncio.sleep(POLL_S)
        if progress.acknowledged != last:
            last, since = progress.acknowledged, time.monotonic()
        elif must_move and time.monotonic() - since > STALL_S:
            raise LinkError(
                f"nothing was acknowledged for {STALL_S:.0f} s ({progress.acknowledged} of {progress.messages} messages were)",
                mend="is the city running? look at its log",
            )


async def _feed_device(
    device: str,
    feeds: Sequence[_Feed],
    settings: ReplaySettings,
    due: Callable[[int], float],
    progress: Progress,
    stop: asyncio.Event,
) -> None:
    folder = settings.credentials
    if feeds[0].wire.format == "ngsi-ld":
        if settings.http is None:
            raise LinkError(f"`{device}` posts, and the city has no HTTP door")
        posting = HttpLink(settings.http, device, lambda: http_key_of(folder, device))
        try:
            await _feed_parts(feeds, settings, due, progress, lambda body: posting.post(body, stop))
        finally:
            posting.close()
        return
    # a name of its own: the device itself may be connected, and one name has one connection
    link = DeviceLink(settings.mqtt, device, lambda: password_of(folder, device), client_id=f"{device}:replay")

    async def publish(body: bytes) -> bool:
        await link.publish(f"in/{device}", body)
        return True

    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(link.run(stop))
        await _feed_parts(feeds, settings, due, progress, publish)
        keeping.cancel()


async def _feed_parts(
    feeds: Sequence[_Feed],
    settings: ReplaySettings,
    due: Callable[[int], float],
    progress: Progress,
    send: Callable[[bytes], Awaitable[bool]],
) -> None:
    for feed in feeds:
        limits = settings.registry.flow_limits[feed.flow] if feed.flow >= 0 else UNLIMITED
        pace = Pace(limits.messages_per_minute)
        for message in _messages(feed, settings.speed):
            if (wait := due(message.upto)) > 0:
                await asyncio.sleep(wait)
            while wait_us := pace.wait_us(_now(settings)):  # noqa: ASYNC110 - the clock is what it waits for
                await asyncio.sleep(wait_us / SECOND / settings.clock.speed)
            progress.messages += 1
            progress.observations += message.rows
            if await send(message.body):
                progress.acknowledged += 1
            else:
                progress.refused_at_door += 1
                progress.observations -= message.rows


def _messages(feed: _Feed, speed: float | None) -> Iterator[Message]:
    """Packs where it goes as fast as it can; else each report on its own, so that it goes out at its time."""
    reports: Iterator[Report] = feed.rows.reports(feed.shift)
    while chunk := list(itertools.islice(reports, PACK if speed is None else 1)):
        yield from feed.wire.messages(chunk)


# -- the balance -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Counts:
    rows: tuple[int, int, int, int]  # received, admitted, refused, shed
    reasons: dict[str, int]


def _counts(state: StateReader, flows: frozenset[str]) -> _Counts:
    mine = [c for c in state.counts() if c.flow in flows]
    reasons: dict[str, int] = {}
    for (flow, word), n in state.reasons().items():
        if flow in flows:
            reasons[word] = reasons.get(word, 0) + n
    rows = (
        sum(c.received for c in mine),
        sum(c.admitted for c in mine),
        sum(c.refused for c in mine),
        sum(c.shed for c in mine),
    )
    return _Counts(rows, reasons)


async def _settled(state: StateReader, flows: frozenset[str], before: _Counts, progress: Progress) -> _Counts:
    """The counts once all that was sent is among them, or once they no longer move."""
    end, moved, last = time.monotonic() + SETTLE_S, time.monotonic(), -1
    while True:
        now = _counts(state, flows)
        came = now.rows[0] - before.rows[0]
        if came != last:
            last, moved = came, time.monotonic()
        if came >= progress.observations or time.monotonic() - moved > QUIET_S or time.monotonic() > end:
            return now
        await asyncio.sleep(POLL_S)
