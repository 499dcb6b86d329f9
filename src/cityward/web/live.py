"""The live feed: the state store is asked once a second, and all open tabs hear the same answer as server-sent events.

Theory of operation: `Feed.run` ticks once a second while somebody listens. A tick asks the store in one thread call, finds
what changed since the tick before, encodes it once, and puts the bytes into each listener's queue. A listener that does not
read loses its oldest ticks; once it has read what is left it is sent the whole picture, so that nothing stays wrong on its
screen. The store's `latest(after_seq)` may miss a value whose log sequence is lower than one already seen (workers commit
their partitions independently), so every tenth tick reads all of them.

INVARIANTS
- Memory is bounded: one value per channel, `QUEUE` ticks per listener (shared bytes), `MOST_LISTENERS` listeners, of which one
  person has an eighth at most.
- A slow listener delays nobody: no tick waits for a queue, and sending has a deadline (`SEND_S`).
- A listener hears what they may see now, asked again at each tick; a tick is encoded once for each sight, not for each listener.
- While the store does not answer the last known numbers stand, marked `stale`; they are never invented.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from cityward.errors import LinkError
from cityward.place.roles import Right
from cityward.runtime.causes import cause_line
from cityward.runtime.ports import CommandRow, FlowCount, Latest
from cityward.time import SECOND
from cityward.web.accounts.reads import Reads
from cityward.web.accounts.sight import Sight, Sights
from cityward.web.columns import Columns
from cityward.web.identity import Caller, Reception
from cityward.web.ports import Doors
from cityward.web.problems import too_many, unavailable
from cityward.web.versions import Versions

TICK_S = 1.0
HEARTBEAT_S = 15.0  # PRECEDENT: proxies close silent connections after 30 to 60 s
STREAM_S = 1800.0  # then the browser comes back, and is asked for its session again
SEND_S = 30.0
POLL_S = 5.0
QUEUE = 10
MOST_LISTENERS = 500  # PRECEDENT: 500 cost a tenth of a core at 1,000 changes a second (docs/console.md)
SHARE = 8  # of all listeners, one person has at most this part: their tabs do not shut out everybody else
MOST_VALUES = 5000  # in one event
MOST_COMMANDS = 100
PAGE = 5000
MOST_PAGES = 100  # 500,000 channels
SWEEP_TICKS = 10
RATE_S = 10.0

_log = structlog.get_logger("cityward.web")


@dataclass(frozen=True, slots=True)
class Asked:
    """What one poll of the store found."""

    counts: Sequence[FlowCount]
    changed: Sequence[Latest]
    commands: Sequence[CommandRow]
    callers: dict[bytes, Caller | None]  # by session, as of now
    versions: Mapping[bytes, Mapping[str, str]]  # by session


def event(name: str, data: Any) -> bytes:
    """One server-sent event. JSON holds no line breaks, so one data line is enough."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


def value_row(row: Latest) -> dict[str, Any]:
    """As `latest` events and device pages show it."""
    return {
        "device": row.device,
        "property": row.property,
        "value": row.value,
        "observed_at_ms": row.observed_at // 1000,
    }


def command_row(row: CommandRow) -> dict[str, Any]:
    """As `commands` events and `/api/commands` show it."""
    return {
        "id": row.command_id,
        "service": row.service,
        "device": row.device,
        "command": row.command,
        "value": row.value,
        "state": row.state,
        "sent_at_ms": row.sent_at // 1000,
        "settled_at_ms": None if row.settled_at is None else row.settled_at // 1000,
        "cause": dict(row.cause),
        "because": cause_line(row),
        "record": row.record,
    }


class Made:
    """A tick as one sight hears it: encoded once, but for what a listener lost and what is theirs, which mostly is nothing."""

    def __init__(self, frames: Sequence[bytes], values: int) -> None:
        self.events, self.values = len(frames), values
        self._shared = b"".join(frames)
        self._of: dict[tuple[int, bytes], bytes] = {}

    def for_one(self, dropped: int, theirs: bytes, health: Callable[[int], dict[str, Any]]) -> bytes:
        """The bytes for whoever lost so many events and is told this besides: the same object for all of them."""
        found = self._of.get((dropped, theirs))
        if found is None:
            found = self._of[dropped, theirs] = self._shared + theirs + event("health", health(dropped))
        return found


