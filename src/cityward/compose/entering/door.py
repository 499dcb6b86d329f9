"""The door: the process that lets devices in at the broker, knows who is in, and cuts off who may be in no more.

Lives here: its loops. Does not live here: the judgement (`adapters.bus.entry`, `keeper`), the wire (`callout`, `connections`).

It reads who is known from the state store whenever that has changed (`LOOK_S`), so what `cityward device` does, a bar, or the
end of a penalty takes force within a second. While it is away nobody new comes in; those inside stay, and it takes them up again
when it is back. It needs no memory of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import msgspec
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from cityward.adapters.bus import nkeys
from cityward.adapters.bus.callout import Callout
from cityward.adapters.bus.config import ROLES
from cityward.adapters.bus.connections import Follower, Open, Presence, Told
from cityward.adapters.bus.entry import RECIPIENT, LiveRecipient, Roll
from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.keeper import BY, Keeper
from cityward.adapters.bus.log import connect, disconnect
from cityward.adapters.bus.room import room_of
from cityward.adapters.bus.unlogged import Unlogged, held_by_device
from cityward.adapters.stores.state import SqlState
from cityward.compose.bars import PENALTY, by_device
from cityward.compose.entering.refusals import effects_of, on_record
from cityward.compose.home import CityFile
from cityward.compose.setting import Setting
from cityward.errors import LinkError
from cityward.evidence.records import DeviceLife
from cityward.guard.reasons import Reason
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.policy.origins import origins_of
from cityward.runtime.intake.penalty import Budget, Penalties, Penalty
from cityward.runtime.ports import BarRow, EventSink, Ledger
from cityward.time import DAY, SECOND
from cityward.watch.events import Event, EventKind

log = structlog.get_logger(__name__)

PROGRESS = "door.progress.json"
LOOK_S = 0.2  # for changes of who is known
CUT_AGAIN_S = 2.0
TELL_S = 1.0  # refused sign-ins and moved devices, at once
COUNT_S = 0.5  # between two looks at what every connection has sent; longer where there are many
COUNT_LONGEST_S = 10.0
UNLOGGED_S = 10.0  # a window of `unlogged`; the log keeps what is held for a minute
MOST_UNLOGGED_TOLD = 256  # devices a window; counts have them all
UNLOGGED_PARTITION = -2  # under this number state counts what never came in, and numbers those counts
MESSAGE_OVERHEAD = 64  # bytes: what the broker counts beside a body (the topic)


async def run_door(setting: Setting, stop: asyncio.Event) -> None:
    """Keep the door until told to stop."""
    async with _linked(setting.city) as links, NatsEvents(links.city, BY, setting.now_us) as events:
        with setting.ledger(BY) as ledger:
            await Door(setting, links, events, ledger).run(stop)


@dataclass(frozen=True, slots=True)
class Links:
    """The door's connections: to answer the broker, to hear of connections, to speak in the city."""

    keeper: Client
    system: Client
    city: Client


