"""What the roles tell, on its way to the watch: a bounded stream of the bus, written by every role, read by one.

Theory of operation
-------------------
A role tells an event and goes on: it stands in a queue of at most `QUEUED`. One task takes up to `BATCH` at a time from it and
publishes them side by side; what the bus does not confirm is published again under the same message id, which the bus takes
once. An event that finds the queue full is counted, and the count is told as an event itself (`shed`, budget `events`) as soon
as there is room: the watch knows what it does not know. So is an event that no reader could take: it would be published again
for ever, and everything behind it would wait.

The stream holds `STREAM_BYTES` and `STREAM_DAYS` and forgets the oldest first. Its sequences have no gaps of their own, so a
reader knows how many it missed.

INVARIANTS
- `tell` never blocks and never raises.
- told = published + shed + still queued, at every moment.
- A reader is handed every event of the stream from its position on, once and in order, or the number of those it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType

import structlog
from msgspec import DecodeError as NotAnEvent
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from cityward.adapters.bus.config import EVENT_STREAM, EVENT_SUBJECTS
from cityward.adapters.bus.reader import LogReader
from cityward.errors import LinkError
from cityward.runtime.ports import LogMessage
from cityward.runtime.watching.ports import Told
from cityward.watch.events import Event, EventKind, decode, encode

STREAM_BYTES = 256 << 20  # a million events of 250 bytes
STREAM_DAYS = 7
QUEUED = 8192
BATCH = 256
CONFIRM_S = 5.0
MOST_BYTES = 16_384  # of one message with its headers
HEADERS = 512
RETRY_S = (0.05, 0.25, 1.0, 2.0)
LAST_WORDS_S = 2.0  # what is still queued when a role ends gets so long
TWICE_WITHIN_S = 120.0  # the bus remembers message ids so long

log = structlog.get_logger(__name__)


async def make_event_stream(client: Client, replicas: int = 1) -> None:
    """Create the stream, or bring its bounds up to date. Called by whoever starts the city.

    Raises:
        LinkError: JetStream did not answer or refused.
    """
    js = client.jetstream()
    wanted = StreamConfig(
        name=EVENT_STREAM,
        subjects=[EVENT_SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        max_bytes=STREAM_BYTES,
        max_age=STREAM_DAYS * 86_400,
        max_msg_size=MOST_BYTES,
        duplicate_window=TWICE_WITHIN_S,
        num_replicas=replicas,
        allow_direct=True,
    )
    try:
        try:
            await js.stream_info(EVENT_STREAM)
        except NotFoundError:
            await js.add_stream(wanted)
        else:
            await js.update_stream(wanted)
    except (NatsError, APIError, TimeoutError) as error:
        raise LinkError(f"the stream of events could not be made ready: {error}") from error


class NatsEvents:
    """`runtime.ports.EventSink` over a role's own connection: `async with NatsEvents(client, "web", now_us) as events`.

    `shed`: events that found the queue full, or that nobody could read, since the start.
    """

    def __init__(self, client: Client, by: str, now_us: Callable[[], int], *, queued: int = QUEUED) -> None:
        self._js = client.jetstream(timeout=CONFIRM_S)
        self._by, self._now_us, self._most = by, now_us, queued
        self._queue: deque[tuple[str, Event]] = deque()
        self._run = secrets.token_hex(6)
        self._told = self._shed_told = 0
        self.published = self.shed = 0
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None

    def tell(self, event: Event) -> None:
        """Never blocks, never raises; from any thread."""
        if len(self._queue) >= self._most or not _can_be_held(event):
            self.shed += 1
            return
        self._queue.append((self._id(), event))
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: so is the city
                self._loop.call_soon_threadsafe(self._wake.set)

    @property
    def queued(self) -> int:
        """Events on their way."""
        return len(self._queue)

    async def __aenter__(self) -> NatsEvents:
        self._loop = asyncio.get_running_loop()
        self._wake.set()  # for what was told before
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._idle.clear()
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), LAST_WORDS_S)
        if self._sending is not None:
            self._sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sending
        if self._queue:
            log.warning("events were not told before the end", count=len(self._queue))

    def _id(self) -> str:
        self._told += 1
        return f"{self._by}-{self._run}-{self._told}"

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._idle.clear()
            while self._queue:
                batch = [self._queue[n] for n in range(min(BATCH, len(self._queue)))]
                await self._publish_until_held(batch)
                for _ in batch:
                    self._queue.popleft()
                self.published += len(batch)
                self._tell_shed()
            self._idle.set()

    def _tell_shed(self) -> None:
        new = self.shed - self._shed_told
        if new:
            detail = {"budget": "events", "count": str(new)}
            at = self._now_us()
            event = Event(at=at, kind=EventKind.SHED, by=self._by, subject=f"role:{self._by}", detail=detail)
            self._queue.append((self._id(), event))
            self._shed_told = self.shed

    async def _publish_until_held(self, batch: Sequence[tuple[str, Event]]) -> None:
        left, tries = list(batch), 0
        while left:
            outcomes = await asyncio.gather(*(self._publish(*one) for one in left))
            left = [one for one, held in zip(left, outcomes, strict=True) if not held]
            if left:
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1

    async def _publish(self, id_: str, event: Event) -> bool:
        try:
            async with asyncio.timeout(CONFIRM_S):
                await self._js.publish(f"event.{event.kind}", encode(event), headers={"Nats-Msg-Id": id_})
        except (NatsError, APIError, TimeoutError, OSError):
            return False
        return True


def _can_be_held(event: Event) -> bool:
    """SECURITY: whether the bus takes it and a reader reads it, whatever foreign text somebody forgot to cut."""
    try:
        data = encode(event)
        decode(data)
    except (ValueError, NotAnEvent, UnicodeError):
        return False
    return len(data) <= MOST_BYTES - HEADERS


class EventReader:
    """`runtime.watching.ports.EventSource`: the stream from a sequence on, in bulk. `client`: a connection of the same role."""

    def __init__(self, client: Client, url: str, role: str, password: str | None) -> None:
        self._client = client
        self._url, self._role, self._password = url, role, password
        self._reader: LogReader | None = None
        self._after = -1

    async def fetch(self, after: int, most: int, wait_s: float) -> Told:
        """See the port.

        Raises:
            LinkError: the bus does not answer.
        """
        began_anew = self._reader is None and await self._ends_before(after)
        after = 0 if began_anew else after
        reader = await self._reading(after)
        messages = await reader.fetch(most, wait_s)
        told = _told(messages, after) if messages else Told((), after)
        self._after = told.upto
        return replace(told, began_anew=began_anew)

    async def _ends_before(self, after: int) -> bool:
        """Whether the stream lost what was read of it already: it was made anew, and numbers from the beginning."""
        try:
            return (await self._client.jetstream().stream_info(EVENT_STREAM)).state.last_seq < after
        except (NatsError, APIError, TimeoutError) as error:
            raise LinkError(f"the stream of events did not say where it stands: {error}") from error

    async def close(self) -> None:
        """Close the connection; the next fetch opens one."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _reading(self, after: int) -> LogReader:
        if self._reader is None or after != self._after:
            await self.close()
            self._reader = LogReader(
                self._url, self._role, self._password, [EVENT_SUBJECTS], after + 1, stream=EVENT_STREAM
            )
            self._after = after
        return self._reader


def _told(messages: Sequence[LogMessage], after: int) -> Told:
    events: list[Event] = []
    unreadable = 0
    for message in messages:
        try:
            events.append(decode(message.payload))
        except (NotAnEvent, UnicodeDecodeError, RecursionError):
            unreadable += 1
    upto = messages[-1].seq
    return Told(events, upto, missed=upto - after - len(messages), unreadable=unreadable)
