"""A web door for tests: the ports in memory, the real server on loopback."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.resources import files
from typing import Any

import httpx
import numpy as np
from msgspec.structs import replace as replace_fields
from numpy.typing import NDArray

from cityward.adapters.protocols.ngsi_ld.batches import split_batch
from cityward.adapters.protocols.ngsi_ld.entities import Form, entity
from cityward.adapters.protocols.ngsi_ld.identity import device_of, entity_id, entity_type
from cityward.errors import LinkError
from cityward.insight.marks import Mark
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.place.services import Service
from cityward.runtime.people import Grant, Passkey, Person, SessionRow, Stance, Standing, Step
from cityward.runtime.ports import (
    CommandRow,
    CredentialRow,
    ExpectedRow,
    FlowCount,
    HourlyRow,
    Latest,
    Quarantined,
)
from cityward.time import HOUR, MINUTE, CityClock
from cityward.web.admin import build_admin
from cityward.web.app import build
from cityward.web.identity import digest
from cityward.web.ports import Doors, Entities
from cityward.web.serve import serve
from places import tiny_place

LIGHTING = Service(kind="lighting", operator="council", actuators=("lamp",))
NOON = 1_760_000_000_000_000  # the city's time in these tests, us
KEYS = {
    name: f"key-of-{name}-0123456789abcdef"
    for name in ("counter-1", "lamp-01", "old-counter", "weather-1", "air-1", "radio-server")
}


@dataclass
class MemoryState:
    """`StateReader`, as lists. `silent` makes it not answer."""

    rows: list[Latest] = field(default_factory=list)
    counted: list[FlowCount] = field(default_factory=list)
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    hours: list[HourlyRow] = field(default_factory=list)
    ranges: list[ExpectedRow] = field(default_factory=list)
    issued: list[CommandRow] = field(default_factory=list)
    heard: dict[str, int] = field(default_factory=dict)
    marked: list[Mark] = field(default_factory=list)
    silent: bool = False
    polls: int = 0

    def counts(self) -> Sequence[FlowCount]:
        if self.silent:
            raise LinkError("the database does not answer")
        self.polls += 1
        return list(self.counted)

    def reasons(self) -> Mapping[tuple[str, str], int]:
        return dict(self.refused)

    def latest(self, after_seq: int, most: int) -> Sequence[Latest]:
        return sorted((r for r in self.rows if r.seq > after_seq), key=lambda r: r.seq)[:most]

    def latest_of(self, devices: Sequence[str]) -> Sequence[Latest]:
        return [r for r in self.rows if r.device in devices]

    def quarantine(self, most: int, device: str | None = None) -> Sequence[Quarantined]:
        return [r for r in reversed(self.quarantined) if device in (None, r.device)][:most]

    def hourly(self, since_us: int, until_us: int, property_id: str | None = None) -> Sequence[HourlyRow]:
        return [r for r in self.hours if since_us <= r.hour_us < until_us and property_id in (None, r.property)]

    def expected(self, device: str) -> Sequence[ExpectedRow]:
        return [r for r in self.ranges if r.device == device]

    def marks(self, device: str | None = None) -> Sequence[Mark]:
        return [mark for mark in self.marked if device in (None, mark.device)]

    def commands(self, most: int, device: str | None = None) -> Sequence[CommandRow]:
        return [r for r in reversed(self.issued) if device in (None, r.device)][:most]

    def steps(
        self, services: Collection[str], since_us: int, until_us: int, most: int
    ) -> tuple[Sequence[tuple[CommandRow, int]], int]:
        by: dict[tuple[str, int], list[CommandRow]] = {}
        for row in self.issued:
            if row.service in services and since_us <= row.sent_at < until_us:
                by.setdefault((row.service, row.sent_at // MINUTE), []).append(row)
        steps = [(rows[-1], len({row.device for row in rows})) for rows in by.values()]
        return sorted(steps, key=lambda step: -step[0].sent_at)[:most], len(steps)

    def seen(self) -> Mapping[str, int]:
        return dict(self.heard)


@dataclass
class MemoryHistory:
    """`History.window`."""

    rows: list[tuple[str, str, int, float]] = field(default_factory=list)  # device, property, us, value
    registry: Registry | None = None

    def window(
        self, device: str, properties: Sequence[str], since_us: int, until_us: int, most: int
    ) -> Sequence[tuple[str, int, float]]:
        found = [(p, t, v) for d, p, t, v in self.rows if d == device and p in properties and since_us <= t < until_us]
        return sorted(found, key=lambda row: row[1])[-most:]

    def moment(self, since_us: int, until_us: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        assert self.registry is not None
        newest: dict[int, tuple[int, float]] = {}
        for device, prop, at, value in sorted(self.rows, key=lambda row: row[2]):
            if since_us <= at < until_us:
                channels = self.registry.units[self.registry.unit_index[device]].channels
                newest[next(c for c in channels if self.registry.channel_property[c] == prop)] = (at, value)
        held = sorted(newest.items())
        return (
            np.array([c for c, _ in held], dtype=np.int32),
            np.array([at for _, (at, _) in held], dtype=np.int64),
            np.array([value for _, (_, value) in held]),
        )


@dataclass
class MemoryCredentials:
    """`Credentials`."""

    rows: dict[str, CredentialRow] = field(default_factory=dict)
    changes: int = 1
    lookups: int = 0

    def version(self) -> int:
        return self.changes

    def all(self) -> Sequence[CredentialRow]:
        return list(self.rows.values())

    def issue(self, rows: Sequence[CredentialRow]) -> None:
        self.rows.update({row.device: row for row in rows})
        self.changes += 1

    def revoke(self, device: str, at_us: int) -> bool:
        self.rows[device] = replace(self.rows[device], state="revoked", revoked_at=at_us)
        self.changes += 1
        return True

    def device_of_key(self, key_sha256: bytes) -> str | None:
        self.lookups += 1
        active = (row for row in self.rows.values() if row.state == "active")
        return next((row.device for row in active if row.key_sha256 == key_sha256), None)

    def late_key(self, key_sha256: bytes) -> tuple[str, str] | None:
        late = (row for row in self.rows.values() if row.state != "active" and row.key_sha256 == key_sha256)
        return next(((row.device, row.state) for row in late), None)


@dataclass
class MemorySessions:
    """`Sessions`; one lock makes redeeming atomic, as one SQL statement does."""

    links: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    open_ones: dict[bytes, SessionRow] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_link(self, token_sha256: bytes, who: str, expires_at: int) -> None:
        self.links[token_sha256] = (who, expires_at)

    def redeem_link(self, token_sha256: bytes, now_us: int) -> str | None:
        with self.lock:
            who, expires_at = self.links.pop(token_sha256, (None, 0))
        return who if now_us < expires_at else None

    def open(self, row: SessionRow) -> Sequence[bytes]:
        self.open_ones[row.session_sha256] = row
        return []

    def find(self, session_sha256: bytes, now_us: int) -> SessionRow | None:
        row = self.open_ones.get(session_sha256)
        return row if row is not None and now_us < row.expires_at else None

    def find_all(self, sessions_sha256: Collection[bytes], now_us: int) -> Mapping[bytes, SessionRow]:
        found = {one: self.find(one, now_us) for one in sessions_sha256}
        return {key: row for key, row in found.items() if row is not None}

    def sessions_of(self, who: str, now_us: int) -> Sequence[SessionRow]:
        return [row for row in self.open_ones.values() if row.who == who and now_us < row.expires_at]

    def prove(self, session_sha256: bytes, at: int) -> None:
        self.open_ones[session_sha256] = replace(self.open_ones[session_sha256], proved_at=at)

    def close(self, session_sha256: bytes) -> None:
        self.open_ones.pop(session_sha256, None)

    def close_all(self, who: str) -> None:
        self.open_ones = {key: row for key, row in self.open_ones.items() if row.who != who}


@dataclass
class MemoryPeople:
    """`PeopleDesk`, as far as looking at people goes: who is there, and what they hold. `version` grows by hand."""

    standings: dict[str, Standing] = field(default_factory=dict)
    keys: dict[bytes, Passkey] = field(default_factory=dict)
    changes: int = 1

    def version(self) -> int:
        return self.changes

    def hold(self, who: str, *roles: str, party: str = "council", until: int = 0) -> None:
        """Somebody holds these roles, and nothing else."""
        person = Person(who, who.title(), party, Stance.ACTIVE, 0)
        grants = tuple(Grant(f"{who}-{r}", who, r, Step.GIVEN, "for the test", 0, "test", 0, until) for r in roles)
        self.standings[who] = Standing(person, grants)
        self.changes += 1

    def standing(self, id_: str) -> Standing | None:
        return self.standings.get(id_)

    def people(self) -> Sequence[Person]:
        return [one.person for one in self.standings.values()]

    def grants(self, person: str | None = None) -> Sequence[Grant]:
        return [g for who, one in self.standings.items() if person in (None, who) for g in one.grants]

    def seconds(self) -> Sequence[Any]:
        return []

    def passkeys(self, person: str) -> Sequence[Passkey]:
        return [key for key in self.keys.values() if key.person == person]


def operators() -> MemoryPeople:
    """One person, `operator`, with everything that one person can have in a place that declares no roles."""
    people = MemoryPeople()
    people.hold("operator", "operator")
    return people


@dataclass
class MemoryIntake:
    """`Intake`: the log as a list. `refuses` makes it silent from that message on."""

    log: list[tuple[str, str, bytes]] = field(default_factory=list)
    silent_after: int | None = None

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        if self.silent_after is not None and len(self.log) >= self.silent_after:
            raise LinkError("the log did not take the message")
        self.log.append((device, codec, payload))
        return len(self.log)


@dataclass
class MemoryTiles:
    """`Tiles`."""

    data: bytes = bytes(range(256)) * 4096  # 1 MiB

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def etag(self) -> str:
        return sha256(self.data).hexdigest()[:16]

    def read(self, start: int, length: int) -> bytes:
        return self.data[start : start + length]


def entities_of(registry: Registry) -> Entities:
    """The NGSI-LD functions of the codec room over one registry."""
    return Entities(
        split=split_batch,
        device_of=device_of,
        id_of=lambda unit: entity_id(registry, unit),
        type_of=lambda unit: entity_type(registry, unit),
        normalized=lambda unit, latest: entity(registry, unit, latest, Form.NORMALIZED),
        simplified=lambda unit, latest: entity(registry, unit, latest, Form.SIMPLIFIED),
    )


@dataclass
class House:
    """Everything behind the door, and where it listens."""

    state: MemoryState
    history: MemoryHistory
    credentials: MemoryCredentials
    sessions: MemorySessions
    intake: MemoryIntake
    doors: Doors
    url: str = ""
    admin_url: str = ""
    app: Any = None

    def link(self, lasts_us: int = HOUR) -> str:
        """A one-time link's token."""
        token = f"link-{len(self.sessions.links)}-{time.monotonic_ns()}-0123456789"
        self.sessions.add_link(digest(token), "operator", self.doors.machine_us() + lasts_us)
        return token

    def session(self, who: str = "operator") -> dict[str, str]:
        """A cookie that is signed in."""
        token, now = f"session-{time.monotonic_ns()}-0123456789", self.doors.machine_us()
        self.sessions.open(SessionRow(digest(token), who, now + HOUR, now, now))
        return {"cityward": token}

    def client(self, who: str = "operator", **more: Any) -> httpx.Client:
        """A browser that is signed in."""
        return httpx.Client(base_url=self.url, cookies=self.session(who), timeout=10, **more)

    def stranger(self, **more: Any) -> httpx.Client:
        """A browser that is not."""
        return httpx.Client(base_url=self.url, timeout=10, **more)

    def device(self, name: str) -> httpx.Client:
        """A device with its key."""
        return self.stranger(headers={"authorization": f"Bearer {KEYS[name]}"})