class Door:
    """What the loops share."""

    def __init__(self, setting: Setting, links: Links, events: EventSink, ledger: Ledger) -> None:
        city = setting.city
        self.registry, self.state, self.speed = setting.registry, setting.state, city.city_clock.speed
        self.place = setting.loaded.place
        self.events, self.ledger = events, ledger
        self.progress = setting.home.root / PROGRESS
        nobody = Roll(status={}, credentials={}, bars={}, spent={})
        tls = city.mqtt_ca is not None
        clock = city.city_clock
        room = room_of(self.registry)
        self.keeper = Keeper(nobody, Presence(), events, clock, _machine_us, tls, frozenset(ROLES), room)
        told = Told(self.came, self.keeper.gone, self.keeper.refused)
        self.follower = Follower(links.system, self.keeper.presence, told)
        signer = nkeys.Signer.of(bytes.fromhex(city.door_seed), nkeys.Kind.ACCOUNT)
        self.callout = Callout(links.keeper, signer, self.keeper.judge, time.time)
        self.penalties = Penalties()
        self.unlogged, self._city = Unlogged(), links.city
        self._uncounted: Counter[str] = Counter()  # never came in, on record, and not counted in the store yet
        self._version = (-1, -1)
        self._to_cut: dict[int, float] = {}  # connection -> when it is cut off next, in monotonic seconds
        self._counted_at = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Open: first know everybody, then who is inside, then answer. Then mind it all until told to stop."""
        await self.look()
        self._remember_penalties()
        await self.follower.start()
        self._counted_at = _machine_us()
        self.keeper.presence.take_sent()
        await asyncio.to_thread(self._close_stale)
        await self.callout.start()
        self._write_progress()
        async with asyncio.TaskGroup() as group:
            minding = [
                group.create_task(_every(LOOK_S, self.look)),
                group.create_task(_every(TELL_S, self.tell)),
                group.create_task(self._keep_counting()),
                group.create_task(_every(UNLOGGED_S, self.count_unlogged)),
            ]
            await stop.wait()
            for task in minding:
                task.cancel()
        self.keeper.leave()
        with contextlib.suppress(LinkError):
            await self.tell()

    async def look(self) -> None:
        """Take up a change of who is known, and cut off who may be in no more.

        Raises:
            LinkError: the store or the broker does not answer.
        """
        version = await asyncio.to_thread(lambda: (self.state.version(), self.state.recipients.version()))
        if version != self._version:
            self.keeper.roll = await asyncio.to_thread(roll_of, self.registry, self.state, self.place)
            self._version = version
            self._to_cut |= {c: 0.0 for c, one in self.keeper.presence.open.items() if not self.keeper.may_stay(one)}
        await self._cut()

    async def _cut(self) -> None:
        """Cut off who must go. The broker tells who is gone; who is not after a while is cut off again."""
        self._to_cut = {c: at for c, at in self._to_cut.items() if c in self.keeper.presence.open}
        now = time.monotonic()
        due = [connection for connection, at in self._to_cut.items() if at <= now]
        await self.follower.cut(due)
        if due:
            log.info("connections are cut off: their devices may be in no more", count=len(due))
        self._to_cut.update(dict.fromkeys(due, now + CUT_AGAIN_S))

    def came(self, one: Open) -> None:
        """Somebody is in: let in a moment ago, perhaps by what was known before a change."""
        self.keeper.came(one)
        if not self.keeper.may_stay(one):
            self._to_cut[one.connection] = 0.0

    async def tell(self) -> None:
        """Tell what was refused, and keep who moved.

        Raises:
            LinkError: the store does not answer.
        """
        self.keeper.tell_turned_away()
        self._write_progress()
        moved = self.keeper.take_moved()
        try:
            await asyncio.to_thread(self.state.put_connections, moved)
        except LinkError:
            for row in moved:
                self.keeper.moved.setdefault(row.device, row)
            raise

    async def _keep_counting(self) -> None:
        """Twice a second in a town; rarer in a city, because a look asks the broker for every connection."""
        while True:
            await asyncio.sleep(min(COUNT_S * max(1.0, len(self.keeper.presence.open) / 500), COUNT_LONGEST_S))
            with contextlib.suppress(LinkError, NatsError):
                await self.count()

    async def count(self) -> None:
        """See what every device has sent since the last time; bar who goes on sending far too much.

        Raises:
            LinkError: the broker or the store does not answer.
        """
        since = self._counted_at
        await self.follower.look()
        now = _machine_us()
        self._counted_at = now
        due: list[Penalty] = []
        sent = self.keeper.presence.take_sent()
        self.unlogged.add(sent)
        for device, (messages, size) in sent.items():
            if (unit := self.registry.unit_index.get(device)) is not None:
                budget = budget_of(self.registry, unit, self.speed)
                penalty = self.penalties.look(device, budget, messages, size, since, now)
                due += [penalty] if penalty is not None else []
        if due:
            await asyncio.to_thread(self._bar, due, now)

    async def count_unlogged(self) -> None:
        """Refuse and count what devices have sent with QoS 0: it never came in.

        Raises:
            LinkError: the log, the ledger or the store does not answer; what is on record is counted next time.
        """
        try:
            held = await held_by_device(self._city)
        except LinkError:
            self.unlogged.skip()
            raise
        missing = self.unlogged.turn(held) if held is not None else self.unlogged.skip() or {}
        missing = {device: count for device, count in missing.items() if device in self.registry.unit_index}
        if missing or self._uncounted:
            await asyncio.to_thread(self._refuse, missing)

    def _refuse(self, missing: Mapping[str, int]) -> None:
        """The evidence first, then the counts, then the events."""
        at = self.keeper.city_now()
        entry = ""
        if missing:
            new = Counter({(Reason.NOT_ACKNOWLEDGED, device): count for device, count in missing.items()})
            [entry] = self.ledger.append([on_record(new, at, BY)])
            self._uncounted.update(missing)
        counted = {(Reason.NOT_ACKNOWLEDGED, device): count for device, count in self._uncounted.items()}
        nth = self.state.committed().get(UNLOGGED_PARTITION, 0) + 1
        self.state.apply(effects_of(counted, self.registry, nth, UNLOGGED_PARTITION))
        self._uncounted.clear()
        for device, count in Counter(missing).most_common(MOST_UNLOGGED_TOLD):
            detail = {"budget": Reason.NOT_ACKNOWLEDGED.word, "count": str(count)}
            self.events.tell(Event(at=at, kind=EventKind.SHED, by=BY, subject=device, detail=detail, record=entry))

    def _write_progress(self) -> None:
        """Where the supervisor sees that the door is open, and people how much it did: small, written whole."""
        told = {**self.callout.counts, "inside": len(self.keeper.presence.open), "unheld": self.keeper.presence.unheld}
        draft = self.progress.with_suffix(".new")
        with contextlib.suppress(OSError):
            draft.write_bytes(msgspec.json.encode(told))
            draft.replace(self.progress)

    def _bar(self, penalties: Sequence[Penalty], now: int) -> None:
        """The evidence first, then the bars, then the events; of all at once: a hundred flood on while one is written down."""
        at = self.keeper.clock.to_city_us(now)
        details = [_told(penalty, now) for penalty in penalties]
        records = [
            DeviceLife(at=at, by=BY, device=penalty.device, to=PENALTY, person="", detail=detail)
            for penalty, detail in zip(penalties, details, strict=True)
        ]
        entries = self.ledger.append(records)
        self.state.bar([BarRow(p.device, PENALTY, now, p.until_us, BY) for p in penalties])
        for penalty, detail, entry in zip(penalties, details, entries, strict=True):
            told = {"budget": PENALTY, "count": "1", **detail}
            shed = Event(at=at, kind=EventKind.SHED, by=BY, subject=penalty.device, detail=told, record=entry)
            self.events.tell(shed)
            log.warning(
                "a device is kept out for a while: it sends far more than declared", device=penalty.device, **detail
            )

    def _close_stale(self) -> None:
        """Who went while there was no door is no longer connected. When it went is not known: before now."""
        inside, now = self.keeper.presence.of_device, self.keeper.city_now()
        held = self.state.connections().values()
        stale = [replace(row, until=now) for row in held if row.until is None and row.device not in inside]
        self.state.put_connections(stale)

    def _remember_penalties(self) -> None:
        now = _machine_us()
        for device, rows in self.keeper.roll.bars.items():
            ended = [r.until_us for r in rows if r.why == PENALTY and r.until_us is not None]
            recent = [until for until in ended if until > now - DAY]
            if recent:
                self.penalties.remember(device, len(recent), max(recent))


def _told(penalty: Penalty, now: int) -> dict[str, str]:
    """A penalty in words: how long, the how-manieth in a row, how far beyond the budget."""
    lasts = (penalty.until_us - now) // SECOND
    return {"seconds": str(lasts), "nth": str(penalty.nth), "times": f"{penalty.times:.1f}"}


def roll_of(registry: Registry, state: SqlState, place: Place | None = None) -> Roll:
    """Everybody who is known, as the store has it now.

    Raises:
        LinkError: the store does not answer.
    """
    return Roll(
        status={u.id: str(u.status) for u in registry.units},
        credentials={row.device: row for row in state.all()},
        bars=by_device(state.bars()),
        spent=state.spent(),
        recipients={} if place is None else live_recipients(place, state),
    )


def live_recipients(place: Place, state: SqlState) -> dict[str, LiveRecipient]:
    """Those that subscribe and have an active credential, by their names at the door.

    Raises:
        LinkError: the store does not answer.
    """
    rows = state.recipients.recipients()
    return {
        RECIPIENT + name: LiveRecipient(name, origins_of(one), rows[name].key_sha256, rows[name].certificate_sha256)
        for name, one in place.recipients.items()
        if one.by == "live" and name in rows and rows[name].state == "active"
    }


def budget_of(registry: Registry, unit: int, speed: float) -> Budget:
    """What a unit is declared to send, a second of the machine; a city that runs faster than reality sends as much faster."""
    messages, size = (float(most) / 60 * max(speed, 1.0) for most in registry.unit_limits[unit])
    return Budget(messages, size + messages * MESSAGE_OVERHEAD)


@asynccontextmanager
async def _linked(city: CityFile) -> AsyncGenerator[Links]:
    """Three connections to the bus, one as each of the door's users.

    Raises:
        LinkError: the bus does not answer.
    """
    async with contextlib.AsyncExitStack() as open_:
        clients: list[Client] = []
        for role in ("keeper", "system", "door"):
            clients.append(await connect(city.bus_url, role, city.passwords.get(role)))
            open_.push_async_callback(disconnect, clients[-1])
        yield Links(*clients)


def _machine_us() -> int:
    return time.time_ns() // 1000


async def _every(pause_s: float, do: Callable[[], Awaitable[None]]) -> None:
    """Again and again; a world that does not answer is asked again."""
    silent = False
    while True:
        await asyncio.sleep(pause_s)
        try:
            await do()
        except (LinkError, NatsError) as error:
            if not silent:
                log.warning("the door waits for the bus or the store", why=str(error))
            silent = True
        else:
            silent = False
