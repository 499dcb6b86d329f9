"""Runs the street: every recorded device and every lamp of the place, each as a client of its own, until told to stop.

A device remembers up to which city time the city took its readings (`street.json`), like a logger with a memory: at the first
start it sends what the last days hold, after a pause what it missed, and then it is live. It sends nothing that its flow would
refuse as too old, and keeps within its flow's rate.

INVARIANT: readings of one device are sent in time order, the next when the last was acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from cityward.adapters.recordings import Report, read_folder
from cityward.adapters.street.bus_desk import run_bus_desk
from cityward.adapters.street.credentials import checked_by, http_key_of, password_of
from cityward.adapters.street.door_http import HttpDoor, HttpLink
from cityward.adapters.street.lamp import Lamp, LampSpec, Publish
from cityward.adapters.street.link import DeviceLink, MqttDoor
from cityward.adapters.street.lorries import Known, Visits, emptied
from cityward.adapters.street.pace import Pace
from cityward.adapters.street.player import Source, sources
from cityward.adapters.street.wire import PACK, Wire
from cityward.errors import LinkError
from cityward.place.registry import Registry, Unit
from cityward.place.things import DeviceStatus, Position
from cityward.time import DAY, SECOND, CityClock

SAVE_EVERY_S = 2.0
LONGEST_SLEEP_S = 2.0  # a clock may be set: nobody sleeps past that for long
AGE_MARGIN = 0.98  # of a flow's age limit: a reading ages on its way
LAMP_BACKLOG = 64
MAX_MEMORY = 16 << 20

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetSettings:
    """What the street needs.

    position: the place's; for sensors that have none. recordings: folder with `recordings.yaml`. credentials: folder of
    `<device>.json`. visits: when lorries came to which containers; may block. feeds: folder for what the bus operator writes;
    None: it writes nothing. memory: file in which devices remember what was taken. zone_s: the place's standard time from UTC.
    """

    registry: Registry
    clock: CityClock
    position: Position
    recordings: Path
    credentials: Path
    mqtt: MqttDoor
    http: HttpDoor | None
    memory: Path
    zone_s: int = 0
    backfill_days: float = 7.0
    feeds: Path | None = None
    visits: Visits | None = None


class Memory:
    """device -> the city time up to which its readings were taken. A lost file costs duplicates, which the gate drops."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._taken = _read_memory(path)
        self._changed = False

    def taken_upto(self, device: str) -> int | None:
        """None for a device that never spoke."""
        return self._taken.get(device)

    def took(self, device: str, upto: int) -> None:
        """Everything up to this time was acknowledged."""
        self._taken[device] = upto
        self._changed = True

    def save(self) -> None:
        """Write what changed, never half a file."""
        if self._changed:
            draft = self._path.with_name(self._path.name + ".new")
            draft.write_bytes(msgspec.json.encode(self._taken))
            draft.replace(self._path)
            self._changed = False

    async def keep_saved(self) -> None:
        """Save from time to time, until cancelled."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            self.save()


def _read_memory(path: Path) -> dict[str, int]:
    try:
        if path.stat().st_size > MAX_MEMORY:
            raise ValueError("too large")
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        _log.warning("the street's memory is lost; devices send their last days again", problem=type(problem).__name__)
        return {}


@dataclass(frozen=True, slots=True)
class CityTime:
    """The city's clock, to tell and to wait by."""

    clock: CityClock

    def now(self) -> int:
        return self.clock.to_city_us(time.time_ns() // 1000)

    async def sleep(self, city_us: float) -> None:
        """This long in city time, or a little less."""
        await asyncio.sleep(min(LONGEST_SLEEP_S, max(0.001, city_us / SECOND / self.clock.speed)))


async def run_street(settings: StreetSettings, stop: asyncio.Event) -> None:
    """Run all devices of the street until `stop` is set.

    Raises:
        RecordingError: the recordings cannot be read.
        PlaceError: a model's unit does not fit what was recorded.
    """
    recordings = read_folder(settings.recordings)
    playing, known = sources(recordings, settings.registry, settings.position, settings.zone_s), Known()
    if settings.visits is not None:
        playing = emptied(playing, recordings, settings.zone_s, known)
    memory, city = Memory(settings.memory), CityTime(settings.clock)
    active = [u for u in settings.registry.units if u.status is DeviceStatus.ACTIVE]
    lamps = [(unit, spec) for unit in active if (spec := lamp_spec(settings.registry, unit))]
    _log.info("the street begins", sensors=len(playing), lamps=len(lamps))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(memory.keep_saved())]
            for name, (source, units) in playing.items():
                unit = settings.registry.units[settings.registry.unit_index[name]]
                player = Player(settings, unit, source, units, memory, city)
                tasks.append(group.create_task(player.run(stop), name=name))
            for unit, spec in lamps:
                tasks.append(group.create_task(LampPost(settings, unit, spec, city).run(stop), name=unit.id))
            if settings.feeds is not None:
                desk = run_bus_desk(settings.feeds, city.now, settings.clock.speed, stop)
                tasks.append(group.create_task(desk, name="bus-desk"))
            if settings.visits is not None:
                tasks.append(group.create_task(known.keep(settings.visits, LONGEST_SLEEP_S, stop), name="lorries"))
            await stop.wait()
            for task in tasks:
                task.cancel()
    finally:
        memory.save()