class Listener:
    """One open tab: a queue of ticks, oldest dropped first. columns: values and counts are told as columns, not as rows."""

    def __init__(self, caller: Caller, *, columns: bool = False) -> None:
        self.caller, self.columns = caller, columns
        self.wants_all = True
        self.closed = False
        self.dropped = 0  # events
        self.versions: Mapping[str, str] = {}  # as they were told last
        self._lagging = False
        self._queue: deque[tuple[int, bytes]] = deque()
        self._wake = asyncio.Event()

    def put(self, events: int, data: bytes) -> None:
        """Never waits."""
        if len(self._queue) >= QUEUE:
            self.dropped += self._queue.popleft()[0]
            self._lagging = True
        self._queue.append((events, data))
        self._wake.set()

    async def get(self, within_s: float) -> bytes | None:
        """The next bytes; None when closed; a heartbeat comment when nothing came in time."""
        try:
            async with asyncio.timeout(within_s):
                while not self._queue and not self.closed:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            return b": still here\n\n"
        if self.closed:
            return None
        _, data = self._queue.popleft()
        if self._lagging and not self._queue:
            self._lagging, self.wants_all = False, True
        return data

    def close(self) -> None:
        """End the stream at its next step."""
        self.closed = True
        self._wake.set()


class Feed:
    """See the module."""

    def __init__(self, doors: Doors, reception: Reception, sights: Sights, reads: Reads) -> None:
        self._doors, self._reception, self._sights, self._reads = doors, reception, sights, reads
        self._listeners: set[Listener] = set()
        self._of_polls, self._columns = Versions(doors), Columns()
        self._versions: Mapping[bytes, Mapping[str, str]] = {}
        self._values: dict[tuple[str, str], Latest] = {}
        self._commands: dict[str, CommandRow] = {}
        self._counts: Sequence[FlowCount] = ()
        self._backlog: int | None = None
        self._received: deque[tuple[float, int]] = deque()  # (monotonic s, rows received)
        self._stale = False
        self._asked_once = False
        self._dropped_values = 0
        self._highest_seq = 0
        self._ticks = 0
        self._poll: asyncio.Future[Asked] | None = None
        self._someone = asyncio.Event()
        self._closed = False

    @property
    def clients(self) -> int:
        """Open streams."""
        return len(self._listeners)

    def join(self, caller: Caller, *, columns: bool = False) -> Listener:
        """A new listener; it is sent the whole picture at the next tick.

        Raises:
            Problem: 429 when this person has their share; 503 when there are too many, or the door closes.
        """
        share = max(1, MOST_LISTENERS // SHARE)
        if sum(one.caller.id == caller.id for one in self._listeners) >= share:
            raise too_many(f"at most {share} live feeds of one person at a time; close a tab", 10 * SECOND)
        if self._closed or len(self._listeners) >= MOST_LISTENERS:
            raise unavailable("too-many-listeners", f"at most {MOST_LISTENERS} live feeds at a time", 10)
        listener = Listener(caller, columns=columns)
        self._listeners.add(listener)
        self._someone.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        listener.close()
        self._listeners.discard(listener)
        if not self._listeners:
            self._someone.clear()

    def end_session(self, session: bytes) -> None:
        """Close the streams of a session that ended."""
        for listener in [one for one in self._listeners if one.caller.session == session]:
            listener.close()

    def close(self) -> None:
        """Close all streams and take no more."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
        self._someone.set()

    async def run(self) -> None:
        """Tick until closed. One owner: the app's lifespan."""
        while not self._closed:
            await self._someone.wait()
            began = time.monotonic()
            if not self._closed:
                await self._tick_or_log()
            await self._rest(TICK_S - (time.monotonic() - began))

    async def _tick_or_log(self) -> None:
        try:
            await self.tick()
        except Exception:
            # the feed has one owner and must outlive a fault of one tick; what failed is said, and shown as stale
            self._stale, self._poll = True, None
            _log.exception("the live feed missed a tick")

    async def _rest(self, seconds: float) -> None:
        """Wait, but not for those who have just come: whoever wants all is served within a fifth of a second."""
        until = time.monotonic() + seconds
        while not self._closed and (left := until - time.monotonic()) > 0:
            if self._asked_once and left < seconds - 0.1 and any(one.wants_all for one in self._listeners):
                return
            await asyncio.sleep(min(left, 0.1))

    async def tick(self) -> None:
        """Ask, find what changed, tell everyone."""
        changed, commands = await self._ask()
        made: dict[tuple[Sight, bool, bool], Made] = {}
        for listener in list(self._listeners):
            whole = listener.wants_all and self._asked_once
            key = (self._sights.of(listener.caller.held), whole, listener.columns)
            one = made.get(key)
            if one is None:
                values = list(self._values.values()) if whole else changed
                one = made[key] = self._made(*key, values, self._commands.values() if whole else commands)
            if whole:
                listener.wants_all = False
            self._reads.note(listener.caller, "live", one.values)
            versions = self._versions.get(listener.caller.session, {})
            news = event("versions", versions) if whole or versions != listener.versions else b""
            listener.versions = versions
            listener.put(one.events + bool(news) + 1, one.for_one(listener.dropped, news, self._health))
        self._columns.keep({sight for sight, _, _ in made})
        for sight in {sight for sight, _, columns in made if columns}:
            self._columns.told(sight, self._counts_seen(sight))

    async def _ask(self) -> tuple[Sequence[Latest], Sequence[CommandRow]]:
        """What changed since the last time; nothing, and `stale`, when the store does not answer."""
        if self._poll is None:
            self._poll = asyncio.ensure_future(asyncio.to_thread(self._read))
        try:
            # the thread goes on after the deadline: it is asked for again at the next tick, never doubled
            asked = await asyncio.wait_for(asyncio.shield(self._poll), POLL_S)
        except (LinkError, TimeoutError):
            if self._poll.done():
                self._poll = None
            self._stale = True
            return (), ()
        self._poll = None
        self._stale, self._asked_once = False, True
        await self._ask_backlog()
        return self._take(asked)

    async def _ask_backlog(self) -> None:
        if self._doors.backlog is None:
            return
        try:
            async with asyncio.timeout(POLL_S):
                self._backlog = await self._doors.backlog()
        except (LinkError, TimeoutError):
            self._backlog, self._stale = None, True

    def _read(self) -> Asked:
        """In a thread."""
        state = self._doors.state
        after = 0 if self._ticks % SWEEP_TICKS == 0 else self._highest_seq
        callers = self._callers_now([one.caller for one in list(self._listeners)])
        return Asked(
            counts=list(state.counts()),
            changed=list(self._pages(after)),
            commands=list(state.commands(MOST_COMMANDS)),
            callers=callers,
            versions=self._of_polls.of(caller for caller in callers.values() if caller is not None),
        )

    def _callers_now(self, callers: Sequence[Caller]) -> dict[bytes, Caller | None]:
        """Who listens may do less than when they came: None when nothing at all."""
        sessions = self._doors.sessions.find_all([one.session for one in callers], self._doors.machine_us())
        found = dict[bytes, Caller | None]()
        for caller in callers:
            session = sessions.get(caller.session)
            found[caller.session] = None if session is None else self._reception.caller_of(session, caller.source)
        return found

    def _cut_off(self, callers: dict[bytes, Caller | None]) -> None:
        """Whose session ended, or who may look no more, hears no more; whose rights changed is told all anew."""
        for listener in list(self._listeners):
            now = callers.get(listener.caller.session, listener.caller)
            if now is None or Right.LOOK not in now.held.rights:
                listener.close()
            elif self._sights.of(now.held) is not self._sights.of(listener.caller.held):
                listener.close()  # the browser comes back at once and is told anew
            listener.caller = now or listener.caller

    def _pages(self, after: int) -> Iterable[Latest]:
        for _ in range(MOST_PAGES):
            page = self._doors.state.latest(after, PAGE)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].seq  # a page never ends amid a message

    def _take(self, asked: Asked) -> tuple[Sequence[Latest], Sequence[CommandRow]]:
        self._ticks += 1
        self._cut_off(asked.callers)
        self._versions = asked.versions
        self._counts = asked.counts
        self._note_rate(sum(row.received for row in asked.counts))
        news = {(row.device, row.property): row for row in asked.changed if self._is_news(row)}
        self._values.update(news)
        changed = list(news.values())
        self._highest_seq = max([self._highest_seq, *(row.seq for row in changed)])
        commands = [row for row in asked.commands if self._commands.get(row.command_id) != row]
        self._commands = {row.command_id: row for row in asked.commands}
        if len(changed) > MOST_VALUES:
            self._dropped_values += len(changed) - MOST_VALUES
            changed = sorted(changed, key=lambda row: row.seq)[-MOST_VALUES:]
        return changed, commands

    def _is_news(self, row: Latest) -> bool:
        held = self._values.get((row.device, row.property))
        return held is None or row.seq > held.seq

    def _note_rate(self, received: int) -> None:
        now = time.monotonic()
        self._received.append((now, received))
        while self._received[0][0] < now - RATE_S - TICK_S / 2:
            self._received.popleft()

    def _rate_per_s(self) -> float:
        (first, before), (last, now) = self._received[0], self._received[-1]
        return round((now - before) / (last - first), 1) if last > first else 0.0

    def _made(
        self, sight: Sight, whole: bool, columns: bool, values: Iterable[Latest], commands: Iterable[CommandRow]
    ) -> Made:
        """The events that are the same for all listeners of one sight, in order."""
        frames = list[bytes]()
        if self._asked_once:
            frames += [event("counts", self._counts_now(sight, whole, columns)), event("clock", self._clock_now())]
        if columns and whole:
            frames.append(event("channels", self._columns.channels(sight)))
        seen = sight.latest(values)
        for at in range(0, len(seen), MOST_VALUES):
            rows = seen[at : at + MOST_VALUES]
            if columns:
                frames.append(event("readings", self._columns.readings(sight, rows)))
            else:
                frames.append(event("latest", [value_row(row) for row in rows]))
        if told := sight.commands(commands):
            frames.append(event("commands", [command_row(sight.told(row)) for row in told]))
        return Made(frames, len(seen) if frames else 0)

    def _counts_seen(self, sight: Sight) -> list[FlowCount]:
        return [row for row in self._counts if sight.flow(row.flow)]

    def _counts_now(self, sight: Sight, whole: bool, columns: bool) -> dict[str, Any]:
        names = ("received", "admitted", "refused", "shed")
        counts = self._counts_seen(sight)
        return {
            "totals": {name: sum(getattr(row, name) for row in counts) for name in names},
            "rate_per_s": self._rate_per_s() if sight.flows is None else 0.0,
            **(self._columns.flows(sight, counts, whole) if columns else {"flows": counts}),
        }

    def _clock_now(self) -> dict[str, Any]:
        return {"now_ms": self._doors.city_now_us() // 1000, "speed": self._doors.clock.speed}

    def _health(self, dropped: int) -> dict[str, Any]:
        return {
            "status": "stale" if self._stale else "ok",
            "backlog": self._backlog,
            "clients": len(self._listeners),
            "dropped": dropped,
            "dropped_values": self._dropped_values,
        }


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class LiveStream:
    """One listener's answer, as an ASGI application."""

    status_code = 200

    def __init__(self, feed: Feed, listener: Listener) -> None:
        self._feed, self._listener = feed, listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the listener, the session or the door closes, or half an hour has passed."""
        gone = asyncio.create_task(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await self._send_all(send)
        finally:
            gone.cancel()
            self._feed.leave(self._listener)

    async def _send_all(self, send: Send) -> None:
        until = time.monotonic() + STREAM_S
        data: bytes | None = b"retry: 2000\n\n"
        while data is not None and time.monotonic() < until:
            try:
                async with asyncio.timeout(SEND_S):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            except TimeoutError:
                return  # the client reads nothing; the server closes the connection of an unfinished answer
            data = await self._listener.get(HEARTBEAT_S)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.close()