def house(place: Place | None = None, **more: Any) -> House:
    """A small city with something to see, its door still closed."""
    place = place or replace_fields(tiny_place(), services={"lighting": LIGHTING})
    registry = number(place)
    state, history, credentials = MemoryState(), MemoryHistory(), MemoryCredentials()
    sessions, intake = MemorySessions(), MemoryIntake()
    credentials.issue([CredentialRow(name, None, digest(key), None, "active", NOON) for name, key in KEYS.items()])
    state.counted = [FlowCount("counts", 10, 7, 2, 1), FlowCount("weather-reports", 4, 4, 0, 0)]
    state.refused = {("counts", "out-of-range"): 2, ("counts", "rate-exceeded"): 1}
    state.rows = [
        Latest("counter-1", "vehicle-speed", 12.5, NOON - MINUTE, NOON, 3),
        Latest("weather-1", "air-temperature", 9.0, NOON - 2 * MINUTE, NOON, 5),
        Latest("air-1", "pm2-5", 11.0, NOON - MINUTE, NOON, 6),
    ]
    state.heard = {"counter-1": NOON, "weather-1": NOON, "air-1": NOON}
    state.quarantined = [
        Quarantined(
            4, 0, "counter-1", "counts", "vehicle-speed", "out-of-range", 900.0, None, NOON, b'[{"n":"speed"\xff'
        )
    ]
    state.hours = [HourlyRow("vehicle-speed", "quay", NOON // HOUR * HOUR, 4, 40.0, 8.0, 12.5)]
    state.ranges = [ExpectedRow("counter-1", "vehicle-speed", 12, 5.0, 15.0, 30)]
    state.issued = [
        CommandRow("c-1", "lighting", "lamp-01", "dim", 40.0, {"why": "moonlight"}, "service:7", "sent", NOON)
    ]
    history.registry = registry
    history.rows = [("counter-1", "vehicle-speed", NOON - n * MINUTE, float(n)) for n in range(1, 100)]
    doors = Doors(
        place=place,
        registry=registry,
        clock=CityClock(machine_base_us=0, city_base_us=0),
        state=state,
        history=history,  # type: ignore[arg-type]
        credentials=credentials,
        sessions=sessions,
        intake=intake,
        **{
            "entities": entities_of(registry),
            "tiles": MemoryTiles(),
            "machine_us": lambda: NOON,
            "people": operators(),
            **more,
        },
    )
    return House(state, history, credentials, sessions, intake, doors)


@contextmanager
def opened(built: House, console: Any = None) -> Iterator[House]:
    """The real server over it, on ports of its own, in a thread with an event loop of its own."""
    app = build(built.doors, console or files("cityward.web") / "static")
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()
    ports: list[int] = []
    faults: list[BaseException] = []

    def told(*found: int) -> None:
        ports.extend(found)
        ready.set()

    def run() -> None:
        try:
            loop.run_until_complete(serve(app, build_admin(app), "127.0.0.1", 0, 0, stop, on_ready=told))
        except BaseException as fault:
            faults.append(fault)
        finally:
            ready.set()
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(10)
        if not faults:
            built.url, built.admin_url, built.app = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", app
            yield built
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join(20)
    assert not thread.is_alive()
    if faults:
        raise faults[0]