class Player:
    """One device that says what was recorded."""

    def __init__(
        self,
        settings: StreetSettings,
        unit: Unit,
        source: Source,
        recorded_units: Mapping[str, str],
        memory: Memory,
        city: CityTime,
    ) -> None:
        self._settings, self._unit, self._source = settings, unit, source
        self._memory, self._city = memory, city
        self._wire = Wire(settings.registry, unit, recorded_units)
        self._limits = settings.registry.flow_limits[unit.flow] if unit.flow >= 0 else None
        self._pace = Pace(self._limits.messages_per_minute if self._limits else 60)

    async def run(self, stop: asyncio.Event) -> None:
        """Until cancelled or `stop`."""
        device, folder = self._unit.id, self._settings.credentials
        if self._wire.format == "ngsi-ld":
            if self._settings.http is None:
                _log.warning("a device posts, but there is no HTTP door", device=device)
                return
            link = HttpLink(self._settings.http, device, lambda: http_key_of(folder, device))
            try:
                await self._play(stop, lambda body: link.post(body, stop))
            finally:
                link.close()
            return
        mqtt = DeviceLink(self._settings.mqtt, device, lambda: password_of(folder, device))
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(mqtt.run(stop))
            await self._play(stop, lambda body: mqtt.publish(f"in/{device}", body))
            keeping.cancel()

    async def _play(self, stop: asyncio.Event, send: Callable[[bytes], Awaitable[object]]) -> None:
        at = self._begin()
        while not stop.is_set():
            reports = self._source.due(at, self._city.now(), PACK)
            if reports:
                at = await self._tell(reports, send)
            else:
                await self._city.sleep(self._source.next_after(at) - self._city.now())

    def _begin(self) -> int:
        earliest = self._city.now() - round(self._settings.backfill_days * DAY)
        taken = self._memory.taken_upto(self._unit.id)
        return earliest if taken is None else max(taken, earliest)

    async def _tell(self, reports: Sequence[Report], send: Callable[[bytes], Awaitable[object]]) -> int:
        age = AGE_MARGIN * (self._limits.max_age_s if self._limits else 0) * SECOND
        oldest = self._city.now() - age
        for message in self._wire.messages([r for r in reports if r.at >= oldest]):
            while wait := self._pace.wait_us(self._city.now()):
                await self._city.sleep(wait)
            try:
                await send(message.body)
            except LinkError as problem:
                _log.warning("a reading was not sent", device=self._unit.id, problem=problem.what)
                return message.upto
            self._memory.took(self._unit.id, message.upto)
        return reports[-1].at


def lamp_spec(registry: Registry, unit: Unit) -> LampSpec | None:
    """What kind of lamp a unit is; None for one that is none."""
    for name, limits in registry.models[unit.model].commands.items():
        if limits.sets == "lamp-level" and unit.position is not None:
            return LampSpec(
                device=unit.id,
                position=unit.position,
                command=name,
                low=limits.low,
                high=limits.high,
                fail_safe=limits.fail_safe,
            )
    return None


class LampPost:
    """One lamp: its controller (`lamp.py`), its connection, and what it has yet to say (the newest `LAMP_BACKLOG`)."""

    def __init__(self, settings: StreetSettings, unit: Unit, spec: LampSpec, city: CityTime) -> None:
        self._city, self.lamp = city, Lamp(spec, city.now(), checked_by(settings.credentials, unit.id))
        self._outgoing: deque[Publish] = deque(maxlen=LAMP_BACKLOG)
        self._something = asyncio.Event()
        self.link = DeviceLink(
            settings.mqtt,
            unit.id,
            lambda: password_of(settings.credentials, unit.id),
            subscriptions={f"cmd/{unit.id}": self._obey},
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Until cancelled or `stop`."""
        async with asyncio.TaskGroup() as group:
            for part in (self.link.run(stop), self._tick(stop), self._speak(stop)):
                group.create_task(part)

    def _obey(self, payload: bytes) -> None:
        self._say(self.lamp.on_command(payload, self._city.now()))

    def _say(self, publications: Sequence[Publish]) -> None:
        self._outgoing.extend(publications)
        if publications:
            self._something.set()

    async def _tick(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._say(self.lamp.tick(self._city.now()))
            await self._city.sleep(self.lamp.spec.report_every_s * SECOND / 4)

    async def _speak(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._something.wait()
            self._something.clear()
            while self._outgoing:
                publication = self._outgoing.popleft()
                await self.link.publish(publication.topic, publication.payload)
